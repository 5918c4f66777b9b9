/* The switch: frames of hostile hosts on several ports, time, ports that come and go, settings that change.
 *
 * Input: a step that makes the world (as STEP_SETTINGS), then more of them, each STEP_LEN bytes: what (enum step, and
 * how in the upper half), where (bits 0-2 the port, 3 hold the frame for a batch, 4-6 the tag, 7 IPv6), who (a host),
 * which (a group), and four bytes that depend.  Behind STEP_RAW and STEP_WRAP come the bytes of a frame or message,
 * filled up to whole steps.
 *
 * Every frame the switch sends must be one it got, unchanged, once, and to whom a model says (switch_model.h), or its
 * own.  What it shows, its timers and its tables must agree with each other and with what it was told (switch_world.h).
 */
#include "fuzz/fuzz.h"

#include <inttypes.h>
#include <string.h>

#include "castswitch/cursor.h"
#include "fuzz/gm_wrap.h"
#include "fuzz/switch_frames.h"
#include "fuzz/switch_world.h"

enum { STEP_LEN = 8, RAW_MAX = 2047, STEPS_BETWEEN_CHECKS = 16, STEPS_BETWEEN_TOTALS = 1000000 };

enum step {
	STEP_DATA,   /* how: bit 0: to the MAC of group a; b: source; c: segment size of a superframe */
	STEP_OTHER,  /* how: enum other; bit 3: an IP packet; a: last byte of the MAC */
	STEP_REPORT, /* how: record type; a: sources, a bit each; b: type and group of a second record, c: its sources;
			d: number of further sources of the first */
	STEP_OLD,    /* how: report, IGMPv1 report, leave */
	STEP_QUERY,  /* how: general, S flag, older, to one host; a: sources; b: QRV and response; c: interval */
	STEP_ROUTER, /* how: enum frames_router; a: how long */
	STEP_TIME,   /* how: enum pass; a, b: a number */
	STEP_PORT,   /* how: enum change; a, b, c: settings */
	STEP_SETTINGS,  /* who to d: settings */
	STEP_STATIC,    /* how: enum fixed; a: source */
	STEP_RAW,       /* a, b: length */
	STEP_WRAP,      /* a: enum gm_wrap, b: length */
	STEP_DATA_ALSO, /* the most usual ones once more */
	STEP_REPORT_ALSO,
	STEP_QUERY_ALSO,
	STEP_TIME_ALSO,
};

enum other { OTHER_UNICAST, OTHER_BROADCAST, OTHER_GROUP, OTHER_RESERVED, OTHER_SELF, OTHER_IP_GROUP, OTHER_KINDS };
enum pass {
	PASS_MSEC,
	PASS_TO_NEXT,     /* deadlines, one after another */
	PASS_BEFORE_NEXT, /* 1 ns before it */
	PASS_SEC,
	PASS_ASLEEP, /* in ms; nobody looks at the switch */
	PASS_NOTHING,
	PASS_MIN,
	PASS_KINDS
};
enum change { CHANGE_UP, CHANGE_DOWN, CHANGE_SUSPEND, CHANGE_DELETE, CHANGE_ADD, CHANGE_SETTINGS, CHANGES };
enum fixed {
	FIXED_MAC,
	FIXED_OWN_MAC,
	FIXED_GROUP,
	FIXED_SOURCE,
	FIXED_GROUP_MAC,
	FIXED_NO_MACS,
	FIXED_NO_GROUPS,
	FIXES
};

static struct {
	uint64_t steps, scripts;
	bool trace;
} total;

static void
print_total(void)
{
	printf("# %" PRIu64 " steps in %" PRIu64 " scripts\n", total.steps, total.scripts);
	fflush(stdout);
}

/* A step as it was read. */
struct order {
	uint8_t what, how;
	unsigned port;
	bool hold;
	struct frames_from from;
	uint8_t group, a, b, c, d;
};

static struct order
read_order(const uint8_t s[STEP_LEN])
{
	return (struct order){
		.what = s[0] & 15,
		.how = s[0] >> 4,
		.port = (s[1] & 7u) % WORLD_PORTS,
		.hold = s[1] & 8,
		.from = { .host = s[2] & 15, .v6 = s[1] & 0x80, .vlan = s[1] >> 4 & 7 },
		.group = s[3] & 15,
		.a = s[4],
		.b = s[5],
		.c = s[6],
		.d = s[7],
	};
}

/* With FUZZ_TRACE in the environment each step is told, for whoever looks at a crash. */
static void
print_order(unsigned n, const struct world *w, const struct order *o)
{
	static const char *const names[16] = {
		"data",     "other",  "report", "old",  "query", "router", "time",  "port",
		"settings", "static", "raw",    "wrap", "data",  "report", "query", "time",
	};

	fprintf(stderr, "%u at %" PRIu64 " ns: %s %u port %u%s host %u%s tag %d group %u, %02x %02x %02x %02x\n", n,
		w->now.ns, names[o->what], o->how, o->port, o->hold ? " (hold)" : "", o->from.host,
		o->from.v6 ? " IPv6" : "", (int)o->from.vlan, o->group, o->a, o->b, o->c, o->d);
}

