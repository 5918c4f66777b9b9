/* Unit tests of new keys for a client's connection: when they are made, what becomes of those before, and of failures.
 */
#include <string.h>

#include "tunnel_owner.h"

static unsigned seen; /* so many events */

/* Connected at 100 s, new keys every 10 s (9 to 10). */
static struct owner *
connected(uint64_t seed)
{
	struct owner *o = owner_new(1, seed);

	o->accepting = "192.0.2.1:1";
	connector_start(o->connector, fake_now);
	owner_until(o, fake_now);
	assert_int_equal(connector_state(o->connector), CONNECTOR_CONNECTED);
	connector_set_rekey(o->connector, MS(10000));
	seen = o->n_events;
	return o;
}

/* The next one behind the last that was returned. */
static const struct event *
until_event(struct owner *o, const char *what)
{
	for (unsigned steps = 0; steps < 100000; steps++) {
		for (; seen < o->n_events; seen++)
			if (strcmp(o->events[seen].what, what) == 0)
				return &o->events[seen++];
		fake_now = mono_max(fake_now, owner_next(o));
		owner_tick(o);
	}
	fail_msg("no '%s'", what);
	return NULL;
}

static void
test_rekey(void **state)
{
	(void)state;

	for (uint64_t seed = 0; seed < 20; seed++) {
		struct owner *o = connected(seed);
		struct session *first = connector_session(o->connector), *second;
		struct mono start = fake_now, at;

		at = until_event(o, "rekeyed")->at;
		assert_in_range(mono_since(start, at), MS(9000), MS(10000));
		second = connector_session(o->connector);
		assert_ptr_not_equal(second, first);
		assert_int_equal(session_state(first), SESSION_RETIRED);
		assert_int_not_equal(session_local_id(first), session_local_id(second));
		assert_null(connector_find(o->connector, session_local_id(first) + 1));
		assert_int_equal(session_hello(o->server)->previous, session_local_id(o->former));
		/* And again, and again; the retired one goes when its successor is succeeded. */
		for (unsigned i = 2; i <= 10; i++) {
			at = until_event(o, "rekeyed")->at;
			assert_in_range(mono_since(start, at), i * MS(9000), i * MS(10000));
		}
		assert_int_equal(o->rekeys, 10);
		assert_int_equal(o->rekeyed, 10);
		assert_int_equal(o->n_events, 3 + 20);
		owner_free(o);
	}
}

/* The retired one is gone after 60 s, and nobody hears of it. */
static void
test_retired_ends(void **state)
{
	(void)state;
	struct owner *o = connected(1);
	uint32_t id = session_local_id(connector_session(o->connector));
	struct mono at = until_event(o, "rekeyed")->at;
	unsigned n = o->n_events;

	connector_set_rekey(o->connector, MS(3600000));
	owner_until(o, mono_from_ns(at.ns + MS(60000) - 1));
	assert_non_null(connector_find(o->connector, id));
	owner_until(o, mono_add(at, MS(60000)));
	assert_null(connector_find(o->connector, id));
	assert_int_equal(o->n_events, n);
	owner_until(o, mono_add(at, MS(200000)));
	assert_int_equal(connector_state(o->connector), CONNECTOR_CONNECTED);
	owner_free(o);
}

