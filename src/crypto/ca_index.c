/* The index of a CA: one line for each certificate issued, and another for each revoked.
 *
 *	SERIAL NAME NOTAFTER SHA256
 *	SERIAL NAME NOTAFTER SHA256 REVOKED
 *
 * It is only ever appended to.  A line that a full disk cut short stays in it and counts for nothing but its name.
 */
#include "ca_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { INDEX_MAX = 16 << 20, WORDS = 5, TIME_LEN = 20 };

static const char time_format[] = "%Y-%m-%dT%H:%M:%SZ";

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
ca_index_open(struct ca_index *ix, int dirfd, bool to_write)
{
	int flags = to_write ? O_RDWR | O_APPEND : O_RDONLY;
	int rc = 0;

	ix->text = BIO_new(BIO_s_mem());
	ix->fd = openat(dirfd, "index.txt", flags | O_NOFOLLOW | O_CLOEXEC);
	if (ix->fd < 0 || flock(ix->fd, to_write ? LOCK_EX : LOCK_SH) < 0)
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

/* --- reading --- */

static bool
parse_time(const char *text, int64_t *ret)
{
	struct tm tm = { 0 };
	const char *end = strlen(text) == TIME_LEN ? strptime(text, time_format, &tm) : NULL;

	if (!end || *end)
		return false;
	*ret = (int64_t)timegm(&tm);
	return true;
}

static bool
copy_word(char *ret, size_t size, const char *word, const char *allowed)
{
	size_t n = strlen(word);

	if (n == 0 || n >= size || strspn(word, allowed) != n)
		return false;
	memcpy(ret, word, n + 1);
	return true;
}

/* What can be read goes to *ret, and whether that is all of it to ret->damaged. */
static void
parse_line(char *line, struct ca_row *ret)
{
	static const char hex[] = "0123456789ABCDEFabcdef";
	char *words[WORDS + 1] = { 0 }, *save = NULL;
	size_t n = 0;
	bool ok;

	for (char *w = strtok_r(line, " ", &save); w && n <= WORDS; w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	*ret = (struct ca_row){ 0 };
	ok = n > 0 && copy_word(ret->serial, sizeof(ret->serial), words[0], hex);
	if (n > 1 && identity_name_valid(words[1]))
		snprintf(ret->name, sizeof(ret->name), "%s", words[1]);
	ok = ok && (n == WORDS - 1 || n == WORDS) && ret->name[0] && parse_time(words[2], &ret->not_after) &&
	     copy_word(ret->sha256, sizeof(ret->sha256), words[3], hex) &&
	     strlen(ret->sha256) == sizeof(ret->sha256) - 1 && (n < WORDS || parse_time(words[4], &ret->revoked_at));
	ret->damaged = !ok;
}

static struct ca_row *
find_serial(struct ca_row *rows, size_t n, const char *serial)
{
	for (size_t i = 0; i < n; i++)
		if (!rows[i].damaged && strcmp(rows[i].serial, serial) == 0)
			return &rows[i];
	return NULL;
}

/* A second line of a certificate is its revocation, or was to be. */
static void
add_row(struct ca_row *rows, size_t *n, const struct ca_row *row)
{
	struct ca_row *known = row->damaged || row->revoked_at ? find_serial(rows, *n, row->serial) : NULL;

	if (!known)
		rows[(*n)++] = *row;
	else if (!row->damaged)
		known->revoked_at = row->revoked_at;
}

int
ca_index_rows(const struct ca_index *ix, struct ca_row **ret, size_t *ret_n)
{
	char *data, *save = NULL;
	size_t len = (size_t)BIO_get_mem_data(ix->text, &data), lines = 1, n = 0;
	char *text = malloc(len + 1);
	struct ca_row *rows, row;

	for (size_t i = 0; text && i < len; i++) {
		text[i] = data[i] ? data[i] : '?';
		lines += data[i] == '\n';
	}
	rows = text ? calloc(lines, sizeof(*rows)) : NULL;
	if (!rows) {
		free(text);
		return -ENOMEM;
	}
	text[len] = 0;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		parse_line(line, &row);
		add_row(rows, &n, &row);
	}
	free(text);
	*ret = rows;
	*ret_n = n;
	return 0;
}

void
ca_time_text(int64_t seconds, char ret[CA_TIME_SIZE])
{
	const time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(ret, CA_TIME_SIZE, time_format, &tm) == 0)
		memcpy(ret, "?", 2);
}

int
ca_index_find(const struct ca_index *ix, const char *name, bool *ret_found, char ret_until[CA_TIME_SIZE])
{
	struct ca_row *rows;
	size_t n;
	int rc = ca_index_rows(ix, &rows, &n);

	if (rc < 0)
		return rc;
	*ret_found = false;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(rows[i].name, name) != 0 || rows[i].revoked_at || (*ret_found && rows[i].damaged))
			continue;
		*ret_found = true; /* the last one counts */
		if (rows[i].damaged)
			memcpy(ret_until, "?", 2);
		else
			ca_time_text(rows[i].not_after, ret_until);
	}
	free(rows);
	return 0;
}

/* --- writing --- */

bool
ca_index_line(BIO *out, const struct ca_row *row)
{
	char until[CA_TIME_SIZE], revoked[CA_TIME_SIZE] = "";

	ca_time_text(row->not_after, until);
	if (row->revoked_at)
		ca_time_text(row->revoked_at, revoked);
	return BIO_printf(out, "%s %s %s %s%s%s\n", row->serial, row->name, until, row->sha256, *revoked ? " " : "",
			  revoked) > 0;
}

void
ca_row_of(const X509 *cert, const char *name, struct ca_row *ret)
{
	struct sec_identity id = { 0 };

	cert_identity(cert, &id);
	*ret = (struct ca_row){ .not_after = id.not_after };
	snprintf(ret->serial, sizeof(ret->serial), "%s", id.serial);
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	for (size_t i = 0; i < sizeof(id.sha256); i++)
		snprintf(ret->sha256 + 2 * i, 3, "%02x", id.sha256[i]);
}

int
ca_index_add(struct ca_index *ix, const struct ca_row *rows, size_t n)
{
	BIO *lines = BIO_new(BIO_s_mem());
	char *text, *data;
	long len = BIO_get_mem_data(ix->text, &text);
	/* a line that a full disk once cut short must not swallow these */
	bool cut = len > 0 && text[len - 1] != '\n';
	bool ok = lines && (!cut || BIO_printf(lines, "\n") > 0);
	int rc = -ENOMEM;

	for (size_t i = 0; ok && i < n; i++)
		ok = ca_index_line(lines, &rows[i]);
	if (ok) {
		len = BIO_get_mem_data(lines, &data);
		rc = ca_write_all(ix->fd, data, (size_t)len);
		if (rc == 0 && fsync(ix->fd) < 0)
			rc = -errno;
	}
	BIO_free(lines);
	return rc;
}
