/* The tunnel's messages: layouts byte for byte, round trips, truncation, unknown and repeated TLVs, wrong lengths. */
#include "castswitch/tmsg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "castswitch/rng.h"
#include "wire_bytes.h"

/* --- datagrams --- */

static void
test_classify(void **state)
{
	(void)state;
	assert_int_equal(tmsg_classify(exact_copy((const uint8_t *)"", 0), 0), TMSG_CLASS_UNKNOWN);
	for (unsigned first = 0; first < 256; first++) {
		const uint8_t byte = (uint8_t)first;
		const enum tmsg_class class = first == 0xc1                ? TMSG_CLASS_DATA
					      : first == 0xc2              ? TMSG_CLASS_ACCESS
					      : first >= 20 && first <= 63 ? TMSG_CLASS_DTLS
									   : TMSG_CLASS_UNKNOWN;

		assert_int_equal(tmsg_classify(exact_copy(&byte, 1), 1), class);
	}
}

/* RFC 6347 4.1 and 4.2.2: record header, handshake header, client_version, random, the rest. */
#define RANDOM "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define HELLO_RECORD                     \
	"16 fefd 0000 000000000005 0038" \
	"01 00002c 0001 000000 00002c fefd" RANDOM "00 00 0002 c02c 0100 0000"

static bool
is_client_hello(const struct bytes *d, uint8_t random[32])
{
	return tmsg_client_hello(exact_copy(d->b, d->n), d->n, random);
}

static void
test_client_hello(void **state)
{
	const struct bytes whole = hex(HELLO_RECORD), expected = hex(RANDOM);
	uint8_t random[32] = { 0 };
	struct bytes d = whole;

	(void)state;
	assert_int_equal(whole.n, 13 + 0x38);
	assert_true(is_client_hello(&d, random));
	assert_memory_equal(random, expected.b, 32);
	add_hex(&d, "16fefd"); /* another record may follow */
	assert_true(is_client_hello(&d, random));
	memset(random, 0, sizeof(random));
	for (d = whole; d.n-- > 0;)
		assert_false(is_client_hello(&d, random));
	for (size_t i = 0; i < 32; i++)
		assert_int_equal(random[i], 0);
	/* the first fragment of a longer one, with just the random */
	d = hex("16 feff 0000 000000000000 002e 01 0000ff 0000 000000 000022 fefd" RANDOM);
	assert_true(is_client_hello(&d, random));
	d = hex("16 feff 0000 000000000000 002d 01 0000ff 0000 000000 000021 fefd" RANDOM);
	assert_false(is_client_hello(&d, random));
}

static void
test_not_a_client_hello(void **state)
{
	/* offset of a byte and what it becomes */
	static const struct {
		size_t at;
		uint8_t byte;
	} changes[] = {
		{ 0, 23 },    /* application data */
		{ 0, 21 },    /* alert */
		{ 1, 3 },     /* TLS */
		{ 3, 1 },     /* epoch 256 */
		{ 4, 1 },     /* epoch 1 */
		{ 11, 1 },    /* record past the datagram */
		{ 12, 0x39 }, /* same, by one */
		{ 12, 0x37 }, /* fragment past the record */
		{ 13, 2 },    /* ServerHello */
		{ 16, 0x2b }, /* fragment longer than its message */
		{ 19, 1 },    /* fragment offset 65536 */
		{ 21, 1 },    /* fragment offset 1 */
		{ 24, 0x2d }, /* fragment past the record */
		{ 22, 1 },
	};
	uint8_t random[32];

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct bytes d = hex(HELLO_RECORD);

		d.b[changes[i].at] = changes[i].byte;
		if (is_client_hello(&d, random))
			fail_msg("byte %zu = %u", changes[i].at, changes[i].byte);
	}
}

