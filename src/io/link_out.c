/* rtnetlink: which interface packets to a host leave by now (link.h). */
#include "castswitch/link.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "link_impl.h"

static int
oif_attr(const struct nlattr *a, void *arg)
{
	if (mnl_attr_get_type(a) == RTA_OIF)
		*(unsigned *)arg = mnl_attr_get_u32(a);
	return MNL_CB_OK;
}

static void
read_route(const struct nlmsghdr *nlh, void *arg)
{
	if (nlh->nlmsg_type == RTM_NEWROUTE)
		(void)mnl_attr_parse(nlh, sizeof(struct rtmsg), oif_attr, arg);
}

int
link_out(struct link *l, const struct ipaddr *dst, unsigned *ret_oif)
{
	struct nlmsghdr *nlh = link_request(l, RTM_GETROUTE, 0);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	const bool v4 = ipaddr_is_v4(dst);
	char text[IPADDR_STRLEN];
	unsigned oif = 0;
	int err;

	rtm->rtm_family = v4 ? AF_INET : AF_INET6;
	rtm->rtm_dst_len = v4 ? 32 : 128;
	mnl_attr_put(nlh, RTA_DST, v4 ? 4 : 16, dst->b + (v4 ? 12 : 0));
	err = link_transact(l, nlh, read_route, &oif);
	if (!err && !oif)
		err = -ENETUNREACH;
	if (!err)
		*ret_oif = oif;
	return link_result(l, err, 0, "find out how to reach %s", ipaddr_str(dst, text));
}
