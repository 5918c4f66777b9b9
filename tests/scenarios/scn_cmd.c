/* The scenario runner: commands of time and frames. */
#include "scn.h"

#include <string.h>

/* --- time --- */

static bool
cmd_at(struct scn *s, struct scn_args *a)
{
	nsec_t t;
	if (!scn_step(s) || !scn_parse_duration(s, scn_next(a), &t))
		return false;
	if (mono_before(scn_time(t), s->now))
		return scn_fail(s, "that is past");
	return scn_no_more(s, a) && scn_advance(s, scn_time(t));
}

static bool
cmd_after(struct scn *s, struct scn_args *a)
{
	nsec_t d;
	return scn_step(s) && scn_parse_duration(s, scn_next(a), &d) && scn_no_more(s, a) &&
	       scn_advance(s, mono_add(s->now, d));
}

/* As 'after', but whatever is sent meanwhile is nobody's interest. */
static bool
cmd_settle(struct scn *s, struct scn_args *a)
{
	if (s->is_setup)
		scn_forgive(s);
	if (!cmd_after(s, a))
		return false;
	scn_forgive(s);
	return true;
}

/* ignore queries|PORT ... | ignore none: for ports there are and ports to come. */
static bool
cmd_ignore(struct scn *s, struct scn_args *a)
{
	struct scn_port *p;
	if (!scn_setup(s))
		return false;
	bool none = scn_next_is(a, "none");
	while (scn_peek(a)) {
		if (scn_next_is(a, "queries"))
			s->ignore_queries = true;
		else if (scn_parse_port(s, scn_next(a), &p))
			p->ignored = true;
		else
			return false;
	}
	s->ignore_queries = s->ignore_queries && !none;
	for (int i = 0; i < s->n_ports; i++) {
		s->ports[i].queries_ignored = s->ignore_queries;
		s->ports[i].ignored = s->ports[i].ignored && !none;
	}
	for (size_t i = 0; i < s->n_sent; i++)
		if (s->sent[i].port->ignored || (s->sent[i].own && s->ignore_queries))
			s->sent[i].consumed = true;
	return true;
}

/* --- frames --- */

static bool
scn_hold_frame(struct scn *s, const struct scn_frame *f)
{
	uint8_t buf[SCN_BYTES];
	for (uint32_t i = 0; i < f->repeat; i++) {
		size_t len = scn_frame_build(s, f, f->repeat > 1 ? i : f->seq, buf);
		if (!len || !scn_hold(s, buf, len))
			return false;
	}
	return true;
}

/* A frame that goes to the switch together with the next 'rx'. */
static bool
cmd_hold(struct scn *s, struct scn_args *a)
{
	struct scn_frame f;
	return scn_step(s) && scn_frame_parse(s, a, &f) && scn_no_more(s, a) && scn_hold_frame(s, &f);
}

/* The port must have been sent the frames just received, unchanged and in order. */
static bool
scn_expect_received(struct scn *s, const char *name, void *arg)
{
	const size_t n = *(const size_t *)arg;
	struct scn_port *p;
	if (!scn_parse_port(s, name, &p))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct scn_sent *e = scn_oldest_sent(s, p);
		while (e && e->own) {
			struct scn_sent *end = s->sent + s->n_sent;
			for (e++; e < end && (e->port != p || e->consumed); e++)
				;
			e = e < end ? e : NULL;
		}
		if (!e || e->len != s->rx[i].len || memcmp(e->bytes, s->rx_bytes[i] + FRAME_HEADROOM, e->len) != 0) {
			scn_fail(s, "'%s' did not get %s", name, n > 1 ? "all of the frames in order" : "the frame");
			scn_note_sent(s);
			return false;
		}
		e->consumed = true;
	}
	return true;
}

static bool
scn_expect_no_copies(struct scn *s)
{
	for (size_t i = 0; i < s->n_sent; i++) {
		if (s->sent[i].consumed || s->sent[i].own)
			continue;
		scn_fail(s, "'%s' got the frame", s->sent[i].port->name);
		scn_note_sent(s);
		return false;
	}
	return true;
}

/* rx PORT FRAME [=> PORT,... | => nobody] */
static bool
cmd_rx(struct scn *s, struct scn_args *a)
{
	struct scn_frame f;
	struct scn_port *in;
	if (!scn_step(s) || !scn_parse_port(s, scn_next(a), &in) || !scn_frame_parse(s, a, &f) ||
	    !scn_hold_frame(s, &f))
		return false;
	size_t n = s->n_held;
	if (!scn_receive(s, in))
		return false;
	if (!scn_next_is(a, "=>"))
		return scn_no_more(s, a);
	const char *ports = scn_next(a);
	if (!ports)
		return scn_fail(s, "=> PORT,... or => nobody");
	if (strcmp(ports, "nobody") != 0 && !scn_each_part(s, ports, scn_expect_received, &n))
		return false;
	return scn_no_more(s, a) && scn_expect_no_copies(s);
}

const struct scn_command scn_commands[] = {
	{ "at", cmd_at },     { "after", cmd_after }, { "settle", cmd_settle }, { "ignore", cmd_ignore },
	{ "hold", cmd_hold }, { "rx", cmd_rx },       { NULL, NULL },
};
