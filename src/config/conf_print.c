/* The model as a normalised file: what --check shows. */
#include "castswitch/conf.h"

#include "conf_schema.h"
#include "conf_title.h"
#include "conf_value.h"

/* What "auto" stands for, as a comment; only snooping has such options. */
static void
print_computed(const struct conf_row *row, const struct conf_snooping *s, struct sbuf *out)
{
	struct conf_snooping computed = *s;
	const struct conf_place at = { { &computed, NULL, NULL } };

	conf_snooping_resolve(&computed);
	sbuf_puts(out, " # ");
	conf_value_print(row, conf_field(&at, row), out);
}

static bool
is_hidden(const struct conf_row *row, const void *field)
{
	const char *value;

	if (!(row->flags & CONF_SECRET))
		return false;
	value = *(char *const *)field;
	return row->type == CONF_KEY ? conf_is_key(value) : conf_is_pem(value);
}

static void
print_option(const struct conf_row *row, const struct conf_place *at, const char *indent, struct sbuf *out)
{
	const void *field = conf_field(at, row);

	if (!conf_value_present(row, field))
		return;
	sbuf_printf(out, "%s%s = ", indent, row->name);
	if (is_hidden(row, field))
		sbuf_puts(out, "\"(inline)\"");
	else
		conf_value_print(row, field, out);
	if (conf_value_is_auto(row, field))
		print_computed(row, at->base[CONF_BASE_SELF], out);
	sbuf_addc(out, '\n');
}

static void
print_options(const struct conf_place *at, unsigned program, enum conf_block_id id, const char *indent,
	      struct sbuf *out)
{
	for (size_t i = 0; i < conf_rows_n; i++)
		if (conf_row_applies(&conf_rows[i], id, program))
			print_option(&conf_rows[i], at, indent, out);
}

static void
print_block(const struct conf_place *at, unsigned program, enum conf_block_id id, struct sbuf *out)
{
	const struct conf_block *b = &conf_blocks[id];

	if ((b->flags & CONF_OPTIONAL) && !*(const bool *)at->base[CONF_BASE_SELF])
		return;
	sbuf_printf(out, "%s ", b->name);
	if (b->flags & CONF_TITLED) {
		conf_title_print(at, id, out);
		sbuf_addc(out, ' ');
	}
	sbuf_puts(out, "{\n");
	print_options(at, program, id, "\t", out);
	sbuf_puts(out, "}\n");
}

/* The blocks in the order of the schema; the model is only read. */
static void
print_model(void *model, unsigned program, const struct conf_server *server, struct sbuf *out)
{
	for (enum conf_block_id id = CONF_BLOCK_TOP; id < CONF_BLOCKS; id++) {
		if (!(conf_blocks[id].programs & program))
			continue;
		const size_t n = conf_blocks[id].flags & CONF_MULTI ? conf_place_count(server, id) : 1;
		for (size_t i = 0; i < n; i++) {
			const struct conf_place at = conf_place_of(model, program, id, i);

			if (id == CONF_BLOCK_TOP)
				print_options(&at, program, id, "", out);
			else
				print_block(&at, program, id, out);
		}
	}
}

void
conf_server_print(const struct conf_server *c, struct sbuf *out)
{
	struct conf_server copy = *c;

	print_model(&copy, CONF_SERVER, c, out);
}

void
conf_client_print(const struct conf_client *c, struct sbuf *out)
{
	struct conf_client copy = *c;

	print_model(&copy, CONF_CLIENT, NULL, out);
}
