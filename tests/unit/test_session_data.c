/* Unit tests of a session's data packets: sealing, opening, what is refused and in which order, and the limits of a
 * key. */
#include <string.h>

#include "session_impl.h"
#include "tunnel_fake.h"

static void
test_frames_both_ways(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();
	static const size_t lens[] = { 14, 15, 60, 1400, 1514 };

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		assert_true(fake_wire_frame(w, &w->c, lens[i], (uint8_t)i));
		assert_true(fake_wire_frame(w, &w->s, lens[i], (uint8_t)(i + 100)));
		fake_wire_deliver(w);
		assert_int_equal(w->s.frames, i + 1);
		assert_int_equal(w->c.frames, i + 1);
		assert_int_equal(w->s.frame_len, lens[i]);
		for (size_t b = 0; b < lens[i]; b++) {
			assert_int_equal(w->s.frame[b], i);
			assert_int_equal(w->c.frame[b], i + 100);
		}
	}
	assert_int_equal(session_stats(w->c.session)->tx_packets, 1 + 5);
	assert_int_equal(session_stats(w->c.session)->tx_bytes, session_stats(w->s.session)->rx_bytes);
	assert_int_equal(session_stats(w->s.session)->rx_packets, 1 + 5);
	fake_wire_free(w);
}

/* The header is in clear: 0xC1, the other's id, the counter. */
static void
test_datagram_layout(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();
	uint8_t buf[1 + 20] = { 0xee, 1, 2, 3 }, out[20 + TMSG_OVERHEAD];
	static const uint8_t header[13] = { 0xc1, 0x50, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2 };
	enum drop_reason r = DROP_NONE;

	assert_int_equal(session_seal(w->c.session, buf + 1, 20, out, sizeof(out), fake_now, &r), sizeof(out));
	assert_memory_equal(out, header, sizeof(header));
	assert_int_equal(buf[0], TMSG_FRAME);
	assert_int_equal(buf[1], 1); /* the frame itself is left alone */
	assert_int_equal(r, DROP_NONE);
	fake_wire_free(w);
}

/* --- what can't be sealed --- */

static void
test_seal_refuses(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_new();
	static uint8_t buf[1 + 65536], out[65536 + TMSG_OVERHEAD];
	struct session *c;
	size_t max;
	enum drop_reason r = DROP_NONE;

	w->s.lose[FAKE_REPLY] = 1;
	fake_wire_start(w);
	fake_wire_deliver(w);
	c = w->c.session;
	assert_int_equal(session_state(c), SESSION_CONFIRM);
	assert_int_equal(session_seal(c, buf + 1, 60, out, sizeof(out), fake_now, &r), 0);
	assert_int_equal(r, DROP_NOT_ESTABLISHED);
	fake_wire_for(w, MS(250));
	assert_int_equal(session_state(c), SESSION_ESTABLISHED);

	max = session_max_frame(c);
	assert_int_equal(session_seal(c, buf + 1, max + 1, out, sizeof(out), fake_now, &r), 0);
	assert_int_equal(r, DROP_TOO_LONG);
	assert_int_equal(session_seal(c, buf + 1, max, out, sizeof(out), fake_now, &r), 65507);
	assert_int_equal(session_seal(c, buf + 1, 60, out, 60 + TMSG_OVERHEAD - 1, fake_now, &r), 0);
	assert_int_equal(r, DROP_TOO_LONG);
	assert_int_equal(session_seal(c, buf + 1, 60, out, 60 + TMSG_OVERHEAD, fake_now, &r), 60 + TMSG_OVERHEAD);

	w->c.top_counter = c->tx_counter;
	session_close(c, TMSG_REASON_SHUTDOWN, "", fake_now);
	assert_int_equal(session_seal(c, buf + 1, 60, out, sizeof(out), fake_now, &r), 0);
	assert_int_equal(r, DROP_NOT_ESTABLISHED);
	assert_int_equal(session_stats(c)->drops[DROP_NOT_ESTABLISHED], 2);
	assert_int_equal(session_stats(c)->drops[DROP_TOO_LONG], 2);
	fake_wire_free(w);
}

/* A cipher that fails leaves no half-working session behind. */
static void
test_cipher_fails(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();

	fake_seal_fails = true;
	assert_false(fake_wire_frame(w, &w->c, 60, 0));
	assert_int_equal(w->c.last_drop, DROP_NOT_ESTABLISHED);
	assert_int_equal(w->c.info.end, SESSION_END_PROTOCOL);
	fake_wire_free(w);
}

