/* The multicast database: groups, port groups, sources and their timers. */
#include "castswitch/mdb.h"

#include <stdlib.h>
#include <string.h>

#include "mdb_impl.h"

static uint64_t
mdb_hash(const struct mdb *m, uint16_t vid, const struct ipaddr *group, uint16_t port)
{
	uint8_t key[20];
	memcpy(key, group, 16);
	key[16] = (uint8_t)(vid >> 8);
	key[17] = (uint8_t)vid;
	key[18] = (uint8_t)(port >> 8);
	key[19] = (uint8_t)port;
	return hash_bytes(&m->key, key, sizeof(key));
}

void
mdb_init(struct mdb *m, const struct hash_key *key, const struct mdb_limits *limits, struct mroute_table *routes,
	 const struct mdb_ops *ops, void *arg)
{
	*m = (struct mdb){ .key = *key, .limits = *limits, .routes = routes, .ops = *ops, .arg = arg };
	hmap_init(&m->groups);
	hmap_init(&m->pgs);
	hmap_init(&m->sources);
	hmap_init(&m->hosts);
	hmap_init(&m->host_sources);
	timerq_init(&m->timers);
	list_init(&m->dirty);
}

void
mdb_mark(struct mdb *m, struct mdb_group *g)
{
	if (!list_is_linked(&g->dirty))
		list_push_back(&m->dirty, &g->dirty);
}

/* --- sources --- */

uint64_t
mdb_hash_below(const struct mdb *m, const void *object, const void *addr, size_t len)
{
	uint8_t key[sizeof(object) + sizeof(struct ipaddr)];
	memcpy(key, &object, sizeof(object));
	memcpy(key + sizeof(object), addr, len);
	return hash_bytes(&m->key, key, sizeof(object) + len);
}

static uint64_t
mdb_source_hash(const struct mdb *m, const struct mdb_pg *pg, const struct ipaddr *addr)
{
	return mdb_hash_below(m, pg, addr, sizeof(*addr));
}

struct mdb_source *
mdb_source_find(const struct mdb *m, const struct mdb_pg *pg, const struct ipaddr *addr)
{
	if (!pg->n_sources)
		return NULL;
	HMAP_EACH_WITH_HASH (s, &m->sources, mdb_source_hash(m, pg, addr), struct mdb_source, node)
		if (s->pg == pg && ipaddr_equal(&s->addr, addr))
			return s;
	return NULL;
}

bool
mdb_has_source_room(const struct mdb *m, const struct mdb_port *p, unsigned n)
{
	if (p->params.max_source_records && p->n_sources + n > p->params.max_source_records)
		return false;
	return p->n_sources + n <= MDB_RESERVED_SOURCES || m->n_source_records + n <= m->limits.max_source_records;
}

/* RFC 3376 6.3: a source timer that expires. */
static void
mdb_source_fired(struct timer *t, void *arg, struct mono now)
{
	struct mdb *m = arg;
	struct mdb_source *s = container_of(t, struct mdb_source, timer);
	struct mdb_pg *pg = s->pg;
	mdb_source_end(m, s);
	mdb_pg_reap(m, pg, now);
}

void
mdb_note_untracked(const struct mdb *m, struct mdb_pg *pg, const struct mdb_record *rec)
{
	if (rec->untracked)
		pg->untracked_until = mono_add(rec->now, mdb_timing(m, pg)->membership_interval);
}

struct mdb_source *
mdb_source_add(struct mdb *m, struct mdb_pg *pg, const struct ipaddr *addr, struct mdb_record *rec)
{
	struct mdb_source *s = NULL;
	if (pg->n_sources < m->limits.max_sources && mdb_has_source_room(m, pg->port, 1))
		s = calloc(1, sizeof(*s));
	if (!s) {
		rec->refused = DROP_SOURCE_LIMIT;
		rec->n_refused++;
		return NULL;
	}
	mdb_note_untracked(m, pg, rec);
	s->pg = pg;
	s->addr = *addr;
	s->marked = true;
	timer_init(&s->timer, mdb_source_fired);
	hmap_insert(&m->sources, &s->node, mdb_source_hash(m, pg, addr));
	list_push_back(&pg->sources, &s->by_pg);
	pg->n_sources++;
	pg->port->n_sources++;
	m->n_source_records++;
	mdb_mark(m, pg->group);
	return s;
}

