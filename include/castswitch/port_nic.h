/* An Ethernet interface as a port of the switch: what hosts behind it send comes in, what the switch decides goes out
 * to them.
 *
 * The port is up while the interface is there, up and with carrier: port_nic_link() follows what link_watch tells. */
#ifndef CASTSWITCH_PORT_NIC_H
#define CASTSWITCH_PORT_NIC_H

#include "castswitch/link_watch.h"
#include "castswitch/mono.h"
#include "castswitch/nic.h"
#include "castswitch/switch.h"

struct port_nic;

/* Adds a port for 'nic' (which must outlive it) with these params, down.  NULL with *ret_err as switch_port_add(). */
struct port_nic *port_nic_new(struct sw *sw, struct nic *nic, const struct sw_port_params *params, struct mono now,
			      int *ret_err);
/* Removes the port; the nic stays as it is.  NULL is fine. */
void port_nic_free(struct port_nic *p, struct mono now);

struct sw_port *port_nic_port(const struct port_nic *p);

/* Takes the interface when it came, leaves it when it is gone, and sets the port up and down (which flushes it).
 * 0, or -errno when the interface can't be taken (nic_attach()): the port then stays down until another one comes. */
int port_nic_link(struct port_nic *p, enum link_event event, const struct link_info *info, struct mono now);

/* Reads one batch and switches it, all of it: superframes become many frames.  Their number. */
unsigned port_nic_read(struct port_nic *p, struct mono now);

#endif
