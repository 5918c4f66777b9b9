/* src/os/helper.c and src/os/helper_serve.c: files, requests that no program makes, life and death. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/capability.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "lib/helper_fix.h"

/* The helper's pause before it looks at a socket again.  With 'pauses' it begins when the FIFO is opened for reading
 * and ends when it is opened for writing. */
static bool pauses;
static char pause_path[128];

int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);

int
__wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	if (n > 0)
		return __real_poll(fds, n, timeout);
	if (pauses) {
		close(open(pause_path, O_WRONLY));
		close(open(pause_path, O_RDONLY));
	}
	return 0;
}

/* --- files */

static void
a_file_is_opened_for_reading_only(void **state)
{
	char text[16];
	int fd = -1;

	(void)state;
	fix_start();
	for (int i = 0; i < 2; i++) {
		assert_int_equal(helper_open_file(fix_helper, FILE_SMALL, &fd), 0);
		assert_int_equal(read(fd, text, sizeof(text)), 7);
		assert_memory_equal(text, "secret\n", 7);
		assert_int_equal(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDONLY);
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		close(fd);
	}
}

static void
what_cannot_be_opened_says_why(void **state)
{
	static const struct {
		unsigned file;
		int result;
	} cases[] = {
		{ FILE_MISSING, -ENOENT }, { FILE_DIR, -EISDIR },   { FILE_FIFO, -EINVAL },
		{ FILE_OVER, -EFBIG },     { FILE_UNSET, -ENOENT }, { N_FILES, -EINVAL },
	};
	int fd = 12345;

	(void)state;
	fix_start();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(helper_open_file(fix_helper, cases[i].file, &fd), cases[i].result);
		assert_int_equal(fd, 12345);
	}
	assert_int_equal(helper_open_file(fix_helper, FILE_FULL, &fd), 0);
	close(fd);
}

/* --- the program's socket */

/* A listening socket beside the fixture's files; its path in ret. */
static int
listen_beside(char ret[108])
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_true(snprintf(addr.sun_path, sizeof(addr.sun_path), "%s.sock", fix_files[FILE_SMALL]) < 108);
	strcpy(ret, addr.sun_path);
	unlink(ret);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void
a_dead_socket_is_removed_at_the_end(void **state)
{
	char path[108];
	int fd = listen_beside(path);

	(void)state;
	fix_params.socket = path;
	fix_start();
	assert_int_equal(access(path, F_OK), 0);
	close(fd);
	fix_stop();
	assert_int_equal(access(path, F_OK), -1);
}

/* As long as the last descriptor of a killed program isn't closed. */
static void
a_socket_that_dies_a_little_later_is_removed(void **state)
{
	static const struct helper_request stop = { .type = HELPER_STOP };
	char path[108];
	int fd = listen_beside(path), begun;

	(void)state;
	snprintf(pause_path, sizeof(pause_path), "%s", fix_files[FILE_FIFO]);
	fix_params.socket = path;
	pauses = true;
	fix_start(); /* which forks */
	pauses = false;
	assert_int_equal(send(fix_helper->fd, &stop, HELPER_REQUEST_HEAD, 0), HELPER_REQUEST_HEAD);
	for (int i = 0; i < 9; i++) {
		begun = open(pause_path, O_RDONLY);
		assert_int_equal(access(path, F_OK), 0);
		if (i == 8)
			close(fd);
		close(begun);
		close(open(pause_path, O_WRONLY));
	}
	fix_stop();
	assert_int_equal(access(path, F_OK), -1);
}

static void
a_living_socket_stays(void **state)
{
	char path[108];
	int fd = listen_beside(path);

	(void)state;
	fix_params.socket = path;
	fix_start();
	fix_stop();
	assert_int_equal(access(path, F_OK), 0);
	close(fd);
	unlink(path);
}

static void
what_is_no_socket_stays(void **state)
{
	(void)state;
	fix_params.socket = fix_files[FILE_SMALL];
	fix_start();
	fix_stop();
	assert_int_equal(access(fix_files[FILE_SMALL], F_OK), 0);
}

static int
count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void
the_program_loses_no_descriptors(void **state)
{
	const int before = count_fds();
	int fd;

	(void)state;
	fix_start();
	for (unsigned i = 0; i <= N_FILES; i++)
		if (helper_open_file(fix_helper, i, &fd) == 0)
			close(fd);
	assert_int_equal(helper_run_hook(fix_helper, HOOK_APPEND, NULL), 0);
	fix_stop();
	assert_int_equal(count_fds(), before);
}

