/* The leases of a pool as JSON text. */
#include "app_leases.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { FORMAT = 1 };

/* --- writing --- */

static void
append(void *arg, const char *name, const struct ipaddr *addrs, size_t n)
{
	char addr[IPADDR_STRLEN];
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(ipaddr_str(&addrs[i], addr)));
	json_array_append_new(arg, json_pack("{s:s,s:o}", "name", name, "addresses", list));
}

char *
app_leases_text(const struct pool *pool, size_t *ret_len)
{
	json_t *leases = json_array();
	if (leases)
		pool_each(pool, append, leases);
	json_t *o = json_pack("{s:i,s:o}", "version", FORMAT, "leases", leases);
	char *text = o ? json_dumps(o, JSON_INDENT(1)) : NULL;
	json_decref(o);
	if (text)
		*ret_len = strlen(text);
	return text;
}

/* --- reading --- */

struct lease {
	const char *name;
	struct ipaddr addrs[POOL_MAX_PREFIXES];
	size_t n;
};

static bool
lease_parse(const json_t *o, struct lease *ret)
{
	const json_t *list = json_object_get(o, "addresses"), *addr;
	size_t i;
	ret->name = json_string_value(json_object_get(o, "name"));
	ret->n = json_array_size(list);
	if (!ret->name || ret->n == 0 || ret->n > POOL_MAX_PREFIXES)
		return false;
	json_array_foreach(list, i, addr) if (!json_is_string(addr) ||
					      !ipaddr_parse(json_string_value(addr), &ret->addrs[i])) return false;
	return true;
}

/* The list of leases when all of it is of the form; NULL else. */
static const json_t *
leases_of(const json_t *o, char *err, size_t errlen)
{
	const json_t *list = json_object_get(o, "leases"), *one;
	struct lease l;
	size_t i;
	if (json_integer_value(json_object_get(o, "version")) != FORMAT || !json_is_array(list)) {
		snprintf(err, errlen, "no list of leases of version %d", FORMAT);
		return NULL;
	}
	json_array_foreach(list, i, one)
	{
		if (lease_parse(one, &l))
			continue;
		snprintf(err, errlen, "lease %zu has not a name and addresses", i + 1);
		return NULL;
	}
	return list;
}

bool
app_leases_restore(struct pool *pool, const char *text, size_t len, struct app_leases_counts *ret, char *err,
		   size_t errlen)
{
	json_error_t why;
	json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why), *one;
	size_t i;
	if (!o) {
		snprintf(err, errlen, "line %d: %s", why.line, why.text);
		return false;
	}
	const json_t *list = leases_of(o, err, errlen);
	*ret = (struct app_leases_counts){ 0 };
	json_array_foreach(list, i, one)
	{
		struct lease l;
		if (lease_parse(one, &l) && pool_restore(pool, l.name, l.addrs, l.n))
			ret->restored++;
		else
			ret->left_out++;
	}
	json_decref(o);
	return list != NULL;
}
