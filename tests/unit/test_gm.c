/* gm_parse(): the vectors, every drop reason, truncation, random damage. */
#include "castswitch/gm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "castswitch/rng.h"
#include "gm_vectors.h"

static int
verdict(const struct bytes *d)
{
	struct gm_msg m, untouched;
	int r;

	memset(&m, 0x5a, sizeof(m));
	memset(&untouched, 0x5a, sizeof(untouched));
	r = verdict_of(d, &lenient, &m);
	if (r != DROP_NONE)
		assert_memory_equal(&m, &untouched, sizeof(m));
	return r;
}

/* --- parsing what is right --- */

static void
test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_VECTORS; i++) {
		const struct vector *v = &vectors[i];
		const struct bytes d = hex(v->frame);
		struct gm_msg m;

		if (verdict_of(&d, &lenient, &m) != DROP_NONE)
			fail_msg("%s is refused", v->name);
		assert_int_equal(m.family, v->family);
		assert_int_equal(m.kind, v->kind);
		assert_int_equal(m.version, v->version);
		assert_ip(&m.src, v->src);
		assert_ip(&m.group, v->group);
		assert_true(m.max_resp == v->max_resp);
		assert_int_equal(m.s_flag, v->s_flag);
		assert_int_equal(m.qrv, v->qrv);
		assert_true(m.qqi == v->qqi);
		assert_int_equal(m.n, v->n);
	}
}

static struct gm_msg
message(const char *name)
{
	const struct bytes d = frame_of(name);
	struct gm_msg m;

	assert_int_equal(verdict_of(&d, &lenient, &m), DROP_NONE);
	return m;
}

static void
assert_record(struct gm_msg *m, uint8_t type, const char *group, const char *const *sources)
{
	struct gm_record rec;
	struct ipaddr source;

	assert_true(gm_next_record(m, &rec));
	assert_int_equal(rec.type, type);
	assert_ip(&rec.group, group);
	for (; *sources; sources++) {
		assert_true(gm_record_next_source(&rec, &source));
		assert_ip(&source, *sources);
	}
	assert_int_equal(rec.n, 0);
	assert_false(gm_record_next_source(&rec, &source));
}

static void
test_walk_igmp_report(void **state)
{
	struct gm_msg m = message("IGMPv3 report");
	struct gm_record rec;

	(void)state;
	assert_record(&m, GM_TO_EX, "239.1.2.3", (const char *const[]){ NULL });
	assert_record(&m, GM_TO_IN, "232.1.1.1", (const char *const[]){ "192.0.2.1", "192.0.2.2", NULL });
	assert_false(gm_next_record(&m, &rec));
	m = message("IGMPv3 report from 0.0.0.0");
	assert_record(&m, GM_BLOCK, "239.1.2.3", (const char *const[]){ "192.0.2.9", NULL });
	assert_record(&m, 99, "232.1.1.1", (const char *const[]){ "192.0.2.1", NULL });
	assert_record(&m, GM_IS_EX, "224.0.0.251", (const char *const[]){ NULL });
	assert_false(gm_next_record(&m, &rec));
}

static void
test_walk_mld_report(void **state)
{
	struct gm_msg m = message("MLDv2 report");
	struct gm_record rec;

	(void)state;
	assert_record(&m, GM_ALLOW, "ff3e::1234", (const char *const[]){ "2001:db8::1", "2001:db8::2", NULL });
	assert_record(&m, GM_TO_EX, "ff05::5", (const char *const[]){ NULL });
	assert_false(gm_next_record(&m, &rec));
	m = message("MLDv2 report from ::");
	assert_record(&m, GM_IS_IN, "ff3e::1234", (const char *const[]){ "2001:db8::1", NULL });
	assert_record(&m, GM_IS_EX, "ff02::fb", (const char *const[]){ NULL });
	assert_false(gm_next_record(&m, &rec));
}

/* A record whose sources were not walked doesn't shift the next one. */
static void
test_walk_is_independent_of_sources(void **state)
{
	struct gm_msg m = message("MLDv2 report");
	struct gm_record rec;

	(void)state;
	assert_true(gm_next_record(&m, &rec));
	assert_record(&m, GM_TO_EX, "ff05::5", (const char *const[]){ NULL });
}

