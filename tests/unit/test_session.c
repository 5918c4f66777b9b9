/* Unit tests of a session's beginning: handshake, HELLO / WELCOME / REFUSE, keys, confirmation; with each message lost,
 * and each timeout a millisecond before, on and after its time. */
#include <string.h>

#include "tunnel_fake.h"

static void
test_establishes(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_new();

	fake_wire_start(w);
	assert_int_equal(session_state(w->c.session), SESSION_HANDSHAKE);
	assert_null(session_peer(w->c.session));
	assert_int_equal(session_remote_id(w->c.session), 0);
	assert_int_equal(session_aead(w->c.session), TMSG_AEAD_NONE);
	fake_wire_deliver(w);

	assert_int_equal(session_state(w->c.session), SESSION_ESTABLISHED);
	assert_int_equal(session_state(w->s.session), SESSION_ESTABLISHED);
	assert_int_equal(w->c.established, 1);
	assert_int_equal(w->s.established, 1);
	assert_int_equal(w->s.admitted, 1);
	/* Both free the sec once 'established' has returned. */
	assert_true(w->c.had_sec && w->s.had_sec);
	assert_false(session_has_sec(w->c.session) || session_has_sec(w->s.session));
	assert_int_equal(fake_secs_alive, 0);
	assert_int_equal(session_established_at(w->s.session).ns, fake_now.ns);

	assert_string_equal(session_peer(w->s.session)->name, "alice");
	assert_string_equal(session_peer(w->c.session)->name, "server");
	assert_int_equal(session_remote_id(w->s.session), 0xc0000001);
	assert_int_equal(session_remote_id(w->c.session), 0x50000002);
	assert_int_equal(session_hello(w->s.session)->flags, TMSG_FLAG_ENDPOINT);
	assert_string_equal(session_hello(w->s.session)->software, "client 1");
	assert_string_equal(session_hello(w->c.session)->software, "server 1");
	/* The client's request, the server's reply: one packet each. */
	assert_int_equal(w->c.sent[FAKE_REQUEST], 1);
	assert_int_equal(w->s.sent[FAKE_REPLY], 1);
	assert_int_equal(session_stats(w->s.session)->tx_packets, 1);
	assert_int_equal(session_stats(w->s.session)->rx_packets, 1);
	assert_int_equal(session_stats(w->s.session)->rx_bytes, TMSG_OVERHEAD + TMSG_PAD_LEN);
	fake_wire_free(w);
}

/* DESIGN section 7: context and order of the key block. */
static void
test_keys(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();
	static const uint8_t context[10] = { 1, TMSG_AEAD_AES_256_GCM, 0xc0, 0, 0, 1, 0x50, 0, 0, 2 };
	const uint8_t secret[FAKE_SECRET_LEN] = { [0 ... FAKE_SECRET_LEN - 1] = 1 };
	uint8_t block[88];

	assert_string_equal(fake_label, "EXPORTER-castswitch-data-v1");
	assert_int_equal(fake_context_len, sizeof(context));
	assert_memory_equal(fake_context, context, sizeof(context));
	assert_int_equal(fake_export_len, sizeof(block));
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = fake_export_byte(secret, context, sizeof(context), i);

	assert_int_equal(fake_n_keys, 4); /* server: tx, rx; client: tx, rx */
	for (unsigned i = 0; i < 4; i++) {
		bool c2s = i == 1 || i == 2;

		assert_int_equal(fake_keys[i].id, TMSG_AEAD_AES_256_GCM);
		assert_int_equal(fake_keys[i].seal, i == 0 || i == 2);
		assert_memory_equal(fake_keys[i].key, block + (c2s ? 0 : 32), 32);
		assert_memory_equal(fake_keys[i].iv, block + (c2s ? 64 : 76), 12);
	}
	fake_wire_free(w);
}

struct choice {
	uint8_t server[3], client[3], chosen;
};

