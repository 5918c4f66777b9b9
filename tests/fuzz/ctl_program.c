/* The program behind the control socket.  It is linked with --wrap for calloc() and json_dump_callback(), and its
 * clock_gettime() stands before the C library's, for libevent's timers too. */
#include "fuzz/ctl_program.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "castswitch/ctl.h"
#include "fuzz/fuzz.h"

enum {
	BIG_UNIT = 16 * 1024,
	BIG_MAX = 288,         /* of one answer: more than CTL_BACKLOG_MAX */
	BIG_ALTOGETHER = 304,  /* of one input: they take time */
	START_MS = 1000000000, /* since the machine was started */
	LIBEVENT_SMALL = 64,   /* bytes: a callback of a buffer, the first timers */
};

static struct {
	int64_t now_ms;
	size_t big_left;        /* units */
	json_t *big;            /* the last answer of big */
	bool runs;              /* it is the program that wants memory */
	unsigned until_failure; /* 0: memory is not short */
	bool was_short;
} program;

/* --- the clock -------------------------------------------------------------------------------------------------------
 */

int
clock_gettime(clockid_t clock, struct timespec *ret)
{
	if (clock != CLOCK_MONOTONIC && clock != CLOCK_MONOTONIC_COARSE)
		return (int)syscall(SYS_clock_gettime, clock, ret);
	ret->tv_sec = (time_t)(program.now_ms / 1000);
	ret->tv_nsec = (long)(program.now_ms % 1000) * 1000000;
	return 0;
}

int64_t
program_now_ms(void)
{
	return program.now_ms;
}

void
program_wait(int64_t ms)
{
	program.now_ms += ms;
}

/* --- memory ----------------------------------------------------------------------------------------------------------
 */

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

static bool
is_short(void)
{
	if (!program.runs || program.until_failure == 0 || --program.until_failure > 0)
		return false;
	program.was_short = true;
	errno = ENOMEM;
	return true;
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return is_short() ? NULL : __real_calloc(n, size);
}

static void *
jansson_malloc(size_t size)
{
	return is_short() ? NULL : malloc(size);
}

/* Libevent 2.1 itself crashes when there is no memory for the callback of a buffer, and never writes what is in a
 * buffer when its heap of timers cannot grow.  So these two never fail. */
static void *
libevent_malloc(size_t size)
{
	return size > LIBEVENT_SMALL && is_short() ? NULL : malloc(size);
}

static void *
libevent_realloc(void *old, size_t size)
{
	return !old && size > LIBEVENT_SMALL && is_short() ? NULL : realloc(old, size);
}

void
program_fail_allocation(unsigned n)
{
	program.until_failure = n;
}

bool
program_was_short(void)
{
	const bool was_short = program.was_short;

	program.was_short = false;
	return was_short;
}

/* --- commands --------------------------------------------------------------------------------------------------------
 */

static json_t *
echo(void *arg, const json_t *request, char *err, size_t errlen)
{
	const struct ctl *ctl = arg;

	(void)err;
	(void)errlen;
	FUZZ_CHECK(json_is_object(request) && ctl_caller(ctl)->pid == getpid());
	return json_incref(json_object_get(request, "value"));
}

static json_t *
fail(void *arg, const json_t *request, char *err, size_t errlen)
{
	const char *value = json_string_value(json_object_get(request, "value"));

	(void)arg;
	if (value)
		ctl_explain(err, errlen, "no peer '%s'", value);
	return NULL;
}

/* How many units a request for a big answer gets. */
static size_t
big_units(const json_t *request)
{
	const json_int_t units = json_integer_value(json_object_get(request, "value"));

	return units < 1 ? 1 : units > BIG_MAX ? BIG_MAX : (size_t)units;
}

static json_t *
big(void *arg, const json_t *request, char *err, size_t errlen)
{
	const size_t units = big_units(request);

	(void)arg;
	if (units > program.big_left) {
		ctl_explain(err, errlen, "enough");
		return NULL;
	}
	program.big_left -= units;
	json_decref(program.big);
	program.big = json_integer((json_int_t)units);
	return json_incref(program.big);
}

int __real_json_dump_callback(const json_t *json, json_dump_callback_t callback, void *arg, size_t flags);
int __wrap_json_dump_callback(const json_t *json, json_dump_callback_t callback, void *arg, size_t flags);

/* Writes the big answers, for which jansson, byte by byte, would need most of the time. */
int
__wrap_json_dump_callback(const json_t *json, json_dump_callback_t callback, void *arg, size_t flags)
{
	static const char start[] = "{\"ok\":true,\"result\":\"", end[] = "\"}";
	static char unit[BIG_UNIT];
	const json_t *result = json_object_get(json, "result");

	if (!result || result != program.big)
		return __real_json_dump_callback(json, callback, arg, flags);
	memset(unit, 'x', sizeof(unit));
	if (callback(start, sizeof(start) - 1, arg) != 0)
		return -1;
	for (json_int_t i = 0; i < json_integer_value(result); i++)
		if (callback(unit, sizeof(unit), arg) != 0)
			return -1;
	return callback(end, sizeof(end) - 1, arg);
}

size_t
program_big_bytes(void)
{
	return (BIG_ALTOGETHER - program.big_left) * BIG_UNIT;
}

size_t
program_answer_max(const char *start, size_t n, size_t len)
{
	json_t *request = n < len ? NULL : json_loadb(start, n, 0, NULL);
	const char *name = json_string_value(json_object_get(request, "command"));
	const bool is_big = name && strcmp(name, "big") == 0;
	const size_t units = n < len ? BIG_MAX : is_big ? big_units(request) : 0;

	json_decref(request);
	return units * BIG_UNIT + len * 8 + CTL_ERROR_MAX * 2 + 64;
}

/* --- the program -----------------------------------------------------------------------------------------------------
 */

/* Of the whole process. */
static void
set_libraries_up(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	signal(SIGPIPE, SIG_IGN); /* as ctl.h asks of the program */
	event_set_mem_functions(libevent_malloc, libevent_realloc, free);
	json_set_alloc_funcs(jansson_malloc, free);
}

struct ctl *
program_start(void)
{
	struct ctl *ctl;

	set_libraries_up();
	memset(&program, 0, sizeof(program));
	program.now_ms = START_MS;
	program.big_left = BIG_ALTOGETHER;
	ctl = calloc(1, sizeof(*ctl));
	FUZZ_CHECK(ctl != NULL);
	ctl->base = event_base_new();
	FUZZ_CHECK(ctl->base != NULL);
	ctl->fd = -1;
	list_init(&ctl->clients);
	FUZZ_CHECK(ctl_register(ctl, "echo", "gives back", echo, ctl) == 0);
	FUZZ_CHECK(ctl_register(ctl, "fail", "says why", fail, ctl) == 0);
	FUZZ_CHECK(ctl_register(ctl, "big", "says much", big, ctl) == 0);
	FUZZ_CHECK(ctl_register(ctl, "fail", "again", fail, ctl) == -EEXIST);
	return ctl;
}

void
program_turn(struct ctl *ctl)
{
	program.runs = true;
	event_base_loop(ctl->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	program.runs = false;
}

void
program_connect(struct ctl *ctl, int fd)
{
	program.runs = true;
	ctl_conn_start(ctl, fd);
	program.runs = false;
}

void
program_end(struct ctl *ctl)
{
	struct event_base *base = ctl->base;

	ctl_close(ctl);
	json_decref(program.big);
	event_base_free(base); /* closes the connections, too */
}
