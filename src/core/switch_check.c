/* Whether the switch agrees with itself: for tests, which call it after every step. */
#include "switch_impl.h"

/* Each entry is in its port's list, and the sets of ports say what the ports say. */
static bool
sw_check_port(const struct sw *sw, const struct sw_port *p)
{
	uint32_t dynamic = 0, made = 0;
	LIST_EACH (e, &p->fdb.entries, struct fdb_entry, by_port) {
		if (e->owner != &p->fdb || e->port != p->id)
			return false;
		dynamic += !e->is_static;
	}
	SW_VLAN_EACH (v, sw)
		made += v->maker == p;
	return dynamic == p->fdb.n_dynamic && portset_has(&sw->up, p->id) == p->up && !(p->up && p->suspended) &&
	       portset_has(&sw->all_multicast, p->id) == (p->up && p->params.all_multicast) &&
	       portset_has(&sw->flood_unregistered, p->id) == (p->up && p->params.flood_unregistered) &&
	       portset_has(&sw->flood_reports, p->id) == (p->up && p->params.flood_reports) && made == p->n_vlans &&
	       p->n_tx == 0 && !p->touched;
}

static bool
sw_check_vlan_port(const struct sw_vlan *v, const struct sw_port *p)
{
	const struct sw_router *r = sw_router_find(v, p);
	const bool is_router = sw_is_router(v, p);
	if (r && (p->params.router != SW_ROUTER_AUTO || !p->up || !timer_is_armed(&r->expiry)))
		return false;
	return portset_has(&v->routers, p->id) == (p->up && is_router) &&
	       portset_has(&v->takers, p->id) == (p->up && (is_router || p->params.all_multicast));
}

/* The queriers are as the fast path and the timers see them, and nobody is elected behind a port that is down. */
static bool
sw_check_queriers(const struct sw_vlan *v)
{
	struct mono next = MONO_NEVER;
	for (int f = 0; f < GM_FAMILIES; f++) {
		const struct querier *q = &v->querier[f];
		const struct sw_port *at = ipaddr_is_any(&q->elected) ? NULL : v->sw->ports[q->elected_port];
		if (v->active[f] != querier_is_active(q) || (!ipaddr_is_any(&q->elected) && !(at && at->up)))
			return false;
		next = mono_min(next, querier_next(q));
	}
	return timer_at(&v->query_timer).ns == next.ns;
}

static bool
sw_check_vlan(const struct sw *sw, const struct sw_vlan *v)
{
	uint32_t members = 0;
	for (size_t i = 0; i < v->n_unasked; i++) {
		const struct sw_port *p = sw->ports[v->unasked[i].port];
		if (!p || !p->up || p->params.kind == SW_PEER)
			return false;
	}
	HMAP_EACH (pg, &sw->mdb.pgs, struct mdb_pg, node)
		members += pg->joined && pg->group->vid == v->vid;
	return sw->vlans[v->vid] == v && members == v->n_members && sw_check_queriers(v);
}

/* Static groups of non-IP frames name ports that exist, and nothing is empty. */
static bool
sw_check_mac_groups(const struct sw *sw)
{
	HMAP_EACH (g, &sw->mac_groups, struct sw_mac_group, node) {
		if (g->ports.n == 0)
			return false;
		for (size_t i = 0; i < g->ports.n; i++)
			if (!sw->ports[g->ports.ids[i]])
				return false;
	}
	return true;
}

static bool
sw_check_ports(const struct sw *sw)
{
	uint32_t ports = 0, dynamic = 0;
	for (size_t i = 0; i < SW_MAX_PORTS; i++) {
		const struct sw_port *p = sw->ports[i];
		if (!p)
			continue;
		if (p->id != i || !sw_check_port(sw, p))
			return false;
		SW_VLAN_EACH (v, sw)
			if (!sw_check_vlan_port(v, p))
				return false;
		ports++;
		dynamic += p->fdb.n_dynamic;
	}
	return ports == sw->n_ports && dynamic == sw->fdb.n_dynamic && sw->up.n <= ports;
}

bool
switch_check(const struct sw *sw)
{
	uint32_t vlans = 0;
	SW_VLAN_EACH (v, sw) {
		if (!sw_check_vlan(sw, v))
			return false;
		vlans++;
	}
	return vlans == sw->n_vlans && sw->vlans[0] && (sw->params.vlan_aware || vlans == 1) && sw_check_ports(sw) &&
	       sw_check_mac_groups(sw) && mdb_check(&sw->mdb);
}
