/* The interface of a DTLS connection during handshake and HELLO/WELCOME; crypto/ implements it, tunnel/ uses it.
 *
 * A struct sec lives from the first flight until the session is confirmed and is then destroyed: data packets do not
 * need it.  Datagrams go in one at a time and come out one at a time through 'output'.  Implementations read the
 * clock only where their library does (DTLS retransmission).
 */
#ifndef CASTSWITCH_SEC_H
#define CASTSWITCH_SEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "castswitch/ipaddr.h"
#include "castswitch/mono.h"

enum { SEC_NAME_MAX = 63, SEC_ERROR_MAX = 256 };

enum sec_status {
	SEC_PENDING, /* handshake under way */
	SEC_READY,   /* handshake complete, peer verified; read() may have messages */
	SEC_FAILED,  /* final; error() says why */
	SEC_CLOSED,  /* the other side closed it (close_notify or a fatal alert after the handshake) */
};

/* Who the other side is, from its verified certificate. */
struct sec_identity {
	char name[SEC_NAME_MAX + 1]; /* peer name (DESIGN section 7: CN, else first DNS SAN, or pin title) */
	char own_name[SEC_NAME_MAX + 1]; /* the same without any pin; "" when the certificate gives none */
	char issuer[256];            /* RFC 2253 text, may be cut */
	char serial[64];             /* hex, may be cut */
	uint8_t sha256[32];          /* of the DER certificate */
	uint8_t issuer_sha256[32];   /* of the issuer's DER name: compare by this, the text may be cut */
	bool pinned;                 /* believed for a pin, not for its chain */
	bool eku;                    /* its extended key usage names its role */
	int64_t not_after;           /* seconds since 1970, UTC */
};

struct sec;

struct sec_ops {
	/* Client: sends the first flight.  Server: not called. */
	enum sec_status (*start)(struct sec *s);
	/* Feeds one datagram. */
	enum sec_status (*input)(struct sec *s, const uint8_t *dgram, size_t len);
	/* Does the retransmissions that are due (early or late is fine). */
	enum sec_status (*tick)(struct sec *s, struct mono now);
	/* When tick is due next; MONO_NEVER when nothing is outstanding. */
	struct mono (*next)(const struct sec *s, struct mono now);
	/* Sends one application message as one record; false when not SEC_READY or too long. */
	bool (*write)(struct sec *s, const uint8_t *msg, size_t len);
	/* The next application message, copied to buf: its length, or 0 when there is none.  A message longer than
	 * cap is cut. */
	size_t (*read)(struct sec *s, uint8_t *buf, size_t cap);
	/* RFC 5705 exporter with a context; false when not SEC_READY. */
	bool (*keying)(struct sec *s, const char *label, const uint8_t *context, size_t context_len, uint8_t *out,
		       size_t out_len);
	/* Valid when SEC_READY, until destroy. */
	const struct sec_identity *(*peer)(const struct sec *s);
	/* One line for people: why it failed; "" when it has not. */
	const char *(*error)(const struct sec *s);
	/* Wipes and frees; sends nothing. */
	void (*destroy)(struct sec *s);
};

/* Implementations embed this as their first member. */
struct sec {
	const struct sec_ops *ops;
	/* Set by the owner before start/input: sends one datagram to the other side. */
	void (*output)(void *arg, const uint8_t *dgram, size_t len);
	void *arg;
};

/* A server's stateless front: answers ClientHellos with a cookie (HelloVerifyRequest) and keeps nothing until one
 * comes back.
 */
struct sec_listener;

struct sec_listener_ops {
	/* Feeds a datagram from an address without a handshake.  Answers go through l->output.  Returns a new struct
	 * sec, owned by the caller, when it was a ClientHello with a valid cookie for path->remote; the ClientHello
	 * has been consumed: set output and arg and then call ops->tick once to send the server's first flight.  Else
	 * NULL. */
	struct sec *(*input)(struct sec_listener *l, const struct path *path, const uint8_t *dgram, size_t len,
			     struct mono now);
};

struct sec_listener {
	const struct sec_listener_ops *ops;
	/* Set by the owner: sends one datagram along the path it is an answer to. */
	void (*output)(void *arg, const struct path *path, const uint8_t *dgram, size_t len);
	void *arg;
};

#endif
