/* What the files of src/crypto share among themselves; the only header that shows OpenSSL's types. */
#ifndef CASTSWITCH_CRYPTO_PRIVATE_H
#define CASTSWITCH_CRYPTO_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "castswitch/dtls.h"
#include "castswitch/identity.h"
#include "castswitch/sec.h"

enum { CERT_NAME_SIZE = 256, CERT_DATE_SIZE = 16, CERT_SERVER_NAME_SIZE = 256, CERT_SERIAL_SIZE = 64 };

/* --- identity.c --- */

struct pin {
	char title[SEC_NAME_MAX + 1];
	uint8_t sha256[IDENTITY_SHA256_LEN];
};

/* A CA that we believe, as far as revocation is concerned. */
struct revoked {
	char serial[CERT_SERIAL_SIZE]; /* as in struct sec_identity */
	int64_t when;                  /* seconds since 1970 */
};

struct issuer {
	uint8_t sha256[IDENTITY_SHA256_LEN]; /* of its DER name */
	char name[CERT_NAME_SIZE];           /* for messages */
	bool has_crl;
	int64_t next_update;     /* the latest of its CRLs; INT64_MAX: never */
	int64_t this_update;     /* of that one */
	struct revoked *revoked; /* of all its CRLs, by serial */
	size_t n_revoked;
};

struct identity {
	unsigned refs;
	enum identity_role role;
	X509 *cert;
	EVP_PKEY *key;
	STACK_OF(X509) *chain; /* sent after cert; never NULL */
	STACK_OF(X509) *cas;   /* never NULL, maybe empty */
	struct issuer *issuers; /* one for each of them, in this order */
	bool crl_strict;
	char server_name[CERT_SERVER_NAME_SIZE];
	struct pin *pins;
	size_t n_pins;
	bool require_eku;
	struct sec_identity self;
};

/* Takes a reference and returns id. */
struct identity *identity_ref(struct identity *id);

/* --- pem.c: PEM text from a file or from the text itself --- */

/* 'kind' is "certificate", "key", "CA" or "CRL": messages begin with "KIND PATH: " or "inline KIND: ". */
struct pem_source {
	const char *kind;
	const char *source;
	identity_open_fn *open_file; /* NULL: open(2) */
	void *open_arg;
};