static void
test_data_header(void **state)
{
	struct bytes d = hex("c1 01020304 05060708090a0b0c 00 00112233445566778899aabbccddeeff");
	struct tmsg_data m = { 0 };
	uint8_t header[TMSG_DATA_HDR + 1] = { [TMSG_DATA_HDR] = 0xee };

	(void)state;
	assert_int_equal(d.n, TMSG_OVERHEAD);
	assert_true(tmsg_data_parse(exact_copy(d.b, d.n), d.n, &m));
	assert_int_equal(m.receiver, 0x01020304);
	assert_true(m.counter == UINT64_C(0x05060708090a0b0c));
	tmsg_data_write(header, m.receiver, m.counter);
	assert_memory_equal(header, d.b, TMSG_DATA_HDR);
	assert_int_equal(header[TMSG_DATA_HDR], 0xee);
	m.receiver = 9;
	for (size_t n = 0; n < d.n; n++)
		assert_false(tmsg_data_parse(exact_copy(d.b, n), n, &m));
	d.b[0] = 0xc2;
	assert_false(tmsg_data_parse(exact_copy(d.b, d.n), d.n, &m));
	assert_int_equal(m.receiver, 9);
}

static void
test_pad(void **state)
{
	const struct bytes d = hex("03 0102030405060708 000000");
	struct tmsg_pad pad = { .flags = 7 };
	uint8_t buf[TMSG_PAD_LEN + 1] = { [TMSG_PAD_LEN] = 0xee };

	(void)state;
	for (size_t n = 0; n < TMSG_PAD_LEN; n++)
		assert_false(tmsg_pad_parse(exact_copy(d.b, n), n, &pad));
	assert_int_equal(pad.flags, 7);
	for (size_t n = TMSG_PAD_LEN; n <= d.n; n++) { /* a path probe is longer */
		assert_true(tmsg_pad_parse(exact_copy(d.b, n), n, &pad));
		assert_int_equal(pad.flags, TMSG_PAD_REQUEST | TMSG_PAD_REPLY);
		assert_true(pad.id == UINT64_C(0x0102030405060708));
	}
	tmsg_pad_write(buf, &pad);
	assert_memory_equal(buf, d.b, TMSG_PAD_LEN);
	assert_int_equal(buf[TMSG_PAD_LEN], 0xee);
}

/* --- HELLO, WELCOME, REFUSE --- */

#define HELLO_MANDATORY "0001 0002 0001  0002 0004 01020304  0006 0002 0102"

static const struct tmsg_hello full_hello = {
	.protocol = 1,
	.receiver = 0x01020304,
	.previous = 0x05060708,
	.flags = TMSG_FLAG_ENDPOINT,
	.caps = 0x80000000,
	.aeads = { TMSG_AEAD_CHACHA20_POLY1305, TMSG_AEAD_AES_256_GCM },
	.n_aeads = 2,
	.software = "castswitch 0.1",
};

static void
assert_same_hello(const struct tmsg_hello *a, const struct tmsg_hello *b)
{
	assert_int_equal(a->protocol, b->protocol);
	assert_int_equal(a->receiver, b->receiver);
	assert_int_equal(a->previous, b->previous);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->caps, b->caps);
	assert_int_equal(a->n_aeads, b->n_aeads);
	assert_memory_equal(a->aeads, b->aeads, sizeof(a->aeads));
	assert_string_equal(a->software, b->software);
}

static bool
hello_parses(const char *text, struct tmsg_hello *ret)
{
	const struct bytes d = hex(text);

	return tmsg_hello_parse(TMSG_HELLO, exact_copy(d.b, d.n), d.n, ret);
}

