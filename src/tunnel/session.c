/* A session's life: creation, the one function that changes its state, closing, time and accessors. */
#include "castswitch/session.h"

#include <stdio.h>
#include <stdlib.h>

#include "secure_zero.h"
#include "session_impl.h"

/* --- life --- */

static void
session_setup(struct session *s, const struct session_params *params, const struct session_ops *ops, void *arg,
	      const struct path *path, const struct rng *rng)
{
	s->params = *params;
	s->ops = *ops;
	s->arg = arg;
	s->path = *path;
	s->rng = rng;
	s->role = params->role;
	s->rekey = params->rekey ? params->rekey : SESSION_REKEY_DEFAULT;
	s->local_id = params->local_id;
	s->aead = params->aead;
	s->path_error_at = MONO_NEVER;
	s->established_at = MONO_NEVER;
	replay_init(&s->replay);
	session_roam_init(s);
	session_mtu_init(s);
	reassembly_init(&s->reassembly, s->stats.drops);
}

struct session *
session_new(const struct session_params *params, const struct session_ops *ops, void *arg, struct sec *sec,
	    const struct path *path, const struct rng *rng, struct mono now)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s) {
		sec->ops->destroy(sec);
		return NULL;
	}
	session_setup(s, params, ops, arg, path, rng);
	s->sec = sec;
	s->last_rx = now;
	session_set_keepalive(s, params->keepalive, now);
	session_set_state(s, SESSION_HANDSHAKE, now);
	session_sec_begin(s, now);
	return s;
}

void
session_free(struct session *s)
{
	if (!s)
		return;
	session_forget_relatives(s);
	session_drop_keys(s);
	session_drop_sec(s);
	reassembly_fini(&s->reassembly);
	session_control_fini(&s->control);
	secure_zero(s, sizeof(*s));
	free(s);
}

/* --- state --- */

const char *
session_state_name(enum session_state st)
{
	switch (st) {
	case SESSION_HANDSHAKE:
		return "handshake";
	case SESSION_HELLO:
		return "hello";
	case SESSION_CONFIRM:
		return "confirm";
	case SESSION_ESTABLISHED:
		return "established";
	case SESSION_RETIRED:
		return "retired";
	case SESSION_CLOSED:
		return "closed";
	}
	return "unknown";
}

/* How long a state may last, and what is said when it lasts longer. */
static nsec_t
session_state_timeout(enum session_state st)
{
	switch (st) {
	case SESSION_HANDSHAKE:
		return SESSION_HANDSHAKE_TIMEOUT;
	case SESSION_HELLO:
		return SESSION_HELLO_TIMEOUT;
	case SESSION_CONFIRM:
		return SESSION_CONFIRM_TIMEOUT;
	case SESSION_RETIRED:
		return SESSION_RETIRED_TIME;
	case SESSION_ESTABLISHED:
	case SESSION_CLOSED:
		break;
	}
	return UINT64_MAX;
}

static const char *
session_timeout_text(const struct session *s)
{
	switch (s->state) {
	case SESSION_HANDSHAKE:
		return "no DTLS handshake within 10 s";
	case SESSION_HELLO:
		return s->role == SESSION_CLIENT ? "no WELCOME within 5 s" : "no HELLO within 5 s";
	default:
		return "no data packet within 10 s of WELCOME";
	}
}

/* Every change of state passes here.  Timers belong to a state and end with it; the sec's is armed again by the caller.
 */
void
session_set_state(struct session *s, enum session_state st, struct mono now)
{
	if (s->state == SESSION_CLOSED)
		return;
	s->state = st;
	for (unsigned t = 0; t < SESSION_TIMERS; t++)
		session_disarm(s, t);
	if (st == SESSION_CLOSED)
		return;
	session_arm(s, SESSION_TIMER_STATE, mono_add(now, session_state_timeout(st)));
	if (st == SESSION_ESTABLISHED) {
		s->established_at = s->keyed_at = now;
		session_live_begin(s, now);
		session_rekey_begin(s);
		session_mtu_begin(s, now);
	}
}

void
session_finish(struct session *s, enum session_end end, unsigned reason, const char *text, struct mono now)
{
	bool was_retired = s->state == SESSION_RETIRED;

	if (s->state == SESSION_CLOSED)
		return;
	s->close_info = (struct session_close_info){
		.end = end,
		.reason = reason,
		.was_established = s->state == SESSION_ESTABLISHED || was_retired,
		.was_retired = was_retired,
	};
	snprintf(s->close_info.text, sizeof(s->close_info.text), "%s", text ? text : "");
	session_set_state(s, SESSION_CLOSED, now);
	session_drop_keys(s);
	session_drop_sec(s);
	session_end_relatives(s, was_retired, now);
	if (s->ops.closed)
		s->ops.closed(s->arg, s, &s->close_info, now);
}

