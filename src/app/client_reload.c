/* castswitch: a new profile for the running client.
 *
 * The log level, the snooping, what is taken from the server and the certificates of the next connection are applied;
 * where to connect to and the tap wait for a restart.
 */
#include <stdio.h>
#include <string.h>

#include "app_params.h"
#include "client.h"

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

static bool
same_tap(const struct conf_client *a, const struct conf_client *b)
{
	bool same = strcmp(a->tap.name, b->tap.name) == 0 && a->tap.address.n == b->tap.address.n;
	for (size_t i = 0; same && i < a->tap.address.n; i++)
		same = a->tap.address.v[i].len == b->tap.address.v[i].len &&
		       ipaddr_equal(&a->tap.address.v[i].addr, &b->tap.address.v[i].addr);
	return same;
}

/* What a restart is needed for stays as it is: the new profile gets the old values.  Names it. */
static void
keep_started(struct conf_client *old, struct conf_client *new, char *list, size_t len)
{
	struct conf_remotes remote = new->remote;
	struct conf_tap tap = new->tap;
	struct conf_control control = new->control;
	snprintf(list, len, "%s%s%s%s", same_remotes(&old->remote, &new->remote) ? "" : " remote",
		 same_tap(old, new) ? "" : " tap",
		 strcmp(old->control.socket, new->control.socket) == 0 ? "" : " control",
		 strcmp(old->sw.user, new->sw.user) == 0 ? "" : " user");
	new->remote = old->remote;
	new->tap = old->tap;
	new->control = old->control;
	old->remote = remote;
	old->tap = tap;
	old->control = control;
}

static struct conf_client *
reload_read(struct client *c, char err[APP_ERROR_MAX])
{
	const char *file = c->files.paths[APP_FILE_CONFIG];
	struct conf_client *new = NULL;
	struct identity *id = NULL;
	struct sbuf errors;
	sbuf_init(&errors);
	int fd = app_files_open(&c->files, file);
	if (fd < 0)
		sbuf_printf(&errors, "%s: %s\n", file, strerror(-fd));
	if (fd >= 0 && conf_client_load_fd(fd, file, &new, &errors) == 0)
		id = client_identity(new, new->identity.server_name, &c->files, err);
	else
		snprintf(err, APP_ERROR_MAX, "%.*s", (int)strcspn(sbuf_str(&errors), "\n"), sbuf_str(&errors));
	sbuf_free(&errors);
	if (!id) {
		conf_client_free(new);
		new = NULL;
	}
	identity_free(id);
	return new;
}

bool
client_reload(struct client *c, struct mono now, char *ret_text, size_t len)
{
	char restart[64], err[APP_ERROR_MAX] = "";
	struct sw_params params;
	struct conf_client *new = reload_read(c, err);
	if (!new) {
		log_error("reload", "%s", err);
		log_error("reload", "nothing was changed");
		snprintf(ret_text, len, "%s; nothing was changed", err);
		return false;
	}
	keep_started(c->conf, new, restart, sizeof(restart));
	conf_client_free(c->conf);
	c->conf = new;
	log_set_level(new->log.level);
	client_switch_params(new, &params);
	switch_reconfigure(c->sw, &params, now);
	for (size_t i = 0; i < CONNECTOR_MAX_REMOTES; i++) {
		dtls_ctx_free(c->dtls[i]);
		c->dtls[i] = NULL;
	}
	snprintf(ret_text, len, "reloaded%s%s", *restart ? "; needs a restart:" : "", restart);
	log_notice("reload", "%s", ret_text);
	return true;
}
