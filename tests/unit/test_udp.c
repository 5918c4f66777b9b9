/* src/io/udp.c: batches over loopback.  The kernel is real, except where a test scripts what sendmmsg answers. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "castswitch/frame.h"
#include "castswitch/udp.h"

enum { PATIENCE_MS = 10000 };

static const struct mono now = { .ns = 1000 };

/* --- sendmmsg, scripted --- */

/* What the next calls do: > 0 sends at most that many, < 0 fails with that errno, 0 ends the script: as the kernel
 * does. */
static int script[8];
static unsigned script_at, sendmmsg_calls;

int __real_sendmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags);

int
__wrap_sendmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags)
{
	const int step = script[script_at];

	sendmmsg_calls++;
	if (!step)
		return __real_sendmmsg(fd, msgs, n, flags);
	script_at++;
	if (step < 0) {
		errno = -step;
		return -1;
	}
	return __real_sendmmsg(fd, msgs, n < (unsigned)step ? n : (unsigned)step, flags);
}

static void
script_set(const int *steps, size_t n)
{
	memset(script, 0, sizeof(script));
	memcpy(script, steps, n * sizeof(*steps));
	script_at = 0;
}
#define SCRIPT(...) script_set((const int[]){ __VA_ARGS__ }, sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int))

static int
setup(void **state)
{
	(void)state;
	SCRIPT(0);
	sendmmsg_calls = 0;
	return 0;
}

/* --- helpers --- */

static struct endpoint
ep(const char *ip, uint16_t port)
{
	struct endpoint e = { .port = port };

	assert_true(ipaddr_parse(ip, &e.ip));
	return e;
}

static struct udp *
open_at(const char *ip, uint16_t port, struct udp_params params)
{
	const struct endpoint local = ep(ip, port);
	char err[128] = "";
	struct udp *u = udp_open(&local, &params, err, sizeof(err));

	if (!u)
		fail_msg("udp_open: %s", err);
	return u;
}

static bool
have_ipv6(void)
{
	const int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	const bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0;

	close(fd);
	return ok;
}

static void
wait_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
}

/* The next batch that has anything. */
static unsigned
recv_some(struct udp *u, struct udp_dgram **ret)
{
	wait_readable(udp_fd(u));
	return (unsigned)udp_recv(u, ret);
}

/* Receives n datagrams and puts the first byte of each into 'first', which becomes a string. */
static void
recv_first_bytes(struct udp *u, unsigned n, char *first)
{
	struct udp_dgram *d;
	unsigned got = 0;

	while (got < n) {
		const unsigned k = recv_some(u, &d);

		for (unsigned i = 0; i < k; i++)
			first[got++] = (char)d[i].data[0];
	}
	first[got] = '\0';
}

static struct path
path_to(const struct udp *u, const char *ip)
{
	return (struct path){ .remote = ep(ip, udp_local(u)->port) };
}

/* Queues one bulk datagram of a single byte. */
static void
bulk(struct udp *u, const struct path *to, char byte, uint8_t tos)
{
	uint8_t *room = udp_tx_slot(u, 1);

	assert_non_null(room);
	room[0] = (uint8_t)byte;
	udp_tx_commit(u, to, 1, tos);
}

/* --- opening --- */

static void
port_zero_gets_a_real_port_and_a_second_socket_there_an_error(void **state)
{
	struct udp *u = open_at("127.0.0.1", 0, (struct udp_params){ 0 });
	const struct endpoint *local = udp_local(u);
	char err[128] = "", expect[128], text[ENDPOINT_STRLEN];

	(void)state;
	assert_int_not_equal(local->port, 0);
	assert_true(udp_rcvbuf(u) > 0);
	assert_true(udp_sndbuf(u) > 0);
	assert_null(udp_open(local, &(struct udp_params){ 0 }, err, sizeof(err)));
	snprintf(expect, sizeof(expect), "%s: address already in use", endpoint_str(local, text));
	assert_string_equal(err, expect);
	udp_close(u);
	udp_close(NULL);
}

static void
buffers_are_what_was_asked_for_when_that_is_small(void **state)
{
	struct udp *u = open_at("127.0.0.1", 0, (struct udp_params){ .rcvbuf = 30000, .sndbuf = 20000 });

	(void)state;
	assert_int_equal(udp_rcvbuf(u), 60000); /* socket(7): the kernel doubles it */
	assert_int_equal(udp_sndbuf(u), 40000);
	udp_close(u);
}

