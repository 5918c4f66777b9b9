/* Intrusive hash map: chained buckets, grows by doubling. */
#include "castswitch/hmap.h"

#include <stdlib.h>

void
hmap_init(struct hmap *m)
{
	*m = (struct hmap){ .buckets = &m->one };
}

void
hmap_fini(struct hmap *m)
{
	if (!m)
		return;
	if (m->buckets != &m->one)
		free(m->buckets);
	hmap_init(m);
}

static void
push(struct hmap *m, struct hmap_node *node)
{
	struct hmap_node **head = &m->buckets[node->hash & m->mask];

	node->next = *head;
	*head = node;
}

/* 'count' is a power of two.  old.buckets may point at m->one, which stays as it is. */
static bool
rehash(struct hmap *m, size_t count)
{
	struct hmap_node **buckets = calloc(count, sizeof(*buckets));
	struct hmap old = *m;

	if (!buckets)
		return false;
	m->buckets = buckets;
	m->mask = count - 1;
	for (size_t i = 0; i <= old.mask; i++) {
		struct hmap_node *next;

		for (struct hmap_node *n = old.buckets[i]; n; n = next) {
			next = n->next;
			push(m, n);
		}
	}
	if (old.buckets != &m->one)
		free(old.buckets);
	return true;
}

bool
hmap_reserve(struct hmap *m, size_t n)
{
	size_t count = m->mask + 1;

	while (count < n) {
		if (count > SIZE_MAX / 2 / sizeof(*m->buckets))
			return false;
		count *= 2;
	}
	return count == m->mask + 1 || rehash(m, count);
}

void
hmap_insert(struct hmap *m, struct hmap_node *node, uint64_t hash)
{
	/* Without memory the chains get longer and nothing else happens; the next insertion tries again. */
	(void)hmap_reserve(m, m->n + 1);
	node->hash = hash;
	push(m, node);
	m->n++;
}

void
hmap_remove(struct hmap *m, struct hmap_node *node)
{
	struct hmap_node **link = &m->buckets[node->hash & m->mask];

	while (*link != node)
		link = &(*link)->next;
	*link = node->next;
	m->n--;
}

static struct hmap_node *
first_from(const struct hmap *m, size_t bucket)
{
	for (; bucket <= m->mask; bucket++)
		if (m->buckets[bucket])
			return m->buckets[bucket];
	return NULL;
}

struct hmap_node *
hmap_first(const struct hmap *m)
{
	return first_from(m, 0);
}

struct hmap_node *
hmap_next(const struct hmap *m, const struct hmap_node *node)
{
	return node->next ? node->next : first_from(m, (node->hash & m->mask) + 1);
}
