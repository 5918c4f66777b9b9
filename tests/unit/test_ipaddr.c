/* Addresses: classes, derived addresses, and text conversion checked against the C library's. */
#include "castswitch/ipaddr.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "castswitch/rng.h"

static struct ipaddr
ip(const char *s)
{
	struct ipaddr a;

	if (!ipaddr_parse(s, &a))
		fail_msg("%s does not parse", s);
	return a;
}

static bool
check(bool (*class)(const struct ipaddr *), const char *s)
{
	const struct ipaddr a = ip(s);

	return class(&a);
}

/* The inclusive ends of each range, and their neighbours outside. */
static void
test_classes(void **state)
{
	(void)state;
	assert_true(check(ipaddr_is_multicast, "224.0.0.0"));
	assert_true(check(ipaddr_is_multicast, "239.255.255.255"));
	assert_false(check(ipaddr_is_multicast, "223.255.255.255"));
	assert_false(check(ipaddr_is_multicast, "240.0.0.0"));
	assert_true(check(ipaddr_is_multicast, "ff00::"));
	assert_false(check(ipaddr_is_multicast, "fe80::1"));
	assert_false(check(ipaddr_is_multicast, "::e000:1"));

	assert_true(check(ipaddr_is_unspecified, "0.0.0.0"));
	assert_true(check(ipaddr_is_unspecified, "::"));
	assert_false(check(ipaddr_is_unspecified, "0.0.0.1"));
	assert_false(check(ipaddr_is_unspecified, "::1"));

	assert_true(check(ipaddr_is_link_local, "169.254.0.0"));
	assert_true(check(ipaddr_is_link_local, "169.254.255.255"));
	assert_false(check(ipaddr_is_link_local, "169.253.255.255"));
	assert_false(check(ipaddr_is_link_local, "169.255.0.0"));
	assert_true(check(ipaddr_is_link_local, "fe80::"));
	assert_true(check(ipaddr_is_link_local, "febf:ffff::"));
	assert_false(check(ipaddr_is_link_local, "fec0::"));
	assert_false(check(ipaddr_is_link_local, "fe7f:ffff::"));
}

static void
test_group_classes(void **state)
{
	(void)state;
	assert_true(check(ipaddr_group_always_floods, "224.0.0.0"));
	assert_true(check(ipaddr_group_always_floods, "224.0.0.255"));
	assert_false(check(ipaddr_group_always_floods, "224.0.1.0"));
	assert_false(check(ipaddr_group_always_floods, "223.255.255.255"));
	assert_true(check(ipaddr_group_always_floods, "ff02::1"));
	assert_false(check(ipaddr_group_always_floods, "ff02::2"));
	assert_true(check(ipaddr_group_always_floods, "ff02::1:2"));
	assert_false(check(ipaddr_group_always_floods, "ff02::1:3"));
	assert_true(check(ipaddr_group_always_floods, "ff02::1:ff00:0"));
	assert_true(check(ipaddr_group_always_floods, "ff02::1:ffff:ffff"));
	assert_false(check(ipaddr_group_always_floods, "ff02::1:fe00:0"));
	assert_false(check(ipaddr_group_always_floods, "ff05::1:ff00:0"));
	assert_false(check(ipaddr_group_always_floods, "ff02::fb"));

	assert_true(check(ipaddr_group_is_link_scope, "224.0.0.251"));
	assert_false(check(ipaddr_group_is_link_scope, "224.0.1.0"));
	assert_true(check(ipaddr_group_is_link_scope, "ff00::1"));
	assert_true(check(ipaddr_group_is_link_scope, "ff01::1"));
	assert_true(check(ipaddr_group_is_link_scope, "ff02::fb"));
	assert_true(check(ipaddr_group_is_link_scope, "ff12::1234"));
	assert_true(check(ipaddr_group_is_link_scope, "ff32::1234"));
	assert_false(check(ipaddr_group_is_link_scope, "ff03::1"));
	assert_false(check(ipaddr_group_is_link_scope, "ff0e::1"));
	assert_false(check(ipaddr_group_is_link_scope, "fe02::1"));

	assert_true(check(ipaddr_group_is_ssm, "232.0.0.0"));
	assert_true(check(ipaddr_group_is_ssm, "232.255.255.255"));
	assert_false(check(ipaddr_group_is_ssm, "231.255.255.255"));
	assert_false(check(ipaddr_group_is_ssm, "233.0.0.0"));
	assert_true(check(ipaddr_group_is_ssm, "ff3e::1"));
	assert_true(check(ipaddr_group_is_ssm, "ff30::"));
	assert_false(check(ipaddr_group_is_ssm, "ff2e::1"));
	assert_false(check(ipaddr_group_is_ssm, "ff3e:1::"));
	assert_false(check(ipaddr_group_is_ssm, "ff3e:0100::"));
}

