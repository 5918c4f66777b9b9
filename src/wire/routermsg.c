/* PIM hellos and Multicast Router Discovery -> how long there is a router (see routermsg.h). */
#include "castswitch/routermsg.h"

#include "castswitch/csum.h"
#include "castswitch/cursor.h"

enum {
	PIM_HELLO = 0x20, /* version 2, type 0 */
	PIM_HOLDTIME = 1,
	PIM_HOLDTIME_DEFAULT_S = 105, /* RFC 7761 4.11: 3.5 times the default hello period */
	MRD_DEAD_FACTOR = 3,          /* RFC 4286 7: NeighborDeadInterval */

	IGMP_MRD_ADVERTISEMENT = 0x30,
	IGMP_MRD_TERMINATION = 0x32,
	ICMPV6_MRD_ADVERTISEMENT = 151,
	ICMPV6_MRD_TERMINATION = 153,
};

/* RFC 7761 4.9.2: type, length, value; unknown types are skipped. */
static bool
parse_hello(struct rcur c, nsec_t *ret_life)
{
	uint16_t seconds = PIM_HOLDTIME_DEFAULT_S;

	rcur_skip(&c, 4);
	while (rcur_left(&c) > 0) {
		const uint16_t type = rcur_u16(&c);
		struct rcur value = rcur_sub(&c, rcur_u16(&c));

		if (type == PIM_HOLDTIME) {
			seconds = rcur_u16(&value);
			c.failed |= value.failed;
		}
	}
	if (c.failed)
		return false;
	/* 0xffff means forever; 18 hours will do, and the next hello renews them. */
	*ret_life = seconds * NSEC_PER_SEC;
	return true;
}

static bool
parse_mrd(struct rcur c, nsec_t *ret_life)
{
	const uint8_t type = rcur_u8(&c), interval = rcur_u8(&c);

	switch (type) {
	case IGMP_MRD_ADVERTISEMENT:
	case ICMPV6_MRD_ADVERTISEMENT:
		if (rcur_left(&c) < 6 || interval == 0)
			return false;
		*ret_life = MRD_DEAD_FACTOR * interval * NSEC_PER_SEC;
		return true;
	case IGMP_MRD_TERMINATION:
	case ICMPV6_MRD_TERMINATION:
		*ret_life = 0;
		return true;
	default:
		return false;
	}
}

/* The IP header's checksum where it has one, and the message's. */
static bool
is_sound(const struct frame *f, struct rcur message)
{
	const bool v4 = f->ethertype == ETHERTYPE_IPV4;
	const size_t len = rcur_left(&message);
	const uint64_t start = v4 ? 0 : csum_pseudo(&f->ip_src, &f->ip_dst, f->ip_proto, (uint32_t)len);

	if (v4 && csum_fold(csum_add(0, f->data + f->l3, (size_t)(f->l4 - f->l3))) != 0)
		return false;
	return csum_fold(csum_add(start, message.p, len)) == 0;
}

bool
routermsg_parse(const struct frame *f, nsec_t *ret_life)
{
	if (f->fragment || f->bad_headers || f->l4 == 0 || f->ip_end < f->l4 + 4 || ipaddr_is_unspecified(&f->ip_src))
		return false;
	const struct rcur message = rcur_of(f->data + f->l4, (size_t)(f->ip_end - f->l4));

	if (!is_sound(f, message))
		return false;
	if (f->control == FRAME_PIM)
		return message.p[0] == PIM_HELLO && parse_hello(message, ret_life);
	return f->hops == 1 && parse_mrd(message, ret_life);
}
