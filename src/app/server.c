/* castswitchd: order of start, the loop, the end. */
#include "server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app_params.h"
#include "castswitch/logout.h"
#include "castswitch/random.h"

/* Batches read per wakeup from one descriptor, so that a busy one does not starve the others. */
enum { SERVER_READ_BATCHES = 4 };

/* --- the loop's callbacks --- */

static void
server_udp_ready(void *arg, int fd, unsigned events, struct mono now)
{
	struct server_socket *sock = arg;
	struct udp_dgram *dgrams;
	int n = UDP_BATCH;
	(void)fd;
	if (events & LOOP_READ) {
		for (int i = 0; i < SERVER_READ_BATCHES && n == UDP_BATCH; i++) {
			n = udp_recv(sock->udp, &dgrams);
			server_receive(sock->server, dgrams, (size_t)n, now);
		}
	}
}

static void
server_flush(void *arg, struct mono now)
{
	struct server *s = arg;
	if (mono_due(s->reap_at, now))
		server_reap_peers(s, now);
	for (size_t i = 0; i < s->n_sockets; i++) {
		udp_flush(s->sockets[i].udp, now);
		server_take_refused(s, s->sockets[i].udp, now);
		loop_fd_set(s->sockets[i].fd, udp_wants_write(s->sockets[i].udp) ? LOOP_READ | LOOP_WRITE : LOOP_READ);
	}
}

static struct mono
server_switch_next(void *arg)
{
	return switch_next(((struct server *)arg)->sw);
}

static void
server_switch_tick(void *arg, struct mono now)
{
	struct server *s = arg;
	switch_tick(s->sw, now);
}

static struct mono
server_sessions_next(void *arg)
{
	return sessions_next(((struct server *)arg)->sessions);
}

static void
server_sessions_tick(void *arg, struct mono now)
{
	sessions_tick(((struct server *)arg)->sessions, now);
}

static struct mono
server_look_next(void *arg)
{
	const struct server *s = arg;
	return mono_min(mono_min(s->look_at, s->reap_at), s->warning.look_at);
}

static void
server_look_tick(void *arg, struct mono now)
{
	struct server *s = arg;
	if (mono_due(s->reap_at, now))
		server_reap_peers(s, now);
	if (mono_due(s->look_at, now))
		server_look_at_peers(s, now);
	if (mono_due(s->warning.look_at, now))
		app_warning_look(&s->warning, s->identity, now);
}

static void
server_listen_output(void *arg, const struct path *path, const uint8_t *dgram, size_t len)
{
	struct server *s = arg;
	server_send(s, path, dgram, len);
}

/* --- start --- */

static enum app_exit
server_start_switch(struct server *s, char err[APP_ERROR_MAX])
{
	static const struct sw_ops ops = { .event = app_switch_event };
	struct sw_params params;
	app_switch_params(&s->conf->sw, &s->conf->snooping, &params);
	app_querier_addresses(&s->conf->tap.address, &params);
	params.mac = app_switch_mac(&s->rng);
	s->sw = switch_new(&params, &ops, &s->events, &s->rng, loop_now(s->loop));
	if (s->sw && !switch_add_static_mac(s->sw, NULL, 0, &params.mac, false, loop_now(s->loop)))
		return app_fail(err, "switch", ENOMEM);
	if (!s->sw || loop_add_engine(s->loop, server_switch_next, server_switch_tick, s) != 0)
		return app_fail(err, "switch", ENOMEM);
	return APP_OK;
}

static enum app_exit
server_start_tap(struct server *s, char err[APP_ERROR_MAX])
{
	struct sw_port_params params;
	if (!s->conf->tap.present)
		return APP_OK;
	enum app_exit code = app_tap_open(&s->tap, &s->conf->tap, s->mtu, err);
	app_port_params(&s->conf->tap.port, SW_TAP, s->conf->tap.name, &params);
	if (code == APP_OK)
		code = app_tap_attach(&s->tap, s->loop, s->sw, &params, err);
	if (code == APP_OK)
		server_set_static(s, port_tap_port(s->tap.port), loop_now(s->loop));
	return code;
}

