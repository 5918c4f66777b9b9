/* What both programs do on their way to the loop. */
#include "app_setup.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app_files.h"
#include "castswitch/log.h"
#include "castswitch/privilege.h"
#include "castswitch/rundir.h"

/* Batches read per wakeup, so that a busy tap does not starve the others. */
enum { TAP_READ_BATCHES = 4 };

void
app_print_errors(const struct app_program *prog, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		fprintf(stderr, "%s: %.*s\n", prog->name, (int)n, text);
		text += n + (text[n] == '\n');
	}
}

struct identity *
app_identity(const struct conf_identity *conf, enum identity_role role, const char *server_name,
	     const struct identity_pin *pins, size_t n_pins, struct app_files *files, char err[APP_ERROR_MAX])
{
	const struct identity_params params = { .role = role,
						.open_file = files ? app_files_open : NULL,
						.open_arg = files,
						.certificate = conf->certificate,
						.key = conf->key,
						.ca = conf->ca,
						.crl = conf->crl,
						.crl_strict = conf->crl_strict,
						.server_name = server_name,
						.pins = pins,
						.n_pins = n_pins,
						.require_eku = conf->require_eku };
	char warning[APP_ERROR_MAX];
	struct identity *id = identity_load(&params, err, APP_ERROR_MAX);
	if (id && *identity_warning(id, warning, sizeof(warning)))
		log_warning("identity", "%s", warning);
	return id;
}

bool
app_access(const struct conf_tunnel *conf, struct app_files *files, struct access **ret, char err[APP_ERROR_MAX])
{
	struct access *a = NULL;
	if (*conf->access_key &&
	    !(a = access_load(conf->access_key, files ? app_files_open : NULL, files, err, APP_ERROR_MAX)))
		return false;
	*ret = a;
	return true;
}

static enum app_exit
app_tap_configure(struct app_tap *t, const struct conf_tap *conf, uint32_t mtu, char err[APP_ERROR_MAX])
{
	unsigned ifindex = tap_ifindex(t->tap);
	int r = link_set_mtu(t->link, ifindex, mtu);
	for (size_t i = 0; r == 0 && i < conf->address.n; i++)
		r = link_addr_add(t->link, ifindex, &conf->address.v[i]);
	if (r == 0)
		r = link_set_up(t->link, ifindex);
	if (r == 0)
		r = tap_mac(t->tap, &t->mac);
	t->mtu = mtu;
	if (r == 0)
		return APP_OK;
	snprintf(err, APP_ERROR_MAX, "%s", link_error(t->link));
	return APP_RUNTIME;
}

bool
app_may_make_tap(const struct conf_tap *conf, char err[APP_ERROR_MAX])
{
	if (privilege_net_admin())
		return true;
	snprintf(err, APP_ERROR_MAX,
		 "%s: not allowed to create a network interface (start it as root, or with CAP_NET_ADMIN)", conf->name);
	return false;
}

enum app_exit
app_tap_open(struct app_tap *t, const struct conf_tap *conf, uint32_t mtu, char err[APP_ERROR_MAX])
{
	*t = (struct app_tap){ 0 };
	t->link = link_open();
	if (!t->link) {
		snprintf(err, APP_ERROR_MAX, "can't open a netlink socket: %s", strerror(errno));
		return APP_RUNTIME;
	}
	t->tap = tap_open(conf->name, err, APP_ERROR_MAX);
	if (t->tap)
		return app_tap_configure(t, conf, mtu, err);
	/* Capabilities of a user namespace don't count for the device of another. */
	return errno == EPERM || errno == EACCES ? APP_PRIVILEGE : APP_RUNTIME;
}

enum app_exit
app_fail(char err[APP_ERROR_MAX], const char *what, int errnum)
{
	snprintf(err, APP_ERROR_MAX, "%s: %s", what, strerror(errnum));
	return APP_RUNTIME;
}

static void
app_tap_readable(void *arg, int fd, unsigned events, struct mono now)
{
	struct app_tap *t = arg;
	int n = TAP_BATCH;
	(void)fd;
	(void)events;
	for (int i = 0; i < TAP_READ_BATCHES && n == TAP_BATCH; i++)
		n = port_tap_read(t->port, now);
	if (n >= 0)
		return;
	log_error("tap", "%s: the interface is gone (%s), ending", tap_name(t->tap), strerror(-n));
	loop_fd_del(t->fd);
	t->fd = NULL;
	loop_stop(t->loop);
}

