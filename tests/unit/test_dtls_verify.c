/* crypto/verify: who is let in, who is refused, and that the administrator is told why, on both sides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <openssl/ssl.h>

#include "lib/dtlsnet.h"
#include "lib/testcert.h"

#include "../../src/crypto/private.h"

/* One meeting of a client and a server; the leaves default to proper ones of 'ca'. */
struct meeting {
	struct testcert *ca;
	struct testcert *client, *server;
	struct testcert *client_shows, *server_shows; /* instead, past all checks of identity_load() */
	struct identity_params client_params, server_params;
	bool client_without_ca, server_without_ca;
	void (*tamper)(struct dtlsnet *net); /* before it starts */
	struct dtlsnet *net;
};

static int
setup(void **state)
{
	struct meeting *m = calloc(1, sizeof(*m));

	m->ca = testcert_ca("Test CA");
	m->client_params = (struct identity_params){ .role = IDENTITY_CLIENT, .require_eku = true };
	m->server_params = (struct identity_params){ .role = IDENTITY_SERVER, .require_eku = true };
	*state = m;
	return 0;
}

static int
teardown(void **state)
{
	struct meeting *m = *state;

	dtlsnet_free(m->net);
	testcert_free(m->ca);
	testcert_free(m->client);
	testcert_free(m->server);
	testcert_free(m->client_shows);
	testcert_free(m->server_shows);
	free(m);
	return 0;
}

static SSL *
ssl_of(struct sec *s)
{
	return ((struct dtls *)(void *)s)->ssl;
}

static void
show_other_certificates(struct meeting *m)
{
	SSL_CTX *server = m->net->server_ctx->ssl_ctx;

	if (m->client_shows) {
		assert_int_equal(SSL_use_certificate(ssl_of(m->net->client), m->client_shows->x509), 1);
		assert_int_equal(SSL_use_PrivateKey(ssl_of(m->net->client), m->client_shows->key), 1);
	}
	if (m->server_shows) {
		assert_int_equal(SSL_CTX_use_certificate(server, m->server_shows->x509), 1);
		assert_int_equal(SSL_CTX_use_PrivateKey(server, m->server_shows->key), 1);
		dtls_listener_set_ctx(m->net->listener, m->net->server_ctx);
	}
}

static void
meet(struct meeting *m)
{
	if (!m->client)
		m->client = testcert_leaf(m->ca, "alice", "clientAuth");
	if (!m->server)
		m->server = testcert_leaf(m->ca, "server", "serverAuth");
	m->net = dtlsnet_new(dtlsnet_identity(&m->client_params, m->client, m->client_without_ca ? NULL : m->ca),
			     dtlsnet_identity(&m->server_params, m->server, m->server_without_ca ? NULL : m->ca));
	show_other_certificates(m);
	if (m->tamper)
		m->tamper(m->net);
	dtlsnet_run(m->net);
}

static void
assert_welcome(struct meeting *m, const char *client_name, const char *server_name)
{
	struct dtlsnet *net = m->net;

	assert_string_equal(net->client->ops->error(net->client), "");
	assert_non_null(net->server);
	assert_string_equal(net->server->ops->error(net->server), "");
	assert_int_equal(net->client_status, SEC_READY);
	assert_int_equal(net->server_status, SEC_READY);
	assert_string_equal(net->server->ops->peer(net->server)->name, client_name);
	assert_string_equal(net->client->ops->peer(net->client)->name, server_name);
}

/* The server refuses, and the client is told by an alert, which it believes after the grace. */
static void
assert_server_refuses(struct meeting *m, const char *why, const char *alert)
{
	struct dtlsnet *net = m->net;

	assert_non_null(net->server);
	assert_string_equal(net->server->ops->error(net->server), why);
	assert_int_equal(net->server_status, SEC_FAILED);
	assert_int_equal(net->client->ops->tick(net->client, net->now), SEC_PENDING);
	net->now = mono_add(net->now, DTLS_ALERT_GRACE);
	assert_int_equal(net->client->ops->tick(net->client, net->now), SEC_FAILED);
	assert_string_equal(net->client->ops->error(net->client), alert);
}

