/* crypto/verify: the server's name, the peer's name, and pinned certificates. */
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
	meeting_run(m);
	meeting_welcomes(m, "alice", "front");
}

static void
test_server_name_in_cn(void **state)
{
	struct meeting *m = *state;

	m->client_params.server_name = "vpn.example.org";
	m->server = server_for(m->ca, "vpn.example.org", NULL);
	meeting_run(m);
	meeting_welcomes(m, "alice", "vpn.example.org");
}

static void
test_server_address(void **state)
{
	struct meeting *m = *state;

	m->client_params.server_name = "2001:db8::7";
	m->server = server_for(m->ca, "server", "IP:192.0.2.7,IP:2001:db8:0:0:0:0:0:7");
	meeting_run(m);
	meeting_welcomes(m, "alice", "server");
}

static void
test_wrong_server_name(void **state)
{
	struct meeting *m = *state;

	m->client_params.server_name = "vpn.example.org";
	m->server = server_for(m->ca, "x", NULL);
	meeting_run(m);
	meeting_client_refuses(m, "the server's certificate is for 'x', not for 'vpn.example.org'",
			       MEETING_BAD_CERTIFICATE);
}

/* A connection may want another name than its identity. */
static void
expect_office(struct dtlsnet *net)
{
	assert_true(dtls_client_expect(net->client, "office.example.org"));
}

static void
test_expected_server_name(void **state)
{
	struct meeting *m = *state;

	m->client_params.server_name = "vpn.example.org";
	m->server = server_for(m->ca, "front", "DNS:office.example.org");
	m->tamper = expect_office;
	meeting_run(m);
	meeting_welcomes(m, "alice", "front");
}

static void
test_expected_another(void **state)
{
	struct meeting *m = *state;

	m->client_params.server_name = "vpn.example.org";
	m->server = server_for(m->ca, "front", "DNS:vpn.example.org");
	m->tamper = expect_office;
	meeting_run(m);
	meeting_client_refuses(m, "the server's certificate is for 'vpn.example.org', not for 'office.example.org'",
			       MEETING_BAD_CERTIFICATE);
}

/* One too long changes nothing. */
static void
expect_too_much(struct dtlsnet *net)
{
	char name[257];

	memset(name, 'x', sizeof(name));
	name[256] = 0;
	assert_false(dtls_client_expect(net->client, name));
	assert_string_equal(((struct dtls *)(void *)net->client)->server_name, "vpn.example.org");
	name[255] = 0;
	assert_true(dtls_client_expect(net->client, name));
	expect_office(net);
}

static void
test_expected_too_long(void **state)
{
	struct meeting *m = *state;

	m->client_params.server_name = "vpn.example.org";
	m->server = server_for(m->ca, "front", "DNS:office.example.org");
	m->tamper = expect_too_much;
	meeting_run(m);
	meeting_welcomes(m, "alice", "front");
}

/* A CN does not count beside DNS names (RFC 6125 6.4.4). */
static void
test_wrong_server_name_in_san(void **state)
{
	struct meeting *m = *state;

	m->client_params.server_name = "vpn.example.org";
	m->server = server_for(m->ca, "vpn.example.org", "DNS:other.example.org");
	meeting_run(m);
	meeting_client_refuses(m, "the server's certificate is for 'other.example.org', not for 'vpn.example.org'",
			       MEETING_BAD_CERTIFICATE);
}

static void
test_wrong_server_address(void **state)
{
	struct meeting *m = *state;

	m->client_params.server_name = "192.0.2.8";
	m->server = server_for(m->ca, "192.0.2.8", "IP:192.0.2.7");
	meeting_run(m);
	meeting_client_refuses(m, "the server's certificate is for '192.0.2.7', not for '192.0.2.8'",
			       MEETING_BAD_CERTIFICATE);
}

/* Two common names decide nothing: the DNS name does. */
static void
test_name_of_two_cns(void **state)
{
	struct meeting *m = *state;

	m->client = testcert_new(&(struct testcert_opts){
		.cn = "alice", .cn2 = "admin", .san = "DNS:alice.example.org", .eku = "clientAuth", .issuer = m->ca });
	meeting_run(m);
	meeting_welcomes(m, "alice.example.org", "server");
}

static void
test_name_of_no_cn(void **state)
{
	struct meeting *m = *state;

	m->client = testcert_new(
		&(struct testcert_opts){ .san = "DNS:bob,DNS:alice", .eku = "clientAuth", .issuer = m->ca });
	meeting_run(m);
	meeting_welcomes(m, "bob", "server");
}

static void
refused_name(struct meeting *m, const char *cn, const char *shown)
{
	char why[SEC_ERROR_MAX];

	m->client = testcert_new(
		&(struct testcert_opts){ .cn = cn, .san = "DNS:fine", .eku = "clientAuth", .issuer = m->ca });
	meeting_run(m);
	snprintf(why, sizeof(why),
		 "certificate's name '%s' cannot be a peer's (allowed: 1 to 63 of A-Z a-z 0-9 . _ @ -)", shown);
	meeting_server_refuses(m, why, MEETING_BAD_CERTIFICATE);
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
	meeting_run(m);
	meeting_welcomes(m, N63, "server");
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
	meeting_run(m);
	meeting_welcomes(m, "alice", "server");
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
	meeting_run(m);
	meeting_welcomes(m, "carol", "head-office");
	assert_memory_equal(m->net->server->ops->peer(m->net->server)->sha256, m->client->sha256, 32);
	assert_string_equal(m->net->server->ops->peer(m->net->server)->own_name, "whatever");
	assert_string_equal(m->net->client->ops->peer(m->net->client)->own_name, "");
	assert_false(m->net->server->ops->peer(m->net->server)->eku);
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
	meeting_run(m);
	n = snprintf(why, sizeof(why), "peer's certificate is not one of the pinned ones (fingerprint ");
	for (int i = 0; i < 32; i++)
		n += snprintf(why + n, sizeof(why) - (size_t)n, "%02x", m->client->sha256[i]);
	snprintf(why + n, sizeof(why) - (size_t)n, ")");
	meeting_server_refuses(m, why, MEETING_BAD_CERTIFICATE);
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
	meeting_run(m);
	meeting_welcomes(m, "guest", "server");
}

static void
test_ca_beside_pin(void **state)
{
	struct meeting *m = *state;

	m->server = testcert_leaf(m->ca, "server", "serverAuth");
	const struct identity_pin pin = pin_of("guest", m->server);
	m->server_params.pins = &pin;
	m->server_params.n_pins = 1;
	meeting_run(m);
	meeting_welcomes(m, "alice", "server");
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
	meeting_run(m);
	snprintf(why, sizeof(why), "certificate of 'bob' has expired on %s", meeting_date(-1));
	meeting_server_refuses(m, why, "peer sent alert: certificate expired");
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, meeting_setup, meeting_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_server_name),
		CASE(test_server_name_in_cn),
		CASE(test_server_address),
		CASE(test_wrong_server_name),
		CASE(test_wrong_server_name_in_san),
		CASE(test_expected_server_name),
		CASE(test_expected_another),
		CASE(test_expected_too_long),
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
	};
	return cmocka_run_group_tests_name("dtls_names", tests, NULL, NULL);
}
