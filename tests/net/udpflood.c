/* Datagrams from nowhere, at a bounded rate: what somebody throws at a server's port who wants it to be busy.
 *
 *	udpflood SERVER PORT SOURCE RATE HELLO [RECEIVER]
 *
 * Sends RATE datagrams a second to SERVER:PORT; each claims to come from another address of the /16 of SOURCE, and from
 * another port (IPv4, raw sockets).  HELLO is a file with a ClientHello as a client sends it.  In turn: that
 *ClientHello with another random; a datagram of another length and of random bytes; a data packet for a random receiver
 *id, or for RECEIVER (hex).  Commands come as lines on standard input, each is answered by one line; end of file ends:
 *"go" and "stop" ("ok"), "stats" ("stats sent=N refused=N").
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "castswitch/tmsg.h"

enum {
	PAYLOAD_MAX = 1400,
	RANDOM_AT = 13 + 12 + 2, /* of a ClientHello: record header, handshake header, version */
	RANDOM_LEN = 32,
	BATCH = 64,
	LATE = 1000, /* at most so many datagrams are made up for */
	LINE = 64,
};

struct packet {
	struct iphdr ip;
	struct udphdr udp;
	uint8_t payload[PAYLOAD_MAX];
};

struct flood {
	int fd;
	struct sockaddr_in server;
	uint32_t source; /* host byte order */
	uint64_t interval, next;
	bool going;
	uint8_t hello[PAYLOAD_MAX];
	size_t hello_len;
	uint32_t receiver; /* 0 = a random one */
	uint64_t state;    /* of the random numbers */
	uint64_t sent, refused;
};

static void
die(const char *what, const char *why)
{
	fprintf(stderr, "udpflood: %s: %s\n", what, why);
	exit(1);
}

static uint64_t
now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* xorshift64* */
static uint64_t
chance(struct flood *f)
{
	f->state ^= f->state >> 12;
	f->state ^= f->state << 25;
	f->state ^= f->state >> 27;
	return f->state * UINT64_C(2685821657736338717);
}

static void
fill(struct flood *f, uint8_t *dst, size_t len)
{
	for (size_t i = 0; i < len; i++)
		dst[i] = (uint8_t)(chance(f) >> 32);
}

/* --- what is sent --- */

static size_t
hello(struct flood *f, uint8_t *dst)
{
	memcpy(dst, f->hello, f->hello_len);
	fill(f, dst + RANDOM_AT, RANDOM_LEN);
	return f->hello_len;
}

static size_t
garbage(struct flood *f, uint8_t *dst)
{
	size_t len = 1 + chance(f) % PAYLOAD_MAX;
	fill(f, dst, len);
	return len;
}

static size_t
data(struct flood *f, uint8_t *dst)
{
	size_t len = TMSG_OVERHEAD + chance(f) % (PAYLOAD_MAX - TMSG_OVERHEAD);
	tmsg_data_write(dst, f->receiver ? f->receiver : (uint32_t)(chance(f) >> 32), chance(f) >> 32);
	fill(f, dst + TMSG_DATA_HDR, len - TMSG_DATA_HDR);
	return len;
}

static void
send_one(struct flood *f)
{
	static size_t (*const kinds[])(struct flood *, uint8_t *) = { hello, garbage, data };
	struct packet p = { .ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP } };
	size_t len = kinds[(f->sent + f->refused) % (sizeof(kinds) / sizeof(kinds[0]))](f, p.payload);
	p.ip.saddr = htonl((f->source & 0xffff0000) | (chance(f) >> 32 & 0xffff));
	p.ip.daddr = f->server.sin_addr.s_addr;
	p.udp.source = htons((uint16_t)(1024 + chance(f) % 60000));
	p.udp.dest = f->server.sin_port;
	p.udp.len = htons((uint16_t)(sizeof(p.udp) + len)); /* a checksum of 0 is none */
	len += sizeof(p.ip) + sizeof(p.udp);
	if (sendto(f->fd, &p, len, MSG_DONTWAIT, (const struct sockaddr *)&f->server, sizeof(f->server)) == -1)
		f->refused++;
	else
		f->sent++;
}

static void
send_due(struct flood *f)
{
	uint64_t now = now_ns();
	if (!f->going)
		return;
	if (f->next + LATE * f->interval < now)
		f->next = now - LATE * f->interval;
	for (int i = 0; i < BATCH && f->next <= now; i++) {
		send_one(f);
		f->next += f->interval;
	}
}

/* --- the loop --- */

static void
command(struct flood *f, const char *line)
{
	if (strcmp(line, "stats\n") == 0) {
		printf("stats sent=%llu refused=%llu\n", (unsigned long long)f->sent, (unsigned long long)f->refused);
		return;
	}
	f->going = strcmp(line, "go\n") == 0;
	f->next = now_ns();
	puts("ok");
}

static struct timespec
until_due(const struct flood *f)
{
	uint64_t now = now_ns(), wait = UINT64_C(3600) * 1000000000;
	if (f->going)
		wait = f->next > now ? f->next - now : 0;
	return (struct timespec){ .tv_sec = (time_t)(wait / 1000000000), .tv_nsec = (long)(wait % 1000000000) };
}

static void
read_hello(struct flood *f, const char *path)
{
	FILE *in = fopen(path, "rb");
	uint8_t random[RANDOM_LEN];
	if (!in)
		die(path, strerror(errno));
	f->hello_len = fread(f->hello, 1, sizeof(f->hello), in);
	fclose(in);
	if (!tmsg_client_hello(f->hello, f->hello_len, random))
		die(path, "not a ClientHello");
}

static void
parse(struct flood *f, int argc, char **argv)
{
	struct in_addr source;
	if (argc < 6 || argc > 7)
		die("usage", "udpflood SERVER PORT SOURCE RATE HELLO [RECEIVER]");
	f->server = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2])) };
	if (inet_pton(AF_INET, argv[1], &f->server.sin_addr) != 1 || inet_pton(AF_INET, argv[3], &source) != 1 ||
	    atoi(argv[4]) <= 0)
		die("usage", "not an IPv4 address, or no rate");
	f->source = ntohl(source.s_addr);
	f->interval = UINT64_C(1000000000) / (uint64_t)atoi(argv[4]);
	read_hello(f, argv[5]);
	if (argc == 7)
		f->receiver = (uint32_t)strtoul(argv[6], NULL, 16);
}

int
main(int argc, char **argv)
{
	struct flood f = { .state = 1 };
	char line[LINE];
	parse(&f, argc, argv);
	f.fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	if (f.fd == -1)
		die("socket", strerror(errno));
	setvbuf(stdout, NULL, _IOLBF, 0);
	setvbuf(stdin, NULL, _IONBF, 0);
	puts("ready");
	for (;;) {
		struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
		struct timespec wait = until_due(&f);
		if (ppoll(&in, 1, &wait, NULL) == -1 && errno != EINTR)
			die("poll", strerror(errno));
		send_due(&f);
		if (!in.revents)
			continue;
		if (!fgets(line, sizeof(line), stdin))
			break;
		command(&f, line);
	}
	close(f.fd);
	return 0;
}
