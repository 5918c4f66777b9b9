/* Two sessions of one name: how often the later may take the earlier's place, and whether the earlier is alive. */
#include "app_takeover.h"

#include <string.h>

bool
app_takeovers_count(struct app_takeovers *t, struct mono now)
{
	memmove(&t->at[1], &t->at[0], sizeof(t->at) - sizeof(t->at[0]));
	t->at[0] = now;
	if (++t->n < APP_TAKEOVERS_MAX || mono_since(t->at[APP_TAKEOVERS_MAX - 1], now) > APP_TAKEOVERS_WITHIN)
		return false;
	t->n = 0;
	t->refuse_until = mono_add(now, APP_TAKEOVERS_REFUSE);
	return true;
}

bool
app_takeovers_refuse(const struct app_takeovers *t, struct mono now)
{
	return mono_before(now, t->refuse_until);
}

enum app_probe_answer
app_probe_step(struct app_probe *p, uint64_t rx_packets, struct mono now)
{
	nsec_t age = mono_since(p->began, now);
	if (!p->active || age >= APP_PROBE_AGE) {
		*p = (struct app_probe){ .active = true, .began = now, .rx_packets = rx_packets };
		return APP_PROBE_WAIT;
	}
	if (rx_packets == p->rx_packets && age < APP_PROBE_TIME)
		return APP_PROBE_WAIT;
	p->active = false;
	return rx_packets == p->rx_packets ? APP_PROBE_DEAD : APP_PROBE_ALIVE;
}
