/* Asks a running program through its control socket. */
#include "castswitch/ctl_client.h"

#include <ctype.h>
#include <errno.h>
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

/* Why sending or receiving stopped; e is 0 when the other side closed. */
static void
broken(const char *path, int e, char *err, size_t errlen)
{
	char why[128];

	if (e == 0 || e == EPIPE || e == ECONNRESET)
		explain(err, errlen, "%s closed the connection without an answer", path);
	else if (e == EAGAIN)
		explain(err, errlen, "no answer from %s within %d s", path, CTL_CLIENT_TIMEOUT_S);
	else
		explain(err, errlen, "%s: %s", path, reason(e, why, sizeof(why)));
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

/* Receives up to a newline, which is not kept.  False with err. */
static bool
receive_line(int fd, const char *path, struct sbuf *line, char *err, size_t errlen)
{
	char buf[65536];

	while (line->len <= CTL_CLIENT_ANSWER_MAX) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			broken(path, n < 0 ? errno : 0, err, errlen);
			return false;
		}
		const char *end = memchr(buf, '\n', (size_t)n);
		sbuf_add(line, buf, end ? (size_t)(end - buf) : (size_t)n);
		if (sbuf_failed(line)) {
			explain(err, errlen, "out of memory");
			return false;
		}
		if (end)
			return true;
	}
	explain(err, errlen, "the answer from %s is too long", path);
	return false;
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
			explain(err, errlen, "%s gave an answer that cannot be understood", path);
	}
	json_decref(answer);
	return result;
}

static json_t *
exchange(int fd, const char *path, const char *text, char *err, size_t errlen)
{
	json_t *result = NULL;
	struct sbuf line;
	int e = send_all(fd, text, strlen(text));

	if (!e)
		e = send_all(fd, "\n", 1);
	/* One that closes at once may have said why. */
	if (e && e != EPIPE) {
		broken(path, e, err, errlen);
		return NULL;
	}
	sbuf_init(&line);
	if (receive_line(fd, path, &line, err, errlen))
		result = unwrap(path, &line, err, errlen);
	sbuf_free(&line);
	return result;
}

json_t *
ctl_client_call(const char *path, const json_t *request, char *err, size_t errlen)
{
	char *text = json_dumps(request, JSON_COMPACT);
	json_t *result = NULL;

	if (!text) {
		explain(err, errlen, "out of memory");
		return NULL;
	}
	int fd = connect_to(path, err, errlen);
	if (fd >= 0) {
		result = exchange(fd, path, text, err, errlen);
		close(fd);
	}
	free(text);
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
