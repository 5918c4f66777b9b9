/* What all DTLS connections of one identity share: versions, suites, options, certificate, CA, callbacks. */
#include "private.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

enum { CHAIN_MAX_DEPTH = 5, SECURITY_LEVEL = 2 /* at least 112 bits: no SHA-1, RSA from 2048 bits */ };

/* ECDHE and AEAD only (RFC 7525 4.2, RFC 7905). */
static const char suites[] = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
			     "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
			     "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256";
static char groups[] = "X25519:P-256:P-384"; /* not const: OpenSSL's macro casts it */

/* Replaces OpenSSL's own verification. */
static int
on_verify(X509_STORE_CTX *x, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(x, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct dtls *d = dtls_of(ssl);

	(void)arg;
	return verify_peer(d->ctx->identity, x, d->server_name, &d->peer, d->error);
}

static void
on_info(const SSL *ssl, int where, int value)
{
	struct dtls *d = dtls_of(ssl);

	if (d && (where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT) {
		d->alert = (uint8_t)(value & 0xff);
		d->alert_seen = true;
	}
}

static bool
set_rules(SSL_CTX *c)
{
	SSL_CTX_set_security_level(c, SECURITY_LEVEL);
	SSL_CTX_set_options(c, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
				       SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_clear_options(c, SSL_OP_NO_EXTENDED_MASTER_SECRET | SSL_OP_LEGACY_SERVER_CONNECT);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_verify_depth(c, CHAIN_MAX_DEPTH);
	SSL_CTX_set_cert_verify_callback(c, on_verify, NULL);
	SSL_CTX_set_info_callback(c, on_info);
	SSL_CTX_set_cookie_generate_cb(c, dtls_cookie_generate);
	SSL_CTX_set_cookie_verify_cb(c, dtls_cookie_verify);
	return SSL_CTX_set_min_proto_version(c, DTLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(c, DTLS1_2_VERSION) == 1 && SSL_CTX_set_cipher_list(c, suites) == 1 &&
	       SSL_CTX_set1_groups_list(c, groups) == 1;
}

static bool
set_identity(SSL_CTX *c, const struct identity *id)
{
	X509_STORE *store = SSL_CTX_get_cert_store(c);

	/* a CA given by the administrator is an anchor even if it is not self-signed */
	X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	for (int i = 0; i < sk_X509_num(id->cas); i++)
		if (X509_STORE_add_cert(store, sk_X509_value(id->cas, i)) != 1)
			return false;
	return SSL_CTX_use_certificate(c, id->cert) == 1 && SSL_CTX_use_PrivateKey(c, id->key) == 1 &&
	       SSL_CTX_set1_chain(c, id->chain) == 1;
}

/* What OpenSSL says, or that there was nothing. */
static const char *
reason(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());
	return text ? text : "out of memory";
}

struct dtls_ctx *
dtls_ctx_new(struct identity *id, char err[SEC_ERROR_MAX])
{
	struct dtls_ctx *ctx = calloc(1, sizeof(*ctx));

	if (!ctx) {
		snprintf(err, SEC_ERROR_MAX, "out of memory");
		return NULL;
	}
	ERR_clear_error();
	ctx->refs = 1;
	ctx->identity = identity_ref(id);
	ctx->ssl_ctx = SSL_CTX_new(id->role == IDENTITY_SERVER ? DTLS_server_method() : DTLS_client_method());
	if (!ctx->ssl_ctx || !set_rules(ctx->ssl_ctx))
		snprintf(err, SEC_ERROR_MAX, "OpenSSL cannot do DTLS 1.2 as needed: %s", reason());
	else if (!set_identity(ctx->ssl_ctx, id))
		snprintf(err, SEC_ERROR_MAX, "OpenSSL does not take our certificate or key: %s", reason());
	else
		return ctx;
	ERR_clear_error();
	dtls_ctx_free(ctx);
	return NULL;
}

struct dtls_ctx *
dtls_ctx_ref(struct dtls_ctx *ctx)
{
	ctx->refs++;
	return ctx;
}

void
dtls_ctx_free(struct dtls_ctx *ctx)
{
	if (!ctx || --ctx->refs > 0)
		return;
	SSL_CTX_free(ctx->ssl_ctx);
	identity_free(ctx->identity);
	free(ctx);
}
