/* Unit tests of the server's table: who gets which datagram, replacement, ids, deadlines, closing. */
#include <stdio.h>
#include <string.h>

#include "tunnel_net.h"

static void
test_cookie_then_session(void **state)
{
	(void)state;
	struct net *n = net_new(10, 10, 10);
	struct client *c = net_client_new(n, "192.0.2.7:5000", false);

	assert_true(mono_is_never(sessions_next(n->table)));
	net_deliver_some(n, 1); /* ClientHello without a cookie: nothing is kept */
	assert_int_equal(n->listener.cookies, 1);
	assert_int_equal(sessions_count(n->table), 0);
	assert_int_equal(sessions_stats(n->table)->handshakes_started, 0);
	net_deliver_some(n, 2); /* the cookie, and a ClientHello with it */
	assert_int_equal(sessions_count(n->table), 1);
	assert_int_equal(sessions_stats(n->table)->handshakes_started, 1);
	assert_int_equal(sessions_stats(n->table)->handshakes_done, 0);
	net_deliver(n);
	assert_true(c->established);
	assert_int_equal(n->established, 1);
	assert_int_equal(sessions_stats(n->table)->handshakes_done, 1);
	assert_int_equal(sessions_count(n->table), 1);
	assert_int_equal(session_remote_id(c->session), session_local_id(n->last_established));
	assert_ptr_equal(sessions_find(n->table, session_remote_id(c->session)), n->last_established);
	assert_null(sessions_find(n->table, session_remote_id(c->session) + 1));
	assert_null(sessions_find(n->table, 0));
	net_free(n);
}

/* A repeated ClientHello goes to its handshake, whose flight was lost. */
static void
test_client_hello_again(void **state)
{
	(void)state;
	struct net *n = net_new(10, 10, 10);
	struct client *c = net_half_open(n, "192.0.2.7:5000");

	assert_int_equal(n->listener.inputs, 1);
	fake_now = mono_add(fake_now, MS(250));
	session_tick(c->session, fake_now);
	net_deliver(n);
	assert_int_equal(n->listener.inputs, 1);
	assert_true(c->established);
	assert_int_equal(sessions_stats(n->table)->handshakes_started, 1);
	net_free(n);
}

/* Another random from the same address: the listener's business, until it brings a cookie. */
static void
test_replacement(void **state)
{
	(void)state;
	struct net *n = net_new(10, 10, 1);
	struct client *old = net_half_open(n, "192.0.2.7:5000");
	struct client *fresh = net_client_new(n, "192.0.2.7:5000", false);
	unsigned sent;

	net_deliver_some(n, 1);
	assert_int_equal(n->listener.cookies, 1);
	assert_int_equal(sessions_count(n->table), 1);
	assert_int_equal(n->closed, 0);

	sent = n->sent;
	net_deliver_some(n, 2);
	assert_int_equal(n->closed, 1);
	assert_int_equal(n->info.end, SESSION_END_LOCAL);
	assert_int_equal(n->sent, sent + 1); /* the new one's flight, nothing for the old one */
	assert_int_equal(sessions_count(n->table), 1);
	net_deliver(n);
	assert_true(fresh->established);
	assert_false(old->established);
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_LIMIT), 0); /* though the prefix was at its limit */
	net_free(n);
}

/* Whatever comes from its address, an established session stays; a new handshake stands beside it. */
static void
test_established_is_undisturbed(void **state)
{
	(void)state;
	struct net *n = net_new(10, 10, 10);
	struct session *first = net_connect_client(n, "192.0.2.7:5000");
	struct session *second;
	uint8_t noise[3] = { 22, 16, 0 };

	net_to_table(n, &n->clients[0].path, noise, sizeof(noise));
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_STRAY), 1);
	second = net_connect_client(n, "192.0.2.7:5000");
	assert_ptr_not_equal(first, second);
	assert_int_equal(session_state(first), SESSION_ESTABLISHED);
	assert_int_equal(sessions_count(n->table), 2);
	net_free(n);
}

static void
test_addresses_differ(void **state)
{
	(void)state;
	static const char *const addresses[] = { "192.0.2.7:5000", "192.0.2.7:5001", "192.0.2.8:5000",
						 "[2001:db8::7]:5000" };
	struct net *n = net_new(10, 10, 10);

	for (size_t i = 0; i < 4; i++)
		net_half_open(n, addresses[i]);
	assert_int_equal(sessions_count(n->table), 4);
	/* The scope of a link-local address is part of it. */
	net_half_open(n, "[fe80::1]:5000");
	n->clients[4].path.remote.scope_id = 2;
	net_to_table(n, &n->clients[4].path, (uint8_t[]){ 22, 16 }, 2);
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_STRAY), 1);
	net_free(n);
}

