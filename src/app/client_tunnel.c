/* castswitch: from a remote's name to a session, and the datagrams of that session. */
#include <stdio.h>
#include <string.h>

#include "app_params.h"
#include "client.h"

enum { CLIENT_READ_BATCHES = 4 };
#define CLIENT_LOOK_LOCAL_EVERY (50 * NSEC_PER_MSEC)

const struct conf_remote *
client_remote(const struct client *c, unsigned number)
{
	return &c->conf->remote.v[c->order[number]];
}

void
client_set_policy(struct client *c)
{
	const struct port_peer_policy policy = app_policy(&c->conf->tunnel);
	port_peer_set_policy(c->tunnel, &policy);
}

/* --- datagrams --- */

static struct session *
client_find(void *arg, uint32_t receiver)
{
	return connector_find(((struct client *)arg)->connector, receiver);
}

static void
client_handshake(void *arg, const struct path *from, const uint8_t *dgram, size_t len, struct mono now)
{
	struct client *c = arg;
	c->answered = true;
	connector_handshake_input(c->connector, from, dgram, len, now);
}

static bool
client_unwrap(void *arg, const uint8_t **dgram, size_t *len)
{
	struct client *c = arg;
	return access_unwrap(c->access, ACCESS_TO_CLIENT, dgram, len);
}

static void
client_count_drop(void *arg, enum drop_reason r)
{
	struct client *c = arg;
	c->drops[r]++;
}

static bool client_look_local(struct client *c, const struct session *s, struct mono now);

static void
client_path_error(struct client *c, struct mono now)
{
	struct session *s = connector_session(c->connector);
	uint64_t send_errors = udp_stats(c->udp)->drops[DROP_SEND_ERROR];
	int err = udp_take_error(c->udp);
	bool unsent = send_errors != c->send_errors;
	c->send_errors = send_errors;
	if (!s || (!err && !unsent))
		return;
	if (session_state(s) == SESSION_ESTABLISHED && client_look_local(c, s, now))
		session_path_changed(s, now);
	else
		session_path_error(s, err ? strerror(err) : "datagrams cannot be sent", now);
}

/* Datagrams that were too long: for our own interface, or, by an ICMP message, for the path. */
static void
client_take_refused(struct client *c, struct mono now)
{
	struct session *s = connector_session(c->connector);
	struct udp_refused what;
	struct tmsg_data hdr;
	while (udp_take_refused(c->udp, &what)) {
		bool ours = what.len == 0 || (tmsg_data_parse(what.head, what.head_len, &hdr) && s &&
					      session_remote_id(s) == hdr.receiver);
		if (s && ours)
			session_refused(s, what.len, now);
	}
}

static void
client_udp_ready(void *arg, int fd, unsigned events, struct mono now)
{
	struct client *c = arg;
	const struct port_peer_rx rx = { .sw = c->sw,
					 .arg = c,
					 .find = client_find,
					 .unwrap = client_unwrap,
					 .handshake = client_handshake,
					 .drop = client_count_drop };
	struct udp *udp = c->udp;
	struct udp_dgram *dgrams;
	int n = UDP_BATCH;
	(void)fd;
	if (!(events & LOOP_READ))
		return;
	/* What arrives may end the session and with it this socket. */
	for (int i = 0; i < CLIENT_READ_BATCHES && n == UDP_BATCH && c->udp == udp; i++) {
		n = udp_recv(udp, &dgrams);
		port_peer_receive(&rx, dgrams, (size_t)n, now);
	}
	if (c->udp != udp)
		return;
	client_take_refused(c, now);
	client_path_error(c, now);
}

void
client_tunnel_flush(struct client *c, struct mono now)
{
	if (c->tunnel_ended)
		port_peer_detach(c->tunnel, now);
	c->tunnel_ended = false;
	if (!c->udp)
		return;
	udp_flush(c->udp, now);
	client_take_refused(c, now);
	client_path_error(c, now);
	/* What an error makes the session ask, maybe through another socket. */
	udp_flush(c->udp, now);
	loop_fd_set(c->udp_fd, udp_wants_write(c->udp) ? LOOP_READ | LOOP_WRITE : LOOP_READ);
}

/* --- connecting --- */

static void
client_resolved(void *arg, const struct endpoint *addrs, size_t n, const char *error, struct mono now)
{
	struct client *c = arg;
	c->resolve = NULL;
	connector_resolved(c->connector, c->resolving, addrs, (unsigned)n, error, now);
}

static void
client_resolve(void *arg, unsigned remote)
{
	struct client *c = arg;
	const struct conf_remote *r = client_remote(c, remote);
	resolve_cancel(c->resolve);
	c->resolve = NULL;
	c->resolving = remote;
	int err = resolve_start(c->loop, r->host, r->port, client_resolved, c, &c->resolve);
	if (err)
		connector_resolved(c->connector, remote, NULL, 0, strerror(-err), loop_now(c->loop));
}

