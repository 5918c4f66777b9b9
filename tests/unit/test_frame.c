/* frame_parse(): Ethernet, tags, IPv4 options, IPv6 extension headers, classes and control messages. */
#include "castswitch/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "castswitch/rng.h"
#include "wire_bytes.h"

#define SRC "020000000001 "
#define TO_HOST "020000000002 "
#define TO_ALL "ffffffffffff "
#define TO_GROUP4 "01005e010203 "
#define TO_GROUP6 "333300001234 "
#define IPV4 "0800 "
#define IPV6 "86dd "
#define UDP8 "1234567800080000 "

/* 10.0.0.1 -> 239.1.2.3, TOS 0xb8, TTL 32, UDP of 8 bytes */
#define UDP4 "45b8001c 00000000 20110000 0a000001 ef010203 " UDP8
/* fe80::1 -> ff3e::1234, traffic class 0xb8, hop limit 32, UDP of 8 bytes */
#define ADDRS6 "fe800000000000000000000000000001 ff3e0000000000000000000000001234 "
#define UDP6 "6b812345 0008 11 20 " ADDRS6 UDP8

static struct frame
parsed(const char *text)
{
	const struct bytes d = hex(text);
	struct frame f;

	assert_int_equal(parse_all(&d, &f), DROP_NONE);
	return f;
}

static enum drop_reason
dropped(const char *text)
{
	const struct bytes d = hex(text);
	struct frame f;

	return parse_all(&d, &f);
}

static void
assert_no_ip(const struct frame *f)
{
	assert_int_equal(f->l4, 0);
	assert_int_equal(f->ip_proto, 0);
	assert_int_equal(f->ip_end, 0);
	assert_int_equal(f->hops, 0);
	assert_int_equal(f->tos, 0);
	assert_int_equal(f->control, FRAME_DATA);
	assert_true(ipaddr_is_any(&f->ip_src));
	assert_true(ipaddr_is_any(&f->ip_dst));
}

/* --- Ethernet --- */

static void
test_runt(void **state)
{
	const struct bytes d = hex(TO_HOST SRC "0806");
	struct frame f;

	(void)state;
	for (size_t n = 0; n < 14; n++)
		assert_int_equal(parse_first(&d, n, &f), DROP_RUNT);
	assert_int_equal(parse_first(&d, 14, &f), DROP_NONE);
	assert_int_equal(f.l3, 14);
	assert_int_equal(f.ethertype, ETHERTYPE_ARP);
	assert_no_ip(&f);
}

static void
test_source_mac(void **state)
{
	(void)state;
	assert_int_equal(dropped(TO_HOST "000000000000 0806"), DROP_BAD_SOURCE_MAC);
	assert_int_equal(dropped(TO_HOST "010000000001 0806"), DROP_BAD_SOURCE_MAC);
	assert_int_equal(dropped(TO_HOST "ffffffffffff 0806"), DROP_BAD_SOURCE_MAC);
	assert_int_equal(dropped(TO_HOST "000000000001 0806"), DROP_NONE);
}

static void
test_classes(void **state)
{
	(void)state;
	assert_int_equal(parsed(TO_HOST SRC "0806").klass, FRAME_UNICAST);
	assert_int_equal(parsed(TO_ALL SRC "0806").klass, FRAME_BROADCAST);
	assert_int_equal(parsed("0180c2000000" SRC "0027").klass, FRAME_RESERVED);
	assert_int_equal(parsed("0180c200000f" SRC "88cc").klass, FRAME_RESERVED);
	assert_int_equal(parsed("0180c2000010" SRC "88cc").klass, FRAME_MULTICAST_OTHER);
	assert_int_equal(parsed("0180c2000100" SRC "88cc").klass, FRAME_MULTICAST_OTHER);
	assert_int_equal(parsed(TO_GROUP4 SRC "0806").klass, FRAME_MULTICAST_OTHER);
	assert_int_equal(parsed(TO_GROUP4 SRC IPV4 UDP4).klass, FRAME_MULTICAST_IP);
	assert_int_equal(parsed(TO_GROUP6 SRC IPV6 UDP6).klass, FRAME_MULTICAST_IP);
	assert_int_equal(parsed("030000000001" SRC IPV4 UDP4).klass, FRAME_MULTICAST_IP);
	/* the MAC decides about unicast and broadcast, also for IP groups */
	assert_int_equal(parsed(TO_HOST SRC IPV4 UDP4).klass, FRAME_UNICAST);
	assert_int_equal(parsed(TO_ALL SRC IPV4 UDP4).klass, FRAME_BROADCAST);
	/* group MAC, unicast IP destination */
	assert_int_equal(parsed(TO_GROUP4 SRC IPV4 "4500001c 00000000 20110000 0a000001 0a000002" UDP8).klass,
			 FRAME_MULTICAST_OTHER);
	/* ::ffff:239.1.2.3 in an IPv6 packet is no group */
	assert_int_equal(parsed("3333ef010203" SRC IPV6 "60000000 0008 11 20 fe800000000000000000000000000001"
				"00000000000000000000ffffef010203" UDP8)
				 .klass,
			 FRAME_MULTICAST_OTHER);
}

