/* The values of options -> text, for --check and for messages. */
#include "conf_value.h"

#include <string.h>

#include "castswitch/conf.h"
#include "conf_fingerprint.h"
#include "conf_list.h"

void
conf_quote(const char *text, struct sbuf *out)
{
	sbuf_addc(out, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			sbuf_addc(out, '\\');
		sbuf_addc(out, *text);
	}
	sbuf_addc(out, '"');
}

void
conf_print_duration(nsec_t d, struct sbuf *out)
{
	if (d % NSEC_PER_SEC)
		sbuf_printf(out, "%llums", (unsigned long long)(d / NSEC_PER_MSEC));
	else if (d == 0 || d % (60 * NSEC_PER_SEC))
		sbuf_printf(out, "%llus", (unsigned long long)(d / NSEC_PER_SEC));
	else if (d % (3600 * NSEC_PER_SEC))
		sbuf_printf(out, "%llum", (unsigned long long)(d / (60 * NSEC_PER_SEC)));
	else
		sbuf_printf(out, "%lluh", (unsigned long long)(d / (3600 * NSEC_PER_SEC)));
}

static void
print_uint(const struct conf_row *row, uint64_t v, struct sbuf *b)
{
	if (row->type == CONF_DURATION)
		conf_print_duration(v, b);
	else
		sbuf_printf(b, "%llu", (unsigned long long)v);
}

void
conf_print_allowed(const struct conf_row *row, struct sbuf *b)
{
	sbuf_puts(b, " (allowed: ");
	switch (row->type) {
	case CONF_BOOL:
		sbuf_puts(b, "true, false");
		break;
	case CONF_WORD:
		for (size_t i = 0; row->words[i]; i++)
			sbuf_printf(b, "%s%s", i ? ", " : "", row->words[i]);
		break;
	case CONF_UINT:
	case CONF_DURATION:
		print_uint(row, row->min, b);
		sbuf_puts(b, " to ");
		print_uint(row, row->max, b);
		if (row->unit)
			sbuf_printf(b, " %s", row->unit);
		if (row->flags & CONF_ZERO_IS_AUTO)
			sbuf_puts(b, ", auto");
		for (size_t i = 0; row->words && row->words[i]; i++)
			sbuf_printf(b, ", %s", row->words[i]);
		break;
	case CONF_STRING:
	case CONF_NAME:
	case CONF_PEM:
		if (row->max)
			sbuf_printf(b, "one line of %u to %u bytes", (unsigned)row->min, (unsigned)row->max);
		else
			sbuf_puts(b, "a path, PEM text");
		break;
	case CONF_KEY:
		sbuf_puts(b, "a path, 64 hex digits");
		break;
	case CONF_ADDRS:
		sbuf_puts(b, "such as 10.8.0.1, fd08::1");
		break;
	case CONF_PREFIXES:
		if (row->flags & CONF_NETWORKS)
			sbuf_puts(b, "such as 10.8.0.0/24, fd08::/64");
		else
			sbuf_printf(b, "such as 10.8.0.1/24, fd08::1/64%s",
				    row->flags & CONF_BARE_ADDRESS ? ", 10.8.0.1" : "");
		break;
	case CONF_REMOTES:
		sbuf_puts(b, "such as vpn.example.org, vpn.example.org:22424, [2001:db8::1]:22424");
		break;
	case CONF_GROUPS:
		sbuf_puts(b, "such as 239.0.0.0/8, 239.1.2.3, ff05::/16");
		break;
	case CONF_ADDR:
		sbuf_puts(b, "such as 192.0.2.7, 2001:db8::7");
		break;
	case CONF_PORT:
	case CONF_PORTS:
		sbuf_puts(b, "the name of the tap, a nic, a peer");
		break;
	case CONF_DOMAINS:
		sbuf_puts(b, "such as corp.example.org, ~example.net, ~.");
		break;
	case CONF_RESERVED:
		sbuf_puts(b, "01:80:c2:00:00:00 to 01:80:c2:00:00:0f");
		break;
	case CONF_PIN:
	case CONF_PINS:
		sbuf_puts(b, "64 hex digits, with or without colons between the bytes");
		break;
	}
	sbuf_puts(b, ")");
}

static uint64_t
fetch(const struct conf_row *row, const void *field)
{
	uint8_t v8;
	uint16_t v16;
	uint32_t v32;
	uint64_t v;

	switch (row->size) {
	case 1:
		memcpy(&v8, field, 1);
		return v8;
	case 2:
		memcpy(&v16, field, 2);
		return v16;
	case 4:
		memcpy(&v32, field, 4);
		return v32;
	default:
		memcpy(&v, field, 8);
		return v;
	}
}

void
conf_print_prefix(const struct ipprefix *p, struct sbuf *out)
{
	char buf[IPADDR_STRLEN];

	sbuf_puts(out, ipaddr_str(&p->addr, buf));
	if (p->len != CONF_NO_LENGTH)
		sbuf_printf(out, "/%u", p->len);
}

bool
conf_value_is_auto(const struct conf_row *row, const void *field)
{
	return (row->flags & CONF_ZERO_IS_AUTO) && fetch(row, field) == 0;
}

bool
conf_value_present(const struct conf_row *row, const void *field)
{
	switch (row->type) {
	case CONF_STRING:
	case CONF_PEM:
	case CONF_KEY:
		return *(char *const *)field != NULL;
	case CONF_PIN:
	case CONF_ADDR:
		return *(const bool *)field;
	case CONF_PORT:
		return *(const char *)field;
	case CONF_UINT:
		return !(row->flags & CONF_ZERO_IS_NONE) || fetch(row, field) != 0;
	default:
		return true;
	}
}

void
conf_value_print(const struct conf_row *row, const void *field, struct sbuf *out)
{
	char buf[IPADDR_STRLEN];
	struct ipaddr a;

	switch (row->type) {
	case CONF_BOOL:
		sbuf_puts(out, fetch(row, field) ? "true" : "false");
		break;
	case CONF_WORD:
		sbuf_puts(out, row->words[fetch(row, field)]);
		break;
	case CONF_UINT:
	case CONF_DURATION:
		if (conf_value_is_auto(row, field))
			sbuf_puts(out, "auto");
		else if (row->words && fetch(row, field) > row->max)
			sbuf_puts(out, row->words[fetch(row, field) - row->max - 1]);
		else
			print_uint(row, fetch(row, field), out);
		break;
	case CONF_STRING:
	case CONF_PEM:
	case CONF_KEY:
		conf_quote(*(char *const *)field, out);
		break;
	case CONF_NAME:
	case CONF_PORT:
		conf_quote(field, out);
		break;
	case CONF_ADDR:
		memcpy(&a, (const uint8_t *)field + 1, sizeof(a));
		conf_quote(ipaddr_str(&a, buf), out);
		break;
	case CONF_PIN:
		sbuf_addc(out, '"');
		conf_fingerprint_print((const uint8_t *)field + 1, out);
		sbuf_addc(out, '"');
		break;
	default:
		conf_list_print(row, field, out);
		break;
	}
}
