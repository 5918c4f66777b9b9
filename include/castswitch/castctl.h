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
	const char *args; /* as the usage shows them: "NAME", "[GROUP]"; "" for none */
	const char *help;
	/* The members of the request that the arguments become, in their order; NULL behind the last one. */
	const char *members[CASTCTL_ARGS_MAX + 1];
	/* Appends the result as text for people; false when it does not have the shape it should. */
	bool (*render)(json_t *result, struct sbuf *out);
	size_t optional_args; /* so many of them, from the end */
	bool takes_port;      /* --port */
	/* --watch: the same of one event; NULL when there is nothing to watch */
	bool (*render_event)(json_t *event, struct sbuf *out);
};

extern const struct castctl_command castctl_commands[];
extern const size_t castctl_commands_n;

/* NULL when there is none of that name. */
const struct castctl_command *castctl_find(const char *name);

/* What is asked, as on the command line. */
struct castctl_request {
	const struct castctl_command *cmd;
	char *const *args;
	size_t n_args;
	const char *port;   /* NULL: not given */
	const char *socket; /* NULL: the default */
	bool json, watch;
};

/* Whether the command takes what is given; else false with the mistake in err. */
bool castctl_check(const struct castctl_request *r, char *err, size_t errlen);
/* Asks the program behind the socket and appends its answer, as text or as indented JSON with sorted keys.  False with
 * the reason in err. */
bool castctl_run(const struct castctl_request *r, struct sbuf *out, char *err, size_t errlen)
	__attribute__((warn_unused_result));

/* Takes a line with its newline; false: it needs no more. */
typedef bool castctl_print_fn(void *arg, const char *line, size_t len);

/* Has the program tell what happens, and prints it as it comes, until that needs no more or nobody reads from the
 * descriptor 'out' any longer: true.  False with the reason in err, for instance that the program has ended. */
bool castctl_watch(const struct castctl_request *r, int out, castctl_print_fn *print, void *arg, char *err,
		   size_t errlen) __attribute__((warn_unused_result));

/* The result as text alone; for tests. */
bool castctl_render_status(json_t *result, struct sbuf *out);
bool castctl_render_peers(json_t *result, struct sbuf *out);
bool castctl_render_groups(json_t *result, struct sbuf *out);
bool castctl_render_ports(json_t *result, struct sbuf *out);
bool castctl_render_fdb(json_t *result, struct sbuf *out);
bool castctl_render_routers(json_t *result, struct sbuf *out);
bool castctl_render_text(json_t *result, struct sbuf *out);
bool castctl_render_drops(json_t *result, struct sbuf *out);
bool castctl_render_event(json_t *event, struct sbuf *out);

#endif
