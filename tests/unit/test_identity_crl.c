/* crypto/crl and the check of established sessions: which lists are taken, who is in them, who may stay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "castswitch/identity.h"
#include "lib/meeting.h"
#include "lib/testcert.h"

enum { TEXTS = 16 };

struct fixture {
	struct testcert *ca, *other_ca, *server, *alice, *bob;
	struct identity_params params; /* the server's, inline, without a CRL */
	struct identity *id;           /* what load() made last */
	char *texts[TEXTS];            /* to be freed */
	size_t n_texts;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->ca = testcert_ca("Test CA");
	f->other_ca = testcert_ca("Other CA");
	f->server = testcert_leaf(f->ca, "server", "serverAuth");
	f->alice = testcert_leaf(f->ca, "alice", "clientAuth");
	f->bob = testcert_leaf(f->ca, "bob", "clientAuth");
	f->params = (struct identity_params){
		.role = IDENTITY_SERVER,
		.certificate = f->server->cert_pem,
		.key = f->server->key_pem,
		.ca = f->ca->cert_pem,
		.require_eku = true,
	};
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	identity_free(f->id);
	testcert_free(f->ca);
	testcert_free(f->other_ca);
	testcert_free(f->server);
	testcert_free(f->alice);
	testcert_free(f->bob);
	for (size_t i = 0; i < f->n_texts; i++)
		free(f->texts[i]);
	free(f);
	return 0;
}

/* Frees it at the end of the test. */
static const char *
keep(struct fixture *f, char *text)
{
	assert_in_range(f->n_texts, 0, TEXTS - 1);
	f->texts[f->n_texts++] = text;
	return text;
}

/* A CRL of 'ca' with these two in it, either may be NULL. */
static const char *
crl_of(struct fixture *f, const struct testcert *ca, const struct testcert *a, const struct testcert *b)
{
	return keep(f, testcert_crl(&(struct testcrl_opts){ .issuer = ca, .revoked = { a, b } }));
}

static struct identity *
load(struct fixture *f)
{
	char err[SEC_ERROR_MAX] = "";

	identity_free(f->id);
	f->id = identity_load(&f->params, err, sizeof(err));
	assert_string_equal(err, "");
	assert_non_null(f->id);
	return f->id;
}

