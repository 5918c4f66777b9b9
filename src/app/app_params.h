/* From the configuration's model to the parameters of switch, ports and sessions. */
#ifndef CASTSWITCH_APP_PARAMS_H
#define CASTSWITCH_APP_PARAMS_H

#include "castswitch/conf.h"
#include "castswitch/port_peer.h"
#include "castswitch/session.h"
#include "castswitch/switch.h"

/* The switch's; mac stays zero and querier addresses are those of the file. */
void app_switch_params(const struct conf_switch *sw, const struct conf_snooping *snooping, struct sw_params *ret);
/* Where the file names no querier address: the first of each family that the tap has. */
void app_querier_addresses(const struct conf_prefixes *tap, struct sw_params *params);
void app_port_params(const struct conf_port *conf, enum sw_port_kind kind, const char *name, struct sw_port_params *ret);
/* What our side of a tunnel can, and its software's name; role and ids are the caller's. */
void app_session_params(struct session_params *ret);
/* What becomes of frames to and from a peer. */
struct port_peer_policy app_policy(const struct conf_tunnel *conf);
/* The longest datagram that an overlay of this MTU has use for. */
uint16_t app_max_datagram(uint32_t mtu);
/* A MAC of the switch's own: locally administered, random. */
struct mac app_switch_mac(const struct rng *rng);

const char *app_aead_name(uint8_t aead);
const char *app_end_text(const struct session_close_info *info, char *buf, size_t len);

#endif
