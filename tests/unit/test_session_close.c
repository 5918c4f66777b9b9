/* Unit tests of a session's early end: the sec fails or is closed, or the owner closes from any callback. */
#include "tunnel_fake.h"

/* A server alone, in HELLO, to which the test speaks. */
static struct fake_wire *
server_in_hello(void)
{
	struct fake_wire *w = fake_wire_new();

	w->c.lose[FAKE_HELLO] = -1;
	fake_wire_start(w);
	fake_wire_deliver(w);
	assert_int_equal(session_state(w->s.session), SESSION_HELLO);
	return w;
}

/* --- the sec ends --- */

static void
test_sec_fails(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_new();

	fake_wire_start(w);
	fake_failing_inputs = 1;
	session_handshake_input(w->c.session, (const uint8_t[]){ 22, 2 }, 2, fake_now);
	assert_int_equal(w->c.info.end, SESSION_END_SEC);
	assert_string_equal(w->c.info.text, "certificate has expired");
	assert_null(session_peer(w->c.session));
	fake_wire_free(w);
}

static void
test_sec_closed(void **state)
{
	(void)state;
	struct fake_wire *w = server_in_hello();

	session_handshake_input(w->s.session, fake_close_notify, sizeof(fake_close_notify), fake_now);
	assert_int_equal(w->s.info.end, SESSION_END_SEC);
	assert_string_equal(w->s.info.text, "closed by the other side");
	assert_string_equal(session_peer(w->s.session)->name, "alice"); /* kept */
	fake_wire_free(w);
}

/* Once ESTABLISHED nothing that looks like DTLS does anything. */
static void
test_dtls_after_established(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();

	session_handshake_input(w->s.session, fake_close_notify, sizeof(fake_close_notify), fake_now);
	session_handshake_input(w->c.session, fake_close_notify, sizeof(fake_close_notify), fake_now);
	assert_int_equal(session_state(w->s.session), SESSION_ESTABLISHED);
	assert_int_equal(session_state(w->c.session), SESSION_ESTABLISHED);
	fake_wire_free(w);
}

/* --- closing before it is established --- */

static void
test_close_before(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_new();

	fake_wire_start(w);
	session_close(w->c.session, TMSG_REASON_SHUTDOWN, "going", fake_now);
	assert_int_equal(w->c.info.end, SESSION_END_LOCAL);
	assert_int_equal(w->c.sent[FAKE_REFUSE], 0); /* nobody to tell yet */
	session_close(w->c.session, TMSG_REASON_SHUTDOWN, "going", fake_now);
	assert_int_equal(w->c.closed, 1);
	fake_wire_free(w);

	w = server_in_hello();
	session_close(w->s.session, TMSG_REASON_SHUTDOWN, "going", fake_now);
	fake_wire_deliver(w);
	assert_int_equal(w->s.info.end, SESSION_END_LOCAL);
	assert_int_equal(w->c.info.end, SESSION_END_REFUSED);
	assert_int_equal(w->c.info.reason, TMSG_REASON_SHUTDOWN);
	assert_string_equal(w->c.info.text, "going");
	fake_wire_free(w);
}

/* A sec that fails at once says so in the first tick: no callback but output runs inside session_new(). */
static void
test_first_flight_fails(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_new();

	fake_start_fails = true;
	fake_wire_start(w);
	assert_int_equal(w->c.closed + w->s.closed, 0);
	assert_true(mono_due(session_next(w->c.session), fake_now));
	assert_true(mono_due(session_next(w->s.session), fake_now));
	fake_wire_for(w, 0);
	assert_string_equal(w->c.info.text, "no first flight");
	assert_int_equal(w->s.info.end, SESSION_END_SEC);
	fake_wire_free(w);
}

