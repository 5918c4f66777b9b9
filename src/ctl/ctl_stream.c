/* The control socket's clients that watch: they are sent what happens, between the answers to what they ask. */
#include "ctl_impl.h"

#include <time.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "castswitch/sbuf.h"

bool
ctl_watch(struct ctl *ctl, json_t *only, char *err, size_t errlen)
{
	struct client *c = ctl->asking;

	if (!c->watches && ctl->n_watchers == CTL_WATCHERS_MAX) {
		ctl_explain(err, errlen, "too many watch already (%d)", CTL_WATCHERS_MAX);
		json_decref(only);
		return false;
	}
	ctl->n_watchers += !c->watches;
	c->watches = true;
	json_decref(c->only);
	c->only = only;
	return true;
}

bool
ctl_is_watched(const struct ctl *ctl)
{
	return ctl->n_watchers > 0;
}

void
ctl_stream_end(struct client *c)
{
	c->ctl->n_watchers -= c->watches;
	json_decref(c->only);
}

/* --- time ------------------------------------------------------------------------------------------------------------
 */

static int64_t
unix_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* --- lines -----------------------------------------------------------------------------------------------------------
 */

static size_t
unread(const struct client *c)
{
	return evbuffer_get_length(bufferevent_get_output(c->bev));
}

/* Says how many events are missing at this place.  It may be that there is no memory for that, too. */
static void
tell_lost(struct client *c)
{
	const int64_t ms = unix_ms();

	if (evbuffer_add_printf(bufferevent_get_output(c->bev),
				"{\"event\":\"lost\",\"time_s\":%lld.%03d,\"count\":%llu}\n", (long long)(ms / 1000),
				(int)(ms % 1000), (unsigned long long)c->lost) > 0)
		c->lost = 0;
}

/* 'line' is NULL when there was no memory for it.  A client that was too slow has to read half of what waits, so that
 * it does not lose every other event. */
static void
tell(struct client *c, const struct sbuf *line)
{
	const size_t allowed = c->lost ? CTL_WATCH_BACKLOG_MAX / 2 : CTL_WATCH_BACKLOG_MAX;

	if (line && unread(c) + line->len <= allowed) {
		if (c->lost)
			tell_lost(c);
		if (!c->lost && evbuffer_add(bufferevent_get_output(c->bev), line->s, line->len) == 0)
			return;
	}
	c->lost++;
}

void
ctl_stream_written(struct client *c)
{
	if (c->lost)
		tell_lost(c);
}

static bool
is_wanted(json_t *only, const json_t *event)
{
	const char *key;
	json_t *value;

	json_object_foreach(only, key, value)
	{
		if (!json_equal(value, json_object_get(event, key)))
			return false;
	}
	return true;
}

/* For json_dump_callback(). */
static int
add_text(const char *bytes, size_t n, void *line)
{
	sbuf_add(line, bytes, n);
	return sbuf_failed(line) ? -1 : 0;
}

static bool
make_line(json_t *event, struct sbuf *line)
{
	sbuf_init(line);
	if (json_object_set_new(event, "time_s", json_real((double)unix_ms() / 1000)) < 0 ||
	    json_dump_callback(event, add_text, line, JSON_COMPACT | JSON_REAL_PRECISION(15)) < 0)
		return false;
	sbuf_addc(line, '\n');
	return !sbuf_failed(line);
}

void
ctl_publish(struct ctl *ctl, json_t *event)
{
	struct sbuf line;
	const bool good = make_line(event, &line);

	LIST_EACH (c, &ctl->clients, struct client, link)
		if (c->watches && !c->closing && (!event || is_wanted(c->only, event)))
			tell(c, good ? &line : NULL);
	sbuf_free(&line);
	json_decref(event);
}
