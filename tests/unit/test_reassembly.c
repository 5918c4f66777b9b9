/* Unit tests of reassembly: every order, missing, contradicting and oversized fragments, the limits of slots and time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "castswitch/ecn.h"
#include "reassembly.h"

#define MS(n) ((nsec_t)(n)*NSEC_PER_MSEC)

enum { ROOM = 9300, FRAME = 9216 };

static uint64_t drops[DROP_MAX];
static struct reassembly r;
static uint8_t out[ROOM];
static size_t out_len;
static uint8_t out_ecn;
static const struct mono t0 = { 100 * NSEC_PER_SEC };

static int
setup(void **state)
{
	(void)state;
	memset(drops, 0, sizeof(drops));
	reassembly_init(&r, drops);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	reassembly_fini(&r);
	return 0;
}

/* Byte i of the frame number 'seed'. */
static uint8_t
byte_of(unsigned seed, size_t i)
{
	return (uint8_t)(seed * 101 + i * 7 + i / 256);
}

/* Fragment 'index' of 'count' of a frame of len bytes in chunks of 'chunk'. */
static enum drop_reason
put_at(uint64_t key, unsigned index, unsigned count, size_t chunk, size_t len, uint8_t ecn, struct mono now)
{
	const size_t at = index * chunk, n = index + 1 == count ? len - at : chunk;

	memset(out, 0xee, sizeof(out));
	out[0] = (uint8_t)index;
	out[1] = (uint8_t)count;
	for (size_t i = 0; i < n; i++)
		out[FRAGMENT_HDR + i] = byte_of((unsigned)key, at + i);
	out_len = 7777;
	return reassembly_input(&r, key + index, out, FRAGMENT_HDR + n, ROOM, ecn, now, &out_len, &out_ecn);
}

static enum drop_reason
put(uint64_t key, unsigned index, unsigned count, size_t chunk, size_t len)
{
	return put_at(key, index, count, chunk, len, 0, t0);
}

static void
expect_frame(uint64_t key, size_t len)
{
	assert_int_equal(out_len, len);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(out[i], byte_of((unsigned)key, i));
}

static void
swap(unsigned *a, unsigned *b)
{
	const unsigned t = *a;

	*a = *b;
	*b = t;
}

/* The next in lexical order; false after the last. */
static bool
next_permutation(unsigned *v, unsigned n)
{
	unsigned i = n - 1, j = n - 1;

	while (i > 0 && v[i - 1] >= v[i])
		i--;
	if (i == 0)
		return false;
	while (v[j] <= v[i - 1])
		j--;
	swap(&v[i - 1], &v[j]);
	for (unsigned a = i, b = n - 1; a < b; a++, b--)
		swap(&v[a], &v[b]);
	return true;
}

/* 2 to 6 fragments in every order; the last one of 1, chunk - 1 and chunk bytes. */
static void
every_order(void **state)
{
	uint64_t key = 1;

	(void)state;
	for (unsigned count = 2; count <= 6; count++) {
		for (size_t last = 1; last <= 23; last += last == 1 ? 21 : 1) {
			unsigned order[FRAGMENT_MAX] = { 0, 1, 2, 3, 4, 5 };
			const size_t len = 23 * (count - 1) + last;

			do {
				for (unsigned i = 0; i < count; i++) {
					assert_int_equal(put(key, order[i], count, 23, len), DROP_NONE);
					if (i + 1 < count)
						assert_int_equal(out_len, 0);
				}
				expect_frame(key, len);
				key += count;
			} while (next_permutation(order, count));
		}
	}
	for (unsigned i = 0; i < DROP_MAX; i++)
		assert_int_equal(drops[i], 0);
}

/* Up to the limit and one byte more, whichever comes last. */
static void
the_longest_frame(void **state)
{
	enum { CHUNK = FRAME / 8 };

	(void)state;
	for (unsigned late = 0; late < 8; late++) {
		for (unsigned i = 0; i < 8; i++)
			if (i != late)
				assert_int_equal(put(8 * late + 1, i, 8, CHUNK, FRAME), DROP_NONE);
		assert_int_equal(put(8 * late + 1, late, 8, CHUNK, FRAME), DROP_NONE);
		expect_frame(8 * late + 1, FRAME);
	}
	assert_int_equal(put(100, 0, 2, FRAME - 1, FRAME), DROP_NONE);
	assert_int_equal(put(100, 1, 2, FRAME - 1, FRAME), DROP_NONE);
	expect_frame(100, FRAME);
	assert_int_equal(put(200, 0, 2, FRAME - 1, FRAME + 1), DROP_NONE);
	assert_int_equal(put(200, 1, 2, FRAME - 1, FRAME + 1), DROP_TOO_LONG);
	assert_int_equal(put(300, 1, 2, FRAME - 1, FRAME + 1), DROP_NONE);
	assert_int_equal(put(300, 0, 2, FRAME - 1, FRAME + 1), DROP_TOO_LONG);
	assert_int_equal(put(400, 2, 8, CHUNK + 1, FRAME), DROP_NONE);
	assert_int_equal(put(500, 2, 8, CHUNK + 200, FRAME + 800), DROP_TOO_LONG);
	assert_int_equal(put(600, 0, 2, FRAME + 1, FRAME + 2), DROP_TOO_LONG);
}

