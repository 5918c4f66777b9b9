/* The tunnel's messages of TLVs: HELLO, WELCOME, REFUSE and CONTROL.  Numbers and layouts stand in tmsg.h. */
#include "castswitch/tmsg.h"

#include "castswitch/cursor.h"
#include "tmsg_net.h"

enum tlv_type {
	TLV_PROTOCOL = 1,
	TLV_RECEIVER = 2,
	TLV_PREVIOUS = 3,
	TLV_FLAGS = 4,
	TLV_CAPS = 5,
	TLV_AEADS = 6,
	TLV_SOFTWARE = 7,
	TLV_REASON = 16,
	TLV_TEXT = 17,
	TLV_MTU = 33,
	TLV_MULTICAST_ROUTE = 34,
	TLV_KEEPALIVE = 35,
	TLV_REKEY = 36,
};

const char *
tmsg_reason_text(unsigned reason)
{
	static const char *const texts[] = {
		[TMSG_REASON_NONE] = "no reason given",
		[TMSG_REASON_VERSION] = "no common protocol version",
		[TMSG_REASON_AEAD] = "no common cipher",
		[TMSG_REASON_DISABLED] = "peer is disabled",
		[TMSG_REASON_FULL] = "no room for another peer",
		[TMSG_REASON_DUPLICATE] = "name is already connected",
		[TMSG_REASON_REPLACED] = "replaced by a newer connection of the same name",
		[TMSG_REASON_SHUTDOWN] = "shutting down",
		[TMSG_REASON_KICKED] = "ended by the administrator",
		[TMSG_REASON_EXPIRED] = "certificate has expired",
		[TMSG_REASON_REVOKED] = "certificate was revoked",
		[TMSG_REASON_PROTOCOL] = "protocol error",
		[TMSG_REASON_NAME] = "certificate name cannot be a peer name",
		[TMSG_REASON_UNTRUSTED] = "certificate is no longer believed",
		[TMSG_REASON_LOOP] = "the way there leads through the tunnel itself",
	};
	_Static_assert(sizeof(texts) / sizeof(texts[0]) == TMSG_REASON_MAX, "a text for each reason");

	return reason < TMSG_REASON_MAX ? texts[reason] : "unknown reason";
}

/* --- reading; each value has exactly the length its type asks for, else the message is invalid --- */

struct tlv {
	uint16_t type;
	struct rcur value;
};

/* The next TLV, or false at the end and at one that is cut short (then c has failed). */
static bool
next_tlv(struct rcur *c, struct tlv *ret)
{
	if (c->failed || rcur_left(c) == 0)
		return false;
	ret->type = rcur_u16(c);
	ret->value = rcur_sub(c, rcur_u16(c));
	return !c->failed;
}

static bool
used_up(const struct rcur *value)
{
	return !value->failed && rcur_left(value) == 0;
}

static bool
get_u8(struct rcur value, uint8_t *ret)
{
	*ret = rcur_u8(&value);
	return used_up(&value);
}

static bool
get_u16(struct rcur value, uint16_t *ret)
{
	*ret = rcur_u16(&value);
	return used_up(&value);
}

static bool
get_u32(struct rcur value, uint32_t *ret)
{
	*ret = rcur_u32(&value);
	return used_up(&value);
}

/* Text ends up in logs and on terminals: nothing but printable ASCII gets through. */
static bool
get_text(struct rcur value, size_t max, char *ret)
{
	const size_t len = rcur_left(&value);

	if (len > max)
		return false;
	for (size_t i = 0; i < len; i++)
		ret[i] = value.p[i] >= ' ' && value.p[i] <= '~' ? (char)value.p[i] : '?';
	ret[len] = '\0';
	return true;
}

static bool
get_aeads(struct rcur value, struct tmsg_hello *h)
{
	const size_t n = rcur_left(&value);

	if (n == 0 || n > TMSG_MAX_AEADS)
		return false;
	memset(h->aeads, TMSG_AEAD_NONE, sizeof(h->aeads));
	rcur_copy(&value, h->aeads, n);
	h->n_aeads = (uint8_t)n;
	return true;
}

