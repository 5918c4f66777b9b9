/* Timer queue: order, equal deadlines, what callbacks may do, and a random comparison with a plain array. */
#include "castswitch/timerq.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "castswitch/list.h"
#include "castswitch/rng.h"

/* What fired, as letters. */
struct journal {
	char fired[64];
	size_t n;
};

struct item {
	struct timer timer;
	char letter;
	/* What the callback does. */
	struct timerq *q;
	struct timer *arm, *cancel;
	struct mono arm_at;
	bool free_self;
};

static void
fire(struct timer *t, void *arg, struct mono now)
{
	struct item *i = container_of(t, struct item, timer);
	struct journal *j = arg;

	assert_false(timer_is_armed(t));
	assert_true(mono_due(t->at, now));
	assert_true(j->n < sizeof(j->fired) - 1);
	j->fired[j->n++] = i->letter;
	if (i->cancel)
		timerq_cancel(i->q, i->cancel);
	if (i->arm)
		timerq_arm(i->q, i->arm, i->arm_at);
	if (i->free_self)
		free(i);
}

static struct mono
at(uint64_t ns)
{
	return mono_from_ns(ns);
}

static void
item_init(struct item *i, struct timerq *q, char letter)
{
	*i = (struct item){ .letter = letter, .q = q };
	timer_init(&i->timer, fire);
}

static void
items_init(struct item *items, size_t n, struct timerq *q)
{
	timerq_init(q);
	for (size_t i = 0; i < n; i++)
		item_init(&items[i], q, (char)('a' + i));
}

/* Runs at 'now' and compares what fired. */
static void
expect(struct timerq *q, uint64_t now, const char *letters)
{
	struct journal j = { .n = 0 };

	assert_int_equal(timerq_run(q, at(now), &j), strlen(letters));
	assert_string_equal(j.fired, letters);
}

static void
test_empty(void **state)
{
	struct timerq q;

	(void)state;
	timerq_init(&q);
	assert_true(mono_is_never(timerq_next(&q)));
	assert_int_equal(timerq_run(&q, MONO_NEVER, NULL), 0);
	timerq_fini(&q);
	timerq_fini(NULL);
}

static void
test_deadline_edge(void **state)
{
	struct item i[1];
	struct timerq q;

	(void)state;
	items_init(i, 1, &q);
	assert_true(mono_is_never(timer_at(&i[0].timer)));
	timerq_arm(&q, &i[0].timer, at(100));
	assert_true(timer_is_armed(&i[0].timer));
	assert_int_equal(timer_at(&i[0].timer).ns, 100);
	assert_int_equal(timerq_next(&q).ns, 100);
	expect(&q, 99, "");
	expect(&q, 100, "a");
	assert_true(mono_is_never(timerq_next(&q)));
	expect(&q, 101, "");
	timerq_arm(&q, &i[0].timer, at(200));
	expect(&q, 201, "a");
	timerq_fini(&q);
}

static void
test_order_of_time(void **state)
{
	static const uint64_t deadlines[] = { 50, 10, 40, 20, 60, 30 };
	struct item i[6];
	struct timerq q;

	(void)state;
	items_init(i, 6, &q);
	for (size_t k = 0; k < 6; k++)
		timerq_arm(&q, &i[k].timer, at(deadlines[k]));
	assert_int_equal(timerq_next(&q).ns, 10);
	expect(&q, 35, "bdf");
	assert_int_equal(timerq_next(&q).ns, 40);
	expect(&q, 1000, "cae");
	timerq_fini(&q);
}

static void
test_equal_deadlines_fire_in_order_of_arming(void **state)
{
	struct item i[26];
	struct timerq q;

	(void)state;
	items_init(i, 26, &q);
	for (size_t k = 0; k < 26; k++)
		timerq_arm(&q, &i[k].timer, at(5));
	/* Arming again, even for the same time, moves it to the end. */
	timerq_arm(&q, &i[3].timer, at(5));
	timerq_arm(&q, &i[0].timer, at(5));
	expect(&q, 5, "bcefghijklmnopqrstuvwxyzda");
	timerq_fini(&q);
}

