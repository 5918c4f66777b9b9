/* The configuration scanner: grammar, names, duplicates, and the lines of everything. */
#include "conf_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "castswitch/conf.h"
#include "conf_lex.h"
#include "conf_scan_titles.h"

/* What is needed only while scanning. */
struct scanner {
	struct conf_scan *out;
	struct conf_lex lex;
	struct conf_errors *errors;
	unsigned program;
	unsigned block_line[CONF_BLOCKS];  /* first of its kind; 0 = none yet */
	unsigned top_line[CONF_ROWS_MAX];  /* of each option outside of blocks */
	unsigned here_line[CONF_ROWS_MAX]; /* of each option in the block being read */
	unsigned count[CONF_BLOCKS];       /* of each CONF_MULTI kind */
	int err;
};

static void *
grow(void *v, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return v;
	size_t more = *cap ? *cap * 2 : 32;
	void *p = reallocarray(v, more, size);
	if (p)
		*cap = more;
	return p;
}

static struct conf_scan_block *
add_block(struct scanner *s)
{
	struct conf_scan *o = s->out;
	void *p = grow(o->blocks, o->n_blocks, &o->cap_blocks, sizeof(o->blocks[0]));

	if (!p) {
		s->err = -ENOMEM;
		return NULL;
	}
	o->blocks = p;
	o->blocks[o->n_blocks] = (struct conf_scan_block){ .first_option = o->n_options };
	return &o->blocks[o->n_blocks++];
}

static struct conf_scan_option *
add_option(struct scanner *s)
{
	struct conf_scan *o = s->out;
	void *p = grow(o->options, o->n_options, &o->cap_options, sizeof(o->options[0]));

	if (!p) {
		s->err = -ENOMEM;
		return NULL;
	}
	o->options = p;
	return &o->options[o->n_options++];
}

static bool
add_value(struct scanner *s, unsigned line)
{
	struct conf_scan *o = s->out;
	void *p = grow(o->value_lines, o->n_values, &o->cap_values, sizeof(o->value_lines[0]));

	if (!p) {
		s->err = -ENOMEM;
		return false;
	}
	o->value_lines = p;
	o->value_lines[o->n_values++] = line;
	return true;
}

/* "a, b, c": what may stand in a block. */
static void
allowed_names(unsigned program, enum conf_block_id block, struct sbuf *b)
{
	for (size_t i = 0; i < conf_rows_n; i++)
		if (conf_row_applies(&conf_rows[i], block, program))
			sbuf_printf(b, "%s%s", b->len ? ", " : "", conf_rows[i].name);
	if (block != CONF_BLOCK_TOP)
		return;
	for (enum conf_block_id id = CONF_BLOCK_TOP + 1; id < CONF_BLOCKS; id++)
		if (conf_blocks[id].programs & program)
			sbuf_printf(b, "%s%s", b->len ? ", " : "", conf_blocks[id].name);
}

/* Names in messages are cut, they may be as long as the file. */
static int
shown(const struct conf_token *t)
{
	return t->end - t->start > 64 ? 64 : (int)(t->end - t->start);
}

static const char *
text_of(const struct scanner *s, const struct conf_token *t)
{
	return &s->out->text[t->start];
}

/* What a mistake of the grammar is about. */
static const char *
block_name(enum conf_block_id id)
{
	return id == CONF_BLOCK_TOP || id == CONF_BLOCKS ? "syntax" : conf_blocks[id].name;
}

static void
unknown_name(struct scanner *s, const struct conf_token *t, enum conf_block_id block, const char *what)
{
	struct sbuf names;

	sbuf_init(&names);
	allowed_names(s->program, block, &names);
	conf_errors_add(s->errors, t->line, "%.*s: unknown %s (allowed: %s)", shown(t), text_of(s, t), what,
			sbuf_str(&names));
	sbuf_free(&names);
}

