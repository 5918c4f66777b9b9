/* crypto/dtls: the handshake, what flows after it, and what an attacker can send.  The listener has its tests in
 * test_dtls_listener.c, who is let in in test_dtls_verify.c. */
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

#include "castswitch/random.h"
#include "lib/dtlsnet.h"
#include "lib/testcert.h"

#include "../../src/crypto/private.h"

#define FIRST_TIMEOUT (250 * NSEC_PER_MSEC)

struct fixture {
	struct testcert *ca, *alice, *server;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->ca = testcert_ca("Test CA");
	f->alice = testcert_leaf(f->ca, "alice", "clientAuth");
	f->server = testcert_new(&(struct testcert_opts){
		.cn = "vpn.example.org", .san = "DNS:vpn.example.org", .eku = "serverAuth", .issuer = f->ca });
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	testcert_free(f->ca);
	testcert_free(f->alice);
	testcert_free(f->server);
	free(f);
	return 0;
}

static struct dtlsnet *
everyday(const struct fixture *f)
{
	const struct identity_params client = { .role = IDENTITY_CLIENT,
						.server_name = "vpn.example.org",
						.require_eku = true };
	const struct identity_params server = { .role = IDENTITY_SERVER, .require_eku = true };

	return dtlsnet_new(dtlsnet_identity(&client, f->alice, f->ca), dtlsnet_identity(&server, f->server, f->ca));
}

static struct dtlsnet *
connected(const struct fixture *f)
{
	struct dtlsnet *net = everyday(f);

	dtlsnet_run(net);
	assert_int_equal(net->client_status, SEC_READY);
	assert_int_equal(net->server_status, SEC_READY);
	return net;
}

static void
assert_peer(struct sec *s, const struct testcert *tc, const char *name)
{
	const struct sec_identity *p = s->ops->peer(s);
	time_t in_60_days = time(NULL) + 60 * 86400;

	assert_string_equal(p->name, name);
	assert_string_equal(p->issuer, "CN=Test CA");
	char serial[32];
	snprintf(serial, sizeof(serial), "%lX", ASN1_INTEGER_get(X509_get0_serialNumber(tc->x509)));
	assert_string_equal(p->serial, serial);
	assert_memory_equal(p->sha256, tc->sha256, sizeof(p->sha256));
	assert_in_range(p->not_after, in_60_days - 60, in_60_days + 60);
}

static void
test_handshake(void **state)
{
	const struct fixture *f = *state;
	struct dtlsnet *net = everyday(f);

	assert_int_equal(net->sent, 0);
	dtlsnet_start(net);
	assert_int_equal(net->client_status, SEC_PENDING);
	assert_int_equal(net->sent, 1);
	/* the first ClientHello gets a HelloVerifyRequest and leaves nothing behind */
	assert_true(dtlsnet_step(net));
	assert_null(net->server);
	assert_int_equal(net->from_server, 1);
	dtlsnet_run(net);
	assert_int_equal(net->client_status, SEC_READY);
	assert_int_equal(net->server_status, SEC_READY);
	assert_peer(net->server, f->alice, "alice");
	assert_peer(net->client, f->server, "vpn.example.org");
	assert_string_equal(net->client->ops->error(net->client), "");
	assert_string_equal(net->server->ops->error(net->server), "");
	assert_true(mono_is_never(net->client->ops->next(net->client, net->now)));
	assert_true(mono_is_never(net->server->ops->next(net->server, net->now)));
	dtlsnet_free(net);
}

/* The agreed parameters are those of the design. */
static void
test_parameters(void **state)
{
	struct dtlsnet *net = connected(*state);
	SSL *ssl = ((struct dtls *)(void *)net->server)->ssl;

	assert_int_equal(SSL_version(ssl), DTLS1_2_VERSION);
	assert_string_equal(SSL_get_cipher_name(ssl), "ECDHE-ECDSA-AES256-GCM-SHA384");
	assert_int_equal(SSL_get_negotiated_group(ssl), NID_X25519);
	assert_int_equal(SSL_get_extms_support(ssl), 1);
	assert_int_equal(SSL_session_reused(ssl), 0);
	assert_false(SSL_SESSION_has_ticket(SSL_get0_session(ssl)));
	dtlsnet_free(net);
}

