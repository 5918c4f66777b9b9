/* The search for a path's MTU (path_mtu.h). */
#include "path_mtu.h"

void
path_mtu_init(struct path_mtu *m, uint16_t limit)
{
	*m = (struct path_mtu){
		.state = PATH_MTU_OFF,
		.used = true, /* so that nobody looks at what is sent */
		.size = limit ? PATH_MTU_BASE : UINT16_MAX,
		.limit = limit,
		.raise_at = MONO_NEVER,
		.next = MONO_NEVER,
	};
}

/* --- what comes next --- */

static void
mtu_search(struct path_mtu *m, uint16_t bad, struct mono now)
{
	m->state = PATH_MTU_SEARCH;
	m->bad = bad;
	m->probe = 0;
	m->raise_at = MONO_NEVER;
	m->next = now;
}

void
path_mtu_begin(struct path_mtu *m, struct mono now)
{
	uint16_t limit = m->limit;

	path_mtu_init(m, limit);
	if (limit <= PATH_MTU_BASE)
		return;
	m->used = false;
	m->proven_at = now;
	mtu_search(m, (uint16_t)(limit + 1), now);
}

void
path_mtu_set_limit(struct path_mtu *m, uint16_t limit, struct mono now)
{
	const bool higher = limit > m->limit;

	m->limit = limit;
	if (m->state == PATH_MTU_OFF)
		return;
	if (m->size > limit)
		m->size = limit;
	if (higher || m->state == PATH_MTU_SEARCH)
		mtu_search(m, (uint16_t)(limit + 1), now);
}

/* When the present size is to be checked. */
static struct mono
mtu_check_at(const struct path_mtu *m)
{
	return m->used ? mono_add(m->proven_at, PATH_MTU_CHECK_INTERVAL) : MONO_NEVER;
}

static void
mtu_rest(struct path_mtu *m)
{
	m->state = PATH_MTU_DONE;
	m->probe = 0;
	m->next = mono_min(m->raise_at, mtu_check_at(m));
}

static void
mtu_done(struct path_mtu *m, struct mono now)
{
	m->raise_at = m->size < m->limit ? mono_add(now, PATH_MTU_RAISE_INTERVAL) : MONO_NEVER;
	mtu_rest(m);
}

/* The size to try next, 0 when there is none left. */
static uint16_t
mtu_candidate(const struct path_mtu *m)
{
	if (m->bad > m->limit)
		return m->size < m->limit ? m->limit : 0;
	return m->bad - m->size > 1 ? (uint16_t)((m->size + m->bad) / 2) : 0;
}

static void
mtu_probe(struct path_mtu *m, uint16_t size, struct mono now)
{
	m->probe = size;
	m->tries = 0;
	m->answered = false;
	m->probed_at = now;
}

/* --- events --- */

/* The first answer is believed, later ones move what is known by a quarter. */
static void
mtu_measure(struct path_mtu *m, struct mono now)
{
	nsec_t took = mono_since(m->probed_at, now);

	if (m->tries != 1)
		return; /* nobody knows which of them was answered */
	if (took == 0)
		took = 1; /* 0 is "not known" */
	m->rtt = m->rtt ? m->rtt - m->rtt / 4 + took / 4 : took;
}

static nsec_t
mtu_wait(const struct path_mtu *m)
{
	nsec_t wait = m->rtt ? 4 * m->rtt : PATH_MTU_WAIT_FIRST;

	return wait < PATH_MTU_WAIT_MIN ? PATH_MTU_WAIT_MIN : wait > PATH_MTU_WAIT_MAX ? PATH_MTU_WAIT_MAX : wait;
}

/* The size is proven. */
static void
mtu_prove(struct path_mtu *m, uint16_t size, struct mono now)
{
	m->size = size;
	m->used = false;
	m->proven_at = now;
	if (m->bad <= size)
		m->bad = (uint16_t)(m->limit + 1);
}

void
path_mtu_answer(struct path_mtu *m, uint16_t size, struct mono now)
{
	if (m->state == PATH_MTU_OFF)
		return;
	m->answered = m->answered || size == PATH_MTU_SHORT;
	if (size < m->size || size > m->limit)
		return;
	if (size == m->probe)
		mtu_measure(m, now);
	mtu_prove(m, size, now);
	if (m->state == PATH_MTU_SEARCH) {
		/* Also the answer to an earlier probe, which makes the present one needless or not. */
		if (m->probe <= size) {
			m->probe = 0;
			m->next = now;
		}
	} else {
		mtu_rest(m);
	}
}

/* Longer than 'bad' never passes; what was proven does not count any more. */
static void
mtu_fall(struct path_mtu *m, uint16_t bad, struct mono now)
{
	m->size = PATH_MTU_BASE;
	m->used = false;
	m->proven_at = now;
	mtu_search(m, bad, now);
}

void
path_mtu_refused(struct path_mtu *m, size_t len, struct mono now)
{
	if (m->state == PATH_MTU_OFF || len <= PATH_MTU_BASE || len >= m->bad)
		return;
	if (len <= m->size) {
		mtu_fall(m, (uint16_t)len, now);
		return;
	}
	m->bad = (uint16_t)len;
	if (m->state == PATH_MTU_SEARCH && m->probe >= len) {
		m->probe = 0;
		m->next = now;
	}
}

static void
mtu_check(struct path_mtu *m, struct mono now)
{
	m->state = PATH_MTU_CHECK;
	mtu_probe(m, m->size, now);
	m->next = now;
}

void
path_mtu_doubt(struct path_mtu *m, struct mono now)
{
	if (m->state == PATH_MTU_DONE && m->size > PATH_MTU_BASE)
		mtu_check(m, now);
}

void
path_mtu_first_use(struct path_mtu *m, struct mono now)
{
	m->used = true;
	if (m->state == PATH_MTU_DONE)
		m->next = mono_min(m->next, mono_max(now, mtu_check_at(m)));
}

/* --- time --- */

/* All tries went unanswered. */
static void
mtu_lost(struct path_mtu *m, struct mono now)
{
	if (m->state == PATH_MTU_SEARCH) {
		m->bad = m->probe;
		m->probe = 0;
	} else if (m->answered) {
		mtu_fall(m, m->size, now);
	} else {
		m->proven_at = now; /* rather: nothing is; to be asked again as if it were */
		mtu_rest(m);
	}
}

static void
mtu_search_on(struct path_mtu *m, struct mono now)
{
	uint16_t size = mtu_candidate(m);

	if (size)
		mtu_probe(m, size, now);
	else
		mtu_done(m, now);
}

static void
mtu_done_tick(struct path_mtu *m, struct mono now)
{
	if (mono_due(m->raise_at, now))
		mtu_search(m, (uint16_t)(m->limit + 1), now);
	else if (mono_due(mtu_check_at(m), now))
		mtu_check(m, now);
	else
		mtu_rest(m);
}

void
path_mtu_tick(struct path_mtu *m, struct mono now, struct path_mtu_probe *ret)
{
	*ret = (struct path_mtu_probe){ .size = 0 };
	if (!mono_due(m->next, now))
		return;
	if (m->probe && m->tries == PATH_MTU_TRIES)
		mtu_lost(m, now);
	if (m->state == PATH_MTU_DONE)
		mtu_done_tick(m, now);
	if (m->state == PATH_MTU_SEARCH && !m->probe)
		mtu_search_on(m, now);
	if (!m->probe)
		return;
	m->tries++;
	m->next = mono_add(now, mtu_wait(m));
	ret->size = m->probe;
	ret->with_short = m->state == PATH_MTU_CHECK && m->tries > 1;
}
