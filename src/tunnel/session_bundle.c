/* BUNDLE: several small frames in one datagram.
 *
 *	 | length (2) | frame | length | frame | ...
 *
 * A datagram costs more than what is in it (DATAPATH section 4), and a bundle adds no delay: it is made of frames that
 * are on their way together anyway.  Frames stay where they are in the datagram; the length in front of each is the
 * room that an egress may overwrite (FRAME_EGRESS_ROOM).
 */
#include <string.h>

#include "castswitch/cursor.h"
#include "castswitch/ecn.h"
#include "session_impl.h"

enum { BUNDLE_LENGTH = SESSION_PART_OVERHEAD, BUNDLE_PLAIN_MAX = SESSION_PROBE_MAX };
_Static_assert((int)BUNDLE_LENGTH >= (int)FRAME_EGRESS_ROOM, "frames must not touch each other");

bool
session_bundles(const struct session *s)
{
	return s->hello.caps & TMSG_CAP_BUNDLE;
}

/* --- out --- */

/* The plaintext's length, 0 when it is too long. */
static size_t
bundle_write(const struct session_part *parts, size_t n, uint8_t *plain, size_t cap)
{
	struct wcur c = wcur_of(plain, cap);

	wcur_u8(&c, TMSG_BUNDLE);
	for (size_t i = 0; i < n; i++) {
		wcur_u16(&c, parts[i].len);
		wcur_bytes(&c, parts[i].data, parts[i].len);
	}
	return c.failed ? 0 : wcur_len(&c);
}

size_t
session_seal_bundle(struct session *s, const struct session_part *parts, size_t n, uint8_t *out, size_t cap,
		    struct mono now, enum drop_reason *ret_drop)
{
	uint8_t plain[BUNDLE_PLAIN_MAX];
	size_t len;

	if (s->state != SESSION_ESTABLISHED || !session_bundles(s))
		return session_not_sealed(s, DROP_NOT_ESTABLISHED, ret_drop);
	len = bundle_write(parts, n, plain, sizeof(plain));
	if (len == 0 || cap < len + TMSG_DATA_HDR + TMSG_TAG)
		return session_not_sealed(s, DROP_TOO_LONG, ret_drop);
	len = session_encrypt(s, plain, len, out, now);
	if (len == 0)
		return session_not_sealed(s, DROP_NOT_ESTABLISHED, ret_drop);
	session_saw_frame(s, now);
	session_mtu_used(s, len, now);
	return len;
}

/* --- in --- */

/* A bundle is sound as a whole or it is none. */
static bool
bundle_is_sound(const uint8_t *payload, size_t len)
{
	struct rcur c = rcur_of(payload, len);

	do {
		const uint16_t n = rcur_u16(&c);

		rcur_skip(&c, n < ETH_HDR_LEN ? SIZE_MAX : n);
	} while (!c.failed && rcur_left(&c) > 0);
	return !c.failed;
}

enum drop_reason
session_bundle_input(struct session *s, uint8_t *payload, size_t len, uint8_t **ret_frame, size_t *ret_len)
{
	if (!bundle_is_sound(payload, len))
		return DROP_BAD_BUNDLE;
	s->packet.rest = payload;
	s->packet.rest_len = len;
	(void)session_next_frame(s, ret_frame, ret_len);
	return DROP_NONE;
}

bool
session_next_frame(struct session *s, uint8_t **ret_frame, size_t *ret_len)
{
	struct session_packet *p = &s->packet;

	while (p->rest_len > 0) {
		uint8_t *frame = p->rest + BUNDLE_LENGTH;
		const size_t len = (size_t)p->rest[0] << 8 | p->rest[1];
		enum drop_reason r = ecn_decapsulate(frame, len, p->ecn);

		p->rest = frame + len;
		p->rest_len -= BUNDLE_LENGTH + len;
		if (r == DROP_NONE) {
			*ret_frame = frame;
			*ret_len = len;
			return true;
		}
		s->stats.drops[r]++;
	}
	return false;
}
