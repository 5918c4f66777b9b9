/* Asks a running program through its control socket. */
#include "castswitch/ctl_client.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "castswitch/sbuf.h"

#define SERVER_SOCKET CASTSWITCH_RUNDIR "/castswitchd.sock"
#define CLIENT_SOCKET CASTSWITCH_RUNDIR "/castswitch.sock"

const char *
ctl_client_default_socket(void)
{
	return access(SERVER_SOCKET, F_OK) != 0 && access(CLIENT_SOCKET, F_OK) == 0 ? CLIENT_SOCKET : SERVER_SOCKET;
}

static void __attribute__((format(printf, 3, 4))) explain(char *err, size_t errlen, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, errlen, fmt, ap);
	va_end(ap);
}

/* The reason within a sentence: "no such file or directory". */
static const char *
reason(int e, char *buf, size_t len)
{
	snprintf(buf, len, "%s", strerror(e));
	if (buf[0] && islower((unsigned char)buf[1]))
		buf[0] = (char)tolower((unsigned char)buf[0]);
	return buf;
}

/* Which program's socket it is. */
static const char *
program_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strcmp(slash ? slash + 1 : path, "castswitch.sock") == 0 ? "castswitch" : "castswitchd";
}

static void
cannot_connect(const char *path, int e, char *err, size_t errlen)
{
	char why[128];

	reason(e, why, sizeof(why));
	if (e == ENOENT || e == ECONNREFUSED)
		explain(err, errlen, "cannot connect to %s: %s (is %s running?)", path, why, program_of(path));
	else if (e == EACCES)
		explain(err, errlen, "cannot connect to %s: %s (root and the socket's group may)", path, why);
	else
		explain(err, errlen, "cannot connect to %s: %s", path, why);
}

/* A connected socket whose calls give up in time, or -1. */
static int
connect_to(const char *path, char *err, size_t errlen)
{
	const struct timeval timeout = { .tv_sec = CTL_CLIENT_TIMEOUT_S };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(addr.sun_path)) {
		cannot_connect(path, ENAMETOOLONG, err, errlen);
		return -1;
	}
	memcpy(addr.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) == 0 &&
	    connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	cannot_connect(path, errno, err, errlen);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* 0, or the errno. */
static int
send_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

/* --- lines -----------------------------------------------------------------------------------------------------------
 */

/* Why there is no line, where it is not an errno. */
enum { LINE_CLOSED = -1, LINE_UNREAD = -2, LINE_TOO_LONG = -3 };

struct lines {
	int fd;
	bool patient; /* waits as long as it takes, and looks at 'out' meanwhile: see ctl_client_watch() */
	int out;
	size_t at, end; /* what of buf has come and was not used yet */
	char buf[65536];
};

/* Why sending or receiving stopped. */
static void
broken(const char *path, int e, char *err, size_t errlen)
{
	char why[128];

	if (e == LINE_CLOSED || e == EPIPE || e == ECONNRESET)
		explain(err, errlen, "%s closed the connection without an answer", path);
	else if (e == LINE_TOO_LONG)
		explain(err, errlen, "the answer from %s is too long", path);
	else if (e == EAGAIN)
		explain(err, errlen, "no answer from %s within %d s", path, CTL_CLIENT_TIMEOUT_S);
	else
		explain(err, errlen, "%s: %s", path, reason(e, why, sizeof(why)));
}

/* Waits until there is something to read, or nobody reads what it would be read for.  0 or why not. */
static int
wait_for_more(const struct lines *l)
{
	struct pollfd fds[] = { { .fd = l->fd, .events = POLLIN }, { .fd = l->out } };

	while (poll(fds, 2, -1) < 0)
		if (errno != EINTR)
			return errno;
	return fds[1].revents ? LINE_UNREAD : 0;
}

static int
receive_more(struct lines *l)
{
	ssize_t n;
	int e = l->patient ? wait_for_more(l) : 0;

	if (e)
		return e;
	while ((n = recv(l->fd, l->buf, sizeof(l->buf), 0)) < 0 && errno == EINTR)
		continue;
	if (n <= 0)
		return n < 0 ? errno : LINE_CLOSED;
	l->at = 0;
	l->end = (size_t)n;
	return 0;
}

/* The next line without its newline.  0 or why there is none. */
static int
next_line(struct lines *l, struct sbuf *line)
{
	sbuf_reset(line);
	while (line->len <= CTL_CLIENT_ANSWER_MAX) {
		const int e = l->at == l->end ? receive_more(l) : 0;

		if (e)
			return e;
		const char *from = l->buf + l->at, *newline = memchr(from, '\n', l->end - l->at);
		const size_t n = newline ? (size_t)(newline - from) : l->end - l->at;
		sbuf_add(line, from, n);
		l->at += n + (newline != NULL);
		if (sbuf_failed(line))
			return ENOMEM;
		if (newline)
			return 0;
	}
	return LINE_TOO_LONG;
}

