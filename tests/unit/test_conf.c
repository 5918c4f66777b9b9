/* The configuration: defaults, values, what a peer inherits, printing; mistakes are in test_conf_errors.c. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "castswitch/conf.h"
#include "conf_schema.h"
#include "conf_value.h"
#include "unit/conf_text.h"

/* The least that a server switches. */
#define NIC "nic eth0 { }\n"
#define ID "identity { certificate = a key = b ca = c }\n"

/* The only message for a text that is wrong. */
static void
assert_wrong(const char *text, size_t len, int expected, const char *message)
{
	struct conf_server *c = NULL;
	struct sbuf b;

	sbuf_init(&b);
	assert_int_equal(conf_server_parse("x.conf", text, len, &c, &b), expected);
	assert_null(c);
	assert_string_equal(sbuf_str(&b), message);
	sbuf_free(&b);
}

static void
assert_addr(const struct ipaddr *a, const char *expected)
{
	char buf[IPADDR_STRLEN];

	assert_string_equal(ipaddr_str(a, buf), expected);
}

static void
test_server_defaults(void **state)
{
	struct conf_server *c = server("listen { }\n" ID);
	const struct conf_snooping *n = &c->snooping;

	(void)state;
	assert_false(c->tap.present);
	assert_true(c->n_nics == 0 && c->n_static_groups == 0 && c->n_static_macs == 0);
	assert_true(c->sw.aging == 300 * NSEC_PER_SEC);
	assert_int_equal(c->sw.max_macs, 65536);
	assert_int_equal(c->sw.mtu, 1400);
	assert_true(!c->sw.vlan_aware && c->sw.forward_reserved == 0);
	assert_string_equal(c->sw.user, "castswitch");
	assert_true(n->igmp && n->mld && n->flood_until_querier && !n->strict_router_alert);
	assert_true(!n->strict_ssm && !n->mrd_solicit && n->grace == 30 * NSEC_PER_SEC);
	assert_true(n->max_source_records == 262144 && n->max_hosts == 262144);
	assert_int_equal(n->igmp_version, 3);
	assert_int_equal(n->mld_version, 2);
	assert_int_equal(n->querier, CONF_AUTO);
	assert_int_equal(n->querier_address.n, 0);
	assert_true(n->query_interval == 125 * NSEC_PER_SEC && n->query_response_interval == 10 * NSEC_PER_SEC);
	assert_true(n->last_member_query_interval == NSEC_PER_SEC);
	assert_true(n->startup_query_interval == 0 && n->membership_interval == 0 && n->other_querier_interval == 0);
	assert_true(n->startup_query_count == 0 && n->last_member_query_count == 0 && n->robustness == 2);
	assert_int_equal(n->unregistered, CONF_UNREGISTERED_ROUTERS);
	assert_int_equal(n->non_ip_multicast, CONF_NON_IP_FLOOD);
	assert_true(n->max_groups == 16384 && n->max_sources == 128);
	assert_true(c->tunnel.rekey == 3600 * NSEC_PER_SEC);
	assert_int_equal(c->tunnel.dscp, CONF_DSCP_COPY);
	assert_int_equal(c->tunnel.mss_clamp, CONF_MSS_AUTO);
	assert_int_equal(c->peers_max, 1000);
	assert_int_equal(c->pool.n, 0);
	assert_string_equal(c->lease_file, CASTSWITCH_STATEDIR "/leases.json");
	assert_int_equal(c->n_peers, 0);
	assert_string_equal(c->peers_default.name, "");
	assert_int_equal(c->peers_default.port.router, CONF_ROUTER_NEVER);
	assert_int_equal(c->peers_default.port.fast_leave, CONF_AUTO);
	assert_true(c->peers_default.port.protect_macs && c->peers_default.multicast_route);
	assert_true(c->peers_default.port.flood_broadcast && c->peers_default.port.flood_unknown_unicast);
	assert_true(c->peers_default.keepalive == 15 * NSEC_PER_SEC && !c->peers_default.disabled);
	assert_int_equal(c->peers_default.duplicates, CONF_DUPLICATES_REPLACE);
	assert_string_equal(c->control.socket, CASTSWITCH_RUNDIR "/castswitchd.sock");
	assert_int_equal(c->log.level, LOG_LEVEL_INFO);
	conf_server_free(c);
}

