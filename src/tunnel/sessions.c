/* A server's table of sessions: the demultiplexer of handshakes, limits, and one queue of deadlines. */
#include "castswitch/sessions.h"

#include <stdlib.h>
#include <string.h>

#include "castswitch/cursor.h"
#include "castswitch/hash.h"
#include "castswitch/hmap.h"
#include "castswitch/list.h"
#include "castswitch/timerq.h"
#include "prefix_limit.h"
#include "session_impl.h"

enum { CLIENT_RANDOM_LEN = 32 };

struct sessions {
	struct sessions_params params;
	struct session_ops ops;
	void *arg;
	struct sec_listener *listener;
	const struct rng *rng;
	struct hash_key key;
	struct hmap by_id;      /* every entry; ids are random and ours, so they are their own hash */
	struct hmap by_remote;  /* entries in 'handshakes' */
	struct hmap by_prefix;  /* the same */
	struct list handshakes; /* neither established nor closed, oldest first */
	struct list closed;     /* to be freed */
	struct prefix_limit limit;
	struct timerq timers;
	unsigned n_alive; /* not closed */
	unsigned n_handshakes;
	struct sessions_stats stats;
};

/* One session, its arg. */
struct entry {
	struct sessions *table;
	struct session *session; /* NULL while session_new() runs */
	struct hmap_node by_id, by_remote, by_prefix;
	struct list link; /* in 'handshakes' or 'closed', or in neither */
	struct timer timer;
	uint32_t id;
	struct endpoint remote;
	struct ipaddr prefix;
	uint8_t random[CLIENT_RANDOM_LEN]; /* of the ClientHello that began it */
	bool is_handshake;
};

/* --- keys --- */

static uint64_t
remote_hash(const struct sessions *t, const struct endpoint *e)
{
	uint8_t buf[sizeof(e->ip.b) + 2 + 4];
	struct wcur w = wcur_of(buf, sizeof(buf));

	wcur_bytes(&w, e->ip.b, sizeof(e->ip.b));
	wcur_u16(&w, e->port);
	wcur_u32(&w, e->scope_id);
	return hash_bytes(&t->key, buf, sizeof(buf));
}

static uint64_t
prefix_hash(const struct sessions *t, const struct ipaddr *prefix)
{
	return hash_bytes(&t->key, prefix->b, sizeof(prefix->b));
}

static struct entry *
entry_by_id(const struct sessions *t, uint32_t id)
{
	HMAP_EACH_WITH_HASH (e, &t->by_id, id, struct entry, by_id)
		if (e->id == id)
			return e;
	return NULL;
}

static struct entry *
entry_by_remote(const struct sessions *t, const struct endpoint *remote)
{
	HMAP_EACH_WITH_HASH (e, &t->by_remote, remote_hash(t, remote), struct entry, by_remote)
		if (endpoint_equal(&e->remote, remote))
			return e;
	return NULL;
}

/* At most max_per_prefix steps. */
static unsigned
count_prefix(const struct sessions *t, const struct ipaddr *prefix)
{
	unsigned n = 0;

	HMAP_EACH_WITH_HASH (e, &t->by_prefix, prefix_hash(t, prefix), struct entry, by_prefix)
		n += ipaddr_equal(&e->prefix, prefix);
	return n;
}

/* --- life of an entry --- */

static void
entry_begin_handshake(struct sessions *t, struct entry *e)
{
	e->is_handshake = true;
	hmap_insert(&t->by_remote, &e->by_remote, remote_hash(t, &e->remote));
	hmap_insert(&t->by_prefix, &e->by_prefix, prefix_hash(t, &e->prefix));
	list_push_back(&t->handshakes, &e->link);
	t->n_handshakes++;
}

/* It is established, or closed: its address no longer finds it. */
static void
entry_end_handshake(struct sessions *t, struct entry *e)
{
	if (!e->is_handshake)
		return;
	e->is_handshake = false;
	hmap_remove(&t->by_remote, &e->by_remote);
	hmap_remove(&t->by_prefix, &e->by_prefix);
	list_remove(&e->link);
	t->n_handshakes--;
}

static void
entry_free(struct sessions *t, struct entry *e)
{
	entry_end_handshake(t, e);
	timerq_cancel(&t->timers, &e->timer);
	hmap_remove(&t->by_id, &e->by_id);
	list_remove(&e->link);
	session_free(e->session);
	free(e);
}

static void
sessions_reap(struct sessions *t)
{
	struct list *l;

	while ((l = list_first(&t->closed)))
		entry_free(t, container_of(l, struct entry, link));
}

static void
entry_arm(struct entry *e)
{
	timerq_arm(&e->table->timers, &e->timer, session_next(e->session));
}

static void
entry_fire(struct timer *timer, void *arg, struct mono now)
{
	struct entry *e = container_of(timer, struct entry, timer);

	(void)arg;
	session_tick(e->session, now);
	entry_arm(e);
}

