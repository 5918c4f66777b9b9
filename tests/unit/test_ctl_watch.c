/* Watching on the control socket: the stream by itself, and what a real switch tells through it.
 *
 * The clocks are this program's: its clock_gettime() stands before the C library's, for libevent's timers too.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "castswitch/ctl.h"
#include "castswitch/ctl_switch.h"
#include "castswitch/ctl_watch.h"
#include "castswitch/gm.h"
#include "castswitch/rng.h"
#include "castswitch/sbuf.h"
#include "castswitch/switch.h"

enum { PORTS = 3, SILENT = CTL_SILENT_MS + 1, UNREAD = 31 * 1000 };

static int64_t monotonic_ms = 1000 * 1000;

int
clock_gettime(clockid_t clock, struct timespec *ret)
{
	const int64_t ms = clock == CLOCK_REALTIME ? INT64_C(1795446187123) : monotonic_ms;

	ret->tv_sec = (time_t)(ms / 1000);
	ret->tv_nsec = (long)(ms % 1000) * 1000000;
	return 0;
}

struct fixture {
	char dir[64], path[96];
	struct event_base *base;
	struct ctl *ctl;
	struct rng_seeded seeded;
	struct rng rng;
	struct sw *sw;
	struct sw_port *ports[PORTS];
	struct mono now;
	struct ctl_switch_view view;
	struct sbuf got; /* what take() took */
};

/* --- the program -----------------------------------------------------------------------------------------------------
 */

static void
on_switch_event(void *arg, const struct sw_event *ev, struct mono now)
{
	const struct fixture *f = arg;

	(void)now;
	ctl_watch_event(f->ctl, ev);
}

static void
no_tx(void *arg, const struct sw_tx *items, size_t n, struct mono now)
{
	(void)arg;
	(void)items;
	(void)n;
	(void)now;
}

static struct mono
view_now(void *arg)
{
	return ((struct fixture *)arg)->now;
}

/* tap0 and alice, and eth1 where routers may be. */
static void
add_ports(struct fixture *f)
{
	static const struct {
		const char *name;
		enum sw_port_kind kind;
	} ports[PORTS] = { { "tap0", SW_TAP }, { "alice", SW_PEER }, { "eth1", SW_NIC } };
	static const struct sw_port_ops ops = { .tx = no_tx };

	for (unsigned i = 0; i < PORTS; i++) {
		struct sw_port_params params;
		int err = 0;

		sw_port_params_default(ports[i].kind, ports[i].name, &params);
		f->ports[i] = switch_port_add(f->sw, &params, &ops, NULL, f->now, &err);
		assert_non_null(f->ports[i]);
		switch_port_set_up(f->sw, f->ports[i], true, f->now);
	}
}

/* "tell": publishes an event before it is answered. */
static json_t *
cmd_tell(void *arg, const json_t *request, char *err, size_t errlen)
{
	struct fixture *f = arg;

	(void)request;
	(void)err;
	(void)errlen;
	ctl_publish(f->ctl, json_pack("{s:s}", "event", "told"));
	return json_true();
}

/* "big": so many MiB. */
static json_t *
cmd_big(void *arg, const json_t *request, char *err, size_t errlen)
{
	const size_t size = (size_t)json_integer_value(json_object_get(request, "mib")) << 20;
	char *text = malloc(size);

	(void)arg;
	(void)err;
	(void)errlen;
	memset(text, 'x', size);
	json_t *v = json_stringn(text, size);
	free(text);
	return v;
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const struct sw_ops ops = { .event = on_switch_event };
	char err[CTL_ERROR_MAX] = "";
	struct sw_params params;

	signal(SIGPIPE, SIG_IGN);
	sbuf_init(&f->got);
	strcpy(f->dir, "/tmp/test_ctl_watch.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/sock", f->dir);
	f->base = event_base_new();
	f->ctl = ctl_open(f->base, f->path, err, sizeof(err));
	assert_non_null(f->ctl);
	f->now = mono_from_ns(1000 * NSEC_PER_SEC);
	rng_seeded_init(&f->seeded, 1, &f->rng);
	sw_params_default(&params);
	assert_true(mac_parse("02:00:00:00:00:fe", &params.mac));
	params.vlan_aware = true;
	f->sw = switch_new(&params, &ops, f, &f->rng, f->now);
	assert_non_null(f->sw);
	add_ports(f);
	f->view = (struct ctl_switch_view){ .sw = f->sw, .now = view_now, .arg = f };
	assert_int_equal(ctl_switch_register(f->ctl, &f->view), 0);
	assert_int_equal(ctl_register(f->ctl, "tell", "", cmd_tell, f), 0);
	assert_int_equal(ctl_register(f->ctl, "big", "", cmd_big, f), 0);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	ctl_close(f->ctl);
	f->ctl = NULL;
	switch_free(f->sw);
	event_base_free(f->base);
	rmdir(f->dir);
	sbuf_free(&f->got);
	free(f);
	return 0;
}

