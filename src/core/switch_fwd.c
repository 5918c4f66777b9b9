/* The fast path: where each frame of a batch goes.
 *
 * Nothing here allocates, logs or reads a clock; state is only read, counted and stamped.  What changes state is left
 * to switch_slow.c through the slow queue.
 */
#include "castswitch/switch.h"

#include "switch_impl.h"

/* --- egress lists --- */

void
sw_flush_port(struct sw_port *p, struct mono now)
{
	size_t n = p->n_tx;
	p->n_tx = 0;
	if (n)
		p->ops.tx(p->arg, p->tx, n, now);
}

void
sw_flush(struct sw *sw)
{
	for (size_t i = 0; i < sw->n_touched; i++) {
		struct sw_port *p = sw->ports[sw->touched[i]];
		p->touched = false;
		sw_flush_port(p, sw->now);
	}
	sw->n_touched = 0;
}

void
sw_copy_to(struct sw *sw, uint16_t id)
{
	struct sw_port *p = sw->ports[id];
	if (p == sw->in || !p->up || (p->params.isolate && sw->in->params.isolate))
		return;
	if (p->n_tx == SW_BATCH)
		sw_flush_port(p, sw->now);
	if (!p->touched)
		sw->touched[sw->n_touched++] = id;
	p->touched = true;
	p->tx[p->n_tx++] = (struct sw_tx){ .frame = sw->frame };
	p->stats.tx_frames++;
	p->stats.tx_bytes += sw->frame->len;
	sw->copies++;
}

void
sw_copy_visit(void *arg, uint16_t id)
{
	sw_copy_to(arg, id);
}

void
sw_copy_to_set(struct sw *sw, const struct portset *set)
{
	for (size_t i = 0; i < set->n; i++)
		sw_copy_to(sw, set->ids[i]);
}

/* --- decisions; each returns why nothing was sent, should that be so --- */

/* The switch's own MACs are the same in all VLANs. */
static struct fdb_entry *
sw_fdb_lookup(const struct sw *sw, uint16_t vid, const struct mac *mac)
{
	struct fdb_entry *e = fdb_lookup(&sw->fdb, fdb_key(vid, mac));
	if (e || vid == 0)
		return e;
	e = fdb_lookup(&sw->fdb, fdb_key(0, mac));
	return e && e->port == FDB_LOCAL_PORT ? e : NULL;
}

static enum drop_reason
sw_flood(struct sw *sw)
{
	sw_copy_to_set(sw, &sw->up);
	return DROP_NO_PORT;
}

static enum drop_reason
sw_flood_broadcast(struct sw *sw)
{
	for (size_t i = 0; i < sw->up.n; i++)
		if (sw->ports[sw->up.ids[i]]->params.flood_broadcast)
			sw_copy_to(sw, sw->up.ids[i]);
	return DROP_NO_PORT;
}

enum drop_reason
sw_unicast(struct sw *sw, const struct frame *f)
{
	const struct fdb_entry *e = sw_fdb_lookup(sw, sw->vlan->vid, &f->dst);
	if (e && e->port == FDB_LOCAL_PORT)
		return DROP_NONE; /* for the switch itself */
	if (e) {
		sw_copy_to(sw, e->port);
		if (!sw->ports[e->port]->up)
			return DROP_PORT_DOWN;
		return e->port == sw->in->id ? DROP_SAME_PORT : DROP_ISOLATED;
	}
	for (size_t i = 0; i < sw->up.n; i++)
		if (sw->ports[sw->up.ids[i]]->params.flood_unknown_unicast)
			sw_copy_to(sw, sw->up.ids[i]);
	return DROP_NO_PORT;
}

/* Ports that were never asked what they want get it all, until they had the time to answer (DESIGN section 6); those in
 * 'served' have it already. */
static void
sw_flood_unasked(struct sw *sw, enum gm_family family, const struct portset *served)
{
	for (size_t i = 0; i < sw->vlan->n_unasked; i++) {
		const struct sw_unasked *u = &sw->vlan->unasked[i];
		if (mono_before(sw->now, u->until[family]) && !portset_has(served, u->port) &&
		    !portset_has(&sw->flood_unregistered, u->port))
			sw_copy_to(sw, u->port);
	}
}

