/* A tap interface that lives as long as the program.
 *
 * tap_open() creates it, and it vanishes with tap_close() or the process; an interface of that name that exists already
 * is never taken over.  Frames are Ethernet frames without FCS.  What tap_recv() returned is valid until the next call
 * of it; each frame has FRAME_HEADROOM writable bytes in front, its IP header is 4-byte aligned, and only data,
 * len and gso are set: frame_parse() is the caller's.
 *
 * Offloads (superframes) will be announced through frame.gso only, so a caller that honours it needs no change.
 */
#ifndef CASTSWITCH_TAP_H
#define CASTSWITCH_TAP_H

#include <stddef.h>
#include <stdint.h>

#include "castswitch/drop.h"
#include "castswitch/frame.h"
#include "castswitch/ipaddr.h"

enum { TAP_BATCH = 64 };

struct tap;

struct tap_stats {
	uint64_t rx_frames, rx_bytes; /* read, i.e. sent by this host */
	uint64_t tx_frames, tx_bytes; /* written: delivered to this host */
	uint64_t drops[DROP_MAX];     /* TRUNCATED (rx); EGRESS_FULL, SEND_ERROR (tx; also while it is down) */
};

/* Creates the interface, down and without addresses (link.h does the rest).  NULL on failure with one line in err:
 * "cast0: an interface of that name exists already". */
struct tap *tap_open(const char *name, char *err, size_t errlen);
/* Destroys the interface.  loop_fd_del() first.  NULL is fine. */
void tap_close(struct tap *t);

int tap_fd(const struct tap *t);
const char *tap_name(const struct tap *t);
unsigned tap_ifindex(const struct tap *t);
const struct tap_stats *tap_stats(const struct tap *t);
/* The interface's MAC address as it is now (a system call).  0 or -errno. */
int tap_mac(const struct tap *t, struct mac *ret);

/* Reads up to TAP_BATCH frames: their number at *ret, 0 when there is none, or -errno when the interface is gone
 * (somebody deleted it): stop waiting for the descriptor then, it would be ready forever. */
int tap_recv(struct tap *t, struct frame **ret);
/* Writes one frame, or counts why not. */
void tap_send(struct tap *t, const struct frame *f);

#endif
