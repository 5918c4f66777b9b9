/* A helper process with files and hooks of every kind in a directory of its own, for the tests of src/os/helper*.c.
 *
 * Waiting in those tests is always for an event (the end of a process, a FIFO that is opened), never for a time, with
 * alarm() as the deadline for all of it.
 */
#ifndef CASTSWITCH_TESTS_HELPER_FIX_H
#define CASTSWITCH_TESTS_HELPER_FIX_H

#include <pwd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "castswitch/privilege.h"

#include "../../src/os/helper_impl.h"

/* Indices of files and hooks; the ones named UNSET aren't configured. */
enum { FILE_SMALL, FILE_MISSING, FILE_DIR, FILE_FIFO, FILE_FULL, FILE_OVER, FILE_UNSET, N_FILES };
enum {
	HOOK_ENV,    /* writes environ, status, pwd to files of these names */
	HOOK_APPEND, /* appends $CASTSWITCH_N to the file "order" */
	HOOK_HANG,   /* starts a child, its pid in the file "child", writes to FILE_FIFO and waits for the child */
	HOOK_FIFO,   /* writes to FILE_FIFO */
	HOOK_WAIT,   /* reads from FILE_FIFO */
	HOOK_MISSING,
	HOOK_FAIL,   /* exit status 3 */
	HOOK_FDS,    /* prints its file descriptors */
	HOOK_STATUS, /* prints its /proc/self/status */
	HOOK_UNSET,
	N_HOOKS
};

extern const char *fix_files[N_FILES], *fix_hooks[N_HOOKS];
extern struct helper_params fix_params; /* set up from these, for fix_start() */
extern struct helper *fix_helper;       /* stopped by the teardown, if there is one */

/* Setup and teardown of a test; nothing is started yet, some tests have something to do before. */
int fix_setup(void **state);
int fix_teardown(void **state);

void fix_start(void);
void fix_stop(void);

/* The lines that the helper process logged so far. */
char *fix_log(void);

/* A path in the directory. */
const char *fix_path(const char *name);
/* A file's text, with newlines for NULs. */
const char *fix_read(const char *path);
/* The value of a line "NAME:<tab>VALUE" of a /proc/PID/status; 'name' with colon and tab. */
const char *fix_status(const char *text, const char *name);
/* Waits for all children, also those that came to us from a helper; fails when 'not_this' is one of them. */
void fix_reap_orphans(pid_t not_this);
/* Whether this is root, more than that of a user namespace of one. */
bool fix_is_root(void);

#define FIX_NEED_ROOT()                                                                                                \
	do {                                                                                                           \
		if (!fix_is_root()) {                                                                                  \
			print_message("# not root, or no account 'nobody'\n");                                         \
			skip();                                                                                        \
		}                                                                                                      \
	} while (0)

#endif
