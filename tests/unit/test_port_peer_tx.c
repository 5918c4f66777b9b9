/* Frames on their way from the switch into the tunnel and out of it again: which of them share a datagram, which are
 * cut, with what TOS, and the MSS of SYNs.  The socket is real, over loopback; the sessions have the tests' cipher. */
#include "castswitch/port_peer.h"

#include <stdlib.h>
#include <string.h>
#include <poll.h>

#include "castswitch/ecn.h"
#include "castswitch/frame.h"
#include "tunnel_fake.h"

enum { PATIENCE_MS = 10000, FRAMES = 200, DGRAMS = 200, FRAME_ROOM = 2048, BASE = 1200, LIMIT = 1452 };

struct world {
	struct fake_wire *wire;
	struct sw *sw;
	struct sw_port *tap;
	struct port_peer *peer;
	struct udp *udp, *far; /* the server's socket and the client's */
	uint8_t bytes[FRAMES][FRAME_HEADROOM + FRAME_ROOM];
	struct frame frames[FRAMES];
	size_t n;
	/* What arrived at the client. */
	struct {
		size_t len;
		uint8_t tos;
	} got[DGRAMS];
	size_t n_got;
	/* What the tap got from the peer. */
	char seen[FRAMES + 1];
	size_t n_seen;
	uint8_t last[FRAME_ROOM];
};

static void
tap_tx(void *arg, const struct sw_tx *items, size_t n, struct mono now)
{
	struct world *w = arg;
	(void)now;
	for (size_t i = 0; i < n; i++) {
		const struct frame *f = items[i].frame;
		assert_true(w->n_seen < FRAMES);
		w->seen[w->n_seen++] = (char)f->data[f->len - 1];
		memcpy(w->last, f->data, f->len);
	}
}

static struct udp *
socket_new(bool tos)
{
	const struct endpoint local = { .ip = ipaddr_v4_u32(0x7f000001) };
	const struct udp_params params = { .recv_tos = tos };
	char text[256];
	struct udp *u = udp_open(&local, &params, text, sizeof(text));
	assert_non_null(u);
	return u;
}

static void
switch_begin(struct world *w)
{
	static const struct sw_port_ops tap_ops = { .tx = tap_tx };
	static const struct sw_ops sw_ops = { .event = NULL };
	struct sw_params params;
	struct sw_port_params port;
	int err;
	sw_params_default(&params);
	params.snooping.enabled[0] = params.snooping.enabled[1] = false;
	w->sw = switch_new(&params, &sw_ops, NULL, &w->wire->rng, fake_now);
	sw_port_params_default(SW_TAP, "tap", &port);
	w->tap = switch_port_add(w->sw, &port, &tap_ops, w, fake_now, &err);
	switch_port_set_up(w->sw, w->tap, true, fake_now);
	sw_port_params_default(SW_PEER, "alice", &port);
	w->peer = port_peer_new(w->sw, &port, fake_now, &err);
	assert_non_null(w->peer);
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	assert_non_null(w);
	w->wire = fake_wire_new();
	w->udp = socket_new(false);
	w->far = socket_new(true);
	w->wire->to_client.remote = *udp_local(w->far);
	w->wire->server_params.max_datagram = LIMIT;
	fake_wire_start(w->wire);
	fake_wire_for(w->wire, MS(100));
	assert_int_equal(session_mtu(w->wire->s.session), LIMIT);
	switch_begin(w);
	port_peer_attach(w->peer, w->wire->s.session, w->udp, fake_now);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;
	port_peer_free(w->peer, fake_now);
	switch_free(w->sw);
	udp_close(w->udp);
	udp_close(w->far);
	fake_wire_free(w->wire);
	free(w);
	return 0;
}

/* --- frames --- */

/* A broadcast frame of this length with an IPv4 packet of this TOS and protocol; its last byte is the mark. */
static uint8_t *
add(struct world *w, size_t len, uint8_t tos, uint8_t proto, char mark)
{
	uint8_t *f = w->bytes[w->n] + FRAME_HEADROOM;
	assert_true(len >= 35 && len <= FRAME_ROOM);
	memset(f, 0, len);
	memset(f, 0xff, 6);
	f[6] = f[11] = 2;
	f[12] = 0x08;
	f[14] = 0x45;
	f[15] = tos;
	f[16] = (uint8_t)((len - 14) >> 8);
	f[17] = (uint8_t)(len - 14);
	f[23] = proto;
	f[len - 1] = (uint8_t)mark;
	w->frames[w->n++] = (struct frame){ .data = f, .len = (uint32_t)len };
	return f;
}