/* The reader of a pipe sees its end only when nobody has the other end any more. */
static void
the_helper_keeps_no_descriptors_of_the_program(void **state)
{
	int ends[2], fd;
	char byte;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	fd = fcntl(ends[1], F_DUPFD, 200);
	fix_start();
	close(ends[1]);
	close(fd);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	close(ends[0]);
}

/* --- requests that no program of ours makes */

struct raw {
	const char *what;
	struct helper_request req;
	size_t len;
};

static void
assert_fatal(const struct raw *raw)
{
	siginfo_t info = { 0 };
	int fd = 12345;

	fix_start();
	fix_log()[0] = '\0';
	assert_int_equal(send(fix_helper->fd, &raw->req, raw->len, 0), raw->len);
	assert_int_equal(waitid(P_PID, (id_t)fix_helper->pid, &info, WEXITED | WNOWAIT), 0);
	if (info.si_code != CLD_EXITED || info.si_status != 1)
		fail_msg("%s", raw->what);
	assert_string_equal(fix_log(), "malformed request, the helper process ends\n");
	assert_int_equal(helper_open_file(fix_helper, FILE_SMALL, &fd), -EPIPE);
	assert_int_equal(helper_open_file(fix_helper, FILE_SMALL, &fd), -EPIPE);
	assert_int_equal(helper_run_hook(fix_helper, HOOK_APPEND, NULL), -EPIPE);
	assert_int_equal(fd, 12345);
	fix_stop();
}

