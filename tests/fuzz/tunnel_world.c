/* The world of the handshake target, see tunnel_world.h. */
#include "fuzz/tunnel_world.h"

#include <string.h>

#include "castswitch/dtls.h"
#include "fuzz/fuzz.h"
#include "lib/testcert.h"

enum { MAX_SESSIONS = 6, MAX_HANDSHAKES = 4, MAX_PER_PREFIX = 3, HANDSHAKE_RATE = 1, HANDSHAKE_BURST = 7 };
/* Handshakes from addresses of established sessions that may come on top (sessions.h). */
enum { MAX_REKEYS = MAX_HANDSHAKES / 4 + 1 };
#define BEGINNING mono_from_ns(1000 * NSEC_PER_SEC)

/* Some addresses share a prefix, some differ only in the port or the interface. */
struct path
world_path(unsigned who)
{
	struct path p = { .remote.port = (uint16_t)(40000 + who / 8) };

	if (who % 8 < 4) {
		p.remote.ip = ipaddr_v4_u32(0xc0000200 + who % 4);
		return p;
	}
	p.remote.ip.b[0] = who % 8 == 7 ? 0xfe : 0x20;
	p.remote.ip.b[1] = who % 8 == 7 ? 0x80 : 0x01;
	p.remote.ip.b[6] = who % 8 == 6; /* another /56 */
	p.remote.ip.b[15] = who % 8 == 5;
	p.remote.scope_id = who % 8 == 7 ? 1 + who / 16 : 0;
	return p;
}

/* What the limits of handshakes are for: an IPv4 address, an IPv6 /56. */
static struct ipaddr
prefix_of(const struct ipaddr *a)
{
	struct ipaddr prefix = *a;

	if (!ipaddr_is_v4(a))
		memset(prefix.b + 7, 0, sizeof(prefix.b) - 7);
	return prefix;
}

/* Nobody begins more handshakes than the bucket of his prefix allows. */
static void
count_begun(struct world *w, const struct path *from)
{
	const struct ipaddr prefix = prefix_of(&from->remote.ip);
	const nsec_t age = mono_since(BEGINNING, w->now);

	for (unsigned who = 0; who < WORLD_ADDRESSES; who++) {
		const struct path known = world_path(who);
		const struct ipaddr other = prefix_of(&known.remote.ip);

		if (!ipaddr_equal(&prefix, &other))
			continue;
		w->begun[who]++;
		FUZZ_CHECK(w->begun[who] <= HANDSHAKE_BURST + age * HANDSHAKE_RATE / NSEC_PER_SEC +
						    w->established * (4 + age / NSEC_PER_SEC));
		return;
	}
	FUZZ_CHECK(!"an address that nobody has");
}

static struct sec *
front_input(struct sec_listener *l, const struct path *path, const uint8_t *dgram, size_t len, struct mono now)
{
	struct world *w = l->arg;
	struct sec *sec = w->listener->ops->input(w->listener, path, dgram, len, now);

	if (sec)
		count_begun(w, path);
	return sec;
}

/* --- what the sessions say --- */

static void
on_output(void *arg, struct session *s, const struct path *path, const uint8_t *dgram, size_t len)
{
	struct world *w = arg;

	FUZZ_CHECK(path != NULL && len > 0 && len <= (w->mode & MODE_DTLS ? DTLS_MAX_DGRAM : TMSG_MAX + TMSG_OVERHEAD));
	FUZZ_CHECK(tmsg_classify(dgram, len) != TMSG_CLASS_UNKNOWN);
	if (w->trap && --w->trap == 0)
		session_close(s, TMSG_REASON_KICKED, "trap", w->now);
}

/* An answer to somebody who has not shown that the address is his must not be larger than the question. */
static void
on_listen_output(void *arg, const struct path *path, const uint8_t *dgram, size_t len)
{
	struct world *w = arg;

	FUZZ_CHECK(tmsg_classify(dgram, len) == TMSG_CLASS_DTLS && len <= w->asking);
	for (unsigned who = 0; who < WORLD_ADDRESSES; who++) {
		const struct path known = world_path(who);

		if (endpoint_equal(&known.remote, &path->remote))
			hello_take_cookie(dgram, len, &w->cookies[who]);
	}
}

