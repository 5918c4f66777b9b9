/* The tunnel's messages: bytes <-> plain structs.
 *
 * Three layers (DESIGN section 7):
 *  - the first byte of a datagram tells its kind: 20..63 a DTLS record (RFC 7983), 0xC1 a data packet,
 *    0xC2 one of the first kind, wrapped (access.h);
 *  - HELLO, WELCOME and REFUSE travel as DTLS application data, one message a record;
 *  - the payload of a data packet begins with a kind byte: FRAME, CONTROL, PAD ...
 *
 * Handshake and CONTROL messages are a type byte followed by TLVs {u16 type, u16 length, value}.  Unknown TLVs are
 * skipped; a missing mandatory one, a wrong length or a TLV past the end makes the message invalid.  A TLV given twice:
 * the last counts, except where the struct holds a list.  All integers are big-endian.
 *
 *   TLV  in               name             value
 *     1  HELLO, WELCOME   protocol         u16                                             mandatory
 *     2  HELLO, WELCOME   receiver         u32, not 0                                      mandatory
 *     3  HELLO, WELCOME   previous         u32; absent = 0 = none
 *     4  HELLO, WELCOME   flags            u32, TMSG_FLAG_*; absent = 0
 *     5  HELLO, WELCOME   caps             u32, TMSG_CAP_*; absent = 0
 *     6  HELLO, WELCOME   aeads            1..TMSG_MAX_AEADS bytes, enum tmsg_aead         mandatory
 *     7  HELLO, WELCOME   software         0..TMSG_SOFTWARE_MAX bytes of text
 *    16  REFUSE, BYE      reason           u16, enum tmsg_reason; absent = 0
 *    17  REFUSE, BYE      text             0..TMSG_TEXT_MAX bytes of text
 *    32  PUSH             address          u8 family (4 or 6), u8 prefix length, 4 or 16 bytes; up to TMSG_MAX_ADDRS
 *    33  PUSH             mtu              u16; absent = 0 = not told
 *    34  PUSH             multicast-route  u8, 0 or 1; absent = 0
 *    35  PUSH             keepalive        u32 in ms; absent = 0 = not told
 *    36  PUSH             rekey            u32 in ms; absent = 0 = not told
 *    37  PUSH             route            as address; up to TMSG_MAX_ROUTES
 *    38  PUSH             gateway          4 or 16 bytes, not all 0: where routes of that family lead; one of each
 *    39  PUSH             dns              4 or 16 bytes: a name server; up to TMSG_MAX_DNS
 *    40  PUSH             domains          0..TMSG_DOMAINS_MAX bytes: names of [A-Za-z0-9._~-] with one space between them
 *
 * Layouts in front of the TLVs: HELLO, WELCOME, REFUSE: u8 type (enum tmsg_hs).  CONTROL: u32 id, u8 type (enum
 * tmsg_control_type); an ACK carries no TLVs.  A value outside of what the table allows counts as a wrong length.
 * After parsing, text holds printable ASCII only (others become '?').  Messages above TMSG_MAX bytes are invalid.
 */
#ifndef CASTSWITCH_TMSG_H
#define CASTSWITCH_TMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "castswitch/ipaddr.h"
#include "castswitch/mono.h"

enum {
	TMSG_PROTOCOL = 1, /* protocol version spoken by this code */

	TMSG_DATA = 0xc1,    /* first byte of a data packet */
	TMSG_ACCESS = 0xc2,  /* of a wrapped handshake datagram */
	TMSG_DATA_HDR = 13,  /* 0xC1, receiver id, counter: also the AEAD's additional data */
	TMSG_TAG = 16,       /* AEAD tag */
	TMSG_OVERHEAD = 30,  /* header + kind byte + tag */
	TMSG_MAX = 1200,     /* longest handshake, HELLO/WELCOME and CONTROL message */
	TMSG_SOFTWARE_MAX = 64,
	TMSG_TEXT_MAX = 128,
	TMSG_MAX_AEADS = 8,
	TMSG_MAX_ADDRS = 8,
	TMSG_MAX_ROUTES = 24,
	TMSG_MAX_DNS = 4,
	TMSG_DOMAINS_MAX = 255,
};

