/* A network namespace of a test program's own, so that it can create interfaces without touching anybody's.  Its main()
 * begins with
 *
 *	if (!netns_enter(NETNS_TUN))
 *		return netns_skip_all();
 *
 * A whole program is skipped, by a TAP plan of no tests: cmocka 1.1's skip() prints "not ok N # SKIP", which automake's
 * TAP driver takes for a failure.
 */
#ifndef CASTSWITCH_TESTS_NETNS_H
#define CASTSWITCH_TESTS_NETNS_H

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the tests need in it. */
enum {
	NETNS_TUN = 1,  /* /dev/net/tun */
	NETNS_IP = 2,   /* the ip command of iproute2 */
	NETNS_VETH = 4, /* and pairs of interfaces */
};

static const char *netns_missing = "netns_enter() was not called";

static inline bool
netns_write_file(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY);
	const bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* As root in a network namespace only, else as root of a user namespace as well. */
static inline bool
netns_enter(unsigned needs)
{
	char map[32];

	snprintf(map, sizeof(map), "0 %u 1", (unsigned)getuid());
	netns_missing = NULL;
	if (unshare(CLONE_NEWNET) < 0 &&
	    (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 || !netns_write_file("/proc/self/uid_map", map)))
		netns_missing = "not permitted to create a network namespace";
	else if (needs & NETNS_TUN && access("/dev/net/tun", R_OK | W_OK) < 0)
		netns_missing = "no access to /dev/net/tun";
	else if (needs & NETNS_IP && system("ip -V >/dev/null 2>&1") != 0)
		netns_missing = "no ip command";
	else if (needs & NETNS_VETH && system("ip link add v0 type veth peer name v1 2>/dev/null && ip link del v0") != 0)
		netns_missing = "this kernel has no veth";
	return !netns_missing;
}

static inline int
netns_skip_all(void)
{
	printf("1..0 # SKIP %s\n", netns_missing);
	return 0;
}

#endif
