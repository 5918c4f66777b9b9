/* The tunnel tests' cipher, DTLS ends and wire (tunnel_fake.h). */
#include "tunnel_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "castswitch/cursor.h"
#include "castswitch/hash.h"

struct mono fake_now;
uint16_t fake_max_datagram;

/* --- cipher --- */

struct aead {
	struct fake_key k;
};

struct fake_key fake_keys[FAKE_KEYS];
unsigned fake_n_keys;
int fake_aeads_alive;
uint8_t fake_aead_missing;
bool fake_seal_fails;
uint8_t fake_last_plain[8];
unsigned fake_opens;

static struct aead *
fake_aead_create(uint8_t id, const uint8_t *key, const uint8_t *iv, bool seal)
{
	struct aead *a;

	if (id == fake_aead_missing)
		return NULL;
	a = calloc(1, sizeof(*a));
	assert_non_null(a);
	a->k.id = id;
	a->k.seal = seal;
	memcpy(a->k.key, key, AEAD_KEY_LEN);
	memcpy(a->k.iv, iv, AEAD_IV_LEN);
	if (fake_n_keys < FAKE_KEYS)
		fake_keys[fake_n_keys] = a->k;
	fake_n_keys++;
	fake_aeads_alive++;
	return a;
}

static void
fake_aead_destroy(struct aead *a)
{
	if (a)
		fake_aeads_alive--;
	free(a);
}

static struct hash_key
fake_hash_key(const struct fake_key *k, uint64_t tweak)
{
	struct hash_key h;

	memcpy(&h, k->key + 8, sizeof(h));
	h.k0 ^= hash_bytes(&h, k->key, sizeof(k->key)) ^ hash_bytes(&h, k->iv, sizeof(k->iv));
	h.k1 ^= tweak + k->id;
	return h;
}

static void
fake_xor(const struct fake_key *k, uint64_t counter, const uint8_t *in, size_t len, uint8_t *out)
{
	struct hash_key h = fake_hash_key(k, counter * 8);

	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(in[i] ^ hash_u64(&h, i));
}

static void
fake_tag(const struct fake_key *k, uint64_t counter, const uint8_t *aad, size_t aad_len, const uint8_t *text,
	 size_t len, uint8_t tag[AEAD_TAG_LEN])
{
	for (unsigned half = 0; half < 2; half++) {
		struct hash_key h = fake_hash_key(k, counter * 8 + 1 + half);
		uint64_t t;

		h.k1 ^= hash_bytes(&h, aad, aad_len);
		t = hash_bytes(&h, text, len);
		memcpy(tag + 8 * half, &t, 8);
	}
}

static bool
fake_aead_seal(struct aead *a, uint64_t counter, const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t len,
	       uint8_t *out)
{
	assert_true(a->k.seal);
	if (fake_seal_fails)
		return false;
	memset(fake_last_plain, 0, sizeof(fake_last_plain));
	memcpy(fake_last_plain, in, len < sizeof(fake_last_plain) ? len : sizeof(fake_last_plain));
	fake_xor(&a->k, counter, in, len, out);
	fake_tag(&a->k, counter, aad, aad_len, out, len, out + len);
	return true;
}

static bool
fake_aead_open(struct aead *a, uint64_t counter, const uint8_t *aad, size_t aad_len, uint8_t *buf, size_t len)
{
	uint8_t tag[AEAD_TAG_LEN];

	assert_false(a->k.seal);
	fake_opens++;
	if (len < AEAD_TAG_LEN)
		return false;
	fake_tag(&a->k, counter, aad, aad_len, buf, len - AEAD_TAG_LEN, tag);
	if (memcmp(tag, buf + len - AEAD_TAG_LEN, AEAD_TAG_LEN) != 0)
		return false;
	fake_xor(&a->k, counter, buf, len - AEAD_TAG_LEN, buf);
	return true;
}

