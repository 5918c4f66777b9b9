/* Pairs of interfaces for tests of src/io/nic.c: "nic0" is the switch's, "host0" that of whoever is behind it. */
#ifndef CASTSWITCH_TESTS_NIC_FIX_H
#define CASTSWITCH_TESTS_NIC_FIX_H

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "castswitch/link_watch.h"
#include "castswitch/nic.h"
#include "castswitch/segment.h"
#include "unit/netns.h"
#include "unit/wire_bytes.h"

enum {
	PATIENCE_MS = 10000,
	ETHERTYPE_TEST = 0x88b5, /* IEEE 802: local experimental */
	FRAME_LEN = 60,
};

static inline void
run(const char *command)
{
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static inline void
note_up(void *arg, enum link_event event, const struct link_info *info, struct mono now)
{
	bool *up = arg;

	(void)info;
	(void)now;
	*up = event == LINK_UP || (event == LINK_CHANGED && *up);
}

/* Until frames pass. */
static inline void
wait_up(const char *name)
{
	struct link_watch *w = link_watch_open();
	bool up = false;

	assert_non_null(w);
	assert_int_equal(link_watch_add(w, name, note_up, &up, MONO_ZERO), 0);
	while (!up) {
		struct pollfd p = { .fd = link_watch_fd(w), .events = POLLIN };

		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
		link_watch_read(w, MONO_ZERO);
	}
	link_watch_close(w);
}

/* Neither end says anything by itself. */
static inline void
pair_add(const char *nic, const char *host)
{
	char command[512];

	snprintf(command, sizeof(command),
		 "ip link add %s mtu 1500 type veth peer name %s mtu 1500 && "
		 "echo 1 >/proc/sys/net/ipv6/conf/%s/disable_ipv6 && echo 1 >/proc/sys/net/ipv6/conf/%s/disable_ipv6 && "
		 "ip link set %s up && ip link set %s up",
		 nic, host, nic, host, nic, host);
	run(command);
	wait_up(nic);
	wait_up(host);
}

static inline struct nic *
open_nic(const char *name)
{
	char err[128] = "";
	struct nic *n = nic_open(name, err, sizeof(err));

	if (!n)
		fail_msg("nic_open: %s", err);
	return n;
}

static inline struct nic *
attach_nic(const char *name)
{
	struct nic *n = open_nic(name);

	assert_int_equal(nic_attach(n, if_nametoindex(name)), 0);
	return n;
}

/* A packet socket that sees and sends all frames of an interface but not those that this host sends out of it. */
static inline int
host_open(const char *name)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = htons(3 /* all */) };
	const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0), on = 1;

	a.sll_ifindex = (int)if_nametoindex(name);
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, 23 /* PACKET_IGNORE_OUTGOING */, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

/* Behind the addresses: 'head' (tags, ethertype), then the mark until the end. */
static inline void
frame_fill(uint8_t *buf, size_t len, const char *head, size_t headlen, uint8_t mark)
{
	memset(buf, mark, len);
	memcpy(buf, "\x02\x00\x00\x00\x00\x99\x02\x00\x00\x00\x00\x01", 12);
	memcpy(buf + 12, head, headlen);
}

static inline bool
readable(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1;
}

/* One frame; NULL when there is none within the time. */
static inline struct frame *
next_frame(struct nic *n, int timeout_ms)
{
	struct frame *f = NULL;
	int count = 0;

	while (count == 0 && readable(nic_fd(n), timeout_ms))
		count = nic_recv(n, &f);
	assert_true(count <= 1);
	return count ? f : NULL;
}

/* A TCP segment of 'payload' bytes over IPv4 as a kernel leaves it: checksum partial. */
static inline struct frame
tcp_superframe(uint8_t *buf, size_t payload, uint16_t size)
{
	const struct bytes head = hex("0200000000 02 0200000000 01 0800 4500 0000 1234 4000 4006 0000 0a070001 0a070002"
				      "c000 0050 00001000 01020304 5018 ffff 0000 0000");
	struct frame f = { .data = buf, .len = (uint32_t)(head.n + payload) };
	const uint32_t sum = plain_sum((uint32_t)(6 + 20 + payload), head.b + 26, 8);
	const size_t ip_len = 40 + payload;

	memcpy(buf, head.b, head.n);
	for (size_t i = 0; i < payload; i++)
		buf[head.n + i] = (uint8_t)(i * 5 + i / 256);
	buf[16] = (uint8_t)(ip_len >> 8);
	buf[17] = (uint8_t)ip_len;
	buf[50] = (uint8_t)(sum >> 8);
	buf[51] = (uint8_t)sum;
	f.gso.type = SEGMENT_TCPV4;
	f.gso.size = size;
	f.gso.needs_csum = true;
	f.gso.csum_start = 34;
	f.gso.csum_offset = 16;
	return f;
}

#endif
