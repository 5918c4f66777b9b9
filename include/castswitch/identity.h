/* Who we are and whom we believe: our certificate and key, the CA, pinned fingerprints (DESIGN section 7).
 *
 * An identity is loaded once (again for a reload) and never changes.  It is counted: a dtls_ctx keeps the identity it
 * was made from, so the caller may free its own reference at once.  Not for use by several threads.
 *
 * A peer is believed when its certificate's SHA-256 is pinned, or when its chain ends at our CA and its extended key
 * usage names its role.  A pinned certificate needs no CA, no name and no key usage, but its dates and its revocation
 * count.
 *
 * Revocation (CRL, RFC 5280 section 5) is checked for the peer's own certificate only, by its issuer's name and its
 * serial.  A CA that has no CRL in the file is no error, also when 'crl_strict' is set: an old CA that is kept until
 * its last client has moved, or one that never revokes, may have none; what a CRL promises is only known of CAs that
 * have one.  A CRL must be signed by a certificate of 'ca', so the CRL of an intermediate CA needs that CA there too.
 * Several CRLs of one CA are added up: who is in any of them is revoked, and the latest nextUpdate counts.  A CRL from
 * the future is taken as it is.
 */
#ifndef CASTSWITCH_IDENTITY_H
#define CASTSWITCH_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "castswitch/sec.h"

enum { IDENTITY_SHA256_LEN = 32 };

enum identity_role { IDENTITY_CLIENT, IDENTITY_SERVER };

/* A certificate that is believed for itself. */
struct identity_pin {
	const char *title; /* the peer's name when this certificate is used: [A-Za-z0-9._@-]{1,63} */
	uint8_t sha256[IDENTITY_SHA256_LEN]; /* of the DER certificate, as "openssl x509 -fingerprint -sha256" prints it */
};

/* Opens a file for reading in the caller's way (a privileged helper): a descriptor, which is closed after use, or
 * -errno. */
typedef int identity_open_fn(void *arg, const char *path);

/* Texts are the path of a PEM file, or PEM text itself when they hold "-----BEGIN".  Everything is copied. */
struct identity_params {
	enum identity_role role;
	identity_open_fn *open_file; /* NULL: open(2) */
	void *open_arg;
	const char *certificate; /* ours, with intermediate certificates after it if there are any */
	const char *key;         /* private key of 'certificate', without passphrase */
	const char *ca;          /* certificates of the CAs we believe; NULL or "": none, only pins */
	const char *server_name; /* client: what the server's certificate must be for (DNS name or IP address); NULL or "":
				    any server of our CA */
	const struct identity_pin *pins;
	size_t n_pins;
	const char *crl; /* revoked certificates, one CRL or more in PEM form; NULL or "": none */
	bool crl_strict; /* an expired CRL refuses the certificates of its CA; otherwise it only warns */
	bool require_eku; /* refuse certificates without extended key usage (default of the configuration: true) */
};

struct identity;

/* NULL on failure, with one line in err[0..errlen) that names the file, or "inline certificate" / "inline key" /
 * "inline CA" / "inline CRL", and what is wrong: missing, unreadable, not PEM, a key of another certificate, a key
 * with a passphrase (never asked for), our own certificate expired or not yet valid, neither a CA nor pins, a CRL that
 * none of our CAs signed.  Reads the wall clock. */
struct identity *identity_load(const struct identity_params *params, char *err, size_t errlen);
/* Gives up the caller's reference; the key is wiped with the last one.  NULL is fine. */
void identity_free(struct identity *id);

/* Our own certificate: the name is "" when it cannot be a peer's name.  Valid as long as the identity. */
const struct sec_identity *identity_self(const struct identity *id);
enum identity_role identity_role(const struct identity *id);

/* What deserves a warning though it works: our certificate is not for our role; it or a CA that no other one of its name
 * outlives expires within 30 days, or has; so does a CRL, of whose life also less than a third must be left; "" else.  Several are joined by "; ".  Returns buf.  Reads the wall clock, so ask again from time to
 * time. */
const char *identity_warning(const struct identity *id, char *buf, size_t len);

/* Whether a peer that was accepted before may stay. */
enum identity_verdict {
	IDENTITY_STAYS,
	IDENTITY_REVOKED,
	IDENTITY_EXPIRED,
	IDENTITY_UNVOUCHED, /* neither a pin nor a CA speaks for it any more */
	IDENTITY_RENAMED,   /* a client's name is another one now */
};

/* For established sessions after a reload, when 'id' may be a later identity than the one that accepted the peer, and
 * when a certificate ends.  Unless it stays there is one line in err.
 *
 * It goes when at now_unix (seconds since 1970) its certificate is revoked or expired; when nothing vouches for it any
 * more: no pin, and either no CA at all, or no extended key usage for its role though that is required, or, when it had
 * been accepted for a pin, no CA of its issuer's name (a server: whatever CAs there are, because its host name was not
 * compared); and, if it is a client, when its name would now be another one than it was: a pin of another title, or its
 * own name instead of a title.  An expired CRL ends no session, even with crl_strict: the next handshake fails. */
enum identity_verdict identity_check_peer(const struct identity *id, const struct sec_identity *who, int64_t now_unix,
					  char err[SEC_ERROR_MAX]);

/* A fingerprint as text: 64 hex digits in either case, colons between bytes allowed.  False, *ret untouched, when it
 * is not. */
bool identity_fingerprint_parse(const char *text, uint8_t ret[IDENTITY_SHA256_LEN]);

/* True for [A-Za-z0-9._@-]{1,63}: what may be the name of a peer. */
bool identity_name_valid(const char *name);

#endif
