/* Multicast routes: what the fast path asks.  (vlan, group, source or any) -> members.
 *
 * A route holds members only; router ports and flood lists are merged by the forwarder, so that a router port that
 * comes or goes rebuilds nothing.  The membership database publishes a whole group at a time: the old route is
 * replaced, never edited.  A group that has a route is "registered", even when nobody wants a particular source.
 *
 * A route says who gets any source, and for a source that some ports want or don't want by itself only who differs.  So
 * it is no larger than what was reported, also when 500 ports want everything and one of them lists 100 sources.
 */
#ifndef CASTSWITCH_MROUTE_H
#define CASTSWITCH_MROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "castswitch/hash.h"
#include "castswitch/hmap.h"
#include "castswitch/ipaddr.h"
#include "castswitch/portset.h"

/* A source that not the same ports get as any other. */
struct mroute_source {
	struct ipaddr source;
	struct portset plus, minus; /* who gets it though not in 'any'; who does not though in 'any' */
};

/* In one piece with the ports of 'any', which is what nearly every packet needs of it. */
struct mroute {
	struct hmap_node node;
	struct ipaddr group;
	struct portset any; /* its ids are any_ids[] */
	struct mroute_source *sources; /* ascending by address */
	uint32_t n_sources;
	uint16_t vid;
	uint16_t any_ids[];
};

struct mroute_table {
	struct hmap map;
	struct hash_key key;
};

void mroute_table_init(struct mroute_table *t, const struct hash_key *key);
void mroute_table_fini(struct mroute_table *t);

/* An empty, unpublished route with room for n_any ports in 'any', no more, and for n_sources (all empty, addresses to be
 * set ascending by the caller); NULL when out of memory. */
struct mroute *mroute_new(uint16_t vid, const struct ipaddr *group, uint32_t n_any, uint32_t n_sources);
void mroute_free(struct mroute *r);
/* Replaces what (r->vid, r->group) had; owns r from here on. */
void mroute_publish(struct mroute_table *t, struct mroute *r);
void mroute_withdraw(struct mroute_table *t, uint16_t vid, const struct ipaddr *group);

const struct mroute *mroute_find(const struct mroute_table *t, uint16_t vid, const struct ipaddr *group);

/* Who gets a packet: any and plus, but not minus.  Pointers into a route. */
struct mroute_members {
	const struct portset *any, *plus, *minus;
};

/* Where to look for a group.  The fast path asks early and for a whole batch, has what the two steps below fetch on its
 * way, and looks last: with tens of thousands of groups each step is a cache miss. */
uint64_t mroute_hash(const struct mroute_table *t, uint16_t vid, const struct ipaddr *group);

static inline void
mroute_fetch_bucket(const struct mroute_table *t, uint64_t hash)
{
	__builtin_prefetch(&t->map.buckets[hash & t->map.mask]);
}

static inline void
mroute_fetch_route(const struct mroute_table *t, uint64_t hash)
{
	const struct hmap_node *n = t->map.buckets[hash & t->map.mask];
	if (!n)
		return;
	__builtin_prefetch(n);
	__builtin_prefetch((const char *)n + sizeof(struct mroute)); /* its ports */
}

/* The members for a packet; false when the group is not registered.  Fast path. */
static inline bool
mroute_lookup(const struct mroute_table *t, uint64_t hash, uint16_t vid, const struct ipaddr *group,
	      const struct ipaddr *source, struct mroute_members *ret)
{
	static const struct portset none;
	const struct mroute *r = NULL;
	HMAP_EACH_WITH_HASH (e, &t->map, hash, struct mroute, node) {
		if (e->vid == vid && ipaddr_equal(&e->group, group)) {
			r = e;
			break;
		}
	}
	if (!r)
		return false;
	*ret = (struct mroute_members){ .any = &r->any, .plus = &none, .minus = &none };
	size_t lo = 0, hi = r->n_sources;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = ipaddr_cmp(&r->sources[mid].source, source);
		if (c == 0) {
			ret->plus = &r->sources[mid].plus;
			ret->minus = &r->sources[mid].minus;
			break;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return true;
}

bool mroute_has(const struct mroute_members *m, uint16_t port);

/* Calls visit(arg, id) once for each port that is a member or in 'others', ascending. */
void mroute_each(const struct mroute_members *m, const struct portset *others, void (*visit)(void *arg, uint16_t id),
		 void *arg);

#endif
