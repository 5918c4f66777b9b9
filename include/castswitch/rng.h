/* Randomness as an injected service.
 *
 * Engines take a struct rng, never a system call: the programs pass one that is filled by the kernel or OpenSSL
 * (crypto/random.h), tests pass rng_seeded(), which is deterministic and NOT fit for secrets.
 */
#ifndef CASTSWITCH_RNG_H
#define CASTSWITCH_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
	/* Fills buf[0..len) with random bytes; cannot fail (an implementation that could must abort). */
	void (*fill)(void *arg, void *buf, size_t len);
	void *arg;
};

/* State of a deterministic generator (xoshiro256**), owned by the caller. */
struct rng_seeded {
	uint64_t s[4];
};

/* Makes *rng draw from *state, seeded with 'seed'.  *state must outlive *rng. */
void rng_seeded_init(struct rng_seeded *state, uint64_t seed, struct rng *rng);

void rng_fill(const struct rng *rng, void *buf, size_t len);
uint32_t rng_u32(const struct rng *rng);
uint64_t rng_u64(const struct rng *rng);
/* Uniform in [0, bound), without modulo bias; bound 0 gives 0. */
uint64_t rng_below(const struct rng *rng, uint64_t bound);

#endif
