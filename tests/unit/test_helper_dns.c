/* src/os/helper_dns.c: what a stand-in of resolvectl is called with, in which order, and what is refused. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/helper_fix.h"

static char resolvectl[128];

/* One that appends its arguments, each in brackets, to the file "calls". */
static int
setup(void **state)
{
	static const char text[] =
		"#!/bin/sh\n{ for a in \"$@\"; do printf '[%s]' \"$a\"; done; echo; } >>${0%/*}/calls\n";

	if (fix_setup(state) != 0)
		return -1;
	snprintf(resolvectl, sizeof(resolvectl), "%s", fix_path("resolvectl"));
	const int fd = open(resolvectl, O_WRONLY | O_CREAT, 0700);
	if (fd < 0 || write(fd, text, sizeof(text) - 1) != (ssize_t)sizeof(text) - 1 || fchmod(fd, 0700) < 0)
		return -1;
	close(fd);
	fix_params.resolvectl = resolvectl;
	fix_params.dns_device = "cast0";
	return 0;
}

static void
add(struct helper_dns *dns, const char *addr)
{
	uint8_t *to = dns->addrs[dns->n++];

	memset(to, 0, 16);
	if (strchr(addr, ':')) {
		assert_int_equal(inet_pton(AF_INET6, addr, to), 1);
		return;
	}
	to[10] = to[11] = 0xff;
	assert_int_equal(inet_pton(AF_INET, addr, to + 12), 1);
}

static struct helper_dns
servers(const char *one, const char *two, const char *domains)
{
	struct helper_dns dns = { .n = 0 };

	add(&dns, one);
	if (two)
		add(&dns, two);
	strcpy(dns.domains, domains);
	return dns;
}

static void
servers_and_domains_are_set_changed_and_taken_back(void **state)
{
	const struct helper_dns none = { .n = 0 };
	struct helper_dns dns = servers("10.8.0.1", "fd08::1", "corp.example.org ~lan ~.");

	(void)state;
	fix_start();
	assert_int_equal(helper_set_dns(fix_helper, &dns), 0);
	dns = servers("2001:db8::53", NULL, "");
	assert_int_equal(helper_set_dns(fix_helper, &dns), 0);
	assert_int_equal(helper_set_dns(fix_helper, &none), 0);
	fix_stop();
	assert_string_equal(fix_read(fix_path("calls")), "[dns][cast0][10.8.0.1][fd08::1]\n"
							 "[domain][cast0][corp.example.org][~lan][~.]\n"
							 "[dns][cast0][2001:db8::53]\n"
							 "[domain][cast0][]\n"
							 "[revert][cast0]\n");
	assert_string_equal(fix_log(), "");
}

/* As many of everything as there may be. */
static void
the_most_there_can_be(void **state)
{
	struct helper_dns dns = { .n = 0 };
	char expect[4096];
	size_t at;

	(void)state;
	for (unsigned i = 0; i < HELPER_DNS_MAX; i++)
		add(&dns, "1111:2222:3333:4444:5555:6666:7777:8888");
	for (size_t i = 0; i < HELPER_DOMAINS_MAX; i++)
		dns.domains[i] = i % 2 ? ' ' : 'x';
	fix_start();
	assert_int_equal(helper_set_dns(fix_helper, &dns), 0);
	fix_stop();
	at = (size_t)sprintf(expect, "[dns][cast0]");
	for (unsigned i = 0; i < HELPER_DNS_MAX; i++)
		at += (size_t)sprintf(expect + at, "[1111:2222:3333:4444:5555:6666:7777:8888]");
	at += (size_t)sprintf(expect + at, "\n[domain][cast0]");
	for (size_t i = 0; i < (HELPER_DOMAINS_MAX + 1) / 2; i++)
		at += (size_t)sprintf(expect + at, "[x]");
	sprintf(expect + at, "\n");
	assert_string_equal(fix_read(fix_path("calls")), expect);
}

