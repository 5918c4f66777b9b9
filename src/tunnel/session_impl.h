/* A session's inside, shared by the session_*.c files and nobody else.
 *
 *	session.c            life, state changes, closing, time, looking
 *	session_handshake.c  the sec: handshake, HELLO / WELCOME / REFUSE
 *	session_keys.c       choice of the packet cipher, key derivation
 *	session_data.c       data packets: open, seal, confirmation
 *	session_control.c    CONTROL: order, acknowledgement, retransmission
 *	session_live.c       PAD, keepalive, liveness
 *	session_roam.c       the path of a client that moves
 *	session_rekey.c      one session takes over from another
 *	session_mtu.c        how long datagrams may be on that path
 *	session_frag.c       FRAGMENT: frames that are longer
 *	session_bundle.c     BUNDLE: frames that share a datagram
 *
 * Every deadline is a row of 'due'.  A deadline that traffic moves later is left where it is: when it fires it is
 * worked out again.  So the hot path stores two or three stamps, and session_next() may be early but never late.
 */
#ifndef CASTSWITCH_TUNNEL_SESSION_IMPL_H
#define CASTSWITCH_TUNNEL_SESSION_IMPL_H

#include "castswitch/frame.h"
#include "castswitch/replay.h"
#include "castswitch/session.h"
#include "path_mtu.h"
#include "reassembly.h"

#define SESSION_HANDSHAKE_TIMEOUT (10 * NSEC_PER_SEC)
#define SESSION_HELLO_TIMEOUT (5 * NSEC_PER_SEC)
#define SESSION_CONFIRM_TIMEOUT (10 * NSEC_PER_SEC)
#define SESSION_RETIRED_TIME (60 * NSEC_PER_SEC)
#define SESSION_PATH_ERROR_AGAIN (200 * NSEC_PER_MSEC) /* less than the first retransmission's 250 ms */
#define SESSION_HELLO_INTERVAL (500 * NSEC_PER_MSEC)
#define SESSION_CONFIRM_INTERVAL (250 * NSEC_PER_MSEC)

#define SESSION_KEEPALIVE_MIN (100 * NSEC_PER_MSEC)
#define SESSION_KEEPALIVE_MAX (3600 * NSEC_PER_SEC)

#define SESSION_STALL_MIN (250 * NSEC_PER_MSEC)
#define SESSION_STALL_MAX (750 * NSEC_PER_MSEC) /* with a trial of 100 ms and some travel below 1 s */
#define SESSION_GAP_MAX (1 * NSEC_PER_SEC)      /* longer silence is a pause */
#define SESSION_FLOW_AGE (1 * NSEC_PER_SEC) /* traffic is flowing when a frame passed within this */

#define SESSION_CONTROL_RTO_MIN (250 * NSEC_PER_MSEC)
#define SESSION_CONTROL_RTO_MAX (4 * NSEC_PER_SEC)

#define SESSION_TRIAL_TIME (1200 * NSEC_PER_MSEC)
#define SESSION_PATIENCE_MIN (100 * NSEC_PER_MSEC) /* the present path's time to answer before another takes over */
#define SESSION_PATIENCE_MAX (1 * NSEC_PER_SEC)
#define SESSION_STAY_TIME (1 * NSEC_PER_SEC)  /* no trials after the present path proved alive */
#define SESSION_CLAIM_TIME (3 * NSEC_PER_SEC) /* a path that lost the session may take it back */

#define SESSION_REKEY_PACKETS (UINT64_C(1) << 32)    /* time for new keys */
#define SESSION_MAX_COUNTER (UINT64_C(1) << 48)      /* this counter is never sent */
#define SESSION_MAX_FAILED_OPENS (UINT64_C(1) << 36) /* forgeries a key survives (DESIGN section 7) */

