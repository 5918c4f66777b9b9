/* What the parts of the control socket share: the socket and its commands (ctl.c), the clients (ctl_conn.c).
 *
 * Private to src/ctl.
 */
#ifndef CTL_IMPL_H
#define CTL_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/un.h>

#include "castswitch/ctl.h"
#include "castswitch/list.h"

struct event;

struct ctl_command {
	const char *name, *help;
	ctl_command_fn *fn;
	void *arg;
};

struct ctl {
	struct event_base *base;
	struct event *accept, *accept_again;
	int fd;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	dev_t dev; /* of the socket's file, to know it again */
	ino_t ino;
	struct list clients;
	size_t n_clients;
	struct ctl_command commands[CTL_COMMANDS_MAX];
	size_t n_commands;
	struct ctl_cred caller; /* of the command that runs */
};

/* NULL when there is none. */
const struct ctl_command *ctl_find_command(const struct ctl *ctl, const char *name);
/* snprintf() for reasons. */
void ctl_explain(char *err, size_t errlen, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* A new client on a connected socket, which is taken also when there is no memory. */
void ctl_conn_start(struct ctl *ctl, int fd);
/* Ends the client that has been silent longest, if for more than CTL_SILENT_MS.  False when there is none such. */
bool ctl_conn_make_room(struct ctl *ctl);
/* Ends all clients at once. */
void ctl_conn_close_all(struct ctl *ctl);

#endif