/* The caller's buffer may be shorter than the limit. */
static void
no_room(void **state)
{
	uint8_t buf[64] = { 0, 2 };

	(void)state;
	assert_int_equal(reassembly_input(&r, 1, buf, 32, 60, 0, t0, &out_len, &out_ecn), DROP_NONE);
	buf[0] = 1;
	assert_int_equal(reassembly_input(&r, 2, buf, 32, 60, 0, t0, &out_len, &out_ecn), DROP_NONE);
	assert_int_equal(out_len, 60);
	buf[0] = 0;
	buf[1] = 2;
	assert_int_equal(reassembly_input(&r, 3, buf, 32, 59, 0, t0, &out_len, &out_ecn), DROP_NONE);
	buf[0] = 1;
	buf[1] = 2;
	assert_int_equal(reassembly_input(&r, 4, buf, 32, 59, 0, t0, &out_len, &out_ecn), DROP_TOO_LONG);
}

static void
impossible_fragments(void **state)
{
	static const struct {
		uint8_t index, count;
		size_t len;
		uint64_t counter;
		bool good;
	} rows[] = {
		{ 0, 0, 10, 50, false },     { 0, 1, 10, 50, false }, { 0, 2, 10, 50, true },  { 1, 2, 10, 60, true },
		{ 2, 2, 10, 70, false },     { 7, 8, 10, 80, true },  { 8, 9, 10, 90, false }, { 0, 9, 10, 99, false },
		{ 255, 255, 9, 300, false }, { 0, 2, 2, 110, false }, { 0, 2, 1, 120, false }, { 0, 2, 0, 130, false },
		{ 1, 2, 3, 140, true },      { 1, 2, 9, 1, false },   { 1, 2, 9, 2, true },    { 7, 8, 9, 7, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t *buf = malloc(ROOM), *exact = buf + ROOM - rows[i].len;

		reassembly_fini(&r);
		reassembly_init(&r, drops);
		if (rows[i].len >= 2) {
			exact[0] = rows[i].index;
			exact[1] = rows[i].count;
		}
		assert_int_equal(reassembly_input(&r, rows[i].counter, exact, rows[i].len, rows[i].len, 0, t0, &out_len,
						  &out_ecn),
				 rows[i].good ? DROP_NONE : DROP_BAD_FRAGMENT);
		free(buf);
	}
}

/* Each of these ends its frame: the right fragment that follows is the first of a new one. */
static void
contradictions(void **state)
{
	static const struct {
		unsigned index, count;
		size_t chunk, len;
	} rows[] = {
		{ 1, 4, 20, 70 }, /* another count */
		{ 1, 3, 21, 55 }, /* another length */
		{ 1, 3, 19, 55 }, /* shorter */
		{ 2, 3, 20, 61 }, /* a last one that is longer than the others */
		{ 0, 3, 20, 55 }, /* twice: only a broken sender repeats a counter */
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const uint64_t key = 10 * i + 1;

		assert_int_equal(put(key, 0, 3, 20, 55), DROP_NONE);
		assert_int_equal(put(key, rows[i].index, rows[i].count, rows[i].chunk, rows[i].len), DROP_BAD_FRAGMENT);
		assert_int_equal(put(key, 1, 3, 20, 55), DROP_NONE);
		assert_int_equal(put(key, 2, 3, 20, 55), DROP_NONE);
		assert_int_equal(out_len, 0);
		assert_int_equal(put(key, 0, 3, 20, 55), DROP_NONE);
		expect_frame(key, 55);
	}
	/* The last one first, and then shorter ones than it. */
	assert_int_equal(put(900, 2, 3, 20, 60), DROP_NONE);
	assert_int_equal(put(900, 0, 3, 19, 60), DROP_BAD_FRAGMENT);
}

/* A frame's time begins with the fragment that comes first. */
static void
one_second(void **state)
{
	(void)state;
	for (int late = -1; late <= 1; late++) {
		const uint64_t key = (uint64_t)(late + 2) * 10;
		const struct mono now = mono_from_ns(t0.ns + NSEC_PER_SEC + (uint64_t)(int64_t)late);

		memset(drops, 0, sizeof(drops));
		assert_int_equal(put_at(key, 0, 3, 20, 50, 0, t0), DROP_NONE);
		assert_int_equal(put_at(key, 1, 3, 20, 50, 0, mono_add(t0, MS(900))), DROP_NONE);
		assert_int_equal(put_at(key, 2, 3, 20, 50, 0, now), DROP_NONE);
		assert_int_equal(drops[DROP_FRAGMENT_TIMEOUT], late < 0 ? 0 : 1);
		if (late < 0)
			expect_frame(key, 50);
		else
			assert_int_equal(out_len, 0);
	}
}

/* Four at a time; a fifth takes the place of the oldest; a complete one makes room. */
static void
four_at_a_time(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(put(10 * i + 10, 0, 2, 20, 30), DROP_NONE);
	assert_int_equal(drops[DROP_FRAGMENT_LIMIT], 0);
	assert_int_equal(put(20, 1, 2, 20, 30), DROP_NONE);
	expect_frame(20, 30);
	assert_int_equal(put(50, 0, 2, 20, 30), DROP_NONE);
	assert_int_equal(drops[DROP_FRAGMENT_LIMIT], 0);
	assert_int_equal(put(60, 0, 2, 20, 30), DROP_NONE);
	assert_int_equal(drops[DROP_FRAGMENT_LIMIT], 1);
	for (unsigned key = 30; key <= 60; key += 10) {
		assert_int_equal(put(key, 1, 2, 20, 30), DROP_NONE);
		expect_frame(key, 30);
	}
	assert_int_equal(put(10, 1, 2, 20, 30), DROP_NONE);
	assert_int_equal(out_len, 0);
	assert_int_equal(drops[DROP_FRAGMENT_TIMEOUT], 0);
}

/* Frames whose counters overlap share no fragments, so none of both can take what is the other's. */
static void
keys_are_apart(void **state)
{
	(void)state;
	assert_int_equal(put(100, 0, 4, 20, 80), DROP_NONE);
	assert_int_equal(put(101, 0, 4, 20, 80), DROP_NONE);
	assert_int_equal(put(101, 1, 4, 20, 80), DROP_NONE);
	assert_int_equal(put(101, 2, 4, 20, 80), DROP_NONE);
	assert_int_equal(put(101, 3, 4, 20, 80), DROP_NONE);
	expect_frame(101, 80);
}

/* RFC 3168 5.3 */
static void
congestion_of_one_is_of_all(void **state)
{
	(void)state;
	assert_int_equal(put_at(1, 0, 3, 20, 60, ECN_ECT_0, t0), DROP_NONE);
	assert_int_equal(put_at(1, 1, 3, 20, 60, ECN_CE, t0), DROP_NONE);
	assert_int_equal(put_at(1, 2, 3, 20, 60, ECN_ECT_0, t0), DROP_NONE);
	assert_int_equal(out_ecn, ECN_CE);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(put_at(10, i, 3, 20, 60, ECN_ECT_0, t0), DROP_NONE);
	assert_int_equal(out_ecn, ECN_ECT_0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(put_at(20, i, 3, 20, 60, 0, t0), DROP_NONE);
	assert_int_equal(out_ecn, 0);
}

/* Whatever comes, what is delivered was sent so. */
static void
at_random(void **state)
{
	unsigned delivered = 0;

	(void)state;
	srandom(3);
	for (unsigned i = 0; i < 200000; i++) {
		const uint64_t key = 1 + 10 * (uint64_t)(random() % 6 + i / 100);
		const unsigned count = 2 + key % 7;
		const size_t chunk = 15 + key % 40, len = chunk * (count - 1) + 1 + key % chunk;

		if (put_at(key, (unsigned)random() % count, count, chunk, len, 0, mono_add(t0, MS(i))) == DROP_NONE &&
		    out_len) {
			expect_frame(key, len);
			delivered++;
		}
	}
	assert_in_range(delivered, 1000, 100000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_order, setup, teardown),
		cmocka_unit_test_setup_teardown(the_longest_frame, setup, teardown),
		cmocka_unit_test_setup_teardown(no_room, setup, teardown),
		cmocka_unit_test_setup_teardown(impossible_fragments, setup, teardown),
		cmocka_unit_test_setup_teardown(contradictions, setup, teardown),
		cmocka_unit_test_setup_teardown(one_second, setup, teardown),
		cmocka_unit_test_setup_teardown(four_at_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_are_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(congestion_of_one_is_of_all, setup, teardown),
		cmocka_unit_test_setup_teardown(at_random, setup, teardown),
	};

	return cmocka_run_group_tests_name("reassembly", tests, NULL, NULL);
}
