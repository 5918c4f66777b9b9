/* From memberships to routes: the groups that changed are rebuilt and published as a whole. */
#include <stdlib.h>

#include "mdb_impl.h"

static int
mdb_cmp_addr(const void *a, const void *b)
{
	return ipaddr_cmp(a, b);
}

/* All sources that any port group of g lists, ascending, each once; *ret_n of them.  NULL when there are none or no
 * memory
 * (*ret_oom). */
static struct ipaddr *
mdb_collect_sources(const struct mdb_group *g, size_t *ret_n, bool *ret_oom)
{
	size_t n = 0, used = 0;
	LIST_EACH (pg, &g->ports, struct mdb_pg, by_group) {
		n += pg->n_sources;
		LIST_EACH (s, &pg->statics, struct mdb_static, node)
			n++;
	}
	*ret_n = 0;
	*ret_oom = false;
	if (!n)
		return NULL;
	struct ipaddr *list = malloc(n * sizeof(*list));
	if (!list) {
		*ret_oom = true;
		return NULL;
	}
	n = 0;
	LIST_EACH (pg, &g->ports, struct mdb_pg, by_group) {
		LIST_EACH (s, &pg->sources, struct mdb_source, node)
			list[n++] = s->addr;
		LIST_EACH (s, &pg->statics, struct mdb_static, node)
			list[n++] = s->source;
	}
	qsort(list, n, sizeof(*list), mdb_cmp_addr);
	for (size_t i = 0; i < n; i++)
		if (!used || !ipaddr_equal(&list[used - 1], &list[i]))
			list[used++] = list[i];
	*ret_n = used;
	return list;
}

static struct mroute_source *
mdb_route_source(struct mroute *r, const struct ipaddr *addr)
{
	size_t lo = 0, hi = r->n_sources;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = ipaddr_cmp(&r->sources[mid].source, addr);
		if (c == 0)
			return &r->sources[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* INCLUDE: the port gets the sources whose timers run.  EXCLUDE: everything but those whose timers don't (RFC
 * 3376 6.3).  And what is static in any case. */
static bool
mdb_route_add(struct mroute *r, const struct mdb_pg *pg)
{
	uint16_t id = pg->port->id;
	bool any = pg->exclude || pg->static_any, ok = !any || portset_add(&r->any, id);
	if (any)
		for (size_t i = 0; i < r->n_sources; i++)
			ok &= portset_add(&r->sources[i].ports, id);
	LIST_EACH (s, &pg->sources, struct mdb_source, node) {
		struct mroute_source *rs = mdb_route_source(r, &s->addr);
		if (timer_is_armed(&s->timer))
			ok &= portset_add(&rs->ports, id);
		else if (!mdb_static_wants(pg, &s->addr))
			portset_remove(&rs->ports, id);
	}
	LIST_EACH (s, &pg->statics, struct mdb_static, node)
		ok &= portset_add(&mdb_route_source(r, &s->source)->ports, id);
	return ok;
}

/* False when out of memory: the old route stays, and the group stays marked for the next time. */
static bool
mdb_publish(struct mdb *m, const struct mdb_group *g)
{
	size_t n;
	bool oom, ok = false;
	struct ipaddr *sources = mdb_collect_sources(g, &n, &oom);
	struct mroute *r = oom ? NULL : mroute_new(g->vid, &g->addr, n);
	if (r) {
		ok = true;
		for (size_t i = 0; i < n; i++)
			r->sources[i].source = sources[i];
		LIST_EACH (pg, &g->ports, struct mdb_pg, by_group)
			ok &= mdb_route_add(r, pg);
	}
	if (ok)
		mroute_publish(m->routes, r);
	else
		mroute_free(r);
	free(sources);
	return ok;
}

void
mdb_settle(struct mdb *m)
{
	LIST_EACH_SAFE (g, tmp, &m->dirty, struct mdb_group, dirty) {
		if (list_is_empty(&g->ports)) {
			list_remove(&g->dirty);
			mroute_withdraw(m->routes, g->vid, &g->addr);
			hmap_remove(&m->groups, &g->node);
			m->n_groups--;
			free(g);
		} else if (mdb_publish(m, g)) {
			list_remove(&g->dirty);
		}
	}
}
