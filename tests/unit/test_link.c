/* src/io/link.c and link_route.c: what they do is looked at with the ip command, in a network namespace of its own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "castswitch/link.h"
#include "castswitch/tap.h"
#include "unit/netns.h"

struct fixture {
	struct link *link;
	struct tap *tap;   /* cast0, up */
	struct tap *other; /* eth0, up before it: 192.0.2.1/24, 2001:db8::1/64 and the default routes */
	unsigned cast0, eth0;
};

static struct ipprefix
prefix(const char *s)
{
	struct ipprefix p;

	assert_true(ipprefix_parse(s, &p));
	return p;
}

static struct ipaddr
addr(const char *s)
{
	struct ipaddr a;

	assert_true(ipaddr_parse(s, &a));
	return a;
}

static struct tap *
tap_new(const char *name)
{
	char err[128] = "";
	struct tap *t = tap_open(name, err, sizeof(err));

	if (!t)
		fail_msg("tap_open: %s", err);
	return t;
}

static void
run(const char *command)
{
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static int
setup(void **state)
{
	static struct fixture f;

	f.link = link_open();
	assert_non_null(f.link);
	f.other = tap_new("eth0");
	f.tap = tap_new("cast0");
	f.eth0 = tap_ifindex(f.other);
	f.cast0 = tap_ifindex(f.tap);
	run("ip addr add 192.0.2.1/24 dev eth0 && ip addr add 2001:db8::1/64 dev eth0 nodad && ip link set eth0 up");
	run("ip route add default via 192.0.2.254 && ip -6 route add default via 2001:db8::fe");
	assert_int_equal(link_set_up(f.link, f.cast0), 0);
	assert_string_equal(link_error(f.link), "");
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	link_close(f->link);
	tap_close(f->tap);
	tap_close(f->other);
	return 0;
}

/* Whether the output of 'command' contains 'text'. */
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

/* The source address of a socket that sends to 'to' without choosing an interface. */
static void
source_towards(const char *to, char text[INET6_ADDRSTRLEN])
{
	const bool v4 = !strchr(to, ':');
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(9) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
	const int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
	struct sockaddr *sa = v4 ? (struct sockaddr *)&in : (struct sockaddr *)&in6;
	socklen_t len = v4 ? sizeof(in) : sizeof(in6);
	void *ip = v4 ? (void *)&in.sin_addr : (void *)&in6.sin6_addr;

	assert_int_equal(inet_pton(sa->sa_family, to, ip), 1);
	assert_int_equal(connect(fd, sa, len), 0);
	assert_int_equal(getsockname(fd, sa, &len), 0);
	assert_non_null(inet_ntop(sa->sa_family, ip, text, INET6_ADDRSTRLEN));
	close(fd);
}

static void
expect_source(const char *to, const char *from)
{
	char text[INET6_ADDRSTRLEN];

	source_towards(to, text);
	assert_string_equal(text, from);
}

/* --- interfaces --- */

static void
interfaces_are_found_by_name_and_index(void **state)
{
	struct fixture *f = *state;
	struct link_info info = { 0 }, same = { 0 };
	struct mac mac = { { 0 } };

	assert_int_equal(link_by_name(f->link, "cast0", &info), 0);
	assert_int_equal(info.ifindex, f->cast0);
	assert_string_equal(info.name, "cast0");
	assert_int_equal(info.mtu, 1500);
	assert_int_equal(info.master, 0);
	assert_true(info.up);
	assert_true(info.carrier);
	assert_int_equal(tap_mac(f->tap, &mac), 0);
	assert_true(mac_equal(&mac, &info.mac));
	assert_int_equal(link_by_index(f->link, f->cast0, &same), 0);
	assert_memory_equal(&info, &same, sizeof(info));
	assert_int_equal(link_by_name(f->link, "lo", &info), 0);
	assert_false(info.up);
	assert_false(info.carrier);
}

static void
an_unknown_interface_is_enodev(void **state)
{
	struct fixture *f = *state;
	struct link_info info;

	assert_int_equal(link_by_name(f->link, "eth9", &info), -ENODEV);
	assert_string_equal(link_error(f->link), "eth9: No such device");
	assert_int_equal(link_by_name(f->link, "sixteenletters16", &info), -ENODEV);
	assert_int_equal(link_by_index(f->link, 0, &info), -ENODEV);
	assert_int_equal(link_by_index(f->link, 999999, &info), -ENODEV);
	assert_int_equal(link_set_up(f->link, 999999), -ENODEV);
	assert_string_equal(link_error(f->link), "#999999: can't set it up: No such device");
}

static void
state_mtu_and_mac_are_set(void **state)
{
	struct fixture *f = *state;
	const struct mac mac = { { 0x02, 0xca, 0x57, 0, 0, 0x01 } };
	const struct mac group = { { 0x01, 0, 0x5e, 0, 0, 0x01 } };
	struct link_info info;

	assert_int_equal(link_set_mtu(f->link, f->cast0, 1400), 0);
	assert_int_equal(link_set_mac(f->link, f->cast0, &mac), 0);
	assert_int_equal(link_set_down(f->link, f->cast0), 0);
	assert_int_equal(link_by_index(f->link, f->cast0, &info), 0);
	assert_int_equal(info.mtu, 1400);
	assert_true(mac_equal(&info.mac, &mac));
	assert_false(info.up);
	assert_false(info.carrier);
	assert_true(shows("ip -j link show dev cast0", "\"address\":\"02:ca:57:00:00:01\""));
	assert_int_equal(link_set_mtu(f->link, f->cast0, 1000000), -EINVAL);
	assert_int_equal(link_set_mac(f->link, f->cast0, &group), -EADDRNOTAVAIL);
	assert_int_equal(strncmp(link_error(f->link), "cast0: can't set the MAC address to 01:00:5e:00:00:01: ", 55),
			 0);
	assert_int_equal(link_by_index(f->link, f->cast0, &info), 0);
	assert_int_equal(info.mtu, 1400);
}

static void
a_bridge_takes_and_releases_an_interface(void **state)
{
	struct fixture *f = *state;
	struct link_info br, info;

	if (system("ip link add br0 type bridge 2>/dev/null") != 0) {
		printf("# this kernel has no bridge\n");
		return;
	}
	assert_int_equal(link_by_name(f->link, "br0", &br), 0);
	assert_int_equal(link_master_set(f->link, f->cast0, br.ifindex), 0);
	assert_int_equal(link_by_index(f->link, f->cast0, &info), 0);
	assert_int_equal(info.master, br.ifindex);
	assert_int_equal(link_master_set(f->link, f->cast0, 0), 0);
	assert_int_equal(link_by_index(f->link, f->cast0, &info), 0);
	assert_int_equal(info.master, 0);
	assert_true(link_master_set(f->link, f->cast0, f->eth0) < 0);
	run("ip link del br0");
}

/* --- addresses --- */

static void
addresses_come_and_go(void **state)
{
	struct fixture *f = *state;
	const struct ipprefix v4 = prefix("10.8.0.1/24"), p2p = prefix("10.9.0.1/31"), v6 = prefix("fd08::1/64");

	assert_int_equal(link_addr_add(f->link, f->cast0, &v4), 0);
	assert_int_equal(link_addr_add(f->link, f->cast0, &p2p), 0);
	assert_int_equal(link_addr_add(f->link, f->cast0, &v6), 0);
	assert_true(shows("ip -j addr show dev cast0",
			  "\"local\":\"10.8.0.1\",\"prefixlen\":24,\"broadcast\":\"10.8.0.255\""));
	assert_true(shows("ip -j addr show dev cast0", "\"local\":\"10.9.0.1\",\"prefixlen\":31,\"scope\""));
	assert_true(shows("ip -j addr show dev cast0", "\"local\":\"fd08::1\",\"prefixlen\":64"));
	assert_false(shows("ip addr show dev cast0 to fd08::/64 tentative", "fd08::1"));
	assert_true(shows("ip -j route show dev cast0", "10.8.0.0/24"));

	assert_int_equal(link_addr_add(f->link, f->cast0, &v4), -EEXIST);
	assert_int_equal(strncmp(link_error(f->link), "cast0: can't add address 10.8.0.1/24: File exists", 49), 0);
	assert_int_equal(link_addr_add(f->link, f->cast0, &v6), -EEXIST);

	for (int again = 0; again < 2; again++) {
		assert_int_equal(link_addr_del(f->link, f->cast0, &v4), 0);
		assert_int_equal(link_addr_del(f->link, f->cast0, &p2p), 0);
		assert_int_equal(link_addr_del(f->link, f->cast0, &v6), 0);
	}
	assert_false(shows("ip -j addr show dev cast0", "10.8.0.1"));
	assert_false(shows("ip -j addr show dev cast0", "fd08::1"));
	assert_int_equal(link_addr_del(f->link, 999999, &v4), 0);
}

static void
bad_prefixes_are_refused(void **state)
{
	struct fixture *f = *state;
	struct ipprefix p = prefix("10.8.0.1/32");

	p.len = 33;
	assert_int_equal(link_addr_add(f->link, f->cast0, &p), -EINVAL);
	assert_int_equal(link_route_add(f->link, &p, f->cast0, NULL, 0), -EINVAL);
	p = prefix("fd08::/128");
	p.len = 129;
	assert_int_equal(link_addr_add(f->link, f->cast0, &p), -EINVAL);
	assert_int_equal(link_route_add(f->link, &p, f->cast0, NULL, 0), -EINVAL);
}

/* --- unicast routes --- */

static void
routes_come_and_go(void **state)
{
	struct fixture *f = *state;
	const struct ipprefix v4 = prefix("10.8.0.1/24"), v6 = prefix("fd08::1/64");
	const struct ipprefix far4 = prefix("172.16.5.5/12"), far6 = prefix("2001:db8:5::5/48");
	const struct ipaddr gw4 = addr("10.8.0.254"), gw6 = addr("fd08::fe");

	assert_int_equal(link_addr_add(f->link, f->cast0, &v4), 0);
	assert_int_equal(link_addr_add(f->link, f->cast0, &v6), 0);
	assert_int_equal(link_route_add(f->link, &far4, f->cast0, &gw4, 50), 0);
	assert_int_equal(link_route_add(f->link, &far6, f->cast0, &gw6, 0), 0);
	assert_true(shows("ip route show", "172.16.0.0/12 via 10.8.0.254 dev cast0 proto static metric 50"));
	assert_true(shows("ip -6 route show", "2001:db8:5::/48 via fd08::fe dev cast0 proto static metric 1024"));
	assert_int_equal(link_route_add(f->link, &far4, f->cast0, &gw4, 50), -EEXIST);
	assert_int_equal(strncmp(link_error(f->link), "cast0: can't add route 172.16.5.5/12: File exists", 49), 0);
	assert_int_equal(link_route_add(f->link, &far6, f->cast0, &gw6, 0), -EEXIST);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(link_route_del(f->link, &far4, f->cast0, &gw4, 50), 0);
		assert_int_equal(link_route_del(f->link, &far6, f->cast0, &gw6, 0), 0);
	}
	assert_false(shows("ip route show", "172.16.0.0/12"));
	assert_false(shows("ip -6 route show", "2001:db8:5::/48"));
}

