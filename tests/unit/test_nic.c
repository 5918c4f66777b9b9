/* src/io/nic.c and nic_rx.c, in a network namespace of its own. */
#include <errno.h>
#include <netinet/in.h>
#include <sys/syscall.h>
#include <linux/capability.h>

#include "unit/nic_fix.h"

#define PLAIN "\x88\xb5"

struct fixture {
	struct nic *nic; /* attached to nic0 */
	int host;        /* on host0 */
};
static struct fixture fix;

static int
setup(void **state)
{
	(void)state;
	pair_add("nic0", "host0");
	fix.nic = attach_nic("nic0");
	fix.host = host_open("host0");
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	nic_close(fix.nic);
	close(fix.host);
	return system("ip link del nic0 2>/dev/null; ip link del nic1 2>/dev/null; true");
}

static void
host_send(const uint8_t *frame, size_t len)
{
	assert_int_equal(send(fix.host, frame, len, 0), len);
}

static void
expect_frame(const uint8_t *frame, size_t len)
{
	const struct frame *f = next_frame(fix.nic, PATIENCE_MS);

	assert_non_null(f);
	assert_int_equal(f->len, len);
	assert_memory_equal(f->data, frame, len);
	assert_int_equal(((uintptr_t)f->data + ETH_HDR_LEN) % 4, 0);
	assert_int_equal(f->gso.size, 0);
	assert_false(f->gso.needs_csum);
	memset(f->data - FRAME_HEADROOM, 0xff, FRAME_HEADROOM);
}

static void
send_marked(struct nic *n, uint8_t mark, size_t len)
{
	static uint8_t buf[70000];
	struct frame f = { .data = buf, .len = (uint32_t)len };

	frame_fill(buf, len, PLAIN, 2, mark);
	nic_send(n, &f, NULL);
	nic_flush(n);
}

/* --- opening and attaching --- */

static void
bad_names_are_refused(void **state)
{
	char err[128] = "";

	(void)state;
	assert_null(nic_open("", err, sizeof(err)));
	assert_string_equal(err, ": not a name for an interface");
	assert_null(nic_open("sixteenletters16", err, sizeof(err)));
	nic_close(open_nic("fifteenletter15"));
	nic_close(NULL);
}

static void
without_an_interface_nothing_comes_and_nothing_goes(void **state)
{
	struct nic *n = open_nic("nic0");
	uint8_t buf[FRAME_LEN];
	struct frame *f;

	(void)state;
	frame_fill(buf, sizeof(buf), PLAIN, 2, 1);
	host_send(buf, sizeof(buf));
	expect_frame(buf, sizeof(buf));
	assert_false(readable(nic_fd(n), 0));
	assert_int_equal(nic_recv(n, &f), 0);
	assert_int_equal(nic_ifindex(n), 0);
	send_marked(n, 1, FRAME_LEN);
	assert_int_equal(nic_stats(n)->drops[DROP_PORT_DOWN], 1);
	assert_int_equal(nic_stats(n)->tx_frames, 0);
	nic_close(n);
}

static void
what_is_no_ethernet_interface_is_refused(void **state)
{
	(void)state;
	assert_int_equal(nic_attach(fix.nic, if_nametoindex("lo")), -EMEDIUMTYPE);
	assert_int_equal(nic_ifindex(fix.nic), 0);
	assert_int_equal(nic_attach(fix.nic, 999999), -ENODEV);
	assert_int_equal(nic_attach(fix.nic, 0), -ENODEV);
	assert_int_equal(nic_ifindex(fix.nic), 0);
}

static void
the_interface_is_promiscuous_while_attached(void **state)
{
	(void)state;
	run("ip -d link show nic0 | grep -q 'promiscuity 1'");
	nic_detach(fix.nic);
	run("ip -d link show nic0 | grep -q 'promiscuity 0'");
	assert_int_equal(nic_attach(fix.nic, if_nametoindex("nic0")), 0);
	assert_int_equal(nic_attach(fix.nic, if_nametoindex("nic0")), 0);
	run("ip -d link show nic0 | grep -q 'promiscuity 1'");
}

