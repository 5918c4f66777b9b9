/* The CA's files: made whole or not at all, private whatever the umask is, never overwritten but for the CRL. */
#include "ca_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
ca_write_all(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

int
ca_write_file(int dirfd, const char *name, unsigned mode, BIO *content)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	char *data;
	long len = BIO_get_mem_data(content, &data);
	int rc;

	if (fd < 0)
		return -errno;
	rc = ca_write_all(fd, data, (size_t)len);
	if (rc == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
		rc = -errno;
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	if (rc < 0)
		unlinkat(dirfd, name, 0);
	return rc;
}

int
ca_replace_file(int dirfd, const char *name, unsigned mode, BIO *content)
{
	char temporary[64];
	int rc;

	snprintf(temporary, sizeof(temporary), "%s.new", name);
	unlinkat(dirfd, temporary, 0); /* of a run that was interrupted */
	rc = ca_write_file(dirfd, temporary, mode, content);
	if (rc < 0)
		return rc;
	if (renameat(dirfd, temporary, dirfd, name) < 0) {
		rc = -errno;
		unlinkat(dirfd, temporary, 0);
		return rc;
	}
	return fsync(dirfd) < 0 ? -errno : 0;
}

/* --- a new directory --- */

int
ca_new_dir_make(struct ca_new_dir *d, const char *final)
{
	struct stat st;
	int n;

	d->final = final;
	d->dirfd = -1;
	if (lstat(final, &st) == 0)
		return -EEXIST;
	n = snprintf(d->path, sizeof(d->path), "%s.new-XXXXXX", final);
	if (n < 0 || (size_t)n >= sizeof(d->path))
		return -ENAMETOOLONG;
	if (!mkdtemp(d->path))
		return -errno;
	/* by name, because a umask of 0777 would not even let us open it; it is new and ours */
	if (chmod(d->path, 0700) == 0)
		d->dirfd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->dirfd < 0) {
		int rc = -errno;
		ca_new_dir_discard(d);
		return rc;
	}
	return 0;
}

int
ca_new_dir_publish(struct ca_new_dir *d)
{
	int rc = 0;

	/* rename(2) would replace an empty directory made meanwhile; where the file system cannot say no, that is
	 * harmless */
	if (fsync(d->dirfd) < 0)
		rc = -errno;
	else if (renameat2(AT_FDCWD, d->path, AT_FDCWD, d->final, RENAME_NOREPLACE) < 0 &&
		 (errno != EINVAL || rename(d->path, d->final) < 0))
		rc = -errno;
	if (rc < 0)
		return rc;
	close(d->dirfd);
	d->dirfd = -1;
	return 0;
}

void
ca_new_dir_discard(struct ca_new_dir *d)
{
	static const char *const names[] = { "ca.crt", "ca.key", "server.crt", "server.key", "index.txt", "ca.crl" };

	for (size_t i = 0; d->dirfd >= 0 && i < sizeof(names) / sizeof(names[0]); i++)
		unlinkat(d->dirfd, names[i], 0);
	if (d->dirfd >= 0)
		close(d->dirfd);
	d->dirfd = -1;
	rmdir(d->path);
}
