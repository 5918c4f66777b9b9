/* One session of the tunnel: an engine without I/O (DESIGN section 3 and 7).
 *
 *	client                          server
 *	  DTLS handshake (struct sec) --------
 *	  HELLO   ----------------------->   admit() decides
 *	  <-------------------------- WELCOME or REFUSE
 *	  data packet (PAD request) ----->   ESTABLISHED, answers at once, frees its sec
 *	  <------------------ data packet
 *	  ESTABLISHED, frees its sec
 *	  <----------------- CONTROL PUSH    (whenever the server calls session_push)
 *
 * States: HANDSHAKE -> HELLO -> CONFIRM -> ESTABLISHED (-> RETIRED) -> CLOSED; every change goes through one function.
 * Timers, by the events that drive them:
 *  - handshake 10 s, HELLO 5 s, confirmation 10 s, else the session closes;
 *  - the client repeats HELLO every 500 ms until WELCOME, and its confirming PAD every 250 ms until an authentic
 *    packet comes; a repeated identical HELLO gets the same WELCOME again, a different one is fatal;
 *  - keepalive K (default 15 s, pushed by the server; the client's session adopts it before it calls pushed()): a PAD
 *    request when nothing was sent for K.  Nothing received for K: requests at K, K + 2/3 K, K + 4/3 K; nothing
 *    received for 3 K: closed as dead;
 *  - client only, liveness under traffic: when the session sent or received frames within the last second and nothing
 *    was received for min(750 ms, max(250 ms, 4 x the usual gap between received packets)), a PAD request; unanswered
 *    for 0.5 s a second one, after 1 s more a third, and 2 s later the session is closed as dead.  Whoever only
 *    receives finds out so that its NAT binding changed, and tells the server where it is now.  session_path_error()
 *    (an ICMP error) starts the same sequence at once, and ends a handshake when it comes twice;
 *  - CONTROL: one outstanding, sent again after 250 ms, doubling to 4 s, given up (closed as dead) after 8 times.
 *
 * Roaming (a server's sessions; a client never follows its server, it connects anew).  An authentic packet is delivered
 * whatever path it came by; only our sending waits for proof.  A packet with a counter above all before it that came by
 * another path than the session's begins a trial of that path.  PAD requests with two random ids go to the new and to
 * the present path at 0, 30, 60, 150, 300 and 600 ms: to the new one nothing else, and at most three times the bytes
 * that came from it.  Then
 *  - the present path is alive if its id comes back from anywhere (only who can be reached there knows it: so who
 *    forwards faster than the true path gains nothing), or if a still newer packet comes by it.  The session stays, and
 *    no other trial begins for 1 s;
 *  - the new path is valid if its id comes back by it.  The session moves as soon as that is so and the present path
 *    has had 100 ms to answer in;
 *  - 1.2 s without either ends the trial.  While the new path has not answered, a newer packet by a third path begins
 *    a trial of that in its place.
 * For 3 s after it lost the session, a path takes it back by either sign, without another trial; if it needed longer
 * than 100 ms to answer, the next trial gives it twice that time, up to 1 s.
 *
 * Rekey: a session is one generation of keys.  For new ones the client makes another session beside it, by a whole
 * handshake whose HELLO names the server's id of the first (params.previous); both sides tell the engine which session
 * is to succeed which (session_set_predecessor).  Until it is confirmed nothing changes: if it fails, the old one goes
 * on.  Once it is confirmed, with its first authentic packet,
 *  - the successor has the owner, age, keepalive, path MTU, statistics and unacknowledged PUSH of the old one, and
 *    rekeyed() is called in the place of established();
 *  - the old one is RETIRED: it sends nothing any more (that key is wiped), and still receives for 60 s.  It ends
 *    sooner with its successor, or when that is succeeded itself, so there is at most one.  What is said on a retired
 *    session concerns nobody else: a BYE ends only that.
 * As the server confirms first and the client sends by the new keys only after that, and each packet is sealed by one
 * or the other, nothing is lost or overtaken.  The client's session says when it is time (rekey_due): an interval
 * after its own confirmation (default 1 h, less if the server pushed so; less up to a tenth, so that clients of one
 * start don't come together), or 2^32 packets of either direction.  A counter never repeats: at 2^48 a session ends.
 *
 * Path MTU (RFC 8899), in bytes of UDP payload: once established, and whenever its path is another one, a session
 * begins with datagrams of 1,200 bytes and looks for longer ones up to params.max_datagram, by PAD requests of that
 * size.  A size that does not pass any more is given up, one that passes again is used again.
 *
 * Ownership: the session owns its sec and its two AEAD contexts.  'output' gets datagrams that the session itself makes
 * (handshake, PAD, CONTROL); frames are sealed by session_seal() into the caller's buffer.  Callbacks may call any
 * session_ function but session_free(); a CLOSED session only waits for its owner to free it.
 */
