/* rtnetlink: the way to one host, found by the routes that there are and kept by a route of its own (link.h).
 *
 * The kernel would tell the way at once (RTM_GETROUTE for the address), but not what it would be without certain
 * routes; so the list of all routes is gone through.
 */
#include "castswitch/link.h"

#include <errno.h>
#include <string.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "link_impl.h"

/* Of our own route: nothing can be lower. */
enum { WAY_METRIC4 = 0, WAY_METRIC6 = 1 };

static bool
is_v4(const struct ipaddr *dst)
{
	return ipaddr_is_v4(dst);
}

static uint8_t
host_len(const struct ipaddr *dst)
{
	return is_v4(dst) ? 32 : 128;
}

static uint32_t
way_metric(const struct ipaddr *dst)
{
	return is_v4(dst) ? WAY_METRIC4 : WAY_METRIC6;
}

bool
link_way_equal(const struct link_way *a, const struct link_way *b)
{
	return a->oif == b->oif && a->onlink == b->onlink && ipaddr_equal(&a->gateway, &b->gateway) &&
	       ipaddr_equal(&a->source, &b->source);
}

/* --- what a route says --- */

struct route {
	const struct rtmsg *rtm;
	struct ipprefix dst;
	uint32_t table, metric;
	struct link_way way;
	bool down; /* its interface has no carrier */
	bool dead; /* or is not up */
};

static struct ipaddr
attr_addr(const struct nlattr *a)
{
	struct ipaddr addr = IPADDR_ANY;

	if (mnl_attr_get_payload_len(a) == 4)
		addr = ipaddr_v4(mnl_attr_get_payload(a));
	else if (mnl_attr_get_payload_len(a) == sizeof(addr.b))
		memcpy(addr.b, mnl_attr_get_payload(a), sizeof(addr.b));
	return addr;
}

/* A gateway of the other family: RFC 5549. */
static struct ipaddr
via_addr(const struct nlattr *a)
{
	const size_t len = mnl_attr_get_payload_len(a), head = offsetof(struct rtvia, rtvia_addr);
	const uint8_t *p = mnl_attr_get_payload(a);
	struct ipaddr addr = IPADDR_ANY;

	if (len == head + 4)
		addr = ipaddr_v4(p + head);
	else if (len == head + sizeof(addr.b))
		memcpy(addr.b, p + head, sizeof(addr.b));
	return addr;
}

static void
read_flags(struct route *r, unsigned flags)
{
	r->dead = flags & RTNH_F_DEAD;
	r->down = flags & RTNH_F_LINKDOWN;
	r->way.onlink = flags & RTNH_F_ONLINK;
}

static int
hop_attr(const struct nlattr *a, void *arg)
{
	struct route *r = arg;

	if (mnl_attr_get_type(a) == RTA_GATEWAY)
		r->way.gateway = attr_addr(a);
	else if (mnl_attr_get_type(a) == RTA_VIA)
		r->way.gateway = via_addr(a);
	return MNL_CB_OK;
}

/* Of several hops the first that can be used. */
static void
read_hops(struct route *r, const struct nlattr *list)
{
	const uint8_t *at = mnl_attr_get_payload(list);
	int left = mnl_attr_get_payload_len(list);
	struct rtnexthop hop;

	while (left >= (int)sizeof(hop)) {
		memcpy(&hop, at, sizeof(hop));
		if (hop.rtnh_len < sizeof(hop) || hop.rtnh_len > left)
			return;
		read_flags(r, hop.rtnh_flags);
		r->way.oif = (unsigned)hop.rtnh_ifindex;
		r->way.gateway = IPADDR_ANY;
		(void)mnl_attr_parse_payload(at + sizeof(hop), hop.rtnh_len - sizeof(hop), hop_attr, r);
		if (!r->dead && !r->down)
			return;
		at += RTNH_ALIGN(hop.rtnh_len);
		left -= RTNH_ALIGN(hop.rtnh_len);
	}
}

static int
route_attr(const struct nlattr *a, void *arg)
{
	struct route *r = arg;

	switch (mnl_attr_get_type(a)) {
	case RTA_DST:
		r->dst.addr = attr_addr(a);
		break;
	case RTA_TABLE:
		r->table = mnl_attr_get_u32(a);
		break;
	case RTA_PRIORITY:
		r->metric = mnl_attr_get_u32(a);
		break;
	case RTA_OIF:
		r->way.oif = mnl_attr_get_u32(a);
		break;
	case RTA_PREFSRC:
		r->way.source = attr_addr(a);
		break;
	case RTA_MULTIPATH:
		read_hops(r, a);
		break;
	default:
		return hop_attr(a, r);
	}
	return MNL_CB_OK;
}

static bool
route_read(const struct nlmsghdr *nlh, struct route *ret)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);

	if (nlh->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm))
		return false;
	*ret = (struct route){ .rtm = rtm,
			       .table = rtm->rtm_table,
			       .dst = { .addr = rtm->rtm_family == AF_INET ? ipaddr_v4_u32(0) : IPADDR_ANY,
					.len = rtm->rtm_dst_len } };
	read_flags(ret, rtm->rtm_flags);
	(void)mnl_attr_parse(nlh, sizeof(*rtm), route_attr, ret);
	/* Refused, and by whatever interface the kernel names for that. */
	if (rtm->rtm_type != RTN_UNICAST)
		ret->way = (struct link_way){ .oif = 0 };
	return true;
}

