/* User, groups and capabilities of this process (privilege.h). */
#include "castswitch/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <cap-ng.h>

#include "idmap.h"

enum { CAPABILITIES_MAX = 64 }; /* in the kernel's interface; libcap-ng answers "no" beyond its last */

/* Where to go. */
struct target {
	enum privilege_result result; /* ids and name are set for PRIVILEGE_DROPPED only */
	const char *user;
	uid_t uid;
	gid_t gid;
};

bool
privilege_net_admin(void)
{
	return capng_get_caps_process() == 0 && capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN);
}

static int
unmapped(struct target *ret, const char *user, char *err, size_t errlen)
{
	snprintf(err, errlen, "staying root, user '%s' does not exist in this user namespace", user);
	ret->result = PRIVILEGE_UNMAPPED;
	return 0;
}

static int
unknown_user(const char *user, int errnum, char *err, size_t errlen)
{
	/* getpwnam(3): "not found" is any of these, depending on the C library and its sources */
	if (errnum == 0 || errnum == ENOENT || errnum == ESRCH || errnum == EBADF || errnum == EPERM) {
		snprintf(err, errlen,
			 "user '%s' does not exist (create it: useradd --system --no-create-home %s; "
			 "or set switch { user = \"root\" })",
			 user, user);
		return -ENOENT;
	}
	snprintf(err, errlen, "can't look up user '%s': %s", user, strerror(errnum));
	return -errnum;
}

static int
find_target(const char *user, struct target *ret, char *err, size_t errlen)
{
	const struct passwd *pw;

	if (geteuid() != 0 || strcmp(user, "root") == 0) {
		ret->result = geteuid() != 0 ? PRIVILEGE_NOT_ROOT : PRIVILEGE_KEPT_ROOT;
		return 0;
	}
	/* before the look-up: where nobody can be switched to, an account isn't needed either */
	if (idmap_single_user())
		return unmapped(ret, user, err, errlen);
	errno = 0;
	pw = getpwnam(user);
	if (!pw)
		return unknown_user(user, errno, err, errlen);
	if (pw->pw_uid == 0) {
		ret->result = PRIVILEGE_KEPT_ROOT;
		return 0;
	}
	if (!idmap_can_switch(pw->pw_uid, pw->pw_gid))
		return unmapped(ret, user, err, errlen);
	*ret = (struct target){ PRIVILEGE_DROPPED, user, pw->pw_uid, pw->pw_gid };
	return 0;
}

static bool
is_kept(unsigned keep, unsigned capability)
{
	return (capability == CAP_NET_ADMIN && keep & PRIVILEGE_NET_ADMIN) ||
	       (capability == CAP_NET_RAW && keep & PRIVILEGE_NET_RAW);
}

/* Those of 'keep' that this process has: asking for more would fail. */
static unsigned
had_before(unsigned keep)
{
	if (!capng_have_capability(CAPNG_PERMITTED, CAP_NET_ADMIN))
		keep &= ~(unsigned)PRIVILEGE_NET_ADMIN;
	if (!capng_have_capability(CAPNG_PERMITTED, CAP_NET_RAW))
		keep &= ~(unsigned)PRIVILEGE_NET_RAW;
	return keep;
}

static int
change_failed(const struct target *t, const char *what, int errnum, char *err, size_t errlen)
{
	const int r = errnum ? -errnum : -EPERM;

	if (t->result == PRIVILEGE_DROPPED)
		snprintf(err, errlen, "can't switch to user '%s': %s: %s", t->user, what, strerror(-r));
	else
		snprintf(err, errlen, "can't drop privileges: %s: %s", what, strerror(-r));
	return r;
}

/* Groups first, while it is permitted; by name, since several accounts may share a user id. */
static int
change_groups(const struct target *t, char *err, size_t errlen)
{
	if (!capng_have_capability(CAPNG_PERMITTED, CAP_SETUID) || !capng_have_capability(CAPNG_PERMITTED, CAP_SETGID))
		return change_failed(t, "CAP_SETUID and CAP_SETGID are needed", EPERM, err, errlen);
	if (initgroups(t->user, t->gid) < 0)
		return change_failed(t, "its groups", errno, err, errlen);
	return 0;
}

/* Expects the process' present capabilities in libcap-ng's state. */
static int
change_ids(const struct target *t, unsigned keep, bool bounding, char *err, size_t errlen)
{
	const bool drop_ids = t->result == PRIVILEGE_DROPPED;
	const int flags = CAPNG_CLEAR_AMBIENT | (bounding ? CAPNG_CLEAR_BOUNDING : CAPNG_NO_FLAG);

	capng_clear(CAPNG_SELECT_ALL);
	for (unsigned cap = 0; cap < CAPABILITIES_MAX; cap++)
		if (is_kept(keep, cap))
			capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, cap);
	errno = 0;
	if (capng_change_id(drop_ids ? (int)t->uid : -1, drop_ids ? (int)t->gid : -1, (capng_flags_t)flags) != 0)
		return change_failed(t, "user, group and capabilities", errno, err, errlen);
	/* after the change of ids, which sets it to /proc/sys/fs/suid_dumpable */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return change_failed(t, "prctl", errno, err, errlen);
	return 0;
}

