/* ClientHellos as a client of ours would send them, and the cookie of a HelloVerifyRequest (RFC 6347 4.2). */
#ifndef CASTSWITCH_TESTS_FUZZ_TUNNEL_HELLO_H
#define CASTSWITCH_TESTS_FUZZ_TUNNEL_HELLO_H

#include <stddef.h>
#include <stdint.h>

enum { HELLO_COOKIE_MAX = 255, HELLO_MAX = 512 };

struct hello_cookie {
	uint8_t bytes[HELLO_COOKIE_MAX];
	uint8_t len;
};

/* Writes the datagram to out[HELLO_MAX], returns its length.  Without a cookie it is the first, else the second. */
size_t hello_write(uint8_t *out, uint8_t random, const struct hello_cookie *cookie);
/* Takes the cookie out of a HelloVerifyRequest; leaves *ret alone when it is something else. */
void hello_take_cookie(const uint8_t *dgram, size_t len, struct hello_cookie *ret);

#endif
