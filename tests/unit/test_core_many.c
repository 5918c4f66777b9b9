/* The switch with many ports and many VLANs: queries in steps, a peer's share of VLANs. */
#include "castswitch/switch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { PORTS = 200, STEP = 64 };

#define SEC NSEC_PER_SEC
#define GAP (5 * NSEC_PER_MSEC)

struct port {
	struct sw_port *port;
	unsigned queries[GM_FAMILIES], solicitations, frames;
	uint16_t last_vid;
	struct mono at; /* of the last one */
};

struct world {
	struct sw *sw;
	struct sw_params params;
	struct port ports[PORTS];
	unsigned queries; /* all ports' */
	struct mono now;
};

static void
tx(void *arg, const struct sw_tx *items, size_t n, struct mono now)
{
	struct port *p = arg;

	for (size_t i = 0; i < n; i++) {
		const struct frame *f = items[i].frame;

		p->frames++;
		p->solicitations += f->control == FRAME_MRD;
		p->queries[GM_IGMP] += f->control == FRAME_IGMP && f->is_query;
		p->queries[GM_MLD] += f->control == FRAME_MLD && f->is_query;
		p->last_vid = f->vid;
		p->at = now;
	}
}

static struct mono
at(nsec_t since)
{
	return mono_from_ns(1000 * SEC + since);
}

static void
start(struct world *w)
{
	static struct rng_seeded seed;
	static const struct sw_ops ops = { .event = NULL };
	struct rng rng;

	memset(w, 0, sizeof(*w));
	rng_seeded_init(&seed, 1, &rng);
	sw_params_default(&w->params);
	w->params.mac = (struct mac){ { 2, 0, 0, 0, 0, 0xff } };
	w->params.vlan_aware = true;
	w->now = at(0);
	w->sw = switch_new(&w->params, &ops, NULL, &rng, w->now);
	assert_non_null(w->sw);
}

static void
add(struct world *w, int i, enum sw_port_kind kind)
{
	static const struct sw_port_ops ops = { .tx = tx };
	struct sw_port_params params;
	char name[16];
	int err;

	snprintf(name, sizeof(name), "p%d", i);
	sw_port_params_default(kind, name, &params);
	w->ports[i].port = switch_port_add(w->sw, &params, &ops, &w->ports[i], w->now, &err);
	assert_non_null(w->ports[i].port);
	switch_port_set_up(w->sw, w->ports[i].port, true, w->now);
}

/* To a time, stopping at each deadline before it, and there. */
static void
run(struct world *w, struct mono until)
{
	for (struct mono next = switch_next(w->sw); mono_due(next, until); next = switch_next(w->sw)) {
		w->now = mono_max(w->now, next);
		switch_tick(w->sw, w->now);
		assert_true(switch_check(w->sw));
	}
	w->now = until;
}

static void
forget(struct world *w)
{
	for (int i = 0; i < PORTS; i++) {
		struct sw_port *port = w->ports[i].port;

		memset(&w->ports[i], 0, sizeof(w->ports[i]));
		w->ports[i].port = port;
	}
}

static unsigned
count(const struct world *w, enum gm_family family)
{
	unsigned n = 0;

	for (int i = 0; i < PORTS; i++)
		n += w->ports[i].queries[family];
	return n;
}

static void
send_in(struct world *w, int i, uint16_t vid)
{
	uint8_t buf[FRAME_HEADROOM + 64] = { 0 }, *p = buf + FRAME_HEADROOM;
	struct frame f = { .data = p, .len = 64 };

	memset(p, 0xff, 6);
	memcpy(p + 6, (uint8_t[]){ 2, 0, 0, 1, (uint8_t)(i >> 8), (uint8_t)i }, 6);
	memcpy(p + 12, (uint8_t[]){ 0x81, 0, (uint8_t)(vid >> 8), (uint8_t)vid, 0x88, 0xb5 }, 6);
	switch_rx(w->sw, w->ports[i].port, &f, 1, w->now);
}