void
mdb_source_del(struct mdb *m, struct mdb_source *s)
{
	struct mdb_pg *pg = s->pg;
	timerq_cancel(&m->timers, &s->timer);
	hmap_remove(&m->sources, &s->node);
	list_remove(&s->by_pg);
	pg->n_sources--;
	pg->port->n_sources--;
	m->n_source_records--;
	mdb_mark(m, pg->group);
	free(s);
}

void
mdb_source_arm(struct mdb *m, struct mdb_source *s, struct mono at)
{
	if (!timer_is_armed(&s->timer))
		mdb_mark(m, s->pg->group);
	timerq_arm(&m->timers, &s->timer, at);
}

void
mdb_source_end(struct mdb *m, struct mdb_source *s)
{
	if (!s->pg->exclude) {
		mdb_source_del(m, s);
		return;
	}
	timerq_cancel(&m->timers, &s->timer);
	s->queries_left = 0;
	mdb_mark(m, s->pg->group);
}

/* --- groups and port groups --- */

struct mdb_group *
mdb_find(const struct mdb *m, uint16_t vid, const struct ipaddr *group)
{
	HMAP_EACH_WITH_HASH (g, &m->groups, mdb_hash(m, vid, group, 0), struct mdb_group, node)
		if (g->vid == vid && ipaddr_equal(&g->addr, group))
			return g;
	return NULL;
}

struct mdb_pg *
mdb_pg_find(const struct mdb *m, const struct mdb_port *p, uint16_t vid, const struct ipaddr *group)
{
	HMAP_EACH_WITH_HASH (pg, &m->pgs, mdb_hash(m, vid, group, p->id), struct mdb_pg, node)
		if (pg->port == p && pg->group->vid == vid && ipaddr_equal(&pg->group->addr, group))
			return pg;
	return NULL;
}

static struct mdb_group *
mdb_group_new(struct mdb *m, uint16_t vid, const struct ipaddr *addr)
{
	struct mdb_group *g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->vid = vid;
	g->addr = *addr;
	list_init(&g->ports);
	list_init(&g->dirty);
	timer_init(&g->publish, mdb_publish_fired);
	hmap_insert(&m->groups, &g->node, mdb_hash(m, vid, addr, 0));
	m->n_groups++;
	return g;
}

/* RFC 3376 6.5: the group timer expires: back to INCLUDE with the sources whose timers run. */
static void
mdb_group_fired(struct timer *t, void *arg, struct mono now)
{
	struct mdb *m = arg;
	struct mdb_pg *pg = container_of(t, struct mdb_pg, group_timer);
	mdb_pg_to_include(m, pg);
	mdb_pg_reap(m, pg, now);
}

void
mdb_pg_to_include(struct mdb *m, struct mdb_pg *pg)
{
	timerq_cancel(&m->timers, &pg->group_timer);
	pg->exclude = false;
	pg->queries_left = 0;
	mdb_mark(m, pg->group);
	LIST_EACH_SAFE (s, tmp, &pg->sources, struct mdb_source, by_pg)
		if (!timer_is_armed(&s->timer))
			mdb_source_del(m, s);
}

/* In the order of ports, so that routes are built by appending; the last one is the usual place. */
static void
mdb_pg_link(struct mdb_group *g, struct mdb_pg *pg)
{
	struct list *at = &g->ports;
	while (at->prev != &g->ports && container_of(at->prev, struct mdb_pg, by_group)->port->id > pg->port->id)
		at = at->prev;
	list_insert_before(at, &pg->by_group);
}

