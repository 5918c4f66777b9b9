/* src/wire/segment.c.  What is expected is built frame by frame from the same description as the superframe, its
 * checksums computed the plain way (wire_bytes.h); so every segment is compared to the last bit. */
#include "castswitch/segment.h"

#include <stdio.h>

#include "unit/wire_bytes.h"

enum {
	FIN = 0x01,
	PSH = 0x08,
	ACK = 0x10,
	CWR = 0x80,
	ROOM = 70000,
	UDP = 17,
	TCP = 6,
};

/* A flow of TCP or UDP.  Headers are given as text, with lengths, identifications and checksums to be filled in. */
struct flow {
	const char *name;
	const char *ethernet; /* with the tags and the ethertype */
	const char *ip[3];    /* outermost first, with options or extension headers */
	const char *l4;       /* with options */
	unsigned proto;
	uint8_t type; /* of gso */
};

#define MACS "0200000000 02 0200000000 01 "
#define V4 "4510 0000 fffe 4000 4006 0000 c0000201 c6336402 "
#define V4_UDP "45b8 0000 0000 0000 0111 0000 c0000201 ea010203 "
#define V4_OPTIONS "4700 0000 1234 0000 ff06 0000 c0000201 c6336402 01010101 94040000 "
#define V6 "6b812345 0000 0640 20010db8000000000000000000000001 20010db8000000000000000000000002 "
#define V6_UDP "60000000 0000 1101 fe800000000000000000000000000001 ff0500000000000000000000000000fb "
/* hop-by-hop of 16 bytes, then destination options of 8 */
#define V6_EXTENSIONS                                                                           \
	"60000000 0000 0040 20010db8000000000000000000000001 20010db8000000000000000000000002 " \
	"3c01 010400000000 0106000000000000"                                                    \
	"0600 010400000000"
#define V4_WITH_6IN4 "4500 0000 0001 0000 4029 0000 c0000201 c6336402 "
#define V6_WITH_4IN6 "60000000 0000 0440 20010db8000000000000000000000011 20010db8000000000000000000000012 "
#define V4_WITH_IPIP "4500 0000 0001 0000 4004 0000 c0000201 c6336402 "
#define TCP_PLAIN "c000 0050 ffffff00 01020304 5010 ffff 0000 0000 "
#define TCP_OPTIONS "c000 0050 00000000 01020304 8010 ffff 0000 0000 0101080a 11223344 55667788 "
#define UDP_HEADER "1234 5678 0000 0000 "

static const struct flow flows[] = {
	{ "TCP over IPv4", MACS "0800", { V4 }, TCP_PLAIN, TCP, SEGMENT_TCPV4 },
	{ "timestamps", MACS "0800", { V4 }, TCP_OPTIONS, TCP, SEGMENT_TCPV4 },
	{ "IPv4 options", MACS "0800", { V4_OPTIONS }, TCP_PLAIN, TCP, SEGMENT_TCPV4 },
	{ "one tag", MACS "8100 a00a 0800", { V4 }, TCP_OPTIONS, TCP, SEGMENT_TCPV4 },
	{ "two tags", MACS "88a8 0064 8100 000a 86dd", { V6 }, TCP_OPTIONS, TCP, SEGMENT_TCPV6 },
	{ "TCP over IPv6", MACS "86dd", { V6 }, TCP_PLAIN, TCP, SEGMENT_TCPV6 },
	{ "extension headers", MACS "86dd", { V6_EXTENSIONS }, TCP_OPTIONS, TCP, SEGMENT_TCPV6 },
	{ "UDP over IPv4", MACS "0800", { V4_UDP }, UDP_HEADER, UDP, SEGMENT_UDP },
	{ "UDP over IPv6, tagged", MACS "8100 0fff 86dd", { V6_UDP }, UDP_HEADER, UDP, SEGMENT_UDP },
	{ "IPv6 in IPv4", MACS "0800", { V4_WITH_6IN4, V6 }, TCP_PLAIN, TCP, SEGMENT_TCPV6 },
	{ "IPv4 in IPv6", MACS "86dd", { V6_WITH_4IN6, V4 }, TCP_PLAIN, TCP, SEGMENT_TCPV4 },
	{ "IPv4 in IPv4 in IPv6", MACS "86dd", { V6_WITH_4IN6, V4_WITH_IPIP, V4 }, TCP_PLAIN, TCP, SEGMENT_TCPV4 },
};
enum { N_FLOWS = sizeof(flows) / sizeof(flows[0]) };