static void
test_tags(void **state)
{
	struct frame f = parsed(TO_GROUP4 SRC "8100 6064" IPV4 UDP4);

	(void)state;
	assert_true(f.tagged);
	assert_int_equal(f.vid, 100);
	assert_int_equal(f.l3, 18);
	assert_int_equal(f.l4, 38);
	assert_int_equal(f.ip_end, 46);
	assert_int_equal(f.klass, FRAME_MULTICAST_IP);

	f = parsed(TO_GROUP4 SRC "8100 e000" IPV4 UDP4); /* priority tag */
	assert_true(f.tagged);
	assert_int_equal(f.vid, 0);

	f = parsed(TO_GROUP4 SRC "8100 0064 8100 0065" IPV4 UDP4);
	assert_int_equal(f.vid, 100);
	assert_int_equal(f.l3, 22);
	assert_int_equal(f.l4, 42);

	f = parsed(TO_GROUP4 SRC "88a8 0064 8100 0065" IPV4 UDP4); /* a service tag is not our VLAN */
	assert_false(f.tagged);
	assert_int_equal(f.vid, 0);
	assert_int_equal(f.l3, 22);
	assert_int_equal(f.klass, FRAME_MULTICAST_IP);

	f = parsed(TO_GROUP4 SRC "8100 0064 8100 0065 8100 0066" IPV4 UDP4); /* a third tag ends the view */
	assert_int_equal(f.ethertype, ETHERTYPE_VLAN);
	assert_int_equal(f.l3, 22);
	assert_int_equal(f.klass, FRAME_MULTICAST_OTHER);
	assert_no_ip(&f);

	f = parsed(TO_GROUP4 SRC IPV4 UDP4);
	assert_false(f.tagged);
}

static void
test_bad_tags(void **state)
{
	const struct bytes d = hex(TO_HOST SRC "8100 0064 88a8 0065 0806");
	struct frame f;

	(void)state;
	for (size_t n = 14; n < 18; n++)
		assert_int_equal(parse_first(&d, n, &f), DROP_BAD_VLAN);
	for (size_t n = 18; n < 22; n++)
		assert_int_equal(parse_first(&d, n, &f), DROP_BAD_VLAN);
	assert_int_equal(parse_first(&d, 22, &f), DROP_NONE);
	assert_int_equal(dropped(TO_HOST SRC "8100 0fff 0806"), DROP_BAD_VLAN);
	assert_int_equal(dropped(TO_HOST SRC "8100 ffff 0806"), DROP_BAD_VLAN);
	assert_int_equal(dropped(TO_HOST SRC "8100 0001 8100 0fff 0806"), DROP_BAD_VLAN);
	assert_int_equal(parsed(TO_HOST SRC "8100 0ffe 0806").vid, 4094);
}

/* --- IPv4 --- */

static void
test_ipv4(void **state)
{
	const struct ipaddr src = ipaddr_v4_u32(0x0a000001), dst = ipaddr_v4_u32(0xef010203);
	const struct frame f = parsed(TO_GROUP4 SRC IPV4 UDP4 "000000"); /* padded */

	(void)state;
	assert_int_equal(f.l3, 14);
	assert_int_equal(f.l4, 34);
	assert_int_equal(f.ip_end, 42);
	assert_int_equal(f.ip_proto, 17);
	assert_int_equal(f.hops, 32);
	assert_int_equal(f.tos, 0xb8);
	assert_true(ipaddr_equal(&f.ip_src, &src));
	assert_true(ipaddr_equal(&f.ip_dst, &dst));
	assert_false(f.fragment || f.router_alert || f.bad_headers);
	assert_int_equal(f.control, FRAME_DATA);
	/* nothing behind the header */
	assert_int_equal(parsed(TO_HOST SRC IPV4 "45000014 00000000 20110000 0a000001 0a000002").l4, 0);
}