/* --- ids --- */

/* Gives the listed numbers first, then counts. */
struct script {
	uint32_t values[8];
	unsigned n, at;
	uint32_t counter;
};

static void
script_fill(void *arg, void *buf, size_t len)
{
	struct script *s = arg;
	uint32_t v = s->at < s->n ? s->values[s->at++] : ++s->counter;

	memset(buf, 0, len);
	memcpy(buf, &v, len < sizeof(v) ? len : sizeof(v));
}

static void
test_ids_are_unique(void **state)
{
	(void)state;
	struct net *n = net_new(10, 10, 10);
	struct script script = { .values = { 0, 42, 42, 0, 43, 42, 43, 44 }, .counter = 1000 };

	n->rng = (struct rng){ .fill = script_fill, .arg = &script };
	script.n = 8;
	net_half_open(n, "192.0.2.1:5000"); /* 42 */
	net_half_open(n, "192.0.2.2:5000"); /* 43 */
	net_half_open(n, "192.0.2.3:5000"); /* 44 */
	assert_int_equal(sessions_count(n->table), 3);
	for (uint32_t id = 42; id <= 44; id++) {
		assert_non_null(sessions_find(n->table, id));
		assert_int_equal(session_local_id(sessions_find(n->table, id)), id);
	}
	assert_null(sessions_find(n->table, 0));
	net_free(n);
}

/* --- deadlines --- */

static void
test_deadlines(void **state)
{
	(void)state;
	struct net *n = net_new(10, 10, 10);
	struct mono start = fake_now;

	net_half_open(n, "192.0.2.1:5000");
	assert_int_equal(sessions_next(n->table).ns, start.ns + MS(10000));
	fake_now = mono_add(start, MS(9999));
	sessions_tick(n->table, fake_now);
	assert_int_equal(n->closed, 0);
	fake_now = mono_add(start, MS(10000));
	sessions_tick(n->table, fake_now);
	assert_int_equal(n->closed, 1);
	assert_int_equal(n->info.end, SESSION_END_TIMEOUT);
	assert_int_equal(sessions_count(n->table), 0);
	/* It is freed by the next tick, which is due at once. */
	assert_true(mono_due(sessions_next(n->table), fake_now));
	sessions_tick(n->table, fake_now);
	assert_true(mono_is_never(sessions_next(n->table)));
	net_free(n);
}

/* The table notices by itself what its own input changes: HELLO has 5 s, the handshake before it had 10. */
static void
test_deadline_of_the_next_state(void **state)
{
	(void)state;
	struct net *n = net_new(10, 10, 10);

	net_client_new(n, "192.0.2.1:5000", true);
	net_deliver_some(n, 1);
	assert_int_equal(sessions_next(n->table).ns, fake_now.ns + MS(10000));
	net_deliver_some(n, 1);
	assert_int_equal(sessions_next(n->table).ns, fake_now.ns + MS(10000));
	net_deliver_some(n, 1);
	assert_int_equal(sessions_next(n->table).ns, fake_now.ns + MS(5000));
	n->n_queue = 0;
	net_free(n);
}

/* A deadline that comes nearer is told by sessions_touch(). */
static void
test_touch(void **state)
{
	(void)state;
	struct net *n = net_new(10, 10, 10);
	struct session *s = net_connect_client(n, "192.0.2.1:5000");
	struct mono start = fake_now;

	assert_true(mono_before(fake_now, sessions_next(n->table)));
	session_push(s, &(struct tmsg_push){ .mtu = 1400 }, fake_now);
	n->n_queue = 0; /* lost */
	sessions_touch(n->table, s);
	assert_int_equal(sessions_next(n->table).ns, start.ns + MS(250));
	fake_now = mono_add(start, MS(250));
	n->data_sent = 0;
	sessions_tick(n->table, fake_now);
	assert_int_equal(n->data_sent, 1);
	assert_int_equal(sessions_next(n->table).ns, start.ns + MS(750));
	net_free(n);
}

