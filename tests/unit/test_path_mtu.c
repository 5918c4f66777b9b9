/* Unit tests of the search for a path's MTU, against a path that carries so much and takes so long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "path_mtu.h"

#define MS(n) ((nsec_t)(n)*NSEC_PER_MSEC)
#define SEC(n) ((nsec_t)(n)*NSEC_PER_SEC)

enum { SENT_MAX = 4096, PENDING_MAX = 16 };

/* What is sent arrives when it is not longer than 'carries', and its answer 'rtt' after it was sent. */
struct line {
	struct path_mtu m;
	struct mono now;
	unsigned carries;
	nsec_t rtt;
	unsigned interface; /* the kernel refuses what is longer; 0 = nothing */
	bool dead;
	unsigned lose; /* so many of the next probes */
	uint16_t sent[SENT_MAX];
	struct mono sent_at[SENT_MAX];
	unsigned n_sent, n_short;
	struct {
		uint16_t size;
		struct mono at;
	} pending[PENDING_MAX];
	unsigned n_pending;
};

static struct line
line_new(uint16_t limit, unsigned carries, nsec_t rtt)
{
	struct line l = { .now = { SEC(100) }, .carries = carries, .rtt = rtt };

	path_mtu_init(&l.m, limit);
	return l;
}

static void
line_carry(struct line *l, uint16_t size)
{
	if (l->lose > 0)
		l->lose--;
	else if (!l->dead && size <= l->carries) {
		assert_true(l->n_pending < PENDING_MAX);
		l->pending[l->n_pending].size = size;
		l->pending[l->n_pending++].at = mono_add(l->now, l->rtt);
	}
}

static void
line_send(struct line *l, const struct path_mtu_probe *p)
{
	if (p->size == 0)
		return;
	assert_true(l->n_sent < SENT_MAX);
	l->sent_at[l->n_sent] = l->now;
	l->sent[l->n_sent++] = p->size;
	if (l->interface && p->size > l->interface)
		path_mtu_refused(&l->m, p->size, l->now);
	else
		line_carry(l, p->size);
	if (p->with_short) {
		l->n_short++;
		line_carry(l, PATH_MTU_SHORT);
	}
}

static void
line_answer(struct line *l)
{
	uint16_t size = l->pending[0].size;

	l->now = mono_max(l->now, l->pending[0].at);
	l->n_pending--;
	memmove(&l->pending[0], &l->pending[1], l->n_pending * sizeof(l->pending[0]));
	path_mtu_answer(&l->m, size, l->now);
}

/* Runs what is due up to and including 'd' from now. */
static void
line_for(struct line *l, nsec_t d)
{
	const struct mono until = mono_add(l->now, d);
	struct path_mtu_probe p;

	for (unsigned steps = 0;; steps++) {
		struct mono next = path_mtu_next(&l->m);

		assert_true(steps < 10000); /* a deadline that does not move is a busy loop */
		if (l->n_pending && !mono_before(next, l->pending[0].at) && !mono_before(until, l->pending[0].at)) {
			line_answer(l);
			continue;
		}
		if (mono_before(until, next))
			break;
		l->now = mono_max(l->now, next);
		path_mtu_tick(&l->m, l->now, &p);
		line_send(l, &p);
	}
	l->now = until;
}

static void
line_begin(struct line *l)
{
	path_mtu_begin(&l->m, l->now);
}

static void
use(struct line *l, size_t len)
{
	(void)path_mtu_use(&l->m, len, l->now);
}

/* --- up --- */

static void
begins_at_the_base(void **state)
{
	struct line l = line_new(1452, 1452, MS(20));

	(void)state;
	assert_int_equal(l.m.size, 1200);
	assert_true(mono_is_never(path_mtu_next(&l.m)));
	line_begin(&l);
	assert_int_equal(l.m.size, 1200);
	assert_int_equal(path_mtu_next(&l.m).ns, l.now.ns);
}

