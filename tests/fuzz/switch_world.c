/* The world around the switch of the switch target, see switch_world.h. */
#include "fuzz/switch_world.h"

#include <inttypes.h>
#include <string.h>

#include "castswitch/fdb.h"
#include "castswitch/mdb.h"
#include "fuzz/fuzz.h"

enum { TICKS_MAX = 256 };

uint16_t
world_vid(const struct world *w, uint16_t vid)
{
	return w->params.vlan_aware ? vid : 0;
}

uint32_t
world_bit(const struct world *w, const struct sw_port *port)
{
	for (unsigned i = 0; i < WORLD_PORTS; i++)
		if (port && w->ports[i].port == port)
			return 1u << i;
	FUZZ_CHECK(!"a port that exists");
	return 0;
}

/* --- who spoke of which group --- */

uint64_t
world_group_key(uint16_t vid, const struct ipaddr *group)
{
	uint64_t key = UINT64_C(0xcbf29ce484222325) + vid;

	for (unsigned i = 0; i < sizeof(group->b); i++)
		key = (key ^ group->b[i]) * UINT64_C(0x100000001b3);
	return key;
}

bool
world_has_join(const struct world_port *p, uint16_t vid, const struct ipaddr *group)
{
	const uint64_t bit = world_group_key(vid, group) % WORLD_JOINS;

	return p->joins[bit / 8] >> bit % 8 & 1;
}

static void
note_group(struct world_port *p, uint16_t vid, const struct ipaddr *group)
{
	const uint64_t bit = world_group_key(vid, group) % WORLD_JOINS;

	p->joins[bit / 8] |= (uint8_t)(1u << bit % 8);
}

/* What a message says, whether or not it will be believed. */
static void
note_message(struct world *w, const struct frame *f)
{
	struct world_port *in = &w->ports[w->in];
	const uint16_t vid = world_vid(w, f->vid);
	struct gm_record rec;
	struct gm_msg msg;

	if (!in->up || (f->control != FRAME_IGMP && f->control != FRAME_MLD) ||
	    gm_parse(f, &(struct gm_rules){ 0 }, &msg) != DROP_NONE)
		return;
	if (msg.kind == GM_QUERY) {
		w->foreign = true;
		world_note_times(w, msg.qrv, msg.qqi, msg.max_resp);
	} else if (msg.kind == GM_REPORT) {
		while (gm_next_record(&msg, &rec))
			note_group(in, vid, &rec.group);
	} else {
		note_group(in, vid, &msg.group);
	}
}

/* --- what the switch tells --- */

static void
on_event(void *arg, const struct sw_event *ev, struct mono now)
{
	struct world *w = arg;
	const uint32_t bit = ev->port ? world_bit(w, ev->port) : 0;
	struct world_port *p = bit ? &w->ports[__builtin_ctz(bit)] : NULL;

	FUZZ_CHECK(now.ns == w->now.ns && (p || ev->kind == SW_EVENT_QUERIER));
	switch (ev->kind) {
	case SW_EVENT_JOIN:
		FUZZ_CHECK(p->up && world_has_join(p, ev->vid, &ev->group));
		p->joined += world_group_key(ev->vid, &ev->group);
		break;
	case SW_EVENT_LEAVE:
		p->joined -= world_group_key(ev->vid, &ev->group);
		break;
	case SW_EVENT_QUERIER:
		FUZZ_CHECK(!p || p->up);
		w->vlan_asked_at[ev->vid] = now;
		break;
	case SW_EVENT_ROUTER:
		FUZZ_CHECK(p->params.router == SW_ROUTER_ALWAYS || (p->params.router == SW_ROUTER_AUTO && p->up));
		break;
	case SW_EVENT_MAC_MOVED:
		FUZZ_CHECK(w->switching && p == &w->ports[w->in] && !mac_is_group(&ev->mac));
		break;
	case SW_EVENT_NO_ROUTER:
		break;
	}
}

/* --- what the switch sends --- */

static void
check_forwarded(struct world_port *p, unsigned i, const struct frame *f)
{
	struct world_frame *wf = &p->world->batch[i];
	const uint32_t bit = 1u << (p - p->world->ports);

	FUZZ_CHECK(!(wf->sent & bit));
	FUZZ_CHECK(f->len == wf->parsed.len && memcmp(f->data, wf->original, f->len) == 0);
	if (wf->fate.ordered) {
		FUZZ_CHECK((int)i > p->last);
		p->last = (int)i;
	}
	wf->sent |= bit;
}

/* A query of ours: a general one where we may ask, others where somebody spoke of the group and we are the querier. */
static void
check_own_query(const struct world_port *p, const struct frame *f, const struct gm_msg *m)
{
	const struct world *w = p->world;
	const struct sw_snooping *s = &w->params.snooping;
	const bool may_ask = s->enabled[m->family] && s->querier != SW_QUERIER_OFF;
	struct sw_querier_view q;

	if (ipaddr_is_any(&m->group)) {
		FUZZ_CHECK(may_ask);
		return;
	}
	switch_querier(w->sw, f->vid, m->family, &q);
	FUZZ_CHECK(may_ask && q.querier && world_has_join(p, f->vid, &m->group));
}

