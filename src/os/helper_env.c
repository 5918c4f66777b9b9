/* The variables of a hook: checked by both sides, packed by one, unpacked by the other (helper_impl.h). */
#include "helper_impl.h"

#include <errno.h>
#include <string.h>

/* What is not set here is not there: neither the caller's nor root's own variables reach a hook. */
#define HOOK_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* One "NAME=VALUE" of 'len' bytes.  Names by hand and not by ctype.h, which depends on the locale. */
static bool
variable_valid(const char *s, size_t len)
{
	const size_t name = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	if (name == 0 || s[name] != '=')
		return false;
	for (size_t i = name + 1; i < len; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return false;
	return true;
}

int
helper_env_pack(const char *const env[], char buf[HELPER_ENV_BYTES_MAX], size_t *ret_len)
{
	size_t len = 0;

	for (size_t i = 0; env && env[i]; i++) {
		const size_t n = strlen(env[i]);

		if (!variable_valid(env[i], n))
			return -EINVAL;
		if (i == HELPER_ENV_VARS_MAX || n >= HELPER_ENV_BYTES_MAX - len)
			return -E2BIG;
		memcpy(buf + len, env[i], n + 1);
		len += n + 1;
	}
	*ret_len = len;
	return 0;
}

bool
helper_env_valid(const char *buf, size_t len)
{
	size_t vars = 0;

	/* with its last byte 0, every string in it ends in it */
	if (len > HELPER_ENV_BYTES_MAX || (len && buf[len - 1] != '\0'))
		return false;
	for (size_t at = 0; at < len; vars++) {
		const size_t n = strlen(buf + at);

		if (vars == HELPER_ENV_VARS_MAX || !variable_valid(buf + at, n))
			return false;
		at += n + 1;
	}
	return true;
}

void
helper_env_make(struct helper_hook_env *ret, const char *buf, size_t len)
{
	static char path[] = HOOK_PATH;
	char *to = ret->text;
	size_t vars = 0;

	ret->v[vars++] = path;
	for (size_t at = 0; at < len; at += strlen(buf + at) + 1) {
		ret->v[vars++] = to;
		to = stpcpy(stpcpy(to, HELPER_ENV_PREFIX), buf + at) + 1;
	}
	ret->v[vars] = NULL;
}
