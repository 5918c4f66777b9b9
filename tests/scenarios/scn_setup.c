/* The scenario runner: commands that set up and change the switch, its ports and what is static. */
#include "scn.h"

#include <string.h>

/* --- the switch --- */

#define PARAM(key, kind, member)                                       \
	{                                                              \
		key, kind, offsetof(struct sw_params, member), NULL, 0 \
	}
#define SNOOPING(key, kind, member)                                             \
	{                                                                       \
		key, kind, offsetof(struct sw_params, snooping.member), NULL, 0 \
	}

static const struct scn_option switch_options[] = {
	PARAM("mac", SCN_OPT_MAC, mac),
	PARAM("aging", SCN_OPT_DURATION, aging),
	PARAM("max-macs", SCN_OPT_U32, max_macs),
	PARAM("vlan-aware", SCN_OPT_BOOL, vlan_aware),
	PARAM("forward-reserved", SCN_OPT_U16, forward_reserved),
	SNOOPING("igmp", SCN_OPT_BOOL, enabled[GM_IGMP]),
	SNOOPING("mld", SCN_OPT_BOOL, enabled[GM_MLD]),
	SNOOPING("igmp-version", SCN_OPT_U8, version[GM_IGMP]),
	SNOOPING("mld-version", SCN_OPT_U8, version[GM_MLD]),
	{ "querier", SCN_OPT_CHOICE, offsetof(struct sw_params, snooping.querier), "auto|on|off", 0 },
	SNOOPING("igmp-address", SCN_OPT_IP, querier_address[GM_IGMP]),
	SNOOPING("mld-address", SCN_OPT_IP, querier_address[GM_MLD]),
	SNOOPING("robustness", SCN_OPT_U8, robustness),
	SNOOPING("query-interval", SCN_OPT_DURATION, query_interval),
	SNOOPING("query-response-interval", SCN_OPT_DURATION, query_response_interval),
	SNOOPING("startup-query-interval", SCN_OPT_DURATION, startup_query_interval),
	SNOOPING("startup-query-count", SCN_OPT_U8, startup_query_count),
	SNOOPING("last-member-query-interval", SCN_OPT_DURATION, last_member_query_interval),
	SNOOPING("last-member-query-count", SCN_OPT_U8, last_member_query_count),
	SNOOPING("membership-interval", SCN_OPT_DURATION, membership_interval),
	SNOOPING("other-querier-interval", SCN_OPT_DURATION, other_querier_interval),
	{ "unregistered", SCN_OPT_CHOICE, offsetof(struct sw_params, snooping.unregistered), "routers|flood|drop", 0 },
	SNOOPING("flood-until-querier", SCN_OPT_BOOL, flood_until_querier),
	SNOOPING("drop-non-ip-multicast", SCN_OPT_BOOL, drop_non_ip_multicast),
	SNOOPING("strict-router-alert", SCN_OPT_BOOL, strict_router_alert),
	SNOOPING("strict-ssm", SCN_OPT_BOOL, strict_ssm),
	SNOOPING("mrd-solicit", SCN_OPT_BOOL, mrd_solicit),
	SNOOPING("max-groups", SCN_OPT_U32, max_groups),
	SNOOPING("max-hosts", SCN_OPT_U32, max_hosts),
	SNOOPING("max-source-records", SCN_OPT_U32, max_source_records),
	SNOOPING("max-sources", SCN_OPT_U16, max_sources),
};

static bool
scn_set_params(struct scn *s, struct scn_args *a)
{
	for (const char *w = scn_next(a); w; w = scn_next(a)) {
		const struct scn_option *o =
			scn_find_option(s, switch_options, sizeof(switch_options) / sizeof(switch_options[0]), w);
		if (!o || !scn_set_option(s, o, w, &s->params))
			return false;
	}
	return true;
}

static bool
cmd_switch(struct scn *s, struct scn_args *a)
{
	if (s->sw)
		return scn_fail(s, "'switch' must come first");
	return scn_set_params(s, a) && scn_setup(s);
}

/* reconfigure OPTION=VALUE ...: what is not named stays. */
static bool
cmd_reconfigure(struct scn *s, struct scn_args *a)
{
	if (!scn_step(s) || !scn_set_params(s, a))
		return false;
	switch_reconfigure(s->sw, &s->params, s->now);
	return scn_advance(s, s->now);
}

/* --- ports --- */

#define PORT(key, kind, member)                                             \
	{                                                                   \
		key, kind, offsetof(struct sw_port_params, member), NULL, 0 \
	}

