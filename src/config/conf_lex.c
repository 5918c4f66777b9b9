/* The lexer of the configuration scanner. */
#include "conf_lex.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "castswitch/conf.h"

void
conf_lex_init(struct conf_lex *l, char *text, size_t len, struct conf_errors *errors)
{
	*l = (struct conf_lex){ .text = text, .len = len, .line = 1, .errors = errors, .option = "syntax" };
}

/* The byte 'ahead' of the place, or -1 behind the end. */
static int
peek(const struct conf_lex *l, size_t ahead)
{
	return l->len - l->pos > ahead ? (unsigned char)l->text[l->pos + ahead] : -1;
}

/* Steps over one byte and counts lines. */
static void
step(struct conf_lex *l)
{
	if (l->text[l->pos++] == '\n')
		l->line++;
}

/* Steps over one byte of a comment. */
static void
blank(struct conf_lex *l)
{
	if (l->text[l->pos] != '\n')
		l->text[l->pos] = ' ';
	step(l);
}

static void
skip_line_comment(struct conf_lex *l)
{
	while (l->pos < l->len && peek(l, 0) != '\n')
		blank(l);
}

static bool
skip_block_comment(struct conf_lex *l)
{
	unsigned line = l->line;

	blank(l);
	blank(l);
	while (l->pos < l->len && !(peek(l, 0) == '*' && peek(l, 1) == '/'))
		blank(l);
	if (l->pos == l->len) {
		conf_errors_add(l->errors, line, "%s: the comment that begins here has no end", l->option);
		return false;
	}
	blank(l);
	blank(l);
	return true;
}

/* Steps to the next token's first byte; false after a comment without an end. */
static bool
skip_space(struct conf_lex *l)
{
	for (;;) {
		int c = peek(l, 0);

		if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
			step(l);
		else if (c == '#' || (c == '/' && peek(l, 1) == '/'))
			skip_line_comment(l);
		else if (c == '/' && peek(l, 1) == '*') {
			if (!skip_block_comment(l))
				return false;
		} else
			return true;
	}
}

static void
refuse_dollar(struct conf_lex *l)
{
	conf_errors_add(l->errors, l->line, "%s: '$' in text (allowed: text without it, nothing is expanded)",
			l->option);
	l->text[l->pos] = '_';
}

/* A backslash in double quotes; libconfuse knows more escapes, which nobody needs here and some of which are traps. */
static void
check_escape(struct conf_lex *l)
{
	int c = peek(l, 1);

	if (c < 0 || (c && strchr("\"\\nt\n", c)))
		return;
	if (isprint(c))
		conf_errors_add(l->errors, l->line, "%s: unknown escape \\%c in text (allowed: \\\" \\\\ \\n \\t)",
				l->option, c);
	else
		conf_errors_add(l->errors, l->line, "%s: unknown escape in text (allowed: \\\" \\\\ \\n \\t)",
				l->option);
	l->text[l->pos] = '_';
}

/* Control characters are a sign of a file that is not text. */
static bool
is_text(int c)
{
	return c >= 0x20 ? c != 0x7f : c == '\t' || c == '\n' || c == '\r';
}

static enum conf_token_kind
not_text(struct conf_lex *l, int c)
{
	conf_errors_add(l->errors, l->line, "%s: byte 0x%02x (allowed: text)", l->option, (unsigned)c);
	return CONF_TOKEN_BAD;
}

/* libconfuse's time grows with the square of a text's length. */
static enum conf_token_kind
too_long(struct conf_lex *l, unsigned line)
{
	conf_errors_add(l->errors, line, "%s: text too long (allowed: %d bytes)", l->option, CONF_TEXT_MAX);
	return CONF_TOKEN_BAD;
}

static enum conf_token_kind
quoted(struct conf_lex *l)
{
	const int quote = peek(l, 0);
	const unsigned line = l->line;
	const size_t start = l->pos + 1;

	for (step(l); l->pos < l->len; step(l)) {
		int c = peek(l, 0);

		if (c == quote) {
			step(l);
			return CONF_TOKEN_QUOTED;
		}
		if (l->pos - start >= CONF_TEXT_MAX)
			return too_long(l, line);
		if (!is_text(c))
			return not_text(l, c);
		if (c == '$')
			refuse_dollar(l);
		if (c == '\\') {
			if (quote == '"')
				check_escape(l);
			/* An escaped quote does not end the text; what else follows is looked at like the rest. */
			if (peek(l, 0) == '\\' && (peek(l, 1) == '\\' || peek(l, 1) == quote))
				step(l);
		}
	}
	conf_errors_add(l->errors, line, "%s: the text that begins here has no closing %c", l->option, quote);
	return CONF_TOKEN_BAD;
}

static bool
ends_word(int c)
{
	return c < 0 || !is_text(c) || strchr(" \t\r\n#\"'{}=,()+*", c);
}

static enum conf_token_kind
word(struct conf_lex *l)
{
	const size_t start = l->pos;

	for (; !ends_word(peek(l, 0)); step(l)) {
		int c = peek(l, 0), next = peek(l, 1);

		if (l->pos - start >= CONF_TEXT_MAX)
			return too_long(l, l->line);
		if (c == '$')
			refuse_dollar(l);
		/* Versions of libconfuse differ in whether a comment begins here. */
		if ((c == '/' && (next == '/' || next == '*')) || c == '\\') {
			conf_errors_add(l->errors, l->line, "%s: '%.*s' outside of quotes", l->option, c == '/' ? 2 : 1,
					&l->text[l->pos]);
			return CONF_TOKEN_BAD;
		}
	}
	return CONF_TOKEN_WORD;
}

static enum conf_token_kind
read_token(struct conf_lex *l)
{
	int c = peek(l, 0);

	switch (c) {
	case -1:
		return CONF_TOKEN_END;
	case '{':
		step(l);
		return CONF_TOKEN_OPEN;
	case '}':
		step(l);
		return CONF_TOKEN_CLOSE;
	case '=':
		step(l);
		return CONF_TOKEN_EQUALS;
	case ',':
		step(l);
		return CONF_TOKEN_COMMA;
	case '"':
	case '\'':
		return quoted(l);
	case '(':
	case ')':
	case '+':
	case '*':
		conf_errors_add(l->errors, l->line, "%s: unexpected '%c'", l->option, c);
		return CONF_TOKEN_BAD;
	default:
		return is_text(c) ? word(l) : not_text(l, c);
	}
}

struct conf_token
conf_lex_next(struct conf_lex *l)
{
	struct conf_token t = { .kind = CONF_TOKEN_BAD };

	if (!skip_space(l))
		return t;
	t.line = l->line;
	t.start = l->pos;
	t.kind = read_token(l);
	t.end = l->pos;
	return t;
}
