/* The tap as a port of the switch. */
#include "castswitch/port_tap.h"

#include <errno.h>
#include <stdlib.h>

struct port_tap {
	struct sw *sw;
	struct tap *tap;
	struct sw_port *port;
};

static void
port_tap_tx(void *arg, const struct sw_tx *items, size_t n, struct mono now)
{
	struct port_tap *p = arg;
	(void)now;
	for (size_t i = 0; i < n; i++)
		tap_send(p->tap, items[i].frame);
}

struct port_tap *
port_tap_new(struct sw *sw, struct tap *tap, const struct sw_port_params *params, struct mono now, int *ret_err)
{
	static const struct sw_port_ops ops = { .tx = port_tap_tx };
	struct port_tap *p = calloc(1, sizeof(*p));
	if (!p) {
		*ret_err = ENOMEM;
		return NULL;
	}
	p->sw = sw;
	p->tap = tap;
	p->port = switch_port_add(sw, params, &ops, p, now, ret_err);
	if (!p->port) {
		free(p);
		return NULL;
	}
	return p;
}

void
port_tap_free(struct port_tap *p, struct mono now)
{
	if (!p)
		return;
	switch_port_del(p->sw, p->port, now);
	free(p);
}

struct sw_port *
port_tap_port(const struct port_tap *p)
{
	return p->port;
}

int
port_tap_read(struct port_tap *p, struct mono now)
{
	struct frame *frames;
	int n = tap_recv(p->tap, &frames);
	if (n > 0)
		switch_rx(p->sw, p->port, frames, (size_t)n, now);
	return n;
}