static void
client_close_udp(struct client *c)
{
	loop_fd_del(c->udp_fd);
	udp_close(c->udp);
	c->udp_fd = NULL;
	c->udp = NULL;
}

static struct udp *
client_new_udp(struct client *c, const struct endpoint *to, char err[APP_ERROR_MAX])
{
	const struct endpoint any = { .ip = ipaddr_is_v4(&to->ip) ? ipaddr_v4_u32(0) : IPADDR_ANY };
	const struct udp_params params = { .connect_to = to, .recv_tos = true };
	if ((client_routes_cover(c, &to->ip) && !client_way_keep(c, &to->ip)) || app_tap_leads_to(&c->tap, to)) {
		snprintf(err, APP_ERROR_MAX, "it would be reached through the tunnel itself");
		return NULL;
	}
	return udp_open(&any, &params, err, APP_ERROR_MAX);
}

/* Takes 'udp' in the place of what there was, or closes it. */
static bool
client_use_udp(struct client *c, struct udp *udp, char err[APP_ERROR_MAX])
{
	struct loop_fd *fd;
	if (loop_add_fd(c->loop, udp_fd(udp), LOOP_READ, client_udp_ready, c, &fd) != 0) {
		snprintf(err, APP_ERROR_MAX, "no room in the event loop");
		udp_close(udp);
		return false;
	}
	client_close_udp(c);
	c->udp = udp;
	c->udp_fd = fd;
	c->send_errors = 0;
	return true;
}

static bool
client_open_udp(struct client *c, const struct endpoint *to, char err[APP_ERROR_MAX])
{
	client_close_udp(c);
	struct udp *udp = client_new_udp(c, to, err);
	return udp && client_use_udp(c, udp, err);
}

/* A socket keeps the source address that it was given when it was connected, also when that is gone or when another way
 * leads to the server by now.  A second socket shows what would be chosen today; if that differs, the session goes on
 * through it, and true is returned. */
static bool
client_look_local(struct client *c, const struct session *s, struct mono now)
{
	char err[APP_ERROR_MAX], addr[IPADDR_STRLEN];
	if (!c->udp || mono_before(now, mono_add(c->looked_local, CLIENT_LOOK_LOCAL_EVERY)))
		return false;
	c->looked_local = now;
	struct udp *udp = client_new_udp(c, &session_path(s)->remote, err);
	if (!udp)
		return false;
	if (ipaddr_equal(&udp_local(udp)->ip, &udp_local(c->udp)->ip)) {
		udp_close(udp);
		return false;
	}
	udp_flush(c->udp, now);
	if (!client_use_udp(c, udp, err)) {
		log_warning("tunnel", "%s", err);
		return false;
	}
	port_peer_set_udp(c->tunnel, c->udp);
	log_notice("tunnel", "our own address is %s now", ipaddr_str(&udp_local(c->udp)->ip, addr));
	return true;
}

void
client_tunnel_look(struct client *c, struct mono now)
{
	struct session *s = connector_session(c->connector);
	if (s && session_state(s) == SESSION_ESTABLISHED && client_look_local(c, s, now))
		session_path_changed(s, now);
}

static void
client_probing(void *arg, struct session *s, struct mono now)
{
	(void)client_look_local(arg, s, now);
}

static struct sec *
client_new_sec(struct client *c, unsigned remote, char ret_error[SEC_ERROR_MAX])
{
	struct sec *sec = dtls_client_new(c->dtls, ret_error);
	c->answered = false;
	snprintf(c->server_name, sizeof(c->server_name), "%s", client_server_name(c, remote));
	if (!sec || dtls_client_expect(sec, c->server_name))
		return sec;
	snprintf(ret_error, SEC_ERROR_MAX, "the server's name is too long");
	sec->ops->destroy(sec);
	return NULL;
}

/* A tap that somebody made a port of a bridge has many hosts behind it. */
static bool
client_is_endpoint(const struct client *c)
{
	struct link_info info;
	return link_by_index(c->tap.link, tap_ifindex(c->tap.tap), &info) != 0 || info.master == 0;
}

