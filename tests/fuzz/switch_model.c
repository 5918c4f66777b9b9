/* The model of the switch target, see switch_model.h. */
#include "fuzz/switch_model.h"

#include <string.h>

#include "castswitch/fdb.h"
#include "fuzz/fuzz.h"
#include "fuzz/switch_world.h"

/* --- looking --- */

void
model_forget(struct model *m)
{
	m->fresh = false;
}

bool
model_has_vlan(const struct model *m, uint16_t vid)
{
	return m->vlans[vid / 64] >> vid % 64 & 1;
}

static void
copy_sources(struct model *m, struct model_group *g, const struct sw_group_view *v)
{
	g->source = (uint16_t)m->n_sources;
	for (size_t i = 0; i < v->n_sources && m->n_sources < MODEL_SOURCES; i++)
		m->sources[m->n_sources++] =
			(struct model_source){ .addr = v->sources[i].addr, .forward = v->sources[i].forward };
	g->n_sources = (uint16_t)(m->n_sources - g->source);
	m->full |= g->n_sources < v->n_sources;
}

static void
copy_group(void *arg, const struct sw_group_view *v)
{
	struct world *w = arg;
	struct model *m = &w->model;

	if (m->n_groups == MODEL_GROUPS) {
		m->full = true;
		return;
	}
	struct model_group *g = &m->groups[m->n_groups++];

	*g = (struct model_group){
		.group = v->group, .vid = v->vid, .exclude = v->exclude, .port = world_bit(w, v->port)
	};
	copy_sources(m, g, v);
}

static void
copy_router(void *arg, const struct sw_router_view *v)
{
	struct world *w = arg;
	struct model *m = &w->model;

	if (m->n_routers == 0 || m->routers[m->n_routers - 1].vid != v->vid) {
		if (m->n_routers == MODEL_ROUTERS) {
			m->full = true;
			return;
		}
		m->routers[m->n_routers++] = (struct model_router){ .vid = v->vid };
	}
	m->routers[m->n_routers - 1].ports |= world_bit(w, v->port);
	m->n_learned += !mono_is_never(v->expires);
}

static void
copy_vlan(void *arg, uint16_t vid)
{
	struct world *w = arg;

	w->model.vlans[vid / 64] |= UINT64_C(1) << vid % 64;
}

void
model_look(struct world *w)
{
	struct model *m = &w->model;

	if (m->fresh)
		return;
	m->fresh = true;
	m->full = false;
	m->n_groups = m->n_sources = m->n_routers = m->n_learned = 0;
	memset(m->vlans, 0, sizeof(m->vlans));
	FUZZ_CHECK(switch_each_group(w->sw, copy_group, w));
	switch_each_router(w->sw, copy_router, w);
	switch_each_vlan(w->sw, copy_vlan, w);
}

/* --- sets of ports --- */

static uint32_t
ports_with(const struct world *w, bool (*has)(const struct world_port *))
{
	uint32_t set = 0;

	for (unsigned i = 0; i < WORLD_PORTS; i++)
		if (w->ports[i].up && has(&w->ports[i]))
			set |= 1u << i;
	return set;
}

static bool
any(const struct world_port *p)
{
	return p->up;
}

static bool
takes_broadcast(const struct world_port *p)
{
	return p->params.flood_broadcast;
}

static bool
takes_unknown_unicast(const struct world_port *p)
{
	return p->params.flood_unknown_unicast;
}

static bool
takes_unregistered(const struct world_port *p)
{
	return p->params.flood_unregistered;
}

static bool
takes_reports(const struct world_port *p)
{
	return p->params.flood_reports;
}

static bool
takes_multicast(const struct world_port *p)
{
	return p->params.all_multicast;
}

static bool
is_static_router(const struct world_port *p)
{
	return p->params.router == SW_ROUTER_ALWAYS;
}

