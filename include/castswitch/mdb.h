/* The multicast database: who wants which group from which source (DESIGN section 6, RFC 3376 section 6, RFC 3810
 * section 7), for IGMP and MLD through one path.
 *
 * Two levels:
 *  - (vlan, group, port): the router-side state machine of RFC 3376 6.4 with filter mode, group timer, source timers,
 *    and the compatibility mode of RFC 3376 7.3.  It alone decides what is forwarded.
 *  - (host MAC) below it: what that host reported last.  It decides when a leave is exact: nothing is asked when it is
 *    known that nobody else on the port wants the group or source.
 *
 * Leave.  Where a row of the RFC's tables says "Send Q(G)" or "Send Q(G, sources)", the database either
 *  - ends at once what no tracked host wants any more ("exact"), when fast_leave is ON, or AUTO and (the port is an
 *    endpoint, or the port group is in IGMPv3/MLDv2 mode: hosts of that mode don't suppress each other's reports), or
 *  - lowers timers and asks, when we are the querier (RFC 3376 6.6.3), or
 *  - does nothing: the elected querier will ask, and mdb_query_seen() lowers the timers.
 *
 * Static groups are memberships that need no host: the owner's, beside what is reported, and untouched by it.
 *
 * Groups, port groups, hosts and the sources of both are found by hash, so a report costs what it says, not what is
 * there already.
 *
 * Every change of what is forwarded marks the group; mdb_report(), mdb_tick() and the others rebuild and publish the
 * routes of marked groups before they return.  A group with more than MDB_CHEAP_WISHES pairs of port and source is
 * published again only when MDB_WISH_NSEC a pair have passed: no stream of reports takes the time of everything else.
 *
 * Limits: groups (vlan, group), hosts (vlan, group, port, host) and source records in all; groups, hosts and source
 * records of a port; sources of a group on a port and of a host in a group.  A report that would exceed one is refused
 * as far as it exceeds it, and named in the return value; nothing existing is thrown out.  Each port has a reserved
 * share (MDB_RESERVED_GROUPS, _HOSTS, _SOURCES) of the limits in all, so that others cannot use them up for it.
 */
#ifndef CASTSWITCH_MDB_H
#define CASTSWITCH_MDB_H

#include <stdbool.h>
#include <stdint.h>

#include "castswitch/drop.h"
#include "castswitch/gm.h"
#include "castswitch/hash.h"
#include "castswitch/hmap.h"
#include "castswitch/list.h"
#include "castswitch/mroute.h"
#include "castswitch/switch.h"
#include "castswitch/timerq.h"

enum {
	MDB_RESERVED_GROUPS = 8,
	MDB_RESERVED_HOSTS = 32,
	MDB_RESERVED_SOURCES = 32,
	MDB_CHEAP_WISHES = 1024, /* (port, source) pairs of a group that are published at once, always */
	MDB_WISH_NSEC = 1000,    /* about ten times what publishing one takes */
};

/* The timing in force, ours or the elected querier's (RFC 3376 section 8). */
struct mdb_timing {
	uint8_t robustness;
	nsec_t membership_interval;        /* GMI */
	nsec_t last_member_query_interval; /* LMQI */
	uint8_t last_member_query_count;   /* LMQC */
	nsec_t older_host_interval;        /* RFC 3376 8.13 */
};

struct mdb_port_params {
	uint8_t fast_leave; /* enum sw_fast_leave */
	bool endpoint;
	uint32_t max_groups, max_hosts, max_source_records; /* 0 = only the limits in all */
	struct sw_group_rules groups;
};

/* Per port, owned by the port. */
struct mdb_port {
	struct list groups; /* struct mdb_pg of this port */
	uint16_t id;
	struct mdb_port_params params; /* with group rules of its own */
	uint32_t n_groups; /* joined by reports */
	uint32_t n_hosts, n_sources;
};

struct mdb_group;

struct mdb_source {
	struct hmap_node node;
	struct list by_pg;
	struct timer timer;
	struct mdb_pg *pg;
	struct ipaddr addr;
	uint8_t queries_left; /* group-and-source-specific queries still to send */
	bool marked;          /* in the record being processed */
};

/* A source that a static group forwards. */
struct mdb_static {
	struct list node; /* of its port group */
	struct ipaddr source;
};

/* (vlan, group, port).  A source whose timer runs is forwarded; one whose timer does not is blocked (EXCLUDE only). */
struct mdb_pg {
	struct hmap_node node;
	struct list by_group, by_port;
	struct mdb_group *group;
	struct mdb_port *port;
	struct list sources, hosts;
	struct list statics; /* struct mdb_static */
	uint32_t n_sources, n_hosts, n_exclude_hosts;
	bool exclude;
	bool joined;     /* by reports: it is in EXCLUDE mode or has sources */
	bool static_any; /* whatever the source, whatever is reported */
	struct timer group_timer; /* EXCLUDE only */
	struct timer requery;     /* next group(-and-source)-specific query */
	uint8_t queries_left;     /* group-specific queries still to send */
	struct mono v1_until, v2_until; /* older hosts present (RFC 3376 7.3.2); MLDv1 uses v2_until */
	struct mono untracked_until; /* a host wants sources that a limit kept from being noted below it */
};

/* A source in a host's report, which counts until then. */
struct mdb_host_source {
	struct hmap_node node;
	struct list by_host;
	const struct mdb_host *host;
	struct ipaddr addr;
	struct mono until;
};

