/* How many handshakes an IPv4 address or an IPv6 /56 may begin: a token bucket each (DESIGN section 7).
 *
 * Looking leaves no trace and only taking makes a bucket, so who takes only after a valid cookie lets no forged source
 * address use up another's tokens or push buckets out.  At most PREFIX_LIMIT_MAX buckets: the one that was taken from
 * least recently goes, and its prefix begins with a full bucket again.
 */
#ifndef CASTSWITCH_TUNNEL_PREFIX_LIMIT_H
#define CASTSWITCH_TUNNEL_PREFIX_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "castswitch/hash.h"
#include "castswitch/hmap.h"
#include "castswitch/ipaddr.h"
#include "castswitch/list.h"
#include "castswitch/mono.h"

enum { PREFIX_LIMIT_MAX = 4096 };

struct prefix_limit {
	uint64_t rate, burst;
	struct hash_key key;
	struct hmap buckets;
	struct list by_use; /* least recently taken from first */
};

/* 'rate' tokens a second, 'burst' saved up; rate 0 = unlimited.  'key' is secret: prefixes come from outside. */
void prefix_limit_init(struct prefix_limit *l, uint64_t rate, uint64_t burst, const struct hash_key *key);
void prefix_limit_fini(struct prefix_limit *l);

/* What one customer holds: an IPv4 address or an IPv6 /56. */
struct ipaddr prefix_limit_prefix(const struct ipaddr *ip);

/* Whether the prefix has a token left. */
bool prefix_limit_allows(const struct prefix_limit *l, const struct ipaddr *prefix, struct mono now);
/* Takes one.  False when there is none, or no memory for a first bucket. */
bool prefix_limit_take(struct prefix_limit *l, const struct ipaddr *prefix, struct mono now);

#endif
