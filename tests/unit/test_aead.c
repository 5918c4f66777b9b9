/* crypto/aead_openssl: published vectors, the nonce rule, and that no altered byte is accepted.
 *
 * Vectors: test case 16 of McGrew/Viega's GCM specification (the one NIST took over) and RFC 8439 2.8.2.  Those with a
 * counter were computed with two other implementations (nettle and python-cryptography), which agree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "castswitch/aead_openssl.h"
#include "castswitch/random.h"
#include "castswitch/tmsg.h"

enum { MAX = 2048 };

struct vector {
	uint8_t id;
	uint64_t counter;
	const char *key, *iv, *aad, *plain, *sealed; /* hex */
};

#define GCM_KEY "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
#define GCM_IV "cafebabefacedbaddecaf888"
#define GCM_AAD "feedfacedeadbeeffeedfacedeadbeefabaddad2"
#define GCM_PLAIN                                                                                          \
	"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525" \
	"b16aedf5aa0de657ba637b39"
#define CC_KEY "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
#define CC_IV "070000004041424344454647"
#define CC_AAD "50515253c0c1c2c3c4c5c6c7"
/* "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."
 */
#define CC_PLAIN                                                                                                   \
	"4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a204966204920636f756c64" \
	"206f6666657220796f75206f6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73637265656e20776f" \
	"756c642062652069742e"
#define ZERO12 "000000000000000000000000"
#define ZERO32 "0000000000000000000000000000000000000000000000000000000000000000"

static const struct vector vectors[] = {
	{ TMSG_AEAD_AES_256_GCM, 0, GCM_KEY, GCM_IV, GCM_AAD, GCM_PLAIN,
	  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838"
	  "c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b" },
	{ TMSG_AEAD_AES_256_GCM, UINT64_C(0x0102030405060708), GCM_KEY, GCM_IV, GCM_AAD, GCM_PLAIN,
	  "979288ee37330615ff3a89f4f79b7b82e386abe619a9f0a6df5d89d1f9b098a846c9dd8c92c7cafbbbc329966584373b"
	  "3a38fd109f92fd2d630ed6f985a442d0111456a466e5104ff5c818ad" },
	{ TMSG_AEAD_AES_256_GCM, 0, ZERO32, ZERO12, "", "", "530f8afbc74536b9a963b4f1c4cb738b" },
	{ TMSG_AEAD_CHACHA20_POLY1305, 0, CC_KEY, CC_IV, CC_AAD, CC_PLAIN,
	  "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e"
	  "060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576"
	  "d26586cec64b61161ae10b594f09e26a7e902ecbd0600691" },
	{ TMSG_AEAD_CHACHA20_POLY1305, UINT64_C(0x0102030405060708), CC_KEY, CC_IV, CC_AAD, CC_PLAIN,
	  "ecc6e3eaa2535b0d2e0c5640f24ca5f4add5d14b43639d628416a32c86f08698528cc6e786849e1e5a92b14d348cd039a1e9089ea5"
	  "11056cac367f7d26f55518da0bb5267652f9fe79405d232d8062d0029c9936006f91f94ecb3b9ff43aed8e45ff3e1e1b0cfec86d4e"
	  "f520c9645a61c6c242c9b0245952ddc68b7c197933535c9d" },
};

static size_t
unhex(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		const char byte[3] = { hex[2 * i], hex[2 * i + 1], 0 };
		out[i] = (uint8_t)strtoul(byte, NULL, 16);
	}
	return n;
}

static struct aead *
keyed(uint8_t id, const char *key_hex, const char *iv_hex, bool seal)
{
	uint8_t key[AEAD_KEY_LEN], iv[AEAD_IV_LEN];

	assert_int_equal(unhex(key_hex, key), sizeof(key));
	assert_int_equal(unhex(iv_hex, iv), sizeof(iv));
	struct aead *a = aead_openssl()->create(id, key, iv, seal);
	assert_non_null(a);
	return a;
}

static void
test_vectors(void **state)
{
	const struct aead_backend *be = aead_openssl();

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const struct vector *v = &vectors[i];
		uint8_t aad[64], plain[256], sealed[256], out[256];
		size_t aad_len = unhex(v->aad, aad);
		size_t len = unhex(v->plain, plain);
		struct aead *s = keyed(v->id, v->key, v->iv, true);
		struct aead *o = keyed(v->id, v->key, v->iv, false);

		assert_int_equal(unhex(v->sealed, sealed), len + AEAD_TAG_LEN);
		/* twice: a context is used for many packets */
		for (int round = 0; round < 2; round++) {
			memset(out, 0xa5, sizeof(out));
			assert_true(be->seal(s, v->counter, aad, aad_len, plain, len, out));
			assert_memory_equal(out, sealed, len + AEAD_TAG_LEN);
			assert_int_equal(out[len + AEAD_TAG_LEN], 0xa5);
			assert_true(be->open(o, v->counter, aad, aad_len, out, len + AEAD_TAG_LEN));
			assert_memory_equal(out, plain, len);
		}
		be->destroy(s);
		be->destroy(o);
	}
}

/* Every byte of the sealed text, of the additional data and of the counter counts; a refusal leaves the context usable.
 */
