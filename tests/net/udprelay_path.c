/* See udprelay_path.h. */
#include "net/udprelay_path.h"

#include <stdlib.h>
#include <string.h>

#include "castswitch/tmsg.h"

enum draw { DRAW_LOSS, DRAW_DUP, DRAW_REORDER, DRAW_JITTER, DRAW_DUP_DELAY };

static const struct {
	const char *name;
	size_t offset;
} rule_names[] = {
	{ "loss", offsetof(struct path_rules, loss) },       { "dup", offsetof(struct path_rules, dup) },
	{ "reorder", offsetof(struct path_rules, reorder) }, { "delay", offsetof(struct path_rules, delay) },
	{ "jitter", offsetof(struct path_rules, jitter) },   { "hold", offsetof(struct path_rules, hold) },
	{ "mtu", offsetof(struct path_rules, mtu) },         { "rate", offsetof(struct path_rules, rate) },
	{ "queue", offsetof(struct path_rules, queue) },     { "block", offsetof(struct path_rules, block) },
};

void
lossy_path_init(struct lossy_path *p, uint64_t seed, size_t overhead)
{
	*p = (struct lossy_path){ .seed = seed, .overhead = overhead };
	for (size_t w = 0; w < PATH_WAYS; w++)
		p->dir[w].rules = (struct path_rules){ .hold = 10, .queue = 65536 };
}

void
lossy_path_fini(struct lossy_path *p)
{
	for (size_t i = 0; i < p->n_heap; i++)
		free(p->heap[i]);
	free(p->heap);
}

void
lossy_path_seed(struct lossy_path *p, uint64_t seed)
{
	p->seed = seed;
	p->dir[PATH_UP].number = p->dir[PATH_DOWN].number = 0;
}

bool
lossy_path_set(struct lossy_path *p, enum path_way way, const char *name, const char *number)
{
	char *end;
	double value = strtod(number, &end);
	if (end == number || *end != '\0' || !(value >= 0))
		return false;
	for (size_t i = 0; i < sizeof(rule_names) / sizeof(rule_names[0]); i++) {
		if (strcmp(rule_names[i].name, name) != 0)
			continue;
		memcpy((char *)&p->dir[way].rules + rule_names[i].offset, &value, sizeof(value));
		return true;
	}
	return false;
}

/* --- chance --- */

static uint64_t
mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* 0 <= x < 1, for one question about the present datagram. */
static double
draw(const struct lossy_path *p, enum path_way way, enum draw what)
{
	uint64_t x = mix(mix(mix(p->seed) ^ (uint64_t)way << 8 ^ (uint64_t)what) ^ p->dir[way].number);
	return (double)(x >> 11) / (double)(UINT64_C(1) << 53);
}

static bool
chance(const struct lossy_path *p, enum path_way way, enum draw what, double percent)
{
	return draw(p, way, what) * 100 < percent;
}

/* --- what is under way: a heap by when it leaves; of those that leave together the older one first --- */

static bool
before(const struct path_item *a, const struct path_item *b)
{
	return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static bool
heap_put(struct lossy_path *p, struct path_item *it)
{
	if (p->n_heap == p->heap_size) {
		size_t size = p->heap_size ? 2 * p->heap_size : 1024;
		struct path_item **heap = realloc(p->heap, size * sizeof(*heap));
		if (!heap)
			return false;
		p->heap = heap;
		p->heap_size = size;
	}
	size_t at = p->n_heap++;
	for (; at > 0 && before(it, p->heap[(at - 1) / 2]); at = (at - 1) / 2)
		p->heap[at] = p->heap[(at - 1) / 2];
	p->heap[at] = it;
	return true;
}

static struct path_item *
heap_take(struct lossy_path *p)
{
	struct path_item *first = p->heap[0], *last = p->heap[--p->n_heap];
	size_t at = 0;
	for (size_t child; (child = 2 * at + 1) < p->n_heap; at = child) {
		if (child + 1 < p->n_heap && before(p->heap[child + 1], p->heap[child]))
			child++;
		if (before(last, p->heap[child]))
			break;
		p->heap[at] = p->heap[child];
	}
	p->heap[at] = last;
	return first;
}

struct path_item *
lossy_path_output(struct lossy_path *p, uint64_t now)
{
	return lossy_path_next(p) <= now ? heap_take(p) : NULL;
}

uint64_t
lossy_path_next(const struct lossy_path *p)
{
	return p->n_heap > 0 ? p->heap[0]->due : UINT64_MAX;
}

/* --- what happens to a datagram --- */

static unsigned
kind_of(const uint8_t *data, size_t len)
{
	switch (tmsg_classify(data, len)) {
	case TMSG_CLASS_DTLS:
	case TMSG_CLASS_ACCESS:
		return 1;
	case TMSG_CLASS_DATA:
		return 2;
	case TMSG_CLASS_UNKNOWN:
		break;
	}
	return 4;
}

static uint64_t
ms(double x)
{
	return (uint64_t)(x * 1e6);
}

/* Whether it goes on, and when it has left the slow link. */
static bool
pass_rate(struct path_direction *d, size_t bytes, uint64_t now, uint64_t *ret_at)
{
	uint64_t at = now;
	if (d->rules.rate > 0) {
		if (d->free < now)
			d->free = now;
		double waiting = (double)(d->free - now) * d->rules.rate / 8e9;
		if (waiting + (double)bytes > d->rules.queue) {
			d->overflowed++;
			return false;
		}
		at = d->free += (uint64_t)((double)bytes * 8e9 / d->rules.rate);
	}
	*ret_at = at;
	return true;
}

static bool
vanishes(struct lossy_path *p, enum path_way way, const uint8_t *data, size_t len)
{
	struct path_direction *d = &p->dir[way];
	if ((unsigned)d->rules.block & kind_of(data, len))
		d->blocked++;
	else if (d->rules.mtu > 0 && (double)(len + p->overhead) > d->rules.mtu)
		d->too_big++;
	else if (chance(p, way, DRAW_LOSS, d->rules.loss))
		d->lost++;
	else
		return false;
	return true;
}

static bool
enqueue(struct lossy_path *p, const struct path_item *head, const uint8_t *data, uint64_t due)
{
	struct path_item *it = malloc(sizeof(*it) + head->len);
	if (!it)
		return false;
	*it = *head;
	it->due = due;
	it->order = p->orders++;
	memcpy(it->data, data, head->len);
	if (heap_put(p, it))
		return true;
	free(it);
	return false;
}

bool
lossy_path_input(struct lossy_path *p, enum path_way way, size_t flow, uint32_t serial, const uint8_t *data, size_t len,
		 uint64_t now)
{
	struct path_direction *d = &p->dir[way];
	const struct path_rules *rules = &d->rules;
	const struct path_item head = { .way = way, .flow = flow, .serial = serial, .len = len };
	uint64_t at;
	d->in++;
	d->number++;
	if (vanishes(p, way, data, len) || !pass_rate(d, len + p->overhead, now, &at))
		return true;
	at += ms(rules->delay) + ms(rules->jitter * draw(p, way, DRAW_JITTER));
	if (chance(p, way, DRAW_REORDER, rules->reorder)) {
		d->reordered++;
		at += ms(rules->hold);
	} else {
		d->last = at = at > d->last ? at : d->last;
	}
	if (!enqueue(p, &head, data, at))
		return false;
	if (!chance(p, way, DRAW_DUP, rules->dup))
		return true;
	d->duplicated++;
	return enqueue(p, &head, data, at + ms(rules->hold * draw(p, way, DRAW_DUP_DELAY)));
}
