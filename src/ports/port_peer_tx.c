/* Frames on their way from the switch into the tunnel: sealed straight into the socket's send batch.
 *
 * Frames that follow one another, have the same outer TOS and fit one datagram together go as a bundle; nothing waits
 * for more to come.  A frame that does not fit alone goes in fragments.  So the order is kept, whatever the sizes.
 */
#include <string.h>

#include "castswitch/mss.h"
#include "port_peer_impl.h"

enum {
	PROTO_TCP = 6,
	SYN_MAX = 512, /* longer ones carry data (RFC 7413) and pass as they are */
};

/* One call of the switch. */
struct egress {
	struct port_peer *p;
	struct mono now;
	size_t mtu; /* the longest datagram */
	bool bundles;
};

/* --- what is changed --- */

static uint8_t
outer_tos(const struct port_peer *p, const struct frame *f)
{
	return (uint8_t)((f->tos & p->policy.tos_keep) | p->policy.tos_set);
}

static struct mss_limit
mss_limit_of(const struct port_peer *p)
{
	const size_t mtu = session_mtu(p->session);

	if (p->policy.mss)
		return (struct mss_limit){ .mss = p->policy.mss };
	return (struct mss_limit){ .frame = mtu < UINT16_MAX ? (uint16_t)(mtu - TMSG_OVERHEAD) : 0 };
}

void
port_peer_clamp(const struct port_peer *p, uint8_t *frame, size_t len)
{
	struct mss_limit limit;

	if (!p->policy.clamp || !p->session || !mss_is_syn(frame, len))
		return;
	limit = mss_limit_of(p);
	(void)mss_clamp(frame, len, &limit);
}

/* --- one datagram or several --- */

static uint8_t *
egress_slot(const struct egress *e, size_t len)
{
	return udp_tx_slot(e->p->udp, len);
}

/* What was sealed into the slot. */
static void
egress_commit(const struct egress *e, size_t len, uint8_t tos)
{
	if (len)
		udp_tx_commit(e->p->udp, session_path(e->p->session), len, tos);
}

static void
egress_frame(const struct egress *e, uint8_t *data, size_t len, uint8_t tos)
{
	const size_t cap = len + TMSG_OVERHEAD;
	uint8_t *slot = egress_slot(e, cap);
	enum drop_reason drop;

	if (slot)
		egress_commit(e, session_seal(e->p->session, data, len, slot, cap, e->now, &drop), tos);
}

/* When the socket is full in the middle of it, the rest would be of no use. */
static void
egress_fragments(const struct egress *e, const uint8_t *data, size_t len, uint8_t tos)
{
	struct session_cut cut = { .index = 0 };
	enum drop_reason drop;

	do {
		uint8_t *slot = egress_slot(e, e->mtu);
		size_t n =
			slot ? session_seal_fragment(e->p->session, data, len, &cut, slot, e->mtu, e->now, &drop) : 0;

		if (n == 0)
			return;
		egress_commit(e, n, tos);
	} while (cut.index < cut.count);
}

static void
egress_bundle(const struct egress *e, const struct sw_tx *items, size_t n, uint8_t tos)
{
	struct session_part parts[SW_BATCH];
	size_t cap = TMSG_OVERHEAD;
	enum drop_reason drop;
	uint8_t *slot;

	for (size_t i = 0; i < n; i++) {
		parts[i] = (struct session_part){ .data = items[i].frame->data, .len = items[i].frame->len };
		cap += SESSION_PART_OVERHEAD + parts[i].len;
	}
	slot = egress_slot(e, cap);
	if (slot)
		egress_commit(e, session_seal_bundle(e->p->session, parts, n, slot, cap, e->now, &drop), tos);
}

/* A SYN is changed in a copy: the same bytes go to other ports as well. */
static void
egress_syn(const struct egress *e, const struct frame *f, uint8_t tos)
{
	uint8_t room[FRAME_EGRESS_ROOM + SYN_MAX], *copy = room + FRAME_EGRESS_ROOM;

	memcpy(copy, f->data, f->len);
	port_peer_clamp(e->p, copy, f->len);
	egress_frame(e, copy, f->len, tos);
}

/* --- which of these --- */

static bool
is_clamped(const struct egress *e, const struct frame *f)
{
	return f->ip_proto == PROTO_TCP && e->p->policy.clamp && f->len <= SYN_MAX && mss_is_syn(f->data, f->len);
}

/* How many of the items, from the first on, share a datagram.  A SYN goes alone, for its copy's sake. */
static size_t
bundle_count(const struct egress *e, const struct sw_tx *items, size_t n)
{
	size_t len = TMSG_OVERHEAD, i;

	for (i = 0; i < n; i++) {
		const struct frame *f = items[i].frame;

		len += SESSION_PART_OVERHEAD + f->len;
		if (len > e->mtu || outer_tos(e->p, f) != outer_tos(e->p, items[0].frame) || is_clamped(e, f))
			break;
	}
	return i;
}

/* Sends the first or more of the items; how many. */
static size_t
egress_some(const struct egress *e, const struct sw_tx *items, size_t n)
{
	const struct frame *f = items[0].frame;
	const size_t k = e->bundles && n > 1 ? bundle_count(e, items, n) : 1;
	const uint8_t tos = outer_tos(e->p, f);

	if (k > 1) {
		egress_bundle(e, items, k, tos);
		return k;
	}
	if (f->len + TMSG_OVERHEAD > e->mtu)
		egress_fragments(e, f->data, f->len, tos);
	else if (is_clamped(e, f))
		egress_syn(e, f, tos);
	else
		egress_frame(e, f->data, f->len, tos);
	return 1;
}

void
port_peer_tx(void *arg, const struct sw_tx *items, size_t n, struct mono now)
{
	struct egress e = { .p = arg, .now = now };

	if (!e.p->session)
		return;
	e.mtu = session_mtu(e.p->session);
	e.bundles = session_bundles(e.p->session);
	/* Sealing can end the session (its cipher fails, its counters are used up), and with it p->session. */
	for (size_t i = 0; i < n && e.p->session;)
		i += egress_some(&e, items + i, n - i);
}
