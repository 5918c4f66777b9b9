/* castswitchd: sessions become peers, peers become ports. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app_params.h"
#include "app_peer.h"
#include "server.h"

/* Connected or waited for. */
static struct server_peer *
server_peer_of_name(const struct server *s, const char *name)
{
	LIST_EACH (p, &s->peers, struct server_peer, node)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

struct server_peer *
server_peer_find(const struct server *s, const char *name)
{
	struct server_peer *p = server_peer_of_name(s, name);
	return p && p->session ? p : NULL;
}

/* --- admission --- */

static void
server_peer_free(struct server *s, struct server_peer *p, struct mono now)
{
	list_remove(&p->node);
	if (s->pool)
		pool_release(s->pool, p->name);
	port_peer_free(p->port, now);
	free(p);
}

/* Makes room: those who only are waited for have to go. */
static bool
server_drop_suspended(struct server *s, struct mono now)
{
	bool any = false;
	LIST_EACH_SAFE (p, tmp, &s->peers, struct server_peer, node) {
		if (p->session)
			continue;
		server_peer_free(s, p, now);
		any = true;
	}
	return any;
}

/* Whether there is an address for it.  The lease is its own already should it come in: taken again when it is
 * established, given back at once if that never happens. */
static bool
server_may_lease(struct server *s, const char *name, struct mono now)
{
	struct ipprefix addrs[POOL_MAX_PREFIXES];
	size_t n;
	if (!s->pool || conf_peer_for(s->conf, name)->address.n || server_peer_of_name(s, name))
		return true;
	if (!pool_lease(s->pool, name, addrs, &n) &&
	    (!server_drop_suspended(s, now) || !pool_lease(s->pool, name, addrs, &n)))
		return false;
	pool_release(s->pool, name);
	return true;
}

enum tmsg_reason
server_vouch(struct server *s, const struct sec_identity *who, char *text, size_t len)
{
	if (conf_peer_for(s->conf, who->name)->disabled)
		return TMSG_REASON_DISABLED;
	return app_peer_vouch(s->identity, who, (int64_t)time(NULL), text, len);
}

static bool
server_has_port(const struct server *s, const char *name)
{
	for (size_t i = 0; i < s->first->n_nics; i++)
		if (strcmp(s->first->nic[i].name, name) == 0)
			return true;
	return strcmp(s->first->tap.name, name) == 0;
}

static enum tmsg_reason
server_admit(void *arg, struct session *session, const struct sec_identity *who, const struct tmsg_hello *hello,
	     char text[TMSG_TEXT_MAX + 1])
{
	struct server *s = arg;
	struct mono now = loop_now(s->loop);
	struct server_peer *p = server_peer_find(s, who->name);
	(void)hello;
	if (server_has_port(s, who->name)) {
		strcpy(text, "the name is an interface of the server");
		return TMSG_REASON_NAME;
	}
	enum tmsg_reason reason = server_vouch(s, who, text, TMSG_TEXT_MAX + 1);
	if (reason != TMSG_REASON_NONE)
		return reason;
	if (app_tap_leads_to(&s->tap, &session_path(session)->remote))
		return TMSG_REASON_LOOP;
	if (s->n_peers >= s->conf->peers_max && !p) {
		strcpy(text, "too many peers");
		return TMSG_REASON_FULL;
	}
	if (!server_may_lease(s, who->name, now)) {
		strcpy(text, "the address pool is exhausted");
		return TMSG_REASON_FULL;
	}
	/* New keys of the session that is there are no second one. */
	return p && !session_predecessor(session) ? server_admit_duplicate(s, p, text, now) : TMSG_REASON_NONE;
}

/* --- peers --- */

void
server_reap_peers(struct server *s, struct mono now)
{
	s->reap_at = MONO_NEVER;
	LIST_EACH_SAFE (p, tmp, &s->peers, struct server_peer, node) {
		if (p->session)
			continue;
		if (mono_due(p->until, now)) {
			server_peer_free(s, p, now);
			continue;
		}
		if (!p->suspended)
			port_peer_suspend(p->port, now);
		p->suspended = true;
		s->reap_at = mono_min(s->reap_at, p->until);
	}
}

void
server_set_policy(const struct server *s, struct server_peer *p)
{
	const struct port_peer_policy policy = app_policy(&s->conf->tunnel);
	port_peer_set_policy(p->port, &policy);
}

static struct server_peer *
server_peer_new(struct server *s, const char *name, bool endpoint, struct mono now, int *ret_err)
{
	struct sw_port_params params;
	struct server_peer *p = calloc(1, sizeof(*p));
	*ret_err = ENOMEM;
	if (!p)
		return NULL;
	p->moves = (struct log_limit)LOG_LIMIT_INIT;
	p->conf = conf_peer_for(s->conf, name);
	snprintf(p->name, sizeof(p->name), "%s", name);
	app_port_params(&p->conf->port, SW_PEER, name, &params);
	params.endpoint = endpoint;
	p->endpoint = endpoint;
	p->port = port_peer_new(s->sw, &params, now, ret_err);
	if (!p->port && *ret_err == ENOSPC && server_drop_suspended(s, now))
		p->port = port_peer_new(s->sw, &params, now, ret_err);
	if (!p->port) {
		free(p);
		return NULL;
	}
	port_peer_set_owner(p->port, p);
	server_set_policy(s, p);
	list_push_back(&s->peers, &p->node);
	server_set_static(s, port_peer_port(p->port), now);
	return p;
}

/* The port of the session: the one that waits for it, or another. */
static struct server_peer *
server_peer_take(struct server *s, struct session *session, struct mono now, int *ret_err)
{
	const char *name = session_peer(session)->name;
	bool endpoint = session_hello(session)->flags & TMSG_FLAG_ENDPOINT;
	struct server_peer *p = server_peer_of_name(s, name);
	if (p && p->endpoint != endpoint) {
		server_peer_free(s, p, now);
		p = NULL;
	}
	if (p) {
		p->conf = conf_peer_for(s->conf, name);
		server_renew_port(s, port_peer_port(p->port), &p->conf->port, SW_PEER, now);
	} else {
		p = server_peer_new(s, name, endpoint, now, ret_err);
	}
	if (!p)
		return NULL;
	p->session = session;
	p->suspended = false;
	s->n_peers++;
	return p;
}

/* It did not come in after all. */
static void
server_peer_undo(struct server *s, struct server_peer *p, struct mono now)
{
	s->n_peers--;
	server_peer_free(s, p, now);
}

void
server_push(struct server *s, const struct server_peer *p, struct mono now)
{
	struct tmsg_push push = { .mtu = (uint16_t)s->mtu,
				  .multicast_route = p->conf->multicast_route,
				  .keepalive = p->conf->keepalive,
				  .rekey = s->conf->tunnel.rekey };
	for (size_t i = 0; i < p->n_addrs; i++)
		push.addrs[push.n_addrs++] = p->addrs[i];
	server_push_net(s, p, &push);
	session_push(p->session, &push, now);
	sessions_touch(s->sessions, p->session);
}

static void
server_established(void *arg, struct session *session, struct mono now)
{
	struct server *s = arg;
	const char *name = session_peer(session)->name;
	char buf[ENDPOINT_STRLEN], why[TMSG_TEXT_MAX + 1] = "";
	int err;
	/* A reload may have come between its admission and now. */
	enum tmsg_reason reason = server_vouch(s, session_peer(session), why, sizeof(why));
	if (reason != TMSG_REASON_NONE) {
		log_warning("peer", "%s: not connected: %s", name, *why ? why : tmsg_reason_text(reason));
		session_close(session, reason, why, now);
		return;
	}
	struct server_peer *old = server_peer_find(s, name);
	/* Somebody else was faster. */
	if (old && conf_peer_for(s->conf, name)->duplicates == CONF_DUPLICATES_REFUSE) {
		log_warning("peer", "%s: not connected: %s", name, tmsg_reason_text(TMSG_REASON_DUPLICATE));
		session_close(session, TMSG_REASON_DUPLICATE, "", now);
		return;
	}
	const struct app_takeovers takeovers = old ? old->takeovers : (struct app_takeovers){ 0 };
	bool takes_over = old;
	if (old)
		session_close(old->session, TMSG_REASON_REPLACED, "", now);
	/* The port of an older session of that name must make room now. */
	server_reap_peers(s, now);
	struct server_peer *p = server_peer_take(s, session, now, &err);
	if (p && !server_give_addresses(s, p)) {
		log_warning("peer", "%s: not connected: the address pool is exhausted", name);
		server_peer_undo(s, p, now);
		session_close(session, TMSG_REASON_FULL, "the address pool is exhausted", now);
		return;
	}
	if (!p) {
		log_warning("peer", "%s: no port for it: %s", name, strerror(err));
		session_close(session, TMSG_REASON_FULL, "", now);
		return;
	}
	if (takes_over)
		server_count_takeover(p, &takeovers, now);
	p->probe.active = false;
	log_info("peer", "%s: connected from %s (%s, %s)", p->name, endpoint_str(&session_path(session)->remote, buf),
		 app_aead_name(session_aead(session)), session_hello(session)->software);
	session_set_keepalive(session, p->conf->keepalive, now);
	port_peer_attach(p->port, session, s->sockets[session_path(session)->sock].udp, now);
	s->look_at = mono_min(s->look_at, app_peer_look_at(session_peer(session)->not_after, (int64_t)time(NULL), now));
	/* The first query can end the session, should its cipher fail. */
	if (p->session)
		server_push(s, p, now);
}

/* Also its certificate may be another one now. */
static void
server_rekeyed(void *arg, struct session *session, struct session *old, struct mono now)
{
	struct server *s = arg;
	struct port_peer *port = session_owner(session);
	(void)old;
	if (!port)
		return;
	struct server_peer *p = port_peer_owner(port);
	log_info("peer", "%s: new keys (%s)", p->name, app_aead_name(session_aead(session)));
	p->session = session;
	port_peer_rekey(port, session, s->sockets[session_path(session)->sock].udp);
	s->look_at = mono_min(s->look_at, app_peer_look_at(session_peer(session)->not_after, (int64_t)time(NULL), now));
}

static void
server_moved(void *arg, struct session *session, const struct path *before, struct mono now)
{
	struct server *s = arg;
	struct port_peer *port = session_owner(session);
	char from[ENDPOINT_STRLEN], to[ENDPOINT_STRLEN];
	if (!port)
		return;
	struct server_peer *p = port_peer_owner(port);
	port_peer_set_udp(port, s->sockets[session_path(session)->sock].udp);
	log_limited(&p->moves, now, LOG_LEVEL_INFO, "peer", "%s: moved from %s to %s", p->name,
		    endpoint_str(&before->remote, from), endpoint_str(&session_path(session)->remote, to));
	if (app_tap_leads_to(&s->tap, &session_path(session)->remote))
		session_close(session, TMSG_REASON_LOOP, "", now);
}

/* --- ends --- */

void
server_failure_log_init(struct server_failure_log *l, const struct rng *rng)
{
	l->key = (struct hash_key){ .k0 = rng_u64(rng), .k1 = rng_u64(rng) };
	for (size_t i = 0; i < sizeof(l->by_source) / sizeof(l->by_source[0]); i++)
		l->by_source[i] = (struct log_limit)LOG_LIMIT_INIT;
	l->all = (struct log_limit){ .every = NSEC_PER_SEC, .burst = 100 };
}

static void
server_log_failure(struct server *s, struct session *session, const struct session_close_info *info, struct mono now)
{
	char addr[ENDPOINT_STRLEN], why[SEC_ERROR_MAX + 128], line[2 * SEC_ERROR_MAX];
	const struct sec_identity *who = session_peer(session);
	const struct endpoint *from = &session_path(session)->remote;
	struct log_limit *mine = &s->failures.by_source[hash_bytes(&s->failures.key, &from->ip, sizeof(from->ip)) % 64];
	snprintf(line, sizeof(line), "%s%s%s: not connected: %s", endpoint_str(from, addr),
		 who && *who->name ? " " : "", who ? who->name : "", app_end_text(info, why, sizeof(why)));
	if (log_limit_passes(mine, now))
		log_limited(&s->failures.all, now, LOG_LEVEL_WARNING, "peer", "%s", line);
	else
		s->failures.all.suppressed++;
}

/* One that fell silent, or whose place another session of its name takes, may go on where it was.  Whoever said goodbye
 * or was sent away starts anew. */
static bool
server_waits_for(const struct session_close_info *info)
{
	return info->end == SESSION_END_DEAD ||
	       (info->end == SESSION_END_LOCAL && info->reason == TMSG_REASON_REPLACED);
}

static void
server_closed(void *arg, struct session *session, const struct session_close_info *info, struct mono now)
{
	struct server *s = arg;
	struct port_peer *port = session_owner(session);
	char why[SEC_ERROR_MAX + 128];
	if (!port) {
		if (!info->was_established)
			server_log_failure(s, session, info, now);
		return;
	}
	struct server_peer *p = port_peer_owner(port);
	log_info("peer", "%s: disconnected: %s", p->name, app_end_text(info, why, sizeof(why)));
	port_peer_end(port);
	p->session = NULL;
	p->until = server_waits_for(info) ? mono_add(now, s->conf->snooping.grace) : now;
	s->reap_at = now;
	s->n_peers--;
}

static void
server_look_at_peer(struct server *s, struct server_peer *p, struct mono now)
{
	const struct sec_identity *who = session_peer(p->session);
	char why[SEC_ERROR_MAX] = "";
	enum tmsg_reason reason = server_vouch(s, who, why, sizeof(why));
	if (reason != TMSG_REASON_NONE)
		session_close(p->session, reason, why, now);
	else
		s->look_at = mono_min(s->look_at, app_peer_look_at(who->not_after, (int64_t)time(NULL), now));
}

void
server_look_at_peers(struct server *s, struct mono now)
{
	s->look_at = MONO_NEVER;
	LIST_EACH_SAFE (p, tmp, &s->peers, struct server_peer, node)
		if (p->session)
			server_look_at_peer(s, p, now);
}

void
server_close_peers(struct server *s, enum tmsg_reason reason, struct mono now)
{
	LIST_EACH_SAFE (p, tmp, &s->peers, struct server_peer, node) {
		p->until = now;
		if (p->session)
			session_close(p->session, reason, "", now);
	}
}

/* --- datagrams --- */

void
server_send(struct server *s, const struct path *path, const uint8_t *dgram, size_t len)
{
	uint8_t buf[ACCESS_MAX];
	dgram = access_wrap(s->access, ACCESS_TO_CLIENT, dgram, &len, buf);
	if (dgram)
		udp_send(s->sockets[path->sock].udp, path, dgram, len);
}

static void
server_output(void *arg, struct session *session, const struct path *path, const uint8_t *dgram, size_t len)
{
	struct server *s = arg;
	(void)session;
	server_send(s, path, dgram, len);
}

const struct session_ops server_session_ops = {
	.output = server_output,
	.admit = server_admit,
	.established = server_established,
	.rekeyed = server_rekeyed,
	.moved = server_moved,
	.closed = server_closed,
};

static struct session *
server_find(void *arg, uint32_t receiver)
{
	struct server *s = arg;
	return sessions_find(s->sessions, receiver);
}

static bool
server_unwrap(void *arg, const uint8_t **dgram, size_t *len)
{
	struct server *s = arg;
	return access_unwrap(s->access, ACCESS_TO_SERVER, dgram, len);
}

static void
server_handshake(void *arg, const struct path *from, const uint8_t *dgram, size_t len, struct mono now)
{
	struct server *s = arg;
	sessions_handshake_input(s->sessions, from, dgram, len, now);
}

static void
server_touched(void *arg, struct session *session)
{
	struct server *s = arg;
	sessions_touch(s->sessions, session);
}

static void
server_count_drop(void *arg, enum drop_reason r)
{
	struct server *s = arg;
	sessions_count_drop(s->sessions, r);
}

void
server_receive(struct server *s, struct udp_dgram *dgrams, size_t n, struct mono now)
{
	const struct port_peer_rx rx = { .sw = s->sw,
					 .arg = s,
					 .find = server_find,
					 .unwrap = server_unwrap,
					 .handshake = server_handshake,
					 .touched = server_touched,
					 .drop = server_count_drop };
	port_peer_receive(&rx, dgrams, n, now);
}

/* --- what the kernel refused to send --- */

struct refused {
	struct server *server;
	const struct udp_refused *what;
	uint32_t receiver;
	struct mono now;
};

/* The receiver id is the client's choice and need not be unique. */
static void
server_refused(void *arg, struct session *session)
{
	const struct refused *r = arg;
	if (session_remote_id(session) != r->receiver || !endpoint_equal(&session_path(session)->remote, &r->what->to))
		return;
	session_refused(session, r->what->len, r->now);
	sessions_touch(r->server->sessions, session);
}

void
server_take_refused(struct server *s, struct udp *udp, struct mono now)
{
	struct udp_refused what;
	struct tmsg_data hdr;
	while (udp_take_refused(udp, &what)) {
		struct refused r = { .server = s, .what = &what, .now = now };
		if (!tmsg_data_parse(what.head, what.head_len, &hdr))
			continue;
		r.receiver = hdr.receiver;
		sessions_each(s->sessions, server_refused, &r);
	}
}
