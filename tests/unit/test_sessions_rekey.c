/* Unit tests of new keys in the server's table: who takes over from whom, and their share of the limits. */
#include <stdio.h>

#include "tunnel_net.h"

static uint64_t
started(const struct net *n)
{
	return sessions_stats(n->table)->handshakes_started;
}

/* As net_half_open(), for new keys. */
static struct client *
half_rekey(struct net *n, struct client *of)
{
	struct client *c = net_rekey(n, of, true);

	net_deliver_some(n, 1);
	n->n_queue = 0;
	return c;
}

static void
count_one(void *arg, struct session *s)
{
	(void)s;
	++*(unsigned *)arg;
}

static void
find_handshake(void *arg, struct session *s)
{
	if (session_state(s) == SESSION_HANDSHAKE)
		*(struct session **)arg = s;
}

/* --- who takes over --- */

static void
test_rekey(void **state)
{
	(void)state;
	struct net *n = net_new(10, 10, 10);
	struct session *old = net_connect_client(n, "192.0.2.7:5000"), *s;
	uint32_t id = session_local_id(old);
	unsigned seen = 0;

	net_rekey(n, &n->clients[0], false);
	net_deliver(n);
	s = n->last_established;
	assert_ptr_not_equal(s, old);
	assert_int_equal(n->rekeyed, 1);
	assert_int_equal(n->established, 1);
	assert_int_equal(n->closed, 0);
	assert_int_equal(session_state(old), SESSION_RETIRED);
	assert_ptr_equal(session_predecessor(s), old);
	assert_int_equal(sessions_stats(n->table)->handshakes_done, 2);
	/* One peer, though both ids are heard. */
	assert_int_equal(sessions_count(n->table), 1);
	sessions_each(n->table, count_one, &seen);
	assert_int_equal(seen, 1);
	assert_ptr_equal(sessions_find(n->table, id), old);
	assert_ptr_equal(sessions_find(n->table, session_local_id(s)), s);

	/* The table's queue knows when it ends, and nobody else is told. */
	for (unsigned t = 1; t <= 4; t++) {
		fake_now = mono_add(fake_now, MS(14999));
		session_tick(n->clients[1].session, fake_now);
		sessions_tick(n->table, fake_now);
		net_deliver(n);
	}
	assert_ptr_equal(sessions_find(n->table, id), old);
	fake_now = mono_add(fake_now, MS(4));
	sessions_tick(n->table, fake_now);
	assert_null(sessions_find(n->table, id));
	assert_int_equal(n->closed, 0);
	assert_int_equal(sessions_count(n->table), 1);
	net_free(n);
}

/* What is named must be an established session of the same peer: else somebody new is here. */
static void
test_newcomers(void **state)
{
	(void)state;

	for (unsigned way = 0; way < 6; way++) {
		struct net *n = net_new(10, 10, 10);
		struct session *other = NULL;
		struct client *c;

		net_connect_client(n, "192.0.2.7:5000");
		if (way == 0) {
			session_close(n->last_established, TMSG_REASON_KICKED, "", fake_now);
			net_rekey(n, &n->clients[0], false);
		} else if (way == 1) {
			fake_client_name = "bob";
			net_rekey(n, &n->clients[0], false);
		} else if (way == 2) {
			net_rekey(n, &n->clients[0], false);
			net_deliver(n);
			n->rekeyed = 0;
			net_rekey(n, &n->clients[0], false); /* retired */
		} else if (way == 3) {
			net_half_open(n, "192.0.2.8:5000");
			sessions_each(n->table, find_handshake, &other);
			assert_int_equal(session_state(other), SESSION_HANDSHAKE);
			net_rekey_of(n, "192.0.2.9:5000", session_local_id(other));
		} else if (way == 4) {
			net_rekey_of(n, "192.0.2.9:5000", 12345);
		} else {
			c = net_client_new(n, "192.0.2.8:5000", false);
			net_deliver_some(n, 8); /* up to WELCOME */
			assert_int_equal(session_state(c->session), SESSION_CONFIRM);
			net_rekey(n, c, false);
			n->queue[0] = n->queue[n->n_queue - 1]; /* what c says is lost */
			n->n_queue = 1;
		}
		net_deliver(n);
		assert_int_equal(n->rekeyed, 0);
		assert_int_equal(n->established, 2);
		assert_null(session_predecessor(n->last_established));
		fake_client_name = NULL;
		net_free(n);
	}
}

