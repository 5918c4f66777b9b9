/* The MSS option of TCP SYNs (mss.h). */
#include "castswitch/mss.h"

#include "castswitch/csum.h"
#include "l3.h"

enum {
	PROTO_TCP = 6,
	TCP_HDR_LEN = 20,
	TCP_FLAGS = 13,
	TCP_CHECKSUM = 16,
	TCP_SYN = 0x02,
	OPT_END = 0,
	OPT_NOP = 1,
	OPT_MSS = 2,
	OPT_MSS_LEN = 4,
	MSS_MIN = 88, /* RFC 9293 3.7.1 wants 536 of everybody; this is no more than a bound for nonsense */
};

/* The SYN's TCP header, *ret_end one past its options; 0 when it is none. */
static size_t
syn_find(const uint8_t *frame, size_t len, size_t *ret_end)
{
	struct l3 l3;

	if (!l3_find(frame, len, &l3) || l3.proto != PROTO_TCP || !l3.l4 || l3.end - l3.l4 < TCP_HDR_LEN ||
	    !(frame[l3.l4 + TCP_FLAGS] & TCP_SYN))
		return 0;
	*ret_end = l3.l4 + (frame[l3.l4 + 12] >> 4) * 4u;
	return *ret_end >= l3.l4 + TCP_HDR_LEN && *ret_end <= l3.end ? l3.l4 : 0;
}

bool
mss_is_syn(const uint8_t *frame, size_t len)
{
	size_t end;

	return syn_find(frame, len, &end) != 0;
}

static uint16_t
swapped(uint16_t v)
{
	return (uint16_t)(v << 8 | v >> 8);
}

/* What the limits leave; tcp is the offset of the TCP header. */
static uint16_t
mss_allowed(const struct mss_limit *limit, size_t tcp)
{
	size_t mss = limit->mss ? limit->mss : UINT16_MAX, headers = tcp + TCP_HDR_LEN;

	if (limit->frame && limit->frame < headers + mss)
		mss = limit->frame > headers ? limit->frame - headers : 0;
	return (uint16_t)(mss < MSS_MIN ? MSS_MIN : mss);
}

/* The 16 bits at data[at]; checksum words begin at even distances from data. */
static bool
lower(uint8_t *data, size_t at, uint16_t allowed)
{
	const uint16_t mss = l3_get16(data + at);

	if (mss <= allowed)
		return false;
	data[at] = (uint8_t)(allowed >> 8);
	data[at + 1] = (uint8_t)allowed;
	if (at % 2 == 0)
		csum_update(data + TCP_CHECKSUM, mss, allowed);
	else
		csum_update(data + TCP_CHECKSUM, swapped(mss), swapped(allowed));
	return true;
}

/* RFC 9293 3.1: kind, length, data; NOP and END have no length. */
static bool
lower_options(uint8_t *tcp, size_t len, uint16_t allowed)
{
	bool changed = false;

	for (size_t at = TCP_HDR_LEN; at < len && tcp[at] != OPT_END;) {
		if (tcp[at] == OPT_NOP) {
			at++;
			continue;
		}
		if (len - at < 2 || tcp[at + 1] < 2 || tcp[at + 1] > len - at)
			break;
		if (tcp[at] == OPT_MSS && tcp[at + 1] == OPT_MSS_LEN)
			changed |= lower(tcp, at + 2, allowed);
		at += tcp[at + 1];
	}
	return changed;
}

bool
mss_clamp(uint8_t *frame, size_t len, const struct mss_limit *limit)
{
	size_t end, tcp = syn_find(frame, len, &end);

	return tcp && lower_options(frame + tcp, end - tcp, mss_allowed(limit, tcp));
}
