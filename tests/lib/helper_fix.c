/* Files, hooks and a helper process for tests (helper_fix.h). */
#include "lib/helper_fix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "castswitch/log.h"
#include "lib/tempdir.h"

enum { DEADLINE_S = 60 };

static const char *dir;
static char file_paths[N_FILES][96], hook_paths[N_HOOKS][96];
const char *fix_files[N_FILES], *fix_hooks[N_HOOKS];
struct helper_params fix_params;
struct helper *fix_helper;

/* Lines that the helper process logs; shared memory. */
static struct {
	char lines[4096];
} * logged;

static void
sink(void *arg, enum log_level level, const char *topic, const char *line)
{
	(void)arg;
	(void)level;
	(void)topic;
	strncat(logged->lines, line, sizeof(logged->lines) - strlen(logged->lines) - 2);
	strcat(logged->lines, "\n");
}

const char *
fix_path(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void
write_text(const char *path, const char *text, mode_t mode)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

const char *
fix_read(const char *path)
{
	static char text[65536];
	const int fd = open(path, O_RDONLY);
	size_t len = 0;
	ssize_t n;

	assert_int_not_equal(fd, -1);
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	for (size_t i = 0; i < len; i++) /* /proc/PID/environ */
		if (text[i] == '\0')
			text[i] = '\n';
	close(fd);
	return text;
}

static void
make_files(void)
{
	static const char *const names[] = { "small", "missing", "dir", "fifo", "full", "over" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(file_paths[i], sizeof(file_paths[i]), "%s/%s", dir, names[i]);
		fix_files[i] = file_paths[i];
	}
	write_text(fix_files[FILE_SMALL], "secret\n", 0600);
	assert_int_equal(mkdir(fix_files[FILE_DIR], 0700), 0);
	assert_int_equal(mkfifo(fix_files[FILE_FIFO], 0600), 0);
	write_text(fix_files[FILE_FULL], "", 0600);
	assert_int_equal(truncate(fix_files[FILE_FULL], 1048576), 0);
	write_text(fix_files[FILE_OVER], "", 0600);
	assert_int_equal(truncate(fix_files[FILE_OVER], 1048577), 0);
}

static void
make_hooks(void)
{
	static const char *const scripts[N_HOOKS] = {
		[HOOK_ENV] = "cat /proc/$$/environ >$dir/environ; cat /proc/$$/status >$dir/status\n"
			     "pwd >$dir/pwd\n",
		[HOOK_APPEND] = "echo $CASTSWITCH_N >>$dir/order\n",
		[HOOK_HANG] = "sleep 100 &\necho $! >$dir/child\necho up >$dir/fifo\nwait\n",
		[HOOK_FIFO] = "echo here >$dir/fifo\n",
		[HOOK_WAIT] = "read line <$dir/fifo\n",
		[HOOK_FAIL] = "exit 3\n",
	};
	char text[1024];

	for (size_t i = 0; i < HOOK_UNSET; i++) {
		snprintf(hook_paths[i], sizeof(hook_paths[i]), "%s/hook%zu", dir, i);
		fix_hooks[i] = hook_paths[i];
		if (!scripts[i])
			continue;
		snprintf(text, sizeof(text), "#!/bin/sh\ndir=${0%%/*}\n%s", scripts[i]);
		write_text(fix_hooks[i], text, 0700);
	}
	write_text(fix_hooks[HOOK_FDS], "#!/bin/ls /proc/self/fd\n", 0700);
	write_text(fix_hooks[HOOK_STATUS], "#!/bin/cat /proc/self/status\n", 0700);
}

void
fix_start(void)
{
	char err[256] = "";

	fix_helper = helper_start(&fix_params, err, sizeof(err));
	assert_string_equal(err, "");
	assert_non_null(fix_helper);
}

int
fix_setup(void **state)
{
	(void)state;
	alarm(DEADLINE_S);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) /* what helpers leave comes to us, and can be waited for */
		return -1;
	if (!logged)
		logged = mmap(NULL, sizeof(*logged), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (logged == MAP_FAILED)
		return -1;
	logged->lines[0] = '\0';
	log_set_sink(sink, NULL);
	dir = tempdir_make("helper");
	assert_non_null(dir);
	make_files();
	make_hooks();
	fix_params = (struct helper_params){
		.files = fix_files, .n_files = N_FILES, .hooks = fix_hooks, .n_hooks = N_HOOKS
	};
	return 0;
}

int
fix_teardown(void **state)
{
	(void)state;
	fix_stop();
	log_set_sink(NULL, NULL);
	return tempdir_remove();
}

void
fix_stop(void)
{
	helper_stop(fix_helper);
	fix_helper = NULL;
}

char *
fix_log(void)
{
	return logged->lines;
}

const char *
fix_status(const char *text, const char *name)
{
	static char value[256];
	const char *at = strstr(text, name);

	assert_non_null(at);
	at += strlen(name);
	snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, "\n"), at);
	return value;
}

/* Doesn't come back as long as one lives. */
void
fix_reap_orphans(pid_t not_this)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, 0)) > 0)
		assert_int_not_equal(pid, not_this);
	assert_int_equal(errno, ECHILD);
}

bool
fix_is_root(void)
{
	const struct passwd *nobody = getpwnam("nobody");
	struct stat st;

	/* where the account isn't mapped, nothing can be given to it */
	return geteuid() == 0 && privilege_net_admin() && nobody && stat(dir, &st) == 0 &&
	       chown(dir, nobody->pw_uid, (gid_t)-1) == 0 && chown(dir, st.st_uid, (gid_t)-1) == 0;
}
