/* Leases by name. */
#include "castswitch/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct pool *
make(const char *a, const char *b)
{
	struct ipprefix p[2];
	size_t n = 1;
	assert_true(ipprefix_parse(a, &p[0]));
	if (b) {
		assert_true(ipprefix_parse(b, &p[1]));
		n = 2;
	}
	struct pool *pool = pool_new(p, n);
	assert_non_null(pool);
	return pool;
}

static void
reserve(struct pool *p, const char *addr)
{
	struct ipaddr a;
	assert_true(ipaddr_parse(addr, &a));
	pool_reserve(p, &a);
}

/* The lease's i-th address as text, "" when there is none. */
static const char *
lease(struct pool *p, const char *name, size_t i)
{
	static char text[2][IPADDR_STRLEN + 8];
	static int turn;
	struct ipprefix ret[POOL_MAX_PREFIXES];
	char addr[IPADDR_STRLEN];
	size_t n;
	turn ^= 1;
	text[turn][0] = 0;
	if (pool_lease(p, name, ret, &n) && i < n)
		snprintf(text[turn], sizeof(text[turn]), "%s/%u", ipaddr_str(&ret[i].addr, addr), ret[i].len);
	return text[turn];
}

static void
test_first_addresses(void **state)
{
	(void)state;
	struct pool *p = make("10.8.0.0/24", "fd08::/64");
	reserve(p, "10.8.0.1");
	reserve(p, "fd08::1");
	assert_string_equal(lease(p, "alice", 0), "10.8.0.2/24");
	assert_string_equal(lease(p, "alice", 1), "fd08::2/64");
	assert_string_equal(lease(p, "bob", 0), "10.8.0.3/24");
	assert_string_equal(lease(p, "alice", 0), "10.8.0.2/24");
	assert_int_equal(pool_in_use(p), 2);
	pool_free(p);
}

static void
test_same_name_same_address(void **state)
{
	(void)state;
	struct pool *p = make("10.8.0.0/24", NULL);
	assert_string_equal(lease(p, "alice", 0), "10.8.0.1/24");
	pool_release(p, "alice");
	assert_int_equal(pool_in_use(p), 0);
	assert_int_equal(pool_known(p), 1);
	assert_string_equal(lease(p, "bob", 0), "10.8.0.2/24");
	assert_string_equal(lease(p, "alice", 0), "10.8.0.1/24");
	pool_release(p, "alice");
	pool_release(p, "alice");
	pool_release(p, "nobody");
	assert_int_equal(pool_in_use(p), 1);
	pool_free(p);
}

/* A /29 has six host addresses. */
static void
test_exhausted_then_longest_unused_goes(void **state)
{
	(void)state;
	struct pool *p = make("192.0.2.8/29", NULL);
	char name[16];
	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		assert_string_not_equal(lease(p, name, 0), "");
	}
	assert_string_equal(lease(p, "p5", 0), "192.0.2.14/29");
	assert_string_equal(lease(p, "late", 0), "");
	assert_int_equal(pool_in_use(p), 6);
	pool_release(p, "p3");
	pool_release(p, "p1");
	assert_string_equal(lease(p, "late", 0), "192.0.2.12/29"); /* p3's: unused for longest */
	assert_string_equal(lease(p, "p1", 0), "192.0.2.10/29");   /* still its own */
	assert_string_equal(lease(p, "p3", 0), "");
	pool_free(p);
}

/* When one family has none left, the other's is not used up. */
static void
test_all_or_nothing(void **state)
{
	(void)state;
	struct pool *p = make("10.0.0.0/30", "fd08::/64");
	lease(p, "a", 0);
	lease(p, "b", 0);
	assert_string_equal(lease(p, "c", 1), "");
	assert_int_equal(pool_known(p), 2);
	pool_release(p, "a");
	assert_string_equal(lease(p, "c", 0), "10.0.0.1/30");
	pool_free(p);
}

