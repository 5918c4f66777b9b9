/* A server's table of sessions: the demultiplexer of handshakes, limits, and one queue of deadlines. */
#include "castswitch/sessions.h"

#include <stdlib.h>
#include <string.h>

#include "castswitch/cursor.h"
#include "castswitch/hash.h"
#include "castswitch/hmap.h"
#include "castswitch/list.h"
#include "castswitch/tbucket.h"
#include "castswitch/timerq.h"
#include "prefix_limit.h"
#include "session_impl.h"

enum { CLIENT_RANDOM_LEN = 32, REKEY_RATE = 1, REKEY_BURST = 4 };

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
	struct hmap by_path;    /* established entries, by the remote address that they have now */
	struct list handshakes; /* neither established nor closed, oldest first */
	struct list closed;     /* to be freed */
	struct prefix_limit limit;
	struct timerq timers;
	struct mono now;       /* of the call that is working */
	unsigned n_alive;      /* neither closed nor retired */
	unsigned n_handshakes; /* in 'handshakes' */
	unsigned n_rekeys;     /* handshakes of the other share, in no list */
	struct sessions_stats stats;
};

/* One session, its arg. */
struct entry {
	struct sessions *table;
	struct session *session; /* NULL while session_new() runs */
	struct hmap_node by_id, by_remote, by_prefix, by_path;
	struct list link; /* in 'handshakes' or 'closed', or in neither */
	struct timer timer;
	uint32_t id;
	struct endpoint remote;
	struct ipaddr prefix;
	uint8_t random[CLIENT_RANDOM_LEN]; /* of the ClientHello that began it */
	bool is_handshake, is_rekey;       /* the latter: in the other share */
	bool is_established;
	struct tbucket rekeys; /* if established: what it may begin */
};

