/* The command line that both programs share. */
#include "castswitch/app.h"

#include <getopt.h>
#include <stdio.h>

static void
print_help(const struct app_program *prog)
{
	printf("%s - %s\n\n"
	       "usage: %s [--config FILE] [--check]\n\n"
	       "  -c, --config FILE  configuration, by default\n"
	       "                     %s\n"
	       "      --check        check the configuration and the certificates it names, print every effective\n"
	       "                     value and exit: 0 fine, 3 not\n"
	       "      --version      print the version and exit\n"
	       "  -h, --help         print this and exit\n\n"
	       "It runs in the foreground, logs to standard error and ends on SIGTERM or SIGINT.\n"
	       "Exit codes: 0 fine, 1 runtime error, 2 usage, 3 configuration, 4 privilege.\n"
	       "Look at a running one with castctl.\n",
	       prog->name, prog->summary, prog->name, prog->default_config);
}

static void
end_with(struct app_options *o, enum app_exit code)
{
	o->exit = true;
	o->code = code;
}

void
app_options_parse(const struct app_program *prog, int argc, char **argv, struct app_options *ret)
{
	enum { OPT_CHECK = 256, OPT_VERSION };
	static const struct option longopts[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, OPT_CHECK },
		{ "version", no_argument, NULL, OPT_VERSION },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;
	*ret = (struct app_options){ .config = prog->default_config };
	opterr = 0;
	while (!ret->exit && (c = getopt_long(argc, argv, ":c:h", longopts, NULL)) != -1) {
		switch (c) {
		case 'c':
			ret->config = optarg;
			break;
		case OPT_CHECK:
			ret->check = true;
			break;
		case OPT_VERSION:
			printf("%s %s\n", prog->name, PACKAGE_VERSION);
			end_with(ret, APP_OK);
			break;
		case 'h':
			print_help(prog);
			end_with(ret, APP_OK);
			break;
		default:
			fprintf(stderr, "%s: %s '%s' (try --help)\n", prog->name,
				c == ':' ? "no value for" : "unknown option", argv[optind - 1]);
			end_with(ret, APP_USAGE);
		}
	}
	if (!ret->exit && optind < argc) {
		fprintf(stderr, "%s: unexpected argument '%s' (try --help)\n", prog->name, argv[optind]);
		end_with(ret, APP_USAGE);
	}
}
