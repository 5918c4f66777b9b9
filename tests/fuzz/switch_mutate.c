/* How libFuzzer changes inputs of the switch target: half of the time as it always does, else by whole steps, which it
 * would rarely hit upon.  Replaying needs none of this.
 */
#include <string.h>

#include "fuzz/fuzz.h"

enum { STEP = 8 };

/* libFuzzer's own; missing in programs that only replay. */
__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

static unsigned
next(unsigned *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* Makes room for a step before the one at 'at'; the same again, or any bytes. */
static size_t
insert_step(uint8_t *data, size_t steps, size_t at, unsigned *random)
{
	const bool again = next(random) % 2;

	memmove(data + (at + 1) * STEP, data + at * STEP, (steps - at) * STEP);
	for (unsigned i = 0; i < STEP && !again; i++)
		data[at * STEP + i] = (uint8_t)(next(random) % 4 ? next(random) : 0);
	return steps + 1;
}

static void
swap_steps(uint8_t *data, size_t a, size_t b)
{
	uint8_t tmp[STEP];

	memcpy(tmp, data + a * STEP, STEP);
	memcpy(data + a * STEP, data + b * STEP, STEP);
	memcpy(data + b * STEP, tmp, STEP);
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	size_t steps = size / STEP;
	unsigned random = seed;

	if (next(&random) % 2 || steps < 2)
		return LLVMFuzzerMutate(data, size, max);
	for (unsigned n = 1 + next(&random) % 4; n; n--) {
		const size_t a = next(&random) % steps, b = next(&random) % steps;

		switch (next(&random) % 6) {
		case 0:
		case 1:
			if ((steps + 1) * STEP <= max)
				steps = insert_step(data, steps, a, &random);
			break;
		case 2:
			if (steps > 2)
				memmove(data + a * STEP, data + (a + 1) * STEP, (--steps - a) * STEP);
			break;
		case 3:
			swap_steps(data, a, b);
			break;
		case 4:
			memcpy(data + a * STEP, data + b * STEP, STEP);
			break;
		default:
			data[a * STEP + next(&random) % STEP] ^= (uint8_t)(1u << next(&random) % 8);
			break;
		}
	}
	return steps * STEP;
}
