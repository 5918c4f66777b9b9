/* castswitch: what its files share. */
#ifndef CASTSWITCH_APP_CLIENT_H
#define CASTSWITCH_APP_CLIENT_H

#include "app_events.h"
#include "app_files.h"
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
#include "castswitch/switch.h"
#include "castswitch/udp.h"

/* What the server pushed and we set up; each flag and entry says that it was us who added it. */
struct client_net {
	struct ipprefix addrs[TMSG_MAX_ADDRS];
	unsigned n_addrs;
	bool route4, route6; /* 224.0.0.0/4, ff00::/8 */
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
	struct dtls_ctx *dtls[CONNECTOR_MAX_REMOTES]; /* by index in conf.remote; made when first needed */
	struct resolve *resolve;
	unsigned resolving; /* the connector's number */
	struct connector *connector;
	struct udp *udp; /* of the present try */
	struct loop_fd *udp_fd;
	struct port_peer *tunnel;
	bool tunnel_ended;    /* its session ended, maybe while the switch was running: the port goes down at the flush */
	bool told_connecting;

	uint64_t drops[DROP_MAX]; /* datagrams that reached no session */
	struct ctl *ctl;
	struct ctl_switch_view view;
	struct app_event_log events;
};

/* --- client_tunnel.c: connecting, the session, datagrams --- */
extern const struct connector_ops client_connector_ops; /* arg is the struct client */
/* Sends what is queued. */
void client_tunnel_flush(struct client *c, struct mono now);
/* Closes the socket and the resolver of the present try. */
void client_tunnel_close(struct client *c);
/* The profile's identity.  NULL with one line in err. */
struct identity *client_identity(const struct conf_client *conf, const char *server_name, struct app_files *files,
				 char err[APP_ERROR_MAX]);
const struct conf_remote *client_remote(const struct client *c, unsigned number);

/* --- client_net.c: addresses and routes on the tap --- */
/* Makes the tap what 'push' says, as far as the configuration lets it; what an earlier push added and this one does not
 * is removed. */
void client_net_apply(struct client *c, const struct tmsg_push *push);
/* Removes what was added. */
void client_net_undo(struct client *c);

/* --- client_reload.c --- */
/* Reads the profile again and applies what can be applied while running.  The outcome in words, also logged; false when
 * nothing was changed. */
bool client_reload(struct client *c, struct mono now, char *ret_text, size_t len);
/* The switch's parameters of a profile. */
void client_switch_params(const struct conf_client *conf, struct sw_params *ret);

/* --- client_ctl.c --- */
int client_register_commands(struct client *c);

#endif
