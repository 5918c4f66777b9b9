/* Group membership messages: IGMPv1/v2/v3 and MLDv1/v2 as one plain, family-neutral struct.
 *
 * RFC 1112, 2236, 3376 (9776) and 2710, 3810 (9777).  gm_parse() accepts exactly what a snooper may believe, or names
 * the drop reason; gm_build() writes bit-exact messages.  A message with a lying count is void as a whole, so walking
 * the records of a parsed message cannot fail.
 *
 * The conventions where the RFCs leave room (DESIGN section 6): IGMP without Router Alert counts unless strict; MLD
 * without it never counts; TTL / hop limit must be 1; MLD reports from :: count (RFC 3590), from global addresses not;
 * IGMP reports from 0.0.0.0 count; bytes after the last record are ignored.
 */
#ifndef CASTSWITCH_GM_H
#define CASTSWITCH_GM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "castswitch/cursor.h"
#include "castswitch/frame.h"
#include "castswitch/ipaddr.h"
#include "castswitch/mono.h"

enum gm_family { GM_IGMP, GM_MLD, GM_FAMILIES };

enum gm_kind {
	GM_QUERY,
	GM_REPORT_OLD, /* IGMPv1/v2 or MLDv1 report: joins one group */
	GM_LEAVE,      /* IGMPv2 leave, MLDv1 done */
	GM_REPORT,     /* IGMPv3/MLDv2 report: records */
};

/* Record types, RFC 3376 4.2.12 / RFC 3810 5.2.12, by their number on the wire. */
enum gm_record_type {
	GM_IS_IN = 1,
	GM_IS_EX = 2,
	GM_TO_IN = 3,
	GM_TO_EX = 4,
	GM_ALLOW = 5,
	GM_BLOCK = 6,
};

struct gm_msg {
	enum gm_family family;
	enum gm_kind kind;
	uint8_t version;     /* IGMP 1..3, MLD 1..2 */
	struct ipaddr src;   /* IP source address */
	struct ipaddr group; /* query, old report, leave; :: (either family) = general query, and unused in GM_REPORT */
	/* Queries only. */
	nsec_t max_resp; /* IGMPv1: 10 s (RFC 3376 4.1.1: code 0 means 100 tenths) */
	bool s_flag;
	uint8_t qrv;  /* 0 when absent (older versions) or "more than 7" */
	nsec_t qqi;   /* 0 when absent */
	/* GM_REPORT: records left to walk; GM_QUERY: sources left to walk. */
	uint16_t n;
	struct rcur body;
};

struct gm_record {
	uint8_t type; /* enum gm_record_type, or any other number: skip it */
	struct ipaddr group;
	uint16_t n; /* sources left to walk */
	struct rcur sources;
};

struct gm_rules {
	bool strict_router_alert; /* IGMP without Router Alert is refused */
};

/* Parses the IGMP or MLD message in a frame whose f->control is FRAME_IGMP or FRAME_MLD.  Returns DROP_NONE and fills
 * *ret (which points into the frame), or the reason, with *ret untouched.  Record groups are NOT checked here (a
 * link-local or non-multicast one is skipped by the caller, its siblings count); the group of a query, old report or
 * leave is (DROP_GM_GROUP).  A query's group may be :: or 0.0.0.0, given as :: for both families. */
enum drop_reason gm_parse(const struct frame *f, const struct gm_rules *rules, struct gm_msg *ret);

/* The next record of a report (msg->kind GM_REPORT) or false when there is none left.  A group in an MLD record that
 * reads as an IPv4-mapped address is given as ::, so that it cannot pass for an IPv4 group. */
bool gm_next_record(struct gm_msg *msg, struct gm_record *ret);
/* The next source of a record, or of a query. */
bool gm_record_next_source(struct gm_record *rec, struct ipaddr *ret);
bool gm_query_next_source(struct gm_msg *msg, struct ipaddr *ret);

/* RFC 3376 4.1.1 / 4.1.7 and RFC 3810 5.1.3 / 5.1.9: the floating-point codes.  Values that have no exact code are
 * rounded down; too large ones saturate.  IGMP codes count tenths of a second (max resp) or seconds (QQIC), MLD's Max
 * Resp Code counts milliseconds: these helpers take and give the count. */
uint8_t gm_code8_encode(uint32_t count);
uint32_t gm_code8_decode(uint8_t code);
uint16_t gm_code16_encode(uint32_t count);
uint32_t gm_code16_decode(uint16_t code);

/* One record to build. */
struct gm_build_record {
	uint8_t type;
	struct ipaddr group;
	const struct ipaddr *sources;
	uint16_t n_sources;
};

/* A message to build. */
struct gm_build {
	enum gm_family family;
	enum gm_kind kind;
	uint8_t version;
	struct mac eth_src;
	const struct mac *eth_dst; /* NULL = the group MAC of the IP destination; else e.g. a per-host unicast query */
	struct ipaddr ip_src;      /* for IGMP :: is written as 0.0.0.0 */
	struct ipaddr group;       /* :: = general query */
	nsec_t max_resp;
	bool s_flag;
	uint8_t qrv; /* written as 0 when above 7 */
	nsec_t qqi;
	const struct ipaddr *sources; /* GM_QUERY */
	uint16_t n_sources;
	const struct gm_build_record *records; /* GM_REPORT */
	uint16_t n_records;
};

/* Writes a whole untagged Ethernet frame: IP header with Router Alert (IPv4 option; IPv6 hop-by-hop), TTL/hop limit
 * 1, TOS 0xc0 for IPv4 (RFC 3376 section 4), checksums.  Destination address by type: general query 224.0.0.1 /
 * ff02::1, specific query the group, v3 report 224.0.0.22 / ff02::16, old report the group, leave 224.0.0.2 /
 * ff02::2.  IGMPv1 messages have no Router Alert.  Returns the length, or 0 when it does not fit into cap (or above
 * 65535 bytes), when an address is of the other family or not a group where one is needed, and for what IGMPv1 does
 * not have: leaves and group-specific queries.  In version 2 a max_resp below a tenth of a second is written as one
 * tenth, since 0 would make it a version 1 query. */
size_t gm_build(const struct gm_build *b, uint8_t *buf, size_t cap);

#endif