/* Well-formed, with the tag of its VLAN; to the host behind a tap never from its own address. */
static void
check_own(const struct world_port *p, const struct frame *f)
{
	const struct world *w = p->world;
	struct frame again = { .data = f->data, .len = f->len };
	struct gm_msg m;

	FUZZ_CHECK(memcmp(f->data + 6, w->params.mac.b, 6) == 0 && frame_parse(&again) == DROP_NONE);
	FUZZ_CHECK(again.tagged == (again.vid != 0) && (w->params.vlan_aware || !again.tagged));
	FUZZ_CHECK(p->params.kind != SW_TAP || !ipaddr_is_v4(&again.ip_src) || ipaddr_is_unspecified(&again.ip_src));
	if (again.control == FRAME_MRD) {
		FUZZ_CHECK(again.hops == 1 && again.router_alert && p->params.router != SW_ROUTER_NEVER);
		FUZZ_CHECK(w->params.snooping.mrd_solicit);
		return;
	}
	FUZZ_CHECK(gm_parse(&again, &(struct gm_rules){ 0 }, &m) == DROP_NONE && m.kind == GM_QUERY);
	check_own_query(p, &again, &m);
}

static void
on_tx(void *arg, const struct sw_tx *items, size_t n, struct mono now)
{
	struct world_port *p = arg;
	struct world *w = p->world;

	FUZZ_CHECK(now.ns == w->now.ns && n > 0 && n <= SW_BATCH && p->port && p->up);
	for (size_t i = 0; i < n; i++) {
		const struct frame *f = items[i].frame;

		FUZZ_CHECK(!items[i].dst);
		p->n_tx++;
		p->tx_bytes += f->len;
		if (w->switching && f >= w->frames && f < w->frames + w->n_batch)
			check_forwarded(p, (unsigned)(f - w->frames), f);
		else
			check_own(p, f);
	}
}

const struct sw_port_ops world_port_ops = { .tx = on_tx };

/* --- frames --- */

static uint64_t
drops_of(const struct world_port *p)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < DROP_MAX; i++)
		sum += p->stats->drops[i];
	return sum;
}

/* One frame alone: its drops are known exactly, and only messages that are believed change memberships. */
static void
check_alone(struct world *w, const struct sw_counts *before, uint64_t drops)
{
	const struct world_frame *wf = &w->batch[0];
	const struct model_fate *fate = &wf->fate;
	struct sw_counts after;

	if (fate->counted)
		FUZZ_CHECK(drops == (!wf->sent && !fate->consumed));
	else if (fate->whole)
		FUZZ_CHECK(drops <= 1 && (wf->sent || !fate->may || drops == 1 || !fate->states));
	if (fate->states)
		return;
	switch_counts(w->sw, &after);
	FUZZ_CHECK(after.groups == before->groups && after.port_groups == before->port_groups);
	FUZZ_CHECK(after.hosts == before->hosts && after.source_records == before->source_records);
	if (wf->parsed.control != FRAME_PIM && wf->parsed.control != FRAME_MRD && w->model.fresh) {
		const uint32_t routers = w->model.n_learned;

		model_forget(&w->model);
		model_look(w);
		FUZZ_CHECK(w->model.n_learned == routers);
	}
}

static void
print_fate(const struct world *w, const struct world_frame *wf)
{
	const struct model_fate *fate = &wf->fate;

	fprintf(stderr, "port %u, at %" PRIu64 " ns: sent to %#x, must %#x, may %#x%s; frame:", w->in, w->now.ns,
		wf->sent, fate->must, fate->may, fate->whole ? " or none" : "");
	for (uint32_t i = 0; i < wf->parsed.len; i++)
		fprintf(stderr, " %02x", wf->original[i]);
	fprintf(stderr, "\n");
}

/* Whether those got it that ought to. */
static bool
is_as_fated(const struct world_frame *wf)
{
	const struct model_fate *fate = &wf->fate;

	if ((fate->must & ~wf->sent) || (wf->sent & ~fate->may))
		return false;
	return !fate->whole || !wf->sent || wf->sent == fate->may;
}

static void
check_batch(struct world *w, uint64_t drops)
{
	uint64_t sure = 0, more = 0;

	for (unsigned i = 0; i < w->n_batch; i++) {
		const struct world_frame *wf = &w->batch[i];
		const struct model_fate *fate = &wf->fate;

		if (!is_as_fated(wf)) {
			print_fate(w, wf);
			FUZZ_CHECK(!"sent to those who ought to get it");
		}
		if (!fate->counted)
			more++;
		else
			sure += !wf->sent && !fate->consumed;
	}
	FUZZ_CHECK(drops >= sure && drops <= sure + more);
}

static void
prepare(struct world *w)
{
	for (unsigned i = 0; i < w->n_batch; i++) {
		struct world_frame *wf = &w->batch[i];

		wf->fate = model_fate_of(w, &wf->parsed, wf->verdict, w->n_batch == 1);
		wf->sent = 0;
	}
	for (unsigned i = 0; i < w->n_batch; i++)
		if (w->batch[i].verdict == DROP_NONE)
			note_message(w, &w->batch[i].parsed);
	for (unsigned i = 0; i < WORLD_PORTS; i++)
		w->ports[i].last = -1;
}

