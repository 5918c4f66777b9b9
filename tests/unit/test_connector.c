/* Unit tests of the connector: order of remotes and addresses, waits and their bounds, what resets them, stopping. */
#include <stdio.h>
#include <string.h>

#include "tunnel_owner.h"

static void
connect_and_wait(struct owner *o, nsec_t held)
{
	o->accepting = "192.0.2.1:1";
	for (unsigned steps = 0; connector_state(o->connector) != CONNECTOR_CONNECTED; steps++) {
		assert_true(steps < 1000);
		fake_now = mono_max(fake_now, owner_next(o));
		owner_tick(o);
	}
	owner_until(o, mono_add(fake_now, held));
	assert_int_equal(connector_state(o->connector), CONNECTOR_CONNECTED);
}

static void
expect_events(const struct owner *o, unsigned from, const char *const *what, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		assert_true(from + i < o->n_events);
		assert_string_equal(o->events[from + i].what, what[i]);
	}
}

/* --- order --- */

static void
test_order(void **state)
{
	(void)state;
	static const char *const round[] = {
		"resolve 0", "open 0 192.0.2.1:1", "lost", "open 0 [2001:db8::1]:1", "lost", "resolve 1", "lost",
		"resolve 2", "open 2 192.0.2.3:3", "lost",
	};
	enum { N = sizeof(round) / sizeof(round[0]) };
	struct owner *o = owner_new(3, 1);
	struct mono start = fake_now;

	o->addrs[0][1] = "[2001:db8::1]:1";
	o->addrs[2][0] = "192.0.2.3:3";
	assert_int_equal(connector_state(o->connector), CONNECTOR_IDLE);
	assert_true(mono_is_never(connector_next(o->connector)));
	connector_start(o->connector, fake_now);
	assert_int_equal(o->n_events, 0); /* nothing happens but in a tick */
	owner_until(o, mono_add(start, MS(30000)));
	expect_events(o, 0, round, N);
	/* No pause inside a round: each address has its handshake timeout. */
	assert_int_equal(o->events[3].at.ns, start.ns + MS(10000));
	assert_int_equal(o->events[8].at.ns, start.ns + MS(20000));
	assert_int_equal(o->events[2].retry_in, 0);
	assert_int_equal(o->events[4].retry_in, 0);
	assert_int_equal(o->events[6].retry_in, 0);
	assert_in_range(o->events[9].retry_in, MS(375), MS(625));
	assert_int_equal(o->events[2].info.end, SESSION_END_TIMEOUT);
	assert_true(o->events[2].had_session);
	assert_false(o->events[6].had_session);
	assert_int_equal(o->events[6].info.end, SESSION_END_NONE);
	assert_string_equal(o->events[6].info.text, "no such name");

	/* The next round begins exactly then, and resolves again. */
	assert_int_equal(o->n_events, N);
	assert_int_equal(connector_next(o->connector).ns, start.ns + MS(30000) + o->events[9].retry_in);
	owner_until(o, connector_next(o->connector));
	expect_events(o, N, round, 2);
	assert_int_equal(connector_remote(o->connector), 0);
	owner_free(o);
}

/* The first that answers ends the search. */
static void
test_first_that_answers(void **state)
{
	(void)state;
	struct owner *o = owner_new(2, 1);

	o->addrs[1][0] = "192.0.2.2:2";
	o->accepting = "192.0.2.2:2";
	connector_start(o->connector, fake_now);
	owner_until(o, mono_add(fake_now, MS(60000)));
	assert_int_equal(connector_state(o->connector), CONNECTOR_CONNECTED);
	assert_int_equal(connector_remote(o->connector), 1);
	expect_events(o, 0,
		      (const char *const[]){ "resolve 0", "open 0 192.0.2.1:1", "lost", "resolve 1",
					     "open 1 192.0.2.2:2", "established" },
		      6);
	assert_int_equal(o->n_events, 6);
	session_push(o->server, &(struct tmsg_push){ .mtu = 1400 }, fake_now);
	owner_deliver(o);
	assert_string_equal(o->events[6].what, "pushed");
	/* Each try has an id of its own. */
	assert_int_equal(o->n_ids, 2);
	assert_int_not_equal(o->ids[0], o->ids[1]);
	assert_int_not_equal(o->ids[0], 9);
	assert_true(o->ids[0] && o->ids[1]);
	owner_free(o);
}

