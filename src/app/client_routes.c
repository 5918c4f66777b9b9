/* castswitch: the routes that the server pushed.
 *
 * They lead into the tap, by the server's own address there.  One that covers the server itself would lead the tunnel
 * into the tunnel, so a host route to it comes first (client_way.c) and goes last.
 */
#include <stdio.h>

#include "client.h"

enum { ROUTE_STRLEN = 2 * IPADDR_STRLEN + 16 };

static const char *
route_str(const struct client_route *r, char buf[ROUTE_STRLEN])
{
	char dst[IPADDR_STRLEN], gateway[IPADDR_STRLEN];
	bool via = !ipaddr_is_any(&r->gateway);
	snprintf(buf, ROUTE_STRLEN, "%s/%u%s%s", ipaddr_str(&r->dst.addr, dst), r->dst.len, via ? " via " : "",
		 via ? ipaddr_str(&r->gateway, gateway) : "");
	return buf;
}

/* --- what is wanted --- */

struct wanted {
	struct client_route v[CLIENT_MAX_ROUTES];
	unsigned n;
};

static void
want(struct wanted *w, const struct ipaddr *addr, uint8_t len, const struct ipaddr *gateway)
{
	w->v[w->n++] = (struct client_route){ .dst = { .addr = *addr, .len = len }, .gateway = *gateway };
}

/* A default route is made of two halves: more specific than that of the underlay, which stays for the way to the server
 * and for afterwards. */
static void
want_default(struct wanted *w, const struct ipaddr *any, const struct ipaddr *gateway)
{
	struct ipaddr upper = *any;
	upper.b[ipaddr_is_v4(any) ? 12 : 0] = 0x80;
	want(w, any, 1, gateway);
	want(w, &upper, 1, gateway);
}

static void
want_route(struct client *c, struct wanted *w, const struct ipprefix *dst)
{
	bool v4 = ipaddr_is_v4(&dst->addr);
	const struct ipaddr *gateway = &c->net.push.gateways[!v4];
	char text[IPADDR_STRLEN];
	if (dst->len == 0)
		want_default(w, &dst->addr, gateway);
	else if (dst->len == (v4 ? 32 : 128) && ipaddr_equal(&dst->addr, &c->net.server))
		log_warning("net", "route %s/%u: left out, for that is the server itself", ipaddr_str(&dst->addr, text),
			    dst->len);
	else
		want(w, &dst->addr, dst->len, gateway);
}

static const struct client_route *
find(const struct client_route *list, unsigned n, const struct client_route *r)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i].dst.len == r->dst.len && ipaddr_equal(&list[i].dst.addr, &r->dst.addr) &&
		    ipaddr_equal(&list[i].gateway, &r->gateway))
			return &list[i];
	return NULL;
}

/* --- what there is --- */

bool
client_routes_cover(const struct client *c, const struct ipaddr *addr)
{
	for (unsigned i = 0; i < c->net.n_routes; i++)
		if (ipprefix_contains(&c->net.routes[i].dst, addr))
			return true;
	return false;
}

/* Without a gateway it is on the link. */
static const struct ipaddr *
gateway_of(const struct client_route *r)
{
	return ipaddr_is_any(&r->gateway) ? NULL : &r->gateway;
}

static void
drop_routes(struct client *c, const struct wanted *keep)
{
	struct client_net *net = &c->net;
	unsigned n = 0;
	for (unsigned i = 0; i < net->n_routes; i++) {
		const struct client_route *r = &net->routes[i];
		if (find(keep->v, keep->n, r))
			net->routes[n++] = *r;
		else if (link_route_del(c->tap.link, &r->dst, tap_ifindex(c->tap.tap), gateway_of(r), 0) != 0)
			log_warning("net", "%s", link_error(c->tap.link));
	}
	net->n_routes = n;
}

static void
add_route(struct client *c, const struct client_route *r)
{
	struct client_net *net = &c->net;
	char buf[ROUTE_STRLEN];
	if (find(net->routes, net->n_routes, r))
		return;
	if (ipprefix_contains(&r->dst, &net->server) && !client_way_keep(c, &net->server)) {
		log_warning("net", "route %s: left out, for the server would be behind it", route_str(r, buf));
		return;
	}
	if (link_route_add(c->tap.link, &r->dst, tap_ifindex(c->tap.tap), gateway_of(r), 0) != 0) {
		log_warning("net", "%s", link_error(c->tap.link));
		return;
	}
	net->routes[net->n_routes++] = *r;
	log_info("net", "%s: route %s", tap_name(c->tap.tap), route_str(r, buf));
}

void
client_routes_apply(struct client *c)
{
	const struct tmsg_push *push = &c->net.push;
	struct wanted w = { .n = 0 };
	for (unsigned i = 0; c->conf->pull.routes && i < push->n_routes; i++)
		want_route(c, &w, &push->routes[i]);
	drop_routes(c, &w);
	for (unsigned i = 0; i < w.n; i++)
		add_route(c, &w.v[i]);
	client_way_clean(c);
}

void
client_routes_drop(struct client *c)
{
	drop_routes(c, &(struct wanted){ .n = 0 });
}