/* A broken header drops frames to groups that IP uses, and leaves others without IP metadata. */
static void
check_broken_ip(const char *ethertype_and_packet)
{
	static const struct {
		const char *dst;
		enum drop_reason reason;
		enum frame_class klass;
	} cases[] = {
		{ TO_GROUP4, DROP_BAD_IP, FRAME_MULTICAST_OTHER },
		{ TO_GROUP6, DROP_BAD_IP, FRAME_MULTICAST_OTHER },
		{ TO_HOST, DROP_NONE, FRAME_UNICAST },
		{ TO_ALL, DROP_NONE, FRAME_BROADCAST },
		{ "030000000001", DROP_NONE, FRAME_MULTICAST_OTHER },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bytes d = hex(cases[i].dst);
		struct frame f;

		add_hex(&d, SRC);
		add_hex(&d, ethertype_and_packet);
		assert_int_equal(parse_all(&d, &f), cases[i].reason);
		assert_int_equal(f.klass, cases[i].klass);
		assert_no_ip(&f);
	}
}

static void
test_broken_ipv4(void **state)
{
	(void)state;
	check_broken_ip(IPV4);
	check_broken_ip(IPV4 "4500001c 00000000 20110000 0a000001 ef0102");        /* cut short */
	check_broken_ip(IPV4 "6500001c 00000000 20110000 0a000001 ef010203" UDP8); /* version */
	check_broken_ip(IPV4 "4400001c 00000000 20110000 0a000001 ef010203" UDP8); /* header of 16 bytes */
	check_broken_ip(IPV4 "45000013 00000000 20110000 0a000001 ef010203" UDP8); /* total below the header */
	check_broken_ip(IPV4 "46000014 00000000 20110000 0a000001 ef010203" UDP8); /* same, with options */
	check_broken_ip(IPV4 "4500001d 00000000 20110000 0a000001 ef010203" UDP8); /* total past the frame */
	check_broken_ip(IPV4 "4f00003c 00000000 20110000 0a000001 ef010203" UDP8); /* options past the frame */
	check_broken_ip(IPV6 UDP4);
}

static void
check_option4(const char *options, bool router_alert, bool bad)
{
	struct bytes d = hex(TO_GROUP4 SRC IPV4 "47000024 00000000 01020000 0a000001 ef010203");
	struct frame f;

	add_hex(&d, options);
	add_hex(&d, "1600000000000000");
	assert_int_equal(parse_all(&d, &f), DROP_NONE);
	assert_int_equal(f.router_alert, router_alert);
	assert_int_equal(f.bad_headers, bad);
	assert_int_equal(f.l4, 42);
	assert_int_equal(f.control, FRAME_IGMP);
}

static void
test_ipv4_options(void **state)
{
	(void)state;
	check_option4("94040000 00000000", true, false);
	check_option4("01010101 94040000", true, false);
	check_option4("44040000 94040000", true, false);  /* another option first */
	check_option4("94040001 00000000", false, false); /* a value that is reserved */
	check_option4("00000000 94040000", false, false); /* behind the end of the list */
	check_option4("01010101 01010101", false, false);
	check_option4("94030000 00000000", false, true);
	check_option4("94050000 00000000", false, true);
	check_option4("44000000 94040000", false, true); /* length 0 would never end */
	check_option4("44010000 94040000", false, true);
	check_option4("44090000 94040000", false, true); /* past the header */
	check_option4("44080000 94040000", false, false);
	check_option4("01010101 01010144", false, true); /* no length byte */
	check_option4("01010101 01940400", false, true);
}

