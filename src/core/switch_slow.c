/* The slow path: learning, IGMP and MLD messages, router ports, our own queries. */
#include <string.h>

#include "castswitch/routermsg.h"

#include "switch_impl.h"

/* --- learning --- */

static void
sw_slow_learn(struct sw *sw, struct sw_port *in, const struct frame *f)
{
	if (fdb_learn(&sw->fdb, &in->fdb, fdb_key(0, &f->src), sw->now) != FDB_MOVED)
		return;
	struct sw_event ev = { .kind = SW_EVENT_MAC_MOVED, .port = in, .mac = f->src };
	sw_event(sw, &ev, sw->now);
}

/* --- router ports --- */

static void
sw_update_set(struct portset *set, const struct sw_port *p, bool belongs)
{
	if (p->up && belongs)
		(void)portset_add(set, p->id);
	else
		portset_remove(set, p->id);
}

/* The ports that get every group: router ports and those that want all multicast; and what else a port is sent. */
void
sw_update_takers(struct sw *sw, struct sw_port *p)
{
	sw_update_set(&sw->routers, p, p->is_router);
	sw_update_set(&sw->all_multicast, p, p->params.all_multicast);
	sw_update_set(&sw->flood_unregistered, p, p->params.flood_unregistered);
	sw_update_set(&sw->flood_reports, p, p->params.flood_reports);
	sw_update_set(&sw->takers, p, p->is_router || p->params.all_multicast);
}

void
sw_router_add(struct sw *sw, struct sw_port *p, nsec_t life, struct mono now)
{
	bool is_new = !p->is_router;
	struct mono until = life ? mono_add(now, life) : MONO_NEVER;
	/* There may be several routers behind the port: the one that stays longest counts. */
	if (timer_is_armed(&p->router_expiry))
		until = mono_max(until, p->router_expiry.at);
	p->is_router = true;
	timerq_arm(&sw->timers, &p->router_expiry, until);
	sw_update_takers(sw, p);
	if (is_new)
		sw_event(sw, &(struct sw_event){ .kind = SW_EVENT_ROUTER, .port = p }, now);
}

void
sw_router_remove(struct sw *sw, struct sw_port *p, struct mono now)
{
	bool was = p->is_router;
	timerq_cancel(&sw->timers, &p->router_expiry);
	p->is_router = false;
	sw_update_takers(sw, p);
	if (was)
		sw_event(sw, &(struct sw_event){ .kind = SW_EVENT_NO_ROUTER, .port = p }, now);
}

void
sw_router_fired(struct timer *t, void *arg, struct mono now)
{
	sw_router_remove(arg, container_of(t, struct sw_port, router_expiry), now);
}

/* --- IGMP and MLD --- */

static enum drop_reason
sw_slow_query(struct sw *sw, struct sw_port *in, const struct frame *f, struct gm_msg *msg)
{
	struct querier *q = &sw->querier[msg->family];
	/* A copy for one host, as switches send that ask each for itself: the others don't hear it. */
	const bool to_one = f->klass == FRAME_UNICAST;
	if (querier_query_seen(q, in->id, msg, sw->now) && !ipaddr_is_any(&msg->group) && !to_one)
		mdb_query_seen(&sw->mdb, 0, msg, sw->now);
	/* Behind the election, so that the elected querier's timing counts.  A query from 0.0.0.0 or :: is a switch's,
	 * not a router's (RFC 4541 2.1.1). */
	if (!ipaddr_is_unspecified(&msg->src) && in->params.router == SW_ROUTER_AUTO)
		sw_router_add(sw, in, querier_other_interval(q), sw->now);
	sw->frame = f;
	if (to_one)
		(void)sw_unicast(sw, f);
	else
		sw_copy_to_set(sw, &sw->up);
	return DROP_NONE;
}

/* Reports go to router ports only: a host that hears another's would keep silent (RFC 4541 2.1.1). */
static enum drop_reason
sw_slow_report(struct sw *sw, struct sw_port *in, const struct frame *f, struct gm_msg *msg)
{
	bool counts;
	enum drop_reason r = mdb_report(&sw->mdb, &in->mdb, 0, &f->src, msg, sw->now, &counts);
	if (!counts)
		return r;
	sw->frame = f;
	portset_each_of_both(&sw->routers, &sw->flood_reports, sw_copy_visit, sw);
	return r; /* of a part of it */
}

static void
sw_slow_gm(struct sw *sw, struct sw_port *in, const struct frame *f)
{
	const struct gm_rules rules = { .strict_router_alert = sw->params.snooping.strict_router_alert };
	struct gm_msg msg;
	if (!tbucket_take(&in->gm_rate, 1, sw->now)) {
		sw_drop(in, DROP_GM_RATE);
		return;
	}
	enum drop_reason r = gm_parse(f, &rules, &msg);
	if (r == DROP_GM_TYPE) {
		/* RFC 4541 2.1.1: unknown IGMP types are forwarded like any multicast that nobody registers. */
		sw->frame = f;
		sw_copy_to_set(sw, &sw->up);
		return;
	}
	if (r == DROP_NONE)
		r = msg.kind == GM_QUERY ? sw_slow_query(sw, in, f, &msg) : sw_slow_report(sw, in, f, &msg);
	if (r != DROP_NONE)
		sw_drop(in, r);
}

