/* PEM text from a file, or from the configuration itself ("inline"), with errors that name it. */
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

enum { PEM_FILE_MAX = 8 << 20 }; /* a CRL of some 150,000 entries */

struct pem_text {
	char *bytes;
	size_t len;
};

static bool
is_inline(const char *source)
{
	return strstr(source, "-----BEGIN") != NULL;
}

void
pem_error(const struct pem_source *src, char *err, size_t errlen, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (is_inline(src->source))
		n = snprintf(err, errlen, "inline %s: ", src->kind);
	else
		n = snprintf(err, errlen, "%s %s: ", src->kind, src->source);
	if (n < 0 || (size_t)n >= errlen)
		return;
	va_start(ap, fmt);
	vsnprintf(err + n, errlen - (size_t)n, fmt, ap);
	va_end(ap);
}

static void
pem_text_free(struct pem_text *t)
{
	OPENSSL_clear_free(t->bytes, t->len);
}

/* Reads at most PEM_FILE_MAX bytes; 0 or -errno. */
static int
read_all(int fd, struct pem_text *ret)
{
	struct pem_text t = { .bytes = OPENSSL_malloc(PEM_FILE_MAX) };
	ssize_t n = -1;

	if (!t.bytes)
		return -ENOMEM;
	while (t.len < PEM_FILE_MAX && (n = read(fd, t.bytes + t.len, PEM_FILE_MAX - t.len)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		t.len += (size_t)n;
	}
	int rc = n == 0 ? 0 : n < 0 ? -errno : -EFBIG;
	if (rc < 0)
		OPENSSL_clear_free(t.bytes, PEM_FILE_MAX);
	else
		*ret = t;
	return rc;
}

static int
open_source(const struct pem_source *src)
{
	if (src->open_file)
		return src->open_file(src->open_arg, src->source);
	int fd = open(src->source, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

static bool
read_source(const struct pem_source *src, struct pem_text *ret, char *err, size_t errlen)
{
	int fd, rc;

	if (is_inline(src->source)) {
		ret->len = strlen(src->source);
		ret->bytes = OPENSSL_memdup(src->source, ret->len);
		if (!ret->bytes)
			pem_error(src, err, errlen, "%s", strerror(ENOMEM));
		return ret->bytes != NULL;
	}
	fd = open_source(src);
	rc = fd < 0 ? fd : read_all(fd, ret);
	if (fd >= 0)
		close(fd);
	if (rc < 0)
		pem_error(src, err, errlen, "%s", strerror(-rc));
	return rc == 0;
}

/* Whether the last PEM_read_* only found nothing more to read. */
static bool
at_end(void)
{
	unsigned long e = ERR_peek_last_error();
	return ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_NO_START_LINE;
}

/* After the last block of a kind: whether all n blocks were read and there was at least one. */
static bool
read_to_end(const struct pem_source *src, bool memory, int n, char *err, size_t errlen)
{
	if (!memory)
		pem_error(src, err, errlen, "%s", strerror(ENOMEM));
	else if (!at_end())
		pem_error(src, err, errlen, "the PEM text is damaged");
	else if (n == 0)
		pem_error(src, err, errlen, "no %s in PEM form in it",
			  strcmp(src->kind, "CRL") ? "certificate" : "CRL");
	else
		return true;
	return false;
}

STACK_OF(X509) * pem_certificates(const struct pem_source *src, char *err, size_t errlen)
{
	STACK_OF(X509) *certs = sk_X509_new_null();
	struct pem_text text;
	X509 *cert;
	bool ok = true;

	if (!certs || !read_source(src, &text, err, errlen)) {
		sk_X509_free(certs);
		return NULL;
	}
	ERR_clear_error();
	BIO *bio = BIO_new_mem_buf(text.bytes, (int)text.len);
	while (ok && bio && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
		ok = sk_X509_push(certs, cert) > 0;
	ok = read_to_end(src, bio && ok, sk_X509_num(certs), err, errlen);
	BIO_free(bio);
	pem_text_free(&text);
	ERR_clear_error();
	if (!ok) {
		sk_X509_pop_free(certs, X509_free);
		return NULL;
	}
	return certs;
}

STACK_OF(X509_CRL) * pem_crls(const struct pem_source *src, char *err, size_t errlen)
{
	STACK_OF(X509_CRL) *crls = sk_X509_CRL_new_null();
	struct pem_text text;
	X509_CRL *crl;
	bool ok = true;

	if (!crls || !read_source(src, &text, err, errlen)) {
		sk_X509_CRL_free(crls);
		return NULL;
	}
	ERR_clear_error();
	BIO *bio = BIO_new_mem_buf(text.bytes, (int)text.len);
	while (ok && bio && (crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL)))
		ok = sk_X509_CRL_push(crls, crl) > 0;
	ok = read_to_end(src, bio && ok, sk_X509_CRL_num(crls), err, errlen);
	BIO_free(bio);
	pem_text_free(&text);
	ERR_clear_error();
	if (!ok) {
		sk_X509_CRL_pop_free(crls, X509_CRL_free);
		return NULL;
	}
	return crls;
}

/* Called instead of a prompt: notes that a passphrase would be needed. */
static int
refuse_passphrase(char *buf, int size, int rwflag, void *arg)
{
	bool *asked = arg;

	(void)buf;
	(void)size;
	(void)rwflag;
	*asked = true;
	return -1;
}

EVP_PKEY *
pem_key(const struct pem_source *src, char *err, size_t errlen)
{
	struct pem_text text;
	EVP_PKEY *key = NULL;
	bool asked = false;

	if (!read_source(src, &text, err, errlen))
		return NULL;
	ERR_clear_error();
	BIO *bio = BIO_new_mem_buf(text.bytes, (int)text.len);
	if (bio)
		key = PEM_read_bio_PrivateKey(bio, NULL, refuse_passphrase, &asked);
	if (!bio)
		pem_error(src, err, errlen, "%s", strerror(ENOMEM));
	else if (asked)
		pem_error(src, err, errlen,
			  "is protected by a passphrase, which nobody is there to type: store it without");
	else if (!key && !memmem(text.bytes, text.len, "PRIVATE KEY-----", 16))
		pem_error(src, err, errlen, "no private key in PEM form in it");
	else if (!key)
		pem_error(src, err, errlen, "the PEM text is damaged");
	BIO_free(bio);
	pem_text_free(&text);
	ERR_clear_error();
	return key;
}
