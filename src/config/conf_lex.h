/* Tokens of libconfuse syntax, in a narrower form that every version of libconfuse reads the same way.
 *
 * Private to src/config.  Works in the caller's copy of the text: comments become spaces while it goes on, and so do
 * the few characters in text that libconfuse would interpret and we refuse ('$', unknown escapes), after a mistake was
 * reported.  So what is left means the same to libconfuse as it does here.
 */
#ifndef CONF_LEX_H
#define CONF_LEX_H

#include <stddef.h>

#include "conf_errors.h"

enum conf_token_kind {
	CONF_TOKEN_END,    /* of the file */
	CONF_TOKEN_WORD,   /* text without quotes */
	CONF_TOKEN_QUOTED, /* text in quotes, of either kind */
	CONF_TOKEN_OPEN,
	CONF_TOKEN_CLOSE,
	CONF_TOKEN_EQUALS,
	CONF_TOKEN_COMMA,
	CONF_TOKEN_BAD, /* nothing sensible can follow; already reported */
};

struct conf_token {
	enum conf_token_kind kind;
	unsigned line;
	size_t start, end; /* in the text, with the quotes */
};

struct conf_lex {
	char *text;
	size_t len, pos;
	unsigned line;
	struct conf_errors *errors;
	const char *option; /* what a mistake in the next token is about */
};

void conf_lex_init(struct conf_lex *l, char *text, size_t len, struct conf_errors *errors);
struct conf_token conf_lex_next(struct conf_lex *l);

#endif
