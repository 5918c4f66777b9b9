/* Peers of the same name: the first one counts, the others are mistakes. */
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
	const size_t shorter = a->title_len < b->title_len ? a->title_len : b->title_len;
	int d = memcmp(&o->text[a->title], &o->text[b->title], shorter);

	if (d == 0)
		d = (a->title_len > b->title_len) - (a->title_len < b->title_len);
	return d ? d : (a->start > b->start) - (a->start < b->start);
}

static bool
same_title(const struct conf_scan *o, const struct conf_scan_block *a, const struct conf_scan_block *b)
{
	return a->title_len == b->title_len && memcmp(&o->text[a->title], &o->text[b->title], a->title_len) == 0;
}

/* Reports and hides all but the first of the peers with the same name. */
static void
check_titles(struct conf_scan *o, size_t *index, size_t n, struct conf_errors *errors)
{
	size_t first = 0;

	qsort_r(index, n, sizeof(index[0]), by_title, o);
	for (size_t i = 1; i < n; i++) {
		struct conf_scan_block *a = &o->blocks[index[first]], *b = &o->blocks[index[i]];

		if (!same_title(o, a, b)) {
			first = i;
			continue;
		}
		conf_errors_add(errors, b->line, "%s: \"%.*s\" given twice (first in line %u)", conf_blocks[b->id].name,
				b->title_len > 64 ? 64 : (int)b->title_len, &o->text[b->title], a->line);
		b->dropped = true;
	}
	/* Only now: the titles are compared in the text. */
	for (size_t i = 0; i < n; i++)
		if (o->blocks[index[i]].dropped)
			conf_scan_blank(o, o->blocks[index[i]].start, o->blocks[index[i]].end);
}

int
conf_scan_check_titles(struct conf_scan *o, struct conf_errors *errors)
{
	size_t *index = reallocarray(NULL, o->n_blocks, sizeof(*index)), n = 0;

	if (!index)
		return -ENOMEM;
	for (size_t i = 0; i < o->n_blocks; i++)
		if (o->blocks[i].id == CONF_BLOCK_PEER && !o->blocks[i].dropped)
			index[n++] = i;
	check_titles(o, index, n, errors);
	free(index);
	return 0;
}