static void
check_tamper(const struct vector *v)
{
	const struct aead_backend *be = aead_openssl();
	uint8_t aad[64], sealed[256], buf[256];
	size_t aad_len = unhex(v->aad, aad);
	size_t len = unhex(v->sealed, sealed);
	struct aead *o = keyed(v->id, v->key, v->iv, false);

	for (size_t i = 0; i < len; i++) {
		memcpy(buf, sealed, len);
		buf[i] ^= 1;
		assert_false(be->open(o, v->counter, aad, aad_len, buf, len));
	}
	for (size_t i = 0; i < aad_len; i++) {
		memcpy(buf, sealed, len);
		aad[i] ^= 0x80;
		assert_false(be->open(o, v->counter, aad, aad_len, buf, len));
		aad[i] ^= 0x80;
	}
	for (int bit = 0; bit < 64; bit++) {
		memcpy(buf, sealed, len);
		assert_false(be->open(o, v->counter ^ UINT64_C(1) << bit, aad, aad_len, buf, len));
	}
	memcpy(buf, sealed, len);
	assert_false(be->open(o, v->counter, aad, aad_len, buf, len - 1));
	memcpy(buf, sealed, len);
	assert_true(be->open(o, v->counter, aad, aad_len, buf, len));
	be->destroy(o);
}

static void
test_tamper(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		check_tamper(&vectors[i]);
}

/* Lengths around the edges of blocks and of a tag; packets out of order. */
static void
check_lengths(uint8_t id)
{
	static const size_t lens[] = { 0, 1, 15, 16, 17, 63, 64, 65, 1399, 1400, 1401, MAX - AEAD_TAG_LEN };
	const struct aead_backend *be = aead_openssl();
	uint8_t plain[MAX], buf[2][MAX];
	const uint8_t aad[TMSG_DATA_HDR] = { TMSG_DATA, 1, 2, 3, 4 };
	struct aead *s = keyed(id, CC_KEY, CC_IV, true);
	struct aead *o = keyed(id, CC_KEY, CC_IV, false);
	struct rng rng = random_rng();

	rng_fill(&rng, plain, sizeof(plain));
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		size_t len = lens[i];
		assert_true(be->seal(s, 2 * i + 1, aad, sizeof(aad), plain, len, buf[0]));
		assert_true(be->seal(s, 2 * i + 2, aad, sizeof(aad), plain, len, buf[1]));
		assert_true(memcmp(buf[0], buf[1], len + AEAD_TAG_LEN) != 0);
		assert_true(be->open(o, 2 * i + 2, aad, sizeof(aad), buf[1], len + AEAD_TAG_LEN));
		assert_true(be->open(o, 2 * i + 1, aad, sizeof(aad), buf[0], len + AEAD_TAG_LEN));
		assert_memory_equal(buf[0], plain, len);
		assert_memory_equal(buf[1], plain, len);
	}
	for (size_t len = 0; len < AEAD_TAG_LEN; len++)
		assert_false(be->open(o, 1, aad, sizeof(aad), buf[0], len));
	be->destroy(s);
	be->destroy(o);
}

static void
test_lengths(void **state)
{
	(void)state;
	check_lengths(TMSG_AEAD_AES_256_GCM);
	check_lengths(TMSG_AEAD_CHACHA20_POLY1305);
}

static void
test_unknown_algorithm(void **state)
{
	const uint8_t key[AEAD_KEY_LEN] = { 0 }, iv[AEAD_IV_LEN] = { 0 };

	(void)state;
	assert_null(aead_openssl()->create(TMSG_AEAD_NONE, key, iv, true));
	assert_null(aead_openssl()->create(TMSG_AEAD_CHACHA20_POLY1305 + 1, key, iv, true));
	assert_null(aead_openssl()->create(255, key, iv, false));
	aead_openssl()->destroy(NULL);
}

/* What /proc/cpuinfo lists must agree with the answer (x86: "aes" and "pclmulqdq", arm: "aes" and "pmull"). */
static void
test_aes_is_fast(void **state)
{
	char line[8192];
	bool listed = false;
	FILE *f = fopen("/proc/cpuinfo", "r");

	(void)state;
	if (!f)
		skip();
	while (!listed && fgets(line, sizeof(line), f))
		listed = strstr(line, " aes") && (strstr(line, " pclmulqdq") || strstr(line, " pmull"));
	fclose(f);
	assert_int_equal(aead_aes_is_fast(), listed);
}

static void
test_random(void **state)
{
	struct rng rng = random_rng();
	uint8_t a[64] = { 0 }, b[64] = { 0 };
	const uint8_t zero[64] = { 0 };

	(void)state;
	rng_fill(&rng, a, sizeof(a));
	rng_fill(&rng, b, sizeof(b) - 1);
	assert_memory_not_equal(a, zero, sizeof(a));
	assert_memory_not_equal(a, b, sizeof(a));
	assert_int_equal(b[63], 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),     cmocka_unit_test(test_tamper),
		cmocka_unit_test(test_lengths),     cmocka_unit_test(test_unknown_algorithm),
		cmocka_unit_test(test_aes_is_fast), cmocka_unit_test(test_random),
	};
	return cmocka_run_group_tests_name("aead", tests, NULL, NULL);
}