/* With the successor ends the retired one; the accounts are even. */
static void
test_both_end(void **state)
{
	(void)state;
	struct net *n = net_new(10, 10, 10);

	net_connect_client(n, "192.0.2.7:5000");
	net_rekey(n, &n->clients[0], false);
	net_deliver(n);
	session_close(n->last_established, TMSG_REASON_KICKED, "", fake_now);
	assert_int_equal(n->closed, 1);
	assert_false(n->info.was_retired);
	assert_int_equal(sessions_count(n->table), 0);
	sessions_tick(n->table, fake_now);
	assert_true(mono_is_never(sessions_next(n->table)));
	net_free(n);
}

static void
test_many_generations(void **state)
{
	(void)state;
	struct net *n = net_new(1, 1, 1);
	unsigned alive = 0;

	net_connect_client(n, "192.0.2.7:5000");
	for (unsigned i = 0; i < 50; i++) {
		fake_now = mono_add(fake_now, MS(1000));
		net_rekey(n, &n->clients[i], false);
		net_deliver(n);
		assert_int_equal(n->rekeyed, i + 1);
		assert_int_equal(sessions_count(n->table), 1);
	}
	for (unsigned i = 0; i <= 50; i++)
		alive += sessions_find(n->table, session_remote_id(n->clients[i].session)) != NULL;
	assert_int_equal(alive, 2);
	assert_int_equal(n->closed, 0);
	net_free(n);
}

/* The retired one's end is nearer than any deadline it had. */
static void
test_deadline_of_the_retired(void **state)
{
	(void)state;
	struct net *n = net_new(10, 10, 10);
	struct session *old = net_connect_client(n, "192.0.2.7:5000");
	struct mono start = fake_now;

	session_set_keepalive(old, MS(3600000), fake_now);
	sessions_tick(n->table, mono_add(fake_now, MS(15000))); /* the one of before is forgotten */
	assert_int_equal(sessions_next(n->table).ns, start.ns + MS(3600000));
	net_rekey(n, &n->clients[0], false);
	net_deliver(n);
	session_set_keepalive(n->last_established, MS(3600000), fake_now);
	sessions_tick(n->table, mono_add(start, MS(50000))); /* so are those of its successor's handshake */
	assert_int_equal(sessions_next(n->table).ns, start.ns + MS(60000));
	net_free(n);
}

/* --- their share --- */

/* A full table, a prefix without room or tokens: for newcomers. */
static void
test_limits_of_others(void **state)
{
	(void)state;
	struct net *n = net_new(1, 10, 10);

	net_connect_client(n, "192.0.2.7:5000");
	net_half_open(n, "192.0.2.8:5000");
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_LIMIT), 1);
	net_rekey(n, &n->clients[0], false);
	net_deliver(n);
	assert_int_equal(n->rekeyed, 1);
	net_free(n);

	n = net_new(10, 10, 1);
	net_connect_client(n, "192.0.2.7:5000");
	net_half_open(n, "192.0.2.7:5001");
	net_half_open(n, "192.0.2.7:5002");
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_LIMIT), 1);
	net_rekey(n, &n->clients[0], false);
	net_deliver(n);
	assert_int_equal(n->rekeyed, 1);
	net_free(n);

	n = net_new_rated(10, 1, 1);
	net_connect_client(n, "192.0.2.7:5000");
	net_half_open(n, "192.0.2.7:5001");
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_LIMIT), 1);
	net_rekey(n, &n->clients[0], false);
	net_deliver(n);
	assert_int_equal(n->rekeyed, 1);
	net_free(n);
}

/* Others' handshakes make room for others, not a rekey. */
static void
test_not_closed_for_others(void **state)
{
	(void)state;
	struct net *n = net_new(100, 3, 10);
	struct client *c;
	char address[32];

	net_connect_client(n, "192.0.2.7:5000");
	c = half_rekey(n, &n->clients[0]);
	for (unsigned i = 1; i <= 20; i++) {
		snprintf(address, sizeof(address), "198.51.100.%u:5000", i);
		net_half_open(n, address);
	}
	assert_int_equal(n->closed, 17);
	fake_now = mono_add(fake_now, MS(250));
	session_tick(c->session, fake_now);
	net_deliver(n);
	assert_int_equal(n->rekeyed, 1);
	net_free(n);
}