static void
a_route_on_the_link_and_default_routes(void **state)
{
	struct fixture *f = *state;
	const struct ipprefix on_link = prefix("172.16.0.0/12"), any4 = prefix("0.0.0.0/0"), any6 = prefix("::/0");

	assert_int_equal(link_route_add(f->link, &on_link, f->cast0, NULL, 0), 0);
	assert_true(shows("ip route show", "172.16.0.0/12 dev cast0 proto static scope link"));
	assert_int_equal(link_route_add(f->link, &any4, f->cast0, NULL, 10), 0);
	assert_int_equal(link_route_add(f->link, &any6, f->cast0, NULL, 10), 0);
	assert_true(shows("ip route show", "default dev cast0 proto static scope link metric 10"));
	assert_true(shows("ip -6 route show", "default dev cast0 proto static metric 10"));
	assert_int_equal(link_route_del(f->link, &any4, f->cast0, NULL, 10), 0);
	assert_int_equal(link_route_del(f->link, &any6, f->cast0, NULL, 10), 0);
	assert_true(shows("ip route show", "default via 192.0.2.254 dev eth0"));
	assert_true(shows("ip -6 route show", "default via 2001:db8::fe dev eth0"));
}

static void
deleting_never_takes_what_somebody_else_added(void **state)
{
	struct fixture *f = *state;
	const struct ipprefix v4 = prefix("10.8.0.1/24"), v6 = prefix("fd08::1/64");

	assert_int_equal(link_addr_add(f->link, f->cast0, &v4), 0);
	assert_int_equal(link_addr_add(f->link, f->cast0, &v6), 0);
	assert_int_equal(link_route_add(f->link, &v4, f->cast0, NULL, 0), -EEXIST);
	assert_int_equal(link_route_del(f->link, &v4, f->cast0, NULL, 0), 0);
	assert_int_equal(link_route_del(f->link, &v6, f->cast0, NULL, 0), 0);
	assert_int_equal(link_route_del(f->link, &v6, f->cast0, NULL, 256), 0);
	assert_true(shows("ip route show dev cast0", "10.8.0.0/24 proto kernel"));
	assert_true(shows("ip -6 route show dev cast0", "fd08::/64 proto kernel"));
}

