/* A tunnel session as a port of the switch. */
#include "castswitch/port_peer.h"

#include <errno.h>
#include <stdlib.h>

#include "port_peer_impl.h"

struct port_peer *
port_peer_new(struct sw *sw, const struct sw_port_params *params, struct mono now, int *ret_err)
{
	static const struct sw_port_ops ops = { .tx = port_peer_tx };
	struct port_peer *p = calloc(1, sizeof(*p));
	if (!p) {
		*ret_err = ENOMEM;
		return NULL;
	}
	p->sw = sw;
	p->policy = (struct port_peer_policy){ .tos_keep = 0xff, .clamp = true };
	p->port = switch_port_add(sw, params, &ops, p, now, ret_err);
	if (!p->port) {
		free(p);
		return NULL;
	}
	return p;
}

void
port_peer_attach(struct port_peer *p, struct session *s, struct udp *udp, struct mono now)
{
	/* A port that is suspended goes on, any other begins anew. */
	if (!p->suspended)
		port_peer_detach(p, now);
	p->suspended = false;
	p->session = s;
	p->udp = udp;
	session_set_owner(s, p);
	switch_port_set_up(p->sw, p->port, true, now);
}

void
port_peer_rekey(struct port_peer *p, struct session *s, struct udp *udp)
{
	p->session = s;
	p->udp = udp;
}

void
port_peer_set_udp(struct port_peer *p, struct udp *udp)
{
	if (p->session)
		p->udp = udp;
}

void
port_peer_set_policy(struct port_peer *p, const struct port_peer_policy *policy)
{
	p->policy = *policy;
}

void
port_peer_end(struct port_peer *p)
{
	if (p->session)
		session_set_owner(p->session, NULL);
	p->session = NULL;
	p->udp = NULL;
}

void
port_peer_detach(struct port_peer *p, struct mono now)
{
	port_peer_end(p);
	p->suspended = false;
	switch_port_set_up(p->sw, p->port, false, now);
}

void
port_peer_suspend(struct port_peer *p, struct mono now)
{
	port_peer_end(p);
	p->suspended = true;
	switch_port_suspend(p->sw, p->port, now);
}

void
port_peer_free(struct port_peer *p, struct mono now)
{
	if (!p)
		return;
	port_peer_detach(p, now);
	switch_port_del(p->sw, p->port, now);
	free(p);
}

struct sw_port *
port_peer_port(const struct port_peer *p)
{
	return p->port;
}

struct session *
port_peer_session(const struct port_peer *p)
{
	return p->session;
}

void
port_peer_set_owner(struct port_peer *p, void *owner)
{
	p->owner = owner;
}

void *
port_peer_owner(const struct port_peer *p)
{
	return p->owner;
}
