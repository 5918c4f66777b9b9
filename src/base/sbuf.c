/* Growing string buffer with one sticky error. */
#include "castswitch/sbuf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
sbuf_init(struct sbuf *b)
{
	*b = (struct sbuf){ 0 };
}

void
sbuf_free(struct sbuf *b)
{
	if (!b)
		return;
	free(b->s);
	sbuf_init(b);
}

void
sbuf_reset(struct sbuf *b)
{
	b->len = 0;
	b->failed = false;
	if (b->s)
		b->s[0] = '\0';
}

/* Makes room for n more bytes and the NUL. */
static bool
reserve(struct sbuf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : 64;
	char *s = NULL;

	if (b->failed)
		return false;
	if (b->s && n < b->cap - b->len)
		return true;
	while (cap <= SIZE_MAX / 2 && cap - b->len <= n)
		cap *= 2;
	if (cap - b->len > n)
		s = realloc(b->s, cap);
	if (!s) {
		b->failed = true;
		return false;
	}
	b->s = s;
	b->cap = cap;
	return true;
}

void
sbuf_add(struct sbuf *b, const void *bytes, size_t n)
{
	if (!reserve(b, n))
		return;
	if (n > 0)
		memcpy(b->s + b->len, bytes, n);
	b->len += n;
	b->s[b->len] = '\0';
}

void
sbuf_addc(struct sbuf *b, char c)
{
	sbuf_add(b, &c, 1);
}

void
sbuf_puts(struct sbuf *b, const char *s)
{
	sbuf_add(b, s, strlen(s));
}

void
sbuf_printf(struct sbuf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	sbuf_vprintf(b, fmt, ap);
	va_end(ap);
}

void
sbuf_vprintf(struct sbuf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	if (!reserve(b, 0))
		return;
	va_copy(again, ap);
	n = vsnprintf(b->s + b->len, b->cap - b->len, fmt, ap);
	if (n < 0)
		b->failed = true;
	else if ((size_t)n < b->cap - b->len)
		b->len += (size_t)n;
	else if (reserve(b, (size_t)n))
		b->len += (size_t)vsnprintf(b->s + b->len, b->cap - b->len, fmt, again);
	/* After a failure this cuts off what was formatted in part. */
	b->s[b->len] = '\0';
	va_end(again);
}

const char *
sbuf_str(const struct sbuf *b)
{
	return b->s ? b->s : "";
}

char *
sbuf_steal(struct sbuf *b)
{
	char *s;

	if (!reserve(b, 0)) {
		sbuf_free(b);
		return NULL;
	}
	s = b->s;
	s[b->len] = '\0';
	sbuf_init(b);
	return s;
}
