/* What both programs do on their way to the loop: the identity, the tap, the control socket. */
#ifndef CASTSWITCH_APP_SETUP_H
#define CASTSWITCH_APP_SETUP_H

#include "castswitch/access.h"
#include "castswitch/app.h"
#include "castswitch/conf.h"
#include "castswitch/ctl.h"
#include "castswitch/dtls.h"
#include "castswitch/identity.h"
#include "castswitch/link.h"
#include "castswitch/loop.h"
#include "castswitch/port_tap.h"
#include "castswitch/tap.h"

enum { APP_ERROR_MAX = 512 };

/* Prints "PROGRAM: line" for each line of text. */
void app_print_errors(const struct app_program *prog, const char *text);

struct app_files;

/* The identity of a configuration, its files opened through 'files' (NULL: directly).  server_name: what the other
 * side's (client) or our own (server) certificate must be for; pins: certificates believed for themselves.  NULL with
 * one line in err; warnings go to the log. */
struct identity *app_identity(const struct conf_identity *conf, enum identity_role role, const char *server_name,
			      const struct identity_pin *pins, size_t n_pins, struct app_files *files,
			      char err[APP_ERROR_MAX]);

/* The access key of a configuration, *ret NULL when it has none, its file opened through 'files' (NULL: directly).  False
 * with one line in err. */
bool app_access(const struct conf_tunnel *conf, struct app_files *files, struct access **ret, char err[APP_ERROR_MAX]);

/* "WHAT: error" in err; APP_RUNTIME. */
enum app_exit app_fail(char err[APP_ERROR_MAX], const char *what, int errnum);

/* A tap that exists, has its MTU and its addresses, is up, and is a port of the switch. */
struct app_tap {
	struct tap *tap;
	struct link *link;
	struct mac mac;
	uint32_t mtu;
	struct loop *loop;
	struct port_tap *port;
	struct loop_fd *fd;
};

/* Whether this process may create the tap at all; false with one line in err. */
bool app_may_make_tap(const struct conf_tap *conf, char err[APP_ERROR_MAX]);
/* APP_OK, APP_PRIVILEGE or APP_RUNTIME with one line in err; app_tap_close() is fine after a failure. */
enum app_exit app_tap_open(struct app_tap *t, const struct conf_tap *conf, uint32_t mtu, char err[APP_ERROR_MAX]);
/* Makes it a port with these params, up, its MAC static, its frames read by the loop, which ends should the interface vanish. */
enum app_exit app_tap_attach(struct app_tap *t, struct loop *loop, struct sw *sw, const struct sw_port_params *params,
			     char err[APP_ERROR_MAX]);
/* Whether packets to there would leave by the tap, so that a tunnel would be inside of itself.  False when there is no
 * tap. */
bool app_tap_leads_to(const struct app_tap *t, const struct endpoint *to);
/* The port is removed and the interface vanishes, and with it its addresses and routes. */
void app_tap_close(struct app_tap *t);

/* The control socket at 'path', for root and the group of 'user'.  Its directory is made, and given to 'user', when it
 * is the system's own.  NULL with one line in err. */
enum app_exit app_ctl_open(struct loop *loop, const char *path, const char *user, struct ctl **ret,
			   char err[APP_ERROR_MAX]);

/* The account to change to: the configured one; but where the default one was never created, "nobody", with a
 * warning. */
const char *app_user(const char *configured);
/* From root to 'user', with CAP_NET_ADMIN when interfaces are configured later.  Everything that needs root is open
 * by now. APP_OK, or APP_PRIVILEGE with one line in err. */
enum app_exit app_drop(const char *user, bool net_admin, char err[APP_ERROR_MAX]);

/* Ends the loop on SIGTERM and SIGINT, ignores SIGPIPE.  0 or -errno. */
int app_signals(struct loop *loop);

#endif
