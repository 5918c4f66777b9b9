/* A UDP socket that works in batches (udp.h): opening, receiving, and the two transmit queues (udpq.h) together. */
#include "castswitch/udp.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "castswitch/frame.h"
#include "sockaddr.h"
#include "udpq.h"

enum {
	STRIDE = FRAME_HEADROOM + UDP_DGRAM_MAX,
	RECV_TRIES = 4, /* each failed receive call takes one ICMP error off the socket */
};
_Static_assert(STRIDE % 16 == 0, "every slot is 16-byte aligned");

struct rx_slot {
	union sockaddr_any from;
	struct iovec iov;
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
	} control;
};

struct udp {
	int fd;
	int family;
	uint16_t sock;
	bool connected;
	struct endpoint local;
	int rcvbuf, sndbuf;
	struct udp_notes notes;
	bool blocked;
	struct mono blocked_since;
	struct udp_stats stats;
	struct udpq control, bulk;
	uint8_t *buffers;
	struct rx_slot *slots;
	struct mmsghdr *msgs;
	struct udp_dgram *dgrams;
};

/* --- opening --- */

static int
rx_init(struct udp *u)
{
	u->buffers = aligned_alloc(16, (size_t)UDP_BATCH * STRIDE);
	u->slots = calloc(UDP_BATCH, sizeof(*u->slots));
	u->msgs = calloc(UDP_BATCH, sizeof(*u->msgs));
	u->dgrams = calloc(UDP_BATCH, sizeof(*u->dgrams));
	if (!u->buffers || !u->slots || !u->msgs || !u->dgrams)
		return -ENOMEM;
	for (unsigned i = 0; i < UDP_BATCH; i++) {
		struct msghdr *m = &u->msgs[i].msg_hdr;

		u->slots[i].iov.iov_base = u->buffers + (size_t)i * STRIDE + FRAME_HEADROOM;
		u->slots[i].iov.iov_len = UDP_DGRAM_MAX;
		m->msg_iov = &u->slots[i].iov;
		m->msg_iovlen = 1;
		m->msg_name = &u->slots[i].from;
		m->msg_namelen = sizeof(u->slots[i].from);
		m->msg_control = u->slots[i].control.bytes;
		m->msg_controllen = sizeof(u->slots[i].control.bytes);
	}
	return 0;
}

static int
set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno : 0;
}

/* Forces the size past the system's maximum when we may; the plain option takes what it can get and does not fail.
 * Returns the size that the socket has. */
static int
set_buffer(int fd, int force, int plain, int bytes)
{
	socklen_t len = sizeof(bytes);

	if (set_int(fd, SOL_SOCKET, force, bytes) < 0)
		(void)set_int(fd, SOL_SOCKET, plain, bytes);
	return getsockopt(fd, SOL_SOCKET, plain, &bytes, &len) < 0 ? 0 : bytes;
}

static int
set_options_v4(int fd, bool tos)
{
	int err = set_int(fd, IPPROTO_IP, IP_PKTINFO, 1);

	if (!err)
		err = set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
	if (!err && tos)
		err = set_int(fd, IPPROTO_IP, IP_RECVTOS, 1);
	return err;
}

