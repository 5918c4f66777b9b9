/* Checks across options. */
#include "conf_check.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "conf_schema.h"
#include "conf_value.h"

bool
conf_ifname_valid(const char *name)
{
	const size_t len = strlen(name);

	if (len == 0 || len > CONF_IFNAME_MAX || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("._-", name[i]))
			return false;
	return true;
}

/* --- addresses -------------------------------------------------------------------------------------------------------
 */

/* Whether all bits behind the prefix are 'bit'. */
static bool
host_bits_are(const struct ipprefix *p, unsigned bit)
{
	const unsigned skip = ipaddr_is_v4(&p->addr) ? 96 : 0;

	for (unsigned i = skip + p->len; i < 128; i++)
		if ((p->addr.b[i / 8] >> (7 - i % 8) & 1u) != bit)
			return false;
	return true;
}

/* Why the address cannot be a host's in its network, or NULL. */
static const char *
not_a_host(const struct ipprefix *p)
{
	if (ipaddr_is_multicast(&p->addr))
		return "a multicast address";
	if (ipaddr_is_unspecified(&p->addr))
		return "the unspecified address";
	if (!ipaddr_is_v4(&p->addr) || p->len > 30)
		return NULL;
	if (host_bits_are(p, 0))
		return "the address of its network, not of a host";
	return host_bits_are(p, 1) ? "the broadcast address of its network" : NULL;
}

static void
check_tap_address(const struct conf_prefixes *list, const struct conf_scan *s, size_t block, struct conf_errors *e)
{
	char buf[IPADDR_STRLEN];

	for (size_t i = 0; i < list->n; i++) {
		const char *why = not_a_host(&list->v[i]);

		if (why)
			conf_errors_add(e, conf_scan_value_line(s, block, "address", i), "address: %s/%u is %s",
					ipaddr_str(&list->v[i].addr, buf), list->v[i].len, why);
	}
}

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
	else if ((why = not_a_host(p)))
		conf_errors_add(e, line, "address: %s/%u is %s", text, p->len, why);
	else if (is_tap_address(tap, &p->addr))
		conf_errors_add(e, line, "address: %s is the tap's own", text);
}

/* --- peers -----------------------------------------------------------------------------------------------------------
 */

/* One address given to a peer, and where. */
struct given {
	const struct ipaddr *addr;
	const char *peer;
	unsigned line;
};

static int
by_address(const void *va, const void *vb)
{
	const struct given *a = va, *b = vb;
	int d = ipaddr_cmp(a->addr, b->addr);

	return d ? d : (a->line > b->line) - (a->line < b->line);
}

/* Fills in all addresses of all peers, or only counts them when v is NULL. */
static size_t
list_given(const struct conf_server *c, const struct conf_scan *s, const size_t *peer_block, struct given *v)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n_peers; i++)
		for (size_t k = 0; k < c->peer[i].address.n; k++, n++)
			if (v)
				v[n] = (struct given){ &c->peer[i].address.v[k].addr, c->peer[i].name,
						       conf_scan_value_line(s, peer_block[i], "address", k) };
	return n;
}

static void
check_unique(const struct conf_server *c, const struct conf_scan *s, const size_t *peer_block, struct conf_errors *e)
{
	const size_t n = list_given(c, s, peer_block, NULL);
	struct given *v = calloc(n + 1, sizeof(*v));
	char buf[IPADDR_STRLEN];

	if (!v) {
		e->oom = true;
		return;
	}
	list_given(c, s, peer_block, v);
	qsort(v, n, sizeof(v[0]), by_address);
	for (size_t i = 1; i < n; i++)
		if (ipaddr_equal(v[i].addr, v[i - 1].addr))
			conf_errors_add(e, v[i].line, "address: %s belongs to peer \"%s\" already (line %u)",
					ipaddr_str(v[i].addr, buf), v[i - 1].peer, v[i - 1].line);
	free(v);
}

static void
check_peers(struct conf_server *c, const struct conf_scan *s, const size_t *peer_block, struct conf_errors *e)
{
	for (size_t i = 0; i < c->n_peers; i++) {
		struct conf_peer *p = &c->peer[i];

		if (c->tap.present && strcmp(p->name, c->tap.name) == 0)
			conf_errors_add(e, s->blocks[peer_block[i]].line, "peer: \"%s\" is the name of the tap",
					p->name);
		for (size_t k = 0; k < p->address.n; k++)
			check_peer_address(&c->tap, &p->address.v[k],
					   conf_scan_value_line(s, peer_block[i], "address", k), e);
	}
	check_unique(c, s, peer_block, e);
}

/* --- blocks that both programs have ----------------------------------------------------------------------------------
 */

/* The codes of IGMPv1/v2 and MLDv1 say less than those of IGMPv3 and MLDv2 (RFC 2236 2.2: 255 tenths of a second; RFC
 * 2710 3.4: 65535 ms). */
