/* src/os/helper_file.c: which files the helper opens with root's rights, and which the program opens itself. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/helper_fix.h"

enum { ALICE = 12345, BOB = 12346 }; /* need no accounts */

/* --- a tree of files; all names are in the fixture's directory, which is root's with mode 0700 in /tmp */

static const char *
at(const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned next;
	char *path = paths[next++ % 4];

	snprintf(path, PATH_MAX, "%s%s", fix_path(""), name);
	return path;
}

static void
make_dir(const char *name, unsigned owner, mode_t mode)
{
	assert_int_equal(mkdir(at(name), 0700), 0);
	if (owner != geteuid())
		assert_int_equal(chown(at(name), owner, owner), 0);
	assert_int_equal(chmod(at(name), mode), 0);
}

/* Its text is its name. */
static void
make_file(const char *name, unsigned owner, mode_t mode)
{
	const int fd = open(at(name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, name, strlen(name)), strlen(name));
	if (owner != geteuid())
		assert_int_equal(fchown(fd, owner, owner), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void
make_link(const char *name, unsigned owner, const char *to)
{
	assert_int_equal(symlink(to, at(name)), 0);
	if (owner != geteuid())
		assert_int_equal(lchown(at(name), owner, owner), 0);
}

static void
assert_text(int fd, const char *expect)
{
	char text[128];
	const ssize_t n = read(fd, text, sizeof(text) - 1);

	assert_true(n >= 0);
	text[n] = '\0';
	assert_string_equal(text, expect);
	assert_int_equal(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK | O_PATH), O_RDONLY);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
}

/* --- whatever user runs this */

static void
links_and_odd_paths_lead_where_they_do_for_everybody(void **state)
{
	static const char *const same[] = { "a/f",  "to-f",    "to-a/f",     "to-a/../to-a/./f",
					    "a//f", "through", "a/back/a/f", "abs" };
	char absolute[PATH_MAX];
	int fd = -1;

	(void)state;
	make_dir("a", geteuid(), 0700);
	make_file("a/f", geteuid(), 0600);
	make_link("to-f", geteuid(), "a/f");
	make_link("to-a", geteuid(), "a/");
	make_link("a/back", geteuid(), "..");
	make_link("through", geteuid(), "to-a//f");
	snprintf(absolute, sizeof(absolute), "%s", at("a/f"));
	make_link("abs", geteuid(), absolute);
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		assert_int_equal(helper_file_open(at(same[i]), &fd), 0);
		assert_text(fd, "a/f");
	}
	assert_int_equal(chdir(at("a")), 0);
	assert_int_equal(helper_file_open("f", &fd), 0);
	assert_text(fd, "a/f");
	assert_int_equal(helper_file_open("../to-f", &fd), 0);
	assert_text(fd, "a/f");
	assert_int_equal(chdir("/"), 0);
}

/* Where errors are told apart: when the whole way is root's. */
static void
what_is_no_file_says_why(void **state)
{
	char name[NAME_MAX + 8], path[PATH_MAX + 8];
	int fd = 12345;

	(void)state;
	FIX_NEED_ROOT();
	make_file("f", 0, 0600);
	make_link("nowhere", 0, "nothing");
	make_link("round", 0, "round");
	assert_int_equal(helper_file_open("", &fd), -EISDIR);
	assert_int_equal(helper_file_open("/", &fd), -EISDIR);
	assert_int_equal(helper_file_open(fix_files[FILE_DIR], &fd), -EISDIR);
	assert_int_equal(helper_file_open(at("dir/"), &fd), -EISDIR);
	assert_int_equal(helper_file_open(fix_files[FILE_FIFO], &fd), -EINVAL);
	assert_int_equal(helper_file_open("/dev/null", &fd), -EINVAL);
	assert_int_equal(helper_file_open(fix_files[FILE_OVER], &fd), -EFBIG);
	assert_int_equal(helper_file_open(at("f/"), &fd), -ENOTDIR);
	assert_int_equal(helper_file_open(at("f/x"), &fd), -ENOTDIR);
	assert_int_equal(helper_file_open(at("nowhere"), &fd), -ENOENT);
	assert_int_equal(helper_file_open(at("nothing/x"), &fd), -ENOENT);
	assert_int_equal(helper_file_open(at("round"), &fd), -ELOOP);
	memset(name, 'x', sizeof(name));
	name[NAME_MAX + 1] = '\0';
	assert_int_equal(helper_file_open(at(name), &fd), -ENAMETOOLONG);
	name[NAME_MAX] = '\0';
	assert_int_equal(helper_file_open(at(name), &fd), -ENOENT);
	memset(path, '/', sizeof(path));
	path[PATH_MAX] = '\0';
	assert_int_equal(helper_file_open(path, &fd), -ENAMETOOLONG);
	path[PATH_MAX - 1] = '\0';
	assert_int_equal(helper_file_open(path, &fd), -EISDIR);
	assert_int_equal(fd, 12345);
}

