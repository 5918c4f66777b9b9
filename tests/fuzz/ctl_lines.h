/* What a client of the control socket must get for the bytes it sends, in the ctl target.
 */
#ifndef CASTSWITCH_TESTS_FUZZ_CTL_LINES_H
#define CASTSWITCH_TESTS_FUZZ_CTL_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "castswitch/sbuf.h"

/* Zeros are the beginning. */
struct expected {
	size_t answers;
	size_t line;   /* bytes of the line so far */
	bool text;     /* there is more in it than white space */
	bool too_long; /* after the answer to that one nothing comes */
};

/* More was sent. */
void expected_add(struct expected *e, const char *bytes, size_t n);

struct answers {
	size_t n;
	struct sbuf start; /* of the line that has no end yet */
	size_t len;        /* of that line */
	char last;         /* byte of it */
};

void answers_init(struct answers *a);
void answers_free(struct answers *a);
/* Takes what came and checks each line. */
void answers_add(struct answers *a, const char *bytes, size_t n);

#endif
