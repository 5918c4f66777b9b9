/* The configuration: ports and their options, VLANs, static groups and MAC addresses. */
#include "unit/conf_text.h"

#include <stdio.h>

#define ID "identity { certificate = a key = b ca = c }\n"

static void
assert_ip(const struct ipaddr *a, const char *expected)
{
	char buf[IPADDR_STRLEN];

	assert_string_equal(ipaddr_str(a, buf), expected);
}

static void
assert_mac(const struct mac *m, const char *expected)
{
	char buf[MAC_STRLEN];

	assert_string_equal(mac_str(m, buf), expected);
}

/* The ports of this host: everything is believed, nothing is limited. */
static void
assert_local_defaults(const struct conf_port *p)
{
	assert_true(p->router == CONF_ROUTER_AUTO && p->fast_leave == CONF_AUTO);
	assert_true(p->learning && p->flood_unknown_unicast && p->flood_broadcast);
	assert_false(p->isolate || p->protect_macs || p->flood_unregistered || p->flood_reports);
	assert_true(p->max_macs == 0 && p->max_groups == 0 && p->max_hosts == 0 && p->max_source_records == 0);
	assert_true(p->gm_rate == 0 && p->allow_groups.n == 0 && p->deny_groups.n == 0);
}

static void
test_defaults(void **state)
{
	struct conf_server *s = server("listen { } tap t { } nic eth1 { }\n" ID);
	struct conf_client *c = client("remote = {a} tap t { }\n" ID);
	const struct conf_port *p = &s->peers_default.port;

	(void)state;
	assert_local_defaults(&s->tap.port);
	assert_local_defaults(&s->nic[0].port);
	assert_local_defaults(&c->tap.port);
	assert_true(p->router == CONF_ROUTER_NEVER && p->fast_leave == CONF_AUTO);
	assert_true(p->learning && p->flood_unknown_unicast && p->flood_broadcast && p->protect_macs);
	assert_false(p->isolate || p->flood_unregistered || p->flood_reports);
	assert_true(p->max_macs == 256 && p->max_groups == 256 && p->max_hosts == 1024);
	assert_true(p->max_source_records == 4096 && p->gm_rate == 200);
	assert_true(p->allow_groups.n == 0 && p->deny_groups.n == 0);
	conf_client_free(c);
	conf_server_free(s);
}

/* All options of a port, other than the defaults. */
#define OTHERS                                                                                   \
	"router = always fast-leave = off learning = no isolate = yes protect-macs = %s\n"       \
	"flood-unknown-unicast = no flood-broadcast = no flood-unregistered = yes\n"             \
	"flood-reports = yes max-macs = 1 max-groups = 2 max-hosts = 3 max-source-records = 4\n" \
	"report-rate = 5 allow-groups = {239.0.0.0/8, ff05::/16} deny-groups = {\"239.1.2.3\"} }\n"

static void
assert_others(const struct conf_port *p, bool protect)
{
	assert_true(p->router == CONF_ROUTER_ALWAYS && p->fast_leave == CONF_OFF);
	assert_false(p->learning || p->flood_unknown_unicast || p->flood_broadcast);
	assert_true(p->isolate && p->protect_macs == protect && p->flood_unregistered && p->flood_reports);
	assert_true(p->max_macs == 1 && p->max_groups == 2 && p->max_hosts == 3 && p->max_source_records == 4);
	assert_true(p->gm_rate == 5);
	assert_int_equal(p->allow_groups.n, 2);
	assert_prefix(&p->allow_groups.v[0], "239.0.0.0/8");
	assert_prefix(&p->allow_groups.v[1], "ff05::/16");
	assert_int_equal(p->deny_groups.n, 1);
	assert_prefix(&p->deny_groups.v[0], "239.1.2.3/32");
}