/* An absent block is nothing, an empty one is all its defaults. */
static void
test_absent_blocks(void **state)
{
	struct conf_server *c = server(NIC);

	(void)state;
	assert_false(c->tap.present || c->listen.present || c->identity.present);
	assert_int_equal(c->listen.address.n, 0);
	conf_server_free(c);
}

static void
test_empty_blocks(void **state)
{
	struct conf_server *c = server(ID "listen { }\ntap cast0 { }\npeers { } snooping { } log{}control{}switch{}");

	(void)state;
	assert_true(c->listen.present && c->tap.present && c->identity.present && c->identity.require_eku);
	assert_int_equal(c->listen.address.n, 2);
	assert_addr(&c->listen.address.v[0], "0.0.0.0");
	assert_addr(&c->listen.address.v[1], "::");
	assert_int_equal(c->listen.port, 22424);
	assert_string_equal(c->tap.name, "cast0");
	assert_int_equal(c->tap.address.n, 0);
	assert_int_equal(c->tap.port.router, CONF_ROUTER_AUTO);
	assert_int_equal(c->tap.port.max_macs, 0);
	assert_true(c->tap.port.flood_broadcast && c->tap.port.flood_unknown_unicast && !c->tap.port.protect_macs);
	assert_null(c->identity.server_name);
	assert_string_equal(c->identity.crl, "");
	assert_false(c->identity.crl_strict);
	conf_server_free(c);
}

static void
test_server_values(void **state)
{
	struct conf_server *c = server("switch { aging = 1h max-macs = 16 mtu = 1500 user = root }\n"
				       "listen { address = {10.0.0.1} port = 1 }\n"
				       "identity { certificate = '/a b' key = k ca = \"c\\\"\\\\\" require-eku = no "
				       "crl = /c crl-strict = yes }\n"
				       "snooping { igmp = off mld = false querier = off robustness = 7\n"
				       "  querier-address = {fe80::1, \"10.8.0.1\",} unregistered = drop\n"
				       "  query-interval = 60 query-response-interval = 500ms startup-query-count = 9\n"
				       "  startup-query-interval = 5m non-ip-multicast = drop\n"
				       "  strict-router-alert = yes flood-until-querier = off }\n"
				       "tap cast0 { router = always fast-leave = off address = {10.8.0.1/24} }\n"
				       "control { socket = /tmp/s } log { level = debug }\n");

	(void)state;
	assert_true(c->sw.aging == 3600 * NSEC_PER_SEC && c->sw.max_macs == 16 && c->sw.mtu == 1500);
	assert_string_equal(c->sw.user, "root");
	assert_int_equal(c->listen.address.n, 1);
	assert_addr(&c->listen.address.v[0], "10.0.0.1");
	assert_int_equal(c->listen.port, 1);
	assert_string_equal(c->identity.certificate, "/a b");
	assert_string_equal(c->identity.ca, "c\"\\");
	assert_string_equal(c->identity.crl, "/c");
	assert_true(!c->identity.require_eku && c->identity.crl_strict);
	assert_false(c->snooping.igmp || c->snooping.mld || c->snooping.flood_until_querier);
	assert_true(c->snooping.strict_router_alert);
	assert_int_equal(c->snooping.querier, CONF_OFF);
	assert_int_equal(c->snooping.querier_address.n, 2);
	assert_addr(&c->snooping.querier_address.v[1], "10.8.0.1");
	assert_true(c->snooping.query_interval == 60 * NSEC_PER_SEC);
	assert_true(c->snooping.query_response_interval == 500 * NSEC_PER_MSEC);
	assert_true(c->snooping.startup_query_interval == 300 * NSEC_PER_SEC);
	assert_true(c->snooping.startup_query_count == 9 && c->snooping.robustness == 7);
	assert_int_equal(c->snooping.unregistered, CONF_UNREGISTERED_DROP);
	assert_int_equal(c->snooping.non_ip_multicast, CONF_NON_IP_DROP);
	assert_int_equal(c->tap.port.router, CONF_ROUTER_ALWAYS);
	assert_int_equal(c->tap.port.fast_leave, CONF_OFF);
	assert_prefix(&c->tap.address.v[0], "10.8.0.1/24");
	assert_string_equal(c->control.socket, "/tmp/s");
	assert_int_equal(c->log.level, LOG_LEVEL_DEBUG);
	conf_server_free(c);
}

