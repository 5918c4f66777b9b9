/* Unit tests of rekey: who sends and hears when, what the successor gets, and who ends with whom. */
#include <string.h>

#include "session_impl.h"
#include "tunnel_fake.h"

static struct mono
at(uint64_t ms)
{
	return mono_from_ns(MS(100000) + MS(ms));
}

static void
expect_frame(struct fake_wire *w, struct fake_end *from, struct fake_end *to, bool passes)
{
	unsigned before = to->frames;

	if (fake_wire_frame(w, from, 60, 0))
		fake_wire_deliver(w);
	assert_int_equal(to->frames, before + passes);
}

/* --- taking over --- */

/* Until it is confirmed the old one does all the work; then only the new one sends, and both are heard. */
static void
test_takes_over(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();
	struct fake_wire *n = fake_wire_beside(w, 9);

	n->c.lose[FAKE_REQUEST] = 1;
	fake_wire_start_beside(w, n);
	assert_ptr_equal(session_predecessor(n->c.session), w->c.session);
	fake_wire_deliver(n);
	assert_int_equal(session_state(n->c.session), SESSION_CONFIRM);
	assert_int_equal(session_hello(n->s.session)->previous, 0x50000002);
	expect_frame(w, &w->c, &w->s, true);
	expect_frame(w, &w->s, &w->c, true);
	expect_frame(n, &n->c, &n->s, false);
	expect_frame(n, &n->s, &n->c, false);

	/* The server knows first, its answer is lost. */
	n->s.lose[FAKE_REPLY] = 1;
	fake_now = at(250);
	session_tick(n->c.session, fake_now);
	fake_wire_deliver(n);
	assert_int_equal(session_state(n->c.session), SESSION_CONFIRM);
	assert_int_equal(n->s.rekeyed, 1);
	assert_int_equal(session_state(w->s.session), SESSION_RETIRED);
	expect_frame(w, &w->c, &w->s, true);
	expect_frame(w, &w->s, &w->c, false);
	/* The client learns it from a frame. */
	expect_frame(n, &n->s, &n->c, true);
	assert_int_equal(n->c.rekeyed, 1);
	assert_ptr_equal(n->c.older, w->c.session);
	assert_ptr_equal(n->s.older, w->s.session);
	expect_frame(n, &n->c, &n->s, true);
	expect_frame(w, &w->c, &w->s, false);

	assert_int_equal(n->c.established + n->s.established, 0);
	assert_int_equal(w->c.closed + w->s.closed + n->c.closed + n->s.closed, 0);
	fake_wires_free(w, n);
}

/* What was sealed before arrives after: nothing is lost. */
static void
test_under_way(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established(), *n;

	for (unsigned i = 0; i < 10; i++) {
		assert_true(fake_wire_frame(w, &w->c, 60, 0));
		assert_true(fake_wire_frame(w, &w->s, 60, 0));
	}
	n = fake_wire_rekeyed(w, 9);
	fake_now = at(59999);
	fake_wire_deliver(w);
	assert_int_equal(w->c.frames, 10);
	assert_int_equal(w->s.frames, 10);
	fake_wires_free(w, n);
}

