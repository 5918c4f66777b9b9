/* frame_parse() and everything that looks at its result: frame_segments(), gm_parse(); and what changes frames by a
 * look of its own: ecn_decapsulate(), mss_clamp().
 *
 * Input: u16 gso.size, u8 flags (bit 0: IGMP needs Router Alert; bit 1: zeros follow up to SUPERFRAME bytes), then the
 * frame.
 */
#include "fuzz/fuzz.h"

#include <string.h>

#include "castswitch/cursor.h"
#include "castswitch/ecn.h"
#include "castswitch/frame.h"
#include "castswitch/mss.h"
#include "fuzz/gm_check.h"

enum { RULE_STRICT = 1, LONG = 2, SUPERFRAME = 65700 /* more than fits into 16 bits */ };

static bool
same_address(const struct frame *a, const struct frame *b)
{
	return mac_equal(&a->dst, &b->dst) && mac_equal(&a->src, &b->src) && ipaddr_equal(&a->ip_src, &b->ip_src) &&
	       ipaddr_equal(&a->ip_dst, &b->ip_dst);
}

static bool
same_metadata(const struct frame *a, const struct frame *b)
{
	return same_address(a, b) && a->ethertype == b->ethertype && a->l3 == b->l3 && a->l4 == b->l4 &&
	       a->vid == b->vid && a->tagged == b->tagged && a->fragment == b->fragment &&
	       a->router_alert == b->router_alert && a->bad_headers == b->bad_headers && a->ip_proto == b->ip_proto &&
	       a->hops == b->hops && a->tos == b->tos && a->klass == b->klass && a->control == b->control &&
	       a->ip_end == b->ip_end;
}

static void
check_ethernet(const struct frame *f)
{
	const bool group = mac_is_group(&f->dst);

	FUZZ_CHECK(memcmp(f->dst.b, f->data, 6) == 0 && memcmp(f->src.b, f->data + 6, 6) == 0);
	FUZZ_CHECK(!mac_is_group(&f->src) && !mac_is_zero(&f->src));
	FUZZ_CHECK(f->l3 >= ETH_HDR_LEN && f->l3 <= ETH_HDR_LEN + FRAME_MAX_TAGS * VLAN_TAG_LEN && f->l3 <= f->len);
	FUZZ_CHECK(f->ethertype == (f->data[f->l3 - 2] << 8 | f->data[f->l3 - 1]));
	FUZZ_CHECK(f->vid < 0xfff && (f->tagged || f->vid == 0));
	switch (f->klass) {
	case FRAME_UNICAST:
		FUZZ_CHECK(!group);
		break;
	case FRAME_BROADCAST:
		FUZZ_CHECK(mac_is_broadcast(&f->dst));
		break;
	case FRAME_MULTICAST_IP:
		FUZZ_CHECK(group && f->ip_end != 0 && ipaddr_is_multicast(&f->ip_dst));
		break;
	case FRAME_MULTICAST_OTHER:
	case FRAME_RESERVED:
		FUZZ_CHECK(group && !mac_is_broadcast(&f->dst));
		break;
	default:
		FUZZ_CHECK(false);
	}
}

static void
check_no_ip(const struct frame *f)
{
	FUZZ_CHECK(f->l4 == 0 && f->ip_proto == 0 && f->hops == 0 && f->tos == 0 && f->control == FRAME_DATA);
	FUZZ_CHECK(ipaddr_is_any(&f->ip_src) && ipaddr_is_any(&f->ip_dst));
	FUZZ_CHECK(!f->fragment && !f->router_alert && !f->bad_headers);
}

static void
check_ip(const struct frame *f)
{
	const bool v4 = f->ethertype == ETHERTYPE_IPV4;

	FUZZ_CHECK(v4 || f->ethertype == ETHERTYPE_IPV6);
	FUZZ_CHECK(f->ip_end >= f->l3 + (v4 ? 20 : 40) && f->ip_end <= f->len);
	FUZZ_CHECK(!v4 || (ipaddr_is_v4(&f->ip_src) && ipaddr_is_v4(&f->ip_dst)));
	if (f->l4 != 0)
		FUZZ_CHECK(f->l4 >= f->l3 + (v4 ? 20 : 40) && f->l4 < f->ip_end);
	switch (f->control) {
	case FRAME_DATA:
		break;
	case FRAME_IGMP:
		FUZZ_CHECK(v4 && f->ip_proto == 2);
		break;
	case FRAME_MLD:
		FUZZ_CHECK(!v4 && f->ip_proto == 58 && f->l4 != 0);
		break;
	case FRAME_PIM:
		FUZZ_CHECK(f->ip_proto == 103 && ipaddr_is_multicast(&f->ip_dst));
		break;
	case FRAME_MRD:
		FUZZ_CHECK(f->ip_proto == (v4 ? 2 : 58) && f->l4 != 0);
		break;
	default:
		FUZZ_CHECK(false);
	}
}

