/* CONTROL messages: ids from 1 in order, one outstanding, acknowledged, sent again until they are.
 *
 * Receiving: an id not above the last one processed is acknowledged again, the next one is processed and acknowledged,
 * any other is ignored.  BYE is acted on at once: its sender waits for nothing.
 */
#include <stdio.h>
#include <stdlib.h>

#include "session_impl.h"

/* --- out --- */

static bool
session_send_control(struct session *s, const struct tmsg_control *c, struct mono now)
{
	uint8_t msg[TMSG_MAX];
	size_t len = tmsg_control_write(c, msg, sizeof(msg));

	return len > 0 && session_send(s, TMSG_CONTROL, msg, len, now);
}

static void
session_send_ack(struct session *s, uint32_t id, struct mono now)
{
	session_send_control(s, &(struct tmsg_control){ .id = id, .type = TMSG_ACK }, now);
}

void
session_send_bye(struct session *s, enum tmsg_reason reason, const char *text, struct mono now)
{
	struct tmsg_control c = { .id = s->control.tx_id + 1, .type = TMSG_BYE };

	c.bye.reason = (uint16_t)reason;
	snprintf(c.bye.text, sizeof(c.bye.text), "%s", text ? text : "");
	session_send_control(s, &c, now);
}

static void
session_send_push(struct session *s, struct mono now)
{
	struct tmsg_control c = { .id = s->control.tx_id, .type = TMSG_PUSH, .push = *s->control.sent };

	session_arm(s, SESSION_TIMER_CONTROL, mono_add(now, s->control.rto));
	session_send_control(s, &c, now);
}

void
session_control_flush(struct session *s, struct mono now)
{
	struct session_control *ctl = &s->control;

	if (s->state != SESSION_ESTABLISHED || ctl->sent || !ctl->next)
		return;
	ctl->sent = ctl->next;
	ctl->next = NULL;
	ctl->tx_id++;
	ctl->resends = 0;
	ctl->rto = SESSION_CONTROL_RTO_MIN;
	session_send_push(s, now);
}

/* What was sent once keeps its id and content, for nobody knows whether it arrived; a newer one follows it. */
void
session_push(struct session *s, const struct tmsg_push *push, struct mono now)
{
	if (s->role != SESSION_SERVER || s->state == SESSION_CLOSED)
		return;
	if (!s->control.next)
		s->control.next = malloc(sizeof(*s->control.next));
	if (!s->control.next) {
		session_finish(s, SESSION_END_PROTOCOL, TMSG_REASON_NONE, "out of memory", now);
		return;
	}
	*s->control.next = *push;
	session_control_flush(s, now);
}

void
session_control_tick(struct session *s, struct mono now)
{
	struct session_control *ctl = &s->control;

	if (!ctl->sent) {
		session_disarm(s, SESSION_TIMER_CONTROL); /* it went to another session */
		return;
	}
	if (ctl->resends == SESSION_CONTROL_RESENDS) {
		session_finish(s, SESSION_END_DEAD, TMSG_REASON_NONE, "a control message was never acknowledged", now);
		return;
	}
	ctl->resends++;
	ctl->rto = ctl->rto * 2 < SESSION_CONTROL_RTO_MAX ? ctl->rto * 2 : SESSION_CONTROL_RTO_MAX;
	session_send_push(s, now);
}

void
session_control_fini(struct session_control *ctl)
{
	free(ctl->sent);
	free(ctl->next);
	ctl->sent = ctl->next = NULL;
}

/* --- in --- */

static void
session_ack_input(struct session *s, uint32_t id, struct mono now)
{
	struct session_control *ctl = &s->control;

	if (!ctl->sent || id != ctl->tx_id)
		return;
	free(ctl->sent);
	ctl->sent = NULL;
	session_disarm(s, SESSION_TIMER_CONTROL);
	session_control_flush(s, now);
}

static void
session_push_input(struct session *s, const struct tmsg_push *push, struct mono now)
{
	if (s->role != SESSION_CLIENT)
		return;
	if (push->keepalive)
		session_set_keepalive(s, push->keepalive, now);
	s->pushed_rekey = push->rekey;
	session_rekey_arm(s);
	if (s->ops.pushed)
		s->ops.pushed(s->arg, s, push, now);
}

/* An id that has not been processed yet.  A type we don't know is acknowledged all the same: it must not block its
 * sender's queue. */
static void
session_new_control(struct session *s, const struct tmsg_control *c, struct mono now)
{
	if (c->type == TMSG_BYE) {
		session_finish(s, SESSION_END_BYE, c->bye.reason,
			       c->bye.text[0] ? c->bye.text : tmsg_reason_text(c->bye.reason), now);
		return;
	}
	if (c->id != s->control.rx_id + 1)
		return;
	s->control.rx_id = c->id;
	session_send_ack(s, c->id, now);
	if (c->type == TMSG_PUSH && s->state == SESSION_ESTABLISHED)
		session_push_input(s, &c->push, now);
}

enum drop_reason
session_control_input(struct session *s, const uint8_t *payload, size_t len, struct mono now)
{
	struct tmsg_control c;

	if (!tmsg_control_parse(payload, len, &c) || c.id == 0)
		return DROP_BAD_KIND;
	if (c.type == TMSG_ACK)
		session_ack_input(s, c.id, now);
	else if (c.id <= s->control.rx_id)
		session_send_ack(s, c.id, now);
	else
		session_new_control(s, &c, now);
	return DROP_NONE;
}
