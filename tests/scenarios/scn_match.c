/* The scenario runner: whether a frame that was sent is the one expected. */
#include "scn.h"

#include <string.h>

#include "castswitch/csum.h"

static bool
scn_same_sources(const struct scn_frame *want, uint16_t first, uint16_t n, bool (*next)(void *, struct ipaddr *),
		 void *arg)
{
	struct ipaddr a;
	uint16_t found = 0;
	while (next(arg, &a)) {
		uint16_t i = 0;
		while (i < n && !ipaddr_equal(&want->addrs[first + i], &a))
			i++;
		if (i == n)
			return false;
		found++;
	}
	return found == n;
}

static bool
scn_next_query_source(void *arg, struct ipaddr *ret)
{
	return gm_query_next_source(arg, ret);
}

static bool
scn_next_record_source(void *arg, struct ipaddr *ret)
{
	return gm_record_next_source(arg, ret);
}

static bool
scn_match_query(const struct scn_frame *want, struct gm_msg *m)
{
	return (!(want->given & SCN_VERSION) || want->version == m->version) && ipaddr_equal(&want->dst, &m->group) &&
	       want->s_flag == m->s_flag && (!(want->given & SCN_MAX_RESP) || want->max_resp == m->max_resp) &&
	       (!(want->given & SCN_QRV) || want->qrv == m->qrv) && (!(want->given & SCN_QQI) || want->qqi == m->qqi) &&
	       scn_same_sources(want, want->first, want->n, scn_next_query_source, m);
}

/* The records in the order of the script; their sources in any. */
static bool
scn_match_records(const struct scn_frame *want, struct gm_msg *m)
{
	struct gm_record r;
	uint16_t i = 0;
	if (!(want->given & SCN_HAS_RECORDS))
		return true;
	for (; gm_next_record(m, &r); i++) {
		const struct scn_record *w = &want->records[i];
		if (i == want->n_records || w->type != r.type || !ipaddr_equal(&w->group, &r.group) ||
		    !scn_same_sources(want, w->first, w->n, scn_next_record_source, &r))
			return false;
	}
	return i == want->n_records;
}

static bool
scn_match_gm(const struct scn_frame *want, const struct frame *f)
{
	const struct gm_rules rules = { 0 };
	struct gm_msg m;
	if ((f->control != FRAME_IGMP && f->control != FRAME_MLD) || gm_parse(f, &rules, &m) != DROP_NONE ||
	    m.family != want->family || m.kind != want->kind)
		return false;
	switch (m.kind) {
	case GM_QUERY:
		return scn_match_query(want, &m);
	case GM_REPORT:
		return scn_match_records(want, &m);
	case GM_REPORT_OLD:
	case GM_LEAVE:
		break;
	}
	return m.version == want->version && ipaddr_equal(&want->dst, &m.group);
}

static bool
scn_match_udp(const struct scn_frame *want, uint32_t seq, const struct frame *f)
{
	const uint8_t number[4] = { (uint8_t)(seq >> 24), (uint8_t)(seq >> 16), (uint8_t)(seq >> 8), (uint8_t)seq };
	if (f->ip_proto != 17 || !f->l4 || !ipaddr_equal(&want->dst, &f->ip_dst))
		return false;
	return !(want->given & SCN_SEQ) || (f->len >= f->l4 + 12u && memcmp(f->data + f->l4 + 8, number, 4) == 0);
}

static bool
scn_match_arp(const struct scn_frame *want, const struct frame *f)
{
	return f->ethertype == ETHERTYPE_ARP && f->len >= f->l3 + 28u &&
	       memcmp(f->data + f->l3 + 24, want->dst.b + 12, 4) == 0 &&
	       (!(want->given & SCN_SRC) || memcmp(f->data + f->l3 + 14, want->src.b + 12, 4) == 0);
}

/* The same type, by family, as scn_build.c writes; sound in its checksum. */
static bool
scn_match_mrd(const struct scn_frame *want, const struct frame *f)
{
	const bool v4 = f->ethertype == ETHERTYPE_IPV4;
	const unsigned first = v4 ? 0x30 : 151, kind = want->kind == GM_REPORT ? 0 : want->kind == GM_QUERY ? 1 : 2;
	if (f->control != FRAME_MRD || f->data[f->l4] != first + kind || f->ip_end < f->l4)
		return false;
	const size_t len = f->ip_end - (size_t)f->l4;
	const uint64_t sum = v4 ? 0 : csum_pseudo(&f->ip_src, &f->ip_dst, f->ip_proto, (uint32_t)len);
	return csum_fold(csum_add(sum, f->data + f->l4, len)) == 0;
}

static bool
scn_match_form(const struct scn_frame *want, uint32_t seq, const struct frame *f)
{
	switch (want->form) {
	case SCN_GM:
		return scn_match_gm(want, f);
	case SCN_UDP:
		return scn_match_udp(want, seq, f);
	case SCN_ARP:
		return scn_match_arp(want, f);
	case SCN_PIM:
		return f->control == FRAME_PIM;
	case SCN_MRD:
		return scn_match_mrd(want, f);
	case SCN_HEX:
		return f->len == want->n_hex && memcmp(f->data, want->hex, f->len) == 0;
	case SCN_ETH:
		break;
	}
	return !(want->given & SCN_TYPE) || f->ethertype == want->type;
}

bool
scn_frame_matches(const struct scn_frame *want, uint32_t seq, const uint8_t *bytes, size_t len)
{
	uint8_t copy[SCN_BYTES];
	struct frame f = { .data = copy, .len = (uint32_t)len };
	if (len > sizeof(copy))
		return false;
	memcpy(copy, bytes, len);
	(void)frame_parse(&f);
	const bool ip_src = want->given & SCN_SRC && want->form != SCN_ARP;
	return scn_match_form(want, seq, &f) && (!(want->given & SCN_FROM) || mac_equal(&want->from, &f.src)) &&
	       (!(want->given & SCN_TO) || mac_equal(&want->to, &f.dst)) &&
	       (!(want->given & SCN_VLAN) || (f.tagged && want->vlan == f.vid)) && !(want->untagged && f.tagged) &&
	       (!(want->given & SCN_SIZE) || want->size == len) && (!(want->given & SCN_TTL) || want->ttl == f.hops) &&
	       (!ip_src || ipaddr_equal(&want->src, &f.ip_src)) &&
	       (!(want->given & SCN_IP_DST) || ipaddr_equal(&want->ip_dst, &f.ip_dst));
}
