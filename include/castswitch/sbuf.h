/* Growing string buffer with one sticky error.
 *
 * Appending after a failed allocation does nothing; check sbuf_failed() once at the end.  The text is always
 * NUL-terminated.  Not for the data path.
 */
#ifndef CASTSWITCH_SBUF_H
#define CASTSWITCH_SBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct sbuf {
	char *s; /* NUL-terminated; NULL until something was appended */
	size_t len, cap;
	bool failed;
};

void sbuf_init(struct sbuf *b);
void sbuf_free(struct sbuf *b);
/* Empties the text, keeps the memory, clears the error. */
void sbuf_reset(struct sbuf *b);
void sbuf_add(struct sbuf *b, const void *bytes, size_t n);
void sbuf_addc(struct sbuf *b, char c);
void sbuf_puts(struct sbuf *b, const char *s);
void sbuf_printf(struct sbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sbuf_vprintf(struct sbuf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* The text, "" when empty; owned by the buffer. */
const char *sbuf_str(const struct sbuf *b);
static inline bool
sbuf_failed(const struct sbuf *b)
{
	return b->failed;
}
/* Hands the text to the caller (free()), or NULL when the buffer failed; the buffer is empty afterwards. */
char *sbuf_steal(struct sbuf *b);

#endif
