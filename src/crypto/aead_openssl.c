/* AES-256-GCM and ChaCha20-Poly1305 for data packets, by OpenSSL's EVP. */
#include "castswitch/aead_openssl.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "castswitch/tmsg.h"

struct aead {
	EVP_CIPHER_CTX *ctx;
	/* The tag's place, made once: EVP_CIPHER_CTX_ctrl() would build such a list for every packet. */
	OSSL_PARAM tag[2];
	uint8_t iv[AEAD_IV_LEN];
};

/* Fetched once for the life of the process: a fetch takes locks and compares strings. */
static EVP_CIPHER *
cipher_of(uint8_t id)
{
	static EVP_CIPHER *gcm, *chacha;

	switch (id) {
	case TMSG_AEAD_AES_256_GCM:
		if (!gcm)
			gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
		return gcm;
	case TMSG_AEAD_CHACHA20_POLY1305:
		if (!chacha)
			chacha = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
		return chacha;
	default:
		return NULL;
	}
}

static void
openssl_destroy(struct aead *a)
{
	if (!a)
		return;
	EVP_CIPHER_CTX_free(a->ctx);
	OPENSSL_cleanse(a, sizeof(*a));
	free(a);
}

static struct aead *
openssl_create(uint8_t id, const uint8_t *key, const uint8_t *iv, bool seal)
{
	EVP_CIPHER *cipher = cipher_of(id);
	struct aead *a;

	if (!cipher)
		return NULL;
	a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	memcpy(a->iv, iv, sizeof(a->iv));
	a->tag[0] = OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, NULL, AEAD_TAG_LEN);
	a->tag[1] = OSSL_PARAM_construct_end();
	a->ctx = EVP_CIPHER_CTX_new();
	if (!a->ctx || EVP_CipherInit_ex2(a->ctx, cipher, key, NULL, seal, NULL) != 1) {
		openssl_destroy(a);
		return NULL;
	}
	return a;
}

/* RFC 8446 5.3: the counter, left-padded to the length of the IV, XORed with it. */
static void
nonce_of(const struct aead *a, uint64_t counter, uint8_t nonce[AEAD_IV_LEN])
{
	memcpy(nonce, a->iv, AEAD_IV_LEN);
	for (int i = 0; i < 8; i++)
		nonce[AEAD_IV_LEN - 1 - i] ^= (uint8_t)(counter >> (8 * i));
}

static bool
openssl_seal(struct aead *a, uint64_t counter, const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t len,
	     uint8_t *out)
{
	uint8_t nonce[AEAD_IV_LEN];
	int n;

	if (len > INT_MAX || aad_len > INT_MAX)
		return false;
	nonce_of(a, counter, nonce);
	if (EVP_EncryptInit_ex2(a->ctx, NULL, NULL, nonce, NULL) != 1)
		return false;
	if (aad_len && EVP_EncryptUpdate(a->ctx, NULL, &n, aad, (int)aad_len) != 1)
		return false;
	if (len && EVP_EncryptUpdate(a->ctx, out, &n, in, (int)len) != 1)
		return false;
	if (EVP_EncryptFinal_ex(a->ctx, out + len, &n) != 1)
		return false;
	a->tag[0].data = out + len;
	return EVP_CIPHER_CTX_get_params(a->ctx, a->tag) == 1;
}

static bool
openssl_open(struct aead *a, uint64_t counter, const uint8_t *aad, size_t aad_len, uint8_t *buf, size_t len)
{
	uint8_t nonce[AEAD_IV_LEN];
	int n;

	if (len < AEAD_TAG_LEN || len > INT_MAX || aad_len > INT_MAX)
		return false;
	len -= AEAD_TAG_LEN;
	nonce_of(a, counter, nonce);
	a->tag[0].data = buf + len;
	if (EVP_DecryptInit_ex2(a->ctx, NULL, NULL, nonce, a->tag) != 1)
		return false;
	if (aad_len && EVP_DecryptUpdate(a->ctx, NULL, &n, aad, (int)aad_len) != 1)
		return false;
	if (len && EVP_DecryptUpdate(a->ctx, buf, &n, buf, (int)len) != 1)
		return false;
	return EVP_DecryptFinal_ex(a->ctx, buf + len, &n) == 1;
}

const struct aead_backend *
aead_openssl(void)
{
	static const struct aead_backend backend = {
		.name = "openssl",
		.create = openssl_create,
		.destroy = openssl_destroy,
		.seal = openssl_seal,
		.open = openssl_open,
	};
	return &backend;
}

bool
aead_aes_is_fast(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_cpu_init();
	return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#elif defined(__aarch64__)
	unsigned long caps = getauxval(AT_HWCAP);
	return (caps & HWCAP_AES) && (caps & HWCAP_PMULL);
#else
	return false;
#endif
}
