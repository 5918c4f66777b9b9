/* Bounded read and write cursors over bytes.
 *
 * Every byte that comes from outside is read through a struct rcur.  Both kinds carry one sticky error: a read past the
 * end yields zero, sets 'failed', moves to the end, and every later call is a no-op; so a parser reads a whole header
 * and checks once.  A length field becomes a sub-cursor, which can never reach past its parent.  A writer refuses
 * values that don't fit their field.  All integers are big-endian on the wire.
 */
#ifndef CASTSWITCH_CURSOR_H
#define CASTSWITCH_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct rcur {
	const uint8_t *p;   /* next byte to read */
	const uint8_t *end; /* one past the last */
	bool failed;
};

static inline struct rcur
rcur_of(const void *data, size_t len)
{
	const uint8_t *p = data;
	return (struct rcur){ .p = p, .end = p + len };
}

static inline size_t
rcur_left(const struct rcur *c)
{
	return (size_t)(c->end - c->p);
}

/* The next n bytes, consumed; NULL, and the cursor fails, when there are fewer. */
static inline const uint8_t *
rcur_bytes(struct rcur *c, size_t n)
{
	if (c->failed || rcur_left(c) < n) {
		c->failed = true;
		c->p = c->end;
		return NULL;
	}
	const uint8_t *p = c->p;
	c->p += n;
	return p;
}

static inline void
rcur_skip(struct rcur *c, size_t n)
{
	(void)rcur_bytes(c, n);
}

static inline uint8_t
rcur_u8(struct rcur *c)
{
	const uint8_t *p = rcur_bytes(c, 1);
	return p ? p[0] : 0;
}

static inline uint16_t
rcur_u16(struct rcur *c)
{
	const uint8_t *p = rcur_bytes(c, 2);
	return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

static inline uint32_t
rcur_u32(struct rcur *c)
{
	const uint8_t *p = rcur_bytes(c, 4);
	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

static inline uint64_t
rcur_u64(struct rcur *c)
{
	uint64_t hi = rcur_u32(c);
	uint64_t lo = rcur_u32(c);
	return c->failed ? 0 : hi << 32 | lo;
}

/* Copies n bytes to dst; zeroes dst when there are fewer. */
static inline void
rcur_copy(struct rcur *c, void *dst, size_t n)
{
	const uint8_t *p = rcur_bytes(c, n);
	if (p)
		memcpy(dst, p, n);
	else
		memset(dst, 0, n);
}

/* The next n bytes as a cursor of their own, consumed here.  Both fail when there are fewer. */
static inline struct rcur
rcur_sub(struct rcur *c, size_t n)
{
	const uint8_t *p = rcur_bytes(c, n);
	if (!p)
		return (struct rcur){ .p = c->end, .end = c->end, .failed = true };
	return (struct rcur){ .p = p, .end = p + n };
}

struct wcur {
	uint8_t *base;
	uint8_t *p;
	uint8_t *end;
	bool failed;
};

static inline struct wcur
wcur_of(void *buf, size_t cap)
{
	uint8_t *p = buf;
	return (struct wcur){ .base = p, .p = p, .end = p + cap };
}

/* Bytes written so far. */
static inline size_t
wcur_len(const struct wcur *c)
{
	return (size_t)(c->p - c->base);
}

/* Room for n bytes, which the caller fills; NULL, and the cursor fails, when there is less. */
static inline uint8_t *
wcur_room(struct wcur *c, size_t n)
{
	if (c->failed || (size_t)(c->end - c->p) < n) {
		c->failed = true;
		return NULL;
	}
	uint8_t *p = c->p;
	c->p += n;
	return p;
}

static inline void
wcur_bytes(struct wcur *c, const void *src, size_t n)
{
	uint8_t *p = wcur_room(c, n);
	if (p && n)
		memcpy(p, src, n);
}

static inline void
wcur_zero(struct wcur *c, size_t n)
{
	uint8_t *p = wcur_room(c, n);
	if (p)
		memset(p, 0, n);
}

/* The integer writers take uint64_t and fail when the value does not fit. */
static inline void
wcur_u8(struct wcur *c, uint64_t v)
{
	uint8_t *p = wcur_room(c, 1);
	if (v > UINT8_MAX)
		c->failed = true;
	else if (p)
		p[0] = (uint8_t)v;
}

static inline void
wcur_u16(struct wcur *c, uint64_t v)
{
	uint8_t *p = wcur_room(c, 2);
	if (v > UINT16_MAX)
		c->failed = true;
	else if (p) {
		p[0] = (uint8_t)(v >> 8);
		p[1] = (uint8_t)v;
	}
}

static inline void
wcur_u32(struct wcur *c, uint64_t v)
{
	uint8_t *p = wcur_room(c, 4);
	if (v > UINT32_MAX)
		c->failed = true;
	else if (p)
		for (int i = 0; i < 4; i++)
			p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static inline void
wcur_u64(struct wcur *c, uint64_t v)
{
	uint8_t *p = wcur_room(c, 8);
	if (p)
		for (int i = 0; i < 8; i++)
			p[i] = (uint8_t)(v >> (56 - 8 * i));
}

#endif
