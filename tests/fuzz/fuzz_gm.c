/* gm_parse() behind the checks that random bytes never pass, and gm_build() as its inverse.
 *
 * Input: one byte how the message is wrapped (enum gm_wrap; bit 7: be strict about Router Alert), then the IGMP or MLD
 * message.
 */
#include "fuzz/fuzz.h"

#include <string.h>

#include "castswitch/cursor.h"
#include "castswitch/gm.h"
#include "fuzz/gm_check.h"
#include "fuzz/gm_wrap.h"

enum { STRICT = 0x80, FRAME_MAX = 65535 };

/* --- building it again --- */

struct rebuilt {
	struct gm_build b;
	struct gm_build_record *records;
	struct ipaddr *sources; /* of all records, or of the query */
	size_t n_sources;
	bool foreign; /* an IPv4-mapped source in MLD, which gm_build() refuses */
};

static void
add_source(struct rebuilt *r, const struct ipaddr *a)
{
	r->sources[r->n_sources++] = *a;
	r->foreign = r->foreign || (r->b.family == GM_MLD && ipaddr_is_v4(a));
}

static void
take_records(struct rebuilt *r, struct gm_msg m)
{
	struct gm_record rec;
	struct ipaddr a;

	while (gm_next_record(&m, &rec)) {
		struct gm_build_record *to = &r->records[r->b.n_records++];

		to->type = rec.type;
		to->group = rec.group;
		to->n_sources = rec.n;
		to->sources = r->sources + r->n_sources;
		while (gm_record_next_source(&rec, &a))
			add_source(r, &a);
	}
}

/* No message holds more of either than it has bytes. */
static struct rebuilt
take_message(const struct gm_msg *m, size_t len)
{
	struct rebuilt r = {
		.b = {
			.family = m->family, .kind = m->kind, .version = m->version,
			.eth_src = { { 2, 0, 0, 0, 0, 9 } }, .ip_src = m->src, .group = m->group,
			.max_resp = m->max_resp, .s_flag = m->s_flag, .qrv = m->qrv, .qqi = m->qqi,
		},
		.records = calloc(len, sizeof(*r.records)),
		.sources = calloc(len, sizeof(*r.sources)),
	};
	struct gm_msg walk = *m;
	struct ipaddr a;

	FUZZ_CHECK(r.records && r.sources);
	if (m->kind == GM_REPORT)
		take_records(&r, *m);
	while (m->kind == GM_QUERY && gm_query_next_source(&walk, &a))
		add_source(&r, &a);
	r.b.records = r.records;
	r.b.sources = r.sources;
	r.b.n_sources = m->kind == GM_QUERY ? (uint16_t)r.n_sources : 0;
	return r;
}

static void
check_built(const uint8_t *bytes, size_t len, const struct gm_msg *original)
{
	struct frame f = { .len = (uint32_t)len, .data = malloc(len) };
	const bool has_alert = original->family == GM_MLD || original->version != 1;
	struct gm_msg again;

	FUZZ_CHECK(f.data != NULL);
	memcpy(f.data, bytes, len);
	FUZZ_CHECK(frame_parse(&f) == DROP_NONE);
	FUZZ_CHECK(f.control == (original->family == GM_MLD ? FRAME_MLD : FRAME_IGMP));
	FUZZ_CHECK(gm_check_frame(&f, &(struct gm_rules){ .strict_router_alert = has_alert }, &again) == DROP_NONE);
	gm_check_same(original, &again);
	free(f.data);
}

static void
check_rebuilding(const struct gm_msg *m, size_t len)
{
	static uint8_t out[FRAME_MAX];
	struct rebuilt r = take_message(m, len);
	const size_t built = gm_build(&r.b, out, sizeof(out));

	FUZZ_CHECK((built == 0) == r.foreign);
	if (built) {
		check_built(out, built, m);
		FUZZ_CHECK(gm_build(&r.b, out, built - 1) == 0);
	}
	free(r.records);
	free(r.sources);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rcur message = rcur_of(data, size);
	const uint8_t wrap = rcur_u8(&message);
	const size_t len = rcur_left(&message);
	struct gm_msg m;

	if (message.failed || len > FRAME_MAX - WRAP_HEADERS_MAX)
		return 0;
	struct frame f = { .data = malloc(len + WRAP_HEADERS_MAX) };

	FUZZ_CHECK(f.data != NULL);
	f.len = (uint32_t)gm_wrap(f.data, wrap, 1, &message);
	f.data = realloc(f.data, f.len);
	FUZZ_CHECK(f.data != NULL);
	if (frame_parse(&f) == DROP_NONE && (f.control == FRAME_IGMP || f.control == FRAME_MLD) &&
	    gm_check_frame(&f, &(struct gm_rules){ .strict_router_alert = wrap & STRICT }, &m) == DROP_NONE)
		check_rebuilding(&m, len);
	free(f.data);
	return 0;
}
