"""Inputs of the targets that take text: configuration, control socket, castctl."""

import json

IDENTITY = 'identity { certificate = a key = b ca = c }\n'
REMOTE = 'remote = {"vpn.example.org:4711", 192.0.2.7, "[2001:db8::7]", "2001:db8::8", h}\n'
PIN = "0123456789abcdefABCDEF" + "0" * 42
PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
SNOOPING = """snooping {
	igmp = yes mld = off igmp-version = 2 mld-version = 1 querier = on querier-address = {10.0.0.1, fe80::1}
	query-interval = 2m query-response-interval = 2500ms startup-query-interval = auto startup-query-count = 3
	last-member-query-interval = 100ms last-member-query-count = auto robustness = 7 membership-interval = 1h
	other-querier-interval = 10 unregistered = drop flood-until-querier = false strict-router-alert = true
	non-ip-multicast = drop max-groups = 16 max-sources = 65535
}
"""
PEERS = """peers {
	max = 4000 router = auto max-macs = 0 max-groups = 1 max-hosts = 1048576 protect-macs = no
	flood-unknown-unicast = false flood-broadcast = false multicast-route = false keepalive = 600s fast-leave = off
	lease-file = "" dns = {10.8.0.1} dns-domains = {corp.example.org, "~."}
	pool = {10.8.0.0/24, "fd08::/64"} routes = {0.0.0.0/0, "fd00:1::/48"}
}
peer bob { duplicates = refuse address = {10.8.0.21, "fd08::21/64"} disabled = true fingerprint = %s }
peer "alice@example.org" { max-macs = 5 router = always address = {"10.8.0.20/24",} }
""" % PIN
TAP = 'tap "cast0" { address = {"10.8.0.1/24", "fd08::1/64"} fast-leave = on router = never }\n'


