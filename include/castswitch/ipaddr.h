/* MAC, IP and UDP endpoint addresses as plain values.
 *
 * An IP address of either family is 16 bytes in network order; IPv4 is held IPv4-mapped (::ffff:a.b.c.d, RFC 4291
 * 2.5.5.2), so one comparison, one hash and one code path serve both.  The all-zero address :: means "none" / "any";
 * 0.0.0.0 is ::ffff:0.0.0.0 and differs from it.
 */
#ifndef CASTSWITCH_IPADDR_H
#define CASTSWITCH_IPADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct mac {
	uint8_t b[6];
};

struct ipaddr {
	uint8_t b[16];
};

/* An address with a prefix length: 0..32 for IPv4, 0..128 for IPv6. */
struct ipprefix {
	struct ipaddr addr;
	uint8_t len;
};

/* One end of a UDP flow. */
struct endpoint {
	struct ipaddr ip;
	uint16_t port;     /* host byte order */
	uint32_t scope_id; /* interface index for fe80::/10, else 0 */
};

/* The way a datagram came, and so the way its answer goes. */
struct path {
	struct endpoint remote;
	struct ipaddr local; /* our address it was sent to (PKTINFO); :: = let the kernel choose */
	uint32_t ifindex;    /* only used with link-local addresses; 0 = let the kernel choose */
	uint16_t sock;       /* index of the socket it came by */
};

#define IPADDR_ANY ((struct ipaddr){ { 0 } })

/* Longest text of each, with the NUL. */
enum { MAC_STRLEN = 18, IPADDR_STRLEN = 46, ENDPOINT_STRLEN = 72 };

static inline bool
mac_equal(const struct mac *a, const struct mac *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}
static inline bool
mac_is_group(const struct mac *m)
{
	return m->b[0] & 1;
}
static inline bool
mac_is_zero(const struct mac *m)
{
	return (m->b[0] | m->b[1] | m->b[2] | m->b[3] | m->b[4] | m->b[5]) == 0;
}
static inline bool
mac_is_broadcast(const struct mac *m)
{
	return (m->b[0] & m->b[1] & m->b[2] & m->b[3] & m->b[4] & m->b[5]) == 0xff;
}
/* The 48 bits as a number, first byte most significant. */
static inline uint64_t
mac_u64(const struct mac *m)
{
	return (uint64_t)m->b[0] << 40 | (uint64_t)m->b[1] << 32 | (uint64_t)m->b[2] << 24 |
	       (uint64_t)m->b[3] << 16 | (uint64_t)m->b[4] << 8 | m->b[5];
}

static inline bool
ipaddr_equal(const struct ipaddr *a, const struct ipaddr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}
static inline int
ipaddr_cmp(const struct ipaddr *a, const struct ipaddr *b)
{
	return memcmp(a, b, sizeof(*a));
}
static inline bool
ipaddr_is_any(const struct ipaddr *a)
{
	return ipaddr_equal(a, &IPADDR_ANY);
}
static inline bool
ipaddr_is_v4(const struct ipaddr *a)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	return memcmp(a->b, mapped, sizeof(mapped)) == 0;
}
/* From 4 bytes in network order. */
static inline struct ipaddr
ipaddr_v4(const uint8_t b[4])
{
	return (struct ipaddr){ { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, b[0], b[1], b[2], b[3] } };
}
/* From a number in host byte order: ipaddr_v4_u32(0xe0000001) is 224.0.0.1. */
static inline struct ipaddr
ipaddr_v4_u32(uint32_t v)
{
	const uint8_t b[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };
	return ipaddr_v4(b);
}
/* The IPv4 address as a number in host byte order; only for ipaddr_is_v4(). */
static inline uint32_t
ipaddr_to_u32(const struct ipaddr *a)
{
	return (uint32_t)a->b[12] << 24 | (uint32_t)a->b[13] << 16 | (uint32_t)a->b[14] << 8 | a->b[15];
}

/* 224.0.0.0/4 or ff00::/8. */
bool ipaddr_is_multicast(const struct ipaddr *a);
/* 0.0.0.0 or ::. */
bool ipaddr_is_unspecified(const struct ipaddr *a);
/* 169.254.0.0/16 or fe80::/10. */
bool ipaddr_is_link_local(const struct ipaddr *a);
/* A group that is forwarded everywhere whatever anybody reported: 224.0.0.0/24 (RFC 4541 2.1.2), ff02::1, ff02::1:2 and
 * the solicited-node groups ff02::1:ff00:0/104 (DESIGN: "always flooded"). */
bool ipaddr_group_always_floods(const struct ipaddr *group);
/* 224.0.0.0/24, or IPv6 scope 2 (link) or smaller whatever the flags (ff02::, ff12::, ff01::, ...; RFC 4291 2.7): never
 * leaves the link. */
bool ipaddr_group_is_link_scope(const struct ipaddr *group);
/* 232.0.0.0/8 or ff3x::/32 (RFC 4607). */
bool ipaddr_group_is_ssm(const struct ipaddr *group);
/* True when the first p->len bits agree and the family is the same. */
bool ipprefix_contains(const struct ipprefix *p, const struct ipaddr *a);
/* The Ethernet group address of an IP group: RFC 1112 6.4 or RFC 2464 7. */
struct mac ipaddr_group_mac(const struct ipaddr *group);
/* fe80:: with the modified EUI-64 of the MAC (RFC 4291 appendix A). */
struct ipaddr ipaddr_link_local_of(const struct mac *m);

/* Text to value; the whole string must match.  False, and *ret untouched, when it does not.  Accepted:
 * "aa:bb:cc:dd:ee:ff" (also '-'); "10.0.0.1", "fe80::1"; "10.0.0.1/24"; "192.0.2.1:22424", "[2001:db8::1]:22424",
 * "[fe80::1%2]:22424" (the interface's index).  "::ffff:10.0.0.1" is the IPv4 address. */
bool mac_parse(const char *s, struct mac *ret);
bool ipaddr_parse(const char *s, struct ipaddr *ret);
bool ipprefix_parse(const char *s, struct ipprefix *ret);
bool endpoint_parse(const char *s, struct endpoint *ret);
/* Value to text, in the canonical form (RFC 5952); returns buf. */
const char *mac_str(const struct mac *m, char buf[MAC_STRLEN]);
const char *ipaddr_str(const struct ipaddr *a, char buf[IPADDR_STRLEN]);
const char *endpoint_str(const struct endpoint *e, char buf[ENDPOINT_STRLEN]);

static inline bool
endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && a->scope_id == b->scope_id && ipaddr_equal(&a->ip, &b->ip);
}

#endif