static void
assert_client_refuses(struct meeting *m, const char *why, const char *alert)
{
	struct dtlsnet *net = m->net;

	assert_string_equal(net->client->ops->error(net->client), why);
	assert_int_equal(net->client_status, SEC_FAILED);
	assert_non_null(net->server);
	net->server_status = net->server->ops->tick(net->server, net->now);
	net->now = mono_add(net->now, DTLS_ALERT_GRACE);
	assert_int_equal(net->server->ops->tick(net->server, net->now), SEC_FAILED);
	assert_string_equal(net->server->ops->error(net->server), alert);
}

static const char *
date_in(int days)
{
	static char text[16];
	time_t t = time(NULL) + (time_t)days * 86400;
	struct tm tm;

	strftime(text, sizeof(text), "%Y-%m-%d", gmtime_r(&t, &tm));
	return text;
}

/* --- dates --- */

static void
test_expired_client(void **state)
{
	struct meeting *m = *state;
	char why[128];

	m->client_shows = testcert_new(&(struct testcert_opts){
		.cn = "bob", .eku = "clientAuth", .issuer = m->ca, .from_days = -9, .to_days = -2 });
	snprintf(why, sizeof(why), "certificate of 'bob' has expired on %s", date_in(-2));
	meet(m);
	assert_server_refuses(m, why, "peer sent alert: certificate expired");
}

static void
test_expired_server(void **state)
{
	struct meeting *m = *state;
	char why[128];

	m->server_shows = testcert_new(&(struct testcert_opts){
		.cn = "server", .eku = "serverAuth", .issuer = m->ca, .from_days = -9, .to_days = -2 });
	snprintf(why, sizeof(why), "certificate of 'server' has expired on %s", date_in(-2));
	meet(m);
	assert_client_refuses(m, why, "peer sent alert: certificate expired");
}

static void
test_not_yet_valid(void **state)
{
	struct meeting *m = *state;
	char why[128];

	m->client_shows = testcert_new(&(struct testcert_opts){
		.cn = "bob", .eku = "clientAuth", .issuer = m->ca, .from_days = 3, .to_days = 9 });
	snprintf(why, sizeof(why), "certificate of 'bob' is not valid before %s", date_in(3));
	meet(m);
	assert_server_refuses(m, why, "peer sent alert: bad certificate");
}

/* --- chain --- */

static void
test_client_of_another_ca(void **state)
{
	struct meeting *m = *state;
	struct testcert *other = testcert_ca("Test CA"); /* the same name, another key */

	m->client_shows = testcert_leaf(other, "alice", "clientAuth");
	meet(m);
	assert_server_refuses(m, "peer's certificate is not signed by our CA", "peer sent alert: decrypt error");
	testcert_free(other);
}

static void
test_server_of_another_ca(void **state)
{
	struct meeting *m = *state;
	struct testcert *other = testcert_ca("Another CA");

	m->server_shows = testcert_leaf(other, "server", "serverAuth");
	meet(m);
	assert_client_refuses(m, "peer's certificate is not signed by our CA", "peer sent alert: unknown CA");
	testcert_free(other);
}

static void
test_self_signed(void **state)
{
	struct meeting *m = *state;

	m->client_shows = testcert_new(&(struct testcert_opts){ .cn = "alice", .eku = "clientAuth" });
	meet(m);
	assert_server_refuses(m, "peer's certificate is not signed by our CA", "peer sent alert: unknown CA");
}

/* A leaf is not a CA: what a client issued with its own key is worth nothing. */
static void
test_leaf_as_issuer(void **state)
{
	struct meeting *m = *state;

	m->client = testcert_leaf(m->ca, "alice", "clientAuth");
	m->client_shows = testcert_leaf(m->client, "admin", "clientAuth");
	m->tamper = NULL;
	meet(m);
	assert_server_refuses(m, "peer's certificate is not signed by our CA", "peer sent alert: unknown CA");
}

static void
add_own_certificate_to_chain(struct dtlsnet *net)
{
	X509 *own = net->client_ctx->identity->cert;

	assert_int_equal(SSL_add1_chain_cert(ssl_of(net->client), own), 1);
}

static void
test_leaf_as_issuer_with_chain(void **state)
{
	struct meeting *m = *state;

	m->client = testcert_leaf(m->ca, "alice", "clientAuth");
	m->client_shows = testcert_leaf(m->client, "admin", "clientAuth");
	m->tamper = add_own_certificate_to_chain;
	meet(m);
	assert_server_refuses(m, "certificate of 'admin': invalid CA certificate", "peer sent alert: unknown CA");
}

