/* Values of the switch as JSON, and what a request may ask of them.
 *
 * Private to src/ctl.
 */
#ifndef CTL_JSON_H
#define CTL_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "castswitch/ipaddr.h"
#include "castswitch/mono.h"

json_t *ctl_json_mac(const struct mac *m);
json_t *ctl_json_ip(const struct ipaddr *a);
/* In seconds, to the millisecond. */
double ctl_json_seconds(nsec_t d);

/* {"group", "port"}: only what has these. */
struct ctl_filter {
	struct ipaddr group; /* :: = any */
	const char *port;    /* the request's; NULL = any */
};

/* False with the reason in err when the request's members make no sense. */
bool ctl_filter_read(const json_t *request, struct ctl_filter *ret, char *err, size_t errlen);

#endif
