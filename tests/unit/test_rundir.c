/* src/os/rundir.c */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "castswitch/rundir.h"
#include "lib/tempdir.h"

static char path[80];

static int
setup(void **state)
{
	(void)state;
	const char *base = tempdir_make("rundir");

	assert_non_null(base);
	snprintf(path, sizeof(path), "%s/run", base);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	return tempdir_remove();
}

static unsigned
mode_of(const char *p)
{
	struct stat st;

	assert_int_equal(lstat(p, &st), 0);
	return st.st_mode;
}

static void
it_is_created_with_its_mode_whatever_the_umask(void **state)
{
	const mode_t before = umask(077);
	char err[128] = "";

	(void)state;
	assert_int_equal(rundir_create(path, err, sizeof(err)), 0);
	umask(before);
	assert_int_equal(mode_of(path), S_IFDIR | 0755);
	assert_string_equal(err, "");
}

static void
one_that_exists_stays_as_it_is(void **state)
{
	char err[128] = "";

	(void)state;
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(rundir_create(path, err, sizeof(err)), 0);
	assert_int_equal(mode_of(path), S_IFDIR | 0700);
}

static void
a_symbolic_link_or_a_file_is_refused(void **state)
{
	char err[128] = "", expect[128];
	FILE *f;

	(void)state;
	snprintf(expect, sizeof(expect), "%s: Not a directory", path);
	assert_int_equal(symlink("/tmp", path), 0);
	assert_int_equal(rundir_create(path, err, sizeof(err)), -ENOTDIR);
	assert_string_equal(err, expect);
	unlink(path);
	f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(rundir_create(path, err, sizeof(err)), -ENOTDIR);
}

static void
a_missing_parent_is_an_error(void **state)
{
	char err[128] = "", below[128], expect[160];

	(void)state;
	snprintf(below, sizeof(below), "%s/x", path);
	snprintf(expect, sizeof(expect), "%s: No such file or directory", below);
	assert_int_equal(rundir_create(below, err, sizeof(err)), -ENOENT);
	assert_string_equal(err, expect);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(it_is_created_with_its_mode_whatever_the_umask),
		T(one_that_exists_stays_as_it_is),
		T(a_symbolic_link_or_a_file_is_refused),
		T(a_missing_parent_is_an_error),
	};
#undef T

	return cmocka_run_group_tests_name("rundir", tests, NULL, NULL);
}
