/* The control socket's line protocol, over a socket pair and a real event loop.
 *
 * Input: u8 bytes sent at a time (0: as many as fit), u8 how often the bytes are sent (bits 0-1: 1 to 4 times; from
 * ENDLESS on, without a newline in them, until the line is too long), u8 flags, then the bytes.  Every line gets its
 * answer, and the answers are lines of JSON; see struct expected.
 */
#include "fuzz/fuzz.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "castswitch/sbuf.h"
#include "ctl_impl.h"

enum {
	HEADER = 3,
	HANG_UP = 0x01,      /* the client goes without waiting for its answers */
	PROGRAM_ENDS = 0x02, /* the program goes, without another turn of its loop */
	ENDLESS = 0xf0,
	TOTAL_MAX = CTL_LINE_MAX + 2048,
	SENDS_MAX = 256,         /* larger pieces rather than more */
	TURNS_MAX = 1000 * 1000, /* of the loop: then it hangs */
};

struct peer {
	int fd;
	uint8_t *bytes; /* all that is sent */
	size_t len, sent;
	size_t chunk;
	struct sbuf answers;
	bool eof;
};

/* --- the program's side --- */

static json_t *
echo(void *arg, const json_t *request, char *err, size_t errlen)
{
	const struct ctl *ctl = arg;

	(void)err;
	(void)errlen;
	FUZZ_CHECK(json_is_object(request) && ctl_caller(ctl)->pid == getpid());
	return json_incref(json_object_get(request, "value"));
}

static json_t *
fail(void *arg, const json_t *request, char *err, size_t errlen)
{
	const char *value = json_string_value(json_object_get(request, "value"));

	(void)arg;
	if (value)
		ctl_explain(err, errlen, "no peer '%s'", value);
	return NULL;
}

static struct ctl *
new_ctl(void)
{
	static struct event_base *base; /* of the whole process: making one is slow */
	struct ctl *ctl = calloc(1, sizeof(*ctl));

	base = base ? base : event_base_new();
	FUZZ_CHECK(ctl != NULL && base != NULL);
	signal(SIGPIPE, SIG_IGN); /* as ctl.h asks of the program */
	ctl->base = base;
	ctl->fd = -1;
	list_init(&ctl->clients);
	FUZZ_CHECK(ctl_register(ctl, "echo", "gives back", echo, ctl) == 0);
	FUZZ_CHECK(ctl_register(ctl, "fail", "says why", fail, ctl) == 0);
	FUZZ_CHECK(ctl_register(ctl, "fail", "again", fail, ctl) == -EEXIST);
	return ctl;
}

/* --- the client's side --- */

/* What is sent of n bytes of script, over and over. */
static size_t
length_sent(uint8_t times, const uint8_t *bytes, size_t n)
{
	return times >= ENDLESS && !memchr(bytes, '\n', n) ? TOTAL_MAX : n * (1 + (times & 3u));
}

/* size is above HEADER. */
static struct peer
new_peer(int fd, const uint8_t *data, size_t size)
{
	const uint8_t *script = data + HEADER;
	const size_t n = size - HEADER;
	struct peer p = { .fd = fd, .len = length_sent(data[1], script, n) };

	p.bytes = malloc(p.len);
	FUZZ_CHECK(p.bytes != NULL);
	for (size_t i = 0; i < p.len; i++)
		p.bytes[i] = script[i % n];
	p.chunk = data[0] ? data[0] : TOTAL_MAX;
	if (p.chunk < p.len / SENDS_MAX)
		p.chunk = p.len / SENDS_MAX;
	sbuf_init(&p.answers);
	return p;
}

static void
send_some(struct peer *p)
{
	const size_t left = p->len - p->sent, n = left < p->chunk ? left : p->chunk;
	const ssize_t r = send(p->fd, p->bytes + p->sent, n, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (r > 0)
		p->sent += (size_t)r;
	else if (errno != EAGAIN && errno != EWOULDBLOCK)
		p->sent = p->len; /* the program has had enough */
	if (p->sent == p->len)
		shutdown(p->fd, SHUT_WR);
}

static void
receive_some(struct peer *p)
{
	char buf[4096];
	const ssize_t r = recv(p->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (r > 0)
		sbuf_add(&p->answers, buf, (size_t)r);
	else if (r == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
		p->eof = true;
}

/* Until the program has closed the connection, or all was sent and one of the two goes.  Behind that no client is left.
 */
static void
talk(struct ctl *ctl, struct peer *p, uint8_t flags)
{
	for (unsigned turns = 0; !p->eof; turns++) {
		FUZZ_CHECK(turns < TURNS_MAX);
		if (p->sent < p->len)
			send_some(p);
		else if (flags & (HANG_UP | PROGRAM_ENDS))
			break;
		event_base_loop(ctl->base, EVLOOP_NONBLOCK);
		receive_some(p);
	}
	close(p->fd);
	if (flags & PROGRAM_ENDS)
		return;
	for (unsigned turns = 0; ctl_clients(ctl) > 0; turns++) {
		FUZZ_CHECK(turns < TURNS_MAX);
		event_base_loop(ctl->base, EVLOOP_NONBLOCK);
	}
}

/* --- what must come back --- */

struct expected {
	size_t answers;
	size_t line;   /* bytes of the line so far */
	bool blank;    /* it has nothing but white space */
	bool too_long; /* after the answer to that one nothing comes */
};

static void
expect_byte(struct expected *e, uint8_t c)
{
	if (c == '\n') {
		e->answers += !e->blank;
		e->line = 0;
		e->blank = true;
		return;
	}
	e->blank = e->blank && (c == ' ' || c == '\t' || c == '\r');
	if (++e->line > CTL_LINE_MAX) {
		e->too_long = true;
		e->answers++;
	}
}

static size_t
expected_answers(const struct peer *p)
{
	struct expected e = { .blank = true };

	for (size_t i = 0; i < p->len && !e.too_long; i++)
		expect_byte(&e, p->bytes[i]);
	return e.answers;
}

static void
check_answer(const char *line, size_t len)
{
	json_t *answer = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *ok = json_object_get(answer, "ok");
	const char *error = json_string_value(json_object_get(answer, "error"));

	FUZZ_CHECK(json_is_object(answer) && json_is_boolean(ok) && json_object_size(answer) == 2);
	if (json_is_true(ok)) {
		FUZZ_CHECK(json_object_get(answer, "result") != NULL);
	} else {
		FUZZ_CHECK(error != NULL && *error != '\0');
		for (; *error; error++)
			FUZZ_CHECK(*error >= ' ' && *error <= '~');
	}
	json_decref(answer);
}

static size_t
check_answers(const struct sbuf *answers)
{
	const char *line = sbuf_str(answers), *end;
	size_t n = 0;

	for (; (end = strchr(line, '\n')); line = end + 1, n++)
		check_answer(line, (size_t)(end - line));
	FUZZ_CHECK(line == sbuf_str(answers) + answers->len);
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int pair[2];

	if (size <= HEADER)
		return 0;
	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
	struct peer p = new_peer(pair[0], data, size);
	const uint8_t flags = data[2];
	struct ctl *ctl = new_ctl();

	ctl_conn_start(ctl, pair[1]);
	FUZZ_CHECK(ctl_clients(ctl) == 1 && !ctl_conn_make_room(ctl)); /* it is not silent yet */
	talk(ctl, &p, flags);
	if (!(flags & (HANG_UP | PROGRAM_ENDS)))
		FUZZ_CHECK(check_answers(&p.answers) == expected_answers(&p));
	free(p.bytes);
	sbuf_free(&p.answers);
	ctl_close(ctl);
	return 0;
}