static void
copy_stats(void *arg, const struct sw_port_view *v)
{
	struct sw_port_stats *stats = arg;

	if (v->id == 0)
		*stats = *v->stats;
}

static uint64_t
drops_of_first(const struct world *w, enum drop_reason r)
{
	struct sw_port_stats stats = { 0 };

	switch_each_port(w->sw, copy_stats, &stats);
	return stats.drops[r];
}

static uint32_t
vlans(const struct world *w)
{
	struct sw_counts c;

	switch_counts(w->sw, &c);
	return c.vlans;
}

/* 130 ports: 64 at once, 64 5 ms later, 2 of them and 62 of the other family 5 ms later, and so on. */
static void
test_general_query_in_steps(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	for (int i = 0; i < 130; i++)
		add(&w, i, SW_PEER);
	run(&w, at(2 * SEC));                      /* the first startup query */
	assert_int_equal(count(&w, GM_IGMP), 260); /* and one as each came up */
	forget(&w);
	run(&w, at(31250 * NSEC_PER_MSEC));
	assert_int_equal(count(&w, GM_IGMP), STEP);
	assert_int_equal(count(&w, GM_MLD), 0);
	assert_int_equal(switch_next(w.sw).ns, at(31255 * NSEC_PER_MSEC).ns);
	run(&w, at(31255 * NSEC_PER_MSEC));
	assert_int_equal(count(&w, GM_IGMP), 2 * STEP);
	run(&w, at(31260 * NSEC_PER_MSEC));
	assert_int_equal(count(&w, GM_IGMP), 130);
	assert_int_equal(count(&w, GM_MLD), STEP - 2);
	run(&w, at(31269 * NSEC_PER_MSEC));
	assert_int_equal(count(&w, GM_MLD), 2 * STEP - 2);
	run(&w, at(31270 * NSEC_PER_MSEC));
	for (int i = 0; i < 130; i++) {
		assert_int_equal(w.ports[i].queries[GM_IGMP], 1);
		assert_int_equal(w.ports[i].queries[GM_MLD], 1);
	}
	run(&w, at(156 * SEC));
	assert_int_equal(count(&w, GM_MLD), 130);
	switch_free(w.sw);
}

/* 64 ports are one step, 65 are two. */
static void
test_step_edge(void **state)
{
	(void)state;
	for (int n = STEP - 1; n <= STEP + 1; n++) {
		struct world w;

		start(&w);
		w.params.snooping.enabled[GM_MLD] = false;
		switch_reconfigure(w.sw, &w.params, w.now);
		for (int i = 0; i < n; i++)
			add(&w, i, SW_PEER);
		run(&w, at(2 * SEC));
		forget(&w);
		run(&w, at(31250 * NSEC_PER_MSEC));
		assert_int_equal(count(&w, GM_IGMP), n > STEP ? STEP : n);
		assert_int_equal(switch_next(w.sw).ns,
				 n > STEP ? at(31255 * NSEC_PER_MSEC).ns : at(156250 * NSEC_PER_MSEC).ns);
		run(&w, at(31255 * NSEC_PER_MSEC));
		assert_int_equal(count(&w, GM_IGMP), n);
		switch_free(w.sw);
	}
}

/* Ports that come, go and go down while a round is under way. */
static void
test_ports_change_during_a_round(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	for (int i = 0; i < 190; i++)
		add(&w, i, SW_PEER);
	run(&w, at(2 * SEC));
	forget(&w);
	run(&w, at(31250 * NSEC_PER_MSEC));
	switch_port_del(w.sw, w.ports[0].port, w.now);  /* served */
	switch_port_del(w.sw, w.ports[64].port, w.now); /* the next */
	switch_port_set_up(w.sw, w.ports[100].port, false, w.now);
	add(&w, 195, SW_PEER); /* takes the id of the first */
	run(&w, at(32 * SEC));
	assert_int_equal(w.ports[0].queries[GM_IGMP], 1);
	assert_int_equal(w.ports[64].queries[GM_IGMP], 0);
	assert_int_equal(w.ports[65].queries[GM_IGMP], 1);
	assert_int_equal(w.ports[100].queries[GM_IGMP], 0);
	assert_int_equal(w.ports[189].queries[GM_IGMP], 1);
	assert_int_equal(w.ports[189].queries[GM_MLD], 1);
	assert_int_equal(w.ports[195].queries[GM_IGMP], 1); /* when it came up */
	switch_free(w.sw);
}

