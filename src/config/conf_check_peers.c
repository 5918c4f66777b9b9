/* Checks of what peers are given: addresses of their own, the pool, fingerprints. */
#include "conf_check.h"

#include <stdlib.h>
#include <string.h>

#include "conf_schema.h"
#include "conf_value.h"

/* --- addresses -------------------------------------------------------------------------------------------------------
 */

/* The tap's network that holds the address; *ret_family tells whether it has one of that family at all. */
static const struct ipprefix *
tap_network(const struct conf_tap *tap, const struct ipaddr *a, bool *ret_family)
{
	*ret_family = false;
	for (size_t i = 0; i < tap->address.n; i++) {
		const struct ipprefix *p = &tap->address.v[i];

		if (ipprefix_contains(p, a))
			return p;
		if (ipaddr_is_v4(&p->addr) == ipaddr_is_v4(a))
			*ret_family = true;
	}
	return NULL;
}

static bool
is_tap_address(const struct conf_tap *tap, const struct ipaddr *a)
{
	for (size_t i = 0; i < tap->address.n; i++)
		if (ipaddr_equal(&tap->address.v[i].addr, a))
			return true;
	return false;
}

/* One address of a peer: gets its length from the tap's network and must be a host in it. */
static void
check_peer_address(const struct conf_tap *tap, struct ipprefix *p, unsigned line, struct conf_errors *e)
{
	bool family;
	const struct ipprefix *net = tap_network(tap, &p->addr, &family);
	char buf[IPADDR_STRLEN];
	const char *text = ipaddr_str(&p->addr, buf), *why;

	if (net && p->len == CONF_NO_LENGTH)
		p->len = net->len;
	if (family && !net)
		conf_errors_add(e, line, "address: %s is in no network of the tap (allowed: an address in one)", text);
	else if (p->len == CONF_NO_LENGTH)
		conf_errors_add(e, line,
				"address: %s needs a prefix length, the tap has no IPv%c network (allowed: %s/%u)",
				text, ipaddr_is_v4(&p->addr) ? '4' : '6', text, ipaddr_is_v4(&p->addr) ? 24 : 64);
	else if ((why = conf_not_a_host(p)))
		conf_errors_add(e, line, "address: %s/%u is %s", text, p->len, why);
	else if (is_tap_address(tap, &p->addr))
		conf_errors_add(e, line, "address: %s is the tap's own", text);
}

/* --- the pool --------------------------------------------------------------------------------------------------------
 */

/* The shorter of two prefixes holds the longer one, or they have nothing in common. */
static bool
overlap(const struct ipprefix *a, const struct ipprefix *b)
{
	if (ipaddr_is_v4(&a->addr) != ipaddr_is_v4(&b->addr))
		return false;
	return a->len < b->len ? ipprefix_contains(a, &b->addr) : ipprefix_contains(b, &a->addr);
}

/* Whether the prefix lies in a network of the tap, or there is none of its family. */
static bool
in_tap_network(const struct conf_tap *tap, const struct ipprefix *p)
{
	bool family = false;

	for (size_t i = 0; i < tap->address.n; i++) {
		const struct ipprefix *net = &tap->address.v[i];

		if (ipaddr_is_v4(&net->addr) != ipaddr_is_v4(&p->addr))
			continue;
		family = true;
		if (net->len <= p->len && ipprefix_contains(net, &p->addr))
			return true;
	}
	return !family;
}

/* Why no peer can have an address of this prefix, or NULL. */
static const char *
not_a_pool(const struct ipprefix *p)
{
	if (ipaddr_is_multicast(&p->addr))
		return "a multicast network";
	if (ipaddr_is_unspecified(&p->addr))
		return "the unspecified network";
	/* Without the network and the broadcast or subnet-router address (RFC 4291 2.6.1). */
	if (p->len > (ipaddr_is_v4(&p->addr) ? 30 : 127))
		return "too small, it has no address for a peer";
	return conf_host_bits_are(p, 0) ? NULL : "an address in a network, not a network";
}

