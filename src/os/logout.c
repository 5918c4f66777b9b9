/* Log lines to standard error (logout.h). */
#include "castswitch/logout.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>
#include <sys/stat.h>

#include "castswitch/log.h"

enum { LINE_MAX_BYTES = 4096 }; /* with prefix and newline: more than log.c makes, and atomic in a pipe */

static struct {
	const char *program;
	bool journal;
} out;

static int
priority(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return LOG_ERR;
	case LOG_LEVEL_WARNING:
		return LOG_WARNING;
	case LOG_LEVEL_NOTICE:
		return LOG_NOTICE;
	case LOG_LEVEL_INFO:
		return LOG_INFO;
	case LOG_LEVEL_DEBUG:
		break;
	}
	return LOG_DEBUG;
}

/* JOURNAL_STREAM is inherited by programs whose standard error went elsewhere since, so its device and inode must be
 * those of the stream that we have (systemd.exec(5)). */
static bool
is_journal(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;
	char end;

	return stream && sscanf(stream, "%llu:%llu%c", &dev, &ino, &end) == 2 && fstat(fd, &st) == 0 &&
	       st.st_dev == dev && st.st_ino == ino;
}

static void
write_all(const char *s, size_t len)
{
	while (len) {
		const ssize_t n = write(STDERR_FILENO, s, len);

		if (n < 0 && errno != EINTR)
			return; /* there is nobody to tell */
		if (n > 0) {
			s += n;
			len -= (size_t)n;
		}
	}
}

static void
sink(void *arg, enum log_level level, const char *topic, const char *line)
{
	const char *name = log_level_name(level);
	const int saved_errno = errno;
	char buf[LINE_MAX_BYTES];
	size_t len;

	(void)arg;
	(void)topic;
	if (out.journal)
		snprintf(buf, sizeof(buf) - 1, "<%d>%s", priority(level), line);
	else
		snprintf(buf, sizeof(buf) - 1, "%s: %s: %s", out.program, name ? name : "?", line);
	len = strlen(buf);
	buf[len] = '\n';
	write_all(buf, len + 1);
	errno = saved_errno;
}

void
logout_install(const char *program)
{
	out.program = program;
	out.journal = is_journal(STDERR_FILENO);
	log_set_sink(sink, NULL);
}
