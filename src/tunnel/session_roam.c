/* Roaming: the path of a client that moves.  The rule is in session.h.
 *
 * Whoever forwards packets faster than the true path has every reply first, too.  So what counts is not who brings a
 * reply but where its request was sent: the present path's id is known only to who can be reached there.
 */
#include "session_impl.h"

/* When a trial asks, from its begin on. */
static const nsec_t trial_asks[] = {
	0, 30 * NSEC_PER_MSEC, 60 * NSEC_PER_MSEC, 150 * NSEC_PER_MSEC, 300 * NSEC_PER_MSEC, 600 * NSEC_PER_MSEC
};

enum { TRIAL_ASKS = sizeof(trial_asks) / sizeof(trial_asks[0]), TRIAL_REQUEST_LEN = TMSG_OVERHEAD + TMSG_PAD_LEN };

void
session_roam_init(struct session *s)
{
	s->roam.patience = SESSION_PATIENCE_MIN;
}

static bool
session_claim_stands(const struct session *s, struct mono now)
{
	return mono_before(now, s->roam.claim.until);
}

/* --- moving --- */

static void
session_end_trial(struct session *s)
{
	s->roam.trial.active = s->roam.trial.answered = false;
	session_disarm(s, SESSION_TIMER_ROAM);
}

/* The present path is alive. */
static void
session_stay(struct session *s, struct mono now)
{
	session_end_trial(s);
	s->roam.stay_until = mono_add(now, SESSION_STAY_TIME);
}

/* The one place where the path of a session changes: what was learned about the old one is forgotten here. */
static void
session_set_path(struct session *s, const struct path *path, struct mono now)
{
	struct path before = s->path;

	s->path = *path;
	session_mtu_begin(s, now);
	if (s->ops.moved)
		s->ops.moved(s->arg, s, &before, now);
}

/* The trial was won.  The claim of a path that lost the session shortly before goes on: none of those who held it since
 * then has more of a right to it. */
static void
session_move(struct session *s, struct mono now)
{
	struct session_trial *t = &s->roam.trial;
	struct path to = t->path;

	if (!session_claim_stands(s, now)) {
		s->roam.patience = SESSION_PATIENCE_MIN;
		s->roam.claim = (struct session_claim){
			.path = s->path,
			.id = t->present_id,
			.began = t->began,
			.until = mono_add(now, SESSION_CLAIM_TIME),
		};
	}
	session_end_trial(s);
	session_set_path(s, &to, now);
}

static void
session_move_back(struct session *s, struct mono now)
{
	struct path to = s->roam.claim.path;

	s->roam.claim.until = MONO_ZERO;
	session_stay(s, now);
	session_set_path(s, &to, now);
}

/* --- a trial --- */

static void
session_trial_ask(struct session *s, struct mono now)
{
	struct session_trial *t = &s->roam.trial;

	if (!t->answered && t->sent + TRIAL_REQUEST_LEN <= SESSION_TRIAL_FACTOR * t->received) {
		t->sent += TRIAL_REQUEST_LEN;
		session_send_pad(s, &t->path, TMSG_PAD_REQUEST, t->id, now);
	}
	session_send_pad(s, &s->path, TMSG_PAD_REQUEST, t->present_id, now);
}

static struct mono
session_trial_asks_at(const struct session_trial *t)
{
	return t->asked < TRIAL_ASKS ? mono_add(t->began, trial_asks[t->asked]) : MONO_NEVER;
}

static struct mono
session_trial_ends_at(const struct session *s)
{
	const struct session_trial *t = &s->roam.trial;

	return mono_add(t->began, t->answered ? s->roam.patience : SESSION_TRIAL_TIME);
}

static void
session_trial_step(struct session *s, struct mono now)
{
	struct session_trial *t = &s->roam.trial;
	bool ask = false;

	if (mono_due(session_trial_ends_at(s), now)) {
		if (t->answered)
			session_move(s, now);
		else
			session_end_trial(s);
		return;
	}
	for (; mono_due(session_trial_asks_at(t), now); t->asked++)
		ask = true;
	session_arm(s, SESSION_TIMER_ROAM, mono_min(session_trial_ends_at(s), session_trial_asks_at(t)));
	if (ask)
		session_trial_ask(s, now);
}

/* In the place of another, the present path is still asked by the same id: a reply may be under way. */
static void
session_trial_begin(struct session *s, size_t len, struct mono now)
{
	struct session_trial *t = &s->roam.trial;

	*t = (struct session_trial){
		.active = true,
		.path = *s->packet.from,
		.id = rng_u64(s->rng),
		.present_id = t->active ? t->present_id : rng_u64(s->rng),
		.began = now,
		.received = len,
	};
	session_trial_step(s, now);
}

/* --- what comes --- */

void
session_roam_input(struct session *s, size_t len, struct mono now)
{
	struct session_roam *r = &s->roam;
	const struct session_packet *p = &s->packet;

	if (session_path_equal(p->from, &s->path)) {
		if (p->newest)
			session_stay(s, now);
	} else if (session_claim_stands(s, now) && session_path_equal(p->from, &r->claim.path)) {
		if (p->newest)
			session_move_back(s, now);
	} else if (r->trial.active && session_path_equal(p->from, &r->trial.path)) {
		r->trial.received += len;
	} else if (p->newest && !r->trial.answered && mono_due(r->stay_until, now)) {
		session_trial_begin(s, len, now);
	}
}

/* Too late to be waited for by the next trial, too. */
static void
session_claim_answered(struct session *s, struct mono now)
{
	nsec_t twice = 2 * mono_since(s->roam.claim.began, now);

	if (twice > s->roam.patience)
		s->roam.patience = twice < SESSION_PATIENCE_MAX ? twice : SESSION_PATIENCE_MAX;
	session_move_back(s, now);
}

void
session_roam_reply(struct session *s, uint64_t id, struct mono now)
{
	struct session_trial *t = &s->roam.trial;

	if (session_claim_stands(s, now) && id == s->roam.claim.id) {
		session_claim_answered(s, now);
	} else if (t->active && id == t->present_id) {
		session_stay(s, now);
	} else if (t->active && id == t->id && session_path_equal(s->packet.from, &t->path)) {
		t->answered = true;
		session_trial_step(s, now);
	}
}

void
session_roam_tick(struct session *s, struct mono now)
{
	session_disarm(s, SESSION_TIMER_ROAM);
	if (s->roam.trial.active)
		session_trial_step(s, now);
}
