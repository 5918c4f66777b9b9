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

static bool __attribute__((format(printf, 2, 3))) fail(char *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, CA_ERROR_MAX, fmt, ap);
	va_end(ap);
	return false;
}

/* --- checks --- */

static bool
check_days(unsigned days, char *err)
{
	return days <= CA_DAYS_MAX || fail(err, "--days %u: at most %d", days, CA_DAYS_MAX);
}

bool
ca_init_check(const struct ca_init_params *p, char *err)
{
	if (!p->dir[0])
		return fail(err, "--dir is empty");
	if (!ca_host_valid(p->host))
		return fail(err, "--name '%.200s': neither a DNS name nor an IP address", p->host);
	return check_days(p->days, err);
}

bool
ca_client_check(const struct ca_client_params *p, char *err)
{
	char remote[300];

	if (!identity_name_valid(p->name))
		return fail(err, "'%.100s' cannot be a client's name (allowed: 1 to 63 of A-Z a-z 0-9 . _ @ -)",
			    p->name);
	for (size_t i = 0; i < p->n_remotes; i++)
		if (!ca_remote_format(p->remotes[i], remote, sizeof(remote)))
			return fail(err, "--remote '%.200s': not HOST, HOST:PORT or [IPV6]:PORT", p->remotes[i]);
	return check_days(p->days, err);
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
		return fail(err, "OpenSSL could not make the CA");
	rq = (struct ca_request){ .kind = CA_KIND_SERVER, .host = p->host };
	rq.cn = identity_name_valid(p->host) ? p->host : "server";
	set_dates(&rq, p->days ? p->days : CA_LEAF_DAYS);
	if (!ca_pair_new(&rq, root, server))
		return fail(err, "OpenSSL could not make the server's certificate");
	return true;
}

/* Takes over the BIO. */
static bool
store(const struct ca_new_dir *d, const char *name, unsigned mode, BIO *content, char *err)
{
	int rc = content ? ca_write_file(d->dirfd, name, mode, content) : -ENOMEM;

	BIO_free(content);
	return rc == 0 || fail(err, "%s/%s: %s", d->final, name, strerror(-rc));
}

static BIO *
first_index(const struct ca_pair *server)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char name[SEC_NAME_MAX + 1] = "server";

	(void)cert_peer_name(server->cert, name);
	if (bio && ca_index_line(bio, server->cert, name))
		return bio;
	BIO_free(bio);
	return NULL;
}

static bool
store_all(const struct ca_new_dir *d, const struct ca_pair *root, const struct ca_pair *server, char *err)
{
	return store(d, "ca.crt", 0644, ca_pem_of_cert(root->cert), err) &&
	       store(d, "ca.key", 0600, ca_pem_of_key(root->key), err) &&
	       store(d, "server.crt", 0644, ca_pem_of_cert(server->cert), err) &&
	       store(d, "server.key", 0600, ca_pem_of_key(server->key), err) &&
	       store(d, "index.txt", 0600, first_index(server), err);
}

static bool
fail_dir(const char *dir, int rc, char *err)
{
	if (rc == -EEXIST || rc == -ENOTEMPTY)
		return fail(err, "%s exists already: nothing is overwritten, choose another --dir", dir);
	if (rc == -ENOENT)
		return fail(err, "%s: the directory it should be in does not exist", dir);
	return fail(err, "%s: %s", dir, strerror(-rc));
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
		return fail(err, "%s", strerror(ENOMEM));
	ok = make_pairs(p, &root, &server, err) && make_dir(dir, &root, &server, err);
	free(dir);
	ca_pair_free(&root);
	ca_pair_free(&server);
	return ok;
}

/* --- client --- */

/* What is read from an existing directory. */
struct authority {
	int dirfd;
	struct ca_pair root;
	X509 *server;
};

static void
authority_close(struct authority *a)
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
	const struct pem_source src = { kind, path };
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

static bool
authority_open(struct authority *a, const char *dir, char *err)
{
	char path[4096];
	const struct pem_source key = { "key", path };

	a->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (a->dirfd < 0 && errno == ENOENT)
		return fail(err, "%s does not exist: make it with castpki init", dir);
	if (a->dirfd < 0)
		return fail(err, "%s: %s", dir, strerror(errno));
	snprintf(path, sizeof(path), "%s/ca.key", dir);
	a->root.cert = load_cert("CA", dir, "ca.crt", err);
	a->root.key = a->root.cert ? pem_key(&key, err, CA_ERROR_MAX) : NULL;
	a->server = a->root.key ? load_cert("certificate", dir, "server.crt", err) : NULL;
	if (!a->server)
		return false;
	ERR_clear_error();
	if (X509_check_private_key(a->root.cert, a->root.key) != 1)
		return fail(err, "%s/ca.key does not belong to ca.crt", dir);
	if (cert_dates(a->root.cert) != 0) {
		cert_date(X509_get0_notAfter(a->root.cert), path);
		return fail(err, "the CA in %s is not valid now (it ends on %s)", dir, path);
	}
	return true;
}

/* Issues and records; the lock on the index makes both one step. */
static bool
issue(const struct ca_client_params *p, const struct authority *a, struct ca_pair *ret, char *err)
{
	struct ca_request rq = { .kind = CA_KIND_CLIENT, .cn = p->name };
	const int64_t ca_end = cert_time(X509_get0_notAfter(a->root.cert));
	struct ca_index index;
	char until[32];
	bool ok = true;
	int rc = ca_index_open(&index, a->dirfd);

	if (rc < 0)
		return fail(err, "%s/index.txt: %s", p->dir, strerror(-rc));
	set_dates(&rq, p->days ? p->days : CA_LEAF_DAYS);
	if (rq.not_after > ca_end)
		rq.not_after = ca_end;
	if (!p->again && ca_index_find(&index, p->name, until))
		ok = fail(err, "'%s' has a certificate already (until %.10s): --again makes another", p->name, until);
	else if (!ca_pair_new(&rq, &a->root, ret))
		ok = fail(err, "OpenSSL could not make the certificate");
	else if ((rc = ca_index_add(&index, ret->cert, p->name)) < 0)
		ok = fail(err, "%s/index.txt: %s", p->dir, strerror(-rc));
	ca_index_close(&index);
	return ok;
}

char *
ca_client(const struct ca_client_params *p, char *err)
{
	struct authority a = { .dirfd = -1 };
	struct ca_pair client = { 0 };
	char host[CERT_NAME_SIZE];
	const char *const server[] = { host };
	char *text = NULL;

	if (ca_client_check(p, err) && authority_open(&a, p->dir, err) && issue(p, &a, &client, err)) {
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
			fail(err, "%s", strerror(ENOMEM));
	}
	ca_pair_free(&client);
	authority_close(&a);
	return text;
}
