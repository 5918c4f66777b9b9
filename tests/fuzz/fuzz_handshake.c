/* What strangers send to the UDP port: the demultiplexer of handshakes, the listener in front of it, and sessions in
 * all their states.
 *
 * Input: one byte of enum mode, then steps.  A step is a byte, bits 0-2 what (enum step), bits 3-7 who; what follows it
 * is told at each step.  With MODE_DTLS the listener and its handshakes are OpenSSL's; else those of tunnel_fake.h,
 * with which a script also gets through a handshake, HELLO and data packets.  With MODE_CLIENT it is one client's
 * session instead of a server's table.
 */
#include "fuzz/fuzz.h"

#include <string.h>

#include "castswitch/cursor.h"
#include "castswitch/frame.h"
#include "fuzz/tunnel_world.h"

enum step {
	STEP_RAW,    /* u16 length, a datagram */
	STEP_TIME,   /* u16 milliseconds pass */
	STEP_HELLO,  /* u8: a ClientHello with this random; odd: with the cookie this address got */
	STEP_RECORD, /* u8 type, u16 length: a DTLS record of epoch 0 */
	STEP_DATA,   /* u8 session and flags, u16 length: a data packet of the next counter, kind byte and payload */
	STEP_LOCAL,  /* u8 session, u8 what the program does with it */
	STEP_TRAP,   /* u8: so many outputs from now, the session closes itself from inside of the callback */
	STEP_RELOAD, /* the server reads its certificates again */
};

enum { DATA_FORGED = 0x80, DATA_OLD = 0x40, DGRAM_MAX = 2047 };

static void
open_data(struct world *w, const struct path *from, uint8_t *dgram, size_t len)
{
	struct tmsg_data hdr;
	struct session *s = w->client;
	uint8_t *frame = NULL;
	size_t frame_len = 0;

	if (!s) {
		if (!tmsg_data_parse(dgram, len, &hdr)) {
			sessions_count_drop(w->table, DROP_SHORT_DATAGRAM);
			return;
		}
		s = sessions_find(w->table, hdr.receiver);
	}
	if (!s) {
		sessions_count_drop(w->table, DROP_UNKNOWN_RECEIVER);
		return;
	}
	if (session_open(s, from, dgram, len, w->now, &frame, &frame_len) == DROP_NONE && frame) {
		FUZZ_CHECK(session_state(s) == SESSION_ESTABLISHED);
		do
			FUZZ_CHECK(frame >= dgram + 14 && frame_len >= ETH_HDR_LEN && frame + frame_len <= dgram + len);
		while (session_next_frame(s, &frame, &frame_len));
	}
	if (w->table && session_state(s) != SESSION_CLOSED)
		sessions_touch(w->table, s);
}

/* As a program hands on what came by its socket; the bytes are a heap copy of exactly their size. */
static void
deliver(struct world *w, unsigned who, const uint8_t *bytes, size_t len)
{
	const struct path from = world_path(who);
	uint8_t *dgram = malloc(len ? len : 1);

	FUZZ_CHECK(dgram != NULL);
	memcpy(dgram, bytes, len);
	w->asking = len;
	switch (tmsg_classify(dgram, len)) {
	case TMSG_CLASS_DTLS:
		if (w->client)
			session_handshake_input(w->client, dgram, len, w->now);
		else
			sessions_handshake_input(w->table, &from, dgram, len, w->now);
		break;
	case TMSG_CLASS_DATA:
		open_data(w, &from, dgram, len);
		break;
	case TMSG_CLASS_ACCESS:
	case TMSG_CLASS_UNKNOWN:
		break;
	}
	free(dgram);
}

/* The next u16 length bytes of the script; what there is, when there are fewer. */
static struct rcur
take_bytes(struct rcur *c)
{
	size_t n = rcur_u16(c) & DGRAM_MAX;

	if (n > rcur_left(c))
		n = rcur_left(c);
	return rcur_sub(c, n);
}

static void
step_raw(struct world *w, unsigned who, struct rcur *c)
{
	const struct rcur bytes = take_bytes(c);

	deliver(w, who, bytes.p, rcur_left(&bytes));
}

static void
step_time(struct world *w, struct rcur *c)
{
	w->now = mono_add(w->now, rcur_u16(c) * NSEC_PER_MSEC);
	world_tick(w);
}

