/* The directory for the control socket (rundir.h). */
#include "castswitch/rundir.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

static int
fail(const char *path, int errnum, char *err, size_t errlen)
{
	snprintf(err, errlen, "%s: %s", path, strerror(errnum));
	return -errnum;
}

int
rundir_create(const char *path, char *err, size_t errlen)
{
	struct stat st;

	if (mkdir(path, 0755) == 0)
		/* whatever the umask took away */
		return chmod(path, 0755) == 0 ? 0 : fail(path, errno, err, errlen);
	if (errno != EEXIST || lstat(path, &st) < 0)
		return fail(path, errno, err, errlen);
	return S_ISDIR(st.st_mode) ? 0 : fail(path, ENOTDIR, err, errlen);
}