/* --- frames --- */

static void
receive(struct world *w, const struct order *o, const uint8_t *bytes, size_t len)
{
	if (len)
		world_receive(w, o->port, bytes, len, 0, o->hold);
}

static void
step_data(struct world *w, const struct order *o)
{
	uint8_t bytes[FRAMES_MAX];
	const size_t len = frames_udp(bytes, &o->from, o->group, o->how & 1 ? o->a : o->group, o->b % UNIVERSE_SOURCES);

	world_receive(w, o->port, bytes, len, o->c, o->hold);
}

static void
step_other(struct world *w, const struct order *o)
{
	const struct ipaddr group = frames_group(o->a, o->from.v6);
	const struct mac to[OTHER_KINDS] = {
		[OTHER_UNICAST] = frames_host_mac(o->a & 15),
		[OTHER_BROADCAST] = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } },
		[OTHER_GROUP] = { { 1, 0, 0x0c, 0xcc, 0xcc, o->a & 3 } },
		[OTHER_RESERVED] = { { 1, 0x80, 0xc2, 0, 0, o->a & 31 } },
		[OTHER_SELF] = w->params.mac,
		[OTHER_IP_GROUP] = ipaddr_group_mac(&group),
	};
	uint8_t bytes[FRAMES_MAX];

	receive(w, o, bytes, frames_other(bytes, &o->from, &to[(o->how & 7) % OTHER_KINDS], o->how & 8, o->group));
}

static void
step_report(struct world *w, const struct order *o)
{
	const struct frames_record records[2] = {
		{ .type = o->how, .group = o->group, .sources = o->a, .run = o->d },
		{ .type = o->b & 7, .group = o->b >> 4, .sources = o->c },
	};
	uint8_t bytes[FRAMES_MAX];

	receive(w, o, bytes, frames_report(bytes, &o->from, records));
}

static void
step_old(struct world *w, const struct order *o)
{
	const bool leave = o->how % 3 == 2;
	const uint8_t version = o->from.v6 || o->how % 3 == 1 ? 1 : 2;
	uint8_t bytes[FRAMES_MAX];

	receive(w, o, bytes, frames_old_report(bytes, &o->from, leave ? GM_LEAVE : GM_REPORT_OLD, version, o->group));
}

static void
step_query(struct world *w, const struct order *o)
{
	static const uint32_t msec[8] = { 1000, 100, 10000, 25500, 60000, 3174000, 500, 0 };
	static const uint32_t sec[4] = { 125, 1, 20, 31744 };
	const struct frames_query q = {
		.general = o->how & 1,
		.s_flag = o->how & 2,
		.old = o->how & 4,
		.to_host = o->how & 8,
		.group = o->group,
		.sources = o->a,
		.qrv = o->b & 7,
		.max_resp = msec[o->b >> 3 & 7] * NSEC_PER_MSEC,
		.qqi = sec[o->c & 3] * NSEC_PER_SEC,
	};
	uint8_t bytes[FRAMES_MAX];

	receive(w, o, bytes, frames_query(bytes, &o->from, &q));
}

static void
step_router(struct world *w, const struct order *o)
{
	uint8_t bytes[FRAMES_MAX];

	receive(w, o, bytes, frames_router(bytes, &o->from, o->how & 3, o->a));
}

/* The next n bytes of the input, or fewer at its end; what fills them up to whole steps is skipped. */
static struct rcur
payload(struct rcur *c, size_t n)
{
	const size_t left = rcur_left(c), whole = (n + STEP_LEN - 1) / STEP_LEN * STEP_LEN;
	struct rcur sub = rcur_sub(c, whole < left ? whole : left);

	return rcur_sub(&sub, n < left ? n : left);
}

static void
step_raw(struct world *w, const struct order *o, struct rcur *c)
{
	const struct rcur frame = payload(c, (o->a << 8 | o->b) & RAW_MAX);

	world_receive(w, o->port, frame.p, rcur_left(&frame), o->c, o->hold);
}

static void
step_wrap(struct world *w, const struct order *o, struct rcur *c)
{
	const struct rcur message = payload(c, o->b);
	uint8_t bytes[UINT8_MAX + WRAP_HEADERS_MAX + 8];
	const size_t len = gm_wrap(bytes, o->a, o->from.host, &message);

	receive(w, o, bytes, frames_tag(bytes, &o->from, len));
}

/* --- the world --- */

