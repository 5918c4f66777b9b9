/* From the configuration's model to the parameters of switch, ports and sessions. */
#include "app_params.h"

#include <stdio.h>
#include <string.h>

#include "castswitch/aead_openssl.h"
#include "castswitch/ecn.h"

#define APP_SOFTWARE "castswitch " PACKAGE_VERSION

static uint8_t
fast_leave_of(enum conf_switch_state s)
{
	return s == CONF_ON ? SW_FAST_LEAVE_ON : s == CONF_OFF ? SW_FAST_LEAVE_OFF : SW_FAST_LEAVE_AUTO;
}

static uint8_t
querier_of(enum conf_switch_state s)
{
	return s == CONF_ON ? SW_QUERIER_ON : s == CONF_OFF ? SW_QUERIER_OFF : SW_QUERIER_AUTO;
}

static uint8_t
router_of(enum conf_router r)
{
	return r == CONF_ROUTER_ALWAYS ? SW_ROUTER_ALWAYS : r == CONF_ROUTER_NEVER ? SW_ROUTER_NEVER : SW_ROUTER_AUTO;
}

static uint8_t
unregistered_of(enum conf_unregistered u)
{
	return u == CONF_UNREGISTERED_FLOOD  ? SW_UNREG_FLOOD
	       : u == CONF_UNREGISTERED_DROP ? SW_UNREG_DROP
					     : SW_UNREG_ROUTERS;
}

void
app_switch_params(const struct conf_switch *sw, const struct conf_snooping *s, struct sw_params *ret)
{
	sw_params_default(ret);
	if (sw->max_macs) {
		ret->aging = sw->aging;
		ret->max_macs = sw->max_macs;
		ret->vlan_aware = sw->vlan_aware;
		ret->forward_reserved = sw->forward_reserved;
	}
	struct sw_snooping *p = &ret->snooping;
	p->enabled[GM_IGMP] = s->igmp;
	p->enabled[GM_MLD] = s->mld;
	/* A client has no say in queries, so nothing of them. */
	if (s->igmp_version) {
		p->version[GM_IGMP] = s->igmp_version;
		p->version[GM_MLD] = s->mld_version;
	}
	p->querier = querier_of(s->querier);
	p->robustness = (uint8_t)s->robustness;
	p->query_interval = s->query_interval;
	p->query_response_interval = s->query_response_interval;
	p->startup_query_interval = s->startup_query_interval;
	p->startup_query_count = (uint8_t)s->startup_query_count;
	p->last_member_query_interval = s->last_member_query_interval;
	p->last_member_query_count = (uint8_t)s->last_member_query_count;
	p->membership_interval = s->membership_interval;
	p->other_querier_interval = s->other_querier_interval;
	p->unregistered = unregistered_of(s->unregistered);
	p->flood_until_querier = s->flood_until_querier;
	p->drop_non_ip_multicast = s->non_ip_multicast == CONF_NON_IP_DROP;
	p->strict_router_alert = s->strict_router_alert;
	p->max_groups = s->max_groups;
	p->max_sources = (uint16_t)s->max_sources;
	p->max_source_records = s->max_source_records;
	p->max_hosts = s->max_hosts;
	p->strict_ssm = s->strict_ssm;
	p->mrd_solicit = s->mrd_solicit;
	for (size_t i = 0; i < s->querier_address.n; i++)
		p->querier_address[ipaddr_is_v4(&s->querier_address.v[i]) ? GM_IGMP : GM_MLD] = s->querier_address.v[i];
}

void
app_querier_addresses(const struct conf_prefixes *tap, struct sw_params *params)
{
	/* MLD queries must come from a link-local address (RFC 3810 5.1.14): only such a one of the tap's can serve. */
	for (size_t i = tap->n; i-- > 0;) {
		const struct ipaddr *a = &tap->v[i].addr;
		bool v4 = ipaddr_is_v4(a);
		struct ipaddr *q = &params->snooping.querier_address[v4 ? GM_IGMP : GM_MLD];
		if (ipaddr_is_any(q) && (v4 || ipaddr_is_link_local(a)))
			*q = *a;
	}
}

