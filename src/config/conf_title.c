/* The titles of blocks. */
#include "conf_title.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "castswitch/conf.h"
#include "conf_value.h"

bool
conf_ifname_valid(const char *name)
{
	const size_t len = strlen(name);

	if (len == 0 || len > CONF_IFNAME_MAX || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("._-", name[i]))
			return false;
	return true;
}

static bool
set_ifname(char name[CONF_IFNAME_MAX + 1], const char *title, struct sbuf *wrong)
{
	if (!conf_ifname_valid(title)) {
		sbuf_printf(wrong, "not an interface name (allowed: 1 to %d of A-Z a-z 0-9 . _ -)", CONF_IFNAME_MAX);
		return false;
	}
	snprintf(name, CONF_IFNAME_MAX + 1, "%s", title);
	return true;
}

static bool
set_peer_name(struct conf_peer *peer, const char *title, struct sbuf *wrong)
{
	if (!conf_peer_name_valid(title)) {
		sbuf_printf(wrong, "not a peer's name (allowed: 1 to %d of A-Z a-z 0-9 . _ @ -)", CONF_PEER_NAME_MAX);
		return false;
	}
	snprintf(peer->name, sizeof(peer->name), "%s", title);
	return true;
}

/* Why frames to this group MAC are not for a static group, or NULL. */
static const char *
not_for_a_group(const struct mac *m)
{
	/* RFC 1112 6.4: the lower half of 01:00:5e; RFC 2464 7. */
	if (m->b[0] == 0x01 && m->b[1] == 0x00 && m->b[2] == 0x5e && m->b[3] < 0x80)
		return "one of IPv4 groups (allowed: the group itself, such as 239.1.2.3)";
	if (m->b[0] == 0x33 && m->b[1] == 0x33)
		return "one of IPv6 groups (allowed: the group itself, such as ff05::1:3)";
	/* IEEE 802.1Q-2022 8.6.3. */
	if (m->b[0] == 0x01 && m->b[1] == 0x80 && m->b[2] == 0xc2 && m->b[3] == 0 && m->b[4] == 0 && m->b[5] < 0x10)
		return "reserved (allowed: forward-reserved in switch)";
	return mac_is_broadcast(m) ? "the broadcast address" : NULL;
}

static bool
set_group_mac(struct conf_static_group *g, const struct mac *m, struct sbuf *wrong)
{
	const char *why = not_for_a_group(m);
	char buf[MAC_STRLEN];

	if (why) {
		sbuf_printf(wrong, "%s is %s", mac_str(m, buf), why);
		return false;
	}
	g->is_mac = true;
	g->mac = *m;
	return true;
}

static bool
set_group(struct conf_static_group *g, const char *title, struct sbuf *wrong)
{
	char buf[IPADDR_STRLEN];
	struct ipaddr a;
	struct mac m;

	if (mac_parse(title, &m) && mac_is_group(&m))
		return set_group_mac(g, &m, wrong);
	if (!ipaddr_parse(title, &a) || !ipaddr_is_multicast(&a)) {
		conf_print_culprit(title, wrong);
		sbuf_puts(wrong, " is neither a multicast address nor the MAC address of a group "
				 "(allowed: such as 239.1.2.3, ff05::1:3, 03:00:00:00:00:01)");
		return false;
	}
	if (ipaddr_group_always_floods(&a)) {
		sbuf_printf(wrong, "%s goes to all ports anyway", ipaddr_str(&a, buf));
		return false;
	}
	g->group = a;
	return true;
}

static bool
set_host(struct conf_static_mac *host, const char *title, struct sbuf *wrong)
{
	struct mac m;

	if (!mac_parse(title, &m) || mac_is_group(&m) || mac_is_zero(&m)) {
		conf_print_culprit(title, wrong);
		sbuf_puts(wrong, " is not the MAC address of a host (allowed: such as 02:00:00:00:00:01)");
		return false;
	}
	host->mac = m;
	return true;
}

bool
conf_title_set(const struct conf_place *at, enum conf_block_id id, const char *title, struct sbuf *wrong)
{
	void *self = at->base[CONF_BASE_SELF];

	switch (id) {
	case CONF_BLOCK_TAP:
		return set_ifname(((struct conf_tap *)self)->name, title, wrong);
	case CONF_BLOCK_NIC:
		return set_ifname(((struct conf_nic *)self)->name, title, wrong);
	case CONF_BLOCK_PEER:
		return set_peer_name(self, title, wrong);
	case CONF_BLOCK_STATIC_GROUP:
		return set_group(self, title, wrong);
	case CONF_BLOCK_STATIC_MAC:
		return set_host(self, title, wrong);
	default:
		return true;
	}
}

static const char *
group_title(const struct conf_static_group *g, char buf[IPADDR_STRLEN])
{
	return g->is_mac ? mac_str(&g->mac, buf) : ipaddr_str(&g->group, buf);
}

void
conf_title_print(const struct conf_place *at, enum conf_block_id id, struct sbuf *out)
{
	const void *self = at->base[CONF_BASE_SELF];
	char buf[IPADDR_STRLEN];

	switch (id) {
	case CONF_BLOCK_TAP:
		conf_quote(((const struct conf_tap *)self)->name, out);
		break;
	case CONF_BLOCK_NIC:
		conf_quote(((const struct conf_nic *)self)->name, out);
		break;
	case CONF_BLOCK_PEER:
		conf_quote(((const struct conf_peer *)self)->name, out);
		break;
	case CONF_BLOCK_STATIC_GROUP:
		conf_quote(group_title(self, buf), out);
		break;
	case CONF_BLOCK_STATIC_MAC:
		conf_quote(mac_str(&((const struct conf_static_mac *)self)->mac, buf), out);
		break;
	default:
		break;
	}
}
