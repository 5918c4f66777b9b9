/* The forwarding database: (vlan, MAC) -> port (IEEE 802.1Q "learning process").
 *
 * Entries age out when no frame came from them for 'aging'.  Five things complicate that:
 *  - The fast path only stamps 'seen'; an entry's timer fires at the old deadline, sees the stamp and re-arms, so a
 *    busy entry costs one timer an aging interval.
 *  - Limits are fair per port: a port at its own limit evicts its own oldest entry; at the global limit a new address
 *    is not learned (its traffic floods), and nobody else's entries suffer.
 *  - A MAC that is known on a tap, a NIC or an endpoint's port, is static or the switch's own is "protected": it does
 *    not move to a port with protect_macs until it was silent for FDB_PROTECT.  A static one moves nowhere, and a
 *    sticky one is not even seen elsewhere.
 *  - A MAC that has moved FDB_MAX_MOVES times, each within FDB_PROTECT of the one before, stays where it is for
 *    FDB_PROTECT.
 *  - The table is hashed with a secret key.
 */
#ifndef CASTSWITCH_FDB_H
#define CASTSWITCH_FDB_H

#include <stdbool.h>
#include <stdint.h>

#include "castswitch/hash.h"
#include "castswitch/hmap.h"
#include "castswitch/ipaddr.h"
#include "castswitch/list.h"
#include "castswitch/mono.h"
#include "castswitch/timerq.h"

#define FDB_PROTECT (10 * NSEC_PER_SEC)

enum { FDB_MAX_MOVES = 5 };
enum { FDB_LOCAL_PORT = 0xffff }; /* the switch itself: frames to it are consumed */

struct fdb_entry {
	struct hmap_node node;
	struct list by_port; /* of its port, oldest learned first */
	struct timer expiry;
	uint64_t key; /* vid << 48 | MAC */
	struct mono seen;
	struct fdb_port *owner; /* NULL = the switch itself */
	uint16_t port;          /* owner's id, or FDB_LOCAL_PORT */
	bool is_static;
	bool sticky;       /* static, and a frame with this source by another port is dropped */
	bool is_protected; /* learned where it belongs (fdb_port.protects), static or local */
	uint8_t n_moves;   /* in a row */
	struct mono moved; /* when it moved last */
};

/* Per port, owned by the port. */
struct fdb_port {
	struct list entries;
	uint32_t n_dynamic; /* static entries don't count */
	uint32_t max;       /* 0 = no limit of its own */
	bool protects;   /* what is learned here is protected (tap, NIC, endpoint) */
	bool respects;   /* protected MACs don't move here (protect_macs) */
	uint16_t id;
};

struct fdb {
	struct hmap map;
	struct hash_key key;
	struct timerq timers;
	nsec_t aging; /* 0 = never */
	uint32_t max, n_dynamic;
	uint64_t moves, refused, evicted, flaps; /* flaps: moves refused because there were too many */
};

enum fdb_result { FDB_KNOWN, FDB_LEARNED, FDB_MOVED, FDB_PROTECTED, FDB_FLAPPING, FDB_FULL };

void fdb_init(struct fdb *f, const struct hash_key *key, nsec_t aging, uint32_t max);
void fdb_fini(struct fdb *f);
void fdb_port_init(struct fdb_port *p, uint16_t id, uint32_t max, bool protects, bool respects);

static inline uint64_t
fdb_key(uint16_t vid, const struct mac *mac)
{
	return (uint64_t)vid << 48 | mac_u64(mac);
}

/* The entry, or NULL.  Fast path. */
static inline struct fdb_entry *
fdb_lookup(const struct fdb *f, uint64_t key)
{
	HMAP_EACH_WITH_HASH (e, &f->map, hash_u64(&f->key, key), struct fdb_entry, node)
		if (e->key == key)
			return e;
	return NULL;
}

/* True when a frame with this entry's MAC as source must not come from port p now.  Fast path. */
static inline bool
fdb_is_guarded(const struct fdb_entry *e, const struct fdb_port *p, struct mono now)
{
	if (e->port == p->id || !(e->sticky || (p->respects && e->is_protected)))
		return false;
	return e->is_static || mono_since(e->seen, now) < FDB_PROTECT;
}

/* Slow path: a frame with this source came in by port p.  Learns, refreshes or moves. */
enum fdb_result fdb_learn(struct fdb *f, struct fdb_port *p, uint64_t key, struct mono now);
/* Adds a static (never aged, never moved) entry; p NULL means the switch itself.  False when out of memory. */
bool fdb_add_static(struct fdb *f, struct fdb_port *p, uint64_t key, bool sticky, struct mono now);
/* Removes the static entries of a port, or of the switch itself. */
void fdb_clear_static(struct fdb *f, const struct fdb_port *p);
/* Other limits from now on: entries are re-timed, none is thrown out for 'max'. */
void fdb_reconfigure(struct fdb *f, nsec_t aging, uint32_t max);
/* The port went down: removes what was learned there; static entries stay. */
void fdb_flush_port(struct fdb *f, struct fdb_port *p);
/* The port goes away: removes all its entries. */
void fdb_forget_port(struct fdb *f, struct fdb_port *p);

void fdb_tick(struct fdb *f, struct mono now);
struct mono fdb_next(const struct fdb *f);

#endif