static void
test_hello_layout(void **state)
{
	const struct bytes d = hex("01 0001 0002 0001 0002 0004 01020304 0003 0004 05060708 0004 0004 00000001"
				   "0005 0004 80000000 0006 0002 0201 0007 000e 63617374737769746368 20 302e31");
	uint8_t buf[TMSG_MAX];
	struct tmsg_hello h;

	(void)state;
	assert_int_equal(tmsg_hello_write(TMSG_HELLO, &full_hello, buf, sizeof(buf)), d.n);
	assert_memory_equal(buf, d.b, d.n);
	assert_true(tmsg_hello_parse(TMSG_HELLO, exact_copy(d.b, d.n), d.n, &h));
	assert_same_hello(&h, &full_hello);
	assert_int_equal(tmsg_hs_type(buf, d.n), TMSG_HELLO);
	assert_int_equal(tmsg_hs_type(buf, 0), 0);
	/* a WELCOME differs in its type only, and one doesn't pass for the other */
	assert_false(tmsg_hello_parse(TMSG_WELCOME, buf, d.n, &h));
	assert_int_equal(tmsg_hello_write(TMSG_WELCOME, &full_hello, buf, sizeof(buf)), d.n);
	assert_int_equal(buf[0], TMSG_WELCOME);
	assert_memory_equal(buf + 1, d.b + 1, d.n - 1);
	assert_true(tmsg_hello_parse(TMSG_WELCOME, buf, d.n, &h));
	assert_false(tmsg_hello_parse(TMSG_HELLO, buf, d.n, &h));
}

static void
test_hello_mandatory(void **state)
{
	struct tmsg_hello h = { .protocol = 99 };

	(void)state;
	assert_false(hello_parses("", &h));
	assert_false(hello_parses("01", &h));
	assert_false(hello_parses("01 0002 0004 01020304 0006 0001 01", &h));
	assert_false(hello_parses("01 0001 0002 0001 0006 0001 01", &h));
	assert_false(hello_parses("01 0001 0002 0001 0002 0004 01020304", &h));
	assert_false(hello_parses("01 0001 0002 0001 0002 0004 00000000 0006 0001 01", &h));
	assert_false(hello_parses("01 0001 0002 0001 0002 0004 01020304 0006 0000", &h));
	/* a value that is not allowed is not healed by a later one */
	assert_false(hello_parses("01 0002 0004 00000000" HELLO_MANDATORY, &h));
	assert_false(hello_parses("01 0006 0000" HELLO_MANDATORY, &h));
	assert_int_equal(h.protocol, 99);
	assert_true(hello_parses("01" HELLO_MANDATORY, &h));
	assert_int_equal(h.protocol, 1);
	assert_int_equal(h.previous | h.flags | h.caps, 0);
	assert_string_equal(h.software, "");
	assert_int_equal(h.n_aeads, 2);
	assert_true(hello_parses("01 0001 0002 0000 0002 0004 00000001 0006 0001 01", &h)); /* any version is told */
	assert_int_equal(h.protocol, 0);
}

static void
test_hello_unknown_and_repeated(void **state)
{
	struct tmsg_hello h;

	(void)state;
	assert_true(hello_parses("01 ffff 0000 0008 0003 aabbcc 0010 0001 00" HELLO_MANDATORY "8000 0001 00", &h));
	assert_int_equal(h.receiver, 0x01020304);
	assert_true(hello_parses("01" HELLO_MANDATORY "0002 0004 0a0b0c0d 0006 0001 01", &h));
	assert_int_equal(h.receiver, 0x0a0b0c0d);
	assert_int_equal(h.n_aeads, 1);
	assert_int_equal(h.aeads[1], TMSG_AEAD_NONE);
	assert_true(hello_parses("01" HELLO_MANDATORY "0007 0003 616263 0007 0001 64", &h));
	assert_string_equal(h.software, "d");
}

