/* Unit tests of FRAGMENT and BUNDLE between two sessions: sizes, counters, order, ECN, and what is refused.  Reassembly
 * by itself is in test_reassembly.c. */
#include <stdlib.h>
#include <string.h>

#include "castswitch/ecn.h"
#include "castswitch/frame.h"
#include "tunnel_fake.h"

enum { BASE = 1200, ROOM = 9300, MOST = BASE - TMSG_OVERHEAD - 2 };

/* Sessions that stay at 1,200 bytes. */
static struct fake_wire *
small_wire(void)
{
	struct fake_wire *w = fake_wire_new();

	w->client_params.max_datagram = w->server_params.max_datagram = BASE;
	fake_wire_start(w);
	fake_wire_deliver(w);
	assert_int_equal(session_mtu(w->c.session), BASE);
	return w;
}

/* --- FRAGMENT --- */

/* As few as there can be, none longer than the path carries, lengths as they should be, counters one after the other,
 * and the frame untouched. */
static void
check_cut(struct fake_wire *w, size_t len)
{
	uint8_t *frame = malloc(len), *copy = malloc(len), out[ROOM], *got;
	struct session_cut cut = { .index = 0 };
	const size_t count = (len + MOST - 1) / MOST < 2 ? 2 : (len + MOST - 1) / MOST;
	size_t n, first = 0, got_len, sum = 0;
	uint64_t counter = w->c.top_counter;
	enum drop_reason drop;

	for (size_t i = 0; i < len; i++)
		frame[i] = copy[i] = (uint8_t)(i * 7 + i / 256);
	for (unsigned i = 0; i < count; i++) {
		struct session_input in = { .from = &w->to_client, .data = out, .room = sizeof(out) };
		struct tmsg_data hdr;

		n = session_seal_fragment(w->c.session, frame, len, &cut, out, BASE, fake_now, &drop);
		assert_in_range(n, TMSG_OVERHEAD + 3, BASE);
		assert_int_equal(cut.index, i + 1);
		assert_int_equal(cut.count, count);
		assert_true(tmsg_data_parse(out, n, &hdr));
		assert_int_equal(hdr.counter, ++counter);
		first = i ? first : n;
		assert_true(i + 1 == count ? n <= first : n == first);
		sum += n - TMSG_OVERHEAD - 2;
		in.len = n;
		assert_int_equal(session_receive(w->s.session, &in, fake_now, &got, &got_len), DROP_NONE);
		assert_int_equal(got != NULL, i + 1 == count);
	}
	w->c.top_counter = counter;
	assert_int_equal(sum, len);
	assert_int_equal(got_len, len);
	assert_ptr_equal(got, out + 14);
	assert_memory_equal(got, copy, len);
	assert_memory_equal(frame, copy, len);
	assert_false(session_next_frame(w->s.session, &got, &got_len));
	free(frame);
	free(copy);
}

static void
every_length(void **state)
{
	struct fake_wire *w = small_wire();

	(void)state;
	for (size_t len = ETH_HDR_LEN; len <= 40; len++)
		check_cut(w, len);
	for (size_t count = 2; count < 8; count++)
		for (size_t len = count * MOST - 9; len <= count * MOST + 9; len++)
			check_cut(w, len);
	for (size_t len = 9000; len <= 9216; len += 27)
		check_cut(w, len);
	fake_wire_free(w);
}

