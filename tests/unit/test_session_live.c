/* Unit tests of what an established session does over time: keepalive and death, stalled traffic, CONTROL and BYE. */
#include <stdio.h>
#include <string.h>

#include "tunnel_fake.h"

/* As a clock that started with the session: what it did 'at' ms after 100 s. */
static struct mono
at(unsigned ms)
{
	return mono_from_ns(MS(100000) + MS(ms));
}

/* --- keepalive --- */

/* An idle pair: each side says something every 15 s, and the other's request answers for it. */
static void
test_keepalive(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();
	unsigned before = w->c.sent[FAKE_REQUEST];

	fake_wire_until(w, at(14999));
	assert_int_equal(w->c.sent[FAKE_REQUEST], before);
	assert_int_equal(w->s.sent[FAKE_REQUEST], 0);
	fake_wire_until(w, at(15000));
	assert_int_equal(w->c.sent[FAKE_REQUEST], before + 1);
	fake_wire_until(w, at(15001));
	assert_int_equal(w->c.sent[FAKE_REQUEST], before + 1);

	fake_wire_until(w, at(10 * 60 * 1000));
	assert_int_equal(w->c.closed + w->s.closed, 0);
	assert_true(w->c.sent[FAKE_REQUEST] <= before + 40);
	fake_wire_free(w);
}

/* Who sends needs no keepalive; who only receives sends one every K. */
static void
test_keepalive_moves_with_traffic(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();

	for (unsigned t = 1; t <= 40; t++) {
		fake_wire_until(w, at(t * 1000));
		assert_true(fake_wire_frame(w, &w->s, 100, 0));
		assert_false(mono_before(fake_now, session_last_rx(w->c.session)));
	}
	fake_wire_deliver(w);
	assert_int_equal(w->c.frames, 40);
	assert_int_equal(w->s.sent[FAKE_REQUEST], 0);
	assert_false(session_next(w->s.session).ns > at(55000).ns); /* may be early, never late */
	fake_wire_until(w, at(54999));
	assert_int_equal(w->s.closed, 0);
	fake_wire_free(w);
}

/* Nothing comes any more: requests at K, 5/3 K, 7/3 K, the end at 3 K. */
static void
expect_silence(struct fake_wire *w, struct fake_end *e, unsigned k)
{
	const unsigned asked = e->sent[FAKE_REQUEST];
	const unsigned times[4] = { k, k + 2 * k / 3, k + 4 * k / 3, 3 * k };

	for (unsigned i = 0; i < 4; i++) {
		fake_wire_until(w, at(times[i] - 1));
		assert_int_equal(e->sent[FAKE_REQUEST], asked + i);
		assert_int_equal(e->closed, 0);
		fake_wire_until(w, at(times[i]));
		assert_int_equal(e->sent[FAKE_REQUEST], i < 3 ? asked + i + 1 : asked + 3);
	}
	assert_int_equal(e->closed, 1);
	assert_int_equal(e->info.end, SESSION_END_DEAD);
	assert_true(e->info.was_established);
}

static void
lose_all(struct fake_end *e, int n)
{
	for (unsigned i = 0; i < FAKE_MSGS; i++)
		e->lose[i] = n;
}

static void
test_dead(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();

	lose_all(&w->c, -1);
	lose_all(&w->s, -1);
	expect_silence(w, &w->s, 15000);
	assert_int_equal(w->c.closed, 1);
	fake_wire_free(w);
}

static void
test_dead_with_own_keepalive(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();

	lose_all(&w->c, -1);
	session_set_keepalive(w->s.session, MS(3000), fake_now);
	expect_silence(w, &w->s, 3000);
	fake_wire_free(w);
}

/* One packet at 3 K - 1 ms, and the count begins again. */
static void
test_alive_at_the_last_moment(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();

	lose_all(&w->c, -1);
	lose_all(&w->s, -1);
	fake_wire_until(w, at(44999));
	lose_all(&w->c, 0);
	assert_true(fake_wire_frame(w, &w->c, 60, 0));
	fake_wire_deliver(w);
	assert_int_equal(w->s.frames, 1);
	lose_all(&w->c, -1);
	fake_wire_until(w, at(44999 + 44999));
	assert_int_equal(w->s.closed, 0);
	fake_wire_until(w, at(44999 + 45000));
	assert_int_equal(w->s.closed, 1);
	fake_wire_free(w);
}

