/* castswitch: order of start, the loop, the end. */
#include "client.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app_params.h"
#include "castswitch/logout.h"
#include "castswitch/random.h"

/* --- the loop's callbacks --- */

static void
client_flush(void *arg, struct mono now)
{
	client_tunnel_flush(arg, now);
}

static struct mono
client_switch_next(void *arg)
{
	return switch_next(((struct client *)arg)->sw);
}

static void
client_switch_tick(void *arg, struct mono now)
{
	switch_tick(((struct client *)arg)->sw, now);
}

static struct mono
client_connector_next(void *arg)
{
	return connector_next(((struct client *)arg)->connector);
}

static void
client_connector_tick(void *arg, struct mono now)
{
	connector_tick(((struct client *)arg)->connector, now);
}

static struct mono
client_look_next(void *arg)
{
	const struct client *c = arg;
	return mono_min(c->look_at, c->warning.look_at);
}

static void
client_look_tick(void *arg, struct mono now)
{
	struct client *c = arg;
	if (mono_due(c->look_at, now))
		client_look_at_server(c, now);
	if (mono_due(c->warning.look_at, now))
		app_warning_look(&c->warning, c->identity, now);
}

/* --- start --- */

void
client_switch_params(const struct conf_client *conf, struct sw_params *ret)
{
	app_switch_params(&conf->sw, &conf->snooping, ret);
	ret->snooping.querier = SW_QUERIER_OFF;
	/* The server decides; but PAUSE is between two ends of a wire. */
	ret->forward_reserved = (uint16_t) ~(1 << 1);
}

/* DESIGN section 6, "the client's switch": its querier is off and the tunnel is where routers are, so reports pass up
 * unchanged; the only other port gets all that comes down. */
static enum app_exit
client_start_switch(struct client *c, char err[APP_ERROR_MAX])
{
	static const struct sw_ops ops = { .event = app_switch_event };
	struct sw_params params;
	struct sw_port_params port;
	int r = ENOMEM;
	client_switch_params(c->conf, &params);
	params.mac = app_switch_mac(&c->rng);
	c->sw = switch_new(&params, &ops, &c->events, &c->rng, loop_now(c->loop));
	if (c->sw && switch_add_static_mac(c->sw, NULL, 0, &params.mac, false, loop_now(c->loop))) {
		sw_port_params_default(SW_PEER, "tunnel", &port);
		port.router = SW_ROUTER_ALWAYS;
		c->tunnel = port_peer_new(c->sw, &port, loop_now(c->loop), &r);
	}
	if (c->tunnel)
		client_set_policy(c);
	if (c->tunnel)
		r = loop_add_engine(c->loop, client_switch_next, client_switch_tick, c);
	return c->tunnel && r == 0 ? APP_OK : app_fail(err, "switch", r);
}

static enum app_exit
client_start_tap(struct client *c, char err[APP_ERROR_MAX])
{
	struct sw_port_params params;
	enum app_exit code = app_tap_open(&c->tap, &c->conf->tap, c->conf->sw.mtu, err);
	sw_port_params_default(SW_TAP, c->conf->tap.name, &params);
	params.all_multicast = true;
	return code == APP_OK ? app_tap_attach(&c->tap, c->loop, c->sw, &params, err) : code;
}

/* The order in which the remotes are tried (Fisher-Yates). */
static void
client_order_remotes(struct client *c, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		c->order[i] = i;
	for (unsigned i = n; c->conf->remote_order == CONF_REMOTE_RANDOM && i > 1; i--) {
		unsigned j = (unsigned)rng_below(&c->rng, i), tmp = c->order[i - 1];
		c->order[i - 1] = c->order[j];
		c->order[j] = tmp;
	}
}

static enum app_exit
client_start_connector(struct client *c, char err[APP_ERROR_MAX])
{
	struct connector_params params = { .n_remotes = (unsigned)c->conf->remote.n };
	if (c->conf->remote.n > CONNECTOR_MAX_REMOTES) {
		snprintf(err, APP_ERROR_MAX, "remote: %zu remotes, at most %d", c->conf->remote.n,
			 CONNECTOR_MAX_REMOTES);
		return APP_CONFIG;
	}
	client_order_remotes(c, params.n_remotes);
	app_session_params(&params.session);
	params.session.role = SESSION_CLIENT;
	params.session.flags = TMSG_FLAG_ENDPOINT;
	params.session.rekey = c->conf->tunnel.rekey;
	params.session.max_datagram = app_max_datagram(c->conf->sw.mtu);
	c->connector = connector_new(&params, &client_connector_ops, c, &c->rng);
	if (client_way_start(c) != 0)
		return app_fail(err, "routes", ENOMEM);
	if (!c->connector || loop_add_engine(c->loop, client_connector_next, client_connector_tick, c) != 0 ||
	    loop_add_engine(c->loop, client_look_next, client_look_tick, c) != 0)
		return app_fail(err, "connector", ENOMEM);
	app_warning_begin(&c->warning, c->identity, loop_now(c->loop));
	return APP_OK;
}

static struct mono
client_now(void *arg)
{
	return loop_now(((struct client *)arg)->loop);
}

static enum app_exit
client_start_control(struct client *c, char err[APP_ERROR_MAX])
{
	c->view = (struct ctl_switch_view){ .sw = c->sw, .now = client_now, .arg = c };
	int r = client_register_commands(c);
	if (r == 0)
		r = loop_add_flush(c->loop, client_flush, c);
	c->events.ctl = c->ctl;
	return r ? app_fail(err, "control", -r) : APP_OK;
}