static void
only_frames_of_its_interface_come_in(void **state)
{
	uint8_t buf[FRAME_LEN];
	struct nic *witness;
	int other;

	(void)state;
	pair_add("nic1", "host1");
	other = host_open("host1");
	frame_fill(buf, sizeof(buf), PLAIN, 2, 1);
	assert_int_equal(send(other, buf, sizeof(buf), 0), sizeof(buf));
	frame_fill(buf, sizeof(buf), PLAIN, 2, 2);
	host_send(buf, sizeof(buf));
	expect_frame(buf, sizeof(buf));
	/* One that waits while the socket goes over to the other interface is none of that one. */
	frame_fill(buf, sizeof(buf), PLAIN, 2, 3);
	host_send(buf, sizeof(buf));
	assert_true(readable(nic_fd(fix.nic), PATIENCE_MS));
	assert_int_equal(nic_attach(fix.nic, if_nametoindex("nic1")), 0);
	frame_fill(buf, sizeof(buf), PLAIN, 2, 4);
	assert_int_equal(send(other, buf, sizeof(buf), 0), sizeof(buf));
	expect_frame(buf, sizeof(buf));
	/* Detached, not even its socket gets any. */
	nic_detach(fix.nic);
	witness = attach_nic("nic1");
	assert_int_equal(send(other, buf, sizeof(buf), 0), sizeof(buf));
	assert_non_null(next_frame(witness, PATIENCE_MS));
	assert_false(readable(nic_fd(fix.nic), 0));
	nic_close(witness);
	close(other);
}

/* capset(2) on this thread: with or without CAP_NET_RAW in effect. */
static void
set_net_raw(bool on)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	assert_int_equal(syscall(SYS_capget, &h, d), 0);
	d[0].effective &= ~(1u << CAP_NET_RAW);
	if (on)
		d[0].effective |= 1u << CAP_NET_RAW;
	assert_int_equal(syscall(SYS_capset, &h, d), 0);
}

static void
an_interface_that_comes_back_is_attached_without_privileges(void **state)
{
	uint8_t buf[FRAME_LEN];
	char err[128] = "";
	int r;

	(void)state;
	run("ip link del nic0");
	assert_null(next_frame(fix.nic, 0));
	assert_false(readable(nic_fd(fix.nic), 0)); /* not for ever */
	send_marked(fix.nic, 1, FRAME_LEN);
	assert_int_equal(nic_stats(fix.nic)->drops[DROP_PORT_DOWN], 1);
	pair_add("nic0", "host0");
	set_net_raw(false);
	r = nic_attach(fix.nic, if_nametoindex("nic0"));
	assert_null(nic_open("nic0", err, sizeof(err)));
	set_net_raw(true);
	assert_int_equal(r, 0);
	assert_string_equal(err, "nic0: not permitted to open a packet socket (it takes CAP_NET_RAW)");
	run("ip -d link show nic0 | grep -q 'promiscuity 1'");
	close(fix.host);
	fix.host = host_open("host0");
	frame_fill(buf, sizeof(buf), PLAIN, 2, 1);
	host_send(buf, sizeof(buf));
	expect_frame(buf, sizeof(buf));
}

static void
an_interface_that_goes_down_and_up_works_again(void **state)
{
	uint8_t buf[FRAME_LEN];

	(void)state;
	run("ip link set nic0 down");
	assert_null(next_frame(fix.nic, 0));
	assert_false(readable(nic_fd(fix.nic), 0));
	send_marked(fix.nic, 1, FRAME_LEN);
	assert_int_equal(nic_stats(fix.nic)->drops[DROP_PORT_DOWN], 1);
	assert_int_equal(nic_stats(fix.nic)->rx_errors, 0);
	run("ip link set nic0 up");
	wait_up("nic0");
	wait_up("host0");
	frame_fill(buf, sizeof(buf), PLAIN, 2, 1);
	host_send(buf, sizeof(buf));
	expect_frame(buf, sizeof(buf));
	/* Taken while it is down, it begins when it is up. */
	run("ip link set nic0 down");
	assert_int_equal(nic_attach(fix.nic, if_nametoindex("nic0")), 0);
	run("ip link set nic0 up");
	wait_up("nic0");
	wait_up("host0");
	send_marked(fix.nic, 2, FRAME_LEN);
	assert_int_equal(nic_stats(fix.nic)->tx_frames, 1);
	host_send(buf, sizeof(buf));
	expect_frame(buf, sizeof(buf));
}

