/* The scenario runner: frames as bytes, well-formed first and then broken as the script wants it. */
#include "scn.h"

#include <string.h>

#include "castswitch/csum.h"
#include "castswitch/cursor.h"

enum { SCN_UDP_HEADER = 8, SCN_PROTO_UDP = 17, SCN_PROTO_PIM = 103 };

static void
scn_put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* --- Ethernet, IP --- */

static void
scn_write_eth(struct wcur *w, const struct scn_frame *f, const struct mac *to, const struct mac *from, uint32_t type)
{
	wcur_bytes(w, f->given & SCN_TO ? &f->to : to, sizeof(f->to));
	wcur_bytes(w, f->given & SCN_FROM ? &f->from : from, sizeof(f->from));
	wcur_u16(w, type);
}

/* Where an IP packet to this address goes on Ethernet. */
static struct mac
scn_mac_to(const struct ipaddr *dst)
{
	static const struct mac broadcast = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };
	if (ipaddr_is_multicast(dst))
		return ipaddr_group_mac(dst);
	return ipaddr_is_v4(dst) && ipaddr_to_u32(dst) == UINT32_MAX ? broadcast : scn_mac_of(dst);
}

static struct ipaddr
scn_source_of(const struct scn_frame *f, bool v4)
{
	if (f->given & SCN_SRC)
		return f->src;
	return v4 ? ipaddr_v4_u32(0x0a000001) : (struct ipaddr){ { 0xfe, 0x80, [15] = 1 } };
}

