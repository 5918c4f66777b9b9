/* Unit tests of the MSS clamp: what is lowered, what is left alone, and that checksums stay as right as they were. */
#include "castswitch/mss.h"

#include "wire_bytes.h"

enum { SYN = 0x02, ACK = 0x10, TCP_AT = 12 };

struct shape {
	unsigned tags;
	bool v6;
	unsigned ip_words; /* of IPv4 options */
};

/* A frame with a TCP header, these options (hexadecimal) and 4 bytes of data, all checksums right. */
static struct bytes
tcp_frame(const struct shape *shape, unsigned flags, const char *options, size_t *ret_tcp)
{
	struct bytes d = hex("020000000001 020000000002"), opts = hex(options);
	size_t tcp_len = 20 + opts.n + 4, ip, tcp;

	for (unsigned i = 0; i < shape->tags; i++)
		add_hex(&d, i ? "8100 0007" : "88a8 0005");
	add_hex(&d, shape->v6 ? "86dd" : "0800");
	ip = d.n;
	if (shape->v6) {
		add_hex(&d, "60000000 0000 06 40 fd080000000000000000000000000001 fd080000000000000000000000000002");
		set16(&d, ip + 4, tcp_len);
	} else {
		add_hex(&d, "45000000 00004000 40060000 0a080001 0a080002");
		d.b[ip] = (uint8_t)(0x45 + shape->ip_words);
		for (unsigned i = 0; i < shape->ip_words; i++)
			add_hex(&d, "01010101");
		set16(&d, ip + 2, 20 + 4 * shape->ip_words + tcp_len);
		set_checksum(&d, ip + 10, 0, ip, d.n);
	}
	tcp = d.n;
	add_hex(&d, "0050 8000 00000001 00000002 0000 ffff 0000 0000");
	d.b[tcp + 12] = (uint8_t)((20 + opts.n) / 4 << 4);
	d.b[tcp + 13] = (uint8_t)flags;
	add_hex(&d, options);
	add_hex(&d, "deadbeef");
	size_t addr = shape->v6 ? ip + 8 : ip + 12;
	uint32_t pseudo = plain_sum((uint32_t)tcp_len + 6, d.b + addr, shape->v6 ? 32 : 8);
	set_checksum(&d, tcp + 16, pseudo, tcp, d.n);
	*ret_tcp = tcp;
	return d;
}

/* The sum over everything: 0xffff when the checksum is right. */
static uint32_t
tcp_sum(const struct bytes *d, const struct shape *shape, size_t tcp)
{
	size_t addr = tcp - (shape->v6 ? 32 : 8 + 4 * shape->ip_words);

	return plain_sum(plain_sum((uint32_t)(d->n - tcp) + 6, d->b + addr, shape->v6 ? 32 : 8), d->b + tcp,
			 d->n - tcp);
}

static bool
clamp(struct bytes *d, uint16_t frame, uint16_t mss)
{
	const struct mss_limit limit = { .frame = frame, .mss = mss };
	uint8_t *copy = exact_copy(d->b, d->n);
	bool changed = mss_clamp(copy, d->n, &limit);

	assert_int_equal(changed, memcmp(copy, d->b, d->n) != 0);
	memcpy(d->b, copy, d->n);
	return changed;
}

static unsigned
get(const struct bytes *d, size_t at)
{
	return (unsigned)d->b[at] << 8 | d->b[at + 1];
}

static const struct shape v4 = { .v6 = false }, v6 = { .v6 = true };