static uint32_t
routers_of(const struct world *w, uint16_t vid)
{
	uint32_t set = ports_with(w, is_static_router);

	for (unsigned i = 0; i < w->model.n_routers; i++)
		if (w->model.routers[i].vid == vid)
			set |= w->model.routers[i].ports;
	return set;
}

/* Ports whose hosts had no time to say what they want. */
static uint32_t
unasked(const struct world *w, uint16_t vid, enum gm_family family, bool at_least)
{
	const nsec_t time = (w->foreign ? w->interval + w->response : w->own_response) + NSEC_PER_SEC;
	const bool is_new = !model_has_vlan(&w->model, vid);
	uint32_t set = 0;

	for (unsigned i = 0; i < WORLD_PORTS; i++) {
		const struct world_port *p = &w->ports[i];
		const struct mono asked = mono_max(p->asked_at, w->vlan_asked_at[vid]);
		const bool may = is_new || mono_before(w->now, mono_add(asked, time));

		if (!p->up || p->params.kind == SW_PEER || !w->has_flooded)
			continue;
		if (at_least ? mono_before(w->now, p->flood_until[family]) : may)
			set |= 1u << i;
	}
	return set;
}

/* --- IP multicast --- */

static bool
wants(const struct model *m, const struct model_group *g, const struct ipaddr *source)
{
	for (unsigned i = 0; i < g->n_sources; i++)
		if (ipaddr_equal(&m->sources[g->source + i].addr, source))
			return m->sources[g->source + i].forward;
	return g->exclude;
}

/* False when nobody registered the group. */
static bool
members(const struct model *m, uint16_t vid, const struct frame *f, uint32_t *ret)
{
	bool registered = false;

	*ret = 0;
	for (unsigned i = 0; i < m->n_groups; i++) {
		const struct model_group *g = &m->groups[i];

		if (g->vid != vid || !ipaddr_equal(&g->group, &f->ip_dst))
			continue;
		registered = true;
		if (wants(m, g, &f->ip_src))
			*ret |= g->port;
	}
	return registered;
}

static void
set_ports(struct model_fate *fate, uint32_t ports)
{
	fate->must = fate->may = ports;
}

static void
fate_of_unregistered(const struct world *w, uint16_t vid, enum gm_family family, struct model_fate *fate)
{
	uint32_t ports = ports_with(w, takes_unregistered) | ports_with(w, takes_multicast);

	if (w->params.snooping.unregistered == SW_UNREG_FLOOD) {
		set_ports(fate, ports_with(w, any));
		return;
	}
	if (w->params.snooping.unregistered == SW_UNREG_ROUTERS)
		ports |= routers_of(w, vid);
	fate->must = ports | unasked(w, vid, family, true);
	fate->may = fate->must | unasked(w, vid, family, false);
}

static bool
snoops(const struct world *w, enum gm_family family)
{
	return w->params.snooping.enabled[family];
}

/* Whether somebody asks; in a VLAN that does not exist yet we would. */
static bool
is_active(const struct world *w, uint16_t vid, enum gm_family family)
{
	struct sw_querier_view q;

	if (!model_has_vlan(&w->model, vid))
		return snoops(w, family) && w->params.snooping.querier != SW_QUERIER_OFF;
	switch_querier(w->sw, vid, family, &q);
	return q.active;
}

static void
fate_of_ip(const struct world *w, uint16_t vid, const struct frame *f, struct model_fate *fate)
{
	const enum gm_family family = f->ethertype == ETHERTYPE_IPV4 ? GM_IGMP : GM_MLD;
	uint32_t ports;

	if (!snoops(w, family) || !is_active(w, vid, family) || ipaddr_group_always_floods(&f->ip_dst))
		set_ports(fate, ports_with(w, any));
	else if (members(&w->model, vid, f, &ports))
		set_ports(fate, ports | routers_of(w, vid) | ports_with(w, takes_multicast));
	else if (ipaddr_group_is_link_scope(&f->ip_dst))
		set_ports(fate, ports_with(w, any));
	else
		fate_of_unregistered(w, vid, family, fate);
}