/* One probe, one round trip, and then nothing for ever. */
static void
a_path_that_carries_the_limit(void **state)
{
	struct line l = line_new(1452, 1452, MS(20));

	(void)state;
	line_begin(&l);
	line_for(&l, MS(19));
	assert_int_equal(l.n_sent, 1);
	assert_int_equal(l.sent[0], 1452);
	assert_int_equal(l.m.size, 1200);
	line_for(&l, MS(1));
	assert_int_equal(l.m.size, 1452);
	line_for(&l, SEC(100000));
	assert_int_equal(l.n_sent, 1);
	assert_int_equal(l.m.state, PATH_MTU_DONE);
	assert_true(mono_is_never(path_mtu_next(&l.m)));
}

/* Whatever it carries is found, to the byte; only what is longer is sent three times. */
static void
finds_every_size(void **state)
{
	(void)state;
	for (unsigned carries = 1200; carries <= 1560; carries++) {
		struct line l = line_new(1552, carries, MS(30));
		unsigned tries = 0;

		line_begin(&l);
		line_for(&l, SEC(30));
		assert_int_equal(l.m.size, carries < 1552 ? carries : 1552);
		assert_int_equal(l.m.state, PATH_MTU_DONE);
		for (unsigned i = 0; i < l.n_sent; i++) {
			tries = i && l.sent[i] == l.sent[i - 1] ? tries + 1 : 1;
			assert_in_range(tries, 1, l.sent[i] > carries ? 3 : 1);
			assert_in_range(l.sent[i], 1201, 1552);
		}
	}
}

/* IPv4 over a link of 1300: 1272. */
static void
when_probes_are_sent(void **state)
{
	static const struct {
		unsigned ms;
		uint16_t size;
	} rows[] = {
		{ 0, 1552 },    { 500, 1552 },  { 1000, 1552 }, { 1500, 1376 }, { 2000, 1376 }, { 2500, 1376 },
		{ 3000, 1288 }, { 3500, 1288 }, { 4000, 1288 }, { 4500, 1244 }, /* answered: the wait is known now */
		{ 4600, 1266 }, { 4700, 1277 }, { 5100, 1277 }, { 5500, 1277 }, { 5900, 1271 }, { 6000, 1274 },
		{ 6400, 1274 }, { 6800, 1274 }, { 7200, 1272 }, { 7300, 1273 }, { 7700, 1273 }, { 8100, 1273 },
	};
	struct line l = line_new(1552, 1272, MS(100));

	(void)state;
	line_begin(&l);
	line_for(&l, MS(8499));
	assert_int_equal(l.n_sent, sizeof(rows) / sizeof(rows[0]));
	for (unsigned i = 0; i < l.n_sent; i++) {
		assert_int_equal(l.sent[i], rows[i].size);
		assert_int_equal(l.sent_at[i].ns, SEC(100) + MS(rows[i].ms));
	}
	assert_int_equal(l.m.state, PATH_MTU_SEARCH);
	assert_int_equal(l.m.size, 1272);
	line_for(&l, MS(1));
	assert_int_equal(l.m.state, PATH_MTU_DONE);
	assert_int_equal(l.n_sent, sizeof(rows) / sizeof(rows[0]));
}

/* What the kernel says needs no waiting: the whole search takes a round trip for each size that passes. */
static void
the_interface_is_the_bound(void **state)
{
	struct line l = line_new(1552, 9000, MS(10));

	(void)state;
	l.interface = 1472;
	line_begin(&l);
	line_for(&l, MS(50));
	assert_int_equal(l.m.size, 1472);
	assert_int_equal(l.m.state, PATH_MTU_DONE);
	for (unsigned i = 1; i < l.n_sent; i++)
		assert_int_not_equal(l.sent[i], l.sent[i - 1]);
}

static void
one_or_two_lost_probes_are_no_matter(void **state)
{
	(void)state;
	for (unsigned lose = 0; lose <= 3; lose++) {
		struct line l = line_new(1452, 1452, MS(20));

		l.lose = lose;
		line_begin(&l);
		line_for(&l, MS(1500));
		assert_int_equal(l.m.size == 1452, lose < 3);
		line_for(&l, SEC(20));
		assert_int_equal(l.m.size, lose < 3 ? 1452 : 1451);
	}
}