const struct aead_backend fake_aead = {
	.name = "fake",
	.create = fake_aead_create,
	.destroy = fake_aead_destroy,
	.seal = fake_aead_seal,
	.open = fake_aead_open,
};

/* --- DTLS: flights --- */

enum { REC_CLOSE = 21, REC_HANDSHAKE = 22, REC_DATA = 23 };
enum { HS_CLIENT_HELLO = 1, HS_FLIGHT = 2, HS_COOKIE = 3, HS_FINISHED = 16, HS_SERVER_FINISHED = 20 };

int fake_secs_alive;
const char *fake_client_name;
unsigned fake_failing_inputs;
bool fake_start_fails;
char fake_label[FAKE_LABEL_MAX];
uint8_t fake_context[FAKE_CONTEXT_MAX];
size_t fake_context_len, fake_export_len;
const uint8_t fake_close_notify[2] = { REC_CLOSE, 0 };

/* A record as the demultiplexer reads it (RFC 6347 4.1, 4.2.2), with a cookie of no or one byte. */
static size_t
client_hello(uint8_t *buf, size_t cap, const uint8_t random[FAKE_SECRET_LEN], uint8_t cookie)
{
	size_t body = 2 + 32 + 1 + 1 + (cookie != 0) + 4 + 2;
	struct wcur w = wcur_of(buf, cap);

	wcur_u8(&w, REC_HANDSHAKE);
	wcur_u16(&w, 0xfefd);
	wcur_zero(&w, 8); /* epoch 0, sequence */
	wcur_u16(&w, 12 + body);
	wcur_u8(&w, HS_CLIENT_HELLO);
	wcur_u8(&w, 0);
	wcur_u16(&w, body);
	wcur_u16(&w, 0); /* message sequence */
	wcur_zero(&w, 3);
	wcur_u8(&w, 0);
	wcur_u16(&w, body);
	wcur_u16(&w, 0xfefd);
	wcur_bytes(&w, random, FAKE_SECRET_LEN);
	wcur_u8(&w, 0); /* session id */
	wcur_u8(&w, cookie != 0);
	if (cookie)
		wcur_u8(&w, cookie);
	wcur_u16(&w, 2);
	wcur_u16(&w, 0xc02c);
	wcur_u16(&w, 0x0100); /* compression */
	assert_false(w.failed);
	return wcur_len(&w);
}

/* Of which kind a handshake datagram is; 0 when none. */
static unsigned
hs_type(const uint8_t *dgram, size_t len)
{
	uint8_t random[32];

	if (len < 2 || dgram[0] != REC_HANDSHAKE)
		return 0;
	return tmsg_client_hello(dgram, len, random) ? HS_CLIENT_HELLO : dgram[1];
}

static uint8_t
hello_cookie(const uint8_t *dgram, size_t len)
{
	enum { COOKIE_LEN_AT = 13 + 12 + 2 + 32 + 1 };

	return len > COOKIE_LEN_AT + 1 && dgram[COOKIE_LEN_AT] == 1 ? dgram[COOKIE_LEN_AT + 1] : 0;
}

static void
sec_send(struct fake_sec *f, const uint8_t *dgram, size_t len)
{
	f->base.output(f->base.arg, dgram, len);
}

static void
sec_send_hs(struct fake_sec *f, uint8_t type)
{
	const uint8_t dgram[2] = { REC_HANDSHAKE, type };

	sec_send(f, dgram, sizeof(dgram));
}

/* Client: sends a flight that is repeated every 250 ms until it is answered. */
static void
sec_flight(struct fake_sec *f, uint8_t type)
{
	if (type == HS_CLIENT_HELLO) {
		f->flight_len = client_hello(f->flight, sizeof(f->flight), f->secret, f->cookie);
	} else {
		f->flight[0] = REC_HANDSHAKE;
		f->flight[1] = type;
		f->flight_len = 2;
	}
	f->resend = mono_add(fake_now, MS(250));
	sec_send(f, f->flight, f->flight_len);
}

