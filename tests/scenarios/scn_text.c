/* The scenario runner: files, lines, words, and the values that words stand for. */
#include "scn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
scn_fail(struct scn *s, const char *fmt, ...)
{
	va_list ap;
	if (s->failure.len)
		return false;
	sbuf_printf(&s->failure, "%s:%d: ", s->path, s->line);
	va_start(ap, fmt);
	sbuf_vprintf(&s->failure, fmt, ap);
	va_end(ap);
	sbuf_addc(&s->failure, '\n');
	return false;
}

void
scn_note(struct scn *s, const char *fmt, ...)
{
	va_list ap;
	sbuf_puts(&s->failure, "    ");
	va_start(ap, fmt);
	sbuf_vprintf(&s->failure, fmt, ap);
	va_end(ap);
	sbuf_addc(&s->failure, '\n');
}

char *
scn_read_file(const char *path)
{
	FILE *f = fopen(path, "re");
	struct sbuf b;
	char chunk[4096];
	size_t n;
	if (!f)
		return NULL;
	sbuf_init(&b);
	sbuf_puts(&b, "");
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		sbuf_add(&b, chunk, n);
	const bool failed = ferror(f) != 0;
	fclose(f);
	if (failed || b.len == 0) {
		sbuf_free(&b);
		errno = failed ? EIO : ENODATA;
		return NULL;
	}
	return sbuf_steal(&b);
}

/* --- words --- */

static bool
scn_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* A word that is a bracket or a semicolon stands alone, whatever touches it. */
static char *
scn_single(char c)
{
	static char open[] = "{", close[] = "}", end[] = ";";
	return c == '{' ? open : c == '}' ? close : c == ';' ? end : NULL;
}

bool
scn_split(struct scn *s, char *line, struct scn_args *ret)
{
	*ret = (struct scn_args){ .n = 0 };
	for (char *p = line; *p && *p != '#';) {
		if (scn_is_space(*p)) {
			*p++ = 0;
			continue;
		}
		if (ret->n == SCN_WORDS)
			return scn_fail(s, "a line of more than %d words", SCN_WORDS);
		char *single = scn_single(*p);
		ret->word[ret->n++] = single ? single : p;
		if (single) {
			*p++ = 0;
			continue;
		}
		while (*p && !scn_is_space(*p) && !scn_single(*p))
			p++;
	}
	return true;
}

const char *
scn_peek(const struct scn_args *a)
{
	return a->at < a->n ? a->word[a->at] : NULL;
}

const char *
scn_next(struct scn_args *a)
{
	return a->at < a->n ? a->word[a->at++] : NULL;
}

bool
scn_next_is(struct scn_args *a, const char *word)
{
	if (a->at == a->n || strcmp(a->word[a->at], word) != 0)
		return false;
	a->at++;
	return true;
}

bool
scn_no_more(struct scn *s, const struct scn_args *a)
{
	return a->at == a->n || scn_fail(s, "what is '%s'?", a->word[a->at]);
}

const char *
scn_value_of(const char *word, const char *key)
{
	size_t n = strlen(key);
	return strncmp(word, key, n) == 0 && word[n] == '=' ? word + n + 1 : NULL;
}

/* --- values --- */

bool
scn_parse_u32(struct scn *s, const char *word, uint32_t max, uint32_t *ret)
{
	char *end;
	if (!word)
		return scn_fail(s, "a number is missing");
	unsigned long long v = strtoull(word, &end, 0);
	if (*word < '0' || *word > '9' || *end || v > max)
		return scn_fail(s, "'%s' is not a number up to %u", word, max);
	*ret = (uint32_t)v;
	return true;
}

/* One term of a duration: digits and a unit; moves *p behind it. */
static bool
scn_take_term(const char **p, nsec_t *ret)
{
	static const struct {
		const char *name;
		nsec_t unit;
	} units[] = { { "ms", NSEC_PER_MSEC }, { "us", NSEC_PER_USEC },    { "ns", 1 },
		      { "s", NSEC_PER_SEC },   { "m", 60 * NSEC_PER_SEC }, { "h", 3600 * NSEC_PER_SEC } };
	char *end;
	if (**p < '0' || **p > '9')
		return false;
	nsec_t v = strtoull(*p, &end, 10);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t n = strlen(units[i].name);
		if (strncmp(end, units[i].name, n) == 0) {
			*ret = v * units[i].unit;
			*p = end + n;
			return true;
		}
	}
	*p = end;
	*ret = 0;
	return v == 0;
}

bool
scn_parse_duration(struct scn *s, const char *word, nsec_t *ret)
{
	nsec_t sum, term;
	const char *p = word;
	if (!word)
		return scn_fail(s, "a duration is missing");
	bool ok = scn_take_term(&p, &sum);
	while (ok && *p) {
		char sign = *p++;
		ok = (sign == '+' || sign == '-') && scn_take_term(&p, &term) && (sign == '+' || term <= sum);
		if (ok)
			sum = sign == '+' ? sum + term : sum - term;
	}
	if (!ok)
		return scn_fail(s, "'%s' is not a duration such as 125s, 500ms or 260s-1ms", word);
	*ret = sum;
	return true;
}

