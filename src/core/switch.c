/* The switch: its life and its time. */
#include "castswitch/switch.h"

#include <stdlib.h>
#include <string.h>

#include "switch_impl.h"

void
sw_params_default(struct sw_params *ret)
{
	*ret = (struct sw_params){
		.aging = 300 * NSEC_PER_SEC,
		.max_macs = 65536,
		.snooping = {
			.enabled = { true, true },
			.version = { 3, 2 },
			.querier = SW_QUERIER_AUTO,
			.robustness = 2,
			.query_interval = 125 * NSEC_PER_SEC,
			.query_response_interval = 10 * NSEC_PER_SEC,
			.last_member_query_interval = NSEC_PER_SEC,
			.unregistered = SW_UNREG_ROUTERS,
			.flood_until_querier = true,
			.max_groups = 16384,
			.max_source_records = 262144,
			.max_hosts = 262144,
			.max_sources = 128,
		},
	};
}

void
sw_port_params_default(enum sw_port_kind kind, const char *name, struct sw_port_params *ret)
{
	*ret = (struct sw_port_params){
		.kind = (uint8_t)kind,
		.router = kind == SW_PEER ? SW_ROUTER_NEVER : SW_ROUTER_AUTO,
		.fast_leave = SW_FAST_LEAVE_AUTO,
		.learning = true,
		.protect_macs = kind == SW_PEER,
		.flood_unknown_unicast = true,
		.flood_broadcast = true,
	};
	strncpy(ret->name, name, sizeof(ret->name) - 1);
}

static struct hash_key
sw_hash_key(const struct rng *rng)
{
	return (struct hash_key){ .k0 = rng_u64(rng), .k1 = rng_u64(rng) };
}

struct sw *
switch_new(const struct sw_params *params, const struct sw_ops *ops, void *arg, const struct rng *rng, struct mono now)
{
	struct sw *sw = calloc(1, sizeof(*sw));
	if (!sw)
		return NULL;
	sw->params = *params;
	sw->ops = *ops;
	sw->arg = arg;
	const struct mdb_limits limits = sw_mdb_limits(&params->snooping);
	struct hash_key fdb_key_ = sw_hash_key(rng), routes_key = sw_hash_key(rng), mdb_key = sw_hash_key(rng);
	fdb_init(&sw->fdb, &fdb_key_, params->aging, params->max_macs);
	mroute_table_init(&sw->routes, &routes_key);
	hmap_init(&sw->mac_groups);
	mdb_init(&sw->mdb, &mdb_key, &limits, &sw->routes, &sw_mdb_ops, sw);
	timerq_init(&sw->timers);
	portset_init(&sw->up);
	portset_init(&sw->all_multicast);
	portset_init(&sw->flood_unregistered);
	portset_init(&sw->flood_reports);
	timer_init(&sw->topology, sw_topology_fired);
	sw_pace_init(&sw->pace);
	sw->now = now;
	if (!sw_vlan_open(sw, 0, NULL, now)) {
		switch_free(sw);
		return NULL;
	}
	return sw;
}

void
switch_free(struct sw *sw)
{
	if (!sw)
		return;
	sw->ops.event = NULL;
	for (size_t i = 0; i < SW_MAX_PORTS; i++)
		if (sw->ports[i])
			switch_port_del(sw, sw->ports[i], sw->now);
	for (size_t vid = 0; vid < SW_VLANS; vid++)
		if (sw->vlans[vid])
			sw_vlan_close(sw->vlans[vid], sw->now);
	mdb_fini(&sw->mdb);
	mroute_table_fini(&sw->routes);
	hmap_fini(&sw->mac_groups);
	fdb_fini(&sw->fdb);
	timerq_fini(&sw->timers);
	portset_fini(&sw->up);
	portset_fini(&sw->all_multicast);
	portset_fini(&sw->flood_unregistered);
	portset_fini(&sw->flood_reports);
	free(sw);
}

void
sw_event(struct sw *sw, const struct sw_event *ev, struct mono now)
{
	if (sw->ops.event)
		sw->ops.event(sw->arg, ev, now);
}

/* --- time --- */

void
switch_tick(struct sw *sw, struct mono now)
{
	sw->now = now;
	fdb_tick(&sw->fdb, now);
	mdb_tick(&sw->mdb, now);
	timerq_run(&sw->timers, now, sw);
}

struct mono
switch_next(const struct sw *sw)
{
	return mono_min(timerq_next(&sw->timers), mono_min(fdb_next(&sw->fdb), mdb_next(&sw->mdb)));
}
