/* How long a datagram may be that a path carries: the search of RFC 8899 (DPLPMTUD) without the datagrams.
 *
 * Sizes are bytes of UDP payload.  A path begins at PATH_MTU_BASE and is searched upwards by probes: the limit first,
 * for most paths carry all that anybody wants of them, then by halving what lies between the longest that passed and
 * the shortest that did not.  A probe that is not answered is sent three times; each waits for four times what an
 * answer took so far, at least 250 ms and at most 3 s.  (RFC 8899 5.1.1 wants a second at least and better 15, from
 * those who can't tell how long an answer takes.)  One that comes later still counts: it is proof.
 *
 * When the search is over:
 *  - below the limit it begins anew after 10 minutes (the raise timer), for paths grow;
 *  - while datagrams above the base are sent, the present size is probed every 5 s, and at once when they are sent
 *    after a pause.  When three such probes are lost while short ones, sent beside the second and the third, are
 *    answered, then the path is a black hole for the present size (RFC 8899 4.3): back to the base, and up again to
 *    below that size.  When the short ones are lost as well, nothing works, and size is not the reason.
 *
 * A datagram that the kernel refuses is longer than our own interface allows: the next probe is shorter at once, and a
 * present size that is refused falls to the base.
 *
 * An engine as all others (DESIGN section 3): path_mtu_tick() when path_mtu_next() is due, which it is at once after
 * most events.
 */
#ifndef CASTSWITCH_TUNNEL_PATH_MTU_H
#define CASTSWITCH_TUNNEL_PATH_MTU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "castswitch/mono.h"

#define PATH_MTU_WAIT_MIN (250 * NSEC_PER_MSEC)
#define PATH_MTU_WAIT_MAX (3 * NSEC_PER_SEC)
#define PATH_MTU_WAIT_FIRST (500 * NSEC_PER_MSEC) /* while nothing was answered yet */
#define PATH_MTU_CHECK_INTERVAL (5 * NSEC_PER_SEC)
#ifndef PATH_MTU_RAISE_INTERVAL /* a test has no time for it */
#define PATH_MTU_RAISE_INTERVAL (600 * NSEC_PER_SEC)
#endif

enum {
	PATH_MTU_BASE = 1200,
	PATH_MTU_TRIES = 3,
	PATH_MTU_SHORT = 0, /* the size of a short probe, as answers to it are called */
};

enum path_mtu_state {
	PATH_MTU_OFF,    /* no search: any size goes */
	PATH_MTU_SEARCH, /* size rises */
	PATH_MTU_DONE,
	PATH_MTU_CHECK, /* whether the present size still passes */
};

struct path_mtu {
	enum path_mtu_state state;
	bool used;      /* a datagram above the base was sent since the size was last proven */
	bool answered;  /* a short probe of this check was */
	uint8_t tries;  /* probes of size 'probe' so far */
	uint16_t size;  /* the longest proven; what may be sent */
	uint16_t bad;   /* the shortest that did not pass; limit + 1 when none is known */
	uint16_t probe; /* under way; 0 = none */
	uint16_t limit;
	nsec_t rtt;            /* how long an answer takes; 0 = not known yet */
	struct mono probed_at; /* the first try */
	struct mono proven_at; /* the size */
	struct mono raise_at;
	struct mono next;
};

/* What path_mtu_tick() wants to be sent. */
struct path_mtu_probe {
	uint16_t size;   /* 0 = nothing */
	bool with_short; /* and a short one beside it */
};

/* "limit" is the longest datagram worth having.  Up to PATH_MTU_BASE there is nothing to search and the size is that;
 * 0 switches everything off and any size goes. */
void path_mtu_init(struct path_mtu *m, uint16_t limit);
/* The path can be used, or it is another one than before. */
void path_mtu_begin(struct path_mtu *m, struct mono now);

/* Another limit; what is known of the path stays.  Not to or from 0, or below PATH_MTU_BASE: that takes path_mtu_begin(). */
void path_mtu_set_limit(struct path_mtu *m, uint16_t limit, struct mono now);

/* A probe of 'size' was answered, PATH_MTU_SHORT for a short one. */
void path_mtu_answer(struct path_mtu *m, uint16_t size, struct mono now);
/* The kernel refused a datagram of this length (EMSGSIZE). */
void path_mtu_refused(struct path_mtu *m, size_t len, struct mono now);
/* Somebody, whom nobody need believe, says that datagrams are too long (ICMP): the present size is probed now. */
void path_mtu_doubt(struct path_mtu *m, struct mono now);

void path_mtu_tick(struct path_mtu *m, struct mono now, struct path_mtu_probe *ret);
static inline struct mono
path_mtu_next(const struct path_mtu *m)
{
	return m->next;
}

/* The first of this kind since the size was proven: arms the check. */
void path_mtu_first_use(struct path_mtu *m, struct mono now);
/* A datagram of len bytes is being sent, not counting probes.  True when path_mtu_next() is another one now. */
static inline bool
path_mtu_use(struct path_mtu *m, size_t len, struct mono now)
{
	if (len <= PATH_MTU_BASE || m->used)
		return false;
	path_mtu_first_use(m, now);
	return true;
}

#endif
