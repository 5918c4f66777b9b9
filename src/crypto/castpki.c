/* The commands of castpki. */
#include "castswitch/castpki.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "ca_private.h"

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
	       "next, for each client: castpki client --dir %s NAME --out NAME.conf\n",
	       o->dir, CA_ROOT_DAYS, o->dir, o->host, o->days ? o->days : CA_LEAF_DAYS, o->dir, o->dir);
	return finish();
}

/* Where the profile goes.  A new file is there before the certificate is: nobody gets one that can't be written. */
static int
open_profile(const struct castpki_options *o)
{
	struct stat st;
	int fd;

	if (!o->out) {
		/* the shell made the file by its umask */
		if (fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode) && fchmod(STDOUT_FILENO, 0600) < 0)
			warn("warning: others may be able to read the profile");
		return STDOUT_FILENO;
	}
	fd = open(o->out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		errx(CASTPKI_RUNTIME, "%s exists already: nothing is overwritten, choose another --out", o->out);
	if (fd < 0)
		err(CASTPKI_RUNTIME, "%s", o->out);
	if (fchmod(fd, 0600) < 0) /* whatever the umask took away */
		warn("warning: %s", o->out);
	return fd;
}

static void
write_profile(const struct castpki_options *o, int fd, const char *profile)
{
	int r = ca_write_all(fd, profile, strlen(profile));

	if (r == 0 && o->out && (fsync(fd) < 0 || close(fd) < 0))
		r = -errno;
	if (r == 0)
		return;
	if (o->out)
		unlink(o->out); /* half a profile is none */
	errno = -r;
	err(CASTPKI_RUNTIME, "%s%swriting the profile (issue it again with --again)", o->out ? o->out : "",
	    o->out ? ": " : "");
}

int
castpki_client(const struct castpki_options *o)
{
	const struct ca_client_params p = { o->dir, o->name, o->remotes, o->n_remotes, o->days, o->again };
	char why[CA_ERROR_MAX] = "";

	if (!o->name)
		errx(CASTPKI_USAGE, "NAME is missing: whom is the profile for?");
	if (!ca_client_check(&p, why))
		errx(CASTPKI_USAGE, "%s", why);
	if (o->out && !*o->out)
		errx(CASTPKI_USAGE, "--out is empty");
	if (!o->out && isatty(STDOUT_FILENO))
		errx(CASTPKI_USAGE, "a profile holds a private key: write it to a file (--out %s.conf)", o->name);
	int fd = open_profile(o);
	char *profile = ca_client(&p, why);
	if (!profile && o->out)
		unlink(o->out);
	if (!profile)
		errx(CASTPKI_RUNTIME, "%s", why);
	write_profile(o, fd, profile);
	ca_profile_free(profile);
	if (o->out)
		printf("%s: the profile with the private key; next, on the client: castswitch --config %s\n", o->out,
		       o->out);
	return finish();
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