struct mdb_host {
	struct hmap_node node;
	struct list by_pg;
	struct timer expiry;
	struct mdb_pg *pg;
	struct mac mac;
	bool exclude;
	uint8_t version;
	uint16_t n_sources;
	struct ipaddr ip;
	struct mono seen, until; /* the last report, and until when it counts */
	struct list sources; /* struct mdb_host_source; INCLUDE: wanted; EXCLUDE: not wanted */
};

struct mdb_group {
	struct hmap_node node;
	struct list ports; /* struct mdb_pg, by port id */
	struct list dirty; /* in mdb.dirty while its route must be rebuilt */
	struct timer publish; /* armed while that waits */
	struct mono publish_at; /* not before */
	struct ipaddr addr;
	uint16_t vid;
};

/* A group-specific (n_sources 0) or group-and-source-specific query to send out of one port. */
struct mdb_query {
	enum gm_family family;
	uint16_t vid;
	uint16_t port;
	struct ipaddr group;
	const struct ipaddr *sources;
	uint16_t n_sources;
	bool s_flag;
	nsec_t max_resp;
};

struct mdb_ops {
	/* Whether we are the querier and so ask and lower timers ourselves. */
	bool (*is_querier)(void *arg, uint16_t vid, enum gm_family family);
	/* The timing in force there; never NULL. */
	const struct mdb_timing *(*timing)(void *arg, uint16_t vid, enum gm_family family);
	void (*query)(void *arg, const struct mdb_query *q, struct mono now);
	/* First interest of hosts behind a port in a group, or the last one gone. */
	void (*changed)(void *arg, uint16_t port, uint16_t vid, const struct ipaddr *group, bool joined, struct mono now);
};

/* Of the whole database, and what it does not believe. */
struct mdb_limits {
	uint32_t max_groups, max_hosts, max_source_records;
	uint16_t max_sources;
	bool strict_ssm; /* RFC 4604: groups of the SSM ranges have sources, so nothing else is taken for them */
};

struct mdb {
	struct hmap groups, pgs, sources, hosts, host_sources;
	struct hash_key key;
	struct timerq timers;
	struct list dirty;
	struct mdb_limits limits;
	struct mroute_table *routes;
	struct mdb_ops ops;
	void *arg;
	uint32_t n_groups, n_pgs, n_hosts, n_source_records;
};

void mdb_init(struct mdb *m, const struct hash_key *key, const struct mdb_limits *limits, struct mroute_table *routes,
	      const struct mdb_ops *ops, void *arg);
void mdb_fini(struct mdb *m);

/* False when out of memory.  The group rules are copied. */
bool mdb_port_init(struct mdb_port *p, uint16_t id, const struct mdb_port_params *params);
/* Other settings: limits bind newcomers; memberships that the new group rules refuse end at once.  False, with the old
 * settings, when out of memory. */
bool mdb_port_reconfigure(struct mdb *m, struct mdb_port *p, const struct mdb_port_params *params, struct mono now);
/* Forgets everything that hosts of a port reported, at once. */
void mdb_port_flush(struct mdb *m, struct mdb_port *p, struct mono now);
/* The same for one family, which is no longer snooped. */
void mdb_port_flush_family(struct mdb *m, struct mdb_port *p, enum gm_family family, struct mono now);
/* A port that was away has come back and its hosts are asked: what they do not report anew ends at 'until', if not
 * before. */
void mdb_port_resume(struct mdb *m, struct mdb_port *p, struct mono until);
/* Forgets everything of a port and frees what it holds; before mdb_fini(). */
void mdb_port_fini(struct mdb *m, struct mdb_port *p, struct mono now);

/* A membership of the port for good, source NULL = any; again is the same.  No limit and no group rule refuses it.  False
 * when out of memory. */
bool mdb_static_add(struct mdb *m, struct mdb_port *p, uint16_t vid, const struct ipaddr *group,
		    const struct ipaddr *source);
/* Removes them all of a port. */
void mdb_static_clear(struct mdb *m, struct mdb_port *p);
/* Whether this source is forwarded to the port whatever is reported. */
bool mdb_static_wants(const struct mdb_pg *pg, const struct ipaddr *source);

static inline bool
mdb_pg_is_static(const struct mdb_pg *pg)
{
	return pg->static_any || !list_is_empty(&pg->statics);
}

/* A report or leave (msg->kind not GM_QUERY; its cursor is consumed) from host 'mac' behind port p.  DROP_NONE, or what
 * refused a part of it, the last one: DROP_GROUP_DENIED, DROP_GM_SSM, DROP_GROUP_LIMIT, DROP_HOST_LIMIT,
 * DROP_SOURCE_LIMIT.  The other parts count; *ret_counts is false when there are none, and routers need not hear of it. */
enum drop_reason mdb_report(struct mdb *m, struct mdb_port *p, uint16_t vid, const struct mac *mac, struct gm_msg *msg,
			    struct mono now, bool *ret_counts);

/* A group(-and-source)-specific query of the elected querier without the S flag: lowers timers (RFC 3376 6.6.1). */
void mdb_query_seen(struct mdb *m, uint16_t vid, struct gm_msg *query, struct mono now);

void mdb_tick(struct mdb *m, struct mono now);
struct mono mdb_next(const struct mdb *m);

/* For tests: whether lists, counts, timers and published routes agree. */
bool mdb_check(const struct mdb *m);

struct mdb_group *mdb_find(const struct mdb *m, uint16_t vid, const struct ipaddr *group);

#endif
