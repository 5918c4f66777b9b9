/* Many clients in one process, without taps: sessions over real sockets against a real server.
 *
 *	manypeers PKI-DIR ADDRESS PORT COUNT [SOURCE]
 *
 * PKI-DIR is castpki's: each client gets a certificate from its CA, named p0, p1, ...  Client N sends from the address
 * SOURCE + N when one is given, for a server takes only so many handshakes a second from one.  Commands come as lines
 *on standard input, each answered by one line: "up" connects all that are not connected ("up N SECONDS"), "down" says
 *BYE for all ("down N"), "drop" forgets all without a word ("dropped N"); end of file ends.  Between commands
 *keepalives go on.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "castswitch/aead_openssl.h"
#include "castswitch/dtls.h"
#include "castswitch/frame.h"
#include "castswitch/identity.h"
#include "castswitch/random.h"
#include "castswitch/session.h"
#include "lib/testcert.h"

enum { AT_ONCE = 16, LINE = 64 };

struct client {
	struct dtls_ctx *ctx;
	struct session *session;
	int fd;
};

struct world {
	struct client *clients;
	size_t n;
	struct sockaddr_in server;
	struct in_addr source; /* of the first client; 0 = any */
	struct rng rng;
	struct pollfd *fds; /* the last one is standard input */
};

static struct mono
now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return mono_from_ns((uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec);
}

static void
die(const char *what, const char *why)
{
	fprintf(stderr, "manypeers: %s: %s\n", what, why);
	exit(1);
}

/* --- identities --- */

static struct testcert
load_ca(const char *dir)
{
	struct testcert ca = { 0 };
	char path[512];
	snprintf(path, sizeof(path), "%s/ca.crt", dir);
	FILE *f = fopen(path, "r");
	if (!f || !(ca.x509 = PEM_read_X509(f, NULL, NULL, NULL)))
		die(path, "cannot read it");
	fclose(f);
	snprintf(path, sizeof(path), "%s/ca.key", dir);
	f = fopen(path, "r");
	if (!f || !(ca.key = PEM_read_PrivateKey(f, NULL, NULL, NULL)))
		die(path, "cannot read it");
	fclose(f);
	return ca;
}

static struct dtls_ctx *
make_ctx(const struct testcert *ca, const char *ca_path, size_t number)
{
	char name[32], err[SEC_ERROR_MAX];
	snprintf(name, sizeof(name), "p%zu", number);
	struct testcert *tc = testcert_leaf(ca, name, "clientAuth");
	const struct identity_params params = { .role = IDENTITY_CLIENT,
						.certificate = tc->cert_pem,
						.key = tc->key_pem,
						.ca = ca_path,
						.require_eku = true };
	struct identity *id = identity_load(&params, err, sizeof(err));
	struct dtls_ctx *ctx = id ? dtls_ctx_new(id, err) : NULL;
	if (!ctx)
		die(name, err);
	identity_free(id);
	testcert_free(tc);
	return ctx;
}

/* --- sessions --- */

static void
on_output(void *arg, struct session *s, const struct path *path, const uint8_t *dgram, size_t len)
{
	struct client *c = arg;
	(void)s;
	(void)path;
	if (send(c->fd, dgram, len, MSG_DONTWAIT) == -1 && errno != EAGAIN && errno != ECONNREFUSED)
		die("send", strerror(errno));
}

static void
on_closed(void *arg, struct session *s, const struct session_close_info *info, struct mono t)
{
	(void)arg;
	(void)s;
	(void)t;
	if (info->end != SESSION_END_LOCAL)
		fprintf(stderr, "manypeers: a session ended: %s\n", info->text);
}

/* A socket to the server, from the client's own address. */
static int
client_socket(const struct world *w, const struct client *c)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (w->source.s_addr)
		from.sin_addr.s_addr = htonl(ntohl(w->source.s_addr) + (uint32_t)(c - w->clients));
	if (fd == -1 || bind(fd, (struct sockaddr *)&from, sizeof(from)) == -1 ||
	    connect(fd, (const struct sockaddr *)&w->server, sizeof(w->server)) == -1)
		die("socket", strerror(errno));
	return fd;
}

static void
client_open(struct world *w, struct client *c)
{
	static const struct session_ops ops = { .output = on_output, .closed = on_closed };
	struct session_params params = { .role = SESSION_CLIENT,
					 .local_id = rng_u32(&w->rng) | 1,
					 .flags = TMSG_FLAG_ENDPOINT,
					 .aead = aead_openssl(),
					 .aeads = { TMSG_AEAD_AES_256_GCM, TMSG_AEAD_CHACHA20_POLY1305 },
					 .n_aeads = 2,
					 .software = "manypeers" };
	const struct path path = { 0 };
	char err[SEC_ERROR_MAX];
	c->fd = client_socket(w, c);
	struct sec *sec = dtls_client_new(c->ctx, err);
	if (!sec)
		die("dtls", err);
	c->session = session_new(&params, &ops, c, sec, &path, &w->rng, now());
}

static void
client_close(struct client *c)
{
	session_free(c->session);
	c->session = NULL;
	close(c->fd);
	c->fd = -1;
}

