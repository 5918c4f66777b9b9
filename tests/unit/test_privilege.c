/* src/os/privilege.c and src/os/idmap.c: each drop in a child process, its result judged from /proc/self/status. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "castswitch/privilege.h"
#include "lib/tempdir.h"

#define USER "nobody" /* some account that exists */
#define NET_ADMIN (UINT64_C(1) << CAP_NET_ADMIN)
#define NET_RAW (UINT64_C(1) << CAP_NET_RAW)

/* What a child leaves for the test; shared memory. */
static struct {
	struct privilege_drop_params params;
	bool prepared;
	int result, dumpable, setuid_root, give_result;
	char err[256];
	char status[8192];
	char dir[64];
} * child;

static int
group_setup(void **state)
{
	(void)state;
	child = mmap(NULL, sizeof(*child), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return child == MAP_FAILED;
}

static bool
nothing_to_prepare(void)
{
	return true;
}

static void
read_status(void)
{
	const int fd = open("/proc/self/status", O_RDONLY);
	const ssize_t n = read(fd, child->status, sizeof(child->status) - 1);

	child->status[n > 0 ? n : 0] = '\0';
	close(fd);
}

/* Prepares, drops and reports.  _exit() also for the leak checker's sake, which can't trace what isn't dumpable. */
static void
drop_in_child(bool (*prepare)(void), struct privilege_drop_params params)
{
	pid_t pid;
	int status;

	memset(child, 0, sizeof(*child));
	child->params = params;
	fflush(NULL);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		child->prepared = prepare();
		if (child->prepared)
			child->result = privilege_drop(&child->params, child->err, sizeof(child->err));
		child->dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
		read_status();
		child->setuid_root = setuid(0);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* The text of a line of the child's status. */
static const char *
field(const char *name)
{
	static char value[1024];
	char key[32];
	const char *at;

	snprintf(key, sizeof(key), "\n%s:\t", name);
	at = strstr(child->status, key);
	assert_non_null(at);
	at += strlen(key);
	snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, "\n"), at);
	return value;
}

static uint64_t
caps(const char *name)
{
	return strtoull(field(name), NULL, 16);
}

static void
assert_ids(const char *name, unsigned id)
{
	char expect[64];

	snprintf(expect, sizeof(expect), "%u\t%u\t%u\t%u", id, id, id, id);
	assert_string_equal(field(name), expect);
}

static int
compare_groups(const void *a, const void *b)
{
	const gid_t x = *(const gid_t *)a, y = *(const gid_t *)b;

	return x < y ? -1 : x > y;
}

/* Those of the account's, which the kernel keeps sorted. */
static void
assert_groups(const struct passwd *pw)
{
	gid_t groups[256];
	int n = 256;
	char expect[4096] = "";

	assert_int_not_equal(getgrouplist(pw->pw_name, pw->pw_gid, groups, &n), -1);
	qsort(groups, (size_t)n, sizeof(groups[0]), compare_groups);
	for (int i = 0; i < n; i++)
		snprintf(expect + strlen(expect), 16, "%u ", groups[i]);
	assert_string_equal(field("Groups"), expect);
}

static void
assert_only(uint64_t keep)
{
	assert_int_equal(caps("CapEff"), keep);
	assert_int_equal(caps("CapPrm"), keep);
	assert_int_equal(caps("CapInh"), 0);
	assert_int_equal(caps("CapAmb"), 0);
	assert_int_equal(caps("CapBnd"), 0);
	assert_string_equal(field("NoNewPrivs"), "1");
	assert_int_equal(child->dumpable, 0);
}

/* Root with the capabilities of one; a root of a user namespace with a single user won't do. */
static bool
is_root(void)
{
	return geteuid() == 0 && privilege_net_admin() && getpwnam(USER) && setegid(getpwnam(USER)->pw_gid) == 0 &&
	       setegid(0) == 0;
}

#define NEED_ROOT()                                                              \
	do {                                                                     \
		if (!is_root()) {                                                \
			print_message("# not root, or no account '" USER "'\n"); \
			skip();                                                  \
		}                                                                \
	} while (0)

