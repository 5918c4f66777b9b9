/* A client's search for a server: rounds over all addresses of all remotes, one session at a time, with backoff.
 *
 * Every try begins in connector_tick(), so never inside a callback of the session before it, which can then be freed.
 */
#include "castswitch/connector.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECTOR_WAIT_MIN (500 * NSEC_PER_MSEC)
#define CONNECTOR_WAIT_MAX (30 * NSEC_PER_SEC)
#define CONNECTOR_STABLE (10 * NSEC_PER_SEC) /* established this long: a loss is no failure to connect */
#define CONNECTOR_LOST_MIN (10 * NSEC_PER_MSEC)
#define CONNECTOR_LOST_MAX (250 * NSEC_PER_MSEC)
#define CONNECTOR_RESOLVE_MAX (30 * NSEC_PER_SEC)
#define CONNECTOR_REPLACED_WAIT (60 * NSEC_PER_SEC)
#define CONNECTOR_REKEY_WAIT_MIN (5 * NSEC_PER_SEC)
#define CONNECTOR_REKEY_WAIT_MAX (300 * NSEC_PER_SEC)

/* Between two ticks the former keys' session can end when the present one is succeeded, and then each that is there. */
enum { CONNECTOR_MAX_ENDED = 4 };

struct connector {
	struct connector_params params;
	struct connector_ops ops;
	void *arg;
	const struct rng *rng;
	enum connector_state state;
	unsigned remote;
	struct endpoint addrs[CONNECTOR_MAX_ADDRS];
	unsigned n_addrs, next_addr; /* of the present remote */
	nsec_t wait;                 /* after the next round that fails, without jitter */
	struct mono due;             /* WAITING: the next try; RESOLVING: the end of patience */
	struct session *session;
	struct session *next;                       /* with its next keys, not yet confirmed */
	struct session *retired;                    /* with its former keys */
	bool rekey_due;                             /* 'next' is to be made */
	nsec_t rekey_wait;                          /* after the next rekey that fails, without jitter */
	struct session *ended[CONNECTOR_MAX_ENDED]; /* closed, freed by the next tick */
	unsigned n_ended;
};

const char *
connector_state_name(enum connector_state st)
{
	switch (st) {
	case CONNECTOR_IDLE:
		return "idle";
	case CONNECTOR_RESOLVING:
		return "resolving";
	case CONNECTOR_CONNECTING:
		return "connecting";
	case CONNECTOR_CONNECTED:
		return "connected";
	case CONNECTOR_WAITING:
		return "waiting";
	}
	return "unknown";
}

/* --- when to try again --- */

/* Uniform in [low, high]. */
static nsec_t
connector_between(const struct connector *c, nsec_t low, nsec_t high)
{
	return low + rng_below(c->rng, high - low + 1);
}

static void
connector_rewind(struct connector *c)
{
	c->remote = 0;
	c->n_addrs = c->next_addr = 0;
}

/* The present wait with jitter, and twice of it next time. */
static nsec_t
connector_double(const struct connector *c, nsec_t *wait, nsec_t max)
{
	nsec_t w = *wait;

	*wait = w * 2 < max ? w * 2 : max;
	return connector_between(c, w - w / 4, w + w / 4);
}

/* A round has failed. */
static nsec_t
connector_backoff(struct connector *c)
{
	connector_rewind(c);
	return connector_double(c, &c->wait, CONNECTOR_WAIT_MAX);
}

/* The present address failed: the next one follows at once, or the next remote, or a pause. */
static nsec_t
connector_advance(struct connector *c)
{
	if (c->next_addr < c->n_addrs)
		return 0;
	c->n_addrs = c->next_addr = 0;
	if (++c->remote < c->params.n_remotes)
		return 0;
	return connector_backoff(c);
}

/* An established session ended.  One that held starts afresh; one that did not counts as a failed round, or a server
 * that accepts and falls over would be hammered. */
static nsec_t
connector_restart(struct connector *c, nsec_t held)
{
	if (held < CONNECTOR_STABLE)
		return connector_backoff(c);
	connector_rewind(c);
	c->wait = CONNECTOR_WAIT_MIN;
	return connector_between(c, CONNECTOR_LOST_MIN, CONNECTOR_LOST_MAX);
}

/* Goes on after a try that failed or a session that ended. */
static void
connector_retry(struct connector *c, struct session *s, const struct session_close_info *info, struct mono now)
{
	nsec_t in = info->was_established ? connector_restart(c, mono_since(session_established_at(s), now))
					  : connector_advance(c);

	if (info->reason == TMSG_REASON_REPLACED) {
		connector_rewind(c);
		in = connector_between(c, CONNECTOR_REPLACED_WAIT,
				       CONNECTOR_REPLACED_WAIT + CONNECTOR_REPLACED_WAIT / 4);
	}
	c->state = CONNECTOR_WAITING;
	c->due = mono_add(now, in);
	if (c->ops.lost)
		c->ops.lost(c->arg, s, info, in, now);
}

