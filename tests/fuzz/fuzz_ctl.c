/* The control socket's line protocol, over socket pairs and a real event loop.
 *
 * Input: u8 bytes sent at a time (0: as many as fit), u8 how often the bytes are sent (bits 0-1: 1 to 4 times; from
 * ENDLESS on, without a newline in them, until the line is too long), u8 flags, then the bytes.  Every line gets its
 * answer, and the answers are lines of JSON; see ctl_lines.h.  With CROWD the bytes are the script of many clients, and
 * only the flags count; see ctl_crowd.h.
 */
#include "fuzz/fuzz.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz/ctl_crowd.h"
#include "fuzz/ctl_lines.h"
#include "fuzz/ctl_program.h"

enum {
	HEADER = 3,
	HANG_UP = 0x01,      /* the client goes without waiting for its answers */
	PROGRAM_ENDS = 0x02, /* the program goes, without another turn of its loop */
	CROWD = 0x04,
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
	struct answers answers;
	bool eof;
};

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
	answers_init(&p.answers);
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
	static char buf[64 * 1024];
	const ssize_t r = recv(p->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (r > 0)
		answers_add(&p->answers, buf, (size_t)r);
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
		program_turn(ctl);
		receive_some(p);
	}
	close(p->fd);
	if (flags & PROGRAM_ENDS)
		return;
	for (unsigned turns = 0; ctl_clients(ctl) > 0; turns++) {
		FUZZ_CHECK(turns < TURNS_MAX);
		program_turn(ctl);
	}
}

static size_t
expected_answers(const struct peer *p)
{
	struct expected e = { 0 };

	expected_add(&e, (const char *)p->bytes, p->len);
	return e.answers;
}

/* One that asks on while more than CTL_BACKLOG_MAX waits for it is dropped. */
static bool
may_be_dropped(const struct peer *p)
{
	const uint8_t *end = memchr(p->bytes, '\n', p->len);

	return program_big_bytes() > CTL_BACKLOG_MAX && end && end + 1 < p->bytes + p->len;
}

static void
check_answers(const struct peer *p)
{
	const size_t expected = expected_answers(p);

	FUZZ_CHECK(p->answers.n <= expected);
	FUZZ_CHECK((p->answers.n == expected && p->answers.len == 0) || may_be_dropped(p));
}

/* size is above HEADER. */
static void
run_one(const uint8_t *data, size_t size)
{
	const uint8_t flags = data[2];
	struct ctl *ctl = program_start();
	int pair[2];

	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
	struct peer p = new_peer(pair[0], data, size);

	program_connect(ctl, pair[1]);
	FUZZ_CHECK(ctl_clients(ctl) == 1 && !ctl_conn_make_room(ctl)); /* it is not silent yet */
	talk(ctl, &p, flags);
	if (!(flags & (HANG_UP | PROGRAM_ENDS)))
		check_answers(&p);
	free(p.bytes);
	answers_free(&p.answers);
	program_end(ctl);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size <= HEADER)
		return 0;
	if (data[2] & CROWD)
		crowd_run(data + HEADER, size - HEADER,
			  data[2] & PROGRAM_ENDS ? CROWD_IS_LEFT
			  : data[2] & HANG_UP    ? CROWD_HANGS_UP
						 : CROWD_READS);
	else
		run_one(data, size);
	return 0;
}
