/* Values of the switch as JSON, and what a request may ask of them. */
#include "ctl_json.h"

#include "castswitch/ctl_log.h"
#include "ctl_impl.h"

json_t *
ctl_json_mac(const struct mac *m)
{
	char buf[MAC_STRLEN];
	return json_string(mac_str(m, buf));
}

json_t *
ctl_json_ip(const struct ipaddr *a)
{
	char buf[IPADDR_STRLEN];
	return json_string(ipaddr_str(a, buf));
}

double
ctl_json_seconds(nsec_t d)
{
	return (double)(d / NSEC_PER_MSEC) / 1000.0;
}

/* An optional member: NULL when it is missing.  False when it is not a string. */
static bool
read_string(const json_t *request, const char *key, const char **ret, char *err, size_t errlen)
{
	*ret = json_object_get(request, key) ? ctl_request_string(request, key, err, errlen) : NULL;
	return *ret || !json_object_get(request, key);
}

bool
ctl_filter_read(const json_t *request, struct ctl_filter *ret, char *err, size_t errlen)
{
	struct ctl_filter f = { .group = IPADDR_ANY };
	const char *group;

	if (!read_string(request, "group", &group, err, errlen) || !read_string(request, "port", &f.port, err, errlen))
		return false;
	if (group && (!ipaddr_parse(group, &f.group) || !ipaddr_is_multicast(&f.group))) {
		ctl_explain(err, errlen, "'%.64s' is not the address of a group", group);
		return false;
	}
	*ret = f;
	return true;
}
