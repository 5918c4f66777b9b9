/* The world of the switch target: settings, ports and static entries, see switch_world.h. */
#include "fuzz/switch_world.h"

#include <errno.h>
#include <string.h>

#include "castswitch/fdb.h"
#include "fuzz/fuzz.h"

/* --- settings of the switch: six bytes, all 0 for the defaults --- */

struct times {
	nsec_t interval, response;
};

static const struct times all_times[8] = {
	{ 125 * NSEC_PER_SEC, 10 * NSEC_PER_SEC },     { 1 * NSEC_PER_SEC, 100 * NSEC_PER_MSEC },
	{ 20 * NSEC_PER_SEC, 5 * NSEC_PER_SEC },       { 10 * NSEC_PER_SEC, 4 * NSEC_PER_SEC },
	{ 60 * NSEC_PER_SEC, 1 * NSEC_PER_SEC },       { 31744 * NSEC_PER_SEC, 3174 * NSEC_PER_SEC },
	{ 130 * NSEC_PER_SEC, 25500 * NSEC_PER_MSEC }, { 2 * NSEC_PER_SEC, 1900 * NSEC_PER_MSEC },
};

static void
set_policies(struct sw_params *p, const uint8_t s[2])
{
	static const uint16_t reserved[4] = { 0, 0x4000, 0xc001, 0xffff };

	p->snooping.querier = s[0] & 0x01 ? SW_QUERIER_OFF : SW_QUERIER_AUTO;
	p->snooping.unregistered = (uint8_t)((s[0] >> 1 & 3) % 3);
	p->snooping.flood_until_querier = !(s[0] & 0x08);
	p->snooping.drop_non_ip_multicast = s[0] & 0x10;
	p->snooping.strict_router_alert = s[0] & 0x20;
	p->snooping.strict_ssm = s[0] & 0x40;
	p->snooping.mrd_solicit = s[0] & 0x80;
	p->vlan_aware = s[1] & 0x01;
	p->snooping.enabled[GM_IGMP] = !(s[1] & 0x02);
	p->snooping.enabled[GM_MLD] = !(s[1] & 0x04);
	p->snooping.version[GM_IGMP] = (uint8_t)(3 - (s[1] >> 3 & 3) % 3);
	p->snooping.version[GM_MLD] = s[1] & 0x20 ? 1 : 2;
	p->forward_reserved = reserved[s[1] >> 6];
}

static void
set_times(struct sw_params *p, const uint8_t s[3])
{
	static const uint8_t robustness[8] = { 2, 1, 3, 7, 4, 5, 6, 2 }, counts[4] = { 0, 1, 3, 7 };
	static const nsec_t aging[4] = { 300, 10, 0, 3600 }, leave[4] = { 1000, 100, 5000, 25000 };
	static const nsec_t fixed[4] = { 0, 0, 30, 1 }, startup[4] = { 0, 100, 1000, 31744000 };
	struct sw_snooping *n = &p->snooping;

	n->query_interval = all_times[s[0] & 7].interval;
	n->query_response_interval = all_times[s[0] & 7].response;
	n->robustness = robustness[s[0] >> 3 & 7];
	p->aging = aging[s[0] >> 6] * NSEC_PER_SEC;
	n->last_member_query_interval = leave[s[1] >> 2 & 3] * NSEC_PER_MSEC;
	n->last_member_query_count = counts[s[1] >> 4 & 3];
	n->membership_interval = fixed[s[1] >> 6] * NSEC_PER_SEC;
	n->startup_query_count = counts[s[2] >> 2 & 3];
	n->startup_query_interval = startup[s[2] >> 4 & 3] * NSEC_PER_MSEC;
	n->other_querier_interval = fixed[s[2] >> 6] * NSEC_PER_SEC;
	/* Between those of the hosts, so that some win the election. */
	if (s[2] & 1)
		n->querier_address[GM_IGMP] = ipaddr_v4_u32(0x0a000005);
	if (s[2] & 2)
		n->querier_address[GM_MLD] = (struct ipaddr){ { 0xfe, 0x80, [15] = 5 } };
}

static void
set_limits(struct sw_params *p, uint8_t size)
{
	static const uint32_t limits[4][5] = {
		{ 65536, 16384, 262144, 262144, 128 }, { 8, 5, 40, 3, 4 }, { 1, 1, 1, 1, 1 }, { 3, 10, 80, 40, 70 }
	};

	p->max_macs = limits[size][0];
	p->snooping.max_groups = limits[size][1];
	p->snooping.max_source_records = limits[size][2];
	p->snooping.max_hosts = limits[size][3];
	p->snooping.max_sources = (uint16_t)limits[size][4];
}

void
world_note_times(struct world *w, uint8_t robustness, nsec_t interval, nsec_t response)
{
	w->robustness = robustness > w->robustness ? robustness : w->robustness;
	w->interval = interval > w->interval ? interval : w->interval;
	w->response = response > w->response ? response : w->response;
}

