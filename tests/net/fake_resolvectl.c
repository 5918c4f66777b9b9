/* For tests/net/test_dns.py: a castswitch that calls what $CASTNET_RESOLVECTL names instead of resolvectl. */
#include <stdlib.h>

#include "app/app_files.h"

const char *
app_resolvectl(void)
{
	const char *path = getenv("CASTNET_RESOLVECTL");

	return path ? path : "/nonexistent/resolvectl";
}