/* An unknown option.  Of one in an unknown block nothing can be said.  False when it is a block's name: what follows
 * cannot be read as a value. */
static bool
unknown_option(struct scanner *s, const struct conf_token *t, enum conf_block_id block)
{
	if (block == CONF_BLOCK_TOP && conf_block_find(s->program, text_of(s, t), t->end - t->start) != CONF_BLOCKS) {
		conf_errors_add(s->errors, t->line, "%.*s: a block, not an option (allowed: %.*s { ... })", shown(t),
				text_of(s, t), shown(t), text_of(s, t));
		s->err = -EINVAL;
		return false;
	}
	if (block != CONF_BLOCKS)
		unknown_name(s, t, block, "option");
	return true;
}

/* A mistake of the grammar: the end of the scan. */
static bool
unexpected(struct scanner *s, const struct conf_token *t, const char *allowed)
{
	s->err = -EINVAL;
	if (t->kind == CONF_TOKEN_BAD)
		return false;
	if (t->kind == CONF_TOKEN_END)
		conf_errors_add(s->errors, t->line, "%s: unexpected end of the file (allowed: %s)", s->lex.option,
				allowed);
	else
		conf_errors_add(s->errors, t->line, "%s: unexpected '%.*s' (allowed: %s)", s->lex.option, shown(t),
				text_of(s, t), allowed);
	return false;
}

static bool
is_value(const struct conf_token *t)
{
	return t->kind == CONF_TOKEN_WORD || t->kind == CONF_TOKEN_QUOTED;
}

/* The values of a list behind its opening brace.  A comma may follow the last one. */
static bool
read_list(struct scanner *s)
{
	for (;;) {
		struct conf_token t = conf_lex_next(&s->lex);

		if (t.kind == CONF_TOKEN_CLOSE)
			return true;
		if (!is_value(&t))
			return unexpected(s, &t, "a value, '}'");
		if (!add_value(s, t.line))
			return false;
		t = conf_lex_next(&s->lex);
		if (t.kind == CONF_TOKEN_CLOSE)
			return true;
		if (t.kind != CONF_TOKEN_COMMA)
			return unexpected(s, &t, "',', '}'");
	}
}

/* What stands behind '='. */
static bool
read_value(struct scanner *s, bool *ret_braces)
{
	struct conf_token t = conf_lex_next(&s->lex);

	*ret_braces = t.kind == CONF_TOKEN_OPEN;
	if (*ret_braces)
		return read_list(s);
	if (!is_value(&t))
		return unexpected(s, &t, "a value");
	return add_value(s, t.line);
}

/* False, and a message, when a known option's value has the wrong form. */
static bool
check_form(struct scanner *s, const struct conf_row *row, unsigned line, bool braces, size_t values)
{
	if (!conf_type_is_list(row->type)) {
		if (braces)
			conf_errors_add(s->errors, line, "%s: a list (allowed: one value, without braces)", row->name);
		return !braces;
	}
	if (!braces) {
		conf_errors_add(s->errors, line, "%s: a list without braces (allowed: %s = {VALUE, ...})", row->name,
				row->name);
		return false;
	}
	if (values >= row->min && values <= row->max)
		return true;
	conf_errors_add(s->errors, line, "%s: %zu values (allowed: %u to %u)", row->name, values, (unsigned)row->min,
			(unsigned)row->max);
	return false;
}

/* False, and a message, when the option stands in this block already. */
static bool
check_first(struct scanner *s, const struct conf_row *row, size_t block, unsigned line)
{
	unsigned *seen = &(block ? s->here_line : s->top_line)[row - conf_rows];

	if (*seen) {
		conf_errors_add(s->errors, line, "%s: given twice (first in line %u)", row->name, *seen);
		return false;
	}
	*seen = line;
	return true;
}

