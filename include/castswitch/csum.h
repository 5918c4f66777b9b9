/* The Internet checksum (RFC 1071). */
#ifndef CASTSWITCH_CSUM_H
#define CASTSWITCH_CSUM_H

#include <stddef.h>
#include <stdint.h>

#include "castswitch/ipaddr.h"

/* Adds data[0..len) (an odd last byte counts as the high byte of a word) to a running, unfolded sum.  Sums of pieces of
 * even length may be chained. */
uint64_t csum_add(uint64_t sum, const void *data, size_t len);
/* Folds and complements: the value for the checksum field, host byte order.  Over data that includes a correct checksum
 * it is 0. */
uint16_t csum_fold(uint64_t sum);
/* The pseudo header of RFC 793/8200 for upper-layer protocol 'proto' and an upper-layer length. */
uint64_t csum_pseudo(const struct ipaddr *src, const struct ipaddr *dst, uint8_t proto, uint32_t len);
/* Keeps the checksum at 'field' as right or as wrong as it was when one of its 16-bit words changes (RFC 1624 3). */
void csum_update(uint8_t field[2], uint16_t before, uint16_t after);

#endif