enum {
	SESSION_CONTROL_RESENDS = 8,
	SESSION_QUIET_REQUESTS = 3, /* asked before a silent peer is dead */
	SESSION_STALL_REQUESTS = 3, /* asked before stalled traffic means a dead path */
	SESSION_TRIAL_FACTOR = 3,   /* bytes sent to a path that is not proven, for each one received */
	SESSION_MAX_DATAGRAM = 65507, /* UDP payload over IPv4 */
	SESSION_PROBE_MAX = 9216,     /* no path is searched above */
};

enum session_timer {
	SESSION_TIMER_STATE,   /* the present state takes too long */
	SESSION_TIMER_SEC,     /* the sec wants a tick */
	SESSION_TIMER_REPEAT,  /* client: HELLO or the confirming PAD again */
	SESSION_TIMER_CONTROL, /* CONTROL again */
	SESSION_TIMER_STALL,   /* client: traffic without an answer */
	SESSION_TIMER_IDLE,    /* keepalive, and dead after three of them */
	SESSION_TIMER_ROAM,    /* server: a trial asks again, or ends */
	SESSION_TIMER_REKEY,   /* client: time for new keys */
	SESSION_TIMER_MTU,     /* a probe of the path's size */
	SESSION_TIMERS
};

struct session_control {
	uint32_t rx_id; /* last one processed; 0 = none */
	uint32_t tx_id; /* last one used; 0 = none */
	unsigned resends;
	nsec_t rto;
	/* Owned, and NULL most of the time: a server has thousands of sessions. */
	struct tmsg_push *sent; /* outstanding: tx_id is sent and not acknowledged */
	struct tmsg_push *next; /* goes out when nothing is outstanding */
};

/* The packet that session_open() is working on. */
struct session_packet {
	const struct path *from;
	uint64_t counter;
	bool newest; /* its counter is above all before */
	uint8_t ecn;     /* of the outer packet */
	size_t room;     /* of its buffer */
	uint8_t *rest;   /* of a BUNDLE */
	size_t rest_len;
};

/* A path that the other side may have moved to. */
struct session_trial {
	bool active, answered;
	struct path path;
	uint64_t id, present_id; /* of the requests that go there, and to the session's path */
	struct mono began;
	unsigned asked; /* how often */
	uint64_t received, sent; /* bytes by that path */
};

/* A path that lost the session a moment ago. */
struct session_claim {
	struct path path;
	uint64_t id; /* of the requests that went there */
	struct mono began, until; /* it is none when that has passed */
};

struct session_roam {
	struct session_trial trial;
	struct session_claim claim;
	struct mono stay_until; /* no trial before */
	nsec_t patience;
};

struct session_mtu {
	uint64_t path_id; /* what ids of probes begin with; 0 = there were none */
	struct path_mtu search;
};

struct session {
	/* What every data packet touches. */
	enum session_state state;
	enum session_role role;
	uint32_t local_id, remote_id;
	const struct aead_backend *aead;
	struct aead *tx, *rx;
	uint64_t tx_counter; /* last one used */
	struct mono last_tx, last_rx, last_frame;
	nsec_t usual_gap;         /* moving average of the time between received packets */
	uint8_t quiet_requests;   /* keepalive requests since the last packet received */
	uint8_t stall_requests;   /* stall requests since the last packet received */
	struct session_packet packet;
	struct path path;
	struct session_mtu mtu;
	struct reassembly reassembly;
	struct mono due[SESSION_TIMERS];
	struct session_stats stats;
	struct replay replay;

	/* The rest. */
	struct session_ops ops;
	void *arg;
	void *owner;
	const struct rng *rng;
	struct session_roam roam;
	/* An ESTABLISHED session and the one that is to take over from it know each other, as do the latter and the
	 * former once it is RETIRED. */
	struct session *older, *newer;
	nsec_t rekey, pushed_rekey; /* client; pushed: 0 = not told */
	nsec_t rekey_after;         /* of the two, as the timer was armed */
	struct mono keyed_at;       /* ESTABLISHED since, other than established_at not inherited */
	struct session_params params;
	struct sec *sec;
	unsigned sec_calls; /* depth of calls into the sec: it is not destroyed under its own feet */
	bool sec_unwanted;  /* to be destroyed when sec_calls is 0 */
	bool have_peer;
	uint8_t aead_id;
	struct sec_identity peer;
	struct tmsg_hello hello; /* of the other side */
	struct session_close_info close_info;
	struct mono path_error_at; /* client: the first one in the handshake */
	struct mono established_at;
	struct mono flow_since; /* when the present traffic began */
	nsec_t keepalive;
	uint64_t failed_opens;
	struct session_control control;
};