static void
test_walk_query_sources(void **state)
{
	struct gm_msg m = message("IGMPv3 group-and-source");
	struct ipaddr source;

	(void)state;
	assert_true(gm_query_next_source(&m, &source));
	assert_ip(&source, "192.0.2.1");
	assert_true(gm_query_next_source(&m, &source));
	assert_ip(&source, "192.0.2.2");
	assert_false(gm_query_next_source(&m, &source));
	m = message("MLDv2 address-and-source");
	assert_true(gm_query_next_source(&m, &source));
	assert_ip(&source, "2001:db8::1");
	assert_false(gm_query_next_source(&m, &source));
	m = message("MLDv1 general");
	assert_false(gm_query_next_source(&m, &source));
}

/* An IPv4-mapped group in an MLD record must not pass for an IPv4 group. */
static void
test_mapped_group_in_mld(void **state)
{
	struct bytes d = frame_of("MLDv2 report");
	struct gm_msg m;

	(void)state;
	memcpy(d.b + 74, hex("00000000 00000000 0000ffff ef010203").b, 16);
	repair(&d, false);
	assert_int_equal(verdict_of(&d, &lenient, &m), DROP_NONE);
	assert_record(&m, GM_ALLOW, NULL, (const char *const[]){ "2001:db8::1", "2001:db8::2", NULL });
	assert_record(&m, GM_TO_EX, "ff05::5", (const char *const[]){ NULL });

	d = frame_of("MLDv1 report");
	memcpy(d.b + 38, hex("00000000 00000000 0000ffff ef010203").b, 16);
	memcpy(d.b + 70, d.b + 38, 16);
	repair(&d, false);
	assert_int_equal(verdict(&d), DROP_GM_GROUP);
}

/* Bytes behind the last record belong to the message (and its checksum), and padding behind the packet does not. */
static void
test_trailing_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_VECTORS; i++) {
		struct bytes d = hex(vectors[i].frame);
		struct gm_msg m;

		add_hex(&d, "ffffffffff");
		if (verdict_of(&d, &lenient, &m) != DROP_NONE)
			fail_msg("%s with padding", vectors[i].name);
		assert_int_equal(m.n, vectors[i].n);
		if (vectors[i].kind == GM_QUERY && vectors[i].version < (vectors[i].family == GM_IGMP ? 3 : 2))
			continue; /* their length tells the version */
		repair(&d, true);
		if (verdict_of(&d, &lenient, &m) != DROP_NONE)
			fail_msg("%s with trailing bytes", vectors[i].name);
		assert_int_equal(m.n, vectors[i].n);
		d.b[d.n - 1] ^= 1;
		assert_int_equal(verdict(&d), DROP_GM_CHECKSUM);
	}
}

/* --- what is refused; 'at' is counted from the start of the frame --- */

/* The verdict after the 'change' replaced what was there, with right checksums. */
static int
changed(const char *name, size_t at, const char *change)
{
	struct bytes d = frame_of(name);
	const struct bytes with = hex(change);

	assert_true(at + with.n <= d.n);
	memcpy(d.b + at, with.b, with.n);
	repair(&d, false);
	return verdict(&d);
}

/* The verdict on the first n bytes, with right lengths and checksums. */
static int
shortened(const char *name, size_t n)
{
	struct bytes d = frame_of(name);

	d.n = n;
	repair(&d, true);
	return verdict(&d);
}

enum { AT_TTL4 = 22, AT_SRC4 = 26, AT_DST4 = 30, AT_RA4 = 34, AT_IGMP = 38, AT_IGMP_V1 = 34 };
enum { AT_HOPS6 = 21, AT_SRC6 = 22, AT_DST6 = 38, AT_RA6 = 56, AT_MLD = 62, AT_MLD_GROUP = 70 };

static void
test_checksum(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_VECTORS; i++) {
		struct bytes d = hex(vectors[i].frame);

		d.b[d.n - 1] ^= 0x01;
		assert_int_equal(verdict(&d), DROP_GM_CHECKSUM);
		d.b[d.n - 1] ^= 0x01;
		if (vectors[i].family == GM_IGMP)
			d.b[AT_TTL4 + 3] ^= 0x01; /* the IP header's (RFC 4541 2.1.1) */
		else
			d.b[AT_SRC6 + 15] ^= 0x01; /* in the pseudo header */
		assert_int_equal(verdict(&d), DROP_GM_CHECKSUM);
	}
}