/* A round that is due before the last has ended: nobody is left out for ever. */
static void
test_round_longer_than_interval(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	for (int i = 0; i < PORTS; i++)
		add(&w, i, SW_PEER);
	run(&w, at(2 * SEC));
	forget(&w);
	w.params.snooping.query_interval = 7 * NSEC_PER_MSEC;
	w.params.snooping.query_response_interval = NSEC_PER_MSEC;
	w.params.snooping.startup_query_interval = 7 * NSEC_PER_MSEC;
	switch_reconfigure(w.sw, &w.params, w.now);
	run(&w, at(3 * SEC));
	for (int i = 0; i < PORTS; i++) {
		assert_in_range(w.ports[i].queries[GM_IGMP], 15, 1000);
		assert_in_range(w.ports[i].queries[GM_MLD], 15, 1000);
	}
	switch_free(w.sw);
}

/* RFC 4541 2.1.1 (4) while all are being asked anyway: nobody is left out for it. */
static void
test_topology_during_a_round(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	add(&w, 150, SW_NIC);
	for (int i = 0; i < 140; i++)
		add(&w, i, SW_PEER);
	run(&w, at(30250 * NSEC_PER_MSEC));
	forget(&w);
	switch_port_set_up(w.sw, w.ports[150].port, false, w.now);
	run(&w, at(30251 * NSEC_PER_MSEC));
	switch_port_set_up(w.sw, w.ports[150].port, true, w.now);
	run(&w, at(32 * SEC));
	for (int i = 0; i < 140; i++) {
		assert_int_equal(w.ports[i].queries[GM_IGMP], 1);
		assert_int_equal(w.ports[i].queries[GM_MLD], 1);
	}
	assert_in_range(w.ports[150].queries[GM_MLD], 2, 3);
	switch_free(w.sw);
}

/* Solicitations are under way when the VLAN's first query is due: all get both. */
static void
test_solicitation_and_query(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	w.params.snooping.mrd_solicit = true;
	switch_reconfigure(w.sw, &w.params, w.now);
	for (int i = 0; i < 150; i++)
		add(&w, i, SW_NIC);
	run(&w, at(32 * SEC));
	forget(&w);
	send_in(&w, 0, 10);
	run(&w, at(33 * SEC));
	for (int i = 0; i < 150; i++) {
		assert_in_range(w.ports[i].queries[GM_IGMP], 1, 2);
		assert_in_range(w.ports[i].queries[GM_MLD], 1, 2);
		assert_in_range(w.ports[i].solicitations, 2, 4);
	}
	switch_free(w.sw);
}

