/* The files that a configuration names, before and after privileges are dropped. */
#include "app_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Remembers one path; text in the configuration itself is none. */
static bool
remember(struct app_files *f, unsigned which, const char *path)
{
	if (!path || !*path || conf_is_pem(path) || conf_is_key(path))
		return true;
	f->paths[which] = strdup(path);
	return f->paths[which] != NULL;
}

bool
app_files_start(struct app_files *f, const struct app_files_params *p, char err[APP_ERROR_MAX])
{
	const struct conf_identity *identity = p->identity;
	bool ok = remember(f, APP_FILE_CONFIG, p->config) && remember(f, APP_FILE_CERTIFICATE, identity->certificate) &&
		  remember(f, APP_FILE_KEY, identity->key) && remember(f, APP_FILE_CA, identity->ca) &&
		  remember(f, APP_FILE_CRL, identity->crl) && remember(f, APP_FILE_ACCESS_KEY, p->tunnel->access_key);
	const struct helper_params params = { .files = (const char *const *)f->paths,
					      .n_files = APP_FILES,
					      .socket = p->socket,
					      .scrap = p->scrap,
					      .resolvectl = p->dns_device ? app_resolvectl() : NULL,
					      .dns_device = p->dns_device };
	if (!ok) {
		snprintf(err, APP_ERROR_MAX, "out of memory");
		return false;
	}
	f->helper = helper_start(&params, err, APP_ERROR_MAX);
	return f->helper != NULL;
}

void
app_files_fini(struct app_files *f)
{
	helper_stop(f->helper);
	f->helper = NULL;
	for (unsigned i = 0; i < APP_FILES; i++) {
		free(f->paths[i]);
		f->paths[i] = NULL;
	}
}

int
app_files_open(void *arg, const char *path)
{
	struct app_files *f = arg;
	int fd = -1;
	for (unsigned i = 0; f->helper && i < APP_FILES; i++) {
		if (!f->paths[i] || strcmp(f->paths[i], path) != 0)
			continue;
		int r = helper_open_file(f->helper, i, &fd);
		return r ? r : fd;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}
