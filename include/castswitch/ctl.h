/* Control socket, server side: one JSON object per line in, one per line out, over a unix stream socket.
 *
 *   -> {"command":"groups"}
 *   <- {"ok":true,"result":[...]}          or  {"ok":false,"error":"unknown command 'grops' (try help)"}
 *
 * Everything runs in the caller's event loop.  The socket has mode 0660 and the user and group of the process; who may
 * connect is a matter of these and of its directory.  A line that is not JSON, not an object or without a "command" is
 * answered with an error and the connection goes on.
 *
 * Limits (enum below): clients (for one more the one longest silent is closed, or if none has been silent for long, the
 * new one is told so and closed); bytes of a request line (longer: one error answer, then closed); bytes of unread
 * answers (a client that has more and still asks is dropped, and one that reads nothing for 30 s).  No client, however
 * slow or silent, blocks another or the loop; one that stops in the middle of a line only keeps its place.  Requests of
 * one client are answered in order, a few at a time so that it cannot starve the loop.  The program must ignore
 * SIGPIPE.
 *
 * A client that watches is sent lines {"event":...} of what happens, between the answers ({"ok":...}) to what it asks,
 * until it closes its side.  It never makes place for others, so only some may watch, and it may look away for as long
 * as it likes: while more than CTL_WATCH_BACKLOG_MAX bytes are unread, events are not sent but counted, and it is told
 * how many.
 *
 * What each command's "result" looks like, the contract between the programs and castctl (and everybody else who reads
 * the socket):
 *
 * Times are seconds as a real number (names end in _s); counters are integers; a MAC is "02:00:00:00:00:01"; an address
 * is in RFC 5952 form.  A member that does not apply is left out.  Readers ignore members they don't know.
 *
 * status (castswitchd)
 *	{"program":"castswitchd", "version":"0.1.0", "uptime_s":12.3, "peers":3, "ports":4, "groups":2, "macs":7,
 *	 "querier":{"igmp":{"state":"querier"|"non-querier"|"off", "address":"10.8.0.1"}, "mld":{...}},
 *	 "listen":["0.0.0.0:22424"], "tap":{"name":"cast0", "mac":"..", "mtu":1400},
 *	 "nics":[{"name":"eth1", "present":true}], "vlans":[{"vlan":100, "querier":{...}}]}
 *	"querier" is that of VLAN 0; "vlans" are there when the switch is vlan-aware.
 * status (castswitch)
 *	{"program":"castswitch", "version":"0.1.0", "uptime_s":12.3, "state":"connected", "remote":"192.0.2.7:22424",
 *	 "server":"vpn.example.org", "aead":"aes-256-gcm", "path_mtu":1452, "addresses":["10.8.0.20/24"],
 *	 "tap":{...}, ...}
 *
 * peers
 *	[{"name":"alice", "address":"192.0.2.7:4711", "state":"established", "since_s":12.3, "aead":"aes-256-gcm",
 *	  "endpoint":true, "software":"castswitch 0.1.0", "path_mtu":1452, "rx_packets":1, "rx_bytes":1,
 *	  "tx_packets":1, "tx_bytes":1, "addresses":["10.8.0.20/24"]}]
 *	"path_mtu" is the longest UDP payload that we send on this path.
 *
 * groups: one row per VLAN, group and port
 *	[{"vlan":0, "group":"239.1.1.1", "port":"alice", "mode":"exclude"|"include", "static":false,
 *	  "sources":[{"source":"10.0.0.9", "state":"forward"|"blocked", "expires_s":12.0}],
 *	  "expires_s":259.1, "version":3,
 *	  "hosts":[{"mac":"..", "ip":"10.8.0.20", "mode":"exclude"|"include", "sources":["10.0.0.9"], "version":3,
 *	    "age_s":1.2}]}]
 *	"version" is that of IGMP or MLD which the group's oldest host speaks, "age_s" of a host since its last report.
 *	Without "expires_s" a source that is forwarded is so for good.  {"group", "port"} in the request, of which any
 *	may be missing, ask for the rows that have these.
 *
 * watch: the answer, then a line for each event; {"group", "port"} as with groups
 *	{"event":"join"|"leave", "time_s":1795446187.123, "vlan":0, "port":"alice", "group":"239.1.1.1", "mac":".."}
 *	{"event":"router"|"no-router", "time_s":1795446187.123, "vlan":0, "port":"eth1"}
 *	{"event":"querier", "time_s":1795446187.123, "vlan":0, "family":"igmp"|"mld",
 *	 "state":"querier"|"non-querier"|"off", "address":"10.8.0.1", "port":"eth1"}
 *	{"event":"lost", "time_s":1795446187.123, "count":12}
 *	"time_s" is since 1970 (UTC).  "mac" is that of the host whose report it was, if it was one.
 *
 * ports
 *	[{"name":"cast0", "kind":"tap"|"peer"|"nic", "state":"up"|"down"|"suspended", "router":false,
 *	  "rx_frames":1, "rx_bytes":1, "tx_frames":1, "tx_bytes":1, "drops":0}]
 *
 * fdb
 *	[{"vlan":0, "mac":"..", "port":"alice", "age_s":1.2, "static":false, "sticky":false}]
 *
 * drops: counters that are not zero
 *	[{"where":"alice"|"switch"|"udp", "reason":"replay", "count":3, "text":"what the reason means"}]
 *
 * routers: the ports that multicast for unknown listeners goes to, in each VLAN
 *	[{"vlan":0, "port":"eth1", "kind":"static"|"learned", "expires_s":12.0}]
 *
 * reload, {"command":"kick","name":"alice"}, {"command":"log","level":"debug"} (castswitchd): what was done, as a text
 *	"alice is disconnected"
 *
 * help
 *	[{"name":"groups", "help":"who listens to what"}]
 */