static void
add_udp(struct world *w, size_t len, char mark)
{
	add(w, len, 0, 17, mark);
}

static void
add_syn(struct world *w, unsigned mss, char mark)
{
	uint8_t *f = add(w, 14 + 20 + 24 + 1, 0, 6, mark);
	f[46] = 0x60;
	f[47] = 0x02;
	f[54] = 2;
	f[55] = 4;
	f[56] = (uint8_t)(mss >> 8);
	f[57] = (uint8_t)mss;
}

/* Switches what was added, and takes what arrives at the client until so many datagrams are there. */
static void
pass(struct world *w, size_t datagrams)
{
	struct pollfd p = { .fd = udp_fd(w->far), .events = POLLIN };
	for (size_t i = 0; i < w->n; i += SW_BATCH)
		switch_rx(w->sw, w->tap, w->frames + i, w->n - i < SW_BATCH ? w->n - i : SW_BATCH, fake_now);
	w->n = w->n_got = w->wire->c.frames = 0;
	udp_flush(w->udp, fake_now);
	while (w->n_got < datagrams) {
		struct udp_dgram *d;
		assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
		int n = udp_recv(w->far, &d);
		for (int i = 0; i < n; i++) {
			w->got[w->n_got].len = d[i].len;
			w->got[w->n_got++].tos = d[i].tos;
			assert_int_equal(fake_receive(&w->wire->c, d[i].data, d[i].len, d[i].room, 0), DROP_NONE);
		}
	}
	assert_int_equal(udp_stats(w->udp)->tx_datagrams, udp_stats(w->far)->rx_datagrams);
	assert_int_equal(w->n_got, datagrams);
}

static void
expect_order(const struct world *w, const char *marks)
{
	assert_int_equal(w->wire->c.frames, strlen(marks));
	assert_memory_equal(w->wire->c.order, marks, strlen(marks));
}

/* --- bundles and fragments --- */

static void
test_small_frames_share(void **state)
{
	struct world *w = *state;
	for (const char *m = "abcdef"; *m; m++)
		add_udp(w, 60, *m);
	pass(w, 1);
	assert_int_equal(w->got[0].len, TMSG_OVERHEAD + 6 * 62);
	expect_order(w, "abcdef");
	/* One alone is a plain frame. */
	add_udp(w, 60, 'x');
	pass(w, 1);
	assert_int_equal(w->got[0].len, TMSG_OVERHEAD + 60);
	expect_order(w, "x");
}

/* Together one byte less than the path carries, as much, and one byte more. */
static void
test_up_to_the_path(void **state)
{
	struct world *w = *state;
	for (int over = -1; over <= 1; over++) {
		add_udp(w, 700, 'a');
		add_udp(w, (size_t)(LIMIT - TMSG_OVERHEAD - 4 - 700 + over), 'b');
		add_udp(w, LIMIT - TMSG_OVERHEAD, 'c');
		pass(w, over > 0 ? 3 : 2);
		assert_int_equal(w->got[0].len, over > 0 ? 700 + TMSG_OVERHEAD : LIMIT + over);
		assert_int_equal(w->got[over > 0 ? 2 : 1].len, LIMIT);
		expect_order(w, "abc");
	}
}

/* Whatever the sizes, the order stays. */
static void
test_order_with_fragments(void **state)
{
	struct world *w = *state;
	add_udp(w, 60, 'a');
	add_udp(w, 60, 'b');
	add_udp(w, LIMIT - TMSG_OVERHEAD + 1, 'c');
	add_udp(w, 60, 'd');
	add_udp(w, 1514, 'e');
	add_udp(w, 60, 'f');
	add_udp(w, 60, 'g');
	pass(w, 7);
	expect_order(w, "abcdefg");
	assert_int_equal(w->got[0].len, TMSG_OVERHEAD + 124);
	assert_int_equal(w->got[1].len, TMSG_OVERHEAD + 2 + 712);
	assert_int_equal(w->got[2].len, TMSG_OVERHEAD + 2 + 711);
	assert_int_equal(w->got[3].len, TMSG_OVERHEAD + 60);
	assert_int_equal(w->got[4].len, TMSG_OVERHEAD + 2 + 757);
	assert_int_equal(w->got[6].len, TMSG_OVERHEAD + 124);
}

/* The path is what it is now, from batch to batch. */
static void
test_the_path_changes(void **state)
{
	struct world *w = *state;
	add_udp(w, 1400, 'a');
	pass(w, 1);
	session_refused(w->wire->s.session, LIMIT, fake_now);
	add_udp(w, 1400, 'a');
	add_udp(w, BASE - TMSG_OVERHEAD, 'b');
	pass(w, 3);
	expect_order(w, "ab");
	assert_int_equal(w->got[2].len, BASE);
}

