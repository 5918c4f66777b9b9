/* The small universe of the switch target: a few hosts, groups, sources and VLANs, and the frames they send. */
#ifndef CASTSWITCH_TESTS_FUZZ_SWITCH_FRAMES_H
#define CASTSWITCH_TESTS_FUZZ_SWITCH_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "castswitch/gm.h"
#include "castswitch/ipaddr.h"

enum {
	UNIVERSE_GROUPS = 16,
	UNIVERSE_SOURCES = 8,
	FRAMES_RUN_MAX = 127, /* further sources of a record */
	FRAMES_MAX = 60 + 3 * 4 + 2 * (20 + (UNIVERSE_SOURCES + FRAMES_RUN_MAX) * 16),
};

/* Ways to be tagged. */
enum frames_vlan {
	VLAN_NONE,
	VLAN_PRIORITY, /* of VLAN 0 */
	VLAN_1,
	VLAN_10,
	VLAN_20_PRIORITY,
	VLAN_OF_HOST, /* one of many */
	VLAN_10_INNER_20,
	VLAN_SERVICE_10_INNER_20,
};

/* Where something comes from, and how. */
struct frames_from {
	uint8_t host;
	bool v6;
	enum frames_vlan vlan;
};

struct mac frames_host_mac(uint8_t host);
/* Host 0 has no address. */
struct ipaddr frames_host_address(uint8_t host, bool v6);
/* Ordinary groups, those of SSM, others that share their MACs, groups that always flood, and an address that is no
 * group. */
struct ipaddr frames_group(uint8_t group, bool v6);
struct ipaddr frames_source(unsigned source, bool v6);

/* All write to out, which has room for FRAMES_MAX bytes, and return the length; 0 when there is no such frame. */

/* A UDP packet; mac_of is the group whose MAC it is sent to. */
size_t frames_udp(uint8_t *out, const struct frames_from *from, uint8_t group, uint8_t mac_of, unsigned source);
/* Anything to this MAC: an IP packet to the group when 'ip' is set, else a frame of another kind. */
size_t frames_other(uint8_t *out, const struct frames_from *from, const struct mac *dst, bool ip, uint8_t group);

/* A record: the sources of the universe named by a bit each, and 'run' more. */
struct frames_record {
	uint8_t type; /* 0: there is no record */
	uint8_t group;
	uint8_t sources;
	uint8_t run;
};

/* An IGMPv3 or MLDv2 report. */
size_t frames_report(uint8_t *out, const struct frames_from *from, const struct frames_record records[2]);
/* An older report or a leave. */
size_t frames_old_report(uint8_t *out, const struct frames_from *from, enum gm_kind kind, uint8_t version,
			 uint8_t group);

struct frames_query {
	bool general, s_flag, old;
	bool to_host; /* a copy for the host alone */
	uint8_t group, sources, qrv;
	nsec_t max_resp, qqi;
};
size_t frames_query(uint8_t *out, const struct frames_from *from, const struct frames_query *q);

enum frames_router { ROUTER_PIM_HELLO, ROUTER_MRD_ADVERTISEMENT, ROUTER_MRD_SOLICITATION, ROUTER_MRD_TERMINATION };
/* What routers say of themselves; hold is the time they stay, in the message's own unit. */
size_t frames_router(uint8_t *out, const struct frames_from *from, enum frames_router kind, uint8_t hold);

/* Puts the tags of 'from' into an untagged frame. */
size_t frames_tag(uint8_t *out, const struct frames_from *from, size_t len);

#endif
