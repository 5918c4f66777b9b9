/* How castctl shows what happens, as it happens. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "castswitch/castctl.h"
#include "result.h"

enum { EVENT_WIDTH = 9, PORT_WIDTH = 15, ADDRESS_WIDTH = 15 };

/* Fields of a line: wide enough that most lines stand below each other, and two spaces between them. */
struct fields {
	struct sbuf *out;
	size_t gap; /* to the next one */
};

static void
add_field(struct fields *f, const char *text, size_t width)
{
	struct sbuf clean;

	sbuf_init(&clean);
	table_text(&clean, *text ? text : "-");
	for (; f->gap > 0; f->gap--)
		sbuf_addc(f->out, ' ');
	sbuf_puts(f->out, sbuf_str(&clean));
	const size_t n = table_width(sbuf_str(&clean));
	f->gap = 2 + (n < width ? width - n : 0);
	sbuf_free(&clean);
}

/* The time of day: 14:03:07.123. */
static const char *
time_of_day(const json_t *event, char buf[RESULT_TEXT_MAX])
{
	const double ms = json_number_value(json_object_get(event, "time_s")) * 1000;
	struct tm tm;

	buf[0] = '\0';
	if (!(ms > 0 && ms < 1e14))
		return buf;
	const long long n = (long long)(ms + 0.5);
	const time_t seconds = (time_t)(n / 1000);
	if (localtime_r(&seconds, &tm))
		snprintf(buf, RESULT_TEXT_MAX, "%02d:%02d:%02d.%03d", tm.tm_hour, tm.tm_min, tm.tm_sec,
			 (int)(n % 1000));
	return buf;
}

static void
lost_fields(struct fields *f, const json_t *event)
{
	char buf[RESULT_TEXT_MAX], text[RESULT_TEXT_MAX + 32];

	snprintf(text, sizeof(text), "%s events: read too slowly", result_count(event, "count", buf));
	add_field(f, text, 0);
}

/* Where, what, and who: of any event, also one of a later version. */
static void
event_fields(struct fields *f, const json_t *event)
{
	static const char *const details[] = { "mac", "family" };
	char buf[RESULT_TEXT_MAX], vlan[RESULT_TEXT_MAX + 8];
	const bool self = strcmp(result_text(event, "state"), "querier") == 0;
	const char *address = result_text(event, json_object_get(event, "group") ? "group" : "address");

	add_field(f, self ? "(self)" : result_text(event, "port"), PORT_WIDTH);
	if (json_integer_value(json_object_get(event, "vlan")) != 0) {
		snprintf(vlan, sizeof(vlan), "vlan %s", result_count(event, "vlan", buf));
		add_field(f, vlan, 0);
	}
	if (*address || strcmp(result_text(event, "event"), "querier") == 0)
		add_field(f, *address ? address : "nobody", ADDRESS_WIDTH);
	for (size_t i = 0; i < sizeof(details) / sizeof(details[0]); i++)
		if (*result_text(event, details[i]))
			add_field(f, result_text(event, details[i]), 0);
}

bool
castctl_render_event(json_t *event, struct sbuf *out)
{
	const char *name = result_text(event, "event");
	struct fields f = { .out = out };
	char buf[RESULT_TEXT_MAX];

	if (!*name)
		return false;
	add_field(&f, time_of_day(event, buf), 0);
	add_field(&f, name, EVENT_WIDTH);
	if (strcmp(name, "lost") == 0)
		lost_fields(&f, event);
	else
		event_fields(&f, event);
	sbuf_addc(out, '\n');
	return !sbuf_failed(out);
}
