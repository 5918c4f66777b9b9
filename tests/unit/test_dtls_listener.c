/* crypto/dtls_listener: cookies are bound to address, port and time; answers are limited; nothing else makes a sec. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "castswitch/dtls.h"
#include "lib/dtlsnet.h"
#include "lib/testcert.h"

enum { BURST = 1000 };

struct fixture {
	struct testcert *ca, *alice, *server;
	struct dtlsnet *net;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const struct identity_params client = { .role = IDENTITY_CLIENT, .require_eku = true };
	const struct identity_params server = { .role = IDENTITY_SERVER, .require_eku = true };

	f->ca = testcert_ca("Test CA");
	f->alice = testcert_leaf(f->ca, "alice", "clientAuth");
	f->server = testcert_leaf(f->ca, "server", "serverAuth");
	f->net = dtlsnet_new(dtlsnet_identity(&client, f->alice, f->ca), dtlsnet_identity(&server, f->server, f->ca));
	dtlsnet_start(f->net);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	dtlsnet_free(f->net);
	testcert_free(f->ca);
	testcert_free(f->alice);
	testcert_free(f->server);
	free(f);
	return 0;
}

/* Feeds the listener; whether a connection came of it (and is thrown away). */
static bool
offer(struct dtlsnet *net, const uint8_t *dgram, size_t len)
{
	struct sec *s = net->listener->ops->input(net->listener, &net->path, dgram, len, net->now);

	if (s)
		s->ops->destroy(s);
	return s != NULL;
}

/* Lets the client have its cookie; its second ClientHello is what waits in to_server then. */
static void
get_cookie(struct dtlsnet *net)
{
	assert_int_equal(net->to_server.n, 1);
	dtlsnet_step(net);
	assert_null(net->server);
	assert_int_equal(net->from_server, 1);
	assert_int_equal(net->to_server.n, 1);
}

static void
test_cookie(void **state)
{
	struct dtlsnet *net = ((struct fixture *)*state)->net;

	get_cookie(net);
	const uint8_t *hello = net->to_server.d[0].bytes;
	size_t len = net->to_server.d[0].len;
	assert_true(offer(net, hello, len));
	assert_true(offer(net, hello, len)); /* stateless: it cannot know that it has seen this one */
	for (size_t cut = 0; cut < len; cut++)
		assert_false(offer(net, hello, cut));
}

/* An answer is not longer than what it answers. */
static void
test_no_amplification(void **state)
{
	struct dtlsnet *net = ((struct fixture *)*state)->net;
	size_t hello = net->to_server.d[0].len;

	net->longest = 0;
	assert_false(offer(net, net->to_server.d[0].bytes, hello));
	assert_int_equal(net->to_client.n, 1);
	assert_in_range(net->longest, 1, hello);
}

static void
test_cookie_is_bound_to_the_address(void **state)
{
	struct dtlsnet *net = ((struct fixture *)*state)->net;

	get_cookie(net);
	const uint8_t *hello = net->to_server.d[0].bytes;
	size_t len = net->to_server.d[0].len;
	const struct path good = net->path;

	net->path.remote.port++;
	assert_false(offer(net, hello, len));
	net->path = good;
	net->path.remote.ip.b[15] ^= 1;
	assert_false(offer(net, hello, len));
	net->path = good;
	net->path.remote.scope_id = 2;
	assert_false(offer(net, hello, len));
	assert_int_equal(net->to_client.n, 3); /* each got a cookie of its own */
	/* what is ours may change: another socket, another local address */
	net->path = good;
	net->path.sock = 3;
	net->path.local = ipaddr_v4_u32(0xc0000263);
	assert_true(offer(net, hello, len));
}

/* Secrets change every 120 s, and the previous one is good for as long again. */
static void
test_cookie_age(void **state)
{
	struct dtlsnet *net = ((struct fixture *)*state)->net;
	const nsec_t period = DTLS_COOKIE_PERIOD_S * NSEC_PER_SEC;
	const struct mono start = net->now;

	get_cookie(net);
	const uint8_t *hello = net->to_server.d[0].bytes;
	size_t len = net->to_server.d[0].len;

	net->now = mono_add(start, period - 1);
	assert_true(offer(net, hello, len));
	net->now = mono_add(start, period);
	assert_true(offer(net, hello, len));
	net->now = mono_add(start, 2 * period - 1);
	assert_true(offer(net, hello, len));
	net->now = mono_add(start, 2 * period);
	assert_false(offer(net, hello, len));
	/* time that stands still or goes back does no harm */
	net->now = start;
	assert_false(offer(net, hello, len));
}

/* A server that saw nothing for long must not accept an old cookie because nothing made it change the secret. */
static void
test_cookie_age_when_idle(void **state)
{
	struct dtlsnet *net = ((struct fixture *)*state)->net;

	get_cookie(net);
	net->now = mono_add(net->now, 2 * DTLS_COOKIE_PERIOD_S * NSEC_PER_SEC);
	assert_false(offer(net, net->to_server.d[0].bytes, net->to_server.d[0].len));
}

