/* MAC, IP and endpoint addresses: their classes, and text to value and back. */
#include "castswitch/ipaddr.h"

#include <stdio.h>

/* --- classes --- */

bool
ipaddr_is_multicast(const struct ipaddr *a)
{
	return a->b[0] == 0xff || (ipaddr_is_v4(a) && (a->b[12] & 0xf0) == 0xe0);
}

bool
ipaddr_is_unspecified(const struct ipaddr *a)
{
	return ipaddr_is_any(a) || (ipaddr_is_v4(a) && ipaddr_to_u32(a) == 0);
}

bool
ipaddr_is_link_local(const struct ipaddr *a)
{
	if (ipaddr_is_v4(a))
		return a->b[12] == 169 && a->b[13] == 254;
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

/* 224.0.0.0/24 */
static bool
is_v4_local_control(const struct ipaddr *a)
{
	return ipaddr_is_v4(a) && ipaddr_to_u32(a) >> 8 == 0xe00000;
}

bool
ipaddr_group_always_floods(const struct ipaddr *group)
{
	static const struct ipaddr all_nodes = { { 0xff, 0x02, [15] = 0x01 } };
	static const struct ipaddr all_dhcp_agents = { { 0xff, 0x02, [13] = 0x01, [15] = 0x02 } };
	static const struct ipprefix solicited_node = { { { 0xff, 0x02, [11] = 0x01, [12] = 0xff } }, 104 };

	return is_v4_local_control(group) || ipaddr_equal(group, &all_nodes) || ipaddr_equal(group, &all_dhcp_agents) ||
	       ipprefix_contains(&solicited_node, group);
}

bool
ipaddr_group_is_link_scope(const struct ipaddr *group)
{
	/* The scope is the low half of the second byte, whatever the flags beside it say (RFC 4291 2.7). */
	return is_v4_local_control(group) || (group->b[0] == 0xff && (group->b[1] & 0x0f) <= 2);
}

bool
ipaddr_group_is_ssm(const struct ipaddr *group)
{
	if (ipaddr_is_v4(group))
		return group->b[12] == 232;
	return group->b[0] == 0xff && (group->b[1] & 0xf0) == 0x30 && group->b[2] == 0 && group->b[3] == 0;
}

bool
ipprefix_contains(const struct ipprefix *p, const struct ipaddr *a)
{
	const bool v4 = ipaddr_is_v4(&p->addr);
	const unsigned bits = p->len + (v4 ? 96u : 0u);
	const unsigned whole = bits / 8, rest = bits % 8;

	if (v4 != ipaddr_is_v4(a) || bits > 128 || memcmp(p->addr.b, a->b, whole) != 0)
		return false;
	return rest == 0 || (p->addr.b[whole] ^ a->b[whole]) >> (8 - rest) == 0;
}

struct mac
ipaddr_group_mac(const struct ipaddr *group)
{
	const uint8_t *b = group->b;

	if (ipaddr_is_v4(group))
		return (struct mac){ { 0x01, 0x00, 0x5e, b[13] & 0x7f, b[14], b[15] } };
	return (struct mac){ { 0x33, 0x33, b[12], b[13], b[14], b[15] } };
}

struct ipaddr
ipaddr_link_local_of(const struct mac *m)
{
	return (struct ipaddr){ { 0xfe, 0x80, 0, 0, 0, 0, 0, 0, m->b[0] ^ 0x02, m->b[1], m->b[2], 0xff, 0xfe, m->b[3],
				  m->b[4], m->b[5] } };
}

/* --- text to value; each take_x() consumes what it parsed from *p, and never looks at or behind end --- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool
take_char(const char **p, const char *end, char c)
{
	if (*p == end || **p != c)
		return false;
	(*p)++;
	return true;
}

/* A decimal number up to max; a leading zero ("010") is refused, because others read it as octal. */
static bool
take_decimal(const char **p, const char *end, uint32_t max, uint32_t *ret)
{
	const char *start = *p;
	uint64_t v = 0;

	for (; *p < end && **p >= '0' && **p <= '9'; (*p)++) {
		v = v * 10 + (uint64_t)(**p - '0');
		if (v > max)
			return false;
	}
	if (*p == start || (*start == '0' && *p - start > 1))
		return false;
	*ret = (uint32_t)v;
	return true;
}

/* 'least' to 'most' hexadecimal digits. */
static bool
take_hex(const char **p, const char *end, int least, int most, unsigned *ret)
{
	unsigned v = 0;
	int n = 0;

	for (; n < most && *p < end && hex_digit(**p) >= 0; n++, (*p)++)
		v = v << 4 | (unsigned)hex_digit(**p);
	*ret = v;
	return n >= least;
}

/* Four numbers with dots, up to end. */
static bool
parse_v4(const char *p, const char *end, uint8_t ret[4])
{
	uint8_t b[4];
	uint32_t v;

	for (int i = 0; i < 4; i++) {
		if ((i > 0 && !take_char(&p, end, '.')) || !take_decimal(&p, end, 255, &v))
			return false;
		b[i] = (uint8_t)v;
	}
	if (p != end)
		return false;
	memcpy(ret, b, sizeof(b));
	return true;
}

/* RFC 4291 2.2: groups of up to four digits, one "::", the last 32 bits possibly as an IPv4 address. */
static bool
parse_v6(const char *p, const char *end, struct ipaddr *ret)
{
	uint8_t b[16] = { 0 };
	size_t n = 0, gap = SIZE_MAX; /* bytes written; where the :: stands */

	if (end - p >= 2 && p[0] == ':' && p[1] == ':') {
		gap = 0;
		p += 2;
	}
	while (p < end) {
		const char *start = p;
		unsigned v;

		if (!take_hex(&p, end, 1, 4, &v) || n > 14)
			return false;
		if (p < end && *p == '.') {
			if (n > 12 || !parse_v4(start, end, b + n))
				return false;
			n += 4;
			break;
		}
		b[n++] = (uint8_t)(v >> 8);
		b[n++] = (uint8_t)v;
		if (p == end)
			break;
		if (!take_char(&p, end, ':') || p == end)
			return false;
		if (*p == ':') {
			if (gap != SIZE_MAX)
				return false;
			gap = n;
			p++;
		}
	}
	if (gap == SIZE_MAX ? n != 16 : n > 14) /* :: stands for at least one group */
		return false;
	*ret = IPADDR_ANY;
	if (gap == SIZE_MAX)
		gap = n;
	memcpy(ret->b, b, gap);
	memcpy(ret->b + 16 - (n - gap), b + gap, n - gap);
	return true;
}

static bool
parse_ip(const char *p, const char *end, struct ipaddr *ret)
{
	uint8_t v4[4];

	if (!parse_v4(p, end, v4))
		return parse_v6(p, end, ret);
	*ret = ipaddr_v4(v4);
	return true;
}

bool
mac_parse(const char *s, struct mac *ret)
{
	const char *end = s + strlen(s);
	struct mac m;
	char separator = 0;
	unsigned v;

	for (int i = 0; i < 6; i++) {
		if (i == 1 && s < end && (*s == ':' || *s == '-'))
			separator = *s;
		if ((i > 0 && !take_char(&s, end, separator)) || !take_hex(&s, end, 2, 2, &v))
			return false;
		m.b[i] = (uint8_t)v;
	}
	if (s != end)
		return false;
	*ret = m;
	return true;
}

bool
ipaddr_parse(const char *s, struct ipaddr *ret)
{
	return parse_ip(s, s + strlen(s), ret);
}

bool
ipprefix_parse(const char *s, struct ipprefix *ret)
{
	const char *end = s + strlen(s), *slash = strchr(s, '/');
	struct ipaddr a;
	uint32_t len;

	if (!slash || !parse_ip(s, slash, &a))
		return false;
	slash++;
	if (!take_decimal(&slash, end, ipaddr_is_v4(&a) ? 32 : 128, &len) || slash != end)
		return false;
	*ret = (struct ipprefix){ a, (uint8_t)len };
	return true;
}

/* What stands between the brackets: an IPv6 address, for a link-local one also "%" and the interface's index. */
static bool
parse_bracketed(const char *p, const char *end, struct endpoint *ret)
{
	const char *percent = memchr(p, '%', (size_t)(end - p));

	if (!parse_v6(p, percent ? percent : end, &ret->ip))
		return false;
	if (!percent)
		return true;
	percent++;
	return ipaddr_is_link_local(&ret->ip) && !ipaddr_is_v4(&ret->ip) &&
	       take_decimal(&percent, end, UINT32_MAX, &ret->scope_id) && percent == end && ret->scope_id != 0;
}

bool
endpoint_parse(const char *s, struct endpoint *ret)
{
	const char *end = s + strlen(s), *colon = strrchr(s, ':');
	struct endpoint e = { 0 };
	uint8_t v4[4];
	uint32_t port;

	if (!colon)
		return false;
	if (colon - s >= 2 && s[0] == '[' && colon[-1] == ']') {
		if (!parse_bracketed(s + 1, colon - 1, &e))
			return false;
	} else {
		if (!parse_v4(s, colon, v4))
			return false;
		e.ip = ipaddr_v4(v4);
	}
	colon++;
	if (!take_decimal(&colon, end, UINT16_MAX, &port) || colon != end)
		return false;
	e.port = (uint16_t)port;
	*ret = e;
	return true;
}

/* --- value to text --- */

const char *
mac_str(const struct mac *m, char buf[MAC_STRLEN])
{
	const uint8_t *b = m->b;

	snprintf(buf, MAC_STRLEN, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
	return buf;
}

/* The longest run of at least two zero groups, the first of equals (RFC 5952 4.2); its length, 0 when there is none. */
static int
longest_zero_run(const struct ipaddr *a, int *ret_start)
{
	int best = 0;

	for (int i = 0; i < 8; i++) {
		int n = 0;

		while (i + n < 8 && (a->b[2 * (i + n)] | a->b[2 * (i + n) + 1]) == 0)
			n++;
		if (n >= 2 && n > best) {
			best = n;
			*ret_start = i;
		}
		i += n;
	}
	return best;
}

static void
format_v6(const struct ipaddr *a, char buf[IPADDR_STRLEN])
{
	int start = -1, run = longest_zero_run(a, &start);
	size_t n = 0;

	for (int i = 0; i < 8; i++) {
		if (run > 0 && i == start) {
			n += (size_t)snprintf(buf + n, IPADDR_STRLEN - n, "::");
			i += run - 1;
			continue;
		}
		const bool colon = i > 0 && !(run > 0 && i == start + run);

		n += (size_t)snprintf(buf + n, IPADDR_STRLEN - n, "%s%x", colon ? ":" : "",
				      (unsigned)a->b[2 * i] << 8 | a->b[2 * i + 1]);
	}
}

const char *
ipaddr_str(const struct ipaddr *a, char buf[IPADDR_STRLEN])
{
	if (ipaddr_is_v4(a))
		snprintf(buf, IPADDR_STRLEN, "%u.%u.%u.%u", a->b[12], a->b[13], a->b[14], a->b[15]);
	else
		format_v6(a, buf);
	return buf;
}

const char *
endpoint_str(const struct endpoint *e, char buf[ENDPOINT_STRLEN])
{
	char ip[IPADDR_STRLEN];

	ipaddr_str(&e->ip, ip);
	if (ipaddr_is_v4(&e->ip))
		snprintf(buf, ENDPOINT_STRLEN, "%s:%u", ip, e->port);
	else if (e->scope_id)
		snprintf(buf, ENDPOINT_STRLEN, "[%s%%%u]:%u", ip, e->scope_id, e->port);
	else
		snprintf(buf, ENDPOINT_STRLEN, "[%s]:%u", ip, e->port);
	return buf;
}