static void
scn_write_ip(struct wcur *w, const struct scn_frame *f, const struct ipaddr *src, uint8_t proto, size_t payload)
{
	const bool v4 = ipaddr_is_v4(&f->dst);
	const struct mac to = scn_mac_to(&f->dst), from = scn_mac_of(src);
	const uint8_t ttl = f->given & SCN_TTL ? (uint8_t)f->ttl : 8;
	uint8_t *ip = w->p + ETH_HDR_LEN;
	scn_write_eth(w, f, &to, &from, v4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
	if (!v4) {
		wcur_u32(w, 0x60000000);
		wcur_u16(w, payload);
		wcur_u8(w, proto);
		wcur_u8(w, ttl);
		wcur_bytes(w, src, 16);
		wcur_bytes(w, &f->dst, 16);
		return;
	}
	wcur_u32(w, 0x45000000 + 20 + payload);
	wcur_u32(w, 0x00004000);
	wcur_u8(w, ttl);
	wcur_u8(w, proto);
	wcur_u16(w, 0);
	wcur_bytes(w, src->b + 12, 4);
	wcur_bytes(w, f->dst.b + 12, 4);
	if (!w->failed)
		scn_put16(ip + 10, csum_fold(csum_add(0, ip, 20)));
}

/* The payload begins with the frame's number. */
static void
scn_write_udp(struct wcur *w, const struct scn_frame *f, uint32_t seq)
{
	const bool v4 = ipaddr_is_v4(&f->dst);
	const size_t headers = ETH_HDR_LEN + (v4 ? 20u : 40u) + SCN_UDP_HEADER;
	const size_t payload = f->given & SCN_SIZE && f->size >= headers + 4 ? f->size - headers : 18;
	const struct ipaddr src = scn_source_of(f, v4);
	scn_write_ip(w, f, &src, SCN_PROTO_UDP, SCN_UDP_HEADER + payload);
	uint8_t *udp = w->p;
	wcur_u16(w, 5004);
	wcur_u16(w, 5004);
	wcur_u16(w, SCN_UDP_HEADER + payload);
	wcur_u16(w, 0);
	wcur_u32(w, seq);
	wcur_zero(w, payload - 4);
	if (w->failed)
		return;
	const uint32_t len = (uint32_t)(SCN_UDP_HEADER + payload);
	scn_put16(udp + 6, csum_fold(csum_add(csum_pseudo(&src, &f->dst, SCN_PROTO_UDP, len), udp, len)));
}

/* RFC 7761 4.9.2: a Hello with the option Holdtime (1). */
static void
scn_write_pim(struct wcur *w, const struct scn_frame *f)
{
	struct scn_frame to_all = *f;
	const bool v4 = !(f->given & SCN_SRC) || ipaddr_is_v4(&f->src);
	const struct ipaddr src = scn_source_of(f, v4);
	const nsec_t hold = f->given & SCN_MAX_RESP ? f->max_resp : 105 * NSEC_PER_SEC;
	to_all.dst = v4 ? ipaddr_v4_u32(0xe000000d) : (struct ipaddr){ { 0xff, 0x02, [15] = 0x0d } };
	to_all.given |= SCN_TTL;
	to_all.ttl = f->given & SCN_TTL ? f->ttl : 1;
	scn_write_ip(w, &to_all, &src, SCN_PROTO_PIM, 10);
	uint8_t *pim = w->p;
	wcur_u32(w, 0x20000000);
	wcur_u16(w, 1);
	wcur_u16(w, 2);
	wcur_u16(w, hold / NSEC_PER_SEC);
	if (w->failed)
		return;
	const uint64_t sum = v4 ? 0 : csum_pseudo(&src, &to_all.dst, SCN_PROTO_PIM, 10);
	scn_put16(pim + 2, csum_fold(csum_add(sum, pim, 10)));
}

/* RFC 4286 4.1, 4.2, 4.3; "hold" is the advertisement interval. */
static void
scn_write_mrd(struct wcur *w, const struct scn_frame *f)
{
	static const uint8_t types[2][3] = { { 0x31, 0x30, 0x32 }, { 152, 151, 153 } };
	struct scn_frame to_snoopers = *f;
	const bool v4 = !(f->given & SCN_SRC) || ipaddr_is_v4(&f->src);
	const struct ipaddr src = scn_source_of(f, v4);
	const uint8_t proto = v4 ? 2 : 58;
	const size_t len = f->kind == GM_REPORT ? 8 : 4;
	const nsec_t interval = f->given & SCN_MAX_RESP ? f->max_resp : 20 * NSEC_PER_SEC;
	if (f->kind == GM_QUERY) /* to all routers, the others to all snoopers */
		to_snoopers.dst = v4 ? ipaddr_v4_u32(0xe0000002) : (struct ipaddr){ { 0xff, 0x02, [15] = 0x02 } };
	else
		to_snoopers.dst = v4 ? ipaddr_v4_u32(0xe000006a) : (struct ipaddr){ { 0xff, 0x02, [15] = 0x6a } };
	to_snoopers.given |= SCN_TTL;
	to_snoopers.ttl = f->given & SCN_TTL ? f->ttl : 1;
	scn_write_ip(w, &to_snoopers, &src, proto, len);
	uint8_t *mrd = w->p;
	wcur_u8(w, types[!v4][f->kind == GM_QUERY ? 0 : f->kind == GM_REPORT ? 1 : 2]);
	wcur_u8(w, f->kind == GM_REPORT ? interval / NSEC_PER_SEC : 0);
	wcur_zero(w, len - 2);
	if (w->failed)
		return;
	const uint64_t sum = v4 ? 0 : csum_pseudo(&src, &to_snoopers.dst, proto, (uint32_t)len);
	scn_put16(mrd + 2, csum_fold(csum_add(sum, mrd, len)));
}

/* RFC 826: a request. */
static void
scn_write_arp(struct wcur *w, const struct scn_frame *f)
{
	static const struct mac broadcast = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };
	const struct ipaddr src = scn_source_of(f, true);
	const struct mac from = f->given & SCN_FROM ? f->from : scn_mac_of(&src);
	scn_write_eth(w, f, &broadcast, &from, ETHERTYPE_ARP);
	wcur_u32(w, 0x00010800);
	wcur_u32(w, 0x06040001);
	wcur_bytes(w, &from, 6);
	wcur_bytes(w, src.b + 12, 4);
	wcur_zero(w, 6);
	wcur_bytes(w, f->dst.b + 12, 4);
	wcur_zero(w, 18);
}

static void
scn_write_eth_only(struct wcur *w, const struct scn_frame *f, uint32_t seq)
{
	static const struct mac to = { { 0x02, 0, 0, 0, 0, 2 } }, from = { { 0x02, 0, 0, 0, 0, 1 } };
	scn_write_eth(w, f, &to, &from, f->given & SCN_TYPE ? f->type : 0x88b5);
	wcur_u32(w, seq);
	wcur_zero(w, f->given & SCN_SIZE && f->size > 18 ? f->size - 18 : 42);
}