static bool
contains(const char *prefix, const char *s)
{
	const struct ipaddr a = ip(s);
	struct ipprefix p;

	assert_true(ipprefix_parse(prefix, &p));
	return ipprefix_contains(&p, &a);
}

static void
test_prefix_contains(void **state)
{
	(void)state;
	assert_true(contains("10.8.0.0/24", "10.8.0.255"));
	assert_false(contains("10.8.0.0/24", "10.8.1.0"));
	assert_true(contains("10.8.0.128/25", "10.8.0.128"));
	assert_false(contains("10.8.0.128/25", "10.8.0.127"));
	assert_true(contains("10.8.0.5/24", "10.8.0.1")); /* host bits don't count */
	assert_true(contains("0.0.0.0/0", "255.255.255.255"));
	assert_false(contains("0.0.0.0/0", "::1"));
	assert_false(contains("::/0", "10.0.0.1"));
	assert_true(contains("::/0", "ff02::1"));
	assert_true(contains("10.0.0.1/32", "10.0.0.1"));
	assert_false(contains("10.0.0.1/32", "10.0.0.0"));
	assert_true(contains("fd08::1/128", "fd08::1"));
	assert_false(contains("fd08::1/128", "fd08::"));
	assert_true(contains("fd08::/7", "fc00::1"));
	assert_false(contains("fd08::/8", "fc00::1"));
	assert_true(contains("2001:db8::/33", "2001:db8:7fff::"));
	assert_false(contains("2001:db8::/33", "2001:db8:8000::"));
}

static void
test_derived_addresses(void **state)
{
	static const struct mac m = { { 0x02, 0x11, 0x22, 0x33, 0x44, 0x55 } };
	static const struct mac universal = { { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55 } };
	char buf[IPADDR_STRLEN], text[MAC_STRLEN];
	struct ipaddr a = ip("239.129.2.3");
	struct mac group = ipaddr_group_mac(&a);

	(void)state;
	assert_string_equal(mac_str(&group, text), "01:00:5e:01:02:03"); /* 23 bits only */
	a = ip("224.127.2.3");
	group = ipaddr_group_mac(&a);
	assert_string_equal(mac_str(&group, text), "01:00:5e:7f:02:03");
	a = ip("ff3e::89ab:cdef");
	group = ipaddr_group_mac(&a);
	assert_string_equal(mac_str(&group, text), "33:33:89:ab:cd:ef");
	a = ipaddr_link_local_of(&m);
	assert_string_equal(ipaddr_str(&a, buf), "fe80::11:22ff:fe33:4455");
	a = ipaddr_link_local_of(&universal);
	assert_string_equal(ipaddr_str(&a, buf), "fe80::211:22ff:fe33:4455");
}

static void
test_inline_helpers(void **state)
{
	struct mac m = { { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06 } };
	const struct ipaddr a = ipaddr_v4_u32(0xe0000016), any = IPADDR_ANY, zero = ipaddr_v4_u32(0);

	(void)state;
	assert_true(mac_u64(&m) == UINT64_C(0x010203040506));
	assert_true(mac_is_group(&m));
	assert_false(mac_is_broadcast(&m));
	memset(&m, 0xff, sizeof(m));
	assert_true(mac_is_broadcast(&m));
	m.b[5] = 0xfe;
	assert_false(mac_is_broadcast(&m));
	assert_int_equal(ipaddr_to_u32(&a), 0xe0000016);
	assert_true(ipaddr_is_v4(&zero));
	assert_false(ipaddr_is_v4(&any));
	assert_false(ipaddr_equal(&any, &zero));
}

