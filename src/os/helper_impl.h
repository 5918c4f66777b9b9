/* What the two sides of the helper share: the messages between them.
 *
 * One packet is one message of the host's own byte order, both sides being the same program.  A request is its head and
 * 'env' as long as it is in use; its length is the packet's.  Each READ_FILE and RUN_HOOK is answered by an error
 * number, 0 for success, with the file descriptor beside it; so are SET_DNS, and the start, once the helper is ready.
 * STOP isn't answered.  HELPER_UNSAFE as an answer means: that is none of mine, try it with your own rights.
 */
#ifndef CASTSWITCH_OS_HELPER_IMPL_H
#define CASTSWITCH_OS_HELPER_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "castswitch/helper.h"

enum helper_request_type {
	HELPER_READ_FILE = 1, /* index */
	HELPER_RUN_HOOK = 2,  /* index, env */
	HELPER_STOP = 3,
	HELPER_SET_DNS = 4, /* dns */
};

struct helper_request {
	uint32_t type;
	uint32_t index;
	union {
		char env[HELPER_ENV_BYTES_MAX]; /* "NAME=VALUE" with its 0, one after the other */
		struct helper_dns dns;
	};
};

enum { HELPER_REQUEST_HEAD = offsetof(struct helper_request, env) };

enum { HELPER_UNSAFE = 4096 }; /* besides error numbers, which end at 4095 */

/* The client's side. */
struct helper {
	int fd;
	pid_t pid;
	char **files; /* as in the parameters */
	size_t n_files, n_hooks;
	unsigned stop_ms; /* how long it may take to end */
};

/* Room for one file descriptor beside a message, aligned for its header. */
union helper_control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

/* Variables for a message: 0, -EINVAL or -E2BIG.  'env' NULL is none. */
int helper_env_pack(const char *const env[], char buf[HELPER_ENV_BYTES_MAX], size_t *ret_len);
/* Whether 'len' bytes from a message are what helper_env_pack() makes. */
bool helper_env_valid(const char *buf, size_t len);

#define HELPER_ENV_PREFIX "CASTSWITCH_"
/* The environment of a hook, for execve(2). */
struct helper_hook_env {
	char *v[1 + HELPER_ENV_VARS_MAX + 1]; /* PATH, variables, NULL */
	char text[HELPER_ENV_BYTES_MAX + HELPER_ENV_VARS_MAX * (sizeof(HELPER_ENV_PREFIX) - 1)];
};
/* 'buf' must be valid. */
void helper_env_make(struct helper_hook_env *ret, const char *buf, size_t len);

bool helper_dns_valid(const struct helper_dns *dns);
/* The calls of resolvectl for it: their arguments for helper_hooks_add_command(), up to HELPER_DNS_CALLS. */
enum { HELPER_DNS_CALLS = 2 };
struct helper_dns_call {
	size_t len;
	char args[64 + HELPER_DNS_MAX * 46 + HELPER_DOMAINS_MAX];
};
unsigned helper_dns_calls(const struct helper_dns *dns, const char *device,
			  struct helper_dns_call ret[HELPER_DNS_CALLS]);

/* Opens a regular file of at most HELPER_FILE_BYTES_MAX for reading, close-on-exec.  0 or -errno; -HELPER_UNSAFE when
 * another user than root could choose what 'path' is, unless it is a file of that user's. */
int helper_file_open(const char *path, int *ret_fd);
/* The same without that rule, for a program that opens it with its own rights. */
int helper_file_open_plain(const char *path, int *ret_fd);

/* Hooks that run or wait, in the helper. */
struct helper_hooks;
struct helper_hooks *helper_hooks_new(const struct helper_params *params);
/* 0, -ENOENT not configured, -EAGAIN full; index and env are valid. */
int helper_hooks_add(struct helper_hooks *q, unsigned index, const char *env, size_t env_len);
/* Reaps, kills what is late, starts the next one. */
void helper_hooks_run(struct helper_hooks *q, int64_t now_ms);
/* Free places in the queue. */
unsigned helper_hooks_room(const struct helper_hooks *q);
/* Another program than a hook, with the arguments in 'args', each with its 0; there is room for it. */
void helper_hooks_add_command(struct helper_hooks *q, const char *path, const char *args, size_t len);
/* When the one that runs is late; -1 when none runs, and then none waits either once helper_hooks_run() was called. */
int64_t helper_hooks_deadline_ms(const struct helper_hooks *q);
void helper_hooks_kill(struct helper_hooks *q);

/* The helper process: 'fd' is its end of the socket pair, 'parent' the process that it serves. */
void helper_serve(const struct helper_params *params, int fd, pid_t parent) __attribute__((noreturn));

/* Signals that the helper ignores; hooks get their default back. */
extern const int helper_ignored_signals[];
extern const size_t helper_n_ignored_signals;

#endif
