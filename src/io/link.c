/* rtnetlink: the request and its answer, and interfaces (link.h).  Addresses and routes are in link_route.c. */
#include "castswitch/link.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <net/if.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "link_impl.h"

/* --- requests --- */

struct link *
link_open(void)
{
	const struct timeval timeout = { .tv_sec = LINK_TIMEOUT_S };
	const int on = 1;
	struct link *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return NULL;
	l->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (l->nl && mnl_socket_bind(l->nl, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    setsockopt(mnl_socket_get_fd(l->nl), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0) {
		/* Old kernels have no reasons to give; the errors alone do. */
		(void)mnl_socket_setsockopt(l->nl, NETLINK_EXT_ACK, (void *)(uintptr_t)&on, sizeof(on));
		return l;
	}
	err = errno;
	link_close(l);
	errno = err;
	return NULL;
}

void
link_close(struct link *l)
{
	if (!l)
		return;
	if (l->nl)
		mnl_socket_close(l->nl);
	free(l);
}

const char *
link_error(const struct link *l)
{
	return l->error;
}

int
link_result(struct link *l, int err, unsigned ifindex, const char *what_fmt, ...)
{
	char name[IFNAMSIZ] = "", what[160];
	va_list ap;

	if (!err)
		return 0;
	if (ifindex && !if_indextoname(ifindex, name))
		snprintf(name, sizeof(name), "#%u", ifindex);
	va_start(ap, what_fmt);
	vsnprintf(what, sizeof(what), what_fmt, ap);
	va_end(ap);
	snprintf(l->error, sizeof(l->error), "%s%scan't %s: %s%s%s%s", name, *name ? ": " : "", what, strerror(-err),
		 *l->reason ? " (" : "", l->reason, *l->reason ? ")" : "");
	return err;
}

struct nlmsghdr *
link_request(struct link *l, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(l->request);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	nlh->nlmsg_seq = ++l->seq;
	return nlh;
}

static int
reason_attr(const struct nlattr *a, void *arg)
{
	struct link *l = arg;

	if (mnl_attr_get_type(a) == NLMSGERR_ATTR_MSG && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0)
		snprintf(l->reason, sizeof(l->reason), "%s", mnl_attr_get_str(a));
	return MNL_CB_OK;
}

/* The extended acknowledgement's text, which follows the error and, unless capped, a copy of the request. */
static void
reason_read(struct link *l, const struct nlmsghdr *nlh, const struct nlmsgerr *e)
{
	const bool capped = nlh->nlmsg_flags & NLM_F_CAPPED;
	const size_t skip = sizeof(*e) + (capped ? 0 : MNL_ALIGN(e->msg.nlmsg_len) - sizeof(e->msg));

	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS && mnl_nlmsg_get_payload_len(nlh) >= skip)
		(void)mnl_attr_parse(nlh, (unsigned)skip, reason_attr, l);
}

/* Walks the messages of one datagram.  1 when there is more to come, else 0 or -errno.  A list has an end of its own in
 * the place of the acknowledgement. */
static int
answer_read(struct link *l, int len, void (*cb)(const struct nlmsghdr *nlh, void *arg), void *arg)
{
	for (const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)l->answer; mnl_nlmsg_ok(nlh, len);
	     nlh = mnl_nlmsg_next(nlh, &len)) {
		if (nlh->nlmsg_seq != l->seq)
			continue; /* the late answer to a request that was given up */
		if (nlh->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

			if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*e))
				return -EBADMSG;
			if (e->error)
				reason_read(l, nlh, e);
			return e->error;
		}
		if (nlh->nlmsg_type == NLMSG_DONE)
			return 0;
		if (cb)
			cb(nlh, arg);
	}
	return 1;
}

