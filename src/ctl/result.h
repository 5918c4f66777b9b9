/* Parts of a program's answer, as text for people.
 *
 * Private to src/ctl.  An answer comes from another program, perhaps of another version: whatever is missing or of
 * another type shows as nothing.
 */
#ifndef CTL_RESULT_H
#define CTL_RESULT_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "castswitch/sbuf.h"
#include "table.h"

enum { RESULT_TEXT_MAX = 32 };

/* A member as text; "" when there is none. */
const char *result_text(const json_t *o, const char *key);
bool result_is_true(const json_t *o, const char *key);
/* A counter; all of these return buf. */
const char *result_count(const json_t *o, const char *key, char buf[RESULT_TEXT_MAX]);
/* 512, 1.5K, 20.0M */
const char *result_bytes(const json_t *o, const char *key, char buf[RESULT_TEXT_MAX]);
/* 12s, 2m05s, 3h12m, 4d03h */
const char *result_time(const json_t *o, const char *key, char buf[RESULT_TEXT_MAX]);

/* Appends "a, b, c" of an array of strings, each with something before it. */
void result_join(const json_t *list, const char *before, struct sbuf *out);
/* Whether any row is of a VLAN; the column is left out otherwise. */
bool result_has_vlans(const json_t *list);

/* Adds the cells of one element of a result. */
typedef void result_row_fn(struct table *t, const json_t *o);
/* Appends a table with n columns of a list of objects.  False when it is none, or memory is short. */
bool result_rows(const json_t *list, const struct table_column *columns, size_t n, result_row_fn *row,
		 struct sbuf *out);

#endif
