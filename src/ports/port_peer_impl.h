/* A peer's port inside, shared by port_peer.c and port_peer_tx.c. */
#ifndef CASTSWITCH_PORTS_PORT_PEER_IMPL_H
#define CASTSWITCH_PORTS_PORT_PEER_IMPL_H

#include "castswitch/port_peer.h"

struct port_peer {
	struct sw *sw;
	struct sw_port *port;
	struct session *session;
	struct udp *udp;
	void *owner;
	bool suspended;
	struct port_peer_policy policy;
};

/* The switch's egress; arg is the port. */
void port_peer_tx(void *arg, const struct sw_tx *items, size_t n, struct mono now);

#endif
