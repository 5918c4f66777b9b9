/* A client's connection to one of several servers: which remote next, when to try again (DESIGN section 7, liveness).
 *
 * An engine without I/O above session.h: it asks its owner to resolve a name, then to open a struct sec to an address,
 * runs one session at a time, and starts over when that ends.  The remotes are tried in order, and all addresses of one
 * remote before the next.  Between rounds it waits: 0.5 s doubling to 30 s, each +-25 % (rng); a session that was
 * established for 10 s resets the wait, and the first try after losing it is immediate (10-250 ms of jitter), from
 * the first remote on; one that was lost sooner counts as a failed round.
 * A name that is not resolved within 30 s counts as a failed try, "no answer from the resolver".
 * A BYE with TMSG_REASON_REPLACED waits at least 60 s, so that two clones of one profile do not fight for ever.
 *
 * Rekey (session.h): when the session says so a second one is made beside it, over the same socket.  One that fails is
 * tried again after 5 s, doubling to 5 min, each +-25 %; the session is none the worse for it.
 */
#ifndef CASTSWITCH_CONNECTOR_H
#define CASTSWITCH_CONNECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "castswitch/session.h"

enum { CONNECTOR_MAX_REMOTES = 32, CONNECTOR_MAX_ADDRS = 16 };

enum connector_state {
	CONNECTOR_IDLE,       /* before connector_start() and after connector_stop() */
	CONNECTOR_RESOLVING,  /* waiting for connector_resolved() */
	CONNECTOR_CONNECTING, /* a session that is not established */
	CONNECTOR_CONNECTED,
	CONNECTOR_WAITING,    /* backoff */
};
const char *connector_state_name(enum connector_state st);

struct connector;

struct connector_ops {
	/* Resolve remote number 'remote'; answer with connector_resolved(), now or within 30 s: a later answer is
	 * ignored. */
	void (*resolve)(void *arg, unsigned remote);
	/* A struct sec of the client's kind for a new try, owned by the connector; NULL with ret_error set (one
	 * line). */
	struct sec *(*open)(void *arg, unsigned remote, const struct endpoint *to, char ret_error[SEC_ERROR_MAX]);
	/* A struct sec as of open(), for new keys: the socket stays as it is.  NULL: there are never any. */
	struct sec *(*rekey)(void *arg, unsigned remote, char ret_error[SEC_ERROR_MAX]);
	/* As in session_ops. */
	void (*output)(void *arg, struct session *s, const struct path *path, const uint8_t *dgram, size_t len);
	void (*established)(void *arg, struct session *s, struct mono now);
	void (*pushed)(void *arg, struct session *s, const struct tmsg_push *push, struct mono now);
	void (*rekeyed)(void *arg, struct session *s, struct session *old, struct mono now);
	void (*probing)(void *arg, struct session *s, struct mono now);
	/* New keys could not be agreed; the session goes on.  retry_in: until the next try. */
	void (*rekey_failed)(void *arg, const struct session_close_info *info, nsec_t retry_in, struct mono now);
	/* A session ended, or a try failed before there was one (s NULL, SESSION_END_NONE, text).  retry_in: until
	 * the next try. */
	void (*lost)(void *arg, struct session *s, const struct session_close_info *info, nsec_t retry_in, struct mono now);
};

struct connector_params {
	struct session_params session; /* template; role CLIENT, local_id is chosen anew for each try */
	unsigned n_remotes;            /* 1..CONNECTOR_MAX_REMOTES */
};

/* params and ops are copied.  NULL when out of memory. */
struct connector *connector_new(const struct connector_params *params, const struct connector_ops *ops, void *arg,
				const struct rng *rng);
/* Frees the session too, without BYE; NULL is fine. */
void connector_free(struct connector *c);

void connector_start(struct connector *c, struct mono now);
/* BYE(SHUTDOWN) to the server if connected, then IDLE; 'lost' is not called. */
void connector_stop(struct connector *c, struct mono now);
/* The answer to resolve: n addresses in the order to try; n 0: 'error' says why (one line). */
void connector_resolved(struct connector *c, unsigned remote, const struct endpoint *addrs, unsigned n, const char *error,
			struct mono now);

/* A datagram from the remote of the present try.  DTLS goes to the session; the caller passes data packets to
 * session_open() of connector_find() itself. */
void connector_handshake_input(struct connector *c, const struct path *from, const uint8_t *dgram, size_t len,
			       struct mono now);

/* The present session, or NULL. */
struct session *connector_session(const struct connector *c);
/* The session with this receiver id: the present one, the one with its next keys, or that with its former; or NULL. */
struct session *connector_find(const struct connector *c, uint32_t receiver);
/* How long keys serve, for the present session and later ones; 0 = default. */
void connector_set_rekey(struct connector *c, nsec_t rekey);
/* TMSG_FLAG_* that later tries say in HELLO; may be called from open(). */
void connector_set_flags(struct connector *c, uint32_t flags);
enum connector_state connector_state(const struct connector *c);
unsigned connector_remote(const struct connector *c);

void connector_tick(struct connector *c, struct mono now);
struct mono connector_next(const struct connector *c);

#endif