static enum drop_reason
sw_unregistered(struct sw *sw, enum gm_family family)
{
	const struct portset *to = &sw->vlan->takers;
	switch ((enum sw_unregistered)sw->params.snooping.unregistered) {
	case SW_UNREG_FLOOD:
		return sw_flood(sw);
	case SW_UNREG_DROP:
		to = &sw->all_multicast;
		break;
	case SW_UNREG_ROUTERS:
		break;
	}
	portset_each_of_both(to, &sw->flood_unregistered, sw_copy_visit, sw);
	if (mono_before(sw->now, sw->vlan->flood_until[family]))
		sw_flood_unasked(sw, family, to);
	return DROP_UNREGISTERED;
}

/* RFC 4541 2.1.2 and 3: forwarding is on the IP group and source, never on the MAC. */
static enum drop_reason
sw_multicast(struct sw *sw, const struct frame *f)
{
	enum gm_family family = sw_family_of(f);
	if (!sw->params.snooping.enabled[family] || !sw->vlan->active[family] || ipaddr_group_always_floods(&f->ip_dst))
		return sw_flood(sw);
	struct mroute_members members;
	if (mroute_lookup(&sw->routes, sw->route_hash[f - sw->batch], sw->vlan->vid, &f->ip_dst, &f->ip_src,
			  &members)) {
		mroute_each(&members, &sw->vlan->takers, sw_copy_visit, sw);
		return DROP_NO_MEMBER;
	}
	/* ff02::/16 groups that nobody reported may be in use by hosts that don't report them. */
	if (ipaddr_group_is_link_scope(&f->ip_dst))
		return sw_flood(sw);
	return sw_unregistered(sw, family);
}

/* Group MACs that are not IP's, or not used so. */
static enum drop_reason
sw_other_multicast(struct sw *sw, const struct frame *f)
{
	const struct portset *ports = sw_mac_group_find(sw, sw->vlan->vid, &f->dst);
	if (!ports)
		return sw->params.snooping.drop_non_ip_multicast ? DROP_NON_IP_MULTICAST : sw_flood(sw);
	portset_each_of_both(ports, &sw->all_multicast, sw_copy_visit, sw);
	return DROP_NO_MEMBER;
}

/* IEEE 802.1Q 8.6.3: addresses that bridges keep to themselves, but for those the user wants passed. */
static enum drop_reason
sw_reserved(struct sw *sw, const struct frame *f)
{
	return sw->params.forward_reserved >> (f->dst.b[5] & 15) & 1 ? sw_flood(sw) : DROP_RESERVED_MAC;
}

static enum drop_reason
sw_decide(struct sw *sw, const struct frame *f)
{
	switch ((enum frame_class)f->klass) {
	case FRAME_UNICAST:
		return sw_unicast(sw, f);
	case FRAME_BROADCAST:
		return sw_flood_broadcast(sw);
	case FRAME_MULTICAST_IP:
		return sw_multicast(sw, f);
	case FRAME_MULTICAST_OTHER:
		return sw_other_multicast(sw, f);
	case FRAME_RESERVED:
		break;
	}
	return sw_reserved(sw, f);
}

/* --- ingress --- */

static void
sw_slow_push(struct sw *sw, enum sw_slow_kind kind, const struct frame *f)
{
	sw->slow[sw->n_slow++] = (struct sw_slow){ .kind = kind, .frame = f };
}

/* Stamps a known source; leaves a new or moved one to the slow path.  False when it may not come from here. */
static bool
sw_check_source(struct sw *sw, const struct sw_vlan *v, struct sw_port *in, const struct frame *f)
{
	struct fdb_entry *e = sw_fdb_lookup(sw, v->vid, &f->src);
	if (e && e->port == in->id) {
		e->seen = sw->now;
		return true;
	}
	if (e && fdb_is_guarded(e, &in->fdb, sw->now))
		return false;
	if (in->params.learning && !(e && e->is_static))
		sw_slow_push(sw, SW_SLOW_LEARN, f);
	return true;
}