static void
test_a_whole_batch(void **state)
{
	struct world *w = *state;
	for (unsigned i = 0; i < SW_BATCH; i++)
		add_udp(w, 35, (char)('0' + i));
	pass(w, 2); /* 38 in the first */
	assert_int_equal(w->got[0].len, TMSG_OVERHEAD + 38 * 37);
	assert_int_equal(w->wire->c.frames, SW_BATCH);
	for (unsigned i = 0; i < SW_BATCH; i++)
		assert_int_equal(w->wire->c.order[i], '0' + i);
}

/* Sealing may end the session in the middle of a batch. */
static void
test_the_session_ends(void **state)
{
	struct world *w = *state;
	fake_seal_fails = true;
	add_udp(w, 1514, 'a');
	add_udp(w, 1514, 'b');
	pass(w, 0);
	assert_int_equal(session_state(w->wire->s.session), SESSION_CLOSED);
	add_udp(w, 60, 'a');
	add_udp(w, 60, 'b');
	pass(w, 0);
	port_peer_end(w->peer);
	add_udp(w, 60, 'a');
	pass(w, 0);
	fake_seal_fails = false;
}

/* --- TOS --- */

static void
test_tos_parts_bundles(void **state)
{
	struct world *w = *state;
	add(w, 60, 0xb8, 17, 'a');
	add(w, 60, 0xb8, 17, 'b');
	add(w, 60, 0xba, 17, 'c');
	add(w, 60, 0, 17, 'd');
	add(w, 60, 0, 17, 'e');
	add(w, 1514, 0xb8, 17, 'f');
	pass(w, 5);
	expect_order(w, "abcdef");
	assert_int_equal(w->got[0].tos, 0xb8);
	assert_int_equal(w->got[0].len, TMSG_OVERHEAD + 124);
	assert_int_equal(w->got[1].tos, 0xba);
	assert_int_equal(w->got[2].tos, 0);
	assert_int_equal(w->got[3].tos, 0xb8);
	assert_int_equal(w->got[4].tos, 0xb8);
}

/* Other DSCPs, the same ECN; what differs no more goes together. */
static void
test_tos_by_policy(void **state)
{
	struct world *w = *state;
	const struct port_peer_policy none = { .tos_keep = ECN_MASK },
				      fixed = { .tos_keep = ECN_MASK, .tos_set = 0x48 };
	for (int i = 0; i < 2; i++) {
		port_peer_set_policy(w->peer, i ? &fixed : &none);
		add(w, 60, 0xb8, 17, 'a');
		add(w, 60, 0, 17, 'b');
		add(w, 60, 0xb8 | ECN_ECT_0, 17, 'c');
		add(w, 60, ECN_CE, 17, 'd');
		pass(w, 3);
		expect_order(w, "abcd");
		assert_int_equal(w->got[0].tos, i ? 0x48 : 0);
		assert_int_equal(w->got[1].tos, (i ? 0x48 : 0) | ECN_ECT_0);
		assert_int_equal(w->got[2].tos, (i ? 0x48 : 0) | ECN_CE);
	}
}

/* --- SYNs --- */

static unsigned
mss_of(const uint8_t *frame)
{
	return (unsigned)frame[56] << 8 | frame[57];
}

/* 1452 - 30 - 14 - 20 - 20; the frame that others get stays as it is. */
static void
test_syn_out(void **state)
{
	struct world *w = *state;
	const struct port_peer_policy off = { .tos_keep = 0xff },
				      fixed = { .tos_keep = 0xff, .clamp = true, .mss = 1000 };
	add_udp(w, 60, 'a');
	add_syn(w, 1460, 'b');
	add_udp(w, 60, 'c');
	const uint8_t *original = w->frames[1].data;
	pass(w, 3);
	expect_order(w, "abc");
	assert_int_equal(mss_of(original), 1460);
	add_syn(w, 1460, 'b');
	pass(w, 1);
	assert_int_equal(mss_of(w->wire->c.frame), 1368);
	add_syn(w, 1367, 'b');
	pass(w, 1);
	assert_int_equal(mss_of(w->wire->c.frame), 1367);
	port_peer_set_policy(w->peer, &fixed);
	add_syn(w, 1367, 'b');
	pass(w, 1);
	assert_int_equal(mss_of(w->wire->c.frame), 1000);
	port_peer_set_policy(w->peer, &off);
	add_syn(w, 1460, 'b');
	add_syn(w, 1460, 'c');
	pass(w, 1);
	assert_int_equal(mss_of(w->wire->c.frame), 1460);
}