/* --- text --- */

static void
test_mac_text(void **state)
{
	static const char *const bad[] = { "",
					   "aa:bb:cc:dd:ee",
					   "aa:bb:cc:dd:ee:ff:00",
					   "aa:bb:cc:dd:ee:f",
					   "aa:bb-cc:dd:ee:ff",
					   "aabb:cc:dd:ee:ff",
					   "aa:bb:cc:dd:ee:fg",
					   " aa:bb:cc:dd:ee:ff",
					   "aa:bb:cc:dd:ee:ff ",
					   "aabbccddeeff",
					   "aa:bb:cc:dd:ee:ff:",
					   "a:bb:cc:dd:ee:ff",
					   "aa.bb.cc.dd.ee.ff",
					   "0x:bb:cc:dd:ee:ff" };
	const struct mac expected = { { 0x0a, 0xbb, 0xcc, 0xdd, 0xee, 0xff } };
	struct mac m;
	char text[MAC_STRLEN];

	(void)state;
	assert_true(mac_parse("0A:bb:CC:dd:ee:ff", &m));
	assert_true(mac_equal(&m, &expected));
	assert_true(mac_parse("0a-bb-cc-dd-ee-ff", &m));
	assert_true(mac_equal(&m, &expected));
	assert_string_equal(mac_str(&m, text), "0a:bb:cc:dd:ee:ff");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (mac_parse(bad[i], &m))
			fail_msg("%s parsed", bad[i]);
	assert_true(mac_equal(&m, &expected)); /* untouched by failures */
}

