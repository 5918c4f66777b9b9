/* castpki: makes a CA, a server's certificate and one-file client profiles; revokes certificates. */
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "castswitch/castpki.h"

static const char help[] =
	"usage: castpki init --dir DIR --name HOST [--days N]\n"
	"       castpki client --dir DIR NAME [--remote HOST[:PORT]]... [--days N] [--again] [--out FILE]\n"
	"       castpki revoke --dir DIR NAME [--serial HEX] [--days N]\n"
	"       castpki list --dir DIR\n"
	"       castpki --help | --version\n"
	"init    makes DIR with a CA and a certificate for the server that clients reach as HOST\n"
	"client  issues a certificate for NAME and writes a complete client profile\n"
	"revoke  revokes all certificates of NAME that have not expired, and writes DIR/ca.crl for the server\n"
	"list    shows all certificates: valid, expired or revoked\n"
	"  --dir DIR             where the CA is; init makes this directory\n"
	"  --name HOST           the server's DNS name or IP address\n"
	"  --remote HOST[:PORT]  where the client connects to, in this order (default: the server's HOST)\n"
	"  --serial HEX          revoke only the certificate with this serial, with or without NAME\n"
	"  --days N              validity of the certificate, 1 to 3650 (default 730), or of ca.crl (default 3650)\n"
	"  --out FILE            the new file for the profile (default: standard output)\n"
	"  --again               issue another certificate for a NAME that has one already\n";

struct command {
	const char *name;
	int (*run)(const struct castpki_options *o);
	const char *options; /* besides --dir */
	bool takes_name;
};

static const struct command commands[] = {
	{ "init", castpki_init, "nD", false },
	{ "client", castpki_client, "rDao", true },
	{ "revoke", castpki_revoke, "sD", true },
	{ "list", castpki_list, "", false },
};

static unsigned
parse_days(const char *text)
{
	size_t n = strlen(text);

	if (n < 1 || n > 4 || strspn(text, "0123456789") != n || atoi(text) < 1 || atoi(text) > CA_DAYS_MAX)
		errx(CASTPKI_USAGE, "--days %s: not a number from 1 to %d", text, CA_DAYS_MAX);
	return (unsigned)atoi(text);
}

static void
set_option(struct castpki_options *o, int c)
{
	if (c == 'd')
		o->dir = optarg;
	else if (c == 'n')
		o->host = optarg;
	else if (c == 's')
		o->serial = optarg;
	else if (c == 'D')
		o->days = parse_days(optarg);
	else if (c == 'a')
		o->again = true;
	else if (c == 'o')
		o->out = optarg;
	else if (o->n_remotes < CA_REMOTES_MAX)
		o->remotes[o->n_remotes++] = optarg;
	else
		errx(CASTPKI_USAGE, "--remote: at most %d", CA_REMOTES_MAX);
}

/* Options may stand before and after NAME. */
static void
parse(int argc, char **argv, const struct command *cmd, struct castpki_options *o)
{
	static const struct option table[] = {
		{ "dir", 1, NULL, 'd' },    { "name", 1, NULL, 'n' },  { "days", 1, NULL, 'D' },
		{ "remote", 1, NULL, 'r' }, { "again", 0, NULL, 'a' }, { "serial", 1, NULL, 's' },
		{ "out", 1, NULL, 'o' },    { NULL, 0, NULL, 0 },
	};
	int c, at = 0;

	while ((c = getopt_long(argc, argv, ":", table, &at)) != -1) {
		if (c == ':' || c == '?')
			errx(CASTPKI_USAGE, c == ':' ? "%s: its argument is missing" : "%s: unknown option",
			     argv[optind - 1]);
		if (c != 'd' && !strchr(cmd->options, c))
			errx(CASTPKI_USAGE, "%s takes no --%s%s", cmd->name, table[at].name,
			     c == 'n' && cmd->takes_name ? ": write NAME alone" : "");
		set_option(o, c);
	}
	if (!o->dir)
		errx(CASTPKI_USAGE, "--dir is missing: which directory?");
	o->name = argv[optind];
	if (o->name && !cmd->takes_name)
		errx(CASTPKI_USAGE, "%s takes no %s", cmd->name, o->name);
	if (o->name && argv[optind + 1])
		errx(CASTPKI_USAGE, "%s: one argument too many", argv[optind + 1]);
}

static const struct command *
find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	if (*name)
		errx(CASTPKI_USAGE, "%s: unknown command (init, client, revoke, list; see castpki --help)", name);
	errx(CASTPKI_USAGE, "a command is missing: init, client, revoke or list (see castpki --help)");
}

int
main(int argc, char **argv)
{
	struct castpki_options o = { 0 };
	const char *name = argc > 1 ? argv[1] : "";

	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--help") == 0)
			return fputs(help, stdout) < 0 ? CASTPKI_RUNTIME : 0;
	if (strcmp(name, "--version") == 0)
		return printf("castpki %s\n", PACKAGE_VERSION) < 0 ? CASTPKI_RUNTIME : 0;
	const struct command *cmd = find_command(name);
	parse(argc - 1, argv + 1, cmd, &o);
	return cmd->run(&o);
}
