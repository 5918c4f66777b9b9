/* The programs around the engines of src/tunnel in the handshake target: a server's table of sessions, or one client's
 * session, with callbacks that check what sessions promise, and a clock that only the script moves.
 */
#ifndef CASTSWITCH_TESTS_FUZZ_TUNNEL_WORLD_H
#define CASTSWITCH_TESTS_FUZZ_TUNNEL_WORLD_H

#include "castswitch/sessions.h"
#include "fuzz/tunnel_fake.h"
#include "fuzz/tunnel_hello.h"

enum mode {
	MODE_DTLS = 0x01,
	MODE_CLIENT = 0x02,
	MODE_REFUSE = 0x04, /* nobody is admitted */
	MODE_PUSH = 0x08,   /* whoever is established gets a configuration */
};

enum { WORLD_ADDRESSES = 32 };

struct world {
	uint8_t mode;
	struct mono now;
	struct rng_seeded rng_state;
	struct rng rng;
	struct fuzz_listener fake;
	struct sec_listener *listener; /* the fake, or OpenSSL's */
	struct sec_listener front;     /* what the table sees: counts who came through */
	unsigned begun[WORLD_ADDRESSES]; /* handshakes, by the first address of the same prefix */
	struct sessions *table;        /* NULL with MODE_CLIENT */
	struct session *client;        /* NULL without */
	struct hello_cookie cookies[WORLD_ADDRESSES];
	uint64_t counter; /* of data packets sent to sessions */
	unsigned trap;    /* 0: none */
	size_t asking;    /* length of the datagram that is being worked on */
	unsigned established, closed, closed_established;
};

void world_init(struct world *w, uint8_t mode);
/* Checks that nothing is left over. */
void world_fini(struct world *w);
/* The listener gets a new context, as after a reload; nothing without MODE_DTLS. */
void world_reload(struct world *w);
/* The counts agree and keep within the limits. */
void world_check(const struct world *w);
/* Does what is due. */
void world_tick(struct world *w);
/* One of the sessions that are not closed; NULL when there is none. */
struct session *world_session(struct world *w, unsigned n);
/* The way a datagram from stranger 0..WORLD_ADDRESSES - 1 comes. */
struct path world_path(unsigned who);
/* Sends a configuration. */
void world_push(struct session *s, struct mono now);

#endif
