/* src/io/resolve.c.  The system's resolver is replaced at link time (--wrap), so no name leaves the machine. */
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>

#include <cmocka.h>

#include "castswitch/resolve.h"

#define PATIENCE (10 * NSEC_PER_SEC)

/* --- the resolver --- */

struct answer {
	struct addrinfo ai;
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} addr;
};

static sem_t slow_go, slow_end;   /* "slow.example" waits for the first and posts the second */
static atomic_int lookups, lists; /* calls, and lists given out but not freed */
static atomic_bool signals_were_open;

int __wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **ret);
void __wrap_freeaddrinfo(struct addrinfo *list);

static void
list_push(struct addrinfo ***tail, int family, const char *ip)
{
	struct answer *a = calloc(1, sizeof(*a));

	if (!a)
		abort();
	a->ai.ai_family = family;
	a->ai.ai_addr = &a->addr.sa;
	a->addr.sa.sa_family = (sa_family_t)family;
	if (family == AF_INET)
		inet_pton(family, ip, &a->addr.in.sin_addr);
	else if (family == AF_INET6)
		inet_pton(family, ip, &a->addr.in6.sin6_addr);
	**tail = &a->ai;
	*tail = &a->ai.ai_next;
}

void
__wrap_freeaddrinfo(struct addrinfo *list)
{
	while (list) {
		struct addrinfo *next = list->ai_next;

		free(list); /* ai is the first member of struct answer */
		list = next;
	}
	lists--;
}

static void
answer_many(struct addrinfo ***tail, int n)
{
	char ip[32];

	for (int i = 1; i <= n; i++) {
		snprintf(ip, sizeof(ip), "192.0.2.%d", i);
		list_push(tail, AF_INET, ip);
	}
}

int
__wrap_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
	struct addrinfo *list = NULL, **tail = &list;
	sigset_t blocked;

	(void)service;
	(void)hints;
	lookups++;
	sigemptyset(&blocked);
	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	if (!sigismember(&blocked, SIGTERM))
		signals_were_open = true;
	if (strcmp(host, "two.example") == 0) {
		list_push(&tail, AF_INET6, "2001:db8::7");
		list_push(&tail, AF_UNIX, "");
		list_push(&tail, AF_INET, "192.0.2.7");
		list_push(&tail, AF_INET6, "2001:db8::7");
	} else if (strcmp(host, "sixteen.example") == 0) {
		answer_many(&tail, RESOLVE_MAX);
	} else if (strcmp(host, "seventeen.example") == 0) {
		answer_many(&tail, RESOLVE_MAX + 1);
	} else if (strcmp(host, "unix.example") == 0) {
		list_push(&tail, AF_UNIX, "");
	} else if (strcmp(host, "slow.example") == 0) {
		while (sem_wait(&slow_go) < 0 && errno == EINTR)
			;
		answer_many(&tail, 1);
		sem_post(&slow_end);
	} else if (strcmp(host, "broken.example") == 0) {
		errno = EMFILE;
		return EAI_SYSTEM;
	} else {
		return EAI_NONAME;
	}
	lists++;
	*ret = list;
	return 0;
}

/* --- the asking side --- */

struct fixture {
	struct loop *loop;
	struct mono deadline;
	unsigned calls;
	struct endpoint addrs[RESOLVE_MAX];
	size_t n;
	char error[128];
	struct mono seen;
};

static struct mono
deadline_next(void *arg)
{
	return ((struct fixture *)arg)->deadline;
}

static void
deadline_passed(void *arg, struct mono now)
{
	(void)arg;
	(void)now;
	fail_msg("no answer in time");
}

static int
setup(void **state)
{
	static struct fixture f;

	f = (struct fixture){ .loop = loop_new() };
	assert_non_null(f.loop);
	f.deadline = mono_add(loop_now(f.loop), PATIENCE);
	assert_int_equal(loop_add_engine(f.loop, deadline_next, deadline_passed, &f), 0);
	lookups = 0;
	signals_were_open = false;
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	loop_free(f->loop);
	assert_int_equal(lists, 0);
	return 0;
}

static void
resolved(void *arg, const struct endpoint *addrs, size_t n, const char *error, struct mono now)
{
	struct fixture *f = arg;

	f->calls++;
	memcpy(f->addrs, addrs, n * sizeof(*addrs));
	f->n = n;
	assert_true((n == 0) == (error != NULL));
	snprintf(f->error, sizeof(f->error), "%s", error ? error : "");
	f->seen = now;
	loop_stop(f->loop);
}

static void
ask(struct fixture *f, const char *host)
{
	struct resolve *r = NULL;

	assert_int_equal(resolve_start(f->loop, host, 22424, resolved, f, &r), 0);
	assert_non_null(r);
	assert_int_equal(f->calls, 0); /* never from inside */
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->calls, 1);
	assert_int_equal(f->seen.ns == 0, 0);
}

static void
expect_addr(const struct fixture *f, size_t i, const char *text)
{
	char buf[ENDPOINT_STRLEN];

	assert_true(i < f->n);
	assert_string_equal(endpoint_str(&f->addrs[i], buf), text);
}

