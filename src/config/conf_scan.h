/* Scanner of libconfuse syntax: where everything stands, and what libconfuse would let pass.
 *
 * Private to src/config.  libconfuse reads the values; this runs before it, because libconfuse forgets the file's name
 * inside blocks and silently takes options given twice, lists without braces and ${VARIABLE}.  Titles are read here
 * alone.  It knows the grammar (blocks are not nested):
 *
 *   file   = { option | block }
 *   block  = NAME [ TITLE ] "{" { option } "}"
 *   option = NAME "=" ( TEXT | "{" [ TEXT { "," TEXT } [ "," ] ] "}" )
 *
 * and comments (#, //, slash-star).  Names are checked against the schema.  Every mistake is reported; one of the
 * grammar itself ends the scan.  What is wrong otherwise is blanked out in a copy of the text, as comments are, so that
 * libconfuse can read the rest, on the same lines.
 */
#ifndef CONF_SCAN_H
#define CONF_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "conf_errors.h"
#include "conf_schema.h"

/* One block of the file; the first stands for the file itself (CONF_BLOCK_TOP). */
struct conf_scan_block {
	enum conf_block_id id;
	unsigned line;
	size_t start, end;   /* in the text */
	char *title;         /* as written, without quotes; NULL = none */
	size_t first_option; /* its options are from here on; only the file's own are not in one piece */
	size_t index;        /* among those of its kind that are not dropped */
	bool dropped;        /* a mistake; blanked out */
};

/* One option of the file that is known and not given before. */
struct conf_scan_option {
	const struct conf_row *row;
	size_t block;               /* index of its block */
	unsigned line;
	size_t first_value, values; /* the lines of its values: in value_lines[] */
};

struct conf_scan {
	char *text; /* NUL-terminated copy, for libconfuse */
	size_t len;
	struct conf_scan_block *blocks;
	size_t n_blocks, cap_blocks;
	size_t *of_kind[CONF_BLOCKS]; /* the blocks of a kind that are not dropped: in blocks[] */
	size_t n_of_kind[CONF_BLOCKS];
	struct conf_scan_option *options;
	size_t n_options, cap_options;
	unsigned *value_lines;
	size_t n_values, cap_values;
};

/* Scans text[0..len) as a file of 'program'.  0 also when there were mistakes (in 'errors'); -EINVAL when the scan
 * could not go to the end because of one, -ENOMEM.  conf_scan_fini() in any case. */
int conf_scan(struct conf_scan *s, unsigned program, const char *text, size_t len, struct conf_errors *errors);
void conf_scan_fini(struct conf_scan *s);

/* Whether the option is given in the block. */
bool conf_scan_has(const struct conf_scan *s, size_t block, const char *option);
/* The line to blame for an option of a block: the option's, or else its block's. */
unsigned conf_scan_line(const struct conf_scan *s, size_t block, const char *option);
/* The line of one of its values. */
unsigned conf_scan_value_line(const struct conf_scan *s, size_t block, const char *option, size_t value);
/* The first block of a kind; 0 (the file itself) when there is none. */
size_t conf_scan_find(const struct conf_scan *s, enum conf_block_id id);
/* Fills in of_kind[] and the blocks' index (conf_scan() does); -ENOMEM. */
int conf_scan_index(struct conf_scan *s);

#endif