/* At most 5,000 answers a second, and a burst of 1,000. */
static void
test_answer_limit(void **state)
{
	struct dtlsnet *net = ((struct fixture *)*state)->net;
	const uint8_t *hello = net->to_server.d[0].bytes;
	size_t len = net->to_server.d[0].len;

	for (unsigned i = 0; i < BURST + 10; i++) {
		assert_false(offer(net, hello, len));
		assert_int_equal(net->to_client.n, i < BURST ? 1 : 0);
		net->to_client.n = 0;
	}
	/* one token comes every 200 us */
	net->now = mono_add(net->now, NSEC_PER_SEC / DTLS_HELLO_VERIFY_RATE - 1);
	assert_false(offer(net, hello, len));
	assert_int_equal(net->to_client.n, 0);
	net->now = mono_add(net->now, 1);
	assert_false(offer(net, hello, len));
	assert_int_equal(net->to_client.n, 1);
}

/* A flood that used up all answers does not shut out who has a cookie already. */
static void
test_cookie_holders_pass_the_limit(void **state)
{
	struct dtlsnet *net = ((struct fixture *)*state)->net;
	struct dtlsnet_queue first = net->to_server;

	get_cookie(net);
	for (unsigned i = 0; i < BURST; i++) {
		assert_false(offer(net, first.d[0].bytes, first.d[0].len));
		net->to_client.n = 0;
	}
	assert_true(offer(net, net->to_server.d[0].bytes, net->to_server.d[0].len));
}

/* Only a ClientHello is answered. */
static void
test_other_records(void **state)
{
	struct dtlsnet *net = ((struct fixture *)*state)->net;
	struct dtlsnet_queue hello = net->to_server;
	uint8_t *p = hello.d[0].bytes;
	size_t len = hello.d[0].len;

	for (unsigned type = 0; type < 256; type++) {
		p[0] = (uint8_t)type;
		assert_false(offer(net, p, len));
		assert_int_equal(net->to_client.n, type == 22 ? 1 : 0);
		net->to_client.n = 0;
	}
	p[0] = 22;
	for (unsigned msg = 0; msg < 256; msg++) {
		p[13] = (uint8_t)msg;
		assert_false(offer(net, p, len));
		assert_int_equal(net->to_client.n, msg == 1 ? 1 : 0);
		net->to_client.n = 0;
	}
	p[13] = 1;
	p[4] = 1; /* epoch */
	assert_false(offer(net, p, len));
	assert_int_equal(net->to_client.n, 0);
}

/* After rubbish, after refusals and after a reload the same listener still makes connections. */
static void
test_reload(void **state)
{
	struct fixture *f = *state;
	struct dtlsnet *net = f->net;
	const struct identity_params params = { .role = IDENTITY_SERVER, .require_eku = true };
	struct testcert *renewed = testcert_leaf(f->ca, "renewed", "serverAuth");
	struct identity *id = dtlsnet_identity(&params, renewed, f->ca);
	char err[SEC_ERROR_MAX] = "";
	struct dtls_ctx *ctx = dtls_ctx_new(id, err);

	identity_free(id);
	assert_non_null(ctx);
	get_cookie(net);
	assert_false(offer(net, (const uint8_t *)"rubbish", 7));
	dtls_listener_set_ctx(net->listener, ctx);
	dtls_ctx_free(ctx);
	dtlsnet_run(net); /* the cookie of before is good */
	assert_int_equal(net->client_status, SEC_READY);
	assert_int_equal(net->server_status, SEC_READY);
	assert_int_equal(net->from_server, 3); /* HelloVerifyRequest and two flights */
	assert_string_equal(net->client->ops->peer(net->client)->name, "renewed");
	testcert_free(renewed);
}

/* A connection outlives the listener and the context it came from. */
static void
test_lifetimes(void **state)
{
	struct dtlsnet *net = ((struct fixture *)*state)->net;

	dtlsnet_step(net);
	dtlsnet_step(net);
	assert_non_null(net->server);
	dtlsnet_step(net);
	dtls_listener_free(net->listener);
	net->listener = NULL;
	dtls_ctx_free(net->server_ctx);
	net->server_ctx = NULL;
	dtlsnet_run(net);
	assert_int_equal(net->client_status, SEC_READY);
	assert_int_equal(net->server_status, SEC_READY);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_cookie),
		CASE(test_no_amplification),
		CASE(test_cookie_is_bound_to_the_address),
		CASE(test_cookie_age),
		CASE(test_cookie_age_when_idle),
		CASE(test_answer_limit),
		CASE(test_cookie_holders_pass_the_limit),
		CASE(test_other_records),
		CASE(test_reload),
		CASE(test_lifetimes),
	};
	return cmocka_run_group_tests_name("dtls_listener", tests, NULL, NULL);
}
