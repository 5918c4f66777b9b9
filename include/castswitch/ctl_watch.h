/* What the switch tells, for those who watch on the control socket: the shapes of "watch" in ctl.h. */
#ifndef CASTSWITCH_CTL_WATCH_H
#define CASTSWITCH_CTL_WATCH_H

#include <jansson.h>

#include "castswitch/ctl.h"
#include "castswitch/switch.h"

/* Registers the command "watch".  0 or as ctl_register(). */
int ctl_watch_register(struct ctl *c);

/* Tells all who watch, and costs next to nothing when nobody does; c may be NULL. */
void ctl_watch_event(struct ctl *c, const struct sw_event *ev);

/* An event without its time; NULL when out of memory. */
json_t *ctl_watch_json(const struct sw_event *ev);

#endif
