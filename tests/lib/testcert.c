/* Certificates for tests, by OpenSSL and independent of src/crypto/ca.c. */
#include "lib/testcert.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static char *
bio_text(BIO *bio)
{
	char *data, *text;
	long n = BIO_get_mem_data(bio, &data);

	text = calloc(1, (size_t)n + 1);
	must(text != NULL);
	memcpy(text, data, (size_t)n);
	BIO_free(bio);
	return text;
}

static void
add_cn(X509 *x, const char *cn)
{
	X509_NAME *name = X509_get_subject_name(x);

	if (cn)
		must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)cn, -1, -1, 0) == 1);
}

static void
add_ext(X509 *x, X509V3_CTX *ctx, int nid, const char *value)
{
	X509_EXTENSION *ext;

	if (!value)
		return;
	ext = X509V3_EXT_conf_nid(NULL, ctx, nid, value);
	must(ext && X509_add_ext(x, ext, -1) == 1);
	X509_EXTENSION_free(ext);
}

static void
set_serial(X509 *x, const char *hex)
{
	BIGNUM *bn = NULL;

	if (!hex)
		return;
	must(BN_hex2bn(&bn, hex) > 0 && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x)) != NULL);
	BN_free(bn);
}

static void
set_dates(X509 *x, const struct testcert_opts *o)
{
	int from = o->from_days, to = o->to_days;

	if (from == 0 && to == 0) {
		from = -1;
		to = 60; /* not 30: that is where "expires soon" begins */
	}
	must(X509_time_adj_ex(X509_getm_notBefore(x), from, 0, NULL) != NULL);
	must(X509_time_adj_ex(X509_getm_notAfter(x), to, 0, NULL) != NULL);
}

struct testcert *
testcert_new(const struct testcert_opts *o)
{
	static long serial = 0x1000;
	struct testcert *tc = calloc(1, sizeof(*tc));
	X509V3_CTX ctx;
	unsigned int n = sizeof(tc->sha256);

	must(tc != NULL);
	tc->key = o->rsa_bits ? EVP_RSA_gen(o->rsa_bits) : EVP_EC_gen("P-256");
	tc->x509 = X509_new();
	must(tc->key && tc->x509);
	must(X509_set_version(tc->x509, X509_VERSION_3) == 1);
	must(ASN1_INTEGER_set(X509_get_serialNumber(tc->x509), ++serial) == 1);
	set_serial(tc->x509, o->serial);
	set_dates(tc->x509, o);
	add_cn(tc->x509, o->cn);
	add_cn(tc->x509, o->cn2);
	const struct testcert *issuer = o->issuer ? o->issuer : tc;
	must(X509_set_issuer_name(tc->x509, X509_get_subject_name(issuer->x509)) == 1);
	must(X509_set_pubkey(tc->x509, tc->key) == 1);
	X509V3_set_ctx(&ctx, issuer->x509, tc->x509, NULL, NULL, 0);
	add_ext(tc->x509, &ctx, NID_basic_constraints, o->ca ? "critical,CA:TRUE" : NULL);
	add_ext(tc->x509, &ctx, NID_key_usage, o->ku);
	add_ext(tc->x509, &ctx, NID_ext_key_usage, o->eku);
	add_ext(tc->x509, &ctx, NID_subject_alt_name, o->san);
	must(X509_sign(tc->x509, issuer->key, EVP_sha256()) > 0);
	must(X509_digest(tc->x509, EVP_sha256(), tc->sha256, &n) == 1);
	BIO *bio = BIO_new(BIO_s_mem());
	must(bio && PEM_write_bio_X509(bio, tc->x509) == 1);
	tc->cert_pem = bio_text(bio);
	bio = BIO_new(BIO_s_mem());
	must(bio && PEM_write_bio_PrivateKey(bio, tc->key, NULL, NULL, 0, NULL, NULL) == 1);
	tc->key_pem = bio_text(bio);
	return tc;
}

