/* Unit tests of takeovers of a name, and of probes of who has it. */
#include "app_takeover.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct mono
at(uint64_t ms)
{
	return mono_from_ns((1000000 + ms) * NSEC_PER_MSEC);
}

/* The third within 60 s shuts the door for 60 s. */
static void
test_three(void **state)
{
	(void)state;
	struct app_takeovers t = { 0 };

	assert_false(app_takeovers_refuse(&t, at(0)));
	assert_false(app_takeovers_count(&t, at(0)));
	assert_false(app_takeovers_count(&t, at(1)));
	assert_false(app_takeovers_refuse(&t, at(1)));
	assert_true(app_takeovers_count(&t, at(60000)));
	assert_true(app_takeovers_refuse(&t, at(60000)));
	assert_true(app_takeovers_refuse(&t, at(119999)));
	assert_false(app_takeovers_refuse(&t, at(120000)));
	/* It begins anew. */
	assert_false(app_takeovers_count(&t, at(120000)));
	assert_false(app_takeovers_count(&t, at(120001)));
	assert_true(app_takeovers_count(&t, at(120002)));
	assert_false(app_takeovers_refuse(&t, at(180002)));
}

static void
test_not_within(void **state)
{
	(void)state;
	struct app_takeovers t = { 0 };

	assert_false(app_takeovers_count(&t, at(0)));
	for (unsigned i = 1; i < 100; i++)
		assert_false(app_takeovers_count(&t, at(i * 30001)));
	assert_false(app_takeovers_refuse(&t, at(100 * 30001)));
	assert_false(app_takeovers_count(&t, at(100 * 30001)));
	assert_true(app_takeovers_count(&t, at(100 * 30001 + 29999)));
}

static void
test_alive(void **state)
{
	(void)state;
	struct app_probe p = { 0 };

	assert_int_equal(app_probe_step(&p, 10, at(0)), APP_PROBE_WAIT);
	assert_int_equal(app_probe_step(&p, 10, at(500)), APP_PROBE_WAIT);
	assert_int_equal(app_probe_step(&p, 11, at(1000)), APP_PROBE_ALIVE);
	/* The next one who knocks has it probed again. */
	assert_int_equal(app_probe_step(&p, 20, at(1001)), APP_PROBE_WAIT);
	assert_int_equal(app_probe_step(&p, 21, at(3500)), APP_PROBE_ALIVE);
}

static void
test_dead(void **state)
{
	(void)state;

	for (unsigned ms = 1999; ms <= 4000; ms += ms < 2001 ? 1 : 1998) {
		struct app_probe p = { 0 };

		assert_int_equal(app_probe_step(&p, 0, at(0)), APP_PROBE_WAIT);
		assert_int_equal(app_probe_step(&p, 0, at(ms)),
				 ms >= 2000 && ms < 4000 ? APP_PROBE_DEAD : APP_PROBE_WAIT);
	}
}

/* What came while nobody was knocking proves nothing, nor does what did not. */
static void
test_forgotten(void **state)
{
	(void)state;

	for (unsigned rx = 5; rx <= 6; rx++) {
		struct app_probe p = { 0 };

		assert_int_equal(app_probe_step(&p, 5, at(0)), APP_PROBE_WAIT);
		assert_int_equal(app_probe_step(&p, rx, at(600000)), APP_PROBE_WAIT);
		assert_int_equal(app_probe_step(&p, rx, at(601999)), APP_PROBE_WAIT);
		assert_int_equal(app_probe_step(&p, rx, at(602000)), APP_PROBE_DEAD);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_three), cmocka_unit_test(test_not_within), cmocka_unit_test(test_alive),
		cmocka_unit_test(test_dead),  cmocka_unit_test(test_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
