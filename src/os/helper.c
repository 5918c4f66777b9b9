/* The program's side of the helper (helper.h): start, calls, end.
 *
 * may_*(): the other side may be gone, which is an answer like others.  The helper's own must_*(), where the end of the
 * other side is the end of this one, are in helper_serve.c.
 */
#include "castswitch/helper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "castswitch/log.h"
#include "helper_impl.h"

enum {
	ANSWER_TIMEOUT_S = 5,
	STOP_GRACE_MS = 2000, /* for the helper itself, besides its hooks */
};

/* After anything unexpected an answer could belong to another question: there are no more questions, sending fails from
 * now on.  The helper sees the end of the socket; we keep our half to see its end. */
static int
lose(struct helper *h, int r)
{
	shutdown(h->fd, SHUT_WR);
	return r;
}

static int
may_send(struct helper *h, const struct helper_request *req, size_t len)
{
	ssize_t n;

	do
		n = send(h->fd, req, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return 0;
	return lose(h, errno == EAGAIN ? -ETIMEDOUT : -EPIPE);
}

/* The file descriptor beside a message, or -1. */
static int
received_fd(struct msghdr *msg)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	int fd;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(fd)))
		return -1;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

/* Waits for the answer; a file descriptor must be there exactly when one is expected and there was no error. */
static int
may_receive(struct helper *h, int *ret_fd)
{
	int32_t error = 0;
	union helper_control control;
	struct iovec iov = { &error, sizeof(error) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	ssize_t n;
	int fd;

	do
		n = recvmsg(h->fd, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return lose(h, errno == EAGAIN ? -ETIMEDOUT : -EPIPE);
	fd = received_fd(&msg);
	if (n != sizeof(error) || msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC) || error < 0 ||
	    (fd >= 0) != (ret_fd && error == 0)) {
		if (fd >= 0)
			close(fd);
		return lose(h, -EPIPE);
	}
	if (ret_fd && error == 0)
		*ret_fd = fd;
	return -error;
}

static int
may_ask(struct helper *h, const struct helper_request *req, size_t len, int *ret_fd)
{
	const int r = may_send(h, req, len);

	return r ? r : may_receive(h, ret_fd);
}

static bool
params_ok(const struct helper_params *params, char *err, size_t errlen)
{
	for (size_t i = 0; i < params->n_hooks; i++)
		if (params->hooks[i] && params->hooks[i][0] != '/') {
			snprintf(err, errlen, "hook %s: not an absolute path", params->hooks[i]);
			return false;
		}
	if (params->resolvectl && (params->resolvectl[0] != '/' || !params->dns_device)) {
		snprintf(err, errlen, "%s: not an absolute path, or for no interface", params->resolvectl);
		return false;
	}
	return true;
}

static void
free_helper(struct helper *h)
{
	if (!h)
		return;
	for (size_t i = 0; h->files && i < h->n_files; i++)
		free(h->files[i]);
	free(h->files);
	free(h);
}

/* NULL when out of memory. */
static struct helper *
new_helper(const struct helper_params *params)
{
	const unsigned hook_ms = params->hook_timeout_ms ? params->hook_timeout_ms : HELPER_HOOK_TIMEOUT_MS;
	struct helper *h = calloc(1, sizeof(*h));
	bool good;

	if (!h)
		return NULL;
	h->n_files = params->n_files;
	h->n_hooks = params->n_hooks;
	h->stop_ms = hook_ms + STOP_GRACE_MS;
	h->files = calloc(params->n_files + 1, sizeof(*h->files)); /* none is no reason for NULL */
	good = h->files != NULL;
	for (size_t i = 0; good && i < params->n_files; i++) {
		h->files[i] = params->files[i] ? strdup(params->files[i]) : NULL;
		good = h->files[i] || !params->files[i];
	}
	if (good)
		return h;
	free_helper(h);
	return NULL;
}

static struct helper *
start_failed(struct helper *h, const char *what, int errnum, char *err, size_t errlen)
{
	snprintf(err, errlen, "can't start the helper process: %s: %s", what, strerror(errnum));
	free_helper(h);
	return NULL;
}

/* Forks; the child doesn't come back. */
static int
fork_helper(struct helper *h, const struct helper_params *params)
{
	const struct timeval timeout = { .tv_sec = ANSWER_TIMEOUT_S };
	const pid_t parent = getpid();
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(fds[0], SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	h->pid = fork();
	if (h->pid == 0) {
		close(fds[0]);
		helper_serve(params, fds[1], parent);
	}
	close(fds[1]);
	h->fd = fds[0];
	if (h->pid < 0) {
		const int r = -errno;

		close(fds[0]);
		return r;
	}
	return 0;
}

struct helper *
helper_start(const struct helper_params *params, char *err, size_t errlen)
{
	struct helper *h;
	int r;

	if (!params_ok(params, err, errlen))
		return NULL;
	h = new_helper(params);
	if (!h)
		return start_failed(NULL, "memory", ENOMEM, err, errlen);
	r = fork_helper(h, params);
	if (r < 0)
		return start_failed(h, "fork", -r, err, errlen);
	r = may_receive(h, NULL);
	if (r < 0) {
		helper_stop(h);
		return start_failed(NULL, "setting it up", -r, err, errlen);
	}
	return h;
}

/* What the helper doesn't open for us we may be able to open ourselves. */
static int
open_unsafe(const char *path, int *ret_fd)
{
	const int r = helper_file_open_plain(path, ret_fd);

	if (r == -EACCES)
		log_warning("helper",
			    "%s: not opened as root, because not only root (and the file's owner) can change the "
			    "directories on the way to it",
			    path);
	return r;
}

int
helper_open_file(struct helper *h, unsigned index, int *ret_fd)
{
	const struct helper_request req = { .type = HELPER_READ_FILE, .index = index };
	int r;

	if (index >= h->n_files)
		return -EINVAL;
	r = may_ask(h, &req, HELPER_REQUEST_HEAD, ret_fd);
	return r == -HELPER_UNSAFE ? open_unsafe(h->files[index], ret_fd) : r;
}

int
helper_run_hook(struct helper *h, unsigned index, const char *const env[])
{
	struct helper_request req = { .type = HELPER_RUN_HOOK, .index = index };
	size_t env_len;
	int r;

	if (index >= h->n_hooks)
		return -EINVAL;
	r = helper_env_pack(env, req.env, &env_len);
	return r ? r : may_ask(h, &req, HELPER_REQUEST_HEAD + env_len, NULL);
}

int
helper_set_dns(struct helper *h, const struct helper_dns *dns)
{
	const struct helper_request req = { .type = HELPER_SET_DNS, .dns = *dns };

	if (!helper_dns_valid(dns))
		return -EINVAL;
	return may_ask(h, &req, HELPER_REQUEST_HEAD + sizeof(req.dns), NULL);
}

/* The helper's half of the socket goes when the process does.  Its hooks don't have it. */
static bool
may_wait_for_end(const struct helper *h)
{
	struct pollfd p = { .fd = h->fd }; /* POLLHUP needs no asking for */
	int r;

	do
		r = poll(&p, 1, (int)h->stop_ms);
	while (r < 0 && errno == EINTR);
	return r > 0;
}

void
helper_stop(struct helper *h)
{
	const struct helper_request req = { .type = HELPER_STOP };
	bool ended;

	if (!h)
		return;
	may_send(h, &req, HELPER_REQUEST_HEAD);
	ended = may_wait_for_end(h);
	if (!ended)
		kill(h->pid, SIGKILL); /* in vain after privilege_drop(); init will reap it */
	while (waitpid(h->pid, NULL, ended ? 0 : WNOHANG) < 0 && errno == EINTR)
		;
	close(h->fd);
	free_helper(h);
}
