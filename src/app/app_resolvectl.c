/* Where resolvectl(1) is; tests link another of these. */
#include "app_files.h"

const char *
app_resolvectl(void)
{
	return CASTSWITCH_RESOLVECTL;
}
