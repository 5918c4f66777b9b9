/* Router ports: static ones are so in every VLAN, others are learned in one and expire there. */
#include <stdlib.h>

#include "switch_impl.h"

static void
sw_router_event(struct sw *sw, enum sw_event_kind kind, const struct sw_port *p, uint16_t vid, struct mono now)
{
	const struct sw_event ev = { .kind = kind, .port = p, .vid = vid };
	sw_event(sw, &ev, now);
}

struct sw_router *
sw_router_find(const struct sw_vlan *v, const struct sw_port *p)
{
	LIST_EACH (r, &v->learned, struct sw_router, by_vlan)
		if (r->port == p)
			return r;
	return NULL;
}

bool
sw_is_router(const struct sw_vlan *v, const struct sw_port *p)
{
	return p->params.router == SW_ROUTER_ALWAYS || sw_router_find(v, p);
}

static void
sw_router_free(struct sw_router *r)
{
	timerq_cancel(&r->vlan->sw->timers, &r->expiry);
	list_remove(&r->by_vlan);
	list_remove(&r->by_port);
	free(r);
}

void
sw_router_forget(struct sw_vlan *v, struct sw_port *p, struct mono now)
{
	struct sw_router *r = sw_router_find(v, p);
	if (!r)
		return;
	sw_router_free(r);
	sw_vlan_update_sets(v, p);
	sw_router_event(v->sw, SW_EVENT_NO_ROUTER, p, v->vid, now);
}

void
sw_router_forget_all(struct sw_port *p, struct mono now)
{
	LIST_EACH_SAFE (r, tmp, &p->routers, struct sw_router, by_port)
		sw_router_forget(r->vlan, p, now);
}

static void
sw_router_fired(struct timer *t, void *arg, struct mono now)
{
	struct sw_router *r = container_of(t, struct sw_router, expiry);
	(void)arg;
	sw_router_forget(r->vlan, r->port, now);
}

static struct sw_router *
sw_router_new(struct sw_vlan *v, struct sw_port *p, struct mono now)
{
	struct sw_router *r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->vlan = v;
	r->port = p;
	timer_init(&r->expiry, sw_router_fired);
	list_push_back(&v->learned, &r->by_vlan);
	list_push_back(&p->routers, &r->by_port);
	sw_vlan_update_sets(v, p);
	sw_router_event(v->sw, SW_EVENT_ROUTER, p, v->vid, now);
	return r;
}

void
sw_router_learn(struct sw_vlan *v, struct sw_port *p, nsec_t life, struct mono now)
{
	struct mono until = mono_add(now, life);
	struct sw_router *r = sw_router_find(v, p);
	if (!r)
		r = sw_router_new(v, p, now);
	if (!r)
		return;
	/* There may be several routers behind the port: the one that stays longest counts. */
	if (timer_is_armed(&r->expiry))
		until = mono_max(until, r->expiry.at);
	timerq_arm(&v->sw->timers, &r->expiry, until);
}

void
sw_router_reconfigure(struct sw *sw, struct sw_port *p, uint8_t was, struct mono now)
{
	const uint8_t is = p->params.router;
	if (is == SW_ROUTER_ALWAYS && was != is && !sw_router_find(sw->vlans[0], p))
		sw_router_event(sw, SW_EVENT_ROUTER, p, 0, now);
	if (is == SW_ROUTER_ALWAYS)
		LIST_EACH_SAFE (r, tmp, &p->routers, struct sw_router, by_port)
			sw_router_free(r);
	if (is == SW_ROUTER_NEVER) {
		sw_router_forget_all(p, now);
		sw_port_forget_queriers(sw, p, now);
	}
	sw_update_sets(sw, p);
	if (was == SW_ROUTER_ALWAYS && was != is)
		sw_router_event(sw, SW_EVENT_NO_ROUTER, p, 0, now);
}
