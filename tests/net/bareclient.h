/* A client without a tap: a session over a real socket, for programs that play clients.  Mistakes end the program. */
#ifndef BARECLIENT_H
#define BARECLIENT_H

#include <netinet/in.h>
#include <stdbool.h>

#include "castswitch/dtls.h"
#include "castswitch/session.h"
#include "lib/testcert.h"

struct bareclient {
	struct dtls_ctx *ctx;
	struct session *session; /* NULL = closed */
	int fd;
};

/* For messages of bareclient_die(). */
extern const char *bareclient_program;
__attribute__((noreturn)) void bareclient_die(const char *what, const char *why);
struct mono bareclient_now(void);

/* castpki's, from its directory. */
struct testcert bareclient_load_ca(const char *dir);
void bareclient_free_ca(struct testcert *ca);
/* With a new certificate of this name from the CA in that directory. */
struct dtls_ctx *bareclient_ctx(const struct testcert *ca, const char *dir, const char *name);

/* Begins a handshake, from an address of ours (0 = any). */
void bareclient_open(struct bareclient *c, const struct sockaddr_in *server, struct in_addr source,
		     const struct rng *rng);
/* Without a word. */
void bareclient_close(struct bareclient *c);
bool bareclient_is_up(const struct bareclient *c);
/* After poll(): what came when `readable`, and what is due.  Closes what has ended. */
void bareclient_step(struct bareclient *c, bool readable);

#endif