#ifndef CASTSWITCH_SESSION_H
#define CASTSWITCH_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "castswitch/aead.h"
#include "castswitch/drop.h"
#include "castswitch/ipaddr.h"
#include "castswitch/mono.h"
#include "castswitch/rng.h"
#include "castswitch/sec.h"
#include "castswitch/tmsg.h"

#define SESSION_KEEPALIVE_DEFAULT (15 * NSEC_PER_SEC)
#define SESSION_REKEY_DEFAULT (3600 * NSEC_PER_SEC)
#define SESSION_EXPORT_LABEL "EXPORTER-castswitch-data-v1"

enum session_role { SESSION_CLIENT, SESSION_SERVER };

enum session_state {
	SESSION_HANDSHAKE,
	SESSION_HELLO,
	SESSION_CONFIRM,
	SESSION_ESTABLISHED,
	SESSION_RETIRED,
	SESSION_CLOSED
};
/* "handshake", ...; never NULL. */
const char *session_state_name(enum session_state st);

/* Why a session closed. */
enum session_end {
	SESSION_END_NONE,
	SESSION_END_SEC,     /* the DTLS handshake failed or was closed: text says why */
	SESSION_END_TIMEOUT, /* handshake, HELLO or confirmation took too long: text says which */
	SESSION_END_REFUSED, /* REFUSE sent or received: reason */
	SESSION_END_BYE,     /* BYE received: reason */
	SESSION_END_DEAD,    /* the other side no longer answers */
	SESSION_END_LOCAL,   /* session_close() */
	SESSION_END_RETIRED, /* a retired session's time is over: nobody's loss */
	SESSION_END_PROTOCOL,/* the other side broke the protocol, or the keys are used up: text */
};

struct session_close_info {
	enum session_end end;
	unsigned reason; /* enum tmsg_reason, TMSG_REASON_NONE when none was given */
	char text[SEC_ERROR_MAX];
	bool was_established; /* or retired */
	bool was_retired;     /* whatever ended it: its successor goes on, or said why it does not */
};

struct session;

/* What admit() may say besides a reason: not known yet; it is called again with the client's next HELLO, 500 ms later,
 * as long as the HELLO state lasts. */
#define SESSION_ASK_AGAIN TMSG_REASON_MAX

struct session_ops {
	/* Sends one datagram along the session's path.  Never a frame: these have priority. */
	void (*output)(void *arg, struct session *s, const struct path *path, const uint8_t *dgram, size_t len);
	/* Server: whether the verified peer may connect: TMSG_REASON_NONE, or why not (ret_text, a few words, may
	 * stay ""). Not called for what the session refuses itself (version, AEAD).  NULL admits everybody. */
	enum tmsg_reason (*admit)(void *arg, struct session *s, const struct sec_identity *who,
				  const struct tmsg_hello *hello, char ret_text[TMSG_TEXT_MAX + 1]);
	/* The session is ESTABLISHED; called once. */
	void (*established)(void *arg, struct session *s, struct mono now);
	/* The same, and it goes on for 'old', which is RETIRED. */
	void (*rekeyed)(void *arg, struct session *s, struct session *old, struct mono now);
	/* Client: it is time for new keys.  Called once, and again when session_rekey_again() says. */
	void (*rekey_due)(void *arg, struct session *s, struct mono now);
	/* Client: the server's configuration arrived (each PUSH once, in order). */
	void (*pushed)(void *arg, struct session *s, const struct tmsg_push *push, struct mono now);
	/* Server: the other side moved from 'before' to session_path(), or back; what is sent from now on takes that
	 * way. */
	void (*moved)(void *arg, struct session *s, const struct path *before, struct mono now);
	/* Client: a request is about to ask why nothing comes any more.  The time to see whether our own address is
	 * still the right one; the request leaves by what output() uses afterwards. */
	void (*probing)(void *arg, struct session *s, struct mono now);
	/* A deadline came nearer while a frame was sealed.  May be NULL. */
	void (*sooner)(void *arg, struct session *s);
	/* The session is CLOSED; called once, not by session_free(). */
	void (*closed)(void *arg, struct session *s, const struct session_close_info *info, struct mono now);
};