static const struct scn_option port_options[] = {
	{ "router", SCN_OPT_CHOICE, offsetof(struct sw_port_params, router), "auto|never|always", 0 },
	{ "fast-leave", SCN_OPT_CHOICE, offsetof(struct sw_port_params, fast_leave), "auto|on|off", 0 },
	PORT("endpoint", SCN_OPT_BOOL, endpoint),
	PORT("learning", SCN_OPT_BOOL, learning),
	PORT("protect-macs", SCN_OPT_BOOL, protect_macs),
	PORT("isolate", SCN_OPT_BOOL, isolate),
	PORT("flood-unknown-unicast", SCN_OPT_BOOL, flood_unknown_unicast),
	PORT("flood-broadcast", SCN_OPT_BOOL, flood_broadcast),
	PORT("flood-unregistered", SCN_OPT_BOOL, flood_unregistered),
	PORT("flood-reports", SCN_OPT_BOOL, flood_reports),
	PORT("all-multicast", SCN_OPT_BOOL, all_multicast),
	PORT("max-macs", SCN_OPT_U32, max_macs),
	PORT("max-groups", SCN_OPT_U32, max_groups),
	PORT("max-hosts", SCN_OPT_U32, max_hosts),
	PORT("max-source-records", SCN_OPT_U32, max_source_records),
	PORT("gm-rate", SCN_OPT_U32, gm_rate),
};

static bool
scn_add_prefix(struct scn *s, const char *part, void *arg)
{
	size_t *n = arg;
	if (s->n_prefixes == SCN_PREFIXES)
		return scn_fail(s, "more than %d prefixes", SCN_PREFIXES);
	if (!ipprefix_parse(part, &s->prefixes[s->n_prefixes]))
		return scn_fail(s, "'%s' is not a prefix", part);
	s->n_prefixes++;
	(*n)++;
	return true;
}

/* allow-groups=PREFIX,... or deny-groups=PREFIX,...; nothing behind the = means none. */
static bool
scn_set_rule(struct scn *s, const char *word, struct sw_group_rules *rules)
{
	const char *allow = scn_value_of(word, "allow-groups");
	const char *list = allow ? allow : scn_value_of(word, "deny-groups");
	const struct ipprefix *first = s->prefixes + s->n_prefixes;
	size_t n = 0;
	if (*list && !scn_each_part(s, list, scn_add_prefix, &n))
		return false;
	*(allow ? &rules->allow : &rules->deny) = first;
	*(allow ? &rules->n_allow : &rules->n_deny) = n;
	return true;
}

/* *ret_down may be NULL where a port cannot be added down. */
static bool
scn_set_port_params(struct scn *s, struct scn_args *a, struct sw_port_params *params, bool *ret_down)
{
	for (const char *w = scn_next(a); w; w = scn_next(a)) {
		if (ret_down && strcmp(w, "down") == 0) {
			*ret_down = true;
			continue;
		}
		if (scn_value_of(w, "allow-groups") || scn_value_of(w, "deny-groups")) {
			if (!scn_set_rule(s, w, &params->groups))
				return false;
			continue;
		}
		const struct scn_option *o =
			scn_find_option(s, port_options, sizeof(port_options) / sizeof(port_options[0]), w);
		if (!o || !scn_set_option(s, o, w, params))
			return false;
	}
	return true;
}

/* port NAME tap|nic|peer ...: the kind comes first, because it sets the defaults. */
static bool
cmd_port(struct scn *s, struct scn_args *a)
{
	static const char *const kinds[] = { "tap", "nic", "peer" };
	const char *name = scn_next(a), *kind = scn_next(a);
	struct sw_port_params params;
	size_t k = 0;
	bool down = false;
	while (kind && k < 3 && strcmp(kind, kinds[k]) != 0)
		k++;
	if (!kind || k == 3)
		return scn_fail(s, "port NAME tap|nic|peer");
	sw_port_params_default((enum sw_port_kind)k, name, &params);
	if (!scn_set_port_params(s, a, &params, &down))
		return false;
	if (!scn_setup(s) || !scn_add_port(s, &params))
		return false;
	if (!down)
		switch_port_set_up(s->sw, scn_port_find(s, name)->port, true, s->now);
	return s->failure.len == 0;
}

static bool
cmd_reconfigure_port(struct scn *s, struct scn_args *a)
{
	struct scn_port *p;
	if (!scn_step(s) || !scn_parse_port(s, scn_next(a), &p) || !scn_set_port_params(s, a, &p->params, NULL))
		return false;
	switch_port_reconfigure(s->sw, p->port, &p->params, s->now);
	return scn_advance(s, s->now);
}

static bool
scn_set_up(struct scn *s, struct scn_args *a, bool up)
{
	struct scn_port *p;
	if (!scn_step(s) || !scn_parse_port(s, scn_next(a), &p))
		return false;
	switch_port_set_up(s->sw, p->port, up, s->now);
	return scn_no_more(s, a) && scn_advance(s, s->now);
}

static bool
cmd_up(struct scn *s, struct scn_args *a)
{
	return scn_set_up(s, a, true);
}

static bool
cmd_down(struct scn *s, struct scn_args *a)
{
	return scn_set_up(s, a, false);
}

