/* A network between clients and a server that is as bad as it is told to be: a UDP relay which is a NAT, too.
 *
 *	udprelay NEAR PORT SERVER SERVER-PORT SOURCE SEED
 *
 * Clients send to NEAR:PORT; each of them gets a mapping, a socket at SOURCE from which its datagrams go to the server
 * ("up") and answers come back ("down").  Addresses are numeric, all of one family.  Commands come as lines on standard
 * input, each is answered by one line; end of file ends.
 *
 *	set up|down|both KEY=VALUE...   what happens to datagrams; keys that are not named stay:
 *	    loss dup reorder    percent: dropped; sent twice; held back by `hold`, so that later ones overtake
 *	    delay jitter hold   ms; jitter is added to delay, drawn evenly, and keeps the order; hold: 10 at first
 *	    mtu                 bytes of IP packet: larger ones vanish; 0 = none
 *	    rate queue          bit/s of IP packets, 0 = none; bytes of them that wait for it at most, 65536 at first
 *	    block               0, or the kinds that vanish: 1 DTLS records + 2 data packets + 4 others
 *	seed N          begins to draw anew
 *	rebind ADDRESS  mappings get new ports at this source; what still comes to the old ones vanishes ("stale")
 *	foreign ADDRESS opens another source of datagrams to the server, that of an attacker
 *	copy 0|1|2      1: a copy of each datagram of a client goes up from there at once, its own as usual;
 *	                2: and what comes down to there goes to the client, at once
 *	replay N        the last N datagrams that clients sent go up once more, from there
 *	stats           "stats NAME=NUMBER ..."
 *
 * Times in stats are CLOCK_MONOTONIC in ns: when the first datagram passed each way (left up, came down) by the mapping
 * that was made last; 0 = none yet.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/udprelay_path.h"

enum {
	DGRAM_MAX = 9216,
	FLOWS = 64,
	STALE = 8,   /* old sockets of mappings that are still listened to */
	RING = 1024, /* datagrams kept for replays */
	BATCH = 64,  /* datagrams read from a socket before another has its turn */
	LINE = 1024,
	BUFFER = 8 << 20,
};

static const char *const way_names[PATH_WAYS] = { "up_", "down_" };

struct flow {
	struct sockaddr_storage client;
	int fd;          /* to the server; -1 = the flow is free */
	uint32_t serial; /* tells it from others that had its place */
	uint64_t used;   /* ns */
};

struct kept {
	size_t len;
	uint8_t data[DGRAM_MAX];
};

struct relay {
	struct lossy_path path;
	int near;
	struct sockaddr_storage server, source;
	socklen_t addr_len;
	uint64_t out[PATH_WAYS], errors[PATH_WAYS];
	struct flow flows[FLOWS];
	uint32_t serials;
	size_t latest; /* flow that a client was heard of last */
	int stale[STALE];
	size_t n_stale;
	uint64_t mappings, stale_packets, stale_bytes;
	int foreign, copy;
	uint64_t foreign_up, foreign_up_bytes, foreign_down, foreign_down_bytes, foreign_down_max;
	uint64_t first_up, first_down;
	struct kept *ring;
	uint64_t kept;
	char line[LINE];
	size_t line_len;
};

static uint64_t
now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void
die(const char *what, const char *why)
{
	fprintf(stderr, "udprelay: %s: %s\n", what, why);
	exit(1);
}

__attribute__((format(printf, 1, 2))) static void
answer(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

/* --- sockets --- */

static struct sockaddr_storage
address(const char *text, const char *port, socklen_t *ret_len)
{
	struct sockaddr_storage ss = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)atoi(port));
		*ret_len = sizeof(*in);
	} else if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)atoi(port));
		*ret_len = sizeof(*in6);
	} else {
		die(text, "not an address");
	}
	return ss;
}

