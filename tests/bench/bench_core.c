/* What the core costs: time per report, bytes per host record, the forwarding decision.
 *
 *	bench_core                  everything
 *	bench_core forward GROUPS   only the forwarding decision with so many groups; for instructions:
 *	                            valgrind --tool=callgrind --toggle-collect=bench_forward_frames
 *
 * CPU time of this thread.  Build without sanitizers and with -O2; the numbers of a loaded machine are worth little.
 */
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "castswitch/switch.h"

enum {
	PORTS = 501, /* port 0 is where the streams come from */
	GROUPS = 5000,
	HOSTS_PER_GROUP = 4,
	FRAME = 1600,
	FRAMES = 16384,
	ROUNDS = 200, /* of so many frames */
};

struct bench {
	struct sw *sw;
	struct sw_port *ports[PORTS];
	struct rng_seeded seed;
	struct rng rng;
	struct mono now;
	uint64_t sent;
};

static uint64_t
bench_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void
bench_tx(void *arg, const struct sw_tx *items, size_t n, struct mono now)
{
	struct bench *b = arg;
	(void)items;
	(void)now;
	b->sent += n;
}

static void
bench_die(const char *what)
{
	fprintf(stderr, "bench_core: %s\n", what);
	exit(1);
}

static void
bench_init(struct bench *b, uint32_t max_groups, uint16_t max_sources)
{
	static const struct sw_ops ops = { .event = NULL };
	static const struct sw_port_ops port_ops = { .tx = bench_tx };
	struct sw_params params;
	int err;
	memset(b, 0, sizeof(*b));
	b->now = mono_from_ns(1000 * NSEC_PER_SEC);
	rng_seeded_init(&b->seed, 1, &b->rng);
	sw_params_default(&params);
	params.mac = (struct mac){ { 2, 0, 0, 0, 0, 0xff } };
	params.snooping.max_groups = max_groups;
	params.snooping.max_sources = max_sources;
	params.snooping.max_hosts = params.snooping.max_source_records = 1000000;
	b->sw = switch_new(&params, &ops, b, &b->rng, b->now);
	if (!b->sw)
		bench_die("no memory");
	for (int i = 0; i < PORTS; i++) {
		struct sw_port_params p;
		char name[SW_PORT_NAME];
		snprintf(name, sizeof(name), "port%d", i);
		sw_port_params_default(i ? SW_PEER : SW_NIC, name, &p);
		b->ports[i] = switch_port_add(b->sw, &p, &port_ops, b, b->now, &err);
		if (!b->ports[i])
			bench_die("no port");
		switch_port_set_up(b->sw, b->ports[i], true, b->now);
	}
	/* Startup queries and the time of flooding are over. */
	b->now = mono_add(b->now, 40 * NSEC_PER_SEC);
	switch_tick(b->sw, b->now);
}

static struct ipaddr
bench_group(uint32_t g)
{
	return ipaddr_v4_u32(0xef010000 + g);
}

static struct mac
bench_mac(uint32_t host)
{
	return (struct mac){ { 2, 1, 0, (uint8_t)(host >> 16), (uint8_t)(host >> 8), (uint8_t)host } };
}

static void
bench_rx(struct bench *b, int port, uint8_t *data, size_t len)
{
	struct frame f = { .data = data, .len = (uint32_t)len };
	if (!len)
		bench_die("a frame that cannot be built");
	switch_rx(b->sw, b->ports[port], &f, 1, b->now);
}

/* A report of one record. */
static void
bench_report(struct bench *b, int port, uint32_t host, uint8_t type, uint32_t group, const struct ipaddr *sources,
	     uint16_t n)
{
	uint8_t buf[FRAME_HEADROOM + FRAME];
	const struct gm_build_record r = {
		.type = type, .group = bench_group(group), .sources = sources, .n_sources = n
	};
	const struct gm_build m = { .family = GM_IGMP,
				    .kind = GM_REPORT,
				    .version = 3,
				    .eth_src = bench_mac(host),
				    .ip_src = ipaddr_v4_u32(0x0a000002 + host),
				    .records = &r,
				    .n_records = 1 };
	bench_rx(b, port, buf + FRAME_HEADROOM, gm_build(&m, buf + FRAME_HEADROOM, FRAME));
}

/* All hosts report their group once; returns the time for one report. */
static double
bench_storm(struct bench *b, bool exclude)
{
	const struct ipaddr source = ipaddr_v4_u32(0x0a090901);
	const uint64_t start = bench_ns();
	for (uint32_t h = 0; h < HOSTS_PER_GROUP; h++)
		for (uint32_t g = 0; g < GROUPS; g++)
			bench_report(b, 1 + (int)((g * 7 + h * 131) % (PORTS - 1)), h, exclude ? GM_IS_EX : GM_ALLOW, g,
				     &source, !exclude);
	return (double)(bench_ns() - start) / (GROUPS * HOSTS_PER_GROUP);
}

static void
bench_reports(bool exclude)
{
	struct bench b;
	struct sw_counts c;
	bench_init(&b, GROUPS, 128);
	size_t before = mallinfo2().uordblks;
	double first = bench_storm(&b, exclude);
	size_t bytes = mallinfo2().uordblks - before;
	switch_counts(b.sw, &c);
	double again = bench_storm(&b, exclude);
	printf("%u groups x %d hosts, %d ports, %s: %.0f ns the first report, %.0f ns a later one, "
	       "%zu bytes a host with all that is kept for it (%u hosts, %u port groups)\n",
	       c.groups, HOSTS_PER_GROUP, PORTS - 1, exclude ? "any source" : "one source", first, again,
	       bytes / c.hosts, c.hosts, c.port_groups);
	switch_free(b.sw);
}

