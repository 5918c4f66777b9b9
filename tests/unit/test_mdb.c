/* The membership database by itself: what its ports own, what is static, what waits. */
#include "castswitch/mdb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define SEC NSEC_PER_SEC

struct world {
	struct mdb mdb;
	struct mroute_table routes;
	struct mdb_port a, b;
	unsigned joins, leaves, queries;
	struct mono now;
};

static const struct hash_key KEY = { 1, 2 };
static const struct mac HOST = { { 2, 0, 0, 0, 0, 1 } };

static struct ipaddr
ip(const char *text)
{
	struct ipaddr a;

	assert_true(ipaddr_parse(text, &a));
	return a;
}

static bool
is_querier(void *arg, uint16_t vid, enum gm_family family)
{
	(void)arg;
	(void)vid;
	(void)family;
	return true;
}

static const struct mdb_timing *
timing(void *arg, uint16_t vid, enum gm_family family)
{
	static const struct mdb_timing t = { .robustness = 2,
					     .membership_interval = 260 * SEC,
					     .last_member_query_interval = SEC,
					     .last_member_query_count = 2,
					     .older_host_interval = 260 * SEC };

	(void)arg;
	(void)vid;
	(void)family;
	return &t;
}

static void
query(void *arg, const struct mdb_query *q, struct mono now)
{
	struct world *w = arg;

	(void)q;
	(void)now;
	w->queries++;
}

static void
changed(void *arg, uint16_t port, uint16_t vid, const struct ipaddr *group, bool joined, struct mono now)
{
	struct world *w = arg;

	(void)port;
	(void)vid;
	(void)group;
	(void)now;
	*(joined ? &w->joins : &w->leaves) += 1;
}

static void
start(struct world *w, const struct mdb_limits *limits, const struct mdb_port_params *params)
{
	static const struct mdb_ops ops = { is_querier, timing, query, changed };

	memset(w, 0, sizeof(*w));
	w->now = mono_from_ns(1000 * SEC);
	mroute_table_init(&w->routes, &KEY);
	mdb_init(&w->mdb, &KEY, limits, &w->routes, &ops, w);
	assert_true(mdb_port_init(&w->a, 3, params));
	assert_true(mdb_port_init(&w->b, 1, params));
}

static void
stop(struct world *w)
{
	assert_true(mdb_check(&w->mdb));
	mdb_port_fini(&w->mdb, &w->a, w->now);
	mdb_port_fini(&w->mdb, &w->b, w->now);
	assert_int_equal(w->routes.map.n, 0);
	assert_int_equal(w->joins, w->leaves);
	mdb_fini(&w->mdb);
	mroute_table_fini(&w->routes);
}

static const struct mdb_limits LIMITS = {
	.max_groups = 100, .max_hosts = 100, .max_source_records = 10000, .max_sources = 2000
};

/* A report of one record in its bytes. */
static enum drop_reason
report(struct world *w, struct mdb_port *p, uint8_t type, const char *group, const struct ipaddr *sources, uint16_t n,
       bool *ret_counts)
{
	const struct gm_build_record r = { .type = type, .group = ip(group), .sources = sources, .n_sources = n };
	const struct gm_build b = { .family = GM_IGMP,
				    .kind = GM_REPORT,
				    .version = 3,
				    .eth_src = HOST,
				    .ip_src = ip("10.0.0.2"),
				    .records = &r,
				    .n_records = 1 };
	const struct gm_rules rules = { .strict_router_alert = true };
	uint8_t buf[FRAME_HEADROOM + 9000];
	struct frame f = { .data = buf + FRAME_HEADROOM };
	struct gm_msg m;

	f.len = (uint32_t)gm_build(&b, f.data, sizeof(buf) - FRAME_HEADROOM);
	assert_int_equal(frame_parse(&f), DROP_NONE);
	assert_int_equal(gm_parse(&f, &rules, &m), DROP_NONE);
	return mdb_report(&w->mdb, p, 0, &HOST, &m, w->now, ret_counts);
}