static void
test_hello_wrong_lengths(void **state)
{
	static const char *const wrong[] = {
		"0001 0001 00",
		"0001 0003 000000",
		"0002 0003 010203",
		"0002 0005 0102030405",
		"0003 0003 000000",
		"0003 0005 0000000000",
		"0004 0000",
		"0004 0002 0000",
		"0005 0005 0000000000",
		"0005 0003 000000",
		"0006 0000",
		"0006 0009 010101010101010101",
		"00",
		"0001",
		"000100",
		"ffff 0001",
		"ffff ffff 00",
	};
	struct tmsg_hello h;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct bytes d = hex("01" HELLO_MANDATORY);

		add_hex(&d, wrong[i]);
		if (tmsg_hello_parse(TMSG_HELLO, exact_copy(d.b, d.n), d.n, &h))
			fail_msg("%s parsed", wrong[i]);
	}
	assert_true(hello_parses("01" HELLO_MANDATORY "0006 0008 0101010101010102", &h));
	assert_int_equal(h.n_aeads, TMSG_MAX_AEADS);
	assert_int_equal(h.aeads[7], 2);
}

/* The longest text passes, one byte more does not; nothing unprintable passes. */
static void
test_text(void **state)
{
	struct bytes d = hex("01" HELLO_MANDATORY "0007 0040");
	struct tmsg_hello h;

	(void)state;
	for (int i = 0; i < TMSG_SOFTWARE_MAX; i++)
		add_hex(&d, "7e");
	assert_true(tmsg_hello_parse(TMSG_HELLO, exact_copy(d.b, d.n), d.n, &h));
	assert_int_equal(strlen(h.software), TMSG_SOFTWARE_MAX);
	add_hex(&d, "7e");
	d.b[d.n - TMSG_SOFTWARE_MAX - 2]++;
	assert_false(tmsg_hello_parse(TMSG_HELLO, exact_copy(d.b, d.n), d.n, &h));
	assert_true(hello_parses("01" HELLO_MANDATORY "0007 000a 1f 20 7e 7f 00 0a 1b 80 ff 41", &h));
	assert_string_equal(h.software, "? ~??????A");
}

static void
test_hello_truncation(void **state)
{
	uint8_t buf[TMSG_MAX];
	const size_t len = tmsg_hello_write(TMSG_HELLO, &full_hello, buf, sizeof(buf));
	struct tmsg_hello h;

	(void)state;
	for (size_t n = 0; n < len; n++) {
		/* after the mandatory three, only a cut between two TLVs leaves a valid message */
		const bool whole = n == len - 18;

		assert_int_equal(tmsg_hello_parse(TMSG_HELLO, exact_copy(buf, n), n, &h), whole);
		assert_int_equal(tmsg_hello_write(TMSG_HELLO, &full_hello, exact_copy(buf, n), n), 0);
	}
	assert_int_equal(tmsg_hello_write(TMSG_HELLO, &full_hello, exact_copy(buf, len), len), len);
}

static void
test_hello_write_refuses(void **state)
{
	struct tmsg_hello h = full_hello;
	uint8_t buf[TMSG_MAX];

	(void)state;
	h.receiver = 0;
	assert_int_equal(tmsg_hello_write(TMSG_HELLO, &h, buf, sizeof(buf)), 0);
	h = full_hello;
	h.n_aeads = 0;
	assert_int_equal(tmsg_hello_write(TMSG_HELLO, &h, buf, sizeof(buf)), 0);
	h.n_aeads = TMSG_MAX_AEADS + 1;
	assert_int_equal(tmsg_hello_write(TMSG_HELLO, &h, buf, sizeof(buf)), 0);
	h.n_aeads = TMSG_MAX_AEADS;
	assert_int_not_equal(tmsg_hello_write(TMSG_HELLO, &h, buf, sizeof(buf)), 0);
	memset(h.software, 'x', sizeof(h.software)); /* no NUL */
	assert_int_equal(tmsg_hello_write(TMSG_HELLO, &h, buf, sizeof(buf)), 0);
	h.software[TMSG_SOFTWARE_MAX] = '\0';
	assert_int_not_equal(tmsg_hello_write(TMSG_HELLO, &h, buf, sizeof(buf)), 0);
}

