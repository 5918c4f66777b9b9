/* A server's table of sessions and many clients, each with an address of its own (unit tests). */
#ifndef CASTSWITCH_TESTS_TUNNEL_NET_H
#define CASTSWITCH_TESTS_TUNNEL_NET_H

#include "castswitch/sessions.h"
#include "tunnel_fake.h"

enum { MAX_CLIENTS = 1100, MAX_QUEUE = 64 };

/* A client: a plain session with an address of its own. */
struct client {
	struct session *session;
	struct path path; /* as the server sees it */
	bool established;
	struct session_close_info info;
};

struct dgram {
	int to; /* client, or -1 for the table */
	int from;
	size_t len;
	uint8_t data[1500];
};

struct net {
	struct sessions *table;
	struct fake_listener listener;
	struct rng_seeded rng_state;
	struct rng rng;
	struct client clients[MAX_CLIENTS];
	unsigned n_clients;
	struct dgram queue[MAX_QUEUE];
	unsigned n_queue;
	unsigned established, closed, rekeyed, moved, data_sent, sent;
	struct session *last_established;
	struct session_close_info info; /* of the last that closed */
	bool refuse_all, close_when_established;
	struct sessions_params params;
};

struct net *net_new(unsigned max_sessions, unsigned max_handshakes, unsigned max_per_prefix);
/* The same, with a rate of handshakes for each prefix. */
struct net *net_new_rated(unsigned max_per_prefix, unsigned handshake_rate, unsigned handshake_burst);
void net_free(struct net *n);
/* As a socket of the server would hand it on. */
void net_to_table(struct net *n, const struct path *from, uint8_t *data, size_t len);
/* Delivers up to 'max' datagrams; all. */
void net_deliver_some(struct net *n, unsigned max);
void net_deliver(struct net *n);
/* A client that has sent its first ClientHello. */
struct client *net_client_new(struct net *n, const char *address, bool with_cookie);
/* As net_client_new(), and so far that the server holds a handshake which gets no further. */
struct client *net_half_open(struct net *n, const char *address);
/* A client at the address of client 'of', for new keys of its session; it has sent its first ClientHello. */
struct client *net_rekey(struct net *n, struct client *of, bool with_cookie);
/* The same, at another address and naming any session of the server. */
struct client *net_rekey_of(struct net *n, const char *address, uint32_t previous);
/* An established session, the server's end. */
struct session *net_connect_client(struct net *n, const char *address);
uint64_t net_drops(const struct net *n, enum drop_reason r);

#endif
