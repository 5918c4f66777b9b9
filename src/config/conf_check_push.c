/* Checks of what peers are told: routes, name servers. */
#include "conf_check.h"

#include <string.h>

#include "conf_schema.h"
#include "conf_value.h"

/* --- routes ----------------------------------------------------------------------------------------------------------
 */

/* Why no route can lead there, or NULL. */
static const char *
not_a_route(const struct ipprefix *p)
{
	if (ipaddr_is_multicast(&p->addr))
		return "a multicast network (allowed there: multicast-route)";
	return conf_host_bits_are(p, 0) ? NULL : "an address in a network, not a network";
}

/* The way there is the tap of the server. */
static bool
has_gateway(const struct conf_tap *tap, const struct ipprefix *p)
{
	for (size_t i = 0; i < tap->address.n; i++)
		if (ipaddr_is_v4(&tap->address.v[i].addr) == ipaddr_is_v4(&p->addr))
			return true;
	return false;
}

static void
check_routes(const struct conf_server *c, const struct conf_peer *peer, const struct conf_scan *s, size_t block,
	     struct conf_errors *e)
{
	char buf[IPADDR_STRLEN];

	/* What a peer has from peers is looked at there. */
	if (!conf_scan_has(s, block, "routes"))
		return;
	for (size_t i = 0; i < peer->routes.n; i++) {
		const struct ipprefix *p = &peer->routes.v[i];
		const unsigned line = conf_scan_value_line(s, block, "routes", i);
		const char *text = ipaddr_str(&p->addr, buf), *why = not_a_route(p);

		if (why)
			conf_errors_add(e, line, "routes: %s/%u is %s", text, p->len, why);
		else if (!has_gateway(&c->tap, p))
			conf_errors_add(e, line, "routes: the tap has no IPv%c address that leads to %s/%u",
					ipaddr_is_v4(&p->addr) ? '4' : '6', text, p->len);
	}
}

/* --- name servers ----------------------------------------------------------------------------------------------------
 */

static void
check_dns(const struct conf_peer *peer, const struct conf_scan *s, size_t block, struct conf_errors *e)
{
	char buf[IPADDR_STRLEN];

	if (!conf_scan_has(s, block, "dns"))
		return;
	for (size_t i = 0; i < peer->dns.n; i++)
		if (ipaddr_is_multicast(&peer->dns.v[i]) || ipaddr_is_unspecified(&peer->dns.v[i]))
			conf_errors_add(e, conf_scan_value_line(s, block, "dns", i),
					"dns: %s cannot be a name server's (allowed: a unicast address)",
					ipaddr_str(&peer->dns.v[i], buf));
}

/* Also one of the two may come from peers. */
static void
check_domains(const struct conf_peer *peer, const struct conf_scan *s, size_t block, struct conf_errors *e)
{
	const unsigned line = conf_scan_line(s, block, "dns-domains");
	size_t bytes = 0;

	if (peer->dns_domains.n == 0 || (!conf_scan_has(s, block, "dns-domains") && !conf_scan_has(s, block, "dns")))
		return;
	for (size_t i = 0; i < peer->dns_domains.n; i++)
		bytes += (i > 0) + strlen(peer->dns_domains.v[i]);
	if (bytes > CONF_DOMAINS_BYTES_MAX)
		conf_errors_add(e, line, "dns-domains: %zu bytes with the spaces between them (allowed: 0 to %d)",
				bytes, CONF_DOMAINS_BYTES_MAX);
	if (peer->dns.n == 0)
		conf_errors_add(e, line, "dns-domains: without dns");
}

static void
check_push(const struct conf_server *c, const struct conf_peer *peer, const struct conf_scan *s, size_t block,
	   struct conf_errors *e)
{
	check_routes(c, peer, s, block, e);
	check_dns(peer, s, block, e);
	check_domains(peer, s, block, e);
}

void
conf_check_push(const struct conf_server *c, const struct conf_scan *s, struct conf_errors *e)
{
	check_push(c, &c->peers_default, s, conf_scan_find(s, CONF_BLOCK_PEERS), e);
	for (size_t i = 0; i < c->n_peers; i++)
		check_push(c, &c->peer[i], s, s->of_kind[CONF_BLOCK_PEER][i], e);
}
