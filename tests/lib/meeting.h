/* A client and a server meet, as the test arranged it, and either both are content or one refuses the other. */
#ifndef TESTS_LIB_MEETING_H
#define TESTS_LIB_MEETING_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "lib/dtlsnet.h"
#include "lib/testcert.h"

/* One meeting of a client and a server; the leaves default to proper ones of 'ca'. */
struct meeting {
	struct testcert *ca;
	struct testcert *client, *server;
	struct testcert *client_shows, *server_shows; /* instead, past all checks of identity_load() */
	struct identity_params client_params, server_params;
	bool client_without_ca, server_without_ca;
	void (*tamper)(struct dtlsnet *net); /* before it starts */
	struct dtlsnet *net;
};

int meeting_setup(void **state);
int meeting_teardown(void **state);

/* What the one says that is refused without a word why. */
#define MEETING_BAD_CERTIFICATE "peer sent alert: bad certificate (it refuses our certificate; its log says why)"
#define MEETING_HANDSHAKE_FAILURE                                                         \
	"peer sent alert: handshake failure (it refuses our certificate or our ciphers; " \
	"its log says why)"

/* Makes what is missing and runs the handshake. */
void meeting_run(struct meeting *m);

/* Both are SEC_READY under these names. */
void meeting_welcomes(struct meeting *m, const char *client_name, const char *server_name);
/* One fails with 'why'; the other is told by an alert and believes it after the grace. */
void meeting_server_refuses(struct meeting *m, const char *why, const char *alert);
void meeting_client_refuses(struct meeting *m, const char *why, const char *alert);

/* The SSL object inside. */
SSL *meeting_ssl(struct sec *s);
/* "2026-01-31", so many days from now; a static buffer. */
const char *meeting_date(int days);

#endif
