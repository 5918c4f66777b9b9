/* Unit tests of what an established session does over time: keepalive and death, stalled traffic. */
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
	/* Apart from our own keepalive at 50 s, a request a K after that packet. */
	fake_wire_until(w, at(44999 + 14999));
	assert_int_equal(w->s.sent[FAKE_REQUEST], 4);
	fake_wire_until(w, at(44999 + 15000));
	assert_int_equal(w->s.sent[FAKE_REQUEST], 5);
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

/* Packets usually come every 150 ms: four times that before a probe, and never more than 750 ms. */
static void
test_stall_follows_the_usual_gap(void **state)
{
	(void)state;
	static const struct {
		unsigned gap, threshold_min, threshold_max;
	} rows[] = { { 20, 250, 250 }, { 150, 590, 600 }, { 400, 750, 750 } };

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

/* While traffic flows on, the answer to the third probe is no reason to wait until the fourth was due. */
static void
test_stall_again(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();

	traffic(w, 20, 2000, 2000);
	lose_all(&w->s, -1);
	traffic(w, 2020, 3740, 0);
	assert_int_equal(w->c.sent[FAKE_REQUEST], 1 + 2);
	lose_all(&w->s, 0);
	fake_wire_until(w, at(3750));
	assert_int_equal(w->c.sent[FAKE_REQUEST], 1 + 3);
	lose_all(&w->s, -1);
	traffic(w, 3760, 3980, 0);
	fake_wire_until(w, at(3999));
	assert_int_equal(w->c.sent[FAKE_REQUEST], 1 + 3);
	fake_wire_until(w, at(4000));
	assert_int_equal(w->c.sent[FAKE_REQUEST], 1 + 4);
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

/* Nor when the threshold is longer: it counts from where the traffic began again. */
static void
test_threshold_after_a_pause(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();

	for (unsigned t = 250; t <= 25000; t += 250) {
		fake_wire_until(w, at(t));
		assert_true(fake_wire_frame(w, &w->s, 200, 0));
		fake_wire_deliver(w);
	}
	fake_wire_until(w, at(28000));
	const unsigned asked = w->c.sent[FAKE_REQUEST];

	assert_true(fake_wire_frame(w, &w->c, 60, 0));
	fake_wire_until(w, at(28749));
	assert_int_equal(w->c.sent[FAKE_REQUEST], asked);
	fake_wire_until(w, at(28750)); /* less than four times 250 ms */
	assert_int_equal(w->c.sent[FAKE_REQUEST], asked + 1);
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
	session_path_error(w->s.session, "refused", fake_now); /* the server does nothing */
	session_path_error(w->c.session, "refused", fake_now);
	session_path_error(w->c.session, "refused", fake_now); /* under way already */
	assert_int_equal(w->c.sent[FAKE_REQUEST], 2);
	assert_int_equal(w->s.sent[FAKE_REQUEST], 0);
	fake_wire_until(w, at(9000));
	assert_int_equal(w->c.sent[FAKE_REQUEST], 2); /* answered: a hint, no proof */
	assert_int_equal(w->c.closed, 0);

	lose_all(&w->s, -1);
	session_path_error(w->c.session, "refused", fake_now);
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

/* Told at once, whatever is under way; a server's address is nobody's business. */
static void
test_path_changed(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_new();

	fake_wire_start(w);
	session_path_changed(w->c.session, fake_now); /* too early */
	fake_wire_deliver(w);
	session_path_changed(w->s.session, fake_now);
	assert_int_equal(w->s.sent[FAKE_REQUEST], 0);
	assert_int_equal(w->c.sent[FAKE_REQUEST], 1);
	session_path_error(w->c.session, "refused", fake_now);
	session_path_changed(w->c.session, fake_now);
	assert_int_equal(w->c.sent[FAKE_REQUEST], 3);
	session_close(w->c.session, TMSG_REASON_SHUTDOWN, "", fake_now);
	session_path_changed(w->c.session, fake_now);
	assert_int_equal(w->c.sent[FAKE_REQUEST], 3);
	fake_wire_free(w);
}

/* Before each request that asks why nothing comes, the owner may look at its own address; never a server. */
static void
test_probing(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();

	session_set_keepalive(w->s.session, MS(10000), fake_now);
	fake_wire_until(w, at(16000)); /* a keepalive is no question */
	assert_int_equal(w->s.sent[FAKE_REQUEST], 1);
	assert_int_equal(w->c.probing, 0);
	session_path_error(w->c.session, "refused", fake_now);
	assert_int_equal(w->c.probing, 1);
	fake_wire_deliver(w);
	lose_all(&w->s, -1);
	fake_wire_until(w, at(30999));
	assert_int_equal(w->c.probing, 1);
	fake_wire_until(w, at(31000));
	assert_int_equal(w->c.probing, 2);
	fake_wire_until(w, at(61000));
	assert_int_equal(w->c.probing, 4);
	assert_int_equal(w->c.closed, 1);
	assert_int_equal(w->s.probing, 0);
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
		cmocka_unit_test(test_stall_again),
		cmocka_unit_test(test_no_stall_after_a_pause),
		cmocka_unit_test(test_threshold_after_a_pause),
		cmocka_unit_test(test_no_stall_when_traffic_ended),
		cmocka_unit_test(test_path_error),
		cmocka_unit_test(test_path_changed),
		cmocka_unit_test(test_probing),
		cmocka_unit_test(test_pad),
		cmocka_unit_test(test_ticks_are_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