static void
test_aead_choice(void **state)
{
	(void)state;
	enum { GCM = TMSG_AEAD_AES_256_GCM, CHACHA = TMSG_AEAD_CHACHA20_POLY1305, OTHER = 9, LATER = 10 };
	static const struct choice rows[] = {
		{ { GCM, CHACHA }, { GCM, CHACHA }, GCM },
		{ { GCM, CHACHA }, { CHACHA, GCM }, CHACHA },
		{ { CHACHA, GCM }, { GCM, CHACHA }, CHACHA },
		{ { CHACHA }, { GCM, CHACHA }, CHACHA },
		{ { GCM }, { GCM }, GCM },
		{ { OTHER, GCM }, { GCM }, GCM },
		{ { OTHER, GCM, LATER }, { LATER, GCM }, LATER },
		{ { OTHER, GCM, LATER }, { GCM, LATER }, GCM },
		{ { GCM }, { CHACHA }, 0 },
		{ { GCM, CHACHA }, { LATER }, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fake_wire *w = fake_wire_new();

		memcpy(w->server_params.aeads, rows[i].server, 3);
		memcpy(w->client_params.aeads, rows[i].client, 3);
		w->server_params.n_aeads = (uint8_t)strnlen((const char *)rows[i].server, 3);
		w->client_params.n_aeads = (uint8_t)strnlen((const char *)rows[i].client, 3);
		fake_wire_start(w);
		fake_wire_deliver(w);
		assert_int_equal(session_aead(w->s.session), rows[i].chosen);
		assert_int_equal(session_aead(w->c.session), rows[i].chosen);
		if (!rows[i].chosen) {
			assert_int_equal(w->s.info.end, SESSION_END_REFUSED);
			assert_int_equal(w->c.info.end, SESSION_END_REFUSED);
			assert_int_equal(w->c.info.reason, TMSG_REASON_AEAD);
			assert_int_equal(w->s.admitted, 0);
		}
		fake_wire_free(w);
	}
}

/* --- loss --- */

/* Every message of the beginning lost three times over: it still begins, by so many milliseconds. */
static void
test_loss(void **state)
{
	(void)state;
	static const struct {
		enum fake_msg msg;
		bool from_client;
		unsigned ms;
	} rows[] = {
		{ FAKE_FINISHED, true, 750 },  { FAKE_SERVER_FINISHED, false, 750 }, { FAKE_HELLO, true, 1500 },
		{ FAKE_WELCOME, false, 1500 }, { FAKE_REQUEST, true, 750 },          { FAKE_REPLY, false, 750 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fake_wire *w = fake_wire_new();

		(rows[i].from_client ? &w->c : &w->s)->lose[rows[i].msg] = 3;
		fake_wire_start(w);
		fake_wire_for(w, MS(rows[i].ms - 1));
		assert_int_equal(w->c.established, 0);
		fake_wire_for(w, MS(1));
		assert_int_equal(w->c.established, 1);
		assert_int_equal(w->s.established, 1);
		assert_int_equal(w->s.admitted, 1);
		assert_int_equal((rows[i].from_client ? &w->c : &w->s)->sent[rows[i].msg], 4);
		fake_wire_free(w);
	}
}

/* The server's first flight and the client's ClientHello cross; either may be lost. */
static void
test_loss_of_first_flights(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_new();

	w->c.lose[FAKE_CLIENT_HELLO] = 2;
	w->s.lose[FAKE_FLIGHT] = 2;
	fake_wire_start(w);
	fake_wire_for(w, MS(1000));
	assert_int_equal(w->c.established, 1);
	assert_int_equal(w->s.established, 1);
	fake_wire_free(w);
}

/* --- errors of the path --- */

/* The first error may be stale or forged; a second one ends a client's handshake when it is 200 ms later. */
static void
test_path_errors_end_a_handshake(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_new();
	struct mono first = mono_add(fake_now, MS(700));

	w->c.lose[FAKE_CLIENT_HELLO] = w->s.lose[FAKE_FLIGHT] = -1;
	fake_wire_start(w);
	fake_wire_until(w, first); /* however long it lasts already */
	session_path_error(w->c.session, "connection refused", fake_now);
	session_path_error(w->c.session, "connection refused", fake_now);
	fake_wire_until(w, mono_add(first, MS(199)));
	session_path_error(w->c.session, "connection refused", fake_now);
	assert_int_equal(w->c.closed, 0);
	fake_wire_until(w, mono_add(first, MS(200)));
	assert_int_equal(w->c.closed, 0); /* time alone ends nothing */
	session_path_error(w->c.session, "connection refused", fake_now);
	assert_int_equal(w->c.closed, 1);
	assert_int_equal(w->c.info.end, SESSION_END_SEC);
	assert_string_equal(w->c.info.text, "the other side is not reachable: connection refused");
	assert_int_equal(w->c.info.reason, TMSG_REASON_NONE);
	assert_false(w->c.info.was_established);
	session_path_error(w->c.session, "connection refused", fake_now);
	assert_int_equal(w->c.closed, 1);
	fake_wire_free(w);
}

/* One error is no proof; the server takes none for one, however many. */
static void
test_one_path_error(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_new();

	w->c.lose[FAKE_FINISHED] = 1;
	fake_wire_start(w);
	session_path_error(w->c.session, "connection refused", fake_now);
	session_path_error(w->s.session, "connection refused", fake_now);
	fake_wire_until(w, mono_add(fake_now, MS(249)));
	assert_int_equal(session_state(w->c.session), SESSION_HANDSHAKE);
	assert_int_equal(session_state(w->s.session), SESSION_HANDSHAKE);
	session_path_error(w->s.session, "connection refused", fake_now);
	assert_int_equal(w->s.closed, 0);
	fake_wire_until(w, mono_add(fake_now, MS(1)));
	assert_int_equal(w->c.established, 1);
	/* What the handshake saw is no matter now. */
	session_path_error(w->c.session, "connection refused", fake_now);
	assert_int_equal(w->c.closed, 0);
	fake_wire_free(w);
}

/* After the handshake the other side has been heard: the state's own time decides. */
static void
test_path_errors_after_the_handshake(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_new();

	w->c.lose[FAKE_HELLO] = -1;
	fake_wire_start(w);
	fake_wire_deliver(w);
	assert_int_equal(session_state(w->c.session), SESSION_HELLO);
	for (unsigned i = 0; i < 3; i++) {
		session_path_error(w->c.session, "connection refused", fake_now);
		fake_wire_until(w, mono_add(fake_now, MS(300)));
	}
	assert_int_equal(session_state(w->c.session), SESSION_HELLO);
	assert_int_equal(w->c.sent[FAKE_REQUEST], 0);
	fake_wire_free(w);
}

/* --- timeouts --- */

static void
expect_timeout(struct fake_wire *w, struct fake_end *e, struct mono at, const char *text)
{
	fake_wire_until(w, mono_from_ns(at.ns - MS(1)));
	assert_int_equal(e->closed, 0);
	fake_wire_until(w, at);
	assert_int_equal(e->closed, 1);
	assert_int_equal(e->info.end, SESSION_END_TIMEOUT);
	assert_string_equal(e->info.text, text);
	assert_false(e->info.was_established);
	assert_false(session_has_sec(e->session));
	assert_true(mono_is_never(session_next(e->session)));
	fake_wire_until(w, mono_add(at, MS(1)));
	assert_int_equal(e->closed, 1);
}

static void
test_handshake_timeout(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_new();

	w->c.lose[FAKE_FINISHED] = -1;
	fake_wire_start(w);
	expect_timeout(w, &w->c, mono_add(fake_now, MS(10000)), "no DTLS handshake within 10 s");
	assert_int_equal(w->s.info.end, SESSION_END_TIMEOUT);
	fake_wire_free(w);
}

static void
test_hello_timeout(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_new();

	/* 750 ms later than the session's beginning: each state has its own time. */
	w->s.lose[FAKE_SERVER_FINISHED] = 3;
	w->s.lose[FAKE_REFUSE] = -1;
	w->c.lose[FAKE_HELLO] = -1;
	fake_wire_start(w);
	expect_timeout(w, &w->s, mono_add(fake_now, MS(5000)), "no HELLO within 5 s");
	assert_int_equal(w->s.sent[FAKE_REFUSE], 1);
	assert_int_equal(w->c.closed, 0);
	expect_timeout(w, &w->c, mono_from_ns(MS(100000 + 750 + 5000)), "no WELCOME within 5 s");
	assert_int_equal(w->c.sent[FAKE_HELLO], 10); /* at 0, 0.5 .. 4.5 s */
	fake_wire_free(w);
}

/* Whoever came through the handshake and then says nothing is told why it ends. */
static void
test_hello_timeout_is_told(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_new();

	w->s.lose[FAKE_SERVER_FINISHED] = 3; /* or the client ends at the same time */
	w->c.lose[FAKE_HELLO] = -1;
	fake_wire_start(w);
	expect_timeout(w, &w->s, mono_add(fake_now, MS(5000)), "no HELLO within 5 s");
	fake_wire_deliver(w);
	assert_int_equal(w->c.closed, 1);
	assert_int_equal(w->c.info.end, SESSION_END_REFUSED);
	assert_int_equal(w->c.info.reason, TMSG_REASON_PROTOCOL);
	assert_string_equal(w->c.info.text, "no HELLO within 5 s");
	fake_wire_free(w);
}

static void
test_confirm_timeout(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_new();

	w->c.lose[FAKE_REQUEST] = -1;
	fake_wire_start(w);
	expect_timeout(w, &w->s, mono_add(fake_now, MS(10000)), "no data packet within 10 s of WELCOME");
	assert_int_equal(w->c.info.end, SESSION_END_TIMEOUT);
	assert_int_equal(w->c.sent[FAKE_REQUEST], 40); /* every 250 ms */
	/* The server sends no data packet before the first authentic one. */
	assert_int_equal(session_stats(w->s.session)->tx_packets, 0);
	fake_wire_free(w);
}

/* --- refusal --- */

static void
expect_refused(struct fake_wire *w, unsigned reason, const char *text)
{
	fake_wire_start(w);
	fake_wire_deliver(w);
	for (int i = 0; i < 2; i++) {
		const struct fake_end *e = i ? &w->s : &w->c;

		assert_int_equal(e->closed, 1);
		assert_int_equal(e->info.end, SESSION_END_REFUSED);
		assert_int_equal(e->info.reason, reason);
		assert_string_equal(e->info.text, text);
		assert_false(e->info.was_established);
		assert_int_equal(e->established, 0);
	}
	assert_int_equal(fake_n_keys, 0);
	fake_wire_free(w);
}

static void
test_admit_refuses(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_new();

	w->s.refuse = TMSG_REASON_FULL;
	w->s.refuse_text = "no address left";
	expect_refused(w, TMSG_REASON_FULL, "no address left");
}

static void
test_admit_refuses_without_text(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_new();

	w->s.refuse = TMSG_REASON_DISABLED;
	expect_refused(w, TMSG_REASON_DISABLED, tmsg_reason_text(TMSG_REASON_DISABLED));
}

/* Not known yet: nobody answers, the client asks again, and gets the answer when there is one. */
static void
test_admit_asks_again(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_new();

	w->s.refuse = SESSION_ASK_AGAIN;
	fake_wire_start(w);
	fake_wire_deliver(w);
	fake_wire_for(w, MS(1999));
	assert_int_equal(w->s.admitted, 4);
	assert_int_equal(w->c.sent[FAKE_HELLO], 4);
	assert_int_equal(w->s.sent[FAKE_WELCOME] + w->s.sent[FAKE_REFUSE], 0);
	assert_int_equal(session_state(w->s.session), SESSION_HELLO);
	w->s.refuse = TMSG_REASON_NONE;
	fake_wire_for(w, MS(1));
	assert_int_equal(w->s.admitted, 5);
	assert_int_equal(session_state(w->c.session), SESSION_ESTABLISHED);
	fake_wire_free(w);
}

/* The HELLO state lasts no longer for it. */
static void
test_admit_asks_too_long(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_new();

	w->s.refuse = SESSION_ASK_AGAIN;
	fake_wire_start(w);
	fake_wire_deliver(w);
	fake_wire_for(w, MS(4999));
	assert_int_equal(w->s.closed, 0);
	fake_wire_for(w, MS(1));
	assert_int_equal(w->s.info.end, SESSION_END_TIMEOUT);
	assert_int_equal(fake_n_keys, 0);
	fake_wire_free(w);
}

static void
test_cipher_not_available(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_new();

	fake_aead_missing = TMSG_AEAD_AES_256_GCM;
	expect_refused(w, TMSG_REASON_AEAD, "packet cipher not available");
}

/* --- what else the server is told --- */

/* A server alone, in HELLO, to which the test speaks. */
static struct fake_wire *
server_in_hello(void)
{
	struct fake_wire *w = fake_wire_new();

	w->c.lose[FAKE_HELLO] = -1;
	fake_wire_start(w);
	fake_wire_deliver(w);
	assert_int_equal(session_state(w->s.session), SESSION_HELLO);
	return w;
}

static void
say(struct fake_wire *w, struct fake_end *to, const uint8_t *msg, size_t len)
{
	uint8_t dgram[1500] = { 23 };

	assert_true(len > 0);
	memcpy(dgram + 1, msg, len);
	session_handshake_input(to->session, dgram, 1 + len, fake_now);
	fake_wire_deliver(w);
}

static void
say_hello(struct fake_wire *w, const struct tmsg_hello *h)
{
	uint8_t msg[TMSG_MAX];

	say(w, &w->s, msg, tmsg_hello_write(TMSG_HELLO, h, msg, sizeof(msg)));
}

static const struct tmsg_hello hello = {
	.protocol = TMSG_PROTOCOL,
	.receiver = 77,
	.aeads = { TMSG_AEAD_CHACHA20_POLY1305 },
	.n_aeads = 1,
	.software = "x",
};

static void
test_other_version(void **state)
{
	(void)state;
	struct fake_wire *w = server_in_hello();
	struct tmsg_hello h = hello;

	h.protocol = 2;
	say_hello(w, &h);
	assert_int_equal(w->s.info.end, SESSION_END_REFUSED);
	assert_int_equal(w->s.info.reason, TMSG_REASON_VERSION);
	assert_string_equal(w->s.info.text, "server speaks protocol 1, client 2");
	assert_string_equal(w->c.info.text, "server speaks protocol 1, client 2");
	assert_int_equal(w->s.admitted, 0);
	fake_wire_free(w);
}

/* The same HELLO again gets the same WELCOME, and neither a second admission nor new keys. */
static void
test_hello_again(void **state)
{
	(void)state;
	struct fake_wire *w = server_in_hello();

	w->s.lose[FAKE_WELCOME] = -1;
	say_hello(w, &hello);
	assert_int_equal(session_state(w->s.session), SESSION_CONFIRM);
	assert_int_equal(w->s.sent[FAKE_WELCOME], 1);
	fake_wire_for(w, MS(300));
	say_hello(w, &hello);
	assert_int_equal(session_state(w->s.session), SESSION_CONFIRM);
	assert_int_equal(w->s.sent[FAKE_WELCOME], 2);
	assert_int_equal(w->s.admitted, 1);
	assert_int_equal(fake_n_keys, 2);
	fake_wire_free(w);
}

static void
test_hello_changed(void **state)
{
	(void)state;

	/* Also while it is not known whether the first is admitted. */
	for (int i = 0; i < 2 * 7; i++) {
		struct fake_wire *w = server_in_hello();
		struct tmsg_hello h = hello;
		int field = i % 7;

		w->s.lose[FAKE_WELCOME] = -1;
		w->s.refuse = i < 7 ? TMSG_REASON_NONE : SESSION_ASK_AGAIN;
		say_hello(w, &h);
		h.protocol += field == 0;
		h.receiver += field == 1;
		h.previous += field == 2;
		h.flags += field == 3;
		h.caps += field == 4;
		h.aeads[0] = field == 5 ? TMSG_AEAD_AES_256_GCM : h.aeads[0];
		h.software[0] = field == 6 ? 'y' : 'x';
		say_hello(w, &h);
		assert_int_equal(w->s.info.end, SESSION_END_PROTOCOL);
		assert_string_equal(w->s.info.text, "a second HELLO differs from the first");
		assert_int_equal(w->c.info.reason, TMSG_REASON_PROTOCOL); /* told by REFUSE */
		fake_wire_free(w);
	}
}

static void
test_server_told_nonsense(void **state)
{
	(void)state;
	static const uint8_t cut[3] = { TMSG_HELLO, 0, 1 };
	uint8_t msg[TMSG_MAX + 1] = { TMSG_HELLO };

	for (int i = 0; i < 3; i++) {
		struct fake_wire *w = server_in_hello();

		if (i == 0)
			say(w, &w->s, cut, sizeof(cut));
		else if (i == 1)
			say(w, &w->s, msg, tmsg_hello_write(TMSG_WELCOME, &hello, msg, sizeof(msg)));
		else
			say(w, &w->s, msg, TMSG_MAX + 1);
		assert_int_equal(w->s.info.end, SESSION_END_PROTOCOL);
		assert_int_equal(w->s.sent[FAKE_REFUSE], 1);
		fake_wire_free(w);
	}
}

/* A type of some later version is not our business. */
static void
test_unknown_type_ignored(void **state)
{
	(void)state;
	struct fake_wire *w = server_in_hello();
	static const uint8_t later[1] = { 99 };

	say(w, &w->s, later, sizeof(later));
	assert_int_equal(session_state(w->s.session), SESSION_HELLO);
	say_hello(w, &hello);
	assert_int_equal(session_state(w->s.session), SESSION_CONFIRM);
	fake_wire_free(w);
}

/* --- what else the client is told --- */

static struct fake_wire *
client_in_hello(void)
{
	struct fake_wire *w = fake_wire_new();

	w->s.lose[FAKE_WELCOME] = -1;
	fake_wire_start(w);
	fake_wire_deliver(w);
	assert_int_equal(session_state(w->c.session), SESSION_HELLO);
	return w;
}

static void
say_welcome(struct fake_wire *w, const struct tmsg_hello *h)
{
	uint8_t msg[TMSG_MAX];

	say(w, &w->c, msg, tmsg_hello_write(TMSG_WELCOME, h, msg, sizeof(msg)));
}

static void
test_bad_welcome(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"server speaks protocol 2, client 1",
		"WELCOME chose a packet cipher that was not offered",
		"WELCOME chose a packet cipher that was not offered",
		"packet cipher not available",
	};

	for (int i = 0; i < 4; i++) {
		struct fake_wire *w = client_in_hello();
		struct tmsg_hello h = hello;

		h.protocol += i == 0;
		h.aeads[0] = i == 1 ? 9 : TMSG_AEAD_CHACHA20_POLY1305;
		h.aeads[1] = TMSG_AEAD_AES_256_GCM;
		h.n_aeads = i == 2 ? 2 : 1;
		fake_aead_missing = i == 3 ? TMSG_AEAD_CHACHA20_POLY1305 : 0;
		say_welcome(w, &h);
		assert_int_equal(w->c.info.end, SESSION_END_PROTOCOL);
		assert_string_equal(w->c.info.text, texts[i]);
		fake_wire_free(w);
	}
}

static void
test_welcome_again(void **state)
{
	(void)state;
	struct fake_wire *w = client_in_hello();
	struct tmsg_hello h = hello;

	w->c.lose[FAKE_REQUEST] = -1;
	say_welcome(w, &h);
	assert_int_equal(session_state(w->c.session), SESSION_CONFIRM);
	say_welcome(w, &h);
	assert_int_equal(session_state(w->c.session), SESSION_CONFIRM);
	assert_int_equal(w->c.sent[FAKE_REQUEST], 1);
	h.receiver++;
	say_welcome(w, &h);
	assert_int_equal(w->c.info.end, SESSION_END_PROTOCOL);
	fake_wire_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_establishes),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_aead_choice),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_loss_of_first_flights),
		cmocka_unit_test(test_handshake_timeout),
		cmocka_unit_test(test_path_errors_end_a_handshake),
		cmocka_unit_test(test_one_path_error),
		cmocka_unit_test(test_path_errors_after_the_handshake),
		cmocka_unit_test(test_hello_timeout),
		cmocka_unit_test(test_hello_timeout_is_told),
		cmocka_unit_test(test_confirm_timeout),
		cmocka_unit_test(test_admit_refuses),
		cmocka_unit_test(test_admit_refuses_without_text),
		cmocka_unit_test(test_admit_asks_again),
		cmocka_unit_test(test_admit_asks_too_long),
		cmocka_unit_test(test_cipher_not_available),
		cmocka_unit_test(test_other_version),
		cmocka_unit_test(test_hello_again),
		cmocka_unit_test(test_hello_changed),
		cmocka_unit_test(test_server_told_nonsense),
		cmocka_unit_test(test_unknown_type_ignored),
		cmocka_unit_test(test_bad_welcome),
		cmocka_unit_test(test_welcome_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
