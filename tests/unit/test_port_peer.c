/* Received datagrams on their way into the switch: order, ends of sessions in the middle of a batch, counters. */
#include "castswitch/port_peer.h"

#include <stdlib.h>
#include <string.h>

#include "tunnel_net.h"

enum { FRAMES = 16, BATCH = 48, BUF = FRAME_HEADROOM + 256 };

/* A server: a table of sessions whose established ones have ports, and a tap that records what reaches it. */
struct world {
	struct net *net;
	struct sw *sw;
	struct sw_port *tap;
	struct udp *udp;       /* what is flooded to the peers leaves here, never flushed */
	char seen[FRAMES + 1]; /* the payload's first byte of each frame, in order */
	size_t n_seen;
	struct port_peer *ports[2];
	struct session *sessions[2];
	unsigned drops[DROP_MAX];
	struct udp_dgram batch[BATCH];
	uint8_t bytes[BATCH][BUF];
	size_t n;
	char order[BATCH + 1]; /* handshake datagrams, each by the byte behind its version; a frame seen is '.' */
	size_t n_order;
	bool wrapped; /* only datagrams with one byte in front, TMSG_ACCESS, are handshakes */
};

static void
tap_tx(void *arg, const struct sw_tx *items, size_t n, struct mono now)
{
	struct world *w = arg;
	(void)now;
	for (size_t i = 0; i < n; i++)
		if (items[i].frame->ethertype == 0x88b5) {
			w->seen[w->n_seen++] = (char)items[i].frame->data[ETH_HDR_LEN];
			w->order[w->n_order++] = '.';
		}
}

static struct session *
rx_find(void *arg, uint32_t receiver)
{
	struct world *w = arg;
	return sessions_find(w->net->table, receiver);
}

static void
rx_handshake(void *arg, const struct path *from, const uint8_t *dgram, size_t len, struct mono now)
{
	struct world *w = arg;
	w->order[w->n_order++] = (char)dgram[3];
	for (int i = 0; i < 2; i++)
		if (port_peer_session(w->ports[i]) && session_state(w->sessions[i]) == SESSION_CLOSED)
			port_peer_detach(w->ports[i], now);
	sessions_handshake_input(w->net->table, from, dgram, len, now);
}

static bool
rx_unwrap(void *arg, const uint8_t **dgram, size_t *len)
{
	(void)arg;
	if (**dgram != TMSG_ACCESS)
		return false;
	++*dgram;
	--*len;
	return true;
}

static void
rx_drop(void *arg, enum drop_reason r)
{
	struct world *w = arg;
	w->drops[r]++;
}

static void
receive(struct world *w)
{
	const struct port_peer_rx rx = { .sw = w->sw,
					 .arg = w,
					 .find = rx_find,
					 .unwrap = w->wrapped ? rx_unwrap : NULL,
					 .handshake = rx_handshake,
					 .drop = rx_drop };
	port_peer_receive(&rx, w->batch, w->n, fake_now);
	w->n = 0;
}

static int
setup(void **state)
{
	static const struct sw_port_ops tap_ops = { .tx = tap_tx };
	static const struct sw_ops sw_ops = { .event = NULL };
	static const char *const addresses[2] = { "192.0.2.1:4711", "192.0.2.2:4711" };
	static const char *const names[2] = { "alice", "bob" };
	struct world *w = calloc(1, sizeof(*w));
	struct sw_params params;
	struct sw_port_params port;
	int err;
	assert_non_null(w);
	w->net = net_new(10, 10, 10);
	sw_params_default(&params);
	params.snooping.querier = SW_QUERIER_OFF;
	w->sw = switch_new(&params, &sw_ops, NULL, &w->net->rng, fake_now);
	sw_port_params_default(SW_TAP, "tap", &port);
	w->tap = switch_port_add(w->sw, &port, &tap_ops, w, fake_now, &err);
	switch_port_set_up(w->sw, w->tap, true, fake_now);
	const struct endpoint local = { .ip = ipaddr_v4_u32(0x7f000001) };
	const struct udp_params udp_params = { .sock = 0 };
	char text[256];
	w->udp = udp_open(&local, &udp_params, text, sizeof(text));
	assert_non_null(w->udp);
	for (int i = 0; i < 2; i++) {
		sw_port_params_default(SW_PEER, names[i], &port);
		w->ports[i] = port_peer_new(w->sw, &port, fake_now, &err);
		w->sessions[i] = net_connect_client(w->net, addresses[i]);
		port_peer_attach(w->ports[i], w->sessions[i], w->udp, fake_now);
	}
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 2; i++)
		port_peer_free(w->ports[i], fake_now);
	switch_free(w->sw);
	udp_close(w->udp);
	net_free(w->net);
	free(w);
	return 0;
}

/* Adds a datagram to the batch. */
static void
add_bytes(struct world *w, int from, const uint8_t *data, size_t len)
{
	uint8_t *slot = w->bytes[w->n] + FRAME_HEADROOM;
	memcpy(slot, data, len);
	w->batch[w->n++] = (struct udp_dgram){ .path = w->net->clients[from].path, .data = slot, .len = len };
}

