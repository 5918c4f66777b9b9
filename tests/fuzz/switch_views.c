/* The world of the switch target: whether what the switch shows agrees with itself and with what it was told, see
 * switch_world.h. */
#include "fuzz/switch_world.h"

#include <string.h>

#include "castswitch/mdb.h"
#include "fuzz/fuzz.h"

/* What is counted while looking. */
struct seen {
	struct world *w;
	unsigned ports, port_groups, macs, vlans, hosts, records;
	uint64_t joined[WORLD_PORTS];
	struct ipaddr group; /* of the line before */
	uint16_t vid, port;
};

/* A timer that runs has not run out, and not longer to go than what is in force allows. */
static void
check_timer(const struct world *w, struct mono at)
{
	const nsec_t computed = w->robustness * w->interval + w->response;

	FUZZ_CHECK(mono_is_never(at) || mono_before(w->ticked, at));
	FUZZ_CHECK(mono_is_never(at) ||
		   at.ns - w->ticked.ns <= (w->now.ns - w->ticked.ns) +
						   (computed > w->fixed_membership ? computed : w->fixed_membership));
}

static void
check_port(void *arg, const struct sw_port_view *v)
{
	struct seen *seen = arg;
	const struct world *w = seen->w;

	for (unsigned i = 0; i < WORLD_PORTS; i++) {
		const struct world_port *p = &w->ports[i];

		if (!p->port || sw_port_id(p->port) != v->id)
			continue;
		FUZZ_CHECK(strcmp(v->name, p->params.name) == 0 && v->up == p->up && v->suspended == p->suspended);
		FUZZ_CHECK(v->stats->tx_frames == p->n_tx && v->stats->tx_bytes == p->tx_bytes);
		seen->ports++;
	}
}

static void
check_sources(const struct world *w, const struct sw_group_view *v)
{
	for (size_t i = 0; i < v->n_sources; i++) {
		const struct sw_source_view *s = &v->sources[i];

		check_timer(w, s->expires);
		FUZZ_CHECK(s->forward || (v->exclude && mono_is_never(s->expires)));
		FUZZ_CHECK(!s->forward || v->is_static || !mono_is_never(s->expires));
		for (size_t j = 0; j < i; j++)
			FUZZ_CHECK(!ipaddr_equal(&v->sources[j].addr, &s->addr));
	}
}

static void
check_hosts(struct seen *seen, const struct sw_group_view *v)
{
	for (size_t i = 0; i < v->n_hosts; i++) {
		const struct sw_host_view *h = &v->hosts[i];

		FUZZ_CHECK(h->exclude || h->n_sources);
		FUZZ_CHECK(!mac_is_group(&h->mac) && !mono_before(seen->w->now, h->seen));
		for (size_t j = 0; j < i; j++)
			FUZZ_CHECK(!mac_equal(&v->hosts[j].mac, &h->mac));
		seen->records += h->n_sources;
	}
	seen->hosts += (unsigned)v->n_hosts;
}

/* Lines come by group, then VLAN, then port, and none twice. */
static void
check_order(struct seen *seen, const struct sw_group_view *v)
{
	const uint16_t port = sw_port_id(v->port);

	if (seen->port_groups) {
		const int c = ipaddr_cmp(&seen->group, &v->group);

		FUZZ_CHECK(c <= 0);
		if (c == 0)
			FUZZ_CHECK(seen->vid < v->vid || (seen->vid == v->vid && seen->port < port));
	}
	seen->group = v->group;
	seen->vid = v->vid;
	seen->port = port;
}

static void
check_group(void *arg, const struct sw_group_view *v)
{
	struct seen *seen = arg;
	const struct world *w = seen->w;
	const unsigned i = (unsigned)__builtin_ctz(world_bit(w, v->port));
	const struct world_port *p = &w->ports[i];

	check_order(seen, v);
	FUZZ_CHECK(ipaddr_is_multicast(&v->group) && !ipaddr_group_always_floods(&v->group));
	FUZZ_CHECK(v->vid == world_vid(w, v->vid));
	FUZZ_CHECK(!v->is_static || p->has_statics);
	FUZZ_CHECK(v->exclude ? v->is_static || !mono_is_never(v->expires) : mono_is_never(v->expires));
	FUZZ_CHECK(v->exclude || v->n_sources);
	check_timer(w, v->expires);
	check_sources(w, v);
	check_hosts(seen, v);
	if (!v->is_static || v->n_hosts)
		FUZZ_CHECK((p->up || p->suspended) && world_has_join(p, v->vid, &v->group));
	if (!v->is_static) {
		seen->joined[i] += world_group_key(v->vid, &v->group);
		seen->records += (unsigned)v->n_sources;
	}
	seen->port_groups++;
}

