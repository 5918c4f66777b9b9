/* Token buckets by address prefix: a bounded table in order of use. */
#include "prefix_limit.h"

#include <stdlib.h>
#include <string.h>

#include "castswitch/tbucket.h"

enum { V6_PREFIX_BYTES = 7 /* /56 */ };

struct bucket {
	struct hmap_node node;
	struct list use;
	struct ipaddr prefix;
	struct tbucket tokens;
};

void
prefix_limit_init(struct prefix_limit *l, uint64_t rate, uint64_t burst, const struct hash_key *key)
{
	l->rate = rate;
	l->burst = burst;
	l->key = *key;
	hmap_init(&l->buckets);
	list_init(&l->by_use);
}

static void
bucket_free(struct prefix_limit *l, struct bucket *b)
{
	hmap_remove(&l->buckets, &b->node);
	list_remove(&b->use);
	free(b);
}

void
prefix_limit_fini(struct prefix_limit *l)
{
	HMAP_EACH_SAFE (b, next, &l->buckets, struct bucket, node)
		bucket_free(l, b);
	hmap_fini(&l->buckets);
}

struct ipaddr
prefix_limit_prefix(const struct ipaddr *ip)
{
	struct ipaddr p = *ip;

	if (!ipaddr_is_v4(ip))
		memset(p.b + V6_PREFIX_BYTES, 0, sizeof(p.b) - V6_PREFIX_BYTES);
	return p;
}

static uint64_t
bucket_hash(const struct prefix_limit *l, const struct ipaddr *prefix)
{
	return hash_bytes(&l->key, prefix->b, sizeof(prefix->b));
}

static struct bucket *
bucket_find(const struct prefix_limit *l, const struct ipaddr *prefix)
{
	HMAP_EACH_WITH_HASH (b, &l->buckets, bucket_hash(l, prefix), struct bucket, node)
		if (ipaddr_equal(&b->prefix, prefix))
			return b;
	return NULL;
}

/* A full one, in the place of the least recently used when there are too many. */
static struct bucket *
bucket_new(struct prefix_limit *l, const struct ipaddr *prefix, struct mono now)
{
	struct bucket *b = calloc(1, sizeof(*b));
	struct list *oldest = list_first(&l->by_use);

	if (!b)
		return NULL;
	if (oldest && l->buckets.n >= PREFIX_LIMIT_MAX)
		bucket_free(l, container_of(oldest, struct bucket, use));
	b->prefix = *prefix;
	tbucket_init(&b->tokens, l->rate, l->burst, now);
	hmap_insert(&l->buckets, &b->node, bucket_hash(l, prefix));
	list_push_back(&l->by_use, &b->use);
	return b;
}

bool
prefix_limit_allows(const struct prefix_limit *l, const struct ipaddr *prefix, struct mono now)
{
	const struct bucket *b = bucket_find(l, prefix);
	struct tbucket copy;

	if (b)
		copy = b->tokens;
	else
		tbucket_init(&copy, l->rate, l->burst, now);
	return tbucket_take(&copy, 1, now);
}

bool
prefix_limit_take(struct prefix_limit *l, const struct ipaddr *prefix, struct mono now)
{
	struct bucket *b = bucket_find(l, prefix);

	if (!b)
		b = bucket_new(l, prefix, now);
	if (!b || !tbucket_take(&b->tokens, 1, now))
		return false;
	list_remove(&b->use);
	list_push_back(&l->by_use, &b->use);
	return true;
}