static void
test_intermediate_ca(void **state)
{
	struct meeting *m = *state;
	struct testcert *sub = testcert_new(
		&(struct testcert_opts){ .cn = "Sub CA", .ca = true, .ku = "keyCertSign", .issuer = m->ca });
	size_t len;

	m->client = testcert_leaf(sub, "alice", "clientAuth");
	len = strlen(m->client->cert_pem) + strlen(sub->cert_pem) + 1;
	char *both = malloc(len);
	snprintf(both, len, "%s%s", m->client->cert_pem, sub->cert_pem);
	free(m->client->cert_pem);
	m->client->cert_pem = both;
	meet(m);
	assert_welcome(m, "alice", "server");
	testcert_free(sub);
}

static void
test_ca_as_client(void **state)
{
	struct meeting *m = *state;

	m->client_shows =
		testcert_new(&(struct testcert_opts){ .cn = "evil", .ca = true, .eku = "clientAuth", .issuer = m->ca });
	meet(m);
	assert_server_refuses(m, "certificate of 'evil' is a CA's, which no peer may use",
			      "peer sent alert: unknown CA");
}

/* The CA itself is in our store, but that does not make it a peer. */
static void
test_our_ca_as_client(void **state)
{
	struct meeting *m = *state;

	testcert_free(m->ca);
	m->ca = testcert_new(&(struct testcert_opts){
		.cn = "root", .ca = true, .ku = "keyCertSign,digitalSignature", .eku = "clientAuth,serverAuth" });
	m->client = testcert_new(&(struct testcert_opts){ .cn = "alice", .eku = "clientAuth", .issuer = m->ca });
	m->client_shows = testcert_new(&(struct testcert_opts){ .cn = "x" }); /* replaced below */
	X509_free(m->client_shows->x509);
	EVP_PKEY_free(m->client_shows->key);
	m->client_shows->x509 = X509_dup(m->ca->x509);
	m->client_shows->key = EVP_PKEY_dup(m->ca->key);
	meet(m);
	assert_server_refuses(m, "certificate of 'root' is a CA's, which no peer may use",
			      "peer sent alert: unknown CA");
}

/* --- purpose --- */

static void
test_server_certificate_as_client(void **state)
{
	struct meeting *m = *state;

	m->client = testcert_leaf(m->ca, "server2", "serverAuth");
	meet(m);
	assert_server_refuses(m, "certificate of 'server2' is not for a client (extended key usage)",
			      "peer sent alert: unsupported certificate");
}

/* The classic attack: any client of the CA plays the server. */
static void
test_client_certificate_as_server(void **state)
{
	struct meeting *m = *state;

	m->server = testcert_leaf(m->ca, "alice", "clientAuth");
	meet(m);
	assert_client_refuses(m, "certificate of 'alice' is not for a server (extended key usage)",
			      "peer sent alert: unsupported certificate");
}

static void
test_no_eku_client(void **state)
{
	struct meeting *m = *state;

	m->client = testcert_leaf(m->ca, "alice", NULL);
	meet(m);
	assert_server_refuses(m, "certificate of 'alice' is not for a client (extended key usage)",
			      "peer sent alert: unsupported certificate");
}

static void
test_no_eku_server(void **state)
{
	struct meeting *m = *state;

	m->server = testcert_leaf(m->ca, "server", NULL);
	meet(m);
	assert_client_refuses(m, "certificate of 'server' is not for a server (extended key usage)",
			      "peer sent alert: unsupported certificate");
}

static void
test_no_eku_is_fine_when_not_required(void **state)
{
	struct meeting *m = *state;

	m->client_params.require_eku = false;
	m->server_params.require_eku = false;
	m->client = testcert_leaf(m->ca, "alice", NULL);
	m->server = testcert_leaf(m->ca, "server", NULL);
	meet(m);
	assert_welcome(m, "alice", "server");
}

/* Not requiring it does not mean that a wrong one is right. */
static void
test_wrong_eku_when_not_required(void **state)
{
	struct meeting *m = *state;

	m->client_params.require_eku = false;
	m->server = testcert_leaf(m->ca, "alice", "clientAuth");
	meet(m);
	assert_client_refuses(m, "certificate of 'alice' is not for a server (extended key usage)",
			      "peer sent alert: unsupported certificate");
}

