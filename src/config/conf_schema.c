/* The table of options. */
#include "conf_schema.h"

#include <string.h>

#include "castswitch/conf.h"
#include "castswitch/mono.h"

const struct conf_block conf_blocks[CONF_BLOCKS] = {
	[CONF_BLOCK_TOP] = { "", CONF_BOTH, 0, 0 },
	[CONF_BLOCK_TAP] = { "tap", CONF_BOTH, CONF_TITLED | CONF_OPTIONAL, 0 },
	[CONF_BLOCK_NIC] = { "nic", CONF_SERVER, CONF_TITLED | CONF_MULTI, CONF_NICS_MAX },
	[CONF_BLOCK_SWITCH] = { "switch", CONF_BOTH, 0, 0 },
	[CONF_BLOCK_LISTEN] = { "listen", CONF_SERVER, CONF_OPTIONAL, 0 },
	[CONF_BLOCK_IDENTITY] = { "identity", CONF_BOTH, CONF_OPTIONAL, 0 },
	[CONF_BLOCK_SNOOPING] = { "snooping", CONF_BOTH, 0, 0 },
	[CONF_BLOCK_TUNNEL] = { "tunnel", CONF_BOTH, 0, 0 },
	[CONF_BLOCK_PEERS] = { "peers", CONF_SERVER, 0, 0 },
	[CONF_BLOCK_PEER] = { "peer", CONF_SERVER, CONF_TITLED | CONF_MULTI, CONF_PEERS_MAX },
	[CONF_BLOCK_STATIC_GROUP] = { "static-group", CONF_SERVER, CONF_TITLED | CONF_MULTI | CONF_REPEATS,
				      CONF_STATICS_MAX },
	[CONF_BLOCK_STATIC_MAC] = { "static-mac", CONF_SERVER, CONF_TITLED | CONF_MULTI | CONF_REPEATS,
				    CONF_STATICS_MAX },
	[CONF_BLOCK_PULL] = { "pull", CONF_CLIENT, 0, 0 },
	[CONF_BLOCK_CONTROL] = { "control", CONF_BOTH, 0, 0 },
	[CONF_BLOCK_LOG] = { "log", CONF_BOTH, 0, 0 },
};

enum {
	TOP = 1 << CONF_BLOCK_TOP,
	TAP = 1 << CONF_BLOCK_TAP,
	NIC = 1 << CONF_BLOCK_NIC,
	SWITCH = 1 << CONF_BLOCK_SWITCH,
	LISTEN = 1 << CONF_BLOCK_LISTEN,
	IDENTITY = 1 << CONF_BLOCK_IDENTITY,
	SNOOPING = 1 << CONF_BLOCK_SNOOPING,
	TUNNEL = 1 << CONF_BLOCK_TUNNEL,
	PEERS = 1 << CONF_BLOCK_PEERS,
	PEER = 1 << CONF_BLOCK_PEER,
	STATIC_GROUP = 1 << CONF_BLOCK_STATIC_GROUP,
	STATIC_MAC = 1 << CONF_BLOCK_STATIC_MAC,
	PULL = 1 << CONF_BLOCK_PULL,
	CONTROL = 1 << CONF_BLOCK_CONTROL,
	LOG = 1 << CONF_BLOCK_LOG,
	/* Ports: of this host, of others, all. */
	LOCAL = TAP | NIC,
	REMOTE = PEERS | PEER,
	PORT = LOCAL | REMOTE,
};

/* The words of each enum of conf.h, by value. */
static const char *const switch_words[] = { "auto", "on", "off", NULL };
static const char *const router_words[] = { "auto", "never", "always", NULL };
static const char *const unregistered_words[] = { "routers", "flood", "drop", NULL };
static const char *const non_ip_words[] = { "flood", "drop", NULL };
static const char *const duplicates_words[] = { "replace", "refuse", NULL };
static const char *const order_words[] = { "order", "random", NULL };
static const char *const dscp_words[] = { "copy", "none", NULL };
static const char *const mss_words[] = { "auto", "off", NULL };
static const char *const log_words[] = { "error", "warning", "notice", "info", "debug", NULL };

