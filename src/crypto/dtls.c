/* One DTLS connection: the interface of sec.h on an SSL object whose BIO carries one datagram at a time. */
#include "private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "castswitch/cursor.h"

enum {
	FIRST_TIMEOUT_US = 250 * 1000,
	MAX_TIMEOUT_US = 4 * 1000 * 1000,
	RECORD_HEADER = 13, /* RFC 6347 4.1 */
	CONTENT_ALERT = 21,
};

static struct dtls *
of_sec(struct sec *s)
{
	return (struct dtls *)(void *)s;
}

static const struct dtls *
of_const_sec(const struct sec *s)
{
	return (const struct dtls *)(const void *)s;
}

/* --- state changes --- */

/* For alerts that leave open what is wrong.  More than an alert cannot be sent to who isn't believed yet (RFC 5246
 * 7.2), so the rest is where it was decided. */
static const char *
hint_of(uint8_t alert)
{
	switch (alert) {
	case SSL_AD_BAD_CERTIFICATE:
	case SSL_AD_CERTIFICATE_UNKNOWN:
	case SSL_AD_ACCESS_DENIED:
		return " (it refuses our certificate; its log says why)";
	case SSL_AD_HANDSHAKE_FAILURE:
		return " (it refuses our certificate or our ciphers; its log says why)";
	default:
		return "";
	}
}

/* Why OpenSSL gave up, in words for an administrator; a text set by the verification is better than any other. */
static void
explain(struct dtls *d)
{
	unsigned long e = ERR_peek_error();
	const char *text = ERR_reason_error_string(e);

	if (d->error[0])
		return;
	if (d->alert_seen) {
		snprintf(d->error, sizeof(d->error), "peer sent alert: %s%s", SSL_alert_desc_string_long(d->alert),
			 d->status == SEC_PENDING ? hint_of(d->alert) : "");
		return;
	}
	switch (ERR_GET_LIB(e) == ERR_LIB_SSL ? ERR_GET_REASON(e) : 0) {
	case SSL_R_NO_SHARED_CIPHER:
		text = "no shared cipher";
		break;
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		text = "peer sent no certificate";
		break;
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_WRONG_SSL_VERSION:
		text = "peer does not speak DTLS 1.2";
		break;
	case SSL_R_READ_TIMEOUT_EXPIRED:
		text = "peer does not answer";
		break;
	default:
		break;
	}
	snprintf(d->error, sizeof(d->error), "%s", text ? text : "DTLS failed for an unknown reason");
}

static void
fail(struct dtls *d)
{
	explain(d);
	d->status = d->status == SEC_PENDING ? SEC_FAILED : SEC_CLOSED;
	ERR_clear_error();
}

/* The handshake is over; what OpenSSL does not enforce is enforced here. */
static void
complete(struct dtls *d)
{
	if (SSL_version(d->ssl) != DTLS1_2_VERSION)
		snprintf(d->error, sizeof(d->error), "peer does not speak DTLS 1.2");
	else if (SSL_get_extms_support(d->ssl) != 1)
		snprintf(d->error, sizeof(d->error), "peer does not support the extended master secret (RFC 7627)");
	else if (!SSL_get0_peer_certificate(d->ssl) || SSL_get_verify_result(d->ssl) != X509_V_OK || !d->peer.name[0])
		snprintf(d->error, sizeof(d->error), "peer's certificate was not verified");
	d->status = d->error[0] ? SEC_FAILED : SEC_READY;
}

static void
handshake(struct dtls *d)
{
	ERR_clear_error();
	int rc = SSL_do_handshake(d->ssl);
	if (rc == 1) {
		complete(d);
		return;
	}
	int e = SSL_get_error(d->ssl, rc);
	if (e != SSL_ERROR_WANT_READ && e != SSL_ERROR_WANT_WRITE)
		fail(d);
}

/* Messages that the inbox has no room for are lost, as datagrams may be. */
static void
inbox_put(struct dtls *d, const uint8_t *msg, size_t len)
{
	struct wcur w = wcur_of(d->inbox + d->inbox_len, sizeof(d->inbox) - d->inbox_len);

	wcur_u16(&w, len);
	wcur_bytes(&w, msg, len);
	if (!w.failed)
		d->inbox_len += wcur_len(&w);
}

