/* Reading certificates: names, dates, purpose. */
#include "private.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

void
cert_sha256(const X509 *cert, uint8_t ret[IDENTITY_SHA256_LEN])
{
	unsigned int n = IDENTITY_SHA256_LEN;

	/* the DER is already there, so only memory could fail; all zeros match no pin then */
	if (X509_digest(cert, EVP_sha256(), ret, &n) != 1)
		memset(ret, 0, IDENTITY_SHA256_LEN);
}

/* --- names --- */

bool
identity_name_valid(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-";
	size_t n = strlen(name);

	return n >= 1 && n <= SEC_NAME_MAX && strspn(name, allowed) == n;
}

/* The bytes of an ASN.1 string as text in ret[0..size); false when it is too long or holds a NUL. */
static bool
text_of(const ASN1_STRING *s, char *ret, size_t size)
{
	unsigned char *utf8 = NULL;
	int n = ASN1_STRING_to_UTF8(&utf8, s);
	bool ok = n >= 0 && (size_t)n < size && memchr(utf8, 0, (size_t)n) == NULL;

	if (ok) {
		memcpy(ret, utf8, (size_t)n);
		ret[n] = 0;
	}
	OPENSSL_free(utf8);
	return ok;
}

/* The n-th CN, or NULL. */
static const ASN1_STRING *
common_name(const X509 *cert, int n)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	int at = -1;

	do
		at = X509_NAME_get_index_by_NID(subject, NID_commonName, at);
	while (at >= 0 && n-- > 0);
	return at < 0 ? NULL : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
}

/* The first subject alternative name of a kind (GEN_DNS, GEN_IPADD) as text. */
static bool
first_alt_name(const X509 *cert, int kind, char *ret, size_t size)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	bool found = false;

	for (int i = 0; !found && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *gn = sk_GENERAL_NAME_value(names, i);
		if (gn->type != kind)
			continue;
		if (kind == GEN_DNS) {
			found = text_of(gn->d.dNSName, ret, size);
		} else {
			struct ipaddr ip;
			char text[IPADDR_STRLEN];
			const unsigned char *b = ASN1_STRING_get0_data(gn->d.iPAddress);
			int len = ASN1_STRING_length(gn->d.iPAddress);
			if (len == 4)
				ip = ipaddr_v4(b);
			else if (len == 16)
				memcpy(ip.b, b, sizeof(ip.b));
			else
				continue;
			found = (size_t)snprintf(ret, size, "%s", ipaddr_str(&ip, text)) < size;
		}
	}
	GENERAL_NAMES_free(names);
	return found;
}

bool
cert_peer_name(const X509 *cert, char ret[SEC_NAME_MAX + 1])
{
	const ASN1_STRING *cn = common_name(cert, 0);
	char name[SEC_NAME_MAX + 1];
	bool ok;

	if (cn && !common_name(cert, 1))
		ok = text_of(cn, name, sizeof(name));
	else
		ok = first_alt_name(cert, GEN_DNS, name, sizeof(name));
	ok = ok && identity_name_valid(name);
	if (ok)
		memcpy(ret, name, sizeof(name));
	return ok;
}

/* What comes from a stranger's certificate must not forge a log line. */
static void
make_printable(char *s)
{
	for (; *s; s++)
		if (*s < 0x20 || *s > 0x7e || *s == '\'')
			*s = '?';
}

void
cert_name_text(const X509_NAME *name, char *ret, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int n = -1;

	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0)
		n = BIO_read(bio, ret, (int)size - 1);
	ret[n > 0 ? n : 0] = 0;
	BIO_free(bio);
	make_printable(ret);
}

void
cert_display_name(const X509 *cert, char ret[CERT_NAME_SIZE])
{
	const ASN1_STRING *cn = common_name(cert, 0);

	if (!cn || !text_of(cn, ret, CERT_NAME_SIZE))
		if (!first_alt_name(cert, GEN_DNS, ret, CERT_NAME_SIZE))
			cert_name_text(X509_get_subject_name(cert), ret, CERT_NAME_SIZE);
	make_printable(ret);
	if (!ret[0])
		snprintf(ret, CERT_NAME_SIZE, "(no name)");
}

