/* Sorted port sets: order, duplicates, union, and a random comparison with an array of flags. */
#include "castswitch/portset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "castswitch/rng.h"

struct visited {
	uint16_t ids[64];
	size_t n;
};

static void
visit(void *arg, uint16_t id)
{
	struct visited *v = arg;

	assert_true(v->n < 64);
	v->ids[v->n++] = id;
}

static void
test_add_remove(void **state)
{
	static const uint16_t sorted[] = { 0, 3, 7, 65535 };
	struct portset s;

	(void)state;
	portset_init(&s);
	assert_false(portset_has(&s, 0));
	portset_remove(&s, 0);
	assert_true(portset_add(&s, 7));
	assert_true(portset_add(&s, 0));
	assert_true(portset_add(&s, 65535));
	assert_true(portset_add(&s, 3));
	assert_true(portset_add(&s, 7));
	assert_int_equal(s.n, 4);
	assert_memory_equal(s.ids, sorted, sizeof(sorted));
	assert_true(portset_has(&s, 3));
	assert_false(portset_has(&s, 4));
	assert_false(portset_has(&s, 2));
	portset_remove(&s, 4);
	assert_int_equal(s.n, 4);
	portset_remove(&s, 0);
	portset_remove(&s, 65535);
	portset_remove(&s, 65535);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.ids[0], 3);
	assert_int_equal(s.ids[1], 7);
	portset_fini(&s);
	assert_int_equal(s.n, 0);
	assert_null(s.ids);
}

/* Ascending, each id once, whichever of the two sets it is in; either may be missing. */
static void
test_both(void **state)
{
	static const uint16_t both[] = { 1, 2, 3, 5, 9 };
	struct portset a, b;
	struct visited v = { .n = 0 };

	(void)state;
	portset_init(&a);
	portset_init(&b);
	portset_each_of_both(&a, &b, visit, &v);
	portset_each_of_both(NULL, NULL, visit, &v);
	assert_int_equal(v.n, 0);
	portset_add(&a, 1);
	portset_add(&a, 3);
	portset_add(&a, 9);
	portset_add(&b, 2);
	portset_add(&b, 3);
	portset_add(&b, 5);
	portset_each_of_both(&a, &b, visit, &v);
	assert_int_equal(v.n, 5);
	assert_memory_equal(v.ids, both, sizeof(both));
	v.n = 0;
	portset_each_of_both(&b, &a, visit, &v);
	assert_memory_equal(v.ids, both, sizeof(both));
	v.n = 0;
	portset_each_of_both(&a, NULL, visit, &v);
	portset_each_of_both(NULL, &a, visit, &v);
	assert_int_equal(v.n, 6);
	assert_int_equal(v.ids[0], 1);
	assert_int_equal(v.ids[5], 9);
	portset_fini(&a);
	portset_fini(&b);
}

static void
test_random(void **state)
{
	enum { IDS = 40, STEPS = 20000 };
	struct rng_seeded seeded;
	struct rng rng;
	struct portset s;
	bool has[IDS] = { false };
	size_t n = 0;

	(void)state;
	rng_seeded_init(&seeded, 20, &rng);
	portset_init(&s);
	for (int i = 0; i < STEPS; i++) {
		const uint16_t id = (uint16_t)rng_below(&rng, IDS);

		if (rng_below(&rng, 2)) {
			assert_true(portset_add(&s, id));
			n += !has[id];
			has[id] = true;
		} else {
			portset_remove(&s, id);
			n -= has[id];
			has[id] = false;
		}
		assert_int_equal(s.n, n);
		assert_int_equal(portset_has(&s, id), has[id]);
		for (size_t k = 1; k < s.n; k++)
			assert_true(s.ids[k - 1] < s.ids[k]);
	}
	for (uint16_t id = 0; id < IDS; id++)
		assert_int_equal(portset_has(&s, id), has[id]);
	portset_fini(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add_remove),
		cmocka_unit_test(test_both),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("portset", tests, NULL, NULL);
}
