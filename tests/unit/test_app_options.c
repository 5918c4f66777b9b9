/* From the configuration to the switch: every option of ports, switch and snooping sets its parameter, and no other.
 *
 * What the parameters do is told by tests/scenarios; tests/options.txt names where.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app_params.h"
#include "conf_schema.h"

enum {
	SWITCH = 1 << CONF_BLOCK_SWITCH | 1 << CONF_BLOCK_SNOOPING,
	LOCAL = 1 << CONF_BLOCK_TAP | 1 << CONF_BLOCK_NIC,
	REMOTE = 1 << CONF_BLOCK_PEERS | 1 << CONF_BLOCK_PEER,
	PORT = LOCAL | REMOTE,
};

#define SWITCH_AT(m) offsetof(struct sw_params, m), sizeof(((struct sw_params *)0)->m)
#define SNOOPING_AT(m) SWITCH_AT(snooping.m)
#define PORT_AT(m) offsetof(struct sw_port_params, m), sizeof(((struct sw_port_params *)0)->m)

/* An option, a value that is not its default, and what it makes of which parameter. */
struct field {
	unsigned blocks;
	const char *option, *value;
	uint64_t number; /* not for addresses */
	size_t offset, size;
};

static const struct field fields[] = {
	{ SWITCH, "aging", "77s", 77 * NSEC_PER_SEC, SWITCH_AT(aging) },
	{ 1 << CONF_BLOCK_SWITCH, "max-macs", "77", 77, SWITCH_AT(max_macs) },
	{ SWITCH, "vlan-aware", "true", true, SWITCH_AT(vlan_aware) },
	{ SWITCH, "forward-reserved", "{\"01:80:c2:00:00:0e\"}", 1 << 14, SWITCH_AT(forward_reserved) },
	{ SWITCH, "igmp", "false", false, SNOOPING_AT(enabled[GM_IGMP]) },
	{ SWITCH, "mld", "false", false, SNOOPING_AT(enabled[GM_MLD]) },
	{ SWITCH, "igmp-version", "2", 2, SNOOPING_AT(version[GM_IGMP]) },
	{ SWITCH, "mld-version", "1", 1, SNOOPING_AT(version[GM_MLD]) },
	{ SWITCH, "querier", "on", SW_QUERIER_ON, SNOOPING_AT(querier) },
	{ SWITCH, "querier-address", "{\"10.1.2.3\"}", 0, SNOOPING_AT(querier_address[GM_IGMP]) },
	{ SWITCH, "querier-address", "{\"fe80::77\"}", 0, SNOOPING_AT(querier_address[GM_MLD]) },
	{ SWITCH, "query-interval", "77s", 77 * NSEC_PER_SEC, SNOOPING_AT(query_interval) },
	{ SWITCH, "query-response-interval", "7s", 7 * NSEC_PER_SEC, SNOOPING_AT(query_response_interval) },
	{ SWITCH, "startup-query-interval", "77s", 77 * NSEC_PER_SEC, SNOOPING_AT(startup_query_interval) },
	{ SWITCH, "startup-query-count", "77", 77, SNOOPING_AT(startup_query_count) },
	{ SWITCH, "last-member-query-interval", "77s", 77 * NSEC_PER_SEC, SNOOPING_AT(last_member_query_interval) },
	{ SWITCH, "last-member-query-count", "77", 77, SNOOPING_AT(last_member_query_count) },
	{ SWITCH, "robustness", "7", 7, SNOOPING_AT(robustness) },
	{ SWITCH, "membership-interval", "77s", 77 * NSEC_PER_SEC, SNOOPING_AT(membership_interval) },
	{ SWITCH, "other-querier-interval", "77s", 77 * NSEC_PER_SEC, SNOOPING_AT(other_querier_interval) },
	{ SWITCH, "unregistered", "drop", SW_UNREG_DROP, SNOOPING_AT(unregistered) },
	{ SWITCH, "unregistered", "flood", SW_UNREG_FLOOD, SNOOPING_AT(unregistered) },
	{ SWITCH, "flood-until-querier", "false", false, SNOOPING_AT(flood_until_querier) },
	{ SWITCH, "strict-router-alert", "true", true, SNOOPING_AT(strict_router_alert) },
	{ SWITCH, "strict-ssm", "true", true, SNOOPING_AT(strict_ssm) },
	{ SWITCH, "mrd-solicit", "true", true, SNOOPING_AT(mrd_solicit) },
	{ SWITCH, "non-ip-multicast", "drop", true, SNOOPING_AT(drop_non_ip_multicast) },
	{ SWITCH, "max-groups", "77", 77, SNOOPING_AT(max_groups) },
	{ SWITCH, "max-sources", "77", 77, SNOOPING_AT(max_sources) },
	{ SWITCH, "max-source-records", "7777", 7777, SNOOPING_AT(max_source_records) },
	{ 1 << CONF_BLOCK_SNOOPING, "max-hosts", "7777", 7777, SNOOPING_AT(max_hosts) },

	{ PORT, "router", "always", SW_ROUTER_ALWAYS, PORT_AT(router) },
	{ LOCAL, "router", "never", SW_ROUTER_NEVER, PORT_AT(router) },
	{ REMOTE, "router", "auto", SW_ROUTER_AUTO, PORT_AT(router) },
	{ PORT, "fast-leave", "on", SW_FAST_LEAVE_ON, PORT_AT(fast_leave) },
	{ PORT, "fast-leave", "off", SW_FAST_LEAVE_OFF, PORT_AT(fast_leave) },
	{ PORT, "learning", "false", false, PORT_AT(learning) },
	{ PORT, "isolate", "true", true, PORT_AT(isolate) },
	{ LOCAL, "protect-macs", "true", true, PORT_AT(protect_macs) },
	{ REMOTE, "protect-macs", "false", false, PORT_AT(protect_macs) },
	{ PORT, "flood-unknown-unicast", "false", false, PORT_AT(flood_unknown_unicast) },
	{ PORT, "flood-broadcast", "false", false, PORT_AT(flood_broadcast) },
	{ PORT, "flood-unregistered", "true", true, PORT_AT(flood_unregistered) },
	{ PORT, "flood-reports", "true", true, PORT_AT(flood_reports) },
	{ PORT, "max-macs", "77", 77, PORT_AT(max_macs) },
	{ PORT, "max-groups", "77", 77, PORT_AT(max_groups) },
	{ PORT, "max-hosts", "77", 77, PORT_AT(max_hosts) },
	{ PORT, "max-source-records", "77", 77, PORT_AT(max_source_records) },
	{ PORT, "report-rate", "77", 77, PORT_AT(gm_rate) },
	{ PORT, "allow-groups", "{239.1.0.0/16, 239.2.0.0/16}", 2, PORT_AT(groups.n_allow) },
	{ PORT, "deny-groups", "{239.1.0.0/16, 239.2.0.0/16}", 2, PORT_AT(groups.n_deny) },
};

enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

/* Not parameters of the switch: the programs themselves have these (tests/net). */
static const char *const others[] = { "address",         "user",        "mtu",     "grace",       "max",    "pool",
				      "multicast-route", "lease-file",  "dns",     "dns-domains", "routes", "keepalive",
				      "duplicates",      "fingerprint", "disabled" };

/* --- reading a configuration -----------------------------------------------------------------------------------------
 */

static struct conf_server *
server(const char *text)
{
	struct conf_server *c = NULL;
	struct sbuf errors;

	sbuf_init(&errors);
	if (conf_server_parse("x.conf", text, strlen(text), &c, &errors))
		fail_msg("%s%s", text, sbuf_str(&errors));
	sbuf_free(&errors);
	return c;
}

static struct conf_client *
client(const char *text)
{
	struct conf_client *c = NULL;
	struct sbuf errors;

	sbuf_init(&errors);
	if (conf_client_parse("x.conf", text, strlen(text), &c, &errors))
		fail_msg("%s%s", text, sbuf_str(&errors));
	sbuf_free(&errors);
	return c;
}

/* A configuration of nothing else but one option, or of nothing at all. */
static const char *
text_with(unsigned program, enum conf_block_id block, const struct field *f)
{
	static char text[512];
	const char *title = block == CONF_BLOCK_TAP    ? "tap0"
			    : block == CONF_BLOCK_NIC  ? "eth0"
			    : block == CONF_BLOCK_PEER ? "amy"
						       : "";

	snprintf(text, sizeof(text), "%s%s%s %s { %s%s%s }\n",
		 program == CONF_CLIENT ? "remote = {a}\nidentity { certificate = a key = b ca = c }\n" : "",
		 block == CONF_BLOCK_TAP ? "" : "tap tap0 { }\n", conf_blocks[block].name, title, f ? f->option : "",
		 f ? " = " : "", f ? f->value : "");
	return text;
}

/* --- what it makes of the switch -------------------------------------------------------------------------------------
 */

union params {
	struct sw_params sw;
	struct sw_port_params port;
};

