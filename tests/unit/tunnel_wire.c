/* The wire between two sessions (tunnel_fake.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel_fake.h"

static struct fake_wire *
wire_of(struct fake_end *e)
{
	return e->client ? (struct fake_wire *)(void *)((char *)e - offsetof(struct fake_wire, c))
			 : (struct fake_wire *)(void *)((char *)e - offsetof(struct fake_wire, s));
}

/* --- what is under way --- */

static enum fake_msg
data_msg(size_t len)
{
	switch (fake_last_plain[0]) {
	case TMSG_FRAME:
		return FAKE_FRAME;
	case TMSG_PAD:
		return fake_last_plain[1] == TMSG_PAD_REPLY ? FAKE_REPLY
		       : len > TMSG_OVERHEAD + TMSG_PAD_LEN ? FAKE_PROBE
							    : FAKE_REQUEST;
	case TMSG_FRAGMENT:
		return FAKE_FRAGMENT;
	case TMSG_BUNDLE:
		return FAKE_BUNDLE;
	case TMSG_CONTROL:
		return fake_last_plain[5] == TMSG_ACK    ? FAKE_ACK
		       : fake_last_plain[5] == TMSG_PUSH ? FAKE_PUSH
							 : FAKE_BYE;
	default:
		return FAKE_OTHER;
	}
}

/* The kind of a datagram that was made just now. */
static enum fake_msg
msg_of(const uint8_t *dgram, size_t len)
{
	uint8_t random[32];

	if (dgram[0] == TMSG_DATA)
		return data_msg(len);
	if (tmsg_client_hello(dgram, len, random))
		return FAKE_CLIENT_HELLO;
	if (dgram[0] == 22)
		return dgram[1] == 2    ? FAKE_FLIGHT
		       : dgram[1] == 3  ? FAKE_COOKIE
		       : dgram[1] == 16 ? FAKE_FINISHED
					: FAKE_SERVER_FINISHED;
	if (dgram[0] == 23)
		return dgram[1] == TMSG_HELLO     ? FAKE_HELLO
		       : dgram[1] == TMSG_WELCOME ? FAKE_WELCOME
		       : dgram[1] == TMSG_REFUSE  ? FAKE_REFUSE
						  : FAKE_OTHER;
	return FAKE_OTHER;
}

/* Counters start at 1 and never repeat. */
static void
check_counter(struct fake_end *e, const uint8_t *dgram, size_t len)
{
	struct tmsg_data hdr;

	assert_true(tmsg_data_parse(dgram, len, &hdr));
	assert_int_equal(hdr.counter, e->top_counter + 1);
	e->top_counter = hdr.counter;
}

static void
enqueue(struct fake_end *from, const uint8_t *dgram, size_t len)
{
	struct fake_wire *w = wire_of(from);
	enum fake_msg msg = msg_of(dgram, len);
	struct fake_dgram *d;

	if (dgram[0] == TMSG_DATA)
		check_counter(from, dgram, len);
	from->sent[msg]++;
	from->sent_at[msg] = fake_now;
	if (from->lose[msg]) {
		from->lose[msg] -= from->lose[msg] > 0;
		return;
	}
	if (from->carries && len > from->carries)
		return;
	assert_true(w->n < FAKE_QUEUE && len <= FAKE_DGRAM_MAX);
	d = &w->queue[(w->head + w->n++) % FAKE_QUEUE];
	d->to_server = from->client;
	d->msg = msg;
	d->len = len;
	d->tos = from->tos;
	memcpy(d->data, dgram, len);
}

/* A frame that has its packet for itself is where the cipher left it; a whole one in every case. */
static void
take_frame(struct fake_end *e, const uint8_t *frame, size_t len)
{
	assert_in_range(len, 1, FAKE_DGRAM_MAX);
	e->order[e->frames++ % FAKE_ORDER] = frame[len - 1];
	e->frame_len = len;
	memcpy(e->frame, frame, len);
}

enum drop_reason
fake_receive(struct fake_end *e, uint8_t *dgram, size_t len, size_t room, uint8_t tos)
{
	struct fake_wire *w = wire_of(e);
	const struct session_input in = {
		.from = e->client ? &w->to_server : &w->to_client, .data = dgram, .len = len, .room = room, .tos = tos
	};
	uint8_t *frame = NULL;
	size_t frame_len = 0;
	enum drop_reason r = session_receive(e->session, &in, fake_now, &frame, &frame_len);

	if (r == DROP_NONE && frame) {
		if (dgram[TMSG_DATA_HDR] == TMSG_FRAME)
			assert_ptr_equal(frame, dgram + TMSG_DATA_HDR + 1);
		do
			take_frame(e, frame, frame_len);
		while (session_next_frame(e->session, &frame, &frame_len));
	}
	e->last_drop = r;
	return r;
}