/* An answer that takes 2.5 s: to the fifth of them, they came too late, and count. */
static void
a_late_answer_is_proof(void **state)
{
	struct line l = line_new(1452, 1452, MS(2500));

	(void)state;
	line_begin(&l);
	line_for(&l, MS(2499));
	assert_int_equal(l.m.size, 1200);
	assert_int_equal(l.sent[l.n_sent - 1], 1326);
	line_for(&l, MS(1));
	assert_int_equal(l.m.size, 1452);
	line_for(&l, SEC(60));
	assert_int_equal(l.m.size, 1452);
	assert_int_equal(l.m.state, PATH_MTU_DONE);
}

/* Nobody knows which of several an answer belongs to: it takes no measure. */
static void
an_answer_to_the_second_try(void **state)
{
	struct line l = line_new(1452, 1452, MS(20));

	(void)state;
	l.lose = 1;
	line_begin(&l);
	line_for(&l, MS(520));
	assert_int_equal(l.m.size, 1452);
	l.dead = true;
	path_mtu_doubt(&l.m, l.now);
	line_for(&l, 0);
	assert_int_equal(path_mtu_next(&l.m).ns, mono_add(l.now, MS(500)).ns);
}

/* Four times what an answer took, between 250 ms and 3 s. */
static void
how_long_an_answer_is_waited_for(void **state)
{
	static const unsigned rows[][2] = { { 10, 250 }, { 62, 250 }, { 63, 252 }, { 300, 1200 }, { 450, 1800 } };

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct line l = line_new(9000, 9000, MS(rows[i][0]));

		l.interface = 5000; /* so that the first one sent is answered */
		line_begin(&l);
		line_for(&l, MS(rows[i][0]));
		assert_int_equal(l.m.size, 3150); /* after 9000 and 5100 */
		l.dead = true;
		line_for(&l, 0);
		assert_int_equal(path_mtu_next(&l.m).ns, mono_add(l.now, MS(rows[i][1])).ns);
	}
}

static void
answers_that_were_not_asked_for(void **state)
{
	struct line l = line_new(1452, 0, MS(10));

	(void)state;
	path_mtu_answer(&l.m, 1300, l.now);
	assert_int_equal(l.m.size, 1200);
	line_begin(&l);
	line_for(&l, 0);
	path_mtu_answer(&l.m, 1453, l.now);
	path_mtu_answer(&l.m, 1199, l.now);
	path_mtu_answer(&l.m, PATH_MTU_SHORT, l.now);
	assert_int_equal(l.m.size, 1200);
	assert_int_equal(l.m.probe, 1452);
}

static void
nothing_to_search(void **state)
{
	(void)state;
	for (unsigned limit = 0; limit <= 1200; limit += limit ? 1 : 1199) {
		struct line l = line_new((uint16_t)limit, 9000, MS(10));

		line_begin(&l);
		use(&l, 9000);
		path_mtu_doubt(&l.m, l.now);
		path_mtu_refused(&l.m, 1201, mono_from_ns(SEC(99)));
		line_for(&l, SEC(5000));
		assert_int_equal(l.m.size, limit ? 1200 : UINT16_MAX);
		assert_int_equal(l.n_sent, 0);
	}
}

/* --- and down --- */

static struct line
line_done(uint16_t limit, unsigned carries)
{
	struct line l = line_new(limit, carries, MS(10));

	line_begin(&l);
	line_for(&l, SEC(20));
	assert_int_equal(l.m.state, PATH_MTU_DONE);
	l.n_sent = 0;
	return l;
}

/* Used all the time: the present size is probed every 5 s, and short datagrams don't count. */
static void
checks_what_is_used(void **state)
{
	struct line l = line_done(1452, 1452);

	(void)state;
	use(&l, 1200);
	line_for(&l, SEC(100));
	assert_int_equal(l.n_sent, 0);
	for (unsigned ms = 0; ms < 20000; ms += 10) {
		use(&l, 1201);
		line_for(&l, MS(10));
	}
	assert_in_range(l.n_sent, 4, 4); /* at 0, 5.01, 10.02, 15.03 */
	for (unsigned i = 1; i < 4; i++)
		assert_int_equal(mono_since(l.sent_at[i - 1], l.sent_at[i]), MS(5010));
	line_for(&l, SEC(4000));
	assert_int_equal(l.n_sent, 5); /* of the last use */
	assert_int_equal(l.n_short, 0);
}

