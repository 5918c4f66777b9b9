/* castswitchd: what its files share. */
#ifndef CASTSWITCH_APP_SERVER_H
#define CASTSWITCH_APP_SERVER_H

#include "app_events.h"
#include "app_files.h"
#include "app_identity.h"
#include "app_setup.h"
#include "app_takeover.h"
#include "castswitch/conf.h"
#include "castswitch/ctl.h"
#include "castswitch/ctl_log.h"
#include "castswitch/ctl_switch.h"
#include "castswitch/dtls.h"
#include "castswitch/hash.h"
#include "castswitch/link_watch.h"
#include "castswitch/list.h"
#include "castswitch/log.h"
#include "castswitch/loop.h"
#include "castswitch/pool.h"
#include "castswitch/port_nic.h"
#include "castswitch/port_peer.h"
#include "castswitch/savefile.h"
#include "castswitch/sessions.h"
#include "castswitch/switch.h"
#include "castswitch/udp.h"

enum { SERVER_MAX_SOCKETS = 16 };

struct server;
struct server_nic;

/* One UDP socket in the loop. */
struct server_socket {
	struct server *server;
	struct udp *udp;
	struct loop_fd *fd;
};

/* A named client that is connected, or was until a moment ago. */
struct server_peer {
	struct list node;
	const struct conf_peer *conf;
	char name[SEC_NAME_MAX + 1];
	struct port_peer *port;
	struct session *session; /* NULL: ended, waits to be removed */
	/* Without a session: when it is removed.  Until then its port is suspended and waits for it to come again. */
	struct mono until;
	bool suspended;
	bool endpoint;
	struct ipprefix addrs[TMSG_MAX_ADDRS]; /* what it is told to use */
	size_t n_addrs;
	struct log_limit moves; /* lines about other addresses */
	struct app_takeovers takeovers;
	struct app_probe probe; /* of its session, on account of another of its name */
};

/* Limits of the lines about clients that don't get in: for each source address (those that share a place share its limit), so
 * that one of them does not hide the others, and for all together. */
struct server_failure_log {
	struct hash_key key;
	struct log_limit by_source[64];
	struct log_limit all;
};

/* The file of leases. */
struct server_leases {
	struct savefile *file; /* NULL: none */
	char *text;            /* what was in it at the start, until it is loaded */
	size_t len;
	int read_error; /* or why nothing was read */
	bool loaded;    /* it may be written from now on */
	bool writing, failed;
	uint64_t saved;         /* pool_changes() of what was written last */
	struct mono not_before; /* the next write */
};

struct server {
	struct conf_server *conf;    /* owned; replaced by a reload */
	struct conf_server *first;   /* owned; what it was at the start: tells what needs a restart */
	struct app_files files;
	const char *user; /* who to be after the start */
	uint32_t mtu;     /* of the overlay, as at the start */
	struct loop *loop;
	struct rng rng;
	struct mono started;

	struct sw *sw;
	struct app_tap tap;
	struct server_nic *nics;
	size_t n_nics;
	struct link_watch *links; /* NULL without NICs */
	struct loop_fd *links_fd;

	struct server_socket sockets[SERVER_MAX_SOCKETS];
	size_t n_sockets;
	struct identity *identity;
	struct app_warning warning;
	struct dtls_ctx *dtls;
	struct access *access; /* NULL: there is no access key */
	struct pool *pool; /* NULL: the configuration has none */
	struct server_leases leases;
	struct sec_listener *listener;
	struct sessions *sessions;
	struct list peers;
	unsigned n_peers; /* connected */
	struct mono reap_at; /* when the next suspended port has waited long enough */
	struct mono look_at; /* when the next certificate may have ended */

	struct ctl *ctl;
	struct ctl_switch_view view;
	struct app_events events;
	struct server_failure_log failures;
};

/* --- server_peers.c: sessions and peers --- */
extern const struct session_ops server_session_ops; /* arg is the struct server */
/* Sends a datagram, those of a handshake in the way that the access key asks for. */
void server_send(struct server *s, const struct path *path, const uint8_t *dgram, size_t len);
void server_receive(struct server *s, struct udp_dgram *dgrams, size_t n, struct mono now);
/* The connected peer of this name, or NULL. */
struct server_peer *server_peer_find(const struct server *s, const char *name);
void server_failure_log_init(struct server_failure_log *l, const struct rng *rng);
/* Whether a verified peer may be here under the present configuration: TMSG_REASON_NONE, or why not, with a line in text or
 * "". */
