/* Token bucket, with an injected clock.  Exact: fractions of tokens are carried over, and no rate, burst or pause
 * overflows.  All divisions are by constants, so it may be asked on the data path. */
#include "castswitch/tbucket.h"

static uint64_t
mul_saturated(uint64_t a, uint64_t b)
{
	uint64_t r;

	return __builtin_mul_overflow(a, b, &r) ? UINT64_MAX : r;
}

static uint64_t
add_saturated(uint64_t a, uint64_t b)
{
	uint64_t r;

	return __builtin_add_overflow(a, b, &r) ? UINT64_MAX : r;
}

void
tbucket_init(struct tbucket *b, uint64_t rate, uint64_t burst, struct mono now)
{
	*b = (struct tbucket){ .rate = rate, .burst = burst, .tokens = burst, .last = now };
}

static void
refill(struct tbucket *b, struct mono now)
{
	nsec_t elapsed = mono_since(b->last, now);
	uint64_t whole = elapsed / NSEC_PER_SEC, part = elapsed % NSEC_PER_SEC;
	uint64_t fraction, tokens;

	if (elapsed == 0)
		return;
	b->last = now;
	/* rate * part doesn't fit in 64 bits for every rate; rate = q * NSEC_PER_SEC + r, and q * part and r * part
	 * both do. */
	fraction = b->rate % NSEC_PER_SEC * part + b->carry;
	tokens = add_saturated(b->rate / NSEC_PER_SEC * part, fraction / NSEC_PER_SEC);
	tokens = add_saturated(tokens, mul_saturated(b->rate, whole));
	b->carry = fraction % NSEC_PER_SEC;
	b->tokens = add_saturated(b->tokens, tokens);
	if (b->tokens >= b->burst) {
		b->tokens = b->burst;
		b->carry = 0;
	}
}

bool
tbucket_take(struct tbucket *b, uint64_t n, struct mono now)
{
	if (b->rate == 0)
		return true;
	refill(b, now);
	if (b->tokens < n)
		return false;
	b->tokens -= n;
	return true;
}
