/* The router-side state tables of RFC 3376 6.4.1 and 6.4.2 (RFC 3810 7.4.1 and 7.4.2 are the same): one function a row.
 *
 * Sets.  A is what the port group holds in INCLUDE mode; X are its sources with a running timer and Y those without in
 * EXCLUDE mode; B is the record's source list.  mdb_mark_sources() marks what both have, so "A*B" reads "marked", "A-B"
 * "not marked", and a source of B that was not found is "B-A".
 */
#include <stdlib.h>

#include "mdb_impl.h"

/* Marks the sources of the port group that are in the record, unmarks the others. */
static void
mdb_mark_sources(const struct mdb *m, struct mdb_pg *pg, const struct gm_record *rec)
{
	struct gm_record r = *rec;
	struct ipaddr addr;
	LIST_EACH (s, &pg->sources, struct mdb_source, by_pg)
		s->marked = false;
	while (gm_record_next_source(&r, &addr)) {
		struct mdb_source *s = mdb_source_find(m, pg, &addr);
		if (s)
			s->marked = true;
	}
}

static void
mdb_delete_unmarked(struct mdb *m, struct mdb_pg *pg)
{
	LIST_EACH_SAFE (s, tmp, &pg->sources, struct mdb_source, by_pg)
		if (!s->marked)
			mdb_source_del(m, s);
}

/* Adds the record's sources that the port group lacks; at MONO_NEVER with their timers stopped. */
static void
mdb_add_missing(struct mdb *m, struct mdb_pg *pg, struct mdb_record *rec, struct mono at)
{
	struct gm_record r = rec->rec;
	struct ipaddr addr;
	while (gm_record_next_source(&r, &addr)) {
		if (mdb_source_find(m, pg, &addr))
			continue;
		struct mdb_source *s = mdb_source_add(m, pg, &addr, rec);
		if (s && !mono_is_never(at))
			mdb_source_arm(m, s, at);
	}
}

/* (B) = GMI for all of the record's sources, new and known. */
static void
mdb_refresh_all(struct mdb *m, struct mdb_pg *pg, struct mdb_record *rec)
{
	struct mono at = mono_add(rec->now, mdb_timing(m, pg)->membership_interval);
	struct gm_record r = rec->rec;
	struct ipaddr addr;
	while (gm_record_next_source(&r, &addr)) {
		struct mdb_source *s = mdb_source_find(m, pg, &addr);
		if (!s)
			s = mdb_source_add(m, pg, &addr, rec);
		if (s)
			mdb_source_arm(m, s, at);
	}
}

static void
mdb_arm_group(struct mdb *m, struct mdb_pg *pg, struct mono now)
{
	if (!pg->exclude)
		mdb_mark(m, pg->group);
	pg->exclude = true;
	timerq_arm(&m->timers, &pg->group_timer, mono_add(now, mdb_timing(m, pg)->membership_interval));
}

/* INCLUDE(A)  IS_IN(B), ALLOW(B)  ->  INCLUDE(A+B)  (B)=GMI
 * EXCLUDE(X,Y)  IS_IN(B), ALLOW(B)  ->  EXCLUDE(X+B,Y-B)  (B)=GMI */
static void
mdb_row_allow(struct mdb *m, struct mdb_pg *pg, struct mdb_record *rec)
{
	mdb_refresh_all(m, pg, rec);
}

/* INCLUDE(A)  IS_EX(B)  ->  EXCLUDE(A*B,B-A)  (B-A)=0, delete (A-B), group timer=GMI */
static void
mdb_row_include_is_ex(struct mdb *m, struct mdb_pg *pg, struct mdb_record *rec)
{
	mdb_mark_sources(m, pg, &rec->rec);
	mdb_delete_unmarked(m, pg);
	mdb_arm_group(m, pg, rec->now);
	mdb_add_missing(m, pg, rec, MONO_NEVER);
}

/* INCLUDE(A)  BLOCK(B)  ->  INCLUDE(A)  send Q(G,A*B) */
static void
mdb_row_include_block(struct mdb *m, struct mdb_pg *pg, struct mdb_record *rec)
{
	mdb_mark_sources(m, pg, &rec->rec);
	mdb_ask_sources(m, pg, true, rec);
}

