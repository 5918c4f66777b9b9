/* Static entries: MACs and groups that stay at their ports, whatever is heard. */
#include <stdlib.h>

#include "switch_impl.h"

/* --- MACs --- */

static uint64_t
sw_static_key(const struct sw *sw, uint16_t vid, const struct mac *mac)
{
	return fdb_key(sw->params.vlan_aware ? vid : 0, mac);
}

bool
switch_add_static_mac(struct sw *sw, struct sw_port *port, uint16_t vid, const struct mac *mac, bool sticky,
		      struct mono now)
{
	return fdb_add_static(&sw->fdb, port ? &port->fdb : NULL, sw_static_key(sw, vid, mac), sticky, now);
}

void
switch_clear_static_macs(struct sw *sw, struct sw_port *port)
{
	fdb_clear_static(&sw->fdb, port ? &port->fdb : NULL);
}

/* --- groups of frames that are not IP --- */

static struct sw_mac_group *
sw_mac_group_lookup(const struct sw *sw, uint64_t key)
{
	HMAP_EACH_WITH_HASH (g, &sw->mac_groups, hash_u64(&sw->fdb.key, key), struct sw_mac_group, node)
		if (g->key == key)
			return g;
	return NULL;
}

const struct portset *
sw_mac_group_find(const struct sw *sw, uint16_t vid, const struct mac *group)
{
	const struct sw_mac_group *g = sw->mac_groups.n ? sw_mac_group_lookup(sw, fdb_key(vid, group)) : NULL;
	return g ? &g->ports : NULL;
}

static void
sw_mac_group_remove(struct sw *sw, struct sw_mac_group *g, uint16_t port)
{
	portset_remove(&g->ports, port);
	if (g->ports.n)
		return;
	hmap_remove(&sw->mac_groups, &g->node);
	portset_fini(&g->ports);
	free(g);
}

bool
switch_add_static_group_mac(struct sw *sw, struct sw_port *port, uint16_t vid, const struct mac *group, struct mono now)
{
	const uint64_t key = sw_static_key(sw, vid, group);
	struct sw_mac_group *g = sw_mac_group_lookup(sw, key);
	(void)now;
	if (!mac_is_group(group))
		return false;
	if (!g) {
		g = calloc(1, sizeof(*g));
		if (!g)
			return false;
		g->key = key;
		portset_init(&g->ports);
		hmap_insert(&sw->mac_groups, &g->node, hash_u64(&sw->fdb.key, key));
	}
	if (portset_add(&g->ports, port->id))
		return true;
	sw_mac_group_remove(sw, g, port->id);
	return false;
}

/* --- groups --- */

bool
switch_add_static_group(struct sw *sw, struct sw_port *port, uint16_t vid, const struct ipaddr *group,
			const struct ipaddr *source, struct mono now)
{
	if (!ipaddr_is_multicast(group) || ipaddr_group_always_floods(group))
		return false;
	(void)now;
	return mdb_static_add(&sw->mdb, &port->mdb, sw->params.vlan_aware ? vid : 0, group, source);
}

void
switch_clear_static_groups(struct sw *sw, struct sw_port *port, struct mono now)
{
	HMAP_EACH_SAFE (g, tmp, &sw->mac_groups, struct sw_mac_group, node)
		sw_mac_group_remove(sw, g, port->id);
	mdb_static_clear(&sw->mdb, &port->mdb);
	(void)now;
}
