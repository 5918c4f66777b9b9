/* What this process may do. */
#include "castswitch/privilege.h"

#include <cap-ng.h>

bool
privilege_net_admin(void)
{
	return capng_get_caps_process() == 0 && capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN);
}
