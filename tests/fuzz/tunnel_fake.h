/* A DTLS end, a listener and a packet cipher that the bytes of a fuzz input steer, so that every state of a session can
 * be reached without cryptography.
 *
 * The last byte of a datagram says what becomes of the DTLS end: bits 0-1: 1 = the handshake is done, 2 = failed, 3 =
 * closed by the other side.  Once it is done, the bytes behind the record header and before the last are an application
 * message.  The listener takes a ClientHello whose random begins with an odd byte for one with a valid cookie.  A data
 * packet authenticates when its tag is zeros.
 */
#ifndef CASTSWITCH_TESTS_FUZZ_TUNNEL_FAKE_H
#define CASTSWITCH_TESTS_FUZZ_TUNNEL_FAKE_H

#include "castswitch/aead.h"
#include "castswitch/sec.h"

extern const struct aead_backend fuzz_aead;
/* DTLS ends and cipher contexts that were not destroyed. */
extern int fuzz_fakes_alive;

struct sec *fuzz_sec_new(bool client);

struct fuzz_listener {
	struct sec_listener base;
};
void fuzz_listener_init(struct fuzz_listener *l);

#endif