/* What must outlive the parameters: they refer to it. */
struct made {
	union params params;
	struct conf_server *server;
	struct conf_client *client;
};

static void
port_params(const struct conf_server *c, enum conf_block_id block, struct sw_port_params *ret)
{
	switch (block) {
	case CONF_BLOCK_TAP:
		app_port_params(&c->tap.port, SW_TAP, "port", ret);
		break;
	case CONF_BLOCK_NIC:
		app_port_params(&c->nic[0].port, SW_NIC, "port", ret);
		break;
	case CONF_BLOCK_PEERS:
		app_port_params(&conf_peer_for(c, "stranger")->port, SW_PEER, "port", ret);
		break;
	default:
		app_port_params(&conf_peer_for(c, "amy")->port, SW_PEER, "port", ret);
		break;
	}
}

static struct made
make(unsigned program, enum conf_block_id block, const struct field *f)
{
	struct made m = { .server = NULL };

	if (program == CONF_CLIENT) {
		m.client = client(text_with(program, block, f));
		app_switch_params(&m.client->sw, &m.client->snooping, &m.params.sw);
		return m;
	}
	m.server = server(text_with(program, block, f));
	if (1u << block & PORT)
		port_params(m.server, block, &m.params.port);
	else
		app_switch_params(&m.server->sw, &m.server->snooping, &m.params.sw);
	return m;
}

static void
made_free(struct made *m)
{
	conf_server_free(m->server);
	conf_client_free(m->client);
}

static const void *
at(const struct made *m, const struct field *f)
{
	return (const uint8_t *)&m->params + f->offset;
}

static bool
same(const struct made *a, const struct made *b, const struct field *f)
{
	return memcmp(at(a, f), at(b, f), f->size) == 0;
}

static bool
has_address(const void *address, const char *list)
{
	char text[64];
	struct ipaddr a;

	snprintf(text, sizeof(text), "%.*s", (int)strlen(list) - 4, list + 2); /* {"..."} */
	assert_true(ipaddr_parse(text, &a));
	return memcmp(address, &a, sizeof(a)) == 0;
}

static bool
has_value(const struct made *m, const struct field *f)
{
	uint16_t v16;
	uint32_t v32;
	uint64_t v64;

	switch (f->size) {
	case 1:
		return *(const uint8_t *)at(m, f) == f->number;
	case sizeof(v16):
		memcpy(&v16, at(m, f), sizeof(v16));
		return v16 == f->number;
	case sizeof(v32):
		memcpy(&v32, at(m, f), sizeof(v32));
		return v32 == f->number;
	case sizeof(v64):
		memcpy(&v64, at(m, f), sizeof(v64));
		return v64 == f->number;
	default:
		return has_address(at(m, f), f->value);
	}
}

/* Whether the parameter has the option's value, and all others have what they have without it. */
static unsigned
count_wrong(unsigned program, enum conf_block_id block, const struct field *f)
{
	const unsigned kind = 1u << block & PORT ? PORT : SWITCH;
	struct made without = make(program, block, NULL), with = make(program, block, f);
	unsigned wrong = 0;

	if (!has_value(&with, f) || same(&without, &with, f)) {
		print_error("%s: %s = %s has no effect\n", conf_blocks[block].name, f->option, f->value);
		wrong++;
	}
	for (size_t i = 0; i < FIELDS; i++)
		if ((fields[i].blocks & kind) && fields[i].offset != f->offset && !same(&without, &with, &fields[i])) {
			print_error("%s: %s also changes %s\n", conf_blocks[block].name, f->option, fields[i].option);
			wrong++;
		}
	made_free(&without);
	made_free(&with);
	return wrong;
}

/* --- the walk --------------------------------------------------------------------------------------------------------
 */

static bool
is_other(const char *option)
{
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(others[i], option) == 0)
			return true;
	return false;
}

/* All that fields[] says of an option in a block. */
static unsigned
walk_option(unsigned program, enum conf_block_id block, const struct conf_row *row)
{
	unsigned wrong = 0;
	bool found = is_other(row->name);

	for (size_t i = 0; i < FIELDS; i++)
		if ((fields[i].blocks & 1u << block) && strcmp(fields[i].option, row->name) == 0) {
			wrong += count_wrong(program, block, &fields[i]);
			found = true;
		}
	if (!found)
		print_error("%s: %s is not in this test\n", conf_blocks[block].name, row->name);
	return wrong + !found;
}

