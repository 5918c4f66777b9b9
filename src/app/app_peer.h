/* Whether the other side of a session may stay, and when to ask that again. */
#ifndef CASTSWITCH_APP_PEER_H
#define CASTSWITCH_APP_PEER_H

#include <stddef.h>
#include <stdint.h>

#include "castswitch/identity.h"
#include "castswitch/mono.h"
#include "castswitch/tmsg.h"

enum { APP_PEER_LOOK_S = 60 };

/* TMSG_REASON_NONE, or the reason of its BYE with one line in text, cut to fit. */
enum tmsg_reason app_peer_vouch(const struct identity *id, const struct sec_identity *who, int64_t now_unix, char *text,
				size_t len);
/* When to look at the wall clock for the end of a certificate (seconds since 1970): then, but within APP_PEER_LOOK_S,
 * because the wall clock may be set, and goes on while the machine sleeps. */
struct mono app_peer_look_at(int64_t not_after, int64_t now_unix, struct mono now);

#endif