/* --- what is not opened --- */

static void
expect_drop(struct fake_wire *w, uint8_t *dgram, size_t len, enum drop_reason r)
{
	uint64_t before = session_stats(w->s.session)->drops[r];
	uint64_t rx = session_stats(w->s.session)->rx_packets;

	assert_int_equal(fake_open(&w->s, dgram, len), r);
	assert_int_equal(session_stats(w->s.session)->drops[r], before + 1);
	if (r == DROP_SHORT_DATAGRAM || r == DROP_UNKNOWN_RECEIVER || r == DROP_REPLAY || r == DROP_AUTH)
		assert_int_equal(session_stats(w->s.session)->rx_packets, rx);
}

static void
test_short_and_strange(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();
	static const uint8_t plain[60] = { TMSG_FRAME };
	uint8_t dgram[100];
	unsigned opens = fake_opens;

	for (size_t len = 0; len < TMSG_OVERHEAD; len++) {
		fake_forge(w, true, 9, plain, sizeof(plain), dgram);
		expect_drop(w, dgram, len, DROP_SHORT_DATAGRAM);
	}
	fake_forge(w, true, 9, plain, sizeof(plain), dgram);
	dgram[4] ^= 1;
	expect_drop(w, dgram, sizeof(plain) + 29, DROP_UNKNOWN_RECEIVER);
	assert_int_equal(fake_opens, opens); /* none of it reached the cipher */
	fake_wire_free(w);
}

/* A packet with any one bit changed is dropped, and the true one still accepted after it. */
static void
test_every_bit_counts(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();
	static const uint8_t plain[15] = { TMSG_FRAME, 1, 2, 3 };
	uint8_t dgram[44];

	/* No counter one bit from 6 was used before. */
	for (unsigned bit = 8 * 5; bit < 8 * sizeof(dgram); bit++) {
		fake_forge(w, true, 6, plain, sizeof(plain), dgram);
		dgram[bit / 8] ^= (uint8_t)(1 << bit % 8);
		expect_drop(w, dgram, sizeof(dgram), DROP_AUTH);
	}
	assert_int_equal(w->s.frames, 0);
	assert_int_equal(fake_open(&w->s, dgram, fake_forge(w, true, 6, plain, sizeof(plain), dgram)), DROP_NONE);
	assert_int_equal(w->s.frames, 1);
	fake_wire_free(w);
}

/* The other direction's key doesn't open: a packet can't be reflected. */
static void
test_wrong_key(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();
	static const uint8_t plain[60] = { TMSG_FRAME };
	uint8_t dgram[100];
	size_t len = fake_forge(w, false, 9, plain, sizeof(plain), dgram);

	tmsg_data_write(dgram, session_local_id(w->s.session), 9);
	expect_drop(w, dgram, len, DROP_AUTH);
	fake_wire_free(w);
}

static void
test_replay(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established(); /* counter 1 is used */
	static const uint8_t plain[60] = { TMSG_FRAME };
	static const struct {
		uint64_t counter;
		bool fresh;
	} rows[] = {
		{ 1, false },
		{ 0, false },
		{ 5, true },
		{ 5, false },
		{ 3, true },
		{ 3, false },
		{ 2052, true },
		{ 4, false },
		{ 2053, true },
		{ 6, true },
		{ 2053, false },
		{ 6, false },
		{ 1u << 20, true },
		{ 2053, false },
		{ (1u << 20) - 2047, true },
		{ (1u << 20) - 2048, false },
	};
	uint8_t dgram[100];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = fake_forge(w, true, rows[i].counter, plain, sizeof(plain), dgram);
		unsigned opens = fake_opens;

		if (rows[i].fresh) {
			assert_int_equal(fake_open(&w->s, dgram, len), DROP_NONE);
		} else {
			expect_drop(w, dgram, len, DROP_REPLAY);
			assert_int_equal(fake_opens, opens); /* checked before decryption */
		}
	}
	fake_wire_free(w);
}

