/* The tap as a port of the switch: what the host sends comes in, what the switch decides goes to the host. */
#ifndef CASTSWITCH_PORT_TAP_H
#define CASTSWITCH_PORT_TAP_H

#include "castswitch/mono.h"
#include "castswitch/switch.h"
#include "castswitch/tap.h"

struct port_tap;

/* Adds a port for 'tap' (which must outlive it) with these params, down.  NULL with *ret_err as switch_port_add(). */
struct port_tap *port_tap_new(struct sw *sw, struct tap *tap, const struct sw_port_params *params, struct mono now,
			      int *ret_err);
/* Removes the port; the tap stays.  NULL is fine. */
void port_tap_free(struct port_tap *p, struct mono now);

struct sw_port *port_tap_port(const struct port_tap *p);

/* Reads one batch and switches it.  The number of frames, or -errno when the interface is gone. */
int port_tap_read(struct port_tap *p, struct mono now);

#endif
