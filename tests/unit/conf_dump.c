/* Shows the options there are, or the mistakes in a file: for tests/test_man.py, which compares the manual with it.
 *
 *	conf_dump                   a line for each option, fields separated by tabs:
 *	                            program block option type default min max unit flags words
 *	conf_dump server|client     reads a configuration from standard input, writes its mistakes, exits with 0 or 1
 *
 * A field without a value is "-".  Flags: auto, bare, networks.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "castswitch/conf.h"
#include "conf_schema.h"
#include "conf_value.h"

static const char *const types[] = {
	[CONF_BOOL] = "bool",     [CONF_UINT] = "uint",         [CONF_DURATION] = "duration",
	[CONF_WORD] = "word",     [CONF_STRING] = "string",     [CONF_NAME] = "string",
	[CONF_PEM] = "pem",       [CONF_PIN] = "pin",           [CONF_ADDR] = "addr",
	[CONF_PORT] = "port",     [CONF_ADDRS] = "addrs",       [CONF_PREFIXES] = "prefixes",
	[CONF_GROUPS] = "groups", [CONF_REMOTES] = "remotes",   [CONF_PINS] = "pins",
	[CONF_PORTS] = "ports",   [CONF_RESERVED] = "reserved", [CONF_DOMAINS] = "domains",
	[CONF_KEY] = "key",
};

static void
print_number(const struct conf_row *row, uint64_t v)
{
	struct sbuf b;

	sbuf_init(&b);
	if (row->type == CONF_DURATION)
		conf_print_duration(v, &b);
	else
		sbuf_printf(&b, "%llu", (unsigned long long)v);
	printf("\t%s", sbuf_str(&b));
	sbuf_free(&b);
}

static void
print_row(const char *program, enum conf_block_id block, const struct conf_row *row)
{
	const char *name = conf_blocks[block].name;

	printf("%s\t%s\t%s\t%s\t%s", program, *name ? name : "-", row->name, types[row->type],
	       row->def && *row->def ? row->def : "-");
	print_number(row, row->min);
	print_number(row, row->max);
	printf("\t%s\t%s\t", row->unit ? row->unit : "-",
	       row->flags & CONF_ZERO_IS_AUTO   ? "auto"
	       : row->flags & CONF_BARE_ADDRESS ? "bare"
	       : row->flags & CONF_NETWORKS     ? "networks"
						: "-");
	for (size_t i = 0; row->words && row->words[i]; i++)
		printf("%s%s", i ? " " : "", row->words[i]);
	printf("%s\n", row->words ? "" : "-");
}

static void
print_options(const char *program, unsigned bit)
{
	for (enum conf_block_id block = CONF_BLOCK_TOP; block < CONF_BLOCKS; block++)
		for (size_t i = 0; i < conf_rows_n; i++)
			if (conf_row_applies(&conf_rows[i], block, bit))
				print_row(program, block, &conf_rows[i]);
}

static int
check(bool is_server)
{
	static char text[CONF_FILE_MAX];
	struct conf_server *server = NULL;
	struct conf_client *client = NULL;
	struct sbuf errors;
	size_t len = fread(text, 1, sizeof(text), stdin);

	sbuf_init(&errors);
	int err = is_server ? conf_server_parse("stdin", text, len, &server, &errors)
			    : conf_client_parse("stdin", text, len, &client, &errors);
	fputs(sbuf_str(&errors), stdout);
	sbuf_free(&errors);
	conf_server_free(server);
	conf_client_free(client);
	return err ? 1 : 0;
}

int
main(int argc, char **argv)
{
	if (argc > 1)
		return check(strcmp(argv[1], "server") == 0);
	print_options("server", CONF_SERVER);
	print_options("client", CONF_CLIENT);
	return 0;
}
