/* The scenario runner: text scripts of frames and time, played against the switch with a literal clock.
 *
 * The language is described in README.md.  One command a line; each file of the runner has one part:
 *
 *	scn_main.c    arguments, the directory of scenarios, TAP
 *	scn_text.c    file -> lines -> words; words -> durations, addresses, options
 *	scn_frame.c   words -> struct scn_frame, what a script says of a frame
 *	scn_build.c   struct scn_frame -> bytes, also broken ones
 *	scn_match.c   bytes against struct scn_frame
 *	scn_decode.c  bytes -> words, for people
 *	scn_world.c   the switch, its ports, the clock, what was sent
 *	scn_setup.c   commands that set up and change the switch, its ports and what is static
 *	scn_cmd.c     commands of time and frames
 *	scn_expect.c  commands that expect frames and events
 *	scn_groups.c  commands that look at the table of groups
 *	scn_look.c    commands that look at the FDB, ports, counters and the querier
 *
 * A function that finds the scenario failed says so once with scn_fail(), which returns false, and everything returns
 * at once.
 */
#ifndef CASTSWITCH_TESTS_SCN_H
#define CASTSWITCH_TESTS_SCN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "castswitch/frame.h"
#include "castswitch/gm.h"
#include "castswitch/ipaddr.h"
#include "castswitch/mono.h"
#include "castswitch/rng.h"
#include "castswitch/sbuf.h"
#include "castswitch/switch.h"

enum {
	SCN_WORDS = 256,    /* of a line */
	SCN_PORTS = 64,     /* of a scenario */
	SCN_EVENTS = 256,   /* of a step */
	SCN_ADDRS = 512,    /* sources that one frame names, all records together */
	SCN_RECORDS = 16,   /* of a report */
	SCN_BYTES = 2048,   /* longest frame */
	SCN_PREFIXES = 32,  /* of the ports' rules for groups */
	SCN_TICKS = 100000, /* of one step: more is an engine that spins */
};

/* --- words --- */

struct scn_args {
	char *word[SCN_WORDS];
	int n, at;
};

/* --- what a script says of a frame --- */

enum scn_form { SCN_UDP, SCN_ETH, SCN_ARP, SCN_PIM, SCN_MRD, SCN_GM, SCN_HEX };

/* Which fields were given: only those are compared, and those not given get defaults when a frame is built. */
enum {
	SCN_FROM = 1 << 0,
	SCN_TO = 1 << 1,
	SCN_SRC = 1 << 2,
	SCN_DST = 1 << 3,
	SCN_SIZE = 1 << 4,
	SCN_TTL = 1 << 5,
	SCN_TYPE = 1 << 6,
	SCN_VLAN = 1 << 7,
	SCN_MAX_RESP = 1 << 8,
	SCN_QRV = 1 << 9,
	SCN_QQI = 1 << 10,
	SCN_VERSION = 1 << 11,
	SCN_HAS_RECORDS = 1 << 12,
	SCN_SEQ = 1 << 13,
	SCN_IP_DST = 1 << 14,
	SCN_INNER_VLAN = 1 << 15,
	SCN_SERVICE_VLAN = 1 << 16,
};

struct scn_record {
	uint8_t type;
	struct ipaddr group;
	uint16_t first, n; /* in scn_frame.addrs */
};

struct scn_frame {
	enum scn_form form;
	unsigned given;
	struct mac from, to;
	struct ipaddr src, dst; /* IP addresses; of a GM message dst is the group */
	struct ipaddr ip_dst;   /* of a GM message sent to another address than its kind says */
	uint32_t size, ttl, type, vlan, inner_vlan, service_vlan, repeat, seq;
	bool untagged;          /* an expected frame has no tag */

	/* SCN_GM */
	enum gm_family family;
	enum gm_kind kind;
	uint8_t version;
	nsec_t max_resp, qqi;
	bool s_flag;
	uint8_t qrv;
	uint16_t first, n; /* sources of a query, in addrs */
	struct scn_record records[SCN_RECORDS];
	uint16_t n_records;