static void
test_keepalive_bounds(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();
	static const struct {
		nsec_t set, expect;
	} rows[] = {
		{ 0, SESSION_KEEPALIVE_DEFAULT },    { 1, MS(100) }, { MS(100), MS(100) }, { MS(101), MS(101) },
		{ UINT64_MAX, 3600 * NSEC_PER_SEC },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		session_set_keepalive(w->s.session, rows[i].set, fake_now);
		assert_int_equal(session_next(w->s.session).ns, fake_now.ns + rows[i].expect);
	}
	fake_wire_free(w);
}

/* --- stalled traffic --- */

/* Sends from the client every 20 ms until 'ms', the server answering with a frame until 'answers'. */
static void
traffic(struct fake_wire *w, unsigned from, unsigned ms, unsigned answers)
{
	for (unsigned t = from; t <= ms; t += 20) {
		fake_wire_until(w, at(t));
		assert_true(fake_wire_frame(w, &w->c, 200, 0));
		if (t <= answers)
			assert_true(fake_wire_frame(w, &w->s, 200, 0));
		fake_wire_deliver(w);
	}
}

static void
expect_probes(struct fake_wire *w, const unsigned times[4], unsigned asked)
{
	for (unsigned i = 0; i < 4; i++) {
		fake_wire_until(w, at(times[i] - 1));
		assert_int_equal(w->c.sent[FAKE_REQUEST], asked + i);
		assert_int_equal(w->c.closed, 0);
		fake_wire_until(w, at(times[i]));
		assert_int_equal(w->c.sent[FAKE_REQUEST], i < 3 ? asked + i + 1 : asked + 3);
	}
	assert_int_equal(w->c.info.end, SESSION_END_DEAD);
}

/* The path breaks at 2000 ms: probes at +250, +750, +1750, dead at +3750. */
static void
test_stall(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();

	traffic(w, 20, 2000, 2000);
	assert_int_equal(w->c.sent[FAKE_REQUEST], 1);
	lose_all(&w->c, -1);
	lose_all(&w->s, -1);
	expect_probes(w, (const unsigned[]){ 2250, 2750, 3750, 5750 }, 1);
	assert_string_equal(w->c.info.text, "traffic stalled and no answer to probes");
	assert_int_equal(w->s.closed, 0); /* the server does not watch */
	fake_wire_free(w);
}

/* A client that only receives finds it out too. */
static void
test_stall_of_received_traffic(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();

	for (unsigned t = 20; t <= 2000; t += 20) {
		fake_wire_until(w, at(t));
		assert_true(fake_wire_frame(w, &w->s, 200, 0));
		fake_wire_deliver(w);
	}
	lose_all(&w->s, -1);
	expect_probes(w, (const unsigned[]){ 2250, 2750, 3750, 5750 }, 1);
	fake_wire_free(w);
}

/* Packets usually come every 150 ms: four times that before a probe, and never more than 1 s. */
static void
test_stall_follows_the_usual_gap(void **state)
{
	(void)state;
	static const struct {
		unsigned gap, threshold_min, threshold_max;
	} rows[] = { { 20, 250, 250 }, { 150, 590, 600 }, { 400, 1000, 1000 } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fake_wire *w = fake_wire_established();
		unsigned t = 0, asked;

		for (unsigned n = 0; n < 100; n++) {
			t += rows[i].gap;
			fake_wire_until(w, at(t));
			assert_true(fake_wire_frame(w, &w->s, 200, 0));
			fake_wire_deliver(w);
		}
		asked = w->c.sent[FAKE_REQUEST];
		lose_all(&w->s, -1);
		fake_wire_until(w, at(t + rows[i].threshold_min - 1));
		assert_int_equal(w->c.sent[FAKE_REQUEST], asked);
		fake_wire_until(w, at(t + rows[i].threshold_max));
		assert_int_equal(w->c.sent[FAKE_REQUEST], asked + 1);
		fake_wire_free(w);
	}
}

