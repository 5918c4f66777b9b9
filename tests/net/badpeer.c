/* A client with a good certificate that behaves badly: once its session is up it sends what a server must bear.
 *
 *	badpeer PKI-DIR ADDRESS PORT NAME RATE
 *
 * PKI-DIR is castpki's; the client gets a certificate of that NAME from its CA, and sends RATE data packets a second.
 * Commands come as lines on standard input, each is answered by one line; end of file ends: "go KIND" and "stop"
 * ("ok"), "stats" ("stats sent=N up=1").  Kinds:
 *
 *	control    CONTROL of unknown types, with the id that is due, an old one or a random one
 *	push       what only a server says, and ACKs of what nobody said
 *	fragment   begins of frames that never become whole
 *	kind       payloads of unknown kinds, and those that are too short for theirs
 *	forged     the session's id and the next counter, but not its key
 *	again      one datagram over and over
 *	ask        requests for an answer
 *	runt       FRAMEs that are no Ethernet frames
 *	all        one of the above after the other
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "castswitch/random.h"
#include "net/bareclient.h"
#include "tunnel/session_impl.h"

enum {
	LINE = 64,
	BATCH = 64,
	LATE = 1000, /* at most so many packets are made up for */
	FRAGMENT_LEN = 1000,
};

struct bad {
	struct bareclient client;
	struct sockaddr_in server;
	struct rng rng;
	nsec_t interval;
	struct mono next;
	const struct kind *kind; /* NULL = silent */
	bool all;
	uint32_t id;                            /* of CONTROL */
	uint8_t kept[TMSG_OVERHEAD + TMSG_MAX]; /* a datagram of ours */
	size_t kept_len;
	uint64_t sent;
};

struct kind {
	const char *name;
	void (*send)(struct bad *b, struct session *s);
};

static void
send_payload(struct bad *b, struct session *s, unsigned kind, const uint8_t *payload, size_t len)
{
	(void)b;
	(void)session_send(s, (enum tmsg_kind)kind, payload, len, bareclient_now());
}

static void
send_raw(struct bad *b, const uint8_t *dgram, size_t len)
{
	(void)send(b->client.fd, dgram, len, MSG_DONTWAIT);
}

/* A random payload that begins with a 32-bit id and a type. */
static void
send_message(struct bad *b, struct session *s, uint32_t id, uint8_t type)
{
	uint8_t payload[100];
	rng_fill(&b->rng, payload, sizeof(payload));
	for (unsigned i = 0; i < 4; i++)
		payload[i] = (uint8_t)(id >> (24 - 8 * i));
	payload[4] = type;
	send_payload(b, s, TMSG_CONTROL, payload, sizeof(payload));
}

/* --- kinds --- */

static void
send_control(struct bad *b, struct session *s)
{
	switch (rng_u32(&b->rng) % 3) {
	case 0:
		send_message(b, s, ++b->id, (uint8_t)(16 + rng_u32(&b->rng) % 200));
		break;
	case 1:
		send_message(b, s, b->id, 99);
		break;
	default:
		send_message(b, s, rng_u32(&b->rng), 99);
	}
}

static void
send_push(struct bad *b, struct session *s)
{
	const uint8_t types[] = { TMSG_ACK, TMSG_PUSH };
	send_message(b, s, ++b->id, types[b->sent % 2]);
}

static void
send_fragment(struct bad *b, struct session *s)
{
	uint8_t payload[2 + FRAGMENT_LEN] = { (uint8_t)(rng_u32(&b->rng) % 7), 8 };
	send_payload(b, s, TMSG_FRAGMENT, payload, sizeof(payload));
}

static void
send_kind(struct bad *b, struct session *s)
{
	uint8_t payload[200];
	rng_fill(&b->rng, payload, sizeof(payload));
	if (b->sent % 2)
		send_payload(b, s, 5 + rng_u32(&b->rng) % 250, payload, sizeof(payload));
	else
		send_payload(b, s, 1 + rng_u32(&b->rng) % 4, payload, rng_u32(&b->rng) % 3);
}

static void
send_forged(struct bad *b, struct session *s)
{
	uint8_t dgram[TMSG_OVERHEAD + 500];
	rng_fill(&b->rng, dgram, sizeof(dgram));
	tmsg_data_write(dgram, session_remote_id(s), s->tx_counter + 1);
	send_raw(b, dgram, sizeof(dgram));
}

static void
send_again(struct bad *b, struct session *s)
{
	static const uint8_t plain[100] = { TMSG_FRAME };
	if (b->kept_len == 0)
		b->kept_len = session_encrypt(s, plain, sizeof(plain), b->kept, bareclient_now());
	send_raw(b, b->kept, b->kept_len);
}

