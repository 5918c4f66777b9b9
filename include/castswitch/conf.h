/* Configuration: a file -> a plain, checked, fully resolved model.
 *
 * conf_server_load() and conf_client_load() read one file of libconfuse syntax and return a model in which every option
 * has its effective value: what the file says, or the default.  Nothing here opens sockets, certificates or interfaces,
 * and nobody who reads the model needs to know libconfuse.  The model is read-only for its users and owned by the
 * caller (conf_*_free()); all its pointers live as long as it does.
 *
 * Limits: files up to CONF_FILE_MAX bytes, one value's text up to CONF_TEXT_MAX, CONF_PEERS_MAX peer blocks.  The
 * options' names, types, ranges and defaults are the table in src/config/conf_schema.c.
 *
 * "auto" durations and counts are held as 0: conf_snooping_resolve() computes what they stand for.
 */
#ifndef CASTSWITCH_CONF_H
#define CASTSWITCH_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "castswitch/ipaddr.h"
#include "castswitch/log.h"
#include "castswitch/mono.h"
#include "castswitch/sbuf.h"

#define CONF_PORT_DEFAULT 22424
#define CONF_MTU_WITH_NICS 1500 /* the default then */

enum {
	CONF_FILE_MAX = 1024 * 1024,
	CONF_TEXT_MAX = 64 * 1024,
	CONF_PEERS_MAX = 10000,
	CONF_PEER_NAME_MAX = 63,
	CONF_IFNAME_MAX = 15,
	CONF_SOCKET_PATH_MAX = 107, /* what a sockaddr_un holds */
	CONF_USER_MAX = 32,
	CONF_NICS_MAX = 64,
	CONF_STATICS_MAX = 4096,  /* static-group blocks, and as many static-mac ones */
	CONF_GROUP_PORTS_MAX = 256, /* of one static group */
	CONF_GROUP_RULES_MAX = 64,  /* allow-groups of one port, and as many deny-groups */
	CONF_POOL_MAX = 8,
	CONF_PEER_ADDRS_MAX = 8, /* what a push to a client holds */
	CONF_ROUTES_MAX = 24, /* the same */
	CONF_DNS_MAX = 4,     /* the same */
	CONF_DOMAIN_MAX = 253,
	CONF_DOMAINS_MAX = 8,
	CONF_DOMAINS_BYTES_MAX = 255, /* of a peer's, with the spaces between them; the same */
	CONF_REMOTES_MAX = 32,
	CONF_FINGERPRINT_LEN = 32, /* SHA-256 of a certificate (DER) */
};

enum conf_switch_state { CONF_AUTO, CONF_ON, CONF_OFF };
enum conf_router { CONF_ROUTER_AUTO, CONF_ROUTER_NEVER, CONF_ROUTER_ALWAYS };
enum conf_unregistered { CONF_UNREGISTERED_ROUTERS, CONF_UNREGISTERED_FLOOD, CONF_UNREGISTERED_DROP };
enum conf_non_ip { CONF_NON_IP_FLOOD, CONF_NON_IP_DROP };
enum conf_duplicates { CONF_DUPLICATES_REPLACE, CONF_DUPLICATES_REFUSE };
enum conf_remote_order { CONF_REMOTE_IN_ORDER, CONF_REMOTE_RANDOM };
/* What an option may say in the place of a number. */
enum conf_dscp { CONF_DSCP_MAX = 63, CONF_DSCP_COPY, CONF_DSCP_NONE };
enum conf_mss { CONF_MSS_MIN = 536, CONF_MSS_MAX = 8960, CONF_MSS_AUTO, CONF_MSS_OFF };

struct conf_prefixes {
	struct ipprefix *v;
	size_t n;
};

struct conf_addrs {
	struct ipaddr *v;
	size_t n;
};

/* "corp.example.org", "~example.net", "~." */
struct conf_domains {
	char (*v)[CONF_DOMAIN_MAX + 1];
	size_t n;
};

/* Certificates that are believed for themselves. */
struct conf_fingerprints {
	uint8_t (*v)[CONF_FINGERPRINT_LEN];
	size_t n;
};

/* What every port has, whether it is the tap, a NIC or a peer.  Server: the client's tap has the defaults. */
struct conf_port {
	enum conf_switch_state fast_leave;
	enum conf_router router;
	/* 0 = only the switch's own limit */
	uint32_t max_macs, max_groups, max_hosts, max_source_records;
	uint32_t gm_rate; /* "report-rate": IGMP and MLD messages a second; 0 = no limit */
	bool protect_macs;
	bool learning;
	bool isolate;
	bool flood_unknown_unicast, flood_broadcast, flood_unregistered, flood_reports;
	/* Networks of groups (all within 224.0.0.0/4 or ff00::/8, no host bits): what may be joined, when there is
	 * any, and what may not. */
	struct conf_prefixes allow_groups, deny_groups;
};

struct conf_tap {
	bool present; /* false: no tap block in the file; the rest is then zero */
	char name[CONF_IFNAME_MAX + 1];
	struct conf_prefixes address;
	struct conf_port port;
};

