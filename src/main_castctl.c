/* castctl: looks into a running castswitchd or castswitch. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "castswitch/castctl.h"
#include "castswitch/sbuf.h"

enum { EXIT_RUNTIME = 1, EXIT_USAGE = 2, USAGE_WIDTH = 13 };

static void
print_help(void)
{
	printf("usage: castctl [--socket PATH] [--json] COMMAND [ARGUMENT]\n"
	       "       castctl [--socket PATH] [--json] groups [GROUP] [--port NAME] [--watch]\n"
	       "\n"
	       "Shows what a running castswitchd, or else castswitch, is doing, and steers it.\n"
	       "\n"
	       "commands:\n");
	for (size_t i = 0; i < castctl_commands_n; i++) {
		const struct castctl_command *c = &castctl_commands[i];

		printf("  %s %-*s  %s\n", c->name, (int)(USAGE_WIDTH - strlen(c->name)), c->args, c->help);
	}
	printf("\n"
	       "options:\n"
	       "  -s, --socket PATH  the program's control socket\n"
	       "  -j, --json         the answer as JSON\n"
	       "  -p, --port NAME    groups: of this port\n"
	       "  -w, --watch        groups: joins and leaves as they happen, and changes of routers and queriers\n"
	       "  -h, --help         this text\n"
	       "  -V, --version      the version\n");
}

static int
usage_error(void)
{
	fprintf(stderr, "castctl: try castctl --help\n");
	return EXIT_USAGE;
}

/* Whether everything reached standard output. */
static int
finish(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_SUCCESS;
	perror("castctl: cannot write");
	return EXIT_RUNTIME;
}

static int
run(const struct castctl_request *r)
{
	char err[1024] = "";
	struct sbuf out;
	int status = EXIT_RUNTIME;

	sbuf_init(&out);
	if (castctl_run(r, &out, err, sizeof(err))) {
		fwrite(sbuf_str(&out), 1, out.len, stdout);
		status = finish();
	} else {
		fprintf(stderr, "castctl: %s\n", err);
	}
	sbuf_free(&out);
	return status;
}

/* At once, also into pipes. */
static bool
print_line(void *arg, const char *line, size_t len)
{
	(void)arg;
	return fwrite(line, 1, len, stdout) == len && fflush(stdout) == 0;
}

static int
watch(const struct castctl_request *r)
{
	char err[1024] = "";

	if (castctl_watch(r, STDOUT_FILENO, print_line, NULL, err, sizeof(err)))
		return finish();
	fprintf(stderr, "castctl: %s\n", err);
	return EXIT_RUNTIME;
}

static int
run_command(struct castctl_request *r, int argc, char **argv)
{
	char err[256] = "";

	r->cmd = argc > 0 ? castctl_find(argv[0]) : NULL;
	if (!r->cmd) {
		fprintf(stderr, argc ? "castctl: unknown command '%s'\n" : "castctl: no command given\n", argv[0]);
		return usage_error();
	}
	r->args = argv + 1;
	r->n_args = (size_t)argc - 1;
	if (castctl_check(r, err, sizeof(err)))
		return r->watch ? watch(r) : run(r);
	fprintf(stderr, "castctl: %s\n", err);
	return EXIT_USAGE;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "port", required_argument, NULL, 'p' },
		{ "watch", no_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	struct castctl_request r = { 0 };

	for (int c; (c = getopt_long(argc, argv, "s:jp:whV", options, NULL)) != -1;) {
		switch (c) {
		case 's':
			r.socket = optarg;
			break;
		case 'j':
			r.json = true;
			break;
		case 'p':
			r.port = optarg;
			break;
		case 'w':
			r.watch = true;
			break;
		case 'h':
			print_help();
			return finish();
		case 'V':
			printf("castctl %s\n", PACKAGE_VERSION);
			return finish();
		default:
			return usage_error();
		}
	}
	return run_command(&r, argc - optind, argv + optind);
}