static void
step_time(struct world *w, const struct order *o)
{
	const uint16_t n = (uint16_t)(o->a << 8 | o->b);

	switch ((enum pass)(o->how % PASS_KINDS)) {
	case PASS_MSEC:
		world_advance(w, n * NSEC_PER_MSEC);
		break;
	case PASS_TO_NEXT:
		for (unsigned i = 0; i <= (n & 7u); i++)
			world_advance_to_next(w, false);
		break;
	case PASS_BEFORE_NEXT:
		world_advance_to_next(w, true);
		break;
	case PASS_SEC:
		world_advance(w, n * NSEC_PER_SEC);
		break;
	case PASS_ASLEEP:
		world_sleep(w, n * NSEC_PER_MSEC);
		break;
	case PASS_MIN:
		world_advance(w, (n & 255) * 60 * NSEC_PER_SEC);
		break;
	case PASS_NOTHING:
	case PASS_KINDS:
		world_advance(w, 0);
		break;
	}
}

static void
step_port(struct world *w, const struct order *o)
{
	switch ((enum change)(o->how % CHANGES)) {
	case CHANGE_UP:
	case CHANGE_DOWN:
		world_port_set_up(w, o->port, o->how % CHANGES == CHANGE_UP);
		break;
	case CHANGE_SUSPEND:
		world_port_suspend(w, o->port);
		break;
	case CHANGE_DELETE:
		world_port_del(w, o->port);
		break;
	case CHANGE_ADD:
		world_port_add(w, o->port);
		world_find_stats(w);
		break;
	case CHANGE_SETTINGS:
	case CHANGES:
		world_port_reconfigure(w, o->port, (const uint8_t[]){ o->a, o->b, o->c });
		break;
	}
}

static void
step_static(struct world *w, const struct order *o)
{
	static const uint16_t vids[8] = { 0, 0, 1, 10, 20, 0x100, 10, 4094 };
	const uint16_t vid = vids[o->from.vlan];
	const struct mac mac = frames_host_mac(o->from.host ? o->from.host : 0xfe);
	const struct ipaddr group = frames_group(o->group, o->from.v6), source = frames_source(o->a & 7, o->from.v6);

	switch ((enum fixed)(o->how % FIXES)) {
	case FIXED_MAC:
	case FIXED_OWN_MAC:
		world_static_mac(w, o->port, o->how % FIXES == FIXED_OWN_MAC, vid, &mac, o->a & 8);
		break;
	case FIXED_GROUP:
	case FIXED_SOURCE:
		world_static_group(w, o->port, vid, &group, o->how % FIXES == FIXED_SOURCE ? &source : NULL);
		break;
	case FIXED_GROUP_MAC:
		world_static_group_mac(w, o->port, vid, &(struct mac){ { 1, 0, 0x0c, 0xcc, 0xcc, o->a & 3 } });
		break;
	case FIXED_NO_MACS:
	case FIXED_NO_GROUPS:
	case FIXES:
		world_clear_statics(w, o->port, o->how % FIXES == FIXED_NO_MACS, o->how % FIXES == FIXED_NO_GROUPS);
		break;
	}
}

static void
step(struct world *w, const uint8_t s[STEP_LEN], unsigned n, struct rcur *c)
{
	const struct order o = read_order(s);

	if (total.trace)
		print_order(n, w, &o);
	switch ((enum step)o.what) {
	case STEP_DATA:
	case STEP_DATA_ALSO:
		step_data(w, &o);
		break;
	case STEP_OTHER:
		step_other(w, &o);
		break;
	case STEP_REPORT:
	case STEP_REPORT_ALSO:
		step_report(w, &o);
		break;
	case STEP_OLD:
		step_old(w, &o);
		break;
	case STEP_QUERY:
	case STEP_QUERY_ALSO:
		step_query(w, &o);
		break;
	case STEP_ROUTER:
		step_router(w, &o);
		break;
	case STEP_TIME:
	case STEP_TIME_ALSO:
		step_time(w, &o);
		break;
	case STEP_PORT:
		step_port(w, &o);
		break;
	case STEP_SETTINGS:
		world_reconfigure(w, s + 2);
		break;
	case STEP_STATIC:
		step_static(w, &o);
		break;
	case STEP_RAW:
		step_raw(w, &o, c);
		break;
	case STEP_WRAP:
		step_wrap(w, &o, c);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;
	struct rcur c = rcur_of(data, size);
	uint8_t s[STEP_LEN];

	if (total.scripts++ == 0) {
		total.trace = getenv("FUZZ_TRACE") != NULL;
		(void)atexit(print_total);
	}
	rcur_copy(&c, s, rcur_left(&c) < STEP_LEN ? 0 : STEP_LEN);
	world_init(&w, s + 2);
	for (unsigned n = 1; rcur_left(&c) >= STEP_LEN; n++) {
		rcur_copy(&c, s, STEP_LEN);
		step(&w, s, n, &c);
		if (++total.steps % STEPS_BETWEEN_TOTALS == 0)
			print_total();
		if (n % STEPS_BETWEEN_CHECKS == 0)
			world_check(&w);
	}
	world_fini(&w);
	return 0;
}
