/* Token bucket, with an injected clock. */
#ifndef CASTSWITCH_TBUCKET_H
#define CASTSWITCH_TBUCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "castswitch/mono.h"

struct tbucket {
	uint64_t rate;   /* tokens a second; 0 = unlimited */
	uint64_t burst;  /* most tokens that can be saved up */
	uint64_t tokens; /* now in the bucket */
	uint64_t carry;  /* fraction of a token, in 1/NSEC_PER_SEC */
	struct mono last;
};

/* A full bucket. */
void tbucket_init(struct tbucket *b, uint64_t rate, uint64_t burst, struct mono now);
/* Takes n tokens.  Returns false, and takes none, when there are fewer.  rate 0 always returns true. */
bool tbucket_take(struct tbucket *b, uint64_t n, struct mono now);

#endif
