/* The switch among honest hosts: three behind each of two ports, of old and new versions, that join, leave and answer
 * as RFC 1112, 2236, 3376, 2710 and 3810 tell hosts to.
 *
 * Input: mode (enum mode), a byte of the hosts' versions, then steps of three bytes: what, who (host, group), how.
 *
 * Whatever they do, and whoever leaves: what a host wants reaches its port without the loss of one frame.  What nobody
 * wants any more stops at once where all hosts are of the new version and fast-leave is auto; a group that nobody wants
 * stops when they were asked, where fast-leave is off; and all else when the last word about it has become old.
 */
#include "fuzz/fuzz.h"

#include <string.h>

#include "castswitch/cursor.h"
#include "castswitch/switch.h"

enum mode {
	MODE_MLD = 0x01,
	MODE_ASK_A = 0x02, /* fast-leave = off on the first port */
	MODE_ASK_B = 0x04,
	MODE_ONCE = 0x08,  /* robustness 1, but last members are asked three times */
	MODE_QUICK = 0x10, /* short intervals */
	MODE_LATE = 0x20,  /* hosts answer as late as they may */
};

enum step {
	STEP_INTEREST, /* how: bit 7 EXCLUDE, bits 0-2 sources; old hosts leave when it is INCLUDE without sources */
	STEP_MSEC,     /* how, in 20 ms */
	STEP_SEC,
	STEP_MIN,
	STEP_LINK, /* the port of the host goes down and comes up */
	STEPS
};

enum { PORTS = 2, HOSTS = 6, GROUPS = 2, SOURCES = 3, ALL_SOURCES = 7, EVENTS_MAX = 512 };

enum version { OLDEST = 1, OLD = 2, NEW = 3 };

/* What a host wants of a group, and the answer it owes. */
struct interest {
	bool exclude;
	uint8_t sources;
	bool is_last; /* old hosts: nobody else reported since */
	struct mono due;
	uint8_t asked; /* sources; 0: the group */
};

struct host {
	enum version version;
	unsigned port;
	struct interest groups[GROUPS];
	struct mono due; /* the answer to a general query */
};

struct port {
	struct world *world;
	struct sw_port *port;
	bool asks; /* before something ends: fast-leave is off */
	bool all_new;
	uint32_t got;                          /* of the streams sent to find out, a bit each */
	struct mono answered;                  /* by then its hosts had the time to answer since it came up */
	struct mono unwanted[GROUPS][SOURCES]; /* since when; NEVER: somebody wants it */
	struct mono left[GROUPS];              /* when the last member said so */
};

struct world {
	struct mono now;
	struct rng_seeded rng_state;
	struct rng rng;
	struct sw_params params;
	struct sw *sw;
	struct sw_port *source; /* where the streams come from */
	struct port ports[PORTS];
	struct host hosts[HOSTS];
	bool v6, late;
	unsigned probe; /* the stream that is being sent */
	bool probing;
};

static struct ipaddr
group_of(const struct world *w, unsigned group)
{
	const struct ipaddr v6 = { { 0xff, 0x0e, [15] = (uint8_t)(1 + group) } };

	return w->v6 ? v6 : ipaddr_v4_u32(0xef010101u + group);
}

static struct ipaddr
source_of(const struct world *w, unsigned source)
{
	const struct ipaddr v6 = { { 0x20, 0x01, [15] = (uint8_t)(1 + source) } };

	return w->v6 ? v6 : ipaddr_v4_u32(0x0a090901u + source);
}

static bool
wants(const struct interest *i, unsigned source)
{
	return (i->sources >> source & 1) != i->exclude;
}

static bool
wants_any(const struct interest *i)
{
	return i->exclude || i->sources;
}

/* --- what hosts say --- */

static void
say(struct world *w, const struct host *h, struct gm_build *b)
{
	const uint8_t number = (uint8_t)(h - w->hosts + 1);
	const struct ipaddr v6 = { { 0xfe, 0x80, [15] = number } };
	uint8_t room[FRAME_HEADROOM + 512];
	struct frame f = { .data = room + FRAME_HEADROOM };

	b->family = w->v6 ? GM_MLD : GM_IGMP;
	b->version = b->kind == GM_REPORT ? (w->v6 ? 2 : 3) : w->v6 || h->version == OLDEST ? 1 : 2;
	b->eth_src = (struct mac){ { 2, 0, 0, 0, 0, number } };
	b->ip_src = w->v6 ? v6 : ipaddr_v4_u32(0x0a000000u + number);
	f.len = (uint32_t)gm_build(b, f.data, sizeof(room) - FRAME_HEADROOM);
	FUZZ_CHECK(f.len > 0);
	switch_rx(w->sw, w->ports[h->port].port, &f, 1, w->now);
}

