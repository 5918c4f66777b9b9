/* The control socket: listening, clients, lines, commands. */
#include "castswitch/ctl.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "castswitch/list.h"

enum {
	LISTEN_BACKLOG = 16,
	REQUESTS_A_TURN = 8,  /* of one client, then others have theirs */
	ACCEPTS_A_TURN = 16,  /* likewise */
	ACCEPT_PAUSE_S = 1,   /* when there are no file descriptors left */
	WRITE_TIMEOUT_S = 30, /* an answer of which nobody reads a byte for so long */
};

struct command {
	const char *name, *help;
	ctl_command_fn *fn;
	void *arg;
};

struct ctl {
	struct event_base *base;
	struct event *accept, *accept_again;
	int fd;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	dev_t dev; /* of the socket's file, to know it again */
	ino_t ino;
	struct list clients;
	size_t n_clients;
	struct command commands[CTL_COMMANDS_MAX];
	size_t n_commands;
	struct ctl_cred caller;
};

struct client {
	struct list link;
	struct ctl *ctl;
	struct bufferevent *bev;
	struct event *again; /* the next turn, when lines are left */
	struct ctl_cred cred;
	size_t searched; /* bytes of the input in which there is no newline */
	bool eof;        /* nothing more comes */
	bool closing;    /* no more requests; ends when the answers are out */
};

static void __attribute__((format(printf, 3, 4))) explain(char *err, size_t errlen, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, errlen, fmt, ap);
	va_end(ap);
}

/* --- clients ---------------------------------------------------------------------------------------------------------
 */

static void
client_free(struct client *c)
{
	if (!c)
		return;
	if (list_is_linked(&c->link)) {
		list_remove(&c->link);
		c->ctl->n_clients--;
	}
	if (c->bev)
		bufferevent_free(c->bev);
	if (c->again)
		event_free(c->again);
	free(c);
}

/* Appends bytes of JSON to the output; for json_dump_callback(). */
static int
add_output(const char *bytes, size_t n, void *output)
{
	return evbuffer_add(output, bytes, n);
}

/* Sends one line; consumes the answer (NULL: out of memory).  False when the client cannot be answered. */
static bool
send_answer(struct client *c, json_t *answer)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);
	const bool good = answer &&
			  json_dump_callback(answer, add_output, out, JSON_COMPACT | JSON_REAL_PRECISION(15)) == 0 &&
			  evbuffer_add(out, "\n", 1) == 0;

	json_decref(answer);
	return good;
}

static bool
send_error(struct client *c, const char *error)
{
	char clean[CTL_ERROR_MAX];
	size_t n = 0;

	/* A reason may quote what was sent, which need not be text. */
	for (; error[n] && n < sizeof(clean) - 1; n++)
		clean[n] = isascii((unsigned char)error[n]) && isprint((unsigned char)error[n]) ? error[n] : '?';
	clean[n] = '\0';
	return send_answer(c, json_pack("{s:b, s:s}", "ok", 0, "error", clean));
}

/* No more requests.  False when the client is gone because there is nothing to wait for. */
static bool
client_close_when_sent(struct client *c)
{
	c->closing = true;
	bufferevent_disable(c->bev, EV_READ);
	if (evbuffer_get_length(bufferevent_get_output(c->bev)) > 0)
		return true;
	client_free(c);
	return false;
}

/* --- requests --------------------------------------------------------------------------------------------------------
 */

static const struct command *
find_command(const struct ctl *ctl, const char *name)
{
	for (size_t i = 0; i < ctl->n_commands; i++)
		if (strcmp(ctl->commands[i].name, name) == 0)
			return &ctl->commands[i];
	return NULL;
}

static bool
run_command(struct client *c, const char *name, const json_t *request)
{
	const struct command *cmd = find_command(c->ctl, name);
	char err[CTL_ERROR_MAX] = "";

	if (!cmd) {
		explain(err, sizeof(err), "unknown command '%.64s' (try help)", name);
		return send_error(c, err);
	}
	c->ctl->caller = c->cred;
	json_t *result = cmd->fn(cmd->arg, request, err, sizeof(err));
	if (!result)
		return send_error(c, err[0] ? err : "failed");
	return send_answer(c, json_pack("{s:b, s:o}", "ok", 1, "result", result));
}

static bool
run_request(struct client *c, const char *line, size_t len)
{
	json_error_t why;
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &why);
	const char *name = json_string_value(json_object_get(request, "command"));
	char err[CTL_ERROR_MAX];
	bool good;

	if (!request) {
		explain(err, sizeof(err), "not JSON: %.*s (column %d)", JSON_ERROR_TEXT_LENGTH / 2, why.text,
			why.column);
		return send_error(c, err);
	}
	if (!json_is_object(request))
		good = send_error(c, "not a JSON object");
	else if (!name)
		good = send_error(c, "no command (try {\"command\":\"help\"})");
	else
		good = run_command(c, name, request);
	json_decref(request);
	return good;
}

