/* The connector's owner and its server (tunnel_owner.h). */
#include "tunnel_owner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct event *
note(struct owner *o, const char *what)
{
	struct event *e = &o->events[o->n_events++];

	assert_true(o->n_events <= MAX_EVENTS);
	snprintf(e->what, sizeof(e->what), "%s", what);
	e->at = fake_now;
	return e;
}

static void
post(struct owner *o, bool to_server, const uint8_t *data, size_t len)
{
	struct dgram *d = &o->queue[o->n_queue++];

	assert_true(o->n_queue <= MAX_QUEUE && len <= sizeof(d->data));
	d->to_server = to_server;
	d->len = len;
	memcpy(d->data, data, len);
}

/* --- the server --- */

static void
server_output(void *arg, struct session *s, const struct path *path, const uint8_t *dgram, size_t len)
{
	(void)s;
	(void)path;
	post(arg, false, dgram, len);
}

static enum tmsg_reason
server_admit(void *arg, struct session *s, const struct sec_identity *who, const struct tmsg_hello *h,
	     char ret_text[TMSG_TEXT_MAX + 1])
{
	struct owner *o = arg;

	(void)s;
	(void)who;
	(void)h;
	(void)ret_text;
	return o->refuse;
}

static const struct session_ops server_ops = { .output = server_output, .admit = server_admit };

static const struct session_params session_template = {
	.local_id = 9,
	.aead = &fake_aead,
	.aeads = { TMSG_AEAD_CHACHA20_POLY1305 },
	.n_aeads = 1,
	.software = "test",
};

static void
server_new(struct owner *o)
{
	struct session_params p = session_template;

	p.role = SESSION_SERVER;
	p.local_id = ++o->server_id;
	session_free(o->server);
	o->server = session_new(&p, &server_ops, o, fake_server(1), &o->server_path, &o->rng, fake_now);
	assert_non_null(o->server);
}

/* --- the owner's callbacks --- */

static void
answer(struct owner *o, unsigned remote)
{
	struct endpoint list[CONNECTOR_MAX_ADDRS + 2];
	unsigned n = 0;

	for (; n < CONNECTOR_MAX_ADDRS + 2 && o->addrs[remote][n]; n++)
		assert_true(endpoint_parse(o->addrs[remote][n], &list[n]));
	connector_resolved(o->connector, remote, list, n, "no such name", fake_now);
}

static void
owner_resolve(void *arg, unsigned remote)
{
	struct owner *o = arg;
	char what[64];

	snprintf(what, sizeof(what), "resolve %u", remote);
	note(o, what);
	assert_int_equal(connector_state(o->connector), CONNECTOR_RESOLVING);
	if (!o->async)
		answer(o, remote);
}

static struct sec *
owner_open(void *arg, unsigned remote, const struct endpoint *to, char ret_error[SEC_ERROR_MAX])
{
	struct owner *o = arg;
	char addr[ENDPOINT_STRLEN], what[128];

	snprintf(what, sizeof(what), "open %u %s", remote, endpoint_str(to, addr));
	note(o, what);
	o->n_queue = 0;
	if (o->no_sec) {
		snprintf(ret_error, SEC_ERROR_MAX, "out of sockets");
		return NULL;
	}
	if (o->accepting && strcmp(addr, o->accepting) == 0)
		server_new(o);
	return fake_client(1, true);
}

/* A server for the new keys beside the one there is. */
static struct sec *
owner_rekey(void *arg, unsigned remote, char ret_error[SEC_ERROR_MAX])
{
	struct owner *o = arg;

	assert_int_equal(remote, connector_remote(o->connector));
	assert_int_equal(connector_state(o->connector), CONNECTOR_CONNECTED);
	o->rekeys++;
	note(o, "rekey");
	if (o->no_rekey_sec) {
		snprintf(ret_error, SEC_ERROR_MAX, "no certificate");
		return NULL;
	}
	session_free(o->former);
	o->former = o->server;
	o->server = NULL;
	if (!o->deaf) {
		server_new(o);
		assert_true(session_set_predecessor(o->server, o->former, fake_now));
	}
	return fake_client(1, true);
}

static void
owner_rekeyed(void *arg, struct session *s, struct session *old, struct mono now)
{
	struct owner *o = arg;

	(void)now;
	assert_ptr_equal(connector_session(o->connector), s);
	assert_ptr_equal(connector_find(o->connector, session_local_id(s)), s);
	assert_ptr_equal(connector_find(o->connector, session_local_id(old)), old);
	assert_int_equal(connector_state(o->connector), CONNECTOR_CONNECTED);
	o->rekeyed++;
	note(o, "rekeyed");
}

static void
owner_rekey_failed(void *arg, const struct session_close_info *info, nsec_t retry_in, struct mono now)
{
	struct owner *o = arg;
	struct event *e = note(o, "rekey failed");

	(void)now;
	assert_int_equal(connector_state(o->connector), CONNECTOR_CONNECTED);
	e->info = *info;
	e->retry_in = retry_in;
	/* The one that goes on is heard again. */
	if (o->former && !o->no_rekey_sec) {
		session_free(o->server);
		o->server = o->former;
		o->former = NULL;
	}
}

static void
owner_output(void *arg, struct session *s, const struct path *path, const uint8_t *dgram, size_t len)
{
	struct owner *o = arg;
	char addr[ENDPOINT_STRLEN];

	if (o->n_ids < 4 && (o->n_ids == 0 || o->ids[o->n_ids - 1] != session_local_id(s)))
		o->ids[o->n_ids++] = session_local_id(s);
	if (dgram[0] == TMSG_DATA && fake_last_plain[0] == TMSG_CONTROL && fake_last_plain[5] == TMSG_BYE)
		o->byes++;
	endpoint_str(&path->remote, addr);
	if (o->close_rekey_when_sent && s != connector_session(o->connector))
		session_close(s, TMSG_REASON_NONE, "no way", fake_now);
	if (o->close_when_sent)
		session_close(s, TMSG_REASON_NONE, "no route", fake_now);
	if (o->accepting && strcmp(addr, o->accepting) == 0)
		post(o, true, dgram, len);
}