static enum app_exit
server_open_socket(struct server *s, const struct ipaddr *addr, char err[APP_ERROR_MAX])
{
	struct server_socket *sock = &s->sockets[s->n_sockets];
	const struct endpoint local = { .ip = *addr, .port = s->conf->listen.port };
	const struct udp_params params = { .sock = (uint16_t)s->n_sockets, .recv_tos = true };
	sock->server = s;
	sock->udp = udp_open(&local, &params, err, APP_ERROR_MAX);
	if (!sock->udp)
		return APP_RUNTIME;
	s->n_sockets++;
	int r = loop_add_fd(s->loop, udp_fd(sock->udp), LOOP_READ, server_udp_ready, sock, &sock->fd);
	return r ? app_fail(err, "listen", -r) : APP_OK;
}

static enum app_exit
server_start_sessions(struct server *s, char err[APP_ERROR_MAX])
{
	struct sessions_params params = { .max_sessions = SW_MAX_PORTS + 256,
					  .max_handshakes = 1024,
					  .max_per_prefix = 64 };
	if (!server_pool(s->conf, &s->first->tap, &s->pool))
		return app_fail(err, "address pool", ENOMEM);
	server_leases_open(s);
	if (server_leases_start(s) != 0)
		return app_fail(err, "leases", ENOMEM);
	s->listener = dtls_listener_new(s->dtls, &s->rng, loop_now(s->loop));
	app_session_params(&params.session);
	params.session.role = SESSION_SERVER;
	params.session.max_datagram = app_max_datagram(s->mtu);
	if (s->listener)
		s->sessions = sessions_new(&params, &server_session_ops, s, s->listener, server_listen_output, &s->rng,
					   loop_now(s->loop));
	if (!s->sessions || loop_add_engine(s->loop, server_sessions_next, server_sessions_tick, s) != 0 ||
	    loop_add_engine(s->loop, server_look_next, server_look_tick, s) != 0)
		return app_fail(err, "sessions", ENOMEM);
	app_warning_begin(&s->warning, s->identity, loop_now(s->loop));
	return APP_OK;
}

static enum app_exit
server_start_listen(struct server *s, char err[APP_ERROR_MAX])
{
	const struct conf_addrs *addrs = &s->conf->listen.address;
	enum app_exit code = APP_OK;
	if (!s->conf->listen.present)
		return APP_OK;
	if (addrs->n > SERVER_MAX_SOCKETS) {
		snprintf(err, APP_ERROR_MAX, "listen: %zu addresses, at most %d", addrs->n, SERVER_MAX_SOCKETS);
		return APP_CONFIG;
	}
	for (size_t i = 0; code == APP_OK && i < addrs->n; i++)
		code = server_open_socket(s, &addrs->v[i], err);
	return code == APP_OK ? server_start_sessions(s, err) : code;
}

static void
server_hup(void *arg, int signo, struct mono now)
{
	char text[APP_ERROR_MAX];
	(void)signo;
	(void)server_reload(arg, now, text, sizeof(text));
}

static struct mono
server_now(void *arg)
{
	return loop_now(((struct server *)arg)->loop);
}

static enum app_exit
server_start_control(struct server *s, char err[APP_ERROR_MAX])
{
	s->view = (struct ctl_switch_view){ .sw = s->sw, .now = server_now, .arg = s };
	int r = server_register_commands(s);
	if (r == 0)
		r = loop_add_flush(s->loop, server_flush, s);
	s->events.ctl = s->ctl;
	return r ? app_fail(err, "control", -r) : APP_OK;
}

/* The control socket comes first: it says that another one is running better than anything behind it. */
static enum app_exit
server_start(struct server *s, char err[APP_ERROR_MAX])
{
	if (s->conf->tap.present && !app_may_make_tap(&s->conf->tap, err))
		return APP_PRIVILEGE;
	/* Before anything is made that an early signal would leave behind. */
	int r = app_signals(s->loop);
	if (r == 0)
		r = loop_add_signal(s->loop, SIGHUP, server_hup, s);
	if (r)
		return app_fail(err, "signals", -r);
	s->user = app_user(s->conf->sw.user);
	enum app_exit code = app_ctl_open(s->loop, s->conf->control.socket, s->user, &s->ctl, err);
	if (code == APP_OK)
		code = server_start_switch(s, err);
	if (code == APP_OK)
		code = server_start_tap(s, err);
	if (code == APP_OK)
		code = server_start_nics(s, err);
	if (code == APP_OK)
		code = server_start_listen(s, err);
	if (code == APP_OK)
		code = server_start_control(s, err);
	if (code == APP_OK)
		code = app_drop(s->user, false, err);
	if (code == APP_OK)
		server_leases_load(s);
	return code;
}

/* --- end --- */