static void
what_can_not_be_cut(void **state)
{
	struct fake_wire *w = small_wire();
	uint8_t frame[9400] = { 0 }, out[ROOM];
	struct session_cut cut = { .index = 0 };
	enum drop_reason drop = DROP_NONE;

	(void)state;
	assert_int_equal(session_seal_fragment(w->c.session, frame, 9217, &cut, out, sizeof(out), fake_now, &drop), 0);
	assert_int_equal(drop, DROP_TOO_LONG);
	assert_int_equal(session_seal_fragment(w->c.session, frame, 13, &cut, out, sizeof(out), fake_now, &drop), 0);
	assert_int_equal(session_seal_fragment(w->c.session, frame, 1500, &cut, out, 750 + 31, fake_now, &drop), 0);
	assert_int_equal(session_stats(w->c.session)->drops[DROP_TOO_LONG], 3);
	assert_int_equal(session_stats(w->c.session)->tx_packets, w->c.top_counter);
	session_close(w->c.session, TMSG_REASON_SHUTDOWN, "", fake_now);
	assert_int_equal(session_seal_fragment(w->c.session, frame, 1500, &cut, out, sizeof(out), fake_now, &drop), 0);
	assert_int_equal(drop, DROP_NOT_ESTABLISHED);
	fake_wire_free(w);
}

/* Between fragments of two frames nothing is lost; a missing one costs its frame only. */
static void
a_lost_fragment(void **state)
{
	struct fake_wire *w = small_wire();

	(void)state;
	assert_int_equal(fake_wire_fragments(w, &w->c, 1500, 'a'), 2);
	w->c.lose[FAKE_FRAGMENT] = 1;
	assert_int_equal(fake_wire_fragments(w, &w->c, 1500, 'b'), 2);
	assert_int_equal(fake_wire_fragments(w, &w->c, 1500, 'c'), 2);
	assert_true(fake_wire_frame(w, &w->c, 100, 'd'));
	fake_wire_deliver(w);
	assert_int_equal(w->s.frames, 3);
	assert_memory_equal(w->s.order, "acd", 3);
	fake_wire_for(w, MS(1000));
	assert_int_equal(fake_wire_fragments(w, &w->c, 1500, 'e'), 2);
	fake_wire_deliver(w);
	assert_memory_equal(w->s.order, "acde", 4);
	assert_int_equal(session_stats(w->s.session)->drops[DROP_FRAGMENT_TIMEOUT], 1);
	fake_wire_free(w);
}

static void
sealed(struct fake_wire *w, uint64_t counter, const uint8_t *plain, size_t len, enum drop_reason expect)
{
	uint8_t dgram[256];
	const uint64_t before = session_stats(w->s.session)->drops[expect];
	size_t n = fake_forge(w, true, counter, plain, len, dgram);

	assert_int_equal(fake_receive(&w->s, dgram, n, sizeof(dgram), 0), expect);
	assert_int_equal(session_stats(w->s.session)->drops[expect], expect == DROP_NONE ? before : before + 1);
}

static void
bad_fragments_are_counted(void **state)
{
	struct fake_wire *w = small_wire();
	const uint8_t one_of_one[] = { TMSG_FRAGMENT, 0, 1, 'x' }, empty[] = { TMSG_FRAGMENT, 0, 2 };
	const uint8_t begin[] = { TMSG_FRAGMENT, 0, 2, 1, 2, 3, 4, 5, 6 }, end[] = { TMSG_FRAGMENT, 1, 2, 7, 8, 9 };

	(void)state;
	sealed(w, 1000, one_of_one, sizeof(one_of_one), DROP_BAD_FRAGMENT);
	sealed(w, 1010, empty, sizeof(empty), DROP_BAD_FRAGMENT);
	sealed(w, 1020, empty, 1, DROP_BAD_FRAGMENT);
	/* Complete, and shorter than an Ethernet header. */
	sealed(w, 1030, begin, sizeof(begin), DROP_NONE);
	sealed(w, 1031, end, sizeof(end), DROP_BAD_KIND);
	assert_int_equal(w->s.frames, 0);
	fake_wire_free(w);
}

/* --- BUNDLE --- */

