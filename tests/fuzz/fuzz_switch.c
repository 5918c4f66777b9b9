/* The switch: frames of hostile hosts on several ports, time, and ports that come and go.
 *
 * Input: one byte of enum mode, then steps.  A step is a byte, bits 0-2 what (enum step), bits 3-4 the port, and what
 * is told at each step.  Behind each step the switch's tables must agree with themselves and each other; every frame it
 * sends must be one it got, unchanged and not to the port it came from nor twice to one, or its own.
 */
#include "fuzz/fuzz.h"

#include <string.h>

#include "castswitch/cursor.h"
#include "castswitch/mdb.h"
#include "castswitch/switch.h"
#include "fuzz/gm_wrap.h"

enum mode {
	MODE_NO_QUERIER = 0x01,
	MODE_SMALL = 0x02, /* tables that fill up soon */
	MODE_UNREG_FLOOD = 0x04,
	MODE_UNREG_DROP = 0x08,
	MODE_OLD = 0x10, /* our queries are of the old versions */
	MODE_OFF = 0x20, /* IGMP is not snooped */
	MODE_STRICT = 0x40,
	MODE_BEFORE_QUERIER = 0x80, /* don't flood until a querier speaks */
};

enum step {
	STEP_RAW,    /* u16 length, a frame */
	STEP_WRAP,   /* u8 enum gm_wrap, u8 host, u8 length, a message of group membership */
	STEP_REPORT, /* u8 host, u8 record type, u8 group (bit 7: IPv6), u8 number of sources (2 bits), each u8 */
	STEP_QUERY,  /* u8 host, u8 group and bits as there (0: general), u8 number of sources, each u8 */
	STEP_DATA,   /* u8 host, u8 destination: bit 7 IPv6, bit 6 unicast */
	STEP_TIME,   /* u16 in units of 20 ms */
	STEP_PORT,   /* u8 enum change */
	STEP_SWITCH, /* u8 enum mode: other settings */
};

enum change {
	CHANGE_DOWN,
	CHANGE_UP,
	CHANGE_DELETE,
	CHANGE_ROUTER,
	CHANGE_LIMITS,
	CHANGE_FAST_LEAVE,
	CHANGE_STATIC,
	CHANGES
};

enum { PORTS = 4, FRAME_LEN_MAX = 2047, SOURCES_MAX = 3, TICKS_MAX = 4096 };

struct port {
	struct world *world;
	struct sw_port *port; /* NULL: deleted */
	struct sw_port_params params;
	bool got; /* the frame that is being switched */
};

struct world {
	struct mono now;
	struct rng_seeded rng_state;
	struct rng rng;
	struct sw_params params;
	struct sw *sw;
	struct port ports[PORTS];
	const struct port *from; /* of the frame that is being switched */
	const struct frame *frame;
	const uint8_t *original; /* its bytes */
	bool other_limits;       /* than when the tables were filled */
};

/* --- what the switch does --- */

static void
on_event(void *arg, const struct sw_event *ev, struct mono now)
{
	const struct world *w = arg;

	FUZZ_CHECK(now.ns == w->now.ns);
	if (ev->kind == SW_EVENT_JOIN || ev->kind == SW_EVENT_LEAVE)
		FUZZ_CHECK(ev->port != NULL && ipaddr_is_multicast(&ev->group));
}

static void
check_forwarded(struct port *p, const struct frame *f)
{
	const struct world *w = p->world;

	FUZZ_CHECK(p != w->from && !p->got);
	FUZZ_CHECK(memcmp(f->data, w->original, f->len) == 0);
	FUZZ_CHECK(f->klass != FRAME_RESERVED);
	p->got = true;
}

/* What the switch says itself are sound queries. */
static void
check_own(const struct port *p, const struct frame *f)
{
	struct frame again = { .data = f->data, .len = f->len };
	struct gm_msg m;

	FUZZ_CHECK(memcmp(f->data + 6, p->world->params.mac.b, 6) == 0);
	FUZZ_CHECK(frame_parse(&again) == DROP_NONE);
	FUZZ_CHECK(gm_parse(&again, &(struct gm_rules){ 0 }, &m) == DROP_NONE && m.kind == GM_QUERY);
}

static void
on_tx(void *arg, const struct sw_tx *items, size_t n, struct mono now)
{
	struct port *p = arg;

	FUZZ_CHECK(now.ns == p->world->now.ns && n > 0 && n <= SW_BATCH && p->port != NULL);
	for (size_t i = 0; i < n; i++) {
		if (items[i].frame == p->world->frame)
			check_forwarded(p, items[i].frame);
		else
			check_own(p, items[i].frame);
	}
}

/* --- the world --- */

