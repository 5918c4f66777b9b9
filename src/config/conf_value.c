/* Text -> the values of options; lists are in conf_value_list.c. */
#include "conf_value.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "castswitch/conf.h"
#include "conf_fingerprint.h"
#include "conf_list.h"

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

bool
conf_parse_uint(const char *s, uint64_t *ret)
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

bool
conf_host_bits_are(const struct ipprefix *p, unsigned bit)
{
	const unsigned skip = ipaddr_is_v4(&p->addr) ? 96 : 0;

	for (unsigned i = skip + p->len; i < 128; i++)
		if ((p->addr.b[i / 8] >> (7 - i % 8) & 1u) != bit)
			return false;
	return true;
}

/* --- messages --------------------------------------------------------------------------------------------------------
 */

void
conf_print_culprit(const char *text, struct sbuf *b)
{
	size_t i;

	sbuf_addc(b, '\'');
	for (i = 0; text[i] && i < 60; i++)
		sbuf_addc(b, text[i]);
	sbuf_puts(b, text[i] ? "...'" : "'");
}

bool
conf_wrong_value(const struct conf_row *row, const char *text, const char *what, struct sbuf *wrong)
{
	/* What was meant as PEM text may be a private key. */
	if (row->flags & CONF_SECRET || row->type == CONF_PEM)
		sbuf_puts(wrong, "the value");
	else
		conf_print_culprit(text, wrong);
	sbuf_printf(wrong, " is %s", what);
	conf_print_allowed(row, wrong);
	return false;
}

bool
conf_out_of_memory(struct sbuf *wrong)
{
	sbuf_puts(wrong, "out of memory");
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
	if (row->words && parse_word(row, text, &v)) {
		store(row, field, row->max + 1 + v);
		return true;
	}
	if (!(row->type == CONF_UINT ? conf_parse_uint(text, &v) : parse_duration(text, &v)))
		return conf_wrong_value(row, text, row->type == CONF_UINT ? "not a number" : "not a duration", wrong);
	if (v < row->min || v > row->max)
		return conf_wrong_value(row, text, "out of range", wrong);
	store(row, field, v);
	return true;
}

static bool
set_choice(const struct conf_row *row, void *field, const char *text, struct sbuf *wrong)
{
	uint64_t v;

	if (!(row->type == CONF_BOOL ? parse_bool(text, &v) : parse_word(row, text, &v)))
		return conf_wrong_value(row, text, row->type == CONF_BOOL ? "not a truth value" : "unknown", wrong);
	store(row, field, v);
	return true;
}

static bool
check_string(const struct conf_row *row, const char *text, struct sbuf *wrong)
{
	const size_t len = strlen(text);

	if (len < row->min)
		return conf_wrong_value(row, text, "empty", wrong);
	if (row->max && len > row->max)
		return conf_wrong_value(row, text, "too long", wrong);
	if (strchr(text, '\n') && !(row->type == CONF_PEM && conf_is_pem(text)))
		return conf_wrong_value(row, text, "not one line", wrong);
	return true;
}

/* What consists of hex digits only is meant as a key. */
static bool
check_key(const struct conf_row *row, const char *text, struct sbuf *wrong)
{
	const size_t len = strlen(text);

	if (len == 0 || conf_is_key(text) || strspn(text, "0123456789abcdefABCDEF") < len)
		return check_string(row, text, wrong);
	sbuf_printf(wrong, "%zu hex digits", len);
	conf_print_allowed(row, wrong);
	return false;
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

	if (!(row->type == CONF_KEY ? check_key : check_string)(row, text, wrong))
		return false;
	char *copy = strdup(text);
	if (!copy)
		return conf_out_of_memory(wrong);
	free(*at);
	*at = copy;
	return true;
}

static bool
set_pin(const struct conf_row *row, void *field, const char *text, struct sbuf *wrong)
{
	uint8_t *at = field;

	if (!conf_fingerprint_parse(text, at + 1))
		return conf_wrong_value(row, text, "not a fingerprint", wrong);
	*at = true;
	return true;
}

static bool
set_addr(const struct conf_row *row, void *field, const char *text, struct sbuf *wrong)
{
	uint8_t *at = field;
	struct ipaddr a;

	if (!ipaddr_parse(text, &a))
		return conf_wrong_value(row, text, "not an address", wrong);
	*at = true;
	memcpy(at + 1, &a, sizeof(a));
	return true;
}

static bool
set_port(const struct conf_row *row, char *field, const char *text, struct sbuf *wrong)
{
	if (!conf_peer_name_valid(text))
		return conf_wrong_value(row, text, "not the name of a port", wrong);
	memset(field, 0, row->size);
	memcpy(field, text, strlen(text));
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
	case CONF_KEY:
		return set_string(row, field, text, wrong);
	case CONF_NAME:
		return set_name(row, field, text, wrong);
	case CONF_PIN:
		return set_pin(row, field, text, wrong);
	case CONF_ADDR:
		return set_addr(row, field, text, wrong);
	case CONF_PORT:
		return set_port(row, field, text, wrong);
	default:
		return conf_list_add(row, field, text, wrong);
	}
}

/* The default of a list: its values with a space between them. */
static bool
default_list(const struct conf_row *row, void *field, struct sbuf *wrong)
{
	char *words = strdup(row->def), *save = NULL;
	bool good = words || conf_out_of_memory(wrong);

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
	if (conf_type_is_list(row->type))
		conf_list_clear(row, field);
	else if (row->type == CONF_STRING || row->type == CONF_PEM || row->type == CONF_KEY)
		free(*(char **)field);
	memset(field, 0, row->size);
}

bool
conf_value_copy(const struct conf_row *row, void *to, const void *from)
{
	if (conf_type_is_list(row->type))
		return conf_list_copy(row, to, from);
	memcpy(to, from, row->size);
	return true;
}
