/* Addresses as text: what parses is printed in its canonical form, which parses to the same and prints the same.
 *
 * Input: the text; a NUL ends it.
 */
#include "fuzz/fuzz.h"

#include <string.h>

#include "castswitch/ipaddr.h"

enum { POISON = 0xa5 };

static bool
is_poison(const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		if (b[i] != POISON)
			return false;
	return true;
}

static void
check_mac(const char *text)
{
	struct mac m, again;
	char out[MAC_STRLEN], twice[MAC_STRLEN];

	memset(&m, POISON, sizeof(m));
	if (!mac_parse(text, &m)) {
		FUZZ_CHECK(is_poison(&m, sizeof(m)));
		return;
	}
	FUZZ_CHECK(mac_parse(mac_str(&m, out), &again) && mac_equal(&m, &again));
	FUZZ_CHECK(strcmp(mac_str(&again, twice), out) == 0);
}

/* What else is asked about addresses must not contradict itself. */
static void
check_kinds(const struct ipaddr *a)
{
	const bool group = ipaddr_is_multicast(a);
	const struct ipprefix whole = { *a, ipaddr_is_v4(a) ? 32 : 128 }, family = { *a, 0 };
	const struct mac mac = ipaddr_group_mac(a);

	FUZZ_CHECK(!group || !(ipaddr_is_unspecified(a) || ipaddr_is_link_local(a)));
	FUZZ_CHECK(group ||
		   !(ipaddr_group_always_floods(a) || ipaddr_group_is_link_scope(a) || ipaddr_group_is_ssm(a)));
	FUZZ_CHECK(!ipaddr_group_always_floods(a) || ipaddr_group_is_link_scope(a));
	FUZZ_CHECK(ipprefix_contains(&whole, a) && ipprefix_contains(&family, a));
	FUZZ_CHECK(mac_is_group(&mac) && !mac_is_broadcast(&mac));
}

static void
check_ip(const char *text)
{
	struct ipaddr a, again;
	char out[IPADDR_STRLEN], twice[IPADDR_STRLEN];

	memset(&a, POISON, sizeof(a));
	if (!ipaddr_parse(text, &a)) {
		FUZZ_CHECK(is_poison(&a, sizeof(a)));
		return;
	}
	check_kinds(&a);
	FUZZ_CHECK(ipaddr_parse(ipaddr_str(&a, out), &again) && ipaddr_equal(&a, &again));
	FUZZ_CHECK(strcmp(ipaddr_str(&again, twice), out) == 0);
}

static void
check_prefix(const char *text)
{
	struct ipprefix p;

	memset(&p, POISON, sizeof(p));
	if (!ipprefix_parse(text, &p)) {
		FUZZ_CHECK(is_poison(&p, sizeof(p)));
		return;
	}
	FUZZ_CHECK(p.len <= (ipaddr_is_v4(&p.addr) ? 32 : 128) && ipprefix_contains(&p, &p.addr));
}

static void
check_endpoint(const char *text)
{
	struct endpoint e, again;
	char out[ENDPOINT_STRLEN], twice[ENDPOINT_STRLEN];

	memset(&e, POISON, sizeof(e));
	if (!endpoint_parse(text, &e)) {
		FUZZ_CHECK(is_poison(&e, sizeof(e)));
		return;
	}
	FUZZ_CHECK(endpoint_parse(endpoint_str(&e, out), &again) && endpoint_equal(&e, &again));
	FUZZ_CHECK(strcmp(endpoint_str(&again, twice), out) == 0);
}

/* Any 16 bytes have a text. */
static void
check_bytes(const uint8_t *data, size_t size)
{
	struct ipaddr a = IPADDR_ANY, again;
	char out[IPADDR_STRLEN];

	memcpy(a.b, data, size < sizeof(a.b) ? size : sizeof(a.b));
	check_kinds(&a);
	FUZZ_CHECK(ipaddr_parse(ipaddr_str(&a, out), &again) && ipaddr_equal(&a, &again));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	FUZZ_CHECK(text != NULL);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	check_mac(text);
	check_ip(text);
	check_prefix(text);
	check_endpoint(text);
	free(text);
	check_bytes(data, size);
	return 0;
}