/* A try that failed before there was a session. */
static void
connector_no_session(struct connector *c, const char *error, struct mono now)
{
	struct session_close_info info = { .end = SESSION_END_NONE };

	snprintf(info.text, sizeof(info.text), "%s", error && error[0] ? error : "unknown error");
	connector_retry(c, NULL, &info, now);
}

/* --- what the session says --- */

static void
connector_output(void *arg, struct session *s, const struct path *path, const uint8_t *dgram, size_t len)
{
	struct connector *c = arg;

	c->ops.output(c->arg, s, path, dgram, len);
}

static void
connector_established(void *arg, struct session *s, struct mono now)
{
	struct connector *c = arg;

	c->state = CONNECTOR_CONNECTED;
	c->rekey_wait = CONNECTOR_REKEY_WAIT_MIN;
	if (c->ops.established)
		c->ops.established(c->arg, s, now);
}

static void
connector_pushed(void *arg, struct session *s, const struct tmsg_push *push, struct mono now)
{
	struct connector *c = arg;

	if (c->ops.pushed)
		c->ops.pushed(c->arg, s, push, now);
}

static void
connector_probing(void *arg, struct session *s, struct mono now)
{
	struct connector *c = arg;

	if (c->ops.probing)
		c->ops.probing(c->arg, s, now);
}

/* From inside of a tick: the handshake begins when that has run. */
static void
connector_rekey_due(void *arg, struct session *s, struct mono now)
{
	struct connector *c = arg;

	(void)s;
	(void)now;
	c->rekey_due = true;
}

static void
connector_rekeyed(void *arg, struct session *s, struct session *old, struct mono now)
{
	struct connector *c = arg;

	c->session = s;
	c->retired = old;
	c->next = NULL;
	c->rekey_wait = CONNECTOR_REKEY_WAIT_MIN;
	if (c->ops.rekeyed)
		c->ops.rekeyed(c->arg, s, old, now);
}

static void
connector_rekey_failed(struct connector *c, const struct session_close_info *info, struct mono now)
{
	nsec_t in = connector_double(c, &c->rekey_wait, CONNECTOR_REKEY_WAIT_MAX);

	session_rekey_again(c->session, mono_add(now, in));
	if (c->ops.rekey_failed)
		c->ops.rekey_failed(c->arg, info, in, now);
}

/* Of the two that are not the present session only the retired one was established; and while there is a present one,
 * whoever else ends was to be the next, even before it is known as that. */
static void
connector_closed(void *arg, struct session *s, const struct session_close_info *info, struct mono now)
{
	struct connector *c = arg;

	assert(c->n_ended < CONNECTOR_MAX_ENDED);
	c->ended[c->n_ended++] = s;
	if (info->was_retired) {
		if (c->retired == s)
			c->retired = NULL;
	} else if (c->session && c->session != s) {
		c->next = NULL;
		if (session_state(c->session) == SESSION_ESTABLISHED)
			connector_rekey_failed(c, info, now);
	} else {
		c->session = NULL;
		if (c->state != CONNECTOR_IDLE)
			connector_retry(c, s, info, now);
	}
}

static const struct session_ops connector_session_ops = {
	.output = connector_output,
	.established = connector_established,
	.pushed = connector_pushed,
	.rekeyed = connector_rekeyed,
	.rekey_due = connector_rekey_due,
	.probing = connector_probing,
	.closed = connector_closed,
};

/* --- trying --- */

static uint32_t
connector_pick_id(const struct connector *c)
{
	uint32_t id;

	do
		id = rng_u32(c->rng);
	while (id == 0 || connector_find(c, id));
	return id;
}

/* Begins a session with the next address of the present remote. */
static void
connector_try(struct connector *c, struct mono now)
{
	struct path path = { .remote = c->addrs[c->next_addr++] };
	struct session_params params = c->params.session;
	char error[SEC_ERROR_MAX] = "";
	struct sec *sec = c->ops.open(c->arg, c->remote, &path.remote, error);
	struct session *s;

	if (!sec) {
		connector_no_session(c, error, now);
		return;
	}
	path.ifindex = path.remote.scope_id;
	params.flags = c->params.session.flags; /* open() may have set others */
	params.local_id = connector_pick_id(c);
	c->state = CONNECTOR_CONNECTING;
	s = session_new(&params, &connector_session_ops, c, sec, &path, c->rng, now);
	if (!s)
		connector_no_session(c, "out of memory", now);
	else if (session_state(s) != SESSION_CLOSED) /* by the output of its first flight */
		c->session = s;
}

/* Begins a session with new keys beside the present one. */
static void
connector_rekey(struct connector *c, struct mono now)
{
	struct session_params params = c->params.session;
	struct session_close_info info = { .end = SESSION_END_NONE };
	struct sec *sec;
	struct session *s = NULL;

	c->rekey_due = false;
	if (!c->session || session_state(c->session) != SESSION_ESTABLISHED || c->next || !c->ops.rekey)
		return;
	sec = c->ops.rekey(c->arg, c->remote, info.text);
	params.local_id = connector_pick_id(c);
	params.previous = session_remote_id(c->session);
	if (sec)
		s = session_new(&params, &connector_session_ops, c, sec, session_path(c->session), c->rng, now);
	if (sec && !s)
		snprintf(info.text, sizeof(info.text), "out of memory");
	if (!s)
		connector_rekey_failed(c, &info, now);
	else if (session_set_predecessor(s, c->session, now))
		c->next = s;
}

