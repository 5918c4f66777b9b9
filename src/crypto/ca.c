/* The certificate authority of castpki: making one, issuing a client's certificate. */
#include "castswitch/ca.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>

#include "ca_private.h"

enum { DAY_S = 86400, CN_MAX = 64 };

bool
ca_fail(char *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, CA_ERROR_MAX, fmt, ap);
	va_end(ap);
	return false;
}

/* --- checks --- */

bool
ca_check_days(unsigned days, char *err)
{
	return days <= CA_DAYS_MAX || ca_fail(err, "--days %u: at most %d", days, CA_DAYS_MAX);
}

bool
ca_check_name(const char *name, char *err)
{
	return identity_name_valid(name) ||
	       ca_fail(err, "'%.100s' cannot be a client's name (allowed: 1 to 63 of A-Z a-z 0-9 . _ @ -)", name);
}

bool
ca_init_check(const struct ca_init_params *p, char *err)
{
	if (!p->dir[0])
		return ca_fail(err, "--dir is empty");
	if (!ca_host_valid(p->host))
		return ca_fail(err, "--name '%.200s': neither a DNS name nor an IP address", p->host);
	return ca_check_days(p->days, err);
}

bool
ca_client_check(const struct ca_client_params *p, char *err)
{
	char remote[300];

	if (!ca_check_name(p->name, err))
		return false;
	for (size_t i = 0; i < p->n_remotes; i++)
		if (!ca_remote_format(p->remotes[i], remote, sizeof(remote)))
			return ca_fail(err, "--remote '%.200s': not HOST, HOST:PORT or [IPV6]:PORT", p->remotes[i]);
	return ca_check_days(p->days, err);
}

/* --- init --- */

/* A day back, for clocks that are a little late. */
static void
set_dates(struct ca_request *rq, unsigned days)
{
	int64_t now = (int64_t)time(NULL);

	rq->not_before = now - DAY_S;
	rq->not_after = now + (int64_t)days * DAY_S;
}

static bool
make_pairs(const struct ca_init_params *p, struct ca_pair *root, struct ca_pair *server, char *err)
{
	char cn[CN_MAX + 1];
	struct ca_request rq = { .kind = CA_KIND_ROOT, .cn = cn };

	snprintf(cn, sizeof(cn), "castswitch CA of %s", p->host);
	set_dates(&rq, CA_ROOT_DAYS);
	if (!ca_pair_new(&rq, NULL, root))
		return ca_fail(err, "OpenSSL could not make the CA");
	rq = (struct ca_request){ .kind = CA_KIND_SERVER, .host = p->host };
	rq.cn = identity_name_valid(p->host) ? p->host : "server";
	set_dates(&rq, p->days ? p->days : CA_LEAF_DAYS);
	if (!ca_pair_new(&rq, root, server))
		return ca_fail(err, "OpenSSL could not make the server's certificate");
	return true;
}

/* Takes over the BIO. */
static bool
store(const struct ca_new_dir *d, const char *name, unsigned mode, BIO *content, char *err)
{
	int rc = content ? ca_write_file(d->dirfd, name, mode, content) : -ENOMEM;

	BIO_free(content);
	return rc == 0 || ca_fail(err, "%s/%s: %s", d->final, name, strerror(-rc));
}

static BIO *
first_index(const struct ca_pair *server)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char name[SEC_NAME_MAX + 1] = "server";
	struct ca_row row;

	(void)cert_peer_name(server->cert, name);
	ca_row_of(server->cert, name, &row);
	if (bio && ca_index_line(bio, &row))
		return bio;
	BIO_free(bio);
	return NULL;
}

static bool
store_all(const struct ca_new_dir *d, const struct ca_pair *root, const struct ca_pair *server, char *err)
{
	const struct ca_crl crl = { .number = 1, .now = (int64_t)time(NULL), .days = CA_CRL_DAYS };

	return store(d, "ca.crt", 0644, ca_pem_of_cert(root->cert), err) &&
	       store(d, "ca.key", 0600, ca_pem_of_key(root->key), err) &&
	       store(d, "server.crt", 0644, ca_pem_of_cert(server->cert), err) &&
	       store(d, "server.key", 0600, ca_pem_of_key(server->key), err) &&
	       store(d, "index.txt", 0600, first_index(server), err) &&
	       store(d, "ca.crl", 0644, ca_crl_new(root, &crl), err);
}

static bool
fail_dir(const char *dir, int rc, char *err)
{
	if (rc == -EEXIST || rc == -ENOTEMPTY)
		return ca_fail(err, "%s exists already: nothing is overwritten, choose another --dir", dir);
	if (rc == -ENOENT)
		return ca_fail(err, "%s: the directory it should be in does not exist", dir);
	return ca_fail(err, "%s: %s", dir, strerror(-rc));
}

static bool
make_dir(const char *path, const struct ca_pair *root, const struct ca_pair *server, char *err)
{
	struct ca_new_dir dir;
	int rc = ca_new_dir_make(&dir, path);

	if (rc < 0)
		return fail_dir(path, rc, err);
	bool ok = store_all(&dir, root, server, err);
	if (ok) {
		rc = ca_new_dir_publish(&dir);
		ok = rc == 0 || fail_dir(path, rc, err);
	}
	if (!ok)
		ca_new_dir_discard(&dir);
	return ok;
}