static void
owner_established(void *arg, struct session *s, struct mono now)
{
	struct owner *o = arg;

	(void)now;
	note(o, "established");
	assert_ptr_equal(connector_session(o->connector), s);
	assert_int_equal(connector_state(o->connector), CONNECTOR_CONNECTED);
	if (o->stop_when_established)
		connector_stop(o->connector, now);
}

static void
owner_pushed(void *arg, struct session *s, const struct tmsg_push *push, struct mono now)
{
	struct owner *o = arg;

	(void)now;
	assert_ptr_equal(connector_session(o->connector), s);
	assert_int_equal(push->mtu, 1400);
	note(o, "pushed");
}

static void
owner_lost(void *arg, struct session *s, const struct session_close_info *info, nsec_t retry_in, struct mono now)
{
	struct owner *o = arg;
	struct event *e = note(o, "lost");

	assert_int_equal(connector_state(o->connector), CONNECTOR_WAITING);
	assert_null(connector_session(o->connector));
	e->info = *info;
	e->retry_in = retry_in;
	e->had_session = s != NULL;
	if (o->stop_when_lost)
		connector_stop(o->connector, now);
}

static const struct connector_ops owner_ops = {
	.resolve = owner_resolve,
	.open = owner_open,
	.output = owner_output,
	.established = owner_established,
	.pushed = owner_pushed,
	.rekey = owner_rekey,
	.rekeyed = owner_rekeyed,
	.rekey_failed = owner_rekey_failed,
	.lost = owner_lost,
};

/* --- driving --- */

struct owner *
owner_new(unsigned n_remotes, uint64_t seed)
{
	struct owner *o = calloc(1, sizeof(*o));
	struct connector_params p = { .session = session_template, .n_remotes = n_remotes };

	assert_non_null(o);
	fake_now = mono_from_ns(100 * NSEC_PER_SEC);
	fake_secs_alive = fake_aeads_alive = 0;
	rng_seeded_init(&o->rng_state, seed, &o->rng);
	o->connector = connector_new(&p, &owner_ops, o, &o->rng);
	assert_non_null(o->connector);
	assert_true(endpoint_parse("198.51.100.1:9", &o->server_path.remote));
	o->addrs[0][0] = "192.0.2.1:1";
	o->server_id = 8;
	return o;
}

void
owner_free(struct owner *o)
{
	connector_free(o->connector);
	session_free(o->server);
	session_free(o->former);
	free(o);
	assert_int_equal(fake_secs_alive, 0);
	assert_int_equal(fake_aeads_alive, 0);
}

static void
data_in(struct session *s, struct dgram *d)
{
	static const struct path path;
	struct tmsg_data hdr;
	uint8_t *frame;
	size_t len;

	if (s && tmsg_data_parse(d->data, d->len, &hdr) && hdr.receiver == session_local_id(s))
		session_open(s, &path, d->data, d->len, fake_now, &frame, &len);
}

static uint32_t
receiver_of(const struct dgram *d)
{
	struct tmsg_data hdr;

	assert_true(tmsg_data_parse(d->data, d->len, &hdr));
	return hdr.receiver;
}

static struct session *
server_of(const struct owner *o, const struct dgram *d)
{
	return o->former && session_local_id(o->former) == receiver_of(d) ? o->former : o->server;
}

static struct session *
client_of(const struct owner *o, const struct dgram *d)
{
	return connector_find(o->connector, receiver_of(d));
}

void
owner_deliver(struct owner *o)
{
	struct path from = { 0 };

	if (o->accepting)
		assert_true(endpoint_parse(o->accepting, &from.remote));
	while (o->n_queue > 0) {
		struct dgram d = o->queue[0];

		memmove(&o->queue[0], &o->queue[1], --o->n_queue * sizeof(o->queue[0]));
		if (d.data[0] == TMSG_DATA)
			data_in(d.to_server ? server_of(o, &d) : client_of(o, &d), &d);
		else if (!d.to_server)
			connector_handshake_input(o->connector, &from, d.data, d.len, fake_now);
		else if (o->server)
			session_handshake_input(o->server, d.data, d.len, fake_now);
	}
}

void
owner_tick(struct owner *o)
{
	connector_tick(o->connector, fake_now);
	if (o->server)
		session_tick(o->server, fake_now);
	if (o->former)
		session_tick(o->former, fake_now);
	owner_deliver(o);
}

struct mono
owner_next(const struct owner *o)
{
	struct mono next = connector_next(o->connector);

	if (o->former)
		next = mono_min(next, session_next(o->former));
	return o->server ? mono_min(next, session_next(o->server)) : next;
}

void
owner_until(struct owner *o, struct mono end)
{
	unsigned steps = 0;

	owner_deliver(o);
	while (mono_due(owner_next(o), end)) {
		assert_true(++steps < 10000);
		fake_now = mono_max(fake_now, owner_next(o));
		owner_tick(o);
	}
	fake_now = end;
	owner_tick(o);
}

const struct event *
owner_until_lost(struct owner *o)
{
	unsigned before = o->n_events;

	for (unsigned steps = 0; steps < 10000; steps++) {
		for (unsigned i = before; i < o->n_events; i++)
			if (strcmp(o->events[i].what, "lost") == 0)
				return &o->events[i];
		fake_now = mono_max(fake_now, owner_next(o));
		owner_tick(o);
	}
	fail_msg("nothing was lost");
	return NULL;
}
