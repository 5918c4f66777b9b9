/* The event loop (loop.h): libevent for waiting, our own order of work in a wakeup.
 *
 * Deadlines are kept on a timerfd instead of a libevent timeout: absolute CLOCK_MONOTONIC nanoseconds (libevent 2.1
 * counts in milliseconds of the coarse clock), and no system call while the armed deadline is not later than the wanted
 * one.
 */
#include "castswitch/loop.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "castswitch/list.h"
#include "castswitch/log.h"

/* An engine or a flush function.  One that is removed while its list is being walked stays linked until the walk is
 * over. */
struct hook {
	struct list node;
	loop_next_fn *next; /* NULL for a flush */
	loop_tick_fn *fn;
	void *arg;
	bool dead;
};

struct hooks {
	struct list list;
	bool walking;
};

struct loop_fd {
	struct list node;
	struct loop *loop;
	struct event *ev;
	unsigned events; /* what it waits for */
	int fd;
	loop_fd_fn *fn;
	void *arg;
};

struct loop_signal {
	struct list node;
	struct loop *loop;
	struct event *ev;
	int signo;
	loop_signal_fn *fn;
	void *arg;
};

struct loop {
	struct event_base *base;
	struct list fds, signals;
	struct hooks engines, flushes;
	int timerfd;
	struct event *timer_ev;
	struct mono armed; /* what the timerfd is set to; MONO_NEVER = disarmed */
	struct mono now;   /* of this wakeup, valid while 'awake' */
	bool awake;
	bool running;
	bool stopped;
	uint64_t wakeups;
};

static struct mono
clock_read(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts); /* can't fail: the clock exists and ts is ours */
	return mono_from_ns((uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec);
}

struct mono
loop_now(struct loop *loop)
{
	if (loop->awake)
		return loop->now;
	loop->now = clock_read();
	loop->awake = loop->running;
	return loop->now;
}

struct event_base *
loop_event_base(struct loop *loop)
{
	return loop->base;
}

uint64_t
loop_wakeups(const struct loop *loop)
{
	return loop->wakeups;
}

/* --- the timer --- */

static void
timer_fired(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;
	uint64_t expirations;

	(void)what;
	/* Reading makes it not ready; nothing to read means that it was set anew since. */
	if (read(fd, &expirations, sizeof(expirations)) == (ssize_t)sizeof(expirations))
		loop->armed = MONO_NEVER;
}

/* Makes sure that the loop wakes up at 'at' or before. */
static int
timer_arm(struct loop *loop, struct mono at)
{
	struct itimerspec its = { { 0, 0 }, { 0, 0 } };
	const uint64_t ns = at.ns ? at.ns : 1; /* 0 would disarm it */

	if (mono_is_never(at) || !mono_before(at, loop->armed))
		return 0;
	its.it_value.tv_sec = (time_t)(ns / NSEC_PER_SEC);
	its.it_value.tv_nsec = (long)(ns % NSEC_PER_SEC);
	if (timerfd_settime(loop->timerfd, TFD_TIMER_ABSTIME, &its, NULL) < 0)
		return -errno;
	loop->armed = at;
	return 0;
}

/* --- hooks --- */

static void
hooks_init(struct hooks *h)
{
	list_init(&h->list);
	h->walking = false;
}

static int
hooks_add(struct hooks *h, loop_next_fn *next, loop_tick_fn *fn, void *arg)
{
	struct hook *hook = malloc(sizeof(*hook));

	if (!hook)
		return -ENOMEM;
	*hook = (struct hook){ .next = next, .fn = fn, .arg = arg };
	list_push_back(&h->list, &hook->node);
	return 0;
}

static void
hook_free(struct hook *hook)
{
	list_remove(&hook->node);
	free(hook);
}

