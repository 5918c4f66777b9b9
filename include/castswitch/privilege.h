/* What this process may do, and how it gives up the rest.
 *
 * privilege_drop() is called once, after everything that needs root is open (tap, NICs, listening sockets, the helper
 * of helper.h) and before the first packet is read.  Credentials belong to threads: it must run while there is one
 * thread; threads and processes started later (the resolver's) inherit the result, those started before keep what they
 * had.
 *
 * From then on: user and groups of the account, exactly the capabilities asked for (of those it had) in the effective
 * and permitted sets, none in the inheritable, ambient and bounding sets, no_new_privs, and not dumpable, so that keys
 * are neither in a core file nor readable by other processes of that user.  Not dumpable also means that /proc/self
 * belongs to root: nothing there can be written any more.  The bounding set stays when CAP_SETPCAP was taken away
 * beforehand (some containers); no_new_privs makes it meaningless.
 */
#ifndef CASTSWITCH_PRIVILEGE_H
#define CASTSWITCH_PRIVILEGE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PRIVILEGE_DEFAULT_USER "castswitch"

/* Capabilities to keep, a set of bits. */
enum privilege_keep {
	PRIVILEGE_NONE = 0,
	PRIVILEGE_NET_ADMIN = 1 << 0, /* interfaces, addresses, routes */
	PRIVILEGE_NET_RAW = 1 << 1,   /* packet sockets opened later */
};

/* What privilege_drop() came to.  All of them are success. */
enum privilege_result {
	PRIVILEGE_DROPPED,   /* runs as the account now */
	PRIVILEGE_NOT_ROOT,  /* was not root: user and groups as before, only capabilities dropped */
	PRIVILEGE_KEPT_ROOT, /* the account is root: only capabilities dropped */
	PRIVILEGE_UNMAPPED,  /* still root of a user namespace without that account: only capabilities dropped */
};

struct privilege_drop_params {
	const char *user; /* NULL is PRIVILEGE_DEFAULT_USER */
	unsigned keep;    /* of enum privilege_keep */
};

/* Whether interfaces may be created and configured in this network namespace (CAP_NET_ADMIN is effective). */
bool privilege_net_admin(void);

/* Gives a directory (the one of the control socket) to the account that privilege_drop(p) will switch to, so that files
 * in it can be made and removed after the drop.  Called before it; does nothing when there will be no switch.  0, or
 * -errno with one line in err. */
int privilege_give_dir(const struct privilege_drop_params *p, const char *path, char *err, size_t errlen)
	__attribute__((warn_unused_result));

/* Between these two calls, files that root makes (the control socket) belong to the group of the account that
 * privilege_drop(p) will switch to, so that who is added to that group can use them.  Only to the account's own group,
 * the one that has its name: in nogroup or users there are others, too.  Without one, or when there will be no switch,
 * nothing changes.  The first returns the group for the second. */
gid_t privilege_enter_group(const struct privilege_drop_params *p) __attribute__((warn_unused_result));
void privilege_leave_group(gid_t before);

/* An enum privilege_result; PRIVILEGE_UNMAPPED has a notice for the log in err, the others leave err alone.  Or -errno
 * with one line in err: -ENOENT no such account, -EPERM not permitted.  After a failure the process may be in between
 * and must end. */
int privilege_drop(const struct privilege_drop_params *p, char *err, size_t errlen) __attribute__((warn_unused_result));

#endif