struct mdb_pg *
mdb_pg_new(struct mdb *m, struct mdb_port *p, uint16_t vid, const struct ipaddr *group)
{
	struct mdb_group *g = mdb_find(m, vid, group);
	struct mdb_pg *pg = calloc(1, sizeof(*pg));
	if (pg && !g)
		g = mdb_group_new(m, vid, group);
	if (!pg || !g) {
		free(pg);
		return NULL;
	}
	pg->group = g;
	pg->port = p;
	list_init(&pg->sources);
	list_init(&pg->hosts);
	list_init(&pg->statics);
	timer_init(&pg->group_timer, mdb_group_fired);
	timer_init(&pg->requery, mdb_requery_fired);
	hmap_insert(&m->pgs, &pg->node, mdb_hash(m, vid, group, p->id));
	mdb_pg_link(g, pg);
	list_push_back(&p->groups, &pg->by_port);
	m->n_pgs++;
	return pg;
}

/* Nothing is reported any more. */
static void
mdb_pg_clear(struct mdb *m, struct mdb_pg *pg)
{
	LIST_EACH_SAFE (s, tmp, &pg->sources, struct mdb_source, by_pg)
		mdb_source_del(m, s);
	LIST_EACH_SAFE (h, tmp, &pg->hosts, struct mdb_host, by_pg)
		mdb_host_free(m, h);
	timerq_cancel(&m->timers, &pg->group_timer);
	timerq_cancel(&m->timers, &pg->requery);
	pg->exclude = false;
	pg->queries_left = 0;
	pg->v1_until = pg->v2_until = pg->untracked_until = MONO_ZERO;
	pg->port->n_groups -= pg->joined;
	pg->joined = false;
	mdb_mark(m, pg->group);
}

void
mdb_pg_free(struct mdb *m, struct mdb_pg *pg)
{
	mdb_pg_clear(m, pg);
	mdb_static_free(pg);
	hmap_remove(&m->pgs, &pg->node);
	list_remove(&pg->by_group);
	list_remove(&pg->by_port);
	m->n_pgs--;
	free(pg);
}

void
mdb_pg_end(struct mdb *m, struct mdb_pg *pg, struct mono now)
{
	struct ipaddr group = pg->group->addr;
	uint16_t vid = pg->group->vid, port = pg->port->id;
	bool was_joined = pg->joined;
	if (mdb_pg_is_static(pg))
		mdb_pg_clear(m, pg);
	else
		mdb_pg_free(m, pg);
	if (was_joined)
		m->ops.changed(m->arg, port, vid, &group, false, now);
}

void
mdb_pg_reap(struct mdb *m, struct mdb_pg *pg, struct mono now)
{
	if (!pg->exclude && !pg->n_sources)
		mdb_pg_end(m, pg, now);
}

unsigned
mdb_pg_compat(const struct mdb_pg *pg, struct mono now)
{
	if (mono_before(now, pg->v1_until))
		return 1;
	return mono_before(now, pg->v2_until) ? 2 : 3;
}

/* --- time --- */

void
mdb_tick(struct mdb *m, struct mono now)
{
	timerq_run(&m->timers, now, m);
	mdb_settle(m, now);
}

struct mono
mdb_next(const struct mdb *m)
{
	return timerq_next(&m->timers);
}

void
mdb_fini(struct mdb *m)
{
	HMAP_EACH_SAFE (pg, tmp, &m->pgs, struct mdb_pg, node)
		mdb_pg_free(m, pg);
	mdb_settle(m, MONO_NEVER);
	hmap_fini(&m->groups);
	hmap_fini(&m->pgs);
	hmap_fini(&m->sources);
	hmap_fini(&m->hosts);
	hmap_fini(&m->host_sources);
	timerq_fini(&m->timers);
}
