/* The scenario runner: the switch, its ports, the clock, and what was sent in the present step. */
#include "scn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The scenario's time zero; not the clock's, so that "it never happened" is not a moment of the scenario. */
#define SCN_ORIGIN (1000 * NSEC_PER_SEC)

struct mono
scn_time(nsec_t since_start)
{
	return mono_from_ns(SCN_ORIGIN + since_start);
}

nsec_t
scn_since_start(struct mono t)
{
	return mono_since(scn_time(0), t);
}

void
scn_init(struct scn *s, const char *path)
{
	memset(s, 0, sizeof(*s));
	s->path = path;
	s->now = s->step_at = scn_time(0);
	sbuf_init(&s->failure);
	sw_params_default(&s->params);
	s->params.mac = (struct mac){ { 0x02, 0, 0, 0, 0, 0xff } };
}

static void
scn_forget_sent(struct scn *s)
{
	for (size_t i = 0; i < s->n_sent; i++)
		free(s->sent[i].bytes);
	s->n_sent = 0;
	s->n_events = 0;
}

void
scn_fini(struct scn *s)
{
	switch_free(s->sw);
	scn_groups_free(s->groups);
	scn_forget_sent(s);
	free(s->sent);
	sbuf_free(&s->failure);
}

/* --- what the switch does --- */

static void
scn_event(void *arg, const struct sw_event *ev, struct mono now)
{
	struct scn *s = arg;
	if (now.ns != s->now.ns)
		scn_fail(s, "an event with another time than now");
	if (s->n_events == SCN_EVENTS) {
		scn_fail(s, "more than %d events in one step", SCN_EVENTS);
		return;
	}
	s->events[s->n_events++] = (struct scn_event){
		.ev = *ev,
		.port = ev->port ? scn_port_find(s, sw_port_name(ev->port)) : NULL,
	};
}

bool
scn_start(struct scn *s)
{
	static const struct sw_ops ops = { .event = scn_event };
	rng_seeded_init(&s->seed, 1, &s->rng);
	s->sw = switch_new(&s->params, &ops, s, &s->rng, s->now);
	return s->sw || scn_fail(s, "no memory for the switch");
}

/* The frame of the present batch that was passed on, or NULL. */
static const struct frame *
scn_received(const struct scn *s, const struct frame *f)
{
	return f >= s->rx && f < s->rx + s->n_rx ? f : NULL;
}

/* What must hold for every frame that leaves, whatever the scenario is about. */
static bool
scn_check_sent(struct scn *s, const struct scn_port *p, const struct frame *f, struct mono now)
{
	const struct frame *rx = scn_received(s, f);
	if (now.ns != s->now.ns)
		return scn_fail(s, "a frame sent with another time than now");
	if (!rx && memcmp(f->data + 6, &s->params.mac, 6) != 0)
		return scn_fail(s, "'%s' sent a frame that is neither received nor the switch's own", p->name);
	if (!rx)
		return true;
	if (p == s->rx_port)
		return scn_fail(s, "a frame was sent back to '%s'", p->name);
	if (memcmp(f->data, s->rx_bytes[rx - s->rx] + FRAME_HEADROOM, f->len) != 0)
		return scn_fail(s, "'%s' changed a frame", p->name);
	for (size_t i = 0; i < s->n_sent; i++)
		if (s->sent[i].frame == rx && s->sent[i].port == p)
			return scn_fail(s, "'%s' got a frame twice", p->name);
	return true;
}

static bool
scn_is_ignored(const struct scn_port *p, const struct frame *f, bool own)
{
	const bool query = own && (f->control == FRAME_IGMP || f->control == FRAME_MLD);
	return p->ignored || (query && p->queries_ignored);
}

static void
scn_tx(void *arg, const struct sw_tx *items, size_t n, struct mono now)
{
	struct scn_port *p = arg;
	struct scn *s = p->scn;
	for (size_t i = 0; i < n; i++) {
		const struct frame *f = items[i].frame, *rx = scn_received(s, f);
		if (!scn_check_sent(s, p, f, now) || scn_is_ignored(p, f, !rx))
			continue;
		if (s->n_sent == s->cap_sent) {
			size_t cap = s->cap_sent ? 2 * s->cap_sent : 64;
			struct scn_sent *sent = realloc(s->sent, cap * sizeof(*sent));
			if (!sent)
				abort();
			s->sent = sent;
			s->cap_sent = cap;
		}
		struct scn_sent *e = &s->sent[s->n_sent++];
		*e = (struct scn_sent){ .port = p, .at = now, .len = f->len, .own = !rx, .frame = rx };
		e->bytes = malloc(f->len);
		if (!e->bytes)
			abort();
		memcpy(e->bytes, f->data, f->len);
		if (items[i].dst)
			memcpy(e->bytes, items[i].dst, 6);
	}
}

/* --- ports --- */

struct scn_port *
scn_port_find(const struct scn *s, const char *name)
{
	for (int i = 0; i < s->n_ports; i++)
		if (strcmp(s->ports[i].name, name) == 0)
			return (struct scn_port *)(uintptr_t)&s->ports[i];
	return NULL;
}

