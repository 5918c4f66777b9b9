/* Frames as hexadecimal text, for tests of src/wire.
 *
 * A parser is always given a heap copy of exactly the frame's size, so that the address sanitizer sees every read past
 * the end.  The checksums are computed the plain way of RFC 1071, independently of csum.c.
 */
#ifndef CASTSWITCH_TESTS_WIRE_BYTES_H
#define CASTSWITCH_TESTS_WIRE_BYTES_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "castswitch/frame.h"

struct bytes {
	uint8_t b[4096];
	size_t n;
};

static inline unsigned
hex_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = strchr(digits, c);

	assert_true(c != '\0' && at != NULL);
	return (unsigned)(at - digits);
}

/* Appends what hexadecimal text (spaces allowed) says. */
static inline void
add_hex(struct bytes *d, const char *text)
{
	for (; *text; text++) {
		if (*text == ' ')
			continue;
		assert_true(d->n < sizeof(d->b));
		d->b[d->n++] = (uint8_t)(hex_value(text[0]) << 4 | hex_value(text[1]));
		text++;
	}
}

static inline struct bytes
hex(const char *text)
{
	struct bytes d = { .n = 0 };

	add_hex(&d, text);
	return d;
}

static inline void
add_zeros(struct bytes *d, size_t n)
{
	assert_true(d->n + n <= sizeof(d->b));
	memset(d->b + d->n, 0, n);
	d->n += n;
}

static inline void
set16(struct bytes *d, size_t at, size_t v)
{
	assert_true(at + 2 <= d->n && v <= UINT16_MAX);
	d->b[at] = (uint8_t)(v >> 8);
	d->b[at + 1] = (uint8_t)v;
}

/* A copy of exactly n bytes, valid until the next one; NULL and 0 free the last. */
static inline uint8_t *
exact_copy(const uint8_t *data, size_t n)
{
	static uint8_t *copy;

	free(copy);
	copy = NULL;
	if (data) {
		copy = malloc(n ? n : 1);
		assert_non_null(copy);
		memcpy(copy, data, n);
		if (n == 0)
			return copy + 1; /* so that even the first byte is out of bounds */
	}
	return copy;
}

static inline int
free_copy(void **state)
{
	(void)state;
	exact_copy(NULL, 0);
	return 0;
}

/* frame_parse() of the first n bytes. */
static inline enum drop_reason
parse_first(const struct bytes *d, size_t n, struct frame *f)
{
	memset(f, 0xa5, sizeof(*f));
	memset(&f->gso, 0, sizeof(f->gso));
	f->data = exact_copy(d->b, n);
	f->len = (uint32_t)n;
	return frame_parse(f);
}

static inline enum drop_reason
parse_all(const struct bytes *d, struct frame *f)
{
	return parse_first(d, d->n, f);
}

static inline uint32_t
plain_sum(uint32_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i += 2) {
		sum += (uint32_t)(p[i] << 8 | (i + 1 < len ? p[i + 1] : 0));
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static inline void
set_checksum(struct bytes *d, size_t at, uint32_t start, size_t from, size_t to)
{
	set16(d, at, 0);
	set16(d, at, (uint16_t)~plain_sum(start, d->b + from, to - from));
}

/* Makes the checksums (and with 'lengths' the length field of the IP header) of an untagged IGMP frame, or MLD frame
 * with 8 bytes of extension headers, right again after a change. */
static inline void
repair(struct bytes *d, bool lengths)
{
	if (d->b[12] == 0x08) {
		const size_t header = (d->b[14] & 0x0fu) * 4u;

		if (lengths)
			set16(d, 16, d->n - 14);
		const size_t end = 14 + (size_t)(d->b[16] << 8 | d->b[17]);

		set_checksum(d, 24, 0, 14, 14 + header);
		if (end <= d->n && end >= 14 + header + 4)
			set_checksum(d, 14 + header + 2, 0, 14 + header, end);
		return;
	}
	if (lengths)
		set16(d, 18, d->n - 54);
	const size_t len = (size_t)(d->b[18] << 8 | d->b[19]);

	if (54 + len <= d->n && len >= 8 + 4)
		set_checksum(d, 64, plain_sum((uint32_t)(len - 8) + 58, d->b + 22, 32), 62, 54 + len);
}

#endif