static void
settle(struct fixture *f)
{
	for (unsigned i = 0; i < 3; i++)
		event_base_loop(f->base, EVLOOP_NONBLOCK);
}

static void
pass(struct fixture *f, int64_t ms)
{
	monotonic_ms += ms;
	settle(f);
}

/* --- clients ---------------------------------------------------------------------------------------------------------
 */

static int
dial(struct fixture *f)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(addr.sun_path, f->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	settle(f);
	return fd;
}

/* All that comes until nothing comes any more. */
static const char *
take(struct fixture *f, int fd)
{
	static char buf[64 * 1024];

	sbuf_reset(&f->got);
	for (unsigned quiet = 0; quiet < 3; quiet++) {
		settle(f);
		for (ssize_t n; (n = recv(fd, buf, sizeof(buf), 0)) > 0; quiet = 0)
			sbuf_add(&f->got, buf, (size_t)n);
	}
	assert_false(sbuf_failed(&f->got));
	return sbuf_str(&f->got);
}

static const char *
ask(struct fixture *f, int fd, const char *line)
{
	assert_int_equal(send(fd, line, strlen(line), MSG_NOSIGNAL), strlen(line));
	return take(f, fd);
}

static bool
is_closed(struct fixture *f, int fd)
{
	char c;

	settle(f);
	ssize_t n = recv(fd, &c, 1, MSG_PEEK);
	return n == 0 || (n < 0 && errno == ECONNRESET);
}

#define WATCHING "{\"ok\":true,\"result\":\"events follow\"}\n"

/* A client that watches, with these members in its request. */
static int
watch(struct fixture *f, const char *members)
{
	int fd = dial(f);
	char line[256];

	snprintf(line, sizeof(line), "{\"command\":\"watch\"%s}\n", members);
	assert_string_equal(ask(f, fd, line), WATCHING);
	return fd;
}

#define TIME "\"time_s\":1795446187.123"
#define NUMBER(i) "{\"event\":\"number\",\"i\":" #i "," TIME "}\n"

static void
publish(struct fixture *f, int i)
{
	ctl_publish(f->ctl, json_pack("{s:s,s:i}", "event", "number", "i", i));
}

/* --- the stream ------------------------------------------------------------------------------------------------------
 */

static void
test_order(void **state)
{
	struct fixture *f = *state;

	assert_false(ctl_is_watched(f->ctl));
	publish(f, 0);
	int silent = dial(f), one = watch(f, ""), two = watch(f, "");

	assert_true(ctl_is_watched(f->ctl));
	publish(f, 1);
	publish(f, 2);
	assert_string_equal(take(f, one), NUMBER(1) NUMBER(2));
	publish(f, 3);
	assert_string_equal(take(f, one), NUMBER(3));
	assert_string_equal(take(f, two), NUMBER(1) NUMBER(2) NUMBER(3));
	assert_string_equal(take(f, silent), "");
	close(silent);
	close(one);
	settle(f);
	assert_true(ctl_is_watched(f->ctl));
	close(two);
	settle(f);
	assert_false(ctl_is_watched(f->ctl));
	assert_int_equal(ctl_clients(f->ctl), 0);
}