void
testcert_free(struct testcert *tc)
{
	if (!tc)
		return;
	X509_free(tc->x509);
	EVP_PKEY_free(tc->key);
	free(tc->cert_pem);
	free(tc->key_pem);
	free(tc);
}

/* The certificate issuer of an indirect CRL, which is critical wherever it stands. */
static GENERAL_NAMES *
somebody(void)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *name = a2i_GENERAL_NAME(NULL, NULL, NULL, GEN_DNS, "a.example", 0);

	must(names && name && sk_GENERAL_NAME_push(names, name) > 0);
	return names;
}

static void
add_revoked(X509_CRL *crl, const struct testcert *tc, const ASN1_TIME *when, bool critical)
{
	X509_REVOKED *entry = X509_REVOKED_new();

	must(entry && X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(tc->x509)) == 1 &&
	     X509_REVOKED_set_revocationDate(entry, (ASN1_TIME *)(uintptr_t)when) == 1);
	if (critical) {
		GENERAL_NAMES *names = somebody();
		must(X509_REVOKED_add1_ext_i2d(entry, NID_certificate_issuer, names, 1, 0) == 1);
		GENERAL_NAMES_free(names);
	}
	must(X509_CRL_add0_revoked(crl, entry) == 1);
}

static void
add_delta_indicator(X509_CRL *crl)
{
	ASN1_INTEGER *base = ASN1_INTEGER_new();

	must(base && ASN1_INTEGER_set(base, 1) == 1 && X509_CRL_add1_ext_i2d(crl, NID_delta_crl, base, 1, 0) == 1);
	ASN1_INTEGER_free(base);
}

char *
testcert_crl(const struct testcrl_opts *o)
{
	const struct testcert *signer = o->signer ? o->signer : o->issuer;
	int days = o->next_days || o->next_s ? o->next_days : 30;
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *t = X509_time_adj_ex(NULL, o->revoked_days, 0, NULL);

	must(crl && t && X509_CRL_set_version(crl, 1) == 1);
	must(X509_CRL_set_issuer_name(crl, X509_get_subject_name(o->issuer->x509)) == 1);
	for (size_t i = 0; i < 4 && o->revoked[i]; i++)
		add_revoked(crl, o->revoked[i], t, i == 0 && o->critical_entry);
	must(X509_time_adj_ex(t, o->from_days, o->from_days ? 0 : -60, NULL) && X509_CRL_set1_lastUpdate(crl, t) == 1);
	must(X509_time_adj_ex(t, days, o->next_s, NULL) && (o->no_next || X509_CRL_set1_nextUpdate(crl, t) == 1));
	if (o->critical)
		add_delta_indicator(crl);
	must(X509_CRL_sign(crl, signer->key, EVP_sha256()) > 0);
	BIO *bio = BIO_new(BIO_s_mem());
	must(bio && PEM_write_bio_X509_CRL(bio, crl) == 1);
	X509_CRL_free(crl);
	ASN1_TIME_free(t);
	return bio_text(bio);
}

char *
testcert_join(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b) + 1;
	char *text = malloc(n + m);

	must(text != NULL);
	memcpy(text, a, n);
	memcpy(text + n, b, m);
	return text;
}

char *
testcert_encrypted_key(const struct testcert *tc, const char *passphrase)
{
	BIO *bio = BIO_new(BIO_s_mem());

	must(bio && PEM_write_bio_PrivateKey(bio, tc->key, EVP_aes_256_cbc(), (const unsigned char *)passphrase,
					     (int)strlen(passphrase), NULL, NULL) == 1);
	return bio_text(bio);
}

struct testcert *
testcert_ca(const char *name)
{
	return testcert_new(&(struct testcert_opts){ .cn = name, .ca = true, .ku = "keyCertSign,cRLSign" });
}

struct testcert *
testcert_leaf(const struct testcert *ca, const char *name, const char *eku)
{
	return testcert_new(&(struct testcert_opts){ .cn = name, .eku = eku, .issuer = ca });
}
