/* A server's table of sessions and its demultiplexer (DESIGN section 7).
 *
 * Handshakes are found by the remote address, established sessions by receiver id, so nothing spoofed can disturb
 * them.  A ClientHello never goes into an existing handshake unless its random matches that handshake's; else it goes
 * to the listener, and when it brings a valid cookie the new handshake replaces the one in progress at that address.
 *
 * Limits: at most 'max_sessions' in all, 'max_handshakes' not yet established (the oldest is closed to make room), and
 * 'max_per_prefix' handshakes per IPv4 address or IPv6 /56 (the newcomer is dropped: DROP_HANDSHAKE_LIMIT).  Such a
 * prefix may begin 'handshake_rate' handshakes a second, 'handshake_burst' at once, also those that replace another:
 * each costs a signature.  Only a ClientHello with a valid cookie is counted, so a forged address uses up nothing of
 * anybody's; when nothing is left, every new ClientHello of the prefix is dropped unread (DROP_HANDSHAKE_LIMIT).
 *
 * A rekey is a handshake beside an established session (session.h): a HELLO that names such a session of the same peer.
 * So that those who are connected keep fresh keys whoever else knocks, a handshake from the very address of an
 * established session has a share of its own: it is not bound by the limits above and never closed to make room, as
 * long as there are at most max_handshakes / 4 + 1 such and that session began no more than one a second, 4 at once.
 * Beyond that it is a handshake as any other.
 *
 * The table owns its sessions and frees a closed one in the next sessions_tick() or sessions_input(), after 'closed'
 * ran.
 */
#ifndef CASTSWITCH_SESSIONS_H
#define CASTSWITCH_SESSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "castswitch/session.h"

struct sessions;

#define SESSIONS_HANDSHAKE_RATE 20
#define SESSIONS_HANDSHAKE_BURST 200

struct sessions_params {
	struct session_params session; /* template; role is SERVER, local_id is chosen by the table */
	unsigned max_sessions;
	unsigned max_handshakes;
	unsigned max_per_prefix;
	unsigned handshake_rate;  /* a prefix and second; 0 = SESSIONS_HANDSHAKE_RATE */
	unsigned handshake_burst; /* 0 = SESSIONS_HANDSHAKE_BURST */
};

struct sessions_stats {
	uint64_t handshakes_started, handshakes_done;
	uint64_t drops[DROP_MAX]; /* datagrams that reached no session */
};

/* 'listener' must outlive the table, which sets its output.  listen_output sends the listener's answers.  NULL when out
 * of memory. */
struct sessions *sessions_new(const struct sessions_params *params, const struct session_ops *ops, void *arg,
			      struct sec_listener *listener,
			      void (*listen_output)(void *arg, const struct path *path, const uint8_t *dgram, size_t len),
			      const struct rng *rng, struct mono now);
/* Frees all sessions without a word to anybody; call session_close() on each before for BYE.  NULL is fine. */
void sessions_free(struct sessions *t);

/* A datagram of class TMSG_CLASS_DTLS. */
void sessions_handshake_input(struct sessions *t, const struct path *from, const uint8_t *dgram, size_t len,
			      struct mono now);
/* The session with this receiver id (not CLOSED, but it may be RETIRED), or NULL (count DROP_UNKNOWN_RECEIVER with sessions_count_drop). */
struct session *sessions_find(const struct sessions *t, uint32_t receiver);
void sessions_count_drop(struct sessions *t, enum drop_reason r);

void sessions_tick(struct sessions *t, struct mono now);
struct mono sessions_next(const struct sessions *t);
/* Tells the table that a session's deadline may have changed (after session_open, session_push, ...): cheap. */
void sessions_touch(struct sessions *t, struct session *s);

/* Calls fn for each session that is neither CLOSED nor RETIRED; fn may close but not free. */
void sessions_each(struct sessions *t, void (*fn)(void *arg, struct session *s), void *arg);
unsigned sessions_count(const struct sessions *t);
const struct sessions_stats *sessions_stats(const struct sessions *t);

#endif