/* --- in --- */

static struct session *
rx_find(void *arg, uint32_t receiver)
{
	struct world *w = arg;
	return receiver == session_local_id(w->wire->s.session) ? w->wire->s.session : NULL;
}

static void
rx_handshake(void *arg, const struct path *from, const uint8_t *dgram, size_t len, struct mono now)
{
	(void)arg;
	(void)from;
	(void)dgram;
	(void)len;
	(void)now;
	fail();
}

static void
rx_drop(void *arg, enum drop_reason r)
{
	(void)arg;
	fail_msg("dropped: %s", drop_name(r));
}

/* As the server's socket hands it on: a slot with room behind the datagram. */
static void
receive(struct world *w, const uint8_t *bytes, const size_t *lens, size_t n)
{
	const struct port_peer_rx rx = {
		.sw = w->sw, .arg = w, .find = rx_find, .handshake = rx_handshake, .drop = rx_drop
	};
	struct udp_dgram dgrams[8];
	uint8_t *slots = malloc(8 * (FRAME_HEADROOM + (size_t)UDP_DGRAM_MAX));
	assert_non_null(slots);
	for (size_t i = 0; i < n; i++) {
		uint8_t *slot = slots + i * (FRAME_HEADROOM + (size_t)UDP_DGRAM_MAX) + FRAME_HEADROOM;
		memcpy(slot, bytes, lens[i]);
		dgrams[i] = (struct udp_dgram){
			.path = w->wire->to_client, .data = slot, .len = lens[i], .room = UDP_DGRAM_MAX
		};
		bytes += lens[i];
	}
	port_peer_receive(&rx, dgrams, n, fake_now);
	free(slots);
}

/* More frames in one datagram than the switch takes at a time. */
static void
test_a_long_bundle(void **state)
{
	struct world *w = *state;
	struct session_part parts[100];
	uint8_t out[9000];
	enum drop_reason drop;
	for (unsigned i = 0; i < 100; i++) {
		add_udp(w, 60, (char)(' ' + i));
		parts[i] = (struct session_part){ .data = w->frames[i].data, .len = 60 };
	}
	size_t len = session_seal_bundle(w->wire->c.session, parts, 100, out, sizeof(out), fake_now, &drop);
	assert_int_equal(len, TMSG_OVERHEAD + 6200);
	receive(w, out, &len, 1);
	assert_int_equal(w->n_seen, 100);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal((uint8_t)w->seen[i], ' ' + i);
}

/* Several frames of fragments in one batch of datagrams: each is where its last fragment was, until all are switched.
 */
static void
test_frames_of_fragments(void **state)
{
	struct world *w = *state;
	uint8_t out[8 * 1500], *at = out;
	size_t lens[8];
	enum drop_reason drop;
	for (unsigned i = 0; i < 4; i++) {
		struct session_cut cut = { .index = 0 };
		add_udp(w, 1514, (char)('a' + i));
		for (unsigned k = 0; k < 2; k++) {
			lens[2 * i + k] = session_seal_fragment(w->wire->c.session, w->frames[i].data, 1514, &cut, at,
								1452, fake_now, &drop);
			assert_in_range(lens[2 * i + k], 700, 1452);
			at += lens[2 * i + k];
		}
	}
	receive(w, out, lens, 8);
	assert_string_equal(w->seen, "abcd");
	assert_memory_equal(w->last, w->frames[3].data, 1514);
}

/* A SYN that came from the peer: who gets it sends into the tunnel, at our end. */
static void
test_syn_in(void **state)
{
	struct world *w = *state;
	uint8_t out[1500];
	enum drop_reason drop;
	add_syn(w, 1460, 'a');
	size_t len = session_seal(w->wire->c.session, w->frames[0].data, w->frames[0].len, out, sizeof(out), fake_now,
				  &drop);
	receive(w, out, &len, 1);
	assert_string_equal(w->seen, "a");
	assert_int_equal(mss_of(w->last), 1368);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_small_frames_share), T(test_up_to_the_path),      T(test_order_with_fragments),
		T(test_the_path_changes),   T(test_a_whole_batch),       T(test_the_session_ends),
		T(test_tos_parts_bundles),  T(test_tos_by_policy),       T(test_syn_out),
		T(test_a_long_bundle),      T(test_frames_of_fragments), T(test_syn_in),
	};
#undef T
	return cmocka_run_group_tests_name("port_peer_tx", tests, NULL, NULL);
}
