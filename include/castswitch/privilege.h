/* What this process may do. */
#ifndef CASTSWITCH_PRIVILEGE_H
#define CASTSWITCH_PRIVILEGE_H

#include <stdbool.h>

/* Whether interfaces may be created and configured in this network namespace (CAP_NET_ADMIN is effective). */
bool privilege_net_admin(void);

#endif