static void
what_is_no_name_is_refused_before_it_is_sent(void **state)
{
	static const char *const wrong[] = { " ",    "a ",  " a", "a  b",  "-a",    "a -b",     "a;b", "a\nb",
					     "a\tb", "a/b", "$a", "a b\"", "a\x7f", "\xc3\xa4", "%",   "a,b" };
	struct helper_dns dns;

	(void)state;
	fix_start();
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		dns = servers("10.8.0.1", NULL, wrong[i]);
		assert_int_equal(helper_set_dns(fix_helper, &dns), -EINVAL);
	}
	dns = servers("10.8.0.1", NULL, "");
	memset(dns.domains, 'x', sizeof(dns.domains));
	assert_int_equal(helper_set_dns(fix_helper, &dns), -EINVAL);
	dns = servers("10.8.0.1", NULL, "");
	dns.n = HELPER_DNS_MAX + 1;
	assert_int_equal(helper_set_dns(fix_helper, &dns), -EINVAL);
	dns = (struct helper_dns){ .domains = "without.servers" };
	assert_int_equal(helper_set_dns(fix_helper, &dns), -EINVAL);
	fix_stop();
	assert_int_equal(access(fix_path("calls"), F_OK), -1);
	assert_string_equal(fix_log(), "");
}

static void
without_a_program_nothing_is_set(void **state)
{
	const struct helper_dns dns = servers("10.8.0.1", NULL, "");

	(void)state;
	assert_int_equal(unlink(resolvectl), 0);
	fix_start();
	assert_int_equal(helper_set_dns(fix_helper, &dns), -ENOENT);
	fix_stop();
	fix_params.resolvectl = NULL;
	fix_start();
	assert_int_equal(helper_set_dns(fix_helper, &dns), -ENOENT);
	assert_string_equal(fix_log(), "");
}

/* Both calls, or none. */
static void
there_may_be_no_room(void **state)
{
	const struct helper_dns dns = servers("10.8.0.1", NULL, "");

	(void)state;
	fix_start();
	for (int i = 0; i < 1 + 15; i++)
		assert_int_equal(helper_run_hook(fix_helper, HOOK_WAIT, NULL), 0);
	assert_int_equal(helper_set_dns(fix_helper, &dns), -EAGAIN);
	shutdown(fix_helper->fd, SHUT_WR); /* as if the program had ended: nobody waits for them */
	fix_stop();
	fix_reap_orphans(0);
}

static void
a_relative_path_or_no_interface_is_refused(void **state)
{
	char err[256] = "";

	(void)state;
	fix_params.resolvectl = "resolvectl";
	assert_null(helper_start(&fix_params, err, sizeof(err)));
	assert_string_equal(err, "resolvectl: not an absolute path, or for no interface");
	fix_params.resolvectl = resolvectl;
	fix_params.dns_device = NULL;
	assert_null(helper_start(&fix_params, err, sizeof(err)));
}

/* As with hooks. */
static void
failures_are_lines_in_the_log(void **state)
{
	const struct helper_dns none = { .n = 0 };
	char expect[256];

	(void)state;
	fix_params.resolvectl = fix_hooks[HOOK_FAIL];
	fix_start();
	assert_int_equal(helper_set_dns(fix_helper, &none), 0);
	fix_stop();
	snprintf(expect, sizeof(expect), "%s: exit status 3\n", fix_hooks[HOOK_FAIL]);
	assert_string_equal(fix_log(), expect);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, fix_teardown)
	const struct CMUnitTest tests[] = {
		T(servers_and_domains_are_set_changed_and_taken_back),
		T(the_most_there_can_be),
		T(what_is_no_name_is_refused_before_it_is_sent),
		T(without_a_program_nothing_is_set),
		T(there_may_be_no_room),
		T(a_relative_path_or_no_interface_is_refused),
		T(failures_are_lines_in_the_log),
	};
#undef T

	return cmocka_run_group_tests_name("helper_dns", tests, NULL, NULL);
}