int
link_transact(struct link *l, struct nlmsghdr *nlh, void (*cb)(const struct nlmsghdr *nlh, void *arg), void *arg)
{
	int r;

	l->reason[0] = '\0';
	if (mnl_socket_sendto(l->nl, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	do {
		const ssize_t n = mnl_socket_recvfrom(l->nl, l->answer, sizeof(l->answer));

		if (n >= 0)
			r = answer_read(l, (int)n, cb, arg);
		else if (errno == EINTR)
			r = 1;
		else
			r = errno == EAGAIN || errno == EWOULDBLOCK ? -ETIMEDOUT : -errno;
	} while (r > 0);
	return r;
}

/* --- looking up --- */

static int
info_attr(const struct nlattr *a, void *arg)
{
	struct link_info *info = arg;

	switch (mnl_attr_get_type(a)) {
	case IFLA_IFNAME:
		snprintf(info->name, sizeof(info->name), "%s", mnl_attr_get_str(a));
		break;
	case IFLA_MTU:
		info->mtu = mnl_attr_get_u32(a);
		break;
	case IFLA_MASTER:
		info->master = mnl_attr_get_u32(a);
		break;
	case IFLA_CARRIER:
		info->carrier = mnl_attr_get_u8(a);
		break;
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(a) == sizeof(info->mac.b))
			memcpy(info->mac.b, mnl_attr_get_payload(a), sizeof(info->mac.b));
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

void
link_info_read(const struct nlmsghdr *nlh, struct link_info *ret)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);

	*ret = (struct link_info){ .ifindex = (unsigned)ifi->ifi_index, .up = ifi->ifi_flags & IFF_UP };
	(void)mnl_attr_parse(nlh, sizeof(*ifi), info_attr, ret);
	/* The carrier alone comes a moment before the kernel's queues are ready: what is sent then is lost unseen. */
	ret->carrier = ret->carrier && ret->up && ifi->ifi_flags & IFF_RUNNING;
}

static void
info_answer(const struct nlmsghdr *nlh, void *arg)
{
	if (nlh->nlmsg_type == RTM_NEWLINK)
		link_info_read(nlh, arg);
}

static int
info_get(struct link *l, const char *name, unsigned ifindex, struct link_info *ret)
{
	struct link_info info = { 0 };
	struct nlmsghdr *nlh = link_request(l, RTM_GETLINK, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	int err;

	ifi->ifi_index = (int)ifindex;
	if (name)
		mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	err = link_transact(l, nlh, info_answer, &info);
	if (!err && !info.ifindex)
		err = -ENODEV;
	if (!err)
		*ret = info;
	return err;
}

int
link_by_name(struct link *l, const char *name, struct link_info *ret)
{
	/* The kernel calls an overlong name a range error. */
	const int err = strlen(name) < IFNAMSIZ ? info_get(l, name, 0, ret) : -ENODEV;

	if (err)
		snprintf(l->error, sizeof(l->error), "%s: %s", name, strerror(-err));
	return err;
}

int
link_by_index(struct link *l, unsigned ifindex, struct link_info *ret)
{
	const int err = ifindex ? info_get(l, NULL, ifindex, ret) : -ENODEV;

	return link_result(l, err, ifindex, "look it up");
}

/* --- changing --- */

static struct nlmsghdr *
change(struct link *l, unsigned ifindex, unsigned flags, unsigned mask)
{
	struct nlmsghdr *nlh = link_request(l, RTM_NEWLINK, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_index = (int)ifindex;
	ifi->ifi_flags = flags;
	ifi->ifi_change = mask;
	return nlh;
}

int
link_set_up(struct link *l, unsigned ifindex)
{
	return link_result(l, link_transact(l, change(l, ifindex, IFF_UP, IFF_UP), NULL, NULL), ifindex, "set it up");
}

int
link_set_down(struct link *l, unsigned ifindex)
{
	return link_result(l, link_transact(l, change(l, ifindex, 0, IFF_UP), NULL, NULL), ifindex, "set it down");
}

int
link_set_mtu(struct link *l, unsigned ifindex, uint32_t mtu)
{
	struct nlmsghdr *nlh = change(l, ifindex, 0, 0);

	mnl_attr_put_u32(nlh, IFLA_MTU, mtu);
	return link_result(l, link_transact(l, nlh, NULL, NULL), ifindex, "set the MTU to %u", mtu);
}

int
link_set_mac(struct link *l, unsigned ifindex, const struct mac *mac)
{
	struct nlmsghdr *nlh = change(l, ifindex, 0, 0);
	char text[MAC_STRLEN];

	mnl_attr_put(nlh, IFLA_ADDRESS, sizeof(mac->b), mac->b);
	return link_result(l, link_transact(l, nlh, NULL, NULL), ifindex, "set the MAC address to %s",
			   mac_str(mac, text));
}

int
link_master_set(struct link *l, unsigned ifindex, unsigned master)
{
	struct nlmsghdr *nlh = change(l, ifindex, 0, 0);

	mnl_attr_put_u32(nlh, IFLA_MASTER, master);
	return link_result(l, link_transact(l, nlh, NULL, NULL), ifindex,
			   master ? "join bridge #%u" : "leave bridge #%u", master);
}
