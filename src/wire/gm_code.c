/* The floating-point codes of IGMPv3 and MLDv2 (RFC 3376 4.1.1, RFC 3810 5.1.3).
 *
 * Below half of the code space a code is its own value.  Above it is 1 | 3 bits exponent | mantissa and stands for
 * (1 | mantissa) << (exponent + 3).
 */
#include "castswitch/gm.h"

enum { CODE8_MANTISSA_BITS = 4, CODE16_MANTISSA_BITS = 12, EXPONENT_BIAS = 3, EXPONENT_MAX = 7 };

static uint32_t
encode(uint32_t count, unsigned mantissa_bits)
{
	const uint32_t hidden = UINT32_C(1) << mantissa_bits;
	uint32_t exponent = 0;

	if (count < hidden << EXPONENT_BIAS)
		return count;
	count >>= EXPONENT_BIAS;
	for (; count >= hidden << 1; count >>= 1)
		exponent++;
	if (exponent > EXPONENT_MAX) {
		exponent = EXPONENT_MAX;
		count = hidden - 1; /* all mantissa bits set: the largest value there is */
	}
	return hidden << EXPONENT_BIAS | exponent << mantissa_bits | (count & (hidden - 1));
}

static uint32_t
decode(uint32_t code, unsigned mantissa_bits)
{
	const uint32_t hidden = UINT32_C(1) << mantissa_bits;

	if (code < hidden << EXPONENT_BIAS)
		return code;
	return (hidden | (code & (hidden - 1))) << ((code >> mantissa_bits & EXPONENT_MAX) + EXPONENT_BIAS);
}

uint8_t
gm_code8_encode(uint32_t count)
{
	return (uint8_t)encode(count, CODE8_MANTISSA_BITS);
}

uint32_t
gm_code8_decode(uint8_t code)
{
	return decode(code, CODE8_MANTISSA_BITS);
}

uint16_t
gm_code16_encode(uint32_t count)
{
	return (uint16_t)encode(count, CODE16_MANTISSA_BITS);
}

uint32_t
gm_code16_decode(uint16_t code)
{
	return decode(code, CODE16_MANTISSA_BITS);
}