/* --- receiving --- */

static void
frames_come_in_batches(void **state)
{
	uint8_t buf[FRAME_LEN];
	unsigned got = 0;

	(void)state;
	for (unsigned i = 0; i < NIC_BATCH + 1; i++) {
		frame_fill(buf, sizeof(buf), PLAIN, 2, (uint8_t)i);
		host_send(buf, sizeof(buf));
	}
	while (got < NIC_BATCH + 1) {
		struct frame *f;
		int n;

		assert_true(readable(nic_fd(fix.nic), PATIENCE_MS));
		n = nic_recv(fix.nic, &f);
		assert_false(nic_pending(fix.nic));
		assert_int_equal(n, got == 0 ? NIC_BATCH : 1);
		for (int i = 0; i < n; i++) {
			frame_fill(buf, sizeof(buf), PLAIN, 2, (uint8_t)got++);
			assert_int_equal(f[i].len, sizeof(buf));
			assert_memory_equal(f[i].data, buf, sizeof(buf));
		}
	}
	assert_int_equal(nic_stats(fix.nic)->rx_frames, NIC_BATCH + 1);
	assert_int_equal(nic_stats(fix.nic)->rx_bytes, (NIC_BATCH + 1) * FRAME_LEN);
}

static void
vlan_tags_are_put_back(void **state)
{
	static const struct {
		const char *head;
		size_t len;
	} cases[] = {
		{ "\x81\x00\x00\x05" PLAIN, 6 },                  /* VLAN 5 */
		{ "\x81\x00\xef\xfe" PLAIN, 6 },                  /* VLAN 4094, priority 7 */
		{ "\x81\x00\x60\x00" PLAIN, 6 },                  /* priority 3 only */
		{ "\x81\x00\x00\x00" PLAIN, 6 },                  /* neither */
		{ "\x88\xa8\x00\x07" PLAIN, 6 },                  /* service tag */
		{ "\x88\xa8\x10\x07\x81\x00\x20\x08" PLAIN, 10 }, /* and a customer's */
		{ "\x81\x00\x00\x05\x81\x00\x00\x06" PLAIN, 10 }, /* twice the same */
		{ "\x81\x00\x00\x01\x81\x00\x00\x02\x81\x00\x00\x03" PLAIN, 14 },
	};
	uint8_t buf[FRAME_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		frame_fill(buf, sizeof(buf), cases[i].head, cases[i].len, 0xab);
		host_send(buf, sizeof(buf));
		expect_frame(buf, sizeof(buf));
	}
}

static void
what_this_host_sends_does_not_come_in(void **state)
{
	const int local = host_open("nic0");
	uint8_t buf[FRAME_LEN], got[FRAME_LEN];

	(void)state;
	send_marked(fix.nic, 1, FRAME_LEN);
	assert_true(readable(fix.host, PATIENCE_MS));
	assert_int_equal(recv(fix.host, got, sizeof(got), 0), FRAME_LEN);
	frame_fill(buf, sizeof(buf), PLAIN, 2, 2);
	assert_int_equal(send(local, buf, sizeof(buf), 0), sizeof(buf));
	assert_true(readable(fix.host, PATIENCE_MS));
	frame_fill(buf, sizeof(buf), PLAIN, 2, 3);
	host_send(buf, sizeof(buf));
	expect_frame(buf, sizeof(buf));
	assert_null(next_frame(fix.nic, 0));
	close(local);
}

static void
the_longest_frame_passes_and_one_byte_more_is_counted(void **state)
{
	static uint8_t buf[65535];
	static const size_t lengths[] = { FRAME_MAX_PLAIN - 1, FRAME_MAX_PLAIN, FRAME_MAX_PLAIN + 1, 65535 };

	(void)state;
	run("ip link set host0 mtu 65535 && ip link set nic0 mtu 65535");
	for (size_t i = 0; i < 4; i++) {
		frame_fill(buf, lengths[i], PLAIN, 2, (uint8_t)i);
		host_send(buf, lengths[i]);
		if (lengths[i] <= FRAME_MAX_PLAIN)
			expect_frame(buf, lengths[i]);
	}
	frame_fill(buf, FRAME_LEN, PLAIN, 2, 9);
	host_send(buf, FRAME_LEN);
	expect_frame(buf, FRAME_LEN);
	assert_int_equal(nic_stats(fix.nic)->drops[DROP_TRUNCATED], 2);
}

