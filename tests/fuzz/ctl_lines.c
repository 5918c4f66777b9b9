/* The lines of the control socket: how many answers are due, and what an answer looks like. */
#include "fuzz/ctl_lines.h"

#include <string.h>

#include <jansson.h>

#include "castswitch/ctl.h"
#include "fuzz/fuzz.h"

enum {
	PARSED_MAX = 16 * 1024, /* a longer answer is only looked at: parsing it takes too much time */
};

static bool
is_text(const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i] != ' ' && bytes[i] != '\t' && bytes[i] != '\r')
			return true;
	return false;
}

/* More of a line, without its newline. */
static void
expected_part(struct expected *e, const char *bytes, size_t n)
{
	e->line += n;
	e->text = e->text || is_text(bytes, n);
	e->too_long = e->line > CTL_LINE_MAX;
	e->answers += e->too_long;
}

void
expected_add(struct expected *e, const char *bytes, size_t n)
{
	while (n > 0 && !e->too_long) {
		const char *end = memchr(bytes, '\n', n);
		const size_t part = end ? (size_t)(end - bytes) : n;

		expected_part(e, bytes, part);
		if (!end || e->too_long)
			return;
		e->answers += e->text;
		e->line = 0;
		e->text = false;
		bytes = end + 1;
		n -= part + 1;
	}
}

static void
check_object(const json_t *answer)
{
	const json_t *ok = json_object_get(answer, "ok");
	const char *error = json_string_value(json_object_get(answer, "error"));

	FUZZ_CHECK(json_is_object(answer) && json_is_boolean(ok) && json_object_size(answer) == 2);
	if (json_is_true(ok)) {
		FUZZ_CHECK(json_object_get(answer, "result") != NULL);
		return;
	}
	FUZZ_CHECK(error != NULL && *error != '\0');
	for (; *error; error++)
		FUZZ_CHECK(*error >= ' ' && *error <= '~');
}

static void
check_line(const struct answers *a)
{
	static const char start[] = "{\"ok\":true,\"result\":";

	FUZZ_CHECK(!sbuf_failed(&a->start));
	if (a->len > PARSED_MAX) {
		FUZZ_CHECK(memcmp(a->start.s, start, sizeof(start) - 1) == 0 && a->last == '}');
		return;
	}
	json_t *answer = json_loadb(sbuf_str(&a->start), a->len, JSON_REJECT_DUPLICATES, NULL);
	check_object(answer);
	json_decref(answer);
}

void
answers_init(struct answers *a)
{
	memset(a, 0, sizeof(*a));
	sbuf_init(&a->start);
}

void
answers_free(struct answers *a)
{
	sbuf_free(&a->start);
}

/* More of the line. */
static void
add_part(struct answers *a, const char *bytes, size_t n)
{
	const size_t wanted = PARSED_MAX - a->start.len;

	if (n == 0)
		return;
	sbuf_add(&a->start, bytes, n < wanted ? n : wanted);
	a->len += n;
	a->last = bytes[n - 1];
}

void
answers_add(struct answers *a, const char *bytes, size_t n)
{
	for (const char *end; (end = memchr(bytes, '\n', n)); bytes = end + 1) {
		const size_t part = (size_t)(end - bytes);

		add_part(a, bytes, part);
		check_line(a);
		sbuf_reset(&a->start);
		a->len = 0;
		a->n++;
		n -= part + 1;
	}
	add_part(a, bytes, n);
}