/* Records of new hosts, collected into one report. */
struct report {
	struct gm_build_record records[2 * GROUPS];
	struct ipaddr sources[2 * GROUPS][SOURCES];
	uint16_t n;
};

static void
add_record(const struct world *w, struct report *r, enum gm_record_type type, unsigned group, unsigned sources)
{
	struct gm_build_record *rec = &r->records[r->n];

	*rec = (struct gm_build_record){ .type = type, .group = group_of(w, group), .sources = r->sources[r->n] };
	for (unsigned s = 0; s < SOURCES; s++)
		if (sources >> s & 1)
			r->sources[r->n][rec->n_sources++] = source_of(w, s);
	r->n++;
}

static void
send_report(struct world *w, const struct host *h, const struct report *r)
{
	struct gm_build b = { .kind = GM_REPORT, .records = r->records, .n_records = r->n };

	if (r->n)
		say(w, h, &b);
}

/* The others behind the port hear it, and keep silent, if they know its version (RFC 2236 3 and 4, RFC 2710 4). */
static void
send_old_report(struct world *w, struct host *h, unsigned group)
{
	struct gm_build b = { .kind = GM_REPORT_OLD, .group = group_of(w, group) };

	for (unsigned i = 0; i < HOSTS; i++)
		if (w->hosts[i].port == h->port && w->hosts[i].version != NEW && w->hosts[i].version >= h->version) {
			w->hosts[i].groups[group].is_last = false;
			w->hosts[i].groups[group].due = MONO_NEVER;
		}
	h->groups[group].is_last = true;
	say(w, h, &b);
}

/* RFC 3376 5.1 */
static void
say_change(struct world *w, const struct host *h, unsigned group, const struct interest *was)
{
	const struct interest *is = &h->groups[group];
	const uint8_t gone = was->sources & (uint8_t)~is->sources, came = is->sources & (uint8_t)~was->sources;
	struct report r = { .n = 0 };

	if (is->exclude != was->exclude) {
		add_record(w, &r, is->exclude ? GM_TO_EX : GM_TO_IN, group, is->sources);
	} else {
		const uint8_t allow = is->exclude ? gone : came, block = is->exclude ? came : gone;

		if (allow)
			add_record(w, &r, GM_ALLOW, group, allow);
		if (block)
			add_record(w, &r, GM_BLOCK, group, block);
	}
	send_report(w, h, &r);
}

static void
change_interest(struct world *w, struct host *h, unsigned group, bool exclude, uint8_t sources)
{
	struct interest *i = &h->groups[group];
	const struct interest was = *i;
	struct gm_build leave = { .kind = GM_LEAVE, .group = group_of(w, group) };

	if (h->version != NEW) {
		exclude = exclude || sources;
		sources = 0;
	}
	i->exclude = exclude;
	i->sources = sources;
	if (h->version == NEW) {
		say_change(w, h, group, &was);
		return;
	}
	if (exclude && !was.exclude)
		send_old_report(w, h, group);
	if (exclude || !was.exclude)
		return;
	i->due = MONO_NEVER;
	if (i->is_last && (h->version == OLD || w->v6))
		say(w, h, &leave);
	i->is_last = false;
}

/* --- what hosts are asked --- */

static struct mono
answer_at(struct world *w, nsec_t max_resp)
{
	if (max_resp <= NSEC_PER_MSEC)
		return w->now;
	return mono_add(w->now, w->late ? max_resp - NSEC_PER_MSEC : rng_below(&w->rng, max_resp));
}

static uint8_t
sources_in(const struct world *w, struct gm_msg query)
{
	struct ipaddr source;
	uint8_t set = 0;

	while (gm_query_next_source(&query, &source))
		for (unsigned s = 0; s < SOURCES; s++) {
			const struct ipaddr known = source_of(w, s);

			if (ipaddr_equal(&source, &known))
				set |= (uint8_t)(1u << s);
		}
	return set;
}

/* RFC 3376 5.2, for a new host. */
static void
ask_new(struct host *h, struct interest *i, uint8_t sources, struct mono at)
{
	if (mono_due(h->due, at))
		return;
	if (mono_is_never(i->due))
		i->asked = sources;
	else
		i->asked = i->asked && sources ? i->asked | sources : 0;
	i->due = mono_min(i->due, at);
}

