/* Columns of text for people: widths follow the widest cell, numbers stand to the right.
 *
 * Private to src/ctl.  What is not printable in a cell (names and versions come from other machines) becomes '?', so
 * nothing can play with the terminal.
 */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "castswitch/sbuf.h"

enum { TABLE_COLUMNS_MAX = 16 };

enum table_align { TABLE_LEFT, TABLE_RIGHT };

struct table_column {
	const char *header; /* NULL: no header line if all are */
	enum table_align align;
};

struct table {
	const struct table_column *columns;
	size_t n_columns;
	char **cells; /* row by row */
	size_t n_cells, cap_cells;
	bool failed; /* out of memory */
};

/* The columns must outlive the table. */
void table_init(struct table *t, const struct table_column *columns, size_t n_columns);
void table_fini(struct table *t);
/* The next cell; a row is complete when it has one for each column.  An empty one shows as "-". */
void table_cell(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The next 'n' cells show nothing, as in a row that continues the one above. */
void table_blank(struct table *t, size_t n);
/* Appends the header and all rows, two spaces between columns, none at the end of a line.  False when out of memory. */
bool table_print(const struct table *t, struct sbuf *out);

/* Appends text as it may be shown on a terminal. */
void table_text(struct sbuf *out, const char *text);
/* Characters of such text. */
size_t table_width(const char *text);

#endif
