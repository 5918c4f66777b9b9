/* The switch: ports, forwarding, IGMP/MLD snooping, querier (DESIGN sections 4 to 6).
 *
 * An engine without I/O.  The owner adds ports, feeds received frames with switch_rx() and gets frames to send through
 * each port's tx().  A batch is decided frame by frame, collected per egress port, and then handed out with one tx()
 * call per touched port (more when a port gets more than SW_BATCH), so order within a flow is kept.
 *
 * Fast and slow path.  switch_rx() itself only reads lookup tables (fdb.h, mroute.h, the port arrays), counts and
 * stamps "seen".  IGMP, MLD, PIM hellos and MRD, first sightings and moves of a MAC are queued, bounded per batch,
 * and handled behind the batch by the slow path, which owns all state changes.  Later several data workers can share
 * the tables while one thread keeps the slow path; nothing else crosses that seam.
 *
 * The way of a report: it is parsed (gm.h), changes the membership database (mdb.h), which publishes new routes, and is
 * passed on unchanged to router ports only.  The way of a query: checked against the port's policy, makes a router
 * port, takes part in the election (querier.h), and goes to all other ports.
 *
 * VLANs.  With vlan_aware untagged and priority-tagged frames are in VLAN 0, others in the one of their outer 802.1Q
 * tag, and the FDB, groups, queriers and router ports are a VLAN's own.  A VLAN exists from its first frame on, is
 * queried with its tag, and is forgotten when nothing was seen of it for the aging time and nobody in it is a member or
 * a router.  Without vlan_aware there is one table for all, VLAN 0, and tags pass untouched.
 *
 * Not thread-safe.  No function but switch_new and the _add ones allocates, except growth of tables in the slow path.
 */
#ifndef CASTSWITCH_SWITCH_H
#define CASTSWITCH_SWITCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "castswitch/drop.h"
#include "castswitch/frame.h"
#include "castswitch/gm.h"
#include "castswitch/ipaddr.h"
#include "castswitch/mono.h"
#include "castswitch/rng.h"

enum {
	SW_BATCH = 64,       /* most frames a switch_rx() call takes, and a tx() call gets */
	SW_MAX_PORTS = 4096,
	SW_PORT_NAME = 64,   /* with NUL */
	SW_MAX_PEER_VLANS = 64, /* VLANs that exist because one peer port sent in them */
};

enum sw_port_kind { SW_TAP, SW_NIC, SW_PEER };
enum sw_router_mode { SW_ROUTER_AUTO, SW_ROUTER_NEVER, SW_ROUTER_ALWAYS };
enum sw_fast_leave { SW_FAST_LEAVE_AUTO, SW_FAST_LEAVE_ON, SW_FAST_LEAVE_OFF };
enum sw_unregistered { SW_UNREG_ROUTERS, SW_UNREG_FLOOD, SW_UNREG_DROP };
enum sw_querier_mode { SW_QUERIER_AUTO, SW_QUERIER_ON, SW_QUERIER_OFF };

/* Snooping and querier settings; every duration in ns.  0 in a field marked (computed) asks for the RFC's formula. */
struct sw_snooping {
	bool enabled[GM_FAMILIES]; /* off: that family's multicast floods and nothing is tracked */
	uint8_t version[GM_FAMILIES]; /* of our own queries: IGMP 1..3 (1 knows no specific ones), MLD 1..2 */
	uint8_t querier;           /* enum sw_querier_mode; AUTO = ON: both take part in the election */
	struct ipaddr querier_address[GM_FAMILIES]; /* :: = none: 0.0.0.0 for IGMP, fe80::EUI-64 of params.mac for MLD */
	uint8_t robustness;
	nsec_t query_interval, query_response_interval;
	nsec_t startup_query_interval; /* (computed) 1/4 of query_interval */
	uint8_t startup_query_count;   /* (computed) robustness */
	nsec_t last_member_query_interval;
	uint8_t last_member_query_count;  /* (computed) robustness */
	nsec_t membership_interval;       /* (computed) RFC 3376 8.4 */
	nsec_t other_querier_interval;    /* (computed) RFC 3376 8.5; also a learned router port's life */
	uint8_t unregistered;             /* enum sw_unregistered */
	bool flood_until_querier;
	bool drop_non_ip_multicast;
	bool strict_router_alert;
	bool strict_ssm;   /* old-version reports and EXCLUDE records for a group of the SSM ranges are ignored (RFC 4604) */
	bool mrd_solicit;  /* asks a port that may have routers for them when it comes up (RFC 4286) */
	uint32_t max_groups;         /* (vlan, group) pairs */
	uint32_t max_source_records; /* port level and host level together */
	uint32_t max_hosts;          /* (vlan, group, port, host) records of all ports */
	uint16_t max_sources;        /* of one group on one port, and of one host in one group */
};

struct sw_params {
	struct mac mac;   /* of the switch itself: source of its queries */
	nsec_t aging;     /* of FDB entries; 0 = never */
	uint32_t max_macs;
	bool vlan_aware;
	uint16_t forward_reserved; /* bit n: 01:80:c2:00:00:0n is forwarded, to all ports */
	struct sw_snooping snooping;
};

