/* castswitch: the endpoint client. */
#include "castswitch/app.h"

int
main(int argc, char **argv)
{
	static const struct app_program prog = {
		.name = "castswitch",
		.summary = "client of a castswitchd server",
		.default_config = CASTSWITCH_SYSCONFDIR "/castswitch.conf",
	};
	return app_client_main(&prog, argc, argv);
}
