/* The column writer of castctl. */
#include "table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void
table_init(struct table *t, const struct table_column *columns, size_t n_columns)
{
	*t = (struct table){ .columns = columns, .n_columns = n_columns };
}

void
table_fini(struct table *t)
{
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct table){ 0 };
}

/* The length of the UTF-8 sequence at s that is a printable character, or 0. */
static size_t
printable(const unsigned char *s)
{
	size_t more = 0;

	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7f;
	if (s[0] >= 0xc2 && s[0] < 0xe0)
		more = 1;
	else if (s[0] >= 0xe0 && s[0] < 0xf0)
		more = 2;
	else if (s[0] >= 0xf0 && s[0] < 0xf5)
		more = 3;
	for (size_t i = 1; i <= more; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* U+0080 to U+009F are control characters, U+2028 to U+202E and U+2066 to U+2069 move text about. */
	if ((s[0] == 0xc2 && s[1] < 0xa0) || (s[0] == 0xe2 && s[1] == 0x80 && s[2] >= 0xa8 && s[2] <= 0xae) ||
	    (s[0] == 0xe2 && s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9))
		return 0;
	return more ? more + 1 : 0;
}

void
table_text(struct sbuf *out, const char *text)
{
	while (*text) {
		const size_t n = printable((const unsigned char *)text);

		if (n)
			sbuf_add(out, text, n);
		else
			sbuf_addc(out, '?');
		text += n ? n : 1;
	}
}

size_t
table_width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* The clean cell, or NULL. */
static char *__attribute__((format(printf, 1, 0))) format_cell(const char *fmt, va_list ap)
{
	struct sbuf raw, clean;

	sbuf_init(&raw);
	sbuf_init(&clean);
	sbuf_vprintf(&raw, fmt, ap);
	table_text(&clean, raw.len ? sbuf_str(&raw) : "-");
	char *text = sbuf_failed(&raw) ? NULL : sbuf_steal(&clean);
	sbuf_free(&raw);
	sbuf_free(&clean);
	return text;
}

/* Takes over 'text', which may be NULL. */
static void
add_cell(struct table *t, char *text)
{
	if (text && t->n_cells == t->cap_cells) {
		const size_t cap = t->cap_cells ? 2 * t->cap_cells : 64;
		char **cells = reallocarray(t->cells, cap, sizeof(*cells));

		if (cells) {
			t->cells = cells;
			t->cap_cells = cap;
		}
	}
	if (text && t->n_cells < t->cap_cells) {
		t->cells[t->n_cells++] = text;
		return;
	}
	t->failed = true;
	free(text);
}

void
table_cell(struct table *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_cell(t, format_cell(fmt, ap));
	va_end(ap);
}

void
table_blank(struct table *t, size_t n)
{
	while (n--)
		add_cell(t, strdup(""));
}

static void
measure(const struct table *t, size_t *widths)
{
	for (size_t i = 0; i < t->n_columns; i++)
		widths[i] = t->columns[i].header ? table_width(t->columns[i].header) : 0;
	for (size_t i = 0; i < t->n_cells; i++) {
		const size_t w = table_width(t->cells[i]);

		if (w > widths[i % t->n_columns])
			widths[i % t->n_columns] = w;
	}
}

static void
pad(struct sbuf *out, size_t n)
{
	while (n--)
		sbuf_addc(out, ' ');
}

static void
print_cell(const struct table *t, size_t column, const size_t *widths, const char *text, bool last, struct sbuf *out)
{
	const size_t gap = widths[column] - table_width(text);

	if (column)
		sbuf_puts(out, "  ");
	if (t->columns[column].align == TABLE_RIGHT)
		pad(out, gap);
	sbuf_puts(out, text);
	if (t->columns[column].align == TABLE_LEFT && !last)
		pad(out, gap);
}

/* Ends behind the last cell that shows something. */
static void
print_row(const struct table *t, const size_t *widths, char *const *cells, struct sbuf *out)
{
	size_t n = t->n_columns;

	while (n > 0 && !*cells[n - 1])
		n--;
	for (size_t i = 0; i < n; i++)
		print_cell(t, i, widths, cells[i], i == n - 1, out);
	sbuf_addc(out, '\n');
}

bool
table_print(const struct table *t, struct sbuf *out)
{
	size_t widths[TABLE_COLUMNS_MAX];

	if (t->failed || t->n_columns > TABLE_COLUMNS_MAX)
		return false;
	measure(t, widths);
	if (t->columns[0].header) {
		for (size_t i = 0; i < t->n_columns; i++)
			print_cell(t, i, widths, t->columns[i].header, i == t->n_columns - 1, out);
		sbuf_addc(out, '\n');
	}
	for (size_t i = 0; i + t->n_columns <= t->n_cells; i += t->n_columns)
		print_row(t, widths, t->cells + i, out);
	return !sbuf_failed(out);
}
