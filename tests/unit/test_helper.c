/* src/os/helper*.c: a real helper process for each test.  Waiting is always for an event (the end of a process, a FIFO
 * that is opened), with alarm() as the deadline for all of it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "castswitch/log.h"
#include "castswitch/privilege.h"

#include "../../src/os/helper_impl.h"

enum { FILE_SMALL, FILE_MISSING, FILE_DIR, FILE_FIFO, FILE_FULL, FILE_OVER, FILE_UNSET, N_FILES };
enum {
	HOOK_ENV,
	HOOK_APPEND,
	HOOK_HANG,
	HOOK_FIFO,
	HOOK_WAIT,
	HOOK_MISSING,
	HOOK_FAIL,
	HOOK_FDS,
	HOOK_STATUS,
	HOOK_UNSET,
	N_HOOKS
};

enum { DEADLINE_S = 60 };

static char dir[64];
static char file_paths[N_FILES][96], hook_paths[N_HOOKS][96];
static const char *files[N_FILES], *hooks[N_HOOKS];
static struct helper_params params;
static struct helper *helper;

/* Lines that the helper process logs; shared memory. */
static struct {
	char lines[4096];
} * logged;

static void
sink(void *arg, enum log_level level, const char *topic, const char *line)
{
	(void)arg;
	(void)level;
	(void)topic;
	strncat(logged->lines, line, sizeof(logged->lines) - strlen(logged->lines) - 2);
	strcat(logged->lines, "\n");
}

