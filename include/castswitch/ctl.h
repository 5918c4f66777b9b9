/* Control socket, server side: one JSON object per line in, one per line out, over a unix stream socket.
 *
 *   -> {"command":"groups"}
 *   <- {"ok":true,"result":[...]}          or  {"ok":false,"error":"unknown command 'grops' (try help)"}
 *
 * Everything runs in the caller's event loop.  The socket has mode 0660; who may connect is a matter of its directory
 * and group.  A line that is not JSON, not an object or without a "command" is answered with an error and the
 * connection goes on.
 *
 * Limits (enum below): clients (one too many is told so and closed); bytes of a request line (longer: one error answer,
 * then closed); bytes of unread answers (more: dropped at once).  No client, however slow or silent, blocks another or
 * the loop; one that stops in the middle of a line only keeps its place.  Requests of one client are answered in order,
 * a few at a time so that it cannot starve the loop.
 *
 * The results' shapes are in castswitch/ctl_shapes.h.
 */
#ifndef CASTSWITCH_CTL_H
#define CASTSWITCH_CTL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

struct event_base;
struct ctl;

enum {
	CTL_LINE_MAX = 64 * 1024, /* without the newline */
	CTL_CLIENTS_MAX = 32,
	CTL_BACKLOG_MAX = 4 * 1024 * 1024,
	CTL_COMMANDS_MAX = 64,
	CTL_ERROR_MAX = 256,
};

/* Who sent the request being answered (SO_PEERCRED). */
struct ctl_cred {
	pid_t pid;
	uid_t uid;
	gid_t gid;
};

/* Answers one request, the whole JSON object.  Returns a new reference, or NULL with the reason in err (a few words, no
 * newline).  May not call ctl_close(). */
typedef json_t *ctl_command_fn(void *arg, const json_t *request, char *err, size_t errlen);

/* Opens, binds and listens.  A socket file that nobody listens on any more is replaced; a live one is an error ("another
 * castswitchd is running (socket PATH)").  NULL with the reason in err on failure.  'base' must outlive it. */
struct ctl *ctl_open(struct event_base *base, const char *path, char *err, size_t errlen)
	__attribute__((warn_unused_result));
/* Closes all clients and removes the socket file (if it still is ours). */
void ctl_close(struct ctl *c);

/* Adds a command; 'name' and 'help' (one line) must outlive c.  0, -EEXIST, or -ENOSPC.  "help" exists already: it
 * returns [{"name","help"}] of all commands. */
int ctl_register(struct ctl *c, const char *name, const char *help, ctl_command_fn *fn, void *arg);

/* Within a command: who asked. */
const struct ctl_cred *ctl_caller(const struct ctl *c);
/* Connected clients. */
size_t ctl_clients(const struct ctl *c);

#endif