/* --- finding --- */

struct search {
	const struct ipaddr *dst;
	unsigned without;
	bool own;
	bool found;
	struct route best; /* its rtm is not valid any more */
};

static bool
is_own(const struct search *s, const struct route *r)
{
	return s->own && r->dst.len == host_len(s->dst) && r->rtm->rtm_protocol == RTPROT_STATIC &&
	       r->metric == way_metric(s->dst);
}

static bool
leads_there(const struct search *s, const struct route *r)
{
	if (r->table != RT_TABLE_MAIN || r->rtm->rtm_flags & RTM_F_CLONED || r->rtm->rtm_src_len || r->rtm->rtm_tos ||
	    r->rtm->rtm_type == RTN_THROW || r->dead)
		return false;
	if (s->without && r->way.oif == s->without)
		return false;
	return ipprefix_contains(&r->dst, s->dst) && !is_own(s, r);
}

static bool
is_better(const struct route *a, const struct route *b)
{
	if (a->down != b->down)
		return b->down;
	if (a->dst.len != b->dst.len)
		return a->dst.len > b->dst.len;
	return a->metric < b->metric;
}

static void
search_route(const struct nlmsghdr *nlh, void *arg)
{
	struct search *s = arg;
	struct route r;

	if (!route_read(nlh, &r) || !leads_there(s, &r) || (s->found && !is_better(&r, &s->best)))
		return;
	s->best = r;
	s->found = true;
}

int
link_way_find(struct link *l, const struct ipaddr *dst, unsigned without, bool own, struct link_way *ret)
{
	struct search s = { .dst = dst, .without = without, .own = own };
	struct nlmsghdr *nlh = link_request(l, RTM_GETROUTE, NLM_F_DUMP);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	char text[IPADDR_STRLEN];
	int err;

	rtm->rtm_family = is_v4(dst) ? AF_INET : AF_INET6;
	err = link_transact(l, nlh, search_route, &s);
	if (!err && !s.found)
		err = -ENETUNREACH;
	if (!err)
		*ret = s.best.way;
	return link_result(l, err, 0, "find a way to %s", ipaddr_str(dst, text));
}

/* --- keeping --- */

static void
put_addr(struct nlmsghdr *nlh, uint16_t type, const struct ipaddr *a)
{
	if (is_v4(a))
		mnl_attr_put(nlh, type, 4, a->b + 12);
	else
		mnl_attr_put(nlh, type, 16, a->b);
}

static void
put_gateway(struct nlmsghdr *nlh, const struct ipaddr *dst, const struct ipaddr *gateway)
{
	struct {
		uint16_t family;
		uint8_t addr[16];
	} via = { .family = is_v4(gateway) ? AF_INET : AF_INET6 };
	const size_t len = is_v4(gateway) ? 4 : 16;

	if (is_v4(dst) == is_v4(gateway)) {
		put_addr(nlh, RTA_GATEWAY, gateway);
		return;
	}
	memcpy(via.addr, gateway->b + 16 - len, len);
	mnl_attr_put(nlh, RTA_VIA, offsetof(struct rtvia, rtvia_addr) + len, &via);
}

static int
way_request(struct link *l, uint16_t type, uint16_t flags, const struct ipaddr *dst, const struct link_way *way)
{
	struct nlmsghdr *nlh = link_request(l, type, flags);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	const bool on_link = way->oif && ipaddr_is_any(&way->gateway);

	rtm->rtm_family = is_v4(dst) ? AF_INET : AF_INET6;
	rtm->rtm_dst_len = host_len(dst);
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_type = way->oif ? RTN_UNICAST : RTN_UNREACHABLE;
	rtm->rtm_protocol = RTPROT_STATIC;
	rtm->rtm_scope = is_v4(dst) && on_link ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	rtm->rtm_flags = way->onlink ? RTNH_F_ONLINK : 0;
	put_addr(nlh, RTA_DST, dst);
	if (way->oif)
		mnl_attr_put_u32(nlh, RTA_OIF, way->oif);
	if (way->oif && !on_link)
		put_gateway(nlh, dst, &way->gateway);
	if (!ipaddr_is_any(&way->source))
		put_addr(nlh, RTA_PREFSRC, &way->source);
	if (way_metric(dst))
		mnl_attr_put_u32(nlh, RTA_PRIORITY, way_metric(dst));
	return link_transact(l, nlh, NULL, NULL);
}

int
link_way_set(struct link *l, const struct ipaddr *dst, const struct link_way *way, bool own)
{
	const uint16_t flags = NLM_F_CREATE | (own ? NLM_F_REPLACE : NLM_F_EXCL);
	char text[IPADDR_STRLEN];

	return link_result(l, way_request(l, RTM_NEWROUTE, flags, dst, way), way->oif, "add route %s",
			   ipaddr_str(dst, text));
}

int
link_way_del(struct link *l, const struct ipaddr *dst, const struct link_way *way)
{
	int err = way_request(l, RTM_DELROUTE, 0, dst, way);
	char text[IPADDR_STRLEN];

	/* It went with its interface or its address. */
	if (err == -ESRCH || err == -ENODEV)
		err = 0;
	return link_result(l, err, way->oif, "delete route %s", ipaddr_str(dst, text));
}
