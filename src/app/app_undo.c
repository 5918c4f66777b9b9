/* What a client has changed of this host, as text. */
#include "app_undo.h"

#include <stdio.h>
#include <string.h>

static const char first_line[] = "castswitch undo 1\n";

/* --- writing --- */

size_t
app_undo_print(const struct app_undo *u, char buf[APP_UNDO_TEXT_MAX])
{
	char dst[IPADDR_STRLEN], gateway[IPADDR_STRLEN], source[IPADDR_STRLEN];
	_Static_assert(sizeof(first_line) + APP_UNDO_WAYS * (3 * IPADDR_STRLEN + 64) + 16 <= APP_UNDO_TEXT_MAX,
		       "APP_UNDO_TEXT_MAX");
	char *to = stpcpy(buf, first_line);
	for (unsigned i = 0; i < u->n; i++) {
		const struct link_way *way = &u->ways[i].way;
		to += sprintf(to, "way %s dev %u via %s src %s onlink %d\n", ipaddr_str(&u->ways[i].dst, dst), way->oif,
			      ipaddr_str(&way->gateway, gateway), ipaddr_str(&way->source, source), way->onlink);
	}
	to = stpcpy(to, u->dns ? "dns\nend\n" : "end\n");
	return (size_t)(to - buf);
}

/* --- reading --- */

/* One line without its end; NULL at a line without one. */
static const char *
next_line(const char **text, char *buf, size_t len)
{
	size_t n = strcspn(*text, "\n");
	if ((*text)[n] != '\n' || n >= len)
		return NULL;
	memcpy(buf, *text, n);
	buf[n] = '\0';
	*text += n + 1;
	return buf;
}

static bool
parse_way(const char *line, struct app_undo *u)
{
	char dst[IPADDR_STRLEN], gateway[IPADDR_STRLEN], source[IPADDR_STRLEN];
	struct link_way way;
	struct ipaddr to;
	unsigned onlink;
	int end = 0;
	if (u->n == APP_UNDO_WAYS ||
	    sscanf(line, "way %45s dev %u via %45s src %45s onlink %u%n", dst, &way.oif, gateway, source, &onlink,
		   &end) != 5 ||
	    line[end] || onlink > 1)
		return false;
	if (!ipaddr_parse(dst, &to) || !ipaddr_parse(gateway, &way.gateway) || !ipaddr_parse(source, &way.source))
		return false;
	way.onlink = onlink;
	u->ways[u->n].dst = to;
	u->ways[u->n++].way = way;
	return true;
}

bool
app_undo_parse(const char *text, struct app_undo *ret)
{
	struct app_undo u = { .n = 0 };
	char line[256];
	bool more = true;
	if (*text && strncmp(text, first_line, sizeof(first_line) - 1) != 0)
		return false;
	if (*text)
		text += sizeof(first_line) - 1;
	else
		more = false;
	while (more) {
		if (!next_line(&text, line, sizeof(line)))
			return false;
		if (strcmp(line, "end") == 0)
			more = false;
		else if (strcmp(line, "dns") == 0)
			u.dns = true;
		else if (!parse_way(line, &u))
			return false;
	}
	*ret = u;
	return true;
}
