/* The handshake side of a session: the sec, and HELLO / WELCOME / REFUSE over it. */
#include <stdio.h>
#include <string.h>

#include "session_impl.h"

/* --- the sec --- */

static void
session_sec_output(void *arg, const uint8_t *dgram, size_t len)
{
	struct session *s = arg;

	s->ops.output(s->arg, s, &s->path, dgram, len);
}

static void
session_sec_enter(struct session *s)
{
	s->sec_calls++;
}

static void
session_sec_leave(struct session *s)
{
	if (--s->sec_calls == 0 && s->sec_unwanted)
		session_drop_sec(s);
}

void
session_drop_sec(struct session *s)
{
	session_disarm(s, SESSION_TIMER_SEC);
	if (s->sec_calls) {
		s->sec_unwanted = true;
		return;
	}
	if (s->sec)
		s->sec->ops->destroy(s->sec);
	s->sec = NULL;
	s->sec_unwanted = false;
}

/* Sends one handshake message; a lost one is sent again by whoever waits for its answer. */
static void
session_write(struct session *s, const uint8_t *msg, size_t len)
{
	if (!session_has_sec(s) || len == 0)
		return;
	session_sec_enter(s);
	(void)s->sec->ops->write(s->sec, msg, len);
	session_sec_leave(s);
}

/* --- messages out --- */

static void
session_send_hs(struct session *s, enum tmsg_hs type, const struct tmsg_hello *h)
{
	uint8_t msg[TMSG_MAX];

	session_write(s, msg, tmsg_hello_write(type, h, msg, sizeof(msg)));
}

static struct tmsg_hello
session_own_hello(const struct session *s)
{
	struct tmsg_hello h = {
		.protocol = TMSG_PROTOCOL,
		.receiver = s->local_id,
		.previous = s->params.previous,
		.flags = s->params.flags,
		.caps = TMSG_CAP_BUNDLE,
	};

	if (s->params.software)
		snprintf(h.software, sizeof(h.software), "%s", s->params.software);
	return h;
}

void
session_send_hello(struct session *s)
{
	struct tmsg_hello h = session_own_hello(s);

	memcpy(h.aeads, s->params.aeads, sizeof(h.aeads));
	h.n_aeads = s->params.n_aeads;
	session_send_hs(s, TMSG_HELLO, &h);
}

static void
session_send_welcome(struct session *s)
{
	struct tmsg_hello h = session_own_hello(s);

	h.aeads[0] = s->aead_id;
	h.n_aeads = 1;
	session_send_hs(s, TMSG_WELCOME, &h);
}

void
session_send_refuse(struct session *s, enum tmsg_reason reason, const char *text)
{
	struct tmsg_refuse r = { .reason = (uint16_t)reason };
	uint8_t msg[TMSG_MAX];

	snprintf(r.text, sizeof(r.text), "%s", text ? text : "");
	session_write(s, msg, tmsg_refuse_write(&r, msg, sizeof(msg)));
}

/* Refuses the other side, and ends. */
static void
session_refuse(struct session *s, enum tmsg_reason reason, const char *text, struct mono now)
{
	session_send_refuse(s, reason, text);
	session_finish(s, SESSION_END_REFUSED, reason, text, now);
}

static void
session_protocol_error(struct session *s, const char *text, struct mono now)
{
	session_send_refuse(s, TMSG_REASON_PROTOCOL, text);
	session_finish(s, SESSION_END_PROTOCOL, TMSG_REASON_PROTOCOL, text, now);
}

/* --- messages in --- */

static bool
hello_equal(const struct tmsg_hello *a, const struct tmsg_hello *b)
{
	return a->protocol == b->protocol && a->receiver == b->receiver && a->previous == b->previous &&
	       a->flags == b->flags && a->caps == b->caps && a->n_aeads == b->n_aeads &&
	       memcmp(a->aeads, b->aeads, a->n_aeads) == 0 && strcmp(a->software, b->software) == 0;
}

