/* castswitchd: the switch daemon. */
#include "castswitch/app.h"

int
main(int argc, char **argv)
{
	static const struct app_program prog = {
		.name = "castswitchd",
		.summary = "L2 VPN server and switch that delivers multicast only to those who asked",
		.default_config = CASTSWITCH_SYSCONFDIR "/castswitchd.conf",
	};
	return app_server_main(&prog, argc, argv);
}