#ifndef CASTSWITCH_CTL_H
#define CASTSWITCH_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

struct event_base;
struct ctl;

enum {
	CTL_LINE_MAX = 64 * 1024, /* without the newline */
	CTL_CLIENTS_MAX = 32,
	CTL_WATCHERS_MAX = 16, /* of them */
	CTL_SILENT_MS = 1000, /* the place of a client that is silent for longer may go to another */
	CTL_BACKLOG_MAX = 4 * 1024 * 1024,
	CTL_WATCH_BACKLOG_MAX = 1024 * 1024,
	CTL_COMMANDS_MAX = 64,
	CTL_ERROR_MAX = 256,
};

/* Who sent the request being answered (SO_PEERCRED). */
struct ctl_cred {
	pid_t pid;
	uid_t uid;
	gid_t gid;
};

/* Answers one request, the whole JSON object.  Returns a new reference, or NULL with the reason in err (a few words, no
 * newline).  May not call ctl_close(). */
typedef json_t *ctl_command_fn(void *arg, const json_t *request, char *err, size_t errlen);

/* Opens, binds and listens.  A socket file that nobody listens on any more is replaced; a live one is an error:
 * "another castswitchd is running (socket PATH)".  NULL with the reason in err on failure.  'base' must outlive it. */
struct ctl *ctl_open(struct event_base *base, const char *path, char *err, size_t errlen)
	__attribute__((warn_unused_result));
/* Closes all clients and removes the socket file (if it still is ours). */
void ctl_close(struct ctl *c);

/* Adds a command; 'name' and 'help' (one line) must outlive c.  0, -EEXIST, or -ENOSPC.  "help" exists already: it
 * returns [{"name","help"}] of all commands. */
int ctl_register(struct ctl *c, const char *name, const char *help, ctl_command_fn *fn, void *arg);

/* Within a command: who asked. */
const struct ctl_cred *ctl_caller(const struct ctl *c);
/* Within a command: who asked is sent what is published from here on, of that only events that have all members of
 * 'only' with the same values (consumed; NULL: every event).  False with the reason in err when too many do. */
bool ctl_watch(struct ctl *c, json_t *only, char *err, size_t errlen) __attribute__((warn_unused_result));
/* Whether anybody watches. */
bool ctl_is_watched(const struct ctl *c);
/* Sends {"event":...} (consumed; NULL: out of memory, which counts as lost) with "time_s" to all that watch.  Ends no
 * client and calls nothing, so it may be called from anywhere, within commands too. */
void ctl_publish(struct ctl *c, json_t *event);
/* Connected clients. */
size_t ctl_clients(const struct ctl *c);

#endif