/* Whether the peer may come in; refused when not, and nothing happens while that is not known. */
static bool
session_admit(struct session *s, struct mono now)
{
	char text[TMSG_TEXT_MAX + 1] = "";
	enum tmsg_reason reason;

	if (!s->ops.admit)
		return true;
	reason = s->ops.admit(s->arg, s, &s->peer, &s->hello, text);
	if (s->state != SESSION_HELLO)
		return false;
	if (reason == TMSG_REASON_NONE)
		return true;
	if (reason != SESSION_ASK_AGAIN)
		session_refuse(s, reason, text[0] ? text : tmsg_reason_text(reason), now);
	return false;
}

/* Server: a HELLO without an answer yet. */
static void
session_answer_hello(struct session *s, const struct tmsg_hello *h, struct mono now)
{
	char text[TMSG_TEXT_MAX + 1];
	uint8_t aead;

	s->hello = *h;
	s->remote_id = h->receiver;
	if (h->protocol != TMSG_PROTOCOL) {
		snprintf(text, sizeof(text), "server speaks protocol %d, client %u", TMSG_PROTOCOL, h->protocol);
		session_refuse(s, TMSG_REASON_VERSION, text, now);
		return;
	}
	aead = session_choose_aead(s, h);
	if (aead == TMSG_AEAD_NONE) {
		session_refuse(s, TMSG_REASON_AEAD, "no common packet cipher", now);
		return;
	}
	if (!session_admit(s, now))
		return;
	if (!session_derive_keys(s, aead)) {
		session_refuse(s, TMSG_REASON_AEAD, "packet cipher not available", now);
		return;
	}
	session_set_state(s, SESSION_CONFIRM, now);
	session_send_welcome(s);
}

/* Server: a HELLO that came again was sent before our WELCOME arrived, or asks again. */
static void
session_hello_input(struct session *s, const uint8_t *msg, size_t len, struct mono now)
{
	struct tmsg_hello h;

	if (!tmsg_hello_parse(TMSG_HELLO, msg, len, &h))
		session_protocol_error(s, "malformed HELLO", now);
	else if (s->remote_id != 0 && !hello_equal(&h, &s->hello))
		session_protocol_error(s, "a second HELLO differs from the first", now);
	else if (s->state == SESSION_HELLO)
		session_answer_hello(s, &h, now);
	else
		session_send_welcome(s);
}

/* Client: the answer to HELLO. */
static void
session_first_welcome(struct session *s, const struct tmsg_hello *h, struct mono now)
{
	char text[TMSG_TEXT_MAX + 1];

	s->hello = *h;
	s->remote_id = h->receiver;
	if (h->protocol != TMSG_PROTOCOL) {
		snprintf(text, sizeof(text), "server speaks protocol %u, client %d", h->protocol, TMSG_PROTOCOL);
		session_protocol_error(s, text, now);
	} else if (h->n_aeads != 1 || !session_offers_aead(s, h->aeads[0])) {
		session_protocol_error(s, "WELCOME chose a packet cipher that was not offered", now);
	} else if (!session_derive_keys(s, h->aeads[0])) {
		session_protocol_error(s, "packet cipher not available", now);
	} else {
		session_set_state(s, SESSION_CONFIRM, now);
		session_arm(s, SESSION_TIMER_REPEAT, mono_add(now, SESSION_CONFIRM_INTERVAL));
		session_send_request(s, now);
	}
}

static void
session_welcome_input(struct session *s, const uint8_t *msg, size_t len, struct mono now)
{
	struct tmsg_hello h;

	if (!tmsg_hello_parse(TMSG_WELCOME, msg, len, &h))
		session_protocol_error(s, "malformed WELCOME", now);
	else if (s->state == SESSION_HELLO)
		session_first_welcome(s, &h, now);
	else if (!hello_equal(&h, &s->hello))
		session_protocol_error(s, "a second WELCOME differs from the first", now);
}

static void
session_refuse_input(struct session *s, const uint8_t *msg, size_t len, struct mono now)
{
	struct tmsg_refuse r;

	if (!tmsg_refuse_parse(msg, len, &r))
		session_finish(s, SESSION_END_PROTOCOL, TMSG_REASON_PROTOCOL, "malformed REFUSE", now);
	else
		session_finish(s, SESSION_END_REFUSED, r.reason, r.text[0] ? r.text : tmsg_reason_text(r.reason), now);
}

