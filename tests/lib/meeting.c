/* A client and a server meet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "lib/meeting.h"

#include "../../src/crypto/private.h"

int
meeting_setup(void **state)
{
	struct meeting *m = calloc(1, sizeof(*m));

	m->ca = testcert_ca("Test CA");
	m->client_params = (struct identity_params){ .role = IDENTITY_CLIENT, .require_eku = true };
	m->server_params = (struct identity_params){ .role = IDENTITY_SERVER, .require_eku = true };
	*state = m;
	return 0;
}

int
meeting_teardown(void **state)
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

SSL *
meeting_ssl(struct sec *s)
{
	return ((struct dtls *)(void *)s)->ssl;
}

static void
show_other_certificates(struct meeting *m)
{
	SSL_CTX *server = m->net->server_ctx->ssl_ctx;

	if (m->client_shows) {
		assert_int_equal(SSL_use_certificate(meeting_ssl(m->net->client), m->client_shows->x509), 1);
		assert_int_equal(SSL_use_PrivateKey(meeting_ssl(m->net->client), m->client_shows->key), 1);
	}
	if (m->server_shows) {
		assert_int_equal(SSL_CTX_use_certificate(server, m->server_shows->x509), 1);
		assert_int_equal(SSL_CTX_use_PrivateKey(server, m->server_shows->key), 1);
		dtls_listener_set_ctx(m->net->listener, m->net->server_ctx);
	}
}

void
meeting_run(struct meeting *m)
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

void
meeting_welcomes(struct meeting *m, const char *client_name, const char *server_name)
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

void
meeting_server_refuses(struct meeting *m, const char *why, const char *alert)
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

void
meeting_client_refuses(struct meeting *m, const char *why, const char *alert)
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

const char *
meeting_date(int days)
{
	static char text[16];
	time_t t = time(NULL) + (time_t)days * 86400;
	struct tm tm;

	strftime(text, sizeof(text), "%Y-%m-%d", gmtime_r(&t, &tm));
	return text;
}
