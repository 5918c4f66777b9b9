/* castswitch: what the server pushed, applied to the tap and taken back. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client.h"

static const char *
prefix_str(const struct ipprefix *p, char *buf, size_t len)
{
	char addr[IPADDR_STRLEN];
	snprintf(buf, len, "%s/%u", ipaddr_str(&p->addr, addr), p->len);
	return buf;
}

static bool
prefix_in(const struct ipprefix *list, size_t n, const struct ipprefix *p)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].len == p->len && ipaddr_equal(&list[i].addr, &p->addr))
			return true;
	return false;
}

/* --- addresses --- */

static void
client_drop_addrs(struct client *c, const struct ipprefix *keep, size_t n_keep)
{
	struct client_net *net = &c->net;
	unsigned n = 0;
	for (unsigned i = 0; i < net->n_addrs; i++) {
		if (prefix_in(keep, n_keep, &net->addrs[i]))
			net->addrs[n++] = net->addrs[i];
		else if (link_addr_del(c->tap.link, tap_ifindex(c->tap.tap), &net->addrs[i]) != 0)
			log_warning("net", "%s", link_error(c->tap.link));
	}
	net->n_addrs = n;
}

static void
client_add_addr(struct client *c, const struct ipprefix *p)
{
	struct client_net *net = &c->net;
	char buf[IPADDR_STRLEN + 8];
	if (net->n_addrs == TMSG_MAX_ADDRS || prefix_in(net->addrs, net->n_addrs, p))
		return;
	int r = link_addr_add(c->tap.link, tap_ifindex(c->tap.tap), p);
	if (r == -EEXIST)
		return;
	if (r != 0) {
		log_warning("net", "%s", link_error(c->tap.link));
		return;
	}
	net->addrs[net->n_addrs++] = *p;
	log_info("net", "%s: address %s", tap_name(c->tap.tap), prefix_str(p, buf, sizeof(buf)));
}

/* --- the multicast routes --- */

static void
client_set_route(struct client *c, const struct ipprefix *dst, bool want, bool *have)
{
	unsigned ifindex = tap_ifindex(c->tap.tap);
	if (want == *have)
		return;
	int r = want ? link_route_add(c->tap.link, dst, ifindex, NULL, 0)
		     : link_route_del(c->tap.link, dst, ifindex, NULL, 0);
	if (r != 0)
		log_warning("net", "%s", link_error(c->tap.link));
	*have = want && r == 0;
}

static void
client_set_routes(struct client *c, bool want)
{
	const struct ipprefix v4 = { .addr = ipaddr_v4_u32(0xe0000000), .len = 4 };
	const struct ipprefix v6 = { .addr = { { 0xff } }, .len = 8 };
	client_set_route(c, &v4, want, &c->net.route4);
	client_set_route(c, &v6, want, &c->net.route6);
}

/* --- all of it --- */

/* What was pushed, or the profile's. */
static void
client_set_mtu(struct client *c, uint32_t mtu)
{
	if (mtu == c->tap.mtu)
		return;
	if (link_set_mtu(c->tap.link, tap_ifindex(c->tap.tap), mtu) != 0)
		log_warning("net", "%s", link_error(c->tap.link));
	else
		c->tap.mtu = mtu;
}

/* Whether every address that was added is still wanted. */
static bool
client_keeps_addrs(const struct client *c, const struct ipprefix *addrs, size_t n)
{
	for (unsigned i = 0; i < c->net.n_addrs; i++)
		if (!prefix_in(addrs, n, &c->net.addrs[i]))
			return false;
	return true;
}

/* Old addresses go before new ones come: of one network the later is the secondary and goes with the first.  With the
 * last address the kernel removes the interface's routes, so ours are taken back before and set again behind. */
static void
client_set_addrs(struct client *c, const struct ipprefix *addrs, size_t n)
{
	if (!client_keeps_addrs(c, addrs, n)) {
		client_set_routes(c, false);
		client_routes_drop(c);
		client_drop_addrs(c, addrs, n);
	}
	for (size_t i = 0; i < n; i++)
		client_add_addr(c, &addrs[i]);
}

void
client_net_apply(struct client *c)
{
	const struct conf_pull *pull = &c->conf->pull;
	const struct tmsg_push *push = &c->net.push;
	client_set_mtu(c, pull->mtu && push->mtu ? push->mtu : c->conf->sw.mtu);
	client_set_addrs(c, push->addrs, pull->address ? push->n_addrs : 0);
	client_set_routes(c, pull->multicast_route && push->multicast_route);
	client_routes_apply(c);
	client_dns_apply(c);
}

void
client_net_pushed(struct client *c, const struct tmsg_push *push, const struct ipaddr *server)
{
	c->net.push = *push;
	c->net.server = *server;
	client_way_settle(c, server);
	client_net_apply(c);
}

void
client_net_undo(struct client *c)
{
	if (!c->tap.tap)
		return;
	client_dns_undo(c);
	client_routes_drop(c);
	client_way_clean(c);
	client_set_routes(c, false);
	client_drop_addrs(c, NULL, 0);
}
