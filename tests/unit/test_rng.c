/* The deterministic generator against a second implementation, and the readers of an injected source. */
#include "castswitch/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* A source that plays back the words of a script. */
struct script {
	const uint64_t *words;
	size_t n, used;
};

static void
script_fill(void *arg, void *buf, size_t len)
{
	struct script *s = arg;
	unsigned char *out = buf;

	assert_true(s->used < s->n);
	for (size_t i = 0; i < len; i++)
		out[i] = (unsigned char)(s->words[s->used] >> (i * 8));
	s->used++;
}

static void
test_seeded_values(void **state)
{
	static const struct {
		uint64_t seed, words[4];
	} rows[] = {
		{ 0,
		  { UINT64_C(0x99ec5f36cb75f2b4), UINT64_C(0xbf6e1f784956452a), UINT64_C(0x1a5f849d4933e6e0),
		    UINT64_C(0x6aa594f1262d2d2c) } },
		{ 42,
		  { UINT64_C(0x15780b2e0c2ec716), UINT64_C(0x6104d9866d113a7e), UINT64_C(0xae17533239e499a1),
		    UINT64_C(0xecb8ad4703b360a1) } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rng_seeded seeded;
		struct rng rng;

		rng_seeded_init(&seeded, rows[i].seed, &rng);
		for (size_t k = 0; k < 4; k++)
			assert_int_equal(rng_u64(&rng), rows[i].words[k]);
	}
}

static void
test_fill_writes_exactly_len(void **state)
{
	static const unsigned char want[] = { 0xb4, 0xf2, 0x75, 0xcb, 0x36, 0x5f, 0xec, 0x99, 0x2a, 0x45 };
	unsigned char buf[12];

	(void)state;
	for (size_t len = 0; len <= sizeof(want); len++) {
		struct rng_seeded seeded;
		struct rng rng;

		memset(buf, 0xa5, sizeof(buf));
		rng_seeded_init(&seeded, 0, &rng);
		rng_fill(&rng, buf, len);
		if (len > 0)
			assert_memory_equal(buf, want, len);
		for (size_t i = len; i < sizeof(buf); i++)
			assert_int_equal(buf[i], 0xa5);
	}
}

static void
test_u32_takes_four_bytes(void **state)
{
	static const uint64_t words[] = { UINT64_C(0x11223344aabbccdd) };
	struct script script = { words, 1, 0 };
	struct rng rng = { script_fill, &script };

	(void)state;
	assert_int_equal(rng_u32(&rng), 0xaabbccdd);
}

static void
test_below_edges(void **state)
{
	static const struct {
		uint64_t word, bound, result;
	} rows[] = {
		{ 12345, 1, 0 },
		{ 9, 10, 9 },
		{ 10, 10, 0 },
		{ UINT64_MAX, UINT64_C(1) << 63, (UINT64_C(1) << 63) - 1 },
		/* 2^64 mod 10 is 6, so 2^64 - 7 is the last value that counts. */
		{ UINT64_MAX - 6, 10, 9 },
		{ UINT64_MAX - 1, UINT64_MAX, UINT64_MAX - 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct script script = { &rows[i].word, 1, 0 };
		struct rng rng = { script_fill, &script };

		assert_int_equal(rng_below(&rng, rows[i].bound), rows[i].result);
		assert_int_equal(script.used, 1);
	}
}

static void
test_below_zero_draws_nothing(void **state)
{
	struct script script = { NULL, 0, 0 };
	struct rng rng = { script_fill, &script };

	(void)state;
	assert_int_equal(rng_below(&rng, 0), 0);
}

static void
test_below_draws_again_when_biased(void **state)
{
	static const uint64_t words[] = { UINT64_MAX, UINT64_MAX - 5, 23 };
	struct script script = { words, 3, 0 };
	struct rng rng = { script_fill, &script };

	(void)state;
	assert_int_equal(rng_below(&rng, 10), 3);
	assert_int_equal(script.used, 3);
}

static void
test_below_is_even(void **state)
{
	struct rng_seeded seeded;
	struct rng rng;
	unsigned count[7] = { 0 };

	(void)state;
	rng_seeded_init(&seeded, 1, &rng);
	for (unsigned i = 0; i < 70000; i++)
		count[rng_below(&rng, 7)]++;
	for (size_t i = 0; i < 7; i++)
		assert_in_range(count[i], 9600, 10400);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seeded_values),
		cmocka_unit_test(test_fill_writes_exactly_len),
		cmocka_unit_test(test_u32_takes_four_bytes),
		cmocka_unit_test(test_below_edges),
		cmocka_unit_test(test_below_zero_draws_nothing),
		cmocka_unit_test(test_below_draws_again_when_biased),
		cmocka_unit_test(test_below_is_even),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
