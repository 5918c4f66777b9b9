/* The querier of one family on one VLAN: startup and general queries, election, router-side timing (RFC 3376 6.6.2,
 * 7.3.1 and 8; RFC 3810 7.6.2 and 9).
 *
 * States: DISABLED (never asks), QUERIER, NON_QUERIER (somebody with a lower address asks).  The election compares
 * source addresses; 0.0.0.0 / :: never wins or silences.  Own specific queries (mdb.h) go through the same builder.
 *
 * Parameters (robustness, query interval) are taken from the elected querier's IGMPv3/MLDv2 queries while it is
 * elected, and ours again when we are.  So is its response interval, from general queries, when it is longer than ours:
 * its hosts take their time.
 */
#ifndef CASTSWITCH_QUERIER_H
#define CASTSWITCH_QUERIER_H

#include <stdbool.h>
#include <stdint.h>

#include "castswitch/gm.h"
#include "castswitch/mdb.h"
#include "castswitch/mono.h"
#include "castswitch/switch.h"

enum querier_state { QUERIER_DISABLED, QUERIER_QUERIER, QUERIER_NON_QUERIER };

enum {
	QUERIER_ALL_PORTS = 0xffff,
	QUERIER_BRIDGED_PORTS = 0xfffe, /* those behind which there may be other switches */
};

struct querier_ops {
	/* Sends a query frame out of one port, or of all that are up; to many of them in its own time. */
	void (*send)(void *arg, uint16_t port, const struct gm_build *query, struct mono now);
	/* The elected querier ('elected') or only the timing changed: see q->state, querier_timing(). */
	void (*changed)(void *arg, enum gm_family family, bool elected, struct mono now);
};

struct querier {
	enum gm_family family;
	enum querier_state state;
	const struct sw_snooping *params;
	struct mac mac;
	struct ipaddr own;     /* source of our queries; 0.0.0.0 when there is none */
	struct ipaddr elected; /* the other querier; :: when it is us or nobody */
	uint16_t elected_port;
	uint8_t elected_robustness; /* 0 = not told */
	nsec_t elected_interval;    /* 0 = not told */
	nsec_t elected_response;    /* 0 = not told */
	uint8_t startup_left;
	bool takes_over; /* the next general query is the first one after another querier's last */
	struct mono next_general;   /* QUERIER only */
	struct mono other_until;    /* NON_QUERIER, or DISABLED with somebody else asking: when it is given up */
	struct querier_ops ops;
	void *arg;
};

/* params must outlive *q.  mac is the source MAC.  Starts at 'now' with its startup queries (the first tick sends
 * one). */
void querier_init(struct querier *q, enum gm_family family, const struct sw_snooping *params, const struct mac *mac,
		  const struct querier_ops *ops, void *arg, struct mono now);

/* The params it points to have changed. */
void querier_reconfigure(struct querier *q, struct mono now);

/* A port came up, a peer (re)connected, or hosts may have moved (QUERIER_BRIDGED_PORTS): a general query at once,
 * answers within min(QRI, 1 s).  Returns querier_answers_at(). */
struct mono querier_port_up(struct querier *q, uint16_t port, struct mono now);
/* The time by which the answers to such a query should be in (now + max response + 1 s), or 'now' when it is not
 * asked. */
struct mono querier_answers_at(const struct querier *q, struct mono now);
/* The time by which hosts behind a port that comes up now will have told what they want: as above, or, when we do not
 * ask, after the next query of the one who does. */
struct mono querier_port_known_at(const struct querier *q, struct mono now);
/* The same for a general query to all, ours or the elected querier's, that is sent now. */
struct mono querier_all_answer_at(const struct querier *q, struct mono now);

/* A query was received on 'port' and may be believed.  Returns whether it is from the elected querier (so that its
 * specific queries count). */
bool querier_query_seen(struct querier *q, uint16_t port, const struct gm_msg *query, struct mono now);
/* The port of the elected querier went away. */
void querier_port_down(struct querier *q, uint16_t port, struct mono now);

/* A specific query of ours. */
void querier_send_specific(struct querier *q, const struct mdb_query *query, struct mono now);

/* Somebody asks: we or another. */
bool querier_is_active(const struct querier *q);
/* The timing in force. */
void querier_timing(const struct querier *q, struct mdb_timing *ret);
/* RFC 3376 8.5, from the timing in force. */
nsec_t querier_other_interval(const struct querier *q);

void querier_tick(struct querier *q, struct mono now);
struct mono querier_next(const struct querier *q);

#endif
