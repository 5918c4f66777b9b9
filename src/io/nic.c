/* A packet socket on an Ethernet interface (nic.h). */
#include "castswitch/nic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <net/if_arp.h>

#include "nic_impl.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23 /* Linux 4.20 */
#endif

/* Below 1536 it is no ethertype, so no frame has it; 0 would mean "the one before" to bind(). */
enum { PROTOCOL_NONE = 0x05ff };

/* --- opening --- */

static int
tx_init(struct nic *n)
{
	n->tx = calloc(NIC_BATCH, sizeof(*n->tx));
	n->tx_msgs = calloc(NIC_BATCH, sizeof(*n->tx_msgs));
	if (!n->tx || !n->tx_msgs)
		return -ENOMEM;
	for (unsigned i = 0; i < NIC_BATCH; i++) {
		n->tx[i].iov[0] = (struct iovec){ &n->tx[i].vnet, sizeof(n->tx[i].vnet) };
		n->tx_msgs[i].msg_hdr.msg_iov = n->tx[i].iov;
	}
	return 0;
}

static int
set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

static void
set_buffer(int fd, int force, int plain)
{
	if (set_int(fd, SOL_SOCKET, force, NIC_BUFFER) < 0)
		(void)set_int(fd, SOL_SOCKET, plain, NIC_BUFFER);
}

/* Protocol 0: until it is bound the socket gets no frames, least of all those of other interfaces. */
static int
socket_open(struct nic *n)
{
	int err;

	n->fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (n->fd < 0)
		return -errno;
	err = set_int(n->fd, SOL_PACKET, PACKET_VNET_HDR, 1);
	if (!err)
		err = set_int(n->fd, SOL_PACKET, PACKET_AUXDATA, 1);
	(void)set_int(n->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1); /* saves a copy only, nic_rx.c looks as well */
	set_buffer(n->fd, SO_RCVBUFFORCE, SO_RCVBUF);
	set_buffer(n->fd, SO_SNDBUFFORCE, SO_SNDBUF);
	return err;
}

static int
init(struct nic *n)
{
	int err = nic_rx_init(&n->rx);

	if (!err)
		err = tx_init(n);
	return err ? err : socket_open(n);
}

struct nic *
nic_open(const char *name, char *err, size_t errlen)
{
	struct nic *n;
	int r;

	if (!*name || strlen(name) >= IFNAMSIZ) {
		snprintf(err, errlen, "%s: not a name for an interface", name);
		return NULL;
	}
	n = calloc(1, sizeof(*n));
	if (n) {
		n->fd = -1;
		memcpy(n->name, name, strlen(name));
	}
	r = n ? init(n) : -ENOMEM;
	if (!r)
		return n;
	nic_close(n);
	if (r == -EPERM)
		snprintf(err, errlen, "%s: not permitted to open a packet socket (it takes CAP_NET_RAW)", name);
	else
		snprintf(err, errlen, "%s: can't open a packet socket: %s", name, strerror(-r));
	return NULL;
}

void
nic_close(struct nic *n)
{
	if (!n)
		return;
	if (n->fd >= 0)
		close(n->fd);
	nic_rx_fini(&n->rx);
	free(n->tx);
	free(n->tx_msgs);
	free(n);
}

/* --- the interface --- */

static int
interface_bind(const struct nic *n, unsigned ifindex, uint16_t protocol)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = htons(protocol) };

	a.sll_ifindex = (int)ifindex;
	return bind(n->fd, (const struct sockaddr *)&a, sizeof(a)) < 0 ? -errno : 0;
}

static int
interface_promisc(const struct nic *n, unsigned ifindex, int action)
{
	struct packet_mreq mr = { .mr_type = PACKET_MR_PROMISC };

	mr.mr_ifindex = (int)ifindex;
	return setsockopt(n->fd, SOL_PACKET, action, &mr, sizeof(mr)) < 0 ? -errno : 0;
}

static int
interface_check(const struct nic *n)
{
	struct sockaddr_ll a;
	socklen_t len = sizeof(a);

	if (getsockname(n->fd, (struct sockaddr *)&a, &len) < 0)
		return -errno;
	return a.sll_hatype == ARPHRD_ETHER ? 0 : -EMEDIUMTYPE;
}

