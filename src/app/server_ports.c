/* castswitchd: the ports that are no peers', and what the configuration sets for good on any port. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app_params.h"
#include "server.h"

/* Batches read per wakeup, so that a busy NIC does not starve the others. */
enum { NIC_READ_BATCHES = 4 };

struct server_nic {
	struct server *server;
	char name[CONF_IFNAME_MAX + 1];
	uint32_t warned_mtu; /* the last one that was complained of */
	struct nic *nic;
	struct port_nic *port;
	struct loop_fd *fd;
};

/* --- what is set for good --- */

static bool
static_group_add(struct server *s, const struct conf_static_group *g, struct sw_port *port, struct mono now)
{
	if (g->is_mac)
		return switch_add_static_group_mac(s->sw, port, g->vlan, &g->mac, now);
	return switch_add_static_group(s->sw, port, g->vlan, &g->group, g->has_source ? &g->source : NULL, now);
}

static bool
static_group_is_at(const struct conf_static_group *g, const char *port)
{
	for (size_t i = 0; i < g->n_ports; i++)
		if (strcmp(g->ports[i], port) == 0)
			return true;
	return false;
}

void
server_set_static(struct server *s, struct sw_port *port, struct mono now)
{
	const char *name = sw_port_name(port);
	bool ok = true;
	for (size_t i = 0; i < s->conf->n_static_groups; i++)
		if (static_group_is_at(&s->conf->static_group[i], name))
			ok &= static_group_add(s, &s->conf->static_group[i], port, now);
	for (size_t i = 0; i < s->conf->n_static_macs; i++) {
		const struct conf_static_mac *m = &s->conf->static_mac[i];
		if (strcmp(m->port, name) == 0)
			ok &= switch_add_static_mac(s->sw, port, m->vlan, &m->mac, m->sticky, now);
	}
	if (!ok)
		log_error("switch", "%s: out of memory for its static entries", name);
}

void
server_renew_port(struct server *s, struct sw_port *port, const struct conf_port *conf, enum sw_port_kind kind,
		  struct mono now)
{
	struct sw_port_params params;
	app_port_params(conf, kind, sw_port_name(port), &params);
	switch_port_reconfigure(s->sw, port, &params, now);
	switch_clear_static_groups(s->sw, port, now);
	switch_clear_static_macs(s->sw, port);
	if (kind == SW_TAP)
		(void)switch_add_static_mac(s->sw, port, 0, &s->tap.mac, false, now);
	server_set_static(s, port, now);
}

/* --- NICs --- */

/* One Ethernet has one MTU: longer frames from elsewhere would be lost here. */
static void
server_nic_check(struct server_nic *n, const struct link_info *info)
{
	if (info->master)
		log_warning("nic", "%s: is also in a bridge of the kernel, so frames may be doubled", n->name);
	if (info->mtu == n->server->mtu || info->mtu == n->warned_mtu)
		return;
	log_warning("nic", "%s: its MTU is %u, that of the switch %u (switch { mtu = ... }): longer frames get lost",
		    n->name, info->mtu, n->server->mtu);
	n->warned_mtu = info->mtu;
}

static void
server_nic_event(void *arg, enum link_event event, const struct link_info *info, struct mono now)
{
	struct server_nic *n = arg;
	int r = port_nic_link(n->port, event, info, now);
	if (r == -ENODEV)
		return; /* gone again already, as will be told */
	if (r < 0) {
		log_error("nic", "%s: can't be a port: %s", n->name,
			  r == -EMEDIUMTYPE ? "not an Ethernet interface" : strerror(-r));
		return;
	}
	if (event == LINK_CAME || event == LINK_CHANGED)
		server_nic_check(n, info);
	if (event == LINK_CAME && !info->up)
		log_notice("nic", "%s: is here, but not set up (ip link set %s up)", n->name, n->name);
	else if (event != LINK_CHANGED)
		log_info("nic", "%s: %s", n->name, event == LINK_CAME ? "is here" : link_event_name(event));
}

static void
server_nic_readable(void *arg, int fd, unsigned events, struct mono now)
{
	struct server_nic *n = arg;
	(void)fd;
	(void)events;
	for (int i = 0; i < NIC_READ_BATCHES; i++)
		if (port_nic_read(n->port, now) < NIC_BATCH)
			break;
}

