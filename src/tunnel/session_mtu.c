/* A session's path MTU: path_mtu.h's probes as PAD requests of that size, and the answers to them.
 *
 * A probe's id is a random number of the path followed by its size.  So a late answer counts, one that belongs to
 * another path does not, and nobody but the other side can make one.  The answer is short: each side searches its own
 * direction.
 */
#include <string.h>

#include "session_impl.h"

enum { PROBE_ID_BITS = 48, PROBE_SIZE_BITS = 64 - PROBE_ID_BITS };

static uint16_t
session_mtu_limit(const struct session *s)
{
	return s->params.max_datagram < SESSION_PROBE_MAX ? s->params.max_datagram : SESSION_PROBE_MAX;
}

void
session_mtu_init(struct session *s)
{
	path_mtu_init(&s->mtu.search, session_mtu_limit(s));
}

static void
session_mtu_arm(struct session *s)
{
	if (s->state == SESSION_ESTABLISHED)
		session_arm(s, SESSION_TIMER_MTU, path_mtu_next(&s->mtu.search));
}

void
session_mtu_begin(struct session *s, struct mono now)
{
	path_mtu_begin(&s->mtu.search, now);
	if (mono_is_never(path_mtu_next(&s->mtu.search)))
		return;
	s->mtu.path_id = rng_u64(s->rng) >> PROBE_SIZE_BITS;
	session_mtu_arm(s);
}

void
session_mtu_inherit(struct session *s, const struct session *old)
{
	if (!session_path_equal(&s->path, &old->path))
		return;
	s->mtu = old->mtu;
	session_mtu_arm(s);
}

/* --- probes --- */

static uint64_t
session_probe_id(const struct session *s, uint16_t size)
{
	return s->mtu.path_id << PROBE_SIZE_BITS | size;
}

/* A PAD request in a datagram of this size. */
static void
session_mtu_send(struct session *s, uint16_t size, struct mono now)
{
	uint8_t plain[SESSION_PROBE_MAX], dgram[SESSION_PROBE_MAX];
	size_t len = size - TMSG_DATA_HDR - TMSG_TAG;

	memset(plain, 0, len);
	plain[0] = TMSG_PAD;
	tmsg_pad_write(plain + 1, &(struct tmsg_pad){ .flags = TMSG_PAD_REQUEST, .id = session_probe_id(s, size) });
	len = session_encrypt(s, plain, len, dgram, now);
	if (len)
		s->ops.output(s->arg, s, &s->path, dgram, len);
}

void
session_mtu_tick(struct session *s, struct mono now)
{
	struct path_mtu_probe probe;

	path_mtu_tick(&s->mtu.search, now, &probe);
	session_mtu_arm(s);
	if (probe.size)
		session_mtu_send(s, probe.size, now);
	if (probe.with_short && s->state == SESSION_ESTABLISHED)
		session_send_pad(s, &s->path, TMSG_PAD_REQUEST, session_probe_id(s, PATH_MTU_SHORT), now);
}

void
session_mtu_reply(struct session *s, uint64_t id, struct mono now)
{
	if (s->mtu.path_id == 0 || id >> PROBE_SIZE_BITS != s->mtu.path_id)
		return;
	path_mtu_answer(&s->mtu.search, (uint16_t)id, now);
	session_mtu_arm(s);
}

/* --- what others know --- */

void
session_mtu_sooner(struct session *s)
{
	session_mtu_arm(s);
	if (s->ops.sooner)
		s->ops.sooner(s->arg, s);
}

void
session_refused(struct session *s, size_t len, struct mono now)
{
	if (len)
		path_mtu_refused(&s->mtu.search, len, now);
	else
		path_mtu_doubt(&s->mtu.search, now);
	session_mtu_arm(s);
}

void
session_set_max_datagram(struct session *s, uint16_t max, struct mono now)
{
	if (max == s->params.max_datagram || max <= PATH_MTU_BASE || s->params.max_datagram <= PATH_MTU_BASE)
		return;
	s->params.max_datagram = max;
	path_mtu_set_limit(&s->mtu.search, session_mtu_limit(s), now);
	session_mtu_arm(s);
}

size_t
session_mtu(const struct session *s)
{
	return s->mtu.search.size;
}
