/* rtnetlink's notifications about interfaces (link_watch.h). */
#include "castswitch/link_watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <net/if.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "link_impl.h"

enum {
	READS_MAX = 16,           /* datagrams per wakeup */
	DRAIN_MAX = 10000,        /* more than the socket holds */
	RECEIVE_BUFFER = 1 << 20, /* a host with many interfaces makes bursts */
};

struct watched {
	struct watched *next;
	char name[IFNAMSIZ];
	struct link_info info; /* as it was told; ifindex 0: gone */
	link_watch_fn *fn;
	void *arg;
};

struct link_watch {
	struct mnl_socket *nl; /* notifications only */
	struct link *link;     /* questions */
	struct watched *list;
	struct mono now; /* of the wakeup, while reading */
	bool lost;       /* notifications */
	_Alignas(struct nlmsghdr) uint8_t buffer[LINK_BUFFER];
};

/* --- opening --- */

/* Subscribing comes before the first question, so that nothing is missed between. */
struct link_watch *
link_watch_open(void)
{
	struct link_watch *w = calloc(1, sizeof(*w));
	const int size = RECEIVE_BUFFER;
	int err;

	if (!w)
		return NULL;
	w->link = link_open();
	if (w->link)
		w->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (w->nl && mnl_socket_bind(w->nl, RTMGRP_LINK, MNL_SOCKET_AUTOPID) == 0) {
		(void)setsockopt(mnl_socket_get_fd(w->nl), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
		return w;
	}
	err = errno;
	link_watch_close(w);
	errno = err;
	return NULL;
}

void
link_watch_close(struct link_watch *w)
{
	if (!w)
		return;
	while (w->list)
		link_watch_del(w, w->list->name);
	if (w->nl)
		mnl_socket_close(w->nl);
	link_close(w->link);
	free(w);
}

int
link_watch_fd(const struct link_watch *w)
{
	return mnl_socket_get_fd(w->nl);
}

const char *
link_event_name(enum link_event event)
{
	static const char *const names[] = {
		[LINK_CAME] = "came", [LINK_UP] = "up",     [LINK_CHANGED] = "changed",
		[LINK_DOWN] = "down", [LINK_GONE] = "gone",
	};

	return names[event];
}

/* --- from one state to the next --- */

static void
tell(const struct link_watch *w, const struct watched *e, enum link_event event)
{
	e->fn(e->arg, event, &e->info, w->now);
}

static void
set_gone(const struct link_watch *w, struct watched *e)
{
	if (e->info.ifindex == 0)
		return;
	if (e->info.carrier) {
		e->info.carrier = false;
		tell(w, e, LINK_DOWN);
	}
	tell(w, e, LINK_GONE);
	e->info.ifindex = 0;
}

static bool
details_differ(const struct link_info *a, const struct link_info *b)
{
	return a->mtu != b->mtu || a->master != b->master || !mac_equal(&a->mac, &b->mac);
}

/* It is there, in this state.  'carrier' implies 'up' (link_info_read). */
static void
set_present(const struct link_watch *w, struct watched *e, const struct link_info *info)
{
	const struct link_info before = e->info;

	if (before.ifindex != info->ifindex) {
		set_gone(w, e);
		e->info = *info;
		e->info.carrier = false;
		tell(w, e, LINK_CAME);
	} else if (details_differ(&before, info)) {
		e->info = *info;
		e->info.carrier = before.carrier;
		tell(w, e, LINK_CHANGED);
	}
	if (e->info.carrier != info->carrier) {
		e->info = *info;
		tell(w, e, info->carrier ? LINK_UP : LINK_DOWN);
	}
	e->info = *info;
}

/* --- notifications --- */

/* Those about wireless events have the interface's name and little else: its state is not in them. */
static bool
tells_state(const struct link_info *info)
{
	return info->mtu != 0;
}

static void
on_message(struct link_watch *w, const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct link_info info;
	bool gone;

	/* A bridge says RTM_DELLINK with its own family when an interface leaves it. */
	if ((nlh->nlmsg_type != RTM_NEWLINK && nlh->nlmsg_type != RTM_DELLINK) ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifi) || ifi->ifi_family != AF_UNSPEC)
		return;
	link_info_read(nlh, &info);
	gone = nlh->nlmsg_type == RTM_DELLINK;
	for (struct watched *e = w->list; e; e = e->next)
		if (e->info.ifindex == info.ifindex && (gone || strcmp(e->name, info.name) != 0))
			set_gone(w, e);
	for (struct watched *e = w->list; e; e = e->next)
		if (!gone && strcmp(e->name, info.name) == 0 && tells_state(&info))
			set_present(w, e, &info);
}

/* 0, or what could not be found out. */
static int
look(struct link_watch *w, struct watched *e)
{
	struct link_info info;
	const int err = link_by_name(w->link, e->name, &info);

	if (err == -ENODEV)
		set_gone(w, e);
	if (err)
		return err == -ENODEV ? 0 : err;
	/* The kernel finds it by an alternative name, too. */
	if (strcmp(info.name, e->name) != 0)
		set_gone(w, e);
	else
		set_present(w, e, &info);
	return 0;
}

/* After a loss: what is still in the socket is older than what a look shows, and must not come behind it. */
static void
start_over(struct link_watch *w)
{
	unsigned n = 0;

	while (n++ < DRAIN_MAX && mnl_socket_recvfrom(w->nl, w->buffer, sizeof(w->buffer)) >= 0)
		;
	w->lost = false;
	for (struct watched *e = w->list; e; e = e->next)
		if (look(w, e) != 0)
			w->lost = true; /* again at the next wakeup */
}

/* False when there is none. */
static bool
read_datagram(struct link_watch *w)
{
	const ssize_t n = mnl_socket_recvfrom(w->nl, w->buffer, sizeof(w->buffer));
	int len = (int)n;

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return false;
	if (n < 0) {
		w->lost = errno != EINTR; /* ENOBUFS: the socket was full */
		return true;
	}
	for (const struct nlmsghdr *nlh = (const struct nlmsghdr *)(const void *)w->buffer; mnl_nlmsg_ok(nlh, len);
	     nlh = mnl_nlmsg_next(nlh, &len))
		on_message(w, nlh);
	return true;
}

void
link_watch_read(struct link_watch *w, struct mono now)
{
	w->now = now;
	for (unsigned i = 0; i < READS_MAX && !w->lost; i++)
		if (!read_datagram(w))
			return;
	if (w->lost)
		start_over(w);
}

/* --- what is watched --- */

static struct watched **
find(struct link_watch *w, const char *name)
{
	struct watched **at = &w->list;

	while (*at && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	return at;
}

int
link_watch_add(struct link_watch *w, const char *name, link_watch_fn *fn, void *arg, struct mono now)
{
	struct watched **at = find(w, name), *e;
	int err;

	if (!*name || strlen(name) >= IFNAMSIZ)
		return -ENODEV;
	if (*at)
		return -EEXIST;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	memcpy(e->name, name, strlen(name));
	e->fn = fn;
	e->arg = arg;
	w->now = now;
	/* What waits is older than what the look will show. */
	for (unsigned i = 0; i < DRAIN_MAX && !w->lost && read_datagram(w); i++)
		;
	err = look(w, e);
	if (err)
		free(e);
	else
		*at = e;
	return err;
}

void
link_watch_del(struct link_watch *w, const char *name)
{
	struct watched **at = find(w, name), *e = *at;

	if (!e)
		return;
	*at = e->next;
	free(e);
}
