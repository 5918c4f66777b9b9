/* Our own certificate in the status, and what there is to warn of in time. */
#include "app_identity.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "castswitch/log.h"

bool
app_warning_is_due(struct app_warning *w, const char *text, struct mono now)
{
	bool same = strncmp(w->text, text, sizeof(w->text) - 1) == 0;
	if (same && (!*text || mono_before(now, mono_add(w->at, APP_WARN_AGAIN))))
		return false;
	snprintf(w->text, sizeof(w->text), "%s", text);
	w->at = now;
	return *text;
}

void
app_warning_begin(struct app_warning *w, const struct identity *id, struct mono now)
{
	char text[APP_WARNING_MAX];
	(void)app_warning_is_due(w, identity_warning(id, text, sizeof(text)), now);
	w->look_at = mono_add(now, APP_WARN_LOOK);
}

void
app_warning_look(struct app_warning *w, const struct identity *id, struct mono now)
{
	char text[APP_WARNING_MAX];
	w->look_at = mono_add(now, APP_WARN_LOOK);
	if (app_warning_is_due(w, identity_warning(id, text, sizeof(text)), now))
		log_warning("identity", "%s", text);
}

/* ISO 8601, UTC. */
static json_t *
time_json(int64_t seconds)
{
	const time_t t = (time_t)seconds;
	struct tm tm;
	char text[40];
	if (!gmtime_r(&t, &tm) || strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return json_null();
	return json_string(text);
}

json_t *
app_identity_json(const struct identity *id)
{
	const struct sec_identity *self = identity_self(id);
	char warning[APP_WARNING_MAX];
	json_t *o = json_object();
	if (*self->name)
		json_object_set_new(o, "name", json_string(self->name));
	json_object_set_new(o, "serial", json_string(self->serial));
	json_object_set_new(o, "expires", time_json(self->not_after));
	if (*identity_warning(id, warning, sizeof(warning)))
		json_object_set_new(o, "warning", json_string(warning));
	return o;
}
