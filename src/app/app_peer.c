/* Whether the other side of a session may stay, and when to ask that again. */
#include "app_peer.h"

#include <stdio.h>

static enum tmsg_reason
reason_of(enum identity_verdict v)
{
	switch (v) {
	case IDENTITY_STAYS:
		return TMSG_REASON_NONE;
	case IDENTITY_REVOKED:
		return TMSG_REASON_REVOKED;
	case IDENTITY_EXPIRED:
		return TMSG_REASON_EXPIRED;
	case IDENTITY_UNVOUCHED:
	case IDENTITY_RENAMED:
		break;
	}
	return TMSG_REASON_UNTRUSTED;
}

enum tmsg_reason
app_peer_vouch(const struct identity *id, const struct sec_identity *who, int64_t now_unix, char *text, size_t len)
{
	char why[SEC_ERROR_MAX] = "";
	enum tmsg_reason reason = reason_of(identity_check_peer(id, who, now_unix, why));
	if (reason != TMSG_REASON_NONE)
		snprintf(text, len, "%.*s", (int)len - 1, why);
	return reason;
}

struct mono
app_peer_look_at(int64_t not_after, int64_t now_unix, struct mono now)
{
	if (not_after <= now_unix)
		return now;
	uint64_t left = (uint64_t)not_after - (uint64_t)now_unix;
	return mono_add(now, (left < APP_PEER_LOOK_S ? left : APP_PEER_LOOK_S) * NSEC_PER_SEC);
}