/* An answer to any probe ends the alarm; the next one has its full time again. */
static void
test_stall_answered(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();

	traffic(w, 20, 2000, 2000);
	w->c.lose[FAKE_REQUEST] = 2;
	fake_wire_until(w, at(3750)); /* the third, at +1750, comes through */
	assert_int_equal(w->c.sent[FAKE_REQUEST], 1 + 3);
	fake_wire_until(w, at(10000));
	assert_int_equal(w->c.sent[FAKE_REQUEST], 1 + 3); /* the traffic had ended */
	assert_int_equal(w->c.closed, 0);

	lose_all(&w->s, -1);
	fake_wire_until(w, at(12000));
	assert_true(fake_wire_frame(w, &w->c, 200, 0));
	expect_probes(w, (const unsigned[]){ 12250, 12750, 13750, 15750 }, 4);
	fake_wire_free(w);
}

/* The first frame after a pause is no stall: the answer has 250 ms from there on. */
static void
test_no_stall_after_a_pause(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();

	fake_wire_until(w, at(10000));
	assert_true(fake_wire_frame(w, &w->c, 60, 0));
	assert_int_equal(session_next(w->c.session).ns, at(10250).ns);
	fake_wire_until(w, at(10249));
	assert_int_equal(w->c.sent[FAKE_REQUEST], 1);
	fake_wire_until(w, at(10250)); /* nothing came back: asked, answered */
	assert_int_equal(w->c.sent[FAKE_REQUEST], 2);
	fake_wire_until(w, at(20000));
	assert_int_equal(w->c.closed, 0);
	fake_wire_free(w);
}

/* Frames that stopped more than a second before anybody looks are no flowing traffic. */
static void
test_no_stall_when_traffic_ended(void **state)
{
	(void)state;

	for (unsigned late = 1000; late <= 1001; late++) {
		struct fake_wire *w = fake_wire_established();

		assert_true(fake_wire_frame(w, &w->c, 60, 0));
		fake_now = at(late);
		session_tick(w->c.session, fake_now);
		assert_int_equal(w->c.sent[FAKE_REQUEST], late == 1000 ? 2 : 1);
		fake_wire_free(w);
	}
}

static void
test_path_error(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();

	fake_wire_until(w, at(5000));
	session_path_error(w->s.session, fake_now); /* the server does nothing */
	session_path_error(w->c.session, fake_now);
	session_path_error(w->c.session, fake_now); /* under way already */
	assert_int_equal(w->c.sent[FAKE_REQUEST], 2);
	assert_int_equal(w->s.sent[FAKE_REQUEST], 0);
	fake_wire_until(w, at(9000));
	assert_int_equal(w->c.sent[FAKE_REQUEST], 2); /* answered: a hint, no proof */
	assert_int_equal(w->c.closed, 0);

	lose_all(&w->s, -1);
	session_path_error(w->c.session, fake_now);
	assert_int_equal(w->c.sent[FAKE_REQUEST], 3);
	fake_wire_until(w, at(9499));
	assert_int_equal(w->c.sent[FAKE_REQUEST], 3);
	fake_wire_until(w, at(9500));
	assert_int_equal(w->c.sent[FAKE_REQUEST], 4);
	fake_wire_until(w, at(10500));
	assert_int_equal(w->c.sent[FAKE_REQUEST], 5);
	fake_wire_until(w, at(12499));
	assert_int_equal(w->c.closed, 0);
	fake_wire_until(w, at(12500));
	assert_int_equal(w->c.info.end, SESSION_END_DEAD);
	fake_wire_free(w);
}

/* --- PAD --- */

static void
test_pad(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();
	uint8_t plain[1 + TMSG_PAD_LEN + 20] = { TMSG_PAD, TMSG_PAD_REQUEST }, dgram[100];
	unsigned replies = w->s.sent[FAKE_REPLY];

	/* With zeros behind it, as a path probe has. */
	assert_int_equal(fake_open(&w->s, dgram, fake_forge(w, true, 9, plain, sizeof(plain), dgram)), DROP_NONE);
	assert_int_equal(w->s.sent[FAKE_REPLY], replies + 1);
	plain[1] = TMSG_PAD_REPLY;
	assert_int_equal(fake_open(&w->s, dgram, fake_forge(w, true, 10, plain, sizeof(plain), dgram)), DROP_NONE);
	plain[1] = 0x80;
	assert_int_equal(fake_open(&w->s, dgram, fake_forge(w, true, 11, plain, sizeof(plain), dgram)), DROP_NONE);
	assert_int_equal(w->s.sent[FAKE_REPLY], replies + 1);
	fake_wire_free(w);
}

