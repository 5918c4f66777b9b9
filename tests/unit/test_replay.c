/* Unit tests of the replay window: a table of steps, then sweeps around its edges against a window that remembers all.
 */
#include "castswitch/replay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define TOP32 (UINT64_C(1) << 32)

struct step {
	uint64_t counter;
	bool fresh;
};

static void
run_steps(const struct step *steps, size_t n)
{
	struct replay r;

	replay_init(&r);
	for (size_t i = 0; i < n; i++) {
		const struct replay before = r;

		if (replay_check(&r, steps[i].counter) != steps[i].fresh)
			fail_msg("step %zu: check(%llu) is wrong", i, (unsigned long long)steps[i].counter);
		assert_memory_equal(&before, &r, sizeof(r));
		if (replay_accept(&r, steps[i].counter) != steps[i].fresh)
			fail_msg("step %zu: accept(%llu) is wrong", i, (unsigned long long)steps[i].counter);
		if (!steps[i].fresh)
			assert_memory_equal(&before, &r, sizeof(r));
	}
}

static void
test_table(void **state)
{
	(void)state;
	static const struct step steps[] = {
		{ 0, false }, /* never valid */
		{ 1, true },  /* the first */
		{ 1, false }, /* again */
		{ 0, false },
		{ 2, true },
		{ 9, true }, /* a gap */
		{ 8, true }, /* filled backwards */
		{ 7, true },
		{ 7, false },
		{ 8, false },
		{ 9, false },
		{ 63, true }, /* word boundaries */
		{ 64, true },
		{ 65, true },
		{ 64, false },
		{ 2048, true }, /* 1 is just outside now */
		{ 1, false },
		{ 3, true }, /* 2 and 1 were seen, 3 is inside */
		{ 2049, true },
		{ 2, false },
		{ 4, true },
		{ 2048 + 4, true },
		{ 4, false }, /* seen, and now the first outside */
		{ 5, true },  /* the last inside */
		{ 5, false },
		{ 10000, true }, /* further than the window: all cleared */
		{ 10000 - 2048, false },
		{ 10000 - 2047, true },
		{ 9999, true },
		{ 9999, false },
		{ 10000 + 2048, true }, /* exactly one window */
		{ 10000, false },
		{ 10001, true },
		{ 10000 + 2048 * 33, true }, /* the same ring word again */
		{ 10000 + 2048 * 33 - 64, true },
		{ 10000 + 2048 * 33 - 64, false },
		{ UINT64_MAX - 1, true },
		{ UINT64_MAX - 2048, true },
		{ UINT64_MAX - 2049, false },
		{ UINT64_MAX, true },
		{ UINT64_MAX - 2048, false },
		{ UINT64_MAX, false },
		{ 1, false },
	};

	run_steps(steps, sizeof(steps) / sizeof(steps[0]));
}

/* With the top at 'top', and only it seen: which counters are fresh. */
static void
sweep_edge(uint64_t top)
{
	for (uint64_t c = top > 2200 ? top - 2200 : 0; c <= top + 70; c++) {
		struct replay r;
		bool fresh = c > top || (c != top && c != 0 && top - c < 2048);

		replay_init(&r);
		assert_true(replay_accept(&r, top));
		if (replay_check(&r, c) != fresh)
			fail_msg("top %llu: check(%llu) is wrong", (unsigned long long)top, (unsigned long long)c);
	}
}

static void
test_edges(void **state)
{
	(void)state;
	static const uint64_t tops[] = {
		1,     2,         63,         64,           65,           2047,         2048,
		2049,  2111,      2112,       2113,         4096,         5000,         TOP32 - 1,
		TOP32, TOP32 + 1, TOP32 + 63, TOP32 + 2047, TOP32 + 2048, TOP32 + 2049, UINT64_MAX - 100
	};

	for (size_t i = 0; i < sizeof(tops) / sizeof(tops[0]); i++)
		sweep_edge(tops[i]);
}

/* Forward in steps of every size up to beyond the ring: nothing that was accepted comes in twice, nothing fresh is
 * lost. */
static void
sweep_forward(uint64_t start, uint64_t stride)
{
	enum { SPAN = 9000 };
	static bool seen[SPAN];
	struct replay r;

	memset(seen, 0, sizeof(seen));
	replay_init(&r);
	for (uint64_t i = 1; i < SPAN; i += stride) {
		assert_true(replay_accept(&r, start + i));
		seen[i] = true;
		for (uint64_t back = 0; back < 2100 && back < i; back += stride / 3 + 1) {
			bool fresh = !seen[i - back] && back < REPLAY_WINDOW;

			if (replay_accept(&r, start + i - back) != fresh)
				fail_msg("start %llu stride %llu: %llu back from %llu", (unsigned long long)start,
					 (unsigned long long)stride, (unsigned long long)back, (unsigned long long)i);
			if (fresh)
				seen[i - back] = true;
		}
	}
}

static void
test_sweep_forward(void **state)
{
	(void)state;
	static const uint64_t starts[] = { 0, 1, TOP32 - 4500, TOP32 - 1, UINT64_MAX - 9000 };
	static const uint64_t strides[] = { 31, 63, 64, 65, 2047, 2048, 2049, 2112, 2113, 4224 };

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		for (size_t j = 0; j < sizeof(strides) / sizeof(strides[0]); j++)
			sweep_forward(starts[i], strides[j]);
}

/* From a full window, a jump of any number of words: nothing of the old ring shows through. */
static void
test_jumps(void **state)
{
	(void)state;

	for (uint64_t words = 0; words <= 3 * REPLAY_WORDS; words++) {
		struct replay r;
		uint64_t top = 4096 + 63 + 64 * words;

		replay_init(&r);
		for (uint64_t c = 1; c <= 4096; c++)
			assert_true(replay_accept(&r, c));
		assert_true(replay_accept(&r, top));
		for (uint64_t c = top - REPLAY_WINDOW + 1; c < top; c++)
			if (replay_check(&r, c) != (c > 4096))
				fail_msg("%llu words: check(top - %llu) is wrong", (unsigned long long)words,
					 (unsigned long long)(top - c));
	}
}

/* A whole window, delivered newest first, is accepted once. */
static void
test_sweep_backward(void **state)
{
	(void)state;
	struct replay r;

	replay_init(&r);
	for (uint64_t c = TOP32 + 1024; c > TOP32 + 1024 - REPLAY_WINDOW; c--)
		assert_true(replay_accept(&r, c));
	assert_false(replay_accept(&r, TOP32 + 1024 - REPLAY_WINDOW));
	for (uint64_t c = TOP32 + 1024; c > TOP32 + 1024 - REPLAY_WINDOW; c--)
		assert_false(replay_accept(&r, c));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),          cmocka_unit_test(test_edges),
		cmocka_unit_test(test_sweep_forward),  cmocka_unit_test(test_jumps),
		cmocka_unit_test(test_sweep_backward),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
