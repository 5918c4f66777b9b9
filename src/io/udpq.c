/* The transmit half of a UDP socket (udpq.h). */
#include "udpq.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "castswitch/frame.h"
#include "sockaddr.h"

enum { STRIDE = FRAME_HEADROOM + UDP_DGRAM_MAX };
_Static_assert(STRIDE % 16 == 0, "every slot is 16-byte aligned");

struct udpq_slot {
	union sockaddr_any to;
	struct iovec iov;
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(int))];
	} control;
};

int
udpq_init(struct udpq *q, int family, bool connected)
{
	*q = (struct udpq){ .family = family, .connected = connected };
	q->buffers = aligned_alloc(16, (size_t)UDP_BATCH * STRIDE);
	q->slots = calloc(UDP_BATCH, sizeof(*q->slots));
	q->msgs = calloc(UDP_BATCH, sizeof(*q->msgs));
	if (!q->buffers || !q->slots || !q->msgs)
		return -ENOMEM;
	for (unsigned i = 0; i < UDP_BATCH; i++) {
		struct msghdr *m = &q->msgs[i].msg_hdr;

		q->slots[i].iov.iov_base = q->buffers + (size_t)i * STRIDE + FRAME_HEADROOM;
		m->msg_iov = &q->slots[i].iov;
		m->msg_iovlen = 1;
		m->msg_control = q->slots[i].control.bytes;
		m->msg_name = connected ? NULL : &q->slots[i].to;
	}
	return 0;
}

void
udpq_fini(struct udpq *q)
{
	free(q->buffers);
	free(q->slots);
	free(q->msgs);
	*q = (struct udpq){ 0 };
}

static unsigned
slot_index(const struct udpq *q)
{
	return (q->head + q->count) % UDP_BATCH;
}

uint8_t *
udpq_room(struct udpq *q)
{
	return q->count == UDP_BATCH ? NULL : q->slots[slot_index(q)].iov.iov_base;
}

/* --- control data --- */

/* Appends one control message to m, whose msg_controllen is what is used so far. */
static void
control_add(struct msghdr *m, int level, int type, const void *data, size_t len)
{
	struct cmsghdr *c = (struct cmsghdr *)(void *)((uint8_t *)m->msg_control + m->msg_controllen);

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	m->msg_controllen += CMSG_SPACE(len);
}

