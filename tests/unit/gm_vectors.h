/* Group membership messages written from the text of the RFCs (1112, 2236, 3376; 2710, 3810), and what is common to
 * their tests. */
#ifndef CASTSWITCH_TESTS_GM_VECTORS_H
#define CASTSWITCH_TESTS_GM_VECTORS_H

#include "castswitch/gm.h"

#include "wire_bytes.h"

static const struct gm_rules lenient = { .strict_router_alert = false };
static const struct gm_rules strict = { .strict_router_alert = true };

/* --- vectors --- */

#define SECONDS(n) ((n) * NSEC_PER_SEC)

struct vector {
	const char *name, *frame;
	enum gm_family family;
	enum gm_kind kind;
	uint8_t version;
	const char *src, *group; /* NULL = :: */
	nsec_t max_resp;
	bool s_flag;
	uint8_t qrv;
	nsec_t qqi;
	uint16_t n;
	bool foreign; /* has what gm_build() never writes */
};

static const struct vector vectors[] = {
	{ .name = "IGMPv1 general query",
	  .frame = "01005e000001 020000000001 0800"
		   "45c0001c 00004000 01028f1e 0a000001 e0000001"
		   "1100eeff 00000000",
	  .family = GM_IGMP, .kind = GM_QUERY, .version = 1, .src = "10.0.0.1", .max_resp = SECONDS(10) },
	{ .name = "IGMPv2 general query",
	  .frame = "01005e000001 020000000001 0800"
		   "46c00020 00004000 0102fa15 0a000001 e0000001 94040000"
		   "1164ee9b 00000000",
	  .family = GM_IGMP, .kind = GM_QUERY, .version = 2, .src = "10.0.0.1", .max_resp = SECONDS(10) },
	{ .name = "IGMPv2 group-specific query",
	  .frame = "01005e010203 020000000001 0800"
		   "46c00020 00004000 0102e912 0a000001 ef010203 94040000"
		   "110afdf0 ef010203",
	  .family = GM_IGMP, .kind = GM_QUERY, .version = 2, .src = "10.0.0.1", .group = "239.1.2.3",
	  .max_resp = SECONDS(1) },
	{ .name = "IGMPv3 general query, codes 0x8a = 26 << 3 and 0x8f = 31 << 3",
	  .frame = "01005e000001 020000000001 0800"
		   "46c00024 00004000 0102fa11 0a000001 e0000001 94040000"
		   "118aebe6 00000000 028f0000",
	  .family = GM_IGMP, .kind = GM_QUERY, .version = 3, .src = "10.0.0.1", .max_resp = SECONDS(208) / 10,
	  .qrv = 2, .qqi = SECONDS(248) },
	{ .name = "IGMPv3 group-and-source-specific query",
	  .frame = "01005e010203 020000000001 0800"
		   "46c0002c 00004000 0102e906 0a000001 ef010203 94040000"
		   "110a6e6d ef010203 0b7d0002 c0000201 c0000202",
	  .family = GM_IGMP, .kind = GM_QUERY, .version = 3, .src = "10.0.0.1", .group = "239.1.2.3",
	  .max_resp = SECONDS(1), .s_flag = true, .qrv = 3, .qqi = SECONDS(125), .n = 2 },
	{ .name = "IGMPv1 report",
	  .frame = "01005e010203 020000000001 0800"
		   "45c0001c 00004000 01027e08 0a000014 ef010203"
		   "1200fcfa ef010203",
	  .family = GM_IGMP, .kind = GM_REPORT_OLD, .version = 1, .src = "10.0.0.20", .group = "239.1.2.3" },
	{ .name = "IGMPv2 report",
	  .frame = "01005e010203 020000000001 0800"
		   "46c00020 00004000 0102e8ff 0a000014 ef010203 94040000"
		   "1600f8fa ef010203",
	  .family = GM_IGMP, .kind = GM_REPORT_OLD, .version = 2, .src = "10.0.0.20", .group = "239.1.2.3" },
	{ .name = "IGMPv2 leave",
	  .frame = "01005e000002 020000000001 0800"
		   "46c00020 00004000 0102fa01 0a000014 e0000002 94040000"
		   "1700f7fa ef010203",
	  .family = GM_IGMP, .kind = GM_LEAVE, .version = 2, .src = "10.0.0.20", .group = "239.1.2.3" },
	{ .name = "IGMPv2 leave to the group itself",
	  .frame = "01005e010203 020000000001 0800"
		   "46c00020 00004000 0102e8ff 0a000014 ef010203 94040000"
		   "1700f7fa ef010203",
	  .family = GM_IGMP, .kind = GM_LEAVE, .version = 2, .src = "10.0.0.20", .group = "239.1.2.3",
	  .foreign = true },
	{ .name = "IGMPv3 report",
	  .frame = "01005e000016 020000000001 0800"
		   "46c00038 00004000 0102f9d5 0a000014 e0000016 94040000"
		   "220078ef 00000002 04000000 ef010203 03000002 e8010101 c0000201 c0000202",
	  .family = GM_IGMP, .kind = GM_REPORT, .version = 3, .src = "10.0.0.20", .n = 2 },
	{ .name = "IGMPv3 report from 0.0.0.0 with auxiliary data and an unknown record type",
	  .frame = "01005e000016 020000000001 0800"
		   "46c00048 00004000 010203da 00000000 e0000016 94040000"
		   "22009245 00000003 06020001 ef010203 c0000209 deadbeef 01020304"
		   "63000001 e8010101 c0000201 02000000 e00000fb",
	  .family = GM_IGMP, .kind = GM_REPORT, .version = 3, .src = "0.0.0.0", .n = 3, .foreign = true },
	{ .name = "MLDv1 general query",
	  .frame = "333300000001 020000000001 86dd"
		   "60000000 00200001 fe800000 00000000 00000000 00000001 ff020000 00000000 00000000 00000001"
		   "3a000502 00000100 82005917 27100000 00000000 00000000 00000000 00000000",
	  .family = GM_MLD, .kind = GM_QUERY, .version = 1, .src = "fe80::1", .max_resp = SECONDS(10) },
	{ .name = "MLDv1 address-specific query",
	  .frame = "333300001234 020000000001 86dd"
		   "60000000 00200001 fe800000 00000000 00000000 00000001 ff3e0000 00000000 00000000 00001234"
		   "3a000502 00000100 8200585d 03e80000 ff3e0000 00000000 00000000 00001234",
	  .family = GM_MLD, .kind = GM_QUERY, .version = 1, .src = "fe80::1", .group = "ff3e::1234",
	  .max_resp = SECONDS(1) },
	{ .name = "MLDv2 general query, code 0x8123 = 0x1123 << 3",
	  .frame = "333300000001 020000000001 86dd"
		   "60000000 00240001 fe800000 00000000 00000000 00000001 ff020000 00000000 00000000 00000001"
		   "3a000502 00000100 8200fc82 81230000 00000000 00000000 00000000 00000000 027d0000",
	  .family = GM_MLD, .kind = GM_QUERY, .version = 2, .src = "fe80::1", .max_resp = 35096 * NSEC_PER_MSEC,
	  .qrv = 2, .qqi = SECONDS(125) },
	{ .name = "MLDv2 address-and-source-specific query",
	  .frame = "333300001234 020000000001 86dd"
		   "60000000 00340001 fe800000 00000000 00000000 00000001 ff3e0000 00000000 00000000 00001234"
		   "3a000502 00000100 82001b52 03e80000 ff3e0000 00000000 00000000 00001234 0f3c0001"
		   "20010db8 00000000 00000000 00000001",
	  .family = GM_MLD, .kind = GM_QUERY, .version = 2, .src = "fe80::1", .group = "ff3e::1234",
	  .max_resp = SECONDS(1), .s_flag = true, .qrv = 7, .qqi = SECONDS(60), .n = 1 },
	{ .name = "MLDv1 report from ::",
	  .frame = "333300001234 020000000001 86dd"
		   "60000000 00200001 00000000 00000000 00000000 00000000 ff3e0000 00000000 00000000 00001234"
		   "3a000502 00000100 830059c7 00000000 ff3e0000 00000000 00000000 00001234",
	  .family = GM_MLD, .kind = GM_REPORT_OLD, .version = 1, .group = "ff3e::1234" },
	{ .name = "MLDv1 done",
	  .frame = "333300000002 020000000001 86dd"
		   "60000000 00200001 fe800000 00000000 00000000 00000020 ff020000 00000000 00000000 00000002"
		   "3a000502 00000100 84006c94 00000000 ff3e0000 00000000 00000000 00001234",
	  .family = GM_MLD, .kind = GM_LEAVE, .version = 1, .src = "fe80::20", .group = "ff3e::1234" },
	{ .name = "MLDv2 report",
	  .frame = "333300000016 020000000001 86dd"
		   "60000000 00580001 fe800000 00000000 00000000 00000020 ff020000 00000000 00000000 00000016"
		   "3a000502 00000100 8f00fdc3 00000002 05000002 ff3e0000 00000000 00000000 00001234"
		   "20010db8 00000000 00000000 00000001 20010db8 00000000 00000000 00000002"
		   "04000000 ff050000 00000000 00000000 00000005",
	  .family = GM_MLD, .kind = GM_REPORT, .version = 2, .src = "fe80::20", .n = 2 },
	{ .name = "MLDv2 report from :: with auxiliary data",
	  .frame = "333300000016 020000000001 86dd"
		   "60000000 004c0001 00000000 00000000 00000000 00000000 ff020000 00000000 00000000 00000016"
		   "3a000502 00000100 8f00919b 00000002 01010001 ff3e0000 00000000 00000000 00001234"
		   "20010db8 00000000 00000000 00000001 deadbeef 02000000 ff020000 00000000 00000000 000000fb",
	  .family = GM_MLD, .kind = GM_REPORT, .version = 2, .n = 2, .foreign = true },
};

