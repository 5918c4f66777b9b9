/* The commands of castpki: what their options mean together, and what is printed.
 *
 * Each prints to standard output and returns 0, or ends the program with one line on standard error.
 */
#ifndef CASTSWITCH_CASTPKI_H
#define CASTSWITCH_CASTPKI_H

#include <stdbool.h>
#include <stddef.h>

#include "castswitch/ca.h"

enum { CASTPKI_RUNTIME = 1, CASTPKI_USAGE = 2 }; /* exit codes */

/* NULL, 0 and false for what was not given. */
struct castpki_options {
	const char *dir; /* always given */
	const char *host, *name, *serial;
	const char *out; /* the file for a client's profile; it must not exist */
	const char *remotes[CA_REMOTES_MAX];
	size_t n_remotes;
	unsigned days;
	bool again;
};

int castpki_init(const struct castpki_options *o);
int castpki_client(const struct castpki_options *o);
int castpki_revoke(const struct castpki_options *o);
int castpki_list(const struct castpki_options *o);

#endif
