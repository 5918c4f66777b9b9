/* Ethernet, VLAN, IPv4 and IPv6 headers of a frame -> its metadata (see frame.h). */
#include "castswitch/frame.h"

#include "castswitch/cursor.h"

enum {
	IPV4_HDR_LEN = 20,
	IPV6_HDR_LEN = 40,
	TCP_HDR_LEN = 20,
	UDP_HDR_LEN = 8,

	PROTO_HOPOPTS = 0,
	PROTO_IGMP = 2,
	PROTO_TCP = 6,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_AH = 51,
	PROTO_ICMPV6 = 58,
	PROTO_NONE = 59,
	PROTO_DSTOPTS = 60,
	PROTO_PIM = 103,

	/* Nobody sends more than three or four; without a bound one packet could cost thousands of steps. */
	MAX_EXTENSION_HEADERS = 8,
};

static uint16_t
get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static bool
is_tag(uint16_t ethertype)
{
	return ethertype == ETHERTYPE_VLAN || ethertype == ETHERTYPE_QINQ;
}

/* Looks through the tags behind the first ethertype.  Only an outermost 802.1Q tag names our VLAN: an 802.1ad service
 * tag is somebody else's payload, as it is for any customer bridge (IEEE 802.1Q 5.5). */
static bool
parse_tags(struct frame *f, struct rcur *c)
{
	for (int i = 0; i < FRAME_MAX_TAGS && is_tag(f->ethertype); i++) {
		const uint8_t *tag = rcur_bytes(c, VLAN_TAG_LEN);
		uint16_t vid;

		if (!tag)
			return false;
		vid = get16(tag) & 0xfff;
		if (vid == 0xfff)
			return false;
		if (i == 0 && f->ethertype == ETHERTYPE_VLAN) {
			f->tagged = true;
			f->vid = vid;
		}
		f->ethertype = get16(tag + 2);
		f->l3 += VLAN_TAG_LEN;
	}
	return true;
}

static enum frame_class
class_of_mac(const struct mac *dst)
{
	static const uint8_t reserved[5] = { 0x01, 0x80, 0xc2, 0x00, 0x00 };

	if (!mac_is_group(dst))
		return FRAME_UNICAST;
	if (mac_is_broadcast(dst))
		return FRAME_BROADCAST;
	if (memcmp(dst->b, reserved, sizeof(reserved)) == 0 && dst->b[5] <= 0x0f)
		return FRAME_RESERVED;
	return FRAME_MULTICAST_OTHER;
}

/* 01:00:5e or 33:33 */
static bool
is_ip_group_mac(const struct mac *m)
{
	return (m->b[0] == 0x01 && m->b[1] == 0x00 && m->b[2] == 0x5e) || (m->b[0] == 0x33 && m->b[1] == 0x33);
}

static void
set_ip_end(struct frame *f, size_t ip_len)
{
	const size_t end = f->l3 + ip_len;

	f->ip_end = end > UINT16_MAX ? UINT16_MAX : (uint16_t)end;
}

/* RFC 791 3.1; Router Alert is option 20 with the copied flag, length 4, value 0 (RFC 2113). */
static void
parse_ipv4_options(struct frame *f, struct rcur c)
{
	while (rcur_left(&c) > 0) {
		const uint8_t type = rcur_u8(&c);

		if (type == 0) /* end of list */
			return;
		if (type == 1) /* no operation */
			continue;
		const uint8_t len = rcur_u8(&c);
		struct rcur value = rcur_sub(&c, len < 2 ? SIZE_MAX : len - 2u);

		if (value.failed || (type == 148 && len != 4)) {
			f->bad_headers = true;
			return;
		}
		if (type == 148 && rcur_u16(&value) == 0)
			f->router_alert = true;
	}
}

/* False, and no IP metadata, when the header is cut short or lies about its length. */
static bool
parse_ipv4(struct frame *f, struct rcur c)
{
	const size_t left = rcur_left(&c);
	const uint8_t *ip = rcur_bytes(&c, IPV4_HDR_LEN);

	if (!ip || ip[0] >> 4 != 4)
		return false;
	const size_t header = (ip[0] & 0x0fu) * 4u, total = get16(ip + 2);

	if (header < IPV4_HDR_LEN || total < header || total > left)
		return false;
	f->tos = ip[1];
	f->hops = ip[8];
	f->ip_proto = ip[9];
	f->ip_src = ipaddr_v4(ip + 12);
	f->ip_dst = ipaddr_v4(ip + 16);
	set_ip_end(f, total);
	if (header > IPV4_HDR_LEN)
		parse_ipv4_options(f, rcur_sub(&c, header - IPV4_HDR_LEN));
	const unsigned fragment = get16(ip + 6) & 0x3fff; /* more-fragments and the offset */

	f->fragment = fragment != 0;
	if ((fragment & 0x1fff) == 0 && total > header)
		f->l4 = (uint16_t)(f->l3 + header);
	return true;
}

