/* What tmsg_tlv.c and tmsg_net.c share: the TLVs of a PUSH that are about addresses. */
#ifndef CASTSWITCH_WIRE_TMSG_NET_H
#define CASTSWITCH_WIRE_TMSG_NET_H

#include "castswitch/cursor.h"
#include "castswitch/tmsg.h"

enum tmsg_net_tlv {
	TLV_ADDRESS = 32,
	TLV_ROUTE = 37,
	TLV_GATEWAY = 38,
	TLV_DNS = 39,
	TLV_DOMAINS = 40,
};

/* The value of one of these TLVs; true also for any other type, which changes nothing. */
bool tmsg_net_get(uint16_t type, struct rcur value, struct tmsg_push *p);
/* All of them, with their heads; the cursor fails when a value is out of range. */
void tmsg_net_put(struct wcur *w, const struct tmsg_push *p);

#endif
