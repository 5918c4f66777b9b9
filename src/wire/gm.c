/* IGMP and MLD messages: bytes -> struct gm_msg (see gm.h). */
#include "castswitch/gm.h"

#include "castswitch/csum.h"

#include "gm_wire.h"

static size_t
address_len(enum gm_family family)
{
	return family == GM_IGMP ? 4 : 16;
}

static struct ipaddr
read_address(struct rcur *c, enum gm_family family)
{
	struct ipaddr a = IPADDR_ANY;
	uint8_t v4[4];

	if (family == GM_MLD) {
		rcur_copy(c, a.b, sizeof(a.b));
		return a;
	}
	rcur_copy(c, v4, sizeof(v4));
	return ipaddr_v4(v4);
}

/* --- walking --- */

bool
gm_next_record(struct gm_msg *msg, struct gm_record *ret)
{
	struct rcur *c = &msg->body;
	struct gm_record rec;

	if (msg->n == 0)
		return false;
	msg->n--;
	rec.type = rcur_u8(c);
	const size_t aux_len = rcur_u8(c) * (size_t)4; /* counted in 32-bit words */

	rec.n = rcur_u16(c);
	rec.group = read_address(c, msg->family);
	/* An IPv4-mapped group in MLD would pass for an IPv4 group; as :: it is no group at all, and is skipped. */
	if (msg->family == GM_MLD && ipaddr_is_v4(&rec.group))
		rec.group = IPADDR_ANY;
	rec.sources = rcur_sub(c, rec.n * address_len(msg->family));
	rcur_skip(c, aux_len);
	if (c->failed)
		return false;
	*ret = rec;
	return true;
}

static bool
next_source(struct rcur *c, uint16_t *n, enum gm_family family, struct ipaddr *ret)
{
	if (*n == 0 || rcur_left(c) < address_len(family))
		return false;
	(*n)--;
	*ret = read_address(c, family);
	return true;
}

bool
gm_record_next_source(struct gm_record *rec, struct ipaddr *ret)
{
	return next_source(&rec->sources, &rec->n, ipaddr_is_v4(&rec->group) ? GM_IGMP : GM_MLD, ret);
}

bool
gm_query_next_source(struct gm_msg *msg, struct ipaddr *ret)
{
	return next_source(&msg->body, &msg->n, msg->family, ret);
}

/* --- the message --- */

/* What follows the group of an IGMPv3 and an MLDv2 query is the same (RFC 3376 4.1, RFC 3810 5.1). */
static enum drop_reason
parse_query_tail(struct gm_msg *m, struct rcur c)
{
	const uint8_t flags = rcur_u8(&c);

	m->s_flag = flags & GM_S_FLAG;
	m->qrv = flags & GM_QRV_MASK;
	m->qqi = gm_code8_decode(rcur_u8(&c)) * NSEC_PER_SEC;
	m->n = rcur_u16(&c);
	if (c.failed)
		return DROP_GM_TRUNCATED; /* between the versions' lengths (RFC 3376 7.1, RFC 3810 8.1) */
	m->body = rcur_sub(&c, m->n * address_len(m->family));
	return m->body.failed ? DROP_GM_RECORDS : DROP_NONE;
}

static enum drop_reason
parse_igmp_query(struct gm_msg *m, uint8_t code, struct rcur c)
{
	m->group = read_address(&c, GM_IGMP);
	if (ipaddr_is_unspecified(&m->group))
		m->group = IPADDR_ANY;
	if (rcur_left(&c) > 0) {
		m->version = 3;
		m->max_resp = gm_code8_decode(code) * GM_IGMP_TICK;
		return parse_query_tail(m, c);
	}
	if (code > 0) {
		m->version = 2;
		m->max_resp = code * GM_IGMP_TICK; /* not a floating-point code in version 2 */
	} else {
		m->version = 1;
		m->max_resp = GM_IGMPV1_MAX_RESP;
		m->group = IPADDR_ANY; /* to be ignored (RFC 1112 appendix I) */
	}
	return DROP_NONE;
}

static enum drop_reason
parse_mld_query(struct gm_msg *m, struct rcur c)
{
	const uint16_t code = rcur_u16(&c);

	rcur_skip(&c, 2);
	m->group = read_address(&c, GM_MLD);
	if (c.failed)
		return DROP_GM_TRUNCATED;
	if (rcur_left(&c) > 0) {
		m->version = 2;
		m->max_resp = gm_code16_decode(code) * NSEC_PER_MSEC;
		return parse_query_tail(m, c);
	}
	m->version = 1;
	m->max_resp = code * NSEC_PER_MSEC;
	return DROP_NONE;
}

/* Messages about one group; whatever follows the group is ignored (RFC 2236 2.5, RFC 2710 3.7). */
static enum drop_reason
parse_one_group(struct gm_msg *m, enum gm_kind kind, uint8_t version, struct rcur c)
{
	m->kind = kind;
	m->version = version;
	if (m->family == GM_MLD)
		rcur_skip(&c, 4);
	m->group = read_address(&c, m->family);
	return c.failed ? DROP_GM_TRUNCATED : DROP_NONE;
}

/* Walks all records once, so that later walks cannot fail. */
static enum drop_reason
parse_report(struct gm_msg *m, uint8_t version, struct rcur c)
{
	struct gm_record rec;

	m->kind = GM_REPORT;
	m->version = version;
	rcur_skip(&c, 2);
	m->n = rcur_u16(&c);
	m->body = c;
	struct gm_msg walk = *m;

	while (gm_next_record(&walk, &rec))
		;
	return walk.body.failed ? DROP_GM_RECORDS : DROP_NONE;
}

