/* What tells of a multicast router besides its queries: PIM hellos (RFC 7761 4.9.2) and Multicast Router Discovery
 * (RFC 4286).  A snooper only wants to know how long the sender will be there. */
#ifndef CASTSWITCH_ROUTERMSG_H
#define CASTSWITCH_ROUTERMSG_H

#include <stdbool.h>

#include "castswitch/frame.h"
#include "castswitch/gm.h"
#include "castswitch/mono.h"

enum { ROUTERMSG_SOLICITATION_MAX = 80 }; /* bytes of a solicitation with all its headers */

/* For a frame whose f->control is FRAME_PIM or FRAME_MRD.  True when it says that its sender is a router for
 * *ret_life from now, or no longer (0: a hello with holdtime 0, an MRD termination); false, with *ret_life untouched,
 * when it is something else (another PIM message, a solicitation) or not to be believed: broken, with a wrong
 * checksum, from no address, or, for MRD, with a TTL other than 1. */
bool routermsg_parse(const struct frame *f, nsec_t *ret_life);

/* Writes a whole untagged Ethernet frame: a Multicast Router Solicitation (RFC 4286 5) to all routers, with TTL or hop
 * limit 1 and Router Alert.  Returns the length, or 0 when it does not fit or the source is of the other family. */
size_t routermsg_solicitation(enum gm_family family, const struct mac *eth_src, const struct ipaddr *src, uint8_t *buf,
			      size_t cap);

#endif
