/* The event loop: file descriptors, signals, engines, and what is done at the end of each wakeup.
 *
 * One wakeup is, in this order:
 *  1. the callbacks of the descriptors and signals that are ready (and of whatever else runs on loop_event_base());
 *  2. tick() of every engine whose next() has come, in order of adding;
 *  3. every flush function, in order of adding: batches built by 1 and 2 leave here.
 * CLOCK_MONOTONIC is read once per wakeup, by the first who asks; all of 1-3 see that same "now".  loop_run() begins
 * with a wakeup without step 1, so what was queued while starting up leaves at once.
 *
 * Engines are pure (DESIGN section 3): the loop asks next() of each after every wakeup and sleeps until the earliest,
 * on one timer.  A deadline that moved later is not re-armed: the timer fires at the old one, nothing is due, and it is
 * armed anew; so an engine whose deadline moves with every packet costs no system call per packet.  Engines are ticked
 * neither early nor more often than next() says; late only by what the callbacks before took.
 *
 * Any callback may add and remove anything, itself included, and may call loop_stop().  Nothing removed is called
 * again.  Not thread-safe: one loop belongs to one thread.
 */
#ifndef CASTSWITCH_LOOP_H
#define CASTSWITCH_LOOP_H

#include <stdint.h>

#include "castswitch/mono.h"

struct event_base;
struct loop;
struct loop_fd;

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

typedef void loop_fd_fn(void *arg, int fd, unsigned events, struct mono now);
typedef void loop_signal_fn(void *arg, int signo, struct mono now);
typedef struct mono loop_next_fn(void *arg);
/* Both engine ticks and flushes. */
typedef void loop_tick_fn(void *arg, struct mono now);

/* NULL when out of memory or descriptors (errno says which). */
struct loop *loop_new(void);
/* Frees the loop and everything still added to it, calls nothing, closes none of the caller's descriptors.  Not from
 * inside a callback.  NULL is fine. */
void loop_free(struct loop *loop);

/* The time of this wakeup; outside of loop_run() the time. */
struct mono loop_now(struct loop *loop);
/* For bufferevents and listeners of ctl/; its timers have libevent's resolution. */
struct event_base *loop_event_base(struct loop *loop);

/* --- descriptors --- */

/* Calls fn whenever fd is ready for one of 'events' (level-triggered; an error or hangup counts as ready for each of
 * them).  events 0 is allowed: added, but waiting for nothing.  The descriptor stays the caller's: loop_fd_del() before
 * close().  0, -ENOMEM or what epoll says (-EPERM for a regular file). */
int loop_add_fd(struct loop *loop, int fd, unsigned events, loop_fd_fn *fn, void *arg, struct loop_fd **ret);
/* Waits for other events from now on; cheap when nothing changes. */
int loop_fd_set(struct loop_fd *h, unsigned events);
/* Removes and frees; NULL is fine. */
void loop_fd_del(struct loop_fd *h);

/* --- signals --- */

/* Calls fn from the loop (not from a signal handler) for each signal, once for several pending ones of a kind.  It
 * stays for the life of the loop.  Only one loop of a process may have signals.  0 or -errno. */
int loop_add_signal(struct loop *loop, int signo, loop_signal_fn *fn, void *arg);

/* --- engines and flushes --- */

/* (tick, arg) and (fn, arg) name the entry for its removal.  0, -ENOMEM. */
int loop_add_engine(struct loop *loop, loop_next_fn *next, loop_tick_fn *tick, void *arg);
void loop_del_engine(struct loop *loop, loop_tick_fn *tick, void *arg);
int loop_add_flush(struct loop *loop, loop_tick_fn *fn, void *arg);
void loop_del_flush(struct loop *loop, loop_tick_fn *fn, void *arg);

/* --- running --- */

/* Runs until loop_stop(); 0, or -errno when the kernel refuses to wait.  Returns after the first wakeup, without
 * waiting, when loop_stop() was called before it.  May be called again. */
int loop_run(struct loop *loop);
/* Ends loop_run() after the current wakeup, flushes included. */
void loop_stop(struct loop *loop);
/* How many wakeups there have been: an idle loop must not count up. */
uint64_t loop_wakeups(const struct loop *loop);

#endif
