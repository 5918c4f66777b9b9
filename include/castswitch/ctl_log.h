/* Steering commands that need nothing of the program's. */
#ifndef CASTSWITCH_CTL_LOG_H
#define CASTSWITCH_CTL_LOG_H

#include <jansson.h>
#include <stddef.h>

/* The request's string member, or NULL with err. */
const char *ctl_request_string(const json_t *request, const char *key, char *err, size_t errlen);

/* "log": {"level"} sets the log level; a ctl_command_fn without an argument. */
json_t *ctl_log_command(void *arg, const json_t *request, char *err, size_t errlen);

#endif
