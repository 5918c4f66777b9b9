/* Views of the switch as JSON for the control socket: the shapes of ctl.h. */
#ifndef CASTSWITCH_CTL_SWITCH_H
#define CASTSWITCH_CTL_SWITCH_H

#include <jansson.h>

#include "castswitch/ctl.h"
#include "castswitch/mono.h"
#include "castswitch/switch.h"

/* A switch to look at, and its clock; owned by the caller, must outlive the ctl it is registered with. */
struct ctl_switch_view {
	const struct sw *sw;
	struct mono (*now)(void *arg);
	void *arg;
};

/* Registers the commands groups, ports, routers, fdb and watch.  0 or as ctl_register(). */
int ctl_switch_register(struct ctl *c, struct ctl_switch_view *view);

/* Each returns a new reference, NULL when out of memory. */
json_t *ctl_switch_groups(const struct sw *sw, struct mono now);
json_t *ctl_switch_ports(const struct sw *sw);
json_t *ctl_switch_routers(const struct sw *sw, struct mono now);
json_t *ctl_switch_fdb(const struct sw *sw, struct mono now);
/* {"igmp":{...},"mld":{...}} of VLAN 0. */
json_t *ctl_switch_querier(const struct sw *sw);
/* [{"vlan","querier":{"igmp":{...},"mld":{...}}}] of the VLANs there are. */
json_t *ctl_switch_vlans(const struct sw *sw);
/* Appends {"where","reason","count","text"} for every counter that is not zero. */
void ctl_add_drops(json_t *list, const char *where, const uint64_t drops[DROP_MAX]);
/* The drops of all ports, each under its name. */
void ctl_switch_add_drops(const struct sw *sw, json_t *list);

#endif
