/* FRAGMENT payloads put together again (reassembly.h). */
#include "reassembly.h"

#include <stdlib.h>
#include <string.h>

#include "castswitch/ecn.h"

/* One fragment, as it says of itself. */
struct fragment {
	uint64_t key;
	uint8_t index, count;
	bool is_last;
	const uint8_t *bytes;
	size_t len;
};

void
reassembly_init(struct reassembly *r, uint64_t *drops)
{
	*r = (struct reassembly){ .drops = drops };
}

void
reassembly_fini(struct reassembly *r)
{
	for (unsigned i = 0; i < REASSEMBLY_SLOTS; i++)
		free(r->slots[i].bytes);
	*r = (struct reassembly){ .drops = NULL };
}

static bool
fragment_parse(uint64_t counter, const uint8_t *payload, size_t len, struct fragment *ret)
{
	if (len <= FRAGMENT_HDR)
		return false;
	ret->index = payload[0];
	ret->count = payload[1];
	ret->is_last = ret->index + 1 == ret->count;
	ret->key = counter - ret->index;
	ret->bytes = payload + FRAGMENT_HDR;
	ret->len = len - FRAGMENT_HDR;
	/* Counters begin at 1. */
	return ret->count >= 2 && ret->count <= FRAGMENT_MAX && ret->index < ret->count && counter > ret->index;
}

/* --- slots --- */

static void
slot_give_up(struct reassembly *r, struct reassembly_slot *s, enum drop_reason why)
{
	s->active = false;
	r->drops[why]++;
}

/* The slot of this frame; NULL when it has none.  Those whose time is over are given up on the way. */
static struct reassembly_slot *
slot_find(struct reassembly *r, uint64_t key, struct mono now)
{
	struct reassembly_slot *found = NULL;

	for (unsigned i = 0; i < REASSEMBLY_SLOTS; i++) {
		struct reassembly_slot *s = &r->slots[i];

		if (s->active && mono_due(mono_add(s->began, REASSEMBLY_TIME), now))
			slot_give_up(r, s, DROP_FRAGMENT_TIMEOUT);
		if (s->active && s->key == key)
			found = s;
	}
	return found;
}

/* The first free one, so that few ever need a buffer; else the oldest. */
static struct reassembly_slot *
slot_choose(struct reassembly *r)
{
	struct reassembly_slot *best = &r->slots[0];

	for (unsigned i = 1; i < REASSEMBLY_SLOTS && best->active; i++) {
		struct reassembly_slot *s = &r->slots[i];

		if (!s->active || s->key < best->key)
			best = s;
	}
	return best;
}

/* NULL when out of memory. */
static struct reassembly_slot *
slot_begin(struct reassembly *r, const struct fragment *f, struct mono now)
{
	struct reassembly_slot *s = slot_choose(r);
	uint8_t *bytes = s->bytes ? s->bytes : malloc(REASSEMBLY_FRAME_MAX);

	if (s->active)
		slot_give_up(r, s, DROP_FRAGMENT_LIMIT);
	if (bytes)
		*s = (struct reassembly_slot){
			.active = true, .key = f->key, .began = now, .count = f->count, .bytes = bytes
		};
	return bytes ? s : NULL;
}

/* --- fragments --- */

/* The least that the frame is long, as far as is known when f is there as well. */
static size_t
slot_length_with(const struct reassembly_slot *s, const struct fragment *f)
{
	size_t chunk = f->is_last ? s->chunk : f->len, last = f->is_last ? f->len : s->last;

	return chunk * (s->count - 1u) + last;
}

/* Whether f agrees with the others. */
static bool
slot_fits(const struct reassembly_slot *s, const struct fragment *f)
{
	if (f->count != s->count || s->have & 1u << f->index)
		return false;
	if (f->is_last)
		return !s->chunk || f->len <= s->chunk;
	return s->chunk ? f->len == s->chunk : s->last <= f->len;
}

static uint8_t *
slot_place(const struct reassembly_slot *s, unsigned index)
{
	bool is_last = index + 1 == s->count;

	return is_last ? s->bytes + REASSEMBLY_FRAME_MAX - s->last : s->bytes + (size_t)index * s->chunk;
}

static void
slot_know(struct reassembly_slot *s, const struct fragment *f, uint8_t ecn)
{
	if (f->is_last)
		s->last = (uint16_t)f->len;
	else
		s->chunk = (uint16_t)f->len;
	s->have |= (uint8_t)(1u << f->index);
	s->ecn = ecn_worse(s->ecn, ecn);
}

/* The frame goes to where its last piece to come is: that one is moved to its place first. */
static void
slot_assemble(const struct reassembly_slot *s, const struct fragment *f, uint8_t *to)
{
	memmove(to + (size_t)f->index * s->chunk, f->bytes, f->len);
	for (unsigned i = 0; i < s->count; i++)
		if (i != f->index)
			memcpy(to + (size_t)i * s->chunk, slot_place(s, i), i + 1 == s->count ? s->last : s->chunk);
}

enum drop_reason
reassembly_input(struct reassembly *r, uint64_t counter, uint8_t *payload, size_t len, size_t room, uint8_t ecn,
		 struct mono now, size_t *ret_len, uint8_t *ret_ecn)
{
	struct reassembly_slot *s;
	struct fragment f;

	if (!fragment_parse(counter, payload, len, &f))
		return DROP_BAD_FRAGMENT;
	s = slot_find(r, f.key, now);
	if (s && !slot_fits(s, &f)) {
		s->active = false;
		return DROP_BAD_FRAGMENT;
	}
	if (!s && !(s = slot_begin(r, &f, now)))
		return DROP_FRAGMENT_LIMIT;
	if (slot_length_with(s, &f) > (room < REASSEMBLY_FRAME_MAX ? room : REASSEMBLY_FRAME_MAX)) {
		s->active = false;
		return DROP_TOO_LONG;
	}
	slot_know(s, &f, ecn);
	*ret_len = 0;
	if (s->have != (1u << s->count) - 1) {
		memcpy(slot_place(s, f.index), f.bytes, f.len);
		return DROP_NONE;
	}
	*ret_len = slot_length_with(s, &f);
	*ret_ecn = s->ecn;
	slot_assemble(s, &f, payload);
	s->active = false;
	return DROP_NONE;
}
