/* crypto/access: keys as text and in files, a code that another implementation gave, and what is not taken. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "castswitch/access.h"
#include "castswitch/tmsg.h"
#include "lib/tempdir.h"

#define KEY_TEXT "000102030405060708090a0b0c0d0e0f101112131415161718191a1B1C1D1E1F"

/* By Python's hmac module: HMAC-SHA-256 with that key over the direction and this datagram. */
static const uint8_t record[] = { 22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xaa };
static const uint8_t codes[2][ACCESS_CODE_LEN] = {
	{ 0xf4, 0xa7, 0x60, 0xa2, 0x1e, 0xe0, 0xf4, 0x45, 0xea, 0x2f, 0xda, 0x8b, 0xec, 0xd0, 0x4f, 0x3c },
	{ 0xb4, 0x33, 0x86, 0xc7, 0xb8, 0xd5, 0x6d, 0x2e, 0xfe, 0xf7, 0x98, 0xe9, 0xb2, 0x9f, 0x24, 0x79 },
};

static struct access *
keyed(const char *text)
{
	uint8_t key[ACCESS_KEY_LEN];

	assert_true(access_key_parse(text, key));
	struct access *a = access_new(key);
	assert_non_null(a);
	return a;
}

/* --- keys --- */

static void
test_parse(void **state)
{
	static const char *const bad[] = {
		"",
		"00",
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1",
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f0",
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1g",
		"g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		" 00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		"00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:10:11:12:13:14:15",
	};
	uint8_t key[ACCESS_KEY_LEN];

	(void)state;
	assert_true(access_key_parse(KEY_TEXT, key));
	for (unsigned i = 0; i < sizeof(key); i++)
		assert_int_equal(key[i], i);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(key, 0xa5, sizeof(key));
		if (access_key_parse(bad[i], key))
			fail_msg("'%s' is a key", bad[i]);
		assert_int_equal(key[0], 0xa5);
	}
}

/* A file of the test's directory with this in it. */
static const char *
file(const char *dir, const char *bytes, size_t len)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/access.key", dir);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
	close(fd);
	return path;
}

static void
check_file(const char *dir, const char *bytes, size_t len, bool good)
{
	char err[256] = "", want[512];
	const char *path = file(dir, bytes, len);
	struct access *a = access_load(path, NULL, NULL, err, sizeof(err));

	assert_true((a != NULL) == good);
	if (!good) {
		snprintf(want, sizeof(want), "access-key %s: not 64 hex digits (openssl rand -hex 32 makes a key)",
			 path);
		assert_string_equal(err, want);
	}
	access_free(a);
}

static void
test_files(void **state)
{
	const char *dir = tempdir_make("access");
	char text[400], err[256];

	(void)state;
	assert_non_null(dir);
	check_file(dir, KEY_TEXT, 64, true);
	check_file(dir, KEY_TEXT "\n", 65, true);
	check_file(dir, "\n \t" KEY_TEXT "\r\n", 69, true);
	check_file(dir, "", 0, false);
	check_file(dir, "\n", 1, false);
	check_file(dir, KEY_TEXT, 63, false);
	check_file(dir, KEY_TEXT "0", 65, false);
	check_file(dir, KEY_TEXT "\n" KEY_TEXT "\n", 130, false);
	check_file(dir, KEY_TEXT "\0", 65, false);
	memset(text, ' ', sizeof(text)); /* more than is looked at */
	memcpy(text + sizeof(text) - 64, KEY_TEXT, 64);
	check_file(dir, text, sizeof(text), false);
	assert_null(access_load("/nowhere/access.key", NULL, NULL, err, sizeof(err)));
	assert_string_equal(err, "access-key /nowhere/access.key: No such file or directory");
	assert_null(access_load("/", NULL, NULL, err, sizeof(err)));
	assert_string_equal(err, "access-key /: Is a directory");
	/* What may be a key with a mistake is not shown. */
	assert_null(access_load("00x102030405060708", NULL, NULL, err, sizeof(err)));
	assert_string_equal(err, "access-key: neither 64 hex digits nor a file that can be read");
	assert_int_equal(tempdir_remove(), 0);
}

static int
open_nothing(void *arg, const char *path)
{
	assert_string_equal(path, "/some/key");
	*(unsigned *)arg += 1;
	return -13; /* EACCES */
}

/* The caller's way of opening is used, but not for what needs none. */
static void
test_opener(void **state)
{
	unsigned opened = 0;
	char err[256];

	(void)state;
	assert_null(access_load("/some/key", open_nothing, &opened, err, sizeof(err)));
	assert_string_equal(err, "access-key /some/key: Permission denied");
	assert_int_equal(opened, 1);
	struct access *a = access_load(KEY_TEXT, open_nothing, &opened, err, sizeof(err));
	assert_non_null(a);
	assert_int_equal(opened, 1);
	access_free(a);
	access_free(NULL);
}

/* --- datagrams --- */

static void
test_code(void **state)
{
	struct access *a = keyed(KEY_TEXT);
	uint8_t buf[ACCESS_MAX];

	(void)state;
	/* a context serves more than once */
	for (unsigned i = 0; i < 4; i++) {
		size_t len = sizeof(record);
		const uint8_t *out = access_wrap(a, i & 1 ? ACCESS_TO_CLIENT : ACCESS_TO_SERVER, record, &len, buf);

		assert_ptr_equal(out, buf);
		assert_int_equal(len, sizeof(record) + 17);
		assert_int_equal(out[0], 0xc2);
		assert_memory_equal(out + 1, codes[i & 1], ACCESS_CODE_LEN);
		assert_memory_equal(out + 17, record, sizeof(record));
		assert_int_equal(tmsg_classify(out, len), TMSG_CLASS_ACCESS);
		assert_true(access_unwrap(a, i & 1 ? ACCESS_TO_CLIENT : ACCESS_TO_SERVER, &out, &len));
		assert_ptr_equal(out, buf + 17);
		assert_int_equal(len, sizeof(record));
	}
	access_free(a);
}

