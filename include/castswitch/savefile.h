/* A small file that is kept for the next run: read once, replaced as a whole as often as it changes.
 *
 * Writing goes on in a thread, for it waits for the disk: a new file beside the old one, which takes its place when it
 * is there for good (fsync, rename), so that after a crash there is one or the other.  One write at a time.
 *
 * The directory is opened at the beginning, with the rights that there are then; files in it are opened with the rights
 * of their time.  No link is followed there.
 */
#ifndef CASTSWITCH_SAVEFILE_H
#define CASTSWITCH_SAVEFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "castswitch/loop.h"

struct savefile;

/* NULL with one line in err.  'path' is that of the file; its directory must exist. */
struct savefile *savefile_open(struct loop *loop, const char *path, char *err, size_t errlen);
/* Waits for what is being written.  NULL is fine. */
void savefile_close(struct savefile *f);

const char *savefile_path(const struct savefile *f);

/* The whole file, with a 0 behind it that does not count; the caller frees it.  0 or -errno: -ENOENT there is none, -EFBIG
 * it has more than 'max' bytes, -EINVAL it is no regular file. */
int savefile_read(const struct savefile *f, size_t max, char **ret, size_t *ret_len)
	__attribute__((warn_unused_result));

/* Renames the file to one that is not there yet, its name with ".bad" or ".bad2" to ".bad9" behind it: *ret_suffix says
 * which.  0, -EEXIST they are all there, or another -errno. */
int savefile_set_aside(const struct savefile *f, const char **ret_suffix) __attribute__((warn_unused_result));

/* 'err' is 0 or -errno.  From the loop, never from inside of a call. */
typedef void savefile_fn(void *arg, int err, struct mono now);
/* Replaces it by 'text', which is taken (malloc'ed), whatever the result.  0, and done(arg, ...) follows, unless
 * savefile_close() comes first; -EBUSY while another write goes on, -ENOMEM, -EAGAIN (no thread to be had). */
int savefile_write(struct savefile *f, char *text, size_t len, savefile_fn *done, void *arg)
	__attribute__((warn_unused_result));
/* The same at once, after what is being written.  0 or -errno. */
int savefile_write_now(struct savefile *f, const char *text, size_t len) __attribute__((warn_unused_result));

#endif
