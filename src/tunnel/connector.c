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
	struct session *ended; /* closed, freed by the next tick */
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

/* A round has failed. */
static nsec_t
connector_backoff(struct connector *c)
{
	nsec_t wait = c->wait;

	connector_rewind(c);
	c->wait = wait * 2 < CONNECTOR_WAIT_MAX ? wait * 2 : CONNECTOR_WAIT_MAX;
	return connector_between(c, wait - wait / 4, wait + wait / 4);
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

static void
connector_closed(void *arg, struct session *s, const struct session_close_info *info, struct mono now)
{
	struct connector *c = arg;

	c->ended = s;
	c->session = NULL;
	if (c->state != CONNECTOR_IDLE)
		connector_retry(c, s, info, now);
}

static const struct session_ops connector_session_ops = {
	.output = connector_output,
	.established = connector_established,
	.pushed = connector_pushed,
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
	while (id == 0);
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
	params.local_id = connector_pick_id(c);
	c->state = CONNECTOR_CONNECTING;
	s = session_new(&params, &connector_session_ops, c, sec, &path, c->rng, now);
	if (!s)
		connector_no_session(c, "out of memory", now);
	else if (s != c->ended) /* the output of its first flight may have closed it */
		c->session = s;
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

void
connector_free(struct connector *c)
{
	if (!c)
		return;
	session_free(c->session);
	session_free(c->ended);
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
	if (c->session && endpoint_equal(&from->remote, &session_path(c->session)->remote))
		session_handshake_input(c->session, dgram, len, now);
}

/* --- looking --- */

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
	session_free(c->ended);
	c->ended = NULL;
	if (c->session)
		session_tick(c->session, now);
	else if (c->state == CONNECTOR_WAITING && mono_due(c->due, now))
		connector_begin(c, now);
	else if (c->state == CONNECTOR_RESOLVING && mono_due(c->due, now))
		connector_no_session(c, "no answer from the resolver", now);
}

struct mono
connector_next(const struct connector *c)
{
	if (c->ended)
		return MONO_ZERO;
	if (c->session)
		return session_next(c->session);
	return c->state == CONNECTOR_WAITING || c->state == CONNECTOR_RESOLVING ? c->due : MONO_NEVER;
}
