/* One end of a stream of numbered datagrams, at rates that are too high for Python.
 *
 *	udpnumbers ADDRESS PORT PEER BITS SIZE
 *
 * Sends datagrams of SIZE bytes from ADDRESS:PORT to PEER:PORT, BITS a second (of payload), and keeps account of those
 * that come from there.  Commands come as lines on standard input, each is answered by one line; end of file ends.
 *
 *	go, stop     begins and ceases to send: "ok"
 *	stats        "stats NAME=NUMBER ...": sent; refused by our own kernel; received, of these twice and
 *	             overtaken (by a higher number); end: one above the highest number received; lost: numbers
 *	             below it that never came; full: lost because we did not read fast enough
 *	after TIME   when the first one came at or after that time, 0 = none did
 *	gap FROM TO  the longest time without an arrival in between
 *
 * Times are CLOCK_MONOTONIC in ns, those of arrival are the kernel's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef SO_TIMESTAMPNS_NEW
#define SO_TIMESTAMPNS_NEW 64
#endif

enum {
	DGRAM_MIN = 8,
	DGRAM_MAX = 9000,
	NUMBERS = 1 << 24,
	BATCH = 64,
	LATE = 200, /* at most so many datagrams are made up for */
	LINE = 128,
	BUFFER = 32 << 20,
};

struct end {
	int fd;
	size_t size;
	uint64_t interval, next; /* ns; interval 0 = never sends */
	bool going;
	uint64_t to_monotonic; /* from CLOCK_REALTIME, modulo 2^64 */
	uint64_t sent, refused, received, twice, overtaken, full, n_numbers;
	uint64_t top; /* one above the highest number received */
	uint64_t *arrivals;
	uint8_t *seen; /* a bit each */
};

static uint64_t
clock_ns(clockid_t clock)
{
	struct timespec ts;
	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t
now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static void
die(const char *what, const char *why)
{
	fprintf(stderr, "udpnumbers: %s: %s\n", what, why);
	exit(1);
}

/* --- sending --- */

static void
send_one(struct end *e)
{
	uint8_t data[DGRAM_MAX] = { 0 };
	for (unsigned i = 0; i < 8; i++)
		data[i] = (uint8_t)(e->sent >> (56 - 8 * i));
	if (send(e->fd, data, e->size, 0) == -1)
		e->refused++;
	else
		e->sent++;
}

static void
send_due(struct end *e)
{
	uint64_t now = now_ns();
	if (!e->going)
		return;
	if (e->next + LATE * e->interval < now)
		e->next = now - LATE * e->interval;
	for (int i = 0; i < BATCH && e->next <= now; i++) {
		send_one(e);
		e->next += e->interval;
	}
}

/* --- receiving --- */

static uint64_t
arrival(const struct end *e, struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		int64_t at[2];
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_TIMESTAMPNS_NEW)
			continue;
		memcpy(at, CMSG_DATA(c), sizeof(at));
		return (uint64_t)at[0] * 1000000000 + (uint64_t)at[1] + e->to_monotonic;
	}
	return now_ns();
}

static void
count(struct end *e, const uint8_t *data, uint64_t at)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < 8; i++)
		n = n << 8 | data[i];
	if (n >= NUMBERS || e->received >= NUMBERS)
		die("stream", "more datagrams than we count");
	e->arrivals[e->received++] = at;
	if (e->seen[n / 8] & 1 << n % 8) {
		e->twice++;
		return;
	}
	e->seen[n / 8] |= (uint8_t)(1 << n % 8);
	e->n_numbers++;
	if (n < e->top)
		e->overtaken++;
	else
		e->top = n + 1;
}

static void
receive(struct end *e)
{
	for (int i = 0; i < BATCH; i++) {
		uint8_t data[DGRAM_MAX];
		_Alignas(struct cmsghdr) uint8_t control[256];
		struct iovec iov = { .iov_base = data, .iov_len = sizeof(data) };
		struct msghdr msg = {
			.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
		};
		ssize_t n = recvmsg(e->fd, &msg, 0);
		if (n == -1)
			return;
		if (n >= DGRAM_MIN)
			count(e, data, arrival(e, &msg));
	}
}

/* --- commands --- */

/* Of the socket: the kernel tells it only beside a datagram, so the last ones may be missing. */
static uint64_t
full(const struct end *e)
{
	uint32_t info[16] = { 0 };
	socklen_t len = sizeof(info);
	if (getsockopt(e->fd, SOL_SOCKET, SO_MEMINFO, info, &len) == -1)
		die("SO_MEMINFO", strerror(errno));
	return info[8]; /* SK_MEMINFO_DROPS */
}