static void
check_mac(void *arg, const struct sw_fdb_view *v)
{
	struct seen *seen = arg;
	const struct world *w = seen->w;

	FUZZ_CHECK(!mac_is_group(&v->mac) && !mac_is_zero(&v->mac) && v->vid == world_vid(w, v->vid));
	const struct world_port *p = v->port ? &w->ports[__builtin_ctz(world_bit(w, v->port))] : NULL;

	FUZZ_CHECK(v->is_static || (p && (p->up || p->suspended)));
	FUZZ_CHECK(!v->sticky || v->is_static);
	/* What only a table that was never told of another aging time can promise. */
	if (!v->is_static && !w->reconfigured && w->params.aging)
		FUZZ_CHECK(mono_since(v->seen, w->ticked) < w->params.aging);
	seen->macs++;
}

static void
check_router(void *arg, const struct sw_router_view *v)
{
	struct seen *seen = arg;
	const struct world *w = seen->w;
	const struct world_port *p = &w->ports[__builtin_ctz(world_bit(w, v->port))];

	FUZZ_CHECK((p->params.router == SW_ROUTER_ALWAYS) == mono_is_never(v->expires));
	FUZZ_CHECK(p->params.router != SW_ROUTER_NEVER);
	FUZZ_CHECK(p->params.router == SW_ROUTER_ALWAYS || (p->up && mono_before(w->ticked, v->expires)));
}

static void
check_vlan(void *arg, uint16_t vid)
{
	struct seen *seen = arg;
	const struct world *w = seen->w;

	for (int f = 0; f < GM_FAMILIES; f++) {
		const bool may_ask = w->params.snooping.enabled[f] && w->params.snooping.querier != SW_QUERIER_OFF;
		struct sw_querier_view q;

		switch_querier(w->sw, vid, (enum gm_family)f, &q);
		FUZZ_CHECK(q.enabled == may_ask && (!q.querier || may_ask));
		FUZZ_CHECK(q.active == (q.querier || q.port));
		FUZZ_CHECK(!may_ask || q.active);
		FUZZ_CHECK(!q.port || w->ports[__builtin_ctz(world_bit(w, q.port))].up);
	}
	FUZZ_CHECK(vid == world_vid(w, vid));
	seen->vlans++;
}

static void
check_counts(const struct world *w, const struct seen *seen)
{
	const struct sw_snooping *s = &w->params.snooping;
	bool statics = false;
	struct sw_counts c;

	switch_counts(w->sw, &c);
	for (unsigned i = 0; i < WORLD_PORTS; i++) {
		statics |= w->ports[i].has_statics;
		FUZZ_CHECK(w->ports[i].has_statics || w->ports[i].joined == seen->joined[i]);
	}
	FUZZ_CHECK(c.ports == seen->ports && c.macs == seen->macs && c.vlans == seen->vlans);
	FUZZ_CHECK(c.port_groups == seen->port_groups && c.groups <= c.port_groups && c.hosts == seen->hosts);
	FUZZ_CHECK(statics || c.source_records == seen->records);
	if (w->other_limits || statics)
		return;
	FUZZ_CHECK(c.groups <= s->max_groups + WORLD_PORTS * MDB_RESERVED_GROUPS);
	FUZZ_CHECK(c.hosts <= s->max_hosts + WORLD_PORTS * MDB_RESERVED_HOSTS);
	FUZZ_CHECK(c.source_records <= s->max_source_records + WORLD_PORTS * MDB_RESERVED_SOURCES);
}

void
world_check(struct world *w)
{
	struct seen seen = { .w = w };

	FUZZ_CHECK(switch_check(w->sw));
	switch_each_port(w->sw, check_port, &seen);
	FUZZ_CHECK(switch_each_group(w->sw, check_group, &seen));
	switch_each_mac(w->sw, check_mac, &seen);
	switch_each_router(w->sw, check_router, &seen);
	switch_each_vlan(w->sw, check_vlan, &seen);
	check_counts(w, &seen);
}
