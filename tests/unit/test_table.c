/* The column writer of castctl. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "table.h"

static const struct table_column columns[] = {
	{ "NAME", TABLE_LEFT },
	{ "N", TABLE_RIGHT },
	{ "TEXT", TABLE_LEFT },
};

static void
assert_printed(struct table *t, const char *expected)
{
	struct sbuf b;

	sbuf_init(&b);
	assert_true(table_print(t, &b));
	assert_string_equal(sbuf_str(&b), expected);
	sbuf_free(&b);
	table_fini(t);
}

static void
test_header_alone(void **state)
{
	struct table t;

	(void)state;
	table_init(&t, columns, 3);
	assert_printed(&t, "NAME  N  TEXT\n");
}

static void
test_widths(void **state)
{
	struct table t;

	(void)state;
	table_init(&t, columns, 3);
	table_cell(&t, "a");
	table_cell(&t, "%d", 12345);
	table_cell(&t, "short");
	table_cell(&t, "longer name");
	table_cell(&t, "%d", 1);
	table_cell(&t, "a much longer text");
	assert_printed(&t, "NAME             N  TEXT\n"
			   "a            12345  short\n"
			   "longer name      1  a much longer text\n");
}

static void
test_last_column_right(void **state)
{
	static const struct table_column right[] = { { "A", TABLE_LEFT }, { "B", TABLE_RIGHT } };
	struct table t;

	(void)state;
	table_init(&t, right, 2);
	table_cell(&t, "x");
	table_cell(&t, "100");
	table_cell(&t, "y");
	table_cell(&t, "7");
	assert_printed(&t, "A    B\nx  100\ny    7\n");
}

static void
test_without_header(void **state)
{
	static const struct table_column plain[] = { { NULL, TABLE_LEFT }, { NULL, TABLE_LEFT } };
	struct table t;

	(void)state;
	table_init(&t, plain, 2);
	table_cell(&t, "key");
	table_cell(&t, "value");
	table_cell(&t, "longkey");
	table_cell(&t, "v");
	assert_printed(&t, "key      value\nlongkey  v\n");
}

static void
test_empty_cells(void **state)
{
	struct table t;

	(void)state;
	table_init(&t, columns, 3);
	for (unsigned i = 0; i < 3; i++)
		table_cell(&t, "%s", "");
	assert_printed(&t, "NAME  N  TEXT\n-     -  -\n");
}

static void
test_blank_cells(void **state)
{
	struct table t;

	(void)state;
	table_init(&t, columns, 3);
	table_cell(&t, "a");
	table_cell(&t, "1");
	table_cell(&t, "first");
	table_blank(&t, 2);
	table_cell(&t, "second");
	table_blank(&t, 1);
	table_cell(&t, "12");
	table_cell(&t, "%s", "");
	/* Nothing is behind the last cell that shows something. */
	table_blank(&t, 1);
	table_cell(&t, "3");
	table_blank(&t, 1);
	table_cell(&t, "b");
	table_blank(&t, 2 + 3);
	assert_printed(&t, "NAME   N  TEXT\n"
			   "a      1  first\n"
			   "          second\n"
			   "      12  -\n"
			   "       3\n"
			   "b\n"
			   "\n");
}

/* More rows than fit at first. */
static void
test_many_rows(void **state)
{
	static const struct table_column one[] = { { "N", TABLE_RIGHT } };
	struct table t;
	struct sbuf b;

	(void)state;
	table_init(&t, one, 1);
	for (unsigned i = 0; i < 1000; i++)
		table_cell(&t, "%u", i);
	sbuf_init(&b);
	assert_true(table_print(&t, &b));
	assert_int_equal(b.len, 1001 * 4);
	assert_string_equal(sbuf_str(&b) + 1000 * 4, "999\n");
	sbuf_free(&b);
	table_fini(&t);
}

/* What others chose cannot reach the terminal as anything but characters. */
static void
test_hostile_text(void **state)
{
	static const struct {
		const char *text, *shown;
	} cases[] = {
		{ "\x1b[2Jx", "?[2Jx" },
		{ "a\nb\tc\rd\x7f", "a?b?c?d?" },
		{ "\xc2\x9b"
		  "31m",
		  "??31m" }, /* U+009B, CSI in one character */
		{ "\xe2\x80\xae"
		  "abc",
		  "???abc" },                   /* U+202E turns the text around */
		{ "\xe2\x81\xa6", "???" },      /* U+2066 */
		{ "\xff\xc3", "??" },           /* not UTF-8, and cut */
		{ "\xc0\xaf\xe2\x82", "????" }, /* too long a form, and cut */
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
		{ "\xe2\x82\xac\xf0\x9f\x98\x80", "\xe2\x82\xac\xf0\x9f\x98\x80" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sbuf b;

		sbuf_init(&b);
		table_text(&b, cases[i].text);
		assert_string_equal(sbuf_str(&b), cases[i].shown);
		sbuf_free(&b);
	}
}

static void
test_characters_are_counted(void **state)
{
	struct table t;

	(void)state;
	table_init(&t, columns, 3);
	table_cell(&t, "gr\xc3\xbc\xc3\x9f"
		       "en");
	table_cell(&t, "1");
	table_cell(&t, "\x1b");
	assert_printed(&t, "NAME    N  TEXT\ngr\xc3\xbc\xc3\x9f"
			   "en  1  ?\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header_alone),
		cmocka_unit_test(test_widths),
		cmocka_unit_test(test_last_column_right),
		cmocka_unit_test(test_without_header),
		cmocka_unit_test(test_empty_cells),
		cmocka_unit_test(test_many_rows),
		cmocka_unit_test(test_blank_cells),
		cmocka_unit_test(test_hostile_text),
		cmocka_unit_test(test_characters_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
