/* A privileged helper process: does the few things that need root while the program runs as an ordinary user.
 *
 * It is forked before privilege_drop() and then serves a closed list of requests over a socket pair: open one of the
 * files named at start, run one of the hooks named at start, set the name servers of the interface named at start.
 * Requests carry an index, never a path, so a program that was taken over can't ask for anything else; one that is
 * unknown or malformed ends the helper.  Everything else in the
 * program goes on without it, its calls then return -EPIPE.
 *
 * The helper keeps its user (root) with CAP_DAC_READ_SEARCH, to read files, as its only effective capability.  With
 * hooks, CAP_NET_ADMIN and CAP_NET_RAW stay in its permitted and bounding sets, so that hooks run with these three:
 * they can set addresses, routes, firewall rules and net.* sysctls and talk to resolved; they can't write files of
 * other users, change ids or load modules.  It has no file of the program's but standard error (its standard output
 * goes there too), ignores SIGINT, SIGTERM and SIGHUP, since the program decides when to end, and ends with the
 * program.  It starts with what is in memory, so it is started before keys are read.
 *
 * Nor can it choose what is at a path: root's rights serve where only root can change the directories, and links, on the
 * way to the file; or root and one other user (a profile in somebody's home directory), when the file is that user's.
 * Any other file is opened by the program itself, with the rights that it has.  Subdirectories of a directory that all
 * may write are safe when it is sticky, like /tmp; files in it are not.
 *
 * Hooks run one after the other in the order of the calls, in a process group of their own, without a shell, in "/"
 * with umask 022; what a hook prints goes to standard error.  One that takes too long is killed with its process group.
 * How they ended is only a line in the log.  Their environment is PATH and, with "CASTSWITCH_" put before each name (so
 * that no caller can set LD_PRELOAD), the variables of the call.
 *
 * Name servers are handed to resolvectl(1), in the same queue and the same way but without variables: addresses and
 * names are checked by the helper once more, and addresses are written by it.
 *
 * Calls block until the helper answers, which doesn't wait for a hook; at most five seconds.
 */
#ifndef CASTSWITCH_HELPER_H
#define CASTSWITCH_HELPER_H

#include <stddef.h>
#include <stdint.h>

enum {
	HELPER_FILE_BYTES_MAX = 1024 * 1024,
	HELPER_ENV_VARS_MAX = 32,      /* variables of one hook */
	HELPER_ENV_BYTES_MAX = 4096,   /* all of them as "NAME=VALUE", with their ends */
	HELPER_HOOKS_WAITING_MAX = 16, /* besides the one that runs */
	HELPER_HOOK_TIMEOUT_MS = 10000,
	HELPER_DNS_MAX = 4,            /* name servers */
	HELPER_DOMAINS_MAX = 255,      /* bytes of all domains, with the spaces between them */
};

/* Needed during helper_start() only. */
struct helper_params {
	const char *const *files; /* paths by index; NULL for one that isn't configured */
	size_t n_files;
	const char *const *hooks; /* absolute paths by index, or NULL */
	size_t n_hooks;
	unsigned hook_timeout_ms; /* 0 is HELPER_HOOK_TIMEOUT_MS */
	/* A listening unix socket of the program's, or NULL.  The helper removes the file when it ends, however the
	 * program ended, unless somebody listens on it then. */
	const char *socket;
	const char *scrap;      /* a file that it removes then, too, if it is empty; or NULL */
	const char *resolvectl; /* absolute path; NULL: no name servers are set */
	const char *dns_device; /* the interface whose they are; with resolvectl */
};

struct helper_dns {
	uint32_t n;
	uint8_t addrs[HELPER_DNS_MAX][16];    /* in network order, IPv4 mapped: ::ffff:a.b.c.d */
	char domains[HELPER_DOMAINS_MAX + 1]; /* names of [A-Za-z0-9._~-] with one space between them */
};

struct helper;

/* Forks it; to be called while there is one thread.  NULL with one line in err. */
struct helper *helper_start(const struct helper_params *params, char *err, size_t errlen)
	__attribute__((warn_unused_result));

/* Opens a file for reading, close-on-exec.  0, or -EINVAL no such index or not a regular file, -EISDIR, -EFBIG larger
 * than HELPER_FILE_BYTES_MAX, -ENOENT also when it isn't configured, whatever open(2) says (of -EACCES the log says more
 * when the directories are the reason), -ETIMEDOUT (once, then it counts as ended), -EPIPE the helper has ended. */
int helper_open_file(struct helper *h, unsigned index, int *ret_fd) __attribute__((warn_unused_result));

/* Has a hook run.  'env' is "NAME=VALUE"s and NULL: names of [A-Z0-9_], values without control characters.  0 when it
 * was accepted; -EINVAL no such index or a bad variable, -E2BIG too many or too long, -ENOENT not configured, -EAGAIN
 * too many wait, -ETIMEDOUT and -EPIPE as above. */
int helper_run_hook(struct helper *h, unsigned index, const char *const env[]) __attribute__((warn_unused_result));

/* Sets name servers and domains in the place of those set before; with no servers, takes back what was set.  0 when it
 * was accepted; -EINVAL not as above, -ENOENT no name servers are set here, or there is no such program; -EAGAIN,
 * -ETIMEDOUT and -EPIPE as above. */
int helper_set_dns(struct helper *h, const struct helper_dns *dns) __attribute__((warn_unused_result));

/* Lets hooks that run or wait finish, for at most the timeout of one in total, ends the helper, and frees 'h'.  The
 * wait is two seconds longer at most.  NULL is fine. */
void helper_stop(struct helper *h);

#endif