static const char *
in_dir(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void
write_text(const char *path, const char *text, mode_t mode)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static char *
read_text(const char *path)
{
	static char text[65536];
	const int fd = open(path, O_RDONLY);
	size_t len = 0;
	ssize_t n;

	assert_int_not_equal(fd, -1);
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	for (size_t i = 0; i < len; i++) /* /proc/PID/environ */
		if (text[i] == '\0')
			text[i] = '\n';
	close(fd);
	return text;
}

static void
make_files(void)
{
	static const char *const names[] = { "small", "missing", "dir", "fifo", "full", "over" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(file_paths[i], sizeof(file_paths[i]), "%s/%s", dir, names[i]);
		files[i] = file_paths[i];
	}
	write_text(files[FILE_SMALL], "secret\n", 0600);
	assert_int_equal(mkdir(files[FILE_DIR], 0700), 0);
	assert_int_equal(mkfifo(files[FILE_FIFO], 0600), 0);
	write_text(files[FILE_FULL], "", 0600);
	assert_int_equal(truncate(files[FILE_FULL], 1048576), 0);
	write_text(files[FILE_OVER], "", 0600);
	assert_int_equal(truncate(files[FILE_OVER], 1048577), 0);
}

static void
make_hooks(void)
{
	static const char *const scripts[N_HOOKS] = {
		[HOOK_ENV] = "cat /proc/$$/environ >$dir/environ; cat /proc/$$/status >$dir/status\n"
			     "pwd >$dir/pwd\n",
		[HOOK_APPEND] = "echo $CASTSWITCH_N >>$dir/order\n",
		[HOOK_HANG] = "sleep 1000 &\necho $! >$dir/child\nwait\n",
		[HOOK_FIFO] = "echo here >$dir/fifo\n",
		[HOOK_WAIT] = "read line <$dir/fifo\n",
		[HOOK_FAIL] = "exit 3\n",
	};
	char text[1024];

	for (size_t i = 0; i < HOOK_UNSET; i++) {
		snprintf(hook_paths[i], sizeof(hook_paths[i]), "%s/hook%zu", dir, i);
		hooks[i] = hook_paths[i];
		if (!scripts[i])
			continue;
		snprintf(text, sizeof(text), "#!/bin/sh\ndir=${0%%/*}\n%s", scripts[i]);
		write_text(hooks[i], text, 0700);
	}
	write_text(hooks[HOOK_FDS], "#!/bin/ls /proc/self/fd\n", 0700);
	write_text(hooks[HOOK_STATUS], "#!/bin/cat /proc/self/status\n", 0700);
}

static void
start(void)
{
	char err[256] = "";

	helper = helper_start(&params, err, sizeof(err));
	assert_string_equal(err, "");
	assert_non_null(helper);
}

/* Nothing is started yet: some tests have something to do before. */
static int
setup(void **state)
{
	(void)state;
	alarm(DEADLINE_S);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) /* what helpers leave comes to us, and can be waited for */
		return -1;
	if (!logged)
		logged = mmap(NULL, sizeof(*logged), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (logged == MAP_FAILED)
		return -1;
	logged->lines[0] = '\0';
	log_set_sink(sink, NULL);
	strcpy(dir, "/tmp/castswitch-helper-XXXXXX");
	assert_non_null(mkdtemp(dir));
	make_files();
	make_hooks();
	params = (struct helper_params){ files, N_FILES, hooks, N_HOOKS, 0 };
	return 0;
}

static int
teardown(void **state)
{
	char command[128];

	(void)state;
	helper_stop(helper);
	helper = NULL;
	log_set_sink(NULL, NULL);
	snprintf(command, sizeof(command), "rm -r '%s'", dir);
	return system(command);
}

/* --- files */

static void
a_file_is_opened_for_reading_only(void **state)
{
	char text[16];
	int fd = -1;

	(void)state;
	start();
	for (int i = 0; i < 2; i++) {
		assert_int_equal(helper_open_file(helper, FILE_SMALL, &fd), 0);
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
	start();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(helper_open_file(helper, cases[i].file, &fd), cases[i].result);
		assert_int_equal(fd, 12345);
	}
	assert_int_equal(helper_open_file(helper, FILE_FULL, &fd), 0);
	close(fd);
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
	start();
	for (unsigned i = 0; i <= N_FILES; i++)
		if (helper_open_file(helper, i, &fd) == 0)
			close(fd);
	assert_int_equal(helper_run_hook(helper, HOOK_APPEND, NULL), 0);
	helper_stop(helper);
	helper = NULL;
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
	start();
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

	start();
	logged->lines[0] = '\0';
	assert_int_equal(send(helper->fd, &raw->req, raw->len, 0), raw->len);
	assert_int_equal(waitid(P_PID, (id_t)helper->pid, &info, WEXITED | WNOWAIT), 0);
	if (info.si_code != CLD_EXITED || info.si_status != 1)
		fail_msg("%s", raw->what);
	assert_string_equal(logged->lines, "malformed request, the helper process ends\n");
	assert_int_equal(helper_open_file(helper, FILE_SMALL, &fd), -EPIPE);
	assert_int_equal(helper_open_file(helper, FILE_SMALL, &fd), -EPIPE);
	assert_int_equal(helper_run_hook(helper, HOOK_APPEND, NULL), -EPIPE);
	assert_int_equal(fd, 12345);
	helper_stop(helper);
	helper = NULL;
}

static void
a_malformed_request_ends_it(void **state)
{
	static const struct raw cases[] = {
		{ "type 0", { .type = 0 }, 8 },
		{ "type 4", { .type = 4 }, 8 },
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
	const struct timeval soon = { .tv_usec = 1000 };
	int fd;

	(void)state;
	start();
	assert_int_equal(setsockopt(helper->fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)), 0);
	assert_int_equal(kill(helper->pid, SIGSTOP), 0);
	assert_int_equal(helper_open_file(helper, FILE_SMALL, &fd), -ETIMEDOUT);
	assert_int_equal(kill(helper->pid, SIGCONT), 0);
	/* its late answer isn't taken for one to this */
	assert_int_equal(helper_open_file(helper, FILE_SMALL, &fd), -EPIPE);
}

/* --- hooks */

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
	start();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *const env[] = { "FIRST=1", cases[i].variable, NULL };
		int r = helper_run_hook(helper, HOOK_UNSET, env);

		assert_int_equal(r == -ENOENT ? 0 : r, cases[i].result);
	}
	assert_int_equal(helper_run_hook(helper, N_HOOKS, NULL), -EINVAL);
	assert_int_equal(helper_run_hook(helper, HOOK_UNSET, NULL), -ENOENT);
}

