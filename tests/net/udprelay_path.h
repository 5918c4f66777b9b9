/* What happens to datagrams on their way, for udprelay: they are lost, doubled, delayed, overtaken.  An engine without
 * I/O: time is an argument.  What is drawn depends on the seed and on a datagram's number in its direction, so it
 * depends on neither time nor the other direction. */
#ifndef UDPRELAY_PATH_H
#define UDPRELAY_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum path_way { PATH_UP, PATH_DOWN, PATH_WAYS };

/* In the units of the command `set`, see udprelay.c. */
struct path_rules {
	double loss, dup, reorder, delay, jitter, hold, mtu, rate, queue, block;
};

struct path_direction {
	struct path_rules rules;
	uint64_t number; /* of datagrams since the seed */
	uint64_t last;   /* when the one before leaves, ns */
	uint64_t free;   /* when all that waits for the rate has left, ns */
	uint64_t in, lost, duplicated, reordered, too_big, overflowed, blocked;
};

/* A datagram under way. */
struct path_item {
	uint64_t due, order;
	enum path_way way;
	size_t flow;     /* as given to lossy_path_input() */
	uint32_t serial;
	size_t len;
	uint8_t data[];
};

struct lossy_path {
	uint64_t seed;
	size_t overhead; /* of IP and UDP headers */
	struct path_direction dir[PATH_WAYS];
	struct path_item **heap;
	size_t n_heap, heap_size;
	uint64_t orders;
};

void lossy_path_init(struct lossy_path *p, uint64_t seed, size_t overhead);
void lossy_path_fini(struct lossy_path *p);
void lossy_path_seed(struct lossy_path *p, uint64_t seed);
/* False when there is no such rule, or the number is bad. */
bool lossy_path_set(struct lossy_path *p, enum path_way way, const char *name, const char *number);

/* False when out of memory. */
bool lossy_path_input(struct lossy_path *p, enum path_way way, size_t flow, uint32_t serial, const uint8_t *data,
		      size_t len, uint64_t now);
/* The next datagram that has arrived, which the caller frees; NULL when there is none. */
struct path_item *lossy_path_output(struct lossy_path *p, uint64_t now);
/* When that will be, in ns; UINT64_MAX when nothing is under way. */
uint64_t lossy_path_next(const struct lossy_path *p);

#endif