static bool
ids_are(const struct target *t)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;

	return getresuid(&ruid, &euid, &suid) == 0 && getresgid(&rgid, &egid, &sgid) == 0 && ruid == t->uid &&
	       euid == t->uid && suid == t->uid && rgid == t->gid && egid == t->gid && sgid == t->gid;
}

static bool
capabilities_are(unsigned keep, bool bounding)
{
	if (capng_get_caps_process() != 0)
		return false;
	for (unsigned cap = 0; cap < CAPABILITIES_MAX; cap++)
		if (capng_have_capability(CAPNG_EFFECTIVE, cap) != is_kept(keep, cap) ||
		    capng_have_capability(CAPNG_PERMITTED, cap) != is_kept(keep, cap) ||
		    capng_have_capability(CAPNG_INHERITABLE, cap) || capng_have_capability(CAPNG_AMBIENT, cap) ||
		    (bounding && capng_have_capability(CAPNG_BOUNDING_SET, cap)))
			return false;
	return true;
}

/* Nothing above is believed: what counts is what the kernel says now. */
static int
verify(const struct target *t, unsigned keep, bool bounding, char *err, size_t errlen)
{
	const bool stays_root = t->result == PRIVILEGE_KEPT_ROOT || t->result == PRIVILEGE_UNMAPPED;
	const char *wrong = NULL;

	if (t->result == PRIVILEGE_DROPPED && !ids_are(t))
		wrong = "other ids than asked for";
	else if (!capabilities_are(keep, bounding))
		wrong = "other capabilities than asked for";
	else if (!stays_root && setuid(0) == 0)
		wrong = "could become root again";
	else if (t->result == PRIVILEGE_DROPPED && t->gid != 0 && setgid(0) == 0)
		wrong = "could take root's group again";
	else if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		wrong = "prctl without effect";
	return wrong ? change_failed(t, wrong, EPERM, err, errlen) : 0;
}

int
privilege_drop(const struct privilege_drop_params *p, char *err, size_t errlen)
{
	struct target t = { 0 };
	int r = find_target(p->user ? p->user : PRIVILEGE_DEFAULT_USER, &t, err, errlen);
	unsigned keep;
	bool bounding;

	if (r < 0)
		return r;
	if (capng_get_caps_process() != 0)
		return change_failed(&t, "can't read the capabilities", EPERM, err, errlen);
	keep = had_before(p->keep);
	bounding = capng_have_capability(CAPNG_PERMITTED, CAP_SETPCAP);
	if (t.result == PRIVILEGE_DROPPED)
		r = change_groups(&t, err, errlen);
	if (r == 0)
		r = change_ids(&t, keep, bounding, err, errlen);
	if (r == 0)
		r = verify(&t, keep, bounding, err, errlen);
	return r < 0 ? r : (int)t.result;
}

int
privilege_give_dir(const struct privilege_drop_params *p, const char *path, char *err, size_t errlen)
{
	struct target t = { 0 };
	char notice[256];
	int fd, r = find_target(p->user ? p->user : PRIVILEGE_DEFAULT_USER, &t, notice, sizeof(notice));

	if (r < 0)
		snprintf(err, errlen, "%s", notice);
	if (r < 0 || t.result != PRIVILEGE_DROPPED)
		return r;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchown(fd, t.uid, t.gid) < 0) {
		r = -errno;
		snprintf(err, errlen, "%s: %s", path, strerror(-r));
	}
	if (fd >= 0)
		close(fd);
	return r;
}

/* The file is made with its group, and not given to it later: by its path that could be another file by then. */
gid_t
privilege_enter_group(const struct privilege_drop_params *p)
{
	const gid_t before = getegid();
	const struct group *group;
	struct target t = { 0 };
	char notice[256];

	if (find_target(p->user ? p->user : PRIVILEGE_DEFAULT_USER, &t, notice, sizeof(notice)) < 0 ||
	    t.result != PRIVILEGE_DROPPED)
		return before;
	group = getgrgid(t.gid);
	if (group && strcmp(group->gr_name, t.user) == 0)
		(void)!setegid(t.gid); /* at worst the file stays root's alone */
	return before;
}

void
privilege_leave_group(gid_t before)
{
	(void)!setegid(before);
}
