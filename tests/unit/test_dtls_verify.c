/* crypto/verify: dates, chains, purposes and clients that speak otherwise; the administrators of both sides are told
 * why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/dtlsnet.h"
#include "lib/meeting.h"
#include "lib/testcert.h"

#include "../../src/crypto/private.h"

/* --- dates --- */

static void
test_expired_client(void **state)
{
	struct meeting *m = *state;
	char why[128];

	m->client_shows = testcert_new(&(struct testcert_opts){
		.cn = "bob", .eku = "clientAuth", .issuer = m->ca, .from_days = -9, .to_days = -2 });
	snprintf(why, sizeof(why), "certificate of 'bob' has expired on %s", meeting_date(-2));
	meeting_run(m);
	meeting_server_refuses(m, why, "peer sent alert: certificate expired");
}

static void
test_expired_server(void **state)
{
	struct meeting *m = *state;
	char why[128];

	m->server_shows = testcert_new(&(struct testcert_opts){
		.cn = "server", .eku = "serverAuth", .issuer = m->ca, .from_days = -9, .to_days = -2 });
	snprintf(why, sizeof(why), "certificate of 'server' has expired on %s", meeting_date(-2));
	meeting_run(m);
	meeting_client_refuses(m, why, "peer sent alert: certificate expired");
}

static void
test_not_yet_valid(void **state)
{
	struct meeting *m = *state;
	char why[128];

	m->client_shows = testcert_new(&(struct testcert_opts){
		.cn = "bob", .eku = "clientAuth", .issuer = m->ca, .from_days = 3, .to_days = 9 });
	snprintf(why, sizeof(why), "certificate of 'bob' is not valid before %s", meeting_date(3));
	meeting_run(m);
	meeting_server_refuses(m, why, MEETING_BAD_CERTIFICATE);
}

/* --- chain --- */

static void
test_client_of_another_ca(void **state)
{
	struct meeting *m = *state;
	struct testcert *other = testcert_ca("Test CA"); /* the same name, another key */

	m->client_shows = testcert_leaf(other, "alice", "clientAuth");
	meeting_run(m);
	meeting_server_refuses(m, "peer's certificate is not signed by our CA", "peer sent alert: decrypt error");
	testcert_free(other);
}

static void
test_server_of_another_ca(void **state)
{
	struct meeting *m = *state;
	struct testcert *other = testcert_ca("Another CA");

	m->server_shows = testcert_leaf(other, "server", "serverAuth");
	meeting_run(m);
	meeting_client_refuses(m, "peer's certificate is not signed by our CA", "peer sent alert: unknown CA");
	testcert_free(other);
}

static void
test_self_signed(void **state)
{
	struct meeting *m = *state;

	m->client_shows = testcert_new(&(struct testcert_opts){ .cn = "alice", .eku = "clientAuth" });
	meeting_run(m);
	meeting_server_refuses(m, "peer's certificate is not signed by our CA", "peer sent alert: unknown CA");
}

/* A leaf is not a CA: what a client issued with its own key is worth nothing. */
static void
test_leaf_as_issuer(void **state)
{
	struct meeting *m = *state;

	m->client = testcert_leaf(m->ca, "alice", "clientAuth");
	m->client_shows = testcert_leaf(m->client, "admin", "clientAuth");
	meeting_run(m);
	meeting_server_refuses(m, "peer's certificate is not signed by our CA", "peer sent alert: unknown CA");
}

static void
add_own_certificate_to_chain(struct dtlsnet *net)
{
	X509 *own = net->client_ctx->identity->cert;

	assert_int_equal(SSL_add1_chain_cert(meeting_ssl(net->client), own), 1);
}

static void
test_leaf_as_issuer_with_chain(void **state)
{
	struct meeting *m = *state;

	m->client = testcert_leaf(m->ca, "alice", "clientAuth");
	m->client_shows = testcert_leaf(m->client, "admin", "clientAuth");
	m->tamper = add_own_certificate_to_chain;
	meeting_run(m);
	meeting_server_refuses(m, "certificate of 'admin': invalid CA certificate", "peer sent alert: unknown CA");
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
	meeting_run(m);
	meeting_welcomes(m, "alice", "server");
	testcert_free(sub);
}

