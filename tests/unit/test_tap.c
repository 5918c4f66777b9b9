/* src/io/tap.c, in a network namespace of its own; AF_PACKET is the host behind the tap. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <linux/if_packet.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "castswitch/tap.h"
#include "unit/netns.h"

enum {
	PATIENCE_MS = 10000,
	ETHERTYPE_TEST = 0x88b5, /* IEEE 802: local experimental */
	FRAME_LEN = 60,
};

static struct tap *
open_tap(const char *name)
{
	char err[128] = "";
	struct tap *t = tap_open(name, err, sizeof(err));

	if (!t)
		fail_msg("tap_open: %s", err);
	return t;
}

static void
interface_set(const char *name, int mtu, short flags)
{
	struct ifreq ifr = { .ifr_mtu = mtu };
	const int fd = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (mtu)
		assert_int_equal(ioctl(fd, SIOCSIFMTU, &ifr), 0);
	ifr.ifr_flags = flags;
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &ifr), 0);
	close(fd);
}

/* A packet socket that sees and sends frames of ETHERTYPE_TEST on the tap: not the kernel's own chatter. */
static int
host_open(const struct tap *t)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE_TEST) };
	const int fd = socket(AF_PACKET, SOCK_RAW, htons(ETHERTYPE_TEST));

	a.sll_ifindex = (int)tap_ifindex(t);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void
frame_fill(uint8_t *buf, size_t len, uint8_t mark)
{
	memset(buf, mark, len);
	memset(buf, 0xff, 6);
	memcpy(buf + 6, "\x02\x00\x00\x00\x00\x01", 6);
	buf[12] = ETHERTYPE_TEST >> 8;
	buf[13] = ETHERTYPE_TEST & 0xff;
}

static bool
is_ours(const struct frame *f)
{
	return f->len >= ETH_HDR_LEN && f->data[12] == ETHERTYPE_TEST >> 8 && f->data[13] == (ETHERTYPE_TEST & 0xff);
}

static void
wait_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
}

static void
a_tap_is_created_and_vanishes_when_closed(void **state)
{
	struct mac mac = { { 0 } };
	struct tap *t;

	(void)state;
	t = open_tap("cast0");
	assert_string_equal(tap_name(t), "cast0");
	assert_int_not_equal(tap_ifindex(t), 0);
	assert_int_equal(tap_ifindex(t), if_nametoindex("cast0"));
	assert_int_equal(tap_mac(t, &mac), 0);
	assert_false(mac_is_zero(&mac));
	assert_false(mac_is_group(&mac));
	tap_close(t);
	assert_int_equal(if_nametoindex("cast0"), 0);
	tap_close(NULL);
}

static void
an_interface_that_exists_is_refused(void **state)
{
	struct tap *t;
	char err[128] = "";

	(void)state;
	assert_null(tap_open("lo", err, sizeof(err)));
	assert_string_equal(err, "lo: an interface of that name exists already");
	t = open_tap("cast0");
	assert_null(tap_open("cast0", err, sizeof(err)));
	assert_string_equal(err, "cast0: an interface of that name exists already");
	assert_int_equal(tap_ifindex(t), if_nametoindex("cast0"));
	tap_close(t);
}

static void
bad_names_are_refused(void **state)
{
	char err[128] = "";

	(void)state;
	assert_null(tap_open("", err, sizeof(err)));
	assert_null(tap_open("cast%d", err, sizeof(err)));
	assert_string_equal(err, "cast%d: not a name for an interface");
	assert_null(tap_open("sixteenletters16", err, sizeof(err)));
	assert_null(tap_open("a/b", err, sizeof(err)));
	tap_close(open_tap("fifteenletter15"));
}

static void
frames_of_the_host_are_received_in_batches(void **state)
{
	struct tap *t;
	struct frame *f;
	uint8_t buf[FRAME_LEN];
	unsigned got = 0;
	int host;

	(void)state;
	t = open_tap("cast0");
	assert_int_equal(tap_recv(t, &f), 0);
	interface_set("cast0", 0, IFF_UP);
	host = host_open(t);
	for (unsigned i = 0; i < TAP_BATCH + 1; i++) {
		frame_fill(buf, sizeof(buf), (uint8_t)i);
		assert_int_equal(send(host, buf, sizeof(buf), 0), sizeof(buf));
	}
	for (bool full = false; got < TAP_BATCH + 1;) {
		int n;

		wait_readable(tap_fd(t));
		n = tap_recv(t, &f);
		assert_true(n <= TAP_BATCH);
		if (!full)
			assert_int_equal(n, TAP_BATCH);
		full = true;
		for (int i = 0; i < n; i++) {
			if (!is_ours(&f[i]))
				continue;
			frame_fill(buf, sizeof(buf), (uint8_t)got++);
			assert_int_equal(f[i].len, sizeof(buf));
			assert_memory_equal(f[i].data, buf, sizeof(buf));
			assert_int_equal(((uintptr_t)f[i].data + ETH_HDR_LEN) % 4, 0);
			assert_int_equal(f[i].gso.size, 0);
			memset(f[i].data - FRAME_HEADROOM, 0xff, FRAME_HEADROOM);
		}
	}
	assert_true(tap_stats(t)->rx_frames >= TAP_BATCH + 1);
	assert_true(tap_stats(t)->rx_bytes >= (TAP_BATCH + 1) * FRAME_LEN);
	close(host);
	tap_close(t);
}

