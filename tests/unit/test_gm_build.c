/* gm_build(): the vectors byte for byte, round trips, what it refuses; the floating-point codes at every edge. */
#include "castswitch/gm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "gm_vectors.h"

/* Parses a vector and builds it again from what was parsed. */
static size_t
rebuild(const struct vector *v, uint8_t *buf, size_t cap)
{
	const struct bytes d = hex(v->frame);
	struct ipaddr sources[8];
	struct gm_build_record records[4];
	size_t n_sources = 0, n_records = 0;
	struct gm_msg m;

	assert_int_equal(verdict_of(&d, &lenient, &m), DROP_NONE);
	struct gm_build b = { .family = m.family,
			      .kind = m.kind,
			      .version = m.version,
			      .eth_src = { { 2, 0, 0, 0, 0, 1 } },
			      .ip_src = m.src,
			      .group = m.group,
			      .max_resp = m.max_resp,
			      .s_flag = m.s_flag,
			      .qrv = m.qrv,
			      .qqi = m.qqi,
			      .sources = sources,
			      .records = records };

	if (m.kind == GM_REPORT) {
		struct gm_record rec;

		while (gm_next_record(&m, &rec)) {
			records[n_records++] =
				(struct gm_build_record){ rec.type, rec.group, &sources[n_sources], rec.n };
			while (gm_record_next_source(&rec, &sources[n_sources]))
				n_sources++;
		}
		b.n_records = (uint16_t)n_records;
	} else {
		while (gm_query_next_source(&m, &sources[n_sources]))
			n_sources++;
		b.n_sources = (uint16_t)n_sources;
	}
	return gm_build(&b, buf, cap);
}

/* Byte for byte, and not into one byte less. */
static void
test_build_vectors(void **state)
{
	uint8_t buf[256];

	(void)state;
	for (size_t i = 0; i < N_VECTORS; i++) {
		const struct bytes d = hex(vectors[i].frame);

		if (vectors[i].foreign)
			continue;
		assert_int_equal(rebuild(&vectors[i], buf, sizeof(buf)), d.n);
		assert_memory_equal(buf, d.b, d.n);
		for (size_t cap = 1; cap < d.n; cap++) {
			uint8_t *small = malloc(cap); /* of exactly that size, for the sanitizer */

			assert_int_equal(rebuild(&vectors[i], small, cap), 0);
			free(small);
		}
		assert_int_equal(rebuild(&vectors[i], buf, d.n), d.n);
	}
}

static struct gm_build
a_query(enum gm_family family, uint8_t version)
{
	return (struct gm_build){ .family = family,
				  .kind = GM_QUERY,
				  .version = version,
				  .eth_src = { { 2, 0, 0, 0, 0, 1 } },
				  .ip_src = ip(family == GM_IGMP ? "10.0.0.1" : "fe80::1"),
				  .max_resp = SECONDS(10),
				  .qrv = 2,
				  .qqi = SECONDS(125) };
}

static struct gm_msg
built(const struct gm_build *b)
{
	struct bytes d;
	struct gm_msg m;

	d.n = gm_build(b, d.b, sizeof(d.b));
	assert_true(d.n > 0);
	assert_int_equal(verdict_of(&d, &lenient, &m), DROP_NONE);
	return m;
}

static void
test_build_destination_mac(void **state)
{
	const struct mac host = { { 2, 0, 0, 0, 0, 9 } };
	struct gm_build b = a_query(GM_IGMP, 3);
	uint8_t buf[128];

	(void)state;
	assert_int_not_equal(gm_build(&b, buf, sizeof(buf)), 0);
	assert_memory_equal(buf, "\x01\x00\x5e\x00\x00\x01", 6);
	b.eth_dst = &host;
	assert_int_not_equal(gm_build(&b, buf, sizeof(buf)), 0);
	assert_memory_equal(buf, host.b, 6);
	assert_memory_equal(buf + 30, "\xe0\x00\x00\x01", 4); /* the IP destination stays the group */
}

