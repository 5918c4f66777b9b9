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
/* The same for a file that may exist: it has the old content or the new one, never none or half. */
int ca_replace_file(int dirfd, const char *name, unsigned mode, BIO *content);
int ca_write_all(int fd, const char *p, size_t len);
/* A directory that appears under its name only when it is complete: make, fill dirfd, then publish or discard. */
struct ca_new_dir {
	char path[4096]; /* temporary */
	const char *final;
	int dirfd;
};
int ca_new_dir_make(struct ca_new_dir *d, const char *final);
int ca_new_dir_publish(struct ca_new_dir *d);
void ca_new_dir_discard(struct ca_new_dir *d);

/* --- ca_index.c: what was issued and revoked --- */

enum { CA_TIME_SIZE = 32 };

struct ca_row {
	char serial[CERT_SERIAL_SIZE];
	char name[SEC_NAME_MAX + 1];
	char sha256[2 * IDENTITY_SHA256_LEN + 1];
	int64_t not_after, revoked_at; /* seconds since 1970; revoked_at 0: it is not */
	bool damaged;                  /* the line is; only serial and name may be there */
};

/* The index, locked against other castpki processes from open to close. */
struct ca_index {
	int fd;
	BIO *text; /* what is in it */
};
int ca_index_open(struct ca_index *ix, int dirfd, bool to_write);
void ca_index_close(struct ca_index *ix);
/* One row for each certificate in order of issue, to be free()d. */
int ca_index_rows(const struct ca_index *ix, struct ca_row **ret, size_t *ret_n);
/* Whether a certificate was issued for name and not revoked; ret_until is its NOTAFTER. */
int ca_index_find(const struct ca_index *ix, const char *name, bool *ret_found, char ret_until[CA_TIME_SIZE]);
/* Appends lines: new certificates, or known ones with revoked_at. */
int ca_index_add(struct ca_index *ix, const struct ca_row *rows, size_t n);
void ca_row_of(const X509 *cert, const char *name, struct ca_row *ret);
/* The line that ca_index_add() writes; false when out of memory. */
bool ca_index_line(BIO *out, const struct ca_row *row);
/* "2026-01-31T12:00:00Z". */
void ca_time_text(int64_t seconds, char ret[CA_TIME_SIZE]);

/* --- ca_crl.c --- */

struct ca_crl {
	const struct ca_row *rows; /* those with revoked_at are taken */
	size_t n_rows;
	uint64_t number;
	int64_t now;
	unsigned days;
};
/* The CRL as PEM; NULL when out of memory. */
BIO *ca_crl_new(const struct ca_pair *root, const struct ca_crl *c);
/* The number of the CRL in a file; false when there is none that can be read. */
bool ca_crl_number(const char *path, uint64_t *ret);

/* --- ca.c: an existing directory --- */

struct ca_authority {
	int dirfd;
	struct ca_pair root;
	X509 *server;
};
/* A file descriptor, or -1 with err set. */
int ca_open_dir(const char *dir, char *err);
bool ca_authority_open(struct ca_authority *a, const char *dir, char *err);
void ca_authority_close(struct ca_authority *a);
bool ca_check_name(const char *name, char *err);
bool ca_check_days(unsigned days, char *err);
/* Writes a line to err[0..CA_ERROR_MAX) and returns false. */
bool ca_fail(char *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

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