static void
test_hops(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_VECTORS; i++) {
		const size_t at = vectors[i].family == GM_IGMP ? AT_TTL4 : AT_HOPS6;

		assert_int_equal(changed(vectors[i].name, at, "00"), DROP_GM_HOPS);
		assert_int_equal(changed(vectors[i].name, at, "01"), DROP_NONE);
		assert_int_equal(changed(vectors[i].name, at, "02"), DROP_GM_HOPS);
		assert_int_equal(changed(vectors[i].name, at, "ff"), DROP_GM_HOPS);
	}
}

static void
test_router_alert(void **state)
{
	struct gm_msg m;

	(void)state;
	for (size_t i = 0; i < N_VECTORS; i++) {
		const struct vector *v = &vectors[i];
		struct bytes d = hex(v->frame);
		const bool has_alert = v->family == GM_MLD || v->version > 1;

		assert_int_equal(verdict_of(&d, &strict, &m), has_alert ? DROP_NONE : DROP_GM_NO_ROUTER_ALERT);
		if (v->family == GM_MLD)
			d.b[AT_RA6] = 0x1e; /* another option of the same length */
		else if (has_alert)
			memset(d.b + AT_RA4, 1, 4);
		repair(&d, false);
		assert_int_equal(verdict_of(&d, &lenient, &m),
				 v->family == GM_MLD ? DROP_GM_NO_ROUTER_ALERT : DROP_NONE);
		assert_int_equal(verdict_of(&d, &strict, &m), DROP_GM_NO_ROUTER_ALERT);
	}
	assert_int_equal(changed("MLDv2 report", AT_RA6 + 3, "01"), DROP_GM_NO_ROUTER_ALERT); /* not MLD's value */
}

static void
test_bad_headers_and_fragments(void **state)
{
	(void)state;
	assert_int_equal(changed("IGMPv2 report", AT_RA4 + 1, "05"), DROP_GM_BAD_HEADERS);
	assert_int_equal(changed("IGMPv2 report", AT_RA4 + 1, "00"), DROP_GM_BAD_HEADERS);
	assert_int_equal(changed("MLDv2 report", AT_RA6 + 1, "03"), DROP_GM_BAD_HEADERS);
	assert_int_equal(changed("IGMPv2 report", 20, "2000"), DROP_GM_FRAGMENT);
	assert_int_equal(changed("IGMPv2 report", 20, "0001"), DROP_GM_FRAGMENT);
	assert_int_equal(changed("IGMPv2 report", 20, "0000"), DROP_NONE);
	/* PadN becomes a fragment header: an atomic one passes, a first fragment does not */
	struct bytes d = frame_of("MLDv1 report");

	memmove(d.b + 70, d.b + 62, d.n - 62);
	d.n += 8;
	memcpy(d.b + 54, hex("2c00 0502 0000 0100 3a00 0000 0000 0000").b, 16);
	set16(&d, 18, 8 + 32);
	assert_int_equal(verdict(&d), DROP_NONE);
	d.b[65] = 1;
	assert_int_equal(verdict(&d), DROP_GM_FRAGMENT);
}

static void
test_igmp_source(void **state)
{
	static const char *const names[] = { "IGMPv2 general", "IGMPv2 report", "IGMPv3 report", "IGMPv2 leave" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(changed(names[i], AT_SRC4, "00000000"), DROP_NONE);
		assert_int_equal(changed(names[i], AT_SRC4, "a9fe0101"), DROP_NONE);
		assert_int_equal(changed(names[i], AT_SRC4, "7effffff"), DROP_NONE);
		assert_int_equal(changed(names[i], AT_SRC4, "7f000001"), DROP_GM_SOURCE);
		assert_int_equal(changed(names[i], AT_SRC4, "7fffffff"), DROP_GM_SOURCE);
		assert_int_equal(changed(names[i], AT_SRC4, "80000000"), DROP_NONE);
		assert_int_equal(changed(names[i], AT_SRC4, "dfffffff"), DROP_NONE);
		assert_int_equal(changed(names[i], AT_SRC4, "e0000001"), DROP_GM_SOURCE);
		assert_int_equal(changed(names[i], AT_SRC4, "efffffff"), DROP_GM_SOURCE);
		assert_int_equal(changed(names[i], AT_SRC4, "ffffffff"), DROP_GM_SOURCE);
	}
}

