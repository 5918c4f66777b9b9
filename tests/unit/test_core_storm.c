/* A storm of 20,000 reports over 500 ports with 5,000 groups of 4 hosts: streams that flow before it flow on, frame by
 * frame, whether the limits let the newcomers in or not. */
#include "castswitch/switch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum {
	PORTS = 501, /* port 0 is where the streams come from */
	GROUPS = 5000,
	HOSTS = 4,
	STORM = 20000,
	NEW_GROUPS = 3000,
	FRAME = 1600,
};

struct world {
	struct sw *sw;
	struct sw_port *ports[PORTS];
	unsigned got[PORTS]; /* data frames since forget() */
	unsigned others;     /* anything else but queries */
	struct mono now;
};

struct egress {
	struct world *world;
	int port;
};

static struct egress egresses[PORTS];

static void
tx(void *arg, const struct sw_tx *items, size_t n, struct mono now)
{
	const struct egress *e = arg;

	(void)now;
	for (size_t i = 0; i < n; i++) {
		if (items[i].frame->control == FRAME_DATA)
			e->world->got[e->port]++;
		else if (!items[i].frame->is_query)
			e->world->others++;
	}
}

static void
start(struct world *w, uint32_t max_groups)
{
	static struct rng_seeded seed;
	static const struct sw_ops ops = { .event = NULL };
	static const struct sw_port_ops port_ops = { .tx = tx };
	struct sw_params params;
	struct rng rng;
	int err;

	memset(w, 0, sizeof(*w));
	w->now = mono_from_ns(1000 * NSEC_PER_SEC);
	rng_seeded_init(&seed, 1, &rng);
	sw_params_default(&params);
	params.mac = (struct mac){ { 2, 0, 0, 0, 0, 0xff } };
	params.snooping.max_groups = max_groups;
	w->sw = switch_new(&params, &ops, NULL, &rng, w->now);
	assert_non_null(w->sw);
	for (int i = 0; i < PORTS; i++) {
		struct sw_port_params p;
		char name[SW_PORT_NAME];

		snprintf(name, sizeof(name), "port%d", i);
		sw_port_params_default(i ? SW_PEER : SW_NIC, name, &p);
		p.gm_rate = 0;
		egresses[i] = (struct egress){ w, i };
		w->ports[i] = switch_port_add(w->sw, &p, &port_ops, &egresses[i], w->now, &err);
		assert_non_null(w->ports[i]);
		switch_port_set_up(w->sw, w->ports[i], true, w->now);
	}
	/* Startup queries and the time of flooding are over. */
	w->now = mono_add(w->now, 40 * NSEC_PER_SEC);
	switch_tick(w->sw, w->now);
}

static struct ipaddr
group(uint32_t g)
{
	return ipaddr_v4_u32(0xef010000 + g);
}

/* The four ports of a group are different ones. */
static int
member(uint32_t g, uint32_t host)
{
	return 1 + (int)((g * 7 + host * 131) % (PORTS - 1));
}

static void
report(struct world *w, int port, uint32_t host, uint8_t type, uint32_t g, const struct ipaddr *source)
{
	uint8_t buf[FRAME_HEADROOM + FRAME];
	const struct gm_build_record r = { .type = type, .group = group(g), .sources = source, .n_sources = !!source };
	const struct gm_build m = { .family = GM_IGMP,
				    .kind = GM_REPORT,
				    .version = 3,
				    .eth_src = { { 2, 1, 0, (uint8_t)(port >> 8), (uint8_t)port, (uint8_t)host } },
				    .ip_src = ipaddr_v4_u32(0x0a000002 + host),
				    .records = &r,
				    .n_records = 1 };
	struct frame f = { .data = buf + FRAME_HEADROOM, .len = (uint32_t)gm_build(&m, buf + FRAME_HEADROOM, FRAME) };

	assert_true(f.len > 0);
	switch_rx(w->sw, w->ports[port], &f, 1, w->now);
}

/* One frame of the group's stream: its four ports get it, nobody else. */
static void
stream(struct world *w, uint32_t g)
{
	uint8_t buf[FRAME_HEADROOM + 64] = { 0 }, *p = buf + FRAME_HEADROOM;
	const struct ipaddr to = group(g);
	const struct mac mac = ipaddr_group_mac(&to);
	struct frame f = { .data = p, .len = 60 };
	unsigned sum = 0;

	memcpy(p, mac.b, 6);
	memcpy(p + 6, "\x02\x02\0\0\0\1\x08\0\x45\0\0\x1c\0\0\0\0\x08\x11", 18);
	memcpy(p + 26, "\x0a\x09\x09\x01", 4);
	memcpy(p + 30, to.b + 12, 4);
	memset(w->got, 0, sizeof(w->got));
	switch_rx(w->sw, w->ports[0], &f, 1, w->now);
	for (uint32_t h = 0; h < HOSTS; h++)
		assert_int_equal(w->got[member(g, h)], 1);
	for (int i = 0; i < PORTS; i++)
		sum += w->got[i];
	assert_int_equal(sum, HOSTS);
}

static void
establish(struct world *w)
{
	for (uint32_t h = 0; h < HOSTS; h++)
		for (uint32_t g = 0; g < GROUPS; g++)
			report(w, member(g, h), h, GM_TO_EX, g, NULL);
}

/* Newcomers join groups of their own, strangers leave and block what others on their port listen to. */
static void
storm_report(struct world *w, uint32_t i)
{
	const struct ipaddr source = ipaddr_v4_u32(0x0a090901);
	const uint32_t g = i * 13 % GROUPS, h = i % HOSTS;

	switch (i % 4) {
	case 0:
	case 1:
		report(w, 1 + (int)(i % (PORTS - 1)), 200 + h, GM_TO_EX, GROUPS + (i / 4 * 2 + i % 4) % NEW_GROUPS,
		       NULL);
		break;
	case 2:
		report(w, member(g, h), 200 + h, GM_TO_IN, g, NULL);
		break;
	case 3:
		report(w, member(g, h), 200 + h, GM_BLOCK, g, &source);
		break;
	}
}

static struct sw_counts
storm(struct world *w)
{
	struct sw_counts c;

	establish(w);
	switch_counts(w->sw, &c);
	assert_int_equal(c.groups, GROUPS);
	assert_int_equal(c.hosts, GROUPS * HOSTS);
	for (uint32_t i = 0; i < STORM; i++) {
		storm_report(w, i);
		stream(w, i * 31 % GROUPS);
	}
	assert_int_equal(w->others, 0);
	assert_true(switch_check(w->sw));
	switch_counts(w->sw, &c);
	return c;
}

static void
test_let_in(void **state)
{
	static struct world w;
	struct sw_counts c;

	(void)state;
	start(&w, 16384);
	c = storm(&w);
	assert_int_equal(c.groups, GROUPS + NEW_GROUPS);
	switch_free(w.sw);
}

static void
count_refused(void *arg, const struct sw_port_view *v)
{
	*(uint64_t *)arg += v->stats->drops[DROP_GROUP_LIMIT];
}

static void
test_refused(void **state)
{
	static struct world w;
	struct sw_counts c;
	uint64_t refused = 0;

	(void)state;
	start(&w, GROUPS);
	c = storm(&w);
	assert_int_equal(c.groups, GROUPS);
	switch_each_port(w.sw, count_refused, &refused);
	assert_int_equal(refused, STORM / 2);
	switch_free(w.sw);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_let_in),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("core_storm", tests, NULL, NULL);
}