static void
test_computed(void **state)
{
	struct conf_server *c =
		server(NIC "snooping { query-interval = 100s robustness = 3 last-member-query-count = 5 }");

	(void)state;
	conf_snooping_resolve(&c->snooping);
	assert_true(c->snooping.membership_interval == 310 * NSEC_PER_SEC);
	assert_true(c->snooping.other_querier_interval == 305 * NSEC_PER_SEC);
	assert_true(c->snooping.startup_query_interval == 25 * NSEC_PER_SEC);
	assert_int_equal(c->snooping.startup_query_count, 3);
	assert_int_equal(c->snooping.last_member_query_count, 5);
	conf_server_free(c);
}

/* The longest response times of the old versions; one millisecond more is in conf_errors.golden. */
static void
test_old_versions(void **state)
{
	(void)state;
	conf_server_free(server(NIC "snooping { igmp-version = 2 query-response-interval = 25500ms }"));
	conf_server_free(server(NIC "snooping { mld-version = 1 query-response-interval = 65535ms }"));
	conf_server_free(server(NIC "snooping { mld = false mld-version = 1 query-response-interval = 65536ms }"));
}

/* A peer has what its block says, then what "peers" says, then the defaults, wherever the blocks stand. */
static void
test_peers_inherit(void **state)
{
	struct conf_server *c = server("peer zoe { router = auto max-macs = 256 keepalive = 2s duplicates = refuse }\n"
				       "peers { router = always max-macs = 7 multicast-route = false max = 5 }\n"
				       "peer amy { disabled = true protect-macs = false }\n" NIC);

	(void)state;
	assert_int_equal(c->peers_max, 5);
	assert_int_equal(c->n_peers, 2);
	assert_string_equal(c->peer[0].name, "amy");
	assert_string_equal(c->peer[1].name, "zoe");
	const struct conf_peer *zoe = conf_peer_find(c, "zoe"), *amy = conf_peer_find(c, "amy");
	assert_true(zoe == &c->peer[1] && amy == &c->peer[0]);
	assert_int_equal(zoe->port.router, CONF_ROUTER_AUTO);
	assert_int_equal(zoe->port.max_macs, 256); /* said, though it is the default */
	assert_true(zoe->keepalive == 2 * NSEC_PER_SEC && zoe->duplicates == CONF_DUPLICATES_REFUSE);
	assert_false(zoe->multicast_route || zoe->disabled);
	assert_true(zoe->port.protect_macs);
	assert_int_equal(amy->port.router, CONF_ROUTER_ALWAYS);
	assert_int_equal(amy->port.max_macs, 7);
	assert_true(amy->disabled && !amy->port.protect_macs && amy->keepalive == 15 * NSEC_PER_SEC);
	assert_null(conf_peer_find(c, "bob"));
	assert_ptr_equal(conf_peer_for(c, "bob"), &c->peers_default);
	assert_ptr_equal(conf_peer_for(c, "zoe"), zoe);
	assert_true(c->peers_default.port.protect_macs && c->peers_default.port.max_macs == 7);
	conf_server_free(c);
}

static void
test_peer_addresses(void **state)
{
	struct conf_server *c = server("peer a { address = {10.8.0.20, fd08::20, 10.9.3.4, 10.8.0.21/28} }\n"
				       "tap cast0 { address = {10.8.0.1/24, 10.9.0.1/16, fd08::1/64} }\n");
	const struct conf_prefixes *list = &c->peer[0].address;

	(void)state;
	assert_int_equal(list->n, 4);
	assert_prefix(&list->v[0], "10.8.0.20/24");
	assert_prefix(&list->v[1], "fd08::20/64");
	assert_prefix(&list->v[2], "10.9.3.4/16");
	assert_prefix(&list->v[3], "10.8.0.21/28");
	conf_server_free(c);
}

