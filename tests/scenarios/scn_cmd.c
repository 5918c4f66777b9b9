/* The scenario runner: commands that make something happen. */
#include "scn.h"

#include <string.h>

/* --- the switch and its ports --- */

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
	SNOOPING("max-groups", SCN_OPT_U32, max_groups),
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
	PORT("flood-unknown-unicast", SCN_OPT_BOOL, flood_unknown_unicast),
	PORT("flood-broadcast", SCN_OPT_BOOL, flood_broadcast),
	PORT("all-multicast", SCN_OPT_BOOL, all_multicast),
	PORT("max-macs", SCN_OPT_U32, max_macs),
	PORT("max-groups", SCN_OPT_U32, max_groups),
	PORT("max-hosts", SCN_OPT_U32, max_hosts),
};

/* *ret_down may be NULL where a port cannot be added down. */
static bool
scn_set_port_params(struct scn *s, struct scn_args *a, struct sw_port_params *params, bool *ret_down)
{
	for (const char *w = scn_next(a); w; w = scn_next(a)) {
		if (ret_down && strcmp(w, "down") == 0) {
			*ret_down = true;
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

/* static-mac MAC PORT|self */
static bool
cmd_static_mac(struct scn *s, struct scn_args *a)
{
	struct scn_port *p = NULL;
	struct mac mac;
	if (!scn_setup(s) || !scn_parse_mac(s, scn_next(a), &mac))
		return false;
	if (!scn_next_is(a, "self") && !scn_parse_port(s, scn_next(a), &p))
		return false;
	return scn_no_more(s, a) &&
	       (switch_add_static_mac(s->sw, p ? p->port : NULL, 0, &mac, false, s->now) || scn_fail(s, "no memory"));
}

/* --- time --- */

static bool
cmd_at(struct scn *s, struct scn_args *a)
{
	nsec_t t;
	if (!scn_step(s) || !scn_parse_duration(s, scn_next(a), &t))
		return false;
	if (mono_before(scn_time(t), s->now))
		return scn_fail(s, "that is past");
	return scn_no_more(s, a) && scn_advance(s, scn_time(t));
}

static bool
cmd_after(struct scn *s, struct scn_args *a)
{
	nsec_t d;
	return scn_step(s) && scn_parse_duration(s, scn_next(a), &d) && scn_no_more(s, a) &&
	       scn_advance(s, mono_add(s->now, d));
}

/* As 'after', but whatever is sent meanwhile is nobody's interest. */
static bool
cmd_settle(struct scn *s, struct scn_args *a)
{
	if (s->is_setup)
		scn_forgive(s);
	if (!cmd_after(s, a))
		return false;
	scn_forgive(s);
	return true;
}

/* ignore queries|PORT ... | ignore none: for ports there are and ports to come. */
static bool
cmd_ignore(struct scn *s, struct scn_args *a)
{
	struct scn_port *p;
	if (!scn_setup(s))
		return false;
	bool none = scn_next_is(a, "none");
	while (scn_peek(a)) {
		if (scn_next_is(a, "queries"))
			s->ignore_queries = true;
		else if (scn_parse_port(s, scn_next(a), &p))
			p->ignored = true;
		else
			return false;
	}
	s->ignore_queries = s->ignore_queries && !none;
	for (int i = 0; i < s->n_ports; i++) {
		s->ports[i].queries_ignored = s->ignore_queries;
		s->ports[i].ignored = s->ports[i].ignored && !none;
	}
	for (size_t i = 0; i < s->n_sent; i++)
		if (s->sent[i].port->ignored || (s->sent[i].own && s->ignore_queries))
			s->sent[i].consumed = true;
	return true;
}

/* --- frames --- */

static bool
scn_hold_frame(struct scn *s, const struct scn_frame *f)
{
	uint8_t buf[SCN_BYTES];
	for (uint32_t i = 0; i < f->repeat; i++) {
		size_t len = scn_frame_build(s, f, f->repeat > 1 ? i : f->seq, buf);
		if (!len || !scn_hold(s, buf, len))
			return false;
	}
	return true;
}

/* A frame that goes to the switch together with the next 'rx'. */
static bool
cmd_hold(struct scn *s, struct scn_args *a)
{
	struct scn_frame f;
	return scn_step(s) && scn_frame_parse(s, a, &f) && scn_no_more(s, a) && scn_hold_frame(s, &f);
}

/* The port must have been sent the frames just received, unchanged and in order. */
static bool
scn_expect_received(struct scn *s, const char *name, void *arg)
{
	const size_t n = *(const size_t *)arg;
	struct scn_port *p;
	if (!scn_parse_port(s, name, &p))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct scn_sent *e = scn_oldest_sent(s, p);
		while (e && e->own) {
			struct scn_sent *end = s->sent + s->n_sent;
			for (e++; e < end && (e->port != p || e->consumed); e++)
				;
			e = e < end ? e : NULL;
		}
		if (!e || e->len != s->rx[i].len || memcmp(e->bytes, s->rx_bytes[i] + FRAME_HEADROOM, e->len) != 0) {
			scn_fail(s, "'%s' did not get %s", name, n > 1 ? "all of the frames in order" : "the frame");
			scn_note_sent(s);
			return false;
		}
		e->consumed = true;
	}
	return true;
}

static bool
scn_expect_no_copies(struct scn *s)
{
	for (size_t i = 0; i < s->n_sent; i++) {
		if (s->sent[i].consumed || s->sent[i].own)
			continue;
		scn_fail(s, "'%s' got the frame", s->sent[i].port->name);
		scn_note_sent(s);
		return false;
	}
	return true;
}

/* rx PORT FRAME [=> PORT,... | => nobody] */
static bool
cmd_rx(struct scn *s, struct scn_args *a)
{
	struct scn_frame f;
	struct scn_port *in;
	if (!scn_step(s) || !scn_parse_port(s, scn_next(a), &in) || !scn_frame_parse(s, a, &f) ||
	    !scn_hold_frame(s, &f))
		return false;
	size_t n = s->n_held;
	if (!scn_receive(s, in))
		return false;
	if (!scn_next_is(a, "=>"))
		return scn_no_more(s, a);
	const char *ports = scn_next(a);
	if (!ports)
		return scn_fail(s, "=> PORT,... or => nobody");
	if (strcmp(ports, "nobody") != 0 && !scn_each_part(s, ports, scn_expect_received, &n))
		return false;
	return scn_no_more(s, a) && scn_expect_no_copies(s);
}

const struct scn_command scn_commands[] = {
	{ "switch", cmd_switch }, { "reconfigure", cmd_reconfigure },
	{ "port", cmd_port },     { "reconfigure-port", cmd_reconfigure_port },
	{ "up", cmd_up },         { "down", cmd_down },
	{ "del", cmd_del },       { "static-mac", cmd_static_mac },
	{ "at", cmd_at },         { "after", cmd_after },
	{ "settle", cmd_settle }, { "ignore", cmd_ignore },
	{ "hold", cmd_hold },     { "rx", cmd_rx },
	{ NULL, NULL },
};
