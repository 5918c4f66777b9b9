/* Where a frame's IP header is: a short look for those who see every frame and change few of them (ecn.c, mss.c).
 *
 * IPv4, or IPv6 without extension headers in front of its transport header, behind up to FRAME_MAX_TAGS tags.
 */
#ifndef CASTSWITCH_WIRE_L3_H
#define CASTSWITCH_WIRE_L3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "castswitch/frame.h"

enum { L3_V4_LEN = 20, L3_V6_LEN = 40 };

struct l3 {
	size_t at;     /* of the IP header, all of whose fixed part is there */
	size_t end;    /* of the IP packet, within the frame */
	size_t l4;     /* of the transport header, whose first byte is there; 0 = none, or in another fragment */
	bool v6;
	uint8_t tos, proto;
};

static inline uint16_t
l3_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline bool
l3_read_v4(const uint8_t *ip, size_t left, struct l3 *ret)
{
	const size_t header = (ip[0] & 0x0fu) * 4u, total = l3_get16(ip + 2);

	if (ip[0] >> 4 != 4 || header < L3_V4_LEN || total < header || total > left)
		return false;
	ret->v6 = false;
	ret->tos = ip[1];
	ret->proto = ip[9];
	ret->end = ret->at + total;
	ret->l4 = total > header && (l3_get16(ip + 6) & 0x1fff) == 0 ? ret->at + header : 0;
	return true;
}

static inline bool
l3_read_v6(const uint8_t *ip, size_t left, struct l3 *ret)
{
	const size_t payload = l3_get16(ip + 4);

	if (ip[0] >> 4 != 6 || payload > left - L3_V6_LEN)
		return false;
	ret->v6 = true;
	ret->tos = (uint8_t)(ip[0] << 4 | ip[1] >> 4);
	ret->proto = ip[6];
	ret->end = ret->at + L3_V6_LEN + payload;
	ret->l4 = payload > 0 ? ret->at + L3_V6_LEN : 0;
	return true;
}

/* False when the frame is not IP, or when its IP header is cut short or lies about its length. */
static inline bool
l3_find(const uint8_t *frame, size_t len, struct l3 *ret)
{
	uint16_t type;

	if (len < ETH_HDR_LEN)
		return false;
	type = l3_get16(frame + ETH_HDR_LEN - 2);
	ret->at = ETH_HDR_LEN;
	for (int i = 0; i < FRAME_MAX_TAGS && (type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ); i++) {
		if (len < ret->at + VLAN_TAG_LEN)
			return false;
		ret->at += VLAN_TAG_LEN;
		type = l3_get16(frame + ret->at - 2);
	}
	if (type == ETHERTYPE_IPV4)
		return len >= ret->at + L3_V4_LEN && l3_read_v4(frame + ret->at, len - ret->at, ret);
	return type == ETHERTYPE_IPV6 && len >= ret->at + L3_V6_LEN && l3_read_v6(frame + ret->at, len - ret->at, ret);
}

#endif
