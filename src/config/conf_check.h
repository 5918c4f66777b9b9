/* What one option alone cannot tell: the checks across options, and what follows from them.
 *
 * Private to src/config.  They run on a model whose values are all valid.
 */
#ifndef CONF_CHECK_H
#define CONF_CHECK_H

#include "castswitch/conf.h"
#include "conf_errors.h"
#include "conf_scan.h"

/* Also gives peers' addresses the prefix length of the tap's network.  The model's blocks of a kind are in the order of
 * the file. */
void conf_check_server(struct conf_server *c, const struct conf_scan *s, struct conf_errors *e);
void conf_check_client(struct conf_client *c, const struct conf_scan *s, struct conf_errors *e);

/* The part of it that is about the addresses and fingerprints of peers (conf_check_peers.c). */
void conf_check_peers(struct conf_server *c, const struct conf_scan *s, struct conf_errors *e);
/* The part that is about what peers are told (conf_check_push.c). */
void conf_check_push(const struct conf_server *c, const struct conf_scan *s, struct conf_errors *e);
/* The part that is about names of ports, static groups and static MACs (conf_check_ports.c). */
void conf_check_ports(const struct conf_server *c, const struct conf_scan *s, struct conf_errors *e);

/* Why the address cannot be a host's in its network, or NULL. */
const char *conf_not_a_host(const struct ipprefix *p);

#endif
