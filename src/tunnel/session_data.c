/* Data packets: open, seal, and the confirmation of a session by the first one that authenticates. */
#include <string.h>

#include "castswitch/ecn.h"
#include "session_impl.h"

/* --- out --- */

/* The next counter, or 0 when none is left: a counter never repeats under a key. */
static uint64_t
session_take_counter(struct session *s, struct mono now)
{
	if (s->tx_counter + 1 < SESSION_MAX_COUNTER) {
		if (++s->tx_counter == SESSION_REKEY_PACKETS)
			session_rekey_packets(s, now);
		return s->tx_counter;
	}
	session_finish(s, SESSION_END_PROTOCOL, TMSG_REASON_NONE, "counter exhausted", now);
	return 0;
}

size_t
session_encrypt(struct session *s, const uint8_t *plain, size_t len, uint8_t *out, struct mono now)
{
	uint64_t counter = session_take_counter(s, now);

	if (counter == 0)
		return 0;
	tmsg_data_write(out, s->remote_id, counter);
	if (!s->aead->seal(s->tx, counter, out, TMSG_DATA_HDR, plain, len, out + TMSG_DATA_HDR)) {
		session_finish(s, SESSION_END_PROTOCOL, TMSG_REASON_NONE, "packet cipher failed", now);
		return 0;
	}
	len += TMSG_DATA_HDR + TMSG_TAG;
	s->last_tx = now;
	s->stats.tx_packets++;
	s->stats.tx_bytes += len;
	return len;
}

bool
session_send_along(struct session *s, const struct path *path, enum tmsg_kind kind, const uint8_t *payload, size_t len,
		   struct mono now)
{
	uint8_t plain[1 + TMSG_MAX], dgram[TMSG_OVERHEAD + TMSG_MAX];

	if (!s->tx || len > TMSG_MAX)
		return false;
	plain[0] = (uint8_t)kind;
	memcpy(plain + 1, payload, len);
	len = session_encrypt(s, plain, 1 + len, dgram, now);
	if (len == 0)
		return false;
	s->ops.output(s->arg, s, path, dgram, len);
	return true;
}

bool
session_send(struct session *s, enum tmsg_kind kind, const uint8_t *payload, size_t len, struct mono now)
{
	return session_send_along(s, &s->path, kind, payload, len, now);
}

size_t
session_not_sealed(struct session *s, enum drop_reason r, enum drop_reason *ret_drop)
{
	s->stats.drops[r]++;
	*ret_drop = r;
	return 0;
}

size_t
session_seal(struct session *s, uint8_t *frame, size_t len, uint8_t *out, size_t cap, struct mono now,
	     enum drop_reason *ret_drop)
{
	size_t n;

	if (s->state != SESSION_ESTABLISHED)
		return session_not_sealed(s, DROP_NOT_ESTABLISHED, ret_drop);
	if (len > SESSION_MAX_DATAGRAM - TMSG_OVERHEAD || cap < len + TMSG_OVERHEAD)
		return session_not_sealed(s, DROP_TOO_LONG, ret_drop);
	frame[-1] = TMSG_FRAME;
	n = session_encrypt(s, frame - 1, 1 + len, out, now);
	if (n == 0)
		return session_not_sealed(s, DROP_NOT_ESTABLISHED, ret_drop);
	session_saw_frame(s, now);
	session_mtu_used(s, n, now);
	return n;
}

/* --- in --- */

/* The first authentic packet: each side now knows that the other has the keys.  The server has been silent until now
 * and answers before anything else, so that the client learns it too. */
static void
session_confirm(struct session *s, struct mono now)
{
	if (s->role == SESSION_SERVER && s->tx_counter == 0)
		session_send_pad(s, &s->path, TMSG_PAD_REPLY, 0, now);
	session_set_state(s, SESSION_ESTABLISHED, now);
	if (s->state == SESSION_ESTABLISHED && s->older)
		session_succeed(s, now);
	else if (s->state == SESSION_ESTABLISHED && s->ops.established)
		s->ops.established(s->arg, s, now);
	session_drop_sec(s);
	session_control_flush(s, now);
}

/* One more forgery; a key is not used beyond the number it is proven for. */
static void
session_failed_open(struct session *s, struct mono now)
{
	if (++s->failed_opens >= SESSION_MAX_FAILED_OPENS)
		session_finish(s, SESSION_END_PROTOCOL, TMSG_REASON_NONE, "too many forged packets", now);
}