/* Down, but nothing is forgotten but routers. */
static bool
cmd_suspend(struct scn *s, struct scn_args *a)
{
	struct scn_port *p;
	if (!scn_step(s) || !scn_parse_port(s, scn_next(a), &p))
		return false;
	switch_port_suspend(s->sw, p->port, s->now);
	return scn_no_more(s, a) && scn_advance(s, s->now);
}

static bool
cmd_del(struct scn *s, struct scn_args *a)
{
	struct scn_port *p;
	if (!scn_step(s) || !scn_parse_port(s, scn_next(a), &p))
		return false;
	switch_port_del(s->sw, p->port, s->now);
	p->port = NULL;
	return scn_no_more(s, a) && scn_advance(s, s->now);
}

/* --- static entries --- */

struct scn_static {
	struct ipaddr source;
	uint16_t vlan;
	bool sticky;
};

static const struct scn_option static_options[] = {
	{ "vlan", SCN_OPT_U16, offsetof(struct scn_static, vlan), NULL, 0 },
	{ "sticky", SCN_OPT_BOOL, offsetof(struct scn_static, sticky), NULL, 0 },
	{ "source", SCN_OPT_IP, offsetof(struct scn_static, source), NULL, 0 },
};

static bool
scn_parse_static(struct scn *s, struct scn_args *a, struct scn_static *ret)
{
	*ret = (struct scn_static){ .vlan = 0 };
	for (const char *w = scn_next(a); w; w = scn_next(a)) {
		const struct scn_option *o =
			scn_find_option(s, static_options, sizeof(static_options) / sizeof(static_options[0]), w);
		if (!o || !scn_set_option(s, o, w, ret))
			return false;
	}
	return true;
}

/* A port, or NULL for the word "self". */
static bool
scn_parse_owner(struct scn *s, struct scn_args *a, struct sw_port **ret)
{
	struct scn_port *p;
	*ret = NULL;
	if (scn_next_is(a, "self"))
		return true;
	if (!scn_parse_port(s, scn_next(a), &p))
		return false;
	*ret = p->port;
	return true;
}

/* static-mac MAC PORT|self [vlan=N] [sticky] */
static bool
cmd_static_mac(struct scn *s, struct scn_args *a)
{
	struct scn_static x;
	struct sw_port *p;
	struct mac mac;
	if (!scn_setup(s) || !scn_parse_mac(s, scn_next(a), &mac) || !scn_parse_owner(s, a, &p) ||
	    !scn_parse_static(s, a, &x))
		return false;
	return switch_add_static_mac(s->sw, p, x.vlan, &mac, x.sticky, s->now) || scn_fail(s, "it was refused");
}

/* clear-static-macs PORT|self */
static bool
cmd_clear_static_macs(struct scn *s, struct scn_args *a)
{
	struct sw_port *p;
	if (!scn_step(s) || !scn_parse_owner(s, a, &p))
		return false;
	switch_clear_static_macs(s->sw, p);
	return scn_no_more(s, a) && scn_advance(s, s->now);
}

/* static-group GROUP|MAC PORT [vlan=N] [source=IP] */
static bool
cmd_static_group(struct scn *s, struct scn_args *a)
{
	const char *group = scn_next(a);
	struct scn_static x;
	struct scn_port *p;
	struct ipaddr ip;
	struct mac mac;
	const bool is_mac = group && mac_parse(group, &mac);
	if (!scn_setup(s) || (!is_mac && !scn_parse_ip(s, group, &ip)) || !scn_parse_port(s, scn_next(a), &p) ||
	    !scn_parse_static(s, a, &x))
		return false;
	const struct ipaddr *source = ipaddr_is_any(&x.source) ? NULL : &x.source;
	const bool ok = is_mac ? switch_add_static_group_mac(s->sw, p->port, x.vlan, &mac, s->now)
			       : switch_add_static_group(s->sw, p->port, x.vlan, &ip, source, s->now);
	return ok || scn_fail(s, "it was refused");
}

/* clear-static-groups PORT */
static bool
cmd_clear_static_groups(struct scn *s, struct scn_args *a)
{
	struct scn_port *p;
	if (!scn_step(s) || !scn_parse_port(s, scn_next(a), &p))
		return false;
	switch_clear_static_groups(s->sw, p->port, s->now);
	return scn_no_more(s, a) && scn_advance(s, s->now);
}

const struct scn_command scn_setup_commands[] = {
	{ "switch", cmd_switch },
	{ "reconfigure", cmd_reconfigure },
	{ "port", cmd_port },
	{ "reconfigure-port", cmd_reconfigure_port },
	{ "up", cmd_up },
	{ "down", cmd_down },
	{ "suspend", cmd_suspend },
	{ "del", cmd_del },
	{ "static-mac", cmd_static_mac },
	{ "clear-static-macs", cmd_clear_static_macs },
	{ "static-group", cmd_static_group },
	{ "clear-static-groups", cmd_clear_static_groups },
	{ NULL, NULL },
};