static void
test_peer_routes(void **state)
{
	struct conf_server *c = server("peers { routes = {192.168.0.0/16, 192.168.0.0/24, ::/0} }\n"
				       "peer a { routes = {0.0.0.0/0} }\npeer b { }\npeer c { routes = {} }\n"
				       "tap cast0 { address = {10.8.0.1/24, fd08::1/64} }\n");
	const struct conf_prefixes *all = &c->peers_default.routes, *b = &c->peer[1].routes;

	(void)state;
	assert_int_equal(all->n, 3);
	assert_prefix(&all->v[0], "192.168.0.0/16");
	assert_prefix(&all->v[1], "192.168.0.0/24");
	assert_prefix(&all->v[2], "::/0");
	assert_int_equal(c->peer[0].routes.n, 1);
	assert_prefix(&c->peer[0].routes.v[0], "0.0.0.0/0");
	assert_true(b->n == 3 && b->v != all->v);
	assert_prefix(&b->v[2], "::/0");
	assert_int_equal(c->peer[2].routes.n, 0);
	conf_server_free(c);
}

static void
test_peer_dns(void **state)
{
	struct conf_server *c = server("peers { dns = {10.8.0.1, fd08::1} dns-domains = {corp.example.org, ~.} }\n"
				       "peer a { dns = {192.0.2.53} }\npeer b { dns = {} dns-domains = {} }\n"
				       "peer c { dns-domains = {_x.a-b.} }\ntap cast0 { }\n");
	const struct conf_peer *all = &c->peers_default;

	(void)state;
	assert_int_equal(all->dns.n, 2);
	assert_addr(&all->dns.v[1], "fd08::1");
	assert_int_equal(all->dns_domains.n, 2);
	assert_string_equal(all->dns_domains.v[0], "corp.example.org");
	assert_string_equal(all->dns_domains.v[1], "~.");
	assert_int_equal(c->peer[0].dns.n, 1);
	assert_addr(&c->peer[0].dns.v[0], "192.0.2.53");
	assert_int_equal(c->peer[0].dns_domains.n, 2);
	assert_string_equal(c->peer[0].dns_domains.v[1], "~.");
	assert_true(c->peer[1].dns.n == 0 && c->peer[1].dns_domains.n == 0);
	assert_int_equal(c->peer[2].dns_domains.n, 1);
	assert_string_equal(c->peer[2].dns_domains.v[0], "_x.a-b.");
	conf_server_free(c);
	char *p = server_round_trip("peers { dns = {10.8.0.1} dns-domains = {\"corp.example.org\", ~.} }\n" NIC);
	assert_has(p, "\tdns = {\"10.8.0.1\"}\n\tdns-domains = {\"corp.example.org\", \"~.\"}\n");
	free(p);
}

static void
test_peer_names(void **state)
{
	char name[65];

	(void)state;
	memset(name, 'x', sizeof(name));
	name[64] = '\0';
	assert_false(conf_peer_name_valid(name));
	name[63] = '\0';
	assert_true(conf_peer_name_valid(name));
	assert_true(conf_peer_name_valid("A-z.0_9@example.org"));
	assert_false(conf_peer_name_valid(""));
	assert_false(conf_peer_name_valid("a b"));
	assert_false(conf_peer_name_valid("\xc3\xa4"));
}

static void
test_client_values(void **state)
{
	struct conf_client *c = client(
		ID
		"tap \"cast0\" { address = {\"10.8.0.20/24\"} }\nremote-order = random\n"
		"remote = {\"vpn.example.org\", \"192.0.2.7:1\", \"[2001:db8::7]:65535\", \"2001:db8::8\", \"[::1]\"}\n"
		"pull { mtu = false }\nsnooping { igmp = false }\nswitch { mtu = 1280 }\n");
	static const struct {
		const char *host;
		uint16_t port;
	} remotes[] = {
		{ "vpn.example.org", 22424 }, { "192.0.2.7", 1 }, { "2001:db8::7", 65535 },
		{ "2001:db8::8", 22424 },     { "::1", 22424 },
	};

	(void)state;
	assert_int_equal(c->remote.n, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_string_equal(c->remote.v[i].host, remotes[i].host);
		assert_int_equal(c->remote.v[i].port, remotes[i].port);
	}
	assert_int_equal(c->remote_order, CONF_REMOTE_RANDOM);
	assert_true(c->pull.address && c->pull.multicast_route && !c->pull.mtu && c->pull.routes && c->pull.dns);
	assert_false(c->snooping.igmp);
	assert_int_equal(c->sw.mtu, 1280);
	assert_prefix(&c->tap.address.v[0], "10.8.0.20/24");
	assert_string_equal(c->control.socket, CASTSWITCH_RUNDIR "/castswitch.sock");
	conf_client_free(c);
}