/* Length, receiver, window, and only then the cipher. */
static enum drop_reason
session_decrypt(struct session *s, uint8_t *dgram, size_t len, struct mono now)
{
	struct tmsg_data hdr;

	if (!tmsg_data_parse(dgram, len, &hdr))
		return DROP_SHORT_DATAGRAM;
	if (hdr.receiver != s->local_id)
		return DROP_UNKNOWN_RECEIVER;
	if (!s->rx)
		return DROP_NOT_ESTABLISHED;
	if (!replay_check(&s->replay, hdr.counter))
		return DROP_REPLAY;
	if (!s->aead->open(s->rx, hdr.counter, dgram, TMSG_DATA_HDR, dgram + TMSG_DATA_HDR, len - TMSG_DATA_HDR)) {
		session_failed_open(s, now);
		return DROP_AUTH;
	}
	s->packet.counter = hdr.counter;
	s->packet.newest = hdr.counter > s->replay.top;
	if (hdr.counter >= SESSION_REKEY_PACKETS && s->replay.top < SESSION_REKEY_PACKETS)
		session_rekey_packets(s, now);
	replay_accept(&s->replay, hdr.counter);
	s->stats.rx_packets++;
	s->stats.rx_bytes += len;
	session_saw_rx(s, now);
	return DROP_NONE;
}

/* A packet that is not a frame of an ESTABLISHED session.  A PAD request is answered before 'established' is called. */
static enum drop_reason
session_dispatch(struct session *s, uint8_t kind, const uint8_t *payload, size_t len, struct mono now)
{
	enum drop_reason r = kind == TMSG_PAD ? session_pad_input(s, payload, len, now) : DROP_NONE;

	if (s->state == SESSION_CONFIRM)
		session_confirm(s, now);
	if (s->state != SESSION_ESTABLISHED && s->state != SESSION_RETIRED)
		return kind <= TMSG_FRAGMENT ? DROP_NOT_ESTABLISHED : r;
	switch (kind) {
	case TMSG_FRAME:
	case TMSG_BUNDLE:
	case TMSG_FRAGMENT:
	case TMSG_PAD:
		return r;
	case TMSG_CONTROL:
		return session_control_input(s, payload, len, now);
	default:
		/* Reserved high bits, and kinds of later versions. */
		return DROP_BAD_KIND;
	}
}

/* The frame of a packet, or the first of several; *ret_frame stays NULL when there is none (yet). */
static enum drop_reason
session_frames(struct session *s, uint8_t kind, uint8_t *payload, size_t len, struct mono now, uint8_t **ret_frame,
	       size_t *ret_len)
{
	switch (kind) {
	case TMSG_FRAME:
		*ret_frame = payload;
		*ret_len = len;
		return DROP_NONE;
	case TMSG_BUNDLE:
		return session_bundle_input(s, payload, len, ret_frame, ret_len);
	case TMSG_FRAGMENT:
		return session_fragment_input(s, payload, len, now, ret_frame, ret_len);
	default:
		return DROP_NONE;
	}
}

static enum drop_reason
session_open_payload(struct session *s, uint8_t *plain, size_t len, struct mono now, uint8_t **ret_frame,
		     size_t *ret_len)
{
	uint8_t kind = plain[0];
	uint8_t *payload = plain + 1;
	enum drop_reason r = DROP_NONE;

	*ret_frame = NULL;
	*ret_len = 0;
	if (kind > TMSG_FRAGMENT || s->state != SESSION_ESTABLISHED)
		r = session_dispatch(s, kind, payload, len - 1, now);
	if (r == DROP_NONE)
		r = session_frames(s, kind, payload, len - 1, now, ret_frame, ret_len);
	if (r != DROP_NONE || !*ret_frame)
		return r;
	session_saw_frame(s, now);
	if (*ret_len < ETH_HDR_LEN)
		return DROP_BAD_KIND;
	/* Those of a bundle went through that already. */
	return kind == TMSG_BUNDLE ? r : ecn_decapsulate(*ret_frame, *ret_len, s->packet.ecn);
}

/* Whether the way a packet came says something about where the other side is. */
static bool
session_may_have_moved(const struct session *s)
{
	return s->role == SESSION_SERVER && s->state == SESSION_ESTABLISHED &&
	       (s->roam.trial.active || !session_path_equal(s->packet.from, &s->path));
}

/* Whatever path an authentic packet came by, it is delivered. */
enum drop_reason
session_receive(struct session *s, const struct session_input *in, struct mono now, uint8_t **ret_frame,
		size_t *ret_len)
{
	enum drop_reason r = session_decrypt(s, in->data, in->len, now);

	s->packet.from = in->from;
	s->packet.ecn = in->tos & ECN_MASK;
	s->packet.room = in->room < in->len ? in->len : in->room;
	s->packet.rest_len = 0;
	if (r == DROP_NONE && session_may_have_moved(s))
		session_roam_input(s, in->len, now);
	if (r == DROP_NONE)
		r = session_open_payload(s, in->data + TMSG_DATA_HDR, in->len - TMSG_DATA_HDR - TMSG_TAG, now,
					 ret_frame, ret_len);
	if (r != DROP_NONE)
		s->stats.drops[r]++;
	return r;
}

enum drop_reason
session_open(struct session *s, const struct path *from, uint8_t *dgram, size_t len, struct mono now,
	     uint8_t **ret_frame, size_t *ret_len)
{
	const struct session_input in = { .from = from, .data = dgram, .len = len, .room = len };

	return session_receive(s, &in, now, ret_frame, ret_len);
}
