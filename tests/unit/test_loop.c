/* src/io/loop.c: order of a wakeup, engines, removal while running.  Clock, timer and waiting are replaced at link time
 * (--wrap): no test waits for time to pass. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <event2/event.h>

#include "castswitch/loop.h"

enum {
	PATIENCE_MS = 10000, /* for what is certain to come */
	MOST_WAITS = 100,    /* a loop that waits more often does not end */
};

/* --- time --- */

static struct {
	struct mono now;
	struct mono armed; /* what the loop set its timer to */
	int timerfd, timer_clock;
	unsigned reads, sets, waits; /* calls of clock_gettime, timerfd_settime, event_base_loop */
	bool real;                   /* nothing is replaced */
} fake;

int __real_clock_gettime(clockid_t id, struct timespec *ts);
int __real_timerfd_create(int id, int flags);
int __real_timerfd_settime(int fd, int flags, const struct itimerspec *its, struct itimerspec *old);
int __real_event_base_loop(struct event_base *base, int flags);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_timerfd_create(int id, int flags);
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *its, struct itimerspec *old);
int __wrap_event_base_loop(struct event_base *base, int flags);

int
__wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	if (fake.real)
		return __real_clock_gettime(id, ts);
	assert_int_equal(id, CLOCK_MONOTONIC);
	fake.reads++;
	ts->tv_sec = (time_t)(fake.now.ns / NSEC_PER_SEC);
	ts->tv_nsec = (long)(fake.now.ns % NSEC_PER_SEC);
	return 0;
}

int
__wrap_timerfd_create(int id, int flags)
{
	fake.timer_clock = id;
	return __real_timerfd_create(id, flags);
}

/* The true timer is stopped, which also takes back what has not been read from it. */
int
__wrap_timerfd_settime(int fd, int flags, const struct itimerspec *its, struct itimerspec *old)
{
	const struct itimerspec stop = { .it_value = { 0, 0 } };

	if (fake.real)
		return __real_timerfd_settime(fd, flags, its, old);
	assert_int_equal(fake.timer_clock, CLOCK_MONOTONIC);
	assert_int_equal(flags, TFD_TIMER_ABSTIME);
	assert_true(its->it_interval.tv_sec == 0 && its->it_interval.tv_nsec == 0);
	assert_in_range(its->it_value.tv_nsec, 0, NSEC_PER_SEC - 1);
	fake.armed = mono_from_ns((uint64_t)its->it_value.tv_sec * NSEC_PER_SEC + (uint64_t)its->it_value.tv_nsec);
	assert_int_not_equal(fake.armed.ns, 0);
	fake.timerfd = fd;
	fake.sets++;
	return __real_timerfd_settime(fd, 0, &stop, old);
}

/* It is 'armed', and the true timer goes off. */
static void
pass_time(void)
{
	const struct itimerspec long_ago = { .it_value = { .tv_nsec = 1 } };
	struct pollfd p = { .fd = fake.timerfd, .events = POLLIN };

	if (mono_is_never(fake.armed))
		fail_msg("the loop waits, and nothing will come");
	fake.now = mono_max(fake.now, fake.armed);
	fake.armed = MONO_NEVER;
	assert_int_equal(__real_timerfd_settime(fake.timerfd, TFD_TIMER_ABSTIME, &long_ago, NULL), 0);
	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
}

/* What is ready comes without waiting; whoever it is told to has read the clock then.  Otherwise it is the timer's
 * turn. */
int
__wrap_event_base_loop(struct event_base *base, int flags)
{
	const unsigned reads = fake.reads;
	int r;

	if (fake.real)
		return __real_event_base_loop(base, flags);
	fake.waits++;
	assert_in_range(fake.waits, 1, MOST_WAITS);
	r = __real_event_base_loop(base, flags | EVLOOP_NONBLOCK);
	if (r < 0 || fake.reads != reads)
		return r;
	pass_time();
	return __real_event_base_loop(base, flags | EVLOOP_NONBLOCK);
}

/* --- engines --- */

struct engine {
	struct loop *loop;
	struct mono at;
	struct mono last; /* 'now' of the last tick */
	unsigned ticks;
	unsigned stop_after;
	nsec_t again; /* next deadline after a tick; 0 = never */
	char name;
};

