/* Tells when interfaces of given names come, go up and down, change, and go (rtnetlink's notifications).
 *
 * What is told follows the kernel's order, and is consistent: GONE before another COME, UP and DOWN in turns, DOWN
 * before GONE.  "Up" is link_info.carrier: frames pass.  When notifications were lost (the kernel's buffer was
 * full), each watched interface is looked at instead, so what was missed is at most what has been undone meanwhile; one
 * that was replaced by another of its name goes and comes all the same.
 *
 * A rename is a going and a coming.  Needs no privileges.
 */
#ifndef CASTSWITCH_LINK_WATCH_H
#define CASTSWITCH_LINK_WATCH_H

#include "castswitch/link.h"
#include "castswitch/mono.h"

struct link_watch;

enum link_event {
	LINK_CAME,    /* there is one; it is down until LINK_UP */
	LINK_UP,
	LINK_CHANGED, /* MTU, MAC or master */
	LINK_DOWN,
	LINK_GONE,    /* info is what was known last, and its ifindex means nothing any more */
};

/* Must not add or remove watches. */
typedef void link_watch_fn(void *arg, enum link_event event, const struct link_info *info, struct mono now);

/* NULL with errno when there is no netlink socket to be had. */
struct link_watch *link_watch_open(void);
/* NULL is fine. */
void link_watch_close(struct link_watch *w);
/* To be waited for with LOOP_READ. */
int link_watch_fd(const struct link_watch *w);

/* Watches the name, and calls fn at once for what is there now; notifications that wait are told before.  0, -ENODEV not a name for an interface, -EEXIST it is
 * watched, or another -errno. */
int link_watch_add(struct link_watch *w, const char *name, link_watch_fn *fn, void *arg, struct mono now);
/* One that isn't watched is fine. */
void link_watch_del(struct link_watch *w, const char *name);

/* Reads notifications and tells what they mean: a bounded number, the rest at the next wakeup. */
void link_watch_read(struct link_watch *w, struct mono now);

const char *link_event_name(enum link_event event); /* "came", "up", ... */

#endif
