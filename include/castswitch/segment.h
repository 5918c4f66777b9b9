/* Superframes cut into the frames that they stand for, and checksums completed that were left half done.
 *
 * The kernel hands over TCP and UDP as superframes of up to 64 KB (segmentation offload on the way out, GRO on the way
 * in), and frames whose transport checksum the hardware was to finish.  What is on the wire instead is made here, as a
 * network card would: every segment has all headers in front of its piece of payload, with
 *  - the lengths of every IP header and of UDP, the IPv4 identification (one more each) and header checksum;
 *  - TCP's sequence number; FIN and PSH on the last segment only, CWR on the first only (RFC 3168 6.1.2);
 *  - a full transport checksum; a sum of 0 is written as ffff (RFC 768).
 *
 * Known are TCP and UDP (each segment a datagram of its own), behind up to FRAME_MAX_TAGS VLAN tags, IPv4 options, the
 * IPv6 extension headers that segmentation allows, and IP in IP.  Tunnels with other headers between (GRE, VXLAN) aren't:
 * where such traffic crosses a network card, GRO is to be switched off on it.
 *
 * A struct segment is a view of the superframe, which must stay as it is until the last piece was taken.
 */
#ifndef CASTSWITCH_SEGMENT_H
#define CASTSWITCH_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "castswitch/drop.h"
#include "castswitch/frame.h"

/* frame.gso.type: VIRTIO_NET_HDR_GSO_* of the virtio specification, 5.1.6. */
enum {
	SEGMENT_TCPV4 = 1,
	SEGMENT_UDP_FRAGMENTS = 3, /* IP fragments of one datagram (UFO): obsolete, refused */
	SEGMENT_TCPV6 = 4,
	SEGMENT_UDP = 5,
	SEGMENT_ECN = 0x80, /* beside a TCP type: CWR is set */
};

enum {
	SEGMENT_MAX_COUNT = 1024, /* of one superframe: more is refused, it would be 64 KB in crumbs */
	SEGMENT_MAX_IP = 3,       /* IP headers one behind the other */
};

struct segment {
	const uint8_t *data;
	uint32_t header; /* bytes in front of the payload; every segment begins with them */
	uint32_t at;     /* the payload byte that is next */
	uint32_t end;    /* one past the last */
	uint32_t index;  /* of the next segment */
	uint16_t size;   /* payload bytes of each but the last */
	uint16_t l4;
	uint16_t ip[SEGMENT_MAX_IP]; /* offsets of the IP headers, outermost first */
	uint8_t n_ip;
	bool tcp;
	bool more;
	uint64_t pseudo; /* sum of the pseudo header without its length */
};

/* Begins with a superframe: f->data, len and gso (size not 0); no metadata is needed.  DROP_NONE, or DROP_BAD_GSO when
 * it is of an unknown kind, its headers don't agree with themselves or with gso, a segment would be longer than
 * FRAME_MAX_PLAIN, or there would be too many. */
enum drop_reason segment_start(struct segment *ret, const struct frame *f);
static inline bool
segment_more(const struct segment *s)
{
	return s->more;
}
/* Writes the next segment, of at most FRAME_MAX_PLAIN bytes, to buf; its length.  Only while segment_more(). */
uint32_t segment_next(struct segment *s, uint8_t *buf);

/* Completes the partial checksum of a frame that isn't a superframe (gso.needs_csum, csum_start, csum_offset), in
 * place, and clears gso.needs_csum.  False, and nothing is changed, when the offsets point outside.  SCTP's checksum is
 * a CRC and known by its place (RFC 9260 3.1). */
bool segment_complete_csum(struct frame *f);

#endif
