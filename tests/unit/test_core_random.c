/* The switch against simulated hosts, at random.
 *
 * Nothing here knows how the switch decides.  The model is what hosts want: each simulated host has a filter for each
 * group (RFC 3376 3.1), tells changes of it in its own version of IGMP or MLD, answers queries after a random delay,
 * and, in the older versions, keeps silent when it hears another's answer.  So it is known who wants a packet, and who
 * has wanted it:
 *
 *   must     a port behind which a host wants (S, G) gets it
 *   must not a port gets (S, G) though nobody behind it has wanted it for longer than any timer; and at once when the
 * port is one where a leave is exact and only INCLUDE filters have been used never    back to the port it came from,
 * twice to a port, to a port that is down, a report to a member's port
 *
 * After each step the switch's tables must agree with each other (switch_check()).
 */
#include "castswitch/switch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum {
	PORTS = 7, /* of these one is the router's */
	ROUTER = 6,
	HOSTS = 12,
	GROUPS = 3,
	SOURCES = 4, /* of which the last is in nobody's list */
	LISTED = SOURCES - 1,
	PENDING = 256,
	STEPS = 1500,
	SEEDS = 12,
};

#define SEC NSEC_PER_SEC
/* Twice the membership interval: what can outlive a wish by any way through the tables (a source that a host in EXCLUDE
 * mode doesn't want is asked away at the next general query, and then lives for another membership interval). */
#define LONG (530 * SEC)

struct filter {
	bool exclude;
	unsigned listed; /* a bit for each source */
};

struct host {
	int port;
	unsigned version; /* as IGMP's: 1, 2, 3; MLDv1 is 2, MLDv2 is 3 */
	struct filter filters[GROUPS];
};

enum ask { ASK_NONE, ASK_GENERAL, ASK_GROUP, ASK_SOURCES };

/* An answer that a host will give. */
struct pending {
	enum ask ask;
	int host;
	unsigned groups;  /* a bit for each group still to be told */
	unsigned sources; /* ASK_SOURCES */
	struct mono due;
};

struct world {
	enum gm_family family;
	int seed;
	struct rng_seeded seeded;
	struct rng rng;
	struct sw *sw;
	struct sw_port *ports[PORTS];
	bool up[PORTS];
	struct mono up_at[PORTS], old_at[PORTS][GROUPS], exclude_at[PORTS][GROUPS], wanted_at[PORTS][GROUPS][SOURCES];
	struct host hosts[HOSTS];
	struct pending pending[PENDING];
	struct mono now;
	/* What the last frame did. */
	unsigned copies[PORTS];
	uint64_t delivered;
};

struct port_arg {
	struct world *w;
	int port;
};

/* --- names --- */

static struct ipaddr
group_of(const struct world *w, int g)
{
	if (w->family == GM_IGMP)
		return ipaddr_v4_u32(0xef010100 + (uint32_t)g);
	return (struct ipaddr){ { 0xff, 0x0e, [15] = (uint8_t)(1 + g) } };
}

static struct ipaddr
source_of(const struct world *w, int s)
{
	if (w->family == GM_IGMP)
		return ipaddr_v4_u32(0x0a090901 + (uint32_t)s);
	return (struct ipaddr){ { 0x20, 0x01, 0x0d, 0xb8, [15] = (uint8_t)(1 + s) } };
}

static struct ipaddr
host_ip(const struct world *w, int h)
{
	if (w->family == GM_IGMP)
		return ipaddr_v4_u32(0x0a000001 + (uint32_t)h);
	return (struct ipaddr){ { 0xfe, 0x80, [15] = (uint8_t)(1 + h) } };
}

static struct mac
host_mac(int h)
{
	return (struct mac){ { 2, 0, 0, 0, 1, (uint8_t)h } };
}

