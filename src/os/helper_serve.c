/* The helper process (helper.h): what it gives up, and its loop of requests.
 *
 * must_*(): when the program is gone, or says what no program of ours says, this process ends.
 */
#include "helper_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <cap-ng.h>

#include "castswitch/log.h"

enum {
	SOCKET_FD = 3,
	CAPABILITIES_MAX = 64, /* in the kernel's interface */
};

struct server {
	const struct helper_params *params;
	int child_fd; /* a signalfd for SIGCHLD */
	struct helper_hooks *hooks;
	int64_t stop_ms; /* when to end whatever runs; -1 until asked to stop */
};

/* SIGPIPE for the sake of log lines; the others come to the whole process group. */
const int helper_ignored_signals[] = { SIGHUP, SIGINT, SIGTERM, SIGPIPE };
const size_t helper_n_ignored_signals = sizeof(helper_ignored_signals) / sizeof(helper_ignored_signals[0]);

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* --- what it gives up */

static void
close_from(int first)
{
#ifdef SYS_close_range
	if (syscall(SYS_close_range, (unsigned)first, ~0U, 0U) == 0)
		return;
#endif
	for (long fd = first, end = sysconf(_SC_OPEN_MAX); fd < end; fd++)
		close((int)fd);
}

/* Standard input is empty, standard output goes to standard error, the socket is SOCKET_FD, and that is all. */
static int
keep_files(int fd)
{
	int null;

	if (fd != SOCKET_FD) {
		if (dup3(fd, SOCKET_FD, O_CLOEXEC) < 0)
			return -errno;
		close(fd); /* it may be one of the first three, when the program was started without them */
	}
	close_from(SOCKET_FD + 1);
	null = open("/dev/null", O_RDWR);
	if (null < 0)
		return -errno;
	if (dup2(null, STDIN_FILENO) < 0 || (fcntl(STDERR_FILENO, F_GETFD) < 0 && dup2(null, STDERR_FILENO) < 0) ||
	    dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return -errno;
	if (null > SOCKET_FD)
		close(null);
	return 0;
}

static int
keep_signals(struct server *s)
{
	sigset_t child;

	for (int signo = 1; signo < NSIG; signo++)
		signal(signo, SIG_DFL); /* the program may have handlers already */
	for (size_t i = 0; i < helper_n_ignored_signals; i++)
		signal(helper_ignored_signals[i], SIG_IGN);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	if (sigprocmask(SIG_SETMASK, &child, NULL) < 0)
		return -errno;
	s->child_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->child_fd < 0 ? -errno : 0;
}

/* Takes away only: who isn't root, or has no CAP_SETPCAP for the bounding set, keeps what can't be helped.  What stays
 * permitted is what stays in the bounding set, so that a hook run by root gains nothing when it starts; it would lose
 * PR_SET_PDEATHSIG by that (prctl(2)).  Ambient capabilities go with the permitted ones. */
static int
keep_capabilities(bool hooks)
{
	bool bounding;

	if (capng_get_caps_process() != 0)
		return -EPERM;
	bounding = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
	for (unsigned cap = 0; cap < CAPABILITIES_MAX; cap++) {
		if (cap == CAP_DAC_READ_SEARCH)
			continue;
		capng_update(CAPNG_DROP, CAPNG_EFFECTIVE, cap);
		if (!hooks || (cap != CAP_NET_ADMIN && cap != CAP_NET_RAW))
			capng_update(CAPNG_DROP, CAPNG_PERMITTED | CAPNG_INHERITABLE | CAPNG_BOUNDING_SET, cap);
	}
	return capng_apply(bounding ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) == 0 ? 0 : -EPERM;
}

/* The end of the socket ends the helper.  The signal is a second way for when it is stuck in a system call, and comes
 * only if the program may signal us, which it may not as another user. */
static int
follow_parent(pid_t parent)
{
	prctl(PR_SET_NAME, "cs-helper");
	/* a copy of the program's configuration is in this memory */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	return getppid() == parent ? 0 : -ESRCH;
}

static int
set_up(struct server *s, int fd, pid_t parent)
{
	int r = keep_files(fd);

	if (r == 0)
		r = keep_signals(s);
	if (r == 0)
		r = keep_capabilities(s->params->n_hooks > 0 || s->params->resolvectl);
	if (r == 0)
		r = follow_parent(parent);
	if (r == 0) {
		s->hooks = helper_hooks_new(s->params);
		r = s->hooks ? 0 : -ENOMEM;
	}
	return r;
}

/* --- requests */

/* A killed program leaves its control socket behind, and after the drop it may not remove it in a directory of root's
 * itself.  Its descriptors are closed one after the other: give it a moment. */
static void
remove_socket(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;

	if (strlen(path) >= sizeof(addr.sun_path) || lstat(path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	for (int tries = 0; tries < 10; tries++) {
		const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		const bool dead =
			fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 && errno == ECONNREFUSED;

		if (fd >= 0)
			close(fd);
		if (dead) {
			(void)unlink(path);
			return;
		}
		(void)poll(NULL, 0, 10);
	}
}

static void
remove_scrap(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0)
		(void)unlink(path);
}

static void __attribute__((noreturn)) end(struct server *s, int code)
{
	if (s->hooks)
		helper_hooks_kill(s->hooks);
	if (s->params->socket)
		remove_socket(s->params->socket);
	if (s->params->scrap)
		remove_scrap(s->params->scrap);
	_exit(code);
}

static void __attribute__((noreturn)) end_malformed(struct server *s)
{
	log_error("helper", "malformed request, the helper process ends");
	end(s, 1);
}

/* Doesn't wait: a program that doesn't read its answers is none of ours. */
static void
must_answer(struct server *s, int error, int fd)
{
	int32_t e = error;
	union helper_control control = { 0 };
	struct iovec iov = { &e, sizeof(e) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(fd));
	}
	if (sendmsg(SOCKET_FD, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) != sizeof(e))
		end(s, 1);
}

static void
serve_file(struct server *s, const struct helper_request *req, size_t env_len)
{
	int fd = -1, r;

	if (req->index >= s->params->n_files || env_len != 0)
		end_malformed(s);
	r = s->params->files[req->index] ? helper_file_open(s->params->files[req->index], &fd) : -ENOENT;
	must_answer(s, -r, fd);
	if (fd >= 0)
		close(fd);
}

static void
serve_hook(struct server *s, const struct helper_request *req, size_t env_len)
{
	if (req->index >= s->params->n_hooks || !helper_env_valid(req->env, env_len))
		end_malformed(s);
	must_answer(s, -helper_hooks_add(s->hooks, req->index, req->env, env_len), -1);
}

static int
set_dns(struct server *s, const struct helper_dns *dns)
{
	struct helper_dns_call calls[HELPER_DNS_CALLS];
	const char *path = s->params->resolvectl;
	unsigned n;

	if (!path || access(path, X_OK) != 0)
		return -ENOENT;
	if (helper_hooks_room(s->hooks) < HELPER_DNS_CALLS)
		return -EAGAIN;
	n = helper_dns_calls(dns, s->params->dns_device, calls);
	for (unsigned i = 0; i < n; i++)
		helper_hooks_add_command(s->hooks, path, calls[i].args, calls[i].len);
	return 0;
}

static void
serve_dns(struct server *s, const struct helper_request *req, size_t len)
{
	if (req->index != 0 || len != sizeof(req->dns) || !helper_dns_valid(&req->dns))
		end_malformed(s);
	must_answer(s, -set_dns(s, &req->dns), -1);
}

static void
serve_stop(struct server *s, const struct helper_request *req, size_t env_len)
{
	const unsigned ms = s->params->hook_timeout_ms;

	if (req->index != 0 || env_len != 0)
		end_malformed(s);
	s->stop_ms = now_ms() + (ms ? ms : HELPER_HOOK_TIMEOUT_MS);
}

/* The length of a packet, MSG_TRUNC: its true one.  File descriptors beside it are thrown away by the kernel. */
static size_t
must_receive(struct server *s, struct helper_request *ret)
{
	ssize_t n;

	do
		n = recv(SOCKET_FD, ret, sizeof(*ret), MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		end(s, 0); /* the program has ended */
	if (n < HELPER_REQUEST_HEAD || (size_t)n > sizeof(*ret))
		end_malformed(s);
	return (size_t)n;
}

static void
serve_one(struct server *s)
{
	struct helper_request req;
	const size_t env_len = must_receive(s, &req) - HELPER_REQUEST_HEAD;

	if (req.type == HELPER_READ_FILE)
		serve_file(s, &req, env_len);
	else if (req.type == HELPER_RUN_HOOK)
		serve_hook(s, &req, env_len);
	else if (req.type == HELPER_SET_DNS)
		serve_dns(s, &req, env_len);
	else if (req.type == HELPER_STOP)
		serve_stop(s, &req, env_len);
	else
		end_malformed(s);
}

/* --- loop */

/* Milliseconds for poll() until a hook is late or it is time to end; -1 forever. */
static int
patience(const struct server *s, int64_t now)
{
	const int64_t hook = helper_hooks_deadline_ms(s->hooks);
	int64_t at = hook;

	if (s->stop_ms >= 0 && (at < 0 || s->stop_ms < at))
		at = s->stop_ms;
	if (at < 0)
		return -1;
	return at > now ? (int)(at - now) : 0;
}

static void
turn(struct server *s)
{
	struct pollfd p[] = { { .fd = s->stop_ms < 0 ? SOCKET_FD : -1, .events = POLLIN },
			      { .fd = s->child_fd, .events = POLLIN } };
	struct signalfd_siginfo ignored;
	const int64_t now = now_ms();

	helper_hooks_run(s->hooks, now);
	if (s->stop_ms >= 0 && (now >= s->stop_ms || helper_hooks_deadline_ms(s->hooks) < 0))
		end(s, 0);
	if (poll(p, 2, patience(s, now)) <= 0)
		return;
	if (p[1].revents && read(s->child_fd, &ignored, sizeof(ignored)) < 0 && errno != EAGAIN)
		end(s, 1);
	if (p[0].revents)
		serve_one(s);
}

void
helper_serve(const struct helper_params *params, int fd, pid_t parent)
{
	struct server s = { .params = params, .child_fd = -1, .stop_ms = -1 };
	const int r = set_up(&s, fd, parent);

	must_answer(&s, -r, -1);
	if (r < 0)
		_exit(1);
	for (;;)
		turn(&s);
}