/* The output may find out that there is no way to send, and close the session in the middle of whatever it does. */
static void
test_close_in_output(void **state)
{
	(void)state;
	static const struct {
		enum fake_msg msg;
		bool client;
	} rows[] = {
		{ FAKE_CLIENT_HELLO, true }, { FAKE_FLIGHT, false },
		{ FAKE_FINISHED, true },     { FAKE_SERVER_FINISHED, false },
		{ FAKE_HELLO, true },        { FAKE_WELCOME, false },
		{ FAKE_REQUEST, true },      { FAKE_REPLY, false },
		{ FAKE_PUSH, false },        { FAKE_ACK, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fake_wire *w = fake_wire_new();
		struct fake_end *e = rows[i].client ? &w->c : &w->s;

		w->s.push_when_established = true;
		e->close_when_sent[rows[i].msg] = true;
		fake_wire_start(w);
		fake_wire_for(w, MS(1000));
		assert_int_equal(e->sent[rows[i].msg], 1);
		assert_int_equal(e->closed, 1);
		assert_int_equal(e->info.end, SESSION_END_LOCAL);
		assert_int_equal(session_state(e->session), SESSION_CLOSED);
		assert_true(mono_is_never(session_next(e->session)));
		assert_int_equal(e->established, rows[i].msg == FAKE_PUSH || rows[i].msg == FAKE_ACK);
		assert_int_equal(e->pushed, 0);
		fake_wire_free(w);
	}
}

/* The server's very first data packet, sent when a frame confirms the session. */
static void
test_close_in_confirmation(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_new();
	static const uint8_t plain[60] = { TMSG_FRAME };
	uint8_t dgram[100];

	w->c.lose[FAKE_REQUEST] = -1;
	w->s.close_when_sent[FAKE_REPLY] = true;
	fake_wire_start(w);
	fake_wire_deliver(w);
	assert_int_equal(fake_open(&w->s, dgram, fake_forge(w, true, 5, plain, sizeof(plain), dgram)),
			 DROP_NOT_ESTABLISHED);
	assert_int_equal(w->s.closed, 1);
	assert_int_equal(w->s.established, 0);
	assert_int_equal(session_state(w->s.session), SESSION_CLOSED);
	assert_int_equal(w->s.frames, 0);
	fake_wire_free(w);
}

/* The same for a keepalive, for which the session looks at itself again afterwards. */
static void
test_close_in_keepalive(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();

	w->c.close_when_sent[FAKE_REQUEST] = true;
	fake_wire_for(w, MS(20000));
	assert_int_equal(w->c.closed, 1);
	assert_true(mono_is_never(session_next(w->c.session)));
	fake_wire_free(w);
}

static void
test_close_in_admit(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_new();

	w->s.close_when_admitted = true;
	fake_wire_start(w);
	fake_wire_deliver(w);
	assert_int_equal(w->s.closed, 1);
	assert_int_equal(w->s.info.end, SESSION_END_LOCAL);
	assert_int_equal(w->s.sent[FAKE_WELCOME], 0);
	assert_int_equal(fake_n_keys, 0);
	assert_int_equal(w->c.info.end, SESSION_END_REFUSED);
	fake_wire_free(w);
}

/* A callback may close the session it is about. */
static void
test_close_in_established(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_new();

	w->s.close_when_established = true;
	w->s.lose[FAKE_REPLY] = -1;
	fake_wire_start(w);
	fake_wire_deliver(w);
	assert_int_equal(w->s.info.end, SESSION_END_LOCAL);
	assert_true(w->s.info.was_established);
	/* The client learns both at once: that it was established, and that it is over. */
	assert_int_equal(w->c.established, 1);
	assert_int_equal(w->c.info.end, SESSION_END_BYE);
	assert_int_equal(w->c.info.reason, TMSG_REASON_KICKED);
	fake_wire_free(w);
}

static void
test_names(void **state)
{
	(void)state;
	assert_string_equal(session_state_name(SESSION_HANDSHAKE), "handshake");
	assert_string_equal(session_state_name(SESSION_CLOSED), "closed");
	assert_string_equal(session_state_name((enum session_state)77), "unknown");
	session_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sec_fails),
		cmocka_unit_test(test_sec_closed),
		cmocka_unit_test(test_dtls_after_established),
		cmocka_unit_test(test_close_before),
		cmocka_unit_test(test_first_flight_fails),
		cmocka_unit_test(test_close_in_output),
		cmocka_unit_test(test_close_in_confirmation),
		cmocka_unit_test(test_close_in_keepalive),
		cmocka_unit_test(test_close_in_admit),
		cmocka_unit_test(test_close_in_established),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
