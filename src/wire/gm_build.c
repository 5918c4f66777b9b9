/* IGMP and MLD messages: struct gm_build -> a whole Ethernet frame (see gm.h). */
#include "castswitch/gm.h"

#include "castswitch/csum.h"

#include "gm_wire.h"

/* Where the parts of the frame being written begin. */
struct layout {
	size_t l3, l4;
};

static const struct ipaddr *
destination_of(const struct gm_build *b)
{
	const struct gm_well_known *to = &gm_well_known[b->family];

	switch (b->kind) {
	case GM_QUERY:
		return ipaddr_is_unspecified(&b->group) ? &to->all_hosts : &b->group;
	case GM_LEAVE:
		return &to->all_routers;
	case GM_REPORT:
		return &to->reports;
	case GM_REPORT_OLD:
		break;
	}
	return &b->group;
}

/* An address of the other family fails the cursor: it cannot be written. */
static void
write_address(struct wcur *w, enum gm_family family, const struct ipaddr *a)
{
	if (family == GM_IGMP) {
		if (!ipaddr_is_v4(a) && !ipaddr_is_any(a))
			w->failed = true;
		wcur_bytes(w, a->b + 12, 4); /* of :: that is 0.0.0.0 */
		return;
	}
	if (ipaddr_is_v4(a))
		w->failed = true;
	wcur_bytes(w, a->b, sizeof(a->b));
}

static void
write_addresses(struct wcur *w, enum gm_family family, const struct ipaddr *addresses, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		write_address(w, family, &addresses[i]);
}

/* Length and header checksum are filled in by finish(). */
static void
write_ipv4_header(struct wcur *w, const struct gm_build *b, const struct ipaddr *dst)
{
	static const uint8_t router_alert[4] = { 0x94, 4, 0, 0 }; /* RFC 2113 */
	const bool alert = b->version != 1 || b->kind == GM_REPORT;

	wcur_u8(w, alert ? 0x46 : 0x45);
	wcur_u8(w, 0xc0);    /* internetwork control (RFC 3376 4) */
	wcur_zero(w, 2 + 2); /* total length; identification */
	wcur_u16(w, 0x4000); /* don't fragment, which makes an identification of 0 right (RFC 6864 4.1) */
	wcur_u8(w, 1);       /* TTL */
	wcur_u8(w, 2);       /* IGMP */
	wcur_zero(w, 2);     /* header checksum */
	write_address(w, GM_IGMP, &b->ip_src);
	write_address(w, GM_IGMP, dst);
	if (alert)
		wcur_bytes(w, router_alert, sizeof(router_alert));
}

static void
write_ipv6_header(struct wcur *w, const struct gm_build *b, const struct ipaddr *dst)
{
	/* Hop-by-hop options: Router Alert with value 0 (RFC 2711 2.1), PadN to 8 bytes. */
	static const uint8_t router_alert[8] = { IPPROTO_ICMPV6_NUMBER, 0, 5, 2, 0, 0, 1, 0 };

	wcur_u32(w, 0x60000000);
	wcur_zero(w, 2); /* payload length */
	wcur_u8(w, 0);   /* hop-by-hop options */
	wcur_u8(w, 1);   /* hop limit */
	write_address(w, GM_MLD, &b->ip_src);
	write_address(w, GM_MLD, dst);
	wcur_bytes(w, router_alert, sizeof(router_alert));
}

static uint32_t
count_of(nsec_t duration, nsec_t unit, uint32_t max)
{
	const uint64_t count = duration / unit;

	return count < max ? (uint32_t)count : max;
}

static uint8_t
igmp_max_resp_code(const struct gm_build *b)
{
	if (b->kind != GM_QUERY || b->version == 1)
		return 0;
	if (b->version == 2) {
		const uint32_t code = count_of(b->max_resp, GM_IGMP_TICK, UINT8_MAX);

		return (uint8_t)(code ? code : 1); /* 0 would make it a version 1 query */
	}
	return gm_code8_encode(count_of(b->max_resp, GM_IGMP_TICK, UINT32_MAX));
}

static uint16_t
mld_max_resp_code(const struct gm_build *b)
{
	if (b->kind != GM_QUERY)
		return 0;
	if (b->version == 1)
		return (uint16_t)count_of(b->max_resp, NSEC_PER_MSEC, UINT16_MAX);
	return gm_code16_encode(count_of(b->max_resp, NSEC_PER_MSEC, UINT32_MAX));
}

static uint8_t
igmp_type(const struct gm_build *b)
{
	switch (b->kind) {
	case GM_QUERY:
		return IGMP_QUERY;
	case GM_REPORT_OLD:
		return b->version == 1 ? IGMP_V1_REPORT : IGMP_V2_REPORT;
	case GM_LEAVE:
		return IGMP_V2_LEAVE;
	case GM_REPORT:
		break;
	}
	return IGMP_V3_REPORT;
}