/* --- CONTROL --- */

static void
push(struct fake_wire *w, uint16_t mtu)
{
	session_push(w->s.session, &(struct tmsg_push){ .mtu = mtu }, fake_now);
}

static void
test_push(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();
	struct tmsg_push p = { .n_addrs = 1, .mtu = 1400, .multicast_route = true, .keepalive = MS(5000) };

	assert_true(ipprefix_parse("10.8.0.20/24", &p.addrs[0]));
	session_push(w->s.session, &p, fake_now);
	fake_wire_deliver(w);
	assert_int_equal(w->c.pushed, 1);
	assert_int_equal(w->c.push.mtu, 1400);
	assert_true(w->c.push.multicast_route);
	assert_int_equal(w->c.push.n_addrs, 1);
	assert_memory_equal(&w->c.push.addrs[0].addr, &p.addrs[0].addr, sizeof(struct ipaddr));
	/* The client's keepalive is the pushed one now. */
	assert_int_equal(session_next(w->c.session).ns, fake_now.ns + MS(5000));
	/* Acknowledged: never sent again. */
	fake_wire_for(w, MS(60000));
	assert_int_equal(w->s.sent[FAKE_PUSH], 1);
	assert_int_equal(w->c.sent[FAKE_ACK], 1);
	fake_wire_free(w);
}

/* Pushed from inside 'established', or before it. */
static void
test_push_early(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_new();

	w->s.push_when_established = true;
	w->s.lose[FAKE_REPLY] = 1; /* PUSH is the first the client gets */
	fake_wire_start(w);
	fake_wire_deliver(w);
	assert_int_equal(w->c.pushed, 1);
	fake_wire_free(w);

	w = fake_wire_new();
	fake_wire_start(w);
	push(w, 1300);
	push(w, 1301); /* replaces it, for it was not sent */
	fake_wire_for(w, MS(1000));
	assert_int_equal(w->s.sent[FAKE_PUSH], 1);
	assert_int_equal(w->c.pushed, 1);
	assert_int_equal(w->c.push.mtu, 1301);
	fake_wire_free(w);
}

/* Sent at 0, and again after 250 ms, 500 ms, 1, 2, 4, 4, 4, 4 s; given up 4 s later. */
static void
test_control_retransmission(void **state)
{
	(void)state;
	static const unsigned times[] = { 250, 750, 1750, 3750, 7750, 11750, 15750, 19750 };
	struct fake_wire *w = fake_wire_established();

	w->s.lose[FAKE_PUSH] = -1;
	push(w, 1400);
	for (unsigned i = 0; i < 8; i++) {
		fake_wire_until(w, at(times[i] - 1));
		assert_int_equal(w->s.sent[FAKE_PUSH], i + 1);
		fake_wire_until(w, at(times[i]));
		assert_int_equal(w->s.sent[FAKE_PUSH], i + 2);
	}
	fake_wire_until(w, at(23749));
	assert_int_equal(w->s.closed, 0);
	fake_wire_until(w, at(23750));
	assert_int_equal(w->s.info.end, SESSION_END_DEAD);
	assert_int_equal(w->s.sent[FAKE_PUSH], 9);
	fake_wire_free(w);
}

/* A lost ACK: the PUSH comes twice, is acknowledged twice and acted on once. */
static void
test_control_ack_lost(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();

	w->c.lose[FAKE_ACK] = 2;
	push(w, 1400);
	fake_wire_for(w, MS(10000));
	assert_int_equal(w->s.sent[FAKE_PUSH], 3);
	assert_int_equal(w->c.sent[FAKE_ACK], 3);
	assert_int_equal(w->c.pushed, 1);
	/* The next begins with 250 ms again. */
	w->s.lose[FAKE_PUSH] = 1;
	push(w, 1401);
	fake_wire_for(w, MS(250));
	assert_int_equal(w->c.pushed, 2);
	assert_int_equal(w->c.push.mtu, 1401);
	fake_wire_free(w);
}

