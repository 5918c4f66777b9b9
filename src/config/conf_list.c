/* Options with several values. */
#include "conf_list.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "castswitch/conf.h"
#include "conf_fingerprint.h"
#include "conf_value.h"

/* What each list of the model begins with.  Their pointers have other types, so fields are copied, not cast. */
struct list {
	char *v;
	size_t n;
};

_Static_assert(sizeof(struct conf_addrs) == sizeof(struct list) &&
		       sizeof(struct conf_prefixes) == sizeof(struct list) &&
		       sizeof(struct conf_remotes) == sizeof(struct list) &&
		       sizeof(struct conf_domains) == sizeof(struct list) &&
		       sizeof(struct conf_fingerprints) == sizeof(struct list),
	       "struct list");

/* One value of any type. */
union element {
	struct ipaddr addr;
	struct ipprefix prefix;
	struct conf_remote remote;
	uint8_t pin[CONF_FINGERPRINT_LEN];
	char port[CONF_PEER_NAME_MAX + 1];
	char domain[CONF_DOMAIN_MAX + 1];
	uint8_t reserved; /* the last byte of a reserved MAC address */
};

static struct list
load(const void *field)
{
	struct list list;

	memcpy(&list, field, sizeof(list));
	return list;
}

static size_t
element_size(enum conf_type t)
{
	switch (t) {
	case CONF_ADDRS:
		return sizeof(struct ipaddr);
	case CONF_REMOTES:
		return sizeof(struct conf_remote);
	case CONF_PINS:
		return CONF_FINGERPRINT_LEN;
	case CONF_PORTS:
		return CONF_PEER_NAME_MAX + 1;
	case CONF_DOMAINS:
		return CONF_DOMAIN_MAX + 1;
	default:
		return sizeof(struct ipprefix);
	}
}

/* --- text -> element -------------------------------------------------------------------------------------------------
 */

static bool
parse_prefix(const struct conf_row *row, const char *text, struct ipprefix *ret, struct sbuf *wrong)
{
	if (ipprefix_parse(text, ret))
		return true;
	ret->len = CONF_NO_LENGTH;
	if (!ipaddr_parse(text, &ret->addr))
		return conf_wrong_value(row, text, "not an address with a prefix length", wrong);
	return (row->flags & CONF_BARE_ADDRESS) ||
	       conf_wrong_value(row, text, "an address without a prefix length", wrong);
}

/* Within 224.0.0.0/4 or ff00::/8 (RFC 5771, RFC 4291 2.7). */
static bool
parse_groups(const struct conf_row *row, const char *text, struct ipprefix *ret, struct sbuf *wrong)
{
	if (!ipprefix_parse(text, ret)) {
		if (!ipaddr_parse(text, &ret->addr))
			return conf_wrong_value(row, text, "neither a group nor a network of groups", wrong);
		ret->len = ipaddr_is_v4(&ret->addr) ? 32 : 128;
	}
	if (!ipaddr_is_multicast(&ret->addr) || ret->len < (ipaddr_is_v4(&ret->addr) ? 4 : 8))
		return conf_wrong_value(row, text, "not within 224.0.0.0/4 or ff00::/8", wrong);
	return conf_host_bits_are(ret, 0) || conf_wrong_value(row, text, "a group in a network, not a network", wrong);
}

/* A host name or an IPv4 address: letters, digits, '-', '.', '_' (RFC 1123 2.1, and what resolvers take). */
static bool
is_host(const char *s, size_t len)
{
	if (len == 0 || len > 253)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("-._", s[i]))
			return false;
	return true;
}

static bool
is_v6(const char *s, size_t len)
{
	char buf[IPADDR_STRLEN];
	struct ipaddr a;

	if (len >= sizeof(buf) || !memchr(s, ':', len))
		return false;
	memcpy(buf, s, len);
	buf[len] = '\0';
	return ipaddr_parse(buf, &a);
}