/* Of a thousand idle sessions only the one that is due does anything. */
static void
test_thousand_idle(void **state)
{
	(void)state;
	struct net *n = net_new(2000, 10, 10);
	struct session *quick = NULL;
	char address[32];
	struct mono start = fake_now;

	for (unsigned i = 0; i < 1000; i++) {
		snprintf(address, sizeof(address), "10.0.%u.%u:5000", i / 250, i % 250);
		quick = net_connect_client(n, address);
	}
	assert_int_equal(sessions_count(n->table), 1000);
	assert_int_equal(n->closed, 0);
	session_set_keepalive(quick, MS(1000), fake_now);
	sessions_touch(n->table, quick);
	n->data_sent = 0;
	assert_int_equal(sessions_next(n->table).ns, start.ns + MS(1000));
	fake_now = mono_add(start, MS(1000));
	sessions_tick(n->table, fake_now);
	assert_int_equal(n->data_sent, 1);
	net_deliver(n); /* its answer */
	n->data_sent = 0;
	fake_now = mono_add(start, MS(1999));
	sessions_tick(n->table, fake_now);
	assert_int_equal(n->data_sent, 0);
	n->n_queue = 0;
	net_free(n);
}

/* --- closing --- */

static void
close_one(void *arg, struct session *s)
{
	session_close(s, TMSG_REASON_SHUTDOWN, "", *(struct mono *)arg);
}

static void
count_one(void *arg, struct session *s)
{
	(void)s;
	++*(unsigned *)arg;
}

static void
test_each(void **state)
{
	(void)state;
	struct net *n = net_new(10, 10, 10);
	unsigned seen = 0;

	for (unsigned i = 1; i <= 5; i++) {
		char address[32];

		snprintf(address, sizeof(address), "192.0.2.%u:5000", i);
		net_connect_client(n, address);
	}
	net_half_open(n, "192.0.2.6:5000");
	sessions_each(n->table, count_one, &seen);
	assert_int_equal(seen, 6);
	sessions_each(n->table, close_one, &fake_now);
	assert_int_equal(n->closed, 6);
	assert_int_equal(sessions_count(n->table), 0);
	seen = 0;
	sessions_each(n->table, count_one, &seen);
	assert_int_equal(seen, 0);
	net_deliver(n);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(n->clients[i].info.end, SESSION_END_BYE);
	sessions_tick(n->table, fake_now);
	assert_true(mono_is_never(sessions_next(n->table)));
	net_free(n);
}

/* The owner of the table may close a session in the callback that announces it. */
static void
test_close_when_established(void **state)
{
	(void)state;
	struct net *n = net_new(10, 10, 10);

	n->close_when_established = true;
	net_client_new(n, "192.0.2.1:5000", false);
	net_deliver(n);
	assert_int_equal(n->established, 1);
	assert_int_equal(n->closed, 1);
	assert_int_equal(sessions_count(n->table), 0);
	assert_int_equal(n->clients[0].info.reason, TMSG_REASON_KICKED);
	net_free(n);
}

static void
test_refused(void **state)
{
	(void)state;
	struct net *n = net_new(10, 10, 10);

	n->refuse_all = true;
	net_client_new(n, "192.0.2.1:5000", false);
	net_deliver(n);
	assert_int_equal(n->closed, 1);
	assert_int_equal(n->info.end, SESSION_END_REFUSED);
	assert_int_equal(n->clients[0].info.reason, TMSG_REASON_FULL);
	assert_int_equal(sessions_count(n->table), 0);
	n->refuse_all = false;
	net_connect_client(n, "192.0.2.1:5000"); /* the same address again */
	assert_int_equal(sessions_count(n->table), 1);
	net_free(n);
}

static void
test_free_is_silent(void **state)
{
	(void)state;
	struct net *n = net_new(10, 10, 10);
	unsigned sent;

	net_connect_client(n, "192.0.2.1:5000");
	net_half_open(n, "192.0.2.2:5000");
	session_close(net_connect_client(n, "192.0.2.3:5000"), TMSG_REASON_SHUTDOWN, "", fake_now);
	n->n_queue = 0;
	sent = n->sent;
	sessions_free(n->table);
	assert_int_equal(n->sent, sent);
	assert_int_equal(n->closed, 1);
	n->table = NULL;
	sessions_free(NULL);
	net_free(n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cookie_then_session),
		cmocka_unit_test(test_client_hello_again),
		cmocka_unit_test(test_replacement),
		cmocka_unit_test(test_established_is_undisturbed),
		cmocka_unit_test(test_addresses_differ),
		cmocka_unit_test(test_ids_are_unique),
		cmocka_unit_test(test_deadlines),
		cmocka_unit_test(test_deadline_of_the_next_state),
		cmocka_unit_test(test_touch),
		cmocka_unit_test(test_thousand_idle),
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_close_when_established),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_free_is_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