/* An option, from behind its '='. */
static bool
read_option(struct scanner *s, const struct conf_token *name, size_t block)
{
	struct conf_scan *o = s->out;
	const enum conf_block_id id = o->blocks[block].id;
	const struct conf_row *row = conf_row_find(id, s->program, text_of(s, name), name->end - name->start);
	const size_t first = o->n_values;
	bool braces;

	if (!row && !unknown_option(s, name, id))
		return false;
	const unsigned before = s->errors->total;
	s->lex.option = row ? row->name : block_name(id);
	if (!read_value(s, &braces))
		return false;
	s->lex.option = block_name(id);
	if (!row || s->errors->total != before || !check_form(s, row, name->line, braces, o->n_values - first) ||
	    !check_first(s, row, block, name->line)) {
		conf_scan_blank(o, name->start, s->lex.pos);
		o->n_values = first;
		return true;
	}
	struct conf_scan_option *opt = add_option(s);
	if (!opt)
		return false;
	*opt = (struct conf_scan_option){ row, block, name->line, first, o->n_values - first };
	return true;
}

/* An option without '=': often the block before was never closed. */
static bool
no_equals(struct scanner *s, const struct conf_token *name, const struct conf_token *t, unsigned block_line)
{
	if (t->kind == CONF_TOKEN_END)
		return unexpected(s, t, "'='");
	if (t->kind != CONF_TOKEN_BAD)
		conf_errors_add(s->errors, name->line, "%.*s: '=' is missing, or '}' of the block in line %u",
				shown(name), text_of(s, name), block_line);
	s->err = -EINVAL;
	return false;
}

/* What stands between a block's braces. */
static bool
read_block_body(struct scanner *s, size_t block)
{
	const struct conf_scan_block b = s->out->blocks[block];

	memset(s->here_line, 0, sizeof(s->here_line));
	for (;;) {
		struct conf_token name = conf_lex_next(&s->lex);

		if (name.kind == CONF_TOKEN_CLOSE)
			return true;
		if (name.kind == CONF_TOKEN_END) {
			conf_errors_add(s->errors, b.line,
					"%s: the block has no end (allowed: '}' before the end of the file)",
					s->lex.option);
			s->err = -EINVAL;
			return false;
		}
		if (name.kind != CONF_TOKEN_WORD)
			return unexpected(s, &name, "an option, '}'");
		struct conf_token t = conf_lex_next(&s->lex);
		if (t.kind != CONF_TOKEN_EQUALS)
			return no_equals(s, &name, &t, b.line);
		if (!read_option(s, &name, block))
			return false;
	}
}

/* False, and a message, when a block of this kind may not stand here like this. */
static bool
check_block(struct scanner *s, const struct conf_token *name, enum conf_block_id id, bool titled)
{
	if (id == CONF_BLOCKS) {
		unknown_name(s, name, CONF_BLOCK_TOP, "block");
		return false;
	}
	const struct conf_block *b = &conf_blocks[id];
	if (titled != !!(b->flags & CONF_TITLED)) {
		conf_errors_add(s->errors, name->line, "%s: %s (allowed: %s %s{ ... })", b->name,
				titled ? "takes no name" : "a name is missing", b->name, titled ? "" : "\"NAME\" ");
		return false;
	}
	if (s->block_line[id] && !(b->flags & CONF_MULTI)) {
		conf_errors_add(s->errors, name->line, "%s: given twice (first in line %u)", b->name,
				s->block_line[id]);
		return false;
	}
	s->block_line[id] = name->line;
	return true;
}

/* True, and a message, when there are more of a kind than allowed: the end of the scan. */
static bool
too_many(struct scanner *s, const struct conf_token *name, enum conf_block_id id)
{
	if (id == CONF_BLOCKS || !(conf_blocks[id].flags & CONF_MULTI) || ++s->count[id] <= conf_blocks[id].max)
		return false;
	conf_errors_add(s->errors, name->line, "%s: too many (allowed: %u)", conf_blocks[id].name, conf_blocks[id].max);
	s->err = -EINVAL;
	return true;
}