/* One that is on its way keeps its id and content; what follows it is the newest only. */
static void
test_push_replaced(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();

	w->s.lose[FAKE_PUSH] = 1;
	push(w, 1400);
	push(w, 1401);
	push(w, 1402);
	fake_wire_for(w, MS(249));
	assert_int_equal(w->s.sent[FAKE_PUSH], 1);
	fake_wire_for(w, MS(1));
	assert_int_equal(w->s.sent[FAKE_PUSH], 3);
	assert_int_equal(w->c.pushed, 2);
	assert_int_equal(w->c.push.mtu, 1402);
	fake_wire_free(w);
}

/* CONTROL messages as the server's session would send them, in any order. */
static enum drop_reason
control_to_client(struct fake_wire *w, uint64_t counter, uint32_t id, uint8_t type, uint16_t value)
{
	struct tmsg_control c = { .id = id, .type = type, .push = { .mtu = value }, .bye = { .reason = value } };
	uint8_t plain[200] = { TMSG_CONTROL }, dgram[300];
	size_t len = tmsg_control_write(&c, plain + 1, sizeof(plain) - 1);

	assert_true(len > 0);
	return fake_open(&w->c, dgram, fake_forge(w, false, counter, plain, 1 + len, dgram));
}

static void
test_control_order(void **state)
{
	(void)state;
	static const struct {
		uint32_t id;
		uint16_t mtu;
		unsigned pushed, acks;
	} rows[] = {
		{ 2, 1402, 0, 0 },                                       /* from the future: ignored */
		{ 1, 1401, 1, 1 }, { 3, 1403, 1, 1 }, { 1, 1401, 1, 2 }, /* again: acknowledged again */
		{ 2, 1402, 2, 3 }, { 1, 1401, 2, 4 }, { 2, 1402, 2, 5 }, { 3, 1403, 3, 6 }, { UINT32_MAX, 9, 3, 6 },
	};
	struct fake_wire *w = fake_wire_established();

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(control_to_client(w, 100 + i, rows[i].id, TMSG_PUSH, rows[i].mtu), DROP_NONE);
		assert_int_equal(w->c.pushed, rows[i].pushed);
		assert_int_equal(w->c.sent[FAKE_ACK], rows[i].acks);
	}
	assert_int_equal(w->c.push.mtu, 1403);
	fake_wire_free(w);
}

/* An ACK for anything but the outstanding id changes nothing. */
static void
test_stray_acks(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();
	uint8_t plain[6] = { TMSG_CONTROL, 0, 0, 0, 2, TMSG_ACK }, dgram[100];

	assert_int_equal(fake_open(&w->s, dgram, fake_forge(w, true, 50, plain, sizeof(plain), dgram)), DROP_NONE);
	w->s.lose[FAKE_PUSH] = 1;
	push(w, 1400); /* id 1 */
	assert_int_equal(fake_open(&w->s, dgram, fake_forge(w, true, 51, plain, sizeof(plain), dgram)), DROP_NONE);
	fake_wire_for(w, MS(250));
	assert_int_equal(w->s.sent[FAKE_PUSH], 2);
	assert_int_equal(w->c.pushed, 1);
	fake_wire_free(w);
}

/* A PUSH to the server is acknowledged, or it would come for ever, and has no effect. */
static void
test_push_to_server(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();
	struct tmsg_control c = { .id = 1, .type = TMSG_PUSH, .push = { .mtu = 1400, .keepalive = MS(1000) } };
	uint8_t plain[200] = { TMSG_CONTROL }, dgram[300];
	size_t len = 1 + tmsg_control_write(&c, plain + 1, sizeof(plain) - 1);

	assert_int_equal(fake_open(&w->s, dgram, fake_forge(w, true, 50, plain, len, dgram)), DROP_NONE);
	assert_int_equal(w->s.sent[FAKE_ACK], 1);
	assert_int_equal(w->s.pushed, 0);
	assert_int_equal(session_next(w->s.session).ns, at(15000).ns);
	session_push(w->c.session, &c.push, fake_now); /* nor does a client send one */
	assert_int_equal(w->c.sent[FAKE_PUSH], 0);
	fake_wire_free(w);
}

