/* The access key: who does not know it learns nothing of a server, not even that there is one (DESIGN section 7).
 *
 *	 0      1                 17
 *	 | 0xC2 | code (16 bytes) | a datagram of the DTLS handshake |
 *
 * The code is HMAC-SHA-256 with the key, cut to its first 16 bytes, over one byte for the direction (enum
 * access_direction) and the datagram.  With a key each side wraps all that it sends of the handshake and takes nothing
 * else; without one it takes nothing that is wrapped.  Data packets, which have keys of their own, are left alone.  A
 * recorded datagram can be sent again: an observer of a handshake can find out that the server is there.
 *
 * A struct access is keyed once, so that a forgery costs one HMAC and no allocation.  One thread only.
 */
#ifndef CASTSWITCH_ACCESS_H
#define CASTSWITCH_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "castswitch/dtls.h"

enum {
	ACCESS_KEY_LEN = 32,
	ACCESS_CODE_LEN = 16,
	ACCESS_HDR = 1 + ACCESS_CODE_LEN,
	ACCESS_MAX = ACCESS_HDR + DTLS_MAX_DGRAM,
};

/* The way that a datagram takes. */
enum access_direction { ACCESS_TO_SERVER = 0, ACCESS_TO_CLIENT = 1 };

struct access;

/* Exactly 64 hex digits in either case.  False, *ret untouched, when it is not that. */
bool access_key_parse(const char *text, uint8_t ret[ACCESS_KEY_LEN]);

/* NULL when out of memory. */
struct access *access_new(const uint8_t key[ACCESS_KEY_LEN]);
/* 'source' is the key as text, or the path of a file that holds nothing but that, and white space around it.  NULL with
 * one line in err, which never shows what may be a key. */
struct access *access_load(const char *source, identity_open_fn *open_file, void *open_arg, char *err, size_t errlen);
/* Wipes; NULL is fine. */
void access_free(struct access *a);

/* a NULL is a side without a key in both of these. */

/* What to send in the place of a datagram: itself when it is none of a handshake (tmsg_classify) or there is no key,
 * else buf with it wrapped.  NULL when that can't be made (longer than DTLS_MAX_DGRAM): it is lost then. */
const uint8_t *access_wrap(struct access *a, enum access_direction to, const uint8_t *dgram, size_t *len,
			   uint8_t buf[ACCESS_MAX]);
/* From a datagram of class TMSG_CLASS_DTLS or TMSG_CLASS_ACCESS to the one of the handshake, which is it or in it.
 * False, and nothing is changed, when it is not to be taken. */
bool access_unwrap(struct access *a, enum access_direction to, const uint8_t **dgram, size_t *len);

#endif
