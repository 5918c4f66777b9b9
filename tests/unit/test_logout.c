/* src/os/logout.c: each test runs in a child whose standard error is a pipe. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "castswitch/log.h"
#include "castswitch/logout.h"

enum { OUT_MAX = 8192 };

static char out[OUT_MAX];

/* How JOURNAL_STREAM is set for the child. */
enum stream { STREAM_NONE, STREAM_OURS, STREAM_OTHER, STREAM_GARBAGE };

static void
set_stream(enum stream s)
{
	struct stat st;
	char text[64] = "not a stream";

	fstat(STDERR_FILENO, &st);
	if (s == STREAM_NONE) {
		unsetenv("JOURNAL_STREAM");
		return;
	}
	if (s != STREAM_GARBAGE)
		snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long)st.st_dev,
			 (unsigned long long)st.st_ino + (s == STREAM_OTHER));
	setenv("JOURNAL_STREAM", text, 1);
}

/* What 'body' writes to standard error goes to 'out'. */
static void
capture(enum stream s, void (*body)(void))
{
	size_t len = 0;
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		set_stream(s);
		log_set_level(LOG_LEVEL_DEBUG);
		logout_install("castswitchd");
		body();
		_exit(0);
	}
	close(fds[1]);
	for (ssize_t n; (n = read(fds[0], out + len, sizeof(out) - 1 - len)) > 0;)
		len += (size_t)n;
	out[len] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
one_line_of_each_level(void)
{
	log_error("t", "one %d", 1);
	log_warning("t", "two");
	log_notice("t", "three");
	log_info("t", "four");
	log_debug("t", "five");
}

static const char for_people[] = "castswitchd: error: one 1\n"
				 "castswitchd: warning: two\n"
				 "castswitchd: notice: three\n"
				 "castswitchd: info: four\n"
				 "castswitchd: debug: five\n";

static void
lines_for_people_carry_program_and_level(void **state)
{
	(void)state;
	capture(STREAM_NONE, one_line_of_each_level);
	assert_string_equal(out, for_people);
}

static void
lines_for_the_journal_carry_the_priority(void **state)
{
	(void)state;
	capture(STREAM_OURS, one_line_of_each_level);
	assert_string_equal(out, "<3>one 1\n<4>two\n<5>three\n<6>four\n<7>five\n");
}

static void
a_journal_stream_that_is_not_ours_does_not_count(void **state)
{
	(void)state;
	capture(STREAM_OTHER, one_line_of_each_level);
	assert_string_equal(out, for_people);
	capture(STREAM_GARBAGE, one_line_of_each_level);
	assert_string_equal(out, for_people);
}

static void
control_characters(void)
{
	log_info("t", "a\nb\tc\033[31m\177d \303\244");
}

static void
control_characters_cannot_forge_lines(void **state)
{
	(void)state;
	capture(STREAM_NONE, control_characters);
	assert_string_equal(out, "castswitchd: info: a?b?c?[31m?d \303\244\n");
	capture(STREAM_OURS, control_characters);
	assert_string_equal(out, "<6>a?b?c?[31m?d \303\244\n");
}

static void
a_long_line(void)
{
	static char text[OUT_MAX / 2];

	memset(text, 'x', sizeof(text) - 1);
	log_info("t", "%s", text);
	log_info("t", "next");
}

static void
a_line_too_long_is_cut_and_still_one_line(void **state)
{
	const char *end;

	(void)state;
	capture(STREAM_NONE, a_long_line);
	assert_int_equal(strncmp(out, "castswitchd: info: xxx", 22), 0);
	end = strchr(out, '\n');
	assert_non_null(end);
	assert_true(end - out > 1024);
	assert_int_equal(strncmp(end - 4, "x...", 4), 0);
	assert_string_equal(end + 1, "castswitchd: info: next\n");
}

static void
errno_around_a_line(void)
{
	close(STDERR_FILENO);
	errno = EXDEV;
	log_info("t", "nobody reads this");
	if (errno != EXDEV)
		_exit(1);
}

static void
errno_survives_and_a_closed_standard_error_harms_nobody(void **state)
{
	(void)state;
	capture(STREAM_NONE, errno_around_a_line);
	assert_string_equal(out, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_for_people_carry_program_and_level),
		cmocka_unit_test(lines_for_the_journal_carry_the_priority),
		cmocka_unit_test(a_journal_stream_that_is_not_ours_does_not_count),
		cmocka_unit_test(control_characters_cannot_forge_lines),
		cmocka_unit_test(a_line_too_long_is_cut_and_still_one_line),
		cmocka_unit_test(errno_survives_and_a_closed_standard_error_harms_nobody),
	};

	return cmocka_run_group_tests_name("logout", tests, NULL, NULL);
}
