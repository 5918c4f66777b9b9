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

static bool
mdb_may_join(const struct mdb *m, const struct mdb_port *p, bool new_group)
{
	if (p->params.max_groups && p->n_groups >= p->params.max_groups)
		return false;
	return !new_group || p->n_groups < MDB_RESERVED_GROUPS || m->n_groups < m->limits.max_groups;
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
	mdb_mark(m, g);
	return pg;
}

/* The port group for a first join; NULL when a limit refuses it. */
static struct mdb_pg *
mdb_pg_open(struct mdb *m, struct mdb_record *rec)
{
	struct mdb_pg *pg = mdb_pg_find(m, rec->port, rec->vid, &rec->rec.group);
	bool new_group = !pg && !mdb_find(m, rec->vid, &rec->rec.group);
	if (!mdb_may_join(m, rec->port, new_group))
		pg = NULL;
	else if (!pg)
		pg = mdb_pg_new(m, rec->port, rec->vid, &rec->rec.group);
	if (!pg)
		rec->refused = DROP_GROUP_LIMIT;
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

/* Behind a record: the first one that left something is a join, one that left nothing ends it. */
static void
mdb_pg_update(struct mdb *m, struct mdb_pg *pg, struct mono now)
{
	if (pg->joined || (!pg->exclude && !pg->n_sources)) {
		mdb_pg_reap(m, pg, now);
		return;
	}
	pg->joined = true;
	pg->port->n_groups++;
	m->ops.changed(m->arg, pg->port->id, pg->group->vid, &pg->group->addr, true, now);
}

unsigned
mdb_pg_compat(const struct mdb_pg *pg, struct mono now)
{
	if (mono_before(now, pg->v1_until))
		return 1;
	return mono_before(now, pg->v2_until) ? 2 : 3;
}

/* --- reports --- */

/* A report of an older version: such hosts are present (RFC 3376 7.3.2, RFC 3810 8.3.2). */
static void
mdb_note_version(const struct mdb *m, struct mdb_pg *pg, const struct mdb_record *rec)
{
	struct mono until = mono_add(rec->now, mdb_timing(m, pg)->older_host_interval);
	if (rec->version == 1 && rec->family == GM_IGMP)
		pg->v1_until = until;
	else
		pg->v2_until = until;
}

/* Whether the record may be interpreted in the port group's compatibility mode; cuts TO_EX's source list where it must
 * be ignored (RFC 3376 7.3.2). */
static bool
mdb_compat_filter(const struct mdb_pg *pg, struct mdb_record *rec)
{
	unsigned compat = mdb_pg_compat(pg, rec->now);
	if (compat == 3)
		return true;
	if (rec->rec.type == GM_TO_EX)
		rec->rec.n = 0;
	if (rec->rec.type == GM_TO_IN)
		return compat != 1;
	return rec->rec.type != GM_BLOCK;
}

static bool
mdb_record_joins(const struct gm_record *r)
{
	if (r->type == GM_IS_EX || r->type == GM_TO_EX)
		return true;
	return r->type != GM_BLOCK && r->n > 0;
}

/* What the port or the group itself does not allow.  RFC 4604 3.1, 3.5 and 3.7: a group of the SSM ranges is joined
 * with sources or not at all. */
static enum drop_reason
mdb_record_verdict(const struct mdb *m, const struct mdb_record *rec)
{
	const uint8_t type = rec->rec.type;
	if (mdb_port_denies(rec->port, &rec->rec.group))
		return DROP_GROUP_DENIED;
	if (m->limits.strict_ssm && ipaddr_group_is_ssm(&rec->rec.group) &&
	    (rec->kind != GM_REPORT || type == GM_IS_EX || type == GM_TO_EX))
		return DROP_GM_SSM;
	return DROP_NONE;
}

/* Whether limits left nothing of a record that says something of its sources only. */
static bool
mdb_record_is_void(const struct mdb_record *rec, bool is_new)
{
	const uint8_t type = rec->rec.type;
	const bool sources_only = type == GM_IS_IN || type == GM_ALLOW || type == GM_BLOCK;
	return rec->n_refused > 0 && rec->n_refused == rec->rec.n && (sources_only || (type == GM_TO_IN && is_new));
}

/* False when nothing of the record counts (rec->refused). */
static bool
mdb_record_in(struct mdb *m, struct mdb_record *rec)
{
	enum drop_reason verdict = mdb_record_verdict(m, rec);
	if (verdict != DROP_NONE) {
		rec->refused = verdict;
		return false;
	}
	struct mdb_pg *pg = mdb_pg_find(m, rec->port, rec->vid, &rec->rec.group);
	bool is_new = !pg || !pg->joined, takes_host;
	if (is_new && !mdb_record_joins(&rec->rec))
		return true;
	if (is_new)
		pg = mdb_pg_open(m, rec);
	if (!pg)
		return false;
	rec->n_refused = 0;
	rec->untracked = rec->made_room = false;
	if (rec->kind == GM_REPORT_OLD)
		mdb_note_version(m, pg, rec);
	takes_host = mdb_host_update(m, pg, rec);
	if (takes_host && mdb_compat_filter(pg, rec))
		mdb_apply(m, pg, rec);
	mdb_pg_update(m, pg, rec->now);
	return takes_host && !mdb_record_is_void(rec, is_new);
}

/* RFC 3376 4.2.12, RFC 4541 2.1.2: unknown types and groups nobody snoops are skipped, their siblings count. */
static bool
mdb_record_matters(const struct gm_record *r)
{
	return r->type >= GM_IS_IN && r->type <= GM_BLOCK && ipaddr_is_multicast(&r->group) &&
	       !ipaddr_group_always_floods(&r->group);
}

enum drop_reason
mdb_report(struct mdb *m, struct mdb_port *p, uint16_t vid, const struct mac *mac, struct gm_msg *msg, struct mono now,
	   bool *ret_counts)
{
	struct mdb_record rec = { .port = p,
				  .vid = vid,
				  .mac = mac,
				  .ip = msg->src,
				  .family = msg->family,
				  .kind = msg->kind,
				  .version = msg->version,
				  .now = now };
	bool counts = false;
	if (msg->kind == GM_REPORT) {
		while (gm_next_record(msg, &rec.rec))
			counts |= !mdb_record_matters(&rec.rec) || mdb_record_in(m, &rec);
	} else {
		/* RFC 3376 7.3.2: an older report is IS_EX({}), a leave TO_IN({}). */
		rec.rec.group = msg->group;
		rec.rec.type = msg->kind == GM_LEAVE ? GM_TO_IN : GM_IS_EX;
		counts = ipaddr_group_always_floods(&msg->group) || mdb_record_in(m, &rec);
	}
	mdb_settle(m, now);
	*ret_counts = counts || rec.refused == DROP_NONE;
	return rec.refused;
}

/* RFC 3376 6.6.1.  The asker's LMQI is what it gives as the time to answer (8.8; so RFC 2236 has it, too); who answers
 * within it must not come late.  IGMPv1 hosts don't understand the question (RFC 2236 7, Version 1 Members Present). */
static void
mdb_pg_lower(struct mdb *m, struct mdb_pg *pg, struct gm_msg query, struct mono now)
{
	const struct mdb_timing *t = mdb_timing(m, pg);
	const nsec_t lmqi =
		t->last_member_query_interval > query.max_resp ? t->last_member_query_interval : query.max_resp;
	struct mono at = mono_add(now, lmqi * t->last_member_query_count);
	struct ipaddr addr;
	if (mdb_pg_compat(pg, now) == 1)
		return;
	if (query.n == 0 && pg->exclude)
		timerq_arm(&m->timers, &pg->group_timer, mono_min(at, pg->group_timer.at));
	while (gm_query_next_source(&query, &addr)) {
		struct mdb_source *s = mdb_source_find(m, pg, &addr);
		if (s && timer_is_armed(&s->timer))
			timerq_arm(&m->timers, &s->timer, mono_min(at, s->timer.at));
	}
}

void
mdb_query_seen(struct mdb *m, uint16_t vid, struct gm_msg *query, struct mono now)
{
	struct mdb_group *g = mdb_find(m, vid, &query->group);
	if (!g || query->s_flag)
		return;
	LIST_EACH (pg, &g->ports, struct mdb_pg, by_group)
		mdb_pg_lower(m, pg, *query, now);
}

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
