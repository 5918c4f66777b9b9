/* The control socket and its client, in one process and one event base. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "castswitch/ctl.h"
#include "castswitch/ctl_client.h"

struct fixture {
	char dir[64], path[96];
	struct event_base *base;
	struct ctl *ctl;
	unsigned calls;
};

static json_t *
cmd_echo(void *arg, const json_t *request, char *err, size_t errlen)
{
	struct fixture *f = arg;

	(void)err;
	(void)errlen;
	f->calls++;
	return json_incref(json_object_get(request, "value"));
}

static json_t *
cmd_fail(void *arg, const json_t *request, char *err, size_t errlen)
{
	(void)arg;
	(void)request;
	snprintf(err, errlen, "no such \"peer\" '\xff\n'");
	return NULL;
}

static json_t *
cmd_silent(void *arg, const json_t *request, char *err, size_t errlen)
{
	(void)arg;
	(void)request;
	(void)err;
	(void)errlen;
	return NULL;
}

static json_t *
cmd_big(void *arg, const json_t *request, char *err, size_t errlen)
{
	struct fixture *f = arg;
	const json_int_t mib = json_integer_value(json_object_get(request, "mib"));
	const size_t size = (size_t)(mib > 0 ? mib : 1) * 1024 * 1024;
	char *text = malloc(size);

	(void)err;
	(void)errlen;
	f->calls++;
	memset(text, 'x', size);
	json_t *v = json_stringn(text, size);
	free(text);
	return v;
}

static json_t *
cmd_whoami(void *arg, const json_t *request, char *err, size_t errlen)
{
	struct fixture *f = arg;
	const struct ctl_cred *who = ctl_caller(f->ctl);

	(void)request;
	(void)err;
	(void)errlen;
	return json_pack("{s:i, s:i, s:i}", "pid", (int)who->pid, "uid", (int)who->uid, "gid", (int)who->gid);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char err[CTL_ERROR_MAX] = "";

	signal(SIGPIPE, SIG_IGN);
	strcpy(f->dir, "/tmp/test_ctl.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/sock", f->dir);
	f->base = event_base_new();
	f->ctl = ctl_open(f->base, f->path, err, sizeof(err));
	if (!f->ctl)
		print_error("%s\n", err);
	assert_non_null(f->ctl);
	assert_int_equal(ctl_register(f->ctl, "echo", "gives back what it got", cmd_echo, f), 0);
	assert_int_equal(ctl_register(f->ctl, "fail", "says why", cmd_fail, f), 0);
	assert_int_equal(ctl_register(f->ctl, "silent", "says nothing", cmd_silent, f), 0);
	assert_int_equal(ctl_register(f->ctl, "big", "so many MiB", cmd_big, f), 0);
	assert_int_equal(ctl_register(f->ctl, "whoami", "the caller", cmd_whoami, f), 0);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	ctl_close(f->ctl);
	event_base_free(f->base);
	unlink(f->path);
	rmdir(f->dir);
	free(f);
	return 0;
}

/* Runs the loop until nothing happens any more. */
static void
settle(struct fixture *f)
{
	for (unsigned quiet = 0; quiet < 3; quiet++)
		event_base_loop(f->base, EVLOOP_NONBLOCK);
}

static int
dial(struct fixture *f)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(addr.sun_path, f->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	settle(f);
	return fd;
}

/* Sends bytes that must fit, and lets the server work on them. */
static void
put(struct fixture *f, int fd, const char *text, size_t len)
{
	for (unsigned tries = 0; len > 0; tries++) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		assert_true(n > 0 || (n < 0 && errno == EAGAIN && tries < 1000));
		settle(f);
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
}

/* What has come; "" when nothing. */
static const char *
take(struct fixture *f, int fd)
{
	static char buf[4096];
	size_t len = 0;
	ssize_t n;

	settle(f);
	while (len < sizeof(buf) - 1 && (n = recv(fd, buf + len, sizeof(buf) - 1 - len, 0)) > 0)
		len += (size_t)n;
	buf[len] = '\0';
	return buf;
}

static bool
is_closed(struct fixture *f, int fd)
{
	char c;

	settle(f);
	ssize_t n = recv(fd, &c, 1, MSG_PEEK);
	return n == 0 || (n < 0 && errno == ECONNRESET);
}

static const char *
ask(struct fixture *f, int fd, const char *line)
{
	put(f, fd, line, strlen(line));
	return take(f, fd);
}