static void
number_and_size_of_variables_have_a_limit(void **state)
{
	const char *env[34] = { 0 };
	char value[4098] = "A=";

	(void)state;
	start();
	for (size_t i = 0; i < 32; i++)
		env[i] = "A=1";
	assert_int_equal(helper_run_hook(helper, HOOK_UNSET, env), -ENOENT);
	env[32] = "A=1";
	assert_int_equal(helper_run_hook(helper, HOOK_UNSET, env), -E2BIG);

	memset(env, 0, sizeof(env));
	env[0] = value;
	memset(value + 2, 'x', 4095 - 2);
	assert_int_equal(helper_run_hook(helper, HOOK_UNSET, env), -ENOENT);
	value[4095] = 'x';
	assert_int_equal(helper_run_hook(helper, HOOK_UNSET, env), -E2BIG);
	value[4090] = '\0'; /* 4091 bytes, leaving 5 */
	env[1] = "B=12";
	assert_int_equal(helper_run_hook(helper, HOOK_UNSET, env), -ENOENT);
	env[1] = "B=123";
	assert_int_equal(helper_run_hook(helper, HOOK_UNSET, env), -E2BIG);
}

static void
a_hook_has_the_variables_given_and_nothing_else(void **state)
{
	static const char *const env[] = { "PEER=alice; rm -rf $HOME", "LD_PRELOAD=/x.so", NULL };
	struct stat st;

	(void)state;
	setenv("SECRET", "of the program", 1);
	umask(0);
	start();
	assert_int_equal(helper_run_hook(helper, HOOK_ENV, env), 0);
	helper_stop(helper);
	helper = NULL;
	assert_string_equal(read_text(in_dir("environ")),
			    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
			    "CASTSWITCH_PEER=alice; rm -rf $HOME\nCASTSWITCH_LD_PRELOAD=/x.so\n");
	assert_string_equal(read_text(in_dir("pwd")), "/\n");
	assert_int_equal(stat(in_dir("pwd"), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0644);
	assert_string_equal(logged->lines, "");
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
	start();
	assert_int_equal(dup2(stderr_before, STDERR_FILENO), STDERR_FILENO);
	close(stderr_before);
	close(ends[1]);
	assert_int_equal(helper_run_hook(helper, hook, NULL), 0);
	helper_stop(helper);
	helper = NULL;
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
	snprintf(expect, sizeof(expect), "%s\n\n/proc/self/fd:\n0\n1\n2\n3\n", hooks[HOOK_FDS]); /* 3 is ls's own */
	assert_string_equal(output_of(HOOK_FDS), expect);
}

static const char *
status_field(const char *text, const char *name)
{
	static char value[256];
	const char *at = strstr(text, name);

	assert_non_null(at);
	at += strlen(name);
	snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, "\n"), at);
	return value;
}

static void
hooks_start_with_default_signals(void **state)
{
	const char *text = output_of(HOOK_STATUS);

	(void)state;
	assert_string_equal(status_field(text, "SigBlk:\t"), "0000000000000000");
	/* 32 and 33 are the C library's own: what a test runner did to them stays */
	assert_int_equal(strtoull(status_field(text, "SigIgn:\t"), NULL, 16) & ~(UINT64_C(3) << 31), 0);
}

static void
hooks_run_in_order_and_the_end_waits_for_them(void **state)
{
	static const char *const ns[] = { "N=1", "N=2", "N=3", "N=4", "N=5" };

	(void)state;
	start();
	for (size_t i = 0; i < 5; i++) {
		const char *const env[] = { ns[i], NULL };

		assert_int_equal(helper_run_hook(helper, HOOK_APPEND, env), 0);
	}
	helper_stop(helper);
	helper = NULL;
	assert_string_equal(read_text(in_dir("order")), "1\n2\n3\n4\n5\n");
}

static void
a_hook_that_fails_or_does_not_exist_is_a_line_in_the_log(void **state)
{
	char expect[512];
	int fd;

	(void)state;
	start();
	assert_int_equal(helper_run_hook(helper, HOOK_FAIL, NULL), 0);
	assert_int_equal(helper_run_hook(helper, HOOK_MISSING, NULL), 0);
	assert_int_equal(helper_open_file(helper, FILE_SMALL, &fd), 0);
	close(fd);
	helper_stop(helper);
	helper = NULL;
	snprintf(expect, sizeof(expect), "%s: exit status 3\n%s: No such file or directory\n%s: exit status 127\n",
		 hooks[HOOK_FAIL], hooks[HOOK_MISSING], hooks[HOOK_MISSING]);
	assert_string_equal(logged->lines, expect);
}

