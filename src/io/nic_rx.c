/* A packet socket on an Ethernet interface: receiving (nic.h). */
#include "castswitch/nic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nic_impl.h"

enum {
	ETH_ADDRS_LEN = 12,
	/* In front of a frame: the headroom, a VLAN tag to be put back, and 2 bytes that put the IP header on a 4-byte
	 * boundary. */
	FRONT = FRAME_HEADROOM + VLAN_TAG_LEN + 2,
	/* A superframe: an IP packet of any length behind the Ethernet header and tags. */
	READ_MAX = ETH_HDR_LEN + FRAME_MAX_TAGS * VLAN_TAG_LEN + 65536,
	STRIDE = (FRONT + READ_MAX + 15) / 16 * 16,
	CUT_STRIDE = (FRONT + FRAME_MAX_PLAIN + 15) / 16 * 16,
	RECV_TRIES = 4, /* each failed receive call takes one error off the socket */
	/* Messages per call are halved above FRAMES_MANY frames in a turn, and doubled up to FRAMES_FEW: a turn of
	 * superframes must not keep others waiting. */
	FRAMES_MANY = 4 * NIC_BATCH,
	FRAMES_FEW = FRAMES_MANY / 2,
};

_Static_assert((int)SEGMENT_TCPV4 == VIRTIO_NET_HDR_GSO_TCPV4 && (int)SEGMENT_TCPV6 == VIRTIO_NET_HDR_GSO_TCPV6 &&
		       (int)SEGMENT_UDP_FRAGMENTS == VIRTIO_NET_HDR_GSO_UDP &&
		       (int)SEGMENT_ECN == VIRTIO_NET_HDR_GSO_ECN,
	       "segment.h has the numbers of the virtio specification");

int
nic_rx_init(struct nic_rx *rx)
{
	rx->buffers = aligned_alloc(16, (size_t)NIC_BATCH * STRIDE);
	rx->cuts = aligned_alloc(16, (size_t)NIC_BATCH * CUT_STRIDE);
	rx->slots = calloc(NIC_BATCH, sizeof(*rx->slots));
	rx->msgs = calloc(NIC_BATCH, sizeof(*rx->msgs));
	if (!rx->buffers || !rx->cuts || !rx->slots || !rx->msgs)
		return -ENOMEM;
	rx->max = NIC_BATCH;
	for (unsigned i = 0; i < NIC_BATCH; i++) {
		struct nic_rx_slot *slot = &rx->slots[i];

		slot->iov[0] = (struct iovec){ &slot->vnet, sizeof(slot->vnet) };
		slot->iov[1] = (struct iovec){ rx->buffers + (size_t)i * STRIDE + FRONT, READ_MAX };
		rx->msgs[i].msg_hdr = (struct msghdr){ .msg_iov = slot->iov,
						       .msg_iovlen = 2,
						       .msg_name = &slot->from,
						       .msg_namelen = sizeof(slot->from),
						       .msg_control = slot->control.bytes,
						       .msg_controllen = sizeof(slot->control.bytes) };
	}
	return 0;
}

void
nic_rx_fini(struct nic_rx *rx)
{
	free(rx->buffers);
	free(rx->cuts);
	free(rx->slots);
	free(rx->msgs);
}

void
nic_rx_clear(struct nic_rx *rx)
{
	rx->next = rx->n;
	rx->cutting.more = false;
}

/* A frame of the interface that this host did not send itself; frames of an interface attached before may still wait in
 * the socket. */
static bool
is_incoming(const struct nic *n, const struct nic_rx_slot *slot)
{
	return slot->from.sll_ifindex == (int)n->ifindex && slot->from.sll_pkttype != PACKET_OUTGOING &&
	       slot->from.sll_pkttype != PACKET_LOOPBACK;
}

/* The outermost tag, which the kernel takes off every frame, goes back between the addresses and the ethertype; the
 * vnet header's offset does not know it. */
static void
tag_restore(struct frame *f, const struct tpacket_auxdata *aux)
{
	const uint16_t tpid = aux->tp_status & TP_STATUS_VLAN_TPID_VALID ? aux->tp_vlan_tpid : ETHERTYPE_VLAN;

	if (!(aux->tp_status & TP_STATUS_VLAN_VALID) || f->len < ETH_ADDRS_LEN)
		return;
	f->data -= VLAN_TAG_LEN;
	f->len += VLAN_TAG_LEN;
	memmove(f->data, f->data + VLAN_TAG_LEN, ETH_ADDRS_LEN);
	f->data[ETH_ADDRS_LEN] = (uint8_t)(tpid >> 8);
	f->data[ETH_ADDRS_LEN + 1] = (uint8_t)tpid;
	f->data[ETH_ADDRS_LEN + 2] = (uint8_t)(aux->tp_vlan_tci >> 8);
	f->data[ETH_ADDRS_LEN + 3] = (uint8_t)aux->tp_vlan_tci;
	f->gso.csum_start += VLAN_TAG_LEN;
}

