/* A directory for the files of a test (tempdir.h). */
#include "lib/tempdir.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/wait.h>

static const int signals[] = { SIGALRM, SIGHUP, SIGINT, SIGTERM };
enum { N_SIGNALS = sizeof(signals) / sizeof(signals[0]) };

static char path[64];
static pid_t owner;

/* Only what a signal handler may do. */
static int
remove_tree(void)
{
	static char rm[] = "rm", options[] = "-rf";
	char *const argv[] = { rm, options, path, NULL };
	const pid_t pid = fork();
	pid_t r;
	int status = -1;

	if (pid == 0) {
		execvp(rm, argv);
		_exit(127);
	}
	do
		r = waitpid(pid, &status, 0);
	while (r < 0 && errno == EINTR);
	return r == pid ? status : -1;
}

/* Dies of the signal as if there were no handler. */
static void
on_signal(int signo)
{
	if (getpid() == owner)
		(void)remove_tree();
	signal(signo, SIG_DFL);
	raise(signo);
}

const char *
tempdir_make(const char *name)
{
	snprintf(path, sizeof(path), "/tmp/castswitch-%s-XXXXXX", name);
	if (!mkdtemp(path))
		return NULL;
	owner = getpid();
	for (size_t i = 0; i < N_SIGNALS; i++)
		signal(signals[i], on_signal);
	return path;
}

int
tempdir_remove(void)
{
	for (size_t i = 0; i < N_SIGNALS; i++)
		signal(signals[i], SIG_DFL);
	return remove_tree();
}
