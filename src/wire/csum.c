/* The Internet checksum (RFC 1071). */
#include "castswitch/csum.h"

#include <string.h>

/* Ones' complement folding to 16 bits; the value modulo 65535 stays. */
static uint16_t
fold16(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* The sum is taken in the machine's own byte order, which costs no swap per word, and swapped once at the end: ones'
 * complement addition does not mind (RFC 1071 2(B)).  The 32-bit halves go to two 64-bit sums, so that no carry can be
 * lost below 32 GB. */
uint64_t
csum_add(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t lo = 0, hi = 0, word;
	uint8_t folded[2];
	uint16_t native;

	for (; len >= sizeof(word); len -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		lo += word & 0xffffffff;
		hi += word >> 32;
	}
	if (len > 0) {
		word = 0;
		memcpy(&word, p, len);
		lo += word & 0xffffffff;
		hi += word >> 32;
	}
	native = fold16((lo & 0xffffffff) + (lo >> 32) + (hi & 0xffffffff) + (hi >> 32));
	memcpy(folded, &native, sizeof(folded));
	return sum + ((unsigned)folded[0] << 8 | folded[1]);
}

uint16_t
csum_fold(uint64_t sum)
{
	return (uint16_t)~fold16(sum);
}

/* One way for both families: the ffff of an IPv4-mapped address is zero in ones' complement, so its 16 bytes add up to
 * what its 4 bytes do, and the fields differ in width only. */
uint64_t
csum_pseudo(const struct ipaddr *src, const struct ipaddr *dst, uint8_t proto, uint32_t len)
{
	return csum_add(csum_add((uint64_t)proto + len, src->b, sizeof(src->b)), dst->b, sizeof(dst->b));
}

/* HC' = ~(~HC + ~m + m') */
void
csum_update(uint8_t field[2], uint16_t before, uint16_t after)
{
	const uint16_t old = (uint16_t)(field[0] << 8 | field[1]);
	const uint16_t sum = csum_fold((uint64_t)(uint16_t)~old + (uint16_t)~before + after);

	field[0] = (uint8_t)(sum >> 8);
	field[1] = (uint8_t)sum;
}
