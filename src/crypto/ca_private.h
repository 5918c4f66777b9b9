/* What the files of the CA share: certificates being made, and the files they go to. */
#ifndef CASTSWITCH_CRYPTO_CA_PRIVATE_H
#define CASTSWITCH_CRYPTO_CA_PRIVATE_H

#include "castswitch/ca.h"
#include "private.h"

/* --- ca_cert.c: certificates in memory --- */

enum ca_kind { CA_KIND_ROOT, CA_KIND_SERVER, CA_KIND_CLIENT };

struct ca_request {
	enum ca_kind kind;
	const char *cn;
	const char *host; /* server: for the SAN */
	int64_t not_before, not_after; /* seconds since 1970 */
};

struct ca_pair {
	X509 *cert;
	EVP_PKEY *key;
};

/* A new key and a certificate for it, signed by 'issuer' (NULL: by itself). */
bool ca_pair_new(const struct ca_request *rq, const struct ca_pair *issuer, struct ca_pair *ret);
void ca_pair_free(struct ca_pair *p);
/* PEM text in a BIO that wipes its memory; NULL when out of memory. */
BIO *ca_pem_of_cert(const X509 *cert);
BIO *ca_pem_of_key(const EVP_PKEY *key);
/* True for a DNS name (RFC 1123 2.1) or an IP address. */
bool ca_host_valid(const char *host);

/* --- ca_dir.c: files --- */

/* Writes DIRFD/name with exactly this mode; fails if it exists.  0 or -errno. */
int ca_write_file(int dirfd, const char *name, unsigned mode, BIO *content);
/* A directory that appears under its name only when it is complete: make, fill dirfd, then publish or discard. */
struct ca_new_dir {
	char path[4096]; /* temporary */
	const char *final;
	int dirfd;
};
int ca_new_dir_make(struct ca_new_dir *d, const char *final);
int ca_new_dir_publish(struct ca_new_dir *d);
void ca_new_dir_discard(struct ca_new_dir *d);

/* The index, locked against other castpki processes from open to close. */
struct ca_index {
	int fd;
	BIO *text; /* what is in it */
};
int ca_index_open(struct ca_index *ix, int dirfd);
void ca_index_close(struct ca_index *ix);
/* Whether a certificate was issued for name; ret_until is its NOTAFTER. */
bool ca_index_find(const struct ca_index *ix, const char *name, char ret_until[32]);
int ca_index_add(struct ca_index *ix, const X509 *cert, const char *name);
/* The line that ca_index_add() writes; false when out of memory. */
bool ca_index_line(BIO *out, const X509 *cert, const char *name);

/* --- ca_profile.c --- */

struct ca_profile {
	const char *name, *host;
	const char *const *remotes;
	size_t n_remotes;
	const struct ca_pair *client;
	const X509 *ca;
};

/* HOST[:PORT] in the form a profile has it; false when it is none. */
bool ca_remote_format(const char *text, char *ret, size_t size);
/* The profile's text; NULL when out of memory. */
char *ca_profile_text(const struct ca_profile *p);

#endif
