/* Unit tests of the limits of the server's table: n-1, n, n+1. */
#include <stdio.h>

#include "tunnel_net.h"

static void
test_max_handshakes(void **state)
{
	(void)state;
	struct net *n = net_new(10, 3, 10);
	struct client *c;
	char address[32];

	for (unsigned i = 1; i <= 3; i++) {
		snprintf(address, sizeof(address), "192.0.2.%u:5000", i);
		net_half_open(n, address);
		assert_int_equal(sessions_count(n->table), i);
	}
	assert_int_equal(n->closed, 0);
	net_half_open(n, "192.0.2.4:5000");
	assert_int_equal(n->closed, 1);
	assert_int_equal(sessions_count(n->table), 3);
	/* It was the oldest; the second still goes on. */
	net_to_table(n, &n->clients[0].path, (uint8_t[]){ 22, 16 }, 2);
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_STRAY), 1);
	c = &n->clients[1];
	fake_now = mono_add(fake_now, MS(250));
	session_tick(c->session, fake_now);
	net_deliver(n);
	assert_true(c->established);
	/* An established one doesn't count. */
	net_half_open(n, "192.0.2.5:5000");
	assert_int_equal(n->closed, 1);
	assert_int_equal(sessions_count(n->table), 4);
	net_free(n);
}

static void
test_max_per_prefix(void **state)
{
	(void)state;
	struct net *n = net_new(20, 20, 2);

	net_half_open(n, "192.0.2.7:5000");
	net_half_open(n, "192.0.2.7:5001");
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_LIMIT), 0);
	net_half_open(n, "192.0.2.7:5002");
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_LIMIT), 1);
	assert_int_equal(n->listener.inputs, 2); /* it didn't get so far */
	net_half_open(n, "192.0.2.8:5002");
	assert_int_equal(sessions_count(n->table), 3);

	net_half_open(n, "[2001:db8:0:1000::1]:5000");
	net_half_open(n, "[2001:db8:0:10ff:ffff::1]:5000");
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_LIMIT), 1);
	net_half_open(n, "[2001:db8:0:1001::1]:5000"); /* the same /56 */
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_LIMIT), 2);
	net_half_open(n, "[2001:db8:0:1100::1]:5000"); /* the next one */
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_LIMIT), 2);
	assert_int_equal(sessions_count(n->table), 6);
	net_free(n);
}

/* A prefix's place is free again when its handshake ends, either way. */
static void
test_prefix_is_given_back(void **state)
{
	(void)state;
	struct net *n = net_new(20, 20, 1);

	net_connect_client(n, "192.0.2.7:5000");
	net_half_open(n, "192.0.2.7:5001");
	net_half_open(n, "192.0.2.7:5002");
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_LIMIT), 1);
	fake_now = mono_add(fake_now, MS(10000));
	sessions_tick(n->table, fake_now);
	assert_int_equal(n->closed, 1);
	net_half_open(n, "192.0.2.7:5003");
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_LIMIT), 1);
	assert_int_equal(sessions_count(n->table), 2);
	net_free(n);
}

static void
test_max_sessions(void **state)
{
	(void)state;
	struct net *n = net_new(3, 3, 10);
	unsigned inputs;

	net_connect_client(n, "192.0.2.1:5000");
	net_connect_client(n, "192.0.2.2:5000");
	net_half_open(n, "192.0.2.3:5000");
	assert_int_equal(sessions_count(n->table), 3);
	net_half_open(n, "192.0.2.4:5000"); /* takes the place of the other handshake */
	assert_int_equal(n->closed, 1);
	assert_int_equal(sessions_count(n->table), 3);

	net_connect_client(n, "192.0.2.5:5000");
	assert_int_equal(n->closed, 2);
	assert_int_equal(n->established, 3);
	/* Full of established ones: nobody is turned out. */
	inputs = n->listener.inputs;
	net_half_open(n, "192.0.2.6:5000");
	assert_int_equal(n->listener.inputs, inputs);
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_LIMIT), 1);
	assert_int_equal(sessions_count(n->table), 3);
	assert_int_equal(n->closed, 2);
	net_free(n);
}

static void
test_no_handshakes_allowed(void **state)
{
	(void)state;
	struct net *n = net_new(3, 0, 10);

	net_half_open(n, "192.0.2.1:5000");
	assert_int_equal(sessions_count(n->table), 0);
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_LIMIT), 1);
	assert_int_equal(fake_secs_alive, 1); /* the client's */
	net_free(n);
}

/* --- the rate of handshakes --- */

/* Begins n handshakes from one address, each with another random: the next replaces the one before. */
static void
replace(struct net *n, const char *address, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		net_half_open(n, address);
}

