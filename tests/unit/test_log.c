/* Log: levels, the sink, what becomes of awkward texts, and rate limits on a literal clock. */
#include "castswitch/log.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct captured {
	unsigned n;
	enum log_level level;
	const char *topic;
	char line[4096];
};

static void
capture(void *arg, enum log_level level, const char *topic, const char *line)
{
	struct captured *c = arg;

	c->n++;
	c->level = level;
	c->topic = topic;
	assert_true(strlen(line) < sizeof(c->line));
	strcpy(c->line, line);
	errno = EIO; /* sinks may spoil it */
}

static int
setup(void **state)
{
	static struct captured captured;

	captured = (struct captured){ .n = 0 };
	log_set_sink(capture, &captured);
	log_set_level(LOG_LEVEL_INFO);
	*state = &captured;
	return 0;
}

static void
test_reaches_the_sink(void **state)
{
	struct captured *c = *state;

	log_warning("tunnel", "peer %s: %d lost", "box", 3);
	assert_int_equal(c->n, 1);
	assert_int_equal(c->level, LOG_LEVEL_WARNING);
	assert_string_equal(c->topic, "tunnel");
	assert_string_equal(c->line, "peer box: 3 lost");
	log_error("x", "e");
	assert_int_equal(c->level, LOG_LEVEL_ERROR);
	log_notice("x", "n");
	assert_int_equal(c->level, LOG_LEVEL_NOTICE);
	log_info("x", "i");
	assert_int_equal(c->level, LOG_LEVEL_INFO);
	assert_int_equal(c->n, 4);
}

static void
test_level_edge(void **state)
{
	struct captured *c = *state;

	for (int max = LOG_LEVEL_ERROR; max <= LOG_LEVEL_DEBUG; max++) {
		log_set_level((enum log_level)max);
		assert_int_equal(log_level(), max);
		c->n = 0;
		for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
			assert_int_equal(log_enabled((enum log_level)level), level <= max);
			log_line((enum log_level)level, "x", "line");
		}
		assert_int_equal(c->n, max + 1);
	}
}

static const char *
count_evaluation(unsigned *n)
{
	(*n)++;
	return "text";
}

static void
test_debug_formats_nothing_when_off(void **state)
{
	struct captured *c = *state;
	unsigned evaluated = 0;

	log_debug("x", "%s", count_evaluation(&evaluated));
	assert_int_equal(evaluated, 0);
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("x", "%s", count_evaluation(&evaluated));
	assert_int_equal(evaluated, 1);
	assert_int_equal(c->n, 1);
}

static void
test_null_sink_discards(void **state)
{
	struct log_limit limit = { .every = 1, .burst = 1 };
	struct captured *c = *state;

	log_set_sink(NULL, NULL);
	log_error("x", "nobody listens");
	log_limited(&limit, MONO_ZERO, LOG_LEVEL_ERROR, "x", "nobody listens");
	assert_int_equal(c->n, 0);
}

static void
test_level_names(void **state)
{
	static const char *const names[] = { "error", "warning", "notice", "info", "debug" };
	enum log_level level = LOG_LEVEL_NOTICE;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		assert_string_equal(log_level_name((enum log_level)i), names[i]);
		assert_true(log_level_parse(names[i], &level));
		assert_int_equal(level, i);
	}
	assert_null(log_level_name((enum log_level)5));
	assert_null(log_level_name((enum log_level) - 1));
	assert_false(log_level_parse("", &level));
	assert_false(log_level_parse("INFO", &level));
	assert_false(log_level_parse("info ", &level));
	assert_int_equal(level, LOG_LEVEL_DEBUG);
}

static void
test_control_characters_are_defused(void **state)
{
	struct captured *c = *state;

	log_info("x", "%s", "name\ncastswitch: fake\r\t\x1b[31m\x7f");
	assert_string_equal(c->line, "name?castswitch: fake???[31m?");
	log_info("x", "%s", "\xc3\xbc ~"); /* UTF-8 stays */
	assert_string_equal(c->line, "\xc3\xbc ~");
}

static void
test_long_lines_are_cut(void **state)
{
	struct captured *c = *state;
	static char text[2050];

	for (size_t len = 2046; len <= 2049; len++) {
		memset(text, 'a', len);
		text[len] = '\0';
		log_info("x", "%s", text);
		assert_int_equal(strlen(c->line), len < 2047 ? len : 2047);
		assert_string_equal(c->line + 2044, len < 2047 ? "aa" : len == 2047 ? "aaa" : "...");
	}
}

static void
test_errno_is_kept_and_can_be_shown(void **state)
{
	struct log_limit limit = LOG_LIMIT_INIT;
	struct captured *c = *state;

	errno = ENOENT;
	log_info("x", "open: %m");
	assert_int_equal(errno, ENOENT);
	assert_string_equal(c->line, "open: No such file or directory");
	log_limited(&limit, MONO_ZERO, LOG_LEVEL_INFO, "x", "open: %m");
	assert_int_equal(errno, ENOENT);
	assert_string_equal(c->line, "open: No such file or directory");
}

