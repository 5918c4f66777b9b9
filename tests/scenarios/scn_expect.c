/* The scenario runner: commands that expect frames and events of the present step. */
#include "scn.h"

#include <string.h>

/* --- frames --- */

struct expectation {
	const struct scn_frame *frame;
	const struct mono *at; /* NULL = any time */
};

static bool
scn_expect_one(struct scn *s, struct scn_port *p, const struct expectation *x, uint32_t seq)
{
	struct scn_sent *e = scn_oldest_sent(s, p);
	if (!e || !scn_frame_matches(x->frame, seq, e->bytes, e->len)) {
		scn_fail(s, e ? "'%s' was sent something else:" : "'%s' was sent nothing more", p->name);
		scn_note_sent(s);
		return false;
	}
	if (x->at && x->at->ns != e->at.ns) {
		scn_fail(s, "'%s' was sent it at another time:", p->name);
		scn_note_sent(s);
		return false;
	}
	e->consumed = true;
	return true;
}

static bool
scn_expect_at_port(struct scn *s, const char *name, void *arg)
{
	const struct expectation *x = arg;
	struct scn_port *p;
	if (!scn_parse_port(s, name, &p))
		return false;
	for (uint32_t i = 0; i < x->frame->repeat; i++)
		if (!scn_expect_one(s, p, x, x->frame->repeat > 1 ? i : x->frame->seq))
			return false;
	return true;
}

static bool
scn_expect(struct scn *s, struct scn_args *a, const struct mono *at)
{
	struct scn_frame f;
	struct expectation x = { .frame = &f, .at = at };
	const char *ports = scn_next(a);
	if (!ports)
		return scn_fail(s, "expect PORT,... FRAME");
	return scn_frame_parse(s, a, &f) && scn_no_more(s, a) && scn_each_part(s, ports, scn_expect_at_port, &x);
}

static bool
cmd_expect(struct scn *s, struct scn_args *a)
{
	return scn_expect(s, a, NULL);
}

static bool
cmd_expect_at(struct scn *s, struct scn_args *a)
{
	nsec_t t;
	if (!scn_parse_duration(s, scn_next(a), &t))
		return false;
	const struct mono at = scn_time(t);
	return scn_expect(s, a, &at);
}

/* The time is counted from the beginning of the step. */
static bool
cmd_expect_after(struct scn *s, struct scn_args *a)
{
	nsec_t d;
	if (!scn_parse_duration(s, scn_next(a), &d))
		return false;
	const struct mono at = mono_add(s->step_at, d);
	return scn_expect(s, a, &at);
}

/* --- events of the present step --- */

static const char *const event_names[] = {
	[SW_EVENT_JOIN] = "join",     [SW_EVENT_LEAVE] = "leave",         [SW_EVENT_QUERIER] = "querier",
	[SW_EVENT_ROUTER] = "router", [SW_EVENT_NO_ROUTER] = "no-router", [SW_EVENT_MAC_MOVED] = "mac-moved",
};

/* Reads what the kind of event carries into *ev. */
static bool
scn_parse_event(struct scn *s, struct scn_args *a, struct scn_event *ret)
{
	struct sw_event *ev = &ret->ev;
	const char *word = scn_next(a);
	size_t kind = 0;
	while (word && kind < sizeof(event_names) / sizeof(event_names[0]) && strcmp(event_names[kind], word) != 0)
		kind++;
	if (!word || kind == sizeof(event_names) / sizeof(event_names[0]))
		return scn_fail(s, "'%s' is no kind of event", word ? word : "");
	ev->kind = (enum sw_event_kind)kind;
	if (ev->kind == SW_EVENT_QUERIER) {
		ev->family = scn_next_is(a, "mld") ? GM_MLD : GM_IGMP;
		if (ev->family == GM_IGMP && !scn_next_is(a, "igmp"))
			return scn_fail(s, "event querier igmp|mld ADDRESS|none");
		return (scn_next_is(a, "none") || scn_parse_ip(s, scn_next(a), &ev->group)) &&
		       scn_take_vlan(s, a, &ev->vid);
	}
	const char *port = scn_next(a);
	ret->port = port ? scn_port_find(s, port) : NULL;
	if (!ret->port)
		return scn_fail(s, "there was no port '%s'", port ? port : "");
	if ((ev->kind == SW_EVENT_JOIN || ev->kind == SW_EVENT_LEAVE) && !scn_parse_ip(s, scn_next(a), &ev->group))
		return false;
	if (ev->kind == SW_EVENT_MAC_MOVED && !scn_parse_mac(s, scn_next(a), &ev->mac))
		return false;
	const char *host = scn_peek(a) ? scn_value_of(scn_peek(a), "host") : NULL;
	if (host && (!scn_parse_mac(s, host, &ev->mac) || !scn_next(a)))
		return false;
	return scn_take_vlan(s, a, &ev->vid);
}

static bool
scn_same_event(const struct scn_event *want, const struct scn_event *got)
{
	const struct sw_event *w = &want->ev, *g = &got->ev;
	if (w->kind != g->kind || w->vid != g->vid || !ipaddr_equal(&w->group, &g->group))
		return false;
	/* That of a host is compared where it is given. */
	if ((w->kind == SW_EVENT_MAC_MOVED || !mac_is_zero(&w->mac)) && !mac_equal(&w->mac, &g->mac))
		return false;
	return w->kind == SW_EVENT_QUERIER ? w->family == g->family : want->port == got->port;
}

static void
scn_note_events(struct scn *s)
{
	char ip[IPADDR_STRLEN], mac[MAC_STRLEN];
	for (size_t i = 0; i < s->n_events; i++) {
		const struct scn_event *e = &s->events[i];
		if (!e->seen)
			scn_note(s, "event %s %s %s %s vlan=%u", event_names[e->ev.kind], e->port ? e->port->name : "-",
				 ipaddr_str(&e->ev.group, ip), mac_str(&e->ev.mac, mac), e->ev.vid);
	}
}

static bool
cmd_event(struct scn *s, struct scn_args *a)
{
	struct scn_event want = { .seen = false };
	if (!scn_parse_event(s, a, &want) || !scn_no_more(s, a))
		return false;
	for (size_t i = 0; i < s->n_events; i++) {
		if (!s->events[i].seen && scn_same_event(&want, &s->events[i])) {
			s->events[i].seen = true;
			return true;
		}
	}
	scn_fail(s, "there was no such event");
	scn_note_events(s);
	return false;
}

static bool
cmd_no_event(struct scn *s, struct scn_args *a)
{
	for (size_t i = 0; i < s->n_events; i++) {
		if (s->events[i].seen)
			continue;
		scn_fail(s, "there were events:");
		scn_note_events(s);
		return false;
	}
	return scn_no_more(s, a);
}

const struct scn_command scn_expectations[] = {
	{ "expect", cmd_expect }, { "expect-at", cmd_expect_at }, { "expect-after", cmd_expect_after },
	{ "event", cmd_event },   { "no-event", cmd_no_event },   { NULL, NULL },
};
