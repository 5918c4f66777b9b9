/* What the switch tells, for those who watch on the control socket. */
#include "castswitch/ctl_watch.h"

#include "ctl_json.h"

static json_t *
event_json(const char *name, const struct sw_event *ev)
{
	json_t *o = json_pack("{s:s,s:i}", "event", name, "vlan", ev->vid);

	if (ev->port && json_object_set_new(o, "port", json_string(sw_port_name(ev->port))) < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static json_t *
membership_json(const char *name, const struct sw_event *ev)
{
	json_t *o = event_json(name, ev);

	json_object_set_new(o, "group", ctl_json_ip(&ev->group));
	if (!mac_is_zero(&ev->mac))
		json_object_set_new(o, "mac", ctl_json_mac(&ev->mac));
	return o;
}

static json_t *
querier_json(const struct sw_event *ev)
{
	const bool nobody = ipaddr_is_any(&ev->group);
	json_t *o = event_json("querier", ev);

	json_object_set_new(o, "family", json_string(ev->family == GM_IGMP ? "igmp" : "mld"));
	json_object_set_new(o, "state", json_string(nobody ? "off" : ev->port ? "non-querier" : "querier"));
	if (!nobody)
		json_object_set_new(o, "address", ctl_json_ip(&ev->group));
	return o;
}

json_t *
ctl_watch_json(const struct sw_event *ev)
{
	switch (ev->kind) {
	case SW_EVENT_JOIN:
		return membership_json("join", ev);
	case SW_EVENT_LEAVE:
		return membership_json("leave", ev);
	case SW_EVENT_QUERIER:
		return querier_json(ev);
	case SW_EVENT_ROUTER:
		return event_json("router", ev);
	case SW_EVENT_NO_ROUTER:
		return event_json("no-router", ev);
	case SW_EVENT_MAC_MOVED:
		break;
	}
	return NULL;
}

/* MACs may move with every frame, and this is about listeners. */
void
ctl_watch_event(struct ctl *c, const struct sw_event *ev)
{
	if (c && ctl_is_watched(c) && ev->kind != SW_EVENT_MAC_MOVED)
		ctl_publish(c, ctl_watch_json(ev));
}

/* The members that an event must have, as ctl_watch_json() writes them; NULL when out of memory. */
static json_t *
filter_json(const struct ctl_filter *f)
{
	json_t *o = json_object();
	int r = o ? 0 : -1;

	if (!ipaddr_is_any(&f->group))
		r |= json_object_set_new(o, "group", ctl_json_ip(&f->group));
	if (f->port)
		r |= json_object_set_new(o, "port", json_string(f->port));
	if (r == 0)
		return o;
	json_decref(o);
	return NULL;
}

static json_t *
watch_command(void *arg, const json_t *request, char *err, size_t errlen)
{
	struct ctl_filter filter;

	if (!ctl_filter_read(request, &filter, err, errlen))
		return NULL;
	json_t *only = filter_json(&filter);
	return only && ctl_watch(arg, only, err, errlen) ? json_string("events follow") : NULL;
}

int
ctl_watch_register(struct ctl *c)
{
	return ctl_register(c, "watch", "what happens, as it happens: joins, leaves, routers, queriers", watch_command,
			    c);
}