static void
test_edges_of_prefixes(void **state)
{
	(void)state;
	struct pool *p = make("10.0.0.5/31", NULL); /* one host bit: nothing between network and broadcast */
	assert_string_equal(lease(p, "a", 0), "");
	pool_free(p);
	p = make("10.0.0.5/32", NULL);
	assert_string_equal(lease(p, "a", 0), "");
	pool_free(p);
	p = make("10.0.0.6/30", NULL); /* host bits are ignored */
	assert_string_equal(lease(p, "a", 0), "10.0.0.5/30");
	assert_string_equal(lease(p, "b", 0), "10.0.0.6/30");
	assert_string_equal(lease(p, "c", 0), "");
	pool_free(p);
	p = make("fd00::/127", NULL);
	assert_string_equal(lease(p, "a", 0), "fd00::1/127");
	assert_string_equal(lease(p, "b", 0), "");
	pool_free(p);
}

static void
test_large_prefix_is_capped(void **state)
{
	(void)state;
	struct pool *p = make("10.0.0.0/8", NULL);
	char name[16];
	reserve(p, "10.255.0.1"); /* beyond what is used: nothing to reserve */
	reserve(p, "11.0.0.1");
	for (int i = 0; i < POOL_MAX_HOSTS; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		assert_string_not_equal(lease(p, name, 0), "");
	}
	assert_string_equal(lease(p, "p65535", 0), "10.1.0.0/8");
	assert_string_equal(lease(p, "late", 0), "");
	pool_free(p);
}

/* A reload makes a new pool; whoever has an address keeps it, unless it is reserved now. */
static void
test_inherit(void **state)
{
	(void)state;
	struct pool *old = make("10.8.0.0/29", NULL), *other = make("10.9.0.0/29", NULL),
		    *p = make("10.8.0.0/29", NULL);
	lease(old, "a", 0);
	lease(old, "b", 0);
	lease(old, "c", 0);
	lease(old, "d", 0);
	pool_release(old, "c");
	pool_release(old, "b");
	reserve(p, "10.8.0.1");
	pool_inherit(p, old);
	assert_int_equal(pool_in_use(p), 1); /* d; a's address is reserved */
	assert_string_equal(lease(p, "d", 0), "10.8.0.4/29");
	assert_string_equal(lease(p, "a", 0), "10.8.0.5/29");
	assert_string_equal(lease(p, "e", 0), "10.8.0.6/29");
	assert_string_equal(lease(p, "f", 0), "10.8.0.3/29"); /* c's, unused for longer than b's */
	assert_string_equal(lease(p, "b", 0), "10.8.0.2/29");
	pool_inherit(other, old);
	assert_int_equal(pool_known(other), 0);
	pool_free(old);
	pool_free(other);
	pool_free(p);
}

/* --- keeping leases --- */

static bool
restore(struct pool *p, const char *name, const char *a, const char *b)
{
	struct ipaddr addrs[2];
	assert_true(ipaddr_parse(a, &addrs[0]));
	assert_true(!b || ipaddr_parse(b, &addrs[1]));
	return pool_restore(p, name, addrs, b ? 2 : 1);
}

static void
append(void *arg, const char *name, const struct ipaddr *addrs, size_t n)
{
	char *to = arg, addr[IPADDR_STRLEN];
	sprintf(to + strlen(to), "%s", name);
	for (size_t i = 0; i < n; i++)
		sprintf(to + strlen(to), " %s", ipaddr_str(&addrs[i], addr));
	strcat(to, "\n");
}

static const char *
all(const struct pool *p)
{
	static char text[1024];
	text[0] = 0;
	pool_each(p, append, text);
	return text;
}

static void
test_restore(void **state)
{
	(void)state;
	struct pool *p = make("10.8.0.0/29", "fd08::/64");
	assert_string_equal(all(p), "");
	assert_true(restore(p, "a", "10.8.0.4", "fd08::9"));
	assert_true(restore(p, "b", "fd08::4", "10.8.0.2")); /* in any order */
	assert_int_equal(pool_known(p), 2);
	assert_int_equal(pool_in_use(p), 0);
	assert_string_equal(all(p), "a 10.8.0.4 fd08::9\nb 10.8.0.2 fd08::4\n");
	assert_string_equal(lease(p, "a", 0), "10.8.0.4/29");
	assert_string_equal(lease(p, "a", 1), "fd08::9/64");
	assert_string_equal(all(p), "b 10.8.0.2 fd08::4\na 10.8.0.4 fd08::9\n");
	assert_string_equal(lease(p, "c", 0), "10.8.0.1/29");
	assert_string_equal(lease(p, "d", 0), "10.8.0.3/29");
	assert_string_equal(lease(p, "e", 0), "10.8.0.5/29");
	assert_string_equal(lease(p, "f", 0), "10.8.0.6/29");
	/* when nothing is free, those that were restored go like others */
	assert_string_equal(lease(p, "g", 0), "10.8.0.2/29");
	assert_string_equal(lease(p, "b", 0), "");
	pool_free(p);
}

