/* A UDP socket that works in batches: one recvmmsg and one sendmmsg per wakeup instead of a system call per datagram
 * (DATAPATH sections 2 and 6).
 *
 * One socket per listen address; IPv6 sockets are IPV6_V6ONLY, so 0.0.0.0 and :: may share a port.  The answer leaves
 * from the address that was called: a received path carries it (PKTINFO), and a sent one is honoured.
 *
 * Outer packets are never fragmented, and the size of a path is for whoever sends to find (IP_PMTUDISC_PROBE): the
 * kernel refuses only what is longer than the MTU of the interface.  That is counted as path-mtu and remembered for
 * udp_take_refused().
 *
 * Receive slots and transmit slots are allocated once.  What udp_recv() returned is valid until the next udp_recv(); a
 * datagram has FRAME_HEADROOM writable bytes in front of it and may be changed in place (decryption).
 *
 * Transmit: bulk datagrams are built in place (udp_tx_slot, udp_tx_commit); control datagrams are copied into slots of
 * their own (udp_send), leave first, as class CS6, and are never dropped because bulk filled its batch.  Both leave at
 * udp_flush(), which the owner calls at the end of each wakeup (loop_add_flush), or when a batch is full.  An error of
 * the kernel at one datagram skips and counts only that one.  When the socket is full (EAGAIN), what is queued (at most
 * one batch of each kind) is held back in order, and what no longer fits is refused and counted as egress-full.  The
 * owner waits for LOOP_WRITE while udp_wants_write() and calls udp_flush() when it comes.
 */
#ifndef CASTSWITCH_UDP_H
#define CASTSWITCH_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "castswitch/drop.h"
#include "castswitch/ipaddr.h"
#include "castswitch/mono.h"

enum {
	UDP_BATCH = 64,       /* datagrams per system call */
	UDP_DGRAM_MAX = 9216, /* longest datagram either way: an overlay MTU of 9000 with all headers */
	UDP_BUFFER_DEFAULT = 8 << 20,
	UDP_HEAD = 32,        /* first bytes of a refused datagram that are kept */
	UDP_REFUSED = 16,     /* refused datagrams that are kept */
	UDP_TOS_CS6 = 0xc0,   /* network control (RFC 4594 3.1) */
};

struct udp;

struct udp_params {
	uint16_t sock;      /* goes into path.sock of what is received */
	int rcvbuf, sndbuf; /* bytes wanted; 0 = UDP_BUFFER_DEFAULT */
	bool recv_tos;      /* fill udp_dgram.tos */
	/* connect() to it (a client): only its datagrams come in, ICMP errors are reported, a sent path's remote is
	 * ignored.  NULL = don't. */
	const struct endpoint *connect_to;
};

struct udp_dgram {
	struct path path; /* ifindex only with link-local addresses, so that paths compare equal across interfaces */
	uint8_t *data;    /* 16-byte aligned; FRAME_HEADROOM bytes in front are writable */
	size_t len;
	size_t room;      /* bytes from data[0] on that may be written */
	uint8_t tos;      /* outer DSCP and ECN; 0 unless recv_tos */
};

struct udp_stats {
	uint64_t rx_datagrams, rx_bytes; /* handed to the owner; bytes of UDP payload */
	uint64_t tx_datagrams, tx_bytes; /* taken by the kernel */
	uint64_t rx_errors;              /* failed receive calls, ICMP errors included */
	uint64_t drops[DROP_MAX];        /* TRUNCATED (rx); EGRESS_FULL, SEND_ERROR, PATH_MTU, TOO_LONG (tx) */
};

/* Opens, binds and, when asked, connects.  'local' says family, address and port (0: any free one); with connect_to,
 * IPADDR_ANY stands for "any address of that family".  The buffer sizes are forced when we may, else what the kernel
 * grants.  NULL on failure with one line in err: "0.0.0.0:22424: address already in use". */
struct udp *udp_open(const struct endpoint *local, const struct udp_params *params, char *err, size_t errlen);
/* Closes; what is queued is lost.  loop_fd_del() first.  NULL is fine. */
void udp_close(struct udp *u);

int udp_fd(const struct udp *u);
/* The address bound to (getsockname), with the real port. */
const struct endpoint *udp_local(const struct udp *u);
/* The socket's buffers in bytes, as the kernel accounts them (it doubles what one asks for). */
int udp_rcvbuf(const struct udp *u);
int udp_sndbuf(const struct udp *u);
const struct udp_stats *udp_stats(const struct udp *u);
/* Datagrams the kernel dropped since opening because the receive buffer was full (SO_MEMINFO; a system call). */
uint64_t udp_rx_overflows(const struct udp *u);

/* --- receive --- */

/* Receives one batch.  Returns the number of datagrams (<= UDP_BATCH) at *ret; 0 when there is nothing (or only
 * truncated ones).  Fewer than UDP_BATCH does not prove that the socket is empty; the loop is level-triggered. */
int udp_recv(struct udp *u, struct udp_dgram **ret);
/* The last ICMP error of a connected socket (ECONNREFUSED, EHOSTUNREACH, ...), seen while receiving or sending; 0 when
 * there was none since the last call.  A hint, never proof (session_path_error). */
int udp_take_error(struct udp *u);

/* A datagram that was longer than the way to its destination. */
struct udp_refused {
	struct endpoint to; /* zero when the socket is connected */
	size_t len;         /* 0: an ICMP message said so of one that was sent before; a hint, never proof */
	uint8_t head[UDP_HEAD];
	size_t head_len;
};
/* The oldest that was not taken yet; false when there is none.  UDP_REFUSED are kept, later ones are forgotten: who
 * sends what is too long will meet another. */
bool udp_take_refused(struct udp *u, struct udp_refused *ret);

/* --- transmit --- */

/* Room for one bulk datagram of at most cap bytes, with FRAME_HEADROOM writable bytes in front; sends the batch when
 * it is full.  NULL when there is none: counted, as TOO_LONG (cap > UDP_DGRAM_MAX) or EGRESS_FULL.  A slot that is not
 * committed is handed out again. */
uint8_t *udp_tx_slot(struct udp *u, size_t cap);
/* Queues the len bytes written to the slot that udp_tx_slot() gave last.  tos 0: the system's default.  path.local ::
 * lets the kernel choose the source. */
void udp_tx_commit(struct udp *u, const struct path *to, size_t len, uint8_t tos);
/* Queues a copy of a control datagram. */
void udp_send(struct udp *u, const struct path *to, const uint8_t *dgram, size_t len);
/* Sends what is queued, control first. */
void udp_flush(struct udp *u, struct mono now);
/* True while datagrams are held back because the socket is full. */
bool udp_wants_write(const struct udp *u);
/* Since when (the 'now' of the udp_flush() that found it full); MONO_NEVER when it is not. */
struct mono udp_blocked_since(const struct udp *u);

#endif