static void
test_wrong_key_usage(void **state)
{
	struct meeting *m = *state;

	m->client = testcert_new(&(struct testcert_opts){
		.cn = "alice", .eku = "clientAuth", .ku = "keyEncipherment", .issuer = m->ca });
	meet(m);
	assert_server_refuses(m, "certificate of 'alice' is not for a client (key usage)",
			      "peer sent alert: unsupported certificate");
}

/* --- names --- */

static struct testcert *
server_for(const struct testcert *ca, const char *cn, const char *san)
{
	return testcert_new(&(struct testcert_opts){ .cn = cn, .san = san, .eku = "serverAuth", .issuer = ca });
}

static void
test_server_name(void **state)
{
	struct meeting *m = *state;

	m->client_params.server_name = "vpn.example.org";
	m->server = server_for(m->ca, "front", "DNS:www.example.org,DNS:vpn.example.org");
	meet(m);
	assert_welcome(m, "alice", "front");
}

static void
test_server_name_in_cn(void **state)
{
	struct meeting *m = *state;

	m->client_params.server_name = "vpn.example.org";
	m->server = server_for(m->ca, "vpn.example.org", NULL);
	meet(m);
	assert_welcome(m, "alice", "vpn.example.org");
}

static void
test_server_address(void **state)
{
	struct meeting *m = *state;

	m->client_params.server_name = "2001:db8::7";
	m->server = server_for(m->ca, "server", "IP:192.0.2.7,IP:2001:db8:0:0:0:0:0:7");
	meet(m);
	assert_welcome(m, "alice", "server");
}

static void
test_wrong_server_name(void **state)
{
	struct meeting *m = *state;

	m->client_params.server_name = "vpn.example.org";
	m->server = server_for(m->ca, "x", NULL);
	meet(m);
	assert_client_refuses(m, "the server's certificate is for 'x', not for 'vpn.example.org'",
			      "peer sent alert: bad certificate");
}

/* A CN does not count beside DNS names (RFC 6125 6.4.4). */
static void
test_wrong_server_name_in_san(void **state)
{
	struct meeting *m = *state;

	m->client_params.server_name = "vpn.example.org";
	m->server = server_for(m->ca, "vpn.example.org", "DNS:other.example.org");
	meet(m);
	assert_client_refuses(m, "the server's certificate is for 'other.example.org', not for 'vpn.example.org'",
			      "peer sent alert: bad certificate");
}

static void
test_wrong_server_address(void **state)
{
	struct meeting *m = *state;

	m->client_params.server_name = "192.0.2.8";
	m->server = server_for(m->ca, "192.0.2.8", "IP:192.0.2.7");
	meet(m);
	assert_client_refuses(m, "the server's certificate is for '192.0.2.7', not for '192.0.2.8'",
			      "peer sent alert: bad certificate");
}

/* Two common names decide nothing: the DNS name does. */
static void
test_name_of_two_cns(void **state)
{
	struct meeting *m = *state;

	m->client = testcert_new(&(struct testcert_opts){
		.cn = "alice", .cn2 = "admin", .san = "DNS:alice.example.org", .eku = "clientAuth", .issuer = m->ca });
	meet(m);
	assert_welcome(m, "alice.example.org", "server");
}

static void
test_name_of_no_cn(void **state)
{
	struct meeting *m = *state;

	m->client = testcert_new(
		&(struct testcert_opts){ .san = "DNS:bob,DNS:alice", .eku = "clientAuth", .issuer = m->ca });
	meet(m);
	assert_welcome(m, "bob", "server");
}

static void
refused_name(struct meeting *m, const char *cn, const char *shown)
{
	char why[SEC_ERROR_MAX];

	m->client = testcert_new(
		&(struct testcert_opts){ .cn = cn, .san = "DNS:fine", .eku = "clientAuth", .issuer = m->ca });
	meet(m);
	snprintf(why, sizeof(why),
		 "certificate's name '%s' cannot be a peer's (allowed: 1 to 63 of A-Z a-z 0-9 . _ @ -)", shown);
	assert_server_refuses(m, why, "peer sent alert: handshake failure");
}

static void
test_name_with_slash(void **state)
{
	refused_name(*state, "../alice", "../alice");
}

/* What is shown cannot forge a second log line. */
static void
test_name_with_newline(void **state)
{
	refused_name(*state, "a\ncastswitchd: 'b'", "a?castswitchd: ?b?");
}