static void
a_bundle(void **state)
{
	struct fake_wire *w = fake_wire_established();
	const size_t lens[] = { 60, 14, 333, 15, 60 };

	(void)state;
	assert_true(session_bundles(w->c.session) && session_bundles(w->s.session));
	assert_true(fake_wire_bundle(w, &w->c, lens, 5, 1));
	assert_true(fake_wire_frame(w, &w->c, 100, 200));
	fake_wire_deliver(w);
	assert_int_equal(w->c.sent[FAKE_BUNDLE], 1);
	assert_int_equal(w->s.frames, 6);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(w->s.order[i], (uint8_t)lens[i]);
	assert_int_equal(w->s.order[5], 200);
	/* One alone is a bundle, too. */
	assert_true(fake_wire_bundle(w, &w->s, lens, 1, 9));
	fake_wire_deliver(w);
	assert_int_equal(w->c.frames, 1);
	assert_int_equal(w->c.frame_len, 60);
	for (unsigned i = 0; i < 60; i++)
		assert_int_equal(w->c.frame[i], 9 + i);
	fake_wire_free(w);
}

/* In front of each frame are FRAME_EGRESS_ROOM bytes that belong to no other. */
static void
frames_do_not_touch(void **state)
{
	struct fake_wire *w = fake_wire_established();
	uint8_t plain[1 + 3 * (2 + 20)] = { TMSG_BUNDLE }, dgram[256], *frame[3];
	size_t len, n = 0;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		plain[1 + 22 * i + 1] = 20;
		memset(plain + 3 + 22 * i, (int)('a' + i), 20);
	}
	len = fake_forge(w, true, 100, plain, sizeof(plain), dgram);
	assert_int_equal(session_open(w->s.session, &w->to_client, dgram, len, fake_now, &frame[0], &len), DROP_NONE);
	for (n = 1; n < 3; n++)
		assert_true(session_next_frame(w->s.session, &frame[n], &len));
	assert_false(session_next_frame(w->s.session, &frame[0], &len));
	for (unsigned i = 0; i < 3; i++)
		memset(frame[i] - FRAME_EGRESS_ROOM, 0xff, FRAME_EGRESS_ROOM);
	for (unsigned i = 0; i < 3; i++)
		for (unsigned k = 0; k < 20; k++)
			assert_int_equal(frame[i][k], 'a' + i);
	fake_wire_free(w);
}

static void
bad_bundles_are_counted(void **state)
{
	struct fake_wire *w = fake_wire_established();
	uint8_t plain[1 + 2 * 16] = { TMSG_BUNDLE, [2] = 14, [18] = 14 };

	(void)state;
	sealed(w, 1000, plain, sizeof(plain), DROP_NONE);
	assert_int_equal(w->s.frames, 2);
	for (size_t len = 1; len < sizeof(plain); len++) {
		if (len == 17)
			continue;
		sealed(w, 1000 + len, plain, len, DROP_BAD_BUNDLE);
	}
	plain[2] = 13;
	sealed(w, 1100, plain, sizeof(plain), DROP_BAD_BUNDLE);
	plain[2] = 15;
	sealed(w, 1101, plain, sizeof(plain), DROP_BAD_BUNDLE);
	plain[2] = 14;
	plain[17] = 0xff;
	sealed(w, 1102, plain, sizeof(plain), DROP_BAD_BUNDLE);
	/* Not even the first frame of those. */
	assert_int_equal(w->s.frames, 2);
	fake_wire_free(w);
}

static void
only_to_who_takes_them(void **state)
{
	struct fake_wire *w = fake_wire_established();
	const size_t lens[] = { 2000, 100 };
	struct session_part part = { .data = (const uint8_t *)lens, .len = 16 };
	uint8_t out[64];
	enum drop_reason drop;

	(void)state;
	assert_int_equal(session_hello(w->c.session)->caps & TMSG_CAP_BUNDLE, TMSG_CAP_BUNDLE);
	assert_int_equal(session_seal_bundle(w->c.session, &part, 1, out, 47, fake_now, &drop), 0);
	assert_int_equal(drop, DROP_TOO_LONG);
	assert_int_equal(session_seal_bundle(w->c.session, &part, 1, out, 48, fake_now, &drop), 48);
	part.len = 65536;
	assert_int_equal(session_seal_bundle(w->c.session, &part, 1, out, sizeof(out), fake_now, &drop), 0);
	fake_wire_free(w);
	w = fake_wire_new();
	fake_wire_start(w);
	assert_false(session_bundles(w->c.session));
	assert_false(fake_wire_bundle(w, &w->c, lens, 2, 1));
	assert_int_equal(w->c.last_drop, DROP_NOT_ESTABLISHED);
	fake_wire_free(w);
}

