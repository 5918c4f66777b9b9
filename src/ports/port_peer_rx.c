/* The way of received datagrams into the switch.
 *
 * Frames of consecutive packets of one session are collected and switched together.  What is collected is handed over
 * before any other session or handshake is touched, because those may end sessions; and it is dropped when the session
 * itself ended by a packet of the same run (BYE), since its port is gone then.
 *
 * Handshake datagrams wait until the data packets of their batch are through.  They are picked out beforehand, by their
 * place in the batch: the switch may write into datagrams, so nobody looks at the first byte of one twice.
 */
#include "castswitch/port_peer.h"

#include "castswitch/tmsg.h"

struct run {
	const struct port_peer_rx *rx;
	struct session *session; /* of the collected frames; NULL = none */
	struct frame frames[SW_BATCH];
	size_t n;
	struct mono now;
};

/* Hands over what is collected; those of an ended session are dropped. */
static void
run_switch(struct run *r)
{
	struct port_peer *p = session_owner(r->session);
	if (p && r->n)
		switch_rx(r->rx->sw, port_peer_port(p), r->frames, r->n, r->now);
	r->n = 0;
}

static void
run_end(struct run *r)
{
	struct session *s = r->session;
	if (!s)
		return;
	run_switch(r);
	if (r->rx->touched)
		r->rx->touched(r->rx->arg, s);
	r->session = NULL;
}

static void
run_frame(struct run *r, uint8_t *frame, size_t len)
{
	if (r->n == SW_BATCH)
		run_switch(r);
	const struct port_peer *p = session_owner(r->session);
	if (p)
		port_peer_clamp(p, frame, len);
	r->frames[r->n++] = (struct frame){ .data = frame, .len = (uint32_t)len };
}

static void
run_data(struct run *r, struct udp_dgram *d)
{
	const struct session_input in = {
		.from = &d->path, .data = d->data, .len = d->len, .room = d->room, .tos = d->tos
	};
	struct tmsg_data hdr;
	uint8_t *frame;
	size_t len;
	if (!tmsg_data_parse(d->data, d->len, &hdr)) {
		r->rx->drop(r->rx->arg, DROP_SHORT_DATAGRAM);
		return;
	}
	if (!r->session || session_local_id(r->session) != hdr.receiver) {
		run_end(r);
		r->session = r->rx->find(r->rx->arg, hdr.receiver);
	}
	if (!r->session || session_state(r->session) == SESSION_CLOSED) {
		r->rx->drop(r->rx->arg, DROP_UNKNOWN_RECEIVER);
		return;
	}
	if (session_receive(r->session, &in, r->now, &frame, &len) != DROP_NONE || !frame)
		return;
	do
		run_frame(r, frame, len);
	while (session_next_frame(r->session, &frame, &len));
}

/* Handshake datagrams of a batch, which wait. */
struct waiting {
	struct {
		const struct path *from;
		const uint8_t *dgram;
		size_t len;
	} v[PORT_PEER_RX_HANDSHAKES];
	size_t n;
};

static void
wait_handshake(struct waiting *w, const struct port_peer_rx *rx, const struct udp_dgram *d)
{
	const uint8_t *dgram = d->data;
	size_t len = d->len;
	bool good = rx->unwrap ? rx->unwrap(rx->arg, &dgram, &len) : tmsg_classify(dgram, len) == TMSG_CLASS_DTLS;
	if (!good || w->n == PORT_PEER_RX_HANDSHAKES) {
		rx->drop(rx->arg, good ? DROP_HANDSHAKE_LIMIT : DROP_ACCESS_KEY);
		return;
	}
	w->v[w->n].from = &d->path;
	w->v[w->n].dgram = dgram;
	w->v[w->n++].len = len;
}

void
port_peer_receive(const struct port_peer_rx *rx, struct udp_dgram *dgrams, size_t n, struct mono now)
{
	struct run r = { .rx = rx, .now = now };
	struct waiting handshakes = { .n = 0 };
	for (size_t i = 0; i < n; i++) {
		switch (tmsg_classify(dgrams[i].data, dgrams[i].len)) {
		case TMSG_CLASS_DATA:
			run_data(&r, &dgrams[i]);
			break;
		case TMSG_CLASS_DTLS:
		case TMSG_CLASS_ACCESS:
			wait_handshake(&handshakes, rx, &dgrams[i]);
			break;
		case TMSG_CLASS_UNKNOWN:
			rx->drop(rx->arg, DROP_UNKNOWN_DATAGRAM);
			break;
		}
	}
	run_end(&r);
	for (size_t i = 0; i < handshakes.n; i++)
		rx->handshake(rx->arg, handshakes.v[i].from, handshakes.v[i].dgram, handshakes.v[i].len, now);
}