/* Whether the elected querier of a family is behind the port: its queries say more than a router's farewell. */
static bool
sw_has_querier(const struct sw *sw, const struct sw_port *p)
{
	for (int f = 0; f < GM_FAMILIES; f++)
		if (!ipaddr_is_any(&sw->querier[f].elected) && sw->querier[f].elected_port == p->id)
			return true;
	return false;
}

/* PIM hellos and MRD make router ports too (RFC 4541 2.1.1, RFC 4286); the frame itself went the way of data. */
static void
sw_slow_router(struct sw *sw, struct sw_port *in, const struct frame *f)
{
	nsec_t life;
	if (in->params.router != SW_ROUTER_AUTO || !sw->params.snooping.enabled[sw_family_of(f)] ||
	    !routermsg_parse(f, &life))
		return;
	if (life)
		sw_router_add(sw, in, life, sw->now);
	else if (in->is_router && !sw_has_querier(sw, in))
		sw_router_remove(sw, in, sw->now);
}

void
sw_slow_run(struct sw *sw, struct sw_port *in)
{
	for (size_t i = 0; i < sw->n_slow; i++) {
		const struct sw_slow *s = &sw->slow[i];
		switch (s->kind) {
		case SW_SLOW_LEARN:
			sw_slow_learn(sw, in, s->frame);
			break;
		case SW_SLOW_GM:
			sw_slow_gm(sw, in, s->frame);
			break;
		case SW_SLOW_ROUTER:
			sw_slow_router(sw, in, s->frame);
			break;
		}
	}
	sw->n_slow = 0;
}

/* --- our own queries --- */

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

static void
sw_send_query_to(struct sw_port *p, const struct gm_build *query, struct mono now)
{
	uint8_t buf[FRAME_HEADROOM + SW_OWN_FRAME];
	struct gm_build b = *query;
	if (!p->up)
		return;
	/* The host behind the tap drops packets that claim its own address as martians, and that is our querier
	 * address. */
	if (p->params.kind == SW_TAP && b.family == GM_IGMP)
		b.ip_src = ipaddr_v4_u32(0);
	size_t len = gm_build(&b, buf + FRAME_HEADROOM, SW_OWN_FRAME);
	if (len)
		sw_send_own(p, buf + FRAME_HEADROOM, len, now);
}

static void
sw_send_query(void *arg, uint16_t port, const struct gm_build *query, struct mono now)
{
	struct sw *sw = arg;
	if (port != QUERIER_ALL_PORTS) {
		if (sw->ports[port])
			sw_send_query_to(sw->ports[port], query, now);
		return;
	}
	for (size_t i = 0; i < sw->up.n; i++)
		sw_send_query_to(sw->ports[sw->up.ids[i]], query, now);
}

static void
sw_querier_changed(void *arg, enum gm_family family, bool elected, struct mono now)
{
	struct sw *sw = arg;
	const struct querier *q = &sw->querier[family];
	struct sw_event ev = { .kind = SW_EVENT_QUERIER, .family = family };
	ev.group = q->state == QUERIER_QUERIER ? q->own : q->elected;
	sw_apply_querier(sw, family);
	if (!elected)
		return;
	if (!ipaddr_is_any(&q->elected))
		ev.port = sw->ports[q->elected_port];
	sw_event(sw, &ev, now);
}

void
sw_apply_querier(struct sw *sw, enum gm_family family)
{
	struct mdb_timing t;
	querier_timing(&sw->querier[family], &t);
	mdb_set_timing(&sw->mdb, family, &t);
	sw->active[family] = querier_is_active(&sw->querier[family]);
}

const struct querier_ops sw_querier_ops = { .send = sw_send_query, .changed = sw_querier_changed };

static bool
sw_is_querier(void *arg, uint16_t vid, enum gm_family family)
{
	const struct sw *sw = arg;
	(void)vid;
	return sw->querier[family].state == QUERIER_QUERIER;
}

static void
sw_specific_query(void *arg, const struct mdb_query *q, struct mono now)
{
	struct sw *sw = arg;
	querier_send_specific(&sw->querier[q->family], q, now);
}

static void
sw_membership_changed(void *arg, uint16_t port, uint16_t vid, const struct ipaddr *group, bool joined, struct mono now)
{
	struct sw *sw = arg;
	struct sw_event ev = { .kind = joined ? SW_EVENT_JOIN : SW_EVENT_LEAVE,
			       .port = sw->ports[port],
			       .vid = vid,
			       .family = ipaddr_is_v4(group) ? GM_IGMP : GM_MLD,
			       .group = *group };
	sw_event(sw, &ev, now);
}

const struct mdb_ops sw_mdb_ops = { .is_querier = sw_is_querier,
				    .query = sw_specific_query,
				    .changed = sw_membership_changed };
