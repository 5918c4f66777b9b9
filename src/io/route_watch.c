/* rtnetlink's notifications about routes (route_watch.h). */
#include "castswitch/route_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "link_impl.h"

enum {
	READS_MAX = 64, /* datagrams per wakeup */
	/* The kernel does not tell which IPv4 routes went with an interface or an address. */
	GROUPS = RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE | RTMGRP_LINK | RTMGRP_IPV4_IFADDR,
};

struct route_watch {
	struct mnl_socket *nl;
	_Alignas(struct nlmsghdr) uint8_t buffer[LINK_BUFFER];
};

struct route_watch *
route_watch_open(void)
{
	struct route_watch *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return NULL;
	w->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (w->nl && mnl_socket_bind(w->nl, GROUPS, MNL_SOCKET_AUTOPID) == 0)
		return w;
	err = errno;
	route_watch_close(w);
	errno = err;
	return NULL;
}

void
route_watch_close(struct route_watch *w)
{
	if (!w)
		return;
	if (w->nl)
		mnl_socket_close(w->nl);
	free(w);
}

int
route_watch_fd(const struct route_watch *w)
{
	return mnl_socket_get_fd(w->nl);
}

struct seen {
	uint32_t table;
	unsigned oif;
};

static int
seen_attr(const struct nlattr *a, void *arg)
{
	struct seen *s = arg;

	if (mnl_attr_get_type(a) == RTA_TABLE)
		s->table = mnl_attr_get_u32(a);
	else if (mnl_attr_get_type(a) == RTA_OIF)
		s->oif = mnl_attr_get_u32(a);
	return MNL_CB_OK;
}

static bool
route_concerns(const struct nlmsghdr *nlh, unsigned except)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct seen s;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm) || rtm->rtm_flags & RTM_F_CLONED)
		return false;
	s = (struct seen){ .table = rtm->rtm_table };
	(void)mnl_attr_parse(nlh, sizeof(*rtm), seen_attr, &s);
	return s.table == RT_TABLE_MAIN && (!except || s.oif != except);
}

static bool
concerns(const struct nlmsghdr *nlh, unsigned except)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const size_t len = mnl_nlmsg_get_payload_len(nlh);

	switch (nlh->nlmsg_type) {
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return route_concerns(nlh, except);
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return len >= sizeof(*ifi) && (unsigned)ifi->ifi_index != except;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return len >= sizeof(*ifa) && ifa->ifa_index != except;
	default:
		return false;
	}
}

/* 1 something that concerns us, 0 nothing of that, -1 nothing to read. */
static int
read_datagram(struct route_watch *w, unsigned except)
{
	const ssize_t n = mnl_socket_recvfrom(w->nl, w->buffer, sizeof(w->buffer));
	int len = (int)n;

	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? -1 : errno != EINTR; /* ENOBUFS: some were lost */
	for (const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)w->buffer; mnl_nlmsg_ok(nlh, len);
	     nlh = mnl_nlmsg_next(nlh, &len))
		if (concerns(nlh, except))
			return 1;
	return 0;
}

bool
route_watch_read(struct route_watch *w, unsigned except)
{
	bool any = false;
	int r = 0;

	for (unsigned i = 0; i < READS_MAX && r >= 0; i++) {
		r = read_datagram(w, except);
		any = any || r > 0;
	}
	return any;
}