/* Splits host, host:port, [v6], [v6]:port and v6. */
static bool
split_remote(const char *text, const char **ret_host, size_t *ret_len, uint16_t *ret_port)
{
	const char *host = text, *end, *colon;
	uint64_t port = CONF_PORT_DEFAULT;

	if (is_v6(text, strlen(text))) {
		end = colon = text + strlen(text);
	} else if (*text == '[') {
		host++;
		end = strchr(host, ']');
		if (!end || !is_v6(host, (size_t)(end - host)))
			return false;
		colon = end + 1;
	} else {
		colon = end = strchrnul(text, ':');
		if (!is_host(host, (size_t)(end - host)))
			return false;
	}
	if (*colon && (*colon != ':' || !conf_parse_uint(colon + 1, &port) || port < 1 || port > UINT16_MAX))
		return false;
	*ret_host = host;
	*ret_len = (size_t)(end - host);
	*ret_port = (uint16_t)port;
	return true;
}

static bool
parse_remote(const struct conf_row *row, const char *text, struct conf_remote *ret, struct sbuf *wrong)
{
	const char *host;
	size_t len;
	uint16_t port;

	if (!split_remote(text, &host, &len, &port))
		return conf_wrong_value(row, text, "not a host with or without a port", wrong);
	ret->host = strndup(host, len);
	ret->port = port;
	return ret->host || conf_out_of_memory(wrong);
}

/* Labels of 1 to 63 letters, digits, hyphens and underscores, none of which begins with a hyphen, and a dot behind the
 * last one or not.  A tilde before it: names in it are asked for, but it is not one to search in.  All names are "~.".
 */
