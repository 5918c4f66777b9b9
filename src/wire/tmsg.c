/* The tunnel's datagrams: what one is, ClientHello's random, data packet headers, PAD (see tmsg.h). */
#include "castswitch/tmsg.h"

#include "castswitch/cursor.h"

enum {
	DTLS_FIRST = 20, /* RFC 7983 7 */
	DTLS_LAST = 63,
	DTLS_HANDSHAKE = 22,
	DTLS_MAJOR = 254, /* versions are 1's complement: 254.255, 254.253 */
	DTLS_CLIENT_HELLO = 1,
	DTLS_RANDOM_LEN = 32,
};

enum tmsg_class
tmsg_classify(const uint8_t *dgram, size_t len)
{
	if (len == 0)
		return TMSG_CLASS_UNKNOWN;
	if (dgram[0] == TMSG_DATA)
		return TMSG_CLASS_DATA;
	if (dgram[0] == TMSG_ACCESS)
		return TMSG_CLASS_ACCESS;
	return dgram[0] >= DTLS_FIRST && dgram[0] <= DTLS_LAST ? TMSG_CLASS_DTLS : TMSG_CLASS_UNKNOWN;
}

static uint32_t
read_u24(struct rcur *c)
{
	const uint32_t high = rcur_u8(c);

	return high << 16 | rcur_u16(c);
}

/* The record header of RFC 6347 4.1; its fragment as a cursor, which fails when it isn't an epoch-0 handshake record.
 */
static struct rcur
read_handshake_record(struct rcur *c)
{
	const uint8_t type = rcur_u8(c), major = rcur_u8(c);

	rcur_skip(c, 1);
	const uint16_t epoch = rcur_u16(c);

	rcur_skip(c, 6); /* sequence number */
	struct rcur fragment = rcur_sub(c, rcur_u16(c));

	if (type != DTLS_HANDSHAKE || major != DTLS_MAJOR || epoch != 0)
		fragment.failed = true;
	return fragment;
}

bool
tmsg_client_hello(const uint8_t *dgram, size_t len, uint8_t ret_random[32])
{
	struct rcur c = rcur_of(dgram, len);
	struct rcur record = read_handshake_record(&c);
	/* The handshake header of RFC 6347 4.2.2. */
	const uint8_t type = rcur_u8(&record);
	const uint32_t length = read_u24(&record);

	rcur_skip(&record, 2); /* message_seq */
	const uint32_t offset = read_u24(&record), fragment_length = read_u24(&record);
	struct rcur body = rcur_sub(&record, fragment_length);

	rcur_skip(&body, 2); /* client_version */
	const uint8_t *random = rcur_bytes(&body, DTLS_RANDOM_LEN);

	if (!random || type != DTLS_CLIENT_HELLO || offset != 0 || fragment_length > length)
		return false;
	memcpy(ret_random, random, DTLS_RANDOM_LEN);
	return true;
}

bool
tmsg_data_parse(const uint8_t *dgram, size_t len, struct tmsg_data *ret)
{
	struct rcur c = rcur_of(dgram, len);

	if (len < TMSG_OVERHEAD || rcur_u8(&c) != TMSG_DATA)
		return false;
	ret->receiver = rcur_u32(&c);
	ret->counter = rcur_u64(&c);
	return true;
}

/* The n low bytes of v, most significant first. */
static void
put_be(uint8_t *dst, uint64_t v, int n)
{
	for (int i = 0; i < n; i++)
		dst[i] = (uint8_t)(v >> 8 * (n - 1 - i));
}

void
tmsg_data_write(uint8_t *dst, uint32_t receiver, uint64_t counter)
{
	dst[0] = TMSG_DATA;
	put_be(dst + 1, receiver, 4);
	put_be(dst + 5, counter, 8);
}

bool
tmsg_pad_parse(const uint8_t *payload, size_t len, struct tmsg_pad *ret)
{
	struct rcur c = rcur_of(payload, len);

	if (len < TMSG_PAD_LEN)
		return false;
	ret->flags = rcur_u8(&c);
	ret->id = rcur_u64(&c);
	return true;
}

void
tmsg_pad_write(uint8_t *dst, const struct tmsg_pad *pad)
{
	dst[0] = pad->flags;
	put_be(dst + 1, pad->id, 8);
}
