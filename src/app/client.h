/* castswitch: what its files share. */
#ifndef CASTSWITCH_APP_CLIENT_H
#define CASTSWITCH_APP_CLIENT_H

#include "app_events.h"
#include "app_files.h"
#include "app_identity.h"
#include "app_setup.h"
#include "castswitch/conf.h"
#include "castswitch/connector.h"
#include "castswitch/ctl.h"
#include "castswitch/ctl_log.h"
#include "castswitch/ctl_switch.h"
#include "castswitch/dtls.h"
#include "castswitch/log.h"
#include "castswitch/loop.h"
#include "castswitch/port_peer.h"
#include "castswitch/resolve.h"
#include "castswitch/route_watch.h"
#include "castswitch/switch.h"
#include "castswitch/udp.h"

enum { CLIENT_MAX_ROUTES = 2 * TMSG_MAX_ROUTES }; /* a default route makes two */

struct client_route {
	struct ipprefix dst;
	struct ipaddr gateway;
};

/* The way to a server beside our routes. */
struct client_way {
	bool needed; /* a route of ours covers it; else the rest is nothing */
	bool own;    /* it has a host route that we added */
	struct ipaddr dst;
	struct link_way way;
};

/* What the server pushed last, and what of it we set up; each flag and entry says that it was us who added it. */
struct client_net {
	struct tmsg_push push; /* zeros: none yet */
	struct ipprefix addrs[TMSG_MAX_ADDRS];
	unsigned n_addrs;
	bool route4, route6; /* 224.0.0.0/4, ff00::/8 */
	struct client_route routes[CLIENT_MAX_ROUTES];
	unsigned n_routes;

	struct helper_dns dns; /* what was tried last */
	bool dns_set;          /* and it is set */

	struct ipaddr server;      /* where it said so */
	struct client_way ways[2]; /* of IPv4, of IPv6 */
	struct route_watch *watch; /* while there is one */
	struct loop_fd *watch_fd;
	struct mono look_at; /* when to look at the ways, for routes have changed */
	int undo_fd;         /* the file that says what is to be taken back, or -1 */
};

struct client {
	struct conf_client *conf; /* owned; replaced by a reload */
	struct app_files files;
	const char *user; /* who to be after the start */
	struct loop *loop;
	struct rng rng;
	struct mono started;

	struct sw *sw;
	struct app_tap tap;
	struct client_net net;

	unsigned order[CONNECTOR_MAX_REMOTES]; /* the connector's number -> index in conf.remote */
	struct identity *identity;
	struct app_warning warning;
	struct dtls_ctx *dtls; /* of the next try */
	struct access *access; /* NULL: there is no access key */
	char server_name[256]; /* what the certificate of the present try had to be for */
	struct mono look_at;   /* when the server's certificate may have ended */
	struct resolve *resolve;
	unsigned resolving; /* the connector's number */
	struct connector *connector;
	struct udp *udp; /* of the present try */
	struct loop_fd *udp_fd;
	uint64_t send_errors;     /* of that socket, as far as they were looked at */
	struct mono looked_local; /* when it was last compared with what the kernel would choose */
	struct port_peer *tunnel;
	bool tunnel_ended;    /* its session ended, maybe while the switch was running: the port goes down at the flush */
	bool told_connecting;
	bool answered; /* something came back since the present handshake began */

	uint64_t drops[DROP_MAX]; /* datagrams that reached no session */
	struct ctl *ctl;
	struct ctl_switch_view view;
	struct app_events events;
};

/* --- client_tunnel.c: connecting, the session, datagrams --- */
extern const struct connector_ops client_connector_ops; /* arg is the struct client */
/* Sends what is queued. */
void client_tunnel_flush(struct client *c, struct mono now);
/* What the profile says of frames to and from the server. */
void client_set_policy(struct client *c);
/* Closes the socket and the resolver of the present try. */
void client_tunnel_close(struct client *c);
/* Another way may lead to the server now: goes on by that, if so. */
void client_tunnel_look(struct client *c, struct mono now);
const struct conf_remote *client_remote(const struct client *c, unsigned number);

/* --- client_peer.c: whom we believe to be the server --- */
/* The profile's identity and its DTLS context, the files opened through 'files' (NULL: directly).  Both or, with one
 * line in err, none. */
bool client_identity(const struct conf_client *conf, struct app_files *files, struct identity **ret_id,
		     struct dtls_ctx **ret_dtls, char err[APP_ERROR_MAX]);
/* What the certificate of a remote's server must be for. */
const char *client_server_name(const struct client *c, unsigned number);
/* Ends the session if this server may not be it any more: after a reload, and when its certificate ends. */
void client_look_at_server(struct client *c, struct mono now);

/* --- client_net.c: addresses and routes on the tap --- */
/* The server, which is at that address of the underlay, said something new. */
void client_net_pushed(struct client *c, const struct tmsg_push *push, const struct ipaddr *server);
/* Makes the tap what the last push says, as far as the configuration lets it; what was added and is not to be is
 * removed. */
void client_net_apply(struct client *c);
/* Removes what was added. */
void client_net_undo(struct client *c);

/* --- client_dns.c: name servers --- */
/* Sets those of the last push, as far as the configuration lets it. */
void client_dns_apply(struct client *c);
/* Takes back what was set. */
void client_dns_undo(struct client *c);

/* --- client_routes.c: the routes that were pushed --- */
/* Makes them what the last push says, as far as the configuration lets it. */
void client_routes_apply(struct client *c);
/* Removes them, but no host route to the server: another client_routes_apply() or client_way_clean() follows. */
void client_routes_drop(struct client *c);
/* Whether one of ours leads there. */
bool client_routes_cover(const struct client *c, const struct ipaddr *addr);

/* --- client_way.c: the host route to a server that they cover --- */
/* Once, before the loop runs.  0 or -errno. */
int client_way_start(struct client *c);
/* Makes sure that 'dst' is not reached through the tunnel, from now on.  False, with a line in the log, when that cannot
 * be. */
bool client_way_keep(struct client *c, const struct ipaddr *dst);
/* Removes the host routes that no route of ours makes necessary (any more). */
void client_way_clean(struct client *c);
/* Removes those to other servers. */
void client_way_settle(struct client *c, const struct ipaddr *server);

/* --- client_undo.c: what a killed one has left --- */
enum { CLIENT_UNDO_PATH_MAX = CONF_SOCKET_PATH_MAX + 8 };
/* Where it is written down. */
bool client_undo_path(const struct conf_client *conf, char buf[CLIENT_UNDO_PATH_MAX]);
/* Takes it back.  Once there is an interface, and before privileges are dropped. */
void client_undo_start(struct client *c);
/* Writes down what there is to take back now, and a way that will be next, or NULL. */
void client_undo_write(struct client *c, const struct client_way *also);
void client_undo_stop(struct client *c);

/* --- client_reload.c --- */
/* Reads the profile again and applies what can be applied while running.  The outcome in words, also logged; false when
 * nothing was changed. */
bool client_reload(struct client *c, struct mono now, char *ret_text, size_t len);
/* The switch's parameters of a profile. */
void client_switch_params(const struct conf_client *conf, struct sw_params *ret);

/* --- client_ctl.c --- */
int client_register_commands(struct client *c);

#endif
