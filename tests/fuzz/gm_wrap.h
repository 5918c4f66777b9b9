/* Any bytes as an IGMP or MLD message in a sound packet: lengths, checksums, TTL, Router Alert. */
#ifndef CASTSWITCH_TESTS_FUZZ_GM_WRAP_H
#define CASTSWITCH_TESTS_FUZZ_GM_WRAP_H

#include <stddef.h>
#include <stdint.h>

#include "castswitch/cursor.h"

enum gm_wrap {
	WRAP_MLD = 0x01,
	/* bits 1-2: source; 0 = the host's own, which is allowed */
	/* bits 3-5: destination; 0 = what the message asks for, 7 = its group */
	WRAP_NO_ALERT = 0x40,
	/* bit 7 is left to the target */

	WRAP_HEADERS_MAX = 14 + 40 + 8,
};

/* Writes the frame of the host with this last byte of its addresses to out, which has WRAP_HEADERS_MAX more bytes than
 * the message; returns its length. */
size_t gm_wrap(uint8_t *out, uint8_t wrap, uint8_t host, const struct rcur *message);

#endif