static void
test_values(void **state)
{
	char text[2048];

	(void)state;
	snprintf(text, sizeof(text), "tap t { " OTHERS "nic eth1 { " OTHERS "peers { " OTHERS "peer amy { }", "yes",
		 "yes", "no");
	struct conf_server *c = server(text);
	assert_others(&c->tap.port, true);
	assert_others(&c->nic[0].port, true);
	assert_others(&c->peers_default.port, false);
	assert_others(&c->peer[0].port, false);
	conf_server_free(c);
	free(server_round_trip(text));
}

/* What a peer does not say it has from all peers; a list that it says is the whole list. */
static void
test_peers_inherit(void **state)
{
	struct conf_server *c =
		server("nic eth1 { }\n"
		       "peer all { report-rate = 0 learning = true }\n"
		       "peer one { allow-groups = {232.0.0.0/8} isolate = false }\n"
		       "peer none { allow-groups = {} deny-groups = {ff0e::/16} max-source-records = 1 }\n"
		       "peers { allow-groups = {239.0.0.0/8, ff05::/16} report-rate = 7 isolate = true\n"
		       "learning = false }\n");
	const struct conf_port *all = &conf_peer_find(c, "all")->port, *one = &conf_peer_find(c, "one")->port,
			       *none = &conf_peer_find(c, "none")->port;

	(void)state;
	assert_int_equal(all->allow_groups.n, 2);
	assert_prefix(&all->allow_groups.v[1], "ff05::/16");
	assert_true(all->gm_rate == 0 && all->learning && all->isolate && all->deny_groups.n == 0);
	assert_int_equal(one->allow_groups.n, 1);
	assert_prefix(&one->allow_groups.v[0], "232.0.0.0/8");
	assert_true(one->gm_rate == 7 && !one->learning && !one->isolate);
	assert_int_equal(none->allow_groups.n, 0);
	assert_prefix(&none->deny_groups.v[0], "ff0e::/16");
	assert_true(none->max_source_records == 1 && one->max_source_records == 4096);
	assert_int_equal(c->peers_default.port.allow_groups.n, 2);
	conf_server_free(c);
}

/* The largest networks of groups, and single groups. */
static void
test_group_networks(void **state)
{
	struct conf_server *c = server("nic eth1 { allow-groups = {224.0.0.0/4, ff00::/8, 224.0.0.1, ff02::1/128} }");
	const struct conf_prefixes *list = &c->nic[0].port.allow_groups;

	(void)state;
	assert_int_equal(list->n, 4);
	assert_prefix(&list->v[0], "224.0.0.0/4");
	assert_prefix(&list->v[1], "ff00::/8");
	assert_prefix(&list->v[2], "224.0.0.1/32");
	assert_prefix(&list->v[3], "ff02::1/128");
	conf_server_free(c);
}

static void
test_nics(void **state)
{
	struct conf_server *c =
		server("nic eth2 { isolate = true }\ntap t { }\nnic \"a.b-c_d\" { }\nnic eth1 { max-macs = 9 }");

	(void)state;
	assert_int_equal(c->n_nics, 3);
	assert_string_equal(c->nic[0].name, "eth2");
	assert_string_equal(c->nic[1].name, "a.b-c_d");
	assert_string_equal(c->nic[2].name, "eth1");
	assert_true(c->nic[0].port.isolate && !c->nic[1].port.isolate && c->nic[2].port.max_macs == 9);
	conf_server_free(c);
	char *p = server_round_trip("nic eth2 { isolate = true }\nnic \"a.b-c_d\" { }");
	assert_has(p, "nic \"eth2\" {\n\trouter = auto\n\tfast-leave = auto\n\tlearning = true\n\tisolate = true\n");
	assert_true(strstr(p, "nic \"eth2\" {") < strstr(p, "nic \"a.b-c_d\" {"));
	free(p);
}

static uint32_t
mtu_of(const char *text)
{
	struct conf_server *c = server(text);
	const uint32_t mtu = c->sw.mtu;

	conf_server_free(c);
	return mtu;
}