static void
test_ipv4_fragments(void **state)
{
	struct frame f = parsed(TO_GROUP4 SRC IPV4 "4500001c 00004000 20110000 0a000001 ef010203" UDP8);

	(void)state;
	assert_false(f.fragment); /* don't-fragment is not a fragment */
	assert_int_equal(f.l4, 34);
	f = parsed(TO_GROUP4 SRC IPV4 "4500001c 00002000 20110000 0a000001 ef010203" UDP8);
	assert_true(f.fragment); /* the first */
	assert_int_equal(f.l4, 34);
	f = parsed(TO_GROUP4 SRC IPV4 "4500001c 00000001 20110000 0a000001 ef010203" UDP8);
	assert_true(f.fragment); /* the last */
	assert_int_equal(f.l4, 0);
	assert_int_equal(f.ip_proto, 17);
	f = parsed(TO_GROUP4 SRC IPV4 "4500001c 00003000 20110000 0a000001 ef010203" UDP8);
	assert_true(f.fragment); /* the middle */
	assert_int_equal(f.l4, 0);
	/* IGMP in any fragment is for gm_parse() to refuse, whatever its bytes look like */
	f = parsed(TO_GROUP4 SRC IPV4 "4500001c 00000001 01020000 0a000001 ef010203" UDP8);
	assert_int_equal(f.control, FRAME_IGMP);
	f = parsed(TO_GROUP4 SRC IPV4 "4500001c 00002000 01020000 0a000001 ef010203 1300000000000000");
	assert_int_equal(f.control, FRAME_IGMP);
}

/* --- IPv6 --- */

static void
test_ipv6(void **state)
{
	const struct frame f = parsed(TO_GROUP6 SRC IPV6 UDP6 "000000");

	(void)state;
	assert_int_equal(f.l4, 54);
	assert_int_equal(f.ip_end, 62);
	assert_int_equal(f.ip_proto, 17);
	assert_int_equal(f.hops, 32);
	assert_int_equal(f.tos, 0xb8);
	assert_int_equal(f.ip_src.b[0], 0xfe);
	assert_int_equal(f.ip_src.b[15], 0x01);
	assert_int_equal(f.ip_dst.b[1], 0x3e);
	assert_int_equal(f.ip_dst.b[14], 0x12);
	assert_false(f.fragment || f.router_alert || f.bad_headers);
	assert_int_equal(parsed(TO_GROUP6 SRC IPV6 "60000000 0000 11 20" ADDRS6 "00").l4, 0);
	assert_int_equal(parsed(TO_GROUP6 SRC IPV6 "60000000 0000 3b 20" ADDRS6).ip_proto, 59);
}

static void
test_broken_ipv6(void **state)
{
	struct bytes d = hex(IPV6 UDP6);
	char cut[2 * 41 + 1] = { 0 };

	(void)state;
	for (size_t i = 0; i < 41; i++) {
		cut[2 * i] = "0123456789abcdef"[d.b[i] >> 4];
		cut[2 * i + 1] = "0123456789abcdef"[d.b[i] & 15];
	}
	check_broken_ip(IPV6);
	check_broken_ip(cut);                                    /* 39 of 40 bytes */
	check_broken_ip(IPV6 "40000000 0008 11 20" ADDRS6 UDP8); /* version */
	check_broken_ip(IPV6 "60000000 0009 11 20" ADDRS6 UDP8); /* payload past the frame */
	check_broken_ip(IPV6 "60000000 ffff 11 20" ADDRS6 UDP8);
	check_broken_ip(IPV4 UDP6);
}

struct chain_result {
	uint16_t l4;
	uint8_t proto;
	bool fragment, router_alert, bad;
};

/* An IPv6 packet with first next header 'next' and this payload. */
static void
check_chain(const char *next, const char *payload, struct chain_result expect)
{
	struct bytes d = hex(TO_GROUP6 SRC IPV6 "60000000 0000");
	const struct bytes body = hex(payload);
	struct frame f;

	add_hex(&d, next);
	add_hex(&d, "01" ADDRS6);
	set16(&d, 18, body.n);
	memcpy(d.b + d.n, body.b, body.n);
	d.n += body.n;
	assert_int_equal(parse_all(&d, &f), DROP_NONE);
	assert_int_equal(f.klass, FRAME_MULTICAST_IP);
	assert_int_equal(f.l4, expect.l4);
	assert_int_equal(f.ip_proto, expect.proto);
	assert_int_equal(f.fragment, expect.fragment);
	assert_int_equal(f.router_alert, expect.router_alert);
	assert_int_equal(f.bad_headers, expect.bad);
	/* the same, each byte less: reads nothing behind the end */
	for (size_t n = 0; n < body.n; n++) {
		set16(&d, 18, n);
		assert_int_equal(parse_first(&d, 54 + n, &f), DROP_NONE);
		assert_true(f.l4 == 0 || f.l4 < 54 + n);
	}
}