/* The source address; the interface only where the address says nothing without it. */
static void
control_add_source(struct msghdr *m, int family, const struct path *to)
{
	const bool scoped = ipaddr_is_link_local(&to->local) || ipaddr_is_link_local(&to->remote.ip);

	if (ipaddr_is_any(&to->local) && !(scoped && to->ifindex))
		return;
	if (family == AF_INET) {
		struct in_pktinfo info = { .ipi_ifindex = scoped ? (int)to->ifindex : 0 };

		memcpy(&info.ipi_spec_dst, to->local.b + 12, 4);
		control_add(m, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	} else {
		struct in6_pktinfo info = { .ipi6_ifindex = scoped ? to->ifindex : 0 };

		memcpy(&info.ipi6_addr, to->local.b, 16);
		control_add(m, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	}
}

static void
control_add_tos(struct msghdr *m, int family, uint8_t tos)
{
	const int value = tos;

	if (family == AF_INET)
		control_add(m, IPPROTO_IP, IP_TOS, &value, sizeof(value));
	else
		control_add(m, IPPROTO_IPV6, IPV6_TCLASS, &value, sizeof(value));
}

static bool
path_fits(const struct path *to, int family)
{
	return sockaddr_family(&to->remote.ip) == family &&
	       (ipaddr_is_any(&to->local) || sockaddr_family(&to->local) == family);
}

bool
udpq_push(struct udpq *q, const struct path *to, size_t len, uint8_t tos)
{
	const unsigned i = slot_index(q);
	struct udpq_slot *s = &q->slots[i];
	struct msghdr *m = &q->msgs[i].msg_hdr;

	m->msg_controllen = 0;
	if (!q->connected) {
		if (!path_fits(to, q->family))
			return false;
		m->msg_namelen = sockaddr_from_endpoint(&to->remote, &s->to);
		control_add_source(m, q->family, to);
	}
	if (tos)
		control_add_tos(m, q->family, tos);
	s->iov.iov_len = len;
	q->count++;
	return true;
}

/* --- sending --- */

static void
advance(struct udpq *q, unsigned n)
{
	q->count -= n;
	q->head = q->count ? (q->head + n) % UDP_BATCH : 0;
}

static void
count_sent(struct udpq *q, unsigned n, struct udp_stats *stats)
{
	for (unsigned i = 0; i < n; i++)
		stats->tx_bytes += q->slots[q->head + i].iov.iov_len;
	stats->tx_datagrams += n;
	advance(q, n);
}

bool
udpq_is_icmp_error(int err)
{
	return err == ECONNREFUSED || err == EHOSTUNREACH || err == ENETUNREACH || err == EHOSTDOWN ||
	       err == ENOPROTOOPT || err == EPROTO || err == EMSGSIZE;
}

static void
note_refused(struct udp_notes *notes, const struct udp_refused *r)
{
	if (notes->n < UDP_REFUSED)
		notes->refused[(notes->first + notes->n++) % UDP_REFUSED] = *r;
}

void
udp_note_error(struct udp_notes *notes, int err)
{
	if (err == EMSGSIZE)
		note_refused(notes, &(struct udp_refused){ .len = 0 });
	else
		notes->icmp_error = err;
}

/* The first of the queue is longer than its way allows. */
static void
refuse_first(const struct udpq *q, struct udp_notes *notes)
{
	const struct udpq_slot *s = &q->slots[q->head];
	struct udp_refused r = { .len = s->iov.iov_len };

	r.head_len = r.len < UDP_HEAD ? r.len : UDP_HEAD;
	memcpy(r.head, s->iov.iov_base, r.head_len);
	if (q->connected || sockaddr_to_endpoint(&s->to.sa, &r.to))
		note_refused(notes, &r);
}

static enum drop_reason
reason_of(int err)
{
	if (err == EMSGSIZE)
		return DROP_PATH_MTU;
	return err == ENOBUFS || err == ENOMEM ? DROP_EGRESS_FULL : DROP_SEND_ERROR;
}

static void
skip_first(struct udpq *q, int err, struct udp_stats *stats, struct udp_notes *notes)
{
	if (err == EMSGSIZE)
		refuse_first(q, notes);
	stats->drops[reason_of(err)]++;
	advance(q, 1);
}

/* An error of a connected socket may be the answer to an earlier datagram, reported in place of sending this one: so
 * this one is tried again.  If it is too long itself, it will be so again. */
bool
udpq_send(struct udpq *q, int fd, struct udp_stats *stats, struct udp_notes *notes)
{
	int first_try = 0; /* the error of the first of the queue */

	while (q->count) {
		const unsigned to_end = UDP_BATCH - q->head;
		const unsigned n = q->count < to_end ? q->count : to_end;
		const int sent = sendmmsg(fd, &q->msgs[q->head], n, MSG_DONTWAIT);

		if (sent <= 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return false;
		if (sent <= 0 && errno == EINTR)
			continue;
		if (sent <= 0 && q->connected && udpq_is_icmp_error(errno) && !first_try) {
			first_try = errno;
			if (first_try != EMSGSIZE)
				udp_note_error(notes, first_try);
			continue;
		}
		if (sent > 0 && first_try == EMSGSIZE)
			udp_note_error(notes, first_try);
		first_try = 0;
		if (sent > 0)
			count_sent(q, (unsigned)sent, stats);
		else
			skip_first(q, errno, stats, notes);
	}
	return true;
}
