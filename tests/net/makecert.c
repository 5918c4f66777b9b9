/* Certificates for the network tests: any mixture of names, dates and purposes, also wrong ones.
 *
 *	makecert CA PREFIX NAME [OPTION...]
 *
 * writes PREFIX.crt and PREFIX.key, signed by CA.crt and CA.key; CA "-" is self-signed.  Options:
 *	ca                   a CA's certificate
 *	eku=clientAuth       extended key usage (none without it)
 *	san=DNS:a            subject alternative names
 *	from=DAYS to=DAYS    validity relative to now (from yesterday to in 60 days)
 *	ends=SECONDS         the end, relative to now
 *	passphrase=TEXT      the key is encrypted with it
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/pem.h>

#include "lib/testcert.h"

struct options {
	struct testcert_opts cert;
	const char *passphrase, *ends;
};

static FILE *
open_file(const char *prefix, const char *suffix, const char *mode)
{
	char path[512];
	snprintf(path, sizeof(path), "%s%s", prefix, suffix);
	FILE *f = fopen(path, mode);
	if (!f)
		err(1, "%s", path);
	return f;
}

static void
load_ca(const char *prefix, struct testcert *ret)
{
	FILE *f = open_file(prefix, ".crt", "r");
	ret->x509 = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	f = open_file(prefix, ".key", "r");
	ret->key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	fclose(f);
	if (!ret->x509 || !ret->key)
		errx(1, "%s: no certificate and key", prefix);
}

/* The value of option NAME=VALUE, or NULL when it is another one. */
static const char *
value_of(const char *option, const char *name)
{
	size_t n = strlen(name);
	return strncmp(option, name, n) == 0 && option[n] == '=' ? option + n + 1 : NULL;
}

static void
parse(struct options *o, const char *option)
{
	const char *v;
	if (strcmp(option, "ca") == 0) {
		o->cert.ca = true;
		o->cert.ku = "keyCertSign,cRLSign";
	} else if ((v = value_of(option, "eku"))) {
		o->cert.eku = v;
	} else if ((v = value_of(option, "san"))) {
		o->cert.san = v;
	} else if ((v = value_of(option, "from"))) {
		o->cert.from_days = atoi(v);
	} else if ((v = value_of(option, "to"))) {
		o->cert.to_days = atoi(v);
	} else if ((v = value_of(option, "ends"))) {
		o->ends = v;
	} else if ((v = value_of(option, "passphrase"))) {
		o->passphrase = v;
	} else {
		errx(2, "%s: unknown option", option);
	}
}

/* Changes the end to the second and signs again. */
static void
set_end(struct testcert *tc, const struct testcert *ca, const char *seconds)
{
	if (!X509_time_adj_ex(X509_getm_notAfter(tc->x509), 0, atol(seconds), NULL) ||
	    X509_sign(tc->x509, ca->key, EVP_sha256()) <= 0)
		errx(1, "signing failed");
}

static void
save(const struct testcert *tc, const char *prefix, const char *passphrase)
{
	char *key = passphrase ? testcert_encrypted_key(tc, passphrase) : NULL;
	FILE *f = open_file(prefix, ".crt", "w");
	if (PEM_write_X509(f, tc->x509) != 1 || fclose(f) != 0)
		err(1, "%s.crt", prefix);
	umask(077);
	f = open_file(prefix, ".key", "w");
	if (fputs(key ? key : tc->key_pem, f) < 0 || fclose(f) != 0)
		err(1, "%s.key", prefix);
	free(key);
}

int
main(int argc, char **argv)
{
	struct testcert ca = { 0 };
	struct options o = { 0 };
	if (argc < 4)
		errx(2, "usage: makecert CA|- PREFIX NAME [OPTION...]");
	o.cert.cn = argv[3];
	for (int i = 4; i < argc; i++)
		parse(&o, argv[i]);
	if (strcmp(argv[1], "-") != 0) {
		load_ca(argv[1], &ca);
		o.cert.issuer = &ca;
	}
	struct testcert *tc = testcert_new(&o.cert);
	if (o.ends)
		set_end(tc, o.cert.issuer ? &ca : tc, o.ends);
	save(tc, argv[2], o.passphrase);
	testcert_free(tc);
	X509_free(ca.x509);
	EVP_PKEY_free(ca.key);
	return 0;
}
