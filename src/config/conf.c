/* Loading a configuration: file -> scan -> libconfuse -> model -> checks. */
#include "castswitch/conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf_check.h"
#include "conf_confuse.h"
#include "conf_errors.h"
#include "conf_scan.h"
#include "conf_schema.h"
#include "conf_value.h"

/* What is needed only while loading. */
struct loader {
	unsigned program;
	void *model;                /* struct conf_server or struct conf_client */
	struct conf_server *server; /* the model, or NULL */
	struct conf_client *client; /* the model, or NULL */
	struct conf_scan scan;
	struct conf_confuse *confuse;
	struct conf_errors errors;
	size_t *peer_of;    /* by the scan's block */
	size_t *peer_block; /* by peer: the scan's block */
};

/* --- filling the model -----------------------------------------------------------------------------------------------
 */

/* The defaults of a block, as if it stood empty in the file. */
static void
set_defaults(struct loader *l, enum conf_block_id id)
{
	const struct conf_place at = conf_place_of(l->model, l->program, id, 0);
	struct sbuf wrong;

	sbuf_init(&wrong);
	for (size_t i = 0; i < conf_rows_n; i++)
		if (conf_row_is_in(&conf_rows[i], id, l->program) &&
		    !conf_value_default(&conf_rows[i], conf_field(&at, &conf_rows[i]), &wrong))
			l->errors.oom = true; /* a wrong default is a bug that the tests find */
	sbuf_free(&wrong);
}

static void
set_all_defaults(struct loader *l)
{
	for (enum conf_block_id id = CONF_BLOCK_TOP; id < CONF_BLOCKS; id++) {
		const struct conf_block *b = &conf_blocks[id];

		if (!(b->programs & l->program) || (b->flags & CONF_MULTI))
			continue;
		if (!(b->flags & CONF_OPTIONAL) || conf_scan_find(&l->scan, id))
			set_defaults(l, id);
	}
}

/* One option of the file. */
static void
set_option(struct loader *l, const struct conf_scan_option *opt)
{
	const struct conf_place at =
		conf_place_of(l->model, l->program, l->scan.blocks[opt->block].id, l->peer_of[opt->block]);
	void *field = conf_field(&at, opt->row);
	struct sbuf wrong;

	sbuf_init(&wrong);
	if (conf_type_is_list(opt->row->type))
		conf_value_clear(opt->row, field);
	for (size_t i = 0; i < opt->values; i++) {
		const unsigned line = l->scan.value_lines[opt->first_value + i];
		const char *text = conf_confuse_value(l->confuse, opt, i);

		if (!text)
			conf_errors_add(&l->errors, line, "%s: libconfuse reads this differently", opt->row->name);
		else if (!conf_value_set(opt->row, field, text, &wrong))
			conf_errors_add(&l->errors, line, "%s: %s", opt->row->name, sbuf_str(&wrong));
		sbuf_reset(&wrong);
	}
	sbuf_free(&wrong);
}

static void
set_options(struct loader *l, bool of_peers)
{
	for (size_t i = 0; i < l->scan.n_options; i++) {
		const struct conf_scan_option *opt = &l->scan.options[i];
		const struct conf_scan_block *b = &l->scan.blocks[opt->block];

		if (!b->dropped && (b->id == CONF_BLOCK_PEER) == of_peers)
			set_option(l, opt);
	}
}

static void
mark_present(struct loader *l)
{
	struct conf_tap *tap = l->server ? &l->server->tap : &l->client->tap;
	struct conf_identity *identity = l->server ? &l->server->identity : &l->client->identity;
	const size_t block = conf_scan_find(&l->scan, CONF_BLOCK_TAP);

	identity->present = conf_scan_find(&l->scan, CONF_BLOCK_IDENTITY) != 0;
	if (l->server)
		l->server->listen.present = conf_scan_find(&l->scan, CONF_BLOCK_LISTEN) != 0;
	if (!block)
		return;
	tap->present = true;
	const char *name = conf_confuse_title(l->confuse, block);
	if (conf_ifname_valid(name))
		snprintf(tap->name, sizeof(tap->name), "%s", name);
	else
		conf_errors_add(&l->errors, l->scan.blocks[block].line,
				"tap: not an interface name (allowed: 1 to %d of A-Z a-z 0-9 . _ -)", CONF_IFNAME_MAX);
}

/* Each peer begins as what all peers get. */
static void
add_peer(struct loader *l, size_t block)
{
	struct conf_server *c = l->server;
	struct conf_peer *p = &c->peer[c->n_peers];
	const char *name = conf_confuse_title(l->confuse, block);

	*p = c->peers_default;
	l->peer_of[block] = c->n_peers;
	l->peer_block[c->n_peers++] = block;
	if (conf_peer_name_valid(name))
		snprintf(p->name, sizeof(p->name), "%s", name);
	else
		conf_errors_add(&l->errors, l->scan.blocks[block].line,
				"peer: not a peer's name (allowed: 1 to %d of A-Z a-z 0-9 . _ @ -)",
				CONF_PEER_NAME_MAX);
}