/* Who watches may ask as before; what a command causes comes before its answer. */
static void
test_answers_between(void **state)
{
	struct fixture *f = *state;
	int fd = watch(f, "");

	publish(f, 1);
	assert_string_equal(ask(f, fd, "{\"command\":\"tell\"}\n"),
			    NUMBER(1) "{\"event\":\"told\"," TIME "}\n{\"ok\":true,\"result\":true}\n");
	assert_non_null(strstr(ask(f, fd, "nonsense\n"), "{\"ok\":false,\"error\":\"not JSON"));
	publish(f, 2);
	assert_string_equal(take(f, fd), NUMBER(2));
	close(fd);
}

/* Numbers as they come, and how many were lost where. */
struct numbers {
	int n, first_after, lost;
	bool in_order;
};

static struct numbers
read_numbers(const char *text)
{
	struct numbers r = { .in_order = true };
	int expected = 0;

	for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
		int i;

		if (sscanf(text, "{\"event\":\"number\",\"i\":%d," TIME "}", &i) == 1) {
			r.in_order &= i == expected;
			expected = i + 1;
			r.n++;
		} else {
			assert_int_equal(sscanf(text, "{\"event\":\"lost\"," TIME ",\"count\":%d}", &i), 1);
			r.lost += i;
			expected += i;
			r.first_after = expected;
		}
	}
	assert_int_equal(*text, '\0');
	return r;
}

/* One that does not read costs what is allowed, loses what is more, and is told how much at the place where it is
 * missing; another one notices nothing. */
static void
test_slow_watcher(void **state)
{
	enum { MANY = 60000 };
	struct fixture *f = *state;
	int slow = watch(f, ""), fast = watch(f, ""), n_fast = 0;

	for (int i = 0; i < MANY; i++) {
		publish(f, i);
		if (i % 1000 == 999)
			n_fast += read_numbers(take(f, fast)).n;
	}
	assert_int_equal(n_fast, MANY);
	pass(f, UNREAD);
	pass(f, UNREAD);
	const struct numbers r = read_numbers(take(f, slow));
	/* 60 bytes each; the kernel keeps some, too. */
	assert_true(r.in_order && r.n > CTL_WATCH_BACKLOG_MAX / 60 && r.n < 2 * CTL_WATCH_BACKLOG_MAX / 50);
	/* It is told without another event. */
	assert_int_equal(r.n + r.lost, MANY);
	assert_int_equal(r.first_after, MANY);
	publish(f, 1);
	assert_string_equal(take(f, slow), NUMBER(1));
	close(slow);
	close(fast);
}

/* It has to read half before it gets more: one gap, not one behind every event. */
static void
test_lost_in_the_middle(void **state)
{
	static char some[600 * 1024];
	struct fixture *f = *state;
	int fd = watch(f, ""), i = 0;
	struct sbuf text;

	for (; i < 60000; i++)
		publish(f, i);
	sbuf_init(&text);
	for (unsigned pieces = 0; pieces < 20; pieces++) {
		settle(f);
		const ssize_t n = recv(fd, some, sizeof(some) / 10, 0);
		assert_true(n > 0);
		sbuf_add(&text, some, (size_t)n);
		publish(f, i++);
	}
	sbuf_puts(&text, take(f, fd));
	const struct numbers r = read_numbers(sbuf_str(&text));
	assert_true(r.in_order && r.first_after > 60000 && r.first_after < i);
	assert_int_equal(r.n + r.lost, i);
	sbuf_free(&text);
	close(fd);
}

/* What could not be made is missing, too. */
static void
test_no_memory(void **state)
{
	struct fixture *f = *state;
	int fd = watch(f, "");

	ctl_publish(f->ctl, NULL);
	ctl_publish(f->ctl, NULL);
	assert_string_equal(take(f, fd), "");
	publish(f, 1);
	assert_string_equal(take(f, fd), "{\"event\":\"lost\"," TIME ",\"count\":2}\n" NUMBER(1));
	close(fd);
}