static int
group_index(const struct world *w, const struct ipaddr *group)
{
	for (int g = 0; g < GROUPS; g++) {
		const struct ipaddr a = group_of(w, g);

		if (ipaddr_equal(&a, group))
			return g;
	}
	return -1;
}

static unsigned
source_bit(const struct world *w, const struct ipaddr *source)
{
	for (int s = 0; s < SOURCES; s++) {
		const struct ipaddr a = source_of(w, s);

		if (ipaddr_equal(&a, source))
			return 1u << s;
	}
	fail_msg("a source that nobody named");
	return 0;
}

static int
pick(struct world *w, int n)
{
	return (int)rng_below(&w->rng, (uint64_t)n);
}

/* --- what hosts want --- */

static bool
wants(const struct filter *f, int s)
{
	return f->exclude != (f->listed >> s & 1);
}

static bool
is_empty(const struct filter *f)
{
	return !f->exclude && !f->listed;
}

static bool
port_wants(const struct world *w, int port, int g, int s)
{
	for (int h = 0; h < HOSTS; h++)
		if (w->hosts[h].port == port && wants(&w->hosts[h].filters[g], s))
			return true;
	return false;
}

/* Writes down who wants what now; called before and after each change. */
static void
note_wishes(struct world *w)
{
	for (int h = 0; h < HOSTS; h++) {
		const struct host *host = &w->hosts[h];

		for (int g = 0; g < GROUPS; g++) {
			if (host->filters[g].exclude)
				w->exclude_at[host->port][g] = w->now;
			if (host->version < 3 && !is_empty(&host->filters[g]))
				w->old_at[host->port][g] = w->now;
			for (int s = 0; s < SOURCES; s++)
				if (wants(&host->filters[g], s))
					w->wanted_at[host->port][g][s] = w->now;
		}
	}
}

/* --- sending to the switch --- */

static void
receive(struct world *w, int port, uint8_t *data, size_t len)
{
	struct frame f = { .data = data, .len = (uint32_t)len };

	assert_true(len > 0);
	memset(w->copies, 0, sizeof(w->copies));
	switch_rx(w->sw, w->ports[port], &f, 1, w->now);
	assert_int_equal(w->copies[port], 0);
	for (int p = 0; p < PORTS; p++) {
		assert_true(w->copies[p] <= 1);
		assert_true(w->up[p] || w->copies[p] == 0);
	}
	assert_true(switch_check(w->sw));
}

static void
send_gm(struct world *w, int h, struct gm_build *b)
{
	const struct host *host = &w->hosts[h];
	uint8_t buf[FRAME_HEADROOM + 1024];

	b->family = w->family;
	b->version = (uint8_t)(host->version - (w->family == GM_MLD));
	b->eth_src = host_mac(h);
	b->ip_src = host_ip(w, h);
	receive(w, host->port, buf + FRAME_HEADROOM, gm_build(b, buf + FRAME_HEADROOM, sizeof(buf) - FRAME_HEADROOM));
	/* Routers get it, hosts never. */
	for (int p = 0; p < ROUTER; p++)
		assert_int_equal(w->copies[p], 0);
	assert_int_equal(w->copies[ROUTER], w->up[host->port]);
}

static struct gm_build_record
make_record(const struct world *w, enum gm_record_type type, int g, unsigned sources, struct ipaddr *addrs)
{
	struct gm_build_record r = { .type = (uint8_t)type, .group = group_of(w, g), .sources = addrs };

	for (int s = 0; s < SOURCES; s++)
		if (sources >> s & 1)
			addrs[r.n_sources++] = source_of(w, s);
	return r;
}

static void
send_records(struct world *w, int h, const struct gm_build_record *records, uint16_t n)
{
	struct gm_build b = { .kind = GM_REPORT, .records = records, .n_records = n };

	if (n)
		send_gm(w, h, &b);
}

static void
send_old(struct world *w, int h, enum gm_kind kind, int g)
{
	struct gm_build b = { .kind = kind, .group = group_of(w, g) };

	send_gm(w, h, &b);
}

