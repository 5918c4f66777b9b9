/* A queue of timers without a clock: a binary heap of intrusive timers.
 *
 * An engine owns one timerq, embeds struct timer in its objects and forwards its own tick and next:
 *
 *	timer_init(&obj->expiry, obj_expired);
 *	timerq_arm(&e->timers, &obj->expiry, mono_add(now, d));
 *	...
 *	e_tick(e, now)  { timerq_run(&e->timers, now, e); }
 *	e_next(e)       { return timerq_next(&e->timers); }
 *
 * The heap array grows on arm; its memory is owned by the queue.  Timers due at the same instant fire in the order in
 * which they were armed, so that runs are reproducible.
 */
#ifndef CASTSWITCH_TIMERQ_H
#define CASTSWITCH_TIMERQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "castswitch/mono.h"

struct timer;

/* Called by timerq_run() with the timer disarmed; 'arg' is timerq_run()'s.  It may arm, cancel and free any timer. */
typedef void timer_fn(struct timer *t, void *arg, struct mono now);

struct timer {
	struct mono at; /* valid while armed */
	uint64_t seq;   /* order among equals */
	size_t pos;     /* index in the heap + 1; 0 = not armed */
	timer_fn *fire;
};

struct timerq {
	struct timer **heap;
	size_t n, cap;
	uint64_t seq;
	struct mono floor; /* during timerq_run() its 'now': deadlines armed then are not earlier */
};

void timerq_init(struct timerq *q);
/* Frees the heap; timers still armed are disarmed. */
void timerq_fini(struct timerq *q);

static inline void
timer_init(struct timer *t, timer_fn *fire)
{
	*t = (struct timer){ .fire = fire };
}

static inline bool
timer_is_armed(const struct timer *t)
{
	return t->pos != 0;
}

/* The deadline, or MONO_NEVER when not armed. */
static inline struct mono
timer_at(const struct timer *t)
{
	return t->pos ? t->at : MONO_NEVER;
}

/* Arms 't' for 'at', moving it if it is armed already.  'at' MONO_NEVER cancels.  Out of memory aborts: a protocol
 * timer that silently never fires would be worse. */
void timerq_arm(struct timerq *q, struct timer *t, struct mono at);
/* Disarms; nothing happens when it is not armed. */
void timerq_cancel(struct timerq *q, struct timer *t);
/* The earliest deadline, or MONO_NEVER. */
struct mono timerq_next(const struct timerq *q);
/* Fires every timer due at 'now', in order of time.  What a callback arms, itself or another timer, for a time <= now
 * counts as armed for 'now' and fires only in the next call, so the function always returns.  Returns the number
 * fired. */
size_t timerq_run(struct timerq *q, struct mono now, void *arg);

#endif
