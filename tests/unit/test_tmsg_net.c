/* Routes, gateways, name servers and domains of a PUSH: layouts byte for byte, limits, wrong values, damage. */
#include "castswitch/tmsg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "castswitch/rng.h"
#include "wire_bytes.h"

/* A PUSH with nothing in it but multicast-route 0, which is always written. */
#define NOTHING "0022 0001 00"
#define PUSH_BYTES                                                                  \
	"00000007 01"                                                               \
	"0025 0006 04 10 c0a80000 0025 0012 06 30 fd000001000000000000000000000000" \
	"0026 0004 0a080001 0026 0010 fd080000000000000000000000000001"             \
	"0027 0004 0a080001 0027 0010 20010db8000000000000000000000053"             \
	"0028 000e 636f72702e6578616d706c65207e" /* "corp.example ~" */ NOTHING

static struct tmsg_control
a_push(void)
{
	struct tmsg_control c = { .id = 7, .type = TMSG_PUSH };
	struct tmsg_push *p = &c.push;

	assert_true(ipprefix_parse("192.168.0.0/16", &p->routes[0]));
	assert_true(ipprefix_parse("fd00:1::/48", &p->routes[1]));
	p->n_routes = 2;
	assert_true(ipaddr_parse("10.8.0.1", &p->gateways[0]) && ipaddr_parse("fd08::1", &p->gateways[1]));
	assert_true(ipaddr_parse("10.8.0.1", &p->dns[0]) && ipaddr_parse("2001:db8::53", &p->dns[1]));
	p->n_dns = 2;
	strcpy(p->domains, "corp.example ~");
	return c;
}

static bool
parses(const struct bytes *d, struct tmsg_push *ret)
{
	struct tmsg_control c;

	if (!tmsg_control_parse(exact_copy(d->b, d->n), d->n, &c))
		return false;
	*ret = c.push;
	return true;
}

/* A PUSH of nothing but these TLVs. */
static bool
tlvs_parse(const char *text, struct tmsg_push *ret)
{
	struct bytes d = hex("00000007 01");

	add_hex(&d, text);
	return parses(&d, ret);
}

static bool
is_written(const struct tmsg_control *c)
{
	uint8_t buf[TMSG_MAX];

	return tmsg_control_write(c, buf, sizeof(buf)) > 0;
}

static void
same_prefix(const struct ipprefix *a, const struct ipprefix *b)
{
	assert_true(ipaddr_equal(&a->addr, &b->addr));
	assert_int_equal(a->len, b->len);
}

static void
same_push(const struct tmsg_push *a, const struct tmsg_push *b)
{
	assert_int_equal(a->n_routes, b->n_routes);
	for (unsigned i = 0; i < a->n_routes; i++)
		same_prefix(&a->routes[i], &b->routes[i]);
	assert_true(ipaddr_equal(&a->gateways[0], &b->gateways[0]) && ipaddr_equal(&a->gateways[1], &b->gateways[1]));
	assert_int_equal(a->n_dns, b->n_dns);
	for (unsigned i = 0; i < a->n_dns; i++)
		assert_true(ipaddr_equal(&a->dns[i], &b->dns[i]));
	assert_string_equal(a->domains, b->domains);
}

static void
test_layout(void **state)
{
	const struct tmsg_control c = a_push();
	const struct bytes d = hex(PUSH_BYTES);
	uint8_t buf[TMSG_MAX];
	struct tmsg_push back;

	(void)state;
	assert_int_equal(tmsg_control_write(&c, buf, sizeof(buf)), d.n);
	assert_memory_equal(buf, d.b, d.n);
	assert_true(parses(&d, &back));
	same_push(&back, &c.push);
}

