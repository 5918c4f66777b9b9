/* Addresses for peers that have none of their own: leases by name. */
#include "castswitch/pool.h"

#include <stdlib.h>
#include <string.h>

#include "castswitch/hash.h"
#include "castswitch/hmap.h"
#include "castswitch/list.h"

/* One prefix: host numbers 1..n_hosts, a set bit for each that is taken. */
struct range {
	struct ipprefix prefix;
	uint32_t n_hosts;
	uint32_t n_free;
	uint32_t hint; /* where the search for a free one begins */
	uint64_t *taken;
};

struct lease {
	struct hmap_node node;
	struct list idle; /* in pool.idle while not in use, longest unused first */
	bool in_use;
	char name[POOL_NAME_MAX + 1];
	uint32_t hosts[POOL_MAX_PREFIXES];
};

struct pool {
	struct range ranges[POOL_MAX_PREFIXES];
	size_t n;
	struct hmap leases;
	struct list idle;
	size_t n_in_use;
	uint64_t changes;
};

/* Names are those of admitted peers: nobody can choose many of them, so the key need not be secret. */
static const struct hash_key name_key = { .k0 = 1, .k1 = 2 };

static unsigned
family_bits(const struct ipaddr *a)
{
	return ipaddr_is_v4(a) ? 32 : 128;
}

/* The prefix's address with this host number. */
static struct ipaddr
host_addr(const struct range *r, uint32_t host)
{
	struct ipaddr a = r->prefix.addr;
	unsigned keep = r->prefix.len + 128 - family_bits(&a);
	for (unsigned bit = keep; bit < 128; bit++)
		a.b[bit / 8] &= (uint8_t) ~(0x80 >> (bit % 8));
	for (unsigned i = 0; i < 4; i++)
		a.b[15 - i] |= (uint8_t)(host >> (8 * i));
	return a;
}

/* The host number of an address inside the prefix; 0 when it has none that is handed out. */
static uint32_t
addr_host(const struct range *r, const struct ipaddr *addr)
{
	if (!ipprefix_contains(&r->prefix, addr))
		return 0;
	uint32_t low =
		(uint32_t)addr->b[12] << 24 | (uint32_t)addr->b[13] << 16 | (uint32_t)addr->b[14] << 8 | addr->b[15];
	struct ipaddr base = host_addr(r, 0);
	uint32_t host = low - ((uint32_t)base.b[12] << 24 | (uint32_t)base.b[13] << 16 | (uint32_t)base.b[14] << 8 |
			       base.b[15]);
	struct ipaddr again = host_addr(r, host);
	return host <= r->n_hosts && ipaddr_equal(&again, addr) ? host : 0;
}

static bool
is_taken(const struct range *r, uint32_t host)
{
	return r->taken[host / 64] >> (host % 64) & 1;
}

static void
set_taken(struct range *r, uint32_t host, bool taken)
{
	if (is_taken(r, host) == taken)
		return;
	r->taken[host / 64] ^= UINT64_C(1) << (host % 64);
	r->n_free += taken ? -1U : 1U;
}

/* A free host number, or 0. */
static uint32_t
find_free(struct range *r)
{
	for (uint32_t i = 0; r->n_free && i < r->n_hosts; i++) {
		uint32_t host = (r->hint + i) % r->n_hosts + 1;
		if (is_taken(r, host))
			continue;
		r->hint = host;
		return host;
	}
	return 0;
}

static bool
range_init(struct range *r, const struct ipprefix *prefix)
{
	unsigned bits = family_bits(&prefix->addr);
	unsigned host_bits = bits - prefix->len;
	/* Host 0 is the network or the subnet-router anycast address (RFC 4291 2.6.1), the last one in IPv4 the
	 * broadcast. */
	uint64_t all = host_bits >= 32 ? UINT32_MAX : (UINT64_C(1) << host_bits) - 1;
	if (bits == 32 && all > 0)
		all--;
	r->prefix = *prefix;
	r->n_hosts = all < POOL_MAX_HOSTS ? (uint32_t)all : POOL_MAX_HOSTS;
	r->n_free = r->n_hosts;
	r->taken = calloc((size_t)r->n_hosts / 64 + 1, sizeof(*r->taken));
	return r->taken != NULL;
}

struct pool *
pool_new(const struct ipprefix *prefixes, size_t n)
{
	struct pool *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	hmap_init(&p->leases);
	list_init(&p->idle);
	for (; p->n < n && p->n < POOL_MAX_PREFIXES; p->n++) {
		if (!range_init(&p->ranges[p->n], &prefixes[p->n])) {
			pool_free(p);
			return NULL;
		}
	}
	return p;
}

static void
lease_free(struct pool *p, struct lease *l)
{
	for (size_t i = 0; i < p->n; i++)
		if (l->hosts[i])
			set_taken(&p->ranges[i], l->hosts[i], false);
	if (l->in_use)
		p->n_in_use--;
	hmap_remove(&p->leases, &l->node);
	list_remove(&l->idle);
	p->changes++;
	free(l);
}

void
pool_free(struct pool *p)
{
	if (!p)
		return;
	HMAP_EACH_SAFE (l, tmp, &p->leases, struct lease, node)
		lease_free(p, l);
	hmap_fini(&p->leases);
	for (size_t i = 0; i < p->n; i++)
		free(p->ranges[i].taken);
	free(p);
}

void
pool_reserve(struct pool *p, const struct ipaddr *addr)
{
	for (size_t i = 0; i < p->n; i++) {
		uint32_t host = addr_host(&p->ranges[i], addr);
		if (host)
			set_taken(&p->ranges[i], host, true);
	}
}