/* Of what is sent nothing is fragmented here. */
static int
udp_socket(const struct relay *r, const struct sockaddr_storage *at)
{
	static const int size = BUFFER;
	int fd = socket(at->ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	bool ip6 = at->ss_family == AF_INET6;
	int probe = ip6 ? IPV6_PMTUDISC_PROBE : IP_PMTUDISC_PROBE;
	if (fd == -1 || bind(fd, (const struct sockaddr *)at, r->addr_len) == -1)
		die("socket", strerror(errno));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	(void)setsockopt(fd, ip6 ? IPPROTO_IPV6 : IPPROTO_IP, ip6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER, &probe,
			 sizeof(probe));
	return fd;
}

static int
far_socket(const struct relay *r, const struct sockaddr_storage *source)
{
	int fd = udp_socket(r, source);
	if (connect(fd, (const struct sockaddr *)&r->server, r->addr_len) == -1)
		die("connect", strerror(errno));
	return fd;
}

/* --- mappings --- */

static void
open_mapping(struct relay *r, struct flow *f)
{
	f->fd = far_socket(r, &r->source);
	r->mappings++;
	r->first_up = r->first_down = 0;
}

static size_t
find_flow(struct relay *r, const struct sockaddr_storage *client)
{
	size_t at = 0;
	for (size_t i = 0; i < FLOWS; i++) {
		struct flow *f = &r->flows[i];
		if (f->fd != -1 && memcmp(&f->client, client, r->addr_len) == 0)
			return i;
		if (f->used < r->flows[at].used)
			at = i;
	}
	struct flow *f = &r->flows[at];
	if (f->fd != -1)
		close(f->fd);
	f->client = *client;
	f->serial = ++r->serials;
	open_mapping(r, f);
	return at;
}

static void
keep_stale(struct relay *r, int fd)
{
	int *place = &r->stale[r->n_stale++ % STALE];
	if (*place != -1)
		close(*place);
	*place = fd;
}

static void
rebind(struct relay *r, const char *where)
{
	r->source = address(where, "0", &r->addr_len);
	for (size_t i = 0; i < FLOWS; i++) {
		if (r->flows[i].fd == -1)
			continue;
		keep_stale(r, r->flows[i].fd);
		open_mapping(r, &r->flows[i]);
	}
}

/* --- what leaves --- */

static void
leave(struct relay *r, const struct path_item *it, uint64_t now)
{
	const struct flow *f = &r->flows[it->flow];
	ssize_t n;
	if (f->serial != it->serial)
		return;
	if (it->way == PATH_UP)
		n = send(f->fd, it->data, it->len, 0);
	else
		n = sendto(r->near, it->data, it->len, 0, (const struct sockaddr *)&f->client, r->addr_len);
	if (n == -1) {
		r->errors[it->way]++;
		return;
	}
	r->out[it->way]++;
	if (it->way == PATH_UP && r->first_up == 0)
		r->first_up = now;
}

static void
leave_all(struct relay *r)
{
	uint64_t now = now_ns();
	for (struct path_item *it; (it = lossy_path_output(&r->path, now)); free(it))
		leave(r, it, now);
}

/* --- the attacker --- */

static void
send_foreign(struct relay *r, const uint8_t *data, size_t len)
{
	if (r->foreign == -1 || send(r->foreign, data, len, 0) == -1)
		return;
	r->foreign_up++;
	r->foreign_up_bytes += len;
}

static void
keep(struct relay *r, const uint8_t *data, size_t len)
{
	struct kept *k = &r->ring[r->kept++ % RING];
	k->len = len;
	memcpy(k->data, data, len);
}

static void
replay(struct relay *r, uint64_t n)
{
	uint64_t most = r->kept < RING ? r->kept : RING;
	n = n < most ? n : most;
	for (uint64_t i = r->kept - n; i < r->kept; i++)
		send_foreign(r, r->ring[i % RING].data, r->ring[i % RING].len);
	answer("replayed %llu", (unsigned long long)n);
}

/* --- what comes in --- */

static void
pass(struct relay *r, enum path_way way, size_t flow, const uint8_t *data, size_t len, uint64_t now)
{
	if (!lossy_path_input(&r->path, way, flow, r->flows[flow].serial, data, len, now))
		die("datagram", "out of memory");
}

static void
read_near(struct relay *r)
{
	uint8_t data[DGRAM_MAX];
	for (int i = 0; i < BATCH; i++) {
		struct sockaddr_storage from = { 0 };
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(r->near, data, sizeof(data), 0, (struct sockaddr *)&from, &from_len);
		if (n == -1)
			return;
		uint64_t now = now_ns();
		size_t flow = find_flow(r, &from);
		r->latest = flow;
		r->flows[flow].used = now;
		keep(r, data, (size_t)n);
		if (r->copy)
			send_foreign(r, data, (size_t)n);
		pass(r, PATH_UP, flow, data, (size_t)n, now);
	}
}

static void
read_far(struct relay *r, size_t flow)
{
	uint8_t data[DGRAM_MAX];
	ssize_t n;
	for (int i = 0; i < BATCH && (n = recv(r->flows[flow].fd, data, sizeof(data), 0)) != -1; i++) {
		uint64_t now = now_ns();
		if (r->first_down == 0)
			r->first_down = now;
		pass(r, PATH_DOWN, flow, data, (size_t)n, now);
	}
}

static void
read_foreign(struct relay *r)
{
	const struct flow *f = &r->flows[r->latest];
	uint8_t data[DGRAM_MAX];
	ssize_t n;
	for (int i = 0; i < BATCH && (n = recv(r->foreign, data, sizeof(data), 0)) != -1; i++) {
		r->foreign_down++;
		r->foreign_down_bytes += (uint64_t)n;
		if ((uint64_t)n > r->foreign_down_max)
			r->foreign_down_max = (uint64_t)n;
		if (r->copy == 2 && f->fd != -1)
			(void)sendto(r->near, data, (size_t)n, 0, (const struct sockaddr *)&f->client, r->addr_len);
	}
}

static void
read_stale(struct relay *r, int fd)
{
	uint8_t data[DGRAM_MAX];
	ssize_t n;
	for (int i = 0; i < BATCH && (n = recv(fd, data, sizeof(data), 0)) != -1; i++) {
		r->stale_packets++;
		r->stale_bytes += (uint64_t)n;
	}
}

/* --- commands --- */

static bool
set_rule(struct relay *r, bool up, bool down, char *word)
{
	char *value = strchr(word, '=');
	if (!value)
		return false;
	*value++ = '\0';
	return (!up || lossy_path_set(&r->path, PATH_UP, word, value)) &&
	       (!down || lossy_path_set(&r->path, PATH_DOWN, word, value));
}

static void
set(struct relay *r, const char *which, char **save)
{
	bool both = strcmp(which, "both") == 0;
	bool up = both || strcmp(which, "up") == 0, down = both || strcmp(which, "down") == 0, ok = up || down;
	for (char *word; ok && (word = strtok_r(NULL, " ", save));)
		ok = set_rule(r, up, down, word);
	answer(ok ? "ok" : "error: no such rule");
}

static void
tell(const char *way, const char *name, uint64_t number)
{
	printf(" %s%s=%llu", way, name, (unsigned long long)number);
}

static void
tell_way(const struct relay *r, enum path_way way)
{
	const struct path_direction *d = &r->path.dir[way];
	const char *name = way_names[way];
	tell(name, "in", d->in);
	tell(name, "out", r->out[way]);
	tell(name, "lost", d->lost);
	tell(name, "duplicated", d->duplicated);
	tell(name, "reordered", d->reordered);
	tell(name, "too_big", d->too_big);
	tell(name, "overflowed", d->overflowed);
	tell(name, "blocked", d->blocked);
	tell(name, "errors", r->errors[way]);
}

static unsigned
port_of(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	if (getsockname(fd, (struct sockaddr *)&ss, &len) == -1)
		die("getsockname", strerror(errno));
	/* At the same place in both families. */
	return ntohs(((const struct sockaddr_in *)&ss)->sin_port);
}

static void
tell_stats(const struct relay *r)
{
	printf("stats");
	tell_way(r, PATH_UP);
	tell_way(r, PATH_DOWN);
	tell("", "mappings", r->mappings);
	tell("", "first_up", r->first_up);
	tell("", "first_down", r->first_down);
	tell("stale_", "packets", r->stale_packets);
	tell("stale_", "bytes", r->stale_bytes);
	tell("foreign_", "up", r->foreign_up);
	tell("foreign_", "up_bytes", r->foreign_up_bytes);
	tell("foreign_", "down", r->foreign_down);
	tell("foreign_", "down_bytes", r->foreign_down_bytes);
	tell("foreign_", "down_max", r->foreign_down_max);
	answer(" foreign_port=%u", r->foreign == -1 ? 0 : port_of(r->foreign));
}

static void
open_foreign(struct relay *r, const char *where)
{
	socklen_t len;
	struct sockaddr_storage source = address(where, "0", &len);
	if (r->foreign != -1)
		close(r->foreign);
	r->foreign = far_socket(r, &source);
	r->foreign_down_max = 0;
}

static uint64_t
number(const char *word)
{
	return strtoull(word, NULL, 10);
}

static void
command_with(struct relay *r, const char *name, const char *word, char **save)
{
	if (strcmp(name, "set") == 0) {
		set(r, word, save);
		return;
	}
	if (strcmp(name, "replay") == 0) {
		replay(r, number(word));
		return;
	}
	if (strcmp(name, "seed") == 0) {
		lossy_path_seed(&r->path, number(word));
	} else if (strcmp(name, "rebind") == 0) {
		rebind(r, word);
	} else if (strcmp(name, "foreign") == 0) {
		open_foreign(r, word);
	} else if (strcmp(name, "copy") == 0) {
		r->copy = (int)number(word);
	} else {
		answer("error: no such command");
		return;
	}
	answer("ok");
}

static void
command(struct relay *r, char *line)
{
	char *save = NULL;
	const char *name = strtok_r(line, " ", &save), *word = name ? strtok_r(NULL, " ", &save) : NULL;
	if (word)
		command_with(r, name, word, &save);
	else if (name && strcmp(name, "stats") == 0)
		tell_stats(r);
	else
		answer("error: no such command");
}

/* False at the end. */
static bool
read_commands(struct relay *r)
{
	ssize_t n = read(STDIN_FILENO, r->line + r->line_len, sizeof(r->line) - r->line_len);
	if (n <= 0)
		return false;
	r->line_len += (size_t)n;
	for (char *end; (end = memchr(r->line, '\n', r->line_len));) {
		*end++ = '\0';
		command(r, r->line);
		r->line_len -= (size_t)(end - r->line);
		memmove(r->line, end, r->line_len);
	}
	if (r->line_len == sizeof(r->line))
		die("standard input", "a line without an end");
	return true;
}

/* --- the loop --- */

static struct timespec
until_due(const struct relay *r)
{
	uint64_t now = now_ns(), wait = UINT64_C(3600) * 1000000000;
	uint64_t next = lossy_path_next(&r->path);
	if (next < now + wait)
		wait = next > now ? next - now : 0;
	return (struct timespec){ .tv_sec = (time_t)(wait / 1000000000), .tv_nsec = (long)(wait % 1000000000) };
}

/* False at the end. */
static bool
step(struct relay *r)
{
	struct pollfd fds[3 + FLOWS + STALE] = { { .fd = STDIN_FILENO }, { .fd = r->near }, { .fd = r->foreign } };
	const size_t n = sizeof(fds) / sizeof(fds[0]), flows = 3, stale = flows + FLOWS;
	for (size_t i = 0; i < FLOWS; i++)
		fds[flows + i].fd = r->flows[i].fd;
	for (size_t i = 0; i < STALE; i++)
		fds[stale + i].fd = r->stale[i];
	for (size_t i = 0; i < n; i++)
		fds[i].events = POLLIN;
	struct timespec wait = until_due(r);
	if (ppoll(fds, n, &wait, NULL) == -1 && errno != EINTR)
		die("poll", strerror(errno));
	for (size_t i = 0; i < STALE; i++)
		if (fds[stale + i].revents)
			read_stale(r, r->stale[i]);
	for (size_t i = 0; i < FLOWS; i++)
		if (fds[flows + i].revents)
			read_far(r, i);
	if (fds[2].revents)
		read_foreign(r);
	if (fds[1].revents)
		read_near(r);
	leave_all(r);
	return !fds[0].revents || read_commands(r);
}

int
main(int argc, char **argv)
{
	static struct relay relay = { .foreign = -1 };
	struct relay *r = &relay;
	if (argc != 7)
		die("usage", "udprelay NEAR PORT SERVER SERVER-PORT SOURCE SEED");
	struct sockaddr_storage near = address(argv[1], argv[2], &r->addr_len);
	r->server = address(argv[3], argv[4], &r->addr_len);
	r->source = address(argv[5], "0", &r->addr_len);
	lossy_path_init(&r->path, number(argv[6]), near.ss_family == AF_INET6 ? 48 : 28);
	r->near = udp_socket(r, &near);
	r->ring = calloc(RING, sizeof(*r->ring));
	if (!r->ring)
		die("start", "out of memory");
	for (size_t i = 0; i < FLOWS; i++)
		r->flows[i].fd = -1;
	for (size_t i = 0; i < STALE; i++)
		r->stale[i] = -1;
	answer("ready");
	while (step(r))
		;
	lossy_path_fini(&r->path);
	free(r->ring);
	return 0;
}