/* What one may write, and its canonical form (RFC 5952 section 4). */
static void
test_canonical_forms(void **state)
{
	static const char *const forms[][2] = {
		{ "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "::", "::" },
		{ "::1", "::1" },
		{ "1::", "1::" },
		{ "0:0:0:0:0:0:0:0", "::" },
		{ "2001:DB8:0:0:0:0:0:1", "2001:db8::1" },
		{ "2001:0db8::0001", "2001:db8::1" },
		{ "2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1" }, /* a single group is not shortened */
		{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },         /* the longest run */
		{ "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },   /* the first of equal runs */
		{ "1:2:3:4:5:6:0:0", "1:2:3:4:5:6::" },
		{ "0:0:3:4:5:6:7:8", "::3:4:5:6:7:8" },
		{ "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0" },
		{ "::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "::ffff:c000:201", "192.0.2.1" },
		{ "64:ff9b::192.0.2.33", "64:ff9b::c000:221" },
		{ "1:2:3:4:5:6:7.8.9.10", "1:2:3:4:5:6:708:90a" },
		{ "::0.0.0.1", "::1" },
	};
	char buf[IPADDR_STRLEN];

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		const struct ipaddr a = ip(forms[i][0]);

		assert_string_equal(ipaddr_str(&a, buf), forms[i][1]);
	}
}

static const char *const bad_addresses[] = {
	"",
	".",
	":",
	":::",
	"1",
	"1.2.3",
	"1.2.3.4.",
	"1.2.3.4.5",
	"01.2.3.4",
	"1.2.3.010",
	"1.2.3.00",
	"256.1.1.1",
	"1.2.3.256",
	"1.2.3.-4",
	"+1.2.3.4",
	"1..2.3",
	" 1.2.3.4",
	"1.2.3.4 ",
	"0x1.2.3.4",
	"1.2.3.99999999999999999999",
	"1:2:3:4:5:6:7",
	"1:2:3:4:5:6:7:8:9",
	"1:2:3:4:5:6:7:",
	":1:2:3:4:5:6:7",
	"1::2::3",
	"12345::",
	"::12345",
	"::g",
	"1:2:3:4:5:6:7:8::",
	"::1:2:3:4:5:6:7:8",
	"1:2:3:4::5:6:7:8",
	"1:::2",
	"::1:",
	"fe80::1%2",
	"[::1]",
	"1:2:3:4:5:6:7:1.2.3.4",
	"::1.2.3",
	"::1.2.3.04",
	"::1.2.3.4:5",
	"::1.2.3.4.5",
	"1.2.3.4::",
	"::ffff:256.0.0.1",
};

static void
test_bad_addresses(void **state)
{
	uint8_t buf[16];
	struct ipaddr a = ip("192.0.2.1");
	const struct ipaddr before = a;

	(void)state;
	for (size_t i = 0; i < sizeof(bad_addresses) / sizeof(bad_addresses[0]); i++) {
		if (ipaddr_parse(bad_addresses[i], &a))
			fail_msg("%s parsed", bad_addresses[i]);
		/* the table itself against the C library */
		assert_int_not_equal(inet_pton(AF_INET, bad_addresses[i], buf), 1);
		assert_int_not_equal(inet_pton(AF_INET6, bad_addresses[i], buf), 1);
	}
	assert_true(ipaddr_equal(&a, &before));
}

/* A random IPv6 address with many zero groups, so that every kind of run occurs. */
static struct ipaddr
random_v6(const struct rng *rng)
{
	struct ipaddr a;
	const uint32_t zero = rng_u32(rng);

	rng_fill(rng, a.b, sizeof(a.b));
	for (int i = 0; i < 8; i++) {
		if (zero >> i & 1)
			a.b[2 * i] = a.b[2 * i + 1] = 0;
		else if (zero >> (8 + i) & 1)
			a.b[2 * i] = 0;
	}
	return a;
}

static void
test_text_agrees_with_libc(void **state)
{
	char ours[IPADDR_STRLEN], theirs[INET6_ADDRSTRLEN];
	struct ipaddr a, back;
	struct rng_seeded seeded;
	struct rng rng;

	(void)state;
	rng_seeded_init(&seeded, 5952, &rng);
	for (int i = 0; i < 20000; i++) {
		a = random_v6(&rng);
		/* ::a.b.c.d is deprecated (RFC 4291 2.5.5.1); the C library still writes it with dots */
		const bool dotted = strchr(inet_ntop(AF_INET6, a.b, theirs, sizeof(theirs)), '.') != NULL;

		if (!dotted)
			assert_string_equal(ipaddr_str(&a, ours), theirs);
		assert_true(ipaddr_parse(theirs, &back));
		assert_true(ipaddr_equal(&a, &back));
		assert_true(ipaddr_parse(ipaddr_str(&a, ours), &back));
		assert_true(ipaddr_equal(&a, &back));

		a = ipaddr_v4_u32(rng_u32(&rng) >> (i % 25));
		inet_ntop(AF_INET, a.b + 12, theirs, sizeof(theirs));
		assert_string_equal(ipaddr_str(&a, ours), theirs);
		assert_true(ipaddr_parse(theirs, &back));
		assert_true(ipaddr_equal(&a, &back));
	}
}

/* Random text out of the alphabet of addresses: both accept the same, with the same value. */
static void
test_random_text_agrees_with_libc(void **state)
{
	static const char alphabet[] = "0123456789abcdefF:::::::....%/ ";
	unsigned accepted = 0;
	struct rng_seeded seeded;
	struct rng rng;

	(void)state;
	rng_seeded_init(&seeded, 4291, &rng);
	for (int i = 0; i < 300000; i++) {
		char text[13];
		uint8_t v6[16], v4[4];
		struct ipaddr a;
		const size_t len = rng_u32(&rng) % sizeof(text);

		for (size_t k = 0; k < len; k++)
			text[k] = alphabet[rng_u32(&rng) % (sizeof(alphabet) - 1)];
		text[len] = '\0';
		const bool is_v6 = inet_pton(AF_INET6, text, v6) == 1, is_v4 = inet_pton(AF_INET, text, v4) == 1;

		if (ipaddr_parse(text, &a) != (is_v6 || is_v4))
			fail_msg("%s", text);
		if (is_v6)
			assert_memory_equal(a.b, v6, sizeof(v6));
		if (is_v4)
			assert_memory_equal(a.b + 12, v4, sizeof(v4));
		accepted += is_v6 || is_v4;
	}
	assert_true(accepted > 1000);
}

/* The parser looks at nothing behind the NUL. */
static void
test_every_prefix_of_a_text(void **state)
{
	static const char *const texts[] = { "2001:db8::1:192.0.2.1", "[fe80::1%12]:65535", "192.0.2.1/32",
					     "aa:bb:cc:dd:ee:ff" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		for (size_t len = 0; len <= strlen(texts[i]); len++) {
			char *copy = strndup(texts[i], len);
			struct endpoint e;
			struct ipprefix p;
			struct ipaddr a;
			struct mac m;

			(void)ipaddr_parse(copy, &a);
			(void)ipprefix_parse(copy, &p);
			(void)mac_parse(copy, &m);
			assert_int_equal(endpoint_parse(copy, &e), i == 1 && len >= 14);
			free(copy);
		}
	}
}

static void
test_prefix_text(void **state)
{
	static const char *const bad[] = { "10.0.0.1",
					   "10.0.0.1/",
					   "10.0.0.1/33",
					   "10.0.0.1/-1",
					   "10.0.0.1/024",
					   "10.0.0.1/24 ",
					   "10.0.0.1/24/8",
					   "/24",
					   "fd08::1/129",
					   "fd08::1/x",
					   "",
					   "::ffff:10.0.0.1/96",
					   "10.0.0.1/4294967320" };
	struct ipprefix p;
	char buf[IPADDR_STRLEN];

	(void)state;
	assert_true(ipprefix_parse("10.0.0.1/0", &p));
	assert_int_equal(p.len, 0);
	assert_true(ipprefix_parse("fd08::1/128", &p));
	assert_int_equal(p.len, 128);
	assert_true(ipprefix_parse("10.0.0.1/32", &p));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (ipprefix_parse(bad[i], &p))
			fail_msg("%s parsed", bad[i]);
	assert_int_equal(p.len, 32);
	assert_string_equal(ipaddr_str(&p.addr, buf), "10.0.0.1");
}

static void
test_endpoint_text(void **state)
{
	static const char *const same[] = { "192.0.2.1:22424",
					    "[2001:db8::1]:22424",
					    "[::]:0",
					    "0.0.0.0:65535",
					    "[fe80::1%2]:1",
					    "[fe80::1%4294967295]:1",
					    "[fe80:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535" };
	static const char *const bad[] = { "192.0.2.1",
					   "192.0.2.1:",
					   "192.0.2.1:65536",
					   "192.0.2.1:080",
					   "::1:22424",
					   "[::1]",
					   "[::1]22424",
					   "[::1]:",
					   "[::1:22424",
					   "::1]:22424",
					   "[]:1",
					   "[:1",
					   ":1",
					   "",
					   "[192.0.2.1]:1",
					   "[fe80::1%]:1",
					   "[fe80::1%0]:1",
					   "[fe80::1%4294967296]:1",
					   "[2001:db8::1%2]:1",
					   "[fe80::1%eth0]:1",
					   "[::1]:1 ",
					   "192.0.2.1:+1",
					   "[::ffff:169.254.0.1%2]:1" };
	struct endpoint e = { .port = 1 };
	char buf[ENDPOINT_STRLEN];

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		assert_true(endpoint_parse(same[i], &e));
		assert_string_equal(endpoint_str(&e, buf), same[i]);
	}
	const struct endpoint before = e;

	assert_int_equal(e.scope_id, UINT32_MAX);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (endpoint_parse(bad[i], &e))
			fail_msg("%s parsed", bad[i]);
	assert_true(endpoint_equal(&e, &before));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_group_classes),
		cmocka_unit_test(test_prefix_contains),
		cmocka_unit_test(test_derived_addresses),
		cmocka_unit_test(test_inline_helpers),
		cmocka_unit_test(test_mac_text),
		cmocka_unit_test(test_canonical_forms),
		cmocka_unit_test(test_bad_addresses),
		cmocka_unit_test(test_text_agrees_with_libc),
		cmocka_unit_test(test_random_text_agrees_with_libc),
		cmocka_unit_test(test_every_prefix_of_a_text),
		cmocka_unit_test(test_prefix_text),
		cmocka_unit_test(test_endpoint_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