/* --- ECN --- */

/* An IPv4 packet in an Ethernet frame with this ECN field. */
static void
ip_frame(uint8_t frame[60], uint8_t ecn)
{
	memset(frame, 0, 60);
	frame[12] = 0x08;
	frame[14] = 0x45;
	frame[15] = (uint8_t)(0xb8 | ecn);
	frame[17] = 46;
}

static void
ecn_of_the_outer_packet(void **state)
{
	struct fake_wire *w = fake_wire_established();
	uint8_t buf[1 + 60], plain[1 + 2 * 62] = { TMSG_BUNDLE }, dgram[256];
	size_t len;

	(void)state;
	ip_frame(buf + 1, ECN_ECT_0);
	buf[0] = TMSG_FRAME;
	len = fake_forge(w, true, 100, buf, sizeof(buf), dgram);
	assert_int_equal(fake_receive(&w->s, dgram, len, len, ECN_CE), DROP_NONE);
	assert_int_equal(w->s.frame[15], 0xb8 | ECN_CE);
	ip_frame(buf + 1, ECN_NOT_ECT);
	len = fake_forge(w, true, 101, buf, sizeof(buf), dgram);
	assert_int_equal(fake_receive(&w->s, dgram, len, len, ECN_CE), DROP_ECN);
	assert_int_equal(session_stats(w->s.session)->drops[DROP_ECN], 1);

	/* The frames of a bundle, each for itself. */
	plain[2] = plain[64] = 60;
	ip_frame(plain + 3, ECN_NOT_ECT);
	ip_frame(plain + 65, ECN_ECT_1);
	w->s.frames = 0;
	len = fake_forge(w, true, 102, plain, sizeof(plain), dgram);
	assert_int_equal(fake_receive(&w->s, dgram, len, len, ECN_CE), DROP_NONE);
	assert_int_equal(w->s.frames, 1);
	assert_int_equal(w->s.frame[15], 0xb8 | ECN_CE);
	assert_int_equal(session_stats(w->s.session)->drops[DROP_ECN], 2);
	ip_frame(plain + 65, ECN_NOT_ECT);
	len = fake_forge(w, true, 103, plain, sizeof(plain), dgram);
	assert_int_equal(fake_receive(&w->s, dgram, len, len, ECN_CE), DROP_NONE);
	assert_int_equal(w->s.frames, 1);
	assert_int_equal(session_stats(w->s.session)->drops[DROP_ECN], 4);

	/* One marked fragment marks the packet. */
	ip_frame(buf + 1, ECN_ECT_0);
	for (unsigned i = 0; i < 2; i++) {
		memcpy(plain + 3, buf + 1 + 30 * i, 30);
		plain[0] = TMSG_FRAGMENT;
		plain[1] = (uint8_t)i;
		plain[2] = 2;
		len = fake_forge(w, true, 200 + i, plain, 33, dgram);
		assert_int_equal(fake_receive(&w->s, dgram, len, sizeof(dgram), i ? ECN_ECT_0 : ECN_CE), DROP_NONE);
	}
	assert_int_equal(w->s.frames, 2);
	assert_int_equal(w->s.frame[15], 0xb8 | ECN_CE);
	fake_wire_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length),
		cmocka_unit_test(what_can_not_be_cut),
		cmocka_unit_test(a_lost_fragment),
		cmocka_unit_test(bad_fragments_are_counted),
		cmocka_unit_test(a_bundle),
		cmocka_unit_test(frames_do_not_touch),
		cmocka_unit_test(bad_bundles_are_counted),
		cmocka_unit_test(only_to_who_takes_them),
		cmocka_unit_test(ecn_of_the_outer_packet),
	};

	return cmocka_run_group_tests_name("session_frames", tests, NULL, NULL);
}