static void
both_families_share_a_port_v6(void **state)
{
	struct udp *v4, *v6;

	(void)state;
	v6 = open_at("::", 0, (struct udp_params){ 0 });
	v4 = open_at("0.0.0.0", udp_local(v6)->port, (struct udp_params){ 0 });
	udp_close(v4);
	udp_close(v6);
}

/* --- receiving --- */

static void
echo(const char *bind_to, const char *call)
{
	struct udp *server = open_at(bind_to, 0, (struct udp_params){ .sock = 7 });
	const struct endpoint called = ep(call, udp_local(server)->port);
	struct udp *client =
		open_at(ipaddr_is_v4(&called.ip) ? "0.0.0.0" : "::", 0, (struct udp_params){ .connect_to = &called });
	const struct path nowhere = { .remote = ep("192.0.2.1", 9) };
	struct udp_dgram *d;
	uint8_t *room;

	udp_send(client, &nowhere, (const uint8_t *)"ping", 4);
	udp_flush(client, now);
	assert_int_equal(recv_some(server, &d), 1);
	assert_int_equal(d->len, 4);
	assert_memory_equal(d->data, "ping", 4);
	assert_true(ipaddr_equal(&d->path.local, &called.ip));
	assert_int_equal(d->path.remote.port, udp_local(client)->port);
	assert_true(ipaddr_equal(&d->path.remote.ip, &udp_local(client)->ip));
	assert_int_equal(d->path.sock, 7);
	assert_int_equal(d->path.ifindex, 0);
	assert_int_equal((uintptr_t)d->data % 16, 0);
	memset(d->data - FRAME_HEADROOM, 0xff, FRAME_HEADROOM);

	room = udp_tx_slot(server, 4);
	memset(room - FRAME_HEADROOM, 0xff, FRAME_HEADROOM);
	memcpy(room, "pong", 4);
	udp_tx_commit(server, &d->path, 4, 0);
	udp_flush(server, now);
	/* the client is connected to the address it called, so an answer from another one would not come in */
	assert_int_equal(recv_some(client, &d), 1);
	assert_int_equal(d->len, 4);
	assert_memory_equal(d->data, "pong", 4);
	assert_int_equal(udp_recv(client, &d), 0);
	assert_int_equal(udp_take_error(client), 0);

	assert_int_equal(udp_stats(server)->rx_datagrams, 1);
	assert_int_equal(udp_stats(server)->rx_bytes, 4);
	assert_int_equal(udp_stats(server)->tx_datagrams, 1);
	assert_int_equal(udp_stats(server)->tx_bytes, 4);
	udp_close(client);
	udp_close(server);
}

static void
answers_leave_from_the_address_that_was_called(void **state)
{
	(void)state;
	echo("0.0.0.0", "127.0.0.2");
	echo("127.0.0.1", "127.0.0.1");
}

static void
answers_leave_from_the_address_that_was_called_v6(void **state)
{
	(void)state;
	echo("::", "::1");
	echo("::1", "::1");
}

static void
longest_datagram_passes_and_one_byte_more_is_truncated(void **state)
{
	static uint8_t big[UDP_DGRAM_MAX + 1];
	struct udp *u = open_at("127.0.0.1", 0, (struct udp_params){ 0 });
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(udp_local(u)->port) };
	const int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct udp_dgram *d;

	(void)state;
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (size_t len = UDP_DGRAM_MAX - 1; len <= UDP_DGRAM_MAX + 1; len++)
		assert_int_equal(sendto(fd, big, len, 0, (struct sockaddr *)&to, sizeof(to)), len);
	big[0] = 1;
	assert_int_equal(sendto(fd, big, 1, 0, (struct sockaddr *)&to, sizeof(to)), 1);
	/* loopback delivers in order: four are there when the last is */
	for (unsigned got = 0, k; got < 3; got += k) {
		k = recv_some(u, &d);
		for (unsigned i = 0; i < k; i++) {
			const size_t expect[] = { UDP_DGRAM_MAX - 1, UDP_DGRAM_MAX, 1 };

			assert_int_equal(d[i].len, expect[got + i]);
		}
	}
	assert_int_equal(udp_stats(u)->drops[DROP_TRUNCATED], 1);
	assert_int_equal(udp_stats(u)->rx_datagrams, 3);
	assert_int_equal(udp_stats(u)->rx_bytes, 2 * UDP_DGRAM_MAX);
	close(fd);
	udp_close(u);
}

