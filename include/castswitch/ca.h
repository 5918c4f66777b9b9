/* A small certificate authority in a directory, for castpki (DESIGN section 8).
 *
 *	DIR/ca.crt  ca.key          the CA: ECDSA P-256, 10 years, may sign leaves only (pathlen 0)
 *	DIR/server.crt  server.key  the server's certificate: extended key usage serverAuth, the host as SAN
 *	DIR/index.txt               one line for each certificate issued: "SERIAL NAME NOTAFTER SHA256", and another with
 *	                            the time as fifth word when it is revoked
 *	DIR/ca.crl                  the revoked ones, made from the index; empty at first
 *
 * Keys have mode 0600 and the directory 0700 whatever the umask is; nothing but ca.crl is ever overwritten.  A
 * client's key is in its profile and nowhere else.  A certificate is in the index before it leaves this module.  Reads
 * the wall clock.
 */
#ifndef CASTSWITCH_CA_H
#define CASTSWITCH_CA_H

#include <stdbool.h>
#include <stddef.h>

enum {
	CA_ROOT_DAYS = 3650,
	CA_LEAF_DAYS = 730,   /* unless asked otherwise */
	CA_CRL_DAYS = 3650,   /* likewise */
	CA_DAYS_MAX = 3650,
	CA_REMOTES_MAX = 32,
	CA_PORT = 22424,      /* of a remote without one */
	CA_ERROR_MAX = 512,
};

struct ca_init_params {
	const char *dir;  /* must not exist; its parent must */
	const char *host; /* DNS name or IP address clients connect to */
	unsigned days;    /* validity of the server's certificate, 0 = CA_LEAF_DAYS */
};

/* Whether the parameters make sense, without a look at any file: false with one line in err[0..CA_ERROR_MAX). */
bool ca_init_check(const struct ca_init_params *p, char *err);
/* Makes the directory with everything in it, or nothing at all.  False with one line in err[0..CA_ERROR_MAX). */
bool ca_init(const struct ca_init_params *p, char *err);

struct ca_client_params {
	const char *dir;
	const char *name;           /* peer name, see identity_name_valid() */
	const char *const *remotes; /* HOST, HOST:PORT, [IPV6]:PORT; none: the server's host */
	size_t n_remotes;           /* 0..CA_REMOTES_MAX */
	unsigned days;              /* 1..CA_DAYS_MAX; 0 = CA_LEAF_DAYS; never longer than the CA's own */
	bool again;                 /* issue another one for a name that has one already that is not revoked */
};

bool ca_client_check(const struct ca_client_params *p, char *err);
/* Issues a certificate and returns the text of a client profile with certificate, key and CA in it; NULL with one line
 * in err[0..CA_ERROR_MAX).  Free with ca_profile_free(). */
char *ca_client(const struct ca_client_params *p, char *err);

struct ca_revoke_params {
	const char *dir;
	const char *name;   /* all unexpired certificates of this name, */
	const char *serial; /* or only the one of this serial: hex, colons allowed; one of the two may be NULL */
	unsigned days;      /* until nextUpdate: 1..CA_DAYS_MAX; 0 = CA_CRL_DAYS */
};

bool ca_revoke_check(const struct ca_revoke_params *p, char *err);
/* Records the revocation in the index, makes ca.crl anew from the whole index, and returns what was done as text, one
 * line a certificate.  One that is revoked already or has expired is no failure.  NULL with one line in
 * err[0..CA_ERROR_MAX).  Free with ca_profile_free(). */
char *ca_revoke(const struct ca_revoke_params *p, char *err);

/* All certificates as a table with a heading.  Needs no key.  NULL with one line in err.  Free with
 * ca_profile_free(). */
char *ca_list(const char *dir, char *err);

/* Wipes and frees what the above returned; NULL is fine. */
void ca_profile_free(char *profile);

#endif