/* --- session.c --- */

/* Callbacks may close the session at any call: CLOSED is final, whatever the caller was about to do. */
void session_set_state(struct session *s, enum session_state st, struct mono now);
/* Closes without a word to the other side; nothing when it is closed already.  text may be NULL. */
void session_finish(struct session *s, enum session_end end, unsigned reason, const char *text, struct mono now);

/* A CLOSED session has no deadlines. */
static inline void
session_arm(struct session *s, enum session_timer t, struct mono at)
{
	if (s->state != SESSION_CLOSED)
		s->due[t] = at;
}

static inline void
session_disarm(struct session *s, enum session_timer t)
{
	s->due[t] = MONO_NEVER;
}

/* --- session_handshake.c --- */

/* Installs the output and starts a client's sec, ticks a server's. */
void session_sec_begin(struct session *s, struct mono now);
void session_sec_tick(struct session *s, struct mono now);
void session_drop_sec(struct session *s);
void session_send_hello(struct session *s);
void session_send_refuse(struct session *s, enum tmsg_reason reason, const char *text);

/* --- session_keys.c --- */

/* Whether 'id' is in our own list. */
bool session_offers_aead(const struct session *s, uint8_t id);
/* Server: the cipher for this client, TMSG_AEAD_NONE when there is no common one. */
uint8_t session_choose_aead(const struct session *s, const struct tmsg_hello *h);
/* Creates tx and rx from the sec's exporter; local_id and remote_id must be set.  False, with no keys, on failure. */
bool session_derive_keys(struct session *s, uint8_t id);
void session_drop_keys(struct session *s);
void session_drop_tx_key(struct session *s);

/* --- session_data.c --- */

/* Seals plain[0..len), which begins with the kind byte, into out (len + TMSG_DATA_HDR + TMSG_TAG bytes).  Returns the
 * datagram's length, or 0; the session may be CLOSED then. */
size_t session_encrypt(struct session *s, const uint8_t *plain, size_t len, uint8_t *out, struct mono now);
/* Seals a payload that the session itself made, and outputs it.  False when it can't be sent; the session may be CLOSED
 * then (counter exhausted). */
bool session_send(struct session *s, enum tmsg_kind kind, const uint8_t *payload, size_t len, struct mono now);
/* The same along another path than the session's. */
bool session_send_along(struct session *s, const struct path *path, enum tmsg_kind kind, const uint8_t *payload,
			size_t len, struct mono now);

/* Counts why a frame could not be sealed; 0. */
size_t session_not_sealed(struct session *s, enum drop_reason r, enum drop_reason *ret_drop);

/* --- session_control.c --- */

enum drop_reason session_control_input(struct session *s, const uint8_t *payload, size_t len, struct mono now);
/* Sends the waiting PUSH if nothing is outstanding. */
void session_control_flush(struct session *s, struct mono now);
void session_control_tick(struct session *s, struct mono now);
void session_control_fini(struct session_control *ctl);
void session_send_bye(struct session *s, enum tmsg_reason reason, const char *text, struct mono now);

/* --- session_live.c --- */

/* SESSION_ESTABLISHED begins: arms keepalive. */
void session_live_begin(struct session *s, struct mono now);
void session_idle_tick(struct session *s, struct mono now);
void session_stall_tick(struct session *s, struct mono now);
enum drop_reason session_pad_input(struct session *s, const uint8_t *payload, size_t len, struct mono now);
bool session_send_pad(struct session *s, const struct path *path, uint8_t flags, uint64_t id, struct mono now);
bool session_send_request(struct session *s, struct mono now);

