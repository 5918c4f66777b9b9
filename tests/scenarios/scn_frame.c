/* The scenario runner: what a script says of a frame. */
#include "scn.h"

#include <stdlib.h>
#include <string.h>

#define FIELD(key, kind, member, bit)                                    \
	{                                                                \
		key, kind, offsetof(struct scn_frame, member), NULL, bit \
	}

static const struct scn_option fields[] = {
	FIELD("from", SCN_OPT_MAC, from, SCN_FROM),
	FIELD("to", SCN_OPT_MAC, to, SCN_TO),
	FIELD("src", SCN_OPT_IP, src, SCN_SRC),
	FIELD("group", SCN_OPT_IP, dst, SCN_DST),
	FIELD("dst", SCN_OPT_IP, ip_dst, SCN_IP_DST),
	FIELD("size", SCN_OPT_U32, size, SCN_SIZE),
	FIELD("ttl", SCN_OPT_U32, ttl, SCN_TTL),
	FIELD("type", SCN_OPT_U32, type, SCN_TYPE),
	FIELD("vlan", SCN_OPT_U32, vlan, SCN_VLAN),
	FIELD("inner-vlan", SCN_OPT_U32, inner_vlan, SCN_INNER_VLAN),
	FIELD("service-vlan", SCN_OPT_U32, service_vlan, SCN_SERVICE_VLAN),
	FIELD("untagged", SCN_OPT_BOOL, untagged, 0),
	FIELD("seq", SCN_OPT_U32, seq, SCN_SEQ),
	FIELD("repeat", SCN_OPT_U32, repeat, SCN_SEQ),
	FIELD("v", SCN_OPT_U8, version, SCN_VERSION),
	FIELD("max-resp", SCN_OPT_DURATION, max_resp, SCN_MAX_RESP),
	FIELD("hold", SCN_OPT_DURATION, max_resp, SCN_MAX_RESP),
	FIELD("qrv", SCN_OPT_U8, qrv, SCN_QRV),
	FIELD("qqi", SCN_OPT_DURATION, qqi, SCN_QQI),
	FIELD("s-flag", SCN_OPT_BOOL, s_flag, 0),
	FIELD("bad-checksum", SCN_OPT_BOOL, bad_checksum, 0),
	FIELD("bad-ip-checksum", SCN_OPT_BOOL, bad_ip_checksum, 0),
	FIELD("no-router-alert", SCN_OPT_BOOL, no_router_alert, 0),
	FIELD("fragment", SCN_OPT_BOOL, fragment, 0),
	FIELD("truncate", SCN_OPT_U32, truncate, 0),
	FIELD("cut", SCN_OPT_U32, cut, 0),
	FIELD("pad", SCN_OPT_U32, pad, 0),
	FIELD("n-records", SCN_OPT_U32, lie_records, 0),
	FIELD("n-sources", SCN_OPT_U32, lie_sources, 0),
};

static const struct {
	const char *name;
	enum scn_form form;
	enum gm_family family;
	enum gm_kind kind;
	uint8_t version;
} forms[] = {
	{ "udp", SCN_UDP, GM_IGMP, GM_QUERY, 0 },
	{ "eth", SCN_ETH, GM_IGMP, GM_QUERY, 0 },
	{ "arp", SCN_ARP, GM_IGMP, GM_QUERY, 0 },
	{ "pim-hello", SCN_PIM, GM_IGMP, GM_QUERY, 0 },
	{ "mrd-advertisement", SCN_MRD, GM_IGMP, GM_REPORT, 0 },
	{ "mrd-termination", SCN_MRD, GM_IGMP, GM_LEAVE, 0 },
	{ "mrd-solicitation", SCN_MRD, GM_IGMP, GM_QUERY, 0 },
	{ "hex", SCN_HEX, GM_IGMP, GM_QUERY, 0 },
	{ "igmp-query", SCN_GM, GM_IGMP, GM_QUERY, 3 },
	{ "igmp1-report", SCN_GM, GM_IGMP, GM_REPORT_OLD, 1 },
	{ "igmp2-report", SCN_GM, GM_IGMP, GM_REPORT_OLD, 2 },
	{ "igmp2-leave", SCN_GM, GM_IGMP, GM_LEAVE, 2 },
	{ "igmp3-report", SCN_GM, GM_IGMP, GM_REPORT, 3 },
	{ "mld-query", SCN_GM, GM_MLD, GM_QUERY, 2 },
	{ "mld1-report", SCN_GM, GM_MLD, GM_REPORT_OLD, 1 },
	{ "mld1-done", SCN_GM, GM_MLD, GM_LEAVE, 1 },
	{ "mld2-report", SCN_GM, GM_MLD, GM_REPORT, 2 },
};

/* --- lists of addresses --- */

static bool
scn_add_addr(struct scn *s, struct scn_frame *f, const struct ipaddr *a)
{
	if (f->n_addrs == SCN_ADDRS)
		return scn_fail(s, "more than %d sources", SCN_ADDRS);
	f->addrs[f->n_addrs++] = *a;
	return true;
}

static bool
scn_add_addrs(struct scn *s, const char *part, void *arg)
{
	char text[64];
	struct ipaddr a;
	uint32_t count = 1;
	const char *plus = strchr(part, '+');
	size_t n = plus ? (size_t)(plus - part) : strlen(part);
	if (n >= sizeof(text))
		return scn_fail(s, "'%s' is no address", part);
	memcpy(text, part, n);
	text[n] = 0;
	if (!scn_parse_ip(s, text, &a) || (plus && !scn_parse_u32(s, plus + 1, 255, &count)))
		return false;
	while (count--) {
		if (!scn_add_addr(s, arg, &a))
			return false;
		a.b[15]++;
	}
	return true;
}