enum drop_reason
fake_open(struct fake_end *e, uint8_t *dgram, size_t len)
{
	return fake_receive(e, dgram, len, len, 0);
}

void
fake_wire_deliver(struct fake_wire *w)
{
	while (w->n > 0) {
		struct fake_dgram d = w->queue[w->head];
		struct fake_end *to = d.to_server ? &w->s : &w->c;

		w->head = (w->head + 1) % FAKE_QUEUE;
		w->n--;
		if (d.data[0] == TMSG_DATA)
			fake_receive(to, d.data, d.len, sizeof(d.data), d.tos);
		else
			session_handshake_input(to->session, d.data, d.len, fake_now);
	}
}

/* --- what sessions say --- */

static void
end_output(void *arg, struct session *s, const struct path *path, const uint8_t *dgram, size_t len)
{
	struct fake_end *e = arg;
	struct fake_wire *w = wire_of(e);
	const struct path *expect = e->client ? &w->to_server : &w->to_client;
	enum fake_msg msg = msg_of(dgram, len);

	if (e->output) {
		e->output(e, path, msg, dgram, len);
		return;
	}
	assert_true(endpoint_equal(&path->remote, &expect->remote));
	assert_int_equal(path->sock, expect->sock);
	enqueue(e, dgram, len);
	if (e->close_when_sent[msg])
		session_close(s, TMSG_REASON_SHUTDOWN, "", fake_now);
}

static enum tmsg_reason
end_admit(void *arg, struct session *s, const struct sec_identity *who, const struct tmsg_hello *hello,
	  char ret_text[TMSG_TEXT_MAX + 1])
{
	struct fake_end *e = arg;

	assert_string_equal(who->name, "alice");
	assert_int_equal(session_state(s), SESSION_HELLO);
	assert_int_equal(session_hello(s)->receiver, hello->receiver);
	assert_string_equal(ret_text, "");
	e->admitted++;
	if (e->refuse_text)
		snprintf(ret_text, TMSG_TEXT_MAX + 1, "%s", e->refuse_text);
	if (e->close_when_admitted)
		session_close(s, TMSG_REASON_SHUTDOWN, "", fake_now);
	return e->refuse;
}

static void
end_established(void *arg, struct session *s, struct mono now)
{
	struct fake_end *e = arg;
	struct tmsg_push push = { .mtu = 1400 };

	assert_int_equal(now.ns, fake_now.ns);
	assert_int_equal(session_state(s), SESSION_ESTABLISHED);
	e->established++;
	e->had_sec = session_has_sec(s);
	if (e->push_when_established)
		session_push(s, &push, now);
	if (e->close_when_established)
		session_close(s, TMSG_REASON_KICKED, "no", now);
}

static void
end_pushed(void *arg, struct session *s, const struct tmsg_push *push, struct mono now)
{
	struct fake_end *e = arg;

	assert_int_equal(e->established, 1);
	e->pushed++;
	e->push = *push;
	if (e->close_when_pushed)
		session_close(s, TMSG_REASON_SHUTDOWN, "", now);
}

static void
end_rekeyed(void *arg, struct session *s, struct session *old, struct mono now)
{
	struct fake_end *e = arg;

	assert_int_equal(now.ns, fake_now.ns);
	assert_int_equal(session_state(s), SESSION_ESTABLISHED);
	assert_int_equal(session_state(old), SESSION_RETIRED);
	assert_ptr_equal(session_predecessor(s), old);
	e->rekeyed++;
	e->older = old;
	if (e->close_when_established)
		session_close(s, TMSG_REASON_KICKED, "no", now);
}

static void
end_rekey_due(void *arg, struct session *s, struct mono now)
{
	struct fake_end *e = arg;

	assert_true(e->client);
	assert_int_equal(session_state(s), SESSION_ESTABLISHED);
	e->rekey_due++;
	e->rekey_due_at = now;
}

static void
end_moved(void *arg, struct session *s, const struct path *before, struct mono now)
{
	struct fake_end *e = arg;

	assert_false(e->client);
	assert_int_equal(now.ns, fake_now.ns);
	assert_false(endpoint_equal(&before->remote, &session_path(s)->remote));
	e->moved++;
}

static void
end_probing(void *arg, struct session *s, struct mono now)
{
	struct fake_end *e = arg;

	assert_true(e->client);
	assert_int_equal(now.ns, fake_now.ns);
	assert_int_equal(session_state(s), SESSION_ESTABLISHED);
	e->probing++;
}