static bool
gets(const struct world *w, const struct mdb_port *p, const char *group, const char *source)
{
	const struct ipaddr g = ip(group), s = ip(source);
	struct mroute_members m;

	return mroute_lookup(&w->routes, mroute_hash(&w->routes, 0, &g), 0, &g, &s, &m) && mroute_has(&m, p->id);
}

/* The rules are the port's own: the caller's may change or go. */
static void
test_rules_are_copied(void **state)
{
	struct ipprefix allow[2], deny[1];
	struct mdb_port_params params = { .fast_leave = SW_FAST_LEAVE_AUTO };
	struct world w;
	bool counts;

	(void)state;
	assert_true(ipprefix_parse("239.0.0.0/8", &allow[0]));
	assert_true(ipprefix_parse("225.0.0.0/8", &allow[1]));
	assert_true(ipprefix_parse("239.1.0.0/16", &deny[0]));
	params.groups = (struct sw_group_rules){ allow, 2, deny, 1 };
	start(&w, &LIMITS, &params);
	memset(allow, 0, sizeof(allow));
	memset(deny, 0, sizeof(deny));
	assert_int_equal(report(&w, &w.a, GM_IS_EX, "239.2.1.1", NULL, 0, &counts), DROP_NONE);
	assert_true(counts);
	assert_int_equal(report(&w, &w.a, GM_IS_EX, "225.1.1.1", NULL, 0, &counts), DROP_NONE);
	assert_int_equal(report(&w, &w.a, GM_IS_EX, "239.1.1.1", NULL, 0, &counts), DROP_GROUP_DENIED);
	assert_false(counts);
	assert_int_equal(report(&w, &w.a, GM_IS_EX, "226.1.1.1", NULL, 0, &counts), DROP_GROUP_DENIED);

	/* Its own rules, given back to it. */
	params = w.a.params;
	assert_true(mdb_port_reconfigure(&w.mdb, &w.a, &params, w.now));
	assert_int_equal(w.leaves, 0);
	params = w.a.params;
	params.groups.n_allow = 1;
	assert_true(mdb_port_reconfigure(&w.mdb, &w.a, &params, w.now));
	assert_int_equal(w.leaves, 1);
	assert_true(gets(&w, &w.a, "239.2.1.1", "10.9.9.1"));
	assert_false(gets(&w, &w.a, "225.1.1.1", "10.9.9.1"));
	stop(&w);
}

/* A port that goes takes its static groups along, also those that hosts joined too. */
static void
test_static_goes_with_port(void **state)
{
	const struct mdb_port_params params = { .fast_leave = SW_FAST_LEAVE_AUTO };
	const struct ipaddr g = ip("239.1.1.1"), s = ip("10.9.9.1");
	struct world w;
	bool counts;

	(void)state;
	start(&w, &LIMITS, &params);
	assert_true(mdb_static_add(&w.mdb, &w.a, 0, &g, &s));
	assert_true(mdb_static_add(&w.mdb, &w.a, 0, &g, &s));
	assert_true(mdb_static_add(&w.mdb, &w.b, 0, &g, NULL));
	assert_int_equal(w.joins, 0);
	assert_true(mdb_check(&w.mdb));
	assert_int_equal(report(&w, &w.b, GM_IS_EX, "239.1.1.1", &s, 1, &counts), DROP_NONE);
	assert_true(gets(&w, &w.a, "239.1.1.1", "10.9.9.1"));
	assert_false(gets(&w, &w.a, "239.1.1.1", "10.9.9.2"));
	assert_true(gets(&w, &w.b, "239.1.1.1", "10.9.9.1"));
	mdb_port_flush(&w.mdb, &w.b, w.now);
	assert_int_equal(w.leaves, 1);
	assert_true(mdb_check(&w.mdb));
	assert_true(gets(&w, &w.b, "239.1.1.1", "10.9.9.1"));

	/* Without it what is reported counts again. */
	report(&w, &w.b, GM_IS_IN, "239.1.1.1", &s, 1, &counts);
	mdb_static_clear(&w.mdb, &w.b);
	assert_true(mdb_check(&w.mdb));
	assert_true(gets(&w, &w.b, "239.1.1.1", "10.9.9.1"));
	assert_false(gets(&w, &w.b, "239.1.1.1", "10.9.9.2"));
	assert_true(mdb_static_add(&w.mdb, &w.b, 0, &g, NULL));
	mdb_port_fini(&w.mdb, &w.b, w.now);
	assert_false(gets(&w, &w.b, "239.1.1.1", "10.9.9.2"));
	assert_int_equal(w.mdb.n_groups, 1);
	assert_true(mdb_port_init(&w.b, 1, &params));
	stop(&w);
}