/* Tries that fail, however, are repeated after 5 s, doubling to 5 min, +-25 %; the session is none the worse. */
static void
test_failures(void **state)
{
	(void)state;

	for (unsigned way = 0; way < 4; way++) {
		struct owner *o = connected(way);
		struct session *s = connector_session(o->connector);
		nsec_t wait = MS(5000);

		o->no_rekey_sec = way == 0;
		o->deaf = way == 1;
		o->refuse = way == 2 ? TMSG_REASON_FULL : TMSG_REASON_NONE;
		o->close_rekey_when_sent = way == 3;
		for (unsigned i = 0; i < 9; i++) {
			const struct event *e = until_event(o, "rekey failed");
			struct mono failed = e->at;
			nsec_t in = e->retry_in;

			assert_in_range(in, wait - wait / 4, wait + wait / 4);
			if (way == 0)
				assert_string_equal(e->info.text, "no certificate");
			if (way == 1)
				assert_string_equal(e->info.text, "no DTLS handshake within 10 s");
			if (way == 2)
				assert_int_equal(e->info.reason, TMSG_REASON_FULL);
			if (way == 3)
				assert_string_equal(e->info.text, "no way");
			assert_int_equal(until_event(o, "rekey")->at.ns, failed.ns + in);
			wait = wait * 2 < MS(300000) ? wait * 2 : MS(300000);
		}
		assert_ptr_equal(connector_session(o->connector), s);
		/* One that works sets the wait back. */
		o->no_rekey_sec = o->deaf = o->close_rekey_when_sent = false;
		o->refuse = TMSG_REASON_NONE;
		until_event(o, "rekeyed");
		o->no_rekey_sec = true;
		assert_in_range(until_event(o, "rekey failed")->retry_in, MS(3750), MS(6250));
		owner_free(o);
	}
}

/* The session is lost while new keys are under way: they go with it, and it is a loss as any other. */
static void
test_lost_meanwhile(void **state)
{
	(void)state;
	struct owner *o = connected(1);
	const struct event *e;

	o->deaf = true;
	until_event(o, "rekey");
	session_close(o->former, TMSG_REASON_KICKED, "", fake_now);
	o->n_events = seen = 0;
	owner_deliver(o);
	assert_int_equal(o->n_events, 1);
	e = &o->events[0];
	assert_string_equal(e->what, "lost");
	assert_int_equal(e->info.reason, TMSG_REASON_KICKED);
	assert_null(connector_session(o->connector));
	o->deaf = false;
	until_event(o, "established");
	until_event(o, "rekeyed");
	owner_free(o);
}

/* A BYE by the former keys ends only those; one by the present keys all. */
static void
test_bye(void **state)
{
	(void)state;
	struct owner *o = connected(1);
	struct session *s;

	until_event(o, "rekeyed");
	s = connector_session(o->connector);
	o->n_events = seen = 0;
	session_close(o->server, TMSG_REASON_REPLACED, "", fake_now);
	owner_deliver(o);
	assert_int_equal(o->n_events, 1);
	assert_string_equal(o->events[0].what, "lost");
	assert_in_range(o->events[0].retry_in, MS(60000), MS(75000));
	assert_int_equal(session_state(s), SESSION_CLOSED);
	assert_null(connector_find(o->connector, session_local_id(s)));
	owner_free(o);
}

static void
test_stop(void **state)
{
	(void)state;

	for (unsigned way = 0; way < 2; way++) {
		struct owner *o = connected(1);
		unsigned n;

		o->deaf = way == 1;
		until_event(o, way ? "rekey" : "rekeyed");
		n = o->n_events;
		connector_stop(o->connector, fake_now);
		assert_int_equal(o->byes, 2);
		owner_until(o, mono_add(fake_now, MS(100000)));
		assert_int_equal(o->n_events, n);
		assert_int_equal(connector_state(o->connector), CONNECTOR_IDLE);
		/* Freed without a tick in between. */
		connector_start(o->connector, fake_now);
		o->deaf = false;
		until_event(o, "rekeyed");
		owner_free(o);
	}
}

/* The interval counts for what comes later, too. */
static void
test_interval_of_the_next(void **state)
{
	(void)state;
	struct owner *o = connected(1);
	struct mono at = until_event(o, "rekeyed")->at;

	connector_set_rekey(o->connector, MS(20000));
	for (unsigned i = 0; i < 3; i++) {
		struct mono next = until_event(o, "rekeyed")->at;

		assert_in_range(mono_since(at, next), MS(18000), MS(20000));
		at = next;
	}
	owner_free(o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rekey),
		cmocka_unit_test(test_retired_ends),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_lost_meanwhile),
		cmocka_unit_test(test_bye),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_interval_of_the_next),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
