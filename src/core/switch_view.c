/* Looking at the switch: views for castctl, metrics and tests. */
#include <stdlib.h>
#include <string.h>

#include "switch_impl.h"

/* When the last of a port's learned states expires. */
static struct mono
sw_router_expires(const struct sw_port *p)
{
	struct mono last = MONO_ZERO;
	LIST_EACH (r, &p->routers, struct sw_router, by_port)
		last = mono_max(last, timer_at(&r->expiry));
	return list_is_empty(&p->routers) ? MONO_NEVER : last;
}

void
switch_each_port(const struct sw *sw, void (*fn)(void *arg, const struct sw_port_view *v), void *arg)
{
	for (size_t i = 0; i < SW_MAX_PORTS; i++) {
		const struct sw_port *p = sw->ports[i];
		if (!p)
			continue;
		struct sw_port_view v = { .name = p->params.name,
					  .id = p->id,
					  .kind = p->params.kind,
					  .up = p->up,
					  .suspended = p->suspended,
					  .router = p->params.router == SW_ROUTER_ALWAYS || !list_is_empty(&p->routers),
					  .router_expires = sw_router_expires(p),
					  .endpoint = p->params.endpoint,
					  .stats = &p->stats };
		fn(arg, &v);
	}
}

void
switch_each_mac(const struct sw *sw, void (*fn)(void *arg, const struct sw_fdb_view *v), void *arg)
{
	HMAP_EACH (e, &sw->fdb.map, struct fdb_entry, node) {
		struct sw_fdb_view v = { .vid = (uint16_t)(e->key >> 48),
					 .port = e->owner ? sw->ports[e->port] : NULL,
					 .seen = e->seen,
					 .is_static = e->is_static,
					 .sticky = e->sticky };
		for (int i = 0; i < 6; i++)
			v.mac.b[i] = (uint8_t)(e->key >> (40 - 8 * i));
		fn(arg, &v);
	}
}

static int
sw_cmp_pg(const void *a, const void *b)
{
	const struct mdb_pg *x = *(struct mdb_pg *const *)a, *y = *(struct mdb_pg *const *)b;
	int c = ipaddr_cmp(&x->group->addr, &y->group->addr);
	if (c == 0)
		c = x->group->vid - y->group->vid;
	return c ? c : x->port->id - y->port->id;
}

/* The memory of one group's view; grows with the largest group. */
struct sw_group_scratch {
	struct sw_source_view *sources;
	struct sw_host_view *hosts;
	struct ipaddr *addrs; /* the hosts' sources, one after the other */
};

static bool
sw_scratch_alloc(struct sw_group_scratch *s, const struct mdb_pg *pg)
{
	size_t n_addrs = 0, n_sources = pg->n_sources;
	LIST_EACH (h, &pg->hosts, struct mdb_host, by_pg)
		n_addrs += h->n_sources;
	LIST_EACH (st, &pg->statics, struct mdb_static, node)
		n_sources++;
	s->sources = calloc(n_sources + 1, sizeof(*s->sources));
	s->hosts = calloc((size_t)pg->n_hosts + 1, sizeof(*s->hosts));
	s->addrs = calloc(n_addrs + 1, sizeof(*s->addrs));
	return s->sources && s->hosts && s->addrs;
}

/* What is forwarded: the reported sources, and those that are so for good. */
static void
sw_fill_sources(const struct mdb_pg *pg, struct sw_source_view *list, size_t *ret_n)
{
	size_t n = 0;
	LIST_EACH (src, &pg->sources, struct mdb_source, by_pg)
		if (!mdb_static_wants(pg, &src->addr))
			list[n++] = (struct sw_source_view){ .addr = src->addr,
							     .forward = timer_is_armed(&src->timer),
							     .expires = timer_at(&src->timer) };
	LIST_EACH (st, &pg->statics, struct mdb_static, node)
		list[n++] = (struct sw_source_view){ .addr = st->source, .forward = true, .expires = MONO_NEVER };
	*ret_n = n;
}