static char trace[64];

static void
trace_add(char c)
{
	const size_t n = strlen(trace);

	assert_true(n + 1 < sizeof(trace));
	trace[n] = c;
	trace[n + 1] = '\0';
}

static struct mono
engine_next(void *arg)
{
	const struct engine *e = arg;

	return e->at;
}

static void
engine_tick(void *arg, struct mono now)
{
	struct engine *e = arg;

	assert_true(mono_due(e->at, now));
	trace_add(e->name);
	e->last = now;
	e->ticks++;
	e->at = e->again ? mono_add(now, e->again) : MONO_NEVER;
	if (e->ticks == e->stop_after)
		loop_stop(e->loop);
}

static void
give_up(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	fail_msg("the loop did not end in time");
}

struct fixture {
	struct loop *loop;
};

static int
setup(void **state)
{
	static struct fixture f;

	trace[0] = '\0';
	memset(&fake, 0, sizeof(fake));
	fake.now = mono_from_ns(1000 * NSEC_PER_SEC);
	fake.armed = MONO_NEVER;
	f.loop = loop_new();
	assert_non_null(f.loop);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	loop_free(f->loop);
	return 0;
}

static void
engine_ticks_at_its_deadline(void **state)
{
	struct fixture *f = *state;
	const struct mono start = loop_now(f->loop);
	struct engine e = { .loop = f->loop, .name = 'e', .stop_after = 3, .again = 3 * NSEC_PER_MSEC };

	fake.reads = 0;
	e.at = mono_add(start, 5 * NSEC_PER_MSEC + 1);
	assert_int_equal(loop_add_engine(f->loop, engine_next, engine_tick, &e), 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(e.ticks, 3);
	assert_int_equal(e.last.ns, start.ns + 11 * NSEC_PER_MSEC + 1);
	/* one wakeup to begin with and one for each tick, and the clock is read once in each */
	assert_int_equal(loop_wakeups(f->loop), 4);
	assert_int_equal(fake.reads, 4);
}

/* One nanosecond is over before anybody could wait for it. */
static void
the_true_timer_and_clock_do_the_same(void **state)
{
	struct fixture *f = *state;
	struct engine e = { .loop = f->loop, .name = 'e', .at = MONO_ZERO, .stop_after = 3, .again = 1 };
	const struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	struct timespec ts;

	fake.real = true;
	assert_int_equal(event_base_once(loop_event_base(f->loop), -1, EV_TIMEOUT, give_up, NULL, &patience), 0);
	assert_int_equal(loop_add_engine(f->loop, engine_next, engine_tick, &e), 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(e.ticks, 3);
	assert_int_equal(__real_clock_gettime(CLOCK_MONOTONIC, &ts), 0);
	assert_in_range(e.last.ns, 1, (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec);
}

static void
a_deadline_that_was_reached_before_running_is_due_at_once(void **state)
{
	struct fixture *f = *state;
	struct engine e = { .loop = f->loop, .name = 'e', .at = MONO_ZERO, .stop_after = 1 };

	assert_int_equal(loop_add_engine(f->loop, engine_next, engine_tick, &e), 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(e.ticks, 1);
	assert_int_equal(loop_wakeups(f->loop), 1);
}

struct mover {
	struct engine *moved;
	struct mono to;
};

static void
move_later(void *arg, int fd, unsigned events, struct mono now)
{
	struct mover *m = arg;
	uint64_t n;

	(void)events;
	(void)now;
	assert_int_equal(read(fd, &n, sizeof(n)), sizeof(n));
	m->moved->at = m->to;
}

/* The earliest counts, whatever the order of adding. */
static void
a_deadline_may_move_earlier(void **state)
{
	struct fixture *f = *state;
	const struct mono start = loop_now(f->loop);
	struct engine late = { .loop = f->loop, .name = 'l', .stop_after = 1 };
	struct engine early = { .loop = f->loop, .name = 'e' };
	struct mover m = { .moved = &late, .to = mono_add(start, 12 * NSEC_PER_MSEC) }; /* earlier than before */
	const int efd = eventfd(1, EFD_NONBLOCK);
	struct loop_fd *h = NULL;

	late.at = mono_add(start, 1 * NSEC_PER_SEC);
	early.at = mono_add(start, 6 * NSEC_PER_MSEC);
	assert_int_equal(loop_add_engine(f->loop, engine_next, engine_tick, &late), 0);
	assert_int_equal(loop_add_engine(f->loop, engine_next, engine_tick, &early), 0);
	assert_int_equal(loop_add_fd(f->loop, efd, LOOP_READ, move_later, &m, &h), 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_string_equal(trace, "el");
	assert_int_equal(early.last.ns, start.ns + 6 * NSEC_PER_MSEC);
	assert_int_equal(late.last.ns, start.ns + 12 * NSEC_PER_MSEC);
	loop_fd_del(h);
	close(efd);
}

static void
a_later_deadline_wakes_once_at_the_old_time_and_ticks_at_the_new(void **state)
{
	struct fixture *f = *state;
	struct engine e = { .loop = f->loop, .name = 'e', .stop_after = 1 };
	struct mover m = { .moved = &e };
	const int efd = eventfd(1, EFD_NONBLOCK);
	struct loop_fd *h = NULL;

	e.at = mono_add(loop_now(f->loop), 300 * NSEC_PER_MSEC);
	m.to = mono_add(e.at, 10 * NSEC_PER_MSEC);
	assert_int_equal(loop_add_engine(f->loop, engine_next, engine_tick, &e), 0);
	assert_int_equal(loop_add_fd(f->loop, efd, LOOP_READ, move_later, &m, &h), 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(e.last.ns, m.to.ns);
	/* start, descriptor, old deadline, new deadline; the timer is set for each deadline once */
	assert_int_equal(loop_wakeups(f->loop), 4);
	assert_int_equal(fake.sets, 2);
	loop_fd_del(h);
	close(efd);
}

/* --- order of a wakeup --- */

struct step {
	struct loop *loop;
	char name;
	struct mono seen;
};

static void
flush_traces(void *arg, struct mono now)
{
	struct step *s = arg;

	trace_add(s->name);
	s->seen = now;
}

struct waker {
	struct engine *engine;
	struct mono seen;
};

static void
fd_makes_engine_due(void *arg, int fd, unsigned events, struct mono now)
{
	struct waker *w = arg;
	uint64_t n;

	assert_int_equal(events, LOOP_READ);
	assert_int_equal(read(fd, &n, sizeof(n)), sizeof(n));
	trace_add('r');
	w->seen = now;
	w->engine->at = now;
}

static void
callbacks_then_ticks_then_flushes_with_one_now(void **state)
{
	struct fixture *f = *state;
	struct engine e = { .loop = f->loop, .name = 't', .at = MONO_NEVER, .stop_after = 1 };
	struct step first = { .loop = f->loop, .name = '1' }, second = { .loop = f->loop, .name = '2' };
	struct waker w = { .engine = &e };
	const int efd = eventfd(1, EFD_NONBLOCK);
	struct loop_fd *h = NULL;

	assert_int_equal(loop_add_flush(f->loop, flush_traces, &first), 0);
	assert_int_equal(loop_add_engine(f->loop, engine_next, engine_tick, &e), 0);
	assert_int_equal(loop_add_flush(f->loop, flush_traces, &second), 0);
	assert_int_equal(loop_add_fd(f->loop, efd, LOOP_READ, fd_makes_engine_due, &w, &h), 0);
	assert_int_equal(loop_run(f->loop), 0);
	/* the wakeup that begins a run has flushes only; stopping in a tick still flushes */
	assert_string_equal(trace, "12rt12");
	assert_int_equal(w.seen.ns, e.last.ns);
	assert_int_equal(w.seen.ns, first.seen.ns);
	assert_int_equal(w.seen.ns, second.seen.ns);
	loop_fd_del(h);
	close(efd);
}

static void
now_moves_outside_of_a_run(void **state)
{
	struct fixture *f = *state;
	const struct mono first = loop_now(f->loop);

	fake.now.ns++;
	assert_int_equal(loop_now(f->loop).ns, first.ns + 1);
}

static void
stop_before_running_ends_the_run_after_one_wakeup_and_only_that_run(void **state)
{
	struct fixture *f = *state;
	struct step s = { .loop = f->loop, .name = 'f' };
	struct engine e = { .loop = f->loop, .name = 'e', .stop_after = 1 };

	assert_int_equal(loop_add_flush(f->loop, flush_traces, &s), 0);
	loop_stop(f->loop);
	assert_int_equal(loop_run(f->loop), 0);
	assert_string_equal(trace, "f");
	e.at = mono_add(loop_now(f->loop), 1 * NSEC_PER_MSEC);
	assert_int_equal(loop_add_engine(f->loop, engine_next, engine_tick, &e), 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_string_equal(trace, "ffef");
}

/* --- adding and removing inside callbacks --- */

struct remover {
	struct loop *loop;
	struct engine *victim;
	struct engine *added;
};

static void
tick_removes_and_adds(void *arg, struct mono now)
{
	struct remover *r = arg;

	(void)now;
	trace_add('R');
	loop_del_engine(r->loop, tick_removes_and_adds, r);
	loop_del_engine(r->loop, engine_tick, r->victim);
	assert_int_equal(loop_add_engine(r->loop, engine_next, engine_tick, r->added), 0);
}

static struct mono
always_due(void *arg)
{
	(void)arg;
	return MONO_ZERO;
}

static void
engines_come_and_go_inside_a_tick(void **state)
{
	struct fixture *f = *state;
	struct engine victim = { .loop = f->loop, .name = 'v', .at = MONO_ZERO };
	struct engine added = { .loop = f->loop, .name = 'a', .at = MONO_ZERO, .stop_after = 1 };
	struct remover r = { .loop = f->loop, .victim = &victim, .added = &added };

	assert_int_equal(loop_add_engine(f->loop, always_due, tick_removes_and_adds, &r), 0);
	assert_int_equal(loop_add_engine(f->loop, engine_next, engine_tick, &victim), 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_string_equal(trace, "Ra");
	/* only 'added' is left: a second removal of the others does nothing */
	loop_del_engine(f->loop, engine_tick, &victim);
	added.at = MONO_ZERO;
	added.stop_after = 2;
	assert_int_equal(loop_run(f->loop), 0);
	assert_string_equal(trace, "Raa");
}

static void
flush_removes_next(void *arg, struct mono now)
{
	struct step *s = arg;

	(void)now;
	trace_add('x');
	loop_del_flush(s->loop, flush_traces, s);
	loop_del_flush(s->loop, flush_removes_next, s);
	loop_stop(s->loop);
}

static void
flushes_go_inside_a_flush(void **state)
{
	struct fixture *f = *state;
	struct step s = { .loop = f->loop, .name = 'n' };

	assert_int_equal(loop_add_flush(f->loop, flush_removes_next, &s), 0);
	assert_int_equal(loop_add_flush(f->loop, flush_traces, &s), 0);
	assert_int_equal(loop_run(f->loop), 0);
	loop_stop(f->loop);
	assert_int_equal(loop_run(f->loop), 0);
	assert_string_equal(trace, "x");
}

/* Two descriptors ready in one wakeup: whichever runs first removes both. */
struct pair {
	struct loop *loop;
	struct loop_fd *h[2];
	unsigned calls;
};

static void
fd_removes_both(void *arg, int fd, unsigned events, struct mono now)
{
	struct pair *p = arg;

	(void)fd;
	(void)events;
	(void)now;
	p->calls++;
	loop_fd_del(p->h[0]);
	loop_fd_del(p->h[1]);
	loop_stop(p->loop);
}

static void
descriptors_go_inside_a_callback(void **state)
{
	struct fixture *f = *state;
	struct pair p = { .loop = f->loop };
	int fds[2];

	for (int i = 0; i < 2; i++) {
		fds[i] = eventfd(1, EFD_NONBLOCK);
		assert_int_equal(loop_add_fd(f->loop, fds[i], LOOP_READ, fd_removes_both, &p, &p.h[i]), 0);
	}
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(p.calls, 1);
	close(fds[0]);
	close(fds[1]);
}

/* --- descriptor events --- */

struct counted {
	struct loop *loop;
	struct loop_fd *h;
	unsigned reads, writes;
};

static void
fd_counts(void *arg, int fd, unsigned events, struct mono now)
{
	struct counted *c = arg;

	(void)fd;
	(void)now;
	if (events & LOOP_READ)
		c->reads++;
	if (events & LOOP_WRITE)
		c->writes++;
	loop_stop(c->loop);
}

static void
descriptor_waits_only_for_what_was_asked(void **state)
{
	struct fixture *f = *state;
	struct engine e = { .loop = f->loop, .name = 'e', .stop_after = 1 };
	struct counted c = { .loop = f->loop };
	const int efd = eventfd(1, EFD_NONBLOCK); /* readable and writable */

	assert_int_equal(loop_add_fd(f->loop, efd, 0, fd_counts, &c, &c.h), 0);
	e.at = mono_add(loop_now(f->loop), 2 * NSEC_PER_MSEC);
	assert_int_equal(loop_add_engine(f->loop, engine_next, engine_tick, &e), 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(c.reads + c.writes, 0);
	assert_int_equal(loop_fd_set(c.h, LOOP_WRITE), 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(c.reads, 0);
	assert_int_equal(c.writes, 1);
	assert_int_equal(loop_fd_set(c.h, LOOP_READ | LOOP_WRITE), 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(c.reads, 1);
	assert_int_equal(c.writes, 2);
	loop_fd_del(c.h);
	close(efd);
}

static void
a_regular_file_is_refused(void **state)
{
	struct fixture *f = *state;
	struct loop_fd *h = NULL;
	FILE *file = tmpfile();

	assert_non_null(file);
	assert_int_equal(loop_add_fd(f->loop, fileno(file), LOOP_READ, fd_counts, NULL, &h), -EPERM);
	assert_null(h);
	fclose(file);
}

static void
signal_seen(void *arg, int signo, struct mono now)
{
	struct step *s = arg;

	assert_int_equal(signo, SIGUSR1);
	s->seen = now;
	loop_stop(s->loop);
}

static void
signals_arrive_in_the_loop(void **state)
{
	struct fixture *f = *state;
	struct step s = { .loop = f->loop };

	assert_int_equal(loop_add_signal(f->loop, SIGUSR1, signal_seen, &s), 0);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(s.seen.ns, 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_not_equal(s.seen.ns, 0);
}

static void
foreign_event(evutil_socket_t fd, short what, void *arg)
{
	struct fixture *f = arg;
	const struct mono now = loop_now(f->loop);

	(void)fd;
	(void)what;
	fake.now.ns++;
	assert_int_equal(loop_now(f->loop).ns, now.ns);
	loop_stop(f->loop);
}

static void
events_on_the_base_belong_to_the_wakeup(void **state)
{
	struct fixture *f = *state;
	struct step s = { .loop = f->loop, .name = 'f' };

	assert_int_equal(loop_add_flush(f->loop, flush_traces, &s), 0);
	assert_int_equal(event_base_once(loop_event_base(f->loop), -1, EV_TIMEOUT, foreign_event, f, NULL), 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_string_equal(trace, "ff");
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(engine_ticks_at_its_deadline),
		T(the_true_timer_and_clock_do_the_same),
		T(a_deadline_that_was_reached_before_running_is_due_at_once),
		T(a_deadline_may_move_earlier),
		T(a_later_deadline_wakes_once_at_the_old_time_and_ticks_at_the_new),
		T(callbacks_then_ticks_then_flushes_with_one_now),
		T(now_moves_outside_of_a_run),
		T(stop_before_running_ends_the_run_after_one_wakeup_and_only_that_run),
		T(engines_come_and_go_inside_a_tick),
		T(flushes_go_inside_a_flush),
		T(descriptors_go_inside_a_callback),
		T(descriptor_waits_only_for_what_was_asked),
		T(a_regular_file_is_refused),
		T(signals_arrive_in_the_loop),
		T(events_on_the_base_belong_to_the_wakeup),
	};
#undef T

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