#define ALERT "05020000 0100 "
#define PADN "0104 00000000 "

static void
test_extension_headers(void **state)
{
	(void)state;
	check_chain("00", "1100" ALERT UDP8, (struct chain_result){ .l4 = 62, .proto = 17, .router_alert = true });
	check_chain("00", "1100 0100 05020000" UDP8,
		    (struct chain_result){ .l4 = 62, .proto = 17, .router_alert = true });
	check_chain("00", "1100 00000502 0000" UDP8,
		    (struct chain_result){ .l4 = 62, .proto = 17, .router_alert = true });
	check_chain("00", "1100 05020001 0100" UDP8, (struct chain_result){ .l4 = 62, .proto = 17 });
	check_chain("00", "1101" PADN "0000000000000000" UDP8, (struct chain_result){ .l4 = 70, .proto = 17 });
	check_chain("3c", "1100" ALERT UDP8,
		    (struct chain_result){ .l4 = 62, .proto = 17 }); /* not a hop-by-hop option */
	check_chain("2b", "1100 00000000 0000" UDP8, (struct chain_result){ .l4 = 62, .proto = 17 });
	check_chain("00", "3c00" ALERT "2b00" PADN "1100" PADN UDP8,
		    (struct chain_result){ .l4 = 78, .proto = 17, .router_alert = true });
	check_chain("33", "1101" PADN "00000000" UDP8, (struct chain_result){ .l4 = 0, .proto = 51 }); /* AH */
	check_chain("00", "3300" ALERT "1101" PADN "00000000" UDP8,
		    (struct chain_result){ .l4 = 0, .proto = 51, .router_alert = true });
	check_chain("3b", UDP8, (struct chain_result){ .l4 = 0, .proto = 59 }); /* RFC 8200 4.7 */
	check_chain("00", "3b00" ALERT, (struct chain_result){ .l4 = 0, .proto = 59, .router_alert = true });
	check_chain("fd", UDP8, (struct chain_result){ .l4 = 54, .proto = 253 });
}

static void
test_broken_extension_headers(void **state)
{
	(void)state;
	/* options past their header, and a Router Alert of a wrong length: the chain goes on */
	check_chain("00", "1100 05030000 0000" UDP8, (struct chain_result){ .l4 = 62, .proto = 17, .bad = true });
	check_chain("00", "1100 05010001 0100" UDP8, (struct chain_result){ .l4 = 62, .proto = 17, .bad = true });
	check_chain("00", "1100 01050000 0000" UDP8, (struct chain_result){ .l4 = 62, .proto = 17, .bad = true });
	check_chain("00", "1100 00000000 0001" UDP8, (struct chain_result){ .l4 = 62, .proto = 17, .bad = true });
	/* the header itself past the packet */
	check_chain("00", "1102" ALERT UDP8, (struct chain_result){ .l4 = 0, .proto = 17, .bad = true });
	check_chain("3c", "11ff" ALERT UDP8, (struct chain_result){ .l4 = 0, .proto = 17, .bad = true });
	check_chain("2c", "11000000 000000", (struct chain_result){ .l4 = 0, .proto = 44, .bad = true });
	check_chain("00", "", (struct chain_result){ .l4 = 0, .proto = 0, .bad = true });
	/* hop-by-hop options that are not first (RFC 8200 4.1) */
	check_chain("3c", "0000" PADN "1100" ALERT UDP8, (struct chain_result){ .l4 = 0, .proto = 0, .bad = true });
	/* eight headers are read, nine are not */
	check_chain("00",
		    "3c00" ALERT "3c00" PADN "3c00" PADN "3c00" PADN "3c00" PADN "3c00" PADN "3c00" PADN
		    "1100" PADN UDP8,
		    (struct chain_result){ .l4 = 118, .proto = 17, .router_alert = true });
	check_chain("00",
		    "3c00" ALERT "3c00" PADN "3c00" PADN "3c00" PADN "3c00" PADN "3c00" PADN "3c00" PADN "3c00" PADN
		    "1100" PADN UDP8,
		    (struct chain_result){ .l4 = 0, .proto = 60, .router_alert = true, .bad = true });
}

