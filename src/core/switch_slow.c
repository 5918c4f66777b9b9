/* The slow path: VLANs seen first, learning, IGMP and MLD messages, what tells of routers. */

#include "castswitch/routermsg.h"

#include "switch_impl.h"

/* --- VLANs --- */

/* Once there is a context the frame goes the way of all others. */
static void
sw_slow_first(struct sw *sw, struct sw_port *in, const struct frame *f)
{
	const uint16_t vid = sw_vid(sw, f->vid);
	struct sw_vlan *v = sw->vlans[vid];
	if (!v)
		v = sw_vlan_open(sw, vid, in, sw->now);
	const enum drop_reason r = v ? sw_forward(sw, v, f) : DROP_VLAN_LIMIT;
	if (r != DROP_NONE)
		sw_drop(in, r);
}

/* --- learning --- */

static void
sw_slow_learn(struct sw *sw, struct sw_port *in, const struct frame *f)
{
	const uint16_t vid = sw_vid(sw, f->vid);
	if (fdb_learn(&sw->fdb, &in->fdb, fdb_key(vid, &f->src), sw->now) != FDB_MOVED)
		return;
	struct sw_event ev = { .kind = SW_EVENT_MAC_MOVED, .port = in, .vid = vid, .mac = f->src };
	sw_event(sw, &ev, sw->now);
}

/* --- IGMP and MLD --- */

static enum drop_reason
sw_slow_query(struct sw *sw, struct sw_port *in, const struct frame *f, struct gm_msg *msg)
{
	struct sw_vlan *v = sw_vlan_of(sw, f);
	struct querier *q = &v->querier[msg->family];
	/* A copy for one host, as switches send that ask each for itself: the others don't hear it. */
	const bool to_one = f->klass == FRAME_UNICAST;
	const bool elected = querier_query_seen(q, in->id, msg, sw->now);
	sw_vlan_apply_querier(v, sw->now);
	if (elected && !ipaddr_is_any(&msg->group) && !to_one)
		mdb_query_seen(&sw->mdb, v->vid, msg, sw->now);
	/* Behind the election, so that the elected querier's timing counts.  A query from 0.0.0.0 or :: is a switch's,
	 * not a router's (RFC 4541 2.1.1). */
	if (!ipaddr_is_unspecified(&msg->src) && in->params.router == SW_ROUTER_AUTO)
		sw_router_learn(v, in, querier_other_interval(q), sw->now);
	sw_present(sw, v, f);
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
	const struct sw_vlan *v = sw_vlan_of(sw, f);
	bool counts;
	sw->reporter = &f->src;
	enum drop_reason r = mdb_report(&sw->mdb, &in->mdb, v->vid, &f->src, msg, sw->now, &counts);
	sw->reporter = NULL;
	if (!counts)
		return r;
	sw_present(sw, v, f);
	portset_each_of_both(&v->routers, &sw->flood_reports, sw_copy_visit, sw);
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
		sw_present(sw, sw_vlan_of(sw, f), f);
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
sw_has_querier(const struct sw_vlan *v, const struct sw_port *p)
{
	for (int f = 0; f < GM_FAMILIES; f++)
		if (!ipaddr_is_any(&v->querier[f].elected) && v->querier[f].elected_port == p->id)
			return true;
	return false;
}

/* PIM hellos and MRD make router ports too (RFC 4541 2.1.1, RFC 4286); the frame itself went the way of data. */
static void
sw_slow_router(struct sw *sw, struct sw_port *in, const struct frame *f)
{
	struct sw_vlan *v = sw_vlan_of(sw, f);
	nsec_t life;
	if (in->params.router != SW_ROUTER_AUTO || !sw->params.snooping.enabled[sw_family_of(f)] ||
	    !routermsg_parse(f, &life))
		return;
	if (life)
		sw_router_learn(v, in, life, sw->now);
	else if (!sw_has_querier(v, in))
		sw_router_forget(v, in, sw->now);
}

void
sw_slow_run(struct sw *sw, struct sw_port *in)
{
	for (size_t i = 0; i < sw->n_slow; i++) {
		const struct sw_slow *s = &sw->slow[i];
		switch (s->kind) {
		case SW_SLOW_FIRST:
			sw_slow_first(sw, in, s->frame);
			break;
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

/* --- what the membership database asks for --- */

static bool
sw_is_querier(void *arg, uint16_t vid, enum gm_family family)
{
	const struct sw *sw = arg;
	const struct sw_vlan *v = sw->vlans[vid];
	return v && v->querier[family].state == QUERIER_QUERIER;
}

/* A VLAN that does not exist has no members but static ones. */
static const struct mdb_timing *
sw_timing(void *arg, uint16_t vid, enum gm_family family)
{
	const struct sw *sw = arg;
	return &sw->vlans[sw->vlans[vid] ? vid : 0]->timing[family];
}

static void
sw_specific_query(void *arg, const struct mdb_query *q, struct mono now)
{
	struct sw *sw = arg;
	struct sw_vlan *v = sw->vlans[q->vid];
	if (v)
		querier_send_specific(&v->querier[q->family], q, now);
}

static void
sw_membership_changed(void *arg, uint16_t port, uint16_t vid, const struct ipaddr *group, bool joined, struct mono now)
{
	struct sw *sw = arg;
	struct sw_vlan *v = sw->vlans[vid];
	struct sw_event ev = { .kind = joined ? SW_EVENT_JOIN : SW_EVENT_LEAVE,
			       .port = sw->ports[port],
			       .vid = vid,
			       .family = ipaddr_is_v4(group) ? GM_IGMP : GM_MLD,
			       .group = *group };
	if (sw->reporter)
		ev.mac = *sw->reporter;
	if (v)
		v->n_members += joined ? 1 : -1U;
	sw_event(sw, &ev, now);
}

const struct mdb_ops sw_mdb_ops = {
	.is_querier = sw_is_querier, .timing = sw_timing, .query = sw_specific_query, .changed = sw_membership_changed
};
