/* Makes a castswitch that speaks the next version of the protocol: this SSL_write() replaces OpenSSL's in the program
 * (ld --wrap) and raises the number in HELLO, its first TLV (tmsg.h). */
#include <stdint.h>
#include <string.h>

#include <openssl/ssl.h>

#include "castswitch/tmsg.h"

int __real_SSL_write(SSL *ssl, const void *buf, int len);
int __wrap_SSL_write(SSL *ssl, const void *buf, int len);

int
__wrap_SSL_write(SSL *ssl, const void *buf, int len)
{
	static const uint8_t front[] = { TMSG_HELLO, 0, 1, 0, 2, 0, TMSG_PROTOCOL };
	uint8_t msg[TMSG_MAX];
	if (len < (int)sizeof(front) || len > (int)sizeof(msg) || memcmp(buf, front, sizeof(front)) != 0)
		return __real_SSL_write(ssl, buf, len);
	memcpy(msg, buf, (size_t)len);
	msg[sizeof(front) - 1]++;
	return __real_SSL_write(ssl, msg, len);
}
