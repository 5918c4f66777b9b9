/* gm_parse() behind the checks that random bytes never pass, and gm_build() as its inverse.
 *
 * Input: one byte how the message is wrapped, then the IGMP or MLD message.  The wrapping is sound: lengths, checksums,
 * TTL, Router Alert.  Of the first byte: bit 0 MLD; bits 1-2 source; bits 3-5 destination, 0 = what the message asks
 * for; bit 6 no Router Alert; bit 7 strict about it.
 */
#include "fuzz/fuzz.h"

#include <string.h>

#include "castswitch/csum.h"
#include "castswitch/cursor.h"
#include "castswitch/gm.h"
#include "fuzz/gm_check.h"

enum {
	WRAP_MLD = 0x01,
	WRAP_NO_ALERT = 0x40,
	WRAP_STRICT = 0x80,
	FRAME_MAX = 65535,
	HEADERS_MAX = 14 + 40 + 8,
	TYPE_IGMP_QUERY = 0x11,
	TYPE_IGMP_LEAVE = 0x17,
	TYPE_IGMPV3_REPORT = 0x22,
	TYPE_MLD_QUERY = 130,
	TYPE_MLD_DONE = 132,
	TYPE_MLDV2_REPORT = 143,
};

static struct ipaddr
address(const char *text)
{
	struct ipaddr a = IPADDR_ANY;

	FUZZ_CHECK(ipaddr_parse(text, &a));
	return a;
}

static struct ipaddr
source_of(uint8_t wrap)
{
	static const char *const v4[4] = { "10.0.0.1", "0.0.0.0", "127.0.0.1", "255.255.255.255" };
	static const char *const v6[4] = { "fe80::1", "::", "2001:db8::1", "ff02::1" };

	return address((wrap & WRAP_MLD ? v6 : v4)[wrap >> 1 & 3]);
}

/* The address in the message's place for a group; any is the family's unspecified one. */
static struct ipaddr
group_in(const struct rcur *message, bool mld)
{
	struct rcur c = *message;
	struct ipaddr a = IPADDR_ANY;
	uint8_t v4[4];

	rcur_skip(&c, mld ? 8 : 4);
	if (mld) {
		rcur_copy(&c, a.b, sizeof(a.b));
		return a;
	}
	rcur_copy(&c, v4, sizeof(v4));
	return ipaddr_v4(v4);
}

static struct ipaddr
destination_asked(const struct rcur *message, bool mld)
{
	struct rcur c = *message;
	const uint8_t type = rcur_u8(&c);
	const struct ipaddr group = group_in(message, mld);

	if (type == (mld ? TYPE_MLDV2_REPORT : TYPE_IGMPV3_REPORT))
		return address(mld ? "ff02::16" : "224.0.0.22");
	if (type == (mld ? TYPE_MLD_DONE : TYPE_IGMP_LEAVE))
		return address(mld ? "ff02::2" : "224.0.0.2");
	if (type == (mld ? TYPE_MLD_QUERY : TYPE_IGMP_QUERY) && ipaddr_is_unspecified(&group))
		return address(mld ? "ff02::1" : "224.0.0.1");
	return group;
}

static struct ipaddr
destination_of(uint8_t wrap, const struct rcur *message)
{
	static const char *const v4[7] = { "224.0.0.1", "224.0.0.2", "224.0.0.22", "239.1.2.3", "10.0.0.2", "0.0.0.0" };
	static const char *const v6[7] = { "ff02::1", "ff02::2", "ff02::16", "ff3e::1234", "fe80::2", "::" };
	const unsigned which = wrap >> 3 & 7;

	if (which == 0)
		return destination_asked(message, wrap & WRAP_MLD);
	if (which == 7)
		return group_in(message, wrap & WRAP_MLD);
	return address((wrap & WRAP_MLD ? v6 : v4)[which - 1]);
}

/* --- wrapping --- */

static void
put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
write_ipv4(struct wcur *w, const struct ipaddr *src, const struct ipaddr *dst, bool alert, size_t len)
{
	static const uint8_t router_alert[4] = { 0x94, 4, 0, 0 };
	const size_t header = alert ? 24 : 20;
	uint8_t *ip = w->p;

	wcur_u8(w, alert ? 0x46 : 0x45);
	wcur_u8(w, 0xc0);
	wcur_u16(w, header + len);
	wcur_zero(w, 4);
	wcur_u8(w, 1);
	wcur_u8(w, 2);
	wcur_zero(w, 2);
	wcur_bytes(w, src->b + 12, 4);
	wcur_bytes(w, dst->b + 12, 4);
	if (alert)
		wcur_bytes(w, router_alert, sizeof(router_alert));
	put16(ip + 10, csum_fold(csum_add(0, ip, header)));
}

static void
write_ipv6(struct wcur *w, const struct ipaddr *src, const struct ipaddr *dst, bool alert, size_t len)
{
	static const uint8_t router_alert[8] = { 58, 0, 5, 2, 0, 0, 1, 0 };

	wcur_u32(w, 0x60000000);
	wcur_u16(w, len + (alert ? sizeof(router_alert) : 0));
	wcur_u8(w, alert ? 0 : 58);
	wcur_u8(w, 1);
	wcur_bytes(w, src->b, sizeof(src->b));
	wcur_bytes(w, dst->b, sizeof(dst->b));
	if (alert)
		wcur_bytes(w, router_alert, sizeof(router_alert));
}

static void
write_frame(struct wcur *w, uint8_t wrap, const struct rcur *message)
{
	const bool is_mld = wrap & WRAP_MLD, alert = !(wrap & WRAP_NO_ALERT);
	const struct ipaddr src = source_of(wrap), dst = destination_of(wrap, message);
	const struct mac group_mac = ipaddr_group_mac(&dst);
	const size_t len = rcur_left(message);
	const uint64_t pseudo = is_mld ? csum_pseudo(&src, &dst, 58, (uint32_t)len) : 0;

	wcur_bytes(w, group_mac.b, sizeof(group_mac.b));
	wcur_bytes(w, (const uint8_t[]){ 2, 0, 0, 0, 0, 1 }, 6);
	wcur_u16(w, is_mld ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
	(is_mld ? write_ipv6 : write_ipv4)(w, &src, &dst, alert, len);
	uint8_t *copy = w->p;

	wcur_bytes(w, message->p, len);
	if (w->failed || len < 4)
		return;
	put16(copy + 2, 0);
	put16(copy + 2, csum_fold(csum_add(pseudo, copy, len)));
}

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

	if (message.failed || len > FRAME_MAX - HEADERS_MAX)
		return 0;
	struct frame f = { .data = malloc(len + HEADERS_MAX) };
	FUZZ_CHECK(f.data != NULL);
	struct wcur w = wcur_of(f.data, len + HEADERS_MAX);

	write_frame(&w, wrap, &message);
	f.len = (uint32_t)wcur_len(&w);
	f.data = realloc(f.data, f.len);
	FUZZ_CHECK(f.data != NULL && !w.failed);
	if (frame_parse(&f) == DROP_NONE && (f.control == FRAME_IGMP || f.control == FRAME_MLD) &&
	    gm_check_frame(&f, &(struct gm_rules){ .strict_router_alert = wrap & WRAP_STRICT }, &m) == DROP_NONE)
		check_rebuilding(&m, len);
	free(f.data);
	return 0;
}
