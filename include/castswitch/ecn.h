/* ECN between a frame's IP packet and the outer packet that carries it through the tunnel: RFC 6040.
 *
 * On the way in ("normal mode", 4.1) the outer packet gets the ECN field of the inner one; what is not IP has none, and
 * goes as Not-ECT.  On the way out the inner one is changed by this table (4.2, figure 4):
 *
 *	inner     outer Not-ECT   ECT(0)     ECT(1)     CE
 *	Not-ECT   Not-ECT         Not-ECT    Not-ECT    drop
 *	ECT(0)    ECT(0)          ECT(0)     ECT(1)     CE
 *	ECT(1)    ECT(1)          ECT(1)     ECT(1)     CE
 *	CE        CE              CE         CE         CE
 */
#ifndef CASTSWITCH_ECN_H
#define CASTSWITCH_ECN_H

#include <stddef.h>
#include <stdint.h>

#include "castswitch/drop.h"

enum { ECN_NOT_ECT = 0, ECN_ECT_1 = 1, ECN_ECT_0 = 2, ECN_CE = 3, ECN_MASK = 3 };

/* What fragments of one packet say together (RFC 3168 5.3): CE, else ECT(1), else ECT(0), else Not-ECT. */
uint8_t ecn_worse(uint8_t a, uint8_t b);

/* Carries the ECN field of an outer packet (its TOS byte or traffic class) over to the frame inside, with the checksum
 * of its IPv4 header; a frame that is not IP stays as it is.  DROP_NONE, or DROP_ECN when the packet met congestion and
 * its sender can't be told otherwise.  Looks through up to FRAME_MAX_TAGS tags; reads and writes nothing outside of
 * frame[0..len). */
enum drop_reason ecn_decapsulate(uint8_t *frame, size_t len, uint8_t outer);

#endif
