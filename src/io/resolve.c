/* Name resolution that does not block the loop (resolve.h).
 *
 * A job is shared by the loop's side (struct resolve) and its thread; the last of the two frees it.  The thread writes
 * the result, then 'done', then the eventfd that wakes the loop.
 */
#include "castswitch/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <net/if.h>
#include <sys/eventfd.h>

#include "sockaddr.h"

enum { HOST_MAX = 255, ERROR_MAX = 128 };

struct job {
	atomic_uint refs;
	int eventfd;
	uint16_t port;
	char host[HOST_MAX + 1];
	atomic_bool finished; /* what follows is the result, and the thread is through with it */
	struct endpoint addrs[RESOLVE_MAX];
	size_t n;
	char error[ERROR_MAX];
};

struct resolve {
	struct job *job;
	struct loop_fd *h;
	resolve_fn *done;
	void *arg;
};

static void
job_unref(struct job *job)
{
	if (atomic_fetch_sub(&job->refs, 1) != 1)
		return;
	if (job->eventfd >= 0)
		close(job->eventfd);
	free(job);
}

/* The job has its result: wakes the loop. */
static void
job_finish(struct job *job)
{
	const uint64_t one = 1;
	ssize_t n;

	atomic_store(&job->finished, true);
	do
		n = write(job->eventfd, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
}

/* --- in the thread --- */

static void
job_add(struct job *job, const struct sockaddr *sa)
{
	struct endpoint e;

	if (job->n == RESOLVE_MAX || !sockaddr_to_endpoint(sa, &e))
		return;
	e.port = job->port;
	for (size_t i = 0; i < job->n; i++)
		if (endpoint_equal(&job->addrs[i], &e))
			return;
	job->addrs[job->n++] = e;
}

static void *
job_run(void *arg)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };
	struct job *job = arg;
	struct addrinfo *list = NULL;
	const int err = getaddrinfo(job->host, NULL, &hints, &list);

	if (err == EAI_SYSTEM)
		snprintf(job->error, sizeof(job->error), "%s", strerror(errno));
	else if (err)
		snprintf(job->error, sizeof(job->error), "%s", gai_strerror(err));
	else
		for (const struct addrinfo *ai = list; ai; ai = ai->ai_next)
			job_add(job, ai->ai_addr);
	if (list)
		freeaddrinfo(list);
	if (!err && job->n == 0)
		snprintf(job->error, sizeof(job->error), "no IPv4 or IPv6 address");
	job_finish(job);
	job_unref(job);
	return NULL;
}

/* Starts the thread with all signals blocked: they are the loop's. */
static int
thread_start(struct job *job)
{
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	err = pthread_attr_init(&attr);
	if (err)
		return -err;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	atomic_fetch_add(&job->refs, 1);
	err = pthread_create(&thread, &attr, job_run, job);
	if (err)
		atomic_fetch_sub(&job->refs, 1);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return -err;
}

/* --- in the loop --- */

/* An interface by its name or index. */
static bool
parse_scope(const char *s, uint32_t *ret)
{
	const unsigned ifindex = if_nametoindex(s);
	char *end = NULL;
	unsigned long n;

	if (ifindex) {
		*ret = ifindex;
		return true;
	}
	n = strtoul(s, &end, 10);
	if (*s < '0' || *s > '9' || *end || n == 0 || n > INT32_MAX)
		return false;
	*ret = (uint32_t)n;
	return true;
}

/* "192.0.2.1", "2001:db8::1", "fe80::1%eth0", "fe80::1%2".  False when it is a name. */
static bool
parse_literal(const char *host, uint16_t port, struct endpoint *ret)
{
	const size_t len = strcspn(host, "%");
	struct endpoint e = { .port = port };
	char addr[IPADDR_STRLEN];

	if (len >= sizeof(addr))
		return false;
	memcpy(addr, host, len);
	addr[len] = '\0';
	if (!ipaddr_parse(addr, &e.ip) || (host[len] && !parse_scope(host + len + 1, &e.scope_id)))
		return false;
	*ret = e;
	return true;
}

static void
resolve_free(struct resolve *r)
{
	loop_fd_del(r->h);
	job_unref(r->job);
	free(r);
}

static void
job_ready(void *arg, int fd, unsigned events, struct mono now)
{
	struct resolve *r = arg;
	struct job *job = r->job;
	resolve_fn *done = r->done;
	void *done_arg = r->arg;
	uint64_t n;

	(void)events;
	if (read(fd, &n, sizeof(n)) != (ssize_t)sizeof(n) || !atomic_load(&job->finished))
		return;
	atomic_fetch_add(&job->refs, 1);
	resolve_free(r);
	done(done_arg, job->addrs, job->n, job->n ? NULL : job->error, now);
	job_unref(job);
}

static struct job *
job_new(const char *host, uint16_t port)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	atomic_init(&job->refs, 1);
	job->port = port;
	memcpy(job->host, host, strlen(host));
	job->eventfd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (job->eventfd < 0) {
		free(job);
		return NULL;
	}
	return job;
}

int
resolve_start(struct loop *loop, const char *host, uint16_t port, resolve_fn *done, void *arg, struct resolve **ret)
{
	struct resolve *r;
	int err;

	if (strlen(host) > HOST_MAX)
		return -ENAMETOOLONG;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	*r = (struct resolve){ .job = job_new(host, port), .done = done, .arg = arg };
	if (!r->job) {
		free(r);
		return -ENOMEM;
	}
	err = loop_add_fd(loop, r->job->eventfd, LOOP_READ, job_ready, r, &r->h);
	if (!err && parse_literal(host, port, &r->job->addrs[0])) {
		r->job->n = 1;
		job_finish(r->job);
	} else if (!err) {
		err = thread_start(r->job);
	}
	if (err) {
		resolve_free(r);
		return err;
	}
	*ret = r;
	return 0;
}

void
resolve_cancel(struct resolve *r)
{
	if (r)
		resolve_free(r);
}
