/* Control socket, client side: one connection, one request, one parsed answer, and events behind it if these were asked
 * for.  Blocking, with a time limit for the answer. */
#ifndef CASTSWITCH_CTL_CLIENT_H
#define CASTSWITCH_CTL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

enum {
	CTL_CLIENT_TIMEOUT_S = 10,
	CTL_CLIENT_ANSWER_MAX = 64 * 1024 * 1024,
};

/* The socket to use when none was named: the server's, or the client's when only that one exists. */
const char *ctl_client_default_socket(void);

/* Sends {"command":command} to the program that listens on 'path' and returns a new reference to the answer's "result".
 * On failure NULL and a whole sentence in err, such as "cannot connect to PATH: no such file or directory (is
 * castswitchd running?)", or the error the program answered. */
json_t *ctl_client_request(const char *path, const char *command, char *err, size_t errlen)
	__attribute__((warn_unused_result));
/* The same with a whole request object (not consumed). */
json_t *ctl_client_call(const char *path, const json_t *request, char *err, size_t errlen)
	__attribute__((warn_unused_result));

/* Takes an event (the caller's); false: it needs no more. */
typedef bool ctl_client_event_fn(void *arg, json_t *event);

/* Sends a request (not consumed) whose answer is followed by events, a line each, and waits for them as long as it
 * takes, until fn needs no more or nobody reads from the descriptor 'out' any longer (-1: none): true.  False with a
 * sentence in err, also when the program closes the connection. */
bool ctl_client_watch(const char *path, const json_t *request, int out, ctl_client_event_fn *fn, void *arg, char *err,
		      size_t errlen) __attribute__((warn_unused_result));

#endif
