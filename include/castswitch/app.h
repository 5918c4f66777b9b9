/* The programs: they put the folders together.
 *
 * Order of start, the same in both: options, configuration, identity, tap and sockets, control socket, loop. 
 * Whatever fails before the loop is one line on stderr and an exit code.
 */
#ifndef CASTSWITCH_APP_H
#define CASTSWITCH_APP_H

#include <stdbool.h>

enum app_exit {
	APP_OK = 0,
	APP_RUNTIME = 1,
	APP_USAGE = 2,
	APP_CONFIG = 3,
	APP_PRIVILEGE = 4,
};

struct app_program {
	const char *name;           /* "castswitchd" */
	const char *summary;        /* for --help, one line */
	const char *default_config; /* path */
};

struct app_options {
	const char *config;
	bool check;
	bool exit;      /* --help or --version was printed: end with 'code' */
	enum app_exit code;
};

/* Parses the command line; mistakes are printed and set exit and APP_USAGE. */
void app_options_parse(const struct app_program *prog, int argc, char **argv, struct app_options *ret);

/* Run a program to its end; the value is its exit code. */
int app_server_main(const struct app_program *prog, int argc, char **argv);
int app_client_main(const struct app_program *prog, int argc, char **argv);

#endif
