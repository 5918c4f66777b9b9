/* src/io/link_way.c and route_watch.c: the way to a host among routes that the ip command makes, in a network namespace
 * of its own. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "castswitch/link.h"
#include "castswitch/route_watch.h"
#include "castswitch/tap.h"
#include "unit/netns.h"

/* eth0 192.0.2.2/24, 2001:db8::2/64; wlan0 198.51.100.2/24; cast0 10.8.0.2/24, fd08::2/64. */
struct fixture {
	struct link *link;
	struct tap *taps[3];
	unsigned cast0, eth0, wlan0;
};

static struct ipaddr
addr(const char *s)
{
	struct ipaddr a;

	assert_true(ipaddr_parse(s, &a));
	return a;
}

static void
run(const char *command)
{
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static unsigned
tap_new(struct tap **ret, const char *name, const char *commands)
{
	char err[128] = "";

	*ret = tap_open(name, err, sizeof(err));
	if (!*ret)
		fail_msg("tap_open: %s", err);
	run(commands);
	return tap_ifindex(*ret);
}

static int
setup(void **state)
{
	static struct fixture f;

	f.link = link_open();
	assert_non_null(f.link);
	f.eth0 = tap_new(&f.taps[0], "eth0",
			 "ip addr add 192.0.2.2/24 dev eth0 && ip addr add 2001:db8::2/64 dev eth0 "
			 "nodad && ip link set eth0 up");
	f.wlan0 = tap_new(&f.taps[1], "wlan0", "ip addr add 198.51.100.2/24 dev wlan0 && ip link set wlan0 up");
	f.cast0 = tap_new(&f.taps[2], "cast0",
			  "ip addr add 10.8.0.2/24 dev cast0 && ip addr add fd08::2/64 dev cast0 "
			  "nodad && ip link set cast0 up");
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	link_close(f->link);
	for (unsigned i = 0; i < 3; i++)
		tap_close(f->taps[i]);
	run("ip route flush table main && ip -6 route flush table main");
	return 0;
}

static bool
shows(const char *command, const char *text)
{
	static char out[65536];
	FILE *p = popen(command, "r");
	size_t n;

	assert_non_null(p);
	n = fread(out, 1, sizeof(out) - 1, p);
	out[n] = '\0';
	assert_int_equal(pclose(p), 0);
	return strstr(out, text);
}

/* Without cast0. */
static struct link_way
found(const struct fixture *f, const char *dst, bool own)
{
	const struct ipaddr a = addr(dst);
	struct link_way way = { .oif = 999 };

	assert_int_equal(link_way_find(f->link, &a, f->cast0, own, &way), 0);
	return way;
}

static void
expect_way(const struct fixture *f, const char *dst, unsigned oif, const char *gateway)
{
	const struct link_way way = found(f, dst, true);
	const struct ipaddr gw = gateway ? addr(gateway) : IPADDR_ANY;

	assert_int_equal(way.oif, oif);
	assert_true(ipaddr_equal(&way.gateway, &gw));
}

static void
set_way(const struct fixture *f, const char *dst, const struct link_way *way, bool own)
{
	const struct ipaddr a = addr(dst);

	if (link_way_set(f->link, &a, way, own) != 0)
		fail_msg("%s", link_error(f->link));
}

static void
del_way(const struct fixture *f, const char *dst, const struct link_way *way)
{
	const struct ipaddr a = addr(dst);

	assert_int_equal(link_way_del(f->link, &a, way), 0);
}

/* --- finding --- */

static void
the_longest_prefix_then_the_lowest_metric(void **state)
{
	struct fixture *f = *state;

	run("ip route add default via 192.0.2.254 metric 200");
	expect_way(f, "203.0.113.9", f->eth0, "192.0.2.254");
	run("ip route add default via 198.51.100.254 metric 100");
	expect_way(f, "203.0.113.9", f->wlan0, "198.51.100.254");
	run("ip route add 203.0.113.0/24 via 192.0.2.253 metric 300");
	expect_way(f, "203.0.113.9", f->eth0, "192.0.2.253");
	expect_way(f, "203.0.114.9", f->wlan0, "198.51.100.254");
	expect_way(f, "192.0.2.7", f->eth0, NULL);
	run("ip -6 route add default via 2001:db8::fe");
	expect_way(f, "2001:db8:99::1", f->eth0, "2001:db8::fe");
	expect_way(f, "2001:db8::1", f->eth0, NULL);
}

static void
there_may_be_none(void **state)
{
	struct fixture *f = *state;
	const struct ipaddr v4 = addr("203.0.113.9"), v6 = addr("2001:db8:99::1");
	struct link_way way = { .oif = 999 };

	run("ip route add default dev cast0 && ip -6 route add default dev cast0");
	assert_int_equal(link_way_find(f->link, &v4, f->cast0, false, &way), -ENETUNREACH);
	assert_string_equal(link_error(f->link), "can't find a way to 203.0.113.9: Network is unreachable");
	assert_int_equal(link_way_find(f->link, &v6, f->cast0, false, &way), -ENETUNREACH);
	assert_int_equal(way.oif, 999);
	assert_int_equal(link_way_find(f->link, &v4, 0, false, &way), 0);
	assert_int_equal(way.oif, f->cast0);
}

static void
what_leads_into_the_tap_does_not_count(void **state)
{
	struct fixture *f = *state;

	run("ip route add default via 192.0.2.254 && ip route add 0.0.0.0/1 via 10.8.0.1 && ip route add "
	    "203.0.113.9/32 "
	    "dev cast0");
	expect_way(f, "203.0.113.9", f->eth0, "192.0.2.254");
}

static void
refusals_and_other_tables(void **state)
{
	struct fixture *f = *state;

	run("ip route add default via 192.0.2.254 && ip route add 203.0.113.9/32 via 192.0.2.1 table 99");
	expect_way(f, "203.0.113.9", f->eth0, "192.0.2.254");
	run("ip route add unreachable 203.0.113.0/24");
	expect_way(f, "203.0.113.9", 0, NULL);
	run("ip route del unreachable 203.0.113.0/24 && ip route add throw 203.0.113.0/24");
	expect_way(f, "203.0.113.9", f->eth0, "192.0.2.254");
}

static void
gateways_of_several_and_of_other_kinds(void **state)
{
	struct fixture *f = *state;
	struct link_way way;

	run("ip route add 203.0.113.0/24 nexthop via 198.51.100.254 nexthop via 192.0.2.254");
	expect_way(f, "203.0.113.9", f->wlan0, "198.51.100.254");
	run("ip route add 203.0.114.0/24 via inet6 2001:db8::fe dev eth0");
	expect_way(f, "203.0.114.9", f->eth0, "2001:db8::fe");
	run("ip route add 203.0.115.0/24 via 172.31.1.1 dev eth0 onlink src 192.0.2.2");
	way = found(f, "203.0.115.9", true);
	assert_true(way.onlink);
	const struct ipaddr source = addr("192.0.2.2");

	assert_true(ipaddr_equal(&way.source, &source));
	/* each of them can be set, and is found again */
	static const char *const hosts[] = { "203.0.113.9", "203.0.114.9", "203.0.115.9" };

	for (unsigned i = 0; i < 3; i++) {
		way = found(f, hosts[i], true);
		set_way(f, hosts[i], &way, false);
		const struct link_way again = found(f, hosts[i], false);

		assert_true(link_way_equal(&way, &again));
		del_way(f, hosts[i], &way);
	}
}

/* One with carrier, though the other would be preferred. */
static void
without_carrier_only_when_there_is_no_other(void **state)
{
	struct fixture *f = *state;

	run("ip route add default via 192.0.2.254 metric 100 && ip route add default via 198.51.100.254 metric 200");
	tap_close(f->taps[0]);
	/* a tap without its program would be gone; a veth whose other end is down has no carrier */
	if (system("ip link add eth0 type veth peer name far 2>/dev/null") != 0) {
		printf("# this kernel has no veth\n");
		f->taps[0] = NULL;
		return;
	}
	f->taps[0] = NULL;
	run("ip addr add 192.0.2.2/24 dev eth0 && ip link set far up && ip link set eth0 up && ip route add default "
	    "via "
	    "192.0.2.254 metric 100");
	const struct ipaddr gw = addr("192.0.2.254");
	struct link_way way = found(f, "203.0.113.9", true);

	assert_true(ipaddr_equal(&way.gateway, &gw));
	run("ip link set far down");
	assert_true(shows("ip route show", "linkdown"));
	expect_way(f, "203.0.113.9", f->wlan0, "198.51.100.254");
	run("ip route del default via 198.51.100.254");
	way = found(f, "203.0.113.9", true);
	assert_true(ipaddr_equal(&way.gateway, &gw));
	run("ip link del eth0");
}

/* --- keeping --- */

static void
a_host_route_comes_changes_and_goes(void **state)
{
	struct fixture *f = *state;
	const struct ipaddr dst = addr("203.0.113.9");
	struct link_way way, other;

	run("ip route add default via 192.0.2.254 metric 100");
	way = found(f, "203.0.113.9", false);
	set_way(f, "203.0.113.9", &way, false);
	assert_true(shows("ip route show", "203.0.113.9 via 192.0.2.254 dev eth0 proto static"));
	run("ip route add 128.0.0.0/1 via 10.8.0.1");
	assert_true(shows("ip route get 203.0.113.9", "dev eth0"));
	assert_int_equal(link_way_set(f->link, &dst, &way, false), -EEXIST);
	assert_int_equal(strncmp(link_error(f->link), "eth0: can't add route 203.0.113.9: File exists", 46), 0);

	/* The present way is still found beside our own, and a better one, too. */
	assert_true(link_way_equal(&way, &(struct link_way){ .oif = f->eth0, .gateway = addr("192.0.2.254") }));
	other = found(f, "203.0.113.9", true);
	assert_true(link_way_equal(&way, &other));
	run("ip route add default via 198.51.100.254 metric 50");
	other = found(f, "203.0.113.9", false);
	assert_true(link_way_equal(&way, &other));
	other = found(f, "203.0.113.9", true);
	assert_false(link_way_equal(&way, &other));
	set_way(f, "203.0.113.9", &other, true);
	assert_true(shows("ip route show", "203.0.113.9 via 198.51.100.254 dev wlan0 proto static"));
	assert_false(shows("ip route show", "203.0.113.9 via 192.0.2.254"));

	for (int again = 0; again < 2; again++)
		del_way(f, "203.0.113.9", &other);
	assert_false(shows("ip route show", "203.0.113.9"));
}

static void
the_same_for_ipv6_and_on_the_link(void **state)
{
	struct fixture *f = *state;
	struct link_way way;

	run("ip -6 route add default via 2001:db8::fe");
	way = found(f, "2001:db8:99::1", false);
	set_way(f, "2001:db8:99::1", &way, false);
	assert_true(shows("ip -6 route show", "2001:db8:99::1 via 2001:db8::fe dev eth0 proto static metric 1"));
	assert_true(link_way_equal(&way, &(struct link_way){ .oif = f->eth0, .gateway = addr("2001:db8::fe") }));
	set_way(f, "2001:db8:99::1", &way, true);
	del_way(f, "2001:db8:99::1", &way);
	assert_false(shows("ip -6 route show", "2001:db8:99::1"));
	way = found(f, "192.0.2.7", false);
	set_way(f, "192.0.2.7", &way, false);
	assert_true(shows("ip route show", "192.0.2.7 dev eth0 proto static scope link"));
	del_way(f, "192.0.2.7", &way);
	assert_false(shows("ip route show", "192.0.2.7"));
}

static void
nowhere_is_a_way_too(void **state)
{
	struct fixture *f = *state;
	const struct link_way nowhere = { .oif = 0 };

	run("ip route add default dev cast0 && ip -6 route add default dev cast0");
	set_way(f, "203.0.113.9", &nowhere, false);
	set_way(f, "2001:db8:99::1", &nowhere, false);
	assert_true(shows("ip route show", "unreachable 203.0.113.9 proto static"));
	assert_true(shows("ip -6 route show table main", "unreachable 2001:db8:99::1 dev lo proto static metric 1"));
	run("ip route add default via 192.0.2.254 metric 100 && ip -6 route add default via 2001:db8::fe metric 100");
	for (const char *const *dst = (const char *const[]){ "203.0.113.9", "2001:db8:99::1", NULL }; *dst; dst++) {
		const struct link_way way = found(f, *dst, true);

		assert_int_equal(way.oif, f->eth0);
		set_way(f, *dst, &way, true);
		set_way(f, *dst, &nowhere, true);
		del_way(f, *dst, &nowhere);
	}
	assert_false(shows("ip route show", "203.0.113.9"));
	assert_false(shows("ip -6 route show", "2001:db8:99::1"));
}

static void
deleting_never_takes_what_somebody_else_added(void **state)
{
	struct fixture *f = *state;
	struct link_way way;

	run("ip route add 203.0.113.9/32 via 192.0.2.254");
	way = found(f, "203.0.113.9", true);
	assert_int_equal(way.oif, f->eth0);
	del_way(f, "203.0.113.9", &way);
	assert_true(shows("ip route show", "203.0.113.9 via 192.0.2.254 dev eth0"));
	del_way(f, "203.0.113.9", &(struct link_way){ .oif = f->wlan0, .gateway = addr("198.51.100.254") });
	assert_true(shows("ip route show", "203.0.113.9 via 192.0.2.254 dev eth0"));
}

/* --- watching --- */

static bool
notices(struct route_watch *w, const struct fixture *f, const char *command)
{
	struct pollfd p = { .fd = route_watch_fd(w), .events = POLLIN };

	run(command);
	assert_int_equal(poll(&p, 1, 5000), 1);
	return route_watch_read(w, f->cast0);
}

static void
changes_of_routes_are_noticed(void **state)
{
	struct fixture *f = *state;
	struct route_watch *w = route_watch_open();

	assert_non_null(w);
	assert_false(route_watch_read(w, f->cast0));
	assert_true(notices(w, f, "ip route add default via 192.0.2.254"));
	assert_false(route_watch_read(w, f->cast0));
	assert_true(notices(w, f, "ip route replace default via 192.0.2.253"));
	assert_true(notices(w, f, "ip route del default"));
	assert_true(notices(w, f, "ip -6 route add default via 2001:db8::fe"));
	/* what leads into the tap, and other tables */
	assert_false(notices(w, f, "ip route add 172.16.0.0/12 dev cast0"));
	assert_false(notices(w, f, "ip route add 172.16.0.0/12 dev eth0 table 99"));
	assert_false(notices(w, f, "ip addr add 10.9.0.1/24 dev cast0"));
	/* the kernel tells of no route here */
	run("ip route add default via 192.0.2.254");
	while (route_watch_read(w, f->cast0))
		;
	assert_true(notices(w, f, "ip link set eth0 down"));
	assert_false(shows("ip route show", "default"));
	assert_true(notices(w, f, "ip addr del 198.51.100.2/24 dev wlan0"));
	route_watch_close(w);
	route_watch_close(NULL);
}

/* What the kernel does now, other tables and our own routes included. */
static void
where_packets_leave_now(void **state)
{
	struct fixture *f = *state;
	const struct ipaddr near = addr("192.0.2.9"), far = addr("203.0.113.5"), v6 = addr("2001:db8::9");
	unsigned oif = 77;

	assert_int_equal(link_out(f->link, &near, &oif), 0);
	assert_int_equal(oif, f->eth0);
	assert_int_equal(link_out(f->link, &v6, &oif), 0);
	assert_int_equal(oif, f->eth0);
	oif = 77;
	assert_int_equal(link_out(f->link, &far, &oif), -ENETUNREACH);
	assert_int_equal(oif, 77);
	assert_string_equal(link_error(f->link), "can't find out how to reach 203.0.113.5: Network is unreachable");
	run("ip route add 203.0.113.0/24 dev cast0");
	assert_int_equal(link_out(f->link, &far, &oif), 0);
	assert_int_equal(oif, f->cast0);
	run("ip route add 203.0.113.5/32 via 192.0.2.1 table 77 && ip rule add to 203.0.113.5 table 77");
	assert_int_equal(link_out(f->link, &far, &oif), 0);
	assert_int_equal(oif, f->eth0);
	run("ip rule del to 203.0.113.5 table 77");
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(the_longest_prefix_then_the_lowest_metric),
		T(there_may_be_none),
		T(what_leads_into_the_tap_does_not_count),
		T(refusals_and_other_tables),
		T(gateways_of_several_and_of_other_kinds),
		T(without_carrier_only_when_there_is_no_other),
		T(a_host_route_comes_changes_and_goes),
		T(the_same_for_ipv6_and_on_the_link),
		T(nowhere_is_a_way_too),
		T(deleting_never_takes_what_somebody_else_added),
		T(changes_of_routes_are_noticed),
		T(where_packets_leave_now),
	};
#undef T

	if (!netns_enter(NETNS_TUN | NETNS_IP))
		return netns_skip_all();
	return cmocka_run_group_tests_name("link_way", tests, NULL, NULL);
}
