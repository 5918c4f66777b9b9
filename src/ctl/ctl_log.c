/* Steering commands that need nothing of the program's. */
#include "castswitch/ctl_log.h"

#include <stdio.h>

#include "castswitch/log.h"

const char *
ctl_request_string(const json_t *request, const char *key, char *err, size_t errlen)
{
	const char *v = json_string_value(json_object_get(request, key));
	if (!v)
		snprintf(err, errlen, "\"%s\" is missing or not a string", key);
	return v;
}

json_t *
ctl_log_command(void *arg, const json_t *request, char *err, size_t errlen)
{
	const char *name = ctl_request_string(request, "level", err, errlen);
	enum log_level level;
	(void)arg;
	if (!name)
		return NULL;
	if (!log_level_parse(name, &level)) {
		snprintf(err, errlen, "no log level '%.32s' (allowed: error, warning, notice, info, debug)", name);
		return NULL;
	}
	log_set_level(level);
	return json_sprintf("log level %s until the next reload", name);
}