/* 250 ms each: gone after 750 ms, found again below. */
static void
a_black_hole_is_found(void **state)
{
	struct line l = line_done(1452, 1452);

	(void)state;
	l.carries = 1272;
	use(&l, 1400);
	line_for(&l, MS(749));
	assert_int_equal(l.n_sent, 3);
	assert_int_equal(l.n_short, 2);
	assert_int_equal(l.m.size, 1452);
	line_for(&l, MS(1));
	assert_int_equal(l.m.size, 1200);
	assert_int_equal(l.m.state, PATH_MTU_SEARCH);
	line_for(&l, SEC(20));
	assert_int_equal(l.m.size, 1272);
	assert_int_equal(l.n_short, 2);
}

/* A path on which nothing comes back says nothing about sizes. */
static void
a_dead_path_is_no_black_hole(void **state)
{
	struct line l = line_done(1452, 1452);

	(void)state;
	l.dead = true;
	use(&l, 1400);
	line_for(&l, SEC(60));
	assert_int_equal(l.m.size, 1452);
	assert_in_range(l.n_sent, 30, 36); /* three every 5.75 s */
	l.dead = false;
	line_for(&l, SEC(7));
	assert_int_equal(l.m.size, 1452);
	assert_int_equal(l.m.state, PATH_MTU_DONE);
	l.n_sent = 0;
	line_for(&l, SEC(60));
	assert_int_equal(l.n_sent, 0);
}

/* Up to two of the three lost, while the short ones pass. */
static void
a_check_stands_loss(void **state)
{
	struct line l = line_done(1452, 1452);

	(void)state;
	l.lose = 1;
	use(&l, 1400);
	line_for(&l, MS(251));
	l.lose = 0;
	line_for(&l, SEC(60));
	assert_int_equal(l.m.size, 1452);
	assert_int_equal(l.n_sent, 2);
}

static void
it_grows_again(void **state)
{
	struct line l = line_done(1452, 1272);
	struct mono done = l.m.raise_at;

	(void)state;
	assert_int_equal(l.m.size, 1272);
	l.carries = 1400;
	line_for(&l, mono_since(l.now, done) - 1);
	assert_int_equal(l.n_sent, 0);
	line_for(&l, 1);
	assert_int_equal(l.sent[0], 1452);
	line_for(&l, SEC(20));
	assert_int_equal(l.m.size, 1400);
	l.carries = 1452;
	line_for(&l, SEC(600));
	assert_int_equal(l.m.size, 1452);
	assert_true(mono_is_never(path_mtu_next(&l.m)));
}

static void
the_raise_timer_is_600_s(void **state)
{
	struct line l = line_new(1552, 9000, 0);

	(void)state;
	l.interface = 1472;
	line_begin(&l);
	line_for(&l, 0);
	assert_int_equal(l.m.size, 1472);
	assert_int_equal(path_mtu_next(&l.m).ns, mono_add(l.now, SEC(600)).ns);
}

/* A datagram that the kernel refuses now although its size was proven. */
static void
our_own_interface_shrinks(void **state)
{
	struct line l = line_done(1452, 1452);

	(void)state;
	l.interface = 1300;
	path_mtu_refused(&l.m, 1453, l.now);
	assert_int_equal(l.m.size, 1452);
	path_mtu_refused(&l.m, 1200, l.now);
	assert_int_equal(l.m.size, 1452);
	path_mtu_refused(&l.m, 1452, l.now);
	path_mtu_refused(&l.m, 1430, l.now); /* of the same batch */
	assert_int_equal(l.m.size, 1200);
	line_for(&l, MS(100));
	assert_int_equal(l.m.size, 1300);
	for (unsigned i = 0; i < l.n_sent; i++)
		assert_in_range(l.sent[i], 1201, 1429);
}

