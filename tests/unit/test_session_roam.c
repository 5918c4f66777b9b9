/* Unit tests of roaming: who gets the session when packets come by another path, and when. */
#include <string.h>

#include "tunnel_paths.h"

enum { REQUEST_LEN = TMSG_OVERHEAD + TMSG_PAD_LEN };

static struct mono
at(unsigned ms)
{
	return mono_from_ns(MS(100000) + MS(ms));
}

static const uint8_t frame[60] = { TMSG_FRAME };

/* Paths whose other ends are all silent: what comes is injected. */
static struct paths *
silent_paths(void)
{
	struct paths *p = paths_new();

	p->alive[R] = p->alive[N] = p->alive[M] = false;
	return p;
}

/* --- the way it should be --- */

/* The client's NAT gives it another address while it sends: one trial, and the session is there after 100 ms. */
static void
test_rebinding(void **state)
{
	(void)state;
	struct paths *p = paths_new();
	unsigned moved_at = 0, frames;

	paths_until(p, at(1000));
	p->alive[R] = false;
	p->here = N;
	frames = p->w->s.frames;
	for (unsigned t = 1000; t < 2000; t += 5) {
		paths_until(p, at(t));
		paths_frame(p, true);
		paths_frame(p, false);
		if (p->w->s.moved == 0)
			moved_at = t + 5;
	}
	paths_for(p, MS(50));
	/* The first by the new path arrives at 1010. */
	assert_int_equal(moved_at, 1110);
	assert_int_equal(p->w->s.moved, 1);
	assert_int_equal(paths_used(p), N);
	assert_int_equal(p->w->s.frames - frames, 200); /* delivered whatever path they came by */
	assert_int_equal(p->w->c.frames, 200 - 22);     /* the server's from 1000 to 1105 went the old way */
	assert_int_equal(p->requests[N], 1);            /* answered at 1030 */
	assert_int_equal(p->requests[R], 3);
	assert_int_equal(p->w->c.probing, 0);
	paths_free(p);
}