static void
test_longest_message(void **state)
{
	struct bytes d = hex("01" HELLO_MANDATORY "ffff 0000");
	const size_t at = d.n - 2;
	struct tmsg_hello h;

	(void)state;
	add_zeros(&d, TMSG_MAX - d.n);
	set16(&d, at, TMSG_MAX - at - 2);
	assert_true(tmsg_hello_parse(TMSG_HELLO, exact_copy(d.b, d.n), d.n, &h));
	add_zeros(&d, 1);
	set16(&d, at, TMSG_MAX - at - 1);
	assert_false(tmsg_hello_parse(TMSG_HELLO, exact_copy(d.b, d.n), d.n, &h));
}

static void
test_refuse(void **state)
{
	const struct tmsg_refuse r = { .reason = TMSG_REASON_FULL, .text = "full" };
	const struct bytes d = hex("03 0010 0002 0004 0011 0004 66756c6c");
	struct tmsg_refuse back = { .reason = 99 };
	uint8_t buf[TMSG_MAX];

	(void)state;
	assert_int_equal(tmsg_refuse_write(&r, buf, sizeof(buf)), d.n);
	assert_memory_equal(buf, d.b, d.n);
	for (size_t n = 0; n < d.n; n++) {
		assert_int_equal(tmsg_refuse_parse(exact_copy(d.b, n), n, &back), n == 1 || n == 7);
		assert_int_equal(tmsg_refuse_write(&r, exact_copy(d.b, n), n), 0);
	}
	assert_true(tmsg_refuse_parse(exact_copy(d.b, d.n), d.n, &back));
	assert_int_equal(back.reason, TMSG_REASON_FULL);
	assert_string_equal(back.text, "full");
	buf[0] = TMSG_HELLO;
	assert_false(tmsg_refuse_parse(buf, d.n, &back));

	struct tmsg_refuse longest = { .reason = UINT16_MAX };

	memset(longest.text, 'x', TMSG_TEXT_MAX);
	const size_t len = tmsg_refuse_write(&longest, buf, sizeof(buf));

	assert_true(tmsg_refuse_parse(exact_copy(buf, len), len, &back));
	assert_int_equal(back.reason, UINT16_MAX);
	assert_string_equal(back.text, longest.text);
	longest.text[TMSG_TEXT_MAX] = 'x';
	assert_int_equal(tmsg_refuse_write(&longest, buf, sizeof(buf)), 0);
}

static void
test_reason_text(void **state)
{
	(void)state;
	for (unsigned i = 0; i < TMSG_REASON_MAX; i++) {
		assert_non_null(tmsg_reason_text(i));
		assert_string_not_equal(tmsg_reason_text(i), "unknown reason");
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(tmsg_reason_text(i), tmsg_reason_text(k));
	}
	assert_string_equal(tmsg_reason_text(TMSG_REASON_MAX), "unknown reason");
	assert_string_equal(tmsg_reason_text(UINT32_MAX), "unknown reason");
}

/* --- CONTROL --- */

static bool
control_parses(const char *text, struct tmsg_control *ret)
{
	const struct bytes d = hex(text);

	return tmsg_control_parse(exact_copy(d.b, d.n), d.n, ret);
}

static struct tmsg_control
a_push(void)
{
	struct tmsg_control c = { .id = 0x01020304, .type = TMSG_PUSH };

	assert_true(ipprefix_parse("10.8.0.20/24", &c.push.addrs[0]));
	assert_true(ipprefix_parse("fd08::20/64", &c.push.addrs[1]));
	c.push.n_addrs = 2;
	c.push.mtu = 1400;
	c.push.multicast_route = true;
	c.push.keepalive = 15 * NSEC_PER_SEC;
	c.push.rekey = 3600 * NSEC_PER_SEC;
	return c;
}

#define PUSH_BYTES                                                                              \
	"01020304 01 0020 0006 04 18 0a080014 0020 0012 06 40 fd080000000000000000000000000020" \
	"0021 0002 0578 0022 0001 01 0023 0004 00003a98 0024 0004 0036ee80"