static void
root_becomes_the_user_with_what_was_asked_for(void **state)
{
	static const struct {
		unsigned keep;
		uint64_t caps;
	} cases[] = {
		{ PRIVILEGE_NONE, 0 },
		{ PRIVILEGE_NET_ADMIN, NET_ADMIN },
		{ PRIVILEGE_NET_RAW, NET_RAW },
		{ PRIVILEGE_NET_ADMIN | PRIVILEGE_NET_RAW, NET_ADMIN | NET_RAW },
	};
	const struct passwd *pw = getpwnam(USER);

	(void)state;
	NEED_ROOT();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		drop_in_child(nothing_to_prepare, (struct privilege_drop_params){ USER, cases[i].keep });
		assert_string_equal(child->err, "");
		assert_int_equal(child->result, PRIVILEGE_DROPPED);
		assert_ids("Uid", pw->pw_uid);
		assert_ids("Gid", pw->pw_gid);
		assert_groups(pw);
		assert_only(cases[i].caps);
		assert_int_equal(child->setuid_root, -1);
	}
}

static bool
join_groups_of_root(void)
{
	static const gid_t groups[] = { 0, 4, 12345 };

	return setgroups(3, groups) == 0;
}

static void
groups_of_root_are_left(void **state)
{
	(void)state;
	NEED_ROOT();
	drop_in_child(join_groups_of_root, (struct privilege_drop_params){ USER, 0 });
	assert_true(child->prepared);
	assert_int_equal(child->result, PRIVILEGE_DROPPED);
	assert_groups(getpwnam(USER));
}

static bool
make_everything_inheritable(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return false;
	data[0].inheritable = data[0].permitted;
	data[1].inheritable = data[1].permitted;
	return syscall(SYS_capset, &header, data) == 0 &&
	       prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0) == 0;
}

static void
inheritable_and_ambient_ones_go_even_when_kept(void **state)
{
	(void)state;
	NEED_ROOT();
	drop_in_child(make_everything_inheritable, (struct privilege_drop_params){ USER, PRIVILEGE_NET_ADMIN });
	assert_true(child->prepared);
	assert_int_equal(child->result, PRIVILEGE_DROPPED);
	assert_only(NET_ADMIN);
}

static void
the_user_root_keeps_root_without_capabilities(void **state)
{
	(void)state;
	NEED_ROOT();
	drop_in_child(nothing_to_prepare, (struct privilege_drop_params){ "root", PRIVILEGE_NET_RAW });
	assert_string_equal(child->err, "");
	assert_int_equal(child->result, PRIVILEGE_KEPT_ROOT);
	assert_ids("Uid", 0);
	assert_ids("Gid", 0);
	assert_only(NET_RAW);
}

static void
an_unknown_user_is_an_error_that_helps(void **state)
{
	(void)state;
	NEED_ROOT();
	drop_in_child(nothing_to_prepare, (struct privilege_drop_params){ "no-such-user-x", 0 });
	assert_int_equal(child->result, -ENOENT);
	assert_string_equal(child->err, "user 'no-such-user-x' does not exist (create it: useradd --system "
					"--no-create-home no-such-user-x; or set switch { user = \"root\" })");
	assert_ids("Uid", 0);
}

static void
no_user_means_castswitch(void **state)
{
	(void)state;
	NEED_ROOT();
	drop_in_child(nothing_to_prepare, (struct privilege_drop_params){ NULL, 0 });
	if (getpwnam("castswitch"))
		assert_ids("Uid", getpwnam("castswitch")->pw_uid);
	else
		assert_non_null(strstr(child->err, "user 'castswitch' does not exist (create it: "));
}

static bool
lose_capability(unsigned cap)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return false;
	data[cap / 32].permitted &= ~(UINT32_C(1) << cap % 32);
	data[cap / 32].effective &= ~(UINT32_C(1) << cap % 32);
	return syscall(SYS_capset, &header, data) == 0;
}

static bool
lose_setuid(void)
{
	return lose_capability(CAP_SETUID);
}

static bool
lose_setpcap(void)
{
	return lose_capability(CAP_SETPCAP);
}

static bool
lose_net_raw(void)
{
	return lose_capability(CAP_NET_RAW);
}

static void
root_without_setuid_fails_before_anything_changes(void **state)
{
	(void)state;
	NEED_ROOT();
	drop_in_child(lose_setuid, (struct privilege_drop_params){ USER, 0 });
	assert_true(child->prepared);
	assert_int_equal(child->result, -EPERM);
	assert_string_equal(child->err, "can't switch to user '" USER "': CAP_SETUID and CAP_SETGID are needed: "
					"Operation not permitted");
	assert_ids("Gid", 0);
	assert_string_not_equal(field("CapEff"), "0000000000000000");
}