static void
what_the_socket_has_no_room_for_is_counted(void **state)
{
	uint8_t buf[FRAME_LEN];
	struct frame *f;
	uint64_t sent = 0, got = 0;

	(void)state;
	for (frame_fill(buf, sizeof(buf), PLAIN, 2, 1); nic_stats(fix.nic)->drops[DROP_NIC_OVERRUN] < 100; sent++)
		host_send(buf, sizeof(buf));
	for (int n; (n = nic_recv(fix.nic, &f)) > 0; got += (unsigned)n)
		;
	assert_int_equal(got + nic_stats(fix.nic)->drops[DROP_NIC_OVERRUN], sent);
	assert_int_equal(nic_stats(fix.nic)->rx_frames, got);
}

/* --- checksums and superframes of a kernel --- */

/* An address for the interface, and 10.7.0.2 behind it. */
static void
give_address(const char *name)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "ip addr add 10.7.0.1/24 dev %s && ip neigh add 10.7.0.2 lladdr 02:00:00:00:00:02 dev %s", name, name);
	run(command);
}

static int
udp_socket(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9999) };
	const int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(inet_pton(AF_INET, "10.7.0.2", &to.sin_addr), 1);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* A UDP datagram whose IPv4 header is at l3, with right checksums. */
static void
expect_udp(const struct frame *f, size_t l3, const uint8_t *payload, size_t len)
{
	const uint8_t *ip = f->data + l3, *udp = ip + 20;

	assert_int_equal(f->len, l3 + 28 + len);
	assert_int_equal(ip[9], 17);
	assert_int_equal(ip[2] << 8 | ip[3], 28 + len);
	assert_int_equal(udp[4] << 8 | udp[5], 8 + len);
	assert_int_equal(plain_sum(0, ip, 20), 0xffff);
	assert_int_equal(plain_sum(plain_sum((uint32_t)(17 + 8 + len), ip + 12, 8), udp, 8 + len), 0xffff);
	assert_memory_equal(udp + 8, payload, len);
}

static void
partial_checksums_are_completed(void **state)
{
	(void)state;
	give_address("host0");
	for (size_t len = 0; len < 20; len++) {
		const int s = udp_socket();
		const struct frame *f;

		assert_int_equal(send(s, "a payload that is short", len, 0), len);
		f = next_frame(fix.nic, PATIENCE_MS);
		assert_non_null(f);
		expect_udp(f, 14, (const uint8_t *)"a payload that is short", len);
		assert_false(f->gso.needs_csum);
		close(s);
	}
}

static void
a_kernels_udp_superframe_is_cut(void **state)
{
	const int size = 1000;
	uint8_t payload[3500];
	struct frame *f;
	int s;

	(void)state;
	give_address("host0");
	s = udp_socket();
	if (setsockopt(s, IPPROTO_UDP, 103 /* UDP_SEGMENT */, &size, sizeof(size)) < 0) {
		printf("# this kernel has no UDP_SEGMENT\n");
		return;
	}
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * 7);
	assert_int_equal(send(s, payload, sizeof(payload), 0), sizeof(payload));
	assert_true(readable(nic_fd(fix.nic), PATIENCE_MS));
	assert_int_equal(nic_recv(fix.nic, &f), 4);
	for (size_t i = 0; i < 4; i++) {
		expect_udp(&f[i], 14, payload + i * 1000, i < 3 ? 1000 : 500);
		assert_int_equal(((uintptr_t)f[i].data + ETH_HDR_LEN) % 4, 0);
		assert_int_equal(f[i].gso.size, 0);
		memset(f[i].data - FRAME_HEADROOM, 0xff, FRAME_HEADROOM);
	}
	close(s);
}

/* --- sending --- */

