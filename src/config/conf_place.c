/* The way from a block of the file to its place in the model. */
#include "conf_schema.h"

#include <errno.h>
#include <stdlib.h>

#include "castswitch/conf.h"

static struct conf_place
place(void *self, struct conf_peer *peer, struct conf_port *port)
{
	return (struct conf_place){ { self, peer, port } };
}

static struct conf_place
server_place(struct conf_server *c, enum conf_block_id block, size_t i)
{
	switch (block) {
	case CONF_BLOCK_TOP:
		return place(c, NULL, NULL);
	case CONF_BLOCK_TAP:
		return place(&c->tap, NULL, &c->tap.port);
	case CONF_BLOCK_NIC:
		return place(&c->nic[i], NULL, &c->nic[i].port);
	case CONF_BLOCK_SWITCH:
		return place(&c->sw, NULL, NULL);
	case CONF_BLOCK_LISTEN:
		return place(&c->listen, NULL, NULL);
	case CONF_BLOCK_IDENTITY:
		return place(&c->identity, NULL, NULL);
	case CONF_BLOCK_SNOOPING:
		return place(&c->snooping, NULL, NULL);
	case CONF_BLOCK_TUNNEL:
		return place(&c->tunnel, NULL, NULL);
	case CONF_BLOCK_PEERS:
		return place(c, &c->peers_default, &c->peers_default.port);
	case CONF_BLOCK_PEER:
		return place(&c->peer[i], &c->peer[i], &c->peer[i].port);
	case CONF_BLOCK_STATIC_GROUP:
		return place(&c->static_group[i], NULL, NULL);
	case CONF_BLOCK_STATIC_MAC:
		return place(&c->static_mac[i], NULL, NULL);
	case CONF_BLOCK_CONTROL:
		return place(&c->control, NULL, NULL);
	case CONF_BLOCK_LOG:
		return place(&c->log, NULL, NULL);
	default:
		return place(NULL, NULL, NULL);
	}
}

static struct conf_place
client_place(struct conf_client *c, enum conf_block_id block)
{
	switch (block) {
	case CONF_BLOCK_TOP:
		return place(c, NULL, NULL);
	case CONF_BLOCK_TAP:
		return place(&c->tap, NULL, &c->tap.port);
	case CONF_BLOCK_SWITCH:
		return place(&c->sw, NULL, NULL);
	case CONF_BLOCK_IDENTITY:
		return place(&c->identity, NULL, NULL);
	case CONF_BLOCK_SNOOPING:
		return place(&c->snooping, NULL, NULL);
	case CONF_BLOCK_TUNNEL:
		return place(&c->tunnel, NULL, NULL);
	case CONF_BLOCK_PULL:
		return place(&c->pull, NULL, NULL);
	case CONF_BLOCK_CONTROL:
		return place(&c->control, NULL, NULL);
	case CONF_BLOCK_LOG:
		return place(&c->log, NULL, NULL);
	default:
		return place(NULL, NULL, NULL);
	}
}

struct conf_place
conf_place_of(void *model, unsigned program, enum conf_block_id block, size_t index)
{
	return program == CONF_SERVER ? server_place(model, block, index) : client_place(model, block);
}

size_t
conf_place_count(const struct conf_server *c, enum conf_block_id block)
{
	switch (block) {
	case CONF_BLOCK_NIC:
		return c->n_nics;
	case CONF_BLOCK_PEER:
		return c->n_peers;
	case CONF_BLOCK_STATIC_GROUP:
		return c->n_static_groups;
	case CONF_BLOCK_STATIC_MAC:
		return c->n_static_macs;
	default:
		return 0;
	}
}

int
conf_place_alloc(struct conf_server *c, enum conf_block_id block, size_t n)
{
	/* One more, so that "none" is not NULL. */
	switch (block) {
	case CONF_BLOCK_NIC:
		c->nic = calloc(n + 1, sizeof(c->nic[0]));
		c->n_nics = c->nic ? n : 0;
		return c->nic ? 0 : -ENOMEM;
	case CONF_BLOCK_PEER:
		c->peer = calloc(n + 1, sizeof(c->peer[0]));
		c->n_peers = c->peer ? n : 0;
		return c->peer ? 0 : -ENOMEM;
	case CONF_BLOCK_STATIC_GROUP:
		c->static_group = calloc(n + 1, sizeof(c->static_group[0]));
		c->n_static_groups = c->static_group ? n : 0;
		return c->static_group ? 0 : -ENOMEM;
	case CONF_BLOCK_STATIC_MAC:
		c->static_mac = calloc(n + 1, sizeof(c->static_mac[0]));
		c->n_static_macs = c->static_mac ? n : 0;
		return c->static_mac ? 0 : -ENOMEM;
	default:
		return 0;
	}
}
