/* What the tunnel's unit tests stand on: a packet cipher that is no secret but checks everything, a pair of DTLS ends with
 * flights, cookie and retransmission but no cryptography, and a wire between two sessions with scripted loss.
 *
 * Time is fake_now; nothing moves but through fake_wire_until().
 */
#ifndef CASTSWITCH_TESTS_TUNNEL_FAKE_H
#define CASTSWITCH_TESTS_TUNNEL_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "castswitch/session.h"

#define MS(n) ((nsec_t)(n) * NSEC_PER_MSEC)

extern struct mono fake_now;
extern uint16_t fake_max_datagram; /* of both ends of new wires; 0 = no path is searched */

/* --- cipher --- */

/* XOR key stream and a keyed tag over nonce, additional data and ciphertext. */
extern const struct aead_backend fake_aead;

struct fake_key {
	uint8_t id;
	uint8_t key[AEAD_KEY_LEN], iv[AEAD_IV_LEN];
	bool seal;
};

enum { FAKE_KEYS = 8 };
extern struct fake_key fake_keys[FAKE_KEYS]; /* as they were created, oldest first */
extern unsigned fake_n_keys;
extern int fake_aeads_alive;
extern uint8_t fake_aead_missing;      /* create() fails for this id */
extern bool fake_seal_fails;
extern uint8_t fake_last_plain[8];     /* the beginning of what was sealed last */
extern unsigned fake_opens;            /* calls of open() */

/* --- DTLS --- */

enum { FAKE_SECRET_LEN = 32, FAKE_LABEL_MAX = 64, FAKE_CONTEXT_MAX = 32 };

struct fake_sec {
	struct sec base;
	bool client;
	enum sec_status status;
	uint8_t secret[FAKE_SECRET_LEN]; /* the ClientHello's random */
	uint8_t cookie;                  /* 0 = none yet */
	uint8_t flight[1500];            /* client: sent again until it is answered */
	size_t flight_len;
	struct mono resend;
	struct {
		uint8_t msg[1500];
		size_t len;
	} in[4];
	unsigned n_in;
	struct sec_identity who; /* the other side */
	char error[SEC_ERROR_MAX];
};

extern int fake_secs_alive;
extern const char *fake_client_name; /* what servers see; NULL: "alice" */
extern bool fake_start_fails;         /* a client's first flight, a server's first tick */
extern unsigned fake_failing_inputs; /* so many inputs from now fail the handshake */
/* The last export. */
extern char fake_label[FAKE_LABEL_MAX];
extern uint8_t fake_context[FAKE_CONTEXT_MAX];
extern size_t fake_context_len, fake_export_len;
/* Byte i of what the exporter gives for this secret and context. */
uint8_t fake_export_byte(const uint8_t secret[FAKE_SECRET_LEN], const uint8_t *context, size_t len, size_t i);

/* 'seed' makes the random of the ClientHello.  with_cookie: the first ClientHello brings it already. */
struct sec *fake_client(uint8_t seed, bool with_cookie);
/* As a listener returns it after the cookie; the peer's name is "alice". */
struct sec *fake_server(uint8_t seed);
/* A datagram that closes the other end (close_notify). */
extern const uint8_t fake_close_notify[2];

struct fake_listener {
	struct sec_listener base;
	unsigned inputs, cookies; /* ClientHellos seen, cookies sent */
};
void fake_listener_init(struct fake_listener *l);

/* --- wire --- */

enum fake_msg {
	FAKE_CLIENT_HELLO,
	FAKE_COOKIE,
	FAKE_FLIGHT, /* server's flight */
	FAKE_FINISHED,
	FAKE_SERVER_FINISHED,
	FAKE_HELLO,
	FAKE_WELCOME,
	FAKE_REFUSE,
	FAKE_FRAME,
	FAKE_REQUEST,
	FAKE_REPLY,
	FAKE_PROBE, /* a request that is longer than it must be */
	FAKE_FRAGMENT,
	FAKE_BUNDLE,
	FAKE_ACK,
	FAKE_PUSH,
	FAKE_BYE,
	FAKE_OTHER,
	FAKE_MSGS
};

enum { FAKE_QUEUE = 512, FAKE_DGRAM_MAX = 2048, FAKE_ORDER = 128 };

struct fake_dgram {
	bool to_server;
	enum fake_msg msg;
	size_t len;
	uint8_t tos;
	uint8_t data[FAKE_DGRAM_MAX];
};

