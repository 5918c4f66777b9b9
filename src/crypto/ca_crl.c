/* Making the list of revoked certificates: a version 2 CRL with number and key identifier (RFC 5280 section 5). */
#include "ca_private.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum { DAY_S = 86400, CRL_VERSION_2 = 1 };

static bool
set_time(X509_CRL *crl, int64_t seconds, int (*set)(X509_CRL *, const ASN1_TIME *))
{
	ASN1_TIME *t = ASN1_TIME_set(NULL, (time_t)seconds);
	bool ok = t && set(crl, t) == 1;

	ASN1_TIME_free(t);
	return ok;
}

static bool
add_row(X509_CRL *crl, const struct ca_row *row)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_TIME *when = ASN1_TIME_set(NULL, (time_t)row->revoked_at);
	BIGNUM *bn = NULL;
	ASN1_INTEGER *serial = BN_hex2bn(&bn, row->serial) > 0 ? BN_to_ASN1_INTEGER(bn, NULL) : NULL;
	bool ok = entry && when && serial && X509_REVOKED_set_serialNumber(entry, serial) == 1 &&
		  X509_REVOKED_set_revocationDate(entry, when) == 1 && X509_CRL_add0_revoked(crl, entry) == 1;

	if (!ok)
		X509_REVOKED_free(entry);
	ASN1_TIME_free(when);
	ASN1_INTEGER_free(serial);
	BN_free(bn);
	return ok;
}

/* Expired ones stay: they cost little, and a clock that is late would let them in again. */
static bool
add_rows(X509_CRL *crl, const struct ca_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].revoked_at && !rows[i].damaged && !add_row(crl, &rows[i]))
			return false;
	return X509_CRL_sort(crl) == 1;
}

static bool
add_extensions(X509_CRL *crl, X509 *issuer, uint64_t number)
{
	ASN1_INTEGER *i = ASN1_INTEGER_new();
	X509_EXTENSION *key;
	X509V3_CTX ctx;
	bool ok;

	X509V3_set_ctx(&ctx, issuer, NULL, NULL, crl, 0);
	key = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier, "keyid:always");
	ok = i && key && ASN1_INTEGER_set_uint64(i, number) == 1 && X509_CRL_add_ext(crl, key, -1) == 1 &&
	     X509_CRL_add1_ext_i2d(crl, NID_crl_number, i, 0, X509V3_ADD_DEFAULT) == 1;
	X509_EXTENSION_free(key);
	ASN1_INTEGER_free(i);
	return ok;
}

BIO *
ca_crl_new(const struct ca_pair *root, const struct ca_crl *c)
{
	X509_CRL *crl = X509_CRL_new();
	BIO *pem = BIO_new(BIO_s_mem());
	bool ok = crl && pem && X509_CRL_set_version(crl, CRL_VERSION_2) == 1 &&
		  X509_CRL_set_issuer_name(crl, X509_get_subject_name(root->cert)) == 1 &&
		  set_time(crl, c->now, X509_CRL_set1_lastUpdate) &&
		  set_time(crl, c->now + (int64_t)c->days * DAY_S, X509_CRL_set1_nextUpdate) &&
		  add_rows(crl, c->rows, c->n_rows) && add_extensions(crl, root->cert, c->number) &&
		  X509_CRL_sign(crl, root->key, EVP_sha256()) > 0 && PEM_write_bio_X509_CRL(pem, crl) == 1;

	X509_CRL_free(crl);
	ERR_clear_error();
	if (ok)
		return pem;
	BIO_free(pem);
	return NULL;
}

bool
ca_crl_number(const char *path, uint64_t *ret)
{
	const struct pem_source src = { .kind = "CRL", .source = path };
	char why[CA_ERROR_MAX];
	STACK_OF(X509_CRL) *crls = pem_crls(&src, why, sizeof(why));
	ASN1_INTEGER *i = NULL;
	bool ok;

	if (crls)
		i = X509_CRL_get_ext_d2i(sk_X509_CRL_value(crls, 0), NID_crl_number, NULL, NULL);
	ok = i && ASN1_INTEGER_get_uint64(ret, i) == 1;
	ASN1_INTEGER_free(i);
	sk_X509_CRL_pop_free(crls, X509_CRL_free);
	ERR_clear_error();
	return ok;
}
