/* conf_server_parse() and conf_client_parse() on the same text.
 *
 * Input: the file.  What parses is printed, which must parse again and print the same; what does not gives errors, each
 * a line that names the file.
 */
#include "fuzz/fuzz.h"

#include <string.h>

#include "castswitch/conf.h"

#define FILE_NAME "fuzz.conf"

/* How a program's configuration is handled, without its type. */
struct program {
	int (*parse)(const char *text, size_t len, void **ret, struct sbuf *errors);
	void (*print)(const void *model, struct sbuf *out);
	void (*free)(void *model);
};

static int
server_parse(const char *text, size_t len, void **ret, struct sbuf *errors)
{
	struct conf_server *c = NULL;
	const int r = conf_server_parse(FILE_NAME, text, len, &c, errors);

	*ret = c;
	return r;
}

static void
server_print(const void *model, struct sbuf *out)
{
	conf_server_print(model, out);
}

static void
server_free(void *model)
{
	conf_server_free(model);
}

static int
client_parse(const char *text, size_t len, void **ret, struct sbuf *errors)
{
	struct conf_client *c = NULL;
	const int r = conf_client_parse(FILE_NAME, text, len, &c, errors);

	*ret = c;
	return r;
}

static void
client_print(const void *model, struct sbuf *out)
{
	conf_client_print(model, out);
}

static void
client_free(void *model)
{
	conf_client_free(model);
}

static const struct program programs[] = {
	{ server_parse, server_print, server_free },
	{ client_parse, client_print, client_free },
};

/* "fuzz.conf:LINE: ...\n" or "fuzz.conf: ...\n", once or more; fit for a terminal. */
static void
check_errors(const struct sbuf *errors)
{
	const char *line = sbuf_str(errors);

	FUZZ_CHECK(*line != '\0');
	while (*line) {
		const char *end = strchr(line, '\n');

		FUZZ_CHECK(end != NULL && strncmp(line, FILE_NAME ":", strlen(FILE_NAME ":")) == 0);
		for (; line < end; line++)
			FUZZ_CHECK((unsigned char)*line >= ' ' && *line != 0x7f);
		line = end + 1;
	}
}

static void
check_printed(const struct program *p, const void *model)
{
	struct sbuf first, second, errors;
	void *again;

	sbuf_init(&first);
	sbuf_init(&second);
	sbuf_init(&errors);
	p->print(model, &first);
	if (p->parse(sbuf_str(&first), first.len, &again, &errors) != 0) {
		fprintf(stderr, "%s--- printed, gives:\n%s", sbuf_str(&first), sbuf_str(&errors));
		FUZZ_CHECK(!"what was printed does not parse");
	}
	p->print(again, &second);
	if (strcmp(sbuf_str(&first), sbuf_str(&second)) != 0) {
		fprintf(stderr, "%s--- printed again:\n%s", sbuf_str(&first), sbuf_str(&second));
		FUZZ_CHECK(!"printing is not stable");
	}
	p->free(again);
	sbuf_free(&first);
	sbuf_free(&second);
	sbuf_free(&errors);
}

static void
check_program(const struct program *p, const char *text, size_t len)
{
	struct sbuf errors;
	void *model;

	sbuf_init(&errors);
	if (p->parse(text, len, &model, &errors) == 0) {
		FUZZ_CHECK(model != NULL && errors.len == 0);
		check_printed(p, model);
		p->free(model);
	} else {
		FUZZ_CHECK(model == NULL);
		check_errors(&errors);
	}
	sbuf_free(&errors);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		check_program(&programs[i], (const char *)data, size);
	return 0;
}