/* --- printing --------------------------------------------------------------------------------------------------------
 */

static void
test_server_round_trip(void **state)
{
	char *p = server_round_trip(ID "listen { }");

	(void)state;
	assert_has(p, "switch {\n\taging = 5m\n\tmax-macs = 65536\n\tvlan-aware = false\n\tforward-reserved = "
		      "{}\n\tmtu = 1400\n\tuser = \"castswitch\"\n}\n");
	assert_has(p, "\tstartup-query-interval = auto # 31250ms\n");
	assert_has(p, "\tmembership-interval = auto # 260s\n");
	assert_has(p, "\tquerier-address = {}\n");
	assert_null(strstr(p, "tap"));
	free(p);
	p = server_round_trip(NIC);
	assert_null(strstr(p, "listen"));
	assert_null(strstr(p, "identity"));
	free(p);
	p = server_round_trip("tap \"cast0\" { address = {10.8.0.1/24, fd08::1/64} router = never }\n" ID
			      "listen { address = {::1} port = 5 }\n"
			      "control { socket = \"/a \\\\ \\\" b\\tc\" }\n"
			      "snooping { query-interval = 90s membership-interval = 3h last-member-query-interval = "
			      "1500ms robustness = 1 }\n"
			      "peers { router = auto }\npeer b { address = {10.8.0.3} }\npeer a { disabled = true }\n");
	assert_has(p, "tap \"cast0\" {\n\taddress = {\"10.8.0.1/24\", \"fd08::1/64\"}\n\trouter = never\n");
	assert_has(p, "listen {\n\taddress = {\"::1\"}\n\tport = 5\n}\n");
	assert_has(p, "\tsocket = \"/a \\\\ \\\" b\tc\"\n");
	assert_has(p, "\tquery-interval = 90s\n");
	assert_has(p, "\tmembership-interval = 3h\n");
	assert_has(p, "\tlast-member-query-interval = 1500ms\n");
	assert_has(p, "\taddress = {\"10.8.0.3/24\"}\n");
	assert_true(strstr(p, "peer \"a\"") < strstr(p, "peer \"b\""));
	free(p);
}

static void
test_client_round_trip(void **state)
{
	char *p = client_round_trip(
		"remote = {a, \"[::1]:5\", 192.0.2.1:7}\nremote-order = random\n" ID
		"tap t { }\npull { address = false } tunnel { rekey = 1s dscp = 46 mss-clamp = off }");

	(void)state;
	assert_has(p, "remote = {\"a:22424\", \"[::1]:5\", \"192.0.2.1:7\"}\nremote-order = random\n");
	assert_has(p, "pull {\n\taddress = false\n\tmulticast-route = true\n\tmtu = true\n\troutes = true\n\tdns = "
		      "true\n}\n");
	assert_has(p, "tunnel {\n\trekey = 1s\n\taccess-key = \"\"\n\tdscp = 46\n\tmss-clamp = off\n}\n");
	assert_null(strstr(p, "server-name"));
	assert_has(p, "\tca = \"c\"\n\tcrl = \"\"\n\tcrl-strict = false\n\tfingerprints = {}\n");
	assert_null(strstr(p, "peers"));
	free(p);
}

#define PEM(what) "-----BEGIN " what "-----\nMIIB+/x=\n-----END " what "-----\n"