/* What a datagram is by its first byte. */
enum tmsg_class { TMSG_CLASS_UNKNOWN, TMSG_CLASS_DTLS, TMSG_CLASS_DATA, TMSG_CLASS_ACCESS };
enum tmsg_class tmsg_classify(const uint8_t *dgram, size_t len);

/* --- DTLS records, only as far as the demultiplexer needs (RFC 6347 4.1, 4.2.2) --- */

/* True when the datagram's first record is an epoch-0 handshake record that starts a ClientHello (fragment offset 0);
 * ret_random gets the 32 bytes of its random. */
bool tmsg_client_hello(const uint8_t *dgram, size_t len, uint8_t ret_random[32]);

/* --- data packets --- */

enum tmsg_kind { TMSG_FRAME = 0, TMSG_BUNDLE = 1, TMSG_FRAGMENT = 2, TMSG_CONTROL = 3, TMSG_PAD = 4 };

struct tmsg_data {
	uint32_t receiver;
	uint64_t counter;
};

/* False when dgram is shorter than header + kind + tag or does not begin with 0xC1. */
bool tmsg_data_parse(const uint8_t *dgram, size_t len, struct tmsg_data *ret);
/* Writes the TMSG_DATA_HDR bytes. */
void tmsg_data_write(uint8_t *dst, uint32_t receiver, uint64_t counter);

/* PAD: {u8 flags, u64 id, zeros}: keepalives and probes.  */
enum { TMSG_PAD_REQUEST = 1, TMSG_PAD_REPLY = 2, TMSG_PAD_LEN = 9 };
struct tmsg_pad {
	uint8_t flags;
	uint64_t id;
};
bool tmsg_pad_parse(const uint8_t *payload, size_t len, struct tmsg_pad *ret);
/* Writes TMSG_PAD_LEN bytes. */
void tmsg_pad_write(uint8_t *dst, const struct tmsg_pad *pad);

/* --- HELLO / WELCOME / REFUSE --- */

enum tmsg_hs { TMSG_HELLO = 1, TMSG_WELCOME = 2, TMSG_REFUSE = 3 };

enum tmsg_aead { TMSG_AEAD_NONE = 0, TMSG_AEAD_AES_256_GCM = 1, TMSG_AEAD_CHACHA20_POLY1305 = 2 };

/* What one side may send only to one that says so. */
enum { TMSG_CAP_BUNDLE = 1 };

enum { TMSG_FLAG_ENDPOINT = 1 }; /* the client is a tap only: no hosts behind it */

struct tmsg_hello {
	uint16_t protocol;
	uint32_t receiver;  /* the sender's receiver id: the other side writes it into its data packets; never 0 */
	uint32_t previous;  /* of the session this one replaces by rekey; 0 = none */
	uint32_t flags;     /* TMSG_FLAG_* */
	uint32_t caps;      /* TMSG_CAP_*: what the sender understands */
	uint8_t aeads[TMSG_MAX_AEADS]; /* HELLO: what the client can, best first; WELCOME: [0] is the choice */
	uint8_t n_aeads;
	char software[TMSG_SOFTWARE_MAX + 1]; /* printable ASCII only after parsing */
};

