/* castswitchd: a new configuration for the running server.
 *
 * All or nothing: the file and the certificates it names are read and checked first, and a mistake changes nothing.
 * What only a restart can change is named.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app_params.h"
#include "server.h"

/* --- what needs a restart --- */

static bool
same_prefixes(const struct conf_prefixes *a, const struct conf_prefixes *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].len != b->v[i].len || !ipaddr_equal(&a->v[i].addr, &b->v[i].addr))
			return false;
	return true;
}

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

static void
add_word(char *list, size_t len, const char *word)
{
	size_t n = strlen(list);
	snprintf(list + n, len - n, "%s%s", n ? ", " : "", word);
}

/* The blocks whose change waits for a restart, "" for none. */
static void
list_restart(const struct conf_server *old, const struct conf_server *new, char *list, size_t len)
{
	*list = 0;
	if (old->tap.present != new->tap.present || strcmp(old->tap.name, new->tap.name) != 0 ||
	    !same_prefixes(&old->tap.address, &new->tap.address) || old->sw.mtu != new->sw.mtu)
		add_word(list, len, "tap");
	if (!same_listen(&old->listen, &new->listen))
		add_word(list, len, "listen");
	if (strcmp(old->control.socket, new->control.socket) != 0)
		add_word(list, len, "control");
}

/* --- applying --- */

static void
reload_switch(struct server *s, struct mono now)
{
	struct sw_params params;
	struct sw_port_params port;
	app_switch_params(&s->conf->sw, &s->conf->snooping, &params);
	app_querier_addresses(&s->conf->tap.address, &params);
	switch_reconfigure(s->sw, &params, now);
	if (!s->tap_port)
		return;
	app_port_params(&s->conf->tap.port, SW_TAP, s->conf->tap.name, &port);
	switch_port_reconfigure(s->sw, port_tap_port(s->tap_port), &port, now);
}

static void
reload_peer(struct server *s, struct server_peer *p, struct mono now)
{
	struct sw_port_params port;
	p->conf = conf_peer_for(s->conf, p->name);
	if (p->conf->disabled) {
		session_close(p->session, TMSG_REASON_DISABLED, "", now);
		return;
	}
	app_port_params(&p->conf->port, SW_PEER, p->name, &port);
	switch_port_reconfigure(s->sw, port_peer_port(p->port), &port, now);
	session_set_keepalive(p->session, p->conf->keepalive, now);
	server_push(s, p, now);
}

/* Takes the new model in the place of the old one. */
static void
reload_apply(struct server *s, struct conf_server *new, struct dtls_ctx *dtls, struct mono now)
{
	conf_server_free(s->conf);
	s->conf = new;
	log_set_level(new->log.level);
	if (dtls) {
		dtls_ctx_free(s->dtls);
		s->dtls = dtls;
		dtls_listener_set_ctx(s->listener, dtls);
	}
	reload_switch(s, now);
	LIST_EACH_SAFE (p, tmp, &s->peers, struct server_peer, node)
		if (p->session)
			reload_peer(s, p, now);
	server_reap_peers(s, now);
}

static struct conf_server *
reload_read(struct server *s, char *err, size_t errlen)
{
	struct conf_server *new = NULL;
	struct sbuf errors;
	sbuf_init(&errors);
	if (conf_server_load(s->config_file, &new, &errors) != 0) {
		/* The first mistake is the answer; all of them go to the log. */
		const char *text = sbuf_str(&errors);
		snprintf(err, errlen, "%.*s", (int)strcspn(text, "\n"), text);
		while (*text) {
			size_t n = strcspn(text, "\n");
			log_error("reload", "%.*s", (int)n, text);
			text += n + (text[n] == '\n');
		}
	}
	sbuf_free(&errors);
	return new;
}

bool
server_reload(struct server *s, struct mono now, char *ret_text, size_t len)
{
	char restart[128], err[APP_ERROR_MAX] = "";
	struct dtls_ctx *dtls = NULL;
	struct conf_server *new = reload_read(s, err, sizeof(err));
	bool ok = new != NULL;
	if (ok && new->listen.present && s->listener) {
		dtls = app_dtls(&new->identity, IDENTITY_SERVER, new->identity.server_name, err);
		ok = dtls != NULL;
		if (!ok)
			log_error("reload", "%s", err);
	}
	if (!ok) {
		conf_server_free(new);
		log_error("reload", "nothing was changed");
		snprintf(ret_text, len, "%s; nothing was changed", err);
		return false;
	}
	list_restart(s->conf, new, restart, sizeof(restart));
	reload_apply(s, new, dtls, now);
	snprintf(ret_text, len, "reloaded%s%s", *restart ? "; needs a restart: " : "", restart);
	log_notice("reload", "%s", ret_text);
	return true;
}