/* More addresses than there is room for: the first 16. */
static void
test_many_addresses(void **state)
{
	(void)state;
	struct owner *o = owner_new(1, 1);
	char text[CONNECTOR_MAX_ADDRS + 2][32];

	o->no_sec = true;
	for (unsigned i = 0; i < CONNECTOR_MAX_ADDRS + 2; i++) {
		snprintf(text[i], sizeof(text[i]), "192.0.2.%u:7", i);
		o->addrs[0][i] = text[i];
	}
	connector_start(o->connector, fake_now);
	owner_until(o, fake_now);
	assert_int_equal(o->n_events, 1 + 2 * 16);
	assert_string_equal(o->events[31].what, "open 0 192.0.2.15:7");
	assert_string_equal(o->events[32].info.text, "out of sockets");
	assert_int_equal(o->events[30].retry_in, 0);
	assert_int_not_equal(o->events[32].retry_in, 0);
	owner_free(o);
}

static void
test_refused(void **state)
{
	(void)state;
	struct owner *o = owner_new(1, 1);

	o->addrs[0][1] = "192.0.2.2:2";
	o->accepting = "192.0.2.1:1";
	o->refuse = TMSG_REASON_DISABLED;
	connector_start(o->connector, fake_now);
	owner_until(o, fake_now);
	assert_string_equal(o->events[2].what, "lost");
	assert_int_equal(o->events[2].info.reason, TMSG_REASON_DISABLED);
	assert_int_equal(o->events[2].retry_in, 0);
	assert_string_equal(o->events[3].what, "open 0 192.0.2.2:2");
	owner_free(o);
}

/* --- waits --- */

/* 0.5 s doubling to 30 s, each within 25 %, and not always the same. */
static void
test_backoff_bounds(void **state)
{
	(void)state;
	static const unsigned waits[] = { 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000 };
	nsec_t low[9], high[9];

	for (unsigned i = 0; i < 9; i++) {
		low[i] = UINT64_MAX;
		high[i] = 0;
	}
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct owner *o = owner_new(1, seed);

		o->no_sec = true;
		connector_start(o->connector, fake_now);
		for (unsigned i = 0; i < 9; i++) {
			nsec_t in = owner_until_lost(o)->retry_in;

			assert_in_range(in, MS(waits[i]) * 3 / 4, MS(waits[i]) * 5 / 4);
			low[i] = in < low[i] ? in : low[i];
			high[i] = in > high[i] ? in : high[i];
		}
		owner_free(o);
	}
	for (unsigned i = 0; i < 9; i++) {
		assert_true(low[i] < MS(waits[i]) * 85 / 100);
		assert_true(high[i] > MS(waits[i]) * 115 / 100);
	}
}

/* Lets three rounds fail, connects, holds for 'held', and has the server go. */
static const struct event *
lose_after(struct owner *o, nsec_t held, enum tmsg_reason reason)
{
	unsigned before;

	o->no_sec = true;
	connector_start(o->connector, fake_now);
	for (int i = 0; i < 3; i++)
		owner_until_lost(o);
	o->no_sec = false;
	connect_and_wait(o, held);
	before = o->n_events;
	session_close(o->server, reason, "", fake_now);
	o->no_sec = true;
	owner_deliver(o);
	assert_int_equal(o->n_events, before + 1);
	assert_string_equal(o->events[before].what, "lost");
	assert_int_equal(o->events[before].info.end, SESSION_END_BYE);
	assert_true(o->events[before].info.was_established);
	return &o->events[before];
}

