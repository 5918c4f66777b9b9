/* Why a frame or datagram was dropped.  One list, drop.def, names each reason once; counters, castctl and the metrics
 * are generated from it. */
#ifndef CASTSWITCH_DROP_H
#define CASTSWITCH_DROP_H

enum drop_reason {
	DROP_NONE, /* not dropped */
#define DROP(id, name, text) DROP_##id,
#include "castswitch/drop.def"
#undef DROP
	DROP_MAX
};

/* "runt", "egress-full", ...; "none" for DROP_NONE; never NULL. */
const char *drop_name(enum drop_reason r);
/* One sentence for people; never NULL. */
const char *drop_text(enum drop_reason r);

#endif