static void
test_mld_source(void **state)
{
	static const char *const names[] = { "MLDv2 report", "MLDv1 report", "MLDv1 done", "MLDv2 general query",
					     "MLDv1 address" };

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		const bool query = i >= 3;

		assert_int_equal(changed(names[i], AT_SRC6, "febf0000000000000000000000000001"), DROP_NONE);
		assert_int_equal(changed(names[i], AT_SRC6, "00000000000000000000000000000000"),
				 query ? DROP_GM_SOURCE : DROP_NONE);
		assert_int_equal(changed(names[i], AT_SRC6, "20010db8000000000000000000000001"), DROP_GM_SOURCE);
		assert_int_equal(changed(names[i], AT_SRC6, "00000000000000000000000000000001"), DROP_GM_SOURCE);
		assert_int_equal(changed(names[i], AT_SRC6, "fec00000000000000000000000000001"), DROP_GM_SOURCE);
		assert_int_equal(changed(names[i], AT_SRC6, "ff020000000000000000000000000001"), DROP_GM_SOURCE);
		assert_int_equal(changed(names[i], AT_SRC6, "00000000000000000000ffffa9fe0001"), DROP_GM_SOURCE);
	}
}

static void
test_igmp_destination(void **state)
{
	(void)state;
	assert_int_equal(changed("IGMPv1 general", AT_DST4, "e0000002"), DROP_GM_DESTINATION);
	assert_int_equal(changed("IGMPv2 general", AT_DST4, "e0000002"), DROP_GM_DESTINATION);
	assert_int_equal(changed("IGMPv3 general", AT_DST4, "ef010203"), DROP_GM_DESTINATION);
	assert_int_equal(changed("IGMPv2 group", AT_DST4, "e0000001"), DROP_NONE);
	assert_int_equal(changed("IGMPv2 group", AT_DST4, "e0000002"), DROP_GM_DESTINATION);
	assert_int_equal(changed("IGMPv3 group", AT_DST4, "e0000001"), DROP_NONE);
	assert_int_equal(changed("IGMPv3 group", AT_DST4, "ef010204"), DROP_GM_DESTINATION);
	assert_int_equal(changed("IGMPv1 report", AT_DST4, "e0000001"), DROP_GM_DESTINATION);
	assert_int_equal(changed("IGMPv2 report", AT_DST4, "e0000016"), DROP_GM_DESTINATION);
	assert_int_equal(changed("IGMPv2 leave", AT_DST4, "e0000001"), DROP_GM_DESTINATION);
	assert_int_equal(changed("IGMPv2 leave", AT_DST4, "ef010203"), DROP_NONE);
	assert_int_equal(changed("IGMPv2 leave", AT_DST4, "ef010204"), DROP_GM_DESTINATION);
	assert_int_equal(changed("IGMPv3 report", AT_DST4, "e0000002"), DROP_GM_DESTINATION);
	assert_int_equal(changed("IGMPv3 report", AT_DST4, "0a000001"), DROP_GM_DESTINATION);
}

static void
test_mld_destination(void **state)
{
	(void)state;
	assert_int_equal(changed("MLDv1 general", AT_DST6 + 15, "02"), DROP_GM_DESTINATION);
	assert_int_equal(changed("MLDv2 general", AT_DST6 + 1, "05"), DROP_GM_DESTINATION);
	assert_int_equal(changed("MLDv1 address", AT_DST6 + 15, "35"), DROP_GM_DESTINATION);
	assert_int_equal(changed("MLDv1 address", AT_DST6, "ff020000000000000000000000000001"), DROP_NONE);
	assert_int_equal(changed("MLDv2 address", AT_DST6, "ff020000000000000000000000000001"), DROP_NONE);
	assert_int_equal(changed("MLDv2 address", AT_DST6, "ff020000000000000000000000000002"), DROP_GM_DESTINATION);
	assert_int_equal(changed("MLDv1 report", AT_DST6 + 15, "35"), DROP_GM_DESTINATION);
	assert_int_equal(changed("MLDv1 done", AT_DST6 + 15, "01"), DROP_GM_DESTINATION);
	assert_int_equal(changed("MLDv1 done", AT_DST6, "ff3e0000000000000000000000001234"), DROP_GM_DESTINATION);
	assert_int_equal(changed("MLDv2 report", AT_DST6 + 15, "02"), DROP_GM_DESTINATION);
}