static void
test_inline_pem(void **state)
{
	static const char text[] = "tap t { }\nremote = {a}\nidentity {\n\tcertificate = \"\n" PEM("CERTIFICATE")
		PEM("CERTIFICATE") "\"\n\tkey = \"" PEM("PRIVATE KEY") "\"\n\tca = '" PEM("CERTIFICATE") "'\n}\n";
	struct conf_client *c = client(text);

	(void)state;
	assert_string_equal(c->identity.certificate, "\n" PEM("CERTIFICATE") PEM("CERTIFICATE"));
	assert_string_equal(c->identity.key, PEM("PRIVATE KEY"));
	assert_string_equal(c->identity.ca, PEM("CERTIFICATE"));
	assert_true(conf_is_pem(c->identity.key));
	assert_false(conf_is_pem("/etc/castswitch/key.pem"));
	conf_client_free(c);
	char *p = client_round_trip(text);
	assert_has(p, "\tcertificate = \"\n" PEM("CERTIFICATE") PEM("CERTIFICATE") "\"\n");
	assert_has(p, "\tkey = \"(inline)\"\n");
	assert_null(strstr(p, "PRIVATE"));
	free(p);
}

static void
test_inline_access_key(void **state)
{
	static const char key[] = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";
	char text[256];

	(void)state;
	snprintf(text, sizeof(text), "nic eth1 { }\ntunnel { access-key = \"%s\" }\n", key);
	struct conf_server *c = server(text);
	assert_string_equal(c->tunnel.access_key, key);
	assert_true(conf_is_key(c->tunnel.access_key));
	conf_server_free(c);
	char *p = server_round_trip(text);
	assert_has(p, "\taccess-key = \"(inline)\"\n");
	assert_null(strstr(p, "0011"));
	free(p);
	p = server_round_trip("nic eth1 { }\ntunnel { access-key = \"/etc/castswitch/access.key\" }\n");
	assert_has(p, "\taccess-key = \"/etc/castswitch/access.key\"\n");
	free(p);
	c = server("nic eth1 { }\n");
	assert_string_equal(c->tunnel.access_key, "");
	conf_server_free(c);
	/* one more digit, one less, and one that is none */
	assert_false(conf_is_key("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff0"));
	assert_false(conf_is_key("00112233445566778899aabbccddeeff00112233445566778899aabbccddeef"));
	assert_false(conf_is_key("00112233445566778899aabbccddeeff00112233445566778899aabbccddeefg"));
	assert_false(conf_is_key(""));
}

static void
test_durations_printed(void **state)
{
	static const struct {
		nsec_t d;
		const char *text;
	} cases[] = {
		{ 0, "0s" },
		{ NSEC_PER_MSEC, "1ms" },
		{ 1500 * NSEC_PER_MSEC, "1500ms" },
		{ 59 * NSEC_PER_SEC, "59s" },
		{ 60 * NSEC_PER_SEC, "1m" },
		{ 61 * NSEC_PER_SEC, "61s" },
		{ 3600 * NSEC_PER_SEC, "1h" },
		{ 3660 * NSEC_PER_SEC, "61m" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sbuf b;

		sbuf_init(&b);
		conf_print_duration(cases[i].d, &b);
		assert_string_equal(sbuf_str(&b), cases[i].text);
		sbuf_free(&b);
	}
}

/* --- the table -------------------------------------------------------------------------------------------------------
 */

/* Whether a number is taken by an option. */
static bool
takes(const struct conf_row *row, uint64_t v)
{
	const uint64_t shown = row->type == CONF_DURATION ? v / NSEC_PER_MSEC : v;
	uint64_t field[8] = { 0 };
	char text[32];
	struct sbuf wrong;

	snprintf(text, sizeof(text), "%llu%s", (unsigned long long)shown, row->type == CONF_DURATION ? "ms" : "");
	sbuf_init(&wrong);
	const bool good = conf_value_set(row, field, text, &wrong);
	assert_int_equal(good, wrong.len == 0);
	sbuf_free(&wrong);
	return good;
}

/* The words that stand for numbers above the range. */
static void
check_words(const struct conf_row *row)
{
	struct sbuf b;

	sbuf_init(&b);
	for (size_t i = 0; row->words && row->words[i]; i++) {
		const uint64_t expect = row->max + 1 + i;
		uint64_t field = 0;

		assert_true(conf_value_set(row, &field, row->words[i], &b));
		assert_memory_equal(&field, &expect, sizeof(field));
		conf_value_print(row, &field, &b);
		assert_string_equal(sbuf_str(&b), row->words[i]);
		sbuf_reset(&b);
	}
	sbuf_free(&b);
}

/* Every default is a value, and every range ends where it says. */
static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < conf_rows_n; i++) {
		const struct conf_row *row = &conf_rows[i];
		const uint64_t one = row->type == CONF_DURATION ? NSEC_PER_MSEC : 1;
		uint64_t field[8] = { 0 };
		struct sbuf b;

		sbuf_init(&b);
		if (!conf_value_default(row, field, &b))
			print_error("%s: %s\n", row->name, sbuf_str(&b));
		assert_int_equal(b.len, 0);
		sbuf_free(&b);
		conf_value_clear(row, field);
		assert_true(row->size <= sizeof(field));
		if (row->type != CONF_UINT && row->type != CONF_DURATION)
			continue;
		assert_true(takes(row, row->min) && takes(row, row->max) && !takes(row, row->max + one));
		assert_true(row->min == 0 || !takes(row, row->min - one));
		assert_true(row->size == 8 || row->max >> (8 * row->size) == 0);
		check_words(row);
	}
}

