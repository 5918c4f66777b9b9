/* What the reloads of both programs share. */
#ifndef CASTSWITCH_APP_RELOAD_H
#define CASTSWITCH_APP_RELOAD_H

#include "app_files.h"
#include "castswitch/conf.h"
#include "castswitch/sbuf.h"

/* What needs a restart, by the names of its blocks and options: "tap, mtu". */
struct app_reload_list {
	char text[128];
};

void app_reload_add(struct app_reload_list *l, const char *word);
bool app_reload_same_prefixes(const struct conf_prefixes *a, const struct conf_prefixes *b);
/* Opens the configuration: a descriptor for conf_*_load_fd(), or -errno with a line in errors. */
int app_reload_open(struct app_files *files, struct sbuf *errors);
/* All the mistakes of a configuration go to the log, the first one to err. */
void app_reload_mistakes(const struct sbuf *errors, char err[APP_ERROR_MAX]);
/* The answer, also logged: nothing was changed for err, or what is left when err is NULL. */
void app_reload_answer(const char *err, const struct app_reload_list *restart, char *ret_text, size_t len);

#endif