/* One that says no more has heard enough: it gets what waits, and makes place. */
static void
test_half_open(void **state)
{
	struct fixture *f = *state;
	int fd = watch(f, "");

	for (int i = 0; i < 10000; i++)
		publish(f, i);
	shutdown(fd, SHUT_WR);
	settle(f);
	publish(f, 10000);
	const struct numbers r = read_numbers(take(f, fd));
	assert_true(r.in_order && r.n == 10000 && r.lost == 0);
	assert_true(is_closed(f, fd));
	assert_int_equal(ctl_clients(f->ctl), 0);
	assert_false(ctl_is_watched(f->ctl));
	close(fd);
	/* One that then reads nothing is not waited for. */
	fd = watch(f, "");
	for (int i = 0; i < 10000; i++)
		publish(f, i);
	shutdown(fd, SHUT_WR);
	settle(f);
	assert_int_equal(ctl_clients(f->ctl), 1);
	pass(f, UNREAD);
	assert_int_equal(ctl_clients(f->ctl), 0);
	close(fd);
}

/* Gone in the middle of what is sent. */
static void
test_gone(void **state)
{
	struct fixture *f = *state;
	int fd = watch(f, "");

	for (int i = 0; i < 20000; i++)
		publish(f, i);
	close(fd);
	publish(f, 1);
	settle(f);
	assert_int_equal(ctl_clients(f->ctl), 0);
	fd = watch(f, "");
	ctl_close(f->ctl);
	f->ctl = NULL;
	assert_true(is_closed(f, fd));
	close(fd);
}

/* Who watches is silent and keeps its place, but not everybody may. */
static void
test_places(void **state)
{
	struct fixture *f = *state;
	int fd[CTL_CLIENTS_MAX], more;

	for (unsigned i = 0; i < CTL_WATCHERS_MAX; i++)
		fd[i] = watch(f, "");
	for (unsigned i = CTL_WATCHERS_MAX; i < CTL_CLIENTS_MAX; i++)
		fd[i] = dial(f);
	assert_string_equal(ask(f, fd[CTL_WATCHERS_MAX], "{\"command\":\"watch\"}\n"),
			    "{\"ok\":false,\"error\":\"too many watch already (16)\"}\n");
	/* Watching again changes what is watched, and takes no other place. */
	assert_string_equal(ask(f, fd[0], "{\"command\":\"watch\",\"port\":\"none\"}\n"), WATCHING);
	pass(f, SILENT);
	more = dial(f);
	assert_string_equal(ask(f, more, "{\"command\":\"tell\"}\n"), "{\"ok\":true,\"result\":true}\n");
	assert_int_equal(ctl_clients(f->ctl), CTL_CLIENTS_MAX);
	assert_string_equal(take(f, fd[0]), "");
	for (unsigned i = 1; i < CTL_WATCHERS_MAX; i++)
		assert_string_equal(take(f, fd[i]), "{\"event\":\"told\"," TIME "}\n");
	assert_true(is_closed(f, fd[CTL_WATCHERS_MAX + 1]));
	/* Whoever goes makes place for another. */
	close(fd[0]);
	settle(f);
	assert_string_equal(ask(f, more, "{\"command\":\"watch\"}\n"), WATCHING);
	for (unsigned i = 1; i < CTL_CLIENTS_MAX; i++)
		close(fd[i]);
	close(more);
}

/* An answer of which nobody reads a byte ends a client, but not one that watches; asking on does. */
static void
test_looking_away(void **state)
{
	struct fixture *f = *state;
	int fd = watch(f, ""), other = dial(f);
	static const char big[] = "{\"command\":\"big\",\"mib\":6}\n";

	assert_int_equal(send(fd, big, strlen(big), 0), strlen(big));
	assert_int_equal(send(other, big, strlen(big), 0), strlen(big));
	settle(f);
	assert_int_equal(ctl_clients(f->ctl), 2);
	pass(f, UNREAD);
	assert_int_equal(ctl_clients(f->ctl), 1);
	publish(f, 1);
	assert_non_null(strstr(take(f, fd), "x\"}\n{\"event\":\"lost\"," TIME ",\"count\":1}\n"));
	publish(f, 2);
	assert_string_equal(take(f, fd), NUMBER(2));
	assert_int_equal(send(fd, big, strlen(big), 0), strlen(big));
	settle(f);
	assert_int_equal(send(fd, big, strlen(big), 0), strlen(big));
	settle(f);
	assert_int_equal(ctl_clients(f->ctl), 0);
	close(fd);
	close(other);
}

