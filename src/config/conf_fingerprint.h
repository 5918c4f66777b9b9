/* Fingerprints of certificates: text <-> bytes.
 *
 * Private to src/config, which knows nothing of certificates.
 */
#ifndef CONF_FINGERPRINT_H
#define CONF_FINGERPRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "castswitch/conf.h"
#include "castswitch/sbuf.h"

/* 64 hex digits in either case; a colon may stand between two bytes.  False, *ret untouched, when it is not that. */
bool conf_fingerprint_parse(const char *text, uint8_t ret[CONF_FINGERPRINT_LEN]);
/* Appends it as "openssl x509 -fingerprint -sha256" shows it: 0A:1B:... */
void conf_fingerprint_print(const uint8_t fingerprint[CONF_FINGERPRINT_LEN], struct sbuf *out);

#endif