/* Several hosts of a group behind one port: what a host record alone takes. */
static void
bench_host_record(void)
{
	const struct ipaddr source = ipaddr_v4_u32(0x0a090901);
	struct bench b;
	struct sw_counts c;
	bench_init(&b, GROUPS, 128);
	for (uint32_t g = 0; g < GROUPS; g++)
		bench_report(&b, 1, 0, GM_ALLOW, g, &source, 1);
	size_t before = mallinfo2().uordblks;
	for (uint32_t h = 1; h < 9; h++)
		for (uint32_t g = 0; g < GROUPS; g++)
			bench_report(&b, 1, h, GM_ALLOW, g, &source, 1);
	size_t bytes = mallinfo2().uordblks - before;
	switch_counts(b.sw, &c);
	printf("a further host of a group behind the same port, one source: %zu bytes a record\n",
	       bytes / (c.hosts - GROUPS));
	switch_free(b.sw);
}

/* One group that every port wants; then one port lists sources. */
static void
bench_wide_group(void)
{
	struct ipaddr sources[100];
	struct bench b;
	bench_init(&b, GROUPS, 128);
	uint64_t start = bench_ns();
	for (int p = 1; p < PORTS; p++)
		bench_report(&b, p, (uint32_t)p, GM_IS_EX, 0, NULL, 0);
	printf("one group, %d ports join one after the other: %.0f ns a report\n", PORTS - 1,
	       (double)(bench_ns() - start) / (PORTS - 1));
	for (uint32_t i = 0; i < 100; i++)
		sources[i] = ipaddr_v4_u32(0x0a090000 + i);
	start = bench_ns();
	for (int i = 0; i < 500; i++)
		bench_report(&b, 1, 1, i & 1 ? GM_ALLOW : GM_BLOCK, 0, sources, 100);
	printf("then one of them blocks and allows 100 sources: %.0f ns a report\n",
	       (double)(bench_ns() - start) / 500);
	switch_free(b.sw);
}

static void
bench_many_sources(void)
{
	enum { EACH = 360, ALL = 65520 };
	static struct ipaddr sources[ALL];
	struct bench b;
	struct sw_counts c;
	bench_init(&b, GROUPS, 65535);
	for (uint32_t i = 0; i < ALL; i++)
		sources[i] = ipaddr_v4_u32(0x0a100000 + i);
	for (int i = 0; i < 2; i++) {
		uint64_t start = bench_ns();
		for (size_t at = 0; at < ALL; at += EACH)
			bench_report(&b, 1, 1, GM_ALLOW, 0, sources + at, EACH);
		printf("a report of %d sources, %s: %.0f us\n", EACH,
		       i ? "known ones among 65,520" : "new ones, up to 65,520 in the group",
		       (double)(bench_ns() - start) / (ALL / EACH) / 1000);
	}
	switch_counts(b.sw, &c);
	if (c.source_records != 2 * ALL)
		bench_die("sources were refused");
	switch_free(b.sw);
}

/* --- forwarding --- */

static uint32_t
bench_build_udp(struct bench *b, uint8_t *p, uint32_t groups)
{
	const struct ipaddr group = bench_group((uint32_t)rng_below(&b->rng, groups));
	const struct mac to = ipaddr_group_mac(&group);
	memset(p, 0, 60);
	memcpy(p, to.b, 6);
	memcpy(p + 6, "\x02\x02\0\0\0\1\x08\0\x45\0\0\x1c\0\0\0\0\x08\x11", 18);
	memcpy(p + 26, "\x0a\x09\x09\x01", 4);
	memcpy(p + 30, group.b + 12, 4);
	return 60;
}

static uint8_t bench_data[FRAMES][FRAME_HEADROOM + 64];

__attribute__((noinline)) static void
bench_forward_frames(struct bench *b)
{
	for (int i = 0; i < FRAMES; i += SW_BATCH) {
		struct frame frames[SW_BATCH];
		for (int k = 0; k < SW_BATCH; k++)
			frames[k] = (struct frame){ .data = bench_data[i + k] + FRAME_HEADROOM, .len = 60 };
		switch_rx(b->sw, b->ports[0], frames, SW_BATCH, b->now);
	}
}

/* Time for a frame to a random one of the groups, each with one member. */
static double
bench_forward(uint32_t groups, int rounds)
{
	struct bench b;
	bench_init(&b, groups, 128);
	for (uint32_t g = 0; g < groups; g++)
		bench_report(&b, 1 + (int)(g % (PORTS - 1)), 1, GM_IS_EX, g, NULL, 0);
	for (int i = 0; i < FRAMES; i++)
		bench_build_udp(&b, bench_data[i] + FRAME_HEADROOM, groups);
	b.sent = 0;
	uint64_t start = bench_ns();
	for (int i = 0; i < rounds; i++)
		bench_forward_frames(&b);
	double ns = (double)(bench_ns() - start) / ((double)rounds * FRAMES);
	if (b.sent != (uint64_t)rounds * FRAMES)
		bench_die("not every frame was sent once");
	switch_free(b.sw);
	return ns;
}

int
main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "forward") == 0) {
		printf("%.1f ns a frame with %s groups\n", bench_forward((uint32_t)strtoul(argv[2], NULL, 10), 10),
		       argv[2]);
		return 0;
	}
	bench_reports(false);
	bench_reports(true);
	bench_host_record();
	bench_wide_group();
	bench_many_sources();
	const double few = bench_forward(10, ROUNDS), many = bench_forward(50000, ROUNDS);
	printf("forwarding: %.1f ns a frame with 10 groups, %.1f ns with 50,000: x%.2f\n", few, many, many / few);
	return 0;
}
