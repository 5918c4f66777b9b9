/* Many clients in one process, without taps: sessions over real sockets against a real server.
 *
 *	manypeers PKI-DIR ADDRESS PORT COUNT [SOURCE]
 *
 * PKI-DIR is castpki's: each client gets a certificate from its CA, named p0, p1, ...  Client N sends from the address
 * SOURCE + N when one is given, for a server takes only so many handshakes a second from one.  Commands come as lines
 * on standard input, each answered by one line: "up" connects all that are not connected ("up N SECONDS"), "down" says
 * BYE for all ("down N"), "drop" forgets all without a word ("dropped N"); end of file ends.  Between commands
 * keepalives go on.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "castswitch/random.h"
#include "net/bareclient.h"

enum { AT_ONCE = 16, LINE = 64 };

struct world {
	struct bareclient *clients;
	size_t n;
	struct sockaddr_in server;
	struct in_addr source; /* of the first client; 0 = any */
	struct rng rng;
	struct pollfd *fds; /* the last one is standard input */
};

/* --- the loop --- */

static int
wait_ms(const struct world *w)
{
	struct mono next = MONO_NEVER, t = bareclient_now();
	for (size_t i = 0; i < w->n; i++)
		if (w->clients[i].session)
			next = mono_min(next, session_next(w->clients[i].session));
	if (mono_is_never(next))
		return -1;
	return (int)(mono_since(t, next) / NSEC_PER_MSEC) + (mono_due(next, t) ? 0 : 1);
}

/* One round of input and timers; true when standard input is ready. */
static bool
step(struct world *w)
{
	for (size_t i = 0; i < w->n; i++)
		w->fds[i] = (struct pollfd){ .fd = w->clients[i].session ? w->clients[i].fd : -1, .events = POLLIN };
	w->fds[w->n] = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
	if (poll(w->fds, w->n + 1, wait_ms(w)) == -1 && errno != EINTR)
		bareclient_die("poll", strerror(errno));
	for (size_t i = 0; i < w->n; i++)
		bareclient_step(&w->clients[i], w->fds[i].revents != 0);
	return w->fds[w->n].revents != 0;
}

/* From an address of its own. */
static void
open_one(struct world *w, struct bareclient *c)
{
	struct in_addr source = w->source;
	if (source.s_addr)
		source.s_addr = htonl(ntohl(source.s_addr) + (uint32_t)(c - w->clients));
	bareclient_open(c, &w->server, source, &w->rng);
}

/* At most AT_ONCE handshakes at a time; what fails is tried again. */
static void
all_up(struct world *w)
{
	struct mono start = bareclient_now();
	size_t up = 0;
	while (up < w->n) {
		size_t busy = 0;
		up = 0;
		for (size_t i = 0; i < w->n; i++) {
			up += bareclient_is_up(&w->clients[i]);
			busy += w->clients[i].session && !bareclient_is_up(&w->clients[i]);
		}
		for (size_t i = 0; i < w->n && busy < AT_ONCE; i++) {
			if (w->clients[i].session)
				continue;
			open_one(w, &w->clients[i]);
			busy++;
		}
		if (up < w->n)
			(void)step(w);
	}
	printf("up %zu %.3f\n", up, (double)mono_since(start, bareclient_now()) / 1e9);
}

static void
all_down(struct world *w, bool say_bye)
{
	size_t n = 0;
	for (size_t i = 0; i < w->n; i++) {
		if (!w->clients[i].session)
			continue;
		if (say_bye)
			session_close(w->clients[i].session, TMSG_REASON_SHUTDOWN, "", bareclient_now());
		bareclient_close(&w->clients[i]);
		n++;
	}
	printf("%s %zu\n", say_bye ? "down" : "dropped", n);
}

int
main(int argc, char **argv)
{
	struct world w = { .rng = random_rng(), .server = { .sin_family = AF_INET } };
	char line[LINE], name[32];
	bareclient_program = "manypeers";
	if (argc < 5 || argc > 6 || inet_pton(AF_INET, argv[2], &w.server.sin_addr) != 1 ||
	    (argc == 6 && inet_pton(AF_INET, argv[5], &w.source) != 1))
		bareclient_die("usage", "manypeers PKI-DIR IPV4-ADDRESS PORT COUNT [IPV4-ADDRESS]");
	w.server.sin_port = htons((uint16_t)atoi(argv[3]));
	w.n = (size_t)atoi(argv[4]);
	w.clients = calloc(w.n, sizeof(*w.clients));
	w.fds = calloc(w.n + 1, sizeof(*w.fds));
	struct testcert ca = bareclient_load_ca(argv[1]);
	for (size_t i = 0; i < w.n; i++) {
		snprintf(name, sizeof(name), "p%zu", i);
		w.clients[i].ctx = bareclient_ctx(&ca, argv[1], name);
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	setvbuf(stdin, NULL, _IONBF, 0);
	for (;;) {
		if (!step(&w))
			continue;
		if (!fgets(line, sizeof(line), stdin))
			break;
		if (strcmp(line, "up\n") == 0)
			all_up(&w);
		else
			all_down(&w, strcmp(line, "down\n") == 0);
	}
	for (size_t i = 0; i < w.n; i++) {
		if (w.clients[i].session)
			bareclient_close(&w.clients[i]);
		dtls_ctx_free(w.clients[i].ctx);
	}
	bareclient_free_ca(&ca);
	free(w.clients);
	free(w.fds);
	return 0;
}