static uint64_t
name_hash(const char *name)
{
	return hash_bytes(&name_key, name, strlen(name));
}

static struct lease *
lease_find(const struct pool *p, const char *name)
{
	HMAP_EACH_WITH_HASH (l, &p->leases, name_hash(name), struct lease, node)
		if (strcmp(l->name, name) == 0)
			return l;
	return NULL;
}

/* Gives away what is unused until each prefix has a free address. */
static bool
make_room(struct pool *p)
{
	for (size_t i = 0; i < p->n; i++) {
		while (!p->ranges[i].n_free) {
			struct list *oldest = list_first(&p->idle);
			if (!oldest)
				return false;
			lease_free(p, container_of(oldest, struct lease, idle));
		}
	}
	return true;
}

/* One with these host numbers, which are free. */
static struct lease *
lease_add(struct pool *p, const char *name, const uint32_t hosts[POOL_MAX_PREFIXES])
{
	struct lease *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	strncpy(l->name, name, POOL_NAME_MAX);
	list_init(&l->idle);
	for (size_t i = 0; i < p->n; i++) {
		l->hosts[i] = hosts[i];
		set_taken(&p->ranges[i], hosts[i], true);
	}
	hmap_insert(&p->leases, &l->node, name_hash(l->name));
	p->changes++;
	return l;
}

static struct lease *
lease_new(struct pool *p, const char *name)
{
	uint32_t hosts[POOL_MAX_PREFIXES];
	if (!make_room(p))
		return NULL;
	for (size_t i = 0; i < p->n; i++)
		hosts[i] = find_free(&p->ranges[i]);
	return lease_add(p, name, hosts);
}

static bool
same_prefixes(const struct pool *a, const struct pool *b)
{
	bool same = a->n == b->n;
	for (size_t i = 0; same && i < a->n; i++)
		same = a->ranges[i].prefix.len == b->ranges[i].prefix.len &&
		       ipaddr_equal(&a->ranges[i].prefix.addr, &b->ranges[i].prefix.addr);
	return same;
}

/* False when one of them cannot be had. */
static bool
all_free(const struct pool *p, const uint32_t hosts[POOL_MAX_PREFIXES])
{
	for (size_t i = 0; i < p->n; i++)
		if (hosts[i] == 0 || is_taken(&p->ranges[i], hosts[i]))
			return false;
	return true;
}

static void
lease_inherit(struct pool *p, const struct lease *from)
{
	struct lease *l = all_free(p, from->hosts) ? lease_add(p, from->name, from->hosts) : NULL;
	if (!l)
		return;
	l->in_use = from->in_use;
	p->n_in_use += from->in_use;
	if (!l->in_use)
		list_push_back(&p->idle, &l->idle);
}

void
pool_inherit(struct pool *p, const struct pool *old)
{
	if (!same_prefixes(p, old))
		return;
	/* The idle ones in their order, so that the longest unused still goes first. */
	LIST_EACH (l, &old->idle, struct lease, idle)
		lease_inherit(p, l);
	HMAP_EACH (l, &old->leases, struct lease, node)
		if (l->in_use)
			lease_inherit(p, l);
}

bool
pool_lease(struct pool *p, const char *name, struct ipprefix ret[POOL_MAX_PREFIXES], size_t *ret_n)
{
	struct lease *l = lease_find(p, name);
	if (!l)
		l = lease_new(p, name);
	if (!l)
		return false;
	if (!l->in_use)
		p->n_in_use++;
	l->in_use = true;
	list_remove(&l->idle);
	for (size_t i = 0; i < p->n; i++)
		ret[i] = (struct ipprefix){ .addr = host_addr(&p->ranges[i], l->hosts[i]),
					    .len = p->ranges[i].prefix.len };
	*ret_n = p->n;
	return true;
}

void
pool_release(struct pool *p, const char *name)
{
	struct lease *l = lease_find(p, name);
	if (!l || !l->in_use)
		return;
	l->in_use = false;
	p->n_in_use--;
	list_push_back(&p->idle, &l->idle);
}

/* --- keeping leases --- */

bool
pool_restore(struct pool *p, const char *name, const struct ipaddr *addrs, size_t n)
{
	uint32_t hosts[POOL_MAX_PREFIXES] = { 0 };
	size_t len = strlen(name);
	if (len == 0 || len > POOL_NAME_MAX || lease_find(p, name))
		return false;
	for (size_t i = 0; i < p->n; i++)
		for (size_t k = 0; k < n && hosts[i] == 0; k++)
			hosts[i] = addr_host(&p->ranges[i], &addrs[k]);
	struct lease *l = all_free(p, hosts) ? lease_add(p, name, hosts) : NULL;
	if (!l)
		return false;
	list_push_back(&p->idle, &l->idle);
	return true;
}

static void
tell(const struct pool *p, const struct lease *l, pool_each_fn *fn, void *arg)
{
	struct ipaddr addrs[POOL_MAX_PREFIXES];
	for (size_t i = 0; i < p->n; i++)
		addrs[i] = host_addr(&p->ranges[i], l->hosts[i]);
	fn(arg, l->name, addrs, p->n);
}

void
pool_each(const struct pool *p, pool_each_fn *fn, void *arg)
{
	LIST_EACH (l, &p->idle, struct lease, idle)
		tell(p, l, fn, arg);
	HMAP_EACH (l, &p->leases, struct lease, node)
		if (l->in_use)
			tell(p, l, fn, arg);
}

uint64_t
pool_changes(const struct pool *p)
{
	return p->changes;
}

size_t
pool_in_use(const struct pool *p)
{
	return p->n_in_use;
}

size_t
pool_known(const struct pool *p)
{
	return p->leases.n;
}