static void
assert_killed_orphan(const char *pid_file)
{
	const pid_t pid = (pid_t)atoi(read_text(pid_file));
	int status;

	assert_in_range(pid, 2, INT32_MAX);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

/* Doesn't come back as long as one lives. */
static void
reap_orphans(pid_t not_this)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, 0)) > 0)
		assert_int_not_equal(pid, not_this);
	assert_int_equal(errno, ECHILD);
}

static void
a_hook_that_takes_too_long_is_killed_with_its_children(void **state)
{
	char expect[256];

	(void)state;
	params.hook_timeout_ms = 300;
	start();
	assert_int_equal(helper_run_hook(helper, HOOK_HANG, NULL), 0);
	assert_int_equal(helper_run_hook(helper, HOOK_FIFO, NULL), 0);
	assert_string_equal(read_text(files[FILE_FIFO]), "here\n"); /* the next one runs */
	assert_killed_orphan(in_dir("child"));
	snprintf(expect, sizeof(expect), "%s: took longer than 300 ms\n", hooks[HOOK_HANG]);
	assert_string_equal(logged->lines, expect);
}

static void
the_end_waits_for_a_hook_no_longer_than_for_one(void **state)
{
	pid_t pid;

	(void)state;
	params.hook_timeout_ms = 300;
	start();
	pid = helper->pid;
	for (int i = 0; i < 17; i++) /* 5.1 s of them */
		assert_int_equal(helper_run_hook(helper, HOOK_HANG, NULL), 0);
	assert_int_equal(helper->stop_ms, 300 + 2000);
	helper_stop(helper);
	helper = NULL;
	/* it ended by itself before it was given up, and left nobody */
	reap_orphans(pid);
}

static void
only_so_many_hooks_wait(void **state)
{
	(void)state;
	start();
	for (int i = 0; i < 1 + 16; i++)
		assert_int_equal(helper_run_hook(helper, HOOK_WAIT, NULL), 0);
	assert_int_equal(helper_run_hook(helper, HOOK_WAIT, NULL), -EAGAIN);
	assert_int_equal(helper_run_hook(helper, HOOK_WAIT, NULL), -EAGAIN);
	shutdown(helper->fd, SHUT_WR); /* as if the program had ended: nobody waits for them */
	helper_stop(helper);
	helper = NULL;
	reap_orphans(0);
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
		helper = helper_start(&params, err, sizeof(err));
		if (!helper)
			_exit(1);
		for (size_t i = 0; i < 4; i++) {
			signal(signals[i], SIG_IGN); /* here only */
			kill(0, signals[i]);
		}
		if (helper_open_file(helper, FILE_SMALL, &fd) != 0)
			_exit(2);
		helper_stop(helper);
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
		helper = helper_start(&params, err, sizeof(err));
		if (!helper || (dropped && privilege_drop(&drop, err, sizeof(err)) != PRIVILEGE_DROPPED) ||
		    (hanging && helper_run_hook(helper, HOOK_FIFO, NULL) != 0) ||
		    write(ends[1], &helper->pid, sizeof(pid_t)) != sizeof(pid_t))
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
	reap_orphans(0);
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
	start();
	assert_int_equal(kill(helper->pid, SIGKILL), 0);
}

static void
a_relative_hook_is_refused(void **state)
{
	char err[256] = "";

	(void)state;
	hooks[HOOK_ENV] = "hook0";
	assert_null(helper_start(&params, err, sizeof(err)));
	assert_string_equal(err, "hook hook0: not an absolute path");
}

/* --- as root */

