/* Many clients of the control socket, and a model of what the program owes to each. */
#include "fuzz/ctl_crowd.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz/ctl_lines.h"
#include "fuzz/ctl_program.h"
#include "fuzz/fuzz.h"

enum {
	OPS_MAX = 160,
	CONNECTIONS_MAX = 96,
	TURNS_MAX = 100 * 1000, /* of the loop: then it hangs */
	UNREAD_MS = 30 * 1000,  /* an answer of which nobody reads a byte for so long ends its client */
	TURNS_OF_UNCERTAIN = 8, /* in which an answer comes, if one comes */
	PIECE = 64 * 1024,
	KERNEL_KEEPS = 16 * 1024, /* of what a client does not read; the kernel takes twice that */
};

struct peer {
	int fd;                  /* -1: not connected */
	char line[128];          /* the start of the one it is saying */
	size_t n_line, line_len; /* bytes of that start, of the line */
	struct expected expected;
	struct answers answers;
	unsigned busy_until; /* the turn in which the program is through with what it said, at the latest */
	int64_t heard_ms;    /* when it last said something */
	int64_t read_ms;     /* when it last took what there was */
	size_t owed;         /* bytes of answers that it has not read, at most */
	bool asked_on;       /* while it was owed more than it may be */
	bool shut;
	bool uncertain; /* memory was short: it may miss answers, or be gone */
};

struct crowd {
	struct ctl *ctl;
	struct peer peers[CTL_CLIENTS_MAX];
	size_t n_peers;
	unsigned connections;    /* altogether */
	unsigned turns;          /* of the loop */
	bool uncertain;          /* memory was short: somebody may be gone */
	const uint8_t *at, *end; /* the rest of the script */
};

static uint8_t
next_byte(struct crowd *w)
{
	return w->at < w->end ? *w->at++ : 0;
}

/* --- clients ---------------------------------------------------------------------------------------------------------
 */

/* There is an answer that it has not read. */
static bool
waits(const struct peer *p)
{
	return p->answers.n < p->expected.answers;
}

static void
peer_close(struct crowd *w, struct peer *p)
{
	close(p->fd);
	p->fd = -1;
	answers_free(&p->answers);
	w->n_peers--;
}