/* It hears for 60 s, says nothing, and then its last key is gone. */
static void
test_retired(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established(), *n = fake_wire_rekeyed(w, 9);
	uint8_t request[1 + TMSG_PAD_LEN] = { TMSG_PAD, TMSG_PAD_REQUEST }, push[6] = { TMSG_CONTROL, 0, 0, 0, 1, 1 };
	uint8_t dgram[FAKE_DGRAM_MAX], plain[60] = { TMSG_FRAME };
	unsigned sent = 0, before = 0;

	assert_int_equal(fake_aeads_alive, 4 + 2);
	for (unsigned i = 0; i < FAKE_MSGS; i++)
		before += w->c.sent[i] + w->s.sent[i];
	assert_int_equal(fake_open(&w->s, dgram, fake_forge(w, true, 20, request, sizeof(request), dgram)), DROP_NONE);
	assert_int_equal(fake_open(&w->c, dgram, fake_forge(w, false, 20, push, sizeof(push), dgram)), DROP_NONE);
	assert_int_equal(w->c.pushed, 0);
	session_path_error(w->c.session, "refused", fake_now);
	session_path_changed(w->c.session, fake_now);
	session_set_keepalive(w->s.session, MS(100), fake_now);
	session_push(w->s.session, &(struct tmsg_push){ .mtu = 1400 }, fake_now);
	session_rekey_again(w->c.session, fake_now);
	assert_int_equal(session_next(w->c.session).ns, at(60000).ns);
	assert_int_equal(session_next(w->s.session).ns, at(60000).ns);
	fake_now = at(59999);
	session_tick(w->s.session, fake_now);
	assert_int_equal(fake_open(&w->s, dgram, fake_forge(w, true, 21, plain, sizeof(plain), dgram)), DROP_NONE);
	assert_int_equal(w->s.frames, 1);
	assert_int_equal(session_next(w->s.session).ns, at(60000).ns);
	fake_now = at(60000);
	session_tick(w->s.session, fake_now);
	assert_int_equal(w->s.closed, 1);
	assert_int_equal(w->s.info.end, SESSION_END_RETIRED);
	assert_true(w->s.info.was_retired && w->s.info.was_established);
	assert_null(session_predecessor(n->s.session));
	assert_int_equal(fake_aeads_alive, 4 + 1);
	assert_int_equal(fake_open(&w->s, dgram, fake_forge(w, true, 22, plain, sizeof(plain), dgram)),
			 DROP_NOT_ESTABLISHED);
	for (unsigned i = 0; i < FAKE_MSGS; i++)
		sent += w->c.sent[i] + w->s.sent[i];
	assert_int_equal(sent, before);
	assert_int_equal(session_state(n->s.session), SESSION_ESTABLISHED);
	fake_wires_free(w, n);
}

/* Another path says nothing about where the client is now: the new keys know better. */
static void
test_retired_stays(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established(), *n = fake_wire_rekeyed(w, 9);
	struct path elsewhere = w->to_client;
	uint8_t dgram[FAKE_DGRAM_MAX], plain[60] = { TMSG_FRAME }, *f;
	size_t len = fake_forge(w, true, 20, plain, sizeof(plain), dgram), got;

	elsewhere.remote.port++;
	assert_int_equal(session_open(w->s.session, &elsewhere, dgram, len, fake_now, &f, &got), DROP_NONE);
	assert_int_equal(w->s.sent[FAKE_REQUEST] + n->s.sent[FAKE_REQUEST], 0);
	assert_int_equal(session_next(w->s.session).ns, at(60000).ns);
	fake_wires_free(w, n);
}

/* --- what the successor gets --- */

static void
test_inheritance(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established(), *n;
	int owner;
	struct session_stats before;

	session_set_owner(w->s.session, &owner);
	session_set_keepalive(w->s.session, MS(7000), fake_now);
	fake_wire_until(w, at(3000));
	for (unsigned i = 0; i < 5; i++)
		expect_frame(w, &w->c, &w->s, true);
	before = *session_stats(w->s.session);
	n = fake_wire_rekeyed(w, 9);
	assert_ptr_equal(session_owner(n->s.session), &owner);
	assert_int_equal(session_established_at(n->s.session).ns, at(0).ns);
	assert_int_equal(session_established_at(n->c.session).ns, at(0).ns);
	assert_int_equal(session_stats(n->s.session)->rx_packets, before.rx_packets + 1);
	assert_int_equal(session_stats(n->s.session)->tx_packets, before.tx_packets + 1);
	assert_int_equal(session_next(n->s.session).ns, at(10000).ns);

	/* What the retired one hears counts when it ends; its owner goes with its successor's. */
	fake_wire_frame(n, &n->c, 60, 0);
	fake_wire_deliver(n);
	assert_ptr_equal(session_owner(w->s.session), &owner);
	session_set_owner(n->s.session, NULL);
	assert_null(session_owner(w->s.session));
	fake_wire_until(w, at(63000));
	assert_int_equal(session_stats(n->s.session)->rx_packets, before.rx_packets + 2);
	fake_wires_free(w, n);

	w = fake_wire_established();
	assert_true(fake_wire_frame(w, &w->c, 60, 0));
	n = fake_wire_rekeyed(w, 9);
	before = *session_stats(n->s.session);
	fake_wire_deliver(w);
	fake_now = at(60000);
	session_tick(w->s.session, fake_now);
	assert_int_equal(session_stats(n->s.session)->rx_packets, before.rx_packets + 1);
	fake_wires_free(w, n);
}

