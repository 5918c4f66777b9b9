/* Rekey: when it is time, and how one session takes over from another (session.h).
 *
 * Relatives: s->older is the one that s is to take over from, and later the retired one; its newer is s.  Both links
 * are made and cut together.
 */
#include <stdlib.h>

#include "session_impl.h"

/* --- when --- */

void
session_rekey_arm(struct session *s)
{
	nsec_t after = s->rekey;

	if (s->role != SESSION_CLIENT || s->state != SESSION_ESTABLISHED)
		return;
	if (s->pushed_rekey && s->pushed_rekey < after)
		after = s->pushed_rekey;
	if (after == s->rekey_after)
		return;
	s->rekey_after = after;
	session_arm(s, SESSION_TIMER_REKEY, mono_add(s->keyed_at, after - rng_below(s->rng, after / 10 + 1)));
}

void
session_rekey_begin(struct session *s)
{
	s->rekey_after = 0;
	session_rekey_arm(s);
}

void
session_set_rekey(struct session *s, nsec_t rekey)
{
	s->rekey = rekey ? rekey : SESSION_REKEY_DEFAULT;
	session_rekey_arm(s);
}

void
session_rekey_packets(struct session *s, struct mono now)
{
	if (s->role == SESSION_CLIENT && s->state == SESSION_ESTABLISHED)
		session_arm(s, SESSION_TIMER_REKEY, now);
}

void
session_rekey_again(struct session *s, struct mono at)
{
	if (s->role == SESSION_CLIENT && s->state == SESSION_ESTABLISHED)
		session_arm(s, SESSION_TIMER_REKEY, at);
}

void
session_rekey_tick(struct session *s, struct mono now)
{
	session_disarm(s, SESSION_TIMER_REKEY);
	if (s->ops.rekey_due)
		s->ops.rekey_due(s->arg, s, now);
}

/* --- relatives --- */

bool
session_set_predecessor(struct session *s, struct session *old, struct mono now)
{
	if (s->state >= SESSION_ESTABLISHED || old->state != SESSION_ESTABLISHED || s->older || s->role != old->role)
		return false;
	if (old->newer)
		session_finish(old->newer, SESSION_END_LOCAL, TMSG_REASON_NONE, "another handshake took its place",
			       now);
	s->older = old;
	old->newer = s;
	return true;
}

struct session *
session_predecessor(const struct session *s)
{
	return s->older;
}

void
session_forget_relatives(struct session *s)
{
	if (s->older)
		s->older->newer = NULL;
	if (s->newer)
		s->newer->older = NULL;
	s->older = s->newer = NULL;
}

static void
session_add_stats(struct session_stats *to, const struct session_stats *from)
{
	to->rx_packets += from->rx_packets;
	to->rx_bytes += from->rx_bytes;
	to->tx_packets += from->tx_packets;
	to->tx_bytes += from->tx_bytes;
	for (unsigned r = 0; r < DROP_MAX; r++)
		to->drops[r] += from->drops[r];
}

/* A retired session is of no use without its successor, and a client's new keys of none without the session that they
 * are for; a server lets such a newcomer in as any other. */
void
session_end_relatives(struct session *s, bool was_retired, struct mono now)
{
	struct session *older = s->older, *newer = s->newer;

	if (newer && was_retired)
		session_add_stats(&newer->stats, &s->stats);
	session_forget_relatives(s);
	if (older && older->state == SESSION_RETIRED)
		session_finish(older, SESSION_END_RETIRED, TMSG_REASON_NONE, "", now);
	if (newer && newer->state < SESSION_ESTABLISHED && s->role == SESSION_CLIENT)
		session_finish(newer, SESSION_END_LOCAL, TMSG_REASON_NONE, "the session that it was for has ended",
			       now);
}

/* --- taking over --- */

/* From here on it only receives. */
static void
session_retire(struct session *s, struct mono now)
{
	if (s->older)
		session_finish(s->older, SESSION_END_RETIRED, TMSG_REASON_NONE, "", now);
	session_set_state(s, SESSION_RETIRED, now);
	session_drop_tx_key(s);
	s->stall_requests = s->quiet_requests = 0;
	s->roam.trial.active = s->roam.trial.answered = false;
}

/* What nobody has acknowledged is told again. */
static void
session_inherit_push(struct session_control *to, struct session_control *from)
{
	struct tmsg_push **latest = from->next ? &from->next : &from->sent;

	if (!*latest)
		return;
	free(to->next);
	to->next = *latest;
	*latest = NULL;
}

/* So that a stall which begins just now is noticed, too. */
static void
session_inherit_flow(struct session *s, const struct session *old, bool flows, struct mono now)
{
	s->usual_gap = old->usual_gap;
	s->last_frame = old->last_frame;
	s->flow_since = old->flow_since;
	if (flows)
		session_arm(s, SESSION_TIMER_STALL, mono_add(now, SESSION_STALL_MIN));
}

void
session_succeed(struct session *s, struct mono now)
{
	struct session *old = s->older;
	bool flows = !mono_is_never(old->due[SESSION_TIMER_STALL]);

	session_retire(old, now);
	s->owner = old->owner;
	s->established_at = old->established_at;
	session_add_stats(&s->stats, &old->stats);
	old->stats = (struct session_stats){ 0 };
	session_inherit_push(&s->control, &old->control);
	session_inherit_flow(s, old, flows, now);
	session_mtu_inherit(s, old);
	s->pushed_rekey = old->pushed_rekey;
	session_rekey_arm(s);
	session_set_keepalive(s, old->keepalive, now);
	if (s->ops.rekeyed)
		s->ops.rekeyed(s->arg, s, old, now);
}