/* What there is now. */
static void
peer_receive(struct peer *p)
{
	static char buf[PIECE];
	ssize_t r;

	while ((r = recv(p->fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		answers_add(&p->answers, buf, (size_t)r);
		p->owed -= (size_t)r < p->owed ? (size_t)r : p->owed;
	}
	FUZZ_CHECK(p->answers.n <= p->expected.answers);
}

/* Sees which connections the program has closed. */
static void
poll_closed(struct pollfd *fds, nfds_t n)
{
	int r;

	do
		r = poll(fds, n, 0);
	while (r < 0 && errno == EINTR); /* by libFuzzer's alarm */
	FUZZ_CHECK(r >= 0);
}

static bool
is_gone(const struct peer *p)
{
	struct pollfd fd = { .fd = p->fd };

	poll_closed(&fd, 1);
	return fd.revents != 0;
}

/* Something else than having been silent ended it, and it got what it had to get before. */
static bool
ended_with_reason(struct peer *p)
{
	const bool unread = p->owed > 0 && program_now_ms() - p->read_ms >= UNREAD_MS;

	peer_receive(p);
	if (p->uncertain || p->asked_on || unread)
		return true;
	FUZZ_CHECK(!waits(p) && p->answers.len == 0);
	return p->shut || p->expected.too_long;
}

/* Who was connected and is not any more must have a reason. */
static void
look_around(struct crowd *w)
{
	struct pollfd fds[CTL_CLIENTS_MAX];

	for (size_t i = 0; i < CTL_CLIENTS_MAX; i++)
		fds[i] = (struct pollfd){ .fd = w->peers[i].fd };
	poll_closed(fds, CTL_CLIENTS_MAX);
	for (size_t i = 0; i < CTL_CLIENTS_MAX; i++) {
		if (!fds[i].revents)
			continue;
		FUZZ_CHECK(ended_with_reason(&w->peers[i]));
		peer_close(w, &w->peers[i]);
	}
	FUZZ_CHECK(w->n_peers <= ctl_clients(w->ctl) && ctl_clients(w->ctl) <= CTL_CLIENTS_MAX);
}

/* Whoever was connected when memory was short may have been hit. */
static void
turn_loop(struct crowd *w)
{
	w->turns++;
	program_turn(w->ctl);
	if (!program_was_short())
		return;
	w->uncertain = true;
	for (size_t i = 0; i < CTL_CLIENTS_MAX; i++)
		w->peers[i].uncertain = true;
}

static void
turn(struct crowd *w)
{
	turn_loop(w);
	if (ctl_clients(w->ctl) != w->n_peers)
		look_around(w);
}

/* The first connected one from a place on; NULL when nobody is. */
static struct peer *
peer_at(struct crowd *w, size_t place)
{
	for (size_t i = 0; i < CTL_CLIENTS_MAX; i++) {
		struct peer *p = &w->peers[(place + i) % CTL_CLIENTS_MAX];

		if (p->fd >= 0)
			return p;
	}
	return NULL;
}

/* --- connecting ------------------------------------------------------------------------------------------------------
 */

/* Asks for nothing and waits for nothing, for certain. */
static bool
is_silent(const struct crowd *w, const struct peer *p)
{
	return p->fd >= 0 && !p->uncertain && !waits(p) && p->busy_until <= w->turns;
}

static int64_t
silent_ms(const struct peer *p)
{
	return program_now_ms() - p->heard_ms;
}

/* The one who had to go was silent longest, and long enough. */
static void
check_evicted(const struct crowd *w, const struct peer *evicted)
{
	FUZZ_CHECK(silent_ms(evicted) >= CTL_SILENT_MS);
	for (size_t i = 0; i < CTL_CLIENTS_MAX; i++)
		FUZZ_CHECK(!is_silent(w, &w->peers[i]) || silent_ms(&w->peers[i]) <= silent_ms(evicted));
}

/* Nobody could have gone. */
static void
check_nobody_silent(const struct crowd *w)
{
	for (size_t i = 0; i < CTL_CLIENTS_MAX; i++)
		FUZZ_CHECK(!is_silent(w, &w->peers[i]) || silent_ms(&w->peers[i]) <= CTL_SILENT_MS);
}

/* Whoever is gone now had another reason, or was the one that had to go. */
static void
check_who_went(struct crowd *w)
{
	unsigned n_gone = 0, n_evicted = 0;

	for (size_t i = 0; i < CTL_CLIENTS_MAX; i++) {
		struct peer *p = &w->peers[i];

		if (p->fd < 0 || !is_gone(p))
			continue;
		n_gone++;
		if (!ended_with_reason(p)) {
			check_evicted(w, p);
			n_evicted++;
		}
		peer_close(w, p);
	}
	FUZZ_CHECK(n_evicted <= 1 && (n_gone > 0 || w->uncertain));
}

static bool
make_room(struct crowd *w)
{
	const size_t before = ctl_clients(w->ctl);

	look_around(w);
	if (!ctl_conn_make_room(w->ctl)) {
		FUZZ_CHECK(ctl_clients(w->ctl) == before);
		check_nobody_silent(w);
		return false;
	}
	FUZZ_CHECK(ctl_clients(w->ctl) == before - 1);
	turn_loop(w); /* only then libevent closes it */
	check_who_went(w);
	return true;
}

static struct peer *
free_place(struct crowd *w)
{
	for (size_t i = 0; i < CTL_CLIENTS_MAX; i++)
		if (w->peers[i].fd < 0)
			return &w->peers[i];
	return NULL;
}

/* As ctl.c does with a connection. */
static void
connect_one(struct crowd *w)
{
	const int kept = KERNEL_KEEPS;
	int pair[2];

	if (w->connections == CONNECTIONS_MAX || (ctl_clients(w->ctl) == CTL_CLIENTS_MAX && !make_room(w)))
		return;
	w->connections++;
	struct peer *p = free_place(w);
	FUZZ_CHECK(p != NULL);
	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
	FUZZ_CHECK(setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &kept, sizeof(kept)) == 0);
	*p = (struct peer){ .fd = pair[0], .heard_ms = program_now_ms(), .read_ms = program_now_ms() };
	answers_init(&p->answers);
	w->n_peers++;
	program_connect(w->ctl, pair[1]);
	turn(w);
}

/* --- operations ------------------------------------------------------------------------------------------------------
 */

static void
op_connect(struct crowd *w, unsigned arg)
{
	for (unsigned i = 0; i <= arg; i++)
		connect_one(w);
}

/* More of a line was sent, or the rest of it with its newline. */
static void
peer_said_part(struct peer *p, const char *text, size_t len)
{
	const size_t before = p->expected.answers, wanted = sizeof(p->line) - p->n_line;

	memcpy(p->line + p->n_line, text, len < wanted ? len : wanted);
	p->n_line += len < wanted ? len : wanted;
	p->line_len += len;
	expected_add(&p->expected, text, len);
	if (text[len - 1] != '\n' && !p->expected.too_long)
		return;
	p->asked_on |= p->owed > CTL_BACKLOG_MAX;
	if (p->expected.answers > before)
		p->owed += program_answer_max(p->line, p->n_line, p->line_len);
	p->n_line = p->line_len = 0;
}

/* The number of lines ended. */
static unsigned
peer_said(struct peer *p, const char *text, size_t len)
{
	unsigned lines = 0;

	while (len > 0) {
		const char *end = memchr(text, '\n', len);
		const size_t part = end ? (size_t)(end - text) + 1 : len;

		peer_said_part(p, text, part);
		text += part;
		len -= part;
		lines += end != NULL;
	}
	return lines;
}

static void
say(struct crowd *w, unsigned place, const void *text, size_t len)
{
	struct peer *p = peer_at(w, place);
	const ssize_t r = p && !p->shut ? send(p->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;

	if (r <= 0)
		return;
	p->heard_ms = program_now_ms();
	if (p->busy_until < w->turns)
		p->busy_until = w->turns;
	p->busy_until += peer_said(p, text, (size_t)r) + 2; /* at least a line a turn */
}

#define ECHO "{\"command\":\"echo\",\"value\":[1,\"x\"]}\n"
#define BIG(units) "{\"command\":\"big\",\"value\":" #units "}\n"

enum {
	LONG = 4000, /* bytes: the program reads them at once */
};

static void
op_say(struct crowd *w, unsigned arg)
{
	static const char *const lines[] = {
		ECHO,
		"{\"command\":\"fail\",\"value\":\"\\u00e9\"}\n",
		ECHO "\n" ECHO ECHO ECHO ECHO ECHO ECHO ECHO ECHO ECHO "{\"command\":\"ec", /* more than one turn's */
		" \n",
		"ho\"}\n",
		BIG(4),
		BIG(128),
		BIG(288), /* alone is more than CTL_BACKLOG_MAX */
	};
	static char text[LONG];
	const size_t n = sizeof(lines) / sizeof(lines[0]), which = next_byte(w) % (n + 1);

	memset(text, 'x', sizeof(text));
	if (which < n)
		say(w, arg, lines[which], strlen(lines[which]));
	else
		say(w, arg, text, sizeof(text));
}

static void
op_text(struct crowd *w, unsigned arg)
{
	const size_t wanted = next_byte(w), left = (size_t)(w->end - w->at), len = wanted < left ? wanted : left;

	say(w, arg, w->at, len);
	w->at += len;
}

static void
op_read(struct crowd *w, unsigned arg)
{
	struct peer *p = peer_at(w, arg);

	for (unsigned turns = 0; p && p->fd >= 0 && waits(p); turns++) {
		FUZZ_CHECK(turns < TURNS_MAX);
		if (p->uncertain && turns >= TURNS_OF_UNCERTAIN)
			return;
		peer_receive(p);
		turn(w);
	}
	if (!p || p->fd < 0)
		return;
	FUZZ_CHECK(p->uncertain || p->answers.len == 0);
	p->read_ms = program_now_ms();
	p->owed = 0;
}

static void
op_shut(struct crowd *w, unsigned arg)
{
	struct peer *p = peer_at(w, arg);

	if (!p)
		return;
	shutdown(p->fd, SHUT_WR);
	p->shut = true;
}

static void
op_go(struct crowd *w, unsigned arg)
{
	struct peer *p = peer_at(w, arg);

	if (p)
		peer_close(w, p);
}

static void
op_wait(struct crowd *w, unsigned arg)
{
	static const int64_t steps[] = {
		1, CTL_SILENT_MS - 1, CTL_SILENT_MS, CTL_SILENT_MS + 1, UNREAD_MS - 1, UNREAD_MS, UNREAD_MS + 1, 0,
	};

	(void)w;
	program_wait(steps[arg % 8]);
}

static void
op_short(struct crowd *w, unsigned arg)
{
	(void)w;
	program_fail_allocation(arg + 1);
}

/* --- the script ------------------------------------------------------------------------------------------------------
 */

static void
run_ops(struct crowd *w)
{
	static void (*const ops[])(struct crowd *, unsigned) = { op_connect, op_say, op_text, op_read,
								 op_shut,    op_go,  op_wait, op_short };

	for (unsigned i = 0; i < OPS_MAX && w->at < w->end; i++) {
		const uint8_t op = next_byte(w);

		ops[op >> 5](w, op & 31);
		turn(w);
	}
}

/* Behind that no client is left. */
static void
say_goodbye(struct crowd *w, bool reads)
{
	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++) {
		if (reads && w->peers[i].fd >= 0)
			op_read(w, i);
		if (w->peers[i].fd >= 0)
			peer_close(w, &w->peers[i]);
	}
	for (unsigned turns = 0; ctl_clients(w->ctl) > 0; turns++) {
		FUZZ_CHECK(turns < TURNS_MAX);
		turn(w);
	}
}

void
crowd_run(const uint8_t *script, size_t len, enum crowd_end end)
{
	struct crowd w = { .ctl = program_start(), .at = script, .end = script + len };

	for (size_t i = 0; i < CTL_CLIENTS_MAX; i++)
		w.peers[i].fd = -1;
	run_ops(&w);
	if (end != CROWD_IS_LEFT)
		say_goodbye(&w, end == CROWD_READS);
	program_end(w.ctl);
	for (size_t i = 0; i < CTL_CLIENTS_MAX; i++)
		if (w.peers[i].fd >= 0)
			peer_close(&w, &w.peers[i]);
}