void
app_port_params(const struct conf_port *conf, enum sw_port_kind kind, const char *name, struct sw_port_params *ret)
{
	sw_port_params_default(kind, name, ret);
	ret->router = router_of(conf->router);
	ret->fast_leave = fast_leave_of(conf->fast_leave);
	ret->protect_macs = conf->protect_macs;
	ret->flood_unknown_unicast = conf->flood_unknown_unicast;
	ret->flood_broadcast = conf->flood_broadcast;
	ret->max_macs = conf->max_macs;
	ret->max_groups = conf->max_groups;
	ret->max_hosts = conf->max_hosts;
	ret->max_source_records = conf->max_source_records;
	ret->gm_rate = conf->gm_rate;
	ret->learning = conf->learning;
	ret->isolate = conf->isolate;
	ret->flood_unregistered = conf->flood_unregistered;
	ret->flood_reports = conf->flood_reports;
	ret->groups = (struct sw_group_rules){ .allow = conf->allow_groups.v,
					       .n_allow = conf->allow_groups.n,
					       .deny = conf->deny_groups.v,
					       .n_deny = conf->deny_groups.n };
}

void
app_session_params(struct session_params *ret)
{
	bool aes = aead_aes_is_fast();
	*ret = (struct session_params){ .aead = aead_openssl(), .n_aeads = 2, .software = APP_SOFTWARE };
	ret->aeads[0] = aes ? TMSG_AEAD_AES_256_GCM : TMSG_AEAD_CHACHA20_POLY1305;
	ret->aeads[1] = aes ? TMSG_AEAD_CHACHA20_POLY1305 : TMSG_AEAD_AES_256_GCM;
}

struct port_peer_policy
app_policy(const struct conf_tunnel *conf)
{
	struct port_peer_policy p = { .tos_keep = ECN_MASK, .clamp = conf->mss_clamp != CONF_MSS_OFF };
	if (conf->dscp == CONF_DSCP_COPY)
		p.tos_keep = 0xff;
	else if (conf->dscp != CONF_DSCP_NONE)
		p.tos_set = (uint8_t)(conf->dscp << 2);
	if (conf->mss_clamp <= CONF_MSS_MAX)
		p.mss = conf->mss_clamp;
	return p;
}

/* A frame with as many tags as the switch looks through. */
uint16_t
app_max_datagram(uint32_t mtu)
{
	return (uint16_t)(mtu + ETH_HDR_LEN + FRAME_MAX_TAGS * VLAN_TAG_LEN + TMSG_OVERHEAD);
}

struct mac
app_switch_mac(const struct rng *rng)
{
	struct mac m;
	rng_fill(rng, &m, sizeof(m));
	m.b[0] = (uint8_t)((m.b[0] & 0xfc) | 0x02);
	return m;
}

const char *
app_aead_name(uint8_t aead)
{
	switch (aead) {
	case TMSG_AEAD_AES_256_GCM:
		return "aes-256-gcm";
	case TMSG_AEAD_CHACHA20_POLY1305:
		return "chacha20-poly1305";
	default:
		return "none";
	}
}

/* What introduces the reason and the text of an end. */
static const char *
end_prefix(enum session_end end)
{
	switch (end) {
	case SESSION_END_REFUSED:
		return "refused: ";
	case SESSION_END_BYE:
		return "the other side said goodbye: ";
	case SESSION_END_PROTOCOL:
		return "protocol error: ";
	case SESSION_END_DEAD:
		return "no answer any more: ";
	default:
		return "";
	}
}

const char *
app_end_text(const struct session_close_info *info, char *buf, size_t len)
{
	const char *reason = info->reason ? tmsg_reason_text(info->reason) : "";
	/* A text that only repeats the reason adds nothing. */
	const char *text = strcmp(reason, info->text) == 0 ? "" : info->text;
	snprintf(buf, len, "%s%s%s%s", end_prefix(info->end), reason, *reason && *text ? ": " : "",
		 *reason || *text ? text : "ended");
	return buf;
}