static void
root_without_setpcap_keeps_its_bounding_set_only(void **state)
{
	(void)state;
	NEED_ROOT();
	drop_in_child(lose_setpcap, (struct privilege_drop_params){ USER, PRIVILEGE_NET_ADMIN });
	assert_true(child->prepared);
	assert_string_equal(child->err, "");
	assert_int_equal(child->result, PRIVILEGE_DROPPED);
	assert_int_equal(caps("CapEff"), NET_ADMIN);
	assert_int_equal(caps("CapPrm"), NET_ADMIN);
	assert_int_not_equal(caps("CapBnd"), 0);
	assert_string_equal(field("NoNewPrivs"), "1");
	assert_int_equal(child->setuid_root, -1);
}

static void
what_was_not_there_is_not_kept(void **state)
{
	(void)state;
	NEED_ROOT();
	drop_in_child(lose_net_raw, (struct privilege_drop_params){ USER, PRIVILEGE_NET_ADMIN | PRIVILEGE_NET_RAW });
	assert_true(child->prepared);
	assert_int_equal(child->result, PRIVILEGE_DROPPED);
	assert_only(NET_ADMIN);
}

/* An ordinary user with CAP_NET_ADMIN and CAP_NET_RAW, as from systemd's AmbientCapabilities. */
static bool
become_user_with_capabilities(void)
{
	const struct passwd *pw = getpwnam(USER);
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { .permitted = (uint32_t)(NET_ADMIN | NET_RAW) } };

	data[0].effective = data[0].permitted;
	return prctl(PR_SET_KEEPCAPS, 1) == 0 && setgroups(0, NULL) == 0 &&
	       setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) == 0 &&
	       setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == 0 && syscall(SYS_capset, &header, data) == 0 &&
	       prctl(PR_SET_DUMPABLE, 1) == 0; /* which a change of ids took away */
}

static void
an_ordinary_user_only_loses_capabilities(void **state)
{
	const struct passwd *pw = getpwnam(USER);

	(void)state;
	NEED_ROOT();
	drop_in_child(become_user_with_capabilities,
		      (struct privilege_drop_params){ "no-such-user-x", PRIVILEGE_NET_ADMIN });
	assert_true(child->prepared);
	assert_string_equal(child->err, "");
	assert_int_equal(child->result, PRIVILEGE_NOT_ROOT);
	assert_ids("Uid", pw->pw_uid);
	assert_ids("Gid", pw->pw_gid);
	assert_int_equal(caps("CapEff"), NET_ADMIN);
	assert_int_equal(caps("CapPrm"), NET_ADMIN);
	assert_string_equal(field("NoNewPrivs"), "1");
	assert_int_equal(child->dumpable, 0);
}

static bool
become_user_who_was_root(void)
{
	return setresuid(0, getpwnam(USER)->pw_uid, 0) == 0;
}

static void
a_way_back_to_root_is_an_error(void **state)
{
	(void)state;
	NEED_ROOT();
	drop_in_child(become_user_who_was_root, (struct privilege_drop_params){ USER, 0 });
	assert_true(child->prepared);
	assert_int_equal(child->result, -EPERM);
	assert_string_equal(child->err, "can't drop privileges: could become root again: Operation not permitted");
}

/* Without root, whoever runs this. */
static void
whoever_runs_the_tests_loses_everything(void **state)
{
	(void)state;
	if (geteuid() == 0) {
		print_message("# root\n");
		skip();
	}
	drop_in_child(nothing_to_prepare, (struct privilege_drop_params){ "no-such-user-x", 0 });
	assert_int_equal(child->result, PRIVILEGE_NOT_ROOT);
	assert_ids("Uid", getuid());
	assert_int_equal(caps("CapEff"), 0);
	assert_int_equal(caps("CapPrm"), 0);
	assert_string_equal(field("NoNewPrivs"), "1");
	assert_int_equal(child->dumpable, 0);
}

/* --- user namespaces */

static bool
write_file(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY);
	const bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* Root of a namespace without anybody else, as "unshare -r" makes it. */
static bool
enter_namespace_of_one(void)
{
	char uids[32], gids[32];

	snprintf(uids, sizeof(uids), "0 %u 1", geteuid());
	snprintf(gids, sizeof(gids), "0 %u 1", getegid());
	return unshare(CLONE_NEWUSER) == 0 && write_file("/proc/self/setgroups", "deny") &&
	       write_file("/proc/self/uid_map", uids) && write_file("/proc/self/gid_map", gids) && geteuid() == 0;
}

