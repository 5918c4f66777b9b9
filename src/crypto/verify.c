/* Deciding about a peer's certificate: pin, chain, purpose, host name, peer name.
 *
 * Each refusal gets one line for the administrator and the X509_V_ERR_ code from which libssl chooses the alert.
 */
#include "private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

/* What one verification works on. */
struct check {
	const struct identity *id;
	X509_STORE_CTX *x;
	X509 *leaf;
	enum identity_role role; /* the peer's */
	const char *server_name; /* what a server's certificate must be for; "": anything */
	char name[CERT_NAME_SIZE];
	char *err;
};

static bool __attribute__((format(printf, 3, 4))) refuse(const struct check *c, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->err, SEC_ERROR_MAX, fmt, ap);
	va_end(ap);
	X509_STORE_CTX_set_error(c->x, code);
	return false;
}

static const char *
role_text(enum identity_role role)
{
	return role == IDENTITY_SERVER ? "server" : "client";
}

static bool
refuse_dates(const struct check *c, const X509 *cert, const char *whose, int code)
{
	char date[CERT_DATE_SIZE];

	if (code == X509_V_ERR_CERT_HAS_EXPIRED) {
		cert_date(X509_get0_notAfter(cert), date);
		return refuse(c, code, "certificate of %s'%.120s' has expired on %s", whose, c->name, date);
	}
	cert_date(X509_get0_notBefore(cert), date);
	return refuse(c, code, "certificate of %s'%.120s' is not valid before %s", whose, c->name, date);
}

static bool
refuse_purpose(const struct check *c, const char *why)
{
	return refuse(c, X509_V_ERR_INVALID_PURPOSE, "certificate of '%.120s' is not for a %s (%s)", c->name,
		      role_text(c->role), why);
}

/* A fingerprint in the message spares the administrator from asking for it. */
static bool
refuse_unpinned(const struct check *c)
{
	uint8_t sha256[IDENTITY_SHA256_LEN];
	char hex[2 * IDENTITY_SHA256_LEN + 1];

	cert_sha256(c->leaf, sha256);
	for (size_t i = 0; i < sizeof(sha256); i++)
		snprintf(hex + 2 * i, 3, "%02x", sha256[i]);
	return refuse(c, X509_V_ERR_CERT_UNTRUSTED, "peer's certificate is not one of the pinned ones (fingerprint %s)",
		      hex);
}

static bool
refuse_ca(const struct check *c)
{
	return refuse(c, X509_V_ERR_INVALID_CA, "certificate of '%.120s' is a CA's, which no peer may use", c->name);
}

/* X509_verify_cert() failed: in words. */
static bool
refuse_chain(struct check *c)
{
	int code = X509_STORE_CTX_get_error(c->x);
	X509 *at = X509_STORE_CTX_get_current_cert(c->x);
	bool is_leaf = X509_STORE_CTX_get_error_depth(c->x) == 0;

	switch (code) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		if (at && !is_leaf)
			cert_display_name(at, c->name);
		return refuse_dates(c, at ? at : c->leaf, is_leaf ? "" : "the CA ", code);
	case X509_V_ERR_INVALID_PURPOSE:
		/* for the key usage of a CA */
		if (is_leaf && X509_check_ca(c->leaf) != 0)
			return refuse_ca(c);
		if (is_leaf)
			return refuse_purpose(c, cert_is_for(c->leaf, c->role, false) ? "key usage"
										      : "extended key usage");
		break;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
	case X509_V_ERR_CERT_UNTRUSTED:
		return refuse(c, code, "peer's certificate is not signed by our CA");
	default:
		break;
	}
	return refuse(c, code, "certificate of '%.120s': %.100s", c->name, X509_verify_cert_error_string(code));
}

static const struct pin *
find_pin(const struct identity *id, const uint8_t sha256[IDENTITY_SHA256_LEN])
{
	for (size_t i = 0; i < id->n_pins; i++)
		if (memcmp(id->pins[i].sha256, sha256, IDENTITY_SHA256_LEN) == 0)
			return &id->pins[i];
	return NULL;
}