static void
test_ca_as_client(void **state)
{
	struct meeting *m = *state;

	m->client_shows =
		testcert_new(&(struct testcert_opts){ .cn = "evil", .ca = true, .eku = "clientAuth", .issuer = m->ca });
	meeting_run(m);
	meeting_server_refuses(m, "certificate of 'evil' is a CA's, which no peer may use",
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
	meeting_run(m);
	meeting_server_refuses(m, "certificate of 'root' is a CA's, which no peer may use",
			       "peer sent alert: unknown CA");
}

/* --- purpose --- */

static void
test_server_certificate_as_client(void **state)
{
	struct meeting *m = *state;

	m->client = testcert_leaf(m->ca, "server2", "serverAuth");
	meeting_run(m);
	meeting_server_refuses(m, "certificate of 'server2' is not for a client (extended key usage)",
			       "peer sent alert: unsupported certificate");
}

/* The classic attack: any client of the CA plays the server. */
static void
test_client_certificate_as_server(void **state)
{
	struct meeting *m = *state;

	m->server = testcert_leaf(m->ca, "alice", "clientAuth");
	meeting_run(m);
	meeting_client_refuses(m, "certificate of 'alice' is not for a server (extended key usage)",
			       "peer sent alert: unsupported certificate");
}

static void
test_no_eku_client(void **state)
{
	struct meeting *m = *state;

	m->client = testcert_leaf(m->ca, "alice", NULL);
	meeting_run(m);
	meeting_server_refuses(m, "certificate of 'alice' is not for a client (extended key usage)",
			       "peer sent alert: unsupported certificate");
}

static void
test_no_eku_server(void **state)
{
	struct meeting *m = *state;

	m->server = testcert_leaf(m->ca, "server", NULL);
	meeting_run(m);
	meeting_client_refuses(m, "certificate of 'server' is not for a server (extended key usage)",
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
	meeting_run(m);
	meeting_welcomes(m, "alice", "server");
}

/* Not requiring it does not mean that a wrong one is right. */
static void
test_wrong_eku_when_not_required(void **state)
{
	struct meeting *m = *state;

	m->client_params.require_eku = false;
	m->server = testcert_leaf(m->ca, "alice", "clientAuth");
	meeting_run(m);
	meeting_client_refuses(m, "certificate of 'alice' is not for a server (extended key usage)",
			       "peer sent alert: unsupported certificate");
}

static void
test_wrong_key_usage(void **state)
{
	struct meeting *m = *state;

	m->client = testcert_new(&(struct testcert_opts){
		.cn = "alice", .eku = "clientAuth", .ku = "keyEncipherment", .issuer = m->ca });
	meeting_run(m);
	meeting_server_refuses(m, "certificate of 'alice' is not for a client (key usage)",
			       "peer sent alert: unsupported certificate");
}

/* --- clients that speak otherwise --- */

static void
send_no_certificate(struct dtlsnet *net)
{
	SSL_certs_clear(meeting_ssl(net->client));
}

static void
test_client_without_certificate(void **state)
{
	struct meeting *m = *state;

	m->tamper = send_no_certificate;
	meeting_run(m);
	meeting_server_refuses(m, "peer sent no certificate", MEETING_HANDSHAKE_FAILURE);
}

static void
speak_dtls_1_0(struct dtlsnet *net)
{
	SSL *ssl = meeting_ssl(net->client);

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
	meeting_run(m);
	meeting_server_refuses(m, "peer does not speak DTLS 1.2", "peer sent alert: protocol version");
}

static void
offer_cbc_only(struct dtlsnet *net)
{
	assert_int_equal(SSL_set_cipher_list(meeting_ssl(net->client), "ECDHE-ECDSA-AES128-SHA256:AES128-GCM-SHA256"),
			 1);
}

static void
test_no_shared_cipher(void **state)
{
	struct meeting *m = *state;

	m->tamper = offer_cbc_only;
	meeting_run(m);
	meeting_server_refuses(m, "no shared cipher", MEETING_HANDSHAKE_FAILURE);
}

static void
offer_other_group(struct dtlsnet *net)
{
	static char group[] = "P-521";

	assert_int_equal(SSL_set1_groups_list(meeting_ssl(net->client), group), 1);
}

static void
test_no_shared_group(void **state)
{
	struct meeting *m = *state;

	m->tamper = offer_other_group;
	meeting_run(m);
	meeting_server_refuses(m, "no shared cipher", MEETING_HANDSHAKE_FAILURE);
}

static void
no_extended_master_secret(struct dtlsnet *net)
{
	SSL_set_options(meeting_ssl(net->client), SSL_OP_NO_EXTENDED_MASTER_SECRET);
}

static void
test_no_extended_master_secret(void **state)
{
	struct meeting *m = *state;
	struct sec *s;

	m->tamper = no_extended_master_secret;
	meeting_run(m);
	s = m->net->server;
	assert_int_equal(m->net->server_status, SEC_FAILED);
	assert_string_equal(s->ops->error(s), "peer does not support the extended master secret (RFC 7627)");
	assert_false(s->ops->write(s, (const uint8_t *)"x", 1));
	assert_int_equal(m->net->client_status, SEC_FAILED);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, meeting_setup, meeting_teardown)

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
		CASE(test_client_without_certificate),
		CASE(test_dtls_1_0),
		CASE(test_no_shared_cipher),
		CASE(test_no_shared_group),
		CASE(test_no_extended_master_secret),
	};
	return cmocka_run_group_tests_name("dtls_verify", tests, NULL, NULL);
}
