/* The leases of a pool as JSON text:
 *
 *	{"version": 1, "leases": [{"name": "alice", "addresses": ["10.8.0.2", "fd08::2"]}, ...]}
 *
 * The one unused for longest comes first.
 */
#ifndef CASTSWITCH_APP_LEASES_H
#define CASTSWITCH_APP_LEASES_H

#include <stdbool.h>
#include <stddef.h>

#include "castswitch/pool.h"

struct app_leases_counts {
	size_t restored;
	size_t left_out; /* the pool is another one than then */
};

/* The text, to be freed; NULL when out of memory. */
char *app_leases_text(const struct pool *pool, size_t *ret_len);
/* Restores them; none, with what is wrong in err, when the text is not of that form. */
bool app_leases_restore(struct pool *pool, const char *text, size_t len, struct app_leases_counts *ret, char *err,
			size_t errlen);

#endif