/* A network interface as a port of the switch. */
struct conf_nic {
	char name[CONF_IFNAME_MAX + 1]; /* no two have the same, and none that of the tap */
	struct conf_port port;
};

struct conf_switch {
	nsec_t aging;      /* server */
	uint32_t max_macs; /* server */
	uint32_t mtu;      /* of the overlay: the tap's; a client may be told another one (pull.mtu) */
	bool vlan_aware;   /* server: tables by VLAN; false: one for all, tags pass untouched */
	uint16_t forward_reserved; /* server; bit n: 01:80:c2:00:00:0n is forwarded */
	char user[CONF_USER_MAX + 1]; /* who to be after the start; "root": stay it.  Never "" */
};

struct conf_listen {
	bool present; /* false: no listen block, don't listen; the rest is then zero */
	struct conf_addrs address;
	uint16_t port;
};

struct conf_identity {
	bool present; /* false: the rest is zero; true: none of the next four is NULL, ca and crl may be "" */
	/* Each is the path of a PEM file, or PEM text: then it contains "-----BEGIN " (conf_is_pem()). */
	char *certificate;
	char *key;
	char *ca;  /* "": none; then there are fingerprints (client) or peers that have one (server) */
	char *crl; /* "": none; else there is a ca */
	bool crl_strict; /* an expired list is an error, not a warning */
	struct conf_fingerprints fingerprints; /* client: of server certificates; one of them needs no ca and no name */
	/* Client: the name the server's certificate must have; NULL = the host of the remote being tried. */
	char *server_name;
	bool require_eku;
};

struct conf_snooping {
	bool igmp, mld;
	uint8_t igmp_version; /* of our queries: 1..3 */
	uint8_t mld_version;  /* 1..2 */
	enum conf_switch_state querier;
	struct conf_addrs querier_address; /* at most one of each family; empty = the tap's */
	nsec_t query_interval;
	nsec_t query_response_interval;
	nsec_t startup_query_interval; /* 0 = auto: query-interval / 4 */
	uint32_t startup_query_count;  /* 0 = auto: robustness */
	nsec_t last_member_query_interval;
	uint32_t last_member_query_count; /* 0 = auto: robustness */
	uint32_t robustness;
	nsec_t membership_interval;    /* 0 = auto: robustness * query-interval + query-response-interval */
	nsec_t other_querier_interval; /* 0 = auto: robustness * query-interval + query-response-interval / 2 */
	enum conf_unregistered unregistered;
	bool flood_until_querier;
	bool strict_router_alert;
	bool strict_ssm;  /* SSM groups (232.0.0.0/8, ff3x::/32) only with sources */
	bool mrd_solicit; /* ask for multicast routers (RFC 4286) */
	enum conf_non_ip non_ip_multicast;
	uint32_t max_groups;
	uint32_t max_sources; /* of one group */
	uint32_t max_source_records; /* of all ports */
	uint32_t max_hosts;          /* of all ports: one of each group that a host listens to */
	nsec_t grace; /* server: how long a port that went down keeps what it listened to; 0 = not at all */
};

struct conf_tunnel {
	nsec_t rekey; /* how long keys serve; a client goes by the shorter of its own and the server's */
	/* A secret that both sides know: 64 hex digits (conf_is_key()), or the path of a file with them; "": none. */
	char *access_key;
	uint8_t dscp;       /* of outer packets: a number, or one of enum conf_dscp */
	uint16_t mss_clamp; /* what TCP SYNs may announce: a number, or one of enum conf_mss */
};

/* Where a group goes besides where it was asked for; or, for a MAC, where frames to it go at all. */
struct conf_static_group {
	bool is_mac;
	struct mac mac;      /* if is_mac: a group address that IP does not use */
	struct ipaddr group; /* if not: one that is not always flooded anyway */
	bool has_source;     /* only from there; never with a MAC */
	struct ipaddr source;
	uint16_t vlan;                           /* 0 = without a tag; else the switch is VLAN-aware */
	char (*ports)[CONF_PEER_NAME_MAX + 1]; /* the tap, NICs, or peers, which need not have a block */
	size_t n_ports;                          /* at least one */
};

/* A host that is where it is. */
struct conf_static_mac {
	struct mac mac;                    /* a host's address */
	char port[CONF_PEER_NAME_MAX + 1]; /* as those of groups */
	uint16_t vlan;
	bool sticky; /* frames from it that come in elsewhere are dropped */
};

/* What a peer is given: the "peers" block, with the options of its own "peer" block over it. */
struct conf_peer {
	char name[CONF_PEER_NAME_MAX + 1]; /* "" in peers_default */
	struct conf_port port;
	struct conf_prefixes address; /* with the tap's prefix length where the file gave none; if any, none of the pool */
	bool has_fingerprint;         /* the certificate with this fingerprint is this peer, whatever it says */
	uint8_t fingerprint[CONF_FINGERPRINT_LEN]; /* no two peers have the same */
	bool disabled;                /* never admitted */
	bool multicast_route;
	/* Networks (no host bits) that it reaches through the tunnel, by the tap's address of their family: there is
	 * one. */
	struct conf_prefixes routes;
	struct conf_addrs dns; /* name servers: unicast addresses */
	struct conf_domains dns_domains; /* which names they are asked for; none without dns */
	nsec_t keepalive;
	enum conf_duplicates duplicates; /* what becomes of a second session of that name */
};