static void
test_good(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	assert_int_equal(ctl_clients(f->ctl), 1);
	assert_string_equal(ask(f, fd, "{\"command\":\"echo\",\"value\":[1,\"\\n\",{}]}\n"),
			    "{\"ok\":true,\"result\":[1,\"\\n\",{}]}\n");
	/* Two in one, one in two, blank lines and CR. */
	assert_string_equal(
		ask(f, fd, "{\"command\":\"echo\",\"value\":1}\r\n\n \t\r\n{\"command\":\"echo\",\"value\":2}\n{\"com"),
		"{\"ok\":true,\"result\":1}\n{\"ok\":true,\"result\":2}\n");
	assert_string_equal(ask(f, fd, "mand\":\"echo\",\"value\":3}"), "");
	assert_string_equal(ask(f, fd, "\n"), "{\"ok\":true,\"result\":3}\n");
	close(fd);
	settle(f);
	assert_int_equal(ctl_clients(f->ctl), 0);
}

static void
test_help(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	assert_string_equal(
		ask(f, fd, "{\"command\":\"help\"}\n"),
		"{\"ok\":true,\"result\":[{\"name\":\"help\",\"help\":\"the commands there are\"},"
		"{\"name\":\"echo\",\"help\":\"gives back what it got\"},{\"name\":\"fail\",\"help\":\"says why\"},"
		"{\"name\":\"silent\",\"help\":\"says nothing\"},{\"name\":\"big\",\"help\":\"so many MiB\"},"
		"{\"name\":\"whoami\",\"help\":\"the caller\"}]}\n");
	close(fd);
}

static void
test_bad_lines_do_not_disconnect(void **state)
{
	static const char nul[] = "{\"command\":\"echo\",\"value\":\"\0\"}\n";
	struct fixture *f = *state;
	int fd = dial(f);

	assert_non_null(strstr(ask(f, fd, "hello\n"), "{\"ok\":false,\"error\":\"not JSON: "));
	assert_non_null(strstr(ask(f, fd, "\"\xff\"\n"), "{\"ok\":false,\"error\":\"not JSON: "));
	assert_non_null(strstr(ask(f, fd, "{\"command\":\"echo\"\n"), "\"error\":\"not JSON: "));
	assert_non_null(
		strstr(ask(f, fd, "{\"command\":\"a\",\"command\":\"b\"}\n"), "\"error\":\"not JSON: duplicate"));
	assert_string_equal(ask(f, fd, "[1]\n"), "{\"ok\":false,\"error\":\"not a JSON object\"}\n");
	assert_string_equal(ask(f, fd, "{\"command\":1}\n"),
			    "{\"ok\":false,\"error\":\"no command (try {\\\"command\\\":\\\"help\\\"})\"}\n");
	assert_string_equal(ask(f, fd, "{\"command\":\"grops\"}\n"),
			    "{\"ok\":false,\"error\":\"unknown command 'grops' (try help)\"}\n");
	assert_string_equal(ask(f, fd, "{\"command\":\"fail\"}\n"),
			    "{\"ok\":false,\"error\":\"no such \\\"peer\\\" '\?\?'\"}\n");
	assert_string_equal(ask(f, fd, "{\"command\":\"silent\"}\n"), "{\"ok\":false,\"error\":\"failed\"}\n");
	assert_string_equal(ask(f, fd, "{\"command\":\"echo\",\"value\":1}\n"), "{\"ok\":true,\"result\":1}\n");
	put(f, fd, nul, sizeof(nul) - 1);
	assert_non_null(strstr(take(f, fd), "\"error\":\"not JSON: "));
	close(fd);
}

/* A request line of n bytes without its newline. */
static char *
line_of(size_t n)
{
	static const char start[] = "{\"command\":\"echo\",\"value\":7,\"x\":\"";
	char *line = malloc(n + 2);

	memset(line, 'x', n);
	memcpy(line, start, sizeof(start) - 1);
	strcpy(line + n - 2, "\"}\n");
	return line;
}

static void
test_longest_line(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);
	char *line = line_of(CTL_LINE_MAX);

	assert_string_equal(ask(f, fd, line), "{\"ok\":true,\"result\":7}\n");
	assert_string_equal(ask(f, fd, line), "{\"ok\":true,\"result\":7}\n");
	free(line);
	line = line_of(CTL_LINE_MAX + 1);
	assert_string_equal(ask(f, fd, line), "{\"ok\":false,\"error\":\"line too long (more than 65536 bytes)\"}\n");
	assert_true(is_closed(f, fd));
	assert_int_equal(ctl_clients(f->ctl), 0);
	free(line);
	close(fd);
}

