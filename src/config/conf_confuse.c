/* libconfuse behind the schema: its option tables are built from ours, every value is text. */
#include "conf_confuse.h"

#include <errno.h>
#include <stdlib.h>

#include <confuse.h>

#include "conf_schema.h"

struct conf_confuse {
	cfg_t *cfg;
	cfg_opt_t *opts[CONF_BLOCKS]; /* libconfuse keeps pointers into them */
	cfg_t **sections;             /* by the scan's block; NULL for dropped ones */
};

static size_t
count_rows(enum conf_block_id block, unsigned program)
{
	size_t n = 0;

	for (size_t i = 0; i < conf_rows_n; i++)
		n += conf_row_applies(&conf_rows[i], block, program);
	return n;
}

/* The options of a block, with room for 'extra' more before the end mark. */
static cfg_opt_t *
make_options(enum conf_block_id block, unsigned program, size_t extra, size_t *ret_n)
{
	const cfg_opt_t end = CFG_END();
	size_t n = 0, cap = count_rows(block, program) + extra + 1;
	cfg_opt_t *v = calloc(cap, sizeof(*v));

	for (size_t i = 0; v && i < conf_rows_n; i++) {
		const struct conf_row *row = &conf_rows[i];
		/* NODEFAULT: what the file does not say must not look as if it did. */
		const cfg_opt_t one = CFG_STR(row->name, NULL, CFGF_NODEFAULT);
		const cfg_opt_t list = CFG_STR_LIST(row->name, NULL, CFGF_NODEFAULT);

		if (conf_row_applies(row, block, program))
			v[n++] = conf_type_is_list(row->type) ? list : one;
	}
	if (v)
		v[n] = end;
	*ret_n = n;
	return v;
}

static bool
make_tables(struct conf_confuse *c, unsigned program)
{
	const cfg_opt_t end = CFG_END();
	size_t n, unused;

	c->opts[CONF_BLOCK_TOP] = make_options(CONF_BLOCK_TOP, program, CONF_BLOCKS, &n);
	if (!c->opts[CONF_BLOCK_TOP])
		return false;
	for (enum conf_block_id id = CONF_BLOCK_TOP + 1; id < CONF_BLOCKS; id++) {
		const struct conf_block *b = &conf_blocks[id];

		if (!(b->programs & program))
			continue;
		c->opts[id] = make_options(id, program, 0, &unused);
		if (!c->opts[id])
			return false;
		const cfg_flag_t flags = CFGF_NODEFAULT | (b->flags & CONF_MULTI ? CFGF_MULTI : 0);
		const cfg_opt_t section = CFG_SEC(b->name, c->opts[id], flags);
		c->opts[CONF_BLOCK_TOP][n++] = section;
	}
	c->opts[CONF_BLOCK_TOP][n] = end;
	return true;
}

/* Messages are ours. */
static void __attribute__((format(printf, 2, 0))) no_message(cfg_t *cfg, const char *fmt, va_list ap)
{
	(void)cfg;
	(void)fmt;
	(void)ap;
}

/* The section of each block: both sides count blocks of a kind in the order of the file. */
static bool
find_sections(struct conf_confuse *c, const struct conf_scan *s)
{
	c->sections = calloc(s->n_blocks, sizeof(c->sections[0]));
	if (!c->sections)
		return false;
	for (size_t i = 0; i < s->n_blocks; i++) {
		const enum conf_block_id id = s->blocks[i].id;

		if (id == CONF_BLOCK_TOP)
			c->sections[i] = c->cfg;
		else if (!s->blocks[i].dropped)
			c->sections[i] = cfg_getnsec(c->cfg, conf_blocks[id].name, (unsigned)s->blocks[i].index);
	}
	return true;
}

static int
read_text(struct conf_confuse *c, unsigned program, const struct conf_scan *s, unsigned *ret_line)
{
	if (!make_tables(c, program))
		return -ENOMEM;
	c->cfg = cfg_init(c->opts[CONF_BLOCK_TOP], CFGF_NONE);
	if (!c->cfg)
		return -ENOMEM;
	cfg_set_error_function(c->cfg, no_message);
	if (cfg_parse_buf(c->cfg, s->text) != CFG_SUCCESS) {
		*ret_line = c->cfg->line > 0 ? (unsigned)c->cfg->line : 1;
		return -EINVAL;
	}
	return find_sections(c, s) ? 0 : -ENOMEM;
}

int
conf_confuse_new(unsigned program, const struct conf_scan *s, struct conf_confuse **ret, unsigned *ret_line)
{
	struct conf_confuse *c = calloc(1, sizeof(*c));
	int err = c ? read_text(c, program, s, ret_line) : -ENOMEM;

	if (err) {
		conf_confuse_free(c);
		return err;
	}
	*ret = c;
	return 0;
}

void
conf_confuse_free(struct conf_confuse *c)
{
	if (!c)
		return;
	if (c->cfg)
		cfg_free(c->cfg);
	for (size_t i = 0; i < CONF_BLOCKS; i++)
		free(c->opts[i]);
	free(c->sections);
	free(c);
}

const char *
conf_confuse_value(const struct conf_confuse *c, const struct conf_scan_option *opt, size_t i)
{
	cfg_t *section = c->sections[opt->block];
	cfg_opt_t *o = section ? cfg_getopt(section, opt->row->name) : NULL;

	return o && i < cfg_opt_size(o) ? cfg_opt_getnstr(o, (unsigned)i) : NULL;
}