/* With NICs the MTU is theirs, unless it is said. */
static void
test_mtu(void **state)
{
	(void)state;
	assert_int_equal(mtu_of("tap t { }"), 1400);
	assert_int_equal(mtu_of("tap t { } nic eth1 { }"), 1500);
	assert_int_equal(mtu_of("nic eth1 { }\nswitch { aging = 5m }"), 1500);
	assert_int_equal(mtu_of("switch { mtu = 1400 }\nnic eth1 { }"), 1400);
	assert_int_equal(mtu_of("switch { mtu = 8000 }\nnic eth1 { }"), 8000);
}

static void
test_switch(void **state)
{
	struct conf_server *c = server(
		"tap t { }\nswitch { vlan-aware = true forward-reserved = {01:80:c2:00:00:0f, \"01-80-C2-00-00-00\", "
		"01:80:c2:00:00:0e} }");

	(void)state;
	assert_true(c->sw.vlan_aware);
	assert_int_equal(c->sw.forward_reserved, 0xc001);
	conf_server_free(c);
	char *p = server_round_trip("tap t { }\nswitch { forward-reserved = {01:80:c2:00:00:0e,01:80:c2:00:00:03} }");
	assert_has(p, "\tforward-reserved = {\"01:80:c2:00:00:03\", \"01:80:c2:00:00:0e\"}\n");
	free(p);
}

static void
test_snooping(void **state)
{
	static const char text[] = "snooping { strict-ssm = yes mrd-solicit = yes max-source-records = 1024\n"
				   "max-hosts = 16777216 %s}\n%s" ID "tap t { }";
	char of_server[256], of_client[256];

	(void)state;
	snprintf(of_server, sizeof(of_server), text, "grace = 0 ", "");
	snprintf(of_client, sizeof(of_client), text, "", "remote = {a}\n");
	struct conf_server *s = server(of_server);
	struct conf_client *c = client(of_client);
	assert_true(s->snooping.strict_ssm && s->snooping.mrd_solicit && s->snooping.grace == 0);
	assert_true(s->snooping.max_source_records == 1024 && s->snooping.max_hosts == 16777216);
	assert_true(c->snooping.strict_ssm && c->snooping.mrd_solicit);
	assert_true(c->snooping.max_source_records == 1024 && c->snooping.max_hosts == 16777216);
	conf_server_free(s);
	conf_client_free(c);
	char *p = server_round_trip(of_server);
	assert_has(p, "\tgrace = 0s\n");
	free(p);
	free(client_round_trip(of_client));
}

/* One group may stand there several times: for other sources and VLANs. */
static void
test_static_groups(void **state)
{
	static const char text[] = "switch { vlan-aware = true }\nnic eth1 { }\nnic eth2 { }\nlisten { }\n" ID
				   "static-group \"239.9.9.9\" { ports = {eth2, amy, eth1} }\n"
				   "static-group 239.9.9.9 { ports = {eth1} source = 192.0.2.7 vlan = 4094 }\n"
				   "static-group \"FF3E:0::1\" { ports = {eth1} source = \"2001:DB8::7\" vlan = 1 }\n"
				   "static-group \"03-00-00-00-00-0A\" { ports = {eth1} }\n";
	struct conf_server *c = server(text);
	const struct conf_static_group *g = c->static_group;

	(void)state;
	assert_int_equal(c->n_static_groups, 4);
	assert_ip(&g[0].group, "239.9.9.9");
	assert_true(!g[0].is_mac && !g[0].has_source && g[0].vlan == 0 && g[0].n_ports == 3);
	assert_string_equal(g[0].ports[0], "eth2");
	assert_string_equal(g[0].ports[1], "amy");
	assert_string_equal(g[0].ports[2], "eth1");
	assert_ip(&g[1].group, "239.9.9.9");
	assert_true(g[1].has_source && g[1].vlan == 4094 && g[1].n_ports == 1);
	assert_ip(&g[1].source, "192.0.2.7");
	assert_ip(&g[2].group, "ff3e::1");
	assert_ip(&g[2].source, "2001:db8::7");
	assert_true(g[3].is_mac && !g[3].has_source);
	assert_mac(&g[3].mac, "03:00:00:00:00:0a");
	conf_server_free(c);
	char *p = server_round_trip(text);
	assert_has(p, "static-group \"239.9.9.9\" {\n\tports = {\"eth2\", \"amy\", \"eth1\"}\n}\n");
	assert_has(p, "static-group \"ff3e::1\" {\n\tports = {\"eth1\"}\n\tsource = \"2001:db8::7\"\n\tvlan = 1\n}\n");
	assert_has(p, "static-group \"03:00:00:00:00:0a\" {\n\tports = {\"eth1\"}\n}\n");
	free(p);
}