static enum tmsg_reason
on_admit(void *arg, struct session *s, const struct sec_identity *who, const struct tmsg_hello *hello,
	 char ret_text[TMSG_TEXT_MAX + 1])
{
	const struct world *w = arg;

	FUZZ_CHECK(session_state(s) == SESSION_HELLO && who->name[0] && hello->receiver != 0);
	if (!(w->mode & MODE_REFUSE))
		return TMSG_REASON_NONE;
	snprintf(ret_text, TMSG_TEXT_MAX + 1, "%s", hello->flags ? "not you" : "");
	return TMSG_REASON_DISABLED;
}

void
world_push(struct session *s, struct mono now)
{
	struct tmsg_push p = { .n_addrs = 1, .mtu = 1400, .keepalive = 20 * NSEC_PER_SEC };

	p.addrs[0] = (struct ipprefix){ ipaddr_v4_u32(0x0a080014), 24 };
	session_push(s, &p, now);
}

static void
on_established(void *arg, struct session *s, struct mono now)
{
	struct world *w = arg;

	FUZZ_CHECK(session_state(s) == SESSION_ESTABLISHED && session_remote_id(s) != 0 && session_peer(s) != NULL);
	w->established++;
	if (w->mode & MODE_PUSH)
		world_push(s, now);
}

static void
on_pushed(void *arg, struct session *s, const struct tmsg_push *p, struct mono now)
{
	const struct world *w = arg;

	(void)now;
	FUZZ_CHECK((w->mode & MODE_CLIENT) && session_state(s) == SESSION_ESTABLISHED && p->n_addrs <= TMSG_MAX_ADDRS);
}

static void
on_closed(void *arg, struct session *s, const struct session_close_info *info, struct mono now)
{
	struct world *w = arg;

	(void)now;
	FUZZ_CHECK(session_state(s) == SESSION_CLOSED && info->end != SESSION_END_NONE);
	FUZZ_CHECK(memchr(info->text, '\0', sizeof(info->text)) != NULL);
	FUZZ_CHECK(info->was_established == !mono_is_never(session_established_at(s)));
	w->closed++;
	w->closed_established += info->was_established;
}

static const struct session_ops ops = {
	.output = on_output,
	.admit = on_admit,
	.established = on_established,
	.pushed = on_pushed,
	.closed = on_closed,
};

/* --- the world --- */

static struct dtls_ctx *
dtls_ctx_make(void)
{
	char err[SEC_ERROR_MAX] = "";

	struct testcert *ca = testcert_ca("fuzz");
	struct testcert *leaf = testcert_leaf(ca, "server", "serverAuth");
	const struct identity_params params = {
		.role = IDENTITY_SERVER,
		.certificate = leaf->cert_pem,
		.key = leaf->key_pem,
		.ca = ca->cert_pem,
		.require_eku = true,
	};
	struct identity *id = identity_load(&params, err, sizeof(err));

	struct dtls_ctx *ctx = id ? dtls_ctx_new(id, err) : NULL;

	FUZZ_CHECK(ctx != NULL && err[0] == '\0');
	identity_free(id);
	testcert_free(leaf);
	testcert_free(ca);
	return ctx;
}

/* Two servers for the whole process: making keys is slow. */
static struct dtls_ctx *
dtls_ctx(unsigned which)
{
	static struct dtls_ctx *ctx[2];

	if (!ctx[which])
		ctx[which] = dtls_ctx_make();
	return ctx[which];
}

void
world_reload(struct world *w)
{
	if (w->mode & MODE_DTLS)
		dtls_listener_set_ctx(w->listener, dtls_ctx(1));
}

static struct session_params
session_params(const struct world *w)
{
	return (struct session_params){
		.role = w->mode & MODE_CLIENT ? SESSION_CLIENT : SESSION_SERVER,
		.local_id = 0x01020304,
		.aead = &fuzz_aead,
		.aeads = { TMSG_AEAD_AES_256_GCM, TMSG_AEAD_CHACHA20_POLY1305 },
		.n_aeads = 2,
		.software = "fuzz",
	};
}