/* --- hosts --- */

/* RFC 3376 5.1: the record that tells a change of the filter; two of them when sources come and go. */
static void
tell_change(struct world *w, int h, int g, const struct filter *old)
{
	const struct filter *new = &w->hosts[h].filters[g];
	struct ipaddr addrs[2][SOURCES];
	struct gm_build_record r[2];
	uint16_t n = 0;

	if (old->exclude != new->exclude) {
		r[n++] = make_record(w, new->exclude ? GM_TO_EX : GM_TO_IN, g, new->listed, addrs[0]);
	} else {
		const unsigned come = new->listed & ~old->listed, go = old->listed & ~new->listed;
		const unsigned allow = new->exclude ? go : come, block = new->exclude ? come : go;

		if (allow)
			r[n++] = make_record(w, GM_ALLOW, g, allow, addrs[0]);
		if (block)
			r[n++] = make_record(w, GM_BLOCK, g, block, addrs[1]);
	}
	send_records(w, h, r, n);
}

static struct filter
random_filter(struct world *w, const struct host *host)
{
	struct filter f = { .exclude = pick(w, 3) == 0, .listed = (unsigned)pick(w, 1 << LISTED) };

	if (pick(w, 4) == 0)
		f = (struct filter){ .exclude = false };
	if (host->version < 3)
		f = (struct filter){ .exclude = pick(w, 2) == 0 };
	/* The port for sources only: no EXCLUDE filter ever (see must_not()). */
	if (host->port == 0)
		f.exclude = false;
	return f;
}

static void
change_filter(struct world *w)
{
	const int h = pick(w, HOSTS), g = pick(w, GROUPS);
	struct host *host = &w->hosts[h];
	const struct filter old = host->filters[g];

	note_wishes(w);
	host->filters[g] = random_filter(w, host);
	note_wishes(w);
	if (host->version == 3)
		tell_change(w, h, g, &old);
	else if (!old.exclude && host->filters[g].exclude)
		send_old(w, h, GM_REPORT_OLD, g);
	else if (old.exclude && !host->filters[g].exclude && host->version == 2)
		send_old(w, h, GM_LEAVE, g);
}

/* Hosts of older versions behind the same wire heard the answer and keep silent (RFC 2236 3, RFC 2710 4); those behind
 * a port that is told that it needs not ask are alone or don't do that. */
static void
suppress(struct world *w, int h, int g)
{
	const int port = w->hosts[h].port;

	if (port == 2 || port == 3)
		return;
	for (int i = 0; i < PENDING; i++) {
		struct pending *p = &w->pending[i];

		if (p->ask && w->hosts[p->host].port == port && w->hosts[p->host].version < 3)
			p->groups &= ~(1u << g);
	}
}

static void
answer_old(struct world *w, const struct pending *p)
{
	for (int g = 0; g < GROUPS; g++) {
		if (!(p->groups >> g & 1) || is_empty(&w->hosts[p->host].filters[g]))
			continue;
		send_old(w, p->host, GM_REPORT_OLD, g);
		suppress(w, p->host, g);
	}
}

/* RFC 3376 5.2. */
static void
answer_new(struct world *w, const struct pending *p)
{
	struct ipaddr addrs[GROUPS][SOURCES];
	struct gm_build_record r[GROUPS];
	uint16_t n = 0;

	for (int g = 0; g < GROUPS; g++) {
		const struct filter *f = &w->hosts[p->host].filters[g];
		unsigned sources = f->listed;

		if (!(p->groups >> g & 1) || is_empty(f))
			continue;
		if (p->ask == ASK_SOURCES) {
			sources = f->exclude ? p->sources & ~f->listed : p->sources & f->listed;
			if (sources)
				r[n++] = make_record(w, GM_IS_IN, g, sources, addrs[g]);
		} else {
			r[n++] = make_record(w, f->exclude ? GM_IS_EX : GM_IS_IN, g, sources, addrs[g]);
		}
	}
	send_records(w, p->host, r, n);
}

