/* The net of a table and its clients (tunnel_net.h). */
#include "tunnel_net.h"

#include <stdlib.h>
#include <string.h>

static void
post(struct net *n, int from, int to, const uint8_t *data, size_t len)
{
	struct dgram *d = &n->queue[n->n_queue++];

	assert_true(n->n_queue <= MAX_QUEUE && len <= sizeof(d->data));
	d->from = from;
	d->to = to;
	d->len = len;
	memcpy(d->data, data, len);
}

static int
client_at(const struct net *n, const struct path *path)
{
	for (unsigned i = n->n_clients; i-- > 0;)
		if (endpoint_equal(&n->clients[i].path.remote, &path->remote))
			return (int)i;
	return -1;
}

/* --- the server's side --- */

static void
table_output(void *arg, struct session *s, const struct path *path, const uint8_t *dgram, size_t len)
{
	struct net *n = arg;
	int to = client_at(n, path);

	(void)s;
	n->sent++;
	n->data_sent += dgram[0] == TMSG_DATA;
	if (to >= 0)
		post(n, -1, to, dgram, len);
}

static void
listener_output(void *arg, const struct path *path, const uint8_t *dgram, size_t len)
{
	table_output(arg, NULL, path, dgram, len);
}

static enum tmsg_reason
table_admit(void *arg, struct session *s, const struct sec_identity *who, const struct tmsg_hello *hello,
	    char ret_text[TMSG_TEXT_MAX + 1])
{
	struct net *n = arg;

	(void)hello;
	(void)ret_text;
	assert_string_equal(who->name, fake_client_name ? fake_client_name : "alice");
	assert_ptr_equal(sessions_find(n->table, session_local_id(s)), s);
	return n->refuse_all ? TMSG_REASON_FULL : TMSG_REASON_NONE;
}

static void
table_established(void *arg, struct session *s, struct mono now)
{
	struct net *n = arg;

	n->established++;
	n->last_established = s;
	if (n->close_when_established)
		session_close(s, TMSG_REASON_KICKED, "", now);
}

static void
table_rekeyed(void *arg, struct session *s, struct session *old, struct mono now)
{
	struct net *n = arg;

	(void)now;
	assert_int_equal(session_state(old), SESSION_RETIRED);
	assert_ptr_equal(sessions_find(n->table, session_local_id(old)), old);
	n->rekeyed++;
	n->last_established = s;
}

static void
table_moved(void *arg, struct session *s, const struct path *before, struct mono now)
{
	struct net *n = arg;

	(void)s;
	(void)before;
	(void)now;
	n->moved++;
}

static void
table_closed(void *arg, struct session *s, const struct session_close_info *info, struct mono now)
{
	struct net *n = arg;

	(void)now;
	assert_null(sessions_find(n->table, session_local_id(s)));
	n->closed++;
	n->info = *info;
}

static const struct session_ops table_ops = {
	.output = table_output,
	.admit = table_admit,
	.established = table_established,
	.rekeyed = table_rekeyed,
	.moved = table_moved,
	.closed = table_closed,
};

/* --- the clients' side --- */

static void
client_output(void *arg, struct session *s, const struct path *path, const uint8_t *dgram, size_t len)
{
	struct net *n = arg;

	(void)path;
	post(n, (int)(session_local_id(s) - 1), -1, dgram, len);
}

static void
client_established(void *arg, struct session *s, struct mono now)
{
	struct net *n = arg;

	(void)now;
	n->clients[session_local_id(s) - 1].established = true;
}

static void
client_closed(void *arg, struct session *s, const struct session_close_info *info, struct mono now)
{
	struct net *n = arg;

	(void)now;
	n->clients[session_local_id(s) - 1].info = *info;
}

static const struct session_ops client_ops = {
	.output = client_output,
	.established = client_established,
	.closed = client_closed,
};

/* --- the net --- */

static struct net *
net_new_with(const struct sessions_params *limits)
{
	struct net *n = calloc(1, sizeof(*n));

	assert_non_null(n);
	fake_now = mono_from_ns(100 * NSEC_PER_SEC);
	fake_secs_alive = fake_aeads_alive = 0;
	rng_seeded_init(&n->rng_state, 5, &n->rng);
	fake_listener_init(&n->listener);
	n->params = *limits;
	n->params.session = (struct session_params){
		.aead = &fake_aead,
		.aeads = { TMSG_AEAD_CHACHA20_POLY1305 },
		.n_aeads = 1,
		.software = "server 1",
	};
	n->table = sessions_new(&n->params, &table_ops, n, &n->listener.base, listener_output, &n->rng, fake_now);
	assert_non_null(n->table);
	return n;
}