/* Types that this version does not know are left to later ones. */
static void
session_message(struct session *s, const uint8_t *msg, size_t len, struct mono now)
{
	unsigned type = tmsg_hs_type(msg, len);

	if (type == TMSG_HELLO && s->role == SESSION_SERVER)
		session_hello_input(s, msg, len, now);
	else if (type == TMSG_WELCOME && s->role == SESSION_CLIENT)
		session_welcome_input(s, msg, len, now);
	else if (type == TMSG_REFUSE)
		session_refuse_input(s, msg, len, now);
	else if (type == TMSG_HELLO || type == TMSG_WELCOME)
		session_protocol_error(s, "HELLO or WELCOME from the wrong side", now);
}

/* --- driving the sec --- */

static void
session_sec_ready(struct session *s, struct mono now)
{
	s->peer = *s->sec->ops->peer(s->sec);
	s->have_peer = true;
	session_set_state(s, SESSION_HELLO, now);
	if (s->role == SESSION_CLIENT) {
		session_arm(s, SESSION_TIMER_REPEAT, mono_add(now, SESSION_HELLO_INTERVAL));
		session_send_hello(s);
	}
}

/* One byte more than a message may have: what is too long must not look whole when it is cut. */
static void
session_read_messages(struct session *s, struct mono now)
{
	uint8_t msg[TMSG_MAX + 1];
	size_t len;

	while (session_has_sec(s) && (len = s->sec->ops->read(s->sec, msg, sizeof(msg))) > 0)
		session_message(s, msg, len, now);
}

static void
session_sec_failed(struct session *s, const char *fallback, struct mono now)
{
	const char *error = s->sec->ops->error(s->sec);

	session_finish(s, SESSION_END_SEC, TMSG_REASON_NONE, error[0] ? error : fallback, now);
}

/* What a call into the sec came to.  A REFUSE may be waiting in front of a close. */
static void
session_sec_result(struct session *s, enum sec_status st, struct mono now)
{
	if (st == SEC_READY && s->state == SESSION_HANDSHAKE)
		session_sec_ready(s, now);
	if ((st == SEC_READY || st == SEC_CLOSED) && s->state != SESSION_HANDSHAKE)
		session_read_messages(s, now);
	if (!session_has_sec(s))
		return;
	if (st == SEC_FAILED)
		session_sec_failed(s, "DTLS handshake failed", now);
	else if (st == SEC_CLOSED)
		session_sec_failed(s, "closed by the other side", now);
	else
		session_arm(s, SESSION_TIMER_SEC, s->sec->ops->next(s->sec, now));
}

void
session_sec_begin(struct session *s, struct mono now)
{
	enum sec_status st;

	s->sec->output = session_sec_output;
	s->sec->arg = s;
	session_sec_enter(s);
	st = s->role == SESSION_CLIENT ? s->sec->ops->start(s->sec) : s->sec->ops->tick(s->sec, now);
	session_sec_leave(s);
	/* No callback but output may run yet: what else there is to say waits for the first tick. */
	if (session_has_sec(s))
		session_arm(s, SESSION_TIMER_SEC, st == SEC_PENDING ? s->sec->ops->next(s->sec, now) : now);
}

void
session_sec_tick(struct session *s, struct mono now)
{
	enum sec_status st;

	session_sec_enter(s);
	st = s->sec->ops->tick(s->sec, now);
	if (session_has_sec(s))
		session_sec_result(s, st, now);
	session_sec_leave(s);
}

void
session_handshake_input(struct session *s, const uint8_t *dgram, size_t len, struct mono now)
{
	enum sec_status st;

	if (!session_has_sec(s))
		return;
	session_sec_enter(s);
	st = s->sec->ops->input(s->sec, dgram, len);
	if (session_has_sec(s))
		session_sec_result(s, st, now);
	session_sec_leave(s);
}
