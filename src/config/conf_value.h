/* One option's value: text -> field, field -> text.
 *
 * Private to src/config.  Everything is driven by the option's row (conf_schema.h).
 */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "conf_schema.h"
#include "castswitch/ipaddr.h"
#include "castswitch/mono.h"
#include "castswitch/sbuf.h"

/* Sets the field to the text's value; for a list, appends it.  False, with the field untouched and what is wrong
 * appended to 'wrong' ("'9h' is out of range (allowed: 1s to 31744s)"), when the text is not a value of this option. */
bool conf_value_set(const struct conf_row *row, void *field, const char *text, struct sbuf *wrong);
/* Sets the field to the row's default, from zero. */
bool conf_value_default(const struct conf_row *row, void *field, struct sbuf *wrong);
/* Frees what the field owns and empties it. */
void conf_value_clear(const struct conf_row *row, void *field);
/* Copies the value into an empty field.  False when out of memory.  Not for text and servers. */
bool conf_value_copy(const struct conf_row *row, void *to, const void *from);
/* Whether there is something to print: what has no default and was not given has none. */
bool conf_value_present(const struct conf_row *row, const void *field);
/* Whether the field says "auto". */
bool conf_value_is_auto(const struct conf_row *row, const void *field);
/* Appends the value as it would stand in a file, behind "NAME = ". */
void conf_value_print(const struct conf_row *row, const void *field, struct sbuf *out);

/* Appends what is wrong with a value and what is allowed, "'9h' is <what> (allowed: 1s to 31744s)"; false. */
bool conf_wrong_value(const struct conf_row *row, const char *text, const char *what, struct sbuf *wrong);
bool conf_out_of_memory(struct sbuf *wrong);
/* Appends the text in single quotes, cut when long. */
void conf_print_culprit(const char *text, struct sbuf *out);
/* The whole text as a decimal number; UINT64_MAX when it is larger. */
bool conf_parse_uint(const char *s, uint64_t *ret);
/* Appends " (allowed: 1s to 31744s)". */
void conf_print_allowed(const struct conf_row *row, struct sbuf *out);
/* Appends text in double quotes, escaped. */
void conf_quote(const char *text, struct sbuf *out);
/* Appends a duration in the largest unit that is exact: 90s, 2h, 250ms. */
void conf_print_duration(nsec_t d, struct sbuf *out);
/* Whether all bits behind the prefix are 'bit'. */
bool conf_host_bits_are(const struct ipprefix *p, unsigned bit);
/* Appends 10.8.0.1/24; without the length when it is CONF_NO_LENGTH. */
void conf_print_prefix(const struct ipprefix *p, struct sbuf *out);

#endif
