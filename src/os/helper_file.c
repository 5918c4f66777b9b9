/* Opening a file with root's rights, but only where nobody else can choose which file that is (helper_impl.h).
 *
 * Whoever can change a directory on the way to a file can put a link to another file there.  So the way is gone step by
 * step, over directories that are held open.  It is safe when only root can change it, or root and one other user to
 * whom the file belongs as well: he gets nothing read that isn't his.  A link counts by where it is and where it leads,
 * so those that root made are followed.
 */
#include "helper_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

enum {
	LINKS_MAX = 40, /* as in the kernel */
	/* O_NONBLOCK for the open() only: without it a FIFO would wait for a writer. */
	OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
};

struct way {
	int dir;        /* where it has led to */
	bool shared;    /* others may add to this directory and change what is theirs: sticky, like /tmp */
	uid_t owner;    /* who besides root can change the way; 0 nobody */
	unsigned links; /* that were followed */
	char rest[PATH_MAX];
	size_t at; /* what is left of it; empty, or behind the first name it begins with a slash */
};

/* 'w' is NULL when it doesn't matter how the file was come by. */
static int
check(const struct way *w, const struct stat *st)
{
	if (w && (w->shared || (w->owner != 0 && st->st_uid != w->owner)))
		return -HELPER_UNSAFE;
	if (!S_ISREG(st->st_mode))
		return S_ISDIR(st->st_mode) ? -EISDIR : -EINVAL;
	return st->st_size > HELPER_FILE_BYTES_MAX ? -EFBIG : 0;
}

/* 'fd' is what openat() returned. */
static int
finish(const struct way *w, int fd, int *ret_fd)
{
	struct stat st;
	int r;

	if (fd < 0)
		return -errno;
	r = fstat(fd, &st) < 0 || fcntl(fd, F_SETFL, 0) < 0 ? -errno : check(w, &st);
	if (r < 0)
		close(fd);
	else
		*ret_fd = fd;
	return r;
}

/* Who can change that one has the whole system, so there is nothing to keep from him.  In user namespaces and in some
 * containers it isn't root's. */
static bool
is_root_directory(const struct stat *st)
{
	struct stat root;

	return stat("/", &root) == 0 && st->st_dev == root.st_dev && st->st_ino == root.st_ino;
}

static int
enter(struct way *w, int fd)
{
	struct stat st;

	if (fd < 0)
		return -errno;
	if (w->dir >= 0)
		close(w->dir);
	w->dir = fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	w->shared = false;
	if (is_root_directory(&st))
		return 0;
	if (st.st_uid != 0 && w->owner != 0 && st.st_uid != w->owner)
		return -HELPER_UNSAFE;
	if (st.st_uid != 0)
		w->owner = st.st_uid;
	w->shared = st.st_mode & (S_IWGRP | S_IWOTH);
	return w->shared && !(st.st_mode & S_ISVTX) ? -HELPER_UNSAFE : 0;
}

/* A path, and only then what is left. */
static int
go_by(struct way *w, const char *path)
{
	char all[PATH_MAX];
	const int len = snprintf(all, sizeof(all), "%s%s", path, w->rest + w->at);

	if (len < 0 || (size_t)len >= sizeof(all))
		return -ENAMETOOLONG;
	memcpy(w->rest, all, (size_t)len + 1);
	w->at = 0;
	return *path == '/' ? enter(w, open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)) : 0;
}

static int
follow(struct way *w, const char *link)
{
	char text[PATH_MAX];
	ssize_t len;

	if (w->shared)
		return -HELPER_UNSAFE;
	if (++w->links > LINKS_MAX)
		return -ELOOP;
	len = readlinkat(w->dir, link, text, sizeof(text));
	if (len < 0)
		return -errno;
	if ((size_t)len == sizeof(text))
		return -ENAMETOOLONG;
	text[len] = '\0';
	return go_by(w, text);
}

/* Takes the next name from what is left. */
static int
next_name(struct way *w, char name[NAME_MAX + 1])
{
	const char *from = w->rest + w->at + strspn(w->rest + w->at, "/");
	const size_t len = strcspn(from, "/");

	if (len == 0)
		return -EISDIR;
	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, from, len);
	name[len] = '\0';
	w->at = (size_t)(from + len - w->rest);
	return 0;
}

/* One name further.  Where others can exchange what is under the name after a look at it, what is opened is looked at
 * again; the first look is there because opening a device may already do something. */
static int
step(struct way *w, int *ret_fd)
{
	char name[NAME_MAX + 1];
	struct stat st;
	int r = next_name(w, name);

	if (r < 0)
		return r;
	if (fstatat(w->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return follow(w, name);
	if (w->rest[w->at])
		return enter(w, openat(w->dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
	r = check(w, &st);
	return r < 0 ? r : finish(w, openat(w->dir, name, OPEN_FLAGS | O_NOFOLLOW), ret_fd);
}

int
helper_file_open(const char *path, int *ret_fd)
{
	struct way w = { .dir = -1 };
	int fd = -1, r = go_by(&w, path);

	if (r == 0 && w.dir < 0)
		r = enter(&w, open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
	while (r == 0 && fd < 0)
		r = step(&w, &fd);
	if (w.dir >= 0)
		close(w.dir);
	/* nor does a user learn from errors what there is in directories of root's */
	if (r < 0)
		return w.owner != 0 ? -HELPER_UNSAFE : r;
	*ret_fd = fd;
	return 0;
}

int
helper_file_open_plain(const char *path, int *ret_fd)
{
	return finish(NULL, open(path, OPEN_FLAGS), ret_fd);
}