/* The defaults of DESIGN section 8, with mac zero. */
void sw_params_default(struct sw_params *ret);

/* Which groups a port's hosts may join: those that no 'deny' contains and, unless 'allow' is empty, one of 'allow'
 * does.  Others are refused (DROP_GROUP_DENIED).  The prefixes are copied by whom they are given to. */
struct sw_group_rules {
	const struct ipprefix *allow;
	size_t n_allow;
	const struct ipprefix *deny;
	size_t n_deny;
};

struct sw_port_params {
	char name[SW_PORT_NAME];
	uint8_t kind;       /* enum sw_port_kind */
	uint8_t router;     /* enum sw_router_mode */
	uint8_t fast_leave; /* enum sw_fast_leave */
	bool endpoint;      /* one host's tap, not bridged */
	bool learning;
	bool protect_macs;  /* MACs known on tap and NIC ports don't move here until silent for 10 s */
	bool isolate;       /* exchanges no frames with other isolated ports */
	bool flood_unknown_unicast, flood_broadcast;
	bool flood_unregistered; /* gets IP multicast that nobody asked for, whatever the policy */
	bool flood_reports; /* gets reports as a router port does */
	bool all_multicast; /* gets every multicast frame, whoever asked (the tap of a client that has only a tap) */
	uint32_t max_macs, max_groups, max_hosts, max_source_records; /* 0 = only the global limits */
	uint32_t gm_rate; /* IGMP and MLD messages a second, in a burst twice that; 0 = unlimited */
	struct sw_group_rules groups;
};

/* Defaults for a kind of port. */
void sw_port_params_default(enum sw_port_kind kind, const char *name, struct sw_port_params *ret);

/* One frame to send. */
struct sw_tx {
	const struct frame *frame;
	const struct mac *dst; /* NULL = as it is; else the destination MAC of this copy (multicast-to-unicast) */
};

struct sw_port_ops {
	/* Sends n frames in this order.  The frames are valid during the call only.  Must not add or remove ports. */
	void (*tx)(void *arg, const struct sw_tx *items, size_t n, struct mono now);
};

/* What the owner is told: for log lines, hooks, watchers.  Never more than one per control message and port. */
enum sw_event_kind {
	SW_EVENT_JOIN,     /* first interest of a port in a group */
	SW_EVENT_LEAVE,    /* last interest gone */
	SW_EVENT_QUERIER,  /* elected querier changed; group: its address, :: = nobody asks */
	SW_EVENT_ROUTER,   /* a port became a router port */
	SW_EVENT_NO_ROUTER,
	SW_EVENT_MAC_MOVED,/* mac moved to 'port' */
};

struct sw_port;

struct sw_event {
	enum sw_event_kind kind;
	const struct sw_port *port; /* NULL for ourselves */
	uint16_t vid;
	enum gm_family family;
	struct ipaddr group; /* or the querier's address */
	struct mac mac; /* that moved; of the host whose report changed a membership, zero when no report did */
};

struct sw_ops {
	void (*event)(void *arg, const struct sw_event *ev, struct mono now); /* may be NULL */
};

struct sw;

/* NULL when out of memory.  params and ops are copied; rng is used at once (hash keys) and later. */
struct sw *switch_new(const struct sw_params *params, const struct sw_ops *ops, void *arg, const struct rng *rng,
		      struct mono now);
void switch_free(struct sw *sw);

/* Takes over other settings while running (mac stays).  State is kept: entries and memberships live on under the new
 * timers as they are renewed, limits bind newcomers, a querier that is switched on or off starts or stops at once.
 * Only another vlan_aware forgets it all but the static MACs: the owner clears these, and adds what is static anew. */
void switch_reconfigure(struct sw *sw, const struct sw_params *params, struct mono now);

/* --- ports --- */

/* Adds a port, down.  NULL with errno-like *ret_err: EEXIST (name), ENOSPC (SW_MAX_PORTS), ENOMEM. */
struct sw_port *switch_port_add(struct sw *sw, const struct sw_port_params *params, const struct sw_port_ops *ops,
				void *arg, struct mono now, int *ret_err);
/* Takes over other settings of a port (name, kind and endpoint stay). */
void switch_port_reconfigure(struct sw *sw, struct sw_port *port, const struct sw_port_params *params, struct mono now);
/* Removes it; its FDB entries, memberships and router-port state are flushed at once. */
void switch_port_del(struct sw *sw, struct sw_port *port, struct mono now);
/* Up: may send and receive, gets a general query at once (answers within min(query-response-interval, 1 s)).  Down:
 * flushed, also when it was suspended. */
void switch_port_set_up(struct sw *sw, struct sw_port *port, bool up, struct mono now);
/* Takes a port that is up down, but keeps its FDB entries and memberships, whose timers run on; that routers are behind
 * it is forgotten at once.  When it comes up again it is asked twice, 1 s apart, and what nobody reports on that is
 * gone soon.  For a peer that fell silent; how long to wait for it is the owner's decision. */
void switch_port_suspend(struct sw *sw, struct sw_port *port, struct mono now);

