/* The forwarding database: learning, aging, protection and limits, each edge at n-1, n and n+1. */
#include "castswitch/fdb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define AGING (100 * NSEC_PER_SEC)

struct fixture {
	struct fdb fdb;
	struct fdb_port nic, peer, other;
};

static struct mono
at(uint64_t seconds)
{
	return mono_from_ns((1000 + seconds) * NSEC_PER_SEC);
}

static struct mono
just_before(struct mono t)
{
	return mono_from_ns(t.ns - 1);
}

static void
setup_with(struct fixture *f, uint32_t max, uint32_t port_max)
{
	static const struct hash_key key = { 3, 4 };

	fdb_init(&f->fdb, &key, AGING, max);
	fdb_port_init(&f->nic, 0, port_max, true, false);
	fdb_port_init(&f->peer, 1, port_max, false, true);
	fdb_port_init(&f->other, 2, port_max, false, true);
}

/* Which port has it; -1 = none. */
static int
where(const struct fixture *f, uint64_t key)
{
	const struct fdb_entry *e = fdb_lookup(&f->fdb, key);

	return e ? e->port : -1;
}

static void
test_learn_and_move(void **state)
{
	struct fixture f;
	const struct mac mac = { { 2, 0, 0, 0, 0, 1 } };
	const uint64_t key = fdb_key(5, &mac);

	(void)state;
	setup_with(&f, 100, 0);
	assert_int_equal(key, UINT64_C(0x0005020000000001));
	assert_int_equal(where(&f, key), -1);
	assert_int_equal(fdb_learn(&f.fdb, &f.peer, key, at(0)), FDB_LEARNED);
	assert_int_equal(fdb_learn(&f.fdb, &f.peer, key, at(1)), FDB_KNOWN);
	assert_int_equal(where(&f, key), 1);
	assert_int_equal(where(&f, fdb_key(6, &mac)), -1);
	assert_int_equal(fdb_learn(&f.fdb, &f.other, key, at(2)), FDB_MOVED);
	assert_int_equal(where(&f, key), 2);
	assert_int_equal(f.fdb.moves, 1);
	assert_int_equal(f.peer.n_dynamic, 0);
	assert_int_equal(f.other.n_dynamic, 1);
	assert_int_equal(f.fdb.n_dynamic, 1);
	fdb_fini(&f.fdb);
}

static void
test_aging(void **state)
{
	struct fixture f;
	struct fdb_entry *e;

	(void)state;
	setup_with(&f, 100, 0);
	assert_true(mono_is_never(fdb_next(&f.fdb)));
	fdb_learn(&f.fdb, &f.nic, 1, at(0));
	fdb_learn(&f.fdb, &f.nic, 2, at(10));
	assert_int_equal(fdb_next(&f.fdb).ns, at(100).ns);
	fdb_tick(&f.fdb, just_before(at(100)));
	assert_int_equal(where(&f, 1), 0);
	fdb_tick(&f.fdb, at(100));
	assert_int_equal(where(&f, 1), -1);
	/* The fast path stamps the second one; its timer fires at the old deadline, and waits for the rest. */
	e = fdb_lookup(&f.fdb, 2);
	assert_non_null(e);
	e->seen = at(50);
	assert_int_equal(fdb_next(&f.fdb).ns, at(110).ns);
	fdb_tick(&f.fdb, at(110));
	assert_int_equal(where(&f, 2), 0);
	assert_int_equal(fdb_next(&f.fdb).ns, at(150).ns);
	fdb_tick(&f.fdb, just_before(at(150)));
	assert_int_equal(where(&f, 2), 0);
	fdb_tick(&f.fdb, at(150));
	assert_int_equal(where(&f, 2), -1);
	assert_true(mono_is_never(fdb_next(&f.fdb)));
	assert_int_equal(f.fdb.n_dynamic, 0);
	fdb_fini(&f.fdb);
}

static void
test_no_aging(void **state)
{
	struct fixture f;

	(void)state;
	setup_with(&f, 100, 0);
	fdb_reconfigure(&f.fdb, 0, 100);
	fdb_learn(&f.fdb, &f.nic, 1, at(0));
	assert_true(mono_is_never(fdb_next(&f.fdb)));
	/* Aging begins with what is there, too. */
	fdb_reconfigure(&f.fdb, AGING, 100);
	assert_int_equal(fdb_next(&f.fdb).ns, at(100).ns);
	fdb_reconfigure(&f.fdb, 0, 100);
	fdb_tick(&f.fdb, at(1000000));
	assert_int_equal(where(&f, 1), 0);
	fdb_fini(&f.fdb);
}

static void
test_protection(void **state)
{
	struct fixture f;
	const struct mono edge = mono_add(at(0), FDB_PROTECT);

	(void)state;
	setup_with(&f, 100, 0);
	fdb_learn(&f.fdb, &f.nic, 1, at(0));
	assert_true(fdb_is_guarded(fdb_lookup(&f.fdb, 1), &f.peer, just_before(edge)));
	assert_false(fdb_is_guarded(fdb_lookup(&f.fdb, 1), &f.peer, edge));
	assert_false(fdb_is_guarded(fdb_lookup(&f.fdb, 1), &f.nic, at(0)));
	assert_int_equal(fdb_learn(&f.fdb, &f.peer, 1, just_before(edge)), FDB_PROTECTED);
	assert_int_equal(where(&f, 1), 0);
	assert_int_equal(fdb_learn(&f.fdb, &f.peer, 1, edge), FDB_MOVED);
	/* On a peer it is protected no more, and its home may take it back at once. */
	assert_int_equal(fdb_learn(&f.fdb, &f.other, 1, edge), FDB_MOVED);
	assert_int_equal(fdb_learn(&f.fdb, &f.nic, 1, edge), FDB_MOVED);
	assert_int_equal(fdb_learn(&f.fdb, &f.other, 1, edge), FDB_PROTECTED);
	f.other.respects = false;
	assert_int_equal(fdb_learn(&f.fdb, &f.other, 1, edge), FDB_MOVED);
	fdb_fini(&f.fdb);
}

