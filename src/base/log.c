/* Log lines: level filter, one-line formatting, rate limits, and the sink that takes them. */
#include "castswitch/log.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* A longer line is cut and ends in "...". */
#define LINE_BYTES 2048
/* Room for " (N similar lines suppressed)". */
#define SUFFIX_BYTES 64

static void
stderr_sink(void *arg, enum log_level level, const char *topic, const char *line)
{
	(void)arg;
	(void)level;
	(void)topic;
	fprintf(stderr, "castswitch: %s\n", line);
}

/* One process has one log, so this is the one piece of state that isn't passed around. */
static struct {
	log_sink_fn *sink;
	void *arg;
	enum log_level max;
} log_state = { .sink = stderr_sink, .max = LOG_LEVEL_INFO };

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error", [LOG_LEVEL_WARNING] = "warning", [LOG_LEVEL_NOTICE] = "notice",
	[LOG_LEVEL_INFO] = "info",   [LOG_LEVEL_DEBUG] = "debug",
};

#define LEVELS (sizeof(level_names) / sizeof(level_names[0]))

void
log_set_sink(log_sink_fn *sink, void *arg)
{
	log_state.sink = sink;
	log_state.arg = arg;
}

void
log_set_level(enum log_level max)
{
	log_state.max = max;
}

enum log_level
log_level(void)
{
	return log_state.max;
}

const char *
log_level_name(enum log_level level)
{
	return (size_t)level < LEVELS ? level_names[level] : NULL;
}

bool
log_level_parse(const char *name, enum log_level *ret_level)
{
	for (size_t i = 0; i < LEVELS; i++) {
		if (strcmp(name, level_names[i]) == 0) {
			*ret_level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

/* Names and texts from the network get into lines: they may neither begin a new line nor steer a terminal. */
static void
defuse(char *line)
{
	for (; *line; line++)
		if ((unsigned char)*line < ' ' || *line == 0x7f)
			*line = '?';
}

static void __attribute__((format(printf, 4, 0)))
emit(enum log_level level, const char *topic, unsigned suppressed, const char *fmt, va_list ap)
{
	char line[LINE_BYTES + SUFFIX_BYTES];
	size_t len;
	int n = vsnprintf(line, LINE_BYTES, fmt, ap);

	if (n < 0)
		snprintf(line, LINE_BYTES, "(a message of topic %s could not be formatted)", topic);
	else if (n >= LINE_BYTES)
		memcpy(line + LINE_BYTES - 4, "...", 4);
	len = strlen(line);
	if (suppressed > 0)
		snprintf(line + len, sizeof(line) - len, " (%u similar lines suppressed)", suppressed);
	defuse(line);
	log_state.sink(log_state.arg, level, topic, line);
}

void
log_line(enum log_level level, const char *topic, const char *fmt, ...)
{
	int saved_errno = errno;
	va_list ap;

	if (!log_state.sink || !log_enabled(level))
		return;
	va_start(ap, fmt);
	emit(level, topic, 0, fmt, ap);
	va_end(ap);
	errno = saved_errno;
}

bool
log_limit_passes(struct log_limit *limit, struct mono now)
{
	uint64_t earned;

	if (limit->every == 0)
		return true;
	earned = mono_since(limit->refill, now) / limit->every;
	if (earned >= limit->used) {
		limit->used = 0;
		limit->refill = now;
	} else {
		limit->used -= (unsigned)earned;
		limit->refill = mono_add(limit->refill, earned * limit->every);
	}
	if (limit->used >= limit->burst)
		return false;
	limit->used++;
	return true;
}

void
log_limited(struct log_limit *limit, struct mono now, enum log_level level, const char *topic, const char *fmt, ...)
{
	int saved_errno = errno;
	va_list ap;

	if (!log_state.sink || !log_enabled(level))
		return;
	if (!log_limit_passes(limit, now)) {
		limit->suppressed += limit->suppressed < UINT_MAX;
		return;
	}
	va_start(ap, fmt);
	emit(level, topic, limit->suppressed, fmt, ap);
	va_end(ap);
	limit->suppressed = 0;
	errno = saved_errno;
}