#define NEED_ROOT()                                                                          \
	do {                                                                                 \
		if (geteuid() != 0 || !privilege_net_admin() || !getpwnam("nobody") ||       \
		    chown(dir, getpwnam("nobody")->pw_uid, 0) < 0 || chown(dir, 0, 0) < 0) { \
			print_message("# not root, or no account 'nobody'\n");               \
			skip();                                                              \
		}                                                                            \
	} while (0)

/* Exit status 0, or the number of the step that went wrong. */
static int
use_after_drop(void)
{
	const struct privilege_drop_params drop = { "nobody", PRIVILEGE_NET_ADMIN };
	char err[256], text[8];
	int fd;

	helper = helper_start(&params, err, sizeof(err));
	if (!helper)
		return 1;
	if (privilege_drop(&drop, err, sizeof(err)) != PRIVILEGE_DROPPED)
		return 2;
	if (open(files[FILE_SMALL], O_RDONLY) != -1 || errno != EACCES)
		return 3;
	if (helper_open_file(helper, FILE_SMALL, &fd) != 0 || read(fd, text, sizeof(text)) != 7)
		return 4;
	if (kill(helper->pid, SIGKILL) != -1 || errno != EPERM)
		return 5;
	if (helper_run_hook(helper, HOOK_ENV, NULL) != 0)
		return 6;
	helper_stop(helper);
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : 7;
}

static void
after_the_drop_it_still_reads_files_of_root(void **state)
{
	pid_t pid;
	int status;

	(void)state;
	NEED_ROOT();
	pid = fork();
	if (pid == 0)
		_exit(use_after_drop());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(atoi(status_field(read_text(in_dir("status")), "Uid:\t")), 0);
}

static void
it_ends_with_a_program_that_may_not_signal_it(void **state)
{
	(void)state;
	NEED_ROOT();
	kill_the_program(false, true);
}

static uint64_t
caps_of(const char *text, const char *name)
{
	return strtoull(status_field(text, name), NULL, 16);
}

static void
it_has_only_the_capabilities_it_needs(void **state)
{
	const uint64_t read_files = UINT64_C(1) << CAP_DAC_READ_SEARCH;
	const uint64_t for_hooks = read_files | UINT64_C(1) << CAP_NET_ADMIN | UINT64_C(1) << CAP_NET_RAW;
	char path[64];

	(void)state;
	NEED_ROOT();
	for (size_t n_hooks = 0; n_hooks <= N_HOOKS; n_hooks += N_HOOKS) {
		const uint64_t most = n_hooks ? for_hooks : read_files;
		const char *text;

		params.n_hooks = n_hooks;
		start();
		snprintf(path, sizeof(path), "/proc/%d/status", (int)helper->pid);
		text = read_text(path);
		assert_string_equal(status_field(text, "Name:\t"), "cs-helper");
		assert_int_equal(caps_of(text, "CapEff:\t"), read_files);
		assert_int_equal(caps_of(text, "CapPrm:\t"), most);
		assert_int_equal(caps_of(text, "CapBnd:\t"), most);
		assert_int_equal(caps_of(text, "CapInh:\t"), 0);
		if (n_hooks)
			assert_int_equal(helper_run_hook(helper, HOOK_ENV, NULL), 0);
		helper_stop(helper);
		helper = NULL;
	}
	assert_int_equal(caps_of(read_text(in_dir("status")), "CapEff:\t"), for_hooks);
	assert_int_equal(caps_of(read_text(in_dir("status")), "CapBnd:\t"), for_hooks);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_file_is_opened_for_reading_only),
		T(what_cannot_be_opened_says_why),
		T(the_program_loses_no_descriptors),
		T(the_helper_keeps_no_descriptors_of_the_program),
		T(a_malformed_request_ends_it),
		T(too_long_or_too_many_variables_end_it),
		T(a_helper_that_does_not_answer_is_given_up),
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
		T(signals_to_the_process_group_do_not_end_it),
		T(it_ends_with_the_program),
		T(stopping_nothing_is_fine),
		T(a_relative_hook_is_refused),
		T(after_the_drop_it_still_reads_files_of_root),
		T(it_ends_with_a_program_that_may_not_signal_it),
		T(it_has_only_the_capabilities_it_needs),
	};
#undef T

	return cmocka_run_group_tests_name("helper", tests, NULL, NULL);
}