static bool
is_blank(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!strchr(" \t\r", line[i]) || !line[i])
			return false;
	return true;
}

/* The length of the next line in the input without its newline, or -1.  Bytes are searched once, however they come. */
static ssize_t
next_line(struct client *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	struct evbuffer_ptr from, at;

	if (c->searched == evbuffer_get_length(in) || evbuffer_ptr_set(in, &from, c->searched, EVBUFFER_PTR_SET) != 0)
		return -1;
	at = evbuffer_search_eol(in, &from, NULL, EVBUFFER_EOL_LF);
	c->searched = at.pos >= 0 ? (size_t)at.pos : evbuffer_get_length(in);
	return at.pos;
}

/* One line of the input, which has it.  False when the client is gone. */
static bool
take_line(struct client *c, size_t len)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	const char *line = (const char *)evbuffer_pullup(in, (ev_ssize_t)len + 1);
	const bool good = line && (is_blank(line, len) || run_request(c, line, len));

	evbuffer_drain(in, len + 1);
	c->searched = 0;
	if (!good)
		client_free(c);
	return good;
}

static bool
line_too_long(struct client *c)
{
	char err[CTL_ERROR_MAX];

	explain(err, sizeof(err), "line too long (more than %d bytes)", CTL_LINE_MAX);
	if (send_error(c, err))
		return client_close_when_sent(c);
	client_free(c);
	return false;
}

/* A few requests of one client.  Whatever is left has the next turn. */
static void
client_turn(struct client *c)
{
	for (unsigned i = 0; i < REQUESTS_A_TURN; i++) {
		if (evbuffer_get_length(bufferevent_get_output(c->bev)) > CTL_BACKLOG_MAX) {
			client_free(c);
			return;
		}
		const ssize_t len = next_line(c);
		if (len > CTL_LINE_MAX || (len < 0 && c->searched > CTL_LINE_MAX)) {
			line_too_long(c);
			return;
		}
		if (len < 0) {
			if (c->eof)
				client_close_when_sent(c);
			return;
		}
		if (!take_line(c, (size_t)len))
			return;
	}
	event_add(c->again, &(struct timeval){ 0, 0 });
}

static void
on_again(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;

	(void)fd;
	(void)what;
	client_turn(c);
}

static void
on_readable(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;

	(void)bev;
	/* The turn that is due takes what has come now, too. */
	if (!c->closing && !event_pending(c->again, EV_TIMEOUT, NULL))
		client_turn(c);
}

/* All answers are out. */
static void
on_written(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;

	(void)bev;
	if (c->closing)
		client_free(c);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct client *c = arg;

	(void)bev;
	if (!(what & BEV_EVENT_EOF) || c->closing) {
		client_free(c); /* an error, or nobody reads */
		return;
	}
	c->eof = true;
	if (!event_pending(c->again, EV_TIMEOUT, NULL))
		client_turn(c);
}

/* --- connections -----------------------------------------------------------------------------------------------------
 */

static bool
read_cred(int fd, struct ctl_cred *ret)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0)
		return false;
	*ret = (struct ctl_cred){ cred.pid, cred.uid, cred.gid };
	return true;
}

/* Takes the descriptor, also when it fails. */
static struct client *
client_new(struct ctl *ctl, int fd)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c) {
		close(fd);
		return NULL;
	}
	list_init(&c->link);
	c->ctl = ctl;
	c->bev = bufferevent_socket_new(ctl->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!c->bev)
		close(fd);
	c->again = evtimer_new(ctl->base, on_again, c);
	if (!c->bev || !c->again || !read_cred(fd, &c->cred)) {
		client_free(c);
		return NULL;
	}
	return c;
}

