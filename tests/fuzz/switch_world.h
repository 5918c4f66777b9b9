/* The world around the switch of the switch target: its ports, its clock, and frames on their way.
 *
 * Everything goes through these functions, so that the world knows what the switch was told and can check what it does:
 * each frame sent against the model (switch_model.h), each own frame, event and timer for sense.
 */
#ifndef CASTSWITCH_TESTS_FUZZ_SWITCH_WORLD_H
#define CASTSWITCH_TESTS_FUZZ_SWITCH_WORLD_H

#include "castswitch/switch.h"
#include "fuzz/switch_model.h"

enum {
	WORLD_PORTS = 6,
	WORLD_BATCH = 16,
	WORLD_JOINS = 4096, /* bits of the filter of joins */
	WORLD_MAC_GROUPS = 32,
};

struct world_port {
	struct world *world;
	struct sw_port *port; /* NULL: deleted */
	struct sw_port_params params;
	struct ipprefix rules[2];
	bool up, suspended;
	bool has_statics;                     /* groups */
	struct mono asked_at, ask_again_at;   /* when its hosts were asked what they want, and will be */
	struct mono flood_until[GM_FAMILIES]; /* it gets what is not registered at least until then */
	uint8_t joins[WORLD_JOINS / 8];       /* (VLAN, group) that somebody there spoke of since it was flushed */
	const struct sw_port_stats *stats;
	uint64_t joined;                      /* the sum of the keys of what the switch said is joined */
	uint64_t n_tx, tx_bytes;
	int last; /* of the batch's frames that it was sent, among those that need keep their order */
};

/* A frame of the batch that is being collected or switched. */
struct world_frame {
	uint8_t *room;     /* headroom and exactly the frame */
	uint8_t *original; /* its bytes again */
	struct frame parsed;
	enum drop_reason verdict; /* of the parser */
	struct model_fate fate;
	uint32_t sent; /* to these ports */
};

/* Where frames to a group MAC that are not IP go. */
struct world_mac_group {
	uint64_t key; /* fdb_key() */
	uint32_t ports;
};

struct world {
	struct mono now;
	struct mono ticked; /* what was due until then is done */
	struct rng_seeded rng_state;
	struct rng rng;
	struct sw_params params;
	struct sw *sw;
	struct world_port ports[WORLD_PORTS];
	struct world_mac_group mac_groups[WORLD_MAC_GROUPS];
	unsigned n_mac_groups;
	struct mono vlan_asked_at[4096]; /* when what its hosts want became of interest */

	/* The longest of all times that were in force, of the switch's own and those that queriers told. */
	nsec_t interval, response, own_response, fixed_membership;
	uint8_t robustness;
	bool foreign;      /* a querier spoke */
	bool has_flooded;  /* flood_until_querier was ever set */
	bool other_limits; /* than when the tables were filled */
	bool reconfigured;

	struct world_frame batch[WORLD_BATCH];
	struct frame frames[WORLD_BATCH];
	unsigned n_batch;
	unsigned in;    /* the port they come by */
	bool switching; /* the batch is in the switch's hands */
	struct model model;
};

void world_init(struct world *w, const uint8_t settings[6]);
/* Checks everything that is left, and the world ends. */
void world_fini(struct world *w);

/* Settings as bytes say them; world_reconfigure() tells the switch. */
void world_reconfigure(struct world *w, const uint8_t settings[6]);
void world_port_reconfigure(struct world *w, unsigned port, const uint8_t settings[3]);
void world_port_add(struct world *w, unsigned port);
void world_port_del(struct world *w, unsigned port);
void world_port_set_up(struct world *w, unsigned port, bool up);
void world_port_suspend(struct world *w, unsigned port);

void world_static_mac(struct world *w, unsigned port, bool self, uint16_t vid, const struct mac *mac, bool sticky);
void world_static_group(struct world *w, unsigned port, uint16_t vid, const struct ipaddr *group,
			const struct ipaddr *source);
void world_static_group_mac(struct world *w, unsigned port, uint16_t vid, const struct mac *mac);
void world_clear_statics(struct world *w, unsigned port, bool macs, bool groups);

/* A frame comes by a port; with 'hold' together with the next one of that port. */
void world_receive(struct world *w, unsigned port, const uint8_t *bytes, size_t len, uint16_t gso, bool hold);
/* What was held is switched. */
void world_flush(struct world *w);

/* Time goes on, and what is due is done at its time. */
void world_advance(struct world *w, nsec_t d);
/* To just before, or at, the next deadline. */
void world_advance_to_next(struct world *w, bool before);
/* Time goes on, but nobody looks at the switch. */
void world_sleep(struct world *w, nsec_t d);

/* The tables agree with themselves, each other and what was said. */
void world_check(struct world *w);

/* --- between switch_world.c and switch_setup.c --- */

extern const struct sw_port_ops world_port_ops; /* arg is the struct world_port */
void world_set_params(struct world *w, const uint8_t settings[6]);
void world_port_init(struct world *w, unsigned port);
/* After ports were added. */
void world_find_stats(struct world *w);
/* Times that are in force somewhere. */
void world_note_times(struct world *w, uint8_t robustness, nsec_t interval, nsec_t response);
/* Stands for what is joined: they are summed up. */
uint64_t world_group_key(uint16_t vid, const struct ipaddr *group);
/* Whether somebody behind the port spoke of the group, or some other one with its bit. */
bool world_has_join(const struct world_port *p, uint16_t vid, const struct ipaddr *group);
uint32_t world_bit(const struct world *w, const struct sw_port *port);
uint16_t world_vid(const struct world *w, uint16_t vid);

#endif
