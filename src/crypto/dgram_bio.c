/* A BIO that carries one datagram per read and write; OpenSSL's memory BIO is a stream and its dgram BIO needs a
 * socket. */
#include "private.h"

#include <string.h>

static int
dgram_write(BIO *bio, const char *data, int len)
{
	struct dgram_io *io = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (len > 0 && io->output)
		io->output(io->arg, (const uint8_t *)data, (size_t)len);
	return len; /* a datagram that could not be sent is a lost one */
}

static int
dgram_read(BIO *bio, char *buf, int cap)
{
	struct dgram_io *io = BIO_get_data(bio);
	size_t n;

	BIO_clear_retry_flags(bio);
	if (!io->in || cap <= 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	n = io->in_len < (size_t)cap ? io->in_len : (size_t)cap;
	memcpy(buf, io->in, n);
	io->in = NULL;
	return (int)n;
}

/* Everything unknown must be answered with 0: libssl asks for kernel TLS on every read and write and would switch it on
 * for another answer. */
static long
dgram_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	(void)bio;
	(void)num;
	(void)ptr;
	switch (cmd) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_DGRAM_QUERY_MTU:
	case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
		return DTLS_MAX_DGRAM;
	default:
		return 0; /* also the MTU's overhead: DTLS_MAX_DGRAM counts UDP payload */
	}
}

static const BIO_METHOD *
dgram_method(void)
{
	static BIO_METHOD *method; /* for the life of the process */

	if (method)
		return method;
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "castswitch datagram");
	if (!m)
		return NULL;
	BIO_meth_set_write(m, dgram_write);
	BIO_meth_set_read(m, dgram_read);
	BIO_meth_set_ctrl(m, dgram_ctrl);
	method = m;
	return method;
}

BIO *
dgram_bio_new(struct dgram_io *io)
{
	const BIO_METHOD *method = dgram_method();
	BIO *bio = method ? BIO_new(method) : NULL;

	if (!bio)
		return NULL;
	BIO_set_data(bio, io);
	BIO_set_init(bio, 1);
	return bio;
}
