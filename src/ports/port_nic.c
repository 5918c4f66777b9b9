/* An Ethernet interface as a port of the switch. */
#include "castswitch/port_nic.h"

#include <errno.h>
#include <stdlib.h>

struct port_nic {
	struct sw *sw;
	struct nic *nic;
	struct sw_port *port;
};

_Static_assert((int)NIC_BATCH <= (int)SW_BATCH, "one nic_recv() fits one switch_rx()");

static void
port_nic_tx(void *arg, const struct sw_tx *items, size_t n, struct mono now)
{
	struct port_nic *p = arg;

	(void)now;
	for (size_t i = 0; i < n; i++)
		nic_send(p->nic, items[i].frame, items[i].dst);
	nic_flush(p->nic);
}

struct port_nic *
port_nic_new(struct sw *sw, struct nic *nic, const struct sw_port_params *params, struct mono now, int *ret_err)
{
	static const struct sw_port_ops ops = { .tx = port_nic_tx };
	struct port_nic *p = calloc(1, sizeof(*p));

	if (!p) {
		*ret_err = ENOMEM;
		return NULL;
	}
	p->sw = sw;
	p->nic = nic;
	p->port = switch_port_add(sw, params, &ops, p, now, ret_err);
	if (!p->port) {
		free(p);
		return NULL;
	}
	return p;
}

void
port_nic_free(struct port_nic *p, struct mono now)
{
	if (!p)
		return;
	switch_port_del(p->sw, p->port, now);
	free(p);
}

struct sw_port *
port_nic_port(const struct port_nic *p)
{
	return p->port;
}

int
port_nic_link(struct port_nic *p, enum link_event event, const struct link_info *info, struct mono now)
{
	switch (event) {
	case LINK_CAME:
		return nic_attach(p->nic, info->ifindex);
	case LINK_UP:
		if (nic_ifindex(p->nic) != 0)
			switch_port_set_up(p->sw, p->port, true, now);
		break;
	case LINK_DOWN:
		switch_port_set_up(p->sw, p->port, false, now);
		break;
	case LINK_GONE:
		nic_detach(p->nic);
		break;
	case LINK_CHANGED:
		break;
	}
	return 0;
}

unsigned
port_nic_read(struct port_nic *p, struct mono now)
{
	unsigned total = 0;

	do {
		struct frame *frames;
		const int n = nic_recv(p->nic, &frames);

		if (n > 0)
			switch_rx(p->sw, p->port, frames, (size_t)n, now);
		total += (unsigned)n;
	} while (nic_pending(p->nic));
	return total;
}