/* --- what the switch tells -------------------------------------------------------------------------------------------
 */

/* A frame of that port, in a VLAN. */
static void
receive(struct fixture *f, unsigned port, uint16_t vid, const struct gm_build *msg)
{
	uint8_t buf[FRAME_HEADROOM + 512];
	uint8_t *data = buf + FRAME_HEADROOM;
	const size_t len = gm_build(msg, data + VLAN_TAG_LEN, 400);

	assert_true(len > 0);
	struct frame frame = { .data = data + VLAN_TAG_LEN, .len = (uint32_t)len };
	if (vid) {
		const uint8_t tag[] = { 0x81, 0x00, (uint8_t)(vid >> 8), (uint8_t)vid };

		memmove(data, data + VLAN_TAG_LEN, 12);
		memcpy(data + 12, tag, sizeof(tag));
		frame = (struct frame){ .data = data, .len = (uint32_t)len + VLAN_TAG_LEN };
	}
	switch_rx(f->sw, f->ports[port], &frame, 1, f->now);
}

static struct ipaddr
ip(const char *text)
{
	struct ipaddr a;

	assert_true(ipaddr_parse(text, &a));
	return a;
}

static void
report(struct fixture *f, unsigned port, uint16_t vid, const char *from, uint8_t type, const char *group,
       const char *source)
{
	const struct ipaddr src = source ? ip(source) : IPADDR_ANY;
	const struct gm_build_record record = {
		.type = type, .group = ip(group), .sources = &src, .n_sources = source != NULL
	};
	const struct gm_build msg = { .family = ipaddr_is_v4(&record.group) ? GM_IGMP : GM_MLD,
				      .kind = GM_REPORT,
				      .version = ipaddr_is_v4(&record.group) ? 3 : 2,
				      .eth_src = { { 2, 0, 0, 0, (uint8_t)port, 7 } },
				      .ip_src = ip(from),
				      .records = &record,
				      .n_records = 1 };

	receive(f, port, vid, &msg);
}

/* Its querier is better than ours. */
static void
query(struct fixture *f, unsigned port, uint16_t vid, const char *from)
{
	const struct gm_build msg = { .family = GM_IGMP,
				      .kind = GM_QUERY,
				      .version = 3,
				      .eth_src = { { 2, 0, 0, 0, 0, 8 } },
				      .ip_src = ip(from),
				      .max_resp = 10 * NSEC_PER_SEC,
				      .qrv = 2,
				      .qqi = 125 * NSEC_PER_SEC };

	receive(f, port, vid, &msg);
}

enum { IS_EX = 2, TO_IN = 3, TO_EX = 4, ALLOW = 5 };

/* Behind a port. */
#define HOST(port) "\"mac\":\"02:00:00:00:0" #port ":07\","

static void
test_members(void **state)
{
	struct fixture *f = *state;
	int fd = watch(f, "");

	report(f, 1, 0, "10.0.0.2", TO_EX, "239.1.1.1", NULL);
	assert_string_equal(take(f, fd),
			    "{\"event\":\"join\",\"vlan\":0,\"port\":\"alice\",\"group\":\"239.1.1.1\"," HOST(1) TIME
			    "}\n");
	report(f, 1, 0, "10.0.0.2", IS_EX, "239.1.1.1", NULL);
	assert_string_equal(take(f, fd), "");
	report(f, 1, 0, "10.0.0.2", TO_IN, "239.1.1.1", NULL);
	f->now = mono_add(f->now, 10 * NSEC_PER_SEC);
	switch_tick(f->sw, f->now);
	const char *left = take(f, fd);
	assert_non_null(strstr(left, "{\"event\":\"leave\",\"vlan\":0,\"port\":\"alice\",\"group\":\"239.1.1.1\","));
	/* Nobody's report ends it when the port goes down. */
	report(f, 1, 0, "fe80::2", TO_EX, "ff05::1:3", NULL);
	assert_non_null(strstr(take(f, fd), "\"port\":\"alice\",\"group\":\"ff05::1:3\"," HOST(1)));
	switch_port_set_up(f->sw, f->ports[1], false, f->now);
	assert_string_equal(take(f, fd),
			    "{\"event\":\"leave\",\"vlan\":0,\"port\":\"alice\",\"group\":\"ff05::1:3\"," TIME "}\n");
	close(fd);
}