int
nic_attach(struct nic *n, unsigned ifindex)
{
	int old_error, err;
	socklen_t len = sizeof(old_error);

	nic_detach(n);
	if (ifindex == 0)
		return -ENODEV;
	n->ifindex = ifindex;
	err = interface_bind(n, ifindex, ETH_P_ALL);
	if (!err)
		err = interface_check(n);
	if (!err)
		err = interface_promisc(n, ifindex, PACKET_ADD_MEMBERSHIP);
	if (err)
		nic_detach(n);
	/* What became of the interface before; also set when this one is down. */
	(void)getsockopt(n->fd, SOL_SOCKET, SO_ERROR, &old_error, &len);
	return err;
}

void
nic_detach(struct nic *n)
{
	if (n->ifindex) {
		(void)interface_promisc(n, n->ifindex, PACKET_DROP_MEMBERSHIP); /* went with it when it is gone */
		(void)interface_bind(n, 0, PROTOCOL_NONE);
	}
	n->ifindex = 0;
	nic_rx_clear(&n->rx);
}

unsigned
nic_ifindex(const struct nic *n)
{
	return n->ifindex;
}

int
nic_fd(const struct nic *n)
{
	return n->fd;
}

const char *
nic_name(const struct nic *n)
{
	return n->name;
}

const struct nic_stats *
nic_stats(struct nic *n)
{
	struct tpacket_stats s;
	socklen_t len = sizeof(s);

	/* Reading them sets them to zero. */
	if (getsockopt(n->fd, SOL_PACKET, PACKET_STATISTICS, &s, &len) == 0)
		n->stats.drops[DROP_NIC_OVERRUN] += s.tp_drops;
	return &n->stats;
}

/* --- sending --- */

static void
gso_write(struct virtio_net_hdr *vnet, const struct frame *f)
{
	memset(vnet, 0, sizeof(*vnet));
	if (f->gso.size) {
		vnet->gso_type = f->gso.type;
		vnet->gso_size = f->gso.size;
	}
	if (f->gso.needs_csum) {
		vnet->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		vnet->csum_start = f->gso.csum_start;
		vnet->csum_offset = f->gso.csum_offset;
	}
}

void
nic_send(struct nic *n, const struct frame *f, const struct mac *dst)
{
	struct nic_tx_slot *slot;
	struct iovec *iov;

	if (n->n_tx == NIC_BATCH)
		nic_flush(n);
	slot = &n->tx[n->n_tx];
	iov = &slot->iov[1];
	gso_write(&slot->vnet, f);
	slot->len = f->len;
	if (dst && f->len >= sizeof(dst->b)) {
		*iov++ = (struct iovec){ (void *)(uintptr_t)dst->b, sizeof(dst->b) };
		*iov++ = (struct iovec){ f->data + sizeof(dst->b), f->len - sizeof(dst->b) };
	} else {
		*iov++ = (struct iovec){ f->data, f->len };
	}
	n->tx_msgs[n->n_tx++].msg_hdr.msg_iovlen = (size_t)(iov - slot->iov);
}

static enum drop_reason
reason_of(int errnum)
{
	switch (errnum) {
	case ENOBUFS: /* the interface's queue */
	case ENOMEM:
		return DROP_EGRESS_FULL;
	case EMSGSIZE:
		return DROP_LINK_MTU;
	case ENETDOWN:
	case ENXIO: /* not attached */
	case ENODEV:
		return DROP_PORT_DOWN;
	default:
		return DROP_SEND_ERROR;
	}
}

void
nic_flush(struct nic *n)
{
	unsigned at = 0;

	while (at < n->n_tx) {
		const int r = sendmmsg(n->fd, n->tx_msgs + at, n->n_tx - at, MSG_DONTWAIT);

		if (r < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			n->stats.drops[DROP_EGRESS_FULL] += n->n_tx - at;
			break;
		}
		if (r < 0 && errno != EINTR) {
			n->stats.drops[reason_of(errno)]++;
			at++;
		}
		for (int i = 0; i < r; i++)
			n->stats.tx_bytes += n->tx[at++].len;
		n->stats.tx_frames += r > 0 ? (unsigned)r : 0;
	}
	n->n_tx = 0;
}