static unsigned
walk(unsigned program, unsigned blocks)
{
	unsigned wrong = 0, options = 0;

	for (enum conf_block_id block = CONF_BLOCK_TOP; block < CONF_BLOCKS; block++)
		for (size_t i = 0; (blocks & 1u << block) && i < conf_rows_n; i++)
			if (conf_row_applies(&conf_rows[i], block, program)) {
				wrong += walk_option(program, block, &conf_rows[i]);
				options++;
			}
	assert_int_equal(wrong, 0);
	return options;
}

static void
test_server(void **state)
{
	(void)state;
	assert_true(walk(CONF_SERVER, SWITCH) > 30);
	assert_true(walk(CONF_SERVER, PORT) > 60);
}

/* Its ports are no options. */
static void
test_client(void **state)
{
	(void)state;
	assert_true(walk(CONF_CLIENT, SWITCH) > 15);
}

/* The rules for groups themselves, and in their places. */
static void
test_group_rules(void **state)
{
	struct conf_server *c = server("tap t { allow-groups = {239.1.2.3} deny-groups = {ff05::/16} }");
	struct sw_port_params p;
	char buf[IPADDR_STRLEN];

	(void)state;
	app_port_params(&c->tap.port, SW_TAP, "t", &p);
	assert_true(p.groups.n_allow == 1 && p.groups.n_deny == 1);
	assert_string_equal(ipaddr_str(&p.groups.allow[0].addr, buf), "239.1.2.3");
	assert_int_equal(p.groups.allow[0].len, 32);
	assert_string_equal(ipaddr_str(&p.groups.deny[0].addr, buf), "ff05::");
	assert_int_equal(p.groups.deny[0].len, 16);
	conf_server_free(c);
}

/* A peer without a word of its own in its block has what all peers have. */
static void
test_inherited(void **state)
{
	struct conf_server *c = server("tap t { }\npeers { report-rate = 9 isolate = true }\npeer amy { }");
	struct sw_port_params p;

	(void)state;
	port_params(c, CONF_BLOCK_PEER, &p);
	assert_true(p.gm_rate == 9 && p.isolate && p.kind == SW_PEER);
	conf_server_free(c);
}

/* What the file does not say is what the switch takes by itself. */
static void
test_defaults(void **state)
{
	struct made of_file = make(CONF_SERVER, CONF_BLOCK_SWITCH, NULL), of_switch = { .server = NULL };

	(void)state;
	sw_params_default(&of_switch.params.sw);
	for (size_t i = 0; i < FIELDS; i++)
		if ((fields[i].blocks & SWITCH) && !same(&of_file, &of_switch, &fields[i]))
			fail_msg("%s: another default", fields[i].option);
	made_free(&of_file);
}

/* tunnel { dscp, mss-clamp }: the bits of ECN are kept by all of them. */
static void
test_policy(void **state)
{
	static const struct {
		uint8_t dscp;
		uint16_t mss_clamp;
		struct port_peer_policy policy;
	} rows[] = {
		{ CONF_DSCP_COPY, CONF_MSS_AUTO, { .tos_keep = 0xff, .clamp = true } },
		{ CONF_DSCP_NONE, CONF_MSS_OFF, { .tos_keep = 3 } },
		{ 0, 536, { .tos_keep = 3, .clamp = true, .mss = 536 } },
		{ 46, 8960, { .tos_keep = 3, .tos_set = 0xb8, .clamp = true, .mss = 8960 } },
		{ 63, CONF_MSS_AUTO, { .tos_keep = 3, .tos_set = 0xfc, .clamp = true } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct conf_tunnel conf = { .dscp = rows[i].dscp, .mss_clamp = rows[i].mss_clamp };
		const struct port_peer_policy p = app_policy(&conf);

		assert_int_equal(p.tos_keep, rows[i].policy.tos_keep);
		assert_int_equal(p.tos_set, rows[i].policy.tos_set);
		assert_int_equal(p.clamp, rows[i].policy.clamp);
		assert_int_equal(p.mss, rows[i].policy.mss);
	}
}

/* A frame of the MTU with two tags, in an outer packet of 1,500 bytes of IPv6. */
static void
test_max_datagram(void **state)
{
	(void)state;
	assert_int_equal(app_max_datagram(1400), 1500 - 48);
	assert_int_equal(app_max_datagram(8000), 8052);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_server),       cmocka_unit_test(test_client),
		cmocka_unit_test(test_group_rules),  cmocka_unit_test(test_inherited),
		cmocka_unit_test(test_defaults),     cmocka_unit_test(test_policy),
		cmocka_unit_test(test_max_datagram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