static void
test_reset_after_10_s(void **state)
{
	(void)state;
	static const unsigned held_ms[] = { 0, 9999, 10000, 10001, 60000 };

	for (unsigned i = 0; i < 5; i++)
		for (uint64_t seed = 1; seed <= 8; seed++) {
			struct owner *o = owner_new(1, seed);
			const struct event *e = lose_after(o, MS(held_ms[i]), TMSG_REASON_SHUTDOWN);

			if (held_ms[i] < 10000) {
				assert_in_range(e->retry_in, MS(3000), MS(5000)); /* the fourth failure in a row */
				assert_in_range(owner_until_lost(o)->retry_in, MS(6000), MS(10000));
			} else {
				assert_in_range(e->retry_in, MS(10), MS(250));
				assert_in_range(owner_until_lost(o)->retry_in, MS(375), MS(625));
			}
			owner_free(o);
		}
}

static void
test_replaced_waits(void **state)
{
	(void)state;

	for (unsigned held_ms = 0; held_ms <= 20000; held_ms += 20000) {
		struct owner *o = owner_new(1, 3);
		const struct event *e = lose_after(o, MS(held_ms), TMSG_REASON_REPLACED);
		unsigned n = o->n_events;
		struct mono at = mono_add(fake_now, e->retry_in);

		assert_in_range(e->retry_in, MS(60000), MS(75000));
		owner_until(o, mono_from_ns(at.ns - 1));
		assert_int_equal(o->n_events, n);
		owner_until(o, at);
		assert_string_equal(o->events[n].what, "resolve 0");
		owner_free(o);
	}
}

/* The same when it is said before the session is established; the other addresses are the same server. */
static void
test_refused_as_replaced(void **state)
{
	(void)state;
	struct owner *o = owner_new(2, 1);

	o->addrs[0][1] = "192.0.2.2:2";
	o->accepting = "192.0.2.1:1";
	o->refuse = TMSG_REASON_REPLACED;
	connector_start(o->connector, fake_now);
	owner_until(o, fake_now);
	assert_string_equal(o->events[2].what, "lost");
	assert_in_range(o->events[2].retry_in, MS(60000), MS(75000));
	owner_until(o, mono_add(fake_now, o->events[2].retry_in));
	assert_string_equal(o->events[3].what, "resolve 0");
	owner_free(o);
}

/* The output of the first flight may find that there is no way. */
static void
test_close_in_first_flight(void **state)
{
	(void)state;
	struct owner *o = owner_new(1, 1);

	o->close_when_sent = true;
	connector_start(o->connector, fake_now);
	owner_tick(o);
	assert_string_equal(o->events[2].what, "lost");
	assert_string_equal(o->events[2].info.text, "no route");
	assert_null(connector_session(o->connector));
	assert_int_equal(connector_state(o->connector), CONNECTOR_WAITING);
	o->close_when_sent = false;
	connect_and_wait(o, MS(1000));
	owner_free(o);
}

/* After a loss the search begins with the first remote. */
static void
test_starts_over(void **state)
{
	(void)state;
	struct owner *o = owner_new(2, 1);
	unsigned n;

	o->addrs[1][0] = "192.0.2.2:2";
	o->accepting = "192.0.2.2:2";
	connector_start(o->connector, fake_now);
	owner_until(o, mono_add(fake_now, MS(60000)));
	assert_int_equal(connector_remote(o->connector), 1);
	n = o->n_events;
	session_free(o->server); /* not a word: the client finds out by itself */
	o->server = NULL;
	assert_int_equal(owner_until_lost(o)->info.end, SESSION_END_DEAD);
	owner_until(o, mono_add(fake_now, MS(250)));
	assert_string_equal(o->events[n + 1].what, "resolve 0");
	owner_free(o);
}

/* --- resolving --- */