static void
client_start(struct ctl *ctl, int fd)
{
	const struct timeval write_timeout = { .tv_sec = WRITE_TIMEOUT_S };
	struct client *c = client_new(ctl, fd);

	if (!c)
		return;
	list_push_back(&ctl->clients, &c->link);
	ctl->n_clients++;
	bufferevent_setcb(c->bev, on_readable, on_written, on_event, c);
	/* What is more than a line and its newline shows that the line is too long. */
	bufferevent_setwatermark(c->bev, EV_READ, 0, CTL_LINE_MAX + 2);
	bufferevent_set_timeouts(c->bev, NULL, &write_timeout);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

static void
pause_accept(struct ctl *ctl)
{
	event_del(ctl->accept);
	event_add(ctl->accept_again, &(struct timeval){ .tv_sec = ACCEPT_PAUSE_S });
}

static void
on_connection(evutil_socket_t fd, short what, void *arg)
{
	static const char full[] = "{\"ok\":false,\"error\":\"too many clients\"}\n";
	struct ctl *ctl = arg;

	(void)what;
	for (unsigned i = 0; i < ACCEPTS_A_TURN; i++) {
		int s = accept4((int)fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (s < 0) {
			/* The connection stays in the queue and would call again at once. */
			if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
				pause_accept(ctl);
			return;
		}
		if (ctl->n_clients < CTL_CLIENTS_MAX) {
			client_start(ctl, s);
			continue;
		}
		(void)!send(s, full, sizeof(full) - 1, MSG_NOSIGNAL);
		close(s);
	}
}

static void
on_accept_again(evutil_socket_t fd, short what, void *arg)
{
	struct ctl *ctl = arg;

	(void)fd;
	(void)what;
	event_add(ctl->accept, NULL);
}

/* --- the socket ------------------------------------------------------------------------------------------------------
 */

/* Makes place for our socket file: removes one that nobody listens on. */
static bool
clear_path(const struct sockaddr_un *addr, char *err, size_t errlen)
{
	struct stat st;
	int fd, r;

	if (lstat(addr->sun_path, &st) != 0)
		return true; /* bind() will say what else there is to say */
	if (!S_ISSOCK(st.st_mode)) {
		explain(err, errlen, "%s exists and is not a socket", addr->sun_path);
		return false;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	r = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)addr, sizeof(*addr));
	const int e = r ? errno : 0;
	if (fd >= 0)
		close(fd);
	if (r == 0 || e == EAGAIN) {
		explain(err, errlen, "another %s is running (socket %s)", program_invocation_short_name,
			addr->sun_path);
		return false;
	}
	if (e == ECONNREFUSED && unlink(addr->sun_path) == 0)
		return true;
	explain(err, errlen, "cannot replace socket %s: %s", addr->sun_path, strerror(e == ECONNREFUSED ? errno : e));
	return false;
}

/* Binds and listens; the mode is set before anybody can connect. */
static bool
open_socket(struct ctl *c, char *err, size_t errlen)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;

	memcpy(addr.sun_path, c->path, sizeof(addr.sun_path));
	if (!clear_path(&addr, err, errlen))
		return false;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || bind(c->fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0) {
		explain(err, errlen, "cannot open socket %s: %s", c->path, strerror(errno));
		return false;
	}
	if (lstat(c->path, &st) == 0) {
		c->dev = st.st_dev;
		c->ino = st.st_ino;
	}
	if (chmod(c->path, 0660) != 0 || listen(c->fd, LISTEN_BACKLOG) != 0) {
		explain(err, errlen, "cannot open socket %s: %s", c->path, strerror(errno));
		return false;
	}
	return true;
}

static json_t *
list_commands(void *arg, const json_t *request, char *err, size_t errlen)
{
	const struct ctl *c = arg;
	json_t *list = json_array();

	(void)request;
	(void)err;
	(void)errlen;
	for (size_t i = 0; i < c->n_commands; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s}", "name", c->commands[i].name, "help", c->commands[i].help));
	return list;
}

static bool
start(struct ctl *c, char *err, size_t errlen)
{
	if (!open_socket(c, err, errlen))
		return false;
	c->accept = event_new(c->base, c->fd, EV_READ | EV_PERSIST, on_connection, c);
	c->accept_again = evtimer_new(c->base, on_accept_again, c);
	if (c->accept && c->accept_again && event_add(c->accept, NULL) == 0)
		return true;
	explain(err, errlen, "out of memory");
	return false;
}

struct ctl *
ctl_open(struct event_base *base, const char *path, char *err, size_t errlen)
{
	struct ctl *c = calloc(1, sizeof(*c));

	if (!c) {
		explain(err, errlen, "out of memory");
		return NULL;
	}
	c->base = base;
	c->fd = -1;
	list_init(&c->clients);
	ctl_register(c, "help", "the commands there are", list_commands, c);
	if (path[0] == '\0' || strlen(path) >= sizeof(c->path)) {
		explain(err, errlen, "the path of the socket has %zu bytes (allowed: 1 to %zu)", strlen(path),
			sizeof(c->path) - 1);
		free(c);
		return NULL;
	}
	memcpy(c->path, path, strlen(path) + 1);
	if (!start(c, err, errlen)) {
		ctl_close(c);
		return NULL;
	}
	return c;
}

void
ctl_close(struct ctl *c)
{
	struct stat st;

	if (!c)
		return;
	LIST_EACH_SAFE (client, next, &c->clients, struct client, link)
		client_free(client);
	if (c->accept)
		event_free(c->accept);
	if (c->accept_again)
		event_free(c->accept_again);
	if (c->ino && lstat(c->path, &st) == 0 && st.st_dev == c->dev && st.st_ino == c->ino)
		unlink(c->path);
	if (c->fd >= 0)
		close(c->fd);
	free(c);
}

int
ctl_register(struct ctl *c, const char *name, const char *help, ctl_command_fn *fn, void *arg)
{
	if (find_command(c, name))
		return -EEXIST;
	if (c->n_commands == CTL_COMMANDS_MAX)
		return -ENOSPC;
	c->commands[c->n_commands++] = (struct command){ name, help, fn, arg };
	return 0;
}

const struct ctl_cred *
ctl_caller(const struct ctl *c)
{
	return &c->caller;
}

size_t
ctl_clients(const struct ctl *c)
{
	return c->n_clients;
}