/* A PUSH that nobody has acknowledged is sent again by the new keys, the latest of two; one that arrived is not. */
static void
test_push(void **state)
{
	(void)state;

	for (unsigned way = 0; way < 4; way++) {
		struct fake_wire *w = fake_wire_established(), *n;

		if (way == 1)
			w->s.lose[FAKE_PUSH] = 1;
		if (way == 2)
			w->c.lose[FAKE_ACK] = 1;
		if (way < 3)
			session_push(w->s.session, &(struct tmsg_push){ .mtu = 1401 }, fake_now);
		fake_wire_deliver(w);
		assert_int_equal(w->c.pushed, way == 0 || way == 2);
		if (way == 1)
			session_push(w->s.session, &(struct tmsg_push){ .mtu = 1402 }, fake_now);
		n = fake_wire_beside(w, 9);
		fake_wire_start_beside(w, n);
		if (way == 3) /* to the one that is not established yet: when it is */
			session_push(n->s.session, &(struct tmsg_push){ .mtu = 1403 }, fake_now);
		n->c.established = 1; /* what pushed() wants to have seen */
		fake_wire_deliver(n);
		assert_int_equal(n->s.sent[FAKE_PUSH], way > 0);
		assert_int_equal(n->c.pushed, way > 0);
		assert_int_equal(n->c.push.mtu, way == 1 ? 1402 : way == 2 ? 1401 : way == 3 ? 1403 : 0);
		fake_wires_until(w, n, at(59000));
		assert_int_equal(w->s.closed + n->s.closed, 0);
		fake_wires_free(w, n);
	}
}

/* The stream falls silent just when the keys change: found out all the same. */
static void
test_stall_at_the_change(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established(), *n;

	for (unsigned t = 20; t <= 2000; t += 20) {
		fake_wire_until(w, at(t));
		expect_frame(w, &w->s, &w->c, true);
	}
	n = fake_wire_rekeyed(w, 9);
	assert_int_equal(n->c.sent[FAKE_REQUEST], 1);
	fake_wires_until(w, n, at(2249));
	assert_int_equal(n->c.sent[FAKE_REQUEST], 1);
	fake_wires_until(w, n, at(2250));
	assert_int_equal(n->c.sent[FAKE_REQUEST], 2);
	assert_int_equal(w->c.sent[FAKE_REQUEST], 1);
	fake_wires_free(w, n);
}

/* How long datagrams may be is known already, on the same path; on another one it is found out anew. */
static void
test_path_mtu(void **state)
{
	(void)state;

	for (unsigned moved = 0; moved < 2; moved++) {
		struct fake_wire *w = fake_wire_new(), *n;

		w->client_params.max_datagram = w->server_params.max_datagram = 1452;
		fake_wire_start(w);
		fake_wire_for(w, MS(10000));
		assert_int_equal(session_mtu(w->s.session), 1452);
		n = fake_wire_beside(w, 9);
		n->to_client.remote.port += moved;
		n->c.lose[FAKE_REQUEST] = -1;
		fake_wire_start_beside(w, n);
		fake_wire_deliver(n);
		n->c.lose[FAKE_REQUEST] = 0;
		n->s.lose[FAKE_REQUEST] = n->c.lose[FAKE_REPLY] = -1;
		fake_wire_for(n, MS(250));
		assert_int_equal(n->s.rekeyed, 1);
		assert_int_equal(session_mtu(n->s.session), moved ? 1200 : 1452);
		assert_int_equal(session_mtu(n->c.session), 1452);
		fake_wires_free(w, n);
	}
}

/* --- ends --- */