static void
client_hup(void *arg, int signo, struct mono now)
{
	char text[APP_ERROR_MAX];
	(void)signo;
	(void)client_reload(arg, now, text, sizeof(text));
}

/* The control socket comes first: it says that another one is running better than anything behind it.  What the server
 * pushes is applied later, so CAP_NET_ADMIN stays. */
static enum app_exit
client_start(struct client *c, char err[APP_ERROR_MAX])
{
	if (!app_may_make_tap(&c->conf->tap, err))
		return APP_PRIVILEGE;
	/* Before anything is made that an early signal would leave behind. */
	int r = app_signals(c->loop);
	if (r == 0)
		r = loop_add_signal(c->loop, SIGHUP, client_hup, c);
	if (r)
		return app_fail(err, "signals", -r);
	c->user = app_user(c->conf->sw.user);
	enum app_exit code = app_ctl_open(c->loop, c->conf->control.socket, c->user, &c->ctl, err);
	if (code == APP_OK)
		code = client_start_switch(c, err);
	if (code == APP_OK)
		code = client_start_tap(c, err);
	if (code == APP_OK)
		client_undo_start(c);
	if (code == APP_OK)
		code = client_start_connector(c, err);
	if (code == APP_OK)
		code = client_start_control(c, err);
	return code == APP_OK ? app_drop(c->user, true, err) : code;
}

/* --- end --- */

static void
client_stop(struct client *c)
{
	struct mono now = loop_now(c->loop);
	c->events.ctl = NULL;
	ctl_close(c->ctl);
	if (c->connector)
		connector_stop(c->connector, now);
	client_tunnel_flush(c, now);
	client_net_undo(c);
	client_undo_stop(c);
	/* Ends the helper: resolvectl must be through before the interface is gone. */
	app_files_fini(&c->files);
	port_peer_free(c->tunnel, now);
	connector_free(c->connector);
	client_tunnel_close(c);
	app_tap_close(&c->tap);
	switch_free(c->sw);
}

static enum app_exit
client_run(const struct app_program *prog, struct client *c)
{
	char err[APP_ERROR_MAX] = "";
	enum app_exit code = client_start(c, err);
	if (code == APP_OK) {
		connector_start(c->connector, loop_now(c->loop));
		int r = loop_run(c->loop);
		if (r)
			code = app_fail(err, "event loop", -r);
	}
	client_stop(c);
	if (code != APP_OK)
		app_print_errors(prog, err);
	return code;
}

static enum app_exit
client_load_identity(const struct app_program *prog, struct client *c)
{
	char err[APP_ERROR_MAX];
	if (client_identity(c->conf, NULL, &c->identity, &c->dtls, err) &&
	    app_access(&c->conf->tunnel, NULL, &c->access, err))
		return APP_OK;
	app_print_errors(prog, err);
	return APP_CONFIG;
}

/* The helper process is forked before keys are in memory. */
static enum app_exit
client_start_files(const struct app_program *prog, const struct app_options *o, struct client *c)
{
	char err[APP_ERROR_MAX];
	char undo[CLIENT_UNDO_PATH_MAX];
	const struct app_files_params params = { .config = o->config,
						 .identity = &c->conf->identity,
						 .tunnel = &c->conf->tunnel,
						 .socket = c->conf->control.socket,
						 .dns_device = c->conf->tap.name,
						 .scrap = client_undo_path(c->conf, undo) ? undo : NULL };
	if (app_files_start(&c->files, &params, err))
		return APP_OK;
	app_print_errors(prog, err);
	return APP_PRIVILEGE;
}

/* Owns conf. */
static enum app_exit
client_with_config(const struct app_program *prog, const struct app_options *o, struct conf_client *conf)
{
	struct client c = { .conf = conf,
			    .rng = random_rng(),
			    .look_at = MONO_NEVER,
			    .net.undo_fd = -1,
			    .warning = { .look_at = MONO_NEVER } };
	app_events_init(&c.events);
	log_set_level(conf->log.level);
	enum app_exit code = o->check ? APP_OK : client_start_files(prog, o, &c);
	if (code == APP_OK)
		code = client_load_identity(prog, &c);
	if (code == APP_OK && o->check) {
		struct sbuf text;
		sbuf_init(&text);
		conf_client_print(conf, &text);
		fputs(sbuf_str(&text), stdout);
		sbuf_free(&text);
	} else if (code == APP_OK) {
		c.loop = loop_new();
		if (!c.loop) {
			app_print_errors(prog, "no event loop to be had");
			code = APP_RUNTIME;
		} else {
			c.started = loop_now(c.loop);
			code = client_run(prog, &c);
		}
		loop_free(c.loop);
	}
	dtls_ctx_free(c.dtls);
	identity_free(c.identity);
	access_free(c.access);
	conf_client_free(c.conf);
	app_files_fini(&c.files);
	return code;
}

int
app_client_main(const struct app_program *prog, int argc, char **argv)
{
	struct app_options o;
	struct conf_client *conf;
	struct sbuf errors;
	enum app_exit code = APP_CONFIG;
	app_options_parse(prog, argc, argv, &o);
	if (o.exit)
		return (int)o.code;
	logout_install(prog->name);
	sbuf_init(&errors);
	if (conf_client_load(o.config, &conf, &errors) != 0) {
		app_print_errors(prog, sbuf_str(&errors));
	} else {
		code = client_with_config(prog, &o, conf);
	}
	sbuf_free(&errors);
	return (int)code;
}