/* A field: its place and size. */
#define IN(base, type, member) base, offsetof(type, member), sizeof(((type *)0)->member)
#define TAP_AT(m) IN(CONF_BASE_SELF, struct conf_tap, m)
#define SWITCH_AT(m) IN(CONF_BASE_SELF, struct conf_switch, m)
#define LISTEN_AT(m) IN(CONF_BASE_SELF, struct conf_listen, m)
#define IDENTITY_AT(m) IN(CONF_BASE_SELF, struct conf_identity, m)
#define SNOOPING_AT(m) IN(CONF_BASE_SELF, struct conf_snooping, m)
#define TUNNEL_AT(m) IN(CONF_BASE_SELF, struct conf_tunnel, m)
#define SERVER_AT(m) IN(CONF_BASE_SELF, struct conf_server, m)
#define CLIENT_AT(m) IN(CONF_BASE_SELF, struct conf_client, m)
#define PULL_AT(m) IN(CONF_BASE_SELF, struct conf_pull, m)
#define PEER_AT(m) IN(CONF_BASE_PEER, struct conf_peer, m)
/* The bool, and the bytes behind it. */
#define PEER_PIN CONF_BASE_PEER, offsetof(struct conf_peer, has_fingerprint), 1 + CONF_FINGERPRINT_LEN
#define PORT_AT(m) IN(CONF_BASE_PORT, struct conf_port, m)
#define STATIC_MAC_AT(m) IN(CONF_BASE_SELF, struct conf_static_mac, m)
/* The list and its length; the bool and the address behind it. */
#define GROUP_PORTS CONF_BASE_SELF, offsetof(struct conf_static_group, ports), sizeof(void *) + sizeof(size_t)
#define GROUP_SOURCE CONF_BASE_SELF, offsetof(struct conf_static_group, has_source), 1 + sizeof(struct ipaddr)

#define MSEC NSEC_PER_MSEC
#define SEC NSEC_PER_SEC
#define S CONF_SERVER
#define C CONF_CLIENT
#define SC CONF_BOTH
#define CH CONF_CLIENT_HIDDEN
#define AUTO CONF_ZERO_IS_AUTO
#define BARE CONF_BARE_ADDRESS
#define SERVER_SOCKET CASTSWITCH_RUNDIR "/castswitchd.sock"
#define LEASE_FILE CASTSWITCH_STATEDIR "/leases.json"
#define CLIENT_SOCKET CASTSWITCH_RUNDIR "/castswitch.sock"

/* Where a limit or a duration comes from: query intervals and response times are what the codes of IGMPv3 can say (RFC
 * 3376 4.1.1, 4.1.7: 31744 units), robustness what QRV can (4.1.6), aging what IEEE 802.1Q-2022 8.8.3 allows but for
 * the lower end, the MTU what IPv6 needs (RFC 8200 5) up to what eight fragments of a small path carry. */
