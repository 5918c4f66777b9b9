/* crypto/identity: what is wrong with a certificate, key or CA is said in one line that names it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "castswitch/identity.h"
#include "lib/testcert.h"

struct fixture {
	char dir[64];
	struct testcert *ca, *alice;
	struct identity_params params; /* good ones, inline */
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/test_identity.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->ca = testcert_ca("Test CA");
	f->alice = testcert_leaf(f->ca, "alice", "clientAuth");
	f->params = (struct identity_params){
		.role = IDENTITY_CLIENT,
		.certificate = f->alice->cert_pem,
		.key = f->alice->key_pem,
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
	static const char *const names[] = { "cert", "key", "ca" };
	char path[128];

	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(f->dir), 0);
	testcert_free(f->ca);
	testcert_free(f->alice);
	free(f);
	return 0;
}

/* DIR/NAME with this content; static buffers, one a name. */
static const char *
file(const struct fixture *f, const char *name, const char *content)
{
	static char paths[3][128];
	char *path = paths[*name == 'k' ? 1 : name[1] == 'a' ? 2 : 0];
	FILE *out;

	snprintf(path, sizeof(paths[0]), "%s/%s", f->dir, name);
	out = fopen(path, "w");
	assert_non_null(out);
	assert_int_equal(fputs(content, out) < 0, 0);
	assert_int_equal(fclose(out), 0);
	return path;
}