bool
scn_parse_ip(struct scn *s, const char *word, struct ipaddr *ret)
{
	if (!word)
		return scn_fail(s, "an IP address is missing");
	return ipaddr_parse(word, ret) || scn_fail(s, "'%s' is not an IP address", word);
}

struct mac
scn_mac_of(const struct ipaddr *host)
{
	const uint8_t *b = host->b;
	return (struct mac){ { 0x02, ipaddr_is_v4(host) ? 0x04 : b[0], b[12], b[13], b[14], b[15] } };
}

bool
scn_parse_mac(struct scn *s, const char *word, struct mac *ret)
{
	struct ipaddr ip;
	if (!word)
		return scn_fail(s, "a MAC address is missing");
	if (mac_parse(word, ret))
		return true;
	if (!ipaddr_parse(word, &ip))
		return scn_fail(s, "'%s' is neither a MAC nor an IP address", word);
	*ret = scn_mac_of(&ip);
	return true;
}

bool
scn_take_vlan(struct scn *s, struct scn_args *a, uint16_t *ret)
{
	const char *word = scn_peek(a), *v = word ? scn_value_of(word, "vlan") : NULL;
	uint32_t vid = 0;
	if (v && !scn_parse_u32(s, v, 4094, &vid))
		return false;
	if (v)
		scn_next(a);
	*ret = (uint16_t)vid;
	return true;
}

bool
scn_each_part(struct scn *s, const char *list, bool (*fn)(struct scn *s, const char *part, void *arg), void *arg)
{
	char part[256];
	for (const char *p = list;; p++) {
		size_t n = strcspn(p, ",");
		if (n >= sizeof(part))
			return scn_fail(s, "'%s' is too long", list);
		memcpy(part, p, n);
		part[n] = 0;
		if (!fn(s, part, arg))
			return false;
		p += n;
		if (!*p)
			return true;
	}
}

/* --- options --- */

static bool
scn_parse_bool(struct scn *s, const char *value, bool *ret)
{
	if (value && strcmp(value, "on") != 0 && strcmp(value, "off") != 0)
		return scn_fail(s, "'%s' is neither on nor off", value);
	*ret = !value || strcmp(value, "on") == 0;
	return true;
}

static bool
scn_parse_choice(struct scn *s, const char *choices, const char *value, uint8_t *ret)
{
	uint8_t i = 0;
	for (const char *p = choices;; i++, p++) {
		size_t n = strcspn(p, "|");
		if (strlen(value) == n && strncmp(p, value, n) == 0) {
			*ret = i;
			return true;
		}
		p += n;
		if (!*p)
			return scn_fail(s, "'%s' is none of %s", value, choices);
	}
}

static bool
scn_set_number(struct scn *s, const struct scn_option *o, const char *value, uint8_t *at)
{
	static const struct {
		uint32_t max;
		size_t size;
	} kinds[] = {
		[SCN_OPT_U8] = { UINT8_MAX, 1 }, [SCN_OPT_U16] = { UINT16_MAX, 2 }, [SCN_OPT_U32] = { UINT32_MAX, 4 }
	};
	uint32_t v;
	if (!scn_parse_u32(s, value, kinds[o->kind].max, &v))
		return false;
	const uint8_t v8 = (uint8_t)v;
	const uint16_t v16 = (uint16_t)v;
	memcpy(at,
	       o->kind == SCN_OPT_U8    ? (const void *)&v8
	       : o->kind == SCN_OPT_U16 ? (const void *)&v16
					: &v,
	       kinds[o->kind].size);
	return true;
}

static bool
scn_set_value(struct scn *s, const struct scn_option *o, const char *value, uint8_t *at)
{
	bool flag = false;
	nsec_t d = 0;
	if (o->kind == SCN_OPT_BOOL) {
		if (!scn_parse_bool(s, value, &flag))
			return false;
		memcpy(at, &flag, sizeof(flag));
		return true;
	}
	if (!value)
		return scn_fail(s, "'%s' needs a value", o->key);
	if (o->kind == SCN_OPT_MAC) {
		struct mac mac;
		if (!scn_parse_mac(s, value, &mac))
			return false;
		memcpy(at, &mac, sizeof(mac));
		return true;
	}
	if (o->kind == SCN_OPT_IP) {
		struct ipaddr ip;
		if (!scn_parse_ip(s, value, &ip))
			return false;
		memcpy(at, &ip, sizeof(ip));
		return true;
	}
	if (o->kind == SCN_OPT_CHOICE)
		return scn_parse_choice(s, o->choices, value, at);
	if (o->kind != SCN_OPT_DURATION)
		return scn_set_number(s, o, value, at);
	if (!scn_parse_duration(s, value, &d))
		return false;
	memcpy(at, &d, sizeof(d));
	return true;
}

const struct scn_option *
scn_find_option(struct scn *s, const struct scn_option *table, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (scn_value_of(word, table[i].key) || strcmp(word, table[i].key) == 0)
			return &table[i];
	scn_fail(s, "there is no option '%s'", word);
	return NULL;
}

bool
scn_set_option(struct scn *s, const struct scn_option *o, const char *word, void *object)
{
	return scn_set_value(s, o, scn_value_of(word, o->key), (uint8_t *)object + o->offset);
}
