/* castctl's commands: asking, and choosing how the answer is shown. */
#include "castswitch/castctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "castswitch/ctl_client.h"

const struct castctl_command castctl_commands[] = {
	{ "status", "", "what the program is doing", { NULL }, castctl_render_status },
	{ "peers", "", "who is connected", { NULL }, castctl_render_peers },
	{ "groups", "", "who listens to what", { NULL }, castctl_render_groups },
	{ "routers", "", "where multicast routers are", { NULL }, castctl_render_routers },
	{ "ports", "", "the switch's ports and their counters", { NULL }, castctl_render_ports },
	{ "fdb", "", "which MAC address is behind which port", { NULL }, castctl_render_fdb },
	{ "drops", "", "what was thrown away, and why", { NULL }, castctl_render_drops },
	{ "reload", "", "have the configuration read again", { NULL }, castctl_render_text },
	{ "kick", "NAME", "disconnect a peer", { "name" }, castctl_render_text },
	{ "log", "LEVEL", "log error, warning, notice, info or debug", { "level" }, castctl_render_text },
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

size_t
castctl_args(const struct castctl_command *cmd)
{
	size_t n = 0;

	while (cmd->members[n])
		n++;
	return n;
}

/* The request, or NULL when an argument is not text (UTF-8) or memory is short. */
static json_t *
make_request(const struct castctl_command *cmd, char *const args[])
{
	json_t *o = json_pack("{s:s}", "command", cmd->name);

	for (size_t i = 0; i < castctl_args(cmd); i++)
		if (json_object_set_new(o, cmd->members[i], json_string(args[i])) < 0) {
			json_decref(o);
			return NULL;
		}
	return o;
}

static json_t *
ask(const struct castctl_command *cmd, char *const args[], const char *path, char *err, size_t errlen)
{
	json_t *request = make_request(cmd, args), *result = NULL;

	if (request)
		result = ctl_client_call(path, request, err, errlen);
	else
		snprintf(err, errlen, "%s: the argument is not text", cmd->name);
	json_decref(request);
	return result;
}

static bool
render_json(const json_t *result, struct sbuf *out)
{
	/* Escaped to ASCII: it may go to a terminal. */
	char *text = json_dumps(result, JSON_INDENT(2) | JSON_SORT_KEYS | JSON_ENSURE_ASCII | JSON_ENCODE_ANY |
						JSON_REAL_PRECISION(15));

	if (!text)
		return false;
	sbuf_puts(out, text);
	sbuf_addc(out, '\n');
	free(text);
	return !sbuf_failed(out);
}

bool
castctl_run(const struct castctl_command *cmd, char *const args[], const char *socket, bool json, struct sbuf *out,
	    char *err, size_t errlen)
{
	const char *path = socket ? socket : ctl_client_default_socket();
	json_t *result = ask(cmd, args, path, err, errlen);

	if (!result)
		return false;
	const bool good = json ? render_json(result, out) : cmd->render(result, out);
	json_decref(result);
	if (!good)
		snprintf(err, errlen, "%s gave an answer to %s that cannot be shown%s", path, cmd->name,
			 json ? "" : " (try --json)");
	return good;
}
