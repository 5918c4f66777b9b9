/* What gm_parse() promises about every message that it lets through. */
#ifndef CASTSWITCH_TESTS_FUZZ_GM_CHECK_H
#define CASTSWITCH_TESTS_FUZZ_GM_CHECK_H

#include "castswitch/gm.h"

/* Parses the control message in f, checks the promises, walks it to its end.  Returns what gm_parse() says. */
enum drop_reason gm_check_frame(const struct frame *f, const struct gm_rules *rules, struct gm_msg *ret);
/* Both say the same: every member, record and source. */
void gm_check_same(const struct gm_msg *a, const struct gm_msg *b);

#endif