static void
doubt_is_no_proof(void **state)
{
	struct line l = line_done(1452, 1452);

	(void)state;
	path_mtu_doubt(&l.m, l.now);
	assert_int_equal(l.m.size, 1452);
	line_for(&l, MS(10));
	assert_int_equal(l.n_sent, 1);
	assert_int_equal(l.sent[0], 1452);
	assert_int_equal(l.m.state, PATH_MTU_DONE);
	l.carries = 1272;
	path_mtu_doubt(&l.m, l.now);
	line_for(&l, SEC(20));
	assert_int_equal(l.m.size, 1272);
}

static void
another_path_begins_anew(void **state)
{
	struct line l = line_done(1452, 1452);

	(void)state;
	use(&l, 1400);
	line_begin(&l);
	assert_int_equal(l.m.size, 1200);
	line_for(&l, MS(10));
	assert_int_equal(l.m.size, 1452);
	assert_int_equal(l.sent[0], 1452);
	line_for(&l, SEC(100));
	assert_int_equal(l.n_sent, 1);
}

/* Frames get longer, or shorter: what is known of the path stays. */
static void
another_limit(void **state)
{
	struct line l = line_done(1452, 1500);

	(void)state;
	path_mtu_set_limit(&l.m, 1552, l.now);
	assert_int_equal(l.m.size, 1452);
	line_for(&l, SEC(20));
	assert_int_equal(l.m.size, 1500);
	assert_int_equal(l.sent[0], 1552);
	path_mtu_set_limit(&l.m, 1400, l.now);
	assert_int_equal(l.m.size, 1400);
	path_mtu_set_limit(&l.m, 1400, l.now);
	l.n_sent = 0;
	line_for(&l, SEC(500));
	assert_int_equal(l.n_sent, 0);
	/* In the middle of a search, or before the first. */
	l = line_new(1452, 1452, MS(10));
	path_mtu_set_limit(&l.m, 1440, l.now);
	line_begin(&l);
	line_for(&l, MS(5));
	assert_int_equal(l.sent[0], 1440);
	path_mtu_set_limit(&l.m, 1420, l.now);
	line_for(&l, MS(20));
	assert_int_equal(l.m.size, 1420);
	assert_int_equal(l.m.state, PATH_MTU_DONE);
}

/* One in five lost, at random: the search ends within a few bytes of the truth or at it, and never above. */
static void
under_heavy_loss(void **state)
{
	unsigned found = 0;

	(void)state;
	srandom(1);
	for (unsigned i = 0; i < 200; i++) {
		struct line l = line_new(1552, 1272, MS(20));

		line_begin(&l);
		for (unsigned ms = 0; ms < 30000; ms += 10) {
			l.lose = random() % 5 == 0;
			line_for(&l, MS(10));
			assert_in_range(l.m.size, 1200, 1272);
		}
		found += l.m.size >= 1268;
	}
	assert_in_range(found, 180, 200);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins_at_the_base),
		cmocka_unit_test(a_path_that_carries_the_limit),
		cmocka_unit_test(finds_every_size),
		cmocka_unit_test(when_probes_are_sent),
		cmocka_unit_test(the_interface_is_the_bound),
		cmocka_unit_test(one_or_two_lost_probes_are_no_matter),
		cmocka_unit_test(a_late_answer_is_proof),
		cmocka_unit_test(an_answer_to_the_second_try),
		cmocka_unit_test(how_long_an_answer_is_waited_for),
		cmocka_unit_test(answers_that_were_not_asked_for),
		cmocka_unit_test(nothing_to_search),
		cmocka_unit_test(checks_what_is_used),
		cmocka_unit_test(a_black_hole_is_found),
		cmocka_unit_test(a_dead_path_is_no_black_hole),
		cmocka_unit_test(a_check_stands_loss),
		cmocka_unit_test(it_grows_again),
		cmocka_unit_test(the_raise_timer_is_600_s),
		cmocka_unit_test(our_own_interface_shrinks),
		cmocka_unit_test(doubt_is_no_proof),
		cmocka_unit_test(another_path_begins_anew),
		cmocka_unit_test(another_limit),
		cmocka_unit_test(under_heavy_loss),
	};

	return cmocka_run_group_tests_name("path_mtu", tests, NULL, NULL);
}