#define N63 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789."

static void
test_name_of_63(void **state)
{
	struct meeting *m = *state;

	assert_int_equal(strlen(N63), 63);
	m->client = testcert_leaf(m->ca, N63, "clientAuth");
	meet(m);
	assert_welcome(m, N63, "server");
}

static void
test_name_of_64(void **state)
{
	refused_name(*state, N63 "x", N63 "x");
}

/* A server's odd name is only for show. */
static void
test_odd_server_name(void **state)
{
	struct meeting *m = *state;

	m->server = testcert_leaf(m->ca, "My VPN", "serverAuth");
	meet(m);
	assert_welcome(m, "alice", "server");
}

/* --- pins --- */

static struct identity_pin
pin_of(const char *title, const struct testcert *tc)
{
	struct identity_pin pin = { .title = title };

	memcpy(pin.sha256, tc->sha256, sizeof(pin.sha256));
	return pin;
}

/* No CA anywhere: two self-signed certificates without any extension, as WireGuard's users are used to. */
static void
test_pins_only(void **state)
{
	struct meeting *m = *state;

	m->client = testcert_new(&(struct testcert_opts){ .cn = "whatever" });
	m->server = testcert_new(&(struct testcert_opts){ .cn = "My server", .ca = true }); /* as "openssl req -x509" */
	const struct identity_pin clients[] = { pin_of("someone", m->server), pin_of("carol", m->client) };
	const struct identity_pin server = pin_of("head-office", m->server);
	m->client_params.pins = &server;
	m->client_params.n_pins = 1;
	m->client_params.server_name = "vpn.example.org"; /* the pin says more */
	m->server_params.pins = clients;
	m->server_params.n_pins = 2;
	m->client_without_ca = m->server_without_ca = true;
	meet(m);
	assert_welcome(m, "carol", "head-office");
	assert_memory_equal(m->net->server->ops->peer(m->net->server)->sha256, m->client->sha256, 32);
}

static void
test_unpinned(void **state)
{
	struct meeting *m = *state;
	char why[SEC_ERROR_MAX];
	int n;

	m->client = testcert_leaf(m->ca, "alice", "clientAuth");
	m->server = testcert_leaf(m->ca, "server", "serverAuth");
	const struct identity_pin other = pin_of("alice", m->server);
	m->server_params.pins = &other;
	m->server_params.n_pins = 1;
	m->server_without_ca = true;
	meet(m);
	n = snprintf(why, sizeof(why), "peer's certificate is not one of the pinned ones (fingerprint ");
	for (int i = 0; i < 32; i++)
		n += snprintf(why + n, sizeof(why) - (size_t)n, "%02x", m->client->sha256[i]);
	snprintf(why + n, sizeof(why) - (size_t)n, ")");
	assert_server_refuses(m, why, "peer sent alert: bad certificate");
}

/* Beside a CA: the pinned one gets in by its pin, others by the CA. */
static void
test_pin_beside_ca(void **state)
{
	struct meeting *m = *state;

	m->client = testcert_new(&(struct testcert_opts){ .cn = "alice" });
	const struct identity_pin pin = pin_of("guest", m->client);
	m->server_params.pins = &pin;
	m->server_params.n_pins = 1;
	meet(m);
	assert_welcome(m, "guest", "server");
}

static void
test_ca_beside_pin(void **state)
{
	struct meeting *m = *state;

	m->server = testcert_leaf(m->ca, "server", "serverAuth");
	const struct identity_pin pin = pin_of("guest", m->server);
	m->server_params.pins = &pin;
	m->server_params.n_pins = 1;
	meet(m);
	assert_welcome(m, "alice", "server");
}

static void
test_expired_pin(void **state)
{
	struct meeting *m = *state;
	char why[128];

	m->client_shows = testcert_new(&(struct testcert_opts){ .cn = "bob", .from_days = -9, .to_days = -1 });
	const struct identity_pin pin = pin_of("bob", m->client_shows);
	m->server_params.pins = &pin;
	m->server_params.n_pins = 1;
	meet(m);
	snprintf(why, sizeof(why), "certificate of 'bob' has expired on %s", date_in(-1));
	assert_server_refuses(m, why, "peer sent alert: certificate expired");
}

/* --- clients that speak otherwise --- */

static void
send_no_certificate(struct dtlsnet *net)
{
	SSL_certs_clear(ssl_of(net->client));
}