static void
test_moving(void **state)
{
	struct item i[3];
	struct timerq q;

	(void)state;
	items_init(i, 3, &q);
	for (size_t k = 0; k < 3; k++)
		timerq_arm(&q, &i[k].timer, at(10 * (k + 1)));
	timerq_arm(&q, &i[0].timer, at(25)); /* later */
	timerq_arm(&q, &i[2].timer, at(5));  /* earlier */
	assert_int_equal(q.n, 3);
	expect(&q, 100, "cba");
	timerq_fini(&q);
}

static void
test_cancel(void **state)
{
	struct item i[3];
	struct timerq q;

	(void)state;
	items_init(i, 3, &q);
	timerq_cancel(&q, &i[0].timer); /* not armed */
	for (size_t k = 0; k < 3; k++)
		timerq_arm(&q, &i[k].timer, at(10 + k));
	timerq_cancel(&q, &i[0].timer);
	timerq_cancel(&q, &i[0].timer);
	assert_false(timer_is_armed(&i[0].timer));
	assert_int_equal(timerq_next(&q).ns, 11);
	timerq_arm(&q, &i[2].timer, MONO_NEVER);
	assert_false(timer_is_armed(&i[2].timer));
	timerq_arm(&q, &i[2].timer, MONO_NEVER);
	expect(&q, 100, "b");
	timerq_fini(&q);
}

static void
test_arm_itself_in_callback(void **state)
{
	struct item i[1];
	struct timerq q;

	(void)state;
	items_init(i, 1, &q);
	i[0].arm = &i[0].timer;
	i[0].arm_at = at(10);
	timerq_arm(&q, &i[0].timer, at(10));
	/* Due again at once, but once in a call. */
	expect(&q, 10, "a");
	assert_int_equal(timerq_next(&q).ns, 10);
	expect(&q, 10, "a");
	i[0].arm_at = at(20);
	expect(&q, 15, "a");
	expect(&q, 19, "");
	expect(&q, 20, "a");
	timerq_fini(&q);
}

/* A timer that is armed for the past must not stand before those that were due all along. */
static void
test_arm_for_the_past_in_callback(void **state)
{
	struct item i[4];
	struct timerq q;

	(void)state;
	items_init(i, 4, &q);
	i[0].arm = &i[3].timer;
	i[0].arm_at = at(1);
	for (size_t k = 0; k < 3; k++)
		timerq_arm(&q, &i[k].timer, at(10 * (k + 1)));
	expect(&q, 30, "abc");
	assert_int_equal(timer_at(&i[3].timer).ns, 30);
	expect(&q, 30, "d");
	/* Outside of a run the past is what it is. */
	timerq_arm(&q, &i[0].timer, at(6));
	timerq_arm(&q, &i[1].timer, at(5));
	assert_int_equal(timerq_next(&q).ns, 5);
	expect(&q, 40, "ba");
	timerq_fini(&q);
}

static void
test_two_that_arm_each_other_end(void **state)
{
	struct item i[2];
	struct timerq q;

	(void)state;
	items_init(i, 2, &q);
	for (size_t k = 0; k < 2; k++) {
		i[k].arm = &i[1 - k].timer;
		i[k].arm_at = at(0);
	}
	timerq_arm(&q, &i[0].timer, at(1));
	expect(&q, 10, "a");
	expect(&q, 10, "b");
	expect(&q, 10, "a");
	timerq_fini(&q);
}

static void
test_move_or_cancel_a_due_one_in_callback(void **state)
{
	struct item i[4];
	struct timerq q;

	(void)state;
	items_init(i, 4, &q);
	for (size_t k = 0; k < 4; k++)
		timerq_arm(&q, &i[k].timer, at(10 * (k + 1)));
	i[0].cancel = &i[1].timer;
	i[0].arm = &i[2].timer;
	i[0].arm_at = at(1000);
	expect(&q, 100, "ad");
	assert_false(timer_is_armed(&i[1].timer));
	assert_int_equal(timerq_next(&q).ns, 1000);
	timerq_fini(&q);
}