/* --- limits and files ------------------------------------------------------------------------------------------------
 */

static void
test_file_size(void **state)
{
	char *text = malloc(CONF_FILE_MAX + 1);

	(void)state;
	assert_non_null(text);
	memset(text, '\n', CONF_FILE_MAX + 1);
	memcpy(text, NIC, strlen(NIC));
	struct conf_server *c = NULL;
	struct sbuf b;
	sbuf_init(&b);
	assert_int_equal(conf_server_parse("x.conf", text, CONF_FILE_MAX, &c, &b), 0);
	conf_server_free(c);
	sbuf_free(&b);
	assert_wrong(text, CONF_FILE_MAX + 1, -EFBIG, "x.conf: too large (allowed: 1048576 bytes)\n");
	free(text);
}

static void
test_text_size(void **state)
{
	static const char start[] = NIC "identity { certificate = a ca = b key = \"-----BEGIN ";
	char *text = malloc(CONF_TEXT_MAX + 100);

	(void)state;
	assert_non_null(text);
	for (unsigned more = 0; more < 2; more++) {
		const size_t before = strchr(start, '"') + 1 - start;

		memset(text, 'x', before + CONF_TEXT_MAX + more);
		memcpy(text, start, sizeof(start) - 1);
		strcpy(text + before + CONF_TEXT_MAX + more, "\"}");
		if (more)
			assert_wrong(text, strlen(text), -EINVAL,
				     "x.conf:2: key: text too long (allowed: 65536 bytes)\n");
		else
			conf_server_free(server(text));
	}
	free(text);
}

static void
test_number_of_peers(void **state)
{
	struct sbuf b;

	(void)state;
	sbuf_init(&b);
	sbuf_puts(&b, NIC);
	for (unsigned i = 0; i < CONF_PEERS_MAX; i++)
		sbuf_printf(&b, "peer p%u{}\n", i);
	struct conf_server *c = server(sbuf_str(&b));
	assert_int_equal(c->n_peers, CONF_PEERS_MAX);
	assert_string_equal(conf_peer_find(c, "p9999")->name, "p9999");
	conf_server_free(c);
	sbuf_puts(&b, "peer p{}\n");
	assert_wrong(sbuf_str(&b), b.len, -EINVAL, "x.conf:10002: peer: too many (allowed: 10000)\n");
	sbuf_free(&b);
}

static char *
sample(const char *name)
{
	static char path[4096];
	const char *top = getenv("top_srcdir");

	snprintf(path, sizeof(path), "%s/conf/%s", top ? top : ".", name);
	return path;
}

