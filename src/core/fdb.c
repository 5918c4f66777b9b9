/* The forwarding database. */
#include "castswitch/fdb.h"

#include <stdlib.h>

enum { EVICT_SCAN = 64 }; /* how many of a port's entries are looked at to find its oldest */

void
fdb_init(struct fdb *f, const struct hash_key *key, nsec_t aging, uint32_t max)
{
	*f = (struct fdb){ .key = *key, .aging = aging, .max = max };
	hmap_init(&f->map);
	timerq_init(&f->timers);
}

void
fdb_port_init(struct fdb_port *p, uint16_t id, uint32_t max, bool protects, bool respects)
{
	*p = (struct fdb_port){ .id = id, .max = max, .protects = protects, .respects = respects };
	list_init(&p->entries);
}

static void
fdb_attach(struct fdb_entry *e, struct fdb_port *p)
{
	e->owner = p;
	e->port = p ? p->id : (uint16_t)FDB_LOCAL_PORT;
	e->is_protected = e->is_static || !p || p->protects;
	if (!p)
		return;
	list_push_back(&p->entries, &e->by_port);
	if (!e->is_static)
		p->n_dynamic++;
}

static void
fdb_detach(struct fdb_entry *e)
{
	list_remove(&e->by_port);
	if (e->owner && !e->is_static)
		e->owner->n_dynamic--;
}

static void
fdb_remove(struct fdb *f, struct fdb_entry *e)
{
	hmap_remove(&f->map, &e->node);
	timerq_cancel(&f->timers, &e->expiry);
	if (!e->is_static)
		f->n_dynamic--;
	fdb_detach(e);
	free(e);
}

void
fdb_fini(struct fdb *f)
{
	HMAP_EACH_SAFE (e, tmp, &f->map, struct fdb_entry, node)
		fdb_remove(f, e);
	hmap_fini(&f->map);
	timerq_fini(&f->timers);
}

/* The fast path only stamps 'seen': the entry has aged only when nothing was seen since the timer was armed. */
static void
fdb_expired(struct timer *t, void *arg, struct mono now)
{
	struct fdb *f = arg;
	struct fdb_entry *e = container_of(t, struct fdb_entry, expiry);
	struct mono due = mono_add(e->seen, f->aging);
	if (mono_due(due, now))
		fdb_remove(f, e);
	else
		timerq_arm(&f->timers, t, due);
}

static struct fdb_entry *
fdb_new(struct fdb *f, struct fdb_port *p, uint64_t key, bool is_static, struct mono now)
{
	struct fdb_entry *e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->key = key;
	e->seen = now;
	e->is_static = is_static;
	list_init(&e->by_port);
	timer_init(&e->expiry, fdb_expired);
	fdb_attach(e, p);
	hmap_insert(&f->map, &e->node, hash_u64(&f->key, key));
	if (!is_static) {
		f->n_dynamic++;
		if (f->aging)
			timerq_arm(&f->timers, &e->expiry, mono_add(now, f->aging));
	}
	return e;
}

/* Removes the port's entry that was seen least recently, as far as EVICT_SCAN looks; false when there is none but
 * static ones. */
static bool
fdb_evict(struct fdb *f, struct fdb_port *p)
{
	struct fdb_entry *oldest = NULL;
	unsigned looked = 0;
	LIST_EACH (e, &p->entries, struct fdb_entry, by_port) {
		if (!e->is_static && (!oldest || mono_before(e->seen, oldest->seen)))
			oldest = e;
		if (++looked == EVICT_SCAN)
			break;
	}
	if (!oldest)
		return false;
	fdb_remove(f, oldest);
	f->evicted++;
	return true;
}

/* Room at the port (by evicting its own oldest), then in the whole table (by refusing). */
static bool
fdb_make_room(struct fdb *f, struct fdb_port *p, bool new_entry)
{
	if (p->max && p->n_dynamic >= p->max && !fdb_evict(f, p))
		return false;
	return !new_entry || f->n_dynamic < f->max;
}

/* Whether it has moved too often; forgets moves that are long ago. */
static bool
fdb_is_flapping(struct fdb_entry *e, struct mono now)
{
	if (mono_since(e->moved, now) >= FDB_PROTECT)
		e->n_moves = 0;
	return e->n_moves >= FDB_MAX_MOVES;
}

static enum fdb_result
fdb_move(struct fdb *f, struct fdb_entry *e, struct fdb_port *p, struct mono now)
{
	if (e->is_static || fdb_is_guarded(e, p, now))
		return FDB_PROTECTED;
	if (fdb_is_flapping(e, now)) {
		f->flaps++;
		return FDB_FLAPPING;
	}
	if (!fdb_make_room(f, p, false)) {
		f->refused++;
		return FDB_FULL;
	}
	fdb_detach(e);
	fdb_attach(e, p);
	e->seen = e->moved = now;
	e->n_moves++;
	f->moves++;
	return FDB_MOVED;
}

enum fdb_result
fdb_learn(struct fdb *f, struct fdb_port *p, uint64_t key, struct mono now)
{
	struct fdb_entry *e = fdb_lookup(f, key);
	if (e && e->port != p->id)
		return fdb_move(f, e, p, now);
	if (e) {
		e->seen = now;
		return FDB_KNOWN;
	}
	if (!fdb_make_room(f, p, true) || !fdb_new(f, p, key, false, now)) {
		f->refused++;
		return FDB_FULL;
	}
	return FDB_LEARNED;
}

bool
fdb_add_static(struct fdb *f, struct fdb_port *p, uint64_t key, bool sticky, struct mono now)
{
	struct fdb_entry *e = fdb_lookup(f, key);
	if (e)
		fdb_remove(f, e);
	e = fdb_new(f, p, key, true, now);
	if (e)
		e->sticky = sticky;
	return e != NULL;
}

void
fdb_clear_static(struct fdb *f, const struct fdb_port *p)
{
	HMAP_EACH_SAFE (e, tmp, &f->map, struct fdb_entry, node)
		if (e->is_static && e->owner == p)
			fdb_remove(f, e);
}

void
fdb_reconfigure(struct fdb *f, nsec_t aging, uint32_t max)
{
	f->max = max;
	if (f->aging == aging)
		return;
	f->aging = aging;
	HMAP_EACH (e, &f->map, struct fdb_entry, node)
		if (!e->is_static)
			timerq_arm(&f->timers, &e->expiry, aging ? mono_add(e->seen, aging) : MONO_NEVER);
}

void
fdb_flush_port(struct fdb *f, struct fdb_port *p)
{
	LIST_EACH_SAFE (e, tmp, &p->entries, struct fdb_entry, by_port)
		if (!e->is_static)
			fdb_remove(f, e);
}

void
fdb_forget_port(struct fdb *f, struct fdb_port *p)
{
	LIST_EACH_SAFE (e, tmp, &p->entries, struct fdb_entry, by_port)
		fdb_remove(f, e);
}

void
fdb_tick(struct fdb *f, struct mono now)
{
	timerq_run(&f->timers, now, f);
}

struct mono
fdb_next(const struct fdb *f)
{
	return timerq_next(&f->timers);
}