static void
test_group(void **state)
{
	(void)state;
	assert_int_equal(changed("IGMPv2 group", AT_IGMP + 4, "0a000001"), DROP_GM_GROUP);
	assert_int_equal(changed("IGMPv3 group", AT_IGMP + 4, "dfffffff"), DROP_GM_GROUP);
	assert_int_equal(changed("IGMPv2 report", AT_IGMP + 4, "f0000000"), DROP_GM_GROUP);
	assert_int_equal(changed("IGMPv1 report", AT_IGMP_V1 + 4, "00000000"), DROP_GM_GROUP);
	assert_int_equal(changed("IGMPv2 leave", AT_IGMP + 4, "00000000"), DROP_GM_GROUP);
	assert_int_equal(changed("MLDv1 address", AT_MLD_GROUP, "fe"), DROP_GM_GROUP);
	assert_int_equal(changed("MLDv1 report", AT_MLD_GROUP, "fe"), DROP_GM_GROUP);
	assert_int_equal(changed("MLDv1 done", AT_MLD_GROUP, "00000000000000000000000000000000"), DROP_GM_GROUP);
	/* a version 1 query's group is ignored; records are the caller's to check */
	assert_int_equal(changed("IGMPv1 general", AT_IGMP_V1 + 4, "0a000001"), DROP_NONE);
	assert_int_equal(changed("IGMPv3 report", AT_IGMP + 12, "0a000001"), DROP_NONE);
}

static void
test_type(void **state)
{
	(void)state;
	assert_int_equal(changed("IGMPv2 report", AT_IGMP, "18"), DROP_GM_TYPE);
	assert_int_equal(changed("IGMPv2 report", AT_IGMP, "15"), DROP_GM_TYPE);
	assert_int_equal(changed("IGMPv2 report", AT_IGMP, "ff"), DROP_GM_TYPE);
	assert_int_equal(changed("IGMPv2 report", AT_IGMP, "00"), DROP_GM_TYPE);
}

/* RFC 4541 2.1.1 (3): what is not known is not judged, as long as its IP header is sound: traceroutes (RFC 8487) have
 * other TTLs, for one. */
static void
test_unknown_type_of_any_form(void **state)
{
	struct bytes d = frame_of("IGMPv2 report");

	(void)state;
	d.b[AT_IGMP] = 0x1f;
	assert_int_equal(verdict(&d), DROP_GM_TYPE); /* with a wrong checksum */
	d.b[AT_TTL4] = 64;
	repair(&d, false);
	assert_int_equal(verdict(&d), DROP_GM_TYPE);
	d.n = AT_IGMP + 1;
	repair(&d, true);
	assert_int_equal(verdict(&d), DROP_GM_TYPE);
	d.b[AT_SRC4] ^= 1;
	assert_int_equal(verdict(&d), DROP_GM_CHECKSUM);
	d.n = AT_IGMP;
	repair(&d, true);
	assert_int_equal(verdict(&d), DROP_GM_TRUNCATED);
	assert_int_equal(shortened("IGMPv2 report", AT_IGMP + 1), DROP_GM_TRUNCATED);
}

