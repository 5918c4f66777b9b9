/* The querier of one family: queries, election, timing. */
#include "castswitch/querier.h"

#include <string.h>

static bool
querier_may_ask(const struct querier *q)
{
	return q->params->querier != SW_QUERIER_OFF && q->params->enabled[q->family];
}

/* The robustness and query interval in force: the elected querier's as far as it told them. */
static uint8_t
querier_robustness(const struct querier *q)
{
	return q->elected_robustness ? q->elected_robustness : q->params->robustness;
}

static nsec_t
querier_interval(const struct querier *q)
{
	return q->elected_interval ? q->elected_interval : q->params->query_interval;
}

static nsec_t
querier_response_interval(const struct querier *q)
{
	const nsec_t ours = q->params->query_response_interval;
	return q->elected_response > ours ? q->elected_response : ours;
}

nsec_t
querier_other_interval(const struct querier *q)
{
	if (q->params->other_querier_interval)
		return q->params->other_querier_interval;
	return querier_robustness(q) * querier_interval(q) + querier_response_interval(q) / 2;
}

void
querier_timing(const struct querier *q, struct mdb_timing *ret)
{
	const struct sw_snooping *p = q->params;
	nsec_t gmi = querier_robustness(q) * querier_interval(q) + querier_response_interval(q);
	*ret = (struct mdb_timing){
		.robustness = querier_robustness(q),
		.membership_interval = p->membership_interval ? p->membership_interval : gmi,
		.last_member_query_interval = p->last_member_query_interval,
		.last_member_query_count =
			p->last_member_query_count ? p->last_member_query_count : querier_robustness(q),
		.older_host_interval = gmi,
	};
}

static uint8_t
querier_startup_count(const struct querier *q)
{
	return q->params->startup_query_count ? q->params->startup_query_count : q->params->robustness;
}

/* Becoming the querier: startup queries, the first at 'now'. */
static void
querier_start(struct querier *q, struct mono now)
{
	q->state = QUERIER_QUERIER;
	q->startup_left = querier_startup_count(q);
	q->next_general = now;
}

/* Nobody else asks any more. */
static void
querier_forget_elected(struct querier *q)
{
	q->elected = IPADDR_ANY;
	q->elected_robustness = 0;
	q->elected_interval = 0;
	q->elected_response = 0;
	q->other_until = MONO_NEVER;
}

/* RFC 4541 2.1.1 without an address of our own; MLD knows no such query, and asks from a link-local one. */
static void
querier_set_own(struct querier *q)
{
	q->own = q->params->querier_address[q->family];
	if (ipaddr_is_unspecified(&q->own))
		q->own = q->family == GM_IGMP ? ipaddr_v4_u32(0) : ipaddr_link_local_of(&q->mac);
}

void
querier_init(struct querier *q, enum gm_family family, const struct sw_snooping *params, const struct mac *mac,
	     const struct querier_ops *ops, void *arg, struct mono now)
{
	*q = (struct querier){ .family = family, .params = params, .mac = *mac, .ops = *ops, .arg = arg };
	querier_set_own(q);
	q->next_general = MONO_NEVER;
	querier_forget_elected(q);
	if (querier_may_ask(q))
		querier_start(q, now);
}

void
querier_reconfigure(struct querier *q, struct mono now)
{
	enum querier_state was = q->state;
	querier_set_own(q);
	if (!querier_may_ask(q)) {
		q->state = QUERIER_DISABLED;
		q->next_general = MONO_NEVER;
	} else if (q->state == QUERIER_DISABLED && ipaddr_is_any(&q->elected)) {
		querier_start(q, now);
	} else if (q->state == QUERIER_DISABLED) {
		q->state = QUERIER_NON_QUERIER;
	} else if (q->state == QUERIER_QUERIER) {
		q->next_general = mono_min(q->next_general, mono_add(now, q->params->query_interval));
	}
	q->ops.changed(q->arg, q->family, q->state != was, now);
}

/* A query with our parameters; the caller sets what is particular. */
static struct gm_build
querier_build(const struct querier *q)
{
	return (struct gm_build){
		.family = q->family,
		.kind = GM_QUERY,
		.version = q->params->version[q->family],
		.eth_src = q->mac,
		.ip_src = q->own,
		.group = IPADDR_ANY,
		.max_resp = q->params->query_response_interval,
		.qrv = q->params->robustness,
		.qqi = q->params->query_interval,
	};
}

/* A host that has just appeared is waited for, so it shall not take the whole response interval. */
static nsec_t
querier_quick_response(const struct querier *q)
{
	const nsec_t qri = q->params->query_response_interval;
	return qri < NSEC_PER_SEC ? qri : NSEC_PER_SEC;
}

struct mono
querier_answers_at(const struct querier *q, struct mono now)
{
	return querier_may_ask(q) ? mono_add(now, querier_quick_response(q) + NSEC_PER_SEC) : now;
}

