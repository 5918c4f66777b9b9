/* Views of the switch as JSON. */
#include "castswitch/ctl_switch.h"

#include "castswitch/drop.h"

struct view_ctx {
	json_t *list;
	struct mono now;
};

static double
seconds(nsec_t d)
{
	return (double)(d / NSEC_PER_MSEC) / 1000.0;
}

static json_t *
json_mac(const struct mac *m)
{
	char buf[MAC_STRLEN];
	return json_string(mac_str(m, buf));
}

static json_t *
json_ip(const struct ipaddr *a)
{
	char buf[IPADDR_STRLEN];
	return json_string(ipaddr_str(a, buf));
}

static json_t *
sources_json(const struct sw_group_view *v, struct mono now)
{
	json_t *list = json_array();
	for (size_t i = 0; i < v->n_sources; i++) {
		const struct sw_source_view *s = &v->sources[i];
		json_t *o = json_pack("{s:o,s:s}", "source", json_ip(&s->addr), "state",
				      s->forward ? "forward" : "blocked");
		if (s->forward)
			json_object_set_new(o, "expires_s", json_real(seconds(mono_since(now, s->expires))));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
host_json(const struct sw_host_view *h, struct mono now)
{
	json_t *sources = json_array();
	for (size_t i = 0; i < h->n_sources; i++)
		json_array_append_new(sources, json_ip(&h->sources[i]));
	return json_pack("{s:o,s:o,s:s,s:o,s:i,s:f}", "mac", json_mac(&h->mac), "ip", json_ip(&h->ip), "mode",
			 h->exclude ? "exclude" : "include", "sources", sources, "version", h->version, "age_s",
			 seconds(mono_since(h->seen, now)));
}

static void
add_group(void *arg, const struct sw_group_view *v)
{
	struct view_ctx *ctx = arg;
	json_t *hosts = json_array();
	for (size_t i = 0; i < v->n_hosts; i++)
		json_array_append_new(hosts, host_json(&v->hosts[i], ctx->now));
	json_t *o = json_pack("{s:i,s:o,s:s,s:s,s:o,s:i,s:o}", "vlan", v->vid, "group", json_ip(&v->group), "port",
			      sw_port_name(v->port), "mode", v->exclude ? "exclude" : "include", "sources",
			      sources_json(v, ctx->now), "version", v->version, "hosts", hosts);
	if (!mono_is_never(v->expires))
		json_object_set_new(o, "expires_s", json_real(seconds(mono_since(ctx->now, v->expires))));
	json_array_append_new(ctx->list, o);
}

json_t *
ctl_switch_groups(const struct sw *sw, struct mono now)
{
	struct view_ctx ctx = { .list = json_array(), .now = now };
	if (ctx.list && !switch_each_group(sw, add_group, &ctx)) {
		json_decref(ctx.list);
		return NULL;
	}
	return ctx.list;
}

static const char *
kind_name(uint8_t kind)
{
	static const char *const names[] = { [SW_TAP] = "tap", [SW_NIC] = "nic", [SW_PEER] = "peer" };
	return names[kind];
}

static void
add_port(void *arg, const struct sw_port_view *v)
{
	struct view_ctx *ctx = arg;
	json_int_t drops = 0;
	for (int i = 0; i < DROP_MAX; i++)
		drops += (json_int_t)v->stats->drops[i];
	json_array_append_new(ctx->list,
			      json_pack("{s:s,s:s,s:s,s:b,s:I,s:I,s:I,s:I,s:I}", "name", v->name, "kind",
					kind_name(v->kind), "state", v->up ? "up" : "down", "router", v->router,
					"rx_frames", (json_int_t)v->stats->rx_frames, "rx_bytes",
					(json_int_t)v->stats->rx_bytes, "tx_frames", (json_int_t)v->stats->tx_frames,
					"tx_bytes", (json_int_t)v->stats->tx_bytes, "drops", drops));
}

json_t *
ctl_switch_ports(const struct sw *sw)
{
	struct view_ctx ctx = { .list = json_array() };
	if (ctx.list)
		switch_each_port(sw, add_port, &ctx);
	return ctx.list;
}

static void
add_mac(void *arg, const struct sw_fdb_view *v)
{
	struct view_ctx *ctx = arg;
	json_t *o = json_pack("{s:i,s:o,s:s,s:b}", "vlan", v->vid, "mac", json_mac(&v->mac), "port",
			      v->port ? sw_port_name(v->port) : "(self)", "static", v->is_static);
	if (!v->is_static)
		json_object_set_new(o, "age_s", json_real(seconds(mono_since(v->seen, ctx->now))));
	json_array_append_new(ctx->list, o);
}

static void
add_router(void *arg, const struct sw_port_view *v)
{
	struct view_ctx *ctx = arg;
	bool learned = !mono_is_never(v->router_expires);
	if (!v->router)
		return;
	json_t *o = json_pack("{s:i,s:s,s:s}", "vlan", 0, "port", v->name, "kind", learned ? "learned" : "static");
	if (learned)
		json_object_set_new(o, "expires_s", json_real(seconds(mono_since(ctx->now, v->router_expires))));
	json_array_append_new(ctx->list, o);
}

json_t *
ctl_switch_routers(const struct sw *sw, struct mono now)
{
	struct view_ctx ctx = { .list = json_array(), .now = now };
	if (ctx.list)
		switch_each_port(sw, add_router, &ctx);
	return ctx.list;
}

json_t *
ctl_switch_fdb(const struct sw *sw, struct mono now)
{
	struct view_ctx ctx = { .list = json_array(), .now = now };
	if (ctx.list)
		switch_each_mac(sw, add_mac, &ctx);
	return ctx.list;
}

static json_t *
querier_json(const struct sw *sw, enum gm_family family)
{
	struct sw_querier_view v;
	switch_querier(sw, 0, family, &v);
	if (!v.active)
		return json_pack("{s:s}", "state", "off");
	json_t *o =
		json_pack("{s:s,s:o}", "state", v.querier ? "querier" : "non-querier", "address", json_ip(&v.address));
	if (v.port)
		json_object_set_new(o, "port", json_string(sw_port_name(v.port)));
	return o;
}

json_t *
ctl_switch_querier(const struct sw *sw)
{
	return json_pack("{s:o,s:o}", "igmp", querier_json(sw, GM_IGMP), "mld", querier_json(sw, GM_MLD));
}

void
ctl_add_drops(json_t *list, const char *where, const uint64_t drops[DROP_MAX])
{
	for (int i = 1; i < DROP_MAX; i++) {
		if (!drops[i])
			continue;
		json_array_append_new(list, json_pack("{s:s,s:s,s:I,s:s}", "where", where, "reason",
						      drop_name((enum drop_reason)i), "count", (json_int_t)drops[i],
						      "text", drop_text((enum drop_reason)i)));
	}
}

static void
add_port_drops(void *arg, const struct sw_port_view *v)
{
	ctl_add_drops(arg, v->name, v->stats->drops);
}

void
ctl_switch_add_drops(const struct sw *sw, json_t *list)
{
	switch_each_port(sw, add_port_drops, list);
}

/* --- commands --- */

static json_t *
groups_command(void *arg, const json_t *request, char *err, size_t errlen)
{
	const struct ctl_switch_view *v = arg;
	(void)request;
	(void)err;
	(void)errlen;
	return ctl_switch_groups(v->sw, v->now(v->arg));
}

static json_t *
ports_command(void *arg, const json_t *request, char *err, size_t errlen)
{
	const struct ctl_switch_view *v = arg;
	(void)request;
	(void)err;
	(void)errlen;
	return ctl_switch_ports(v->sw);
}

static json_t *
routers_command(void *arg, const json_t *request, char *err, size_t errlen)
{
	const struct ctl_switch_view *v = arg;
	(void)request;
	(void)err;
	(void)errlen;
	return ctl_switch_routers(v->sw, v->now(v->arg));
}

static json_t *
fdb_command(void *arg, const json_t *request, char *err, size_t errlen)
{
	const struct ctl_switch_view *v = arg;
	(void)request;
	(void)err;
	(void)errlen;
	return ctl_switch_fdb(v->sw, v->now(v->arg));
}

int
ctl_switch_register(struct ctl *c, struct ctl_switch_view *view)
{
	int r = ctl_register(c, "groups", "who listens to what", groups_command, view);
	if (r == 0)
		r = ctl_register(c, "ports", "ports of the switch and their counters", ports_command, view);
	if (r == 0)
		r = ctl_register(c, "routers", "where multicast routers are", routers_command, view);
	if (r == 0)
		r = ctl_register(c, "fdb", "which MAC address is behind which port", fdb_command, view);
	return r;
}