/* Certificates that fill several datagrams: none is longer than 1,200 bytes. */
static void
test_datagram_size(void **state)
{
	const struct fixture *f = *state;
	struct testcert *ca = testcert_new(
		&(struct testcert_opts){ .cn = "RSA CA", .ca = true, .ku = "keyCertSign", .rsa_bits = 2048 });
	struct testcert *client = testcert_new(
		&(struct testcert_opts){ .cn = "bob", .eku = "clientAuth", .issuer = ca, .rsa_bits = 2048 });
	struct testcert *server = testcert_new(
		&(struct testcert_opts){ .cn = "srv", .eku = "serverAuth", .issuer = ca, .rsa_bits = 2048 });
	const struct identity_params cp = { .role = IDENTITY_CLIENT, .require_eku = true };
	const struct identity_params sp = { .role = IDENTITY_SERVER, .require_eku = true };

	(void)f;
	struct dtlsnet *net = dtlsnet_new(dtlsnet_identity(&cp, client, ca), dtlsnet_identity(&sp, server, ca));
	dtlsnet_run(net);
	assert_int_equal(net->client_status, SEC_READY);
	assert_int_equal(net->server_status, SEC_READY);
	assert_in_range(net->longest, 1100, DTLS_MAX_DGRAM);
	dtlsnet_free(net);
	testcert_free(ca);
	testcert_free(client);
	testcert_free(server);
}

/* Whichever datagram is lost, the first retransmission repairs it. */
static void
test_loss(void **state)
{
	struct dtlsnet *net = connected(*state);
	unsigned total = net->sent;

	assert_in_range(total, 6, 12);
	assert_int_equal(net->now.ns, DTLSNET_START); /* without loss nothing waits for a timer */
	dtlsnet_free(net);
	for (unsigned lose = 1; lose <= total; lose++) {
		net = everyday(*state);
		net->lose = lose;
		dtlsnet_run(net);
		assert_int_equal(net->client_status, SEC_READY);
		assert_int_equal(net->server_status, SEC_READY);
		assert_true(net->sent > total);
		assert_int_equal(net->now.ns, DTLSNET_START + FIRST_TIMEOUT);
		dtlsnet_free(net);
	}
}

/* Nothing is sent again before its time; OpenSSL takes the last 15 ms for over. */
static void
test_timer(void **state)
{
	struct dtlsnet *net = everyday(*state);
	struct sec *c = net->client;

	dtlsnet_start(net);
	const struct mono due = mono_add(net->now, FIRST_TIMEOUT);
	assert_int_equal(c->ops->next(c, net->now).ns, due.ns);
	for (nsec_t before = FIRST_TIMEOUT; before > 15 * NSEC_PER_MSEC; before -= NSEC_PER_MSEC) {
		net->now = mono_from_ns(due.ns - before);
		assert_int_equal(c->ops->next(c, net->now).ns, due.ns);
		assert_int_equal(c->ops->tick(c, net->now), SEC_PENDING);
		assert_int_equal(net->sent, 1);
	}
	net->now = due;
	assert_int_equal(c->ops->next(c, net->now).ns, due.ns);
	assert_int_equal(c->ops->tick(c, net->now), SEC_PENDING);
	assert_int_equal(net->sent, 2);
	assert_int_equal(c->ops->next(c, net->now).ns, due.ns + 2 * FIRST_TIMEOUT);
	assert_int_equal(c->ops->tick(c, net->now), SEC_PENDING);
	assert_int_equal(net->sent, 2);
	dtlsnet_free(net);
}

