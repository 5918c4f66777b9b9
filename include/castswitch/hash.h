/* SipHash-1-3: a keyed hash for tables whose keys come from outside.
 *
 * With a secret key an attacker cannot choose addresses that fall into one bucket.  Not a MAC: use HMAC for
 * authentication.
 */
#ifndef CASTSWITCH_HASH_H
#define CASTSWITCH_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash_key {
	uint64_t k0, k1;
};

/* SipHash-1-3 of data[0..len). */
uint64_t hash_bytes(const struct hash_key *key, const void *data, size_t len);
/* SipHash-1-3 of the 8 bytes of v in little-endian order; equals hash_bytes() of those bytes. */
uint64_t hash_u64(const struct hash_key *key, uint64_t v);

#endif