static void
test_build_values_at_their_edges(void **state)
{
	struct gm_build b = a_query(GM_IGMP, 2);

	(void)state;
	b.max_resp = 0; /* code 0 would be version 1 */
	assert_int_equal(built(&b).version, 2);
	assert_true(built(&b).max_resp == 100 * NSEC_PER_MSEC);
	b.max_resp = SECONDS(26);
	assert_true(built(&b).max_resp == 255 * 100 * NSEC_PER_MSEC);
	b = a_query(GM_IGMP, 3);
	b.max_resp = SECONDS(100000);
	b.qqi = UINT64_MAX;
	assert_true(built(&b).max_resp == UINT64_C(31744) * 100 * NSEC_PER_MSEC);
	assert_true(built(&b).qqi == SECONDS(31744));
	b.max_resp = SECONDS(12) + 899 * NSEC_PER_MSEC; /* 128.99 tenths */
	assert_true(built(&b).max_resp == 128 * 100 * NSEC_PER_MSEC);
	b.qrv = 7;
	assert_int_equal(built(&b).qrv, 7);
	b.qrv = 9;
	assert_int_equal(built(&b).qrv, 0);
	b = a_query(GM_MLD, 1);
	b.max_resp = SECONDS(66);
	assert_true(built(&b).max_resp == 65535 * NSEC_PER_MSEC);
	b.version = 2;
	b.max_resp = UINT64_MAX;
	assert_true(built(&b).max_resp == UINT64_C(8387584) * NSEC_PER_MSEC);
	b = a_query(GM_IGMP, 3);
	b.ip_src = IPADDR_ANY;
	const struct gm_msg from_any = built(&b);

	assert_ip(&from_any.src, "0.0.0.0");
}

static void
test_build_refuses(void **state)
{
	const struct ipaddr v4 = ip("192.0.2.1"), v6 = ip("2001:db8::1");
	const struct gm_build good = a_query(GM_IGMP, 3), good6 = a_query(GM_MLD, 2);
	struct gm_build b = good;
	uint8_t buf[256];

	(void)state;
	b.group = ip("10.0.0.1");
	assert_int_equal(gm_build(&b, buf, sizeof(buf)), 0);
	b.group = ip("ff02::5");
	assert_int_equal(gm_build(&b, buf, sizeof(buf)), 0);
	b = good;
	b.ip_src = v6;
	assert_int_equal(gm_build(&b, buf, sizeof(buf)), 0);
	b = good;
	b.sources = &v6;
	b.n_sources = 1;
	assert_int_equal(gm_build(&b, buf, sizeof(buf)), 0);
	b.sources = &v4;
	assert_int_not_equal(gm_build(&b, buf, sizeof(buf)), 0);
	b = good6;
	b.ip_src = v4;
	assert_int_equal(gm_build(&b, buf, sizeof(buf)), 0);
	b = good6;
	b.sources = &v4;
	b.n_sources = 1;
	assert_int_equal(gm_build(&b, buf, sizeof(buf)), 0);
	/* version 1 has no leave and no group-specific query */
	b = a_query(GM_IGMP, 1);
	assert_int_not_equal(gm_build(&b, buf, sizeof(buf)), 0);
	b.group = ip("239.1.2.3");
	assert_int_equal(gm_build(&b, buf, sizeof(buf)), 0);
	b.kind = GM_LEAVE;
	assert_int_equal(gm_build(&b, buf, sizeof(buf)), 0);
	b.kind = GM_REPORT_OLD;
	b.group = IPADDR_ANY;
	assert_int_equal(gm_build(&b, buf, sizeof(buf)), 0);
}

/* A frame of 65535 bytes is the longest. */
static void
test_build_longest(void **state)
{
	enum { MOST = (65535 - 14 - 24 - 12) / 4 };
	static struct ipaddr sources[MOST + 1];
	static uint8_t buf[70000];
	struct gm_build b = a_query(GM_IGMP, 3);
	struct frame f;
	struct gm_msg m;

	(void)state;
	for (size_t i = 0; i <= MOST; i++)
		sources[i] = ipaddr_v4_u32(0x0a000000 + (uint32_t)i);
	b.group = ip("239.1.2.3");
	b.sources = sources;
	b.n_sources = MOST + 1;
	assert_int_equal(gm_build(&b, buf, sizeof(buf)), 0);
	b.n_sources = MOST;
	f = (struct frame){ .data = buf, .len = (uint32_t)gm_build(&b, buf, sizeof(buf)) };
	assert_in_range(f.len, 65535 - 3, 65535);
	assert_int_equal(frame_parse(&f), DROP_NONE);
	assert_int_equal(gm_parse(&f, &strict, &m), DROP_NONE);
	assert_int_equal(m.n, MOST);
	walk(m);
}