static int
set_options_v6(int fd, bool tos)
{
	int err = set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);

	if (!err)
		err = set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	if (!err)
		err = set_int(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
	if (!err && tos)
		err = set_int(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
	return err;
}

static int
socket_open(struct udp *u, const struct udp_params *p)
{
	int err;

	u->fd = socket(u->family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (u->fd < 0)
		return -errno;
	err = u->family == AF_INET ? set_options_v4(u->fd, p->recv_tos) : set_options_v6(u->fd, p->recv_tos);
	if (err)
		return err;
	u->rcvbuf = set_buffer(u->fd, SO_RCVBUFFORCE, SO_RCVBUF, p->rcvbuf ? p->rcvbuf : UDP_BUFFER_DEFAULT);
	u->sndbuf = set_buffer(u->fd, SO_SNDBUFFORCE, SO_SNDBUF, p->sndbuf ? p->sndbuf : UDP_BUFFER_DEFAULT);
	return 0;
}

static int
socket_bind(struct udp *u, const struct endpoint *local)
{
	union sockaddr_any a;
	const socklen_t len = sockaddr_from_endpoint(local, &a);

	return bind(u->fd, &a.sa, len) < 0 ? -errno : 0;
}

static int
socket_connect(struct udp *u, const struct endpoint *remote)
{
	union sockaddr_any a;
	const socklen_t len = sockaddr_from_endpoint(remote, &a);

	return connect(u->fd, &a.sa, len) < 0 ? -errno : 0;
}

static int
socket_name(struct udp *u)
{
	union sockaddr_any a;
	socklen_t len = sizeof(a);

	if (getsockname(u->fd, &a.sa, &len) < 0)
		return -errno;
	return sockaddr_to_endpoint(&a.sa, &u->local) ? 0 : -EAFNOSUPPORT;
}

/* "0.0.0.0:22424: address already in use" */
static void
describe(char *err, size_t errlen, const struct endpoint *e, int errnum)
{
	char text[ENDPOINT_STRLEN], why[64];

	snprintf(why, sizeof(why), "%s", strerror(-errnum));
	why[0] = (char)tolower((unsigned char)why[0]);
	snprintf(err, errlen, "%s: %s", endpoint_str(e, text), why);
}

static int
buffers_init(struct udp *u)
{
	int err = udpq_init(&u->control, u->family, u->connected);

	if (!err)
		err = udpq_init(&u->bulk, u->family, u->connected);
	return err ? err : rx_init(u);
}

struct udp *
udp_open(const struct endpoint *local, const struct udp_params *params, char *err, size_t errlen)
{
	const struct endpoint *to = params->connect_to;
	struct endpoint about = *local; /* what an error is about */
	struct udp *u = calloc(1, sizeof(*u));
	int r;

	if (to && ipaddr_is_any(&about.ip) && ipaddr_is_v4(&to->ip))
		about.ip = ipaddr_v4_u32(0);
	if (!u) {
		describe(err, errlen, &about, -ENOMEM);
		return NULL;
	}
	u->fd = -1;
	u->family = sockaddr_family(&about.ip);
	u->sock = params->sock;
	u->connected = to;
	u->blocked_since = MONO_NEVER;
	r = buffers_init(u);
	if (!r)
		r = socket_open(u, params);
	if (!r)
		r = socket_bind(u, &about);
	if (!r && to) {
		about = *to;
		r = socket_connect(u, to);
	}
	if (!r)
		r = socket_name(u);
	if (r) {
		describe(err, errlen, &about, r);
		udp_close(u);
		return NULL;
	}
	return u;
}

void
udp_close(struct udp *u)
{
	if (!u)
		return;
	if (u->fd >= 0)
		close(u->fd);
	udpq_fini(&u->control);
	udpq_fini(&u->bulk);
	free(u->buffers);
	free(u->slots);
	free(u->msgs);
	free(u->dgrams);
	free(u);
}

int
udp_fd(const struct udp *u)
{
	return u->fd;
}

const struct endpoint *
udp_local(const struct udp *u)
{
	return &u->local;
}

int
udp_rcvbuf(const struct udp *u)
{
	return u->rcvbuf;
}

int
udp_sndbuf(const struct udp *u)
{
	return u->sndbuf;
}

const struct udp_stats *
udp_stats(const struct udp *u)
{
	return &u->stats;
}

uint64_t
udp_rx_overflows(const struct udp *u)
{
	uint32_t meminfo[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(meminfo);

	if (getsockopt(u->fd, SOL_SOCKET, SO_MEMINFO, meminfo, &len) < 0)
		return 0;
	return meminfo[SK_MEMINFO_DROPS];
}

/* --- receiving --- */

static void
control_read(const struct cmsghdr *c, struct udp_dgram *d)
{
	struct in_pktinfo v4;
	struct in6_pktinfo v6;
	uint8_t b[4];
	int tclass;

	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
		memcpy(&v4, CMSG_DATA(c), sizeof(v4));
		memcpy(b, &v4.ipi_spec_dst, sizeof(b)); /* ours also when the datagram was a broadcast */
		d->path.local = ipaddr_v4(b);
		d->path.ifindex = (uint32_t)v4.ipi_ifindex;
	} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
		memcpy(&v6, CMSG_DATA(c), sizeof(v6));
		memcpy(d->path.local.b, &v6.ipi6_addr, 16);
		d->path.ifindex = v6.ipi6_ifindex;
	} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
		d->tos = *CMSG_DATA(c);
	} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
		memcpy(&tclass, CMSG_DATA(c), sizeof(tclass));
		d->tos = (uint8_t)tclass;
	}
}

