/* Unit tests of a session's path MTU: probes on the wire, whose answers count, and what the hooks around it do.  The
 * search itself is in test_path_mtu.c. */
#include <string.h>

#include "tunnel_fake.h"

/* Two ends whose paths carry so much. */
static struct fake_wire *
wire_carrying(size_t to_server, size_t to_client, uint16_t limit)
{
	struct fake_wire *w = fake_wire_new();

	w->client_params.max_datagram = w->server_params.max_datagram = limit;
	w->c.carries = to_server;
	w->s.carries = to_client;
	fake_wire_start(w);
	fake_wire_deliver(w);
	assert_int_equal(w->c.established, 1);
	assert_int_equal(w->s.established, 1);
	return w;
}

static void
off_by_default(void **state)
{
	struct fake_wire *w = fake_wire_established();

	(void)state;
	assert_int_equal(session_mtu(w->c.session), UINT16_MAX);
	fake_wire_for(w, MS(1000));
	assert_int_equal(w->c.sent[FAKE_PROBE] + w->s.sent[FAKE_PROBE], 0);
	fake_wire_free(w);
}

/* Begins when the session does, and not a packet before. */
static void
probes_right_after_confirmation(void **state)
{
	struct fake_wire *w = fake_wire_new();

	(void)state;
	w->client_params.max_datagram = w->server_params.max_datagram = 1452;
	w->s.lose[FAKE_REPLY] = 1;
	w->s.lose[FAKE_PROBE] = 1; /* which would confirm as well */
	fake_wire_start(w);
	fake_wire_until(w, mono_add(fake_now, MS(249)));
	assert_int_equal(session_mtu(w->c.session), 1200);
	assert_int_equal(w->c.sent[FAKE_PROBE], 0);
	fake_wire_for(w, MS(1));
	assert_int_equal(w->c.sent[FAKE_PROBE], 1);
	assert_int_equal(session_mtu(w->c.session), 1452);
	assert_int_equal(session_mtu(w->s.session), 1200);
	fake_wire_for(w, MS(250));
	assert_int_equal(session_mtu(w->s.session), 1452);
	fake_wire_for(w, MS(5000));
	assert_int_equal(w->c.sent[FAKE_PROBE], 1);
	assert_int_equal(w->s.sent[FAKE_PROBE], 2);
	fake_wire_free(w);
}

/* Each side searches what it sends; the answers are short. */
static void
each_direction_for_itself(void **state)
{
	struct fake_wire *w = wire_carrying(1272, 1400, 1452);

	(void)state;
	fake_wire_for(w, MS(15000));
	assert_int_equal(session_mtu(w->c.session), 1272);
	assert_int_equal(session_mtu(w->s.session), 1400);
	fake_wire_free(w);
}

static void
loss_is_no_matter(void **state)
{
	struct fake_wire *w = fake_wire_new();

	(void)state;
	w->client_params.max_datagram = 1452;
	w->c.lose[FAKE_PROBE] = 2;
	fake_wire_start(w);
	fake_wire_for(w, MS(999));
	assert_int_equal(session_mtu(w->c.session), 1200);
	fake_wire_for(w, MS(1));
	assert_int_equal(session_mtu(w->c.session), 1452);
	fake_wire_free(w);
}

/* Only the other side knows an id, and the size is in it. */
static void
who_may_answer(void **state)
{
	struct fake_wire *w = fake_wire_new();
	uint8_t plain[1 + TMSG_PAD_LEN] = { TMSG_PAD }, dgram[64];
	struct tmsg_pad pad = { .flags = TMSG_PAD_REPLY, .id = 1400 };

	(void)state;
	w->client_params.max_datagram = 1452;
	w->c.carries = 1200;
	fake_wire_start(w);
	fake_wire_deliver(w);
	for (unsigned i = 0; i < 3; i++) {
		size_t len;

		pad.id = i == 1 ? UINT64_MAX : pad.id << 16 | 1400;
		tmsg_pad_write(plain + 1, &pad);
		len = fake_forge(w, false, 1000 + i, plain, sizeof(plain), dgram);
		assert_int_equal(fake_open(&w->c, dgram, len), DROP_NONE);
		assert_int_equal(session_mtu(w->c.session), 1200);
	}
	fake_wire_free(w);
}

/* A black hole under traffic: noticed by the lost probes, while all else passes. */
static void
a_path_shrinks_and_grows(void **state)
{
	struct fake_wire *w = wire_carrying(0, 0, 1452);

	(void)state;
	fake_wire_for(w, MS(10000));
	assert_int_equal(session_mtu(w->c.session), 1452);
	w->c.carries = 1272;
	for (unsigned i = 0; i < 200; i++) {
		assert_true(fake_wire_frame(w, &w->c, session_mtu(w->c.session) - TMSG_OVERHEAD, 1));
		fake_wire_for(w, MS(10));
		if (session_mtu(w->c.session) < 1452)
			break;
	}
	assert_in_range(fake_now.ns, MS(110700), MS(110800)); /* three times 250 ms */
	assert_int_equal(w->c.closed + w->s.closed, 0);
	fake_wire_for(w, MS(15000));
	assert_int_equal(session_mtu(w->c.session), 1272);
	w->c.carries = 0;
	fake_wire_for(w, MS(600000));
	assert_int_equal(session_mtu(w->c.session), 1452);
	fake_wire_free(w);
}

/* The deadline that a frame brought near is told at once, not when the owner asks the next time. */
static unsigned told;

static void
on_sooner(void *arg, struct session *s)
{
	(void)arg;
	assert_false(mono_before(fake_now, session_next(s)));
	told++;
}

