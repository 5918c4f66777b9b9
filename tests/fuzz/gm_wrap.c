/* IGMP and MLD messages in sound packets, see gm_wrap.h. */
#include "fuzz/gm_wrap.h"

#include "castswitch/csum.h"
#include "castswitch/frame.h"
#include "fuzz/fuzz.h"

enum {
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
source_of(uint8_t wrap, uint8_t host)
{
	static const char *const v4[4] = { "10.0.0.0", "0.0.0.0", "127.0.0.1", "255.255.255.255" };
	static const char *const v6[4] = { "fe80::", "::", "2001:db8::1", "ff02::1" };
	struct ipaddr a = address((wrap & WRAP_MLD ? v6 : v4)[wrap >> 1 & 3]);

	if ((wrap >> 1 & 3) == 0)
		a.b[15] = host;
	return a;
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

size_t
gm_wrap(uint8_t *out, uint8_t wrap, uint8_t host, const struct rcur *message)
{
	const bool is_mld = wrap & WRAP_MLD, alert = !(wrap & WRAP_NO_ALERT);
	const struct ipaddr src = source_of(wrap, host), dst = destination_of(wrap, message);
	const struct mac group_mac = ipaddr_group_mac(&dst);
	const size_t len = rcur_left(message);
	const uint64_t pseudo = is_mld ? csum_pseudo(&src, &dst, 58, (uint32_t)len) : 0;
	struct wcur w = wcur_of(out, len + WRAP_HEADERS_MAX);

	wcur_bytes(&w, group_mac.b, sizeof(group_mac.b));
	wcur_bytes(&w, (const uint8_t[]){ 2, 0, 0, 0, 0, host }, 6);
	wcur_u16(&w, is_mld ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
	(is_mld ? write_ipv6 : write_ipv4)(&w, &src, &dst, alert, len);
	uint8_t *copy = w.p;

	wcur_bytes(&w, message->p, len);
	FUZZ_CHECK(!w.failed);
	if (len >= 4) {
		put16(copy + 2, 0);
		put16(copy + 2, csum_fold(csum_add(pseudo, copy, len)));
	}
	return wcur_len(&w);
}