static void
answer(struct world *w, struct pending *p)
{
	const struct pending copy = *p;

	p->ask = ASK_NONE;
	if (w->hosts[copy.host].version == 3)
		answer_new(w, &copy);
	else
		answer_old(w, &copy);
}

static void
hear_query(struct world *w, int h, struct gm_msg m)
{
	struct pending *p = w->pending;
	const int g = group_index(w, &m.group);
	struct ipaddr a;

	while (p < w->pending + PENDING && p->ask)
		p++;
	assert_true(p < w->pending + PENDING);
	*p = (struct pending){ .ask = ASK_GENERAL, .host = h, .groups = (1u << GROUPS) - 1 };
	p->due = mono_add(w->now, 1 + rng_below(&w->rng, m.max_resp));
	if (ipaddr_is_any(&m.group))
		return;
	assert_true(g >= 0);
	p->groups = 1u << g;
	p->ask = m.n ? ASK_SOURCES : ASK_GROUP;
	while (gm_query_next_source(&m, &a))
		p->sources |= source_bit(w, &a);
}

/* --- the ports' end --- */

static void
tx(void *arg, const struct sw_tx *items, size_t n, struct mono now)
{
	const struct port_arg *a = arg;
	struct world *w = a->w;
	const struct gm_rules rules = { .strict_router_alert = true };
	struct gm_msg m;

	assert_int_equal(now.ns, w->now.ns);
	for (size_t i = 0; i < n; i++) {
		const struct frame *f = items[i].frame;

		/* Of these groups there is nobody but the switch that asks. */
		if ((f->control != FRAME_IGMP && f->control != FRAME_MLD) || gm_parse(f, &rules, &m) != DROP_NONE ||
		    m.kind != GM_QUERY) {
			w->copies[a->port]++;
			continue;
		}
		for (int h = 0; h < HOSTS; h++)
			if (w->hosts[h].port == a->port && m.family == w->family)
				hear_query(w, h, m);
	}
}

/* --- data --- */

static size_t
build_data(const struct world *w, uint8_t *buf, int g, int s, int port)
{
	const struct ipaddr dst = group_of(w, g), src = source_of(w, s);
	const struct mac to = ipaddr_group_mac(&dst), from = { { 2, 0, 0, 0, 2, (uint8_t)port } };

	memset(buf, 0, 70);
	memcpy(buf, &to, 6);
	memcpy(buf + 6, &from, 6);
	if (w->family == GM_MLD) {
		memcpy(buf + 12, "\x86\xdd\x60\0\0\0\0\x08\x11\x08", 10);
		memcpy(buf + 22, src.b, 16);
		memcpy(buf + 38, dst.b, 16);
		return 62;
	}
	memcpy(buf + 12, "\x08\0\x45\0\0\x1c\0\0\0\0\x08\x11\0\0", 14);
	memcpy(buf + 26, src.b + 12, 4);
	memcpy(buf + 30, dst.b + 12, 4);
	return 60;
}

static bool
is_recent(const struct world *w, struct mono t, nsec_t d)
{
	return t.ns != 0 && mono_since(t, w->now) < d;
}

/* Port 4 gets any source of the first group for good, port 5 the source that nobody lists of the last one. */
static bool
is_static(int p, int g, int s)
{
	return (p == 4 && g == 0) || (p == 5 && g == GROUPS - 1 && s == SOURCES - 1);
}

/* Hosts are asked when their port comes up, and have a second to answer. */
static bool
must(const struct world *w, int p, int g, int s)
{
	return p == ROUTER || is_static(p, g, s) || (port_wants(w, p, g, s) && !is_recent(w, w->up_at[p], SEC + 1));
}