static void
end_closed(void *arg, struct session *s, const struct session_close_info *info, struct mono now)
{
	struct fake_end *e = arg;

	assert_int_equal(now.ns, fake_now.ns);
	assert_int_equal(session_state(s), SESSION_CLOSED);
	e->closed++;
	e->info = *info;
}

const struct session_ops fake_wire_ops = {
	.output = end_output,
	.admit = end_admit,
	.established = end_established,
	.pushed = end_pushed,
	.rekeyed = end_rekeyed,
	.rekey_due = end_rekey_due,
	.moved = end_moved,
	.probing = end_probing,
	.closed = end_closed,
};

/* --- life --- */

struct fake_wire *
fake_wire_new(void)
{
	struct fake_wire *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	fake_now = mono_from_ns(100 * NSEC_PER_SEC);
	fake_n_keys = fake_opens = 0;
	fake_secs_alive = fake_aeads_alive = 0;
	fake_aead_missing = 0;
	fake_seal_fails = false;
	fake_failing_inputs = 0;
	fake_start_fails = false;
	rng_seeded_init(&w->rng_state, 7, &w->rng);
	w->c.client = true;
	assert_true(endpoint_parse("192.0.2.1:22424", &w->to_server.remote));
	assert_true(endpoint_parse("198.51.100.7:40000", &w->to_client.remote));
	w->to_client.sock = 3;
	w->client_params = (struct session_params){
		.role = SESSION_CLIENT,
		.local_id = 0xc0000001,
		.flags = TMSG_FLAG_ENDPOINT,
		.aead = &fake_aead,
		.aeads = { TMSG_AEAD_AES_256_GCM, TMSG_AEAD_CHACHA20_POLY1305 },
		.n_aeads = 2,
		.software = "client 1",
	};
	w->client_params.max_datagram = fake_max_datagram;
	w->server_params = w->client_params;
	w->server_params.role = SESSION_SERVER;
	w->server_params.local_id = 0x50000002;
	w->server_params.flags = 0;
	w->server_params.software = "server 1";
	return w;
}

void
fake_wire_start(struct fake_wire *w)
{
	w->s.session =
		session_new(&w->server_params, &fake_wire_ops, &w->s, fake_server(1), &w->to_client, &w->rng, fake_now);
	w->c.session = session_new(&w->client_params, &fake_wire_ops, &w->c, fake_client(1, true), &w->to_server,
				   &w->rng, fake_now);
	assert_non_null(w->s.session);
	assert_non_null(w->c.session);
}

struct fake_wire *
fake_wire_beside(struct fake_wire *w, uint32_t ids)
{
	struct fake_wire *new = calloc(1, sizeof(*new));

	assert_non_null(new);
	rng_seeded_init(&new->rng_state, 70 + ids, &new->rng);
	new->c.client = new->beside = true;
	new->to_server = w->to_server;
	new->to_client = w->to_client;
	new->client_params = w->client_params;
	new->server_params = w->server_params;
	new->client_params.local_id = 0xc0000000 + ids;
	new->client_params.previous = session_remote_id(w->c.session);
	new->server_params.local_id = 0x50000000 + ids;
	return new;
}

void
fake_wire_start_beside(struct fake_wire *w, struct fake_wire *new)
{
	fake_wire_start(new);
	assert_true(session_set_predecessor(new->c.session, w->c.session, fake_now));
	assert_true(session_set_predecessor(new->s.session, w->s.session, fake_now));
}

struct fake_wire *
fake_wire_established(void)
{
	struct fake_wire *w = fake_wire_new();

	fake_wire_start(w);
	fake_wire_deliver(w);
	assert_int_equal(session_state(w->c.session), SESSION_ESTABLISHED);
	assert_int_equal(session_state(w->s.session), SESSION_ESTABLISHED);
	return w;
}

/* Whatever happened in between, nothing is left. */
void
fake_wire_free(struct fake_wire *w)
{
	const bool last = !w->beside;

	session_free(w->c.session);
	session_free(w->s.session);
	free(w);
	if (!last)
		return;
	assert_int_equal(fake_secs_alive, 0);
	assert_int_equal(fake_aeads_alive, 0);
}

/* --- time --- */

