/* Users and groups of a user namespace (idmap.h), read from /proc. */
#include "idmap.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct map {
	uint64_t ids; /* how many there are */
	bool has_wanted;
};

/* Lines of "first-inside first-outside count".  A kernel without user namespaces has no such file, and all ids. */
static struct map
read_map(const char *path, uint64_t wanted)
{
	struct map map = { 0, false };
	uint64_t inside, outside, count;
	FILE *f = fopen(path, "re");

	if (!f)
		return (struct map){ UINT32_MAX, true };
	while (fscanf(f, "%" SCNu64 " %" SCNu64 " %" SCNu64, &inside, &outside, &count) == 3) {
		map.ids += count;
		map.has_wanted = map.has_wanted || (wanted >= inside && wanted - inside < count);
	}
	fclose(f);
	return map;
}

/* "deny" in there makes setgroups(2) fail; a namespace made without root has it. */
static bool
setgroups_denied(void)
{
	char word[8] = "";
	FILE *f = fopen("/proc/self/setgroups", "re");

	if (!f)
		return false;
	if (!fgets(word, sizeof(word), f))
		word[0] = '\0';
	fclose(f);
	return strncmp(word, "deny", 4) == 0;
}

bool
idmap_single_user(void)
{
	return read_map("/proc/self/uid_map", 0).ids <= 1;
}

bool
idmap_can_switch(unsigned uid, unsigned gid)
{
	return read_map("/proc/self/uid_map", uid).has_wanted && read_map("/proc/self/gid_map", gid).has_wanted &&
	       !setgroups_denied();
}