/* The time between two attempts doubles up to 4 s; after twelve that nobody answered it is over. */
static void
test_nobody_answers(void **state)
{
	struct dtlsnet *net = everyday(*state);
	nsec_t timeout = FIRST_TIMEOUT;

	dtlsnet_start(net);
	for (unsigned again = 1; again <= 12; again++) {
		const struct mono due = mono_add(net->now, timeout);

		assert_false(dtlsnet_pass_time(net, mono_from_ns(due.ns - 1)));
		assert_true(dtlsnet_pass_time(net, due));
		assert_int_equal(net->now.ns, due.ns);
		assert_int_equal(net->client_status, SEC_PENDING);
		assert_int_equal(net->sent, 1 + again);
		timeout = timeout < 4 * NSEC_PER_SEC ? 2 * timeout : timeout;
	}
	assert_true(dtlsnet_pass_time(net, mono_add(net->now, timeout)));
	assert_int_equal(net->client_status, SEC_FAILED);
	assert_string_equal(net->client->ops->error(net->client), "peer does not answer");
	assert_int_equal(net->sent, 13);
	assert_false(dtlsnet_pass_time(net, mono_from_ns(MONO_NEVER.ns - 1)));
	dtlsnet_free(net);
}

static void
test_exporter(void **state)
{
	struct dtlsnet *net = everyday(*state);
	static const char label[] = "EXPORTER-castswitch-data-v1";
	const uint8_t context[10] = { 1, 1, 0, 0, 0, 7, 0, 0, 0, 9 }, other[10] = { 1, 2, 0, 0, 0, 7, 0, 0, 0, 9 };
	uint8_t a[88] = { 0 }, b[88] = { 0 }, c[88] = { 0 };

	assert_false(net->client->ops->keying(net->client, label, context, sizeof(context), a, sizeof(a)));
	dtlsnet_run(net);
	assert_true(net->client->ops->keying(net->client, label, context, sizeof(context), a, sizeof(a)));
	assert_true(net->server->ops->keying(net->server, label, context, sizeof(context), b, sizeof(b)));
	assert_memory_equal(a, b, sizeof(a));
	assert_true(net->server->ops->keying(net->server, label, other, sizeof(other), c, sizeof(c)));
	assert_memory_not_equal(a, c, sizeof(a));
	/* RFC 5705 4: an empty context is not the same as none, but both sides mean the same */
	assert_true(net->client->ops->keying(net->client, label, context, 0, a, sizeof(a)));
	assert_true(net->server->ops->keying(net->server, label, NULL, 0, b, sizeof(b)));
	assert_memory_equal(a, b, sizeof(a));
	dtlsnet_free(net);

	net = connected(*state);
	assert_true(net->client->ops->keying(net->client, label, context, 0, b, sizeof(b)));
	assert_memory_not_equal(a, b, sizeof(a));
	dtlsnet_free(net);
}

static void
test_messages(void **state)
{
	struct dtlsnet *net = everyday(*state);
	uint8_t msg[DTLS_MAX_DGRAM + 1], buf[DTLS_MAX_DGRAM];
	const size_t max = DTLS_MAX_DGRAM - 37; /* 13 record header, 8 explicit nonce, 16 tag */

	memset(msg, 'x', sizeof(msg));
	dtlsnet_start(net);
	assert_false(net->client->ops->write(net->client, msg, 1));
	assert_int_equal(net->client->ops->read(net->client, buf, sizeof(buf)), 0);
	dtlsnet_run(net);
	struct sec *c = net->client, *s = net->server;

	assert_true(c->ops->write(c, (const uint8_t *)"one", 3));
	assert_true(c->ops->write(c, (const uint8_t *)"two", 3));
	assert_int_equal(s->ops->read(s, buf, sizeof(buf)), 0);
	dtlsnet_flush(net);
	assert_int_equal(s->ops->read(s, buf, sizeof(buf)), 3);
	assert_memory_equal(buf, "one", 3);
	/* a message that is longer than the buffer is cut, the next is whole */
	assert_true(c->ops->write(c, (const uint8_t *)"three", 5));
	dtlsnet_flush(net);
	assert_int_equal(s->ops->read(s, buf, 2), 2);
	assert_memory_equal(buf, "tw", 2);
	assert_int_equal(s->ops->read(s, buf, sizeof(buf)), 5);
	assert_int_equal(s->ops->read(s, buf, sizeof(buf)), 0);

	assert_false(s->ops->write(s, msg, 0));
	assert_false(s->ops->write(s, msg, max + 1));
	net->longest = 0;
	assert_true(s->ops->write(s, msg, max));
	assert_int_equal(net->longest, DTLS_MAX_DGRAM);
	dtlsnet_flush(net);
	assert_int_equal(c->ops->read(c, buf, sizeof(buf)), max);
	assert_int_equal(net->client_status, SEC_READY);
	dtlsnet_free(net);
}