enum tmsg_reason server_vouch(struct server *s, const struct sec_identity *who, char *text, size_t len);
/* Ends the sessions of those who may not be here any more, above all because their certificate has ended. */
void server_look_at_peers(struct server *s, struct mono now);
/* What the configuration says of frames to and from peers. */
void server_set_policy(const struct server *s, struct server_peer *p);
/* Tells sessions of datagrams that the kernel refused for their length. */
void server_take_refused(struct server *s, struct udp *udp, struct mono now);
/* BYE to everybody. */
void server_close_peers(struct server *s, enum tmsg_reason reason, struct mono now);
/* Removes the peers whose sessions ended and that need not be waited for (any more), suspends the others' ports.  Not
 * while the switch is running: sessions can end inside of it. */
void server_reap_peers(struct server *s, struct mono now);

/* Sends the peer its configuration. */
void server_push(struct server *s, const struct server_peer *p, struct mono now);

/* --- server_duplicates.c --- */
/* Whether another session may have the name of this peer, which is connected: TMSG_REASON_NONE, or why not;
 * SESSION_ASK_AGAIN while that is not known.  It may end the one that is there. */
enum tmsg_reason server_admit_duplicate(const struct server *s, struct server_peer *p, char text[TMSG_TEXT_MAX + 1],
					struct mono now);
/* Another session took its place; 'before': those up to now. */
void server_count_takeover(struct server_peer *p, const struct app_takeovers *before, struct mono now);

/* --- server_setup.c --- */
/* The identity and the DTLS context of a configuration; both false and NULL with one line in err. */
bool server_identity(const struct conf_server *conf, struct app_files *files, struct identity **ret_id, struct dtls_ctx **ret_dtls,
		     char err[APP_ERROR_MAX]);
/* The pool of a configuration (*ret NULL when it has none) for the tap that runs, without the addresses that are taken; false when out of
 * memory. */
bool server_pool(const struct conf_server *conf, const struct conf_tap *running, struct pool **ret);
/* Gives the peer its addresses: its own, or a lease.  False when the pool is exhausted. */
bool server_give_addresses(struct server *s, struct server_peer *p);
/* The routes that the peer is told, the way they lead, and name servers. */
void server_push_net(const struct server *s, const struct server_peer *p, struct tmsg_push *push);

/* --- server_leases.c: keeping the pool's leases --- */
/* Once, before the loop runs.  0 or -errno. */
int server_leases_start(struct server *s);
/* Opens and reads the file that the configuration names, if there is a pool.  What fails is a warning. */
void server_leases_open(struct server *s);
/* Restores what was read.  Before the first lease. */
void server_leases_load(struct server *s);
/* After a reload: there is another pool. */
void server_leases_renew(struct server *s);
/* Writes them; nothing is kept from then on. */
void server_leases_stop(struct server *s);

/* --- server_ports.c: the tap, NICs, static entries --- */
enum app_exit server_start_nics(struct server *s, char err[APP_ERROR_MAX]);
void server_stop_nics(struct server *s);
/* [{"name":"eth1", "present":true}] */
json_t *server_nics_json(const struct server *s);
/* Appends what the NICs dropped. */
void server_add_nic_drops(const struct server *s, json_t *list);
/* Gives a new port the static groups and MACs that the configuration names for it. */
void server_set_static(struct server *s, struct sw_port *port, struct mono now);
/* After a reload: other settings and static entries of one port; of the tap and all NICs. */
void server_renew_port(struct server *s, struct sw_port *port, const struct conf_port *conf, enum sw_port_kind kind,
		       struct mono now);
void server_renew_ports(struct server *s, struct mono now);
/* Whether both have NICs of the same names. */
bool server_same_nics(const struct conf_server *a, const struct conf_server *b);

/* --- server_reload.c --- */
/* Reads the configuration again and applies what can be applied to a running server.  The outcome in words, also
 * logged; false when nothing was changed. */
bool server_reload(struct server *s, struct mono now, char *ret_text, size_t len);

/* --- server_ctl.c --- */
int server_register_commands(struct server *s);

#endif