static uint64_t
started(const struct net *n)
{
	return sessions_stats(n->table)->handshakes_started;
}

static void
test_rate_counts_replacements(void **state)
{
	(void)state;
	struct net *n = net_new_rated(1, 10, 3);

	replace(n, "192.0.2.7:5000", 3);
	assert_int_equal(started(n), 3);
	assert_int_equal(n->closed, 2);
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_LIMIT), 0);
	replace(n, "192.0.2.7:5000", 2);
	assert_int_equal(started(n), 3);
	assert_int_equal(n->closed, 2); /* the third goes on */
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_LIMIT), 2);
	assert_int_equal(n->listener.inputs, 3); /* they didn't get so far */

	/* A token every 100 ms. */
	fake_now = mono_add(fake_now, MS(99));
	replace(n, "192.0.2.7:5000", 1);
	assert_int_equal(started(n), 3);
	fake_now = mono_add(fake_now, MS(1));
	replace(n, "192.0.2.7:5000", 1);
	assert_int_equal(started(n), 4);
	replace(n, "192.0.2.7:5000", 1);
	assert_int_equal(started(n), 4);
	net_free(n);
}

/* The bucket is the prefix's, whatever the port; other prefixes have their own. */
static void
test_rate_is_per_prefix(void **state)
{
	(void)state;
	struct net *n = net_new_rated(10, 10, 2);

	net_half_open(n, "192.0.2.7:5000");
	net_connect_client(n, "192.0.2.7:5001"); /* one that succeeds costs the same */
	net_half_open(n, "192.0.2.7:5002");
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_LIMIT), 1);
	net_connect_client(n, "192.0.2.8:5000");
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_LIMIT), 1);

	net_half_open(n, "[2001:db8:0:1000::1]:5000");
	net_half_open(n, "[2001:db8:0:10ff::1]:5000");
	net_half_open(n, "[2001:db8:0:1001::1]:5000"); /* the same /56 */
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_LIMIT), 2);
	net_half_open(n, "[2001:db8:0:1100::1]:5000"); /* the next one */
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_LIMIT), 2);
	assert_int_equal(started(n), 6);
	net_free(n);
}

/* A handshake that is under way takes no more tokens: neither its later flights nor its ClientHello again. */
static void
test_rate_is_of_new_handshakes(void **state)
{
	(void)state;
	struct net *n = net_new_rated(10, 1, 1);
	struct client *c = net_half_open(n, "192.0.2.7:5000");

	net_half_open(n, "192.0.2.7:5001");
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_LIMIT), 1);
	fake_now = mono_add(fake_now, MS(250));
	session_tick(c->session, fake_now);
	net_deliver(n);
	assert_true(c->established);
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_LIMIT), 1);
	net_free(n);
}

/* Who forges a source address has no cookie for it, and takes nothing from its owner. */
static void
test_rate_spares_the_spoofed(void **state)
{
	(void)state;
	struct net *n = net_new_rated(10, 1, 2);

	for (unsigned i = 0; i < 50; i++) {
		net_client_new(n, "192.0.2.7:6000", false);
		net_deliver_some(n, 1);
		n->n_queue = 0;
	}
	assert_int_equal(n->listener.cookies, 50);
	assert_int_equal(started(n), 0);
	net_connect_client(n, "192.0.2.7:5000");
	net_connect_client(n, "192.0.2.7:5001");
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_LIMIT), 0);
	net_half_open(n, "192.0.2.7:5002");
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_LIMIT), 1);
	net_free(n);
}

static void
test_rate_defaults(void **state)
{
	(void)state;
	struct net *n = net_new_rated(1, 0, 0);

	replace(n, "192.0.2.7:5000", 200);
	assert_int_equal(started(n), 200);
	replace(n, "192.0.2.7:5000", 1);
	assert_int_equal(started(n), 200);
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_LIMIT), 1);
	fake_now = mono_add(fake_now, MS(1000));
	replace(n, "192.0.2.7:5000", 20);
	assert_int_equal(started(n), 220);
	replace(n, "192.0.2.7:5000", 1);
	assert_int_equal(started(n), 220);
	net_free(n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_max_handshakes),          cmocka_unit_test(test_max_per_prefix),
		cmocka_unit_test(test_prefix_is_given_back),    cmocka_unit_test(test_max_sessions),
		cmocka_unit_test(test_no_handshakes_allowed),   cmocka_unit_test(test_rate_counts_replacements),
		cmocka_unit_test(test_rate_is_per_prefix),      cmocka_unit_test(test_rate_is_of_new_handshakes),
		cmocka_unit_test(test_rate_spares_the_spoofed), cmocka_unit_test(test_rate_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
