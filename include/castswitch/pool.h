/* Addresses for peers that have none of their own: leases by name.
 *
 * A pool hands out one address of each of its prefixes to a name, and the same ones when the name comes again, as
 * long as nobody else needed them meanwhile: a lease that is not in use is given away only when nothing is free, the
 * one unused for longest first.  Network, broadcast (IPv4) and subnet-router (IPv6) addresses and those reserved by
 * the owner are never handed out.  Of a large prefix only the first POOL_MAX_HOSTS addresses are used.
 *
 * An engine without I/O or time; the order of calls is its clock.  Who keeps leases in a file asks pool_changes() when to
 * write it, pool_each() what, and reads it back by pool_restore().
 */
#ifndef CASTSWITCH_POOL_H
#define CASTSWITCH_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "castswitch/ipaddr.h"

enum { POOL_MAX_PREFIXES = 8, POOL_MAX_HOSTS = 65536, POOL_NAME_MAX = 63 };

struct pool;

/* n (at most POOL_MAX_PREFIXES) prefixes, in the order in which leases list their addresses; host bits are ignored. 
 * NULL when out of memory. */
struct pool *pool_new(const struct ipprefix *prefixes, size_t n);
/* NULL is fine. */
void pool_free(struct pool *p);

/* Never hand this address out (the tap's, a peer's static one).  Before the first lease.  Addresses outside are
 * ignored. */
void pool_reserve(struct pool *p, const struct ipaddr *addr);

/* Takes over the leases of 'old' (a reload), as far as both have the same prefixes and the addresses aren't reserved
 * here. Before the first lease. */
void pool_inherit(struct pool *p, const struct pool *old);

/* The name's addresses: *ret_n of them at ret, with the pool's prefix lengths, one for each prefix.  The lease is in
 * use until pool_release().  False when some prefix is exhausted (nothing is leased then) or memory is short. */
bool pool_lease(struct pool *p, const char *name, struct ipprefix ret[POOL_MAX_PREFIXES], size_t *ret_n);
/* The name's session ended: its lease may be given away when nothing else is free.  Unknown names are ignored. */
void pool_release(struct pool *p, const char *name);

/* A lease that the name once had, and that is not in use: an address of each prefix, in any order; others are ignored.
 * The one unused for longest comes first.  Before the first lease.  False, and nothing has changed, when an address is
 * missing, taken or reserved, the name has a lease or is none, or memory is short. */
bool pool_restore(struct pool *p, const char *name, const struct ipaddr *addrs, size_t n);
/* Each lease, those not in use first, the one unused for longest before all; one address of each prefix. */
typedef void pool_each_fn(void *arg, const char *name, const struct ipaddr *addrs, size_t n);
void pool_each(const struct pool *p, pool_each_fn *fn, void *arg);
/* Another number whenever a name was given an address, or one was taken from it. */
uint64_t pool_changes(const struct pool *p);

/* Leases in use, and all that are remembered. */
size_t pool_in_use(const struct pool *p);
size_t pool_known(const struct pool *p);

#endif
