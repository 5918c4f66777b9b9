/* Parts of a program's answer, as text for people. */
#include "result.h"

#include <stdio.h>

const char *
result_text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

bool
result_is_true(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

const char *
result_count(const json_t *o, const char *key, char buf[RESULT_TEXT_MAX])
{
	const json_t *v = json_object_get(o, key);

	buf[0] = '\0';
	if (json_is_integer(v))
		snprintf(buf, RESULT_TEXT_MAX, "%lld", (long long)json_integer_value(v));
	return buf;
}

const char *
result_bytes(const json_t *o, const char *key, char buf[RESULT_TEXT_MAX])
{
	const json_t *v = json_object_get(o, key);
	double n = json_number_value(v);
	const char *unit = "KMGTPE";

	if (!json_is_integer(v) || n < 1024)
		return result_count(o, key, buf);
	for (n /= 1024; n >= 1024 && unit[1]; unit++)
		n /= 1024;
	snprintf(buf, RESULT_TEXT_MAX, "%.1f%c", n, *unit);
	return buf;
}

const char *
result_time(const json_t *o, const char *key, char buf[RESULT_TEXT_MAX])
{
	const json_t *v = json_object_get(o, key);
	const double seconds = json_number_value(v);

	buf[0] = '\0';
	if (!json_is_number(v) || seconds < 0 || seconds > 1e15)
		return buf;
	const unsigned long long s = (unsigned long long)(seconds + 0.5);
	if (s < 60)
		snprintf(buf, RESULT_TEXT_MAX, "%llus", s);
	else if (s < 3600)
		snprintf(buf, RESULT_TEXT_MAX, "%llum%02llus", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, RESULT_TEXT_MAX, "%lluh%02llum", s / 3600, s / 60 % 60);
	else
		snprintf(buf, RESULT_TEXT_MAX, "%llud%02lluh", s / 86400, s / 3600 % 24);
	return buf;
}

void
result_join(const json_t *list, const char *before, struct sbuf *out)
{
	size_t i;
	json_t *v;

	json_array_foreach(list, i, v) if (json_is_string(v))
		sbuf_printf(out, "%s%s%s", out->len ? ", " : "", before, json_string_value(v));
}

bool
result_has_vlans(const json_t *list)
{
	size_t i;
	json_t *o;

	json_array_foreach(list, i, o) if (json_integer_value(json_object_get(o, "vlan")) != 0) return true;
	return false;
}

bool
result_rows(const json_t *list, const struct table_column *columns, size_t n, result_row_fn *row, struct sbuf *out)
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
