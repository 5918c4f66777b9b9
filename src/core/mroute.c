/* Multicast routes: the published table. */
#include "castswitch/mroute.h"

#include <stdlib.h>
#include <string.h>

uint64_t
mroute_hash(const struct mroute_table *t, uint16_t vid, const struct ipaddr *group)
{
	uint8_t key[sizeof(*group) + 2];
	memcpy(key, group, sizeof(*group));
	key[16] = (uint8_t)(vid >> 8);
	key[17] = (uint8_t)vid;
	return hash_bytes(&t->key, key, sizeof(key));
}

void
mroute_table_init(struct mroute_table *t, const struct hash_key *key)
{
	hmap_init(&t->map);
	t->key = *key;
}

void
mroute_table_fini(struct mroute_table *t)
{
	HMAP_EACH_SAFE (r, tmp, &t->map, struct mroute, node) {
		hmap_remove(&t->map, &r->node);
		mroute_free(r);
	}
	hmap_fini(&t->map);
}

struct mroute *
mroute_new(uint16_t vid, const struct ipaddr *group, uint32_t n_any, uint32_t n_sources)
{
	struct mroute *r = malloc(sizeof(*r) + n_any * sizeof(r->any_ids[0]));
	if (!r)
		return NULL;
	*r = (struct mroute){ .group = *group, .any = { .ids = r->any_ids, .cap = n_any }, .vid = vid };
	if (n_sources) {
		r->sources = calloc(n_sources, sizeof(*r->sources));
		if (!r->sources) {
			free(r);
			return NULL;
		}
		r->n_sources = n_sources;
	}
	return r;
}

void
mroute_free(struct mroute *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n_sources; i++) {
		portset_fini(&r->sources[i].plus);
		portset_fini(&r->sources[i].minus);
	}
	free(r->sources);
	free(r);
}

const struct mroute *
mroute_find(const struct mroute_table *t, uint16_t vid, const struct ipaddr *group)
{
	HMAP_EACH_WITH_HASH (r, &t->map, mroute_hash(t, vid, group), struct mroute, node)
		if (r->vid == vid && ipaddr_equal(&r->group, group))
			return r;
	return NULL;
}

void
mroute_publish(struct mroute_table *t, struct mroute *r)
{
	mroute_withdraw(t, r->vid, &r->group);
	hmap_insert(&t->map, &r->node, mroute_hash(t, r->vid, &r->group));
}

void
mroute_withdraw(struct mroute_table *t, uint16_t vid, const struct ipaddr *group)
{
	HMAP_EACH_WITH_HASH (r, &t->map, mroute_hash(t, vid, group), struct mroute, node) {
		if (r->vid != vid || !ipaddr_equal(&r->group, group))
			continue;
		hmap_remove(&t->map, &r->node);
		mroute_free(r);
		return;
	}
}

bool
mroute_has(const struct mroute_members *m, uint16_t port)
{
	return portset_has(m->plus, port) || (portset_has(m->any, port) && !portset_has(m->minus, port));
}

/* The id at a position, or one behind all. */
static inline uint32_t
mroute_id_at(const struct portset *s, size_t i)
{
	return i < s->n ? s->ids[i] : UINT32_MAX;
}

/* Merges the three; what is in minus must be in another one than 'any'. */
static void
mroute_merge(const struct mroute_members *m, const struct portset *others, void (*visit)(void *arg, uint16_t id),
	     void *arg)
{
	size_t i = 0, j = 0, k = 0, out = 0;
	for (;;) {
		uint32_t a = mroute_id_at(m->any, i), p = mroute_id_at(m->plus, j), o = mroute_id_at(others, k);
		uint32_t id = a < p ? a : p;
		id = id < o ? id : o;
		if (id == UINT32_MAX)
			return;
		while (mroute_id_at(m->minus, out) < id)
			out++;
		if (id == p || id == o || mroute_id_at(m->minus, out) != id)
			visit(arg, (uint16_t)id);
		i += id == a;
		j += id == p;
		k += id == o;
	}
}

void
mroute_each(const struct mroute_members *m, const struct portset *others, void (*visit)(void *arg, uint16_t id),
	    void *arg)
{
	/* Nearly every packet is of a group where ports want any source, or of one where they want this one. */
	if (!m->plus->n && !m->minus->n)
		portset_each_of_both(m->any, others, visit, arg);
	else if (!m->any->n)
		portset_each_of_both(m->plus, others, visit, arg);
	else
		mroute_merge(m, others, visit, arg);
}