static uint8_t
mld_type(const struct gm_build *b)
{
	switch (b->kind) {
	case GM_QUERY:
		return MLD_QUERY;
	case GM_REPORT_OLD:
		return MLD_V1_REPORT;
	case GM_LEAVE:
		return MLD_V1_DONE;
	case GM_REPORT:
		break;
	}
	return MLD_V2_REPORT;
}

static void
write_records(struct wcur *w, const struct gm_build *b)
{
	wcur_zero(w, 2);
	wcur_u16(w, b->n_records);
	for (uint16_t i = 0; i < b->n_records; i++) {
		const struct gm_build_record *rec = &b->records[i];

		wcur_u8(w, rec->type);
		wcur_u8(w, 0); /* no auxiliary data */
		wcur_u16(w, rec->n_sources);
		write_address(w, b->family, &rec->group);
		write_addresses(w, b->family, rec->sources, rec->n_sources);
	}
}

static void
write_query_tail(struct wcur *w, const struct gm_build *b)
{
	const uint8_t qrv = b->qrv > GM_QRV_MASK ? 0 : b->qrv; /* RFC 3376 4.1.6 */

	wcur_u8(w, (b->s_flag ? GM_S_FLAG : 0u) | qrv);
	wcur_u8(w, gm_code8_encode(count_of(b->qqi, NSEC_PER_SEC, UINT32_MAX)));
	wcur_u16(w, b->n_sources);
	write_addresses(w, b->family, b->sources, b->n_sources);
}

static void
write_message(struct wcur *w, const struct gm_build *b)
{
	const bool igmp = b->family == GM_IGMP;

	wcur_u8(w, igmp ? igmp_type(b) : mld_type(b));
	wcur_u8(w, igmp ? igmp_max_resp_code(b) : 0u);
	wcur_zero(w, 2); /* checksum */
	if (b->kind == GM_REPORT) {
		write_records(w, b);
		return;
	}
	if (!igmp) {
		wcur_u16(w, mld_max_resp_code(b));
		wcur_zero(w, 2);
	}
	write_address(w, b->family, &b->group);
	if (b->kind == GM_QUERY && b->version == (igmp ? 3 : 2))
		write_query_tail(w, b);
}

static void
put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Lengths and checksums; the frame is at most 65535 bytes. */
static void
finish(uint8_t *frame, size_t len, const struct layout *at, const struct gm_build *b, const struct ipaddr *dst)
{
	uint8_t *ip = frame + at->l3, *message = frame + at->l4;
	const size_t message_len = len - at->l4;
	uint64_t sum = 0;

	if (b->family == GM_IGMP) {
		put16(ip + 2, len - at->l3);
		put16(ip + 10, csum_fold(csum_add(0, ip, at->l4 - at->l3)));
	} else {
		put16(ip + 4, len - at->l3 - 40);
		sum = csum_pseudo(&b->ip_src, dst, IPPROTO_ICMPV6_NUMBER, (uint32_t)message_len);
	}
	put16(message + 2, csum_fold(csum_add(sum, message, message_len)));
}

/* IGMPv1 has neither leaves nor group-specific queries (RFC 1112 appendix I). */
static bool
exists(const struct gm_build *b, const struct ipaddr *dst)
{
	const bool igmpv1 = b->family == GM_IGMP && b->version == 1;

	if (igmpv1 && (b->kind == GM_LEAVE || (b->kind == GM_QUERY && !ipaddr_is_unspecified(&b->group))))
		return false;
	return gm_is_group(b->family, dst);
}

size_t
gm_build(const struct gm_build *b, uint8_t *buf, size_t cap)
{
	const struct ipaddr *dst = destination_of(b);
	const struct mac mac = b->eth_dst ? *b->eth_dst : ipaddr_group_mac(dst);
	struct wcur w = wcur_of(buf, cap);
	struct layout at;

	if (!exists(b, dst))
		return 0;
	wcur_bytes(&w, mac.b, sizeof(mac.b));
	wcur_bytes(&w, b->eth_src.b, sizeof(b->eth_src.b));
	wcur_u16(&w, b->family == GM_IGMP ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
	at.l3 = wcur_len(&w);
	if (b->family == GM_IGMP)
		write_ipv4_header(&w, b, dst);
	else
		write_ipv6_header(&w, b, dst);
	at.l4 = wcur_len(&w);
	write_message(&w, b);
	if (w.failed || wcur_len(&w) > UINT16_MAX)
		return 0;
	finish(buf, wcur_len(&w), &at, b, dst);
	return wcur_len(&w);
}
