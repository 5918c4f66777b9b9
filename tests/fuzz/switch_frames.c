/* The universe of the switch target and its frames, see switch_frames.h. */
#include "fuzz/switch_frames.h"

#include <string.h>

#include "castswitch/csum.h"
#include "castswitch/cursor.h"
#include "castswitch/frame.h"
#include "fuzz/fuzz.h"

enum { PROTO_IGMP = 2, PROTO_UDP = 17, PROTO_ICMPV6 = 58, PROTO_PIM = 103 };

/* --- the universe --- */

struct mac
frames_host_mac(uint8_t host)
{
	return (struct mac){ { 2, 0, 0, 0, 0, host } };
}

struct ipaddr
frames_host_address(uint8_t host, bool v6)
{
	const struct ipaddr link_local = { { 0xfe, 0x80, [15] = host } };

	if (host == 0)
		return v6 ? IPADDR_ANY : ipaddr_v4_u32(0);
	return v6 ? link_local : ipaddr_v4_u32(0x0a000000u | host);
}

static const uint32_t groups_v4[UNIVERSE_GROUPS] = {
	0xef010200, 0xef010201, 0xef010202, 0xef010203, 0xe8010204, 0xe8010205, /* 239.1.2.x, 232.1.2.x */
	0xef810200, 0xe1010201,                                                 /* the MACs of the first two */
	0xe1000001, 0xef8000fb, /* the MACs of 224.0.0.1 and 224.0.0.251 */
	0xe0000001, 0xe00000fb, 0xe0000016, 0xe0000100, 0xffffffff, 0x0a000009,
};

static const struct ipaddr groups_v6[UNIVERSE_GROUPS] = {
	{ { 0xff, 0x0e, [13] = 1 } },
	{ { 0xff, 0x0e, [13] = 1, [15] = 1 } },
	{ { 0xff, 0x05, [13] = 1, [15] = 2 } },
	{ { 0xff, 0x15, [13] = 1, [15] = 3 } },
	{ { 0xff, 0x3e, [15] = 4 } },
	{ { 0xff, 0x3e, [15] = 5 } },
	{ { 0xff, 0x0e, [5] = 1, [13] = 1 } }, /* the MACs of the first two */
	{ { 0xff, 0x1e, [13] = 1, [15] = 1 } },
	{ { 0xff, 0x02, [15] = 0xfb } }, /* floods until somebody reports it */
	{ { 0xff, 0x12, [15] = 0xfb } },
	{ { 0xff, 0x02, [15] = 1 } }, /* always floods */
	{ { 0xff, 0x02, [13] = 1, [15] = 2 } },
	{ { 0xff, 0x02, [11] = 1, [12] = 0xff, [15] = 1 } },
	{ { 0xff, 0x01, [15] = 1 } },
	{ { 0xff, 0x0f, [10] = 0xff, [11] = 0xff, [12] = 0xef, [13] = 1, [14] = 2 } },
	{ { 0xfe, 0x80, [15] = 9 } },
};

struct ipaddr
frames_group(uint8_t group, bool v6)
{
	group %= UNIVERSE_GROUPS;
	return v6 ? groups_v6[group] : ipaddr_v4_u32(groups_v4[group]);
}

struct ipaddr
frames_source(unsigned source, bool v6)
{
	const struct ipaddr global = { { 0x20, 0x01, 0x0d, 0xb8, [15] = (uint8_t)source } };

	return v6 ? global : ipaddr_v4_u32(0x0a090900u | (source & 0xff));
}

/* --- headers --- */

static void
put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
write_eth(struct wcur *w, const struct mac *dst, uint8_t host, uint16_t ethertype)
{
	const struct mac src = frames_host_mac(host);

	wcur_bytes(w, dst->b, sizeof(dst->b));
	wcur_bytes(w, src.b, sizeof(src.b));
	wcur_u16(w, ethertype);
}