static bool
dgram_read(const struct udp *u, const struct mmsghdr *msg, struct udp_dgram *d)
{
	struct msghdr m = msg->msg_hdr; /* CMSG_NXTHDR wants it writable */

	*d = (struct udp_dgram){ .data = m.msg_iov->iov_base, .len = msg->msg_len, .path.sock = u->sock };
	d->room = UDP_DGRAM_MAX;
	if (!sockaddr_to_endpoint(m.msg_name, &d->path.remote))
		return false;
	for (const struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, (struct cmsghdr *)(uintptr_t)c))
		control_read(c, d);
	if (!ipaddr_is_link_local(&d->path.local) && !ipaddr_is_link_local(&d->path.remote.ip))
		d->path.ifindex = 0;
	return true;
}

/* recvmmsg without the errors: those are counted, and a connected socket's ICMP errors kept. */
static unsigned
recv_batch(struct udp *u)
{
	for (unsigned i = 0; i < RECV_TRIES; i++) {
		const int n = recvmmsg(u->fd, u->msgs, UDP_BATCH, MSG_DONTWAIT, NULL);

		if (n >= 0)
			return (unsigned)n;
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return 0;
		if (errno == EINTR)
			continue;
		u->stats.rx_errors++;
		if (u->connected && udpq_is_icmp_error(errno))
			udp_note_error(&u->notes, errno);
	}
	return 0;
}

int
udp_recv(struct udp *u, struct udp_dgram **ret)
{
	const unsigned received = recv_batch(u);
	unsigned n = 0;

	for (unsigned i = 0; i < received; i++) {
		struct mmsghdr *m = &u->msgs[i];

		if (m->msg_hdr.msg_flags & MSG_TRUNC) {
			u->stats.drops[DROP_TRUNCATED]++;
		} else if (dgram_read(u, m, &u->dgrams[n])) {
			u->stats.rx_bytes += u->dgrams[n].len;
			n++;
		}
		m->msg_hdr.msg_namelen = sizeof(u->slots[i].from);
		m->msg_hdr.msg_controllen = sizeof(u->slots[i].control.bytes);
	}
	u->stats.rx_datagrams += n;
	*ret = u->dgrams;
	return (int)n;
}

int
udp_take_error(struct udp *u)
{
	const int err = u->notes.icmp_error;

	u->notes.icmp_error = 0;
	return err;
}

bool
udp_take_refused(struct udp *u, struct udp_refused *ret)
{
	if (u->notes.n == 0)
		return false;
	*ret = u->notes.refused[u->notes.first];
	u->notes.first = (u->notes.first + 1) % UDP_REFUSED;
	u->notes.n--;
	return true;
}

/* --- transmitting --- */

static void
send_queued(struct udp *u)
{
	u->blocked = !udpq_send(&u->control, u->fd, &u->stats, &u->notes) ||
		     !udpq_send(&u->bulk, u->fd, &u->stats, &u->notes);
}

uint8_t *
udp_tx_slot(struct udp *u, size_t cap)
{
	uint8_t *room;

	if (cap > UDP_DGRAM_MAX) {
		u->stats.drops[DROP_TOO_LONG]++;
		return NULL;
	}
	room = udpq_room(&u->bulk);
	if (!room && !u->blocked) {
		send_queued(u);
		room = udpq_room(&u->bulk);
	}
	if (!room)
		u->stats.drops[DROP_EGRESS_FULL]++;
	return room;
}

void
udp_tx_commit(struct udp *u, const struct path *to, size_t len, uint8_t tos)
{
	if (!udpq_push(&u->bulk, to, len, tos))
		u->stats.drops[DROP_SEND_ERROR]++;
}

void
udp_send(struct udp *u, const struct path *to, const uint8_t *dgram, size_t len)
{
	uint8_t *room;

	if (len > UDP_DGRAM_MAX) {
		u->stats.drops[DROP_TOO_LONG]++;
		return;
	}
	room = udpq_room(&u->control);
	if (!room) {
		send_queued(u); /* even when it was full a moment ago: control is rare and matters */
		room = udpq_room(&u->control);
	}
	if (!room) {
		u->stats.drops[DROP_EGRESS_FULL]++;
		return;
	}
	memcpy(room, dgram, len);
	if (!udpq_push(&u->control, to, len, UDP_TOS_CS6))
		u->stats.drops[DROP_SEND_ERROR]++;
}

void
udp_flush(struct udp *u, struct mono now)
{
	send_queued(u);
	if (!u->blocked)
		u->blocked_since = MONO_NEVER;
	else if (mono_is_never(u->blocked_since))
		u->blocked_since = now;
}

bool
udp_wants_write(const struct udp *u)
{
	return u->blocked;
}

struct mono
udp_blocked_since(const struct udp *u)
{
	return u->blocked_since;
}
