/* Checks of ports and of what names them: NICs, static groups, static MAC addresses. */
#include "conf_check.h"

#include <stdlib.h>
#include <string.h>

#include "conf_schema.h"

/* --- names -----------------------------------------------------------------------------------------------------------
 */

static bool
is_tap(const struct conf_server *c, const char *name)
{
	return c->tap.present && strcmp(c->tap.name, name) == 0;
}

static bool
is_nic(const struct conf_server *c, const char *name)
{
	for (size_t i = 0; i < c->n_nics; i++)
		if (strcmp(c->nic[i].name, name) == 0)
			return true;
	return false;
}

static void
check_names(const struct conf_server *c, const struct conf_scan *s, struct conf_errors *e)
{
	for (size_t i = 0; i < c->n_nics; i++)
		if (is_tap(c, c->nic[i].name))
			conf_errors_add(e, s->blocks[s->of_kind[CONF_BLOCK_NIC][i]].line,
					"nic: \"%s\" is the name of the tap", c->nic[i].name);
	for (size_t i = 0; i < c->n_peers; i++) {
		const char *name = c->peer[i].name, *of = is_tap(c, name)   ? "the tap"
							  : is_nic(c, name) ? "a nic"
									    : NULL;

		if (of)
			conf_errors_add(e, s->blocks[s->of_kind[CONF_BLOCK_PEER][i]].line,
					"peer: \"%s\" is the name of %s", name, of);
	}
}

/* A peer needs no block: when there is somewhere to connect to, any name may be one's. */
static void
check_port(const struct conf_server *c, const char *name, unsigned line, const char *option, struct conf_errors *e)
{
	if (!is_tap(c, name) && !is_nic(c, name) && !c->listen.present)
		conf_errors_add(e, line,
				"%s: \"%s\" is neither the tap nor a nic, and without listen there are no peers",
				option, name);
}

/* --- static groups and MAC addresses ---------------------------------------------------------------------------------
 */

static void
check_vlan(const struct conf_server *c, uint16_t vlan, const struct conf_scan *s, size_t block, struct conf_errors *e)
{
	if (vlan && !c->sw.vlan_aware)
		conf_errors_add(e, conf_scan_line(s, block, "vlan"), "vlan: needs vlan-aware = true in switch");
}

/* The source of a group: a host of the group's family (RFC 4607 1: a channel is a source's and a group's address). */
static void
check_source(const struct conf_static_group *g, unsigned line, struct conf_errors *e)
{
	static const struct ipaddr broadcast = { { [10] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };
	const struct ipaddr *a = &g->source;
	char buf[IPADDR_STRLEN];

	if (!g->has_source)
		return;
	if (g->is_mac)
		conf_errors_add(e, line, "source: only groups of IP have sources, not a MAC address");
	else if (ipaddr_is_v4(a) != ipaddr_is_v4(&g->group))
		conf_errors_add(e, line, "source: %s is not of the group's family (allowed: an IPv%c address)",
				ipaddr_str(a, buf), ipaddr_is_v4(&g->group) ? '4' : '6');
	else if (ipaddr_is_multicast(a) || ipaddr_is_unspecified(a) || ipaddr_equal(a, &broadcast))
		conf_errors_add(e, line, "source: %s is not the address of a host", ipaddr_str(a, buf));
}

static void
check_static_group(const struct conf_server *c, const struct conf_static_group *g, const struct conf_scan *s,
		   size_t block, struct conf_errors *e)
{
	if (g->n_ports == 0)
		conf_errors_add(e, s->blocks[block].line,
				"ports: missing in static-group (allowed: ports = {\"NAME\", ...})");
	for (size_t i = 0; i < g->n_ports; i++)
		check_port(c, g->ports[i], conf_scan_value_line(s, block, "ports", i), "ports", e);
	check_source(g, conf_scan_line(s, block, "source"), e);
	check_vlan(c, g->vlan, s, block, e);
}

static void
check_static_mac(const struct conf_server *c, const struct conf_static_mac *m, const struct conf_scan *s, size_t block,
		 struct conf_errors *e)
{
	if (!*m->port)
		conf_errors_add(e, s->blocks[block].line, "port: missing in static-mac (allowed: port = \"NAME\")");
	else
		check_port(c, m->port, conf_scan_line(s, block, "port"), "port", e);
	check_vlan(c, m->vlan, s, block, e);
}

/* --- the same thing twice --------------------------------------------------------------------------------------------
 */

/* What must be there only once, and the block that says it. */
struct given {
	struct mac mac;              /* zero for a group of IP */
	struct ipaddr group, source; /* :: = none */
	uint16_t vlan;
	const struct conf_scan_block *block;
};

static int
by_meaning(const struct given *a, const struct given *b)
{
	int d = memcmp(&a->mac, &b->mac, sizeof(a->mac));

	if (d == 0)
		d = ipaddr_cmp(&a->group, &b->group);
	if (d == 0)
		d = ipaddr_cmp(&a->source, &b->source);
	return d ? d : (a->vlan > b->vlan) - (a->vlan < b->vlan);
}

static int
by_meaning_and_place(const void *va, const void *vb)
{
	const struct given *a = va, *b = vb;
	const int d = by_meaning(a, b);

	return d ? d : (a->block->start > b->block->start) - (a->block->start < b->block->start);
}

static struct given
given_group(const struct conf_static_group *g)
{
	return (struct given){ .mac = g->mac, .group = g->group, .source = g->source, .vlan = g->vlan };
}

static struct given
given_mac(const struct conf_static_mac *m)
{
	return (struct given){ .mac = m->mac, .vlan = m->vlan };
}

static void
check_once(const struct conf_server *c, enum conf_block_id kind, const struct conf_scan *s, struct conf_errors *e)
{
	const size_t n = conf_place_count(c, kind);
	struct given *v = calloc(n + 1, sizeof(*v));

	if (!v) {
		e->oom = true;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		v[i] = kind == CONF_BLOCK_STATIC_MAC ? given_mac(&c->static_mac[i]) : given_group(&c->static_group[i]);
		v[i].block = &s->blocks[s->of_kind[kind][i]];
	}
	qsort(v, n, sizeof(v[0]), by_meaning_and_place);
	for (size_t i = 1; i < n; i++)
		if (by_meaning(&v[i - 1], &v[i]) == 0)
			conf_errors_add(e, v[i].block->line, "%s: the same as in line %u", conf_blocks[kind].name,
					v[i - 1].block->line);
	free(v);
}

void
conf_check_ports(const struct conf_server *c, const struct conf_scan *s, struct conf_errors *e)
{
	check_names(c, s, e);
	for (size_t i = 0; i < c->n_static_groups; i++)
		check_static_group(c, &c->static_group[i], s, s->of_kind[CONF_BLOCK_STATIC_GROUP][i], e);
	for (size_t i = 0; i < c->n_static_macs; i++)
		check_static_mac(c, &c->static_mac[i], s, s->of_kind[CONF_BLOCK_STATIC_MAC][i], e);
	check_once(c, CONF_BLOCK_STATIC_GROUP, s, e);
	check_once(c, CONF_BLOCK_STATIC_MAC, s, e);
}