static void
hooks_del(struct hooks *h, loop_tick_fn *fn, void *arg)
{
	LIST_EACH (hook, &h->list, struct hook, node) {
		if (hook->dead || hook->fn != fn || hook->arg != arg)
			continue;
		if (h->walking)
			hook->dead = true;
		else
			hook_free(hook);
		return;
	}
}

/* Calls what is due: engines whose deadline has come, all flushes. */
static void
hooks_run(struct hooks *h, struct mono now)
{
	h->walking = true;
	LIST_EACH (hook, &h->list, struct hook, node)
		if (!hook->dead && (!hook->next || mono_due(hook->next(hook->arg), now)))
			hook->fn(hook->arg, now);
	h->walking = false;
	LIST_EACH_SAFE (hook, tmp, &h->list, struct hook, node)
		if (hook->dead)
			hook_free(hook);
}

static void
hooks_fini(struct hooks *h)
{
	LIST_EACH_SAFE (hook, tmp, &h->list, struct hook, node)
		hook_free(hook);
}

static struct mono
engines_next(const struct hooks *h)
{
	struct mono at = MONO_NEVER;

	LIST_EACH (hook, &h->list, struct hook, node)
		at = mono_min(at, hook->next(hook->arg));
	return at;
}

int
loop_add_engine(struct loop *loop, loop_next_fn *next, loop_tick_fn *tick, void *arg)
{
	return hooks_add(&loop->engines, next, tick, arg);
}

void
loop_del_engine(struct loop *loop, loop_tick_fn *tick, void *arg)
{
	hooks_del(&loop->engines, tick, arg);
}

int
loop_add_flush(struct loop *loop, loop_tick_fn *fn, void *arg)
{
	return hooks_add(&loop->flushes, NULL, fn, arg);
}

void
loop_del_flush(struct loop *loop, loop_tick_fn *fn, void *arg)
{
	hooks_del(&loop->flushes, fn, arg);
}

/* --- descriptors --- */

static void
fd_ready(evutil_socket_t fd, short what, void *arg)
{
	struct loop_fd *h = arg;
	unsigned events = 0;

	if (what & EV_READ)
		events |= LOOP_READ;
	if (what & EV_WRITE)
		events |= LOOP_WRITE;
	h->fn(h->arg, fd, events, loop_now(h->loop));
}

static short
events_to_libevent(unsigned events)
{
	return (short)(EV_PERSIST | (events & LOOP_READ ? EV_READ : 0) | (events & LOOP_WRITE ? EV_WRITE : 0));
}

int
loop_fd_set(struct loop_fd *h, unsigned events)
{
	if (events == h->events)
		return 0;
	event_del(h->ev);
	h->events = 0;
	if (event_assign(h->ev, h->loop->base, h->fd, events_to_libevent(events), fd_ready, h) < 0)
		return -EINVAL;
	errno = 0;
	if (events && event_add(h->ev, NULL) < 0)
		return errno ? -errno : -ENOMEM;
	h->events = events;
	return 0;
}

int
loop_add_fd(struct loop *loop, int fd, unsigned events, loop_fd_fn *fn, void *arg, struct loop_fd **ret)
{
	struct loop_fd *h = malloc(sizeof(*h));
	int err;

	if (!h)
		return -ENOMEM;
	*h = (struct loop_fd){ .loop = loop, .fd = fd, .fn = fn, .arg = arg };
	list_push_back(&loop->fds, &h->node);
	h->ev = event_new(loop->base, fd, EV_PERSIST, fd_ready, h);
	err = h->ev ? loop_fd_set(h, events) : -ENOMEM;
	if (err) {
		loop_fd_del(h);
		return err;
	}
	*ret = h;
	return 0;
}

void
loop_fd_del(struct loop_fd *h)
{
	if (!h)
		return;
	if (h->ev)
		event_free(h->ev);
	list_remove(&h->node);
	free(h);
}

/* --- signals --- */

static void
signal_caught(evutil_socket_t signo, short what, void *arg)
{
	struct loop_signal *s = arg;

	(void)what;
	s->fn(s->arg, (int)signo, loop_now(s->loop));
}

