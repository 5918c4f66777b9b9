/* crypto/verify: revoked certificates at the handshake. */
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

/* A meeting, and what the server, or the client, has as its CRL. */
struct fixture {
	struct meeting *m;
	struct testcert *other_ca;
	char *crl, *second;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	void *m;

	meeting_setup(&m);
	f->m = m;
	f->other_ca = testcert_ca("Other CA");
	f->m->client = testcert_leaf(f->m->ca, "alice", "clientAuth");
	f->m->server = testcert_leaf(f->m->ca, "server", "serverAuth");
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	void *m = f->m;

	meeting_teardown(&m);
	testcert_free(f->other_ca);
	free(f->crl);
	free(f->second);
	free(f);
	return 0;
}

static void
server_has(struct fixture *f, const struct testcrl_opts *o)
{
	f->crl = testcert_crl(o);
	f->m->server_params.crl = f->crl;
}

static const char *
revoked_line(const char *name, int days)
{
	static char text[128];

	snprintf(text, sizeof(text), "certificate of '%s' was revoked on %s", name, meeting_date(days));
	return text;
}

static void
test_revoked_client(void **state)
{
	struct fixture *f = *state;

	server_has(f, &(struct testcrl_opts){ .issuer = f->m->ca, .revoked = { f->m->client }, .revoked_days = -5 });
	meeting_run(f->m);
	meeting_server_refuses(f->m, revoked_line("alice", -5), "peer sent alert: certificate revoked");
}

static void
test_revoked_server(void **state)
{
	struct fixture *f = *state;

	f->crl = testcert_crl(&(struct testcrl_opts){ .issuer = f->m->ca, .revoked = { f->m->server } });
	f->m->client_params.crl = f->crl;
	meeting_run(f->m);
	meeting_client_refuses(f->m, revoked_line("server", 0), "peer sent alert: certificate revoked");
}

/* Our own being revoked is the other side's business. */
static void
test_others_revoked(void **state)
{
	struct fixture *f = *state;
	struct testcert *bob = testcert_leaf(f->m->ca, "bob", "clientAuth");

	server_has(f, &(struct testcrl_opts){ .issuer = f->m->ca, .revoked = { bob, f->m->server } });
	meeting_run(f->m);
	meeting_welcomes(f->m, "alice", "server");
	testcert_free(bob);
}

static void
test_what_is_kept(void **state)
{
	struct fixture *f = *state;
	uint8_t issuer[32];
	unsigned int n = sizeof(issuer);

	meeting_run(f->m);
	meeting_welcomes(f->m, "alice", "server");
	const struct sec_identity *peer = f->m->net->server->ops->peer(f->m->net->server);
	assert_int_equal(X509_NAME_digest(X509_get_subject_name(f->m->ca->x509), EVP_sha256(), issuer, &n), 1);
	assert_memory_equal(peer->issuer_sha256, issuer, 32);
	assert_memory_equal(peer->sha256, f->m->client->sha256, 32);
	assert_string_equal(peer->own_name, "alice");
	assert_false(peer->pinned);
	assert_true(peer->eku);
}

/* --- old lists --- */

static void
test_expired_crl(void **state)
{
	struct fixture *f = *state;

	server_has(f, &(struct testcrl_opts){ .issuer = f->m->ca, .next_days = -2 });
	meeting_run(f->m);
	meeting_welcomes(f->m, "alice", "server");
}

static void
test_revoked_by_expired_crl(void **state)
{
	struct fixture *f = *state;

	server_has(f, &(struct testcrl_opts){ .issuer = f->m->ca, .revoked = { f->m->client }, .next_days = -2 });
	meeting_run(f->m);
	meeting_server_refuses(f->m, revoked_line("alice", 0), "peer sent alert: certificate revoked");
}

static void
test_strict(void **state)
{
	struct fixture *f = *state;
	char why[160];

	server_has(f, &(struct testcrl_opts){ .issuer = f->m->ca, .next_days = -2 });
	f->m->server_params.crl_strict = true;
	snprintf(why, sizeof(why), "certificate of 'alice' cannot be checked: the CRL of 'Test CA' has expired on %s",
		 meeting_date(-2));
	meeting_run(f->m);
	meeting_server_refuses(f->m, why,
			       "peer sent alert: certificate unknown (it refuses our certificate; its log says why)");
}

static void
test_strict_and_revoked(void **state)
{
	struct fixture *f = *state;

	server_has(f, &(struct testcrl_opts){ .issuer = f->m->ca, .revoked = { f->m->client }, .next_days = -2 });
	f->m->server_params.crl_strict = true;
	meeting_run(f->m);
	meeting_server_refuses(f->m, revoked_line("alice", 0), "peer sent alert: certificate revoked");
}