/* True when a line of this limit passes at 'ns'. */
static bool
passes(struct captured *c, struct log_limit *limit, uint64_t ns)
{
	unsigned before = c->n;

	log_limited(limit, mono_from_ns(ns), LOG_LEVEL_INFO, "x", "bad frame");
	return c->n == before + 1;
}

static void
test_limit_burst_then_every(void **state)
{
	struct log_limit limit = { .every = 100, .burst = 3 };
	struct captured *c = *state;

	for (unsigned i = 0; i < 3; i++) {
		assert_true(passes(c, &limit, 1000));
		assert_string_equal(c->line, "bad frame");
	}
	assert_false(passes(c, &limit, 1000));
	assert_false(passes(c, &limit, 1099));
	assert_true(passes(c, &limit, 1100));
	assert_string_equal(c->line, "bad frame (2 similar lines suppressed)");
	assert_false(passes(c, &limit, 1199));
	/* Late by 50, but the next one is due on the old grid. */
	assert_true(passes(c, &limit, 1250));
	assert_string_equal(c->line, "bad frame (1 similar lines suppressed)");
	assert_false(passes(c, &limit, 1299));
	assert_true(passes(c, &limit, 1300));
}

static void
test_limit_saves_up_to_burst(void **state)
{
	struct log_limit limit = { .every = 100, .burst = 2 };
	struct captured *c = *state;

	assert_true(passes(c, &limit, 0));
	assert_true(passes(c, &limit, 0));
	assert_false(passes(c, &limit, 0));
	assert_true(passes(c, &limit, 1000000));
	assert_string_equal(c->line, "bad frame (1 similar lines suppressed)");
	assert_true(passes(c, &limit, 1000000));
	assert_string_equal(c->line, "bad frame");
	assert_false(passes(c, &limit, 1000000));
	assert_false(passes(c, &limit, 1000099));
	assert_true(passes(c, &limit, 1000100));
}

static void
test_limit_edges(void **state)
{
	struct log_limit off = { .every = 0, .burst = 0 };
	struct log_limit limit = { .every = 100, .burst = 1 };
	struct captured *c = *state;

	for (unsigned i = 0; i < 20; i++)
		assert_true(passes(c, &off, 0));
	assert_true(passes(c, &limit, 500));
	/* A clock that goes back earns nothing. */
	assert_false(passes(c, &limit, 0));
	assert_false(passes(c, &limit, 599));
	assert_true(passes(c, &limit, 600));
	/* When all is earned back, what is left of the time is not saved: the next one takes 100 from here. */
	assert_true(passes(c, &limit, 750));
	assert_false(passes(c, &limit, 849));
	assert_true(passes(c, &limit, 850));
	/* The count stops at its end instead of starting over. */
	limit.suppressed = UINT_MAX;
	assert_false(passes(c, &limit, 850));
	assert_int_equal(limit.suppressed, UINT_MAX);
	assert_true(passes(c, &limit, 950));
	assert_string_equal(c->line, "bad frame (4294967295 similar lines suppressed)");
}

static void
test_disabled_level_uses_no_allowance(void **state)
{
	struct log_limit limit = { .every = 100, .burst = 1 };
	struct captured *c = *state;

	log_limited(&limit, MONO_ZERO, LOG_LEVEL_DEBUG, "x", "not shown");
	log_limited(&limit, MONO_ZERO, LOG_LEVEL_DEBUG, "x", "not shown");
	assert_true(passes(c, &limit, 0));
	assert_string_equal(c->line, "bad frame");
}

static void
test_suffix_after_a_cut_line(void **state)
{
	struct log_limit limit = { .every = 100, .burst = 1, .suppressed = UINT_MAX };
	struct captured *c = *state;
	static char text[3000];

	memset(text, 'a', sizeof(text) - 1);
	log_limited(&limit, MONO_ZERO, LOG_LEVEL_INFO, "x", "%s", text);
	assert_string_equal(c->line + 2043, "a... (4294967295 similar lines suppressed)");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_reaches_the_sink, setup),
		cmocka_unit_test_setup(test_level_edge, setup),
		cmocka_unit_test_setup(test_debug_formats_nothing_when_off, setup),
		cmocka_unit_test_setup(test_null_sink_discards, setup),
		cmocka_unit_test_setup(test_level_names, setup),
		cmocka_unit_test_setup(test_control_characters_are_defused, setup),
		cmocka_unit_test_setup(test_long_lines_are_cut, setup),
		cmocka_unit_test_setup(test_errno_is_kept_and_can_be_shown, setup),
		cmocka_unit_test_setup(test_limit_burst_then_every, setup),
		cmocka_unit_test_setup(test_limit_saves_up_to_burst, setup),
		cmocka_unit_test_setup(test_limit_edges, setup),
		cmocka_unit_test_setup(test_disabled_level_uses_no_allowance, setup),
		cmocka_unit_test_setup(test_suffix_after_a_cut_line, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
