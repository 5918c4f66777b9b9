/* Two DTLS ends and the listener in one process, joined by queues of datagrams that may lose some.
 *
 * The way is always: client -> listener until that makes the server's end -> server.  Time is 'now', for the engines
 * and for OpenSSL's retransmission timer, and nothing waits: 'now' moves when a test sets it, and to the next deadline
 * in dtlsnet_pass_time() and dtlsnet_run().
 */
#ifndef TESTS_LIB_DTLSNET_H
#define TESTS_LIB_DTLSNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "castswitch/dtls.h"
#include "lib/testcert.h"

enum { DTLSNET_QUEUE = 64, DTLSNET_DGRAM = 2048 };
#define DTLSNET_START (1000 * NSEC_PER_SEC)

struct dtlsnet_queue {
	struct {
		uint8_t bytes[DTLSNET_DGRAM];
		size_t len;
	} d[DTLSNET_QUEUE];
	unsigned n;
};

struct dtlsnet {
	struct dtls_ctx *client_ctx, *server_ctx;
	struct sec *client, *server; /* server: NULL until a cookie came back */
	struct sec_listener *listener;
	struct path path; /* as the listener sees the client */
	struct mono now;
	struct dtlsnet_queue to_server, to_client;
	unsigned sent;        /* datagrams in all */
	unsigned lose;        /* number of the datagram that gets lost, from 1; 0 = none */
	size_t longest;       /* datagram */
	unsigned from_server; /* datagrams that server or listener sent */
	enum sec_status client_status, server_status;
};

/* Identities by certificates of tests/lib/testcert.h; NULL ca: none.  Abort on failure. */
struct identity *dtlsnet_identity(const struct identity_params *params, const struct testcert *own,
				  const struct testcert *ca);
/* Takes over both identities.  Contexts, listener and client exist; nothing was sent. */
struct dtlsnet *dtlsnet_new(struct identity *client, struct identity *server);
void dtlsnet_free(struct dtlsnet *net);

/* Delivers one datagram in each direction; false when there was none. */
bool dtlsnet_step(struct dtlsnet *net);
/* Moves 'now' to the next deadline of the two ends, and ticks both; false, and nothing done, when that is after 'end'.
 */
bool dtlsnet_pass_time(struct dtlsnet *net, struct mono end);
/* Starts the client (once). */
void dtlsnet_start(struct dtlsnet *net);
/* Starts, delivers and passes the time until both ends are settled, one has failed (nothing comes from there any more),
 * or a second is over. */
void dtlsnet_run(struct dtlsnet *net);
/* Delivers what is in the queues and what that causes, without waiting for timers. */
void dtlsnet_flush(struct dtlsnet *net);

#endif
