/* Log macros with levels, topics and rate limits; where a line goes is decided by a sink that os/ installs.
 *
 * Used by src/app, src/ports, src/io, src/ctl, src/os, src/crypto, src/config.  NOT by wire, core and tunnel: those
 * report through return values, events and counters (tools/check-layers enforces it).  A line that a packet can cause
 * goes through log_limited().  Control characters in a line are shown as '?', a line over 2047 bytes is cut and ends in
 * "...", and errno is kept.
 */
#ifndef CASTSWITCH_LOG_H
#define CASTSWITCH_LOG_H

#include <stdarg.h>
#include <stdbool.h>

#include "castswitch/mono.h"
#include "castswitch/tbucket.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Receives one finished line without newline or prefix.  'topic' is a short static word such as "tunnel". */
typedef void log_sink_fn(void *arg, enum log_level level, const char *topic, const char *line);

/* Installs the sink; NULL discards.  Until then lines go to stderr as "castswitch: LINE". */
void log_set_sink(log_sink_fn *sink, void *arg);
void log_set_level(enum log_level max);
enum log_level log_level(void);
/* "error" "warning" "notice" "info" "debug"; NULL / false when there is no such level. */
const char *log_level_name(enum log_level level);
bool log_level_parse(const char *name, enum log_level *ret_level);

static inline bool log_enabled(enum log_level level);

void log_line(enum log_level level, const char *topic, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static inline bool
log_enabled(enum log_level level)
{
	return level <= log_level();
}

#define log_error(topic, ...) log_line(LOG_LEVEL_ERROR, topic, __VA_ARGS__)
#define log_warning(topic, ...) log_line(LOG_LEVEL_WARNING, topic, __VA_ARGS__)
#define log_notice(topic, ...) log_line(LOG_LEVEL_NOTICE, topic, __VA_ARGS__)
#define log_info(topic, ...) log_line(LOG_LEVEL_INFO, topic, __VA_ARGS__)
#define log_debug(topic, ...)                                                                          \
	do {                                                                                           \
		if (log_enabled(LOG_LEVEL_DEBUG))                                                      \
			log_line(LOG_LEVEL_DEBUG, topic, __VA_ARGS__);                                 \
	} while (0)

/* A rate limit for one source of lines: at most 'burst' at once, then one every 'every'; suppressed lines are counted
 * and the next line that passes ends in " (N similar lines suppressed)".  'every' 0 means no limit. */
struct log_limit {
	nsec_t every;
	unsigned burst;
	unsigned used;
	unsigned suppressed;
	struct mono refill;
};
#define LOG_LIMIT_INIT { .every = 10 * NSEC_PER_SEC, .burst = 5 }

/* Takes one line from the limit's allowance; false when it is used up. */
bool log_limit_passes(struct log_limit *limit, struct mono now);
void log_limited(struct log_limit *limit, struct mono now, enum log_level level, const char *topic, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

#endif