static void
a_malformed_request_ends_it(void **state)
{
	static const struct raw cases[] = {
		{ "type 0", { .type = 0 }, 8 },
		{ "type 5", { .type = 5 }, 8 },
		{ "short", { .type = HELPER_READ_FILE }, 7 },
		{ "one byte", { .type = HELPER_READ_FILE }, 1 },
		{ "file with variables", { .type = HELPER_READ_FILE, .env = "A=1" }, 12 },
		{ "no such file", { .type = HELPER_READ_FILE, .index = N_FILES }, 8 },
		{ "no such hook", { .type = HELPER_RUN_HOOK, .index = N_HOOKS }, 8 },
		{ "variable without end", { .type = HELPER_RUN_HOOK, .env = "A=1" }, 11 },
		{ "variable without name", { .type = HELPER_RUN_HOOK, .env = "=1" }, 11 },
		{ "variable without value", { .type = HELPER_RUN_HOOK, .env = "A" }, 10 },
		{ "empty variable", { .type = HELPER_RUN_HOOK, .env = "A=1\0" }, 13 },
		{ "small letter", { .type = HELPER_RUN_HOOK, .env = "a=1" }, 12 },
		{ "newline", { .type = HELPER_RUN_HOOK, .env = "A=\n" }, 12 },
		{ "second one bad", { .type = HELPER_RUN_HOOK, .env = "A=1\0b=2" }, 16 },
		{ "stop with index", { .type = HELPER_STOP, .index = 1 }, 8 },
		{ "DNS without anything", { .type = HELPER_SET_DNS }, 8 },
		{ "DNS, short", { .type = HELPER_SET_DNS }, 8 + sizeof(struct helper_dns) - 1 },
		{ "DNS, long", { .type = HELPER_SET_DNS }, 8 + sizeof(struct helper_dns) + 1 },
		{ "DNS with index", { .type = HELPER_SET_DNS, .index = 1 }, 8 + sizeof(struct helper_dns) },
		{ "too many servers", { .type = HELPER_SET_DNS, .dns.n = 5 }, 8 + sizeof(struct helper_dns) },
		{ "an option for a domain",
		  { .type = HELPER_SET_DNS, .dns = { .n = 1, .domains = "-x" } },
		  8 + sizeof(struct helper_dns) },
		{ "stop with variables", { .type = HELPER_STOP, .env = "A=1" }, 12 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_fatal(&cases[i]);
}

static void
too_long_or_too_many_variables_end_it(void **state)
{
	struct raw *raw = calloc(1, sizeof(*raw));

	(void)state;
	assert_non_null(raw);
	*raw = (struct raw){ "too long", { .type = HELPER_RUN_HOOK, .env = "A=" }, sizeof(raw->req) + 1 };
	memset(raw->req.env + 2, 'x', sizeof(raw->req.env) - 3);
	assert_fatal(raw);
	*raw = (struct raw){ "33 variables", { .type = HELPER_RUN_HOOK }, HELPER_REQUEST_HEAD + 33 * 3 };
	for (size_t i = 0; i < 33; i++)
		memcpy(raw->req.env + 3 * i, "A=", 3);
	assert_fatal(raw);
	free(raw);
}

static void
a_helper_that_does_not_answer_is_given_up(void **state)
{
	struct timeval timeout = { 0 };
	socklen_t len = sizeof(timeout);
	int fd;

	(void)state;
	fix_start();
	assert_int_equal(getsockopt(fix_helper->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, &len), 0);
	assert_int_equal(timeout.tv_sec, 5);
	assert_int_equal(fcntl(fix_helper->fd, F_SETFL, O_NONBLOCK), 0); /* as if they were over */
	assert_int_equal(kill(fix_helper->pid, SIGSTOP), 0);
	assert_int_equal(helper_open_file(fix_helper, FILE_SMALL, &fd), -ETIMEDOUT);
	assert_int_equal(kill(fix_helper->pid, SIGCONT), 0);
	/* its late answer isn't taken for one to this */
	assert_int_equal(helper_open_file(fix_helper, FILE_SMALL, &fd), -EPIPE);
}

/* --- life and death */

static void
signals_to_the_process_group_do_not_end_it(void **state)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGPIPE };
	const pid_t pid = fork();
	char err[256];
	int status, fd;

	(void)state;
	if (pid == 0) {
		setpgid(0, 0);
		fix_helper = helper_start(&fix_params, err, sizeof(err));
		if (!fix_helper)
			_exit(1);
		for (size_t i = 0; i < 4; i++) {
			signal(signals[i], SIG_IGN); /* here only */
			kill(0, signals[i]);
		}
		if (helper_open_file(fix_helper, FILE_SMALL, &fd) != 0)
			_exit(2);
		helper_stop(fix_helper);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* The program in a child, which says its helper's pid and waits to be killed. */
static void
kill_the_program(bool hanging, bool dropped)
{
	const struct privilege_drop_params drop = { "nobody", 0 };
	char err[256];
	pid_t pid, helper_pid;
	int ends[2], status;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		fix_helper = helper_start(&fix_params, err, sizeof(err));
		if (!fix_helper || (dropped && privilege_drop(&drop, err, sizeof(err)) != PRIVILEGE_DROPPED) ||
		    (hanging && helper_run_hook(fix_helper, HOOK_FIFO, NULL) != 0) ||
		    write(ends[1], &fix_helper->pid, sizeof(pid_t)) != sizeof(pid_t))
			_exit(1);
		for (;;)
			pause();
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &helper_pid, sizeof(helper_pid)), sizeof(helper_pid));
	close(ends[0]);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(waitpid(helper_pid, &status, 0), helper_pid);
	fix_reap_orphans(0);
}

static void
it_ends_with_the_program(void **state)
{
	(void)state;
	kill_the_program(false, false);
	kill_the_program(true, false);
}

static void
stopping_nothing_is_fine(void **state)
{
	(void)state;
	helper_stop(NULL);
	fix_start();
	assert_int_equal(kill(fix_helper->pid, SIGKILL), 0);
}

static void
a_relative_hook_is_refused(void **state)
{
	char err[256] = "";

	(void)state;
	fix_hooks[HOOK_ENV] = "hook0";
	assert_null(helper_start(&fix_params, err, sizeof(err)));
	assert_string_equal(err, "hook hook0: not an absolute path");
}

/* --- as root */

/* Exit status 0, or the number of the step that went wrong. */
static int
use_after_drop(void)
{
	const struct privilege_drop_params drop = { "nobody", PRIVILEGE_NET_ADMIN };
	char err[256], text[8];
	int fd;

	fix_helper = helper_start(&fix_params, err, sizeof(err));
	if (!fix_helper)
		return 1;
	if (privilege_drop(&drop, err, sizeof(err)) != PRIVILEGE_DROPPED)
		return 2;
	if (open(fix_files[FILE_SMALL], O_RDONLY) != -1 || errno != EACCES)
		return 3;
	if (helper_open_file(fix_helper, FILE_SMALL, &fd) != 0 || read(fd, text, sizeof(text)) != 7)
		return 4;
	if (kill(fix_helper->pid, SIGKILL) != -1 || errno != EPERM)
		return 5;
	if (helper_run_hook(fix_helper, HOOK_ENV, NULL) != 0)
		return 6;
	helper_stop(fix_helper);
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : 7;
}

