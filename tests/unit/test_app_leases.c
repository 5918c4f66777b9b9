/* src/app/app_leases.c: leases as text and back; text that is none. */
#include "app_leases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "castswitch/rng.h"

static struct pool *
make(const char *a, const char *b)
{
	struct ipprefix p[2];

	assert_true(ipprefix_parse(a, &p[0]) && ipprefix_parse(b, &p[1]));
	struct pool *pool = pool_new(p, 2);

	assert_non_null(pool);
	return pool;
}

/* Its first address. */
static const char *
lease(struct pool *p, const char *name)
{
	static char text[IPADDR_STRLEN];
	struct ipprefix addrs[POOL_MAX_PREFIXES];
	size_t n;

	return pool_lease(p, name, addrs, &n) ? ipaddr_str(&addrs[0].addr, text) : "";
}

static bool
restore(struct pool *p, const char *text, struct app_leases_counts *n, char err[256])
{
	return app_leases_restore(p, text, strlen(text), n, err, 256);
}

static void
test_round_trip(void **state)
{
	struct pool *p = make("10.8.0.0/24", "fd08::/64"), *again = make("10.8.0.0/24", "fd08::/64");
	struct app_leases_counts n;
	char err[256];
	size_t len;

	(void)state;
	lease(p, "alice");
	lease(p, "bob@example.org");
	lease(p, "carol");
	pool_release(p, "carol");
	pool_release(p, "alice");
	char *text = app_leases_text(p, &len);

	assert_non_null(text);
	assert_int_equal(strlen(text), len);
	assert_string_equal(text, "{\n \"version\": 1,\n \"leases\": [\n"
				  "  {\n   \"name\": \"carol\",\n   \"addresses\": [\n"
				  "    \"10.8.0.3\",\n    \"fd08::3\"\n   ]\n  },\n"
				  "  {\n   \"name\": \"alice\",\n   \"addresses\": [\n"
				  "    \"10.8.0.1\",\n    \"fd08::1\"\n   ]\n  },\n"
				  "  {\n   \"name\": \"bob@example.org\",\n   \"addresses\": [\n"
				  "    \"10.8.0.2\",\n    \"fd08::2\"\n   ]\n  }\n ]\n}");
	assert_true(restore(again, text, &n, err));
	assert_true(n.restored == 3 && n.left_out == 0);
	free(text);
	assert_string_equal(lease(again, "dave"), "10.8.0.4");
	assert_string_equal(lease(again, "carol"), "10.8.0.3");
	assert_string_equal(lease(again, "bob@example.org"), "10.8.0.2");
	pool_free(p);
	pool_free(again);
}

static void
test_none(void **state)
{
	struct pool *p = make("10.8.0.0/24", "fd08::/64");
	struct app_leases_counts n;
	char err[256];
	size_t len;
	char *text = app_leases_text(p, &len);

	(void)state;
	assert_string_equal(text, "{\n \"version\": 1,\n \"leases\": []\n}");
	assert_true(restore(p, text, &n, err));
	assert_true(n.restored == 0 && n.left_out == 0);
	free(text);
	pool_free(p);
}

#define ONE(name, a, b) "{\"name\": \"" name "\", \"addresses\": [\"" a "\", \"" b "\"]}"
#define ALL(leases) "{\"version\": 1, \"leases\": [" leases "]}"

/* A pool that was changed meanwhile. */
static void
test_what_is_not_possible_is_left_out(void **state)
{
	struct pool *p = make("10.8.0.0/24", "fd08::/64");
	struct app_leases_counts n;
	char err[256];

	(void)state;
	assert_true(
		restore(p,
			ALL(ONE("a", "10.8.0.1", "fd08::1") "," ONE("b", "10.9.0.1", "fd08::2") "," ONE(
				"a", "10.8.0.2",
				"fd08::2") "," ONE("c", "10.8.0.1",
						   "fd08::4") "," ONE("d", "10.8.0.5",
								      "fd08::5") "," ONE("", "10.8.0.6", "fd08::6")),
			&n, err));
	assert_true(n.restored == 2 && n.left_out == 4);
	assert_int_equal(pool_known(p), 2);
	assert_string_equal(lease(p, "d"), "10.8.0.5");
	pool_free(p);
}

static void
test_what_is_no_list_of_leases(void **state)
{
	static const char *const wrong[][2] = {
		{ "", "line 1: '[' or '{' expected near end of file" },
		{ "\n{", "line 2: string or '}' expected near end of file" },
		{ "[]", "no list of leases of version 1" },
		{ "{}", "no list of leases of version 1" },
		{ "{\"version\": 2, \"leases\": []}", "no list of leases of version 1" },
		{ "{\"version\": 1, \"leases\": {}}", "no list of leases of version 1" },
		{ "{\"version\": 1}", "no list of leases of version 1" },
		{ ALL("1"), "lease 1 has not a name and addresses" },
		{ ALL(ONE("a", "10.8.0.1", "fd08::1") ", {}"), "lease 2 has not a name and addresses" },
		{ ALL("{\"name\": 1, \"addresses\": [\"10.8.0.1\"]}"), "lease 1 has not a name and addresses" },
		{ ALL("{\"name\": \"a\", \"addresses\": []}"), "lease 1 has not a name and addresses" },
		{ ALL("{\"name\": \"a\", \"addresses\": [1]}"), "lease 1 has not a name and addresses" },
		{ ALL(ONE("a", "10.8.0.1", "fd08::g")), "lease 1 has not a name and addresses" },
		{ ALL(ONE("a", "10.8.0.1/24", "fd08::1")), "lease 1 has not a name and addresses" },
		{ ALL("{\"name\": \"a\", \"addresses\": [\"::1\",\"::1\",\"::1\",\"::1\",\"::1\",\"::1\",\"::1\","
		      "\"::1\",\"::1\"]}"),
		  "lease 1 has not a name and addresses" },
	};
	struct pool *p = make("10.8.0.0/24", "fd08::/64");
	struct app_leases_counts n;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char err[256] = "";

		assert_false(restore(p, wrong[i][0], &n, err));
		assert_string_equal(err, wrong[i][1]);
		assert_int_equal(pool_known(p), 0);
	}
	pool_free(p);
}

/* Whatever a disk makes of it: all of them that are read are in the pool, or none. */
static void
test_damage(void **state)
{
	static const char good[] = ALL(ONE("a", "10.8.0.1", "fd08::1") "," ONE("b", "10.8.0.2", "fd08::2"));
	struct rng_seeded seeded;
	struct rng rng;

	(void)state;
	rng_seeded_init(&seeded, 3, &rng);
	for (unsigned round = 0; round < 5000; round++) {
		struct pool *p = make("10.8.0.0/24", "fd08::/64");
		struct app_leases_counts n = { 0 };
		char text[sizeof(good)], err[256];
		const size_t len = round % 2 ? sizeof(good) - 1 : (size_t)rng_below(&rng, sizeof(good));

		memcpy(text, good, sizeof(good));
		text[rng_below(&rng, sizeof(good) - 1)] = (char)rng_u32(&rng);
		const bool ok = app_leases_restore(p, text, len, &n, err, sizeof(err));

		assert_int_equal(pool_known(p), ok ? n.restored : 0);
		pool_free(p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_what_is_not_possible_is_left_out),
		cmocka_unit_test(test_what_is_no_list_of_leases),
		cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
