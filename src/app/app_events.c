/* What the switch tells, as log lines. */
#include "app_events.h"

void
app_event_log_init(struct app_event_log *l)
{
	l->membership = (struct log_limit)LOG_LIMIT_INIT;
	l->membership.burst = 50;
	l->move = (struct log_limit)LOG_LIMIT_INIT;
}

static void
log_querier(const struct sw_event *ev)
{
	char addr[IPADDR_STRLEN];
	const char *family = ev->family == GM_IGMP ? "IGMP" : "MLD";
	if (ev->port)
		log_info("querier", "%s: %s on %s asks", family, ipaddr_str(&ev->group, addr), sw_port_name(ev->port));
	else if (ipaddr_is_any(&ev->group))
		log_info("querier", "%s: nobody asks", family);
	else
		log_info("querier", "%s: we ask, as %s", family, ipaddr_str(&ev->group, addr));
}

void
app_log_event(void *arg, const struct sw_event *ev, struct mono now)
{
	struct app_event_log *l = arg;
	char addr[IPADDR_STRLEN], mac[MAC_STRLEN];
	switch (ev->kind) {
	case SW_EVENT_JOIN:
	case SW_EVENT_LEAVE:
		log_limited(&l->membership, now, LOG_LEVEL_INFO, "group", "%s: %s %s", sw_port_name(ev->port),
			    ev->kind == SW_EVENT_JOIN ? "joins" : "leaves", ipaddr_str(&ev->group, addr));
		break;
	case SW_EVENT_QUERIER:
		log_querier(ev);
		break;
	case SW_EVENT_ROUTER:
	case SW_EVENT_NO_ROUTER:
		log_info("router", "%s: %s router port", sw_port_name(ev->port),
			 ev->kind == SW_EVENT_ROUTER ? "is a" : "is no longer a");
		break;
	case SW_EVENT_MAC_MOVED:
		log_limited(&l->move, now, LOG_LEVEL_INFO, "fdb", "%s moved to %s", mac_str(&ev->mac, mac),
			    sw_port_name(ev->port));
		break;
	}
}