/* The oldest hosts know of general queries only, and take their time (RFC 1112 appendix I). */
static void
ask(struct world *w, struct host *h, const struct gm_msg *query)
{
	const bool oldest = h->version == OLDEST && !w->v6, general = ipaddr_is_any(&query->group);
	const struct mono at = answer_at(w, oldest ? 10 * NSEC_PER_SEC : query->max_resp);

	if (general && h->version == NEW) {
		h->due = mono_min(h->due, at);
		return;
	}
	for (unsigned g = 0; g < GROUPS; g++) {
		const struct ipaddr group = group_of(w, g);

		if (!general && (oldest || !ipaddr_equal(&group, &query->group)))
			continue;
		if (!wants_any(&h->groups[g]))
			continue;
		if (h->version == NEW)
			ask_new(h, &h->groups[g], sources_in(w, *query), at);
		else
			h->groups[g].due = mono_min(h->groups[g].due, at);
	}
}

static void
answer_all(struct world *w, struct host *h)
{
	struct report r = { .n = 0 };

	h->due = MONO_NEVER;
	for (unsigned g = 0; g < GROUPS; g++)
		if (wants_any(&h->groups[g]))
			add_record(w, &r, h->groups[g].exclude ? GM_IS_EX : GM_IS_IN, g, h->groups[g].sources);
	send_report(w, h, &r);
}

static void
answer(struct world *w, struct host *h, unsigned group)
{
	struct interest *i = &h->groups[group];
	struct report r = { .n = 0 };

	i->due = MONO_NEVER;
	if (!wants_any(i))
		return;
	if (h->version != NEW) {
		send_old_report(w, h, group);
		return;
	}
	const uint8_t wanted = i->asked & (i->exclude ? (uint8_t)~i->sources : i->sources);

	if (!i->asked)
		add_record(w, &r, i->exclude ? GM_IS_EX : GM_IS_IN, group, i->sources);
	else if (wanted)
		add_record(w, &r, GM_IS_IN, group, wanted);
	send_report(w, h, &r);
}

/* --- what the switch sends --- */

static void
on_tx(void *arg, const struct sw_tx *items, size_t n, struct mono now)
{
	struct port *p = arg;
	struct world *w = p->world;

	FUZZ_CHECK(now.ns == w->now.ns);
	for (size_t k = 0; k < n; k++) {
		struct frame f = { .data = items[k].frame->data, .len = items[k].frame->len };
		struct gm_msg m;

		FUZZ_CHECK(frame_parse(&f) == DROP_NONE);
		if (f.control == FRAME_DATA) {
			FUZZ_CHECK(w->probing && !(p->got >> w->probe & 1));
			p->got |= 1u << w->probe;
			continue;
		}
		FUZZ_CHECK(gm_parse(&f, &(struct gm_rules){ 0 }, &m) == DROP_NONE && m.kind == GM_QUERY);
		for (unsigned i = 0; i < HOSTS; i++)
			if (&w->ports[w->hosts[i].port] == p)
				ask(w, &w->hosts[i], &m);
	}
}

static void
on_source_tx(void *arg, const struct sw_tx *items, size_t n, struct mono now)
{
	(void)arg, (void)items, (void)n, (void)now;
}

/* --- whether everybody gets what they want --- */

