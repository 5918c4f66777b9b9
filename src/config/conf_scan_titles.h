/* The part of the scan that needs the whole file: titles given twice.
 *
 * Private to src/config.
 */
#ifndef CONF_SCAN_TITLES_H
#define CONF_SCAN_TITLES_H

#include "conf_errors.h"
#include "conf_scan.h"

/* Reports blocks whose title an earlier one of their kind has, where that is a mistake, and hides them from libconfuse.
 * 0 or -ENOMEM. */
int conf_scan_check_titles(struct conf_scan *o, struct conf_errors *errors);
/* Hides text[start..end) from libconfuse. */
void conf_scan_blank(struct conf_scan *o, size_t start, size_t end);

#endif