static void
test_port_limit(void **state)
{
	struct fixture f;

	(void)state;
	setup_with(&f, 100, 3);
	for (uint64_t key = 1; key <= 3; key++)
		fdb_learn(&f.fdb, &f.peer, key, at(key));
	assert_int_equal(f.fdb.evicted, 0);
	fdb_lookup(&f.fdb, 1)->seen = at(9);
	assert_int_equal(fdb_learn(&f.fdb, &f.peer, 4, at(10)), FDB_LEARNED);
	assert_int_equal(f.fdb.evicted, 1);
	assert_int_equal(f.peer.n_dynamic, 3);
	assert_int_equal(where(&f, 2), -1);
	assert_int_equal(where(&f, 1), 1);
	/* One that moves in takes the place of the oldest, too. */
	fdb_learn(&f.fdb, &f.other, 5, at(11));
	assert_int_equal(fdb_learn(&f.fdb, &f.peer, 5, at(12)), FDB_MOVED);
	assert_int_equal(where(&f, 3), -1);
	assert_int_equal(where(&f, 5), 1);
	assert_int_equal(f.peer.n_dynamic, 3);
	assert_int_equal(f.other.n_dynamic, 0);
	fdb_fini(&f.fdb);
}

static void
test_global_limit(void **state)
{
	struct fixture f;

	(void)state;
	setup_with(&f, 3, 2);
	fdb_learn(&f.fdb, &f.peer, 1, at(1));
	fdb_learn(&f.fdb, &f.peer, 2, at(2));
	assert_int_equal(fdb_learn(&f.fdb, &f.other, 3, at(3)), FDB_LEARNED);
	assert_int_equal(fdb_learn(&f.fdb, &f.other, 4, at(4)), FDB_FULL);
	assert_int_equal(f.fdb.refused, 1);
	assert_int_equal(where(&f, 4), -1);
	assert_int_equal(f.fdb.n_dynamic, 3);
	/* Within its own limit a port still exchanges; a move needs no room in the table; static ones neither. */
	assert_int_equal(fdb_learn(&f.fdb, &f.peer, 5, at(5)), FDB_LEARNED);
	assert_int_equal(where(&f, 1), -1);
	assert_int_equal(fdb_learn(&f.fdb, &f.other, 5, at(6)), FDB_MOVED);
	assert_true(fdb_add_static(&f.fdb, &f.nic, 6, false, at(6)));
	assert_int_equal(f.fdb.n_dynamic, 3);
	fdb_fini(&f.fdb);
}

static void
test_static(void **state)
{
	struct fixture f;

	(void)state;
	setup_with(&f, 100, 1);
	fdb_learn(&f.fdb, &f.peer, 1, at(0));
	assert_true(fdb_add_static(&f.fdb, &f.nic, 1, false, at(0)));
	assert_int_equal(where(&f, 1), 0);
	assert_int_equal(f.fdb.n_dynamic, 0);
	assert_int_equal(f.peer.n_dynamic, 0);
	assert_int_equal(fdb_learn(&f.fdb, &f.peer, 1, at(10000)), FDB_PROTECTED);
	f.peer.respects = false;
	assert_int_equal(fdb_learn(&f.fdb, &f.peer, 1, at(10000)), FDB_PROTECTED);
	fdb_tick(&f.fdb, at(1000000));
	assert_int_equal(where(&f, 1), 0);
	/* The switch's own. */
	assert_true(fdb_add_static(&f.fdb, NULL, 2, false, at(0)));
	assert_int_equal(where(&f, 2), FDB_LOCAL_PORT);
	assert_int_equal(fdb_learn(&f.fdb, &f.nic, 2, at(1)), FDB_PROTECTED);
	/* It doesn't count, and is not thrown out. */
	fdb_learn(&f.fdb, &f.nic, 3, at(1));
	fdb_learn(&f.fdb, &f.nic, 4, at(2));
	assert_int_equal(where(&f, 3), -1);
	assert_int_equal(where(&f, 1), 0);
	/* Link loss keeps it, the end of the port doesn't. */
	fdb_flush_port(&f.fdb, &f.nic);
	assert_int_equal(where(&f, 4), -1);
	assert_int_equal(where(&f, 1), 0);
	assert_int_equal(f.nic.n_dynamic, 0);
	fdb_forget_port(&f.fdb, &f.nic);
	assert_int_equal(where(&f, 1), -1);
	assert_int_equal(where(&f, 2), FDB_LOCAL_PORT);
	assert_int_equal(f.fdb.map.n, 1);
	fdb_fini(&f.fdb);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_learn_and_move), cmocka_unit_test(test_aging),
		cmocka_unit_test(test_no_aging),       cmocka_unit_test(test_protection),
		cmocka_unit_test(test_port_limit),     cmocka_unit_test(test_global_limit),
		cmocka_unit_test(test_static),
	};

	return cmocka_run_group_tests_name("fdb", tests, NULL, NULL);
}
