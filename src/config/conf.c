/* Reading a configuration: text -> scan -> libconfuse -> model -> checks. */
#include "castswitch/conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf_check.h"
#include "conf_confuse.h"
#include "conf_errors.h"
#include "conf_scan.h"
#include "conf_schema.h"
#include "conf_title.h"
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
};

/* The defaults of a block, as if it stood empty in the file. */
static void
set_defaults(struct loader *l, enum conf_block_id id, size_t index)
{
	const struct conf_place at = conf_place_of(l->model, l->program, id, index);
	struct sbuf wrong;

	sbuf_init(&wrong);
	for (size_t i = 0; i < conf_rows_n; i++)
		if (conf_row_is_in(&conf_rows[i], id, l->program) &&
		    !conf_value_default(&conf_rows[i], conf_field(&at, &conf_rows[i]), &wrong))
			l->errors.oom = true; /* a wrong default is a bug that the tests find */
	sbuf_free(&wrong);
}

/* Of the blocks that the file has, and of those that are there without being in it. */
static void
set_all_defaults(struct loader *l)
{
	for (enum conf_block_id id = CONF_BLOCK_TOP; id < CONF_BLOCKS; id++) {
		const struct conf_block *b = &conf_blocks[id];
		const bool always = !(b->flags & (CONF_OPTIONAL | CONF_MULTI));

		if (!(b->programs & l->program))
			continue;
		for (size_t i = 0; i < l->scan.n_of_kind[id] || (always && i == 0); i++)
			set_defaults(l, id, i);
	}
}

/* The blocks of which there are any number. */
static int
make_blocks(struct loader *l)
{
	int err = 0;

	for (enum conf_block_id id = CONF_BLOCK_TOP; l->server && id < CONF_BLOCKS; id++)
		if (!err && (conf_blocks[id].flags & CONF_MULTI))
			err = conf_place_alloc(l->server, id, l->scan.n_of_kind[id]);
	return err;
}

static struct conf_place
place_of_block(struct loader *l, const struct conf_scan_block *b)
{
	return conf_place_of(l->model, l->program, b->id, b->index);
}

/* One option of the file. */
static void
set_option(struct loader *l, const struct conf_scan_option *opt)
{
	const struct conf_place at = place_of_block(l, &l->scan.blocks[opt->block]);
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

	tap->present = l->scan.n_of_kind[CONF_BLOCK_TAP] != 0;
	identity->present = l->scan.n_of_kind[CONF_BLOCK_IDENTITY] != 0;
	if (l->server)
		l->server->listen.present = l->scan.n_of_kind[CONF_BLOCK_LISTEN] != 0;
}

static void
set_titles(struct loader *l)
{
	struct sbuf wrong;

	sbuf_init(&wrong);
	for (size_t i = 0; i < l->scan.n_blocks; i++) {
		const struct conf_scan_block *b = &l->scan.blocks[i];

		if (b->dropped || !b->title)
			continue;
		const struct conf_place at = place_of_block(l, b);
		if (!conf_title_set(&at, b->id, b->title, &wrong))
			conf_errors_add(&l->errors, b->line, "%s: %s", conf_blocks[b->id].name, sbuf_str(&wrong));
		sbuf_reset(&wrong);
	}
	sbuf_free(&wrong);
}

/* A peer begins as what all peers get. */
static void
inherit_peers(struct loader *l)
{
	const struct conf_place all = conf_place_of(l->model, l->program, CONF_BLOCK_PEERS, 0);

	for (size_t i = 0; i < l->server->n_peers; i++) {
		const struct conf_place one = conf_place_of(l->model, l->program, CONF_BLOCK_PEER, i);

		for (size_t k = 0; k < conf_rows_n; k++) {
			const struct conf_row *row = &conf_rows[k];

			if (conf_row_is_in(row, CONF_BLOCK_PEER, l->program) &&
			    conf_row_is_in(row, CONF_BLOCK_PEERS, l->program) &&
			    !conf_value_copy(row, conf_field(&one, row), conf_field(&all, row)))
				l->errors.oom = true;
		}
	}
}

/* The MTU of an Ethernet with interfaces of hosts in it is the usual one. */
static void
set_mtu(struct loader *l)
{
	const size_t block = conf_scan_find(&l->scan, CONF_BLOCK_SWITCH);

	if (l->server->n_nics && !(block && conf_scan_has(&l->scan, block, "mtu")))
		l->server->sw.mtu = CONF_MTU_WITH_NICS;
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
	if (make_blocks(l))
		return -ENOMEM;
	set_all_defaults(l);
	mark_present(l);
	set_titles(l);
	set_options(l, false);
	if (l->server) {
		set_mtu(l);
		inherit_peers(l);
		set_options(l, true);
	}
	if (l->errors.oom)
		return -ENOMEM;
	if (l->errors.total)
		return -EINVAL;
	if (l->server) {
		conf_check_server(l->server, &l->scan, &l->errors);
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