static bool
check_pinned(const struct check *c, const struct pin *pin, struct sec_identity *peer)
{
	int code = cert_dates(c->leaf);

	if (code != 0)
		return refuse_dates(c, c->leaf, "", code);
	snprintf(peer->name, sizeof(peer->name), "%s", pin->title);
	X509_STORE_CTX_set_error(c->x, X509_V_OK);
	return true;
}

static bool
check_chain(struct check *c)
{
	/* libssl has set purpose and trust for the peer's role; the purpose check takes a certificate without extended
	 * key usage, and a CA's */
	if (X509_verify_cert(c->x) != 1)
		return refuse_chain(c);
	if (X509_check_ca(c->leaf) != 0)
		return refuse_ca(c);
	if (!cert_is_for(c->leaf, c->role, c->id->require_eku))
		return refuse_purpose(c, "extended key usage");
	return true;
}

static bool
check_host(const struct check *c)
{
	char host[CERT_NAME_SIZE];

	if (c->role != IDENTITY_SERVER || !c->server_name[0] || cert_matches_host(c->leaf, c->server_name))
		return true;
	cert_host_name(c->leaf, host);
	return refuse(c, X509_V_ERR_HOSTNAME_MISMATCH, "the server's certificate is for '%.100s', not for '%.100s'",
		      host, c->server_name);
}

/* A client's name chooses its configuration, so it must be one.  A server's is only shown. */
static bool
check_name(const struct check *c, struct sec_identity *peer)
{
	snprintf(peer->name, sizeof(peer->name), "%s", peer->own_name);
	if (*peer->name)
		return true;
	if (c->role == IDENTITY_CLIENT)
		return refuse(
			c, X509_V_ERR_CERT_REJECTED, /* the alert: "bad certificate" */
			"certificate's name '%.120s' cannot be a peer's (allowed: 1 to 63 of A-Z a-z 0-9 . _ @ -)",
			c->name);
	snprintf(peer->name, sizeof(peer->name), "%.63s",
		 identity_name_valid(c->server_name) ? c->server_name : "server");
	return true;
}

/* One name may be encoded in two ways (RFC 5280 7.1); the CRLs are kept under our CA's. */
static void
use_our_issuer_name(const struct check *c, struct sec_identity *peer)
{
	const X509_NAME *issuer = X509_get_issuer_name(c->leaf);

	for (int i = 0; i < sk_X509_num(c->id->cas); i++)
		if (X509_NAME_cmp(X509_get_subject_name(sk_X509_value(c->id->cas, i)), issuer) == 0) {
			memcpy(peer->issuer_sha256, c->id->issuers[i].sha256, sizeof(peer->issuer_sha256));
			return;
		}
}

static bool
is_revoked(const struct identity *id, const struct sec_identity *who, const char *name, char err[SEC_ERROR_MAX])
{
	const struct revoked *r = crl_find(id, who);
	char date[CERT_DATE_SIZE];

	if (!r)
		return false;
	cert_day(r->when, date);
	snprintf(err, SEC_ERROR_MAX, "certificate of '%.120s' was revoked on %s", name, date);
	return true;
}

static bool
check_revocation(const struct check *c, const struct sec_identity *peer)
{
	const struct issuer *expired = crl_expired(c->id, peer->issuer_sha256, (int64_t)time(NULL));
	char date[CERT_DATE_SIZE];

	if (is_revoked(c->id, peer, c->name, c->err)) {
		X509_STORE_CTX_set_error(c->x, X509_V_ERR_CERT_REVOKED);
		return false;
	}
	if (!expired || !c->id->crl_strict || peer->pinned)
		return true;
	cert_day(expired->next_update, date);
	/* of X509_V_ERR_CRL_HAS_EXPIRED libssl would make the alert "certificate expired"; of this "certificate
	 * unknown" */
	return refuse(c, X509_V_ERR_CRL_PATH_VALIDATION_ERROR,
		      "certificate of '%.80s' cannot be checked: the CRL of '%.80s' has expired on %s", c->name,
		      expired->name, date);
}

