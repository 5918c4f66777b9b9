/* The directory for the control socket, /run/castswitch: readable by all, writable by its owner. */
#ifndef CASTSWITCH_RUNDIR_H
#define CASTSWITCH_RUNDIR_H

#include <stddef.h>

/* Creates the directory with mode 0755 whatever the umask; its parent must exist.  A directory that exists is left as
 * it is; a symbolic link or anything else in its place is refused.  0, or -errno with one line in err. */
int rundir_create(const char *path, char *err, size_t errlen);

#endif