/* Adds a frame of a client, marked by a letter; broadcast, so that the tap gets it. */
static void
add_frame(struct world *w, int from, char mark)
{
	uint8_t buf[FRAME_HEADROOM + 64] = { 0 }, out[128];
	uint8_t *f = buf + FRAME_HEADROOM;
	enum drop_reason drop;
	memset(f, 0xff, 6);
	f[6] = 0x02;
	f[11] = (uint8_t)from;
	f[12] = 0x88;
	f[13] = 0xb5;
	f[ETH_HDR_LEN] = (uint8_t)mark;
	size_t len = session_seal(w->net->clients[from].session, f, 60, out, sizeof(out), fake_now, &drop);
	assert_int_not_equal(len, 0);
	add_bytes(w, from, out, len);
}

/* Adds what the client itself sends next (BYE). */
static void
add_queued(struct world *w, int from)
{
	for (unsigned i = 0; i < w->net->n_queue; i++)
		if (w->net->queue[i].from == from)
			add_bytes(w, from, w->net->queue[i].data, w->net->queue[i].len);
	w->net->n_queue = 0;
}

static void
test_order_is_kept(void **state)
{
	struct world *w = *state;
	for (const char *p = "aAbBcdC"; *p; p++)
		add_frame(w, *p >= 'a' ? 0 : 1, *p);
	receive(w);
	assert_string_equal(w->seen, "aAbBcdC");
}

static void
test_strangers_are_counted(void **state)
{
	struct world *w = *state;
	uint8_t junk[64] = { 0x7f }, stranger[64] = { TMSG_DATA, 0, 0, 0, 1 };
	add_frame(w, 0, 'a');
	add_bytes(w, 0, junk, sizeof(junk));
	add_bytes(w, 0, stranger, 20);
	add_bytes(w, 0, stranger, sizeof(stranger));
	add_frame(w, 0, 'b');
	receive(w);
	assert_string_equal(w->seen, "ab");
	assert_int_equal(w->drops[DROP_UNKNOWN_DATAGRAM], 1);
	assert_int_equal(w->drops[DROP_SHORT_DATAGRAM], 1);
	assert_int_equal(w->drops[DROP_UNKNOWN_RECEIVER], 1);
}

/* A session that ends in the middle of a batch: its port may be gone, the other's frames still count. */
static void
test_bye_inside_a_batch(void **state)
{
	struct world *w = *state;
	add_frame(w, 1, 'A');
	add_frame(w, 0, 'a');
	session_close(w->net->clients[0].session, TMSG_REASON_SHUTDOWN, "", fake_now);
	add_queued(w, 0);
	add_frame(w, 1, 'B');
	receive(w);
	assert_int_equal(session_state(w->sessions[0]), SESSION_CLOSED);
	port_peer_detach(w->ports[0], fake_now);
	/* 'a' was sent before the goodbye: it arrives. */
	assert_string_equal(w->seen, "AaB");
}

/* The owner that detaches the port in its closed callback, as castswitchd does, leaves nothing behind to be used. */
static void
test_port_detached_before_its_frames(void **state)
{
	struct world *w = *state;
	add_frame(w, 0, 'a');
	port_peer_detach(w->ports[0], fake_now);
	receive(w);
	assert_string_equal(w->seen, "");
	port_peer_attach(w->ports[0], w->sessions[0], w->udp, fake_now);
	add_frame(w, 0, 'b');
	receive(w);
	assert_string_equal(w->seen, "b");
}

/* A handshake datagram frees sessions that are closed: what was collected of them must be handed over before. */
static void
test_handshake_frees_closed_sessions(void **state)
{
	struct world *w = *state;
	const uint8_t record[16] = { 22, 0xfe, 0xfd };
	add_frame(w, 0, 'a');
	session_close(w->net->clients[0].session, TMSG_REASON_SHUTDOWN, "", fake_now);
	add_queued(w, 0);
	add_bytes(w, 1, record, sizeof(record));
	add_frame(w, 1, 'A');
	receive(w);
	assert_string_equal(w->seen, "aA");
	assert_int_equal(sessions_count(w->net->table), 1);
	assert_int_equal(sessions_stats(w->net->table)->drops[DROP_HANDSHAKE_STRAY], 1);
}

static void
add_handshake(struct world *w, char mark)
{
	const uint8_t record[16] = { 22, 0xfe, 0xfd, (uint8_t)mark };
	add_bytes(w, 1, record, sizeof(record));
}

