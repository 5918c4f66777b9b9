/* tests/lib/tempdir.c: whatever ends a test, nothing of it stays in /tmp. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
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

#include "lib/tempdir.h"

static void
fill(const char *dir)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/sub", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/sub/file", dir);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0400));
	assert_int_equal(access(path, F_OK), 0);
}

static void
it_is_removed_with_what_is_in_it(void **state)
{
	const char *dir = tempdir_make("tempdir");
	struct stat st;

	(void)state;
	assert_non_null(dir);
	assert_int_equal(strncmp(dir, "/tmp/castswitch-tempdir-", 24), 0);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	fill(dir);
	assert_int_equal(tempdir_remove(), 0);
	assert_int_equal(access(dir, F_OK), -1);
}

/* Says what it is called, and dies. */
static void __attribute__((noreturn)) die_with_it(int signo, int to)
{
	const char *dir = tempdir_make("tempdir");

	fill(dir);
	if (write(to, dir, strlen(dir) + 1) < 0)
		_exit(1);
	raise(signo);
	_exit(0);
}

static void
a_signal_ends_it_too(void **state)
{
	static const int signals[] = { SIGALRM, SIGHUP, SIGINT, SIGTERM };

	(void)state;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		char dir[128] = "";
		int ends[2], status;
		pid_t pid;

		assert_int_equal(pipe(ends), 0);
		pid = fork();
		if (pid == 0)
			die_with_it(signals[i], ends[1]);
		close(ends[1]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(read(ends[0], dir, sizeof(dir) - 1) > 0);
		close(ends[0]);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), signals[i]);
		assert_int_equal(access(dir, F_OK), -1);
	}
}

static void
the_end_of_a_child_does_not_matter(void **state)
{
	const char *dir = tempdir_make("tempdir");
	int status;
	pid_t pid;

	(void)state;
	assert_non_null(dir);
	pid = fork();
	if (pid == 0) {
		raise(SIGTERM);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(access(dir, F_OK), 0);
	assert_int_equal(tempdir_remove(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_removed_with_what_is_in_it),
		cmocka_unit_test(a_signal_ends_it_too),
		cmocka_unit_test(the_end_of_a_child_does_not_matter),
	};

	return cmocka_run_group_tests_name("tempdir", tests, NULL, NULL);
}
