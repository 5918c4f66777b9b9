/* Superframes -> segments, and partial checksums completed (segment.h). */
#include "castswitch/segment.h"

#include <string.h>

#include "castswitch/csum.h"

enum {
	IPV4_HDR_LEN = 20,
	IPV6_HDR_LEN = 40,
	TCP_HDR_LEN = 20,
	UDP_HDR_LEN = 8,

	TCP_CSUM = 16, /* offsets of the checksum fields */
	UDP_CSUM = 6,
	SCTP_CSUM = 8,

	TCP_FLAGS = 13,
	TCP_FIN = 0x01,
	TCP_PSH = 0x08,
	TCP_CWR = 0x80,

	PROTO_HOPOPTS = 0,
	PROTO_IPIP = 4,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_IPV6 = 41,
	PROTO_ROUTING = 43,
	PROTO_DSTOPTS = 60,
};

static uint16_t
get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void
put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void
put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

/* --- understanding a superframe --- */

/* What the walk over the headers knows: everything before 'at' is understood, 'proto' is what comes there. */
struct walk {
	uint32_t at, end;
	uint8_t proto;
};

static bool
has(const struct walk *w, uint32_t bytes)
{
	return w->end - w->at >= bytes;
}

/* The protocol number that stands for the ethertype behind the tags. */
static bool
walk_ethernet(const struct frame *f, struct walk *w)
{
	uint16_t type;

	*w = (struct walk){ .at = ETH_HDR_LEN, .end = f->len };
	if (f->len < ETH_HDR_LEN)
		return false;
	type = get16(f->data + ETH_HDR_LEN - 2);
	for (int i = 0; i < FRAME_MAX_TAGS && (type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ); i++) {
		if (!has(w, VLAN_TAG_LEN))
			return false;
		type = get16(f->data + w->at + 2);
		w->at += VLAN_TAG_LEN;
	}
	w->proto = type == ETHERTYPE_IPV6 ? PROTO_IPV6 : PROTO_IPIP;
	return type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6;
}

/* An IP packet of 'len' bytes is at w->at.  Behind the outermost there may be padding; an inner one fills its packet.
 */
static bool
walk_into(struct segment *s, struct walk *w, uint32_t len)
{
	if (s->n_ip == SEGMENT_MAX_IP || !has(w, len) || (s->n_ip > 0 && w->end - w->at != len))
		return false;
	w->end = w->at + len;
	s->ip[s->n_ip++] = (uint16_t)w->at;
	return true;
}

static bool
walk_ipv4(struct segment *s, struct walk *w)
{
	const uint8_t *ip = s->data + w->at;
	uint32_t header;

	if (!has(w, IPV4_HDR_LEN) || ip[0] >> 4 != 4)
		return false;
	header = (ip[0] & 0x0fu) * 4u;
	if (header < IPV4_HDR_LEN || get16(ip + 2) < header || !walk_into(s, w, get16(ip + 2)))
		return false;
	w->proto = ip[9];
	w->at += header;
	return (get16(ip + 6) & 0x3fff) == 0; /* neither an offset nor more fragments */
}

static bool
walk_ipv6(struct segment *s, struct walk *w)
{
	const uint8_t *ip = s->data + w->at;

	if (!has(w, IPV6_HDR_LEN) || ip[0] >> 4 != 6 || !walk_into(s, w, IPV6_HDR_LEN + (uint32_t)get16(ip + 4)))
		return false;
	w->proto = ip[6];
	w->at += IPV6_HDR_LEN;
	while (w->proto == PROTO_HOPOPTS || w->proto == PROTO_ROUTING || w->proto == PROTO_DSTOPTS) {
		uint32_t len;

		if (!has(w, 8))
			return false;
		len = 8 + s->data[w->at + 1] * 8u;
		if (!has(w, len))
			return false;
		w->proto = s->data[w->at];
		w->at += len;
	}
	return true;
}

/* From the Ethernet header to the first header that is not IP. */
static bool
walk_headers(struct segment *s, const struct frame *f, struct walk *w)
{
	bool ok = walk_ethernet(f, w);

	while (ok && (w->proto == PROTO_IPIP || w->proto == PROTO_IPV6))
		ok = w->proto == PROTO_IPIP ? walk_ipv4(s, w) : walk_ipv6(s, w);
	return ok;
}

static bool
type_matches(const struct segment *s, uint8_t type, uint8_t proto)
{
	const unsigned version = s->data[s->ip[s->n_ip - 1]] >> 4;

	switch (type) {
	case SEGMENT_TCPV4:
	case SEGMENT_TCPV4 | SEGMENT_ECN:
		return proto == PROTO_TCP && version == 4;
	case SEGMENT_TCPV6:
	case SEGMENT_TCPV6 | SEGMENT_ECN:
		return proto == PROTO_TCP && version == 6;
	case SEGMENT_UDP:
		return proto == PROTO_UDP;
	default:
		return false;
	}
}

/* The transport header is at w->at: where the payload begins. */
static bool
find_payload(struct segment *s, const struct walk *w)
{
	const uint8_t *l4 = s->data + w->at;
	uint32_t len = UDP_HDR_LEN;

	if (s->tcp) {
		if (!has(w, TCP_HDR_LEN))
			return false;
		len = (l4[12] >> 4) * 4u;
		if (len < TCP_HDR_LEN)
			return false;
	}
	if (!has(w, len))
		return false;
	s->l4 = (uint16_t)w->at;
	s->header = w->at + len;
	s->at = s->header;
	s->end = w->end;
	return true;
}

/* The pseudo header's sum.  A partial checksum is just that, with the superframe's length, and it knows the final
 * destination behind a routing header (RFC 8200 8.1); without one it comes from the addresses. */
