/* Replay window: RFC 6479.
 *
 * A bit per counter, in a ring of 64-bit words.  One word more than the window needs lets the ring move by whole words:
 * the words between the old and the new top are cleared, nothing is shifted.
 */
#include "castswitch/replay.h"

#include <string.h>

static inline unsigned
replay_word(uint64_t counter)
{
	return (unsigned)((counter >> 6) % REPLAY_WORDS);
}

static inline uint64_t
replay_bit(uint64_t counter)
{
	return UINT64_C(1) << (counter & 63);
}

void
replay_init(struct replay *r)
{
	memset(r, 0, sizeof(*r));
}

bool
replay_check(const struct replay *r, uint64_t counter)
{
	if (counter == 0)
		return false;
	if (counter > r->top)
		return true;
	if (r->top - counter >= REPLAY_WINDOW)
		return false;
	return !(r->bits[replay_word(counter)] & replay_bit(counter));
}

/* Moves the top, clearing the words that are reused for newer counters. */
static void
replay_advance(struct replay *r, uint64_t counter)
{
	uint64_t words = (counter >> 6) - (r->top >> 6);

	if (words > REPLAY_WORDS)
		words = REPLAY_WORDS;
	for (uint64_t i = 0, w = replay_word(r->top); i < words; i++) {
		w = w + 1 == REPLAY_WORDS ? 0 : w + 1;
		r->bits[w] = 0;
	}
	r->top = counter;
}

bool
replay_accept(struct replay *r, uint64_t counter)
{
	if (!replay_check(r, counter))
		return false;
	if (counter > r->top)
		replay_advance(r, counter);
	r->bits[replay_word(counter)] |= replay_bit(counter);
	return true;
}
