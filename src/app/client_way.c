/* castswitch: the way to the server beside the tunnel's routes that cover it.
 *
 * A host route by the way that there would be without the tunnel.  Where there is none, one that refuses: else what is
 * for the server would go round in the tunnel.  It follows the routes of the underlay as they change, for the session
 * that there is and for every try.
 */
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "client.h"

/* Routes change in bursts. */
#define WAY_SETTLES (50 * NSEC_PER_MSEC)

static struct client_way *
way_of(struct client *c, const struct ipaddr *dst)
{
	return &c->net.ways[!ipaddr_is_v4(dst)];
}

static void
way_log(const struct client_way *w)
{
	char dst[IPADDR_STRLEN], gateway[IPADDR_STRLEN], name[IF_NAMESIZE] = "?";
	if (!w->way.oif) {
		log_warning("net", "there is no way to the server %s outside of the tunnel now",
			    ipaddr_str(&w->dst, dst));
		return;
	}
	(void)if_indextoname(w->way.oif, name);
	if (ipaddr_is_any(&w->way.gateway))
		log_info("net", "%s: route to the server %s", name, ipaddr_str(&w->dst, dst));
	else
		log_info("net", "%s: route to the server %s via %s", name, ipaddr_str(&w->dst, dst),
			 ipaddr_str(&w->way.gateway, gateway));
}

/* --- following the underlay --- */

static void
way_unwatch(struct client *c)
{
	loop_fd_del(c->net.watch_fd);
	route_watch_close(c->net.watch);
	c->net.watch_fd = NULL;
	c->net.watch = NULL;
	c->net.look_at = MONO_NEVER;
}

static void
way_look_later(void *arg, int fd, unsigned events, struct mono now)
{
	struct client *c = arg;
	(void)fd;
	(void)events;
	if (route_watch_read(c->net.watch, tap_ifindex(c->tap.tap)) && mono_is_never(c->net.look_at))
		c->net.look_at = mono_add(now, WAY_SETTLES);
}

/* Without it the way is looked at when there is a try. */
static void
way_watch(struct client *c)
{
	struct client_net *net = &c->net;
	if (net->watch)
		return;
	net->watch = route_watch_open();
	if (net->watch &&
	    loop_add_fd(c->loop, route_watch_fd(net->watch), LOOP_READ, way_look_later, c, &net->watch_fd) == 0)
		return;
	log_warning("net", "changes of routes cannot be followed: %s", strerror(errno));
	way_unwatch(c);
}

static void
way_again(struct client *c, const struct client_way *w)
{
	const struct ipaddr dst = w->dst;
	if (w->needed)
		(void)client_way_keep(c, &dst);
}

static struct mono
way_next(void *arg)
{
	return ((struct client *)arg)->net.look_at;
}

static void
way_tick(void *arg, struct mono now)
{
	struct client *c = arg;
	c->net.look_at = MONO_NEVER;
	for (unsigned i = 0; i < 2; i++)
		way_again(c, &c->net.ways[i]);
	client_tunnel_look(c, now);
}

int
client_way_start(struct client *c)
{
	c->net.look_at = MONO_NEVER;
	return loop_add_engine(c->loop, way_next, way_tick, c);
}

/* --- the host route --- */

static void
way_drop(struct client *c, struct client_way *w)
{
	if (w->own && link_way_del(c->tap.link, &w->dst, &w->way) != 0)
		log_warning("net", "%s", link_error(c->tap.link));
	*w = (struct client_way){ .own = false };
	client_undo_write(c, NULL);
}

/* Also when it seems to be as it should: with an interface or an address the kernel removes routes. */
static bool
way_set(struct client *c, struct client_way *w, const struct link_way *way)
{
	bool changed = !w->own || !link_way_equal(way, &w->way);
	if (changed)
		client_undo_write(c, &(struct client_way){ .dst = w->dst, .way = *way });
	int r = link_way_set(c->tap.link, &w->dst, way, w->own && changed);
	if (r == 0) {
		w->own = true;
		w->way = *way;
	}
	if (changed)
		client_undo_write(c, NULL);
	if (r == 0 && changed)
		way_log(w);
	/* Somebody else's, which is what was found then; or our own, still there. */
	if (r == 0 || r == -EEXIST)
		return true;
	log_warning("net", "%s", link_error(c->tap.link));
	return false;
}

bool
client_way_keep(struct client *c, const struct ipaddr *dst)
{
	struct client_way *w = way_of(c, dst);
	struct link_way way = { .oif = 0 };
	/* Those never leave their link, whatever routes say. */
	if (ipaddr_is_link_local(dst) && !ipaddr_is_v4(dst))
		return true;
	if (w->needed && !ipaddr_equal(&w->dst, dst))
		way_drop(c, w);
	w->needed = true;
	w->dst = *dst;
	way_watch(c);
	int r = link_way_find(c->tap.link, dst, tap_ifindex(c->tap.tap), w->own, &way);
	if (r == 0 || r == -ENETUNREACH)
		return way_set(c, w, &way);
	log_warning("net", "%s", link_error(c->tap.link));
	return false;
}

void
client_way_clean(struct client *c)
{
	bool any = false;
	for (unsigned i = 0; i < 2; i++) {
		struct client_way *w = &c->net.ways[i];
		if (w->needed && !client_routes_cover(c, &w->dst))
			way_drop(c, w);
		any = any || w->needed;
	}
	if (!any)
		way_unwatch(c);
}

void
client_way_settle(struct client *c, const struct ipaddr *server)
{
	for (unsigned i = 0; i < 2; i++)
		if (c->net.ways[i].needed && !ipaddr_equal(&c->net.ways[i].dst, server))
			way_drop(c, &c->net.ways[i]);
}
