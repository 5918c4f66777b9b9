/* The model of a configuration, once loaded: lookups, computed values, the end. */
#include "castswitch/conf.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "conf_schema.h"
#include "conf_value.h"

bool
conf_peer_name_valid(const char *name)
{
	const size_t len = strlen(name);

	if (len == 0 || len > CONF_PEER_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("._@-", name[i]))
			return false;
	return true;
}

bool
conf_is_pem(const char *value)
{
	return strstr(value, "-----BEGIN ") != NULL;
}

bool
conf_is_key(const char *value)
{
	return strlen(value) == 64 && strspn(value, "0123456789abcdefABCDEF") == 64;
}

static int
name_cmp(const void *name, const void *peer)
{
	return strcmp(name, ((const struct conf_peer *)peer)->name);
}

const struct conf_peer *
conf_peer_find(const struct conf_server *c, const char *name)
{
	return c->n_peers ? bsearch(name, c->peer, c->n_peers, sizeof(c->peer[0]), name_cmp) : NULL;
}

const struct conf_peer *
conf_peer_for(const struct conf_server *c, const char *name)
{
	const struct conf_peer *p = conf_peer_find(c, name);

	return p ? p : &c->peers_default;
}

void
conf_snooping_resolve(struct conf_snooping *s)
{
	/* RFC 3376 8.4, 8.5, 8.6, 8.7 and 8.9; RFC 3810 9.4 to 9.7 and 9.9 are the same. */
	if (!s->membership_interval)
		s->membership_interval = s->robustness * s->query_interval + s->query_response_interval;
	if (!s->other_querier_interval)
		s->other_querier_interval = s->robustness * s->query_interval + s->query_response_interval / 2;
	if (!s->startup_query_interval)
		s->startup_query_interval = s->query_interval / 4;
	if (!s->startup_query_count)
		s->startup_query_count = s->robustness;
	if (!s->last_member_query_count)
		s->last_member_query_count = s->robustness;
}

static void
free_block(void *model, unsigned program, enum conf_block_id id, size_t index)
{
	const struct conf_place at = conf_place_of(model, program, id, index);

	for (size_t i = 0; i < conf_rows_n; i++)
		if (conf_row_is_in(&conf_rows[i], id, program))
			conf_value_clear(&conf_rows[i], conf_field(&at, &conf_rows[i]));
}

/* The blocks of which there is one. */
static void
free_blocks(void *model, unsigned program)
{
	for (enum conf_block_id id = CONF_BLOCK_TOP; id < CONF_BLOCKS; id++)
		if ((conf_blocks[id].programs & program) && !(conf_blocks[id].flags & CONF_MULTI))
			free_block(model, program, id, 0);
}

void
conf_server_free(struct conf_server *c)
{
	if (!c)
		return;
	for (enum conf_block_id id = CONF_BLOCK_TOP; id < CONF_BLOCKS; id++)
		for (size_t i = 0; i < conf_place_count(c, id); i++)
			free_block(c, CONF_SERVER, id, i);
	free(c->nic);
	free(c->peer);
	free(c->static_group);
	free(c->static_mac);
	free_blocks(c, CONF_SERVER);
	free(c);
}

void
conf_client_free(struct conf_client *c)
{
	if (!c)
		return;
	free_blocks(c, CONF_CLIENT);
	free(c);
}