static bool
is_domain(const char *s)
{
	size_t label = 0, len;

	if (strcmp(s, "~.") == 0)
		return true;
	s += *s == '~';
	for (len = 0; s[len]; len++) {
		const bool dot = s[len] == '.';

		if (dot ? label == 0
			: !isalnum((unsigned char)s[len]) && s[len] != '_' && (s[len] != '-' || label == 0))
			return false;
		label = dot ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return len > 0;
}

static bool
parse_domain(const struct conf_row *row, const char *text, char *ret, struct sbuf *wrong)
{
	if (strlen(text) > CONF_DOMAIN_MAX || !is_domain(text))
		return conf_wrong_value(row, text, "not a domain", wrong);
	memcpy(ret, text, strlen(text));
	return true;
}

/* 01:80:c2:00:00:00 to 01:80:c2:00:00:0f (IEEE 802.1Q-2022 8.6.3). */
static bool
parse_reserved(const struct conf_row *row, const char *text, uint8_t *ret, struct sbuf *wrong)
{
	struct mac m;

	if (!mac_parse(text, &m) || mac_u64(&m) >> 4 != 0x0180c2000000 >> 4)
		return conf_wrong_value(row, text, "not a reserved MAC address", wrong);
	*ret = m.b[5];
	return true;
}

static bool
parse_element(const struct conf_row *row, const char *text, union element *ret, struct sbuf *wrong)
{
	memset(ret, 0, sizeof(*ret));
	switch (row->type) {
	case CONF_ADDRS:
		return ipaddr_parse(text, &ret->addr) || conf_wrong_value(row, text, "not an address", wrong);
	case CONF_PREFIXES:
		return parse_prefix(row, text, &ret->prefix, wrong);
	case CONF_GROUPS:
		return parse_groups(row, text, &ret->prefix, wrong);
	case CONF_REMOTES:
		return parse_remote(row, text, &ret->remote, wrong);
	case CONF_PINS:
		return conf_fingerprint_parse(text, ret->pin) ||
		       conf_wrong_value(row, text, "not a fingerprint", wrong);
	case CONF_DOMAINS:
		return parse_domain(row, text, ret->domain, wrong);
	case CONF_PORTS:
		if (!conf_peer_name_valid(text))
			return conf_wrong_value(row, text, "not the name of a port", wrong);
		memcpy(ret->port, text, strlen(text));
		return true;
	default:
		return parse_reserved(row, text, &ret->reserved, wrong);
	}
}

/* --- element -> list -------------------------------------------------------------------------------------------------
 */

/* Whether both mean the same; servers may be tried twice. */
static bool
same_element(const struct conf_row *row, const union element *new, const void *old)
{
	const struct ipprefix *prefix = old;

	switch (row->type) {
	case CONF_REMOTES:
		return false;
	case CONF_PREFIXES:
		return ipaddr_equal(&new->prefix.addr, &prefix->addr) &&
		       (!(row->flags & CONF_NETWORKS) || new->prefix.len == prefix->len);
	case CONF_GROUPS:
		return ipaddr_equal(&new->prefix.addr, &prefix->addr) && new->prefix.len == prefix->len;
	default:
		return memcmp(new, old, element_size(row->type)) == 0;
	}
}

static bool
given_already(const char *text, struct sbuf *wrong)
{
	conf_print_culprit(text, wrong);
	sbuf_puts(wrong, " is in the list already");
	return false;
}

static bool
add_element(const struct conf_row *row, void *field, const union element *e, const char *text, struct sbuf *wrong)
{
	const size_t size = element_size(row->type);
	struct list list = load(field);

	for (size_t i = 0; i < list.n; i++)
		if (same_element(row, e, list.v + i * size))
			return given_already(text, wrong);
	list.v = reallocarray(list.v, list.n + 1, size);
	if (!list.v)
		return conf_out_of_memory(wrong);
	memcpy(list.v + list.n++ * size, e, size);
	memcpy(field, &list, sizeof(list));
	return true;
}

static bool
add_reserved(uint16_t *mask, uint8_t last, const char *text, struct sbuf *wrong)
{
	const uint16_t bit = (uint16_t)(1u << (last & 0x0f));

	if (*mask & bit)
		return given_already(text, wrong);
	*mask |= bit;
	return true;
}

bool
conf_list_add(const struct conf_row *row, void *field, const char *text, struct sbuf *wrong)
{
	union element e;

	if (!parse_element(row, text, &e, wrong))
		return false;
	if (row->type == CONF_RESERVED)
		return add_reserved(field, e.reserved, text, wrong);
	if (add_element(row, field, &e, text, wrong))
		return true;
	if (row->type == CONF_REMOTES)
		free(e.remote.host);
	return false;
}

void
conf_list_clear(const struct conf_row *row, const void *field)
{
	if (row->type == CONF_RESERVED)
		return;
	const struct list list = load(field);
	if (row->type == CONF_REMOTES)
		for (size_t i = 0; i < list.n; i++)
			free(((struct conf_remote *)(void *)list.v)[i].host);
	free(list.v);
}

bool
conf_list_copy(const struct conf_row *row, void *to, const void *from)
{
	if (row->type == CONF_RESERVED) {
		memcpy(to, from, row->size);
		return true;
	}
	struct list list = load(from);
	const size_t bytes = list.n * element_size(row->type);
	char *v = bytes ? malloc(bytes) : NULL;
	if (bytes && !v)
		return false;
	if (bytes)
		memcpy(v, list.v, bytes);
	list.v = v;
	memcpy(to, &list, sizeof(list));
	return true;
}

/* --- list -> text ----------------------------------------------------------------------------------------------------
 */

static void
print_remote(const struct conf_remote *r, struct sbuf *out)
{
	const bool v6 = strchr(r->host, ':') != NULL;

	sbuf_printf(out, "%s%s%s:%u", v6 ? "[" : "", r->host, v6 ? "]" : "", r->port);
}

static void
print_element(enum conf_type t, const void *element, struct sbuf *out)
{
	char buf[IPADDR_STRLEN];

	switch (t) {
	case CONF_ADDRS:
		sbuf_puts(out, ipaddr_str(element, buf));
		break;
	case CONF_PINS:
		conf_fingerprint_print(element, out);
		break;
	case CONF_PORTS:
	case CONF_DOMAINS:
		sbuf_puts(out, element);
		break;
	case CONF_REMOTES:
		print_remote(element, out);
		break;
	default:
		conf_print_prefix(element, out);
		break;
	}
}

static void
print_reserved(uint16_t mask, struct sbuf *out)
{
	const char *before = "\"";

	for (unsigned i = 0; i < 16; i++)
		if (mask & 1u << i) {
			sbuf_printf(out, "%s01:80:c2:00:00:%02x\"", before, i);
			before = ", \"";
		}
}

static void
print_elements(const struct conf_row *row, const struct list *list, struct sbuf *out)
{
	for (size_t i = 0; i < list->n; i++) {
		sbuf_puts(out, i ? ", \"" : "\"");
		print_element(row->type, list->v + i * element_size(row->type), out);
		sbuf_addc(out, '"');
	}
}

void
conf_list_print(const struct conf_row *row, const void *field, struct sbuf *out)
{
	sbuf_addc(out, '{');
	if (row->type == CONF_RESERVED) {
		print_reserved(*(const uint16_t *)field, out);
	} else {
		const struct list list = load(field);

		print_elements(row, &list, out);
	}
	sbuf_addc(out, '}');
}
