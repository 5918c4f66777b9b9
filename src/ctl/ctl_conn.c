/* The control socket's clients: lines in, commands run, answers out. */
#include "ctl_impl.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

enum {
	REQUESTS_A_TURN = 8,  /* of one client, then others have theirs */
	WRITE_TIMEOUT_S = 30, /* an answer of which nobody reads a byte for so long */
};

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
	ctl_stream_end(c);
	if (c->bev)
		bufferevent_free(c->bev);
	if (c->again)
		event_free(c->again);
	free(c);
}

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Keeps the clients in the order in which they were heard, the one longest silent first. */
static void
client_heard(struct client *c)
{
	c->heard_ms = now_ms();
	list_remove(&c->link);
	list_push_back(&c->ctl->clients, &c->link);
}

/* Whether it asks for nothing and waits for nothing. */
static bool
is_silent(const struct client *c)
{
	return !c->watches && evbuffer_get_length(bufferevent_get_output(c->bev)) == 0 &&
	       !event_pending(c->again, EV_TIMEOUT, NULL);
}

bool
ctl_conn_make_room(struct ctl *ctl)
{
	const int64_t before = now_ms() - CTL_SILENT_MS;

	LIST_EACH (c, &ctl->clients, struct client, link) {
		if (c->heard_ms > before)
			return false;
		if (is_silent(c)) {
			client_free(c);
			return true;
		}
	}
	return false;
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

static bool
run_command(struct client *c, const char *name, const json_t *request)
{
	const struct ctl_command *cmd = ctl_find_command(c->ctl, name);
	char err[CTL_ERROR_MAX] = "";

	if (!cmd) {
		ctl_explain(err, sizeof(err), "unknown command '%.64s' (try help)", name);
		return send_error(c, err);
	}
	c->ctl->caller = c->cred;
	c->ctl->asking = c;
	json_t *result = cmd->fn(cmd->arg, request, err, sizeof(err));
	c->ctl->asking = NULL;
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
		ctl_explain(err, sizeof(err), "not JSON: %.*s (column %d)", JSON_ERROR_TEXT_LENGTH / 2, why.text,
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

	ctl_explain(err, sizeof(err), "line too long (more than %d bytes)", CTL_LINE_MAX);
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
		const ssize_t len = next_line(c);
		const bool too_long = len > CTL_LINE_MAX || (len < 0 && c->searched > CTL_LINE_MAX);

		if (len < 0 && !too_long) {
			if (c->eof)
				client_close_when_sent(c);
			return;
		}
		/* Only who asks on: one answer alone may be larger, and its reader waits for nothing else. */
		if (evbuffer_get_length(bufferevent_get_output(c->bev)) > CTL_BACKLOG_MAX) {
			client_free(c);
			return;
		}
		if (too_long) {
			line_too_long(c);
			return;
		}
		if (!take_line(c, (size_t)len))
			return;
	}
	/* Nothing else would wake a client that waits for the answers to what it has sent. */
	if (event_add(c->again, &(struct timeval){ 0, 0 }) != 0)
		client_free(c);
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
	client_heard(c);
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
	else
		ctl_stream_written(c);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct client *c = arg;

	/* One that watches may look away for as long as it likes: what waits for it is bounded. */
	if ((what & BEV_EVENT_TIMEOUT) && c->watches && !c->closing && bufferevent_enable(bev, EV_WRITE) == 0)
		return;
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

void
ctl_conn_start(struct ctl *ctl, int fd)
{
	const struct timeval write_timeout = { .tv_sec = WRITE_TIMEOUT_S };
	struct client *c = client_new(ctl, fd);

	if (!c)
		return;
	client_heard(c);
	ctl->n_clients++;
	bufferevent_setcb(c->bev, on_readable, on_written, on_event, c);
	/* What is more than a line and its newline shows that the line is too long. */
	bufferevent_setwatermark(c->bev, EV_READ, 0, CTL_LINE_MAX + 2);
	bufferevent_set_timeouts(c->bev, NULL, &write_timeout);
	if (bufferevent_enable(c->bev, EV_READ | EV_WRITE) != 0)
		client_free(c); /* it would not be heard, and keep its place */
}

void
ctl_conn_close_all(struct ctl *ctl)
{
	LIST_EACH_SAFE (client, next, &ctl->clients, struct client, link)
		client_free(client);
}