/* Cut between two TLVs it is a shorter push, anywhere else it is nothing. */
static void
test_truncation(void **state)
{
	static const size_t whole[] = { 5, 15, 37, 45, 65, 73, 93, 111 };
	const struct tmsg_control c = a_push();
	const struct bytes d = hex(PUSH_BYTES);
	size_t next = 0;

	(void)state;
	for (size_t n = 0; n < d.n; n++) {
		struct bytes part = d;
		struct tmsg_push back;
		const bool is_whole = next < sizeof(whole) / sizeof(whole[0]) && n == whole[next];

		part.n = n;
		next += is_whole;
		assert_int_equal(parses(&part, &back), is_whole);
		assert_int_equal(tmsg_control_write(&c, exact_copy(d.b, n), n), 0);
	}
	assert_int_equal(next, sizeof(whole) / sizeof(whole[0]));
}

static void
test_nothing_told(void **state)
{
	const struct tmsg_control c = { .id = 7, .type = TMSG_PUSH };
	const struct bytes d = hex("00000007 01" NOTHING);
	uint8_t buf[TMSG_MAX];
	struct tmsg_push back;

	(void)state;
	assert_int_equal(tmsg_control_write(&c, buf, sizeof(buf)), d.n);
	assert_memory_equal(buf, d.b, d.n);
	assert_true(parses(&d, &back));
	same_push(&back, &(struct tmsg_push){ .n_routes = 0 });
}

/* Of each family one gateway, the last that was told. */
static void
test_gateways(void **state)
{
	struct tmsg_push p, want = { .n_routes = 0 };

	(void)state;
	assert_true(tlvs_parse("0026 0004 0a080001 0026 0004 0a080002", &p));
	assert_true(ipaddr_parse("10.8.0.2", &want.gateways[0]));
	same_push(&p, &want);
	assert_true(tlvs_parse("0026 0010 fd080000000000000000000000000001", &p));
	want = (struct tmsg_push){ .n_routes = 0 };
	assert_true(ipaddr_parse("fd08::1", &want.gateways[1]));
	same_push(&p, &want);
}

static void
test_wrong_values(void **state)
{
	static const char *const wrong[] = {
		/* routes: family, length, size */
		"0025 0006 05 10 c0a80000",
		"0025 0006 04 21 c0a80000",
		"0025 0005 04 10 c0a800",
		"0025 0007 04 10 c0a80000 00",
		"0025 0012 06 81 fd000001000000000000000000000000",
		"0025 0012 04 10 fd000001000000000000000000000000",
		"0025 0006 06 10 c0a80000",
		"0025 0012 06 60 00000000000000000000ffff0a080001", /* IPv4 in disguise */
		"0025 0000",
		/* gateways and name servers */
		"0026 0000",
		"0026 0003 0a0800",
		"0026 0005 0a08000100",
		"0026 000f fd0800000000000000000000000000",
		"0026 0011 fd08000000000000000000000000000100",
		"0026 0004 00000000",
		"0026 0010 00000000000000000000000000000000",
		"0026 0010 00000000000000000000ffff0a080001",
		"0027 0000",
		"0027 0003 0a0800",
		"0027 0005 0a08000100",
		"0027 0010 00000000000000000000ffff0a080001",
		/* domains: what a name may not have, and spaces where there is no name */
		"0028 0001 20",
		"0028 0002 6120",
		"0028 0002 2061",
		"0028 0004 61202062",
		"0028 0001 00",
		"0028 0003 610062",
		"0028 0001 2f",
		"0028 0001 24",
		"0028 0001 c3",
		"0028 0001 0a",
	};
	struct tmsg_push p;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(tlvs_parse(wrong[i], &p));
	assert_true(tlvs_parse("0028 0000", &p));
	assert_string_equal(p.domains, "");
	assert_true(tlvs_parse("0028 0005 6120622d63", &p));
	assert_string_equal(p.domains, "a b-c");
}

