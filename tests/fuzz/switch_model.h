/* What the switch ought to do with a frame, worked out anew and slowly from what it was told and what it shows of its
 * state (switch_each_group(), switch_each_router(), switch_querier(), switch_each_mac()): neither routes nor sets of
 * ports are asked.
 */
#ifndef CASTSWITCH_TESTS_FUZZ_SWITCH_MODEL_H
#define CASTSWITCH_TESTS_FUZZ_SWITCH_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "castswitch/switch.h"

struct world;

enum { MODEL_GROUPS = 256, MODEL_SOURCES = 2048, MODEL_ROUTERS = 64 };

struct model_source {
	struct ipaddr addr;
	bool forward;
};

/* (VLAN, group, port) */
struct model_group {
	struct ipaddr group;
	uint16_t vid;
	bool exclude;
	uint32_t port; /* its bit */
	uint16_t source, n_sources; /* in model.sources */
};

/* The router ports of a VLAN. */
struct model_router {
	uint16_t vid;
	uint32_t ports;
};

/* A copy of what the switch shows, made when it is asked for. */
struct model {
	bool fresh;
	bool full; /* there is more than is copied */
	unsigned n_groups, n_sources, n_routers;
	uint32_t n_learned; /* router ports that may go again */
	struct model_group groups[MODEL_GROUPS];
	struct model_source sources[MODEL_SOURCES];
	struct model_router routers[MODEL_ROUTERS];
	uint64_t vlans[4096 / 64];
};

/* What becomes of a frame.  Sets of ports are bits. */
struct model_fate {
	uint32_t must, may; /* ports that get it, and that may */
	bool whole;    /* those of 'may' get it all or none does */
	bool states;   /* it may change memberships; nothing else does */
	bool counted;  /* dropped for one reason when nobody gets it, and for none when somebody does */
	bool consumed; /* by the switch itself */
	bool opens;    /* may be the first of its VLAN */
	bool ordered;  /* keeps its place among others that do */
};

/* Looks at the switch, if it did not since model_forget(). */
void model_look(struct world *w);
void model_forget(struct model *m);
bool model_has_vlan(const struct model *m, uint16_t vid);
/* alone: the frame is the only one of its batch, so that nothing before it changes anything. */
struct model_fate model_fate_of(struct world *w, const struct frame *f, enum drop_reason verdict, bool alone);

#endif
