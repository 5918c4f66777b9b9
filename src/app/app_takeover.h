/* Two sessions of one name: how often the later may take the earlier's place, and whether the earlier is alive. */
#ifndef CASTSWITCH_APP_TAKEOVER_H
#define CASTSWITCH_APP_TAKEOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "castswitch/mono.h"

/* --- duplicates = replace --- */

enum { APP_TAKEOVERS_MAX = 3 };
#define APP_TAKEOVERS_WITHIN (60 * NSEC_PER_SEC)
#define APP_TAKEOVERS_REFUSE (60 * NSEC_PER_SEC)

/* Of one name; zeros: there were none. */
struct app_takeovers {
	struct mono at[APP_TAKEOVERS_MAX]; /* of the last ones, the latest first */
	unsigned n;
	struct mono refuse_until;
};

/* Counts one.  True when with it there were 3 within 60 s, so that the next newcomers are refused for 60 s: two who
 * call themselves the same would go on for ever. */
bool app_takeovers_count(struct app_takeovers *t, struct mono now);
bool app_takeovers_refuse(const struct app_takeovers *t, struct mono now);

/* --- duplicates = refuse --- */

#define APP_PROBE_TIME (2 * NSEC_PER_SEC)
#define APP_PROBE_AGE (4 * NSEC_PER_SEC)

/* Of one session; zeros: it was not probed. */
struct app_probe {
	bool active;
	struct mono began;
	uint64_t rx_packets; /* received then */
};

enum app_probe_answer {
	APP_PROBE_WAIT,  /* ask it for a sign of life, and come again */
	APP_PROBE_ALIVE, /* something came since it was asked */
	APP_PROBE_DEAD,  /* nothing came for 2 s */
};

/* Called each time a newcomer knocks, about every 500 ms, with the number of packets that the session has received.  One
 * who stopped knocking leaves nothing behind: a probe of 4 s ago counts as none. */
enum app_probe_answer app_probe_step(struct app_probe *p, uint64_t rx_packets, struct mono now);

#endif