/* Each message's shortest lengths, and one byte less. */
static void
test_lengths(void **state)
{
	(void)state;
	for (size_t n = AT_IGMP; n < AT_IGMP + 8; n++) {
		assert_int_equal(shortened("IGMPv2 general", n), DROP_GM_TRUNCATED);
		assert_int_equal(shortened("IGMPv2 report", n), DROP_GM_TRUNCATED);
		assert_int_equal(shortened("IGMPv3 report", n), DROP_GM_TRUNCATED);
	}
	/* RFC 3376 7.1: 8 bytes are version 1 or 2, from 12 on version 3, nothing between */
	assert_int_equal(shortened("IGMPv3 general", AT_IGMP + 8), DROP_NONE);
	for (size_t n = 9; n <= 11; n++)
		assert_int_equal(shortened("IGMPv3 general", AT_IGMP + n), DROP_GM_TRUNCATED);
	assert_int_equal(shortened("IGMPv3 general", AT_IGMP + 12), DROP_NONE);
	/* RFC 3810 8.1: 24 bytes are version 1, from 28 on version 2 */
	for (size_t n = 8; n <= 23; n++)
		assert_int_equal(shortened("MLDv2 general query", AT_MLD + n), DROP_GM_TRUNCATED);
	assert_int_equal(shortened("MLDv2 general query", AT_MLD + 24), DROP_NONE);
	for (size_t n = 25; n <= 27; n++)
		assert_int_equal(shortened("MLDv2 general query", AT_MLD + n), DROP_GM_TRUNCATED);
	assert_int_equal(shortened("MLDv2 general query", AT_MLD + 28), DROP_NONE);
	assert_int_equal(shortened("MLDv1 report", AT_MLD + 23), DROP_GM_TRUNCATED);
	assert_int_equal(shortened("MLDv1 done", AT_MLD + 23), DROP_GM_TRUNCATED);
	assert_int_equal(shortened("MLDv2 report", AT_MLD + 7), DROP_GM_TRUNCATED);
}

static void
test_counts_past_the_end(void **state)
{
	(void)state;
	assert_int_equal(changed("IGMPv3 group", AT_IGMP + 10, "0001"), DROP_NONE);
	assert_int_equal(changed("IGMPv3 group", AT_IGMP + 10, "0003"), DROP_GM_RECORDS);
	assert_int_equal(changed("IGMPv3 group", AT_IGMP + 10, "ffff"), DROP_GM_RECORDS);
	assert_int_equal(changed("MLDv2 address", AT_MLD + 26, "0002"), DROP_GM_RECORDS);
	assert_int_equal(changed("MLDv2 address", AT_MLD + 26, "ffff"), DROP_GM_RECORDS);
	/* number of records */
	assert_int_equal(changed("IGMPv3 report", AT_IGMP + 6, "0000"), DROP_NONE);
	assert_int_equal(changed("IGMPv3 report", AT_IGMP + 6, "0003"), DROP_GM_RECORDS);
	assert_int_equal(changed("IGMPv3 report", AT_IGMP + 6, "ffff"), DROP_GM_RECORDS);
	assert_int_equal(changed("MLDv2 report", AT_MLD + 6, "0003"), DROP_GM_RECORDS);
	/* sources of the last record */
	assert_int_equal(changed("IGMPv3 report", AT_IGMP + 18, "0003"), DROP_GM_RECORDS);
	assert_int_equal(changed("MLDv2 report", AT_MLD + 62, "0001"), DROP_GM_RECORDS);
	/* auxiliary words of the last record */
	assert_int_equal(changed("IGMPv3 report", AT_IGMP + 17, "01"), DROP_GM_RECORDS);
	assert_int_equal(changed("IGMPv3 report", AT_IGMP + 17, "ff"), DROP_GM_RECORDS);
	assert_int_equal(changed("MLDv2 report", AT_MLD + 61, "01"), DROP_GM_RECORDS);
}

/* The auxiliary length counts 32-bit words: exactly one more word makes it right. */
static void
test_aux_length_counts_words(void **state)
{
	struct bytes d = frame_of("IGMPv3 report");

	(void)state;
	d.b[AT_IGMP + 17] = 1;
	add_zeros(&d, 3);
	repair(&d, true);
	assert_int_equal(verdict(&d), DROP_GM_RECORDS);
	add_zeros(&d, 1);
	repair(&d, true);
	assert_int_equal(verdict(&d), DROP_NONE);
}

