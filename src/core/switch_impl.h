/* What the files of the switch share.  See castswitch/switch.h for the ideas. */
#ifndef CASTSWITCH_CORE_SWITCH_IMPL_H
#define CASTSWITCH_CORE_SWITCH_IMPL_H

#include "castswitch/fdb.h"
#include "castswitch/mdb.h"
#include "castswitch/mroute.h"
#include "castswitch/portset.h"
#include "castswitch/querier.h"
#include "castswitch/switch.h"
#include "castswitch/tbucket.h"
#include "castswitch/timerq.h"

enum {
	SW_SLOW_MAX = 2 * SW_BATCH, /* a frame can ask for learning and be a control message */
	SW_OWN_FRAME = 1600,        /* longest frame of our own: a query with 64 IPv6 sources */
};

#define SW_RESUME_ASK NSEC_PER_SEC /* between the two queries to a port that was suspended */

struct sw_port {
	struct sw_port_params params;
	struct sw_port_ops ops;
	void *arg;
	struct sw *sw;
	uint16_t id;
	bool up, suspended;
	struct sw_port_stats stats;
	struct fdb_port fdb;
	struct mdb_port mdb;
	struct timer ask_again;     /* after it came back from suspension */
	struct tbucket gm_rate;     /* params.gm_rate */
	struct timer router_expiry; /* a learned router port's life; static ones never expire */
	bool is_router;
	/* Until then unregistered multicast of a family floods here: hosts were not asked yet (flood_until_querier). */
	struct mono flood_until[GM_FAMILIES];
	/* What the present batch sends here. */
	struct sw_tx tx[SW_BATCH];
	size_t n_tx;
	bool touched; /* in sw.touched */
};

/* Where non-IP frames to a group MAC go, by switch_add_static_group_mac(). */
struct sw_mac_group {
	struct hmap_node node;
	uint64_t key; /* fdb_key() */
	struct portset ports; /* also those that are down */
};

enum sw_slow_kind { SW_SLOW_LEARN, SW_SLOW_GM, SW_SLOW_ROUTER };

/* Work the fast path leaves behind; handled before switch_rx() returns, while the frame is valid. */
struct sw_slow {
	enum sw_slow_kind kind;
	const struct frame *frame;
};

struct sw {
	struct sw_params params;
	struct sw_ops ops;
	void *arg;
	struct sw_port *ports[SW_MAX_PORTS];
	uint32_t n_ports;

	/* Read by the fast path. */
	struct fdb fdb;
	struct mroute_table routes;
	struct hmap mac_groups;
	struct portset up;      /* all ports that are up: the flood list */
	struct portset routers; /* router ports that are up: they get reports */
	struct portset flood_unregistered, flood_reports; /* ports that are up and have these set */
	struct portset all_multicast; /* ports that are up and want all multicast, whoever asked and whatever the policy */
	struct portset takers;  /* both of these: they get every group */
	bool active[GM_FAMILIES];         /* somebody queries */
	struct mono flood_until[GM_FAMILIES]; /* the latest of the ports' */

	/* Owned by the slow path. */
	struct mdb mdb;
	struct querier querier[GM_FAMILIES];
	struct timerq timers; /* router ports */
	struct sw_slow slow[SW_SLOW_MAX];
	size_t n_slow;

	/* The batch. */
	const struct sw_port *in;
	const struct frame *frame; /* being decided */
	struct mono now;
	uint16_t touched[SW_MAX_PORTS];
	size_t n_touched;
	unsigned copies; /* made of the present frame */
};

static inline void
sw_drop(struct sw_port *p, enum drop_reason r)
{
	p->stats.drops[r]++;
}

static inline enum gm_family
sw_family_of(const struct frame *f)
{
	return f->ethertype == ETHERTYPE_IPV4 ? GM_IGMP : GM_MLD;
}

/* --- switch_fwd.c --- */
/* Adds the present frame to a port's list, unless it is the ingress or down. */
void sw_copy_to(struct sw *sw, uint16_t id);
void sw_copy_visit(void *sw, uint16_t id); /* sw_copy_to() for portset_each_of_both() */
void sw_copy_to_set(struct sw *sw, const struct portset *set);
/* Sends the present frame where its destination MAC is; returns why it could not, should nothing have been sent. */
enum drop_reason sw_unicast(struct sw *sw, const struct frame *f);
/* Hands out what was collected for one port, or for all. */
void sw_flush_port(struct sw_port *p, struct mono now);
void sw_flush(struct sw *sw);

/* --- switch_slow.c --- */
void sw_slow_run(struct sw *sw, struct sw_port *in);
/* A port becomes a router port for 'life' (0 = for good), or stops being one. */
void sw_router_add(struct sw *sw, struct sw_port *p, nsec_t life, struct mono now);
void sw_router_remove(struct sw *sw, struct sw_port *p, struct mono now);
void sw_router_fired(struct timer *t, void *arg, struct mono now);
/* querier_ops and mdb_ops of a switch; arg is the struct sw. */
extern const struct querier_ops sw_querier_ops;
extern const struct mdb_ops sw_mdb_ops;
/* Keeps the sets of router ports and takers right when a port goes up or down. */
void sw_update_takers(struct sw *sw, struct sw_port *p);
/* Takes over the querier's timing and whether anybody asks. */
void sw_apply_querier(struct sw *sw, enum gm_family family);

/* --- switch_static.c --- */
/* The ports that frames to this group MAC go to, or NULL when nobody named any. */
const struct portset *sw_mac_group_find(const struct sw *sw, uint16_t vid, const struct mac *group);

/* --- switch_reconf.c --- */
/* The settings of the membership database. */
struct mdb_limits sw_mdb_limits(const struct sw_snooping *s);
struct mdb_port_params sw_mdb_port_params(const struct sw_port_params *p);

/* --- switch.c --- */
/* Takes over params.gm_rate; a rate that did not change keeps its bucket. */
void sw_port_set_rate(struct sw_port *p, struct mono now);
void sw_event(struct sw *sw, const struct sw_event *ev, struct mono now);

#endif