/* --- frames built from a flow --- */

struct built {
	uint8_t b[ROOM];
	uint32_t len;
	uint32_t ip[3], l4, payload;
};

static uint32_t
append(struct built *f, const char *text)
{
	const struct bytes part = hex(text);
	const uint32_t at = f->len;

	memcpy(f->b + f->len, part.b, part.n);
	f->len += (uint32_t)part.n;
	return at;
}

static void
put(uint8_t *p, uint32_t v, unsigned bytes)
{
	while (bytes-- > 0) {
		p[bytes] = (uint8_t)v;
		v >>= 8;
	}
}

static uint32_t
number(const uint8_t *p, unsigned bytes)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v = v << 8 | p[i];
	return v;
}

static uint8_t
payload_byte(uint32_t i)
{
	return (uint8_t)(i * 7 + i / 251);
}

static uint32_t
pseudo_sum(const struct built *f, const struct flow *flow)
{
	const uint8_t *ip = f->b + f->ip[0];

	for (unsigned i = 1; i < 3 && flow->ip[i]; i++)
		ip = f->b + f->ip[i];
	return plain_sum(flow->proto + (f->len - f->l4), *ip >> 4 == 4 ? ip + 12 : ip + 8, *ip >> 4 == 4 ? 8 : 32);
}

/* The frame of flow with payload bytes [from, from + len), which is the index-th; complete, or with the checksum that
 * the kernel leaves: the pseudo header's sum. */
static void
build(struct built *f, const struct flow *flow, uint32_t from, uint32_t len, uint32_t index, uint8_t flags,
      bool partial)
{
	uint8_t *csum, *l4;

	f->len = 0;
	append(f, flow->ethernet);
	for (unsigned i = 0; i < 3 && flow->ip[i]; i++)
		f->ip[i] = append(f, flow->ip[i]);
	f->l4 = append(f, flow->l4);
	f->payload = f->len;
	for (uint32_t i = 0; i < len; i++)
		f->b[f->len++] = payload_byte(from + i);
	for (unsigned i = 0; i < 3 && flow->ip[i]; i++) {
		uint8_t *ip = f->b + f->ip[i];

		if (*ip >> 4 == 4) {
			put(ip + 2, f->len - f->ip[i], 2);
			put(ip + 4, number(ip + 4, 2) + index, 2);
			put(ip + 10, (uint16_t)~plain_sum(0, ip, (*ip & 15u) * 4), 2);
		} else {
			put(ip + 4, f->len - f->ip[i] - 40, 2);
		}
	}
	l4 = f->b + f->l4;
	csum = l4 + (flow->proto == TCP ? 16 : 6);
	if (flow->proto == TCP) {
		put(l4 + 4, number(l4 + 4, 4) + from, 4);
		l4[13] |= flags;
	} else {
		put(l4 + 4, f->len - f->l4, 2);
	}
	if (partial)
		put(csum, pseudo_sum(f, flow), 2);
	else
		put(csum, (uint16_t)~plain_sum(pseudo_sum(f, flow), l4, f->len - f->l4), 2);
	if (!partial && number(csum, 2) == 0)
		put(csum, 0xffff, 2);
}

static struct frame
superframe(struct built *f, const struct flow *flow, uint32_t len, uint16_t size, uint8_t flags, bool partial)
{
	struct frame ret;

	build(f, flow, 0, len, 0, flags, partial);
	ret = (struct frame){ .data = exact_copy(f->b, f->len), .len = f->len };
	ret.gso.type = flow->type;
	ret.gso.size = size;
	ret.gso.needs_csum = partial;
	ret.gso.csum_start = (uint16_t)f->l4;
	ret.gso.csum_offset = flow->proto == TCP ? 16 : 6;
	return ret;
}

