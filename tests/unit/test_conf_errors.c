/* Every mistake of conf_errors.golden gets exactly its messages.
 *
 * A case of that file:
 *
 *	=== server: what it shows         (or client:)
 *	the file's text, read as "x.conf"
 *	---
 *	x.conf:1: the messages
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "castswitch/conf.h"

enum { CASES_MIN = 100 };

static char *
read_golden(void)
{
	const char *top = getenv("top_srcdir");
	char path[4096];

	snprintf(path, sizeof(path), "%s/tests/unit/conf_errors.golden", top ? top : ".");
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	char *text = calloc(1, 256 * 1024);
	assert_non_null(text);
	size_t n = fread(text, 1, 256 * 1024 - 1, f);
	assert_true(n > 0 && feof(f));
	fclose(f);
	return text;
}

/* The messages for a text; "" when there was no mistake. */
static char *
messages(bool server, const char *text, size_t len)
{
	struct conf_server *s = NULL;
	struct conf_client *c = NULL;
	struct sbuf b;
	int err;

	sbuf_init(&b);
	err = server ? conf_server_parse("x.conf", text, len, &s, &b) : conf_client_parse("x.conf", text, len, &c, &b);
	assert_int_equal(err, b.len ? -EINVAL : 0);
	assert_true(err == 0 || (!s && !c));
	conf_server_free(s);
	conf_client_free(c);
	sbuf_addc(&b, '\0');
	char *copy = strdup(sbuf_str(&b));
	sbuf_free(&b);
	return copy;
}

/* Cuts the text at the next line that begins with the mark; the rest, or NULL. */
static char *
cut(char *text, const char *mark)
{
	char *at = text;

	if (strncmp(text, mark, strlen(mark)) != 0) {
		char line[16];

		snprintf(line, sizeof(line), "\n%s", mark);
		at = strstr(text, line);
		if (!at)
			return NULL;
		at++;
	}
	*at = '\0';
	return at + strlen(mark);
}

/* One case; 'text' begins behind "=== ". */
static bool
run_case(char *text)
{
	char *title = text, *body = strchr(text, '\n') + 1;
	char *expected = cut(body, "---\n");

	assert_non_null(expected);
	body[-1] = '\0';
	const bool server = strncmp(title, "server: ", 8) == 0;
	assert_true(server || strncmp(title, "client: ", 8) == 0);
	char *got = messages(server, body, strlen(body));
	const bool same = strcmp(got, expected) == 0;
	if (!same)
		print_error("=== %s\n--- expected\n%s--- got\n%s", title, expected, got);
	free(got);
	return same;
}

static void
test_golden(void **state)
{
	char *text = read_golden(), *next = cut(text, "=== ");
	unsigned cases = 0, bad = 0;

	(void)state;
	while (next) {
		char *this = next;

		next = cut(this, "=== ");
		bad += !run_case(this);
		cases++;
	}
	free(text);
	assert_int_equal(bad, 0);
	assert_true(cases >= CASES_MIN);
}

static void
test_bytes_that_are_not_text(void **state)
{
	static const char nul[] = "log {\n level = \"a\0b\" }";
	char *got;

	(void)state;
	got = messages(true, nul, sizeof(nul) - 1);
	assert_string_equal(got, "x.conf:2: level: byte 0x00 (allowed: text)\n");
	free(got);
	got = messages(true,
		       "\x7f"
		       "ELF",
		       4);
	assert_string_equal(got, "x.conf:1: syntax: byte 0x7f (allowed: text)\n");
	free(got);
}

/* All mistakes in one file are told, in the order of the file, whatever step finds them. */
static void
test_many(void **state)
{
	struct sbuf b;
	char *got;
	unsigned lines = 0;

	(void)state;
	sbuf_init(&b);
	for (unsigned i = 0; i < 60; i++)
		sbuf_printf(&b, "peer \"p%u\" {\n%s = %s }\n", i, i % 2 ? "max-macs" : "nonsense",
			    i % 2 ? "many" : "1");
	got = messages(true, sbuf_str(&b), b.len);
	for (const char *p = got; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 51);
	assert_non_null(strstr(got, "x.conf:2: nonsense: unknown option (allowed: "));
	assert_non_null(strstr(got, "x.conf:4: max-macs: 'many' is not a number (allowed: 0 to 1048576)\n"));
	assert_true(strstr(got, "x.conf:2:") < strstr(got, "x.conf:4:"));
	assert_non_null(strstr(got, "x.conf: 10 more mistakes\n"));
	free(got);
	sbuf_free(&b);
}

/* A text cut anywhere is refused or taken, but never harms (run with sanitizers). */
static void
test_every_prefix(void **state)
{
	static const char text[] = "# c\ntap \"cast0\" { address = {\"10.8.0.1/24\",} } /* x */ // y\n"
				   "switch { mtu = 1400 }\nidentity { key = 'a\\'b' ca = \"\\\"x\\\\\" }\n"
				   "peer 'a' { address = {10.8.0.2} }\n";

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		free(messages(i % 2, text, i));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_bytes_that_are_not_text),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_every_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