static void
step_hello(struct world *w, unsigned who, struct rcur *c)
{
	static const struct hello_cookie none;
	const uint8_t random = rcur_u8(c);
	uint8_t dgram[HELLO_MAX];

	deliver(w, who, dgram, hello_write(dgram, random, random & 1 ? &w->cookies[who] : &none));
}

static void
step_record(struct world *w, unsigned who, struct rcur *c)
{
	const uint8_t type = rcur_u8(c);
	const struct rcur bytes = take_bytes(c);
	uint8_t dgram[13 + DGRAM_MAX];
	struct wcur out = wcur_of(dgram, sizeof(dgram));

	wcur_u8(&out, type);
	wcur_u16(&out, 0xfefd);
	wcur_zero(&out, 7);
	wcur_u8(&out, ++w->counter & 0xff);
	wcur_u16(&out, rcur_left(&bytes));
	wcur_bytes(&out, bytes.p, rcur_left(&bytes));
	FUZZ_CHECK(!out.failed);
	deliver(w, who, dgram, wcur_len(&out));
}

static void
step_data(struct world *w, unsigned who, struct rcur *c)
{
	const uint8_t which = rcur_u8(c);
	const struct rcur bytes = take_bytes(c);
	const struct session *s = world_session(w, which & 0x3f);
	uint8_t dgram[TMSG_DATA_HDR + DGRAM_MAX + TMSG_TAG];
	struct wcur out = wcur_of(dgram, sizeof(dgram));

	if (!s)
		return;
	w->counter += !(which & DATA_OLD);
	tmsg_data_write(wcur_room(&out, TMSG_DATA_HDR), session_local_id(s), w->counter);
	wcur_bytes(&out, bytes.p, rcur_left(&bytes));
	wcur_zero(&out, TMSG_TAG - 1);
	wcur_u8(&out, which & DATA_FORGED);
	FUZZ_CHECK(!out.failed);
	deliver(w, who, dgram, wcur_len(&out));
}

static void
seal(struct session *s, size_t len, struct mono now)
{
	uint8_t *room = calloc(1, len + 1), *out = malloc(len + TMSG_OVERHEAD);
	enum drop_reason r = DROP_NONE;

	FUZZ_CHECK(room && out);
	const size_t n = session_seal(s, room + 1, len, out, len + TMSG_OVERHEAD, now, &r);

	FUZZ_CHECK(n == (r == DROP_NONE ? len + TMSG_OVERHEAD : 0));
	FUZZ_CHECK(r != DROP_NONE || (session_state(s) == SESSION_ESTABLISHED && len <= session_max_frame(s)));
	free(room);
	free(out);
}

static void
step_local(struct world *w, struct rcur *c)
{
	struct session *s = world_session(w, rcur_u8(c));
	const uint8_t what = rcur_u8(c);

	if (!s)
		return;
	switch (what % 5) {
	case 0:
		world_push(s, w->now);
		break;
	case 1:
		session_close(s, TMSG_REASON_SHUTDOWN, what > 5 ? "bye" : NULL, w->now);
		break;
	case 2:
		seal(s, what * 16, w->now);
		break;
	case 3:
		session_path_error(s, "connection refused", w->now);
		break;
	default:
		session_set_keepalive(s, what * NSEC_PER_SEC, w->now);
	}
	if (w->table && session_state(s) != SESSION_CLOSED)
		sessions_touch(w->table, s);
}

static void
step(struct world *w, struct rcur *c)
{
	const uint8_t op = rcur_u8(c);
	const unsigned who = op >> 3;

	switch (op & 7) {
	case STEP_RAW:
		step_raw(w, who, c);
		break;
	case STEP_TIME:
		step_time(w, c);
		break;
	case STEP_HELLO:
		step_hello(w, who, c);
		break;
	case STEP_RECORD:
		step_record(w, who, c);
		break;
	case STEP_DATA:
		step_data(w, who, c);
		break;
	case STEP_LOCAL:
		step_local(w, c);
		break;
	case STEP_TRAP:
		w->trap = rcur_u8(c);
		break;
	case STEP_RELOAD:
		world_reload(w);
		break;
	default:
		break;
	}
	world_check(w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rcur c = rcur_of(data, size);
	uint8_t mode = rcur_u8(&c);
	struct world w;

	if (mode & MODE_CLIENT)
		mode &= (uint8_t)~MODE_DTLS;
	world_init(&w, mode);
	while (rcur_left(&c) > 0)
		step(&w, &c);
	world_tick(&w);
	world_check(&w);
	world_fini(&w);
	return 0;
}