static void
frames_are_sent_as_they_are(void **state)
{
	uint8_t buf[2][FRAME_LEN], got[FRAME_LEN];
	const struct mac other = { { 2, 0, 0, 0, 0, 0x77 } };
	struct frame f[2] = { { .data = buf[0], .len = FRAME_LEN }, { .data = buf[1], .len = FRAME_LEN } };

	(void)state;
	frame_fill(buf[0], FRAME_LEN, PLAIN, 2, 1);
	frame_fill(buf[1], FRAME_LEN, "\x81\x00\x00\x05" PLAIN, 6, 2);
	nic_send(fix.nic, &f[0], NULL);
	nic_send(fix.nic, &f[0], &other);
	nic_send(fix.nic, &f[1], NULL);
	assert_false(readable(fix.host, 0));
	nic_flush(fix.nic);
	assert_true(readable(fix.host, PATIENCE_MS));
	assert_int_equal(recv(fix.host, got, sizeof(got), 0), FRAME_LEN);
	assert_memory_equal(got, buf[0], FRAME_LEN);
	assert_true(readable(fix.host, PATIENCE_MS));
	assert_int_equal(recv(fix.host, got, sizeof(got), 0), FRAME_LEN);
	assert_memory_equal(got, other.b, 6);
	assert_memory_equal(got + 6, buf[0] + 6, FRAME_LEN - 6);
	assert_true(readable(fix.host, PATIENCE_MS));
	/* The host's plain socket sees the frame without its tag. */
	assert_int_equal(recv(fix.host, got, sizeof(got), 0), FRAME_LEN - 4);
	assert_memory_equal(got + 12, buf[1] + 16, FRAME_LEN - 16);
	assert_int_equal(nic_stats(fix.nic)->tx_frames, 3);
	assert_int_equal(nic_stats(fix.nic)->tx_bytes, 3 * FRAME_LEN);
	nic_flush(fix.nic);
	assert_int_equal(nic_stats(fix.nic)->tx_frames, 3);
}

static void
a_full_queue_is_sent(void **state)
{
	uint8_t buf[NIC_BATCH + 1][FRAME_LEN], got[FRAME_LEN];

	(void)state;
	for (unsigned i = 0; i <= NIC_BATCH; i++) {
		struct frame f = { .data = buf[i], .len = FRAME_LEN };

		frame_fill(buf[i], FRAME_LEN, PLAIN, 2, (uint8_t)i);
		nic_send(fix.nic, &f, NULL);
		assert_int_equal(nic_stats(fix.nic)->tx_frames, i < NIC_BATCH ? 0 : NIC_BATCH);
	}
	nic_flush(fix.nic);
	for (unsigned i = 0; i <= NIC_BATCH; i++) {
		assert_true(readable(fix.host, PATIENCE_MS));
		assert_int_equal(recv(fix.host, got, sizeof(got), 0), FRAME_LEN);
		assert_memory_equal(got, buf[i], FRAME_LEN);
	}
}

static void
a_frame_that_is_refused_is_skipped_alone(void **state)
{
	static uint8_t buf[5][2000];
	uint8_t got[2000];
	const size_t lengths[5] = { 60, 1515, 1514, 1519, 1518 };
	const char *const heads[5] = { PLAIN, PLAIN, PLAIN, "\x81\x00\x00\x05" PLAIN, "\x81\x00\x00\x05" PLAIN };
	const bool passes[5] = { true, false, true, false, true };

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct frame f = { .data = buf[i], .len = (uint32_t)lengths[i] };

		frame_fill(buf[i], lengths[i], heads[i], i < 3 ? 2 : 6, (uint8_t)i);
		nic_send(fix.nic, &f, NULL);
	}
	nic_flush(fix.nic);
	for (unsigned i = 0; i < 5; i++)
		if (passes[i]) {
			assert_true(readable(fix.host, PATIENCE_MS));
			assert_true(recv(fix.host, got, sizeof(got), 0) >= 60);
			assert_int_equal(got[50], i);
		}
	assert_int_equal(nic_stats(fix.nic)->drops[DROP_LINK_MTU], 2);
	assert_int_equal(nic_stats(fix.nic)->tx_frames, 3);
}

/* --- superframes from one end to the other --- */