void
world_set_params(struct world *w, const uint8_t settings[6])
{
	const struct sw_snooping *s = &w->params.snooping;

	sw_params_default(&w->params);
	w->params.mac = (struct mac){ { 2, 0, 0, 0, 0, 0xfe } };
	set_policies(&w->params, settings);
	set_times(&w->params, settings + 2);
	set_limits(&w->params, settings[3] & 3);
	world_note_times(w, s->robustness, s->query_interval, s->query_response_interval);
	if (s->query_response_interval > w->own_response)
		w->own_response = s->query_response_interval;
	if (s->membership_interval > w->fixed_membership)
		w->fixed_membership = s->membership_interval;
	w->has_flooded |= s->flood_until_querier;
	w->other_limits = true;
}

/* What was said of groups is void. */
static void
forget_joins(struct world_port *p)
{
	FUZZ_CHECK(p->joined == 0);
	memset(p->joins, 0, sizeof(p->joins));
}

static void
promise_no_flood(struct world_port *p)
{
	p->flood_until[GM_IGMP] = p->flood_until[GM_MLD] = MONO_ZERO;
}

void
world_reconfigure(struct world *w, const uint8_t settings[6])
{
	const bool was_aware = w->params.vlan_aware;

	world_flush(w);
	if (was_aware != (settings[1] & 1))
		for (unsigned i = 0; i < WORLD_PORTS; i++)
			world_clear_statics(w, i, true, true);
	world_set_params(w, settings);
	w->reconfigured = true;
	switch_reconfigure(w->sw, &w->params, w->now);
	for (unsigned i = 0; i < WORLD_PORTS; i++) {
		w->ports[i].asked_at = w->now;
		promise_no_flood(&w->ports[i]);
		if (was_aware != w->params.vlan_aware)
			forget_joins(&w->ports[i]);
	}
	model_forget(&w->model);
}

/* --- ports --- */

static const enum sw_port_kind kinds[WORLD_PORTS] = { SW_TAP, SW_NIC, SW_NIC, SW_PEER, SW_PEER, SW_PEER };

void
world_port_init(struct world *w, unsigned port)
{
	const char name[] = { 'p', (char)('0' + port), '\0' };
	struct world_port *p = &w->ports[port];

	p->world = w;
	sw_port_params_default(kinds[port], name, &p->params);
	p->params.endpoint = port == WORLD_PORTS - 1;
}

static void
set_rules(struct world_port *p, uint8_t which)
{
	p->rules[0] = (struct ipprefix){ ipaddr_v4_u32(0xef000000), 8 };
	p->rules[1] = (struct ipprefix){ ipaddr_v4_u32(0xef010200), 31 };
	p->params.groups = (struct sw_group_rules){ 0 };
	if (which & 1)
		p->params.groups = (struct sw_group_rules){ .allow = &p->rules[0], .n_allow = 1 };
	if (which & 2) {
		p->params.groups.deny = &p->rules[1];
		p->params.groups.n_deny = 1;
	}
}

void
world_port_reconfigure(struct world *w, unsigned port, const uint8_t s[3])
{
	static const uint32_t rates[4] = { 0, 1, 5, 100 }, few[4] = { 0, 1, 2, 8 }, some[4] = { 0, 2, 4, 40 };
	struct world_port *p = &w->ports[port];
	struct sw_port_params *params = &p->params;

	world_flush(w);
	if (!p->port)
		return;
	params->router = kinds[port] == SW_PEER ? SW_ROUTER_NEVER : SW_ROUTER_AUTO;
	if (s[0] & 3)
		params->router = (uint8_t)((s[0] & 3) - 1);
	params->fast_leave = (uint8_t)((s[0] >> 2 & 3) % 3);
	params->isolate = s[0] & 0x10;
	params->flood_unregistered = s[0] & 0x20;
	params->flood_reports = s[0] & 0x40;
	params->all_multicast = s[0] & 0x80;
	params->learning = !(s[1] & 0x01);
	params->protect_macs = (kinds[port] == SW_PEER) != !!(s[1] & 0x02);
	params->flood_unknown_unicast = !(s[1] & 0x04);
	params->flood_broadcast = !(s[1] & 0x08);
	set_rules(p, s[1] >> 4 & 3);
	params->gm_rate = rates[s[1] >> 6];
	params->max_macs = few[s[2] & 3];
	params->max_groups = few[s[2] >> 2 & 3];
	params->max_hosts = few[s[2] >> 4 & 3];
	params->max_source_records = some[s[2] >> 6];
	switch_port_reconfigure(w->sw, p->port, params, w->now);
	model_forget(&w->model);
}

static void
find_stats(void *arg, const struct sw_port_view *v)
{
	struct world *w = arg;

	for (unsigned i = 0; i < WORLD_PORTS; i++)
		if (w->ports[i].port && strcmp(v->name, w->ports[i].params.name) == 0)
			w->ports[i].stats = v->stats;
}

void
world_find_stats(struct world *w)
{
	switch_each_port(w->sw, find_stats, w);
}

