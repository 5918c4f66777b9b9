/* A directory for the files of a test, which doesn't stay behind: not after a failure, when tempdir_remove() is called
 * by the teardown, and not when a signal ends the test (the deadline, Ctrl-C).
 *
 * There is one at a time.  Processes that the test forks have nothing to do with it.
 */
#ifndef CASTSWITCH_TESTS_TEMPDIR_H
#define CASTSWITCH_TESTS_TEMPDIR_H

/* Makes /tmp/castswitch-NAME-XXXXXX with mode 0700; its path, or NULL. */
const char *tempdir_make(const char *name);
/* 0 when it and all in it is gone. */
int tempdir_remove(void);

#endif
