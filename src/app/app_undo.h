/* What a client has changed of this host that does not go with its interface, as text for a file: whoever was killed
 * cannot take it back, the next one does.
 *
 *	castswitch undo 1
 *	way 192.0.2.1 dev 2 via 198.51.100.5 src :: onlink 0
 *	dns
 *	end
 *
 * What follows "end" is nothing: a file is overwritten first, and shortened then.
 */
#ifndef CASTSWITCH_APP_UNDO_H
#define CASTSWITCH_APP_UNDO_H

#include <stdbool.h>
#include <stddef.h>

#include "castswitch/link.h"

enum {
	APP_UNDO_WAYS = 4, /* of each family one, and one that takes its place */
	APP_UNDO_TEXT_MAX = 1024,
};

struct app_undo {
	struct {
		struct ipaddr dst;
		struct link_way way;
	} ways[APP_UNDO_WAYS];
	unsigned n;
	bool dns; /* name servers were set */
};

/* The text's length; there is always room for it. */
size_t app_undo_print(const struct app_undo *u, char buf[APP_UNDO_TEXT_MAX]);
/* False, and *ret untouched, when it is not of that form; the empty text is nothing to undo. */
bool app_undo_parse(const char *text, struct app_undo *ret);

#endif