static void
set_params(struct world *w, uint8_t mode)
{
	struct sw_snooping *s = &w->params.snooping;

	sw_params_default(&w->params);
	w->params.mac = (struct mac){ { 2, 0, 0, 0, 0, 0xfe } };
	s->querier = mode & MODE_NO_QUERIER ? SW_QUERIER_OFF : SW_QUERIER_AUTO;
	s->unregistered = mode & MODE_UNREG_FLOOD  ? SW_UNREG_FLOOD
			  : mode & MODE_UNREG_DROP ? SW_UNREG_DROP
						   : SW_UNREG_ROUTERS;
	s->flood_until_querier = !(mode & MODE_BEFORE_QUERIER);
	s->strict_router_alert = mode & MODE_STRICT;
	s->enabled[GM_IGMP] = !(mode & MODE_OFF);
	s->querier_address[GM_IGMP] = ipaddr_v4_u32(0x0a000080);
	if (mode & MODE_OLD) {
		s->version[GM_IGMP] = 2;
		s->version[GM_MLD] = 1;
	}
	if (mode & MODE_SMALL) {
		w->params.max_macs = 4;
		s->max_groups = 3;
		s->max_source_records = 6;
		s->max_sources = 2;
	}
}

static void
add_port(struct world *w, unsigned i)
{
	static const struct sw_port_ops ops = { .tx = on_tx };
	struct port *p = &w->ports[i];
	int err = 0;

	p->world = w;
	p->port = switch_port_add(w->sw, &p->params, &ops, p, w->now, &err);
	FUZZ_CHECK(p->port != NULL);
	switch_port_set_up(w->sw, p->port, true, w->now);
}

static void
world_init(struct world *w, uint8_t mode)
{
	static const struct sw_ops ops = { .event = on_event };
	static const enum sw_port_kind kinds[PORTS] = { SW_TAP, SW_NIC, SW_PEER, SW_PEER };
	static const char *const names[PORTS] = { "tap", "nic", "alice", "bob" };

	*w = (struct world){ .now = mono_from_ns(1000 * NSEC_PER_SEC) };
	rng_seeded_init(&w->rng_state, 1, &w->rng);
	set_params(w, mode);
	w->sw = switch_new(&w->params, &ops, w, &w->rng, w->now);
	FUZZ_CHECK(w->sw != NULL);
	for (unsigned i = 0; i < PORTS; i++) {
		sw_port_params_default(kinds[i], names[i], &w->ports[i].params);
		w->ports[i].params.endpoint = i == 3;
		add_port(w, i);
	}
}

/* --- frames --- */

/* A heap copy of exactly the frame's size behind its headroom. */
static void
receive(struct world *w, unsigned port, const uint8_t *bytes, size_t len)
{
	uint8_t *room = malloc(FRAME_HEADROOM + len);
	struct frame f = { .data = room + FRAME_HEADROOM, .len = (uint32_t)len };

	FUZZ_CHECK(room != NULL);
	memcpy(f.data, bytes, len);
	w->from = &w->ports[port];
	w->frame = &f;
	w->original = bytes;
	for (unsigned i = 0; i < PORTS; i++)
		w->ports[i].got = false;
	if (w->from->port)
		switch_rx(w->sw, w->from->port, &f, 1, w->now);
	w->frame = NULL;
	free(room);
}

static void
receive_built(struct world *w, unsigned port, const struct gm_build *b)
{
	uint8_t bytes[256];
	const size_t len = gm_build(b, bytes, sizeof(bytes));

	if (len)
		receive(w, port, bytes, len);
}

static struct ipaddr
group_of(uint8_t group)
{
	struct ipaddr v6 = { { 0xff, 0x3e, [15] = group & 0x1f } };

	return group & 0x80 ? v6 : ipaddr_v4_u32(0xef010200u | (group & 0x1fu));
}

static struct ipaddr
host_address(uint8_t host, bool v6)
{
	const struct ipaddr link_local = { { 0xfe, 0x80, [15] = host } };

	return v6 ? link_local : ipaddr_v4_u32(0x0a000000u | host);
}

/* Where data comes from; in IPv6 never the same as a host's link-local address. */
static struct ipaddr
source_address(uint8_t host, bool v6)
{
	const struct ipaddr global = { { 0x20, 0x01, [15] = host } };

	return v6 ? global : host_address(host, false);
}

static uint16_t
take_sources(struct rcur *c, bool v6, struct ipaddr *ret)
{
	const uint8_t n = rcur_u8(c) & SOURCES_MAX;

	for (unsigned i = 0; i < n; i++)
		ret[i] = source_address(rcur_u8(c) & 7, v6);
	return n;
}

