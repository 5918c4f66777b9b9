/* Where things stand in a scanned configuration. */
#include "conf_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct conf_scan_option *
find_option(const struct conf_scan *o, size_t block, const char *name)
{
	for (size_t i = o->blocks[block].first_option; i < o->n_options; i++) {
		const struct conf_scan_option *opt = &o->options[i];

		if (opt->block == block && strcmp(opt->row->name, name) == 0)
			return opt;
		if (block && opt->block > block)
			break;
	}
	return NULL;
}

bool
conf_scan_has(const struct conf_scan *o, size_t block, const char *option)
{
	return find_option(o, block, option) != NULL;
}

unsigned
conf_scan_line(const struct conf_scan *o, size_t block, const char *option)
{
	const struct conf_scan_option *opt = find_option(o, block, option);

	return opt ? opt->line : o->blocks[block].line;
}

unsigned
conf_scan_value_line(const struct conf_scan *o, size_t block, const char *option, size_t value)
{
	const struct conf_scan_option *opt = find_option(o, block, option);

	return opt && value < opt->values ? o->value_lines[opt->first_value + value] : conf_scan_line(o, block, option);
}

size_t
conf_scan_find(const struct conf_scan *o, enum conf_block_id id)
{
	return o->n_of_kind[id] ? o->of_kind[id][0] : 0;
}

static bool
counts(const struct conf_scan_block *b)
{
	return b->id != CONF_BLOCKS && !b->dropped;
}

int
conf_scan_index(struct conf_scan *o)
{
	for (size_t i = 0; i < o->n_blocks; i++)
		if (counts(&o->blocks[i]))
			o->blocks[i].index = o->n_of_kind[o->blocks[i].id]++;
	for (enum conf_block_id id = CONF_BLOCK_TOP; id < CONF_BLOCKS; id++) {
		o->of_kind[id] = calloc(o->n_of_kind[id] + 1, sizeof(o->of_kind[id][0]));
		if (!o->of_kind[id])
			return -ENOMEM;
	}
	for (size_t i = 0; i < o->n_blocks; i++)
		if (counts(&o->blocks[i]))
			o->of_kind[o->blocks[i].id][o->blocks[i].index] = i;
	return 0;
}