bool
scn_parse_port(struct scn *s, const char *word, struct scn_port **ret)
{
	struct scn_port *p = word ? scn_port_find(s, word) : NULL;
	if (!p || !p->port)
		return scn_fail(s, "there is no port '%s'", word ? word : "");
	*ret = p;
	return true;
}

bool
scn_add_port(struct scn *s, const struct sw_port_params *params)
{
	static const struct sw_port_ops ops = { .tx = scn_tx };
	struct scn_port *p = scn_port_find(s, params->name);
	int err;
	if (!s->sw && !scn_start(s))
		return false;
	if (!p && s->n_ports == SCN_PORTS)
		return scn_fail(s, "more than %d ports", SCN_PORTS);
	if (!p)
		p = &s->ports[s->n_ports++];
	memset(p, 0, sizeof(*p));
	p->scn = s;
	memcpy(p->name, params->name, sizeof(p->name));
	p->params = *params;
	p->queries_ignored = s->ignore_queries;
	p->port = switch_port_add(s->sw, params, &ops, p, s->now, &err);
	return p->port || scn_fail(s, "port '%s': %s", params->name, strerror(err));
}

/* --- steps and time --- */

void
scn_note_sent(struct scn *s)
{
	struct sbuf text;
	char at[32];
	for (size_t i = 0; i < s->n_sent; i++) {
		const struct scn_sent *e = &s->sent[i];
		if (e->consumed)
			continue;
		sbuf_init(&text);
		scn_decode(e->bytes, e->len, &text);
		scn_duration_str(scn_since_start(e->at), at);
		scn_note(s, "sent: expect-at %s %s %s", at, e->port->name, sbuf_str(&text));
		sbuf_free(&text);
	}
}

bool
scn_check_leftovers(struct scn *s)
{
	for (size_t i = 0; i < s->n_sent; i++) {
		if (s->sent[i].consumed)
			continue;
		s->line = s->step_line;
		scn_fail(s, "more was sent than expected:");
		scn_note_sent(s);
		return false;
	}
	return true;
}

bool
scn_step(struct scn *s)
{
	if (!s->sw && !scn_start(s))
		return false;
	if (!scn_check_leftovers(s))
		return false;
	scn_forget_sent(s);
	s->step_line = s->line;
	s->step_at = s->now;
	s->is_setup = false;
	return true;
}

bool
scn_setup(struct scn *s)
{
	if (s->is_setup)
		return true;
	s->is_setup = scn_step(s);
	return s->is_setup;
}

void
scn_forgive(struct scn *s)
{
	for (size_t i = 0; i < s->n_sent; i++)
		s->sent[i].consumed = true;
}

bool
scn_advance(struct scn *s, struct mono until)
{
	unsigned ticks = 0;
	for (struct mono next = switch_next(s->sw); mono_due(next, until); next = switch_next(s->sw)) {
		s->now = mono_max(s->now, next);
		switch_tick(s->sw, s->now);
		if (++ticks == SCN_TICKS)
			return scn_fail(s, "the switch asks for its next tick again and again");
	}
	s->now = until;
	return s->failure.len == 0;
}

bool
scn_hold(struct scn *s, const uint8_t *bytes, size_t len)
{
	if (s->n_held == SW_BATCH)
		return scn_fail(s, "more than %d frames in a batch", SW_BATCH);
	uint8_t *copy = s->rx_bytes[s->n_held];
	memset(copy, 0xa5, FRAME_HEADROOM);
	memcpy(copy + FRAME_HEADROOM, bytes, len);
	s->rx[s->n_held++] = (struct frame){ .data = copy + FRAME_HEADROOM, .len = (uint32_t)len };
	return true;
}

bool
scn_receive(struct scn *s, struct scn_port *in)
{
	/* On the heap and of exact length, so that the address sanitizer sees each byte read behind a frame. */
	uint8_t *bytes[SW_BATCH];
	s->n_rx = s->n_held;
	s->n_held = 0;
	s->rx_port = in;
	for (size_t i = 0; i < s->n_rx; i++) {
		bytes[i] = malloc(FRAME_HEADROOM + s->rx[i].len);
		if (!bytes[i])
			abort();
		memcpy(bytes[i], s->rx_bytes[i], FRAME_HEADROOM + s->rx[i].len);
		s->rx[i].data = bytes[i] + FRAME_HEADROOM;
	}
	switch_rx(s->sw, in->port, s->rx, s->n_rx, s->now);
	for (size_t i = 0; i < s->n_rx; i++)
		free(bytes[i]);
	s->n_rx = 0;
	s->rx_port = NULL;
	return s->failure.len == 0 && scn_advance(s, s->now);
}

struct scn_sent *
scn_oldest_sent(struct scn *s, const struct scn_port *p)
{
	for (size_t i = 0; i < s->n_sent; i++)
		if (s->sent[i].port == p && !s->sent[i].consumed)
			return &s->sent[i];
	return NULL;
}
