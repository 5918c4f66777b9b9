/* String buffer: growth at every edge, the sticky error, handing over.  The program is linked with --wrap=realloc, so
 * that allocation can be made to fail. */
#include "castswitch/sbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static bool out_of_memory;

void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *
__wrap_realloc(void *p, size_t size)
{
	return out_of_memory ? NULL : __real_realloc(p, size);
}

static void
test_empty(void **state)
{
	struct sbuf b;

	(void)state;
	sbuf_init(&b);
	assert_string_equal(sbuf_str(&b), "");
	assert_false(sbuf_failed(&b));
	sbuf_add(&b, NULL, 0);
	sbuf_puts(&b, "");
	sbuf_printf(&b, "%s", "");
	assert_int_equal(b.len, 0);
	assert_string_equal(sbuf_str(&b), "");
	sbuf_free(&b);
	sbuf_free(NULL);
}

static void
test_appends(void **state)
{
	struct sbuf b;

	(void)state;
	sbuf_init(&b);
	sbuf_puts(&b, "port");
	sbuf_addc(&b, ' ');
	sbuf_printf(&b, "%d/%s", 17, "udp");
	sbuf_add(&b, "\0x", 2);
	assert_int_equal(b.len, 13);
	assert_memory_equal(sbuf_str(&b), "port 17/udp\0x", 14);
	sbuf_reset(&b);
	assert_string_equal(sbuf_str(&b), "");
	sbuf_puts(&b, "again");
	assert_string_equal(sbuf_str(&b), "again");
	sbuf_free(&b);
	assert_string_equal(sbuf_str(&b), "");
}

/* A text of every length from 0 over two growths, in one piece and by characters. */
static void
test_growth_edges(void **state)
{
	char text[301];

	(void)state;
	for (size_t i = 0; i < 300; i++)
		text[i] = (char)('a' + i % 26);
	for (size_t len = 0; len <= 300; len++) {
		struct sbuf whole, formatted, single;

		sbuf_init(&whole);
		sbuf_init(&formatted);
		sbuf_init(&single);
		sbuf_add(&whole, text, len);
		sbuf_printf(&formatted, "%.*s", (int)len, text);
		for (size_t i = 0; i < len; i++)
			sbuf_addc(&single, text[i]);
		assert_int_equal(whole.len, len);
		assert_int_equal(formatted.len, len);
		assert_int_equal(single.len, len);
		assert_int_equal(strlen(sbuf_str(&whole)), len);
		assert_memory_equal(sbuf_str(&whole), text, len);
		assert_string_equal(sbuf_str(&formatted), sbuf_str(&whole));
		assert_string_equal(sbuf_str(&single), sbuf_str(&whole));
		sbuf_free(&whole);
		sbuf_free(&formatted);
		sbuf_free(&single);
	}
}

static void
test_formatting_into_what_is_left(void **state)
{
	(void)state;
	for (size_t before = 0; before <= 70; before++) {
		struct sbuf b;

		sbuf_init(&b);
		for (size_t i = 0; i < before; i++)
			sbuf_addc(&b, '.');
		sbuf_printf(&b, "%s-%u", "abc", 12345u);
		assert_int_equal(b.len, before + 9);
		assert_string_equal(sbuf_str(&b) + before, "abc-12345");
		sbuf_free(&b);
	}
}

static void
test_error_is_sticky(void **state)
{
	struct sbuf b;

	(void)state;
	sbuf_init(&b);
	sbuf_puts(&b, "kept");
	out_of_memory = true;
	sbuf_printf(&b, "%0100d", 1);
	out_of_memory = false;
	assert_true(sbuf_failed(&b));
	assert_string_equal(sbuf_str(&b), "kept");
	sbuf_puts(&b, "x");
	sbuf_addc(&b, 'x');
	sbuf_printf(&b, "x");
	assert_string_equal(sbuf_str(&b), "kept");
	assert_true(sbuf_failed(&b));
	sbuf_reset(&b);
	assert_false(sbuf_failed(&b));
	sbuf_puts(&b, "new");
	assert_string_equal(sbuf_str(&b), "new");
	sbuf_free(&b);
}

static void
test_size_that_overflows(void **state)
{
	static const size_t sizes[] = { SIZE_MAX, SIZE_MAX - 3, SIZE_MAX - 4, SIZE_MAX - 5, SIZE_MAX / 2 + 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct sbuf b;

		sbuf_init(&b);
		sbuf_puts(&b, "abcd");
		sbuf_add(&b, "", sizes[i]);
		assert_true(sbuf_failed(&b));
		assert_string_equal(sbuf_str(&b), "abcd");
		sbuf_free(&b);
	}
}

static void
test_steal(void **state)
{
	struct sbuf b;
	char *s;

	(void)state;
	sbuf_init(&b);
	sbuf_puts(&b, "mine");
	s = sbuf_steal(&b);
	assert_string_equal(s, "mine");
	free(s);
	assert_string_equal(sbuf_str(&b), "");
	/* An empty text is a text. */
	s = sbuf_steal(&b);
	assert_non_null(s);
	assert_string_equal(s, "");
	free(s);
	sbuf_puts(&b, "usable");
	assert_string_equal(sbuf_str(&b), "usable");
	sbuf_free(&b);
}

static void
test_steal_after_failure(void **state)
{
	struct sbuf b;

	(void)state;
	sbuf_init(&b);
	sbuf_puts(&b, "lost");
	out_of_memory = true;
	sbuf_printf(&b, "%0100d", 1);
	out_of_memory = false;
	assert_null(sbuf_steal(&b));
	assert_string_equal(sbuf_str(&b), "");
	assert_false(sbuf_failed(&b));
	sbuf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),           cmocka_unit_test(test_appends),
		cmocka_unit_test(test_growth_edges),    cmocka_unit_test(test_formatting_into_what_is_left),
		cmocka_unit_test(test_error_is_sticky), cmocka_unit_test(test_size_that_overflows),
		cmocka_unit_test(test_steal),           cmocka_unit_test(test_steal_after_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