def conf_seeds():
    server = TAP + "switch { aging = 1 max-macs = 16 mtu = 8000 user = nobody }\n"
    server += "listen { address = {0.0.0.0} port = 1 }\n" + IDENTITY + SNOOPING + PEERS
    server += "control { socket = '/a b/c' }\nlog { level = debug }\n"
    client = REMOTE + "remote-order = random\n" + TAP.split("fast")[0] + "}\nswitch { mtu = 1280 }\n" + SNOOPING
    client += "identity { certificate = '" + PEM + "' key = \"" + PEM + "\" ca = /x "
    client += "crl = '/y' crl-strict = yes server-name = n require-eku = off fingerprints = {" + PIN + ", '"
    client += ":".join(["5a"] * 32) + "'} }\n"
    client += "tunnel { rekey = 24h }\n"
    client += "pull { address = no multicast-route = no mtu = no routes = no dns = no }\ncontrol { socket = s }\n"
    client += "log { level = error }\n"
    least = REMOTE + IDENTITY + "tap t { }\n"
    seeds = {
        "server": server,
        "client": client,
        "client-least": least,
        "client-without": "log { level = info }\n",
        "empty": "",
        "comments": "# one\n// two\n/* three\n*/ log { /* four */ level = info # five\n}\n",
        "comment-open": "log { } /* never",
        "escapes": 'control { socket = "a\\"b\\\\c" }\n' + least.replace("= a ", '= "tab\\there" '),
        "escape-newline": 'control { socket = "a\\\nb" }\n',
        "escape-bad": 'control { socket = "a\\x41" }\n',
        "escape-end": 'control { socket = "a\\',
        "dollar": 'control { socket = "${HOME}" }\ncontrol { socket = $HOME }\n',
        "newline": 'control { socket = "a\\nb" }\ntap "a\nb" { }\n',
        "quote-open": "control { socket = 'abc",
        "backslash": "control { socket = a\\b }\n",
        "slashes": "control { socket = a//b }\n",
        "not-text": "log { level = in\x01fo }\n",
        "delete": "log { level = 'in\x7ffo' }\n",
        "unknown-option": "colour = red\nlog { colour = red }\nremotes = {a}\n",
        "unknown-block": "colour { x = {y} }\nlog { level = info }\n",
        "block-as-option": "log = info\n",
        "block-twice": "log { }\nlog { level = info }\n",
        "block-title": 'log "x" { }\ntap { }\n',
        "block-open": "log { level = info\n",
        "block-missing-brace": "log level = info\n",
        "block-never-closed": "log { level = info\nswitch { mtu = 1400 }\n",
        "option-twice": "log { level = info level = debug }\nremote = {a}\nremote = {b}\n",
        "option-no-value": "log { level = }\n",
        "option-braces": "log { level = {info} }\n",
        "list-no-braces": "remote = a\n" + TAP.replace("{\"", "\"").replace("64\"}", "64\""),
        "list-commas": "remote = {a b}\nlisten { address = {,} }\n",
        "list-empty": "remote = {}\nlisten { address = {} }\n",
        "list-long": "remote = {" + "a," * 65 + "}\n",
        "list-twice": IDENTITY + "listen { address = {1.2.3.4, 1.2.3.4} }\n" +
                      TAP.replace("fd08::1", "::ffff:10.8.0.1"),
        "plus": "remote += {a}\nlog (x)\n",
        "numbers": "switch { mtu = 99999999999999999999 max-macs = -1 aging = 1.5h }\n",
        "numbers-too": "switch { mtu = 0x500 max-macs = 15 aging = 99999999999h }\n",
        "booleans": "snooping { igmp = maybe mld = TRUE unregistered = Flood }\n",
        "addresses": "listen { address = {1.2.3, ::1::, '1.2.3.4/8'} }\ntap t { address = {10.0.0.1, 10.0.0.1/33} }\n",
        "remotes": "remote = {'', ':1', 'a:', 'a:0', 'a:65536', '[::1', '[::1]x', '[1.2.3.4]', 'a b', 'ä'}\n",
        "tap-addresses": "tap t { address = {10.0.0.0/24, 10.0.0.255/24, 0.0.0.0/0, ff02::1/64, ::/0, 10.0.0.1/31} }\n",
        "tap-name": "tap 'a/b' { }\n",
        "tap-name-long": "tap abcdefghijklmnop { }\n",
        "tap-name-dots": "tap .. { }\n",
        "listen-without": "listen { }\nidentity { }\n",
        "listen-multicast": IDENTITY + "listen { address = {224.0.0.1, fe80::1} }\n",
        "response-too-long": "snooping { query-interval = 10s query-response-interval = 10s }\n",
        "response-old": "snooping { query-interval = 200s query-response-interval = 100s igmp-version = 1 "
                        "mld-version = 1 }\n",
        "querier-addresses": "snooping { querier-address = {224.0.0.1, 10.0.0.1} }\n",
        "querier-global": "snooping { querier-address = {2001:db8::1} }\n",
        "peer-names": "peer '' { }\npeer 'a b' { }\npeer a { }\npeer a { }\npeer b { }\npeer a { max-macs = 1 }\n",
        "peer-is-tap": TAP + "peer cast0 { }\n",
        "peer-addresses": TAP + "peer a { address = {10.9.0.1, 10.8.0.1, 10.8.0.255} }\n"
                          "peer b { address = {10.8.0.2} }\npeer c { address = {10.8.0.2} }\n",
        "peer-no-tap": "peer a { address = {10.8.0.2, fd08::2} }\n",
        "pem-lines": "identity { certificate = \"two\nlines\" key = '" + PEM + "' ca = '' }\n",
        "server-name-long": "identity { certificate = a key = b ca = c server-name = " + "n" * 254 + " }\n",
        "pins": "identity { certificate = a key = b fingerprints = {zz, " + PIN + ", " + PIN + "} }\n"
                "peer a { fingerprint = 00 }\n" + "".join("peer %s { fingerprint = %s }\n" % (n, PIN) for n in "bc"),
        "crl-without": "identity { certificate = a key = b crl = c crl-strict = true }\n",
        "crl-strict-without": IDENTITY.replace("}", "crl-strict = true }"),
        "no-authority": "identity { certificate = a key = b }\nlisten { }\n",
        "pool": TAP + "peers { pool = {10.8.0.1/24, 10.9.0.0/16, 10.8.0.0/24, 0.0.0.0/0, fd09::/64, 224.0.0.0/4} }\n",
        "user": "switch { user = '' }\nswitch { user = 'a b' }\n",
        "user-long": "switch { user = " + "u" * 40 + " }\n",
        "parentheses": "log ( )\n",
        "escape-control": 'control { socket = "a\\\1" }\n',
        "ends-in-list": "remote = {a,",
        "ends-in-option": "log { level",
        "ends-in-value": "log { level =",
        "socket-long": "control { socket = " + "s" * 108 + " }\n",
    }
    return {name: text.encode() for name, text in seeds.items()}


