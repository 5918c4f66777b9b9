/* src/ports/port_nic.c between a real switch and real interfaces, in a network namespace of its own.  Two more of them
 * hold the hosts, so that what they say to each other goes through the switch. */
#include <errno.h>
#include <signal.h>
#include <time.h>
#include <sys/wait.h>

#include "castswitch/port_nic.h"
#include "unit/nic_fix.h"

enum {
	STREAM_BYTES = 4 << 20,
	DEADLINE_S = 60,
};

static const struct mono start = { 1000000 };

static void
random_bytes(void *arg, void *buf, size_t len)
{
	(void)arg;
	memset(buf, 0x5a, len);
}

/* --- a switch with two ports --- */

struct side {
	struct nic *nic;
	struct port_nic *port;
};

struct fixture {
	struct sw *sw;
	struct link_watch *watch;
	struct side side[2]; /* on "nic0" and "nic1" */
};
static struct fixture fix;

static struct mono
clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return mono_from_ns((uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec);
}

static void
side_open(struct side *s, const char *name)
{
	struct sw_port_params params;
	int err = 0;

	sw_port_params_default(SW_NIC, name, &params);
	s->nic = open_nic(name);
	s->port = port_nic_new(fix.sw, s->nic, &params, start, &err);
	assert_non_null(s->port);
}

static int
setup(void **state)
{
	static const struct sw_ops ops = { .event = NULL };
	const struct rng rng = { .fill = random_bytes };
	struct sw_params params;

	(void)state;
	sw_params_default(&params);
	params.mac = (struct mac){ { 2, 0, 0, 0, 0, 0xfe } };
	fix.sw = switch_new(&params, &ops, NULL, &rng, start);
	assert_non_null(fix.sw);
	side_open(&fix.side[0], "nic0");
	side_open(&fix.side[1], "nic1");
	fix.watch = link_watch_open();
	assert_non_null(fix.watch);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	link_watch_close(fix.watch);
	for (int i = 0; i < 2; i++) {
		port_nic_free(fix.side[i].port, start);
		nic_close(fix.side[i].nic);
	}
	port_nic_free(NULL, start);
	switch_free(fix.sw);
	return system("ip link del nic0 2>/dev/null; ip link del nic1 2>/dev/null; true");
}

struct port_look {
	const char *name;
	bool up;
	uint64_t rx_frames;
};

static void
look_port(void *arg, const struct sw_port_view *v)
{
	struct port_look *look = arg;

	if (strcmp(v->name, look->name) != 0)
		return;
	look->up = v->up;
	look->rx_frames = v->stats->rx_frames;
}

static struct port_look
look(const char *name)
{
	struct port_look ret = { .name = name };

	switch_each_port(fix.sw, look_port, &ret);
	return ret;
}

static void
follow(void *arg, enum link_event event, const struct link_info *info, struct mono now)
{
	assert_int_equal(port_nic_link(arg, event, info, now), 0);
}

static void
watch_both(void)
{
	assert_int_equal(link_watch_add(fix.watch, "nic0", follow, fix.side[0].port, start), 0);
	assert_int_equal(link_watch_add(fix.watch, "nic1", follow, fix.side[1].port, start), 0);
}

/* --- the link --- */

static void
until_up(const char *name, bool up)
{
	while (look(name).up != up) {
		assert_true(readable(link_watch_fd(fix.watch), PATIENCE_MS));
		link_watch_read(fix.watch, start);
	}
}

static void
the_port_follows_the_interface(void **state)
{
	(void)state;
	watch_both();
	assert_false(look("nic0").up);
	for (int i = 0; i < 2; i++) { /* the same name, another interface */
		pair_add("nic0", "host0");
		until_up("nic0", true);
		assert_int_equal(nic_ifindex(fix.side[0].nic), if_nametoindex("nic0"));
		assert_false(look("nic1").up);
		run("ip link set host0 down");
		until_up("nic0", false);
		run("ip link set host0 up");
		until_up("nic0", true);
		run("ip link del nic0");
		until_up("nic0", false);
		while (nic_ifindex(fix.side[0].nic) != 0) {
			assert_true(readable(link_watch_fd(fix.watch), PATIENCE_MS));
			link_watch_read(fix.watch, start);
		}
	}
}

static void
an_interface_that_cannot_be_taken_leaves_the_port_down(void **state)
{
	struct link_info info = { .ifindex = if_nametoindex("lo"), .name = "lo", .up = true, .carrier = true };

	(void)state;
	assert_int_equal(port_nic_link(fix.side[0].port, LINK_CAME, &info, start), -EMEDIUMTYPE);
	assert_int_equal(port_nic_link(fix.side[0].port, LINK_UP, &info, start), 0);
	assert_false(look("nic0").up);
	assert_int_equal(port_nic_link(fix.side[0].port, LINK_DOWN, &info, start), 0);
	assert_int_equal(port_nic_link(fix.side[0].port, LINK_GONE, &info, start), 0);
}

