/* Peers or NICs of the same name: the first one counts, the others are mistakes. */
#include "conf_scan_titles.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void
conf_scan_blank(struct conf_scan *o, size_t start, size_t end)
{
	for (size_t i = start; i < end; i++)
		if (o->text[i] != '\n')
			o->text[i] = ' ';
}

/* Blocks of the same kind and title, next to each other and in the order of the file. */
static int
by_title(const void *va, const void *vb, void *arg)
{
	const struct conf_scan *o = arg;
	const struct conf_scan_block *a = &o->blocks[*(const size_t *)va], *b = &o->blocks[*(const size_t *)vb];
	int d = a->id < b->id ? -1 : a->id > b->id;

	if (d == 0)
		d = strcmp(a->title, b->title);
	return d ? d : (a->start > b->start) - (a->start < b->start);
}

/* Reports and hides all but the first of the blocks with the same name. */
static void
check_titles(struct conf_scan *o, size_t *index, size_t n, struct conf_errors *errors)
{
	const struct conf_scan_block *first = NULL;

	qsort_r(index, n, sizeof(index[0]), by_title, o);
	for (size_t i = 0; i < n; i++) {
		struct conf_scan_block *b = &o->blocks[index[i]];

		if (!first || first->id != b->id || strcmp(first->title, b->title) != 0) {
			first = b;
			continue;
		}
		conf_errors_add(errors, b->line, "%s: \"%.64s\" given twice (first in line %u)",
				conf_blocks[b->id].name, b->title, first->line);
		b->dropped = true;
		conf_scan_blank(o, b->start, b->end);
	}
}

/* Whether no other block of its kind may have its title. */
static bool
is_unique(const struct conf_scan_block *b)
{
	return b->id != CONF_BLOCKS && !b->dropped && (conf_blocks[b->id].flags & CONF_MULTI) &&
	       !(conf_blocks[b->id].flags & CONF_REPEATS);
}

int
conf_scan_check_titles(struct conf_scan *o, struct conf_errors *errors)
{
	size_t *index = reallocarray(NULL, o->n_blocks, sizeof(*index)), n = 0;

	if (!index)
		return -ENOMEM;
	for (size_t i = 0; i < o->n_blocks; i++)
		if (is_unique(&o->blocks[i]))
			index[n++] = i;
	check_titles(o, index, n, errors);
	free(index);
	return 0;
}
