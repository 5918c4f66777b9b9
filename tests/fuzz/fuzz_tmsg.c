/* Every parser of the tunnel's messages on the same bytes; what parses is written and parsed again. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "castswitch/tmsg.h"

enum { POISON = 0xa5, OUT_MAX = TMSG_MAX };

/* Outputs are untouched on failure. */
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
check_text(const char *text, size_t max)
{
	const size_t len = strnlen(text, max + 1);

	FUZZ_CHECK(len <= max);
	for (size_t i = 0; i < len; i++)
		FUZZ_CHECK(text[i] >= ' ' && text[i] <= '~');
}

/* --- datagrams --- */

static void
check_client_hello(const uint8_t *data, size_t size)
{
	uint8_t random[32];

	memset(random, POISON, sizeof(random));
	if (!tmsg_client_hello(data, size, random)) {
		FUZZ_CHECK(is_poison(random, sizeof(random)));
		return;
	}
	FUZZ_CHECK(tmsg_classify(data, size) == TMSG_CLASS_DTLS);
	/* behind the record header, the handshake header and client_version */
	FUZZ_CHECK(size >= 13 + 12 + 2 + 32 && memcmp(random, data + 27, sizeof(random)) == 0);
}

static void
check_data(const uint8_t *data, size_t size)
{
	struct tmsg_data d;
	uint8_t again[TMSG_DATA_HDR];

	memset(&d, POISON, sizeof(d));
	if (!tmsg_data_parse(data, size, &d)) {
		FUZZ_CHECK(is_poison(&d, sizeof(d)));
		return;
	}
	FUZZ_CHECK(tmsg_classify(data, size) == TMSG_CLASS_DATA && size >= TMSG_OVERHEAD);
	tmsg_data_write(again, d.receiver, d.counter);
	FUZZ_CHECK(memcmp(again, data, sizeof(again)) == 0);
}

static void
check_pad(const uint8_t *data, size_t size)
{
	struct tmsg_pad pad;
	uint8_t again[TMSG_PAD_LEN];

	memset(&pad, POISON, sizeof(pad));
	if (!tmsg_pad_parse(data, size, &pad)) {
		FUZZ_CHECK(size < TMSG_PAD_LEN && is_poison(&pad, sizeof(pad)));
		return;
	}
	tmsg_pad_write(again, &pad);
	FUZZ_CHECK(memcmp(again, data, sizeof(again)) == 0);
}

/* --- handshake messages --- */

static bool
same_hello(const struct tmsg_hello *a, const struct tmsg_hello *b)
{
	return a->protocol == b->protocol && a->receiver == b->receiver && a->previous == b->previous &&
	       a->flags == b->flags && a->caps == b->caps && a->n_aeads == b->n_aeads &&
	       memcmp(a->aeads, b->aeads, sizeof(a->aeads)) == 0 && strcmp(a->software, b->software) == 0;
}

static void
check_hello(enum tmsg_hs type, const uint8_t *data, size_t size)
{
	struct tmsg_hello h, again;
	uint8_t out[OUT_MAX];

	memset(&h, POISON, sizeof(h));
	if (!tmsg_hello_parse(type, data, size, &h)) {
		FUZZ_CHECK(is_poison(&h, sizeof(h)));
		return;
	}
	FUZZ_CHECK(tmsg_hs_type(data, size) == type && size <= TMSG_MAX);
	FUZZ_CHECK(h.receiver != 0 && h.n_aeads >= 1 && h.n_aeads <= TMSG_MAX_AEADS);
	check_text(h.software, TMSG_SOFTWARE_MAX);
	const size_t n = tmsg_hello_write(type, &h, out, sizeof(out));

	FUZZ_CHECK(n > 0 && tmsg_hello_parse(type, out, n, &again) && same_hello(&h, &again));
	FUZZ_CHECK(tmsg_hello_write(type, &h, out, n) == n && tmsg_hello_write(type, &h, out, n - 1) == 0);
}

static bool
same_refuse(const struct tmsg_refuse *a, const struct tmsg_refuse *b)
{
	return a->reason == b->reason && strcmp(a->text, b->text) == 0;
}