static void
both_up(void)
{
	pair_add("nic0", "host0");
	pair_add("nic1", "host1");
	watch_both();
	until_up("nic0", true);
	until_up("nic1", true);
}

static void
frames_go_from_one_to_the_other(void **state)
{
	uint8_t buf[FRAME_LEN], got[2000];
	int host[2];
	unsigned read = 0, received = 0;

	(void)state;
	both_up();
	host[0] = host_open("host0");
	host[1] = host_open("host1");
	while (recv(host[1], got, sizeof(got), 0) > 0)
		; /* queries */
	for (unsigned i = 0; i < 40; i++) {
		frame_fill(buf, sizeof(buf), "\x88\xb5", 2, (uint8_t)i);
		assert_int_equal(send(host[0], buf, sizeof(buf), 0), sizeof(buf));
	}
	while (read < 40) {
		assert_true(readable(nic_fd(fix.side[0].nic), PATIENCE_MS));
		read += port_nic_read(fix.side[0].port, start);
	}
	assert_int_equal(read, 40);
	assert_int_equal(look("nic0").rx_frames, 40);
	while (received < 40) {
		assert_true(readable(host[1], PATIENCE_MS));
		assert_int_equal(recv(host[1], got, sizeof(got), 0), FRAME_LEN);
		frame_fill(buf, sizeof(buf), "\x88\xb5", 2, (uint8_t)received++);
		assert_memory_equal(got, buf, sizeof(buf));
	}
	assert_int_equal(port_nic_read(fix.side[1].port, start), 0);
	close(host[0]);
	close(host[1]);
}

/* The loop would not call again: the socket is empty. */
static void
a_superframe_is_switched_in_one_go(void **state)
{
	static uint8_t buf[70000];
	const struct frame f = tcp_superframe(buf, 60100, 500);
	struct nic *sender;

	(void)state;
	both_up();
	sender = attach_nic("host0");
	nic_send(sender, &f, NULL);
	nic_flush(sender);
	assert_true(readable(nic_fd(fix.side[0].nic), PATIENCE_MS));
	assert_int_equal(port_nic_read(fix.side[0].port, start), 121);
	assert_int_equal(look("nic0").rx_frames, 121);
	nic_close(sender);
}

/* --- streams between two hosts --- */

struct host {
	pid_t pid;
	int pipe[2]; /* a socket pair: the host's end is [1] */
};

static uint8_t
stream_byte(size_t i)
{
	return (uint8_t)(i * 13 + i / 4093);
}

static bool
say(int fd, char c)
{
	return write(fd, &c, 1) == 1;
}

static bool
hear(int fd, char c)
{
	char got;

	return read(fd, &got, 1) == 1 && got == c;
}

static bool
stream_send(int fd)
{
	static uint8_t buf[100003];

	for (size_t at = 0; at < STREAM_BYTES;) {
		const size_t left = STREAM_BYTES - at, n = left < sizeof(buf) ? left : sizeof(buf);

		for (size_t i = 0; i < n; i++)
			buf[i] = stream_byte(at + i);
		if (send(fd, buf, n, MSG_NOSIGNAL) != (ssize_t)n)
			return false;
		at += n;
	}
	return shutdown(fd, SHUT_WR) == 0 && read(fd, buf, 1) == 0;
}

static bool
stream_receive(int fd)
{
	static uint8_t buf[65536];
	size_t at = 0;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] != stream_byte(at++))
				return false;
	return n == 0 && at == STREAM_BYTES;
}

static bool
serve_stream(const struct sockaddr *sa, socklen_t len, int control)
{
	const int fd = socket(sa->sa_family, SOCK_STREAM, 0);

	return bind(fd, sa, len) == 0 && listen(fd, 1) == 0 && say(control, 'l') &&
	       stream_receive(accept(fd, NULL, NULL));
}

static bool
call_stream(const struct sockaddr *sa, socklen_t len, int control)
{
	const int fd = socket(sa->sa_family, SOCK_STREAM, 0);

	return say(control, 'l') && connect(fd, sa, len) == 0 && stream_send(fd);
}