bool
ca_init(const struct ca_init_params *p, char *err)
{
	struct ca_pair root = { 0 }, server = { 0 };
	size_t len = strlen(p->dir);
	char *dir;
	bool ok;

	if (!ca_init_check(p, err))
		return false;
	while (len > 1 && p->dir[len - 1] == '/')
		len--; /* "pki/" would put the temporary directory inside */
	dir = strndup(p->dir, len);
	if (!dir)
		return ca_fail(err, "%s", strerror(ENOMEM));
	ok = make_pairs(p, &root, &server, err) && make_dir(dir, &root, &server, err);
	free(dir);
	ca_pair_free(&root);
	ca_pair_free(&server);
	return ok;
}

/* --- client --- */

void
ca_authority_close(struct ca_authority *a)
{
	if (a->dirfd >= 0)
		close(a->dirfd);
	ca_pair_free(&a->root);
	X509_free(a->server);
}

static X509 *
load_cert(const char *kind, const char *dir, const char *file, char *err)
{
	char path[4096];
	const struct pem_source src = { .kind = kind, .source = path };
	STACK_OF(X509) * certs;
	X509 *cert;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	certs = pem_certificates(&src, err, CA_ERROR_MAX);
	if (!certs)
		return NULL;
	cert = sk_X509_shift(certs);
	sk_X509_pop_free(certs, X509_free);
	return cert;
}

int
ca_open_dir(const char *dir, char *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		ca_fail(err, "%s does not exist: make it with castpki init", dir);
	else if (fd < 0)
		ca_fail(err, "%s: %s", dir, strerror(errno));
	return fd;
}

bool
ca_authority_open(struct ca_authority *a, const char *dir, char *err)
{
	char path[4096];
	const struct pem_source key = { .kind = "key", .source = path };

	a->dirfd = ca_open_dir(dir, err);
	if (a->dirfd < 0)
		return false;
	snprintf(path, sizeof(path), "%s/ca.key", dir);
	a->root.cert = load_cert("CA", dir, "ca.crt", err);
	a->root.key = a->root.cert ? pem_key(&key, err, CA_ERROR_MAX) : NULL;
	a->server = a->root.key ? load_cert("certificate", dir, "server.crt", err) : NULL;
	if (!a->server)
		return false;
	ERR_clear_error();
	if (X509_check_private_key(a->root.cert, a->root.key) != 1)
		return ca_fail(err, "%s/ca.key does not belong to ca.crt", dir);
	if (cert_dates(a->root.cert) != 0) {
		cert_date(X509_get0_notAfter(a->root.cert), path);
		return ca_fail(err, "the CA in %s is not valid now (it ends on %s)", dir, path);
	}
	return true;
}

/* Issues and records; the lock on the index makes both one step. */
static bool
issue(const struct ca_client_params *p, const struct ca_authority *a, struct ca_pair *ret, char *err)
{
	struct ca_request rq = { .kind = CA_KIND_CLIENT, .cn = p->name };
	const int64_t ca_end = cert_time(X509_get0_notAfter(a->root.cert));
	struct ca_index index;
	struct ca_row row;
	char until[CA_TIME_SIZE];
	bool ok = true, found = false;
	int rc = ca_index_open(&index, a->dirfd, true);

	if (rc < 0)
		return ca_fail(err, "%s/index.txt: %s", p->dir, strerror(-rc));
	set_dates(&rq, p->days ? p->days : CA_LEAF_DAYS);
	if (rq.not_after > ca_end)
		rq.not_after = ca_end;
	if (!p->again)
		rc = ca_index_find(&index, p->name, &found, until);
	if (found) {
		ok = ca_fail(err, "'%s' has a certificate already (until %.10s): --again makes another", p->name,
			     until);
	} else if (rc == 0 && !ca_pair_new(&rq, &a->root, ret)) {
		ok = ca_fail(err, "OpenSSL could not make the certificate");
	} else if (rc == 0) {
		ca_row_of(ret->cert, p->name, &row);
		rc = ca_index_add(&index, &row, 1);
	}
	if (rc < 0)
		ok = ca_fail(err, "%s/index.txt: %s", p->dir, strerror(-rc));
	ca_index_close(&index);
	return ok;
}

char *
ca_client(const struct ca_client_params *p, char *err)
{
	struct ca_authority a = { .dirfd = -1 };
	struct ca_pair client = { 0 };
	char host[CERT_NAME_SIZE];
	const char *const server[] = { host };
	char *text = NULL;

	if (ca_client_check(p, err) && ca_authority_open(&a, p->dir, err) && issue(p, &a, &client, err)) {
		cert_host_name(a.server, host);
		const struct ca_profile profile = {
			.name = p->name,
			.host = host,
			.remotes = p->n_remotes ? p->remotes : server,
			.n_remotes = p->n_remotes ? p->n_remotes : 1,
			.client = &client,
			.ca = a.root.cert,
		};
		text = ca_profile_text(&profile);
		if (!text)
			ca_fail(err, "%s", strerror(ENOMEM));
	}
	ca_pair_free(&client);
	ca_authority_close(&a);
	return text;
}