/* What is not read is bounded: late messages are lost, and there is room again after reading. */
static void
test_inbox_limit(void **state)
{
	struct dtlsnet *net = connected(*state);
	uint8_t msg[1000] = { 0 }, buf[1000];
	unsigned n = 0;

	for (unsigned i = 0; i < 6; i++) {
		msg[0] = (uint8_t)i;
		assert_true(net->client->ops->write(net->client, msg, sizeof(msg)));
		dtlsnet_flush(net);
	}
	while (net->server->ops->read(net->server, buf, sizeof(buf)) == sizeof(buf))
		assert_int_equal(buf[0], n++);
	assert_int_equal(n, 4);
	assert_true(net->client->ops->write(net->client, msg, sizeof(msg)));
	dtlsnet_flush(net);
	assert_int_equal(net->server->ops->read(net->server, buf, sizeof(buf)), sizeof(buf));
	assert_int_equal(buf[0], 5);
	dtlsnet_free(net);
}

static void
test_replay_and_damage(void **state)
{
	struct dtlsnet *net = connected(*state);
	struct dtlsnet_queue saved;
	uint8_t buf[64];

	assert_true(net->client->ops->write(net->client, (const uint8_t *)"hello", 5));
	saved = net->to_server;
	net->to_server.d[0].bytes[20] ^= 1;
	dtlsnet_flush(net);
	assert_int_equal(net->server->ops->read(net->server, buf, sizeof(buf)), 0);
	net->to_server = saved;
	dtlsnet_flush(net);
	assert_int_equal(net->server->ops->read(net->server, buf, sizeof(buf)), 5);
	net->to_server = saved;
	dtlsnet_flush(net);
	assert_int_equal(net->server->ops->read(net->server, buf, sizeof(buf)), 0);
	assert_int_equal(net->server_status, SEC_READY);
	dtlsnet_free(net);
}

static void
test_close_notify(void **state)
{
	struct dtlsnet *net = connected(*state);
	uint8_t buf[64];

	assert_true(net->client->ops->write(net->client, (const uint8_t *)"last", 4));
	SSL_shutdown(((struct dtls *)(void *)net->client)->ssl);
	dtlsnet_flush(net);
	assert_int_equal(net->server_status, SEC_CLOSED);
	assert_int_equal(net->server->ops->tick(net->server, net->now), SEC_CLOSED);
	assert_string_equal(net->server->ops->error(net->server), "");
	assert_false(net->server->ops->write(net->server, buf, 1));
	/* what came before is still there */
	assert_int_equal(net->server->ops->read(net->server, buf, sizeof(buf)), 4);
	dtlsnet_free(net);
}

/* A client that asks for a new handshake is told no and changes nothing. */
static void
test_renegotiation(void **state)
{
	struct dtlsnet *net = connected(*state);
	SSL *client = ((struct dtls *)(void *)net->client)->ssl;
	const uint8_t context[1] = { 0 };
	uint8_t before[32], after[32], buf[8];
	unsigned from_server = net->from_server;
	struct sec *s = net->server;

	assert_true(s->ops->keying(s, "EXPORTER-test", context, 1, before, sizeof(before)));
	SSL_clear_options(client, SSL_OP_NO_RENEGOTIATION);
	assert_int_equal(SSL_renegotiate(client), 1);
	(void)SSL_do_handshake(client);
	assert_int_equal(net->to_server.n, 1);
	dtlsnet_step(net);
	assert_true(net->from_server <= from_server + 1); /* at most a warning */
	assert_int_equal(net->server_status, SEC_READY);
	assert_true(s->ops->keying(s, "EXPORTER-test", context, 1, after, sizeof(after)));
	assert_memory_equal(before, after, sizeof(before));
	assert_int_equal(s->ops->read(s, buf, sizeof(buf)), 0);
	dtlsnet_free(net);
}

