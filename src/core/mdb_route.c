/* From memberships to routes: the groups that changed are rebuilt and published as a whole. */
#include <stdlib.h>

#include "mdb_impl.h"

/* A port that wants a source otherwise than it wants any. */
struct mdb_wish {
	struct ipaddr source;
	uint16_t port;
	bool wants;
};

static int
mdb_cmp_wish(const void *a, const void *b)
{
	const struct mdb_wish *x = a, *y = b;
	int c = ipaddr_cmp(&x->source, &y->source);
	return c ? c : (int)x->port - (int)y->port;
}

/* Most wishes that a port group can have. */
static size_t
mdb_max_wishes(const struct mdb_pg *pg)
{
	size_t n = pg->n_sources;
	LIST_EACH (s, &pg->statics, struct mdb_static, node)
		n++;
	return n;
}

static bool
mdb_pg_wants_any(const struct mdb_pg *pg)
{
	return pg->exclude || pg->static_any;
}

/* INCLUDE: the port gets the sources whose timers run.  EXCLUDE: everything but those whose timers don't (RFC
 * 3376 6.3).  And what is static in any case.  Returns the number of wishes. */
static size_t
mdb_pg_wishes(const struct mdb_pg *pg, struct mdb_wish *list)
{
	const bool any = mdb_pg_wants_any(pg);
	size_t n = 0;
	LIST_EACH (s, &pg->sources, struct mdb_source, by_pg)
		if (timer_is_armed(&s->timer) != any && !mdb_static_wants(pg, &s->addr))
			list[n++] = (struct mdb_wish){ .source = s->addr, .port = pg->port->id, .wants = !any };
	LIST_EACH (s, &pg->statics, struct mdb_static, node)
		if (!any)
			list[n++] = (struct mdb_wish){ .source = s->source, .port = pg->port->id, .wants = true };
	return n;
}

/* All wishes of the group by source, then port; *ret_n of them.  NULL when there are none, or no memory (*ret_oom). */
static struct mdb_wish *
mdb_collect_wishes(const struct mdb_group *g, size_t *ret_n, bool *ret_oom)
{
	struct mdb_wish *list = NULL;
	size_t n = 0;
	LIST_EACH (pg, &g->ports, struct mdb_pg, by_group)
		n += mdb_max_wishes(pg);
	if (n)
		list = malloc(n * sizeof(*list));
	*ret_oom = n && !list;
	*ret_n = 0;
	if (!list)
		return NULL;
	LIST_EACH (pg, &g->ports, struct mdb_pg, by_group)
		*ret_n += mdb_pg_wishes(pg, list + *ret_n);
	qsort(list, *ret_n, sizeof(*list), mdb_cmp_wish);
	return list;
}

static uint32_t
mdb_count_any(const struct mdb_group *g)
{
	uint32_t n = 0;
	LIST_EACH (pg, &g->ports, struct mdb_pg, by_group)
		n += mdb_pg_wants_any(pg);
	return n;
}

static uint32_t
mdb_count_sources(const struct mdb_wish *list, size_t n)
{
	uint32_t sources = 0;
	for (size_t i = 0; i < n; i++)
		sources += i == 0 || !ipaddr_equal(&list[i].source, &list[i - 1].source);
	return sources;
}

static bool
mdb_route_fill(struct mroute *r, const struct mdb_group *g, const struct mdb_wish *list, size_t n)
{
	struct mroute_source *s = r->sources;
	bool ok = true;
	LIST_EACH (pg, &g->ports, struct mdb_pg, by_group)
		if (mdb_pg_wants_any(pg))
			ok &= portset_add(&r->any, pg->port->id);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && !ipaddr_equal(&list[i].source, &list[i - 1].source))
			s++;
		s->source = list[i].source;
		ok &= portset_add(list[i].wants ? &s->plus : &s->minus, list[i].port);
	}
	return ok;
}

/* False when out of memory: the old route stays, and the group stays marked for the next time. */
static bool
mdb_publish(struct mdb *m, struct mdb_group *g, struct mono now)
{
	size_t n;
	bool oom, ok = false;
	struct mdb_wish *list = mdb_collect_wishes(g, &n, &oom);
	struct mroute *r = oom ? NULL : mroute_new(g->vid, &g->addr, mdb_count_any(g), mdb_count_sources(list, n));
	if (r)
		ok = mdb_route_fill(r, g, list, n);
	if (ok)
		mroute_publish(m->routes, r);
	else
		mroute_free(r);
	free(list);
	g->publish_at = n > MDB_CHEAP_WISHES && !mono_is_never(now) ? mono_add(now, n * MDB_WISH_NSEC) : MONO_ZERO;
	return ok;
}

void
mdb_publish_fired(struct timer *t, void *arg, struct mono now)
{
	(void)t;
	(void)arg;
	(void)now;
}

static void
mdb_group_free(struct mdb *m, struct mdb_group *g)
{
	timerq_cancel(&m->timers, &g->publish);
	mroute_withdraw(m->routes, g->vid, &g->addr);
	hmap_remove(&m->groups, &g->node);
	m->n_groups--;
	free(g);
}

void
mdb_settle(struct mdb *m, struct mono now)
{
	LIST_EACH_SAFE (g, tmp, &m->dirty, struct mdb_group, dirty) {
		if (list_is_empty(&g->ports)) {
			list_remove(&g->dirty);
			mdb_group_free(m, g);
		} else if (mono_before(now, g->publish_at)) {
			timerq_arm(&m->timers, &g->publish, g->publish_at);
		} else if (mdb_publish(m, g, now)) {
			list_remove(&g->dirty);
			timerq_cancel(&m->timers, &g->publish);
		}
	}
}