static void
test_lengths(void **state)
{
	static uint8_t dgram[DTLS_MAX_DGRAM + 1] = { 22 };
	struct access *a = keyed(KEY_TEXT);
	uint8_t buf[ACCESS_MAX];
	size_t len = DTLS_MAX_DGRAM;

	(void)state;
	const uint8_t *out = access_wrap(a, ACCESS_TO_SERVER, dgram, &len, buf);
	assert_non_null(out);
	assert_int_equal(len, 1200);
	assert_true(access_unwrap(a, ACCESS_TO_SERVER, &out, &len));
	assert_int_equal(len, DTLS_MAX_DGRAM);
	len = DTLS_MAX_DGRAM + 1;
	assert_null(access_wrap(a, ACCESS_TO_SERVER, dgram, &len, buf));
	len = 1;
	out = access_wrap(a, ACCESS_TO_SERVER, dgram, &len, buf);
	assert_int_equal(len, 18);
	assert_true(access_unwrap(a, ACCESS_TO_SERVER, &out, &len));
	access_free(a);
}

/* Takes a datagram, or leaves everything as it is. */
static bool
takes(struct access *a, enum access_direction to, const uint8_t *dgram, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1); /* so that reading behind its end is noticed */
	const uint8_t *at = copy;
	size_t len = n;

	assert_non_null(copy);
	memcpy(copy, dgram, n);
	bool taken = access_unwrap(a, to, &at, &len);
	if (!taken)
		assert_true(at == copy && len == n);
	free(copy);
	return taken;
}

static void
test_not_taken(void **state)
{
	struct access *a = keyed(KEY_TEXT),
		      *b = keyed("ff"
				 "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
	uint8_t buf[ACCESS_MAX], again[ACCESS_MAX];
	size_t len = sizeof(record), twice;

	(void)state;
	(void)access_wrap(a, ACCESS_TO_SERVER, record, &len, buf);
	assert_true(takes(a, ACCESS_TO_SERVER, buf, len));
	assert_false(takes(a, ACCESS_TO_CLIENT, buf, len));
	assert_false(takes(b, ACCESS_TO_SERVER, buf, len));
	assert_false(takes(a, ACCESS_TO_SERVER, record, sizeof(record)));
	for (size_t n = 0; n < len; n++)
		assert_false(takes(a, ACCESS_TO_SERVER, buf, n));
	for (size_t bit = 0; bit < 8 * len; bit++) {
		buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(takes(a, ACCESS_TO_SERVER, buf, len));
		buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_true(takes(a, ACCESS_TO_SERVER, buf, len));
	/* what is wrapped is a handshake, and not itself wrapped: no side makes such a datagram, but who has the key
	 * can */
	twice = len;
	assert_ptr_equal(access_wrap(a, ACCESS_TO_SERVER, buf, &twice, again), buf);
	assert_int_equal(twice, len);
	access_free(a);
	access_free(b);
}

/* The code of a data packet that somebody with the key wrapped, by Python's hmac module. */
static void
test_only_handshakes_inside(void **state)
{
	const uint8_t wrapped[] = { 0xc2, 0x31, 0x8f, 0x30, 0xa8, 0x1e, 0x64, 0x45, 0xa3, 0xf7, 0x16,
				    0x3a, 0xba, 0x24, 0x03, 0x96, 0xe1, 0xc1, 1,    2,    3 };
	struct access *a = keyed(KEY_TEXT);

	(void)state;
	assert_false(takes(a, ACCESS_TO_SERVER, wrapped, sizeof(wrapped)));
	access_free(a);
}

static void
test_without_a_key(void **state)
{
	struct access *a = keyed(KEY_TEXT);
	uint8_t buf[ACCESS_MAX], none[ACCESS_MAX];
	size_t len = sizeof(record);

	(void)state;
	assert_ptr_equal(access_wrap(NULL, ACCESS_TO_SERVER, record, &len, none), record);
	assert_int_equal(len, sizeof(record));
	assert_true(takes(NULL, ACCESS_TO_SERVER, record, len));
	(void)access_wrap(a, ACCESS_TO_SERVER, record, &len, buf);
	assert_false(takes(NULL, ACCESS_TO_SERVER, buf, len));
	access_free(a);
}

/* Data packets are left alone. */
static void
test_data(void **state)
{
	static const uint8_t data[40] = { TMSG_DATA };
	struct access *a = keyed(KEY_TEXT);
	uint8_t buf[ACCESS_MAX];
	size_t len = sizeof(data);

	(void)state;
	assert_ptr_equal(access_wrap(a, ACCESS_TO_CLIENT, data, &len, buf), data);
	assert_int_equal(len, sizeof(data));
	access_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_opener),
		cmocka_unit_test(test_code),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_not_taken),
		cmocka_unit_test(test_only_handshakes_inside),
		cmocka_unit_test(test_without_a_key),
		cmocka_unit_test(test_data),
	};
	return cmocka_run_group_tests_name("access", tests, NULL, NULL);
}