static void
probe(struct world *w, unsigned group, unsigned source)
{
	const struct ipaddr dst = group_of(w, group), src = source_of(w, source);
	const struct mac mac = ipaddr_group_mac(&dst);
	uint8_t room[FRAME_HEADROOM + 14 + 40 + 8];
	struct frame f = { .data = room + FRAME_HEADROOM };
	struct wcur out = wcur_of(f.data, sizeof(room) - FRAME_HEADROOM);

	wcur_bytes(&out, mac.b, sizeof(mac.b));
	wcur_bytes(&out, (const uint8_t[]){ 2, 0, 0, 0, 1, 0 }, 6);
	wcur_u16(&out, w->v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
	wcur_bytes(&out, w->v6 ? "\x60\0\0\0\0\x08\x11\x40" : "\x45\0\0\x1c\0\0\0\0\x40\x11\0\0", w->v6 ? 8 : 12);
	wcur_bytes(&out, w->v6 ? src.b : src.b + 12, w->v6 ? 16 : 4);
	wcur_bytes(&out, w->v6 ? dst.b : dst.b + 12, w->v6 ? 16 : 4);
	wcur_zero(&out, 8);
	f.len = (uint32_t)wcur_len(&out);
	w->probe = group * SOURCES + source;
	w->probing = true;
	switch_rx(w->sw, w->source, &f, 1, w->now);
	w->probing = false;
}

static bool
somebody_wants(const struct world *w, unsigned port, unsigned group, unsigned source)
{
	for (unsigned i = 0; i < HOSTS; i++)
		if (w->hosts[i].port == port && wants(&w->hosts[i].groups[group], source))
			return true;
	return false;
}

static bool
is_member(const struct world *w, const struct port *p, unsigned group)
{
	for (unsigned i = 0; i < HOSTS; i++)
		if (&w->ports[w->hosts[i].port] == p && wants_any(&w->hosts[i].groups[group]))
			return true;
	return false;
}

/* How long the port may get a stream that nobody behind it wants. */
static nsec_t
patience(const struct world *w, const struct port *p, unsigned group)
{
	const struct sw_snooping *s = &w->params.snooping;
	const unsigned count = s->last_member_query_count ? s->last_member_query_count : s->robustness;

	if (p->all_new && !p->asks)
		return 0;
	if (p->all_new && !is_member(w, p, group))
		return count * s->last_member_query_interval;
	return 2 * (s->robustness * s->query_interval + s->query_response_interval);
}

static void
note_wanted(struct world *w, struct port *p, unsigned group, unsigned source)
{
	struct mono *unwanted = &p->unwanted[group][source];

	if (somebody_wants(w, (unsigned)(p - w->ports), group, source))
		*unwanted = MONO_NEVER;
	else
		*unwanted = mono_min(*unwanted, w->now);
}

static void
check_stream(const struct world *w, const struct port *p, unsigned group, unsigned source)
{
	const struct mono unwanted = p->unwanted[group][source];
	const bool got = p->got >> (group * SOURCES + source) & 1;

	if (mono_is_never(unwanted)) {
		FUZZ_CHECK(got || mono_before(w->now, p->answered));
		return;
	}
	const struct mono since = is_member(w, p, group) ? unwanted : mono_max(unwanted, p->left[group]);

	FUZZ_CHECK(!got || mono_before(w->now, mono_add(since, patience(w, p, group))));
}

static void
check(struct world *w)
{
	for (unsigned i = 0; i < PORTS; i++) {
		w->ports[i].got = 0;
		for (unsigned group = 0; group < GROUPS; group++)
			if (is_member(w, &w->ports[i], group))
				w->ports[i].left[group] = w->now;
	}
	for (unsigned group = 0; group < GROUPS; group++)
		for (unsigned source = 0; source < SOURCES; source++) {
			probe(w, group, source);
			for (unsigned i = 0; i < PORTS; i++)
				note_wanted(w, &w->ports[i], group, source);
		}
	for (unsigned i = 0; i < PORTS; i++)
		for (unsigned group = 0; group < GROUPS; group++)
			for (unsigned source = 0; source < SOURCES; source++)
				check_stream(w, &w->ports[i], group, source);
}

/* --- time --- */

static struct mono
next_of(const struct world *w)
{
	struct mono next = switch_next(w->sw);

	for (unsigned i = 0; i < HOSTS; i++) {
		next = mono_min(next, w->hosts[i].due);
		for (unsigned group = 0; group < GROUPS; group++)
			next = mono_min(next, w->hosts[i].groups[group].due);
	}
	return next;
}

static void
do_due(struct world *w)
{
	switch_tick(w->sw, w->now);
	for (unsigned i = 0; i < HOSTS; i++) {
		struct host *h = &w->hosts[i];

		if (mono_due(h->due, w->now))
			answer_all(w, h);
		for (unsigned group = 0; group < GROUPS; group++)
			if (mono_due(h->groups[group].due, w->now))
				answer(w, h, group);
	}
	check(w);
}

/* Everything at its time; after much of it time stays where it got to. */
static void
advance(struct world *w, nsec_t d)
{
	const struct mono until = mono_add(w->now, d);

	for (unsigned i = 0; mono_due(next_of(w), until); i++) {
		if (i == EVENTS_MAX)
			return;
		w->now = mono_max(w->now, next_of(w));
		do_due(w);
	}
	w->now = until;
	do_due(w);
}

/* --- the world --- */

static void
set_up(struct world *w, struct port *p)
{
	bool oldest = false;

	for (unsigned i = 0; i < HOSTS; i++)
		oldest |= &w->ports[w->hosts[i].port] == p && w->hosts[i].version == OLDEST && !w->v6;
	p->answered = mono_add(w->now, (oldest ? 10 : 1) * NSEC_PER_SEC);
	switch_port_set_up(w->sw, p->port, true, w->now);
}

static void
init_hosts(struct world *w, uint8_t versions, bool quick)
{
	static const enum version kinds[4] = { NEW, OLD, OLDEST, NEW };

	for (unsigned i = 0; i < HOSTS; i++) {
		struct host *h = &w->hosts[i];

		/* The first port has versions of its own; behind the second they are those of the last bits. */
		*h = (struct host){ .port = i % PORTS, .due = MONO_NEVER };
		h->version = kinds[versions >> (h->port ? 6 : i) & 3];
		if (h->version == OLDEST && (quick || w->v6))
			h->version = OLD;
		if (h->version != NEW)
			w->ports[h->port].all_new = false;
		for (unsigned group = 0; group < GROUPS; group++)
			h->groups[group].due = MONO_NEVER;
	}
}

static void
set_params(struct world *w, uint8_t mode)
{
	struct sw_snooping *s = &w->params.snooping;

	sw_params_default(&w->params);
	w->params.mac = (struct mac){ { 2, 0, 0, 0, 0, 0xfe } };
	s->querier_address[GM_IGMP] = ipaddr_v4_u32(0x0a0000fe);
	s->unregistered = SW_UNREG_ROUTERS;
	if (mode & MODE_ONCE) {
		s->robustness = 1;
		s->last_member_query_count = 3;
	}
	if (mode & MODE_QUICK) {
		s->query_interval = 3 * NSEC_PER_SEC;
		s->query_response_interval = 2 * NSEC_PER_SEC;
	}
}

static struct sw_port *
add_port(struct world *w, enum sw_port_kind kind, const char *name, bool asks,
	 void (*tx)(void *, const struct sw_tx *, size_t, struct mono), void *arg)
{
	const struct sw_port_ops ops = { .tx = tx };
	struct sw_port_params params;
	struct sw_port *port;
	int err;

	sw_port_params_default(kind, name, &params);
	params.fast_leave = asks ? SW_FAST_LEAVE_OFF : SW_FAST_LEAVE_AUTO;
	port = switch_port_add(w->sw, &params, &ops, arg, w->now, &err);
	FUZZ_CHECK(port != NULL);
	return port;
}

static void
world_init(struct world *w, uint8_t mode, uint8_t versions)
{
	memset(w, 0, sizeof(*w));
	w->now = mono_from_ns(1000 * NSEC_PER_SEC);
	w->v6 = mode & MODE_MLD;
	w->late = mode & MODE_LATE;
	rng_seeded_init(&w->rng_state, versions, &w->rng);
	set_params(w, mode);
	w->sw = switch_new(&w->params, &(struct sw_ops){ 0 }, NULL, &w->rng, w->now);
	FUZZ_CHECK(w->sw != NULL);
	w->source = add_port(w, SW_NIC, "source", false, on_source_tx, NULL);
	for (unsigned i = 0; i < PORTS; i++) {
		const bool asks = mode & (i ? MODE_ASK_B : MODE_ASK_A);

		w->ports[i] = (struct port){ .world = w, .asks = asks, .all_new = true };
		w->ports[i].port = add_port(w, SW_PEER, i ? "b" : "a", asks, on_tx, &w->ports[i]);
		for (unsigned n = 0; n < GROUPS * SOURCES; n++)
			w->ports[i].unwanted[n / SOURCES][n % SOURCES] = MONO_NEVER;
	}
	init_hosts(w, versions, mode & MODE_QUICK);
	switch_port_set_up(w->sw, w->source, true, w->now);
	for (unsigned i = 0; i < PORTS; i++)
		set_up(w, &w->ports[i]);
}

static void
step(struct world *w, uint8_t what, uint8_t who, uint8_t how)
{
	struct host *h = &w->hosts[(who & 15) % HOSTS];

	switch ((enum step)(what % STEPS)) {
	case STEP_INTEREST:
		change_interest(w, h, who >> 4 & (GROUPS - 1), how & 0x80, how & ALL_SOURCES);
		break;
	case STEP_MSEC:
		advance(w, how * 20 * NSEC_PER_MSEC);
		break;
	case STEP_SEC:
		advance(w, how * NSEC_PER_SEC);
		break;
	case STEP_MIN:
		advance(w, how * 60 * NSEC_PER_SEC);
		break;
	case STEP_LINK:
		switch_port_set_up(w->sw, w->ports[h->port].port, false, w->now);
		set_up(w, &w->ports[h->port]);
		break;
	case STEPS:
		break;
	}
	check(w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;
	struct rcur c = rcur_of(data, size);
	const uint8_t mode = rcur_u8(&c), versions = rcur_u8(&c);

	world_init(&w, mode, versions);
	while (rcur_left(&c) >= 3) {
		const uint8_t what = rcur_u8(&c), who = rcur_u8(&c);

		step(&w, what, who, rcur_u8(&c));
	}
	FUZZ_CHECK(switch_check(w.sw));
	switch_free(w.sw);
	return 0;
}
