/* Replay window of 2048 counters (RFC 6479: a ring of words, cleared as it moves). */
#ifndef CASTSWITCH_REPLAY_H
#define CASTSWITCH_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

enum { REPLAY_WINDOW = 2048, REPLAY_WORDS = REPLAY_WINDOW / 64 + 1 };

struct replay {
	uint64_t top; /* highest counter accepted; 0 = none yet (counters start at 1) */
	uint64_t bits[REPLAY_WORDS];
};

void replay_init(struct replay *r);
/* Whether 'counter' is new: not 0, not older than the window, not seen.  Changes nothing: asked before decryption. */
bool replay_check(const struct replay *r, uint64_t counter);
/* As replay_check(), and marks it as seen: called once the packet has authenticated. */
bool replay_accept(struct replay *r, uint64_t counter);

#endif