static void
test_static_macs(void **state)
{
	static const char text[] = "switch { vlan-aware = true }\ntap t { }\n"
				   "static-mac \"02-00-00-00-00-0A\" { port = t }\n"
				   "static-mac 02:00:00:00:00:0a { port = t vlan = 5 sticky = yes }\n";
	struct conf_server *c = server(text);
	const struct conf_static_mac *m = c->static_mac;

	(void)state;
	assert_int_equal(c->n_static_macs, 2);
	assert_mac(&m[0].mac, "02:00:00:00:00:0a");
	assert_string_equal(m[0].port, "t");
	assert_true(m[0].vlan == 0 && !m[0].sticky);
	assert_mac(&m[1].mac, "02:00:00:00:00:0a");
	assert_true(m[1].vlan == 5 && m[1].sticky);
	conf_server_free(c);
	char *p = server_round_trip(text);
	assert_has(p, "static-mac \"02:00:00:00:00:0a\" {\n\tport = \"t\"\n\tsticky = false\n}\n"
		      "static-mac \"02:00:00:00:00:0a\" {\n\tport = \"t\"\n\tvlan = 5\n\tsticky = true\n}\n");
	free(p);
}

/* As many as there may be; that one more is refused is told by the golden file for NICs. */
static void
test_many_statics(void **state)
{
	struct conf_server *c = NULL;
	struct sbuf b, errors;

	(void)state;
	sbuf_init(&b);
	sbuf_init(&errors);
	sbuf_puts(&b, "tap t { }\n");
	for (unsigned i = 0; i < CONF_STATICS_MAX; i++)
		sbuf_printf(&b,
			    "static-group 239.1.%u.%u { ports = {t} }\nstatic-mac 02:00:00:00:%02x:%02x { port = t }\n",
			    i >> 8, i & 255, i >> 8, i & 255);
	c = server(sbuf_str(&b));
	assert_int_equal(c->n_static_groups, CONF_STATICS_MAX);
	assert_ip(&c->static_group[CONF_STATICS_MAX - 1].group, "239.1.15.255");
	assert_int_equal(c->n_static_macs, CONF_STATICS_MAX);
	conf_server_free(c);
	c = NULL;
	sbuf_puts(&b, "static-mac 02:00:00:00:ff:00 { port = t }\n");
	assert_int_not_equal(conf_server_parse("x.conf", sbuf_str(&b), b.len, &c, &errors), 0);
	assert_string_equal(sbuf_str(&errors), "x.conf:8194: static-mac: too many (allowed: 4096)\n");
	assert_null(c);
	sbuf_free(&b);
	sbuf_free(&errors);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),      cmocka_unit_test(test_values),
		cmocka_unit_test(test_peers_inherit), cmocka_unit_test(test_group_networks),
		cmocka_unit_test(test_nics),          cmocka_unit_test(test_mtu),
		cmocka_unit_test(test_switch),        cmocka_unit_test(test_snooping),
		cmocka_unit_test(test_static_groups), cmocka_unit_test(test_static_macs),
		cmocka_unit_test(test_many_statics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