void
cert_host_name(const X509 *cert, char ret[CERT_NAME_SIZE])
{
	if (!first_alt_name(cert, GEN_DNS, ret, CERT_NAME_SIZE) &&
	    !first_alt_name(cert, GEN_IPADD, ret, CERT_NAME_SIZE))
		cert_display_name(cert, ret);
	make_printable(ret);
}

bool
cert_matches_host(X509 *cert, const char *host)
{
	ASN1_OCTET_STRING *ip = a2i_IPADDRESS(host);
	bool match;

	if (ip)
		match = X509_check_ip(cert, ASN1_STRING_get0_data(ip), (size_t)ASN1_STRING_length(ip), 0) == 1;
	else
		match = X509_check_host(cert, host, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
	ASN1_OCTET_STRING_free(ip);
	ERR_clear_error();
	return match;
}

/* --- dates --- */

int64_t
cert_time(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

void
cert_date(const ASN1_TIME *t, char ret[CERT_DATE_SIZE])
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) != 1 || strftime(ret, CERT_DATE_SIZE, "%Y-%m-%d", &tm) == 0)
		memcpy(ret, "?", 2);
}

void
cert_day(int64_t seconds, char ret[CERT_DATE_SIZE])
{
	const time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(ret, CERT_DATE_SIZE, "%Y-%m-%d", &tm) == 0)
		memcpy(ret, "?", 2);
}

int
cert_dates(const X509 *cert)
{
	/* X509_cmp_current_time() is 0 for a date that cannot be read */
	if (X509_cmp_current_time(X509_get0_notBefore(cert)) >= 0)
		return X509_V_ERR_CERT_NOT_YET_VALID;
	if (X509_cmp_current_time(X509_get0_notAfter(cert)) <= 0)
		return X509_V_ERR_CERT_HAS_EXPIRED;
	return 0;
}

/* --- the rest --- */

bool
cert_is_for(X509 *cert, enum identity_role role, bool strict)
{
	uint32_t wanted = role == IDENTITY_SERVER ? XKU_SSL_SERVER : XKU_SSL_CLIENT;

	if (!(X509_get_extension_flags(cert) & EXFLAG_XKUSAGE))
		return !strict;
	return (X509_get_extended_key_usage(cert) & wanted) != 0;
}

bool
cert_name_sha256(const X509_NAME *name, uint8_t ret[IDENTITY_SHA256_LEN])
{
	unsigned int n = IDENTITY_SHA256_LEN;

	return X509_NAME_digest(name, EVP_sha256(), ret, &n) == 1;
}

/* Without a BIGNUM, because one that could not be allocated would look like a serial that is not revoked. */
void
cert_serial(const ASN1_INTEGER *serial, char ret[CERT_SERIAL_SIZE])
{
	const unsigned char *b = ASN1_STRING_get0_data(serial);
	const unsigned char *end = b + ASN1_STRING_length(serial);
	size_t at = 0;

	if (ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER)
		ret[at++] = '-';
	for (; b < end && at + 2 < CERT_SERIAL_SIZE; b++, at += 2)
		snprintf(ret + at, 3, "%02X", *b);
	ret[at] = 0;
}

void
cert_identity(const X509 *cert, struct sec_identity *ret)
{
	(void)cert_peer_name(cert, ret->own_name);
	cert_name_text(X509_get_issuer_name(cert), ret->issuer, sizeof(ret->issuer));
	(void)cert_name_sha256(X509_get_issuer_name(cert), ret->issuer_sha256);
	cert_serial(X509_get0_serialNumber(cert), ret->serial);
	cert_sha256(cert, ret->sha256);
	ret->not_after = cert_time(X509_get0_notAfter(cert));
}
