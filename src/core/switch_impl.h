/* What the files of the switch share.  See castswitch/switch.h for the ideas. */
#ifndef CASTSWITCH_CORE_SWITCH_IMPL_H
#define CASTSWITCH_CORE_SWITCH_IMPL_H

#include "castswitch/fdb.h"
#include "castswitch/list.h"
#include "castswitch/mdb.h"
#include "castswitch/mroute.h"
#include "castswitch/portset.h"
#include "castswitch/querier.h"
#include "castswitch/switch.h"
#include "castswitch/tbucket.h"
#include "castswitch/timerq.h"

enum {
	SW_VLANS = 4096,
	/* A frame can be the first of its VLAN, ask for learning and be a control message. */
	SW_SLOW_MAX = 3 * SW_BATCH,
	SW_OWN_FRAME = 1600, /* longest frame of our own: a query with 64 IPv6 sources */
	SW_PACE_FRAMES = 64, /* general queries sent in one step; the next is SW_PACE_GAP later */
};

#define SW_PACE_GAP (5 * NSEC_PER_MSEC)
#define SW_RESUME_ASK NSEC_PER_SEC     /* between the two queries to a port that was suspended */
#define SW_TOPOLOGY_DELAY NSEC_PER_SEC /* links that change together are one change */

struct sw_port {
	struct sw_port_params params;
	struct sw_port_ops ops;
	void *arg;
	struct sw *sw;
	uint16_t id;
	bool up, suspended;
	bool was_up; /* ever */
	struct sw_port_stats stats;
	struct fdb_port fdb;
	struct mdb_port mdb;
	struct tbucket gm_rate; /* params.gm_rate */
	struct list routers;    /* struct sw_router of this port */
	uint16_t n_vlans;       /* it is the maker of */
	struct list asking;     /* in sw.pace.asking while VLANs are left to be asked */
	uint16_t ask_vid;       /* the first of them */
	struct timer ask_again; /* after it came back from suspension */
	/* What the present batch sends here. */
	struct sw_tx tx[SW_BATCH];
	size_t n_tx;
	bool touched; /* in sw.touched */
};

/* A port that gets what is not registered until its hosts had the time to say what they want (flood_until_querier). */
struct sw_unasked {
	uint16_t port;
	struct mono until[GM_FAMILIES];
};

/* A router port that was learned. */
struct sw_router {
	struct list by_vlan, by_port;
	struct timer expiry;
	struct sw_vlan *vlan;
	struct sw_port *port;
};

/* A general query (and a router solicitation) on its way to many ports. */
struct sw_round {
	struct list node; /* in sw.pace.rounds while it is under way */
	struct sw_vlan *vlan;
	struct gm_build query; /* without pointers */
	bool asks, solicits;
	bool bridged_only; /* not to taps and peers */
	bool again;        /* another one was wanted meanwhile: begin anew at the end */
	uint16_t next;     /* the first port not served yet */
};

/* What is a VLAN's own; without vlan_aware there is only VLAN 0. */
struct sw_vlan {
	struct sw *sw;
	uint16_t vid;

	/* Read by the fast path, which stamps 'seen'. */
	struct mono seen;
	struct portset routers;   /* router ports that are up: they get reports */
	struct portset takers;    /* these and the ports that want all multicast: they get every group */
	bool active[GM_FAMILIES]; /* somebody queries */
	struct sw_unasked *unasked;
	size_t n_unasked, cap_unasked;
	struct mono flood_until[GM_FAMILIES]; /* the latest of 'unasked' */

	/* Owned by the slow path. */
	struct querier querier[GM_FAMILIES];
	struct mdb_timing timing[GM_FAMILIES];
	struct sw_round round[GM_FAMILIES];
	struct timer query_timer; /* the queriers' next deadline */
	struct timer idle;        /* when it may be forgotten; VLAN 0 never is */
	struct list learned;      /* struct sw_router */
	struct sw_port *maker;    /* the peer that sent its first frame, while it is up */
	uint32_t n_members;       /* (group, port) */
};