/* A port that comes up where there are many VLANs: asked untagged at once, in the others 32 a step. */
static void
test_port_up_in_many_vlans(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	add(&w, 0, SW_NIC);
	for (uint16_t vid = 1; vid <= 100; vid++)
		send_in(&w, 0, vid);
	assert_int_equal(vlans(&w), 101);
	run(&w, at(50 * SEC));
	assert_int_equal(w.ports[0].queries[GM_IGMP], 1 + 2 * 101);
	add(&w, 1, SW_PEER);
	assert_int_equal(w.ports[1].queries[GM_IGMP], 1 + 32);
	run(&w, at(50 * SEC + GAP - 1));
	assert_int_equal(w.ports[1].queries[GM_IGMP], 1 + 32);
	run(&w, at(50 * SEC + GAP));
	assert_int_equal(w.ports[1].queries[GM_IGMP], 1 + 32 + 32);
	switch_port_set_up(w.sw, w.ports[1].port, false, w.now);
	run(&w, at(51 * SEC));
	assert_int_equal(w.ports[1].queries[GM_IGMP], 1 + 32 + 32);
	forget(&w);
	switch_port_set_up(w.sw, w.ports[1].port, true, w.now);
	run(&w, at(52 * SEC));
	assert_int_equal(w.ports[1].queries[GM_IGMP], 101);
	assert_int_equal(w.ports[1].queries[GM_MLD], 101);
	assert_int_equal(w.ports[1].last_vid, 100);
	/* Deleted before it was asked in all of them. */
	add(&w, 2, SW_PEER);
	switch_port_del(w.sw, w.ports[2].port, w.now);
	run(&w, at(53 * SEC));
	assert_int_equal(w.ports[2].queries[GM_IGMP], 1 + 32);
	assert_in_range(w.ports[1].at.ns, at(51 * SEC + 3 * GAP).ns, at(51 * SEC + 4 * GAP).ns);
	switch_free(w.sw);
}

/* A peer may open 64 VLANs, a NIC all there are. */
static void
test_share_of_vlans(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	add(&w, 0, SW_PEER);
	add(&w, 1, SW_PEER);
	add(&w, 2, SW_NIC);
	for (uint16_t vid = 1; vid <= 64; vid++)
		send_in(&w, 0, vid);
	assert_int_equal(vlans(&w), 65);
	assert_int_equal(drops_of_first(&w, DROP_VLAN_LIMIT), 0);
	forget(&w);
	send_in(&w, 0, 65);
	assert_int_equal(vlans(&w), 65);
	assert_int_equal(drops_of_first(&w, DROP_VLAN_LIMIT), 1);
	assert_int_equal(w.ports[2].frames, 0);
	/* Those there are pass, also another's. */
	send_in(&w, 0, 64);
	send_in(&w, 0, 0);
	assert_int_equal(w.ports[2].frames, 2);
	send_in(&w, 1, 65);
	send_in(&w, 0, 65);
	assert_int_equal(w.ports[2].frames, 4);
	assert_int_equal(drops_of_first(&w, DROP_VLAN_LIMIT), 1);
	assert_true(switch_check(w.sw));
	for (uint16_t vid = 1; vid <= 4094; vid++)
		send_in(&w, 2, vid);
	assert_int_equal(vlans(&w), 4095);
	assert_true(switch_check(w.sw));
	/* The peers' own go with them, and come back by whoever sends next. */
	switch_port_del(w.sw, w.ports[0].port, w.now);
	assert_int_equal(vlans(&w), 4095 - 64);
	send_in(&w, 2, 1);
	assert_int_equal(vlans(&w), 4095 - 63);
	assert_true(switch_check(w.sw));
	switch_free(w.sw);
}

/* What ages makes room. */
static void
test_share_ages(void **state)
{
	struct world w;

	(void)state;
	start(&w);
	add(&w, 0, SW_PEER);
	add(&w, 1, SW_NIC);
	for (uint16_t vid = 1; vid <= 65; vid++)
		send_in(&w, 0, vid);
	run(&w, at(200 * SEC));
	send_in(&w, 0, 7);
	run(&w, at(300 * SEC));
	assert_int_equal(vlans(&w), 2);
	for (uint16_t vid = 101; vid <= 164; vid++)
		send_in(&w, 0, vid);
	assert_int_equal(vlans(&w), 65);
	assert_int_equal(drops_of_first(&w, DROP_VLAN_LIMIT), 2);
	switch_free(w.sw);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_general_query_in_steps),
		cmocka_unit_test(test_step_edge),
		cmocka_unit_test(test_ports_change_during_a_round),
		cmocka_unit_test(test_round_longer_than_interval),
		cmocka_unit_test(test_topology_during_a_round),
		cmocka_unit_test(test_solicitation_and_query),
		cmocka_unit_test(test_port_up_in_many_vlans),
		cmocka_unit_test(test_share_of_vlans),
		cmocka_unit_test(test_share_ages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
