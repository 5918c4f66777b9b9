/* Frames that are longer than the path carries: cut into FRAGMENTs, and put together again by reassembly.h. */
#include <string.h>

#include "session_impl.h"

enum { FRAGMENT_OVERHEAD = TMSG_OVERHEAD + FRAGMENT_HDR, FRAGMENT_PLAIN_MAX = 1 + FRAGMENT_HDR + SESSION_PROBE_MAX };

/* As few as there can be, and of the same length: a last one of a few bytes costs as much as the others. */
static bool
cut_begin(const struct session *s, size_t len, struct session_cut *cut)
{
	size_t most = session_mtu(s) < SESSION_PROBE_MAX ? session_mtu(s) : SESSION_PROBE_MAX, count;

	most -= FRAGMENT_OVERHEAD;
	count = (len + most - 1) / most;
	if (count < 2)
		count = 2;
	if (count > FRAGMENT_MAX || len < ETH_HDR_LEN || len > REASSEMBLY_FRAME_MAX)
		return false;
	cut->chunk = (len + count - 1) / count;
	cut->count = (uint8_t)count;
	return true;
}

size_t
session_seal_fragment(struct session *s, const uint8_t *frame, size_t len, struct session_cut *cut, uint8_t *out,
		      size_t cap, struct mono now, enum drop_reason *ret_drop)
{
	uint8_t plain[FRAGMENT_PLAIN_MAX];
	size_t at, n;

	if (s->state != SESSION_ESTABLISHED)
		return session_not_sealed(s, DROP_NOT_ESTABLISHED, ret_drop);
	if (cut->count == 0 && !cut_begin(s, len, cut))
		return session_not_sealed(s, DROP_TOO_LONG, ret_drop);
	at = cut->index * cut->chunk;
	n = cut->index + 1 < cut->count ? cut->chunk : len - at;
	if (cap < n + FRAGMENT_OVERHEAD)
		return session_not_sealed(s, DROP_TOO_LONG, ret_drop);
	plain[0] = TMSG_FRAGMENT;
	plain[1] = cut->index++;
	plain[2] = cut->count;
	memcpy(plain + 1 + FRAGMENT_HDR, frame + at, n);
	n = session_encrypt(s, plain, 1 + FRAGMENT_HDR + n, out, now);
	if (n == 0)
		return session_not_sealed(s, DROP_NOT_ESTABLISHED, ret_drop);
	session_saw_frame(s, now);
	session_mtu_used(s, n, now);
	return n;
}

enum drop_reason
session_fragment_input(struct session *s, uint8_t *payload, size_t len, struct mono now, uint8_t **ret_frame,
		       size_t *ret_len)
{
	const size_t room = s->packet.room - (TMSG_DATA_HDR + 1);
	size_t frame_len = 0;
	enum drop_reason r = reassembly_input(&s->reassembly, s->packet.counter, payload, len, room, s->packet.ecn, now,
					      &frame_len, &s->packet.ecn);

	if (r == DROP_NONE && frame_len) {
		*ret_frame = payload;
		*ret_len = frame_len;
	}
	return r;
}
