/* Static groups: memberships of a port that need no host and outlive everything but their removal. */
#include <stdlib.h>

#include "mdb_impl.h"

static bool
mdb_static_has(const struct mdb_pg *pg, const struct ipaddr *source)
{
	LIST_EACH (s, &pg->statics, struct mdb_static, node)
		if (ipaddr_equal(&s->source, source))
			return true;
	return false;
}

bool
mdb_static_wants(const struct mdb_pg *pg, const struct ipaddr *source)
{
	return pg->static_any || mdb_static_has(pg, source);
}

static bool
mdb_static_add_source(struct mdb_pg *pg, const struct ipaddr *source)
{
	struct mdb_static *s;
	if (mdb_static_has(pg, source))
		return true;
	s = calloc(1, sizeof(*s));
	if (!s)
		return false;
	s->source = *source;
	list_push_back(&pg->statics, &s->node);
	return true;
}

bool
mdb_static_add(struct mdb *m, struct mdb_port *p, uint16_t vid, const struct ipaddr *group, const struct ipaddr *source)
{
	struct mdb_pg *pg = mdb_pg_find(m, p, vid, group);
	bool ok = true;
	if (!pg)
		pg = mdb_pg_new(m, p, vid, group);
	if (!pg)
		return false;
	if (!source)
		pg->static_any = true;
	else
		ok = mdb_static_add_source(pg, source);
	mdb_mark(m, pg->group);
	if (!pg->joined && !mdb_pg_is_static(pg))
		mdb_pg_free(m, pg);
	mdb_settle(m, MONO_NEVER);
	return ok;
}

void
mdb_static_free(struct mdb_pg *pg)
{
	LIST_EACH_SAFE (s, tmp, &pg->statics, struct mdb_static, node) {
		list_remove(&s->node);
		free(s);
	}
	pg->static_any = false;
}

void
mdb_static_clear(struct mdb *m, struct mdb_port *p)
{
	LIST_EACH_SAFE (pg, tmp, &p->groups, struct mdb_pg, by_port) {
		if (!mdb_pg_is_static(pg))
			continue;
		mdb_static_free(pg);
		mdb_mark(m, pg->group);
		if (!pg->joined)
			mdb_pg_free(m, pg);
	}
	mdb_settle(m, MONO_NEVER);
}
