/* Somebody else's Ethernet interface, through a packet socket: all its frames come in, and frames are sent out of it.
 *
 * What comes in are the frames of the wire as they were there: VLAN tags that the kernel took off are back, superframes
 * are cut into their segments and half-done checksums completed (segment.h).  Frames that this host itself sends out of
 * the interface don't come in, and its IP stack sees what comes in as before: for a pure port of the switch the
 * interface should have no addresses and be in no bridge.
 *
 * nic_open() needs CAP_NET_RAW, attaching to an interface needs nothing: the socket is opened before privileges are
 * dropped, whether the interface exists or not, and attached whenever an interface of its name appears (link_watch.h,
 * which also tells its MTU).  While it is down or gone nothing comes in, and what is sent is counted as port-down.
 *
 * Received frames are valid until the next nic_recv(); each has FRAME_HEADROOM writable bytes in front, its IP header is
 * 4-byte aligned, and only data and len are set: frame_parse() is the caller's.
 *
 * Sending is in batches: nic_send() queues, nic_flush() sends, and the frames must stay as they are in between.  A frame
 * that the kernel refuses is skipped and counted alone.
 */
#ifndef CASTSWITCH_NIC_H
#define CASTSWITCH_NIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "castswitch/drop.h"
#include "castswitch/frame.h"
#include "castswitch/ipaddr.h"

enum {
	NIC_BATCH = 64,
	NIC_BUFFER = 4 << 20, /* of the socket, each way; less when it takes CAP_NET_ADMIN and we don't have it */
};

struct nic;

struct nic_stats {
	uint64_t rx_frames, rx_bytes; /* handed to the owner: segments, not superframes */
	uint64_t tx_frames, tx_bytes; /* taken by the kernel */
	uint64_t rx_errors;           /* failed receive calls */
	/* TRUNCATED, BAD_GSO, NIC_OVERRUN (rx); EGRESS_FULL, SEND_ERROR, LINK_MTU, PORT_DOWN (tx) */
	uint64_t drops[DROP_MAX];
};

/* A socket, not attached to any interface.  The name is for messages.  NULL on failure with one line in err. */
struct nic *nic_open(const char *name, char *err, size_t errlen);
/* Leaves the interface (and its promiscuous mode) and closes.  loop_fd_del() first.  NULL is fine. */
void nic_close(struct nic *n);

/* Attaches to an interface, promiscuously, in place of the one before; frames of that one that wait are dropped.
 * 0, -ENODEV it is gone already, -EMEDIUMTYPE it isn't Ethernet, or another -errno: then it is attached to none. */
int nic_attach(struct nic *n, unsigned ifindex);
void nic_detach(struct nic *n);
/* 0 when attached to none. */
unsigned nic_ifindex(const struct nic *n);

int nic_fd(const struct nic *n);
const char *nic_name(const struct nic *n);
/* Asks the kernel what it dropped (NIC_OVERRUN): a system call. */
const struct nic_stats *nic_stats(struct nic *n);

/* Up to NIC_BATCH frames: their number, 0 when there are none.  nic_pending() says that there are more which no longer
 * are in the socket, so that waiting for it would be too long: call again.  One turn of calls is what one recvmmsg()
 * took, a few hundred frames at most when superframes keep coming. */
int nic_recv(struct nic *n, struct frame **ret);
bool nic_pending(const struct nic *n);

/* Queues a frame, to 'dst' instead of its own destination when that isn't NULL; a superframe (frame.gso) is cut by the
 * kernel or by the hardware.  Sends the queue when it is full. */
void nic_send(struct nic *n, const struct frame *f, const struct mac *dst);
/* Sends what is queued.  What the socket has no room for is dropped. */
void nic_flush(struct nic *n);

#endif