struct session_params {
	enum session_role role;
	uint32_t local_id;  /* our receiver id, not 0, unique among the caller's sessions */
	uint32_t flags;     /* client: TMSG_FLAG_* for HELLO */
	uint32_t previous;  /* client: receiver id (server's) of the session being rekeyed; 0 = none */
	const struct aead_backend *aead;
	uint8_t aeads[TMSG_MAX_AEADS]; /* what we can, best first */
	uint8_t n_aeads;
	const char *software; /* e.g. "castswitch 0.1"; must outlive the session */
	nsec_t keepalive;     /* 0 = default */
	nsec_t rekey;         /* client: how long keys serve; 0 = default */
	/* The longest datagram worth having, at most 9216: that of the longest frame.  0 = any path carries anything,
	 * and none is searched. */
	uint16_t max_datagram;
};

struct session_stats {
	uint64_t rx_packets, rx_bytes; /* authentic data packets and their datagram bytes */
	uint64_t tx_packets, tx_bytes;
	uint64_t drops[DROP_MAX];
};

/* A new session in HANDSHAKE that takes ownership of 'sec' (also when it fails).  It installs sec->output.  A
 * client's sec is started, a server's (from a listener) ticked, from inside.  NULL when out of memory.  params, ops
 * are copied; ops callbacks may run before it returns, with ops->output only. */
struct session *session_new(const struct session_params *params, const struct session_ops *ops, void *arg, struct sec *sec,
			    const struct path *path, const struct rng *rng, struct mono now);
/* Wipes keys, frees; NULL is fine.  Sends nothing, calls nothing. */
void session_free(struct session *s);

/* --- rekey --- */

/* 's', not yet established, is to take over from 'old', which is: for the same peer, and for the same owner of
 * sessions, with the same ops and arg.  A session that was to do so before ends.  Nothing, and false, when they are not
 * in those states. */
bool session_set_predecessor(struct session *s, struct session *old, struct mono now);
/* The one it is to take over from, or has; NULL when there is none (any more). */
struct session *session_predecessor(const struct session *s);
/* Client: rekey_due() again at 'at', for it did not work. */
void session_rekey_again(struct session *s, struct mono at);
/* Client: another interval; 0 = default.  The shorter of this and what the server pushed counts. */
void session_set_rekey(struct session *s, nsec_t rekey);

/* --- input --- */

/* A DTLS datagram from the session's path.  Ignored when the sec is gone (ESTABLISHED). */
void session_handshake_input(struct session *s, const uint8_t *dgram, size_t len, struct mono now);

/* A received datagram. */
struct session_input {
	const struct path *from; /* how it came, see above */
	uint8_t *data;
	size_t len;
	size_t room; /* bytes from data[0] on that may be written, len if that is more; a frame of FRAGMENTs needs them */
	uint8_t tos; /* of the outer packet */
};

/* A data packet whose receiver id is ours; decrypted in place.  PAD and CONTROL are consumed.  Returns DROP_NONE with
 * *ret_frame / *ret_len set to an Ethernet frame inside data, or with *ret_frame NULL when it was consumed or its frame
 * is not complete yet; or why it was dropped (counted).  A packet may hold several frames: those behind the first are
 * session_next_frame()'s.  Outer ECN is carried over to frames (ecn.h).
 *
 * A frame that has its packet for itself, or came in FRAGMENTs, is at data + 14, with FRAME_HEADROOM - 2 writable bytes
 * in front of it.  One of a BUNDLE is anywhere, and only FRAME_EGRESS_ROOM bytes in front of it may be changed. */
enum drop_reason session_receive(struct session *s, const struct session_input *in, struct mono now,
				 uint8_t **ret_frame, size_t *ret_len);
/* The next frame of the packet that session_receive() returned a frame of; false when there is none. */
bool session_next_frame(struct session *s, uint8_t **ret_frame, size_t *ret_len);
/* session_receive() for a datagram with no room but its own bytes and no ECN. */
enum drop_reason session_open(struct session *s, const struct path *from, uint8_t *dgram, size_t len, struct mono now,
			      uint8_t **ret_frame, size_t *ret_len);