static void
overflow_of_the_receive_buffer_is_counted_by_the_kernel(void **state)
{
	struct udp *u = open_at("127.0.0.1", 0, (struct udp_params){ .rcvbuf = 1 });
	const struct path self = path_to(u, "127.0.0.1");

	(void)state;
	assert_int_equal(udp_rx_overflows(u), 0);
	for (unsigned i = 0; i < UDP_BATCH; i++)
		bulk(u, &self, 'x', 0);
	udp_flush(u, now);
	wait_readable(udp_fd(u));
	assert_int_not_equal(udp_rx_overflows(u), 0);
	udp_close(u);
}

/* --- transmitting --- */

static void
a_full_batch_leaves_by_itself_and_in_order(void **state)
{
	struct udp *u = open_at("127.0.0.1", 0, (struct udp_params){ 0 });
	const struct path self = path_to(u, "127.0.0.1");
	char sent[UDP_BATCH + 2], got[UDP_BATCH + 2];

	(void)state;
	for (unsigned i = 0; i < UDP_BATCH + 1; i++) {
		sent[i] = (char)('!' + i);
		bulk(u, &self, sent[i], 0);
		assert_int_equal(sendmmsg_calls, i < UDP_BATCH ? 0 : 1);
	}
	sent[UDP_BATCH + 1] = '\0';
	assert_int_equal(udp_stats(u)->tx_datagrams, UDP_BATCH);
	udp_flush(u, now);
	assert_int_equal(sendmmsg_calls, 2);
	recv_first_bytes(u, UDP_BATCH + 1, got);
	assert_string_equal(got, sent);
	udp_flush(u, now);
	assert_int_equal(sendmmsg_calls, 2); /* nothing queued, no system call */
	udp_close(u);
}

static void
a_slot_that_is_not_committed_is_given_again(void **state)
{
	struct udp *u = open_at("127.0.0.1", 0, (struct udp_params){ 0 });

	(void)state;
	assert_ptr_equal(udp_tx_slot(u, 100), udp_tx_slot(u, UDP_DGRAM_MAX));
	assert_null(udp_tx_slot(u, UDP_DGRAM_MAX + 1));
	assert_int_equal(udp_stats(u)->drops[DROP_TOO_LONG], 1);
	udp_flush(u, now);
	assert_int_equal(udp_stats(u)->tx_datagrams, 0);
	udp_close(u);
}

static void
tos(const char *ip)
{
	struct udp *u = open_at(ip, 0, (struct udp_params){ .recv_tos = true });
	struct udp *deaf = open_at(ip, 0, (struct udp_params){ 0 });
	const struct path self = path_to(u, ip), other = path_to(deaf, ip);
	const uint8_t values[] = { 0xb8, 0, 0x01, 0xff };
	struct udp_dgram *d;

	for (unsigned i = 0; i < 4; i++)
		bulk(u, &self, 't', values[i]);
	bulk(u, &other, 't', 0xb8);
	udp_flush(u, now);
	for (unsigned got = 0, k; got < 4; got += k) {
		k = recv_some(u, &d);
		for (unsigned i = 0; i < k; i++)
			assert_int_equal(d[i].tos, values[got + i]);
	}
	assert_int_equal(recv_some(deaf, &d), 1);
	assert_int_equal(d->tos, 0);
	udp_close(deaf);
	udp_close(u);
}

static void
tos_is_per_datagram(void **state)
{
	(void)state;
	tos("127.0.0.1");
}

static void
tos_is_per_datagram_v6(void **state)
{
	(void)state;
	tos("::1");
}

static void
an_error_in_the_middle_skips_only_that_datagram(void **state)
{
	struct udp *u = open_at("127.0.0.1", 0, (struct udp_params){ 0 });
	const struct path self = path_to(u, "127.0.0.1");
	const struct path port_zero = { .remote = ep("127.0.0.1", 0) }; /* EINVAL */
	const struct path not_ours = { .remote = self.remote, .local = ep("192.0.2.77", 0).ip };
	char got[8];

	(void)state;
	bulk(u, &self, 'a', 0);
	bulk(u, &port_zero, 'x', 0);
	bulk(u, &self, 'b', 0);
	bulk(u, &not_ours, 'x', 0);
	bulk(u, &self, 'c', 0);
	udp_flush(u, now);
	assert_false(udp_wants_write(u));
	recv_first_bytes(u, 3, got);
	assert_string_equal(got, "abc");
	assert_int_equal(udp_stats(u)->drops[DROP_SEND_ERROR], 2);
	assert_int_equal(udp_stats(u)->tx_datagrams, 3);
	assert_int_equal(udp_stats(u)->tx_bytes, 3);
	udp_close(u);
}

