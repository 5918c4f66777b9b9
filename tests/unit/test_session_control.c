/* Unit tests of CONTROL: PUSH, its acknowledgement, retransmission and order, and BYE. */
#include "tunnel_fake.h"

/* As a clock that started with the session: what it did 'at' ms after 100 s. */
static struct mono
at(unsigned ms)
{
	return mono_from_ns(MS(100000) + MS(ms));
}

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

/* The trouble one message had is not held against the next. */
static void
test_control_counts_anew(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();

	w->s.lose[FAKE_PUSH] = 5;
	push(w, 1400);
	fake_wire_until(w, at(10000));
	assert_int_equal(w->c.pushed, 1);
	w->s.lose[FAKE_PUSH] = 8;
	push(w, 1401);
	fake_wire_until(w, at(30000));
	assert_int_equal(w->c.pushed, 2);
	assert_int_equal(w->s.closed, 0);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_push),
		cmocka_unit_test(test_push_early),
		cmocka_unit_test(test_control_retransmission),
		cmocka_unit_test(test_control_ack_lost),
		cmocka_unit_test(test_control_counts_anew),
		cmocka_unit_test(test_push_replaced),
		cmocka_unit_test(test_control_order),
		cmocka_unit_test(test_stray_acks),
		cmocka_unit_test(test_push_to_server),
		cmocka_unit_test(test_bye),
		cmocka_unit_test(test_bye_out_of_order),
		cmocka_unit_test(test_bye_of_the_past),
		cmocka_unit_test(test_close_in_pushed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
