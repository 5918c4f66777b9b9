/* The scenario runner: frames as text, in the words in which a script would expect them. */
#include "scn.h"

#include <stdio.h>
#include <string.h>

const char *
scn_record_name(unsigned type)
{
	static const char *const names[] = { NULL, "is_in", "is_ex", "to_in", "to_ex", "allow", "block" };
	return type < sizeof(names) / sizeof(names[0]) ? names[type] : NULL;
}

void
scn_duration_str(nsec_t d, char buf[32])
{
	if (d % NSEC_PER_SEC == 0)
		snprintf(buf, 32, "%llus", (unsigned long long)(d / NSEC_PER_SEC));
	else if (d % NSEC_PER_MSEC == 0)
		snprintf(buf, 32, "%llums", (unsigned long long)(d / NSEC_PER_MSEC));
	else
		snprintf(buf, 32, "%lluns", (unsigned long long)d);
}

static void
scn_add_ip(struct sbuf *out, const char *before, const struct ipaddr *a)
{
	char text[IPADDR_STRLEN];
	sbuf_printf(out, "%s%s", before, ipaddr_str(a, text));
}

static void
scn_add_mac(struct sbuf *out, const char *before, const struct mac *m)
{
	char text[MAC_STRLEN];
	sbuf_printf(out, "%s%s", before, mac_str(m, text));
}

static void
scn_decode_query(struct gm_msg *m, struct sbuf *out)
{
	struct ipaddr a;
	char text[32];
	const char *before = " sources=";
	sbuf_printf(out, "%s-query v=%u", m->family == GM_IGMP ? "igmp" : "mld", m->version);
	if (!ipaddr_is_any(&m->group))
		scn_add_ip(out, " group=", &m->group);
	for (; gm_query_next_source(m, &a); before = ",")
		scn_add_ip(out, before, &a);
	scn_duration_str(m->max_resp, text);
	sbuf_printf(out, " max-resp=%s%s qrv=%u", text, m->s_flag ? " s-flag" : "", m->qrv);
	scn_duration_str(m->qqi, text);
	sbuf_printf(out, " qqi=%s", text);
}

static void
scn_decode_report(struct gm_msg *m, struct sbuf *out)
{
	struct gm_record r;
	struct ipaddr a;
	sbuf_printf(out, "%s-report {", m->family == GM_IGMP ? "igmp3" : "mld2");
	for (const char *sep = " "; gm_next_record(m, &r); sep = " ; ") {
		const char *name = scn_record_name(r.type), *before = " ";
		sbuf_puts(out, sep);
		if (name)
			sbuf_puts(out, name);
		else
			sbuf_printf(out, "%u", r.type);
		scn_add_ip(out, " ", &r.group);
		for (; gm_record_next_source(&r, &a); before = ",")
			scn_add_ip(out, before, &a);
	}
	sbuf_puts(out, " }");
}

static void
scn_decode_gm(const struct frame *f, struct sbuf *out)
{
	const struct gm_rules rules = { 0 };
	const char *family = f->control == FRAME_IGMP ? "igmp" : "mld";
	struct gm_msg m;
	enum drop_reason r = gm_parse(f, &rules, &m);
	if (r != DROP_NONE) {
		sbuf_printf(out, "%s (%s)", family, drop_name(r));
		return;
	}
	switch (m.kind) {
	case GM_QUERY:
		scn_decode_query(&m, out);
		break;
	case GM_REPORT:
		scn_decode_report(&m, out);
		break;
	case GM_REPORT_OLD:
	case GM_LEAVE:
		sbuf_printf(out, "%s%u-%s", family, m.version,
			    m.kind == GM_REPORT_OLD ? "report"
			    : m.family == GM_IGMP   ? "leave"
						    : "done");
		scn_add_ip(out, " ", &m.group);
		break;
	}
	scn_add_ip(out, " src=", &m.src);
}

static void
scn_decode_hex(const uint8_t *bytes, size_t len, struct sbuf *out)
{
	sbuf_puts(out, "hex ");
	for (size_t i = 0; i < len; i++)
		sbuf_printf(out, "%02x", bytes[i]);
}

void
scn_decode(const uint8_t *bytes, size_t len, struct sbuf *out)
{
	uint8_t copy[SCN_BYTES];
	struct frame f = { .data = copy, .len = (uint32_t)(len < sizeof(copy) ? len : sizeof(copy)) };
	memcpy(copy, bytes, f.len);
	if (frame_parse(&f) != DROP_NONE) {
		scn_decode_hex(bytes, len, out);
		return;
	}
	if (f.control == FRAME_IGMP || f.control == FRAME_MLD) {
		scn_decode_gm(&f, out);
	} else if (f.ip_proto == 17) {
		scn_add_ip(out, "udp ", &f.ip_src);
		scn_add_ip(out, " > ", &f.ip_dst);
		if (f.l4 && f.len >= f.l4 + 12u)
			sbuf_printf(out, " seq=%u", (unsigned)f.data[f.l4 + 10] << 8 | f.data[f.l4 + 11]);
	} else if (f.control == FRAME_MRD) {
		sbuf_printf(out, "mrd type=%u", f.data[f.l4]);
		scn_add_ip(out, " src=", &f.ip_src);
		scn_add_ip(out, " dst=", &f.ip_dst);
	} else if (f.control == FRAME_PIM) {
		scn_add_ip(out, "pim-hello src=", &f.ip_src);
	} else {
		sbuf_printf(out, "eth type=0x%04x", f.ethertype);
	}
	if (f.tagged)
		sbuf_printf(out, " vlan=%u", f.vid);
	scn_add_mac(out, " from=", &f.src);
	scn_add_mac(out, " to=", &f.dst);
	sbuf_printf(out, " size=%zu", len);
}
