/* src/io/savefile.c: reading, replacing as a whole, what is in the way, and that the loop goes on meanwhile. */
#include "castswitch/savefile.h"

#include <errno.h>
#include <fcntl.h>
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

#include "lib/tempdir.h"

static struct loop *loop;
static struct savefile *file;
static const char *dir;
static int result;

/* A path in the directory. */
static const char *
in_dir(const char *name)
{
	static char path[2][256];
	static int turn;

	turn ^= 1;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

static int
setup(void **state)
{
	char err[256] = "";

	(void)state;
	alarm(60);
	dir = tempdir_make("savefile");
	loop = loop_new();
	file = savefile_open(loop, in_dir("state.json"), err, sizeof(err));
	assert_string_equal(err, "");
	return dir && loop && file ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	savefile_close(file);
	loop_free(loop);
	return tempdir_remove();
}

static void
put(const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* The text of a file, "" when there is none. */
static const char *
get(const char *name)
{
	static char text[4096];
	FILE *f = fopen(in_dir(name), "r");

	text[0] = '\0';
	if (f) {
		text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
		fclose(f);
	}
	return text;
}

static void
done(void *arg, int err, struct mono now)
{
	(void)now;
	assert_ptr_equal(arg, &result);
	result = err;
	loop_stop(loop);
}

static int
write_text(const char *text)
{
	return savefile_write(file, strdup(text), strlen(text), done, &result);
}

static int
written(const char *text)
{
	result = 12345;
	assert_int_equal(write_text(text), 0);
	assert_int_equal(result, 12345); /* never from inside */
	assert_int_equal(loop_run(loop), 0);
	return result;
}

static void
what_is_written_is_read(void **state)
{
	char *text = NULL;
	size_t len = 99;
	struct stat st;

	(void)state;
	assert_string_equal(savefile_path(file), in_dir("state.json"));
	assert_int_equal(savefile_read(file, 100, &text, &len), -ENOENT);
	assert_null(text);
	assert_int_equal(written("one\n"), 0);
	assert_string_equal(get("state.json"), "one\n");
	assert_int_equal(written("two"), 0);
	assert_int_equal(savefile_write_now(file, "three", 5), 0);
	assert_int_equal(savefile_read(file, 100, &text, &len), 0);
	assert_string_equal(text, "three");
	assert_int_equal(len, 5);
	free(text);
	assert_int_equal(stat(in_dir("state.json"), &st), 0);
	assert_int_equal(st.st_mode & 07137, 0); /* nobody else writes, only the group reads */
	assert_int_equal(access(in_dir("state.json.new"), F_OK), -1);
}

static void
sizes(void **state)
{
	char *text = NULL;
	size_t len = 99;

	(void)state;
	put("state.json", "");
	assert_int_equal(savefile_read(file, 3, &text, &len), 0);
	assert_int_equal(len, 0);
	assert_string_equal(text, "");
	free(text);
	put("state.json", "123");
	assert_int_equal(savefile_read(file, 3, &text, &len), 0);
	assert_string_equal(text, "123");
	free(text);
	text = NULL;
	put("state.json", "1234");
	assert_int_equal(savefile_read(file, 3, &text, &len), -EFBIG);
	assert_null(text);
}

static void
one_write_at_a_time(void **state)
{
	(void)state;
	result = 12345;
	assert_int_equal(write_text("one"), 0);
	assert_int_equal(write_text("two"), -EBUSY);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(result, 0);
	assert_string_equal(get("state.json"), "one");
	assert_int_equal(written("two"), 0);
	assert_string_equal(get("state.json"), "two");
}

/* The end waits, and calls nobody; what is written now comes behind what was being written. */
static void
the_end_waits(void **state)
{
	char err[256];

	(void)state;
	result = 12345;
	assert_int_equal(write_text("last"), 0);
	savefile_close(file);
	assert_string_equal(get("state.json"), "last");
	file = savefile_open(loop, in_dir("state.json"), err, sizeof(err));
	assert_int_equal(write_text("last but one"), 0);
	assert_int_equal(savefile_write_now(file, "last", 4), 0);
	assert_string_equal(get("state.json"), "last");
	assert_int_equal(result, 12345);
}

static void
what_is_in_the_way(void **state)
{
	char *text;
	size_t len;

	(void)state;
	/* of a crash */
	put("state.json.new", "half of it, and much longer than what comes");
	assert_int_equal(written("one"), 0);
	assert_string_equal(get("state.json"), "one");
	/* links lead nowhere */
	put("elsewhere", "precious");
	assert_int_equal(symlink("elsewhere", in_dir("state.json.new")), 0);
	assert_int_equal(unlink(in_dir("state.json")), 0);
	assert_int_equal(symlink("elsewhere", in_dir("state.json")), 0);
	assert_int_equal(savefile_read(file, 100, &text, &len), -EINVAL);
	assert_int_equal(written("two"), 0);
	assert_string_equal(get("elsewhere"), "precious");
	assert_string_equal(get("state.json"), "two");
	/* a FIFO does not stop anybody */
	assert_int_equal(unlink(in_dir("state.json")), 0);
	assert_int_equal(mkfifo(in_dir("state.json"), 0600), 0);
	assert_int_equal(savefile_read(file, 100, &text, &len), -EINVAL);
	assert_int_equal(written("three"), 0);
	assert_string_equal(get("state.json"), "three");
}

static void
what_fails_leaves_the_old_one(void **state)
{
	(void)state;
	assert_int_equal(written("one"), 0);
	assert_int_equal(mkdir(in_dir("state.json.new"), 0700), 0);
	assert_int_equal(written("two"), -EEXIST);
	assert_int_equal(savefile_write_now(file, "two", 3), -EEXIST);
	assert_string_equal(get("state.json"), "one");
	assert_int_equal(rmdir(in_dir("state.json.new")), 0);
	assert_int_equal(written("two"), 0);
	assert_string_equal(get("state.json"), "two");
}

static void
set_aside(void **state)
{
	const char *suffix = NULL;
	char name[64];

	(void)state;
	assert_int_equal(savefile_set_aside(file, &suffix), -ENOENT);
	for (int i = 1; i <= 9; i++) {
		snprintf(name, sizeof(name), i > 1 ? "number %d" : "number one", i);
		put("state.json", name);
		assert_int_equal(savefile_set_aside(file, &suffix), 0);
		assert_int_equal(access(in_dir("state.json"), F_OK), -1);
		snprintf(name, sizeof(name), "state.json%s", suffix);
		assert_non_null(strstr(get(name), "number"));
		snprintf(name, sizeof(name), i > 1 ? ".bad%d" : ".bad", i);
		assert_string_equal(suffix, name);
	}
	put("state.json", "ten");
	assert_int_equal(savefile_set_aside(file, &suffix), -EEXIST);
	assert_string_equal(get("state.json"), "ten");
	assert_string_equal(get("state.json.bad"), "number one");
}

static void
a_directory_that_is_not_there(void **state)
{
	char err[256] = "", expect[300];

	(void)state;
	assert_null(savefile_open(loop, in_dir("none/state.json"), err, sizeof(err)));
	snprintf(expect, sizeof(expect), "%s: No such file or directory", in_dir("none/state.json"));
	assert_string_equal(err, expect);
	assert_null(savefile_open(loop, in_dir(""), err, sizeof(err)));
	savefile_close(NULL);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(what_is_written_is_read),
		T(sizes),
		T(one_write_at_a_time),
		T(the_end_waits),
		T(what_is_in_the_way),
		T(what_fails_leaves_the_old_one),
		T(set_aside),
		T(a_directory_that_is_not_there),
	};
#undef T

	return cmocka_run_group_tests_name("savefile", tests, NULL, NULL);
}
