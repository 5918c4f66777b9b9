/* Unit tests of ECN decapsulation: the whole table of RFC 6040 4.2, for IPv4 and IPv6. */
#include "castswitch/ecn.h"

#include "wire_bytes.h"

/* A UDP packet with this TOS byte behind so many tags; *ret_ip is where it begins. */
static struct bytes
packet(bool v6, unsigned tags, unsigned tos, size_t *ret_ip)
{
	struct bytes d = hex("020000000001 020000000002");

	for (unsigned i = 0; i < tags; i++)
		add_hex(&d, "8100 0007");
	add_hex(&d, v6 ? "86dd" : "0800");
	*ret_ip = d.n;
	if (v6) {
		add_hex(&d, "600abcde 0008 11 40 fd080000000000000000000000000001 fd080000000000000000000000000002");
		d.b[*ret_ip] |= (uint8_t)(tos >> 4);
		d.b[*ret_ip + 1] = (uint8_t)((tos & 15) << 4 | 0xa);
	} else {
		add_hex(&d, "4500001c 00004000 40110000 0a080001 0a080002");
		d.b[*ret_ip + 1] = (uint8_t)tos;
		set_checksum(&d, *ret_ip + 10, 0, *ret_ip, d.n);
	}
	add_hex(&d, "1234 5678 0008 0000");
	return d;
}

/* The outer DSCP says nothing about the inner one. */
static enum drop_reason
decapsulate(struct bytes *d, unsigned outer)
{
	uint8_t *copy = exact_copy(d->b, d->n);
	enum drop_reason r = ecn_decapsulate(copy, d->n, (uint8_t)(outer | 0xb8));

	memcpy(d->b, copy, d->n);
	return r;
}

static void
the_table(void **state)
{
	enum { N = ECN_NOT_ECT, E0 = ECN_ECT_0, E1 = ECN_ECT_1, C = ECN_CE, X = 4 };
	static const struct {
		unsigned inner, outer, becomes;
	} rows[] = {
		{ N, N, N },    { N, E0, N }, { N, E1, N },  { N, C, X },    { E0, N, E0 },  { E0, E0, E0 },
		{ E0, E1, E1 }, { E0, C, C }, { E1, N, E1 }, { E1, E0, E1 }, { E1, E1, E1 }, { E1, C, C },
		{ C, N, C },    { C, E0, C }, { C, E1, C },  { C, C, C },
	};

	(void)state;
	assert_int_equal(sizeof(rows) / sizeof(rows[0]), 16);
	for (unsigned i = 0; i < 16 * 2 * 3 * 64; i++) {
		const unsigned row = i % 16, v6 = i / 16 % 2, tags = i / 32 % 3, dscp = i / 96;
		size_t ip;
		struct bytes d = packet(v6, tags, dscp << 2 | rows[row].inner, &ip);
		struct bytes before = d;
		struct bytes expect = packet(v6, tags, dscp << 2 | (rows[row].becomes & 3), &ip);

		if (rows[row].becomes == X) {
			assert_int_equal(decapsulate(&d, rows[row].outer), DROP_ECN);
			assert_memory_equal(d.b, before.b, d.n);
		} else {
			assert_int_equal(decapsulate(&d, rows[row].outer), DROP_NONE);
			assert_memory_equal(d.b, expect.b, d.n);
		}
	}
}

/* ARP, a runt, an IP header that is cut short or lies: as they are. */
static void
what_is_not_ip(void **state)
{
	struct bytes arp = hex("ffffffffffff 020000000002 0806 0001 0800 06 04 0001"), d = arp;
	size_t ip;

	(void)state;
	assert_int_equal(decapsulate(&d, ECN_CE), DROP_NONE);
	assert_memory_equal(d.b, arp.b, d.n);
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct bytes whole = packet(v6, 1, ECN_ECT_0, &ip);

		for (size_t n = 0; n < whole.n; n++) {
			d = whole;
			d.n = n;
			assert_int_equal(decapsulate(&d, ECN_CE), DROP_NONE);
			assert_memory_equal(d.b, whole.b, n);
		}
		d = whole;
		d.b[ip] ^= 0x10;
		whole = d;
		assert_int_equal(decapsulate(&d, ECN_CE), DROP_NONE);
		assert_memory_equal(d.b, whole.b, d.n);
	}
}

static void
the_worse_of_two(void **state)
{
	static const uint8_t order[] = { ECN_NOT_ECT, ECN_ECT_0, ECN_ECT_1, ECN_CE };

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		for (unsigned j = 0; j < 4; j++)
			assert_int_equal(ecn_worse(order[i], order[j] | 0xfc), order[i > j ? i : j]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(the_table, free_copy),
		cmocka_unit_test_teardown(what_is_not_ip, free_copy),
		cmocka_unit_test(the_worse_of_two),
	};

	return cmocka_run_group_tests_name("ecn", tests, NULL, NULL);
}