/* RFC 8200 4.2; Router Alert is option 5, length 2, and value 0 says MLD (RFC 2711 2.1). */
static void
parse_hop_options(struct frame *f, struct rcur c)
{
	while (rcur_left(&c) > 0) {
		const uint8_t type = rcur_u8(&c);

		if (type == 0) /* Pad1 has no length */
			continue;
		const uint8_t len = rcur_u8(&c);
		struct rcur value = rcur_sub(&c, len);

		if (value.failed || (type == 5 && len != 2)) {
			f->bad_headers = true;
			return;
		}
		if (type == 5 && rcur_u16(&value) == 0)
			f->router_alert = true;
	}
}

static bool
is_extension(uint8_t proto)
{
	return proto == PROTO_HOPOPTS || proto == PROTO_ROUTING || proto == PROTO_FRAGMENT || proto == PROTO_DSTOPTS;
}

/* One extension header.  False when nothing behind it can be known: it is broken, or a fragment that isn't the first.
 */
static bool
parse_extension(struct frame *f, struct rcur *c)
{
	const uint8_t *h = rcur_bytes(c, 8); /* every one has at least 8 bytes */
	const uint8_t proto = f->ip_proto;

	if (!h) {
		f->bad_headers = true;
		return false;
	}
	f->ip_proto = h[0];
	if (proto == PROTO_FRAGMENT) { /* RFC 8200 4.5: offset, two reserved bits, more-fragments */
		const unsigned fragment = get16(h + 2) & 0xfff9;

		f->fragment = f->fragment || fragment != 0;
		return (fragment & 0xfff8) == 0;
	}
	rcur_skip(c, h[1] * 8u);
	if (c->failed) {
		f->bad_headers = true;
		return false;
	}
	if (proto == PROTO_HOPOPTS)
		parse_hop_options(f, rcur_of(h + 2, 6 + h[1] * 8u));
	return true;
}

/* From the first next-header value to the transport header.  c holds the IPv6 payload. */
static void
parse_ipv6_chain(struct frame *f, struct rcur c)
{
	for (int n = 0; is_extension(f->ip_proto); n++) {
		/* Hop-by-hop options are only allowed directly behind the IPv6 header (RFC 8200 4.1). */
		if (n == MAX_EXTENSION_HEADERS || (n > 0 && f->ip_proto == PROTO_HOPOPTS)) {
			f->bad_headers = true;
			return;
		}
		if (!parse_extension(f, &c))
			return;
	}
	if (f->ip_proto != PROTO_NONE && f->ip_proto != PROTO_AH && rcur_left(&c) > 0)
		f->l4 = (uint16_t)(c.p - f->data);
}

static bool
parse_ipv6(struct frame *f, struct rcur c)
{
	const uint8_t *ip = rcur_bytes(&c, IPV6_HDR_LEN);

	if (!ip || ip[0] >> 4 != 6)
		return false;
	struct rcur payload = rcur_sub(&c, get16(ip + 4));

	if (payload.failed)
		return false;
	f->tos = (uint8_t)(ip[0] << 4 | ip[1] >> 4);
	f->ip_proto = ip[6];
	f->hops = ip[7];
	memcpy(f->ip_src.b, ip + 8, sizeof(f->ip_src.b));
	memcpy(f->ip_dst.b, ip + 24, sizeof(f->ip_dst.b));
	set_ip_end(f, IPV6_HDR_LEN + rcur_left(&payload));
	parse_ipv6_chain(f, payload);
	return true;
}

/* Also without a type: gm_parse() names what is wrong with a fragment or an empty packet. */
static enum frame_control
control_of_igmp(const struct frame *f)
{
	if (f->fragment || f->l4 == 0)
		return FRAME_IGMP;
	switch (f->data[f->l4]) {
	case 0x13: /* DVMRP, PIM version 1: routers' talk, not membership */
	case 0x14:
		return FRAME_DATA;
	case 0x30: /* RFC 4286 3 */
	case 0x31:
	case 0x32:
		return mac_is_group(&f->dst) ? FRAME_MRD : FRAME_DATA;
	default:
		return FRAME_IGMP;
	}
}

