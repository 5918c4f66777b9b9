/* Randomness fit for keys and secrets, as the injected service of rng.h, filled by OpenSSL's generator. */
#ifndef CASTSWITCH_RANDOM_H
#define CASTSWITCH_RANDOM_H

#include "castswitch/rng.h"

/* A generator without state of its own: copy it freely.  The process aborts when the operating system gives no
 * randomness, because nothing secure could follow. */
struct rng random_rng(void);

#endif