static void
server_links_readable(void *arg, int fd, unsigned events, struct mono now)
{
	struct server *s = arg;
	(void)fd;
	(void)events;
	link_watch_read(s->links, now);
}

static enum app_exit
server_start_nic(struct server *s, const struct conf_nic *conf, char err[APP_ERROR_MAX])
{
	struct server_nic *n = &s->nics[s->n_nics];
	struct sw_port_params params;
	struct mono now = loop_now(s->loop);
	int r = 0;
	n->server = s;
	snprintf(n->name, sizeof(n->name), "%s", conf->name);
	n->nic = nic_open(conf->name, err, APP_ERROR_MAX);
	if (!n->nic)
		return APP_PRIVILEGE;
	s->n_nics++;
	app_port_params(&conf->port, SW_NIC, conf->name, &params);
	n->port = port_nic_new(s->sw, n->nic, &params, now, &r);
	if (!n->port)
		return app_fail(err, conf->name, r);
	server_set_static(s, port_nic_port(n->port), now);
	r = loop_add_fd(s->loop, nic_fd(n->nic), LOOP_READ, server_nic_readable, n, &n->fd);
	if (r == 0)
		r = link_watch_add(s->links, conf->name, server_nic_event, n, now);
	if (r != 0)
		return app_fail(err, conf->name, -r);
	if (nic_ifindex(n->nic) == 0)
		log_notice("nic", "%s: no such interface yet, waiting for it", n->name);
	return APP_OK;
}

enum app_exit
server_start_nics(struct server *s, char err[APP_ERROR_MAX])
{
	enum app_exit code = APP_OK;
	if (!s->conf->n_nics)
		return APP_OK;
	s->nics = calloc(s->conf->n_nics, sizeof(*s->nics));
	s->links = link_watch_open();
	if (!s->nics || !s->links)
		return app_fail(err, "watching interfaces", s->nics ? errno : ENOMEM);
	int r = loop_add_fd(s->loop, link_watch_fd(s->links), LOOP_READ, server_links_readable, s, &s->links_fd);
	if (r != 0)
		return app_fail(err, "watching interfaces", -r);
	for (size_t i = 0; code == APP_OK && i < s->conf->n_nics; i++)
		code = server_start_nic(s, &s->conf->nic[i], err);
	return code;
}

void
server_stop_nics(struct server *s)
{
	struct mono now = loop_now(s->loop);
	for (size_t i = 0; i < s->n_nics; i++) {
		loop_fd_del(s->nics[i].fd);
		port_nic_free(s->nics[i].port, now);
		nic_close(s->nics[i].nic);
	}
	loop_fd_del(s->links_fd);
	link_watch_close(s->links);
	free(s->nics);
}

json_t *
server_nics_json(const struct server *s)
{
	json_t *list = json_array();
	for (size_t i = 0; i < s->n_nics; i++)
		json_array_append_new(list, json_pack("{s:s,s:b}", "name", s->nics[i].name, "present",
						      nic_ifindex(s->nics[i].nic) != 0));
	return list;
}

void
server_add_nic_drops(const struct server *s, json_t *list)
{
	for (size_t i = 0; i < s->n_nics; i++)
		ctl_add_drops(list, s->nics[i].name, nic_stats(s->nics[i].nic)->drops);
}

/* --- reload --- */

static const struct conf_nic *
conf_nic_find(const struct conf_server *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_nics; i++)
		if (strcmp(conf->nic[i].name, name) == 0)
			return &conf->nic[i];
	return NULL;
}

bool
server_same_nics(const struct conf_server *a, const struct conf_server *b)
{
	for (size_t i = 0; i < a->n_nics; i++)
		if (!conf_nic_find(b, a->nic[i].name))
			return false;
	return a->n_nics == b->n_nics;
}

void
server_renew_ports(struct server *s, struct mono now)
{
	if (s->tap.port && s->conf->tap.present)
		server_renew_port(s, port_tap_port(s->tap.port), &s->conf->tap.port, SW_TAP, now);
	for (size_t i = 0; i < s->n_nics; i++) {
		const struct conf_nic *conf = conf_nic_find(s->conf, s->nics[i].name);
		if (conf)
			server_renew_port(s, port_nic_port(s->nics[i].port), &conf->port, SW_NIC, now);
	}
}