/* Reads what superframe f became: bit for bit what segment.c makes of it. */
static void
expect_cut(const struct frame *f)
{
	static uint8_t expect[FRAME_MAX_PLAIN];
	struct segment s;

	assert_int_equal(segment_start(&s, f), DROP_NONE);
	while (segment_more(&s)) {
		struct frame *got;
		int n;

		assert_true(nic_pending(fix.nic) || readable(nic_fd(fix.nic), PATIENCE_MS));
		n = nic_recv(fix.nic, &got);
		for (int i = 0; i < n; i++) {
			assert_true(segment_more(&s));
			assert_int_equal(got[i].len, segment_next(&s, expect));
			assert_memory_equal(got[i].data, expect, got[i].len);
		}
	}
	assert_false(nic_pending(fix.nic));
}

static void
a_superframe_sent_is_cut_where_it_comes_in(void **state)
{
	static uint8_t buf[70000];
	const struct frame f = tcp_superframe(buf, 60100, 500);
	struct nic *sender = attach_nic("host0");

	(void)state;
	nic_send(sender, &f, NULL);
	nic_flush(sender);
	assert_int_equal(nic_stats(sender)->tx_frames, 1);
	expect_cut(&f);
	assert_int_equal(nic_stats(fix.nic)->rx_frames, 121);
	nic_close(sender);
}

/* Puts a tag into the frame at buf, which has room for it. */
static void
add_tag(struct frame *f)
{
	memmove(f->data + 16, f->data + 12, f->len - 12);
	memcpy(f->data + 12, "\x81\x00\x20\x05", 4);
	f->len += 4;
	f->gso.csum_start = (uint16_t)(f->gso.csum_start + 4);
}

static void
tagged_superframes_are_cut(void **state)
{
	static uint8_t buf[70000];
	struct frame f = tcp_superframe(buf, 60100, 500);
	struct nic *sender = attach_nic("host0");

	(void)state;
	add_tag(&f);
	nic_send(sender, &f, NULL);
	nic_flush(sender);
	expect_cut(&f);
	assert_int_equal(nic_stats(fix.nic)->rx_frames, 121);
	nic_close(sender);
}

static void
partial_checksums_behind_a_tag_are_completed(void **state)
{
	static uint8_t buf[2000];
	struct frame f = tcp_superframe(buf, 77, 0);
	struct nic *sender = attach_nic("host0");

	(void)state;
	f.gso.type = 0;
	add_tag(&f);
	nic_send(sender, &f, NULL);
	nic_flush(sender);
	assert_true(segment_complete_csum(&f));
	expect_frame(f.data, f.len);
	nic_close(sender);
}

/* Larger than veth takes, it is cut by the kernel's own code before it comes in. */
static void
the_kernel_cuts_alike(void **state)
{
	static uint8_t buf[70000];
	const uint8_t flags[] = { 0x10, 0x19, 0x90, 0x99 }; /* ACK; with FIN and PSH; with CWR; with all of them */
	struct nic *sender = attach_nic("host0");

	(void)state;
	for (size_t i = 0; i < sizeof(flags); i++) {
		struct frame f = tcp_superframe(buf, 65535 - 40, 500);

		buf[47] = flags[i];
		if (flags[i] & 0x80)
			f.gso.type |= SEGMENT_ECN;
		nic_send(sender, &f, NULL);
		nic_flush(sender);
		expect_cut(&f);
	}
	nic_close(sender);
}

static void
detaching_forgets_what_is_pending(void **state)
{
	static uint8_t buf[70000];
	const struct frame f = tcp_superframe(buf, 60000, 500);
	struct nic *sender = attach_nic("host0");
	struct frame *r;

	(void)state;
	nic_send(sender, &f, NULL);
	nic_flush(sender);
	assert_true(readable(nic_fd(fix.nic), PATIENCE_MS));
	assert_int_equal(nic_recv(fix.nic, &r), NIC_BATCH);
	assert_true(nic_pending(fix.nic));
	nic_detach(fix.nic);
	assert_false(nic_pending(fix.nic));
	assert_int_equal(nic_recv(fix.nic, &r), 0);
	nic_close(sender);
}

