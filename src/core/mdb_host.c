/* The lower level of the multicast database: what each host reported last.
 *
 * A record is taken as the host means it (RFC 3376 5.1 and 5.2): TO_IN and the EXCLUDE records replace its state, ALLOW
 * and BLOCK edit it.  IS_IN only adds: it is also the answer to a group-and-source-specific query, where a host in
 * EXCLUDE mode names the sources it wants and a host in INCLUDE mode a subset.  So sources carry their own "until":
 * one that a host no longer reports stops counting after the membership interval.
 */
#include <stdlib.h>
#include <string.h>

#include "mdb_impl.h"

static uint64_t
mdb_host_hash(const struct mdb *m, const struct mdb_pg *pg, const struct mac *mac)
{
	return mdb_hash_below(m, pg, mac, sizeof(*mac));
}

static struct mdb_host *
mdb_host_find(const struct mdb *m, const struct mdb_pg *pg, const struct mac *mac)
{
	HMAP_EACH_WITH_HASH (h, &m->hosts, mdb_host_hash(m, pg, mac), struct mdb_host, node)
		if (h->pg == pg && mac_equal(&h->mac, mac))
			return h;
	return NULL;
}

static void
mdb_host_set_exclude(struct mdb_host *h, bool exclude)
{
	if (h->exclude != exclude)
		h->pg->n_exclude_hosts += exclude ? 1 : -1U;
	h->exclude = exclude;
}

/* --- sources --- */

static uint64_t
mdb_host_source_hash(const struct mdb *m, const struct mdb_host *h, const struct ipaddr *addr)
{
	return mdb_hash_below(m, h, addr, sizeof(*addr));
}

static struct mdb_host_source *
mdb_host_source_find(const struct mdb *m, const struct mdb_host *h, const struct ipaddr *addr)
{
	if (!h->n_sources)
		return NULL;
	HMAP_EACH_WITH_HASH (s, &m->host_sources, mdb_host_source_hash(m, h, addr), struct mdb_host_source, node)
		if (s->host == h && ipaddr_equal(&s->addr, addr))
			return s;
	return NULL;
}

static void
mdb_host_source_del(struct mdb *m, struct mdb_host *h, struct mdb_host_source *s)
{
	hmap_remove(&m->host_sources, &s->node);
	list_remove(&s->by_host);
	h->n_sources--;
	h->pg->port->n_sources--;
	m->n_source_records--;
	free(s);
}

/* Those that no longer count by 'now'; MONO_NEVER: all. */
static void
mdb_host_forget_sources(struct mdb *m, struct mdb_host *h, struct mono now)
{
	LIST_EACH_SAFE (s, tmp, &h->sources, struct mdb_host_source, by_host)
		if (mono_due(s->until, now))
			mdb_host_source_del(m, h, s);
}

static bool
mdb_host_has_room(const struct mdb *m, const struct mdb_host *h)
{
	return h->n_sources < m->limits.max_sources && mdb_has_source_room(m, h->pg->port, 1);
}

/* NULL when a limit or the memory refuses it. */
static struct mdb_host_source *
mdb_host_source_new(struct mdb *m, struct mdb_host *h, const struct ipaddr *addr, struct mdb_record *rec)
{
	struct mdb_host_source *s = NULL;
	if (!rec->made_room && !mdb_host_has_room(m, h)) {
		mdb_host_forget_sources(m, h, rec->now);
		rec->made_room = true;
	}
	if (mdb_host_has_room(m, h))
		s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->host = h;
	s->addr = *addr;
	hmap_insert(&m->host_sources, &s->node, mdb_host_source_hash(m, h, addr));
	list_push_back(&h->sources, &s->by_host);
	h->n_sources++;
	h->pg->port->n_sources++;
	m->n_source_records++;
	return s;
}