static void
test_vlans(void **state)
{
	struct fixture *f = *state;
	int fd = watch(f, ",\"group\":\"239.1.1.1\"");

	report(f, 0, 5, "10.0.0.2", ALLOW, "239.1.1.1", "10.0.0.9");
	assert_string_equal(take(f, fd),
			    "{\"event\":\"join\",\"vlan\":5,\"port\":\"tap0\",\"group\":\"239.1.1.1\"," HOST(0) TIME
			    "}\n");
	report(f, 0, 0, "10.0.0.2", TO_EX, "239.1.1.1", NULL);
	assert_string_equal(take(f, fd),
			    "{\"event\":\"join\",\"vlan\":0,\"port\":\"tap0\",\"group\":\"239.1.1.1\"," HOST(0) TIME
			    "}\n");
	close(fd);
}

static void
test_routers_and_queriers(void **state)
{
	struct fixture *f = *state;
	int fd = watch(f, "");

	query(f, 2, 0, "10.0.0.1");
	const char *got = take(f, fd);
	assert_non_null(strstr(got, "{\"event\":\"router\",\"vlan\":0,\"port\":\"eth1\"," TIME "}\n"));
	assert_non_null(strstr(got, "{\"event\":\"querier\",\"vlan\":0,\"port\":\"eth1\",\"family\":\"igmp\","
				    "\"state\":\"non-querier\",\"address\":\"10.0.0.1\"," TIME "}\n"));
	switch_port_set_up(f->sw, f->ports[2], false, f->now);
	got = take(f, fd);
	assert_non_null(strstr(got, "{\"event\":\"no-router\",\"vlan\":0,\"port\":\"eth1\"," TIME "}\n"));
	close(fd);
}

static void
test_querier_shapes(void **state)
{
	struct fixture *f = *state;
	const struct sw_event ours = { .kind = SW_EVENT_QUERIER, .vid = 9, .family = GM_MLD, .group = ip("fe80::1") };
	const struct sw_event nobody = { .kind = SW_EVENT_QUERIER, .family = GM_IGMP };
	const struct sw_event moved = { .kind = SW_EVENT_MAC_MOVED, .port = f->ports[0] };
	int fd = watch(f, "");

	ctl_watch_event(f->ctl, &ours);
	ctl_watch_event(f->ctl, &nobody);
	ctl_watch_event(f->ctl, &moved);
	ctl_watch_event(NULL, &ours);
	assert_string_equal(take(f, fd),
			    "{\"event\":\"querier\",\"vlan\":9,\"family\":\"mld\",\"state\":\"querier\","
			    "\"address\":\"fe80::1\"," TIME "}\n"
			    "{\"event\":\"querier\",\"vlan\":0,\"family\":\"igmp\",\"state\":\"off\"," TIME "}\n");
	close(fd);
}