static void
test_bye(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();

	session_close(w->s.session, TMSG_REASON_REPLACED, "connected from elsewhere", fake_now);
	assert_int_equal(w->s.sent[FAKE_BYE], 2);
	assert_int_equal(w->s.info.end, SESSION_END_LOCAL);
	assert_true(w->s.info.was_established);
	fake_wire_deliver(w);
	assert_int_equal(w->c.closed, 1);
	assert_int_equal(w->c.info.end, SESSION_END_BYE);
	assert_int_equal(w->c.info.reason, TMSG_REASON_REPLACED);
	assert_string_equal(w->c.info.text, "connected from elsewhere");
	assert_int_equal(fake_aeads_alive, 0);
	fake_wire_free(w);
}

/* One of the two is enough, also with a PUSH before it that never arrived. */
static void
test_bye_out_of_order(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();

	w->s.lose[FAKE_PUSH] = -1;
	w->s.lose[FAKE_BYE] = 1;
	push(w, 1400);
	session_close(w->s.session, TMSG_REASON_SHUTDOWN, NULL, fake_now);
	fake_wire_deliver(w);
	assert_int_equal(w->c.info.end, SESSION_END_BYE);
	assert_string_equal(w->c.info.text, tmsg_reason_text(TMSG_REASON_SHUTDOWN));
	fake_wire_free(w);
}

/* A BYE with an id that was processed is an old one. */
static void
test_bye_of_the_past(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();

	push(w, 1400);
	fake_wire_deliver(w);
	assert_int_equal(control_to_client(w, 50, 1, TMSG_BYE, TMSG_REASON_KICKED), DROP_NONE);
	assert_int_equal(w->c.closed, 0);
	assert_int_equal(control_to_client(w, 51, 7, TMSG_BYE, TMSG_REASON_KICKED), DROP_NONE);
	assert_int_equal(w->c.info.reason, TMSG_REASON_KICKED);
	fake_wire_free(w);
}

static void
test_close_in_pushed(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();

	w->c.close_when_pushed = true;
	push(w, 1400);
	fake_wire_deliver(w);
	assert_int_equal(w->c.info.end, SESSION_END_LOCAL);
	assert_int_equal(w->s.info.end, SESSION_END_BYE);
	assert_true(mono_is_never(session_next(w->c.session)));
	fake_wire_free(w);
}

/* Early, late or twice: a tick does what is due and no more. */
static void
test_ticks_are_harmless(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();

	for (unsigned t = 0; t < 15000; t += 7) {
		fake_now = at(t);
		session_tick(w->c.session, fake_now);
		session_tick(w->c.session, fake_now);
	}
	assert_int_equal(w->c.sent[FAKE_REQUEST], 1);
	fake_now = at(29000);
	session_tick(w->c.session, fake_now); /* both requests that were missed, as one */
	session_tick(w->c.session, fake_now);
	assert_int_equal(w->c.sent[FAKE_REQUEST], 2);
	assert_int_equal(session_next(w->c.session).ns, at(35000).ns);
	fake_wire_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keepalive),
		cmocka_unit_test(test_keepalive_moves_with_traffic),
		cmocka_unit_test(test_dead),
		cmocka_unit_test(test_dead_with_own_keepalive),
		cmocka_unit_test(test_alive_at_the_last_moment),
		cmocka_unit_test(test_keepalive_bounds),
		cmocka_unit_test(test_stall),
		cmocka_unit_test(test_stall_of_received_traffic),
		cmocka_unit_test(test_stall_follows_the_usual_gap),
		cmocka_unit_test(test_stall_answered),
		cmocka_unit_test(test_no_stall_after_a_pause),
		cmocka_unit_test(test_no_stall_when_traffic_ended),
		cmocka_unit_test(test_path_error),
		cmocka_unit_test(test_pad),
		cmocka_unit_test(test_push),
		cmocka_unit_test(test_push_early),
		cmocka_unit_test(test_control_retransmission),
		cmocka_unit_test(test_control_ack_lost),
		cmocka_unit_test(test_push_replaced),
		cmocka_unit_test(test_control_order),
		cmocka_unit_test(test_stray_acks),
		cmocka_unit_test(test_push_to_server),
		cmocka_unit_test(test_bye),
		cmocka_unit_test(test_bye_out_of_order),
		cmocka_unit_test(test_bye_of_the_past),
		cmocka_unit_test(test_close_in_pushed),
		cmocka_unit_test(test_ticks_are_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