static void
sum_pseudo(struct segment *s, bool partial)
{
	const uint8_t *ip = s->data + s->ip[s->n_ip - 1];
	struct ipaddr src, dst;

	if (partial) {
		s->pseudo =
			(uint64_t)get16(s->data + s->l4 + (s->tcp ? TCP_CSUM : UDP_CSUM)) + 0xffff - (s->end - s->l4);
		return;
	}
	if (ip[0] >> 4 == 4) {
		src = ipaddr_v4(ip + 12);
		dst = ipaddr_v4(ip + 16);
	} else {
		memcpy(src.b, ip + 8, sizeof(src.b));
		memcpy(dst.b, ip + 24, sizeof(dst.b));
	}
	s->pseudo = csum_pseudo(&src, &dst, s->tcp ? PROTO_TCP : PROTO_UDP, 0);
}

static bool
csum_matches(const struct segment *s, const struct frame *f)
{
	return !f->gso.needs_csum ||
	       (f->gso.csum_start == s->l4 && f->gso.csum_offset == (s->tcp ? TCP_CSUM : UDP_CSUM));
}

static bool
size_is_fine(const struct segment *s)
{
	const uint32_t payload = s->end - s->header;
	const uint32_t longest = s->header + (payload < s->size ? payload : s->size);

	return s->size > 0 && longest <= FRAME_MAX_PLAIN && payload <= (uint32_t)s->size * SEGMENT_MAX_COUNT;
}

enum drop_reason
segment_start(struct segment *ret, const struct frame *f)
{
	struct segment s = { .data = f->data, .size = f->gso.size, .more = true };
	struct walk w;

	if (!walk_headers(&s, f, &w) || !type_matches(&s, f->gso.type, w.proto))
		return DROP_BAD_GSO;
	s.tcp = w.proto == PROTO_TCP;
	if (!find_payload(&s, &w) || !csum_matches(&s, f) || !size_is_fine(&s))
		return DROP_BAD_GSO;
	sum_pseudo(&s, f->gso.needs_csum);
	*ret = s;
	return DROP_NONE;
}

/* --- making segments --- */

static void
write_ipv4(uint8_t *ip, uint32_t len, uint32_t index)
{
	put16(ip + 2, len);
	put16(ip + 4, get16(ip + 4) + index);
	put16(ip + 10, 0);
	put16(ip + 10, csum_fold(csum_add(0, ip, (ip[0] & 0x0fu) * 4u)));
}

static void
write_tcp(const struct segment *s, uint8_t *tcp, bool last)
{
	put32(tcp + 4, get32(tcp + 4) + s->index * s->size);
	if (s->index > 0)
		tcp[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
	if (!last)
		tcp[TCP_FLAGS] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
}

/* The checksum of what begins at l4, over 'len' bytes, on top of 'sum'; the field counts as zero. */
static void
write_csum(uint8_t *l4, uint32_t len, uint32_t offset, uint64_t sum)
{
	uint16_t csum;

	put16(l4 + offset, 0);
	csum = csum_fold(csum_add(sum, l4, len));
	put16(l4 + offset, csum ? csum : 0xffff);
}

uint32_t
segment_next(struct segment *s, uint8_t *buf)
{
	const uint32_t left = s->end - s->at, piece = left < s->size ? left : s->size, len = s->header + piece;
	uint8_t *l4 = buf + s->l4;

	memcpy(buf, s->data, s->header);
	memcpy(buf + s->header, s->data + s->at, piece);
	for (unsigned i = 0; i < s->n_ip; i++) {
		uint8_t *ip = buf + s->ip[i];

		if (ip[0] >> 4 == 4)
			write_ipv4(ip, len - s->ip[i], s->index);
		else
			put16(ip + 4, len - s->ip[i] - IPV6_HDR_LEN);
	}
	if (s->tcp)
		write_tcp(s, l4, piece == left);
	else
		put16(l4 + 4, len - s->l4);
	write_csum(l4, len - s->l4, s->tcp ? TCP_CSUM : UDP_CSUM, s->pseudo + (len - s->l4));
	s->at += piece;
	s->index++;
	s->more = s->at < s->end;
	return len;
}

/* --- partial checksums --- */

/* CRC32c, least significant bit first, half a byte at a time (RFC 9260 appendix A). */
static uint32_t
crc32c(const uint8_t *p, size_t len)
{
	static const uint32_t of_nibble[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
		0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};
	uint32_t crc = 0xffffffff;

	for (; len > 0; len--, p++) {
		crc ^= *p;
		crc = crc >> 4 ^ of_nibble[crc & 0x0f];
		crc = crc >> 4 ^ of_nibble[crc & 0x0f];
	}
	return ~crc;
}

static void
write_crc(uint8_t *sctp, uint32_t len)
{
	uint32_t crc;

	put32(sctp + SCTP_CSUM, 0);
	crc = crc32c(sctp, len);
	for (unsigned i = 0; i < 4; i++)
		sctp[SCTP_CSUM + i] = (uint8_t)(crc >> 8 * i);
}

bool
segment_complete_csum(struct frame *f)
{
	const uint32_t start = f->gso.csum_start, offset = f->gso.csum_offset;
	const bool sctp = offset == SCTP_CSUM; /* where no Internet checksum of any transport is */

	if (start + offset + (sctp ? 4 : 2) > f->len)
		return false;
	if (sctp)
		write_crc(f->data + start, f->len - start);
	else /* the field holds the pseudo header's sum */
		write_csum(f->data + start, f->len - start, offset, get16(f->data + start + offset));
	f->gso.needs_csum = false;
	return true;
}