static void
mdb_host_source_add(struct mdb *m, struct mdb_host *h, const struct ipaddr *addr, struct mono until,
		    struct mdb_record *rec)
{
	struct mdb_host_source *s = mdb_host_source_find(m, h, addr);
	if (!s)
		s = mdb_host_source_new(m, h, addr, rec);
	if (s) {
		s->until = until;
		return;
	}
	rec->refused = DROP_SOURCE_LIMIT;
	/* In EXCLUDE mode the host is taken to want more than it does, which ends nothing. */
	rec->untracked |= !h->exclude;
	if (mdb_source_find(m, h->pg, addr))
		mdb_note_untracked(m, h->pg, rec);
}

static void
mdb_host_source_remove(struct mdb *m, struct mdb_host *h, const struct ipaddr *addr)
{
	struct mdb_host_source *s = mdb_host_source_find(m, h, addr);
	if (s)
		mdb_host_source_del(m, h, s);
}

/* --- hosts --- */

/* Nothing was heard of the host for the membership interval. */
static void
mdb_host_fired(struct timer *t, void *arg, struct mono now)
{
	struct mdb *m = arg;
	struct mdb_host *h = container_of(t, struct mdb_host, expiry);
	if (mono_due(h->until, now))
		mdb_host_free(m, h);
	else
		timerq_arm(&m->timers, t, h->until);
}

static bool
mdb_may_add_host(const struct mdb *m, const struct mdb_port *p)
{
	if (p->params.max_hosts && p->n_hosts >= p->params.max_hosts)
		return false;
	return p->n_hosts < MDB_RESERVED_HOSTS || m->n_hosts < m->limits.max_hosts;
}

static struct mdb_host *
mdb_host_new(struct mdb *m, struct mdb_pg *pg, struct mdb_record *rec)
{
	struct mdb_host *h = NULL;
	if (mdb_may_add_host(m, pg->port))
		h = calloc(1, sizeof(*h));
	if (!h) {
		rec->refused = DROP_HOST_LIMIT;
		return NULL;
	}
	h->pg = pg;
	h->mac = *rec->mac;
	list_init(&h->sources);
	timer_init(&h->expiry, mdb_host_fired);
	timerq_arm(&m->timers, &h->expiry, mono_add(rec->now, mdb_timing(m, pg)->membership_interval));
	hmap_insert(&m->hosts, &h->node, mdb_host_hash(m, pg, &h->mac));
	list_push_back(&pg->hosts, &h->by_pg);
	pg->n_hosts++;
	pg->port->n_hosts++;
	m->n_hosts++;
	return h;
}

void
mdb_host_free(struct mdb *m, struct mdb_host *h)
{
	mdb_host_set_exclude(h, false);
	mdb_host_forget_sources(m, h, MONO_NEVER);
	timerq_cancel(&m->timers, &h->expiry);
	hmap_remove(&m->hosts, &h->node);
	list_remove(&h->by_pg);
	h->pg->n_hosts--;
	h->pg->port->n_hosts--;
	m->n_hosts--;
	free(h);
}

void
mdb_host_lower(struct mdb_host *h, struct mono until)
{
	h->until = mono_min(h->until, until);
	LIST_EACH (s, &h->sources, struct mdb_host_source, by_host)
		s->until = mono_min(s->until, until);
}

/* What a record does to a host's list: replaces it, adds to it or takes from it. */
static void
mdb_host_edit(struct mdb *m, struct mdb_host *h, struct mdb_record *rec)
{
	const struct mono until = mono_add(rec->now, mdb_timing(m, h->pg)->membership_interval);
	struct gm_record r = rec->rec;
	struct ipaddr addr;
	bool adds = true;
	switch (r.type) {
	case GM_TO_IN:
	case GM_IS_EX:
	case GM_TO_EX:
		mdb_host_forget_sources(m, h, MONO_NEVER);
		mdb_host_set_exclude(h, r.type != GM_TO_IN);
		break;
	case GM_IS_IN:
	case GM_ALLOW:
		adds = !h->exclude;
		break;
	case GM_BLOCK:
		adds = h->exclude;
		break;
	}
	while (gm_record_next_source(&r, &addr)) {
		if (adds)
			mdb_host_source_add(m, h, &addr, until, rec);
		else
			mdb_host_source_remove(m, h, &addr);
	}
}

