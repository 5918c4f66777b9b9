/* The Internet checksum against known values and against the plain definition of RFC 1071. */
#include "castswitch/csum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "castswitch/rng.h"

/* RFC 1071 section 1, word for word: 16-bit words, end-around carry, a trailing byte is padded with zero. */
static uint16_t
plain_sum(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i += 2) {
		sum += (uint32_t)(p[i] << 8 | (i + 1 < len ? p[i + 1] : 0));
		if (sum > 0xffff)
			sum = (sum & 0xffff) + 1;
	}
	return (uint16_t)sum;
}

static void
test_rfc1071_example(void **state)
{
	static const uint8_t data[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };

	(void)state;
	assert_int_equal(csum_fold(csum_add(0, data, sizeof(data))), (uint16_t)~0xddf2);
	assert_int_equal(csum_fold(csum_add(0, data, 0)), 0xffff);
	assert_int_equal(csum_fold(csum_add(0, data + 2, 1)), (uint16_t)~0xf200);
}

/* Every length from 0 on, at every alignment, in buffers of exactly that size. */
static void
test_agrees_with_definition(void **state)
{
	struct rng_seeded seeded;
	struct rng rng;

	(void)state;
	rng_seeded_init(&seeded, 1071, &rng);
	for (size_t len = 0; len < 200; len++) {
		uint8_t *p = malloc(len + 1);

		rng_fill(&rng, p, len + 1);
		assert_int_equal((uint16_t)~csum_fold(csum_add(0, p, len)), plain_sum(p, len));
		assert_int_equal((uint16_t)~csum_fold(csum_add(0, p + 1, len)), plain_sum(p + 1, len));
		free(p);
	}
}

static void
test_all_ones_carry(void **state)
{
	uint8_t ones[65535];

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	assert_int_equal(csum_fold(csum_add(0, ones, 65534)), 0);
	assert_int_equal(csum_fold(csum_add(0, ones, 65535)), 0xff);
}

static void
test_pieces_chain(void **state)
{
	uint8_t data[64];
	struct rng_seeded seeded;
	struct rng rng;

	(void)state;
	rng_seeded_init(&seeded, 7, &rng);
	rng_fill(&rng, data, sizeof(data));
	for (size_t cut = 0; cut <= sizeof(data); cut += 2) {
		const uint64_t sum = csum_add(csum_add(0, data, cut), data + cut, sizeof(data) - cut);

		assert_int_equal(csum_fold(sum), (uint16_t)~plain_sum(data, sizeof(data)));
	}
}

static void
test_correct_data_folds_to_zero(void **state)
{
	/* An IPv4 header with its checksum 0xb861 in place. */
	static const uint8_t header[20] = { 0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
					    0xb8, 0x61, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7 };
	uint8_t broken[20];

	(void)state;
	assert_int_equal(csum_fold(csum_add(0, header, sizeof(header))), 0);
	memcpy(broken, header, sizeof(header));
	broken[8]--;
	assert_int_not_equal(csum_fold(csum_add(0, broken, sizeof(broken))), 0);
}

/* The pseudo headers written out: RFC 793 3.1 with 4-byte addresses, RFC 8200 8.1 with 16-byte ones. */
static void
test_pseudo_header_of_both_families(void **state)
{
	static const uint8_t v4[12] = { 192, 168, 0, 1, 224, 0, 0, 22, 0, 17, 0x12, 0x34 };
	static const uint8_t v6[40] = {
		0xfe, 0x80, [15] = 1, [16] = 0xff, [17] = 2, [31] = 0x16, [33] = 1, [34] = 0x12, [35] = 0x34, [39] = 58
	};
	struct ipaddr src = ipaddr_v4(v4), dst = ipaddr_v4(v4 + 4);

	(void)state;
	assert_int_equal(csum_fold(csum_pseudo(&src, &dst, 17, 0x1234)), (uint16_t)~plain_sum(v4, sizeof(v4)));
	memcpy(src.b, v6, 16);
	memcpy(dst.b, v6 + 16, 16);
	assert_int_equal(csum_fold(csum_pseudo(&src, &dst, 58, 0x11234)), (uint16_t)~plain_sum(v6, sizeof(v6)));
}

/* RFC 1624 4 has this example, in which the other formula of RFC 1141 gives ffff. */
static void
test_update(void **state)
{
	uint8_t field[2] = { 0xdd, 0x2f };
	struct rng_seeded seeded;
	struct rng rng;

	(void)state;
	csum_update(field, 0x5555, 0x3285);
	assert_int_equal(field[0] << 8 | field[1], 0x0000);
	rng_seeded_init(&seeded, 1624, &rng);
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t data[20];
		uint16_t sum, before, after = (uint16_t)rng_u64(&rng);
		const size_t at = 2 * (rng_u64(&rng) % 9);

		rng_fill(&rng, data, sizeof(data));
		data[18] = data[19] = 0;
		sum = csum_fold(csum_add(0, data, sizeof(data)));
		data[18] = (uint8_t)(sum >> 8);
		data[19] = (uint8_t)sum;
		before = (uint16_t)(data[at] << 8 | data[at + 1]);
		data[at] = (uint8_t)(after >> 8);
		data[at + 1] = (uint8_t)after;
		csum_update(data + 18, before, after);
		assert_int_equal(csum_fold(csum_add(0, data, sizeof(data))), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc1071_example),
		cmocka_unit_test(test_agrees_with_definition),
		cmocka_unit_test(test_all_ones_carry),
		cmocka_unit_test(test_pieces_chain),
		cmocka_unit_test(test_correct_data_folds_to_zero),
		cmocka_unit_test(test_pseudo_header_of_both_families),
		cmocka_unit_test(test_update),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