/* --- IGMP, MLD --- */

static size_t
scn_build_gm(const struct scn_frame *f, uint8_t *buf)
{
	struct gm_build_record records[SCN_RECORDS];
	const bool v4 = f->family == GM_IGMP;
	struct gm_build b = { .family = f->family,
			      .kind = f->kind,
			      .version = f->version,
			      .eth_dst = f->given & SCN_TO ? &f->to : NULL,
			      .ip_src = scn_source_of(f, v4),
			      .group = f->dst,
			      .max_resp = f->given & SCN_MAX_RESP ? f->max_resp : 10 * NSEC_PER_SEC,
			      .s_flag = f->s_flag,
			      .qrv = f->given & SCN_QRV ? f->qrv : 2,
			      .qqi = f->given & SCN_QQI ? f->qqi : 125 * NSEC_PER_SEC,
			      .sources = f->addrs + f->first,
			      .n_sources = f->n,
			      .records = records,
			      .n_records = f->n_records };
	b.eth_src = f->given & SCN_FROM ? f->from : scn_mac_of(&b.ip_src);
	for (size_t i = 0; i < f->n_records; i++) {
		const struct scn_record *r = &f->records[i];
		records[i] = (struct gm_build_record){ r->type, r->group, f->addrs + r->first, r->n };
	}
	return gm_build(&b, buf, SCN_BYTES);
}

/* --- breaking it --- */

/* The IP header's checksum and, of IGMP and MLD, the message's. */
static void
scn_fix_checksums(uint8_t *buf, const struct frame *f)
{
	uint8_t *ip = buf + f->l3, *l4 = buf + f->l4;
	uint64_t sum = 0;
	if (f->ethertype == ETHERTYPE_IPV4) {
		scn_put16(ip + 10, 0);
		scn_put16(ip + 10, csum_fold(csum_add(0, ip, (ip[0] & 15u) * 4u)));
	}
	if (f->control != FRAME_IGMP && f->control != FRAME_MLD)
		return;
	size_t len = f->ip_end - (size_t)f->l4;
	if (f->control == FRAME_MLD)
		sum = csum_pseudo(&f->ip_src, &f->ip_dst, f->ip_proto, (uint32_t)len);
	scn_put16(l4 + 2, 0);
	scn_put16(l4 + 2, csum_fold(csum_add(sum, l4, len)));
}

/* Router Alert becomes padding: the option's bytes stay. */
static void
scn_remove_router_alert(uint8_t *buf, const struct frame *f)
{
	if (f->ethertype == ETHERTYPE_IPV4 && f->l4 - f->l3 == 24)
		memset(buf + f->l3 + 20, 1, 4); /* no operation */
	else if (f->ethertype == ETHERTYPE_IPV6)
		buf[f->l3 + 42] = 1; /* PadN */
}

static void
scn_lie_about_counts(uint8_t *buf, const struct frame *f, const struct scn_frame *want)
{
	const size_t query_count = f->control == FRAME_MLD ? 26 : 10;
	const size_t at = want->kind == GM_QUERY ? query_count : 8 + 2; /* of the first record */
	if (want->lie_records >= 0)
		scn_put16(buf + f->l4 + 6, (size_t)want->lie_records);
	if (want->lie_sources >= 0)
		scn_put16(buf + f->l4 + at, (size_t)want->lie_sources);
}

/* Shortens the IP packet together with the frame. */
static void
scn_cut_packet(uint8_t *buf, struct frame *f, uint32_t n)
{
	const bool v4 = f->ethertype == ETHERTYPE_IPV4;
	f->len -= n;
	f->ip_end = (uint16_t)(f->ip_end - n);
	scn_put16(buf + f->l3 + (v4 ? 2 : 4), (size_t)f->ip_end - f->l3 - (v4 ? 0 : 40));
}

static void
scn_set_ip_dst(uint8_t *buf, struct frame *f, const struct scn_frame *want)
{
	const struct mac to = scn_mac_to(&want->ip_dst);
	if (f->ethertype == ETHERTYPE_IPV4)
		memcpy(buf + f->l3 + 16, want->ip_dst.b + 12, 4);
	else
		memcpy(buf + f->l3 + 24, want->ip_dst.b, 16);
	if (!(want->given & SCN_TO))
		memcpy(buf, &to, sizeof(to));
	f->ip_dst = want->ip_dst;
}