/* Nor does a client follow a server that asks for one. */
static void
test_hello_request(void **state)
{
	struct dtlsnet *net = connected(*state);
	SSL *server = ((struct dtls *)(void *)net->server)->ssl;

	SSL_clear_options(server, SSL_OP_NO_RENEGOTIATION);
	assert_int_equal(SSL_renegotiate(server), 1);
	(void)SSL_do_handshake(server);
	assert_int_equal(net->to_client.n, 1);
	assert_int_equal(net->to_client.d[0].bytes[0], 22);
	dtlsnet_step(net);
	assert_int_equal(net->client_status, SEC_READY);
	for (unsigned i = 0; i < net->to_server.n; i++)
		assert_int_equal(net->to_server.d[i].bytes[0], 21); /* at most a warning, no ClientHello */
	dtlsnet_free(net);
}

/* --- what an attacker can send --- */

static void
test_garbage(void **state)
{
	struct dtlsnet *net = everyday(*state);
	struct rng_seeded seeded;
	struct rng rng;
	uint8_t junk[1500];

	rng_seeded_init(&seeded, 20240607, &rng);
	dtlsnet_start(net);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 500; i++) {
			size_t len = rng_below(&rng, sizeof(junk));
			rng_fill(&rng, junk, len);
			if (len > 0 && i % 2)
				junk[0] = (uint8_t)(20 + rng_below(&rng, 6));
			assert_int_equal(net->client->ops->input(net->client, junk, len), SEC_PENDING);
			if (net->server)
				assert_int_equal(net->server->ops->input(net->server, junk, len), SEC_PENDING);
			else
				assert_null(net->listener->ops->input(net->listener, &net->path, junk, len, net->now));
		}
		if (round < 2)
			assert_true(dtlsnet_step(net));
	}
	dtlsnet_run(net);
	assert_int_equal(net->client_status, SEC_READY);
	assert_int_equal(net->server_status, SEC_READY);
	for (unsigned i = 0; i < 500; i++) {
		rng_fill(&rng, junk, sizeof(junk));
		junk[0] = (uint8_t)(20 + rng_below(&rng, 6));
		assert_int_equal(net->client->ops->input(net->client, junk, sizeof(junk)), SEC_READY);
		assert_int_equal(net->server->ops->input(net->server, junk, sizeof(junk)), SEC_READY);
	}
	dtlsnet_free(net);
}

/* Every datagram of a handshake, cut short everywhere or with one byte changed, must crash nothing. */
static void
test_damaged_handshake(void **state)
{
	struct dtlsnet *net = connected(*state);
	unsigned total = net->sent;

	dtlsnet_free(net);
	for (unsigned victim = 0; victim < total; victim++) {
		for (unsigned at = 0; at < 60; at++) {
			net = everyday(*state);
			dtlsnet_start(net);
			for (unsigned step = 0; step < victim; step++)
				dtlsnet_step(net);
			struct dtlsnet_queue *q = net->to_server.n ? &net->to_server : &net->to_client;
			if (q->n > 0 && at % 2)
				q->d[0].len = q->d[0].len * at / 60;
			else if (q->n > 0)
				q->d[0].bytes[q->d[0].len * at / 60] ^= 0x55;
			dtlsnet_flush(net);
			assert_true(net->client_status == SEC_READY || net->client_status == SEC_PENDING ||
				    net->client->ops->error(net->client)[0]);
			dtlsnet_free(net);
		}
	}
}

static const uint8_t forged_alert[] = { 21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 99, 0, 2, 2, 42 }; /* bad certificate */

