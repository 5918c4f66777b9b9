/* Liveness: PAD requests and replies, keepalive, and a client's watch over stalled traffic.
 *
 * Any authentic packet answers any request: it proves that both directions work.
 */
#include <stdio.h>

#include "session_impl.h"

/* --- PAD --- */

bool
session_send_pad(struct session *s, const struct path *path, uint8_t flags, uint64_t id, struct mono now)
{
	uint8_t msg[TMSG_PAD_LEN];

	tmsg_pad_write(msg, &(struct tmsg_pad){ .flags = flags, .id = id });
	return session_send_along(s, path, TMSG_PAD, msg, sizeof(msg), now);
}

bool
session_send_request(struct session *s, struct mono now)
{
	return session_send_pad(s, &s->path, TMSG_PAD_REQUEST, rng_u64(s->rng), now);
}

/* A request is answered along the path it came by.  To one that is not the session's (yet) nothing but requests of our
 * own may go, which are an answer, too. */
static bool
session_may_answer(const struct session *s)
{
	return s->role == SESSION_CLIENT || session_path_equal(s->packet.from, &s->path);
}

/* Asks why nothing comes any more. */
static void
session_probe(struct session *s, struct mono now)
{
	if (s->role == SESSION_CLIENT && s->ops.probing)
		s->ops.probing(s->arg, s, now);
	session_send_request(s, now);
}

enum drop_reason
session_pad_input(struct session *s, const uint8_t *payload, size_t len, struct mono now)
{
	struct tmsg_pad pad;

	if (!tmsg_pad_parse(payload, len, &pad))
		return DROP_BAD_KIND;
	if (pad.flags & TMSG_PAD_REQUEST && session_may_answer(s))
		session_send_pad(s, &s->path, TMSG_PAD_REPLY, pad.id, now);
	if (pad.flags & TMSG_PAD_REPLY && s->role == SESSION_SERVER)
		session_roam_reply(s, pad.id, now);
	if (pad.flags & TMSG_PAD_REPLY)
		session_mtu_reply(s, pad.id, now);
	return DROP_NONE;
}

/* --- keepalive --- */

/* When the present silence calls for the next request, or for the end: K, K + 2/3 K, K + 4/3 K, 3 K. */
static struct mono
session_quiet_due(const struct session *s)
{
	nsec_t after = s->keepalive * (3 + 2 * (nsec_t)s->quiet_requests) / 3;

	return mono_add(s->last_rx, after);
}

static struct mono
session_unsaid_due(const struct session *s)
{
	return mono_add(s->last_tx, s->keepalive);
}

static void
session_arm_idle(struct session *s)
{
	session_arm(s, SESSION_TIMER_IDLE, mono_min(session_quiet_due(s), session_unsaid_due(s)));
}

void
session_live_begin(struct session *s, struct mono now)
{
	s->last_frame = MONO_ZERO;
	s->last_tx = mono_max(s->last_tx, s->established_at);
	s->last_rx = now;
	session_arm_idle(s);
}

void
session_set_keepalive(struct session *s, nsec_t keepalive, struct mono now)
{
	(void)now;
	if (keepalive == 0)
		keepalive = SESSION_KEEPALIVE_DEFAULT;
	if (keepalive < SESSION_KEEPALIVE_MIN)
		keepalive = SESSION_KEEPALIVE_MIN;
	if (keepalive > SESSION_KEEPALIVE_MAX)
		keepalive = SESSION_KEEPALIVE_MAX;
	s->keepalive = keepalive;
	if (s->state == SESSION_ESTABLISHED)
		session_arm_idle(s);
}

/* One request serves both purposes: it breaks our silence and asks for the end of theirs. */
void
session_idle_tick(struct session *s, struct mono now)
{
	bool ask = mono_due(session_unsaid_due(s), now);

	if (mono_due(mono_add(s->last_rx, 3 * s->keepalive), now)) {
		session_finish(s, SESSION_END_DEAD, TMSG_REASON_NONE, "no answer to keepalives", now);
		return;
	}
	while (s->quiet_requests < SESSION_QUIET_REQUESTS && mono_due(session_quiet_due(s), now)) {
		s->quiet_requests++;
		ask = true;
	}
	if (ask && s->quiet_requests > 0)
		session_probe(s, now);
	else if (ask)
		session_send_request(s, now);
	session_arm_idle(s);
}

/* --- stalled traffic (client) --- */

/* How long silence is usual while traffic flows. */
static nsec_t
session_stall_threshold(const struct session *s)
{
	nsec_t t = 4 * s->usual_gap;

	if (t < SESSION_STALL_MIN)
		return SESSION_STALL_MIN;
	return t < SESSION_STALL_MAX ? t : SESSION_STALL_MAX;
}

/* Asks, and gives the answer 0.5 s, then 1 s, then 2 s. */
static void
session_stall_ask(struct session *s, struct mono now)
{
	session_arm(s, SESSION_TIMER_STALL, mono_add(now, (NSEC_PER_SEC / 2) << s->stall_requests));
	s->stall_requests++;
	session_probe(s, now);
}

void
session_stall_tick(struct session *s, struct mono now)
{
	struct mono stalled = mono_add(mono_max(s->last_rx, s->flow_since), session_stall_threshold(s));

	if (s->stall_requests == SESSION_STALL_REQUESTS)
		session_finish(s, SESSION_END_DEAD, TMSG_REASON_NONE, "traffic stalled and no answer to probes", now);
	else if (s->stall_requests > 0)
		session_stall_ask(s, now);
	else if (mono_since(s->last_frame, now) > SESSION_FLOW_AGE)
		session_disarm(s, SESSION_TIMER_STALL);
	else if (mono_due(stalled, now))
		session_stall_ask(s, now);
	else
		session_arm(s, SESSION_TIMER_STALL, stalled);
}

/* --- errors of the path (client) --- */

/* Nobody may ever have been there.  The first error is remembered, the next flight must meet another one. */
static void
session_handshake_path_error(struct session *s, const char *why, struct mono now)
{
	char text[SEC_ERROR_MAX];

	if (mono_is_never(s->path_error_at))
		s->path_error_at = now;
	if (mono_since(s->path_error_at, now) < SESSION_PATH_ERROR_AGAIN)
		return;
	snprintf(text, sizeof(text), "the other side is not reachable: %s", why);
	session_finish(s, SESSION_END_SEC, TMSG_REASON_NONE, text, now);
}

void
session_request(struct session *s, struct mono now)
{
	if (s->state == SESSION_ESTABLISHED)
		session_send_request(s, now);
}

void
session_path_changed(struct session *s, struct mono now)
{
	if (s->role != SESSION_CLIENT || s->state != SESSION_ESTABLISHED)
		return;
	session_mtu_begin(s, now);
	session_send_request(s, now);
}

void
session_path_error(struct session *s, const char *why, struct mono now)
{
	if (s->role != SESSION_CLIENT)
		return;
	if (s->state == SESSION_HANDSHAKE)
		session_handshake_path_error(s, why, now);
	else if (s->state == SESSION_ESTABLISHED && s->stall_requests == 0)
		session_stall_ask(s, now);
}
