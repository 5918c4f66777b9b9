/* Hooks in the helper: a queue, one process at a time, and a deadline for it (helper_impl.h). */
#include "helper_impl.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "castswitch/log.h"

/* "domain", an interface, and as many names as there can be in the longest text of them. */
enum { ARGS_MAX = 2 + (HELPER_DOMAINS_MAX + 1) / 2 };

struct job {
	const char *path;
	bool is_hook; /* 'text' is its environment, else its arguments */
	size_t text_len;
	char text[HELPER_ENV_BYTES_MAX];
};

struct helper_hooks {
	const char *const *paths;
	unsigned timeout_ms;
	struct job jobs[HELPER_HOOKS_WAITING_MAX]; /* a ring */
	unsigned first, waiting;
	pid_t running; /* also its process group; 0 none */
	const char *running_path;
	int64_t deadline_ms;
};

struct helper_hooks *
helper_hooks_new(const struct helper_params *params)
{
	struct helper_hooks *q = calloc(1, sizeof(*q));

	if (q) {
		q->paths = params->hooks;
		q->timeout_ms = params->hook_timeout_ms ? params->hook_timeout_ms : HELPER_HOOK_TIMEOUT_MS;
	}
	return q;
}

unsigned
helper_hooks_room(const struct helper_hooks *q)
{
	return HELPER_HOOKS_WAITING_MAX - q->waiting;
}

static void
add_job(struct helper_hooks *q, const char *path, bool is_hook, const char *text, size_t len)
{
	struct job *job = &q->jobs[(q->first + q->waiting++) % HELPER_HOOKS_WAITING_MAX];

	job->path = path;
	job->is_hook = is_hook;
	job->text_len = len;
	memcpy(job->text, text, len);
}

int
helper_hooks_add(struct helper_hooks *q, unsigned index, const char *env, size_t env_len)
{
	if (!q->paths[index])
		return -ENOENT;
	if (!helper_hooks_room(q))
		return -EAGAIN;
	add_job(q, q->paths[index], true, env, env_len);
	return 0;
}

void
helper_hooks_add_command(struct helper_hooks *q, const char *path, const char *args, size_t len)
{
	add_job(q, path, false, args, len);
}

/* There are never more than fit. */
static void
make_args(char **argv, struct job *job)
{
	for (size_t at = 0; at < job->text_len; at += strlen(job->text + at) + 1)
		*argv++ = job->text + at;
}

/* In the child.  Its only files are 0, 1 and 2: the helper has no others without close-on-exec. */
static void __attribute__((noreturn)) execute(struct job *job, pid_t helper)
{
	char *argv[1 + ARGS_MAX + 1] = { strdup(job->path) };
	struct helper_hook_env env;
	sigset_t none;

	setpgid(0, 0); /* before signals to the old group count again */
	for (size_t i = 0; i < helper_n_ignored_signals; i++)
		signal(helper_ignored_signals[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(022);
	helper_env_make(&env, job->text, job->is_hook ? job->text_len : 0);
	if (!job->is_hook)
		make_args(argv + 1, job);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == helper && chdir("/") == 0)
		execve(job->path, argv, env.v);
	log_error("hook", "%s: %s", job->path, strerror(errno));
	_exit(127);
}

static void
start_next(struct helper_hooks *q, int64_t now_ms)
{
	struct job *job = &q->jobs[q->first];
	const pid_t helper = getpid(), pid = fork();

	if (pid == 0)
		execute(job, helper);
	if (pid < 0) {
		log_error("hook", "%s: can't fork: %s", job->path, strerror(errno));
	} else {
		setpgid(pid, pid); /* here as well, since a kill of the group may come before the child's own */
		q->running = pid;
		q->running_path = job->path;
		q->deadline_ms = now_ms + q->timeout_ms;
	}
	q->first = (q->first + 1) % HELPER_HOOKS_WAITING_MAX;
	q->waiting--;
}

static void
reap(struct helper_hooks *q)
{
	const char *path;
	int status;

	if (!q->running || waitpid(q->running, &status, WNOHANG) != q->running)
		return;
	path = q->running_path;
	if (WIFSIGNALED(status))
		log_warning("hook", "%s: killed by signal %d", path, WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		log_warning("hook", "%s: exit status %d", path, WEXITSTATUS(status));
	q->running = 0;
}

void
helper_hooks_run(struct helper_hooks *q, int64_t now_ms)
{
	reap(q);
	if (q->running && now_ms >= q->deadline_ms) {
		log_warning("hook", "%s: took longer than %u ms", q->running_path, q->timeout_ms);
		helper_hooks_kill(q);
	}
	while (!q->running && q->waiting)
		start_next(q, now_ms);
}

int64_t
helper_hooks_deadline_ms(const struct helper_hooks *q)
{
	return q->running ? q->deadline_ms : -1;
}

void
helper_hooks_kill(struct helper_hooks *q)
{
	if (!q->running)
		return;
	kill(-q->running, SIGKILL);
	waitpid(q->running, NULL, 0);
	q->running = 0;
}