/* Before encryption everybody can send alerts: they end nothing as long as the true handshake goes on. */
static void
test_forged_alert(void **state)
{
	struct dtlsnet *net = everyday(*state);

	dtlsnet_start(net);
	do {
		assert_int_equal(net->client->ops->input(net->client, forged_alert, sizeof(forged_alert)), SEC_PENDING);
		assert_int_equal(net->client->ops->tick(net->client, net->now), SEC_PENDING);
		if (net->server)
			net->server_status = net->server->ops->input(net->server, forged_alert, sizeof(forged_alert));
	} while (dtlsnet_step(net) && net->client_status == SEC_PENDING);
	dtlsnet_run(net);
	assert_int_equal(net->client_status, SEC_READY);
	assert_int_equal(net->server_status, SEC_READY);
	/* nor afterwards, nor does a forged close_notify */
	uint8_t closing[sizeof(forged_alert)];
	memcpy(closing, forged_alert, sizeof(closing));
	closing[13] = 1;
	closing[14] = 0;
	assert_int_equal(net->client->ops->input(net->client, forged_alert, sizeof(forged_alert)), SEC_READY);
	assert_int_equal(net->server->ops->input(net->server, closing, sizeof(closing)), SEC_READY);
	dtlsnet_free(net);
}

/* When nothing follows an alert for the grace, it is believed. */
static void
test_alert_grace(void **state)
{
	struct dtlsnet *net = everyday(*state);
	struct sec *c = net->client;

	dtlsnet_start(net);
	dtlsnet_step(net);
	assert_int_equal(c->ops->input(c, forged_alert, sizeof(forged_alert)), SEC_PENDING);
	assert_int_equal(c->ops->next(c, net->now).ns, net->now.ns);
	assert_int_equal(c->ops->tick(c, net->now), SEC_PENDING);
	struct mono end = mono_add(net->now, DTLS_ALERT_GRACE);
	net->now = mono_from_ns(end.ns - 1);
	assert_int_equal(c->ops->tick(c, net->now), SEC_PENDING);
	assert_int_equal(c->ops->next(c, net->now).ns, end.ns);
	net->now = end;
	assert_int_equal(c->ops->tick(c, net->now), SEC_FAILED);
	assert_string_equal(c->ops->error(c), "peer sent alert: bad certificate (it refuses our certificate; its log says why)");
	assert_int_equal(c->ops->input(c, forged_alert, sizeof(forged_alert)), SEC_FAILED);
	assert_true(mono_is_never(c->ops->next(c, net->now)));
	dtlsnet_free(net);
}

/* A warning that is no close_notify is not even remembered. */
static void
test_warning_alert(void **state)
{
	struct dtlsnet *net = everyday(*state);
	uint8_t warning[sizeof(forged_alert)];

	memcpy(warning, forged_alert, sizeof(warning));
	warning[13] = 1;
	dtlsnet_start(net);
	assert_int_equal(net->client->ops->input(net->client, warning, sizeof(warning)), SEC_PENDING);
	assert_int_equal(net->client->ops->tick(net->client, net->now), SEC_PENDING);
	net->now = mono_add(net->now, 2 * DTLS_ALERT_GRACE);
	assert_int_equal(net->client->ops->tick(net->client, net->now), SEC_PENDING);
	dtlsnet_free(net);
}

static void
test_wrong_role(void **state)
{
	const struct fixture *f = *state;
	const struct identity_params server = { .role = IDENTITY_SERVER };
	struct identity *id = dtlsnet_identity(&server, f->server, f->ca);
	char err[SEC_ERROR_MAX] = "";
	struct dtls_ctx *ctx = dtls_ctx_new(id, err);

	identity_free(id);
	assert_non_null(ctx);
	assert_null(dtls_client_new(ctx, err));
	assert_string_equal(err, "this identity is a server's");
	dtls_ctx_free(ctx);
	dtls_ctx_free(NULL);
	dtls_listener_free(NULL);
	identity_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshake),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_datagram_size),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_timer),
		cmocka_unit_test(test_nobody_answers),
		cmocka_unit_test(test_exporter),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_inbox_limit),
		cmocka_unit_test(test_replay_and_damage),
		cmocka_unit_test(test_close_notify),
		cmocka_unit_test(test_renegotiation),
		cmocka_unit_test(test_hello_request),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_damaged_handshake),
		cmocka_unit_test(test_forged_alert),
		cmocka_unit_test(test_alert_grace),
		cmocka_unit_test(test_warning_alert),
		cmocka_unit_test(test_wrong_role),
	};
	return cmocka_run_group_tests_name("dtls", tests, setup, teardown);
}