/* --- good ones --- */

static void
expect_segments(const struct flow *flow, uint32_t len, uint16_t size, uint8_t flags, bool partial)
{
	static struct built super, expect;
	const struct frame f = superframe(&super, flow, len, size, flags, partial);
	static uint8_t got[FRAME_MAX_PLAIN];
	struct segment s;
	uint32_t at = 0, index = 0;

	assert_int_equal(segment_start(&s, &f), DROP_NONE);
	do {
		const uint32_t piece = len - at < size ? len - at : size;
		uint8_t expect_flags = flags;

		if (index > 0)
			expect_flags &= (uint8_t)~CWR;
		if (at + piece < len)
			expect_flags &= (uint8_t) ~(FIN | PSH);
		build(&expect, flow, at, piece, index, expect_flags, false);
		assert_true(segment_more(&s));
		memset(got, 0xa5, sizeof(got));
		if (segment_next(&s, got) != expect.len || memcmp(got, expect.b, expect.len) != 0)
			fail_msg("%s: %u bytes in pieces of %u: segment %u", flow->name, len, size, index);
		at += piece;
		index++;
	} while (at < len);
	assert_false(segment_more(&s));
	assert_memory_equal(f.data, super.b, super.len);
}

static void
segments_are_what_a_network_card_makes(void **state)
{
	static const struct {
		uint32_t len;
		uint16_t size;
	} cuts[] = {
		{ 0, 1448 },    { 1, 1 },        { 1, 1448 },     { 2, 1 },        { 1447, 1448 }, { 1448, 1448 },
		{ 1449, 1448 }, { 2895, 1448 },  { 2896, 1448 },  { 2897, 1448 },  { 2895, 1447 }, { 3001, 999 },
		{ 1024, 1 },    { 30000, 9000 }, { 60000, 1460 }, { 8191, 65535 },
	};

	(void)state;
	for (size_t i = 0; i < N_FLOWS; i++)
		for (size_t k = 0; k < sizeof(cuts) / sizeof(cuts[0]); k++) {
			expect_segments(&flows[i], cuts[k].len, cuts[k].size, 0, true);
			expect_segments(&flows[i], cuts[k].len, cuts[k].size, 0, false);
		}
}

static void
the_longest_packets_are_cut(void **state)
{
	(void)state;
	expect_segments(&flows[0], 65535 - 40, 1460, 0, true);
	expect_segments(&flows[5], 65535 - 20, 1440, 0, true);
	expect_segments(&flows[7], 65535 - 28, 1472, 0, true);
}

static void
fin_and_psh_are_on_the_last_and_cwr_on_the_first(void **state)
{
	static struct flow ecn;

	(void)state;
	for (unsigned flags = 0; flags < 8; flags++) {
		const uint8_t f = (uint8_t)((flags & 1 ? FIN : 0) | (flags & 2 ? PSH : 0) | (flags & 4 ? CWR : 0));

		expect_segments(&flows[0], 4000, 1460, f, true);
		expect_segments(&flows[5], 1460, 1460, f, true);
	}
	ecn = flows[0];
	ecn.type = SEGMENT_TCPV4 | SEGMENT_ECN;
	expect_segments(&ecn, 4000, 1460, CWR, true);
	ecn = flows[5];
	ecn.type = SEGMENT_TCPV6 | SEGMENT_ECN;
	expect_segments(&ecn, 4000, 1460, CWR | PSH, true);
}