static void
gso_read(struct frame *f, const struct virtio_net_hdr *vnet)
{
	f->gso.type = vnet->gso_type;
	f->gso.size = vnet->gso_size;
	f->gso.needs_csum = vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
	f->gso.csum_start = vnet->csum_start;
	f->gso.csum_offset = vnet->csum_offset;
}

static void
message_read(const struct mmsghdr *msg, struct frame *f)
{
	struct msghdr m = msg->msg_hdr; /* CMSG_NXTHDR wants it writable */
	struct tpacket_auxdata aux;

	*f = (struct frame){ .data = m.msg_iov[1].iov_base,
			     .len = msg->msg_len - (uint32_t)sizeof(struct virtio_net_hdr) };
	gso_read(f, m.msg_iov[0].iov_base);
	for (const struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, (struct cmsghdr *)(uintptr_t)c))
		if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA) {
			memcpy(&aux, CMSG_DATA(c), sizeof(aux));
			tag_restore(f, &aux);
		}
}

/* What to do with a frame as the kernel gave it: it is complete behind this, or n->rx.cutting has begun, or it is
 * dropped for the reason returned. */
static enum drop_reason
frame_finish(struct nic *n, struct frame *f)
{
	if (f->gso.type != VIRTIO_NET_HDR_GSO_NONE)
		return segment_start(&n->rx.cutting, f);
	if (f->len > FRAME_MAX_PLAIN)
		return DROP_TRUNCATED;
	if (f->gso.needs_csum && !segment_complete_csum(f))
		return DROP_BAD_GSO;
	memset(&f->gso, 0, sizeof(f->gso));
	return DROP_NONE;
}

/* Takes the next message: 1 when it is a frame, now in *ret; 0 when it isn't one, or one to be cut. */
static unsigned
message_take(struct nic *n, struct frame *ret)
{
	const struct mmsghdr *m = &n->rx.msgs[n->rx.next];
	enum drop_reason reason;

	if (!is_incoming(n, &n->rx.slots[n->rx.next++]) || m->msg_len < sizeof(struct virtio_net_hdr))
		return 0;
	if (m->msg_hdr.msg_flags & MSG_TRUNC) {
		n->stats.drops[DROP_TRUNCATED]++;
		return 0;
	}
	message_read(m, ret);
	reason = frame_finish(n, ret);
	if (reason != DROP_NONE)
		n->stats.drops[reason]++;
	return reason == DROP_NONE && !segment_more(&n->rx.cutting);
}

static void
cut_take(struct nic *n, unsigned i)
{
	uint8_t *data = n->rx.cuts + (size_t)i * CUT_STRIDE + FRONT;

	n->rx.frames[i] = (struct frame){ .data = data, .len = segment_next(&n->rx.cutting, data) };
}

/* recvmmsg() without its errors. */
static unsigned
recv_batch(struct nic *n)
{
	for (unsigned i = 0; i < RECV_TRIES; i++) {
		const int r = recvmmsg(n->fd, n->rx.msgs, n->rx.max, MSG_DONTWAIT, NULL);

		if (r >= 0)
			return (unsigned)r;
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return 0;
		if (errno == EINTR)
			continue;
		/* EINVAL: it took a superframe off the socket that no vnet header can describe.  ENETDOWN: the
		 * interface went down, which is for others to tell. */
		if (errno == EINVAL)
			n->stats.drops[DROP_BAD_GSO]++;
		else if (errno != ENETDOWN)
			n->stats.rx_errors++;
	}
	return 0;
}

static void
receive(struct nic *n)
{
	if (n->rx.turn > FRAMES_MANY && n->rx.max > 1)
		n->rx.max /= 2;
	else if (n->rx.turn <= FRAMES_FEW && n->rx.max < NIC_BATCH)
		n->rx.max *= 2;
	n->rx.turn = 0;
	n->rx.next = 0;
	n->rx.n = recv_batch(n);
	for (unsigned i = 0; i < n->rx.n; i++) {
		n->rx.msgs[i].msg_hdr.msg_namelen = sizeof(n->rx.slots[i].from);
		n->rx.msgs[i].msg_hdr.msg_controllen = sizeof(n->rx.slots[i].control.bytes);
	}
}

bool
nic_pending(const struct nic *n)
{
	return segment_more(&n->rx.cutting) || n->rx.next < n->rx.n;
}

int
nic_recv(struct nic *n, struct frame **ret)
{
	unsigned count = 0;

	if (!nic_pending(n))
		receive(n);
	while (count < NIC_BATCH && nic_pending(n)) {
		if (segment_more(&n->rx.cutting))
			cut_take(n, count++);
		else
			count += message_take(n, &n->rx.frames[count]);
	}
	for (unsigned i = 0; i < count; i++)
		n->stats.rx_bytes += n->rx.frames[i].len;
	n->stats.rx_frames += count;
	n->rx.turn += count;
	*ret = n->rx.frames;
	return (int)count;
}
