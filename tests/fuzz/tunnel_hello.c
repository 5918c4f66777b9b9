/* ClientHello and HelloVerifyRequest as bytes, see tunnel_hello.h. */
#include "fuzz/tunnel_hello.h"

#include <string.h>

#include "castswitch/cursor.h"
#include "fuzz/fuzz.h"

enum { HANDSHAKE = 22, CLIENT_HELLO = 1, HELLO_VERIFY_REQUEST = 3, RECORD_HEADER = 13, HANDSHAKE_HEADER = 12 };

static const uint8_t after_cookie[] = {
	0x00, 0x06, 0xc0, 0x2b, 0xc0, 0x2c, 0xcc, 0xa9,             /* ECDHE with ECDSA: AES-128, AES-256, ChaCha20 */
	0x01, 0x00,                                                 /* no compression */
	0x00, 0x27,                                                 /* extensions: */
	0x00, 0x0a, 0x00, 0x06, 0x00, 0x04, 0x00, 0x1d, 0x00, 0x17, /* groups: X25519, P-256 */
	0x00, 0x0b, 0x00, 0x02, 0x01, 0x00,                         /* uncompressed points */
	0x00, 0x0d, 0x00, 0x0a, 0x00, 0x08, 0x04, 0x03, 0x05, 0x03, 0x08, 0x04, 0x08, 0x07, /* signatures */
	0x00, 0x17, 0x00, 0x00,                                                             /* extended master secret */
	0xff, 0x01, 0x00, 0x01, 0x00,                                                       /* renegotiation info */
};

static void
put_u24(struct wcur *w, size_t v)
{
	wcur_u8(w, v >> 16);
	wcur_u16(w, v & 0xffff);
}

size_t
hello_write(uint8_t *out, uint8_t random, const struct hello_cookie *cookie)
{
	const size_t body = 2 + 32 + 1 + 1 + cookie->len + sizeof(after_cookie);
	const unsigned nth = cookie->len ? 1 : 0;
	uint8_t hello[HELLO_MAX]; /* gcc 12 knows its size, but thinks out has none (-Wstringop-overflow) */
	struct wcur w = wcur_of(hello, sizeof(hello));

	wcur_u8(&w, HANDSHAKE);
	wcur_u16(&w, 0xfeff);
	wcur_u16(&w, 0);
	wcur_zero(&w, 5);
	wcur_u8(&w, nth);
	wcur_u16(&w, HANDSHAKE_HEADER + body);
	wcur_u8(&w, CLIENT_HELLO);
	put_u24(&w, body);
	wcur_u16(&w, nth);
	put_u24(&w, 0);
	put_u24(&w, body);
	wcur_u16(&w, 0xfefd);
	for (unsigned i = 0; i < 32; i++)
		wcur_u8(&w, random);
	wcur_u8(&w, 0);
	wcur_u8(&w, cookie->len);
	wcur_bytes(&w, cookie->bytes, cookie->len);
	wcur_bytes(&w, after_cookie, sizeof(after_cookie));
	FUZZ_CHECK(!w.failed && wcur_len(&w) == RECORD_HEADER + HANDSHAKE_HEADER + body);
	memcpy(out, hello, wcur_len(&w));
	return wcur_len(&w);
}

void
hello_take_cookie(const uint8_t *dgram, size_t len, struct hello_cookie *ret)
{
	struct rcur c = rcur_of(dgram, len);
	const uint8_t record = rcur_u8(&c);

	rcur_skip(&c, RECORD_HEADER - 1);
	const uint8_t type = rcur_u8(&c);

	rcur_skip(&c, HANDSHAKE_HEADER - 1 + 2);
	const uint8_t n = rcur_u8(&c);
	const uint8_t *cookie = rcur_bytes(&c, n);

	if (!cookie || record != HANDSHAKE || type != HELLO_VERIFY_REQUEST)
		return;
	ret->len = n;
	memcpy(ret->bytes, cookie, n);
}
