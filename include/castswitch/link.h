/* Interfaces, addresses and routes over rtnetlink.
 *
 * Each call is one request that waits for the kernel's answer (at most 2 s, then -ETIMEDOUT); not for the data path.
 * Needs CAP_NET_ADMIN in the network namespace, except for looking up.
 *
 * All return 0 or -errno; link_error() then has one line for people.  Adding what is there already fails with -EEXIST
 * and changes nothing: it isn't ours, and the caller must not remove it later.  Deleting what is gone already is
 * success.
 */
#ifndef CASTSWITCH_LINK_H
#define CASTSWITCH_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "castswitch/ipaddr.h"

struct link;

/* NULL with errno when there is no netlink socket to be had. */
struct link *link_open(void);
/* NULL is fine. */
void link_close(struct link *l);
/* What the last call that failed was about, and why: "cast0: can't add address 10.8.0.1/24: File exists".  "" before
 * the first failure. */
const char *link_error(const struct link *l);

/* --- interfaces --- */

struct link_info {
	unsigned ifindex;
	char name[16];
	unsigned master; /* ifindex of its bridge, 0 = none */
	uint32_t mtu;
	struct mac mac;  /* zero when it has none */
	bool up;         /* administratively */
	bool carrier;    /* and running: frames pass */
};

/* -ENODEV when there is none. */
int link_by_name(struct link *l, const char *name, struct link_info *ret);
int link_by_index(struct link *l, unsigned ifindex, struct link_info *ret);
int link_set_up(struct link *l, unsigned ifindex);
int link_set_down(struct link *l, unsigned ifindex);
int link_set_mtu(struct link *l, unsigned ifindex, uint32_t mtu);
int link_set_mac(struct link *l, unsigned ifindex, const struct mac *mac);
/* Makes the interface a port of the bridge 'master'; 0 takes it out of any. */
int link_master_set(struct link *l, unsigned ifindex, unsigned master);

/* --- addresses --- */

/* An IPv6 address skips duplicate address detection (IFA_F_NODAD): it can be used at once.  The prefix's own route
 * is added and removed by the kernel. */
int link_addr_add(struct link *l, unsigned ifindex, const struct ipprefix *addr);
int link_addr_del(struct link *l, unsigned ifindex, const struct ipprefix *addr);

/* --- routes --- */

enum { LINK_MCAST6_METRIC = 128 };

/* A route to dst (bits behind its length are cleared) through 'oif', via 'gateway' or, when that is NULL, on the link.
 * metric 0 is the system's default.  Given twice with the same dst and metric is -EEXIST, whatever the interface.
 *
 * IPv6 multicast: the kernel keeps one "ff00::/8 metric 256" per interface in table local, which is asked before table
 * main, and the interface that came up first wins.  So such a route goes to table local, with metric LINK_MCAST6_METRIC
 * when 'metric' is 0 or not below 256: sockets that chose no interface use it from then on.
 */
int link_route_add(struct link *l, const struct ipprefix *dst, unsigned oif, const struct ipaddr *gateway,
		   uint32_t metric);
/* The same arguments as given to link_route_add(). */
int link_route_del(struct link *l, const struct ipprefix *dst, unsigned oif, const struct ipaddr *gateway,
		   uint32_t metric);

/* --- the way to one host --- */

/* How packets leave for it. */
struct link_way {
	unsigned oif;          /* 0: not at all, they are refused at once */
	struct ipaddr gateway; /* IPADDR_ANY: none, it is on the link */
	struct ipaddr source;  /* which of our addresses they have; IPADDR_ANY: the kernel's choice */
	bool onlink;           /* the gateway counts as being on the link whatever our addresses are */
};

bool link_way_equal(const struct link_way *a, const struct link_way *b);
/* The way to 'dst' by the routes of table main, as if there were none through 'without' (an ifindex, or 0) and, with
 * 'own', none that link_way_set() made: the longest prefix, then the lowest metric; an interface without carrier only
 * when there is no other.  -ENETUNREACH when none leads there. */
int link_way_find(struct link *l, const struct ipaddr *dst, unsigned without, bool own, struct link_way *ret);
/* A host route that leads there by this way and counts more than any other.  'own': there is one already that this
 * takes the place of; without it -EEXIST when there is one. */
int link_way_set(struct link *l, const struct ipaddr *dst, const struct link_way *way, bool own);
/* The same 'dst' and 'way' as given to link_way_set(). */
int link_way_del(struct link *l, const struct ipaddr *dst, const struct link_way *way);
/* The interface that packets to 'dst', which is no link-local address, leave by now, by all tables and rules.
 * -ENETUNREACH, -EHOSTUNREACH ... when they don't. */
int link_out(struct link *l, const struct ipaddr *dst, unsigned *ret_oif);

#endif