/* Four at once, one more each second, whoever of that session's keys asks; more than that is as any other. */
static void
test_rate(void **state)
{
	(void)state;
	struct net *n = net_new_rated(10, 1, 2);
	struct client *last = &n->clients[0];

	net_connect_client(n, "192.0.2.7:5000");
	net_half_open(n, "192.0.2.7:5001"); /* the prefix has no more */
	for (unsigned i = 0; i < 4; i++) {
		last = net_rekey(n, last, true);
		net_deliver(n);
		assert_int_equal(n->rekeyed, i + 1);
	}
	half_rekey(n, last);
	assert_int_equal(started(n), 6);
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_LIMIT), 1);
	fake_now = mono_add(fake_now, MS(999));
	half_rekey(n, last);
	assert_int_equal(started(n), 6);
	fake_now = mono_add(fake_now, MS(1));
	half_rekey(n, last); /* by its own */
	assert_int_equal(started(n), 7);
	half_rekey(n, last); /* by the prefix's */
	assert_int_equal(started(n), 8);
	half_rekey(n, last);
	assert_int_equal(started(n), 8);
	net_free(n);
}

/* max_handshakes / 4 + 1 at a time; the next one counts as any other. */
static void
test_share(void **state)
{
	(void)state;

	for (unsigned max = 3; max <= 4; max++) {
		struct net *n = net_new(100, max, 10);
		unsigned share = max / 4 + 1;
		char address[32];

		for (unsigned i = 0; i < 8; i++) {
			snprintf(address, sizeof(address), "192.0.2.%u:5000", i + 1);
			net_connect_client(n, address);
		}
		for (unsigned i = 0; i < share + max; i++)
			half_rekey(n, &n->clients[i]);
		assert_int_equal(n->closed, 0);
		half_rekey(n, &n->clients[share + max]);
		assert_int_equal(n->closed, 1); /* the oldest of those beyond the share */
		/* Where one ended, one begins, and one takes the place of its own. */
		half_rekey(n, &n->clients[0]);
		assert_int_equal(n->closed, 2);
		net_half_open(n, "198.51.100.1:5000");
		assert_int_equal(n->closed, 3);
		fake_now = mono_add(fake_now, MS(10000));
		sessions_tick(n->table, fake_now);
		assert_int_equal(n->closed, 3 + share + max);
		assert_int_equal(sessions_count(n->table), 8);
		n->n_queue = 0;
		net_rekey(n, &n->clients[1], false);
		net_deliver(n);
		assert_int_equal(n->rekeyed, 1);
		net_free(n);
	}
}

/* It belongs to the address where the client is now. */
static void
test_share_moves(void **state)
{
	(void)state;
	struct net *n = net_new(1, 10, 10);
	struct session *s = net_connect_client(n, "192.0.2.7:5000");
	struct client *c = &n->clients[0];

	assert_true(endpoint_parse("203.0.113.9:1025", &c->path.remote));
	session_path_changed(c->session, fake_now);
	net_deliver(n);
	fake_now = mono_add(fake_now, MS(100));
	sessions_tick(n->table, fake_now);
	assert_int_equal(n->moved, 1);
	assert_true(endpoint_equal(&session_path(s)->remote, &c->path.remote));
	net_half_open(n, "192.0.2.7:5000");
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_LIMIT), 1);
	net_rekey(n, c, false);
	net_deliver(n);
	assert_int_equal(n->rekeyed, 1);
	net_free(n);

	/* The retired one has none where it was. */
	n = net_new(1, 10, 10);
	net_connect_client(n, "192.0.2.7:5000");
	c = net_rekey(n, &n->clients[0], false);
	net_deliver(n);
	assert_true(endpoint_parse("203.0.113.9:1025", &c->path.remote));
	n->clients[0].path = c->path; /* nobody is there any more */
	session_path_changed(c->session, fake_now);
	net_deliver(n);
	fake_now = mono_add(fake_now, MS(100));
	sessions_tick(n->table, fake_now);
	assert_int_equal(n->moved, 1);
	net_half_open(n, "192.0.2.7:5000");
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_LIMIT), 1);
	net_free(n);
}

/* Without a session there is no share. */
static void
test_share_ends(void **state)
{
	(void)state;
	struct net *n = net_new(2, 10, 10);

	net_connect_client(n, "192.0.2.7:5000");
	net_connect_client(n, "192.0.2.8:5000");
	session_close(n->last_established, TMSG_REASON_KICKED, "", fake_now);
	n->n_queue = 0;
	net_connect_client(n, "192.0.2.9:5000");
	net_half_open(n, "192.0.2.8:5000");
	assert_int_equal(net_drops(n, DROP_HANDSHAKE_LIMIT), 1);
	net_free(n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rekey),
		cmocka_unit_test(test_newcomers),
		cmocka_unit_test(test_both_end),
		cmocka_unit_test(test_many_generations),
		cmocka_unit_test(test_deadline_of_the_retired),
		cmocka_unit_test(test_limits_of_others),
		cmocka_unit_test(test_not_closed_for_others),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_share_moves),
		cmocka_unit_test(test_share_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