static void
test_ipv6_fragments(void **state)
{
	(void)state;
	check_chain("2c", "11000001 00000000" UDP8, (struct chain_result){ .l4 = 62, .proto = 17, .fragment = true });
	check_chain("2c", "11000008 00000000" UDP8, (struct chain_result){ .l4 = 0, .proto = 17, .fragment = true });
	check_chain("2c", "3c000009 00000000" UDP8, (struct chain_result){ .l4 = 0, .proto = 60, .fragment = true });
	/* an atomic fragment is whole (RFC 6946); the two reserved bits are ignored */
	check_chain("2c", "11000000 00000000" UDP8, (struct chain_result){ .l4 = 62, .proto = 17 });
	check_chain("2c", "11ff0006 00000000" UDP8, (struct chain_result){ .l4 = 62, .proto = 17 });
	/* an atomic one behind a real one doesn't hide it */
	check_chain("2c", "2c000001 00000000 11000000 00000000" UDP8,
		    (struct chain_result){ .l4 = 70, .proto = 17, .fragment = true });
}

/* --- control messages --- */

static int
control4(const char *dst_mac, const char *dst_ip, const char *proto, const char *payload)
{
	struct bytes d = hex(dst_mac);
	struct frame f;

	add_hex(&d, SRC IPV4 "4500001c 00000000 01");
	add_hex(&d, proto);
	add_hex(&d, "0000 0a000001");
	add_hex(&d, dst_ip);
	add_hex(&d, payload);
	add_zeros(&d, 7);
	assert_int_equal(parse_all(&d, &f), DROP_NONE);
	return f.control;
}

static int
control6(const char *dst_mac, const char *dst_ip, const char *next, const char *payload)
{
	struct bytes d = hex(dst_mac);
	struct frame f;

	add_hex(&d, SRC IPV6 "60000000 0010");
	add_hex(&d, next);
	add_hex(&d, "01 fe800000000000000000000000000001");
	add_hex(&d, dst_ip);
	add_hex(&d, payload);
	add_zeros(&d, 15);
	assert_int_equal(parse_all(&d, &f), DROP_NONE);
	return f.control;
}

#define GROUP4_IP "ef010203"
#define HOST4_IP "0a000002"
#define GROUP6_IP "ff3e0000000000000000000000001234"
#define HOST6_IP "fe800000000000000000000000000002"

static void
test_control_ipv4(void **state)
{
	(void)state;
	assert_int_equal(control4(TO_GROUP4, GROUP4_IP, "02", "11"), FRAME_IGMP);
	assert_int_equal(control4(TO_GROUP4, GROUP4_IP, "02", "22"), FRAME_IGMP);
	assert_int_equal(control4(TO_GROUP4, GROUP4_IP, "02", "2f"), FRAME_IGMP); /* unknown: gm_parse() says so */
	assert_int_equal(control4(TO_GROUP4, GROUP4_IP, "02", "12"), FRAME_IGMP);
	assert_int_equal(control4(TO_GROUP4, GROUP4_IP, "02", "13"), FRAME_DATA);
	assert_int_equal(control4(TO_GROUP4, GROUP4_IP, "02", "14"), FRAME_DATA);
	assert_int_equal(control4(TO_GROUP4, GROUP4_IP, "02", "15"), FRAME_IGMP);
	assert_int_equal(control4(TO_GROUP4, GROUP4_IP, "02", "30"), FRAME_MRD);
	assert_int_equal(control4(TO_GROUP4, GROUP4_IP, "02", "32"), FRAME_MRD);
	assert_int_equal(control4(TO_GROUP4, GROUP4_IP, "02", "33"), FRAME_IGMP);
	assert_int_equal(control4(TO_ALL, HOST4_IP, "02", "11"), FRAME_IGMP);
	assert_int_equal(control4(TO_HOST, GROUP4_IP, "02", "11"), FRAME_IGMP); /* a unicast copy */
	assert_int_equal(control4(TO_HOST, GROUP4_IP, "02", "30"), FRAME_DATA);
	assert_int_equal(control4(TO_HOST, HOST4_IP, "02", "11"), FRAME_DATA);
	assert_int_equal(control4("0180c2000001", GROUP4_IP, "02", "11"), FRAME_DATA);
	assert_int_equal(control4(TO_GROUP4, GROUP4_IP, "11", "11"), FRAME_DATA);
	assert_int_equal(control4(TO_GROUP4, GROUP4_IP, "3a", "82"), FRAME_DATA); /* no MLD in IPv4 */
	assert_int_equal(control4("01005e00000d", "e000000d", "67", "20"), FRAME_PIM);
	assert_int_equal(control4("01005e00000d", "e000000e", "67", "20"), FRAME_DATA);
	assert_int_equal(control4(TO_HOST, "e000000d", "67", "20"), FRAME_DATA);
	assert_int_equal(parsed(TO_GROUP4 SRC IPV4 "45000014 00000000 01020000 0a000001 ef010203").control, FRAME_IGMP);
}

