/* PIM hellos and Multicast Router Discovery: what they say, and each way of not being believed. */
#include "castswitch/routermsg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "castswitch/csum.h"

enum { PIM = 103, IGMP = 2, ICMPV6 = 58 };

struct packet {
	uint8_t b[128];
	size_t len;
	size_t l4;
};

static void
put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
sign(struct packet *p)
{
	const bool v4 = p->b[12] == 0x08;
	const size_t len = p->len - p->l4;
	struct ipaddr src = ipaddr_v4(p->b + 26), dst = ipaddr_v4(p->b + 30);
	uint64_t sum = 0;

	if (v4) {
		put16(p->b + 24, 0);
		put16(p->b + 24, csum_fold(csum_add(0, p->b + 14, 20)));
	} else {
		memcpy(src.b, p->b + 22, 16);
		memcpy(dst.b, p->b + 38, 16);
		sum = csum_pseudo(&src, &dst, p->b[20], (uint32_t)len);
	}
	put16(p->b + p->l4 + 2, 0);
	put16(p->b + p->l4 + 2, csum_fold(csum_add(sum, p->b + p->l4, len)));
}

/* A message in an IPv4 packet from 10.0.0.9 or an IPv6 packet from fe80::9, TTL 1. */
static struct packet
packet_of(uint8_t proto, bool v4, const void *message, size_t len)
{
	static const uint8_t eth4[] = { 1, 0, 0x5e, 0, 0, 13, 2, 0, 0, 0, 0, 9, 8, 0 };
	static const uint8_t eth6[] = { 0x33, 0x33, 0, 0, 0, 13, 2, 0, 0, 0, 0, 9, 0x86, 0xdd };
	struct packet p = { .l4 = v4 ? 34 : 54 };

	p.len = p.l4 + len;
	memcpy(p.b, v4 ? eth4 : eth6, 14);
	if (v4) {
		p.b[14] = 0x45;
		put16(p.b + 16, 20 + len);
		p.b[22] = 1;
		p.b[23] = proto;
		memcpy(p.b + 26, "\x0a\0\0\x09\xe0\0\0\x0d", 8);
	} else {
		p.b[14] = 0x60;
		put16(p.b + 18, len);
		p.b[20] = proto;
		p.b[21] = 1;
		memcpy(p.b + 22, "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x09", 16);
		memcpy(p.b + 38, "\xff\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\x0d", 16);
	}
	memcpy(p.b + p.l4, message, len);
	sign(&p);
	return p;
}

/* Seconds; -1 = says nothing. */
static long
life_of(struct packet p)
{
	struct frame f = { .data = p.b, .len = (uint32_t)p.len };
	nsec_t life = 42;

	assert_int_equal(frame_parse(&f), DROP_NONE);
	assert_true(f.control == FRAME_PIM || f.control == FRAME_MRD);
	if (routermsg_parse(&f, &life))
		return (long)(life / NSEC_PER_SEC);
	assert_int_equal(life, 42);
	return -1;
}

#define MESSAGE(proto, v4, text) packet_of(proto, v4, text, sizeof(text) - 1)

static void
test_hello(void **state)
{
	(void)state;
	for (int v4 = 0; v4 < 2; v4++) {
		assert_int_equal(life_of(MESSAGE(PIM, v4, "\x20\0\0\0\0\x01\0\x02\0\x69")), 105);
		assert_int_equal(life_of(MESSAGE(PIM, v4, "\x20\0\0\0\0\x01\0\x02\0\0")), 0);
		assert_int_equal(life_of(MESSAGE(PIM, v4, "\x20\0\0\0\0\x01\0\x02\xff\xff")), 65535);
		/* No holdtime; among other options; a longer one than it should be. */
		assert_int_equal(life_of(MESSAGE(PIM, v4, "\x20\0\0\0")), 105);
		assert_int_equal(
			life_of(MESSAGE(PIM, v4, "\x20\0\0\0\0\x13\0\x04\0\0\0\x01\0\x01\0\x02\0\x07\0\x14\0\0")), 7);
		assert_int_equal(life_of(MESSAGE(PIM, v4, "\x20\0\0\0\0\x01\0\x03\0\x08\0")), 8);
	}
}

static void
test_bad_hello(void **state)
{
	struct packet p = MESSAGE(PIM, true, "\x20\0\0\0\0\x01\0\x02\0\x69");
	struct packet q;

	(void)state;
	/* Other types and versions. */
	assert_int_equal(life_of(MESSAGE(PIM, true, "\x23\0\0\0\0\x01\0\x02\0\x69")), -1);
	assert_int_equal(life_of(MESSAGE(PIM, true, "\x10\0\0\0\0\x01\0\x02\0\x69")), -1);
	/* Options that run past the end. */
	assert_int_equal(life_of(MESSAGE(PIM, true, "\x20\0\0\0\0\x01\0\x02\0")), -1);
	assert_int_equal(life_of(MESSAGE(PIM, true, "\x20\0\0\0\0\x01\0\x03\0\x69")), -1);
	assert_int_equal(life_of(MESSAGE(PIM, true, "\x20\0\0\0\0\x01\0\x01\0")), -1);
	assert_int_equal(life_of(MESSAGE(PIM, true, "\x20\0\0\0\0\x01\0\x02\0\x69\0")), -1);
	assert_int_equal(life_of(MESSAGE(PIM, true, "\x20\0\0")), -1);
	/* Checksums of the message and of the IP header. */
	q = p;
	q.b[q.l4 + 9] ^= 1;
	assert_int_equal(life_of(q), -1);
	q = p;
	q.b[15] ^= 1;
	assert_int_equal(life_of(q), -1);
	q = MESSAGE(PIM, false, "\x20\0\0\0\0\x01\0\x02\0\x69");
	q.b[30] ^= 1;
	assert_int_equal(life_of(q), -1);
	/* From nobody; a fragment. */
	q = p;
	memset(q.b + 26, 0, 4);
	sign(&q);
	assert_int_equal(life_of(q), -1);
	q = p;
	q.b[20] = 0x20;
	sign(&q);
	assert_int_equal(life_of(q), -1);
}

