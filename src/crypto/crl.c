/* Lists of revoked certificates (RFC 5280 section 5): read with the identity, looked up by issuer and serial.
 *
 * The handshake and the check of established sessions use the same tables, so they cannot disagree; a session no longer
 * has its certificate, only issuer and serial.
 */
#include "private.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

struct issuer *
crl_issuers_new(const STACK_OF(X509) * cas)
{
	int n = sk_X509_num(cas);
	struct issuer *issuers = calloc(n > 0 ? (size_t)n : 1, sizeof(*issuers));

	for (int i = 0; issuers && i < n; i++) {
		const X509 *ca = sk_X509_value(cas, i);
		cert_display_name(ca, issuers[i].name);
		if (!cert_name_sha256(X509_get_subject_name(ca), issuers[i].sha256)) {
			free(issuers);
			return NULL;
		}
	}
	return issuers;
}

void
crl_issuers_free(struct issuer *issuers, int n)
{
	for (int i = 0; issuers && i < n; i++)
		free(issuers[i].revoked);
	free(issuers);
}

/* --- loading --- */

/* The number of the CA that signed it; -1 when none of them did. */
static int
find_signer(const STACK_OF(X509) * cas, X509_CRL *crl)
{
	for (int i = 0; i < sk_X509_num(cas); i++) {
		const X509 *ca = sk_X509_value(cas, i);
		if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(ca)) == 0 &&
		    X509_CRL_verify(crl, X509_get0_pubkey(ca)) == 1)
			return i;
	}
	return -1;
}

/* What is not understood may not be passed over (RFC 5280 5.2 and 5.3); delta, indirect and partial CRLs all say by
 * such an extension what they are. */
static bool
has_critical(const X509_CRL *crl, STACK_OF(X509_REVOKED) * entries)
{
	bool found = X509_CRL_get_ext_by_critical(crl, 1, -1) >= 0;

	for (int i = 0; !found && i < sk_X509_REVOKED_num(entries); i++)
		found = X509_REVOKED_get_ext_by_critical(sk_X509_REVOKED_value(entries, i), 1, -1) >= 0;
	return found;
}

static bool
add_entries(struct issuer *issuer, STACK_OF(X509_REVOKED) * entries)
{
	int n = sk_X509_REVOKED_num(entries); /* -1 when the CRL has no list */
	struct revoked *r;

	if (n <= 0)
		return true;
	r = realloc(issuer->revoked, (issuer->n_revoked + (size_t)n) * sizeof(*r));
	if (!r)
		return false;
	issuer->revoked = r;
	for (int i = 0; i < n; i++) {
		const X509_REVOKED *entry = sk_X509_REVOKED_value(entries, i);
		r = &issuer->revoked[issuer->n_revoked++];
		cert_serial(X509_REVOKED_get0_serialNumber(entry), r->serial);
		r->when = cert_time(X509_REVOKED_get0_revocationDate(entry));
	}
	return true;
}

static bool
add_crl(struct issuer *issuers, const STACK_OF(X509) * cas, X509_CRL *crl, const struct pem_source *src, char *err,
	size_t errlen)
{
	STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(crl);
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);
	int64_t next_update = next ? cert_time(next) : INT64_MAX;
	int at = find_signer(cas, crl);
	char name[CERT_NAME_SIZE];

	cert_name_text(X509_CRL_get_issuer(crl), name, sizeof(name));
	if (at < 0)
		pem_error(src, err, errlen, "the CRL of '%s' is not signed by our CA", name);
	else if (!(X509_get_key_usage(sk_X509_value(cas, at)) & KU_CRL_SIGN))
		pem_error(src, err, errlen, "the CRL of '%s' is worth nothing: its CA may not sign CRLs (key usage)",
			  name);
	else if (has_critical(crl, entries))
		pem_error(src, err, errlen, "the CRL of '%s' is not a complete one of its CA (critical extension)",
			  name);
	else if (!add_entries(&issuers[at], entries))
		pem_error(src, err, errlen, "out of memory");
	else {
		if (next_update > issuers[at].next_update) {
			issuers[at].next_update = next_update;
			issuers[at].this_update = cert_time(X509_CRL_get0_lastUpdate(crl));
		}
		issuers[at].has_crl = true;
		return true;
	}
	return false;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(((const struct revoked *)a)->serial, ((const struct revoked *)b)->serial);
}

bool
crl_load(struct issuer *issuers, const STACK_OF(X509) * cas, const struct pem_source *src, char *err, size_t errlen)
{
	STACK_OF(X509_CRL) *crls = pem_crls(src, err, errlen);
	bool ok = crls != NULL;

	for (int i = 0; ok && i < sk_X509_CRL_num(crls); i++)
		ok = add_crl(issuers, cas, sk_X509_CRL_value(crls, i), src, err, errlen);
	for (int i = 0; ok && i < sk_X509_num(cas); i++)
		if (issuers[i].n_revoked > 0)
			qsort(issuers[i].revoked, issuers[i].n_revoked, sizeof(struct revoked), compare);
	sk_X509_CRL_pop_free(crls, X509_CRL_free);
	ERR_clear_error(); /* of signatures that were not right */
	return ok;
}

/* --- looking up --- */

const struct revoked *
crl_find(const struct identity *id, const struct sec_identity *who)
{
	const struct revoked *found = NULL;
	struct revoked key;

	memcpy(key.serial, who->serial, sizeof(key.serial));
	for (int i = 0; !found && i < sk_X509_num(id->cas); i++) {
		const struct issuer *is = &id->issuers[i];
		if (is->n_revoked > 0 && memcmp(is->sha256, who->issuer_sha256, sizeof(is->sha256)) == 0)
			found = bsearch(&key, is->revoked, is->n_revoked, sizeof(key), compare);
	}
	return found;
}

const struct issuer *
crl_expired(const struct identity *id, const uint8_t *issuer_sha256, int64_t now_unix)
{
	for (int i = 0; i < sk_X509_num(id->cas); i++) {
		const struct issuer *is = &id->issuers[i];
		if (is->has_crl && now_unix >= is->next_update &&
		    memcmp(is->sha256, issuer_sha256, sizeof(is->sha256)) == 0)
			return is;
	}
	return NULL;
}