static enum drop_reason
parse_message(struct gm_msg *m, struct rcur c)
{
	const uint8_t type = rcur_u8(&c), code = rcur_u8(&c);

	rcur_skip(&c, 2); /* checksum */
	if (m->family == GM_IGMP) {
		switch (type) {
		case IGMP_QUERY:
			return parse_igmp_query(m, code, c);
		case IGMP_V1_REPORT:
			return parse_one_group(m, GM_REPORT_OLD, 1, c);
		case IGMP_V2_REPORT:
			return parse_one_group(m, GM_REPORT_OLD, 2, c);
		case IGMP_V2_LEAVE:
			return parse_one_group(m, GM_LEAVE, 2, c);
		case IGMP_V3_REPORT:
			return parse_report(m, 3, c);
		default:
			return DROP_GM_TYPE;
		}
	}
	switch (type) {
	case MLD_QUERY:
		return parse_mld_query(m, c);
	case MLD_V1_REPORT:
		return parse_one_group(m, GM_REPORT_OLD, 1, c);
	case MLD_V1_DONE:
		return parse_one_group(m, GM_LEAVE, 1, c);
	case MLD_V2_REPORT:
		return parse_report(m, 2, c);
	default:
		return DROP_GM_TYPE;
	}
}

/* --- who may say it, and to whom --- */

static bool
source_allowed(const struct gm_msg *m)
{
	if (m->family == GM_MLD) /* RFC 3810 5.1.14 and 5.2.13 */
		return (ipaddr_is_link_local(&m->src) && !ipaddr_is_v4(&m->src)) ||
		       (ipaddr_is_any(&m->src) && m->kind != GM_QUERY);
	const uint32_t src = ipaddr_to_u32(&m->src);

	return src >> 24 != 127 && src != UINT32_MAX && !ipaddr_is_multicast(&m->src);
}

static bool
destination_allowed(const struct gm_msg *m, const struct ipaddr *dst)
{
	const struct gm_well_known *to = &gm_well_known[m->family];

	switch (m->kind) {
	case GM_QUERY: /* to all hosts whatever it asks for (RFC 3376 4.1.12): the Linux bridge does that */
		return ipaddr_equal(dst, &to->all_hosts) || (!ipaddr_is_any(&m->group) && ipaddr_equal(dst, &m->group));
	case GM_REPORT_OLD:
		return ipaddr_equal(dst, &m->group);
	case GM_LEAVE: /* old hosts leave to the group itself (RFC 2236 9) */
		return ipaddr_equal(dst, &to->all_routers) || (m->family == GM_IGMP && ipaddr_equal(dst, &m->group));
	case GM_REPORT:
		return ipaddr_equal(dst, &to->reports);
	}
	return false;
}

static enum drop_reason
check_addresses(const struct gm_msg *m, const struct ipaddr *dst)
{
	const bool needs_group = m->kind != GM_REPORT && !(m->kind == GM_QUERY && ipaddr_is_any(&m->group));

	if (!source_allowed(m))
		return DROP_GM_SOURCE;
	if (needs_group && !gm_is_group(m->family, &m->group))
		return DROP_GM_GROUP;
	return destination_allowed(m, dst) ? DROP_NONE : DROP_GM_DESTINATION;
}

static bool
is_known_type(enum gm_family family, uint8_t type)
{
	if (family == GM_MLD)
		return true; /* or it would be no control message (frame.h) */
	return type == IGMP_QUERY || type == IGMP_V1_REPORT || type == IGMP_V2_REPORT || type == IGMP_V2_LEAVE ||
	       type == IGMP_V3_REPORT;
}

/* The packet around the message, and whether it is ours at all.  A snooper believes nothing with a wrong checksum, the
 * IP header's included, and looks at nothing behind that header of messages it does not know (RFC 4541 2.1.1). */
static enum drop_reason
check_packet(const struct frame *f, const struct gm_rules *rules, enum gm_family family, struct rcur message)
{
	const size_t len = rcur_left(&message);
	const uint64_t start =
		family == GM_MLD ? csum_pseudo(&f->ip_src, &f->ip_dst, IPPROTO_ICMPV6_NUMBER, (uint32_t)len) : 0;

	if (family == GM_IGMP && csum_fold(csum_add(0, f->data + f->l3, (size_t)(f->l4 - f->l3))) != 0)
		return DROP_GM_CHECKSUM;
	if (!is_known_type(family, message.p[0]))
		return DROP_GM_TYPE;
	if (len < GM_SHORTEST)
		return DROP_GM_TRUNCATED;
	if (csum_fold(csum_add(start, message.p, len)) != 0)
		return DROP_GM_CHECKSUM;
	if (f->hops != 1)
		return DROP_GM_HOPS;
	if (!f->router_alert && (family == GM_MLD || rules->strict_router_alert))
		return DROP_GM_NO_ROUTER_ALERT;
	return DROP_NONE;
}

enum drop_reason
gm_parse(const struct frame *f, const struct gm_rules *rules, struct gm_msg *ret)
{
	struct gm_msg m = { .family = f->control == FRAME_MLD ? GM_MLD : GM_IGMP, .src = f->ip_src };
	enum drop_reason r;

	if (f->fragment)
		return DROP_GM_FRAGMENT;
	if (f->bad_headers)
		return DROP_GM_BAD_HEADERS;
	if (f->l4 == 0 || f->ip_end <= f->l4)
		return DROP_GM_TRUNCATED;
	/* The message ends with the IP packet, not with the frame: Ethernet pads short ones. */
	struct rcur message = rcur_of(f->data + f->l4, (size_t)(f->ip_end - f->l4));

	r = check_packet(f, rules, m.family, message);
	if (r == DROP_NONE)
		r = parse_message(&m, message);
	if (r == DROP_NONE)
		r = check_addresses(&m, &f->ip_dst);
	if (r == DROP_NONE)
		*ret = m;
	return r;
}
