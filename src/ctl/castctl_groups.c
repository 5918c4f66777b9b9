/* How castctl shows who listens to what. */
#include <string.h>

#include "castswitch/castctl.h"
#include "result.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* The last cells of a line are of a host. */
enum { HOST_CELLS = 4 };

/* The mode, and the version if older hosts are there, whose words count otherwise (RFC 3376 7.3.2, RFC 3810 8.3.2). */
static void
mode_cell(struct table *t, const json_t *o)
{
	const json_int_t newest = strchr(result_text(o, "group"), ':') ? 2 : 3;
	const json_int_t version = json_integer_value(json_object_get(o, "version"));

	if (version > 0 && version < newest)
		table_cell(t, "%s v%d", result_text(o, "mode"), (int)version);
	else
		table_cell(t, "%s", result_text(o, "mode"));
}

/* What is forwarded with its time, what is blocked with a '!'.  NULL: no more of them. */
static void
source_cell(struct table *t, const json_t *s, bool first)
{
	char buf[RESULT_TEXT_MAX];

	if (!s && !first)
		table_blank(t, 1);
	else if (strcmp(result_text(s, "state"), "blocked") == 0)
		table_cell(t, "!%s", result_text(s, "source"));
	else if (s)
		table_cell(t, "%s %s", result_text(s, "source"), *result_time(s, "expires_s", buf) ? buf : "static");
	else
		table_cell(t, "%s", "");
}

/* What a host has asked for: "all", "10.0.0.9, 10.0.0.10", "!10.0.0.8". */
static void
want_cell(struct table *t, const json_t *host)
{
	const bool exclude = strcmp(result_text(host, "mode"), "exclude") == 0;
	struct sbuf text;

	sbuf_init(&text);
	result_join(json_object_get(host, "sources"), exclude ? "!" : "", &text);
	if (exclude && text.len == 0)
		sbuf_puts(&text, "all");
	table_cell(t, "%s", sbuf_str(&text));
	sbuf_free(&text);
}

/* NULL: no more of them. */
static void
host_cells(struct table *t, const json_t *h, bool first)
{
	char buf[RESULT_TEXT_MAX];

	if (!h && !first) {
		table_blank(t, HOST_CELLS);
		return;
	}
	table_cell(t, "%s", result_text(h, *result_text(h, "ip") ? "ip" : "mac"));
	want_cell(t, h);
	table_cell(t, "%s", result_count(h, "version", buf));
	table_cell(t, "%s", result_time(h, "age_s", buf));
}

static void
group_cells(struct table *t, const json_t *o)
{
	char buf[RESULT_TEXT_MAX];

	table_cell(t, "%s", result_text(o, "group"));
	table_cell(t, "%s", result_text(o, "port"));
	mode_cell(t, o);
	table_cell(t, "%s", result_is_true(o, "static") ? "static" : result_time(o, "expires_s", buf));
}

/* Sources and hosts one below the other, side by side: of each there can be many. */
static void
group_row(struct table *t, const json_t *o)
{
	const json_t *sources = json_object_get(o, "sources"), *hosts = json_object_get(o, "hosts");
	const size_t n_sources = json_array_size(sources), n_hosts = json_array_size(hosts);

	group_cells(t, o);
	for (size_t i = 0; i == 0 || i < n_sources || i < n_hosts; i++) {
		if (i)
			table_blank(t, t->n_columns - HOST_CELLS - 1);
		source_cell(t, json_array_get(sources, i), i == 0);
		host_cells(t, json_array_get(hosts, i), i == 0);
	}
}

static void
vlan_group_row(struct table *t, const json_t *o)
{
	char buf[RESULT_TEXT_MAX];

	table_cell(t, "%s", result_count(o, "vlan", buf));
	group_row(t, o);
}

bool
castctl_render_groups(json_t *result, struct sbuf *out)
{
	static const struct table_column columns[] = {
		{ "VLAN", TABLE_RIGHT },    { "GROUP", TABLE_LEFT },   { "PORT", TABLE_LEFT },  { "MODE", TABLE_LEFT },
		{ "EXPIRES", TABLE_RIGHT }, { "SOURCES", TABLE_LEFT }, { "HOSTS", TABLE_LEFT }, { "WANT", TABLE_LEFT },
		{ "VERSION", TABLE_RIGHT }, { "AGE", TABLE_RIGHT },
	};

	if (result_has_vlans(result))
		return result_rows(result, columns, N(columns), vlan_group_row, out);
	return result_rows(result, columns + 1, N(columns) - 1, group_row, out);
}
