/* The scenario runner: commands that look at the table of groups; they compare with a copy of it. */
#include "scn.h"

#include <stdlib.h>
#include <string.h>

struct scn_group {
	struct ipaddr group;
	char port[SW_PORT_NAME];
	bool exclude, is_static, seen;
	uint8_t version;
	uint16_t vid;
	struct mono expires;
	struct sw_source_view *sources;
	size_t n_sources;
	struct mac *hosts;
	size_t n_hosts;
};

struct scn_groups {
	struct scn_group *list;
	size_t n;
};

static void
scn_copy_group(void *arg, const struct sw_group_view *v)
{
	struct scn_groups *t = arg;
	t->list = realloc(t->list, (t->n + 1) * sizeof(*t->list));
	if (!t->list)
		abort();
	struct scn_group *g = &t->list[t->n++];
	*g = (struct scn_group){ .group = v->group,
				 .vid = v->vid,
				 .is_static = v->is_static,
				 .exclude = v->exclude,
				 .version = v->version,
				 .expires = v->expires,
				 .n_sources = v->n_sources,
				 .n_hosts = v->n_hosts };
	strncpy(g->port, sw_port_name(v->port), sizeof(g->port) - 1);
	g->sources = calloc(v->n_sources + 1, sizeof(*g->sources));
	g->hosts = calloc(v->n_hosts + 1, sizeof(*g->hosts));
	if (!g->sources || !g->hosts)
		abort();
	memcpy(g->sources, v->sources, v->n_sources * sizeof(*g->sources));
	for (size_t i = 0; i < v->n_hosts; i++)
		g->hosts[i] = v->hosts[i].mac;
}

void
scn_groups_free(struct scn_groups *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++) {
		free(t->list[i].sources);
		free(t->list[i].hosts);
	}
	free(t->list);
	free(t);
}

static void
scn_note_sources(const struct scn_group *g, bool forward, const char *before, struct sbuf *out)
{
	char ip[IPADDR_STRLEN], at[32];
	for (size_t i = 0; i < g->n_sources; i++) {
		if (g->sources[i].forward != forward)
			continue;
		sbuf_printf(out, "%s%s", before, ipaddr_str(&g->sources[i].addr, ip));
		before = ",";
		if (!forward)
			continue;
		scn_duration_str(scn_since_start(g->sources[i].expires), at);
		sbuf_printf(out, "@%s", at);
	}
}

static void
scn_note_group(struct scn *s, const struct scn_group *g)
{
	char ip[IPADDR_STRLEN], at[32], mac[MAC_STRLEN];
	struct sbuf out;
	sbuf_init(&out);
	sbuf_printf(&out, "%s %s %s", ipaddr_str(&g->group, ip), g->port, g->exclude ? "exclude" : "include");
	scn_note_sources(g, true, " sources=", &out);
	scn_note_sources(g, false, " blocked=", &out);
	for (size_t i = 0; i < g->n_hosts; i++)
		sbuf_printf(&out, "%s%s", i ? "," : " hosts=", mac_str(&g->hosts[i], mac));
	sbuf_printf(&out, "%s version=%u", g->is_static ? " static" : "", g->version);
	if (g->vid)
		sbuf_printf(&out, " vlan=%u", g->vid);
	scn_duration_str(scn_since_start(g->expires), at);
	if (g->exclude)
		sbuf_printf(&out, " expires=%s", at);
	scn_note(s, "there is: %s", sbuf_str(&out));
	sbuf_free(&out);
}

static struct scn_groups *
scn_look_at_groups(struct scn *s)
{
	struct scn_groups *t = calloc(1, sizeof(*t));
	if (!t || !switch_each_group(s->sw, scn_copy_group, t))
		abort();
	return t;
}

static bool
scn_group_fails(struct scn *s, const struct scn_groups *t, const char *why)
{
	scn_fail(s, "%s", why);
	for (size_t i = 0; i < t->n; i++)
		scn_note_group(s, &t->list[i]);
	return false;
}

/* What a script says of one source or host list of a group. */
struct scn_list {
	const struct scn_group *group;
	bool forward;
	size_t n;
	bool wrong;
};

/* A time of the scenario, or "none". */
static bool
scn_parse_expires(struct scn *s, const char *text, struct mono *ret)
{
	nsec_t at;
	*ret = MONO_NEVER;
	if (strcmp(text, "none") == 0)
		return true;
	if (!scn_parse_duration(s, text, &at))
		return false;
	*ret = scn_time(at);
	return true;
}

/* ADDRESS or ADDRESS@EXPIRES */
static bool
scn_check_source(struct scn *s, const char *part, void *arg)
{
	struct scn_list *l = arg;
	char text[64];
	struct ipaddr a;
	struct mono expires = MONO_NEVER;
	const char *at = strchr(part, '@');
	const size_t n = at ? (size_t)(at - part) : strlen(part);
	if (n >= sizeof(text))
		return scn_fail(s, "'%s' is no source", part);
	memcpy(text, part, n);
	text[n] = 0;
	if (!scn_parse_ip(s, text, &a) || (at && !scn_parse_expires(s, at + 1, &expires)))
		return false;
	l->n++;
	for (size_t i = 0; i < l->group->n_sources; i++) {
		const struct sw_source_view *v = &l->group->sources[i];
		if (ipaddr_equal(&v->addr, &a) && v->forward == l->forward &&
		    (!at || v->expires.ns == expires.ns))
			return true;
	}
	l->wrong = true;
	return true;
}

static bool
scn_check_host(struct scn *s, const char *part, void *arg)
{
	struct scn_list *l = arg;
	struct mac mac;
	if (!scn_parse_mac(s, part, &mac))
		return false;
	l->n++;
	for (size_t i = 0; i < l->group->n_hosts; i++)
		if (mac_equal(&l->group->hosts[i], &mac))
			return true;
	l->wrong = true;
	return true;
}