/* Maps are written by root outside: a process within has no such right for more than itself. */
static bool
enter_namespace_with(const char *uids, const char *gids)
{
	const pid_t self = getpid();
	int ready[2], status;
	char byte, path[64];
	pid_t writer;

	if (pipe(ready) < 0)
		return false;
	writer = fork();
	if (writer == 0) {
		/* Without this end of its own it sees the other go away where namespaces are not allowed. */
		close(ready[1]);
		bool ok = read(ready[0], &byte, 1) == 1;

		snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)self);
		ok = ok && write_file(path, uids);
		snprintf(path, sizeof(path), "/proc/%d/gid_map", (int)self);
		_exit(ok && write_file(path, gids) ? 0 : 1);
	}
	if (unshare(CLONE_NEWUSER) < 0 || write(ready[1], "x", 1) != 1)
		return false;
	return waitpid(writer, &status, 0) == writer && status == 0 && setresgid(0, 0, 0) == 0 &&
	       setresuid(0, 0, 0) == 0;
}

static bool
enter_namespace_of_100(void)
{
	return enter_namespace_with("0 0 100", "0 0 100");
}

static bool
enter_namespace_up_to_nobody(void)
{
	char uids[64], gids[64];
	const struct passwd *pw = getpwnam(USER);

	/* in two ranges, the second of one id */
	snprintf(uids, sizeof(uids), "0 0 10\n%u %u 1", pw->pw_uid, pw->pw_uid);
	snprintf(gids, sizeof(gids), "0 0 10\n%u %u 1", pw->pw_gid, pw->pw_gid);
	return enter_namespace_with(uids, gids);
}

static bool
enter_namespace_without_nobodys_group(void)
{
	char gids[64];

	snprintf(gids, sizeof(gids), "0 0 %u", getpwnam(USER)->pw_gid); /* up to it, and not it */
	return enter_namespace_with("0 0 100000", gids);
}

static void
assert_stayed_root(const char *user)
{
	char expect[128];

	snprintf(expect, sizeof(expect), "staying root, user '%s' does not exist in this user namespace", user);
	assert_int_equal(child->result, PRIVILEGE_UNMAPPED);
	assert_string_equal(child->err, expect);
	assert_ids("Uid", 0);
	assert_ids("Gid", 0);
	assert_only(NET_ADMIN);
}

static void
a_namespace_of_one_stays_root_even_without_the_account(void **state)
{
	static const char *const users[] = { USER, "no-such-user-x" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		drop_in_child(enter_namespace_of_one, (struct privilege_drop_params){ users[i], PRIVILEGE_NET_ADMIN });
		if (!child->prepared) {
			print_message("# no user namespaces\n");
			skip();
		}
		assert_stayed_root(users[i]);
	}
}

static void
a_namespace_without_the_user_or_its_group_stays_root(void **state)
{
	bool (*const namespaces[])(void) = { enter_namespace_of_100, enter_namespace_without_nobodys_group };

	(void)state;
	NEED_ROOT();
	for (size_t i = 0; i < 2; i++) {
		drop_in_child(namespaces[i], (struct privilege_drop_params){ USER, PRIVILEGE_NET_ADMIN });
		if (!child->prepared) {
			print_message("# no user namespaces with more than one user\n");
			skip();
		}
		assert_stayed_root(USER);
	}
}

static void
a_namespace_with_the_user_becomes_it(void **state)
{
	(void)state;
	NEED_ROOT();
	drop_in_child(enter_namespace_up_to_nobody, (struct privilege_drop_params){ USER, PRIVILEGE_NET_ADMIN });
	if (!child->prepared) {
		print_message("# no user namespaces with more than one user\n");
		skip();
	}
	assert_string_equal(child->err, "");
	assert_int_equal(child->result, PRIVILEGE_DROPPED);
	assert_ids("Uid", getpwnam(USER)->pw_uid);
	assert_only(NET_ADMIN);
}

/* --- files before the drop */

static const char *dir;

static int
dir_setup(void **state)
{
	(void)state;
	dir = tempdir_make("privilege");
	return dir ? 0 : -1;
}

static int
dir_teardown(void **state)
{
	(void)state;
	return tempdir_remove();
}

static const char *
in_dir(const char *name)
{
	static char path[96];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void
the_directory_goes_to_the_user_that_will_be(void **state)
{
	const struct passwd *pw = getpwnam(USER);
	struct privilege_drop_params p = { "root", 0 };
	char err[256] = "";
	struct stat st;

	(void)state;
	NEED_ROOT();
	assert_int_equal(privilege_give_dir(&p, dir, err, sizeof(err)), 0);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_uid, 0);
	p.user = USER;
	assert_int_equal(privilege_give_dir(&p, dir, err, sizeof(err)), 0);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_uid, pw->pw_uid);
	assert_int_equal(st.st_gid, pw->pw_gid);
	assert_string_equal(err, "");

	/* and never to where a link points */
	assert_int_equal(symlink("/", in_dir("link")), 0);
	assert_int_equal(privilege_give_dir(&p, in_dir("link"), err, sizeof(err)), -ENOTDIR);
	assert_int_equal(strncmp(err, in_dir("link"), strlen(in_dir("link"))), 0);

	p.user = "no-such-user-x";
	assert_int_equal(privilege_give_dir(&p, "/", err, sizeof(err)), -ENOENT);
	assert_non_null(strstr(err, "useradd"));
}