static void
a_refused_route_says_why(void **state)
{
	struct fixture *f = *state;
	const struct ipprefix dst = prefix("172.16.0.0/12");
	const struct ipaddr nowhere = addr("203.0.113.1"), gw6 = addr("fd08::fe");

	assert_int_equal(link_route_add(f->link, &dst, f->cast0, &nowhere, 0), -ENETUNREACH);
	assert_string_equal(link_error(f->link), "cast0: can't add route 172.16.0.0/12: Network is unreachable "
						 "(Nexthop has invalid gateway)");
	assert_int_equal(link_route_add(f->link, &dst, f->cast0, &gw6, 0), -EINVAL);
	assert_string_equal(link_error(f->link), "cast0: can't add route 172.16.0.0/12: Invalid argument");
}

/* --- multicast routes --- */

static void
multicast_of_sockets_that_choose_no_interface_goes_to_the_routed_one(void **state)
{
	struct fixture *f = *state;
	const struct ipprefix v4 = prefix("10.8.0.1/24"), v6 = prefix("fd08::1/64");
	const struct ipprefix mc4 = prefix("224.0.0.0/4"), mc6 = prefix("ff00::/8");

	assert_int_equal(link_addr_add(f->link, f->cast0, &v4), 0);
	assert_int_equal(link_addr_add(f->link, f->cast0, &v6), 0);
	expect_source("239.1.1.1", "192.0.2.1");
	expect_source("ff05::1", "2001:db8::1");

	assert_int_equal(link_route_add(f->link, &mc4, f->cast0, NULL, 0), 0);
	assert_int_equal(link_route_add(f->link, &mc6, f->cast0, NULL, 0), 0);
	assert_true(shows("ip -j route get 239.1.1.1", "\"dev\":\"cast0\""));
	assert_true(shows("ip -j -6 route get ff05::1", "\"dev\":\"cast0\""));
	expect_source("239.1.1.1", "10.8.0.1");
	expect_source("ff05::1", "fd08::1");

	/* An interface that comes up later changes nothing. */
	run("ip link set eth0 down && ip link set eth0 up");
	assert_true(shows("ip -j -6 route get ff05::1", "\"dev\":\"cast0\""));

	assert_int_equal(link_route_add(f->link, &mc6, f->cast0, NULL, 1024), -EEXIST); /* the same metric, in effect */
	assert_int_equal(link_route_del(f->link, &mc4, f->cast0, NULL, 0), 0);
	assert_int_equal(link_route_del(f->link, &mc6, f->cast0, NULL, 0), 0);
	run("ip link set cast0 down && ip link set cast0 up"); /* so that eth0 is the first again */
	assert_true(shows("ip -j -6 route get ff05::1", "\"dev\":\"eth0\""));
	assert_true(shows("ip -6 route show table local dev cast0", "multicast ff00::/8 proto kernel metric 256"));
}