static int
add_peers(struct loader *l)
{
	const struct conf_scan *s = &l->scan;
	size_t n = 0;

	if (!l->server)
		return 0;
	for (size_t i = 0; i < s->n_blocks; i++)
		n += s->blocks[i].id == CONF_BLOCK_PEER && !s->blocks[i].dropped;
	l->server->peer = calloc(n + 1, sizeof(l->server->peer[0]));
	l->peer_block = calloc(n + 1, sizeof(l->peer_block[0]));
	if (!l->server->peer || !l->peer_block)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_blocks; i++)
		if (s->blocks[i].id == CONF_BLOCK_PEER && !s->blocks[i].dropped)
			add_peer(l, i);
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	const struct conf_peer *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Values, then the checks across them when all are good. */
static int
fill(struct loader *l)
{
	l->peer_of = calloc(l->scan.n_blocks, sizeof(l->peer_of[0]));
	if (!l->peer_of)
		return -ENOMEM;
	set_all_defaults(l);
	mark_present(l);
	set_options(l, false);
	if (add_peers(l))
		return -ENOMEM;
	set_options(l, true);
	if (l->errors.total)
		return -EINVAL;
	if (l->server) {
		conf_check_server(l->server, &l->scan, l->peer_block, &l->errors);
		qsort(l->server->peer, l->server->n_peers, sizeof(l->server->peer[0]), by_name);
	} else {
		conf_check_client(l->client, &l->scan, &l->errors);
	}
	return l->errors.total ? -EINVAL : 0;
}

static int
read_model(struct loader *l, const char *text, size_t len)
{
	unsigned line = 1;
	int err = conf_scan(&l->scan, l->program, text, len, &l->errors);

	if (err)
		return err;
	err = conf_confuse_new(l->program, &l->scan, &l->confuse, &line);
	if (err == -EINVAL)
		conf_errors_add(&l->errors, line, "syntax: libconfuse cannot read this line");
	return err ? err : fill(l);
}

static int
load_text(struct loader *l, const char *name, const char *text, size_t len, struct sbuf *errors)
{
	int err;

	if (len > CONF_FILE_MAX) {
		sbuf_printf(errors, "%s: too large (allowed: %d bytes)\n", name, CONF_FILE_MAX);
		return -EFBIG;
	}
	conf_errors_init(&l->errors);
	err = read_model(l, text, len);
	if (!err && l->errors.oom)
		err = -ENOMEM;
	l->errors.oom = err == -ENOMEM;
	conf_errors_report(&l->errors, name, errors);
	conf_errors_fini(&l->errors);
	conf_confuse_free(l->confuse);
	conf_scan_fini(&l->scan);
	free(l->peer_of);
	free(l->peer_block);
	return err;
}

int
conf_server_parse(const char *name, const char *text, size_t len, struct conf_server **ret, struct sbuf *errors)
{
	struct conf_server *c = calloc(1, sizeof(*c));
	struct loader l = { .program = CONF_SERVER, .model = c, .server = c };
	int err = c ? load_text(&l, name, text, len, errors) : -ENOMEM;

	if (err) {
		conf_server_free(c);
		return err;
	}
	*ret = c;
	return 0;
}

int
conf_client_parse(const char *name, const char *text, size_t len, struct conf_client **ret, struct sbuf *errors)
{
	struct conf_client *c = calloc(1, sizeof(*c));
	struct loader l = { .program = CONF_CLIENT, .model = c, .client = c };
	int err = c ? load_text(&l, name, text, len, errors) : -ENOMEM;

	if (err) {
		conf_client_free(c);
		return err;
	}
	*ret = c;
	return 0;
}

/* --- files -----------------------------------------------------------------------------------------------------------
 */

/* The file's bytes, at most one more than allowed. */
static int
read_bytes(FILE *f, char **ret, size_t *ret_len)
{
	char *text = malloc(CONF_FILE_MAX + 1);

	if (!text)
		return -ENOMEM;
	errno = 0;
	size_t len = fread(text, 1, CONF_FILE_MAX + 1, f);
	if (ferror(f)) {
		int err = errno ? -errno : -EIO;

		free(text);
		return err;
	}
	*ret = text;
	*ret_len = len;
	return 0;
}

/* Closes f, which is NULL when it could not be opened: err says why then. */
static int
read_stream(FILE *f, int err, const char *file, char **ret, size_t *ret_len, struct sbuf *errors)
{
	if (f) {
		err = read_bytes(f, ret, ret_len);
		fclose(f);
	}
	if (err)
		sbuf_printf(errors, "%s: %s\n", file, strerror(-err));
	return err;
}

static int
read_file(const char *file, char **ret, size_t *ret_len, struct sbuf *errors)
{
	FILE *f = fopen(file, "re");

	return read_stream(f, f ? 0 : -errno, file, ret, ret_len, errors);
}

int
conf_server_load(const char *file, struct conf_server **ret, struct sbuf *errors)
{
	char *text;
	size_t len;
	int err = read_file(file, &text, &len, errors);

	if (err)
		return err;
	err = conf_server_parse(file, text, len, ret, errors);
	free(text);
	return err;
}

/* Takes the descriptor. */
static int
read_fd(int fd, const char *file, char **ret, size_t *ret_len, struct sbuf *errors)
{
	FILE *f = fdopen(fd, "r");
	int err = f ? 0 : -errno;

	if (!f)
		close(fd);
	return read_stream(f, err, file, ret, ret_len, errors);
}

int
conf_server_load_fd(int fd, const char *file, struct conf_server **ret, struct sbuf *errors)
{
	char *text;
	size_t len;
	int err = read_fd(fd, file, &text, &len, errors);

	if (err)
		return err;
	err = conf_server_parse(file, text, len, ret, errors);
	free(text);
	return err;
}

int
conf_client_load_fd(int fd, const char *file, struct conf_client **ret, struct sbuf *errors)
{
	char *text;
	size_t len;
	int err = read_fd(fd, file, &text, &len, errors);

	if (err)
		return err;
	err = conf_client_parse(file, text, len, ret, errors);
	free(text);
	return err;
}

int
conf_client_load(const char *file, struct conf_client **ret, struct sbuf *errors)
{
	char *text;
	size_t len;
	int err = read_file(file, &text, &len, errors);

	if (err)
		return err;
	err = conf_client_parse(file, text, len, ret, errors);
	free(text);
	return err;
}
