/* Name servers: checked by both sides, made arguments of resolvectl by the helper (helper_impl.h). */
#include "helper_impl.h"

#include <arpa/inet.h>
#include <string.h>

static bool
domain_byte(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c && strchr("._~", c));
}

/* Names with one space between them.  None begins with a hyphen: it would be an option. */
static bool
domains_valid(const char *text)
{
	bool in_name = false;

	for (; *text; text++) {
		if (!domain_byte(*text) && !(in_name && (*text == '-' || *text == ' ')))
			return false;
		in_name = *text != ' ';
	}
	return in_name;
}

bool
helper_dns_valid(const struct helper_dns *dns)
{
	if (dns->n > HELPER_DNS_MAX || strnlen(dns->domains, sizeof(dns->domains)) == sizeof(dns->domains))
		return false;
	return !dns->domains[0] || (dns->n > 0 && domains_valid(dns->domains));
}

/* --- the arguments; there is room for all that is valid */

static void
add(struct helper_dns_call *call, const char *arg)
{
	const size_t len = strlen(arg) + 1;

	memcpy(call->args + call->len, arg, len);
	call->len += len;
}

static void
add_address(struct helper_dns_call *call, const uint8_t addr[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const bool v4 = memcmp(addr, mapped, sizeof(mapped)) == 0;
	char text[INET6_ADDRSTRLEN];

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? addr + 12 : addr, text, sizeof(text));
	add(call, text);
}

/* Of what is set already nothing may stay: no domains are told as one without a name. */
static void
add_domains(struct helper_dns_call *call, const char *domains)
{
	const size_t from = call->len;

	add(call, domains);
	for (size_t i = from; i < call->len; i++)
		if (call->args[i] == ' ')
			call->args[i] = '\0';
}

unsigned
helper_dns_calls(const struct helper_dns *dns, const char *device, struct helper_dns_call ret[HELPER_DNS_CALLS])
{
	ret[0].len = ret[1].len = 0;
	add(&ret[0], dns->n ? "dns" : "revert");
	add(&ret[0], device);
	if (dns->n == 0)
		return 1;
	for (uint32_t i = 0; i < dns->n; i++)
		add_address(&ret[0], dns->addrs[i]);
	add(&ret[1], "domain");
	add(&ret[1], device);
	add_domains(&ret[1], dns->domains);
	return 2;
}