/* INCLUDE(A)  TO_EX(B)  ->  EXCLUDE(A*B,B-A)  (B-A)=0, delete (A-B), send Q(G,A*B), group timer=GMI */
static void
mdb_row_include_to_ex(struct mdb *m, struct mdb_pg *pg, struct mdb_record *rec)
{
	mdb_row_include_is_ex(m, pg, rec);
	mdb_ask_sources(m, pg, true, rec);
}

/* INCLUDE(A)  TO_IN(B)  ->  INCLUDE(A+B)  (B)=GMI, send Q(G,A-B)
 * What ends at once goes first, to make room for what comes. */
static void
mdb_row_include_to_in(struct mdb *m, struct mdb_pg *pg, struct mdb_record *rec)
{
	mdb_mark_sources(m, pg, &rec->rec);
	mdb_ask_sources(m, pg, false, rec);
	mdb_refresh_all(m, pg, rec);
}

/* EXCLUDE(X,Y)  IS_EX(B)  ->  EXCLUDE(B-Y,Y*B)  (B-X-Y)=GMI, delete (X-B) and (Y-B), group timer=GMI */
static void
mdb_row_exclude_is_ex(struct mdb *m, struct mdb_pg *pg, struct mdb_record *rec)
{
	mdb_mark_sources(m, pg, &rec->rec);
	mdb_delete_unmarked(m, pg);
	mdb_add_missing(m, pg, rec, mono_add(rec->now, mdb_timing(m, pg)->membership_interval));
	mdb_arm_group(m, pg, rec->now);
}

/* EXCLUDE(X,Y)  BLOCK(B)  ->  EXCLUDE(X+(B-Y),Y)  (B-X-Y)=group timer, send Q(G,B-Y) */
static void
mdb_row_exclude_block(struct mdb *m, struct mdb_pg *pg, struct mdb_record *rec)
{
	mdb_mark_sources(m, pg, &rec->rec);
	mdb_add_missing(m, pg, rec, timer_at(&pg->group_timer));
	mdb_ask_sources(m, pg, true, rec);
}

/* EXCLUDE(X,Y)  TO_EX(B)  ->  EXCLUDE(B-Y,Y*B)  (B-X-Y)=group timer, delete (X-B) and (Y-B), send Q(G,B-Y), group
 * timer=GMI */
static void
mdb_row_exclude_to_ex(struct mdb *m, struct mdb_pg *pg, struct mdb_record *rec)
{
	mdb_mark_sources(m, pg, &rec->rec);
	mdb_delete_unmarked(m, pg);
	mdb_add_missing(m, pg, rec, timer_at(&pg->group_timer));
	mdb_arm_group(m, pg, rec->now);
	mdb_ask_sources(m, pg, true, rec);
}

/* EXCLUDE(X,Y)  TO_IN(B)  ->  EXCLUDE(X+B,Y-B)  (B)=GMI, send Q(G,X-B), send Q(G) */
static void
mdb_row_exclude_to_in(struct mdb *m, struct mdb_pg *pg, struct mdb_record *rec)
{
	mdb_mark_sources(m, pg, &rec->rec);
	mdb_refresh_all(m, pg, rec);
	mdb_ask_sources(m, pg, false, rec);
	mdb_ask_group(m, pg, rec);
}

void
mdb_apply(struct mdb *m, struct mdb_pg *pg, struct mdb_record *rec)
{
	typedef void row_fn(struct mdb *, struct mdb_pg *, struct mdb_record *);
	static row_fn *const rows[2][GM_BLOCK + 1] = {
		{ NULL, mdb_row_allow, mdb_row_include_is_ex, mdb_row_include_to_in, mdb_row_include_to_ex,
		  mdb_row_allow, mdb_row_include_block },
		{ NULL, mdb_row_allow, mdb_row_exclude_is_ex, mdb_row_exclude_to_in, mdb_row_exclude_to_ex,
		  mdb_row_allow, mdb_row_exclude_block },
	};
	rec->asks = false;
	rows[pg->exclude][rec->rec.type](m, pg, rec);
	if (rec->asks)
		mdb_send_due(m, pg, rec->now);
}
