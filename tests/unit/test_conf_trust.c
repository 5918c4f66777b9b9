/* The configuration: who is believed, who gets which address, who the programs run as. */
#include "unit/conf_text.h"

#include <stdio.h>

#include "conf_fingerprint.h"

#define ID "identity { certificate = a key = b ca = c }\n"
/* The least that a server switches. */
#define NIC "nic eth0 { }\n"
#define PINNED "identity { certificate = a key = b }\n"
#define AB_4 "ABABABAB"
#define AB_32 AB_4 AB_4 AB_4 AB_4 AB_4 AB_4 AB_4 AB_4
#define CD_4 "cd:CD:cD:Cd"
#define CD_16 CD_4 ":" CD_4 ":" CD_4 ":" CD_4
#define CD_32 CD_16 ":" CD_16

/* Whether every byte of a fingerprint is 'byte'. */
static bool
all(const uint8_t *fingerprint, uint8_t byte)
{
	for (size_t i = 0; i < CONF_FINGERPRINT_LEN; i++)
		if (fingerprint[i] != byte)
			return false;
	return true;
}

/* The digits of the byte at 'at' replaced by another text. */
static bool
parses_with(size_t at, const char *digits)
{
	char text[128];
	uint8_t ret[CONF_FINGERPRINT_LEN];

	snprintf(text, sizeof(text), "%.*s%s%s", (int)(2 * at), AB_32, digits, &AB_32[2 * at + 2]);
	return conf_fingerprint_parse(text, ret);
}

static void
test_fingerprint_digits(void **state)
{
	uint8_t ret[CONF_FINGERPRINT_LEN];
	struct sbuf b;

	(void)state;
	assert_true(conf_fingerprint_parse("000102030405060708090a0b0c0d0e0f:F0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF", ret));
	for (unsigned i = 0; i < 16; i++)
		assert_true(ret[i] == i && ret[16 + i] == 0xf0 + i);
	sbuf_init(&b);
	conf_fingerprint_print(ret, &b);
	assert_string_equal(sbuf_str(&b), "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:"
					  "F0:F1:F2:F3:F4:F5:F6:F7:F8:F9:FA:FB:FC:FD:FE:FF");
	sbuf_free(&b);
	for (size_t at = 0; at < CONF_FINGERPRINT_LEN; at += 31) {
		assert_true(parses_with(at, "aF") && parses_with(at, "09"));
		/* The neighbours of the digits in ASCII, in either place, and too few or many. */
		for (const char *c = "/:@G`g- "; *c; c++) {
			const char high[] = { *c, '0', '\0' }, low[] = { '0', *c, '\0' };

			assert_false(parses_with(at, high) || parses_with(at, low));
		}
		assert_false(parses_with(at, "") || parses_with(at, "0") || parses_with(at, "000") ||
			     parses_with(at, "0000"));
	}
	assert_false(parses_with(0, ":AB") || parses_with(31, "AB:"));
	assert_true(parses_with(31, ":AB"));
}

/* What cannot be parsed leaves the old value. */
static void
test_fingerprint_untouched(void **state)
{
	uint8_t ret[CONF_FINGERPRINT_LEN] = { 7 };

	(void)state;
	assert_false(conf_fingerprint_parse(AB_32 "0", ret));
	assert_false(conf_fingerprint_parse("", ret));
	assert_true(ret[0] == 7 && ret[31] == 0);
}

static void
test_client_fingerprints(void **state)
{
	struct conf_client *c =
		client("remote = {a}\ntap t { }\n"
		       "identity { certificate = a key = b fingerprints = {" AB_32 ", \"" CD_32 "\"} }");

	(void)state;
	assert_string_equal(c->identity.ca, "");
	assert_string_equal(c->identity.crl, "");
	assert_int_equal(c->identity.fingerprints.n, 2);
	assert_true(all(c->identity.fingerprints.v[0], 0xab));
	assert_true(all(c->identity.fingerprints.v[1], 0xcd));
	conf_client_free(c);
	c = client("remote = {a}\ntap t { }\n" ID);
	assert_string_equal(c->identity.ca, "c");
	assert_int_equal(c->identity.fingerprints.n, 0);
	conf_client_free(c);
}

static void
test_peer_fingerprints(void **state)
{
	struct conf_server *c = server("peer zoe { fingerprint = \"" CD_32 "\" }\npeer amy { disabled = true }\n"
				       "listen { }\npeer bob { fingerprint = " AB_32 " }\n" PINNED);
	const struct conf_peer *zoe = conf_peer_find(c, "zoe"), *bob = conf_peer_find(c, "bob");

	(void)state;
	assert_string_equal(c->identity.ca, "");
	assert_true(zoe->has_fingerprint && all(zoe->fingerprint, 0xcd));
	assert_true(bob->has_fingerprint && all(bob->fingerprint, 0xab));
	assert_false(conf_peer_find(c, "amy")->has_fingerprint || c->peers_default.has_fingerprint);
	assert_true(all(conf_peer_find(c, "amy")->fingerprint, 0));
	conf_server_free(c);
}

