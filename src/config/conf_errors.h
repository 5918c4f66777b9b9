/* The mistakes found in one configuration file, each with its line.
 *
 * Private to src/config.  They may be added in any order and come out in the order of the file.  After
 * CONF_ERRORS_MAX of them the rest is only counted.
 */
#ifndef CONF_ERRORS_H
#define CONF_ERRORS_H

#include <stdbool.h>
#include <stddef.h>

#include "castswitch/sbuf.h"

enum { CONF_ERRORS_MAX = 50 };

struct conf_error {
	unsigned line;
	unsigned seq;
	char *text;
};

struct conf_errors {
	struct conf_error v[CONF_ERRORS_MAX];
	unsigned n;     /* stored */
	unsigned total; /* found */
	bool oom;
};

void conf_errors_init(struct conf_errors *e);
void conf_errors_fini(struct conf_errors *e);
/* One mistake; the text begins with the option's name.  Control characters in it become '?'. */
void conf_errors_add(struct conf_errors *e, unsigned line, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Appends "file:line: text\n" for each, sorted by line. */
void conf_errors_report(struct conf_errors *e, const char *file, struct sbuf *out);

#endif
