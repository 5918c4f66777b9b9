/* Read and write cursors at every edge. */
#include "castswitch/cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const uint8_t bytes[15] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
				   0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f };

static void
test_reads_big_endian(void **state)
{
	struct rcur c = rcur_of(bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(rcur_u8(&c), 0x01);
	assert_int_equal(rcur_u16(&c), 0x0203);
	assert_int_equal(rcur_u32(&c), 0x04050607);
	assert_int_equal(rcur_left(&c), 8);
	assert_true(rcur_u64(&c) == UINT64_C(0x08090a0b0c0d0e0f));
	assert_int_equal(rcur_left(&c), 0);
	assert_false(c.failed);
}

/* Each reader with n-1, n and n+1 bytes left. */
static void
test_each_read_fails_one_byte_short(void **state)
{
	(void)state;
	for (size_t n = 0; n <= 9; n++) {
		struct rcur c8 = rcur_of(bytes, n), c16 = c8, c32 = c8, c64 = c8;

		assert_int_equal(rcur_u8(&c8), n >= 1 ? 0x01 : 0);
		assert_int_equal(c8.failed, n < 1);
		assert_int_equal(rcur_u16(&c16), n >= 2 ? 0x0102 : 0);
		assert_int_equal(c16.failed, n < 2);
		assert_int_equal(rcur_u32(&c32), n >= 4 ? 0x01020304 : 0);
		assert_int_equal(c32.failed, n < 4);
		assert_true(rcur_u64(&c64) == (n >= 8 ? UINT64_C(0x0102030405060708) : 0));
		assert_int_equal(c64.failed, n < 8);
	}
}

static void
test_read_error_sticks(void **state)
{
	struct rcur c = rcur_of(bytes, 3);
	uint8_t copy[2] = { 0xaa, 0xaa };

	(void)state;
	assert_int_equal(rcur_u32(&c), 0);
	assert_true(c.failed);
	assert_int_equal(rcur_left(&c), 0);
	assert_int_equal(rcur_u8(&c), 0);
	assert_null(rcur_bytes(&c, 0));
	rcur_copy(&c, copy, sizeof(copy));
	assert_int_equal(copy[0] | copy[1], 0);
	assert_true(c.failed);
}

static void
test_bytes_of_nothing_at_the_end(void **state)
{
	struct rcur c = rcur_of(bytes, 0);

	(void)state;
	assert_non_null(rcur_bytes(&c, 0));
	assert_false(c.failed);
	rcur_skip(&c, 1);
	assert_true(c.failed);
}

static void
test_sub_cursor_stays_inside(void **state)
{
	struct rcur c = rcur_of(bytes, 6), sub = rcur_sub(&c, 4);

	(void)state;
	assert_int_equal(rcur_left(&c), 2);
	assert_int_equal(rcur_left(&sub), 4);
	rcur_skip(&sub, 4);
	assert_int_equal(rcur_u8(&sub), 0);
	assert_true(sub.failed);
	assert_int_equal(rcur_u16(&c), 0x0506);
	assert_false(c.failed);
}

static void
test_sub_cursor_too_long_fails_both(void **state)
{
	struct rcur c = rcur_of(bytes, 6), sub = rcur_sub(&c, 7);

	(void)state;
	assert_true(c.failed && sub.failed);
	assert_int_equal(rcur_left(&sub), 0);
	assert_int_equal(rcur_left(&c), 0);

	c = rcur_of(bytes, 6);
	sub = rcur_sub(&c, SIZE_MAX);
	assert_true(c.failed && sub.failed);
}

static void
test_writes_big_endian(void **state)
{
	uint8_t buf[15] = { 0 };
	struct wcur w = wcur_of(buf, sizeof(buf));

	(void)state;
	wcur_u8(&w, 0x01);
	wcur_u16(&w, 0x0203);
	wcur_u32(&w, 0x04050607);
	wcur_u64(&w, UINT64_C(0x08090a0b0c0d0e0f));
	assert_false(w.failed);
	assert_int_equal(wcur_len(&w), 15);
	assert_memory_equal(buf, bytes, sizeof(bytes));
}

static void
test_each_write_fails_one_byte_short(void **state)
{
	(void)state;
	for (size_t n = 0; n <= 9; n++) {
		uint8_t buf[9];
		struct wcur w8 = wcur_of(buf, n), w16 = w8, w32 = w8, w64 = w8, zero = w8, copy = w8;

		wcur_u8(&w8, 1);
		assert_int_equal(w8.failed, n < 1);
		wcur_u16(&w16, 1);
		assert_int_equal(w16.failed, n < 2);
		wcur_u32(&w32, 1);
		assert_int_equal(w32.failed, n < 4);
		wcur_u64(&w64, 1);
		assert_int_equal(w64.failed, n < 8);
		wcur_zero(&zero, 5);
		assert_int_equal(zero.failed, n < 5);
		wcur_bytes(&copy, bytes, 5);
		assert_int_equal(copy.failed, n < 5);
	}
}

static void
test_write_refuses_what_does_not_fit(void **state)
{
	uint8_t buf[16];
	struct wcur w = wcur_of(buf, sizeof(buf));

	(void)state;
	wcur_u8(&w, UINT8_MAX);
	wcur_u16(&w, UINT16_MAX);
	wcur_u32(&w, UINT32_MAX);
	assert_false(w.failed);
	w = wcur_of(buf, sizeof(buf));
	wcur_u8(&w, UINT8_MAX + 1);
	assert_true(w.failed);
	w = wcur_of(buf, sizeof(buf));
	wcur_u16(&w, UINT16_MAX + 1);
	assert_true(w.failed);
	w = wcur_of(buf, sizeof(buf));
	wcur_u32(&w, UINT64_C(1) << 32);
	assert_true(w.failed);
}

static void
test_write_error_sticks(void **state)
{
	uint8_t buf[4] = { 0xaa, 0xaa, 0xaa, 0xaa };
	struct wcur w = wcur_of(buf, 3);

	(void)state;
	wcur_u32(&w, 1);
	assert_true(w.failed);
	wcur_u8(&w, 1);
	assert_null(wcur_room(&w, 1));
	assert_int_equal(wcur_len(&w), 0);
	assert_int_equal(buf[0], 0xaa);
	assert_int_equal(buf[3], 0xaa);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_big_endian),
		cmocka_unit_test(test_each_read_fails_one_byte_short),
		cmocka_unit_test(test_read_error_sticks),
		cmocka_unit_test(test_bytes_of_nothing_at_the_end),
		cmocka_unit_test(test_sub_cursor_stays_inside),
		cmocka_unit_test(test_sub_cursor_too_long_fails_both),
		cmocka_unit_test(test_writes_big_endian),
		cmocka_unit_test(test_each_write_fails_one_byte_short),
		cmocka_unit_test(test_write_refuses_what_does_not_fit),
		cmocka_unit_test(test_write_error_sticks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
