/* The TLVs of a PUSH that are about addresses: of the client's interface, its routes, its name servers (see tmsg.h). */
#include "tmsg_net.h"

/* Behind the id and the type of a message: this much is always room for. */
enum {
	HEAD = 4,
	PREFIX = HEAD + 2 + 16,
	ADDRESS = HEAD + 16,
	OTHERS = HEAD + 2 + HEAD + 1 + HEAD + 4 + HEAD + 4, /* mtu, multicast-route, keepalive, rekey */
};
_Static_assert(5 + (TMSG_MAX_ADDRS + TMSG_MAX_ROUTES) * PREFIX + (2 + TMSG_MAX_DNS) * ADDRESS + HEAD +
			       TMSG_DOMAINS_MAX + OTHERS <=
		       TMSG_MAX,
	       "a PUSH of the most of everything is one message");

/* --- reading --- */

/* 4 or 16 bytes.  An IPv6 address that would be taken for IPv4, with any prefix length, is none. */
static bool
get_bytes(struct rcur *value, bool v4, struct ipaddr *ret)
{
	uint8_t b[4];

	if (v4) {
		rcur_copy(value, b, sizeof(b));
		*ret = ipaddr_v4(b);
	} else {
		rcur_copy(value, ret->b, sizeof(ret->b));
	}
	return !value->failed && rcur_left(value) == 0 && ipaddr_is_v4(ret) == v4;
}

static bool
get_prefix(struct rcur value, struct ipprefix *list, uint8_t *n, uint8_t max)
{
	const uint8_t family = rcur_u8(&value), len = rcur_u8(&value);
	struct ipaddr addr;

	if ((family != 4 && family != 6) || !get_bytes(&value, family == 4, &addr) || len > (family == 4 ? 32 : 128))
		return false;
	if (*n == max)
		return false;
	list[(*n)++] = (struct ipprefix){ addr, len };
	return true;
}

/* The length tells the family. */
static bool
get_address(struct rcur value, struct ipaddr *ret)
{
	return get_bytes(&value, rcur_left(&value) == 4, ret);
}

static bool
get_gateway(struct rcur value, struct tmsg_push *p)
{
	struct ipaddr a;

	if (!get_address(value, &a) || ipaddr_is_unspecified(&a))
		return false;
	p->gateways[!ipaddr_is_v4(&a)] = a;
	return true;
}

static bool
get_dns(struct rcur value, struct tmsg_push *p)
{
	struct ipaddr a;

	if (!get_address(value, &a) || p->n_dns == TMSG_MAX_DNS)
		return false;
	p->dns[p->n_dns++] = a;
	return true;
}

static bool
domain_byte(uint8_t b)
{
	return (b >= '0' && b <= '9') || (b >= 'A' && b <= 'Z') || (b >= 'a' && b <= 'z') || (b && strchr("-._~", b));
}

/* Names with one space between them. */
static bool
domains_valid(const uint8_t *text, size_t len)
{
	bool in_name = false;

	for (size_t i = 0; i < len; i++) {
		if (!domain_byte(text[i]) && !(text[i] == ' ' && in_name))
			return false;
		in_name = text[i] != ' ';
	}
	return in_name || len == 0;
}

static bool
get_domains(struct rcur value, struct tmsg_push *p)
{
	const size_t len = rcur_left(&value);

	if (len > TMSG_DOMAINS_MAX || !domains_valid(value.p, len))
		return false;
	memcpy(p->domains, value.p, len);
	p->domains[len] = '\0';
	return true;
}

bool
tmsg_net_get(uint16_t type, struct rcur value, struct tmsg_push *p)
{
	switch (type) {
	case TLV_ADDRESS:
		return get_prefix(value, p->addrs, &p->n_addrs, TMSG_MAX_ADDRS);
	case TLV_ROUTE:
		return get_prefix(value, p->routes, &p->n_routes, TMSG_MAX_ROUTES);
	case TLV_GATEWAY:
		return get_gateway(value, p);
	case TLV_DNS:
		return get_dns(value, p);
	case TLV_DOMAINS:
		return get_domains(value, p);
	default:
		return true;
	}
}

/* --- writing --- */

static void
put_bytes(struct wcur *w, const struct ipaddr *a)
{
	const size_t len = ipaddr_is_v4(a) ? 4 : 16;

	wcur_bytes(w, a->b + 16 - len, len);
}

static void
put_prefixes(struct wcur *w, enum tmsg_net_tlv type, const struct ipprefix *list, unsigned n, unsigned max)
{
	if (n > max) {
		w->failed = true;
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		const bool v4 = ipaddr_is_v4(&list[i].addr);

		if (list[i].len > (v4 ? 32 : 128))
			w->failed = true;
		wcur_u16(w, type);
		wcur_u16(w, v4 ? 6 : 18);
		wcur_u8(w, v4 ? 4 : 6);
		wcur_u8(w, list[i].len);
		put_bytes(w, &list[i].addr);
	}
}

static void
put_address(struct wcur *w, enum tmsg_net_tlv type, const struct ipaddr *a)
{
	wcur_u16(w, type);
	wcur_u16(w, ipaddr_is_v4(a) ? 4 : 16);
	put_bytes(w, a);
}

static void
put_gateway(struct wcur *w, const struct ipaddr *a, bool v4)
{
	if (ipaddr_is_any(a))
		return;
	if (ipaddr_is_v4(a) != v4 || ipaddr_is_unspecified(a))
		w->failed = true;
	put_address(w, TLV_GATEWAY, a);
}

static void
put_domains(struct wcur *w, const char *text)
{
	const size_t len = strnlen(text, TMSG_DOMAINS_MAX + 1);

	if (len > TMSG_DOMAINS_MAX || !domains_valid((const uint8_t *)text, len)) {
		w->failed = true;
		return;
	}
	if (len == 0)
		return;
	wcur_u16(w, TLV_DOMAINS);
	wcur_u16(w, len);
	wcur_bytes(w, text, len);
}

void
tmsg_net_put(struct wcur *w, const struct tmsg_push *p)
{
	put_prefixes(w, TLV_ADDRESS, p->addrs, p->n_addrs, TMSG_MAX_ADDRS);
	put_prefixes(w, TLV_ROUTE, p->routes, p->n_routes, TMSG_MAX_ROUTES);
	put_gateway(w, &p->gateways[0], true);
	put_gateway(w, &p->gateways[1], false);
	if (p->n_dns > TMSG_MAX_DNS)
		w->failed = true;
	for (unsigned i = 0; i < p->n_dns && i < TMSG_MAX_DNS; i++)
		put_address(w, TLV_DNS, &p->dns[i]);
	put_domains(w, p->domains);
}
