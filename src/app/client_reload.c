/* castswitch: a new profile for the running client.
 *
 * All or nothing: the file and the certificates it names are read and checked first, and a mistake changes nothing.
 * What is taken from the server is applied to what it said last; the session stays, if its server is still believed.
 * What only a restart can change is named and stays as it is.
 */
#include <stdio.h>
#include <string.h>

#include "app_params.h"
#include "app_reload.h"
#include "client.h"

/* --- what needs a restart --- */

static bool
same_remotes(const struct conf_remotes *a, const struct conf_remotes *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i].host, b->v[i].host) != 0 || a->v[i].port != b->v[i].port)
			return false;
	return true;
}

/* The new profile gets the old values of what waits for a restart, so that all else can go by it; names them. */
static void
keep_started(struct conf_client *old, struct conf_client *new, struct app_reload_list *list)
{
	const struct conf_client wanted = *new;
	if (!same_remotes(&old->remote, &new->remote))
		app_reload_add(list, "remote");
	if (old->remote_order != new->remote_order)
		app_reload_add(list, "remote-order");
	if (strcmp(old->tap.name, new->tap.name) != 0 ||
	    !app_reload_same_prefixes(&old->tap.address, &new->tap.address))
		app_reload_add(list, "tap");
	if (old->sw.mtu != new->sw.mtu)
		app_reload_add(list, "mtu");
	if (strcmp(old->sw.user, new->sw.user) != 0)
		app_reload_add(list, "user");
	if (strcmp(old->control.socket, new->control.socket) != 0)
		app_reload_add(list, "control");
	new->remote = old->remote;
	new->remote_order = old->remote_order;
	new->tap = old->tap;
	new->sw = old->sw;
	new->control = old->control;
	/* They are freed with the old one. */
	old->remote = wanted.remote;
	old->tap = wanted.tap;
	old->control = wanted.control;
}

/* --- the new profile --- */

/* Everything that is made from a profile. */
struct reload {
	struct conf_client *conf;
	struct identity *identity;
	struct dtls_ctx *dtls;
	struct access *access;
};

static void
reload_free(struct reload *r)
{
	dtls_ctx_free(r->dtls);
	identity_free(r->identity);
	access_free(r->access);
	conf_client_free(r->conf);
}

/* Reads and checks; false with one line in err, nothing is changed then. */
static bool
reload_prepare(struct client *c, struct reload *r, char err[APP_ERROR_MAX])
{
	struct sbuf errors;
	sbuf_init(&errors);
	int fd = app_reload_open(&c->files, &errors);
	if (fd < 0 || conf_client_load_fd(fd, c->files.paths[APP_FILE_CONFIG], &r->conf, &errors) != 0)
		app_reload_mistakes(&errors, err);
	sbuf_free(&errors);
	if (!r->conf)
		return false;
	if (client_identity(r->conf, &c->files, &r->identity, &r->dtls, err) &&
	    app_access(&r->conf->tunnel, &c->files, &r->access, err))
		return true;
	log_error("reload", "%s", err);
	return false;
}

/* --- applying --- */

/* Takes the new in the place of the old, which is left in *r. */
static void
reload_swap(struct client *c, struct reload *r)
{
	const struct reload old = { .conf = c->conf, .identity = c->identity, .dtls = c->dtls, .access = c->access };
	c->conf = r->conf;
	c->identity = r->identity;
	c->dtls = r->dtls;
	c->access = r->access;
	*r = old;
}

static void
reload_apply(struct client *c, struct reload *r, struct mono now)
{
	struct sw_params params;
	reload_swap(c, r);
	log_set_level(c->conf->log.level);
	client_switch_params(c->conf, &params);
	switch_reconfigure(c->sw, &params, now);
	client_net_apply(c);
	connector_set_rekey(c->connector, c->conf->tunnel.rekey);
	client_set_policy(c);
	client_look_at_server(c, now);
	app_warning_begin(&c->warning, c->identity, now);
}

bool
client_reload(struct client *c, struct mono now, char *ret_text, size_t len)
{
	char err[APP_ERROR_MAX] = "";
	struct app_reload_list restart = { 0 };
	struct reload r = { 0 };
	bool ok = reload_prepare(c, &r, err);
	if (ok) {
		keep_started(c->conf, r.conf, &restart);
		reload_apply(c, &r, now);
	}
	app_reload_answer(ok ? NULL : err, &restart, ret_text, len);
	reload_free(&r);
	return ok;
}