static enum sec_status
sec_fail(struct fake_sec *f, const char *error)
{
	f->status = SEC_FAILED;
	snprintf(f->error, sizeof(f->error), "%s", error);
	return f->status;
}

static enum sec_status
fake_sec_start(struct sec *s)
{
	struct fake_sec *f = (struct fake_sec *)s;

	assert_true(f->client);
	if (fake_start_fails)
		return sec_fail(f, "no first flight");
	sec_flight(f, HS_CLIENT_HELLO);
	return f->status;
}

static void
client_input(struct fake_sec *f, unsigned type, const uint8_t *dgram)
{
	if (f->status != SEC_PENDING)
		return;
	if (type == HS_COOKIE && f->flight_len > 2) {
		f->cookie = dgram[2];
		sec_flight(f, HS_CLIENT_HELLO);
	} else if (type == HS_FLIGHT && f->flight_len > 2) {
		sec_flight(f, HS_FINISHED);
	} else if (type == HS_SERVER_FINISHED && f->flight_len == 2) {
		f->resend = MONO_NEVER;
		f->status = SEC_READY;
	}
}

static void
server_input(struct fake_sec *f, unsigned type)
{
	if (type == HS_CLIENT_HELLO && f->status == SEC_PENDING) {
		sec_send_hs(f, HS_FLIGHT);
	} else if (type == HS_FINISHED) {
		f->status = SEC_READY;
		sec_send_hs(f, HS_SERVER_FINISHED);
	}
}

static enum sec_status
fake_sec_input(struct sec *s, const uint8_t *dgram, size_t len)
{
	struct fake_sec *f = (struct fake_sec *)s;
	unsigned type = hs_type(dgram, len);

	if (fake_failing_inputs > 0) {
		fake_failing_inputs--;
		sec_fail(f, "certificate has expired");
	} else if (type && f->client) {
		client_input(f, type, dgram);
	} else if (type) {
		server_input(f, type);
	} else if (dgram[0] == REC_CLOSE && f->status == SEC_READY) {
		f->status = SEC_CLOSED;
	} else if (dgram[0] == REC_DATA && f->status == SEC_READY) {
		assert_in_range(f->n_in, 0, 3);
		memcpy(f->in[f->n_in].msg, dgram + 1, len - 1);
		f->in[f->n_in++].len = len - 1;
	}
	return f->status;
}

static enum sec_status
fake_sec_tick(struct sec *s, struct mono now)
{
	struct fake_sec *f = (struct fake_sec *)s;

	if (fake_start_fails)
		return sec_fail(f, "no first flight");
	if (!f->client) {
		if (f->status == SEC_PENDING && mono_is_never(f->resend)) {
			f->resend = mono_add(now, MS(60000));
			sec_send_hs(f, HS_FLIGHT);
		}
	} else if (mono_due(f->resend, now)) {
		f->resend = mono_add(now, MS(250));
		sec_send(f, f->flight, f->flight_len);
	}
	return f->status;
}

static struct mono
fake_sec_next(const struct sec *s, struct mono now)
{
	const struct fake_sec *f = (const struct fake_sec *)s;

	(void)now;
	return f->client ? f->resend : MONO_NEVER;
}

/* --- DTLS: once it is ready --- */

static bool
fake_sec_write(struct sec *s, const uint8_t *msg, size_t len)
{
	struct fake_sec *f = (struct fake_sec *)s;
	uint8_t dgram[1500];

	if (f->status != SEC_READY || len > sizeof(dgram) - 1)
		return false;
	dgram[0] = REC_DATA;
	memcpy(dgram + 1, msg, len);
	sec_send(f, dgram, 1 + len);
	return true;
}

static size_t
fake_sec_read(struct sec *s, uint8_t *buf, size_t cap)
{
	struct fake_sec *f = (struct fake_sec *)s;
	size_t len;

	if (f->n_in == 0)
		return 0;
	len = f->in[0].len < cap ? f->in[0].len : cap;
	memcpy(buf, f->in[0].msg, len);
	f->n_in--;
	memmove(&f->in[0], &f->in[1], sizeof(f->in[0]) * f->n_in);
	return len;
}

