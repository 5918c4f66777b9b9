/* Making keys and certificates: ECDSA P-256, X.509 v3, exactly the extensions our own verification asks for. */
#include "ca_private.h"

#include <ctype.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum { SERIAL_BITS = 128, HOST_MAX = 253, LABEL_MAX = 63 };

struct extension {
	int nid;
	const char *value; /* in the syntax of x509v3_config(5); constants only */
};

/* By kind (RFC 5280 4.2.1). */
static const struct extension extensions[3][6] = {
	[CA_KIND_ROOT] = {
		{ NID_basic_constraints, "critical,CA:TRUE,pathlen:0" },
		{ NID_key_usage, "critical,keyCertSign,cRLSign" },
		{ NID_subject_key_identifier, "hash" },
	},
	[CA_KIND_SERVER] = {
		{ NID_basic_constraints, "critical,CA:FALSE" },
		{ NID_key_usage, "critical,digitalSignature" },
		{ NID_ext_key_usage, "serverAuth" },
		{ NID_subject_key_identifier, "hash" },
		{ NID_authority_key_identifier, "keyid:always" },
	},
	[CA_KIND_CLIENT] = {
		{ NID_basic_constraints, "critical,CA:FALSE" },
		{ NID_key_usage, "critical,digitalSignature" },
		{ NID_ext_key_usage, "clientAuth" },
		{ NID_subject_key_identifier, "hash" },
		{ NID_authority_key_identifier, "keyid:always" },
	},
};

static bool
label_valid(const char *label, size_t len)
{
	if (len == 0 || len > LABEL_MAX || label[0] == '-' || label[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)label[i]) && label[i] != '-')
			return false;
	return true;
}

bool
ca_host_valid(const char *host)
{
	ASN1_OCTET_STRING *ip = a2i_IPADDRESS(host);
	size_t n = strlen(host);

	ASN1_OCTET_STRING_free(ip);
	ERR_clear_error();
	if (ip)
		return true;
	if (n == 0 || n > HOST_MAX || strspn(host, "0123456789.") == n)
		return false;
	for (;;) {
		n = strcspn(host, ".");
		if (!label_valid(host, n))
			return false;
		if (!host[n])
			return true;
		host += n + 1;
	}
}

static bool
set_serial(X509 *x)
{
	BIGNUM *bn = BN_new();
	bool ok = bn && BN_rand(bn, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
		  BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x)) != NULL;

	BN_free(bn);
	return ok;
}

static bool
set_subject(X509 *x, const char *cn)
{
	const unsigned char *text = (const unsigned char *)cn;

	return X509_NAME_add_entry_by_NID(X509_get_subject_name(x), NID_commonName, MBSTRING_UTF8, text, -1, -1, 0) ==
	       1;
}

static bool
set_dates(X509 *x, const struct ca_request *rq)
{
	return ASN1_TIME_set(X509_getm_notBefore(x), (time_t)rq->not_before) != NULL &&
	       ASN1_TIME_set(X509_getm_notAfter(x), (time_t)rq->not_after) != NULL;
}

/* The host is data, never part of an extension's text. */
static bool
add_host(X509 *x, const char *host)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	GENERAL_NAME *gn = GENERAL_NAME_new();
	ASN1_STRING *value = a2i_IPADDRESS(host);
	int type = value ? GEN_IPADD : GEN_DNS;
	bool ok = false;

	if (!value) {
		value = ASN1_IA5STRING_new();
		if (value && ASN1_STRING_set(value, host, -1) != 1) {
			ASN1_STRING_free(value);
			value = NULL;
		}
	}
	if (names && gn && value && sk_GENERAL_NAME_push(names, gn) > 0) {
		GENERAL_NAME_set0_value(gn, type, value);
		ok = X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1;
	} else {
		GENERAL_NAME_free(gn);
		ASN1_STRING_free(value);
		gn = NULL;
	}
	sk_GENERAL_NAME_pop_free(names, GENERAL_NAME_free);
	return ok;
}

static bool
add_extensions(X509 *x, X509 *issuer, enum ca_kind kind)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	for (const struct extension *e = extensions[kind]; e->value; e++) {
		X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, e->nid, e->value);
		bool ok = ext && X509_add_ext(x, ext, -1) == 1;
		X509_EXTENSION_free(ext);
		if (!ok)
			return false;
	}
	return true;
}

void
ca_pair_free(struct ca_pair *p)
{
	X509_free(p->cert);
	EVP_PKEY_free(p->key);
	*p = (struct ca_pair){ 0 };
}

bool
ca_pair_new(const struct ca_request *rq, const struct ca_pair *issuer, struct ca_pair *ret)
{
	struct ca_pair p = { .cert = X509_new(), .key = EVP_EC_gen("P-256") };
	const struct ca_pair *by = issuer ? issuer : &p;
	X509 *x = p.cert;

	if (x && p.key && X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) && set_dates(x, rq) &&
	    set_subject(x, rq->cn) && X509_set_issuer_name(x, X509_get_subject_name(by->cert)) == 1 &&
	    X509_set_pubkey(x, p.key) == 1 && add_extensions(x, by->cert, rq->kind) &&
	    (!rq->host || add_host(x, rq->host)) && X509_sign(x, by->key, EVP_sha256()) > 0) {
		*ret = p;
		return true;
	}
	ca_pair_free(&p);
	ERR_clear_error();
	return false;
}

BIO *
ca_pem_of_cert(const X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_secmem());

	if (bio && PEM_write_bio_X509(bio, cert) == 1)
		return bio;
	BIO_free(bio);
	return NULL;
}

BIO *
ca_pem_of_key(const EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_secmem());

	if (bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1)
		return bio;
	BIO_free(bio);
	return NULL;
}
