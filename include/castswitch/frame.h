/* A frame on its way through the switch.
 *
 * A frame is a view of a buffer that somebody else owns (the receive slot of io/), valid until switch_rx() returns.
 * Before data[0] there are always FRAME_EGRESS_ROOM writable bytes, for the tunnel's kind byte: an egress may overwrite
 * them, and no more, for another frame of the same datagram may be in front of them.  data[0..len) is never written by
 * the core or by an egress: the same bytes go to every port.
 *
 * frame_parse() fills the metadata once, at ingress.  Nothing behind it looks at the bytes again, except the parsers of
 * control messages (gm.h).  Multi-byte metadata is in host byte order.
 *
 * A superframe (TCP or UDP, up to 64 KB, from a tap or NIC with offloads) has gso.size != 0; the core decides for it
 * once, and egresses segment it.
 */
#ifndef CASTSWITCH_FRAME_H
#define CASTSWITCH_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "castswitch/drop.h"
#include "castswitch/ipaddr.h"

enum {
	FRAME_HEADROOM = 16, /* writable bytes in front of what io/ received, and of its transmit slots */
	FRAME_EGRESS_ROOM = 2,
	ETH_HDR_LEN = 14,
	VLAN_TAG_LEN = 4,
	FRAME_MAX_TAGS = 2,      /* tags looked through to find the L3 header */
	FRAME_MAX_PLAIN = 16384, /* longest frame without gso (jumbo) */
};

enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_ARP = 0x0806,
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_QINQ = 0x88a8,
	ETHERTYPE_IPV6 = 0x86dd,
};

/* What the destination is; decides which table the fast path asks. */
enum frame_class {
	FRAME_UNICAST,
	FRAME_BROADCAST,
	FRAME_MULTICAST_IP,    /* group MAC and an IPv4/IPv6 packet to a multicast address */
	FRAME_MULTICAST_OTHER, /* any other group MAC, also IP packets whose IP destination isn't a group */
	FRAME_RESERVED,        /* 01:80:c2:00:00:00-0f */
};

/* Control messages that go to the slow path instead of being forwarded by the fast path. */
enum frame_control {
	FRAME_DATA,
	FRAME_IGMP,
	FRAME_MLD,      /* ICMPv6 130, 131, 132, 143 */
	FRAME_PIM,      /* to 224.0.0.13 / ff02::d: PIM hello, forwarded like data as well */
	FRAME_MRD,      /* RFC 4286: IGMP types 0x30-0x32, ICMPv6 151-153 */
};

struct frame {
	uint8_t *data; /* destination MAC */
	uint32_t len;  /* bytes from destination MAC to the end, without FCS */

	/* From the virtio-net header of the ingress, all 0 when there was none. */
	struct {
		uint16_t size;   /* payload bytes per segment; 0 = not a superframe */
		uint8_t type;    /* VIRTIO_NET_HDR_GSO_* */
		bool needs_csum; /* partial checksum: complete it from csum_start at csum_start + csum_offset */
		uint16_t csum_start, csum_offset;
	} gso;

	/* Filled by frame_parse(). */
	struct mac dst, src;
	uint16_t ethertype; /* behind up to FRAME_MAX_TAGS tags */
	uint16_t l3;        /* offset of the byte behind the ethertype */
	uint16_t l4;        /* offset of the transport header (behind IPv6 extension headers); 0 = none */
	uint16_t vid;       /* VLAN id of the outer 802.1Q tag; 0 = untagged or priority-tagged */
	bool tagged;        /* the outermost tag is 802.1Q (0x8100); a service tag (0x88a8) is looked through only */
	bool fragment;     /* an IP fragment (offset or more-fragments set) */
	bool router_alert; /* IPv4 option 20 / hop-by-hop option 5 with value 0 (RFC 2113, 2711) */
	bool is_query;     /* an IGMP or MLD query, whatever its destination: hosts accept one to their own address, too */
	bool bad_headers;  /* broken IP options or extension headers, or more of them than are looked through */
	uint8_t ip_proto;  /* last header's protocol; 0 when not IP */
	uint8_t hops;      /* TTL or hop limit */
	uint8_t tos;       /* DSCP and ECN: IPv4 TOS or IPv6 traffic class; 0 when not IP */
	uint8_t klass;     /* enum frame_class */
	uint8_t control;   /* enum frame_control */
	uint16_t ip_end;   /* offset one past the IP packet (padding may follow); saturates at 65535; 0 when not IP */
	struct ipaddr ip_src, ip_dst; /* of an IPv4/IPv6 packet; :: when not IP */
};

/* Parses f->data[0..f->len) into the metadata.  Returns DROP_NONE, or why the frame must be dropped: DROP_RUNT,
 * DROP_BAD_SOURCE_MAC (group or zero source), DROP_BAD_VLAN.  A broken IP header makes the frame DROP_BAD_IP only when
 * its destination MAC is a group address that IP uses (01:00:5e, 33:33): a switch does not police unicast; a unicast
 * frame with one just has no IP metadata.  Reads nothing outside data[0..len). */
enum drop_reason frame_parse(struct frame *f);

/* How many frames on the wire this is: 1, or the number of segments of a superframe. */
unsigned frame_segments(const struct frame *f);

#endif