/* --- static entries; without vlan_aware their vid is taken as 0 --- */

/* A MAC that is at this port for good (port NULL: the switch itself, which consumes frames to it).  Frames with it as
 * source that come by another port pass, but change nothing; they are dropped (DROP_PROTECTED_MAC) when the entry is
 * sticky or the other port has protect_macs.  False when out of memory. */
bool switch_add_static_mac(struct sw *sw, struct sw_port *port, uint16_t vid, const struct mac *mac, bool sticky,
			   struct mono now);
/* Removes them all, of one port or of the switch itself. */
void switch_clear_static_macs(struct sw *sw, struct sw_port *port);

/* A membership of a port that needs no host and no report; source NULL = any.  It stays while the port is down.  False
 * when the group is none, always floods anyway, or there is no memory. */
bool switch_add_static_group(struct sw *sw, struct sw_port *port, uint16_t vid, const struct ipaddr *group,
			     const struct ipaddr *source, struct mono now);
/* Frames to a group MAC that are not IP multicast go to the ports named so and to no others, instead of flooding. */
bool switch_add_static_group_mac(struct sw *sw, struct sw_port *port, uint16_t vid, const struct mac *group,
				 struct mono now);
/* Removes both kinds of a port. */
void switch_clear_static_groups(struct sw *sw, struct sw_port *port, struct mono now);

const char *sw_port_name(const struct sw_port *port);
uint16_t sw_port_id(const struct sw_port *port);
struct sw_port *switch_port_find(const struct sw *sw, const char *name);

struct sw_port_stats {
	uint64_t rx_frames, rx_bytes, tx_frames, tx_bytes;
	uint64_t drops[DROP_MAX];
};

struct sw_port_view {
	const char *name;
	uint16_t id;
	uint8_t kind;
	bool up, suspended, router, endpoint; /* router: in any VLAN */
	struct mono router_expires; /* the latest; MONO_NEVER for a static router port, and when it is none */
	const struct sw_port_stats *stats;
};

/* --- frames --- */

/* n (at most SW_BATCH) received frames with data and len (and gso) set; they are parsed here.  Frames of a port that is
 * down are dropped.  Egress tx() calls happen before it returns. */
void switch_rx(struct sw *sw, struct sw_port *in, struct frame *frames, size_t n, struct mono now);

/* --- time --- */

void switch_tick(struct sw *sw, struct mono now);
struct mono switch_next(const struct sw *sw);

/* --- looking --- */

struct sw_source_view {
	struct ipaddr addr;
	bool forward;  /* else blocked */
	struct mono expires;
};

struct sw_host_view {
	struct mac mac;
	struct ipaddr ip;
	bool exclude;
	uint8_t version;
	struct mono seen;
	const struct ipaddr *sources;
	uint16_t n_sources;
};

struct sw_group_view {
	uint16_t vid;
	struct ipaddr group;
	const struct sw_port *port;
	bool exclude;
	bool is_static;  /* held by switch_add_static_group(), whatever hosts report */
	uint8_t version; /* compatibility mode */
	struct mono expires; /* group timer; MONO_NEVER in INCLUDE mode */
	const struct sw_source_view *sources;
	size_t n_sources;
	const struct sw_host_view *hosts;
	size_t n_hosts;
};

struct sw_fdb_view {
	uint16_t vid;
	struct mac mac;
	const struct sw_port *port;
	struct mono seen;
	bool is_static, sticky;
};

struct sw_router_view {
	const struct sw_port *port;
	uint16_t vid;
	struct mono expires; /* MONO_NEVER: a static router port */
};

struct sw_querier_view {
	bool enabled;         /* we send queries when nobody better does */
	bool querier;         /* we are it */
	struct ipaddr address; /* the elected querier's */
	const struct sw_port *port; /* where it is; NULL = ourselves or none */
	bool active;          /* somebody queries: snooping decides, no general flooding */
};

struct sw_counts {
	uint32_t ports, macs, groups, port_groups, hosts, source_records, vlans;
};

void switch_each_port(const struct sw *sw, void (*fn)(void *arg, const struct sw_port_view *v), void *arg);
/* One call per (group, port), ordered by group then port id.  Out of memory: returns false. */
bool switch_each_group(const struct sw *sw, void (*fn)(void *arg, const struct sw_group_view *v), void *arg);
void switch_each_mac(const struct sw *sw, void (*fn)(void *arg, const struct sw_fdb_view *v), void *arg);
/* The VLANs there are, ascending; 0 is always one. */
void switch_each_vlan(const struct sw *sw, void (*fn)(void *arg, uint16_t vid), void *arg);
/* The router ports of each VLAN, ordered by VLAN then port id, also those that are down. */
void switch_each_router(const struct sw *sw, void (*fn)(void *arg, const struct sw_router_view *v), void *arg);
/* All false and :: for a VLAN that does not exist. */
void switch_querier(const struct sw *sw, uint16_t vid, enum gm_family family, struct sw_querier_view *ret);
void switch_counts(const struct sw *sw, struct sw_counts *ret);
/* For tests: whether the tables agree with themselves and each other. */
bool switch_check(const struct sw *sw);

#endif