static bool
is_up(const struct client *c)
{
	return c->session && session_state(c->session) == SESSION_ESTABLISHED;
}

static void
client_receive(struct client *c)
{
	uint8_t buf[FRAME_HEADROOM + 2048], *dgram = buf + FRAME_HEADROOM, *frame;
	size_t frame_len;
	ssize_t n;
	const struct path path = { 0 };
	while ((n = recv(c->fd, dgram, 2048, MSG_DONTWAIT)) > 0) {
		if (tmsg_classify(dgram, (size_t)n) == TMSG_CLASS_DTLS)
			session_handshake_input(c->session, dgram, (size_t)n, now());
		else
			(void)session_open(c->session, &path, dgram, (size_t)n, now(), &frame, &frame_len);
	}
}

/* --- the loop --- */

static int
wait_ms(const struct world *w)
{
	struct mono next = MONO_NEVER, t = now();
	for (size_t i = 0; i < w->n; i++)
		if (w->clients[i].session)
			next = mono_min(next, session_next(w->clients[i].session));
	if (mono_is_never(next))
		return -1;
	return (int)(mono_since(t, next) / NSEC_PER_MSEC) + (mono_due(next, t) ? 0 : 1);
}

/* One round of input and timers; true when standard input is ready. */
static bool
step(struct world *w)
{
	for (size_t i = 0; i < w->n; i++)
		w->fds[i] = (struct pollfd){ .fd = w->clients[i].session ? w->clients[i].fd : -1, .events = POLLIN };
	w->fds[w->n] = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
	if (poll(w->fds, w->n + 1, wait_ms(w)) == -1 && errno != EINTR)
		die("poll", strerror(errno));
	for (size_t i = 0; i < w->n; i++) {
		struct client *c = &w->clients[i];
		if (c->session && w->fds[i].revents)
			client_receive(c);
		if (c->session && mono_due(session_next(c->session), now()))
			session_tick(c->session, now());
		if (c->session && session_state(c->session) == SESSION_CLOSED)
			client_close(c);
	}
	return w->fds[w->n].revents != 0;
}

/* At most AT_ONCE handshakes at a time; what fails is tried again. */
static void
all_up(struct world *w)
{
	struct mono start = now();
	size_t up = 0;
	while (up < w->n) {
		size_t busy = 0;
		up = 0;
		for (size_t i = 0; i < w->n; i++) {
			up += is_up(&w->clients[i]);
			busy += w->clients[i].session && !is_up(&w->clients[i]);
		}
		for (size_t i = 0; i < w->n && busy < AT_ONCE; i++) {
			if (w->clients[i].session)
				continue;
			client_open(w, &w->clients[i]);
			busy++;
		}
		if (up < w->n)
			(void)step(w);
	}
	printf("up %zu %.3f\n", up, (double)mono_since(start, now()) / 1e9);
}

static void
all_down(struct world *w, bool say_bye)
{
	size_t n = 0;
	for (size_t i = 0; i < w->n; i++) {
		if (!w->clients[i].session)
			continue;
		if (say_bye)
			session_close(w->clients[i].session, TMSG_REASON_SHUTDOWN, "", now());
		client_close(&w->clients[i]);
		n++;
	}
	printf("%s %zu\n", say_bye ? "down" : "dropped", n);
}

int
main(int argc, char **argv)
{
	struct world w = { .rng = random_rng(), .server = { .sin_family = AF_INET } };
	char ca_path[512], line[LINE];
	if (argc < 5 || argc > 6 || inet_pton(AF_INET, argv[2], &w.server.sin_addr) != 1 ||
	    (argc == 6 && inet_pton(AF_INET, argv[5], &w.source) != 1))
		die("usage", "manypeers PKI-DIR IPV4-ADDRESS PORT COUNT [IPV4-ADDRESS]");
	w.server.sin_port = htons((uint16_t)atoi(argv[3]));
	w.n = (size_t)atoi(argv[4]);
	w.clients = calloc(w.n, sizeof(*w.clients));
	w.fds = calloc(w.n + 1, sizeof(*w.fds));
	snprintf(ca_path, sizeof(ca_path), "%s/ca.crt", argv[1]);
	struct testcert ca = load_ca(argv[1]);
	for (size_t i = 0; i < w.n; i++)
		w.clients[i].ctx = make_ctx(&ca, ca_path, i);
	setvbuf(stdout, NULL, _IOLBF, 0);
	setvbuf(stdin, NULL, _IONBF, 0);
	for (;;) {
		if (!step(&w))
			continue;
		if (!fgets(line, sizeof(line), stdin))
			break;
		if (strcmp(line, "up\n") == 0)
			all_up(&w);
		else
			all_down(&w, strcmp(line, "down\n") == 0);
	}
	for (size_t i = 0; i < w.n; i++) {
		if (w.clients[i].session)
			client_close(&w.clients[i]);
		dtls_ctx_free(w.clients[i].ctx);
	}
	X509_free(ca.x509);
	EVP_PKEY_free(ca.key);
	free(w.clients);
	free(w.fds);
	return 0;
}
