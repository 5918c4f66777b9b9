/* The control socket: its file, listening, and the commands. */
#include "ctl_impl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

enum {
	LISTEN_BACKLOG = 16,
	ACCEPTS_A_TURN = 16, /* then others have theirs */
	ACCEPT_PAUSE_S = 1,  /* when there are no file descriptors left */
};

void
ctl_explain(char *err, size_t errlen, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, errlen, fmt, ap);
	va_end(ap);
}

const struct ctl_command *
ctl_find_command(const struct ctl *ctl, const char *name)
{
	for (size_t i = 0; i < ctl->n_commands; i++)
		if (strcmp(ctl->commands[i].name, name) == 0)
			return &ctl->commands[i];
	return NULL;
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
		if (ctl->n_clients < CTL_CLIENTS_MAX || ctl_conn_make_room(ctl)) {
			ctl_conn_start(ctl, s);
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
		ctl_explain(err, errlen, "%s exists and is not a socket", addr->sun_path);
		return false;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	r = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)addr, sizeof(*addr));
	const int e = r ? errno : 0;
	if (fd >= 0)
		close(fd);
	if (r == 0 || e == EAGAIN) {
		ctl_explain(err, errlen, "another %s is running (socket %s)", program_invocation_short_name,
			    addr->sun_path);
		return false;
	}
	if (e == ECONNREFUSED && unlink(addr->sun_path) == 0)
		return true;
	ctl_explain(err, errlen, "cannot replace socket %s: %s", addr->sun_path,
		    strerror(e == ECONNREFUSED ? errno : e));
	return false;
}

/* bind() with mode 0660 from the beginning: a chmod() of the path would follow what somebody else put in its place. */
static int
bind_private(int fd, const struct sockaddr_un *addr)
{
	const mode_t before = umask(0117);
	const int r = bind(fd, (const struct sockaddr *)addr, sizeof(*addr));
	const int e = errno;

	umask(before);
	errno = e;
	return r;
}

/* Binds and listens. */
static bool
open_socket(struct ctl *c, char *err, size_t errlen)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;

	memcpy(addr.sun_path, c->path, sizeof(addr.sun_path));
	if (!clear_path(&addr, err, errlen))
		return false;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || bind_private(c->fd, &addr) != 0) {
		ctl_explain(err, errlen, "cannot open socket %s: %s", c->path, strerror(errno));
		return false;
	}
	if (lstat(c->path, &st) == 0) {
		c->dev = st.st_dev;
		c->ino = st.st_ino;
	}
	if (listen(c->fd, LISTEN_BACKLOG) != 0) {
		ctl_explain(err, errlen, "cannot open socket %s: %s", c->path, strerror(errno));
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
	ctl_explain(err, errlen, "out of memory");
	return false;
}

struct ctl *
ctl_open(struct event_base *base, const char *path, char *err, size_t errlen)
{
	struct ctl *c = calloc(1, sizeof(*c));

	if (!c) {
		ctl_explain(err, errlen, "out of memory");
		return NULL;
	}
	c->base = base;
	c->fd = -1;
	list_init(&c->clients);
	ctl_register(c, "help", "the commands there are", list_commands, c);
	if (path[0] == '\0' || strlen(path) >= sizeof(c->path)) {
		ctl_explain(err, errlen, "the path of the socket has %zu bytes (allowed: 1 to %zu)", strlen(path),
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
	ctl_conn_close_all(c);
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
	if (ctl_find_command(c, name))
		return -EEXIST;
	if (c->n_commands == CTL_COMMANDS_MAX)
		return -ENOSPC;
	c->commands[c->n_commands++] = (struct ctl_command){ name, help, fn, arg };
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
