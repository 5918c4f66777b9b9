/* Text -> the values of options. */
#include "conf_value.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "castswitch/conf.h"
#include "conf_fingerprint.h"

/* --- text -> number --------------------------------------------------------------------------------------------------
 */

/* Decimal digits only, at least one; stops at the first other byte. */
static bool
parse_digits(const char **s, uint64_t *ret)
{
	uint64_t v = 0;
	const char *p = *s;

	if (!isdigit((unsigned char)*p))
		return false;
	for (; isdigit((unsigned char)*p); p++) {
		const unsigned digit = (unsigned)(*p - '0');

		v = v > (UINT64_MAX - digit) / 10 ? UINT64_MAX : v * 10 + digit;
	}
	*s = p;
	*ret = v;
	return true;
}

static bool
parse_uint(const char *s, uint64_t *ret)
{
	uint64_t v;

	if (!parse_digits(&s, &v) || *s)
		return false;
	*ret = v;
	return true;
}

static const struct unit {
	const char *name;
	nsec_t ns;
} units[] = {
	{ "h", 3600 * NSEC_PER_SEC }, { "m", 60 * NSEC_PER_SEC }, { "s", NSEC_PER_SEC },
	{ "ms", NSEC_PER_MSEC },      { "", NSEC_PER_SEC },
};

static bool
parse_duration(const char *s, uint64_t *ret)
{
	uint64_t v;

	if (!parse_digits(&s, &v))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(s, units[i].name) == 0) {
			*ret = v > UINT64_MAX / units[i].ns ? UINT64_MAX : v * units[i].ns;
			return true;
		}
	return false;
}

static bool
parse_bool(const char *s, uint64_t *ret)
{
	static const char *const words[] = { "false", "true", "no", "yes", "off", "on" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(s, words[i]) == 0) {
			*ret = i & 1;
			return true;
		}
	return false;
}

static bool
parse_word(const struct conf_row *row, const char *s, uint64_t *ret)
{
	for (size_t i = 0; row->words[i]; i++)
		if (strcmp(s, row->words[i]) == 0) {
			*ret = i;
			return true;
		}
	return false;
}

/* --- messages --------------------------------------------------------------------------------------------------------
 */

/* Appends the text in single quotes, cut when long. */
static void
print_culprit(const char *text, struct sbuf *b)
{
	size_t i;

	sbuf_addc(b, '\'');
	for (i = 0; text[i] && i < 60; i++)
		sbuf_addc(b, text[i]);
	sbuf_puts(b, text[i] ? "...'" : "'");
}

static bool
wrong_value(const struct conf_row *row, const char *text, const char *what, struct sbuf *wrong)
{
	/* What was meant as PEM text may be a private key. */
	if (row->type == CONF_PEM)
		sbuf_puts(wrong, "the value");
	else
		print_culprit(text, wrong);
	sbuf_printf(wrong, " is %s", what);
	conf_print_allowed(row, wrong);
	return false;
}

static bool
given_already(const char *text, struct sbuf *wrong)
{
	print_culprit(text, wrong);
	sbuf_puts(wrong, " is in the list already");
	return false;
}

/* --- text -> field ---------------------------------------------------------------------------------------------------
 */

static void
store(const struct conf_row *row, void *field, uint64_t v)
{
	const uint8_t v8 = (uint8_t)v;
	const uint16_t v16 = (uint16_t)v;
	const uint32_t v32 = (uint32_t)v;

	switch (row->size) {
	case 1:
		memcpy(field, &v8, 1);
		break;
	case 2:
		memcpy(field, &v16, 2);
		break;
	case 4:
		memcpy(field, &v32, 4);
		break;
	default:
		memcpy(field, &v, 8);
		break;
	}
}

static bool
set_number(const struct conf_row *row, void *field, const char *text, struct sbuf *wrong)
{
	uint64_t v;

	if ((row->flags & CONF_ZERO_IS_AUTO) && strcmp(text, "auto") == 0) {
		store(row, field, 0);
		return true;
	}
	if (!(row->type == CONF_UINT ? parse_uint(text, &v) : parse_duration(text, &v)))
		return wrong_value(row, text, row->type == CONF_UINT ? "not a number" : "not a duration", wrong);
	if (v < row->min || v > row->max)
		return wrong_value(row, text, "out of range", wrong);
	store(row, field, v);
	return true;
}

