/* Several paths between a client that moves and its server, each with a delay, and one who forwards (unit tests).
 *
 * 'here' is the path that the client's datagrams take.  What the server sends along a path arrives while that path is
 * 'alive'.  A forwarder copies what the client sends and brings it by the path M, and passes on what comes back by M.
 */
#ifndef CASTSWITCH_TESTS_TUNNEL_PATHS_H
#define CASTSWITCH_TESTS_TUNNEL_PATHS_H

#include "tunnel_fake.h"

enum { R, N, M, PATHS }; /* the handshake's, another, the forwarder's or a third */
enum { PATHS_QUEUE = 4096 };

struct paths_dgram {
	struct mono at;
	uint64_t order;
	unsigned path;
	bool to_server;
	size_t len;
	uint8_t data[FAKE_DGRAM_MAX];
};

struct paths {
	struct fake_wire *w;
	unsigned here;
	bool alive[PATHS], forwarder;
	nsec_t delay[PATHS]; /* one way */
	struct path path[PATHS];
	struct paths_dgram queue[PATHS_QUEUE];
	unsigned n_queue;
	uint64_t order;
	/* Of the server, by path. */
	unsigned requests[PATHS], others[PATHS];
	uint64_t sent[PATHS], received[PATHS];
	struct mono frame_at; /* when the client got its last frame */
	struct paths_dgram last[PATHS]; /* what went there last */
};

/* An established session over R, the client there; every path is alive and takes 10 ms. */
struct paths *paths_new(void);
void paths_free(struct paths *p);
/* Runs deadlines and deliveries in order, up to and including 'until'. */
void paths_until(struct paths *p, struct mono until);
void paths_for(struct paths *p, nsec_t d);
/* A frame of 100 bytes. */
void paths_frame(struct paths *p, bool from_client);
/* What the server's session uses: R, N or M. */
unsigned paths_used(const struct paths *p);
/* Seals as the client would, with this counter, and hands it to the server as if it came by 'path'. */
enum drop_reason paths_inject(struct paths *p, unsigned path, uint64_t counter, const uint8_t *plain, size_t len);
/* The client's reply, with this counter, by 'path', to what went to 'asked' last. */
void paths_reply(struct paths *p, unsigned asked, unsigned path, uint64_t counter);

#endif