static void
test_bye_on_the_retired(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established(), *n;
	uint8_t bye[6] = { TMSG_CONTROL, 0, 0, 0, 1, TMSG_BYE }, dgram[100];

	n = fake_wire_rekeyed(w, 9);
	assert_int_equal(fake_open(&w->c, dgram, fake_forge(w, false, 20, bye, sizeof(bye), dgram)), DROP_NONE);
	assert_int_equal(w->c.closed, 1);
	assert_int_equal(w->c.info.end, SESSION_END_BYE);
	assert_true(w->c.info.was_retired);
	assert_int_equal(n->c.closed, 0);
	expect_frame(n, &n->c, &n->s, true);
	fake_wires_free(w, n);
}

/* With the successor ends the retired one, without a word. */
static void
test_successor_ends(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established(), *n = fake_wire_rekeyed(w, 9);

	session_close(n->s.session, TMSG_REASON_KICKED, "", fake_now);
	assert_int_equal(n->s.sent[FAKE_BYE], 2);
	assert_int_equal(w->s.sent[FAKE_BYE], 0);
	assert_int_equal(w->s.info.end, SESSION_END_RETIRED);
	assert_true(w->s.info.was_retired);
	fake_wire_deliver(n);
	assert_int_equal(n->c.info.reason, TMSG_REASON_KICKED);
	assert_int_equal(w->c.info.end, SESSION_END_RETIRED);
	assert_int_equal(fake_aeads_alive, 0);
	fake_wires_free(w, n);

	/* In the callback that announces it. */
	w = fake_wire_established();
	n = fake_wire_beside(w, 9);
	n->s.close_when_established = true;
	fake_wire_start_beside(w, n);
	fake_wire_deliver(n);
	assert_int_equal(w->s.closed + n->s.closed, 2);
	assert_int_equal(w->c.closed + n->c.closed, 2);
	fake_wires_free(w, n);

	/* Closing the retired one says nothing, either. */
	w = fake_wire_established();
	n = fake_wire_rekeyed(w, 9);
	session_close(w->s.session, TMSG_REASON_KICKED, "", fake_now);
	assert_int_equal(w->s.sent[FAKE_BYE], 0);
	assert_int_equal(n->s.closed, 0);
	fake_wires_free(w, n);
}

/* A rekey that fails, whenever, leaves the old session as it was. */
static void
test_failed(void **state)
{
	(void)state;
	static const enum fake_msg lost[] = { FAKE_FLIGHT, FAKE_FINISHED, FAKE_HELLO, FAKE_WELCOME, FAKE_REQUEST };

	for (size_t i = 0; i <= sizeof(lost) / sizeof(lost[0]); i++) {
		struct fake_wire *w = fake_wire_established(), *n = fake_wire_beside(w, 9);

		if (i < sizeof(lost) / sizeof(lost[0]))
			n->c.lose[lost[i]] = n->s.lose[lost[i]] = -1;
		else
			n->s.refuse = TMSG_REASON_FULL;
		fake_wire_start_beside(w, n);
		fake_wires_until(w, n, at(25000));
		assert_int_equal(n->c.closed, 1);
		assert_int_equal(n->s.closed, 1);
		assert_false(n->c.info.was_established || n->s.info.was_established);
		assert_int_equal(w->c.closed + w->s.closed, 0);
		assert_int_equal(session_state(w->c.session), SESSION_ESTABLISHED);
		expect_frame(w, &w->c, &w->s, true);
		expect_frame(w, &w->s, &w->c, true);
		/* The next try works. */
		fake_wire_free(n);
		n = fake_wire_rekeyed(w, 10);
		expect_frame(n, &n->c, &n->s, true);
		fake_wires_free(w, n);
	}
}

