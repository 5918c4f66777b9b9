/* rtnetlink: addresses and routes (link.h). */
#include "castswitch/link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "link_impl.h"

enum {
	KERNEL_MCAST6_METRIC = 256, /* of the kernel's own ff00::/8 routes (IP6_RT_PRIO_ADDRCONF) */
	KERNEL_USER6_METRIC = 1024, /* of an IPv6 route without a metric (IP6_RT_PRIO_USER) */
};

enum { PREFIX_STRLEN = IPADDR_STRLEN + 4 };

static const char *
prefix_str(const struct ipprefix *p, char buf[PREFIX_STRLEN])
{
	char addr[IPADDR_STRLEN];

	snprintf(buf, PREFIX_STRLEN, "%s/%u", ipaddr_str(&p->addr, addr), (unsigned)p->len);
	return buf;
}

static unsigned char
family_of(const struct ipaddr *a)
{
	return ipaddr_is_v4(a) ? AF_INET : AF_INET6;
}

static void
attr_put_addr(struct nlmsghdr *nlh, uint16_t type, const struct ipaddr *a)
{
	if (ipaddr_is_v4(a))
		mnl_attr_put(nlh, type, 4, a->b + 12);
	else
		mnl_attr_put(nlh, type, 16, a->b);
}

/* The address with the host bits, those behind p->len, all 0 or all 1. */
static struct ipaddr
host_bits(const struct ipprefix *p, bool ones)
{
	const unsigned len = p->len + (ipaddr_is_v4(&p->addr) ? 96U : 0U);
	struct ipaddr a = p->addr;

	for (unsigned bit = len; bit < 128; bit++) {
		const uint8_t mask = (uint8_t)(0x80 >> bit % 8);

		a.b[bit / 8] = (uint8_t)(ones ? a.b[bit / 8] | mask : a.b[bit / 8] & ~mask);
	}
	return a;
}

static bool
prefix_is_valid(const struct ipprefix *p)
{
	return p->len <= (ipaddr_is_v4(&p->addr) ? 32 : 128);
}

/* Deleting what is not there, or not any more with its interface, has nothing left to do. */
static int
gone_is_fine(int err)
{
	return err == -ESRCH || err == -EADDRNOTAVAIL || err == -ENODEV ? 0 : err;
}

/* --- addresses --- */

static unsigned char
addr_scope(const struct ipaddr *a)
{
	return ipaddr_is_link_local(a) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}

static struct nlmsghdr *
addr_request(struct link *l, uint16_t type, uint16_t flags, unsigned ifindex, const struct ipprefix *addr)
{
	struct nlmsghdr *nlh = link_request(l, type, flags);
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));

	ifa->ifa_family = family_of(&addr->addr);
	ifa->ifa_prefixlen = addr->len;
	ifa->ifa_scope = addr_scope(&addr->addr);
	ifa->ifa_index = ifindex;
	attr_put_addr(nlh, IFA_LOCAL, &addr->addr);
	attr_put_addr(nlh, IFA_ADDRESS, &addr->addr);
	return nlh;
}

int
link_addr_add(struct link *l, unsigned ifindex, const struct ipprefix *addr)
{
	const bool v4 = ipaddr_is_v4(&addr->addr);
	struct nlmsghdr *nlh = addr_request(l, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ifindex, addr);
	char text[PREFIX_STRLEN];

	if (v4 && addr->len < 31) { /* RFC 3021: none for 31 and 32 */
		const struct ipaddr broadcast = host_bits(addr, true);

		attr_put_addr(nlh, IFA_BROADCAST, &broadcast);
	}
	if (!v4)
		mnl_attr_put_u32(nlh, IFA_FLAGS, IFA_F_NODAD);
	return link_result(l, link_transact(l, nlh, NULL, NULL), ifindex, "add address %s", prefix_str(addr, text));
}

int
link_addr_del(struct link *l, unsigned ifindex, const struct ipprefix *addr)
{
	struct nlmsghdr *nlh = addr_request(l, RTM_DELADDR, 0, ifindex, addr);
	const int err = gone_is_fine(link_transact(l, nlh, NULL, NULL));
	char text[PREFIX_STRLEN];

	return link_result(l, err, ifindex, "delete address %s", prefix_str(addr, text));
}

/* --- routes --- */

static bool
is_mcast6(const struct ipprefix *dst)
{
	return !ipaddr_is_v4(&dst->addr) && dst->len >= 8 && ipaddr_is_multicast(&dst->addr);
}

/* Never 0 for IPv6, so that deleting takes only the route that was added, not one of any metric. */
static uint32_t
effective_metric(const struct ipprefix *dst, uint32_t metric)
{
	if (is_mcast6(dst))
		return metric && metric < KERNEL_MCAST6_METRIC ? metric : LINK_MCAST6_METRIC;
	return metric || ipaddr_is_v4(&dst->addr) ? metric : KERNEL_USER6_METRIC;
}

static struct nlmsghdr *
route_request(struct link *l, uint16_t type, uint16_t flags, const struct ipprefix *dst, unsigned oif,
	      const struct ipaddr *gateway, uint32_t metric)
{
	const bool v4 = ipaddr_is_v4(&dst->addr), mcast6 = is_mcast6(dst);
	const struct ipaddr net = host_bits(dst, false);
	struct nlmsghdr *nlh = link_request(l, type, flags);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));

	rtm->rtm_family = family_of(&dst->addr);
	rtm->rtm_dst_len = dst->len;
	rtm->rtm_table = mcast6 ? RT_TABLE_LOCAL : RT_TABLE_MAIN;
	rtm->rtm_type = mcast6 ? RTN_MULTICAST : RTN_UNICAST;
	rtm->rtm_protocol = RTPROT_STATIC; /* deleting never takes a route of another protocol, e.g. the kernel's */
	rtm->rtm_scope = v4 && !gateway ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	if (dst->len)
		attr_put_addr(nlh, RTA_DST, &net);
	mnl_attr_put_u32(nlh, RTA_OIF, oif);
	if (gateway)
		attr_put_addr(nlh, RTA_GATEWAY, gateway);
	metric = effective_metric(dst, metric);
	if (metric)
		mnl_attr_put_u32(nlh, RTA_PRIORITY, metric);
	return nlh;
}

static int
route_transact(struct link *l, uint16_t type, uint16_t flags, const struct ipprefix *dst, unsigned oif,
	       const struct ipaddr *gateway, uint32_t metric)
{
	l->reason[0] = '\0';
	if (!prefix_is_valid(dst) || (gateway && ipaddr_is_v4(gateway) != ipaddr_is_v4(&dst->addr)))
		return -EINVAL;
	return link_transact(l, route_request(l, type, flags, dst, oif, gateway, metric), NULL, NULL);
}

int
link_route_add(struct link *l, const struct ipprefix *dst, unsigned oif, const struct ipaddr *gateway, uint32_t metric)
{
	const int err = route_transact(l, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, dst, oif, gateway, metric);
	char text[PREFIX_STRLEN];

	return link_result(l, err, oif, "add route %s", prefix_str(dst, text));
}

int
link_route_del(struct link *l, const struct ipprefix *dst, unsigned oif, const struct ipaddr *gateway, uint32_t metric)
{
	const int err = gone_is_fine(route_transact(l, RTM_DELROUTE, 0, dst, oif, gateway, metric));
	char text[PREFIX_STRLEN];

	return link_result(l, err, oif, "delete route %s", prefix_str(dst, text));
}