static void
test_restored_leases_go_in_their_order(void **state)
{
	(void)state;
	struct pool *p = make("10.8.0.0/30", NULL);
	assert_true(restore(p, "old", "10.8.0.2", NULL));
	assert_true(restore(p, "new", "10.8.0.1", NULL));
	assert_string_equal(lease(p, "x", 0), "10.8.0.2/30");
	assert_string_equal(lease(p, "new", 0), "10.8.0.1/30");
	pool_free(p);
}

static void
test_what_cannot_be_restored(void **state)
{
	(void)state;
	struct pool *p = make("10.8.0.0/29", "fd08::/64");
	char name[POOL_NAME_MAX + 2];
	reserve(p, "10.8.0.1");
	assert_true(restore(p, "a", "10.8.0.2", "fd08::2"));
	assert_false(restore(p, "a", "10.8.0.3", "fd08::3")); /* has one */
	assert_false(restore(p, "b", "10.8.0.2", "fd08::3")); /* taken */
	assert_false(restore(p, "b", "10.8.0.1", "fd08::3")); /* reserved */
	assert_false(restore(p, "b", "10.8.0.3", NULL));      /* none of the other prefix */
	assert_false(restore(p, "b", "10.8.0.3", "fd09::3"));
	assert_false(restore(p, "b", "10.8.0.0", "fd08::3")); /* network, broadcast */
	assert_false(restore(p, "b", "10.8.0.7", "fd08::3"));
	assert_false(restore(p, "b", "10.8.0.8", "fd08::3"));
	assert_false(restore(p, "b", "10.8.0.3", "fd08::1:1")); /* beyond what is used */
	assert_false(restore(p, "", "10.8.0.3", "fd08::3"));
	memset(name, 'x', sizeof(name));
	name[POOL_NAME_MAX + 1] = 0;
	assert_false(restore(p, name, "10.8.0.3", "fd08::3"));
	assert_int_equal(pool_known(p), 1);
	name[POOL_NAME_MAX] = 0;
	assert_true(restore(p, name, "10.8.0.3", "fd08::3"));
	assert_string_equal(lease(p, name, 0), "10.8.0.3/29");
	assert_string_equal(lease(p, "b", 0), "10.8.0.4/29");
	pool_free(p);
}

/* What each call changes of what a file holds. */
static void
test_changes(void **state)
{
	(void)state;
	struct pool *p = make("10.8.0.0/30", NULL), *next = make("10.8.0.0/30", NULL);
	uint64_t was = pool_changes(p);
	lease(p, "a", 0);
	assert_true(pool_changes(p) != was);
	was = pool_changes(p);
	lease(p, "a", 0);
	pool_release(p, "a");
	lease(p, "a", 0);
	assert_true(pool_changes(p) == was);
	lease(p, "b", 0);
	assert_true(pool_changes(p) != was);
	was = pool_changes(p);
	assert_string_equal(lease(p, "c", 0), "");
	assert_true(pool_changes(p) == was);
	pool_release(p, "b");
	assert_string_not_equal(lease(p, "c", 0), "");
	assert_true(pool_changes(p) != was);
	was = pool_changes(next);
	pool_inherit(next, p);
	assert_true(pool_changes(next) != was);
	pool_free(p);
	pool_free(next);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_addresses),
		cmocka_unit_test(test_same_name_same_address),
		cmocka_unit_test(test_exhausted_then_longest_unused_goes),
		cmocka_unit_test(test_all_or_nothing),
		cmocka_unit_test(test_edges_of_prefixes),
		cmocka_unit_test(test_large_prefix_is_capped),
		cmocka_unit_test(test_inherit),
		cmocka_unit_test(test_restore),
		cmocka_unit_test(test_restored_leases_go_in_their_order),
		cmocka_unit_test(test_what_cannot_be_restored),
		cmocka_unit_test(test_changes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