bool
mdb_host_update(struct mdb *m, struct mdb_pg *pg, struct mdb_record *rec)
{
	struct mdb_host *h = mdb_host_find(m, pg, rec->mac);
	/* A host that is not known and does not join has nothing to say of itself, but its record still counts for the
	 * port. */
	bool joins = rec->rec.type != GM_BLOCK && (rec->rec.type != GM_TO_IN || rec->rec.n > 0) &&
		     (rec->rec.n > 0 || rec->rec.type == GM_IS_EX || rec->rec.type == GM_TO_EX);
	if (!h && !joins)
		return true;
	if (!h)
		h = mdb_host_new(m, pg, rec);
	if (!h)
		return false;
	h->ip = rec->ip;
	h->version = rec->version;
	/* IS_IN from a host in EXCLUDE mode answers a question about sources; it does not renew the mode. */
	if (rec->rec.type != GM_IS_IN || !h->exclude)
		h->until = mono_add(rec->now, mdb_timing(m, pg)->membership_interval);
	h->seen = rec->now;
	mdb_host_edit(m, h, rec);
	if (!h->exclude && !h->n_sources)
		mdb_host_free(m, h);
	return true;
}

/* Whether the host wants packets of this source. */
static bool
mdb_host_wants(const struct mdb *m, const struct mdb_host *h, const struct ipaddr *addr, struct mono now)
{
	const struct mdb_host_source *s = mdb_host_source_find(m, h, addr);
	if (h->exclude)
		return !s;
	return s && mono_before(now, s->until);
}

bool
mdb_hosts_want(const struct mdb *m, const struct mdb_pg *pg, const struct ipaddr *addr, struct mono now)
{
	if (!addr)
		return pg->n_exclude_hosts > 0;
	LIST_EACH (h, &pg->hosts, struct mdb_host, by_pg)
		if (mdb_host_wants(m, h, addr, now))
			return true;
	return false;
}

static void
mdb_host_adopt(struct mdb *m, struct mdb_pg *pg, const struct mdb_host *h, struct mdb_record *rec)
{
	LIST_EACH (hs, &h->sources, struct mdb_host_source, by_host) {
		struct mdb_source *s = mdb_source_find(m, pg, &hs->addr);
		if (mono_due(hs->until, rec->now))
			continue;
		if (!s)
			s = mdb_source_add(m, pg, &hs->addr, rec);
		if (s && (!timer_is_armed(&s->timer) || mono_before(s->timer.at, hs->until)))
			mdb_source_arm(m, s, hs->until);
	}
}

void
mdb_hosts_adopt(struct mdb *m, struct mdb_pg *pg, struct mdb_record *rec)
{
	LIST_EACH (h, &pg->hosts, struct mdb_host, by_pg)
		mdb_host_adopt(m, pg, h, rec);
}

/* What all exclude is among what the one excludes that has the shortest list. */
static const struct mdb_host *
mdb_least_excluding(const struct mdb_pg *pg)
{
	const struct mdb_host *least = NULL;
	LIST_EACH (h, &pg->hosts, struct mdb_host, by_pg)
		if (h->exclude && (!least || h->n_sources < least->n_sources))
			least = h;
	return least;
}

void
mdb_hosts_block(struct mdb *m, struct mdb_pg *pg, struct mdb_record *rec)
{
	const struct mdb_host *h = mdb_least_excluding(pg);
	if (!h)
		return;
	LIST_EACH (hs, &h->sources, struct mdb_host_source, by_host) {
		struct mdb_source *s = mdb_source_find(m, pg, &hs->addr);
		if (mdb_hosts_want(m, pg, &hs->addr, rec->now))
			continue;
		if (s)
			mdb_source_end(m, s);
		else
			(void)mdb_source_add(m, pg, &hs->addr, rec);
	}
}
