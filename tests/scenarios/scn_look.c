/* The scenario runner: commands that look at the FDB, ports, counters and the querier. */
#include "scn.h"

#include <stdio.h>
#include <string.h>

/* --- FDB --- */

struct scn_mac_search {
	uint16_t vid;
	struct mac mac;
	const struct sw_port *port;
	bool found;
};

static void
scn_find_mac(void *arg, const struct sw_fdb_view *v)
{
	struct scn_mac_search *x = arg;
	if (x->vid != v->vid || !mac_equal(&x->mac, &v->mac))
		return;
	x->found = true;
	x->port = v->port;
}

/* fdb MAC PORT|self [vlan=] */
static bool
look_fdb(struct scn *s, struct scn_args *a)
{
	struct scn_mac_search x = { .port = NULL };
	struct scn_port *p = NULL;
	if (!scn_parse_mac(s, scn_next(a), &x.mac) ||
	    (!scn_next_is(a, "self") && !scn_parse_port(s, scn_next(a), &p)) || !scn_take_vlan(s, a, &x.vid))
		return false;
	switch_each_mac(s->sw, scn_find_mac, &x);
	if (!x.found)
		return scn_fail(s, "the MAC is not known");
	if (x.port != (p ? p->port : NULL))
		return scn_fail(s, "the MAC is at '%s'", x.port ? sw_port_name(x.port) : "self");
	return scn_no_more(s, a);
}

static bool
look_no_fdb(struct scn *s, struct scn_args *a)
{
	struct scn_mac_search x = { .port = NULL };
	if (!scn_parse_mac(s, scn_next(a), &x.mac) || !scn_take_vlan(s, a, &x.vid))
		return false;
	switch_each_mac(s->sw, scn_find_mac, &x);
	if (x.found)
		return scn_fail(s, "the MAC is at '%s'", x.port ? sw_port_name(x.port) : "self");
	return scn_no_more(s, a);
}

/* --- ports --- */

struct scn_port_search {
	const char *name;
	struct sw_port_view view;
	struct sw_port_stats stats;
};

static void
scn_find_view(void *arg, const struct sw_port_view *v)
{
	struct scn_port_search *x = arg;
	if (strcmp(v->name, x->name) != 0)
		return;
	x->view = *v;
	x->stats = *v->stats;
}

static bool
scn_view_port(struct scn *s, struct scn_args *a, struct scn_port **ret, struct scn_port_search *ret_view)
{
	if (!scn_parse_port(s, scn_next(a), ret))
		return false;
	ret_view->name = (*ret)->name;
	switch_each_port(s->sw, scn_find_view, ret_view);
	return true;
}

struct scn_router_search {
	const struct sw_port *port;
	uint16_t vid;
	bool found;
	struct mono expires;
};

static void
scn_find_router(void *arg, const struct sw_router_view *v)
{
	struct scn_router_search *x = arg;
	if (v->port != x->port || v->vid != x->vid)
		return;
	x->found = true;
	x->expires = v->expires;
}

static bool
scn_view_router(struct scn *s, struct scn_args *a, struct scn_router_search *ret)
{
	struct scn_port *p;
	*ret = (struct scn_router_search){ .found = false };
	if (!scn_parse_port(s, scn_next(a), &p) || !scn_take_vlan(s, a, &ret->vid))
		return false;
	ret->port = p->port;
	switch_each_router(s->sw, scn_find_router, ret);
	return true;
}

/* router PORT [vlan=N] [expires=T] */
static bool
look_router(struct scn *s, struct scn_args *a)
{
	struct scn_router_search x;
	char text[32];
	nsec_t at;
	if (!scn_view_router(s, a, &x))
		return false;
	if (!x.found)
		return scn_fail(s, "it is no router port");
	const char *expires = scn_peek(a) ? scn_value_of(scn_peek(a), "expires") : NULL;
	if (!expires)
		return scn_no_more(s, a);
	if (!scn_parse_duration(s, expires, &at))
		return false;
	scn_duration_str(scn_since_start(x.expires), text);
	scn_next(a);
	return scn_no_more(s, a) && (scn_time(at).ns == x.expires.ns || scn_fail(s, "it expires at %s", text));
}

/* no-router PORT [vlan=N] */
static bool
look_no_router(struct scn *s, struct scn_args *a)
{
	struct scn_router_search x;
	return scn_view_router(s, a, &x) && scn_no_more(s, a) && (!x.found || scn_fail(s, "it is a router port"));
}

static enum drop_reason
scn_drop_of(const char *word, const char **ret_value)
{
	for (int r = 1; r < DROP_MAX; r++)
		if ((*ret_value = scn_value_of(word, drop_name((enum drop_reason)r))))
			return (enum drop_reason)r;
	return DROP_NONE;
}