/* A forgery doesn't move the window. */
static void
test_forgery_leaves_window(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();
	static const uint8_t plain[60] = { TMSG_FRAME };
	uint8_t dgram[100];
	size_t len = fake_forge(w, true, UINT64_MAX, plain, sizeof(plain), dgram);

	dgram[20] ^= 1;
	expect_drop(w, dgram, len, DROP_AUTH);
	assert_true(fake_wire_frame(w, &w->c, 60, 0));
	fake_wire_deliver(w);
	assert_int_equal(w->s.last_drop, DROP_NONE);
	assert_int_equal(w->s.frames, 1);
	fake_wire_free(w);
}

static void
test_kinds(void **state)
{
	(void)state;
	static const struct {
		uint8_t plain[17];
		size_t len;
		enum drop_reason r;
	} rows[] = {
		{ { TMSG_FRAME }, 1 + 13, DROP_BAD_KIND },
		{ { TMSG_FRAME }, 1 + 14, DROP_NONE },
		{ { TMSG_FRAME }, 1, DROP_BAD_KIND },
		{ { TMSG_BUNDLE, 0, 13 }, 16, DROP_BAD_BUNDLE },
		{ { TMSG_BUNDLE, 0, 14 }, 17, DROP_NONE },
		{ { TMSG_FRAGMENT, 0, 1 }, 16, DROP_BAD_FRAGMENT },
		{ { TMSG_FRAGMENT, 0, 2 }, 16, DROP_NONE },
		{ { TMSG_CONTROL }, 1, DROP_BAD_KIND },
		{ { TMSG_CONTROL, 0, 0, 0, 0, TMSG_ACK }, 6, DROP_BAD_KIND }, /* ids start at 1 */
		{ { TMSG_CONTROL, 0, 0, 0, 9, 99 }, 6, DROP_NONE },
		{ { TMSG_PAD, 0 }, 1 + TMSG_PAD_LEN - 1, DROP_BAD_KIND },
		{ { TMSG_PAD, 0 }, 1 + TMSG_PAD_LEN, DROP_NONE },
		{ { 5 }, 16, DROP_BAD_KIND },
		{ { 0x80 | TMSG_FRAME }, 1 + 14, DROP_BAD_KIND }, /* high bits are reserved */
		{ { 0x10 | TMSG_PAD }, 1 + TMSG_PAD_LEN, DROP_BAD_KIND },
	};
	struct fake_wire *w = fake_wire_established();
	uint8_t dgram[100];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len = fake_forge(w, true, 100 + i, rows[i].plain, rows[i].len, dgram);

		if (rows[i].r == DROP_NONE)
			assert_int_equal(fake_open(&w->s, dgram, len), DROP_NONE);
		else
			expect_drop(w, dgram, len, rows[i].r);
	}
	assert_int_equal(w->s.frames, 2);
	assert_int_equal(session_state(w->s.session), SESSION_ESTABLISHED);
	fake_wire_free(w);
}

/* --- the first authentic packet --- */

static struct fake_wire *
server_in_confirm(void)
{
	struct fake_wire *w = fake_wire_new();

	w->c.lose[FAKE_REQUEST] = -1;
	fake_wire_start(w);
	fake_wire_deliver(w);
	assert_int_equal(session_state(w->s.session), SESSION_CONFIRM);
	return w;
}

/* Whatever kind it is, it confirms, and is answered before anything else. */
static void
test_any_kind_confirms(void **state)
{
	(void)state;
	static const uint8_t kinds[] = { TMSG_FRAME, TMSG_BUNDLE, TMSG_CONTROL, TMSG_PAD, 0xff };

	for (size_t i = 0; i < sizeof(kinds); i++) {
		struct fake_wire *w = server_in_confirm();
		uint8_t plain[30] = { kinds[i] }, dgram[100];

		fake_open(&w->s, dgram, fake_forge(w, true, 50, plain, sizeof(plain), dgram));
		assert_int_equal(session_state(w->s.session), SESSION_ESTABLISHED);
		assert_int_equal(w->s.established, 1);
		assert_int_equal(w->s.sent[FAKE_REPLY], 1);
		assert_int_equal(w->s.frames, kinds[i] == TMSG_FRAME);
		fake_wire_deliver(w);
		assert_int_equal(session_state(w->c.session), SESSION_ESTABLISHED);
		fake_wire_free(w);
	}
}