static bool
get_hello_tlv(const struct tlv *tlv, struct tmsg_hello *h)
{
	switch (tlv->type) {
	case TLV_PROTOCOL:
		return get_u16(tlv->value, &h->protocol);
	case TLV_RECEIVER:
		return get_u32(tlv->value, &h->receiver) && h->receiver != 0;
	case TLV_PREVIOUS:
		return get_u32(tlv->value, &h->previous);
	case TLV_FLAGS:
		return get_u32(tlv->value, &h->flags);
	case TLV_CAPS:
		return get_u32(tlv->value, &h->caps);
	case TLV_AEADS:
		return get_aeads(tlv->value, h);
	case TLV_SOFTWARE:
		return get_text(tlv->value, TMSG_SOFTWARE_MAX, h->software);
	default:
		return true;
	}
}

static bool
get_refuse_tlv(const struct tlv *tlv, struct tmsg_refuse *r)
{
	switch (tlv->type) {
	case TLV_REASON:
		return get_u16(tlv->value, &r->reason);
	case TLV_TEXT:
		return get_text(tlv->value, TMSG_TEXT_MAX, r->text);
	default:
		return true;
	}
}

static bool
get_push_tlv(const struct tlv *tlv, struct tmsg_push *p)
{
	uint32_t ms;
	uint8_t flag;

	switch (tlv->type) {
	case TLV_MTU:
		return get_u16(tlv->value, &p->mtu);
	case TLV_MULTICAST_ROUTE:
		if (!get_u8(tlv->value, &flag) || flag > 1)
			return false;
		p->multicast_route = flag;
		return true;
	case TLV_KEEPALIVE:
		if (!get_u32(tlv->value, &ms))
			return false;
		p->keepalive = ms * NSEC_PER_MSEC;
		return true;
	case TLV_REKEY:
		if (!get_u32(tlv->value, &ms))
			return false;
		p->rekey = ms * NSEC_PER_MSEC;
		return true;
	default:
		return tmsg_net_get(tlv->type, tlv->value, p);
	}
}

unsigned
tmsg_hs_type(const uint8_t *msg, size_t len)
{
	return len > 0 ? msg[0] : 0;
}

bool
tmsg_hello_parse(enum tmsg_hs type, const uint8_t *msg, size_t len, struct tmsg_hello *ret)
{
	struct rcur c = rcur_of(msg, len);
	struct tmsg_hello h = { 0 };
	bool has_protocol = false;
	struct tlv tlv;

	if (len > TMSG_MAX || rcur_u8(&c) != type)
		return false;
	while (next_tlv(&c, &tlv)) {
		if (!get_hello_tlv(&tlv, &h))
			return false;
		has_protocol = has_protocol || tlv.type == TLV_PROTOCOL;
	}
	if (c.failed || !has_protocol || h.receiver == 0 || h.n_aeads == 0)
		return false;
	*ret = h;
	return true;
}

bool
tmsg_refuse_parse(const uint8_t *msg, size_t len, struct tmsg_refuse *ret)
{
	struct rcur c = rcur_of(msg, len);
	struct tmsg_refuse r = { 0 };
	struct tlv tlv;

	if (len > TMSG_MAX || rcur_u8(&c) != TMSG_REFUSE)
		return false;
	while (next_tlv(&c, &tlv))
		if (!get_refuse_tlv(&tlv, &r))
			return false;
	if (c.failed)
		return false;
	*ret = r;
	return true;
}

static bool
get_control_tlv(const struct tlv *tlv, struct tmsg_control *m)
{
	switch (m->type) {
	case TMSG_PUSH:
		return get_push_tlv(tlv, &m->push);
	case TMSG_BYE:
		return get_refuse_tlv(tlv, &m->bye);
	default:
		return true;
	}
}

bool
tmsg_control_parse(const uint8_t *payload, size_t len, struct tmsg_control *ret)
{
	struct rcur c = rcur_of(payload, len);
	struct tmsg_control m = { 0 };
	struct tlv tlv;

	if (len > TMSG_MAX)
		return false;
	m.id = rcur_u32(&c);
	m.type = rcur_u8(&c);
	/* What follows an unknown type need not be TLVs. */
	if (m.type == TMSG_ACK || m.type == TMSG_PUSH || m.type == TMSG_BYE)
		while (next_tlv(&c, &tlv))
			if (!get_control_tlv(&tlv, &m))
				return false;
	if (c.failed)
		return false;
	*ret = m;
	return true;
}

