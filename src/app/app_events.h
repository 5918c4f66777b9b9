/* What the switch tells, as log lines. */
#ifndef CASTSWITCH_APP_EVENTS_H
#define CASTSWITCH_APP_EVENTS_H

#include "castswitch/log.h"
#include "castswitch/switch.h"

/* Limits of the lines that frames can cause. */
struct app_event_log {
	struct log_limit membership, move;
};

void app_event_log_init(struct app_event_log *l);
/* sw_ops.event with a struct app_event_log as arg. */
void app_log_event(void *arg, const struct sw_event *ev, struct mono now);

#endif