/* The end need not come: one byte too many is enough. */
static void
test_endless_line(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);
	char *line = line_of(CTL_LINE_MAX + 1);

	put(f, fd, line, CTL_LINE_MAX);
	assert_string_equal(take(f, fd), "");
	assert_false(is_closed(f, fd));
	put(f, fd, "x", 1);
	assert_string_equal(take(f, fd), "{\"ok\":false,\"error\":\"line too long (more than 65536 bytes)\"}\n");
	assert_true(is_closed(f, fd));
	free(line);
	close(fd);
}

/* Who asks on without reading is dropped soon behind the limit; nobody else notices. */
static void
test_slow_reader(void **state)
{
	static const char big[] = "{\"command\":\"big\"}\n";
	struct fixture *f = *state;
	int slow = dial(f), other = dial(f);

	for (unsigned i = 0; i < 4; i++)
		put(f, slow, big, sizeof(big) - 1);
	assert_int_equal(f->calls, 4);
	assert_int_equal(ctl_clients(f->ctl), 2);
	for (unsigned i = 0; i < 4; i++)
		if (send(slow, big, sizeof(big) - 1, MSG_NOSIGNAL) > 0)
			settle(f);
	assert_true(f->calls <= 6);
	assert_int_equal(ctl_clients(f->ctl), 1);
	assert_string_equal(ask(f, other, "{\"command\":\"echo\",\"value\":1}\n"), "{\"ok\":true,\"result\":1}\n");
	close(slow);
	close(other);
}

/* Reads to the end of the connection: how many lines came.  Stops also when nothing comes for long. */
static unsigned
count_lines(struct fixture *f, int fd)
{
	unsigned lines = 0;

	for (unsigned quiet = 0; quiet < 100 && !is_closed(f, fd); quiet++)
		for (const char *p = take(f, fd); *p; p++, quiet = 0)
			lines += *p == '\n';
	return lines;
}

/* One answer may be larger than what may wait: its reader asks for nothing more, and gets it. */
static void
test_large_answer(void **state)
{
	static const char large[] = "{\"command\":\"big\",\"mib\":6}\n";
	struct fixture *f = *state;
	int fd = dial(f);

	put(f, fd, large, sizeof(large) - 1);
	assert_int_equal(ctl_clients(f->ctl), 1);
	shutdown(fd, SHUT_WR);
	settle(f);
	assert_int_equal(ctl_clients(f->ctl), 1);
	assert_int_equal(count_lines(f, fd), 1);
	assert_int_equal(ctl_clients(f->ctl), 0);
	close(fd);
	/* Asking on is what goes too far; a line that has no end yet does not ask. */
	fd = dial(f);
	put(f, fd, large, sizeof(large) - 1);
	put(f, fd, "{", 1);
	assert_int_equal(ctl_clients(f->ctl), 1);
	put(f, fd, "}\n", 2);
	assert_int_equal(ctl_clients(f->ctl), 0);
	assert_int_equal(count_lines(f, fd), 0);
	close(fd);
}

