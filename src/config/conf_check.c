/* Checks across options. */
#include "conf_check.h"

#include "conf_schema.h"
#include "conf_value.h"

/* --- addresses -------------------------------------------------------------------------------------------------------
 */

const char *
conf_not_a_host(const struct ipprefix *p)
{
	if (ipaddr_is_multicast(&p->addr))
		return "a multicast address";
	if (ipaddr_is_unspecified(&p->addr))
		return "the unspecified address";
	if (!ipaddr_is_v4(&p->addr) || p->len > 30)
		return NULL;
	if (conf_host_bits_are(p, 0))
		return "the address of its network, not of a host";
	return conf_host_bits_are(p, 1) ? "the broadcast address of its network" : NULL;
}

static void
check_tap_address(const struct conf_prefixes *list, const struct conf_scan *s, size_t block, struct conf_errors *e)
{
	char buf[IPADDR_STRLEN];

	for (size_t i = 0; i < list->n; i++) {
		const char *why = conf_not_a_host(&list->v[i]);

		if (why)
			conf_errors_add(e, conf_scan_value_line(s, block, "address", i), "address: %s/%u is %s",
					ipaddr_str(&list->v[i].addr, buf), list->v[i].len, why);
	}
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

/* 'pinned': somebody is believed without an authority, by what the words 'instead' tell. */
static void
check_identity(const struct conf_identity *id, bool pinned, const char *instead, const struct conf_scan *s,
	       struct conf_errors *e)
{
	const size_t block = conf_scan_find(s, CONF_BLOCK_IDENTITY);
	const unsigned line = s->blocks[block].line;

	if (!id->present)
		return;
	if (!id->certificate)
		conf_errors_add(e, line, "certificate: missing in identity (allowed: a path, PEM text)");
	if (!id->key)
		conf_errors_add(e, line, "key: missing in identity (allowed: a path, PEM text)");
	if (!*id->ca && !pinned)
		conf_errors_add(e, conf_scan_line(s, block, "ca"),
				"ca: missing in identity (allowed: a path, PEM text, or %s instead)", instead);
	/* What looks like a safeguard must be one. */
	if (*id->crl && !*id->ca)
		conf_errors_add(e, conf_scan_line(s, block, "crl"), "crl: without the ca that it belongs to");
	if (id->crl_strict && !*id->crl)
		conf_errors_add(e, conf_scan_line(s, block, "crl-strict"), "crl-strict: without a crl");
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

static bool
any_pin(const struct conf_server *c)
{
	for (size_t i = 0; i < c->n_peers; i++)
		if (c->peer[i].has_fingerprint)
			return true;
	return false;
}

void
conf_check_server(struct conf_server *c, const struct conf_scan *s, struct conf_errors *e)
{
	check_tap_address(&c->tap.address, s, conf_scan_find(s, CONF_BLOCK_TAP), e);
	check_listen(c, s, e);
	check_identity(&c->identity, any_pin(c), "a fingerprint in a peer block", s, e);
	check_snooping(&c->snooping, s, e);
	conf_check_peers(c, s, e);
	conf_check_push(c, s, e);
	conf_check_ports(c, s, e);
	if (e->total == 0 && !c->tap.present && !c->listen.present && c->n_nics == 0)
		conf_errors_add(e, 1, "tap: missing, nothing to switch (allowed: a tap, a nic or a listen block)");
}

void
conf_check_client(struct conf_client *c, const struct conf_scan *s, struct conf_errors *e)
{
	check_tap_address(&c->tap.address, s, conf_scan_find(s, CONF_BLOCK_TAP), e);
	check_identity(&c->identity, c->identity.fingerprints.n > 0, "fingerprints", s, e);
	check_snooping(&c->snooping, s, e);
	if (c->remote.n == 0)
		conf_errors_add(e, 1, "remote: missing (allowed: remote = {\"HOST:PORT\", ...})");
	if (!c->tap.present)
		conf_errors_add(e, 1, "tap: missing (allowed: tap \"NAME\" { ... })");
	if (!c->identity.present)
		conf_errors_add(e, 1, "identity: missing (allowed: identity { ... })");
}
