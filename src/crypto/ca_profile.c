/* The text of a client profile: one file in the syntax of castswitch.conf with certificate, key and CA inside. */
#include "ca_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>

/* A number of 1..65535 without sign or leading zero. */
static bool
port_valid(const char *s)
{
	size_t n = strlen(s);

	if (n < 1 || n > 5 || strspn(s, "0123456789") != n || s[0] == '0')
		return false;
	return strtoul(s, NULL, 10) <= 65535;
}

bool
ca_remote_format(const char *text, char *ret, size_t size)
{
	char host[256], port[8];
	const char *rest;
	size_t n;

	if (text[0] == '[') {
		n = strcspn(++text, "]");
		rest = text[n] ? text + n + 1 : NULL;
	} else if (strchr(text, ':') != strrchr(text, ':')) { /* an IPv6 address without port */
		n = strlen(text);
		rest = text + n;
	} else {
		n = strcspn(text, ":");
		rest = text + n;
	}
	if (!rest || n >= sizeof(host))
		return false;
	memcpy(host, text, n);
	host[n] = 0;
	if (!ca_host_valid(host))
		return false;
	if (!*rest)
		snprintf(port, sizeof(port), "%d", CA_PORT);
	else if (*rest == ':' && port_valid(rest + 1))
		snprintf(port, sizeof(port), "%s", rest + 1);
	else
		return false;
	int len = snprintf(ret, size, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
	return len > 0 && (size_t)len < size;
}

static bool
put_comment(BIO *out, const struct ca_profile *p)
{
	char until[CERT_DATE_SIZE];

	cert_date(X509_get0_notAfter(p->client->cert), until);
	return BIO_printf(out,
			  "# castswitch client profile: \"%s\" at %s\n"
			  "# made by castpki %s; the certificate is valid until %s\n"
			  "# This file holds a private key: whoever has it is \"%s\".  Keep it at mode 0600.\n"
			  "# Run: castswitch --config %s.conf\n"
			  "\n",
			  p->name, p->host, PACKAGE_VERSION, until, p->name, p->name) > 0;
}

static bool
put_remotes(BIO *out, const struct ca_profile *p)
{
	char remote[300];

	for (size_t i = 0; i < p->n_remotes; i++)
		if (!ca_remote_format(p->remotes[i], remote, sizeof(remote)) ||
		    BIO_printf(out, "%s\"%s\"", i ? ", " : "remote = {", remote) < 0)
			return false;
	return BIO_printf(out, "}\n\ntap \"cast0\" {\n}\n\n") > 0;
}

/* An option whose value is PEM text; takes over the BIO. */
static bool
put_pem(BIO *out, const char *option, BIO *pem)
{
	char *text = NULL;
	long len = pem ? BIO_get_mem_data(pem, &text) : 0;
	bool ok = len > 0 && BIO_printf(out, "\t%s = \"", option) > 0 &&
		  BIO_write(out, text, (int)len - 1) == len - 1 && /* without the last newline */
		  BIO_printf(out, "\"\n") > 0;

	BIO_free(pem);
	return ok;
}

char *
ca_profile_text(const struct ca_profile *p)
{
	BIO *out = BIO_new(BIO_s_secmem());
	char *text = NULL, *data;

	if (out && put_comment(out, p) && put_remotes(out, p) && BIO_printf(out, "identity {\n") > 0 &&
	    put_pem(out, "certificate", ca_pem_of_cert(p->client->cert)) &&
	    put_pem(out, "key", ca_pem_of_key(p->client->key)) && put_pem(out, "ca", ca_pem_of_cert(p->ca)) &&
	    BIO_printf(out, "\tserver-name = \"%s\"\n}\n", p->host) > 0) {
		long len = BIO_get_mem_data(out, &data);
		text = malloc((size_t)len + 1);
		if (text) {
			memcpy(text, data, (size_t)len);
			text[len] = 0;
		}
	}
	BIO_free(out);
	return text;
}

void
ca_profile_free(char *profile)
{
	if (profile)
		OPENSSL_cleanse(profile, strlen(profile));
	free(profile);
}