static bool
must_not(const struct world *w, int p, int g, int s)
{
	bool anything = false;

	if (p == ROUTER || is_static(p, g, s))
		return false;
	/* Exact: a port with fast-leave = auto and hosts of the newest version only, that never had an EXCLUDE filter.
	 */
	if (p == 0)
		return !port_wants(w, p, g, s);
	/* A host of an older version makes the port group ignore what would take a source away (RFC 3376 7.3.2). */
	if (is_recent(w, w->old_at[p][g], 2 * LONG)) {
		for (int i = 0; i < SOURCES; i++)
			anything |= is_recent(w, w->wanted_at[p][g][i], LONG);
		return !anything;
	}
	return !is_recent(w, w->wanted_at[p][g][s], LONG);
}

static void
send_data(struct world *w)
{
	const int in = pick(w, PORTS), g = pick(w, GROUPS), s = pick(w, SOURCES);
	uint8_t buf[FRAME_HEADROOM + 128];

	note_wishes(w);
	receive(w, in, buf + FRAME_HEADROOM, build_data(w, buf + FRAME_HEADROOM, g, s, in));
	for (int p = 0; p < PORTS; p++) {
		if (p == in || !w->up[p] || !w->up[in])
			continue;
		if (must(w, p, g, s) && !w->copies[p])
			fail_msg("seed %d: port %d wants source %d of group %d and gets nothing", w->seed, p, s, g);
		if (must_not(w, p, g, s) && w->copies[p])
			fail_msg("seed %d: port %d gets source %d of group %d that it does not want", w->seed, p, s, g);
		w->delivered += w->copies[p];
	}
}

/* --- time, ports --- */

static struct pending *
first_pending(struct world *w)
{
	struct pending *first = NULL;

	for (int i = 0; i < PENDING; i++)
		if (w->pending[i].ask && (!first || mono_before(w->pending[i].due, first->due)))
			first = &w->pending[i];
	return first;
}

static void
advance(struct world *w, nsec_t d)
{
	const struct mono until = mono_add(w->now, d);

	note_wishes(w);
	for (;;) {
		struct pending *p = first_pending(w);
		const struct mono next = switch_next(w->sw), due = p ? p->due : MONO_NEVER;

		if (mono_before(until, mono_min(next, due)))
			break;
		w->now = mono_max(w->now, mono_min(next, due));
		if (mono_before(due, next)) {
			answer(w, p);
		} else {
			switch_tick(w->sw, w->now);
			assert_true(switch_check(w->sw));
		}
	}
	w->now = until;
	note_wishes(w);
}

static void
change_port(struct world *w)
{
	const int p = 1 + pick(w, ROUTER - 1);

	w->up[p] = !w->up[p];
	if (w->up[p])
		w->up_at[p] = w->now;
	/* A port that is suspended keeps what its hosts told, who may change their minds unheard meanwhile. */
	if (!w->up[p] && pick(w, 2))
		switch_port_suspend(w->sw, w->ports[p], w->now);
	else
		switch_port_set_up(w->sw, w->ports[p], w->up[p], w->now);
	assert_true(switch_check(w->sw));
}

/* Port 0: fast-leave auto, newest version, INCLUDE only.  1: auto, all versions.  2: an endpoint, one host.  3: on, two
 * that don't suppress.  4: off.  5: auto, newest version only. */
