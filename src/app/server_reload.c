/* castswitchd: a new configuration for the running server.
 *
 * All or nothing: the file and the certificates it names are read and checked first, and a mistake changes nothing.
 * What only a restart can change is named.
 */
#include <stdio.h>
#include <string.h>

#include "app_params.h"
#include "app_reload.h"
#include "server.h"

/* --- what needs a restart --- */

static bool
same_listen(const struct conf_listen *a, const struct conf_listen *b)
{
	if (a->present != b->present || a->port != b->port || a->address.n != b->address.n)
		return false;
	for (size_t i = 0; i < a->address.n; i++)
		if (!ipaddr_equal(&a->address.v[i], &b->address.v[i]))
			return false;
	return true;
}

/* What waits for a restart.  Everything else is applied by reload_apply(), or looked up when it is needed. */
static void
list_restart(const struct conf_server *old, const struct conf_server *new, struct app_reload_list *list)
{
	if (old->tap.present != new->tap.present || strcmp(old->tap.name, new->tap.name) != 0 ||
	    !app_reload_same_prefixes(&old->tap.address, &new->tap.address))
		app_reload_add(list, "tap");
	if (!server_same_nics(old, new))
		app_reload_add(list, "nic");
	if (old->sw.mtu != new->sw.mtu)
		app_reload_add(list, "mtu");
	if (strcmp(old->sw.user, new->sw.user) != 0)
		app_reload_add(list, "user");
	if (!same_listen(&old->listen, &new->listen))
		app_reload_add(list, "listen");
	if (strcmp(old->control.socket, new->control.socket) != 0)
		app_reload_add(list, "control");
}

/* --- applying --- */

static void
reload_switch(struct server *s, struct mono now)
{
	struct sw_params params;
	app_switch_params(&s->conf->sw, &s->conf->snooping, &params);
	/* The tap that runs, not one that waits for a restart. */
	app_querier_addresses(&s->first->tap.address, &params);
	switch_reconfigure(s->sw, &params, now);
	server_renew_ports(s, now);
}

/* Whether a connected peer may stay under the new configuration. */
static bool
reload_may_stay(struct server *s, struct server_peer *p, enum tmsg_reason *ret_reason, char why[SEC_ERROR_MAX])
{
	*ret_reason = server_vouch(s, session_peer(p->session), why, SEC_ERROR_MAX);
	if (*ret_reason != TMSG_REASON_NONE)
		return false;
	if (!server_give_addresses(s, p)) {
		*ret_reason = TMSG_REASON_FULL;
		snprintf(why, SEC_ERROR_MAX, "the address pool is exhausted");
		return false;
	}
	return true;
}

static void
reload_peer(struct server *s, struct server_peer *p, struct mono now)
{
	enum tmsg_reason reason;
	char why[SEC_ERROR_MAX] = "";
	p->conf = conf_peer_for(s->conf, p->name);
	if (!reload_may_stay(s, p, &reason, why)) {
		session_close(p->session, reason, why, now);
		return;
	}
	server_renew_port(s, port_peer_port(p->port), &p->conf->port, SW_PEER, now);
	server_set_policy(s, p);
	/* Changing the port can send, and sending can end the session. */
	if (!p->session)
		return;
	session_set_keepalive(p->session, p->conf->keepalive, now);
	server_push(s, p, now);
}

static struct conf_server *
reload_read(struct server *s, char err[APP_ERROR_MAX])
{
	struct conf_server *new = NULL;
	struct sbuf errors;
	sbuf_init(&errors);
	int fd = app_reload_open(&s->files, &errors);
	if (fd < 0 || conf_server_load_fd(fd, s->files.paths[APP_FILE_CONFIG], &new, &errors) != 0)
		app_reload_mistakes(&errors, err);
	sbuf_free(&errors);
	return new;
}

/* Everything that is made from a configuration. */
struct reload {
	struct conf_server *conf;
	struct identity *identity; /* NULL: the server does not listen */
	struct dtls_ctx *dtls;
	struct access *access; /* NULL also: there is no access key */
	struct pool *pool;
};

static void
reload_free(struct reload *r)
{
	dtls_ctx_free(r->dtls);
	identity_free(r->identity);
	access_free(r->access);
	pool_free(r->pool);
	conf_server_free(r->conf);
}

/* Reads and checks; false with one line in err, nothing is changed then. */
static bool
reload_prepare(struct server *s, struct reload *r, char err[APP_ERROR_MAX])
{
	r->conf = reload_read(s, err);
	if (!r->conf)
		return false;
	if (s->listener && r->conf->identity.present &&
	    !(server_identity(r->conf, &s->files, &r->identity, &r->dtls, err) &&
	      app_access(&r->conf->tunnel, &s->files, &r->access, err))) {
		log_error("reload", "%s", err);
		return false;
	}
	if (!server_pool(r->conf, &s->first->tap, &r->pool)) {
		snprintf(err, APP_ERROR_MAX, "out of memory");
		log_error("reload", "%s", err);
		return false;
	}
	return true;
}

/* Takes the new in the place of the old, which is left in *r. */
static void
reload_swap(struct server *s, struct reload *r)
{
	struct reload old = { .conf = s->conf, .pool = s->pool };
	if (r->pool && s->pool)
		pool_inherit(r->pool, s->pool);
	s->conf = r->conf;
	s->pool = r->pool;
	if (r->dtls) {
		old.identity = s->identity;
		old.dtls = s->dtls;
		old.access = s->access;
		s->identity = r->identity;
		s->dtls = r->dtls;
		s->access = r->access;
		dtls_listener_set_ctx(s->listener, s->dtls);
		app_warning_begin(&s->warning, s->identity, loop_now(s->loop));
	}
	/* The one of the start stays, to compare with. */
	if (old.conf == s->first)
		old.conf = NULL;
	*r = old;
}

static void
reload_apply(struct server *s, struct reload *r, struct mono now)
{
	reload_swap(s, r);
	log_set_level(s->conf->log.level);
	server_leases_renew(s);
	reload_switch(s, now);
	LIST_EACH_SAFE (p, tmp, &s->peers, struct server_peer, node)
		if (p->session)
			reload_peer(s, p, now);
	server_reap_peers(s, now);
}

bool
server_reload(struct server *s, struct mono now, char *ret_text, size_t len)
{
	char err[APP_ERROR_MAX] = "";
	struct app_reload_list restart = { 0 };
	struct reload r = { 0 };
	bool ok = reload_prepare(s, &r, err);
	if (ok) {
		list_restart(s->first, r.conf, &restart);
		/* As long as there is none in use, another one can be. */
		if (s->leases.file && strcmp(savefile_path(s->leases.file), r.conf->lease_file) != 0)
			app_reload_add(&restart, "lease-file");
		reload_apply(s, &r, now);
	}
	app_reload_answer(ok ? NULL : err, &restart, ret_text, len);
	reload_free(&r);
	return ok;
}
