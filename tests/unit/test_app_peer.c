/* app/app_peer: why a session ends though nobody closed it, and when that is looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/testcert.h"

#include "../../src/app/app_peer.h"

/* --- when --- */

#define NOW INT64_C(1700000000)

static void
looks_in(int64_t not_after, int64_t now_unix, nsec_t expected)
{
	const struct mono now = { .ns = 5 * NSEC_PER_SEC + 1 };

	assert_int_equal(app_peer_look_at(not_after, now_unix, now).ns, now.ns + expected);
}

static void
test_look_at_the_end(void **state)
{
	(void)state;
	looks_in(NOW + 1, NOW, NSEC_PER_SEC);
	looks_in(NOW + 59, NOW, 59 * NSEC_PER_SEC);
	looks_in(NOW + 60, NOW, 60 * NSEC_PER_SEC);
}

/* The wall clock may be set meanwhile. */
static void
test_look_often_enough(void **state)
{
	(void)state;
	looks_in(NOW + 61, NOW, 60 * NSEC_PER_SEC);
	looks_in(NOW + 86400, NOW, 60 * NSEC_PER_SEC);
	looks_in(INT64_MAX, NOW, 60 * NSEC_PER_SEC);
	looks_in(INT64_MAX, INT64_MIN, 60 * NSEC_PER_SEC);
	looks_in(1, -1, 2 * NSEC_PER_SEC);
}

static void
test_look_at_once(void **state)
{
	(void)state;
	looks_in(NOW, NOW, 0);
	looks_in(NOW - 1, NOW, 0);
	looks_in(INT64_MIN, INT64_MAX, 0);
}

/* --- why --- */

struct fixture {
	struct testcert *ca, *server;
	struct identity_params params;
	struct identity *id;
	struct sec_identity alice;
};

static void
load(struct fixture *f)
{
	char err[SEC_ERROR_MAX] = "";

	identity_free(f->id);
	f->id = identity_load(&f->params, err, sizeof(err));
	assert_string_equal(err, "");
}

static int
setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){ .ca = testcert_ca("Test CA") };
	f.server = testcert_leaf(f.ca, "server", "serverAuth");
	f.params = (struct identity_params){
		.role = IDENTITY_SERVER,
		.certificate = f.server->cert_pem,
		.key = f.server->key_pem,
		.ca = f.ca->cert_pem,
		.require_eku = true,
	};
	f.alice = (struct sec_identity){ .name = "alice", .own_name = "alice", .eku = true, .not_after = NOW };
	load(&f);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	identity_free(f->id);
	testcert_free(f->ca);
	testcert_free(f->server);
	return 0;
}

static void
goes(const struct fixture *f, int64_t now_unix, enum tmsg_reason reason, const char *why)
{
	char text[SEC_ERROR_MAX] = "";

	assert_int_equal(app_peer_vouch(f->id, &f->alice, now_unix, text, sizeof(text)), reason);
	assert_string_equal(text, why);
}

static void
test_end_of_certificate(void **state)
{
	struct fixture *f = *state;
	const char *line = "certificate of 'alice' has expired on 2023-11-14";

	goes(f, NOW - 1, TMSG_REASON_NONE, "");
	goes(f, NOW, TMSG_REASON_EXPIRED, line);
	goes(f, NOW + 1, TMSG_REASON_EXPIRED, line);
}

static void
test_another_name(void **state)
{
	struct fixture *f = *state;
	const struct identity_pin pin = { .title = "bob" };

	f->params.pins = &pin;
	f->params.n_pins = 1;
	load(f); /* the pin is of zeros, as alice's certificate is */
	goes(f, NOW - 1, TMSG_REASON_UNTRUSTED, "certificate of 'alice' is called 'bob' now");
	/* the end comes first: a new name would not help */
	goes(f, NOW, TMSG_REASON_EXPIRED, "certificate of 'alice' has expired on 2023-11-14");
}

static void
test_no_longer_believed(void **state)
{
	struct fixture *f = *state;

	f->alice.pinned = true;
	goes(f, NOW - 1, TMSG_REASON_UNTRUSTED, "certificate of 'alice' is no longer pinned");
}

static void
test_revoked(void **state)
{
	struct fixture *f = *state;
	struct testcert *tc = testcert_leaf(f->ca, "alice", "clientAuth");
	char *crl = testcert_crl(&(struct testcrl_opts){ .issuer = f->ca, .revoked = { tc }, .revoked_days = 0 });
	char err[SEC_ERROR_MAX] = "", text[SEC_ERROR_MAX] = "";
	const struct identity_params own = {
		.role = IDENTITY_CLIENT, .certificate = tc->cert_pem, .key = tc->key_pem, .ca = f->ca->cert_pem
	};
	struct identity *alice = identity_load(&own, err, sizeof(err));

	assert_string_equal(err, "");
	const struct sec_identity *who = identity_self(alice);
	assert_int_equal(app_peer_vouch(f->id, who, who->not_after - 1, text, sizeof(text)), TMSG_REASON_NONE);
	f->params.crl = crl;
	load(f);
	assert_int_equal(app_peer_vouch(f->id, who, who->not_after, text, sizeof(text)), TMSG_REASON_REVOKED);
	assert_memory_equal(text, "certificate of 'alice' was revoked on ", 38);
	identity_free(alice);
	testcert_free(tc);
	free(crl);
}

/* A short place gets as much as fits, and not a byte behind it. */
static void
test_short_text(void **state)
{
	struct fixture *f = *state;
	char text[16] = "xxxxxxxxxxxxxxx";

	app_peer_vouch(f->id, &f->alice, NOW, text, 12);
	assert_string_equal(text, "certificate");
	assert_int_equal(text[12], 'x');
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_look_at_the_end),
		cmocka_unit_test(test_look_often_enough),
		cmocka_unit_test(test_look_at_once),
		CASE(test_end_of_certificate),
		CASE(test_another_name),
		CASE(test_no_longer_believed),
		CASE(test_revoked),
		CASE(test_short_text),
	};
	return cmocka_run_group_tests_name("app_peer", tests, NULL, NULL);
}
