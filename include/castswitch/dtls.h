/* DTLS 1.2 by OpenSSL behind the interface of sec.h: handshake, HELLO/WELCOME and key export (DESIGN section 7).
 *
 * Only DTLS 1.2, ECDHE with AEAD suites, X25519/P-256/P-384, mutual certificates; no renegotiation, tickets, session
 * cache or compression; the extended master secret (RFC 7627) is required.  No datagram is longer than DTLS_MAX_DGRAM
 * bytes; the first retransmission comes after 250 ms, then doubling up to 4 s, by OpenSSL's own clock.
 *
 * Alerts before encryption are forgeable, so they are never final by themselves: one is remembered, and only when the
 * handshake makes no progress for DTLS_ALERT_GRACE after it does the object become SEC_FAILED with that alert as its
 * error. After SEC_READY a fatal alert or close_notify is authentic: SEC_CLOSED.
 *
 * Ownership: a dtls_ctx is counted; secs and listeners keep the one they were made from.  One thread only.
 */
#ifndef CASTSWITCH_DTLS_H
#define CASTSWITCH_DTLS_H

#include "castswitch/identity.h"
#include "castswitch/mono.h"
#include "castswitch/rng.h"
#include "castswitch/sec.h"

enum {
	DTLS_MAX_DGRAM = 1183,           /* bytes of UDP payload: 1,200 with what an access key (access.h) adds */
	DTLS_HELLO_VERIFY_RATE = 5000,   /* HelloVerifyRequests a second, of a listener */
	DTLS_COOKIE_PERIOD_S = 120,      /* cookies are made with a new secret that often; the previous one is accepted */
};
#define DTLS_ALERT_GRACE (2 * NSEC_PER_SEC)

struct dtls_ctx;

/* Everything that connections of this identity share.  NULL on failure with one line in err. */
struct dtls_ctx *dtls_ctx_new(struct identity *id, char err[SEC_ERROR_MAX]);
/* Gives up the caller's reference; NULL is fine. */
void dtls_ctx_free(struct dtls_ctx *ctx);

/* A client's connection (ctx of an IDENTITY_CLIENT); set output and arg, then call ops->start.  NULL on failure with
 * one line in err. */
struct sec *dtls_client_new(struct dtls_ctx *ctx, char err[SEC_ERROR_MAX]);

/* The server's certificate must be for this DNS name or IP address, instead of the identity's server_name; of a
 * client's connection, before it starts.  False when the name is too long to be one: nothing is changed then. */
bool dtls_client_expect(struct sec *client, const char *server_name);

/* A server's front (ctx of an IDENTITY_SERVER).  The rng makes the cookie secrets: random_rng() in a program.  NULL
 * when out of memory. */
struct sec_listener *dtls_listener_new(struct dtls_ctx *ctx, const struct rng *rng, struct mono now);
/* New connections use ctx from now on (reload); cookies stay valid. */
void dtls_listener_set_ctx(struct sec_listener *l, struct dtls_ctx *ctx);
void dtls_listener_free(struct sec_listener *l);

#endif