static void
frames_are_delivered_to_the_host(void **state)
{
	struct tap *t;
	struct frame f = { .len = FRAME_LEN };
	uint8_t buf[FRAME_LEN], got[FRAME_LEN + 1];
	int host;

	(void)state;
	t = open_tap("cast0");
	interface_set("cast0", 0, IFF_UP);
	host = host_open(t);
	f.data = buf;
	frame_fill(buf, sizeof(buf), 0xab);
	tap_send(t, &f);
	wait_readable(host);
	assert_int_equal(recv(host, got, sizeof(got), MSG_DONTWAIT), FRAME_LEN);
	assert_memory_equal(got, buf, FRAME_LEN);
	assert_int_equal(tap_stats(t)->tx_frames, 1);
	assert_int_equal(tap_stats(t)->tx_bytes, FRAME_LEN);
	assert_int_equal(tap_stats(t)->drops[DROP_SEND_ERROR], 0);
	close(host);
	tap_close(t);
}

static void
a_tap_that_is_down_counts_send_errors(void **state)
{
	struct tap *t;
	struct frame f = { .len = FRAME_LEN };
	uint8_t buf[FRAME_LEN];

	(void)state;
	t = open_tap("cast0");
	f.data = buf;
	frame_fill(buf, sizeof(buf), 0xab);
	tap_send(t, &f);
	assert_int_equal(tap_stats(t)->tx_frames, 0);
	assert_int_equal(tap_stats(t)->drops[DROP_SEND_ERROR], 1);
	tap_close(t);
}

static void
the_longest_frame_passes_and_one_byte_more_is_counted(void **state)
{
	static uint8_t buf[FRAME_MAX_PLAIN + 1];
	struct tap *t;
	struct frame *f;
	unsigned got = 0;
	int host;

	(void)state;
	t = open_tap("cast0");
	interface_set("cast0", FRAME_MAX_PLAIN, IFF_UP);
	host = host_open(t);
	for (size_t len = FRAME_MAX_PLAIN - 1; len <= FRAME_MAX_PLAIN + 1; len++) {
		frame_fill(buf, len, 1);
		assert_int_equal(send(host, buf, len, 0), len);
	}
	frame_fill(buf, FRAME_LEN, 1);
	assert_int_equal(send(host, buf, FRAME_LEN, 0), FRAME_LEN);
	while (got < 3) {
		int n;

		wait_readable(tap_fd(t));
		n = tap_recv(t, &f);
		for (int i = 0; i < n; i++) {
			const size_t expect[] = { FRAME_MAX_PLAIN - 1, FRAME_MAX_PLAIN, FRAME_LEN };

			if (is_ours(&f[i]))
				assert_int_equal(f[i].len, expect[got++]);
		}
	}
	assert_int_equal(tap_stats(t)->drops[DROP_TRUNCATED], 1);
	close(host);
	tap_close(t);
}

static void
a_deleted_interface_is_noticed(void **state)
{
	struct tap *t;
	struct frame *f;

	(void)state;
	t = open_tap("cast0");
	assert_int_equal(system("ip link del cast0"), 0);
	assert_true(tap_recv(t, &f) < 0);
	tap_close(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tap_is_created_and_vanishes_when_closed),
		cmocka_unit_test(an_interface_that_exists_is_refused),
		cmocka_unit_test(bad_names_are_refused),
		cmocka_unit_test(frames_of_the_host_are_received_in_batches),
		cmocka_unit_test(frames_are_delivered_to_the_host),
		cmocka_unit_test(a_tap_that_is_down_counts_send_errors),
		cmocka_unit_test(the_longest_frame_passes_and_one_byte_more_is_counted),
		cmocka_unit_test(a_deleted_interface_is_noticed),
	};

	if (!netns_enter(NETNS_TUN | NETNS_IP))
		return netns_skip_all();
	return cmocka_run_group_tests_name("tap", tests, NULL, NULL);
}