/* What is not let in takes nobody's place. */
static void
test_wrapped_handshakes(void **state)
{
	const uint8_t wrapped[16] = { TMSG_ACCESS, 22, 0xfe, 0xfd, '1' };
	struct world *w = *state;
	add_bytes(w, 0, wrapped, sizeof(wrapped));
	add_handshake(w, 'x');
	receive(w);
	assert_string_equal(w->order, "x");
	assert_int_equal(w->drops[DROP_ACCESS_KEY], 1);
	w->wrapped = true;
	w->n_order = 0;
	for (int i = 0; i < PORT_PEER_RX_HANDSHAKES; i++)
		add_handshake(w, 'x');
	add_bytes(w, 0, wrapped, sizeof(wrapped));
	add_frame(w, 0, 'a');
	receive(w);
	assert_string_equal(w->order, ".1");
	assert_int_equal(w->drops[DROP_ACCESS_KEY], 1 + PORT_PEER_RX_HANDSHAKES);
	assert_int_equal(w->drops[DROP_HANDSHAKE_LIMIT], 0);
}

/* Whatever the order of arrival, data packets go first, and each kind keeps its order. */
static void
test_data_goes_before_handshakes(void **state)
{
	struct world *w = *state;
	add_handshake(w, '1');
	add_frame(w, 0, 'a');
	add_handshake(w, '2');
	add_frame(w, 1, 'A');
	add_frame(w, 0, 'b');
	add_handshake(w, '3');
	receive(w);
	assert_string_equal(w->seen, "aAb");
	assert_string_equal(w->order, "...123");
	assert_int_equal(w->drops[DROP_HANDSHAKE_LIMIT], 0);
}

/* A handshake may end a session whose frames came behind it in the batch: they are through by then. */
static void
test_handshake_before_the_goodbye(void **state)
{
	struct world *w = *state;
	add_handshake(w, '1');
	add_frame(w, 0, 'a');
	session_close(w->net->clients[0].session, TMSG_REASON_SHUTDOWN, "", fake_now);
	add_queued(w, 0);
	add_handshake(w, '2');
	receive(w);
	assert_string_equal(w->order, ".12");
	assert_int_equal(sessions_count(w->net->table), 1);
	assert_null(port_peer_session(w->ports[0]));
}

/* n - 1, n and n + 1: the batch's first are worked on, the others counted; the next batch counts anew. */
static void
test_handshakes_of_a_batch(void **state)
{
	struct world *w = *state;
	enum { N = PORT_PEER_RX_HANDSHAKES };
	for (int extra = -1; extra <= 20; extra++) {
		memset(w->order, 0, sizeof(w->order));
		w->n_order = w->n_seen = 0;
		memset(w->drops, 0, sizeof(w->drops));
		for (int i = 0; i < N + extra; i++)
			add_handshake(w, (char)('A' + i));
		add_frame(w, 0, 'a');
		receive(w);
		assert_int_equal(w->n_order, 1 + (extra < 0 ? N + extra : N));
		assert_memory_equal(w->order, ".ABCDEFGHIJKLMNOP", w->n_order);
		assert_int_equal(w->drops[DROP_HANDSHAKE_LIMIT], extra > 0 ? extra : 0);
		assert_int_equal(w->seen[0], 'a');
	}
}

/* New keys in the middle of a batch: what comes by the old ones before and after goes the same way, in order. */
static void
test_new_keys_inside_a_batch(void **state)
{
	struct world *w = *state;
	struct client *c = net_rekey(w->net, &w->net->clients[0], false);
	uint8_t late[128];
	net_deliver_some(w->net, 8); /* up to WELCOME: what it says next confirms the keys */
	assert_int_equal(session_state(c->session), SESSION_CONFIRM);
	add_frame(w, 0, 'z');
	size_t late_len = w->batch[--w->n].len;
	memcpy(late, w->batch[w->n].data, late_len);
	add_frame(w, 0, 'a');
	add_queued(w, 2);
	add_frame(w, 0, 'b');
	receive(w);
	assert_int_equal(w->net->rekeyed, 1);
	assert_int_equal(session_state(w->sessions[0]), SESSION_RETIRED);
	assert_string_equal(w->seen, "ab");
	port_peer_rekey(w->ports[0], w->net->last_established, w->udp);
	assert_ptr_equal(port_peer_session(w->ports[0]), w->net->last_established);
	session_request(w->net->last_established, fake_now); /* its answer to the client was lost */
	net_deliver(w->net);
	assert_int_equal(session_state(c->session), SESSION_ESTABLISHED);
	add_frame(w, 2, 'c');
	add_bytes(w, 0, late, late_len);
	add_frame(w, 2, 'd');
	receive(w);
	assert_string_equal(w->seen, "abczd");
	/* A port that goes takes both its sessions' way in. */
	add_frame(w, 2, 'e');
	port_peer_detach(w->ports[0], fake_now);
	assert_null(session_owner(w->sessions[0]));
	receive(w);
	assert_string_equal(w->seen, "abczd");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order_is_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_strangers_are_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bye_inside_a_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_port_detached_before_its_frames, setup, teardown),
		cmocka_unit_test_setup_teardown(test_handshake_frees_closed_sessions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrapped_handshakes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_data_goes_before_handshakes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_handshake_before_the_goodbye, setup, teardown),
		cmocka_unit_test_setup_teardown(test_handshakes_of_a_batch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_new_keys_inside_a_batch, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
