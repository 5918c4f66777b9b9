/* Unit tests of rekey: when it is time, by the clock and by packets; and over the life of many keys no nonce serves
 * twice. */
#include <string.h>

#include "session_impl.h"
#include "tunnel_fake.h"

static struct mono
at(uint64_t ms)
{
	return mono_from_ns(MS(100000) + MS(ms));
}

static void
expect_frame(struct fake_wire *w, struct fake_end *from, struct fake_end *to, bool passes)
{
	unsigned before = to->frames;

	if (fake_wire_frame(w, from, 60, 0))
		fake_wire_deliver(w);
	assert_int_equal(to->frames, before + passes);
}

static struct fake_wire *
with_interval(nsec_t rekey)
{
	struct fake_wire *w = fake_wire_new();

	w->client_params.rekey = w->server_params.rekey = rekey;
	fake_wire_start(w);
	fake_wire_deliver(w);
	assert_int_equal(session_state(w->c.session), SESSION_ESTABLISHED);
	return w;
}

/* Between 0.9 and 1 times the interval, once. */
static void
test_interval(void **state)
{
	(void)state;
	static const struct {
		nsec_t rekey, expect;
	} rows[] = { { 0, 3600 * NSEC_PER_SEC }, { MS(2000), MS(2000) }, { MS(100000), MS(100000) } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fake_wire *w = with_interval(rows[i].rekey);
		nsec_t due;

		fake_wire_until(w, mono_add(at(0), rows[i].expect));
		assert_int_equal(w->c.rekey_due, 1);
		due = mono_since(at(0), w->c.rekey_due_at);
		assert_in_range(due, rows[i].expect - rows[i].expect / 10, rows[i].expect);
		fake_wire_until(w, mono_add(at(0), 3 * rows[i].expect));
		assert_int_equal(w->c.rekey_due, 1);
		assert_int_equal(w->s.rekey_due, 0);
		session_rekey_again(w->c.session, mono_add(fake_now, MS(5000)));
		fake_wire_for(w, MS(4999));
		assert_int_equal(w->c.rekey_due, 1);
		fake_wire_for(w, MS(1));
		assert_int_equal(w->c.rekey_due, 2);
		fake_wire_free(w);
	}
}

/* Not all at the same moment. */
static void
test_jitter(void **state)
{
	(void)state;
	struct fake_wire *w = with_interval(MS(100000));
	struct mono first = w->c.session->due[SESSION_TIMER_REKEY];
	unsigned other = 0;

	for (unsigned i = 0; i < 100; i++) {
		session_set_rekey(w->c.session, MS(200000));
		session_set_rekey(w->c.session, MS(100000));
		other += w->c.session->due[SESSION_TIMER_REKEY].ns != first.ns;
		assert_in_range(w->c.session->due[SESSION_TIMER_REKEY].ns, at(90000).ns, at(100000).ns);
	}
	assert_true(other > 90);
	fake_wire_free(w);
}

static void
push_rekey(struct fake_wire *w, nsec_t rekey)
{
	session_push(w->s.session, &(struct tmsg_push){ .mtu = 1400, .rekey = rekey }, fake_now);
	fake_wire_deliver(w);
}

/* The shorter of ours and the server's, from when the keys were made; it goes on for the next keys. */
static void
test_pushed_interval(void **state)
{
	(void)state;
	struct fake_wire *w = with_interval(MS(100000)), *n;

	fake_wire_until(w, at(5000));
	push_rekey(w, MS(200000));
	assert_in_range(w->c.session->due[SESSION_TIMER_REKEY].ns, at(90000).ns, at(100000).ns);
	push_rekey(w, MS(20000));
	assert_in_range(w->c.session->due[SESSION_TIMER_REKEY].ns, at(18000).ns, at(20000).ns);
	session_set_rekey(w->c.session, MS(10000));
	assert_in_range(w->c.session->due[SESSION_TIMER_REKEY].ns, at(9000).ns, at(10000).ns);
	session_set_rekey(w->c.session, 0);
	assert_in_range(w->c.session->due[SESSION_TIMER_REKEY].ns, at(18000).ns, at(20000).ns);
	fake_wire_until(w, at(15000));
	n = fake_wire_rekeyed(w, 9);
	assert_in_range(n->c.session->due[SESSION_TIMER_REKEY].ns, at(33000).ns, at(35000).ns);
	assert_true(mono_is_never(w->c.session->due[SESSION_TIMER_REKEY]));
	fake_wires_free(w, n);

	/* What changes nothing leaves a try alone that is to come later. */
	w = with_interval(MS(100000));
	session_rekey_again(w->c.session, at(500000));
	push_rekey(w, 0);
	push_rekey(w, MS(100000));
	session_set_rekey(w->c.session, MS(100000));
	assert_int_equal(w->c.session->due[SESSION_TIMER_REKEY].ns, at(500000).ns);
	fake_wire_free(w);

	w = with_interval(MS(100000));
	fake_wire_until(w, at(5000));
	push_rekey(w, MS(20000));
	push_rekey(w, 0); /* no longer told */
	assert_in_range(w->c.session->due[SESSION_TIMER_REKEY].ns, at(90000).ns, at(100000).ns);
	fake_wire_until(w, at(50000));
	push_rekey(w, MS(20000)); /* over already */
	fake_wire_for(w, 0);
	assert_int_equal(w->c.rekey_due, 1);
	fake_wire_free(w);
}

