/* How castctl shows each command's result to people. */
#include "castswitch/castctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

enum { UNITS_LEN = 32, STATUS_DEPTH_MAX = 8 };

/* --- parts of a result -----------------------------------------------------------------------------------------------
 */

/* A member as text; "" when there is none. */
static const char *
text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static bool
is_true(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

/* A counter. */
static const char *
count_of(const json_t *o, const char *key, char buf[UNITS_LEN])
{
	const json_t *v = json_object_get(o, key);

	buf[0] = '\0';
	if (json_is_integer(v))
		snprintf(buf, UNITS_LEN, "%lld", (long long)json_integer_value(v));
	return buf;
}

/* Bytes: 512, 1.5K, 20.0M. */
static const char *
bytes_of(const json_t *o, const char *key, char buf[UNITS_LEN])
{
	const json_t *v = json_object_get(o, key);
	double n = json_number_value(v);
	const char *unit = "KMGTPE";

	if (!json_is_integer(v) || n < 1024)
		return count_of(o, key, buf);
	for (n /= 1024; n >= 1024 && unit[1]; unit++)
		n /= 1024;
	snprintf(buf, UNITS_LEN, "%.1f%c", n, *unit);
	return buf;
}

/* Seconds: 12s, 2m05s, 3h12m, 4d03h. */
static const char *
time_of(const json_t *o, const char *key, char buf[UNITS_LEN])
{
	const json_t *v = json_object_get(o, key);
	const double seconds = json_number_value(v);

	buf[0] = '\0';
	if (!json_is_number(v) || seconds < 0 || seconds > 1e15)
		return buf;
	const unsigned long long s = (unsigned long long)(seconds + 0.5);
	if (s < 60)
		snprintf(buf, UNITS_LEN, "%llus", s);
	else if (s < 3600)
		snprintf(buf, UNITS_LEN, "%llum%02llus", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, UNITS_LEN, "%lluh%02llum", s / 3600, s / 60 % 60);
	else
		snprintf(buf, UNITS_LEN, "%llud%02lluh", s / 86400, s / 3600 % 24);
	return buf;
}

/* "a, b, c" of an array of strings. */
static void
join(const json_t *list, struct sbuf *out)
{
	size_t i;
	json_t *v;

	json_array_foreach(list, i, v) if (json_is_string(v))
		sbuf_printf(out, "%s%s", out->len ? ", " : "", json_string_value(v));
}

/* --- rows ------------------------------------------------------------------------------------------------------------
 */

/* Adds the cells of one element of a result. */
typedef void row_fn(struct table *t, const json_t *o);

static bool
render_rows(const json_t *list, const struct table_column *columns, size_t n, row_fn *row, struct sbuf *out)
{
	struct table t;
	size_t i;
	json_t *o;
	bool good = json_is_array(list);

	table_init(&t, columns, n);
	json_array_foreach(list, i, o)
	{
		good = good && json_is_object(o);
		row(&t, o);
	}
	good = good && table_print(&t, out);
	table_fini(&t);
	return good;
}

/* Whether any row is of a VLAN; the column is left out otherwise. */
static bool
has_vlans(const json_t *list)
{
	size_t i;
	json_t *o;

	json_array_foreach(list, i, o) if (json_integer_value(json_object_get(o, "vlan")) != 0) return true;
	return false;
}

/* --- status ----------------------------------------------------------------------------------------------------------
 */

static void
status_value(const json_t *v, struct sbuf *out)
{
	size_t i;
	json_t *e;

	switch (json_typeof(v)) {
	case JSON_STRING:
		sbuf_puts(out, json_string_value(v));
		break;
	case JSON_INTEGER:
		sbuf_printf(out, "%lld", (long long)json_integer_value(v));
		break;
	case JSON_REAL:
		sbuf_printf(out, "%.1f", json_real_value(v));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		sbuf_puts(out, json_is_true(v) ? "yes" : "no");
		break;
	case JSON_ARRAY:
		json_array_foreach(v, i, e)
		{
			if (i)
				sbuf_puts(out, ", ");
			status_value(e, out);
		}
		break;
	default:
		break;
	}
}

static void status_members(json_t *o, const char *prefix, unsigned depth, struct table *t);

/* One member: a line, or with nested ones a line each, "tap.mtu". */
static void
status_member(const char *key, json_t *v, const char *prefix, unsigned depth, struct table *t)
{
	struct sbuf b;

	sbuf_init(&b);
	if (json_is_object(v)) {
		sbuf_printf(&b, "%s%s.", prefix, key);
		if (depth < STATUS_DEPTH_MAX)
			status_members(v, sbuf_str(&b), depth + 1, t);
	} else {
		status_value(v, &b);
		table_cell(t, "%s%s", prefix, key);
		table_cell(t, "%s", sbuf_str(&b));
	}
	sbuf_free(&b);
}

static void
status_members(json_t *o, const char *prefix, unsigned depth, struct table *t)
{
	const char *key;
	json_t *v;

	json_object_foreach(o, key, v)
	{
		status_member(key, v, prefix, depth, t);
	}
}

bool
castctl_render_status(json_t *result, struct sbuf *out)
{
	static const struct table_column columns[] = { { NULL, TABLE_LEFT }, { NULL, TABLE_LEFT } };
	struct table t;

	if (!json_is_object(result))
		return false;
	table_init(&t, columns, N(columns));
	status_members(result, "", 0, &t);
	const bool good = table_print(&t, out);
	table_fini(&t);
	return good;
}

/* --- peers -----------------------------------------------------------------------------------------------------------
 */

static void
peer_row(struct table *t, const json_t *o)
{
	char buf[UNITS_LEN];
	struct sbuf addresses;

	sbuf_init(&addresses);
	join(json_object_get(o, "addresses"), &addresses);
	table_cell(t, "%s", text_of(o, "name"));
	table_cell(t, "%s", text_of(o, "address"));
	table_cell(t, "%s", text_of(o, "state"));
	table_cell(t, "%s", time_of(o, "since_s", buf));
	table_cell(t, "%s", bytes_of(o, "rx_bytes", buf));
	table_cell(t, "%s", bytes_of(o, "tx_bytes", buf));
	table_cell(t, "%s", text_of(o, "aead"));
	table_cell(t, "%s", is_true(o, "endpoint") ? "host" : "bridge");
	table_cell(t, "%s", text_of(o, "software"));
	table_cell(t, "%s", sbuf_str(&addresses));
	sbuf_free(&addresses);
}

struct peer {
	json_t *o;
	size_t index;
};

static int
by_name(const void *a, const void *b)
{
	const struct peer *x = a, *y = b;
	const int r = strcmp(text_of(x->o, "name"), text_of(y->o, "name"));

	return r ? r : (x->index > y->index) - (x->index < y->index);
}

/* A copy in the order of the names, or NULL. */
static json_t *
sort_by_name(const json_t *list)
{
	const size_t n = json_array_size(list);
	struct peer *peers = calloc(n + 1, sizeof(*peers));
	json_t *sorted = json_array();

	for (size_t i = 0; peers && i < n; i++)
		peers[i] = (struct peer){ json_array_get(list, i), i };
	if (peers)
		qsort(peers, n, sizeof(*peers), by_name);
	for (size_t i = 0; peers && i < n; i++)
		json_array_append(sorted, peers[i].o);
	free(peers);
	if (json_array_size(sorted) == n && json_is_array(list))
		return sorted;
	json_decref(sorted);
	return NULL;
}

bool
castctl_render_peers(json_t *result, struct sbuf *out)
{
	static const struct table_column columns[] = {
		{ "NAME", TABLE_LEFT },      { "ADDRESS", TABLE_LEFT }, { "STATE", TABLE_LEFT },
		{ "SINCE", TABLE_RIGHT },    { "RX", TABLE_RIGHT },     { "TX", TABLE_RIGHT },
		{ "AEAD", TABLE_LEFT },      { "KIND", TABLE_LEFT },    { "SOFTWARE", TABLE_LEFT },
		{ "ADDRESSES", TABLE_LEFT },
	};

	json_t *sorted = sort_by_name(result);
	const bool good = render_rows(sorted, columns, N(columns), peer_row, out);
	json_decref(sorted);
	return good;
}

/* --- groups ----------------------------------------------------------------------------------------------------------
 */

/* Sources that are let through as they are, blocked ones with a '!'. */
static void
group_sources(const json_t *list, struct sbuf *out)
{
	size_t i;
	json_t *s;

	json_array_foreach(list, i, s)
		sbuf_printf(out, "%s%s%s", i ? ", " : "", strcmp(text_of(s, "state"), "blocked") == 0 ? "!" : "",
			    text_of(s, "source"));
}

/* One below the other: behind a bridge there can be many.  They are in the last column. */
static void
group_hosts(struct table *t, const json_t *list)
{
	size_t i;
	json_t *h;

	json_array_foreach(list, i, h)
	{
		if (i)
			table_blank(t, t->n_columns - 1);
		table_cell(t, "%s", text_of(h, *text_of(h, "ip") ? "ip" : "mac"));
	}
	if (json_array_size(list) == 0)
		table_cell(t, "%s", "");
}

static void
group_row(struct table *t, const json_t *o)
{
	char buf[UNITS_LEN];
	struct sbuf sources;

	sbuf_init(&sources);
	group_sources(json_object_get(o, "sources"), &sources);
	table_cell(t, "%s", text_of(o, "group"));
	table_cell(t, "%s", text_of(o, "port"));
	table_cell(t, "%s", text_of(o, "mode"));
	table_cell(t, "%s", sbuf_str(&sources));
	table_cell(t, "%s", time_of(o, "expires_s", buf));
	group_hosts(t, json_object_get(o, "hosts"));
	sbuf_free(&sources);
}

static void
vlan_group_row(struct table *t, const json_t *o)
{
	char buf[UNITS_LEN];

	table_cell(t, "%s", count_of(o, "vlan", buf));
	group_row(t, o);
}

bool
castctl_render_groups(json_t *result, struct sbuf *out)
{
	static const struct table_column columns[] = {
		{ "VLAN", TABLE_RIGHT },   { "GROUP", TABLE_LEFT },    { "PORT", TABLE_LEFT },  { "MODE", TABLE_LEFT },
		{ "SOURCES", TABLE_LEFT }, { "EXPIRES", TABLE_RIGHT }, { "HOSTS", TABLE_LEFT },
	};

	if (has_vlans(result))
		return render_rows(result, columns, N(columns), vlan_group_row, out);
	return render_rows(result, columns + 1, N(columns) - 1, group_row, out);
}

/* --- routers ---------------------------------------------------------------------------------------------------------
 */

static void
router_row(struct table *t, const json_t *o)
{
	char buf[UNITS_LEN];

	table_cell(t, "%s", text_of(o, "port"));
	table_cell(t, "%s", text_of(o, "kind"));
	table_cell(t, "%s", time_of(o, "expires_s", buf));
}

static void
vlan_router_row(struct table *t, const json_t *o)
{
	char buf[UNITS_LEN];

	table_cell(t, "%s", count_of(o, "vlan", buf));
	router_row(t, o);
}

bool
castctl_render_routers(json_t *result, struct sbuf *out)
{
	static const struct table_column columns[] = {
		{ "VLAN", TABLE_RIGHT },
		{ "PORT", TABLE_LEFT },
		{ "KIND", TABLE_LEFT },
		{ "EXPIRES", TABLE_RIGHT },
	};

	if (has_vlans(result))
		return render_rows(result, columns, N(columns), vlan_router_row, out);
	return render_rows(result, columns + 1, N(columns) - 1, router_row, out);
}

/* --- ports -----------------------------------------------------------------------------------------------------------
 */

static void
port_row(struct table *t, const json_t *o)
{
	char buf[UNITS_LEN];

	table_cell(t, "%s", text_of(o, "name"));
	table_cell(t, "%s", text_of(o, "kind"));
	table_cell(t, "%s", text_of(o, "state"));
	table_cell(t, "%s", is_true(o, "router") ? "yes" : "no");
	table_cell(t, "%s", count_of(o, "rx_frames", buf));
	table_cell(t, "%s", bytes_of(o, "rx_bytes", buf));
	table_cell(t, "%s", count_of(o, "tx_frames", buf));
	table_cell(t, "%s", bytes_of(o, "tx_bytes", buf));
	table_cell(t, "%s", count_of(o, "drops", buf));
}

bool
castctl_render_ports(json_t *result, struct sbuf *out)
{
	static const struct table_column columns[] = {
		{ "NAME", TABLE_LEFT },       { "KIND", TABLE_LEFT },       { "STATE", TABLE_LEFT },
		{ "ROUTER", TABLE_LEFT },     { "RX-FRAMES", TABLE_RIGHT }, { "RX", TABLE_RIGHT },
		{ "TX-FRAMES", TABLE_RIGHT }, { "TX", TABLE_RIGHT },        { "DROPS", TABLE_RIGHT },
	};

	return render_rows(result, columns, N(columns), port_row, out);
}

/* --- fdb -------------------------------------------------------------------------------------------------------------
 */

static void
fdb_row(struct table *t, const json_t *o)
{
	char buf[UNITS_LEN];

	table_cell(t, "%s", text_of(o, "mac"));
	table_cell(t, "%s", text_of(o, "port"));
	table_cell(t, "%s", time_of(o, "age_s", buf));
	table_cell(t, "%s", is_true(o, "static") ? "static" : "learned");
}

static void
vlan_fdb_row(struct table *t, const json_t *o)
{
	char buf[UNITS_LEN];

	table_cell(t, "%s", count_of(o, "vlan", buf));
	fdb_row(t, o);
}

bool
castctl_render_fdb(json_t *result, struct sbuf *out)
{
	static const struct table_column columns[] = {
		{ "VLAN", TABLE_RIGHT }, { "MAC", TABLE_LEFT },  { "PORT", TABLE_LEFT },
		{ "AGE", TABLE_RIGHT },  { "KIND", TABLE_LEFT },
	};

	if (has_vlans(result))
		return render_rows(result, columns, N(columns), vlan_fdb_row, out);
	return render_rows(result, columns + 1, N(columns) - 1, fdb_row, out);
}

/* --- drops -----------------------------------------------------------------------------------------------------------
 */

static void
drop_row(struct table *t, const json_t *o)
{
	char buf[UNITS_LEN];

	table_cell(t, "%s", text_of(o, "where"));
	table_cell(t, "%s", text_of(o, "reason"));
	table_cell(t, "%s", count_of(o, "count", buf));
	table_cell(t, "%s", text_of(o, "text"));
}

bool
castctl_render_drops(json_t *result, struct sbuf *out)
{
	static const struct table_column columns[] = {
		{ "WHERE", TABLE_LEFT },
		{ "REASON", TABLE_LEFT },
		{ "COUNT", TABLE_RIGHT },
		{ "MEANING", TABLE_LEFT },
	};

	if (json_is_array(result) && json_array_size(result) == 0) {
		sbuf_puts(out, "no drops\n");
		return !sbuf_failed(out);
	}
	return render_rows(result, columns, N(columns), drop_row, out);
}

/* --- texts -----------------------------------------------------------------------------------------------------------
 */

bool
castctl_render_text(json_t *result, struct sbuf *out)
{
	struct sbuf line;

	if (!json_is_string(result))
		return false;
	sbuf_init(&line);
	for (const char *at = json_string_value(result); *at;) {
		const size_t n = strcspn(at, "\n");

		sbuf_reset(&line);
		sbuf_add(&line, at, n);
		table_text(out, sbuf_str(&line));
		sbuf_addc(out, '\n');
		at += n + (at[n] == '\n');
	}
	const bool good = !sbuf_failed(&line) && !sbuf_failed(out);
	sbuf_free(&line);
	return good;
}
