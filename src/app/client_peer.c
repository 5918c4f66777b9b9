/* castswitch: whom we believe to be the server, and for how long. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app_peer.h"
#include "client.h"

/* --- the identity --- */

static struct identity_pin *
client_pins(const struct conf_client *conf)
{
	const struct conf_fingerprints *f = &conf->identity.fingerprints;
	struct identity_pin *pins = calloc(f->n + 1, sizeof(*pins));
	for (size_t i = 0; pins && i < f->n; i++) {
		pins[i].title = "server";
		memcpy(pins[i].sha256, f->v[i], IDENTITY_SHA256_LEN);
	}
	return pins;
}

bool
client_identity(const struct conf_client *conf, struct app_files *files, struct identity **ret_id,
		struct dtls_ctx **ret_dtls, char err[APP_ERROR_MAX])
{
	struct identity *id = NULL;
	struct dtls_ctx *dtls = NULL;
	struct identity_pin *pins = client_pins(conf);
	snprintf(err, APP_ERROR_MAX, "out of memory");
	if (pins)
		id = app_identity(&conf->identity, IDENTITY_CLIENT, conf->identity.server_name, pins,
				  conf->identity.fingerprints.n, files, err);
	if (id)
		dtls = dtls_ctx_new(id, err);
	free(pins);
	if (!dtls) {
		identity_free(id);
		return false;
	}
	*ret_id = id;
	*ret_dtls = dtls;
	return true;
}

/* The server must have a certificate for the name it is called by, unless the profile says another. */
const char *
client_server_name(const struct client *c, unsigned number)
{
	const char *name = c->conf->identity.server_name;
	return name ? name : client_remote(c, number)->host;
}

/* --- the server that is there --- */

/* Without its certificate there is nothing to compare another name with, so the next handshake does. */
static enum tmsg_reason
client_vouch(const struct client *c, const struct sec_identity *who, char text[SEC_ERROR_MAX])
{
	const char *name = client_server_name(c, connector_remote(c->connector));
	enum tmsg_reason reason = app_peer_vouch(c->identity, who, (int64_t)time(NULL), text, SEC_ERROR_MAX);
	if (reason != TMSG_REASON_NONE || who->pinned || strcmp(c->server_name, name) == 0)
		return reason;
	snprintf(text, SEC_ERROR_MAX, "the server's certificate was for '%.100s', wanted is '%.100s' now",
		 c->server_name, name);
	return TMSG_REASON_UNTRUSTED;
}

void
client_look_at_server(struct client *c, struct mono now)
{
	struct session *s = connector_session(c->connector);
	char why[SEC_ERROR_MAX] = "";
	c->look_at = MONO_NEVER;
	/* One that is not established comes here again when it is. */
	if (!s || session_state(s) != SESSION_ESTABLISHED)
		return;
	enum tmsg_reason reason = client_vouch(c, session_peer(s), why);
	if (reason != TMSG_REASON_NONE)
		session_close(s, reason, why, now);
	else
		c->look_at = app_peer_look_at(session_peer(s)->not_after, (int64_t)time(NULL), now);
}