/* With packet number 2^32, of either direction; a server asks for nothing. */
static void
test_packets_sent(void **state)
{
	(void)state;
	struct fake_wire *w = fake_wire_established();
	const uint64_t limit = UINT64_C(1) << 32;

	w->c.session->tx_counter = w->c.top_counter = limit - 2;
	w->s.session->tx_counter = w->s.top_counter = limit - 2;
	expect_frame(w, &w->c, &w->s, true); /* limit - 1 */
	fake_wire_for(w, 0);
	assert_int_equal(w->c.rekey_due, 0);
	expect_frame(w, &w->c, &w->s, true);
	fake_wire_for(w, 0);
	assert_int_equal(w->c.rekey_due, 1);
	expect_frame(w, &w->c, &w->s, true);
	fake_wire_for(w, 0);
	assert_int_equal(w->c.rekey_due, 1);
	assert_int_equal(w->s.rekey_due, 0);
	fake_wire_free(w);
}

static void
test_packets_received(void **state)
{
	(void)state;
	static const struct {
		uint64_t before, counter;
		unsigned due;
	} rows[] = {
		{ 0, (UINT64_C(1) << 32) - 1, 0 },
		{ 0, UINT64_C(1) << 32, 1 },
		{ 0, (UINT64_C(1) << 32) + 1, 1 },
		{ (UINT64_C(1) << 32) - 1, (UINT64_C(1) << 32) - 2, 0 },
		{ UINT64_C(1) << 32, (UINT64_C(1) << 32) + 1, 1 }, /* once */
		{ (UINT64_C(1) << 32) + 1, UINT64_C(1) << 32, 1 },
	};
	uint8_t plain[60] = { TMSG_FRAME }, dgram[100];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fake_wire *w = fake_wire_established();

		for (unsigned j = 0; j < 2; j++) {
			uint64_t counter = j ? rows[i].counter : rows[i].before;

			if (counter == 0)
				continue;
			assert_int_equal(
				fake_open(&w->c, dgram, fake_forge(w, false, counter, plain, sizeof(plain), dgram)),
				DROP_NONE);
			assert_int_equal(
				fake_open(&w->s, dgram, fake_forge(w, true, counter, plain, sizeof(plain), dgram)),
				DROP_NONE);
			session_tick(w->c.session, fake_now);
		}
		assert_int_equal(w->c.rekey_due, rows[i].due);
		assert_true(mono_is_never(w->s.session->due[SESSION_TIMER_REKEY]));
		fake_wire_free(w);
	}
}

/* --- nonces --- */

enum { SEALED = 20000 };

static struct sealed {
	uint8_t key[AEAD_KEY_LEN];
	uint64_t counter;
} sealed[SEALED];
static unsigned n_sealed;

/* As fake_aead, and no nonce serves twice under a key. */
static bool
counting_seal(struct aead *a, uint64_t counter, const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t len,
	      uint8_t *out)
{
	const struct fake_key *k = (const void *)a;
	struct sealed s = { .counter = counter };

	memcpy(s.key, k->key, sizeof(s.key));
	for (unsigned i = 0; i < n_sealed; i++)
		assert_false(sealed[i].counter == counter && memcmp(sealed[i].key, s.key, sizeof(s.key)) == 0);
	assert_true(n_sealed < SEALED && counter > 0 && counter < UINT64_C(1) << 48);
	sealed[n_sealed++] = s;
	return fake_aead.seal(a, counter, aad, aad_len, in, len, out);
}

/* A random life of many keys, with losses, pushes and requests. */
static void
test_nonces_are_unique(void **state)
{
	(void)state;

	for (uint64_t seed = 0; seed < 20; seed++) {
		struct aead_backend counting = fake_aead;
		struct fake_wire *w = fake_wire_new(), *gens[12] = { w };
		struct rng_seeded st;
		struct rng rng;
		unsigned n = 1;

		counting.seal = counting_seal;
		n_sealed = 0;
		rng_seeded_init(&st, seed, &rng);
		w->client_params.aead = w->server_params.aead = &counting;
		fake_wire_start(w);
		fake_wire_deliver(w);
		for (unsigned step = 0; step < 200; step++) {
			struct fake_wire *g = gens[n - 1], *old = n > 1 ? gens[n - 2] : g;
			unsigned what = (unsigned)rng_below(&rng, 8);

			if (what < 4)
				(void)fake_wire_frame(g, what % 2 ? &g->c : &g->s, 60, 0);
			else if (what == 4)
				session_push(g->s.session, &(struct tmsg_push){ .mtu = 1400 }, fake_now);
			else if (what == 5)
				(void)fake_wire_frame(old, rng_below(&rng, 2) ? &old->c : &old->s, 60, 0);
			else if (what == 6 && rng_below(&rng, 4) == 0 && n < 12) {
				gens[n] = fake_wire_beside(g, n + 20);
				gens[n]->c.established = 1;
				gens[n]->c.lose[FAKE_REQUEST] = (int)rng_below(&rng, 3);
				gens[n]->s.lose[FAKE_REPLY] = (int)rng_below(&rng, 3);
				fake_wire_start_beside(g, gens[n]);
				fake_wires_until(g, gens[n], mono_add(fake_now, MS(2000)));
				assert_int_equal(gens[n]->c.rekeyed, 1);
				n++;
			} else
				fake_wires_until(old, g, mono_add(fake_now, MS(rng_below(&rng, 400))));
			g->c.established = 1;
		}
		assert_true(n_sealed > 50);
		for (unsigned i = n; i-- > 0;)
			fake_wire_free(gens[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interval),         cmocka_unit_test(test_jitter),
		cmocka_unit_test(test_pushed_interval),  cmocka_unit_test(test_packets_sent),
		cmocka_unit_test(test_packets_received), cmocka_unit_test(test_nonces_are_unique),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