	/* How it is broken. */
	bool bad_checksum, bad_ip_checksum, no_router_alert, fragment;
	uint32_t truncate, cut, pad;  /* bytes: left of the frame; taken from the IP packet; put behind it */
	int32_t lie_records, lie_sources; /* counts on the wire; -1 = honest */

	struct ipaddr addrs[SCN_ADDRS];
	uint16_t n_addrs;
	uint8_t hex[SCN_BYTES];
	size_t n_hex;
};

/* --- the world --- */

struct scn;

struct scn_port {
	struct scn *scn;
	char name[SW_PORT_NAME];
	struct sw_port *port; /* NULL = deleted */
	struct sw_port_params params;
	bool ignored, queries_ignored;
	uint64_t drops[DROP_MAX]; /* as of the last look */
};

struct scn_sent {
	struct scn_port *port;
	struct mono at;
	uint8_t *bytes;
	size_t len;
	bool own;                  /* the switch's own frame */
	const struct frame *frame; /* which received frame it is, by address */
	bool consumed;
};

struct scn_event {
	struct sw_event ev;
	const struct scn_port *port; /* the switch's may be deleted since */
	bool seen;
};

struct scn {
	const char *path;
	int line;
	struct sbuf failure;

	struct sw_params params;
	struct sw *sw;
	struct rng rng;
	struct rng_seeded seed;
	struct mono now;
	struct scn_port ports[SCN_PORTS];
	int n_ports;
	struct ipprefix prefixes[SCN_PREFIXES];
	size_t n_prefixes;
	bool ignore_queries;       /* for ports to come, too */
	struct scn_groups *groups; /* inside of a groups block: the table as it was at its beginning */

	/* The present step. */
	int step_line;
	bool is_setup; /* the step is made of commands that set up, and goes on with the next of them */
	struct mono step_at;
	struct scn_sent *sent;
	size_t n_sent, cap_sent;
	struct scn_event events[SCN_EVENTS];
	size_t n_events;
	const struct scn_port *rx_port;
	struct frame rx[SW_BATCH];
	uint8_t rx_bytes[SW_BATCH][FRAME_HEADROOM + SCN_BYTES];
	size_t n_rx;
	size_t n_held; /* of rx: waiting for the next batch */
};