/* --- writing --- */

static void
put_bytes(struct wcur *w, enum tlv_type type, const void *data, size_t len)
{
	wcur_u16(w, type);
	wcur_u16(w, len);
	wcur_bytes(w, data, len);
}

static void
put_u16(struct wcur *w, enum tlv_type type, uint16_t v)
{
	wcur_u16(w, type);
	wcur_u16(w, 2);
	wcur_u16(w, v);
}

/* Fails the cursor when v does not fit. */
static void
put_u32(struct wcur *w, enum tlv_type type, uint64_t v)
{
	wcur_u16(w, type);
	wcur_u16(w, 4);
	wcur_u32(w, v);
}

/* text is an array of max + 1 bytes; one without its NUL fails the cursor. */
static void
put_text(struct wcur *w, enum tlv_type type, const char *text, size_t max)
{
	const size_t len = strnlen(text, max + 1);

	if (len > max)
		w->failed = true;
	else if (len > 0)
		put_bytes(w, type, text, len);
}

static size_t
written(const struct wcur *w)
{
	return w->failed || wcur_len(w) > TMSG_MAX ? 0 : wcur_len(w);
}

size_t
tmsg_hello_write(enum tmsg_hs type, const struct tmsg_hello *h, uint8_t *buf, size_t cap)
{
	struct wcur w = wcur_of(buf, cap);

	if (h->receiver == 0 || h->n_aeads == 0 || h->n_aeads > TMSG_MAX_AEADS)
		return 0;
	wcur_u8(&w, type);
	put_u16(&w, TLV_PROTOCOL, h->protocol);
	put_u32(&w, TLV_RECEIVER, h->receiver);
	if (h->previous)
		put_u32(&w, TLV_PREVIOUS, h->previous);
	put_u32(&w, TLV_FLAGS, h->flags);
	put_u32(&w, TLV_CAPS, h->caps);
	put_bytes(&w, TLV_AEADS, h->aeads, h->n_aeads);
	put_text(&w, TLV_SOFTWARE, h->software, TMSG_SOFTWARE_MAX);
	return written(&w);
}

static void
put_refuse(struct wcur *w, const struct tmsg_refuse *r)
{
	put_u16(w, TLV_REASON, r->reason);
	put_text(w, TLV_TEXT, r->text, TMSG_TEXT_MAX);
}

size_t
tmsg_refuse_write(const struct tmsg_refuse *r, uint8_t *buf, size_t cap)
{
	struct wcur w = wcur_of(buf, cap);

	wcur_u8(&w, TMSG_REFUSE);
	put_refuse(&w, r);
	return written(&w);
}

/* Of less than 1 ms is made 1: 0 would mean "not told". */
static void
put_ms(struct wcur *w, enum tlv_type type, nsec_t d)
{
	put_u32(w, type, d < NSEC_PER_MSEC ? 1 : d / NSEC_PER_MSEC);
}

static void
put_push(struct wcur *w, const struct tmsg_push *p)
{
	tmsg_net_put(w, p);
	if (p->mtu)
		put_u16(w, TLV_MTU, p->mtu);
	put_bytes(w, TLV_MULTICAST_ROUTE, &(uint8_t){ p->multicast_route }, 1);
	if (p->keepalive)
		put_ms(w, TLV_KEEPALIVE, p->keepalive);
	if (p->rekey)
		put_ms(w, TLV_REKEY, p->rekey);
}

size_t
tmsg_control_write(const struct tmsg_control *c, uint8_t *buf, size_t cap)
{
	struct wcur w = wcur_of(buf, cap);

	wcur_u32(&w, c->id);
	wcur_u8(&w, c->type);
	switch (c->type) {
	case TMSG_ACK:
		break;
	case TMSG_PUSH:
		put_push(&w, &c->push);
		break;
	case TMSG_BYE:
		put_refuse(&w, &c->bye);
		break;
	default: /* nobody knows its layout */
		return 0;
	}
	return written(&w);
}
