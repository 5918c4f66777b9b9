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
	int from_days, to_days;        /* validity relative to now; both 0: from yesterday to in 30 days */
	unsigned rsa_bits;             /* 0: ECDSA on P-256 */
	const struct testcert *issuer; /* NULL: self-signed */
};

/* Aborts on failure. */
struct testcert *testcert_new(const struct testcert_opts *opts);
void testcert_free(struct testcert *tc);
/* The key encrypted with a passphrase; free() it. */
char *testcert_encrypted_key(const struct testcert *tc, const char *passphrase);

/* The everyday ones: a CA; a peer's certificate with CN name and extended key usage eku. */
struct testcert *testcert_ca(const char *name);
struct testcert *testcert_leaf(const struct testcert *ca, const char *name, const char *eku);

#endif
