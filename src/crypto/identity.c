/* Loading our certificate, key, CA and pins. */
#include "private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

enum { WARN_DAYS = 30, DAY_S = 86400 };

static bool
given(const char *text)
{
	return text && *text;
}

/* A file's own name in the message about another: "certificate /x.crt" or "the inline certificate". */
static void
describe(const struct pem_source *src, char *buf, size_t len)
{
	if (strstr(src->source, "-----BEGIN"))
		snprintf(buf, len, "the inline %s", src->kind);
	else
		snprintf(buf, len, "%s %s", src->kind, src->source);
}

static bool
check_dates(const struct pem_source *src, const X509 *cert, char *err, size_t errlen)
{
	char date[CERT_DATE_SIZE];

	switch (cert_dates(cert)) {
	case 0:
		return true;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		cert_date(X509_get0_notBefore(cert), date);
		pem_error(src, err, errlen, "is not valid before %s: is the clock right?", date);
		return false;
	default:
		cert_date(X509_get0_notAfter(cert), date);
		pem_error(src, err, errlen, "has expired on %s", date);
		return false;
	}
}

static struct pem_source
source_of(const struct identity_params *p, const char *kind, const char *source)
{
	return (struct pem_source){
		.kind = kind, .source = source, .open_file = p->open_file, .open_arg = p->open_arg
	};
}

static bool
load_certificate(struct identity *id, const struct identity_params *p, char *err, size_t errlen)
{
	const struct pem_source src = source_of(p, "certificate", p->certificate);

	id->chain = pem_certificates(&src, err, errlen);
	if (!id->chain)
		return false;
	id->cert = sk_X509_shift(id->chain); /* ours is the first */
	return check_dates(&src, id->cert, err, errlen);
}

static bool
load_key(struct identity *id, const struct identity_params *p, char *err, size_t errlen)
{
	const struct pem_source src = source_of(p, "key", p->key);
	const struct pem_source cert_src = { .kind = "certificate", .source = p->certificate };
	char cert[256];

	id->key = pem_key(&src, err, errlen);
	if (!id->key)
		return false;
	if (X509_check_private_key(id->cert, id->key) != 1) {
		ERR_clear_error();
		describe(&cert_src, cert, sizeof(cert));
		pem_error(&src, err, errlen, "does not belong to %s", cert);
		return false;
	}
	return true;
}

/* Several CAs are fine, such as an old and a new one; one of them must be valid now. */
static bool
load_cas(struct identity *id, const struct identity_params *p, char *err, size_t errlen)
{
	const struct pem_source src = source_of(p, "CA", p->ca);
	bool some_valid = false;

	id->cas = given(p->ca) ? pem_certificates(&src, err, errlen) : sk_X509_new_null();
	if (!id->cas)
		return false;
	for (int i = 0; i < sk_X509_num(id->cas); i++) {
		X509 *ca = sk_X509_value(id->cas, i);
		char name[CERT_NAME_SIZE];
		if (X509_check_ca(ca) == 0) {
			cert_display_name(ca, name);
			pem_error(&src, err, errlen, "certificate of '%s' is not a CA's", name);
			return false;
		}
		some_valid |= cert_dates(ca) == 0;
	}
	if (sk_X509_num(id->cas) > 0 && !some_valid)
		return check_dates(&src, sk_X509_value(id->cas, 0), err, errlen);
	return true;
}

static bool
load_crl(struct identity *id, const struct identity_params *p, char *err, size_t errlen)
{
	const struct pem_source src = source_of(p, "CRL", p->crl);

	id->crl_strict = p->crl_strict;
	id->issuers = crl_issuers_new(id->cas);
	if (!id->issuers) {
		snprintf(err, errlen, "out of memory");
		return false;
	}
	return !given(p->crl) || crl_load(id->issuers, id->cas, &src, err, errlen);
}

static bool
load_pins(struct identity *id, const struct identity_params *p, char *err, size_t errlen)
{
	id->pins = calloc(p->n_pins ? p->n_pins : 1, sizeof(*id->pins));
	if (!id->pins) {
		snprintf(err, errlen, "out of memory");
		return false;
	}
	for (size_t i = 0; i < p->n_pins; i++) {
		if (!identity_name_valid(p->pins[i].title)) {
			snprintf(err, errlen, "fingerprint of '%.100s': this cannot be a peer's name",
				 p->pins[i].title);
			return false;
		}
		snprintf(id->pins[i].title, sizeof(id->pins[i].title), "%s", p->pins[i].title);
		memcpy(id->pins[i].sha256, p->pins[i].sha256, IDENTITY_SHA256_LEN);
		id->n_pins++;
	}
	return true;
}

/* What can be said without opening a file. */
static bool
check_params(const struct identity_params *p, char *err, size_t errlen)
{
	if (!given(p->certificate))
		snprintf(err, errlen, "no certificate given");
	else if (!given(p->key))
		snprintf(err, errlen, "no key given");
	else if (!given(p->ca) && p->n_pins == 0)
		snprintf(err, errlen, "no CA and no fingerprints given, so no peer could be believed");
	else if (p->server_name && strlen(p->server_name) >= CERT_SERVER_NAME_SIZE)
		snprintf(err, errlen, "server-name is too long");
	else
		return true;
	return false;
}

