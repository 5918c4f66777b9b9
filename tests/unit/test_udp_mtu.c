/* src/io/udp.c where the MTU is small: in a network namespace of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <poll.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "castswitch/udp.h"
#include "unit/netns.h"

enum { PATIENCE_MS = 10000, MTU = 1500 };

static const struct mono now = { .ns = 1000 };

static void
loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_mtu = MTU };
	const int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(ioctl(fd, SIOCSIFMTU, &ifr), 0);
	ifr.ifr_flags = IFF_UP;
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &ifr), 0);
	close(fd);
}

static struct udp *
open_socket(const char *address)
{
	struct endpoint local = { .port = 0 };
	char err[128] = "";
	struct udp *u;

	assert_true(ipaddr_parse(address, &local.ip));
	u = udp_open(&local, &(struct udp_params){ 0 }, err, sizeof(err));
	if (!u)
		fail_msg("udp_open: %s", err);
	return u;
}

static void
queue(struct udp *u, size_t len)
{
	const struct path self = { .remote = *udp_local(u) };
	uint8_t *room = udp_tx_slot(u, len);

	assert_non_null(room);
	memset(room, 'x', len);
	udp_tx_commit(u, &self, len, 0);
}

/* Receives until n datagrams are there, and checks their lengths. */
static void
expect_lengths(struct udp *u, const size_t *lengths, unsigned n)
{
	struct pollfd p = { .fd = udp_fd(u), .events = POLLIN };
	struct udp_dgram *d;

	for (unsigned got = 0; got < n;) {
		int k;

		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
		k = udp_recv(u, &d);
		for (int i = 0; i < k; i++)
			assert_int_equal(d[i].len, lengths[got++]);
	}
}

/* Two that fit, two that don't, and a short one. */
static void
never_fragmented(const char *address, size_t fits)
{
	const size_t lengths[] = { fits - 1, fits, 1 };
	struct udp *u = open_socket(address);
	struct udp_refused r;

	for (size_t len = fits - 1; len <= fits + 1; len++)
		queue(u, len);
	queue(u, UDP_DGRAM_MAX);
	queue(u, 1);
	udp_flush(u, now);
	expect_lengths(u, lengths, 3);
	assert_int_equal(udp_stats(u)->drops[DROP_PATH_MTU], 2);
	assert_int_equal(udp_stats(u)->drops[DROP_SEND_ERROR], 0);
	assert_int_equal(udp_stats(u)->tx_datagrams, 3);
	assert_false(udp_wants_write(u));
	assert_true(udp_take_refused(u, &r));
	assert_int_equal(r.len, fits + 1);
	assert_true(endpoint_equal(&r.to, udp_local(u)));
	assert_true(udp_take_refused(u, &r));
	assert_int_equal(r.len, UDP_DGRAM_MAX);
	assert_false(udp_take_refused(u, &r));
	udp_close(u);
}

static void
too_long_for_the_interface_skips_only_that_datagram(void **state)
{
	(void)state;
	never_fragmented("127.0.0.1", MTU - 28);
}

static void
too_long_for_the_interface_skips_only_that_datagram_v6(void **state)
{
	(void)state;
	never_fragmented("::1", MTU - 48);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_long_for_the_interface_skips_only_that_datagram),
		cmocka_unit_test(too_long_for_the_interface_skips_only_that_datagram_v6),
	};

	if (!netns_enter(0))
		return netns_skip_all();
	loopback_up();
	return cmocka_run_group_tests_name("udp_mtu", tests, NULL, NULL);
}
