/* What a block is about: its title -> the model, and back.
 *
 * Private to src/config.
 */
#ifndef CONF_TITLE_H
#define CONF_TITLE_H

#include <stdbool.h>

#include "castswitch/sbuf.h"
#include "conf_schema.h"

/* Sets what the title of a block of this kind says.  False, with what is wrong appended to 'wrong', when it cannot be
 * one. */
bool conf_title_set(const struct conf_place *at, enum conf_block_id id, const char *title, struct sbuf *wrong);
/* Appends it in quotes. */
void conf_title_print(const struct conf_place *at, enum conf_block_id id, struct sbuf *out);

/* A valid interface name (Linux dev_valid_name(), and without what would need quoting elsewhere). */
bool conf_ifname_valid(const char *name);

#endif