static void
a_nearer_deadline_is_told(void **state)
{
	struct fake_wire *w = fake_wire_new();
	struct session_ops ops = fake_wire_ops;
	struct session *server;

	(void)state;
	told = 0;
	ops.sooner = on_sooner;
	w->server_params.max_datagram = 1452;
	fake_wire_start(w);
	server = w->s.session;
	w->s.session = session_new(&w->server_params, &ops, &w->s, fake_server(1), &w->to_client, &w->rng, fake_now);
	session_free(server);
	fake_wire_for(w, MS(10000));
	assert_int_equal(session_mtu(w->s.session), 1452);
	assert_true(fake_wire_frame(w, &w->s, 1170, 1));
	assert_int_equal(told, 0);
	assert_true(fake_wire_frame(w, &w->s, 1171, 1));
	assert_int_equal(told, 1);
	assert_true(fake_wire_frame(w, &w->s, 1400, 1));
	assert_int_equal(told, 1);
	fake_wire_free(w);
}

/* Frames in any dress make the size be checked, if their datagram is longer than the base. */
static void
what_counts_as_use(void **state)
{
	static const size_t lens[] = { 1000, 200 }, few[] = { 1000, 100 };

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct fake_wire *w = wire_carrying(0, 0, 1452);

		fake_wire_for(w, MS(10000));
		w->c.sent[FAKE_PROBE] = 0;
		if (i == 0)
			fake_wire_fragments(w, &w->c, 2000, 1);
		else if (i == 1)
			fake_wire_fragments(w, &w->c, 2600 - 64, 1); /* two of 1300 */
		else if (i == 2)
			assert_true(fake_wire_bundle(w, &w->c, few, 2, 1));
		else if (i == 3)
			assert_true(fake_wire_bundle(w, &w->c, lens, 2, 1));
		else
			assert_true(fake_wire_frame(w, &w->c, 1171, 1));
		fake_wire_for(w, MS(1));
		assert_int_equal(w->c.sent[FAKE_PROBE], i == 1 || i >= 3);
		fake_wire_free(w);
	}
}

static void
what_the_kernel_refuses(void **state)
{
	struct fake_wire *w = wire_carrying(0, 0, 1452);

	(void)state;
	fake_wire_for(w, MS(100));
	w->c.carries = 1300;
	session_refused(w->c.session, 1452, fake_now);
	assert_int_equal(session_mtu(w->c.session), 1200);
	fake_wire_for(w, MS(15000));
	assert_int_equal(session_mtu(w->c.session), 1300);
	/* A hint alone changes nothing. */
	w->c.sent[FAKE_PROBE] = 0;
	session_refused(w->c.session, 0, fake_now);
	assert_int_equal(session_mtu(w->c.session), 1300);
	fake_wire_for(w, MS(1000));
	assert_int_equal(session_mtu(w->c.session), 1300);
	assert_int_equal(w->c.sent[FAKE_PROBE], 1);
	fake_wire_free(w);
}

/* Another address of our own: what was known of the path is forgotten. */
static void
another_path(void **state)
{
	struct fake_wire *w = wire_carrying(0, 0, 1452);

	(void)state;
	fake_wire_for(w, MS(100));
	w->c.carries = 1280;
	session_path_changed(w->c.session, fake_now);
	assert_int_equal(session_mtu(w->c.session), 1200);
	assert_int_equal(session_mtu(w->s.session), 1452);
	fake_wire_for(w, MS(15000));
	assert_int_equal(session_mtu(w->c.session), 1280);
	fake_wire_free(w);
}

/* The owner's frames have become longer. */
static void
another_limit(void **state)
{
	struct fake_wire *w = wire_carrying(1500, 0, 1452);

	(void)state;
	fake_wire_for(w, MS(100));
	assert_int_equal(session_mtu(w->c.session), 1452);
	session_set_max_datagram(w->c.session, 1552, fake_now);
	session_set_max_datagram(w->c.session, 0, fake_now);
	session_set_max_datagram(w->c.session, 1200, fake_now);
	fake_wire_for(w, MS(15000));
	assert_int_equal(session_mtu(w->c.session), 1500);
	fake_wire_free(w);
}

/* Nothing is sent, and no deadline left, when it has ended. */
static void
ends_with_the_session(void **state)
{
	struct fake_wire *w = wire_carrying(1200, 1200, 1452);

	(void)state;
	session_close(w->c.session, TMSG_REASON_SHUTDOWN, "", fake_now);
	session_refused(w->c.session, 1300, fake_now);
	assert_true(mono_is_never(session_next(w->c.session)));
	w->c.sent[FAKE_PROBE] = 0;
	fake_wire_for(w, MS(2000));
	assert_int_equal(w->c.sent[FAKE_PROBE], 0);
	fake_wire_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(off_by_default),
		cmocka_unit_test(probes_right_after_confirmation),
		cmocka_unit_test(each_direction_for_itself),
		cmocka_unit_test(loss_is_no_matter),
		cmocka_unit_test(who_may_answer),
		cmocka_unit_test(a_path_shrinks_and_grows),
		cmocka_unit_test(a_nearer_deadline_is_told),
		cmocka_unit_test(what_counts_as_use),
		cmocka_unit_test(what_the_kernel_refuses),
		cmocka_unit_test(another_path),
		cmocka_unit_test(another_limit),
		cmocka_unit_test(ends_with_the_session),
	};

	return cmocka_run_group_tests_name("session_mtu", tests, NULL, NULL);
}