struct net *
net_new(unsigned max_sessions, unsigned max_handshakes, unsigned max_per_prefix)
{
	return net_new_with(&(struct sessions_params){
		.max_sessions = max_sessions, .max_handshakes = max_handshakes, .max_per_prefix = max_per_prefix });
}

struct net *
net_new_rated(unsigned max_per_prefix, unsigned handshake_rate, unsigned handshake_burst)
{
	return net_new_with(&(struct sessions_params){ .max_sessions = 1000,
						       .max_handshakes = 1000,
						       .max_per_prefix = max_per_prefix,
						       .handshake_rate = handshake_rate,
						       .handshake_burst = handshake_burst });
}

void
net_free(struct net *n)
{
	sessions_free(n->table);
	for (unsigned i = 0; i < n->n_clients; i++)
		session_free(n->clients[i].session);
	free(n);
	assert_int_equal(fake_secs_alive, 0);
	assert_int_equal(fake_aeads_alive, 0);
}

void
net_to_table(struct net *n, const struct path *from, uint8_t *data, size_t len)
{
	struct tmsg_data hdr;
	struct session *s;
	uint8_t *frame;
	size_t frame_len;

	if (tmsg_classify(data, len) == TMSG_CLASS_DTLS) {
		sessions_handshake_input(n->table, from, data, len, fake_now);
		return;
	}
	assert_true(tmsg_data_parse(data, len, &hdr));
	s = sessions_find(n->table, hdr.receiver);
	if (!s) {
		sessions_count_drop(n->table, DROP_UNKNOWN_RECEIVER);
		return;
	}
	session_open(s, from, data, len, fake_now, &frame, &frame_len);
	sessions_touch(n->table, s);
}

void
net_deliver_some(struct net *n, unsigned max)
{
	for (; n->n_queue > 0 && max > 0; max--) {
		struct dgram d = n->queue[0];
		struct tmsg_data hdr;
		uint8_t *frame;
		size_t len;

		memmove(&n->queue[0], &n->queue[1], --n->n_queue * sizeof(n->queue[0]));
		if (d.to < 0)
			net_to_table(n, &n->clients[d.from].path, d.data, d.len);
		else if (tmsg_classify(d.data, d.len) == TMSG_CLASS_DTLS)
			session_handshake_input(n->clients[d.to].session, d.data, d.len, fake_now);
		else if (tmsg_data_parse(d.data, d.len, &hdr) && hdr.receiver - 1 < n->n_clients)
			session_open(n->clients[hdr.receiver - 1].session, &n->clients[d.to].path, d.data, d.len,
				     fake_now, &frame, &len);
	}
}

void
net_deliver(struct net *n)
{
	net_deliver_some(n, 10000);
}

static struct client *
client_new(struct net *n, const struct path *path, bool with_cookie, uint32_t previous)
{
	unsigned i = n->n_clients++;
	struct client *c = &n->clients[i];
	struct session_params p = n->params.session;
	struct fake_sec *sec = (struct fake_sec *)(void *)fake_client(0, with_cookie);

	c->path = *path;
	memcpy(sec->secret, &i, sizeof(i));
	sec->secret[31] = 1;
	if (with_cookie)
		sec->cookie = (uint8_t)(c->path.remote.ip.b[15] + 1);
	p.role = SESSION_CLIENT;
	p.local_id = i + 1;
	p.previous = previous;
	c->session = session_new(&p, &client_ops, n, &sec->base, &c->path, &n->rng, fake_now);
	assert_non_null(c->session);
	return c;
}

struct client *
net_client_new(struct net *n, const char *address, bool with_cookie)
{
	struct path path = { 0 };

	assert_true(endpoint_parse(address, &path.remote));
	return client_new(n, &path, with_cookie, 0);
}

struct client *
net_rekey(struct net *n, struct client *of, bool with_cookie)
{
	return client_new(n, &of->path, with_cookie, session_remote_id(of->session));
}

struct client *
net_rekey_of(struct net *n, const char *address, uint32_t previous)
{
	struct path path = { 0 };

	assert_true(endpoint_parse(address, &path.remote));
	return client_new(n, &path, false, previous);
}

struct client *
net_half_open(struct net *n, const char *address)
{
	struct client *c = net_client_new(n, address, true);

	net_deliver_some(n, 1);
	n->n_queue = 0;
	return c;
}

struct session *
net_connect_client(struct net *n, const char *address)
{
	struct client *c = net_client_new(n, address, false);

	net_deliver(n);
	assert_true(c->established);
	return n->last_established;
}

uint64_t
net_drops(const struct net *n, enum drop_reason r)
{
	return sessions_stats(n->table)->drops[r];
}
