/* The CA's files: made whole or not at all, never overwritten, private whatever the umask is. */
#include "ca_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { INDEX_MAX = 16 << 20, UNTIL_SIZE = 32 };

static const char index_name[] = "index.txt";

static int
write_all(int fd, const char *p, size_t len)
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
	rc = write_all(fd, data, (size_t)len);
	if (rc == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
		rc = -errno;
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	if (rc < 0)
		unlinkat(dirfd, name, 0);
	return rc;
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
	static const char *const names[] = { "ca.crt", "ca.key", "server.crt", "server.key", index_name };

	for (size_t i = 0; d->dirfd >= 0 && i < sizeof(names) / sizeof(names[0]); i++)
		unlinkat(d->dirfd, names[i], 0);
	if (d->dirfd >= 0)
		close(d->dirfd);
	d->dirfd = -1;
	rmdir(d->path);
}

/* --- the index --- */

static int
read_index(int fd, BIO *out)
{
	char buf[4096];
	size_t total = 0;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		total += (size_t)n;
		if (total > INDEX_MAX)
			return -EFBIG;
		if (BIO_write(out, buf, (int)n) != n)
			return -ENOMEM;
	}
	return 0;
}

int
ca_index_open(struct ca_index *ix, int dirfd)
{
	int rc = 0;

	ix->text = BIO_new(BIO_s_mem());
	ix->fd = openat(dirfd, index_name, O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	if (ix->fd < 0 || flock(ix->fd, LOCK_EX) < 0)
		rc = -errno;
	else if (!ix->text)
		rc = -ENOMEM;
	else
		rc = read_index(ix->fd, ix->text);
	if (rc < 0)
		ca_index_close(ix);
	return rc;
}

void
ca_index_close(struct ca_index *ix)
{
	BIO_free(ix->text);
	if (ix->fd >= 0)
		close(ix->fd);
	*ix = (struct ca_index){ .fd = -1 };
}

/* Whether the second word of a line is 'name'; then the third goes to ret_until. */
static bool
line_is_of(const char *line, size_t len, const char *name, char ret_until[UNTIL_SIZE])
{
	char copy[256], *save = NULL;

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, line, len);
	copy[len] = 0;
	const char *serial = strtok_r(copy, " ", &save);
	const char *whose = serial ? strtok_r(NULL, " ", &save) : NULL;
	const char *until = whose ? strtok_r(NULL, " ", &save) : NULL;
	if (!whose || strcmp(whose, name) != 0)
		return false;
	snprintf(ret_until, UNTIL_SIZE, "%s", until ? until : "?");
	return true;
}

bool
ca_index_find(const struct ca_index *ix, const char *name, char ret_until[UNTIL_SIZE])
{
	char *text;
	size_t left = (size_t)BIO_get_mem_data(ix->text, &text);
	bool found = false;

	while (left > 0) {
		const char *newline = memchr(text, '\n', left);
		size_t len = newline ? (size_t)(newline - text) : left;
		found |= line_is_of(text, len, name, ret_until); /* the last one counts */
		len += newline != NULL;
		text += len;
		left -= len;
	}
	return found;
}

bool
ca_index_line(BIO *out, const X509 *cert, const char *name)
{
	struct sec_identity id = { 0 };
	char until[UNTIL_SIZE];
	struct tm tm;

	cert_identity(cert, &id);
	const time_t end = (time_t)id.not_after;
	if (!gmtime_r(&end, &tm) || strftime(until, sizeof(until), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return false;
	if (BIO_printf(out, "%s %s %s ", id.serial, name, until) < 0)
		return false;
	for (size_t i = 0; i < sizeof(id.sha256); i++)
		if (BIO_printf(out, "%02x", id.sha256[i]) < 0)
			return false;
	return BIO_printf(out, "\n") > 0;
}

int
ca_index_add(struct ca_index *ix, const X509 *cert, const char *name)
{
	BIO *line = BIO_new(BIO_s_mem());
	char *text, *data;
	long len = BIO_get_mem_data(ix->text, &text);
	int rc = -ENOMEM;

	/* a line that a full disk once cut short must not swallow this one */
	bool cut = len > 0 && text[len - 1] != '\n';
	if (line && (!cut || BIO_printf(line, "\n") > 0) && ca_index_line(line, cert, name)) {
		len = BIO_get_mem_data(line, &data);
		rc = write_all(ix->fd, data, (size_t)len);
		if (rc == 0 && fsync(ix->fd) < 0)
			rc = -errno;
	}
	BIO_free(line);
	return rc;
}
