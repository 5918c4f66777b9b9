/* PIM hellos and Multicast Router Discovery -> how long there is a router; asking for one (see routermsg.h). */
#include "castswitch/routermsg.h"

#include "castswitch/csum.h"
#include "castswitch/cursor.h"

enum {
	PIM_HELLO = 0x20, /* version 2, type 0 */
	PIM_HOLDTIME = 1,
	PIM_HOLDTIME_DEFAULT_S = 105, /* RFC 7761 4.11: 3.5 times the default hello period */
	MRD_DEAD_FACTOR = 3,          /* RFC 4286 7: NeighborDeadInterval */

	IGMP_MRD_ADVERTISEMENT = 0x30,
	IGMP_MRD_SOLICITATION = 0x31,
	IGMP_MRD_TERMINATION = 0x32,
	ICMPV6_MRD_ADVERTISEMENT = 151,
	ICMPV6_MRD_SOLICITATION = 152,
	ICMPV6_MRD_TERMINATION = 153,

	IPV4_HEADER = 24, /* with Router Alert */
	IPV6_HEADER = 48, /* with Router Alert */
	SOLICITATION = 4,
	PROTO_IGMP = 2,
	PROTO_ICMPV6 = 58,
};

/* RFC 7761 4.9.2: type, length, value; unknown types are skipped. */
static bool
parse_hello(struct rcur c, nsec_t *ret_life)
{
	uint16_t seconds = PIM_HOLDTIME_DEFAULT_S;

	rcur_skip(&c, 4);
	while (rcur_left(&c) > 0) {
		const uint16_t type = rcur_u16(&c);
		struct rcur value = rcur_sub(&c, rcur_u16(&c));

		if (type == PIM_HOLDTIME) {
			seconds = rcur_u16(&value);
			c.failed |= value.failed;
		}
	}
	if (c.failed)
		return false;
	/* 0xffff means forever; 18 hours will do, and the next hello renews them. */
	*ret_life = seconds * NSEC_PER_SEC;
	return true;
}

static bool
parse_mrd(struct rcur c, nsec_t *ret_life)
{
	const uint8_t type = rcur_u8(&c), interval = rcur_u8(&c);

	switch (type) {
	case IGMP_MRD_ADVERTISEMENT:
	case ICMPV6_MRD_ADVERTISEMENT:
		if (rcur_left(&c) < 6 || interval == 0)
			return false;
		*ret_life = MRD_DEAD_FACTOR * interval * NSEC_PER_SEC;
		return true;
	case IGMP_MRD_TERMINATION:
	case ICMPV6_MRD_TERMINATION:
		*ret_life = 0;
		return true;
	default:
		return false;
	}
}

/* The IP header's checksum where it has one, and the message's. */
static bool
is_sound(const struct frame *f, struct rcur message)
{
	const bool v4 = f->ethertype == ETHERTYPE_IPV4;
	const size_t len = rcur_left(&message);
	const uint64_t start = v4 ? 0 : csum_pseudo(&f->ip_src, &f->ip_dst, f->ip_proto, (uint32_t)len);

	if (v4 && csum_fold(csum_add(0, f->data + f->l3, (size_t)(f->l4 - f->l3))) != 0)
		return false;
	return csum_fold(csum_add(start, message.p, len)) == 0;
}

bool
routermsg_parse(const struct frame *f, nsec_t *ret_life)
{
	if (f->fragment || f->bad_headers || f->l4 == 0 || f->ip_end < f->l4 + 4 || ipaddr_is_unspecified(&f->ip_src))
		return false;
	const struct rcur message = rcur_of(f->data + f->l4, (size_t)(f->ip_end - f->l4));

	if (!is_sound(f, message))
		return false;
	if (f->control == FRAME_PIM)
		return message.p[0] == PIM_HELLO && parse_hello(message, ret_life);
	return f->hops == 1 && parse_mrd(message, ret_life);
}

static void
put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* As our queries: DSCP CS6, don't fragment, TTL 1, Router Alert (RFC 2113). */
static void
write_ipv4(struct wcur *w, const struct ipaddr *src, const struct ipaddr *dst)
{
	static const uint8_t fixed[12] = { 0x46, 0xc0, 0, IPV4_HEADER + SOLICITATION, 0, 0, 0x40, 0, 1, PROTO_IGMP };
	static const uint8_t router_alert[4] = { 0x94, 4, 0, 0 };
	uint8_t *ip = w->p;

	wcur_bytes(w, fixed, sizeof(fixed));
	wcur_bytes(w, src->b + 12, 4);
	wcur_bytes(w, dst->b + 12, 4);
	wcur_bytes(w, router_alert, sizeof(router_alert));
	if (!w->failed)
		put16(ip + 10, csum_fold(csum_add(0, ip, IPV4_HEADER)));
}

/* Hop limit 1, and hop-by-hop options with Router Alert of value 0 (RFC 2711 2.1), padded to 8 bytes. */
static void
write_ipv6(struct wcur *w, const struct ipaddr *src, const struct ipaddr *dst)
{
	static const uint8_t fixed[8] = { 0x60, 0, 0, 0, 0, 8 + SOLICITATION, 0, 1 };
	static const uint8_t options[8] = { PROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0 };

	wcur_bytes(w, fixed, sizeof(fixed));
	wcur_bytes(w, src->b, sizeof(src->b));
	wcur_bytes(w, dst->b, sizeof(dst->b));
	wcur_bytes(w, options, sizeof(options));
}

size_t
routermsg_solicitation(enum gm_family family, const struct mac *eth_src, const struct ipaddr *src, uint8_t *buf,
		       size_t cap)
{
	const bool v4 = family == GM_IGMP;
	const struct ipaddr all_routers =
		v4 ? ipaddr_v4_u32(0xe0000002) : (struct ipaddr){ { 0xff, 0x02, [15] = 0x02 } };
	const struct mac to = ipaddr_group_mac(&all_routers);
	struct wcur w = wcur_of(buf, cap);

	if (ipaddr_is_v4(src) != v4)
		return 0;
	wcur_bytes(&w, &to, sizeof(to));
	wcur_bytes(&w, eth_src, sizeof(*eth_src));
	wcur_u16(&w, v4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
	if (v4)
		write_ipv4(&w, src, &all_routers);
	else
		write_ipv6(&w, src, &all_routers);
	uint8_t *message = w.p;
	wcur_u8(&w, v4 ? IGMP_MRD_SOLICITATION : ICMPV6_MRD_SOLICITATION);
	wcur_zero(&w, SOLICITATION - 1);
	if (w.failed)
		return 0;
	const uint64_t start = v4 ? 0 : csum_pseudo(src, &all_routers, PROTO_ICMPV6, SOLICITATION);
	put16(message + 2, csum_fold(csum_add(start, message, SOLICITATION)));
	return wcur_len(&w);
}
