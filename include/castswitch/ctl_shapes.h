/* What each command's "result" looks like: the contract between the programs and castctl (and everybody else who reads
 * the control socket).  No code; it is a header so that both sides can point at it.
 *
 * Times are seconds as a real number (names end in _s); counters are integers; a MAC is "02:00:00:00:00:01"; an address
 * is in RFC 5952 form.  A member that does not apply is left out.  Readers ignore members they don't know.
 *
 * status (castswitchd)
 *	{"program":"castswitchd", "version":"0.1.0", "uptime_s":12.3, "peers":3, "ports":4, "groups":2, "macs":7,
 *	 "querier":{"igmp":{"state":"querier"|"non-querier"|"off", "address":"10.8.0.1"}, "mld":{...}},
 *	 "listen":["0.0.0.0:22424"], "tap":{"name":"cast0", "mac":"..", "mtu":1400}}
 * status (castswitch)
 *	{"program":"castswitch", "version":"0.1.0", "uptime_s":12.3, "state":"connected", "remote":"192.0.2.7:22424",
 *	 "server":"vpn.example.org", "aead":"aes-256-gcm", "addresses":["10.8.0.20/24"], "tap":{...}, ...}
 *
 * peers
 *	[{"name":"alice", "address":"192.0.2.7:4711", "state":"established", "since_s":12.3, "aead":"aes-256-gcm",
 *	  "endpoint":true, "software":"castswitch 0.1.0", "rx_packets":1, "rx_bytes":1, "tx_packets":1, "tx_bytes":1,
 *	  "addresses":["10.8.0.20/24"]}]
 *
 * groups: one row per VLAN, group and port
 *	[{"vlan":0, "group":"239.1.1.1", "port":"alice", "mode":"exclude"|"include",
 *	  "sources":[{"source":"10.0.0.9", "state":"forward"|"blocked", "expires_s":12.0}],
 *	  "expires_s":259.1, "version":3,
 *	  "hosts":[{"mac":"..", "ip":"10.8.0.20", "mode":"exclude"|"include", "sources":["10.0.0.9"], "age_s":1.2}]}]
 *
 * ports
 *	[{"name":"cast0", "kind":"tap"|"peer"|"nic", "state":"up"|"down", "router":false,
 *	  "rx_frames":1, "rx_bytes":1, "tx_frames":1, "tx_bytes":1, "drops":0}]
 *
 * fdb
 *	[{"vlan":0, "mac":"..", "port":"alice", "age_s":1.2, "static":false}]
 *
 * drops: counters that are not zero
 *	[{"where":"alice"|"switch"|"udp", "reason":"replay", "count":3, "text":"what the reason means"}]
 *
 * help
 *	[{"name":"groups", "help":"who listens to what"}]
 */
#ifndef CASTSWITCH_CTL_SHAPES_H
#define CASTSWITCH_CTL_SHAPES_H

#endif