static void
check_old_versions(const struct conf_snooping *n, const struct conf_scan *s, size_t block, struct conf_errors *e)
{
	const unsigned line = conf_scan_line(s, block, "query-response-interval");

	if (n->igmp && n->igmp_version < 3 && n->query_response_interval > 25500 * NSEC_PER_MSEC)
		conf_errors_add(e, line,
				"query-response-interval: too long for igmp-version %u (allowed: up to 25500ms)",
				n->igmp_version);
	if (n->mld && n->mld_version < 2 && n->query_response_interval > 65535 * NSEC_PER_MSEC)
		conf_errors_add(e, line,
				"query-response-interval: too long for mld-version %u (allowed: up to 65535ms)",
				n->mld_version);
}

/* A querier's address: unicast, and link-local for MLD (RFC 3810 5.1.14). */
static void
check_querier_address(const struct conf_snooping *n, const struct conf_scan *s, size_t block, struct conf_errors *e)
{
	char buf[IPADDR_STRLEN];
	bool had[2] = { false, false };

	for (size_t i = 0; i < n->querier_address.n; i++) {
		const struct ipaddr *a = &n->querier_address.v[i];
		const unsigned line = conf_scan_value_line(s, block, "querier-address", i);
		const bool v4 = ipaddr_is_v4(a);

		if (had[v4])
			conf_errors_add(e, line,
					"querier-address: a second IPv%c address (allowed: one of each family)",
					v4 ? '4' : '6');
		else if (v4 ? ipaddr_is_multicast(a) || ipaddr_is_unspecified(a) : !ipaddr_is_link_local(a))
			conf_errors_add(e, line, "querier-address: %s cannot be a querier's (allowed: %s)",
					ipaddr_str(a, buf),
					v4 ? "a unicast address" : "a link-local address, fe80::/10");
		had[v4] = true;
	}
}

static void
check_snooping(const struct conf_snooping *n, const struct conf_scan *s, struct conf_errors *e)
{
	const size_t block = conf_scan_find(s, CONF_BLOCK_SNOOPING);
	struct sbuf b;

	sbuf_init(&b);
	conf_print_duration(n->query_interval, &b);
	/* RFC 3376 8.3: must be less than the Query Interval. */
	if (n->query_response_interval >= n->query_interval)
		conf_errors_add(e, conf_scan_line(s, block, "query-response-interval"),
				"query-response-interval: not shorter than query-interval (allowed: less than %s)",
				sbuf_str(&b));
	sbuf_free(&b);
	check_old_versions(n, s, block, e);
	check_querier_address(n, s, block, e);
}

static void
check_identity(const struct conf_identity *id, const struct conf_scan *s, struct conf_errors *e)
{
	const unsigned line = s->blocks[conf_scan_find(s, CONF_BLOCK_IDENTITY)].line;

	if (!id->present)
		return;
	if (!id->certificate)
		conf_errors_add(e, line, "certificate: missing in identity (allowed: a path, PEM text)");
	if (!id->key)
		conf_errors_add(e, line, "key: missing in identity (allowed: a path, PEM text)");
	if (!id->ca)
		conf_errors_add(e, line, "ca: missing in identity (allowed: a path, PEM text)");
}

/* --- programs --------------------------------------------------------------------------------------------------------
 */

static void
check_listen(const struct conf_server *c, const struct conf_scan *s, struct conf_errors *e)
{
	const size_t block = conf_scan_find(s, CONF_BLOCK_LISTEN);
	char buf[IPADDR_STRLEN];

	if (!c->listen.present)
		return;
	if (!c->identity.present)
		conf_errors_add(e, s->blocks[block].line, "listen: needs an identity block");
	for (size_t i = 0; i < c->listen.address.n; i++) {
		const struct ipaddr *a = &c->listen.address.v[i];

		if (ipaddr_is_multicast(a) || (!ipaddr_is_v4(a) && ipaddr_is_link_local(a)))
			conf_errors_add(
				e, conf_scan_value_line(s, block, "address", i),
				"address: cannot listen on %s (allowed: 0.0.0.0, ::, an address of this host that is "
				"not fe80::/10)",
				ipaddr_str(a, buf));
	}
}

void
conf_check_server(struct conf_server *c, const struct conf_scan *s, const size_t *peer_block, struct conf_errors *e)
{
	check_tap_address(&c->tap.address, s, conf_scan_find(s, CONF_BLOCK_TAP), e);
	check_listen(c, s, e);
	check_identity(&c->identity, s, e);
	check_snooping(&c->snooping, s, e);
	check_peers(c, s, peer_block, e);
}

void
conf_check_client(struct conf_client *c, const struct conf_scan *s, struct conf_errors *e)
{
	check_tap_address(&c->tap.address, s, conf_scan_find(s, CONF_BLOCK_TAP), e);
	check_identity(&c->identity, s, e);
	check_snooping(&c->snooping, s, e);
	if (c->remote.n == 0)
		conf_errors_add(e, 1, "remote: missing (allowed: remote = {\"HOST:PORT\", ...})");
	if (!c->tap.present)
		conf_errors_add(e, 1, "tap: missing (allowed: tap \"NAME\" { ... })");
	if (!c->identity.present)
		conf_errors_add(e, 1, "identity: missing (allowed: identity { ... })");
}