static struct sec *
client_open(void *arg, unsigned remote, const struct endpoint *to, char ret_error[SEC_ERROR_MAX])
{
	struct client *c = arg;
	char err[APP_ERROR_MAX] = "", addr[ENDPOINT_STRLEN];
	/* The first try is worth a line; later ones follow a warning that says when they come. */
	if (c->told_connecting)
		log_debug("tunnel", "trying %s", endpoint_str(to, addr));
	else
		log_notice("tunnel", "connecting to %s (%s)", client_remote(c, remote)->host, endpoint_str(to, addr));
	c->told_connecting = true;
	connector_set_flags(c->connector, client_is_endpoint(c) ? TMSG_FLAG_ENDPOINT : 0);
	if (client_open_udp(c, to, err))
		return client_new_sec(c, remote, ret_error);
	snprintf(ret_error, SEC_ERROR_MAX, "%.*s", SEC_ERROR_MAX - 1, err);
	return NULL;
}

/* --- the session --- */

static void
client_output(void *arg, struct session *s, const struct path *path, const uint8_t *dgram, size_t len)
{
	struct client *c = arg;
	(void)s;
	uint8_t buf[ACCESS_MAX];
	dgram = access_wrap(c->access, ACCESS_TO_SERVER, dgram, &len, buf);
	if (c->udp && dgram)
		udp_send(c->udp, path, dgram, len);
}

static void
client_established(void *arg, struct session *s, struct mono now)
{
	struct client *c = arg;
	char addr[ENDPOINT_STRLEN];
	log_notice("tunnel", "connected to %s at %s (%s, %s)", session_peer(s)->name,
		   endpoint_str(&session_path(s)->remote, addr), app_aead_name(session_aead(s)),
		   session_hello(s)->software);
	port_peer_attach(c->tunnel, s, c->udp, now);
	c->tunnel_ended = false;
	/* A reload may have come since its certificate was looked at. */
	client_look_at_server(c, now);
}

static struct sec *
client_rekey(void *arg, unsigned remote, char ret_error[SEC_ERROR_MAX])
{
	return client_new_sec(arg, remote, ret_error);
}

static void
client_rekeyed(void *arg, struct session *s, struct session *old, struct mono now)
{
	struct client *c = arg;
	(void)old;
	log_info("tunnel", "new keys (%s)", app_aead_name(session_aead(s)));
	port_peer_rekey(c->tunnel, s, c->udp);
	client_look_at_server(c, now);
}

static void
client_rekey_failed(void *arg, const struct session_close_info *info, nsec_t retry_in, struct mono now)
{
	char why[SEC_ERROR_MAX + 128];
	(void)arg;
	(void)now;
	log_warning("tunnel", "no new keys: %s; trying again in %.1f s", app_end_text(info, why, sizeof(why)),
		    (double)retry_in / (double)NSEC_PER_SEC);
}

static void
client_pushed(void *arg, struct session *s, const struct tmsg_push *push, struct mono now)
{
	struct client *c = arg;
	if (push->keepalive)
		session_set_keepalive(s, push->keepalive, now);
	client_net_pushed(c, push, &session_path(s)->remote.ip);
	session_set_max_datagram(s, app_max_datagram(c->tap.mtu), now);
}

/* Who has not the server's access key is not answered. */
static const char *
client_end_text(const struct client *c, const struct session_close_info *info, char *buf, size_t len)
{
	char why[SEC_ERROR_MAX + 128];
	bool silent = info->end == SESSION_END_TIMEOUT && !c->answered;
	snprintf(buf, len, "%s%s", app_end_text(info, why, sizeof(why)),
		 silent ? " (nothing came back: is the server there, and has it the same access-key?)" : "");
	return buf;
}

static void
client_lost(void *arg, struct session *s, const struct session_close_info *info, nsec_t retry_in, struct mono now)
{
	struct client *c = arg;
	char why[SEC_ERROR_MAX + 256], addr[ENDPOINT_STRLEN];
	client_end_text(c, info, why, sizeof(why));
	if (info->was_established)
		log_warning("tunnel", "connection lost: %s; trying again in %.1f s", why,
			    (double)retry_in / (double)NSEC_PER_SEC);
	else
		log_warning("tunnel", "%s: not connected: %s; trying again in %.1f s",
			    s ? endpoint_str(&session_path(s)->remote, addr)
			      : client_remote(c, connector_remote(c->connector))->host,
			    why, (double)retry_in / (double)NSEC_PER_SEC);
	(void)now;
	port_peer_end(c->tunnel);
	c->tunnel_ended = true;
}

const struct connector_ops client_connector_ops = {
	.resolve = client_resolve,
	.open = client_open,
	.output = client_output,
	.established = client_established,
	.pushed = client_pushed,
	.rekey = client_rekey,
	.rekeyed = client_rekeyed,
	.rekey_failed = client_rekey_failed,
	.probing = client_probing,
	.lost = client_lost,
};

void
client_tunnel_close(struct client *c)
{
	resolve_cancel(c->resolve);
	c->resolve = NULL;
	client_close_udp(c);
}