/* With a routing header the addresses in sight are not those of the checksum: only the partial sum knows. */
static void
a_routing_header_leaves_the_pseudo_header_alone(void **state)
{
	static const struct flow routed = { "routing header",
					    MACS "86dd",
					    { "60000000 0000 2b40 20010db8000000000000000000000001 "
					      "20010db80000000000000000000000aa "
					      "0602 0201 00000000 20010db8000000000000000000000002" },
					    TCP_PLAIN,
					    TCP,
					    SEGMENT_TCPV6 };
	static struct built super, expect;
	struct frame f = superframe(&super, &routed, 3000, 1400, 0, true);
	static uint8_t got[FRAME_MAX_PLAIN];
	struct segment s;
	uint32_t sum;

	(void)state;
	/* the final destination instead of the one in the IPv6 header */
	sum = plain_sum(TCP + (super.len - super.l4), super.b + super.ip[0] + 8, 16);
	sum = plain_sum(sum, super.b + super.ip[0] + 40 + 8, 16);
	put(f.data + super.l4 + 16, sum, 2);
	assert_int_equal(segment_start(&s, &f), DROP_NONE);
	build(&expect, &routed, 0, 1400, 0, 0, false);
	assert_int_equal(segment_next(&s, got), expect.len);
	sum = plain_sum(TCP + (expect.len - expect.l4), got + expect.ip[0] + 8, 16);
	sum = plain_sum(sum, got + expect.ip[0] + 40 + 8, 16);
	assert_int_equal((uint16_t)~plain_sum(sum, got + expect.l4, expect.len - expect.l4), 0);
}

static void
padding_behind_the_packet_is_left_out(void **state)
{
	static struct built super, expect;
	struct frame f = superframe(&super, &flows[0], 2000, 1460, 0, true);
	static uint8_t got[FRAME_MAX_PLAIN];
	struct segment s;

	(void)state;
	memset(super.b + super.len, 0, 3);
	f.data = exact_copy(super.b, super.len + 3);
	f.len += 3;
	assert_int_equal(segment_start(&s, &f), DROP_NONE);
	segment_next(&s, got);
	build(&expect, &flows[0], 1460, 540, 1, 0, false);
	assert_int_equal(segment_next(&s, got), expect.len);
	assert_memory_equal(got, expect.b, expect.len);
	assert_false(segment_more(&s));
}

/* --- refused ones --- */

static void
expect_refused(const struct frame *f, const char *what)
{
	struct segment s, before;

	memset(&s, 0xa5, sizeof(s));
	memset(&before, 0xa5, sizeof(before));
	if (segment_start(&s, f) != DROP_BAD_GSO || memcmp(&s, &before, sizeof(s)) != 0)
		fail_msg("%s: not refused", what);
}

static void
unknown_kinds_are_refused(void **state)
{
	static struct built super;
	struct frame f;

	(void)state;
	for (size_t i = 0; i < N_FLOWS; i++)
		for (unsigned type = 0; type < 256; type++) {
			const unsigned tcp = type & ~(unsigned)SEGMENT_ECN;

			f = superframe(&super, &flows[i], 3000, 1400, 0, true);
			f.gso.type = (uint8_t)type;
			if (flows[i].proto == TCP ? tcp != flows[i].type : type != flows[i].type)
				expect_refused(&f, flows[i].name);
		}
}

static void
a_superframe_needs_a_size_that_makes_frames(void **state)
{
	static struct built super;
	struct segment s;
	struct frame f;

	(void)state;
	f = superframe(&super, &flows[0], 3000, 0, 0, true);
	expect_refused(&f, "size 0");
	f = superframe(&super, &flows[0], SEGMENT_MAX_COUNT * 2, 2, 0, true);
	assert_int_equal(segment_start(&s, &f), DROP_NONE);
	f = superframe(&super, &flows[0], SEGMENT_MAX_COUNT * 2 + 1, 2, 0, true);
	expect_refused(&f, "one segment too many");
	f = superframe(&super, &flows[0], 30000, FRAME_MAX_PLAIN - 54, 0, true);
	assert_int_equal(segment_start(&s, &f), DROP_NONE);
	f = superframe(&super, &flows[0], 30000, FRAME_MAX_PLAIN - 54 + 1, 0, true);
	expect_refused(&f, "segment one byte too long");
	f = superframe(&super, &flows[0], FRAME_MAX_PLAIN - 54, 65535, 0, true);
	assert_int_equal(segment_start(&s, &f), DROP_NONE);
	f = superframe(&super, &flows[0], FRAME_MAX_PLAIN - 54 + 1, 65535, 0, true);
	expect_refused(&f, "single segment one byte too long");
}

