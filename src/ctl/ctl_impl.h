/* What the parts of the control socket share: the socket and its commands (ctl.c), the clients (ctl_conn.c), and those
 * of them that watch (ctl_stream.c).
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

struct bufferevent;
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
	struct ctl_cred caller;  /* of the command that runs */
	struct client *asking;   /* the same client; NULL outside of commands */
	size_t n_watchers;
};

struct client {
	struct list link;
	struct ctl *ctl;
	struct bufferevent *bev;
	struct event *again; /* the next turn, when lines are left */
	struct ctl_cred cred;
	int64_t heard_ms; /* when the last bytes came */
	size_t searched;  /* bytes of the input in which there is no newline */
	bool eof;         /* nothing more comes */
	bool closing;     /* no more requests; ends when the answers are out */
	bool watches;
	json_t *only;      /* members that an event must have; NULL: any event */
	uint64_t lost;     /* events that it was not sent and has not been told of */
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

/* The client has taken all there was. */
void ctl_stream_written(struct client *c);
/* The client ends. */
void ctl_stream_end(struct client *c);

#endif