/* Where non-IP frames to a group MAC go, by switch_add_static_group_mac(). */
struct sw_mac_group {
	struct hmap_node node;
	uint64_t key; /* fdb_key() */
	struct portset ports; /* also those that are down */
};

enum sw_slow_kind {
	SW_SLOW_FIRST, /* the frame of a VLAN that does not exist yet */
	SW_SLOW_LEARN,
	SW_SLOW_GM,
	SW_SLOW_ROUTER,
};

/* Work the fast path leaves behind; handled before switch_rx() returns, while the frame is valid. */
struct sw_slow {
	enum sw_slow_kind kind;
	const struct frame *frame;
};

/* General queries in steps, so that a thousand ports don't answer, and don't fill their sockets, all at once. */
struct sw_pace {
	struct timer timer;
	struct mono step; /* when the present step began */
	unsigned sent;    /* in it */
	struct list asking; /* struct sw_port */
	struct list rounds; /* struct sw_round */
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
	struct sw_vlan *vlans[SW_VLANS]; /* 0 is always there */
	struct portset up;      /* all ports that are up: the flood list */
	struct portset flood_unregistered, flood_reports; /* ports that are up and have these set */
	struct portset all_multicast; /* ports that are up and want all multicast, whoever asked and whatever the policy */

	/* Owned by the slow path. */
	struct mdb mdb;
	struct timerq timers;
	uint32_t n_vlans;
	const struct mac *reporter; /* whose report is being handled; NULL: it is something else */
	struct sw_pace pace;
	struct timer topology; /* then hosts that may have moved are asked */
	struct sw_slow slow[SW_SLOW_MAX];
	size_t n_slow;

