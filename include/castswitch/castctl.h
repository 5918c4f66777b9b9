/* castctl: asks a running program something and shows the answer.
 *
 * Each command is a row of a table: its name in the request, its arguments, a line of help, and how its result is
 * shown. What the results look like is in castswitch/ctl.h.
 */
#ifndef CASTSWITCH_CASTCTL_H
#define CASTSWITCH_CASTCTL_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "castswitch/sbuf.h"

enum { CASTCTL_ARGS_MAX = 2 };

struct castctl_command {
	const char *name;
	const char *args; /* as the usage shows them: "NAME"; "" for none */
	const char *help;
	/* The members of the request that the arguments become, in their order; NULL behind the last one. */
	const char *members[CASTCTL_ARGS_MAX + 1];
	/* Appends the result as text for people; false when it does not have the shape it should. */
	bool (*render)(json_t *result, struct sbuf *out);
};

extern const struct castctl_command castctl_commands[];
extern const size_t castctl_commands_n;

/* NULL when there is none of that name. */
const struct castctl_command *castctl_find(const char *name);
/* How many arguments it takes, no more and no less. */
size_t castctl_args(const struct castctl_command *cmd);
/* Asks the program behind 'socket' (NULL: the default), with castctl_args() arguments, and appends its answer, as
 * text or as indented JSON with sorted keys.  False with the reason in err. */
bool castctl_run(const struct castctl_command *cmd, char *const args[], const char *socket, bool json,
		 struct sbuf *out, char *err, size_t errlen) __attribute__((warn_unused_result));

/* The result as text alone; for tests. */
bool castctl_render_status(json_t *result, struct sbuf *out);
bool castctl_render_peers(json_t *result, struct sbuf *out);
bool castctl_render_groups(json_t *result, struct sbuf *out);
bool castctl_render_ports(json_t *result, struct sbuf *out);
bool castctl_render_fdb(json_t *result, struct sbuf *out);
bool castctl_render_routers(json_t *result, struct sbuf *out);
bool castctl_render_text(json_t *result, struct sbuf *out);
bool castctl_render_drops(json_t *result, struct sbuf *out);

#endif