static void
check_refuse(const uint8_t *data, size_t size)
{
	struct tmsg_refuse r, again;
	uint8_t out[OUT_MAX];

	memset(&r, POISON, sizeof(r));
	if (!tmsg_refuse_parse(data, size, &r)) {
		FUZZ_CHECK(is_poison(&r, sizeof(r)));
		return;
	}
	FUZZ_CHECK(tmsg_hs_type(data, size) == TMSG_REFUSE && size <= TMSG_MAX);
	FUZZ_CHECK(tmsg_reason_text(r.reason) != NULL);
	check_text(r.text, TMSG_TEXT_MAX);
	const size_t n = tmsg_refuse_write(&r, out, sizeof(out));

	FUZZ_CHECK(n > 0 && tmsg_refuse_parse(out, n, &again) && same_refuse(&r, &again));
	FUZZ_CHECK(tmsg_refuse_write(&r, out, n - 1) == 0);
}

/* --- CONTROL --- */

static bool
same_net(const struct tmsg_push *a, const struct tmsg_push *b)
{
	if (a->n_routes != b->n_routes || a->n_dns != b->n_dns || strcmp(a->domains, b->domains) != 0 ||
	    memcmp(a->gateways, b->gateways, sizeof(a->gateways)) != 0)
		return false;
	return memcmp(a->routes, b->routes, a->n_routes * sizeof(a->routes[0])) == 0 &&
	       memcmp(a->dns, b->dns, a->n_dns * sizeof(a->dns[0])) == 0;
}

static bool
same_push(const struct tmsg_push *a, const struct tmsg_push *b)
{
	if (a->n_addrs != b->n_addrs || a->mtu != b->mtu || a->multicast_route != b->multicast_route ||
	    a->keepalive != b->keepalive || a->rekey != b->rekey)
		return false;
	for (unsigned i = 0; i < a->n_addrs; i++)
		if (a->addrs[i].len != b->addrs[i].len || !ipaddr_equal(&a->addrs[i].addr, &b->addrs[i].addr))
			return false;
	return same_net(a, b);
}

static void
check_push(const struct tmsg_push *p)
{
	FUZZ_CHECK(p->n_addrs <= TMSG_MAX_ADDRS);
	for (unsigned i = 0; i < p->n_addrs; i++)
		FUZZ_CHECK(p->addrs[i].len <= (ipaddr_is_v4(&p->addrs[i].addr) ? 32 : 128));
	FUZZ_CHECK(p->n_routes <= TMSG_MAX_ROUTES && p->n_dns <= TMSG_MAX_DNS);
	for (unsigned i = 0; i < p->n_routes; i++)
		FUZZ_CHECK(p->routes[i].len <= (ipaddr_is_v4(&p->routes[i].addr) ? 32 : 128));
	check_text(p->domains, TMSG_DOMAINS_MAX);
}

static void
check_control(const uint8_t *data, size_t size)
{
	struct tmsg_control c, again;
	uint8_t out[OUT_MAX];

	memset(&c, POISON, sizeof(c));
	if (!tmsg_control_parse(data, size, &c)) {
		FUZZ_CHECK(is_poison(&c, sizeof(c)));
		return;
	}
	const size_t n = tmsg_control_write(&c, out, sizeof(out));

	if (c.type > TMSG_BYE) {
		FUZZ_CHECK(n == 0);
		return;
	}
	check_push(&c.push);
	check_text(c.bye.text, TMSG_TEXT_MAX);
	FUZZ_CHECK(n > 0 && tmsg_control_parse(out, n, &again));
	FUZZ_CHECK(c.id == again.id && c.type == again.type);
	FUZZ_CHECK(same_push(&c.push, &again.push) && same_refuse(&c.bye, &again.bye));
	FUZZ_CHECK(tmsg_control_write(&c, out, n - 1) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FUZZ_CHECK(tmsg_classify(data, 0) == TMSG_CLASS_UNKNOWN && tmsg_classify(data, size) <= TMSG_CLASS_ACCESS);
	check_client_hello(data, size);
	check_data(data, size);
	check_pad(data, size);
	check_hello(TMSG_HELLO, data, size);
	check_hello(TMSG_WELCOME, data, size);
	check_refuse(data, size);
	check_control(data, size);
	return 0;
}