	/* The batch. */
	struct sw_port *in;
	const struct frame *batch;
	uint64_t route_hash[SW_BATCH]; /* where to look for the group of each frame of the batch; 0 = it has none */
	const struct frame *frame;   /* being decided */
	const struct sw_vlan *vlan;  /* of it */
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

/* The VLAN that an id stands for. */
static inline uint16_t
sw_vid(const struct sw *sw, uint16_t vid)
{
	return sw->params.vlan_aware ? vid : 0;
}

static inline struct sw_vlan *
sw_vlan_of(const struct sw *sw, const struct frame *f)
{
	return sw->vlans[sw_vid(sw, f->vid)];
}

/* --- switch_fwd.c --- */
/* Adds the present frame to a port's list, unless it is the ingress or down. */
void sw_copy_to(struct sw *sw, uint16_t id);
void sw_copy_visit(void *sw, uint16_t id); /* sw_copy_to() for portset_each_of_both() */
void sw_copy_to_set(struct sw *sw, const struct portset *set);
/* Makes the frame, of this VLAN, the one that is copied. */
void sw_present(struct sw *sw, const struct sw_vlan *v, const struct frame *f);
/* Sends the present frame where its destination MAC is; returns why it could not, should nothing have been sent. */
enum drop_reason sw_unicast(struct sw *sw, const struct frame *f);
/* All that is done for a frame once it is known to be sound and its VLAN to exist; or why it is dropped. */
enum drop_reason sw_forward(struct sw *sw, struct sw_vlan *v, const struct frame *f);
/* Hands out what was collected for one port, or for all. */
void sw_flush_port(struct sw_port *p, struct mono now);
void sw_flush(struct sw *sw);

/* --- switch_slow.c --- */
void sw_slow_run(struct sw *sw, struct sw_port *in);
extern const struct mdb_ops sw_mdb_ops; /* arg is the struct sw */

/* --- switch_vlan.c --- */
/* Makes the context of a VLAN that has none; for the port that sent in it, or NULL.  NULL when there is no memory, or
 * the port is a peer that has made its share. */
struct sw_vlan *sw_vlan_open(struct sw *sw, uint16_t vid, struct sw_port *maker, struct mono now);
void sw_vlan_close(struct sw_vlan *v, struct mono now);
/* The present one, or the next VLAN that exists; NULL at the end. */
struct sw_vlan *sw_vlan_from(const struct sw *sw, uint32_t vid);
#define SW_VLAN_EACH(v, sw) for (struct sw_vlan *v = sw_vlan_from(sw, 0); v; v = sw_vlan_from(sw, v->vid + 1U))
/* Takes over another aging time. */
void sw_vlan_set_aging(struct sw_vlan *v, struct mono now);
/* A port went down: what it made and nobody needs is closed, the rest is nobody's. */
void sw_vlan_release_port(struct sw *sw, struct sw_port *p, struct mono now);
/* Until then, at least, the port gets what is not registered, unless it is a peer or the user doesn't want that. */
void sw_vlan_flood_until(struct sw_vlan *v, const struct sw_port *p, enum gm_family family, struct mono until);
/* Takes the port out of all that it may be in while it is down. */
void sw_vlan_forget_port(struct sw_vlan *v, const struct sw_port *p);
/* Keeps all sets of ports right, or a VLAN's, when a port's settings or state change. */
void sw_update_sets(struct sw *sw, struct sw_port *p);
void sw_vlan_update_sets(struct sw_vlan *v, const struct sw_port *p);

/* --- switch_router.c --- */
bool sw_is_router(const struct sw_vlan *v, const struct sw_port *p);
struct sw_router *sw_router_find(const struct sw_vlan *v, const struct sw_port *p);
/* The port is a router port of the VLAN for 'life'. */
void sw_router_learn(struct sw_vlan *v, struct sw_port *p, nsec_t life, struct mono now);
/* It no longer is, by what was learned. */
void sw_router_forget(struct sw_vlan *v, struct sw_port *p, struct mono now);
void sw_router_forget_all(struct sw_port *p, struct mono now);
/* The port's settings changed from 'was' (enum sw_router_mode). */
void sw_router_reconfigure(struct sw *sw, struct sw_port *p, uint8_t was, struct mono now);

/* --- switch_query.c: our own frames --- */
extern const struct querier_ops sw_querier_ops; /* arg is the struct sw_vlan */
/* Takes over the queriers' timing, whether anybody asks, and the next deadline; after what may have changed them. */
void sw_vlan_apply_querier(struct sw_vlan *v, struct mono now);
void sw_query_fired(struct timer *t, void *arg, struct mono now);
void sw_pace_init(struct sw_pace *pace);
void sw_pace_fired(struct timer *t, void *arg, struct mono now);
/* Router solicitations to all ports of a VLAN. */
void sw_solicit_all(struct sw_vlan *v, struct mono now);
/* Asks the hosts behind a port in all VLANs; returns the time by which they answer, 'now' when nobody is asked. */
struct mono sw_port_ask(struct sw *sw, struct sw_port *p, struct mono now);
void sw_port_ask_again(struct timer *t, void *arg, struct mono now);
/* A link behind which there may be switches changed. */
void sw_topology_changed(struct sw *sw, const struct sw_port *p, struct mono now);
void sw_topology_fired(struct timer *t, void *arg, struct mono now);

/* --- switch_static.c --- */
/* The ports that frames to this group MAC go to, or NULL when nobody named any. */
const struct portset *sw_mac_group_find(const struct sw *sw, uint16_t vid, const struct mac *group);

/* --- switch_reconf.c: what the membership database has of the settings --- */
struct mdb_limits sw_mdb_limits(const struct sw_snooping *s);
struct mdb_port_params sw_mdb_port_params(const struct sw_port_params *p);

/* --- switch_port.c --- */
void sw_port_free(struct sw *sw, struct sw_port *p);
/* Gives up the elected queriers behind it. */
void sw_port_forget_queriers(struct sw *sw, struct sw_port *p, struct mono now);
/* Takes over params.gm_rate; a rate that did not change keeps its bucket. */
void sw_port_set_rate(struct sw_port *p, struct mono now);

/* --- switch.c --- */
void sw_event(struct sw *sw, const struct sw_event *ev, struct mono now);

#endif
