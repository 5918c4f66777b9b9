/* Two DTLS ends joined by queues. */
#include "lib/dtlsnet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "castswitch/random.h"

enum { TURNS = 100 }; /* more deadlines than a handshake has in a second */

/* --- time --- */

/* OpenSSL has no way to give its retransmission timer the time: it calls gettimeofday().  What the program defines
 * itself goes before the C library's, in a shared libssl as well, so the timer reads the 'now' of the net that is in
 * use. */
static const struct dtlsnet *in_use;
static bool clock_was_read;

int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	const uint64_t us = (in_use ? in_use->now.ns : DTLSNET_START) / NSEC_PER_USEC;

	(void)tz;
	tv->tv_sec = (time_t)(us / 1000000);
	tv->tv_usec = (suseconds_t)(us % 1000000);
	clock_was_read = true;
	return 0;
}

static void
use(const struct dtlsnet *net)
{
	in_use = net;
}

/* --- the ends --- */

struct identity *
dtlsnet_identity(const struct identity_params *params, const struct testcert *own, const struct testcert *ca)
{
	struct identity_params p = *params;
	char err[SEC_ERROR_MAX];
	struct identity *id;

	p.certificate = own->cert_pem;
	p.key = own->key_pem;
	p.ca = ca ? ca->cert_pem : NULL;
	id = identity_load(&p, err, sizeof(err));
	if (!id) {
		fprintf(stderr, "identity: %s\n", err);
		abort();
	}
	return id;
}

static void
put(struct dtlsnet *net, struct dtlsnet_queue *q, const uint8_t *dgram, size_t len)
{
	if (len > net->longest)
		net->longest = len;
	if (++net->sent == net->lose)
		return;
	if (q->n == DTLSNET_QUEUE || len > DTLSNET_DGRAM)
		abort();
	memcpy(q->d[q->n].bytes, dgram, len);
	q->d[q->n++].len = len;
}

static void
client_output(void *arg, const uint8_t *dgram, size_t len)
{
	struct dtlsnet *net = arg;

	put(net, &net->to_server, dgram, len);
}

static void
server_output(void *arg, const uint8_t *dgram, size_t len)
{
	struct dtlsnet *net = arg;

	net->from_server++;
	put(net, &net->to_client, dgram, len);
}

static void
listener_output(void *arg, const struct path *path, const uint8_t *dgram, size_t len)
{
	struct dtlsnet *net = arg;

	if (path != &net->path)
		abort();
	server_output(net, dgram, len);
}

struct dtlsnet *
dtlsnet_new(struct identity *client, struct identity *server)
{
	struct dtlsnet *net = calloc(1, sizeof(*net));
	struct rng rng = random_rng();
	char err[SEC_ERROR_MAX] = "";

	if (!net)
		abort();
	net->now = mono_from_ns(DTLSNET_START);
	use(net);
	net->path.remote.ip = ipaddr_v4_u32(0xc0000201);
	net->path.remote.port = 40000;
	net->client_ctx = dtls_ctx_new(client, err);
	net->server_ctx = net->client_ctx ? dtls_ctx_new(server, err) : NULL;
	identity_free(client);
	identity_free(server);
	net->client = net->server_ctx ? dtls_client_new(net->client_ctx, err) : NULL;
	net->listener = net->client ? dtls_listener_new(net->server_ctx, &rng, net->now) : NULL;
	if (!net->listener) {
		fprintf(stderr, "dtlsnet: %s\n", err);
		abort();
	}
	net->client->output = client_output;
	net->client->arg = net;
	net->listener->output = listener_output;
	net->listener->arg = net;
	return net;
}

void
dtlsnet_free(struct dtlsnet *net)
{
	if (!net)
		return;
	net->client->ops->destroy(net->client);
	if (net->server)
		net->server->ops->destroy(net->server);
	dtls_listener_free(net->listener);
	dtls_ctx_free(net->client_ctx);
	dtls_ctx_free(net->server_ctx);
	if (in_use == net)
		use(NULL);
	free(net);
}

static bool
take(struct dtlsnet_queue *q, uint8_t *dgram, size_t *ret_len)
{
	if (q->n == 0)
		return false;
	memcpy(dgram, q->d[0].bytes, q->d[0].len);
	*ret_len = q->d[0].len;
	memmove(&q->d[0], &q->d[1], --q->n * sizeof(q->d[0]));
	return true;
}

static void
to_server(struct dtlsnet *net, const uint8_t *dgram, size_t len)
{
	if (net->server) {
		net->server_status = net->server->ops->input(net->server, dgram, len);
		return;
	}
	net->server = net->listener->ops->input(net->listener, &net->path, dgram, len, net->now);
	if (net->server) {
		net->server->output = server_output;
		net->server->arg = net;
		net->server_status = net->server->ops->tick(net->server, net->now);
	}
}

bool
dtlsnet_step(struct dtlsnet *net)
{
	uint8_t *dgram = malloc(DTLSNET_DGRAM);
	size_t len;
	bool any = false;

	if (!dgram)
		abort();
	use(net);
	if (take(&net->to_server, dgram, &len)) {
		to_server(net, dgram, len);
		any = true;
	}
	if (take(&net->to_client, dgram, &len)) {
		net->client_status = net->client->ops->input(net->client, dgram, len);
		any = true;
	}
	free(dgram);
	return any;
}

void
dtlsnet_flush(struct dtlsnet *net)
{
	while (dtlsnet_step(net))
		;
}

void
dtlsnet_start(struct dtlsnet *net)
{
	if (net->sent > 0)
		return;
	use(net);
	clock_was_read = false;
	net->client_status = net->client->ops->start(net->client);
	if (!clock_was_read) {
		fprintf(stderr,
			"dtlsnet: this OpenSSL does not call our gettimeofday(), its timer would take real time\n");
		abort();
	}
}

static bool
settled(const struct dtlsnet *net)
{
	return net->client_status != SEC_PENDING && net->server && net->server_status != SEC_PENDING;
}

static bool
failed(const struct dtlsnet *net)
{
	return net->client_status == SEC_FAILED || net->server_status == SEC_FAILED;
}

bool
dtlsnet_pass_time(struct dtlsnet *net, struct mono end)
{
	struct mono next = net->client->ops->next(net->client, net->now);

	if (net->server)
		next = mono_min(next, net->server->ops->next(net->server, net->now));
	if (mono_before(end, next))
		return false;
	use(net);
	net->now = mono_max(net->now, next);
	net->client_status = net->client->ops->tick(net->client, net->now);
	if (net->server)
		net->server_status = net->server->ops->tick(net->server, net->now);
	return true;
}

void
dtlsnet_run(struct dtlsnet *net)
{
	const struct mono end = mono_add(net->now, NSEC_PER_SEC);

	dtlsnet_start(net);
	dtlsnet_flush(net);
	for (unsigned turns = 0; turns < TURNS && !settled(net) && !failed(net); turns++) {
		if (!dtlsnet_pass_time(net, end))
			return;
		dtlsnet_flush(net);
	}
}