/* clang-format off */
const struct conf_row conf_rows[] = {
	/* blocks, programs, name, type, min, max, default, unit, words, flags, field */
	{ TOP, C, "remote", CONF_REMOTES, 1, CONF_REMOTES_MAX, NULL, NULL, NULL, 0, CLIENT_AT(remote) },
	{ TOP, C, "remote-order", CONF_WORD, 0, 0, "order", NULL, order_words, 0, CLIENT_AT(remote_order) },

	{ TAP, SC, "address", CONF_PREFIXES, 0, 16, NULL, NULL, NULL, 0, TAP_AT(address) },

	/* What ports have: the host's own are believed, peers are not. */
	{ LOCAL, S, "router", CONF_WORD, 0, 0, "auto", NULL, router_words, 0, PORT_AT(router) },
	{ REMOTE, S, "router", CONF_WORD, 0, 0, "never", NULL, router_words, 0, PORT_AT(router) },
	{ PORT, S, "fast-leave", CONF_WORD, 0, 0, "auto", NULL, switch_words, 0, PORT_AT(fast_leave) },
	{ PORT, S | CH, "learning", CONF_BOOL, 0, 0, "true", NULL, NULL, 0, PORT_AT(learning) },
	{ PORT, S, "isolate", CONF_BOOL, 0, 0, "false", NULL, NULL, 0, PORT_AT(isolate) },
	{ LOCAL, S, "protect-macs", CONF_BOOL, 0, 0, "false", NULL, NULL, 0, PORT_AT(protect_macs) },
	{ REMOTE, S, "protect-macs", CONF_BOOL, 0, 0, "true", NULL, NULL, 0, PORT_AT(protect_macs) },
	{ PORT, S | CH, "flood-unknown-unicast", CONF_BOOL, 0, 0, "true", NULL, NULL, 0,
	  PORT_AT(flood_unknown_unicast) },
	{ PORT, S | CH, "flood-broadcast", CONF_BOOL, 0, 0, "true", NULL, NULL, 0, PORT_AT(flood_broadcast) },
	{ PORT, S, "flood-unregistered", CONF_BOOL, 0, 0, "false", NULL, NULL, 0, PORT_AT(flood_unregistered) },
	{ PORT, S, "flood-reports", CONF_BOOL, 0, 0, "false", NULL, NULL, 0, PORT_AT(flood_reports) },
	{ LOCAL, S, "max-macs", CONF_UINT, 0, 1048576, "0", NULL, NULL, 0, PORT_AT(max_macs) },
	{ REMOTE, S, "max-macs", CONF_UINT, 0, 1048576, "256", NULL, NULL, 0, PORT_AT(max_macs) },
	{ LOCAL, S, "max-groups", CONF_UINT, 0, 1048576, "0", NULL, NULL, 0, PORT_AT(max_groups) },
	{ REMOTE, S, "max-groups", CONF_UINT, 0, 1048576, "256", NULL, NULL, 0, PORT_AT(max_groups) },
	{ LOCAL, S, "max-hosts", CONF_UINT, 0, 1048576, "0", NULL, NULL, 0, PORT_AT(max_hosts) },
	{ REMOTE, S, "max-hosts", CONF_UINT, 0, 1048576, "1024", NULL, NULL, 0, PORT_AT(max_hosts) },
	{ LOCAL, S, "max-source-records", CONF_UINT, 0, 16777216, "0", NULL, NULL, 0, PORT_AT(max_source_records) },
	{ REMOTE, S, "max-source-records", CONF_UINT, 0, 16777216, "4096", NULL, NULL, 0,
	  PORT_AT(max_source_records) },
	{ LOCAL, S, "report-rate", CONF_UINT, 0, 1000000, "0", "messages a second", NULL, 0, PORT_AT(gm_rate) },
	{ REMOTE, S, "report-rate", CONF_UINT, 0, 1000000, "200", "messages a second", NULL, 0, PORT_AT(gm_rate) },
	{ PORT, S, "allow-groups", CONF_GROUPS, 0, CONF_GROUP_RULES_MAX, NULL, NULL, NULL, 0, PORT_AT(allow_groups) },
	{ PORT, S, "deny-groups", CONF_GROUPS, 0, CONF_GROUP_RULES_MAX, NULL, NULL, NULL, 0, PORT_AT(deny_groups) },

	{ SWITCH, S, "aging", CONF_DURATION, SEC, 1000000 * SEC, "300s", NULL, NULL, 0, SWITCH_AT(aging) },
	{ SWITCH, S, "max-macs", CONF_UINT, 16, 1048576, "65536", NULL, NULL, 0, SWITCH_AT(max_macs) },
	{ SWITCH, S, "vlan-aware", CONF_BOOL, 0, 0, "false", NULL, NULL, 0, SWITCH_AT(vlan_aware) },
	{ SWITCH, S, "forward-reserved", CONF_RESERVED, 0, 16, NULL, NULL, NULL, 0, SWITCH_AT(forward_reserved) },
	{ SWITCH, SC, "mtu", CONF_UINT, 1280, 8000, "1400", "bytes", NULL, 0, SWITCH_AT(mtu) },
	{ SWITCH, SC, "user", CONF_NAME, 1, CONF_USER_MAX, "castswitch", NULL, NULL, 0, SWITCH_AT(user) },

	{ LISTEN, S, "address", CONF_ADDRS, 1, 16, "0.0.0.0 ::", NULL, NULL, 0, LISTEN_AT(address) },
	{ LISTEN, S, "port", CONF_UINT, 1, 65535, "22424", NULL, NULL, 0, LISTEN_AT(port) },

	{ IDENTITY, SC, "certificate", CONF_PEM, 1, 0, NULL, NULL, NULL, 0, IDENTITY_AT(certificate) },
	{ IDENTITY, SC, "key", CONF_PEM, 1, 0, NULL, NULL, NULL, CONF_SECRET, IDENTITY_AT(key) },
	{ IDENTITY, SC, "ca", CONF_PEM, 0, 0, "", NULL, NULL, 0, IDENTITY_AT(ca) },
	{ IDENTITY, SC, "crl", CONF_PEM, 0, 0, "", NULL, NULL, 0, IDENTITY_AT(crl) },
	{ IDENTITY, SC, "crl-strict", CONF_BOOL, 0, 0, "false", NULL, NULL, 0, IDENTITY_AT(crl_strict) },
	{ IDENTITY, C, "fingerprints", CONF_PINS, 0, 16, NULL, NULL, NULL, 0, IDENTITY_AT(fingerprints) },
	{ IDENTITY, C, "server-name", CONF_STRING, 1, 253, NULL, NULL, NULL, 0, IDENTITY_AT(server_name) },
	{ IDENTITY, SC, "require-eku", CONF_BOOL, 0, 0, "true", NULL, NULL, 0, IDENTITY_AT(require_eku) },

	{ SNOOPING, SC, "igmp", CONF_BOOL, 0, 0, "true", NULL, NULL, 0, SNOOPING_AT(igmp) },
	{ SNOOPING, SC, "mld", CONF_BOOL, 0, 0, "true", NULL, NULL, 0, SNOOPING_AT(mld) },
	{ SNOOPING, S, "igmp-version", CONF_UINT, 1, 3, "3", NULL, NULL, 0, SNOOPING_AT(igmp_version) },
	{ SNOOPING, S, "mld-version", CONF_UINT, 1, 2, "2", NULL, NULL, 0, SNOOPING_AT(mld_version) },
	{ SNOOPING, S, "querier", CONF_WORD, 0, 0, "auto", NULL, switch_words, 0, SNOOPING_AT(querier) },
	{ SNOOPING, S, "querier-address", CONF_ADDRS, 0, 2, NULL, NULL, NULL, 0, SNOOPING_AT(querier_address) },
	{ SNOOPING, SC, "query-interval", CONF_DURATION, SEC, 31744 * SEC, "125s", NULL, NULL, 0,
	  SNOOPING_AT(query_interval) },
	{ SNOOPING, SC, "query-response-interval", CONF_DURATION, 100 * MSEC, 3174 * SEC, "10s", NULL, NULL, 0,
	  SNOOPING_AT(query_response_interval) },
	{ SNOOPING, S, "startup-query-interval", CONF_DURATION, 100 * MSEC, 31744 * SEC, "auto", NULL, NULL, AUTO,
	  SNOOPING_AT(startup_query_interval) },
	{ SNOOPING, S, "startup-query-count", CONF_UINT, 1, 255, "auto", NULL, NULL, AUTO,
	  SNOOPING_AT(startup_query_count) },
	{ SNOOPING, SC, "last-member-query-interval", CONF_DURATION, 100 * MSEC, 3174 * SEC, "1s", NULL, NULL, 0,
	  SNOOPING_AT(last_member_query_interval) },
	{ SNOOPING, SC, "last-member-query-count", CONF_UINT, 1, 255, "auto", NULL, NULL, AUTO,
	  SNOOPING_AT(last_member_query_count) },
	{ SNOOPING, SC, "robustness", CONF_UINT, 1, 7, "2", NULL, NULL, 0, SNOOPING_AT(robustness) },
	{ SNOOPING, SC, "membership-interval", CONF_DURATION, SEC, 1000000 * SEC, "auto", NULL, NULL, AUTO,
	  SNOOPING_AT(membership_interval) },
	{ SNOOPING, SC, "other-querier-interval", CONF_DURATION, SEC, 1000000 * SEC, "auto", NULL, NULL, AUTO,
	  SNOOPING_AT(other_querier_interval) },
	{ SNOOPING, SC, "unregistered", CONF_WORD, 0, 0, "routers", NULL, unregistered_words, 0,
	  SNOOPING_AT(unregistered) },
	{ SNOOPING, S, "flood-until-querier", CONF_BOOL, 0, 0, "true", NULL, NULL, 0,
	  SNOOPING_AT(flood_until_querier) },
	{ SNOOPING, SC, "strict-router-alert", CONF_BOOL, 0, 0, "false", NULL, NULL, 0,
	  SNOOPING_AT(strict_router_alert) },
	{ SNOOPING, SC, "strict-ssm", CONF_BOOL, 0, 0, "false", NULL, NULL, 0, SNOOPING_AT(strict_ssm) },
	{ SNOOPING, SC, "mrd-solicit", CONF_BOOL, 0, 0, "false", NULL, NULL, 0, SNOOPING_AT(mrd_solicit) },
	{ SNOOPING, SC, "non-ip-multicast", CONF_WORD, 0, 0, "flood", NULL, non_ip_words, 0,
	  SNOOPING_AT(non_ip_multicast) },
	{ SNOOPING, SC, "max-groups", CONF_UINT, 16, 1048576, "16384", NULL, NULL, 0, SNOOPING_AT(max_groups) },
	{ SNOOPING, SC, "max-sources", CONF_UINT, 1, 65535, "128", "a group", NULL, 0, SNOOPING_AT(max_sources) },
	{ SNOOPING, SC, "max-source-records", CONF_UINT, 1024, 16777216, "262144", NULL, NULL, 0,
	  SNOOPING_AT(max_source_records) },
	{ SNOOPING, SC, "max-hosts", CONF_UINT, 1024, 16777216, "262144", NULL, NULL, 0, SNOOPING_AT(max_hosts) },
	{ SNOOPING, S, "grace", CONF_DURATION, 0, 3600 * SEC, "30s", NULL, NULL, 0, SNOOPING_AT(grace) },

	{ TUNNEL, SC, "rekey", CONF_DURATION, SEC, 86400 * SEC, "1h", NULL, NULL, 0, TUNNEL_AT(rekey) },
	{ TUNNEL, SC, "access-key", CONF_KEY, 0, 0, "", NULL, NULL, CONF_SECRET, TUNNEL_AT(access_key) },
	{ TUNNEL, SC, "dscp", CONF_UINT, 0, CONF_DSCP_MAX, "copy", NULL, dscp_words, 0, TUNNEL_AT(dscp) },
	{ TUNNEL, SC, "mss-clamp", CONF_UINT, CONF_MSS_MIN, CONF_MSS_MAX, "auto", "bytes", mss_words, 0,
	  TUNNEL_AT(mss_clamp) },

	{ PEERS, S, "max", CONF_UINT, 1, 4000, "1000", "peers", NULL, 0, SERVER_AT(peers_max) },
	{ PEERS, S, "pool", CONF_PREFIXES, 0, CONF_POOL_MAX, NULL, NULL, NULL, CONF_NETWORKS, SERVER_AT(pool) },
	{ PEERS, S, "lease-file", CONF_STRING, 0, 1023, LEASE_FILE, NULL, NULL, 0, SERVER_AT(lease_file) },
	{ REMOTE, S, "dns", CONF_ADDRS, 0, CONF_DNS_MAX, NULL, NULL, NULL, 0, PEER_AT(dns) },
	{ REMOTE, S, "dns-domains", CONF_DOMAINS, 0, CONF_DOMAINS_MAX, NULL, NULL, NULL, 0, PEER_AT(dns_domains) },
	{ REMOTE, S, "routes", CONF_PREFIXES, 0, CONF_ROUTES_MAX, NULL, NULL, NULL, CONF_NETWORKS, PEER_AT(routes) },
	{ REMOTE, S, "multicast-route", CONF_BOOL, 0, 0, "true", NULL, NULL, 0, PEER_AT(multicast_route) },
	{ REMOTE, S, "keepalive", CONF_DURATION, SEC, 600 * SEC, "15s", NULL, NULL, 0, PEER_AT(keepalive) },
	{ REMOTE, S, "duplicates", CONF_WORD, 0, 0, "replace", NULL, duplicates_words, 0, PEER_AT(duplicates) },
	{ PEER, S, "address", CONF_PREFIXES, 0, CONF_PEER_ADDRS_MAX, NULL, NULL, NULL, BARE, PEER_AT(address) },
	{ PEER, S, "fingerprint", CONF_PIN, 0, 0, NULL, NULL, NULL, 0, PEER_PIN },
	{ PEER, S, "disabled", CONF_BOOL, 0, 0, "false", NULL, NULL, 0, PEER_AT(disabled) },

	{ STATIC_GROUP, S, "ports", CONF_PORTS, 1, CONF_GROUP_PORTS_MAX, NULL, NULL, NULL, 0, GROUP_PORTS },
	{ STATIC_GROUP, S, "source", CONF_ADDR, 0, 0, NULL, NULL, NULL, 0, GROUP_SOURCE },
	{ STATIC_GROUP, S, "vlan", CONF_UINT, 1, 4094, NULL, NULL, NULL, CONF_ZERO_IS_NONE,
	  IN(CONF_BASE_SELF, struct conf_static_group, vlan) },
	{ STATIC_MAC, S, "port", CONF_PORT, 1, 0, NULL, NULL, NULL, 0, STATIC_MAC_AT(port) },
	{ STATIC_MAC, S, "vlan", CONF_UINT, 1, 4094, NULL, NULL, NULL, CONF_ZERO_IS_NONE, STATIC_MAC_AT(vlan) },
	{ STATIC_MAC, S, "sticky", CONF_BOOL, 0, 0, "false", NULL, NULL, 0, STATIC_MAC_AT(sticky) },

	{ PULL, C, "address", CONF_BOOL, 0, 0, "true", NULL, NULL, 0, PULL_AT(address) },
	{ PULL, C, "multicast-route", CONF_BOOL, 0, 0, "true", NULL, NULL, 0, PULL_AT(multicast_route) },
	{ PULL, C, "mtu", CONF_BOOL, 0, 0, "true", NULL, NULL, 0, PULL_AT(mtu) },
	{ PULL, C, "routes", CONF_BOOL, 0, 0, "true", NULL, NULL, 0, PULL_AT(routes) },
	{ PULL, C, "dns", CONF_BOOL, 0, 0, "true", NULL, NULL, 0, PULL_AT(dns) },

	{ CONTROL, S, "socket", CONF_STRING, 1, CONF_SOCKET_PATH_MAX, SERVER_SOCKET, NULL, NULL, 0,
	  IN(CONF_BASE_SELF, struct conf_control, socket) },
	{ CONTROL, C, "socket", CONF_STRING, 1, CONF_SOCKET_PATH_MAX, CLIENT_SOCKET, NULL, NULL, 0,
	  IN(CONF_BASE_SELF, struct conf_control, socket) },
	{ LOG, SC, "level", CONF_WORD, 0, 0, "info", NULL, log_words, 0, IN(CONF_BASE_SELF, struct conf_log, level) },
};
/* clang-format on */

