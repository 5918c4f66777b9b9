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
	uint8_t key[sizeof(pg) + sizeof(*mac)];
	memcpy(key, &pg, sizeof(pg));
	memcpy(key + sizeof(pg), mac, sizeof(*mac));
	return hash_bytes(&m->key, key, sizeof(key));
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

static void
mdb_host_count_sources(struct mdb *m, struct mdb_host *h, uint16_t n)
{
	m->n_source_records += n - (uint32_t)h->n_sources;
	h->pg->port->n_sources += n - (uint32_t)h->n_sources;
	h->n_sources = n;
}

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
	mdb_host_count_sources(m, h, 0);
	timerq_cancel(&m->timers, &h->expiry);
	hmap_remove(&m->hosts, &h->node);
	list_remove(&h->by_pg);
	h->pg->n_hosts--;
	h->pg->port->n_hosts--;
	m->n_hosts--;
	free(h->sources);
	free(h);
}

void
mdb_host_lower(struct mdb_host *h, struct mono until)
{
	h->until = mono_min(h->until, until);
	for (size_t i = 0; i < h->n_sources; i++)
		h->sources[i].until = mono_min(h->sources[i].until, until);
}

static struct mdb_host_source *
mdb_host_source_find(const struct mdb_host *h, const struct ipaddr *addr)
{
	for (size_t i = 0; i < h->n_sources; i++)
		if (ipaddr_equal(&h->sources[i].addr, addr))
			return &h->sources[i];
	return NULL;
}

/* Room for one more source; false when a limit or the memory refuses it. */
static bool
mdb_host_grow(const struct mdb *m, struct mdb_host *h)
{
	if (h->n_sources >= m->limits.max_sources || !mdb_has_source_room(m, h->pg->port, 1))
		return false;
	if (h->n_sources < h->cap_sources)
		return true;
	size_t cap = h->cap_sources ? 2 * (size_t)h->cap_sources : 2;
	if (cap > UINT16_MAX)
		cap = UINT16_MAX;
	struct mdb_host_source *s = realloc(h->sources, cap * sizeof(*s));
	if (!s)
		return false;
	h->sources = s;
	h->cap_sources = (uint16_t)cap;
	return true;
}

static void
mdb_host_source_add(struct mdb *m, struct mdb_host *h, const struct ipaddr *addr, struct mdb_record *rec)
{
	struct mono until = mono_add(rec->now, mdb_timing(m, h->pg)->membership_interval);
	struct mdb_host_source *s = mdb_host_source_find(h, addr);
	if (s) {
		s->until = until;
		return;
	}
	if (!mdb_host_grow(m, h)) {
		rec->refused = DROP_SOURCE_LIMIT;
		/* In EXCLUDE mode the host is taken to want more than it does, which ends nothing. */
		rec->untracked |= !h->exclude;
		if (mdb_source_find(h->pg, addr))
			mdb_note_untracked(m, h->pg, rec);
		return;
	}
	h->sources[h->n_sources] = (struct mdb_host_source){ .addr = *addr, .until = until };
	mdb_host_count_sources(m, h, h->n_sources + 1);
}

static void
mdb_host_source_remove(struct mdb *m, struct mdb_host *h, const struct ipaddr *addr)
{
	struct mdb_host_source *s = mdb_host_source_find(h, addr);
	if (!s)
		return;
	*s = h->sources[h->n_sources - 1];
	mdb_host_count_sources(m, h, h->n_sources - 1);
}

/* What a record does to a host's list: replaces it, adds to it or takes from it. */
static void
mdb_host_edit(struct mdb *m, struct mdb_host *h, struct mdb_record *rec)
{
	struct gm_record r = rec->rec;
	struct ipaddr addr;
	bool adds = true;
	switch (r.type) {
	case GM_TO_IN:
	case GM_IS_EX:
	case GM_TO_EX:
		mdb_host_count_sources(m, h, 0);
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
			mdb_host_source_add(m, h, &addr, rec);
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
mdb_host_wants(const struct mdb_host *h, const struct ipaddr *addr, struct mono now)
{
	const struct mdb_host_source *s = mdb_host_source_find(h, addr);
	if (h->exclude)
		return !s;
	return s && mono_before(now, s->until);
}

bool
mdb_hosts_want(const struct mdb_pg *pg, const struct ipaddr *addr, struct mono now)
{
	if (!addr)
		return pg->n_exclude_hosts > 0;
	LIST_EACH (h, &pg->hosts, struct mdb_host, by_pg)
		if (mdb_host_wants(h, addr, now))
			return true;
	return false;
}

void
mdb_hosts_adopt(struct mdb *m, struct mdb_pg *pg, struct mdb_record *rec)
{
	LIST_EACH (h, &pg->hosts, struct mdb_host, by_pg) {
		for (size_t i = 0; !h->exclude && i < h->n_sources; i++) {
			struct mono due = h->sources[i].until;
			struct mdb_source *s = mdb_source_find(pg, &h->sources[i].addr);
			if (mono_due(due, rec->now))
				continue;
			if (!s)
				s = mdb_source_add(m, pg, &h->sources[i].addr, rec);
			if (s && (!timer_is_armed(&s->timer) || mono_before(s->timer.at, due)))
				mdb_source_arm(m, s, due);
		}
	}
}