/* --- what sessions say --- */

static void
entry_output(void *arg, struct session *s, const struct path *path, const uint8_t *dgram, size_t len)
{
	const struct entry *e = arg;

	e->table->ops.output(e->table->arg, s, path, dgram, len);
}

static enum tmsg_reason
entry_admit(void *arg, struct session *s, const struct sec_identity *who, const struct tmsg_hello *hello,
	    char ret_text[TMSG_TEXT_MAX + 1])
{
	struct sessions *t = ((struct entry *)arg)->table;

	return t->ops.admit ? t->ops.admit(t->arg, s, who, hello, ret_text) : TMSG_REASON_NONE;
}

static void
entry_established(void *arg, struct session *s, struct mono now)
{
	struct entry *e = arg;
	struct sessions *t = e->table;

	entry_end_handshake(t, e);
	t->stats.handshakes_done++;
	if (t->ops.established)
		t->ops.established(t->arg, s, now);
}

static void
entry_moved(void *arg, struct session *s, const struct path *before, struct mono now)
{
	struct sessions *t = ((struct entry *)arg)->table;

	if (t->ops.moved)
		t->ops.moved(t->arg, s, before, now);
}

static void
entry_closed(void *arg, struct session *s, const struct session_close_info *info, struct mono now)
{
	struct entry *e = arg;
	struct sessions *t = e->table;

	entry_end_handshake(t, e);
	list_push_back(&t->closed, &e->link);
	t->n_alive--;
	if (t->ops.closed)
		t->ops.closed(t->arg, s, info, now);
}

static void
entry_sooner(void *arg, struct session *s)
{
	(void)s;
	entry_arm(arg);
}

static const struct session_ops entry_ops = {
	.output = entry_output,
	.admit = entry_admit,
	.established = entry_established,
	.moved = entry_moved,
	.sooner = entry_sooner,
	.closed = entry_closed,
};

/* --- the table --- */

struct sessions *
sessions_new(const struct sessions_params *params, const struct session_ops *ops, void *arg,
	     struct sec_listener *listener,
	     void (*listen_output)(void *arg, const struct path *path, const uint8_t *dgram, size_t len),
	     const struct rng *rng, struct mono now)
{
	struct sessions *t = calloc(1, sizeof(*t));

	(void)now;
	if (!t)
		return NULL;
	t->params = *params;
	t->params.session.role = SESSION_SERVER;
	t->ops = *ops;
	t->arg = arg;
	t->listener = listener;
	t->rng = rng;
	t->key = (struct hash_key){ .k0 = rng_u64(rng), .k1 = rng_u64(rng) };
	hmap_init(&t->by_id);
	hmap_init(&t->by_remote);
	hmap_init(&t->by_prefix);
	list_init(&t->handshakes);
	list_init(&t->closed);
	timerq_init(&t->timers);
	prefix_limit_init(&t->limit, params->handshake_rate ? params->handshake_rate : SESSIONS_HANDSHAKE_RATE,
			  params->handshake_burst ? params->handshake_burst : SESSIONS_HANDSHAKE_BURST, &t->key);
	listener->output = listen_output;
	listener->arg = arg;
	return t;
}

void
sessions_free(struct sessions *t)
{
	if (!t)
		return;
	HMAP_EACH_SAFE (e, next, &t->by_id, struct entry, by_id)
		entry_free(t, e);
	hmap_fini(&t->by_id);
	hmap_fini(&t->by_remote);
	hmap_fini(&t->by_prefix);
	prefix_limit_fini(&t->limit);
	timerq_fini(&t->timers);
	free(t);
}

/* Makes room for one more: the oldest handshake goes.  An established session never does. */
static bool
sessions_make_room(struct sessions *t, struct mono now)
{
	while (t->n_alive >= t->params.max_sessions || t->n_handshakes >= t->params.max_handshakes) {
		struct list *oldest = list_first(&t->handshakes);

		if (!oldest)
			return false;
		session_close(container_of(oldest, struct entry, link)->session, TMSG_REASON_FULL,
			      "too many handshakes", now);
	}
	return true;
}

static uint32_t
sessions_pick_id(const struct sessions *t)
{
	uint32_t id;

	do
		id = rng_u32(t->rng);
	while (id == 0 || entry_by_id(t, id));
	return id;
}

/* Takes ownership of sec. */
static void
sessions_add(struct sessions *t, struct sec *sec, const struct path *from, const uint8_t random[CLIENT_RANDOM_LEN],
	     struct mono now)
{
	struct session_params params = t->params.session;
	struct entry *e = calloc(1, sizeof(*e));