/* A client that only receives: its stream falls silent, it asks, and gets it back. */
static void
test_rebinding_of_a_receiver(void **state)
{
	(void)state;
	static const struct {
		unsigned gap, silence_min, silence_max;
	} rows[] = { { 20, 300, 450 }, { 100, 450, 700 }, { 250, 750, 1000 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct paths *p = paths_new();
		struct mono last;
		unsigned t = 0;

		for (; t < 20000; t += rows[i].gap) {
			paths_until(p, at(t));
			paths_frame(p, false);
		}
		paths_for(p, MS(15));
		assert_int_equal(p->w->c.probing, 0);
		assert_int_equal(p->frame_at.ns, at(t - rows[i].gap + 10).ns);
		last = p->frame_at;
		p->alive[R] = false;
		p->here = N;
		/* Every millisecond from now on, to see when it is back. */
		for (unsigned ms = t; p->frame_at.ns == last.ns; ms++) {
			paths_until(p, at(ms));
			paths_frame(p, false);
			assert_true(ms < t + 2000);
		}
		assert_int_equal(p->w->c.probing, 1);
		assert_in_range(mono_since(last, p->frame_at), MS(rows[i].silence_min), MS(rows[i].silence_max));
		assert_int_equal(paths_used(p), N);
		paths_free(p);
	}
}

/* --- a trial --- */

/* Both are asked at once, by different ids, and again at fixed times. */
static void
test_who_is_asked(void **state)
{
	(void)state;
	static const unsigned times[] = { 0, 30, 60, 150, 300, 600 };
	struct paths *p = silent_paths();
	uint8_t plain[1500] = { TMSG_FRAME };

	paths_until(p, at(1000));
	assert_int_equal(paths_inject(p, N, 50, plain, sizeof(plain)), DROP_NONE);
	assert_int_equal(p->w->s.frames, 1);
	for (unsigned i = 0; i < 6; i++) {
		paths_until(p, at(1000 + times[i]));
		assert_int_equal(p->requests[R], i + 1);
		assert_int_equal(p->requests[N], i + 1);
		assert_memory_not_equal(p->last[R].data + TMSG_DATA_HDR, p->last[N].data + TMSG_DATA_HDR, REQUEST_LEN);
		if (i < 5)
			paths_until(p, at(1000 + times[i + 1] - 1));
		assert_int_equal(p->requests[R], i + 1);
	}
	/* It ends at 1200. */
	paths_until(p, at(2199));
	paths_reply(p, N, N, 51);
	assert_int_equal(paths_used(p), N);
	assert_int_equal(p->others[N], 0);
	paths_free(p);

	p = silent_paths();
	paths_until(p, at(1000));
	paths_inject(p, N, 50, plain, sizeof(plain));
	paths_until(p, at(2200));
	p->w->s.sent[FAKE_REQUEST] = 0;
	paths_reply(p, N, N, 51); /* begins another one, as any packet would */
	assert_int_equal(p->w->s.sent[FAKE_REQUEST], 2);
	paths_until(p, at(2300));
	assert_int_equal(paths_used(p), R);
	paths_free(p);
}

/* The present path has its 100 ms, however soon the new one answers. */
static void
test_when_it_moves(void **state)
{
	(void)state;
	static const struct {
		unsigned answered, moved;
	} rows[] = { { 0, 100 }, { 99, 100 }, { 100, 100 }, { 101, 101 }, { 500, 500 }, { 1199, 1199 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct paths *p = silent_paths();

		paths_until(p, at(1000));
		paths_inject(p, N, 50, frame, sizeof(frame));
		paths_until(p, at(1000 + rows[i].answered));
		paths_reply(p, N, N, 51);
		if (rows[i].moved > rows[i].answered) {
			paths_until(p, at(1000 + rows[i].moved - 1));
			assert_int_equal(paths_used(p), R);
			paths_until(p, at(1000 + rows[i].moved));
		}
		assert_int_equal(paths_used(p), N);
		assert_int_equal(p->w->s.moved, 1);
		paths_free(p);
	}
}

/* Nothing but requests go to a path that is not proven, and at most three times what came from there. */
static void
test_amplification(void **state)
{
	(void)state;
	static const struct {
		size_t plain;
		unsigned requests;
	} rows[] = {
		{ 1 + TMSG_PAD_LEN, 3 }, /* 39 bytes */
		{ 1 + 14, 3 },           /* 44 bytes: 132, three times 39 and some */
		{ 1 + 22, 4 },           /* 52 bytes: 156, exactly four */
		{ 1 + 21, 3 },           /* 51 bytes */
		{ 1 + 48, 6 },           /* 78 bytes: 234, exactly six */
		{ 1 + 47, 5 },           { 1 + 1000, 6 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct paths *p = silent_paths();
		uint8_t plain[1500] = { i == 0 ? TMSG_PAD : TMSG_FRAME };

		paths_until(p, at(1000));
		assert_int_equal(paths_inject(p, N, 50, plain, rows[i].plain), DROP_NONE);
		paths_until(p, at(2100));
		assert_int_equal(p->requests[N], rows[i].requests);
		assert_int_equal(p->requests[R], 6);
		assert_int_equal(p->others[N], 0);
		paths_free(p);
	}
}

/* What comes later from there counts, too. */
static void
test_amplification_grows(void **state)
{
	(void)state;
	struct paths *p = silent_paths();
	uint8_t pad[1 + TMSG_PAD_LEN] = { TMSG_PAD };

	paths_until(p, at(1000));
	paths_inject(p, N, 50, pad, sizeof(pad));
	paths_until(p, at(1200));
	assert_int_equal(p->requests[N], 3);
	paths_inject(p, N, 51, pad, sizeof(pad));
	paths_until(p, at(2100));
	assert_int_equal(p->requests[N], 5);
	paths_free(p);
}

/* A request that comes by another path is answered by the trial's request alone, and by nothing when there is none. */
static void
test_requests_by_other_paths(void **state)
{
	(void)state;
	struct paths *p = silent_paths();
	uint8_t request[1 + TMSG_PAD_LEN] = { TMSG_PAD, TMSG_PAD_REQUEST };

	paths_until(p, at(1000));
	paths_inject(p, N, 50, request, sizeof(request));
	assert_int_equal(p->requests[N], 1);
	paths_inject(p, M, 49, request, sizeof(request)); /* not newer */
	assert_int_equal(p->requests[M], 0);
	assert_int_equal(p->others[N] + p->others[M] + p->others[R], 0);
	paths_inject(p, R, 48, request, sizeof(request));
	assert_int_equal(p->others[R], 1);
	paths_free(p);
}

/* --- what is no move --- */

static void
test_replay_begins_nothing(void **state)
{
	(void)state;
	struct paths *p = silent_paths();
	unsigned from;

	paths_until(p, at(1000));
	paths_inject(p, R, 50, frame, sizeof(frame));
	for (from = N; from <= M; from++) {
		assert_int_equal(paths_inject(p, from, 50, frame, sizeof(frame)), DROP_REPLAY);
		/* Authentic, but older than others: delivered, and no sign of where the client is now. */
		assert_int_equal(paths_inject(p, from, 49 - from, frame, sizeof(frame)), DROP_NONE);
	}
	assert_int_equal(p->w->s.sent[FAKE_REQUEST], 0);
	assert_int_equal(p->w->s.frames, 3);
	paths_inject(p, N, 51, frame, sizeof(frame));
	assert_int_equal(p->w->s.sent[FAKE_REQUEST], 2);
	paths_free(p);
}

static void
test_forgery_begins_nothing(void **state)
{
	(void)state;
	struct paths *p = silent_paths();
	uint8_t dgram[100], *f;
	size_t len = fake_forge(p->w, true, 50, frame, sizeof(frame), dgram), n;

	dgram[30] ^= 1;
	assert_int_equal(session_open(p->w->s.session, &p->path[N], dgram, len, fake_now, &f, &n), DROP_AUTH);
	assert_int_equal(p->w->s.sent[FAKE_REQUEST], 0);
	paths_free(p);
}

/* The present path answers, or is still in use: no move, and no trial for a second. */
static void
test_present_path_alive(void **state)
{
	(void)state;

	for (unsigned way = 0; way < 3; way++) {
		struct paths *p = silent_paths();
		unsigned asked;

		paths_until(p, at(1000));
		paths_inject(p, N, 50, frame, sizeof(frame));
		paths_reply(p, N, N, 51);
		paths_until(p, at(1099));
		if (way == 0)
			paths_reply(p, R, R, 49); /* not even new: a reply it is */
		else if (way == 1)
			paths_reply(p, R, N, 52); /* who forwards has it, but did not hear it first */
		else
			paths_inject(p, R, 52, frame, sizeof(frame));
		asked = p->w->s.sent[FAKE_REQUEST];
		for (unsigned t = 1100; t <= 2098; t += 499) {
			paths_until(p, at(t));
			paths_inject(p, t % 2 ? N : M, 100 + t, frame, sizeof(frame));
		}
		assert_int_equal(p->w->s.sent[FAKE_REQUEST], asked);
		assert_int_equal(paths_used(p), R);
		assert_int_equal(p->w->s.moved, 0);
		paths_until(p, at(2099));
		paths_inject(p, N, 3000, frame, sizeof(frame));
		assert_int_equal(p->w->s.sent[FAKE_REQUEST], asked + 2);
		paths_free(p);
	}
}

/* An older packet by the present path was under way when the client moved. */
static void
test_stragglers(void **state)
{
	(void)state;
	struct paths *p = silent_paths();

	paths_until(p, at(1000));
	paths_inject(p, N, 50, frame, sizeof(frame));
	paths_reply(p, N, N, 51);
	for (unsigned counter = 10; counter < 20; counter++)
		paths_inject(p, R, counter, frame, sizeof(frame));
	paths_until(p, at(1100));
	assert_int_equal(paths_used(p), N);
	for (unsigned counter = 20; counter < 30; counter++)
		paths_inject(p, R, counter, frame, sizeof(frame));
	assert_int_equal(paths_used(p), N);
	assert_int_equal(p->w->s.moved, 1);
	paths_free(p);
}

static void
test_answer_by_a_third_path(void **state)
{
	(void)state;
	struct paths *p = silent_paths();

	paths_until(p, at(1000));
	paths_inject(p, N, 50, frame, sizeof(frame));
	paths_reply(p, N, M, 49);
	paths_until(p, at(1500));
	assert_int_equal(p->w->s.moved, 0);
	paths_free(p);
}

/* Until it answers, a path gives way to one with something newer; the present one is asked by the same id still. */
static void
test_third_path(void **state)
{
	(void)state;
	struct paths *p = silent_paths();
	struct paths_dgram first;

	paths_until(p, at(1000));
	paths_inject(p, N, 50, frame, sizeof(frame));
	first = p->last[R];
	paths_until(p, at(1050));
	paths_inject(p, M, 51, frame, sizeof(frame));
	assert_int_equal(p->requests[M], 1);
	paths_reply(p, N, N, 49); /* too late */
	paths_until(p, at(1200));
	assert_int_equal(p->w->s.moved, 0);
	paths_reply(p, M, M, 52);
	assert_int_equal(paths_used(p), M);
	p->last[R] = first;
	paths_reply(p, R, R, 48); /* what was asked first is a claim as well */
	assert_int_equal(paths_used(p), R);
	paths_free(p);

	p = silent_paths();
	paths_until(p, at(1000));
	paths_inject(p, N, 50, frame, sizeof(frame));
	paths_reply(p, N, N, 51);
	paths_inject(p, M, 52, frame, sizeof(frame)); /* after it answered: no */
	assert_int_equal(p->requests[M], 0);
	paths_until(p, at(1100));
	assert_int_equal(paths_used(p), N);
	paths_free(p);
}

/* --- back --- */

static struct paths *
moved_paths(void)
{
	struct paths *p = silent_paths();

	paths_until(p, at(1000));
	paths_inject(p, N, 50, frame, sizeof(frame));
	paths_reply(p, N, N, 51);
	paths_until(p, at(1100));
	assert_int_equal(paths_used(p), N);
	return p;
}

/* For 3 s the old path has the session back with its first newer packet, or by its id. */
static void
test_claim(void **state)
{
	(void)state;

	for (unsigned way = 0; way < 2; way++) {
		for (unsigned ms = 4099; ms <= 4100; ms++) {
			struct paths *p = moved_paths();

			paths_until(p, at(ms));
			if (way == 0)
				paths_inject(p, R, 100, frame, sizeof(frame));
			else
				paths_reply(p, R, R, 40);
			assert_int_equal(paths_used(p), ms == 4099 ? R : N);
			/* A trial, when it is too late for more. */
			assert_int_equal(p->requests[R], ms == 4100 && way == 0 ? 4 : 3);
			paths_free(p);
		}
	}
}

/* Whoever came in between can't take the claim away by moving on. */
static void
test_claim_outlives_another_move(void **state)
{
	(void)state;
	struct paths *p = moved_paths();
	struct paths_dgram asked = p->last[R];

	paths_inject(p, M, 60, frame, sizeof(frame));
	paths_reply(p, M, M, 61);
	paths_until(p, at(1200));
	assert_int_equal(paths_used(p), M);
	p->last[R] = asked;
	paths_reply(p, R, R, 40);
	assert_int_equal(paths_used(p), R);
	assert_int_equal(p->w->s.moved, 3);
	paths_free(p);
}

/* One that needed 250 ms to answer gets 500 next time; and 1 s is the most. */
static void
test_patience(void **state)
{
	(void)state;
	static const struct {
		unsigned answered, patience;
	} rows[] = { { 101, 202 }, { 250, 500 }, { 500, 1000 }, { 501, 1000 }, { 3000, 1000 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct paths *p = moved_paths();
		unsigned t = 1000 + rows[i].answered;

		paths_until(p, at(t));
		paths_reply(p, R, R, 40);
		assert_int_equal(paths_used(p), R);
		t += 1000;
		paths_until(p, at(t));
		paths_inject(p, N, 60, frame, sizeof(frame));
		paths_reply(p, N, N, 61);
		paths_until(p, at(t + rows[i].patience - 1));
		assert_int_equal(paths_used(p), R);
		paths_until(p, at(t + rows[i].patience));
		assert_int_equal(paths_used(p), N);
		/* What R needed says nothing about N. */
		t += 10000;
		paths_until(p, at(t));
		paths_inject(p, R, 100, frame, sizeof(frame));
		paths_reply(p, R, R, 101);
		paths_until(p, at(t + 100));
		assert_int_equal(paths_used(p), R);
		paths_free(p);
	}
}

/* --- an attacker --- */

/* Everything the client says comes by M first, and what is asked by M is answered.  Frames go both ways for 20 s. */
static void
test_faster_forwarder(void **state)
{
	(void)state;
	static const struct {
		unsigned delay, moves;
	} rows[] = {
		{ 20, 0 },
		{ 98, 0 },  /* M brings R's answer 1 ms later */
		{ 100, 2 }, /* there and back once, then it is known how long R takes */
		{ 400, 2 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct paths *p = paths_new();

		p->delay[R] = MS(rows[i].delay);
		p->delay[M] = MS(1);
		paths_until(p, at(1000));
		p->forwarder = true;
		for (unsigned t = 1000; t < 21000; t += 10) {
			paths_until(p, at(t));
			paths_frame(p, true);
			paths_frame(p, false);
		}
		assert_int_equal(paths_used(p), R);
		assert_int_equal(p->w->s.moved, rows[i].moves);
		assert_true(p->requests[M] > 2); /* it was tried, a few times a second at most */
		assert_true(p->requests[M] < 200);
		/* It has had its chance for a moment at most. */
		assert_true(p->others[M] <= (unsigned)rows[i].delay * 2 / 10);
		paths_free(p);
	}
}

/* The client moved while somebody forwards: as soon as the forwarder stops, the session finds the client. */
static void
test_forwarder_stops(void **state)
{
	(void)state;
	struct paths *p = paths_new();

	p->delay[M] = MS(1);
	p->forwarder = true;
	p->alive[R] = false;
	p->here = N;
	for (unsigned t = 1000; t < 10000; t += 10) {
		paths_until(p, at(t));
		paths_frame(p, true);
		if (t == 5000) {
			assert_int_equal(paths_used(p), M);
			p->forwarder = p->alive[M] = false;
		}
	}
	assert_int_equal(paths_used(p), N);
	paths_free(p);
}

/* --- who does not roam --- */

static void
test_client_follows_nobody(void **state)
{
	(void)state;
	struct paths *p = paths_new();
	uint8_t dgram[100], *f;
	size_t n, len;

	paths_until(p, at(1000));
	len = fake_forge(p->w, false, 50, frame, sizeof(frame), dgram);
	assert_int_equal(session_open(p->w->c.session, &p->path[M], dgram, len, fake_now, &f, &n), DROP_NONE);
	paths_until(p, at(1249)); /* then it asks what has become of the traffic */
	assert_true(endpoint_equal(&session_path(p->w->c.session)->remote, &p->w->to_server.remote));
	assert_int_equal(p->w->c.moved, 0);
	assert_int_equal(p->w->c.sent[FAKE_REQUEST], 1);
	paths_free(p);
}

/* Before it is established a session answers along the path of its handshake, whose address has been proven. */
static void
test_confirmed_from_elsewhere(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_new();
	uint8_t dgram[100], plain[1 + TMSG_PAD_LEN] = { TMSG_PAD, TMSG_PAD_REQUEST }, *f;
	struct path elsewhere = w->to_client;
	size_t n;

	elsewhere.remote.port++;
	w->c.lose[FAKE_REQUEST] = 1;
	fake_wire_start(w);
	fake_wire_deliver(w);
	n = fake_forge(w, true, 1, plain, sizeof(plain), dgram);
	/* The wire checks where to. */
	assert_int_equal(session_open(w->s.session, &elsewhere, dgram, n, fake_now, &f, &n), DROP_NONE);
	assert_int_equal(session_state(w->s.session), SESSION_ESTABLISHED);
	assert_int_equal(w->s.sent[FAKE_REPLY], 1);
	assert_int_equal(w->s.sent[FAKE_REQUEST], 0);
	fake_wire_free(w);
}

/* Another of our addresses, or another socket, is another path to the same client. */
static void
test_local_side_counts(void **state)
{
	(void)state;

	for (unsigned way = 0; way < 3; way++) {
		struct paths *p = silent_paths();

		p->path[N] = p->path[R];
		if (way == 0)
			assert_true(ipaddr_parse("192.0.2.1", &p->path[N].local));
		else if (way == 1)
			p->path[N].sock++;
		paths_until(p, at(1000));
		paths_inject(p, N, 50, frame, sizeof(frame));
		assert_int_equal(p->w->s.sent[FAKE_REQUEST], way == 2 ? 0 : 2);
		paths_free(p);
	}
}

static void
test_closed_while_trying(void **state)
{
	(void)state;
	struct paths *p = silent_paths();

	paths_until(p, at(1000));
	paths_inject(p, N, 50, frame, sizeof(frame));
	session_close(p->w->s.session, TMSG_REASON_SHUTDOWN, "", fake_now);
	assert_true(mono_is_never(session_next(p->w->s.session)));
	assert_int_equal(paths_inject(p, M, 51, frame, sizeof(frame)), DROP_NOT_ESTABLISHED);
	paths_free(p);
}

/* --- whatever happens --- */

/* A client that jumps about with a forwarder that comes and goes: no path that is not proven gets more than three times
 * what came from it, and once all is quiet the session is where the client is. */
static void
test_random_walk(void **state)
{
	(void)state;

	for (uint64_t seed = 0; seed < 60; seed++) {
		struct paths *p = paths_new();
		struct rng_seeded st;
		struct rng rng;
		struct mono t = at(1000);

		rng_seeded_init(&st, seed, &rng);
		for (unsigned step = 0; step < 12; step++) {
			p->here = (unsigned)rng_below(&rng, 2);
			p->alive[R] = p->here == R || rng_below(&rng, 4) == 0;
			p->alive[N] = p->here == N || rng_below(&rng, 4) == 0;
			p->forwarder = p->alive[M] = rng_below(&rng, 2) == 0;
			for (unsigned i = 0; i < PATHS; i++)
				p->delay[i] = MS(1 + rng_below(&rng, 40));
			for (unsigned n = (unsigned)rng_below(&rng, 100); n > 0; n--) {
				t = mono_add(t, MS(1 + rng_below(&rng, 20)));
				paths_until(p, t);
				paths_frame(p, rng_below(&rng, 3) != 0);
				if (p->w->s.moved == 0)
					assert_true(p->sent[N] <= 3 * p->received[N] && p->others[N] == 0 &&
						    p->sent[M] <= 3 * p->received[M] && p->others[M] == 0);
			}
		}
		p->forwarder = p->alive[M] = false;
		p->alive[R] = p->here == R;
		p->alive[N] = p->here == N;
		for (unsigned n = 0; n < 200; n++) {
			t = mono_add(t, MS(20));
			paths_until(p, t);
			paths_frame(p, true);
		}
		assert_int_equal(paths_used(p), p->here);
		assert_int_equal(p->w->c.closed + p->w->s.closed, 0);
		paths_free(p);
	}
}

/* What was known of the old path's size says nothing about the new one's. */
static void
test_path_mtu(void **state)
{
	(void)state;
	fake_max_datagram = 1452;
	struct paths *p = paths_new();

	paths_for(p, MS(1000));
	assert_int_equal(session_mtu(p->w->s.session), 1452);
	p->here = N;
	p->alive[R] = false;
	for (unsigned i = 0; i < 1000 && paths_used(p) == R; i++) {
		paths_frame(p, true);
		paths_for(p, MS(1));
	}
	assert_int_equal(paths_used(p), N);
	assert_int_equal(session_mtu(p->w->s.session), 1200);
	paths_for(p, MS(100));
	assert_int_equal(session_mtu(p->w->s.session), 1452);
	paths_free(p);
	fake_max_datagram = 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rebinding),
		cmocka_unit_test(test_path_mtu),
		cmocka_unit_test(test_rebinding_of_a_receiver),
		cmocka_unit_test(test_who_is_asked),
		cmocka_unit_test(test_when_it_moves),
		cmocka_unit_test(test_amplification),
		cmocka_unit_test(test_amplification_grows),
		cmocka_unit_test(test_requests_by_other_paths),
		cmocka_unit_test(test_replay_begins_nothing),
		cmocka_unit_test(test_forgery_begins_nothing),
		cmocka_unit_test(test_present_path_alive),
		cmocka_unit_test(test_stragglers),
		cmocka_unit_test(test_answer_by_a_third_path),
		cmocka_unit_test(test_third_path),
		cmocka_unit_test(test_claim),
		cmocka_unit_test(test_claim_outlives_another_move),
		cmocka_unit_test(test_patience),
		cmocka_unit_test(test_faster_forwarder),
		cmocka_unit_test(test_forwarder_stops),
		cmocka_unit_test(test_client_follows_nobody),
		cmocka_unit_test(test_confirmed_from_elsewhere),
		cmocka_unit_test(test_local_side_counts),
		cmocka_unit_test(test_closed_while_trying),
		cmocka_unit_test(test_random_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
