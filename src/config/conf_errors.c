/* Collects mistakes and reports them in the order of the file. */
#include "conf_errors.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>

void
conf_errors_init(struct conf_errors *e)
{
	e->n = e->total = 0;
	e->oom = false;
}

void
conf_errors_fini(struct conf_errors *e)
{
	for (unsigned i = 0; i < e->n; i++)
		free(e->v[i].text);
	conf_errors_init(e);
}

/* What was quoted from the file may have lines; a message is one. */
static void
on_one_line(char *text)
{
	for (; *text; text++)
		if (iscntrl((unsigned char)*text))
			*text = '?';
}

void
conf_errors_add(struct conf_errors *e, unsigned line, const char *fmt, ...)
{
	struct sbuf b;
	va_list ap;

	e->total++;
	if (e->n == CONF_ERRORS_MAX)
		return;
	sbuf_init(&b);
	va_start(ap, fmt);
	sbuf_vprintf(&b, fmt, ap);
	va_end(ap);
	char *text = sbuf_steal(&b);
	sbuf_free(&b);
	if (!text) {
		e->oom = true;
		return;
	}
	on_one_line(text);
	e->v[e->n] = (struct conf_error){ .line = line, .seq = e->n, .text = text };
	e->n++;
}

static int
by_line(const void *a, const void *b)
{
	const struct conf_error *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

void
conf_errors_report(struct conf_errors *e, const char *file, struct sbuf *out)
{
	qsort(e->v, e->n, sizeof(e->v[0]), by_line);
	for (unsigned i = 0; i < e->n; i++)
		sbuf_printf(out, "%s:%u: %s\n", file, e->v[i].line, e->v[i].text);
	if (e->total > e->n)
		sbuf_printf(out, "%s: %u more mistakes\n", file, e->total - e->n);
	if (e->oom)
		sbuf_printf(out, "%s: out of memory\n", file);
}
