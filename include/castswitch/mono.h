/* Monotonic time.
 *
 * A point in time is a struct, so that it can't be mixed up with a duration, a count of seconds or the wall clock.
 * Nobody below src/app and src/io reads a clock: every engine takes "now" as an argument and returns its next
 * deadline.  Durations are plain nanoseconds (nsec_t) built from the constants below.
 */
#ifndef CASTSWITCH_MONO_H
#define CASTSWITCH_MONO_H

#include <stdbool.h>
#include <stdint.h>

/* A duration in nanoseconds. */
typedef uint64_t nsec_t;

#define NSEC_PER_USEC UINT64_C(1000)
#define NSEC_PER_MSEC UINT64_C(1000000)
#define NSEC_PER_SEC UINT64_C(1000000000)

/* A point on the monotonic clock; zero is an arbitrary origin. */
struct mono {
	uint64_t ns;
};

/* Later than every real point: "no deadline". */
#define MONO_NEVER ((struct mono){ .ns = UINT64_MAX })
/* Before every real point: "it never happened". */
#define MONO_ZERO ((struct mono){ .ns = 0 })

static inline struct mono
mono_from_ns(uint64_t ns)
{
	return (struct mono){ .ns = ns };
}

static inline bool
mono_is_never(struct mono t)
{
	return t.ns == UINT64_MAX;
}

static inline bool
mono_before(struct mono a, struct mono b)
{
	return a.ns < b.ns;
}

/* True when the deadline 'at' has been reached at 'now'. */
static inline bool
mono_due(struct mono at, struct mono now)
{
	return at.ns <= now.ns;
}

static inline struct mono
mono_min(struct mono a, struct mono b)
{
	return a.ns < b.ns ? a : b;
}

static inline struct mono
mono_max(struct mono a, struct mono b)
{
	return a.ns > b.ns ? a : b;
}

/* t + d; saturates at MONO_NEVER. */
static inline struct mono
mono_add(struct mono t, nsec_t d)
{
	return d > UINT64_MAX - t.ns ? MONO_NEVER : (struct mono){ .ns = t.ns + d };
}

/* The time from 'from' to 'to'; 0 when 'to' is not later. */
static inline nsec_t
mono_since(struct mono from, struct mono to)
{
	return to.ns > from.ns ? to.ns - from.ns : 0;
}

#endif
