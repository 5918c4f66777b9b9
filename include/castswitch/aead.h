/* The interface of an AEAD backend for data packets; crypto/ implements it, tunnel/ uses it.
 *
 * One context serves one direction of one session.  The nonce of a packet is IV XOR (0^32 | counter), counter as 64-bit
 * big-endian; the backend forms it.  That a counter never repeats under a key is the session's duty.  seal and open
 * allocate nothing.
 */
#ifndef CASTSWITCH_AEAD_H
#define CASTSWITCH_AEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AEAD_KEY_LEN = 32, AEAD_IV_LEN = 12, AEAD_TAG_LEN = 16 };

struct aead; /* a keyed context, owned by who called 'create' */

struct aead_backend {
	const char *name; /* "openssl", ... */
	/* A context for algorithm 'id' (enum tmsg_aead) that only seals or only opens; NULL when the algorithm is not
	 * supported or memory is short.  key is 32 bytes, iv 12; both are copied. */
	struct aead *(*create)(uint8_t id, const uint8_t *key, const uint8_t *iv, bool seal);
	/* Wipes and frees; NULL is fine. */
	void (*destroy)(struct aead *a);
	/* Encrypts in[0..len) to out[0..len) followed by the tag: out has len + AEAD_TAG_LEN bytes and does not overlap
	 * in.  False on an internal failure. */
	bool (*seal)(struct aead *a, uint64_t counter, const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t len,
		     uint8_t *out);
	/* Decrypts buf[0..len) in place, its last AEAD_TAG_LEN bytes being the tag.  False, and buf undefined, when it
	 * does not authenticate or is shorter than a tag. */
	bool (*open)(struct aead *a, uint64_t counter, const uint8_t *aad, size_t aad_len, uint8_t *buf, size_t len);
};

#endif
