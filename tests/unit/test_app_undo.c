/* src/app/app_undo.c: the text, back from it, and text that is none. */
#include "app_undo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct ipaddr
addr(const char *s)
{
	struct ipaddr a;

	assert_true(ipaddr_parse(s, &a));
	return a;
}

static struct app_undo
an_undo(void)
{
	struct app_undo u = { .n = 3, .dns = true };

	u.ways[0].dst = addr("192.0.2.1");
	u.ways[0].way = (struct link_way){ .oif = 2, .gateway = addr("198.51.100.5") };
	u.ways[1].dst = addr("2001:db8::1");
	u.ways[1].way = (struct link_way){
		.oif = 4000000000, .gateway = addr("fe80::1"), .source = addr("2001:db8::2"), .onlink = true
	};
	u.ways[2].dst = addr("192.0.2.2"); /* nowhere */
	return u;
}

#define TEXT                                                                    \
	"castswitch undo 1\n"                                                   \
	"way 192.0.2.1 dev 2 via 198.51.100.5 src :: onlink 0\n"                \
	"way 2001:db8::1 dev 4000000000 via fe80::1 src 2001:db8::2 onlink 1\n" \
	"way 192.0.2.2 dev 0 via :: src :: onlink 0\n"                          \
	"dns\nend\n"

static void
same(const struct app_undo *a, const struct app_undo *b)
{
	assert_int_equal(a->n, b->n);
	for (unsigned i = 0; i < a->n; i++) {
		assert_true(ipaddr_equal(&a->ways[i].dst, &b->ways[i].dst));
		assert_true(link_way_equal(&a->ways[i].way, &b->ways[i].way));
	}
	assert_int_equal(a->dns, b->dns);
}

static void
test_round_trip(void **state)
{
	const struct app_undo u = an_undo();
	struct app_undo back;
	char text[APP_UNDO_TEXT_MAX];

	(void)state;
	assert_int_equal(app_undo_print(&u, text), strlen(TEXT));
	assert_string_equal(text, TEXT);
	assert_true(app_undo_parse(text, &back));
	same(&back, &u);
	const struct app_undo nothing = { .n = 0 };

	app_undo_print(&nothing, text);
	assert_string_equal(text, "castswitch undo 1\nend\n");
	assert_true(app_undo_parse(text, &back));
	same(&back, &nothing);
	assert_true(app_undo_parse("", &back));
	same(&back, &nothing);
}

static void
test_the_most_there_can_be(void **state)
{
	struct app_undo u = { .n = APP_UNDO_WAYS, .dns = true }, back;
	char text[APP_UNDO_TEXT_MAX];

	(void)state;
	for (unsigned i = 0; i < APP_UNDO_WAYS; i++) {
		u.ways[i].dst = addr("1111:2222:3333:4444:5555:6666:7777:8888");
		u.ways[i].way = (struct link_way){
			.oif = UINT32_MAX, .gateway = u.ways[i].dst, .source = u.ways[i].dst, .onlink = true
		};
	}
	assert_in_range(app_undo_print(&u, text), 1, APP_UNDO_TEXT_MAX - 1);
	assert_true(app_undo_parse(text, &back));
	same(&back, &u);
}

/* A new text over a longer one, by somebody who was killed before the file was shortened. */
static void
test_what_follows_the_end_is_nothing(void **state)
{
	struct app_undo back;

	(void)state;
	assert_true(app_undo_parse("castswitch undo 1\ndns\nend\n.2.1 dev 2 via 198.51.100.5\nway", &back));
	assert_true(back.n == 0 && back.dns);
}

static void
test_truncation(void **state)
{
	struct app_undo back = { .n = 77 };
	char text[] = TEXT;

	(void)state;
	for (size_t n = sizeof(text) - 2; n > 0; n--) {
		text[n] = '\0';
		assert_false(app_undo_parse(text, &back));
		assert_int_equal(back.n, 77);
	}
}

static void
test_what_is_none(void **state)
{
	static const char *const wrong[] = {
		"x",
		"castswitch undo 2\nend\n",
		"castswitch undo 1\n",
		"castswitch undo 1\nEND\n",
		"castswitch undo 1\ndns \nend\n",
		"castswitch undo 1\n\nend\n",
		"castswitch undo 1\nway 192.0.2.1\nend\n",
		"castswitch undo 1\nway 192.0.2.x dev 2 via :: src :: onlink 0\nend\n",
		"castswitch undo 1\nway 192.0.2.1 dev x via :: src :: onlink 0\nend\n",
		"castswitch undo 1\nway 192.0.2.1 dev 2 via x src :: onlink 0\nend\n",
		"castswitch undo 1\nway 192.0.2.1 dev 2 via :: src x onlink 0\nend\n",
		"castswitch undo 1\nway 192.0.2.1 dev 2 via :: src :: onlink 2\nend\n",
		"castswitch undo 1\nway 192.0.2.1 dev 2 via :: src :: onlink 0 and\nend\n",
		"castswitch undo 1\n"
		"way 192.0.2.1 dev 2 via :: src :: onlink 0\nway 192.0.2.1 dev 2 via :: src :: onlink 0\n"
		"way 192.0.2.1 dev 2 via :: src :: onlink 0\nway 192.0.2.1 dev 2 via :: src :: onlink 0\n"
		"way 192.0.2.1 dev 2 via :: src :: onlink 0\nend\n",
	};
	struct app_undo back = { .n = 77 };
	char text[600] = "castswitch undo 1\n";

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(app_undo_parse(wrong[i], &back));
	memset(text + strlen(text), 'x', 500); /* a line that is too long */
	strcat(text, "\nend\n");
	assert_false(app_undo_parse(text, &back));
	assert_int_equal(back.n, 77);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_the_most_there_can_be),
		cmocka_unit_test(test_what_follows_the_end_is_nothing),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_what_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