static void
as_many_links_as_the_kernel_follows(void **state)
{
	char name[16], to[16];
	int fd = -1;

	(void)state;
	FIX_NEED_ROOT();
	make_file("0", 0, 0600);
	for (int i = 1; i <= 41; i++) {
		snprintf(name, sizeof(name), "%d", i);
		snprintf(to, sizeof(to), "%d", i - 1);
		make_link(name, 0, to);
	}
	assert_int_equal(helper_file_open(at("40"), &fd), 0);
	assert_text(fd, "0");
	assert_int_equal(helper_file_open(at("41"), &fd), -ELOOP);
	assert_int_equal(open(at("41"), O_RDONLY | O_CLOEXEC), -1);
	assert_int_equal(errno, ELOOP);
}

/* --- whose is the way */

struct way {
	const char *path;
	bool safe;
};

/* The number that the next descriptor gets: a higher one later when one was forgotten. */
static int
free_descriptor(void)
{
	const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(fd);
	return fd;
}

static void
assert_ways(const struct way *ways, size_t n)
{
	const int before = free_descriptor();

	for (size_t i = 0; i < n; i++) {
		int fd = -1;
		const int r = helper_file_open(at(ways[i].path), &fd);

		if (r != (ways[i].safe ? 0 : -HELPER_UNSAFE))
			fail_msg("%s: %d", ways[i].path, r);
		if (fd >= 0)
			close(fd);
		assert_int_equal(free_descriptor(), before);
	}
}

#define ASSERT_WAYS(ways) assert_ways(ways, sizeof(ways) / sizeof((ways)[0]))

static void
in_a_directory_of_a_user_there_are_only_his_files(void **state)
{
	static const struct way ways[] = {
		{ "alice/hers", true },
		{ "alice/sub/hers", true },
		{ "alice/roots", false },
		{ "alice/hard", false }, /* a second name of root's file */
		{ "alice/bobs", false },
		{ "alice/roots-dir/hers", true },
		{ "alice/roots-dir/roots", false },
		{ "alice/missing", false },
		{ "alice/fifo", false },
		{ "roots/alices", true }, /* root put it there */
		{ "roots/roots", true },
	};

	(void)state;
	FIX_NEED_ROOT();
	make_dir("alice", ALICE, 0700);
	make_dir("alice/sub", ALICE, 0755);
	make_dir("alice/roots-dir", 0, 0755);
	make_dir("roots", 0, 0755);
	make_file("alice/hers", ALICE, 0600);
	make_file("alice/sub/hers", ALICE, 0600);
	make_file("alice/roots-dir/hers", ALICE, 0600);
	make_file("alice/roots", 0, 0644);
	make_file("alice/roots-dir/roots", 0, 0644);
	make_file("alice/bobs", BOB, 0644);
	make_file("roots/roots", 0, 0600);
	make_file("roots/alices", ALICE, 0600);
	assert_int_equal(link(at("roots/roots"), at("alice/hard")), 0);
	assert_int_equal(mkfifo(at("alice/fifo"), 0600), 0);
	ASSERT_WAYS(ways);
}

static void
links_do_not_lead_from_a_user_to_others(void **state)
{
	static const struct way ways[] = {
		{ "alice/to-root", false },       { "alice/to-roots-dir/f", false },   { "alice/to-bob", false },
		{ "alice/to-bobs-dir/f", false }, { "alice/to-herself", true },        { "alice/to-missing", false },
		{ "alice/up/f", false },          { "roots/to-alice/to-root", false }, { "roots/to-alice/f", true },
		{ "roots/to-bobs-f", true },
	};

	(void)state;
	FIX_NEED_ROOT();
	make_dir("alice", ALICE, 0755);
	make_dir("bob", BOB, 0755);
	make_dir("roots", 0, 0755);
	make_file("f", 0, 0600);
	make_file("alice/f", ALICE, 0600);
	make_file("bob/f", BOB, 0600);
	make_file("roots/f", 0, 0600);
	make_link("alice/to-root", ALICE, "../roots/f");
	make_link("alice/to-roots-dir", ALICE, "../roots");
	make_link("alice/to-bob", ALICE, "../bob/f");
	make_link("alice/to-bobs-dir", ALICE, "../bob");
	make_link("alice/to-herself", ALICE, "../alice/f");
	make_link("alice/to-missing", ALICE, "../roots/missing");
	make_link("alice/up", ALICE, "..");
	make_link("roots/to-alice", 0, "../alice");
	make_link("roots/to-bobs-f", 0, "../bob/f");
	ASSERT_WAYS(ways);
	/* it is the directory that counts, and not whose the link is: she may have found one of root's */
	assert_int_equal(lchown(at("alice/to-root"), 0, 0), 0);
	ASSERT_WAYS(ways);
}