void
world_port_add(struct world *w, unsigned port)
{
	struct world_port *p = &w->ports[port];
	int err = 0;

	world_flush(w);
	if (p->port) {
		FUZZ_CHECK(!switch_port_add(w->sw, &p->params, &world_port_ops, p, w->now, &err) && err == EEXIST);
		return;
	}
	p->port = switch_port_add(w->sw, &p->params, &world_port_ops, p, w->now, &err);
	FUZZ_CHECK(p->port != NULL);
	p->n_tx = p->tx_bytes = 0;
	p->ask_again_at = MONO_NEVER;
	world_port_set_up(w, port, true);
}

/* From now on nothing more is sent there. */
static void
go_down(struct world_port *p)
{
	p->up = false;
	p->ask_again_at = MONO_NEVER;
	promise_no_flood(p);
}

static void
go_up(struct world_port *p)
{
	const struct world *w = p->world;
	const struct sw_snooping *s = &w->params.snooping;
	const nsec_t answer = s->query_response_interval < NSEC_PER_SEC ? s->query_response_interval : NSEC_PER_SEC;

	if (p->suspended)
		p->ask_again_at = mono_add(w->now, NSEC_PER_SEC);
	p->up = true;
	p->suspended = false;
	p->asked_at = w->now;
	for (int f = 0; f < GM_FAMILIES; f++)
		if (s->flood_until_querier && s->enabled[f] && s->querier != SW_QUERIER_OFF)
			p->flood_until[f] = mono_add(w->now, answer + NSEC_PER_SEC);
}

void
world_port_set_up(struct world *w, unsigned port, bool up)
{
	struct world_port *p = &w->ports[port];

	world_flush(w);
	if (!p->port)
		return;
	if (up && !p->up)
		go_up(p);
	if (!up)
		go_down(p);
	switch_port_set_up(w->sw, p->port, up, w->now);
	if (!up) {
		p->suspended = false;
		forget_joins(p);
	}
	model_forget(&w->model);
}

void
world_port_suspend(struct world *w, unsigned port)
{
	struct world_port *p = &w->ports[port];

	world_flush(w);
	if (!p->port)
		return;
	p->suspended |= p->up;
	go_down(p);
	switch_port_suspend(w->sw, p->port, w->now);
	model_forget(&w->model);
}

static void
forget_mac_groups(struct world *w, unsigned port)
{
	for (unsigned i = 0; i < w->n_mac_groups; i++)
		w->mac_groups[i].ports &= ~(1u << port);
}

void
world_port_del(struct world *w, unsigned port)
{
	struct world_port *p = &w->ports[port];

	world_flush(w);
	if (!p->port)
		return;
	go_down(p);
	switch_port_del(w->sw, p->port, w->now);
	p->port = NULL;
	p->suspended = p->has_statics = false;
	forget_joins(p);
	forget_mac_groups(w, port);
	model_forget(&w->model);
}

/* --- static entries --- */

void
world_static_mac(struct world *w, unsigned port, bool self, uint16_t vid, const struct mac *mac, bool sticky)
{
	struct sw_port *p = w->ports[port].port;

	world_flush(w);
	if (self || p)
		FUZZ_CHECK(switch_add_static_mac(w->sw, self ? NULL : p, vid, mac, sticky, w->now));
}

void
world_static_group(struct world *w, unsigned port, uint16_t vid, const struct ipaddr *group,
		   const struct ipaddr *source)
{
	struct world_port *p = &w->ports[port];

	world_flush(w);
	if (!p->port)
		return;
	const bool sensible = ipaddr_is_multicast(group) && !ipaddr_group_always_floods(group);

	FUZZ_CHECK(switch_add_static_group(w->sw, p->port, vid, group, source, w->now) == sensible);
	p->has_statics |= sensible;
	model_forget(&w->model);
}

/* NULL when there is no room for another. */
static struct world_mac_group *
mac_group_of(struct world *w, uint64_t key)
{
	for (unsigned i = 0; i < w->n_mac_groups; i++)
		if (w->mac_groups[i].key == key)
			return &w->mac_groups[i];
	if (w->n_mac_groups == WORLD_MAC_GROUPS)
		return NULL;
	w->mac_groups[w->n_mac_groups] = (struct world_mac_group){ .key = key };
	return &w->mac_groups[w->n_mac_groups++];
}

void
world_static_group_mac(struct world *w, unsigned port, uint16_t vid, const struct mac *mac)
{
	struct world_port *p = &w->ports[port];

	world_flush(w);
	struct world_mac_group *g = mac_group_of(w, fdb_key(world_vid(w, vid), mac));

	if (!p->port || !g)
		return;
	FUZZ_CHECK(switch_add_static_group_mac(w->sw, p->port, vid, mac, w->now));
	g->ports |= 1u << port;
}

void
world_clear_statics(struct world *w, unsigned port, bool macs, bool groups)
{
	struct world_port *p = &w->ports[port];

	world_flush(w);
	if (macs)
		switch_clear_static_macs(w->sw, NULL);
	if (!p->port)
		return;
	if (macs)
		switch_clear_static_macs(w->sw, p->port);
	if (!groups)
		return;
	switch_clear_static_groups(w->sw, p->port, w->now);
	p->has_statics = false;
	forget_mac_groups(w, port);
	model_forget(&w->model);
}
