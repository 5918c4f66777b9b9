/* Randomness as an injected service: readers of a struct rng, and the deterministic generator of the tests. */
#include "castswitch/rng.h"

#include <string.h>

static uint64_t
rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

/* splitmix64: spreads a seed of any quality over the generator's state, which must not become all zero. */
static uint64_t
seed_next(uint64_t *seed)
{
	uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* xoshiro256** */
static uint64_t
seeded_next(struct rng_seeded *state)
{
	uint64_t *s = state->s;
	uint64_t result = rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

/* Each word leaves in little-endian order, so that a seed gives the same bytes on every machine. */
static void
seeded_fill(void *arg, void *buf, size_t len)
{
	unsigned char *out = buf;
	uint64_t word = 0;

	for (size_t i = 0; i < len; i++) {
		if (i % 8 == 0)
			word = seeded_next(arg);
		out[i] = (unsigned char)(word >> (i % 8 * 8));
	}
}

void
rng_seeded_init(struct rng_seeded *state, uint64_t seed, struct rng *rng)
{
	for (size_t i = 0; i < 4; i++)
		state->s[i] = seed_next(&seed);
	*rng = (struct rng){ .fill = seeded_fill, .arg = state };
}

void
rng_fill(const struct rng *rng, void *buf, size_t len)
{
	rng->fill(rng->arg, buf, len);
}

static uint64_t
random_le(const struct rng *rng, size_t len)
{
	unsigned char b[8];
	uint64_t v = 0;

	rng_fill(rng, b, len);
	for (size_t i = 0; i < len; i++)
		v |= (uint64_t)b[i] << (i * 8);
	return v;
}

uint32_t
rng_u32(const struct rng *rng)
{
	return (uint32_t)random_le(rng, 4);
}

uint64_t
rng_u64(const struct rng *rng)
{
	return random_le(rng, 8);
}

uint64_t
rng_below(const struct rng *rng, uint64_t bound)
{
	uint64_t excess, r;

	if (bound == 0)
		return 0;
	/* 2^64 mod bound: that many values at the top would make the small results more likely, so draw again. */
	excess = (0 - bound) % bound;
	do
		r = rng_u64(rng);
	while (r > UINT64_MAX - excess);
	return r % bound;
}
