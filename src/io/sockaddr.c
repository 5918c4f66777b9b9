/* struct endpoint <-> the socket API's addresses (sockaddr.h). */
#include "sockaddr.h"

#include <string.h>
#include <arpa/inet.h>

int
sockaddr_family(const struct ipaddr *ip)
{
	return ipaddr_is_v4(ip) ? AF_INET : AF_INET6;
}

socklen_t
sockaddr_from_endpoint(const struct endpoint *e, union sockaddr_any *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (ipaddr_is_v4(&e->ip)) {
		ret->in.sin_family = AF_INET;
		ret->in.sin_port = htons(e->port);
		memcpy(&ret->in.sin_addr, e->ip.b + 12, 4);
		return sizeof(ret->in);
	}
	ret->in6.sin6_family = AF_INET6;
	ret->in6.sin6_port = htons(e->port);
	ret->in6.sin6_scope_id = e->scope_id;
	memcpy(&ret->in6.sin6_addr, e->ip.b, 16);
	return sizeof(ret->in6);
}

bool
sockaddr_to_endpoint(const struct sockaddr *sa, struct endpoint *ret)
{
	union sockaddr_any a;
	uint8_t v4[4];

	switch (sa->sa_family) {
	case AF_INET:
		memcpy(&a.in, sa, sizeof(a.in));
		memcpy(v4, &a.in.sin_addr, sizeof(v4));
		*ret = (struct endpoint){ .ip = ipaddr_v4(v4), .port = ntohs(a.in.sin_port) };
		return true;
	case AF_INET6:
		memcpy(&a.in6, sa, sizeof(a.in6));
		*ret = (struct endpoint){ .port = ntohs(a.in6.sin6_port), .scope_id = a.in6.sin6_scope_id };
		memcpy(ret->ip.b, &a.in6.sin6_addr, 16);
		return true;
	default:
		return false;
	}
}
