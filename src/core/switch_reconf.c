/* Other settings for a running switch. */
#include <string.h>

#include "switch_impl.h"

void
switch_reconfigure(struct sw *sw, const struct sw_params *params, struct mono now)
{
	struct mac mac = sw->params.mac;
	const struct sw_snooping *s = &sw->params.snooping;
	sw->params = *params;
	sw->params.mac = mac;
	fdb_reconfigure(&sw->fdb, params->aging, params->max_macs);
	sw->mdb.limits = (struct mdb_limits){ .max_groups = s->max_groups,
					      .max_source_records = s->max_source_records,
					      .max_sources = s->max_sources };
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
	p->params = next;
	p->fdb.max = next.max_macs;
	p->fdb.respects = next.protect_macs;
	p->mdb.fast_leave = next.fast_leave;
	p->mdb.max_groups = next.max_groups;
	p->mdb.max_hosts = next.max_hosts;
	if (next.router == SW_ROUTER_ALWAYS)
		sw_router_add(sw, p, 0, now);
	else if (was_always || next.router == SW_ROUTER_NEVER)
		sw_router_remove(sw, p, now);
	else
		sw_update_takers(sw, p);
}