static bool
set_choice(const struct conf_row *row, void *field, const char *text, struct sbuf *wrong)
{
	uint64_t v;

	if (!(row->type == CONF_BOOL ? parse_bool(text, &v) : parse_word(row, text, &v)))
		return wrong_value(row, text, row->type == CONF_BOOL ? "not a truth value" : "unknown", wrong);
	store(row, field, v);
	return true;
}

static bool
out_of_memory(struct sbuf *wrong)
{
	sbuf_puts(wrong, "out of memory");
	return false;
}

static bool
check_string(const struct conf_row *row, const char *text, struct sbuf *wrong)
{
	const size_t len = strlen(text);

	if (len < row->min)
		return wrong_value(row, text, "empty", wrong);
	if (row->max && len > row->max)
		return wrong_value(row, text, "too long", wrong);
	if (strchr(text, '\n') && !(row->type == CONF_PEM && conf_is_pem(text)))
		return wrong_value(row, text, "not one line", wrong);
	return true;
}

static bool
set_name(const struct conf_row *row, void *field, const char *text, struct sbuf *wrong)
{
	if (!check_string(row, text, wrong))
		return false;
	memset(field, 0, row->size);
	memcpy(field, text, strlen(text));
	return true;
}

static bool
set_string(const struct conf_row *row, void *field, const char *text, struct sbuf *wrong)
{
	char **at = field;

	if (!check_string(row, text, wrong))
		return false;
	char *copy = strdup(text);
	if (!copy)
		return out_of_memory(wrong);
	free(*at);
	*at = copy;
	return true;
}

static bool
set_pin(const struct conf_row *row, void *field, const char *text, struct sbuf *wrong)
{
	uint8_t *at = field;

	if (!conf_fingerprint_parse(text, at + 1))
		return wrong_value(row, text, "not a fingerprint", wrong);
	*at = true;
	return true;
}

/* A new element at the end of a list of n elements, or NULL. */
static void *
append(void **v, size_t *n, size_t size, struct sbuf *wrong)
{
	void *more = reallocarray(*v, *n + 1, size);

	if (!more) {
		out_of_memory(wrong);
		return NULL;
	}
	*v = more;
	return (char *)more + (*n)++ * size;
}

static bool
add_addr(const struct conf_row *row, struct conf_addrs *list, const char *text, struct sbuf *wrong)
{
	struct ipaddr a;
	void *v = list->v;

	if (!ipaddr_parse(text, &a))
		return wrong_value(row, text, "not an address", wrong);
	for (size_t i = 0; i < list->n; i++)
		if (ipaddr_equal(&a, &list->v[i]))
			return given_already(text, wrong);
	struct ipaddr *at = append(&v, &list->n, sizeof(*at), wrong);
	if (!at)
		return false;
	list->v = v;
	*at = a;
	return true;
}

static bool
parse_prefix(const struct conf_row *row, const char *text, struct ipprefix *ret)
{
	if (ipprefix_parse(text, ret))
		return true;
	ret->len = CONF_NO_LENGTH;
	return (row->flags & CONF_BARE_ADDRESS) && ipaddr_parse(text, &ret->addr);
}

static bool
add_prefix(const struct conf_row *row, struct conf_prefixes *list, const char *text, struct sbuf *wrong)
{
	struct ipprefix p;
	void *v = list->v;

	if (!parse_prefix(row, text, &p))
		return wrong_value(row, text,
				   ipaddr_parse(text, &p.addr) ? "an address without a prefix length"
							       : "not an address with a prefix length",
				   wrong);
	for (size_t i = 0; i < list->n; i++)
		if (ipaddr_equal(&p.addr, &list->v[i].addr))
			return given_already(text, wrong);
	struct ipprefix *at = append(&v, &list->n, sizeof(*at), wrong);
	if (!at)
		return false;
	list->v = v;
	*at = p;
	return true;
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
	if (*colon && (*colon != ':' || !parse_uint(colon + 1, &port) || port < 1 || port > UINT16_MAX))
		return false;
	*ret_host = host;
	*ret_len = (size_t)(end - host);
	*ret_port = (uint16_t)port;
	return true;
}

