/* Name resolution that does not block the loop.
 *
 * getaddrinfo() runs in a thread of its own for each request and hands its result to the loop; a request that is
 * cancelled leaves its thread to finish on its own time, and nothing waits for it.  An address instead of a name needs
 * no thread.
 */
#ifndef CASTSWITCH_RESOLVE_H
#define CASTSWITCH_RESOLVE_H

#include <stddef.h>
#include <stdint.h>

#include "castswitch/ipaddr.h"
#include "castswitch/loop.h"

enum { RESOLVE_MAX = 16 }; /* further addresses of a name are left out */

struct resolve;

/* 'addrs' in the system's order of preference (RFC 6724), without duplicates, IPv4 and IPv6 mixed; n is 0 when it
 * failed, and error then says why in a few words ("Name or service not known"), else it is NULL.  The request is over
 * and its handle invalid before this is called. */
typedef void resolve_fn(void *arg, const struct endpoint *addrs, size_t n, const char *error, struct mono now);

/* Looks up host, a name or an address (fe80::1%eth0 too), and calls done(arg, ...) exactly once, always from the loop,
 * never from inside this call.  0 with *ret for resolve_cancel(), or -errno (-ENAMETOOLONG, -ENOMEM, or
 * -EAGAIN: no thread to be had).  Cancel what is pending before loop_free(). */
int resolve_start(struct loop *loop, const char *host, uint16_t port, resolve_fn *done, void *arg,
		  struct resolve **ret);
/* Ends the request: done will not be called.  Not after done was called.  NULL is fine. */
void resolve_cancel(struct resolve *r);

#endif