static void
a_name_gives_its_addresses_in_order_without_duplicates(void **state)
{
	struct fixture *f = *state;

	ask(f, "two.example");
	assert_int_equal(f->n, 2);
	expect_addr(f, 0, "[2001:db8::7]:22424");
	expect_addr(f, 1, "192.0.2.7:22424");
	assert_int_equal(lookups, 1);
	assert_false(signals_were_open);
}

static void
sixteen_addresses_fit_and_more_are_left_out(void **state)
{
	struct fixture *f = *state;

	ask(f, "sixteen.example");
	assert_int_equal(f->n, RESOLVE_MAX);
	expect_addr(f, RESOLVE_MAX - 1, "192.0.2.16:22424");
	f->calls = 0;
	ask(f, "seventeen.example");
	assert_int_equal(f->n, RESOLVE_MAX);
	expect_addr(f, RESOLVE_MAX - 1, "192.0.2.16:22424");
}

static void
failures_say_why(void **state)
{
	struct fixture *f = *state;

	ask(f, "unknown.example");
	assert_int_equal(f->n, 0);
	assert_string_equal(f->error, gai_strerror(EAI_NONAME));
	f->calls = 0;
	ask(f, "broken.example");
	assert_string_equal(f->error, strerror(EMFILE));
	f->calls = 0;
	ask(f, "unix.example");
	assert_int_equal(f->n, 0);
	assert_string_equal(f->error, "no IPv4 or IPv6 address");
}

static void
an_address_needs_no_lookup(void **state)
{
	struct fixture *f = *state;

	ask(f, "192.0.2.1");
	assert_int_equal(f->n, 1);
	expect_addr(f, 0, "192.0.2.1:22424");
	f->calls = 0;
	ask(f, "2001:db8::1");
	expect_addr(f, 0, "[2001:db8::1]:22424");
	f->calls = 0;
	ask(f, "fe80::1%lo");
	assert_int_equal(f->addrs[0].scope_id, 1);
	f->calls = 0;
	ask(f, "fe80::1%7");
	assert_int_equal(f->addrs[0].scope_id, 7);
	assert_int_equal(lookups, 0);
}

static void
what_is_not_quite_an_address_is_looked_up(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = { "",         "192.0.2",   "192.0.2.1.2", "fe80::1%nosuchif",
					     "fe80::1%", "fe80::1%0", "fe80::1%-7" };
	const int n = (int)(sizeof(names) / sizeof(names[0]));

	for (int i = 0; i < n; i++) {
		f->calls = 0;
		ask(f, names[i]);
		assert_int_equal(f->n, 0);
	}
	assert_int_equal(lookups, n);
}

static void
a_host_of_255_bytes_is_looked_up_and_one_of_256_refused(void **state)
{
	struct fixture *f = *state;
	struct resolve *r = NULL;
	char host[257];

	memset(host, 'a', sizeof(host));
	host[256] = '\0';
	assert_int_equal(resolve_start(f->loop, host, 1, resolved, f, &r), -ENAMETOOLONG);
	assert_null(r);
	host[255] = '\0';
	ask(f, host);
	assert_int_equal(lookups, 1);
}

static void
a_slow_lookup_does_not_hold_others_up(void **state)
{
	struct fixture *f = *state;
	struct resolve *slow = NULL;

	assert_int_equal(resolve_start(f->loop, "slow.example", 1, resolved, f, &slow), 0);
	ask(f, "two.example");
	assert_int_equal(f->n, 2);
	f->calls = 0;
	sem_post(&slow_go);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->calls, 1);
	expect_addr(f, 0, "192.0.2.1:1");
	assert_int_equal(sem_wait(&slow_end), 0);
}

static void
wait_for_lists_to_be_freed(struct fixture *f)
{
	while (lists)
		assert_true(mono_before(loop_now(f->loop), f->deadline));
}

static void
a_cancelled_lookup_is_never_answered(void **state)
{
	struct fixture *f = *state;
	struct resolve *running = NULL, *finished = NULL;

	assert_int_equal(resolve_start(f->loop, "slow.example", 1, resolved, f, &running), 0);
	assert_int_equal(resolve_start(f->loop, "192.0.2.1", 1, resolved, f, &finished), 0);
	resolve_cancel(running); /* returns though the lookup hangs */
	resolve_cancel(finished);
	resolve_cancel(NULL);
	sem_post(&slow_go);
	assert_int_equal(sem_wait(&slow_end), 0);
	ask(f, "two.example");
	assert_int_equal(f->calls, 1);
	assert_int_equal(f->n, 2);
	wait_for_lists_to_be_freed(f);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_name_gives_its_addresses_in_order_without_duplicates),
		T(sixteen_addresses_fit_and_more_are_left_out),
		T(failures_say_why),
		T(an_address_needs_no_lookup),
		T(what_is_not_quite_an_address_is_looked_up),
		T(a_host_of_255_bytes_is_looked_up_and_one_of_256_refused),
		T(a_slow_lookup_does_not_hold_others_up),
		T(a_cancelled_lookup_is_never_answered),
	};
#undef T

	sem_init(&slow_go, 0, 0);
	sem_init(&slow_end, 0, 0);
	return cmocka_run_group_tests_name("resolve", tests, NULL, NULL);
}