/* The kernel reported an error for this path (ICMP unreachable): a hint, never proof.  'why' is a few words,
 * "connection refused".  In a client's handshake a second one that comes 200 ms or more after the first ends the
 * session (SESSION_END_SEC), so that a wrong port is told at once: a single message may be stale or forged. */
void session_path_error(struct session *s, const char *why, struct mono now);

/* ESTABLISHED: asks the other side for a sign of life. */
void session_request(struct session *s, struct mono now);
/* Client: our own address is another one from now on.  Tells the server by a request. */
void session_path_changed(struct session *s, struct mono now);

/* The kernel refused a datagram of this session: it is longer than our own interface allows.  len 0: an ICMP message
 * said that one was too long for the path, a hint only. */
void session_refused(struct session *s, size_t len, struct mono now);

/* --- output --- */

/* The longest datagram that the path carries, as far as is known; UINT16_MAX when it is not searched. */
size_t session_mtu(const struct session *s);

/* Seals a frame into out (cap >= len + TMSG_OVERHEAD): header, kind, ciphertext, tag.  frame[-1] must be writable:
 * the kind byte goes there.  Returns the datagram's length, or 0 when it can't be sent (*ret_drop:
 * DROP_NOT_ESTABLISHED, DROP_TOO_LONG; counted). */
size_t session_seal(struct session *s, uint8_t *frame, size_t len, uint8_t *out, size_t cap, struct mono now,
		    enum drop_reason *ret_drop);
/* Longer than session_mtu() leaves room for: the FRAGMENTs of a frame, one by one.  'cut' is all zeros before the
 * first; the frame is through when cut->index is cut->count, and no other packet may be sealed before.  The rest as
 * session_seal(); DROP_TOO_LONG also when they would be more than 8.  frame is not written to. */
struct session_cut {
	uint8_t index, count; /* of the next; in all, 0 = not known yet */
	size_t chunk;         /* bytes of each but the last */
};
size_t session_seal_fragment(struct session *s, const uint8_t *frame, size_t len, struct session_cut *cut, uint8_t *out,
			     size_t cap, struct mono now, enum drop_reason *ret_drop);
/* Several frames in one datagram of TMSG_OVERHEAD + the sum of each frame's length and SESSION_PART_OVERHEAD; only if
 * the other side takes it: session_bundles(). */
struct session_part {
	const uint8_t *data;
	size_t len;
};
enum { SESSION_PART_OVERHEAD = 2 };
bool session_bundles(const struct session *s);
size_t session_seal_bundle(struct session *s, const struct session_part *parts, size_t n, uint8_t *out, size_t cap,
			   struct mono now, enum drop_reason *ret_drop);
/* Server: sends the peer its configuration, reliably; replaces one that is not yet acknowledged. */
void session_push(struct session *s, const struct tmsg_push *push, struct mono now);
/* Says BYE (when ESTABLISHED, two datagrams) or REFUSE (before) with this reason and closes with SESSION_END_LOCAL. */
void session_close(struct session *s, enum tmsg_reason reason, const char *text, struct mono now);

/* --- time --- */

void session_tick(struct session *s, struct mono now);
struct mono session_next(const struct session *s);

/* --- looking --- */

enum session_state session_state(const struct session *s);
uint32_t session_local_id(const struct session *s);
uint32_t session_remote_id(const struct session *s); /* 0 before HELLO/WELCOME */
const struct path *session_path(const struct session *s);
const struct sec_identity *session_peer(const struct session *s); /* valid from HELLO state on; kept after sec is gone */
const struct tmsg_hello *session_hello(const struct session *s);  /* what the other side said; zeros before */
uint8_t session_aead(const struct session *s);                    /* enum tmsg_aead; 0 before CONFIRM */
const struct session_stats *session_stats(const struct session *s);
struct mono session_established_at(const struct session *s);
struct mono session_last_rx(const struct session *s);
bool session_has_sec(const struct session *s);
/* Longest frame session_seal() takes. */
size_t session_max_frame(const struct session *s);
/* 0 = default; kept within 100 ms and 1 h. */
void session_set_keepalive(struct session *s, nsec_t keepalive, struct mono now);

/* Another params.max_datagram; nothing if either is none that is searched for, up to 1,200. */
void session_set_max_datagram(struct session *s, uint16_t max, struct mono now);

/* A pointer for the owner, e.g. its peer; that of its retired predecessor, too. */
void session_set_owner(struct session *s, void *owner);
void *session_owner(const struct session *s);

#endif
