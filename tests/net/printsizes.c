/* Prints what a connected peer costs by the sizes of its structures, as lines "NAME BYTES"; test_many.py compares with
 * what a server's memory shows. */
#include <stdio.h>

#include "castswitch/fdb.h"
#include "core/switch_impl.h"
#include "tunnel/session_impl.h"

int
main(void)
{
	printf("switch-port %zu\n", sizeof(struct sw_port));
	printf("fdb-entry %zu\n", sizeof(struct fdb_entry));
	printf("session %zu\n", sizeof(struct session));
	return 0;
}
