/* A sorted set of port ids. */
#include "castswitch/portset.h"

#include <stdlib.h>
#include <string.h>

void
portset_init(struct portset *s)
{
	*s = (struct portset){ 0 };
}

void
portset_fini(struct portset *s)
{
	free(s->ids);
	portset_init(s);
}

size_t
portset_from(const struct portset *s, uint16_t id)
{
	size_t lo = 0, hi = s->n;
	/* Routes are built in port order: appending is the usual case. */
	if (hi && s->ids[hi - 1] < id)
		return hi;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		if (s->ids[mid] < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool
portset_has(const struct portset *s, uint16_t id)
{
	size_t pos = portset_from(s, id);
	return pos < s->n && s->ids[pos] == id;
}

bool
portset_add(struct portset *s, uint16_t id)
{
	size_t pos = portset_from(s, id);
	if (pos < s->n && s->ids[pos] == id)
		return true;
	if (s->n == s->cap) {
		uint32_t cap = s->cap ? s->cap * 2 : 4;
		uint16_t *ids = realloc(s->ids, cap * sizeof(*ids));
		if (!ids)
			return false;
		s->ids = ids;
		s->cap = cap;
	}
	memmove(&s->ids[pos + 1], &s->ids[pos], (s->n - pos) * sizeof(*s->ids));
	s->ids[pos] = id;
	s->n++;
	return true;
}

void
portset_remove(struct portset *s, uint16_t id)
{
	size_t pos = portset_from(s, id);
	if (pos == s->n || s->ids[pos] != id)
		return;
	s->n--;
	memmove(&s->ids[pos], &s->ids[pos + 1], (s->n - pos) * sizeof(*s->ids));
}