static void
checksum_offsets_must_agree(void **state)
{
	static struct built super;
	struct frame f;

	(void)state;
	for (int by = -1; by <= 1; by += 2) {
		f = superframe(&super, &flows[0], 3000, 1400, 0, true);
		f.gso.csum_start = (uint16_t)(f.gso.csum_start + by);
		expect_refused(&f, "csum_start");
		f = superframe(&super, &flows[7], 3000, 1400, 0, true);
		f.gso.csum_offset = (uint16_t)(f.gso.csum_offset + by);
		expect_refused(&f, "csum_offset");
	}
}

static void
a_frame_cut_anywhere_is_refused(void **state)
{
	static struct built super;

	(void)state;
	for (size_t i = 0; i < N_FLOWS; i++) {
		struct frame f = superframe(&super, &flows[i], 20, 7, 0, true);

		for (uint32_t len = 0; len < super.len; len++) {
			f.data = exact_copy(super.b, len);
			f.len = len;
			expect_refused(&f, flows[i].name);
		}
	}
}

/* Packets of all lengths up to the payload: the headers are whole, but there is no room for them in the packet. */
static void
a_packet_too_short_for_its_headers_is_refused(void **state)
{
	static struct built super;
	struct segment s;

	(void)state;
	for (size_t i = 0; i < N_FLOWS; i++) {
		const unsigned n = flows[i].ip[2] ? 3 : flows[i].ip[1] ? 2 : 1;

		superframe(&super, &flows[i], 20, 7, 0, true);
		for (uint32_t end = super.ip[n - 1]; end <= super.payload; end++) {
			struct frame f = superframe(&super, &flows[i], 20, 7, 0, true);

			for (unsigned k = 0; k < n; k++) {
				const bool v4 = f.data[super.ip[k]] >> 4 == 4;

				if (v4)
					put(f.data + super.ip[k] + 2, end - super.ip[k], 2);
				else if (end >= super.ip[k] + 40)
					put(f.data + super.ip[k] + 4, end - super.ip[k] - 40, 2);
				else
					put(f.data + super.ip[k] + 4, 0, 2);
			}
			if (end < super.payload)
				expect_refused(&f, flows[i].name);
			else
				assert_int_equal(segment_start(&s, &f), DROP_NONE);
		}
	}
}

static void
expect_byte_refused(const struct flow *flow, uint32_t at, uint8_t value, const char *what)
{
	static struct built super;
	struct frame f = superframe(&super, flow, 3000, 1400, 0, true);

	assert_int_not_equal(f.data[at], value);
	f.data[at] = value;
	expect_refused(&f, what);
}

static void
lying_headers_are_refused(void **state)
{
	const struct flow *v4 = &flows[0], *v6 = &flows[5], *ext = &flows[6], *inner = &flows[9];

	(void)state;
	expect_byte_refused(v4, 12, 0x86, "another ethertype");
	expect_byte_refused(v4, 14, 0x65, "IP version");
	expect_byte_refused(v4, 14, 0x44, "IPv4 header of 16 bytes");
	expect_byte_refused(v4, 14, 0x46, "IPv4 header of 24 bytes, the checksum does not begin there");
	expect_byte_refused(v4, 20, 0x60, "more fragments");
	expect_byte_refused(v4, 21, 0x01, "fragment");
	expect_byte_refused(v4, 23, 0x2f, "GRE");
	expect_byte_refused(v4, 23, 0x11, "UDP in the type of TCP");
	expect_byte_refused(v4, 34 + 12, 0x40, "TCP header of 16 bytes");
	expect_byte_refused(v6, 14, 0x4b, "IP version");
	expect_byte_refused(v6, 20, 0x2c, "fragment header");
	expect_byte_refused(ext, 14 + 40 + 1, 0xff, "hop-by-hop header past the packet");
	expect_byte_refused(ext, 14 + 40 + 16, 0x32, "ESP");
	expect_byte_refused(inner, 14 + 20 + 5, 0x10, "inner packet shorter than the outer one's room");
}