static struct gm_build
message_of(uint8_t host, enum gm_kind kind, bool v6)
{
	return (struct gm_build){
		.family = v6 ? GM_MLD : GM_IGMP,
		.kind = kind,
		.version = v6 ? 2 : 3,
		.eth_src = { { 2, 0, 0, 0, 0, host } },
		.ip_src = host_address(host, v6),
		.max_resp = NSEC_PER_SEC,
		.qrv = 2,
		.qqi = 125 * NSEC_PER_SEC,
	};
}

/* Types 0 and from 7 on are the old messages. */
static void
step_report(struct world *w, unsigned port, struct rcur *c)
{
	const uint8_t host = rcur_u8(c), type = rcur_u8(c), group = rcur_u8(c);
	const bool v6 = group & 0x80;
	struct ipaddr sources[SOURCES_MAX];
	struct gm_build_record rec = { .type = type & 7, .group = group_of(group), .sources = sources };
	struct gm_build b = message_of(host, GM_REPORT, v6);

	rec.n_sources = take_sources(c, v6, sources);
	b.records = &rec;
	b.n_records = 1;
	if (rec.type == 0 || rec.type == 7) {
		b.kind = rec.type ? GM_LEAVE : GM_REPORT_OLD;
		b.version = v6 ? 1 : type & 8 ? 1 : 2;
		b.group = rec.group;
	}
	receive_built(w, port, &b);
}

static void
step_query(struct world *w, unsigned port, struct rcur *c)
{
	const uint8_t host = rcur_u8(c), group = rcur_u8(c);
	const bool v6 = group & 0x80;
	struct ipaddr sources[SOURCES_MAX];
	struct gm_build b = message_of(host, GM_QUERY, v6);

	b.n_sources = take_sources(c, v6, sources);
	b.sources = sources;
	b.group = group & 0x1f ? group_of(group) : IPADDR_ANY;
	b.s_flag = group & 0x40;
	b.version = (uint8_t)(b.version - !!(group & 0x20));
	receive_built(w, port, &b);
}

