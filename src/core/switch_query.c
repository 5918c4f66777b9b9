/* Our own frames: queries and router solicitations, to one port at once or to many in steps. */
#include <string.h>

#include "castswitch/routermsg.h"

#include "switch_impl.h"

/* --- one port --- */

/* Sends a frame of our own out of one port, behind what the present batch sends there. */
static void
sw_send_own(struct sw_port *p, uint8_t *data, size_t len, struct mono now)
{
	struct frame f = { .data = data, .len = (uint32_t)len };
	struct sw_tx tx = { .frame = &f };
	if (frame_parse(&f) != DROP_NONE)
		return;
	sw_flush_port(p, now);
	p->stats.tx_frames++;
	p->stats.tx_bytes += len;
	p->ops.tx(p->arg, &tx, 1, now);
}

/* The frame has VLAN_TAG_LEN bytes before it. */
static void
sw_send_in(const struct sw_vlan *v, struct sw_port *p, uint8_t *data, size_t len, struct mono now)
{
	if (v->vid) {
		const uint8_t tag[VLAN_TAG_LEN] = { ETHERTYPE_VLAN >> 8, ETHERTYPE_VLAN & 0xff, (uint8_t)(v->vid >> 8),
						    (uint8_t)v->vid };
		data -= VLAN_TAG_LEN;
		len += VLAN_TAG_LEN;
		memmove(data, data + VLAN_TAG_LEN, 12);
		memcpy(data + 12, tag, sizeof(tag));
	}
	sw_send_own(p, data, len, now);
}

/* The host behind the tap drops packets that claim its own address as martians, and that is our querier address. */
static struct ipaddr
sw_source_for(const struct sw_port *p, enum gm_family family, const struct ipaddr *own)
{
	return p->params.kind == SW_TAP && family == GM_IGMP ? ipaddr_v4_u32(0) : *own;
}

static void
sw_send_query_to(const struct sw_vlan *v, struct sw_port *p, const struct gm_build *query, struct mono now)
{
	uint8_t buf[FRAME_HEADROOM + VLAN_TAG_LEN + SW_OWN_FRAME], *data = buf + FRAME_HEADROOM + VLAN_TAG_LEN;
	struct gm_build b = *query;
	if (!p->up)
		return;
	b.ip_src = sw_source_for(p, b.family, &query->ip_src);
	const size_t len = gm_build(&b, data, SW_OWN_FRAME);
	if (len)
		sw_send_in(v, p, data, len, now);
}

/* RFC 4286 4.2: where a router may be, it is asked to say so. */
static void
sw_solicit(const struct sw_vlan *v, struct sw_port *p, enum gm_family family, struct mono now)
{
	uint8_t buf[FRAME_HEADROOM + VLAN_TAG_LEN + ROUTERMSG_SOLICITATION_MAX];
	uint8_t *data = buf + FRAME_HEADROOM + VLAN_TAG_LEN;
	const struct sw_snooping *s = &v->sw->params.snooping;
	if (!s->mrd_solicit || !s->enabled[family] || p->params.router == SW_ROUTER_NEVER)
		return;
	const struct ipaddr src = sw_source_for(p, family, &v->querier[family].own);
	const size_t len = routermsg_solicitation(family, &v->sw->params.mac, &src, data, ROUTERMSG_SOLICITATION_MAX);
	if (len)
		sw_send_in(v, p, data, len, now);
}

/* --- many ports, in steps --- */

void
sw_pace_init(struct sw_pace *pace)
{
	timer_init(&pace->timer, sw_pace_fired);
	list_init(&pace->asking);
	list_init(&pace->rounds);
}

static void
sw_ask_in(struct sw_vlan *v, struct sw_port *p, struct mono now)
{
	for (int f = 0; f < GM_FAMILIES; f++) {
		(void)querier_port_up(&v->querier[f], p->id, now);
		sw_solicit(v, p, (enum gm_family)f, now);
	}
}

