/* The switch: its life, its ports, its time. */
#include "castswitch/switch.h"

#include <errno.h>
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
	const struct sw_snooping *s = &sw->params.snooping;
	const struct mdb_limits limits = sw_mdb_limits(s);
	struct hash_key fdb_key_ = sw_hash_key(rng), routes_key = sw_hash_key(rng), mdb_key = sw_hash_key(rng);
	fdb_init(&sw->fdb, &fdb_key_, params->aging, params->max_macs);
	mroute_table_init(&sw->routes, &routes_key);
	hmap_init(&sw->mac_groups);
	mdb_init(&sw->mdb, &mdb_key, &limits, &sw->routes, &sw_mdb_ops, sw);
	timerq_init(&sw->timers);
	portset_init(&sw->up);
	portset_init(&sw->routers);
	portset_init(&sw->takers);
	portset_init(&sw->all_multicast);
	portset_init(&sw->flood_unregistered);
	portset_init(&sw->flood_reports);
	for (int f = 0; f < GM_FAMILIES; f++) {
		querier_init(&sw->querier[f], (enum gm_family)f, s, &params->mac, &sw_querier_ops, sw, now);
		sw_apply_querier(sw, (enum gm_family)f);
	}
	return sw;
}

static void
sw_port_free(struct sw *sw, struct sw_port *p)
{
	switch_clear_static_groups(sw, p, MONO_ZERO);
	mdb_port_fini(&sw->mdb, &p->mdb, MONO_ZERO);
	fdb_forget_port(&sw->fdb, &p->fdb);
	timerq_cancel(&sw->timers, &p->router_expiry);
	timerq_cancel(&sw->timers, &p->ask_again);
	sw->ports[p->id] = NULL;
	sw->n_ports--;
	free(p);
}