/* A ClientHello that asks for a new handshake. */
struct knock {
	const struct path *from;
	struct ipaddr prefix;
	const uint8_t *random;
	struct entry *old;         /* the handshake in progress at that address; NULL = none */
	struct entry *established; /* the session on whose account it is; NULL = none */
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

static struct entry *
entry_by_path(const struct sessions *t, const struct endpoint *remote)
{
	HMAP_EACH_WITH_HASH (e, &t->by_path, remote_hash(t, remote), struct entry, by_path)
		if (endpoint_equal(&session_path(e->session)->remote, remote))
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
	if (e->is_rekey) {
		t->n_rekeys++;
		return;
	}
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
	if (e->is_rekey) {
		t->n_rekeys--;
		return;
	}
	hmap_remove(&t->by_prefix, &e->by_prefix);
	list_remove(&e->link);
	t->n_handshakes--;
}

static void
entry_begin_established(struct sessions *t, struct entry *e, struct mono now)
{
	e->is_established = true;
	tbucket_init(&e->rekeys, REKEY_RATE, REKEY_BURST, now);
	hmap_insert(&t->by_path, &e->by_path, remote_hash(t, &session_path(e->session)->remote));
}

/* It is retired, or closed. */
static void
entry_end_established(struct sessions *t, struct entry *e)
{
	if (!e->is_established)
		return;
	e->is_established = false;
	hmap_remove(&t->by_path, &e->by_path);
}

static void
entry_free(struct sessions *t, struct entry *e)
{
	entry_end_handshake(t, e);
	entry_end_established(t, e);
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
	e->table->now = now;
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

/* Whether there is such a session to take over from, and of the same peer, is for nobody else to say. */
static void
entry_link(struct entry *e, const struct sec_identity *who, uint32_t previous)
{
	struct entry *old = entry_by_id(e->table, previous);

	if (old && old->is_established && strcmp(session_peer(old->session)->name, who->name) == 0)
		(void)session_set_predecessor(e->session, old->session, e->table->now);
}

static enum tmsg_reason
entry_admit(void *arg, struct session *s, const struct sec_identity *who, const struct tmsg_hello *hello,
	    char ret_text[TMSG_TEXT_MAX + 1])
{
	struct entry *e = arg;
	struct sessions *t = e->table;

	if (hello->previous)
		entry_link(e, who, hello->previous);
	return t->ops.admit ? t->ops.admit(t->arg, s, who, hello, ret_text) : TMSG_REASON_NONE;
}

static void
entry_established(void *arg, struct session *s, struct mono now)
{
	struct entry *e = arg;
	struct sessions *t = e->table;

	entry_end_handshake(t, e);
	entry_begin_established(t, e, now);
	t->stats.handshakes_done++;
	if (t->ops.established)
		t->ops.established(t->arg, s, now);
}

/* Its rekeys are its predecessor's: who makes new sessions all the time gets no more of them. */
static void
entry_rekeyed(void *arg, struct session *s, struct session *old, struct mono now)
{
	struct entry *e = arg, *o = old->arg;
	struct sessions *t = e->table;

	entry_end_handshake(t, e);
	entry_begin_established(t, e, now);
	e->rekeys = o->rekeys;
	entry_end_established(t, o);
	entry_arm(o);
	t->n_alive--;
	t->stats.handshakes_done++;
	if (t->ops.rekeyed)
		t->ops.rekeyed(t->arg, s, old, now);
}

static void
entry_moved(void *arg, struct session *s, const struct path *before, struct mono now)
{
	struct entry *e = arg;
	struct sessions *t = e->table;

	hmap_remove(&t->by_path, &e->by_path);
	hmap_insert(&t->by_path, &e->by_path, remote_hash(t, &session_path(s)->remote));
	if (t->ops.moved)
		t->ops.moved(t->arg, s, before, now);
}

static void
entry_closed(void *arg, struct session *s, const struct session_close_info *info, struct mono now)
{
	struct entry *e = arg;
	struct sessions *t = e->table;

	entry_end_handshake(t, e);
	entry_end_established(t, e);
	list_push_back(&t->closed, &e->link);
	if (info->was_retired)
		return;
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
	.rekeyed = entry_rekeyed,
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
	hmap_init(&t->by_path);
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
	hmap_fini(&t->by_path);
	prefix_limit_fini(&t->limit);
	timerq_fini(&t->timers);
	free(t);
}

/* Makes room for one more: the oldest handshake goes.  An established session never does. */
static bool
sessions_make_room(struct sessions *t)
{
	while (t->n_alive >= t->params.max_sessions || t->n_handshakes >= t->params.max_handshakes) {
		struct list *oldest = list_first(&t->handshakes);

		if (!oldest)
			return false;
		session_close(container_of(oldest, struct entry, link)->session, TMSG_REASON_FULL,
			      "too many handshakes", t->now);
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
sessions_add(struct sessions *t, struct sec *sec, const struct knock *k)
{
	struct session_params params = t->params.session;
	struct entry *e = calloc(1, sizeof(*e));

	if (!e) {
		sec->ops->destroy(sec);
		return;
	}
	params.local_id = e->id = sessions_pick_id(t);
	e->table = t;
	e->remote = k->from->remote;
	e->prefix = k->prefix;
	e->is_rekey = k->established;
	memcpy(e->random, k->random, CLIENT_RANDOM_LEN);
	list_init(&e->link);
	timer_init(&e->timer, entry_fire);
	entry_begin_handshake(t, e);
	t->n_alive++;
	/* The first flight leaves from inside, and its output may close the session already. */
	e->session = session_new(&params, &entry_ops, e, sec, k->from, t->rng, t->now);
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
sessions_may_listen(const struct sessions *t, const struct knock *k)
{
	bool full = t->n_handshakes == 0 && t->n_alive >= t->params.max_sessions;

	if (k->established)
		return true;
	if (!prefix_limit_allows(&t->limit, &k->prefix, t->now))
		return false;
	return k->old || (!full && count_prefix(t, &k->prefix) < t->params.max_per_prefix);
}

/* Makes room for a new handshake whose cookie was valid, and pays for it. */
static bool
sessions_admit(struct sessions *t, const struct knock *k)
{
	if (!(k->established ? tbucket_take(&k->established->rekeys, 1, t->now)
			     : prefix_limit_take(&t->limit, &k->prefix, t->now)))
		return false;
	if (k->old)
		session_finish(k->old->session, SESSION_END_LOCAL, TMSG_REASON_NONE,
			       "replaced by a new handshake from its address", t->now);
	return k->established || sessions_make_room(t);
}

/* The established session that a handshake from this address is on account of: that share must not be used up. */
static struct entry *
sessions_payer(const struct sessions *t, const struct entry *old, const struct endpoint *remote)
{
	struct entry *e = entry_by_path(t, remote);
	bool room = t->n_rekeys <= t->params.max_handshakes / 4 || (old && old->is_rekey);
	struct tbucket copy;

	if (!e || !room)
		return NULL;
	copy = e->rekeys;
	return tbucket_take(&copy, 1, t->now) ? e : NULL;
}

/* A ClientHello that belongs to no handshake: only the listener may answer it.  The limits are looked at first, for the
 * listener's cookie costs a hash. */
static void
sessions_listen(struct sessions *t, struct entry *old, const struct path *from, const uint8_t *dgram, size_t len,
		const uint8_t random[CLIENT_RANDOM_LEN])
{
	const struct knock k = {
		.from = from,
		.prefix = prefix_limit_prefix(&from->remote.ip),
		.random = random,
		.old = old,
		.established = sessions_payer(t, old, &from->remote),
	};
	struct sec *sec;

	if (!sessions_may_listen(t, &k)) {
		sessions_count_drop(t, DROP_HANDSHAKE_LIMIT);
		return;
	}
	sec = t->listener->ops->input(t->listener, from, dgram, len, t->now);
	if (!sec)
		return;
	if (sessions_admit(t, &k)) {
		sessions_add(t, sec, &k);
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
	t->now = now;
	e = entry_by_remote(t, &from->remote);
	if (tmsg_client_hello(dgram, len, random) && !(e && memcmp(e->random, random, sizeof(random)) == 0)) {
		sessions_listen(t, e, from, dgram, len, random);
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
		if (e->session->state < SESSION_RETIRED)
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
