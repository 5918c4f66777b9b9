/* A tunnel session as a port of the switch, and the way of received datagrams into it.
 *
 * A port may outlive its session: a client keeps its port while it reconnects.  Frames for a port without a session are
 * dropped (DROP_NOT_ESTABLISHED, counted by the session or here).
 */
#ifndef CASTSWITCH_PORT_PEER_H
#define CASTSWITCH_PORT_PEER_H

#include <stddef.h>
#include <stdint.h>

#include "castswitch/drop.h"
#include "castswitch/mono.h"
#include "castswitch/session.h"
#include "castswitch/switch.h"
#include "castswitch/udp.h"

struct port_peer;

/* What becomes of frames beside that they are sealed. */
struct port_peer_policy {
	uint8_t tos_keep, tos_set; /* outer TOS byte: bits kept of the inner one, bits set; those of ECN are to be kept */
	bool clamp;                /* lower the MSS of TCP SYNs, both ways: */
	uint16_t mss;              /* to this; 0 = to what the path carries in one piece */
};

/* Adds a port with these params, down and without a session; its policy is to keep TOS and to clamp to the path.
 * NULL with *ret_err as switch_port_add(). */
struct port_peer *port_peer_new(struct sw *sw, const struct sw_port_params *params, struct mono now, int *ret_err);
/* Removes the port.  Not from within the switch's callbacks.  NULL is fine. */
void port_peer_free(struct port_peer *p, struct mono now);

/* A session before it, if any, is detached.  Frames go through session 's' and socket 'udp' from now on, and the port
 * is up; the session's owner becomes 'p'. */
void port_peer_attach(struct port_peer *p, struct session *s, struct udp *udp, struct mono now);
/* Session 's' has taken over from the one before (session_ops.rekeyed): the port stays up, nobody notices. */
void port_peer_rekey(struct port_peer *p, struct session *s, struct udp *udp);
/* What is sent goes through another socket from now on.  Nothing when there is no session. */
void port_peer_set_udp(struct port_peer *p, struct udp *udp);
void port_peer_set_policy(struct port_peer *p, const struct port_peer_policy *policy);
/* The session has ended: nothing is sent any more.  Fine from within the switch's callbacks; port_peer_detach(),
 * port_peer_suspend() or port_peer_free() must follow, which take the port down. */
void port_peer_end(struct port_peer *p);
/* The session is gone: the port goes down, which flushes its memberships and FDB entries. */
void port_peer_detach(struct port_peer *p, struct mono now);
/* The session is gone, but may come again: as port_peer_detach(), but memberships and FDB entries stay, see
 * switch_port_suspend(). */
void port_peer_suspend(struct port_peer *p, struct mono now);

/* By the policy, a frame that came from the peer. */
void port_peer_clamp(const struct port_peer *p, uint8_t *frame, size_t len);

struct sw_port *port_peer_port(const struct port_peer *p);
struct session *port_peer_session(const struct port_peer *p);
/* A pointer for the owner. */
void port_peer_set_owner(struct port_peer *p, void *owner);
void *port_peer_owner(const struct port_peer *p);

/* --- received datagrams --- */

enum { PORT_PEER_RX_HANDSHAKES = 16 };

/* A data packet costs a microsecond, a handshake datagram up to a signature, about a thousand times as much, and
 * anybody can send one.  So that handshakes never hold up the traffic of those who are connected, the data packets of
 * a batch go first, and only PORT_PEER_RX_HANDSHAKES handshake datagrams of it are worked on; the others are dropped
 * (DROP_HANDSHAKE_LIMIT), for they are sent again.  What unwrap() refuses does not count (DROP_ACCESS_KEY). */
struct port_peer_rx {
	struct sw *sw;
	void *arg;
	/* The session with this receiver id, or NULL. */
	struct session *(*find)(void *arg, uint32_t receiver);
	/* From a datagram that is a DTLS record or a wrapped one to the record, which is it or in it; false: drop it.  Cheap,
	 * for anybody can send one.  NULL: nothing is wrapped. */
	bool (*unwrap)(void *arg, const uint8_t **dgram, size_t *len);
	/* A datagram that is not a data packet but a DTLS record. */
	void (*handshake)(void *arg, const struct path *from, const uint8_t *dgram, size_t len, struct mono now);
	/* Data packets of this session were taken: its deadlines may have changed.  May be NULL. */
	void (*touched)(void *arg, struct session *s);
	/* A datagram that reached no session. */
	void (*drop)(void *arg, enum drop_reason r);
};

/* Takes one received batch: decrypts, collects the frames of consecutive packets of one session, switches them
 * together. Order is kept among data packets and among handshake datagrams. */
void port_peer_receive(const struct port_peer_rx *rx, struct udp_dgram *dgrams, size_t n, struct mono now);

#endif
