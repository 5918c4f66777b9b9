/* castctl: looks into a running castswitchd or castswitch. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "castswitch/castctl.h"
#include "castswitch/sbuf.h"

enum { EXIT_RUNTIME = 1, EXIT_USAGE = 2 };

static void
print_help(void)
{
	printf("usage: castctl [--socket PATH] [--json] COMMAND\n"
	       "\n"
	       "Shows what a running castswitchd, or else castswitch, is doing.\n"
	       "\n"
	       "commands:\n");
	for (size_t i = 0; i < castctl_commands_n; i++)
		printf("  %-8s  %s\n", castctl_commands[i].name, castctl_commands[i].help);
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
run(const struct castctl_command *cmd, const char *socket, bool json)
{
	char err[1024] = "";
	struct sbuf out;
	int status = EXIT_RUNTIME;

	sbuf_init(&out);
	if (castctl_run(cmd, socket, json, &out, err, sizeof(err))) {
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
	if (argc - optind != 1) {
		fprintf(stderr, "castctl: %s\n", argc == optind ? "no command given" : "more than one command given");
		return usage_error();
	}
	const struct castctl_command *cmd = castctl_find(argv[optind]);
	if (!cmd) {
		fprintf(stderr, "castctl: unknown command '%s'\n", argv[optind]);
		return usage_error();
	}
	return run(cmd, socket, json);
}