static void
test_control_ipv6(void **state)
{
	static const char *const mld[] = { "82", "83", "84", "8f" }, *const mrd[] = { "97", "98", "99" };
	static const char *const data[] = { "81", "85", "86", "87", "88", "8e", "90", "96", "9a", "00" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(control6(TO_GROUP6, GROUP6_IP, "3a", mld[i]), FRAME_MLD);
		assert_int_equal(control6(TO_GROUP6, HOST6_IP, "3a", mld[i]), FRAME_MLD);
		assert_int_equal(control6(TO_HOST, GROUP6_IP, "3a", mld[i]), FRAME_MLD);
		assert_int_equal(control6(TO_HOST, HOST6_IP, "3a", mld[i]), FRAME_DATA);
		assert_int_equal(control6(TO_GROUP6, GROUP6_IP, "02", mld[i]), FRAME_DATA);
	}
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(control6(TO_GROUP6, GROUP6_IP, "3a", mrd[i]), FRAME_MRD);
		assert_int_equal(control6(TO_HOST, GROUP6_IP, "3a", mrd[i]), FRAME_DATA);
	}
	for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++)
		assert_int_equal(control6(TO_GROUP6, GROUP6_IP, "3a", data[i]), FRAME_DATA);
	/* behind extension headers, in a first fragment, and not in a later one */
	assert_int_equal(control6(TO_GROUP6, GROUP6_IP, "00", "3a00" ALERT "83"), FRAME_MLD);
	assert_int_equal(control6(TO_GROUP6, GROUP6_IP, "2c", "3a000001 00000000 83"), FRAME_MLD);
	assert_int_equal(control6(TO_GROUP6, GROUP6_IP, "2c", "3a000009 00000000 83"), FRAME_DATA);
	assert_int_equal(control6("33330000000d", "ff02000000000000000000000000000d", "67", "20"), FRAME_PIM);
	assert_int_equal(control6("33330000000d", "ff05000000000000000000000000000d", "67", "20"), FRAME_DATA);
	assert_int_equal(control6(TO_HOST, "ff02000000000000000000000000000d", "67", "20"), FRAME_DATA);
}

/* --- superframes --- */