static enum frame_control
control_of_icmpv6(const struct frame *f)
{
	switch (f->l4 ? f->data[f->l4] : 0) {
	case 130:
	case 131:
	case 132:
	case 143:
		return FRAME_MLD;
	case 151: /* RFC 4286 3 */
	case 152:
	case 153:
		return mac_is_group(&f->dst) ? FRAME_MRD : FRAME_DATA;
	default:
		return FRAME_DATA;
	}
}

static enum frame_control
control_of(const struct frame *f, bool to_ip_group)
{
	static const struct ipaddr all_pim_routers = { { 0xff, 0x02, [15] = 0x0d } };
	const bool v4 = f->ethertype == ETHERTYPE_IPV4;

	/* IGMP and ICMPv6 to a group MAC, or as a unicast copy to a group's IP address. */
	if (f->ip_proto == (v4 ? PROTO_IGMP : PROTO_ICMPV6)) {
		if (f->klass == FRAME_RESERVED || (!mac_is_group(&f->dst) && !to_ip_group))
			return FRAME_DATA;
		return v4 ? control_of_igmp(f) : control_of_icmpv6(f);
	}
	if (f->ip_proto == PROTO_PIM && mac_is_group(&f->dst) &&
	    (v4 ? ipaddr_to_u32(&f->ip_dst) == 0xe000000d : ipaddr_equal(&f->ip_dst, &all_pim_routers)))
		return FRAME_PIM;
	return FRAME_DATA;
}

/* RFC 3376 4.1, RFC 3810 5.1: the same type number in all versions. */
static bool
is_query(const struct frame *f)
{
	if (f->l4 == 0)
		return false;
	if (f->ethertype == ETHERTYPE_IPV4)
		return f->ip_proto == PROTO_IGMP && f->data[f->l4] == 0x11;
	return f->ip_proto == PROTO_ICMPV6 && f->data[f->l4] == 130;
}

static enum drop_reason
parse_l3(struct frame *f, struct rcur c)
{
	bool sound, group;

	if (f->ethertype == ETHERTYPE_IPV4) {
		sound = parse_ipv4(f, c);
		group = (f->ip_dst.b[12] & 0xf0) == 0xe0;
	} else if (f->ethertype == ETHERTYPE_IPV6) {
		sound = parse_ipv6(f, c);
		group = f->ip_dst.b[0] == 0xff; /* an IPv4-mapped group in an IPv6 packet is none */
	} else {
		return DROP_NONE;
	}
	if (!sound)
		return is_ip_group_mac(&f->dst) ? DROP_BAD_IP : DROP_NONE;
	if (group && f->klass == FRAME_MULTICAST_OTHER)
		f->klass = FRAME_MULTICAST_IP;
	f->control = (uint8_t)control_of(f, group);
	f->is_query = is_query(f);
	return DROP_NONE;
}

enum drop_reason
frame_parse(struct frame *f)
{
	struct rcur c = rcur_of(f->data, f->len);
	const uint8_t *eth = rcur_bytes(&c, ETH_HDR_LEN);

	*f = (struct frame){ .data = f->data, .len = f->len, .gso = f->gso };
	if (!eth)
		return DROP_RUNT;
	memcpy(f->dst.b, eth, sizeof(f->dst.b));
	memcpy(f->src.b, eth + 6, sizeof(f->src.b));
	f->ethertype = get16(eth + 12);
	f->l3 = ETH_HDR_LEN;
	if (mac_is_group(&f->src) || mac_is_zero(&f->src))
		return DROP_BAD_SOURCE_MAC;
	if (is_tag(f->ethertype) && !parse_tags(f, &c))
		return DROP_BAD_VLAN;
	f->klass = (uint8_t)class_of_mac(&f->dst);
	return parse_l3(f, c);
}

/* Where the payload of a superframe begins. */
static size_t
payload_offset(const struct frame *f)
{
	if (f->l4 == 0)
		return f->l3;
	if (f->ip_proto != PROTO_TCP)
		return f->l4 + (size_t)UDP_HDR_LEN;
	if (f->len < f->l4 + (size_t)TCP_HDR_LEN)
		return f->l4;
	return f->l4 + (f->data[f->l4 + 12] >> 4) * (size_t)4;
}

unsigned
frame_segments(const struct frame *f)
{
	if (f->gso.size == 0)
		return 1;
	const size_t header = payload_offset(f);

	if (header + f->gso.size >= f->len)
		return 1;
	return ((unsigned)(f->len - header) + f->gso.size - 1u) / f->gso.size;
}
