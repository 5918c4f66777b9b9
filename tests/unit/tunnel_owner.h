/* A connector's owner that notes all it is told, and the one server that may answer it (unit tests). */
#ifndef CASTSWITCH_TESTS_TUNNEL_OWNER_H
#define CASTSWITCH_TESTS_TUNNEL_OWNER_H

#include "castswitch/connector.h"
#include "tunnel_fake.h"

enum { MAX_EVENTS = 128, MAX_QUEUE = 32 };

struct event {
	char what[64]; /* "resolve 0", "open 0 192.0.2.1:1", "lost", ... */
	struct mono at;
	nsec_t retry_in;
	struct session_close_info info;
	bool had_session;
};

struct dgram {
	bool to_server;
	size_t len;
	uint8_t data[1500];
};

/* The connector's owner, and the one server that may answer. */
struct owner {
	struct connector *connector;
	struct rng_seeded rng_state;
	struct rng rng;
	struct event events[MAX_EVENTS];
	unsigned n_events;
	const char *addrs[3][CONNECTOR_MAX_ADDRS + 2]; /* of each remote, to the first NULL */
	bool async;                                    /* resolve is answered by the test */
	const char *accepting;                         /* the address where the server is; NULL: nowhere */
	bool no_sec;                                   /* open fails */
	bool stop_when_lost, stop_when_established, close_when_sent;
	struct session *server;
	struct session *former; /* with the keys before */
	uint32_t server_id;     /* of the last one */
	bool no_rekey_sec, deaf; /* rekey fails at once; nobody hears its handshake */
	bool close_rekey_when_sent;
	unsigned rekeys, rekeyed;
	enum tmsg_reason refuse;
	struct dgram queue[MAX_QUEUE];
	unsigned n_queue;
	uint32_t ids[4];
	unsigned n_ids;
	unsigned byes;
	struct path server_path;
};

/* With remote 0 at 192.0.2.1:1. */
struct owner *owner_new(unsigned n_remotes, uint64_t seed);
void owner_free(struct owner *o);
void owner_deliver(struct owner *o);
void owner_tick(struct owner *o);
/* The earliest deadline of both ends. */
struct mono owner_next(const struct owner *o);
/* Runs deadlines and deliveries in order, up to and including 'end'. */
void owner_until(struct owner *o, struct mono end);
/* Runs until the next "lost", and returns it. */
const struct event *owner_until_lost(struct owner *o);

#endif
