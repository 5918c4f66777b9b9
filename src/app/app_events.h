/* What the switch tells, as log lines and to those who watch on the control socket. */
#ifndef CASTSWITCH_APP_EVENTS_H
#define CASTSWITCH_APP_EVENTS_H

#include "castswitch/ctl.h"
#include "castswitch/log.h"
#include "castswitch/switch.h"

struct app_events {
	struct ctl *ctl; /* NULL: nobody to tell */
	/* Limits of the lines that frames can cause. */
	struct log_limit membership, querier, router, move;
};

void app_events_init(struct app_events *e);
/* sw_ops.event with a struct app_events as arg. */
void app_switch_event(void *arg, const struct sw_event *ev, struct mono now);

#endif