static void
send_ask(struct bad *b, struct session *s)
{
	uint8_t payload[TMSG_PAD_LEN];
	tmsg_pad_write(payload, &(struct tmsg_pad){ .flags = TMSG_PAD_REQUEST, .id = rng_u64(&b->rng) });
	send_payload(b, s, TMSG_PAD, payload, sizeof(payload));
}

static void
send_runt(struct bad *b, struct session *s)
{
	uint8_t payload[13];
	rng_fill(&b->rng, payload, sizeof(payload));
	send_payload(b, s, TMSG_FRAME, payload, rng_u32(&b->rng) % (sizeof(payload) + 1));
}

static const struct kind kinds[] = {
	{ "control", send_control }, { "push", send_push },   { "fragment", send_fragment }, { "kind", send_kind },
	{ "forged", send_forged },   { "again", send_again }, { "ask", send_ask },           { "runt", send_runt },
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* --- the loop --- */

static void
send_due(struct bad *b)
{
	struct mono t = bareclient_now();
	if (!b->kind || !bareclient_is_up(&b->client))
		return;
	if (mono_since(b->next, t) > LATE * b->interval)
		b->next = mono_add(t, -LATE * b->interval);
	for (int i = 0; i < BATCH && mono_due(b->next, t) && bareclient_is_up(&b->client); i++) {
		if (b->all)
			b->kind = &kinds[b->sent % KINDS];
		b->kind->send(b, b->client.session);
		b->sent++;
		b->next = mono_add(b->next, b->interval);
	}
}

/* False when there is no such kind. */
static bool
begin(struct bad *b, const char *name)
{
	b->all = strcmp(name, "all") == 0;
	b->kind = b->all ? &kinds[0] : NULL;
	for (size_t i = 0; i < KINDS; i++)
		if (strcmp(kinds[i].name, name) == 0)
			b->kind = &kinds[i];
	b->next = bareclient_now();
	return b->kind != NULL;
}

static void
command(struct bad *b, char *line)
{
	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, "stats") == 0) {
		printf("stats sent=%llu up=%d\n", (unsigned long long)b->sent, bareclient_is_up(&b->client));
	} else if (strcmp(line, "stop") == 0) {
		b->kind = NULL;
		puts("ok");
	} else {
		puts(strncmp(line, "go ", 3) == 0 && begin(b, line + 3) ? "ok" : "error: no such command");
	}
}

static int
wait_ms(const struct bad *b)
{
	struct mono next = b->client.session ? session_next(b->client.session) : MONO_NEVER, t = bareclient_now();
	if (b->kind && bareclient_is_up(&b->client))
		next = mono_min(next, b->next);
	if (mono_is_never(next))
		return -1;
	return mono_due(next, t) ? 0 : (int)(mono_since(t, next) / NSEC_PER_MSEC) + 1;
}

/* One round of input and timers; true when standard input is ready. */
static bool
step(struct bad *b)
{
	struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN },
				{ .fd = b->client.session ? b->client.fd : -1, .events = POLLIN } };
	if (poll(fds, 2, wait_ms(b)) == -1 && errno != EINTR)
		bareclient_die("poll", strerror(errno));
	bareclient_step(&b->client, fds[1].revents != 0);
	send_due(b);
	return fds[0].revents != 0;
}

int
main(int argc, char **argv)
{
	struct bad b = { .rng = random_rng(), .server = { .sin_family = AF_INET } };
	char line[LINE];
	bareclient_program = "badpeer";
	if (argc != 6 || inet_pton(AF_INET, argv[2], &b.server.sin_addr) != 1 || atoi(argv[5]) <= 0)
		bareclient_die("usage", "badpeer PKI-DIR IPV4-ADDRESS PORT NAME RATE");
	b.server.sin_port = htons((uint16_t)atoi(argv[3]));
	b.interval = NSEC_PER_SEC / atoi(argv[5]);
	struct testcert ca = bareclient_load_ca(argv[1]);
	b.client.ctx = bareclient_ctx(&ca, argv[1], argv[4]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	setvbuf(stdin, NULL, _IONBF, 0);
	bareclient_open(&b.client, &b.server, (struct in_addr){ 0 }, &b.rng);
	while (b.client.session && !bareclient_is_up(&b.client))
		(void)step(&b);
	if (!b.client.session)
		bareclient_die("session", "not connected");
	puts("ready");
	for (;;) {
		if (!step(&b))
			continue;
		if (!fgets(line, sizeof(line), stdin))
			break;
		command(&b, line);
	}
	if (b.client.session)
		bareclient_close(&b.client);
	dtls_ctx_free(b.client.ctx);
	bareclient_free_ca(&ca);
	return 0;
}