/* All certificates, or CRLs, in it, at least one; NULL with err set.  Blocks of other kinds are skipped. */
STACK_OF(X509) *pem_certificates(const struct pem_source *src, char *err, size_t errlen);
STACK_OF(X509_CRL) *pem_crls(const struct pem_source *src, char *err, size_t errlen);
/* The first private key in it; NULL with err set. */
EVP_PKEY *pem_key(const struct pem_source *src, char *err, size_t errlen);
/* Writes "KIND PATH: text" to err. */
void pem_error(const struct pem_source *src, char *err, size_t errlen, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* --- cert.c: reading certificates --- */

void cert_sha256(const X509 *cert, uint8_t ret[IDENTITY_SHA256_LEN]);
/* The peer name: the one CN, else the first DNS name.  False when there is none or it breaks the rule of
 * identity_name_valid(). */
bool cert_peer_name(const X509 *cert, char ret[SEC_NAME_MAX + 1]);
/* A name for messages, whatever the certificate says: printable ASCII, quotes replaced, never empty. */
void cert_display_name(const X509 *cert, char ret[CERT_NAME_SIZE]);
/* The host it is for, for messages: first DNS name, first IP address or the display name. */
void cert_host_name(const X509 *cert, char ret[CERT_NAME_SIZE]);
/* A distinguished name in the form of RFC 2253, printable as above; cut when it is too long. */
void cert_name_text(const X509_NAME *name, char *ret, size_t size);
/* SHA-256 of the DER name. */
bool cert_name_sha256(const X509_NAME *name, uint8_t ret[IDENTITY_SHA256_LEN]);
/* Hex, two digits a byte; cut when it is too long (RFC 5280 4.1.2.2 allows 20 bytes, 31 fit). */
void cert_serial(const ASN1_INTEGER *serial, char ret[CERT_SERIAL_SIZE]);
/* "2026-01-31", UTC. */
void cert_date(const ASN1_TIME *t, char ret[CERT_DATE_SIZE]);
void cert_day(int64_t seconds, char ret[CERT_DATE_SIZE]);
/* Seconds since 1970. */
int64_t cert_time(const ASN1_TIME *t);
/* Everything but the name that it goes by and whether it is for its role; *ret is zeros before. */
void cert_identity(const X509 *cert, struct sec_identity *ret);
/* Whether its dates are right now: 0, X509_V_ERR_CERT_NOT_YET_VALID or X509_V_ERR_CERT_HAS_EXPIRED. */
int cert_dates(const X509 *cert);
/* Whether it may be used by this role; an absent extended key usage is fine when !strict. */
bool cert_is_for(X509 *cert, enum identity_role role, bool strict);
/* True when it is for this DNS name or IP address. */
bool cert_matches_host(X509 *cert, const char *host);

/* --- crl.c: revoked certificates --- */

/* One for each CA, without CRLs; NULL when out of memory. */
struct issuer *crl_issuers_new(const STACK_OF(X509) *cas);
void crl_issuers_free(struct issuer *issuers, int n);
/* Adds all CRLs of a source, each to the CA that signed it. */
bool crl_load(struct issuer *issuers, const STACK_OF(X509) *cas, const struct pem_source *src, char *err,
	      size_t errlen);
/* The entry of a certificate, or NULL. */
const struct revoked *crl_find(const struct identity *id, const struct sec_identity *who);
/* A CA of this name whose CRL has expired, or NULL. */
const struct issuer *crl_expired(const struct identity *id, const uint8_t *issuer_sha256, int64_t now_unix);

/* --- verify.c --- */

/* Decides about the peer's certificate in a prepared X509_STORE_CTX; a server's must be for server_name, "" is any.
 * True with *ret_peer filled, or false with err set and the X509_STORE_CTX error that chooses the alert. */
bool verify_peer(const struct identity *id, X509_STORE_CTX *x, const char *server_name, struct sec_identity *ret_peer,
		 char err[SEC_ERROR_MAX]);

/* --- dgram_bio.c: a BIO that carries one datagram per read and write --- */

struct dgram_io {
	const uint8_t *in; /* the datagram to be read next; NULL = none */
	size_t in_len;
	void (*output)(void *arg, const uint8_t *dgram, size_t len);
	void *arg;
};

/* A BIO on *io, which must outlive it; NULL when out of memory. */
BIO *dgram_bio_new(struct dgram_io *io);

/* --- dtls_ctx.c, dtls.c, dtls_listener.c --- */

struct dtls_ctx {
	unsigned refs;
	SSL_CTX *ssl_ctx;
	struct identity *identity;
};

struct dtls_listener;

/* One connection; it is the SSL's app data. */
struct dtls {
	struct sec sec; /* first */
	struct dtls_ctx *ctx;
	SSL *ssl;
	struct dgram_io io;
	enum sec_status status;
	struct dtls_listener *listener; /* while it only waits for a ClientHello with a cookie */
	char server_name[CERT_SERVER_NAME_SIZE]; /* of a client: whom it wants */
	struct sec_identity peer;
	char error[SEC_ERROR_MAX];
	uint8_t alert;              /* the last alert received, */
	bool alert_seen;            /* if there was one that was authentic or ended the connection */
	bool alert_doubted;         /* an unprotected alert came and nothing after it */
	struct mono alert_deadline; /* when to believe it; MONO_NEVER until a tick has started the grace */
	size_t inbox_len;           /* application messages not yet read: {u16 length, bytes} */
	uint8_t inbox[4096];
};

struct dtls_ctx *dtls_ctx_ref(struct dtls_ctx *ctx);
/* A connection of the context's role, with its SSL; NULL when out of memory. */
struct dtls *dtls_new(struct dtls_ctx *ctx);
/* The connection of an SSL. */
struct dtls *dtls_of(const SSL *ssl);
/* The SSL_CTX's callbacks for cookies. */
int dtls_cookie_generate(SSL *ssl, unsigned char *cookie, unsigned int *len);
int dtls_cookie_verify(SSL *ssl, const unsigned char *cookie, unsigned int len);

#endif