/* --- the answer ------------------------------------------------------------------------------------------------------
 */

static void
not_understood(const char *path, char *err, size_t errlen)
{
	explain(err, errlen, "%s gave an answer that cannot be understood", path);
}

/* The result in an answer, or NULL with the error in it. */
static json_t *
unwrap(const char *path, const struct sbuf *line, char *err, size_t errlen)
{
	json_error_t why;
	json_t *answer = json_loadb(sbuf_str(line), line->len, 0, &why);
	json_t *result = json_object_get(answer, "result");
	const char *error = json_string_value(json_object_get(answer, "error"));

	if (json_is_true(json_object_get(answer, "ok")) && result) {
		json_incref(result);
	} else {
		result = NULL;
		if (error)
			explain(err, errlen, "%s", error);
		else
			not_understood(path, err, errlen);
	}
	json_decref(answer);
	return result;
}

static json_t *
exchange(struct lines *l, const char *path, const char *text, char *err, size_t errlen)
{
	json_t *result = NULL;
	struct sbuf line;
	int e = send_all(l->fd, text, strlen(text));

	if (!e)
		e = send_all(l->fd, "\n", 1);
	sbuf_init(&line);
	/* One that closes at once may have said why. */
	if (!e || e == EPIPE)
		e = next_line(l, &line);
	if (e)
		broken(path, e, err, errlen);
	else
		result = unwrap(path, &line, err, errlen);
	sbuf_free(&line);
	return result;
}

/* Connects and asks; l->fd stays -1 when it fails there. */
static json_t *
ask(struct lines *l, const char *path, const json_t *request, char *err, size_t errlen)
{
	char *text = json_dumps(request, JSON_COMPACT);
	json_t *result = NULL;

	*l = (struct lines){ .fd = -1 };
	if (!text)
		explain(err, errlen, "out of memory");
	else
		l->fd = connect_to(path, err, errlen);
	if (l->fd >= 0)
		result = exchange(l, path, text, err, errlen);
	free(text);
	return result;
}

static void
hang_up(struct lines *l)
{
	if (l->fd >= 0)
		close(l->fd);
}

json_t *
ctl_client_call(const char *path, const json_t *request, char *err, size_t errlen)
{
	struct lines l;
	json_t *result = ask(&l, path, request, err, errlen);

	hang_up(&l);
	return result;
}

json_t *
ctl_client_request(const char *path, const char *command, char *err, size_t errlen)
{
	json_t *request = json_pack("{s:s}", "command", command), *result;

	if (!request) {
		explain(err, errlen, "the command is not text");
		return NULL;
	}
	result = ctl_client_call(path, request, err, errlen);
	json_decref(request);
	return result;
}

/* --- events ----------------------------------------------------------------------------------------------------------
 */

static bool
take_event(const char *path, const struct sbuf *line, ctl_client_event_fn *fn, void *arg, bool *ret_more, char *err,
	   size_t errlen)
{
	json_t *event = json_loadb(sbuf_str(line), line->len, 0, NULL);
	const bool good = json_is_object(event);

	if (good)
		*ret_more = fn(arg, event);
	else
		not_understood(path, err, errlen);
	json_decref(event);
	return good;
}

static bool
take_events(struct lines *l, const char *path, ctl_client_event_fn *fn, void *arg, char *err, size_t errlen)
{
	bool more = true, good = true;
	struct sbuf line;
	int e = 0;

	sbuf_init(&line);
	while (good && more && (e = next_line(l, &line)) == 0)
		good = take_event(path, &line, fn, arg, &more, err, errlen);
	sbuf_free(&line);
	if (e == LINE_CLOSED || e == ECONNRESET)
		explain(err, errlen, "%s closed the connection (has %s ended?)", path, program_of(path));
	else if (e && e != LINE_UNREAD)
		broken(path, e, err, errlen);
	return good && (!e || e == LINE_UNREAD);
}

bool
ctl_client_watch(const char *path, const json_t *request, int out, ctl_client_event_fn *fn, void *arg, char *err,
		 size_t errlen)
{
	struct lines l;
	json_t *result = ask(&l, path, request, err, errlen);
	bool good = false;

	if (result) {
		l.patient = true;
		l.out = out;
		good = take_events(&l, path, fn, arg, err, errlen);
	}
	hang_up(&l);
	json_decref(result);
	return good;
}
