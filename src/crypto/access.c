/* The access key: HMAC-SHA-256 around the datagrams of a handshake (access.h). */
#include "castswitch/access.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "castswitch/tmsg.h"

enum { MAC_LEN = 32, FILE_TEXT_MAX = 256 };
_Static_assert((int)ACCESS_MAX == (int)TMSG_MAX, "handshake datagrams, wrapped, are as long as messages may be");

struct access {
	EVP_MAC_CTX *mac; /* keyed */
};

/* --- keys --- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool
access_key_parse(const char *text, uint8_t ret[ACCESS_KEY_LEN])
{
	uint8_t key[ACCESS_KEY_LEN];
	bool good = true;

	for (size_t i = 0; good && i < sizeof(key); i++) {
		int high = hex_digit(text[2 * i]);
		int low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);

		good = low >= 0;
		key[i] = (uint8_t)((unsigned)high << 4 | (unsigned)low);
	}
	good = good && text[2 * sizeof(key)] == '\0';
	if (good)
		memcpy(ret, key, sizeof(key));
	OPENSSL_cleanse(key, sizeof(key));
	return good;
}

struct access *
access_new(const uint8_t key[ACCESS_KEY_LEN])
{
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
				      OSSL_PARAM_construct_end() };
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	struct access *a = calloc(1, sizeof(*a));

	if (a && hmac)
		a->mac = EVP_MAC_CTX_new(hmac);
	EVP_MAC_free(hmac);
	if (a && a->mac && EVP_MAC_init(a->mac, key, ACCESS_KEY_LEN, params) == 1)
		return a;
	ERR_clear_error();
	access_free(a);
	return NULL;
}

void
access_free(struct access *a)
{
	if (!a)
		return;
	EVP_MAC_CTX_free(a->mac);
	free(a);
}

/* --- a key's file --- */

/* Up to size - 1 bytes as text; 0 or -errno. */
static int
read_text(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n = 1;

	while (len < size - 1 && n != 0) {
		n = read(fd, text + len, size - 1 - len);
		if (n < 0 && errno != EINTR)
			return -errno;
		len += n > 0 ? (size_t)n : 0;
	}
	text[len] = '\0';
	return strlen(text) == len ? 0 : -EINVAL;
}

/* Cuts the white space off both ends. */
static char *
trim(char *text)
{
	size_t len;

	while (isspace((unsigned char)*text))
		text++;
	len = strlen(text);
	while (len && isspace((unsigned char)text[len - 1]))
		text[--len] = '\0';
	return text;
}

static int
open_source(const char *path, identity_open_fn *open_file, void *open_arg)
{
	if (open_file)
		return open_file(open_arg, path);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

/* Text without a slash is rather a key with a mistake than a file's name, and stays a secret. */
static void
say_why(const char *source, int error, char *err, size_t errlen)
{
	if (!strchr(source, '/'))
		snprintf(err, errlen, "access-key: neither 64 hex digits nor a file that can be read");
	else if (error == -EINVAL)
		snprintf(err, errlen, "access-key %s: not 64 hex digits (openssl rand -hex 32 makes a key)", source);
	else
		snprintf(err, errlen, "access-key %s: %s", source, strerror(-error));
}

static int
read_key(const char *source, identity_open_fn *open_file, void *open_arg, uint8_t key[ACCESS_KEY_LEN])
{
	char text[FILE_TEXT_MAX];
	int fd = open_source(source, open_file, open_arg), rc;

	if (fd < 0)
		return fd;
	rc = read_text(fd, text, sizeof(text));
	close(fd);
	if (rc == 0 && !access_key_parse(trim(text), key))
		rc = -EINVAL;
	OPENSSL_cleanse(text, sizeof(text));
	return rc;
}

struct access *
access_load(const char *source, identity_open_fn *open_file, void *open_arg, char *err, size_t errlen)
{
	uint8_t key[ACCESS_KEY_LEN];
	struct access *a;
	int rc = access_key_parse(source, key) ? 0 : read_key(source, open_file, open_arg, key);

	if (rc != 0) {
		say_why(source, rc, err, errlen);
		return NULL;
	}
	a = access_new(key);
	OPENSSL_cleanse(key, sizeof(key));
	if (!a)
		snprintf(err, errlen, "access-key: out of memory");
	return a;
}

/* --- datagrams --- */

static bool
make_code(struct access *a, enum access_direction to, const uint8_t *dgram, size_t len, uint8_t code[MAC_LEN])
{
	const uint8_t direction = (uint8_t)to;
	size_t n;

	/* Without a key: with the one that it has. */
	return EVP_MAC_init(a->mac, NULL, 0, NULL) == 1 && EVP_MAC_update(a->mac, &direction, 1) == 1 &&
	       EVP_MAC_update(a->mac, dgram, len) == 1 && EVP_MAC_final(a->mac, code, &n, MAC_LEN) == 1;
}

const uint8_t *
access_wrap(struct access *a, enum access_direction to, const uint8_t *dgram, size_t *len, uint8_t buf[ACCESS_MAX])
{
	uint8_t code[MAC_LEN];

	if (!a || tmsg_classify(dgram, *len) != TMSG_CLASS_DTLS)
		return dgram;
	if (*len > DTLS_MAX_DGRAM || !make_code(a, to, dgram, *len, code))
		return NULL;
	buf[0] = TMSG_ACCESS;
	memcpy(buf + 1, code, ACCESS_CODE_LEN);
	memcpy(buf + ACCESS_HDR, dgram, *len);
	*len += ACCESS_HDR;
	return buf;
}

bool
access_unwrap(struct access *a, enum access_direction to, const uint8_t **dgram, size_t *len)
{
	const uint8_t *inner = *dgram + ACCESS_HDR;
	uint8_t code[MAC_LEN];

	if (!a)
		return tmsg_classify(*dgram, *len) == TMSG_CLASS_DTLS;
	if (tmsg_classify(*dgram, *len) != TMSG_CLASS_ACCESS || *len <= ACCESS_HDR)
		return false;
	if (!make_code(a, to, inner, *len - ACCESS_HDR, code) || CRYPTO_memcmp(code, *dgram + 1, ACCESS_CODE_LEN) != 0)
		return false;
	if (tmsg_classify(inner, *len - ACCESS_HDR) != TMSG_CLASS_DTLS)
		return false;
	*dgram = inner;
	*len -= ACCESS_HDR;
	return true;
}