static void
test_forgery_does_not_confirm(void **state)
{
	(void)state;
	struct fake_wire *w = server_in_confirm();
	static const uint8_t plain[60] = { TMSG_FRAME };
	uint8_t dgram[100];
	size_t len = fake_forge(w, true, 1, plain, sizeof(plain), dgram);

	dgram[len - 1] ^= 1;
	expect_drop(w, dgram, len, DROP_AUTH);
	assert_int_equal(session_state(w->s.session), SESSION_CONFIRM);
	assert_int_equal(session_stats(w->s.session)->tx_packets, 0);
	assert_true(session_has_sec(w->s.session));
	fake_wire_free(w);
}

static void
test_open_without_keys(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_new();
	uint8_t dgram[100] = { 0 };

	fake_wire_start(w);
	tmsg_data_write(dgram, session_local_id(w->s.session), 1);
	expect_drop(w, dgram, sizeof(dgram), DROP_NOT_ESTABLISHED);
	fake_wire_deliver(w);
	session_close(w->s.session, TMSG_REASON_SHUTDOWN, "", fake_now);
	tmsg_data_write(dgram, session_local_id(w->s.session), 9);
	expect_drop(w, dgram, sizeof(dgram), DROP_NOT_ESTABLISHED);
	fake_wire_free(w);
}

/* A frame whose arrival establishes a session that is closed at once goes nowhere. */
static void
test_frame_of_a_closed_session(void **state)
{
	(void)state;
	struct fake_wire *w = server_in_confirm();
	static const uint8_t plain[60] = { TMSG_FRAME };
	uint8_t dgram[100];

	w->s.close_when_established = true;
	expect_drop(w, dgram, fake_forge(w, true, 1, plain, sizeof(plain), dgram), DROP_NOT_ESTABLISHED);
	assert_int_equal(w->s.frames, 0);
	fake_wire_free(w);
}

/* --- limits of a key --- */

static void
test_counter_exhausted(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();
	const uint64_t last = (UINT64_C(1) << 48) - 1;

	w->c.session->tx_counter = w->c.top_counter = last - 2;
	assert_true(fake_wire_frame(w, &w->c, 60, 0));
	assert_true(fake_wire_frame(w, &w->c, 60, 0));
	assert_int_equal(w->c.top_counter, last);
	assert_int_equal(w->c.closed, 0);
	assert_false(fake_wire_frame(w, &w->c, 60, 0));
	assert_int_equal(w->c.info.end, SESSION_END_PROTOCOL);
	assert_string_equal(w->c.info.text, "counter exhausted");
	assert_int_equal(w->c.top_counter, last);
	assert_int_equal(fake_aeads_alive, 2); /* the client's keys are gone */
	fake_wire_free(w);
}

/* Closing says BYE; with no counter left for it the session just ends. */
static void
test_close_with_last_counter(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();

	w->c.session->tx_counter = w->c.top_counter = (UINT64_C(1) << 48) - 2;
	session_close(w->c.session, TMSG_REASON_SHUTDOWN, "", fake_now);
	assert_int_equal(w->c.sent[FAKE_BYE], 1);
	assert_int_equal(w->c.closed, 1);
	fake_wire_free(w);
}

static void
test_too_many_forgeries(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();
	static const uint8_t plain[60] = { TMSG_FRAME };
	uint8_t dgram[100];
	size_t len;

	w->s.session->failed_opens = (UINT64_C(1) << 36) - 2;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(w->s.closed, 0);
		len = fake_forge(w, true, 9, plain, sizeof(plain), dgram);
		dgram[30] ^= 1;
		expect_drop(w, dgram, len, DROP_AUTH);
	}
	assert_int_equal(w->s.closed, 1);
	assert_int_equal(w->s.info.end, SESSION_END_PROTOCOL);
	fake_wire_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames_both_ways),
		cmocka_unit_test(test_datagram_layout),
		cmocka_unit_test(test_seal_refuses),
		cmocka_unit_test(test_cipher_fails),
		cmocka_unit_test(test_short_and_strange),
		cmocka_unit_test(test_every_bit_counts),
		cmocka_unit_test(test_wrong_key),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_forgery_leaves_window),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_any_kind_confirms),
		cmocka_unit_test(test_forgery_does_not_confirm),
		cmocka_unit_test(test_open_without_keys),
		cmocka_unit_test(test_frame_of_a_closed_session),
		cmocka_unit_test(test_counter_exhausted),
		cmocka_unit_test(test_close_with_last_counter),
		cmocka_unit_test(test_too_many_forgeries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