/* --- other frames --- */

/* A MAC of the table. */
struct lookup {
	uint16_t vid;
	const struct mac *mac;
	bool found, is_ours;
	struct sw_fdb_view v, ours;
};

static void
look_up_one(void *arg, const struct sw_fdb_view *v)
{
	struct lookup *l = arg;

	if (!mac_equal(&v->mac, l->mac))
		return;
	if (v->vid == l->vid) {
		l->found = true;
		l->v = *v;
	}
	if (v->vid == 0 && !v->port) {
		l->is_ours = true;
		l->ours = *v;
	}
}

/* The switch's own MACs of VLAN 0 are its own in all. */
static struct lookup
look_up(const struct world *w, uint16_t vid, const struct mac *mac)
{
	struct lookup l = { .vid = vid, .mac = mac };

	switch_each_mac(w->sw, look_up_one, &l);
	if (!l.found && l.is_ours)
		l.v = l.ours;
	l.found |= l.is_ours;
	return l;
}

static void
fate_of_unicast(const struct world *w, uint16_t vid, const struct frame *f, struct model_fate *fate)
{
	const struct lookup l = look_up(w, vid, &f->dst);

	if (!l.found)
		set_ports(fate, ports_with(w, takes_unknown_unicast));
	else if (l.v.port)
		set_ports(fate, world_bit(w, l.v.port));
	else
		fate->consumed = true;
}

static void
fate_of_other_multicast(const struct world *w, uint16_t vid, const struct frame *f, struct model_fate *fate)
{
	const uint64_t key = fdb_key(vid, &f->dst);

	for (unsigned i = 0; i < w->n_mac_groups; i++)
		if (w->mac_groups[i].key == key && w->mac_groups[i].ports) {
			set_ports(fate, w->mac_groups[i].ports | ports_with(w, takes_multicast));
			return;
		}
	set_ports(fate, w->params.snooping.drop_non_ip_multicast ? 0 : ports_with(w, any));
}

static void
fate_of_data(const struct world *w, uint16_t vid, const struct frame *f, struct model_fate *fate)
{
	switch ((enum frame_class)f->klass) {
	case FRAME_UNICAST:
		fate_of_unicast(w, vid, f, fate);
		break;
	case FRAME_BROADCAST:
		set_ports(fate, ports_with(w, takes_broadcast));
		break;
	case FRAME_MULTICAST_IP:
		fate_of_ip(w, vid, f, fate);
		break;
	case FRAME_MULTICAST_OTHER:
		fate_of_other_multicast(w, vid, f, fate);
		break;
	case FRAME_RESERVED:
		set_ports(fate, w->params.forward_reserved >> (f->dst.b[5] & 15) & 1 ? ports_with(w, any) : 0);
		break;
	}
}

/* --- messages --- */

/* A copy for one host is sent when its sender was learned, for which the host may have been forgotten. */
static void
fate_of_query(const struct world *w, uint16_t vid, const struct frame *f, struct model_fate *fate)
{
	if (f->klass != FRAME_UNICAST) {
		set_ports(fate, ports_with(w, any));
		return;
	}
	fate_of_unicast(w, vid, f, fate);
	fate->may |= ports_with(w, takes_unknown_unicast);
	fate->must = 0;
	fate->whole = false;
}

/* The messages of a port may be over its rate, and limits may refuse all of a report: it is passed on as a whole or not
 * at all. */
static void
fate_of_message(const struct world *w, uint16_t vid, const struct frame *f, struct model_fate *fate)
{
	const struct gm_rules rules = { .strict_router_alert = w->params.snooping.strict_router_alert };
	struct gm_msg msg;
	const enum drop_reason verdict = gm_parse(f, &rules, &msg);

	fate->whole = true;
	fate->states = verdict == DROP_NONE;
	fate->counted = verdict != DROP_NONE && verdict != DROP_GM_TYPE;
	if (fate->counted)
		return;
	if (verdict == DROP_GM_TYPE)
		set_ports(fate, ports_with(w, any));
	else if (msg.kind == GM_QUERY)
		fate_of_query(w, vid, f, fate);
	else
		set_ports(fate, routers_of(w, vid) | ports_with(w, takes_reports));
	if (w->ports[w->in].params.gm_rate || (fate->states && msg.kind != GM_QUERY))
		fate->must = 0;
}

