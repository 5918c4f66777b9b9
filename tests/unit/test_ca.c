/* crypto/ca together with identity and dtls: what castpki makes connects, and only in its role. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "castswitch/ca.h"
#include "castswitch/dtls.h"
#include "castswitch/identity.h"
#include "lib/dtlsnet.h"
#include "lib/meeting.h"

#include "../../src/crypto/private.h"

struct fixture {
	char top[32], dir[64], crt[96], key[96], ca[96], crl[96];
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char err[CA_ERROR_MAX] = "";

	snprintf(f->top, sizeof(f->top), "/tmp/test_ca.XXXXXX");
	assert_non_null(mkdtemp(f->top));
	snprintf(f->dir, sizeof(f->dir), "%s/pki", f->top);
	snprintf(f->crt, sizeof(f->crt), "%s/server.crt", f->dir);
	snprintf(f->key, sizeof(f->key), "%s/server.key", f->dir);
	snprintf(f->ca, sizeof(f->ca), "%s/ca.crt", f->dir);
	snprintf(f->crl, sizeof(f->crl), "%s/ca.crl", f->dir);
	const struct ca_init_params p = { .dir = f->dir, .host = "vpn.example.org" };
	assert_true(ca_init(&p, err));
	assert_string_equal(err, "");
	*state = f;
	return 0;
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(nftw(f->top, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
	free(f);
	return 0;
}

/* The text of an option of the profile; static buffers, one an option. */
static const char *
option(const char *profile, const char *name)
{
	static char values[4][2048];
	static unsigned next;
	char *value = values[next++ % 4];
	char start[32];

	snprintf(start, sizeof(start), "\t%s = \"", name);
	const char *from = strstr(profile, start);
	assert_non_null(from);
	from += strlen(start);
	size_t n = strcspn(from, "\"");
	assert_in_range(n, 1, sizeof(values[0]) - 1);
	memcpy(value, from, n);
	value[n] = 0;
	return value;
}

static struct identity *
must_load(const struct identity_params *p)
{
	char err[256] = "";
	struct identity *id = identity_load(p, err, sizeof(err));

	assert_string_equal(err, "");
	assert_non_null(id);
	return id;
}

static struct identity *
client_of(const struct fixture *f, const char *name, enum identity_role role)
{
	const struct ca_client_params p = { .dir = f->dir, .name = name };
	char err[CA_ERROR_MAX] = "", warning[128];
	char *profile = ca_client(&p, err);

	assert_string_equal(err, "");
	assert_non_null(profile);
	const struct identity_params params = {
		.role = role,
		.certificate = option(profile, "certificate"),
		.key = option(profile, "key"),
		.ca = option(profile, "ca"),
		.server_name = role == IDENTITY_CLIENT ? option(profile, "server-name") : NULL,
		.require_eku = true,
	};
	struct identity *id = must_load(&params);
	if (role == IDENTITY_CLIENT)
		assert_string_equal(identity_warning(id, warning, sizeof(warning)), "");
	ca_profile_free(profile);
	return id;
}

static struct identity *
server_of(const struct fixture *f)
{
	const struct identity_params params = {
		.role = IDENTITY_SERVER,
		.certificate = f->crt,
		.key = f->key,
		.ca = f->ca,
		.crl = f->crl,
		.crl_strict = true,
		.require_eku = true,
	};

	return must_load(&params);
}

static void
test_connect(void **state)
{
	const struct fixture *f = *state;
	struct dtlsnet *net = dtlsnet_new(client_of(f, "alice", IDENTITY_CLIENT), server_of(f));

	dtlsnet_run(net);
	assert_string_equal(net->client->ops->error(net->client), "");
	assert_int_equal(net->client_status, SEC_READY);
	assert_int_equal(net->server_status, SEC_READY);
	assert_string_equal(net->server->ops->peer(net->server)->name, "alice");
	assert_string_equal(net->server->ops->peer(net->server)->issuer, "CN=castswitch CA of vpn.example.org");
	assert_string_equal(net->client->ops->peer(net->client)->name, "vpn.example.org");
	dtlsnet_free(net);
}

/* A client cannot play the server. */
static void
test_client_as_server(void **state)
{
	const struct fixture *f = *state;
	struct identity *client = client_of(f, "alice", IDENTITY_CLIENT);
	struct dtlsnet *net = dtlsnet_new(client, client_of(f, "mallory", IDENTITY_SERVER));

	dtlsnet_run(net);
	assert_int_equal(net->client_status, SEC_FAILED);
	assert_string_equal(net->client->ops->error(net->client),
			    "certificate of 'mallory' is not for a server (extended key usage)");
	dtlsnet_free(net);
}

/* A second CA of the same host is another CA. */
static void
test_other_ca(void **state)
{
	struct fixture *f = *state, other = *f;
	char err[CA_ERROR_MAX] = "";

	snprintf(other.dir, sizeof(other.dir), "%s/other", f->top);
	const struct ca_init_params p = { .dir = other.dir, .host = "vpn.example.org" };
	assert_true(ca_init(&p, err));
	struct dtlsnet *net = dtlsnet_new(client_of(&other, "alice", IDENTITY_CLIENT), server_of(f));
	dtlsnet_run(net);
	assert_int_equal(net->client_status, SEC_FAILED);
	assert_string_equal(net->client->ops->error(net->client), "peer's certificate is not signed by our CA");
	dtlsnet_free(net);
}

/* The list that castpki writes ends alice's session and refuses her from then on, and nobody else. */
static void
test_revoke(void **state)
{
	const struct fixture *f = *state;
	const struct ca_revoke_params p = { .dir = f->dir, .name = "alice" };
	struct dtlsnet *before = dtlsnet_new(client_of(f, "alice", IDENTITY_CLIENT), server_of(f));
	char err[CA_ERROR_MAX] = "", why[SEC_ERROR_MAX] = "", line[96];

	dtlsnet_run(before);
	assert_int_equal(before->server_status, SEC_READY);
	const struct sec_identity *alice = before->server->ops->peer(before->server);
	struct identity *server = server_of(f);
	assert_int_equal(identity_check_peer(server, alice, alice->not_after - 1, why), IDENTITY_STAYS);
	identity_free(server);
	char *done = ca_revoke(&p, err);
	assert_string_equal(err, "");
	assert_non_null(strstr(done, alice->serial));
	ca_profile_free(done);
	server = server_of(f);
	snprintf(line, sizeof(line), "certificate of 'alice' was revoked on %s", meeting_date(0));
	assert_int_equal(identity_check_peer(server, alice, alice->not_after - 1, why), IDENTITY_REVOKED);
	assert_string_equal(why, line);

	struct dtlsnet *bob = dtlsnet_new(client_of(f, "bob", IDENTITY_CLIENT), server);
	dtlsnet_run(bob);
	assert_int_equal(bob->server_status, SEC_READY);
	struct dtlsnet *again = dtlsnet_new(identity_ref(before->client_ctx->identity), server_of(f));
	dtlsnet_run(again);
	assert_int_equal(again->server_status, SEC_FAILED);
	assert_string_equal(again->server->ops->error(again->server), line);
	dtlsnet_free(before);
	dtlsnet_free(bob);
	dtlsnet_free(again);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_connect),
		CASE(test_client_as_server),
		CASE(test_other_ca),
		CASE(test_revoke),
	};
	return cmocka_run_group_tests_name("ca", tests, NULL, NULL);
}
