/* castswitchd: the pool's leases, kept in a file for the next run.
 *
 * It is opened and read with the rights of the start, and understood when these are given up.  Later it is replaced
 * whenever a lease came or went, but not all the time, and at the end.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app_leases.h"
#include "castswitch/privilege.h"
#include "castswitch/rundir.h"
#include "server.h"

enum { LEASES_BYTES_MAX = 16 * 1024 * 1024 };
#define LEASES_PAUSE (5 * NSEC_PER_SEC) /* between two writes */
#define LEASES_PAUSE_FAILED (60 * NSEC_PER_SEC)

/* --- reading --- */

static void
leases_give_up(struct server *s)
{
	savefile_close(s->leases.file);
	s->leases.file = NULL;
}

/* What cannot be read is not to be lost by what is written. */
static void
leases_set_aside(struct server *s, const char *why)
{
	const char *path = savefile_path(s->leases.file), *suffix;
	int err = savefile_set_aside(s->leases.file, &suffix);
	if (err == 0) {
		log_warning("leases", "%s: %s; it is %s%s now, all leases are new", path, why, path, suffix);
		return;
	}
	log_warning("leases", "%s: %s; it stays as it is (%s), leases are not kept", path, why, strerror(-err));
	leases_give_up(s);
}

/* The system's own directory is made, and given to the account that runs. */
static bool
leases_directory(const struct server *s, char err[APP_ERROR_MAX])
{
	const struct privilege_drop_params drop = { .user = s->user };
	if (strncmp(s->conf->lease_file, CASTSWITCH_STATEDIR "/", sizeof(CASTSWITCH_STATEDIR)) != 0)
		return true;
	return rundir_create(CASTSWITCH_STATEDIR, err, APP_ERROR_MAX) == 0 &&
	       privilege_give_dir(&drop, CASTSWITCH_STATEDIR, err, APP_ERROR_MAX) == 0;
}

void
server_leases_open(struct server *s)
{
	struct server_leases *l = &s->leases;
	char err[APP_ERROR_MAX];
	if (!s->pool || !*s->conf->lease_file || l->file)
		return;
	if (leases_directory(s, err))
		l->file = savefile_open(s->loop, s->conf->lease_file, err, sizeof(err));
	if (!l->file) {
		log_warning("leases", "%s; leases are not kept", err);
		return;
	}
	l->read_error = savefile_read(l->file, LEASES_BYTES_MAX, &l->text, &l->len);
}

void
server_leases_load(struct server *s)
{
	struct server_leases *l = &s->leases;
	struct app_leases_counts n = { 0 };
	char err[APP_ERROR_MAX];
	if (!l->file || l->loaded)
		return;
	l->loaded = true;
	if (l->read_error && l->read_error != -ENOENT)
		leases_set_aside(s, strerror(-l->read_error));
	else if (l->text && !app_leases_restore(s->pool, l->text, l->len, &n, err, sizeof(err)))
		leases_set_aside(s, err);
	else if (l->text)
		log_info("leases", "%zu leases from %s", n.restored, savefile_path(l->file));
	if (n.left_out)
		log_notice("leases", "%zu leases are not possible any more", n.left_out);
	free(l->text);
	l->text = NULL;
	l->saved = pool_changes(s->pool);
}

/* --- writing --- */

static void
leases_failed(struct server *s, int err)
{
	if (!s->leases.failed)
		log_warning("leases", "%s: not written: %s", savefile_path(s->leases.file), strerror(-err));
	s->leases.failed = true;
	s->leases.saved--;
	s->leases.not_before = mono_add(loop_now(s->loop), LEASES_PAUSE_FAILED);
}

static void
leases_written(void *arg, int err, struct mono now)
{
	struct server *s = arg;
	(void)now;
	s->leases.writing = false;
	if (err) {
		leases_failed(s, err);
		return;
	}
	if (s->leases.failed)
		log_notice("leases", "%s: written again", savefile_path(s->leases.file));
	s->leases.failed = false;
}

static struct mono
leases_next(void *arg)
{
	const struct server *s = arg;
	const struct server_leases *l = &s->leases;
	bool due = l->file && l->loaded && !l->writing && s->pool && pool_changes(s->pool) != l->saved;
	return due ? l->not_before : MONO_NEVER;
}

static void
leases_tick(void *arg, struct mono now)
{
	struct server *s = arg;
	struct server_leases *l = &s->leases;
	size_t len;
	char *text = app_leases_text(s->pool, &len);
	l->not_before = mono_add(now, LEASES_PAUSE);
	if (!text)
		return;
	l->saved = pool_changes(s->pool);
	l->writing = true;
	int err = savefile_write(l->file, text, len, leases_written, s);
	if (err)
		leases_written(s, err, now);
}

int
server_leases_start(struct server *s)
{
	return loop_add_engine(s->loop, leases_next, leases_tick, s);
}

void
server_leases_renew(struct server *s)
{
	if (!s->pool)
		return;
	server_leases_open(s);
	server_leases_load(s);
	s->leases.saved = pool_changes(s->pool) - 1;
}

/* Once more, also for the order in which they are not used any more. */
void
server_leases_stop(struct server *s)
{
	struct server_leases *l = &s->leases;
	size_t len;
	char *text = l->file && l->loaded && s->pool ? app_leases_text(s->pool, &len) : NULL;
	if (text) {
		int err = savefile_write_now(l->file, text, len);
		if (err && !l->failed)
			log_warning("leases", "%s: not written: %s", savefile_path(l->file), strerror(-err));
	}
	free(text);
	free(l->text);
	l->text = NULL;
	leases_give_up(s);
}