static void
signal_free(struct loop_signal *s)
{
	if (s->ev)
		event_free(s->ev);
	list_remove(&s->node);
	free(s);
}

int
loop_add_signal(struct loop *loop, int signo, loop_signal_fn *fn, void *arg)
{
	struct loop_signal *s = malloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	*s = (struct loop_signal){ .loop = loop, .signo = signo, .fn = fn, .arg = arg };
	list_push_back(&loop->signals, &s->node);
	s->ev = evsignal_new(loop->base, signo, signal_caught, s);
	errno = 0;
	if (!s->ev || event_add(s->ev, NULL) < 0) {
		const int err = errno ? -errno : -ENOMEM;

		signal_free(s);
		return err;
	}
	return 0;
}

/* --- life and running --- */

/* libevent's own complaints, which it would write to standard error in its own form. */
static void
libevent_log(int severity, const char *msg)
{
	static const enum log_level levels[] = {
		[EVENT_LOG_DEBUG] = LOG_LEVEL_DEBUG,
		[EVENT_LOG_MSG] = LOG_LEVEL_INFO,
		[EVENT_LOG_WARN] = LOG_LEVEL_WARNING,
		[EVENT_LOG_ERR] = LOG_LEVEL_ERROR,
	};

	log_line(severity >= EVENT_LOG_DEBUG && severity <= EVENT_LOG_ERR ? levels[severity] : LOG_LEVEL_ERROR, "loop",
		 "%s", msg);
}

struct loop *
loop_new(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	list_init(&loop->fds);
	list_init(&loop->signals);
	hooks_init(&loop->engines);
	hooks_init(&loop->flushes);
	loop->armed = MONO_NEVER;
	loop->timerfd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	event_set_log_callback(libevent_log);
	if (loop->timerfd >= 0)
		loop->base = event_base_new();
	if (loop->base)
		loop->timer_ev = event_new(loop->base, loop->timerfd, EV_READ | EV_PERSIST, timer_fired, loop);
	if (!loop->timer_ev || event_add(loop->timer_ev, NULL) < 0) {
		const int err = errno ? errno : ENOMEM;

		loop_free(loop);
		errno = err;
		return NULL;
	}
	return loop;
}

void
loop_free(struct loop *loop)
{
	if (!loop)
		return;
	LIST_EACH_SAFE (h, tmp, &loop->fds, struct loop_fd, node)
		loop_fd_del(h);
	LIST_EACH_SAFE (s, tmp, &loop->signals, struct loop_signal, node)
		signal_free(s);
	hooks_fini(&loop->engines);
	hooks_fini(&loop->flushes);
	if (loop->timer_ev)
		event_free(loop->timer_ev);
	if (loop->base)
		event_base_free(loop->base);
	if (loop->timerfd >= 0)
		close(loop->timerfd);
	free(loop);
}

/* Steps 2 and 3 of a wakeup. */
static int
wakeup_finish(struct loop *loop)
{
	hooks_run(&loop->engines, loop_now(loop));
	hooks_run(&loop->flushes, loop_now(loop));
	loop->awake = false;
	loop->wakeups++;
	return timer_arm(loop, engines_next(&loop->engines));
}

int
loop_run(struct loop *loop)
{
	int err;

	loop->running = true;
	err = wakeup_finish(loop);
	while (!err && !loop->stopped) {
		/* It can't return 1 ("nothing to wait for"): the timer's descriptor is always added. */
		errno = 0;
		if (event_base_loop(loop->base, EVLOOP_ONCE) < 0)
			err = errno ? -errno : -EIO;
		else
			err = wakeup_finish(loop);
	}
	loop->running = false;
	loop->awake = false;
	loop->stopped = false;
	return err;
}

void
loop_stop(struct loop *loop)
{
	loop->stopped = true;
}