static void
server_stop(struct server *s)
{
	struct mono now = loop_now(s->loop);
	s->events.ctl = NULL;
	ctl_close(s->ctl);
	if (s->sessions)
		server_close_peers(s, TMSG_REASON_SHUTDOWN, now);
	server_reap_peers(s, now);
	server_leases_stop(s);
	for (size_t i = 0; i < s->n_sockets; i++)
		udp_flush(s->sockets[i].udp, now);
	sessions_free(s->sessions);
	dtls_listener_free(s->listener);
	for (size_t i = 0; i < s->n_sockets; i++) {
		loop_fd_del(s->sockets[i].fd);
		udp_close(s->sockets[i].udp);
	}
	server_stop_nics(s);
	app_tap_close(&s->tap);
	switch_free(s->sw);
}

static enum app_exit
server_run(const struct app_program *prog, struct server *s)
{
	char err[APP_ERROR_MAX] = "";
	enum app_exit code = server_start(s, err);
	if (code == APP_OK) {
		log_notice("main", "%s %s is ready", prog->name, PACKAGE_VERSION);
		int r = loop_run(s->loop);
		if (r)
			code = app_fail(err, "event loop", -r);
	}
	server_stop(s);
	if (code != APP_OK)
		app_print_errors(prog, err);
	return code;
}

/* The identity is needed, and so checked, when there is something to listen on. */
static enum app_exit
server_load_identity(const struct app_program *prog, struct server *s)
{
	char err[APP_ERROR_MAX];
	if (!s->conf->listen.present)
		return APP_OK;
	if (server_identity(s->conf, NULL, &s->identity, &s->dtls, err) &&
	    app_access(&s->conf->tunnel, NULL, &s->access, err))
		return APP_OK;
	app_print_errors(prog, err);
	return APP_CONFIG;
}

/* The helper process is forked before keys are in memory. */
static enum app_exit
server_start_files(const struct app_program *prog, const struct app_options *o, struct server *s)
{
	char err[APP_ERROR_MAX];
	const struct app_files_params params = { .config = o->config,
						 .identity = &s->conf->identity,
						 .tunnel = &s->conf->tunnel,
						 .socket = s->conf->control.socket };
	if (app_files_start(&s->files, &params, err))
		return APP_OK;
	app_print_errors(prog, err);
	return APP_PRIVILEGE;
}

/* Owns conf. */
static enum app_exit
server_with_config(const struct app_program *prog, const struct app_options *o, struct conf_server *conf)
{
	struct server s = { .conf = conf,
			    .first = conf,
			    .mtu = conf->sw.mtu,
			    .rng = random_rng(),
			    .look_at = MONO_NEVER,
			    .warning = { .look_at = MONO_NEVER },
			    .reap_at = MONO_NEVER };
	list_init(&s.peers);
	app_events_init(&s.events);
	server_failure_log_init(&s.failures, &s.rng);
	log_set_level(conf->log.level);
	enum app_exit code = o->check ? APP_OK : server_start_files(prog, o, &s);
	if (code == APP_OK)
		code = server_load_identity(prog, &s);
	if (code == APP_OK && o->check) {
		struct sbuf text;
		sbuf_init(&text);
		conf_server_print(conf, &text);
		fputs(sbuf_str(&text), stdout);
		sbuf_free(&text);
	} else if (code == APP_OK) {
		s.loop = loop_new();
		if (!s.loop) {
			app_print_errors(prog, "no event loop to be had");
			code = APP_RUNTIME;
		} else {
			s.started = loop_now(s.loop);
			code = server_run(prog, &s);
		}
		loop_free(s.loop);
	}
	dtls_ctx_free(s.dtls);
	identity_free(s.identity);
	access_free(s.access);
	pool_free(s.pool);
	app_files_fini(&s.files);
	if (s.conf != s.first)
		conf_server_free(s.conf);
	conf_server_free(s.first);
	return code;
}

int
app_server_main(const struct app_program *prog, int argc, char **argv)
{
	struct app_options o;
	struct conf_server *conf;
	struct sbuf errors;
	enum app_exit code = APP_CONFIG;
	app_options_parse(prog, argc, argv, &o);
	if (o.exit)
		return (int)o.code;
	logout_install(prog->name);
	sbuf_init(&errors);
	if (conf_server_load(o.config, &conf, &errors) != 0) {
		app_print_errors(prog, sbuf_str(&errors));
	} else {
		code = server_with_config(prog, &o, conf);
	}
	sbuf_free(&errors);
	return (int)code;
}
