/* ECN from outer packets to inner ones (RFC 6040). */
#include "castswitch/ecn.h"

#include "castswitch/csum.h"
#include "castswitch/frame.h"
#include "l3.h"

uint8_t
ecn_worse(uint8_t a, uint8_t b)
{
	static const uint8_t rank[4] = { [ECN_NOT_ECT] = 0, [ECN_ECT_0] = 1, [ECN_ECT_1] = 2, [ECN_CE] = 3 };

	return rank[b & ECN_MASK] > rank[a & ECN_MASK] ? b & ECN_MASK : a & ECN_MASK;
}

/* RFC 6040 4.2: what becomes of 'inner'.  For Not-ECT the caller looks at CE. */
static uint8_t
ecn_combine(uint8_t inner, uint8_t outer)
{
	return inner == ECN_NOT_ECT ? inner : ecn_worse(inner, outer);
}

static void
ecn_set_v4(uint8_t *ip, uint8_t ecn)
{
	const uint16_t before = (uint16_t)(ip[0] << 8 | ip[1]);

	ip[1] = (uint8_t)((ip[1] & ~ECN_MASK) | ecn);
	csum_update(ip + 10, before, (uint16_t)(ip[0] << 8 | ip[1]));
}

static void
ecn_set_v6(uint8_t *ip, uint8_t ecn)
{
	ip[1] = (uint8_t)((ip[1] & ~(ECN_MASK << 4)) | ecn << 4);
}

enum drop_reason
ecn_decapsulate(uint8_t *frame, size_t len, uint8_t outer)
{
	struct l3 l3 = { 0 };
	uint8_t inner, ecn;

	outer &= ECN_MASK;
	if (outer == ECN_NOT_ECT || !l3_find(frame, len, &l3))
		return DROP_NONE;
	inner = l3.tos & ECN_MASK;
	if (inner == ECN_NOT_ECT && outer == ECN_CE)
		return DROP_ECN;
	ecn = ecn_combine(inner, outer);
	if (ecn == inner)
		return DROP_NONE;
	if (l3.v6)
		ecn_set_v6(frame + l3.at, ecn);
	else
		ecn_set_v4(frame + l3.at, ecn);
	return DROP_NONE;
}
