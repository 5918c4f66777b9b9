/* Control socket, client side: one connection, one request, one parsed answer.  Blocking, with a time limit. */
#ifndef CASTSWITCH_CTL_CLIENT_H
#define CASTSWITCH_CTL_CLIENT_H

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

#endif