/* The group of a file that is made between the two calls, and then of one that is made after them. */
static void
make_two_files(const char *user, gid_t ret[2])
{
	const struct privilege_drop_params p = { user, 0 };
	struct stat st;
	gid_t before;

	before = privilege_enter_group(&p);
	for (int i = 0; i < 2; i++) {
		const int fd = open(in_dir("file"), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

		assert_int_not_equal(fd, -1);
		assert_int_equal(fstat(fd, &st), 0);
		ret[i] = st.st_gid;
		close(fd);
		unlink(in_dir("file"));
		if (i == 0)
			privilege_leave_group(before);
	}
}

/* An account other than root with a group of its own name, and one whose group has another. */
static bool
find_account(bool own_group, char ret_name[64], gid_t *ret_gid)
{
	const struct passwd *pw;
	bool found = false;

	setpwent();
	while (!found && (pw = getpwent())) {
		const struct group *gr = getgrgid(pw->pw_gid);

		found = pw->pw_uid != 0 && pw->pw_gid != 0 && gr &&
			(strcmp(gr->gr_name, pw->pw_name) == 0) == own_group;
		if (found) {
			snprintf(ret_name, 64, "%s", pw->pw_name);
			*ret_gid = pw->pw_gid;
		}
	}
	endpwent();
	return found;
}

static void
files_get_the_group_of_the_user_when_it_is_his_own(void **state)
{
	char user[64];
	gid_t gid, groups[2];

	(void)state;
	NEED_ROOT();
	if (find_account(true, user, &gid)) {
		make_two_files(user, groups);
		assert_int_equal(groups[0], gid);
		assert_int_equal(groups[1], 0);
	}
	/* nogroup, users, daemon: others are in it too */
	if (find_account(false, user, &gid)) {
		make_two_files(user, groups);
		assert_int_equal(groups[0], 0);
		assert_int_equal(groups[1], 0);
	}
	make_two_files("root", groups);
	assert_int_equal(groups[0], 0);
	make_two_files("no-such-user-x", groups);
	assert_int_equal(groups[0], 0);
}

static void
who_is_not_root_keeps_the_group(void **state)
{
	const gid_t gid = getegid();
	gid_t other, groups[2];
	char user[64];

	(void)state;
	if (is_root() || !find_account(true, user, &other)) {
		print_message("# root, which is the test above, or no account with a group of its own\n");
		skip();
	}
	make_two_files(user, groups);
	assert_int_equal(groups[0], gid);
	assert_int_equal(groups[1], gid);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(root_becomes_the_user_with_what_was_asked_for),
		cmocka_unit_test(groups_of_root_are_left),
		cmocka_unit_test(inheritable_and_ambient_ones_go_even_when_kept),
		cmocka_unit_test(the_user_root_keeps_root_without_capabilities),
		cmocka_unit_test(an_unknown_user_is_an_error_that_helps),
		cmocka_unit_test(no_user_means_castswitch),
		cmocka_unit_test(root_without_setuid_fails_before_anything_changes),
		cmocka_unit_test(root_without_setpcap_keeps_its_bounding_set_only),
		cmocka_unit_test(what_was_not_there_is_not_kept),
		cmocka_unit_test(an_ordinary_user_only_loses_capabilities),
		cmocka_unit_test(a_way_back_to_root_is_an_error),
		cmocka_unit_test(whoever_runs_the_tests_loses_everything),
		cmocka_unit_test(a_namespace_of_one_stays_root_even_without_the_account),
		cmocka_unit_test(a_namespace_without_the_user_or_its_group_stays_root),
		cmocka_unit_test(a_namespace_with_the_user_becomes_it),
		cmocka_unit_test_setup_teardown(the_directory_goes_to_the_user_that_will_be, dir_setup, dir_teardown),
		cmocka_unit_test_setup_teardown(files_get_the_group_of_the_user_when_it_is_his_own, dir_setup,
						dir_teardown),
		cmocka_unit_test_setup_teardown(who_is_not_root_keeps_the_group, dir_setup, dir_teardown),
	};

	return cmocka_run_group_tests_name("privilege", tests, group_setup, NULL);
}
