/* Other settings for a running switch. */
#include <string.h>

#include "switch_impl.h"

struct mdb_limits
sw_mdb_limits(const struct sw_snooping *s)
{
	return (struct mdb_limits){ .max_groups = s->max_groups,
				    .max_hosts = s->max_hosts,
				    .max_source_records = s->max_source_records,
				    .max_sources = s->max_sources,
				    .strict_ssm = s->strict_ssm };
}

struct mdb_port_params
sw_mdb_port_params(const struct sw_port_params *p)
{
	return (struct mdb_port_params){ .fast_leave = p->fast_leave,
					 .endpoint = p->endpoint,
					 .max_groups = p->max_groups,
					 .max_hosts = p->max_hosts,
					 .max_source_records = p->max_source_records,
					 .groups = p->groups };
}

void
switch_reconfigure(struct sw *sw, const struct sw_params *params, struct mono now)
{
	struct mac mac = sw->params.mac;
	sw->params = *params;
	sw->params.mac = mac;
	fdb_reconfigure(&sw->fdb, params->aging, params->max_macs);
	sw->mdb.limits = sw_mdb_limits(&sw->params.snooping);
	for (int f = 0; f < GM_FAMILIES; f++)
		querier_reconfigure(&sw->querier[f], now);
}

void
switch_port_reconfigure(struct sw *sw, struct sw_port *p, const struct sw_port_params *params, struct mono now)
{
	bool was_always = p->params.router == SW_ROUTER_ALWAYS;
	struct sw_port_params next = *params;
	memcpy(next.name, p->params.name, sizeof(next.name));
	next.kind = p->params.kind;
	next.endpoint = p->params.endpoint;
	const struct mdb_port_params mdb = sw_mdb_port_params(&next);
	(void)mdb_port_reconfigure(&sw->mdb, &p->mdb, &mdb, now); /* without memory the old settings stay */
	p->params = next;
	p->params.groups = (struct sw_group_rules){ 0 };
	sw_port_set_rate(p, now);
	p->fdb.max = next.max_macs;
	p->fdb.respects = next.protect_macs;
	if (next.router == SW_ROUTER_ALWAYS)
		sw_router_add(sw, p, 0, now);
	else if (was_always || next.router == SW_ROUTER_NEVER)
		sw_router_remove(sw, p, now);
	else
		sw_update_takers(sw, p);
}