void
world_init(struct world *w, uint8_t mode)
{
	*w = (struct world){ .mode = mode, .now = BEGINNING };
	rng_seeded_init(&w->rng_state, 1, &w->rng);
	const struct session_params session = session_params(w);

	if (mode & MODE_CLIENT) {
		const struct path path = world_path(0);

		w->client = session_new(&session, &ops, w, fuzz_sec_new(true), &path, &w->rng, w->now);
		FUZZ_CHECK(w->client != NULL);
		return;
	}
	const struct sessions_params params = { .session = session,
						.max_sessions = MAX_SESSIONS,
						.max_handshakes = MAX_HANDSHAKES,
						.max_per_prefix = MAX_PER_PREFIX,
						.handshake_rate = HANDSHAKE_RATE,
						.handshake_burst = HANDSHAKE_BURST };
	static const struct sec_listener_ops front = { front_input };

	fuzz_listener_init(&w->fake);
	w->listener = mode & MODE_DTLS ? dtls_listener_new(dtls_ctx(0), &w->rng, w->now) : &w->fake.base;
	FUZZ_CHECK(w->listener != NULL);
	w->listener->output = on_listen_output;
	w->listener->arg = w;
	w->front.ops = &front;
	w->table = sessions_new(&params, &ops, w, &w->front, on_listen_output, &w->rng, w->now);
	FUZZ_CHECK(w->table != NULL);
}

void
world_fini(struct world *w)
{
	sessions_free(w->table);
	session_free(w->client);
	if (w->mode & MODE_DTLS)
		dtls_listener_free(w->listener);
	FUZZ_CHECK(fuzz_fakes_alive == 0);
}

/* --- looking --- */

struct census {
	unsigned n, established, handshakes;
	struct ipaddr prefix[MAX_SESSIONS + MAX_REKEYS]; /* of the handshakes */
	unsigned wanted;                                 /* which one to remember */
	struct session *found;
};

static void
count_handshake(struct census *c, const struct ipaddr *from)
{
	const struct ipaddr prefix = prefix_of(from);
	unsigned same = 1;

	for (unsigned i = 0; i < c->handshakes; i++)
		same += ipaddr_equal(&prefix, &c->prefix[i]);
	FUZZ_CHECK(same <= MAX_PER_PREFIX + MAX_REKEYS && c->handshakes < MAX_SESSIONS + MAX_REKEYS);
	c->prefix[c->handshakes++] = prefix;
}

static void
count_one(void *arg, struct session *s)
{
	struct census *c = arg;

	FUZZ_CHECK(session_state(s) != SESSION_CLOSED && session_local_id(s) != 0);
	FUZZ_CHECK(session_state_name(session_state(s))[0] != '\0' && session_path(s)->remote.port != 0);
	FUZZ_CHECK((session_aead(s) == TMSG_AEAD_NONE) == (session_state(s) < SESSION_CONFIRM));
	FUZZ_CHECK(session_hello(s)->receiver == session_remote_id(s));
	FUZZ_CHECK(session_has_sec(s) || session_state(s) == SESSION_ESTABLISHED);
	if (session_state(s) == SESSION_ESTABLISHED)
		c->established++;
	else
		count_handshake(c, &session_path(s)->remote.ip);
	if (c->n++ == c->wanted)
		c->found = s;
}

struct session *
world_session(struct world *w, unsigned n)
{
	if (w->client)
		return w->client;
	const unsigned alive = sessions_count(w->table);
	struct census c = { .wanted = alive ? n % alive : 0 };

	sessions_each(w->table, count_one, &c);
	return c.found;
}

void
world_check(const struct world *w)
{
	if (w->client) {
		FUZZ_CHECK(w->closed == (session_state(w->client) == SESSION_CLOSED));
		return;
	}
	struct census c = { .wanted = UINT32_MAX };
	const struct sessions_stats *stats = sessions_stats(w->table);

	sessions_each(w->table, count_one, &c);
	FUZZ_CHECK(c.n == sessions_count(w->table) && c.n <= MAX_SESSIONS + MAX_REKEYS);
	FUZZ_CHECK(c.handshakes <= MAX_HANDSHAKES + MAX_REKEYS);
	FUZZ_CHECK(stats->handshakes_started == w->closed + c.n);
	FUZZ_CHECK(stats->handshakes_done == w->established);
	FUZZ_CHECK(w->established == w->closed_established + c.established);
}

/* The next deadline is in the future once what is due was done, or a loop would spin. */
void
world_tick(struct world *w)
{
	if (w->client) {
		session_tick(w->client, w->now);
		session_tick(w->client, w->now);
		FUZZ_CHECK(mono_before(w->now, session_next(w->client)));
		return;
	}
	sessions_tick(w->table, w->now);
	sessions_tick(w->table, w->now);
	if (!(w->mode & MODE_DTLS)) /* OpenSSL's timer has its own clock */
		FUZZ_CHECK(mono_before(w->now, sessions_next(w->table)));
}
