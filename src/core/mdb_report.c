/* Reports on their way into the multicast database: what may not be believed or has no room, and the compatibility
 * modes of RFC 3376 7.3.2; and the queries of others. */
#include "mdb_impl.h"

/* --- port groups --- */

static bool
mdb_may_join(const struct mdb *m, const struct mdb_port *p, bool new_group)
{
	if (p->params.max_groups && p->n_groups >= p->params.max_groups)
		return false;
	return !new_group || p->n_groups < MDB_RESERVED_GROUPS || m->n_groups < m->limits.max_groups;
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

/* --- records --- */

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

/* --- queries --- */

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
