/* Configurations from text that must be good, and back. */
#ifndef TESTS_UNIT_CONF_TEXT_H
#define TESTS_UNIT_CONF_TEXT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "castswitch/conf.h"
#include "conf_value.h"

/* Reads text that must be good. */
static inline struct conf_server *
server(const char *text)
{
	struct conf_server *c = NULL;
	struct sbuf b;

	sbuf_init(&b);
	int err = conf_server_parse("x.conf", text, strlen(text), &c, &b);
	if (err)
		print_error("%s", sbuf_str(&b));
	assert_int_equal(err, 0);
	assert_int_equal(b.len, 0);
	sbuf_free(&b);
	return c;
}

static inline struct conf_client *
client(const char *text)
{
	struct conf_client *c = NULL;
	struct sbuf b;

	sbuf_init(&b);
	int err = conf_client_parse("x.conf", text, strlen(text), &c, &b);
	if (err)
		print_error("%s", sbuf_str(&b));
	assert_int_equal(err, 0);
	sbuf_free(&b);
	return c;
}

static inline void
assert_prefix(const struct ipprefix *p, const char *expected)
{
	struct sbuf b;

	sbuf_init(&b);
	conf_print_prefix(p, &b);
	assert_string_equal(sbuf_str(&b), expected);
	sbuf_free(&b);
}

static inline char *
print_server(const struct conf_server *c)
{
	struct sbuf b;

	sbuf_init(&b);
	conf_server_print(c, &b);
	assert_false(sbuf_failed(&b));
	return sbuf_steal(&b);
}

static inline char *
print_client(const struct conf_client *c)
{
	struct sbuf b;

	sbuf_init(&b);
	conf_client_print(c, &b);
	return sbuf_steal(&b);
}

/* parse(print(c)) prints the same; returns the print. */
static inline char *
server_round_trip(const char *text)
{
	struct conf_server *c = server(text);
	char *first = print_server(c);

	conf_server_free(c);
	c = server(first);
	char *second = print_server(c);
	conf_server_free(c);
	assert_string_equal(first, second);
	free(second);
	return first;
}

static inline char *
client_round_trip(const char *text)
{
	struct conf_client *c = client(text);
	char *first = print_client(c);

	conf_client_free(c);
	c = client(first);
	char *second = print_client(c);
	conf_client_free(c);
	assert_string_equal(first, second);
	free(second);
	return first;
}

static inline void
assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		print_error("--- not in:\n%s--- is:\n%s\n", text, part);
	assert_non_null(strstr(text, part));
}

#endif