/* Version 2 codes are linear (RFC 2236 2.2), and so are MLDv1's (RFC 2710 3.4). */
static void
test_linear_codes_of_old_versions(void **state)
{
	struct bytes d = frame_of("IGMPv2 general");
	struct gm_msg m;

	(void)state;
	d.b[AT_IGMP + 1] = 0xff;
	repair(&d, false);
	assert_int_equal(verdict_of(&d, &lenient, &m), DROP_NONE);
	assert_int_equal(m.version, 2);
	assert_true(m.max_resp == 255 * 100 * NSEC_PER_MSEC);
	d.b[AT_IGMP + 1] = 0;
	repair(&d, false);
	assert_int_equal(verdict_of(&d, &lenient, &m), DROP_NONE);
	assert_int_equal(m.version, 1);
	assert_true(m.max_resp == SECONDS(10));
	d = frame_of("IGMPv3 general");
	d.b[AT_IGMP + 1] = 0;
	repair(&d, false);
	assert_int_equal(verdict_of(&d, &lenient, &m), DROP_NONE);
	assert_int_equal(m.version, 3);
	assert_true(m.max_resp == 0);
	d = frame_of("MLDv1 general");
	set16(&d, AT_MLD + 4, 0xffff);
	repair(&d, false);
	assert_int_equal(verdict_of(&d, &lenient, &m), DROP_NONE);
	assert_true(m.max_resp == 65535 * NSEC_PER_MSEC);
}

/* --- damage --- */

/* A cut frame, and one whose packet and message are cut with their lengths and checksums made to fit. */
static void
test_every_truncation(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_VECTORS; i++) {
		const struct bytes whole = hex(vectors[i].frame);
		const size_t message = vectors[i].family == GM_MLD ? 62 : 14 + (whole.b[14] & 0x0fu) * 4;
		struct gm_msg m;

		for (size_t n = 0; n < whole.n; n++) {
			struct bytes d = whole;

			d.n = n;
			assert_int_equal(verdict(&d), -1);
			if (n < message)
				continue;
			repair(&d, true);
			const int r = verdict_of(&d, &lenient, &m);

			assert_true(r == -1 || r == DROP_NONE || r == DROP_GM_TRUNCATED || r == DROP_GM_RECORDS);
			if (r == DROP_NONE)
				walk(m);
			/* Nothing but an older version's query or a query's trailing part may be left. */
			if (r == DROP_NONE && n < whole.n)
				assert_int_equal(vectors[i].kind, GM_QUERY);
		}
	}
}

static void
test_random_damage(void **state)
{
	struct rng_seeded seeded;
	unsigned parsed = 0;
	struct rng rng;

	(void)state;
	rng_seeded_init(&seeded, 3376, &rng);
	for (int i = 0; i < 100000; i++) {
		struct bytes d = hex(vectors[(size_t)i % N_VECTORS].frame);
		const unsigned changes = 1 + rng_u32(&rng) % 3;
		struct gm_msg m;

		for (unsigned k = 0; k < changes; k++)
			d.b[14 + rng_u32(&rng) % (d.n - 14)] = (uint8_t)(rng_u32(&rng) >> rng_u32(&rng) % 8);
		if (rng_u32(&rng) % 4 == 0)
			add_zeros(&d, rng_u32(&rng) % 40);
		repair(&d, rng_u32(&rng) % 4 == 0);
		if (verdict_of(&d, &lenient, &m) == DROP_NONE) {
			walk(m);
			parsed++;
		}
	}
	assert_in_range(parsed, 10000, 90000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_walk_igmp_report),
		cmocka_unit_test(test_walk_mld_report),
		cmocka_unit_test(test_walk_is_independent_of_sources),
		cmocka_unit_test(test_walk_query_sources),
		cmocka_unit_test(test_mapped_group_in_mld),
		cmocka_unit_test(test_trailing_bytes),
		cmocka_unit_test(test_checksum),
		cmocka_unit_test(test_hops),
		cmocka_unit_test(test_router_alert),
		cmocka_unit_test(test_bad_headers_and_fragments),
		cmocka_unit_test(test_igmp_source),
		cmocka_unit_test(test_mld_source),
		cmocka_unit_test(test_igmp_destination),
		cmocka_unit_test(test_mld_destination),
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_type),
		cmocka_unit_test(test_unknown_type_of_any_form),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_counts_past_the_end),
		cmocka_unit_test(test_aux_length_counts_words),
		cmocka_unit_test(test_linear_codes_of_old_versions),
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_random_damage),
	};
	return cmocka_run_group_tests(tests, NULL, free_copy);
}