/* drops PORT [REASON=N] ...: all that was dropped since the last look at the port. */
static bool
look_drops(struct scn *s, struct scn_args *a)
{
	uint32_t want[DROP_MAX] = { 0 };
	struct scn_port_search x;
	struct scn_port *p;
	if (!scn_view_port(s, a, &p, &x))
		return false;
	for (const char *w = scn_next(a), *v; w; w = scn_next(a)) {
		enum drop_reason r = scn_drop_of(w, &v);
		if (r == DROP_NONE)
			return scn_fail(s, "'%s' is no drop reason", w);
		if (!scn_parse_u32(s, v, UINT32_MAX, &want[r]))
			return false;
	}
	for (int r = 1; r < DROP_MAX; r++) {
		uint64_t n = x.stats.drops[r] - p->drops[r];
		if (n != want[r])
			return scn_fail(s, "'%s' dropped %s=%llu", p->name, drop_name((enum drop_reason)r),
					(unsigned long long)n);
	}
	memcpy(p->drops, x.stats.drops, sizeof(p->drops));
	return true;
}

/* --- querier, counts --- */

/* querier igmp|mld self|none|ADDRESS [PORT] [vlan=N] */
static bool
look_querier(struct scn *s, struct scn_args *a)
{
	char text[IPADDR_STRLEN];
	struct sw_querier_view v;
	struct scn_port *p = NULL;
	struct ipaddr want = IPADDR_ANY;
	enum gm_family family = scn_next_is(a, "mld") ? GM_MLD : GM_IGMP;
	if (family == GM_IGMP && !scn_next_is(a, "igmp"))
		return scn_fail(s, "querier igmp|mld self|none|ADDRESS [PORT]");
	uint16_t vid;
	bool self = scn_next_is(a, "self");
	if (!self && !scn_next_is(a, "none") && !scn_parse_ip(s, scn_next(a), &want))
		return false;
	if (scn_peek(a) && !scn_value_of(scn_peek(a), "vlan") && !scn_parse_port(s, scn_next(a), &p))
		return false;
	if (!scn_take_vlan(s, a, &vid))
		return false;
	switch_querier(s->sw, vid, family, &v);
	if (v.querier != self || (!self && !ipaddr_equal(&v.address, &want)))
		return scn_fail(s, "the querier is %s %s",
				v.querier ? "self" : "another:", ipaddr_str(&v.address, text));
	if (p && p->port != v.port)
		return scn_fail(s, "the querier is at '%s'", v.port ? sw_port_name(v.port) : "self");
	return scn_no_more(s, a);
}

#define COUNT(key, member)                                                    \
	{                                                                     \
		key, SCN_OPT_U32, offsetof(struct sw_counts, member), NULL, 0 \
	}

static const struct scn_option counts[] = {
	COUNT("ports", ports),   COUNT("macs", macs),
	COUNT("groups", groups), COUNT("port-groups", port_groups),
	COUNT("hosts", hosts),   COUNT("sources", source_records),
	COUNT("vlans", vlans),
};

/* counts [ports=] [macs=] ... */
static bool
look_counts(struct scn *s, struct scn_args *a)
{
	struct sw_counts c, want;
	switch_counts(s->sw, &c);
	want = c;
	for (const char *w = scn_next(a); w; w = scn_next(a)) {
		const struct scn_option *o = scn_find_option(s, counts, sizeof(counts) / sizeof(counts[0]), w);
		if (!o || !scn_set_option(s, o, w, &want))
			return false;
	}
	return memcmp(&c, &want, sizeof(c)) == 0 ||
	       scn_fail(s, "counts ports=%u macs=%u groups=%u port-groups=%u hosts=%u sources=%u vlans=%u", c.ports,
			c.macs, c.groups, c.port_groups, c.hosts, c.source_records, c.vlans);
}

struct scn_vlan_list {
	struct scn_args *args;
	bool differs;
};

static void
scn_check_vlan(void *arg, uint16_t vid)
{
	struct scn_vlan_list *l = arg;
	char text[8];
	snprintf(text, sizeof(text), "%u", vid);
	if (!scn_next_is(l->args, text))
		l->differs = true;
}

/* vlans N ...: all there are. */
static bool
look_vlans(struct scn *s, struct scn_args *a)
{
	struct scn_vlan_list l = { .args = a };
	switch_each_vlan(s->sw, scn_check_vlan, &l);
	return (!l.differs && a->at == a->n) || scn_fail(s, "there are other VLANs");
}

const struct scn_command scn_looks[] = {
	{ "fdb", look_fdb },
	{ "no-fdb", look_no_fdb },
	{ "router", look_router },
	{ "no-router", look_no_router },
	{ "drops", look_drops },
	{ "querier", look_querier },
	{ "counts", look_counts },
	{ "vlans", look_vlans },
	{ NULL, NULL },
};
