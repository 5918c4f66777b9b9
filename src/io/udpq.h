/* The transmit half of a UDP socket: a queue of at most UDP_BATCH datagrams that leave by sendmmsg (used by udp.c).
 *
 * A ring of slots that are wired once (buffer, address, control data); what the kernel did not take stays in order at
 * its head.  Each datagram carries its own destination, source address (PKTINFO) and TOS.
 */
#ifndef CASTSWITCH_IO_UDPQ_H
#define CASTSWITCH_IO_UDPQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "castswitch/ipaddr.h"
#include "castswitch/udp.h"

struct mmsghdr;
struct udpq_slot;

/* What the kernel said beside "sent", until somebody takes it. */
struct udp_notes {
	int icmp_error; /* of a connected socket; 0 = none */
	unsigned first, n;
	struct udp_refused refused[UDP_REFUSED];
};

struct udpq {
	int family;     /* of the socket */
	bool connected; /* paths are ignored */
	unsigned head, count;
	uint8_t *buffers;
	struct udpq_slot *slots;
	struct mmsghdr *msgs;
};

/* 0 or -ENOMEM; udpq_fini() is fine after both. */
int udpq_init(struct udpq *q, int family, bool connected);
void udpq_fini(struct udpq *q);

/* The next slot's UDP_DGRAM_MAX bytes, with FRAME_HEADROOM in front; NULL when the queue is full. */
uint8_t *udpq_room(struct udpq *q);
/* Queues len bytes of the slot that udpq_room() gave.  False when the path is of another family than the socket. */
bool udpq_push(struct udpq *q, const struct path *to, size_t len, uint8_t tos);
/* Sends what is queued; false when the socket is full and something is left.  Counts into *stats and takes notes. */
bool udpq_send(struct udpq *q, int fd, struct udp_stats *stats, struct udp_notes *notes);
/* An error that a connected socket reported of earlier datagrams. */
void udp_note_error(struct udp_notes *notes, int err);
/* Whether this errno of a connected socket may come from an ICMP message. */
bool udpq_is_icmp_error(int err);

#endif
