/* Unit tests of the token buckets by address prefix: edges, refill, what shares a bucket, the bounded table. */
#include "prefix_limit.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct mono start = { .ns = 100 * NSEC_PER_SEC };

static struct mono
at(unsigned ms)
{
	return mono_add(start, ms * NSEC_PER_MSEC);
}

static struct ipaddr
prefix_of(const char *address)
{
	struct ipaddr a;

	assert_true(ipaddr_parse(address, &a));
	return prefix_limit_prefix(&a);
}

/* Number i of many that differ. */
static struct ipaddr
number(unsigned i)
{
	return ipaddr_v4_u32(0x0a000000 + i);
}

static void
limit_init(struct prefix_limit *l, uint64_t rate, uint64_t burst)
{
	prefix_limit_init(l, rate, burst, &(struct hash_key){ .k0 = 1, .k1 = 2 });
}

/* Takes n, of which each was said to be allowed. */
static void
take(struct prefix_limit *l, const struct ipaddr *p, unsigned n, struct mono now)
{
	for (unsigned i = 0; i < n; i++) {
		assert_true(prefix_limit_allows(l, p, now));
		assert_true(prefix_limit_take(l, p, now));
	}
}

static void
expect_empty(struct prefix_limit *l, const struct ipaddr *p, struct mono now)
{
	assert_false(prefix_limit_allows(l, p, now));
	assert_false(prefix_limit_take(l, p, now));
}

static void
test_burst(void **state)
{
	(void)state;
	struct prefix_limit l;
	struct ipaddr p = prefix_of("192.0.2.1"), other = prefix_of("192.0.2.2");

	limit_init(&l, 20, 200);
	take(&l, &p, 199, start);
	assert_true(prefix_limit_allows(&l, &p, start));
	take(&l, &p, 1, start);
	expect_empty(&l, &p, start);
	take(&l, &other, 200, start);
	expect_empty(&l, &other, start);
	prefix_limit_fini(&l);
}

static void
test_refill(void **state)
{
	(void)state;
	struct prefix_limit l;
	struct ipaddr p = prefix_of("192.0.2.1");

	limit_init(&l, 20, 5);
	take(&l, &p, 5, start);
	expect_empty(&l, &p, at(49));
	take(&l, &p, 1, at(50));
	expect_empty(&l, &p, at(50));
	expect_empty(&l, &p, at(99)); /* that it was asked meanwhile costs nothing */
	take(&l, &p, 1, at(100));
	take(&l, &p, 4, at(100 + 249)); /* and never more than the burst */
	expect_empty(&l, &p, at(100 + 249));
	take(&l, &p, 5, at(60000));
	expect_empty(&l, &p, at(60000));
	prefix_limit_fini(&l);
}

static void
test_prefixes(void **state)
{
	(void)state;
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.0", "192.0.2.1", false },
		{ "2001:db8:0:1000::1", "2001:db8:0:10ff:ffff:ffff:ffff:ffff", true },
		{ "2001:db8:0:1000::1", "2001:db8:0:1100::1", false },
		{ "2001:db8:0:1000::1", "2001:db8:0:0f00::1", false },
		{ "::1", "0.0.0.1", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ipaddr a = prefix_of(rows[i].a), b = prefix_of(rows[i].b);
		struct prefix_limit l;

		limit_init(&l, 20, 1);
		take(&l, &a, 1, start);
		assert_int_equal(prefix_limit_allows(&l, &b, start), !rows[i].same);
		prefix_limit_fini(&l);
	}
}

/* Looking neither takes, nor makes a bucket. */
static void
test_looking_leaves_no_trace(void **state)
{
	(void)state;
	struct prefix_limit l;
	struct ipaddr p = prefix_of("192.0.2.1");

	limit_init(&l, 20, 2);
	for (unsigned i = 0; i < 5; i++)
		assert_true(prefix_limit_allows(&l, &p, start));
	assert_int_equal(l.buckets.n, 0);
	take(&l, &p, 2, start);
	for (unsigned i = 0; i < 5; i++)
		assert_false(prefix_limit_allows(&l, &p, at(49)));
	assert_true(prefix_limit_allows(&l, &p, at(50)));
	assert_int_equal(l.buckets.n, 1);
	prefix_limit_fini(&l);
}

/* One from each of the prefixes from .. to - 1. */
static void
take_each(struct prefix_limit *l, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		struct ipaddr p = number(i);

		take(l, &p, 1, start);
	}
}

/* n - 1, n and n + 1 prefixes: the last pushes out the one that took least recently, which then has a full bucket. */
static void
test_eviction(void **state)
{
	(void)state;
	enum { N = PREFIX_LIMIT_MAX };
	struct prefix_limit l;
	struct ipaddr first = number(0), second = number(1), third = number(2), fourth = number(3);

	limit_init(&l, 1, 2);
	take_each(&l, 0, N - 1);
	assert_int_equal(l.buckets.n, N - 1);
	take_each(&l, 0, 2); /* now these two are empty, and younger than the third */
	take_each(&l, N - 1, N);
	assert_int_equal(l.buckets.n, N);
	take_each(&l, N, N + 1);
	assert_int_equal(l.buckets.n, N);
	expect_empty(&l, &first, start);
	expect_empty(&l, &second, start);
	take(&l, &third, 2, start); /* it was gone and begins anew, in the place of the fourth */
	assert_int_equal(l.buckets.n, N);
	take(&l, &fourth, 2, start);
	prefix_limit_fini(&l);
}

/* Who asks in vain does not keep its bucket alive. */
static void
test_eviction_after_failures(void **state)
{
	(void)state;
	enum { N = PREFIX_LIMIT_MAX };
	struct prefix_limit l;
	struct ipaddr first = number(0), second = number(1);

	limit_init(&l, 1, 1);
	take_each(&l, 0, N);
	expect_empty(&l, &first, start);
	take_each(&l, N, N + 1);
	assert_true(prefix_limit_allows(&l, &first, start));
	expect_empty(&l, &second, start);
	prefix_limit_fini(&l);
}

static void
test_no_rate_is_no_limit(void **state)
{
	(void)state;
	struct prefix_limit l;
	struct ipaddr p = prefix_of("192.0.2.1");

	limit_init(&l, 0, 0);
	take(&l, &p, 1000, start);
	prefix_limit_fini(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_refill),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_looking_leaves_no_trace),
		cmocka_unit_test(test_eviction),
		cmocka_unit_test(test_eviction_after_failures),
		cmocka_unit_test(test_no_rate_is_no_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