static void
test_strict_with_good_crl(void **state)
{
	struct fixture *f = *state;

	server_has(f, &(struct testcrl_opts){ .issuer = f->m->ca, .next_s = 600 });
	f->m->server_params.crl_strict = true;
	meeting_run(f->m);
	meeting_welcomes(f->m, "alice", "server");
}

/* --- several CAs --- */

/* Both sides believe both CAs. */
static void
believe_both(struct fixture *f)
{
	char *both = testcert_join(f->m->ca->cert_pem, f->other_ca->cert_pem);

	free(f->m->ca->cert_pem);
	f->m->ca->cert_pem = both;
}

/* The list of one CA says nothing about the other's, not even when it has expired. */
static void
test_ca_without_crl(void **state)
{
	struct fixture *f = *state;

	server_has(f, &(struct testcrl_opts){ .issuer = f->other_ca, .next_days = -2 });
	f->m->server_params.crl_strict = true;
	believe_both(f);
	meeting_run(f->m);
	meeting_welcomes(f->m, "alice", "server");
}

static void
test_crl_of_second_ca(void **state)
{
	struct fixture *f = *state;

	testcert_free(f->m->client);
	f->m->client = testcert_leaf(f->other_ca, "carol", "clientAuth");
	f->second = testcert_crl(&(struct testcrl_opts){ .issuer = f->m->ca });
	char *theirs = testcert_crl(&(struct testcrl_opts){ .issuer = f->other_ca, .revoked = { f->m->client } });
	f->crl = testcert_join(f->second, theirs);
	free(theirs);
	f->m->server_params.crl = f->crl;
	believe_both(f);
	meeting_run(f->m);
	meeting_server_refuses(f->m, revoked_line("carol", 0), "peer sent alert: certificate revoked");
}

/* The same issuer, but not the same bytes: equal by RFC 5280 7.1. */
static void
test_issuer_encoded_otherwise(void **state)
{
	struct fixture *f = *state;
	X509 *x = f->m->client->x509;
	X509_NAME *name = X509_NAME_new();

	server_has(f, &(struct testcrl_opts){ .issuer = f->m->ca, .revoked = { f->m->client } });
	assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", V_ASN1_PRINTABLESTRING,
						    (const unsigned char *)"TEST  CA", -1, -1, 0),
			 1);
	assert_int_equal(X509_set_issuer_name(x, name), 1);
	assert_true(X509_sign(x, f->m->ca->key, EVP_sha256()) > 0);
	X509_NAME_free(name);
	f->m->client_shows = testcert_leaf(f->m->ca, "x", "clientAuth"); /* replaced by the new one */
	X509_free(f->m->client_shows->x509);
	EVP_PKEY_free(f->m->client_shows->key);
	f->m->client_shows->x509 = X509_dup(x);
	f->m->client_shows->key = EVP_PKEY_dup(f->m->client->key);
	meeting_run(f->m);
	meeting_server_refuses(f->m, revoked_line("alice", 0), "peer sent alert: certificate revoked");
}

/* --- pins --- */

static void
pin_client(struct fixture *f, struct identity_pin *pin)
{
	memcpy(pin->sha256, f->m->client->sha256, sizeof(pin->sha256));
	f->m->server_params.pins = pin;
	f->m->server_params.n_pins = 1;
}

/* A pin does not save it. */
static void
test_pinned_and_revoked(void **state)
{
	struct fixture *f = *state;
	struct identity_pin pin = { .title = "laptop" };

	pin_client(f, &pin);
	server_has(f, &(struct testcrl_opts){ .issuer = f->m->ca, .revoked = { f->m->client } });
	meeting_run(f->m);
	meeting_server_refuses(f->m, revoked_line("alice", 0), "peer sent alert: certificate revoked");
}

/* But it needs no list. */
static void
test_pinned_and_strict(void **state)
{
	struct fixture *f = *state;
	struct identity_pin pin = { .title = "laptop" };

	pin_client(f, &pin);
	server_has(f, &(struct testcrl_opts){ .issuer = f->m->ca, .next_days = -2 });
	f->m->server_params.crl_strict = true;
	meeting_run(f->m);
	meeting_welcomes(f->m, "laptop", "server");
	assert_true(f->m->net->server->ops->peer(f->m->net->server)->pinned);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_revoked_client),
		CASE(test_revoked_server),
		CASE(test_others_revoked),
		CASE(test_what_is_kept),
		CASE(test_expired_crl),
		CASE(test_revoked_by_expired_crl),
		CASE(test_strict),
		CASE(test_strict_and_revoked),
		CASE(test_strict_with_good_crl),
		CASE(test_ca_without_crl),
		CASE(test_crl_of_second_ca),
		CASE(test_issuer_encoded_otherwise),
		CASE(test_pinned_and_revoked),
		CASE(test_pinned_and_strict),
	};
	return cmocka_run_group_tests_name("dtls_revoked", tests, NULL, NULL);
}