static void
test_filters(void **state)
{
	struct fixture *f = *state;
	int group = watch(f, ",\"group\":\"FF05:0::1:3\""), port = watch(f, ",\"port\":\"alice\""),
	    both = watch(f, ",\"port\":\"tap0\",\"group\":\"239.1.1.1\""), fd = dial(f);

	report(f, 0, 0, "10.0.0.2", TO_EX, "239.1.1.1", NULL);
	report(f, 1, 0, "10.0.0.2", TO_EX, "239.1.1.1", NULL);
	report(f, 0, 0, "fe80::2", TO_EX, "ff05::1:3", NULL);
	query(f, 2, 0, "10.0.0.1");
	assert_string_equal(take(f, group),
			    "{\"event\":\"join\",\"vlan\":0,\"port\":\"tap0\",\"group\":\"ff05::1:3\"," HOST(0) TIME
			    "}\n");
	assert_string_equal(take(f, port),
			    "{\"event\":\"join\",\"vlan\":0,\"port\":\"alice\",\"group\":\"239.1.1.1\"," HOST(1) TIME
			    "}\n");
	assert_string_equal(take(f, both),
			    "{\"event\":\"join\",\"vlan\":0,\"port\":\"tap0\",\"group\":\"239.1.1.1\"," HOST(0) TIME
			    "}\n");
	assert_string_equal(ask(f, fd, "{\"command\":\"watch\",\"group\":\"10.0.0.1\"}\n"),
			    "{\"ok\":false,\"error\":\"'10.0.0.1' is not the address of a group\"}\n");
	assert_string_equal(ask(f, fd, "{\"command\":\"watch\",\"group\":7}\n"),
			    "{\"ok\":false,\"error\":\"\\\"group\\\" is missing or not a string\"}\n");
	assert_string_equal(ask(f, fd, "{\"command\":\"watch\",\"port\":[]}\n"),
			    "{\"ok\":false,\"error\":\"\\\"port\\\" is missing or not a string\"}\n");
	publish(f, 1);
	assert_string_equal(take(f, fd), "");
	close(group);
	close(port);
	close(both);
	close(fd);
}

/* --- looking at the switch -------------------------------------------------------------------------------------------
 */

#define ANSWER(result) "{\"ok\":true,\"result\":" result "}\n"
#define ONE                                                                                             \
	"{\"vlan\":0,\"group\":\"239.1.1.1\",\"port\":\"alice\",\"mode\":\"exclude\",\"static\":false," \
	"\"sources\":[{\"source\":\"10.0.0.9\",\"state\":\"blocked\"}],\"version\":3,"                  \
	"\"hosts\":[{\"mac\":\"02:00:00:00:01:07\",\"ip\":\"10.0.0.2\",\"mode\":\"exclude\","           \
	"\"sources\":[\"10.0.0.9\"],\"version\":3,\"age_s\":2.5}],\"expires_s\":257.5}"
#define TWO                                                                                           \
	"{\"vlan\":5,\"group\":\"239.1.1.1\",\"port\":\"eth1\",\"mode\":\"include\",\"static\":true," \
	"\"sources\":[{\"source\":\"10.0.0.9\",\"state\":\"forward\"}],\"version\":3,\"hosts\":[]}"
#define THREE                                                                                              \
	"{\"vlan\":0,\"group\":\"239.1.1.2\",\"port\":\"alice\",\"mode\":\"include\",\"static\":false,"    \
	"\"sources\":[{\"source\":\"10.0.0.9\",\"state\":\"forward\",\"expires_s\":257.5}],\"version\":3," \
	"\"hosts\":[{\"mac\":\"02:00:00:00:01:07\",\"ip\":\"10.0.0.2\",\"mode\":\"include\","              \
	"\"sources\":[\"10.0.0.9\"],\"version\":3,\"age_s\":2.5}]}"

