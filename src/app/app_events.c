/* What the switch tells, as log lines and to those who watch on the control socket. */
#include "app_events.h"

#include <stdio.h>

#include "castswitch/ctl_watch.h"

enum { VLAN_STRLEN = 16 };

void
app_events_init(struct app_events *e)
{
	*e = (struct app_events){ 0 };
	e->membership = e->querier = e->router = e->move = (struct log_limit)LOG_LIMIT_INIT;
	e->membership.burst = 50;
	e->querier.burst = e->router.burst = 20;
}

/* " (VLAN 5)"; nothing of VLAN 0, which may be all there is. */
static const char *
vlan_str(uint16_t vid, char buf[VLAN_STRLEN])
{
	buf[0] = '\0';
	if (vid)
		snprintf(buf, VLAN_STRLEN, " (VLAN %u)", vid);
	return buf;
}

static void
log_querier(struct app_events *e, const struct sw_event *ev, struct mono now)
{
	char addr[IPADDR_STRLEN], vlan[VLAN_STRLEN];
	const char *family = ev->family == GM_IGMP ? "IGMP" : "MLD";
	ipaddr_str(&ev->group, addr);
	vlan_str(ev->vid, vlan);
	if (ev->port)
		log_limited(&e->querier, now, LOG_LEVEL_INFO, "querier", "%s: %s on %s asks%s", family, addr,
			    sw_port_name(ev->port), vlan);
	else if (ipaddr_is_any(&ev->group))
		log_limited(&e->querier, now, LOG_LEVEL_INFO, "querier", "%s: nobody asks%s", family, vlan);
	else
		log_limited(&e->querier, now, LOG_LEVEL_INFO, "querier", "%s: we ask, as %s%s", family, addr, vlan);
}

static void
log_event(struct app_events *e, const struct sw_event *ev, struct mono now)
{
	char addr[IPADDR_STRLEN], mac[MAC_STRLEN], vlan[VLAN_STRLEN];
	switch (ev->kind) {
	case SW_EVENT_JOIN:
	case SW_EVENT_LEAVE:
		log_limited(&e->membership, now, LOG_LEVEL_INFO, "group", "%s: %s %s%s", sw_port_name(ev->port),
			    ev->kind == SW_EVENT_JOIN ? "joins" : "leaves", ipaddr_str(&ev->group, addr),
			    vlan_str(ev->vid, vlan));
		break;
	case SW_EVENT_QUERIER:
		log_querier(e, ev, now);
		break;
	case SW_EVENT_ROUTER:
	case SW_EVENT_NO_ROUTER:
		log_limited(&e->router, now, LOG_LEVEL_INFO, "router", "%s: %s router port%s", sw_port_name(ev->port),
			    ev->kind == SW_EVENT_ROUTER ? "is a" : "is no longer a", vlan_str(ev->vid, vlan));
		break;
	case SW_EVENT_MAC_MOVED:
		log_limited(&e->move, now, LOG_LEVEL_INFO, "fdb", "%s moved to %s%s", mac_str(&ev->mac, mac),
			    sw_port_name(ev->port), vlan_str(ev->vid, vlan));
		break;
	}
}

void
app_switch_event(void *arg, const struct sw_event *ev, struct mono now)
{
	struct app_events *e = arg;
	if (log_enabled(LOG_LEVEL_INFO))
		log_event(e, ev, now);
	ctl_watch_event(e->ctl, ev);
}
