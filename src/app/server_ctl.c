/* castswitchd: the answers to castctl. */
#include <stdio.h>
#include <string.h>

#include "app_params.h"
#include "server.h"

static double
seconds_since(struct mono from, struct mono now)
{
	return (double)(mono_since(from, now) / NSEC_PER_MSEC) / 1000.0;
}

static json_t *
tap_json(const struct app_tap *t)
{
	char mac[MAC_STRLEN];
	return json_pack("{s:s,s:s,s:i}", "name", tap_name(t->tap), "mac", mac_str(&t->mac, mac), "mtu", (int)t->mtu);
}

static json_t *
server_status(void *arg, const json_t *request, char *err, size_t errlen)
{
	struct server *s = arg;
	struct sw_counts c;
	char buf[ENDPOINT_STRLEN];
	(void)request;
	(void)err;
	(void)errlen;
	switch_counts(s->sw, &c);
	json_t *listen = json_array();
	for (size_t i = 0; i < s->n_sockets; i++)
		json_array_append_new(listen, json_string(endpoint_str(udp_local(s->sockets[i].udp), buf)));
	json_t *o = json_pack("{s:s,s:s,s:f,s:i,s:i,s:i,s:i,s:o,s:o}", "program", "castswitchd", "version",
			      PACKAGE_VERSION, "uptime_s", seconds_since(s->started, loop_now(s->loop)), "peers",
			      (int)s->n_peers, "ports", (int)c.ports, "groups", (int)c.groups, "macs", (int)c.macs,
			      "querier", ctl_switch_querier(s->sw), "listen", listen);
	if (o && s->tap.tap)
		json_object_set_new(o, "tap", tap_json(&s->tap));
	if (o && s->identity)
		json_object_set_new(o, "identity", app_identity_json(s->identity));
	if (o && s->n_nics)
		json_object_set_new(o, "nics", server_nics_json(s));
	if (o && s->conf->sw.vlan_aware)
		json_object_set_new(o, "vlans", ctl_switch_vlans(s->sw));
	return o;
}

static json_t *
addresses_json(const struct server_peer *p)
{
	char addr[IPADDR_STRLEN];
	json_t *list = json_array();
	for (size_t i = 0; i < p->n_addrs; i++)
		json_array_append_new(list,
				      json_sprintf("%s/%u", ipaddr_str(&p->addrs[i].addr, addr), p->addrs[i].len));
	return list;
}

static json_t *
peer_json(const struct server_peer *p, struct mono now)
{
	char buf[ENDPOINT_STRLEN];
	const struct session *s = p->session;
	const struct session_stats *st = session_stats(s);
	const struct tmsg_hello *h = session_hello(s);
	return json_pack("{s:s,s:s,s:s,s:f,s:s,s:b,s:s,s:i,s:I,s:I,s:I,s:I,s:o}", "name", p->name, "address",
			 endpoint_str(&session_path(s)->remote, buf), "state", session_state_name(session_state(s)),
			 "since_s", seconds_since(session_established_at(s), now), "aead",
			 app_aead_name(session_aead(s)), "endpoint", (int)(h->flags & TMSG_FLAG_ENDPOINT), "software",
			 h->software, "path_mtu", (int)session_mtu(s), "rx_packets", (json_int_t)st->rx_packets,
			 "rx_bytes", (json_int_t)st->rx_bytes, "tx_packets", (json_int_t)st->tx_packets, "tx_bytes",
			 (json_int_t)st->tx_bytes, "addresses", addresses_json(p));
}

static json_t *
server_peers(void *arg, const json_t *request, char *err, size_t errlen)
{
	struct server *s = arg;
	json_t *list = json_array();
	(void)request;
	(void)err;
	(void)errlen;
	LIST_EACH (p, &s->peers, struct server_peer, node)
		if (p->session)
			json_array_append_new(list, peer_json(p, loop_now(s->loop)));
	return list;
}

static json_t *
server_drops(void *arg, const json_t *request, char *err, size_t errlen)
{
	struct server *s = arg;
	json_t *list = json_array();
	(void)request;
	(void)err;
	(void)errlen;
	ctl_switch_add_drops(s->sw, list);
	LIST_EACH (p, &s->peers, struct server_peer, node)
		if (p->session)
			ctl_add_drops(list, p->name, session_stats(p->session)->drops);
	if (s->sessions)
		ctl_add_drops(list, "tunnel", sessions_stats(s->sessions)->drops);
	for (size_t i = 0; i < s->n_sockets; i++)
		ctl_add_drops(list, "udp", udp_stats(s->sockets[i].udp)->drops);
	if (s->tap.tap)
		ctl_add_drops(list, tap_name(s->tap.tap), tap_stats(s->tap.tap)->drops);
	server_add_nic_drops(s, list);
	return list;
}

/* --- steering --- */

static json_t *
server_reload_command(void *arg, const json_t *request, char *err, size_t errlen)
{
	struct server *s = arg;
	char text[APP_ERROR_MAX];
	(void)request;
	if (server_reload(s, loop_now(s->loop), text, sizeof(text)))
		return json_string(text);
	snprintf(err, errlen, "%s", text);
	return NULL;
}

static json_t *
server_kick(void *arg, const json_t *request, char *err, size_t errlen)
{
	struct server *s = arg;
	const char *name = ctl_request_string(request, "name", err, errlen);
	if (!name)
		return NULL;
	struct server_peer *p = server_peer_find(s, name);
	if (!p) {
		snprintf(err, errlen, "no peer '%.64s' is connected", name);
		return NULL;
	}
	session_close(p->session, TMSG_REASON_KICKED, "", loop_now(s->loop));
	return json_sprintf("%s is disconnected (it may come again; \"disabled\" in its peer block keeps it out)",
			    name);
}

int
server_register_commands(struct server *s)
{
	static const struct {
		const char *name, *help;
		ctl_command_fn *fn;
	} commands[] = {
		{ "status", "what runs, since when, how many of what", server_status },
		{ "peers", "connected clients", server_peers },
		{ "drops", "what was dropped, and why", server_drops },
		{ "reload", "read the configuration again", server_reload_command },
		{ "kick", "end a peer's session: {\"name\"}", server_kick },
		{ "log", "set the log level: {\"level\"}", ctl_log_command },
	};
	int r = ctl_switch_register(s->ctl, &s->view);
	for (size_t i = 0; r == 0 && i < sizeof(commands) / sizeof(commands[0]); i++)
		r = ctl_register(s->ctl, commands[i].name, commands[i].help, commands[i].fn, s);
	return r;
}
