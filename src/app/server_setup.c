/* castswitchd: what is made from a configuration, at the start and at a reload: identity, pool, peers' addresses. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"

/* --- identity --- */

static struct identity_pin *
server_pins(const struct conf_server *conf, size_t *ret_n)
{
	struct identity_pin *pins = calloc(conf->n_peers + 1, sizeof(*pins));
	size_t n = 0;
	for (size_t i = 0; pins && i < conf->n_peers; i++) {
		if (!conf->peer[i].has_fingerprint)
			continue;
		pins[n].title = conf->peer[i].name;
		memcpy(pins[n++].sha256, conf->peer[i].fingerprint, IDENTITY_SHA256_LEN);
	}
	*ret_n = n;
	return pins;
}

bool
server_identity(const struct conf_server *conf, struct app_files *files, struct identity **ret_id,
		struct dtls_ctx **ret_dtls, char err[APP_ERROR_MAX])
{
	size_t n;
	struct identity *id = NULL;
	struct dtls_ctx *dtls = NULL;
	struct identity_pin *pins = server_pins(conf, &n);
	snprintf(err, APP_ERROR_MAX, "out of memory");
	if (pins)
		id = app_identity(&conf->identity, IDENTITY_SERVER, NULL, pins, n, files, err);
	if (id)
		dtls = dtls_ctx_new(id, err);
	free(pins);
	if (!dtls) {
		identity_free(id);
		return false;
	}
	*ret_id = id;
	*ret_dtls = dtls;
	return true;
}

/* --- addresses --- */

bool
server_pool(const struct conf_server *conf, const struct conf_tap *running, struct pool **ret)
{
	struct pool *p = NULL;
	if (conf->pool.n && !(p = pool_new(conf->pool.v, conf->pool.n)))
		return false;
	for (size_t i = 0; p && i < conf->tap.address.n; i++)
		pool_reserve(p, &conf->tap.address.v[i].addr);
	for (size_t i = 0; p && i < running->address.n; i++)
		pool_reserve(p, &running->address.v[i].addr);
	for (size_t i = 0; p && i < conf->n_peers; i++)
		for (size_t j = 0; j < conf->peer[i].address.n; j++)
			pool_reserve(p, &conf->peer[i].address.v[j].addr);
	*ret = p;
	return true;
}

/* A pool may be a part of the tap's network: what counts for a client is the network. */
static void
widen_to_tap(const struct conf_tap *tap, struct ipprefix *addr)
{
	for (size_t i = 0; i < tap->address.n; i++)
		if (ipprefix_contains(&tap->address.v[i], &addr->addr))
			addr->len = tap->address.v[i].len;
}

bool
server_give_addresses(struct server *s, struct server_peer *p)
{
	const struct conf_prefixes *own = &p->conf->address;
	p->n_addrs = 0;
	if (own->n || !s->pool) {
		if (s->pool)
			pool_release(s->pool, p->name);
		for (size_t i = 0; i < own->n && i < TMSG_MAX_ADDRS; i++)
			p->addrs[p->n_addrs++] = own->v[i];
		return true;
	}
	if (!pool_lease(s->pool, p->name, p->addrs, &p->n_addrs))
		return false;
	for (size_t i = 0; i < p->n_addrs; i++)
		widen_to_tap(&s->first->tap, &p->addrs[i]);
	return true;
}

/* --- routes and name servers --- */

/* The tap's address of a family: one in a network that the peer is in, if there is one. */
static struct ipaddr
gateway_for(const struct conf_prefixes *tap, const struct server_peer *p, bool v4)
{
	struct ipaddr any = IPADDR_ANY;
	for (size_t i = 0; i < tap->n; i++) {
		if (ipaddr_is_v4(&tap->v[i].addr) != v4)
			continue;
		for (size_t k = 0; k < p->n_addrs; k++)
			if (ipprefix_contains(&tap->v[i], &p->addrs[k].addr))
				return tap->v[i].addr;
		if (ipaddr_is_any(&any))
			any = tap->v[i].addr;
	}
	return any;
}

static void
push_dns(const struct conf_peer *conf, struct tmsg_push *push)
{
	char *to = push->domains;
	_Static_assert((int)CONF_DNS_MAX == (int)TMSG_MAX_DNS && (int)CONF_DOMAINS_BYTES_MAX == (int)TMSG_DOMAINS_MAX,
		       "as much as a push holds");
	for (size_t i = 0; i < conf->dns.n; i++)
		push->dns[push->n_dns++] = conf->dns.v[i];
	for (size_t i = 0; i < conf->dns_domains.n; i++)
		to += sprintf(to, "%s%s", i ? " " : "", conf->dns_domains.v[i]);
}

void
server_push_net(const struct server *s, const struct server_peer *p, struct tmsg_push *push)
{
	const struct conf_prefixes *routes = &p->conf->routes, *tap = &s->first->tap.address;
	_Static_assert((int)CONF_ROUTES_MAX == (int)TMSG_MAX_ROUTES, "as many as a push holds");
	push_dns(p->conf, push);
	for (size_t i = 0; i < routes->n; i++)
		push->routes[push->n_routes++] = routes->v[i];
	if (push->n_routes == 0)
		return;
	push->gateways[0] = gateway_for(tap, p, true);
	push->gateways[1] = gateway_for(tap, p, false);
}