/* What hosts reported leaves no trace in a static group. */
static void
test_static_forgets_reports(void **state)
{
	const struct mdb_port_params params = { .fast_leave = SW_FAST_LEAVE_OFF };
	const struct ipaddr g = ip("239.1.1.1"), s = ip("10.9.9.1");
	struct gm_msg old = { .family = GM_IGMP, .kind = GM_REPORT_OLD, .version = 2, .group = g };
	const struct mdb_pg *pg;
	struct world w;
	bool counts;

	(void)state;
	start(&w, &LIMITS, &params);
	assert_true(mdb_static_add(&w.mdb, &w.a, 0, &g, &s));
	pg = container_of(list_first(&w.a.groups), struct mdb_pg, by_port);
	for (int i = 0; i < 2; i++) {
		/* In EXCLUDE mode, with an older host, while a question is open. */
		assert_int_equal(mdb_report(&w.mdb, &w.a, 0, &HOST, &old, w.now, &counts), DROP_NONE);
		old.kind = GM_LEAVE;
		assert_int_equal(mdb_report(&w.mdb, &w.a, 0, &HOST, &old, w.now, &counts), DROP_NONE);
		old.kind = GM_REPORT_OLD;
		assert_int_equal(w.queries, 1 + i);
		assert_true(gets(&w, &w.a, "239.1.1.1", "10.9.9.2"));
		mdb_port_flush(&w.mdb, &w.a, w.now);
		assert_true(mdb_check(&w.mdb));
		assert_false(gets(&w, &w.a, "239.1.1.1", "10.9.9.2"));
		assert_int_equal(pg->v2_until.ns, 0);
		assert_true(mono_is_never(mdb_next(&w.mdb)));
	}
	stop(&w);
}

static void
test_host(void **state)
{
	const struct mdb_port_params params = { .fast_leave = SW_FAST_LEAVE_AUTO };
	const struct mdb_host *h;
	struct world w;
	bool counts;

	(void)state;
	start(&w, &LIMITS, &params);
	for (int i = 0; i < 2; i++) {
		w.now = mono_add(w.now, SEC);
		report(&w, &w.a, GM_IS_EX, "239.1.1.1", NULL, 0, &counts);
		h = container_of(list_first(&container_of(list_first(&w.a.groups), struct mdb_pg, by_port)->hosts),
				 struct mdb_host, by_pg);
		assert_true(mac_equal(&h->mac, &HOST));
		assert_true(ipaddr_is_v4(&h->ip));
		assert_int_equal(h->version, 3);
		assert_int_equal(h->seen.ns, w.now.ns);
		assert_int_equal(w.a.n_hosts, 1);
	}
	stop(&w);
}