enum tmsg_reason {
	TMSG_REASON_NONE = 0,
	TMSG_REASON_VERSION = 1,    /* no common protocol version */
	TMSG_REASON_AEAD = 2,       /* no common AEAD */
	TMSG_REASON_DISABLED = 3,   /* the peer is disabled in the configuration */
	TMSG_REASON_FULL = 4,       /* no room for another peer, or no address left */
	TMSG_REASON_DUPLICATE = 5,  /* the name is connected already and may not be replaced */
	TMSG_REASON_REPLACED = 6,   /* BYE: the same name connected from elsewhere */
	TMSG_REASON_SHUTDOWN = 7,   /* BYE: the sender is going down */
	TMSG_REASON_KICKED = 8,     /* BYE: an administrator ended the session */
	TMSG_REASON_EXPIRED = 9,    /* BYE: the certificate is no longer valid */
	TMSG_REASON_REVOKED = 10,   /* BYE: the certificate was revoked */
	TMSG_REASON_PROTOCOL = 11,  /* the other side broke the protocol */
	TMSG_REASON_NAME = 12,      /* the certificate's name cannot be a peer's name */
	TMSG_REASON_UNTRUSTED = 13, /* BYE: the certificate is not, or not by that name, believed any more */
	TMSG_REASON_LOOP = 14,      /* the way between the two leads through the tunnel itself */
	TMSG_REASON_MAX
};
/* A few words for people; "reason N" territory is "unknown reason"; never NULL. */
const char *tmsg_reason_text(unsigned reason);

struct tmsg_refuse {
	uint16_t reason;
	char text[TMSG_TEXT_MAX + 1]; /* may be empty; printable ASCII only after parsing (others become '?') */
};

/* The type of a handshake message; 0 when empty. */
unsigned tmsg_hs_type(const uint8_t *msg, size_t len);
/* HELLO and WELCOME share a layout; 'type' says which is expected / written. */
bool tmsg_hello_parse(enum tmsg_hs type, const uint8_t *msg, size_t len, struct tmsg_hello *ret);
/* Bytes written, 0 when cap is too small or a value is out of range. */
size_t tmsg_hello_write(enum tmsg_hs type, const struct tmsg_hello *h, uint8_t *buf, size_t cap);
bool tmsg_refuse_parse(const uint8_t *msg, size_t len, struct tmsg_refuse *ret);
size_t tmsg_refuse_write(const struct tmsg_refuse *r, uint8_t *buf, size_t cap);

/* --- CONTROL: {u32 id, u8 type, TLVs} --- */

enum tmsg_control_type { TMSG_ACK = 0, TMSG_PUSH = 1, TMSG_BYE = 2 };

/* What a server tells a client to set up. */
struct tmsg_push {
	struct ipprefix addrs[TMSG_MAX_ADDRS]; /* for the client's tap */
	uint8_t n_addrs;
	uint16_t mtu;         /* overlay MTU of the tap; 0 = not told */
	bool multicast_route; /* route 224.0.0.0/4 and ff00::/8 into the tap */
	nsec_t keepalive;     /* sent in ms; 0 = not told */
	nsec_t rekey;         /* how long keys serve at most; sent in ms; 0 = not told */
	struct ipprefix routes[TMSG_MAX_ROUTES]; /* that lead into the tap */
	uint8_t n_routes;
	struct ipaddr gateways[2];  /* by which they do, IPv4 and IPv6; IPADDR_ANY = not told */
	struct ipaddr dns[TMSG_MAX_DNS]; /* name servers */
	uint8_t n_dns;
	char domains[TMSG_DOMAINS_MAX + 1]; /* that they are for; "~corp.example": only to be routed there */
};

struct tmsg_control {
	uint32_t id;
	uint8_t type; /* enum tmsg_control_type, or unknown */
	struct tmsg_push push;     /* TMSG_PUSH */
	struct tmsg_refuse bye;    /* TMSG_BYE: reason and text */
};

/* 'payload' is what follows the kind byte.  An unknown type parses (so that it can be acknowledged); *ret holds id and
 * type then. */
bool tmsg_control_parse(const uint8_t *payload, size_t len, struct tmsg_control *ret);
size_t tmsg_control_write(const struct tmsg_control *c, uint8_t *buf, size_t cap);

#endif