static void refuses(const struct fixture *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
refuses(const struct fixture *f, const char *fmt, ...)
{
	char err[SEC_ERROR_MAX] = "", expected[SEC_ERROR_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(expected, sizeof(expected), fmt, ap);
	va_end(ap);
	assert_null(identity_load(&f->params, err, sizeof(err)));
	assert_string_equal(err, expected);
}

/* Who it is, as an identity of its own tells; a handshake tells the same. */
static struct sec_identity
who(const struct testcert *tc)
{
	const struct identity_pin pin = { .title = "x" }; /* so that no CA is needed */
	const struct identity_params p = {
		.role = IDENTITY_CLIENT,
		.certificate = tc->cert_pem,
		.key = tc->key_pem,
		.pins = &pin,
		.n_pins = 1,
	};
	char err[SEC_ERROR_MAX] = "";

	struct identity *id = identity_load(&p, err, sizeof(err));
	assert_string_equal(err, "");
	struct sec_identity ret = *identity_self(id);
	identity_free(id);
	return ret;
}

static void
stays_at(const struct identity *id, const struct sec_identity *peer, int64_t now)
{
	char err[SEC_ERROR_MAX] = "";

	assert_int_equal(identity_check_peer(id, peer, now, err), IDENTITY_STAYS);
	assert_string_equal(err, "");
}

static void
goes_at(const struct identity *id, const struct sec_identity *peer, int64_t now, enum identity_verdict verdict,
	const char *why)
{
	char err[SEC_ERROR_MAX] = "";

	assert_int_equal(identity_check_peer(id, peer, now, err), verdict);
	assert_string_equal(err, why);
}

static void
stays(const struct identity *id, const struct testcert *tc)
{
	struct sec_identity peer = who(tc);

	stays_at(id, &peer, peer.not_after - 1);
}

static void
goes(const struct identity *id, const struct testcert *tc, const char *why)
{
	struct sec_identity peer = who(tc);

	goes_at(id, &peer, peer.not_after - 1, IDENTITY_REVOKED, why);
}

static const char *
revoked_line(const char *name, int days)
{
	static char text[128];

	snprintf(text, sizeof(text), "certificate of '%s' was revoked on %s", name, meeting_date(days));
	return text;
}

/* --- loading --- */

static void
test_none(void **state)
{
	struct fixture *f = *state;
	char warning[128];

	stays(load(f), f->alice);
	f->params.crl = "";
	f->params.crl_strict = true;
	stays(load(f), f->alice);
	assert_string_equal(identity_warning(f->id, warning, sizeof(warning)), "");
}

static void
test_from_file(void **state)
{
	struct fixture *f = *state;
	char dir[] = "/tmp/test_crl.XXXXXX", path[64];
	FILE *out;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/ca.crl", dir);
	f->params.crl = path;
	refuses(f, "CRL %s: No such file or directory", path);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(crl_of(f, f->ca, f->alice, NULL), out);
	assert_int_equal(fclose(out), 0);
	goes(load(f), f->alice, revoked_line("alice", 0));
	stays(f->id, f->bob);
	f->params.crl = dir;
	refuses(f, "CRL %s: Is a directory", dir);
	unlink(path);
	rmdir(dir);
}

static void
test_not_a_crl(void **state)
{
	struct fixture *f = *state;

	f->params.crl = f->ca->cert_pem;
	refuses(f, "inline CRL: no CRL in PEM form in it");
	f->params.crl = "/dev/null";
	refuses(f, "CRL /dev/null: no CRL in PEM form in it");
	f->params.crl = "-----BEGIN X509 CRL-----\nMIIB\n-----END X509 CRL-----\n";
	refuses(f, "inline CRL: the PEM text is damaged");
	f->params.crl = keep(f, testcert_join(crl_of(f, f->ca, NULL, NULL), f->params.crl));
	refuses(f, "inline CRL: the PEM text is damaged");
}

static void
test_of_another_ca(void **state)
{
	struct fixture *f = *state;

	f->params.crl = crl_of(f, f->other_ca, f->alice, NULL);
	refuses(f, "inline CRL: the CRL of 'CN=Other CA' is not signed by our CA");
	/* also when a good one stands before it */
	f->params.crl = keep(f, testcert_join(crl_of(f, f->ca, NULL, NULL), f->params.crl));
	refuses(f, "inline CRL: the CRL of 'CN=Other CA' is not signed by our CA");
	/* our CA's name and another's key */
	f->params.crl = keep(f, testcert_crl(&(struct testcrl_opts){ .issuer = f->ca, .signer = f->other_ca }));
	refuses(f, "inline CRL: the CRL of 'CN=Test CA' is not signed by our CA");
	/* another's name and our CA's key */
	f->params.crl = keep(f, testcert_crl(&(struct testcrl_opts){ .issuer = f->other_ca, .signer = f->ca }));
	refuses(f, "inline CRL: the CRL of 'CN=Other CA' is not signed by our CA");
}

static void
test_without_a_ca(void **state)
{
	struct fixture *f = *state;
	const struct identity_pin pin = { .title = "alice" };

	f->params.ca = NULL;
	f->params.pins = &pin;
	f->params.n_pins = 1;
	f->params.crl = crl_of(f, f->ca, NULL, NULL);
	refuses(f, "inline CRL: the CRL of 'CN=Test CA' is not signed by our CA");
}

static void
test_ca_that_may_not_sign(void **state)
{
	struct fixture *f = *state;

	testcert_free(f->other_ca);
	f->other_ca = testcert_new(&(struct testcert_opts){ .cn = "Other CA", .ca = true, .ku = "keyCertSign" });
	f->params.ca = f->other_ca->cert_pem;
	f->params.crl = crl_of(f, f->other_ca, NULL, NULL);
	refuses(f, "inline CRL: the CRL of 'CN=Other CA' is worth nothing: its CA may not sign CRLs (key usage)");
	testcert_free(f->other_ca);
	f->other_ca = testcert_new(&(struct testcert_opts){ .cn = "Other CA", .ca = true });
	f->params.ca = f->other_ca->cert_pem;
	f->params.crl = crl_of(f, f->other_ca, NULL, NULL);
	load(f); /* without key usage it may do anything */
}

static void
test_incomplete_crl(void **state)
{
	struct fixture *f = *state;
	const char *why = "inline CRL: the CRL of 'CN=Test CA' is not a complete one of its CA (critical extension)";
	struct testcrl_opts o = { .issuer = f->ca, .critical = true };

	f->params.crl = keep(f, testcert_crl(&o));
	refuses(f, "%s", why);
	o = (struct testcrl_opts){ .issuer = f->ca, .revoked = { f->alice, f->bob }, .critical_entry = true };
	f->params.crl = keep(f, testcert_crl(&o));
	refuses(f, "%s", why);
}

/* --- who is in it --- */

static void
test_revoked(void **state)
{
	struct fixture *f = *state;
	struct testcrl_opts o = { .issuer = f->ca, .revoked = { f->alice }, .revoked_days = -3 };

	f->params.crl = keep(f, testcert_crl(&o));
	goes(load(f), f->alice, revoked_line("alice", -3));
	stays(f->id, f->bob);
	f->params.crl = crl_of(f, f->ca, f->bob, f->alice);
	goes(load(f), f->alice, revoked_line("alice", 0));
	goes(f->id, f->bob, revoked_line("bob", 0));
	f->params.crl = crl_of(f, f->ca, NULL, NULL);
	stays(load(f), f->alice);
}

/* A serial alone says nothing. */
static void
test_same_serial_of_another_ca(void **state)
{
	struct fixture *f = *state;
	struct testcert *mine = testcert_new(
		&(struct testcert_opts){ .cn = "mine", .eku = "clientAuth", .issuer = f->ca, .serial = "ABCDEF" });
	struct testcert *theirs = testcert_new(&(struct testcert_opts){
		.cn = "theirs", .eku = "clientAuth", .issuer = f->other_ca, .serial = "ABCDEF" });

	f->params.ca = keep(f, testcert_join(f->ca->cert_pem, f->other_ca->cert_pem));
	f->params.crl = crl_of(f, f->ca, mine, NULL);
	goes(load(f), mine, revoked_line("mine", 0));
	stays(f->id, theirs);
	f->params.crl = crl_of(f, f->other_ca, theirs, NULL);
	goes(load(f), theirs, revoked_line("theirs", 0));
	stays(f->id, mine);
	testcert_free(mine);
	testcert_free(theirs);
}

/* One that is longer than its text is compared as far as that goes. */
static void
test_long_serials(void **state)
{
	static const char *const serials[] = {
		"01", "7F", "0080", "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
		"7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A7A"
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(serials) / sizeof(serials[0]); i++) {
		struct testcert *tc = testcert_new(&(struct testcert_opts){
			.cn = "x", .eku = "clientAuth", .issuer = f->ca, .serial = serials[i] });
		f->params.crl = crl_of(f, f->ca, tc, NULL);
		goes(load(f), tc, revoked_line("x", 0));
		stays(f->id, f->alice);
		testcert_free(tc);
	}
}

/* Old and new in one file, and those of two CAs. */
static void
test_several(void **state)
{
	struct fixture *f = *state;
	struct testcert *carol = testcert_leaf(f->other_ca, "carol", "clientAuth");
	const char *ours = keep(f, testcert_join(crl_of(f, f->ca, f->bob, NULL), crl_of(f, f->ca, f->alice, NULL)));

	f->params.crl = ours;
	goes(load(f), f->alice, revoked_line("alice", 0));
	goes(f->id, f->bob, revoked_line("bob", 0));
	f->params.ca = keep(f, testcert_join(f->ca->cert_pem, f->other_ca->cert_pem));
	f->params.crl = keep(f, testcert_join(crl_of(f, f->other_ca, carol, NULL), ours));
	goes(load(f), f->alice, revoked_line("alice", 0));
	goes(f->id, carol, revoked_line("carol", 0));
	testcert_free(carol);
}

/* --- old lists --- */

static const char *
warning_of(const struct identity *id)
{
	static char text[512];

	return identity_warning(id, text, sizeof(text));
}

static void
test_expired(void **state)
{
	struct fixture *f = *state;
	struct testcrl_opts o = { .issuer = f->ca, .revoked = { f->alice }, .next_days = -2 };
	char line[256];

	f->params.crl = keep(f, testcert_crl(&o));
	snprintf(line, sizeof(line), "the CRL of 'Test CA' has expired on %s: later revocations are not known",
		 meeting_date(-2));
	assert_string_equal(warning_of(load(f)), line);
	goes(f->id, f->alice, revoked_line("alice", 0));
	stays(f->id, f->bob);
	f->params.crl_strict = true;
	snprintf(line, sizeof(line), "the CRL of 'Test CA' has expired on %s: peers of this CA are refused",
		 meeting_date(-2));
	assert_string_equal(warning_of(load(f)), line);
	stays(f->id, f->bob); /* sessions are not ended by that */
}

static void
test_not_expired(void **state)
{
	struct fixture *f = *state;
	struct testcrl_opts o = { .issuer = f->ca, .next_s = 600 };

	f->params.crl = keep(f, testcert_crl(&o));
	assert_string_equal(warning_of(load(f)), "");
	o.next_s = -1;
	f->params.crl = keep(f, testcert_crl(&o));
	assert_string_not_equal(warning_of(load(f)), "");
	o.no_next = true;
	f->params.crl = keep(f, testcert_crl(&o));
	assert_string_equal(warning_of(load(f)), "");
}

/* 30 days before the end, or if it lives for less than 90 in the last third of its life. */
static void
test_expires_soon(void **state)
{
	static const struct {
		int from, to;
		bool soon;
	} cases[] = {
		{ -100, 31, false }, { -100, 29, true }, { -62, 29, true }, { -55, 29, false },
		{ -5, 2, true },     { -3, 2, false },   { -100, 1, true },
	};
	struct fixture *f = *state;
	char line[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct testcrl_opts o = { .issuer = f->ca, .from_days = cases[i].from, .next_days = cases[i].to };

		f->params.crl = keep(f, testcert_crl(&o));
		snprintf(line, sizeof(line), "the CRL of 'Test CA' expires on %s", meeting_date(cases[i].to));
		assert_string_equal(warning_of(load(f)), cases[i].soon ? line : "");
	}
}

/* The latest of a CA's counts, in whatever order; another CA's does not help. */
static void
test_expired_and_newer(void **state)
{
	struct fixture *f = *state;
	const char *old = keep(f, testcert_crl(&(struct testcrl_opts){ .issuer = f->ca, .next_days = -2 }));
	const char *ours = crl_of(f, f->ca, NULL, NULL);

	f->params.crl = keep(f, testcert_join(old, ours));
	assert_string_equal(warning_of(load(f)), "");
	f->params.crl = keep(f, testcert_join(ours, old));
	assert_string_equal(warning_of(load(f)), "");
	f->params.ca = keep(f, testcert_join(f->ca->cert_pem, f->other_ca->cert_pem));
	f->params.crl = keep(f, testcert_join(crl_of(f, f->other_ca, NULL, NULL), old));
	assert_string_not_equal(warning_of(load(f)), "");
}

static void
test_several_warnings(void **state)
{
	struct fixture *f = *state;
	struct testcrl_opts o = { .issuer = f->ca, .next_days = -2 };
	char line[512], end[16];

	f->params.crl = keep(f, testcert_crl(&o));
	testcert_free(f->server);
	f->server = testcert_new(&(struct testcert_opts){
		.cn = "server", .eku = "clientAuth", .issuer = f->ca, .from_days = -1, .to_days = 29 });
	f->params.certificate = f->server->cert_pem;
	f->params.key = f->server->key_pem;
	snprintf(end, sizeof(end), "%s", meeting_date(29));
	snprintf(line, sizeof(line),
		 "our certificate is not for a server (extended key usage): peers may refuse it; our certificate "
		 "expires "
		 "on %s; the CRL of 'Test CA' has expired on %s: later revocations are not known",
		 end, meeting_date(-2));
	assert_string_equal(warning_of(load(f)), line);
	for (size_t len = 1; len < 300; len++) { /* never past the end, never another text */
		char text[512];
		memset(text, 'x', sizeof(text));
		identity_warning(f->id, text, len);
		assert_int_equal(text[len], 'x');
		assert_int_equal(strlen(text), len - 1 < strlen(line) ? len - 1 : strlen(line));
		assert_memory_equal(text, line, strlen(text));
	}
}

/* --- sessions --- */

static void
test_end_of_certificate(void **state)
{
	struct fixture *f = *state;
	struct sec_identity peer = who(f->alice);
	char line[128];

	load(f);
	snprintf(line, sizeof(line), "certificate of 'alice' has expired on %s", meeting_date(60));
	stays_at(f->id, &peer, peer.not_after - 1);
	goes_at(f->id, &peer, peer.not_after, IDENTITY_EXPIRED, line);
	goes_at(f->id, &peer, peer.not_after + 1, IDENTITY_EXPIRED, line);
	/* neither a pin nor the list changes that, but the list is told first */
	struct identity_pin pin = { .title = "alice" };
	memcpy(pin.sha256, f->alice->sha256, sizeof(pin.sha256));
	f->params.pins = &pin;
	f->params.n_pins = 1;
	goes_at(load(f), &peer, peer.not_after, IDENTITY_EXPIRED, line);
	f->params.crl = crl_of(f, f->ca, f->alice, NULL);
	goes_at(load(f), &peer, peer.not_after, IDENTITY_REVOKED, revoked_line("alice", 0));
}

/* Accepted for its chain. */
static void
test_ca_gone(void **state)
{
	struct fixture *f = *state;
	struct sec_identity peer = who(f->alice);
	struct identity_pin pin = { .title = "somebody" };

	stays_at(load(f), &peer, 0);
	f->params.ca = f->other_ca->cert_pem;
	stays_at(load(f), &peer, 0); /* it might have come by an intermediate CA */
	f->params.ca = NULL;
	f->params.pins = &pin;
	f->params.n_pins = 1;
	goes_at(load(f), &peer, 0, IDENTITY_UNVOUCHED,
		"certificate of 'alice' is not pinned, and there is no CA any more");
	memcpy(pin.sha256, f->alice->sha256, sizeof(pin.sha256));
	pin.title = "alice";
	stays_at(load(f), &peer, 0);
}

static void
test_pin_gone(void **state)
{
	struct fixture *f = *state;
	struct sec_identity peer = who(f->alice);
	struct identity_pin pins[2] = { { .title = "bob" }, { .title = "alice" } };

	peer.pinned = true;
	memcpy(pins[0].sha256, f->bob->sha256, sizeof(pins[0].sha256));
	memcpy(pins[1].sha256, f->alice->sha256, sizeof(pins[1].sha256));
	f->params.ca = NULL;
	f->params.pins = pins;
	f->params.n_pins = 2;
	stays_at(load(f), &peer, 0);
	f->params.n_pins = 1;
	goes_at(load(f), &peer, 0, IDENTITY_UNVOUCHED, "certificate of 'alice' is no longer pinned");
	f->params.ca = f->other_ca->cert_pem; /* which did not issue it */
	goes_at(load(f), &peer, 0, IDENTITY_UNVOUCHED, "certificate of 'alice' is no longer pinned");
	f->params.ca = f->ca->cert_pem;
	stays_at(load(f), &peer, 0);
}

/* A session keeps the name that it has been told; one that the next handshake would not give it ends. */
static void
test_pin_of_another_name(void **state)
{
	struct fixture *f = *state;
	struct sec_identity peer = who(f->alice);
	struct identity_pin pin = { .title = "bob" };

	memcpy(pin.sha256, f->alice->sha256, sizeof(pin.sha256));
	f->params.pins = &pin;
	f->params.n_pins = 1;
	/* by its chain until now, then by a pin */
	goes_at(load(f), &peer, 0, IDENTITY_RENAMED, "certificate of 'alice' is called 'bob' now");
	peer.pinned = true;
	goes_at(f->id, &peer, 0, IDENTITY_RENAMED, "certificate of 'alice' is called 'bob' now");
	f->params.ca = NULL;
	goes_at(load(f), &peer, 0, IDENTITY_RENAMED, "certificate of 'alice' is called 'bob' now");
	pin.title = "alice";
	stays_at(load(f), &peer, 0);
	pin.title = "alice2";
	goes_at(load(f), &peer, 0, IDENTITY_RENAMED, "certificate of 'alice' is called 'alice2' now");
}

static void
test_pin_gone_and_name_with_it(void **state)
{
	struct fixture *f = *state;
	struct sec_identity peer = who(f->alice);

	assert_string_equal(peer.own_name, "alice");
	peer.pinned = true;
	strcpy(peer.name, "title");
	goes_at(load(f), &peer, 0, IDENTITY_RENAMED, "certificate of 'title' is called 'alice' now");
	strcpy(peer.own_name, ""); /* it says what cannot be a peer's name */
	goes_at(f->id, &peer, 0, IDENTITY_UNVOUCHED, "certificate of 'title' is no longer pinned");
}

/* A certificate without purpose is fine for a pin, and for a chain only where that is allowed. */
static void
test_purpose_required_later(void **state)
{
	struct fixture *f = *state;

	testcert_free(f->alice);
	f->alice = testcert_new(&(struct testcert_opts){ .cn = "alice", .issuer = f->ca });
	struct sec_identity peer = who(f->alice);
	struct identity_pin pin = { .title = "alice" };
	f->params.require_eku = false;
	stays_at(load(f), &peer, 0);
	f->params.require_eku = true;
	goes_at(load(f), &peer, 0, IDENTITY_UNVOUCHED,
		"certificate of 'alice' is not for a client (extended key usage)");
	peer.pinned = true;
	goes_at(f->id, &peer, 0, IDENTITY_UNVOUCHED, "certificate of 'alice' is not for a client (extended key usage)");
	memcpy(pin.sha256, f->alice->sha256, sizeof(pin.sha256));
	f->params.pins = &pin;
	f->params.n_pins = 1;
	stays_at(load(f), &peer, 0);
}

/* A server's name is only shown, so a client does not mind another; but a pin stood in for the name that was not
 * looked at. */
static void
test_of_a_server(void **state)
{
	struct fixture *f = *state;
	struct sec_identity peer = who(f->server);
	struct identity_pin pin = { .title = "server" };

	f->params.role = IDENTITY_CLIENT;
	f->params.certificate = f->alice->cert_pem;
	f->params.key = f->alice->key_pem;
	strcpy(peer.name, "vpn.example.org");
	peer.eku = true;
	stays_at(load(f), &peer, 0);
	memcpy(pin.sha256, f->server->sha256, sizeof(pin.sha256));
	f->params.pins = &pin;
	f->params.n_pins = 1;
	stays_at(load(f), &peer, 0);
	peer.pinned = true;
	stays_at(f->id, &peer, 0);
	f->params.n_pins = 0;
	goes_at(load(f), &peer, 0, IDENTITY_UNVOUCHED, "certificate of 'vpn.example.org' is no longer pinned");
	f->params.crl = crl_of(f, f->ca, f->server, NULL);
	goes_at(load(f), &peer, 0, IDENTITY_REVOKED, revoked_line("vpn.example.org", 0));
}

/* Issuers whose texts are equal as far as they go. */
static void
test_issuers_with_long_names(void **state)
{
	struct fixture *f = *state;
	struct sec_identity peer = who(f->alice), other = peer;

	other.issuer_sha256[31] ^= 1;
	assert_string_equal(other.issuer, peer.issuer);
	f->params.crl = crl_of(f, f->ca, f->alice, NULL);
	goes_at(load(f), &peer, 0, IDENTITY_REVOKED, revoked_line("alice", 0));
	stays_at(f->id, &other, 0);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_none),
		CASE(test_from_file),
		CASE(test_not_a_crl),
		CASE(test_of_another_ca),
		CASE(test_without_a_ca),
		CASE(test_ca_that_may_not_sign),
		CASE(test_incomplete_crl),
		CASE(test_revoked),
		CASE(test_same_serial_of_another_ca),
		CASE(test_long_serials),
		CASE(test_several),
		CASE(test_expired),
		CASE(test_not_expired),
		CASE(test_expired_and_newer),
		CASE(test_several_warnings),
		CASE(test_expires_soon),
		CASE(test_end_of_certificate),
		CASE(test_ca_gone),
		CASE(test_pin_gone),
		CASE(test_pin_of_another_name),
		CASE(test_pin_gone_and_name_with_it),
		CASE(test_purpose_required_later),
		CASE(test_of_a_server),
		CASE(test_issuers_with_long_names),
	};
	return cmocka_run_group_tests_name("identity_crl", tests, NULL, NULL);
}
