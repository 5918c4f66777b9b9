/* The fakes under the tunnel's fuzz target, see tunnel_fake.h. */
#include "fuzz/tunnel_fake.h"

#include <string.h>

#include "castswitch/cursor.h"
#include "castswitch/tmsg.h"
#include "fuzz/fuzz.h"

int fuzz_fakes_alive;

/* --- cipher --- */

struct aead {
	uint64_t last_sealed;
	bool seal;
};

static struct aead *
aead_create(uint8_t id, const uint8_t *key, const uint8_t *iv, bool seal)
{
	(void)key;
	(void)iv;
	if (id != TMSG_AEAD_AES_256_GCM && id != TMSG_AEAD_CHACHA20_POLY1305)
		return NULL;
	struct aead *a = calloc(1, sizeof(*a));

	FUZZ_CHECK(a != NULL);
	a->seal = seal;
	fuzz_fakes_alive++;
	return a;
}

static void
aead_destroy(struct aead *a)
{
	fuzz_fakes_alive -= a != NULL;
	free(a);
}

static bool
aead_seal(struct aead *a, uint64_t counter, const uint8_t *aad, size_t aad_len, const uint8_t *in, size_t len,
	  uint8_t *out)
{
	FUZZ_CHECK(a->seal && aad_len == TMSG_DATA_HDR && aad[0] == TMSG_DATA);
	FUZZ_CHECK(counter > a->last_sealed); /* never twice under a key */
	a->last_sealed = counter;
	memcpy(out, in, len);
	memset(out + len, 0, AEAD_TAG_LEN);
	return true;
}

static bool
aead_open(struct aead *a, uint64_t counter, const uint8_t *aad, size_t aad_len, uint8_t *buf, size_t len)
{
	static const uint8_t tag[AEAD_TAG_LEN];

	(void)counter;
	FUZZ_CHECK(!a->seal && aad_len == TMSG_DATA_HDR && aad[0] == TMSG_DATA);
	return len >= AEAD_TAG_LEN && memcmp(buf + len - AEAD_TAG_LEN, tag, AEAD_TAG_LEN) == 0;
}

const struct aead_backend fuzz_aead = { "fuzz", aead_create, aead_destroy, aead_seal, aead_open };

/* --- DTLS --- */

enum { RECORD_HEADER = 13, RESEND_MS = 250, MESSAGE_MAX = 2048, EVENT_READY = 1, EVENT_FAILED = 2, EVENT_CLOSED = 3 };

struct fuzz_sec {
	struct sec base;
	enum sec_status status;
	struct mono resend; /* zero: the flight was never sent */
	uint8_t message[MESSAGE_MAX];
	size_t message_len;
	struct sec_identity who;
};

static struct fuzz_sec *
of(const struct sec *s)
{
	return (struct fuzz_sec *)(uintptr_t)s;
}

static void
send_record(struct sec *s, uint8_t type)
{
	const uint8_t record[RECORD_HEADER] = { type, 0xfe, 0xfd };

	FUZZ_CHECK(s->output != NULL);
	s->output(s->arg, record, sizeof(record));
}

static enum sec_status
sec_start(struct sec *s)
{
	send_record(s, 22);
	return of(s)->status;
}

static void
take_message(struct fuzz_sec *f, const uint8_t *dgram, size_t len)
{
	f->message_len = len > RECORD_HEADER + 1 ? len - RECORD_HEADER - 1 : 0;
	FUZZ_CHECK(f->message_len <= sizeof(f->message));
	memcpy(f->message, dgram + len - 1 - f->message_len, f->message_len);
}

static enum sec_status
sec_input(struct sec *s, const uint8_t *dgram, size_t len)
{
	struct fuzz_sec *f = of(s);
	const unsigned event = len ? dgram[len - 1] & 3 : 0;

	if (f->status == SEC_FAILED || f->status == SEC_CLOSED)
		return f->status;
	if (event == EVENT_READY)
		f->status = SEC_READY;
	if (f->status == SEC_READY && len)
		take_message(f, dgram, len);
	if (event == EVENT_FAILED)
		f->status = SEC_FAILED;
	if (event == EVENT_CLOSED)
		f->status = f->status == SEC_READY ? SEC_CLOSED : SEC_FAILED;
	const enum sec_status st = f->status;

	send_record(s, 22);
	return st;
}

static enum sec_status
sec_tick(struct sec *s, struct mono now)
{
	struct fuzz_sec *f = of(s);
	const enum sec_status st = f->status;

	if (st == SEC_PENDING && mono_due(f->resend, now)) {
		f->resend = mono_add(now, RESEND_MS * NSEC_PER_MSEC);
		send_record(s, 22);
	}
	return st;
}

static struct mono
sec_next(const struct sec *s, struct mono now)
{
	(void)now;
	return of(s)->status == SEC_PENDING ? of(s)->resend : MONO_NEVER;
}

static bool
sec_write(struct sec *s, const uint8_t *msg, size_t len)
{
	FUZZ_CHECK(len > 0 && len <= TMSG_MAX && tmsg_hs_type(msg, len) != 0);
	if (of(s)->status != SEC_READY)
		return false;
	send_record(s, 23);
	return true;
}

static size_t
sec_read(struct sec *s, uint8_t *buf, size_t cap)
{
	struct fuzz_sec *f = of(s);
	const size_t n = f->message_len < cap ? f->message_len : cap;

	memcpy(buf, f->message, n);
	f->message_len = 0;
	return n;
}

static bool
sec_keying(struct sec *s, const char *label, const uint8_t *context, size_t context_len, uint8_t *out, size_t out_len)
{
	FUZZ_CHECK(label != NULL && context_len == 10 && context[0] == TMSG_PROTOCOL);
	memset(out, 0x11, out_len);
	return of(s)->status == SEC_READY;
}

static const struct sec_identity *
sec_peer(const struct sec *s)
{
	return &of(s)->who;
}

static const char *
sec_error(const struct sec *s)
{
	return of(s)->status == SEC_FAILED ? "failed by script" : "";
}

static void
sec_destroy(struct sec *s)
{
	fuzz_fakes_alive--;
	free(of(s));
}

struct sec *
fuzz_sec_new(bool client)
{
	static const struct sec_ops ops = { sec_start, sec_input,  sec_tick, sec_next,  sec_write,
					    sec_read,  sec_keying, sec_peer, sec_error, sec_destroy };
	struct fuzz_sec *f = calloc(1, sizeof(*f));

	FUZZ_CHECK(f != NULL);
	f->base.ops = &ops;
	f->status = SEC_PENDING;
	snprintf(f->who.name, sizeof(f->who.name), "%s", client ? "server" : "alice");
	fuzz_fakes_alive++;
	return &f->base;
}

static struct sec *
listener_input(struct sec_listener *l, const struct path *path, const uint8_t *dgram, size_t len, struct mono now)
{
	static const uint8_t verify[48] = { 22, 0xfe, 0xff };
	uint8_t random[32];

	(void)now;
	FUZZ_CHECK(tmsg_client_hello(dgram, len, random));
	if (random[0] & 1)
		return fuzz_sec_new(false);
	l->output(l->arg, path, verify, sizeof(verify));
	return NULL;
}

void
fuzz_listener_init(struct fuzz_listener *l)
{
	static const struct sec_listener_ops ops = { listener_input };

	*l = (struct fuzz_listener){ .base.ops = &ops };
}