static void
step_data(struct world *w, unsigned port, struct rcur *c)
{
	const uint8_t host = rcur_u8(c), to = rcur_u8(c);
	const bool v6 = to & 0x80;
	const struct ipaddr src = source_address(host & 7, v6);
	const struct ipaddr dst = to & 0x40 ? host_address(to & 0x1f, v6) : group_of(to);
	const struct mac mac = to & 0x40 ? (struct mac){ { 2, 0, 0, 0, 0, to & 0x1f } } : ipaddr_group_mac(&dst);
	uint8_t bytes[14 + 40 + 8];
	struct wcur out = wcur_of(bytes, sizeof(bytes));

	wcur_bytes(&out, mac.b, sizeof(mac.b));
	wcur_bytes(&out, (const uint8_t[]){ 2, 0, 0, 0, 0, host }, 6);
	wcur_u16(&out, v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
	wcur_bytes(&out, v6 ? "\x60\0\0\0\0\x08\x11\x40" : "\x45\0\0\x1c\0\0\0\0\x40\x11\0\0", v6 ? 8 : 12);
	wcur_bytes(&out, v6 ? src.b : src.b + 12, v6 ? 16 : 4);
	wcur_bytes(&out, v6 ? dst.b : dst.b + 12, v6 ? 16 : 4);
	wcur_zero(&out, 8);
	FUZZ_CHECK(!out.failed);
	receive(w, port, bytes, wcur_len(&out));
}

static void
step_raw(struct world *w, unsigned port, struct rcur *c)
{
	size_t len = rcur_u16(c) & FRAME_LEN_MAX;

	len = len < rcur_left(c) ? len : rcur_left(c);
	const uint8_t *bytes = rcur_bytes(c, len);

	if (bytes)
		receive(w, port, bytes, len);
}

static void
step_wrap(struct world *w, unsigned port, struct rcur *c)
{
	const uint8_t wrap = rcur_u8(c), host = rcur_u8(c);
	size_t len = rcur_u8(c);
	uint8_t bytes[UINT8_MAX + WRAP_HEADERS_MAX];

	len = len < rcur_left(c) ? len : rcur_left(c);
	const struct rcur message = rcur_sub(c, len);

	receive(w, port, bytes, gm_wrap(bytes, wrap, host, &message));
}

/* --- time, ports, settings --- */

/* Each deadline in its turn, as a loop would; once what is due was done the next one lies in the future. */
static void
step_time(struct world *w, struct rcur *c)
{
	const struct mono until = mono_add(w->now, rcur_u16(c) * 20 * NSEC_PER_MSEC);

	for (unsigned i = 0; mono_due(switch_next(w->sw), until); i++) {
		FUZZ_CHECK(i < TICKS_MAX);
		w->now = mono_max(w->now, switch_next(w->sw));
		switch_tick(w->sw, w->now);
		FUZZ_CHECK(mono_before(w->now, switch_next(w->sw)));
	}
	w->now = until;
	switch_tick(w->sw, w->now);
}

static void
change_port(struct world *w, struct port *p, uint8_t how)
{
	const struct mac mac = { { 2, 0, 0, 0, 0, how & 0x1f } };

	switch (how >> 4 & 7) {
	case CHANGE_DOWN:
	case CHANGE_UP:
		switch_port_set_up(w->sw, p->port, (how >> 4 & 7) == CHANGE_UP, w->now);
		return;
	case CHANGE_DELETE:
		switch_port_del(w->sw, p->port, w->now);
		p->port = NULL;
		return;
	case CHANGE_ROUTER:
		p->params.router = how % 3;
		break;
	case CHANGE_LIMITS:
		p->params.max_macs = p->params.max_groups = p->params.max_hosts = how & 3;
		break;
	case CHANGE_FAST_LEAVE:
		p->params.fast_leave = how % 3;
		break;
	case CHANGE_STATIC:
		(void)switch_add_static_mac(w->sw, how & 1 ? p->port : NULL, 0, &mac, how & 2, w->now);
		return;
	default:
		p->params.protect_macs = how & 1;
		p->params.flood_broadcast = how & 2;
		p->params.flood_unknown_unicast = how & 4;
		p->params.all_multicast = how & 8;
	}
	switch_port_reconfigure(w->sw, p->port, &p->params, w->now);
}

static void
step_port(struct world *w, unsigned port, struct rcur *c)
{
	const uint8_t how = rcur_u8(c);

	if (w->ports[port].port)
		change_port(w, &w->ports[port], how);
	else
		add_port(w, port);
}

/* --- looking --- */

static void
check_port(void *arg, const struct sw_port_view *v)
{
	unsigned *n = arg;

	FUZZ_CHECK(v->name[0] != '\0' && v->stats != NULL);
	(*n)++;
}

static void
check_group(void *arg, const struct sw_group_view *v)
{
	unsigned *n = arg;

	FUZZ_CHECK(ipaddr_is_multicast(&v->group) && v->port != NULL && (v->exclude || mono_is_never(v->expires)));
	FUZZ_CHECK(!v->exclude || !mono_is_never(v->expires));
	(*n)++;
}

static void
check_mac(void *arg, const struct sw_fdb_view *v)
{
	unsigned *n = arg;

	FUZZ_CHECK(!mac_is_group(&v->mac) && !mac_is_zero(&v->mac) && (v->port != NULL || v->is_static));
	(*n)++;
}

static void
check_views(const struct world *w)
{
	const struct sw_snooping *s = &w->params.snooping;
	unsigned ports = 0, groups = 0, macs = 0;
	struct sw_counts counts;

	switch_counts(w->sw, &counts);
	switch_each_port(w->sw, check_port, &ports);
	FUZZ_CHECK(switch_each_group(w->sw, check_group, &groups));
	switch_each_mac(w->sw, check_mac, &macs);
	FUZZ_CHECK(ports == counts.ports && groups == counts.port_groups && macs == counts.macs);
	if (w->other_limits)
		return;
	FUZZ_CHECK(counts.groups <= s->max_groups + PORTS * MDB_RESERVED_GROUPS);
	FUZZ_CHECK(counts.source_records <= s->max_source_records + PORTS * MDB_RESERVED_SOURCES);
}

static void
step(struct world *w, struct rcur *c)
{
	const uint8_t op = rcur_u8(c);
	const unsigned port = op >> 3 & (PORTS - 1);

	switch (op & 7) {
	case STEP_RAW:
		step_raw(w, port, c);
		break;
	case STEP_WRAP:
		step_wrap(w, port, c);
		break;
	case STEP_REPORT:
		step_report(w, port, c);
		break;
	case STEP_QUERY:
		step_query(w, port, c);
		break;
	case STEP_DATA:
		step_data(w, port, c);
		break;
	case STEP_TIME:
		step_time(w, c);
		break;
	case STEP_PORT:
		step_port(w, port, c);
		break;
	case STEP_SWITCH:
		set_params(w, rcur_u8(c));
		w->other_limits = true;
		switch_reconfigure(w->sw, &w->params, w->now);
		break;
	default:
		break;
	}
	FUZZ_CHECK(switch_check(w->sw));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rcur c = rcur_of(data, size);
	struct world w;

	world_init(&w, rcur_u8(&c));
	while (rcur_left(&c) > 0)
		step(&w, &c);
	check_views(&w);
	switch_free(w.sw);
	return 0;
}
