/* Multicast routes: (S,G) before (*,G), replacing, VLANs apart. */
#include "castswitch/mroute.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static const struct hash_key KEY = { 1, 2 };

static struct ipaddr
ip(const char *text)
{
	struct ipaddr a;

	assert_true(ipaddr_parse(text, &a));
	return a;
}

/* A route that gives any source to port 'any' and each listed source to a port behind it instead. */
static struct mroute *
route(uint16_t vid, const char *group, uint16_t any, const char *const *sources, size_t n)
{
	const struct ipaddr g = ip(group);
	struct mroute *r = mroute_new(vid, &g, 1, (uint32_t)n);

	assert_non_null(r);
	assert_true(portset_add(&r->any, any));
	for (size_t i = 0; i < n; i++) {
		r->sources[i].source = ip(sources[i]);
		assert_true(portset_add(&r->sources[i].plus, (uint16_t)(any + 1 + i)));
		assert_true(portset_add(&r->sources[i].minus, any));
	}
	return r;
}

static void
visit(void *arg, uint16_t id)
{
	struct portset *seen = arg;

	/* Once, and ascending. */
	assert_true(seen->n == 0 || seen->ids[seen->n - 1] < id);
	assert_true(portset_add(seen, id));
}

/* The one port that gets it; -1 = registered, but nobody; -2 = not registered. */
static int
lookup(const struct mroute_table *t, uint16_t vid, const char *group, const char *source)
{
	const struct ipaddr g = ip(group), s = ip(source);
	const struct portset nobody = { 0 };
	struct portset seen = { 0 };
	struct mroute_members m;
	int port;

	if (!mroute_lookup(t, mroute_hash(t, vid, &g), vid, &g, &s, &m))
		return -2;
	mroute_each(&m, &nobody, visit, &seen);
	assert_true(seen.n <= 1);
	port = seen.n ? seen.ids[0] : -1;
	assert_true(port < 0 || mroute_has(&m, (uint16_t)port));
	portset_fini(&seen);
	return port;
}

static void
test_lookup(void **state)
{
	static const char *const sources[] = { "10.0.0.1", "10.0.0.3", "10.0.0.5", "10.0.0.7" };
	struct mroute_table t;

	(void)state;
	mroute_table_init(&t, &KEY);
	assert_int_equal(lookup(&t, 0, "239.1.1.1", "10.0.0.1"), -2);
	mroute_publish(&t, route(0, "239.1.1.1", 10, sources, 4));
	mroute_publish(&t, route(0, "ff0e::1", 20, NULL, 0));
	for (int i = 0; i < 4; i++)
		assert_int_equal(lookup(&t, 0, "239.1.1.1", sources[i]), 11 + i);
	assert_int_equal(lookup(&t, 0, "239.1.1.1", "10.0.0.0"), 10);
	assert_int_equal(lookup(&t, 0, "239.1.1.1", "10.0.0.2"), 10);
	assert_int_equal(lookup(&t, 0, "239.1.1.1", "10.0.0.8"), 10);
	assert_int_equal(lookup(&t, 0, "ff0e::1", "2001:db8::1"), 20);
	assert_int_equal(lookup(&t, 0, "239.1.1.2", "10.0.0.1"), -2);
	mroute_table_fini(&t);
}

/* An empty set is an answer of its own: registered, and nobody gets it. */
static void
test_registered_but_unwanted(void **state)
{
	static const char *const sources[] = { "10.0.0.1" };
	const struct ipaddr g = ip("239.1.1.1");
	struct mroute_table t;
	struct mroute *r;

	(void)state;
	mroute_table_init(&t, &KEY);
	mroute_publish(&t, mroute_new(0, &g, 1, 0));
	assert_int_equal(lookup(&t, 0, "239.1.1.1", "10.0.0.1"), -1);
	r = route(0, "239.1.1.1", 5, sources, 1);
	portset_remove(&r->sources[0].plus, 6);
	mroute_publish(&t, r);
	assert_int_equal(t.map.n, 1);
	assert_int_equal(lookup(&t, 0, "239.1.1.1", "10.0.0.1"), -1);
	assert_int_equal(lookup(&t, 0, "239.1.1.1", "10.0.0.2"), 5);
	mroute_table_fini(&t);
}

