/* castswitch: the name servers that the server pushed, set for the tap by resolvectl(1), which the helper runs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "castswitch/sbuf.h"
#include "client.h"

_Static_assert((int)HELPER_DNS_MAX == (int)TMSG_MAX_DNS && (int)HELPER_DOMAINS_MAX == (int)TMSG_DOMAINS_MAX,
	       "what is pushed can be set");

static struct helper_dns
wanted(const struct client *c)
{
	const struct tmsg_push *push = &c->net.push;
	struct helper_dns dns = { .n = 0 };
	if (!c->conf->pull.dns || push->n_dns == 0)
		return dns;
	dns.n = push->n_dns;
	memcpy(dns.addrs, push->dns, push->n_dns * sizeof(push->dns[0]));
	memcpy(dns.domains, push->domains, strlen(push->domains));
	return dns;
}

static void
describe(const struct helper_dns *dns, struct sbuf *out)
{
	char addr[IPADDR_STRLEN];
	for (uint32_t i = 0; i < dns->n; i++) {
		struct ipaddr a;
		memcpy(a.b, dns->addrs[i], sizeof(a.b));
		sbuf_printf(out, "%s%s", i ? ", " : "", ipaddr_str(&a, addr));
	}
	if (dns->domains[0])
		sbuf_printf(out, " for %s", dns->domains);
}

static void
told(const struct client *c, const struct helper_dns *dns, int err)
{
	struct sbuf text;
	sbuf_init(&text);
	describe(dns, &text);
	if (err == -ENOENT)
		log_warning("net", "the server names name servers (%s), but there is no %s to set them",
			    sbuf_str(&text), app_resolvectl());
	else if (err)
		log_warning("net", "name servers %s are not set: %s", sbuf_str(&text), strerror(-err));
	else
		log_info("net", "%s: name servers %s", tap_name(c->tap.tap), sbuf_str(&text));
	sbuf_free(&text);
}

static void
set(struct client *c, const struct helper_dns *dns)
{
	c->net.dns_set = c->net.dns_set || dns->n > 0;
	client_undo_write(c, NULL);
	int err = helper_set_dns(c->files.helper, dns);
	if (dns->n)
		told(c, dns, err);
	else if (err)
		log_warning("net", "name servers are not taken back: %s", strerror(-err));
	else
		log_info("net", "%s: no name servers any more", tap_name(c->tap.tap));
	/* What could not be set is not tried again until something else is said. */
	c->net.dns = *dns;
	c->net.dns_set = dns->n > 0 && err == 0;
	client_undo_write(c, NULL);
}

void
client_dns_apply(struct client *c)
{
	const struct helper_dns dns = wanted(c);
	if (memcmp(&dns, &c->net.dns, sizeof(dns)) == 0)
		return;
	if (dns.n || c->net.dns_set)
		set(c, &dns);
	c->net.dns = dns;
}

void
client_dns_undo(struct client *c)
{
	if (c->net.dns_set)
		set(c, &(struct helper_dns){ .n = 0 });
}