static void
a_superframe_in_crumbs_is_counted(void **state)
{
	static uint8_t buf[70000];
	struct frame f = tcp_superframe(buf, SEGMENT_MAX_COUNT * 20 + 1, 20);
	struct nic *sender = attach_nic("host0");

	(void)state;
	nic_send(sender, &f, NULL);
	nic_flush(sender);
	frame_fill(buf, FRAME_LEN, PLAIN, 2, 1);
	host_send(buf, FRAME_LEN);
	expect_frame(buf, FRAME_LEN);
	assert_int_equal(nic_stats(fix.nic)->drops[DROP_BAD_GSO], 1);
	nic_close(sender);
}

/* One turn: what a wakeup of the loop works off. */
static unsigned
take_turn(struct nic *n)
{
	unsigned count = 0;

	do {
		struct frame *f;

		count += (unsigned)nic_recv(n, &f);
	} while (nic_pending(n));
	return count;
}

static void
turns_get_shorter_under_superframes_and_longer_again(void **state)
{
	static uint8_t buf[20000];
	const struct frame f = tcp_superframe(buf, 18000, 300); /* 60 segments */
	struct nic *sender = attach_nic("host0");
	unsigned turn = 0;

	(void)state;
	for (unsigned i = 0; i < 64; i++) {
		nic_send(sender, &f, NULL);
		if (i % 16 == 15)
			nic_flush(sender);
	}
	for (unsigned left = 64 * 60; left > 0; left -= turn) {
		turn = take_turn(fix.nic);
		assert_true(turn > 0);
		if (left == 64 * 60)
			assert_int_equal(turn, 64 * 60);
	}
	for (unsigned i = 0; i < 5; i++) {
		unsigned before = turn;

		for (unsigned k = 0; k < 64; k++)
			nic_send(sender, &f, NULL);
		nic_flush(sender);
		turn = take_turn(fix.nic);
		assert_int_equal(turn, before / 2 > 240 ? before / 2 : turn);
		while (readable(nic_fd(fix.nic), 0))
			turn = take_turn(fix.nic);
	}
	assert_true(turn <= 256);
	for (unsigned i = 0; i < 16; i++)
		take_turn(fix.nic);
	for (unsigned k = 0; k < 64; k++)
		send_marked(sender, 1, FRAME_LEN);
	assert_int_equal(take_turn(fix.nic), 64);
	nic_close(sender);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_names_are_refused),
		cmocka_unit_test_setup_teardown(without_an_interface_nothing_comes_and_nothing_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_ethernet_interface_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(the_interface_is_promiscuous_while_attached, setup, teardown),
		cmocka_unit_test_setup_teardown(only_frames_of_its_interface_come_in, setup, teardown),
		cmocka_unit_test_setup_teardown(an_interface_that_comes_back_is_attached_without_privileges, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_interface_that_goes_down_and_up_works_again, setup, teardown),
		cmocka_unit_test_setup_teardown(frames_come_in_batches, setup, teardown),
		cmocka_unit_test_setup_teardown(vlan_tags_are_put_back, setup, teardown),
		cmocka_unit_test_setup_teardown(what_this_host_sends_does_not_come_in, setup, teardown),
		cmocka_unit_test_setup_teardown(the_longest_frame_passes_and_one_byte_more_is_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(what_the_socket_has_no_room_for_is_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(partial_checksums_are_completed, setup, teardown),
		cmocka_unit_test_setup_teardown(a_kernels_udp_superframe_is_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(frames_are_sent_as_they_are, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_queue_is_sent, setup, teardown),
		cmocka_unit_test_setup_teardown(a_frame_that_is_refused_is_skipped_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(a_superframe_sent_is_cut_where_it_comes_in, setup, teardown),
		cmocka_unit_test_setup_teardown(tagged_superframes_are_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(partial_checksums_behind_a_tag_are_completed, setup, teardown),
		cmocka_unit_test_setup_teardown(the_kernel_cuts_alike, setup, teardown),
		cmocka_unit_test_setup_teardown(detaching_forgets_what_is_pending, setup, teardown),
		cmocka_unit_test_setup_teardown(a_superframe_in_crumbs_is_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(turns_get_shorter_under_superframes_and_longer_again, setup, teardown),
	};

	if (!netns_enter(NETNS_IP | NETNS_VETH))
		return netns_skip_all();
	return cmocka_run_group_tests_name("nic", tests, NULL, NULL);
}
