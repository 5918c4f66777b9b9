/* A small file that is kept for the next run (savefile.h).
 *
 * The thread works on its own copy of everything but the directory's descriptor; it writes the result, then the eventfd
 * that wakes the loop, and ends.
 */
#include "castswitch/savefile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

enum { MODE = 0640 };

struct savefile {
	char *path;
	const char *name; /* in it, behind the last slash */
	int dir;
	int eventfd;
	struct loop_fd *h;

	bool writing; /* the thread was started and not waited for; until then what follows is its own */
	pthread_t thread;
	char *text;
	size_t len;
	int err;

	savefile_fn *done;
	void *arg;
};

/* --- the file --- */

/* Name + suffix. */
static int
with_suffix(const struct savefile *f, const char *suffix, char name[NAME_MAX + 1])
{
	const int n = snprintf(name, NAME_MAX + 1, "%s%s", f->name, suffix);

	return n < 0 || n > NAME_MAX ? -ENAMETOOLONG : 0;
}

static int
write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		const ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
write_new(const struct savefile *f, const char *name, const char *text, size_t len)
{
	int fd, err;

	/* What a crash has left; whatever it is, it is not written into. */
	(void)unlinkat(f->dir, name, 0);
	fd = openat(f->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, MODE);
	if (fd < 0)
		return -errno;
	err = write_all(fd, text, len);
	if (!err && fsync(fd) < 0)
		err = -errno;
	if (close(fd) < 0 && !err)
		err = -errno;
	if (err)
		(void)unlinkat(f->dir, name, 0);
	return err;
}

static int
replace(const struct savefile *f, const char *text, size_t len)
{
	char name[NAME_MAX + 1];
	int err = with_suffix(f, ".new", name);

	if (!err)
		err = write_new(f, name, text, len);
	if (!err && renameat(f->dir, name, f->dir, f->name) < 0)
		err = -errno;
	/* The new name is there for good, too; some file systems cannot do that to a directory. */
	if (!err)
		(void)fsync(f->dir);
	return err;
}

static int
read_all(int fd, size_t max, char **ret, size_t *ret_len)
{
	char *text = malloc(max + 2);
	size_t len = 0;
	ssize_t n = text ? 1 : -1;

	while (n > 0 && len <= max) {
		n = read(fd, text + len, max + 1 - len);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			len += (size_t)n;
	}
	if (n < 0 || len > max) {
		const int err = n < 0 ? -errno : -EFBIG;

		free(text);
		return text ? err : -ENOMEM;
	}
	text[len] = '\0';
	*ret = text;
	*ret_len = len;
	return 0;
}

int
savefile_read(const struct savefile *f, size_t max, char **ret, size_t *ret_len)
{
	struct stat st;
	const int fd = openat(f->dir, f->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return errno == ELOOP ? -EINVAL : -errno;
	err = fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -EINVAL;
	if (!err)
		err = read_all(fd, max, ret, ret_len);
	close(fd);
	return err;
}

int
savefile_set_aside(const struct savefile *f, const char **ret_suffix)
{
	static const char *const suffixes[] = { ".bad",  ".bad2", ".bad3", ".bad4", ".bad5",
						".bad6", ".bad7", ".bad8", ".bad9" };
	char name[NAME_MAX + 1];
	struct stat st;

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		int err = with_suffix(f, suffixes[i], name);

		if (err)
			return err;
		if (fstatat(f->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		if (errno != ENOENT || renameat(f->dir, f->name, f->dir, name) < 0)
			return -errno;
		*ret_suffix = suffixes[i];
		return 0;
	}
	return -EEXIST;
}

/* --- writing --- */

/* The thread has ended, or is about to. */
static void
take_back(struct savefile *f)
{
	if (!f->writing)
		return;
	pthread_join(f->thread, NULL);
	f->writing = false;
	free(f->text);
	f->text = NULL;
}

static void
written(void *arg, int fd, unsigned events, struct mono now)
{
	struct savefile *f = arg;
	uint64_t n;

	(void)events;
	if (read(fd, &n, sizeof(n)) != (ssize_t)sizeof(n) || !f->writing)
		return;
	take_back(f);
	f->done(f->arg, f->err, now);
}

static void *
run(void *arg)
{
	struct savefile *f = arg;
	const uint64_t one = 1;
	ssize_t n;

	f->err = replace(f, f->text, f->len);
	do
		n = write(f->eventfd, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
	return NULL;
}

/* All signals blocked: they are the loop's. */
static int
thread_start(struct savefile *f)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&f->thread, NULL, run, f);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -err;
}

int
savefile_write(struct savefile *f, char *text, size_t len, savefile_fn *done, void *arg)
{
	int err;

	if (f->writing) {
		free(text);
		return -EBUSY;
	}
	f->text = text;
	f->len = len;
	f->done = done;
	f->arg = arg;
	err = thread_start(f);
	f->writing = err == 0;
	if (err) {
		free(text);
		f->text = NULL;
	}
	return err;
}

int
savefile_write_now(struct savefile *f, const char *text, size_t len)
{
	take_back(f);
	return replace(f, text, len);
}

/* --- life --- */

static int
open_directory(struct savefile *f)
{
	char *slash = strrchr(f->path, '/');
	char *dir = slash ? strndup(f->path, slash == f->path ? 1 : (size_t)(slash - f->path)) : strdup(".");
	int err = 0;

	if (!dir)
		return -ENOMEM;
	f->name = slash ? slash + 1 : f->path;
	f->dir = *f->name ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (f->dir < 0)
		err = *f->name ? -errno : -EISDIR;
	free(dir);
	return err;
}

static int
set_up(struct savefile *f, struct loop *loop)
{
	const int err = open_directory(f);

	if (err)
		return err;
	f->eventfd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (f->eventfd < 0)
		return -errno;
	return loop_add_fd(loop, f->eventfd, LOOP_READ, written, f, &f->h);
}

struct savefile *
savefile_open(struct loop *loop, const char *path, char *err, size_t errlen)
{
	struct savefile *f = calloc(1, sizeof(*f));
	int r = -ENOMEM;

	if (f) {
		f->dir = f->eventfd = -1;
		f->path = strdup(path);
	}
	if (f && f->path)
		r = set_up(f, loop);
	if (r == 0)
		return f;
	snprintf(err, errlen, "%s: %s", path, strerror(-r));
	savefile_close(f);
	return NULL;
}

void
savefile_close(struct savefile *f)
{
	if (!f)
		return;
	take_back(f);
	loop_fd_del(f->h);
	if (f->eventfd >= 0)
		close(f->eventfd);
	if (f->dir >= 0)
		close(f->dir);
	free(f->path);
	free(f);
}

const char *
savefile_path(const struct savefile *f)
{
	return f->path;
}