/* --- who may say what --- */

static bool
is_guarded(const struct world *w, uint16_t vid, const struct frame *f)
{
	const struct world_port *in = &w->ports[w->in];
	const struct lookup l = look_up(w, vid, &f->src);
	const struct world_port *at = NULL;

	if (!l.found || l.v.port == in->port)
		return false;
	for (unsigned i = 0; i < WORLD_PORTS; i++)
		if (l.v.port && w->ports[i].port == l.v.port)
			at = &w->ports[i];
	const bool is_protected = l.v.is_static || (at && (at->params.kind != SW_PEER || at->params.endpoint));

	if (!l.v.sticky && !(in->params.protect_macs && is_protected))
		return false;
	return l.v.is_static || mono_since(l.v.seen, w->now) < 10 * NSEC_PER_SEC;
}

/* What only routers say, or might in headers that can't be read. */
static bool
is_routers(const struct world *w, const struct frame *f)
{
	const bool v6 = f->ethertype == ETHERTYPE_IPV6;

	if (f->control == FRAME_PIM || f->control == FRAME_MRD)
		return true;
	if (f->is_query && snoops(w, v6 ? GM_MLD : GM_IGMP))
		return true;
	return f->bad_headers && v6 && snoops(w, GM_MLD);
}

/* Whether the port may send it at all. */
static bool
is_refused(const struct world *w, uint16_t vid, const struct frame *f)
{
	return is_guarded(w, vid, f) || (w->ports[w->in].params.router == SW_ROUTER_NEVER && is_routers(w, f));
}

/* None but ports that are up get anything, never the one it came from, nor isolated ones from each other. */
static uint32_t
reachable(const struct world *w)
{
	uint32_t set = 0;

	for (unsigned i = 0; i < WORLD_PORTS; i++) {
		const struct world_port *p = &w->ports[i];

		if (p->up && i != w->in && !(p->params.isolate && w->ports[w->in].params.isolate))
			set |= 1u << i;
	}
	return set;
}

/* Where the model does not know enough: what does not fit into its copy; a VLAN that a peer opens beyond its share; and
 * what frames before it in the same batch made of memberships and VLANs. */
static void
loosen(const struct world *w, struct model_fate *fate, bool alone, bool is_new)
{
	const bool unknown = w->model.full || (!alone && is_new);

	if (unknown)
		fate->may = ports_with(w, any);
	if (unknown || (is_new && w->ports[w->in].params.kind == SW_PEER) || (!alone && fate->states))
		fate->must = 0;
	if (unknown || (!alone && fate->states))
		fate->whole = fate->counted = false;
}

struct model_fate
model_fate_of(struct world *w, const struct frame *f, enum drop_reason verdict, bool alone)
{
	const uint16_t vid = world_vid(w, f->vid);
	struct model_fate fate = { .counted = true };

	if (!w->ports[w->in].up || verdict != DROP_NONE)
		return fate;
	model_look(w);
	const bool is_new = !model_has_vlan(&w->model, vid);
	const bool is_message =
		(f->control == FRAME_IGMP && snoops(w, GM_IGMP)) || (f->control == FRAME_MLD && snoops(w, GM_MLD));

	fate.opens = is_new;
	fate.ordered = !is_message && !is_new;
	if (!is_refused(w, vid, f))
		(is_message ? fate_of_message : fate_of_data)(w, vid, f, &fate);
	loosen(w, &fate, alone, is_new);
	fate.must &= reachable(w);
	fate.may &= reachable(w);
	return fate;
}