uint8_t
fake_export_byte(const uint8_t secret[FAKE_SECRET_LEN], const uint8_t *context, size_t len, size_t i)
{
	struct hash_key k;

	memcpy(&k, secret, sizeof(k));
	k.k0 ^= hash_bytes(&k, context, len);
	return (uint8_t)hash_u64(&k, i);
}

static bool
fake_sec_keying(struct sec *s, const char *label, const uint8_t *context, size_t context_len, uint8_t *out,
		size_t out_len)
{
	struct fake_sec *f = (struct fake_sec *)s;

	if (f->status != SEC_READY)
		return false;
	assert_in_range(context_len, 0, FAKE_CONTEXT_MAX);
	snprintf(fake_label, sizeof(fake_label), "%s", label);
	memcpy(fake_context, context, context_len);
	fake_context_len = context_len;
	fake_export_len = out_len;
	for (size_t i = 0; i < out_len; i++)
		out[i] = fake_export_byte(f->secret, context, context_len, i);
	return true;
}

static const struct sec_identity *
fake_sec_peer(const struct sec *s)
{
	const struct fake_sec *f = (const struct fake_sec *)s;

	assert_int_equal(f->status, SEC_READY);
	return &f->who;
}

static const char *
fake_sec_error(const struct sec *s)
{
	return ((const struct fake_sec *)s)->error;
}

static void
fake_sec_destroy(struct sec *s)
{
	fake_secs_alive--;
	memset(s, 0xdd, sizeof(struct fake_sec));
	free(s);
}

static const struct sec_ops fake_sec_ops = {
	.start = fake_sec_start,
	.input = fake_sec_input,
	.tick = fake_sec_tick,
	.next = fake_sec_next,
	.write = fake_sec_write,
	.read = fake_sec_read,
	.keying = fake_sec_keying,
	.peer = fake_sec_peer,
	.error = fake_sec_error,
	.destroy = fake_sec_destroy,
};

static struct fake_sec *
fake_sec_new(bool client)
{
	struct fake_sec *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->base.ops = &fake_sec_ops;
	f->client = client;
	f->resend = MONO_NEVER;
	snprintf(f->who.name, sizeof(f->who.name), "%s",
		 client             ? "server"
		 : fake_client_name ? fake_client_name
				    : "alice");
	fake_secs_alive++;
	return f;
}

struct sec *
fake_client(uint8_t seed, bool with_cookie)
{
	struct fake_sec *f = fake_sec_new(true);

	memset(f->secret, seed, sizeof(f->secret));
	f->cookie = with_cookie;
	return &f->base;
}

struct sec *
fake_server(uint8_t seed)
{
	struct fake_sec *f = fake_sec_new(false);

	memset(f->secret, seed, sizeof(f->secret));
	return &f->base;
}

/* The cookie is the address's last byte + 1. */
static struct sec *
fake_listener_input(struct sec_listener *base, const struct path *path, const uint8_t *dgram, size_t len,
		    struct mono now)
{
	struct fake_listener *l = (struct fake_listener *)base;
	uint8_t cookie = (uint8_t)(path->remote.ip.b[15] + 1);
	const uint8_t verify[3] = { REC_HANDSHAKE, HS_COOKIE, cookie };
	struct fake_sec *f;

	(void)now;
	l->inputs++;
	if (hello_cookie(dgram, len) != cookie) {
		l->cookies++;
		base->output(base->arg, path, verify, sizeof(verify));
		return NULL;
	}
	f = fake_sec_new(false);
	assert_true(tmsg_client_hello(dgram, len, f->secret));
	return &f->base;
}

static const struct sec_listener_ops fake_listener_ops = { .input = fake_listener_input };

void
fake_listener_init(struct fake_listener *l)
{
	*l = (struct fake_listener){ .base.ops = &fake_listener_ops };
}