/* The next VLAN of a port that came up. */
static void
sw_pace_ask(struct sw_port *p, struct mono now)
{
	struct sw_vlan *v = sw_vlan_from(p->sw, p->ask_vid);
	if (!v || !p->up) {
		list_remove(&p->asking);
		return;
	}
	p->ask_vid = (uint16_t)(v->vid + 1);
	p->sw->pace.sent += GM_FAMILIES;
	sw_ask_in(v, p, now);
}

static void
sw_round_serve(struct sw_round *r, struct sw_port *p, struct mono now)
{
	if (r->bridged_only && p->params.kind != SW_NIC)
		return;
	/* It may have been switched off meanwhile. */
	if (r->asks && r->vlan->querier[r->query.family].state != QUERIER_DISABLED)
		sw_send_query_to(r->vlan, p, &r->query, now);
	if (r->solicits)
		sw_solicit(r->vlan, p, r == &r->vlan->round[GM_MLD] ? GM_MLD : GM_IGMP, now);
	p->sw->pace.sent++;
}

/* The next port of a round.  One that begins anew waits its turn. */
static void
sw_pace_round(struct sw *sw, struct sw_round *r, struct mono now)
{
	const size_t i = portset_from(&sw->up, r->next);
	if (i < sw->up.n) {
		r->next = (uint16_t)(sw->up.ids[i] + 1);
		sw_round_serve(r, sw->ports[sw->up.ids[i]], now);
	}
	if (i + 1 < sw->up.n)
		return;
	r->next = 0;
	list_remove(&r->node);
	if (r->again)
		list_push_back(&sw->pace.rounds, &r->node);
	r->again = false;
}

static bool
sw_pace_one(struct sw *sw, struct mono now)
{
	struct list *asking = list_first(&sw->pace.asking), *round = list_first(&sw->pace.rounds);
	if (asking)
		sw_pace_ask(container_of(asking, struct sw_port, asking), now);
	else if (round)
		sw_pace_round(sw, container_of(round, struct sw_round, node), now);
	return asking || round;
}

static void
sw_pace_run(struct sw *sw, struct mono now)
{
	struct sw_pace *pace = &sw->pace;
	if (mono_since(pace->step, now) >= SW_PACE_GAP) {
		pace->step = now;
		pace->sent = 0;
	}
	while (pace->sent < SW_PACE_FRAMES && sw_pace_one(sw, now))
		;
	const bool more = !list_is_empty(&pace->asking) || !list_is_empty(&pace->rounds);
	timerq_arm(&sw->timers, &pace->timer, more ? mono_add(pace->step, SW_PACE_GAP) : MONO_NEVER);
}

void
sw_pace_fired(struct timer *t, void *arg, struct mono now)
{
	(void)t;
	sw_pace_run(arg, now);
}

/* query NULL: it only solicits. */
static void
sw_round_start(struct sw_round *r, const struct gm_build *query, bool bridged_only, struct mono now)
{
	struct sw *sw = r->vlan->sw;
	const bool runs = list_is_linked(&r->node);
	if (runs && bridged_only)
		return; /* those ports are being asked */
	if (!runs) {
		r->asks = r->solicits = r->again = false;
		list_push_back(&sw->pace.rounds, &r->node);
	} else {
		r->again = true;
	}
	r->bridged_only = bridged_only;
	if (query)
		r->query = *query;
	r->asks |= query != NULL;
	r->solicits |= query == NULL;
	sw_pace_run(sw, now);
}

void
sw_solicit_all(struct sw_vlan *v, struct mono now)
{
	for (int f = 0; f < GM_FAMILIES; f++)
		sw_round_start(&v->round[f], NULL, false, now);
}