static void assert_refused(const struct identity_params *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
assert_refused(const struct identity_params *p, const char *fmt, ...)
{
	char err[512] = "", expected[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(expected, sizeof(expected), fmt, ap);
	va_end(ap);
	struct identity *id = identity_load(p, err, sizeof(err));
	assert_string_equal(err, expected);
	assert_null(id);
}

static void
assert_loads(const struct identity_params *p)
{
	char err[512] = "";
	struct identity *id = identity_load(p, err, sizeof(err));

	assert_string_equal(err, "");
	assert_non_null(id);
	identity_free(id);
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

static void
test_good(void **state)
{
	struct fixture *f = *state;
	struct identity_params p = f->params;
	char err[512] = "";
	struct identity *id;

	p.certificate = file(f, "cert", f->alice->cert_pem);
	p.key = file(f, "key", f->alice->key_pem);
	p.ca = file(f, "ca", f->ca->cert_pem);
	id = identity_load(&p, err, sizeof(err));
	assert_string_equal(err, "");
	assert_non_null(id);
	assert_string_equal(identity_self(id)->name, "alice");
	assert_string_equal(identity_self(id)->issuer, "CN=Test CA");
	assert_memory_equal(identity_self(id)->sha256, f->alice->sha256, 32);
	assert_int_equal(identity_role(id), IDENTITY_CLIENT);
	identity_free(id);
	assert_loads(&f->params);
}

static void
test_combined_file(void **state)
{
	struct fixture *f = *state;
	struct identity_params p = f->params;
	char both[8192];

	snprintf(both, sizeof(both), "some words before\n%s\n%s", f->alice->key_pem, f->alice->cert_pem);
	p.certificate = p.key = file(f, "cert", both);
	assert_loads(&p);
	p.certificate = p.key = both;
	assert_loads(&p);
}

static void
test_not_given(void **state)
{
	struct fixture *f = *state;
	struct identity_params p = f->params;

	p.certificate = NULL;
	assert_refused(&p, "no certificate given");
	p.certificate = "";
	assert_refused(&p, "no certificate given");
	p = f->params;
	p.key = "";
	assert_refused(&p, "no key given");
	p = f->params;
	p.ca = NULL;
	assert_refused(&p, "no CA and no fingerprints given, so no peer could be believed");
	const struct identity_pin pin = { .title = "bob" };
	p.pins = &pin;
	p.n_pins = 1;
	assert_loads(&p);
	const struct identity_pin bad = { .title = "bob the builder" };
	p.pins = &bad;
	assert_refused(&p, "fingerprint of 'bob the builder': this cannot be a peer's name");
}

static void
test_missing(void **state)
{
	struct fixture *f = *state;
	struct identity_params p = f->params;

	p.certificate = "/nonexistent/alice.crt";
	assert_refused(&p, "certificate /nonexistent/alice.crt: No such file or directory");
	p = f->params;
	p.key = "/nonexistent/alice.key";
	assert_refused(&p, "key /nonexistent/alice.key: No such file or directory");
	p = f->params;
	p.ca = "/nonexistent/ca.crt";
	assert_refused(&p, "CA /nonexistent/ca.crt: No such file or directory");
	p.ca = f->dir;
	assert_refused(&p, "CA %s: Is a directory", f->dir);
}

static void
test_unreadable(void **state)
{
	struct fixture *f = *state;
	struct identity_params p = f->params;

	p.key = file(f, "key", f->alice->key_pem);
	assert_int_equal(chmod(p.key, 0), 0);
	const uid_t root = geteuid();
	if (root == 0) /* who reads everything; "nobody" does not */
		assert_int_equal(seteuid(65534), 0);
	assert_refused(&p, "key %s: Permission denied", p.key);
	assert_int_equal(seteuid(root), 0);
}

static void
test_not_pem(void **state)
{
	struct fixture *f = *state;
	struct identity_params p = f->params;

	p.certificate = file(f, "cert", "");
	assert_refused(&p, "certificate %s: no certificate in PEM form in it", p.certificate);
	p.certificate = file(f, "cert", "0\x82\x01\x01 this looks like DER");
	assert_refused(&p, "certificate %s: no certificate in PEM form in it", p.certificate);
	p.certificate = f->alice->key_pem;
	assert_refused(&p, "inline certificate: no certificate in PEM form in it");
	p = f->params;
	p.key = file(f, "key", "hello\n");
	assert_refused(&p, "key %s: no private key in PEM form in it", p.key);
	p.key = f->alice->cert_pem;
	assert_refused(&p, "inline key: no private key in PEM form in it");
	p = f->params;
	p.ca = file(f, "ca", f->ca->key_pem);
	assert_refused(&p, "CA %s: no certificate in PEM form in it", p.ca);
}

static void
test_damaged(void **state)
{
	struct fixture *f = *state;
	struct identity_params p = f->params;
	char text[8192];

	snprintf(text, sizeof(text), "%s", f->alice->cert_pem);
	memcpy(text + 80, "!!!!", 4);
	p.certificate = text;
	assert_refused(&p, "inline certificate: the PEM text is damaged");
	snprintf(text, sizeof(text), "%s", f->alice->cert_pem);
	text[strlen(text) / 2] = 0;
	assert_refused(&p, "inline certificate: the PEM text is damaged");
	p = f->params;
	snprintf(text, sizeof(text), "%s", f->alice->key_pem);
	text[strlen(text) / 2] = 0;
	p.key = text;
	assert_refused(&p, "inline key: the PEM text is damaged");
	/* a good certificate does not hide a damaged one after it */
	p = f->params;
	snprintf(text, sizeof(text), "%s%.100s", f->ca->cert_pem, f->ca->cert_pem);
	p.ca = text;
	assert_refused(&p, "inline CA: the PEM text is damaged");
}

static void
test_foreign_key(void **state)
{
	struct fixture *f = *state;
	struct identity_params p = f->params;

	p.key = f->ca->key_pem;
	assert_refused(&p, "inline key: does not belong to the inline certificate");
	p.key = file(f, "key", f->ca->key_pem);
	p.certificate = file(f, "cert", f->alice->cert_pem);
	assert_refused(&p, "key %s: does not belong to certificate %s", p.key, p.certificate);
	struct testcert *rsa = testcert_new(&(struct testcert_opts){ .cn = "rsa", .rsa_bits = 2048 });
	p.key = rsa->key_pem;
	assert_refused(&p, "inline key: does not belong to certificate %s", p.certificate);
	testcert_free(rsa);
}

static void
test_passphrase(void **state)
{
	struct fixture *f = *state;
	struct identity_params p = f->params;
	char *encrypted = testcert_encrypted_key(f->alice, "secret");

	p.key = encrypted;
	assert_refused(&p, "inline key: is protected by a passphrase, which nobody is there to type: store it without");
	p.key = file(f, "key", encrypted);
	assert_refused(&p, "key %s: is protected by a passphrase, which nobody is there to type: store it without",
		       p.key);
	free(encrypted);
}

static void
test_dates(void **state)
{
	struct fixture *f = *state;
	struct identity_params p = f->params;
	struct testcert *old =
		testcert_new(&(struct testcert_opts){ .cn = "old", .issuer = f->ca, .from_days = -9, .to_days = -2 });
	struct testcert *new =
		testcert_new(&(struct testcert_opts){ .cn = "new", .issuer = f->ca, .from_days = 2, .to_days = 9 });

	p.certificate = old->cert_pem;
	p.key = old->key_pem;
	assert_refused(&p, "inline certificate: has expired on %s", date_in(-2));
	p.certificate = file(f, "cert", new->cert_pem);
	p.key = new->key_pem;
	assert_refused(&p, "certificate %s: is not valid before %s: is the clock right?", p.certificate, date_in(2));
	testcert_free(old);
	testcert_free(new);
}

static void
test_ca(void **state)
{
	struct fixture *f = *state;
	struct identity_params p = f->params;
	struct testcert *old =
		testcert_new(&(struct testcert_opts){ .cn = "Old CA", .ca = true, .from_days = -9, .to_days = -2 });
	char both[8192];

	p.ca = f->alice->cert_pem;
	assert_refused(&p, "inline CA: certificate of 'alice' is not a CA's");
	p.ca = old->cert_pem;
	assert_refused(&p, "inline CA: has expired on %s", date_in(-2));
	/* an old one beside a new one is how a CA is changed */
	snprintf(both, sizeof(both), "%s%s", old->cert_pem, f->ca->cert_pem);
	p.ca = both;
	assert_loads(&p);
	testcert_free(old);
}

static void
test_warning(void **state)
{
	struct fixture *f = *state;
	struct identity_params p = f->params;
	struct testcert *good = testcert_new(&(struct testcert_opts){
		.cn = "bob", .eku = "clientAuth", .issuer = f->ca, .from_days = -1, .to_days = 31 });
	struct testcert *late = testcert_new(&(struct testcert_opts){
		.cn = "bob", .eku = "clientAuth", .issuer = f->ca, .from_days = -1, .to_days = 29 });
	char err[256], expected[128], warning[128] = "x";
	struct identity *id;

	p.certificate = good->cert_pem;
	p.key = good->key_pem;
	id = identity_load(&p, err, sizeof(err));
	assert_non_null(id);
	assert_string_equal(identity_warning(id, warning, sizeof(warning)), "");
	identity_free(id);
	p.role = IDENTITY_SERVER;
	id = identity_load(&p, err, sizeof(err));
	assert_non_null(id);
	assert_string_equal(identity_warning(id, warning, sizeof(warning)),
			    "our certificate is not for a server (extended key usage): peers may refuse it");
	identity_free(id);
	p = f->params;
	p.certificate = late->cert_pem;
	p.key = late->key_pem;
	id = identity_load(&p, err, sizeof(err));
	assert_non_null(id);
	snprintf(expected, sizeof(expected), "our certificate expires on %s", date_in(29));
	assert_string_equal(identity_warning(id, warning, sizeof(warning)), expected);
	identity_free(id);
	testcert_free(good);
	testcert_free(late);
}

/* A CA that ends soon, or has ended, unless another one of its name is believed for longer. */
static void
test_warning_of_ca(void **state)
{
	struct fixture *f = *state;
	struct identity_params p = f->params;
	struct testcert *late =
		testcert_new(&(struct testcert_opts){ .cn = "Old CA", .ca = true, .from_days = -1, .to_days = 29 });
	struct testcert *gone =
		testcert_new(&(struct testcert_opts){ .cn = "Gone CA", .ca = true, .from_days = -9, .to_days = -2 });
	struct testcert *next =
		testcert_new(&(struct testcert_opts){ .cn = "Old CA", .ca = true, .from_days = -1, .to_days = 300 });
	char err[256], expected[256], date[16], warning[256], *both, *all, *renewed;
	struct identity *id;

	both = testcert_join(f->ca->cert_pem, late->cert_pem);
	all = testcert_join(both, gone->cert_pem);
	renewed = testcert_join(both, next->cert_pem);
	p.ca = all;
	id = identity_load(&p, err, sizeof(err));
	assert_non_null(id);
	snprintf(date, sizeof(date), "%s", date_in(29));
	snprintf(expected, sizeof(expected), "the CA 'Old CA' expires on %s; the CA 'Gone CA' has expired on %s", date,
		 date_in(-2));
	assert_string_equal(identity_warning(id, warning, sizeof(warning)), expected);
	identity_free(id);
	p.ca = renewed;
	id = identity_load(&p, err, sizeof(err));
	assert_non_null(id);
	assert_string_equal(identity_warning(id, warning, sizeof(warning)), "");
	identity_free(id);
	free(both);
	free(all);
	free(renewed);
	testcert_free(late);
	testcert_free(gone);
	testcert_free(next);
}

/* A small buffer gets a cut message, never more. */
static void
test_short_buffer(void **state)
{
	struct fixture *f = *state;
	struct identity_params p = f->params;
	char err[12];

	memset(err, 'x', sizeof(err));
	p.key = "/nonexistent/alice.key";
	assert_null(identity_load(&p, err, 10));
	assert_string_equal(err, "key /none");
	assert_int_equal(err[10], 'x');
}

static void
test_fingerprint(void **state)
{
	static const char plain[] = "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1Eff";
	static const char colons[] =
		"00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:"
		"1C:1D:1E:FF";
	uint8_t a[32] = { 0 }, b[32] = { 0 };
	char bad[128];

	(void)state;
	assert_true(identity_fingerprint_parse(plain, a));
	assert_true(identity_fingerprint_parse(colons, b));
	assert_memory_equal(a, b, 32);
	assert_int_equal(a[10], 10);
	assert_int_equal(a[31], 0xff);
	snprintf(bad, sizeof(bad), "%s0", plain);
	assert_false(identity_fingerprint_parse(bad, a));
	snprintf(bad, sizeof(bad), "%s:", plain);
	assert_false(identity_fingerprint_parse(bad, a));
	snprintf(bad, sizeof(bad), ":%s", plain);
	assert_false(identity_fingerprint_parse(bad, a));
	snprintf(bad, sizeof(bad), "%.63s", plain);
	assert_false(identity_fingerprint_parse(bad, a));
	snprintf(bad, sizeof(bad), "%.63sg", plain);
	assert_false(identity_fingerprint_parse(bad, a));
	assert_false(identity_fingerprint_parse("", a));
	assert_memory_equal(a, b, 32);
}

static void
test_names(void **state)
{
	char name[66];

	(void)state;
	assert_true(identity_name_valid("a"));
	assert_true(identity_name_valid("Alice-7_x.y@example.org"));
	memset(name, 'n', sizeof(name));
	name[63] = 0;
	assert_true(identity_name_valid(name));
	name[63] = 'n';
	name[64] = 0;
	assert_false(identity_name_valid(name));
	assert_false(identity_name_valid(""));
	assert_false(identity_name_valid("a b"));
	assert_false(identity_name_valid("a/b"));
	assert_false(identity_name_valid("a\n"));
	assert_false(identity_name_valid("\xc3\xa4"));
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_good),
		CASE(test_combined_file),
		CASE(test_not_given),
		CASE(test_missing),
		CASE(test_unreadable),
		CASE(test_not_pem),
		CASE(test_damaged),
		CASE(test_foreign_key),
		CASE(test_passphrase),
		CASE(test_dates),
		CASE(test_ca),
		CASE(test_warning),
		CASE(test_warning_of_ca),
		CASE(test_short_buffer),
		cmocka_unit_test(test_fingerprint),
		cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
