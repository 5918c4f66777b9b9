/* Loading a configuration from a file or a descriptor. */
#include "castswitch/conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The file's bytes, at most one more than allowed. */
static int
read_bytes(FILE *f, char **ret, size_t *ret_len)
{
	char *text = malloc(CONF_FILE_MAX + 1);

	if (!text)
		return -ENOMEM;
	errno = 0;
	size_t len = fread(text, 1, CONF_FILE_MAX + 1, f);
	if (ferror(f)) {
		int err = errno ? -errno : -EIO;

		free(text);
		return err;
	}
	*ret = text;
	*ret_len = len;
	return 0;
}

/* Closes f, which is NULL when it could not be opened: err says why then. */
static int
read_stream(FILE *f, int err, const char *file, char **ret, size_t *ret_len, struct sbuf *errors)
{
	if (f) {
		err = read_bytes(f, ret, ret_len);
		fclose(f);
	}
	if (err)
		sbuf_printf(errors, "%s: %s\n", file, strerror(-err));
	return err;
}

static int
read_file(const char *file, char **ret, size_t *ret_len, struct sbuf *errors)
{
	FILE *f = fopen(file, "re");

	return read_stream(f, f ? 0 : -errno, file, ret, ret_len, errors);
}

int
conf_server_load(const char *file, struct conf_server **ret, struct sbuf *errors)
{
	char *text;
	size_t len;
	int err = read_file(file, &text, &len, errors);

	if (err)
		return err;
	err = conf_server_parse(file, text, len, ret, errors);
	free(text);
	return err;
}

/* Takes the descriptor. */
static int
read_fd(int fd, const char *file, char **ret, size_t *ret_len, struct sbuf *errors)
{
	FILE *f = fdopen(fd, "r");
	int err = f ? 0 : -errno;

	if (!f)
		close(fd);
	return read_stream(f, err, file, ret, ret_len, errors);
}

int
conf_server_load_fd(int fd, const char *file, struct conf_server **ret, struct sbuf *errors)
{
	char *text;
	size_t len;
	int err = read_fd(fd, file, &text, &len, errors);

	if (err)
		return err;
	err = conf_server_parse(file, text, len, ret, errors);
	free(text);
	return err;
}

int
conf_client_load_fd(int fd, const char *file, struct conf_client **ret, struct sbuf *errors)
{
	char *text;
	size_t len;
	int err = read_fd(fd, file, &text, &len, errors);

	if (err)
		return err;
	err = conf_client_parse(file, text, len, ret, errors);
	free(text);
	return err;
}

int
conf_client_load(const char *file, struct conf_client **ret, struct sbuf *errors)
{
	char *text;
	size_t len;
	int err = read_file(file, &text, &len, errors);

	if (err)
		return err;
	err = conf_client_parse(file, text, len, ret, errors);
	free(text);
	return err;
}