static void
sw_fill_group(const struct sw *sw, const struct mdb_pg *pg, struct sw_group_scratch *s, struct sw_group_view *v)
{
	struct ipaddr *addr = s->addrs;
	*v = (struct sw_group_view){ .vid = pg->group->vid,
				     .group = pg->group->addr,
				     .port = sw->ports[pg->port->id],
				     .exclude = pg->exclude || pg->static_any,
				     .is_static = mdb_pg_is_static(pg),
				     .expires = timer_at(&pg->group_timer),
				     .sources = s->sources,
				     .hosts = s->hosts };
	v->version = mono_before(sw->now, pg->v1_until) ? 1 : mono_before(sw->now, pg->v2_until) ? 2 : 3;
	if (!ipaddr_is_v4(&pg->group->addr))
		v->version--;
	sw_fill_sources(pg, s->sources, &v->n_sources);
	LIST_EACH (h, &pg->hosts, struct mdb_host, by_pg) {
		s->hosts[v->n_hosts++] = (struct sw_host_view){ .mac = h->mac,
								.ip = h->ip,
								.exclude = h->exclude,
								.version = h->version,
								.seen = h->seen,
								.sources = addr,
								.n_sources = h->n_sources };
		LIST_EACH (hs, &h->sources, struct mdb_host_source, by_host)
			*addr++ = hs->addr;
	}
}

static bool
sw_view_group(const struct sw *sw, const struct mdb_pg *pg, void (*fn)(void *, const struct sw_group_view *), void *arg)
{
	struct sw_group_scratch s = { 0 };
	struct sw_group_view v;
	bool ok = sw_scratch_alloc(&s, pg);
	if (ok) {
		sw_fill_group(sw, pg, &s, &v);
		fn(arg, &v);
	}
	free(s.sources);
	free(s.hosts);
	free(s.addrs);
	return ok;
}

bool
switch_each_group(const struct sw *sw, void (*fn)(void *arg, const struct sw_group_view *v), void *arg)
{
	size_t n = 0;
	bool ok = true;
	struct mdb_pg **list = calloc((size_t)sw->mdb.n_pgs + 1, sizeof(struct mdb_pg *));
	if (!list)
		return false;
	HMAP_EACH (pg, &sw->mdb.pgs, struct mdb_pg, node)
		list[n++] = pg;
	qsort(list, n, sizeof(struct mdb_pg *), sw_cmp_pg);
	for (size_t i = 0; i < n && ok; i++)
		ok = sw_view_group(sw, list[i], fn, arg);
	free(list);
	return ok;
}

void
switch_each_vlan(const struct sw *sw, void (*fn)(void *arg, uint16_t vid), void *arg)
{
	SW_VLAN_EACH (v, sw)
		fn(arg, v->vid);
}

static void
sw_view_routers(const struct sw_vlan *v, void (*fn)(void *arg, const struct sw_router_view *v), void *arg)
{
	uint32_t left = v->sw->n_ports;
	for (size_t i = 0; left; i++) {
		const struct sw_port *p = v->sw->ports[i];
		if (!p)
			continue;
		left--;
		if (!sw_is_router(v, p))
			continue;
		const struct sw_router *r = sw_router_find(v, p);
		const struct sw_router_view view = { .port = p,
						     .vid = v->vid,
						     .expires = r ? timer_at(&r->expiry) : MONO_NEVER };
		fn(arg, &view);
	}
}

void
switch_each_router(const struct sw *sw, void (*fn)(void *arg, const struct sw_router_view *v), void *arg)
{
	SW_VLAN_EACH (v, sw)
		sw_view_routers(v, fn, arg);
}

void
switch_querier(const struct sw *sw, uint16_t vid, enum gm_family family, struct sw_querier_view *ret)
{
	const struct sw_vlan *v = vid < SW_VLANS ? sw->vlans[vid] : NULL;
	*ret = (struct sw_querier_view){ 0 };
	if (!v)
		return;
	const struct querier *q = &v->querier[family];
	*ret = (struct sw_querier_view){ .enabled = q->params->querier != SW_QUERIER_OFF && q->params->enabled[family],
					 .querier = q->state == QUERIER_QUERIER,
					 .address = q->state == QUERIER_QUERIER ? q->own : q->elected,
					 .active = querier_is_active(q) };
	if (!ret->querier && !ipaddr_is_any(&q->elected))
		ret->port = sw->ports[q->elected_port];
}

void
switch_counts(const struct sw *sw, struct sw_counts *ret)
{
	*ret = (struct sw_counts){ .ports = sw->n_ports,
				   .macs = (uint32_t)sw->fdb.map.n,
				   .groups = sw->mdb.n_groups,
				   .port_groups = sw->mdb.n_pgs,
				   .hosts = sw->mdb.n_hosts,
				   .source_records = sw->mdb.n_source_records,
				   .vlans = sw->n_vlans };
}