struct mono
sw_port_ask(struct sw *sw, struct sw_port *p, struct mono now)
{
	struct mono answered = now;
	SW_VLAN_EACH (v, sw) {
		for (int f = 0; f < GM_FAMILIES; f++) {
			const struct querier *q = &v->querier[f];
			sw_vlan_flood_until(v, p, (enum gm_family)f, querier_port_known_at(q, now));
			answered = mono_max(answered, querier_answers_at(q, now));
		}
	}
	sw_ask_in(sw->vlans[0], p, now);
	p->ask_vid = 1;
	if (sw->n_vlans > 1 && !list_is_linked(&p->asking))
		list_push_back(&sw->pace.asking, &p->asking);
	sw_pace_run(sw, now);
	return answered;
}

void
sw_port_ask_again(struct timer *t, void *arg, struct mono now)
{
	(void)sw_port_ask(arg, container_of(t, struct sw_port, ask_again), now);
}

/* RFC 4541 2.1.1 (4): when links change, hosts may be behind other ports than before, and nobody told. */
void
sw_topology_changed(struct sw *sw, const struct sw_port *p, struct mono now)
{
	if (p->params.kind == SW_NIC && !timer_is_armed(&sw->topology))
		timerq_arm(&sw->timers, &sw->topology, mono_add(now, SW_TOPOLOGY_DELAY));
}

void
sw_topology_fired(struct timer *t, void *arg, struct mono now)
{
	struct sw *sw = arg;
	(void)t;
	SW_VLAN_EACH (v, sw)
		for (int f = 0; f < GM_FAMILIES; f++)
			(void)querier_port_up(&v->querier[f], QUERIER_BRIDGED_PORTS, now);
}

/* --- what the queriers want --- */

static void
sw_send_query(void *arg, uint16_t port, const struct gm_build *query, struct mono now)
{
	struct sw_vlan *v = arg;
	if (port == QUERIER_ALL_PORTS || port == QUERIER_BRIDGED_PORTS)
		sw_round_start(&v->round[query->family], query, port == QUERIER_BRIDGED_PORTS, now);
	else if (v->sw->ports[port])
		sw_send_query_to(v, v->sw->ports[port], query, now);
}

static void
sw_querier_changed(void *arg, enum gm_family family, bool elected, struct mono now)
{
	struct sw_vlan *v = arg;
	const struct querier *q = &v->querier[family];
	struct sw_event ev = { .kind = SW_EVENT_QUERIER, .vid = v->vid, .family = family };
	ev.group = q->state == QUERIER_QUERIER ? q->own : q->elected;
	sw_vlan_apply_querier(v, now);
	if (!elected)
		return;
	if (!ipaddr_is_any(&q->elected))
		ev.port = v->sw->ports[q->elected_port];
	sw_event(v->sw, &ev, now);
}

const struct querier_ops sw_querier_ops = { .send = sw_send_query, .changed = sw_querier_changed };

/* From the first question on, snooping decides; but where nobody was asked before, what nobody has said yet is flooded
 * until the answers are in. */
static void
sw_vlan_activate(struct sw_vlan *v, enum gm_family family, struct mono now)
{
	const struct mono until = querier_all_answer_at(&v->querier[family], now);
	v->active[family] = true;
	for (size_t i = 0; i < v->sw->up.n; i++)
		sw_vlan_flood_until(v, v->sw->ports[v->sw->up.ids[i]], family, until);
}

void
sw_vlan_apply_querier(struct sw_vlan *v, struct mono now)
{
	struct mono next = MONO_NEVER;
	for (int f = 0; f < GM_FAMILIES; f++) {
		const struct querier *q = &v->querier[f];
		querier_timing(q, &v->timing[f]);
		if (!querier_is_active(q))
			v->active[f] = false;
		else if (!v->active[f])
			sw_vlan_activate(v, (enum gm_family)f, now);
		next = mono_min(next, querier_next(q));
	}
	timerq_arm(&v->sw->timers, &v->query_timer, next);
}

void
sw_query_fired(struct timer *t, void *arg, struct mono now)
{
	struct sw_vlan *v = container_of(t, struct sw_vlan, query_timer);
	(void)arg;
	for (int f = 0; f < GM_FAMILIES; f++)
		querier_tick(&v->querier[f], now);
	sw_vlan_apply_querier(v, now);
}
