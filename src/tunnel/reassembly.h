/* FRAGMENT payloads put together again (DESIGN section 7).
 *
 *	 0       1       2
 *	 | index | count | bytes of the frame
 *
 * The fragments of a frame travel on consecutive counters, so counter - index is the same for all of them and tells
 * them from those of any other frame.  'count' is 2 to 8; all but the last have the same length, the last one at most
 * that. They may come in any order.  Each counter is taken once (the replay window sees to that), so no fragment comes
 * twice.
 *
 * Limits of one peer: REASSEMBLY_SLOTS frames at a time, of which the oldest makes room for a fifth; less than 1 s from
 * the first fragment that comes to the last; frames of REASSEMBLY_FRAME_MAX bytes.  A slot gets its buffer when it is
 * first needed and keeps it.  A fragment that contradicts what is known of its frame ends that frame, too.  Frames that
 * are given up are counted in the drops.
 */
#ifndef CASTSWITCH_TUNNEL_REASSEMBLY_H
#define CASTSWITCH_TUNNEL_REASSEMBLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "castswitch/drop.h"
#include "castswitch/mono.h"

#define REASSEMBLY_TIME (1 * NSEC_PER_SEC)

enum {
	REASSEMBLY_SLOTS = 4,
	REASSEMBLY_FRAME_MAX = 9216,
	FRAGMENT_HDR = 2, /* index, count */
	FRAGMENT_MAX = 8, /* of a frame */
};

struct reassembly_slot {
	bool active;
	uint64_t key;   /* counter - index */
	struct mono began;
	uint8_t count;
	uint8_t have;   /* bit i: fragment i is there */
	uint8_t ecn;    /* of the outer packets, together */
	uint16_t chunk; /* length of each but the last; 0 = not known yet */
	uint16_t last;  /* of the last one */
	uint8_t *bytes; /* REASSEMBLY_FRAME_MAX; the last fragment is at the end while its place is not known */
};

struct reassembly {
	uint64_t *drops; /* DROP_MAX counters, the owner's */
	struct reassembly_slot slots[REASSEMBLY_SLOTS];
};

void reassembly_init(struct reassembly *r, uint64_t *drops);
void reassembly_fini(struct reassembly *r);

/* Takes the payload[0..len) of a FRAGMENT packet with this counter, whose outer ECN field was 'ecn'.  DROP_NONE with
 * *ret_len 0: more is to come.  DROP_NONE with *ret_len set: the frame is complete, at payload[0..*ret_len) (payload
 * has room for 'room' bytes), and *ret_ecn tells of all its fragments.  Else why this fragment is of no use, for the
 * caller to count. */
enum drop_reason reassembly_input(struct reassembly *r, uint64_t counter, uint8_t *payload, size_t len, size_t room,
				  uint8_t ecn, struct mono now, size_t *ret_len, uint8_t *ret_ecn);

#endif