/* What follows the IP packet is padding and may not matter, whatever it says. */
static void
check_padding_is_ignored(const struct frame *f)
{
	struct frame cut = { .len = f->ip_end };

	if (f->ip_end == 0 || f->ip_end == f->len || f->ip_end == UINT16_MAX)
		return;
	cut.data = malloc(cut.len);
	FUZZ_CHECK(cut.data != NULL);
	memcpy(cut.data, f->data, cut.len);
	FUZZ_CHECK(frame_parse(&cut) == DROP_NONE);
	FUZZ_CHECK(same_metadata(f, &cut));
	free(cut.data);
}

static void
check_segments(const struct frame *f)
{
	const unsigned n = frame_segments(f);

	FUZZ_CHECK(n >= 1 && n <= f->len);
	if (f->gso.size == 0)
		FUZZ_CHECK(n == 1);
	else
		FUZZ_CHECK((uint64_t)(n - 1) * f->gso.size < f->len);
}

static uint8_t *
copy_of(const struct frame *f)
{
	uint8_t *copy = malloc(f->len);

	FUZZ_CHECK(copy != NULL);
	memcpy(copy, f->data, f->len);
	return copy;
}

/* Whether the copy means the same as f, but for ECN. */
static void
check_copy(const struct frame *f, uint8_t *copy, uint8_t ecn_mask)
{
	struct frame g = { .data = copy, .len = f->len, .gso = f->gso };

	FUZZ_CHECK(frame_parse(&g) == DROP_NONE);
	FUZZ_CHECK((g.tos | ecn_mask) == (f->tos | ecn_mask));
	g.tos = f->tos;
	FUZZ_CHECK(same_metadata(f, &g));
}

static void
check_ecn(const struct frame *f, uint8_t outer)
{
	uint8_t *copy = copy_of(f);

	if (ecn_decapsulate(copy, f->len, outer) == DROP_ECN)
		FUZZ_CHECK((f->tos & ECN_MASK) == ECN_NOT_ECT && outer == ECN_CE && f->ip_end != 0);
	if ((f->tos & ECN_MASK) == ECN_NOT_ECT || outer == ECN_NOT_ECT || f->ip_end == 0)
		FUZZ_CHECK(memcmp(copy, f->data, f->len) == 0);
	check_copy(f, copy, ECN_MASK);
	free(copy);
}

/* Lowered once, it is low enough. */
static void
check_mss(const struct frame *f)
{
	const struct mss_limit limit = { .frame = f->gso.size, .mss = 1000 };
	uint8_t *copy = copy_of(f);
	const bool changed = mss_clamp(copy, f->len, &limit);

	FUZZ_CHECK(!changed || (mss_is_syn(copy, f->len) && f->ip_proto == 6 && f->l4 != 0));
	FUZZ_CHECK(changed == (memcmp(copy, f->data, f->len) != 0));
	FUZZ_CHECK(!mss_clamp(copy, f->len, &limit));
	check_copy(f, copy, 0);
	free(copy);
}

static void
check_changes(const struct frame *f)
{
	if (f->len > FRAME_MAX_PLAIN)
		return;
	for (uint8_t outer = 0; outer <= ECN_MASK; outer++)
		check_ecn(f, outer);
	check_mss(f);
}

static void
check_parsed(const struct frame *f, const struct gm_rules *rules)
{
	struct gm_msg m;

	check_ethernet(f);
	if (f->ip_end == 0)
		check_no_ip(f);
	else
		check_ip(f);
	check_padding_is_ignored(f);
	check_segments(f);
	check_changes(f);
	if (f->control == FRAME_IGMP || f->control == FRAME_MLD)
		gm_check_frame(f, rules, &m);
}

/* A heap copy of exactly the frame's size, with garbage for metadata. */
static struct frame
new_frame(const struct rcur *c, uint16_t gso_size, bool is_long)
{
	const size_t left = rcur_left(c);
	struct frame f;

	memset(&f, 0xa5, sizeof(f));
	memset(&f.gso, 0, sizeof(f.gso));
	f.gso.size = gso_size;
	f.len = (uint32_t)(is_long && left < SUPERFRAME ? SUPERFRAME : left);
	f.data = calloc(f.len ? f.len : 1, 1);
	FUZZ_CHECK(f.data != NULL);
	memcpy(f.data, c->p, left);
	return f;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rcur c = rcur_of(data, size);
	const uint16_t gso_size = rcur_u16(&c);
	const uint8_t flags = rcur_u8(&c);
	const struct gm_rules rules = { .strict_router_alert = flags & RULE_STRICT };

	if (c.failed)
		return 0;
	struct frame f = new_frame(&c, gso_size, flags & LONG);
	const enum drop_reason r = frame_parse(&f);

	FUZZ_CHECK(memcmp(f.data, c.p, rcur_left(&c)) == 0);
	FUZZ_CHECK(r == DROP_NONE || r == DROP_RUNT || r == DROP_BAD_SOURCE_MAC || r == DROP_BAD_VLAN ||
		   r == DROP_BAD_IP);
	if (r == DROP_NONE)
		check_parsed(&f, &rules);
	free(f.data);
	return 0;
}