/* libconfuse merges or refuses blocks of the same title, so it sees none. */
static bool
take_title(struct scanner *s, struct conf_scan_block *b, const struct conf_token *title)
{
	const size_t quote = title->kind == CONF_TOKEN_QUOTED;

	b->title = strndup(&s->out->text[title->start + quote], title->end - title->start - 2 * quote);
	if (!b->title)
		s->err = -ENOMEM;
	conf_scan_blank(s->out, title->start, title->end);
	return b->title != NULL;
}

/* A block, from behind its '{'; 'title' is NULL or a text token. */
static bool
read_block(struct scanner *s, const struct conf_token *name, const struct conf_token *title)
{
	const enum conf_block_id id = conf_block_find(s->program, text_of(s, name), name->end - name->start);
	const bool good = check_block(s, name, id, title != NULL);
	const size_t index = s->out->n_blocks;
	struct conf_scan_block *b = add_block(s);

	if (!b)
		return false;
	b->id = id;
	b->line = name->line;
	b->start = name->start;
	b->dropped = !good;
	if (too_many(s, name, id) || (title && !take_title(s, b, title)))
		return false;
	s->lex.option = block_name(id);
	if (!read_block_body(s, index))
		return false;
	s->lex.option = "syntax";
	b = &s->out->blocks[index];
	b->end = s->lex.pos;
	if (b->dropped)
		conf_scan_blank(s->out, b->start, b->end);
	return true;
}

/* An option or a block outside of blocks; its name was read. */
static bool
read_item(struct scanner *s, const struct conf_token *name)
{
	struct conf_token t = conf_lex_next(&s->lex);

	if (t.kind == CONF_TOKEN_OPEN)
		return read_block(s, name, NULL);
	if (t.kind == CONF_TOKEN_EQUALS)
		return read_option(s, name, 0);
	if (!is_value(&t))
		return unexpected(s, &t, "'=', '{'");
	struct conf_token brace = conf_lex_next(&s->lex);
	if (brace.kind != CONF_TOKEN_OPEN)
		return unexpected(s, &brace, "'{'");
	return read_block(s, name, &t);
}

static bool
read_file(struct scanner *s)
{
	struct conf_scan_block *file = add_block(s);

	if (!file)
		return false;
	file->line = 1;
	for (;;) {
		struct conf_token name = conf_lex_next(&s->lex);

		if (name.kind == CONF_TOKEN_END)
			return true;
		if (name.kind != CONF_TOKEN_WORD)
			return unexpected(s, &name, "an option or a block");
		if (!read_item(s, &name))
			return false;
	}
}

static int
scan(struct conf_scan *o, unsigned program, struct conf_errors *errors)
{
	struct scanner *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->out = o;
	s->errors = errors;
	s->program = program;
	conf_lex_init(&s->lex, o->text, o->len, errors);
	err = read_file(s) ? conf_scan_check_titles(o, errors) : s->err;
	if (err == 0)
		err = conf_scan_index(o);
	free(s);
	return err;
}

int
conf_scan(struct conf_scan *o, unsigned program, const char *text, size_t len, struct conf_errors *errors)
{
	*o = (struct conf_scan){ .len = len };
	o->text = malloc(len + 1);
	if (!o->text)
		return -ENOMEM;
	if (len)
		memcpy(o->text, text, len);
	o->text[len] = '\0';
	return scan(o, program, errors);
}

void
conf_scan_fini(struct conf_scan *o)
{
	for (size_t i = 0; i < o->n_blocks; i++)
		free(o->blocks[i].title);
	for (enum conf_block_id id = CONF_BLOCK_TOP; id < CONF_BLOCKS; id++)
		free(o->of_kind[id]);
	free(o->text);
	free(o->blocks);
	free(o->options);
	free(o->value_lines);
	*o = (struct conf_scan){ 0 };
}