static void
test_free_in_callback(void **state)
{
	struct timerq q;

	(void)state;
	timerq_init(&q);
	for (size_t k = 0; k < 20; k++) {
		struct item *i = malloc(sizeof(*i));

		assert_non_null(i);
		item_init(i, &q, (char)('a' + k));
		i->free_self = true;
		timerq_arm(&q, &i->timer, at(k));
	}
	expect(&q, 20, "abcdefghijklmnopqrst");
	timerq_fini(&q);
}

static void
test_fini_disarms(void **state)
{
	struct item i[2];
	struct timerq q;

	(void)state;
	items_init(i, 2, &q);
	timerq_arm(&q, &i[0].timer, at(1));
	timerq_arm(&q, &i[1].timer, at(2));
	timerq_fini(&q);
	assert_false(timer_is_armed(&i[0].timer));
	assert_false(timer_is_armed(&i[1].timer));
	assert_true(mono_is_never(timerq_next(&q)));
}

/* The model: deadlines in an array, searched for the least (deadline, order of arming). */
#define MODEL_TIMERS 48

struct model {
	struct timer timers[MODEL_TIMERS];
	struct mono due[MODEL_TIMERS]; /* MONO_NEVER = not armed */
	uint64_t order[MODEL_TIMERS];
	uint64_t armed;
	size_t last;
};

static size_t
model_first(const struct model *m)
{
	size_t first = 0;

	for (size_t i = 1; i < MODEL_TIMERS; i++)
		if (mono_before(m->due[i], m->due[first]) ||
		    (m->due[i].ns == m->due[first].ns && m->order[i] < m->order[first]))
			first = i;
	return first;
}

static void
model_fire(struct timer *t, void *arg, struct mono now)
{
	struct model *m = arg;
	size_t i = model_first(m);

	assert_ptr_equal(t, &m->timers[i]);
	assert_true(mono_due(m->due[i], now));
	m->due[i] = MONO_NEVER;
}

static void
model_change(struct model *m, struct timerq *q, const struct rng *rng, struct mono now)
{
	size_t i = (size_t)rng_below(rng, MODEL_TIMERS);

	if (rng_below(rng, 4) == 0) {
		timerq_cancel(q, &m->timers[i]);
		m->due[i] = MONO_NEVER;
	} else {
		m->due[i] = mono_add(now, rng_below(rng, 40));
		m->order[i] = m->armed++;
		timerq_arm(q, &m->timers[i], m->due[i]);
	}
}

static void
test_random_against_model(void **state)
{
	struct model m = { .armed = 0 };
	struct mono now = MONO_ZERO;
	struct rng_seeded seeded;
	struct rng rng;
	struct timerq q;
	size_t fired = 0;

	(void)state;
	rng_seeded_init(&seeded, 4, &rng);
	timerq_init(&q);
	for (size_t i = 0; i < MODEL_TIMERS; i++) {
		timer_init(&m.timers[i], model_fire);
		m.due[i] = MONO_NEVER;
	}
	for (unsigned step = 0; step < 20000; step++) {
		model_change(&m, &q, &rng, now);
		assert_int_equal(timerq_next(&q).ns, m.due[model_first(&m)].ns);
		if (rng_below(&rng, 3) == 0) {
			now = mono_add(now, rng_below(&rng, 6));
			fired += timerq_run(&q, now, &m);
			assert_true(mono_before(now, m.due[model_first(&m)]));
		}
		for (size_t i = 0; i < MODEL_TIMERS; i++)
			assert_int_equal(timer_at(&m.timers[i]).ns, m.due[i].ns);
	}
	assert_true(fired > 1000);
	timerq_fini(&q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_deadline_edge),
		cmocka_unit_test(test_order_of_time),
		cmocka_unit_test(test_equal_deadlines_fire_in_order_of_arming),
		cmocka_unit_test(test_moving),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_arm_itself_in_callback),
		cmocka_unit_test(test_arm_for_the_past_in_callback),
		cmocka_unit_test(test_two_that_arm_each_other_end),
		cmocka_unit_test(test_move_or_cancel_a_due_one_in_callback),
		cmocka_unit_test(test_free_in_callback),
		cmocka_unit_test(test_fini_disarms),
		cmocka_unit_test(test_random_against_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
