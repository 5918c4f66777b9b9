/* The ports of a switch: added, up, suspended, down, deleted. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "switch_impl.h"

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
	list_init(&p->routers);
	list_init(&p->asking);
	timer_init(&p->ask_again, sw_port_ask_again);
	sw_port_set_rate(p, now);
	fdb_port_init(&p->fdb, id, params->max_macs, params->kind != SW_PEER || params->endpoint, params->protect_macs);
	return p;
}

void
sw_port_free(struct sw *sw, struct sw_port *p)
{
	switch_clear_static_groups(sw, p, sw->now);
	mdb_port_fini(&sw->mdb, &p->mdb, sw->now);
	fdb_forget_port(&sw->fdb, &p->fdb);
	sw->ports[p->id] = NULL;
	sw->n_ports--;
	free(p);
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

static void
sw_port_go_up(struct sw *sw, struct sw_port *p, struct mono now)
{
	const bool resumes = p->suspended;
	p->up = true;
	p->suspended = false;
	sw_update_sets(sw, p);
	if (p->was_up)
		sw_topology_changed(sw, p, now);
	p->was_up = true;
	const struct mono answered = sw_port_ask(sw, p, now);
	/* One query may get lost; what is not reported after two is of hosts that are gone. */
	if (resumes && mono_before(now, answered)) {
		timerq_arm(&sw->timers, &p->ask_again, mono_add(now, SW_RESUME_ASK));
		mdb_port_resume(&sw->mdb, &p->mdb, mono_add(answered, SW_RESUME_ASK));
	}
}

void
sw_port_forget_queriers(struct sw *sw, struct sw_port *p, struct mono now)
{
	SW_VLAN_EACH (v, sw) {
		for (int f = 0; f < GM_FAMILIES; f++)
			querier_port_down(&v->querier[f], p->id, now);
		sw_vlan_apply_querier(v, now);
	}
}

/* Nothing is believed of the routers behind a port that is down, nor is it waited for. */
static void
sw_port_go_down(struct sw *sw, struct sw_port *p, struct mono now)
{
	p->up = false;
	sw_update_sets(sw, p);
	timerq_cancel(&sw->timers, &p->ask_again);
	list_remove(&p->asking);
	SW_VLAN_EACH (v, sw)
		sw_vlan_forget_port(v, p);
	sw_router_forget_all(p, now);
	sw_port_forget_queriers(sw, p, now);
	sw_topology_changed(sw, p, now);
}

void
switch_port_suspend(struct sw *sw, struct sw_port *p, struct mono now)
{
	if (!p->up)
		return;
	p->suspended = true;
	sw_port_go_down(sw, p, now);
}

void
switch_port_set_up(struct sw *sw, struct sw_port *p, bool up, struct mono now)
{
	if (up) {
		if (!p->up)
			sw_port_go_up(sw, p, now);
		return;
	}
	if (!p->up && !p->suspended)
		return;
	if (p->up)
		sw_port_go_down(sw, p, now);
	p->suspended = false;
	mdb_port_flush(&sw->mdb, &p->mdb, now);
	fdb_flush_port(&sw->fdb, &p->fdb);
	sw_vlan_release_port(sw, p, now);
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