/* As many of each as there may be, all at once; and one more. */
static void
test_most(void **state)
{
	struct tmsg_control c = a_push();
	struct tmsg_push back;
	struct bytes d;

	(void)state;
	for (unsigned i = 0; i < TMSG_MAX_ADDRS; i++)
		c.push.addrs[i] = c.push.routes[1];
	c.push.n_addrs = TMSG_MAX_ADDRS;
	for (unsigned i = 0; i < TMSG_MAX_ROUTES; i++)
		c.push.routes[i] = c.push.routes[1];
	c.push.n_routes = TMSG_MAX_ROUTES;
	for (unsigned i = 0; i < TMSG_MAX_DNS; i++)
		c.push.dns[i] = c.push.dns[1];
	c.push.n_dns = TMSG_MAX_DNS;
	memset(c.push.domains, 'x', TMSG_DOMAINS_MAX);
	c.push.mtu = 1500;
	c.push.keepalive = 15 * NSEC_PER_SEC;
	d.n = tmsg_control_write(&c, d.b, sizeof(d.b));
	assert_true(d.n > 0 && d.n <= TMSG_MAX);
	assert_true(parses(&d, &back));
	same_push(&back, &c.push);
	assert_int_equal(back.n_addrs, TMSG_MAX_ADDRS);
}

static void
test_one_too_many(void **state)
{
	struct bytes routes = hex("00000007 01"), dns = routes, domains = routes;
	struct tmsg_push p;

	(void)state;
	for (unsigned i = 0; i < TMSG_MAX_ROUTES; i++)
		add_hex(&routes, "0025 0006 04 10 c0a80000");
	assert_true(parses(&routes, &p));
	add_hex(&routes, "0025 0006 04 10 c0a80000");
	assert_false(parses(&routes, &p));
	for (unsigned i = 0; i < TMSG_MAX_DNS; i++)
		add_hex(&dns, "0027 0004 0a080001");
	assert_true(parses(&dns, &p));
	add_hex(&dns, "0027 0004 0a080001");
	assert_false(parses(&dns, &p));
	add_hex(&domains, "0028 0100");
	for (unsigned i = 0; i < TMSG_DOMAINS_MAX + 1; i++)
		add_hex(&domains, "61");
	assert_false(parses(&domains, &p));
}

static void
test_write_refuses(void **state)
{
	struct tmsg_control c = a_push();

	(void)state;
	assert_true(is_written(&c));
	c.push.n_routes = TMSG_MAX_ROUTES + 1;
	assert_false(is_written(&c));
	c = a_push();
	c.push.routes[0].len = 33;
	assert_false(is_written(&c));
	c = a_push();
	c.push.routes[1].len = 129;
	assert_false(is_written(&c));
	c = a_push();
	c.push.n_dns = TMSG_MAX_DNS + 1;
	assert_false(is_written(&c));
	c = a_push();
	c.push.gateways[0] = c.push.gateways[1]; /* of the other family */
	assert_false(is_written(&c));
	c = a_push();
	c.push.gateways[0] = ipaddr_v4_u32(0);
	assert_false(is_written(&c));
	c = a_push();
	strcpy(c.push.domains, "corp.example ");
	assert_false(is_written(&c));
	memset(c.push.domains, 'x', sizeof(c.push.domains)); /* no NUL */
	assert_false(is_written(&c));
}

/* Whatever parses is within its limits and survives being written and parsed again. */
static void
test_random_damage(void **state)
{
	struct rng_seeded seeded;
	struct rng rng;

	(void)state;
	rng_seeded_init(&seeded, 2132, &rng);
	for (unsigned round = 0; round < 20000; round++) {
		struct bytes d = hex(PUSH_BYTES);
		struct tmsg_control c = { .id = 7, .type = TMSG_PUSH };
		struct tmsg_push again;

		for (unsigned i = 0; i <= round % 3; i++)
			d.b[5 + rng_below(&rng, d.n - 5)] = (uint8_t)rng_u32(&rng);
		if (!parses(&d, &c.push))
			continue;
		d.n = tmsg_control_write(&c, d.b, TMSG_MAX);
		assert_true(d.n > 0 && parses(&d, &again));
		same_push(&again, &c.push);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),        cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_nothing_told),  cmocka_unit_test(test_gateways),
		cmocka_unit_test(test_wrong_values),  cmocka_unit_test(test_most),
		cmocka_unit_test(test_one_too_many),  cmocka_unit_test(test_write_refuses),
		cmocka_unit_test(test_random_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