/* IGMP and MLD of a snooped family are not forwarded here, but by the slow path once they are understood. */
static bool
sw_is_snooped(const struct sw *sw, const struct frame *f)
{
	if (f->control == FRAME_IGMP)
		return sw->params.snooping.enabled[GM_IGMP];
	return f->control == FRAME_MLD && sw->params.snooping.enabled[GM_MLD];
}

/* What a port that is never a router's may not send, to whomever (DESIGN section 6, query-guard).  Behind a chain of
 * IPv6 headers that cannot be read there may be a query, too. */
static enum drop_reason
sw_guard(const struct sw *sw, const struct frame *f)
{
	const bool *snooped = sw->params.snooping.enabled;
	if (f->control == FRAME_PIM || f->control == FRAME_MRD || (f->is_query && snooped[sw_family_of(f)]))
		return DROP_QUERY_GUARD;
	return f->bad_headers && f->ethertype == ETHERTYPE_IPV6 && snooped[GM_MLD] ? DROP_BAD_IP : DROP_NONE;
}

void
sw_present(struct sw *sw, const struct sw_vlan *v, const struct frame *f)
{
	sw->vlan = v;
	sw->frame = f;
	sw->copies = 0;
}

enum drop_reason
sw_forward(struct sw *sw, struct sw_vlan *v, const struct frame *f)
{
	struct sw_port *in = sw->in;
	enum drop_reason r;
	v->seen = sw->now;
	if (!sw_check_source(sw, v, in, f))
		return DROP_PROTECTED_MAC;
	if (in->params.router == SW_ROUTER_NEVER && (r = sw_guard(sw, f)) != DROP_NONE)
		return r;
	if (sw_is_snooped(sw, f)) {
		sw_slow_push(sw, SW_SLOW_GM, f);
		return DROP_NONE;
	}
	if (f->control == FRAME_PIM || f->control == FRAME_MRD)
		sw_slow_push(sw, SW_SLOW_ROUTER, f);
	sw_present(sw, v, f);
	r = sw_decide(sw, f);
	return sw->copies ? DROP_NONE : r;
}

/* Parses a batch and has its routes fetched meanwhile, all at a time. */
static void
sw_rx_parse(struct sw *sw, struct frame *frames, size_t n, enum drop_reason *ret)
{
	sw->batch = frames;
	for (size_t i = 0; i < n; i++) {
		const struct frame *f = &frames[i];
		ret[i] = frame_parse(&frames[i]);
		sw->route_hash[i] = 0;
		if (ret[i] != DROP_NONE || f->klass != FRAME_MULTICAST_IP)
			continue;
		sw->route_hash[i] = mroute_hash(&sw->routes, sw_vid(sw, f->vid), &f->ip_dst);
		mroute_fetch_bucket(&sw->routes, sw->route_hash[i]);
	}
	for (size_t i = 0; i < n; i++)
		if (sw->route_hash[i])
			mroute_fetch_route(&sw->routes, sw->route_hash[i]);
}

static enum drop_reason
sw_rx_one(struct sw *sw, struct sw_port *in, const struct frame *f, enum drop_reason r)
{
	in->stats.rx_frames++;
	in->stats.rx_bytes += f->len;
	if (!in->up)
		return DROP_PORT_DOWN;
	if (r != DROP_NONE)
		return r;
	struct sw_vlan *v = sw_vlan_of(sw, f);
	if (v)
		return sw_forward(sw, v, f);
	/* All frames of a VLAN go that way until it exists, so their order is kept. */
	sw_slow_push(sw, SW_SLOW_FIRST, f);
	return DROP_NONE;
}

void
switch_rx(struct sw *sw, struct sw_port *in, struct frame *frames, size_t n, struct mono now)
{
	enum drop_reason parsed[SW_BATCH];
	sw->in = in;
	sw->now = now;
	sw->n_slow = 0;
	sw_rx_parse(sw, frames, n, parsed);
	for (size_t i = 0; i < n; i++) {
		enum drop_reason r = sw_rx_one(sw, in, &frames[i], parsed[i]);
		if (r != DROP_NONE)
			sw_drop(in, r);
	}
	if (sw->n_slow)
		sw_slow_run(sw, in);
	sw_flush(sw);
	sw->in = NULL;
}
