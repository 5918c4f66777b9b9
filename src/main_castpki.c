/* castpki: makes a CA, a server's certificate and one-file client profiles. */
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "castswitch/ca.h"

enum { EXIT_RUNTIME = 1, EXIT_USAGE = 2 };

static const char help[] =
	"usage: castpki init --dir DIR --name HOST [--days N]\n"
	"       castpki client --dir DIR NAME [--remote HOST[:PORT]]... [--days N] [--again] > NAME.conf\n"
	"       castpki --help | --version\n"
	"init    makes DIR with a CA and a certificate for the server that clients reach as HOST\n"
	"client  issues a certificate for NAME and writes a complete client profile to standard output\n"
	"  --dir DIR             where the CA is; init makes this directory\n"
	"  --name HOST           the server's DNS name or IP address\n"
	"  --remote HOST[:PORT]  where the client connects to, in this order (default: the server's HOST)\n"
	"  --days N              validity of the certificate, 1 to 3650 (default 730)\n"
	"  --again               issue another certificate for a NAME that has one already\n";

struct options {
	const char *dir, *host, *name;
	const char *remotes[CA_REMOTES_MAX];
	size_t n_remotes;
	unsigned days;
	bool again;
};

static unsigned
parse_days(const char *text)
{
	size_t n = strlen(text);

	if (n < 1 || n > 4 || strspn(text, "0123456789") != n || atoi(text) < 1 || atoi(text) > CA_DAYS_MAX)
		errx(EXIT_USAGE, "--days %s: not a number from 1 to %d", text, CA_DAYS_MAX);
	return (unsigned)atoi(text);
}

static void
set_option(struct options *o, int c, const char *word)
{
	if (c == 'd')
		o->dir = optarg;
	else if (c == 'n')
		o->host = optarg;
	else if (c == 'D')
		o->days = parse_days(optarg);
	else if (c == 'a')
		o->again = true;
	else if (c == 'r' && o->n_remotes < CA_REMOTES_MAX)
		o->remotes[o->n_remotes++] = optarg;
	else if (c == 'r')
		errx(EXIT_USAGE, "--remote: at most %d", CA_REMOTES_MAX);
	else
		errx(EXIT_USAGE, c == ':' ? "%s: its argument is missing" : "%s: unknown option", word);
}

/* Options may stand before and after NAME; each command checks that it got none of the other's. */
static void
parse(int argc, char **argv, struct options *o)
{
	static const struct option table[] = {
		{ "dir", 1, NULL, 'd' },    { "name", 1, NULL, 'n' },  { "days", 1, NULL, 'D' },
		{ "remote", 1, NULL, 'r' }, { "again", 0, NULL, 'a' }, { NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, ":", table, NULL)) != -1)
		set_option(o, c, argv[optind - 1]);
	if (!o->dir)
		errx(EXIT_USAGE, "--dir is missing: which directory?");
	o->name = argv[optind];
	if (o->name && argv[optind + 1])
		errx(EXIT_USAGE, "%s: one argument too many", argv[optind + 1]);
}

static int
init(const struct options *o)
{
	const struct ca_init_params p = { .dir = o->dir, .host = o->host, .days = o->days };
	char why[CA_ERROR_MAX] = "";

	if (o->name || o->n_remotes || o->again)
		errx(EXIT_USAGE, "init takes no %s", o->name ? o->name : o->again ? "--again" : "--remote");
	if (!o->host)
		errx(EXIT_USAGE, "--name is missing: which host do clients connect to?");
	if (!ca_init_check(&p, why))
		errx(EXIT_USAGE, "%s", why);
	if (!ca_init(&p, why))
		errx(EXIT_RUNTIME, "%s", why);
	printf("%s/ca.crt, ca.key: the CA, for %d days; whoever has this key can make clients and servers\n"
	       "%s/server.crt, server.key: the server %s, for %u days\n"
	       "next, for each client: castpki client --dir %s NAME > NAME.conf\n",
	       o->dir, CA_ROOT_DAYS, o->dir, o->host, o->days ? o->days : CA_LEAF_DAYS, o->dir);
	return fflush(stdout) == 0 ? 0 : EXIT_RUNTIME;
}

static int
client(const struct options *o)
{
	const struct ca_client_params p = { o->dir, o->name, o->remotes, o->n_remotes, o->days, o->again };
	char why[CA_ERROR_MAX] = "";
	struct stat st;

	if (o->host)
		errx(EXIT_USAGE, "client takes no --name: write NAME alone");
	if (!o->name)
		errx(EXIT_USAGE, "NAME is missing: whom is the profile for?");
	if (!ca_client_check(&p, why))
		errx(EXIT_USAGE, "%s", why);
	if (isatty(STDOUT_FILENO))
		errx(EXIT_USAGE, "a profile holds a private key: write it to a file (> %s.conf)", o->name);
	char *profile = ca_client(&p, why);
	if (!profile)
		errx(EXIT_RUNTIME, "%s", why);
	/* the shell made the file by its umask */
	if (fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode) && fchmod(STDOUT_FILENO, 0600) < 0)
		warn("warning: others may be able to read the profile");
	if (fputs(profile, stdout) < 0 || fflush(stdout) != 0)
		err(EXIT_RUNTIME, "writing the profile (issue it again with --again)");
	ca_profile_free(profile);
	return 0;
}

int
main(int argc, char **argv)
{
	struct options o = { 0 };
	const char *command = argc > 1 ? argv[1] : "";
	bool is_client = strcmp(command, "client") == 0;

	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0)
			return fputs(help, stdout) < 0 ? EXIT_RUNTIME : 0;
	if (strcmp(command, "--version") == 0)
		return printf("castpki %s\n", PACKAGE_VERSION) < 0 ? EXIT_RUNTIME : 0;
	if (!*command)
		errx(EXIT_USAGE, "a command is missing: init or client (see castpki --help)");
	if (!is_client && strcmp(command, "init") != 0)
		errx(EXIT_USAGE, "%s: unknown command (init, client; see castpki --help)", command);
	parse(argc - 1, argv + 1, &o);
	return is_client ? client(&o) : init(&o);
}