struct mono
querier_port_known_at(const struct querier *q, struct mono now)
{
	if (querier_may_ask(q) || !querier_is_active(q))
		return querier_answers_at(q, now);
	return mono_add(now, querier_interval(q) + querier_response_interval(q) + NSEC_PER_SEC);
}

struct mono
querier_all_answer_at(const struct querier *q, struct mono now)
{
	return querier_is_active(q) ? mono_add(now, querier_response_interval(q) + NSEC_PER_SEC) : now;
}

struct mono
querier_port_up(struct querier *q, uint16_t port, struct mono now)
{
	if (!querier_may_ask(q))
		return now;
	struct gm_build b = querier_build(q);
	b.max_resp = querier_quick_response(q);
	/* While another is elected we only ask on its behalf: with what it told last, and 0.0.0.0 takes no part in the
	 * election (RFC 4541 2.1.1). */
	b.qrv = querier_robustness(q);
	b.qqi = querier_interval(q);
	if (q->state != QUERIER_QUERIER && q->family == GM_IGMP)
		b.ip_src = ipaddr_v4_u32(0);
	q->ops.send(q->arg, port, &b, now);
	return querier_answers_at(q, now);
}

static void
querier_set_elected(struct querier *q, uint16_t port, const struct gm_msg *query, struct mono now)
{
	bool is_new = !ipaddr_equal(&q->elected, &query->src);
	const nsec_t known = is_new ? 0 : q->elected_response;
	const nsec_t response = ipaddr_is_any(&query->group) ? query->max_resp : known;
	bool retimed = query->qrv != q->elected_robustness || query->qqi != q->elected_interval ||
		       response != q->elected_response;
	q->elected = query->src;
	q->elected_port = port;
	q->elected_robustness = query->qrv;
	q->elected_interval = query->qqi;
	q->elected_response = response;
	q->other_until = mono_add(now, querier_other_interval(q));
	if (q->state == QUERIER_QUERIER)
		q->state = QUERIER_NON_QUERIER;
	q->next_general = MONO_NEVER;
	if (is_new || retimed)
		q->ops.changed(q->arg, q->family, is_new, now);
}

/* RFC 3376 6.6.2: the lower address wins; the unspecified one neither wins nor loses. */
bool
querier_query_seen(struct querier *q, uint16_t port, const struct gm_msg *query, struct mono now)
{
	if (ipaddr_is_unspecified(&query->src))
		return false;
	const struct ipaddr *present = q->state == QUERIER_QUERIER ? &q->own : &q->elected;
	int c = ipaddr_cmp(&query->src, present);
	bool same = c == 0 && q->state != QUERIER_QUERIER;
	if (!ipaddr_is_unspecified(present) && c >= 0 && !same)
		return false;
	/* A general query may come from where the querier has moved to; a specific one by another port is a forgery. */
	if (same && port != q->elected_port && !ipaddr_is_any(&query->group))
		return false;
	querier_set_elected(q, port, query, now);
	return true;
}

static void
querier_elected_gone(struct querier *q, struct mono now)
{
	querier_forget_elected(q);
	if (querier_may_ask(q)) {
		querier_start(q, now);
		q->takes_over = true;
	}
	q->ops.changed(q->arg, q->family, true, now);
}

void
querier_port_down(struct querier *q, uint16_t port, struct mono now)
{
	if (!ipaddr_is_any(&q->elected) && q->elected_port == port)
		querier_elected_gone(q, now);
}

void
querier_send_specific(struct querier *q, const struct mdb_query *query, struct mono now)
{
	struct gm_build b = querier_build(q);
	b.group = query->group;
	b.sources = query->sources;
	b.n_sources = query->n_sources;
	b.s_flag = query->s_flag;
	b.max_resp = query->max_resp;
	q->ops.send(q->arg, query->port, &b, now);
}

bool
querier_is_active(const struct querier *q)
{
	return q->state == QUERIER_QUERIER || !ipaddr_is_any(&q->elected);
}

void
querier_tick(struct querier *q, struct mono now)
{
	if (mono_due(q->other_until, now))
		querier_elected_gone(q, now);
	if (q->state != QUERIER_QUERIER || !mono_due(q->next_general, now))
		return;
	struct gm_build b = querier_build(q);
	/* What was reported to the other one's last query ends half a response interval from now on (RFC
	 * 3376 8.4, 8.5), and whoever still listens must have been heard by then. */
	if (q->takes_over)
		b.max_resp /= 4;
	q->takes_over = false;
	nsec_t startup =
		q->params->startup_query_interval ? q->params->startup_query_interval : q->params->query_interval / 4;
	if (q->startup_left)
		q->startup_left--;
	q->next_general = mono_add(now, q->startup_left ? startup : q->params->query_interval);
	q->ops.send(q->arg, QUERIER_ALL_PORTS, &b, now);
}

struct mono
querier_next(const struct querier *q)
{
	return q->state == QUERIER_QUERIER ? q->next_general : q->other_until;
}