static void
test_resolve_later(void **state)
{
	(void)state;
	struct owner *o = owner_new(2, 1);
	struct endpoint e;

	o->async = true;
	assert_true(endpoint_parse("192.0.2.1:1", &e));
	connector_resolved(o->connector, 0, &e, 1, "", fake_now); /* nobody asked */
	assert_int_equal(connector_state(o->connector), CONNECTOR_IDLE);
	connector_start(o->connector, fake_now);
	owner_tick(o);
	assert_int_equal(connector_state(o->connector), CONNECTOR_RESOLVING);
	assert_int_equal(connector_next(o->connector).ns, fake_now.ns + MS(30000));
	connector_resolved(o->connector, 1, &e, 1, "", fake_now); /* not this one */
	assert_int_equal(connector_state(o->connector), CONNECTOR_RESOLVING);
	connector_resolved(o->connector, 0, &e, 1, "", fake_now);
	assert_int_equal(connector_state(o->connector), CONNECTOR_CONNECTING);
	assert_non_null(connector_session(o->connector));
	connector_resolved(o->connector, 0, &e, 1, "", fake_now); /* twice */
	assert_int_equal(o->n_events, 2);

	connector_stop(o->connector, fake_now);
	connector_start(o->connector, fake_now);
	owner_tick(o);
	connector_stop(o->connector, fake_now);
	connector_resolved(o->connector, 0, &e, 1, "", fake_now); /* too late */
	assert_int_equal(connector_state(o->connector), CONNECTOR_IDLE);
	assert_null(connector_session(o->connector));
	owner_free(o);
}

/* A resolver that never answers holds up the search for 30 s, no longer. */
static void
test_resolver_is_silent(void **state)
{
	(void)state;
	struct owner *o = owner_new(2, 1);
	struct mono start = fake_now;
	struct endpoint e;

	o->async = true;
	assert_true(endpoint_parse("192.0.2.1:1", &e));
	connector_start(o->connector, fake_now);
	owner_until(o, mono_add(start, MS(29999)));
	assert_int_equal(o->n_events, 1);
	owner_until(o, mono_add(start, MS(30000)));
	expect_events(o, 0, (const char *const[]){ "resolve 0", "lost", "resolve 1" }, 3);
	assert_int_equal(o->n_events, 3);
	assert_false(o->events[1].had_session);
	assert_int_equal(o->events[1].info.end, SESSION_END_NONE);
	assert_string_equal(o->events[1].info.text, "no answer from the resolver");
	assert_int_equal(o->events[1].retry_in, 0);

	connector_resolved(o->connector, 0, &e, 1, "", fake_now); /* too late */
	assert_int_equal(connector_state(o->connector), CONNECTOR_RESOLVING);
	/* At the last moment it still counts, and the session has its own time. */
	owner_until(o, mono_add(start, MS(59999)));
	connector_resolved(o->connector, 1, &e, 1, "", fake_now);
	owner_until(o, mono_add(start, MS(69998)));
	assert_int_equal(connector_state(o->connector), CONNECTOR_CONNECTING);
	assert_int_equal(o->n_events, 4);
	assert_string_equal(o->events[3].what, "open 1 192.0.2.1:1");
	owner_free(o);
}

/* After the last remote there is the usual pause; one that was stopped is not waited for. */
static void
test_resolver_is_silent_for_all(void **state)
{
	(void)state;
	struct owner *o = owner_new(1, 1);
	const struct event *e;

	o->async = true;
	connector_start(o->connector, fake_now);
	e = owner_until_lost(o);
	assert_in_range(e->retry_in, MS(375), MS(625));
	owner_until(o, mono_add(fake_now, e->retry_in));
	assert_string_equal(o->events[2].what, "resolve 0");
	connector_stop(o->connector, fake_now);
	owner_until(o, mono_add(fake_now, MS(60000)));
	assert_int_equal(o->n_events, 3);
	assert_true(mono_is_never(connector_next(o->connector)));
	owner_free(o);
}