struct fake_end {
	struct session *session;
	bool client;
	unsigned established, closed, pushed, admitted;
	struct session_close_info info;
	struct tmsg_push push;
	unsigned frames; /* received */
	uint8_t frame[FAKE_DGRAM_MAX];
	size_t frame_len;
	uint8_t order[FAKE_ORDER]; /* the last byte of each */
	uint8_t tos;               /* of what it sends */
	unsigned sent[FAKE_MSGS];
	struct mono sent_at[FAKE_MSGS]; /* the last of each */
	enum drop_reason last_drop;
	uint64_t top_counter; /* of data packets sent: must rise by one each */
	bool had_sec;         /* when established was called */
	/* What to do, 0 = nothing. */
	enum tmsg_reason refuse;
	const char *refuse_text;
	bool close_when_established, close_when_pushed;
	bool push_when_established, close_when_admitted;
	bool close_when_sent[FAKE_MSGS]; /* from inside the output */
	int lose[FAKE_MSGS]; /* that many sent ones from now; -1 = all */
	size_t carries;      /* longer ones that it sends get lost; 0 = none do */
	/* What becomes of a datagram, in the place of the wire. */
	void (*output)(struct fake_end *e, const struct path *path, enum fake_msg msg, const uint8_t *dgram, size_t len);
	void *output_arg;
	unsigned moved, probing, rekeyed, rekey_due;
	struct session *older; /* when rekeyed was called */
	struct mono rekey_due_at;
};

struct fake_wire {
	struct fake_end c, s;
	struct fake_dgram queue[FAKE_QUEUE];
	unsigned head, n;
	struct rng_seeded rng_state;
	struct rng rng;
	struct session_params client_params, server_params;
	struct path to_server, to_client;
	bool beside; /* another one's */
};

extern const struct session_ops fake_wire_ops; /* arg is the fake_end */

/* A wire at 100 s with default parameters; change them before fake_wire_start(). */
struct fake_wire *fake_wire_new(void);
/* Creates both sessions; delivers nothing. */
void fake_wire_start(struct fake_wire *w);
/* fake_wire_new, _start, and until both ends are established. */
struct fake_wire *fake_wire_established(void);
/* For new keys of w's sessions, with ids of their own: both ends know what they are to take over from.  Start it as
 * any other; its own free comes before that of w. */
struct fake_wire *fake_wire_beside(struct fake_wire *w, uint32_t ids);
void fake_wire_start_beside(struct fake_wire *w, struct fake_wire *new);
/* The same, and until both ends of the new one have taken over. */
struct fake_wire *fake_wire_rekeyed(struct fake_wire *w, uint32_t ids);
/* As fake_wire_until(), of both; the new one first. */
void fake_wires_until(struct fake_wire *w, struct fake_wire *n, struct mono until);
void fake_wires_free(struct fake_wire *w, struct fake_wire *n);
void fake_wire_free(struct fake_wire *w);
/* Delivers all that is under way. */
void fake_wire_deliver(struct fake_wire *w);
/* Runs deadlines and deliveries in order, up to and including 'until'. */
void fake_wire_until(struct fake_wire *w, struct mono until);
void fake_wire_for(struct fake_wire *w, nsec_t d);
/* Seals a frame of len bytes, all 'fill', and queues it.  False when it could not be sealed. */
bool fake_wire_frame(struct fake_wire *w, struct fake_end *from, size_t len, uint8_t fill);
/* The same in FRAGMENTs; their number, 0 when it could not be sealed. */
unsigned fake_wire_fragments(struct fake_wire *w, struct fake_end *from, size_t len, uint8_t fill);
/* Seals frames of these lengths, byte i of each being fill + i, as a BUNDLE and queues it. */
bool fake_wire_bundle(struct fake_wire *w, struct fake_end *from, const size_t *lens, size_t n, uint8_t fill);
/* As the other end's session would: seals payload under its key with this counter.  Returns the datagram's length. */
size_t fake_forge(const struct fake_wire *w, bool to_server, uint64_t counter, const uint8_t *plain, size_t len,
		  uint8_t *dgram);
enum drop_reason fake_open(struct fake_end *e, uint8_t *dgram, size_t len);
enum drop_reason fake_receive(struct fake_end *e, uint8_t *dgram, size_t len, size_t room, uint8_t tos);

#endif