static void
check_pool(const struct conf_server *c, const struct conf_scan *s, struct conf_errors *e)
{
	const size_t block = conf_scan_find(s, CONF_BLOCK_PEERS);
	char buf[IPADDR_STRLEN], other[IPADDR_STRLEN];

	for (size_t i = 0; i < c->pool.n; i++) {
		const struct ipprefix *p = &c->pool.v[i];
		const unsigned line = conf_scan_value_line(s, block, "pool", i);
		const char *text = ipaddr_str(&p->addr, buf), *why = not_a_pool(p);

		if (why) {
			conf_errors_add(e, line, "pool: %s/%u is %s", text, p->len, why);
			continue;
		}
		if (!in_tap_network(&c->tap, p))
			conf_errors_add(e, line,
					"pool: %s/%u is in no network of the tap (allowed: a network inside of one)",
					text, p->len);
		for (size_t k = 0; k < i; k++)
			if (overlap(p, &c->pool.v[k]))
				conf_errors_add(e, line, "pool: %s/%u overlaps %s/%u", text, p->len,
						ipaddr_str(&c->pool.v[k].addr, other), c->pool.v[k].len);
	}
}

/* --- what only one peer may have -------------------------------------------------------------------------------------
 */

/* One address or fingerprint of a peer, and where it was given. */
struct given {
	const void *value;
	const char *peer;
	unsigned line;
};

static int
by_line(const struct given *a, const struct given *b)
{
	return (a->line > b->line) - (a->line < b->line);
}

static int
by_address(const void *va, const void *vb)
{
	const struct given *a = va, *b = vb;
	const int d = ipaddr_cmp(a->value, b->value);

	return d ? d : by_line(a, b);
}

static int
by_fingerprint(const void *va, const void *vb)
{
	const struct given *a = va, *b = vb;
	const int d = memcmp(a->value, b->value, CONF_FINGERPRINT_LEN);

	return d ? d : by_line(a, b);
}

/* Fills in all addresses of all peers, or only counts them when v is NULL. */
static size_t
list_addresses(const struct conf_server *c, const struct conf_scan *s, struct given *v)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_peers; i++)
		for (size_t k = 0; k < c->peer[i].address.n; k++, n++)
			if (v)
				v[n] = (struct given){ &c->peer[i].address.v[k].addr, c->peer[i].name,
						       conf_scan_value_line(s, s->of_kind[CONF_BLOCK_PEER][i],
									    "address", k) };
	return n;
}

static void
check_addresses_unique(const struct conf_server *c, const struct conf_scan *s, struct conf_errors *e)
{
	const size_t n = list_addresses(c, s, NULL);
	struct given *v = calloc(n + 1, sizeof(*v));
	char buf[IPADDR_STRLEN];

	if (!v) {
		e->oom = true;
		return;
	}
	list_addresses(c, s, v);
	qsort(v, n, sizeof(v[0]), by_address);
	for (size_t i = 1; i < n; i++)
		if (ipaddr_equal(v[i].value, v[i - 1].value))
			conf_errors_add(e, v[i].line, "address: %s belongs to peer \"%s\" already (line %u)",
					ipaddr_str(v[i].value, buf), v[i - 1].peer, v[i - 1].line);
	free(v);
}

static void
check_fingerprints_unique(const struct conf_server *c, const struct conf_scan *s, struct conf_errors *e)
{
	struct given *v = calloc(c->n_peers + 1, sizeof(*v));
	size_t n = 0;

	if (!v) {
		e->oom = true;
		return;
	}
	for (size_t i = 0; i < c->n_peers; i++)
		if (c->peer[i].has_fingerprint)
			v[n++] = (struct given){ c->peer[i].fingerprint, c->peer[i].name,
						 conf_scan_line(s, s->of_kind[CONF_BLOCK_PEER][i], "fingerprint") };
	qsort(v, n, sizeof(v[0]), by_fingerprint);
	for (size_t i = 1; i < n; i++)
		if (memcmp(v[i].value, v[i - 1].value, CONF_FINGERPRINT_LEN) == 0)
			conf_errors_add(e, v[i].line, "fingerprint: belongs to peer \"%s\" already (line %u)",
					v[i - 1].peer, v[i - 1].line);
	free(v);
}

void
conf_check_peers(struct conf_server *c, const struct conf_scan *s, struct conf_errors *e)
{
	for (size_t i = 0; i < c->n_peers; i++) {
		struct conf_peer *p = &c->peer[i];

		for (size_t k = 0; k < p->address.n; k++)
			check_peer_address(&c->tap, &p->address.v[k],
					   conf_scan_value_line(s, s->of_kind[CONF_BLOCK_PEER][i], "address", k), e);
	}
	check_pool(c, s, e);
	check_addresses_unique(c, s, e);
	check_fingerprints_unique(c, s, e);
}