enum app_exit
app_tap_attach(struct app_tap *t, struct loop *loop, struct sw *sw, const struct sw_port_params *params,
	       char err[APP_ERROR_MAX])
{
	struct mono now = loop_now(loop);
	int r = 0;
	t->loop = loop;
	t->port = port_tap_new(sw, t->tap, params, now, &r);
	if (!t->port)
		return app_fail(err, params->name, r);
	if (!switch_add_static_mac(sw, port_tap_port(t->port), 0, &t->mac, false, now))
		return app_fail(err, params->name, ENOMEM);
	switch_port_set_up(sw, port_tap_port(t->port), true, now);
	r = loop_add_fd(loop, tap_fd(t->tap), LOOP_READ, app_tap_readable, t, &t->fd);
	return r ? app_fail(err, params->name, -r) : APP_OK;
}

bool
app_tap_leads_to(const struct app_tap *t, const struct endpoint *to)
{
	unsigned oif;
	if (!t->tap)
		return false;
	if (!ipaddr_is_v4(&to->ip) && ipaddr_is_link_local(&to->ip))
		return to->scope_id == tap_ifindex(t->tap);
	return link_out(t->link, &to->ip, &oif) == 0 && oif == tap_ifindex(t->tap);
}

void
app_tap_close(struct app_tap *t)
{
	loop_fd_del(t->fd);
	if (t->port)
		port_tap_free(t->port, loop_now(t->loop));
	tap_close(t->tap);
	link_close(t->link);
	*t = (struct app_tap){ 0 };
}

const char *
app_user(const char *configured)
{
	if (geteuid() != 0 || strcmp(configured, PRIVILEGE_DEFAULT_USER) != 0 || getpwnam(configured))
		return configured;
	log_warning("main", "user '%s' does not exist, running as 'nobody' (create it: useradd --system %s)",
		    configured, configured);
	return "nobody";
}

static bool
app_run_dir(const char *path, const char *user, char err[APP_ERROR_MAX])
{
	const struct privilege_drop_params drop = { .user = user };
	if (strncmp(path, CASTSWITCH_RUNDIR "/", sizeof(CASTSWITCH_RUNDIR)) != 0)
		return true;
	return rundir_create(CASTSWITCH_RUNDIR, err, APP_ERROR_MAX) == 0 &&
	       privilege_give_dir(&drop, CASTSWITCH_RUNDIR, err, APP_ERROR_MAX) == 0;
}

enum app_exit
app_ctl_open(struct loop *loop, const char *path, const char *user, struct ctl **ret, char err[APP_ERROR_MAX])
{
	const struct privilege_drop_params drop = { .user = user };
	if (!app_run_dir(path, user, err))
		return APP_PRIVILEGE;
	gid_t before = privilege_enter_group(&drop);
	*ret = ctl_open(loop_event_base(loop), path, err, APP_ERROR_MAX);
	privilege_leave_group(before);
	return *ret ? APP_OK : APP_RUNTIME;
}

enum app_exit
app_drop(const char *user, bool net_admin, char err[APP_ERROR_MAX])
{
	const struct privilege_drop_params drop = { .user = user,
						    .keep = net_admin ? PRIVILEGE_NET_ADMIN : PRIVILEGE_NONE };
	int r = privilege_drop(&drop, err, APP_ERROR_MAX);
	if (r < 0)
		return APP_PRIVILEGE;
	if (r == PRIVILEGE_UNMAPPED)
		log_notice("main", "%s", err);
	return APP_OK;
}

static void
app_stop(void *arg, int signo, struct mono now)
{
	(void)now;
	log_notice("main", "%s, ending", signo == SIGTERM ? "SIGTERM" : "SIGINT");
	loop_stop(arg);
}

int
app_signals(struct loop *loop)
{
	signal(SIGPIPE, SIG_IGN);
	int r = loop_add_signal(loop, SIGTERM, app_stop, loop);
	return r ? r : loop_add_signal(loop, SIGINT, app_stop, loop);
}