static void
test_groups(void **state)
{
	struct fixture *f = *state;
	const struct ipaddr group = ip("239.1.1.1"), source = ip("10.0.0.9");
	int fd = dial(f);

	report(f, 1, 0, "10.0.0.2", TO_EX, "239.1.1.1", "10.0.0.9");
	report(f, 1, 0, "10.0.0.2", ALLOW, "239.1.1.2", "10.0.0.9");
	assert_true(switch_add_static_group(f->sw, f->ports[2], 5, &group, &source, f->now));
	f->now = mono_add(f->now, 2500 * NSEC_PER_MSEC);
	assert_string_equal(ask(f, fd, "{\"command\":\"groups\"}\n"), ANSWER("[" ONE "," TWO "," THREE "]"));
	assert_string_equal(ask(f, fd, "{\"command\":\"groups\",\"group\":\"239.1.1.1\"}\n"),
			    ANSWER("[" ONE "," TWO "]"));
	assert_string_equal(ask(f, fd, "{\"command\":\"groups\",\"port\":\"alice\"}\n"), ANSWER("[" ONE "," THREE "]"));
	assert_string_equal(ask(f, fd, "{\"command\":\"groups\",\"port\":\"eth1\",\"group\":\"239.1.1.2\"}\n"),
			    ANSWER("[]"));
	assert_string_equal(ask(f, fd, "{\"command\":\"groups\",\"port\":\"eth2\"}\n"),
			    "{\"ok\":false,\"error\":\"no port 'eth2' (see ports)\"}\n");
	assert_string_equal(ask(f, fd, "{\"command\":\"groups\",\"group\":\"239.1\"}\n"),
			    "{\"ok\":false,\"error\":\"'239.1' is not the address of a group\"}\n");
	close(fd);
}

static void
test_routers(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	query(f, 2, 7, "10.0.0.1");
	f->now = mono_add(f->now, NSEC_PER_SEC);
	assert_string_equal(ask(f, fd, "{\"command\":\"routers\"}\n"),
			    ANSWER("[{\"vlan\":7,\"port\":\"eth1\",\"kind\":\"learned\",\"expires_s\":254.0}]"));
	json_t *vlans = ctl_switch_vlans(f->sw);
	char *text = json_dumps(vlans, JSON_COMPACT);
	assert_non_null(strstr(text, "{\"vlan\":7,\"querier\":{\"igmp\":{\"state\":\"non-querier\","
				     "\"address\":\"10.0.0.1\",\"port\":\"eth1\"},\"mld\":{\"state\":"));
	assert_int_equal(json_array_size(vlans), 2);
	free(text);
	json_decref(vlans);
	close(fd);
}

static void
test_ports_and_fdb(void **state)
{
	struct fixture *f = *state;
	const struct mac plain = { { 2, 0, 0, 0, 0, 1 } }, sticky = { { 2, 0, 0, 0, 0, 2 } };
	int fd = dial(f);

	switch_port_suspend(f->sw, f->ports[1], f->now);
	switch_port_set_up(f->sw, f->ports[2], false, f->now);
	const char *got = ask(f, fd, "{\"command\":\"ports\"}\n");
	assert_non_null(strstr(got, "{\"name\":\"tap0\",\"kind\":\"tap\",\"state\":\"up\","));
	assert_non_null(strstr(got, "{\"name\":\"alice\",\"kind\":\"peer\",\"state\":\"suspended\","));
	assert_non_null(strstr(got, "{\"name\":\"eth1\",\"kind\":\"nic\",\"state\":\"down\","));
	assert_true(switch_add_static_mac(f->sw, f->ports[0], 0, &plain, false, f->now));
	assert_true(switch_add_static_mac(f->sw, f->ports[0], 9, &sticky, true, f->now));
	got = ask(f, fd, "{\"command\":\"fdb\"}\n");
	assert_non_null(strstr(got, "{\"vlan\":0,\"mac\":\"02:00:00:00:00:01\",\"port\":\"tap0\",\"static\":true,"
				    "\"sticky\":false}"));
	assert_non_null(strstr(got, "{\"vlan\":9,\"mac\":\"02:00:00:00:00:02\",\"port\":\"tap0\",\"static\":true,"
				    "\"sticky\":true}"));
	close(fd);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_order),          TEST(test_answers_between),
		TEST(test_slow_watcher),   TEST(test_lost_in_the_middle),
		TEST(test_no_memory),      TEST(test_half_open),
		TEST(test_gone),           TEST(test_places),
		TEST(test_looking_away),   TEST(test_members),
		TEST(test_vlans),          TEST(test_routers_and_queriers),
		TEST(test_querier_shapes), TEST(test_filters),
		TEST(test_groups),         TEST(test_routers),
		TEST(test_ports_and_fdb),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
