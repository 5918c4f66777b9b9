/* Randomness from OpenSSL's generator. */
#include "castswitch/random.h"

#include <stdlib.h>

#include <openssl/rand.h>

enum { CHUNK = 1 << 20 }; /* RAND_bytes() takes an int */

static void
random_fill(void *arg, void *buf, size_t len)
{
	uint8_t *p = buf;

	(void)arg;
	while (len > 0) {
		size_t n = len < CHUNK ? len : CHUNK;
		if (RAND_bytes(p, (int)n) != 1)
			abort();
		p += n;
		len -= n;
	}
}

struct rng
random_rng(void)
{
	return (struct rng){ .fill = random_fill };
}