static void
a_part_of_ipv6_multicast_can_be_routed_too(void **state)
{
	struct fixture *f = *state;
	const struct ipprefix mc6 = prefix("ff0e::/16");

	assert_int_equal(link_route_add(f->link, &mc6, f->cast0, NULL, 255), 0);
	assert_true(shows("ip -j -6 route get ff0e::1", "\"dev\":\"cast0\""));
	assert_true(shows("ip -j -6 route get ff05::1", "\"dev\":\"eth0\""));
	assert_true(shows("ip -6 route show table local dev cast0", "multicast ff0e::/16 proto static metric 255"));
	assert_int_equal(link_route_del(f->link, &mc6, f->cast0, NULL, 255), 0);
	assert_true(shows("ip -j -6 route get ff0e::1", "\"dev\":\"eth0\""));
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(interfaces_are_found_by_name_and_index),
		T(an_unknown_interface_is_enodev),
		T(state_mtu_and_mac_are_set),
		T(a_bridge_takes_and_releases_an_interface),
		T(addresses_come_and_go),
		T(bad_prefixes_are_refused),
		T(routes_come_and_go),
		T(a_route_on_the_link_and_default_routes),
		T(deleting_never_takes_what_somebody_else_added),
		T(a_refused_route_says_why),
		T(multicast_of_sockets_that_choose_no_interface_goes_to_the_routed_one),
		T(a_part_of_ipv6_multicast_can_be_routed_too),
	};
#undef T

	if (!netns_enter(NETNS_TUN | NETNS_IP))
		return netns_skip_all();
	return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