void
fake_wire_until(struct fake_wire *w, struct mono until)
{
	unsigned steps = 0;

	fake_wire_deliver(w);
	for (;;) {
		struct mono next = mono_min(session_next(w->c.session), session_next(w->s.session));

		if (mono_before(until, next))
			break;
		assert_true(++steps < 100000); /* a deadline that does not move is a busy loop */
		fake_now = mono_max(fake_now, next);
		session_tick(w->c.session, fake_now);
		session_tick(w->s.session, fake_now);
		fake_wire_deliver(w);
	}
	fake_now = until;
	session_tick(w->c.session, fake_now);
	session_tick(w->s.session, fake_now);
	fake_wire_deliver(w);
}

void
fake_wire_for(struct fake_wire *w, nsec_t d)
{
	fake_wire_until(w, mono_add(fake_now, d));
}

/* --- packets --- */

bool
fake_wire_frame(struct fake_wire *w, struct fake_end *from, size_t len, uint8_t fill)
{
	uint8_t buf[1 + FAKE_DGRAM_MAX], out[FAKE_DGRAM_MAX];
	size_t n;

	(void)w;
	memset(buf, fill, sizeof(buf));
	n = session_seal(from->session, buf + 1, len, out, sizeof(out), fake_now, &from->last_drop);
	if (n == 0)
		return false;
	assert_int_equal(n, len + TMSG_OVERHEAD);
	enqueue(from, out, n);
	return true;
}

unsigned
fake_wire_fragments(struct fake_wire *w, struct fake_end *from, size_t len, uint8_t fill)
{
	uint8_t frame[9216], out[FAKE_DGRAM_MAX];
	struct session_cut cut = { .index = 0 };
	size_t n;

	(void)w;
	memset(frame, fill, sizeof(frame));
	do {
		n = session_seal_fragment(from->session, frame, len, &cut, out, sizeof(out), fake_now,
					  &from->last_drop);
		if (n == 0)
			return 0;
		enqueue(from, out, n);
	} while (cut.index < cut.count);
	return cut.count;
}

bool
fake_wire_bundle(struct fake_wire *w, struct fake_end *from, const size_t *lens, size_t n, uint8_t fill)
{
	uint8_t frame[FAKE_DGRAM_MAX], out[FAKE_DGRAM_MAX];
	struct session_part parts[FAKE_ORDER];
	size_t len = TMSG_OVERHEAD, got;

	(void)w;
	assert_in_range(n, 0, FAKE_ORDER);
	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(fill + i);
	for (size_t i = 0; i < n; i++) {
		parts[i] = (struct session_part){ .data = frame, .len = lens[i] };
		len += SESSION_PART_OVERHEAD + lens[i];
	}
	got = session_seal_bundle(from->session, parts, n, out, sizeof(out), fake_now, &from->last_drop);
	if (got == 0)
		return false;
	assert_int_equal(got, len);
	enqueue(from, out, got);
	return true;
}

size_t
fake_forge(const struct fake_wire *w, bool to_server, uint64_t counter, const uint8_t *plain, size_t len,
	   uint8_t *dgram)
{
	/* The server derives first: its tx, its rx; then the client's. */
	const struct fake_key *k = &fake_keys[to_server ? 2 : 0];
	struct aead *a = fake_aead.create(k->id, k->key, k->iv, true);

	tmsg_data_write(dgram, session_local_id(to_server ? w->s.session : w->c.session), counter);
	assert_true(fake_aead.seal(a, counter, dgram, TMSG_DATA_HDR, plain, len, dgram + TMSG_DATA_HDR));
	fake_aead.destroy(a);
	return TMSG_DATA_HDR + len + TMSG_TAG;
}

/* --- two generations --- */

void
fake_wires_until(struct fake_wire *w, struct fake_wire *n, struct mono until)
{
	for (;;) {
		struct session *const all[] = { w->c.session, w->s.session, n->c.session, n->s.session };
		struct mono next = MONO_NEVER;

		fake_wire_deliver(w);
		fake_wire_deliver(n);
		for (unsigned i = 0; i < 4; i++)
			next = mono_min(next, session_next(all[i]));
		if (mono_before(until, next))
			break;
		fake_now = mono_max(fake_now, next);
		for (unsigned i = 0; i < 4; i++)
			session_tick(all[i], fake_now);
	}
	fake_now = until;
}

struct fake_wire *
fake_wire_rekeyed(struct fake_wire *w, uint32_t ids)
{
	struct fake_wire *n = fake_wire_beside(w, ids);

	fake_wire_start_beside(w, n);
	fake_wire_deliver(n);
	assert_int_equal(session_state(n->c.session), SESSION_ESTABLISHED);
	assert_int_equal(session_state(n->s.session), SESSION_ESTABLISHED);
	return n;
}

void
fake_wires_free(struct fake_wire *w, struct fake_wire *n)
{
	fake_wire_free(n);
	fake_wire_free(w);
}