/* Decrypts what has come; also lets OpenSSL repeat its last flight when the peer repeats its own. */
static void
drain(struct dtls *d)
{
	uint8_t msg[SSL3_RT_MAX_PLAIN_LENGTH];
	int n;

	while (d->status == SEC_READY) {
		ERR_clear_error();
		n = SSL_read(d->ssl, msg, sizeof(msg));
		if (n > 0) {
			inbox_put(d, msg, (size_t)n);
			continue;
		}
		switch (SSL_get_error(d->ssl, n)) {
		case SSL_ERROR_WANT_READ:
		case SSL_ERROR_WANT_WRITE:
			OPENSSL_cleanse(msg, sizeof(msg));
			return;
		case SSL_ERROR_ZERO_RETURN:
			d->status = SEC_CLOSED;
			break;
		default:
			fail(d);
		}
	}
	OPENSSL_cleanse(msg, sizeof(msg));
}

static void
advance(struct dtls *d)
{
	if (d->status == SEC_PENDING)
		handshake(d);
	if (d->status == SEC_READY)
		drain(d);
}

/* --- input --- */

/* Hands whole records to OpenSSL. */
static void
feed(struct dtls *d, const uint8_t *records, size_t len)
{
	if (len == 0 || d->status == SEC_FAILED || d->status == SEC_CLOSED)
		return;
	d->alert_doubted = false;
	d->alert_deadline = MONO_NEVER;
	d->io.in = records;
	d->io.in_len = len;
	advance(d);
	d->io.in = NULL;
}

struct record {
	size_t len;
	bool open_alert; /* an alert in the clear, which everybody could have sent, */
	bool ends;       /* that would end the connection */
	uint8_t description;
};

/* The record at the beginning; false when it is cut short. */
static bool
parse_record(const uint8_t *p, size_t len, struct record *ret)
{
	struct rcur c = rcur_of(p, len);
	uint8_t type = rcur_u8(&c);
	rcur_skip(&c, 2); /* version */
	uint16_t epoch = rcur_u16(&c);
	rcur_skip(&c, 6); /* sequence number */
	struct rcur body = rcur_sub(&c, rcur_u16(&c));

	if (body.failed)
		return false;
	ret->len = RECORD_HEADER + rcur_left(&body);
	uint8_t level = rcur_u8(&body);
	ret->description = rcur_u8(&body);
	ret->open_alert = type == CONTENT_ALERT && epoch == 0;
	ret->ends = !body.failed && (level == SSL3_AL_FATAL || ret->description == SSL_AD_CLOSE_NOTIFY);
	return true;
}

/* OpenSSL gets all records but alerts in the clear. */
static enum sec_status
dtls_input(struct sec *s, const uint8_t *dgram, size_t len)
{
	struct dtls *d = of_sec(s);
	size_t from = 0, at = 0;
	struct record r;

	/* RFC 6347 4.1.2.7: what is no record is discarded silently */
	while (at < len && parse_record(dgram + at, len - at, &r)) {
		if (r.open_alert) {
			feed(d, dgram + from, at - from);
			from = at + r.len;
		}
		if (r.open_alert && r.ends && d->status == SEC_PENDING) {
			d->alert = r.description;
			d->alert_doubted = true;
		}
		at += r.len;
	}
	feed(d, dgram + from, at - from);
	return d->status;
}

static size_t
dtls_read(struct sec *s, uint8_t *buf, size_t cap)
{
	struct dtls *d = of_sec(s);
	struct rcur c = rcur_of(d->inbox, d->inbox_len);

	if (d->inbox_len == 0)
		return 0;
	struct rcur msg = rcur_sub(&c, rcur_u16(&c));
	size_t n = rcur_left(&msg) < cap ? rcur_left(&msg) : cap;
	rcur_copy(&msg, buf, n);
	d->inbox_len = rcur_left(&c);
	memmove(d->inbox, c.p, d->inbox_len);
	return n;
}

/* --- output --- */

static void
on_output(void *arg, const uint8_t *dgram, size_t len)
{
	struct dtls *d = arg;

	if (d->sec.output)
		d->sec.output(d->sec.arg, dgram, len);
}

static bool
dtls_write(struct sec *s, const uint8_t *msg, size_t len)
{
	struct dtls *d = of_sec(s);

	/* SSL_write() does not care for the MTU */
	if (d->status != SEC_READY || len == 0 || len > DTLS_get_data_mtu(d->ssl))
		return false;
	ERR_clear_error();
	return SSL_write(d->ssl, msg, (int)len) == (int)len;
}

static enum sec_status
dtls_start(struct sec *s)
{
	struct dtls *d = of_sec(s);

	if (d->status == SEC_PENDING)
		advance(d);
	return d->status;
}

/* --- time --- */

static unsigned int
on_timer(SSL *ssl, unsigned int us)
{
	(void)ssl;
	if (us == 0)
		return FIRST_TIMEOUT_US;
	return us >= MAX_TIMEOUT_US / 2 ? MAX_TIMEOUT_US : 2 * us;
}