/* --- session_rekey.c --- */

/* Client, SESSION_ESTABLISHED begins. */
void session_rekey_begin(struct session *s);
/* The interval may have changed. */
void session_rekey_arm(struct session *s);
/* Packet number 2^32 was sealed or opened. */
void session_rekey_packets(struct session *s, struct mono now);
void session_rekey_tick(struct session *s, struct mono now);
/* s, just ESTABLISHED, takes over from its predecessor. */
void session_succeed(struct session *s, struct mono now);
/* s is CLOSED, or about to be freed: nobody knows it any more.  The first also ends who can't be without it. */
void session_end_relatives(struct session *s, bool was_retired, struct mono now);
void session_forget_relatives(struct session *s);

/* --- session_roam.c --- */

void session_roam_init(struct session *s);
/* Server, ESTABLISHED: an authentic packet came by another path than the session's, or there is a trial. */
void session_roam_input(struct session *s, size_t len, struct mono now);
/* The same, the packet is a PAD reply. */
void session_roam_reply(struct session *s, uint64_t id, struct mono now);
void session_roam_tick(struct session *s, struct mono now);

/* --- session_mtu.c --- */

void session_mtu_init(struct session *s);
/* SESSION_ESTABLISHED begins, or the path is another one. */
void session_mtu_begin(struct session *s, struct mono now);
/* What is known of a path does not depend on keys. */
void session_mtu_inherit(struct session *s, const struct session *old);
void session_mtu_tick(struct session *s, struct mono now);
/* A PAD reply came. */
void session_mtu_reply(struct session *s, uint64_t id, struct mono now);
/* The first datagram for a while that the base would not do for. */
void session_mtu_sooner(struct session *s);

/* A datagram with frames is being sent. */
static inline void
session_mtu_used(struct session *s, size_t len, struct mono now)
{
	if (path_mtu_use(&s->mtu.search, len, now))
		session_mtu_sooner(s);
}

/* --- session_frag.c, session_bundle.c --- */

/* The packet that is being worked on has this payload.  Both leave *ret_frame as it is when there is no frame yet. */
enum drop_reason session_fragment_input(struct session *s, uint8_t *payload, size_t len, struct mono now,
					uint8_t **ret_frame, size_t *ret_len);
enum drop_reason session_bundle_input(struct session *s, uint8_t *payload, size_t len, uint8_t **ret_frame,
				      size_t *ret_len);

static inline bool
session_path_equal(const struct path *a, const struct path *b)
{
	return endpoint_equal(&a->remote, &b->remote) && ipaddr_equal(&a->local, &b->local) && a->sock == b->sock &&
	       a->ifindex == b->ifindex;
}

/* A frame passed.  Stalls are the client's business: the server can't reconnect. */
static inline void
session_saw_frame(struct session *s, struct mono now)
{
	s->last_frame = now;
	if (s->role == SESSION_CLIENT && mono_is_never(s->due[SESSION_TIMER_STALL]) && s->state == SESSION_ESTABLISHED) {
		s->flow_since = now;
		session_arm(s, SESSION_TIMER_STALL, mono_add(now, SESSION_STALL_MIN));
	}
}

/* An authentic packet came.  Packets of one batch share 'now', and after a pause traffic begins anew: neither is a
 * gap. */
static inline void
session_saw_rx(struct session *s, struct mono now)
{
	nsec_t gap = mono_since(s->last_rx, now);

	if (gap > 0 && gap <= SESSION_GAP_MAX)
		s->usual_gap = s->usual_gap - s->usual_gap / 8 + gap / 8;
	s->last_rx = now;
	s->quiet_requests = 0;
	if (s->stall_requests) {
		s->stall_requests = 0;
		session_arm(s, SESSION_TIMER_STALL, mono_add(now, SESSION_STALL_MIN));
	}
}

#endif