#define N_VECTORS (sizeof(vectors) / sizeof(vectors[0]))

static inline struct ipaddr
ip(const char *s)
{
	struct ipaddr a = IPADDR_ANY;

	if (s && !ipaddr_parse(s, &a))
		fail_msg("%s does not parse", s);
	return a;
}

static inline void
assert_ip(const struct ipaddr *a, const char *s)
{
	const struct ipaddr expected = ip(s);
	char buf[IPADDR_STRLEN];

	if (!ipaddr_equal(a, &expected))
		fail_msg("%s instead of %s", ipaddr_str(a, buf), s ? s : "::");
}

static inline const struct vector *
vector(const char *name)
{
	for (size_t i = 0; i < N_VECTORS; i++)
		if (strncmp(vectors[i].name, name, strlen(name)) == 0)
			return &vectors[i];
	fail_msg("no vector %s", name);
	return &vectors[0]; /* not reached, but the compiler cannot know */
}

static inline struct bytes
frame_of(const char *name)
{
	return hex(vector(name)->frame);
}

/* The verdict on a frame; -1 when frame_parse() already drops it or doesn't see IGMP or MLD. */
static inline int
verdict_of(const struct bytes *d, const struct gm_rules *rules, struct gm_msg *ret)
{
	struct frame f;

	if (parse_all(d, &f) != DROP_NONE || (f.control != FRAME_IGMP && f.control != FRAME_MLD))
		return -1;
	return (int)gm_parse(&f, rules, ret);
}

/* Walks everything there is; the counts must hold what they promise. */
static inline void
walk(struct gm_msg m)
{
	struct gm_record rec;
	struct ipaddr source;
	unsigned promised = m.n, seen = 0;

	if (m.kind == GM_QUERY) {
		while (gm_query_next_source(&m, &source))
			seen++;
	} else if (m.kind == GM_REPORT) {
		for (; gm_next_record(&m, &rec); seen++) {
			unsigned sources = rec.n;

			while (gm_record_next_source(&rec, &source))
				sources--;
			assert_int_equal(sources, 0);
		}
	}
	assert_int_equal(seen, promised);
}

#endif