/* --- codes --- */

static void
test_code8_edges(void **state)
{
	/* count, code, and what the code stands for */
	static const struct {
		uint32_t count;
		uint8_t code;
		uint32_t back;
	} cases[] = {
		{ 0, 0x00, 0 },         { 1, 0x01, 1 },         { 127, 0x7f, 127 },     { 128, 0x80, 128 },
		{ 135, 0x80, 128 },     { 136, 0x81, 136 },     { 247, 0x8e, 240 },     { 248, 0x8f, 248 },
		{ 255, 0x8f, 248 },     { 256, 0x90, 256 },     { 271, 0x90, 256 },     { 272, 0x91, 272 },
		{ 496, 0x9f, 496 },     { 512, 0xa0, 512 },     { 1023, 0xaf, 992 },    { 1024, 0xb0, 1024 },
		{ 16383, 0xef, 15872 }, { 16384, 0xf0, 16384 }, { 31743, 0xfe, 30720 }, { 31744, 0xff, 31744 },
		{ 31745, 0xff, 31744 }, { 32767, 0xff, 31744 }, { 32768, 0xff, 31744 }, { UINT32_MAX, 0xff, 31744 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(gm_code8_encode(cases[i].count), cases[i].code);
		assert_int_equal(gm_code8_decode(cases[i].code), cases[i].back);
	}
}

static void
test_code16_edges(void **state)
{
	static const struct {
		uint32_t count;
		uint16_t code;
		uint32_t back;
	} cases[] = {
		{ 0, 0x0000, 0 },
		{ 10000, 0x2710, 10000 },
		{ 32767, 0x7fff, 32767 },
		{ 32768, 0x8000, 32768 },
		{ 32775, 0x8000, 32768 },
		{ 32776, 0x8001, 32776 },
		{ 65528, 0x8fff, 65528 },
		{ 65535, 0x8fff, 65528 },
		{ 65536, 0x9000, 65536 },
		{ 4194304, 0xf000, 4194304 },
		{ 4194303, 0xefff, 4193792 },
		{ 8387583, 0xfffe, 8386560 },
		{ 8387584, 0xffff, 8387584 },
		{ 8388607, 0xffff, 8387584 },
		{ 8388608, 0xffff, 8387584 },
		{ UINT32_MAX, 0xffff, 8387584 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(gm_code16_encode(cases[i].count), cases[i].code);
		assert_int_equal(gm_code16_decode(cases[i].code), cases[i].back);
	}
}

/* Every code comes back from its value, and the codes rise. */
static void
test_codes_are_their_own_inverse(void **state)
{
	uint32_t last = 0;

	(void)state;
	for (unsigned code = 0; code <= UINT8_MAX; code++) {
		const uint32_t count = gm_code8_decode((uint8_t)code);

		assert_int_equal(gm_code8_encode(count), code);
		assert_true(code == 0 || count > last);
		last = count;
	}
	for (unsigned code = 0; code <= UINT16_MAX; code++) {
		const uint32_t count = gm_code16_decode((uint16_t)code);

		assert_int_equal(gm_code16_encode(count), code);
		assert_true(code == 0 || count > last);
		last = count;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_build_vectors),
		cmocka_unit_test(test_build_destination_mac),
		cmocka_unit_test(test_build_values_at_their_edges),
		cmocka_unit_test(test_build_refuses),
		cmocka_unit_test(test_build_longest),
		cmocka_unit_test(test_code8_edges),
		cmocka_unit_test(test_code16_edges),
		cmocka_unit_test(test_codes_are_their_own_inverse),
	};
	return cmocka_run_group_tests(tests, NULL, free_copy);
}
