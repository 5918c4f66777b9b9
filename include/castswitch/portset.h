/* A sorted set of port ids, prepared by the slow path and only read by the fast path. */
#ifndef CASTSWITCH_PORTSET_H
#define CASTSWITCH_PORTSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct portset {
	uint16_t *ids; /* ascending, owned; NULL when cap is 0 */
	uint32_t n, cap;
};

void portset_init(struct portset *s);
void portset_fini(struct portset *s);
/* Adds an id; true when it is in the set afterwards (false only when out of memory). */
bool portset_add(struct portset *s, uint16_t id);
void portset_remove(struct portset *s, uint16_t id);
/* The position of the first id that is not less; s->n when there is none. */
size_t portset_from(const struct portset *s, uint16_t id);
bool portset_has(const struct portset *s, uint16_t id);

/* Calls visit(arg, id) once for each id that is in a or b, ascending.  Either may be NULL. */
static inline void
portset_each_of_both(const struct portset *a, const struct portset *b, void (*visit)(void *arg, uint16_t id), void *arg)
{
	size_t i = 0, j = 0, na = a ? a->n : 0, nb = b ? b->n : 0;
	while (i < na || j < nb) {
		if (j == nb || (i < na && a->ids[i] < b->ids[j])) {
			visit(arg, a->ids[i++]);
		} else if (i == na || b->ids[j] < a->ids[i]) {
			visit(arg, b->ids[j++]);
		} else {
			visit(arg, a->ids[i++]);
			j++;
		}
	}
}

#endif
