/* Notices that routes of this network namespace changed (rtnetlink's notifications): when something was made of them,
 * it is time to look at them again.
 *
 * Needs no privileges.
 */
#ifndef CASTSWITCH_ROUTE_WATCH_H
#define CASTSWITCH_ROUTE_WATCH_H

#include <stdbool.h>

struct route_watch;

/* NULL with errno when there is no netlink socket to be had. */
struct route_watch *route_watch_open(void);
/* NULL is fine. */
void route_watch_close(struct route_watch *w);
/* To be waited for with LOOP_READ. */
int route_watch_fd(const struct route_watch *w);
/* Reads what there is, a bounded number of notifications, the rest at the next wakeup.  Whether a route of table main
 * that is not through the interface 'except' came, changed or went, or may have: because of another interface or
 * address that changed, or notifications that were lost. */
bool route_watch_read(struct route_watch *w, unsigned except);

#endif
