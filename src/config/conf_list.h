/* Options with several values: text -> elements of a list, and the elements.
 *
 * Private to src/config; conf_value.h is the way to here.
 */
#ifndef CONF_LIST_H
#define CONF_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "castswitch/sbuf.h"
#include "conf_schema.h"

/* As conf_value_set(), conf_value_clear() (but for zeroing the field) and conf_value_copy(). */
bool conf_list_add(const struct conf_row *row, void *field, const char *text, struct sbuf *wrong);
void conf_list_clear(const struct conf_row *row, const void *field);
bool conf_list_copy(const struct conf_row *row, void *to, const void *from);

/* Appends the values as they would stand in a file, with the braces. */
void conf_list_print(const struct conf_row *row, const void *field, struct sbuf *out);

#endif
