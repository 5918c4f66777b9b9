/* castswitch: the answers to castctl. */
#include <stdio.h>

#include "app_params.h"
#include "client.h"

static json_t *
client_addresses(const struct client *c)
{
	char addr[IPADDR_STRLEN];
	json_t *list = json_array();
	for (size_t i = 0; i < c->conf->tap.address.n; i++)
		json_array_append_new(list, json_sprintf("%s/%u", ipaddr_str(&c->conf->tap.address.v[i].addr, addr),
							 c->conf->tap.address.v[i].len));
	for (unsigned i = 0; i < c->net.n_addrs; i++)
		json_array_append_new(
			list, json_sprintf("%s/%u", ipaddr_str(&c->net.addrs[i].addr, addr), c->net.addrs[i].len));
	return list;
}

static json_t *
client_routes(const struct client *c)
{
	char addr[IPADDR_STRLEN];
	json_t *list = json_array();
	for (unsigned i = 0; i < c->net.n_routes; i++)
		json_array_append_new(list, json_sprintf("%s/%u", ipaddr_str(&c->net.routes[i].dst.addr, addr),
							 c->net.routes[i].dst.len));
	return list;
}

static json_t *
client_dns(const struct client *c)
{
	char addr[IPADDR_STRLEN];
	json_t *list = json_array();
	for (unsigned i = 0; c->net.dns_set && i < c->net.push.n_dns; i++)
		json_array_append_new(list, json_string(ipaddr_str(&c->net.push.dns[i], addr)));
	return list;
}

static void
client_status_session(const struct client *c, json_t *o, struct mono now)
{
	const struct session *s = connector_session(c->connector);
	char buf[ENDPOINT_STRLEN];
	if (!s || session_state(s) != SESSION_ESTABLISHED)
		return;
	const struct session_stats *st = session_stats(s);
	json_object_set_new(o, "remote", json_string(endpoint_str(&session_path(s)->remote, buf)));
	json_object_set_new(o, "server", json_string(session_peer(s)->name));
	json_object_set_new(o, "software", json_string(session_hello(s)->software));
	json_object_set_new(o, "aead", json_string(app_aead_name(session_aead(s))));
	json_object_set_new(o, "path_mtu", json_integer((json_int_t)session_mtu(s)));
	json_object_set_new(o, "since_s",
			    json_real((double)(mono_since(session_established_at(s), now) / NSEC_PER_MSEC) / 1e3));
	json_object_set_new(o, "rx_packets", json_integer((json_int_t)st->rx_packets));
	json_object_set_new(o, "rx_bytes", json_integer((json_int_t)st->rx_bytes));
	json_object_set_new(o, "tx_packets", json_integer((json_int_t)st->tx_packets));
	json_object_set_new(o, "tx_bytes", json_integer((json_int_t)st->tx_bytes));
}

static json_t *
client_status(void *arg, const json_t *request, char *err, size_t errlen)
{
	struct client *c = arg;
	char mac[MAC_STRLEN];
	struct mono now = loop_now(c->loop);
	(void)request;
	(void)err;
	(void)errlen;
	json_t *o = json_pack("{s:s,s:s,s:f,s:s,s:o,s:o,s:o,s:{s:s,s:s,s:i}}", "program", "castswitch", "version",
			      PACKAGE_VERSION, "uptime_s", (double)(mono_since(c->started, now) / NSEC_PER_MSEC) / 1e3,
			      "state", connector_state_name(connector_state(c->connector)), "addresses",
			      client_addresses(c), "routes", client_routes(c), "dns", client_dns(c), "tap", "name",
			      tap_name(c->tap.tap), "mac", mac_str(&c->tap.mac, mac), "mtu", (int)c->tap.mtu);
	if (o)
		json_object_set_new(o, "identity", app_identity_json(c->identity));
	if (o)
		client_status_session(c, o, now);
	return o;
}

static json_t *
client_drops(void *arg, const json_t *request, char *err, size_t errlen)
{
	struct client *c = arg;
	const struct session *s = connector_session(c->connector);
	json_t *list = json_array();
	(void)request;
	(void)err;
	(void)errlen;
	ctl_switch_add_drops(c->sw, list);
	if (s)
		ctl_add_drops(list, "session", session_stats(s)->drops);
	ctl_add_drops(list, "tunnel", c->drops);
	if (c->udp)
		ctl_add_drops(list, "udp", udp_stats(c->udp)->drops);
	ctl_add_drops(list, tap_name(c->tap.tap), tap_stats(c->tap.tap)->drops);
	return list;
}

static json_t *
client_reload_command(void *arg, const json_t *request, char *err, size_t errlen)
{
	struct client *c = arg;
	char text[APP_ERROR_MAX];
	(void)request;
	if (client_reload(c, loop_now(c->loop), text, sizeof(text)))
		return json_string(text);
	snprintf(err, errlen, "%s", text);
	return NULL;
}

int
client_register_commands(struct client *c)
{
	static const struct {
		const char *name, *help;
		ctl_command_fn *fn;
	} commands[] = {
		{ "status", "whether it is connected, and to whom", client_status },
		{ "drops", "what was dropped, and why", client_drops },
		{ "reload", "read the profile again", client_reload_command },
		{ "log", "set the log level: {\"level\"}", ctl_log_command },
	};
	int r = ctl_switch_register(c->ctl, &c->view);
	for (size_t i = 0; r == 0 && i < sizeof(commands) / sizeof(commands[0]); i++)
		r = ctl_register(c->ctl, commands[i].name, commands[i].help, commands[i].fn, c);
	return r;
}
