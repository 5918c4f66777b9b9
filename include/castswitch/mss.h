/* The MSS that a TCP SYN announces, lowered to what the tunnel carries in one piece.
 *
 * Who gets the SYN sends segments of at most that, so both ends of a connection have to be told: a SYN is changed in
 * either direction.  RFC 9293 3.7.1: the MSS counts neither IP nor TCP options, which their sender takes off by itself.
 * The checksum is updated by the difference (RFC 1624), so that a wrong one stays wrong.  A SYN without the option
 * stays as it is: its MSS is 536, or 1220 with IPv6.
 */
#ifndef CASTSWITCH_MSS_H
#define CASTSWITCH_MSS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mss_limit {
	uint16_t frame; /* the longest frame, from destination MAC to end; 0 = no limit */
	uint16_t mss;   /* 0 = no limit */
};

/* Whether the frame is a TCP SYN over IPv4 or IPv6, whole as far as its options. */
bool mss_is_syn(const uint8_t *frame, size_t len);
/* Lowers every MSS option that is above a limit; true when there was one.  Other frames are left alone.  Reads and
 * writes nothing outside of frame[0..len). */
bool mss_clamp(uint8_t *frame, size_t len, const struct mss_limit *limit);

#endif