static void
test_client_without_certificate(void **state)
{
	struct meeting *m = *state;

	m->tamper = send_no_certificate;
	meet(m);
	assert_server_refuses(m, "peer sent no certificate", "peer sent alert: handshake failure");
}

static void
speak_dtls_1_0(struct dtlsnet *net)
{
	SSL *ssl = ssl_of(net->client);

	SSL_set_security_level(ssl, 0);
	assert_int_equal(SSL_set_cipher_list(ssl, "ALL"), 1);
	assert_int_equal(SSL_set_min_proto_version(ssl, DTLS1_VERSION), 1);
	assert_int_equal(SSL_set_max_proto_version(ssl, DTLS1_VERSION), 1);
}

static void
test_dtls_1_0(void **state)
{
	struct meeting *m = *state;

	m->tamper = speak_dtls_1_0;
	meet(m);
	assert_server_refuses(m, "peer does not speak DTLS 1.2", "peer sent alert: protocol version");
}

static void
offer_cbc_only(struct dtlsnet *net)
{
	assert_int_equal(SSL_set_cipher_list(ssl_of(net->client), "ECDHE-ECDSA-AES128-SHA256:AES128-GCM-SHA256"), 1);
}

static void
test_no_shared_cipher(void **state)
{
	struct meeting *m = *state;

	m->tamper = offer_cbc_only;
	meet(m);
	assert_server_refuses(m, "no shared cipher", "peer sent alert: handshake failure");
}

static void
offer_other_group(struct dtlsnet *net)
{
	static char group[] = "P-521";

	assert_int_equal(SSL_set1_groups_list(ssl_of(net->client), group), 1);
}

static void
test_no_shared_group(void **state)
{
	struct meeting *m = *state;

	m->tamper = offer_other_group;
	meet(m);
	assert_server_refuses(m, "no shared cipher", "peer sent alert: handshake failure");
}

static void
no_extended_master_secret(struct dtlsnet *net)
{
	SSL_set_options(ssl_of(net->client), SSL_OP_NO_EXTENDED_MASTER_SECRET);
}

static void
test_no_extended_master_secret(void **state)
{
	struct meeting *m = *state;
	struct sec *s;

	m->tamper = no_extended_master_secret;
	meet(m);
	s = m->net->server;
	assert_int_equal(m->net->server_status, SEC_FAILED);
	assert_string_equal(s->ops->error(s), "peer does not support the extended master secret (RFC 7627)");
	assert_false(s->ops->write(s, (const uint8_t *)"x", 1));
	assert_int_equal(m->net->client_status, SEC_FAILED);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_expired_client),
		CASE(test_expired_server),
		CASE(test_not_yet_valid),
		CASE(test_client_of_another_ca),
		CASE(test_server_of_another_ca),
		CASE(test_self_signed),
		CASE(test_leaf_as_issuer),
		CASE(test_leaf_as_issuer_with_chain),
		CASE(test_intermediate_ca),
		CASE(test_ca_as_client),
		CASE(test_our_ca_as_client),
		CASE(test_server_certificate_as_client),
		CASE(test_client_certificate_as_server),
		CASE(test_no_eku_client),
		CASE(test_no_eku_server),
		CASE(test_no_eku_is_fine_when_not_required),
		CASE(test_wrong_eku_when_not_required),
		CASE(test_wrong_key_usage),
		CASE(test_server_name),
		CASE(test_server_name_in_cn),
		CASE(test_server_address),
		CASE(test_wrong_server_name),
		CASE(test_wrong_server_name_in_san),
		CASE(test_wrong_server_address),
		CASE(test_name_of_two_cns),
		CASE(test_name_of_no_cn),
		CASE(test_name_with_slash),
		CASE(test_name_with_newline),
		CASE(test_name_of_63),
		CASE(test_name_of_64),
		CASE(test_odd_server_name),
		CASE(test_pins_only),
		CASE(test_unpinned),
		CASE(test_pin_beside_ca),
		CASE(test_ca_beside_pin),
		CASE(test_expired_pin),
		CASE(test_client_without_certificate),
		CASE(test_dtls_1_0),
		CASE(test_no_shared_cipher),
		CASE(test_no_shared_group),
		CASE(test_no_extended_master_secret),
	};
	return cmocka_run_group_tests_name("dtls_verify", tests, NULL, NULL);
}