void
session_close(struct session *s, enum tmsg_reason reason, const char *text, struct mono now)
{
	if (s->state == SESSION_ESTABLISHED) {
		session_send_bye(s, reason, text, now);
		session_send_bye(s, reason, text, now);
	} else {
		session_send_refuse(s, reason, text);
	}
	session_finish(s, SESSION_END_LOCAL, reason, text, now);
}

/* --- time --- */

/* The present state takes too long.  Whoever came through the DTLS handshake is told. */
static void
session_state_tick(struct session *s, struct mono now)
{
	const char *text = session_timeout_text(s);

	if (s->state == SESSION_RETIRED) {
		session_finish(s, SESSION_END_RETIRED, TMSG_REASON_NONE, "", now);
		return;
	}
	if (s->state != SESSION_HANDSHAKE)
		session_send_refuse(s, TMSG_REASON_PROTOCOL, text);
	session_finish(s, SESSION_END_TIMEOUT, TMSG_REASON_NONE, text, now);
}

static bool
session_is_due(const struct session *s, enum session_timer t, struct mono now)
{
	return mono_due(s->due[t], now);
}

/* The client says again what was not answered. */
static void
session_repeat(struct session *s, struct mono now)
{
	if (s->state == SESSION_HELLO) {
		session_arm(s, SESSION_TIMER_REPEAT, mono_add(now, SESSION_HELLO_INTERVAL));
		session_send_hello(s);
	} else {
		session_arm(s, SESSION_TIMER_REPEAT, mono_add(now, SESSION_CONFIRM_INTERVAL));
		session_send_request(s, now);
	}
}

void
session_tick(struct session *s, struct mono now)
{
	if (session_is_due(s, SESSION_TIMER_STATE, now))
		session_state_tick(s, now);
	if (session_is_due(s, SESSION_TIMER_SEC, now))
		session_sec_tick(s, now);
	if (session_is_due(s, SESSION_TIMER_REPEAT, now))
		session_repeat(s, now);
	if (session_is_due(s, SESSION_TIMER_CONTROL, now))
		session_control_tick(s, now);
	if (session_is_due(s, SESSION_TIMER_STALL, now))
		session_stall_tick(s, now);
	if (session_is_due(s, SESSION_TIMER_IDLE, now))
		session_idle_tick(s, now);
	if (session_is_due(s, SESSION_TIMER_ROAM, now))
		session_roam_tick(s, now);
	if (session_is_due(s, SESSION_TIMER_REKEY, now))
		session_rekey_tick(s, now);
	if (session_is_due(s, SESSION_TIMER_MTU, now))
		session_mtu_tick(s, now);
}

struct mono
session_next(const struct session *s)
{
	struct mono next = MONO_NEVER;

	for (unsigned t = 0; t < SESSION_TIMERS; t++)
		next = mono_min(next, s->due[t]);
	return next;
}

/* --- looking --- */

enum session_state
session_state(const struct session *s)
{
	return s->state;
}

uint32_t
session_local_id(const struct session *s)
{
	return s->local_id;
}

uint32_t
session_remote_id(const struct session *s)
{
	return s->remote_id;
}

const struct path *
session_path(const struct session *s)
{
	return &s->path;
}

const struct sec_identity *
session_peer(const struct session *s)
{
	return s->have_peer ? &s->peer : NULL;
}

const struct tmsg_hello *
session_hello(const struct session *s)
{
	return &s->hello;
}

uint8_t
session_aead(const struct session *s)
{
	return s->aead_id;
}

const struct session_stats *
session_stats(const struct session *s)
{
	return &s->stats;
}

struct mono
session_established_at(const struct session *s)
{
	return s->established_at;
}

struct mono
session_last_rx(const struct session *s)
{
	return s->last_rx;
}

bool
session_has_sec(const struct session *s)
{
	return s->sec && !s->sec_unwanted;
}

size_t
session_max_frame(const struct session *s)
{
	(void)s;
	return SESSION_MAX_DATAGRAM - TMSG_OVERHEAD;
}

void
session_set_owner(struct session *s, void *owner)
{
	s->owner = owner;
	if (s->older && s->older->state == SESSION_RETIRED)
		s->older->owner = owner;
}

void *
session_owner(const struct session *s)
{
	return s->owner;
}