	if (!e) {
		sec->ops->destroy(sec);
		return;
	}
	params.local_id = e->id = sessions_pick_id(t);
	e->table = t;
	e->remote = from->remote;
	e->prefix = prefix_limit_prefix(&from->remote.ip);
	memcpy(e->random, random, CLIENT_RANDOM_LEN);
	list_init(&e->link);
	timer_init(&e->timer, entry_fire);
	entry_begin_handshake(t, e);
	t->n_alive++;
	/* The first flight leaves from inside, and its output may close the session already. */
	e->session = session_new(&params, &entry_ops, e, sec, from, t->rng, now);
	if (!e->session) {
		entry_end_handshake(t, e);
		t->n_alive--;
		free(e);
		return;
	}
	hmap_insert(&t->by_id, &e->by_id, e->id);
	t->stats.handshakes_started++;
	entry_arm(e);
}

/* Whether the limits let the listener see a ClientHello.  One that would replace a handshake of the same address needs
 * no room. */
static bool
sessions_may_listen(const struct sessions *t, const struct entry *old, const struct ipaddr *prefix, struct mono now)
{
	bool full = t->n_handshakes == 0 && t->n_alive >= t->params.max_sessions;

	if (!prefix_limit_allows(&t->limit, prefix, now))
		return false;
	return old || (!full && count_prefix(t, prefix) < t->params.max_per_prefix);
}

/* Makes room for a new handshake whose cookie was valid, and pays for it. */
static bool
sessions_admit(struct sessions *t, struct entry *old, const struct ipaddr *prefix, struct mono now)
{
	if (!prefix_limit_take(&t->limit, prefix, now))
		return false;
	if (old)
		session_finish(old->session, SESSION_END_LOCAL, TMSG_REASON_NONE,
			       "replaced by a new handshake from its address", now);
	return sessions_make_room(t, now);
}

/* A ClientHello that belongs to no handshake: only the listener may answer it.  The limits are looked at first, for the
 * listener's cookie costs a hash. */
static void
sessions_listen(struct sessions *t, struct entry *old, const struct path *from, const uint8_t *dgram, size_t len,
		const uint8_t random[CLIENT_RANDOM_LEN], struct mono now)
{
	struct ipaddr prefix = prefix_limit_prefix(&from->remote.ip);
	struct sec *sec;

	if (!sessions_may_listen(t, old, &prefix, now)) {
		sessions_count_drop(t, DROP_HANDSHAKE_LIMIT);
		return;
	}
	sec = t->listener->ops->input(t->listener, from, dgram, len, now);
	if (!sec)
		return;
	if (sessions_admit(t, old, &prefix, now)) {
		sessions_add(t, sec, from, random, now);
	} else {
		sec->ops->destroy(sec);
		sessions_count_drop(t, DROP_HANDSHAKE_LIMIT);
	}
}

void
sessions_handshake_input(struct sessions *t, const struct path *from, const uint8_t *dgram, size_t len, struct mono now)
{
	uint8_t random[CLIENT_RANDOM_LEN];
	struct entry *e;

	sessions_reap(t);
	e = entry_by_remote(t, &from->remote);
	if (tmsg_client_hello(dgram, len, random) && !(e && memcmp(e->random, random, sizeof(random)) == 0)) {
		sessions_listen(t, e, from, dgram, len, random, now);
	} else if (e) {
		session_handshake_input(e->session, dgram, len, now);
		entry_arm(e);
	} else {
		sessions_count_drop(t, DROP_HANDSHAKE_STRAY);
	}
}

struct session *
sessions_find(const struct sessions *t, uint32_t receiver)
{
	const struct entry *e = entry_by_id(t, receiver);

	return e && e->session->state != SESSION_CLOSED ? e->session : NULL;
}

void
sessions_count_drop(struct sessions *t, enum drop_reason r)
{
	t->stats.drops[r]++;
}

/* --- time --- */

void
sessions_tick(struct sessions *t, struct mono now)
{
	sessions_reap(t);
	timerq_run(&t->timers, now, t);
}

struct mono
sessions_next(const struct sessions *t)
{
	return list_is_empty(&t->closed) ? timerq_next(&t->timers) : MONO_ZERO;
}

/* A deadline that moved later is found out when the old one fires. */
void
sessions_touch(struct sessions *t, struct session *s)
{
	struct entry *e = s->arg;

	(void)t;
	if (mono_before(session_next(s), timer_at(&e->timer)))
		entry_arm(e);
}

/* --- looking --- */

void
sessions_each(struct sessions *t, void (*fn)(void *arg, struct session *s), void *arg)
{
	HMAP_EACH (e, &t->by_id, struct entry, by_id)
		if (e->session->state != SESSION_CLOSED)
			fn(arg, e->session);
}

unsigned
sessions_count(const struct sessions *t)
{
	return t->n_alive;
}

const struct sessions_stats *
sessions_stats(const struct sessions *t)
{
	return &t->stats;
}
