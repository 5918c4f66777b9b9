/* A queue of timers without a clock: a binary heap of intrusive timers, ordered by deadline, then by order of arming.
 */
#include "castswitch/timerq.h"

#include <stdlib.h>

void
timerq_init(struct timerq *q)
{
	*q = (struct timerq){ 0 };
}

void
timerq_fini(struct timerq *q)
{
	if (!q)
		return;
	for (size_t i = 0; i < q->n; i++)
		q->heap[i]->pos = 0;
	free(q->heap);
	timerq_init(q);
}

static bool
before(const struct timer *a, const struct timer *b)
{
	return a->at.ns != b->at.ns ? a->at.ns < b->at.ns : a->seq < b->seq;
}

static void
put(struct timerq *q, size_t i, struct timer *t)
{
	q->heap[i] = t;
	t->pos = i + 1;
}

/* Finds the place for 't', starting at the hole 'i' and going towards the root. */
static void
sift_up(struct timerq *q, size_t i, struct timer *t)
{
	while (i > 0 && before(t, q->heap[(i - 1) / 2])) {
		put(q, i, q->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	put(q, i, t);
}

/* As sift_up(), but towards the leaves. */
static void
sift_down(struct timerq *q, size_t i, struct timer *t)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < q->n && before(q->heap[child + 1], q->heap[child]))
			child++;
		if (child >= q->n || !before(q->heap[child], t))
			break;
		put(q, i, q->heap[child]);
		i = child;
	}
	put(q, i, t);
}

/* Puts 't' into the hole 'i', from where it may have to move in either direction. */
static void
settle(struct timerq *q, size_t i, struct timer *t)
{
	if (i > 0 && before(t, q->heap[(i - 1) / 2]))
		sift_up(q, i, t);
	else
		sift_down(q, i, t);
}

static void
grow(struct timerq *q)
{
	size_t cap = q->cap ? q->cap * 2 : 16;
	struct timer **heap = NULL;

	if (cap <= SIZE_MAX / sizeof(*heap))
		heap = realloc(q->heap, cap * sizeof(*heap));
	if (!heap)
		abort();
	q->heap = heap;
	q->cap = cap;
}

void
timerq_arm(struct timerq *q, struct timer *t, struct mono at)
{
	if (mono_is_never(at)) {
		timerq_cancel(q, t);
		return;
	}
	t->at = mono_max(at, q->floor);
	t->seq = q->seq++;
	if (t->pos) {
		settle(q, t->pos - 1, t);
		return;
	}
	if (q->n == q->cap)
		grow(q);
	sift_up(q, q->n++, t);
}

void
timerq_cancel(struct timerq *q, struct timer *t)
{
	size_t hole = t->pos - 1;
	struct timer *last;

	if (!t->pos)
		return;
	t->pos = 0;
	last = q->heap[--q->n];
	if (last != t)
		settle(q, hole, last);
}

struct mono
timerq_next(const struct timerq *q)
{
	return q->n ? q->heap[0]->at : MONO_NEVER;
}

size_t
timerq_run(struct timerq *q, struct mono now, void *arg)
{
	struct mono outer = q->floor;
	uint64_t end = q->seq;
	size_t fired = 0;

	/* What a callback arms gets a deadline not before 'now' and a number from 'end' up, so in the heap it comes
	 * after everything that was due when the run began: the first such timer at the root ends the run. */
	q->floor = now;
	while (q->n && mono_due(q->heap[0]->at, now) && q->heap[0]->seq < end) {
		struct timer *t = q->heap[0];

		timerq_cancel(q, t);
		fired++;
		t->fire(t, arg, now);
	}
	q->floor = outer;
	return fired;
}