static void
a_path_of_the_other_family_is_refused(void **state)
{
	struct udp *u = open_at("127.0.0.1", 0, (struct udp_params){ 0 });
	const struct path v6 = { .remote = ep("::1", 9) };
	const struct path mixed = { .remote = ep("127.0.0.1", 9), .local = ep("::1", 0).ip };

	(void)state;
	bulk(u, &v6, 'x', 0);
	bulk(u, &mixed, 'x', 0);
	udp_send(u, &v6, (const uint8_t *)"x", 1);
	udp_flush(u, now);
	assert_int_equal(sendmmsg_calls, 0);
	assert_int_equal(udp_stats(u)->drops[DROP_SEND_ERROR], 3);
	udp_close(u);
}

/* --- a full socket --- */

static void
a_full_socket_holds_one_batch_and_drops_from_the_tail(void **state)
{
	struct udp *u = open_at("127.0.0.1", 0, (struct udp_params){ 0 });
	const struct path self = path_to(u, "127.0.0.1");
	char sent[UDP_BATCH + 3], got[UDP_BATCH + 3];
	const struct mono later = mono_add(now, 5);
	unsigned n = 0;

	(void)state;
	for (; n < UDP_BATCH; n++)
		bulk(u, &self, sent[n] = (char)('!' + n), 0);
	SCRIPT(2, -EAGAIN, -EAGAIN, -EAGAIN);
	assert_false(udp_wants_write(u));
	assert_true(mono_is_never(udp_blocked_since(u)));
	udp_flush(u, now); /* takes two */
	assert_true(udp_wants_write(u));
	assert_int_equal(udp_blocked_since(u).ns, now.ns);
	assert_int_equal(udp_stats(u)->tx_datagrams, 2);

	for (; n < UDP_BATCH + 2; n++)
		bulk(u, &self, sent[n] = (char)('!' + n), 0);
	sent[n] = '\0';
	sendmmsg_calls = 0;
	assert_null(udp_tx_slot(u, 1));
	assert_int_equal(udp_stats(u)->drops[DROP_EGRESS_FULL], 1);
	assert_int_equal(sendmmsg_calls, 0); /* no system call for each drop */

	udp_flush(u, later);
	assert_true(udp_wants_write(u));
	assert_int_equal(udp_blocked_since(u).ns, now.ns);
	SCRIPT(0);
	udp_flush(u, later);
	assert_false(udp_wants_write(u));
	assert_true(mono_is_never(udp_blocked_since(u)));
	recv_first_bytes(u, n, got);
	assert_string_equal(got, sent);
	assert_int_equal(udp_stats(u)->drops[DROP_EGRESS_FULL], 1);
	udp_close(u);
}

static void
control_has_its_own_slots_and_leaves_first(void **state)
{
	struct udp *u = open_at("127.0.0.1", 0, (struct udp_params){ 0 });
	const struct path self = path_to(u, "127.0.0.1");
	char got[UDP_BATCH + 2];

	(void)state;
	SCRIPT(-EAGAIN);
	for (unsigned i = 0; i < UDP_BATCH; i++)
		bulk(u, &self, 'b', 0);
	udp_flush(u, now);
	assert_null(udp_tx_slot(u, 1));
	udp_send(u, &self, (const uint8_t *)"c", 1);
	udp_flush(u, now);
	recv_first_bytes(u, UDP_BATCH + 1, got);
	assert_int_equal(got[0], 'c');
	assert_int_equal(got[UDP_BATCH], 'b');
	assert_int_equal(udp_stats(u)->drops[DROP_EGRESS_FULL], 1); /* the refused bulk datagram */
	udp_close(u);
}

static void
control_goes_as_cs6(const char *ip)
{
	struct udp *u = open_at(ip, 0, (struct udp_params){ .recv_tos = true });
	const struct path self = path_to(u, ip);
	struct udp_dgram *d;

	udp_send(u, &self, (const uint8_t *)"c", 1);
	udp_flush(u, now);
	assert_int_equal(recv_some(u, &d), 1);
	assert_int_equal(d->tos, 48 << 2);
	udp_close(u);
}

static void
control_is_network_control(void **state)
{
	(void)state;
	control_goes_as_cs6("127.0.0.1");
}

static void
control_is_network_control_v6(void **state)
{
	(void)state;
	control_goes_as_cs6("::1");
}