/* An IP header; TTL or hop limit 1, since only messages of routers look at it. */
static void
write_ip(struct wcur *w, const struct ipaddr *src, const struct ipaddr *dst, bool v6, uint8_t proto, size_t len)
{
	uint8_t *ip = w->p;

	if (v6) {
		wcur_u32(w, 0x60000000);
		wcur_u16(w, len);
		wcur_u8(w, proto);
		wcur_u8(w, 1);
		wcur_bytes(w, src->b, 16);
		wcur_bytes(w, dst->b, 16);
		return;
	}
	wcur_u16(w, 0x4500);
	wcur_u16(w, 20 + len);
	wcur_zero(w, 4);
	wcur_u8(w, 1);
	wcur_u8(w, proto);
	wcur_zero(w, 2);
	wcur_bytes(w, src->b + 12, 4);
	wcur_bytes(w, dst->b + 12, 4);
	put16(ip + 10, csum_fold(csum_add(0, ip, 20)));
}

/* The outer tag first. */
static size_t
tags_of(const struct frames_from *from, uint8_t tags[8])
{
	static const uint8_t ready[8][8] = {
		[VLAN_PRIORITY] = { 0x81, 0, 0xe0, 0 },
		[VLAN_1] = { 0x81, 0, 0, 1 },
		[VLAN_10] = { 0x81, 0, 0, 10 },
		[VLAN_20_PRIORITY] = { 0x81, 0, 0xb0, 20 },
		[VLAN_OF_HOST] = { 0x81, 0, 1 },
		[VLAN_10_INNER_20] = { 0x81, 0, 0, 10, 0x81, 0, 0, 20 },
		[VLAN_SERVICE_10_INNER_20] = { 0x88, 0xa8, 0, 10, 0x81, 0, 0, 20 },
	};

	memcpy(tags, ready[from->vlan], 8);
	if (from->vlan == VLAN_OF_HOST)
		tags[3] = from->host;
	return from->vlan == VLAN_NONE ? 0 : from->vlan >= VLAN_10_INNER_20 ? 8 : 4;
}

size_t
frames_tag(uint8_t *out, const struct frames_from *from, size_t len)
{
	uint8_t tags[8];
	const size_t n = tags_of(from, tags);

	if (len < ETH_HDR_LEN)
		return len;
	memmove(out + 12 + n, out + 12, len - 12);
	memcpy(out + 12, tags, n);
	return len + n;
}

/* --- data --- */

