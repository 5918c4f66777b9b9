/* Multicast routes: what the fast path asks.  (vlan, group, source or any) -> members.
 *
 * A route holds members only; router ports and flood lists are merged by the forwarder, so that a router port that
 * comes or goes rebuilds nothing.  The membership database publishes a whole group at a time: the old route is
 * replaced, never edited.  A group that has a route is "registered", even when nobody wants a particular source
 * (empty set).
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

struct mroute_source {
	struct ipaddr source;
	struct portset ports; /* who gets packets of this source */
};

struct mroute {
	struct hmap_node node;
	struct ipaddr group;
	uint16_t vid;
	struct portset any; /* who gets packets of sources not listed */
	struct mroute_source *sources; /* ascending by address */
	size_t n_sources;
};

struct mroute_table {
	struct hmap map;
	struct hash_key key;
};

void mroute_table_init(struct mroute_table *t, const struct hash_key *key);
void mroute_table_fini(struct mroute_table *t);

/* An empty, unpublished route with room for n_sources (all empty, addresses to be set ascending by the caller); NULL
 * when out of memory. */
struct mroute *mroute_new(uint16_t vid, const struct ipaddr *group, size_t n_sources);
void mroute_free(struct mroute *r);
/* Replaces what (r->vid, r->group) had; owns r from here on. */
void mroute_publish(struct mroute_table *t, struct mroute *r);
void mroute_withdraw(struct mroute_table *t, uint16_t vid, const struct ipaddr *group);

const struct mroute *mroute_find(const struct mroute_table *t, uint16_t vid, const struct ipaddr *group);

/* The members for a packet, or NULL when the group is not registered.  Fast path. */
static inline const struct portset *
mroute_lookup(const struct mroute_table *t, uint16_t vid, const struct ipaddr *group, const struct ipaddr *source)
{
	const struct mroute *r = mroute_find(t, vid, group);
	if (!r)
		return NULL;
	size_t lo = 0, hi = r->n_sources;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = ipaddr_cmp(&r->sources[mid].source, source);
		if (c == 0)
			return &r->sources[mid].ports;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return &r->any;
}

#endif
