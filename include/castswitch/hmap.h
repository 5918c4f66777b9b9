/* Intrusive hash map: chained buckets, grows by doubling.
 *
 * The map knows only hashes; the caller hashes (hash.h, with a secret key), walks the chain of equal hashes and
 * compares its own keys:
 *
 *	HMAP_EACH_WITH_HASH(e, &map, hash, struct entry, node)
 *		if (entry_equal(e, key))
 *			return e;
 *
 * The map owns its bucket array and nothing else: the caller frees the entries.  Insertion may allocate (growth); when
 * that fails the map stays correct with longer chains.  Lookup, removal and iteration never allocate.
 */
#ifndef CASTSWITCH_HMAP_H
#define CASTSWITCH_HMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "castswitch/list.h"

struct hmap_node {
	struct hmap_node *next; /* in the bucket */
	uint64_t hash;
};

struct hmap {
	struct hmap_node **buckets; /* points to 'one' until the first growth */
	struct hmap_node *one;
	size_t mask; /* number of buckets - 1; a power of two less 1 */
	size_t n;    /* number of entries */
};

void hmap_init(struct hmap *m);
/* Frees the bucket array.  The map must be empty or its entries freed by the caller. */
void hmap_fini(struct hmap *m);
/* Makes room for n entries without further growth.  Returns false when out of memory. */
bool hmap_reserve(struct hmap *m, size_t n);
void hmap_insert(struct hmap *m, struct hmap_node *node, uint64_t hash);
/* 'node' must be in the map. */
void hmap_remove(struct hmap *m, struct hmap_node *node);

/* The first node with this hash, or NULL; then the next one after 'node' with the same hash. */
static inline struct hmap_node *
hmap_first_with_hash(const struct hmap *m, uint64_t hash)
{
	struct hmap_node *n = m->buckets[hash & m->mask];
	while (n && n->hash != hash)
		n = n->next;
	return n;
}

static inline struct hmap_node *
hmap_next_with_hash(const struct hmap_node *node)
{
	struct hmap_node *n = node->next;
	while (n && n->hash != node->hash)
		n = n->next;
	return n;
}

/* Iteration in bucket order: the first entry, or NULL; the one after 'node', or NULL. */
struct hmap_node *hmap_first(const struct hmap *m);
struct hmap_node *hmap_next(const struct hmap *m, const struct hmap_node *node);

#define HMAP_ENTRY_(node, type, member) ((node) ? container_of(node, type, member) : NULL)

#define HMAP_EACH_WITH_HASH(var, map, hash_, type, member)                                             \
	for (type *var = HMAP_ENTRY_(hmap_first_with_hash(map, hash_), type, member); var;             \
	     var = HMAP_ENTRY_(hmap_next_with_hash(&var->member), type, member))

/* Visits every entry; the body may not insert, and may not remove 'var'. */
#define HMAP_EACH(var, map, type, member)                                                              \
	for (type *var = HMAP_ENTRY_(hmap_first(map), type, member); var;                              \
	     var = HMAP_ENTRY_(hmap_next(map, &var->member), type, member))

/* As HMAP_EACH, but the body may remove (and free) 'var'. */
#define HMAP_EACH_SAFE(var, tmp, map, type, member)                                                    \
	for (type *var = HMAP_ENTRY_(hmap_first(map), type, member),                                   \
		  *tmp = var ? HMAP_ENTRY_(hmap_next(map, &var->member), type, member) : NULL;         \
	     var; var = tmp, tmp = var ? HMAP_ENTRY_(hmap_next(map, &var->member), type, member) : NULL)

#endif
