/* Certificates for tests, made on the spot: any mixture of names, dates and purposes, also wrong ones. */
#ifndef TESTS_LIB_TESTCERT_H
#define TESTS_LIB_TESTCERT_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

struct testcert {
	X509 *x509;
	EVP_PKEY *key;
	char *cert_pem;
	char *key_pem;
	uint8_t sha256[32];
};

struct testcert_opts {
	const char *cn, *cn2;          /* common names; NULL = none */
	const char *san;               /* OpenSSL's syntax: "DNS:a,IP:192.0.2.1"; NULL = none */
	const char *eku, *ku;          /* "serverAuth", "digitalSignature"; NULL = extension absent */
	bool ca;                       /* basicConstraints CA:TRUE */
	int from_days, to_days;        /* validity relative to now; both 0: from yesterday to in 60 days */
	const char *serial;            /* hex; NULL: the next number */
	unsigned rsa_bits;             /* 0: ECDSA on P-256 */
	const struct testcert *issuer; /* NULL: self-signed */
};

struct testcrl_opts {
	const struct testcert *issuer;
	const struct testcert *signer;     /* whose key it is really; NULL: the issuer's */
	const struct testcert *revoked[4]; /* until the first NULL */
	int revoked_days;                  /* when that was, relative to now */
	int from_days;                     /* thisUpdate relative to now; 0: a minute ago */
	int next_days, next_s;             /* nextUpdate relative to now; both 0: in 30 days */
	bool no_next;                      /* no nextUpdate at all */
	bool critical, critical_entry;     /* a critical extension, of the list or of its first entry */
};

/* Aborts on failure. */
struct testcert *testcert_new(const struct testcert_opts *opts);
void testcert_free(struct testcert *tc);
/* A CRL as PEM text; free() it. */
char *testcert_crl(const struct testcrl_opts *opts);
/* Both texts in one; free() it. */
char *testcert_join(const char *a, const char *b);
/* The key encrypted with a passphrase; free() it. */
char *testcert_encrypted_key(const struct testcert *tc, const char *passphrase);

/* The everyday ones: a CA; a peer's certificate with CN name and extended key usage eku. */
struct testcert *testcert_ca(const char *name);
struct testcert *testcert_leaf(const struct testcert *ca, const char *name, const char *eku);

#endif