static void
test_other_address(void **state)
{
	(void)state;
	struct owner *o = owner_new(1, 1);
	struct path from = { 0 };

	connector_start(o->connector, fake_now);
	owner_tick(o);
	assert_int_equal(connector_state(o->connector), CONNECTOR_CONNECTING);
	fake_failing_inputs = 1; /* the next datagram that arrives ends the session */
	assert_true(endpoint_parse("192.0.2.1:2", &from.remote));
	connector_handshake_input(o->connector, &from, (const uint8_t[]){ 22, 2 }, 2, fake_now);
	assert_int_equal(connector_state(o->connector), CONNECTOR_CONNECTING);
	assert_true(endpoint_parse("192.0.2.1:1", &from.remote));
	connector_handshake_input(o->connector, &from, (const uint8_t[]){ 22, 2 }, 2, fake_now);
	assert_int_equal(connector_state(o->connector), CONNECTOR_WAITING);
	assert_int_equal(fake_failing_inputs, 0);
	connector_handshake_input(o->connector, &from, (const uint8_t[]){ 22, 2 }, 2, fake_now); /* nobody there */
	owner_free(o);
}

/* --- stopping --- */

static void
expect_idle(struct owner *o)
{
	assert_int_equal(connector_state(o->connector), CONNECTOR_IDLE);
	assert_null(connector_session(o->connector));
	owner_tick(o);
	assert_true(mono_is_never(connector_next(o->connector)));
	for (unsigned i = 0; i < o->n_events; i++)
		assert_true(o->stop_when_lost || strcmp(o->events[i].what, "lost") != 0);
}

static void
test_stop(void **state)
{
	(void)state;
	struct owner *o = owner_new(1, 1);

	connector_stop(o->connector, fake_now); /* before it began */
	expect_idle(o);
	connector_start(o->connector, fake_now);
	connector_stop(o->connector, fake_now); /* before the first tick */
	expect_idle(o);
	connector_start(o->connector, fake_now);
	owner_tick(o);
	connector_stop(o->connector, fake_now); /* in the handshake */
	expect_idle(o);
	connector_start(o->connector, fake_now);
	connect_and_wait(o, MS(1000));
	connector_start(o->connector, fake_now); /* it is running */
	assert_int_equal(connector_state(o->connector), CONNECTOR_CONNECTED);
	assert_int_equal(o->byes, 0);
	connector_stop(o->connector, fake_now);
	assert_int_equal(o->byes, 2);
	assert_true(mono_due(connector_next(o->connector), fake_now)); /* there is a session to free */
	expect_idle(o);
	assert_int_equal(session_state(o->server), SESSION_CLOSED);
	/* And it can begin again. */
	connector_start(o->connector, fake_now);
	connect_and_wait(o, 0);
	owner_free(o);
}

static void
test_stop_in_callbacks(void **state)
{
	(void)state;
	struct owner *o = owner_new(1, 1);

	o->stop_when_lost = true;
	connector_start(o->connector, fake_now);
	owner_until(o, mono_add(fake_now, MS(10000))); /* the session's end */
	expect_idle(o);
	o->no_sec = true;
	connector_start(o->connector, fake_now);
	owner_until(o, fake_now); /* no session at all */
	expect_idle(o);
	o->no_sec = false;
	o->stop_when_established = true;
	o->accepting = "192.0.2.1:1";
	connector_start(o->connector, fake_now);
	owner_until(o, mono_add(fake_now, MS(1000)));
	assert_string_equal(o->events[o->n_events - 1].what, "established");
	expect_idle(o);
	owner_free(o);
}

static void
test_names(void **state)
{
	(void)state;
	assert_string_equal(connector_state_name(CONNECTOR_IDLE), "idle");
	assert_string_equal(connector_state_name(CONNECTOR_WAITING), "waiting");
	assert_string_equal(connector_state_name((enum connector_state)77), "unknown");
	connector_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_first_that_answers),
		cmocka_unit_test(test_many_addresses),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_backoff_bounds),
		cmocka_unit_test(test_reset_after_10_s),
		cmocka_unit_test(test_replaced_waits),
		cmocka_unit_test(test_refused_as_replaced),
		cmocka_unit_test(test_close_in_first_flight),
		cmocka_unit_test(test_starts_over),
		cmocka_unit_test(test_resolve_later),
		cmocka_unit_test(test_resolver_is_silent),
		cmocka_unit_test(test_resolver_is_silent_for_all),
		cmocka_unit_test(test_other_address),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_stop_in_callbacks),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