static void
test_samples(void **state)
{
	struct conf_server *s = NULL;
	struct conf_client *c = NULL;
	struct sbuf b;

	(void)state;
	sbuf_init(&b);
	assert_int_equal(conf_server_load(sample("castswitchd.conf"), &s, &b), 0);
	assert_int_equal(conf_client_load(sample("castswitch.conf"), &c, &b), 0);
	assert_int_equal(b.len, 0);
	assert_int_equal(s->n_peers, 3);
	assert_prefix(&s->pool.v[0], "10.8.0.128/25");
	assert_prefix(&conf_peer_find(s, "alice")->address.v[1], "fd08::20/64");
	assert_true(conf_peer_find(s, "mallory")->disabled);
	assert_string_equal(c->identity.server_name, "vpn.example.org");
	char *print = print_server(s);
	free(server_round_trip(print));
	free(print);
	print = print_client(c);
	free(client_round_trip(print));
	free(print);
	conf_server_free(s);
	conf_client_free(c);
	sbuf_free(&b);
}

static void
test_sample_of_a_bridge(void **state)
{
	struct conf_server *s = NULL;
	struct sbuf b;

	(void)state;
	sbuf_init(&b);
	assert_int_equal(conf_server_load(sample("castswitchd-bridge.conf"), &s, &b), 0);
	assert_int_equal(b.len, 0);
	sbuf_free(&b);
	assert_true(!s->listen.present && !s->identity.present);
	assert_int_equal(s->n_nics, 4);
	assert_string_equal(s->nic[3].name, "eth4");
	assert_true(s->nic[3].port.isolate && s->nic[3].port.allow_groups.n == 2);
	assert_int_equal(s->sw.forward_reserved, 1 << 14);
	assert_int_equal(s->sw.mtu, 1500);
	assert_true(s->n_static_groups == 2 && s->static_group[1].is_mac && s->n_static_macs == 1);
	char *print = print_server(s);
	free(server_round_trip(print));
	free(print);
	conf_server_free(s);
}

/* A sample's text, with its commented options as options when 'all'. */
static void
read_sample(const char *name, bool all, struct sbuf *ret)
{
	FILE *f = fopen(sample(name), "r");
	char line[512];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		sbuf_puts(ret, all && strncmp(line, "\t# ", 3) == 0 ? line + 3 : line);
	fclose(f);
}

/* What the samples have as comments is what is so without them. */
static void
test_samples_show_defaults(void **state)
{
	static const char *const names[] = { "castswitchd.conf", "castswitch.conf" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		char *print[2];

		for (size_t all = 0; all < 2; all++) {
			struct sbuf b;

			sbuf_init(&b);
			read_sample(names[i], all, &b);
			print[all] = i ? client_round_trip(sbuf_str(&b)) : server_round_trip(sbuf_str(&b));
			sbuf_free(&b);
		}
		assert_string_equal(print[0], print[1]);
		free(print[0]);
		free(print[1]);
	}
}

static void
test_files_that_cannot_be_read(void **state)
{
	struct conf_server *c = NULL;
	struct conf_client *k = NULL;
	struct sbuf b;

	(void)state;
	sbuf_init(&b);
	assert_int_equal(conf_server_load("/nonexistent/x.conf", &c, &b), -ENOENT);
	assert_string_equal(sbuf_str(&b), "/nonexistent/x.conf: No such file or directory\n");
	sbuf_reset(&b);
	assert_int_equal(conf_client_load("/", &k, &b), -EISDIR);
	assert_string_equal(sbuf_str(&b), "/: Is a directory\n");
	assert_true(!c && !k);
	sbuf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server_defaults),
		cmocka_unit_test(test_absent_blocks),
		cmocka_unit_test(test_empty_blocks),
		cmocka_unit_test(test_server_values),
		cmocka_unit_test(test_computed),
		cmocka_unit_test(test_old_versions),
		cmocka_unit_test(test_peers_inherit),
		cmocka_unit_test(test_peer_addresses),
		cmocka_unit_test(test_peer_routes),
		cmocka_unit_test(test_peer_dns),
		cmocka_unit_test(test_peer_names),
		cmocka_unit_test(test_client_values),
		cmocka_unit_test(test_server_round_trip),
		cmocka_unit_test(test_client_round_trip),
		cmocka_unit_test(test_inline_pem),
		cmocka_unit_test(test_inline_access_key),
		cmocka_unit_test(test_durations_printed),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_file_size),
		cmocka_unit_test(test_text_size),
		cmocka_unit_test(test_number_of_peers),
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_sample_of_a_bridge),
		cmocka_unit_test(test_samples_show_defaults),
		cmocka_unit_test(test_files_that_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