static void
test_mrd(void **state)
{
	struct packet p = MESSAGE(IGMP, true, "\x30\x14\0\0\0\x7d\0\x02");

	(void)state;
	assert_int_equal(life_of(p), 60);
	assert_int_equal(life_of(MESSAGE(ICMPV6, false, "\x97\xb4\0\0\0\x7d\0\x02")), 540);
	assert_int_equal(life_of(MESSAGE(IGMP, true, "\x32\0\0\0")), 0);
	assert_int_equal(life_of(MESSAGE(ICMPV6, false, "\x99\0\0\0")), 0);
	assert_int_equal(life_of(MESSAGE(IGMP, true, "\x31\0\0\0")), -1);
	assert_int_equal(life_of(MESSAGE(ICMPV6, false, "\x98\0\0\0")), -1);
	/* Too short; an interval of 0. */
	assert_int_equal(life_of(MESSAGE(IGMP, true, "\x30\x14\0\0\0\x7d\0")), -1);
	assert_int_equal(life_of(MESSAGE(IGMP, true, "\x30\0\0\0\0\x7d\0\x02")), -1);
	/* From beyond the link. */
	p.b[22] = 2;
	sign(&p);
	assert_int_equal(life_of(p), -1);
	p.b[22] = 1;
	sign(&p);
	assert_int_equal(life_of(p), 60);
	p.b[p.l4 + 1] ^= 1;
	assert_int_equal(life_of(p), -1);
}

/* RFC 4286 5: what we send ourselves is a sound MRD message that says nothing of a router. */
static void
check_solicitation(enum gm_family family, const struct ipaddr *src, size_t want_len, const uint8_t message[4])
{
	static const struct mac own = { { 2, 0, 0, 0, 0, 0xff } };
	uint8_t buf[ROUTERMSG_SOLICITATION_MAX];
	const size_t len = routermsg_solicitation(family, &own, src, buf, sizeof(buf));
	struct frame f = { .data = buf, .len = (uint32_t)len };
	nsec_t life;

	assert_int_equal(len, want_len);
	assert_int_equal(frame_parse(&f), DROP_NONE);
	assert_int_equal(f.control, FRAME_MRD);
	assert_true(f.router_alert);
	assert_int_equal(f.hops, 1);
	assert_int_equal(f.ip_end, len);
	assert_true(ipaddr_equal(&f.ip_src, src));
	assert_true(mac_equal(&f.src, &own));
	const struct mac to = ipaddr_group_mac(&f.ip_dst);
	assert_true(mac_equal(&f.dst, &to));
	assert_memory_equal(buf + f.l4, message, 4);
	if (family == GM_IGMP)
		assert_int_equal(csum_fold(csum_add(0, buf + 14, 24)), 0);
	else
		assert_int_equal(csum_fold(csum_add(csum_pseudo(src, &f.ip_dst, ICMPV6, 4), buf + f.l4, 4)), 0);
	assert_false(routermsg_parse(&f, &life));
	assert_int_equal(routermsg_solicitation(family, &own, src, buf, len), len);
	assert_int_equal(routermsg_solicitation(family, &own, src, buf, len - 1), 0);
	assert_int_equal(routermsg_solicitation(family == GM_IGMP ? GM_MLD : GM_IGMP, &own, src, buf, sizeof(buf)), 0);
}

static void
test_solicitation(void **state)
{
	static const uint8_t igmp[4] = { 0x31, 0, 0xce, 0xff }, zero[4] = { 10, 0, 0, 1 };
	/* 0x9800 and the pseudo header: fe80::1, ff02::2, length 4, protocol 58. */
	static const uint8_t icmpv6[4] = { 152, 0, 0x6a, 0x3a };
	const struct ipaddr v4 = ipaddr_v4(zero), none = ipaddr_v4_u32(0), v6 = { { 0xfe, 0x80, [15] = 1 } };

	(void)state;
	check_solicitation(GM_IGMP, &v4, 42, igmp);
	check_solicitation(GM_IGMP, &none, 42, igmp);
	check_solicitation(GM_MLD, &v6, 66, icmpv6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_solicitation),
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_bad_hello),
		cmocka_unit_test(test_mrd),
	};

	return cmocka_run_group_tests_name("routermsg", tests, NULL, NULL);
}