static void
test_replace_and_withdraw(void **state)
{
	const struct ipaddr g = ip("239.1.1.1"), other = ip("239.1.1.2");
	struct mroute_table t;

	(void)state;
	mroute_table_init(&t, &KEY);
	mroute_publish(&t, route(0, "239.1.1.1", 1, NULL, 0));
	mroute_publish(&t, route(7, "239.1.1.1", 2, NULL, 0));
	assert_int_equal(lookup(&t, 0, "239.1.1.1", "10.0.0.1"), 1);
	assert_int_equal(lookup(&t, 7, "239.1.1.1", "10.0.0.1"), 2);
	assert_int_equal(lookup(&t, 8, "239.1.1.1", "10.0.0.1"), -2);
	mroute_publish(&t, route(0, "239.1.1.1", 3, NULL, 0));
	assert_int_equal(t.map.n, 2);
	assert_int_equal(lookup(&t, 0, "239.1.1.1", "10.0.0.1"), 3);
	assert_int_equal(mroute_find(&t, 7, &g)->vid, 7);
	mroute_withdraw(&t, 0, &other);
	mroute_withdraw(&t, 8, &g);
	assert_int_equal(t.map.n, 2);
	mroute_withdraw(&t, 0, &g);
	assert_int_equal(lookup(&t, 0, "239.1.1.1", "10.0.0.1"), -2);
	assert_int_equal(lookup(&t, 7, "239.1.1.1", "10.0.0.1"), 2);
	assert_null(mroute_find(&t, 0, &g));
	mroute_free(NULL);
	mroute_table_fini(&t);
}

static void
fill(struct portset *s, unsigned bits)
{
	portset_init(s);
	for (uint16_t i = 0; i < 5; i++)
		if (bits >> i & 1)
			assert_true(portset_add(s, i));
}

/* All sets of 5 ports that can meet: minus is a part of any, plus is apart from it. */
static void
test_members(void **state)
{
	struct portset any, plus, minus, others, seen;
	const struct mroute_members m = { &any, &plus, &minus };

	(void)state;
	for (unsigned bits = 0; bits < 1u << 20; bits++) {
		const unsigned a = bits & 31, p = bits >> 5 & 31, x = bits >> 10 & 31, o = bits >> 15;
		const unsigned members = (a & ~x) | p;

		if ((p & a) || (x & ~a))
			continue;
		fill(&any, a);
		fill(&plus, p);
		fill(&minus, x);
		fill(&others, o);
		portset_init(&seen);
		mroute_each(&m, &others, visit, &seen);
		for (uint16_t i = 0; i < 5; i++) {
			assert_int_equal(mroute_has(&m, i), members >> i & 1);
			assert_int_equal(portset_has(&seen, i), (members | o) >> i & 1);
		}
		portset_fini(&any);
		portset_fini(&plus);
		portset_fini(&minus);
		portset_fini(&others);
		portset_fini(&seen);
	}
}

/* Enough groups to make the table grow. */
static void
test_many(void **state)
{
	struct mroute_table t;

	(void)state;
	mroute_table_init(&t, &KEY);
	for (uint32_t i = 0; i < 1000; i++) {
		const struct ipaddr g = ipaddr_v4_u32(0xef000000 + i);
		struct mroute *r = mroute_new(0, &g, 1, 0);

		assert_non_null(r);
		assert_true(portset_add(&r->any, (uint16_t)i));
		mroute_publish(&t, r);
	}
	for (uint32_t i = 0; i < 1000; i += 2) {
		const struct ipaddr g = ipaddr_v4_u32(0xef000000 + i);

		mroute_withdraw(&t, 0, &g);
	}
	for (uint32_t i = 0; i < 1000; i++) {
		const struct ipaddr g = ipaddr_v4_u32(0xef000000 + i);
		const struct mroute *r = mroute_find(&t, 0, &g);

		assert_int_equal(r != NULL, i % 2);
		if (r)
			assert_int_equal(r->any.ids[0], i);
	}
	mroute_table_fini(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_registered_but_unwanted),
		cmocka_unit_test(test_replace_and_withdraw),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests_name("mroute", tests, NULL, NULL);
}
