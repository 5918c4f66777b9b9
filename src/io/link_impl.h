/* What link.c and link_route.c share. */
#ifndef CASTSWITCH_IO_LINK_IMPL_H
#define CASTSWITCH_IO_LINK_IMPL_H

#include <stdint.h>
#include <libmnl/libmnl.h>

#include "castswitch/link.h"

enum { LINK_BUFFER = 32768, LINK_TIMEOUT_S = 2 };

struct link {
	struct mnl_socket *nl;
	uint32_t seq;
	char reason[128]; /* the kernel's own words (extended ack) about the last request, or "" */
	char error[320];
	_Alignas(struct nlmsghdr) uint8_t request[1024];
	_Alignas(struct nlmsghdr) uint8_t answer[LINK_BUFFER];
};

/* Starts a request in l->request; the family's header (mnl_nlmsg_put_extra_header) and attributes follow. */
struct nlmsghdr *link_request(struct link *l, uint16_t type, uint16_t flags);
/* Sends it and waits for the acknowledgement; each object that comes before that goes to cb (may be NULL).  0 or
 * -errno. */
int link_transact(struct link *l, struct nlmsghdr *nlh, void (*cb)(const struct nlmsghdr *nlh, void *arg), void *arg);
/* What an RTM_NEWLINK or RTM_DELLINK says. */
void link_info_read(const struct nlmsghdr *nlh, struct link_info *ret);
/* Returns err, and when it isn't 0 makes link_error() "IFNAME: can't WHAT: WHY", without a name for ifindex 0. */
int link_result(struct link *l, int err, unsigned ifindex, const char *what_fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