void
switch_free(struct sw *sw)
{
	if (!sw)
		return;
	sw->ops.event = NULL;
	for (size_t i = 0; i < SW_MAX_PORTS; i++)
		if (sw->ports[i])
			sw_port_free(sw, sw->ports[i]);
	mdb_fini(&sw->mdb);
	mroute_table_fini(&sw->routes);
	hmap_fini(&sw->mac_groups);
	fdb_fini(&sw->fdb);
	timerq_fini(&sw->timers);
	portset_fini(&sw->up);
	portset_fini(&sw->routers);
	portset_fini(&sw->takers);
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

/* --- ports --- */

struct sw_port *
switch_port_find(const struct sw *sw, const char *name)
{
	for (size_t i = 0; i < SW_MAX_PORTS; i++)
		if (sw->ports[i] && strcmp(sw->ports[i]->params.name, name) == 0)
			return sw->ports[i];
	return NULL;
}

void
sw_port_set_rate(struct sw_port *p, struct mono now)
{
	const uint64_t rate = p->params.gm_rate;
	if (p->gm_rate.rate != rate || p->gm_rate.burst != 2 * rate)
		tbucket_init(&p->gm_rate, rate, 2 * rate, now);
}

static void sw_port_ask_again(struct timer *t, void *arg, struct mono now);

static struct sw_port *
sw_port_new(struct sw *sw, const struct sw_port_params *params, const struct sw_port_ops *ops, void *arg, uint16_t id,
	    struct mono now)
{
	const struct mdb_port_params mdb = sw_mdb_port_params(params);
	struct sw_port *p = calloc(1, sizeof(*p));
	if (!p || !mdb_port_init(&p->mdb, id, &mdb)) {
		free(p);
		return NULL;
	}
	p->params = *params;
	p->params.groups = (struct sw_group_rules){ 0 }; /* the database has a copy */
	p->ops = *ops;
	p->arg = arg;
	p->sw = sw;
	p->id = id;
	sw_port_set_rate(p, now);
	p->is_router = params->router == SW_ROUTER_ALWAYS;
	timer_init(&p->router_expiry, sw_router_fired);
	timer_init(&p->ask_again, sw_port_ask_again);
	fdb_port_init(&p->fdb, id, params->max_macs, params->kind != SW_PEER || params->endpoint, params->protect_macs);
	return p;
}

struct sw_port *
switch_port_add(struct sw *sw, const struct sw_port_params *params, const struct sw_port_ops *ops, void *arg,
		struct mono now, int *ret_err)
{
	uint16_t id = 0;
	if (switch_port_find(sw, params->name)) {
		*ret_err = EEXIST;
		return NULL;
	}
	while (id < SW_MAX_PORTS && sw->ports[id])
		id++;
	if (id == SW_MAX_PORTS) {
		*ret_err = ENOSPC;
		return NULL;
	}
	struct sw_port *p = sw_port_new(sw, params, ops, arg, id, now);
	if (!p) {
		*ret_err = ENOMEM;
		return NULL;
	}
	sw->ports[id] = p;
	sw->n_ports++;
	return p;
}

void
switch_port_del(struct sw *sw, struct sw_port *p, struct mono now)
{
	switch_port_set_up(sw, p, false, now);
	sw_port_free(sw, p);
}

/* The hosts behind a port that comes up are asked at once; until they had time to answer, a tap or NIC gets what is not
 * registered.  A peer never gets what it did not ask for.  Returns the time by which answers are in, 'now' when nobody
 * was asked. */
static struct mono
sw_port_ask(struct sw *sw, struct sw_port *p, struct mono now)
{
	struct mono answered = now;
	for (int f = 0; f < GM_FAMILIES; f++) {
		struct mono until = querier_port_up(&sw->querier[f], p->id, now);
		answered = mono_max(answered, until);
		if (!sw->params.snooping.flood_until_querier || p->params.kind == SW_PEER)
			continue;
		p->flood_until[f] = until;
		sw->flood_until[f] = mono_max(sw->flood_until[f], until);
	}
	return answered;
}

static void
sw_port_ask_again(struct timer *t, void *arg, struct mono now)
{
	struct sw *sw = arg;
	struct sw_port *p = container_of(t, struct sw_port, ask_again);
	sw_port_ask(sw, p, now);
}

/* Nothing is believed of what is behind a port that is down. */
static void
sw_port_forget_routers(struct sw *sw, struct sw_port *p, struct mono now)
{
	if (p->params.router != SW_ROUTER_ALWAYS)
		sw_router_remove(sw, p, now);
	for (int f = 0; f < GM_FAMILIES; f++)
		querier_port_down(&sw->querier[f], p->id, now);
}

static void
sw_port_go_up(struct sw *sw, struct sw_port *p, struct mono now)
{
	const bool resumes = p->suspended;
	p->up = true;
	p->suspended = false;
	(void)portset_add(&sw->up, p->id);
	sw_update_takers(sw, p);
	const struct mono answered = sw_port_ask(sw, p, now);
	/* One query may get lost; what is not reported after two is of hosts that are gone. */
	if (resumes && mono_before(now, answered)) {
		timerq_arm(&sw->timers, &p->ask_again, mono_add(now, SW_RESUME_ASK));
		mdb_port_resume(&sw->mdb, &p->mdb, mono_add(answered, SW_RESUME_ASK), now);
	}
}

void
switch_port_suspend(struct sw *sw, struct sw_port *p, struct mono now)
{
	if (!p->up)
		return;
	p->up = false;
	p->suspended = true;
	portset_remove(&sw->up, p->id);
	timerq_cancel(&sw->timers, &p->ask_again);
	sw_update_takers(sw, p);
	sw_port_forget_routers(sw, p, now);
}

void
switch_port_set_up(struct sw *sw, struct sw_port *p, bool up, struct mono now)
{
	if (up && !p->up)
		sw_port_go_up(sw, p, now);
	if (up || (!p->up && !p->suspended))
		return;
	switch_port_suspend(sw, p, now);
	p->suspended = false;
	mdb_port_flush(&sw->mdb, &p->mdb, now);
	fdb_flush_port(&sw->fdb, &p->fdb);
}

const char *
sw_port_name(const struct sw_port *p)
{
	return p->params.name;
}

uint16_t
sw_port_id(const struct sw_port *p)
{
	return p->id;
}

/* --- time --- */

void
switch_tick(struct sw *sw, struct mono now)
{
	sw->now = now;
	fdb_tick(&sw->fdb, now);
	mdb_tick(&sw->mdb, now);
	timerq_run(&sw->timers, now, sw);
	for (int f = 0; f < GM_FAMILIES; f++)
		querier_tick(&sw->querier[f], now);
}

struct mono
switch_next(const struct sw *sw)
{
	struct mono next = mono_min(fdb_next(&sw->fdb), mdb_next(&sw->mdb));
	next = mono_min(next, timerq_next(&sw->timers));
	for (int f = 0; f < GM_FAMILIES; f++)
		next = mono_min(next, querier_next(&sw->querier[f]));
	return next;
}