static void
directories_that_others_write_are_safe_for_none(void **state)
{
	static const struct way ways[] = {
		{ "group/f", false },        { "group/sub/f", false },       { "others/f", false },
		{ "others/sub/f", false },   { "sticky/f", false },          { "sticky/link", false },
		{ "sticky/sub/f", true },    { "sticky/alice/f", true },     { "sticky/alice/root", false },
		{ "sticky-group/f", false }, { "sticky-group/sub/f", true }, { "readable/f", true },
	};
	static const struct {
		const char *name;
		mode_t mode;
	} dirs[] = { { "group", 0770 },
		     { "others", 0707 },
		     { "sticky", 01777 },
		     { "sticky-group", 01770 },
		     { "readable", 0755 } };
	char name[64];

	(void)state;
	FIX_NEED_ROOT();
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		make_dir(dirs[i].name, 0, dirs[i].mode);
		snprintf(name, sizeof(name), "%s/f", dirs[i].name);
		make_file(name, 0, 0600);
		snprintf(name, sizeof(name), "%s/sub", dirs[i].name);
		make_dir(name, 0, 0755);
		snprintf(name, sizeof(name), "%s/sub/f", dirs[i].name);
		make_file(name, 0, 0600);
	}
	make_link("sticky/link", 0, "sub/f");
	make_dir("sticky/alice", ALICE, 0700);
	make_file("sticky/alice/f", ALICE, 0600);
	make_file("sticky/alice/root", 0, 0600);
	ASSERT_WAYS(ways);
}

/* --- and what comes of it, for a program that is no longer root and plays tricks */

enum { SERVICE_CRL, SERVICE_SECRET, SERVICE_PUBLIC, SERVICE_SUB, SERVICE_OWN, N_SERVICE };

static const char *service_files[N_SERVICE];

static void
make_service_files(void)
{
	static const char *const names[N_SERVICE] = {
		"service/crl", "service/secret", "service/public", "service/sub/f", "service/own",
	};
	static char paths[N_SERVICE][128];
	const unsigned nobody = getpwnam("nobody")->pw_uid;

	assert_int_equal(chmod(at("."), 0711), 0);
	make_dir("service", nobody, 0755);
	make_dir("service/sub", nobody, 0755);
	make_dir("root", 0, 0755);
	make_file("root/f", 0, 0600);
	make_file("root/public", 0, 0644);
	make_file("service/crl", nobody, 0600);
	make_file("service/sub/f", nobody, 0600);
	make_file("service/own", 0, 0600);
	make_link("service/secret", nobody, "../root/f");
	make_link("service/public", nobody, "../root/public");
	for (size_t i = 0; i < N_SERVICE; i++) {
		snprintf(paths[i], sizeof(paths[i]), "%s", at(names[i]));
		service_files[i] = paths[i];
	}
	fix_params.files = service_files;
	fix_params.n_files = N_SERVICE;
}

/* What helper_open_file() says; the file is closed again. */
static int
try(unsigned index)
{
	int fd = -1;
	const int r = helper_open_file(fix_helper, index, &fd);

	if (fd >= 0)
		close(fd);
	return r;
}

/* Exit status 0, or the number of the step that went wrong. */
static int
play_tricks(void)
{
	const struct privilege_drop_params drop = { "nobody", PRIVILEGE_NONE };
	char err[256];

	fix_helper = helper_start(&fix_params, err, sizeof(err));
	if (!fix_helper || privilege_drop(&drop, err, sizeof(err)) != PRIVILEGE_DROPPED)
		return 1;
	if (try(SERVICE_CRL) != 0 || try(SERVICE_SUB) != 0)
		return 2;
	if (try(SERVICE_SECRET) != -EACCES || try(SERVICE_OWN) != -EACCES)
		return 3;
	if (try(SERVICE_PUBLIC) != 0)
		return 4;
	/* the names that root has configured, made others' */
	if (unlink(at("service/crl")) != 0 || symlink(at("root/f"), at("service/crl")) != 0 ||
	    try(SERVICE_CRL) != -EACCES)
		return 5;
	if (rename(at("service/sub"), at("service/was")) != 0 || symlink(at("root"), at("service/sub")) != 0 ||
	    try(SERVICE_SUB) != -EACCES)
		return 6;
	if (unlink(at("service/crl")) != 0 || try(SERVICE_CRL) != -ENOENT)
		return 7;
	helper_stop(fix_helper);
	return 0;
}

static void
a_program_without_root_gains_nothing_by_links(void **state)
{
	char expect[1024];
	pid_t pid;
	int status;

	(void)state;
	FIX_NEED_ROOT();
	make_service_files();
	pid = fork();
	if (pid == 0)
		_exit(play_tricks());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	snprintf(expect, sizeof(expect),
		 "%s: not opened as root, because not only root (and the file's owner) can change "
		 "the directories on the way to it\n",
		 service_files[SERVICE_SECRET]);
	assert_ptr_equal(strstr(fix_log(), expect), fix_log());
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fix_setup, fix_teardown)
	const struct CMUnitTest tests[] = {
		T(links_and_odd_paths_lead_where_they_do_for_everybody),
		T(what_is_no_file_says_why),
		T(as_many_links_as_the_kernel_follows),
		T(in_a_directory_of_a_user_there_are_only_his_files),
		T(links_do_not_lead_from_a_user_to_others),
		T(directories_that_others_write_are_safe_for_none),
		T(a_program_without_root_gains_nothing_by_links),
	};
#undef T

	return cmocka_run_group_tests_name("helper_file", tests, NULL, NULL);
}