static void
test_push_layout(void **state)
{
	const struct tmsg_control c = a_push();
	const struct bytes d = hex(PUSH_BYTES);
	struct tmsg_control back;
	uint8_t buf[TMSG_MAX];

	(void)state;
	assert_int_equal(tmsg_control_write(&c, buf, sizeof(buf)), d.n);
	assert_memory_equal(buf, d.b, d.n);
	assert_true(control_parses(PUSH_BYTES, &back));
	assert_int_equal(back.id, c.id);
	assert_int_equal(back.type, TMSG_PUSH);
	assert_int_equal(back.push.n_addrs, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_true(ipaddr_equal(&back.push.addrs[i].addr, &c.push.addrs[i].addr));
		assert_int_equal(back.push.addrs[i].len, c.push.addrs[i].len);
	}
	assert_int_equal(back.push.mtu, 1400);
	assert_true(back.push.multicast_route);
	assert_true(back.push.keepalive == 15 * NSEC_PER_SEC);
	assert_true(back.push.rekey == 3600 * NSEC_PER_SEC);
}

/* Cut between two TLVs it is a shorter push, anywhere else it is nothing. */
static void
test_push_truncation(void **state)
{
	const struct tmsg_control c = a_push();
	const struct bytes d = hex(PUSH_BYTES);
	struct tmsg_control back = { .id = 77 };

	(void)state;
	for (size_t n = 0; n < d.n; n++) {
		const bool whole = n == 5 || n == 15 || n == 37 || n == 43 || n == 48 || n == 56;

		back.id = 77;
		assert_int_equal(tmsg_control_parse(exact_copy(d.b, n), n, &back), whole);
		assert_int_equal(back.id, whole ? 0x01020304 : 77);
		assert_int_equal(tmsg_control_write(&c, exact_copy(d.b, n), n), 0);
	}
}

static void
test_push_defaults(void **state)
{
	struct tmsg_control c;
	uint8_t buf[TMSG_MAX];

	(void)state;
	assert_true(control_parses("00000001 01", &c));
	assert_int_equal(c.push.n_addrs, 0);
	assert_int_equal(c.push.mtu, 0);
	assert_false(c.push.multicast_route);
	assert_true(c.push.keepalive == 0 && c.push.rekey == 0);
	assert_true(control_parses("00000001 01 0021 0002 0001 ffff 0001 00 0021 0002 0002", &c));
	assert_int_equal(c.push.mtu, 2);
	/* what is not told is not written, and a keepalive below 1 ms doesn't become "not told" */
	c = (struct tmsg_control){ .id = 1, .type = TMSG_PUSH };
	assert_int_equal(tmsg_control_write(&c, buf, sizeof(buf)), 5 + 5);
	c.push.keepalive = c.push.rekey = 1;
	const size_t len = tmsg_control_write(&c, buf, sizeof(buf));

	assert_true(tmsg_control_parse(exact_copy(buf, len), len, &c));
	assert_true(c.push.keepalive == NSEC_PER_MSEC && c.push.rekey == NSEC_PER_MSEC);
}

static void
test_push_wrong_values(void **state)
{
	static const char *const wrong[] = {
		"0020 0000",
		"0020 0005 04 18 0a0800",
		"0020 0007 04 18 0a080014 00",
		"0020 0006 04 21 0a080014", /* /33 */
		"0020 0006 05 18 0a080014", /* family */
		"0020 0006 06 18 0a080014", /* family and length don't agree */
		"0020 0012 04 18 fd080000000000000000000000000020",
		"0020 0012 06 81 fd080000000000000000000000000020", /* /129 */
		"0020 0012 06 60 00000000000000000000ffff0a080014", /* IPv4-mapped */
		"0021 0001 05",
		"0021 0003 057800",
		"0022 0000",
		"0022 0001 02",
		"0022 0002 0001",
		"0023 0003 000000",
		"0023 0005 0000000000",
		"0024 0003 000000",
		"0024 0005 0000000000",
	};
	struct tmsg_control c;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct bytes d = hex("00000001 01");

		add_hex(&d, wrong[i]);
		if (tmsg_control_parse(exact_copy(d.b, d.n), d.n, &c))
			fail_msg("%s parsed", wrong[i]);
	}
	assert_true(control_parses(
		"00000001 01 0020 0006 04 20 0a080014 0020 0012 06 80 fd080000000000000000000000000020", &c));
	assert_true(control_parses("00000001 01 0020 0006 04 00 00000000 0023 0004 ffffffff", &c));
	assert_true(c.push.keepalive == UINT32_MAX * NSEC_PER_MSEC);
}