/* One that sends many requests at once does not hold up the others. */
static void
test_turns(void **state)
{
	struct fixture *f = *state;
	int greedy = dial(f), modest = dial(f);
	char many[3200];
	size_t len = 0;

	for (unsigned i = 0; i < 100; i++)
		len += (size_t)sprintf(many + len, "{\"command\":\"echo\",\"value\":0}\n");
	assert_true(send(greedy, many, len, 0) == (ssize_t)len);
	assert_true(send(modest, many, 29, 0) == 29);
	event_base_loop(f->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	assert_true(f->calls >= 2 && f->calls <= 17);
	event_base_loop(f->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	assert_true(f->calls < 40);
	char answer[64];
	assert_int_equal(recv(modest, answer, sizeof(answer), 0), 23);
	for (unsigned i = 0; i < 20; i++)
		settle(f);
	assert_int_equal(f->calls, 101);
	close(greedy);
	close(modest);
}

static void
test_too_many_clients(void **state)
{
	struct fixture *f = *state;
	int fd[CTL_CLIENTS_MAX + 1];

	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++)
		fd[i] = dial(f);
	assert_int_equal(ctl_clients(f->ctl), CTL_CLIENTS_MAX);
	assert_string_equal(ask(f, fd[CTL_CLIENTS_MAX - 1], "{\"command\":\"echo\",\"value\":1}\n"),
			    "{\"ok\":true,\"result\":1}\n");
	fd[CTL_CLIENTS_MAX] = dial(f);
	assert_string_equal(take(f, fd[CTL_CLIENTS_MAX]), "{\"ok\":false,\"error\":\"too many clients\"}\n");
	assert_true(is_closed(f, fd[CTL_CLIENTS_MAX]));
	/* Whoever goes makes place. */
	close(fd[0]);
	settle(f);
	fd[0] = dial(f);
	assert_string_equal(ask(f, fd[0], "{\"command\":\"echo\",\"value\":1}\n"), "{\"ok\":true,\"result\":1}\n");
	for (unsigned i = 0; i <= CTL_CLIENTS_MAX; i++)
		close(fd[i]);
}

/* A client that has said all it wants still gets its answers. */
static void
test_half_close(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);
	char many[600];
	size_t len = 0;
	unsigned lines = 0;

	for (unsigned i = 0; i < 20; i++)
		len += (size_t)sprintf(many + len, "{\"command\":\"echo\",\"value\":1}\n");
	assert_true(send(fd, many, len, 0) == (ssize_t)len);
	shutdown(fd, SHUT_WR);
	for (unsigned i = 0; i < 10; i++)
		settle(f);
	for (const char *p = take(f, fd); *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 20);
	assert_true(is_closed(f, fd));
	assert_int_equal(ctl_clients(f->ctl), 0);
	close(fd);
}

static void
test_who_asks(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);
	char expected[128];

	snprintf(expected, sizeof(expected), "{\"ok\":true,\"result\":{\"pid\":%d,\"uid\":%d,\"gid\":%d}}\n",
		 (int)getpid(), (int)getuid(), (int)getgid());
	assert_string_equal(ask(f, fd, "{\"command\":\"whoami\"}\n"), expected);
	close(fd);
}

static void
test_register(void **state)
{
	static char names[CTL_COMMANDS_MAX][8];
	struct fixture *f = *state;

	assert_int_equal(ctl_register(f->ctl, "echo", "", cmd_echo, f), -EEXIST);
	assert_int_equal(ctl_register(f->ctl, "help", "", cmd_echo, f), -EEXIST);
	for (unsigned i = 0; i < CTL_COMMANDS_MAX - 6; i++) {
		snprintf(names[i], sizeof(names[i]), "c%u", i);
		assert_int_equal(ctl_register(f->ctl, names[i], "", cmd_echo, f), 0);
	}
	assert_int_equal(ctl_register(f->ctl, "more", "", cmd_echo, f), -ENOSPC);
}

/* --- the socket file -------------------------------------------------------------------------------------------------
 */