/* --- scn_text.c --- */
/* Ends the scenario: "path:line: text".  Always false. */
bool scn_fail(struct scn *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Adds a line to the failure. */
void scn_note(struct scn *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The whole file, NUL-terminated; NULL with errno. */
char *scn_read_file(const char *path);
/* Cuts a line into words, in place. */
bool scn_split(struct scn *s, char *line, struct scn_args *ret);
/* The next word, or NULL. */
const char *scn_peek(const struct scn_args *a);
const char *scn_next(struct scn_args *a);
bool scn_next_is(struct scn_args *a, const char *word); /* consumes it if so */
bool scn_no_more(struct scn *s, const struct scn_args *a);
/* The text behind "key=", or NULL when the word is another. */
const char *scn_value_of(const char *word, const char *key);
bool scn_parse_u32(struct scn *s, const char *word, uint32_t max, uint32_t *ret);
bool scn_parse_duration(struct scn *s, const char *word, nsec_t *ret); /* 125s, 500ms, 260s-1ms */
bool scn_parse_ip(struct scn *s, const char *word, struct ipaddr *ret);
bool scn_parse_mac(struct scn *s, const char *word, struct mac *ret); /* or an IP address: its host's MAC */
struct mac scn_mac_of(const struct ipaddr *host);
/* "vlan=N" when that is the next word; *ret is 0 when it is not. */
bool scn_take_vlan(struct scn *s, struct scn_args *a, uint16_t *ret);
/* Calls fn for each part of a comma-separated list. */
bool scn_each_part(struct scn *s, const char *list, bool (*fn)(struct scn *s, const char *part, void *arg), void *arg);

/* Options of a line: key=value, or a bare key for a bool. */
enum scn_option_kind {
	SCN_OPT_BOOL,
	SCN_OPT_U8,
	SCN_OPT_U16,
	SCN_OPT_U32,
	SCN_OPT_DURATION,
	SCN_OPT_MAC,
	SCN_OPT_IP,
	SCN_OPT_CHOICE,
};
struct scn_option {
	const char *key;
	enum scn_option_kind kind;
	size_t offset;
	const char *choices; /* SCN_OPT_CHOICE, into a uint8_t: "auto|on|off" in the order of the enum */
	unsigned bit;        /* of what the option is; free for the table's owner */
};
/* The option that the word names, or NULL after scn_fail(). */
const struct scn_option *scn_find_option(struct scn *s, const struct scn_option *table, size_t n, const char *word);
/* Sets it in *object. */
bool scn_set_option(struct scn *s, const struct scn_option *o, const char *word, void *object);

/* --- scn_frame.c --- */
bool scn_frame_parse(struct scn *s, struct scn_args *a, struct scn_frame *ret);
/* Source addresses: A,B or A+N for N that follow each other. */
bool scn_parse_addrs(struct scn *s, struct scn_frame *f, const char *list, uint16_t *ret_first, uint16_t *ret_n);

/* --- scn_build.c --- */
/* The frame as bytes, number 'seq' of a repeated one; 0 after scn_fail(). */
size_t scn_frame_build(struct scn *s, const struct scn_frame *f, uint32_t seq, uint8_t buf[SCN_BYTES]);

/* --- scn_match.c --- */
bool scn_frame_matches(const struct scn_frame *want, uint32_t seq, const uint8_t *bytes, size_t len);

/* --- scn_decode.c --- */
void scn_decode(const uint8_t *bytes, size_t len, struct sbuf *out);
const char *scn_record_name(unsigned type); /* "is_in", ...; NULL */
void scn_duration_str(nsec_t d, char buf[32]);

/* --- scn_world.c --- */
void scn_init(struct scn *s, const char *path);
void scn_fini(struct scn *s);
/* Makes the switch of s->params; done by the first command that needs it. */
bool scn_start(struct scn *s);
/* A point of the scenario's own time, and back. */
struct mono scn_time(nsec_t since_start);
nsec_t scn_since_start(struct mono t);
struct scn_port *scn_port_find(const struct scn *s, const char *name);
bool scn_parse_port(struct scn *s, const char *word, struct scn_port **ret);
bool scn_add_port(struct scn *s, const struct sw_port_params *params);
/* A new step: everything sent in the last one must have been expected. */
bool scn_step(struct scn *s);
/* As scn_step(), but goes on with the present step when it is one of setting up. */
bool scn_setup(struct scn *s);
bool scn_check_leftovers(struct scn *s);
/* Nobody has to expect what was sent in this step. */
void scn_forgive(struct scn *s);
/* Runs what is due now, then all up to 'until' at its own time. */
bool scn_advance(struct scn *s, struct mono until);
/* Adds a frame to the batch that the next scn_receive() hands to the switch. */
bool scn_hold(struct scn *s, const uint8_t *bytes, size_t len);
bool scn_receive(struct scn *s, struct scn_port *in);
/* The oldest frame sent by the port that nobody expected yet, or NULL. */
struct scn_sent *scn_oldest_sent(struct scn *s, const struct scn_port *p);
void scn_note_sent(struct scn *s);

/* --- the commands --- */
typedef bool scn_command_fn(struct scn *s, struct scn_args *a);
struct scn_command {
	const char *name;
	scn_command_fn *run;
};
/* Tables that end with a NULL name; "switch" is the first of scn_setup_commands. */
extern const struct scn_command scn_setup_commands[], scn_commands[], scn_expectations[], scn_group_looks[], scn_looks[];

/* A line between "groups" and "end". */
bool scn_group_line(struct scn *s, struct scn_args *a);
void scn_groups_free(struct scn_groups *t);

#endif
