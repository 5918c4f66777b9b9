/* A tap interface (tap.h). */
#include "castswitch/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#define TUN_DEVICE "/dev/net/tun"

enum {
	/* In front of a frame: the headroom, and 2 bytes that put the IP header on a 4-byte boundary. */
	FRONT = FRAME_HEADROOM + 2,
	/* The kernel cuts a frame to the buffer without a word: one byte more tells. */
	READ_MAX = FRAME_MAX_PLAIN + 1,
	STRIDE = (FRONT + READ_MAX + 15) / 16 * 16,
};

struct tap {
	int fd;
	unsigned ifindex;
	char name[IFNAMSIZ];
	uint8_t *buffers;
	struct frame frames[TAP_BATCH];
	struct tap_stats stats;
};

/* --- opening --- */

/* The kernel takes '%' for a pattern of names and an empty name for "any"; the rest it refuses itself. */
static bool
name_is_valid(const char *name)
{
	return *name && strlen(name) < IFNAMSIZ && !strchr(name, '%');
}

static int
device_open(struct tap *t, char *err, size_t errlen)
{
	t->fd = open(TUN_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (t->fd >= 0)
		return 0;
	if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
		snprintf(err, errlen, "%s: there is no " TUN_DEVICE " (is the kernel module tun loaded?)", t->name);
	else
		snprintf(err, errlen, "%s: can't open " TUN_DEVICE ": %s", t->name, strerror(errno));
	return -1;
}

static int
interface_create(struct tap *t, char *err, size_t errlen)
{
	struct ifreq ifr = { 0 };

	memcpy(ifr.ifr_name, t->name, sizeof(ifr.ifr_name));
	/* EXCL: never attach to an interface that is there. */
	ifr.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL);
	if (ioctl(t->fd, TUNSETIFF, &ifr) < 0) {
		if (errno == EBUSY)
			snprintf(err, errlen, "%s: an interface of that name exists already", t->name);
		else if (errno == EPERM)
			snprintf(err, errlen, "%s: not permitted to create it (it takes CAP_NET_ADMIN)", t->name);
		else
			snprintf(err, errlen, "%s: can't create the interface: %s", t->name, strerror(errno));
		return -1;
	}
	/* The descriptor knows its interface by this, whatever it is renamed to. */
	if (ioctl(t->fd, TUNGETIFF, &ifr) < 0 || !(t->ifindex = if_nametoindex(ifr.ifr_name))) {
		snprintf(err, errlen, "%s: %s", t->name, strerror(errno));
		return -1;
	}
	return 0;
}

struct tap *
tap_open(const char *name, char *err, size_t errlen)
{
	struct tap *t;

	if (!name_is_valid(name)) {
		snprintf(err, errlen, "%s: not a name for an interface", name);
		return NULL;
	}
	t = calloc(1, sizeof(*t));
	if (t)
		t->buffers = aligned_alloc(16, (size_t)TAP_BATCH * STRIDE);
	if (!t || !t->buffers) {
		snprintf(err, errlen, "%s: %s", name, strerror(ENOMEM));
		free(t);
		return NULL;
	}
	memcpy(t->name, name, strlen(name));
	t->fd = -1;
	if (device_open(t, err, errlen) < 0 || interface_create(t, err, errlen) < 0) {
		tap_close(t);
		return NULL;
	}
	return t;
}

void
tap_close(struct tap *t)
{
	if (!t)
		return;
	if (t->fd >= 0)
		close(t->fd);
	free(t->buffers);
	free(t);
}

int
tap_fd(const struct tap *t)
{
	return t->fd;
}

const char *
tap_name(const struct tap *t)
{
	return t->name;
}

unsigned
tap_ifindex(const struct tap *t)
{
	return t->ifindex;
}

const struct tap_stats *
tap_stats(const struct tap *t)
{
	return &t->stats;
}

int
tap_mac(const struct tap *t, struct mac *ret)
{
	struct ifreq ifr = { 0 };

	if (ioctl(t->fd, SIOCGIFHWADDR, &ifr) < 0)
		return -errno;
	memcpy(ret->b, ifr.ifr_hwaddr.sa_data, sizeof(ret->b));
	return 0;
}

/* --- frames --- */

/* Reads one frame into slot i: 1, 0 when there is none (or none of use), -errno. */
static int
frame_read(struct tap *t, unsigned i)
{
	uint8_t *data = t->buffers + (size_t)i * STRIDE + FRONT;
	ssize_t n;

	do
		n = read(t->fd, data, READ_MAX);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
	if (n > FRAME_MAX_PLAIN) {
		t->stats.drops[DROP_TRUNCATED]++;
		return 0;
	}
	t->frames[i] = (struct frame){ .data = data, .len = (uint32_t)n };
	return 1;
}

int
tap_recv(struct tap *t, struct frame **ret)
{
	int n = 0;

	while (n < TAP_BATCH) {
		const int r = frame_read(t, (unsigned)n);

		if (r < 0 && n == 0)
			return r;
		if (r <= 0)
			break;
		t->stats.rx_bytes += t->frames[n].len;
		n++;
	}
	t->stats.rx_frames += (unsigned)n;
	*ret = t->frames;
	return n;
}

void
tap_send(struct tap *t, const struct frame *f)
{
	ssize_t n;

	do
		n = write(t->fd, f->data, f->len);
	while (n < 0 && errno == EINTR);
	if (n >= 0) {
		t->stats.tx_frames++;
		t->stats.tx_bytes += f->len;
	} else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == ENOMEM) {
		t->stats.drops[DROP_EGRESS_FULL]++;
	} else {
		t->stats.drops[DROP_SEND_ERROR]++;
	}
}