/* A frame of 1242 bytes: 14 + 20 + 20 + 1188. */
static void
lowers_to_the_frame(void **state)
{
	static const struct {
		struct shape shape;
		unsigned mss;
	} rows[] = {
		{ { 0, false, 0 }, 1188 }, { { 1, false, 0 }, 1184 }, { { 2, false, 0 }, 1180 },
		{ { 0, false, 3 }, 1176 }, { { 0, true, 0 }, 1168 },  { { 1, true, 0 }, 1164 },
		{ { 2, true, 0 }, 1160 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (unsigned flags = SYN; flags <= (SYN | ACK); flags += ACK) {
			size_t tcp;
			struct bytes d =
				tcp_frame(&rows[i].shape, flags, "020405b4 0402080a 11223344 00000000 01030307", &tcp);

			assert_true(mss_is_syn(d.b, d.n));
			assert_true(clamp(&d, 1242, 0));
			assert_int_equal(get(&d, tcp + 22), rows[i].mss);
			assert_int_equal(tcp_sum(&d, &rows[i].shape, tcp), 0xffff);
			assert_false(clamp(&d, 1242, 0));
		}
	}
}

static void
lowers_to_a_number(void **state)
{
	size_t tcp;
	struct bytes d = tcp_frame(&v4, SYN, "020405b4", &tcp);

	(void)state;
	assert_false(clamp(&d, 0, 0));
	assert_false(clamp(&d, 0, 1461));
	assert_false(clamp(&d, 0, 1460));
	assert_true(clamp(&d, 0, 1459));
	assert_int_equal(get(&d, tcp + 22), 1459);
	/* The lower of both. */
	assert_true(clamp(&d, 1242, 1187));
	assert_int_equal(get(&d, tcp + 22), 1187);
	assert_true(clamp(&d, 1240, 1187));
	assert_int_equal(get(&d, tcp + 22), 1186);
	assert_int_equal(tcp_sum(&d, &v4, tcp), 0xffff);
}

/* At odd and even places, twice, and behind others; every value of the checksum's carry. */
static void
wherever_the_option_is(void **state)
{
	static const char *const options[] = {
		"020405b4",         "01020405b4010100", "0101020405b40100", "010101020405b400",
		"0402020405b40000", "030307020405b400", "020405b4020405b4", "01020405b4020405b4000000",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		for (unsigned mss = 536; mss < 1460; mss += 7) {
			size_t tcp;
			struct bytes d = tcp_frame(&v6, SYN, options[i], &tcp);
			unsigned found = 0;

			assert_true(clamp(&d, 0, (uint16_t)mss));
			assert_int_equal(tcp_sum(&d, &v6, tcp), 0xffff);
			for (size_t at = tcp + 20; at + 1 < d.n; at++) {
				assert_int_not_equal(get(&d, at), 1460);
				found += get(&d, at) == mss;
			}
			assert_in_range(found, 1, 2);
		}
	}
}

static void
a_wrong_checksum_stays_wrong(void **state)
{
	size_t tcp;
	struct bytes d = tcp_frame(&v4, SYN, "020405b4", &tcp);
	uint32_t wrong;

	(void)state;
	d.b[tcp + 5] ^= 0x40;
	wrong = tcp_sum(&d, &v4, tcp);
	assert_int_not_equal(wrong, 0xffff);
	assert_true(clamp(&d, 0, 1000));
	assert_int_equal(tcp_sum(&d, &v4, tcp), wrong);
}

static void
what_is_left_alone(void **state)
{
	size_t tcp;
	struct bytes d = tcp_frame(&v4, ACK, "020405b4", &tcp);

	(void)state;
	assert_false(mss_is_syn(d.b, d.n));
	assert_false(clamp(&d, 0, 600));
	d = tcp_frame(&v4, SYN, "", &tcp);
	assert_true(mss_is_syn(d.b, d.n));
	assert_false(clamp(&d, 0, 600));
	/* Behind the end of options, with another length, cut off, of no length. */
	d = tcp_frame(&v4, SYN, "00020405b4000000", &tcp);
	assert_false(clamp(&d, 0, 600));
	d = tcp_frame(&v4, SYN, "020505b401000000", &tcp);
	assert_false(clamp(&d, 0, 600));
	d = tcp_frame(&v4, SYN, "01020405", &tcp);
	assert_false(clamp(&d, 0, 600));
	d = tcp_frame(&v4, SYN, "0800020405b40000", &tcp);
	assert_false(clamp(&d, 0, 600));
	d = tcp_frame(&v4, SYN, "0801020405b40000", &tcp);
	assert_false(clamp(&d, 0, 600));
	d = tcp_frame(&v4, SYN, "01010102", &tcp);
	assert_false(clamp(&d, 0, 600));
	/* UDP, a later fragment, something that is not IP, a third tag. */
	d = tcp_frame(&v4, SYN, "020405b4", &tcp);
	d.b[14 + 9] = 17;
	assert_false(clamp(&d, 0, 600));
	d = tcp_frame(&v4, SYN, "020405b4", &tcp);
	d.b[14 + 7] = 1;
	assert_false(clamp(&d, 0, 600));
	d = tcp_frame(&v4, SYN, "020405b4", &tcp);
	d.b[12] = 0x88;
	assert_false(clamp(&d, 0, 600));
	d = tcp_frame(&(struct shape){ .tags = 3 }, SYN, "020405b4", &tcp);
	assert_false(clamp(&d, 0, 600));
	/* A first fragment has its options: it is lowered. */
	d = tcp_frame(&v4, SYN, "020405b4", &tcp);
	d.b[14 + 6] = 0x20;
	assert_true(clamp(&d, 0, 600));
}

/* IP says where the packet ends, not the frame; a data offset that lies is none. */
static void
lengths_that_lie(void **state)
{
	size_t tcp;
	struct bytes d = tcp_frame(&v4, SYN, "020405b4", &tcp);

	(void)state;
	set16(&d, 14 + 2, 20 + 23);
	assert_false(clamp(&d, 0, 600));
	set16(&d, 14 + 2, 20 + 24);
	assert_true(clamp(&d, 0, 600));
	d = tcp_frame(&v4, SYN, "020405b4", &tcp);
	d.b[tcp + TCP_AT] = 0x80;
	assert_false(clamp(&d, 0, 600));
	d.b[tcp + TCP_AT] = 0x40;
	assert_false(clamp(&d, 0, 600));
	d = tcp_frame(&v6, SYN, "020405b4", &tcp);
	set16(&d, 14 + 4, 29);
	assert_false(clamp(&d, 0, 600));
	set16(&d, 14 + 4, 23);
	assert_false(clamp(&d, 0, 600));
	set16(&d, 14 + 4, 0);
	assert_false(clamp(&d, 0, 600));
}

/* Cut short at every length (the address sanitizer watches), and with every byte of the headers changed. */
static void
cut_and_changed(void **state)
{
	static const struct shape shapes[] = { { 0, false, 2 }, { 2, false, 0 }, { 1, true, 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		size_t tcp;
		struct bytes whole = tcp_frame(&shapes[i], SYN, "020405b4", &tcp);

		for (size_t n = 0; n < whole.n; n++) {
			struct bytes d = whole;

			d.n = n;
			assert_false(clamp(&d, 0, 600));
		}
		for (size_t at = 12; at < whole.n; at++) {
			for (unsigned v = 0; v < 256; v++) {
				struct bytes d = whole;

				d.b[at] = (uint8_t)v;
				(void)clamp(&d, 0, 600);
			}
		}
	}
}

static void
never_to_nothing(void **state)
{
	size_t tcp;
	struct bytes d = tcp_frame(&v4, SYN, "020405b4", &tcp);

	(void)state;
	assert_true(clamp(&d, 20, 0));
	assert_int_equal(get(&d, tcp + 22), 88);
	assert_false(clamp(&d, 0, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(lowers_to_the_frame, free_copy),
		cmocka_unit_test_teardown(lowers_to_a_number, free_copy),
		cmocka_unit_test_teardown(wherever_the_option_is, free_copy),
		cmocka_unit_test_teardown(a_wrong_checksum_stays_wrong, free_copy),
		cmocka_unit_test_teardown(what_is_left_alone, free_copy),
		cmocka_unit_test_teardown(lengths_that_lie, free_copy),
		cmocka_unit_test_teardown(cut_and_changed, free_copy),
		cmocka_unit_test_teardown(never_to_nothing, free_copy),
	};

	return cmocka_run_group_tests_name("mss", tests, NULL, NULL);
}