def ctl_seeds():
    def lines(*text, chunk=0, times=0, flags=0):
        return bytes([chunk, times, flags]) + b"".join(t + b"\n" for t in text)

    echo = b'{"command":"echo","value":[1,-2.5e3,true,null,{"a":"\\u00e9\\n"}]}'
    fail = b'{"command":"fail","value":"\xc3\xa9\\n\\u001b[m"}'
    seeds = {
        "echo": lines(echo),
        "echo-nothing": lines(b'{"command":"echo"}'),
        "fail": lines(fail, b'{"command":"fail"}'),
        "unknown": lines(b'{"command":"no\\nne\x7f"}', b'{"command":"' + b"x" * 300 + b'"}'),
        "no-command": lines(b"{}", b'{"command":1}', b'{"command":null}'),
        "not-object": lines(b"[]", b"[1,2]"),
        "not-json": lines(b"groups", b'{"command"', b"\xff\xfe", b"{}{}", b'{"a":1,"a":2}', b"1", b'"x"',
                          b'{"a":"\\u0000"}'),
        "blank": lines(b"", b" \t\r", b"\0", b"{}\r"),
        "many": lines(*[echo] * 20),
        "many-times": lines(echo, fail, times=3),
        "bytes": lines(echo, fail, chunk=1),
        "pieces": lines(echo, fail, chunk=7),
        "unfinished": lines(echo) + b'{"command":',
        "hang-up": lines(*[echo] * 20, flags=1),
        "hang-up-unfinished": lines(chunk=3, flags=1) + b'{"command":',
        "program-ends": lines(*[echo] * 20, flags=2),
        "long": lines(times=0xff) + b"x",
        "long-pieces": lines(times=0xff, chunk=255) + b'{"command":"',
        "deep": lines(b'{"command":"echo","value":' + b"[" * 500 + b"]" * 500 + b"}"),
        "deeper": lines(b'{"command":"echo","value":' + b"[" * 2047 + b"]" * 2047 + b"}"),
        "large": lines(b'{"command":"big","value":288}'),
        "large-again": lines(b'{"command":"big","value":144}', times=2),
        "large-hang-up": lines(b'{"command":"big","value":288}', flags=1),
        "big": lines(echo, *[b'{"command":"big"}'] * 3, echo),
    }
    seeds.update(crowd_seeds())
    return seeds


def crowd_seeds():
    """Many clients; see ctl_crowd.h and the tables in ctl_crowd.c."""
    def op(what, arg=0, *more):
        return bytes([what << 5 | arg, *more])

    def connect(n):
        return op(0, n - 1)

    def say(client, line):
        return op(1, client, LINES.index(line))

    def text(client, what):
        return op(2, client, len(what)) + what

    def read(client):
        return op(3, client)

    def shut(client):
        return op(4, client)

    def go(client):
        return op(5, client)

    def wait(ms):
        return op(6, (1, 999, 1000, 1001, 29999, 30000, 30001, 0).index(ms))

    def short(nth):
        return op(7, nth)

    def many(what, clients=range(32)):
        return b"".join(what(client) for client in clients)

    LINES = ("echo", "fail", "echoes", "blank", "end", "big", "bigger", "largest", "long")
    turn = wait(0)
    asking = connect(1) + say(0, "echo") + read(0) + say(0, "fail") + read(0) + say(0, "echoes") + turn + say(0, "end")
    seeds = {
        "full": connect(32) + connect(2),
        "silent": connect(32) + wait(1000) + connect(32) + connect(1),
        "silent-edge": connect(32) + wait(999) + connect(1) + wait(1) + connect(1) + wait(1) + connect(1),
        "silent-one": connect(32) + wait(999) + many(lambda c: say(c, "blank"), range(31)) + wait(1) + connect(2),
        "silent-spoke": connect(32) + wait(1000) + say(0, "echo") + say(1, "end") + wait(1) + connect(31),
        "waiting-stays": connect(32) + say(0, "big") + say(1, "bigger") + wait(1000) + connect(3) + read(0) +
                         connect(1),
        "waiting-all": connect(32) + many(lambda c: say(c, "big")) + wait(1001) + connect(1) + read(31) + connect(2),
        "waiting-turn": connect(32) + wait(1000) + many(lambda c: say(c, "echoes"), [0] * 9) + wait(1001) + connect(32),
        "waiting-blank": connect(32) + many(lambda c: say(c, "big"), range(1, 32)) + text(0, b"\n" * 200 + b"{}\n") +
                         wait(1001) + connect(1),
        "blank-lines": connect(32) + many(lambda c: say(c, "big"), range(1, 32)) + text(0, b"\n" * 200) + wait(1001) +
                       connect(1) + turn * 30 + connect(1),
        "backlog": connect(2) + say(0, "largest") + say(0, "echo") + turn + say(1, "echo") + read(1),
        "backlog-grows": connect(2) + say(0, "bigger") * 2 + say(0, "big") * 3 + say(1, "echo") + turn + read(1),
        "backlog-text": connect(1) + say(0, "largest") + text(0, b"{") + text(0, b"}\n") + turn,
        "large": connect(1) + say(0, "largest") + read(0) + say(0, "echo") + read(0),
        "large-shut": connect(1) + say(0, "largest") + shut(0) + turn + read(0),
        "large-go": connect(1) + say(0, "largest") + go(0) + turn,
        "unread": connect(3) + say(0, "big") + say(1, "echo") + turn + wait(29999) + wait(1) + say(1, "echo") + read(1),
        "unread-read": connect(1) + say(0, "big") + turn + wait(29999) + read(0) + wait(30001) + say(0, "echo"),
        "unread-shut": connect(1) + say(0, "big") + shut(0) + turn + wait(30000),
        "idle": connect(1) + wait(30001) * 8 + say(0, "echo"),
        "pieces": connect(3) + many(lambda c: text(c % 3, b'{"command":"echo","value":1}\n'[c:c + 1]), range(29)),
        "shut": connect(2) + say(0, "echoes") + shut(0) + say(1, "echoes") + shut(1),
        "go": connect(32) + many(lambda c: say(c, "echoes") + go(c)),
        "short": many(lambda n: short(n) + connect(1) + say(0, "echo") + read(0) + go(0)),
        "short-asking": many(lambda n: connect(1) + say(0, "blank") + short(n) + say(0, "echo") + read(0) + go(0)),
        "short-failing": many(lambda n: connect(1) + say(0, "blank") + short(n) + say(0, "fail") + read(0) + go(0)),
        "short-large": connect(1) + say(0, "bigger") + short(31) + read(0) + say(0, "bigger") + read(0),
        "short-turns": many(lambda n: connect(1) + short(n) + say(0, "echoes") + turn + turn + go(0)),
        "short-long": many(lambda n: connect(1) + say(0, "long") * 16 + short(n) + say(0, "long") + go(0), range(4)),
        "long": connect(2) + say(0, "long") * 16 + say(1, "echo") + say(0, "long") * 2 + say(0, "end") + read(0),
        "long-unread": connect(1) + say(0, "big") + say(0, "long") * 17 + turn + wait(30000),
        "long-waits": connect(1) + say(0, "big") + say(0, "long") * 17 + shut(0) + read(0),
        "long-backlog": connect(1) + say(0, "largest") + say(0, "long") * 17 + read(0),
        "asking": asking,
    }
    ends = {"reads": 4, "hangs-up": 5, "left": 6}
    found = {"crowd-" + name: bytes([0, 0, 4]) + script for name, script in seeds.items()}
    found.update({"crowd-end-" + name: bytes([0, 0, flags]) + connect(2) + asking + say(1, "bigger") + say(2, "echoes")
                  for name, flags in ends.items()})
    return found


