/* castswitchd: a second session of a name that is connected (DESIGN section 7, takeover). */
#include <stdio.h>

#include "server.h"

/* 'refuse': only if it is alive, which takes up to 2 s to find out. */
static enum tmsg_reason
server_probe_old(struct server_peer *p, char *text, struct mono now)
{
	switch (app_probe_step(&p->probe, session_stats(p->session)->rx_packets, now)) {
	case APP_PROBE_WAIT:
		session_request(p->session, now);
		return SESSION_ASK_AGAIN;
	case APP_PROBE_DEAD:
		session_close(p->session, TMSG_REASON_REPLACED, "", now);
		return TMSG_REASON_NONE;
	case APP_PROBE_ALIVE:
		break;
	}
	snprintf(text, TMSG_TEXT_MAX + 1, "it answers at its other address");
	return TMSG_REASON_DUPLICATE;
}

enum tmsg_reason
server_admit_duplicate(const struct server *s, struct server_peer *p, char text[TMSG_TEXT_MAX + 1], struct mono now)
{
	if (conf_peer_for(s->conf, p->name)->duplicates == CONF_DUPLICATES_REFUSE)
		return server_probe_old(p, text, now);
	if (!app_takeovers_refuse(&p->takeovers, now))
		return TMSG_REASON_NONE;
	snprintf(text, TMSG_TEXT_MAX + 1, "it was replaced %d times within a minute", APP_TAKEOVERS_MAX);
	return TMSG_REASON_DUPLICATE;
}

void
server_count_takeover(struct server_peer *p, const struct app_takeovers *before, struct mono now)
{
	p->takeovers = *before;
	if (app_takeovers_count(&p->takeovers, now))
		log_warning("peer",
			    "%s: replaced %d times within a minute: do two have this name? The next are refused for a "
			    "minute",
			    p->name, APP_TAKEOVERS_MAX);
}
