/* What the parser and the builder of group membership messages share: numbers and addresses of the wire formats. */
#ifndef CASTSWITCH_WIRE_GM_WIRE_H
#define CASTSWITCH_WIRE_GM_WIRE_H

#include "castswitch/gm.h"

enum {
	IGMP_QUERY = 0x11,
	IGMP_V1_REPORT = 0x12,
	IGMP_V2_REPORT = 0x16,
	IGMP_V2_LEAVE = 0x17,
	IGMP_V3_REPORT = 0x22,

	MLD_QUERY = 130,
	MLD_V1_REPORT = 131,
	MLD_V1_DONE = 132,
	MLD_V2_REPORT = 143,

	IPPROTO_ICMPV6_NUMBER = 58,

	GM_SHORTEST = 8, /* message: IGMPv1's and v2's */

	GM_S_FLAG = 0x08, /* of the byte that also holds QRV (RFC 3376 4.1.5, RFC 3810 5.1.7) */
	GM_QRV_MASK = 0x07,
};

#define GM_IGMP_TICK (100 * NSEC_PER_MSEC) /* unit of IGMP's max response time */
#define GM_IGMPV1_MAX_RESP (10 * NSEC_PER_SEC)

static const struct gm_well_known {
	struct ipaddr all_hosts;   /* general queries */
	struct ipaddr all_routers; /* leave, done */
	struct ipaddr reports;     /* IGMPv3, MLDv2 reports */
} gm_well_known[GM_FAMILIES] = {
	[GM_IGMP] = {
		{ { [10] = 0xff, [11] = 0xff, [12] = 224, [15] = 1 } },
		{ { [10] = 0xff, [11] = 0xff, [12] = 224, [15] = 2 } },
		{ { [10] = 0xff, [11] = 0xff, [12] = 224, [15] = 22 } },
	},
	[GM_MLD] = {
		{ { 0xff, 0x02, [15] = 0x01 } },
		{ { 0xff, 0x02, [15] = 0x02 } },
		{ { 0xff, 0x02, [15] = 0x16 } },
	},
};

/* A multicast address of this family; an IPv4-mapped one in MLD is none. */
static inline bool
gm_is_group(enum gm_family family, const struct ipaddr *a)
{
	return ipaddr_is_multicast(a) && ipaddr_is_v4(a) == (family == GM_IGMP);
}

#endif