/* The last header that is there announces another one; exact_copy() shows whoever looks for it. */
static void
headers_that_end_with_the_frame_are_refused(void **state)
{
	static const struct {
		const char *what, *bytes;
		uint8_t type;
	} cases[] = {
		{ "hop-by-hop",
		  MACS "86dd 60000000 0000 0040 20010db8000000000000000000000001"
		       "20010db8000000000000000000000002",
		  SEGMENT_TCPV6 },
		{ "half an option header",
		  MACS "86dd 60000000 0001 3c40 20010db8000000000000000000000001"
		       "20010db8000000000000000000000002 06",
		  SEGMENT_TCPV6 },
		{ "hop-by-hop header past the end",
		  MACS "86dd 60000000 0008 0040 20010db8000000000000000000000001"
		       "20010db8000000000000000000000002 00ff010400000000",
		  SEGMENT_TCPV6 },
		{ "packet shorter than its header", MACS "0800 4500 0010 0001 0000 4004 0000 c0000201 c6336402",
		  SEGMENT_TCPV4 },
		{ "IPv4 header of 16 bytes",
		  MACS "0800 4400 0024 0001 0000 4006 0000 c0000201"
		       "c0000050 00000000 01020304 5010ffff 00000000",
		  SEGMENT_TCPV4 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct bytes d = hex(cases[i].bytes);
		struct frame f = { .data = exact_copy(d.b, d.n), .len = (uint32_t)d.n };

		f.gso.type = cases[i].type;
		f.gso.size = 1400;
		expect_refused(&f, cases[i].what);
	}
}

static void
too_many_headers_are_refused(void **state)
{
	static const struct flow tags = { "three tags", MACS "8100 0001 8100 0002 8100 0003 0800",
					  { V4 },       TCP_PLAIN,
					  TCP,          SEGMENT_TCPV4 };
	static const struct flow nested = {
		"four IP headers", MACS "0800", { V4_WITH_IPIP, V4_WITH_IPIP, V4_WITH_IPIP V4 },
		TCP_PLAIN,         TCP,         SEGMENT_TCPV4
	};
	static struct built super;
	struct frame f = superframe(&super, &tags, 3000, 1400, 0, true);

	(void)state;
	expect_refused(&f, tags.name);
	f = superframe(&super, &nested, 3000, 1400, 0, true);
	put(f.data + super.ip[2] + 20 + 2, super.len - super.ip[2] - 20, 2);
	expect_refused(&f, nested.name);
}

/* --- partial checksums --- */

static struct frame
partial_frame(struct built *f, const struct flow *flow, uint32_t len)
{
	struct frame ret = superframe(f, flow, len, 0, 0, true);

	ret.gso.type = 0;
	return ret;
}

static void
partial_checksums_are_completed(void **state)
{
	static struct built partial, expect;

	(void)state;
	for (size_t i = 0; i < N_FLOWS; i++)
		for (uint32_t len = 0; len < 40; len++) {
			struct frame f = partial_frame(&partial, &flows[i], len);

			assert_true(segment_complete_csum(&f));
			build(&expect, &flows[i], 0, len, 0, 0, false);
			assert_false(f.gso.needs_csum);
			assert_int_equal(f.len, expect.len);
			assert_memory_equal(f.data, expect.b, expect.len);
		}
}

static void
a_sum_of_zero_is_written_as_ffff(void **state)
{
	static struct built expect, partial;
	struct frame f;

	(void)state;
	/* Two bytes of payload that hold what the sum lacks. */
	build(&expect, &flows[7], 0, 2, 0, 0, false);
	f = partial_frame(&partial, &flows[7], 2);
	put(f.data + partial.payload, number(expect.b + expect.l4 + 6, 2) + number(expect.b + expect.payload, 2), 2);
	assert_true(number(expect.b + expect.l4 + 6, 2) + number(expect.b + expect.payload, 2) <= 0xffff);
	assert_true(segment_complete_csum(&f));
	assert_int_equal(number(f.data + partial.l4 + 6, 2), 0xffff);
}

static void
offsets_outside_the_frame_are_refused(void **state)
{
	static struct built partial;
	struct frame f = partial_frame(&partial, &flows[7], 0);

	(void)state;
	f.gso.csum_start = (uint16_t)(f.len - 2);
	f.gso.csum_offset = 0;
	assert_true(segment_complete_csum(&f));
	f = partial_frame(&partial, &flows[7], 0);
	f.gso.csum_start = (uint16_t)(f.len - 1);
	f.gso.csum_offset = 0;
	assert_false(segment_complete_csum(&f));
	f.gso.csum_start = 0;
	f.gso.csum_offset = (uint16_t)(f.len - 1);
	assert_false(segment_complete_csum(&f));
	f.gso.csum_start = f.gso.csum_offset = 65535;
	assert_false(segment_complete_csum(&f));
	f.gso.csum_start = (uint16_t)(f.len - 11);
	f.gso.csum_offset = 8; /* SCTP's has four bytes */
	assert_false(segment_complete_csum(&f));
	assert_true(f.gso.needs_csum);
	assert_memory_equal(f.data, partial.b, partial.len);
}

/* CRC32c bit by bit, RFC 9260 appendix A. */
static uint32_t
plain_crc32c(const uint8_t *p, size_t len)
{
	uint32_t crc = 0xffffffff;

	for (size_t bit = 0; bit < len * 8; bit++) {
		crc ^= (uint32_t)(p[bit / 8] >> bit % 8 & 1);
		crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

static void
sctp_gets_its_crc(void **state)
{
	struct bytes d = hex(MACS "0800 4500 0034 0001 4000 4084 0000 c0000201 c6336402 "
				  "0b59 0b59 01020304 deadbeef 00030014 00000001 00010002 00000000 74657374");
	const struct bytes zero = hex("00000000");
	struct frame f = { .data = exact_copy(d.b, d.n), .len = (uint32_t)d.n };
	uint32_t crc;

	(void)state;
	assert_int_equal(plain_crc32c((const uint8_t *)"123456789", 9), 0xe3069283);
	f.gso.needs_csum = true;
	f.gso.csum_start = 34;
	f.gso.csum_offset = 8;
	assert_true(segment_complete_csum(&f));
	memcpy(d.b + 34 + 8, zero.b, 4);
	crc = plain_crc32c(d.b + 34, d.n - 34);
	for (unsigned i = 0; i < 4; i++)
		d.b[34 + 8 + i] = (uint8_t)(crc >> 8 * i);
	assert_memory_equal(f.data, d.b, d.n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_are_what_a_network_card_makes),
		cmocka_unit_test(the_longest_packets_are_cut),
		cmocka_unit_test(fin_and_psh_are_on_the_last_and_cwr_on_the_first),
		cmocka_unit_test(a_routing_header_leaves_the_pseudo_header_alone),
		cmocka_unit_test(padding_behind_the_packet_is_left_out),
		cmocka_unit_test(unknown_kinds_are_refused),
		cmocka_unit_test(a_superframe_needs_a_size_that_makes_frames),
		cmocka_unit_test(checksum_offsets_must_agree),
		cmocka_unit_test(a_frame_cut_anywhere_is_refused),
		cmocka_unit_test(a_packet_too_short_for_its_headers_is_refused),
		cmocka_unit_test(lying_headers_are_refused),
		cmocka_unit_test(headers_that_end_with_the_frame_are_refused),
		cmocka_unit_test(too_many_headers_are_refused),
		cmocka_unit_test(partial_checksums_are_completed),
		cmocka_unit_test(a_sum_of_zero_is_written_as_ffff),
		cmocka_unit_test(offsets_outside_the_frame_are_refused),
		cmocka_unit_test(sctp_gets_its_crc),
	};

	return cmocka_run_group_tests_name("segment", tests, NULL, free_copy);
}