static void
after_the_drop_it_still_reads_files_of_root(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	FIX_NEED_ROOT();
	pid = fork();
	if (pid == 0)
		_exit(use_after_drop());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(atoi(fix_status(fix_read(fix_path("status")), "Uid:\t")), 0);
}

static void
it_ends_with_a_program_that_may_not_signal_it(void **state)
{
	(void)state;
	FIX_NEED_ROOT();
	kill_the_program(false, true);
}

static uint64_t
caps_of(const char *text, const char *name)
{
	return strtoull(fix_status(text, name), NULL, 16);
}

static void
it_has_only_the_capabilities_it_needs(void **state)
{
	const uint64_t read_files = UINT64_C(1) << CAP_DAC_READ_SEARCH;
	const uint64_t for_hooks = read_files | UINT64_C(1) << CAP_NET_ADMIN | UINT64_C(1) << CAP_NET_RAW;
	char path[64];

	(void)state;
	FIX_NEED_ROOT();
	for (size_t n_hooks = 0; n_hooks <= N_HOOKS; n_hooks += N_HOOKS) {
		const uint64_t most = n_hooks ? for_hooks : read_files;
		const char *text;

		fix_params.n_hooks = n_hooks;
		fix_start();
		snprintf(path, sizeof(path), "/proc/%d/status", (int)fix_helper->pid);
		text = fix_read(path);
		assert_string_equal(fix_status(text, "Name:\t"), "cs-helper");
		assert_int_equal(caps_of(text, "CapEff:\t"), read_files);
		assert_int_equal(caps_of(text, "CapPrm:\t"), most);
		assert_int_equal(caps_of(text, "CapBnd:\t"), most);
		assert_int_equal(caps_of(text, "CapInh:\t"), 0);
		if (n_hooks)
			assert_int_equal(helper_run_hook(fix_helper, HOOK_ENV, NULL), 0);
		fix_stop();
	}
	assert_int_equal(caps_of(fix_read(fix_path("status")), "CapEff:\t"), for_hooks);
	assert_int_equal(caps_of(fix_read(fix_path("status")), "CapBnd:\t"), for_hooks);
}

static void
what_is_left_over_goes_when_it_is_empty(void **state)
{
	const char *const path = fix_files[FILE_SMALL];

	(void)state;
	fix_params.scrap = path;
	fix_start();
	fix_stop();
	assert_string_equal(fix_read(path), "secret\n");
	fix_start();
	assert_int_equal(truncate(path, 0), 0);
	fix_stop();
	assert_int_equal(access(path, F_OK), -1);
	fix_start(); /* none is fine */
	fix_stop();
	fix_params.scrap = fix_files[FILE_FIFO];
	fix_start();
	fix_stop();
	assert_int_equal(access(fix_files[FILE_FIFO], F_OK), 0);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fix_setup, fix_teardown)
	const struct CMUnitTest tests[] = {
		T(a_file_is_opened_for_reading_only),
		T(what_cannot_be_opened_says_why),
		T(a_dead_socket_is_removed_at_the_end),
		T(a_socket_that_dies_a_little_later_is_removed),
		T(a_living_socket_stays),
		T(what_is_no_socket_stays),
		T(the_program_loses_no_descriptors),
		T(the_helper_keeps_no_descriptors_of_the_program),
		T(a_malformed_request_ends_it),
		T(too_long_or_too_many_variables_end_it),
		T(a_helper_that_does_not_answer_is_given_up),
		T(signals_to_the_process_group_do_not_end_it),
		T(it_ends_with_the_program),
		T(stopping_nothing_is_fine),
		T(what_is_left_over_goes_when_it_is_empty),
		T(a_relative_hook_is_refused),
		T(after_the_drop_it_still_reads_files_of_root),
		T(it_ends_with_a_program_that_may_not_signal_it),
		T(it_has_only_the_capabilities_it_needs),
	};
#undef T

	return cmocka_run_group_tests_name("helper", tests, NULL, NULL);
}
