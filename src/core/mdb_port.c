/* The ports of the multicast database. */
#include <stdlib.h>
#include <string.h>

#include "mdb_impl.h"

/* A copy of n prefixes; false when out of memory. */
static bool
mdb_copy_prefixes(const struct ipprefix *from, size_t n, const struct ipprefix **ret)
{
	struct ipprefix *copy = NULL;
	if (n) {
		copy = malloc(n * sizeof(*copy));
		if (!copy)
			return false;
		memcpy(copy, from, n * sizeof(*copy));
	}
	*ret = copy;
	return true;
}

static void
mdb_free_rules(struct sw_group_rules *r)
{
	free((void *)(uintptr_t)r->allow);
	free((void *)(uintptr_t)r->deny);
	*r = (struct sw_group_rules){ 0 };
}

static bool
mdb_copy_params(const struct mdb_port_params *from, struct mdb_port_params *ret)
{
	struct mdb_port_params copy = *from;
	copy.groups.allow = copy.groups.deny = NULL;
	if (!mdb_copy_prefixes(from->groups.allow, from->groups.n_allow, &copy.groups.allow) ||
	    !mdb_copy_prefixes(from->groups.deny, from->groups.n_deny, &copy.groups.deny)) {
		mdb_free_rules(&copy.groups);
		return false;
	}
	*ret = copy;
	return true;
}

bool
mdb_port_init(struct mdb_port *p, uint16_t id, const struct mdb_port_params *params)
{
	*p = (struct mdb_port){ .id = id };
	list_init(&p->groups);
	return mdb_copy_params(params, &p->params);
}

bool
mdb_port_denies(const struct mdb_port *p, const struct ipaddr *group)
{
	const struct sw_group_rules *r = &p->params.groups;
	for (size_t i = 0; i < r->n_deny; i++)
		if (ipprefix_contains(&r->deny[i], group))
			return true;
	for (size_t i = 0; i < r->n_allow; i++)
		if (ipprefix_contains(&r->allow[i], group))
			return false;
	return r->n_allow > 0;
}

bool
mdb_port_reconfigure(struct mdb *m, struct mdb_port *p, const struct mdb_port_params *params, struct mono now)
{
	struct mdb_port_params copy;
	if (!mdb_copy_params(params, &copy))
		return false;
	mdb_free_rules(&p->params.groups);
	p->params = copy;
	LIST_EACH_SAFE (pg, tmp, &p->groups, struct mdb_pg, by_port)
		if (pg->joined && mdb_port_denies(p, &pg->group->addr))
			mdb_pg_end(m, pg, now);
	mdb_settle(m, MONO_NEVER);
	return true;
}

void
mdb_port_flush(struct mdb *m, struct mdb_port *p, struct mono now)
{
	LIST_EACH_SAFE (pg, tmp, &p->groups, struct mdb_pg, by_port)
		mdb_pg_end(m, pg, now);
	mdb_settle(m, MONO_NEVER);
}

void
mdb_port_flush_family(struct mdb *m, struct mdb_port *p, enum gm_family family, struct mono now)
{
	LIST_EACH_SAFE (pg, tmp, &p->groups, struct mdb_pg, by_port)
		if (mdb_family(&pg->group->addr) == family)
			mdb_pg_end(m, pg, now);
	mdb_settle(m, MONO_NEVER);
}

static void
mdb_lower(struct mdb *m, struct timer *t, struct mono until)
{
	if (timer_is_armed(t))
		timerq_arm(&m->timers, t, mono_min(t->at, until));
}

void
mdb_port_resume(struct mdb *m, struct mdb_port *p, struct mono until)
{
	LIST_EACH (pg, &p->groups, struct mdb_pg, by_port) {
		mdb_lower(m, &pg->group_timer, until);
		LIST_EACH (s, &pg->sources, struct mdb_source, by_pg)
			mdb_lower(m, &s->timer, until);
		LIST_EACH (h, &pg->hosts, struct mdb_host, by_pg) {
			mdb_host_lower(h, until);
			mdb_lower(m, &h->expiry, until);
		}
	}
}

void
mdb_port_fini(struct mdb *m, struct mdb_port *p, struct mono now)
{
	mdb_static_clear(m, p);
	mdb_port_flush(m, p, now);
	mdb_free_rules(&p->params.groups);
}
