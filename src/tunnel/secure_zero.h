/* Wiping of key material. */
#ifndef CASTSWITCH_TUNNEL_SECURE_ZERO_H
#define CASTSWITCH_TUNNEL_SECURE_ZERO_H

#include <stddef.h>
#include <string.h>

/* A memset that stays although nobody reads the memory afterwards: the empty asm claims to read it. */
static inline void
secure_zero(void *p, size_t len)
{
	memset(p, 0, len);
	__asm__ __volatile__("" : : "r"(p) : "memory");
}

#endif
