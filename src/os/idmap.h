/* Which users and groups exist in this user namespace (user_namespaces(7)). */
#ifndef CASTSWITCH_OS_IDMAP_H
#define CASTSWITCH_OS_IDMAP_H

#include <stdbool.h>

/* Whether nobody but one user (ourselves) exists, as after "unshare -r". */
bool idmap_single_user(void);

/* Whether a process of this namespace can take these ids, and choose its supplementary groups. */
bool idmap_can_switch(unsigned uid, unsigned gid);

#endif
