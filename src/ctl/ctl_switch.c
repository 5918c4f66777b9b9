/* Views of the switch as JSON. */
#include "castswitch/ctl_switch.h"

#include <string.h>

#include "castswitch/ctl_watch.h"
#include "castswitch/drop.h"
#include "ctl_impl.h"
#include "ctl_json.h"

struct view_ctx {
	json_t *list;
	struct mono now;
	struct ctl_filter filter;
};

/* --- groups --- */

static json_t *
sources_json(const struct sw_group_view *v, struct mono now)
{
	json_t *list = json_array();
	for (size_t i = 0; i < v->n_sources; i++) {
		const struct sw_source_view *s = &v->sources[i];
		json_t *o = json_pack("{s:o,s:s}", "source", ctl_json_ip(&s->addr), "state",
				      s->forward ? "forward" : "blocked");
		if (s->forward && !mono_is_never(s->expires))
			json_object_set_new(o, "expires_s", json_real(ctl_json_seconds(mono_since(now, s->expires))));
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *
host_json(const struct sw_host_view *h, struct mono now)
{
	json_t *sources = json_array();
	for (size_t i = 0; i < h->n_sources; i++)
		json_array_append_new(sources, ctl_json_ip(&h->sources[i]));
	return json_pack("{s:o,s:o,s:s,s:o,s:i,s:f}", "mac", ctl_json_mac(&h->mac), "ip", ctl_json_ip(&h->ip), "mode",
			 h->exclude ? "exclude" : "include", "sources", sources, "version", h->version, "age_s",
			 ctl_json_seconds(mono_since(h->seen, now)));
}

static bool
is_asked_for(const struct ctl_filter *f, const struct sw_group_view *v)
{
	if (!ipaddr_is_any(&f->group) && !ipaddr_equal(&f->group, &v->group))
		return false;
	return !f->port || strcmp(f->port, sw_port_name(v->port)) == 0;
}

static void
add_group(void *arg, const struct sw_group_view *v)
{
	struct view_ctx *ctx = arg;
	if (!is_asked_for(&ctx->filter, v))
		return;
	json_t *hosts = json_array();
	for (size_t i = 0; i < v->n_hosts; i++)
		json_array_append_new(hosts, host_json(&v->hosts[i], ctx->now));
	json_t *o =
		json_pack("{s:i,s:o,s:s,s:s,s:b,s:o,s:i,s:o}", "vlan", v->vid, "group", ctl_json_ip(&v->group), "port",
			  sw_port_name(v->port), "mode", v->exclude ? "exclude" : "include", "static", v->is_static,
			  "sources", sources_json(v, ctx->now), "version", v->version, "hosts", hosts);
	if (!mono_is_never(v->expires))
		json_object_set_new(o, "expires_s", json_real(ctl_json_seconds(mono_since(ctx->now, v->expires))));
	json_array_append_new(ctx->list, o);
}

static json_t *
groups_json(const struct sw *sw, const struct ctl_filter *filter, struct mono now)
{
	struct view_ctx ctx = { .list = json_array(), .now = now, .filter = *filter };
	if (ctx.list && !switch_each_group(sw, add_group, &ctx)) {
		json_decref(ctx.list);
		return NULL;
	}
	return ctx.list;
}

json_t *
ctl_switch_groups(const struct sw *sw, struct mono now)
{
	return groups_json(sw, &(struct ctl_filter){ .group = IPADDR_ANY }, now);
}

/* --- ports --- */

static const char *
kind_name(uint8_t kind)
{
	static const char *const names[] = { [SW_TAP] = "tap", [SW_NIC] = "nic", [SW_PEER] = "peer" };
	return names[kind];
}

static const char *
state_name(const struct sw_port_view *v)
{
	return v->up ? "up" : v->suspended ? "suspended" : "down";
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
					kind_name(v->kind), "state", state_name(v), "router", v->router, "rx_frames",
					(json_int_t)v->stats->rx_frames, "rx_bytes", (json_int_t)v->stats->rx_bytes,
					"tx_frames", (json_int_t)v->stats->tx_frames, "tx_bytes",
					(json_int_t)v->stats->tx_bytes, "drops", drops));
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
	json_t *o = json_pack("{s:i,s:o,s:s,s:b,s:b}", "vlan", v->vid, "mac", ctl_json_mac(&v->mac), "port",
			      v->port ? sw_port_name(v->port) : "(self)", "static", v->is_static, "sticky", v->sticky);
	if (!v->is_static)
		json_object_set_new(o, "age_s", json_real(ctl_json_seconds(mono_since(v->seen, ctx->now))));
	json_array_append_new(ctx->list, o);
}

json_t *
ctl_switch_fdb(const struct sw *sw, struct mono now)
{
	struct view_ctx ctx = { .list = json_array(), .now = now };
	if (ctx.list)
		switch_each_mac(sw, add_mac, &ctx);
	return ctx.list;
}

/* --- routers and queriers --- */

static void
add_router(void *arg, const struct sw_router_view *v)
{
	struct view_ctx *ctx = arg;
	const bool learned = !mono_is_never(v->expires);
	json_t *o = json_pack("{s:i,s:s,s:s}", "vlan", v->vid, "port", sw_port_name(v->port), "kind",
			      learned ? "learned" : "static");
	if (learned)
		json_object_set_new(o, "expires_s", json_real(ctl_json_seconds(mono_since(ctx->now, v->expires))));
	json_array_append_new(ctx->list, o);
}

json_t *
ctl_switch_routers(const struct sw *sw, struct mono now)
{
	struct view_ctx ctx = { .list = json_array(), .now = now };
	if (ctx.list)
		switch_each_router(sw, add_router, &ctx);
	return ctx.list;
}

static json_t *
querier_json(const struct sw *sw, uint16_t vid, enum gm_family family)
{
	struct sw_querier_view v;
	switch_querier(sw, vid, family, &v);
	if (!v.active)
		return json_pack("{s:s}", "state", "off");
	json_t *o = json_pack("{s:s,s:o}", "state", v.querier ? "querier" : "non-querier", "address",
			      ctl_json_ip(&v.address));
	if (v.port)
		json_object_set_new(o, "port", json_string(sw_port_name(v.port)));
	return o;
}

json_t *
ctl_switch_querier(const struct sw *sw)
{
	return json_pack("{s:o,s:o}", "igmp", querier_json(sw, 0, GM_IGMP), "mld", querier_json(sw, 0, GM_MLD));
}

struct vlans_ctx {
	const struct sw *sw;
	json_t *list;
};

static void
add_vlan(void *arg, uint16_t vid)
{
	const struct vlans_ctx *ctx = arg;
	json_array_append_new(ctx->list, json_pack("{s:i,s:{s:o,s:o}}", "vlan", vid, "querier", "igmp",
						   querier_json(ctx->sw, vid, GM_IGMP), "mld",
						   querier_json(ctx->sw, vid, GM_MLD)));
}

json_t *
ctl_switch_vlans(const struct sw *sw)
{
	struct vlans_ctx ctx = { .sw = sw, .list = json_array() };
	if (ctx.list)
		switch_each_vlan(sw, add_vlan, &ctx);
	return ctx.list;
}

/* --- drops --- */

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
	struct ctl_filter filter;
	if (!ctl_filter_read(request, &filter, err, errlen))
		return NULL;
	if (!filter.port || switch_port_find(v->sw, filter.port))
		return groups_json(v->sw, &filter, v->now(v->arg));
	ctl_explain(err, errlen, "no port '%.64s' (see ports)", filter.port);
	return NULL;
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
	if (r == 0)
		r = ctl_watch_register(c);
	return r;
}