/* The life of a host: its namespace, its interface (moved there meanwhile), its part of the stream. */
static bool
host_main(bool server, bool v6, int control)
{
	const char *name = server ? "host1" : "host0";
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(7777) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(7777) };
	const struct sockaddr *sa = v6 ? (const void *)&in6 : (const void *)&in;
	const socklen_t len = v6 ? sizeof(in6) : sizeof(in);
	char command[512];

	if (unshare(CLONE_NEWNET) < 0 || !say(control, 'u') || !hear(control, 'g'))
		return false;
	inet_pton(AF_INET, "10.7.0.2", &in.sin_addr);
	inet_pton(AF_INET6, "fd07::2", &in6.sin6_addr);
	snprintf(command, sizeof(command),
		 "ip link set %s address 02:00:00:00:00:0%d && ip link set %s up && ip addr add 10.7.0.%d/24 dev %s && "
		 "ip addr add fd07::%d/64 dev %s nodad && ip neigh add 10.7.0.%d lladdr 02:00:00:00:00:0%d dev %s && "
		 "ip neigh add fd07::%d lladdr 02:00:00:00:00:0%d dev %s",
		 name, server ? 2 : 1, name, server ? 2 : 1, name, server ? 2 : 1, name, server ? 1 : 2, server ? 1 : 2,
		 name, server ? 1 : 2, server ? 1 : 2, name);
	if (system(command) != 0)
		return false;
	alarm(DEADLINE_S);
	return server ? serve_stream(sa, len, control) : call_stream(sa, len, control);
}

static void
host_start(struct host *h, bool server, bool v6)
{
	char command[128];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, h->pipe), 0);
	h->pid = fork();
	if (h->pid == 0)
		_exit(host_main(server, v6, h->pipe[1]) ? 0 : 1);
	assert_true(h->pid > 0);
	assert_true(hear(h->pipe[0], 'u'));
	snprintf(command, sizeof(command), "ip link set host%d netns %d", server, (int)h->pid);
	run(command);
	assert_true(say(h->pipe[0], 'g'));
	assert_true(hear(h->pipe[0], 'l'));
}

/* Switches until both hosts have ended, and well. */
static void
switch_until_done(struct host *hosts)
{
	struct pollfd p[3] = { { .fd = nic_fd(fix.side[0].nic), .events = POLLIN },
			       { .fd = nic_fd(fix.side[1].nic), .events = POLLIN },
			       { .fd = link_watch_fd(fix.watch), .events = POLLIN } };

	for (int left = 2; left > 0;) {
		const struct mono now = clock_now();
		int status;

		(void)poll(p, 3, 10);
		link_watch_read(fix.watch, now);
		for (int i = 0; i < 2; i++) {
			port_nic_read(fix.side[i].port, now);
			if (hosts[i].pid > 0 && waitpid(hosts[i].pid, &status, WNOHANG) == hosts[i].pid) {
				hosts[i].pid = 0;
				left--;
				assert_true(WIFEXITED(status));
				assert_int_equal(WEXITSTATUS(status), 0);
			}
		}
	}
}

static void
stream_passes(bool v6)
{
	struct host hosts[2];

	pair_add("nic0", "host0");
	pair_add("nic1", "host1");
	watch_both();
	host_start(&hosts[1], true, v6);
	host_start(&hosts[0], false, v6);
	switch_until_done(hosts);
	for (int i = 0; i < 2; i++) {
		const struct nic_stats *s = nic_stats(fix.side[i].nic);

		assert_int_equal(s->drops[DROP_BAD_GSO], 0);
		assert_int_equal(s->drops[DROP_LINK_MTU], 0);
		assert_int_equal(s->drops[DROP_TRUNCATED], 0);
		close(hosts[i].pipe[0]);
		close(hosts[i].pipe[1]);
	}
	assert_true(nic_stats(fix.side[1].nic)->tx_frames > STREAM_BYTES / 1448);
}

static void
a_tcp_stream_over_ipv4_arrives(void **state)
{
	(void)state;
	stream_passes(false);
}

static void
a_tcp_stream_over_ipv6_arrives(void **state)
{
	(void)state;
	stream_passes(true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_port_follows_the_interface, setup, teardown),
		cmocka_unit_test_setup_teardown(an_interface_that_cannot_be_taken_leaves_the_port_down, setup,
						teardown),
		cmocka_unit_test_setup_teardown(frames_go_from_one_to_the_other, setup, teardown),
		cmocka_unit_test_setup_teardown(a_superframe_is_switched_in_one_go, setup, teardown),
		cmocka_unit_test_setup_teardown(a_tcp_stream_over_ipv4_arrives, setup, teardown),
		cmocka_unit_test_setup_teardown(a_tcp_stream_over_ipv6_arrives, setup, teardown),
	};

	if (!netns_enter(NETNS_IP | NETNS_VETH))
		return netns_skip_all();
	return cmocka_run_group_tests_name("port_nic", tests, NULL, NULL);
}