/* The edge of what is published at once, and that the wait ends by itself. */
static void
test_publishing_waits(void **state)
{
	static struct ipaddr sources[MDB_CHEAP_WISHES + 2];
	const struct mdb_port_params params = { .fast_leave = SW_FAST_LEAVE_AUTO };
	struct world w;
	struct mono due;
	bool counts;

	(void)state;
	for (uint32_t i = 0; i < MDB_CHEAP_WISHES + 2; i++)
		sources[i] = ipaddr_v4_u32(0x0a090000 + i);
	start(&w, &LIMITS, &params);
	report(&w, &w.a, GM_ALLOW, "232.1.1.1", sources, MDB_CHEAP_WISHES - 1, &counts);
	report(&w, &w.a, GM_ALLOW, "232.1.1.1", sources + MDB_CHEAP_WISHES - 1, 1, &counts);
	report(&w, &w.a, GM_ALLOW, "232.1.1.1", sources + MDB_CHEAP_WISHES, 1, &counts);
	assert_true(gets(&w, &w.a, "232.1.1.1", "10.9.4.0"));
	assert_true(mdb_check(&w.mdb));
	/* From here on there are too many. */
	report(&w, &w.a, GM_ALLOW, "232.1.1.1", sources + MDB_CHEAP_WISHES + 1, 1, &counts);
	assert_true(counts);
	assert_false(gets(&w, &w.a, "232.1.1.1", "10.9.4.1"));
	assert_true(mdb_check(&w.mdb));
	due = mono_add(w.now, (MDB_CHEAP_WISHES + 1) * MDB_WISH_NSEC);
	assert_int_equal(mdb_next(&w.mdb).ns, due.ns);
	w.now = mono_from_ns(due.ns - 1);
	mdb_tick(&w.mdb, w.now);
	assert_false(gets(&w, &w.a, "232.1.1.1", "10.9.4.1"));
	w.now = due;
	mdb_tick(&w.mdb, w.now);
	assert_true(gets(&w, &w.a, "232.1.1.1", "10.9.4.1"));
	assert_true(mdb_check(&w.mdb));

	/* What goes while it waits. */
	report(&w, &w.a, GM_BLOCK, "232.1.1.1", sources, 1, &counts);
	assert_true(gets(&w, &w.a, "232.1.1.1", "10.9.0.0"));
	report(&w, &w.a, GM_TO_IN, "232.1.1.1", NULL, 0, &counts);
	assert_false(gets(&w, &w.a, "232.1.1.1", "10.9.0.1"));
	assert_int_equal(w.mdb.n_groups, 0);
	assert_true(mono_is_never(mdb_next(&w.mdb)));
	assert_int_equal(w.queries, 0);
	stop(&w);
}

/* Lowering never puts off an end, and timers that are not running stay so. */
static void
test_resume(void **state)
{
	const struct mdb_port_params params = { .fast_leave = SW_FAST_LEAVE_AUTO };
	const struct ipaddr s = ip("10.9.9.1");
	struct world w;
	struct mono until;
	bool counts;

	(void)state;
	start(&w, &LIMITS, &params);
	report(&w, &w.a, GM_IS_EX, "239.1.1.1", &s, 1, &counts);
	report(&w, &w.a, GM_IS_IN, "232.1.1.1", &s, 1, &counts);
	report(&w, &w.b, GM_IS_EX, "239.1.1.1", NULL, 0, &counts);
	until = mono_add(w.now, 3 * SEC);
	mdb_port_resume(&w.mdb, &w.a, until);
	mdb_port_resume(&w.mdb, &w.a, mono_add(until, SEC));
	assert_int_equal(mdb_next(&w.mdb).ns, until.ns);
	mdb_tick(&w.mdb, mono_from_ns(until.ns - 1));
	assert_true(gets(&w, &w.a, "232.1.1.1", "10.9.9.1"));
	assert_false(gets(&w, &w.a, "239.1.1.1", "10.9.9.1"));
	mdb_tick(&w.mdb, until);
	assert_int_equal(w.leaves, 2);
	assert_int_equal(w.a.n_hosts + w.a.n_sources + w.a.n_groups, 0);
	assert_true(gets(&w, &w.b, "239.1.1.1", "10.9.9.1"));
	stop(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules_are_copied),       cmocka_unit_test(test_static_goes_with_port),
		cmocka_unit_test(test_static_forgets_reports), cmocka_unit_test(test_host),
		cmocka_unit_test(test_publishing_waits),       cmocka_unit_test(test_resume),
	};

	return cmocka_run_group_tests_name("mdb", tests, NULL, NULL);
}
