/* castswitch: taking back what one that was killed has left of this host's routes and name servers.
 *
 * What is changed is written to a file beside the control socket before it is changed; whoever has that socket next
 * takes it back.  The file is opened with the rights of the start.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "app_undo.h"
#include "client.h"

bool
client_undo_path(const struct conf_client *conf, char buf[CLIENT_UNDO_PATH_MAX])
{
	return snprintf(buf, CLIENT_UNDO_PATH_MAX, "%s.undo", conf->control.socket) < CLIENT_UNDO_PATH_MAX;
}

/* --- what was left --- */

static bool
undo_read(int fd, struct app_undo *ret)
{
	char text[APP_UNDO_TEXT_MAX + 1];
	struct stat st;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	ssize_t n = pread(fd, text, APP_UNDO_TEXT_MAX, 0);
	if (n < 0)
		return false;
	text[n] = '\0';
	return app_undo_parse(text, ret);
}

static void
undo_all(struct client *c, const struct app_undo *u)
{
	char dst[IPADDR_STRLEN];
	for (unsigned i = 0; i < u->n; i++) {
		if (link_way_del(c->tap.link, &u->ways[i].dst, &u->ways[i].way) != 0)
			log_warning("net", "%s", link_error(c->tap.link));
		else
			log_notice("net", "removed the route to the server %s that was left behind",
				   ipaddr_str(&u->ways[i].dst, dst));
	}
	if (!u->dns)
		return;
	int err = helper_set_dns(c->files.helper, &(struct helper_dns){ .n = 0 });
	if (err)
		log_warning("net", "name servers that were left behind are not taken back: %s", strerror(-err));
	else
		log_notice("net", "took back name servers that were left behind");
}

void
client_undo_start(struct client *c)
{
	char path[CLIENT_UNDO_PATH_MAX];
	struct app_undo u = { .n = 0 };
	c->net.undo_fd = -1;
	if (!client_undo_path(c->conf, path))
		return;
	c->net.undo_fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	if (c->net.undo_fd < 0)
		log_warning("net", "%s: %s; if this program is killed, nobody will know what it leaves behind", path,
			    strerror(errno));
	else if (!undo_read(c->net.undo_fd, &u))
		log_warning("net", "%s: it is not understood, nothing is taken back", path);
	undo_all(c, &u);
	client_undo_write(c, NULL);
}

/* --- what there is --- */

static void
add_way(struct app_undo *u, const struct client_way *w)
{
	u->ways[u->n].dst = w->dst;
	u->ways[u->n++].way = w->way;
}

void
client_undo_write(struct client *c, const struct client_way *also)
{
	struct app_undo u = { .dns = c->net.dns_set };
	char text[APP_UNDO_TEXT_MAX];
	if (c->net.undo_fd < 0)
		return;
	for (unsigned i = 0; i < 2; i++)
		if (c->net.ways[i].own)
			add_way(&u, &c->net.ways[i]);
	if (also)
		add_way(&u, also);
	size_t len = u.n || u.dns ? app_undo_print(&u, text) : 0;
	if (pwrite(c->net.undo_fd, text, len, 0) != (ssize_t)len || ftruncate(c->net.undo_fd, (off_t)len) < 0)
		log_warning("net", "what would have to be taken back cannot be written down: %s", strerror(errno));
}

void
client_undo_stop(struct client *c)
{
	if (c->net.undo_fd >= 0)
		close(c->net.undo_fd);
	c->net.undo_fd = -1;
}