static bool
scn_is_honest(const struct scn_frame *f)
{
	return !f->bad_checksum && !f->bad_ip_checksum && !f->no_router_alert && !f->fragment && !f->cut &&
	       f->lie_records < 0 && f->lie_sources < 0 && !(f->given & SCN_IP_DST) &&
	       !(f->form == SCN_GM && f->given & SCN_TTL);
}

static bool
scn_spoil(struct scn *s, const struct scn_frame *want, uint8_t *buf, size_t *len)
{
	struct frame f = { .data = buf, .len = (uint32_t)*len };
	if (frame_parse(&f) != DROP_NONE || !f.l4 || (want->cut && want->cut >= f.len - f.l4))
		return scn_fail(s, "this frame cannot be changed like that");
	if (want->given & SCN_IP_DST)
		scn_set_ip_dst(buf, &f, want);
	if (want->given & SCN_TTL)
		buf[f.l3 + (f.ethertype == ETHERTYPE_IPV4 ? 8 : 7)] = (uint8_t)want->ttl;
	if (want->no_router_alert)
		scn_remove_router_alert(buf, &f);
	if (want->fragment)
		buf[f.l3 + 6] |= 0x20; /* more fragments follow */
	scn_lie_about_counts(buf, &f, want);
	if (want->cut)
		scn_cut_packet(buf, &f, want->cut);
	scn_fix_checksums(buf, &f);
	if (want->bad_checksum)
		buf[f.l4 + 2] ^= 0x55;
	if (want->bad_ip_checksum)
		buf[f.l3 + 10] ^= 0x55;
	*len = f.len;
	return true;
}

/* --- all of it --- */

static size_t
scn_add_tag(uint8_t *buf, size_t len, uint16_t ethertype, uint32_t tag)
{
	if (len + VLAN_TAG_LEN > SCN_BYTES)
		return len;
	memmove(buf + 12 + VLAN_TAG_LEN, buf + 12, len - 12);
	scn_put16(buf + 12, ethertype);
	scn_put16(buf + 14, tag);
	return len + VLAN_TAG_LEN;
}

/* From the innermost out. */
static size_t
scn_add_tags(const struct scn_frame *f, uint8_t *buf, size_t len)
{
	if (f->given & SCN_INNER_VLAN)
		len = scn_add_tag(buf, len, ETHERTYPE_VLAN, f->inner_vlan);
	if (f->given & SCN_VLAN)
		len = scn_add_tag(buf, len, ETHERTYPE_VLAN, f->vlan);
	if (f->given & SCN_SERVICE_VLAN)
		len = scn_add_tag(buf, len, ETHERTYPE_QINQ, f->service_vlan);
	return len;
}

static size_t
scn_build_sound(const struct scn_frame *f, uint32_t seq, uint8_t *buf)
{
	struct wcur w = wcur_of(buf, SCN_BYTES);
	switch (f->form) {
	case SCN_GM:
		return scn_build_gm(f, buf);
	case SCN_HEX:
		wcur_bytes(&w, f->hex, f->n_hex);
		break;
	case SCN_UDP:
		scn_write_udp(&w, f, seq);
		break;
	case SCN_ARP:
		scn_write_arp(&w, f);
		break;
	case SCN_PIM:
		scn_write_pim(&w, f);
		break;
	case SCN_MRD:
		scn_write_mrd(&w, f);
		break;
	case SCN_ETH:
		scn_write_eth_only(&w, f, seq);
		break;
	}
	return w.failed ? 0 : wcur_len(&w);
}

size_t
scn_frame_build(struct scn *s, const struct scn_frame *f, uint32_t seq, uint8_t buf[SCN_BYTES])
{
	size_t len = scn_build_sound(f, seq, buf);
	if (!len) {
		scn_fail(s, "this frame cannot be built");
		return 0;
	}
	if (!scn_is_honest(f) && !scn_spoil(s, f, buf, &len))
		return 0;
	len = scn_add_tags(f, buf, len);
	if (f->truncate && f->truncate < len)
		len = f->truncate;
	if (f->pad && len + f->pad <= SCN_BYTES) {
		memset(buf + len, 0, f->pad);
		len += f->pad;
	}
	return len;
}
