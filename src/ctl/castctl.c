/* castctl's commands: asking, and choosing how the answer is shown. */
#include "castswitch/castctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "castswitch/ctl_client.h"

const struct castctl_command castctl_commands[] = {
	{ "status", "what the program is doing", castctl_render_status },
	{ "peers", "who is connected", castctl_render_peers },
	{ "groups", "who listens to what", castctl_render_groups },
	{ "ports", "the switch's ports and their counters", castctl_render_ports },
	{ "fdb", "which MAC address is behind which port", castctl_render_fdb },
	{ "drops", "what was thrown away, and why", castctl_render_drops },
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
castctl_run(const struct castctl_command *cmd, const char *socket, bool json, struct sbuf *out, char *err,
	    size_t errlen)
{
	const char *path = socket ? socket : ctl_client_default_socket();
	json_t *result = ctl_client_request(path, cmd->name, err, errlen);

	if (!result)
		return false;
	const bool good = json ? render_json(result, out) : cmd->render(result, out);
	json_decref(result);
	if (!good)
		snprintf(err, errlen, "%s gave an answer to %s that cannot be shown%s", path, cmd->name,
			 json ? "" : " (try --json)");
	return good;
}
