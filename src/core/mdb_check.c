/* Whether the multicast database agrees with itself: for tests, which call it after every step. */
#include "mdb_impl.h"

static size_t
mdb_list_len(const struct list *head)
{
	size_t n = 0;
	for (const struct list *l = head->next; l != head; l = l->next)
		n++;
	return n;
}

/* INCLUDE mode holds running timers only, EXCLUDE mode lives as long as its group timer; nothing is empty, and only
 * what is joined has hosts. */
static bool
mdb_check_sources(const struct mdb_pg *pg)
{
	if (timer_is_armed(&pg->group_timer) != pg->exclude || pg->joined != (pg->exclude || pg->n_sources))
		return false;
	if (!pg->joined && (!mdb_pg_is_static(pg) || pg->n_hosts || timer_is_armed(&pg->requery)))
		return false;
	LIST_EACH (s, &pg->sources, struct mdb_source, by_pg)
		if (s->pg != pg || (!pg->exclude && !timer_is_armed(&s->timer)))
			return false;
	return mdb_list_len(&pg->sources) == pg->n_sources;
}

/* *records grows by the sources of the hosts. */
static bool
mdb_check_hosts(const struct mdb_pg *pg, size_t *records)
{
	size_t exclude = 0;
	LIST_EACH (h, &pg->hosts, struct mdb_host, by_pg) {
		if (h->pg != pg || !timer_is_armed(&h->expiry) || (!h->exclude && !h->n_sources))
			return false;
		exclude += h->exclude;
		if (mdb_list_len(&h->sources) != h->n_sources)
			return false;
		*records += h->n_sources;
	}
	return mdb_list_len(&pg->hosts) == pg->n_hosts && exclude == pg->n_exclude_hosts;
}

static bool
mdb_check_port(const struct mdb_port *p)
{
	size_t hosts = 0, records = 0, joined = 0;
	LIST_EACH (pg, &p->groups, struct mdb_pg, by_port) {
		if (pg->port != p || !mdb_check_sources(pg) || !mdb_check_hosts(pg, &records))
			return false;
		joined += pg->joined;
		hosts += pg->n_hosts;
		records += pg->n_sources;
	}
	return joined == p->n_groups && hosts == p->n_hosts && records == p->n_sources;
}

/* A port as the route has it: among those that get any source when it excludes, and among a source's when that is
 * forwarded. */
static bool
mdb_check_route(const struct mdb *m, const struct mdb_pg *pg)
{
	const struct mroute *r = mroute_find(m->routes, pg->group->vid, &pg->group->addr);
	struct mroute_members members;
	if (!r || portset_has(&r->any, pg->port->id) != (pg->exclude || pg->static_any))
		return false;
	LIST_EACH (s, &pg->statics, struct mdb_static, node)
		if (!mroute_lookup(m->routes, r->node.hash, r->vid, &r->group, &s->source, &members) ||
		    !mroute_has(&members, pg->port->id))
			return false;
	LIST_EACH (s, &pg->sources, struct mdb_source, by_pg)
		if (!mroute_lookup(m->routes, r->node.hash, r->vid, &r->group, &s->addr, &members) ||
		    mroute_has(&members, pg->port->id) != (timer_is_armed(&s->timer) || mdb_static_wants(pg, &s->addr)))
			return false;
	return true;
}

bool
mdb_check(const struct mdb *m)
{
	size_t pgs = 0, hosts = 0, sources = 0, host_sources = 0;
	HMAP_EACH (g, &m->groups, struct mdb_group, node) {
		if (list_is_empty(&g->ports) || list_is_linked(&g->dirty) != timer_is_armed(&g->publish))
			return false;
		LIST_EACH (pg, &g->ports, struct mdb_pg, by_group) {
			if (pg->group != g || !mdb_check_port(pg->port) ||
			    (!list_is_linked(&g->dirty) && !mdb_check_route(m, pg)))
				return false;
			pgs++;
			hosts += pg->n_hosts;
			sources += pg->n_sources;
			LIST_EACH (h, &pg->hosts, struct mdb_host, by_pg)
				host_sources += h->n_sources;
		}
	}
	return m->groups.n == m->n_groups && m->routes->map.n == m->n_groups && pgs == m->n_pgs && pgs == m->pgs.n &&
	       hosts == m->n_hosts && hosts == m->hosts.n && sources == m->sources.n &&
	       host_sources == m->host_sources.n && sources + host_sources == m->n_source_records;
}
