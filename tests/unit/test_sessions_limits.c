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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_max_handshakes),        cmocka_unit_test(test_max_per_prefix),
		cmocka_unit_test(test_prefix_is_given_back),  cmocka_unit_test(test_max_sessions),
		cmocka_unit_test(test_no_handshakes_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