/* Whether what the model copied may have changed.  What the switch refuses changes nothing, not even router ports. */
static bool
changes_something(struct world *w)
{
	bool changed = false;

	for (unsigned i = 0; i < w->n_batch; i++) {
		const struct world_frame *wf = &w->batch[i];
		const uint16_t vid = world_vid(w, wf->parsed.vid);

		if (wf->fate.states || wf->parsed.control == FRAME_PIM || wf->parsed.control == FRAME_MRD)
			changed = true;
		if (wf->fate.opens) {
			w->vlan_asked_at[vid] = w->now;
			changed = true;
		}
	}
	return changed;
}

static void
empty_batch(struct world *w)
{
	for (unsigned i = 0; i < w->n_batch; i++) {
		free(w->batch[i].room);
		free(w->batch[i].original);
	}
	w->n_batch = 0;
}

void
world_flush(struct world *w)
{
	struct world_port *in = &w->ports[w->in];
	struct sw_counts before;

	if (w->n_batch == 0)
		return;
	prepare(w);
	switch_counts(w->sw, &before);
	const uint64_t drops = drops_of(in);

	w->switching = true;
	switch_rx(w->sw, in->port, w->frames, w->n_batch, w->now);
	w->switching = false;
	check_batch(w, drops_of(in) - drops);
	if (w->n_batch == 1)
		check_alone(w, &before, drops_of(in) - drops);
	if (changes_something(w))
		model_forget(&w->model);
	empty_batch(w);
}

void
world_receive(struct world *w, unsigned port, const uint8_t *bytes, size_t len, uint16_t gso, bool hold)
{
	if (w->n_batch && w->in != port)
		world_flush(w);
	if (!w->ports[port].port)
		return;
	struct world_frame *wf = &w->batch[w->n_batch];

	w->in = port;
	wf->room = malloc(FRAME_HEADROOM + len);
	wf->original = malloc(len ? len : 1);
	FUZZ_CHECK(wf->room && wf->original);
	memcpy(wf->room + FRAME_HEADROOM, bytes, len);
	memcpy(wf->original, bytes, len);
	wf->parsed = (struct frame){ .data = wf->original, .len = (uint32_t)len, .gso = { .size = gso } };
	w->frames[w->n_batch] = wf->parsed;
	w->frames[w->n_batch].data = wf->room + FRAME_HEADROOM;
	wf->verdict = frame_parse(&wf->parsed);
	w->n_batch++;
	if (!hold || w->n_batch == WORLD_BATCH)
		world_flush(w);
}

/* --- time --- */

/* Once what is due was done the next deadline lies ahead. */
static void
tick(struct world *w)
{
	switch_tick(w->sw, w->now);
	w->ticked = w->now;
	FUZZ_CHECK(mono_before(w->now, switch_next(w->sw)));
	for (unsigned i = 0; i < WORLD_PORTS; i++)
		if (mono_due(w->ports[i].ask_again_at, w->now)) {
			w->ports[i].asked_at = w->now;
			w->ports[i].ask_again_at = MONO_NEVER;
		}
	model_forget(&w->model);
}

/* Each deadline in its turn, as a loop would.  After many of them time stays where it got to. */
void
world_advance(struct world *w, nsec_t d)
{
	const struct mono until = mono_add(w->now, d);

	world_flush(w);
	for (unsigned i = 0; mono_due(switch_next(w->sw), until); i++) {
		if (i == TICKS_MAX)
			return;
		w->now = mono_max(w->now, switch_next(w->sw));
		tick(w);
	}
	w->now = until;
	tick(w);
}

void
world_advance_to_next(struct world *w, bool before)
{
	const struct mono next = switch_next(w->sw);

	if (mono_is_never(next) || mono_due(next, w->now))
		world_advance(w, 0);
	else
		world_advance(w, next.ns - w->now.ns - before);
}

void
world_sleep(struct world *w, nsec_t d)
{
	world_flush(w);
	w->now = mono_add(w->now, d);
}

/* --- life --- */

void
world_init(struct world *w, const uint8_t settings[6])
{
	static const struct sw_ops ops = { .event = on_event };

	memset(w, 0, offsetof(struct world, model));
	model_forget(&w->model);
	w->now = w->ticked = mono_from_ns(1000 * NSEC_PER_SEC);
	rng_seeded_init(&w->rng_state, settings[5], &w->rng);
	world_set_params(w, settings);
	w->other_limits = false;
	w->sw = switch_new(&w->params, &ops, w, &w->rng, w->now);
	FUZZ_CHECK(w->sw != NULL);
	for (unsigned i = 0; i < WORLD_PORTS; i++) {
		world_port_init(w, i);
		world_port_add(w, i);
	}
	world_find_stats(w);
}

void
world_fini(struct world *w)
{
	world_flush(w);
	world_check(w);
	switch_free(w->sw);
}
