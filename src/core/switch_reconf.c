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

/* What was learned by other VLANs than those there are from now on is of no use. */
static void
sw_forget_vlans(struct sw *sw, struct mono now)
{
	for (size_t i = 0; i < SW_MAX_PORTS; i++) {
		struct sw_port *p = sw->ports[i];
		if (!p)
			continue;
		switch_clear_static_groups(sw, p, now);
		mdb_port_flush(&sw->mdb, &p->mdb, now);
		fdb_flush_port(&sw->fdb, &p->fdb);
		sw_router_forget_all(p, now);
	}
	for (size_t vid = 1; vid < SW_VLANS; vid++)
		if (sw->vlans[vid])
			sw_vlan_close(sw->vlans[vid], now);
}

/* A family that is no longer snooped: nobody would hear when members leave. */
static void
sw_forget_members(struct sw *sw, enum gm_family family, struct mono now)
{
	for (size_t i = 0; i < SW_MAX_PORTS; i++)
		if (sw->ports[i])
			mdb_port_flush_family(&sw->mdb, &sw->ports[i]->mdb, family, now);
}

void
switch_reconfigure(struct sw *sw, const struct sw_params *params, struct mono now)
{
	struct mac mac = sw->params.mac;
	if (params->vlan_aware != sw->params.vlan_aware)
		sw_forget_vlans(sw, now);
	for (int f = 0; f < GM_FAMILIES; f++)
		if (!params->snooping.enabled[f])
			sw_forget_members(sw, (enum gm_family)f, now);
	sw->params = *params;
	sw->params.mac = mac;
	fdb_reconfigure(&sw->fdb, params->aging, params->max_macs);
	sw->mdb.limits = sw_mdb_limits(&sw->params.snooping);
	SW_VLAN_EACH (v, sw) {
		for (int f = 0; f < GM_FAMILIES; f++)
			querier_reconfigure(&v->querier[f], now);
		sw_vlan_apply_querier(v, now);
		sw_vlan_set_aging(v, now);
	}
}

void
switch_port_reconfigure(struct sw *sw, struct sw_port *p, const struct sw_port_params *params, struct mono now)
{
	const uint8_t router = p->params.router;
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
	sw_router_reconfigure(sw, p, router, now);
}