static void
test_segments(void **state)
{
	static const struct {
		const char *l3;
		size_t header, payload;
		uint16_t size;
		unsigned segments;
	} cases[] = {
		{ "4500 0000 00000000 40060000 0a000001 0a000002", 20, 1000, 0, 1 },
		{ "4500 0000 00000000 40060000 0a000001 0a000002", 20, 1000, 1000, 1 },
		{ "4500 0000 00000000 40060000 0a000001 0a000002", 20, 1001, 1000, 2 },
		{ "4500 0000 00000000 40060000 0a000001 0a000002", 20, 2000, 1000, 2 },
		{ "4500 0000 00000000 40060000 0a000001 0a000002", 32, 2001, 1000, 3 },
		{ "4500 0000 00000000 40110000 0a000001 0a000002", 8, 3000, 1000, 3 },
		{ "4500 0000 00000000 40110000 0a000001 0a000002", 8, 0, 1000, 1 },
		{ "4500 0000 00000000 40060000 0a000001 0a000002", 20, 0, 1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bytes d = hex(TO_HOST SRC IPV4);
		struct frame f;

		add_hex(&d, cases[i].l3);
		add_zeros(&d, cases[i].header + cases[i].payload);
		set16(&d, 16, d.n - 14);
		d.b[46] = (uint8_t)(cases[i].header / 4 << 4); /* TCP's data offset */
		f.data = exact_copy(d.b, d.n);
		f.len = (uint32_t)d.n;
		f.gso.size = cases[i].size;
		assert_int_equal(frame_parse(&f), DROP_NONE);
		assert_int_equal(f.gso.size, cases[i].size);
		assert_int_equal(frame_segments(&f), cases[i].segments);
	}
}

/* The data offset and the lengths of a superframe may lie. */
static void
test_segments_of_nonsense(void **state)
{
	struct bytes d = hex(TO_HOST SRC IPV4 "45000020 00000000 40060000 0a000001 0a000002 ffffffffffffffffffffffff");
	struct frame f;

	(void)state;
	f.data = exact_copy(d.b, d.n);
	f.len = (uint32_t)d.n;
	f.gso.size = 1;
	assert_int_equal(frame_parse(&f), DROP_NONE);
	assert_in_range(frame_segments(&f), 1, d.n);
	d = hex(TO_HOST SRC "0806");
	f.data = exact_copy(d.b, d.n);
	f.len = (uint32_t)d.n;
	assert_int_equal(frame_parse(&f), DROP_NONE);
	assert_int_equal(frame_segments(&f), 1);
}

static void
test_ip_end_saturates(void **state)
{
	const size_t n = 18 + 65535;
	uint8_t *p = calloc(1, n);
	const struct bytes start = hex(TO_HOST SRC "8100 0001" IPV4 "4500ffff 00000000 40060000 0a000001 0a000002");
	struct frame f = { .data = p, .len = (uint32_t)n, .gso.size = 1000 };

	(void)state;
	assert_non_null(p);
	memcpy(p, start.b, start.n);
	p[50] = 0x50;
	assert_int_equal(frame_parse(&f), DROP_NONE);
	assert_int_equal(f.ip_end, 65535);
	assert_int_equal(f.l4, 38);
	assert_int_equal(frame_segments(&f), 66); /* 65495 bytes */
	free(p);
}

/* Whatever the bytes are, metadata stays inside the frame. */
static void
test_random_frames(void **state)
{
	static const char *const seeds[] = { TO_GROUP4 SRC IPV4 UDP4, TO_GROUP6 SRC IPV6 UDP6,
					     TO_GROUP4 SRC "8100 0064" IPV4
							   "47000024 00000000 01020000 0a000001 ef010203"
							   "01940400 00000000 1600000000000000",
					     TO_GROUP6 SRC IPV6 "60000000 0020 00 01" ADDRS6 "3c00" ALERT "2c00" PADN
								"3a000001 00000000 8300000000000000" };
	struct rng_seeded seeded;
	struct rng rng;

	(void)state;
	rng_seeded_init(&seeded, 791, &rng);
	for (int i = 0; i < 100000; i++) {
		struct bytes d = hex(seeds[i % 4]);
		const unsigned changes = rng_u32(&rng) % 6;
		struct frame f;

		for (unsigned k = 0; k < changes; k++)
			d.b[12 + rng_u32(&rng) % (d.n - 12)] = (uint8_t)rng_u32(&rng);
		const size_t n = rng_u32(&rng) % 4 ? d.n : rng_u32(&rng) % (d.n + 1);

		if (parse_first(&d, n, &f) != DROP_NONE)
			continue;
		assert_true(f.l3 >= 14 && f.l3 <= n);
		assert_true(f.ip_end <= n && (f.ip_end == 0 || f.ip_end >= f.l3 + 20));
		assert_true(f.l4 == 0 || (f.l4 >= f.l3 + 20 && f.l4 < f.ip_end));
		f.gso.size = 1;
		assert_in_range(frame_segments(&f), 1, n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runt),
		cmocka_unit_test(test_source_mac),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_bad_tags),
		cmocka_unit_test(test_ipv4),
		cmocka_unit_test(test_broken_ipv4),
		cmocka_unit_test(test_ipv4_options),
		cmocka_unit_test(test_ipv4_fragments),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_broken_ipv6),
		cmocka_unit_test(test_extension_headers),
		cmocka_unit_test(test_broken_extension_headers),
		cmocka_unit_test(test_ipv6_fragments),
		cmocka_unit_test(test_control_ipv4),
		cmocka_unit_test(test_control_ipv6),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_segments_of_nonsense),
		cmocka_unit_test(test_ip_end_saturates),
		cmocka_unit_test(test_random_frames),
	};
	return cmocka_run_group_tests(tests, NULL, free_copy);
}