static void
tell_stats(const struct end *e)
{
	printf("stats sent=%llu refused=%llu received=%llu ", (unsigned long long)e->sent,
	       (unsigned long long)e->refused, (unsigned long long)e->received);
	printf("twice=%llu overtaken=%llu end=%llu lost=%llu full=%llu\n", (unsigned long long)e->twice,
	       (unsigned long long)e->overtaken, (unsigned long long)e->top,
	       (unsigned long long)(e->top - e->n_numbers), (unsigned long long)full(e));
}

static uint64_t
first_after(const struct end *e, uint64_t at)
{
	for (uint64_t i = 0; i < e->received; i++)
		if (e->arrivals[i] >= at)
			return e->arrivals[i];
	return 0;
}

static uint64_t
longest_gap(const struct end *e, uint64_t from, uint64_t to)
{
	uint64_t last = from, gap = 0;
	for (uint64_t i = 0; i < e->received; i++) {
		uint64_t at = e->arrivals[i] < to ? e->arrivals[i] : to;
		if (at <= last)
			continue;
		gap = at - last > gap ? at - last : gap;
		last = at;
	}
	return to > last && to - last > gap ? to - last : gap;
}

static void
command(struct end *e, const char *line)
{
	unsigned long long a, b;
	if (strcmp(line, "go\n") == 0) {
		e->going = e->interval > 0;
		e->next = now_ns();
		puts("ok");
	} else if (strcmp(line, "stop\n") == 0) {
		e->going = false;
		puts("ok");
	} else if (strcmp(line, "stats\n") == 0) {
		tell_stats(e);
	} else if (sscanf(line, "after %llu", &a) == 1) {
		printf("%llu\n", (unsigned long long)first_after(e, a));
	} else if (sscanf(line, "gap %llu %llu", &a, &b) == 2) {
		printf("%llu\n", (unsigned long long)longest_gap(e, a, b));
	} else {
		puts("error: no such command");
	}
}

/* --- the loop --- */

static struct timespec
until_due(const struct end *e)
{
	uint64_t now = now_ns(), wait = UINT64_C(3600) * 1000000000;
	if (e->going)
		wait = e->next > now ? e->next - now : 0;
	return (struct timespec){ .tv_sec = (time_t)(wait / 1000000000), .tv_nsec = (long)(wait % 1000000000) };
}

static int
open_socket(const char *from, const char *to, uint16_t port)
{
	static const int on = 1, size = BUFFER;
	struct sockaddr_in local = { .sin_family = AF_INET, .sin_port = htons(port) }, peer = local;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (inet_pton(AF_INET, from, &local.sin_addr) != 1 || inet_pton(AF_INET, to, &peer.sin_addr) != 1)
		die("usage", "not an IPv4 address");
	if (fd == -1 || bind(fd, (const struct sockaddr *)&local, sizeof(local)) == -1 ||
	    connect(fd, (const struct sockaddr *)&peer, sizeof(peer)) == -1)
		die("socket", strerror(errno));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) == -1)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS_NEW, &on, sizeof(on));
	return fd;
}

int
main(int argc, char **argv)
{
	struct end e = { .to_monotonic = now_ns() - clock_ns(CLOCK_REALTIME) };
	char line[LINE];
	if (argc != 6)
		die("usage", "udpnumbers ADDRESS PORT PEER BITS SIZE");
	e.fd = open_socket(argv[1], argv[3], (uint16_t)atoi(argv[2]));
	e.size = (size_t)atoi(argv[5]);
	if (e.size < DGRAM_MIN || e.size > DGRAM_MAX)
		die("usage", "bad size");
	if (atof(argv[4]) > 0)
		e.interval = (uint64_t)((double)e.size * 8e9 / atof(argv[4]));
	e.arrivals = calloc(NUMBERS, sizeof(*e.arrivals));
	e.seen = calloc(NUMBERS / 8, 1);
	if (!e.arrivals || !e.seen)
		die("start", "out of memory");
	setvbuf(stdout, NULL, _IOLBF, 0);
	setvbuf(stdin, NULL, _IONBF, 0);
	puts("ready");
	for (;;) {
		struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = e.fd, .events = POLLIN } };
		struct timespec wait = until_due(&e);
		if (ppoll(fds, 2, &wait, NULL) == -1 && errno != EINTR)
			die("poll", strerror(errno));
		if (fds[1].revents)
			receive(&e);
		send_due(&e);
		if (!fds[0].revents)
			continue;
		if (!fgets(line, sizeof(line), stdin))
			break;
		command(&e, line);
	}
	free(e.arrivals);
	free(e.seen);
	return 0;
}