static void
test_fingerprints_round_trip(void **state)
{
	char *p = server_round_trip(NIC PINNED "peer amy { fingerprint = " AB_32 " }\npeer bob { }");

	(void)state;
	assert_has(p, "\tfingerprint = \"AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:"
		      "AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB\"\n\tdisabled = false\n}\npeer \"bob\"");
	assert_has(p, "\tca = \"\"\n");
	assert_null(strstr(strstr(p, "peer \"bob\""), "fingerprint"));
	free(p);
	p = client_round_trip("remote = {a} tap t { }\nidentity { certificate = a key = b fingerprints = {" AB_32
			      "," CD_32 "} }");
	assert_has(p, "\tfingerprints = {\"AB:");
	assert_has(p, ":AB\", \"CD:");
	free(p);
}

/* A CRL may be PEM text, and is printed. */
static void
test_inline_crl(void **state)
{
	char *p = server_round_trip(NIC "identity { certificate = a key = b ca = c crl-strict = true\n"
					"crl = \"-----BEGIN X509 CRL-----\nMIIB\n-----END X509 CRL-----\n\" }");

	(void)state;
	assert_has(p, "\tcrl = \"-----BEGIN X509 CRL-----\nMIIB\n-----END X509 CRL-----\n\"\n\tcrl-strict = true\n");
	free(p);
}

static void
test_pool(void **state)
{
	struct conf_server *c = server("peers { pool = {10.8.0.0/24, fd08::/64, 10.9.128.0/17} }\n"
				       "peer amy { address = {10.8.0.20} }\npeer bob { }\n"
				       "tap t { address = {10.9.0.1/16, 10.8.0.1/24, fd08::1/64} }");

	(void)state;
	assert_int_equal(c->pool.n, 3);
	assert_prefix(&c->pool.v[0], "10.8.0.0/24"); /* all of the tap's network */
	assert_prefix(&c->pool.v[1], "fd08::/64");
	assert_prefix(&c->pool.v[2], "10.9.128.0/17"); /* half of it */
	assert_int_equal(conf_peer_find(c, "amy")->address.n, 1);
	assert_int_equal(conf_peer_find(c, "bob")->address.n, 0);
	conf_server_free(c);
}

/* The smallest pools; without a tap, or without one of the family, any network will do. */
static void
test_pool_edges(void **state)
{
	(void)state;
	conf_server_free(server(NIC "peers { pool = {10.8.0.4/30, fd08::2/127, 10.8.0.8/30, 10.8.0.0/30} }"));
	conf_server_free(server("peers { pool = {10.8.0.0/24} }\ntap t { address = {fd08::1/64} }"));
	conf_server_free(server(NIC "peers { pool = {1.0.0.0/8, 0.128.0.0/9, 2000::/3} }"));
	char *p = server_round_trip(NIC "peers { pool = {10.8.0.0/24, fd08::/64} }");
	assert_has(p, "\tpool = {\"10.8.0.0/24\", \"fd08::/64\"}\n");
	free(p);
}

static void
test_user(void **state)
{
	char text[64], name[CONF_USER_MAX + 1];

	(void)state;
	memset(name, 'x', CONF_USER_MAX);
	name[CONF_USER_MAX] = '\0';
	snprintf(text, sizeof(text), NIC "switch { user = %s }", name);
	struct conf_server *s = server(text);
	assert_string_equal(s->sw.user, name);
	conf_server_free(s);
	struct conf_client *c = client("remote = {a}\ntap t { }\nswitch { user = nobody }\n" ID);
	assert_string_equal(c->sw.user, "nobody");
	conf_client_free(c);
	char *p = client_round_trip("remote = {a}\ntap t { }\nswitch { user = 'a \"b\\\\' }\n" ID);
	assert_has(p, "switch {\n\tmtu = 1400\n\tuser = \"a \\\"b\\\\\"\n}\n");
	free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fingerprint_digits),
		cmocka_unit_test(test_fingerprint_untouched),
		cmocka_unit_test(test_client_fingerprints),
		cmocka_unit_test(test_peer_fingerprints),
		cmocka_unit_test(test_fingerprints_round_trip),
		cmocka_unit_test(test_inline_crl),
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_pool_edges),
		cmocka_unit_test(test_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
