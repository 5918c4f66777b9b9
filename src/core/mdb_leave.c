/* What "Send Q(G)" and "Send Q(G, sources)" of the state tables mean here: end exactly, or lower timers and ask.
 * RFC 3376 6.6.3.1 and 6.6.3.2. */
#include <stdlib.h>

#include "mdb_impl.h"

enum { QUERY_SOURCES = 64 }; /* sources in one query: fits any MTU from 1280 up */

/* Whether the tracked hosts are all there are, so that nobody must be asked. */
static bool
mdb_pg_is_exact(const struct mdb_pg *pg, struct mono now)
{
	const struct mdb_port_params *p = &pg->port->params;
	if (p->fast_leave != SW_FAST_LEAVE_AUTO)
		return p->fast_leave == SW_FAST_LEAVE_ON;
	if (mono_before(now, pg->untracked_until))
		return false;
	return p->endpoint || mdb_pg_compat(pg, now) == 3;
}

static bool
mdb_we_ask(const struct mdb *m, const struct mdb_pg *pg)
{
	return m->ops.is_querier(m->arg, pg->group->vid, mdb_family(&pg->group->addr));
}

/* Sends n sources in as many queries as needed. */
static void
mdb_send_sources(struct mdb *m, struct mdb_pg *pg, const struct ipaddr *sources, size_t n, bool s_flag, struct mono now)
{
	for (size_t i = 0; i < n; i += QUERY_SOURCES) {
		size_t left = n - i;
		struct mdb_query q = { .family = mdb_family(&pg->group->addr),
				       .vid = pg->group->vid,
				       .port = pg->port->id,
				       .group = pg->group->addr,
				       .sources = sources + i,
				       .n_sources = (uint16_t)(left < QUERY_SOURCES ? left : QUERY_SOURCES),
				       .s_flag = s_flag,
				       .max_resp = mdb_timing(m, pg)->last_member_query_interval };
		m->ops.query(m->arg, &q, now);
	}
}

/* The sources still to be asked for, in one pass for timers above LMQT (S flag) and one for the others.  True when
 * there will be more to send. */
static bool
mdb_query_sources(struct mdb *m, struct mdb_pg *pg, bool s_flag, bool is_needed, struct mono now)
{
	struct mono limit = mono_add(now, mdb_lmqt(mdb_timing(m, pg)));
	struct ipaddr *list = NULL;
	size_t n = 0;
	bool more = false;
	if (pg->n_sources)
		list = malloc(pg->n_sources * sizeof(*list));
	if (!list)
		return false;
	LIST_EACH (s, &pg->sources, struct mdb_source, by_pg) {
		if (!s->queries_left || mono_before(limit, timer_at(&s->timer)) != s_flag)
			continue;
		list[n++] = s->addr;
		more |= --s->queries_left > 0;
	}
	if (is_needed)
		mdb_send_sources(m, pg, list, n, s_flag, now);
	free(list);
	return more;
}

static void
mdb_query_group(struct mdb *m, struct mdb_pg *pg, struct mono now)
{
	const struct mdb_timing *t = mdb_timing(m, pg);
	struct mdb_query q = { .family = mdb_family(&pg->group->addr),
			       .vid = pg->group->vid,
			       .port = pg->port->id,
			       .group = pg->group->addr,
			       .s_flag = mono_before(mono_add(now, mdb_lmqt(t)), timer_at(&pg->group_timer)),
			       .max_resp = t->last_member_query_interval };
	m->ops.query(m->arg, &q, now);
}

void
mdb_send_due(struct mdb *m, struct mdb_pg *pg, struct mono now)
{
	const bool group = pg->queries_left > 0;
	bool more = false;
	if (group) {
		mdb_query_group(m, pg, now);
		more |= --pg->queries_left > 0;
	}
	/* RFC 3376 6.6.3.2: beside a group-specific query the one with the S flag says nothing new. */
	more |= mdb_query_sources(m, pg, true, !group, now);
	more |= mdb_query_sources(m, pg, false, true, now);
	if (more)
		timerq_arm(&m->timers, &pg->requery, mono_add(now, mdb_timing(m, pg)->last_member_query_interval));
	else
		timerq_cancel(&m->timers, &pg->requery);
}

void
mdb_requery_fired(struct timer *t, void *arg, struct mono now)
{
	struct mdb *m = arg;
	struct mdb_pg *pg = container_of(t, struct mdb_pg, requery);
	if (mdb_we_ask(m, pg)) {
		mdb_send_due(m, pg, now);
		return;
	}
	/* Somebody else was elected meanwhile, and asks. */
	pg->queries_left = 0;
	LIST_EACH (s, &pg->sources, struct mdb_source, by_pg)
		s->queries_left = 0;
}

void
mdb_ask_sources(struct mdb *m, struct mdb_pg *pg, bool marked, struct mdb_record *rec)
{
	const struct mdb_timing *t = mdb_timing(m, pg);
	struct mono at = mono_add(rec->now, mdb_lmqt(t));
	bool exact = mdb_pg_is_exact(pg, rec->now), ask = !exact && mdb_we_ask(m, pg);
	LIST_EACH_SAFE (s, tmp, &pg->sources, struct mdb_source, by_pg) {
		if (s->marked != marked || !timer_is_armed(&s->timer))
			continue;
		if (exact && !mdb_hosts_want(m, pg, &s->addr, rec->now)) {
			mdb_source_end(m, s);
		} else if (ask && mono_before(at, s->timer.at)) {
			timerq_arm(&m->timers, &s->timer, at);
			s->queries_left = t->last_member_query_count;
			rec->asks = true;
		}
	}
}

void
mdb_ask_group(struct mdb *m, struct mdb_pg *pg, struct mdb_record *rec)
{
	const struct mdb_timing *t = mdb_timing(m, pg);
	struct mono at = mono_add(rec->now, mdb_lmqt(t));
	if (mdb_pg_is_exact(pg, rec->now)) {
		if (mdb_hosts_want(m, pg, NULL, rec->now)) {
			mdb_hosts_block(m, pg, rec);
			return;
		}
		mdb_pg_to_include(m, pg);
		mdb_hosts_adopt(m, pg, rec);
		return;
	}
	if (!mdb_we_ask(m, pg))
		return;
	/* As RFC 3376 6.6.3.2 has it for sources: asked a moment ago, and to be asked again. */
	if (pg->queries_left && !mono_before(at, pg->group_timer.at))
		return;
	timerq_arm(&m->timers, &pg->group_timer, mono_min(at, pg->group_timer.at));
	pg->queries_left = t->last_member_query_count;
	rec->asks = true;
}
