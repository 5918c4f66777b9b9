/* app/app_identity: when a warning is worth a line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "app_identity.h"

#define START (5 * NSEC_PER_SEC)
#define DAY (86400 * NSEC_PER_SEC)

static struct mono
at(nsec_t ns)
{
	return mono_from_ns(START + ns);
}

static void
test_once_a_day(void **state)
{
	struct app_warning w = { .look_at = MONO_NEVER };

	(void)state;
	assert_true(app_warning_is_due(&w, "soon", at(0)));
	assert_false(app_warning_is_due(&w, "soon", at(1)));
	assert_false(app_warning_is_due(&w, "soon", at(DAY - 1)));
	assert_true(app_warning_is_due(&w, "soon", at(DAY)));
	assert_false(app_warning_is_due(&w, "soon", at(2 * DAY - 1)));
	assert_true(app_warning_is_due(&w, "soon", at(3 * DAY)));
}

static void
test_at_once_when_it_is_another(void **state)
{
	struct app_warning w = { .look_at = MONO_NEVER };

	(void)state;
	assert_false(app_warning_is_due(&w, "", at(0)));
	assert_true(app_warning_is_due(&w, "soon", at(1)));
	assert_true(app_warning_is_due(&w, "soon; and more", at(2)));
	assert_false(app_warning_is_due(&w, "soon; and more", at(3)));
	/* it is gone, and comes again */
	assert_false(app_warning_is_due(&w, "", at(4)));
	assert_false(app_warning_is_due(&w, "", at(4 + DAY)));
	assert_true(app_warning_is_due(&w, "soon; and more", at(5 + DAY)));
}

/* What does not fit is compared as far as it does. */
static void
test_long(void **state)
{
	struct app_warning w = { .look_at = MONO_NEVER };
	char text[APP_WARNING_MAX + 10];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_true(app_warning_is_due(&w, text, at(0)));
	assert_int_equal(strlen(w.text), APP_WARNING_MAX - 1);
	assert_false(app_warning_is_due(&w, text, at(1)));
	text[APP_WARNING_MAX - 2] = 'y';
	assert_true(app_warning_is_due(&w, text, at(2)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_once_a_day),
		cmocka_unit_test(test_at_once_when_it_is_another),
		cmocka_unit_test(test_long),
	};
	return cmocka_run_group_tests_name("app_identity", tests, NULL, NULL);
}
