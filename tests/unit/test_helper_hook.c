/* src/os/helper_hook.c and src/os/helper_env.c: what hooks are started with, their order, time and number. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/helper_fix.h"

/* --- time: a helper that start_with_time() started has the time that pass_ms() gives it through a FIFO */

enum { POLLED_MAX = 4 };

static char time_path[128], passed_path[128];
static int time_fd = -1;
static bool literal;
static int64_t literal_ms = 1000000;

int __real_clock_gettime(clockid_t id, struct timespec *ts);
int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);

int
__wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	if (!literal)
		return __real_clock_gettime(id, ts);
	ts->tv_sec = (time_t)(literal_ms / 1000);
	ts->tv_nsec = (long)(literal_ms % 1000 * 1000000);
	return 0;
}

/* What has come by then is told before the time passes. */
int
__wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	const int64_t end = literal_ms + timeout;
	struct pollfd all[POLLED_MAX + 1];
	int64_t ms;
	int r;

	if (!literal || timeout <= 0 || n > POLLED_MAX)
		return __real_poll(fds, n, timeout);
	if (time_fd < 0)
		time_fd = open(time_path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	while (literal_ms < end) {
		memcpy(all, fds, n * sizeof(*fds));
		all[n] = (struct pollfd){ .fd = time_fd, .events = POLLIN };
		r = __real_poll(all, n + 1, -1);
		if (r != 1 || !all[n].revents) {
			memcpy(fds, all, n * sizeof(*fds));
			return r > 0 && all[n].revents ? r - 1 : r;
		}
		if (read(time_fd, &ms, sizeof(ms)) == sizeof(ms)) {
			literal_ms += ms;
			close(open(passed_path, O_WRONLY)); /* waits for the reader */
		}
	}
	return 0;
}

static void
start_with_time(void)
{
	snprintf(time_path, sizeof(time_path), "%s", fix_path("time"));
	snprintf(passed_path, sizeof(passed_path), "%s", fix_path("passed"));
	assert_int_equal(mkfifo(time_path, 0600), 0);
	assert_int_equal(mkfifo(passed_path, 0600), 0);
	literal = true;
	fix_start(); /* which forks */
	literal = false;
}

/* It has passed when this comes back. */
static void
pass_ms(int64_t ms)
{
	const int fd = open(time_path, O_WRONLY);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, &ms, sizeof(ms)), sizeof(ms));
	assert_string_equal(fix_read(passed_path), "");
	close(fd);
}

/* --- variables */

static void
variables_are_checked_before_they_are_sent(void **state)
{
	static const struct {
		const char *variable;
		int result;
	} cases[] = {
		{ "A=", 0 },           { "0=x", 0 },         { "PEER_2=a b=c\xc3\xa4", 0 },
		{ "", -EINVAL },       { "=x", -EINVAL },    { "A", -EINVAL },
		{ "a=x", -EINVAL },    { "A-B=x", -EINVAL }, { "A=\n", -EINVAL },
		{ "A=\x1f", -EINVAL }, { "A=\x20", 0 },      { "A=\x7e", 0 },
		{ "A=\x7f", -EINVAL }, { "A B=x", -EINVAL },
	};

	(void)state;
	fix_start();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *const env[] = { "FIRST=1", cases[i].variable, NULL };
		int r = helper_run_hook(fix_helper, HOOK_UNSET, env);

		assert_int_equal(r == -ENOENT ? 0 : r, cases[i].result);
	}
	assert_int_equal(helper_run_hook(fix_helper, N_HOOKS, NULL), -EINVAL);
	assert_int_equal(helper_run_hook(fix_helper, HOOK_UNSET, NULL), -ENOENT);
}

