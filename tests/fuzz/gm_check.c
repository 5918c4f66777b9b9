/* The promises of gm.h about a parsed message, as checks. */
#include "fuzz/gm_check.h"

#include <string.h>

#include "fuzz/fuzz.h"

static bool
inside(const struct rcur *c, const struct frame *f)
{
	return !c->failed && c->p >= f->data + f->l4 && c->p <= c->end && c->end <= f->data + f->ip_end;
}

static void
check_query(const struct gm_msg *m, const struct frame *f)
{
	struct gm_msg walk = *m;
	struct ipaddr source;
	unsigned n = 0;

	FUZZ_CHECK(ipaddr_is_any(&m->group) || ipaddr_is_multicast(&m->group));
	FUZZ_CHECK(m->qrv <= 7);
	if (m->version != (m->family == GM_IGMP ? 3 : 2))
		FUZZ_CHECK(m->n == 0 && m->qqi == 0 && m->qrv == 0 && !m->s_flag);
	else
		FUZZ_CHECK(inside(&m->body, f) && rcur_left(&m->body) == m->n * (m->family == GM_IGMP ? 4u : 16u));
	for (; gm_query_next_source(&walk, &source); n++)
		FUZZ_CHECK(m->family == GM_MLD || ipaddr_is_v4(&source));
	FUZZ_CHECK(n == m->n && walk.n == 0 && !walk.body.failed);
}

static void
check_record(const struct gm_record *rec, enum gm_family family, const struct frame *f)
{
	struct gm_record walk = *rec;
	struct ipaddr source;
	unsigned n = 0;

	FUZZ_CHECK(inside(&rec->sources, f));
	FUZZ_CHECK(ipaddr_is_v4(&rec->group) == (family == GM_IGMP));
	for (; gm_record_next_source(&walk, &source); n++)
		FUZZ_CHECK(family == GM_MLD || ipaddr_is_v4(&source));
	FUZZ_CHECK(n == rec->n && walk.n == 0 && rcur_left(&walk.sources) == 0);
}

/* Records follow each other as RFC 3376 4.2.4 and RFC 3810 5.2.4 draw them: a header with the lengths of what follows,
 * the group, sources, auxiliary data in 32-bit words. */
static void
check_report(const struct gm_msg *m, const struct frame *f)
{
	const size_t address = m->family == GM_IGMP ? 4 : 16;
	const uint8_t *at = m->body.p;
	struct gm_msg walk = *m;
	struct gm_record rec;
	unsigned n = 0;

	FUZZ_CHECK(inside(&m->body, f));
	for (; gm_next_record(&walk, &rec); n++) {
		check_record(&rec, m->family, f);
		FUZZ_CHECK(rec.type == at[0] && rec.n == (at[2] << 8 | at[3]) && rec.sources.p == at + 4 + address);
		at = rec.sources.end + at[1] * (size_t)4;
		FUZZ_CHECK(walk.body.p == at);
	}
	FUZZ_CHECK(n == m->n && walk.n == 0 && !walk.body.failed);
}

static void
check_message(const struct gm_msg *m, const struct frame *f)
{
	FUZZ_CHECK(m->family == (f->control == FRAME_MLD ? GM_MLD : GM_IGMP));
	FUZZ_CHECK(m->version >= 1 && m->version <= (m->family == GM_MLD ? 2 : 3));
	FUZZ_CHECK(ipaddr_equal(&m->src, &f->ip_src) && !ipaddr_is_multicast(&m->src));
	FUZZ_CHECK(f->hops == 1 && !f->fragment && !f->bad_headers);
	switch (m->kind) {
	case GM_QUERY:
		check_query(m, f);
		break;
	case GM_REPORT_OLD:
	case GM_LEAVE:
		FUZZ_CHECK(ipaddr_is_multicast(&m->group) && m->n == 0);
		break;
	case GM_REPORT:
		FUZZ_CHECK(m->version == (m->family == GM_MLD ? 2 : 3));
		check_report(m, f);
		break;
	default:
		FUZZ_CHECK(false);
	}
}

enum drop_reason
gm_check_frame(const struct frame *f, const struct gm_rules *rules, struct gm_msg *ret)
{
	struct gm_msg poison;

	memset(&poison, 0xa5, sizeof(poison));
	memcpy(ret, &poison, sizeof(poison));
	const enum drop_reason r = gm_parse(f, rules, ret);

	if (r == DROP_NONE)
		check_message(ret, f);
	else
		FUZZ_CHECK(memcmp(ret, &poison, sizeof(poison)) == 0);
	return r;
}

static void
check_same_records(struct gm_msg a, struct gm_msg b)
{
	struct gm_record ra, rb;

	while (gm_next_record(&a, &ra)) {
		struct ipaddr sa, sb;

		FUZZ_CHECK(gm_next_record(&b, &rb));
		FUZZ_CHECK(ra.type == rb.type && ra.n == rb.n && ipaddr_equal(&ra.group, &rb.group));
		while (gm_record_next_source(&ra, &sa))
			FUZZ_CHECK(gm_record_next_source(&rb, &sb) && ipaddr_equal(&sa, &sb));
	}
}

void
gm_check_same(const struct gm_msg *a, const struct gm_msg *b)
{
	struct gm_msg wa = *a, wb = *b;
	struct ipaddr sa, sb;

	FUZZ_CHECK(a->family == b->family && a->kind == b->kind && a->version == b->version && a->n == b->n);
	FUZZ_CHECK(ipaddr_equal(&a->src, &b->src));
	if (a->kind == GM_REPORT) {
		check_same_records(*a, *b);
		return;
	}
	FUZZ_CHECK(ipaddr_equal(&a->group, &b->group));
	FUZZ_CHECK(a->max_resp == b->max_resp && a->qqi == b->qqi && a->qrv == b->qrv && a->s_flag == b->s_flag);
	while (a->kind == GM_QUERY && gm_query_next_source(&wa, &sa))
		FUZZ_CHECK(gm_query_next_source(&wb, &sb) && ipaddr_equal(&sa, &sb));
}
