/* What nic.c and nic_rx.c share. */
#ifndef CASTSWITCH_IO_NIC_IMPL_H
#define CASTSWITCH_IO_NIC_IMPL_H

#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sys/socket.h>

#include "castswitch/nic.h"
#include "castswitch/segment.h"

struct nic_rx_slot {
	struct virtio_net_hdr vnet;
	struct sockaddr_ll from;
	struct iovec iov[2]; /* vnet, frame */
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	} control;
};

/* Messages as the kernel gave them, and what is made of them. */
struct nic_rx {
	uint8_t *buffers;
	struct nic_rx_slot *slots;
	struct mmsghdr *msgs;
	unsigned n, next; /* messages of the last call, and the next one to look at */
	unsigned max;     /* messages of the next call */
	unsigned turn;    /* frames since the last call */

	struct segment cutting; /* the superframe that is being cut, while segment_more() */
	uint8_t *cuts;
	struct frame frames[NIC_BATCH];
};

struct nic_tx_slot {
	struct virtio_net_hdr vnet;
	struct iovec iov[3]; /* vnet, destination when it is another one, (rest of the) frame */
	uint32_t len;
};

struct nic {
	int fd;
	unsigned ifindex;
	char name[IFNAMSIZ];
	struct nic_stats stats;
	struct nic_rx rx;

	struct nic_tx_slot *tx;
	struct mmsghdr *tx_msgs;
	unsigned n_tx;
};

/* 0 or -ENOMEM. */
int nic_rx_init(struct nic_rx *rx);
void nic_rx_fini(struct nic_rx *rx);
/* Forgets what is pending. */
void nic_rx_clear(struct nic_rx *rx);

#endif