size_t
frames_udp(uint8_t *out, const struct frames_from *from, uint8_t group, uint8_t mac_of, unsigned source)
{
	const struct ipaddr dst = frames_group(group, from->v6), src = frames_source(source, from->v6);
	const struct ipaddr alias = frames_group(mac_of, from->v6);
	const struct mac mac = ipaddr_group_mac(&alias);
	struct wcur w = wcur_of(out, FRAMES_MAX);

	write_eth(&w, &mac, from->host, from->v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
	write_ip(&w, &src, &dst, from->v6, PROTO_UDP, 8);
	wcur_zero(&w, 8);
	FUZZ_CHECK(!w.failed);
	return frames_tag(out, from, wcur_len(&w));
}

size_t
frames_other(uint8_t *out, const struct frames_from *from, const struct mac *dst, bool ip, uint8_t group)
{
	const struct ipaddr to = frames_group(group, from->v6), src = frames_host_address(from->host, from->v6);
	struct wcur w = wcur_of(out, FRAMES_MAX);

	write_eth(&w, dst, from->host, !ip ? 0x88b5 : from->v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
	if (ip)
		write_ip(&w, &src, &to, from->v6, PROTO_UDP, 8);
	wcur_zero(&w, 8);
	FUZZ_CHECK(!w.failed);
	return frames_tag(out, from, wcur_len(&w));
}

/* --- group membership --- */

static struct gm_build
message_of(const struct frames_from *from, enum gm_kind kind)
{
	return (struct gm_build){
		.family = from->v6 ? GM_MLD : GM_IGMP,
		.kind = kind,
		.version = from->v6 ? 2 : 3,
		.eth_src = frames_host_mac(from->host),
		.ip_src = frames_host_address(from->host, from->v6),
	};
}

static size_t
build(uint8_t *out, const struct frames_from *from, const struct gm_build *b)
{
	return frames_tag(out, from, gm_build(b, out, FRAMES_MAX - 8));
}

static uint16_t
sources_of(uint8_t mask, uint8_t run, bool v6, struct ipaddr *ret)
{
	uint16_t n = 0;

	for (unsigned i = 0; i < UNIVERSE_SOURCES; i++)
		if (mask >> i & 1)
			ret[n++] = frames_source(i, v6);
	for (unsigned i = 0; i < run && i < FRAMES_RUN_MAX; i++)
		ret[n++] = frames_source(UNIVERSE_SOURCES + i, v6);
	return n;
}

size_t
frames_report(uint8_t *out, const struct frames_from *from, const struct frames_record records[2])
{
	struct gm_build b = message_of(from, GM_REPORT);
	struct ipaddr sources[2][UNIVERSE_SOURCES + FRAMES_RUN_MAX];
	struct gm_build_record built[2];

	for (unsigned i = 0; i < 2; i++) {
		const struct frames_record *r = &records[i];

		if (!r->type)
			continue;
		built[b.n_records++] = (struct gm_build_record){
			.type = r->type,
			.group = frames_group(r->group, from->v6),
			.sources = sources[i],
			.n_sources = sources_of(r->sources, r->run, from->v6, sources[i]),
		};
	}
	b.records = built;
	return build(out, from, &b);
}

size_t
frames_old_report(uint8_t *out, const struct frames_from *from, enum gm_kind kind, uint8_t version, uint8_t group)
{
	struct gm_build b = message_of(from, kind);

	b.version = version;
	b.group = frames_group(group, from->v6);
	return build(out, from, &b);
}

size_t
frames_query(uint8_t *out, const struct frames_from *from, const struct frames_query *q)
{
	struct gm_build b = message_of(from, GM_QUERY);
	struct ipaddr sources[UNIVERSE_SOURCES];
	const struct mac to = frames_host_mac((uint8_t)(from->host + 1));

	b.version = (uint8_t)(b.version - q->old);
	b.group = q->general ? IPADDR_ANY : frames_group(q->group, from->v6);
	b.n_sources = q->general || q->old ? 0 : sources_of(q->sources, 0, from->v6, sources);
	b.sources = sources;
	b.s_flag = q->s_flag;
	b.qrv = q->qrv;
	b.qqi = q->qqi;
	b.max_resp = q->max_resp;
	if (q->to_host)
		b.eth_dst = &to;
	return build(out, from, &b);
}

/* --- routers --- */

static void
write_router_message(struct wcur *w, enum frames_router kind, bool v6, uint8_t hold)
{
	static const uint8_t igmp[] = { 0, 0x30, 0x31, 0x32 }, icmpv6[] = { 0, 151, 152, 153 };

	if (kind == ROUTER_PIM_HELLO) {
		wcur_bytes(w, (const uint8_t[]){ 0x20, 0, 0, 0, 0, 1, 0, 2, 0, hold }, 10);
		return;
	}
	wcur_u8(w, v6 ? icmpv6[kind] : igmp[kind]);
	wcur_u8(w, hold);
	wcur_zero(w, kind == ROUTER_MRD_ADVERTISEMENT ? 6 : 2);
}

size_t
frames_router(uint8_t *out, const struct frames_from *from, enum frames_router kind, uint8_t hold)
{
	static const uint8_t last[] = { 0x0d, 0x6a, 0x02, 0x6a }; /* all PIM routers, all snoopers, all routers */
	const bool v6 = from->v6, pim = kind == ROUTER_PIM_HELLO;
	const struct ipaddr all_v6 = { { 0xff, 0x02, [15] = last[kind] } };
	const struct ipaddr dst = v6 ? all_v6 : ipaddr_v4_u32(0xe0000000u | last[kind]);
	const struct ipaddr src = frames_host_address(from->host, v6);
	const struct mac mac = ipaddr_group_mac(&dst);
	const uint8_t proto = pim ? PROTO_PIM : v6 ? PROTO_ICMPV6 : PROTO_IGMP;
	uint8_t bytes[16];
	struct wcur message = wcur_of(bytes, sizeof(bytes)), w = wcur_of(out, FRAMES_MAX);

	write_router_message(&message, kind, v6, hold);
	const size_t len = wcur_len(&message);

	put16(bytes + 2, csum_fold(csum_add(v6 ? csum_pseudo(&src, &dst, proto, (uint32_t)len) : 0, bytes, len)));
	write_eth(&w, &mac, from->host, v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
	write_ip(&w, &src, &dst, v6, proto, len);
	wcur_bytes(&w, bytes, len);
	FUZZ_CHECK(!w.failed && !message.failed);
	return frames_tag(out, from, wcur_len(&w));
}