static void
test_push_most_addresses(void **state)
{
	struct tmsg_control c = a_push();
	uint8_t buf[TMSG_MAX];
	struct bytes d;

	(void)state;
	for (size_t i = 0; i < TMSG_MAX_ADDRS; i++)
		c.push.addrs[i] = c.push.addrs[1];
	c.push.n_addrs = TMSG_MAX_ADDRS;
	d.n = tmsg_control_write(&c, d.b, sizeof(d.b));
	assert_true(tmsg_control_parse(exact_copy(d.b, d.n), d.n, &c));
	assert_int_equal(c.push.n_addrs, TMSG_MAX_ADDRS);
	add_hex(&d, "0020 0006 04 18 0a080014");
	assert_false(tmsg_control_parse(exact_copy(d.b, d.n), d.n, &c));
	c.push.n_addrs = TMSG_MAX_ADDRS + 1;
	assert_int_equal(tmsg_control_write(&c, buf, sizeof(buf)), 0);
}

static void
test_control_write_refuses(void **state)
{
	struct tmsg_control c = a_push();
	uint8_t buf[TMSG_MAX];

	(void)state;
	c.push.addrs[0].len = 33;
	assert_int_equal(tmsg_control_write(&c, buf, sizeof(buf)), 0);
	c = a_push();
	c.push.addrs[1].len = 129;
	assert_int_equal(tmsg_control_write(&c, buf, sizeof(buf)), 0);
	c = a_push();
	c.push.keepalive = (UINT64_C(1) << 32) * NSEC_PER_MSEC;
	assert_int_equal(tmsg_control_write(&c, buf, sizeof(buf)), 0);
	c = a_push();
	c.push.rekey = (UINT64_C(1) << 32) * NSEC_PER_MSEC;
	assert_int_equal(tmsg_control_write(&c, buf, sizeof(buf)), 0);
	c = a_push();
	c.type = 3; /* unknown */
	assert_int_equal(tmsg_control_write(&c, buf, sizeof(buf)), 0);
}

static void
test_ack_bye_unknown(void **state)
{
	struct tmsg_control c = { .id = 5, .type = TMSG_BYE, .bye = { .reason = TMSG_REASON_REPLACED, .text = "x" } };
	const struct bytes bye = hex("00000005 02 0010 0002 0006 0011 0001 78"), ack = hex("00000005 00");
	uint8_t buf[TMSG_MAX];

	(void)state;
	assert_int_equal(tmsg_control_write(&c, buf, sizeof(buf)), bye.n);
	assert_memory_equal(buf, bye.b, bye.n);
	memset(&c, 0xff, sizeof(c));
	assert_true(tmsg_control_parse(exact_copy(bye.b, bye.n), bye.n, &c));
	assert_int_equal(c.bye.reason, TMSG_REASON_REPLACED);
	assert_string_equal(c.bye.text, "x");
	assert_false(control_parses("00000005 02 0010 0001 06", &c));

	c = (struct tmsg_control){ .id = 5, .type = TMSG_ACK };
	assert_int_equal(tmsg_control_write(&c, buf, sizeof(buf)), ack.n);
	assert_memory_equal(buf, ack.b, ack.n);
	assert_true(control_parses("ffffffff 00", &c));
	assert_int_equal(c.id, UINT32_MAX);
	assert_int_equal(c.type, TMSG_ACK);
	assert_true(control_parses("00000005 00 0020 0000", &c)); /* unknown in an ACK */
	assert_false(control_parses("00000005 00 0020", &c));
	assert_false(control_parses("00000005", &c));

	assert_true(control_parses("00000009 7f 00", &c)); /* an unknown type's body is its own */
	assert_int_equal(c.id, 9);
	assert_int_equal(c.type, 0x7f);
}

