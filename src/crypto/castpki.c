/* The commands of castpki. */
#include "castswitch/castpki.h"

#include <err.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int
finish(void)
{
	if (fflush(stdout) != 0)
		err(CASTPKI_RUNTIME, "standard output");
	return 0;
}

int
castpki_init(const struct castpki_options *o)
{
	const struct ca_init_params p = { .dir = o->dir, .host = o->host, .days = o->days };
	char why[CA_ERROR_MAX] = "";

	if (!o->host)
		errx(CASTPKI_USAGE, "--name is missing: which host do clients connect to?");
	if (!ca_init_check(&p, why))
		errx(CASTPKI_USAGE, "%s", why);
	if (!ca_init(&p, why))
		errx(CASTPKI_RUNTIME, "%s", why);
	printf("%s/ca.crt, ca.key: the CA, for %d days; whoever has this key can make clients and servers\n"
	       "%s/server.crt, server.key: the server %s, for %u days\n"
	       "%s/ca.crl: the revoked certificates, none yet; the server's identity { crl = ... } may name it\n"
	       "next, for each client: castpki client --dir %s NAME > NAME.conf\n",
	       o->dir, CA_ROOT_DAYS, o->dir, o->host, o->days ? o->days : CA_LEAF_DAYS, o->dir, o->dir);
	return finish();
}

int
castpki_client(const struct castpki_options *o)
{
	const struct ca_client_params p = { o->dir, o->name, o->remotes, o->n_remotes, o->days, o->again };
	char why[CA_ERROR_MAX] = "";
	struct stat st;

	if (!o->name)
		errx(CASTPKI_USAGE, "NAME is missing: whom is the profile for?");
	if (!ca_client_check(&p, why))
		errx(CASTPKI_USAGE, "%s", why);
	if (isatty(STDOUT_FILENO))
		errx(CASTPKI_USAGE, "a profile holds a private key: write it to a file (> %s.conf)", o->name);
	char *profile = ca_client(&p, why);
	if (!profile)
		errx(CASTPKI_RUNTIME, "%s", why);
	/* the shell made the file by its umask */
	if (fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode) && fchmod(STDOUT_FILENO, 0600) < 0)
		warn("warning: others may be able to read the profile");
	if (fputs(profile, stdout) < 0 || fflush(stdout) != 0)
		err(CASTPKI_RUNTIME, "writing the profile (issue it again with --again)");
	ca_profile_free(profile);
	return 0;
}

int
castpki_revoke(const struct castpki_options *o)
{
	const struct ca_revoke_params p = { o->dir, o->name, o->serial, o->days };
	char why[CA_ERROR_MAX] = "";

	if (!ca_revoke_check(&p, why))
		errx(CASTPKI_USAGE, "%s", why);
	char *done = ca_revoke(&p, why);
	if (!done)
		errx(CASTPKI_RUNTIME, "%s", why);
	printf("%snext: put ca.crl where identity { crl = ... } of the server points and run: castctl reload\n", done);
	ca_profile_free(done);
	return finish();
}

int
castpki_list(const struct castpki_options *o)
{
	char why[CA_ERROR_MAX] = "";
	char *table = ca_list(o->dir, why);

	if (!table)
		errx(CASTPKI_RUNTIME, "%s", why);
	fputs(table, stdout);
	ca_profile_free(table);
	return finish();
}
