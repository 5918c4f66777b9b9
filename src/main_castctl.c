/* castctl: looks into a running castswitchd or castswitch. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "castswitch/castctl.h"
#include "castswitch/sbuf.h"

enum { EXIT_RUNTIME = 1, EXIT_USAGE = 2, USAGE_WIDTH = 8 };

static void
print_help(void)
{
	printf("usage: castctl [--socket PATH] [--json] COMMAND [ARGUMENT]\n"
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
wrong_arguments(const struct castctl_command *cmd)
{
	static const char *const takes[CASTCTL_ARGS_MAX + 1] = { "no argument", "one argument", "two arguments" };

	fprintf(stderr, "castctl: %s takes %s (usage: castctl %s%s%s)\n", cmd->name, takes[castctl_args(cmd)],
		cmd->name, *cmd->args ? " " : "", cmd->args);
	return EXIT_USAGE;
}

static int
run(const struct castctl_command *cmd, char *const args[], const char *socket, bool json)
{
	char err[1024] = "";
	struct sbuf out;
	int status = EXIT_RUNTIME;

	sbuf_init(&out);
	if (castctl_run(cmd, args, socket, json, &out, err, sizeof(err))) {
		fwrite(sbuf_str(&out), 1, out.len, stdout);
		status = finish();
	} else {
		fprintf(stderr, "castctl: %s\n", err);
	}
	sbuf_free(&out);
	return status;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	const char *socket = NULL;
	bool json = false;

	for (int c; (c = getopt_long(argc, argv, "s:jhV", options, NULL)) != -1;) {
		switch (c) {
		case 's':
			socket = optarg;
			break;
		case 'j':
			json = true;
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
	if (argc == optind) {
		fprintf(stderr, "castctl: no command given\n");
		return usage_error();
	}
	const struct castctl_command *cmd = castctl_find(argv[optind]);
	if (!cmd) {
		fprintf(stderr, "castctl: unknown command '%s'\n", argv[optind]);
		return usage_error();
	}
	if ((size_t)(argc - optind - 1) != castctl_args(cmd))
		return wrong_arguments(cmd);
	return run(cmd, argv + optind + 1, socket, json);
}
