/* Hash map: lookup with colliding hashes, growth, iteration, removal, and insertion without memory.  The program is
 * linked with --wrap=calloc, so that allocation can be made to fail. */
#include "castswitch/hmap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "castswitch/rng.h"

static bool out_of_memory;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *
__wrap_calloc(size_t n, size_t size)
{
	return out_of_memory ? NULL : __real_calloc(n, size);
}

struct entry {
	unsigned key;
	unsigned visits;
	struct hmap_node node;
};

static struct entry *
find(const struct hmap *m, uint64_t hash, unsigned key)
{
	HMAP_EACH_WITH_HASH (e, m, hash, struct entry, node)
		if (e->key == key)
			return e;
	return NULL;
}

/* Few distinct hashes, so that chains hold equal and unequal ones. */
static uint64_t
weak_hash(unsigned key)
{
	return key / 3 * UINT64_C(0x9e3779b97f4a7c15);
}

static void
insert_all(struct hmap *m, struct entry *entries, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		entries[i] = (struct entry){ .key = i };
		hmap_insert(m, &entries[i].node, weak_hash(i));
	}
}

/* Every entry is found and visited exactly once. */
static void
check_all(const struct hmap *m, struct entry *entries, unsigned n)
{
	assert_int_equal(m->n, n);
	for (unsigned i = 0; i < n; i++) {
		assert_ptr_equal(find(m, weak_hash(i), i), &entries[i]);
		entries[i].visits = 0;
	}
	HMAP_EACH (e, m, struct entry, node)
		e->visits++;
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(entries[i].visits, 1);
}

static void
test_empty(void **state)
{
	struct hmap m;

	(void)state;
	hmap_init(&m);
	assert_int_equal(m.n, 0);
	assert_null(hmap_first(&m));
	assert_null(hmap_first_with_hash(&m, 0));
	assert_null(hmap_first_with_hash(&m, UINT64_MAX));
	hmap_fini(&m);
	hmap_fini(NULL);
}

static void
test_growth_keeps_everything(void **state)
{
	static struct entry entries[600];

	(void)state;
	for (unsigned n = 1; n <= 600; n = n < 20 ? n + 1 : n * 2) {
		struct hmap m;

		hmap_init(&m);
		insert_all(&m, entries, n);
		check_all(&m, entries, n);
		assert_true(m.mask + 1 >= n);
		assert_int_equal((m.mask + 1) & m.mask, 0);
		assert_null(find(&m, weak_hash(n), n));
		hmap_fini(&m);
		assert_int_equal(m.n, 0);
		assert_null(hmap_first(&m));
	}
}

static void
test_equal_hashes(void **state)
{
	struct entry e[3] = { { .key = 1 }, { .key = 2 }, { .key = 3 } };
	struct hmap m;
	unsigned n = 0;

	(void)state;
	hmap_init(&m);
	hmap_insert(&m, &e[0].node, 7);
	hmap_insert(&m, &e[1].node, 7 + (UINT64_C(1) << 32)); /* same bucket, other hash */
	hmap_insert(&m, &e[2].node, 7);
	HMAP_EACH_WITH_HASH (x, &m, 7, struct entry, node) {
		assert_int_not_equal(x->key, 2);
		n++;
	}
	assert_int_equal(n, 2);
	assert_ptr_equal(find(&m, 7 + (UINT64_C(1) << 32), 2), &e[1]);
	hmap_fini(&m);
}

static void
test_reserve_prevents_growth(void **state)
{
	static struct entry entries[100];
	struct hmap_node **buckets;
	struct hmap m;

	(void)state;
	hmap_init(&m);
	assert_true(hmap_reserve(&m, 100));
	buckets = m.buckets;
	insert_all(&m, entries, 100);
	assert_ptr_equal(m.buckets, buckets);
	assert_int_equal(m.mask, 127);
	assert_true(hmap_reserve(&m, 1)); /* never shrinks */
	assert_int_equal(m.mask, 127);
	check_all(&m, entries, 100);
	assert_true(hmap_reserve(&m, 128));
	assert_ptr_equal(m.buckets, buckets);
	assert_false(hmap_reserve(&m, SIZE_MAX));
	check_all(&m, entries, 100);
	hmap_fini(&m);
}

static void
test_without_memory(void **state)
{
	static struct entry entries[65];
	struct hmap m;

	(void)state;
	hmap_init(&m);
	insert_all(&m, entries, 20);
	out_of_memory = true;
	assert_false(hmap_reserve(&m, 33));
	for (unsigned i = 20; i < 64; i++) {
		entries[i] = (struct entry){ .key = i };
		hmap_insert(&m, &entries[i].node, weak_hash(i));
	}
	out_of_memory = false;
	assert_int_equal(m.mask, 31);
	check_all(&m, entries, 64);
	/* With memory again, it catches up. */
	entries[64] = (struct entry){ .key = 64 };
	hmap_insert(&m, &entries[64].node, weak_hash(64));
	assert_int_equal(m.mask, 127);
	check_all(&m, entries, 65);
	hmap_fini(&m);
}

static void
test_each_safe_may_free(void **state)
{
	struct hmap m;

	(void)state;
	hmap_init(&m);
	for (unsigned i = 0; i < 100; i++) {
		struct entry *e = calloc(1, sizeof(*e));

		assert_non_null(e);
		e->key = i;
		hmap_insert(&m, &e->node, weak_hash(i));
	}
	HMAP_EACH_SAFE (e, tmp, &m, struct entry, node) {
		if (e->key % 2)
			continue;
		hmap_remove(&m, &e->node);
		free(e);
	}
	assert_int_equal(m.n, 50);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(find(&m, weak_hash(i), i) != NULL, i % 2);
	HMAP_EACH_SAFE (e, tmp, &m, struct entry, node) {
		hmap_remove(&m, &e->node);
		free(e);
	}
	assert_int_equal(m.n, 0);
	assert_null(hmap_first(&m));
	hmap_fini(&m);
}

/* Against an array of flags. */
static void
test_random_operations(void **state)
{
	static struct entry entries[64];
	bool present[64] = { false };
	struct rng_seeded seeded;
	struct rng rng;
	struct hmap m;

	(void)state;
	rng_seeded_init(&seeded, 3, &rng);
	hmap_init(&m);
	for (unsigned step = 0; step < 5000; step++) {
		unsigned i = (unsigned)rng_below(&rng, 64);
		size_t n = 0;

		if (present[i]) {
			hmap_remove(&m, &entries[i].node);
		} else {
			entries[i].key = i;
			hmap_insert(&m, &entries[i].node, weak_hash(i));
		}
		present[i] = !present[i];
		for (unsigned k = 0; k < 64; k++) {
			assert_int_equal(find(&m, weak_hash(k), k) != NULL, present[k]);
			n += present[k];
		}
		assert_int_equal(m.n, n);
	}
	hmap_fini(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_growth_keeps_everything),
		cmocka_unit_test(test_equal_hashes),
		cmocka_unit_test(test_reserve_prevents_growth),
		cmocka_unit_test(test_without_memory),
		cmocka_unit_test(test_each_safe_may_free),
		cmocka_unit_test(test_random_operations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
