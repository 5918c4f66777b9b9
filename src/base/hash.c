/* SipHash-1-3 (Aumasson and Bernstein, 2012; one compression round, three finalisation rounds). */
#include "castswitch/hash.h"

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t
rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

static inline void
sip_init(struct sip *s, const struct hash_key *key)
{
	s->v0 = key->k0 ^ UINT64_C(0x736f6d6570736575);
	s->v1 = key->k1 ^ UINT64_C(0x646f72616e646f6d);
	s->v2 = key->k0 ^ UINT64_C(0x6c7967656e657261);
	s->v3 = key->k1 ^ UINT64_C(0x7465646279746573);
}

static inline void
sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v2 = rotl(s->v2, 32);
}

static inline void
sip_word(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	s->v0 ^= word;
}

static inline uint64_t
sip_finish(struct sip *s)
{
	s->v2 ^= 0xff;
	sip_round(s);
	sip_round(s);
	sip_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/* The first n (at most 8) bytes of p in little-endian order. */
static inline uint64_t
load_le(const unsigned char *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (i * 8);
	return v;
}

uint64_t
hash_bytes(const struct hash_key *key, const void *data, size_t len)
{
	const unsigned char *p = data;
	size_t whole = len / 8;
	struct sip s;

	sip_init(&s, key);
	for (size_t i = 0; i < whole; i++)
		sip_word(&s, load_le(p + i * 8, 8));
	/* The last word carries the rest of the data and, in its top byte, the length modulo 256. */
	sip_word(&s, (uint64_t)len << 56 | (len % 8 ? load_le(p + whole * 8, len % 8) : 0));
	return sip_finish(&s);
}

uint64_t
hash_u64(const struct hash_key *key, uint64_t v)
{
	struct sip s;

	sip_init(&s, key);
	sip_word(&s, v);
	sip_word(&s, UINT64_C(8) << 56);
	return sip_finish(&s);
}