static bool
add_remote(const struct conf_row *row, struct conf_remotes *list, const char *text, struct sbuf *wrong)
{
	const char *host;
	size_t len;
	uint16_t port;
	void *v = list->v;

	if (!split_remote(text, &host, &len, &port))
		return wrong_value(row, text, "not a host with or without a port", wrong);
	char *copy = strndup(host, len);
	if (!copy)
		return out_of_memory(wrong);
	struct conf_remote *at = append(&v, &list->n, sizeof(*at), wrong);
	if (!at) {
		free(copy);
		return false;
	}
	list->v = v;
	*at = (struct conf_remote){ copy, port };
	return true;
}

static bool
add_pin(const struct conf_row *row, struct conf_fingerprints *list, const char *text, struct sbuf *wrong)
{
	uint8_t pin[CONF_FINGERPRINT_LEN];
	void *v = list->v;

	if (!conf_fingerprint_parse(text, pin))
		return wrong_value(row, text, "not a fingerprint", wrong);
	for (size_t i = 0; i < list->n; i++)
		if (memcmp(pin, list->v[i], sizeof(pin)) == 0)
			return given_already(text, wrong);
	void *at = append(&v, &list->n, sizeof(pin), wrong);
	if (!at)
		return false;
	list->v = v;
	memcpy(at, pin, sizeof(pin));
	return true;
}

bool
conf_value_set(const struct conf_row *row, void *field, const char *text, struct sbuf *wrong)
{
	switch (row->type) {
	case CONF_BOOL:
	case CONF_WORD:
		return set_choice(row, field, text, wrong);
	case CONF_UINT:
	case CONF_DURATION:
		return set_number(row, field, text, wrong);
	case CONF_STRING:
	case CONF_PEM:
		return set_string(row, field, text, wrong);
	case CONF_NAME:
		return set_name(row, field, text, wrong);
	case CONF_PIN:
		return set_pin(row, field, text, wrong);
	case CONF_ADDRS:
		return add_addr(row, field, text, wrong);
	case CONF_PREFIXES:
		return add_prefix(row, field, text, wrong);
	case CONF_REMOTES:
		return add_remote(row, field, text, wrong);
	case CONF_PINS:
		return add_pin(row, field, text, wrong);
	}
	return false;
}

/* The default of a list: its values with a space between them. */
static bool
default_list(const struct conf_row *row, void *field, struct sbuf *wrong)
{
	char *words = strdup(row->def), *save = NULL;
	bool good = words || out_of_memory(wrong);

	for (char *w = words ? strtok_r(words, " ", &save) : NULL; w && good; w = strtok_r(NULL, " ", &save))
		good = conf_value_set(row, field, w, wrong);
	free(words);
	return good;
}

bool
conf_value_default(const struct conf_row *row, void *field, struct sbuf *wrong)
{
	if (!row->def)
		return true;
	return conf_type_is_list(row->type) ? default_list(row, field, wrong)
					    : conf_value_set(row, field, row->def, wrong);
}

void
conf_value_clear(const struct conf_row *row, void *field)
{
	struct conf_remotes *remotes = field;

	switch (row->type) {
	case CONF_REMOTES:
		for (size_t i = 0; i < remotes->n; i++)
			free(remotes->v[i].host);
		free(remotes->v);
		break;
	case CONF_ADDRS:
		free(((struct conf_addrs *)field)->v);
		break;
	case CONF_PREFIXES:
		free(((struct conf_prefixes *)field)->v);
		break;
	case CONF_PINS:
		free(((struct conf_fingerprints *)field)->v);
		break;
	case CONF_STRING:
	case CONF_PEM:
		free(*(char **)field);
		break;
	default:
		break;
	}
	memset(field, 0, row->size);
}
