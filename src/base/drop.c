/* Names and texts of the drop reasons, generated from drop.def. */
#include "castswitch/drop.h"

#include <stddef.h>

static const struct {
	const char *name, *text;
} reasons[DROP_MAX] = {
	[DROP_NONE] = { "none", "not dropped" },
#define DROP(id, name, text) [DROP_##id] = { name, text },
#include "castswitch/drop.def"
#undef DROP
};

const char *
drop_name(enum drop_reason r)
{
	return (size_t)r < DROP_MAX ? reasons[r].name : "unknown";
}

const char *
drop_text(enum drop_reason r)
{
	return (size_t)r < DROP_MAX ? reasons[r].text : "unknown reason";
}
