/* The paths between a client that moves and its server (tunnel_paths.h). */
#include "tunnel_paths.h"

#include <stdlib.h>
#include <string.h>

static void
paths_post(struct paths *p, bool to_server, unsigned path, nsec_t delay, const uint8_t *dgram, size_t len)
{
	struct paths_dgram *d = &p->queue[p->n_queue++];

	assert_true(p->n_queue < PATHS_QUEUE && len <= sizeof(d->data));
	*d = (struct paths_dgram){
		.at = mono_add(fake_now, delay), .order = p->order++, .path = path, .to_server = to_server, .len = len
	};
	memcpy(d->data, dgram, len);
}

static void
client_output(struct fake_end *e, const struct path *path, enum fake_msg msg, const uint8_t *dgram, size_t len)
{
	struct paths *p = e->output_arg;

	e->sent[msg]++;
	e->sent_at[msg] = fake_now;
	assert_true(endpoint_equal(&path->remote, &p->w->to_server.remote));
	/* The copy may be there first. */
	if (p->forwarder)
		paths_post(p, true, M, p->delay[M], dgram, len);
	paths_post(p, true, p->here, p->delay[p->here], dgram, len);
}

static unsigned
path_number(const struct paths *p, const struct path *path)
{
	for (unsigned i = 0; i < PATHS; i++)
		if (endpoint_equal(&p->path[i].remote, &path->remote) && p->path[i].sock == path->sock &&
		    ipaddr_equal(&p->path[i].local, &path->local))
			return i;
	fail_msg("sent along no path");
	return PATHS;
}

static void
server_output(struct fake_end *e, const struct path *path, enum fake_msg msg, const uint8_t *dgram, size_t len)
{
	struct paths *p = e->output_arg;
	unsigned i = path_number(p, path);

	e->sent[msg]++;
	e->sent_at[msg] = fake_now;
	p->sent[i] += len;
	if (msg == FAKE_REQUEST)
		p->requests[i]++;
	else
		p->others[i]++;
	p->last[i].len = len;
	memcpy(p->last[i].data, dgram, len);
	if (p->alive[i])
		paths_post(p, false, i, p->delay[i], dgram, len);
}

struct paths *
paths_new(void)
{
	static const char *const remotes[PATHS] = { "198.51.100.7:40000", "203.0.113.9:1025", "192.0.2.66:6666" };
	struct paths *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->w = fake_wire_established();
	for (unsigned i = 0; i < PATHS; i++) {
		assert_true(endpoint_parse(remotes[i], &p->path[i].remote));
		p->path[i].sock = i == N ? 4 : 3;
		p->alive[i] = true;
		p->delay[i] = MS(10);
	}
	assert_true(endpoint_equal(&p->path[R].remote, &p->w->to_client.remote));
	p->w->c.output = client_output;
	p->w->s.output = server_output;
	p->w->c.output_arg = p->w->s.output_arg = p;
	return p;
}

void
paths_free(struct paths *p)
{
	fake_wire_free(p->w);
	free(p);
}

static enum drop_reason
server_input(struct paths *p, unsigned path, uint8_t *dgram, size_t len)
{
	uint8_t *frame = NULL;
	size_t frame_len = 0;
	enum drop_reason r = session_open(p->w->s.session, &p->path[path], dgram, len, fake_now, &frame, &frame_len);

	p->received[path] += len;
	p->w->s.frames += r == DROP_NONE && frame;
	p->w->s.last_drop = r;
	return r;
}

static void
deliver(struct paths *p, struct paths_dgram *d)
{
	unsigned frames = p->w->c.frames;

	if (d->to_server) {
		server_input(p, d->path, d->data, d->len);
		return;
	}
	fake_open(&p->w->c, d->data, d->len);
	if (p->w->c.frames > frames)
		p->frame_at = fake_now;
}

/* The queue's first, PATHS_QUEUE when it is empty. */
static unsigned
first(const struct paths *p)
{
	unsigned best = PATHS_QUEUE;

	for (unsigned i = 0; i < p->n_queue; i++)
		if (best == PATHS_QUEUE || p->queue[i].at.ns < p->queue[best].at.ns ||
		    (p->queue[i].at.ns == p->queue[best].at.ns && p->queue[i].order < p->queue[best].order))
			best = i;
	return best;
}

static bool
deliver_one(struct paths *p, struct mono until)
{
	unsigned i = first(p);
	struct paths_dgram d;

	if (i == PATHS_QUEUE || !mono_due(p->queue[i].at, until))
		return false;
	d = p->queue[i];
	p->queue[i] = p->queue[--p->n_queue];
	fake_now = mono_max(fake_now, d.at);
	deliver(p, &d);
	return true;
}

void
paths_until(struct paths *p, struct mono until)
{
	unsigned steps = 0;

	for (;;) {
		struct mono next = mono_min(session_next(p->w->c.session), session_next(p->w->s.session));

		assert_true(++steps < 1000000);
		if (deliver_one(p, mono_min(next, until)))
			continue;
		if (!mono_due(next, until))
			break;
		fake_now = mono_max(fake_now, next);
		session_tick(p->w->c.session, fake_now);
		session_tick(p->w->s.session, fake_now);
	}
	fake_now = until;
}

void
paths_for(struct paths *p, nsec_t d)
{
	paths_until(p, mono_add(fake_now, d));
}

void
paths_frame(struct paths *p, bool from_client)
{
	struct fake_end *e = from_client ? &p->w->c : &p->w->s;
	uint8_t buf[1 + 100] = { 0 }, out[100 + TMSG_OVERHEAD];
	size_t n = session_seal(e->session, buf + 1, 100, out, sizeof(out), fake_now, &e->last_drop);

	assert_int_equal(n, sizeof(out));
	e->output(e, session_path(e->session), FAKE_FRAME, out, n);
}

unsigned
paths_used(const struct paths *p)
{
	return path_number(p, session_path(p->w->s.session));
}

enum drop_reason
paths_inject(struct paths *p, unsigned path, uint64_t counter, const uint8_t *plain, size_t len)
{
	uint8_t dgram[FAKE_DGRAM_MAX];

	return server_input(p, path, dgram, fake_forge(p->w, true, counter, plain, len, dgram));
}

void
paths_reply(struct paths *p, unsigned asked, unsigned path, uint64_t counter)
{
	uint8_t plain[1 + TMSG_PAD_LEN], request[FAKE_DGRAM_MAX];
	const struct fake_key *k = &fake_keys[0]; /* the server's tx */
	struct tmsg_data hdr;
	struct tmsg_pad pad;
	struct aead *a;

	memcpy(request, p->last[asked].data, p->last[asked].len);
	assert_true(tmsg_data_parse(request, p->last[asked].len, &hdr));
	a = fake_aead.create(k->id, k->key, k->iv, false);
	assert_true(fake_aead.open(a, hdr.counter, request, TMSG_DATA_HDR, request + TMSG_DATA_HDR,
				   p->last[asked].len - TMSG_DATA_HDR));
	fake_aead.destroy(a);
	assert_int_equal(request[TMSG_DATA_HDR], TMSG_PAD);
	assert_true(tmsg_pad_parse(request + TMSG_DATA_HDR + 1, TMSG_PAD_LEN, &pad));
	assert_int_equal(pad.flags, TMSG_PAD_REQUEST);
	plain[0] = TMSG_PAD;
	tmsg_pad_write(plain + 1, &(struct tmsg_pad){ .flags = TMSG_PAD_REPLY, .id = pad.id });
	assert_int_equal(paths_inject(p, path, counter, plain, sizeof(plain)), DROP_NONE);
}
