/* VLANs: their contexts, and which ports are in which of their sets. */
#include <stdlib.h>

#include "switch_impl.h"

/* --- sets of ports --- */

static void
sw_update_set(struct portset *set, const struct sw_port *p, bool belongs)
{
	if (p->up && belongs)
		(void)portset_add(set, p->id);
	else
		portset_remove(set, p->id);
}

void
sw_vlan_update_sets(struct sw_vlan *v, const struct sw_port *p)
{
	const bool router = sw_is_router(v, p);
	sw_update_set(&v->routers, p, router);
	sw_update_set(&v->takers, p, router || p->params.all_multicast);
}

void
sw_update_sets(struct sw *sw, struct sw_port *p)
{
	sw_update_set(&sw->up, p, true);
	sw_update_set(&sw->all_multicast, p, p->params.all_multicast);
	sw_update_set(&sw->flood_unregistered, p, p->params.flood_unregistered);
	sw_update_set(&sw->flood_reports, p, p->params.flood_reports);
	SW_VLAN_EACH (v, sw)
		sw_vlan_update_sets(v, p);
}

/* --- ports whose hosts were not asked yet --- */

static struct sw_unasked *
sw_unasked_find(const struct sw_vlan *v, const struct sw_port *p)
{
	for (size_t i = 0; i < v->n_unasked; i++)
		if (v->unasked[i].port == p->id)
			return &v->unasked[i];
	return NULL;
}

/* NULL when out of memory: the port goes without. */
static struct sw_unasked *
sw_unasked_add(struct sw_vlan *v, const struct sw_port *p)
{
	if (v->n_unasked == v->cap_unasked) {
		const size_t cap = v->cap_unasked ? 2 * v->cap_unasked : 4;
		struct sw_unasked *grown = realloc(v->unasked, cap * sizeof(*grown));
		if (!grown)
			return NULL;
		v->unasked = grown;
		v->cap_unasked = cap;
	}
	v->unasked[v->n_unasked] = (struct sw_unasked){ .port = p->id };
	return &v->unasked[v->n_unasked++];
}

void
sw_vlan_flood_until(struct sw_vlan *v, const struct sw_port *p, enum gm_family family, struct mono until)
{
	if (!v->sw->params.snooping.flood_until_querier || p->params.kind == SW_PEER)
		return;
	struct sw_unasked *u = sw_unasked_find(v, p);
	if (!u)
		u = sw_unasked_add(v, p);
	if (!u)
		return;
	u->until[family] = mono_max(u->until[family], until);
	v->flood_until[family] = mono_max(v->flood_until[family], until);
}

void
sw_vlan_forget_port(struct sw_vlan *v, const struct sw_port *p)
{
	struct sw_unasked *u = sw_unasked_find(v, p);
	if (u)
		*u = v->unasked[--v->n_unasked];
}

/* --- contexts --- */

struct sw_vlan *
sw_vlan_from(const struct sw *sw, uint32_t vid)
{
	if (vid > 0 && sw->n_vlans == 1)
		return NULL;
	while (vid < SW_VLANS && !sw->vlans[vid])
		vid++;
	return vid < SW_VLANS ? sw->vlans[vid] : NULL;
}

/* Somebody is a member or a router there. */
static bool
sw_vlan_is_used(const struct sw_vlan *v)
{
	if (v->vid == 0 || v->n_members || !list_is_empty(&v->learned))
		return true;
	for (int f = 0; f < GM_FAMILIES; f++)
		if (!ipaddr_is_any(&v->querier[f].elected))
			return true;
	return false;
}

static void
sw_vlan_idle_fired(struct timer *t, void *arg, struct mono now)
{
	struct sw *sw = arg;
	struct sw_vlan *v = container_of(t, struct sw_vlan, idle);
	const struct mono due = mono_add(v->seen, sw->params.aging);
	if (mono_before(now, due))
		timerq_arm(&sw->timers, t, due);
	else if (sw_vlan_is_used(v))
		timerq_arm(&sw->timers, t, mono_add(now, sw->params.aging));
	else
		sw_vlan_close(v, now);
}

void
sw_vlan_set_aging(struct sw_vlan *v, struct mono now)
{
	const nsec_t aging = v->sw->params.aging;
	if (v->vid)
		timerq_arm(&v->sw->timers, &v->idle, aging ? mono_max(now, mono_add(v->seen, aging)) : MONO_NEVER);
}

static void
sw_vlan_init(struct sw_vlan *v, struct sw *sw, uint16_t vid, struct mono now)
{
	v->sw = sw;
	v->vid = vid;
	v->seen = now;
	portset_init(&v->routers);
	portset_init(&v->takers);
	list_init(&v->learned);
	timer_init(&v->query_timer, sw_query_fired);
	timer_init(&v->idle, sw_vlan_idle_fired);
	for (int f = 0; f < GM_FAMILIES; f++) {
		v->round[f].vlan = v;
		list_init(&v->round[f].node);
		querier_init(&v->querier[f], (enum gm_family)f, &sw->params.snooping, &sw->params.mac, &sw_querier_ops,
			     v, now);
	}
}

struct sw_vlan *
sw_vlan_open(struct sw *sw, uint16_t vid, struct sw_port *maker, struct mono now)
{
	const bool counts = maker && maker->params.kind == SW_PEER;
	struct sw_vlan *v = NULL;
	if (!counts || maker->n_vlans < SW_MAX_PEER_VLANS)
		v = calloc(1, sizeof(*v));
	if (!v)
		return NULL;
	sw_vlan_init(v, sw, vid, now);
	sw->vlans[vid] = v;
	sw->n_vlans++;
	if (counts) {
		v->maker = maker;
		maker->n_vlans++;
	}
	for (size_t i = 0; i < sw->up.n; i++)
		sw_vlan_update_sets(v, sw->ports[sw->up.ids[i]]);
	sw_vlan_set_aging(v, now);
	sw_vlan_apply_querier(v, now);
	if (sw->params.snooping.mrd_solicit)
		sw_solicit_all(v, now);
	return v;
}

/* Lets go of what the port that made it had a share of. */
static void
sw_vlan_disown(struct sw_vlan *v)
{
	if (v->maker)
		v->maker->n_vlans--;
	v->maker = NULL;
}

void
sw_vlan_close(struct sw_vlan *v, struct mono now)
{
	struct sw *sw = v->sw;
	sw_vlan_disown(v);
	LIST_EACH_SAFE (r, tmp, &v->learned, struct sw_router, by_vlan)
		sw_router_forget(v, r->port, now);
	for (int f = 0; f < GM_FAMILIES; f++)
		list_remove(&v->round[f].node);
	timerq_cancel(&sw->timers, &v->query_timer);
	timerq_cancel(&sw->timers, &v->idle);
	portset_fini(&v->routers);
	portset_fini(&v->takers);
	sw->vlans[v->vid] = NULL;
	sw->n_vlans--;
	free(v->unasked);
	free(v);
}

/* A peer that comes and goes shall not leave its share behind each time. */
void
sw_vlan_release_port(struct sw *sw, struct sw_port *p, struct mono now)
{
	for (uint32_t vid = 1; p->n_vlans && vid < SW_VLANS; vid++) {
		struct sw_vlan *v = sw->vlans[vid];
		if (!v || v->maker != p)
			continue;
		sw_vlan_disown(v);
		if (!sw_vlan_is_used(v))
			sw_vlan_close(v, now);
	}
}
