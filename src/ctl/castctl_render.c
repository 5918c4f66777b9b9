/* How castctl shows each command's result to people. */
#include "castswitch/castctl.h"

#include <stdlib.h>
#include <string.h>

#include "result.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

enum { STATUS_DEPTH_MAX = 8 };

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

/* What is inside, a line each: "tap.mtu". */
static void
status_nested(const char *key, json_t *o, const char *prefix, unsigned depth, struct table *t)
{
	struct sbuf b;

	sbuf_init(&b);
	sbuf_printf(&b, "%s%s.", prefix, key);
	if (depth < STATUS_DEPTH_MAX)
		status_members(o, sbuf_str(&b), depth + 1, t);
	sbuf_free(&b);
}

/* An element of a list by what it is called: "nics.eth1.mtu", "vlans.100.querier.igmp.state". */
static void
status_element(const char *key, json_t *o, const char *prefix, unsigned depth, struct table *t)
{
	const char *name = result_text(o, "name");
	json_t *rest = json_copy(o);
	char buf[RESULT_TEXT_MAX];
	struct sbuf b;

	sbuf_init(&b);
	sbuf_printf(&b, "%s.%s", key, *name ? name : result_count(o, "vlan", buf));
	json_object_del(rest, *name ? "name" : "vlan");
	status_nested(sbuf_str(&b), rest, prefix, depth, t);
	sbuf_free(&b);
	json_decref(rest);
}

static void
status_member(const char *key, json_t *v, const char *prefix, unsigned depth, struct table *t)
{
	struct sbuf b;
	size_t i;
	json_t *e;

	if (json_is_object(v)) {
		status_nested(key, v, prefix, depth, t);
		return;
	}
	if (json_is_object(json_array_get(v, 0))) {
		json_array_foreach(v, i, e) status_element(key, e, prefix, depth, t);
		return;
	}
	sbuf_init(&b);
	status_value(v, &b);
	table_cell(t, "%s%s", prefix, key);
	table_cell(t, "%s", sbuf_str(&b));
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
	char buf[RESULT_TEXT_MAX];
	struct sbuf addresses;

	sbuf_init(&addresses);
	result_join(json_object_get(o, "addresses"), "", &addresses);
	table_cell(t, "%s", result_text(o, "name"));
	table_cell(t, "%s", result_text(o, "address"));
	table_cell(t, "%s", result_text(o, "state"));
	table_cell(t, "%s", result_time(o, "since_s", buf));
	table_cell(t, "%s", result_bytes(o, "rx_bytes", buf));
	table_cell(t, "%s", result_bytes(o, "tx_bytes", buf));
	table_cell(t, "%s", result_text(o, "aead"));
	table_cell(t, "%s", result_is_true(o, "endpoint") ? "host" : "bridge");
	table_cell(t, "%s", result_text(o, "software"));
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
	const int r = strcmp(result_text(x->o, "name"), result_text(y->o, "name"));

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
	const bool good = result_rows(sorted, columns, N(columns), peer_row, out);
	json_decref(sorted);
	return good;
}

/* --- routers ---------------------------------------------------------------------------------------------------------
 */

static void
router_row(struct table *t, const json_t *o)
{
	char buf[RESULT_TEXT_MAX];

	table_cell(t, "%s", result_text(o, "port"));
	table_cell(t, "%s", result_text(o, "kind"));
	table_cell(t, "%s", result_time(o, "expires_s", buf));
}

static void
vlan_router_row(struct table *t, const json_t *o)
{
	char buf[RESULT_TEXT_MAX];

	table_cell(t, "%s", result_count(o, "vlan", buf));
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

	if (result_has_vlans(result))
		return result_rows(result, columns, N(columns), vlan_router_row, out);
	return result_rows(result, columns + 1, N(columns) - 1, router_row, out);
}

/* --- ports -----------------------------------------------------------------------------------------------------------
 */

static void
port_row(struct table *t, const json_t *o)
{
	char buf[RESULT_TEXT_MAX];

	table_cell(t, "%s", result_text(o, "name"));
	table_cell(t, "%s", result_text(o, "kind"));
	table_cell(t, "%s", result_text(o, "state"));
	table_cell(t, "%s", result_is_true(o, "router") ? "yes" : "no");
	table_cell(t, "%s", result_count(o, "rx_frames", buf));
	table_cell(t, "%s", result_bytes(o, "rx_bytes", buf));
	table_cell(t, "%s", result_count(o, "tx_frames", buf));
	table_cell(t, "%s", result_bytes(o, "tx_bytes", buf));
	table_cell(t, "%s", result_count(o, "drops", buf));
}

bool
castctl_render_ports(json_t *result, struct sbuf *out)
{
	static const struct table_column columns[] = {
		{ "NAME", TABLE_LEFT },       { "KIND", TABLE_LEFT },       { "STATE", TABLE_LEFT },
		{ "ROUTER", TABLE_LEFT },     { "RX-FRAMES", TABLE_RIGHT }, { "RX", TABLE_RIGHT },
		{ "TX-FRAMES", TABLE_RIGHT }, { "TX", TABLE_RIGHT },        { "DROPS", TABLE_RIGHT },
	};

	return result_rows(result, columns, N(columns), port_row, out);
}

/* --- fdb -------------------------------------------------------------------------------------------------------------
 */

static void
fdb_row(struct table *t, const json_t *o)
{
	char buf[RESULT_TEXT_MAX];

	table_cell(t, "%s", result_text(o, "mac"));
	table_cell(t, "%s", result_text(o, "port"));
	table_cell(t, "%s", result_time(o, "age_s", buf));
	table_cell(t, "%s",
		   result_is_true(o, "sticky")   ? "sticky"
		   : result_is_true(o, "static") ? "static"
						 : "learned");
}

static void
vlan_fdb_row(struct table *t, const json_t *o)
{
	char buf[RESULT_TEXT_MAX];

	table_cell(t, "%s", result_count(o, "vlan", buf));
	fdb_row(t, o);
}

bool
castctl_render_fdb(json_t *result, struct sbuf *out)
{
	static const struct table_column columns[] = {
		{ "VLAN", TABLE_RIGHT }, { "MAC", TABLE_LEFT },  { "PORT", TABLE_LEFT },
		{ "AGE", TABLE_RIGHT },  { "KIND", TABLE_LEFT },
	};

	if (result_has_vlans(result))
		return result_rows(result, columns, N(columns), vlan_fdb_row, out);
	return result_rows(result, columns + 1, N(columns) - 1, fdb_row, out);
}

/* --- drops -----------------------------------------------------------------------------------------------------------
 */

static void
drop_row(struct table *t, const json_t *o)
{
	char buf[RESULT_TEXT_MAX];

	table_cell(t, "%s", result_text(o, "where"));
	table_cell(t, "%s", result_text(o, "reason"));
	table_cell(t, "%s", result_count(o, "count", buf));
	table_cell(t, "%s", result_text(o, "text"));
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
	return result_rows(result, columns, N(columns), drop_row, out);
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