static void
test_mode_and_removal(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(lstat(f->path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0660);
	ctl_close(f->ctl);
	f->ctl = NULL;
	assert_int_equal(lstat(f->path, &st), -1);
	ctl_close(NULL);
}

static void
test_live_socket_is_kept(void **state)
{
	struct fixture *f = *state;
	char err[CTL_ERROR_MAX] = "", expected[CTL_ERROR_MAX];

	snprintf(expected, sizeof(expected), "another %s is running (socket %s)", program_invocation_short_name,
		 f->path);
	assert_null(ctl_open(f->base, f->path, err, sizeof(err)));
	assert_string_equal(err, expected);
	int fd = dial(f);
	assert_string_equal(ask(f, fd, "{\"command\":\"echo\",\"value\":1}\n"), "{\"ok\":true,\"result\":1}\n");
	close(fd);
}

static void
test_stale_socket_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char err[CTL_ERROR_MAX] = "";
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	ctl_close(f->ctl);
	strcpy(addr.sun_path, f->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	assert_int_equal(access(f->path, F_OK), 0);
	f->ctl = ctl_open(f->base, f->path, err, sizeof(err));
	assert_non_null(f->ctl);
	ctl_register(f->ctl, "echo", "", cmd_echo, f);
	fd = dial(f);
	assert_string_equal(ask(f, fd, "{\"command\":\"echo\",\"value\":1}\n"), "{\"ok\":true,\"result\":1}\n");
	close(fd);
}

/* Somebody else's file is neither removed at the start nor at the end. */
static void
test_other_files_are_kept(void **state)
{
	struct fixture *f = *state;
	char err[CTL_ERROR_MAX] = "", expected[CTL_ERROR_MAX];

	unlink(f->path);
	int fd = open(f->path, O_CREAT | O_EXCL | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	ctl_close(f->ctl);
	f->ctl = NULL;
	assert_int_equal(access(f->path, F_OK), 0);
	assert_null(ctl_open(f->base, f->path, err, sizeof(err)));
	snprintf(expected, sizeof(expected), "%s exists and is not a socket", f->path);
	assert_string_equal(err, expected);
	assert_int_equal(access(f->path, F_OK), 0);
}

/* Nor is a socket of another kind. */
static void
test_other_sockets_are_kept(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char err[CTL_ERROR_MAX] = "", expected[CTL_ERROR_MAX];
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	ctl_close(f->ctl);
	f->ctl = NULL;
	strcpy(addr.sun_path, f->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_null(ctl_open(f->base, f->path, err, sizeof(err)));
	snprintf(expected, sizeof(expected), "cannot replace socket %s: Protocol wrong type for socket", f->path);
	assert_string_equal(err, expected);
	assert_int_equal(access(f->path, F_OK), 0);
	close(fd);
}

static void
test_bad_paths(void **state)
{
	struct fixture *f = *state;
	char err[CTL_ERROR_MAX] = "", longest[109];

	assert_null(ctl_open(f->base, "/nonexistent/sock", err, sizeof(err)));
	assert_string_equal(err, "cannot open socket /nonexistent/sock: No such file or directory");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[108] = '\0';
	assert_null(ctl_open(f->base, longest, err, sizeof(err)));
	assert_string_equal(err, "the path of the socket has 108 bytes (allowed: 1 to 107)");
	assert_null(ctl_open(f->base, "", err, sizeof(err)));
}

/* --- the client side -------------------------------------------------------------------------------------------------
 */

/* Asks from another process while this one serves. */
static void
from_child(struct fixture *f, const char *command, const char *expected_error)
{
	pid_t pid = fork();
	int status = -1;

	assert_true(pid >= 0);
	if (pid == 0) {
		char err[CTL_ERROR_MAX] = "";
		json_t *result = ctl_client_request(f->path, command, err, sizeof(err));
		const bool good = expected_error ? !result && strcmp(err, expected_error) == 0 : result != NULL;

		if (!good)
			fprintf(stderr, "%s: %s\n", command, err);
		json_decref(result);
		_exit(good ? 0 : 1);
	}
	while (waitpid(pid, &status, WNOHANG) == 0)
		event_base_loop(f->base, EVLOOP_NONBLOCK);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void
test_client(void **state)
{
	struct fixture *f = *state;

	from_child(f, "help", NULL);
	from_child(f, "big", NULL);
	from_child(f, "nonsense", "unknown command 'nonsense' (try help)");
}

static void
test_client_cannot_connect(void **state)
{
	struct fixture *f = *state;
	char err[CTL_ERROR_MAX], expected[CTL_ERROR_MAX];

	ctl_close(f->ctl);
	f->ctl = NULL;
	snprintf(expected, sizeof(expected),
		 "cannot connect to %s: no such file or directory (is castswitchd running?)", f->path);
	assert_null(ctl_client_request(f->path, "help", err, sizeof(err)));
	assert_string_equal(err, expected);
	assert_null(ctl_client_request("/nonexistent/castswitch.sock", "help", err, sizeof(err)));
	assert_string_equal(err, "cannot connect to /nonexistent/castswitch.sock: no such file or directory "
				 "(is castswitch running?)");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_good),
		TEST(test_help),
		TEST(test_bad_lines_do_not_disconnect),
		TEST(test_longest_line),
		TEST(test_endless_line),
		TEST(test_slow_reader),
		TEST(test_large_answer),
		TEST(test_turns),
		TEST(test_too_many_clients),
		TEST(test_half_close),
		TEST(test_who_asks),
		TEST(test_register),
		TEST(test_mode_and_removal),
		TEST(test_live_socket_is_kept),
		TEST(test_stale_socket_is_replaced),
		TEST(test_other_files_are_kept),
		TEST(test_other_sockets_are_kept),
		TEST(test_bad_paths),
		TEST(test_client),
		TEST(test_client_cannot_connect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
