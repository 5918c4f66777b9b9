/* A server's stateless front: cookies bound to the address, until a ClientHello brings one back (RFC 6347 4.2.1). */
#include "private.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>

#include "castswitch/cursor.h"
#include "castswitch/tbucket.h"

enum { SECRET_LEN = 32, COOKIE_LEN = 32, ADDRESS_LEN = 16 + 2 + 4, HELLO_VERIFY_BURST = 1000 };

struct dtls_listener {
	struct sec_listener l; /* first */
	struct dtls_ctx *ctx;
	struct rng rng;
	struct dtls *spare; /* listens, and becomes the next connection */
	struct tbucket answers;
	uint8_t secret[2][SECRET_LEN]; /* the present and the previous one */
	struct mono secret_since;
	BIO_ADDR *nobody; /* DTLSv1_listen() wants one; our BIO knows no addresses */
	/* while a datagram is being worked on */
	const struct path *path;
	struct mono now;
};

/* --- cookies --- */

static void
rotate_secrets(struct dtls_listener *l, struct mono now)
{
	const nsec_t period = DTLS_COOKIE_PERIOD_S * NSEC_PER_SEC;
	nsec_t age = mono_since(l->secret_since, now);

	if (age < period)
		return;
	memcpy(l->secret[1], l->secret[0], SECRET_LEN);
	rng_fill(&l->rng, l->secret[0], SECRET_LEN);
	if (age >= 2 * period) /* the server was idle: what was present is too old even as the previous one */
		rng_fill(&l->rng, l->secret[1], SECRET_LEN);
	l->secret_since = now;
}

static bool
make_cookie(const struct dtls_listener *l, int which, uint8_t ret[COOKIE_LEN])
{
	const struct endpoint *from = &l->path->remote;
	uint8_t address[ADDRESS_LEN];
	struct wcur w = wcur_of(address, sizeof(address));
	unsigned int n = COOKIE_LEN;

	wcur_bytes(&w, from->ip.b, sizeof(from->ip.b));
	wcur_u16(&w, from->port);
	wcur_u32(&w, from->scope_id);
	return HMAC(EVP_sha256(), l->secret[which], SECRET_LEN, address, wcur_len(&w), ret, &n) != NULL;
}

int
dtls_cookie_generate(SSL *ssl, unsigned char *cookie, unsigned int *len)
{
	struct dtls_listener *l = dtls_of(ssl)->listener;

	if (!l || !tbucket_take(&l->answers, 1, l->now) || !make_cookie(l, 0, cookie))
		return 0; /* the ClientHello is dropped */
	*len = COOKIE_LEN;
	return 1;
}

int
dtls_cookie_verify(SSL *ssl, const unsigned char *cookie, unsigned int len)
{
	const struct dtls_listener *l = dtls_of(ssl)->listener;
	uint8_t good[COOKIE_LEN];

	if (!l)
		return 1; /* OpenSSL asks again when it works on the ClientHello that the listener has verified */
	if (len != COOKIE_LEN)
		return 0;
	for (int which = 0; which < 2; which++)
		if (make_cookie(l, which, good) && CRYPTO_memcmp(cookie, good, COOKIE_LEN) == 0)
			return 1;
	return 0;
}

/* --- the listener --- */

static struct dtls_listener *
of_listener(struct sec_listener *l)
{
	return (struct dtls_listener *)(void *)l;
}

/* The listening object sends HelloVerifyRequests: to where the ClientHello came from. */
static void
on_output(void *arg, const uint8_t *dgram, size_t len)
{
	struct dtls_listener *l = arg;

	if (l->l.output && l->path)
		l->l.output(l->l.arg, l->path, dgram, len);
}

static bool
have_spare(struct dtls_listener *l)
{
	if (l->spare)
		return true;
	l->spare = dtls_new(l->ctx);
	if (!l->spare)
		return false;
	l->spare->listener = l;
	l->spare->sec.output = on_output;
	l->spare->sec.arg = l;
	return true;
}

static struct dtls *
take_spare(struct dtls_listener *l)
{
	struct dtls *d = l->spare;

	d->listener = NULL;
	d->sec.output = NULL;
	d->sec.arg = NULL;
	l->spare = NULL;
	return d;
}

static struct sec *
listener_input(struct sec_listener *sl, const struct path *path, const uint8_t *dgram, size_t len, struct mono now)
{
	struct dtls_listener *l = of_listener(sl);
	struct sec *ret = NULL;

	rotate_secrets(l, now);
	if (len == 0 || !have_spare(l))
		return NULL;
	l->path = path;
	l->now = now;
	l->spare->io.in = dgram;
	l->spare->io.in_len = len;
	ERR_clear_error();
	int rc = DTLSv1_listen(l->spare->ssl, l->nobody);
	l->spare->io.in = NULL;
	l->path = NULL;
	if (rc == 1)
		ret = &take_spare(l)->sec;
	ERR_clear_error();
	return ret;
}

struct sec_listener *
dtls_listener_new(struct dtls_ctx *ctx, const struct rng *rng, struct mono now)
{
	static const struct sec_listener_ops ops = { .input = listener_input };
	struct dtls_listener *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->l.ops = &ops;
	l->ctx = dtls_ctx_ref(ctx);
	l->rng = *rng;
	tbucket_init(&l->answers, DTLS_HELLO_VERIFY_RATE, HELLO_VERIFY_BURST, now);
	rng_fill(&l->rng, l->secret, sizeof(l->secret));
	l->secret_since = now;
	l->nobody = BIO_ADDR_new();
	if (!l->nobody || !have_spare(l)) {
		dtls_listener_free(&l->l);
		return NULL;
	}
	return &l->l;
}

static void
drop_spare(struct dtls_listener *l)
{
	if (l->spare)
		l->spare->sec.ops->destroy(&l->spare->sec);
	l->spare = NULL;
}

void
dtls_listener_set_ctx(struct sec_listener *sl, struct dtls_ctx *ctx)
{
	struct dtls_listener *l = of_listener(sl);
	struct dtls_ctx *old = l->ctx;

	drop_spare(l);
	l->ctx = dtls_ctx_ref(ctx);
	dtls_ctx_free(old);
}

void
dtls_listener_free(struct sec_listener *sl)
{
	struct dtls_listener *l = of_listener(sl);

	if (!l)
		return;
	drop_spare(l);
	BIO_ADDR_free(l->nobody);
	dtls_ctx_free(l->ctx);
	OPENSSL_cleanse(l, sizeof(*l));
	free(l);
}
