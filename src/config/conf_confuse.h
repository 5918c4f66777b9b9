/* libconfuse, reduced to what is needed of it: the values of options as text.
 *
 * Private to src/config; conf_confuse.c is the only file that includes confuse.h.
 */
#ifndef CONF_CONFUSE_H
#define CONF_CONFUSE_H

#include <stddef.h>

#include "conf_scan.h"

struct conf_confuse;

/* Reads the text that a scan left (conf_scan()).  0, -ENOMEM, or -EINVAL with the line that libconfuse did not like in
 * *ret_line. */
int conf_confuse_new(unsigned program, const struct conf_scan *s, struct conf_confuse **ret, unsigned *ret_line);
void conf_confuse_free(struct conf_confuse *c);
/* Value 'i' of an option of the scan; NULL when libconfuse saw fewer. */
const char *conf_confuse_value(const struct conf_confuse *c, const struct conf_scan_option *opt, size_t i);

#endif