def castctl_seeds():
    peer = {"name": "alice", "address": "192.0.2.7:4711", "state": "established", "since_s": 12.3, "endpoint": True,
            "aead": "aes-256-gcm", "software": "castswitch 0.1.0", "rx_bytes": 1536, "tx_bytes": 99999999999999999,
            "addresses": ["10.8.0.20/24", 1, "x"]}
    group = {"vlan": 0, "group": "239.1.1.1", "port": "alice", "mode": "exclude", "expires_s": 259.1,
             "sources": [{"source": "10.0.0.9", "state": "blocked"}, {"source": "::1"}],
             "hosts": [{"mac": "02:00:00:00:00:02", "ip": "10.8.0.20"}, {"mac": "02:00:00:00:00:03"}]}
    port = {"name": "cast0", "kind": "tap", "state": "up", "router": True, "rx_frames": 1, "tx_frames": -1, "drops": 0}
    mac = {"vlan": 5, "mac": "02:00:00:00:00:01", "port": "alice", "age_s": 90000, "static": True}
    drop = {"where": "switch", "reason": "replay", "count": 3, "text": "what it means"}
    status = {"program": "castswitchd", "uptime_s": 12.34, "peers": 3, "ok": True, "no": False, "none": None,
              "querier": {"igmp": {"state": "querier"}, "mld": {}}, "listen": ["0.0.0.0:22424", "[::]:22424"],
              "odd": [[1, [2]], {"a": 1}]}
    times = (0, 59, 60, 3599, 3600, 86399, 86400, 1e15, 1e300, -1, 1023, 1024, 2**63 - 1, "x")
    control = "\x1b[2J\x9b\u202e\n\x7f\u20ac\u2028\u0085\U0001f600"
    seeds = {
        "peers": [peer],
        "groups": [group],
        "groups-vlan": [group, dict(group, vlan=5)],
        "ports": [port],
        "fdb": [mac],
        "drops": [drop],
        "status": status,
        "units": [{"age_s": t, "since_s": t, "rx_bytes": t} for t in times],
        "empty-list": [],
        "empty-object": {},
        "not-rows": [1, [], None],
        "text": "x",
        "terminal": [{"name": control, "address": control, "group": control}],
        "terminal-status": {control: "a", "a": [control]},
    }
    texts = {name: json.dumps(value) for name, value in seeds.items()}
    texts["status-deep"] = '{"a":' * 20 + "1" + "}" * 20
    return {name: text.encode() for name, text in texts.items()}
