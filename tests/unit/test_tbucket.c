/* Token bucket: edges, carried fractions, and values that would overflow. */
#include "castswitch/tbucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static struct mono
at(uint64_t ns)
{
	return mono_from_ns(ns);
}

static void
test_starts_full(void **state)
{
	struct tbucket b;

	(void)state;
	tbucket_init(&b, 1, 10, at(5));
	assert_false(tbucket_take(&b, 11, at(5)));
	assert_true(tbucket_take(&b, 9, at(5)));
	assert_false(tbucket_take(&b, 2, at(5))); /* takes none when there are fewer */
	assert_true(tbucket_take(&b, 1, at(5)));
	assert_false(tbucket_take(&b, 1, at(5)));
	assert_true(tbucket_take(&b, 0, at(5)));
}

static void
test_refill_edge(void **state)
{
	struct tbucket b;

	(void)state;
	/* 4 a second: one every 250 ms. */
	tbucket_init(&b, 4, 2, at(0));
	assert_true(tbucket_take(&b, 2, at(0)));
	assert_false(tbucket_take(&b, 1, at(249999999)));
	assert_true(tbucket_take(&b, 1, at(250000000)));
	assert_false(tbucket_take(&b, 1, at(250000001)));
	assert_false(tbucket_take(&b, 1, at(499999999)));
	assert_true(tbucket_take(&b, 1, at(500000000)));
}

/* 3 a second, asked every millisecond or so: fractions must neither be lost nor invented. */
static void
test_fractions_are_carried(void **state)
{
	struct tbucket b;
	uint64_t taken = 0;

	(void)state;
	tbucket_init(&b, 3, 2, at(0));
	assert_true(tbucket_take(&b, 2, at(0)));
	for (uint64_t ns = 7; ns <= 10 * NSEC_PER_SEC; ns += 1000003)
		taken += tbucket_take(&b, 1, at(ns));
	assert_int_equal(taken, 29);
	/* The next question after 10 s finds the thirtieth. */
	assert_true(tbucket_take(&b, 1, at(10 * NSEC_PER_SEC)));
	assert_false(tbucket_take(&b, 1, at(10 * NSEC_PER_SEC)));
}

static void
test_saves_no_more_than_burst(void **state)
{
	struct tbucket b;

	(void)state;
	tbucket_init(&b, 10, 5, at(0));
	assert_true(tbucket_take(&b, 5, at(0)));
	/* 4.9 tokens, then an hour's worth. */
	assert_false(tbucket_take(&b, 5, at(490 * NSEC_PER_MSEC)));
	assert_false(tbucket_take(&b, 6, at(3600 * NSEC_PER_SEC)));
	assert_true(tbucket_take(&b, 5, at(3600 * NSEC_PER_SEC)));
	/* A full bucket saves no fraction either: the next token takes 100 ms from here. */
	assert_false(tbucket_take(&b, 1, at(3600 * NSEC_PER_SEC + 99999999)));
	assert_true(tbucket_take(&b, 1, at(3600 * NSEC_PER_SEC + 100000000)));
}

static void
test_fraction_does_not_pass_a_full_bucket(void **state)
{
	struct tbucket b;

	(void)state;
	tbucket_init(&b, 10, 5, at(0));
	assert_true(tbucket_take(&b, 5, at(50 * NSEC_PER_MSEC)));
	assert_false(tbucket_take(&b, 1, at(149999999)));
	assert_true(tbucket_take(&b, 1, at(150 * NSEC_PER_MSEC)));
}

static void
test_unlimited(void **state)
{
	struct tbucket b;

	(void)state;
	tbucket_init(&b, 0, 0, at(0));
	assert_true(tbucket_take(&b, UINT64_MAX, at(0)));
	assert_true(tbucket_take(&b, UINT64_MAX, at(1)));
}

static void
test_clock_standing_or_going_back(void **state)
{
	struct tbucket b;

	(void)state;
	tbucket_init(&b, 1000, 1, at(NSEC_PER_SEC));
	assert_true(tbucket_take(&b, 1, at(NSEC_PER_SEC)));
	assert_false(tbucket_take(&b, 1, at(NSEC_PER_SEC)));
	assert_false(tbucket_take(&b, 1, at(0)));
	/* The step back earned nothing. */
	assert_false(tbucket_take(&b, 1, at(NSEC_PER_SEC + 999999)));
	assert_true(tbucket_take(&b, 1, at(NSEC_PER_SEC + 1000000)));
}

static void
test_nothing_overflows(void **state)
{
	static const uint64_t rates[] = {
		1, NSEC_PER_SEC - 1, NSEC_PER_SEC, NSEC_PER_SEC + 1, UINT64_MAX / 2, UINT64_MAX - 1, UINT64_MAX,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		struct tbucket b;

		tbucket_init(&b, rates[i], UINT64_MAX, at(0));
		assert_true(tbucket_take(&b, UINT64_MAX, at(0)));
		/* After almost a second at most rate - 1 tokens, after the whole one exactly rate. */
		assert_false(tbucket_take(&b, rates[i], at(NSEC_PER_SEC - 1)));
		assert_true(tbucket_take(&b, rates[i], at(NSEC_PER_SEC)));
		assert_false(tbucket_take(&b, 1, at(NSEC_PER_SEC)));
		/* The longest pause fills it, unless the rate is too small for that. */
		assert_int_equal(tbucket_take(&b, UINT64_MAX, MONO_NEVER), rates[i] >= NSEC_PER_SEC + 1);
	}
}

static void
test_full_bucket_of_the_largest_size(void **state)
{
	struct tbucket b;

	(void)state;
	tbucket_init(&b, 10, UINT64_MAX, at(0));
	assert_true(tbucket_take(&b, 1, at(0)));
	assert_true(tbucket_take(&b, UINT64_MAX, at(NSEC_PER_SEC)));
	assert_false(tbucket_take(&b, 1, at(NSEC_PER_SEC)));
}

static void
test_high_rate_is_exact(void **state)
{
	struct tbucket b;

	(void)state;
	/* 25 000 000 001 a second: 25 a nanosecond and one more after a second. */
	tbucket_init(&b, UINT64_C(25000000001), UINT64_C(1) << 40, at(0));
	assert_true(tbucket_take(&b, UINT64_C(1) << 40, at(0)));
	assert_false(tbucket_take(&b, 26, at(1)));
	assert_true(tbucket_take(&b, 25, at(1)));
	assert_true(tbucket_take(&b, 25 * (NSEC_PER_SEC - 1) + 1, at(NSEC_PER_SEC)));
	assert_false(tbucket_take(&b, 1, at(NSEC_PER_SEC)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_starts_full),
		cmocka_unit_test(test_refill_edge),
		cmocka_unit_test(test_fractions_are_carried),
		cmocka_unit_test(test_saves_no_more_than_burst),
		cmocka_unit_test(test_fraction_does_not_pass_a_full_bucket),
		cmocka_unit_test(test_unlimited),
		cmocka_unit_test(test_clock_standing_or_going_back),
		cmocka_unit_test(test_nothing_overflows),
		cmocka_unit_test(test_full_bucket_of_the_largest_size),
		cmocka_unit_test(test_high_rate_is_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