/* The old session ends before the new one is confirmed: with it a client's new keys; a server has a newcomer then. */
static void
test_predecessor_ends(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established(), *n = fake_wire_beside(w, 9);

	n->c.lose[FAKE_REQUEST] = 1;
	fake_wire_start_beside(w, n);
	fake_wire_deliver(n);
	session_close(w->s.session, TMSG_REASON_KICKED, "", fake_now);
	assert_int_equal(n->s.closed, 0);
	assert_null(session_predecessor(n->s.session));
	w->n = 0; /* the BYE is lost */
	fake_now = at(250);
	session_tick(n->c.session, fake_now);
	fake_wire_deliver(n);
	assert_int_equal(n->s.established, 1);
	assert_int_equal(n->s.rekeyed, 0);
	assert_int_equal(n->c.rekeyed, 1);
	fake_wires_free(w, n);

	w = fake_wire_established();
	n = fake_wire_beside(w, 9);
	fake_wire_start_beside(w, n);
	session_close(w->c.session, TMSG_REASON_SHUTDOWN, "", fake_now);
	assert_int_equal(n->c.closed, 1);
	assert_int_equal(n->c.info.end, SESSION_END_LOCAL);
	assert_false(n->c.info.was_established);
	fake_wires_free(w, n);
}

/* There is never more than one retired session, and never more than one that is to take over. */
static void
test_generations(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established(), *n = fake_wire_rekeyed(w, 9), *m, *k;

	m = fake_wire_rekeyed(n, 10);
	assert_int_equal(w->c.closed + w->s.closed, 2);
	assert_int_equal(w->c.info.end, SESSION_END_RETIRED);
	assert_int_equal(session_state(n->c.session), SESSION_RETIRED);
	assert_int_equal(session_established_at(m->c.session).ns, at(0).ns);
	assert_int_equal(fake_aeads_alive, 4 + 2);
	k = fake_wire_beside(m, 11);
	fake_wire_start_beside(m, k);
	fake_wire_free(k);
	assert_null(session_predecessor(n->c.session));
	k = fake_wire_beside(m, 12);
	fake_wire_start_beside(m, k);
	{
		struct fake_wire *l = fake_wire_beside(m, 13);

		fake_wire_start_beside(m, l);
		assert_int_equal(k->c.closed + k->s.closed, 2);
		fake_wire_deliver(l);
		assert_int_equal(l->c.rekeyed + l->s.rekeyed, 2);
		fake_wire_free(l);
	}
	fake_wire_free(k);
	fake_wire_free(m);
	fake_wires_free(w, n);
}

/* Any order of freeing is fine. */
static void
test_freed_in_any_order(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established(), *n = fake_wire_rekeyed(w, 9);

	session_free(w->c.session);
	w->c.session = NULL;
	assert_null(session_predecessor(n->c.session));
	session_free(n->s.session);
	n->s.session = NULL;
	fake_now = at(60000);
	session_tick(w->s.session, fake_now);
	fake_wires_free(w, n);
}

/* Who may take over from whom, by state. */
static void
test_states(void **state)
{
	(void)state;

	for (enum session_state new = SESSION_HANDSHAKE; new <= SESSION_CLOSED; new ++) {
		for (enum session_state old = SESSION_HANDSHAKE; old <= SESSION_CLOSED; old++) {
			struct fake_wire *w = fake_wire_established(), *n = fake_wire_beside(w, 9);
			bool expect = new < SESSION_ESTABLISHED &&old == SESSION_ESTABLISHED;

			fake_wire_start(n);
			n->c.session->state = new;
			w->c.session->state = old;
			assert_int_equal(session_set_predecessor(n->c.session, w->c.session, fake_now), expect);
			assert_ptr_equal(session_predecessor(n->c.session), expect ? w->c.session : NULL);
			assert_false(
				session_set_predecessor(n->c.session, w->s.session, fake_now)); /* role, or twice */
			fake_wires_free(w, n);
		}
	}
	assert_string_equal(session_state_name(SESSION_RETIRED), "retired");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_takes_over),
		cmocka_unit_test(test_under_way),
		cmocka_unit_test(test_retired),
		cmocka_unit_test(test_retired_stays),
		cmocka_unit_test(test_inheritance),
		cmocka_unit_test(test_push),
		cmocka_unit_test(test_stall_at_the_change),
		cmocka_unit_test(test_path_mtu),
		cmocka_unit_test(test_bye_on_the_retired),
		cmocka_unit_test(test_successor_ends),
		cmocka_unit_test(test_failed),
		cmocka_unit_test(test_predecessor_ends),
		cmocka_unit_test(test_generations),
		cmocka_unit_test(test_freed_in_any_order),
		cmocka_unit_test(test_states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
