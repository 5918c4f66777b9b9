/* SipHash-1-3 against values computed by a second implementation with a parameter for the number of rounds, which also
 * yields the published SipHash-2-4 values.  Key 00 01 .. 0f, input 00 01 02 .. */
#include "castswitch/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const struct hash_key key = { UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908) };

static void
fill(unsigned char *buf, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf[i] = (unsigned char)i;
}

static void
test_vectors(void **state)
{
	static const struct {
		size_t len;
		uint64_t hash;
	} rows[] = {
		{ 0, UINT64_C(0xabac0158050fc4dc) },   { 1, UINT64_C(0xc9f49bf37d57ca93) },
		{ 7, UINT64_C(0xd3927d989bb11140) },   { 8, UINT64_C(0x369095118d299a8e) },
		{ 9, UINT64_C(0x25a48eb36c063de4) },   { 15, UINT64_C(0xd320d86d2a519956) },
		{ 16, UINT64_C(0xcc4fdd1a7d908b66) },  { 17, UINT64_C(0x9cf2689063dbd80c) },
		{ 63, UINT64_C(0x9d199062b7bbb3a8) },  { 64, UINT64_C(0xf17997ec4b4a6065) },
		{ 255, UINT64_C(0xf76214e3153c4a15) }, { 256, UINT64_C(0x75b3e64e167de370) },
		{ 257, UINT64_C(0x5d8ffca6213c73b8) },
	};
	unsigned char data[257];

	(void)state;
	fill(data, sizeof(data));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(hash_bytes(&key, data, rows[i].len), rows[i].hash);
}

static void
test_other_keys(void **state)
{
	static const struct hash_key zero = { 0, 0 };
	static const struct hash_key uneven = { UINT64_C(1) << 63, 1 };

	(void)state;
	assert_int_equal(hash_bytes(&zero, NULL, 0), UINT64_C(0xd1fba762150c532c));
	assert_int_equal(hash_u64(&uneven, UINT64_MAX), UINT64_C(0x84f2725f18c34a6d));
}

static void
test_u64_is_bytes_in_little_endian_order(void **state)
{
	static const unsigned char bytes[8] = { 0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01 };

	(void)state;
	assert_int_equal(hash_u64(&key, UINT64_C(0x0706050403020100)), UINT64_C(0x369095118d299a8e));
	assert_int_equal(hash_u64(&key, UINT64_C(0x0102030405060708)), hash_bytes(&key, bytes, sizeof(bytes)));
}

static void
test_unaligned_input(void **state)
{
	unsigned char data[17 + 7];

	(void)state;
	for (size_t shift = 0; shift < 8; shift++) {
		fill(data + shift, 17 - shift % 2);
		assert_int_equal(hash_bytes(&key, data + shift, 17 - shift % 2),
				 shift % 2 ? UINT64_C(0xcc4fdd1a7d908b66) : UINT64_C(0x9cf2689063dbd80c));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_other_keys),
		cmocka_unit_test(test_u64_is_bytes_in_little_endian_order),
		cmocka_unit_test(test_unaligned_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