static void
add_ports(struct world *w, struct port_arg args[PORTS])
{
	static const struct sw_port_ops ops = { .tx = tx };
	static const int hosts_of[HOSTS] = { 0, 0, 1, 1, 1, 2, 3, 3, 4, 4, 5, 5 };
	static const unsigned versions[HOSTS] = { 3, 3, 1, 2, 3, 2, 2, 3, 2, 3, 3, 3 };

	for (int p = 0; p < PORTS; p++) {
		const char name[2] = { (char)('0' + p), 0 };
		struct sw_port_params params;
		int err;

		sw_port_params_default(p & 1 ? SW_NIC : SW_PEER, name, &params);
		params.protect_macs = false;
		params.endpoint = p == 2;
		params.fast_leave = p == 3 ? SW_FAST_LEAVE_ON : p == 4 ? SW_FAST_LEAVE_OFF : SW_FAST_LEAVE_AUTO;
		if (p == ROUTER)
			params.router = SW_ROUTER_ALWAYS;
		args[p] = (struct port_arg){ w, p };
		w->ports[p] = switch_port_add(w->sw, &params, &ops, &args[p], w->now, &err);
		assert_non_null(w->ports[p]);
		w->up[p] = true;
		w->up_at[p] = w->now;
	}
	for (int h = 0; h < HOSTS; h++) {
		w->hosts[h].port = hosts_of[h];
		w->hosts[h].version = versions[h];
		if (w->family == GM_MLD && versions[h] == 1)
			w->hosts[h].version = 2;
	}
	for (int p = 0; p < PORTS; p++)
		switch_port_set_up(w->sw, w->ports[p], true, w->now);
}

static void
add_statics(struct world *w)
{
	const struct ipaddr first = group_of(w, 0), last = group_of(w, GROUPS - 1), source = source_of(w, SOURCES - 1);

	assert_true(switch_add_static_group(w->sw, w->ports[4], 0, &first, NULL, w->now));
	assert_true(switch_add_static_group(w->sw, w->ports[5], 0, &last, &source, w->now));
	assert_true(switch_check(w->sw));
}

static void
step(struct world *w)
{
	static const nsec_t times[] = { 1,        NSEC_PER_MSEC, 300 * NSEC_PER_MSEC, SEC, 2 * SEC, 15 * SEC,
					60 * SEC, 130 * SEC };
	const int what = pick(w, 100);

	if (what < 45)
		send_data(w);
	else if (what < 75)
		change_filter(w);
	else if (what < 98)
		advance(w, times[pick(w, 8)]);
	else
		change_port(w);
}

static void
play(enum gm_family family, int seed)
{
	static const struct sw_ops ops = { .event = NULL };
	struct port_arg args[PORTS];
	struct sw_params params;
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->family = family;
	w->seed = seed;
	w->now = mono_from_ns(1000 * SEC);
	rng_seeded_init(&w->seeded, (uint64_t)seed, &w->rng);
	sw_params_default(&params);
	params.mac = (struct mac){ { 2, 0, 0, 0, 0, 0xff } };
	params.snooping.flood_until_querier = false;
	w->sw = switch_new(&params, &ops, NULL, &w->rng, w->now);
	assert_non_null(w->sw);
	add_ports(w, args);
	add_statics(w);
	for (int i = 0; i < STEPS; i++)
		step(w);
	assert_true(w->delivered > STEPS / 4);

	/* Everybody leaves, silently: in the end nothing is left. */
	for (int h = 0; h < HOSTS; h++)
		memset(w->hosts[h].filters, 0, sizeof(w->hosts[h].filters));
	advance(w, LONG);
	struct sw_counts c;

	switch_counts(w->sw, &c);
	assert_int_equal(c.groups, 2);
	assert_int_equal(c.port_groups, 2);
	for (int p = 0; p < PORTS; p++)
		switch_clear_static_groups(w->sw, w->ports[p], w->now);
	switch_counts(w->sw, &c);
	assert_int_equal(c.groups + c.port_groups + c.hosts + c.source_records, 0);
	switch_free(w->sw);
	free(w);
}

static void
play_all(enum gm_family family)
{
	for (int seed = 1; seed <= SEEDS; seed++)
		play(family, seed);
}

static void
test_igmp(void **state)
{
	(void)state;
	play_all(GM_IGMP);
}

static void
test_mld(void **state)
{
	(void)state;
	play_all(GM_MLD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_igmp),
		cmocka_unit_test(test_mld),
	};

	return cmocka_run_group_tests_name("core at random", tests, NULL, NULL);
}
