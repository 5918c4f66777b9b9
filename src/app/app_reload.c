/* What the reloads of both programs share: reading the file, and the answer. */
#include "app_reload.h"

#include <stdio.h>
#include <string.h>

#include "castswitch/log.h"

void
app_reload_add(struct app_reload_list *l, const char *word)
{
	size_t n = strlen(l->text);
	snprintf(l->text + n, sizeof(l->text) - n, "%s%s", n ? ", " : "", word);
}

bool
app_reload_same_prefixes(const struct conf_prefixes *a, const struct conf_prefixes *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].len != b->v[i].len || !ipaddr_equal(&a->v[i].addr, &b->v[i].addr))
			return false;
	return true;
}

int
app_reload_open(struct app_files *files, struct sbuf *errors)
{
	const char *file = files->paths[APP_FILE_CONFIG];
	int fd = app_files_open(files, file);
	if (fd < 0)
		sbuf_printf(errors, "%s: %s\n", file, strerror(-fd));
	return fd;
}

void
app_reload_mistakes(const struct sbuf *errors, char err[APP_ERROR_MAX])
{
	const char *text = sbuf_str(errors);
	snprintf(err, APP_ERROR_MAX, "%.*s", (int)strcspn(text, "\n"), text);
	while (*text) {
		size_t n = strcspn(text, "\n");
		log_error("reload", "%.*s", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

void
app_reload_answer(const char *err, const struct app_reload_list *restart, char *ret_text, size_t len)
{
	if (err) {
		log_error("reload", "nothing was changed");
		snprintf(ret_text, len, "%s; nothing was changed", err);
		return;
	}
	snprintf(ret_text, len, "reloaded%s%s", *restart->text ? "; needs a restart: " : "", restart->text);
	log_notice("reload", "%s", ret_text);
}
