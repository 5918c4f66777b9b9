/* The AEAD backend (aead.h) that is always there: AES-256-GCM and ChaCha20-Poly1305 by OpenSSL's EVP.
 *
 * A context holds one keyed EVP_CIPHER_CTX, so sealing or opening a packet sets a nonce and nothing else: no key
 * schedule, no allocation, no search for the cipher.  Contexts are independent of each other, so different threads may
 * use different contexts; the ciphers themselves are found on the first 'create' of each kind, which must not run in
 * two threads at once.
 */
#ifndef CASTSWITCH_AEAD_OPENSSL_H
#define CASTSWITCH_AEAD_OPENSSL_H

#include <stdbool.h>

#include "castswitch/aead.h"

/* A static table; never NULL. */
const struct aead_backend *aead_openssl(void);

/* True when this CPU has instructions for AES and for GCM's multiplication, so that AES-256-GCM beats
 * ChaCha20-Poly1305. */
bool aead_aes_is_fast(void);

#endif
