/* The small parts of base: points in time, lists and the names of drop reasons. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "castswitch/drop.h"
#include "castswitch/list.h"
#include "castswitch/mono.h"

static void
test_mono(void **state)
{
	(void)state;
	assert_int_equal(mono_add(mono_from_ns(5), 3).ns, 8);
	assert_int_equal(mono_add(mono_from_ns(5), UINT64_MAX - 6).ns, UINT64_MAX - 1);
	assert_true(mono_is_never(mono_add(mono_from_ns(5), UINT64_MAX - 5)));
	assert_true(mono_is_never(mono_add(mono_from_ns(5), UINT64_MAX - 4)));
	assert_true(mono_is_never(mono_add(MONO_NEVER, 0)));
	assert_int_equal(mono_since(mono_from_ns(5), mono_from_ns(6)), 1);
	assert_int_equal(mono_since(mono_from_ns(5), mono_from_ns(5)), 0);
	assert_int_equal(mono_since(mono_from_ns(5), mono_from_ns(4)), 0);
	assert_false(mono_due(mono_from_ns(5), mono_from_ns(4)));
	assert_true(mono_due(mono_from_ns(5), mono_from_ns(5)));
	assert_false(mono_before(mono_from_ns(5), mono_from_ns(5)));
	assert_true(mono_before(mono_from_ns(5), MONO_NEVER));
	assert_int_equal(mono_min(mono_from_ns(5), MONO_NEVER).ns, 5);
	assert_int_equal(mono_max(mono_from_ns(5), MONO_ZERO).ns, 5);
}

struct item {
	char letter;
	struct list link;
};

static void
check_list(const struct list *head, const char *letters)
{
	size_t n = 0;

	LIST_EACH (i, head, struct item, link) {
		assert_true(n < strlen(letters));
		assert_int_equal(i->letter, letters[n++]);
	}
	assert_int_equal(n, strlen(letters));
	assert_int_equal(list_is_empty(head), n == 0);
}

static void
test_list(void **state)
{
	struct item a = { .letter = 'a' }, b = { .letter = 'b' }, c = { .letter = 'c' }, d = { .letter = 'd' };
	struct list head;

	(void)state;
	list_init(&head);
	list_init(&b.link);
	check_list(&head, "");
	assert_null(list_first(&head));
	assert_false(list_is_linked(&b.link));
	list_push_back(&head, &b.link);
	list_push_back(&head, &d.link);
	list_push_front(&head, &a.link);
	list_insert_before(&d.link, &c.link);
	check_list(&head, "abcd");
	assert_ptr_equal(list_first(&head), &a.link);
	list_remove(&b.link);
	list_remove(&b.link);
	assert_false(list_is_linked(&b.link));
	assert_true(list_is_linked(&c.link));
	check_list(&head, "acd");
	LIST_EACH_SAFE (i, tmp, &head, struct item, link)
		if (i->letter != 'c')
			list_remove(&i->link);
	check_list(&head, "c");
}

static void
test_drop_names(void **state)
{
	(void)state;
	assert_string_equal(drop_name(DROP_NONE), "none");
	assert_string_equal(drop_name(DROP_RUNT), "runt");
	assert_string_equal(drop_name(DROP_EGRESS_FULL), "egress-full");
	assert_string_equal(drop_text(DROP_RUNT), "shorter than an Ethernet header");
	for (int i = 0; i < DROP_MAX; i++) {
		const char *name = drop_name((enum drop_reason)i);

		/* Labels of metrics: lower case and hyphens, each used once. */
		assert_true(strlen(name) > 0);
		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
		assert_true(strlen(drop_text((enum drop_reason)i)) > 0);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(drop_name((enum drop_reason)k), name);
	}
	assert_non_null(drop_name(DROP_MAX));
	assert_non_null(drop_text(DROP_MAX));
	assert_non_null(drop_name((enum drop_reason) - 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mono),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_drop_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