struct conf_control {
	char *socket; /* never NULL */
};

struct conf_log {
	enum log_level level;
};

struct conf_server {
	struct conf_tap tap;
	struct conf_nic *nic; /* in the order of the file */
	size_t n_nics;
	struct conf_switch sw;
	struct conf_listen listen;
	struct conf_identity identity;
	struct conf_snooping snooping;
	struct conf_tunnel tunnel;
	uint32_t peers_max;
	/* Addresses for peers that have none of their own, in no two of these prefixes: networks (no host bits),
	 * inside a network of the tap if it has one of that family, with room for at least one peer.  The tap's and
	 * peers' own addresses may lie in them. */
	struct conf_prefixes pool;
	char *lease_file; /* of the pool; "": none.  Never NULL */
	struct conf_peer peers_default; /* a peer without a block of its own */
	struct conf_peer *peer;         /* sorted by name */
	size_t n_peers;
	struct conf_static_group *static_group; /* in the order of the file; no two of a group, source and VLAN */
	size_t n_static_groups;
	struct conf_static_mac *static_mac; /* in the order of the file; no two of a MAC and VLAN */
	size_t n_static_macs;
	struct conf_control control;
	struct conf_log log;
};

struct conf_remote {
	char *host; /* a name or an address, without brackets */
	uint16_t port;
};

struct conf_remotes {
	struct conf_remote *v;
	size_t n;
};

/* What the client takes from what the server pushes. */
struct conf_pull {
	bool address;
	bool multicast_route;
	bool mtu;
	bool routes;
	bool dns;
};

struct conf_client {
	struct conf_remotes remote;
	enum conf_remote_order remote_order;
	struct conf_tap tap;
	struct conf_switch sw;
	struct conf_identity identity;
	struct conf_snooping snooping;
	struct conf_tunnel tunnel;
	struct conf_pull pull;
	struct conf_control control;
	struct conf_log log;
};

/* Reads, checks and resolves 'file'.  0 and *ret; else -errno (-EINVAL for what the file says, -EFBIG, -ENOENT, ...),
 * *ret untouched, and 'errors' holds one line for each mistake, "file:line: option: what is wrong (allowed: ...)\n",
 * in the order of the file; a file that cannot be read gives "file: reason\n".  Mistakes of syntax hide later ones. */
int conf_server_load(const char *file, struct conf_server **ret, struct sbuf *errors)
	__attribute__((warn_unused_result));
int conf_client_load(const char *file, struct conf_client **ret, struct sbuf *errors)
	__attribute__((warn_unused_result));
/* The same from a descriptor, which is closed; 'file' names it in messages. */
int conf_server_load_fd(int fd, const char *file, struct conf_server **ret, struct sbuf *errors)
	__attribute__((warn_unused_result));
int conf_client_load_fd(int fd, const char *file, struct conf_client **ret, struct sbuf *errors)
	__attribute__((warn_unused_result));
/* The same for text in memory ('name' stands for the file in messages). */
int conf_server_parse(const char *name, const char *text, size_t len, struct conf_server **ret, struct sbuf *errors)
	__attribute__((warn_unused_result));
int conf_client_parse(const char *name, const char *text, size_t len, struct conf_client **ret, struct sbuf *errors)
	__attribute__((warn_unused_result));
void conf_server_free(struct conf_server *c);
void conf_client_free(struct conf_client *c);

/* Appends the model as a normalised file with every effective value: what --check shows.  Parsing that text gives the
 * same model, and printing it again the same text.  Values that came inline as PEM are printed whole.  A private key
 * and an access key are printed as "(inline)", and so are what does not survive. */
void conf_server_print(const struct conf_server *c, struct sbuf *out);
void conf_client_print(const struct conf_client *c, struct sbuf *out);

/* The peer block called 'name', or NULL. */
const struct conf_peer *conf_peer_find(const struct conf_server *c, const char *name);
/* What a peer called 'name' is given: its block, else peers_default; never NULL. */
const struct conf_peer *conf_peer_for(const struct conf_server *c, const char *name);
/* [A-Za-z0-9._@-]{1,63}: what a peer may be called (DESIGN section 7). */
bool conf_peer_name_valid(const char *name);
/* Whether an identity value is PEM text, not a path. */
bool conf_is_pem(const char *value);
/* Whether an access-key is the key itself, not a path. */
bool conf_is_key(const char *value);

/* Replaces the "auto" values by what they stand for (RFC 3376 section 8, RFC 3810 section 9). */
void conf_snooping_resolve(struct conf_snooping *s);

#endif