bool
scn_parse_addrs(struct scn *s, struct scn_frame *f, const char *list, uint16_t *ret_first, uint16_t *ret_n)
{
	uint16_t first = f->n_addrs;
	if (!scn_each_part(s, list, scn_add_addrs, f))
		return false;
	*ret_first = first;
	*ret_n = (uint16_t)(f->n_addrs - first);
	return true;
}

/* --- the records of a report: { is_in GROUP S1,S2 ; to_ex GROUP } --- */

static bool
scn_record_type(struct scn *s, const char *word, uint8_t *ret)
{
	uint32_t number;
	for (uint8_t t = GM_IS_IN; t <= GM_BLOCK; t++) {
		if (strcmp(word, scn_record_name(t)) == 0) {
			*ret = t;
			return true;
		}
	}
	if (!scn_parse_u32(s, word, UINT8_MAX, &number))
		return false;
	*ret = (uint8_t)number;
	return true;
}

static bool
scn_parse_record(struct scn *s, struct scn_args *a, struct scn_frame *f)
{
	if (f->n_records == SCN_RECORDS)
		return scn_fail(s, "more than %d records", SCN_RECORDS);
	struct scn_record *r = &f->records[f->n_records];
	*r = (struct scn_record){ .first = f->n_addrs };
	if (!scn_record_type(s, scn_next(a), &r->type) || !scn_parse_ip(s, scn_next(a), &r->group))
		return false;
	const char *sources = scn_peek(a);
	if (sources && *sources != ';' && *sources != '}' && !scn_parse_addrs(s, f, scn_next(a), &r->first, &r->n))
		return false;
	f->n_records++;
	return true;
}

static bool
scn_parse_records(struct scn *s, struct scn_args *a, struct scn_frame *f)
{
	f->given |= SCN_HAS_RECORDS;
	while (!scn_next_is(a, "}")) {
		if (!scn_peek(a))
			return scn_fail(s, "the } of the records is missing");
		if (!scn_next_is(a, ";") && !scn_parse_record(s, a, f))
			return false;
	}
	return true;
}

/* --- forms --- */

/* udp [SRC] > DST, arp [SRC] > DST */
static bool
scn_parse_flow(struct scn *s, struct scn_args *a, struct scn_frame *f)
{
	if (!scn_next_is(a, ">")) {
		if (!scn_parse_ip(s, scn_next(a), &f->src))
			return false;
		f->given |= SCN_SRC;
		if (!scn_next_is(a, ">"))
			return scn_fail(s, "the > of the flow is missing");
	}
	f->given |= SCN_DST;
	return scn_parse_ip(s, scn_next(a), &f->dst);
}

static bool
scn_parse_hex(struct scn *s, struct scn_args *a, struct scn_frame *f)
{
	for (const char *w = scn_peek(a); w && strcmp(w, "=>") != 0; w = scn_peek(a)) {
		char digits[3] = { 0 }, *end;
		scn_next(a);
		for (; *w; w += 2) {
			digits[0] = w[0];
			digits[1] = w[1];
			if (f->n_hex == SCN_BYTES)
				return scn_fail(s, "a frame longer than %d bytes", SCN_BYTES);
			f->hex[f->n_hex++] = (uint8_t)strtoul(digits, &end, 16);
			if (end != digits + 2)
				return scn_fail(s, "'%s' is not hexadecimal", w);
		}
	}
	return true;
}

static bool
scn_parse_field(struct scn *s, struct scn_args *a, struct scn_frame *f)
{
	const char *word = scn_next(a), *sources = scn_value_of(word, "sources");
	if (sources)
		return scn_parse_addrs(s, f, sources, &f->first, &f->n);
	if (strcmp(word, "{") == 0)
		return scn_parse_records(s, a, f);
	const struct scn_option *o = scn_find_option(s, fields, sizeof(fields) / sizeof(fields[0]), word);
	if (!o)
		return false;
	f->given |= o->bit;
	return scn_set_option(s, o, word, f);
}

static bool
scn_parse_form(struct scn *s, struct scn_args *a, struct scn_frame *f)
{
	const char *word = scn_next(a);
	for (size_t i = 0; word && i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (strcmp(word, forms[i].name) != 0)
			continue;
		f->form = forms[i].form;
		f->family = forms[i].family;
		f->kind = forms[i].kind;
		f->version = forms[i].version;
		return true;
	}
	return scn_fail(s, "'%s' is no kind of frame", word ? word : "");
}

bool
scn_frame_parse(struct scn *s, struct scn_args *a, struct scn_frame *f)
{
	memset(f, 0, sizeof(*f));
	f->lie_records = f->lie_sources = -1;
	f->repeat = 1;
	if (!scn_parse_form(s, a, f))
		return false;
	if (f->form == SCN_HEX)
		return scn_parse_hex(s, a, f);
	if ((f->form == SCN_UDP || f->form == SCN_ARP) && !scn_parse_flow(s, a, f))
		return false;
	if (f->form == SCN_GM && (f->kind == GM_REPORT_OLD || f->kind == GM_LEAVE)) {
		f->given |= SCN_DST;
		if (!scn_parse_ip(s, scn_next(a), &f->dst))
			return false;
	}
	while (scn_peek(a) && strcmp(scn_peek(a), "=>") != 0)
		if (!scn_parse_field(s, a, f))
			return false;
	return true;
}