struct identity *
identity_load(const struct identity_params *p, char *err, size_t errlen)
{
	struct identity *id;

	if (!check_params(p, err, errlen))
		return NULL;
	id = calloc(1, sizeof(*id));
	if (!id) {
		snprintf(err, errlen, "out of memory");
		return NULL;
	}
	id->refs = 1;
	id->role = p->role;
	id->require_eku = p->require_eku;
	snprintf(id->server_name, sizeof(id->server_name), "%s", p->server_name ? p->server_name : "");
	if (!load_certificate(id, p, err, errlen) || !load_key(id, p, err, errlen) || !load_cas(id, p, err, errlen) ||
	    !load_crl(id, p, err, errlen) || !load_pins(id, p, err, errlen)) {
		identity_free(id);
		return NULL;
	}
	cert_identity(id->cert, &id->self);
	memcpy(id->self.name, id->self.own_name, sizeof(id->self.name));
	id->self.eku = cert_is_for(id->cert, id->role, true);
	return id;
}

struct identity *
identity_ref(struct identity *id)
{
	id->refs++;
	return id;
}

void
identity_free(struct identity *id)
{
	if (!id || --id->refs > 0)
		return;
	crl_issuers_free(id->issuers, sk_X509_num(id->cas));
	X509_free(id->cert);
	EVP_PKEY_free(id->key);
	sk_X509_pop_free(id->chain, X509_free);
	sk_X509_pop_free(id->cas, X509_free);
	free(id->pins);
	free(id);
}

const struct sec_identity *
identity_self(const struct identity *id)
{
	return &id->self;
}

enum identity_role
identity_role(const struct identity *id)
{
	return id->role;
}

/* Adds one to buf. */
static void __attribute__((format(printf, 3, 4))) warn(char *buf, size_t len, const char *fmt, ...)
{
	size_t at = strlen(buf);
	va_list ap;

	snprintf(buf + at, len - at, "%s", at > 0 ? "; " : "");
	at = strlen(buf);
	va_start(ap, fmt);
	vsnprintf(buf + at, len - at, fmt, ap);
	va_end(ap);
}

static bool
ends_soon(int64_t end, int64_t now)
{
	return end - now < (int64_t)WARN_DAYS * DAY_S;
}

/* Whether another CA of this name is believed for longer: then this one may go. */
static bool
is_succeeded(const struct identity *id, int at, int64_t end)
{
	for (int i = 0; i < sk_X509_num(id->cas); i++)
		if (memcmp(id->issuers[i].sha256, id->issuers[at].sha256, IDENTITY_SHA256_LEN) == 0 &&
		    cert_time(X509_get0_notAfter(sk_X509_value(id->cas, i))) > end)
			return true;
	return false;
}

static void
warn_of_ca(const struct identity *id, int at, int64_t now, char *buf, size_t len)
{
	const ASN1_TIME *end = X509_get0_notAfter(sk_X509_value(id->cas, at));
	char date[CERT_DATE_SIZE];

	if (!ends_soon(cert_time(end), now) || is_succeeded(id, at, cert_time(end)))
		return;
	cert_date(end, date);
	warn(buf, len, "the CA '%.100s' %s on %s", id->issuers[at].name,
	     cert_time(end) <= now ? "has expired" : "expires", date);
}

/* A CRL that lives for a week only is made anew each week: what counts is the last third of its life then. */
static void
warn_of_crl(const struct identity *id, int at, int64_t now, char *buf, size_t len)
{
	const struct issuer *is = &id->issuers[at];
	char date[CERT_DATE_SIZE];

	if (!is->has_crl || !ends_soon(is->next_update, now) ||
	    is->next_update - now >= (is->next_update - is->this_update) / 3)
		return;
	cert_day(is->next_update, date);
	if (is->next_update > now)
		warn(buf, len, "the CRL of '%.100s' expires on %s", is->name, date);
	else
		warn(buf, len, "the CRL of '%.100s' has expired on %s: %s", is->name, date,
		     id->crl_strict ? "peers of this CA are refused" : "later revocations are not known");
}

const char *
identity_warning(const struct identity *id, char *buf, size_t len)
{
	const int64_t now = (int64_t)time(NULL);
	char date[CERT_DATE_SIZE];

	buf[0] = 0;
	if (!cert_is_for(id->cert, id->role, true))
		warn(buf, len, "our certificate is not for a %s (extended key usage): peers may refuse it",
		     id->role == IDENTITY_SERVER ? "server" : "client");
	if (ends_soon(id->self.not_after, now)) {
		cert_date(X509_get0_notAfter(id->cert), date);
		warn(buf, len, "our certificate %s on %s", id->self.not_after <= now ? "has expired" : "expires", date);
	}
	for (int i = 0; i < sk_X509_num(id->cas); i++) {
		warn_of_ca(id, i, now, buf, len);
		warn_of_crl(id, i, now, buf, len);
	}
	return buf;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
identity_fingerprint_parse(const char *text, uint8_t ret[IDENTITY_SHA256_LEN])
{
	uint8_t out[IDENTITY_SHA256_LEN];

	for (size_t i = 0; i < sizeof(out); i++) {
		if (i > 0 && *text == ':')
			text++;
		int high = hex_digit(text[0]);
		int low = high < 0 ? -1 : hex_digit(text[1]);
		if (low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	if (*text)
		return false;
	memcpy(ret, out, sizeof(out));
	return true;
}
