/* src/io/link_watch.c, in a network namespace of its own; the ip command changes its interfaces. */
#include "castswitch/link_watch.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "unit/netns.h"

enum { PATIENCE_MS = 10000 };

static const struct mono now = { 12345 };

struct fixture {
	struct link_watch *w;
	char told[8192]; /* the events' names, each with a space behind it */
	struct link_info last;
};
static struct fixture fix;

static void
record(void *arg, enum link_event event, const struct link_info *info, struct mono at)
{
	struct fixture *f = arg;
	const size_t len = strlen(f->told);

	assert_true(at.ns == now.ns);
	assert_int_not_equal(info->ifindex, 0);
	assert_true(len + 16 < sizeof(f->told));
	snprintf(f->told + len, sizeof(f->told) - len, "%s ", link_event_name(event));
	f->last = *info;
}

static void
run(const char *command)
{
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static bool
readable(int timeout_ms)
{
	struct pollfd p = { .fd = link_watch_fd(fix.w), .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1;
}

/* Exactly these events, sooner or later, since the last time. */
static void
expect(const char *events)
{
	while (strlen(fix.told) < strlen(events)) {
		if (!readable(PATIENCE_MS))
			fail_msg("told \"%s\", not \"%s\"", fix.told, events);
		link_watch_read(fix.w, now);
	}
	assert_string_equal(fix.told, events);
	fix.told[0] = '\0';
}

static void
read_all(void)
{
	while (readable(0))
		link_watch_read(fix.w, now);
}

static int
setup(void **state)
{
	(void)state;
	memset(&fix, 0, sizeof(fix));
	fix.w = link_watch_open();
	assert_non_null(fix.w);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	link_watch_close(fix.w);
	return system("for i in a0 c0 br0; do ip link del $i 2>/dev/null; done; true");
}

static void
watch(const char *name)
{
	assert_int_equal(link_watch_add(fix.w, name, record, &fix, now), 0);
}

static void
what_is_there_is_told_at_once(void **state)
{
	(void)state;
	run("ip link add a0 type veth peer name b0");
	watch("a0");
	assert_string_equal(fix.told, "came ");
	assert_int_equal(fix.last.ifindex, if_nametoindex("a0"));
	assert_int_equal(fix.last.mtu, 1500);
	fix.told[0] = '\0';
	link_watch_del(fix.w, "a0");
	run("ip link set a0 up && ip link set b0 up");
	read_all();
	watch("a0");
	assert_string_equal(fix.told, "came up ");
	assert_true(fix.last.carrier);
	fix.told[0] = '\0';
	watch("nosuch0");
	assert_string_equal(fix.told, "");
}

static void
up_and_down_are_told(void **state)
{
	(void)state;
	watch("a0");
	run("ip link add a0 type veth peer name b0");
	expect("came ");
	run("ip link set a0 up");
	read_all();
	assert_string_equal(fix.told, ""); /* no carrier: the other end is down */
	run("ip link set b0 up");
	expect("up ");
	run("ip link set b0 down");
	expect("down ");
	assert_int_equal(fix.last.ifindex, if_nametoindex("a0"));
	run("ip link set b0 up");
	expect("up ");
	run("ip link set a0 down");
	expect("down ");
	assert_false(fix.last.up);
	run("ip link set a0 up");
	expect("up ");
	run("ip link del a0");
	expect("down gone ");
	read_all();
	assert_string_equal(fix.told, "");
}

static void
only_changes_are_told(void **state)
{
	(void)state;
	run("ip link add a0 type veth peer name b0");
	watch("a0");
	expect("came ");
	run("ip link set a0 mtu 1400");
	expect("changed ");
	assert_int_equal(fix.last.mtu, 1400);
	run("ip link set a0 address 02:00:00:00:00:0a");
	expect("changed ");
	assert_int_equal(fix.last.mac.b[5], 0x0a);
	run("ip link set a0 txqueuelen 77 && ip link set a0 alias x && ip link set b0 mtu 1300");
	read_all();
	assert_string_equal(fix.told, "");
}

static void
another_of_the_same_name_is_another(void **state)
{
	unsigned first;

	(void)state;
	run("ip link add a0 type veth peer name b0 && ip link set a0 up && ip link set b0 up");
	watch("a0");
	expect("came up ");
	first = fix.last.ifindex;
	run("ip link del a0 && ip link add a0 type veth peer name b0 && ip link set b0 up && ip link set a0 up");
	expect("down gone came up ");
	assert_int_not_equal(fix.last.ifindex, first);
	assert_int_equal(fix.last.ifindex, if_nametoindex("a0"));
}

static void
a_rename_is_a_going_and_a_coming(void **state)
{
	(void)state;
	run("ip link add a0 type veth peer name b0");
	watch("a0");
	expect("came ");
	run("ip link set a0 name c0");
	expect("gone ");
	watch("c0");
	expect("came ");
	run("ip link set c0 name a0");
	expect("gone came ");
}

static void
leaving_a_bridge_is_no_going(void **state)
{
	(void)state;
	if (system("ip link add br0 type bridge 2>/dev/null") != 0) {
		printf("# this kernel has no bridge\n");
		return;
	}
	run("ip link add a0 type veth peer name b0");
	watch("a0");
	expect("came ");
	run("ip link set a0 master br0");
	expect("changed ");
	assert_int_equal(fix.last.master, if_nametoindex("br0"));
	run("ip link set a0 nomaster");
	expect("changed ");
	assert_int_equal(fix.last.master, 0);
	read_all();
	assert_string_equal(fix.told, "");
}

static void
interfaces_are_told_apart(void **state)
{
	struct fixture other = { .w = NULL };

	(void)state;
	watch("a0");
	assert_int_equal(link_watch_add(fix.w, "b0", record, &other, now), 0);
	run("ip link add a0 type veth peer name b0 && ip link set b0 up");
	expect("came ");
	read_all();
	assert_string_equal(other.told, "came ");
	assert_int_equal(other.last.ifindex, if_nametoindex("b0"));
	link_watch_del(fix.w, "b0");
	link_watch_del(fix.w, "b0");
	run("ip link set a0 up");
	expect("up ");
	assert_string_equal(other.told, "came ");
}

/* The socket overflows with changes of both names' interfaces; behind it only what is now counts. */
static void
lost_notifications_are_made_up_for(void **state)
{
	const int tiny = 1;

	(void)state;
	run("ip link add a0 type veth peer name b0 && ip link set b0 up && ip link set a0 up");
	watch("a0");
	expect("came up ");
	assert_int_equal(setsockopt(link_watch_fd(fix.w), SOL_SOCKET, SO_RCVBUF, &tiny, sizeof(tiny)), 0);
	run("for i in 1 2 3 4 5 6 7 8; do ip link set a0 mtu 140$i; done; ip link set a0 down");
	expect("changed down ");
	assert_int_equal(fix.last.mtu, 1408);
	read_all();
	assert_string_equal(fix.told, "");
	run("for i in 1 2 3 4 5 6 7 8; do ip link set a0 mtu 130$i; done; ip link del a0");
	expect("gone ");
	run("ip link add a0 type veth peer name b0 && ip link set b0 up && ip link set a0 up");
	expect("came up ");
	run("for i in 1 2 3 4 5 6 7 8; do ip link set a0 mtu 130$i; done; ip link del a0;"
	    "ip link add a0 type veth peer name b0 && ip link set b0 up && ip link set a0 up");
	expect("down gone came up ");
	assert_int_equal(fix.last.ifindex, if_nametoindex("a0"));
	assert_int_equal(fix.last.mtu, 1500);
}

static void
bad_names_are_refused(void **state)
{
	(void)state;
	assert_int_equal(link_watch_add(fix.w, "", record, &fix, now), -ENODEV);
	assert_int_equal(link_watch_add(fix.w, "sixteenletters16", record, &fix, now), -ENODEV);
	watch("fifteenletter15");
	assert_int_equal(link_watch_add(fix.w, "fifteenletter15", record, &fix, now), -EEXIST);
	link_watch_del(fix.w, "nosuch0");
	assert_string_equal(fix.told, "");
	link_watch_close(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_there_is_told_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(up_and_down_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(only_changes_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(another_of_the_same_name_is_another, setup, teardown),
		cmocka_unit_test_setup_teardown(a_rename_is_a_going_and_a_coming, setup, teardown),
		cmocka_unit_test_setup_teardown(leaving_a_bridge_is_no_going, setup, teardown),
		cmocka_unit_test_setup_teardown(interfaces_are_told_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(lost_notifications_are_made_up_for, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_names_are_refused, setup, teardown),
	};

	if (!netns_enter(NETNS_IP | NETNS_VETH))
		return netns_skip_all();
	return cmocka_run_group_tests_name("link_watch", tests, NULL, NULL);
}