const size_t conf_rows_n = sizeof(conf_rows) / sizeof(conf_rows[0]);

_Static_assert(sizeof(conf_rows) / sizeof(conf_rows[0]) <= CONF_ROWS_MAX, "CONF_ROWS_MAX");
_Static_assert(offsetof(struct conf_tap, present) == 0 && offsetof(struct conf_listen, present) == 0 &&
		       offsetof(struct conf_identity, present) == 0,
	       "CONF_OPTIONAL");
_Static_assert(sizeof(bool) == 1 &&
		       offsetof(struct conf_peer, fingerprint) == offsetof(struct conf_peer, has_fingerprint) + 1,
	       "CONF_PIN");
_Static_assert(offsetof(struct conf_static_group, n_ports) ==
			       offsetof(struct conf_static_group, ports) + sizeof(void *) &&
		       offsetof(struct conf_static_group, source) == offsetof(struct conf_static_group, has_source) + 1,
	       "CONF_PORTS, CONF_ADDR");
_Static_assert(CONF_ON == 1 && CONF_OFF == 2, "switch_words");
_Static_assert(CONF_ROUTER_NEVER == 1 && CONF_ROUTER_ALWAYS == 2, "router_words");
_Static_assert(CONF_UNREGISTERED_FLOOD == 1 && CONF_UNREGISTERED_DROP == 2, "unregistered_words");
_Static_assert(CONF_NON_IP_DROP == 1 && CONF_REMOTE_RANDOM == 1, "non_ip_words, order_words");
_Static_assert(CONF_DUPLICATES_REFUSE == 1, "duplicates_words");
_Static_assert(CONF_DSCP_COPY == CONF_DSCP_MAX + 1 && CONF_DSCP_NONE == CONF_DSCP_MAX + 2, "dscp_words");
_Static_assert(CONF_MSS_AUTO == CONF_MSS_MAX + 1 && CONF_MSS_OFF == CONF_MSS_MAX + 2, "mss_words");
_Static_assert(LOG_LEVEL_ERROR == 0 && LOG_LEVEL_INFO == 3 && LOG_LEVEL_DEBUG == 4, "log_words");

static bool
same(const char *known, const char *name, size_t len)
{
	return strlen(known) == len && memcmp(known, name, len) == 0;
}

const struct conf_row *
conf_row_find(enum conf_block_id block, unsigned program, const char *name, size_t len)
{
	for (size_t i = 0; i < conf_rows_n; i++)
		if (conf_row_applies(&conf_rows[i], block, program) && same(conf_rows[i].name, name, len))
			return &conf_rows[i];
	return NULL;
}

enum conf_block_id
conf_block_find(unsigned program, const char *name, size_t len)
{
	for (enum conf_block_id id = CONF_BLOCK_TOP + 1; id < CONF_BLOCKS; id++)
		if ((conf_blocks[id].programs & program) && same(conf_blocks[id].name, name, len))
			return id;
	return CONF_BLOCKS;
}
