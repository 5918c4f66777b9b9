/* struct endpoint <-> the socket API's addresses. */
#ifndef CASTSWITCH_IO_SOCKADDR_H
#define CASTSWITCH_IO_SOCKADDR_H

#include <stdbool.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "castswitch/ipaddr.h"

union sockaddr_any {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* AF_INET or AF_INET6; IPADDR_ANY is of AF_INET6. */
int sockaddr_family(const struct ipaddr *ip);
/* Returns the length of the address written to *ret. */
socklen_t sockaddr_from_endpoint(const struct endpoint *e, union sockaddr_any *ret);
/* False, *ret untouched, for any other family. */
bool sockaddr_to_endpoint(const struct sockaddr *sa, struct endpoint *ret);

#endif