void
connector_resolved(struct connector *c, unsigned remote, const struct endpoint *addrs, unsigned n, const char *error,
		   struct mono now)
{
	if (c->state != CONNECTOR_RESOLVING || remote != c->remote)
		return;
	c->n_addrs = n < CONNECTOR_MAX_ADDRS ? n : CONNECTOR_MAX_ADDRS;
	c->next_addr = 0;
	if (c->n_addrs == 0) {
		connector_no_session(c, error, now);
		return;
	}
	memcpy(c->addrs, addrs, c->n_addrs * sizeof(*addrs));
	connector_try(c, now);
}

static void
connector_begin(struct connector *c, struct mono now)
{
	if (c->next_addr < c->n_addrs) {
		connector_try(c, now);
		return;
	}
	c->state = CONNECTOR_RESOLVING;
	c->due = mono_add(now, CONNECTOR_RESOLVE_MAX);
	c->ops.resolve(c->arg, c->remote);
}

/* --- life --- */

struct connector *
connector_new(const struct connector_params *params, const struct connector_ops *ops, void *arg, const struct rng *rng)
{
	struct connector *c;

	assert(params->n_remotes >= 1 && params->n_remotes <= CONNECTOR_MAX_REMOTES);
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->params = *params;
	c->params.session.role = SESSION_CLIENT;
	c->ops = *ops;
	c->arg = arg;
	c->rng = rng;
	c->state = CONNECTOR_IDLE;
	c->wait = CONNECTOR_WAIT_MIN;
	return c;
}

static void
connector_free_ended(struct connector *c)
{
	while (c->n_ended)
		session_free(c->ended[--c->n_ended]);
}

void
connector_free(struct connector *c)
{
	if (!c)
		return;
	connector_free_ended(c);
	session_free(c->session);
	session_free(c->next);
	session_free(c->retired);
	free(c);
}

void
connector_start(struct connector *c, struct mono now)
{
	if (c->state != CONNECTOR_IDLE)
		return;
	connector_rewind(c);
	c->wait = CONNECTOR_WAIT_MIN;
	c->state = CONNECTOR_WAITING;
	c->due = now;
}

void
connector_stop(struct connector *c, struct mono now)
{
	c->state = CONNECTOR_IDLE;
	if (c->session)
		session_close(c->session, TMSG_REASON_SHUTDOWN, "", now);
}

void
connector_handshake_input(struct connector *c, const struct path *from, const uint8_t *dgram, size_t len,
			  struct mono now)
{
	struct session *s = c->next ? c->next : c->session;

	if (s && endpoint_equal(&from->remote, &session_path(s)->remote))
		session_handshake_input(s, dgram, len, now);
}

void
connector_set_rekey(struct connector *c, nsec_t rekey)
{
	c->params.session.rekey = rekey;
	if (c->session)
		session_set_rekey(c->session, rekey);
	if (c->next)
		session_set_rekey(c->next, rekey);
}

void
connector_set_flags(struct connector *c, uint32_t flags)
{
	c->params.session.flags = flags;
}

/* --- looking --- */

struct session *
connector_find(const struct connector *c, uint32_t receiver)
{
	struct session *const all[] = { c->session, c->next, c->retired };

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i] && session_local_id(all[i]) == receiver)
			return all[i];
	return NULL;
}

struct session *
connector_session(const struct connector *c)
{
	return c->session;
}

enum connector_state
connector_state(const struct connector *c)
{
	return c->state;
}

unsigned
connector_remote(const struct connector *c)
{
	return c->remote;
}

/* --- time --- */

void
connector_tick(struct connector *c, struct mono now)
{
	connector_free_ended(c);
	if (c->next)
		session_tick(c->next, now);
	if (c->retired)
		session_tick(c->retired, now);
	if (c->session)
		session_tick(c->session, now);
	else if (c->state == CONNECTOR_WAITING && mono_due(c->due, now))
		connector_begin(c, now);
	else if (c->state == CONNECTOR_RESOLVING && mono_due(c->due, now))
		connector_no_session(c, "no answer from the resolver", now);
	if (c->rekey_due)
		connector_rekey(c, now);
}

struct mono
connector_next(const struct connector *c)
{
	struct mono next = MONO_NEVER;

	if (c->n_ended)
		return MONO_ZERO;
	if (c->next)
		next = mono_min(next, session_next(c->next));
	if (c->retired)
		next = mono_min(next, session_next(c->retired));
	if (c->session)
		return mono_min(next, session_next(c->session));
	return c->state == CONNECTOR_WAITING || c->state == CONNECTOR_RESOLVING ? c->due : MONO_NEVER;
}
