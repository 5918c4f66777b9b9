/* castctl's commands: asking, and choosing how the answer is shown. */
#include "castswitch/castctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "castswitch/ctl_client.h"

const struct castctl_command castctl_commands[] = {
	{ .name = "status", .args = "", .help = "what the program is doing", .render = castctl_render_status },
	{ .name = "peers", .args = "", .help = "who is connected", .render = castctl_render_peers },
	{ .name = "groups",
	  .args = "[GROUP]",
	  .help = "who listens to what",
	  .members = { "group" },
	  .render = castctl_render_groups,
	  .optional_args = 1,
	  .takes_port = true,
	  .render_event = castctl_render_event },
	{ .name = "routers", .args = "", .help = "where multicast routers are", .render = castctl_render_routers },
	{ .name = "ports",
	  .args = "",
	  .help = "the switch's ports and their counters",
	  .render = castctl_render_ports },
	{ .name = "fdb", .args = "", .help = "which MAC address is behind which port", .render = castctl_render_fdb },
	{ .name = "drops", .args = "", .help = "what was thrown away, and why", .render = castctl_render_drops },
	{ .name = "reload", .args = "", .help = "have the configuration read again", .render = castctl_render_text },
	{ .name = "kick",
	  .args = "NAME",
	  .help = "disconnect a peer",
	  .members = { "name" },
	  .render = castctl_render_text },
	{ .name = "log",
	  .args = "LEVEL",
	  .help = "log error, warning, notice, info or debug",
	  .members = { "level" },
	  .render = castctl_render_text },
};

const size_t castctl_commands_n = sizeof(castctl_commands) / sizeof(castctl_commands[0]);

const struct castctl_command *
castctl_find(const char *name)
{
	for (size_t i = 0; i < castctl_commands_n; i++)
		if (strcmp(castctl_commands[i].name, name) == 0)
			return &castctl_commands[i];
	return NULL;
}

static size_t
args_max(const struct castctl_command *cmd)
{
	size_t n = 0;

	while (cmd->members[n])
		n++;
	return n;
}

bool
castctl_check(const struct castctl_request *r, char *err, size_t errlen)
{
	static const char *const numbers[] = { "no argument", "one argument", "two arguments" };
	const size_t max = args_max(r->cmd), min = max - r->cmd->optional_args;

	if (r->n_args < min || r->n_args > max)
		snprintf(err, errlen, "%s takes %s%s (usage: castctl %s%s%s)", r->cmd->name,
			 min < max ? "at most " : "", numbers[max], r->cmd->name, *r->cmd->args ? " " : "",
			 r->cmd->args);
	else if (r->port && !r->cmd->takes_port)
		snprintf(err, errlen, "%s takes no --port", r->cmd->name);
	else if (r->watch && !r->cmd->render_event)
		snprintf(err, errlen, "%s takes no --watch", r->cmd->name);
	else
		return true;
	return false;
}

/* The request, or NULL when an argument is not text (UTF-8) or memory is short. */
static json_t *
make_request(const struct castctl_request *r)
{
	json_t *o = json_pack("{s:s}", "command", r->watch ? "watch" : r->cmd->name);
	int failed = o ? 0 : -1;

	for (size_t i = 0; i < r->n_args; i++)
		failed |= json_object_set_new(o, r->cmd->members[i], json_string(r->args[i]));
	if (r->port)
		failed |= json_object_set_new(o, "port", json_string(r->port));
	if (!failed)
		return o;
	json_decref(o);
	return NULL;
}

static const char *
socket_path(const struct castctl_request *r)
{
	return r->socket ? r->socket : ctl_client_default_socket();
}

static void
explain_request(const struct castctl_request *r, char *err, size_t errlen)
{
	snprintf(err, errlen, "%s: the argument is not text", r->cmd->name);
}

/* --- one answer ------------------------------------------------------------------------------------------------------
 */

static json_t *
ask(const struct castctl_request *r, char *err, size_t errlen)
{
	json_t *request = make_request(r), *result = NULL;

	if (request)
		result = ctl_client_call(socket_path(r), request, err, errlen);
	else
		explain_request(r, err, errlen);
	json_decref(request);
	return result;
}

/* Escaped to ASCII: it may go to a terminal. */
static bool
render_json(const json_t *result, size_t format, struct sbuf *out)
{
	char *text = json_dumps(result, format | JSON_SORT_KEYS | JSON_ENSURE_ASCII | JSON_ENCODE_ANY |
						JSON_REAL_PRECISION(15));

	if (!text)
		return false;
	sbuf_puts(out, text);
	sbuf_addc(out, '\n');
	free(text);
	return !sbuf_failed(out);
}

/* Why there is nothing to see. */
static void
explain_shape(const struct castctl_request *r, const char *what, char *err, size_t errlen)
{
	snprintf(err, errlen, "%s gave %s %s that cannot be shown%s", socket_path(r), what, r->cmd->name,
		 r->json ? "" : " (try --json)");
}

bool
castctl_run(const struct castctl_request *r, struct sbuf *out, char *err, size_t errlen)
{
	json_t *result = ask(r, err, errlen);

	if (!result)
		return false;
	const bool good = r->json ? render_json(result, JSON_INDENT(2), out) : r->cmd->render(result, out);
	json_decref(result);
	if (!good)
		explain_shape(r, "an answer to", err, errlen);
	return good;
}

/* --- events ----------------------------------------------------------------------------------------------------------
 */

struct watch {
	const struct castctl_request *r;
	castctl_print_fn *print;
	void *arg;
	struct sbuf line;
	bool failed; /* an event cannot be shown */
};

static bool
on_event(void *arg, json_t *event)
{
	struct watch *w = arg;

	sbuf_reset(&w->line);
	w->failed =
		!(w->r->json ? render_json(event, JSON_COMPACT, &w->line) : w->r->cmd->render_event(event, &w->line));
	return !w->failed && w->print(w->arg, sbuf_str(&w->line), w->line.len);
}

bool
castctl_watch(const struct castctl_request *r, int out, castctl_print_fn *print, void *arg, char *err, size_t errlen)
{
	struct watch w = { .r = r, .print = print, .arg = arg };
	json_t *request = make_request(r);
	bool good = false;

	sbuf_init(&w.line);
	if (request)
		good = ctl_client_watch(socket_path(r), request, out, on_event, &w, err, errlen);
	else
		explain_request(r, err, errlen);
	if (w.failed)
		explain_shape(r, "an event of", err, errlen);
	sbuf_free(&w.line);
	json_decref(request);
	return good && !w.failed;
}
