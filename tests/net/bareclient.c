/* See bareclient.h. */
#include "net/bareclient.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "castswitch/aead_openssl.h"
#include "castswitch/frame.h"
#include "castswitch/identity.h"

const char *bareclient_program = "";

void
bareclient_die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s: %s\n", bareclient_program, what, why);
	exit(1);
}

struct mono
bareclient_now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return mono_from_ns((uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec);
}

/* --- identities --- */

struct testcert
bareclient_load_ca(const char *dir)
{
	struct testcert ca = { 0 };
	char path[512];
	snprintf(path, sizeof(path), "%s/ca.crt", dir);
	FILE *f = fopen(path, "r");
	if (!f || !(ca.x509 = PEM_read_X509(f, NULL, NULL, NULL)))
		bareclient_die(path, "cannot read it");
	fclose(f);
	snprintf(path, sizeof(path), "%s/ca.key", dir);
	f = fopen(path, "r");
	if (!f || !(ca.key = PEM_read_PrivateKey(f, NULL, NULL, NULL)))
		bareclient_die(path, "cannot read it");
	fclose(f);
	return ca;
}

void
bareclient_free_ca(struct testcert *ca)
{
	X509_free(ca->x509);
	EVP_PKEY_free(ca->key);
}

struct dtls_ctx *
bareclient_ctx(const struct testcert *ca, const char *dir, const char *name)
{
	char ca_path[512], err[SEC_ERROR_MAX];
	snprintf(ca_path, sizeof(ca_path), "%s/ca.crt", dir);
	struct testcert *tc = testcert_leaf(ca, name, "clientAuth");
	const struct identity_params params = { .role = IDENTITY_CLIENT,
						.certificate = tc->cert_pem,
						.key = tc->key_pem,
						.ca = ca_path,
						.require_eku = true };
	struct identity *id = identity_load(&params, err, sizeof(err));
	struct dtls_ctx *ctx = id ? dtls_ctx_new(id, err) : NULL;
	if (!ctx)
		bareclient_die(name, err);
	identity_free(id);
	testcert_free(tc);
	return ctx;
}

/* --- sessions --- */

static void
on_output(void *arg, struct session *s, const struct path *path, const uint8_t *dgram, size_t len)
{
	struct bareclient *c = arg;
	(void)s;
	(void)path;
	if (send(c->fd, dgram, len, MSG_DONTWAIT) == -1 && errno != EAGAIN && errno != ECONNREFUSED)
		bareclient_die("send", strerror(errno));
}

static void
on_closed(void *arg, struct session *s, const struct session_close_info *info, struct mono t)
{
	(void)arg;
	(void)s;
	(void)t;
	if (info->end != SESSION_END_LOCAL)
		fprintf(stderr, "%s: a session ended: %s\n", bareclient_program, info->text);
}

static int
client_socket(const struct sockaddr_in *server, struct in_addr source)
{
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr = source };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd == -1 || bind(fd, (struct sockaddr *)&from, sizeof(from)) == -1 ||
	    connect(fd, (const struct sockaddr *)server, sizeof(*server)) == -1)
		bareclient_die("socket", strerror(errno));
	return fd;
}

void
bareclient_open(struct bareclient *c, const struct sockaddr_in *server, struct in_addr source, const struct rng *rng)
{
	static const struct session_ops ops = { .output = on_output, .closed = on_closed };
	struct session_params params = { .role = SESSION_CLIENT,
					 .local_id = rng_u32(rng) | 1,
					 .flags = TMSG_FLAG_ENDPOINT,
					 .aead = aead_openssl(),
					 .aeads = { TMSG_AEAD_AES_256_GCM, TMSG_AEAD_CHACHA20_POLY1305 },
					 .n_aeads = 2,
					 .software = bareclient_program };
	const struct path path = { 0 };
	char err[SEC_ERROR_MAX];
	c->fd = client_socket(server, source);
	struct sec *sec = dtls_client_new(c->ctx, err);
	if (!sec)
		bareclient_die("dtls", err);
	c->session = session_new(&params, &ops, c, sec, &path, rng, bareclient_now());
}

void
bareclient_close(struct bareclient *c)
{
	session_free(c->session);
	c->session = NULL;
	close(c->fd);
	c->fd = -1;
}

bool
bareclient_is_up(const struct bareclient *c)
{
	return c->session && session_state(c->session) == SESSION_ESTABLISHED;
}

static void
client_receive(struct bareclient *c)
{
	uint8_t buf[FRAME_HEADROOM + 2048], *dgram = buf + FRAME_HEADROOM, *frame;
	size_t frame_len;
	ssize_t n;
	const struct path path = { 0 };
	while ((n = recv(c->fd, dgram, 2048, MSG_DONTWAIT)) > 0) {
		if (tmsg_classify(dgram, (size_t)n) == TMSG_CLASS_DTLS)
			session_handshake_input(c->session, dgram, (size_t)n, bareclient_now());
		else
			(void)session_open(c->session, &path, dgram, (size_t)n, bareclient_now(), &frame, &frame_len);
	}
}

void
bareclient_step(struct bareclient *c, bool readable)
{
	if (c->session && readable)
		client_receive(c);
	if (c->session && mono_due(session_next(c->session), bareclient_now()))
		session_tick(c->session, bareclient_now());
	if (c->session && session_state(c->session) == SESSION_CLOSED)
		bareclient_close(c);
}