bool
verify_peer(const struct identity *id, X509_STORE_CTX *x, const char *server_name, struct sec_identity *ret_peer,
	    char err[SEC_ERROR_MAX])
{
	struct check c = {
		.id = id, .x = x, .leaf = X509_STORE_CTX_get0_cert(x), .server_name = server_name, .err = err
	};
	struct sec_identity peer = { 0 };
	const struct pin *pin;
	bool ok;

	if (!c.leaf)
		return refuse(&c, X509_V_ERR_UNSPECIFIED, "peer sent no certificate");
	c.role = id->role == IDENTITY_SERVER ? IDENTITY_CLIENT : IDENTITY_SERVER;
	cert_display_name(c.leaf, c.name);
	cert_identity(c.leaf, &peer);
	peer.eku = cert_is_for(c.leaf, c.role, true);
	use_our_issuer_name(&c, &peer);
	pin = find_pin(id, peer.sha256);
	peer.pinned = pin != NULL;
	if (pin)
		ok = check_pinned(&c, pin, &peer);
	else if (sk_X509_num(id->cas) == 0)
		ok = refuse_unpinned(&c);
	else
		ok = check_chain(&c) && check_host(&c) && check_name(&c, &peer);
	ok = ok && check_revocation(&c, &peer);
	ERR_clear_error(); /* looking for things that are not there leaves errors behind */
	if (ok)
		*ret_peer = peer;
	return ok;
}

/* --- sessions that exist already --- */

static bool
issuer_known(const struct identity *id, const uint8_t sha256[IDENTITY_SHA256_LEN])
{
	for (int i = 0; i < sk_X509_num(id->cas); i++)
		if (memcmp(id->issuers[i].sha256, sha256, IDENTITY_SHA256_LEN) == 0)
			return true;
	return false;
}

static enum identity_verdict goes(enum identity_verdict verdict, char err[SEC_ERROR_MAX],
				  const struct sec_identity *who, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static enum identity_verdict
goes(enum identity_verdict verdict, char err[SEC_ERROR_MAX], const struct sec_identity *who, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(err, SEC_ERROR_MAX, "certificate of '%s' is ", who->name);

	va_start(ap, fmt);
	vsnprintf(err + n, SEC_ERROR_MAX - (size_t)n, fmt, ap);
	va_end(ap);
	return verdict;
}

/* What a handshake would call the peer now.  Only a client's name means anything. */
static enum identity_verdict
check_still_named(const struct identity *id, const struct sec_identity *who, const char *now, char err[SEC_ERROR_MAX])
{
	if (id->role == IDENTITY_CLIENT || strcmp(now, who->name) == 0)
		return IDENTITY_STAYS;
	return goes(IDENTITY_RENAMED, err, who, "called '%s' now", now);
}

/* Without the certificate there is no chain to look at: a peer that had shown one stays as long as there is a CA,
 * because its issuer may be an intermediate one. */
static enum identity_verdict
check_still_chained(const struct identity *id, const struct sec_identity *who, char err[SEC_ERROR_MAX])
{
	enum identity_role role = id->role == IDENTITY_SERVER ? IDENTITY_CLIENT : IDENTITY_SERVER;

	if (who->pinned && (role == IDENTITY_SERVER || !*who->own_name || !issuer_known(id, who->issuer_sha256)))
		return goes(IDENTITY_UNVOUCHED, err, who, "no longer pinned");
	if (sk_X509_num(id->cas) == 0)
		return goes(IDENTITY_UNVOUCHED, err, who, "not pinned, and there is no CA any more");
	if (id->require_eku && !who->eku)
		return goes(IDENTITY_UNVOUCHED, err, who, "not for a %s (extended key usage)", role_text(role));
	return check_still_named(id, who, who->pinned ? who->own_name : who->name, err);
}

enum identity_verdict
identity_check_peer(const struct identity *id, const struct sec_identity *who, int64_t now_unix,
		    char err[SEC_ERROR_MAX])
{
	const struct pin *pin = find_pin(id, who->sha256);
	char date[CERT_DATE_SIZE];

	if (is_revoked(id, who, who->name, err))
		return IDENTITY_REVOKED;
	if (now_unix >= who->not_after) {
		cert_day(who->not_after, date);
		snprintf(err, SEC_ERROR_MAX, "certificate of '%s' has expired on %s", who->name, date);
		return IDENTITY_EXPIRED;
	}
	return pin ? check_still_named(id, who, pin->title, err) : check_still_chained(id, who, err);
}