static void
number_and_size_of_variables_have_a_limit(void **state)
{
	const char *env[34] = { 0 };
	char value[4098] = "A=";

	(void)state;
	fix_start();
	for (size_t i = 0; i < 32; i++)
		env[i] = "A=1";
	assert_int_equal(helper_run_hook(fix_helper, HOOK_UNSET, env), -ENOENT);
	env[32] = "A=1";
	assert_int_equal(helper_run_hook(fix_helper, HOOK_UNSET, env), -E2BIG);

	memset(env, 0, sizeof(env));
	env[0] = value;
	memset(value + 2, 'x', 4095 - 2);
	assert_int_equal(helper_run_hook(fix_helper, HOOK_UNSET, env), -ENOENT);
	value[4095] = 'x';
	assert_int_equal(helper_run_hook(fix_helper, HOOK_UNSET, env), -E2BIG);
	value[4090] = '\0'; /* 4091 bytes, leaving 5 */
	env[1] = "B=12";
	assert_int_equal(helper_run_hook(fix_helper, HOOK_UNSET, env), -ENOENT);
	env[1] = "B=123";
	assert_int_equal(helper_run_hook(fix_helper, HOOK_UNSET, env), -E2BIG);
}

static void
a_hook_has_the_variables_given_and_nothing_else(void **state)
{
	static const char *const env[] = { "PEER=alice; rm -rf $HOME", "LD_PRELOAD=/x.so", NULL };
	struct stat st;

	(void)state;
	setenv("SECRET", "of the program", 1);
	umask(0);
	fix_start();
	assert_int_equal(helper_run_hook(fix_helper, HOOK_ENV, env), 0);
	fix_stop();
	assert_string_equal(fix_read(fix_path("environ")),
			    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
			    "CASTSWITCH_PEER=alice; rm -rf $HOME\nCASTSWITCH_LD_PRELOAD=/x.so\n");
	assert_string_equal(fix_read(fix_path("pwd")), "/\n");
	assert_int_equal(stat(fix_path("pwd"), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0644);
	assert_string_equal(fix_log(), "");
}

/* What a hook prints.  These hooks are no shells, which would have files and signals of their own. */
static const char *
output_of(unsigned hook)
{
	static char text[8192];
	const int stderr_before = dup(STDERR_FILENO);
	int ends[2];
	FILE *f;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	fix_start();
	assert_int_equal(dup2(stderr_before, STDERR_FILENO), STDERR_FILENO);
	close(stderr_before);
	close(ends[1]);
	assert_int_equal(helper_run_hook(fix_helper, hook, NULL), 0);
	fix_stop();
	f = fdopen(ends[0], "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

static void
a_hook_has_three_descriptors_and_writes_to_standard_error(void **state)
{
	char expect[256];

	(void)state;
	snprintf(expect, sizeof(expect), "%s\n\n/proc/self/fd:\n0\n1\n2\n3\n", fix_hooks[HOOK_FDS]); /* 3 is ls's own */
	assert_string_equal(output_of(HOOK_FDS), expect);
}

static void
hooks_start_with_default_signals(void **state)
{
	const char *text = output_of(HOOK_STATUS);

	(void)state;
	assert_string_equal(fix_status(text, "SigBlk:\t"), "0000000000000000");
	/* 32 and 33 are the C library's own: what a test runner did to them stays */
	assert_int_equal(strtoull(fix_status(text, "SigIgn:\t"), NULL, 16) & ~(UINT64_C(3) << 31), 0);
}

static void
hooks_run_in_order_and_the_end_waits_for_them(void **state)
{
	static const char *const ns[] = { "N=1", "N=2", "N=3", "N=4", "N=5" };

	(void)state;
	fix_start();
	for (size_t i = 0; i < 5; i++) {
		const char *const env[] = { ns[i], NULL };

		assert_int_equal(helper_run_hook(fix_helper, HOOK_APPEND, env), 0);
	}
	fix_stop();
	assert_string_equal(fix_read(fix_path("order")), "1\n2\n3\n4\n5\n");
}

static void
a_hook_that_fails_or_does_not_exist_is_a_line_in_the_log(void **state)
{
	char expect[512];
	int fd;

	(void)state;
	fix_start();
	assert_int_equal(helper_run_hook(fix_helper, HOOK_FAIL, NULL), 0);
	assert_int_equal(helper_run_hook(fix_helper, HOOK_MISSING, NULL), 0);
	assert_int_equal(helper_open_file(fix_helper, FILE_SMALL, &fd), 0);
	close(fd);
	fix_stop();
	snprintf(expect, sizeof(expect), "%s: exit status 3\n%s: No such file or directory\n%s: exit status 127\n",
		 fix_hooks[HOOK_FAIL], fix_hooks[HOOK_MISSING], fix_hooks[HOOK_MISSING]);
	assert_string_equal(fix_log(), expect);
}

static void
assert_killed_orphan(const char *pid_file)
{
	const pid_t pid = (pid_t)atoi(fix_read(pid_file));
	int status;

	assert_in_range(pid, 2, INT32_MAX);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void
a_hook_that_takes_too_long_is_killed_with_its_children(void **state)
{
	char expect[256];
	int fd;

	(void)state;
	fix_params.hook_timeout_ms = 300;
	start_with_time();
	assert_int_equal(helper_run_hook(fix_helper, HOOK_HANG, NULL), 0);
	assert_int_equal(helper_run_hook(fix_helper, HOOK_FIFO, NULL), 0);
	assert_string_equal(fix_read(fix_files[FILE_FIFO]), "up\n");
	pass_ms(299);
	/* an answer comes after what was due */
	assert_int_equal(helper_open_file(fix_helper, FILE_MISSING, &fd), -ENOENT);
	assert_string_equal(fix_log(), "");
	pass_ms(1);
	assert_string_equal(fix_read(fix_files[FILE_FIFO]), "here\n"); /* the next one runs */
	assert_killed_orphan(fix_path("child"));
	snprintf(expect, sizeof(expect), "%s: took longer than 300 ms\n", fix_hooks[HOOK_HANG]);
	assert_string_equal(fix_log(), expect);
}

static void
the_end_waits_for_a_hook_no_longer_than_for_one(void **state)
{
	static const struct helper_request stop = { .type = HELPER_STOP };
	char expect[256];
	pid_t pid;

	(void)state;
	fix_params.hook_timeout_ms = 300;
	start_with_time();
	pid = fix_helper->pid;
	for (int i = 0; i < 17; i++) /* 5.1 s of them */
		assert_int_equal(helper_run_hook(fix_helper, HOOK_HANG, NULL), 0);
	assert_string_equal(fix_read(fix_files[FILE_FIFO]), "up\n");
	pass_ms(100);
	assert_int_equal(send(fix_helper->fd, &stop, HELPER_REQUEST_HEAD, 0), HELPER_REQUEST_HEAD);
	pass_ms(200);
	assert_string_equal(fix_read(fix_files[FILE_FIFO]), "up\n"); /* the second runs at 300 ms, */
	pass_ms(100);
	assert_int_equal(fix_helper->stop_ms, 300 + 2000);
	fix_stop();
	/* and at 400 it ended by itself, before it was given up, and left nobody */
	fix_reap_orphans(pid);
	snprintf(expect, sizeof(expect), "%s: took longer than 300 ms\n", fix_hooks[HOOK_HANG]);
	assert_string_equal(fix_log(), expect);
}

static void
only_so_many_hooks_wait(void **state)
{
	(void)state;
	fix_start();
	for (int i = 0; i < 1 + 16; i++)
		assert_int_equal(helper_run_hook(fix_helper, HOOK_WAIT, NULL), 0);
	assert_int_equal(helper_run_hook(fix_helper, HOOK_WAIT, NULL), -EAGAIN);
	assert_int_equal(helper_run_hook(fix_helper, HOOK_WAIT, NULL), -EAGAIN);
	shutdown(fix_helper->fd, SHUT_WR); /* as if the program had ended: nobody waits for them */
	fix_stop();
	fix_reap_orphans(0);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fix_setup, fix_teardown)
	const struct CMUnitTest tests[] = {
		T(variables_are_checked_before_they_are_sent),
		T(number_and_size_of_variables_have_a_limit),
		T(a_hook_has_the_variables_given_and_nothing_else),
		T(a_hook_has_three_descriptors_and_writes_to_standard_error),
		T(hooks_start_with_default_signals),
		T(hooks_run_in_order_and_the_end_waits_for_them),
		T(a_hook_that_fails_or_does_not_exist_is_a_line_in_the_log),
		T(a_hook_that_takes_too_long_is_killed_with_its_children),
		T(the_end_waits_for_a_hook_no_longer_than_for_one),
		T(only_so_many_hooks_wait),
	};
#undef T

	return cmocka_run_group_tests_name("helper_hook", tests, NULL, NULL);
}