/* Whatever the bytes are: no read past the end, text ends, lists are within their arrays, and what was parsed can be
 * written and parsed again. */
static void
test_random_damage(void **state)
{
	const struct tmsg_control push = a_push();
	struct rng_seeded seeded;
	struct rng rng;

	(void)state;
	rng_seeded_init(&seeded, 6347, &rng);
	for (int i = 0; i < 100000; i++) {
		struct tmsg_control c, c2;
		struct tmsg_hello h, h2;
		uint8_t random[32];
		struct bytes d = hex(HELLO_RECORD);

		if (i % 3 == 0)
			d.n = tmsg_hello_write(TMSG_HELLO, &full_hello, d.b, sizeof(d.b));
		else if (i % 3 == 1)
			d.n = tmsg_control_write(&push, d.b, sizeof(d.b));
		for (unsigned k = rng_u32(&rng) % 4; k > 0; k--)
			d.b[rng_u32(&rng) % d.n] = (uint8_t)(rng_u32(&rng) >> rng_u32(&rng) % 8);
		if (rng_u32(&rng) % 3 == 0)
			d.n = rng_u32(&rng) % (d.n + 1);
		const uint8_t *p = exact_copy(d.b, d.n);

		(void)tmsg_client_hello(p, d.n, random);
		if (tmsg_hello_parse(TMSG_HELLO, p, d.n, &h)) {
			assert_true(h.receiver != 0 && h.n_aeads >= 1 && h.n_aeads <= TMSG_MAX_AEADS);
			d.n = tmsg_hello_write(TMSG_HELLO, &h, d.b, sizeof(d.b));
			assert_true(tmsg_hello_parse(TMSG_HELLO, d.b, d.n, &h2));
			assert_same_hello(&h, &h2);
		} else if (tmsg_control_parse(p, d.n, &c) && c.type <= TMSG_BYE) {
			assert_true(c.push.n_addrs <= TMSG_MAX_ADDRS && strlen(c.bye.text) <= TMSG_TEXT_MAX);
			d.n = tmsg_control_write(&c, d.b, sizeof(d.b));
			assert_true(tmsg_control_parse(d.b, d.n, &c2));
			assert_int_equal(c2.id, c.id);
			assert_int_equal(c2.push.n_addrs, c.push.n_addrs);
			assert_true(c2.push.keepalive == c.push.keepalive && c2.push.rekey == c.push.rekey);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classify),
		cmocka_unit_test(test_client_hello),
		cmocka_unit_test(test_not_a_client_hello),
		cmocka_unit_test(test_data_header),
		cmocka_unit_test(test_pad),
		cmocka_unit_test(test_hello_layout),
		cmocka_unit_test(test_hello_mandatory),
		cmocka_unit_test(test_hello_unknown_and_repeated),
		cmocka_unit_test(test_hello_wrong_lengths),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_hello_truncation),
		cmocka_unit_test(test_hello_write_refuses),
		cmocka_unit_test(test_longest_message),
		cmocka_unit_test(test_refuse),
		cmocka_unit_test(test_reason_text),
		cmocka_unit_test(test_push_layout),
		cmocka_unit_test(test_push_truncation),
		cmocka_unit_test(test_push_defaults),
		cmocka_unit_test(test_push_wrong_values),
		cmocka_unit_test(test_push_most_addresses),
		cmocka_unit_test(test_control_write_refuses),
		cmocka_unit_test(test_ack_bye_unknown),
		cmocka_unit_test(test_random_damage),
	};
	return cmocka_run_group_tests(tests, NULL, free_copy);
}