static void
control_overflow_is_counted(void **state)
{
	struct udp *u = open_at("127.0.0.1", 0, (struct udp_params){ 0 });
	const struct path self = path_to(u, "127.0.0.1");
	static const uint8_t big[UDP_DGRAM_MAX + 1];

	(void)state;
	SCRIPT(-EAGAIN, -EAGAIN);
	for (unsigned i = 0; i < UDP_BATCH + 1; i++)
		udp_send(u, &self, (const uint8_t *)"c", 1);
	assert_int_equal(udp_stats(u)->drops[DROP_EGRESS_FULL], 1);
	udp_send(u, &self, big, sizeof(big));
	assert_int_equal(udp_stats(u)->drops[DROP_TOO_LONG], 1);
	SCRIPT(0);
	udp_flush(u, now);
	assert_int_equal(udp_stats(u)->tx_datagrams, UDP_BATCH);
	udp_close(u);
}

static void
no_buffers_in_the_kernel_is_egress_full_and_an_interrupt_nothing(void **state)
{
	struct udp *u = open_at("127.0.0.1", 0, (struct udp_params){ 0 });
	const struct path self = path_to(u, "127.0.0.1");
	char got[8];

	(void)state;
	bulk(u, &self, 'a', 0);
	bulk(u, &self, 'b', 0);
	bulk(u, &self, 'c', 0);
	SCRIPT(-EINTR, 1, -ENOBUFS);
	udp_flush(u, now);
	recv_first_bytes(u, 2, got);
	assert_string_equal(got, "ac");
	assert_int_equal(udp_stats(u)->drops[DROP_EGRESS_FULL], 1);
	udp_close(u);
}

/* --- too long --- */

/* Each with where it was to go, its length and its first bytes; so many are kept, in order. */
static void
too_long_datagrams_are_remembered(void **state)
{
	struct udp *u = open_at("127.0.0.1", 0, (struct udp_params){ 0 });
	struct path to = path_to(u, "127.0.0.1");
	struct udp_refused r;
	uint8_t *room;

	(void)state;
	assert_false(udp_take_refused(u, &r));
	for (unsigned i = 0; i < UDP_REFUSED + 1; i++) {
		SCRIPT(-EMSGSIZE);
		room = udp_tx_slot(u, 50);
		memset(room, (int)('a' + i), 50);
		to.remote.port = (uint16_t)(1000 + i);
		udp_tx_commit(u, &to, UDP_HEAD - 2 + i, 0);
		udp_flush(u, now);
	}
	assert_int_equal(udp_stats(u)->drops[DROP_PATH_MTU], UDP_REFUSED + 1);
	assert_int_equal(udp_stats(u)->drops[DROP_SEND_ERROR], 0);
	for (unsigned i = 0; i < UDP_REFUSED; i++) {
		assert_true(udp_take_refused(u, &r));
		assert_int_equal(r.to.port, 1000 + i);
		assert_true(ipaddr_equal(&r.to.ip, &to.remote.ip));
		assert_int_equal(r.len, UDP_HEAD - 2 + i);
		assert_int_equal(r.head_len, i < 2 ? UDP_HEAD - 2 + i : UDP_HEAD);
		assert_int_equal(r.head[0], 'a' + i);
		assert_int_equal(r.head[r.head_len - 1], 'a' + i);
	}
	assert_false(udp_take_refused(u, &r));
	udp_close(u);
}

/* --- connected --- */

/* The same error twice is about the datagram itself, once about one before. */
static void
too_long_by_icmp_costs_no_datagram(void **state)
{
	struct udp *server = open_at("127.0.0.1", 0, (struct udp_params){ 0 });
	const struct endpoint to = *udp_local(server);
	struct udp *client = open_at("::", 0, (struct udp_params){ .connect_to = &to });
	const struct path any = { .remote = to };
	struct udp_refused r;
	char got[4];

	(void)state;
	bulk(client, &any, 'a', 0);
	SCRIPT(-EMSGSIZE);
	udp_flush(client, now);
	recv_first_bytes(server, 1, got);
	assert_string_equal(got, "a");
	assert_true(udp_take_refused(client, &r));
	assert_int_equal(r.len, 0);
	assert_false(udp_take_refused(client, &r));
	assert_int_equal(udp_take_error(client), 0);

	bulk(client, &any, 'b', 0);
	bulk(client, &any, 'c', 0);
	SCRIPT(-EMSGSIZE, -EMSGSIZE);
	udp_flush(client, now);
	recv_first_bytes(server, 1, got);
	assert_string_equal(got, "c");
	assert_true(udp_take_refused(client, &r));
	assert_int_equal(r.len, 1);
	assert_int_equal(r.head[0], 'b');
	assert_false(udp_take_refused(client, &r));
	assert_int_equal(udp_stats(client)->drops[DROP_PATH_MTU], 1);
	udp_close(client);
	udp_close(server);
}

