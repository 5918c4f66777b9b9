/* What the files of the multicast database share.  See castswitch/mdb.h for the ideas. */
#ifndef CASTSWITCH_CORE_MDB_IMPL_H
#define CASTSWITCH_CORE_MDB_IMPL_H

#include "castswitch/mdb.h"

/* One record on its way into the database, whatever message it came in. */
struct mdb_record {
	struct mdb_port *port;
	uint16_t vid;
	const struct mac *mac;
	struct ipaddr ip; /* the host's */
	enum gm_family family;
	enum gm_kind kind;
	uint8_t version;
	struct gm_record rec;
	/* out */
	enum drop_reason refused; /* the last limit or rule met; of all records */
	uint16_t n_refused;       /* sources of this record that the port group has no room for */
	bool untracked;           /* the host wants sources that there is no room for below it */
	bool made_room;           /* the host's sources that no longer count are forgotten */
	bool asks;                /* specific queries are due at once */
	struct mono now;
};

static inline enum gm_family
mdb_family(const struct ipaddr *group)
{
	return ipaddr_is_v4(group) ? GM_IGMP : GM_MLD;
}

static inline const struct mdb_timing *
mdb_timing(const struct mdb *m, const struct mdb_pg *pg)
{
	return m->ops.timing(m->arg, pg->group->vid, mdb_family(&pg->group->addr));
}

/* Last Member Query Time (RFC 3376 8.8.1). */
static inline nsec_t
mdb_lmqt(const struct mdb_timing *t)
{
	return t->last_member_query_interval * t->last_member_query_count;
}

/* --- mdb.c --- */

/* The version the port group is held in (RFC 3376 7.3.2): 1, 2 or 3; MLDv1 is 2 and MLDv2 is 3 here. */
unsigned mdb_pg_compat(const struct mdb_pg *pg, struct mono now);
/* Marks the group: its route is rebuilt before control returns to the caller of the database. */
void mdb_mark(struct mdb *m, struct mdb_group *g);
struct mdb_pg *mdb_pg_find(const struct mdb *m, const struct mdb_port *p, uint16_t vid, const struct ipaddr *group);
/* A new port group that has nothing yet: whoever asked for it fills or frees it.  NULL when out of memory. */
struct mdb_pg *mdb_pg_new(struct mdb *m, struct mdb_port *p, uint16_t vid, const struct ipaddr *group);
void mdb_pg_free(struct mdb *m, struct mdb_pg *pg);
/* Ends what was reported, tells the owner when that was something, and frees unless something is static. */
void mdb_pg_end(struct mdb *m, struct mdb_pg *pg, struct mono now);
/* Ends it when nothing is left of it (INCLUDE without sources). */
void mdb_pg_reap(struct mdb *m, struct mdb_pg *pg, struct mono now);
void mdb_pg_to_include(struct mdb *m, struct mdb_pg *pg);

/* A host wants what was not noted: for as long as its report counts, a leave of others is not exact. */
void mdb_note_untracked(const struct mdb *m, struct mdb_pg *pg, const struct mdb_record *rec);

/* The hash of what belongs to an object of the database by an address: IP or MAC. */
uint64_t mdb_hash_below(const struct mdb *m, const void *object, const void *addr, size_t len);

struct mdb_source *mdb_source_find(const struct mdb *m, const struct mdb_pg *pg, const struct ipaddr *addr);
/* Adds a source with its timer stopped, marked; NULL when a limit refuses it (rec->refused). */
struct mdb_source *mdb_source_add(struct mdb *m, struct mdb_pg *pg, const struct ipaddr *addr, struct mdb_record *rec);
void mdb_source_del(struct mdb *m, struct mdb_source *s);
void mdb_source_arm(struct mdb *m, struct mdb_source *s, struct mono at);
/* Stops the timer: forwarded no more. In INCLUDE mode the source is deleted. */
void mdb_source_end(struct mdb *m, struct mdb_source *s);
/* Room for n more source records of this port, here or below a host. */
bool mdb_has_source_room(const struct mdb *m, const struct mdb_port *p, unsigned n);

/* --- mdb_port.c --- */
/* Whether the rules of the port refuse the group. */
bool mdb_port_denies(const struct mdb_port *p, const struct ipaddr *group);

/* --- mdb_static.c --- */
/* Removes what is static of it. */
void mdb_static_free(struct mdb_pg *pg);

/* --- mdb_rows.c: the tables of RFC 3376 6.4.1 and 6.4.2 --- */
void mdb_apply(struct mdb *m, struct mdb_pg *pg, struct mdb_record *rec);

/* --- mdb_leave.c: what "Send Q" means --- */
/* Q(G, marked sources) or Q(G, sources not marked): those whose timers run.  What is to be asked is only noted, since a
 * row may ask twice: mdb_send_due() sends it. */
void mdb_ask_sources(struct mdb *m, struct mdb_pg *pg, bool marked, struct mdb_record *rec);
/* Q(G), of a port group in EXCLUDE mode. */
void mdb_ask_group(struct mdb *m, struct mdb_pg *pg, struct mdb_record *rec);
/* Sends what is due of the specific queries and arms the next transmission. */
void mdb_send_due(struct mdb *m, struct mdb_pg *pg, struct mono now);
void mdb_requery_fired(struct timer *t, void *arg, struct mono now);

/* --- mdb_host.c: the lower level --- */
/* Takes a record into the host's state; false when a limit refuses the host (rec->refused). */
bool mdb_host_update(struct mdb *m, struct mdb_pg *pg, struct mdb_record *rec);
void mdb_host_free(struct mdb *m, struct mdb_host *h);
/* What it said counts until then, if not less long. */
void mdb_host_lower(struct mdb_host *h, struct mono until);
/* Whether a tracked host of the port group wants this source; with any host in EXCLUDE mode for addr NULL. */
bool mdb_hosts_want(const struct mdb *m, const struct mdb_pg *pg, const struct ipaddr *addr, struct mono now);
/* Makes the sources that hosts in INCLUDE mode want those of the port group.  In EXCLUDE mode it need not have them:
 * the report of a host that excludes nothing deletes them (RFC 3376 6.4.1, IS_EX and TO_EX). */
void mdb_hosts_adopt(struct mdb *m, struct mdb_pg *pg, struct mdb_record *rec);
/* Blocks the sources of the port group in EXCLUDE mode that none of its hosts wants.  That of a host that excludes
 * nothing, which has just left, had unblocked them. */
void mdb_hosts_block(struct mdb *m, struct mdb_pg *pg, struct mdb_record *rec);

/* --- mdb_route.c --- */
/* Rebuilds and publishes the routes of all marked groups that need not wait; frees groups without ports.  At MONO_NEVER
 * nothing waits, as when a port goes. */
void mdb_settle(struct mdb *m, struct mono now);
/* The wait of a group is over: mdb_tick() settles behind it. */
void mdb_publish_fired(struct timer *t, void *arg, struct mono now);

#endif