/* An unprotected alert that nothing followed: starts the grace, or ends it. */
static void
doubt_alert(struct dtls *d, struct mono now)
{
	if (mono_is_never(d->alert_deadline)) {
		d->alert_deadline = mono_add(now, DTLS_ALERT_GRACE);
	} else if (mono_due(d->alert_deadline, now)) {
		d->alert_seen = true;
		fail(d);
	}
}

static enum sec_status
dtls_tick(struct sec *s, struct mono now)
{
	struct dtls *d = of_sec(s);

	if (d->status != SEC_PENDING)
		return d->status;
	ERR_clear_error();
	if (DTLSv1_handle_timeout(d->ssl) < 0)
		fail(d);
	else
		advance(d);
	if (d->status == SEC_PENDING && d->alert_doubted)
		doubt_alert(d, now);
	return d->status;
}

static struct mono
dtls_next(const struct sec *s, struct mono now)
{
	const struct dtls *d = of_const_sec(s);
	struct mono next = MONO_NEVER;
	struct timeval left;

	if (d->status != SEC_PENDING)
		return MONO_NEVER;
	if (DTLSv1_get_timeout(d->ssl, &left) == 1)
		next = mono_add(now, (nsec_t)left.tv_sec * NSEC_PER_SEC + (nsec_t)left.tv_usec * NSEC_PER_USEC);
	if (d->alert_doubted)
		next = mono_min(next, mono_is_never(d->alert_deadline) ? now : d->alert_deadline);
	return next;
}

/* --- results --- */

static bool
dtls_keying(struct sec *s, const char *label, const uint8_t *context, size_t context_len, uint8_t *out, size_t out_len)
{
	struct dtls *d = of_sec(s);

	if (d->status != SEC_READY)
		return false;
	ERR_clear_error();
	return SSL_export_keying_material(d->ssl, out, out_len, label, strlen(label), context, context_len, 1) == 1;
}

static const struct sec_identity *
dtls_peer(const struct sec *s)
{
	return &of_const_sec(s)->peer;
}

static const char *
dtls_error(const struct sec *s)
{
	return of_const_sec(s)->error;
}

static void
dtls_destroy(struct sec *s)
{
	struct dtls *d = of_sec(s);

	if (!d)
		return;
	d->sec.output = NULL;
	SSL_free(d->ssl);
	dtls_ctx_free(d->ctx);
	OPENSSL_cleanse(d, sizeof(*d));
	free(d);
}

/* --- making one --- */

struct dtls *
dtls_of(const SSL *ssl)
{
	return SSL_get_app_data(ssl);
}

struct dtls *
dtls_new(struct dtls_ctx *ctx)
{
	static const struct sec_ops ops = {
		.start = dtls_start,
		.input = dtls_input,
		.tick = dtls_tick,
		.next = dtls_next,
		.write = dtls_write,
		.read = dtls_read,
		.keying = dtls_keying,
		.peer = dtls_peer,
		.error = dtls_error,
		.destroy = dtls_destroy,
	};
	struct dtls *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	ERR_clear_error();
	d->sec.ops = &ops;
	d->status = SEC_PENDING;
	d->alert_deadline = MONO_NEVER;
	d->ctx = dtls_ctx_ref(ctx);
	memcpy(d->server_name, ctx->identity->server_name, sizeof(d->server_name));
	d->io.output = on_output;
	d->io.arg = d;
	d->ssl = SSL_new(ctx->ssl_ctx);
	BIO *bio = d->ssl ? dgram_bio_new(&d->io) : NULL;
	if (!bio) {
		dtls_destroy(&d->sec);
		return NULL;
	}
	SSL_set_bio(d->ssl, bio, bio);
	SSL_set_app_data(d->ssl, d);
	SSL_set_mtu(d->ssl, DTLS_MAX_DGRAM);
	DTLS_set_timer_cb(d->ssl, on_timer);
	if (ctx->identity->role == IDENTITY_SERVER)
		SSL_set_accept_state(d->ssl);
	else
		SSL_set_connect_state(d->ssl);
	return d;
}

struct sec *
dtls_client_new(struct dtls_ctx *ctx, char err[SEC_ERROR_MAX])
{
	struct dtls *d = NULL;

	if (ctx->identity->role == IDENTITY_CLIENT)
		d = dtls_new(ctx);
	if (!d)
		snprintf(err, SEC_ERROR_MAX, "%s",
			 ctx->identity->role == IDENTITY_CLIENT ? "out of memory" : "this identity is a server's");
	return d ? &d->sec : NULL;
}

bool
dtls_client_expect(struct sec *client, const char *server_name)
{
	struct dtls *d = of_sec(client);
	size_t len = strlen(server_name);

	if (len >= sizeof(d->server_name))
		return false;
	memcpy(d->server_name, server_name, len + 1);
	return true;
}
