/* The files that a configuration names, before and after privileges are dropped.
 *
 * At the start files are opened as root.  For a reload a helper process (helper.h) opens those that were known at the
 * start; others only as far as the user may.
 */
#ifndef CASTSWITCH_APP_FILES_H
#define CASTSWITCH_APP_FILES_H

#include "app_setup.h"
#include "castswitch/helper.h"

enum { APP_FILE_CONFIG, APP_FILE_CERTIFICATE, APP_FILE_KEY, APP_FILE_CA, APP_FILE_CRL, APP_FILE_ACCESS_KEY, APP_FILES };

struct app_files {
	char *paths[APP_FILES]; /* as at the start; NULL: none, or inline text */
	struct helper *helper;  /* NULL: not started, open as we are */
};

/* The program that sets name servers. */
const char *app_resolvectl(void);

struct app_files_params {
	const char *config;
	const struct conf_identity *identity;
	const struct conf_tunnel *tunnel;
	const char *socket;     /* is removed when the program ends */
	const char *scrap;      /* is removed then if it is empty, or NULL */
	const char *dns_device; /* the interface whose name servers may be set, or NULL */
};

/* Remembers the paths and starts the helper.  Before any key is read.  False with one line in err; app_files_fini() is
 * fine then, too. */
bool app_files_start(struct app_files *f, const struct app_files_params *p, char err[APP_ERROR_MAX]);
/* Ends the helper. */
void app_files_fini(struct app_files *f);
/* A descriptor for reading, or -errno.  An identity_open_fn: arg is the struct app_files. */
int app_files_open(void *arg, const char *path);

#endif