static size_t
scn_count_sources(const struct scn_group *g, bool forward)
{
	size_t n = 0;
	for (size_t i = 0; i < g->n_sources; i++)
		n += g->sources[i].forward == forward;
	return n;
}

/* One word behind GROUP PORT MODE; *ret_wrong when the group is not like that. */
static bool
scn_check_group_word(struct scn *s, const struct scn_group *g, const char *word, size_t listed[2], bool *ret_wrong)
{
	static const char *const lists[] = { "blocked", "sources" };
	const char *v;
	uint32_t version;
	struct mono at;
	for (int forward = 0; forward < 2; forward++) {
		struct scn_list l = { .group = g, .forward = forward };
		if (!(v = scn_value_of(word, lists[forward])))
			continue;
		if (!scn_each_part(s, v, scn_check_source, &l))
			return false;
		listed[forward] = l.n;
		*ret_wrong |= l.wrong;
		return true;
	}
	if ((v = scn_value_of(word, "hosts"))) {
		struct scn_list l = { .group = g };
		bool ok = strcmp(v, "none") == 0 || scn_each_part(s, v, scn_check_host, &l);
		*ret_wrong |= l.wrong || l.n != g->n_hosts;
		return ok;
	}
	if ((v = scn_value_of(word, "version"))) {
		bool ok = scn_parse_u32(s, v, 3, &version);
		*ret_wrong |= ok && version != g->version;
		return ok;
	}
	if ((v = scn_value_of(word, "expires"))) {
		bool ok = scn_parse_expires(s, v, &at);
		*ret_wrong |= ok && at.ns != g->expires.ns;
		return ok;
	}
	if (strcmp(word, "static") == 0 || strcmp(word, "not-static") == 0) {
		*ret_wrong |= g->is_static != (*word == 's');
		return true;
	}
	return scn_fail(s, "what is '%s'?", word);
}

static struct scn_group *
scn_group_find(struct scn_groups *t, uint16_t vid, const struct ipaddr *group, const char *port)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->list[i].vid == vid && ipaddr_equal(&t->list[i].group, group) &&
		    (!port || strcmp(t->list[i].port, port) == 0))
			return &t->list[i];
	return NULL;
}

/* GROUP PORT include|exclude [vlan=] [sources=] [blocked=] [hosts=] [version=] [expires=] [static|not-static] */
static bool
scn_check_group(struct scn *s, struct scn_groups *t, struct scn_args *a)
{
	struct ipaddr addr;
	struct scn_port *p;
	const char *mode, *w;
	size_t listed[2] = { 0 };
	uint16_t vid;
	if (!scn_parse_ip(s, scn_next(a), &addr) || !scn_parse_port(s, scn_next(a), &p))
		return false;
	mode = scn_next(a);
	if (!mode || (strcmp(mode, "include") != 0 && strcmp(mode, "exclude") != 0))
		return scn_fail(s, "GROUP PORT include|exclude ...");
	if (!scn_take_vlan(s, a, &vid))
		return false;
	struct scn_group *g = scn_group_find(t, vid, &addr, p->name);
	bool wrong = !g || g->exclude != (*mode == 'e');
	while (g && (w = scn_next(a)))
		if (!scn_check_group_word(s, g, w, listed, &wrong))
			return false;
	if (wrong || listed[0] != scn_count_sources(g, false) || listed[1] != scn_count_sources(g, true))
		return scn_group_fails(s, t, "the groups are not so");
	g->seen = true;
	return true;
}

static bool
look_group(struct scn *s, struct scn_args *a)
{
	struct scn_groups *t = scn_look_at_groups(s);
	bool ok = scn_check_group(s, t, a);
	scn_groups_free(t);
	return ok;
}

/* no-group GROUP [PORT] [vlan=] */
static bool
look_no_group(struct scn *s, struct scn_args *a)
{
	struct ipaddr addr;
	struct scn_port *p;
	const char *port;
	uint16_t vid;
	if (!scn_parse_ip(s, scn_next(a), &addr))
		return false;
	port = scn_peek(a);
	if (port && scn_value_of(port, "vlan"))
		port = NULL;
	if (port && !scn_parse_port(s, scn_next(a), &p))
		return false;
	if (!scn_take_vlan(s, a, &vid))
		return false;
	struct scn_groups *t = scn_look_at_groups(s);
	bool ok = !scn_group_find(t, vid, &addr, port) || scn_group_fails(s, t, "there is such a group");
	scn_groups_free(t);
	return ok && scn_no_more(s, a);
}

/* groups ... end: all there are; groups none. */
static bool
look_groups(struct scn *s, struct scn_args *a)
{
	struct scn_groups *t = scn_look_at_groups(s);
	if (!scn_next_is(a, "none")) {
		s->groups = t;
		return scn_no_more(s, a);
	}
	bool ok = t->n == 0 || scn_group_fails(s, t, "there are groups");
	scn_groups_free(t);
	return ok && scn_no_more(s, a);
}

bool
scn_group_line(struct scn *s, struct scn_args *a)
{
	struct scn_groups *t = s->groups;
	if (!scn_next_is(a, "end"))
		return scn_check_group(s, t, a);
	for (size_t i = 0; i < t->n; i++)
		if (!t->list[i].seen)
			return scn_group_fails(s, t, "there are more groups");
	scn_groups_free(t);
	s->groups = NULL;
	return scn_no_more(s, a);
}

const struct scn_command scn_group_looks[] = {
	{ "group", look_group },
	{ "no-group", look_no_group },
	{ "groups", look_groups },
	{ NULL, NULL },
};