static void
refused_is_reported_once_and_costs_no_datagram(void **state)
{
	struct udp *server = open_at("127.0.0.1", 0, (struct udp_params){ 0 });
	const struct endpoint to = *udp_local(server);
	const struct path any = { .remote = to };
	struct udp *client, *again;
	struct udp_dgram *d;
	char got[4];

	(void)state;
	udp_close(server);
	client = open_at("::", 0, (struct udp_params){ .connect_to = &to });
	assert_int_equal(udp_take_error(client), 0);

	udp_send(client, &any, (const uint8_t *)"1", 1);
	udp_flush(client, now);
	wait_readable(udp_fd(client));
	assert_int_equal(udp_recv(client, &d), 0);
	assert_int_equal(udp_take_error(client), ECONNREFUSED);
	assert_int_equal(udp_take_error(client), 0);
	assert_int_equal(udp_stats(client)->rx_errors, 1);

	/* Now the error waits on the socket when the next datagram is sent. */
	udp_send(client, &any, (const uint8_t *)"2", 1);
	udp_flush(client, now);
	wait_readable(udp_fd(client));
	again = open_at("127.0.0.1", to.port, (struct udp_params){ 0 });
	udp_send(client, &any, (const uint8_t *)"3", 1);
	udp_flush(client, now);
	assert_int_equal(udp_take_error(client), ECONNREFUSED);
	recv_first_bytes(again, 1, got);
	assert_string_equal(got, "3");
	assert_int_equal(udp_stats(client)->drops[DROP_SEND_ERROR], 0);
	udp_close(again);
	udp_close(client);
}

static void
a_second_error_in_a_row_gives_that_datagram_up(void **state)
{
	struct udp *server = open_at("127.0.0.1", 0, (struct udp_params){ 0 });
	const struct endpoint to = *udp_local(server);
	struct udp *client = open_at("::", 0, (struct udp_params){ .connect_to = &to });
	const struct path any = { .remote = to };
	char got[4];

	(void)state;
	bulk(client, &any, 'a', 0);
	bulk(client, &any, 'b', 0);
	SCRIPT(-EHOSTUNREACH, -EHOSTUNREACH, -ECONNREFUSED);
	udp_flush(client, now);
	recv_first_bytes(server, 1, got);
	assert_string_equal(got, "b");
	assert_int_equal(udp_take_error(client), ECONNREFUSED);
	assert_int_equal(udp_stats(client)->drops[DROP_SEND_ERROR], 1);
	udp_close(client);
	udp_close(server);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup(name, setup)
	const struct CMUnitTest tests[] = {
		T(port_zero_gets_a_real_port_and_a_second_socket_there_an_error),
		T(buffers_are_what_was_asked_for_when_that_is_small),
		T(both_families_share_a_port_v6),
		T(answers_leave_from_the_address_that_was_called),
		T(answers_leave_from_the_address_that_was_called_v6),
		T(longest_datagram_passes_and_one_byte_more_is_truncated),
		T(overflow_of_the_receive_buffer_is_counted_by_the_kernel),
		T(a_full_batch_leaves_by_itself_and_in_order),
		T(a_slot_that_is_not_committed_is_given_again),
		T(tos_is_per_datagram),
		T(tos_is_per_datagram_v6),
		T(an_error_in_the_middle_skips_only_that_datagram),
		T(a_path_of_the_other_family_is_refused),
		T(a_full_socket_holds_one_batch_and_drops_from_the_tail),
		T(control_has_its_own_slots_and_leaves_first),
		T(control_is_network_control),
		T(control_is_network_control_v6),
		T(control_overflow_is_counted),
		T(too_long_datagrams_are_remembered),
		T(too_long_by_icmp_costs_no_datagram),
		T(no_buffers_in_the_kernel_is_egress_full_and_an_interrupt_nothing),
		T(refused_is_reported_once_and_costs_no_datagram),
		T(a_second_error_in_a_row_gives_that_datagram_up),
	};
#undef T

	if (!have_ipv6()) {
		printf("# no IPv6 here: tests *_v6 are left out\n");
		cmocka_set_skip_filter("*_v6");
	}
	return cmocka_run_group_tests_name("udp", tests, NULL, NULL);
}
