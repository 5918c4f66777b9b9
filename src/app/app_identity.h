/* Our own certificate in the status, and what there is to warn of in time. */
#ifndef CASTSWITCH_APP_IDENTITY_H
#define CASTSWITCH_APP_IDENTITY_H

#include <stdbool.h>

#include <jansson.h>

#include "castswitch/identity.h"
#include "castswitch/mono.h"

#define APP_WARN_LOOK (3600 * NSEC_PER_SEC)   /* how often to look for something to warn of, */
#define APP_WARN_AGAIN (86400 * NSEC_PER_SEC) /* and to repeat it */

enum { APP_WARNING_MAX = 1024 };

/* What was said last, and when. */
struct app_warning {
	char text[APP_WARNING_MAX];
	struct mono at;
	struct mono look_at; /* when to look again; MONO_NEVER before app_warning_begin() */
};

/* Whether the text is worth a line: there is something to say that was not said within the last day.  It counts as said
 * then. */
bool app_warning_is_due(struct app_warning *w, const char *text, struct mono now);
/* A new identity, whose warnings were logged when it was loaded. */
void app_warning_begin(struct app_warning *w, const struct identity *id, struct mono now);
/* At look_at: logs what identity_warning() says when that is due. */
void app_warning_look(struct app_warning *w, const struct identity *id, struct mono now);

/* {"name", "serial", "expires", "warning"}; the first and the last only if there is one. */
json_t *app_identity_json(const struct identity *id);

#endif
